"""A check that finds a wrong result without its cause says which small change of the student's code makes it pass."""

import ast
import ctypes
import re
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from autograder.judge.local import execute
from helpers.check import CheckFailed, cnn_learning, convolution, generate
from helpers.check.core import ask, report
from helpers.check.core.ask import number
from helpers.check.core.edits import edits
from helpers.check.core.limits import in_a_copy
from helpers.check.core.probe import calls, observed

RIGHT_AND_WRONG = {
    "a number": ("x.sum(axis=1)", "x.sum(axis=0)", "another-number"),
    "an operator": ("length / rate", "length // rate", "another-operator"),
    "a comparison": ("a < b", "a <= b", "another-comparison"),
    "brackets": ("(a + b) / c", "a + b / c", "other-brackets"),
    "brackets of a power": ("2 * k ** (1 / 2)", "2 * k ** 1 / 2", "other-brackets"),
    "brackets of a minus": ("-(-a // b)", "-(a // b)", "other-brackets"),
    "a call": ("x + 1", "np.round(x + 1, 2)", "one-call-too-many"),
    "a method": ("x @ w", "x.squeeze() @ w", "one-call-too-many"),
    "a transposition": ("x @ w", "x @ w.T", "operand-transposed"),
    "a missing axis": ("np.mean(x, axis=0)", "np.mean(x)", "axis-missing"),
    "keepdims": ("x.max(axis=1, keepdims=True)", "x.max(axis=1)", "keepdims-missing"),
    "a function": ("math.ceil(a / b)", "math.floor(a / b)", "another-function"),
    "arguments": ("f(a, b)", "f(b, a)", "arguments-exchanged"),
    "an argument": ("rfft2(x)", 'rfft2(x, norm="ortho")', "one-argument-too-many"),
    "a slice": ("x[:, a:]", "x[:, a:b]", "another-slice"),
    "a variable": ("a * b + c", "a * b + b", "another-variable"),
    "a size": ("np.zeros(len(a))", "np.zeros(10)", "number-for-a-size"),
    "a loop's variable": ("[x[i] for i in w]", "[x[0] for i in w]", "number-for-a-variable"),
    "the largest of labels": ("np.eye(w.shape[1])[a]", "np.eye(a.max() + 1)[a]", "number-for-a-size"),
    "a slice from -0": ("x[len(x) + (-a):]", "x[-a:]", "slice-from-zero"),
    "a type": ("np.zeros(a, dtype=x.dtype)", "np.zeros(a)", "type-missing"),
    "a sum's beginning": ("sum(x, 0)", "sum(x, np.zeros(a))", "shape-of-a-sum"),
    "starred arguments": ("f(*a, *b)", "f(*b, *a)", "arguments-exchanged"),
    "round up": ("int(-(-(a / b) // 1))", "round(a / b)", "another-function"),
    "a part": ("a * b", "a * b / c", "one-part-too-many"),
    "axes": ("x.transpose(1, 0, 2, 3)", "x.transpose(1, 2, 3, 0)", "axes-in-another-order"),
    "more axes": ("np.transpose(x, (3, 0, 1, 2, 4))", "np.transpose(x, (0, 1, 2, 3, 4))", "axes-in-another-order"),
    "pairs": ("np.pad(x, ((a, a), (b, b)))", "np.pad(x, ((a, b), (a, b)))", "pairs-mixed"),
    "a remainder": ("a // b % c, c", "a // b, c", "remainder-missing"),
    "an argument that is missing": ("np.f(x, a)", "np.f(x)", "argument-missing"),
}


@pytest.mark.parametrize(("right", "wrong", "kind"), RIGHT_AND_WRONG.values(), ids=RIGHT_AND_WRONG)
def test_an_edit_makes_the_right_code_of_the_wrong(right, wrong, kind):
    source = "def function(x, w, a, b, c):\n    return {}\n"
    meaning = [normal(source.format(right))]
    found = [edit for edit in edits(source.format(wrong)) if means(edit, source.format(wrong)) in meaning]
    assert kind in {edit.kind for edit in found}
    assert {edit.line for edit in found} == {1}


BLOCKS = {
    "a line too many": ("y = x\nreturn y", "y = x\ny = y + 1\nreturn y", "one-line-too-many"),
    "lines exchanged": ("y = x\nx = 0\nreturn y", "x = 0\ny = x\nreturn y", "lines-exchanged"),
    "return in the loop": (
        "for a in x:\n    b += a\nreturn b", "for a in x:\n    b += a\n    return b", "line-inside-the-loop",
    ),
    "reset in the loop": (
        "b = 0\nfor a in x:\n    b += a\nreturn b", "for a in x:\n    b = 0\n    b += a\nreturn b",
        "line-inside-the-loop",
    ),
    "reset before the loop": (
        "for a in x:\n    b = 0\n    b += a\nreturn b", "b = 0\nfor a in x:\n    b += a\nreturn b",
        "line-outside-the-loop",
    ),
    "another's size": (
        "n = len(x)\nreturn x.sum() / n, a.sum() / len(a)", "n = len(x)\nreturn x.sum() / n, a.sum() / n",
        "size-of-another",
    ),
    "=": ("b += a\nreturn b", "b = a\nreturn b", "another-assignment"),
    "a condition": ("return b", "if a:\n    return c\nreturn b", "another-condition"),
    "two places": ("a = x.max(1)\nreturn a, w.max(1)", "a = x.max(0)\nreturn a, w.max(0)", "another-number"),
}  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "kind"), BLOCKS.values(), ids=BLOCKS)
def test_lines_are_moved_and_left_out(right, wrong, kind):
    right, wrong = (f"def function(x, w, a, b, c):\n{textwrap.indent(one, '    ')}\n" for one in (right, wrong))
    assert kind in {edit.kind for edit in edits(wrong) if means(edit, wrong) == normal(right)}


def means(edit, source):
    try:
        return normal(edit.applied(source.encode()).decode())
    except SyntaxError:
        return ""


def normal(source):
    """The code without layout, `pass` in the place of lines, and what stands behind `if False`."""
    class Less(ast.NodeTransformer):
        def visit_Pass(self, node):
            return None

        def visit_If(self, node):
            node = self.generic_visit(node)
            return None if isinstance(node.test, ast.Constant) and not node.test.value else node

    return ast.unparse(Less().visit(ast.parse(source)))


def test_no_part_of_a_cell_is_run_again_that_trains_or_reaches_out():
    assert not edits("history = train(network, 3)\nprint(1 + 2)\n")
    assert edits("f = lambda a: a + 1\n")


@pytest.fixture
def said(monkeypatch):
    """What a check says of a cell."""
    reports = []
    monkeypatch.setattr("helpers.check.core.report._show", reports.append)

    def say(check, name, source, before=lambda function: None, **names):
        names = {"np": np, "__name__": "__main__"} | names
        execute(textwrap.dedent(source), f"<{name}>", names)
        function = names[name]
        before(function)
        with pytest.raises(CheckFailed):
            check(function)
        assert names[name] is function
        return reports[-1]

    return say


def test_the_line_is_told(said):
    report = said(cnn_learning.scale_for, "scale_for", """
        def scale_for(edge, steps, length, rate, scale):
            return scale * rate * np.sqrt(length * rate / (edge * steps))
    """)  # fmt: skip
    assert report.mistake == "differs"
    assert report.edit == "one-part-too-many"
    assert "Look at the line `return scale * rate * np.sqrt(" in report.message
    assert report.message.endswith("without `* rate`, this check passes.")


def test_a_part_that_has_to_go_is_not_told_as_another_number_in_it(said):
    report = said(cnn_learning.scale_for, "scale_for", """
        def scale_for(edge, steps, length, rate, scale):
            return scale * np.sqrt(length * rate / (edge * steps)) * (scale > 1)
    """)  # fmt: skip
    assert report.message.endswith("without `* (scale > 1)`, this check passes.")


def test_what_is_stored_under_its_own_name_stays():
    source = "class A:\n    def __init__(self, size, stride):\n        self.size, self.stride = size, stride\n"
    assert not [edit for edit in edits(source) if edit.kind in ("entries-exchanged", "another-variable")]
    other = source.replace("= size, stride", "= stride, size")
    assert "entries-exchanged" in {edit.kind for edit in edits(other)}


def test_another_place_of_the_cell_is_found_from_the_error_that_it_leads_to(said):
    report = said(convolution.bias, "add_bias", """
        def add_bias(y, b):
            b = b.squeeze(0)
            return y + b.reshape(1, -1, 1, 1)
    """)  # fmt: skip
    assert report.mistake == "raises"
    assert "Look at the line `b = b.squeeze(0)`: without" in report.message


def test_a_wrong_idea_has_no_such_line(said):
    report = said(convolution.bias, "add_bias", "def add_bias(y, b):\n    return y * b.sum() + 3\n")
    assert report.mistake == "differs"
    assert report.edit == ""
    assert "Look at the line" not in report.message


def test_code_that_reaches_beyond_python_is_left_alone(said, tmp_path):
    file = tmp_path / "log"
    report = said(convolution.bias, "add_bias", f"""
        def add_bias(y, b):
            open({str(file)!r}, "a").write("called")
            return y - b.reshape(1, -1, 1, 1)
    """)  # fmt: skip
    assert report.edit == ""


def test_words_about_the_code_are_no_such_code(said):
    report = said(convolution.bias, "add_bias", """
        def add_bias(y, b):
            '''Process y, and open no file.'''
            return y - b.reshape(1, -1, 1, 1)  # exec
    """)  # fmt: skip
    assert report.edit == "another-operator" or report.mistake not in ("differs", "raises")


def test_what_an_earlier_call_left_is_told(said):
    report = said(convolution.bias, "add_bias", """
        left = None


        def add_bias(y, b):
            global left
            if left is None:
                left = 1
                return y + b.reshape(1, -1, 1, 1)
            return y + left
    """, before=lambda function: function(np.ones((1, 2, 3, 3)), np.ones(2)))  # fmt: skip
    assert report.mistake in ("differs", "bias-one-number")  # a second call within the check, too
    report = said(convolution.bias, "add_bias", """
        left = None


        def add_bias(y, b):
            global left
            left = left or y.ndim
            return y + b.reshape(-1, *[1] * (left - 2))
    """, before=lambda function: function(np.ones((1, 2, 3)), np.ones(2)))  # fmt: skip
    assert report.mistake == "kept-between-calls"
    assert "`left` keeps something" in report.message


def test_while_a_hand_in_is_graded_nothing_is_searched(said, monkeypatch):
    monkeypatch.setattr(ask, "_elsewhere", observed)
    report = said(convolution.bias, "add_bias", "def add_bias(y, b):\n    return y - b.reshape(1, -1, 1, 1)\n")
    assert report.edit == ""


def test_a_search_that_crashes_or_hangs_harms_nobody(monkeypatch):
    assert in_a_copy(lambda: ["found", 1], 5) == ["found", 1]
    assert in_a_copy(lambda: ctypes.string_at(0), 5) is None
    assert in_a_copy(lambda: np.ones(1 << 40).sum(), 5) is None
    began = time.monotonic()
    assert in_a_copy(lambda: time.sleep(60), 0.1) is None
    assert time.monotonic() - began < 30
    monkeypatch.delattr("os.fork")
    assert in_a_copy(lambda: 1, 5) is None


def test_a_student_s_own_loop_may_become_endless(said):
    report = said(generate.free_energy, "free_energy", """
        def free_energy(v, weight, b, c):
            n, total = 0, []
            while n < len(v):
                total.append(-v[n] @ b - np.logaddexp(0, v[n] @ weight + c).sum() + 1)
                n += 1
            return np.array(total)
    """)  # fmt: skip
    assert "- np.logaddexp(0, v[n] @ weight + c).sum() + 1)`: with" in report.message


def test_an_error_of_shapes_tells_the_shapes_in_its_line(said):
    report = said(generate.free_energy, "free_energy", """
        def free_energy(v, weight, b, c):
            scores = weight @ (v[:, :2] + 0 * c[:2])
            return scores
    """)  # fmt: skip
    assert "in the line `scores = weight @ (v[:, :2] + 0 * c[:2])`, where `weight` has shape (" in report.message
    assert " and `c` has shape (" in report.message


def test_every_kind_of_edit_has_its_sentence():
    source = Path(edits.__wrapped__.__code__.co_filename).read_text(encoding="utf-8")
    kinds = {one for one in re.findall(r'"([a-z]+(?:-[a-z]+)+)"', source) if one != "site-packages"}
    assert kinds == set(report.EDITED)


def test_a_change_that_only_hides_the_mistake_is_none(said):
    @report.check("add")
    def add(function, *, seed=0):
        """function(x) is x + 1 for all x."""
        x = 2.0 + seed
        if number(ask.ask(calls, "add", function, [(x,)])[0], "the sum") != x + 1:
            raise report.Mistake("differs", "The sum is wrong.")
        yield "a sum"

    assert said(add, "f", "def f(x):\n    return x * 1\n").edit == "another-operator"
    assert said(add, "f", "def f(x):\n    return x ** 2 - 2\n").edit == ""  # x ** 2 - 1 is right for 2 alone
