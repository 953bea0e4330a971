"""Mix-ups of two letters, the commonest slip in convolution code: W for H, s for r, v for u, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from helpers.check.core.conv_cases import Case, Guess
from helpers.check.core.conv_oracle import output_size, padded
from helpers.check.core.report import Mistake

Index = tuple[str, str, np.ndarray, np.ndarray]
"""Row and column in words, then as arrays (P, Q, R, S) into the padded images."""


def output_sizes(size: tuple[int, int], window: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> Iterator[tuple[int, int, str]]:
    """(P, Q, what is wrong with it) for each single letter taken from the other axis."""
    own = (("H", "W"), ("R", "S"), ("u", "v"), ("pad_h", "pad_w"))
    values = (size, window, stride, padding)
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


def shape_mistake(got: tuple[int, ...], shape_of: Callable[[int, int], tuple[int, ...]], sizes: Iterator[tuple[int, int, str]], what: str) -> Mistake | None:
    """The mix-up that explains a wrong shape, if one does."""
    for p, q, words in sizes:
        if got == shape_of(p, q):
            return Mistake("letters-mixed-up", f"{what} has shape {got}. That is what comes out when {words}: H, R, u and pad_h belong to the rows, W, S, v and pad_w to the columns.")
    return None


def of_case(case: Case) -> Iterator[tuple[int, int, str]]:
    """`output_sizes` of a convolution."""
    return output_sizes((case.x.shape[2], case.x.shape[3]), case.window, case.stride, case.padding)


def indices(case: Case) -> Iterator[Index]:
    """Where output (p, q) and filter entry (r, s) meet the image, with one letter wrong."""
    (u, v), (a, b) = case.stride, case.padding
    p, q, r, s = np.ogrid[: case.dy.shape[2], : case.dy.shape[3], : case.window[0], : case.window[1]]
    rows = {"q·u + r": q * u + r, "p·u + s": p * u + s, "p·v + r": p * v + r, "p·u − r": p * u - r, "p + r": p + r, "p·u + r + pad_h": p * u + r + a, "p·u + r − pad_h": p * u + r - a, "p·u + r − pad_w": p * u + r + a - b}
    columns = {"p·v + s": p * v + s, "q·v + r": q * v + r, "q·u + s": q * u + s, "q·v − s": q * v - s, "q + s": q + s, "q·v + s + pad_w": q * v + s + b, "q·v + s − pad_w": q * v + s - b, "q·v + s − pad_h": q * v + s + b - a}
    row, column = ("p·u + r", p * u + r), ("q·v + s", q * v + s)
    every = np.zeros((*case.dy.shape[2:], *case.window), dtype=int)
    for words, i in rows.items():
        yield words, column[0], i + every, column[1] + every
    for words, j in columns.items():
        yield row[0], words, row[1] + every, j + every
    yield "q·u + r", "p·v + s", q * u + r + every, p * v + s + every
    yield "p·u + s", "q·v + r", p * u + s + every, q * v + r + every


def gathered(case: Case, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Windows (N, C, P, Q, R, S) read at these places of the padded images; zero outside."""
    whole = padded(case.x, case.padding)
    inside = (i >= 0) & (i < whole.shape[2]) & (j >= 0) & (j < whole.shape[3])
    return np.where(inside, whole[:, :, np.where(inside, i, 0), np.where(inside, j, 0)], 0)


def scattered(case: Case, view: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Windows (N, C, P, Q, R, S) added at these places of the padded images and cropped; nothing outside."""
    (n, c, h, w), (a, b) = case.x.shape, case.padding
    whole = np.zeros((n, c, h + 2 * a, w + 2 * b))
    inside = (i >= 0) & (i < whole.shape[2]) & (j >= 0) & (j < whole.shape[3])
    np.add.at(whole, (slice(None), slice(None), i[inside], j[inside]), view[:, :, inside])  # type: ignore[arg-type]
    return whole[:, :, a : a + h, b : b + w]


def index_guesses(case: Case, result: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> list[Guess]:
    """One guess for each wrong index; `result` makes the result of row and column indices."""
    return [
        Guess("index-mixed-up", partial(result, i, j), f"Output (p, q) and filter entry (r, s) use row {row}, column {column} of the padded image; they should use row p·u + r, column q·v + s.")
        for row, column, i, j in indices(case)
    ]
