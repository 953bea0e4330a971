"""Our gradebook and notebooks equal those of stock nbgrader on the same hand-ins, but where ours is kinder."""

from __future__ import annotations

import contextlib
import copy
import re
import shutil
from datetime import datetime, timedelta
from types import SimpleNamespace

import nbformat
import pytest
from conftest import SOURCE, TOML, mini_course

from autograder.authoring import sample
from autograder.authoring.release import EngineError, convert, generate
from autograder.authoring.student import Edit, Student
from autograder.course import Course, load_config
from autograder.files import stage
from autograder.grade import grade

pytestmark = pytest.mark.slow

ANSI = re.compile(r"\x1b\[[0-9;]*m")
PARTIAL = '''
# %% test="B-hello-part" points=1.5
0.5 + (hello("part") == "hello part")
'''
# What a student's function prints while a hidden test calls it would show the hidden numbers; ours leaves it out.
PRINTED_BY_A_HIDDEN_TEST = "computing -317\n"
DUE = datetime(2026, 1, 10)


def double(text: str) -> dict[str, str]:
    return {"A-double": f"def double(x):\n    {text}\n"}


SAME = (
    Student("model", "everything right"),
    Student("wrong", "adds one", edits=(Edit("A-double", "x + x", "x + 1"),)),
    Student.untouched("untouched", "as released"),
    Student("silent", "no answer in words", done=("A", "B-hello")),
    Student("prints", "talks during tests", replace=double("print('computing', x); return 2 * x")),
    Student("raises", "an error of its own", replace=double("raise KeyError('no ' + str(x))")),
    Student("syntax", "no Python", replace={"A-double": "def double(x)\n    return 2 * x\n"}),
    Student("deep", "recursion", replace=double("return double(x)")),
    Student("result", "a cell with a result", cells_added=(("A-half", "half(3)"), ("setup", "import sys\n1 + 1;"))),
    Student("noisy", "writes to standard error in its own cell",
            cells_added=(("A-half", "import sys\nprint('a')\nprint('b', file=sys.stderr)"),)),
    Student("drawing", "a figure", cells_added=(
        ("A-half", "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nprint('shown')"),)),
    Student("html", "rich output", cells_added=(
        ("A-half", "from IPython.display import HTML, display\ndisplay(HTML('<b>x</b>'))\nHTML('<i>y</i>')"),)),
    Student("empty", "a cell emptied", replace={"A-half": ""}),
    Student("magic", "a magic and a shell line", cells_added=(("A-half", "%env COURSE_SIZE\n!echo hello"),)),
    Student("partial", "half of a test", replace={"B-hello": "def hello(name):\n    return 'bye'"}),
    Student("late", "three days late"),
    Student("early", "in time, with a data file"),
)  # fmt: skip
KINDER = {
    "warned": (
        Student("warned", "a warning in a test", replace=double("import warnings; warnings.warn('w'); return 2 * x")),
        "standard error costs nothing: stock takes all points of a test during which a warning was shown",
    ),
    "deleted": (
        Student("deleted", "a test gone", cells_removed=("A-half-one",)),
        "deleted test cells come back: stock leaves these points empty and waits for a human",
    ),
    "tagged": (
        Student("tagged", "wrong, tests tagged skip-execution", edits=(Edit("A-double", "x + x", "x + 1"),)),
        "tags are dropped: stock gives full points to tests that were not run",
    ),
    "exits": (
        Student("exits", "ends Python", replace={"A-half": "import os\n\ndef half(x):\n    os._exit(3)"}),
        "a dead process costs one exercise: stock leaves the whole hand-in without a grade",
    ),
}  # fmt: skip


def rows_of(url: str, student: str) -> dict:
    from nbgrader.api import Gradebook, MissingEntry

    with Gradebook(url) as gradebook:
        try:
            found = gradebook.find_submission("mini", student)
        except MissingEntry:
            return {}
        (notebook,) = found.notebooks
        return {
            "timestamp": found.timestamp, "late": found.total_seconds_late, "penalty": notebook.late_submission_penalty,
            "score": (found.score, found.max_score, notebook.code_score, notebook.written_score, notebook.failed_tests),
            "grades": {g.name: (g.auto_score, g.manual_score, g.needs_manual_grade, g.score, g.failed_tests)
                       for g in notebook.grades},
            "comments": {c.name: (c.auto_comment, c.manual_comment, c.comment) for c in notebook.comments},
        }  # fmt: skip


def plain(notebook) -> list:
    """Cells with outputs, less what differs between any two runs."""
    cells = []
    for cell in copy.deepcopy(notebook.cells):
        meta = {k: v for k, v in cell.metadata.items() if k not in ("execution", "course")}
        outputs = []
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.traceback = ANSI.sub("", "\n".join(output.traceback)).strip()
                is_test = meta.get("nbgrader", {}).get("grade") and cell.cell_type == "code"
                if is_test or output.ename == "RecursionError":
                    output.traceback = ""  # its frames are told in the judge's way
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = "a picture"
            if output.get("metadata"):
                output.metadata.pop("course", None)
            outputs.append(output)
        cells.append((cell.cell_type, cell.source, meta, cell.get("execution_count"), outputs))
    return cells


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The class graded twice, by our command and by nbgrader's own lists of preprocessors."""
    folder = tmp_path_factory.mktemp("equal")
    mini_course(folder, SOURCE + PARTIAL, TOML.replace("points = 10", "points = 11.5"))
    ours = Course(root=folder / "course", class_dir=folder / "ours")
    sample.fill("mini", ours, [*SAME, *(student for student, _ in KINDER.values())])
    tag(ours.submitted / "tagged" / "mini" / "mini.ipynb")
    for student, when in (("late", DUE + timedelta(days=3)), ("early", DUE - timedelta(days=3))):
        (ours.submitted / student / "mini" / "timestamp.txt").write_text(f"{when} UTC\n")
    (ours.submitted / "early" / "mini" / "data").mkdir()
    (ours.submitted / "early" / "mini" / "data" / "mine.csv").write_text("3")
    (ours.submitted / "early" / "mini" / "numbers.csv").write_text("changed")
    theirs = Course(root=folder / "course", class_dir=folder / "theirs")
    shutil.copytree(ours.submitted, theirs.submitted)
    config = load_config()
    config.LateSubmissionPlugin.penalty_method = "zero"
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("autograder.recording.writer.load_config", lambda: config)
    try:
        grade("mini", ours, ["early"], timeout=10, budget=60, jobs=1)
        set_due(ours.db_url)
        grade("mini", ours, timeout=10, budget=60, jobs=1, force=True)
        with stage() as scratch:
            stock(theirs, scratch)
            yield SimpleNamespace(ours=ours, theirs=theirs, scratch=scratch, config=config)
    finally:
        monkeypatch.undo()


def tag(path):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata["tags"] = ["skip-execution"]
    nbformat.write(notebook, path)


def set_due(url):
    from nbgrader.api import Gradebook

    with Gradebook(url) as gradebook:
        gradebook.find_assignment("mini").duedate = DUE
        gradebook.db.commit()


def stock(course, folder, again=False):
    from nbgrader.converters import Autograde

    config = load_config()
    for name in ("sanitize_preprocessors", "autograde_preprocessors"):
        config.Autograde.pop(name, None)
    config.Execute.timeout = 10
    config.LateSubmissionPlugin.penalty_method = "zero"
    if not again:
        generate("mini", course, folder, course.db_url)
        set_due(course.db_url)
        shutil.copytree(course.submitted, folder / "submitted")
    for student in sorted(p.name for p in course.submitted.iterdir()):
        with contextlib.suppress(EngineError) if student in KINDER else contextlib.nullcontext():
            one(Autograde, folder, course.db_url, config, student)


def one(converter, folder, url, config, student):
    local = copy.deepcopy(config)
    local.CourseDirectory.student_id = student
    convert(converter, folder, "mini", url, local)


@pytest.mark.promise("A `timestamp.txt` beside it (`2026-11-30 23:59:00 UTC`) is what nbgrader's late penalties go by.")
@pytest.mark.promise("`autograded/` and `gradebook.db`, as nbgrader writes them, for its formgrader and its exports.")
@pytest.mark.parametrize("student", [s.name for s in SAME])
def test_gradebook_rows_equal_stocks(both, student):
    ours, theirs = rows_of(both.ours.db_url, student), rows_of(both.theirs.db_url, student)
    assert ours == theirs
    assert theirs["grades"]


@pytest.mark.promise("`autograded/` and `gradebook.db`, as nbgrader writes them, for its formgrader and its exports.")
@pytest.mark.parametrize("student", [s.name for s in SAME])
def test_autograded_notebooks_equal_stocks(both, student):
    ours = nbformat.read(both.ours.autograded / student / "mini" / "mini.ipynb", as_version=4)
    theirs = nbformat.read(both.scratch / "autograded" / student / "mini" / "mini.ipynb", as_version=4)
    for cell in theirs.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = output.text.replace(PRINTED_BY_A_HIDDEN_TEST, "")
    for mine, other in zip(plain(ours), plain(theirs), strict=True):
        assert mine == other
    assert {k: v for k, v in ours.metadata.items() if k != "course"} == theirs.metadata
    assert (ours.nbformat, ours.nbformat_minor) == (theirs.nbformat, theirs.nbformat_minor)


@pytest.mark.promise("`autograded/` and `gradebook.db`, as nbgrader writes them, for its formgrader and its exports.")
@pytest.mark.parametrize("student", ["model", "early"])
def test_files_equal_stocks(both, student):
    def files(folder):
        here = folder / student / "mini"
        return {str(p.relative_to(here)): (p.stat().st_mode, p.read_bytes() if p.suffix != ".ipynb" else b"")
                for p in here.rglob("*") if p.is_file()}  # fmt: skip

    assert files(both.ours.autograded) == files(both.scratch / "autograded")
    assert files(both.ours.autograded)["numbers.csv"][1] == b"1,2\n"


@pytest.mark.parametrize("student", KINDER)
def test_where_ours_is_kinder(both, student):
    ours, theirs = rows_of(both.ours.db_url, student), rows_of(both.theirs.db_url, student)
    assert ours["grades"] != theirs.get("grades"), KINDER[student][1]
    auto = {name: row[0] for name, row in ours["grades"].items() if name != "B-why"}
    full = {"form-check": 0, "A-double-two": 2, "A-double-hidden": 1, "A-half-one": 2, "B-hello-you": 2,
            "B-hello-part": 1.5}  # fmt: skip
    lost = {"tagged": {"A-double-two": 0, "A-double-hidden": 0}, "exits": {"A-half-one": 0}}
    assert auto == full | lost.get(student, {})


def test_a_regrade_keeps_a_humans_points_as_stock_does_and_flags_none_of_them(both):
    from nbgrader.api import Gradebook

    for course in (both.ours, both.theirs):
        with Gradebook(course.db_url) as gradebook:
            gradebook.find_grade("B-why", "mini", "mini", "model").manual_score = 2
            gradebook.find_grade("B-why", "mini", "mini", "model").needs_manual_grade = False
            gradebook.find_grade("A-half-one", "mini", "mini", "model").manual_score = 0.5
            gradebook.find_comment("B-why", "mini", "mini", "model").manual_comment = "good"
            gradebook.db.commit()
    grade("mini", both.ours, ["model"], timeout=10, budget=60, jobs=1, force=True)
    stock(both.theirs, both.scratch, again=True)
    ours, theirs = rows_of(both.ours.db_url, "model"), rows_of(both.theirs.db_url, "model")
    flags = [{name: row[2] for name, row in rows["grades"].items() if row[2]} for rows in (ours, theirs)]
    assert flags == [{}, {"B-why": True, "A-half-one": True}]
    for rows in (ours, theirs):
        rows["grades"] = {name: (*row[:2], *row[3:]) for name, row in rows["grades"].items()}
    assert ours == theirs
    assert ours["grades"]["B-why"][1] == 2
