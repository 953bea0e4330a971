"""The lint of test cells that are to be judged from another process: what it refuses, and what it lets pass."""

from __future__ import annotations

import pytest

from autograder.authoring.source import Assignment, Cell, SourceError, read
from autograder.authoring.static_check import faults, refuse
from autograder.course import Course

STUDENTS = """
class Linear:
    def forward(self, x):
        return x

class Wrong(ValueError):
    pass

def scale(x):
    return 2 * x

layer = Linear()
losses = [3.0, 2.0]
made = build()
"""


def cell(kind, text, id_="A-x", position=0):
    return Cell(kind, id_, 0.0, "code", text, 10 + position, position)


def found(test, given="import numpy as np\nTABLE = {1: 2}\n", later=(), students=STUDENTS):
    cells = [cell("given", given, "setup"), cell("exercise", students, "A-work", 1), cell("test", test, "A-check", 2)]
    cells += [cell(kind, text, f"A-later{i}", 3 + i) for i, (kind, text) in enumerate(later)]
    return faults(Assignment("made-up", "", 0, {}, tuple(cells)))


@pytest.mark.promise(
    "and if a test cell could not be judged from another process (see below); each refusal names the cell, and of a "
    "test cell it says what to write instead."
)
@pytest.mark.parametrize(
    ("test", "words"),
    [
        ("class Mine(Linear):\n    pass", "uses the student's Linear in `class Mine(Linear):"),
        ("@scale\ndef f(x):\n    return x", "uses the student's scale in `@scale"),
        ("net = Linear()", "uses the student's Linear in `Linear()`"),
        ("layer.forward(3)", "uses the student's layer in `layer.forward`"),
        ("import inspect\ninspect.getsource(scale)", "uses the student's scale in `inspect.getsource(scale)`"),
        ("vars(layer)", "uses the student's layer in `vars(layer)`"),
        ("scale.__code__.co_consts", "uses the student's scale in `scale.__code__`"),
        ("def helper(n):\n    return n.__dict__, layer.__dict__", "uses the student's layer"),
        ("isinstance(made, Linear)", "uses the student's Linear in `isinstance(made, Linear)`"),
        ("assert layer == 3", "uses the student's layer in `layer == 3`"),
        ("assert callable(scale)", "uses the student's scale"),
        ("if layer:\n    pass", "uses the student's layer in `if layer:"),
        ("with layer as m:\n    pass", "uses the student's layer"),
        ("try:\n    scale(1)\nexcept Wrong:\n    pass", "uses the student's Wrong"),
        ("losses.append(1.0)", "changes the student's losses in place"),
        ("losses.clear()", "changes the student's losses in place"),
        ("losses[0] = 1.0", "changes the student's losses[0] in place"),
        ("a, losses[1] = 1, 2", "in place"),
        ("losses += [1]", "in place"),
        ("del losses[0]", "in place"),
        ("made.layers.append(3)", "changes the student's made.layers in place"),
        ("np.add(1, 2, out=made)", "changes the student's made in place"),
        ("exec('x = 1')", "calls exec()"),
        ("eval('scale')(3)", "calls eval()"),
        ("globals()['scale']", "calls globals()"),
        ("get_ipython().run_cell('x')", "calls get_ipython()"),
        ("scale(x for x in (1, 2))", "hands (x for x in (1, 2)) to the student's scale"),
        ("scale(open('file'))", "hands open('file') to the student's scale"),
        ("scale(lambda x: x)", "hands lambda x: x to the student's scale"),
        ("class Own:\n    pass\nscale(Own())", "hands Own() to the student's scale"),
        ("def f():\n    global x\n    x = 1", "global x"),
        ("%timeit scale(3)", "magic or shell line '%timeit scale(3)'"),
        ("x = !ls", "magic or shell line 'x = !ls'"),
        ("!pip install x", "magic or shell line"),
        ("scale?", "magic or shell line 'scale?'"),
        ("assert scale(3) ==", "no Python that can be read"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_the_cell_and_what_to_do(test, words):
    sentences = found(test)
    assert len(sentences) == 1, sentences
    assert sentences[0].startswith("The test cell 'A-check' (line 12) ")
    assert words in sentences[0]
    assert sentences[0].endswith(".")
    assert sentences[0].count(". ") >= 1


@pytest.mark.parametrize(
    "test",
    [
        "assert scale(3) == 6 and scale(x=2) > 1",
        "check.assignment.layer(Linear, seed=3)",
        "check.assignment.layers([Linear, scale], by=layer)",
        "np.testing.assert_allclose(scale(np.ones(3)), 2)",
        "assert made is not None and layer is not None",
        "if made is None:\n    raise AssertionError('Still to do')",
        "assert sorted(losses) == [2.0, 3.0] and 3.0 in losses and len(losses) == 2",
        "mine = list(losses)\nmine.append(1)\nmine[0] = 2",
        "assert scale([1, 2]) == [1, 2, 1, 2]",
        "def check_it(layer):\n    layer.append(1)\n    return layer == 3\nassert check_it([3]) is False",
        "TABLE[3] = 4\nassert vars(np) and isinstance(scale(1), int)",
        "try:\n    scale(None)\nexcept TypeError:\n    pass",
        "type_ = {'a': 1}\nassert type(type_) is dict and isinstance(made, dict | list)",
        "print('100 %', scale(3) % 2, '!')",
        "'''\n%matplotlib in a text\n!and this\n'''",
    ],
)
def test_what_can_be_judged_passes(test):
    assert found(test) == []


def test_what_a_test_defines_is_not_there_for_students_below():
    (sentence,) = found("RUBRIC = {1: 2}", later=[("", "print(RUBRIC)")])
    assert "defines 'RUBRIC', which cell 'A-later0' (line 13) uses" in sentence
    assert found("import math", later=[("exercise", "math.sqrt(2)")])
    assert found("def helper():\n    return 1", later=[("given", "def f():\n    return helper()")])


def test_what_a_later_cell_defines_for_itself_is_its_own():
    assert found("RUBRIC = {1: 2}", later=[("", "RUBRIC = 3\nprint(RUBRIC)")]) == []
    assert found("x = scale(3)\nassert x == 6") == []


def test_a_given_name_is_the_judges_unless_it_is_made_of_the_students():
    given = "def double(x):\n    return 2 * x\n"
    assert found("double.__name__\nassert double == double", given) == []
    cells = [
        cell("exercise", "def scale(x):\n    return x", "A-work"),
        cell("given", "def twice(x):\n    return scale(scale(x))", "A-given", 1),
        cell("test", "assert twice == 3", "A-check", 2),
    ]
    (sentence,) = faults(Assignment("made-up", "", 0, {}, tuple(cells)))
    assert "uses the student's twice in `twice == 3`" in sentence


def test_one_error_tells_of_all_cells():
    tests = cell("test", "vars(layer)", "A-one", 1), cell("test", "%ls", "A-two", 2)
    cells = (cell("exercise", STUDENTS, "A-work"), *tests)
    with pytest.raises(SourceError, match=r"solutions/made-up: .*'A-one'.*'A-two'"):
        refuse(Assignment("made-up", "", 0, {}, cells))


@pytest.mark.parametrize("name", Course().assignments())
def test_the_courses_own_assignments_can_be_judged(name):
    assert faults(read(Course().source(name))[0]) == []
