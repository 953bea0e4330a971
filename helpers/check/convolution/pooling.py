"""Checks of Part D: max pooling with ties and overlap, average pooling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from helpers.check.convolution.lowering import scatter_guesses
from helpers.check.core import conv_oracle as oracle
from helpers.check.core import conv_slips as slips
from helpers.check.core.calls import array
from helpers.check.core.compare import close
from helpers.check.core.conv_cases import Guess, Sizes, averaged, guess_each, result, settle, value_of
from helpers.check.core.conv_mixups import output_sizes, shape_mistake
from helpers.check.core.conv_oracle import Pair
from helpers.check.core.report import Mistake, check

POOLS: tuple[Sizes, ...] = (
    # N, C, H, W, R, S, u, v, pad_h, pad_w; P × Q
    (2, 3, 8, 15, 2, 3, 2, 3, 0, 0),  # 4 × 5, windows side by side
    (2, 3, 9, 17, 3, 4, 2, 3, 0, 0),  # 4 × 5, overlapping
    (3, 2, 7, 10, 3, 5, 2, 2, 1, 2),  # 4 × 5, overlapping, padded
)


@dataclass(frozen=True)
class Pool:
    """One pooling with numbers in it. All of x is negative, as padding with zeros must not win."""

    x: np.ndarray
    dy: np.ndarray
    window: Pair
    stride: Pair
    padding: Pair

    @classmethod
    def of(cls, sizes: Sizes, seed: int, ties: bool = False) -> Pool:
        n, c, h, w, r, s, u, v, pad_h, pad_w = sizes
        rng = np.random.default_rng([seed, *sizes])
        x = -rng.uniform(0.5, 4.0, (n, c, h, w))
        dy = rng.normal(size=(n, c, oracle.output_size(h, r, u, pad_h), oracle.output_size(w, s, v, pad_w)))
        return cls(-np.ceil(-x / 2) if ties else x, dy, (r, s), (u, v), (pad_h, pad_w))

    @property
    def label(self) -> str:
        return f"windows {self.window[0]} × {self.window[1]}, stride {self.stride}, padding {self.padding}"

    @property
    def geometry(self) -> tuple[Pair, Pair, Pair]:
        return self.window, self.stride, self.padding


def _forward(max_pool_forward: Any, case: Pool) -> tuple[np.ndarray, Any]:
    """y as an array, and the winners as they come."""
    value = value_of(max_pool_forward, case.x, *case.geometry, what="max_pool_forward")
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise Mistake("not-two-results", f"max_pool_forward should return two things, `return y, winner`; it returned {'None' if value is None else 'something of type ' + type(value).__name__}.")
    y = array(value[0], "the y of max_pool_forward")
    if isinstance(value[1], np.ndarray) and value[1].dtype.kind == "f" and not close(y, value[1]) and close(value[1], oracle.max_pool(case.x, *case.geometry)):
        raise Mistake("results-swapped", "max_pool_forward returns the winners first; the order is `return y, winner`.")
    return y, value[1]


@check("Max pooling, forward", "D1")
def max_pool_forward(max_pool_forward: Any, *, seed: int = 0, sizes: Sequence[Sizes] = POOLS) -> Iterator[str]:
    """The largest entry of each window; padding never wins."""
    for each in sizes:
        for case in (Pool.of(each, seed), Pool.of(each, seed, ties=True)):
            y, _ = _forward(max_pool_forward, case)
            settle(y, oracle.max_pool(case.x, *case.geometry), f"y for {case.label}", partial(_forward_guesses, case, "max"), shape=partial(_shape, case))
        yield Pool.of(each, seed).label


def _shape(case: Pool, got: tuple[int, ...]) -> Mistake | None:
    sizes = output_sizes((case.x.shape[2], case.x.shape[3]), *case.geometry)
    return shape_mistake(got, lambda p, q: (*case.x.shape[:2], p, q), sizes, "y")


def _forward_guesses(case: Pool, kind: str) -> list[Guess]:
    x, (r, s), (u, v), (pad_h, pad_w) = case.x, case.window, case.stride, case.padding
    fill = -np.inf if kind == "max" else 0.0

    def pool(window: Pair = case.window, stride: Pair = case.stride, padding: Any = case.padding, value: float = fill, over: str = kind) -> np.ndarray:
        view = oracle.windows(x, window, stride, padding, value)
        return np.asarray(getattr(view, over)(axis=(4, 5)))  # max, min, mean or sum

    def without_padding() -> np.ndarray:
        return pool(over="sum", value=0.0) / oracle.windows(np.ones_like(x), *case.geometry).sum(axis=(4, 5))

    other = "the mean" if kind == "max" else "the maximum"
    same: list[Guess] = [
        Guess("padding-wins", lambda: pool(value=0.0), "The padding of zeros wins where all entries of a window are negative. Pad with −inf, which is never the maximum.") if kind == "max" else Guess("padding-not-counted", without_padding, "Each sum is divided by the number of entries inside the image. Here all R · S entries count, the zeros of the padding too."),
        *(Guess("starts-at-zero", lambda: np.maximum(pool(), 0), "The search for the maximum starts at 0, so that negative numbers never win: start at −inf, or at the first entry.") for _ in range(kind == "max")),
        Guess("width-uses-pool-height", lambda: pool(window=(r, r)), "The windows are as wide as they are high: S is the width."),
        Guess("width-uses-pool-height", lambda: pool(window=(s, s)), "The windows are as high as they are wide: R is the height."),
        Guess("width-uses-pool-height", lambda: _same_size(x, (r, r), case), "The windows are as wide as they are high: S is the width."),
        Guess("window-transposed", lambda: pool(window=(s, r)), "R and S are swapped: the window has R rows and S columns."),
        Guess("stride-ignored", lambda: pool(stride=(1, 1)), "The stride is ignored: window p begins at row p · u, window q at column q · v."),
        Guess("stride-is-window", lambda: pool(stride=case.window), "The windows step by their own size; they step by the stride, (u, v), and may overlap."),
        Guess("stride-swapped", lambda: pool(stride=(v, u)), "u and v are swapped: u is the step downwards (rows), v the step across (columns)."),
        *guess_each("stride-one-number", lambda a: pool(stride=(a, a)), (u, v), "One number, {}, is used as the stride of both axes."),
        Guess("padding-ignored", lambda: pool(padding=(0, 0)), "The padding is ignored."),
        Guess("padding-swapped", lambda: pool(padding=(pad_w, pad_h)), "pad_h and pad_w are swapped: pad_h counts rows, pad_w columns."),
        *guess_each("padding-one-number", lambda a: pool(padding=a), ((pad_h, pad_h), (pad_w, pad_w), (pad_h, 0), (0, pad_w)), "The padding is used as if it were {}: pad_h counts rows, pad_w columns."),
        *guess_each("padding-one-side", lambda a: pool(padding=a), (((pad_h, 0), (pad_w, 0)), ((0, pad_h), (0, pad_w)), ((2 * pad_h, 0), (2 * pad_w, 0))), "The padding lies on one side only: pad above and below, left and right."),
        *guess_each("pooled-otherwise", lambda o: pool(over=o, value=0.0), [o for o in ("mean", "max", "min", "sum") if o != kind], "This is the {} of each window."),
        Guess("pooled-otherwise", lambda: pool(over="max" if kind == "mean" else "mean", value=-np.inf if kind == "mean" else 0.0), f"This is {other} of each window."),
        Guess("absolute-value", lambda: np.abs(oracle.windows(x, *case.geometry)).max(axis=(4, 5)), "The largest absolute value is taken; take the largest value."),
        Guess("channels-pooled", lambda: np.broadcast_to(pool().max(axis=1, keepdims=True), pool().shape), "The maximum runs over the channels, too; each channel is pooled alone."),
        Guess("rows-columns-swapped", lambda: pool().transpose(0, 1, 3, 2), "y has its rows and columns swapped: its shape is (N, C, P, Q)."),
        Guess("output-too-small", lambda: pool()[:, :, :-1, :-1], "The last row and column are missing: the output's size is one too small (`+ 1`)."),
    ]
    if kind == "mean":
        total = pool(over="sum")
        same += guess_each("divided-by-another-number", lambda d: total / d, (r, s, r * r, s * s, u * v, r + s, 4, r * s - 1), f"Each sum is divided by {{}}; the window has R · S = {r * s} entries.")
    return same


def _same_size(x: np.ndarray, window: Pair, case: Pool) -> np.ndarray:
    """Windows of another size at the right places, cut off at the edge."""
    _, _, p, q = case.dy.shape
    whole = np.pad(oracle.padded(x, case.padding, -np.inf), ((0, 0), (0, 0), (0, 9), (0, 9)), constant_values=-np.inf)
    return oracle.windows(whole, window, case.stride, (0, 0), -np.inf).max(axis=(4, 5))[:, :, :p, :q]


@check("Max pooling, backward", "D1", builds_on="`max_pool_forward`, which chooses the winners")
def max_pool_backward(max_pool_backward: Any, max_pool_forward: Any, *, seed: int = 0, sizes: Sequence[Sizes] = POOLS) -> Iterator[str]:
    """Each window's gradient goes to one entry, its maximum; overlaps add up; of ties one wins."""
    for each in sizes:
        case = Pool.of(each, seed)
        got = _gradient(max_pool_backward, max_pool_forward, case)
        expected = oracle.max_pool_backward(case.x, case.dy, *case.geometry)
        settle(got, expected, f"dx for {case.label}", partial(_backward_guesses, case, expected))
        yield case.label
        slips.own_winners(got, _gradient(max_pool_backward, max_pool_forward, case, Pool.of(each, seed + 1)), "max_pool_backward")
    for each in sizes:
        case = Pool.of(each, seed, ties=True)
        got = _gradient(max_pool_backward, max_pool_forward, case)
        first, last = (oracle.max_pool_backward(case.x, case.dy, *case.geometry, last=last) for last in (False, True))
        if not close(got, last) and not close(got, first) and not _one_winner_each(got, case):
            settle(got, first, f"dx for windows with several equal maxima ({case.label})", partial(_tie_guesses, case, first))
    yield "of several equal maxima one gets the whole gradient"


def _gradient(max_pool_backward: Any, max_pool_forward: Any, case: Pool, between: Pool | None = None) -> np.ndarray:
    """Forward and backward of one case, with another forward pass in between where one is given."""
    _, winner = _forward(max_pool_forward, case)
    if between:
        _forward(max_pool_forward, between)
    if isinstance(winner, int | np.integer):
        raise Mistake("winner-one-number", f"max_pool_forward returns one number, {winner}, as the winner. Every window has its own: take argmax along the axis of the window's entries.")
    return result(max_pool_backward, case.dy, winner, case.x.shape, *case.geometry, what="max_pool_backward")


def _one_winner_each(got: np.ndarray, case: Pool) -> bool:
    """Side by side, so that each window can be looked at alone: all of its dy in one of its maxima."""
    if got.shape != case.x.shape or case.stride != case.window or case.padding != (0, 0):
        # Where windows overlap, look at the sums: nothing lost, nothing doubled, nothing beside a maximum.
        view = oracle.windows(case.x, *case.geometry, -np.inf)
        best = oracle.scatter((view == view.max(axis=(4, 5), keepdims=True)) * 1.0, case.x.shape, case.stride, case.padding) > 0
        lone = got.shape == case.x.shape and np.allclose(got.sum(axis=(2, 3)), case.dy.sum(axis=(2, 3)), atol=1e-4)
        return bool(lone and not got[~best].any() and _made_of(got, case))
    view, grads = oracle.windows(case.x, *case.geometry), oracle.windows(got, *case.geometry)
    at_maximum = not grads[view < view.max(axis=(4, 5), keepdims=True)].any()
    return bool(at_maximum and ((np.abs(grads) > 1e-9).sum(axis=(4, 5)) <= 1).all() and np.allclose(grads.sum(axis=(4, 5)), case.dy, atol=1e-4))


def _made_of(got: np.ndarray, case: Pool) -> bool:
    """Whether there are at most as many entries as windows."""
    return bool(((np.abs(got) > 1e-9).sum(axis=(2, 3)) <= case.dy.shape[2] * case.dy.shape[3]).all())


def _backward_guesses(case: Pool, expected: np.ndarray) -> list[Guess]:
    (r, s), geometry = case.window, case.geometry
    view = oracle.windows(case.x, *geometry, -np.inf)
    flat = view.reshape(*view.shape[:4], -1)
    best = flat.argmax(axis=-1)
    grad = ((np.arange(r * s) == best[..., None]) * case.dy[..., None]).reshape(view.shape)

    def decoded(i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Winners read with another window size."""
        placed = (np.arange(r)[:, None] == i[..., None, None]) & (np.arange(s) == j[..., None, None])
        return oracle.scatter(placed * case.dy[..., None, None], case.x.shape, case.stride, case.padding)

    def assigned() -> np.ndarray:
        """Winners assigned one window entry after the other, the rest left alone."""
        whole = np.zeros(oracle.padded(case.x, case.padding).shape)
        for i, j, rows, columns in oracle.taps(whole.shape, case.window, case.stride):
            part, hit = whole[:, :, rows, columns], best == i * s + j
            part[hit] = case.dy[hit]
        return whole[:, :, case.padding[0] :, case.padding[1] :][:, :, : case.x.shape[2], : case.x.shape[3]]

    def by_window() -> np.ndarray:
        """Winners assigned window after window."""
        whole = np.zeros(oracle.padded(case.x, case.padding).shape)
        for p, q in np.ndindex(*case.dy.shape[2:]):
            part = whole[:, :, p * case.stride[0] :, q * case.stride[1] :][:, :, :r, :s]
            np.copyto(part, case.dy[:, :, p, q, None, None], where=grad[:, :, p, q] != 0)
        return whole[:, :, case.padding[0] :, case.padding[1] :][:, :, : case.x.shape[2], : case.x.shape[3]]

    def numbered(number: np.ndarray) -> np.ndarray:
        """Entries of the window numbered in another way than winners are."""
        return oracle.scatter((best[..., None, None] == number) * case.dy[..., None, None], case.x.shape, case.stride, case.padding)

    rows, columns = np.arange(r)[:, None], np.arange(s)
    everywhere = np.broadcast_to(case.dy[..., None, None], view.shape)
    return [
        *scatter_guesses(grad, expected, case.x.shape, case.stride, case.padding),
        Guess("padding-wins", lambda: _zeros_win(case), "The padding of zeros wins where all entries of a window are negative, and its gradient is lost. Pad with −inf in forward."),
        Guess("overlap-assigned", assigned, "Where windows overlap, the last winner's gradient replaces the others (`=`). A pixel that wins twice receives the sum: add (`+=`)."),
        Guess("overlap-assigned", by_window, "A pixel that wins in several windows keeps only the last gradient; it receives the sum of all of them. (In numpy, `dx[index] += dy` counts a repeated index once; `np.add.at` counts it each time.)"),
        *guess_each("winner-misread", numbered, (rows * r + columns, rows + columns * r, rows + columns * s, rows * s + columns + 1, rows + columns), "Backward numbers the entries of a window differently from forward: argmax over the flattened window gives r · S + s."),
        Guess("gradient-to-all", lambda: oracle.scatter(everywhere, case.x.shape, case.stride, case.padding), "Every entry of the window gets the gradient; only the winner does: changing any other entry a little leaves the maximum as it is."),
        Guess("gradient-shared", lambda: oracle.scatter(everywhere / (r * s), case.x.shape, case.stride, case.padding), "The gradient is shared among all entries of the window; the winner gets all of it."),
        Guess("winner-ones", lambda: oracle.scatter((grad != 0) * 1.0, case.x.shape, case.stride, case.padding), "The winners get 1; they get dy."),
        Guess("winner-ones", lambda: case.x * (expected != 0), "The winners get their own value; they get dy."),
        Guess("winner-misread", lambda: decoded(best // r, best % r), "The winner's number in the window is decoded with the wrong size: number r · S + s is row number // S, column number % S."),
        Guess("winner-misread", lambda: decoded(best % r, best // r), "The winner's number in the window is decoded with quotient and remainder exchanged: number r · S + s is row number // S, column number % S."),
        Guess("winner-misread", lambda: decoded(best % s, best // s), "Row and column of the winner are swapped: number r · S + s is row number // S, column number % S."),
        Guess("winner-misread", lambda: decoded(0 * best, 0 * best), "The gradient goes to the upper left entry of each window; it goes to the winner."),
        Guess("smallest-wins", lambda: oracle.max_pool_backward(-case.x, case.dy, *geometry), "The gradient goes to the smallest entry of each window; the largest wins."),
        Guess("one-image-only", lambda: np.concatenate([expected[:1], 0 * expected[1:]]), "Only the first image has a gradient."),
        *averaged(expected, (("window-averaged", r * s, "the size of the window, R · S"), ("images-averaged", len(case.x), "the number of images N"))),
    ]


def _zeros_win(case: Pool) -> np.ndarray:
    """The gradient where forward has padded with zeros."""
    view = oracle.windows(case.x, *case.geometry)
    flat = view.reshape(*view.shape[:4], -1)
    hit = np.arange(flat.shape[-1]) == flat.argmax(axis=-1)[..., None]
    return oracle.scatter((hit * case.dy[..., None]).reshape(view.shape), case.x.shape, case.stride, case.padding)


def _tie_guesses(case: Pool, expected: np.ndarray) -> list[Guess]:
    view = oracle.windows(case.x, *case.geometry, -np.inf)
    ties = view == view.max(axis=(4, 5), keepdims=True)
    dy = case.dy[..., None, None]

    def back(grad: np.ndarray) -> np.ndarray:
        return oracle.scatter(grad, case.x.shape, case.stride, case.padding)

    to_all = "Where several entries tie for the maximum, each gets the whole gradient, so that it counts several times. Only one of them gets it: keep a position (argmax), not a mask `x == y`."
    return [
        Guess("gradient-to-every-tie", lambda: back(ties * dy), to_all),
        Guess("gradient-to-every-tie", lambda: oracle.scatter(ties * dy, case.x.shape, case.stride, case.padding, add=False), to_all),
        Guess("gradient-shared-by-ties", lambda: back(ties * dy / ties.sum(axis=(4, 5), keepdims=True)), "Where several entries tie for the maximum, they share the gradient. That is a possible convention; this exercise asks for one winner, as in the libraries."),
        *_backward_guesses(case, expected),
    ]


@check("Average pooling", "D2")
def average_pool(average_pool_forward: Any, average_pool_backward: Any, *, seed: int = 0, sizes: Sequence[Sizes] = POOLS) -> Iterator[str]:
    """The mean over all R · S entries, and its gradient in equal parts."""
    for each in sizes:
        case = Pool.of(each, seed)
        y = result(average_pool_forward, case.x, *case.geometry, what="average_pool_forward")
        settle(y, oracle.average_pool(case.x, *case.geometry), f"y for {case.label}", partial(_forward_guesses, case, "mean"), shape=partial(_shape, case))
        expected = oracle.average_pool_backward(case.dy, case.x.shape, *case.geometry)
        got = result(average_pool_backward, case.dy, case.x.shape, *case.geometry, what="average_pool_backward")
        settle(got, expected, f"dx for {case.label}", partial(_average_guesses, case, expected))
        yield case.label


def _average_guesses(case: Pool, expected: np.ndarray) -> list[Guess]:
    r, s = case.window
    view = np.broadcast_to(case.dy[..., None, None] / (r * s), (*case.dy.shape, r, s))
    inside = oracle.windows(np.ones_like(case.x), *case.geometry).sum(axis=(4, 5))[..., None, None]
    whole = expected * (r * s)
    return [
        *scatter_guesses(view, expected, case.x.shape, case.stride, case.padding),
        Guess("gradient-not-divided", lambda: whole, "Each entry gets the whole dy; it gets 1/(R · S) of it, its share in the mean."),
        *guess_each("divided-by-another-number", lambda d: whole / d, (r, s, r * r, s * s, case.stride[0] * case.stride[1], r + s, 4, (r * s) ** 2), f"dy is divided by {{:g}}; the window has R · S = {r * s} entries."),
        Guess("padding-not-counted", lambda: oracle.scatter(view * (r * s) / inside, case.x.shape, case.stride, case.padding), "dy is divided by the number of entries inside the image. Here all R · S entries count, the zeros of the padding too."),
        Guess("gradient-to-one", lambda: oracle.scatter(view * np.pad([[float(r * s)]], ((0, r - 1), (0, s - 1))), case.x.shape, case.stride, case.padding), "One entry of each window gets everything; in a mean each entry gets the same share."),
        Guess("width-uses-pool-height", lambda: oracle.scatter(np.broadcast_to(case.dy[..., None, None] / (r * r), (*case.dy.shape, r, r)), case.x.shape, case.stride, case.padding), "The windows are as wide as they are high: S is the width."),
    ]
