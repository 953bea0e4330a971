"""Checks of Part F: floating-point operations, bytes, the size of the lowered matrix, arithmetic intensity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from helpers.check.convolution import probes
from helpers.check.core import relations
from helpers.check.core.ask import Answer, ask, number
from helpers.check.core.compare import Hypothesis, close, verify
from helpers.check.core.convolution_oracle import output_size
from helpers.check.core.geometries import Sizes
from helpers.check.core.geometries import layers as layers_of
from helpers.check.core.hypotheses.arguments import mixed_up
from helpers.check.core.hypotheses.windows import through
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check

MIB = 2**20
ITEMSIZES = (4, 8, 2)
AGREE = 1e-6
Count = Callable[["Layers"], np.ndarray]
LETTERS = ("N", "C", "H", "W", "K", "R", "S", "u", "v", "pad_h", "pad_w")


@dataclass(frozen=True)
class Layers:
    """The eleven parameters of several convolutions, each an array, and what follows from them."""

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
    def of(cls, layers: Sequence[Sizes]) -> Layers:
        n, c, h, w, k, r, s, u, v, a, b = np.array(layers, dtype=np.int64).T
        p, q = (
            np.array([output_size(*sizes) for sizes in zip(*of, strict=True)]) for of in ((h, r, u, a), (w, s, v, b))
        )
        return cls(*(values.astype(float) for values in (n, c, h, w, k, r, s, p, q, a, b, u, v)))

    @classmethod
    def of_arrays(cls, *parameters: Any) -> Layers:
        """Of the eleven parameters, an array of each."""
        n, c, h, w, k, r, s, u, v, a, b = parameters
        return cls(n, c, h, w, k, r, s, (h + 2 * a - r) // u + 1, (w + 2 * b - s) // v + 1, a, b, u, v)

    @property
    def flops(self) -> np.ndarray:
        return np.asarray(2 * self.N * self.K * self.C * self.R * self.S * self.P * self.Q)

    @property
    def parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Numbers in images, filters, output."""
        return self.N * self.C * self.H * self.W, self.K * self.C * self.R * self.S, self.N * self.K * self.P * self.Q

    @property
    def moved(self) -> np.ndarray:
        return np.asarray(sum(self.parts))

    @property
    def lowered(self) -> np.ndarray:
        return np.asarray(self.C * self.R * self.S * self.N * self.P * self.Q)

    @property
    def padded(self) -> np.ndarray:
        return np.asarray(self.N * self.C * (self.H + 2 * self.pad_h) * (self.W + 2 * self.pad_w))

    def of_output(self, p: Any, q: Any) -> Layers:
        """With another size of the output."""
        return replace(self, P=p, Q=q)


def _letters(d: Layers) -> Iterator[tuple[Layers, str]]:
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
            words = f"{letter} is computed with {names[i]} where {own[letter][i]} belongs"
            yield replace(d, **{letter: (h + 2 * pad - r) // u + 1}), words


def _mixed_up(d: Layers, count: Count) -> list[Hypothesis]:
    """One hypothesis for each letter that may stand for another."""
    return [
        Hypothesis("letters-mixed-up", partial(count, wrong), f"This is what comes out when {words}.")
        for wrong, words in _letters(d)
    ]


def _of_output(d: Layers, count: Count) -> list[Hypothesis]:
    """What is counted with another size of the output than P × Q."""
    same = d.of_output(d.H + 2 * d.pad_h - d.R + 1, d.W + 2 * d.pad_w - d.S + 1)
    unpadded = d.of_output((d.H - d.R) // d.u + 1, (d.W - d.S) // d.v + 1)
    return [
        Hypothesis(
            "input-size-for-output",
            lambda: count(d.of_output(d.H, d.W)),
            "H · W stands where P · Q belongs: the filter is applied once for each *output* pixel.",
        ),
        Hypothesis(
            "stride-ignored",
            lambda: count(same),
            "The stride is not counted: at stride (u, v) there are fewer output pixels, P · Q.",
        ),
        Hypothesis(
            "stride-ignored",
            lambda: count(d.of_output(d.H - d.R + 1, d.W - d.S + 1)),
            "Neither stride nor padding is counted: P and Q are those of `output_size`, with both.",
        ),
        Hypothesis(
            "same-size-for-output",
            lambda: count(d.of_output(-(-d.H // d.u), -(-d.W // d.v))),
            "The output is taken to have ⌈H / u⌉ × ⌈W / v⌉ pixels, as where a padding keeps the size (\"same\"). P and "
            "Q are those of `output_size`, with the padding that is given.",
        ),
        Hypothesis(
            "padding-ignored", lambda: count(unpadded), "The padding is not counted: it makes the output larger."
        ),
    ]


def _of_bytes(numbers: np.ndarray, itemsize: int, unit: float = 1) -> list[Hypothesis]:
    """Numbers of `itemsize` bytes that are counted with another size, in units of so many bytes."""
    right = itemsize * numbers / unit
    other = f"Each number is counted as {{}} bytes; here a number has {itemsize} (`itemsize`)."
    return [
        Hypothesis("elements-for-bytes", numbers / unit, "This counts numbers; each of them has `itemsize` bytes."),
        *Hypothesis.each("itemsize-ignored", lambda size: numbers * size / unit, (4, 8), other),
        Hypothesis("bits-for-bytes", 8 * right, "This is in bits; `itemsize` counts bytes already."),
    ]


def _arguments(layers: Sequence[Sizes], *more: int) -> list[tuple[Any, ...]]:
    """What the functions are called with: N, C, H, W, K, R, S, stride, padding, …"""
    return [(*sizes[:7], sizes[7:9], sizes[9:], *more) for sizes in layers]


def _counted(seen: Answer, what: str, layers: Sequence[Sizes]) -> np.ndarray:
    """The student's numbers for all layers."""
    return np.array([number(seen[str(i)], f"the result of {what}") for i in range(len(layers))])


def _layer(sizes: Sizes) -> str:
    n, c, h, w, k, r, s = sizes[:7]
    return f"N={n}, C={c}, {h}×{w}, K={k}, {r}×{s}, stride {sizes[7:9]}, padding {sizes[9:]}"


def _verify_counts(
    got: np.ndarray, expected: np.ndarray, what: str, layers: Sequence[Sizes], wrong: Callable[[], list[Hypothesis]],
    count: Count,
) -> None:
    """As shares of what they should be, so that large layers don't hide small ones. What no hypothesis explains is told
    of one layer, in numbers. count: what is asked for, of layers."""
    if np.allclose(got, expected, rtol=AGREE):
        return
    digits = relations.of_digits(got, expected, what, close)
    if digits:
        raise digits
    try:
        verify(got / expected, np.ones_like(expected), what, lambda: through(lambda one: one / expected, wrong()))
    except Mistake as mistake:
        if mistake.name not in ("differs", "fractions-lost", "imprecise", "clipped"):  # these would speak of shares
            raise
        if (expected % 1).any() and any(np.allclose(got, whole(expected), rtol=1e-9) for whole in (np.floor, np.round)):
            raise Mistake("fractions-lost", f"{what} is rounded to whole numbers: divide with `/`.") from None
    for one in mixed_up(got, lambda *of: count(Layers.of_arrays(*of)), LETTERS, layers, what=what):
        raise Mistake(one.name, one.hint)
    i = int(np.flatnonzero(~np.isclose(got, expected, rtol=AGREE))[0])
    raise Mistake("differs", f"{what} for {_layer(layers[i])} should be {expected[i]:.6g}; it is {got[i]:.6g}.")


def _each_itemsize(
    function: Any, what: str, words: str, seed: int, right: Callable[[Layers, int], np.ndarray],
    wrong: Callable[[Layers, int], list[Hypothesis]],
) -> Iterator[str]:  # fmt: skip
    """A student's count for numbers of several sizes: function(…, itemsize)."""
    layers = layers_of(seed)
    d, asked = Layers.of(layers), [one for size in ITEMSIZES for one in _arguments(layers, size)]
    seen = ask(calls, what, function, asked)
    found = [number(seen[str(i)], f"the result of {what}") for i in range(len(asked))]
    for size, got in zip(ITEMSIZES, np.array(found).reshape(len(ITEMSIZES), -1), strict=True):
        of = f"{words} (numbers of {size} bytes)"
        _verify_counts(got, right(d, size), of, layers, partial(wrong, d, size), partial(_of_size, right, size))
    yield f"{len(layers)} layers, numbers of {', '.join(map(str, ITEMSIZES))} bytes"


@check("FLOPs", "F1", builds_on="`output_size`, if you used it", after="A1")
def flops(conv_flops: Any, *, seed: int = 0) -> Iterator[str]:
    """2·N·K·C·R·S·P·Q."""
    layers = layers_of(seed)
    d, seen = Layers.of(layers), ask(calls, "conv_flops", conv_flops, _arguments(layers))
    got = _counted(seen, "conv_flops", layers)
    _verify_counts(got, d.flops, "the number of operations", layers, partial(_flops_hypotheses, d), lambda d: d.flops)
    yield f"{len(layers)} layers, with and without stride and padding"


def _flops_hypotheses(d: Layers) -> list[Hypothesis]:
    sums = d.C * d.R * d.S
    return [
        Hypothesis(
            "factor-two-missing",
            d.flops / 2,
            "Half of the operations are missing: each product is also added, so a multiply-add counts as 2.",
        ),
        *_of_output(d, lambda wrong: wrong.flops),
        Hypothesis(
            "input-size-for-output",
            lambda: d.of_output(d.H, d.W).flops / 2,
            "H · W stands where P · Q belongs, and the factor 2 (multiply and add) is missing.",
        ),
        Hypothesis("filters-forgotten", d.flops / d.K, "K is missing: every filter makes an output of its own."),
        Hypothesis("channels-forgotten", d.flops / d.C, "C is missing: every output is a sum over all channels, too."),
        Hypothesis("images-forgotten", d.flops / d.N, "N is missing: this counts one image of the batch."),
        Hypothesis(
            "window-forgotten", d.flops / (d.R * d.S), "R · S is missing: every output is a sum over the window, too."
        ),
        Hypothesis("in-giga", d.flops / 1e9, "This is in GFLOP; the function should return plain operations."),
        *_mixed_up(d, lambda wrong: wrong.flops),
        Hypothesis(
            "additions-counted-exactly",
            d.flops / 2 / sums * (2 * sums - 1),
            "A sum of m products is counted as 2m − 1 operations. True, but here, as everywhere, each product counts "
            "2: a multiplication and an addition.",
        ),
    ]


@check("Bytes that must move", "F2", builds_on="`output_size`, if you used it", after="A1")
def bytes(compulsory_bytes: Any, *, seed: int = 0) -> Iterator[str]:
    """(N·C·H·W + K·C·R·S + N·K·P·Q) · itemsize."""
    words = "the count of bytes"
    yield from _each_itemsize(
        compulsory_bytes, "compulsory_bytes", words, seed, lambda d, b: b * d.moved, _bytes_hypotheses
    )


def _bytes_hypotheses(d: Layers, b: int) -> list[Hypothesis]:
    x, w, y = d.parts

    def one_part(i: int, wrong: Layers) -> np.ndarray:
        """The bytes with images (0), filters (1) or output (2) counted wrongly."""
        return b * np.asarray(sum(wrong.parts[j] if j == i else d.parts[j] for j in range(3)))

    return [
        *_of_bytes(d.moved, b),
        Hypothesis("filters-forgotten", b * (x + y), "The filters are not counted; they have to be read, too."),
        Hypothesis("output-forgotten", b * (x + w), "The output is not counted; it has to be written."),
        Hypothesis("images-forgotten", b * (w + y), "The images are not counted; they have to be read."),
        Hypothesis(
            "padding-counted",
            b * (d.padded + w + y),
            "The zeros of the padding are counted. They need not be loaded: count H · W.",
        ),
        Hypothesis(
            "filters-per-image",
            b * (x + d.N * w + y),
            "The filters are counted once for each image; they are the same for all N and have to move once.",
        ),
        Hypothesis("output-twice", b * (x + w + 2 * y), "The output is counted twice; it is written once."),
        Hypothesis(
            "lowered-counted",
            b * (d.lowered + w + y),
            "This counts the lowered matrix. "
            "The bytes that *any* algorithm must move are those of the images themselves.",
        ),
        Hypothesis("in-mega", b * d.moved / 1e6, "This is in megabytes; the function should return bytes."),
        *_of_output(d, partial(one_part, 2)),
        *_mixed_up(d, lambda wrong: b * wrong.moved),
        *(one for i in range(3) for one in _mixed_up(d, partial(one_part, i))),
    ]


@check("The lowered matrix in mebibytes", "F3", builds_on="`output_size`, if you used it", after="A1")
def lowered_mebibytes(lowered_mebibytes: Any, *, seed: int = 0) -> Iterator[str]:
    """C·R·S · N·P·Q · itemsize / 2²⁰."""
    yield from _each_itemsize(
        lowered_mebibytes,
        "lowered_mebibytes",
        "the size in MiB",
        seed,
        lambda d, b: b * d.lowered / MIB,
        _mebibytes_hypotheses,
    )


def _mebibytes_hypotheses(d: Layers, b: int) -> list[Hypothesis]:
    (x, w, y), right = d.parts, b * d.lowered / MIB
    shape, units = "D_m has the shape (C·R·S, N·P·Q).", "{} Divide the bytes by 2²⁰."
    return [
        Hypothesis("megabytes", right * MIB / 1e6, "This is in MB (10⁶ bytes); a mebibyte (MiB) has 2²⁰ = 1,048,576."),
        Hypothesis("megabytes", np.floor(right * MIB / 1e6), "This is in whole MB (10⁶ bytes, and `//` drops the "
                   "fraction). A mebibyte (MiB) has 2²⁰ = 1,048,576 bytes; divide with `/`."),
        *(
            Hypothesis("bytes-for-mebibytes", right * factor, units.format(f"This is in {unit}."))
            for factor, unit in (
                (MIB, "bytes"),
                (1024, "KiB"),
                (MIB / 1e3, "kilobytes"),
                (1 / 1024, "GiB"),
                (MIB / 1e9, "gigabytes"),
            )
        ),
        *_of_bytes(d.lowered, b, MIB),
        *_of_output(d, lambda wrong: b * wrong.lowered / MIB),
        Hypothesis(
            "filters-for-channels",
            right / d.C * d.K,
            f"K · R · S is the wrong height: the lowered images do not depend on the filters. {shape}",
        ),
        Hypothesis("images-forgotten", right / d.N, "N is missing: this is the lowered matrix of one image."),
        Hypothesis(
            "filters-for-channels",
            right * d.K,
            f"K is counted, too: the lowered images do not depend on the filters. {shape}",
        ),
        Hypothesis("channels-forgotten", right / d.C, "C is missing: D_m has C · R · S rows."),
        Hypothesis("window-forgotten", right / (d.R * d.S), "R · S is missing: D_m has C · R · S rows."),
        Hypothesis("input-for-lowered", b * x / MIB, f"This is the size of the images before lowering. {shape}"),
        Hypothesis("output-for-lowered", b * y / MIB, f"This is the size of the output. {shape}"),
        Hypothesis(
            "all-three-counted",
            b * (d.lowered + w + y) / MIB,
            "Filters and output are counted, too; the question is the lowered matrix alone.",
        ),
        *_mixed_up(d, lambda wrong: b * wrong.lowered / MIB),
        Hypothesis(
            "sum-for-product",
            b * (d.C * d.R * d.S + d.N * d.P * d.Q) / MIB,
            "The two sides of the matrix are added; its size is their product.",
        ),
    ]


@check("Arithmetic intensity", "F4", builds_on="your counts", after="A1 F1 F2")
def intensity(arithmetic_intensity: Any, conv_flops: Any, compulsory_bytes: Any, *, seed: int = 0) -> Iterator[str]:
    """FLOPs divided by the bytes that must move; the student's own counts will do, so that a mistake in them costs one
    point, not two."""
    layers = layers_of(seed)
    d, asked = Layers.of(layers), _arguments(layers)
    seen = ask(probes.intensities, arithmetic_intensity, conv_flops, compulsory_bytes, asked, ITEMSIZES)
    for b in ITEMSIZES:
        got = _counted(seen.part(b), "arithmetic_intensity", layers)
        if _is_own_ratio(got, seen, layers, b):
            continue
        what = f"the intensity (numbers of {b} bytes)"
        wrong = partial(_intensity_hypotheses, d, b)
        _verify_counts(got, d.flops / (b * d.moved), what, layers, wrong, partial(_of_size, _intensity, b))
    yield f"{len(layers)} layers, numbers of {', '.join(map(str, ITEMSIZES))} bytes"


def _is_own_ratio(got: np.ndarray, seen: Answer, layers: Sequence[Sizes], itemsize: int) -> bool:
    """Whether these are the student's own FLOPs over the student's own bytes, which both depend on the layer."""
    try:
        flops = _counted(seen.part("flops"), "conv_flops", layers)
        moved = _counted(seen.part("bytes").part(itemsize), "compulsory_bytes", layers)
    except Mistake:
        return False
    return bool(np.ptp(flops) > 0 and np.ptp(moved) > 0 and np.allclose(got, flops / moved, rtol=AGREE))


def _of_size(right: Callable[[Layers, int], np.ndarray], size: int, d: Layers) -> np.ndarray:
    return right(d, size)


def _intensity(d: Layers, size: int) -> np.ndarray:
    return d.flops / (size * d.moved)


def _intensity_hypotheses(d: Layers, b: int) -> list[Hypothesis]:
    right = d.flops / (b * d.moved)
    return [
        Hypothesis(
            "intensity-upside-down", 1 / right, "Bytes are divided by operations; the intensity is FLOPs per byte."
        ),
        Hypothesis(
            "elements-for-bytes",
            right * b,
            "The operations are divided by the number of array entries; each has `itemsize` bytes.",
        ),
        Hypothesis(
            "itemsize-ignored",
            right * b / 4,
            f"`itemsize` is not passed on to the count of bytes: here a number has {b}.",
        ),
        Hypothesis(
            "lowered-counted",
            d.flops / (b * (d.lowered + d.parts[1] + d.parts[2])),
            "The bytes are those of the lowered matrix, the filters and the output; the bytes that must move are those "
            "of the images themselves, before they are lowered.",
        ),
        Hypothesis(
            "lowered-counted",
            d.flops / (b * d.lowered),
            "The operations are divided by the size of the lowered matrix; the bytes that must move are those of "
            "images, filters and output.",
        ),
        *_mixed_up(d, lambda wrong: wrong.flops / (b * wrong.moved)),
        Hypothesis("factor-two-missing", right / 2, "The factor 2 of the operations (multiply and add) is missing."),
    ]
