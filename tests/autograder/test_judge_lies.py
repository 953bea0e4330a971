"""Whoever lies in a message gets nothing but WireError, and takes no memory."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judge_sides import Side, over

from autograder.judge.decode import Decoder
from autograder.kernel.wire import WireError

A = ["a", 1, "<f8", [2], None, True, 0, 0]
LIES = {
    "unknown tag": ["?"], "no tag": [], "a dictionary": {"a": 1},
    "object dtype": ["a", 1, "|O", [2], None, True, 0, 0],
    "record dtype": ["a", 1, "|V8", [1], None, True, 0, 0], "dtype as list": ["a", 1, ["<f8"], [2], None, True, 0, 0],
    "too many numbers": ["a", 1, "<f8", [3], None, True, 0, 0],
    "huge": ["a", 1, "<f8", [2**40, 2**40], None, True, 0, 0],
    "huge and empty": ["a", 1, "<f8", [0, 2**62], None, True, 0, 0],
    "negative": ["a", 1, "<f8", [-2], None, True, 0, 0],
    "negative place": ["a", 1, "<f8", [2], None, True, 0, -8],
    "another buffer": ["a", 1, "<f8", [2], None, True, 7, 0],
    "last buffer": ["a", 1, "<f8", [2], None, True, -1, 0],
    "truth as size": ["a", 1, "<f8", [True], None, True, 0, 0],
    "33 axes": ["a", 1, "<f8", [1] * 33, None, True, 0, 0], "axes twice": ["a", 1, "<f8", [1, 2], [0, 0], True, 0, 0],
    "neither truth": ["a", 1, "|b1", [4], None, True, 0, 0], "no key": ["a", None, *A[2:]], "key 0": ["l", 0],
    "truth as key": ["l", True], "scalar of wrong size": ["n", "<f8", "00"], "scalar no truth": ["n", "|b1", "02"],
    "scalar object": ["n", "|O", "00" * 8], "unknown record": ["o", 1, "os:system", []],
    "record class": ["o", 1, "helpers.train.history:FIELDS", []],
    "record field": ["o", 1, "helpers.timing:Timing", ["__class__"], None],
    "record unknown field": ["o", 1, "helpers.timing:Timing", ["median"], None],
    "record fields short": ["o", 1, "helpers.timing:Timing", ["what", "seconds"], None],
    "namespace dunder": ["o", 1, "types:SimpleNamespace", ["__class__"], None],
    "namespace method": ["o", 1, "types:SimpleNamespace", ["__float__"], None],
    "own object": ["R", 1], "own object 0": ["R", 0], "own object list": ["R", [1]], "argument": ["A", 0],
    "argument -1": ["A", -1], "met": ["m", 3], "met -1": ["m", -1], "constant": ["c", "os:system"],
    "constant builtin": ["c", "builtins:eval"], "backend": ["b", "cuda; rm", "float32"],
    "backend list": ["b", [], []],
    "torch": ["P", "load", "float32"], "torch dtype": ["P", "dtype", "Tensor"], "device": ["P", "device", "nonsense"],
    "text": ["x", "os:system", "ls"], "text number": ["x", "helpers.check.cnn_runtime.machine:Device", 3],
    "float": ["f", "1e5"], "float list": ["f", []], "int": ["i", "z"], "long int": ["i", "0x" + "f" * 9_000],
    "complex": ["C", "a", 1], "range": ["g", 1, 2, 0], "range text": ["g", "a", 2, 1], "fraction": ["F", 1, 0],
    "decimal": ["M", "x"], "set of lists": ["s", 1, ["l", 2]], "odd dictionary": ["d", 1, "a"],
    "key of lists": ["d", 1, ["l", 2], 1], "dtype": ["D", "|O"], "bytes": ["y", 99, 0, 0],
    "tensor kind": ["T", 1, "quint8", "cpu", False, *A[2:]],
    "tensor of two kinds": ["T", 1, "int8", "cpu", False, *A[2:]],
    "tensor on nothing": ["T", 1, "float64", "nowhere", False, *A[2:]],
    "gradient of integers": ["T", 1, "int64", "cpu", True, "<i8", [2], None, True, 0, 0],
    "reference 0": ["r", 0, "X", 0], "reference text": ["r", "1", "X", 0], "reference shape": ["r", 1, "X", "0"],
    "too many parts": ["i", "0x1", "0x1"], "fraction in words": ["F", "1e9999999", None],
    "fraction of text": ["F", "1/3", 1], "fraction of floats": ["F", 0.5, 1], "fraction of truths": ["F", True, 2],
    "fraction of fractions": ["F", ["F", 1, 3], 2], "huge decimal": ["M", "1e99999999"],
    "decimal of a number": ["M", 5],
    "tiny decimal": ["M", "1e-99999999"], "long decimal": ["M", "1" * 5_000], "decimal of parts": ["M", [0, [1], 2]],
    "complex of numbers": ["C", 1, 2], "complex in words": ["C", "1e9", 0.0],
    "range of floats": ["g", 0.0, 2, 1], "endless range": ["g", 0, 1 << 62, 1], "range of truths": ["g", False, 9, 1],
    "range of huge numbers": ["g", 0, ["i", hex(1 << 9_000)], ["i", hex(1 << 9_000)]], "int list": ["i", ["0x1"]],
    "own truth": ["R", True], "scalar of bytes": ["n", "<f8", ["00"] * 8],
    "scalar too long": ["n", "<f8", "00" * 99_999],
    "tensor of half a gradient": ["T", 1, "float64", "cpu", 1, *A[2:]],
    "tensor in a list": ["T", 1, "float64", ["cpu"], False, *A[2:]], "device list": ["P", "device", ["cpu"]],
    "bytes many times": ["t", *[["y", 16, 0, 0]] * 9], "arrays many times": ["t", *[["a", 1, *A[2:]]] * 9],
}  # fmt: skip


@pytest.mark.promise("strictly decoded.")
@pytest.mark.parametrize("node", LIES.values(), ids=LIES.keys())
def test_lies_are_refused(node: Any) -> None:
    for wrapped in (node, ["l", 5, node], ["t", 1, node], ["d", 6, "a", node]):
        with pytest.raises(WireError):
            Decoder(Side().memory, [bytearray(b"\x02" * 16)]).value(wrapped)


def test_a_message_with_too_many_values_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.judge.decode.MOST_NODES", 100)
    with pytest.raises(WireError, match="too many"):
        Side().get((["l", 1, *range(200)], [], None))


def test_what_is_shared_counts_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty lists of two that each name the one before are a million values to whoever compares or prints them."""
    monkeypatch.setattr("autograder.judge.decode.MOST_NODES", 1_000)

    def doubled(times: int) -> list[Any]:
        return ["l", 1, ["l", 2, 5], *(["l", n + 2, ["m", n], ["m", n]] for n in range(1, times))]

    assert len(Side().get((doubled(6), [], None))) == 6
    with pytest.raises(WireError, match="too many"):
        Side().get((doubled(20), [], None))


def test_what_names_itself_is_still_taken() -> None:
    ring: list[Any] = [1]
    ring.append(ring)
    found = over(ring)
    assert found[1] is found


@pytest.mark.parametrize("tag", [["z"], ["s", 1]], ids=["frozenset", "set"])
def test_values_with_one_hash_are_refused(tag: list[Any]) -> None:
    def members(count: int) -> list[Any]:
        return [["i", hex(n * (2**61 - 1))] for n in range(count)]

    assert len(Side().get(([*tag, *members(20)], [], None))) == 20
    with pytest.raises(WireError, match="one hash"):
        Side().get(([*tag, *members(200)], [], None))
    with pytest.raises(WireError, match="one hash"):
        Side().get((["d", 1, *(part for key in members(200) for part in (key, 0))], [], None))
    assert over(set(range(100_000))) == set(range(100_000))


def test_too_many_handles_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.judge.memory.KEPT", 100)
    with pytest.raises(WireError, match="too many"):
        Side().get((["l", 1, *(["r", i, "X", 0] for i in range(1, 200))], [], None))


def test_half_characters_are_replaced() -> None:
    assert over("a\ud800b").encode() == "a�b".encode()


def test_an_empty_array_with_a_huge_axis_takes_no_memory() -> None:
    found = Side().get((["a", 1, "<f8", [0, 2**40], None, True, 0, 0], [bytearray()], None))
    assert found.nbytes == 0


TAGS = [*"ifCytzlsdoanTrRAmcbPxDSgFM", "...", "ni"]
NAMES = [
    "<f8", "|b1", "<i8", "|O", "float64", "cpu", "nan", "0x1f", "helpers.timing:Timing", "types:SimpleNamespace",
    "numpy",
    "float32", "dtype", "device", "builtins:float", "helpers.check.cnn_runtime.machine:Device", "what", "seconds", "",
    "é",
]  # fmt: skip
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 9), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(NAMES), st.text(max_size=5), st.lists(st.integers(-2, 3), max_size=4), st.just({}),
)  # fmt: skip
nodes = st.recursive(
    leaves, lambda inner: st.tuples(st.sampled_from(TAGS), st.lists(inner, max_size=8)).map(lambda t: [t[0], *t[1]])
)


@pytest.mark.promise("strictly decoded.")
@settings(max_examples=400, deadline=None)
@given(nodes, st.lists(st.binary(max_size=40), max_size=3))
def test_no_message_makes_anything_but_a_value_or_a_wire_error(node: Any, buffers: list[bytes]) -> None:
    side = Side()
    try:
        found = side.get((node, [bytearray(b) for b in buffers], None))
    except WireError:
        return
    side.send(found)  # whatever came through can be told again
