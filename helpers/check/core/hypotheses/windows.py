"""What becomes of windows by the usual mistakes: read from images (`misread`) or added up (`misplaced`) wrongly.

Windows (N, C, P, Q, R, S) are what convolution and pooling, lowering and gradients have in common. A convolution's
output, its lowered images and its gradient for the filters follow from windows that are read, and so does a pooling's
output; gradients for the images follow from windows that are added up. So each mistake stands here once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from helpers.check.core import convolution_oracle as oracle
from helpers.check.core.ask import Cause
from helpers.check.core.compare import NOTHING, Hypothesis
from helpers.check.core.convolution_oracle import Pair, output_size
from helpers.check.core.geometries import Convolution, Pooling
from helpers.check.core.report import Mistake
from helpers.check.core.student_errors import shapes_there

Case = Convolution | Pooling
Array = np.ndarray
MODES = ("edge", "wrap", "reflect", "symmetric")

SWAPPED_STRIDE = "u and v are swapped: u is the step downwards (rows), v the step across (columns)."
IGNORED_STRIDE = "The stride is ignored: output (p, q) belongs to the window that starts at row p · u and column q · v."
ONE_AXIS = "The stride is applied along one axis only, as if it were {}: rows step by u and columns by v."
ONE_NUMBER = "One number, {}, is used as the stride of both axes: rows step by u and columns by v."
ONE_SIDE = "The zeros lie on one side only: pad above and below, left and right."
AXES_SWAPPED = "Rows and columns of the image are swapped: H comes before W."
WRAPS = (
    "A negative index counts from the end in Python: {} the image, pixels of the opposite edge are read. Pad with "
    "zeros first, or leave out indices below 0."
)
UNREAD = (
    "Nothing is read from {} of the image. "
    "With a test for the border, indices run from 0 to H − 1 and W − 1: `0 <= row < H`."
)
EDGES = (
    (slice(1), slice(1), "the first row and column"),
    (slice(1), slice(0), "the first row"),
    (slice(0), slice(1), "the first column"),
    (slice(-1, None), slice(-1, None), "the last row and column"),
    (slice(-1, None), slice(0), "the last row"),
    (slice(0), slice(-1, None), "the last column"),
)


def through(result: Callable[[Array], Array], of: Sequence[Hypothesis]) -> list[Hypothesis]:
    """What these mistakes make of a result that follows from what they make wrong."""
    return [Hypothesis(one.name, lambda one=one: result(one.result()), one.hint) for one in of]  # type: ignore[misc]


def misread(case: Case, fill: float = 0.0) -> list[Hypothesis]:
    """Windows that are read wrongly: some have more or fewer positions than P · Q.

    fill: what the images are padded with.
    """
    x, (r, s), (u, v), (a, b) = case.x, case.window, case.stride, case.padding
    p, q = case.dy.shape[2:]

    def read(
        stride: Any = (u, v), padding: Any = (a, b), images: Array = x, value: float = fill, mode: str = "constant",
        size: Pair = (r, s),
    ) -> Array:  # fmt: skip
        """As many windows as fit."""
        return oracle.windows(images, size, stride, padding, value, mode)

    def start(stride: Pair, begin: Pair = (0, 0)) -> Array:
        """P × Q windows that start there in the padded images; beyond the edge there is nothing."""
        i, j, k, m = np.ogrid[:p, :q, :r, :s]
        return gathered(case, begin[0] + i * stride[0] + k + 0 * j, begin[1] + j * stride[1] + m + 0 * i, fill)

    def corner(padding: Any) -> Array:
        """As many windows as fit, in the upper left corner of P × Q; the rest is zero."""
        part = read(padding=padding)
        return np.pad(part, ((0, 0), (0, 0), (0, p - part.shape[2]), (0, q - part.shape[3]), (0, 0), (0, 0)))

    def wrapped(top: int, left: int) -> Array:
        """Rows above, or columns left, come from the opposite edge."""
        whole = np.pad(x, ((0, 0), (0, 0), (top, 0), (left, 0)), mode="wrap")
        return read(images=whole, padding=((a - top, a), (b - left, b)))

    def unread(rows: slice, columns: slice) -> Array:
        images = x.copy()
        images[:, :, rows], images[:, :, :, columns] = fill, fill
        return read(images=images)

    def steps(name: str, strides: Sequence[Pair], hint: str) -> list[Hypothesis]:
        """A wrong stride in P and Q, too, or only where windows start."""
        return [*Hypothesis.each(name, read, strides, hint), *Hypothesis.each(name, start, strides, hint)]

    one_sided = (((a, 0), (b, 0)), ((0, a), (0, b)), ((2 * a, 0), (2 * b, 0)), ((0, 2 * a), (0, 2 * b)))
    one_axis = (((a, a), (0, 2 * b)), ((0, 2 * a), (b, b)))
    right, empty = read(), "zeros" if fill == 0 else "−∞, which never wins"
    flipped = "entry (r, s) of the filter belongs to row p·u + r and column q·v + s of the padded image."
    return [
        Hypothesis(
            "flipped-filter",
            lambda: right[..., ::-1, ::-1],
            'Filter or window is flipped along both axes, as in "true" convolution. Here they are multiplied entry by '
            f"entry: {flipped}",
        ),
        Hypothesis("flipped-one-axis", lambda: right[..., ::-1, :], f"The filter is flipped along R: {flipped}"),
        Hypothesis("flipped-one-axis", lambda: right[..., ::-1], f"The filter is flipped along S: {flipped}"),
        *steps("stride-ignored", [(1, 1)], IGNORED_STRIDE),
        *steps("stride-swapped", [(v, u)], SWAPPED_STRIDE),
        *steps("stride-one-axis", [(u, 1), (1, v)], ONE_AXIS),
        *steps("stride-one-number", [(u, u), (v, v)], ONE_NUMBER),
        Hypothesis(
            "padding-ignored",
            lambda: read(padding=(0, 0)),
            "The padding is ignored: pad_h rows of zeros belong above and below the image, "
            "pad_w columns left and right.",
        ),
        Hypothesis(
            "padding-ignored",
            lambda: corner((0, 0)),
            "The output has room for the padding, but the images are not padded: the windows start inside.",
        ),
        *Hypothesis.each(
            "padding-swapped",
            lambda f: f(),
            (lambda: read(padding=(b, a)), lambda: start((u, v), (a - b, b - a))),
            "pad_h and pad_w are swapped: pad_h counts rows (above and below), pad_w columns (left and right).",
        ),
        *Hypothesis.each(
            "padding-one-number",
            lambda one: read(padding=(one, one)),
            (a, b),
            "One number, {}, pads both axes: pad_h counts rows, pad_w columns.",
        ),
        *Hypothesis.each(
            "padding-one-axis",
            lambda one: read(padding=one),
            one_axis,
            "Rows or columns start inside the image, as if only the other axis were padded: the window begins at row "
            "p · u − pad_h and column q · v − pad_w of the image.",
        ),
        Hypothesis("image-transposed", lambda: read(images=x.transpose(0, 1, 3, 2)), AXES_SWAPPED),
        Hypothesis("image-transposed", lambda: read(images=x.reshape(*x.shape[:2], *x.shape[:1:-1])), AXES_SWAPPED),
        *Hypothesis.each(
            "padding-one-axis",
            lambda one: read(padding=one),
            ((a, 0), (0, b)),
            "Only one axis is padded, as if the padding were {}.",
        ),
        *Hypothesis.each("padding-one-side", lambda one: read(padding=one), one_sided, ONE_SIDE),
        *Hypothesis.each("padding-one-side", corner, one_sided[:2], ONE_SIDE),
        Hypothesis(
            "padding-doubled",
            lambda: read(padding=(2 * a, 2 * b)),
            "The padding is twice as wide as it should be: pad rows on each side, not 2 · pad.",
        ),
        *Hypothesis.each(
            "padding-value",
            lambda mode: read(mode=mode),
            MODES,
            f"The padding repeats the image (as numpy's mode {{!r}} does); it should be {empty}.",
        ),
        *Hypothesis.each(
            "padding-value",
            lambda value: read(value=value),
            (1.0, -1.0, float(x.mean()), float(x.min()), -1e30),
            f"The padding is filled with {{:.4g}}; it should be {empty}.",
        ),
        *Hypothesis.each(
            "negative-index",
            lambda ends: wrapped(*ends),
            [(top, left) for top, left in ((a, b), (a, 0), (0, b)) if top or left],
            WRAPS.format("above or left of"),
        ),
        *(Hypothesis("border-not-read", lambda i=i, j=j: unread(i, j), UNREAD.format(at)) for i, j, at in EDGES),  # type: ignore[misc]
        *_cut(right, fill),
        Hypothesis(
            "padding-one-side",
            lambda: read(padding=((a, b), (a, b))) if a != b else NOTHING,
            "The padding of both axes is pad_h before and pad_w behind, as `np.pad` reads a pair. It takes one "
            "pair for each axis: `(pad_h, pad_h)` for the rows, `(pad_w, pad_w)` for the columns.",
        ),
        *(
            Hypothesis(
                "starts-late",
                lambda make=make, i=i, j=j: make(i, j),  # type: ignore[misc]
                f"The first window starts at row {i}, column {j} of the padded image. It starts at row 0, column 0, "
                "and the others u rows and v columns further each.",
            )
            for i in range(max(u, 2))
            for j in range(max(v, 2))
            if i or j
            for make in (lambda i, j: start((u, v), (i, j)), lambda i, j: read(stride=(1, 1))[:, :, i::u, j::v])
        ),
        Hypothesis(
            "dilated",
            lambda: read(stride=(1, 1), size=(u * (r - 1) + 1, v * (s - 1) + 1))[..., ::u, ::v],
            "The stride spreads the entries of filter or window apart (a dilation), and the windows step by 1. It "
            "moves the window: row p · u + r, column q · v + s. (Is it handed on as an argument that means dilation?)",
        ),
        *(
            Hypothesis(
                "index-mixed-up",
                lambda i=i, j=j: gathered(case, i, j, fill),  # type: ignore[misc]
                f"Output (p, q) and filter entry (r, s) use row {row}, column {column} of the padded image; they "
                "should use row p·u + r, column q·v + s.",
            )
            for row, column, i, j in indices(case)
        ),
        Hypothesis(
            "dilated",
            lambda: gathered(case, *_apart(case), fill),
            "The stride spreads the filter's entries apart, row p + r · u; it moves the window: row p · u + r.",
        ),
    ]


def _cut(view: Array, fill: float = 0.0) -> list[Hypothesis]:
    """Windows that are left out, or entries of them that are. fill: what stands for an entry that is left out."""
    small = "The last {} of the output is missing: the size is one too small (`+ 1`)."
    short = "The last {} of windows is left out: {}."
    cut = "The last {} of filter or window is left out: r runs from 0 to R − 1, s from 0 to S − 1."

    def without(*axes: int, value: float = 0.0) -> Array:
        """The last entries along these axes gone."""
        kept = view.copy()
        for axis in axes:
            np.moveaxis(kept, axis, 0)[-1] = value
        return kept

    def square() -> Array:
        kept, least = np.full_like(view, fill), min(view.shape[-2:])
        kept[..., :least, :least] = view[..., :least, :least]
        return kept

    return [
        Hypothesis("output-too-small", lambda: view[:, :, :-1, :-1], small.format("row and column")),
        Hypothesis("output-too-small", lambda: view[:, :, :-1], small.format("row")),
        Hypothesis("output-too-small", lambda: view[:, :, :, :-1], small.format("column")),
        Hypothesis("loop-too-short", lambda: without(2, 3), short.format("row and column", "a loop ends too early")),
        Hypothesis("loop-too-short", lambda: without(2), short.format("row", "p runs from 0 to P − 1")),
        Hypothesis("loop-too-short", lambda: without(3), short.format("column", "q runs from 0 to Q − 1")),
        Hypothesis("filter-cut", lambda: without(-2, -1, value=fill), cut.format("row and column")),
        Hypothesis("filter-cut", lambda: without(-2, value=fill), cut.format("row")),
        Hypothesis("filter-cut", lambda: without(-1, value=fill), cut.format("column")),
        Hypothesis(
            "filter-cut",
            square,
            "Filter or window is taken for a square: r runs from 0 to R − 1 (rows), s from 0 to S − 1 (columns).",
        ),
    ]


def _apart(case: Case) -> tuple[Array, Array]:
    i, j, k, m = np.ogrid[: case.dy.shape[2], : case.dy.shape[3], : case.window[0], : case.window[1]]
    return i + case.stride[0] * k + 0 * (j + m), j + case.stride[1] * m + 0 * (i + k)


# Letters that stand for another ------------------------------------------------------------------------------------


def output_sizes(case: Case) -> Iterator[tuple[int, int, str]]:
    """(P, Q, what is wrong with it) for each single letter taken from the other axis."""
    own = (("H", "W"), ("R", "S"), ("u", "v"), ("pad_h", "pad_w"))
    values = (case.x.shape[2:], case.window, case.stride, case.padding)
    right = [output_size(*(pair[axis] for pair in values)) for axis in (0, 1)]
    for axis, letter in ((0, "P"), (1, "Q")):
        for i, names in enumerate(own):
            mixed = [pair[1 - axis] if j == i else pair[axis] for j, pair in enumerate(values)]
            found = [*right]
            found[axis] = output_size(*mixed)
            if found != right:
                yield found[0], found[1], f"{letter} is computed with {names[1 - axis]} where {names[axis]} belongs"
        found = [right[1 - axis]] * 2
        if found != right:
            yield found[0], found[1], f"{'PQ'[1 - axis]} stands where {letter} belongs"


def explain_shape(case: Case, what: str, shape_of: Callable[[int, int], Sizes]) -> Callable[[Sizes], Mistake | None]:
    """For `verify`: the letter that explains a wrong shape, if one does. shape_of: (P, Q) -> shape of the result."""

    def explained(got: Sizes) -> Mistake | None:
        up = shape_of(*(-(-(n + 2 * pad - size) // step) + 1 for n, size, step, pad in zip(
            case.x.shape[2:], case.window, case.stride, case.padding, strict=True)))
        if got == up != shape_of(*case.dy.shape[2:]):
            return Mistake("size-rounded-up", f"{what} has shape {got}: the number of windows is rounded up, so that "
                           "the last ones hang over the edge (PyTorch's `ceil_mode`). Only windows that lie inside "
                           "count: round down.")
        for p, q, words in output_sizes(case):
            if got == shape_of(p, q):
                return Mistake(
                    "letters-mixed-up",
                    f"{what} has shape {got}; it should be {shape_of(*case.dy.shape[2:])}. Such a shape comes out "
                    f"when {words}: H, R, u and pad_h belong to the rows, W, S, v and pad_w to the columns.",
                )
        return None

    return explained


Sizes = tuple[int, ...]
Index = tuple[str, str, Array, Array]
"""Row and column in words, then as arrays (P, Q, R, S) into the padded images."""


def indices(case: Case) -> Iterator[Index]:
    """Where output (p, q) and filter entry (r, s) meet the image, with one letter wrong."""
    (u, v), (a, b) = case.stride, case.padding
    p, q, r, s = np.ogrid[: case.dy.shape[2], : case.dy.shape[3], : case.window[0], : case.window[1]]
    rows = {
        "q·u + r": q * u + r,
        "p·u + s": p * u + s,
        "p·v + r": p * v + r,
        "p·u − r": p * u - r,
        "p + r": p + r,
        "p·u + r + pad_h": p * u + r + a,
        "p·u + r − pad_h": p * u + r - a,
        "p·u + r − pad_w": p * u + r + a - b,
    }
    columns = {
        "p·v + s": p * v + s,
        "q·v + r": q * v + r,
        "q·u + s": q * u + s,
        "q·v − s": q * v - s,
        "q + s": q + s,
        "q·v + s + pad_w": q * v + s + b,
        "q·v + s − pad_w": q * v + s - b,
        "q·v + s − pad_h": q * v + s + b - a,
    }
    row, column = ("p·u + r", p * u + r), ("q·v + s", q * v + s)
    every = np.zeros((*case.dy.shape[2:], *case.window), dtype=int)
    for words, i in rows.items():
        yield words, column[0], i + every, column[1] + every
    for words, j in columns.items():
        yield row[0], words, row[1] + every, j + every
    yield "q·u + r", "p·v + s", q * u + r + every, p * v + s + every
    yield "p·u + s", "q·v + r", p * u + s + every, q * v + r + every


def gathered(case: Case, i: Array, j: Array, fill: float = 0.0) -> Array:
    """Windows (N, C, P, Q, R, S) read at these places of the padded images; `fill` outside."""
    whole = oracle.padded(case.x, case.padding, fill)
    inside = (i >= 0) & (i < whole.shape[2]) & (j >= 0) & (j < whole.shape[3])
    return np.where(inside, whole[:, :, np.where(inside, i, 0), np.where(inside, j, 0)], fill)


def scattered(case: Case, view: Array, i: Array, j: Array) -> Array:
    """Windows (N, C, P, Q, R, S) added at these places of the padded images and cropped; nothing outside."""
    (n, c, h, w), (a, b) = case.x.shape, case.padding
    whole = np.zeros((n, c, h + 2 * a, w + 2 * b))
    inside = (i >= 0) & (i < whole.shape[2]) & (j >= 0) & (j < whole.shape[3])
    np.add.at(whole, (slice(None), slice(None), i[inside], j[inside]), view[:, :, inside])  # type: ignore[arg-type]
    return whole[:, :, a : a + h, b : b + w]


# Windows that are added up -----------------------------------------------------------------------------------------


def misplaced(case: Case, view: Array, letters: bool = True) -> list[Hypothesis]:
    """What goes wrong when windows (N, C, P, Q, R, S) are added into images. letters: with mixed-up indices, too."""
    (u, v), (a, b), (n, c, h, w) = case.stride, case.padding, case.x.shape
    p, q, r, s = view.shape[2:]
    reached = u * (p - 1) + r - 2 * a, v * (q - 1) + s - 2 * b

    def placed(windows: Array = view, add: bool = True) -> Array:
        return oracle.scatter(windows, case.x.shape, case.stride, case.padding, add)

    def counts() -> Array:
        return placed(np.ones_like(view))

    def grown(strides: Pair, crop: Pair = (a, b)) -> Array:
        """Windows at the wrong places, in an image that is large enough for them; cropped there."""
        tall, wide = max(h, strides[0] * (p - 1) + r) + 2 * a, max(w, strides[1] * (q - 1) + s) + 2 * b
        whole = np.zeros((n, c, tall, wide))
        for i in range(r):
            for j in range(s):
                whole[:, :, i : i + strides[0] * p : strides[0], j : j + strides[1] * q : strides[1]] += view[..., i, j]
        return whole[:, :, crop[0] : crop[0] + h, crop[1] : crop[1] + w]

    def wrapped() -> Array:
        """What hangs over above and left comes back at the far edge."""
        found = whole[:, :, : a + h, : b + w].copy()
        found[:, :, h:] += found[:, :, :a]
        found[:, :, :, w:] += found[:, :, :, :b]
        return found[:, :, a:, b:]

    def clamped(low: bool, high: bool) -> Array:
        """What hangs over comes to the first, or last, row and column."""
        tall, wide = h + 2 * a, w + 2 * b
        found = whole.copy()
        for axis, size, pad, end in ((2, h, a, tall), (3, w, b, wide)):
            lines = np.moveaxis(found, axis, 0)
            if low:
                lines[pad] += lines[:pad].sum(axis=0)
            if high:
                lines[pad + size - 1] += lines[pad + size : end].sum(axis=0)
        return found[:, :, a : a + h, b : b + w]

    def blank(rows: slice, columns: slice) -> Array:
        found = placed()
        found[:, :, rows], found[:, :, :, columns] = 0, 0
        return found

    whole = oracle.scatter(view, (n, c, h + 2 * a, w + 2 * b), case.stride, (0, 0))
    assigned = (
        "Where windows overlap, only the last one is kept; they are summed. Add them (`+=`), and where index arrays "
        "name a pixel several times, with `np.add.at`: `x[index] += …` counts it once."
    )
    zero = (
        "`x[:, :, pad:-pad]` is empty for a padding of 0, because −0 is 0. Crop to `pad : pad + H`. (The padding here "
        f"is {case.padding}.)"
    )
    begins = "the image begins at row pad_h and column pad_w of the padded one."
    unplaced = (
        "Nothing comes back to {} of the image. "
        "With a test for the border, indices run from 0 to H − 1 and W − 1: `0 <= row < H`."
    )
    back = "Each window goes back flipped along {}: entry (r, s) belongs to row p·u + r and column q·v + s."
    return [
        Hypothesis("overlap-assigned", lambda: placed(add=False), assigned),
        Hypothesis("overlap-assigned", lambda: by_window(case, view), assigned),
        Hypothesis(
            "overlap-averaged",
            lambda: np.where(counts() > 0, placed() / np.maximum(counts(), 1), 0),
            "Where windows overlap, their mean is taken; they are summed.",
        ),
        Hypothesis(
            "rest-forgotten",
            lambda: placed()[:, :, : reached[0], : reached[1]] if reached != (h, w) else NOTHING,
            "The last rows and columns, which no window reaches at this stride, are missing. The result has the "
            "shape of x, with zeros there.",
        ),
        *Hypothesis.each(
            "crop-at-zero",
            lambda ends: whole[:, :, a : ends[0], b : ends[1]],
            [ends for ends in ((-a or 0, -b or 0), (-a or None, -b), (-a, -b or None), (-a, -b)) if not (a and b)],
            zero,
        ),
        Hypothesis(
            "not-cropped",
            lambda: whole,
            "The zeros of the padding are still around the result: crop it to (N, C, H, W).",
        ),
        Hypothesis("not-cropped", lambda: whole[:, :, :h, :w], f"The crop is at the wrong place: {begins}"),
        *(
            Hypothesis(
                "crop-one-number",
                lambda start=start: whole[:, :, start : start + h, start : start + w],  # type: ignore[misc]
                f"{words}: {begins}",
            )
            for start, words in (
                (a, "The columns of the result begin at pad_h, as the rows do"),
                (b, "The rows of the result begin at pad_w, as the columns do"),
            )
            if a != b
        ),
        Hypothesis(
            "crop-swapped",
            lambda: whole[:, :, b : b + h, a : a + w],
            f"pad_h and pad_w are swapped in the crop: {begins}",
        ),
        Hypothesis(
            "crop-swapped",
            lambda: whole[:, :, a : h + 2 * a - b, b : w + 2 * b - a] if a != b else NOTHING,
            "The rows of the crop end with pad_w, and the columns with pad_h: each axis begins and ends with its "
            "own.",
        ),
        Hypothesis(
            "crop-written-in",
            lambda: whole[:, :, 1:-1, 1:-1] if (a, b) != (1, 1) else NOTHING,
            f"The crop is always 1 : −1. Crop to `pad : pad + H`. (The padding here is {case.padding}.)",
        ),
        Hypothesis(
            "padding-ignored",
            lambda: grown((u, v), (0, 0)),
            "The padding is ignored: window (p, q) begins at row p · u − pad_h and column q · v − pad_w of the image.",
        ),
        Hypothesis(
            "padding-ignored", lambda: whole[:, :, 2 * a :, 2 * b :], f"The crop is at the wrong place: {begins}"
        ),
        Hypothesis(
            "stride-ignored",
            lambda: grown((1, 1)),
            "The stride is ignored on the way back: window (p, q) lies at row p · u and column q · v. "
            "Right for stride 1 only.",
        ),
        Hypothesis("stride-swapped", lambda: grown((v, u)), SWAPPED_STRIDE),
        *Hypothesis.each("stride-one-axis", grown, ((u, 1), (1, v)), ONE_AXIS),
        *Hypothesis.each("stride-one-number", grown, ((u, u), (v, v)), ONE_NUMBER),
        Hypothesis("flipped-filter", lambda: placed(view[..., ::-1, ::-1]), back.format("R and S")),
        Hypothesis("flipped-one-axis", lambda: placed(view[..., ::-1, :]), back.format("R")),
        Hypothesis("flipped-one-axis", lambda: placed(view[..., ::-1]), back.format("S")),
        *through(placed, _cut(view)[3:]),
        Hypothesis(
            "not-accumulated",
            lambda: placed(np.pad(view[..., -1:, -1:], ((0, 0),) * 4 + ((r - 1, 0), (s - 1, 0)))),
            "Only the last entry of the windows is left. Add all of them.",
        ),
        *(
            Hypothesis(
                "index-mixed-up",
                lambda i=i, j=j: scattered(case, view, i, j),  # type: ignore[misc]
                f"Output (p, q) and filter entry (r, s) use row {row}, column {column} of the padded image; they "
                "should use row p·u + r, column q·v + s.",
            )
            for row, column, i, j in (indices(case) if letters else ())
        ),
        *(Hypothesis("border-not-read", lambda i=i, j=j: blank(i, j), unplaced.format(at)) for i, j, at in EDGES),  # type: ignore[misc]
        *Hypothesis.each(
            "clamped-to-the-edge",
            lambda one: clamped(*one),
            ((True, True), (True, False), (False, True)),
            "What hangs over the edge is added to the pixels of the edge (`clip`, `min` and `max` of the index). It "
            "belongs to the padding: leave it out.",
        ),
        Hypothesis(
            "negative-index",
            wrapped,
            "A negative index counts from the end in Python: what hangs over above and left is added at the opposite "
            "edge. Leave out indices below 0.",
        ),
    ]


def by_window(case: Case, view: Array) -> Array:
    """Windows assigned one after the other, (p, q) in the outer loops."""
    (n, c, h, w), (a, b), (r, s) = case.x.shape, case.padding, view.shape[4:]
    whole = np.zeros((n, c, h + 2 * a, w + 2 * b))
    for p, q in np.ndindex(*view.shape[2:4]):
        i, j = p * case.stride[0], q * case.stride[1]
        whole[:, :, i : i + r, j : j + s] = view[:, :, p, q]
    return whole[:, :, a : a + h, b : b + w]


def averaged(expected: Array, sizes: Sequence[tuple[str, int, str]]) -> list[Hypothesis]:
    """A result that was divided by one of the sizes: (name, size, what the size is)."""
    return [
        Hypothesis(
            name,
            expected / size,
            f"Every entry is 1/{size} of what it should be, and {size} is {words}: "
            "a mean is taken where a sum is needed.",
        )
        for name, size, words in sizes
        if size > 1
    ]


def advice(error: BaseException, what: str) -> str:
    """For `ask`: what an error usually means in a convolution, instead of what it means in a dense layer."""
    kind, text = type(error).__name__, str(error)
    if text.startswith(("u=0", "v=0")):
        return (
            " That is a stride; a padding may be 0, a stride may not. It is `ConvSpec.of(x, w, stride, padding)`, in "
            "this order."
        )
    if "but the spec says" in text:
        return (
            " The spec that is used here is another than the one of forward: with the stride and the padding left out "
            "they are (1, 1) and (0, 0). Make it with both, or keep forward's."
        )
    if "at most half of" in text:
        return (
            " PyTorch's pooling takes no padding of more than half a window, and the formula has no such limit: pad "
            "the images yourself, and pool without padding."
        )
    if "negative" in text and "stride" in text:
        return Cause(
            " PyTorch accepts no array with negative strides, which `[::-1]` makes: copy it first, with `.copy()`."
        )
    shapes = [tuple(int(n) for n in found.split(",") if n) for found in re.findall(r"\(([\d, ]+)\)", text)]
    if what == "add_bias" and ("broadcast" in text or "must match the size" in text):
        arrays = [shape for _, shape in shapes_there(error)]
        flat = 1 in map(len, shapes) and all(shape in arrays for shape in shapes)
        how = "broadcasts b along the last axis of y, the columns" if flat else "matches axes from the last one on"
        turned = "tensor" not in text and any(len(shape) == 4 and shape not in arrays for shape in shapes) and arrays
        cure = "bring it there, beside y with its axes as they are" if turned else "give it the shape (K, 1, 1)"
        return f" Numpy {how}; b belongs to axis 1: {cure}."
    if kind == "ZeroDivisionError":
        return (
            " A padding may be 0, a stride may not: in a call or in the `def` line, are the arguments in the order of "
            "the exercise's text?"
        )
    if "broadcast" in text and len(shapes) == 2 and 0 in shapes[0]:
        return (
            " The right side is empty: `x[:, :, pad:-pad]` is for a padding of 0, because −0 is 0. "
            "Crop to `pad : pad + H`."
        )
    if "broadcast" in text and len(shapes) == 2 and all(map(len, shapes)):
        for side, other in (shapes, shapes[::-1]):
            if len(side) == len(other) > 2 and side[:-1] == other[:-1] and side[-2] == side[-1] != other[-1]:
                return (
                    f" One side is {side[-2]} by {side[-1]}, the other one {other[-2]} by {other[-1]}: is one size "
                    "used for both axes? A window has R rows and S columns, as the filters have."
                )
    if "broadcast" in text and len(shapes) == 2 and shapes[0] != shapes[1] and sorted(shapes[0]) == sorted(shapes[1]):
        return (
            f" The same sizes are in a different order, {shapes[0]} and {shapes[1]}: "
            "two axes are exchanged on one side."
        )
    if "Size of label" in text or "does not match previous terms" in text:
        return " One letter of the einsum stands for axes of different sizes: compare the letters with the shapes."
    if what == "conv_fft" and any(word in text for word in ("broadcast", "matmul", "size")):
        return (
            " Both transforms need the same size, that of the padded images: "
            "`np.fft.rfft2(w, shape)` pads the filter with zeros."
        )
    if kind == "IndexError":
        return (
            " An index runs past the end of its axis. Does each loop go over the size of its own axis, and do windows "
            "that touch the border read from the padded images? (Where places are computed from one number, as `//` "
            "and `%` do: by the right size, and with the `%` of those that begin again?)"
        )
    sizes = any(word in text for word in ("size", "dimension", "shape", "mismatch"))
    if ("matmul" in text and sizes) or "cannot be multiplied" in text:
        return " The left factor needs as many columns as the right one has rows: write down both shapes."
    if "range() arg 3" in text:
        return Cause(" A step of at least 1 is needed: even the smallest workspace holds one column, `max(1, …)`.")
    if "into shape" in text and "broadcast" in text and len(shapes) == 2 and len(shapes[0]) == len(shapes[1]):
        found, place = shapes
        axis = next((i for i, (a, b) in enumerate(zip(found, place, strict=True)) if a not in (b, 1)), 0)
        fewer = found[axis] < place[axis]
        short = " A slice that ends too early, or runs past the end of its axis, has fewer." if fewer else ""
        return (
            f" What is assigned has {found[axis]} entries on axis {axis}, and the place where it is put has "
            f"{place[axis]}.{short}"
        )
    if "cannot reshape" in text and shapes:
        return (
            f" A reshape keeps all numbers, and the new shape has room for {prod(shapes[-1])}. Which of its sizes is "
            f"another than you think? (P and Q count the windows of the padded images, at the stride: `output_size`.)"
            + (
                f" The last two are equal, {shapes[-1][-1]}: images, windows and outputs need not be square."
                if len(shapes[-1]) > 2 and shapes[-1][-1] == shapes[-1][-2]
                else ""
            )
        )
    if "shape-mismatch for sum" in text:
        return (
            " The axes that are multiplied and summed have different sizes in the two arrays: write both shapes down. "
            "A window has R rows and S columns, as the filters have, unless its slice ends elsewhere."
        )
    if not isinstance(error, TypeError) and any(word in text for word in ("broadcast", "shape", "size")):
        return " Write down the shapes of both sides, and what each axis stands for."
    return ""
