"""Plain data to JSON and back: what arrives is what was sent, and whoever lies gets nothing but WireError."""

from __future__ import annotations

import decimal
import fractions
import json
import math
import types
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.judge.codec import MOST_DEPTH, Decoder, Encoder, referring
from autograder.kernel.wire import WireError
from helpers.backend import backend
from helpers.check.core.probe import Odd, plain
from helpers.primitives.spec import ConvSpec
from helpers.timing import Timing


def sent(value: Any) -> tuple[Any, list[bytearray]]:
    encoder = Encoder()
    node = json.loads(json.dumps(encoder.node(value), allow_nan=False))
    return node, [bytearray(b) for b in encoder.buffers]


def over(value: Any) -> Any:
    node, buffers = sent(value)
    return Decoder(buffers).value(node)


def got(node: Any, buffers: tuple[bytes, ...] = ()) -> Any:
    return Decoder([bytearray(b) for b in buffers]).value(node)


PLAIN = [
    None, True, False, 0, -1, 2**63, -(2**70), 10**300, 7**6_000, 1.5, -0.0, 1e-310, math.inf, -math.inf, "", "é\n\0",
    b"", b"\x00\xff", (), (1, (2, "x")), [], [1, [2.5]], {}, {"a": 1, (1, 2): [3], 2.5: None}, {1, "a"},
    frozenset({3}), 1 + 2j, fractions.Fraction(1, 3), fractions.Fraction(7**5_000, 3**5_000), decimal.Decimal("1.10"),
    decimal.Decimal("-1.5e-308"), np.float32(1.5), np.int64(-3), np.bool_(True),
    ConvSpec(N=2, C=3, H=5, W=4, K=2, R=3, S=2),
    Timing("a", [1.0, 2.0]), types.SimpleNamespace(a=1, b=[2]),
]  # fmt: skip


@pytest.mark.promise("each check asks K one question, and plain numbers, texts and arrays come back,")
@pytest.mark.parametrize("value", PLAIN, ids=lambda value: type(value).__name__)  # a set's repr changes from run to run
def test_plain_data_arrives_as_it_was_sent(value: Any) -> None:
    found = over(value)
    assert found == value
    assert type(found) is type(value)


def test_nan_and_the_sign_of_zero_survive() -> None:
    assert math.isnan(over(math.nan))
    assert math.copysign(1, over(-0.0)) == -1


@pytest.mark.parametrize("dtype", ["?", "i1", "u2", ">i4", "f2", "<f4", ">f8", "c8", "c16"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 4)])
def test_arrays_of_every_kind_and_shape(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.arange(math.prod(shape)).astype(dtype).reshape(shape)
    found = over(array)
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(found, array)


def test_the_order_of_the_axes_in_memory_stays_and_large_arrays_have_buffers() -> None:
    turned = np.zeros((40, 30, 20)).transpose(2, 0, 1)
    for array in (turned, np.asfortranarray(np.ones((70, 80))), np.ones((9, 9))[::2]):
        found = over(array)
        np.testing.assert_array_equal(found, array)
        assert np.argsort(found.strides).tolist() == np.argsort(array.copy(order="K").strides).tolist()
        assert found.flags.writeable


def test_one_object_twice_in_a_message_stays_one() -> None:
    shared = [1]
    found = over([shared, shared, np.ones(2)])
    assert found[0] is found[1]


@pytest.mark.parametrize(
    "value",
    [1 << 20_000, fractions.Fraction(1, 1 << 20_000), decimal.Decimal("1e99999"), decimal.Decimal("1" * 5_000),
     object(), np.array([object()]), lambda: 1, int],
    ids=["int", "fraction", "huge decimal", "long decimal", "object", "array of objects", "function", "class"],
)  # fmt: skip
def test_what_is_no_plain_data_is_only_named(value: Any) -> None:
    assert over([value]) == [Odd(type(value).__name__, callable(value), "")]
    assert over(value) == over([value])[0]


def test_lists_that_are_too_deep_end_in_a_name_and_too_much_is_an_error_in_words() -> None:
    deep: list[Any] = []
    for _ in range(MOST_DEPTH + 20):
        deep = [deep]
    found, depth = over(deep), 0
    while isinstance(found, list):
        found, depth = found[0], depth + 1
    assert found == Odd("list")
    assert depth == MOST_DEPTH
    with pytest.raises(OverflowError, match="small"):
        Encoder().node(["x" * 5_000_000])


def test_references_are_resolved_on_the_students_side_alone() -> None:
    asked = []
    reference = referring("f", "function", True, lambda *about: asked.append(about))
    node, _ = sent(["f", reference])
    assert Decoder([], {"f": math.sin}.__getitem__).value(node) == ["f", math.sin]
    with pytest.raises(WireError):
        Decoder([]).value(node)
    reference(1, x=2)
    assert asked == [("f", (1,), {"x": 2})]
    with pytest.raises(TypeError, match=r"net is of type Net and can't be called\."):
        referring("net", "Net", False, reference.ask)()


def test_records_travel_with_their_own_fields_and_backends_by_name() -> None:
    timing = Timing("a", [1.0])
    object.__setattr__(timing, "median_", 3)
    assert vars(over(timing)) == {"what": "a", "seconds": [1.0]}
    on = backend("numpy", "float64")
    assert (over(on).name, over(on).dtype) == (on.name, on.dtype)


A = ["a", "<f8", [2], None, 0, 0]
LIES = {
    "unknown tag": ["?"], "no tag": [], "a dictionary": {"a": 1},
    "object dtype": ["a", "|O", [2], None, 0, 0], "record dtype": ["a", "|V8", [1], None, 0, 0],
    "dtype as list": ["a", ["<f8"], [2], None, 0, 0], "too many numbers": ["a", "<f8", [3], None, 0, 0],
    "huge": ["a", "<f8", [2**40, 2**40], None, 0, 0], "huge and empty": ["a", "<f8", [0, 2**62], None, 0, 0],
    "negative": ["a", "<f8", [-2], None, 0, 0], "negative place": ["a", "<f8", [2], None, 0, -8],
    "another buffer": ["a", "<f8", [2], None, 7, 0], "last buffer": ["a", "<f8", [2], None, -1, 0],
    "truth as size": ["a", "<f8", [True], None, 0, 0], "33 axes": ["a", "<f8", [1] * 33, None, 0, 0],
    "axes twice": ["a", "<f8", [1, 2], [0, 0], 0, 0], "neither truth": ["a", "|b1", [4], None, 0, 0],
    "scalar of wrong size": ["n", "<f8", "00"], "scalar no truth": ["n", "|b1", "02"],
    "scalar object": ["n", "|O", "00" * 8],
    "unknown record": ["o", "os:system", []], "record class": ["o", "helpers.train.history:FIELDS", []],
    "record field": ["o", "helpers.timing:Timing", ["__class__"], None],
    "record unknown field": ["o", "helpers.timing:Timing", ["median"], None],
    "record fields short": ["o", "helpers.timing:Timing", ["what", "seconds"], None],
    "namespace dunder": ["o", "types:SimpleNamespace", ["__class__"], None], "met": ["m", 3], "met -1": ["m", -1],
    "met itself": ["l", ["m", 0]], "a reference": ["N", "os"], "backend": ["b", "cuda; rm", "float32"],
    "backend list": ["b", [], []], "float": ["f", "1e5"], "float list": ["f", []], "int": ["i", "z"],
    "long int": ["i", "0x" + "f" * 9_000], "int list": ["i", ["0x1"]], "complex": ["C", "a", 1],
    "complex of numbers": ["C", 1, 2], "fraction": ["F", 1, 0], "fraction in words": ["F", "1e9999999", None],
    "fraction of floats": ["F", 0.5, 1], "fraction of truths": ["F", True, 2], "decimal": ["M", "x"],
    "huge decimal": ["M", "1e99999999"], "tiny decimal": ["M", "1e-99999999"], "long decimal": ["M", "1" * 5_000],
    "decimal of parts": ["M", [0, [1], 2]], "set of lists": ["s", ["l", 2]], "odd dictionary": ["d", "a"],
    "key of lists": ["d", ["l", 2], 1], "bytes": ["y", 99, 0, 0], "odd of numbers": ["r", 1, True, ""],
    "odd without a truth": ["r", "X", 1, ""], "too many parts": ["i", "0x1", "0x1"],
    "scalar of bytes": ["n", "<f8", ["00"] * 8],
    "scalar too long": ["n", "<f8", "00" * 99_999], "bytes many times": ["t", *[["y", 16, 0, 0]] * 9],
    "arrays many times": ["t", *[A] * 9],
}  # fmt: skip


@pytest.mark.promise("strictly decoded.")
@pytest.mark.parametrize("node", LIES.values(), ids=LIES.keys())
def test_lies_are_refused(node: Any) -> None:
    for wrapped in (node, ["l", 5, node], ["t", 1, node], ["d", "a", node]):
        with pytest.raises(WireError):
            got(wrapped, (b"\x02" * 16,))


def test_too_many_values_are_refused_and_what_is_shared_counts_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty lists of two that each name the one before are a million values to whoever compares or prints them."""
    monkeypatch.setattr("autograder.judge.codec.MOST_NODES", 1_000)

    def doubled(times: int) -> list[Any]:
        return ["l", ["l", 5], *(["l", ["m", n], ["m", n]] for n in range(1, times))]

    assert len(got(doubled(6))) == 6
    for node in (doubled(20), ["l", *range(2_000)]):
        with pytest.raises(WireError, match="too many"):
            got(node)


@pytest.mark.parametrize("tag", ["z", "s"])
def test_values_with_one_hash_are_refused(tag: str) -> None:
    def members(count: int) -> list[Any]:
        return [["i", hex(n * (2**61 - 1))] for n in range(count)]

    assert len(got([tag, *members(20)])) == 20
    with pytest.raises(WireError, match="one hash"):
        got([tag, *members(200)])
    with pytest.raises(WireError, match="one hash"):
        got(["d", *(part for key in members(200) for part in (key, 0))])
    assert over(set(range(100_000))) == set(range(100_000))


def test_half_characters_are_replaced_and_empty_arrays_take_no_memory() -> None:
    assert over("a\ud800b").encode() == "a�b".encode()
    assert got(["a", "<f8", [0, 2**40], None, 0, 0], (b"",)).nbytes == 0


NAMES = ["<f8", "|b1", "<i8", "|O", "float64", "nan", "0x1f", "helpers.timing:Timing", "types:SimpleNamespace", "numpy",
         "what", "seconds", "", "é"]  # fmt: skip
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 9), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(NAMES), st.text(max_size=5), st.lists(st.integers(-2, 3), max_size=4), st.just({}),
)  # fmt: skip
nodes = st.recursive(
    leaves,
    lambda inner: st.tuples(st.sampled_from("ifCytzlsdoanrNmbFM?"), st.lists(inner, max_size=8)).map(
        lambda t: [t[0], *t[1]]
    ),
)


@pytest.mark.promise("strictly decoded.")
@settings(max_examples=300, deadline=None)
@given(nodes, st.lists(st.binary(max_size=40), max_size=3))
def test_no_message_makes_anything_but_plain_data_or_a_wire_error(node: Any, buffers: list[bytes]) -> None:
    try:
        found = got(node, tuple(buffers))
    except WireError:
        return
    sent(found)  # whatever came through can be told again
    plain(found)
