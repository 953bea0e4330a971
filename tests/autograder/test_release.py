"""Releases: the same bytes from the same source, nothing secret in them, nobody's work overwritten."""

import json
import re

import nbformat
import pytest

from autograder.authoring.leaks import leaks
from autograder.authoring.release import LeakError, keep_outputs, release, same_files, worked_in
from autograder.authoring.source import SourceError, cells_by_id, read
from autograder.course import Course
from tests.autograder.conftest import SOURCE


@pytest.mark.promise("`notebooks/NAME/` holds the same notebook without the cell that installs.")
def test_release_is_what_students_should_see(mini):
    path = mini.notebooks / "mini" / "mini.ipynb"
    cells = cells_by_id(nbformat.read(path, as_version=4))
    assert cells["A-double"].source.endswith(
        '# YOUR CODE HERE\n    raise NotImplementedError("still to do: write this part, then delete this line")'
    )
    assert cells["B-text"].source.strip().splitlines() == [
        "Why do people greet each other?",
        "",
        "> **Your answer:** double-click the cell below, write, then press Shift+Enter.",
    ]
    assert cells["B-why"].source.startswith("*Your answer here")
    assert cells["form"].source.endswith("ready_to_present = []")
    assert "-634" not in path.read_text(encoding="utf-8")
    assert sorted(p.name for p in path.parent.iterdir()) == ["mini.ipynb", "numbers.csv"]
    assert leaks("mini", mini) == []


def test_release_twice_gives_the_same_bytes(mini, copy_of):
    course = copy_of(mini)
    path = course.notebooks / "mini" / "mini.ipynb"
    before = path.read_bytes()
    assert release("mini", course) == "notebooks/mini is up to date"
    path.unlink()
    assert release("mini", course).startswith("released")
    assert path.read_bytes() == before


@pytest.mark.promise("After a change in `solutions/`, `make release ASSIGNMENT=NAME` makes it anew.")
def test_a_change_of_the_source_is_released(mini, copy_of):
    course = copy_of(mini)
    source = course.source("mini")
    source.write_text(source.read_text().replace("Why do people greet", "Why do children greet"))
    assert release("mini", course).startswith("released")
    assert "Why do children greet" in (course.notebooks / "mini" / "mini.ipynb").read_text(encoding="utf-8")


def test_release_leaves_a_class_and_worked_in_notebooks_alone(mini, copy_of):
    course = copy_of(mini)
    path = course.notebooks / "mini" / "mini.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cells_by_id(notebook)["A-double"].source = "def double(x):\n    return 2 * x"
    nbformat.write(notebook, path)
    mine = path.read_bytes()
    assert "somebody worked in cell 'A-double'" in release("mini", course)
    assert path.read_bytes() == mine
    assert release("mini", course, force=True).startswith("released")
    assert worked_in(path) == ""
    assert not list(course.root.rglob("gradebook.db*"))


def test_solution_notebook_agrees_with_its_source_and_keeps_outputs(mini):
    _, made = read(mini.source("mini"))
    kept = nbformat.read(mini.solutions / "mini" / "mini.ipynb", as_version=4)
    assert [c.source for c in kept.cells] == [c.source for c in made.cells]
    kept.cells[1].outputs = [nbformat.v4.new_output("stream", text="hello")]
    target = mini.class_dir.parent / "executed.ipynb"
    nbformat.write(kept, target)
    fresh = keep_outputs(read(mini.source("mini"))[1], target)
    assert fresh.cells[1].outputs[0].text == "hello"


@pytest.mark.slow
def test_validate_works_on_a_release(mini, monkeypatch):
    from nbgrader.validator import Validator

    path = str(mini.notebooks / "mini" / "mini.ipynb")
    found = Validator().validate(path)
    assert len(found["failed"]) == 5
    solved = str(mini.submitted / "model" / "mini" / "mini.ipynb")
    assert Validator().validate(solved) == {}


SECRETS = {
    "solution line": "sum_with_itself = x + x",
    "solution line, other spacing": "sum_with_itself=x+x",
    "hidden test": 'assert double(-317) == -634, "also below zero"',
    "rubric words": "two points for naming trust among strangers, but shorter",
    "model answer": "Greeting lowers the guard between two strangers",
    "marker": "### END SOLUTION",
}


@pytest.mark.promise("It refuses if anything of a solution, hidden test, rubric or model answer would be left in it,")
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
@pytest.mark.parametrize("place", ["source", "metadata", "output", "attachment", "file"])
def test_planted_leaks_are_found(mini, copy_of, secret, place):
    course = copy_of(mini)
    folder = course.notebooks / "mini"
    path = folder / "mini.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = next(c for c in notebook["cells"] if c["cell_type"] == "code")
    if place == "source":
        notebook["cells"][0]["source"] = ["# Title\n", secret[:9], secret[9:]]
    elif place == "metadata":
        code["metadata"]["remark"] = {"deep": [secret]}
    elif place == "output":
        code["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [secret]}]
    elif place == "attachment":
        notebook["cells"][0]["attachments"] = {"a.txt": {"text/plain": secret}}
    else:
        (folder / "notes.txt").write_text(f"by the way: {secret}", encoding="utf-8")
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert leaks("mini", course)


@pytest.mark.parametrize("name", ["mini.py", "assignment.toml", "rubric.md"])
def test_instructors_files_are_leaks(mini, copy_of, name):
    course = copy_of(mini)
    (course.notebooks / "mini" / name).write_text("x", encoding="utf-8")
    assert name in leaks("mini", course)[0]


def test_what_also_stands_in_a_given_part_is_no_leak(write_course):
    told = '# %% [markdown] given="A-text"\n# A hint: `sum_with_itself = x + x`\n'
    course = write_course(SOURCE.replace('# %% [markdown] given="A-text"\n', told))
    assert release("mini", course).startswith("released")


@pytest.mark.promise("It refuses if anything of a solution, hidden test, rubric or model answer would be left in it,")
@pytest.mark.promise("each refusal names the cell,")
def test_release_refuses_a_leak_and_writes_nothing(write_course, mini):
    course = write_course()
    data = course.solutions / "mini" / "data.txt"
    data.write_text("assert double(-317) == -634", encoding="utf-8")
    with pytest.raises(LeakError, match="A-double-hidden"):
        release("mini", course)
    assert not (course.notebooks / "mini").exists()
    assert not (course.solutions / "mini" / "mini.ipynb").exists()


@pytest.mark.promise(
    "and if a test cell could not be judged from another process (see below); each refusal names the cell, and of a "
    "test cell it says what to write instead."
)
def test_release_refuses_a_test_that_can_not_be_judged(write_course):
    course = write_course(SOURCE.replace("assert half(1) == 0.5,", "assert vars(half) == {},"))
    with pytest.raises(SourceError, match=r"test cell 'A-half-one' \(line \d+\) uses the student's half in `vars"):
        release("mini", course)
    assert not (course.notebooks / "mini").exists()


REAL = Course()


@pytest.mark.promise(
    "The marks that you would give the three sample reviews (part D) stand only in a hidden test of `solutions/`:"
)
@pytest.mark.parametrize("name", REAL.assignments())
def test_committed_assignments_agree_with_their_sources(name, tmp_path, monkeypatch):
    """notebooks/ and the executed solution are made from solutions/NAME/NAME.py and from nothing older."""
    from autograder.authoring.release import generate
    from autograder.files import stage

    assignment, notebook = read(REAL.source(name))
    with stage() as folder:
        made = generate(name, REAL, folder, f"sqlite:///{folder / 'gradebook.db'}")
        assert same_files(made, REAL.notebooks / name), f"run python -m autograder release {name}"
    executed = nbformat.read(REAL.solutions / name / f"{name}.ipynb", as_version=4)
    assert [(c.id, c.source) for c in executed.cells] == [(c.id, c.source) for c in notebook.cells]
    assert all(c.execution_count for c in executed.cells if c.cell_type == "code" and c.source.strip()), (
        f"run python -m autograder solutions {name}"
    )
    assert (REAL.solutions / name / f"{name}.ipynb").stat().st_size <= 500_000
    assert leaks(name, REAL) == []
    ids = [c.id for c in assignment.cells if c.id]
    assert len(ids) == len(set(ids))
    assert sum(c.points for c in assignment.graded) == assignment.points


def test_every_folder_in_solutions_is_an_assignment():
    folders = sorted(p.name for p in REAL.solutions.iterdir() if p.is_dir() and not re.match(r"[._]", p.name))
    assert folders == REAL.assignments()
