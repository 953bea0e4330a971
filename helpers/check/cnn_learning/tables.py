"""The check of A3 of the CNN assignment: a whole file's shapes and counts, and files that can't be built."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.check.cnn_learning import oracle
from helpers.check.cnn_learning.oracle import Entry, Shape, conv_entry, dense_entry, plain, pool_entry
from helpers.check.cnn_learning.shapes import as_tuple, shown_shape
from helpers.check.core.calls import array, call, number
from helpers.check.core.report import Mistake, check


@check("layer_table", "A3", builds_on="`output_shape` and `parameter_count`")
def layer_table(function: Any, parameter_count: Any = None, *, seed: int = 0) -> Iterator[str]:
    """One (shape, count) per layer; files that can't be built are refused with the layer's index in the file.

    A count that is the student's own parameter_count passes, so that a mistake there costs its points once.
    """
    image: Shape = (2, 21, 17 + seed % 7)
    entries = [conv_entry(5, (4, 3), (2, 1), (1, 0)), plain("relu"), pool_entry((2, 3)), conv_entry(7, (2, 2)), plain("relu"), dense_entry(11), plain("relu"), dense_entry(3), plain("softmax")]
    _right_table(function, entries, image, parameter_count)
    _right_table(function, [*entries[:3], plain("flatten"), *entries[5:]], image, parameter_count)
    fits = [conv_entry(3, (19, 5), (4, 2)), plain("relu"), pool_entry((1, 7 + (seed % 7) // 2)), dense_entry(2), plain("softmax")]
    _right_table(function, fits, image, parameter_count, ", where each window fits exactly once")
    _right_table(function, [conv_entry(3, (image[1], 4)), pool_entry((1, image[2] - 3))], image, parameter_count)  # down to 1 × 1
    yield f"{len(entries)} layers with their shapes and counts"
    wide, tall = conv_entry(4, (2, 40)), conv_entry(4, (40, 2))
    refused: list[tuple[list[Entry], int, str]] = [
        ([*entries[:2], conv_entry(4, (40, 40)), *entries[5:]], 2, "a window larger than the image"),
        ([*entries[:3], wide, *entries[5:]], 3, "a window wider than the image"),
        ([*entries[:3], tall, *entries[5:]], 3, "a window taller than the image"),
        ([*entries[:5], pool_entry((9, 9), (3, 3)), *entries[5:]], 5, "a pool larger than the image"),
        ([conv_entry(4, (22, 2), (3, 1))], 0, "a window that is one row too tall, with a stride of 3"),
        ([*entries[:6], conv_entry(4, (1, 1)), *entries[6:]], 6, "a convolution after a dense layer"),
        ([*entries[:4], plain("flatten"), pool_entry((1, 1)), *entries[5:]], 5, "a pool after flatten"),
    ]
    for wrong, place, words in refused:
        _refused(function, wrong, image, place, words)
    yield "files that can't be built are refused, and the layer is named"


def _right_table(function: Any, entries: list[Entry], image: Shape, parameter_count: Any, words: str = "") -> None:
    try:
        rows = call(function, oracle.copied(entries), image, what="layer_table")
    except Mistake as mistake:
        said = mistake.message.split(" raised ", 1)[-1]
        if mistake.name != "raises" or not re.search(r"layers\s*\[\s*\d", said.split(" in the line")[0]):
            raise
        raise Mistake("refuses-what-fits", f"layer_table refuses a file that can be built{words}: {said.split(' in the line')[0].rstrip('.')}. Refuse it only where P < 1 or Q < 1, or where the input of `conv` or `max_pool` is a vector.") from None
    if rows is None:
        raise Mistake("returns-none", "layer_table returned None. Is the `return` missing?")
    if not hasattr(rows, "__len__") or isinstance(rows, str | dict):
        raise Mistake("not-a-list", f"layer_table should return a list of pairs (output shape, parameters); it returned something of type {type(rows).__name__}.")
    if len(rows) == 1 < len(entries):
        raise Mistake("return-in-loop", "The table has one row. Is there a `return` inside the loop?")
    if len(rows) == len(entries) + 1 and isinstance(rows[0], tuple | list) and rows[0] and np.array_equal(rows[0][0], image):
        raise Mistake("image-in-table", "The table has one row too many: the image itself is not a layer.")
    if len(rows) != len(entries):
        raise Mistake("wrong-length", f"The table has {len(rows)} rows for {len(entries)} layers; there should be one for each.")
    shape = image
    for i, (entry, row) in enumerate(zip(entries, rows, strict=True)):
        what = f"row {i} of the table ({entry['type']})"
        if not isinstance(row, tuple | list) or len(row) != 2:
            raise Mistake("not-a-pair", f"{what[:1].upper()}{what[1:]} should be a pair, (output shape, parameters).")
        out, count = oracle.output_shape(entry, shape), oracle.parameters(entry, shape)
        first, second = array(row[0], f"the shape in {what}"), array(row[1], f"the count in {what}")
        if first.size == 1 and second.size == len(out) and tuple(second.reshape(-1)) == out:
            raise Mistake("pair-swapped", "The pairs are swapped: the shape comes first, then the number of parameters.")
        got = as_tuple(row[0], f"the shape in {what}")
        if got != out:
            if got == shape and i + 1 < len(entries):
                raise Mistake("shape-before-layer", f"{what[:1].upper()}{what[1:]} holds the input shape, {shown_shape(shape)}; it should hold the output shape, {shown_shape(out)}.")
            alone = oracle.output_shape(entry, image) if entry["type"] in ("conv", "max_pool", "relu") else ()
            if got == alone:
                raise Mistake("shape-not-passed-on", f"{what[:1].upper()}{what[1:]} is computed from the image's shape, as if it were the first layer. The input shape of a layer is the output shape of the one before it.")
            raise Mistake("differs", f"{what[:1].upper()}{what[1:]}: the shape should be {shown_shape(out)}, and it is {shown_shape(got)}.")
        if second.size != 1 or (float(second.reshape(())) != count and float(second.reshape(())) != _own_count(parameter_count, entry, shape)):
            shown = f"{float(second.reshape(-1)[0]):,.10g}"
            if second.size == 1 and count and float(second.reshape(())) == oracle.parameters(entry, out):
                raise Mistake("count-from-output", f"{what[:1].upper()}{what[1:]}: the count is {count:,} and not {shown}. It follows from the input shape; here the output shape was used.")
            raise Mistake("differs", f"{what[:1].upper()}{what[1:]}: the number of parameters should be {count:,}, and it is {shown}.")
        shape = out


def _own_count(parameter_count: Any, entry: Entry, shape: Shape) -> float | None:
    """What the student's own function says, None where it says nothing useful."""
    if parameter_count is None:
        return None
    try:
        return number(call(parameter_count, oracle.copied([entry])[0], shape, what="parameter_count"), "the count")
    except Mistake:
        return None


def _refused(function: Any, entries: list[Entry], image: Shape, place: int, words: str) -> None:
    """The function must raise a ValueError that names the layer."""
    what = f"layer_table, for {words} at layers[{place}],"
    try:
        call(function, oracle.copied(entries), image, what=what)
    except Mistake as mistake:
        if mistake.name != "raises":
            raise
        said = mistake.message.split(" raised ", 1)[-1]
        kind = said.split(":")[0].split(" ")[0].rstrip(".")
        named = [int(n) for n in re.findall(r"layers\s*\[\s*(\d+)\s*\]", said)]
        # An error of their own counts as a ValueError: from here its bases can't be seen.
        if kind != "ValueError" and hasattr(builtins, kind):
            raise Mistake("wrong-error", f"{what} fails with {said.split(' in the line')[0].rstrip('.')}. Look for such layers first, and `raise ValueError` with a sentence that says which.") from None
        if place in named:
            return
        if "to unpack" in said or "zip()" in said:
            raise Mistake("wrong-error", f"{what} fails with {said.split(' in the line')[0].rstrip('.')}. Look for such layers first, and `raise ValueError` with a sentence that says which.") from None
        if place + 1 in named:
            raise Mistake("counts-from-one", f"{what} names layers[{place + 1}]; the file's layers count from 0 (`enumerate(layers)`).") from None
        raise Mistake("layer-not-named", f"{what} raises a ValueError that does not say where: name the layer as layers[{place}], so that the reader of a long file finds it.") from None
    raise Mistake("not-refused", f"{what} is accepted silently. A window must fit at least once (P ≥ 1 and Q ≥ 1), and `conv` and `max_pool` take images: otherwise `raise ValueError`.")
