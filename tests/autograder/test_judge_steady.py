"""Names that a judge need not ask for again, and whatever must make it ask."""

from __future__ import annotations

import socket
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder.execution.execute import Machine, execute
from autograder.execution.workplace import SERVE
from autograder.judge.grant import judging
from autograder.judge.judge import Judge, Judges
from autograder.judge.namespace import Code
from autograder.judge.steady import Steady, Watch
from autograder.kernel import wire
from autograder.kernel.kernel import Kernel, Kernels
from autograder.sandbox import Limits, Mode

STUDENT = """
import time
number, words, rows, nothing = 1, 'one', [1], None
def function(): return 'first'
class Kind:
    def __call__(self): return 'called'
thing = Kind()
def rebind(**new): globals().update(new)
def forget(name): del globals()[name]
def function_anew():
    def function(): return 'second'
    rebind(function=function)
def append(): rows.append(2)
def without_call(): del Kind.__call__
"""


def pair(names: dict[str, Any]) -> tuple[Callable[..., dict[str, Any]], Callable[[], None], list[list[str]]]:
    """Both sides without a line between them: to want names, to tell of changes, and what was asked."""
    watch, steady, asked = Watch(), Steady(), []

    def ask(wanted: Any) -> dict[str, Any]:
        asked.append(list(wanted))
        found = watch.asked(names, wanted)
        tell()
        return found

    def tell() -> None:
        if note := watch.note(names):
            steady.hear(note)

    def values(*wanted: str, moved: bool = False) -> dict[str, Any]:
        return steady.values(wanted, ask, moved)

    return values, tell, asked


def test_what_is_steady_is_asked_once() -> None:
    names = {"f": len, "n": 3, "t": "text", "none": None, "rows": [1], "kind": Kernel, "module": types}
    values, _, asked = pair(names)
    wanted = (*names, "missing")
    assert values(*wanted) == values(*wanted) == values(*wanted) == names
    assert asked == [[*wanted], ["rows", "module"], ["rows", "module"]]
    assert values("f", "n") == {"f": len, "n": 3}
    assert len(asked) == 3
    values("n", "rows", moved=True)
    assert asked[-1] == ["n", "rows"]


def test_a_note_of_a_change_makes_it_ask_again() -> None:
    names: dict[str, Any] = {"n": 3, "f": len}
    values, tell, asked = pair(names)
    values("n", "f", "later")
    names.update(n=4, later=5)
    tell()
    assert values("n", "f", "later") == {"n": 4, "f": len, "later": 5}
    assert asked == [["n", "f", "later"], ["n", "later"]]
    del names["n"]
    tell()
    assert values("n", "f", "later") == {"f": len, "later": 5}


def test_a_change_that_the_answer_itself_tells_of_is_asked_for_in_the_same_go() -> None:
    names: dict[str, Any] = {"n": 3, "f": len}
    values, _, asked = pair(names)
    values("n", "f")
    names["n"] = 4  # the student's cell ran, and then a test asks for something else, too
    assert values("n", "other") == {"n": 4}
    assert asked[1:] == [["other"], ["n"]]


@pytest.mark.parametrize("note", [{}, [[]], [["a"], "b"], [["a"], [1]], [[None], []], "names", 3])
def test_a_note_that_is_none_ends_the_conversation(note: Any) -> None:
    with pytest.raises(wire.WireError):
        Steady().hear(note)


def test_an_answer_that_nobody_waits_for_any_longer_is_heard_all_the_same() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        link = judging(ours)
        link.steady._known["n"] = 3
        link._given_up.add(1)
        wire.send(theirs, {"re": 1, "v": None, "names": [[], ["n"]]}, [])
        wire.send(theirs, {"re": 2, "v": 5}, [])
        link._asked = 1
        assert link.request("get", "x") == 5
        assert link.steady._known == {}


@pytest.fixture(scope="module")
def zygotes() -> Iterator[tuple[Kernels, Judges]]:
    cells = [Code("exercise", "number = 1")]
    with Kernels(Mode("none", ""), needs=(), serve=SERVE) as kernels, Judges(cells) as judges:
        yield kernels, judges


@pytest.fixture
def judge(zygotes: tuple[Kernels, Judges]) -> Iterator[Judge]:
    kernels, judges = zygotes
    judge = judges.start()
    kernel = attached(kernels, judge)
    judge.kernel = kernel  # type: ignore[attr-defined]
    judge.say = lambda source: said(judge, source)  # type: ignore[attr-defined]
    judge.again = lambda: attached(kernels, judge)  # type: ignore[attr-defined]
    yield judge
    kernel.kill()
    judge.kill()


def attached(kernels: Kernels, judge: Judge) -> Kernel:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        kernel = kernels.start({}, Limits(), theirs)
        judge.attach(ours)
    assert kernel.run(STUDENT, 30).status == "ok"
    return kernel


def said(judge: Judge, source: str) -> str:
    """What a test cell prints when nothing of the student's ran since the last one but what that one called."""
    ran = judge.run(source, 30, moved=False)
    return "".join(o.get("text", o.get("ename", "")) for o in ran.outputs).strip()


ALL = "print(number, words, rows, nothing, function(), thing())"


def test_a_function_that_binds_a_name_anew_is_believed(judge: Any) -> None:
    assert judge.say(ALL) == judge.say(ALL) == "1 one [1] None first called"
    assert judge.say("rebind(number=2, words='two', nothing=0)") == ""
    assert judge.say(ALL) == "2 two [1] 0 first called"
    assert judge.say("function_anew()") == ""
    assert judge.say(ALL) == "2 two [1] 0 second called"
    assert judge.say("forget('number')") == ""
    assert judge.say("print(number)") == "NameError"
    assert judge.say("rebind(number=7)") == ""
    assert judge.say("print(number)") == "7"


def test_what_can_change_without_being_bound_anew_is_asked_each_time(judge: Any) -> None:
    assert judge.say(ALL) == "1 one [1] None first called"
    assert judge.say("append()") == ""
    assert judge.say("print(rows)") == "[1, 2]"
    assert judge.say("without_call()") == ""
    assert judge.say("thing()") == "TypeError"


def test_what_a_test_cell_does_to_its_own_names_is_forgotten(judge: Any) -> None:
    assert judge.say("print(number)\nrows.append(5)\nglobals()['number'] = 8") == "1"
    assert judge.say("print(number, rows, function())") == "1 [1] first"


def test_an_error_of_the_students_tells_of_changes_too(judge: Any) -> None:
    assert judge.say("print(number)") == "1"
    assert judge.say("try: rebind(number=3, **{1: 2})\nexcept TypeError: rebind(number=4)\nprint(number)") == "1"
    assert judge.say("print(number)") == "4"


def test_another_process_has_names_of_its_own(judge: Any) -> None:
    assert judge.say("rebind(number=9)\nprint(words)") == "one"
    assert judge.say("print(number)") == "9"
    judge.again()
    assert judge.say("print(number)") == "1"


def test_nothing_is_asked_for_what_is_known(judge: Any) -> None:
    assert judge.say("print(number, function())") == "1 first"
    judge.kernel.kill()
    assert judge.say("print(number)") == "1"
    assert judge.say("function()\nprint('never')") == "KernelDied"
    assert judge.say("print(number)") == "KernelDied"


def test_a_test_that_needs_no_name_does_not_count_as_asking(judge: Any) -> None:
    assert judge.say("print(number)") == "1"
    judge.kernel.run("number = 2", 30)
    judge.run("1 + 1", 30, moved=True)
    assert judge.say("print(number)") == "2"


def test_the_worker_says_when_the_student_ran_something() -> None:
    told: list[tuple[str, bool]] = []

    class K:
        alive, why = True, ""

        def run(self, source: str, seconds: float, **more: Any) -> Any:
            return types.SimpleNamespace(outputs=[], status="ok", changed=(), used=0, seconds=0)

        def kill(self, why: str = "") -> None: ...

    class T(K):
        def attach(self, line: Any) -> None: ...

        def run(self, source: str, seconds: float, beside: Any = (), moved: bool = True, **more: Any) -> Any:
            told.append((source.splitlines()[0], moved))
            status = "timeout" if "slow" in source else "ok"
            return types.SimpleNamespace(outputs=[], beside=[], status=status, answer={}, used=0, seconds=0)

    def cell(name: str, source: str = "pass") -> Any:
        return new_code_cell(f"# {name}\n{source}", metadata={"nbgrader": {"grade_id": name, "points": 1}})

    hidden = "1\n### BEGIN HIDDEN TESTS\n2\n### END HIDDEN TESTS"
    cells = [cell("t1"), cell("s1"), cell("t2", hidden), cell("t3"), cell("s2"), cell("t4 slow"), cell("t5")]
    tests = [name for name in (c.metadata.nbgrader.grade_id for c in cells) if name.startswith("t")]
    judged = types.SimpleNamespace(judged=True)
    snapshot: Any = types.SimpleNamespace(known=dict.fromkeys(tests, judged), handed_out=())
    machine: Any = Machine(lambda line: K(), T)
    execute(new_notebook(cells=cells), snapshot, machine, 10, 100)
    assert told == [
        ("# t1", True), ("# t2", True), ("# t3", False), ("# t4 slow", True), ("# t5", True), ("# t2", False)
    ]  # fmt: skip
