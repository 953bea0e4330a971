"""Checks of Part A of `cnn_runtime`: parameters and operations of convolutional_nn.json for a number of filters.

The network: 28×28 images, conv 3×3, ReLU, max-pool 2×2, conv 3×3, ReLU, max-pool 2×2, dense 128, ReLU, dense 10,
softmax. Both convolutions have F filters, without padding. Only the products of convolutions and dense layers are
counted, 2 each.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from helpers.check.cnn_runtime import probes
from helpers.check.core.ask import Answer, array, ask, demand_lasting
from helpers.check.core.compare import Hypothesis, explained
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check

LAYERS = ("conv 1", "conv 2", "dense", "output")
Count = float | np.ndarray
"""A number, or one for each case."""


@dataclass(frozen=True)
class Layer:
    """inputs and outputs (channels, or numbers of a dense layer), products of a window, positions where it is
    applied."""

    inputs: Count
    outputs: Count
    window: Count = 1
    positions: Count = 1

    @property
    def weights(self) -> Any:
        return self.inputs * self.outputs * self.window

    @property
    def parameters(self) -> Any:
        return self.weights + self.outputs

    @property
    def flops(self) -> Any:
        """Of the forward pass of one image."""
        return 2 * self.weights * self.positions


def layers(filters: Count) -> tuple[Layer, ...]:
    """The four layers that have parameters: 28 → 26 → 13 → 11 → 5."""
    return (
        Layer(1, filters, 9, 26 * 26),
        Layer(filters, filters, 9, 11 * 11),
        Layer(25 * filters, 128),
        Layer(128, 10),
    )


def parameters_of(filters: float) -> list[float]:
    """Weights and biases of each layer."""
    return [layer.parameters for layer in layers(filters)]


def forward_flops_of(filters: float, batch: float) -> list[float]:
    """Operations of each layer in the forward pass of a batch."""
    return [batch * layer.flops for layer in layers(filters)]


def step_flops_of(filters: float, batch: float) -> list[float]:
    """The same for a training step: forward and backward-filter everywhere, backward-data in all layers but the
    first."""
    return [times * flops for times, flops in zip((2, 3, 3, 3), forward_flops_of(filters, batch), strict=True)]


# What may go wrong ------------------------------------------------------------------------------------------------

AREAS = {
    28 * 28: "28 × 28, the size of the image. A 3 × 3 window without padding fits 26 times along 28 pixels.",
    26 * 26: "26 × 26, the size before the first pooling.",
    14 * 14: "14 × 14, which is what padding would give. There is none here: 28 → 26 → 13 → 11 → 5.",
    13 * 13: "13 × 13, the size after the first pooling.",
    12 * 12: "12 × 12. A 3 × 3 window fits 13 − 3 + 1 = 11 times along 13 pixels.",
    11 * 11: "11 × 11, the size before the second pooling.",
    7 * 7: "7 × 7, which is what padding would give. There is none here: 28 → 26 → 13 → 11 → 5.",
    6 * 6: "6 × 6. A 2 × 2 window fits 5 times along 11 pixels; the last row and column are left out.",
    5.5 * 5.5: "5.5 × 5.5. A 2 × 2 window fits 5 times along 11 pixels; the last row and column are left out.",
    5 * 5: "5 × 5, the size after the second pooling.",
    24 * 24: "24 × 24, which is what a 5 × 5 window would give; the windows are 3 × 3.",
}
BIAS_OF_EACH = "there is one for each filter, or for each output of a dense layer."
SHARED = (
    "its weights are counted once for each position; a filter's weights are shared by all positions, which is what "
    "makes it a convolution."
)
DENSE_INPUT = "each of the F channels has 5 × 5, that makes 25 · F."
OUTPUT_INPUT = "the output layer sees the 128 of the dense layer."
WRITTEN_IN = "16 filters are written into the code; `filters` says how many there are."
ONLY_PRODUCTS = "only the products count, 2 each."


def _wrong_sizes(i: int, f: np.ndarray, count: Callable[[Layer], Any], also: str = "") -> list[Hypothesis]:
    """Layer i with wrong sizes, whatever is counted. also: what goes wrong besides, a sentence."""

    def told(name: str, hint: str, **changes: Any) -> Hypothesis:
        return Hypothesis(name, count(replace(layers(f)[i], **changes)), hint + also)

    if i < 2:
        side = (26, 11)[i]
        square = f"its filters are applied at {side} positions here; the output is a square of {side} × {side}."
        found = [
            told("window-forgotten",
                 "the window is forgotten: every output channel has 3 · 3 weights for each input channel.",
                 window=1),
            told("one-side-only", square, positions=side),
            told("window-forgotten", "the window counts 3; it has 3 · 3 = 9 weights.", window=3),
            told("wrong-window", "the window counts 25; convolutional_nn.json says size 3: 9 weights.", window=25),
            told("wrong-window", "the window counts 4, which is the pooling's; a filter has 9 weights.", window=4),
            told("filters-forgotten", "this is one filter; there are F of them.", outputs=1),
            told("filters-written-in", WRITTEN_IN, outputs=16, inputs=16 if i else 1),
            told("filters-written-in", WRITTEN_IN, outputs=16),
        ]
        if i == 0:
            return [
                *found,
                told("channels-mixed-up", "its input has F channels here, but a digit has one (grey).", inputs=f),
                told("channels-mixed-up", "its input has 3 channels here, but a digit has one (grey).", inputs=3),
                told("channels-mixed-up",
                     "its input has 28 channels here, but a digit has one (grey); 28 is its height.",
                     inputs=28),
            ]
        forgotten = (
            "the input channels are forgotten: each of its F filters spans all F channels of the first convolution's "
            "output, which makes it quadratic."
        )
        return [
            # Of operations the same as a single filter, and the likelier mistake.
            told("channels-forgotten", forgotten, inputs=1),
            *found,
            told("doubled-for-squared", "it has 2 · F here instead of F · F, F filters over F channels.", inputs=2),
            told("filters-written-in", "16 input channels are written into the code; they are the F channels of the "
                "first convolution's output.", inputs=16),
            told("filters-doubled", "it has 2F filters here; both convolutions have F.", outputs=2 * f),
        ]
    if i == 2:
        return [
            *(
                told("wrong-size-for-dense",
                     f"the dense layer's input is taken as {words} The second pooling leaves 5 × 5.",
                     inputs=area * f)
                for area, words in AREAS.items()
                if area != 25
            ),
            told("filters-forgotten", "its input is taken as 5 × 5 numbers; each of F channels has them.", inputs=25),
            told("positions-forgotten", f"its input is taken as F numbers; {DENSE_INPUT}", inputs=f),
            told("positions-forgotten", f"its input is taken as 5 · F numbers; {DENSE_INPUT}", inputs=5 * f),
            told("filters-squared",
                 "the filters are squared; the dense layer sees F channels of 5 × 5, 25 · F numbers.",
                 inputs=25 * f * f),
            told("filters-written-in",
                 "16 filters are written into the code (400 = 25 · 16); its input has 25 · F numbers.",
                 inputs=400),
            told("width-of-filters",
                 "it has 8 · F outputs here, which are 128 only where F is 16; it has 128, whatever the filters are.",
                 outputs=8 * f),
            told("layers-joined",
                 "it leads straight to the 10 classes here; it has 128 outputs, and the output layer comes after it.",
                 outputs=10),
        ]
    return [
        told("wrong-input-of-output", f"its input is taken as 25 · F numbers; {OUTPUT_INPUT}", inputs=25 * f),
        told("wrong-input-of-output", f"its input is taken as F numbers; {OUTPUT_INPUT}", inputs=f),
        told("width-of-filters", "its input is taken as 8 · F numbers, which are 128 only where F is 16; the dense "
             "layer has 128 outputs, whatever the filters are.", inputs=8 * f),
        told("wrong-classes", "it has 128 outputs here; there are 10 classes.", outputs=128),
        told("wrong-classes", "it has one output here; there are 10 classes.", outputs=1),
    ]


def wrong_parameters(i: int, f: np.ndarray) -> list[Hypothesis]:
    """What may be taken for the parameters of layer i, for these numbers of filters."""
    layer = layers(f)[i]
    weights, outputs, positions = layer.weights, layer.outputs, layer.positions
    return [
        Hypothesis("biases-forgotten", weights, "the biases are missing: one for each filter, or for each output of a "
            "dense layer."),
        Hypothesis("one-bias-only", weights + 1, f"it has a single bias here; {BIAS_OF_EACH}"),
        Hypothesis("bias-per-input", weights + layer.inputs, "it has a bias for each input here; there is one for each "
            "*output*."),
        Hypothesis("bias-per-weight", 2 * weights, f"it has a bias for each weight here; {BIAS_OF_EACH}"),
        Hypothesis("bias-per-channel", weights + layer.inputs * outputs, "it has a bias for each filter *and* input "
            f"channel here; {BIAS_OF_EACH}"),
        Hypothesis("bias-per-position", weights + outputs * positions, "it has a bias for each output pixel here; a "
            "filter has one bias for all positions."),
        Hypothesis("weights-per-position", weights * positions + outputs, SHARED),
        Hypothesis("weights-per-position", weights * positions, SHARED),
        Hypothesis("bytes-for-parameters", 4 * layer.parameters, "this is bytes; the number of parameters is asked "
            "for."),
        Hypothesis("flops-for-parameters", layer.flops, "these are operations; parameters are numbers that are "
            "learned, whatever is done with them."),
        *_wrong_sizes(i, f, lambda layer: layer.parameters),
        *_wrong_sizes(i, f, lambda layer: layer.weights, " (And the biases are missing.)"),
    ]


def wrong_flops(i: int, f: np.ndarray, n: np.ndarray) -> list[Hypothesis]:
    """What may be taken for the operations of layer i, for these numbers of filters and batches."""
    layer = layers(f)[i]
    weights, parameters, positions, flops = layer.weights, layer.parameters, layer.positions, layer.flops
    additions = layer.outputs * positions
    right = (26, 11, 0, 0)[i]
    areas = [
        Hypothesis(
            "wrong-positions",
            n * 2 * weights * area / divisor,
            f"it is counted at {words} Its filters are applied once for each *output* pixel: {right} × {right}.{also}",
        )
        for area, words in AREAS.items()
        for divisor, also in ((1, ""), (2, " (And the factor 2 is missing.)"))
        if i < 2 and area != right**2
    ]
    return [
        Hypothesis("factor-two-missing", n * flops / 2, "half of the operations are missing: each product is also "
            "added, so a multiply-add counts as 2."),
        Hypothesis("batch-forgotten", flops, "this is one image; the batch has `batch` of them."),
        Hypothesis("positions-forgotten", 2 * n * weights, "this counts each weight once per image; a filter is "
            "applied at every output pixel, P · Q times."),
        Hypothesis("parameters-for-flops", 2 * n * parameters, "this is twice the number of parameters; biases make no "
            "products, and a filter is applied at every output pixel."),
        Hypothesis("parameters-for-flops", parameters, "this is the number of parameters; operations count every use "
            "of them."),
        Hypothesis("biases-counted", n * (flops + additions), "the additions of the biases are counted, too. True, "
            f"but here, as is usual, {ONLY_PRODUCTS}"),
        Hypothesis("biases-counted", 2 * n * parameters * positions, "the biases are counted like weights; here "
            f"{ONLY_PRODUCTS}"),
        Hypothesis("additions-counted-exactly", n * (flops - additions), "a sum of m products is counted as 2m − 1 "
            "operations. True, but here, as everywhere, each product counts 2."),
        Hypothesis("batch-squared", n * n * flops, "the batch is multiplied in twice."),
        Hypothesis("in-mega", n * flops / 1e6, "this is in MFLOP; plain operations are asked for."),
        Hypothesis("in-giga", n * flops / 1e9, "this is in GFLOP; plain operations are asked for."),
        *(
            Hypothesis(f"in-{unit}", np.round(n * flops / factor, digits), f"this is in {short}, rounded; plain "
                "operations are asked for, all digits of them.")
            for unit, factor, short in (("mega", 1e6, "MFLOP"), ("giga", 1e9, "GFLOP"))
            for digits in range(4)
        ),
        *_wrong_sizes(i, f, lambda layer: n * layer.flops),
        *areas,
        *_wrong_sizes(i, f, lambda layer: n * layer.flops / 2, " (And the factor 2 is missing.)"),
    ]


TIMES = {
    (3, 3, 3, 3): ("gradient-of-the-images", "conv 1 is counted three times, too. The gradient for the images is not "
        "needed: the first layer has no backward-data."),
    (1, 1, 1, 1): ("forward-only", "This is the forward pass alone. A training step has a backward pass, too: once for "
        "the weights, once for the layer's input."),
    (2, 2, 2, 2): ("one-backward-only", "Only one of the two backward passes is counted. A layer needs the gradient "
        "for its weights *and* for its input, to pass on."),
    (1, 2, 2, 2): ("backward-only", "The forward pass is missing: a step is forward, backward-filter and "
        "backward-data."),
    (1, 3, 3, 3): ("first-layer-not-trained", "conv 1 is counted once. It has no backward-data, but its weights are "
        "learned, too: forward and backward-filter."),
    (3, 3, 3, 2): ("wrong-end", "The output layer is counted without backward-data. It is the *first* layer that needs "
        "none: the gradient starts at the output and must reach conv 2."),
    (2, 3, 3, 2): ("wrong-end", "The output layer is counted without backward-data. Only the first layer needs none: "
        "the gradient starts at the output and must pass through all others."),
    (2, 2, 3, 3): ("wrong-end", "conv 2 is counted without backward-data. Only the first layer needs none; conv 2 has "
        "to pass a gradient on to conv 1."),
    (3, 2, 2, 2): ("wrong-end", "It is the other way round: the first layer has no backward-data (2 passes), all "
        "others have three."),
    (1, 1, 1, 3): ("wrong-layers", "Only the output layer's backward pass is counted; all layers are trained."),
    (2, 3, 1, 1): ("wrong-layers", "Only the convolutions' backward passes are counted; the dense layers are trained, "
        "too."),
    (4, 4, 4, 4): ("too-many-passes", "Every layer is counted four times. A step has three passes: forward, "
        "backward-filter, backward-data."),
    (3, 2, 3, 3): ("wrong-end", "conv 2 is counted twice and conv 1 three times; it is the other way round. conv 1 is "
        "the first layer, without backward-data, and stands at index 0: Python counts from 0."),
    (3, 4, 4, 4): ("too-many-passes", "There is one pass too many: forward, backward-filter and backward-data, and the "
        "first layer has no backward-data."),
}  # fmt: skip


def _wrong_passes(forward: np.ndarray, before: np.ndarray, batch: np.ndarray) -> list[Hypothesis]:
    """Passes that don't cost what the forward pass does; before: of the layer before, 0 for the first."""
    return [
        Hypothesis("batch-forgotten", forward * (1, 2, 2, 2) + forward / batch, "Backward-filter is counted for one "
            "image. Its result is one gradient for the whole batch, but every image adds its products to it."),
        Hypothesis("batch-forgotten", forward * (2, 2, 2, 2) + forward * (0, 1, 1, 1) / batch, "Backward-data is "
            "counted for one image; each image of the batch has a gradient of its own."),
        Hypothesis("another-layers-size", 2 * forward + before, "Backward-data is counted with the operations of the "
            "layer before. The gradient goes to that layer, but the products are this layer's: as many as in its own "
            "forward pass."),
    ]


# The checks -------------------------------------------------------------------------------------------------------

PRIMES = (5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43)


def cases(seed: int) -> list[tuple[int, int]]:
    """Four numbers of filters, none of them 16, each with a batch, the first of one image; then one of these numbers
    with another batch; last a network and a batch so large that int32 can't hold the operations."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(PRIMES, 8, replace=False)
    found = [*zip(chosen[:4], (1, *chosen[4:7]), strict=True), (chosen[1], chosen[7])]
    return [*((int(f), int(n)) for f, n in found), (int(rng.choice((251, 257, 263))), int(rng.choice((61, 67))))]


def _four(value: Any, what: str, total: float | None = None, of: Sequence[Layer] = ()) -> np.ndarray:
    """The four layers' numbers, from a list, tuple or array in the layers' order. total: their right sum. of: the
    layers whose parameters they are."""
    if isinstance(value, dict):
        raise Mistake("not-a-list", f"{what} is a dictionary; return a list of four numbers, for conv 1, conv 2, dense "
            "and output. The cells below sum them.")
    found = array(value, what)
    if total is not None and found.size == 1 and np.isclose(float(found.reshape(())), total):
        raise Mistake("total-for-layers", f"{what} is the sum over the layers; return a list of four numbers, one per "
            "layer. The notebook takes their sum itself.")
    if found.shape == (8,) and of and found.tolist() == [n for one in of for n in (one.weights, one.outputs)]:
        raise Mistake("weights-and-biases-apart", f"{what} has weights and biases of each layer apart (as "
            "`parameters()` of a PyTorch network gives them), 8 numbers; add the two of each layer, that makes 4.")
    if found.ndim == 1 and found.size > 4 and not found.size % 4 and not np.ptp(found.reshape(-1, 4), axis=0).any():
        raise Mistake("list-repeated", f"{what} holds the same four numbers {found.size // 4} times: a number times a "
            "list repeats the list. Multiply each entry: `[3 * n for n in …]`, with a factor of its own for each "
            "layer.")
    if found.shape == (12,) and np.array_equal(found[4:8], found[8:]):
        raise Mistake("list-repeated", f"{what} has 12 numbers, of which the last eight are four twice: `3 * numbers` "
            "repeats a list. Multiply each entry: `[3 * n for n in …]`, with a factor of its own for each layer.")
    if of and found.shape == (3,) and found.tolist() == [one.parameters for one in of[1:]]:
        raise Mistake("first-layer-missing", f"{what} has three numbers: conv 1 is left out. Python counts from 0: "
            "`range(4)`, not `range(1, 4)`.")
    if found.shape != (4,):
        size = f"has {found.size} numbers" if found.ndim == 1 else f"has shape {found.shape}"
        raise Mistake("wrong-shape", f"{what} should be a list of four numbers, for conv 1, conv 2, dense and output; "
            f"it {size}." + (" ReLU, pooling and softmax have no entry of their own." if found.size > 4 else ""))
    return found


def _same(got: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.allclose(got, expected, rtol=1e-9))


def _compare(
    got: np.ndarray,
    asked: Sequence[tuple[int, ...]],
    expected: np.ndarray,
    what: str,
    wrong: Callable[[int], list[Hypothesis]],
    times: Sequence[int] = (1, 1, 1, 1),
    shown: str = "",
) -> None:
    """(cases, 4) arrays; the first layer that is wrong is explained by what gives its numbers in all cases. times,
    shown: how many times these numbers the student's are, and what those are called."""
    if _same(got, expected):
        return
    if len(set(map(tuple, got[:, 1:3]))) == 1:
        raise Mistake("filters-written-in", f"{what} are the same for every number of filters. Compute with the "
            "argument `filters`.")
    if _same(got[:, ::-1], expected):
        raise Mistake("layers-reversed", f"{what} come in the wrong order: first conv 1, then conv 2, dense, output.")
    if len(asked[0]) == 2 and _same(got, np.array([forward_flops_of(n, f) for f, n in asked])):
        raise Mistake("arguments-exchanged", f"{what} are those of `batch` filters and `filters` images: the two "
            "arguments are exchanged. First come the filters, then the batch.")
    for j, k in itertools.combinations(range(len(got)), 2):
        if _same(got[k], expected[j]) and not _same(got[k], expected[k]) and _same(got[: j + 1], expected[: j + 1]):
            raise Mistake("result-kept", f"{what} for {_of(asked[k])} are those of the call before, for "
                f"{_of(asked[j])}. If results are remembered (a dictionary, a cache), every argument belongs to the "
                "key.")
    if _same(got, np.cumsum(expected, axis=1)):
        raise Mistake("running-total", f"{what} are running totals; each entry should be its own layer's.")
    for i, layer in enumerate(LAYERS):
        if _same(got[:, i], expected[:, i]):
            continue
        if mistake := explained(got[:, i], wrong(i), _same):
            raise Mistake(mistake.name, f"{what}, layer {layer}: {mistake.message}")
        bits = _overflow(got[:, i], expected[:, i])
        got, expected, what = got * times, expected * times, shown or what
        if bits:
            raise Mistake("overflow", f"{what}, layer {layer}, for {_of(asked[int(expected[:, i].argmax())])}: "
                f"{expected[:, i].max():,.0f} does not fit into {bits} bits and wraps around to "
                f"{got[int(expected[:, i].argmax()), i]:,.0f}. Count in Python's own integers, or in `np.int64`.")
        row = int(np.flatnonzero(~np.isclose(got[:, i], expected[:, i], rtol=1e-9))[0])
        raise Mistake("differs", f"{what}, layer {layer}, for {_of(asked[row])}: expected {expected[row, i]:,.0f}, got "
            f"{got[row, i]:,.0f}.")


def _of(asked: tuple[int, ...]) -> str:
    return "F = " + " and a batch of ".join(map(str, asked))


def _overflow(got: np.ndarray, expected: np.ndarray) -> int:
    """Bits of the integers into which the expected counts of one layer don't fit, where that is what is wrong; or 0."""
    for bits in (8, 16, 32):
        wrapped = expected % 2.0**bits
        signed = np.where(wrapped < 2.0 ** (bits - 1), wrapped, wrapped - 2.0**bits)
        if _same(got, wrapped) or _same(got, signed):
            return bits
    large = expected >= 2.0**31
    return 32 if large.any() and _same(got[~large], expected[~large]) and (np.abs(got) < 2.0**53).all() else 0


def _counted(seen: Answer, what: str, expected: np.ndarray, filters: Sequence[int] = ()) -> np.ndarray:
    """(cases, 4); filters: of each case, where parameters are counted."""
    found = [
        _four(seen[number], f"the result of {what}", row.sum(), layers(filters[number]) if filters else ())
        for number, row in enumerate(expected)
    ]
    demand_lasting(seen, what)
    return np.array(found)


@check("Parameters", "A1")
def parameters(parameters: Any, *, seed: int = 0) -> Iterator[str]:
    """[conv 1, conv 2, dense, output]: 10F, 9F² + F, 3200F + 128, 1290."""
    asked = [(f,) for f, _ in cases(seed)[:4]]
    expected = np.array([parameters_of(f) for (f,) in asked])
    got = _counted(ask(calls, "parameters", parameters, asked), "parameters", expected, [f for (f,) in asked])
    _compare(got, asked, expected, "The parameters", lambda i: wrong_parameters(i, np.array(asked)[:, 0]))
    yield f"four layers, for {len(asked)} numbers of filters"


@check("Operations of the forward pass", "A2")
def forward_flops(forward_flops: Any, *, seed: int = 0) -> Iterator[str]:
    """batch · [2·9·26²·F, 2·9·11²·F², 2·25F·128, 2·128·10]."""
    asked = cases(seed)
    expected = np.array([forward_flops_of(*case) for case in asked])
    got = _counted(ask(calls, "forward_flops", forward_flops, asked), "forward_flops", expected)
    _compare(got, asked, expected, "The operations", lambda i: wrong_flops(i, *np.array(asked, float).T))
    yield f"four layers, for {len(asked)} pairs of filters and batch"


@check("Operations of a training step", "A3", builds_on="`forward_flops`", after="A2")
def step_flops(step_flops: Any, forward_flops: Any, *, seed: int = 0) -> Iterator[str]:
    """[2, 3, 3, 3] times the forward pass. The student's own forward counts will do, so that a mistake in them costs
    once."""
    asked = cases(seed)
    expected, forward = (np.array([count(*case) for case in asked]) for count in (step_flops_of, forward_flops_of))
    seen = ask(probes.calls_and_own, "step_flops", step_flops, asked, "forward_flops", forward_flops, asked)
    got = _counted(seen, "step_flops", expected)
    own = _own(seen.part("own"), len(asked))
    if not any(_same(got, base * (2, 3, 3, 3)) for base in (forward, own)):
        for base in (forward, own):
            wrong = [Hypothesis(name, base * times, hint) for times, (name, hint) in TIMES.items()]
            if mistake := explained(got, wrong, _same):
                raise mistake
            times = got / base
            if (np.ptp(times, axis=0) < 1e-9).all() and _same(times[0], np.round(times[0])) and (times <= 6).all():
                said = ", ".join(f"{layer} {n:.0f}" for layer, n in zip(LAYERS, times[0], strict=True))
                raise Mistake("wrong-times", f"The forward passes are counted so many times: {said}. It is 2 for the "
                    "first layer, which needs no backward-data, and 3 for all others.")
        sizes = np.array(asked, float).T
        for base in (forward, own):
            before = np.hstack([np.zeros((len(base), 1)), base[:, :-1]])
            if mistake := explained(got, _wrong_passes(base, before, sizes[1][:, None]), _same):
                raise mistake
        _compare(got / (2, 3, 3, 3), asked, forward, "The operations of one pass", lambda i: wrong_flops(i, *sizes),
                 (2, 3, 3, 3), "The operations of a training step")
    yield f"forward, backward-filter and backward-data, for {len(asked)} pairs of filters and batch"


def _own(seen: Answer, many: int) -> np.ndarray:
    """What the student's own function counts, NaN where it can't be used, or where it counts the same whatever the
    sizes are."""
    try:
        found = np.array([_four(seen[number], "forward_flops") for number in range(many)])
    except Mistake:
        return np.full((many, 4), np.nan)
    return found if np.isfinite(found).all() and (found > 0).all() and np.ptp(found, axis=0).any() else found * np.nan
