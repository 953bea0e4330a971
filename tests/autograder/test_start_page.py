"""The first page lists every assignment, notebooks link to each other, and Validate passes right work."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.utils import compute_checksum

from autograder.authoring.landmarks import with_anchors, with_answer_line, with_links
from autograder.authoring.release import release
from autograder.authoring.source import cells_by_id, read, settings
from autograder.authoring.start_page import CONFIG, NEIGHBOURS, START, entries, links_of, page, with_neighbours
from autograder.course import THREAD_VARIABLES, Course
from helpers import check
from tests.autograder.conftest import SOURCE, TOML

REAL = Course()
NAMES = [entry.name for entry in entries(REAL)]


@pytest.fixture
def three(write_course):
    """mini and two others: "apart", and "begin", which comes first."""
    course = write_course()
    for name, more in (("apart", ""), ("begin", 'order = 1\ngoal = "To begin."\nprerequisites = "nothing"\n')):
        (course.solutions / name).mkdir()
        (course.solutions / name / f"{name}.py").write_text(SOURCE)
        toml = TOML.replace("Mini", name.title()).replace("\n[parts]", f"{more}\n[parts]")
        (course.solutions / name / "assignment.toml").write_text(toml)
    return course


def links(text):
    return re.findall(r"\]\(([^)]*)\)", text)


def test_the_committed_first_page_lists_all_assignments_with_goal_time_and_points():
    made = nbformat.read(REAL.notebooks / START, as_version=4)
    assert made == page(entries(REAL)), "run python -m autograder release NAME"
    rows = [line for line in made.cells[0].source.splitlines() if line.startswith("| ") and "](" in line]
    assert sorted(NAMES) == REAL.assignments()
    for number, (row, entry) in enumerate(zip(rows, entries(REAL), strict=True), 1):
        assert row.startswith(f"| {number} | [{entry.title}]({entry.name}/{entry.name}.ipynb) |")
        assert entry.goal
        assert entry.prerequisites
        assert entry.minutes >= 60
        assert f"| {entry.points:g} |" in row
        assert isinstance(settings(REAL.source(entry.name)).get("order"), int)
    for link in links(made.cells[0].source):
        assert (REAL.notebooks / link).is_file()
    words = "\n".join(cell.source for cell in made.cells)
    for said in ("Ctrl+S", "Restart Kernel and Run All Cells", "this one file", "check.summary()"):
        assert said in words


def test_the_configuration_that_is_committed_is_the_template():
    from autograder.authoring.handout import filled

    assert (REAL.notebooks / CONFIG).read_text(encoding="utf-8") == filled(CONFIG)


@pytest.mark.parametrize("name", NAMES)
def test_each_notebook_links_to_the_one_before_and_after(name):
    path = REAL.notebooks / name / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    (text,) = links_of(notebook)
    at = NAMES.index(name)
    wanted = [f"../{n}/{n}.ipynb" for n in NAMES[max(at - 1, 0) : at + 2] if n != name]
    assert [link for link in links(text) if START not in link] == wanted
    assert f"../{START}" in links(text)
    assert all((path.parent / link).resolve().is_file() for link in links(text))


def test_a_new_assignment_appears_by_itself(three):
    release("mini", three)
    first = nbformat.read(three.notebooks / START, as_version=4).cells[0].source
    assert [link for link in links(first) if link.endswith(".ipynb")] == [
        "begin/begin.ipynb", "apart/apart.ipynb", "mini/mini.ipynb",
    ]  # fmt: skip
    assert "| 1 | [Begin](begin/begin.ipynb) | To begin. | nothing |" in first
    release("begin", three)
    (three.solutions / "zoo").mkdir()
    (three.solutions / "zoo" / "zoo.py").write_text(SOURCE)
    (three.solutions / "zoo" / "assignment.toml").write_text(TOML)
    before = nbformat.read(three.notebooks / "mini" / "mini.ipynb", as_version=4)
    assert "zoo" not in links_of(before)[0]
    release("begin", three)
    after = nbformat.read(three.notebooks / "mini" / "mini.ipynb", as_version=4)
    assert links(links_of(after)[0]) == ["../apart/apart.ipynb", f"../{START}", "../zoo/zoo.ipynb"]
    assert [c for c in after.cells if c.id != NEIGHBOURS] == [c for c in before.cells if c.id != NEIGHBOURS]
    assert release("mini", three) == "notebooks/mini is up to date"


def test_one_assignment_alone_has_no_links(mini):
    notebook = nbformat.read(mini.notebooks / "mini" / "mini.ipynb", as_version=4)
    assert links_of(notebook) == []
    assert with_neighbours(notebook, "mini", entries(mini)).cells == notebook.cells


def test_anchors_and_links():
    text = "---\n## Part A. Layers (3 points)\n\ntext\n\n### B2, B3 and B4. Timing (1 + 2 points)\n\n### A heading"
    assert re.findall(r'<a id="(\w+)"></a>', with_anchors(text)) == ["A", "B2", "B3", "B4"]
    assert with_anchors(text).replace("\n", "").startswith('---<a id="A"></a>## Part A')
    assert with_anchors("## The form\n\nFill in").startswith('<a id="form"></a>\n\n## The form')
    assert with_anchors("* **F1** `flops`: of all") == '* <a id="F1"></a>**F1** `flops`: of all'
    assert with_links("| A | x |\n| Z | y |\n| | form |", "AB") == "| [A](#A) | x |\n| Z | y |\n| | form |"
    told = with_answer_line("Why?\n\n=== BEGIN MARK SCHEME ===\n1: so\n=== END MARK SCHEME ===", runs=False)
    assert told.index("Why?") < told.index("> **Your answer:**") < told.index("=== BEGIN")


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_is_announced_and_every_place_that_a_check_names_is_an_anchor(name):
    assignment, notebook = read(REAL.source(name))
    for above, cell in zip(assignment.cells, assignment.cells[1:], strict=False):
        if cell.kind == "answer":
            assert "> **Your answer:**" in notebook.cells[above.position].source, cell.id
    text = "\n".join(cell.source for cell in notebook.cells)
    anchors = set(re.findall(r'<a id="(\w+)"></a>', text))
    assert set(links(text)) & {f"#{letter}" for letter in assignment.parts} == {f"#{p}" for p in assignment.parts}
    assert {link[1:] for link in links(text) if link.startswith("#")} <= anchors
    from helpers.check.core.report import _linked

    code = "".join(path.read_text(encoding="utf-8") for path in Path(check.__file__).parent.glob(f"{name}/*.py"))
    places = set(re.findall(r'^@check\(\s*"[^"]*",\s*"([^"]*)"', code, re.M))
    assert places
    for place in places:
        named = set(re.findall(r'href="#(\w+)"', _linked(place)))
        assert named, place
        assert named <= anchors, place


def validated(folder, *notebooks):
    """What `nbgrader validate` says of one after the other, started in the student's folder, without what other tests
    and our own configuration of nbgrader set."""
    environment = {k: v for k, v in os.environ.items() if k not in ("COURSE_SIZE", *THREAD_VARIABLES)}
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "validate", *notebooks], cwd=folder, env=environment, capture_output=True,
        text=True,
    )  # fmt: skip
    return done.stdout.strip()


SMALL = (
    "import os\nfrom helpers.train import study_size\nassert study_size().name == 'quick'\n"
    "assert os.environ['OPENBLAS_NUM_THREADS'] == '1'"
)


@pytest.fixture
def students(three):
    """A student's folder with right work for mini, its answer left empty, and a test that wants the small size."""
    from autograder.authoring.sample import build
    from autograder.authoring.student import Student

    release("mini", three)
    path = three.notebooks / "mini" / "mini.ipynb"
    done = [name for name in cells_by_id(nbformat.read(path, as_version=4)) if name != "B-why"]
    made = build(Student("right", "", done=done), nbformat.read(path, as_version=4), read(three.source("mini"))[1])
    cell = cells_by_id(made)["A-half-one"]
    cell.source += f"\n{SMALL}"
    cell.metadata.nbgrader["checksum"] = compute_checksum(cell)
    nbformat.write(made, path)
    return three.notebooks


@pytest.mark.promise("so that Validate runs it at the small size,")
@pytest.mark.promise("and takes no empty answer for a failure.")
def test_validate_passes_right_work_with_an_empty_answer_at_the_small_size_and_finds_what_is_wrong(students):
    right = students / "mini" / "mini.ipynb"
    notebook = nbformat.read(right, as_version=4)
    cells_by_id(notebook)["A-double"].source = "def double(x):\n    return x"
    nbformat.write(notebook, right.with_name("wrong.ipynb"))
    passed, failed = validated(students, "mini/mini.ipynb", "mini/wrong.ipynb").split("\n", 1)
    assert passed == "Success! Your notebook passes all the tests."
    assert "VALIDATION FAILED ON 2 CELL(S)!" in failed
    assert "You did not provide a response" not in failed


def test_without_the_configuration_validate_fails_right_work(students):
    """What the configuration is for."""
    (students / CONFIG).unlink()
    said = validated(students, "mini/mini.ipynb")
    assert "VALIDATION FAILED" in said
    assert "You did not provide a response" in said


@pytest.mark.promise("has time enough,")
def test_validate_waits_long_enough():
    from traitlets.config.loader import PyFileConfigLoader

    config = PyFileConfigLoader(CONFIG, path=str(REAL.notebooks)).load_config()
    assert config.Execute.timeout >= 300
