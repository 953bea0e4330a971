"""Values to JSON and back: what arrives is what was sent."""

from __future__ import annotations

import decimal
import fractions
import json
import math
import types
from collections import OrderedDict, defaultdict, namedtuple
from enum import IntEnum
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from judge_sides import Handle, Side, over

from autograder.judge.changes import alike
from autograder.judge.codec import MOST_DEPTH, SHAPES
from autograder.judge.decode import Decoder
from helpers.backend import backend
from helpers.check.cnn_runtime.machine import Device
from helpers.data.split import Split
from helpers.timing import Timing
from helpers.train.history import History

PLAIN = [
    None, True, False, 0, -1, 2**63, -(2**70), 10**300, 1.5, -0.0, 1e-310, math.inf, -math.inf, "", "é\n\0",
    b"", b"\x00\xff", (), (1, (2, "x")), [], [1, [2.5]], {}, {"a": 1, (1, 2): [3], 2.5: None}, {1, "a"},
    frozenset({3}),
    slice(1, None, 2), range(3, 9, 2), Ellipsis, NotImplemented, 1 + 2j, fractions.Fraction(1, 3),
    decimal.Decimal("1.10"),
    np.dtype("float32"), float, np.float64, torch.float32, torch.device("cpu"),
]  # fmt: skip


@pytest.mark.promise("a call of the student's function travels to K, and plain numbers, texts and arrays come back,")
@pytest.mark.parametrize("value", PLAIN, ids=lambda value: type(value).__name__)  # a set's repr changes from run to run
def test_plain_data_arrives_as_it_was_sent(value: Any) -> None:
    found = over(value)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "value",
    [1 << 20_000, range(10**9), range(0, 1 << 70, 1 << 69), fractions.Fraction(1, 1 << 20_000),
     decimal.Decimal("1e99999"), decimal.Decimal("1e-99999"), decimal.Decimal("1" * 5_000)],
    ids=["int", "long range", "far range", "fraction", "huge decimal", "tiny decimal", "long decimal"],
)  # fmt: skip
def test_numbers_that_nobody_should_compute_with_are_only_named(value: Any) -> None:
    assert isinstance(over(value), Handle)
    assert isinstance(over([value])[0], Handle)


@pytest.mark.parametrize(
    "value", [7**6_000, range(-5, 1_000_000 - 5), fractions.Fraction(7**5_000, 3**5_000), decimal.Decimal("-1.5e-308"),
              decimal.Decimal("Infinity"), decimal.Decimal(2) ** 5_000],
    ids=["int", "range", "fraction", "decimal", "infinity", "power"],
)  # fmt: skip
def test_large_numbers_of_honest_work_arrive(value: Any) -> None:
    assert over(value) == value


def test_nan_and_the_sign_of_zero_survive() -> None:
    assert math.isnan(over(math.nan))
    assert math.copysign(1, over([-0.0])[0]) == -1


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i2", ">i4", "i8", "u8", "f2", "f4", ">f8", "g", "F", "D"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 4), (2, 3, 4)], ids=str)
def test_arrays_of_every_kind_and_shape(dtype: str, shape: tuple[int, ...]) -> None:
    value = np.random.default_rng(0).integers(0, 2, size=shape).astype(dtype)
    found = over(value)
    assert type(found) is np.ndarray
    assert (found.dtype, found.shape) == (value.dtype, value.shape)
    assert found.tobytes() == value.tobytes()


def test_the_order_of_the_axes_in_memory_stays() -> None:
    base = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    for value in (base.transpose(1, 2, 3, 0), np.asfortranarray(base), base[:, ::2], base[..., ::-1]):
        found = over(value)
        np.testing.assert_array_equal(found, value)
        assert found.strides == value.copy(order="K").strides


def test_large_arrays_have_a_buffer_of_their_own_and_are_writable() -> None:
    value = np.arange(100_000.0)
    node, buffers, _ = sent = Side().send(value)
    assert len(buffers) == 2
    assert len(json.dumps(node)) < 100
    found = Side().get(sent)
    found[0] = 7
    assert found[1] == 1
    assert value[0] == 0


def test_an_array_that_may_not_be_written_stays_so() -> None:
    value = np.zeros(3)
    value.flags.writeable = False
    assert not over(value).flags.writeable
    assert not over(np.broadcast_to(1.0, (2, 3))).flags.writeable


def test_numpy_scalars_keep_their_type() -> None:
    for value in (np.float32(0.1), np.int64(-3), np.bool_(True), np.float16(2), np.complex64(1j)):
        found = over(value)
        assert type(found) is type(value)
        assert found == value


@pytest.mark.parametrize("kind", ["float32", "float64", "bfloat16", "int64", "bool", "complex64"])
def test_tensors_stay_tensors(kind: str) -> None:
    value = torch.arange(6).reshape(2, 3).to(getattr(torch, kind)).T
    found = over(value)
    assert type(found) is torch.Tensor
    assert (found.dtype, found.shape, found.stride()) == (value.dtype, value.shape, value.stride())
    assert torch.equal(found, value)


def test_a_parameter_is_a_tensor_with_a_gradient() -> None:
    found = over(torch.nn.Parameter(torch.ones(2)))
    assert type(found) is torch.Tensor
    assert found.requires_grad


class Tricky(np.ndarray):
    def __eq__(self, other: Any) -> Any:
        return True

    def __array_finalize__(self, other: Any) -> None:
        pass


class Number(float):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = float.__hash__


class Colour(IntEnum):
    RED = 3


class Text(str):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


@pytest.mark.parametrize(
    ("value", "base"),
    [
        (np.zeros(2).view(Tricky), np.ndarray), (np.ma.masked_array([1.0, 2.0], [True, False]), np.ndarray),
        (Number(2.0), float), (Colour.RED, int), (Text("a"), str), (namedtuple("P", "x y")(1, 2), tuple),
        (OrderedDict(a=1), dict), (defaultdict(list, a=[1]), dict), (type("L", (list,), {})([1]), list),
        (torch.Size([1, 2]), tuple), (np.str_("x"), str),
    ],
)  # fmt: skip
def test_subclasses_become_their_base_kind(value: Any, base: type) -> None:
    assert type(over(value)) is base
    assert type(over([value])[0]) is base


def test_records_of_the_course_arrive_as_themselves() -> None:
    history = History("x", [1.0, 2.0], test_accuracy=[0.5])
    split = Split("mnist", *(np.zeros((2, 3)) for _ in range(6)), mean=0.1, std=0.3)
    for value in (history, split, Timing("a", [1.0]), types.SimpleNamespace(a=1, b=[2])):
        found = over(value)
        assert type(found) is type(value)
        assert repr(found) == repr(value)
    assert over(split).train_images.shape == (2, 3)


def test_a_record_keeps_only_its_own_fields() -> None:
    history = History("x")
    history.__dict__.update(extra=1, epochs=[9])
    found = over(history)
    assert not hasattr(found, "extra")
    assert found.epochs == 0


def test_a_subclass_of_a_record_is_the_record() -> None:
    class Mine(History):
        @property
        def error(self) -> list[float]:
            return [0.0]

    found = over(Mine("x", test_accuracy=[0.25]))
    assert type(found) is History
    assert found.error == [0.75]


def test_backends_and_devices_travel_by_name() -> None:
    for on in (backend("numpy", "float64"), backend("torch", "float32")):
        assert over(on) == on
    assert over(backend("numpy")) is over(backend("numpy"))
    assert over(Device("cuda:0")).type == "cuda"


def test_everything_else_is_a_reference_that_tells_its_type_and_abilities() -> None:
    class Layer:
        def __call__(self) -> None: ...

        def __len__(self) -> int:
            return 3

    found = over(Layer())
    abilities = {name for i, name in enumerate(SHAPES) if found.shape >> i & 1}
    assert found.kind == "Layer"
    assert abilities == {"__call__", "__len__"}
    assert isinstance(over(np.array([object()])), Handle)
    assert isinstance(over(np.array(["text"])), Handle)
    assert isinstance(over(np), Handle)


def test_the_same_object_comes_back_as_the_same_object() -> None:
    here, there = Side(), Side()
    thing, array = object(), np.arange(3)
    handle = there.get(here.send(thing))
    assert there.get(here.send([thing]))[0] is handle
    assert here.get(there.send(handle)) is thing
    copy = there.get(here.send(array))
    assert there.get(here.send(array)) is copy
    assert here.get(there.send(copy)) is array
    rows = [1.0, [2], math.nan]
    copied = there.get(here.send(rows))
    assert there.get(here.send(rows)) is copied
    assert here.get(there.send(copied)) is rows


def test_what_changed_meanwhile_is_another_object_and_the_old_one_stays() -> None:
    here, there = Side(), Side()
    for value, change in ((np.zeros(3), 0), ([0.0, 1.0], 1), ({0: 1}, 0)):
        first = there.get(here.send(value))
        value[change] = 9.0
        second = there.get(here.send(value))
        assert second is not first
        assert first[change] != 9.0
        assert second[change] == 9.0
        second[change] = 4.0
        assert here.get(there.send(second)) is not value
        assert value[change] == 9.0


def test_one_object_twice_in_a_message_stays_one_and_circles_close() -> None:
    array, rows = np.zeros(2), []
    rows += [array, array, rows]
    found = over(rows)
    assert found[0] is found[1]
    assert found[2] is found


def test_an_argument_in_an_answer_is_not_repeated() -> None:
    here, there = Side(), Side()
    array = np.zeros(50_000)
    node, buffers, encoder = here.send([array])
    decoder = Decoder(there.memory, buffers)
    copy = decoder.value(node)[0]
    answer = there.send((copy, 1), {id(value): i for i, value in enumerate(decoder.mutable)})
    assert answer[1] == []
    assert here.get(answer, encoder.mutable)[0] is array


def test_very_deep_lists_end_in_a_reference() -> None:
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    found, depth = over(deep), 0
    while isinstance(found, list):
        found, depth = found[0], depth + 1
    assert isinstance(found, Handle)
    assert depth == MOST_DEPTH


def test_too_large_a_value_is_an_error_in_words() -> None:
    with pytest.raises(OverflowError, match="too large"):
        Side().send([0.5] * 600_000)
    with pytest.raises(OverflowError, match="too large"):
        Side().send("x" * 5_000_000)


def test_arrays_that_nobody_holds_are_forgotten() -> None:
    here, there = Side(), Side()
    for _ in range(50):
        there.get(here.send(np.zeros(1000)))
    assert not here.memory._copied
    assert not there.memory._copied
    for _ in range(50):
        there.get(here.send(object()))
    assert len(there.memory.forgotten) == 50


def test_containers_are_remembered_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.judge.memory.CONTAINERS", 10)
    here, there = Side(), Side()
    lists = [[i] for i in range(40)]
    for value in lists:
        there.get(here.send(value))
    assert len(here.memory._copied) <= 10
    assert len(there.memory._copied) <= 10
    assert there.get(here.send(lists[0])) == [0]


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.complex_numbers()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.tuples(inner, inner), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_every_plain_value_survives(value: Any) -> None:
    found = over([value])[0]
    assert repr(found) == repr(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert alike([found], [over([value])[0]]) or isinstance(value, list | dict | tuple)
