"""Checks of A1 to A3: output shapes, parameter counts, and the table of a whole file."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import ceil, prod
from typing import Any

import numpy as np

from helpers.check.cnn_learning import oracle, probes
from helpers.check.cnn_learning.oracle import Entry, Shape, conv_entry, dense_entry, plain, pool_entry
from helpers.check.core.ask import Answer, array, ask, kind_of, number, raised
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check
from helpers.check.core.student_errors import in_words, rebuilt

SLIPS: tuple[tuple[str, Callable[[int, int, int, int], float], str], ...] = (
    ("stride-ignored", lambda n, w, s, p: n + 2 * p - w + 1, "The stride is ignored: divide (size + 2·pad − window) "
     "by it before 1 is added."),
    ("padding-once", lambda n, w, s, p: (n + p - w) // s + 1, "The padding is counted once; it lies on both sides, so "
     "it counts twice (2·pad)."),
    ("padding-ignored", lambda n, w, s, p: (n - w) // s + 1, "The padding is ignored: the window slides over size + "
     "2·pad rows."),
    ("rounded-up", lambda n, w, s, p: ceil((n + 2 * p - w) / s) + 1, "The division is rounded up. A window that does "
     "not fit whole is left out: round down (`//`)."),
    ("rounded-up", lambda n, w, s, p: round((n + 2 * p - w) / s) + 1, "The division is rounded to the nearest whole "
     "number. A window that does not fit whole is left out: round down (`//`)."),
    ("rounded-up", lambda n, w, s, p: ceil((n + 2 * p) / s), "This is ⌈size / stride⌉, what other libraries call "
     "\"same\". Here the padding is given: ⌊(size + 2·pad − window) / stride⌋ + 1."),
    ("not-rounded", lambda n, w, s, p: (n + 2 * p - w) / s + 1, "The result is a fraction: divide with `//`."),
    ("one-missing", lambda n, w, s, p: (n + 2 * p - w) // s, "The last window is missing: windows fit ⌊…⌋ + 1 times, "
     "because the first one counts, too."),
    ("one-missing", lambda n, w, s, p: (n + 2 * p - w) // s + 2, "There is one window too many."),
    ("parentheses", lambda n, w, s, p: (n + 2 * p - w + 1) // s, "The 1 stands inside the division: divide first, "
     "then add it."),
    ("parentheses", lambda n, w, s, p: n + 2 * p - w // s + 1, "Only the window is divided by the stride: parentheses "
     "around size + 2·pad − window are missing."),
    ("padding-subtracted", lambda n, w, s, p: (n - 2 * p - w) // s + 1, "The padding is subtracted; it makes the "
     "image larger."),
    ("window-ignored", lambda n, w, s, p: (n + 2 * p) // s, "The window's size is ignored: the last window begins at "
     "size + 2·pad − window."),
    ("window-ignored", lambda n, w, s, p: n // s, "The size is only divided by the stride. That is right only where "
     "windows lie side by side without padding."),
    ("window-for-stride", lambda n, w, s, p: (n + 2 * p - w) // w + 1, "The window's size is used as its step; the "
     "stride says how far it moves."),
    ("window-for-stride", lambda n, w, s, p: n // w, "The size is only divided by the window's. That is right only "
     "where windows lie side by side without padding."),
)
"""Wrong formulas for the number of window positions: (mistake, formula of size, window, stride, pad, hint)."""


def _windows(seed: int) -> Iterator[tuple[Entry, Shape]]:
    """Convolutions and pools whose sizes all differ, so that each wrong formula gives another number; without and with
    padding, at stride 1 and above, and with rows or columns that no window reaches."""
    rng = np.random.default_rng([seed, 1])
    yield conv_entry(16, (3, 3)), (1, 28, 28)
    pads = ((1, 0), (2, 1), (0, 0), (1, 2), (0, 1), (3, 1), (1, 2), (0, 0), (2, 0), (1, 1), (0, 2), (2, 1), (1, 0))
    for i, pad in enumerate((*pads, (0, 1), (1, 3), (2, 2))):
        steps_of = [2, 3, 4, 1 + 4 * (i % 2)]
        size, windows, steps = (rng.permutation(each)[:2] for each in ([6, 7, 8, 9], [2, 3, 4, 5], steps_of))
        sides = size * steps + windows - 2 * np.asarray(pad) + rng.integers(0, steps)
        window, stride = tuple(windows.tolist()), tuple(steps.tolist())
        shape = (int(rng.integers(2, 9)), *sides.tolist())
        filters = int(rng.integers(11, 20))
        yield (conv_entry(filters, window, stride, pad) if i % 2 else pool_entry(window, stride, pad)), shape


def as_tuple(value: Any, what: str) -> tuple[float, ...]:
    if isinstance(value, str):
        raise Mistake("not-a-tuple", f"{what} is text, {value[:40]!r}; a shape is a tuple of numbers, such as (16, "
                      f"26, 26).")
    found = array(value, what)
    if found.ndim > 1:
        raise Mistake("wrong-shape", f"{what} should be a tuple of numbers, such as (16, 26, 26); it has shape "
                      f"{found.shape}.")
    if found.ndim == 0:
        raise Mistake("not-a-tuple", f"{what} is the number {found:g}; a shape is a tuple, with one number too: "
                      f"`(units,)`.")
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
    rng = np.random.default_rng([seed, 2])
    c, h, w, units = (int(n) for n in rng.permutation([2, 3, 4, 5, 6, 7])[:4])
    windows = list(_windows(seed))
    others: list[tuple[Entry, Shape]] = [
        (plain("flatten"), (c, h, w)), (plain("flatten"), (h, 1, c)),
        (dense_entry(units), (30,)), (dense_entry(units), (c, h, w)),
        (plain("relu"), (c, h, w)), (plain("relu"), (11,)), (plain("softmax"), (10,)),
    ]  # fmt: skip
    seen = ask(calls, "output_shape", function, [*windows, *others], ("layer",))
    got = [as_tuple(seen[i], _shape_of(*case)) for i, case in enumerate(windows)]
    _right_windows(windows, got)
    yield "convolution and pooling with stride and padding"
    for i, (entry, shape) in enumerate(others, len(windows)):
        found, expected = as_tuple(seen[i], _shape_of(entry, shape)), oracle.output_shape(entry, shape)
        if found != expected:
            raise _plain_slip(entry, shape, found, expected, _shape_of(entry, shape))
    yield "flatten, dense, relu, softmax"


def _shape_of(entry: Entry, shape: Shape) -> str:
    return f"the output shape of {_words(entry)}, for {shown_shape(shape)}"


def _right_windows(cases: Sequence[tuple[Entry, Shape]], got: Sequence[tuple[float, ...]]) -> None:
    """Raise for the slip that explains all of the shapes, or at least the wrong ones, or the first of these."""
    wrong = [i for i, case in enumerate(cases) if got[i] != oracle.output_shape(*case)]
    if not wrong:
        return
    found = [_explanations(*case, each) for case, each in zip(cases, got, strict=True)]
    first = found[wrong[0]]
    everywhere = [pair for pair in first if all(pair in each for each in found)]
    where_wrong = [pair for pair in first if all(pair in found[i] for i in wrong)]
    name, hint = next(iter([*everywhere, *where_wrong, *first]), ("differs", "Along each axis: ⌊(size + 2·pad − "
        "window) / stride⌋ + 1."))
    entry, shape = cases[wrong[0]]
    raise Mistake(name, f"The output shape of {_words(entry)}, for {shown_shape(shape)}, is "
                  f"{shown_shape(oracle.output_shape(entry, shape))} and not {shown_shape(got[wrong[0]])}. {hint}")


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
            found.append(("channels-for-filters", "The number of channels is what comes in; what goes out is one "
                          "channel a filter."))
        if got[0] == shape[0] * k:
            found.append(("channels-times-filters", "Each filter sums over all channels, so K channels go out, not C "
                          "· K."))
        if entry["type"] == "max_pool":
            found.append(("pool-changes-channels", "Pooling works on each channel alone and leaves their number as it "
                          "is."))
        return [*found, ("wrong-channels", "P and Q are right, the first number is not: it is the number of filters.")]
    for name, formula, hint in SLIPS:
        slipped = [float(formula(*a)) for a in axes]
        if list(got[1:]) in (slipped, [slipped[0], right[1]], [right[0], slipped[1]]):
            found.append((name, hint))
    last = [float(oracle.conv.output_size(*(shape[i], *axes[i][1:]))) for i in (0, 1)]
    if list(got) in ([*last, float(k)], [*last, float(shape[2])], [float(k), *last]):
        found.append(("channels-last", "The shape is read as (H, W, C) here; the course puts the channels first, (C, "
                      "H, W) in and (K, P, Q) out."))
    own = list(zip(*axes, strict=True))  # sizes, windows, strides, pads, each (down, across)
    mixed = (
        "A number of the other axis is used: H, R, u and pad_h belong to the rows, W, S, v and pad_w to the columns, "
        "and each pair is (down, across)."
    )
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
            return Mistake("dense-keeps-shape", f"{begin} The output of a dense layer has `units` numbers, whatever "
                           f"its input.")
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
        *(
            (plain(kind), shape)
            for kind, shape in (("relu", (n[3], 4, 6)), ("flatten", (n[4], 2, 3)), ("softmax", (10,)))
        ),
    ]
    seen = ask(calls, "parameter_count", function, cases, ("layer",))
    for i, (entry, shape) in enumerate(cases):
        _right_count(seen[i], entry, shape)
        yield {"conv": "convolution", "dense": "dense, of rows and of images"}.get(
            entry["type"], "no parameters in the others"
        )


def _right_count(result: Any, entry: Entry, shape: Shape) -> None:
    what = f"the count of {_words(entry)}, for {shown_shape(shape)}"
    if isinstance(result, str):
        raise Mistake("not-one-number", f"{what} should be a whole number, but it is text, {result[:40]!r}. Leave the "
                      f"formatting to `print`.")
    found = array(result, what)
    expected = oracle.parameters(entry, shape)
    if found.size != 1:
        raise Mistake("not-one-number", f"{what[:1].upper()}{what[1:]}, should be one number, weights and biases "
                      f"together; it has shape {found.shape}.")
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
        image = (
            "The size of the image is counted. A filter is shared by all places: "
            "R · S weights a channel, whatever H and W are."
        )
        for other, word in ((h, "1"), (w, "2")):
            for value in (k * (other * r * s + 1), k * other * r * s):
                yield ("channels-from-wrong-place", value, f"`shape[{word}]` is taken for the channels. A shape stands "
                       f"without the batch, (C, H, W): the channels come first, `shape[0]`.")
        yield "bias-not-counted", k * c * r * s, "The biases are missing: one for each filter."
        yield "image-counted", k * c * h * w + k, image
        yield "image-counted", k * c * h * w, image
        yield "image-counted", (c * r * s + 1) * k * h * w, image
        yield ("image-counted", (c * r * s + 1) * k * p * q, "Every position of the output is counted. A filter is "
            "shared by all positions.")
        yield ("image-counted", c * r * s * k * p * q, "Every position of the output is counted. A filter is shared by "
            "all positions.")
        yield ("image-counted", k * c * r * s + k * p * q, "There is a bias for each position of the output here; a "
            "filter has one bias, used at all positions.")
        yield ("channels-not-counted", k * r * s + k, "The channels are missing: a filter has R · S weights for each "
            "input channel.")
        yield ("channels-not-counted", k * r * s, "The channels and the biases are missing: a filter has R · S weights "
            "for each input channel, and one bias.")
        yield ("bias-per-channel", k * c * (r * s + 1), "There is a bias for each channel of each filter here; a "
            "filter has one, since it sums over its channels first.")
        yield ("bias-per-channel", k * c * r * s + c, "The biases belong to the filters, K of them, not to the input "
            "channels.")
        yield "one-bias", k * c * r * s + 1, "There is only one bias here; each filter has its own."
        yield "filters-not-counted", c * r * s + 1, "This is one filter; there are K of them."
        yield "bias-per-weight", 2 * k * c * r * s, "There is a bias for each weight here; each filter has one."
        for side in (r, s):
            yield ("filter-square", k * (c * side * side + 1), "The filter is assumed to be square; it has R · S "
                "entries.")
        yield "filter-added", k * (c * (r + s) + 1), "R and S are added; a filter has R · S entries per channel."
    elif entry["type"] == "dense":
        n, units = prod(shape), entry["units"]
        yield "bias-not-counted", n * units, "The biases are missing: one for each unit."
        yield "one-bias", n * units + 1, "There is only one bias here; each unit has its own."
        yield "bias-per-input", (units + 1) * n, "The biases belong to the units, one each, not to the inputs."
        yield ("image-not-flattened", (shape[0] + 1) * units, "Only the channels are counted as inputs: a dense layer "
            "that gets images takes all C · H · W numbers.")
        yield ("image-not-flattened", shape[0] * units, "Only the channels are counted as inputs, and the biases are "
            "missing: a dense layer that gets images takes all C · H · W numbers.")
        yield ("image-not-flattened", (shape[-1] + 1) * units, "Only the last axis is counted as inputs: a dense layer "
            "that gets images takes all C · H · W numbers.")
        for some, words in ((shape[1:], "C is"), (shape[:-1], "W is"), (shape[::2], "H is")):
            if len(shape) == 3:
                yield ("image-not-flattened", (prod(some) + 1) * units, f"{words} left out: a dense layer that gets "
                       f"images takes all C · H · W numbers.")
                yield ("image-not-flattened", prod(some) * units, f"{words} left out, and the biases are missing: a "
                       f"dense layer that gets images takes all C · H · W numbers.")
        yield "inputs-not-counted", units, "These are the biases alone; each unit has a weight for each input, too."
    else:
        window, c = prod(entry.get("size", [1])), shape[0]
        for value in (prod(shape), c, window, window + 1, c * window, c * (window + 1), 1):
            yield "counts-where-none", value, "This layer has no parameters."


@check("layer_table", "A3", builds_on="`output_shape` and `parameter_count`", after="A1 A2")
def layer_table(function: Any, parameter_count: Any = None, *, seed: int = 0) -> Iterator[str]:
    """One (shape, count) per layer; files that can't be built are refused with the layer's index in the file.

    A count that is the student's own parameter_count passes, so that a mistake there costs its points once.
    """
    rng = np.random.default_rng([seed, 5])
    c, h, w = 2, int(rng.integers(19, 26)), int(rng.integers(17, 24))
    k, more, units = (int(n) for n in rng.permutation([4, 5, 6, 7, 8, 9, 10, 11])[:3])
    image: Shape = (c, h, w)
    entries = [
        conv_entry(k, (4, 3), (2, 1), (1, 0)), plain("relu"), pool_entry((2, 3)), conv_entry(more, (2, 2)),
        plain("relu"), dense_entry(units), plain("relu"), dense_entry(3), plain("softmax"),
    ]  # fmt: skip
    once = ", where each window fits exactly once"
    files: list[tuple[list[Entry], str]] = [
        (entries, ""),
        ([*entries[:3], plain("flatten"), *entries[5:]], ""),
        ([conv_entry(k, (h - 2, 5), (4, 2)), plain("relu"), pool_entry((1, (w - 5) // 2 + 1)), dense_entry(2)], once),
        ([conv_entry(k, (h, 4)), pool_entry((1, w - 3))], once),
        ([conv_entry(k, (h + 2, w + 1), (1, 1), (1, 1)), dense_entry(2)],
         ", where a window is larger than the image and fits into the padded one"),
    ]  # fmt: skip
    refused: list[tuple[list[Entry], int, str]] = [
        ([*entries[:2], conv_entry(4, (40, 40)), *entries[5:]], 2, "a window larger than the image"),
        ([*entries[:3], conv_entry(4, (2, 40)), *entries[5:]], 3, "a window wider than the image"),
        ([*entries[:3], conv_entry(4, (40, 2)), *entries[5:]], 3, "a window taller than the image"),
        ([*entries[:5], pool_entry((9, 9), (3, 3)), *entries[5:]], 5, "a pool larger than the image"),
        ([conv_entry(4, (h + 1, 2), (3, 1))], 0, "a window that is one row too tall, with a stride of 3"),
        ([pool_entry((9, 9), (2, 2)), pool_entry((9, 9), (2, 2))], 1, "the second of two equal pools, too large,"),
        ([*entries[:6], conv_entry(4, (1, 1)), *entries[6:]], 6, "a convolution after a dense layer"),
        ([*entries[:7], conv_entry(4, (1, 1)), *entries[7:]], 7, "a convolution after a dense layer and its ReLU"),
        ([*entries[:4], plain("flatten"), pool_entry((1, 1)), *entries[5:]], 5, "a pool after flatten"),
    ]
    walked = [list(oracle.walked(each, image)) for each, _ in files]
    counted = [pair for each in walked for pair in each]
    asked = [(each, image) for each, *_ in (*files, *refused)]
    seen = ask(probes.layer_tables, function, parameter_count, asked, counted)
    place = 0
    for i, (each, (_, words)) in enumerate(zip(walked, files, strict=True)):
        counts = [_own_count(seen, place + j) for j in range(len(each))]
        rows = _table(seen.part(i), words, len(each))
        if i and len(rows) == place + len(each):
            raise Mistake("kept-between-calls", f"The table has {len(rows)} rows for {len(each)} layers: those of the "
                          "files before are still in it. Make the list inside of the function: one that is made "
                          "outside, or as a default argument such as `table=[]`, is made only once.")
        _right_table(rows, each, image, counts)
        place += len(each)
    yield f"{len(entries)} layers with their shapes and counts"
    for i, (_, at, words) in enumerate(refused, len(files)):
        _refused(seen.part(i), at, words)
    yield "files that can't be built are refused, and the layer is named"


def _own_count(seen: Answer, place: int) -> float | None:
    """What the student's own function says, None where it says nothing useful."""
    try:
        return number(seen[f"count {place}"], "the count") if f"count {place}" in seen else None
    except Mistake:
        return None


def _table(seen: Answer, words: str, count: int) -> Any:
    """The rows of a table of so many layers, in which each may still be wrong."""
    if "error" in seen:
        error = rebuilt(seen["error"])
        if re.search(r"layers\s*\[\s*\d", str(error)):
            raise Mistake("refuses-what-fits", f"layer_table refuses a file that can be built{words}: "
                          f"{in_words(error)}. Refuse it only where P < 1 or Q < 1, or where the input of `conv` or "
                          f"`max_pool` is a vector.")
        raise raised("layer_table", error)
    rows = seen["table"]
    if rows is None:
        raise Mistake("returns-none", "layer_table returned None. Is the `return` missing?")
    if not hasattr(rows, "__len__") or isinstance(rows, str | dict):
        raise Mistake("not-a-list", f"layer_table should return a list of pairs (output shape, parameters); it "
                      f"returned something {kind_of(rows)}.")
    if len(rows) == 1 < count:
        raise Mistake("return-in-loop", "The table has one row. Is there a `return` inside the loop?")
    return rows


def _right_table(
    rows: Any, walked: Sequence[tuple[Entry, Shape]], image: Shape, counts: Sequence[float | None]
) -> None:
    one_more = len(rows) == len(walked) + 1 and isinstance(rows[0], tuple | list) and rows[0]
    if one_more and np.array_equal(rows[0][0], image):
        raise Mistake("image-in-table", "The table has one row too many: the image itself is not a layer.")
    if len(rows) == 2 * len(walked) and all(isinstance(row, tuple | list) for row in rows[::2]) and not any(
        isinstance(row, tuple | list) for row in rows[1::2]
    ):  # fmt: skip
        raise Mistake("pairs-taken-apart", f"The table has {len(rows)} entries for {len(walked)} layers, a shape and a "
                      "count in turn: `+=` adds the two things of a pair one by one. Append the pair as one thing, "
                      "`table.append((shape, count))`.")
    if len(rows) != len(walked):
        raise Mistake("wrong-length", f"The table has {len(rows)} rows for {len(walked)} layers; there should be one "
                      f"for each.")
    for i, ((entry, shape), row) in enumerate(zip(walked, rows, strict=True)):
        what = f"row {i} of the table ({entry['type']})"
        begin = f"R{what[1:]}"
        if not isinstance(row, tuple | list) or len(row) != 2:
            raise Mistake("not-a-pair", f"{begin} should be a pair, (output shape, parameters).")
        out, count = oracle.output_shape(entry, shape), oracle.parameters(entry, shape)
        first, second = array(row[0], f"the shape in {what}"), array(row[1], f"the count in {what}")
        if first.size == 1 and second.size == len(out) and tuple(second.reshape(-1)) == out:
            raise Mistake("pair-swapped", "The pairs are swapped: the shape comes first, then the number of "
                          "parameters.")
        got = as_tuple(row[0], f"the shape in {what}")
        if got != out:
            if got == shape and i + 1 < len(walked):
                raise Mistake("shape-before-layer", f"{begin} holds the input shape, {shown_shape(shape)}; it should "
                              f"hold the output shape, {shown_shape(out)}.")
            alone = oracle.output_shape(entry, image) if entry["type"] in ("conv", "max_pool", "relu") else ()
            if got == alone:
                raise Mistake("shape-not-passed-on", f"{begin} is computed from the image's shape, as if it were the "
                              f"first layer. The input shape of a layer is the output shape of the one before it.")
            raise Mistake("differs", f"{begin}: the shape should be {shown_shape(out)}, and it is {shown_shape(got)}.")
        told = float(second.reshape(())) if second.size == 1 else None
        if told is None or told not in (count, counts[i]):
            shown = f"{float(second.reshape(-1)[0]):,.10g}" if second.size else "an empty array"
            if count and told == oracle.parameters(entry, out):
                raise Mistake("count-from-output", f"{begin}: the count is {count:,} and not {shown}. It follows from "
                              f"the input shape; here the output shape was used.")
            raise Mistake("differs", f"{begin}: the number of parameters should be {count:,}, and it is {shown}.")


def _shape_told(rows: Any, place: int) -> tuple[int, ...]:
    """The output shape in a row of a table; () where it holds none."""
    try:
        return tuple(int(n) for n in rows[place][0])
    except Exception:
        return ()


def _refused(seen: Answer, place: int, words: str) -> None:
    """The function must raise a ValueError that names the layer."""
    what = f"layer_table, for {words} at layers[{place}],"
    if "error" not in seen:
        rows = seen["table"]  # or what ended the probe before
        shape = _shape_told(rows, place) if words.startswith("a window") else ()
        if len(shape) == 3 and min(shape) >= 1:
            raise Mistake("not-refused", f"{what} is accepted: its output shape is computed as {shown_shape(shape)}, "
                          "and the formula gives P or Q below 1. Is a negative fraction rounded towards 0 in "
                          "`output_shape`, as by `int(a / b)`, or a size limited from below? `a // b` rounds down.")
        if "stride of" in words:  # larger windows, with a stride of 1, were refused
            raise Mistake("not-refused", f"{what} is accepted, though windows that are too large are refused where the "
                          "stride is 1. Is a negative fraction rounded towards 0 before P and Q are looked at, as by "
                          "`int(a / b)` or `astype(int)`? `a // b` rounds down.")
        raise Mistake("not-refused", f"{what} is accepted silently. A window must fit at least once (P ≥ 1 and Q ≥ "
                      f"1), and `conv` and `max_pool` take images: otherwise `raise ValueError`.")
    error = rebuilt(seen["error"])
    mistake, text = raised(what, error), str(error)
    named = [int(n) for n in re.findall(r"layers\s*\[\s*(\d+)\s*\]", text)]
    if mistake.name != "raises":
        raise mistake
    # An error of their own counts as a ValueError, whatever its bases are.
    foreign = not isinstance(error, ValueError) and hasattr(builtins, type(error).__name__)
    if foreign or (place not in named and ("to unpack" in text or "zip()" in text)):
        raise Mistake("wrong-error",
                      f"{what} fails with {in_words(error)}. "
                      "Look for such layers first, and `raise ValueError` with a sentence that says which.")
    if place not in named and place + 1 in named:
        raise Mistake("counts-from-one", f"{what} names layers[{place + 1}]; the file's layers count from 0 "
                      f"(`enumerate(layers)`).")
    if named and place not in named:
        raise Mistake("wrong-layer-named", f"{what} names layers[{named[0]}] instead. Count along "
                      f"(`enumerate(layers)`); `layers.index` finds the first entry that is equal.")
    if place not in named:
        raise Mistake("layer-not-named", f"{what} raises a ValueError that does not say where: name the layer as "
                      f"layers[{place}], so that the reader of a long file finds it.")
