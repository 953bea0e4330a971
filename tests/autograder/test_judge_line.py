"""One question, one answer: what a student's process may say, and what becomes of one that lies, dies or hangs."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from autograder.judge import line as lines
from autograder.judge.codec import Reference
from autograder.judge.line import Line, StudentGone
from autograder.judge.local import Pupil, pupil
from autograder.kernel import wire
from helpers.check import network_from_scratch as checks
from helpers.check.core import probe as probes
from helpers.check.core.ask import array, ask
from helpers.check.core.probe import Odd, calls
from helpers.check.core.report import CheckFailed, Mistake
from helpers.timing import Timing

CELL = """
import numpy as np
class Net: pass
net = Net()
count, words, table = 3, "text", {"a": [1, 2.5], (1, 2): np.ones(3)}
mixed = [1, Net, lambda: 2]
def double(x, times=2): return x * times
def fail(x): raise ValueError("no weights yet")
def spoil(x): x[...] = 0; return x
def loop():
    while True: pass
def nested():
    ring = [1]; ring.append(ring)
    return ring
"""


@pytest.fixture(scope="module")
def student() -> Iterator[Pupil]:
    with pupil() as one:
        one.run(CELL)
        yield one


def test_plain_data_comes_by_value_and_all_else_as_a_reference(student: Pupil) -> None:
    found = student.names("count", "words", "table", "mixed", "double", "Net", "net", "nothing")
    assert (found["count"], found["words"], found["table"]["a"]) == (3, "text", [1, 2.5])
    assert found["mixed"] == [1, Odd("type", True), Odd("function", True)]
    assert "nothing" not in found
    assert [type(found[name]) for name in ("double", "Net", "net")] == [Reference] * 3
    assert (found["net"].type, found["net"].callable) == ("Net", False)


@pytest.mark.promise("each check asks K one question, and plain numbers, texts and arrays come back,")
def test_a_function_is_called_with_copies_and_its_errors_are_of_a_kind_alike(student: Pupil) -> None:
    double, fail, spoil = (student[name] for name in ("double", "fail", "spoil"))
    assert double(4) == 8
    assert double("ab", times=3) == "ababab"
    x = np.ones(2)
    np.testing.assert_array_equal(spoil(x), [0, 0])
    np.testing.assert_array_equal(x, [1, 1])
    with pytest.raises(ValueError, match="no weights yet"):
        fail(1)


def test_a_probe_is_one_question(student: Pupil, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    ask_line = student.line._ask
    monkeypatch.setattr(student.line, "_ask", lambda what, *v, **k: asked.append(what) or ask_line(what, *v, **k))
    seen = ask(calls, "double", student["double"], [(1,), (np.ones(3),), ([2],)])
    assert asked == ["names", "probe"]
    np.testing.assert_array_equal(array(seen["1"], "it"), [2, 2, 2])
    assert seen["2"] == [2, 2]
    with pytest.raises(Mistake, match=r"fail raised ValueError: no weights yet"):
        ask(calls, "fail", student["fail"], [(1,)])["0"]


def test_what_holds_itself_ends_in_a_name(student: Pupil) -> None:
    assert ask(calls, "nested", student["nested"], [()])["0"] == [1, Odd("list")]


def test_a_call_that_never_ends_is_told(student: Pupil, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "SECONDS", 0.2)
    with pytest.raises(Mistake) as caught:
        ask(calls, "loop", student["loop"], [()])["0"]
    assert caught.value.name == "never-returns"
    assert student["count"] == 3


DEEP = "functools.reduce(lambda x, _: [x], range(5_000), 1)"
HOSTILE = {
    "patched probe": "p.run = lambda *a, **k: 1e9",
    "patched copies": "p.plain = lambda v: Evil()",
    "everything passes": "answer({'seen': {'passed': True}, 'ended': None})",
    "no notes": "answer({'seen': Evil(), 'ended': 3})",
    "an odd type": "answer(Evil())",
    "too large": "answer({'seen': {str(i): 'x' * 99 for i in range(99_999)}, 'ended': None})",
    "too deep": f"answer({{'seen': {{'first weight': {DEEP}}}, 'ended': None}})",
    "another's": "p.observed = lambda name, s, a: own('helpers.check.core.probe:calls', s, ('x', abs, [(1,)]))",
    "a long end": "answer({'seen': {}, 'ended': ('x' * 99_999, 'raised', {'type': 3, 'text': [], 'frames': 7})})",
}
EVIL = """
import functools, sys
p = sys.modules["helpers.check.core.probe"]
own = p.observed
def answer(value): p.observed = lambda *a: value
class Evil(float):
    def __eq__(self, other): return True
    def __getattr__(self, name): return self
    def __len__(self): return 3
"""


@pytest.mark.promise(
    "What K says counts only as the result of the student's own function, so there is nothing to forge."
)
@pytest.mark.parametrize("trick", HOSTILE.values(), ids=HOSTILE.keys())
def test_whoever_answers_for_the_probe_does_not_pass(trick: str) -> None:
    with pupil() as one:
        one.run(EVIL + "class Linear:\n    def __init__(self, *a): pass\n" + trick)
        for check in (checks.linear_init, checks.linear_forward, checks.linear_update):
            with pytest.raises(CheckFailed) as caught:
                check(one["Linear"])
            assert len(str(caught.value)) < 5_000


def test_a_probe_that_is_no_function_of_the_checks_runs_with_the_students_rights_alone() -> None:
    """The name of a probe comes from the judge; a student's process may import what it can anyhow."""
    with pupil() as one:
        one.run("x = 1")
        assert one.line.probe("os:getcwd", 1.0, ())["ended"][1] == "raised"


def reply(said: dict[str, Any]) -> Line:
    here, there = socket.socketpair()
    line = Line(here)
    wire.send(there, said)
    line.there = there  # type: ignore[attr-defined]
    return line


BAD = {
    "another number": {"re": 7, "v": 1}, "no number": {"v": 1}, "text": {"re": "1", "v": 1},
    "a lie": {"re": 1, "v": ["?"]},
    "a question": {"op": "call", "n": 1, "v": []}, "a reference": {"re": 1, "v": ["N", "os"]},
}  # fmt: skip


@pytest.mark.promise(
    "What K says counts only as the result of the student's own function, so there is nothing to forge."
)
@pytest.mark.parametrize("said", BAD.values(), ids=BAD.keys())
def test_after_nonsense_the_line_is_dead_for_good(said: dict[str, Any]) -> None:
    line = reply(said)
    for _ in range(2):
        with pytest.raises(StudentGone):
            line.names(["x"])
    assert line.why


@pytest.mark.parametrize("value", [None, 3, ["l", "a"], ["d", "y", 1], ["t"]], ids=str)
def test_an_answer_about_names_gives_no_other_names(value: Any) -> None:
    assert reply({"re": 1, "v": value}).names(["x"]) == {}


DEATHS = {
    "exit": "import os; os._exit(3)", "kill": "import os; os.kill(os.getpid(), 9)",
    "socket": "import os; os.closerange(3, 99)",
}  # fmt: skip


@pytest.mark.parametrize("death", DEATHS.values(), ids=DEATHS.keys())
def test_death_ends_the_check(death: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "GRACE_S", 1.0)
    with pupil() as one:
        one.run(f"def die(*a): {death}")
        die = one["die"]
        with pytest.raises(StudentGone) as caught:  # whoever only closed the line is gone at the next question
            [ask(calls, "die", die, [()]) for _ in range(2)]
        assert type(caught.value).__name__ == "KernelDied"
        assert not isinstance(caught.value, Exception)
        with pytest.raises(StudentGone):
            one.names("die")


def test_a_student_who_ignores_the_time_limit_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "SECONDS", 0.01)
    monkeypatch.setattr(lines, "GRACE_S", 0.3)
    with pupil() as one:
        one.run(
            "import signal\n"
            "def never():\n"
            "    for number in (14, 27): signal.signal(number, signal.SIG_IGN)\n"
            "    while True: pass"
        )
        with pytest.raises(StudentGone, match="in time"):
            ask(calls, "never", one["never"], [()])


def test_an_interrupt_while_waiting_leaves_the_line_alive() -> None:
    # In a child, which has one thread, like a judge: a signal goes to any thread that does not block it.
    child = os.fork()
    if not child:
        code = 1
        try:
            wire.raise_interrupts()
            with pupil() as one:
                one.run("import time\ndef sleep(s): time.sleep(s); return s")
                sleep = one["sleep"]
                threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
                with pytest.raises(KeyboardInterrupt):
                    sleep(0.6)
                code = int(sleep(0.0) != 0.0)  # the answer that nobody waited for was thrown away
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def test_records_of_the_course_come_as_themselves(student: Pupil) -> None:
    student.run("from helpers.timing import Timing\nt = {'a': Timing('a', [1.0])}")
    assert student["t"] == {"a": Timing("a", [1.0])}
