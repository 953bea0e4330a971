"""Two processes: a student's cells in one, the questions of a check in the other."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from judge_pupil import CELL

from autograder.judge.errors import StudentGone
from autograder.judge.grant import judging, sealed
from autograder.judge.link import Limits
from autograder.judge.local import Pupil, pupil
from autograder.kernel import wire
from helpers.backend import backend
from helpers.check.cnn_runtime import machine as runtime_machine
from helpers.train.history import History


@pytest.fixture(scope="module")
def student() -> Iterator[Pupil]:
    with pupil() as one:
        one.run(CELL)
        yield one


@pytest.fixture
def fresh() -> Iterator[Pupil]:
    with pupil() as one:
        one.run(CELL)
        yield one


def test_while_hidden_numbers_are_asked_an_object_has_no_words_of_its_own(fresh: Pupil) -> None:
    fresh.run("class Loud:\n    def __repr__(self): return 'seen 317'\n    __str__ = __repr__\nloud = Loud()")
    loud = fresh["loud"]
    assert f"{loud!r} {loud}" == "seen 317 seen 317"
    fresh.link.asks_words = False
    assert f"{loud!r} {loud} {[loud]}" == "<Loud object> <Loud object> [<Loud object>]"


def test_a_class_is_called_and_its_object_asked(student: Pupil) -> None:
    Layer = student["Layer"]
    layer = Layer(n=4)
    assert type(Layer).__name__ == "type"
    assert type(layer).__name__ == "Layer"
    assert callable(Layer)
    assert not callable(layer)
    assert type(layer).__course_remote__ is True
    np.testing.assert_array_equal(layer.weight, np.arange(4.0))
    layer.weight = np.ones(2)
    assert layer.weight.tolist() == [1, 1]
    layer[0] = 8
    assert layer.weight.tolist() == [8, 1]
    del layer[0]
    assert layer.weight.tolist() == [1]
    del layer.weight
    assert not hasattr(layer, "weight")
    assert getattr(layer, "weight", None) is None
    assert hasattr(layer, "forward")
    assert layer.forward.__name__ == "forward"
    assert len(layer) == 7
    assert 3 in layer
    assert 4 not in layer
    assert layer[2] == (2, layer)
    assert layer.parts[0] is layer
    assert layer.parts is layer.parts
    assert repr(Layer) == "<class '__main__.Layer'>"
    assert "forward" in dir(layer)


def test_what_a_type_can_not_do_its_handle_can_not_do_either(student: Pupil) -> None:
    student.run("plain = Plain()")
    plain = student["plain"]
    for name in ("__len__", "__iter__", "__call__", "__array__", "__getitem__"):
        assert not hasattr(plain, name)
    with pytest.raises(TypeError):
        len(plain)
    assert plain == plain
    assert plain != 3
    assert plain
    assert hash(plain) == hash(plain)
    assert np.asarray(plain).dtype == object


def test_equality_truth_and_number_of_a_students_type_are_not_asked(student: Pupil) -> None:
    student.run("odd = Odd()")
    odd = student["odd"]
    for wrong in (lambda: odd == 3, lambda: bool(odd), lambda: float(odd), lambda: int(odd), lambda: [1, 2][odd]):
        with pytest.raises(TypeError, match="type Odd"):
            wrong()
    assert np.asarray(odd).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    "value",
    [
        np.arange(3), [1, [2]], {"a": (1, 2)}, {1, 2}, torch.ones(2), History("x"), backend("numpy"), 3, "text", None,
        SimpleNamespace(a=1), (1, np.float32(2)),
    ],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_what_a_function_hands_back_is_the_same_object(student: Pupil, value: Any) -> None:
    found = student["same"](value)
    if isinstance(value, np.ndarray | list | dict | set | torch.Tensor | History | SimpleNamespace):
        assert found is value
        first, (second, inner) = student["twice"](value)
        assert first is second is inner["a"] is value
    else:
        assert found == value
        assert type(found) is type(value)


def test_a_function_of_the_check_comes_back_as_itself(student: Pupil) -> None:
    def own() -> None: ...

    assert student["same"](own) is own
    assert student["same"](student["same"]) is student["same"]


def test_changes_of_arguments_are_seen(student: Pupil) -> None:
    array, inside, view = np.zeros(3), np.zeros((2, 2)), np.zeros((3, 4)).T
    tensor = torch.zeros(3)
    for value in (array, tensor, view):
        assert student["change"](value) is None
        assert (np.asarray(value) == 5).all()
    student["call"](student["change"], inside)
    assert (inside == 5).all()
    rows, table = [1, 2], {"b": [3]}
    student["append"](rows)
    student["fill"](table)
    assert rows == ["new", 2, 2]
    assert table == {"a": 1}


def test_what_did_not_change_is_left_alone(student: Pupil) -> None:
    inner = [3]
    rows = [inner, np.nan, np.zeros(2)]
    before = list(rows)
    student["same"](rows)
    assert all(a is b for a, b in zip(rows, before, strict=True))
    assert rows[0] is inner


def test_a_read_only_argument_stays_as_it_is(student: Pupil) -> None:
    value = np.zeros(3)
    value.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        student["change"](value)
    assert not value.any()


def test_nothing_of_the_check_changes_after_its_call(fresh: Pupil) -> None:
    value = np.zeros(3)
    fresh["keep"](value)
    found = fresh["late"](0)
    assert (found == 9).all()
    assert not value.any()
    assert found is not value


def test_errors_arrive_with_type_text_and_place(student: Pupil) -> None:
    student.run("class Mine(KeyError): pass\nclass Deep(BaseException): pass\n")
    for text, kind, name in (
        ("ValueError('a b')", ValueError, "ValueError"), ("KeyError('a')", KeyError, "KeyError"),
        ("Mine(3)", KeyError, "Mine"),
        ("NotImplementedError()", NotImplementedError, "NotImplementedError"), ("Deep('x')", RuntimeError, "Deep"),
        ("SystemExit(3)", SystemExit, "SystemExit"), ("KeyboardInterrupt()", RuntimeError, "KeyboardInterrupt"),
        ("UnicodeDecodeError('utf-8', b'x', 0, 1, 'bad')", UnicodeDecodeError, "UnicodeDecodeError"),
        ("OSError(2, 'no')", OSError, "FileNotFoundError"), ("StopIteration(1)", StopIteration, "StopIteration"),
        ("np.exceptions.AxisError('x')", ValueError, "AxisError"),
        ("ExceptionGroup('g', [ValueError()])", Exception, "ExceptionGroup"),
    ):  # fmt: skip
        student.run(f"error = {text}\ndef raise_it():\n    raise error")
        with pytest.raises(kind) as caught:
            student["raise_it"]()
        assert type(caught.value).__name__ == name
        student.run("text = str(error)")
        assert str(caught.value) == student["text"]
        assert [frame[:2] for frame in caught.value.course_frames][-1] == ("raise_it", 3)


def test_errors_of_attributes_and_items(student: Pupil) -> None:
    layer = student["Layer"]()
    with pytest.raises(ValueError, match="no weights yet"):
        layer.angry  # noqa: B018
    with pytest.raises(AttributeError, match="nothing"):
        layer.nothing  # noqa: B018
    with pytest.raises(IndexError):
        layer[9]
    with pytest.raises(NameError):
        student.run("undefined_name")
    assert student.names("Layer", "undefined_name").keys() == {"Layer"}


def test_generators_are_walked_one_by_one(student: Pupil) -> None:
    found = student["numbers"]()
    assert type(found).__name__ == "generator"
    assert iter(found) is found
    assert next(found) == 1
    assert type(next(found)).__name__ == "Layer"
    assert list(found) == []


def test_a_students_function_calls_back_into_the_check(student: Pupil) -> None:
    seen: list[Any] = []

    def own(x: Any, *, more: int = 0) -> Any:
        seen.append(x)
        return x * 2 if more == 0 else student["same"](x)

    assert student["call"](own, 3) == 6
    assert student["many"](own, 3) == [0, 2, 4]
    array = np.ones(2)
    assert student["call"](own, array, more=1) is array
    assert seen[-1] is array

    def fails() -> None:
        raise KeyError("of the check")

    with pytest.raises(KeyError, match="of the check"):
        student["call"](fails)


def test_a_callback_may_return_what_nobody_else_holds(student: Pupil) -> None:
    student.run("def made_by(f):\n    layer = f()\n    return len(layer), len(f()[0][1])")
    assert student["made_by"](lambda: student["Layer"](2)) == (7, 7)
    assert student["call"](lambda: [student["Layer"](2)])[0].weight.tolist() == [0, 1]


def test_lines_of_a_check_stay_in_its_process(student: Pupil) -> None:
    student.run("def caught(f):\n    try: f()\n    except KeyError as error: return str(error), error.course_frames")

    def fails() -> None:
        raise KeyError(3)

    assert student["caught"](fails) == ("3", [])


def test_callbacks_inside_callbacks(student: Pupil) -> None:
    def down(n: int) -> int:
        return 0 if n == 0 else 1 + int(student["call"](down, n - 1))

    assert student["call"](down, 15) == 15


def test_a_callback_sees_changes_of_the_students_arrays(student: Pupil) -> None:
    student.run("def lend(f):\n    mine = np.zeros(3)\n    f(mine)\n    return mine")

    def own(x: np.ndarray) -> None:
        x[1] = 4

    assert student["lend"](own).tolist() == [0, 4, 0]


def test_a_machine_of_numbers_is_timed(student: Pupil) -> None:
    student.run(
        "def time_it(step, load, wait):\n    wait()\n    loss = step(load())\n    wait()\n"
        "    return float(loss), loss.item(), str(loss.device), loss.device.type, loss.detach().cpu().item()"
    )
    machine = runtime_machine.gpu(1, 2, 5)
    found = student["time_it"](machine.step, machine.load, machine.synchronise)
    assert found == (2.302585, 2.302585, "cuda:0", "cuda", 2.302585)
    assert machine.strangers == 0
    assert machine.steps == 1


ASKED = [
    "loss.machine", "loss.__dict__", "step.__self__", "step.__globals__", "step.__func__", "vars(loss)",
    "type(loss).beside(loss, 'os:system', 'ls')", "setattr(loss, 'device', 1)", "delattr(loss, 'device')",
    "dir(loss)",
    "loss[0]", "len(loss)", "step.__call__.__self__.machine", "iter(step)",
]  # fmt: skip


@pytest.mark.parametrize("text", ASKED)
def test_a_checks_objects_tell_nothing_else(student: Pupil, text: str) -> None:
    student.run(f"def ask(step, load):\n    loss = step(load())\n    return {text}")
    machine = runtime_machine.cpu(1, 2, 5)
    with pytest.raises((AttributeError, TypeError)) as caught:
        student["ask"](machine.step, machine.load)
    assert "RuntimeError" not in repr(caught.value)
    assert student["same"](1) == 1


FORGED = {
    "call of a type": ("call", [["c", "builtins:type"], ["t", "X", ["t"], ["d", 2]], ["t"]]),
    "call of a handle": ("call", [["r", 99, "X", 1], ["t"], ["t"]]),
    "operation": ("names", [["l", 1, "np"]]), "beside": ("beside", ["os:system", ["t", "ls"], ["t"]]),
    "nothing": ("call", []), "get of a list": ("get", [["l", 1], "append"]),
}  # fmt: skip


@pytest.mark.promise(
    "What K says counts only as the result of the student's own function, so there is nothing to forge."
)
@pytest.mark.parametrize(("operation", "nodes"), FORGED.values(), ids=FORGED.keys())
def test_forged_requests_are_refused(operation: str, nodes: list[Any]) -> None:
    here, there = socket.socketpair()
    link = judging(here)
    wire.send(there, {"op": operation, "n": 1, "s": 1, "v": nodes})
    wire.send(there, {"re": 1, "v": "fine"})
    assert link.request("get", "x") == "fine"
    wire.receive(there, 10_000)
    reply, _ = wire.receive(there, 10_000)
    assert reply["error"]["name"] in ("TypeError", "AttributeError")
    assert reply["error"]["frames"] == []


BAD_REPLIES = {
    "another number": {"re": 7, "v": 1}, "no number": {"v": 1}, "text": {"re": "1", "v": 1},
    "a lie": {"re": 1, "v": ["?"]},
    "an odd error": {"re": 1, "error": {"name": 3}},
    "an error's type": {"re": 1, "error": {"name": "X", "base": "StudentGone", "text": ""}},
    "changes of nothing": {"re": 1, "v": 1, "out": [[-1, 1]]}, "odd changes": {"re": 1, "v": 1, "out": {"a": 1}},
    "odd places": {"re": 1, "error": {"name": "X", "base": "ValueError", "text": "", "frames": [[1, 2, 3]]}},
    "drops": {"re": 1, "v": 1, "drop": ["x"]}, "drops as text": {"re": 1, "v": 1, "drop": "x"},
    "request": {"op": 3, "n": 1, "v": []},
    "request without values": {"op": "call", "n": 1}, "request that lies": {"op": "call", "n": 1, "v": [["R", 5]]},
}  # fmt: skip


@pytest.mark.parametrize("reply", BAD_REPLIES.values(), ids=BAD_REPLIES.keys())
def test_after_nonsense_the_link_is_dead_for_good(reply: dict[str, Any]) -> None:
    here, there = socket.socketpair()
    link = judging(here, Limits(grace=0.2))
    wire.send(there, reply)
    with pytest.raises(StudentGone):
        link.request("get", "x", seconds=0.1)
    assert link.why
    with pytest.raises(StudentGone):
        link.request("get", "x")


def test_changes_of_what_was_not_sent_or_of_another_kind_are_dropped() -> None:
    here, there = socket.socketpair()
    link = judging(here)
    array, rows = np.zeros(2), [1]
    wire.send(there, {"re": 1, "v": None, "out": [[0, ["l", 1, 7]], [1, ["d", 2]], [9, ["l", 3]]]})
    link.request("call", array, rows)
    assert array.tolist() == [0, 0]
    assert rows == [1]


def test_sealed_objects_never_change(student: Pupil) -> None:
    history = History("x", [1.0])
    data = {"images": np.zeros(3), "more": [np.zeros(2), (History("y"),)]}
    kept = list(sealed([data, history, "text", 3]))
    assert any(one is data["images"] for one in kept)
    assert any(one is data["more"][1][0] for one in kept)
    assert any(one is history.train_loss for one in kept)
    with pupil(sealed=kept) as one:
        one.run(CELL)
        one["change"](data["images"])
        one["append"](data["more"])
        one["fill"](data)
        assert not data["images"].any()
        assert len(data["more"]) == 2
        assert data.keys() == {"images", "more"}
