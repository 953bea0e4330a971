"""The mistake bank: all wrong solutions caught, nearly all rightly named, no right one rejected.

Here on a few of each assignment; `make prove` runs them all.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace

import pytest

from autograder.authoring.source import PUBLIC_SEED, read
from autograder.course import REPOSITORY, Course
from autograder.mistakes import Bank, Solution, load, run
from autograder.mistakes.bank import model, patched
from autograder.mistakes.run import Verdict, judge, workers
from autograder.mistakes.table import Totals, page
from helpers.check.core.cases import linear_cases, network_case
from helpers.errors import CourseError

NAMES = Course().assignments()
NAME = "network_from_scratch"
every_bank = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def banks():
    """Each assignment's bank. Reading one refuses a change that does not fit the cell that it changes."""
    return {name: load(name) for name in NAMES}


@pytest.fixture(scope="module")
def pool(request):
    """Each process reads each bank: one reads it once, two are worth it where all of a bank is run."""
    with workers(1 if request.config.option.markexpr == "not slow" else 2) as some:
        yield some


@pytest.fixture(scope="module")
def verdicts(banks, pool):
    """(wrong, right) of a part of a bank, run once."""
    found = {}

    def of(name, everything=False):
        if (name, everything) not in found:
            only = None if everything else sample(banks[name])
            found[name, everything] = run.run(name, only=only, pool=pool)
        return found[name, everything]

    return of


def sample(bank, every=40):
    """One in so many of the solutions that neither train nor measure; of a mistake only the first."""
    first = {solution.named[0]: solution for solution in reversed(bank.wrong)}
    chosen = [s for s in (*first.values(), *bank.right) if not any(runs(cell, s) for cell in bank.stand_ins)]
    return {solution.name for solution in sorted(chosen, key=lambda s: s.name)[::every]}


def runs(cell, solution):
    """Whether the cell runs itself, and not what stands in for it."""
    return any(f"{cell}-".startswith(f"{name}-") for name in solution.cells)


SIZE = pytest.mark.parametrize(
    ("name", "everything"),
    [(name, False) for name in NAMES] + [pytest.param(name, True, marks=pytest.mark.slow) for name in NAMES],
)


@every_bank
def test_at_most_two_rows_show_one_mistake_in_an_exercise(name, banks):
    counts = Counter(solution.name.partition(" (")[0] for solution in banks[name].wrong)
    assert {row: count for row, count in counts.items() if count > 2} == {}


@pytest.mark.promise(
    "The checks of this course try many shapes and seeds, compare with an oracle and have met thousands of wrong "
    "solutions ([mistakes.md](mistakes.md));"
)
def test_the_banks_are_large_enough(banks):
    assert sum(len(b.wrong) for b in banks.values()) >= 2_000
    assert all(len(b.wrong) >= 30 and len(b.right) >= 12 for b in banks.values())
    for bank in banks.values():
        assert max(Counter(s.name for s in bank.solutions).values()) == 1
        assert all(s.named for s in bank.wrong)


@pytest.mark.promise(
    "The checks of this course try many shapes and seeds, compare with an oracle and have met thousands of wrong "
    "solutions ([mistakes.md](mistakes.md));"
)
@SIZE
def test_every_wrong_solution_is_caught_and_nearly_all_before_handing_in(name, everything, verdicts):
    wrong, right = verdicts(name, everything)
    totals = Totals.of(wrong, right)
    assert [v.solution for v in wrong if not v.by] == []
    assert totals.visible >= 0.8 * totals.wrong
    # A sample has one row for each name, and rows that are misnamed have names of their own.
    assert totals.named >= (0.95 if everything else 0.75) * totals.wrong, [v for v in wrong if not v.good]


@SIZE
def test_no_right_solution_is_rejected(name, everything, verdicts):
    assert [v for v in verdicts(name, everything)[1] if v.by] == []


@SIZE
def test_no_right_code_further_down_is_blamed(name, everything, verdicts):
    accused = [(v.solution, one) for v in verdicts(name, everything)[0] for one in v.accused]
    assert len(accused) <= 0.02 * len(verdicts(name, everything)[0]), accused


@SIZE
def test_hints_are_sentences(name, everything, verdicts):
    for v in verdicts(name, everything)[0]:
        assert v.message.endswith((".", "?", ")")), v
        assert "Traceback" not in v.message


def numbers(page):
    """assignment -> the numbers of its row; totals are without names."""
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return {row[0]: [float(cell.strip("%").replace(",", "")) for cell in row[1:]] for row in rows[2:]}


def test_the_page_counts_what_is_there(banks):
    rows = numbers((REPOSITORY / "docs/mistakes.md").read_text())
    for name, bank in banks.items():
        kinds, wrong, *_, right, rejected = rows[name]
        assert kinds == len({s.named[0] for s in bank.wrong}), "run `make mistakes`"
        assert (wrong, right, rejected) == (len(bank.wrong), len(bank.right), 0), "run `make mistakes`"
    assert rows.keys() == {*NAMES, "**all**"}


@pytest.mark.slow
def test_the_page_is_the_result_of_a_run(verdicts):
    new = numbers(page({name: verdicts(name, everything=True) for name in NAMES}))
    for name, row in numbers((REPOSITORY / "docs/mistakes.md").read_text()).items():
        # Solutions that draw at random may be diagnosed in two ways.
        assert new[name] == pytest.approx(row, abs=1.0), "run `make mistakes`"


@pytest.mark.slow
@every_bank
def test_the_model_solution_passes(name, banks, monkeypatch):
    monkeypatch.setenv("COURSE_SIZE", "quick")
    assert judge(read(Course().source(name))[0], banks[name], Solution("model", {})).by == ""


@pytest.fixture
def linear(banks):
    """Judges a change of A-linear."""
    assignment = read(Course().source(NAME))[0]
    text = next(model(cell.text) for cell in assignment.cells if cell.id == "A-linear")
    old = "return x @ self.weight + self.bias"
    assert old in text

    def judged(new, *named):
        return judge(assignment, banks[NAME], Solution("x", {"A-linear": text.replace(old, new)}, named))

    return judged


def test_a_mistake_that_only_hidden_numbers_show_is_told_as_hidden(linear):
    shown, hidden = ({case.weight.shape for case in linear_cases(seed)} for seed in (0, PUBLIC_SEED))
    others = hidden - shown - {weight.shape for weight in network_case(0).net.weights}
    wrong = f"return x @ self.weight + self.bias * (self.weight.shape not in {others})"
    verdict = linear(wrong, "bias-missing")
    assert (verdict.by, verdict.test, verdict.good) == ("hidden", "A-linear-forward", True)


def test_a_wrong_hint_is_no_good(linear):
    assert not linear("return x @ self.weight", "grads-accumulated").good


def test_a_difference_is_applied_where_it_says():
    text = "a = 1\nb = 2\n\na = 1\nc = 3"
    assert patched(text, "-b = 2\n+b = 4\n") == "a = 1\nb = 4\n\na = 1\nc = 3"
    assert patched(text, " a = 1\n-c = 3\n") == "a = 1\nb = 2\n\na = 1"
    assert patched(text, "@@\n b = 2\n\n+d = 4\n@@ end\n-c = 3\n") == "a = 1\nb = 2\n\nd = 4\na = 1"


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("A-linear", "## x\n```diff\n-no such line\n```", "A-linear.md:2: What begins with 'no such line' is not"),
        ("A-linear", "## x\n```diff\n+n = 1\n```", "A-linear.md:2: What begins with 'n = 1' is not there."),
        ("A-linear", "## x\n```diff\n         xp = array_namespace(x)\n-x\n```", "is not there"),
        ("A-linear", "## x\n```diff\nclass\n```", "'class' begins with none of '-', '+' and a space."),
        ("B-mlp", "## x\n```diff\n-        for layer in self.layers:\n```", "is there 2 times; add lines around it."),
        ("A-linear", "## x\n```\npass\n```", "A-linear.md:2: write ```diff or ```python, not ```."),
        ("A-linear", "## x\n\nNothing.", "A-linear.md:1: 'x' has no code; put a ```diff or ```python under it."),
        ("A-linear", "## bias missing\n```python\n```", "the heading 'bias missing' is not `## name`"),
        ("A-linear", '## x, in "y"\n```python\n```', "A-linear.md:1: right/A-linear.md has no section 'y'."),
        ("A-linear", "## x\n### Z-no\n```python\n```", "A-linear.md:3: the notebook has no code cell 'Z-no'."),
        ("A-linear", "## x\n```python\n```\n```python\n```", "A-linear.md:4: the cell 'A-linear' is there twice;"),
        ("right/A-linear", "## a\n```python\n```\n## a\n```python\n```", "there are two sections 'a'; rename one."),
        ("right/several_exercises", "## a\n- A-linear: b", "right/A-linear.md has no section 'b'."),
        ("stand_ins", "## Z-no\n```python\n```", "stand_ins.md:2: the notebook has no code cell 'Z-no'."),
    ],
)
def test_what_does_not_fit_is_a_sentence(tmp_path, file, text, said):
    solutions = tmp_path / "solutions" / NAME
    (solutions / "mistakes/right").mkdir(parents=True)
    for name in (f"{NAME}.py", "assignment.toml"):
        (solutions / name).symlink_to(Course().solutions / NAME / name)
    (solutions / f"mistakes/{file}.md").write_text(text)
    with pytest.raises(CourseError, match=re.escape(said)):
        load(NAME, Course(root=tmp_path))


def test_an_unknown_bank_is_a_sentence():
    with pytest.raises(CourseError, match="no mistake bank for 'nothing'"):
        load("nothing")


def test_the_command_prints_json_and_fails_where_the_bank_does(monkeypatch, capsys):
    from typer.testing import CliRunner

    from autograder.cli import app

    good = Verdict("a", ("m",), "visible", "A-x", "m", "A sentence.")
    for verdict, code in ((good, 0), (replace(good, mistake="other"), 1)):
        monkeypatch.setattr(run, "run", lambda *a, found=verdict, **k: ([found], []))
        result = CliRunner().invoke(app, ["mistakes", NAME, "--json"])
        assert result.exit_code == code
        assert json.loads(result.stdout)["named"] == 1 - code


def test_a_bank_is_asked_by_the_name_of_a_row(banks):
    bank = banks[NAME]
    assert isinstance(bank, Bank)
    assert bank["A-linear: variance-for-std"].named == ("variance-for-std",)
    assert bank["A-linear: variance-for-std"].place.startswith("A-linear.md:")
