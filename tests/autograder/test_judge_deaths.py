"""Limits, deaths and tricks: whatever a student's process does, a check ends with a sentence or in time."""

from __future__ import annotations

import gc
import os
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from judge_pupil import CELL

from autograder.judge.errors import StudentGone
from autograder.judge.grant import judging
from autograder.judge.link import Limits
from autograder.judge.local import Pupil, pupil
from autograder.kernel import wire
from helpers.check.core import calls
from helpers.check.core.reach import TooLong, time_limit


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


def test_a_call_that_takes_too_long_is_stopped(student: Pupil, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "SECONDS", 0.2)
    began = time.monotonic()
    with pytest.raises(TooLong):
        student["loop"]()
    with pytest.raises(TooLong):
        student["Layer"]().endless  # noqa: B018
    assert time.monotonic() - began < 5
    assert student["same"](4) == 4


def test_a_checks_own_limit_does_not_break_the_link() -> None:
    # In a child, which has one thread, like a judge: a signal goes to any thread that does not block it.
    child = os.fork()
    if not child:
        code = 1
        try:
            with pupil({}) as student:
                student.run("import time\ndef sleep(s): time.sleep(s); return s")
                sleep = student["sleep"]
                with pytest.raises(TooLong), time_limit(0.05):
                    sleep(0.6)
                code = int(sleep(0.0) != 0.0)
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def test_a_student_who_ignores_the_time_limit_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "SECONDS", 0.05)
    with pupil(limits=Limits(grace=0.3)) as one:
        one.run(
            "import signal\n"
            "def never():\n"
            "    for number in (14, 27): signal.signal(number, signal.SIG_IGN)\n"
            "    while True: pass"
        )
        never = one["never"]
        began = time.monotonic()
        with pytest.raises(StudentGone):
            never()
        assert 0.5 < time.monotonic() - began < 3


def test_a_student_who_only_asks_back_is_given_up() -> None:
    here, there = socket.socketpair()
    link = judging(here, Limits(grace=0.2))
    if os.fork() == 0:
        here.close()
        try:
            while True:
                wire.send(there, {"op": "call", "n": 1, "s": 1, "v": [3, ["t"], ["t"]]})
                wire.receive(there, 10_000)
        finally:
            os._exit(0)
    there.close()
    began = time.monotonic()
    with pytest.raises(StudentGone):
        link.request("get", "x", seconds=0.05)
    assert time.monotonic() - began < 3


DEATHS = {
    "exit": "import os; os._exit(3)", "kill": "import os, signal; os.kill(os.getpid(), 9)",
    "socket": "import os; os.closerange(3, 99)",
    "garbage": "[os.write(fd, b'CSK2' + b'\\xff' * 40) for fd in sockets()]",
}  # fmt: skip


SOCKETS = """
import os
def sockets():
    for fd in range(3, 60):
        if os.path.exists(f"/proc/self/fd/{fd}") and "socket" in os.readlink(f"/proc/self/fd/{fd}"):
            yield fd
"""
DYING = """
class D:
    def __getattr__(self, name): die()
    def __repr__(self): die(); return ""
    def __iter__(self): die()
d = D()
def back(f): f()
"""


@pytest.mark.parametrize("death", DEATHS.values(), ids=DEATHS.keys())
@pytest.mark.parametrize("phase", ["call", "attribute", "callback", "iteration", "text"])
def test_death_in_every_phase_ends_the_check(death: str, phase: str) -> None:
    with pupil(limits=Limits(grace=1)) as one:
        one.run(SOCKETS + f"def die(*a): {death}\n" + DYING)
        die, d, back = one["die"], one["d"], one["back"]
        ask = {"call": die, "attribute": lambda: d.weight, "callback": lambda: back(die), "text": lambda: repr(d)}
        with pytest.raises(StudentGone) as caught:  # whoever only closed the line is gone at the next question
            any(question() for question in (ask.get(phase, lambda: list(d)), die))
        assert type(caught.value).__name__ == "KernelDied"
        assert not isinstance(caught.value, Exception)
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
            [one["array"](100_000) for _ in range(3)]


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
    assert type(found["array"]) is np.ndarray
    assert found["array"].tolist() == [0, 0, 0]
    assert type(found["number"]) is float
    assert found["number"] == 2.5
    assert type(found["rows"]) is list
    assert found["rows"] == [4.0]
    liar = found["liar"]
    assert not isinstance(liar, int)
    assert type(liar).__name__ == "Liar"
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
    fresh.run(
        "class Counted:\n"
        "    alive = 0\n"
        "    def __init__(self): Counted.alive += 1\n"
        "    def __del__(self): Counted.alive -= 1"
    )
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
    assert len(memory._copied) < 20
    assert len(memory.own) == 0


def test_functions_run_beside_an_object_come_from_the_checks(student: Pupil) -> None:
    layer, same = student["Layer"](), student["same"]
    assert type(same).beside(same, "helpers.check.core.reach:has_globals", ["Layer"]) is True
    assert type(same).beside(same, "helpers.check.core.reach:has_globals", names=["Other"]) is False
    with pytest.raises(ValueError, match="not a function of the checks"):
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
    student.run("class Shown:\n    def _repr_html_(self): return '<script>'\nshown = Shown()")
    for name in ("_repr_html_", "_repr_mimebundle_", "_ipython_display_"):
        assert not hasattr(student["shown"], name)
