"""What max and average pooling and their gradients become by the usual mistakes; those of windows are in `windows`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.check.core import convolution_oracle as oracle
from helpers.check.core.compare import Hypothesis
from helpers.check.core.convolution_oracle import Pair
from helpers.check.core.geometries import Pooling
from helpers.check.core.hypotheses.windows import averaged, explain_shape, misplaced, misread, through
from helpers.check.core.report import Mistake

Array = np.ndarray
SQUARE = "The windows are as {} as they are {}: {}."
ZEROS_COUNT = "Here all R · S entries count, the zeros of the padding too."


def output_shape(case: Pooling) -> Callable[[tuple[int, ...]], Mistake | None]:
    """For `verify`: which letter explains the shape of y, if one does."""
    return explain_shape(case, "y", lambda p, q: (*case.x.shape[:2], p, q))


def forward(case: Pooling, kind: str) -> list[Hypothesis]:
    """y (N, C, P, Q). kind: "max" or "mean"."""
    x, (r, s), (u, v), (p, q) = case.x, case.window, case.stride, case.dy.shape[2:]
    fill = -np.inf if kind == "max" else 0.0

    def over(view: Array) -> Array:
        return np.asarray(getattr(view, kind)(axis=(4, 5)))

    def pool(window: Pair = (r, s), stride: Pair = (u, v), value: float = fill, by: str = kind) -> Array:
        return np.asarray(getattr(oracle.windows(x, window, stride, case.padding, value), by)(axis=(4, 5)))

    def same_size(window: Pair) -> Array:
        """P × Q windows of another size at the right places, cut off at the edge."""
        room = ((0, 0), (0, 0), (0, 9), (0, 9))
        whole = np.pad(oracle.padded(x, case.padding, fill), room, constant_values=fill)
        return over(oracle.windows(whole, window, case.stride, (0, 0), fill))[:, :, :p, :q]

    right, total = pool(), pool(value=0.0, by="sum")
    inside = oracle.windows(np.ones_like(x), *case.geometry).sum(axis=(4, 5))
    of_padding = {
        "max": [
            Hypothesis(
                "padding-wins",
                lambda: pool(value=0.0),
                "The padding of zeros wins where all entries of a window are negative. "
                "Pad with −inf, which is never the maximum.",
            ),
            Hypothesis(
                "starts-at-zero",
                np.maximum(right, 0),
                "The search for the maximum starts at 0, so that negative numbers never win: "
                "start at −inf, or at the first entry.",
            ),
        ],
        "mean": [
            Hypothesis(
                "padding-not-counted",
                lambda: total / inside,
                f"Each sum is divided by the number of entries inside the image. {ZEROS_COUNT}",
            )
        ],
    }
    return [
        *of_padding[kind],
        Hypothesis("width-uses-pool-height", lambda: pool((r, r)), SQUARE.format("wide", "high", "S is the width")),
        Hypothesis("width-uses-pool-height", lambda: pool((s, s)), SQUARE.format("high", "wide", "R is the height")),
        Hypothesis(
            "width-uses-pool-height", lambda: same_size((r, r)), SQUARE.format("wide", "high", "S is the width")
        ),
        Hypothesis(
            "width-uses-pool-height", lambda: same_size((s, s)), SQUARE.format("high", "wide", "R is the height")
        ),
        *Hypothesis.each(
            "window-transposed",
            lambda make: make((s, r)),
            (pool, same_size),
            "R and S are swapped: the window has R rows and S columns.",
        ),
        *Hypothesis.each(
            "window-is-stride",
            lambda make: make((u, v)),
            (pool, same_size),
            "The windows are as large as the stride; they have R rows and S columns, and step by (u, v).",
        ),
        Hypothesis(
            "stride-is-window",
            lambda: pool(stride=(r, s)),
            "The windows step by their own size; they step by the stride, (u, v), and may overlap.",
        ),
        *through(over, misread(case, fill)),
        *Hypothesis.each(
            "pooled-otherwise",
            lambda by: pool(by=by, value=-np.inf if by == "max" else np.inf if by == "min" else 0.0),
            [by for by in ("mean", "max", "min", "sum") if by != kind],
            "This is the {} of each window.",
        ),
        *Hypothesis.each(
            "pooled-otherwise",
            lambda by: pool(by=by, value=0.0),
            [by for by in ("max", "min") if by != kind],
            "This is the {} of each window.",
        ),
        Hypothesis(
            "absolute-value",
            lambda: np.abs(oracle.windows(x, *case.geometry)).max(axis=(4, 5)),
            "The largest absolute value is taken; take the largest value.",
        ),
        Hypothesis(
            "channels-pooled",
            lambda: np.broadcast_to(right.max(axis=1, keepdims=True), right.shape),
            "The maximum runs over the channels, too; each channel is pooled alone.",
        ),
        Hypothesis(
            "rows-columns-swapped",
            right.transpose(0, 1, 3, 2),
            "y has its rows and columns swapped: its shape is (N, C, P, Q).",
        ),
        *Hypothesis.each(
            "divided-by-another-number",
            lambda by: total / by,
            _other_sizes(case) if kind == "mean" else (),
            f"Each sum is divided by {{}}; the window has R · S = {r * s} entries.",
        ),
    ]


def _other_sizes(case: Pooling) -> tuple[int, ...]:
    (r, s), (u, v) = case.window, case.stride
    return r, s, r * r, s * s, u * v, r + s, 4, r * s - 1


def max_backward(case: Pooling, expected: Array, ties: bool = False) -> list[Hypothesis]:
    """The gradient for the images of max pooling, (N, C, H, W). ties: what becomes of equal largest entries, too."""
    (r, s), geometry = case.window, case.geometry
    view = oracle.windows(case.x, *geometry, -np.inf)
    flat = view.reshape(*view.shape[:4], -1)
    best = flat.argmax(axis=-1)
    dy = case.dy[..., None, None]
    grad = (best[..., None, None] == np.arange(r * s).reshape(r, s)) * dy

    def back(windows: Array, add: bool = True) -> Array:
        everywhere = np.broadcast_to(windows, view.shape)
        return oracle.scatter(everywhere, case.x.shape, case.stride, case.padding, add)

    def cropped(whole: Array) -> Array:
        return whole[:, :, case.padding[0] :, case.padding[1] :][:, :, : case.x.shape[2], : case.x.shape[3]]

    def assigned() -> Array:
        """Winners assigned one window entry after the other, the rest left alone."""
        whole = np.zeros(oracle.padded(case.x, case.padding).shape)
        for i, j, rows, columns in oracle.taps(whole.shape, case.window, case.stride):
            part, hit = whole[:, :, rows, columns], best == i * s + j
            part[hit] = case.dy[hit]
        return cropped(whole)

    def by_window() -> Array:
        """Winners assigned window after window."""
        whole = np.zeros(oracle.padded(case.x, case.padding).shape)
        for p, q in np.ndindex(*case.dy.shape[2:]):
            part = whole[:, :, p * case.stride[0] :, q * case.stride[1] :][:, :, :r, :s]
            np.copyto(part, case.dy[:, :, p, q, None, None], where=grad[:, :, p, q] != 0)
        return cropped(whole)

    def decoded(where: tuple[Array, Array], stride: Pair = case.stride) -> Array:
        """Winners taken for this row and column, counted from the window's corner, also where they lie outside."""
        n, c, p, q = np.indices(case.dy.shape)
        at, over = p * stride[0] + where[0], q * stride[1] + where[1]
        room = oracle.padded(case.x, case.padding).shape
        whole = np.zeros((*room[:2], max(room[2], at.max() + 1), max(room[3], over.max() + 1)))
        np.add.at(whole, (n, c, at, over), case.dy)
        return cropped(whole)

    def in_plane(clip: bool) -> Array:
        """Numbers of winners in the padded plane, used in the plane of the image: those too large at its end, or in
        nothing."""
        n, c, p, q = np.indices(case.dy.shape)
        wide = case.x.shape[3] + 2 * case.padding[1]
        number = (p * case.stride[0] + best // s) * wide + q * case.stride[1] + best % s
        flat, inside = np.zeros((*case.x.shape[:2], case.x[0, 0].size)), number < case.x[0, 0].size
        number = np.minimum(number, flat.shape[2] - 1)
        np.add.at(flat, (n, c, number), case.dy if clip else case.dy * inside)
        return flat.reshape(case.x.shape)

    def border_wins(fill: float) -> Array:
        padded = oracle.windows(case.x, *geometry, fill)
        first = padded.reshape(flat.shape).argmax(axis=-1)
        return back((first[..., None, None] == np.arange(r * s).reshape(r, s)) * dy)

    rows, columns = np.arange(r)[:, None], np.arange(s)
    number = (
        "The winner's number in the window is decoded wrongly: number r · S + s is row number // S, column number % S."
    )
    return [
        *(_of_ties(case, view, back) if ties else []),
        *misplaced(case, grad, letters=False),
        Hypothesis("stride-is-window", lambda: decoded((best // s, best % s), (r, s)), "The windows' corners are taken "
                   "to be at (p · R, q · S), as if they stepped by their own size. They step by the stride: (p · u, "
                   "q · v)."),
        *Hypothesis.each(
            "padding-wins",
            border_wins,
            (0.0, float(case.x.min())),
            "The padding, filled with {:.4g}, wins where no entry of a window is larger, and its gradient is lost. Pad "
            "with −inf in forward.",
        ),
        Hypothesis(
            "overlap-assigned",
            assigned,
            "Where windows overlap, the last winner's gradient replaces the others (`=`). A pixel that wins twice "
            "receives the sum: add (`+=`).",
        ),
        Hypothesis(
            "overlap-assigned",
            by_window,
            "A pixel that wins in several windows keeps only the last gradient; it receives the sum of all of them. "
            "(In numpy, `dx[index] += dy` counts a repeated index once; `np.add.at` counts it each time.)",
        ),
        *Hypothesis.each(
            "winner-misread",
            lambda numbers: back((best[..., None, None] == numbers) * dy),
            (rows * r + columns, rows + columns * r, rows + columns * s, rows * s + columns + 1, rows + columns),
            "Backward numbers the entries of a window differently from forward: "
            "argmax over the flattened window gives r · S + s.",
        ),
        Hypothesis(
            "gradient-to-all",
            lambda: back(dy),
            "Every entry of the window gets the gradient; only the winner does: changing any other entry a little "
            "leaves the maximum as it is.",
        ),
        Hypothesis(
            "gradient-shared",
            lambda: back(dy / (r * s)),
            "The gradient is shared among all entries of the window; the winner gets all of it.",
        ),
        Hypothesis("winner-ones", lambda: back(grad != 0), "The winners get 1; they get dy."),
        Hypothesis("winner-ones", lambda: case.x * (expected != 0), "The winners get their own value; they get dy."),
        *(
            Hypothesis(
                "winner-of-padded-plane",
                lambda clip=clip: in_plane(clip),  # type: ignore[misc]
                "The winners are numbered in the padded plane, which is wider than the image, and these numbers are "
                "used in the plane without padding. Scatter into a padded plane, and crop it.",
            )
            for clip in (True, False)
            if any(case.padding)
        ),
        *Hypothesis.each(
            "winner-misread", decoded, ((best // r, best % r), (best % r, best // r), (best % s, best // s)), number
        ),
        Hypothesis(
            "winner-misread",
            lambda: decoded((0 * best, 0 * best)),
            "The gradient goes to the upper left entry of each window; it goes to the winner.",
        ),
        Hypothesis(
            "smallest-wins",
            lambda: oracle.max_pool_backward(-case.x, case.dy, *geometry),
            "The gradient goes to the smallest entry of each window; the largest wins.",
        ),
        Hypothesis(
            "one-image-only",
            lambda: np.concatenate([expected[:1], 0 * expected[1:]]),
            "Only the first image has a gradient.",
        ),
        *averaged(
            expected,
            (
                ("window-averaged", r * s, "the size of the window, R · S"),
                ("images-averaged", len(case.x), "the number of images N"),
            ),
        ),
    ]


def _of_ties(case: Pooling, view: Array, back: Callable[..., Array]) -> list[Hypothesis]:
    ties, dy = view == view.max(axis=(4, 5), keepdims=True), case.dy[..., None, None]

    def elsewhere() -> Array:
        """Each window's dy at the first entry of the plane that is as large as its maximum."""
        plane = case.x.reshape(*case.x.shape[:2], -1)
        found = np.zeros(plane.shape)
        for n, c, p, q in np.ndindex(*case.dy.shape):
            found[n, c, np.argmax(plane[n, c] == view[n, c, p, q].max())] += case.dy[n, c, p, q]
        return found.reshape(case.x.shape)

    return [
        *Hypothesis.each(
            "gradient-to-every-tie",
            lambda add: back(ties * dy, add),
            (True, False),
            "Where several entries tie for the maximum, each gets the whole gradient, so that it counts several times. "
            "Only one of them gets it: keep a position (argmax), not a mask `x == y`.",
        ),
        Hypothesis(
            "winner-in-another-window",
            lambda: elsewhere(),
            "The winner is looked for in the whole image, by its value: where that value stands several times, another "
            "window's entry is found. Look in the window alone.",
        ),
        Hypothesis(
            "gradient-shared-by-ties",
            lambda: back(ties * dy / ties.sum(axis=(4, 5), keepdims=True)),
            "Where several entries tie for the maximum, they share the gradient. That is a possible convention; this "
            "exercise asks for one winner, as in the libraries.",
        ),
    ]


def average_backward(case: Pooling, expected: Array) -> list[Hypothesis]:
    """The gradient for the images of average pooling, (N, C, H, W)."""
    r, s = case.window
    dy = case.dy[..., None, None]
    view = np.broadcast_to(dy / (r * s), (*case.dy.shape, r, s))
    whole = expected * (r * s)

    def back(windows: Any) -> Array:
        return oracle.scatter(windows, case.x.shape, case.stride, case.padding)

    inside = oracle.windows(np.ones_like(case.x), *case.geometry).sum(axis=(4, 5), keepdims=True)
    return [
        *misplaced(case, view, letters=False),
        Hypothesis(
            "gradient-not-divided",
            whole,
            "Each entry gets the whole dy; it gets 1/(R · S) of it, its share in the mean.",
        ),
        *Hypothesis.each(
            "divided-by-another-number",
            lambda by: whole / by,
            (*_other_sizes(case)[:-1], (r * s) ** 2),
            f"dy is divided by {{:g}}; the window has R · S = {r * s} entries.",
        ),
        Hypothesis(
            "padding-not-counted",
            lambda: back(view * (r * s) / inside),
            f"dy is divided by the number of entries inside the image. {ZEROS_COUNT}",
        ),
        Hypothesis(
            "windows-side-by-side",
            lambda: np.repeat(np.repeat(case.dy, r, axis=2), s, axis=3)[
                :, :, case.padding[0] :, case.padding[1] :
            ][:, :, : case.x.shape[2], : case.x.shape[3]] / (r * s),
            "Each dy is repeated R × S times, as if the windows lay side by side. They step by the stride and may "
            "overlap: add each share at row p · u + r, column q · v + s.",
        ),
        Hypothesis(
            "gradient-to-one",
            lambda: back(view * np.pad([[float(r * s)]], ((0, r - 1), (0, s - 1)))),
            "One entry of each window gets everything; in a mean each entry gets the same share.",
        ),
        Hypothesis(
            "width-uses-pool-height",
            lambda: back(np.broadcast_to(dy / (r * r), (*case.dy.shape, r, r))),
            SQUARE.format("wide", "high", "S is the width"),
        ),
    ]


def one_winner_each(got: Array, case: Pooling) -> bool:
    """Whether each window's dy went to one of its largest entries, whichever; of overlapping ones sums tell it."""
    if got.shape != case.x.shape:
        return False
    if case.stride != case.window or case.padding != (0, 0):
        view = oracle.windows(case.x, *case.geometry, -np.inf)
        largest = (view == view.max(axis=(4, 5), keepdims=True)) * 1.0
        best = oracle.scatter(largest, case.x.shape, case.stride, case.padding) > 0
        nothing_lost = np.allclose(got.sum(axis=(2, 3)), case.dy.sum(axis=(2, 3)), atol=1e-4)
        few = ((np.abs(got) > 1e-9).sum(axis=(2, 3)) <= case.dy.shape[2] * case.dy.shape[3]).all()
        return bool(nothing_lost and few and not got[~best].any())
    view, grads = oracle.windows(case.x, *case.geometry), oracle.windows(got, *case.geometry)
    at_maximum = not grads[view < view.max(axis=(4, 5), keepdims=True)].any()
    alone = ((np.abs(grads) > 1e-9).sum(axis=(4, 5)) <= 1).all()
    return bool(at_maximum and alone and np.allclose(grads.sum(axis=(4, 5)), case.dy, atol=1e-4))
