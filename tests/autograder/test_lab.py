"""A student's copy of the notebooks: new releases come in, and nothing that was written is lost."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder import cli
from autograder.authoring import lab
from autograder.authoring.lab import EARLIER, RELEASED, merge, update
from autograder.authoring.release import release
from autograder.authoring.source import cells_by_id
from autograder.course import REPOSITORY, Course
from tests.autograder.conftest import SOURCE

NEW = SOURCE.replace("Why do people greet", "Why do children greet").replace('"""Twice x."""', '"""Two times x."""')


@pytest.fixture
def course(write_course):
    made = write_course()
    release("mini", made)
    return made


@pytest.fixture
def work(course):
    folder = course.root / "work"
    assert update(folder, course) == []
    return folder


def released_anew(course, source=NEW):
    course.source("mini").write_text(source, encoding="utf-8")
    assert release("mini", course).startswith("released")


def write(path, **sources):
    """Write into the cells of these ids, and run what is code; returns the notebook."""
    notebook = nbformat.read(path, as_version=4)
    for name, source in sources.items():
        cell = cells_by_id(notebook)[name.replace("_", "-")]
        cell.source = source
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = 7, [new_output("stream", text=f"ran {name}")]
    nbformat.write(notebook, path)
    return notebook


def test_the_first_time_all_that_is_released_is_copied(course, work):
    for path in lab.released(course.notebooks):
        assert (work / path.relative_to(course.notebooks)).read_bytes() == path.read_bytes()
    assert (work / "START_HERE.ipynb").is_file()
    assert update(work, course) == []


def test_what_was_not_changed_is_renewed(course, work):
    released_anew(course)
    (course.notebooks / "mini" / "numbers.csv").write_text("3,4\n")
    told = update(work, course)
    assert "mini/mini.ipynb was renewed: there is a new release, and you had not changed it." in told
    assert (work / "mini" / "mini.ipynb").read_bytes() == (course.notebooks / "mini" / "mini.ipynb").read_bytes()
    assert (work / "mini" / "numbers.csv").read_text() == "3,4\n"


def test_a_changed_release_keeps_the_work(course, work):
    path = work / "mini" / "mini.ipynb"
    mine = "def double(x):\n    return 2 * x"
    check = 'assert half(1) == 0.5, "half(1) must be 0.5"'
    notebook = write(path, A_double=mine, B_why="Since they like each other.", A_half_one=check)
    at = 1 + [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in notebook.cells].index("A-double")
    notebook.cells.insert(at, new_code_cell("double(21)", id="mine"))
    nbformat.write(notebook, path)
    before = path.read_bytes()
    released_anew(course, NEW.replace('"say hello"', '"say hello to you"'))
    told = update(work, course)
    assert told[0] == "mini/mini.ipynb: a new release was merged in; what you wrote stays (.earlier/ has it as it was)."
    assert told[1:] == ["In cell 'A-double' the given text is new, and yours stays."]
    merged = nbformat.read(path, as_version=4)
    nbformat.validate(merged)
    cells = cells_by_id(merged)
    assert cells["A-double"].source == mine
    assert cells["A-double"].outputs[0].text == "ran A_double"
    assert merged.cells[at].source == "double(21)"
    assert cells["B-why"].source == "Since they like each other."
    assert "Why do children greet" in cells["B-text"].source
    assert "to you" in cells["B-hello-you"].source
    assert cells["A-half-one"].outputs[0].text == "ran A_half_one"
    fresh = cells_by_id(nbformat.read(course.notebooks / "mini" / "mini.ipynb", as_version=4))
    assert {name: cell.metadata for name, cell in cells.items()} == {name: c.metadata for name, c in fresh.items()}
    assert (work / EARLIER / "mini" / "mini.ipynb").read_bytes() == before
    assert update(work, course) == []


def test_a_data_file_that_was_changed_stays(course, work):
    (work / "mini" / "numbers.csv").write_text("5,6\n")
    (course.notebooks / "mini" / "numbers.csv").write_text("3,4\n")
    assert update(work, course) == ["mini/numbers.csv stays as it is: there is a new release, and you had changed it."]
    assert (work / "mini" / "numbers.csv").read_text() == "5,6\n"
    assert update(work, course) == []


def test_a_damaged_notebook_stays(course, work):
    path = work / "mini" / "mini.ipynb"
    path.write_text('{"cells": [')
    released_anew(course)
    (told,) = update(work, course)
    assert "can't be read as a notebook, so it stays as it is" in told
    assert path.read_text() == '{"cells": ['


def test_work_in_the_released_notebook_itself_is_not_lost(course):
    """Who worked in notebooks/ before there was a copy: what they wrote comes along, and no later release undoes it."""
    path = course.notebooks / "mini" / "mini.ipynb"
    mine = "def double(x):\n    return x + x"
    write(path, A_double=mine)
    work = course.root / "work"
    assert update(work, course) == []
    course.source("mini").write_text(NEW, encoding="utf-8")
    release("mini", course, force=True)
    update(work, course)
    cells = cells_by_id(nbformat.read(work / "mini" / "mini.ipynb", as_version=4))
    assert cells["A-double"].source == mine
    assert "Why do children greet" in cells["B-text"].source


def notebook(*cells):
    made = new_notebook()
    for name, source in cells:
        cell = new_code_cell(source, id=name) if not name.startswith("text") else new_markdown_cell(source, id=name)
        if name.isupper():
            cell.metadata["nbgrader"] = {"grade_id": name, "solution": name != "TEST", "grade": name == "TEST"}
        made.cells.append(cell)
    return made


def texts(made):
    return [cell.source for cell in made.cells]


BASE = (("text-1", "old"), ("WORK", "stub"), ("TEST", "test"), ("free", "x = 1"))


@pytest.mark.parametrize(
    ("mine", "new", "expected"),
    [
        (BASE, (("text-1", "new"), *BASE[1:]), ["new", "stub", "test", "x = 1"]),
        ((*BASE[:1], ("WORK", "w"), *BASE[2:]), (*BASE[:2], ("TEST", "t2"), BASE[3]), ["old", "w", "t2", "x = 1"]),
        ((*BASE[:3], ("free", "x = 2")), (("text-1", "new"), *BASE[1:]), ["new", "stub", "test", "x = 2"]),
        ((*BASE[:2], ("TEST", "mine"), BASE[3]), BASE, ["old", "stub", "test", "x = 1"]),
        ((BASE[0], BASE[2]), BASE, ["old", "stub", "test", "x = 1"]),
        ((BASE[0], ("WORK", "w"), BASE[2]), (BASE[0], BASE[2]), ["old", "w", "test"]),
        ((("own", "first"), *BASE, ("own", "last")), BASE, ["first", "old", "stub", "test", "x = 1", "last"]),
        ((*BASE[:2], ("WORK", "w"), *BASE[2:]), BASE, ["old", "w", "test", "x = 1"]),
        ((BASE[0], ("WORK", "w"), ("WORK", "w2"), *BASE[2:]), BASE, ["old", "w", "w2", "test", "x = 1"]),
        (BASE, (*BASE[:2], ("MORE", "another"), *BASE[2:]), ["old", "stub", "another", "test", "x = 1"]),
        (BASE, BASE[1:], ["stub", "test", "x = 1"]),
    ],
    ids=["text", "work and test", "free cell", "locked cell", "deleted cells", "removed exercise", "own cells",
         "copied stub", "copied work", "new exercise", "removed text"],
)  # fmt: skip
def test_the_merge_of_cells(mine, new, expected):
    given = notebook(*mine)
    before = copy.deepcopy(given)
    merged, _ = merge(given, notebook(*BASE), notebook(*new))
    assert texts(merged) == expected
    ids = [cell.id for cell in merged.cells]
    assert len(set(ids)) == len(ids)
    graded = [cell.metadata.nbgrader.grade_id for cell in merged.cells if "nbgrader" in cell.metadata]
    assert sorted(graded) == sorted(name for name, _ in new if name.isupper())
    assert given == before or texts(given) == texts(before)


def test_an_exercise_keeps_the_work_and_not_the_stub():
    """Of a copied cell, the one that was written in, wherever it stands, is the exercise's."""
    for mine in ((("WORK", "w"), ("WORK", "stub")), (("WORK", "stub"), ("WORK", "w"))):
        merged, _ = merge(notebook(*mine), notebook(*BASE), notebook(*BASE))
        assert cells_by_id(merged)["WORK"].source == "w"


def test_the_command_says_what_is_wrong_in_one_sentence(course, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_ROOT", str(course.root))
    (course.root / "taken").write_text("x")
    for folder, said in (("taken", "is a file; name another folder"), ("work", "There is no notebooks/START_HERE")):
        if folder == "work":
            (course.notebooks / "START_HERE.ipynb").unlink()
        monkeypatch.setattr(sys, "argv", ["autograder", "lab", "--no-start", "--folder", str(course.root / folder)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        told = capsys.readouterr().err
        assert left.value.code == 2
        assert said in told
        assert told.count("\n") == 1


def test_jupyterlab_opens_the_first_page_without_the_instructors_panels(course, work, monkeypatch):
    seen = {}
    monkeypatch.setattr(lab.os, "execve", lambda program, command, env: seen.update(command=command, env=env))
    monkeypatch.chdir(course.root)
    lab.start(work, ["--no-browser"])
    assert Path.cwd() == work
    assert "--LabApp.default_url=/lab/tree/START_HERE.ipynb" in seen["command"]
    assert seen["command"][-1] == "--no-browser"
    from jupyter_server.serverapp import ServerApp

    settings = lab.SETTINGS
    assert seen["env"]["JUPYTER_CONFIG_PATH"].split(":")[0] == str(settings)
    off = json.loads((settings / "labconfig" / "page_config.json").read_text())["disabledExtensions"]
    for panel in ("formgrader", "create-assignment", "course-list", "assignment-list"):
        assert off[f"@jupyter/nbgrader:{panel}"] is True
    assert "@jupyter/nbgrader:validate-assignment" not in off
    server = json.loads((settings / "jupyter_server_config.json").read_text())["ServerApp"]
    assert set(server) <= set(ServerApp.class_trait_names())
    assert "nbgrader.server_extensions.validate_assignment" not in server["jpserver_extensions"]


def test_the_copy_is_ignored_by_git_and_the_release_stays_as_it_is(tmp_path):
    """After `make lab`, git has nothing to say: the README's other command and `git pull` go on."""
    told = subprocess.run(["git", "check-ignore", "work/mini/mini.ipynb", f"work/{RELEASED}/x"], cwd=REPOSITORY,
                          capture_output=True, text=True, check=False)  # fmt: skip
    if told.returncode == 128:
        pytest.skip("this copy of the course is no git repository")
    assert told.stdout.split() == ["work/mini/mini.ipynb", f"work/{RELEASED}/x"]
    before = {path: path.read_bytes() for path in lab.released(Course().notebooks)}
    update(tmp_path / "work", Course())
    assert {path: path.read_bytes() for path in lab.released(Course().notebooks)} == before
