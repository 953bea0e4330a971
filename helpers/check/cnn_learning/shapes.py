"""Checks of A1 and A2 of the CNN assignment: output shapes and parameter counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from math import ceil, prod
from typing import Any

import numpy as np

from helpers.check.cnn_learning import oracle
from helpers.check.cnn_learning.oracle import Entry, Shape, conv_entry, dense_entry, plain, pool_entry
from helpers.check.core.calls import array, call, call_each
from helpers.check.core.report import Mistake, check

SLIPS: tuple[tuple[str, Callable[[int, int, int, int], float], str], ...] = (
    ("stride-ignored", lambda n, w, s, p: n + 2 * p - w + 1, "The stride is ignored: divide (size + 2·pad − window) by it before 1 is added."),
    ("padding-once", lambda n, w, s, p: (n + p - w) // s + 1, "The padding is counted once; it lies on both sides, so it counts twice (2·pad)."),
    ("padding-ignored", lambda n, w, s, p: (n - w) // s + 1, "The padding is ignored: the window slides over size + 2·pad rows."),
    ("rounded-up", lambda n, w, s, p: ceil((n + 2 * p - w) / s) + 1, "The division is rounded up. A window that does not fit whole is left out: round down (`//`)."),
    ("rounded-up", lambda n, w, s, p: round((n + 2 * p - w) / s) + 1, "The division is rounded to the nearest whole number. A window that does not fit whole is left out: round down (`//`)."),
    ("rounded-up", lambda n, w, s, p: ceil((n + 2 * p) / s), "This is ⌈size / stride⌉, what other libraries call \"same\". Here the padding is given: ⌊(size + 2·pad − window) / stride⌋ + 1."),
    ("not-rounded", lambda n, w, s, p: (n + 2 * p - w) / s + 1, "The result is a fraction: divide with `//`."),
    ("one-missing", lambda n, w, s, p: (n + 2 * p - w) // s, "The last window is missing: windows fit ⌊…⌋ + 1 times, because the first one counts, too."),
    ("one-missing", lambda n, w, s, p: (n + 2 * p - w) // s + 2, "There is one window too many."),
    ("parentheses", lambda n, w, s, p: (n + 2 * p - w + 1) // s, "The 1 stands inside the division: divide first, then add it."),
    ("parentheses", lambda n, w, s, p: n + 2 * p - w // s + 1, "Only the window is divided by the stride: parentheses around size + 2·pad − window are missing."),
    ("padding-subtracted", lambda n, w, s, p: (n - 2 * p - w) // s + 1, "The padding is subtracted; it makes the image larger."),
    ("window-ignored", lambda n, w, s, p: (n + 2 * p) // s, "The window's size is ignored: the last window begins at size + 2·pad − window."),
    ("window-ignored", lambda n, w, s, p: n // s, "The size is only divided by the stride. That is right only where windows lie side by side without padding."),
    ("window-for-stride", lambda n, w, s, p: (n + 2 * p - w) // w + 1, "The window's size is used as its step; the stride says how far it moves."),
    ("window-for-stride", lambda n, w, s, p: n // w, "The size is only divided by the window's. That is right only where windows lie side by side without padding."),
)
"""Wrong formulas for the number of window positions: (mistake, formula of size, window, stride, pad, hint)."""


def _cases(seed: int) -> Iterator[tuple[Entry, Shape]]:
    """Convolutions and pools whose sizes all differ, so that each wrong formula gives another number."""
    fixed: tuple[tuple[Entry, Shape], ...] = (
        (conv_entry(16, (3, 3)), (1, 28, 28)),
        (conv_entry(5, (4, 3), (3, 2), (1, 2)), (2, 15, 18)),
        (conv_entry(7, (5, 2), (2, 3), (2, 1)), (3, 18, 22)),
        (pool_entry((2, 2)), (16, 26, 26)),
        (pool_entry((3, 4), (2, 3), (1, 0)), (6, 14, 19)),
        (pool_entry((2, 3), (3, 2), (0, 1)), (5, 13, 16)),
    )
    yield from fixed
    if seed:
        rng = np.random.default_rng(seed)
        for i in range(6):
            size, stride, pad = ((int(rng.integers(low, high)), int(rng.integers(low, high))) for low, high in ((2, 6), (2, 5), (0, 2)))
            shape = (int(rng.integers(2, 9)), *(int(n) for n in rng.integers(17, 40, 2)))
            yield (conv_entry(int(rng.integers(9, 20)), size, stride, pad) if i % 2 else pool_entry(size, stride, pad)), shape


def as_tuple(value: Any, what: str) -> tuple[float, ...]:
    if isinstance(value, str):
        raise Mistake("not-a-tuple", f"{what} is text, {value[:40]!r}; a shape is a tuple of numbers, such as (16, 26, 26).")
    found = array(value, what)
    if found.ndim > 1:
        raise Mistake("wrong-shape", f"{what} should be a tuple of numbers, such as (16, 26, 26); it has shape {found.shape}.")
    if found.ndim == 0:
        raise Mistake("not-a-tuple", f"{what} is the number {found:g}; a shape is a tuple, with one number too: `(units,)`.")
    return tuple(float(n) for n in found)


def shown_shape(shape: tuple[float, ...]) -> str:
    return f"({', '.join(f'{n:g}' for n in shape)}{',' if len(shape) == 1 else ''})"


def _words(entry: Entry) -> str:
    """A layer in words."""
    if "size" not in entry:
        return f"{entry['type']} {entry['units']}" if "units" in entry else entry["type"]
    filters = f" with {entry['filters']} filters" if "filters" in entry else ""
    size, stride, pad = (f"({a}, {b})" for a, b in (entry["size"], entry["stride"], entry["padding"]))
    return f"{entry['type']}{filters}, size {size}, stride {stride}, padding {pad}"


@check("output_shape", "A1")
def output_shape(function: Any, *, seed: int = 0) -> Iterator[str]:
    """Shapes of convolution, pooling, flatten, dense and the rest, on geometries where every slip shows."""
    _right_windows(function, list(_cases(seed)))
    yield "convolution and pooling with stride and padding"
    for entry, shape in (
        (plain("flatten"), (3, 4, 5)), (plain("flatten"), (7, 2, 6)), (dense_entry(9), (30,)), (dense_entry(4), (3, 2, 5)),
        (plain("relu"), (3, 4, 5)), (plain("relu"), (11,)), (plain("softmax"), (10,)),
    ):  # fmt: skip
        _right_shape(function, entry, shape)
    yield "flatten, dense, relu, softmax"


def _right_windows(function: Any, cases: list[tuple[Entry, Shape]]) -> None:
    """All convolutions and pools first, then the slip that explains all of their shapes, or at least the wrong ones."""
    given = [oracle.copied([entry])[0] for entry, _ in cases]
    values = call_each(function, [(entry, shape) for entry, (_, shape) in zip(given, cases, strict=True)], what="output_shape")
    got = [_as_shape(value, mine, *case) for value, mine, case in zip(values, given, cases, strict=True)]
    wrong = [i for i, (entry, shape) in enumerate(cases) if got[i] != oracle.output_shape(entry, shape)]
    if not wrong:
        return
    found = [_explanations(*case, each) for case, each in zip(cases, got, strict=True)]
    first = found[wrong[0]]
    everywhere = [pair for pair in first if all(pair in each for each in found)]
    where_wrong = [pair for pair in first if all(pair in found[i] for i in wrong)]
    name, hint = next(iter([*everywhere, *where_wrong, *first]), ("differs", "Along each axis: ⌊(size + 2·pad − window) / stride⌋ + 1."))
    entry, shape = cases[wrong[0]]
    raise Mistake(name, f"The output shape of {_words(entry)}, for {shown_shape(shape)}, is {shown_shape(oracle.output_shape(entry, shape))} and not {shown_shape(got[wrong[0]])}. {hint}")


def _got(function: Any, entry: Entry, shape: Shape) -> tuple[float, ...]:
    given = oracle.copied([entry])[0]
    return _as_shape(call(function, given, shape, what="output_shape"), given, entry, shape)


def _as_shape(value: Any, given: Entry, entry: Entry, shape: Shape) -> tuple[float, ...]:
    if given != entry:
        raise Mistake("input-changed", "output_shape changed the dictionary that it was given, which belongs to the file. Don't modify it.")
    return as_tuple(value, f"the output shape of {_words(entry)}, for {shown_shape(shape)}")


def _right_shape(function: Any, entry: Entry, shape: Shape) -> None:
    got, expected = _got(function, entry, shape), oracle.output_shape(entry, shape)
    if got != expected:
        raise _plain_slip(entry, shape, got, expected, f"the output shape of {_words(entry)}, for {shown_shape(shape)}")


def _explanations(entry: Entry, shape: Shape, got: tuple[float, ...]) -> list[tuple[str, str]]:
    """Every slip that gives this shape of a convolution or pool, likelier ones first."""
    axes = [(shape[1 + i], entry["size"][i], entry["stride"][i], entry["padding"][i]) for i in (0, 1)]
    k = entry.get("filters", shape[0])
    right = [float(oracle.conv.output_size(*a)) for a in axes]
    if len(got) == 4:
        return [("batch-included", "It should stand without the batch: three numbers, (K, P, Q).")]
    if len(got) != 3:
        return [("wrong-shape", "It should have three numbers: (K, P, Q) of a convolution, (C, P, Q) of a pool.")]
    found: list[tuple[str, str]] = []
    if list(got[1:]) == right and got[0] != k:
        if got[0] == shape[0]:
            found.append(("channels-for-filters", "The number of channels is what comes in; what goes out is one channel a filter."))
        if got[0] == shape[0] * k:
            found.append(("channels-times-filters", "Each filter sums over all channels, so K channels go out, not C · K."))
        if entry["type"] == "max_pool":
            found.append(("pool-changes-channels", "Pooling works on each channel alone and leaves their number as it is."))
        return [*found, ("wrong-channels", "P and Q are right, the first number is not: it is the number of filters.")]
    for name, formula, hint in SLIPS:
        slipped = [float(formula(*a)) for a in axes]
        if list(got[1:]) in (slipped, [slipped[0], right[1]], [right[0], slipped[1]]):
            found.append((name, hint))
    own = list(zip(*axes, strict=True))  # sizes, windows, strides, pads, each (down, across)
    mixed = "A number of the other axis is used: H, R, u and pad_h belong to the rows, W, S, v and pad_w to the columns, and each pair is (down, across)."
    for choice in product((0, 1), repeat=8):
        sides = [float(oracle.conv.output_size(*(int(own[j][choice[4 * i + j]]) for j in range(4)))) for i in (0, 1)]
        if list(got[1:]) == sides and sides not in (right, right[::-1]):
            found.append(("axes-mixed-up", mixed))
            break
    if list(got[1:]) == right[::-1] and got[0] == k:
        found.append(("axes-swapped", "P and Q are swapped: P counts rows and comes first."))
    if list(got[:2]) == right and got[2] == k:
        found.append(("channels-last", "The channels stand last here; the course puts them first: (K, P, Q)."))
    if list(got[1:]) == right[::-1]:
        found.append(("axes-mixed-up", mixed))
    return found


def _plain_slip(entry: Entry, shape: Shape, got: tuple[float, ...], expected: Shape, what: str) -> Mistake:
    begin = f"{what[:1].upper()}{what[1:]}, is {shown_shape(expected)} and not {shown_shape(got)}."
    if entry["type"] == "flatten":
        if prod(got) == prod(shape):
            return Mistake("flatten-keeps-axes", f"{begin} The output of Flatten has one axis, of C · H · W.")
        return Mistake("flatten-forgets-axis", f"{begin} C, H and W are all multiplied.")
    if entry["type"] == "dense":
        if got == shape:
            return Mistake("dense-keeps-shape", f"{begin} The output of a dense layer has `units` numbers, whatever its input.")
        return Mistake("wrong-shape", f"{begin} The output of a dense layer has the shape (units,).")
    return Mistake("wrong-shape", f"{begin} This layer does not change the shape.")


@check("parameter_count", "A2")
def parameter_count(function: Any, *, seed: int = 0) -> Iterator[str]:
    """Weights and biases of every kind of layer."""
    rng = np.random.default_rng([seed, 3])
    n = [int(v) for v in rng.permutation([3, 5, 7, 11, 13])]
    cases: list[tuple[Entry, Shape]] = [
        (conv_entry(n[0], (2, 4), (2, 1), (1, 0)), (n[1], 17, 19)),
        (conv_entry(16, (3, 3)), (1, 28, 28)),
        (conv_entry(n[2], (6, 1), (1, 3)), (n[3], 23, 29)),
        (dense_entry(10), (128,)),
        (dense_entry(n[4]), (17,)),
        (dense_entry(n[0]), (n[1], 4, 6)),
        (pool_entry((2, 3), (1, 2), (0, 1)), (n[2], 8, 9)),
        *((plain(kind), shape) for kind, shape in (("relu", (n[3], 4, 6)), ("flatten", (n[4], 2, 3)), ("softmax", (10,)))),
    ]
    for entry, shape in cases:
        _right_count(function, entry, shape)
        yield {"conv": "convolution", "dense": "dense, of rows and of images"}.get(entry["type"], "no parameters in the others")


def _right_count(function: Any, entry: Entry, shape: Shape) -> None:
    what = f"the count of {_words(entry)}, for {shown_shape(shape)}"
    result = call(function, oracle.copied([entry])[0], shape, what="parameter_count")
    if isinstance(result, str):
        raise Mistake("not-one-number", f"{what} should be a whole number, but it is text, {result[:40]!r}. Leave the formatting to `print`.")
    found = array(result, what)
    expected = oracle.parameters(entry, shape)
    if found.size != 1:
        raise Mistake("not-one-number", f"{what[:1].upper()}{what[1:]}, should be one number, weights and biases together; it has shape {found.shape}.")
    got = float(found.reshape(()))
    if got == expected:
        return
    name, hint = "differs", ""
    for slip, value, text in _count_slips(entry, shape):
        if got == value:
            name, hint = slip, " " + text
            break
    raise Mistake(name, f"{what[:1].upper()}{what[1:]}, is {expected:,} and not {got:,.10g}.{hint}")


def _count_slips(entry: Entry, shape: Shape) -> Iterator[tuple[str, float, str]]:
    if entry["type"] == "conv":
        k, c, (r, s), (h, w) = entry["filters"], shape[0], entry["size"], shape[1:]
        _, p, q = oracle.output_shape(entry, shape)
        image = "The size of the image is counted. A filter is shared by all places: R · S weights a channel, whatever H and W are."
        yield "bias-not-counted", k * c * r * s, "The biases are missing: one for each filter."
        yield "image-counted", k * c * h * w + k, image
        yield "image-counted", k * c * h * w, image
        yield "image-counted", (c * r * s + 1) * k * h * w, image
        yield "image-counted", (c * r * s + 1) * k * p * q, "Every position of the output is counted. A filter is shared by all positions."
        yield "image-counted", c * r * s * k * p * q, "Every position of the output is counted. A filter is shared by all positions."
        yield "image-counted", k * c * r * s + k * p * q, "There is a bias for each position of the output here; a filter has one bias, used at all positions."
        yield "channels-not-counted", k * r * s + k, "The channels are missing: a filter has R · S weights for each input channel."
        yield "channels-not-counted", k * r * s, "The channels and the biases are missing: a filter has R · S weights for each input channel, and one bias."
        yield "bias-per-channel", k * c * (r * s + 1), "There is a bias for each channel of each filter here; a filter has one, since it sums over its channels first."
        yield "bias-per-channel", k * c * r * s + c, "The biases belong to the filters, K of them, not to the input channels."
        yield "one-bias", k * c * r * s + 1, "There is only one bias here; each filter has its own."
        yield "filters-not-counted", c * r * s + 1, "This is one filter; there are K of them."
        yield "bias-per-weight", 2 * k * c * r * s, "There is a bias for each weight here; each filter has one."
        for side in (r, s):
            yield "filter-square", k * (c * side * side + 1), "The filter is assumed to be square; it has R · S entries."
        yield "filter-added", k * (c * (r + s) + 1), "R and S are added; a filter has R · S entries per channel."
    elif entry["type"] == "dense":
        n, units = prod(shape), entry["units"]
        yield "bias-not-counted", n * units, "The biases are missing: one for each unit."
        yield "one-bias", n * units + 1, "There is only one bias here; each unit has its own."
        yield "bias-per-input", (units + 1) * n, "The biases belong to the units, one each, not to the inputs."
        yield "image-not-flattened", (shape[0] + 1) * units, "Only the channels are counted as inputs: a dense layer that gets images takes all C · H · W numbers."
        yield "image-not-flattened", shape[0] * units, "Only the channels are counted as inputs, and the biases are missing: a dense layer that gets images takes all C · H · W numbers."
        yield "image-not-flattened", (shape[-1] + 1) * units, "Only the last axis is counted as inputs: a dense layer that gets images takes all C · H · W numbers."
        yield "inputs-not-counted", units, "These are the biases alone; each unit has a weight for each input, too."
    else:
        for value in (prod(shape), shape[0], prod(entry.get("size", [1])), prod(entry.get("size", [1])) + 1, shape[0] * prod(entry.get("size", [1])), shape[0] * (prod(entry.get("size", [1])) + 1), 1):
            yield "counts-where-none", value, "This layer has no parameters."
