"""Convolutions and poolings drawn from a seed, with all that a solution may have forgotten among them.

Strides, paddings and which of two sizes is the larger one are fixed, so that a mistake shows in the same way for every
seed; the sizes themselves and all numbers are drawn. Sizes of one case differ, so that no letter can stand for another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from helpers.check.core.convolution_oracle import Pair, output_size

Sizes = tuple[int, ...]
"""N, C, H, W, K, R, S, u, v, pad_h, pad_w of a convolution; without K of a pooling."""


@dataclass(frozen=True, eq=False)
class Pooling:
    """One pooling with numbers in it: x (N, C, H, W), dy (N, C, P, Q), float64.

    All of x is negative, as padding with zeros must not win.
    """

    x: np.ndarray
    dy: np.ndarray
    window: Pair
    stride: Pair
    padding: Pair

    @classmethod
    def of(cls, sizes: Sizes, seed: int, ties: bool = False) -> Pooling:
        """ties: the entries of x are whole numbers, few of them, so that windows have several largest ones, and those
        of the first channel all the smallest by far, so that a border of any number would win."""
        n, c, h, w, r, s, u, v, pad_h, pad_w = sizes
        rng = np.random.default_rng([seed, *sizes])
        x = -rng.uniform(0.5, 4.0, (n, c, h, w))
        dy = rng.normal(size=(n, c, output_size(h, r, u, pad_h), output_size(w, s, v, pad_w)))
        if ties:
            x = -np.ceil(-x / 2)
            x[0, 0] = -2000.0
        return cls(x, dy, (r, s), (u, v), (pad_h, pad_w))

    @property
    def label(self) -> str:
        """The geometry in words, for messages."""
        return f"windows {self.window[0]} × {self.window[1]}, stride {self.stride}, padding {self.padding}"

    @property
    def geometry(self) -> tuple[Pair, Pair, Pair]:
        return self.window, self.stride, self.padding


@dataclass(frozen=True, eq=False)
class Convolution:
    """One convolution with numbers in it: x (N, C, H, W), w (K, C, R, S), dy (N, K, P, Q), all float64."""

    x: np.ndarray
    w: np.ndarray
    dy: np.ndarray
    stride: Pair
    padding: Pair

    @classmethod
    def of(cls, sizes: Sizes, seed: int) -> Convolution:
        n, c, h, w, k, r, s, u, v, pad_h, pad_w = sizes
        rng = np.random.default_rng([seed, *sizes])
        y = (n, k, output_size(h, r, u, pad_h), output_size(w, s, v, pad_w))
        return cls(
            rng.normal(size=(n, c, h, w)), rng.normal(size=(k, c, r, s)), rng.normal(size=y), (u, v), (pad_h, pad_w)
        )

    @property
    def window(self) -> Pair:
        return self.w.shape[2], self.w.shape[3]

    @property
    def label(self) -> str:
        """The geometry in words, for messages."""
        few = "one image, one channel, one filter, " * (len(self.x) == self.x.shape[1] == len(self.w) == 1)
        few += "filters of one pixel, " * (self.window == (1, 1))
        plain = self.stride == (1, 1) and self.padding == (0, 0)
        return few + ("stride 1 and no padding" if plain else f"stride {self.stride}, padding {self.padding}")

    @property
    def geometry(self) -> tuple[Pair, Pair]:
        return self.stride, self.padding


@dataclass(frozen=True)
class Kind:
    """What is fixed in a drawn geometry: a window from `windows`, and rows and columns that no window reaches."""

    windows: tuple[Pair, ...]
    stride: Pair
    padding: Pair
    rest: Pair = (0, 0)
    images: tuple[int, ...] = (2, 3)
    channels: tuple[int, ...] = (2, 3)
    filters: tuple[int, ...] = (7, 8)
    outputs: range = range(5, 11)
    odd_width: bool | None = None
    """Of the padded images: the inverse of a real Fourier transform has to be told an odd one."""

    def drawn(self, rng: np.random.Generator, tries: int = 100_000) -> Sizes:
        """N, C, H, W, K, R, S, u, v, pad_h, pad_w: few sizes are equal, and there are more columns than rows."""
        for _ in range(tries):
            n, c, k = (int(rng.choice(of)) for of in (self.images, self.channels, self.filters))
            r, s = self.windows[rng.integers(len(self.windows))]
            p, q = sorted(int(i) for i in rng.choice(self.outputs, 2, replace=False))
            h, w = (
                self.stride[i] * (out - 1) + size + self.rest[i] - 2 * self.padding[i]
                for i, (out, size) in enumerate(((p, r), (q, s)))
            )
            counts = [size for size in (n, c, k) if size > 1]
            apart = len(set(counts)) == len(counts) and len({h, w, p, q}) == 4 and not {p, q} & {*counts, r, s}
            swapped = [
                output_size(size, window, self.stride[1 - i], self.padding[i])
                for i, (size, window) in enumerate(((h, r), (w, s)))
            ]
            apart = apart and (self.stride[0] == self.stride[1] or swapped[0] * swapped[1] != p * q)
            parity = self.odd_width is None or (w + 2 * self.padding[1]) % 2 == self.odd_width
            if apart and parity and h < w:
                return n, c, h, w, k, r, s, *self.stride, *self.padding
        raise AssertionError(f"no sizes for {self}")


WIDE, TALL = ((4, 5), (4, 6), (5, 6)), ((5, 4), (6, 4), (6, 5))
ONE_OF_EACH = Kind(((2, 1),), (1, 1), (0, 1), (0, 0), (1,), (1,), (1,), range(3, 10))
STRIDED = (Kind(WIDE, (2, 3), (0, 0), (1, 2)), Kind(TALL, (3, 2), (1, 0), (2, 1)))
CONVOLUTIONS = (
    Kind(WIDE, (1, 1), (0, 0), odd_width=False),
    Kind(TALL, (1, 1), (1, 2), odd_width=True),
    *STRIDED,
    ONE_OF_EACH,
    Kind(((1, 1),), (1, 2), (1, 1), (0, 1), (1,), (3,), (4,)),
)
AT_STRIDE_1 = (*CONVOLUTIONS[:2], Kind(((4, 1), (5, 1)), (1, 1), (2, 1), odd_width=False), ONE_OF_EACH)
SMALL = (
    Kind(((5, 4),), (1, 1), (0, 0), images=(3,), channels=(2,), outputs=range(5, 9)),
    Kind(((3, 4),), (2, 3), (1, 2), (1, 0), (1,), (2,), (17,), range(5, 8)),
)
"""Few programs for Triton's interpreter; sums, columns and filters that are no multiple of a tile of 16."""

POOLINGS = (
    Kind(((2, 5),), (2, 5), (0, 0), filters=(1,), outputs=range(3, 8)),
    Kind(((3, 5), (4, 5)), (2, 3), (0, 0), (1, 2), filters=(1,), outputs=range(4, 9)),
    Kind(((3, 5), (4, 5)), (2, 3), (1, 2), (1, 1), filters=(1,), outputs=range(4, 9)),
    Kind(((5, 3), (5, 4)), (1, 2), (0, 1), (0, 1), filters=(1,), outputs=range(4, 10)),
    Kind(((4, 3),), (1, 2), (1, 0), (0, 1), (1,), (1,), (1,), range(4, 10)),
)


def convolutions(seed: int, kinds: Sequence[Kind] = CONVOLUTIONS) -> list[Convolution]:
    """Stride 1 and others, different along both axes; padding 0, 1 and unequal; rows that no window reaches; filters of
    one pixel, a batch of one. The first has stride 1 and no padding: what is wrong with it is the sum itself."""
    rng = np.random.default_rng([seed, 11])
    return [Convolution.of(kind.drawn(rng), seed) for kind in kinds]


def poolings(seed: int, kinds: Sequence[Kind] = POOLINGS) -> list[tuple[Pooling, Pooling]]:
    """Windows side by side, overlapping, padded; each with all entries different, then with ties."""
    rng = np.random.default_rng([seed, 12])
    sizes = [kind.drawn(rng) for kind in kinds]
    return [
        (Pooling.of((*each[:4], *each[5:]), seed), Pooling.of((*each[:4], *each[5:]), seed, ties=True))
        for each in sizes
    ]


def layers(seed: int) -> list[Sizes]:
    """Convolutions as large as in practice, to be counted: square ones, strided and padded ones, a batch of one."""
    rng = np.random.default_rng([seed, 13])
    square = [
        (int(rng.choice((64, 128))), c, size, size, k, r, r, 1, 1, 0, 0)
        for c, size, k, r in ((3, 128, 96, 11), (96, 64, 128, 9))
    ]
    large, images = range(14, 40), (5, 6, 9)
    kinds = (
        Kind(((3, 2), (4, 3)), (2, 3), (1, 0), (1, 1), images, (7, 8), (10, 11), large),
        Kind(((5, 4), (5, 3)), (1, 3), (0, 2), (0, 2), (1,), (12, 13), (10, 11), large),
    )
    return [*square, *(kind.drawn(rng) for kind in kinds)]
