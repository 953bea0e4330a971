"""What the notebooks say of themselves: times and points that add up, numbers in answers, the docs' figures."""

from __future__ import annotations

import re

import nbformat
import pytest

from autograder.authoring.solutions import doc_figures
from autograder.authoring.source import read
from autograder.course import REPOSITORY, Course

NAMES = Course().assignments()
every_assignment = pytest.mark.parametrize("name", NAMES)

ROW = re.compile(r"^# \| ([A-Z]?) ?\|[^|]*\| ?(\d*) ?\| (\d+) min \|$", re.M)
"""A row of the table of parts: letter, points, minutes."""
HEADING = re.compile(r"^# (##|###) (?:Part ([A-Z])\.)?.*?(?:\(([^()]*)\))?$|^# \((\d+ min)\)$", re.M)
"""A part or an exercise, with its points and minutes in brackets; or a line of minutes, for a part of one exercise."""


def table(name):
    return ROW.findall(Course().source(name).read_text())


def headings(name):
    """Part -> (its own (points, minutes), those of its exercises); None where a heading doesn't say."""
    found, part = {}, ""
    for level, letter, in_heading, alone in HEADING.findall(Course().source(name).read_text()):
        said = in_heading or alone
        points = re.search(r"([\d +]+) points?", said)
        minutes = re.search(r"(\d+) min", said)
        row = sum(map(int, points[1].split("+"))) if points else None, int(minutes[1]) if minutes else None
        if level == "##":
            part = letter
            found[part] = (row, [])
        elif part:
            found[part][1].append(row)
    return found


@every_assignment
def test_the_times_of_the_exercises_add_up_to_those_of_the_parts(name):
    parts = headings(name)
    for letter, _, minutes in table(name):
        if letter:
            own, exercises = parts[letter]
            said = [m for _, m in exercises if m is not None]
            assert said or own[1], f"part {letter} has a time in the table, but none in its headings"
            assert sum(said) in (0, int(minutes)), f"part {letter}"
            assert own[1] in (None, int(minutes)), f"the heading of part {letter}"


@every_assignment
def test_the_points_of_the_exercises_add_up_to_those_of_the_parts(name):
    parts, assignment = headings(name), read(Course().source(name))[0]
    for letter, points, _ in table(name):
        if letter:
            own, exercises = parts[letter]
            said = [p for p, _ in exercises if p is not None]
            assert sum(cell.points for cell in assignment.graded if cell.id.startswith(f"{letter}-")) == int(points)
            assert own[0] == int(points), f"the heading of part {letter}"
            assert sum(said) in (0, int(points)), f"part {letter}"


@every_assignment
def test_the_readme_gives_the_time_of_the_whole_notebook_in_half_hours(name):
    halves = round(sum(int(minutes) for *_, minutes in table(name)) / 30)
    row = re.search(rf"^\| \[{name}\].*?\| \d+ \| ([\d½]+) h \|", (REPOSITORY / "README.md").read_text(), re.M)
    assert row[1] == f"{halves // 2}{'½' * (halves % 2)}"


# Numbers in the model answers -------------------------------------------------------------------------------------

NUMBER = re.compile(r"(?<![\w.,−-])\d{1,3}(?:,\d{3})+|(?<![\w.,])\d+(?:\.\d+)?(?![\w.,]*\d)")
SUM = re.compile(r"((?:\d[\d.,]* ?[·×/+−-] ?)+\d[\d.,]*) = (\d[\d.,]*)")
SIGNS = str.maketrans({"·": "*", "×": "*", "−": "-", ",": None})
NOT_FROM_AN_OUTPUT: dict[tuple[str, str], dict[str, str]] = {
    ("convolution", "G-explain"): {"384": "K of L5, from the paper's Table 2"},
    ("cnn_runtime", "D-answer"): {"1.96": "the normal distribution's 97.5% quantile"},
    ("performance_factors", "C-predict"): {"30": "a guess, before anything is measured"},
    ("performance_factors", "C-answer"): {"30": "the guess of C-predict"},
}
"""(assignment, answer) -> number as written -> why no output above shows it."""


def value(text):
    return float(text.replace(",", "").removesuffix("%"))


def decimals(text):
    return len(text.removesuffix("%").partition(".")[2])


def numbers(text):
    """The numbers of a text as written, "%" included."""
    return [match[0] + ("%" if re.match(r" ?%", text[match.end() :]) else "") for match in NUMBER.finditer(text)]


def shown_above(notebook, at):
    """Every number of the cells above, answers excepted: of texts, code and outputs, a figure's alt text included."""
    texts = []
    for cell in notebook.cells[:at]:
        if not is_answer(cell):
            texts.append(cell.source)
            for output in cell.get("outputs", ()):
                texts += [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
    return {number for text in texts for number in numbers(text)}


def shown_sums(text):
    """Results of the arithmetic that a text shows, such as 8.3 / 630 = 0.013, where they are right."""
    found = set()
    for left, result in SUM.findall(text):
        # Digits, points and signs alone, by SUM.
        if fits(result := result.rstrip(".,"), {str(eval(left.translate(SIGNS)))}):
            found.add(result)
    return found


def is_answer(cell):
    graded = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "markdown" and graded.get("solution", False)


def measured(text):
    """The numbers of an answer that look measured: decimals, per cents, multiples, and numbers from 100 on."""
    for match in NUMBER.finditer(text):
        after = text[match.end() :]
        if re.match(r" ?%", after):
            yield match[0] + "%"
        elif "." in match[0] or value(match[0]) >= 100 or re.match(r" ?(times|×|ms|s\b|GB|MB|min)", after):
            yield match[0]


def fits(written, known):
    """Whether a known number, rounded as this one, is this one; per cents fit fractions and "(4.7 to 5.6)", too."""
    per_cent = written.endswith("%")
    for each in known:
        if each.endswith("%") and not per_cent:
            continue
        for scale in (1, 100) if per_cent and "." in each and not each.endswith("%") else (1,):
            if abs(value(written) - scale * value(each)) < 0.501 * 10.0 ** -decimals(written):
                return True
    return False


@every_assignment
def test_numbers_in_answers_stand_in_an_output_or_text_above(name):
    notebook = nbformat.read(Course().source(name).with_suffix(".ipynb"), as_version=4)
    unknown = []
    for at, cell in enumerate(notebook.cells):
        if not is_answer(cell):
            continue
        known = shown_above(notebook, at)
        known |= shown_sums(cell.source)
        excused = NOT_FROM_AN_OUTPUT.get((name, cell.metadata.nbgrader.grade_id), {})
        unknown += [
            f"{cell.metadata.nbgrader.grade_id}: {each}"
            for each in measured(cell.source)
            if each not in excused and not fits(each, known)
        ]
    assert unknown == []


@every_assignment
def test_the_figures_that_the_docs_show_are_those_of_the_executed_notebook(name):
    source = Course().source(name)
    for path, data in doc_figures(source.parent, nbformat.read(source.with_suffix(".ipynb"), as_version=4)).items():
        assert (REPOSITORY / path).read_bytes() == data, f"run `make solutions ASSIGNMENT={name}`"


@every_assignment
def test_no_line_of_code_runs_out_of_its_cell(name):
    """Docstrings apart; what students see is the release."""
    notebook = nbformat.read(REPOSITORY / f"notebooks/{name}/{name}.ipynb", as_version=4)
    lines = [line for cell in notebook.cells if cell.cell_type == "code" for line in cell.source.splitlines()]
    assert [line for line in lines if len(line) > 120 and not line.lstrip().startswith('"""')] == []
