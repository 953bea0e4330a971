"""Judges: test cells run in a process of their own, over the real kernels' zygotes, without a sandbox."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.execution.workplace import SERVE
from autograder.judge.judge import Judge, Judges
from autograder.judge.namespace import Code
from autograder.kernel.kernel import Kernel, Kernels
from autograder.sandbox import Limits, Mode, landlock

CHECK = "application/vnd.course.check+json"
HIDDEN = "{}\n### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"
CELLS = [
    ("given", "%matplotlib inline\nimport math\nimport numpy as np\nfrom helpers import check"),
    ("given", "from helpers.train import study_size\nsize = study_size(None)"),
    ("given", "RUBRIC = {'a': 3}\nimages = np.zeros(3)\nopened = []\ndef look(x): opened.append(x); return x"),
    ("exercise", "def answer(x): return x\nresult = 3"),
    ("test", "print(RUBRIC, size, images, opened, answer, result, check, math)"),
]  # fmt: skip
STUDENT = """
import numpy as np
RUBRIC, size, images = {'a': 0}, None, np.ones(3)
opened = [4]
def answer(x): print('thinking'); x[:] = 5; return x * 2
class Linear:
    def __init__(self, a, b, backend, seed=0):
        self.weight, self.bias = backend.normal((a, b), a**-0.5, seed), backend.zeros((b,))
    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias
    def backward(self, g): return g @ self.weight.T
    def update(self, lr):
        self.weight = self.weight - lr * self.grad_weight
        self.bias = self.bias - lr * self.grad_bias
def die(*a): import os; os._exit(3)
def hang(*a):
    while True: pass
result = 7
"""


@pytest.fixture(scope="module")
def zygotes() -> Iterator[tuple[Kernels, Judges]]:
    with Kernels(Mode("none", ""), needs=(), serve=SERVE) as kernels, Judges(Code(*cell) for cell in CELLS) as judges:
        yield kernels, judges


@pytest.fixture
def room(zygotes: tuple[Kernels, Judges]) -> Iterator[tuple[Judge, Kernel, Callable[[], Kernel]]]:
    kernels, judges = zygotes
    judge, started = judges.start(), []

    def student() -> Kernel:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            started.append(kernels.start({}, Limits(), theirs))
            judge.attach(ours)
        assert started[-1].run(STUDENT, 30).status == "ok"
        return started[-1]

    yield judge, student(), student
    for process in (judge, *started):
        process.kill()


Room = tuple[Judge, Kernel, Callable[[], Kernel]]


def text(outputs: list[Any]) -> str:
    return "".join(o.get("text", o.get("ename", "")) for o in outputs)


@pytest.mark.promise(
    "A student's code runs in a process of its own (K). The test cells run in another one (T), which K can't reach:"
)
def test_a_test_cell_sees_the_courses_names_and_the_students(room: Room) -> None:
    judge, student, _ = room
    ran = judge.run("print(RUBRIC, size.name, images, result, opened, math.pi > 3)", 30, beside=[student])
    assert text(ran.outputs) == "{'a': 3} quick [0. 0. 0.] 7 [4] True\n"
    assert (ran.status, ran.answer["gone"], ran.beside) == ("ok", "", [])


@pytest.mark.promise("each check asks K one question, and plain numbers, texts and arrays come back,")
def test_a_students_function_is_called_and_what_it_prints_lies_beside(room: Room) -> None:
    judge, student, _ = room
    ran = judge.run("x = np.zeros(2)\nprint(answer(x), x)\nprint(answer(images), images)", 30, beside=[student])
    assert text(ran.outputs) == "[10. 10.] [0. 0.]\n[10. 10. 10.] [0. 0. 0.]\n", "it gets copies"
    assert text(ran.beside) == "thinking\nthinking\n"


@pytest.mark.promise(
    "exercises are judged on the same checks that students run, and on hidden cases with other numbers."
)
def test_a_real_check_and_its_hidden_part(room: Room) -> None:
    judge, student, _ = room
    hidden = "check.network_from_scratch.linear_update(Linear, seed=SEED)\nprint('more')"
    cell = HIDDEN.format("check.network_from_scratch.linear_forward(Linear)\nSEED = 4", hidden)
    ran = judge.run(cell, 30, beside=[student])
    assert ran.status == "ok", ran.outputs
    shown, hidden, words = ran.outputs
    assert shown.data[CHECK]["passed"]
    assert hidden.data[CHECK]["passed"]
    assert words.text == "more\n"
    assert "course" not in shown.metadata
    assert hidden.metadata.course == {"hidden": True}
    assert ran.answer["hidden"] == [1, 2]


def test_a_failure_in_the_visible_part_ends_the_cell(room: Room) -> None:
    judge, student, _ = room
    student.run("class Linear:\n    def __init__(self, *a): pass", 30)
    cell = HIDDEN.format("check.network_from_scratch.linear_forward(Linear)", "print('never')")
    ran = judge.run(cell, 30, beside=[student])
    assert (ran.status, ran.answer["hidden"]) == ("error", [])
    report, error = ran.outputs
    assert report.data[CHECK]["mistake"]
    assert error.ename == "CheckFailed"
    assert "never" not in str(ran.outputs)


def test_names_come_afresh_and_missing_ones_are_errors_as_ever(room: Room) -> None:
    judge, student, _ = room
    assert text(judge.run("print(result)", 30).outputs) == "7\n"
    student.run("result = 8", 30)
    assert text(judge.run("print(result)", 30).outputs) == "8\n"
    student.run("del result", 30)
    ran = judge.run("print(result)", 30)
    assert ran.status == "error"
    assert ran.outputs[0].ename == "NameError"


@pytest.mark.promise(
    "What K says counts only as the result of the student's own function, so there is nothing to forge."
)
def test_only_the_judge_speaks_as_a_check(room: Room) -> None:
    judge, student, _ = room
    show = f"display({{{CHECK!r}: {{'passed': True}}, 'text/plain': 'fine'}}, raw=True)"
    student.run(f"from IPython.display import display\ndef answer(x):\n    {show}\n    return x", 30)
    ran = judge.run("answer(3)", 30, beside=[student])
    assert [list(o.data) for o in ran.beside] == [["text/plain"]]
    assert not any(CHECK in str(o) for o in ran.outputs)


@pytest.mark.slow
def test_a_death_costs_the_cell_and_a_new_kernel_goes_on(room: Room) -> None:
    judge, student, another = room
    student.run("answer = die", 30)
    ran = judge.run(HIDDEN.format("answer(3)", "print('never')"), 30, beside=[student])
    assert ran.status == "error"
    assert ran.outputs[-1].ename == "KernelDied"
    assert ran.answer["gone"]
    assert not student.alive
    assert "exit code 3" in student.why
    ran = judge.run("print(result)", 30)
    assert ran.outputs[-1].ename == "KernelDied"
    assert ran.answer["gone"]
    assert text(judge.run("print(RUBRIC)", 30).outputs) == "{'a': 3}\n"
    another()
    student = another()
    student.run("result = 9", 30)
    ran = judge.run("print(result)", 30, beside=[student])
    assert text(ran.outputs) == "9\n"
    assert ran.answer["gone"] == ""


def test_a_hang_is_stopped_and_both_live_on(room: Room) -> None:
    judge, student, _ = room
    student.run("answer = hang", 30)
    ran = judge.run("answer(3)", 1, beside=[student])
    assert ran.status in ("timeout", "error")
    ran = judge.run("print(result)", 30, beside=[student])
    assert judge.alive
    assert text(ran.outputs) == "7\n" or ran.answer["gone"]


def test_a_judge_that_loops_itself_is_stopped(room: Room) -> None:
    judge, _, _ = room
    ran = judge.run("while True: pass", 0.5)
    assert ran.status == "timeout"
    assert judge.alive
    assert text(judge.run("print(result)", 30).outputs) == "7\n"


def test_a_judge_never_attached_says_so(zygotes: tuple[Kernels, Judges]) -> None:
    judge = zygotes[1].start()
    assert judge.run("print(RUBRIC)", 30).status == "ok"
    ran = judge.run("answer(3)", 30)
    assert ran.outputs[-1].ename == "KernelDied"
    assert ran.answer["gone"]
    judge.kill()
    assert not judge.alive


SHUT_IN = """
import os, socket
from pathlib import Path
def attempt(what, do):
    try:
        do()
        print(what)
    except (OSError, MemoryError) as error:
        pass
attempt("reads the course", lambda: os.listdir({course!r}))
attempt("reads solutions", lambda: Path({course!r}, "solutions", "convolution", "convolution.py").read_text())
attempt("reads a secret", lambda: Path({secret!r}).read_text())
attempt("writes", lambda: Path({secret!r}).write_text("mine"))
attempt("makes a file", lambda: Path({secret!r} + ".new").write_text("mine"))
attempt("connects", lambda: socket.create_connection(("127.0.0.1", 9), 1))
attempt("asks the network", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
attempt("starts a process", lambda: os.fork() or os._exit(0))
attempt("takes memory", lambda: bytearray(4_000 << 20))
attempt("writes at home", lambda: Path("own").write_text("x"))
import helpers, inspect
from helpers.check.core import picture
attempt("reads the checks", lambda: inspect.getsource(picture))
"""


@pytest.mark.promise("the process that judges by 3,000 MB;")
@pytest.mark.promise(
    "T itself is shut in by Landlock: it reads Python and the checks, writes to its own folder alone, and starts "
    "nothing;"
)
def test_a_judge_reaches_nothing_but_its_checks(zygotes: tuple[Kernels, Judges], tmp_path: Path) -> None:
    secret = tmp_path / "gradebook.db"
    secret.write_text("secret")
    try:
        landlock.abi()
    except (OSError, AttributeError):
        pytest.skip("there is no Landlock here")
    _, judges = zygotes
    judge = judges.start()
    assert judges.words == ""
    course = Path(__file__).parents[2]
    ran = judge.run(SHUT_IN.format(course=str(course), secret=str(secret)), 30)
    judge.kill()
    assert text(ran.outputs) == "writes at home\nreads the checks\n"
    assert secret.read_text() == "secret"


@pytest.mark.promise("the process that judges by 3,000 MB;")
@pytest.mark.promise("where there is no Landlock it runs with your rights,")
def test_where_there_is_no_landlock_a_judge_has_its_limits_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.judge.judge.LANDLOCK", Mode("namespaces", ""))  # for which this zygote is not made
    with Judges((Code(*cell) for cell in CELLS), limits=Limits(memory_mb=500)) as others:
        judge = others.start()
        assert "ran with the grader's own rights" in others.words
        ran = judge.run("print(size.name)\nx = bytearray(900 << 20)", 30)
        judge.kill()
    assert [one.get("text", one.get("ename")) for one in ran.outputs] == ["quick\n", "MemoryError"]
