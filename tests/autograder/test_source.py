"""The source's rules: each breach is refused with a sentence that says where."""

import nbformat
import pytest

from autograder.authoring.source import SourceError, cells_by_id, read, source_files
from tests.autograder.conftest import SOURCE, TOML


def fault(course):
    with pytest.raises(SourceError) as error:
        read(course.source("mini"))
    return str(error.value)


def test_expands_short_keys(write_course):
    assignment, notebook = read(write_course().source("mini"))
    nbformat.validate(notebook)
    cells = cells_by_id(notebook)
    assert cells["A-double-two"].metadata.nbgrader == {
        "grade": True, "grade_id": "A-double-two", "locked": True, "points": 2.0, "schema_version": 3,
        "solution": False, "task": False,
    }  # fmt: skip
    assert cells["B-why"].metadata.nbgrader["solution"] is True
    assert cells["B-text"].metadata.nbgrader["locked"] is True
    assert list(assignment.exercises()) == ["A-double", "A-half", "B-why", "B-hello"]
    assert [c.id for c in assignment.exercises()["A-double"]] == ["A-double-two", "A-double-hidden"]


def test_ids_depend_on_the_text_only(write_course, tmp_path):
    one = read(write_course().source("mini"))[1]
    (tmp_path / "b").mkdir()
    other = read(write_course(folder=tmp_path / "b").source("mini"))[1]
    assert nbformat.writes(one) == nbformat.writes(other)
    assert len({c.id for c in one.cells}) == len(one.cells)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('test="A-half-one"', 'test="A-double-two"', "The id 'A-double-two' stands twice, at lines "),
        ('exercise="A-half"', 'exercise=""', "needs an id"),
        ("points=2\nassert half", "points=3\nassert half", "add up to 11, but assignment.toml says 10"),
        (" points=2\nassert half", "\nassert half", "needs points="),
        ("    ### END SOLUTION\n\n# %% test=\"A-half", "\n# %% test=\"A-half", "has no END SOLUTION after it"),
        ("    ### BEGIN SOLUTION\n    return x / 2\n", "    return x / 2\n", "has no BEGIN SOLUTION before it"),
        ('exercise="A-half"', 'given="A-half"', "region stands in cell 'A-half'"),
        ('# %% [markdown] given="B-text"', "# %% [markdown]", "A rubric region stands in the cell at line"),
        ('test="B-hello-you"', 'test="Q-hello-you"', "begins with 'Q', but the parts are A, B"),
        ('exercise="A-half"', 'excercise="A-half"', "unknown key 'excercise'"),
        ('exercise="B-hello"', 'given="B-x"', "The test cell 'B-hello-you'"),
        ('given="setup"', 'given="setup" points=1', "has points but is neither"),
        ('given="setup"', 'given="setup" test="x" points=1', "is both given and test"),
        ('test="form-check" points=0', 'test="form-check" points=1', "'form-check' must be a test of 0 points"),
        ("### BEGIN HIDDEN TESTS\n", "", "END HIDDEN TESTS has no BEGIN"),
    ],
)  # fmt: skip
def test_lint(write_course, old, new, words):
    assert old in SOURCE
    assert words in fault(write_course(SOURCE.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        (None, "assignment.toml is missing"),
        ("points = = 3", "assignment.toml can't be read"),
        (TOML.replace("points = 10", 'points = "ten"'), "needs points as a number"),
        (TOML.replace('title = "Mini"', ""), "needs a title"),
    ],
)
def test_settings(write_course, toml, words):
    assert words in fault(write_course(toml=toml))


def test_source_files_leaves_out_what_instructors_keep(tmp_path):
    for name in ("a.csv", "x.py", "assignment.toml", "x.ipynb", "deep/b.json", "__pycache__/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    kept = source_files(tmp_path, ["*.py", "assignment.toml", "__pycache__", ".*"])
    assert [str(p.relative_to(tmp_path)) for p in kept] == ["a.csv", "deep/b.json"]
