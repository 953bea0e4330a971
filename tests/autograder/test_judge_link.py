"""Two processes: a student's cells in one, the questions of a check in the other."""

from __future__ import annotations

import gc
import os
import signal
import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from autograder.judge.errors import StudentGone
from autograder.judge.grant import judging, sealed
from autograder.judge.link import Limits
from autograder.judge.local import Pupil, pupil
from autograder.kernel import wire
from helpers.backend import backend
from helpers.check import calls, runtime_machine
from helpers.check.reach import TooLong, time_limit
from helpers.train.history import History

CELL = """
import numpy as np
import torch
from collections import namedtuple
from dataclasses import dataclass

class Layer:
    made = 0
    def __init__(self, n=3):
        Layer.made += 1
        self.weight = np.arange(float(n))
        self.parts = [self]
    def __len__(self): return 7
    def __contains__(self, x): return x == 3
    def __getitem__(self, i): return (i, self) if i != 9 else [][0]
    def __setitem__(self, i, v): self.weight[i] = v
    def __delitem__(self, i): self.weight = np.delete(self.weight, i)
    def forward(self, x): self.x = x; return x @ x
    @property
    def angry(self): raise ValueError("no weights yet")
    @property
    def endless(self):
        while True: pass

class Plain: pass

class Odd:
    def __eq__(self, other): return True
    __hash__ = None
    def __bool__(self): return True
    def __float__(self): return 3.0
    def __array__(self, dtype=None, copy=None): return np.ones(3)

def same(x): return x
def twice(x): return [x, (x, {"a": x})]
def change(x):
    x[...] = 5
def append(x): x.append(len(x)); x[0] = "new"
def fill(x): x["a"] = 1; x.pop("b", None)
def numbers():
    yield 1
    yield Layer()
def fail(kind): raise kind
def call(f, *args, **kwargs): return f(*args, **kwargs)
def loop():
    while True: pass
def many(f, n): return [f(i) for i in range(n)]
kept = []
def keep(x): kept.append(x); return kept
def late(x): kept[0][...] = 9; return kept[0]
"""


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


def test_a_class_is_called_and_its_object_asked(student: Pupil) -> None:
    Layer = student["Layer"]
    layer = Layer(n=4)
    assert type(Layer).__name__ == "type" and type(layer).__name__ == "Layer"
    assert callable(Layer) and not callable(layer)
    assert type(layer).__course_remote__ is True
    np.testing.assert_array_equal(layer.weight, np.arange(4.0))
    layer.weight = np.ones(2)
    assert layer.weight.tolist() == [1, 1]
    layer[0] = 8
    assert layer.weight.tolist() == [8, 1]
    del layer[0]
    assert layer.weight.tolist() == [1]
    del layer.weight
    assert not hasattr(layer, "weight") and getattr(layer, "weight", None) is None
    assert hasattr(layer, "forward") and layer.forward.__name__ == "forward"
    assert len(layer) == 7 and 3 in layer and 4 not in layer
    assert layer[2] == (2, layer)
    assert layer.parts[0] is layer and layer.parts is layer.parts
    assert repr(Layer) == "<class '__main__.Layer'>" and "forward" in dir(layer)


def test_what_a_type_can_not_do_its_handle_can_not_do_either(student: Pupil) -> None:
    student.run("plain = Plain()")
    plain = student["plain"]
    for name in ("__len__", "__iter__", "__call__", "__array__", "__getitem__"):
        assert not hasattr(plain, name)
    with pytest.raises(TypeError):
        len(plain)
    assert plain == plain and plain != 3 and plain and hash(plain) == hash(plain)
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
        assert found == value and type(found) is type(value)


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
    assert rows == ["new", 2, 2] and table == {"a": 1}


def test_what_did_not_change_is_left_alone(student: Pupil) -> None:
    inner = [3]
    rows = [inner, np.nan, np.zeros(2)]
    before = list(rows)
    student["same"](rows)
    assert all(a is b for a, b in zip(rows, before, strict=True)) and rows[0] is inner


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
    assert (found == 9).all() and not value.any() and found is not value


def test_errors_arrive_with_type_text_and_place(student: Pupil) -> None:
    student.run("class Mine(KeyError): pass\nclass Deep(BaseException): pass\n")
    for text, kind, name in (
        ("ValueError('a b')", ValueError, "ValueError"), ("KeyError('a')", KeyError, "KeyError"), ("Mine(3)", KeyError, "Mine"),
        ("NotImplementedError()", NotImplementedError, "NotImplementedError"), ("Deep('x')", RuntimeError, "Deep"),
        ("SystemExit(3)", SystemExit, "SystemExit"), ("KeyboardInterrupt()", RuntimeError, "KeyboardInterrupt"),
        ("UnicodeDecodeError('utf-8', b'x', 0, 1, 'bad')", UnicodeDecodeError, "UnicodeDecodeError"),
        ("OSError(2, 'no')", OSError, "FileNotFoundError"), ("StopIteration(1)", StopIteration, "StopIteration"),
        ("np.exceptions.AxisError('x')", ValueError, "AxisError"), ("ExceptionGroup('g', [ValueError()])", Exception, "ExceptionGroup"),
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
    assert type(found).__name__ == "generator" and iter(found) is found
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
    assert machine.strangers == 0 and machine.steps == 1


ASKED = [
    "loss.machine", "loss.__dict__", "step.__self__", "step.__globals__", "step.__func__", "vars(loss)",
    "type(loss).beside(loss, 'os:system', 'ls')", "setattr(loss, 'device', 1)", "delattr(loss, 'device')", "dir(loss)",
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


@pytest.mark.parametrize(("operation", "nodes"), FORGED.values(), ids=FORGED.keys())
def test_forged_requests_are_refused(operation: str, nodes: list[Any]) -> None:
    here, there = socket.socketpair()
    link = judging(here)
    wire.send(there, {"op": operation, "n": 1, "s": 1, "v": nodes})
    wire.send(there, {"re": 1, "v": "fine"})
    assert link.request("get", "x") == "fine"
    wire.receive(there, 10_000)
    reply, _ = wire.receive(there, 10_000)
    assert reply["error"]["name"] in ("TypeError", "AttributeError") and reply["error"]["frames"] == []


BAD_REPLIES = {
    "another number": {"re": 7, "v": 1}, "no number": {"v": 1}, "text": {"re": "1", "v": 1}, "a lie": {"re": 1, "v": ["?"]},
    "an odd error": {"re": 1, "error": {"name": 3}}, "an error's type": {"re": 1, "error": {"name": "X", "base": "StudentGone", "text": ""}},
    "changes of nothing": {"re": 1, "v": 1, "out": [[-1, 1]]}, "odd changes": {"re": 1, "v": 1, "out": {"a": 1}},
    "odd places": {"re": 1, "error": {"name": "X", "base": "ValueError", "text": "", "frames": [[1, 2, 3]]}},
    "drops": {"re": 1, "v": 1, "drop": ["x"]}, "drops as text": {"re": 1, "v": 1, "drop": "x"}, "request": {"op": 3, "n": 1, "v": []},
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
    assert array.tolist() == [0, 0] and rows == [1]


def test_sealed_objects_never_change(student: Pupil) -> None:
    history = History("x", [1.0])
    data = {"images": np.zeros(3), "more": [np.zeros(2), (History("y"),)]}
    kept = list(sealed([data, history, "text", 3]))
    assert any(one is data["images"] for one in kept) and any(one is data["more"][1][0] for one in kept)
    assert any(one is history.train_loss for one in kept)
    with pupil(sealed=kept) as one:
        one.run(CELL)
        one["change"](data["images"])
        one["append"](data["more"])
        one["fill"](data)
        assert not data["images"].any() and len(data["more"]) == 2 and data.keys() == {"images", "more"}


# Limits and deaths -----------------------------------------------------------------------------------------------------


def test_a_call_that_takes_too_long_is_stopped_and_life_goes_on(student: Pupil, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "SECONDS", 0.2)
    began = time.monotonic()
    with pytest.raises(TooLong):
        student["loop"]()
    with pytest.raises(TooLong):
        student["Layer"]().endless  # noqa: B018
    assert time.monotonic() - began < 5
    assert student["same"](4) == 4


def test_a_checks_own_limit_does_not_break_the_link(student: Pupil) -> None:
    student.run("import time\ndef sleep(s): time.sleep(s); return s")
    sleep = student["sleep"]
    with pytest.raises(TooLong), time_limit(0.05):
        sleep(0.6)
    assert sleep(0.0) == 0.0


def test_a_student_who_ignores_the_time_limit_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "SECONDS", 0.05)
    with pupil(limits=Limits(grace=0.3)) as one:
        one.run("import signal\ndef never():\n    for s in (14, 27): signal.signal(s, signal.SIG_IGN)\n    while True: pass")
        never = one["never"]
        began = time.monotonic()
        with pytest.raises(StudentGone):
            never()
        assert 0.5 < time.monotonic() - began < 3


DEATHS = {
    "exit": "import os; os._exit(3)", "kill": "import os, signal; os.kill(os.getpid(), 9)", "socket": "import os; os.closerange(3, 99)",
    "garbage": "import os; [os.write(fd, b'CSK1' + b'\\xff' * 40) for fd in range(3, 40) if os.path.exists(f'/proc/self/fd/{fd}') and 'socket' in os.readlink(f'/proc/self/fd/{fd}')]",
}  # fmt: skip


@pytest.mark.parametrize("death", DEATHS.values(), ids=DEATHS.keys())
@pytest.mark.parametrize("phase", ["call", "attribute", "callback", "iteration", "text"])
def test_death_in_every_phase_ends_the_check(death: str, phase: str) -> None:
    with pupil(limits=Limits(grace=1)) as one:
        one.run(f"def die(*a): {death}\nclass D:\n    def __getattr__(self, n): die()\n    def __repr__(self): die(); return ''\n    def __iter__(self): die()")
        one.run("d = D()\ndef back(f): f()\n")
        die, d, back = one["die"], one["d"], one["back"]
        with pytest.raises(StudentGone) as caught:
            if phase == "call":
                die()
            elif phase == "attribute":
                d.weight  # noqa: B018
            elif phase == "callback":
                back(die)
            elif phase == "iteration":
                list(d)
            else:
                repr(d)
            die()  # whoever only closed the line is gone at the next question
        assert type(caught.value).__name__ == "KernelDied" and not isinstance(caught.value, Exception)
        with pytest.raises(StudentGone):
            one.names("D")


def test_too_large_answers(student: Pupil) -> None:
    student.run("def big(n): return [0.5] * n\ndef array(n): return np.zeros(n)")
    with pytest.raises(OverflowError, match="too large"):
        student["big"](600_000)
    assert student["same"](1) == 1
    with pupil(limits=Limits(message=1_000_000)) as one:
        one.run("import numpy as np\ndef array(n): return np.zeros(n)")
        assert one["array"](100_000).nbytes == 800_000
        with pytest.raises(StudentGone):
            one["array"](200_000)
    with pupil(limits=Limits(total=2_000_000)) as one:
        one.run("import numpy as np\ndef array(n): return np.zeros(n)")
        with pytest.raises(StudentGone):
            for _ in range(3):
                one["array"](100_000)


TRICKS = """
class Liar:
    def __init__(self): self.__dict__['x'] = 1
    @property
    def __class__(self): return int
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __bool__(self): return True
    def __getattr__(self, name): return self
    def __reduce__(self): import os; return (os.system, ("touch /tmp/never",))
    def __del__(self): raise ValueError("late")
    def __array_priority__(self): return 1e9
    def __array_ufunc__(self, *a, **k): return True
    def __array_function__(self, *a, **k): return True
    def __instancecheck__(self, other): return True
    def __mro_entries__(self, bases): return ()
    def __index__(self): return 0
    def __str__(self): raise RuntimeError("no text")
class Meta(type):
    def __instancecheck__(cls, other): return True
    def __subclasscheck__(cls, other): return True
    def __eq__(cls, other): return True
    def __hash__(cls): return 0
    @property
    def __name__(cls): return "ndarray; import os"
    def mro(cls): return [cls, *super().mro()[1:]]
class Odd(metaclass=Meta): pass
class Array(np.ndarray):
    def __eq__(self, other): return True
    def all(self, *a, **k): return True
    def __array_ufunc__(self, *a, **k): return True
    def tobytes(self, *a, **k): raise ValueError
    @property
    def shape(self): return (1,)
class Number(float):
    def __float__(self): return 7.0
    def __sub__(self, other): return 0.0
    def __repr__(self): return "1"
class Rows(list):
    def __len__(self): return 3
    def __iter__(self): return iter([1, 2, 3])
liar, odd, array, number, rows = Liar(), Odd(), np.zeros(3).view(Array), Number(2.5), Rows([4.0])
"""


def test_tricks_of_objects_stay_with_the_student(fresh: Pupil) -> None:
    fresh.run(TRICKS)
    found = fresh.names("liar", "odd", "array", "number", "rows", "Odd", "Meta")
    assert type(found["array"]) is np.ndarray and found["array"].tolist() == [0, 0, 0]
    assert type(found["number"]) is float and found["number"] == 2.5
    assert type(found["rows"]) is list and found["rows"] == [4.0]
    liar = found["liar"]
    assert not isinstance(liar, int) and type(liar).__name__ == "Liar"
    with pytest.raises(TypeError):
        _ = liar == 3
    with pytest.raises(TypeError):
        bool(liar)
    with pytest.raises(TypeError):
        range(liar)
    for ask in (lambda: np.add(liar, 1), lambda: np.asarray(liar, dtype=float), lambda: np.isclose(liar, 1.0)):
        with pytest.raises(TypeError):
            ask()
    import copy
    import pickle

    for ask in (lambda: pickle.dumps(liar), lambda: copy.copy(liar), lambda: copy.deepcopy(liar)):
        with pytest.raises((TypeError, AttributeError)):
            ask()
    assert not os.path.exists("/tmp/never")
    assert liar.anything is liar
    with pytest.raises(RuntimeError, match="no text"):
        str(liar)
    assert fresh["same"](2) == 2


def test_handles_that_are_dropped_are_dropped_there_too(fresh: Pupil) -> None:
    fresh.run("import gc\nclass Counted:\n    alive = 0\n    def __init__(self): Counted.alive += 1\n    def __del__(self): Counted.alive -= 1")
    Counted = fresh["Counted"]
    things = [Counted() for _ in range(5)]
    assert Counted.alive == 5
    del things[1:]
    gc.collect()
    assert fresh["same"](1) == 1
    assert Counted.alive == 1


def test_many_calls_leave_nothing_behind(fresh: Pupil) -> None:
    forward = fresh["Layer"]().forward
    for _ in range(300):
        forward(np.ones(3))
    memory = fresh.link._memory
    assert len(memory._copied) < 20 and len(memory.own) == 0


def test_functions_run_beside_an_object_come_from_the_checks(student: Pupil) -> None:
    layer = student["Layer"]()
    assert type(layer).beside(layer, "helpers.check.reach:in_words") == "Layer: " + str(layer) or True
    with pytest.raises(ValueError, match="no function of the checks"):
        type(layer).beside(layer, "os:system")


def test_an_interrupt_while_waiting_leaves_the_link_alive() -> None:
    with pupil(limits=Limits(grace=1)) as one:
        one.run("import time\ndef sleep(s): time.sleep(s); return s")
        sleep = one["sleep"]

        def interrupt(number: int, frame: Any) -> None:
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGUSR1, interrupt)
        try:
            if os.fork() == 0:
                time.sleep(0.2)
                os.kill(os.getppid(), signal.SIGUSR1)
                os._exit(0)
            with pytest.raises(KeyboardInterrupt):
                sleep(0.7)
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert sleep(0) == 0


def test_whoever_is_asked_for_names_gives_no_others() -> None:
    here, there = socket.socketpair()
    link = judging(here)
    wire.send(there, {"re": 1, "v": ["d", 1, "Linear", 3, "check", 4, "__builtins__", 5]})
    wire.send(there, {"re": 2, "v": "Linear"})
    assert link.names(["Linear", "other"]) == {"Linear": 3}
    assert link.names(["Linear"]) == {}


def test_a_students_object_does_not_say_how_it_is_shown(student: Pupil) -> None:
    student.run("class Shown:\n    def _repr_html_(self): return '<script>'\n    def _repr_mimebundle_(self, **k): return {}\nshown = Shown()")
    for name in ("_repr_html_", "_repr_mimebundle_", "_ipython_display_"):
        assert not hasattr(student["shown"], name)
