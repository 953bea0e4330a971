"""The cases that convolution checks run, and guesses at mistakes that are worked out only when a result is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core import conv_oracle as oracle
from helpers.check.core.calls import array, call
from helpers.check.core.compare import Hypothesis, close, unchanged, verify
from helpers.check.core.conv_oracle import Pair
from helpers.check.core.report import Mistake

Sizes = tuple[int, ...]

CASES: tuple[Sizes, ...] = (
    # N, C, H, W, K, R, S, u, v, pad_h, pad_w; P × Q
    (2, 3, 9, 12, 7, 4, 5, 1, 1, 0, 0),  # 6 × 8
    (2, 3, 8, 9, 7, 5, 4, 1, 1, 1, 2),  # 6 × 10
    (2, 3, 13, 21, 7, 4, 5, 2, 3, 0, 0),  # 5 × 6
    (3, 2, 14, 18, 7, 5, 3, 3, 2, 1, 0),  # 4 × 8
    (1, 1, 5, 4, 1, 2, 1, 1, 1, 0, 1),  # 4 × 6
)
"""Sizes differ within a case, windows overlap, the last rows are not reached at stride 2 and 3, and the last case is full of ones."""


@dataclass(frozen=True)
class Case:
    """One convolution with numbers in it: x (N, C, H, W), w (K, C, R, S), dy (N, K, P, Q), all float64."""

    x: np.ndarray
    w: np.ndarray
    dy: np.ndarray
    stride: Pair
    padding: Pair

    @classmethod
    def of(cls, sizes: Sizes, seed: int) -> Case:
        n, c, h, w, k, r, s, u, v, pad_h, pad_w = sizes
        rng = np.random.default_rng([seed, *sizes])
        y = (n, k, oracle.output_size(h, r, u, pad_h), oracle.output_size(w, s, v, pad_w))
        return cls(rng.normal(size=(n, c, h, w)), rng.normal(size=(k, c, r, s)), rng.normal(size=y), (u, v), (pad_h, pad_w))

    @property
    def window(self) -> Pair:
        return self.w.shape[2], self.w.shape[3]

    @property
    def label(self) -> str:
        """The geometry in words, for messages."""
        if self.stride == (1, 1) and self.padding == (0, 0):
            return "stride 1 and no padding"
        return f"stride {self.stride}, padding {self.padding}"


def cases(sizes: Iterable[Sizes], seed: int) -> Iterator[Case]:
    for each in sizes:
        yield Case.of(each, seed)


@dataclass(frozen=True)
class Guess:
    """A mistake by name, and how to work out what it gives; a guess that is impossible for a geometry fits nothing."""

    name: str
    wrong: Callable[[], np.ndarray]
    hint: str

    def hypothesis(self) -> Hypothesis:
        try:
            with np.errstate(all="ignore"):
                return Hypothesis(self.name, np.asarray(self.wrong(), dtype=np.float64), self.hint)
        except Exception:
            return Hypothesis(self.name, np.full(3, np.nan), self.hint)


def guess_each(name: str, wrong: Callable[[Any], np.ndarray], values: Iterable[Any], hint: str) -> list[Guess]:
    """One guess for each value, which stands for {} in the hint."""
    return [Guess(name, partial(wrong, value), hint.format(value)) for value in values]


def settle(
    got: np.ndarray,
    expected: np.ndarray,
    what: str,
    guesses: Callable[[], Sequence[Guess]],
    numerical: Callable[[], np.ndarray] | None = None,
    shape: Callable[[tuple[int, ...]], Mistake | None] | None = None,
) -> None:
    """`verify`, with guesses that cost nothing as long as the result is right; `shape` may explain a wrong one."""
    if close(got, expected):
        return
    try:
        verify(got, expected, what, [guess.hypothesis() for guess in guesses()], numerical=numerical() if numerical else None)
    except Mistake as mistake:
        explained = shape(got.shape) if shape and mistake.name == "wrong-shape" else None
        raise explained or mistake from None


def result(function: Any, *args: Any, what: str, **named: Any) -> np.ndarray:
    """A student's function on copies of the arrays among `args`, as float64; the copies must stay as they are."""
    return array(value_of(function, *args, what=what, **named), f"the result of {what}")


def value_of(function: Any, *args: Any, what: str, **named: Any) -> Any:
    """As `result`, but whatever the function returns."""
    own = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    try:
        value = call(function, *own, what=what, **named)
    except Mistake as mistake:
        raise _advised(mistake, what) from None
    for before, after in zip(args, own, strict=True):
        if isinstance(before, np.ndarray):
            unchanged(before, after, f"of shape {before.shape}", what)
    return value


def _advised(mistake: Mistake, what: str) -> Mistake:
    """What an error usually means in a convolution, instead of what it means in a dense layer."""
    if mistake.name != "raises":
        return mistake
    text = mistake.message.split(" The shapes don't fit: ")[0].split(" A sum or maximum over an axis ")[0]
    from helpers.check.core.conv_slips import advice  # which needs this module

    if own := advice(text, what):
        text += own
    elif "IndexError" in text:
        text += " An index runs past the end of its axis. Does each loop go over the size of its own axis, and do windows that touch the border read from the padded images?"
    elif "matmul" in text or "cannot be multiplied" in text:
        text += " The left factor needs as many columns as the right one has rows: write down both shapes."
    elif "range() arg 3" in text:
        text += " A step of at least 1 is needed: even the smallest workspace holds one column, `max(1, …)`."
    elif any(word in text for word in ("broadcast", "shape", "size")):
        text += " Write down the shapes of both sides. A window that hangs over the edge is smaller than the others, and P and Q follow from H and W, not the other way round."
    return Mistake(mistake.name, text)


def averaged(expected: np.ndarray, sizes: Sequence[tuple[str, int, str]]) -> list[Guess]:
    """Guesses that a result was divided by one of the sizes: (name, size, what the size is)."""
    return [
        Guess(name, partial(np.divide, expected, size), f"Every entry is 1/{size} of what it should be, and {size} is {words}: a mean is taken where a sum is needed.")
        for name, size, words in sizes
        if size > 1
    ]


def float32_too(function: Any, case: Case, expected: np.ndarray, what: str) -> None:
    """The first case again in float32, as it comes in practice."""
    got = result(function, case.x.astype(np.float32), case.w.astype(np.float32), case.stride, case.padding, what=what)
    if not close(got, expected):
        raise Mistake("float32-fails", f"{what} is right for float64 arrays and wrong for float32 ones. Keep the dtype of the input.")
