"""What a check shows: a table in a notebook, text in a terminal, and where in an array the error sits."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from helpers.check import CheckFailed, network_from_scratch
from helpers.check.core import report as report_module
from helpers.check.core.ask import raised
from helpers.check.core.compare import Hypothesis, verify
from helpers.check.core.picture import COLUMNS, ROWS, picture
from helpers.check.core.report import MIME, Mistake, Report, check
from helpers.check.core.student_errors import described, rebuilt

RIGHT = np.arange(1.0, 13.0).reshape(4, 3)


def failing(got, expected=RIGHT, **kwargs):
    with pytest.raises(Mistake) as found:
        verify(np.asarray(got, dtype=float), expected, "the output", **kwargs)
    return found.value


def changed(change):
    wrong = RIGHT.copy()
    change(wrong)
    return wrong


def test_the_picture_shows_where_and_which_way_and_no_values():
    wrong = RIGHT.copy()
    wrong[1, 2] += 5
    wrong[3, 0] -= 5
    shown = failing(wrong).picture
    assert shown.rows == ("···", "··▲", "···", "▼··")
    assert (shown.wrong, shown.size) == (2, 12)
    assert "Where the output (4 × 3) is wrong, 2 of 12 entries: · right, ▲ too large, ▼ too small" in str(shown)
    assert "11" not in shown.as_html().split("<table")[1].split(">", 1)[1]
    assert 'role="img" aria-label="Where the output (4 × 3) is wrong' in shown.as_html()


def test_a_large_array_shows_its_corner_and_says_so():
    got = np.zeros((100, 50))
    got[99, 49] = 1
    shown = picture(got, np.zeros((100, 50)), got == 0, "x")
    assert (len(shown.rows), len(shown.rows[0])) == (ROWS, COLUMNS)
    assert "upper left corner" in shown.caption()


@pytest.mark.parametrize("got", [2 * RIGHT, RIGHT.T, RIGHT[0]])
def test_no_picture_where_it_would_say_nothing(got):
    assert failing(got).picture is None


@pytest.mark.parametrize(
    ("name", "got"),
    [
        ("wrong-shape", RIGHT.T),
        ("wrong-shape", RIGHT[None]),
        ("not-finite", np.where(RIGHT == 5, np.nan, RIGHT)),
        ("all-zero", 0 * RIGHT),
        ("clipped", np.minimum(RIGHT, 7.5)),
        ("sign-flipped", -RIGHT),
        ("divided-by-batch-size", RIGHT / 5),
        ("multiplied-by-batch-size", RIGHT * 5),
        ("wrong-batch-size", RIGHT * 5 / 64),
        ("wrong-batch-size", RIGHT * 5 / 4),
        ("constant-factor", RIGHT * 1.7),
        ("constant-offset", RIGHT + 0.7),
        ("imprecise", RIGHT * 1.001 + 0.001 * (-1) ** RIGHT),
        ("differs", np.where(RIGHT == 5, 0, RIGHT)),
    ],
)
def test_mistakes_that_any_result_can_have(name, got):
    assert failing(got, sizes={"batch size": 5}).name == name


def test_fractions_and_signs_are_missed_where_they_are_lost():
    assert failing(np.trunc(RIGHT / 3), RIGHT / 3).name == "fractions-lost"
    mixed = RIGHT * (-1) ** RIGHT
    assert failing(np.abs(mixed), mixed).name == "absolute-value"
    assert failing(np.sign(mixed), mixed).name == "only-the-sign"


def test_a_number_alone_has_no_constant_factor():
    assert failing(3.1, np.asarray(1.7)).name == "differs"


def test_a_hypothesis_comes_before_what_any_result_can_have():
    assert failing(2 * RIGHT, hypotheses=[Hypothesis("twice", 2 * RIGHT, "It is twice that.")]).name == "twice"


def test_the_first_difference_names_index_and_finite_difference():
    wrong = changed(lambda a: a.__setitem__((2, 1), 0.0))
    message = failing(wrong, numerical=RIGHT).message
    assert (
        message
        == "The output is wrong at index (2, 1): expected 8 (finite differences give 8), got 0. 1 of 12 entries differ."
    )


@check("Thing", "A9")
def thing(got):
    """A check for these tests."""
    yield "a first part"
    verify(got, RIGHT, "the <output>")
    yield "the rest"


@pytest.fixture
def kept(monkeypatch):
    reports = []
    monkeypatch.setattr(report_module, "_show", reports.append)
    return reports


def test_a_report_says_what_passed_what_failed_and_where_to_read_on(kept):
    with pytest.raises(CheckFailed, match=r"^Thing: The <output> is wrong"):
        thing(changed(lambda a: a.__setitem__((0, 0), 9.0)))
    text, bundle = str(kept[0]), kept[0]._repr_mimebundle_()
    assert text.startswith("Thing: not yet.\n  ✓ a first part\n  ✗ The <output> is wrong at index (0, 0)")
    assert text.endswith("See A9 in the notebook.")
    assert "<output>" not in bundle["text/html"]
    assert "&lt;output&gt;" in bundle["text/html"]
    assert bundle[MIME]["mistake"] == "differs"


def test_a_passed_check_says_in_one_line_what_was_verified(kept):
    thing(RIGHT)
    assert str(kept[0]) == "Thing: passed. Verified: a first part; the rest."
    assert "\n" not in kept[0]._html()


def test_the_error_is_one_line_in_a_live_notebook_and_the_hint_elsewhere(monkeypatch):
    red = "\x1b[0;31mCheckFailed\x1b[0m"
    monkeypatch.setenv("JPY_SESSION_NAME", "a.ipynb")
    assert CheckFailed("Thing: a hint.")._render_traceback_() == [f"{red}: Thing; the report above says why."]
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert CheckFailed("Thing: a hint.")._render_traceback_() == [f"{red}: Thing: a hint."]


def test_our_own_fault_is_a_sentence_too(kept):
    @check("Broken")
    def broken():
        """A check with a bug."""
        yield "nothing"
        raise KeyError("oops")

    with pytest.raises(CheckFailed, match="could not work with what it was given"):
        broken()
    assert kept[0].mistake == "check-stumbled"


def test_an_endless_sentence_is_cut():
    message = Mistake("endless", "x" * 10_000).message
    assert len(message) < 2_100
    assert message.endswith("…")


def test_backticks_are_code_in_html():
    report = Report("layer_forward", "Linear.forward", "A1", message="Keep it as `self.x` & <b>go on</b>.", mistake="m")
    assert "Keep it as <code>self.x</code> &amp; &lt;b&gt;go on&lt;/b&gt;." in report._repr_mimebundle_()["text/html"]


def test_a_line_that_is_left_behind_is_told_apart_from_nothing_written():
    def begun(x):
        y = x + 1
        raise NotImplementedError("still to do")
        return y

    def untouched(x):
        """Twice x."""
        raise NotImplementedError("still to do")

    def calls(function):
        def caller(x):
            return function(x)

        return caller

    def told(function, what):
        try:
            function(1)
        except NotImplementedError as error:
            return raised(what, rebuilt(described(error)))

    assert told(untouched, "untouched").message == "Still to do: untouched is not written yet."
    assert "comes to its line `raise NotImplementedError`" in told(begun, "begun").message
    mistake = told(calls(untouched), "caller")
    assert mistake.message == "Still to do: `untouched`, which caller calls, is not written yet."
    assert mistake.elsewhere == "untouched"


def test_the_pointer_names_the_exercise_that_is_missing(capsys):
    class Softmax:
        def forward(self, x):
            raise NotImplementedError

    class Linear:
        def __init__(self, n_in, n_out, backend, seed=0):
            self.weight = backend.normal((n_in, n_out), n_in**-0.5, seed)
            self.bias = backend.zeros(n_out)

        def forward(self, x):
            return Softmax().forward(x)

    with pytest.raises(CheckFailed, match=r"`Softmax\.forward`, which Linear\.forward calls"):
        network_from_scratch.linear_forward(Linear)
    assert "See A3 in the notebook." in capsys.readouterr().out


def test_a_check_that_builds_on_a_failing_one_says_that_first(monkeypatch):
    shown = []
    monkeypatch.setattr(report_module, "_show", shown.append)
    monkeypatch.setattr(report_module, "failed", {})

    def told(title, section, wrong, **more):
        @check(title, section, **more)
        def steps(wrong):
            yield "something"
            if wrong:
                raise Mistake("slip", "The slip is here.")

        with pytest.raises(CheckFailed) if wrong else contextlib.nullcontext():
            steps(wrong)
        return shown[-1].mistake, shown[-1].message

    assert told("Later", "B1", True, after="A1 A2") == ("slip", "The slip is here.")
    told("Earlier", "A2", True)
    name, message = told("Later", "B1", True, after="A1 A2")
    assert name == "earlier-mistake"
    assert message.startswith("The check of Earlier (A2) still fails, and this may come from there: mend that first.")
    assert message.endswith("The slip is here.")
    assert told("Other", "B1", True, after="A1")[0] == "slip"
    told("Earlier", "A2", False)
    assert told("Later", "B1", True, after="A1 A2")[0] == "slip"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (AttributeError("'numpy.ndarray' object has no attribute 't'"), "as PyTorch's tensors have: write `.T`."),
        (AttributeError("'numpy.ndarray' object has no attribute 'iloc'"), "pandas"),
        (TypeError("mm(): argument 'input' (position 1) must be Tensor, not numpy.ndarray"), "given a numpy array"),
        (TypeError("_sum() got an unexpected keyword argument 'dim'"), "numpy's is `axis`"),
        (TypeError("unsupported operand type(s) for @: 'numpy.ndarray' and 'Tensor'"), "of another kind"),
        (TypeError("forward() takes 1 positional argument but 2 were given"), "in your `def` line"),
    ],
)
def test_an_error_is_told_by_its_cause(error, advice):
    assert advice in raised("Linear.forward", rebuilt(described(error))).message


def test_a_sentence_names_the_method_that_it_is_about():
    wrong = Hypothesis("upside-down", -RIGHT, "Negative numbers are kept.")
    with pytest.raises(Mistake) as found:
        verify(-RIGHT, RIGHT, "the output of ReLU.forward", [wrong])
    assert found.value.message == "ReLU.forward: Negative numbers are kept."
