"""Checks of Part F: floating-point operations, bytes, the size of the lowered matrix, arithmetic intensity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core.calls import call_each, number
from helpers.check.core.conv_cases import Guess, Sizes, settle
from helpers.check.core.conv_oracle import output_size
from helpers.check.core.report import Mistake, check

MIB = 2**20

LAYERS: tuple[Sizes, ...] = (
    (128, 3, 128, 128, 96, 11, 11, 1, 1, 0, 0),
    (128, 96, 64, 64, 128, 9, 9, 1, 1, 0, 0),
    (5, 7, 30, 43, 11, 3, 2, 2, 3, 1, 0),
    (1, 16, 20, 17, 13, 5, 4, 3, 1, 0, 2),
)


@dataclass(frozen=True)
class _Layers:
    """The eleven parameters of all layers, each an array, and what follows from them."""

    N: Any
    C: Any
    H: Any
    W: Any
    K: Any
    R: Any
    S: Any
    P: Any
    Q: Any
    pad_h: Any
    pad_w: Any
    u: Any
    v: Any

    @classmethod
    def of(cls, layers: Sequence[Sizes]) -> _Layers:
        n, c, h, w, k, r, s, u, v, a, b = np.array(layers, dtype=np.int64).T
        p, q = (np.array([output_size(*sizes) for sizes in zip(*four, strict=True)]) for four in ((h, r, u, a), (w, s, v, b)))
        return cls(*(values.astype(float) for values in (n, c, h, w, k, r, s, p, q, a, b, u, v)))

    @property
    def flops(self) -> np.ndarray:
        return np.asarray(2 * self.N * self.K * self.C * self.R * self.S * self.P * self.Q)

    @property
    def parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Numbers in images, filters, output."""
        return self.N * self.C * self.H * self.W, self.K * self.C * self.R * self.S, self.N * self.K * self.P * self.Q

    @property
    def lowered(self) -> np.ndarray:
        return np.asarray(self.C * self.R * self.S * self.N * self.P * self.Q)

    @property
    def padded(self) -> np.ndarray:
        return np.asarray(self.N * self.C * (self.H + 2 * self.pad_h) * (self.W + 2 * self.pad_w))


def _letters(d: _Layers) -> Iterator[tuple[_Layers, str]]:
    """The layers with one letter taken for another, also inside P and Q."""
    for letter in "NCHWKRSPQ":
        for other in "NCHWKRSPQ":
            if letter != other:
                yield replace(d, **{letter: getattr(d, other)}), f"{other} stands where {letter} belongs"
    own = {"P": ("H", "R", "u", "pad_h"), "Q": ("W", "S", "v", "pad_w")}
    for letter, other in (("P", "Q"), ("Q", "P")):
        for i in range(4):
            names = [own[other][j] if j == i else own[letter][j] for j in range(4)]
            h, r, u, pad = (getattr(d, name) for name in names)
            yield replace(d, **{letter: (h + 2 * pad - r) // u + 1}), f"{letter} is computed with {names[i]} where {own[letter][i]} belongs"


def _mixups(d: _Layers, count: Callable[[_Layers], np.ndarray]) -> list[Guess]:
    """One guess for each letter that may stand for another."""
    return [Guess("letters-mixed-up", partial(count, wrong), f"This is what comes out when {words}.") for wrong, words in _letters(d)]


def _counted(function: Any, what: str, layers: Sequence[Sizes], *more: int) -> np.ndarray:
    """The student's numbers for all layers: function(N, C, H, W, K, R, S, stride, padding, …)."""
    cases = [(*sizes[:7], sizes[7:9], sizes[9:], *more) for sizes in layers]
    return np.array([number(value, f"the result of {what}") for value in call_each(function, cases, what=what)])


def _layer(sizes: Sizes) -> str:
    return f"N={sizes[0]}, C={sizes[1]}, {sizes[2]}×{sizes[3]}, K={sizes[4]}, {sizes[5]}×{sizes[6]}, stride {sizes[7:9]}, padding {sizes[9:]}"


def _over(guess: Guess, unit: Any) -> np.ndarray:
    """What the guess gives, over a unit that brings all entries to about 1."""
    return np.asarray(guess.hypothesis().wrong / unit)


def _settle_each(got: np.ndarray, expected: np.ndarray, what: str, layers: Sequence[Sizes], guesses: Callable[[], Sequence[Guess]]) -> None:
    """One layer's number at a time where no guess explains all of them, so that the sentence can name the layer."""
    if np.allclose(got, expected, rtol=1e-6):
        return
    try:
        settle(got / expected, np.ones_like(expected), what, lambda: [Guess(g.name, partial(_over, g, expected), g.hint) for g in guesses()])
    except Mistake as mistake:
        if mistake.name not in ("differs", "fractions-lost", "imprecise", "clipped"):  # these would speak of shares, not of counts
            raise
        if (expected % 1).any() and any(np.allclose(got, whole(expected), rtol=1e-9) for whole in (np.floor, np.round)):
            raise Mistake("fractions-lost", f"{what} is rounded to whole numbers: divide with `/`.") from None
    i = int(np.flatnonzero(~np.isclose(got, expected, rtol=1e-6))[0])
    raise Mistake("differs", f"{what} for {_layer(layers[i])} should be {expected[i]:.6g}; it is {got[i]:.6g}.")


@check("FLOPs", "F1")
def flops(conv_flops: Any, *, layers: Sequence[Sizes] = LAYERS) -> Iterator[str]:
    """2·N·K·C·R·S·P·Q."""
    d = _Layers.of(layers)

    def guesses() -> list[Guess]:
        return [
            Guess("factor-two-missing", lambda: d.flops / 2, "Half of the operations are missing: each product is also added, so a multiply-add counts as 2."),
            Guess("input-size-for-output", lambda: d.flops / (d.P * d.Q) * d.H * d.W, "H · W stands where P · Q belongs: the filter is applied once for each *output* pixel."),
            Guess("input-size-for-output", lambda: d.flops / (d.P * d.Q) * d.H * d.W / 2, "H · W stands where P · Q belongs, and the factor 2 (multiply and add) is missing."),
            Guess("stride-ignored", lambda: d.flops / (d.P * d.Q) * (d.H + 2 * d.pad_h - d.R + 1) * (d.W + 2 * d.pad_w - d.S + 1), "The stride is not counted: at stride (u, v) there are fewer output pixels, P · Q."),
            Guess("padding-ignored", lambda: d.flops / (d.P * d.Q) * ((d.H - d.R) // d.u + 1) * ((d.W - d.S) // d.v + 1), "The padding is not counted: it makes the output larger."),
            Guess("filters-forgotten", lambda: d.flops / d.K, "K is missing: every filter makes an output of its own."),
            Guess("channels-forgotten", lambda: d.flops / d.C, "C is missing: every output is a sum over all channels, too."),
            Guess("images-forgotten", lambda: d.flops / d.N, "N is missing: this counts one image of the batch."),
            Guess("window-forgotten", lambda: d.flops / (d.R * d.S), "R · S is missing: every output is a sum over the window, too."),
            Guess("in-giga", lambda: d.flops / 1e9, "This is in GFLOP; the function should return plain operations."),
            *_mixups(d, lambda wrong: wrong.flops),
            Guess("additions-counted-exactly", lambda: d.flops / 2 / (d.C * d.R * d.S) * (2 * d.C * d.R * d.S - 1), "A sum of m products is counted as 2m − 1 operations. True, but here, as everywhere, each product counts 2: a multiplication and an addition."),
        ]

    _settle_each(_counted(conv_flops, "conv_flops", layers), d.flops, "the number of operations", layers, guesses)
    yield f"{len(layers)} layers, with and without stride and padding"


def _one_part(d: _Layers, i: int, itemsize: int, wrong: _Layers) -> np.ndarray:
    """The bytes with images (0), filters (1) or output (2) counted wrongly."""
    parts = [*d.parts]
    parts[i] = wrong.parts[i]
    return itemsize * np.asarray(sum(parts))


@check("Bytes that must move", "F2")
def bytes(compulsory_bytes: Any, *, layers: Sequence[Sizes] = LAYERS, itemsizes: Sequence[int] = (4, 8)) -> Iterator[str]:
    """(N·C·H·W + K·C·R·S + N·K·P·Q) · itemsize."""
    d = _Layers.of(layers)
    x, w, y = d.parts
    for b in itemsizes:

        def guesses(b: int = b) -> list[Guess]:
            return [
                Guess("elements-for-bytes", lambda: x + w + y, "This counts numbers; each of them has `itemsize` bytes."),
                Guess("itemsize-ignored", lambda: 4 * (x + w + y), f"Each number is counted as 4 bytes; here a number has {b} (`itemsize`)."),
                Guess("itemsize-ignored", lambda: 8 * (x + w + y), f"Each number is counted as 8 bytes; here a number has {b} (`itemsize`)."),
                Guess("bits-for-bytes", lambda: 8 * b * (x + w + y), "This is in bits; `itemsize` counts bytes already."),
                Guess("filters-forgotten", lambda: b * (x + y), "The filters are not counted; they have to be read, too."),
                Guess("output-forgotten", lambda: b * (x + w), "The output is not counted; it has to be written."),
                Guess("images-forgotten", lambda: b * (w + y), "The images are not counted; they have to be read."),
                Guess("input-size-for-output", lambda: b * (x + w + y / (d.P * d.Q) * d.H * d.W), "The output is counted with H · W; it has P · Q pixels."),
                Guess("padding-counted", lambda: b * (d.padded + w + y), "The zeros of the padding are counted. They need not be loaded: count H · W."),
                Guess("filters-per-image", lambda: b * (x + d.N * w + y), "The filters are counted once for each image; they are the same for all N and have to move once."),
                Guess("output-twice", lambda: b * (x + w + 2 * y), "The output is counted twice; it is written once."),
                Guess("lowered-counted", lambda: b * (d.lowered + w + y), "This counts the lowered matrix. The bytes that *any* algorithm must move are those of the images themselves."),
                Guess("in-mega", lambda: b * (x + w + y) / 1e6, "This is in megabytes; the function should return bytes."),
                *_mixups(d, lambda wrong: b * np.asarray(sum(wrong.parts))),
                *(g for i in range(3) for g in _mixups(d, partial(_one_part, d, i, b))),
            ]

        _settle_each(_counted(compulsory_bytes, "compulsory_bytes", layers, b), b * (x + w + y), f"the count of bytes (numbers of {b} bytes)", layers, guesses)
    yield f"{len(layers)} layers, numbers of {' and '.join(map(str, itemsizes))} bytes"


@check("The lowered matrix in mebibytes", "F3")
def lowered_mebibytes(lowered_mebibytes: Any, *, layers: Sequence[Sizes] = LAYERS, itemsizes: Sequence[int] = (4, 8)) -> Iterator[str]:
    """C·R·S · N·P·Q · itemsize / 2²⁰."""
    d = _Layers.of(layers)
    x, w, y = d.parts
    for b in itemsizes:

        def guesses(b: int = b) -> list[Guess]:
            right = b * d.lowered / MIB
            return [
                Guess("megabytes", lambda: right * MIB / 1e6, "This is in MB (10⁶ bytes); a mebibyte (MiB) has 2²⁰ = 1,048,576."),
                Guess("bytes-for-mebibytes", lambda: right * MIB, "This is in bytes; divide by 2²⁰."),
                Guess("bytes-for-mebibytes", lambda: right * 1024, "This is in KiB; divide the bytes by 2²⁰."),
                Guess("bytes-for-mebibytes", lambda: right * MIB / 1e3, "This is in kilobytes; divide the bytes by 2²⁰."),
                Guess("bytes-for-mebibytes", lambda: right / 1024, "This is in GiB; divide the bytes by 2²⁰."),
                Guess("bytes-for-mebibytes", lambda: right * MIB / 1e9, "This is in gigabytes; divide the bytes by 2²⁰."),
                Guess("elements-for-bytes", lambda: right / b, "This counts numbers, in units of 2²⁰; each of them has `itemsize` bytes."),
                Guess("itemsize-ignored", lambda: right / b * 4, f"Each number is counted as 4 bytes; here a number has {b} (`itemsize`)."),
                Guess("itemsize-ignored", lambda: right / b * 8, f"Each number is counted as 8 bytes; here a number has {b} (`itemsize`)."),
                Guess("filters-for-channels", lambda: right / d.C * d.K, "K · R · S is the wrong height: the lowered images do not depend on the filters. D_m has C · R · S rows."),
                Guess("input-size-for-output", lambda: right / (d.P * d.Q) * d.H * d.W, "H · W stands where P · Q belongs: D_m has one column for each output pixel, N · P · Q."),
                Guess("images-forgotten", lambda: right / d.N, "N is missing: this is the lowered matrix of one image."),
                Guess("filters-for-channels", lambda: right * d.K, "K is counted, too: the lowered images do not depend on the filters. D_m has the shape (C·R·S, N·P·Q)."),
                Guess("channels-forgotten", lambda: right / d.C, "C is missing: D_m has C · R · S rows."),
                Guess("window-forgotten", lambda: right / (d.R * d.S), "R · S is missing: D_m has C · R · S rows."),
                Guess("input-for-lowered", lambda: b * x / MIB, "This is the size of the images before lowering. D_m has the shape (C·R·S, N·P·Q)."),
                Guess("output-for-lowered", lambda: b * y / MIB, "This is the size of the output. D_m has the shape (C·R·S, N·P·Q)."),
                Guess("all-three-counted", lambda: b * (d.lowered + w + y) / MIB, "Filters and output are counted, too; the question is the lowered matrix alone."),
                *_mixups(d, lambda wrong: b * wrong.lowered / MIB),
                Guess("sum-for-product", lambda: b * (d.C * d.R * d.S + d.N * d.P * d.Q) / MIB, "The two sides of the matrix are added; its size is their product."),
            ]

        _settle_each(_counted(lowered_mebibytes, "lowered_mebibytes", layers, b), b * d.lowered / MIB, f"the size in MiB (numbers of {b} bytes)", layers, guesses)
    yield f"{len(layers)} layers, numbers of {' and '.join(map(str, itemsizes))} bytes, 1 MiB = 2²⁰ bytes"


@check("Arithmetic intensity", "F4")
def intensity(arithmetic_intensity: Any, conv_flops: Any, compulsory_bytes: Any, *, layers: Sequence[Sizes] = LAYERS, itemsizes: Sequence[int] = (4, 8)) -> Iterator[str]:
    """FLOPs divided by the bytes that must move; the student's own counts will do, so that a mistake in them costs one point, not two."""
    d = _Layers.of(layers)
    moved = sum(d.parts)
    for b in itemsizes:
        got = _counted(arithmetic_intensity, "arithmetic_intensity", layers, b)
        if _is_own_ratio(got, conv_flops, compulsory_bytes, layers, b):
            continue

        def guesses(b: int = b) -> list[Guess]:
            right = d.flops / (b * moved)
            return [
                Guess("intensity-upside-down", lambda: 1 / right, "Bytes are divided by operations; the intensity is FLOPs per byte."),
                Guess("elements-for-bytes", lambda: right * b, "The operations are divided by the number of array entries; each has `itemsize` bytes."),
                Guess("itemsize-ignored", lambda: right * b / 4, f"`itemsize` is not passed on to the count of bytes: here a number has {b}."),
                Guess("lowered-counted", lambda: d.flops / (b * d.lowered), "The operations are divided by the size of the lowered matrix; the bytes that must move are those of images, filters and output."),
                *_mixups(d, lambda wrong: wrong.flops / (b * np.asarray(sum(wrong.parts)))),
                Guess("factor-two-missing", lambda: right / 2, "The factor 2 of the operations (multiply and add) is missing."),
            ]

        _settle_each(got, d.flops / (b * moved), f"the intensity (numbers of {b} bytes)", layers, guesses)
    yield f"{len(layers)} layers, numbers of {' and '.join(map(str, itemsizes))} bytes"


def _is_own_ratio(got: np.ndarray, conv_flops: Any, compulsory_bytes: Any, layers: Sequence[Sizes], itemsize: int) -> bool:
    """Whether these are the student's own FLOPs over the student's own bytes, which both depend on the layer."""
    try:
        flops, moved = _counted(conv_flops, "conv_flops", layers), _counted(compulsory_bytes, "compulsory_bytes", layers, itemsize)
    except Mistake:
        return False
    return bool(np.ptp(flops) > 0 and np.ptp(moved) > 0 and np.allclose(got, flops / moved, rtol=1e-6))
