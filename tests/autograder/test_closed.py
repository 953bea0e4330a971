"""What an assignment asks for can't be fetched from the course's own package while a hand-in is graded."""

import ast
import dataclasses
import importlib.util
import json
from pathlib import Path

import nbformat
import pytest
from reference_hand_ins import REFERENCE

from autograder.authoring.prepare import prepare
from autograder.authoring.source import SourceError, grade_id, read, settings
from autograder.course import Course, prepare_environment
from autograder.execution.task import Task
from autograder.execution.work import work
from autograder.kernel import closed_modules
from autograder.kernel.closed_modules import is_closed
from autograder.kernel.kernel import Kernels
from autograder.mistakes import load
from autograder.sandbox import LANDLOCK, NAMESPACES, NONE, Limits, choose, closed_paths
from autograder.submission.bindings import python
from autograder.submission.intake import data_files
from helpers import check
from helpers.errors import CourseError

LEFT = {
    "network_from_scratch": 1, "cnn_learning": 2, "cnn_runtime": 0, "convolution": 2, "cudnn_reading": 1,
    "performance_factors": 0, "remember": 0, "generate": 0,
}  # fmt: skip
"""Points that the reference earns in its exercises: the sizes of outputs come from the geometry of a convolution, the
sweet spot and the error from the history's own module, which cells of the assignments need; and what it writes itself
on top of the others (a table, a flipped filter) has its points as after any mistake in these."""
WRITE = "holds what this assignment asks you to write, so it is not there while your work is graded"
KNOWS = "knows the right results, so it is not there while your work is graded"


def handed_in(name, cells, model=False, **options):
    """(the snapshot, its graded notebook) of a hand-in with these cells, the others as released or solved."""
    prepare_environment()
    course = Course()
    snapshot = prepare(course, name).snapshot
    notebook = nbformat.v4.new_notebook()
    for known in snapshot.cells:
        solved = model and known.kind in ("exercise", "answer", "form")
        text = known.model if solved else known.released
        make = nbformat.v4.new_code_cell if known.cell_type == "code" else nbformat.v4.new_markdown_cell
        cell = make(cells.get(known.name, text) if known.name else text, id=known.id)
        if known.name:
            about = {"grade_id": known.name, "grade": known.grade, "solution": known.solution, "locked": known.locked}
            cell.metadata["nbgrader"] = about | {"schema_version": 3, "task": False}
            if known.grade:
                cell.metadata["nbgrader"]["points"] = known.points
        notebook.cells.append(cell)
    task = Task("somebody", nbformat.writes(notebook).encode(), snapshot, data_files(course, name, {}), **options)
    result = work(task)
    assert not result.reason, result.reason
    return snapshot, result


def points(snapshot, result):
    """Of automatic tests, by cell."""
    tests = {cell.id for cell in snapshot.source.graded if cell.kind == "test"}
    found = result.found(snapshot.source)
    return {cell: value or 0 for cell, value in found.points.items() if cell in tests}


def earned_in(snapshot, result, exercises):
    source = snapshot.source
    exercise = {cell.id: source.exercise_of(cell) for cell in source.graded}
    return sum(n for cell, n in points(snapshot, result).items() if exercise[cell] in exercises)


def errors(result):
    return {
        grade_id(cell): " ".join(o.evalue for o in cell.get("outputs", []) if o.output_type == "error")
        for cell in result.graded.cells
    }


@pytest.mark.promise(
    "Modules that an assignment closes (what students are to write, `[closed]` in its `assignment.toml`) and the "
    "verdicts of all checks are not there in K: not as files, not in its memory."
)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "convolution" else pytest.mark.slow) for name in REFERENCE]
)
def test_the_reference_earns_nothing(name):
    snapshot, result = handed_in(name, REFERENCE[name])
    assert earned_in(snapshot, result, REFERENCE[name]) <= LEFT[name], points(snapshot, result)
    assert result.mode != "none"


IMPORTS = {
    "A-size": "from helpers.check.core.convolution_oracle import output_size",
    "A-forward": "from helpers.primitives import conv_forward",
    "A-bias": "from helpers import nn",
    "A-true": "def true_convolution(x, w, stride, padding):\n    return primitives.conv_forward(x, w)",
}


@pytest.mark.promise(
    "Who asks for one reads why, in the error and on the feedback page; in a student's own Jupyter they stay."
)
@pytest.mark.promise("With `--unsafe` only the import is refused: the files lie open.")
@pytest.mark.parametrize("mode", ["", "landlock", pytest.param("none", marks=pytest.mark.slow)])
def test_the_reason_is_told(mode):
    try:
        choose(mode == "none", mode or None)
    except CourseError as error:
        pytest.skip(str(error))
    snapshot, result = handed_in("convolution", IMPORTS, mode=mode, unsafe=mode == "none")
    told = errors(result)
    assert KNOWS in told["A-size"]
    assert all(WRITE in told[cell] for cell in ("A-forward", "A-bias", "A-true-check"))
    assert not earned_in(snapshot, result, IMPORTS)
    page = json.dumps(result.found(snapshot.source).page.plain())
    assert KNOWS in page
    assert page.count(WRITE) >= 3


@pytest.mark.parametrize("mode", [NAMESPACES, LANDLOCK, NONE], ids=lambda mode: mode.name)
def test_nothing_of_them_is_loaded_or_lies_there(mode):
    try:
        choose(mode is NONE, mode.name)
    except CourseError as error:
        pytest.skip(str(error))
    modules = {"helpers.nn": [], "helpers.primitives": ["spec"]}
    open_ = {"helpers.check", "helpers.primitives", "helpers.primitives.spec"}
    named = [*closed_modules.BESIDE, "core", *check.ASSIGNMENTS, *(f"{name}.probes" for name in check.ASSIGNMENTS)]
    named += [f"core.{name}" for name in ("limits", "picture", "reach", "student_errors")]  # of what runs beside
    open_ |= {f"helpers.check.{name}" for name in named}
    paths = [str(path) for path in closed_paths(modules)] if mode is not NONE else []
    look = f"""
import gc, os, sys
gc.unfreeze()
wanted = ("helpers.check", "helpers.nn", "helpers.primitives")
named = {{name for name in sys.modules}} | {{one["__name__"] for one in gc.get_objects()
         if type(one) is dict and "__builtins__" in one and type(one.get("__name__")) is str}}
print(sorted(name for name in named if name.startswith(wanted) and name not in {open_!r}))
for path in {paths!r}:
    for file in [path, *(os.path.join(path, name) for name in (os.listdir(path) if os.path.isdir(path) else ()))]:
        try:
            print(file, open(file).read(9))
        except OSError:
            pass
"""
    cells = ["from helpers import check, primitives\nfrom helpers.primitives import ConvSpec\nimport helpers.nn"]
    with Kernels(mode, needs=(), cells=cells, closed=modules) as kernels:
        kernel = kernels.start({}, Limits(), None)
        ran = kernel.run(look, 20)
        said = "".join(output.get("text", "") or output.get("evalue", "") for output in ran.outputs)
        assert said.strip() == "[]"
        again = kernel.run("from helpers import primitives\nprimitives.ConvSpec\nimport helpers.check.core.oracle", 20)
        assert KNOWS in again.outputs[-1]["evalue"]


@pytest.mark.promise("A student's own cells may call checks: there they do nothing but say so.")
def test_a_call_of_a_check_in_a_students_cell_costs_nothing():
    more = {
        "A-bias": "def add_bias(y, b):\n    return y + b[:, None, None]\ntry:\n    check.convolution.bias(add_bias)\n"
        "except check.CheckFailed:\n    pass\ncheck.cnn_learning.relu(1)",
        "A-size": "check.convolution.output_size(len)\n"
        "slope = check.convolution.numerical_gradient(lambda w: w[0] ** 2, [3.0])\n"
        "def output_size(size, window, stride, pad):\n    assert abs(slope[0] - 6) < 1e-6\n"
        "    return (size + 2 * pad - window) // stride + 1",
    }
    snapshot, result = handed_in("convolution", more, model=True)
    got = points(snapshot, result)
    assert got == {cell: next(c.points for c in snapshot.source.cells if c.id == cell) for cell in got}
    said = next(cell for cell in result.graded.cells if grade_id(cell) == "A-bias").outputs[0].text
    assert "check.convolution.bias is not run here" in said


@pytest.mark.parametrize("name", REFERENCE)
def test_cells_that_run_there_use_only_what_is_open(name):
    """The release's own cells that run in a student's process call no check that is not there."""
    assignment, _ = read(Course().source(name))
    used = set()
    for cell in assignment.cells:
        if cell.type == "code" and cell.kind != "test":
            for node in ast.walk(ast.parse(python(cell.text))):
                path = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
                if path.startswith(f"check.{name}."):
                    used.add(getattr(getattr(check, name), path.rpartition(".")[2]).__module__)
    assert {module.removeprefix("helpers.check.") for module in used} <= set(closed_modules.BESIDE), used


@pytest.mark.parametrize("name", Course().assignments())
def test_what_stays_open_imports_nothing_that_is_closed(name):
    closed = settings(Course().source(name))["closed"]
    for package in (f"{module}.{one}" for module, kept in closed.items() for one in kept):
        spec = importlib.util.find_spec(package)
        for node in ast.parse(Path(spec.origin).read_text()).body if spec.origin else ():  # none: a folder of data
            if isinstance(node, ast.ImportFrom):
                taken = importlib.util.resolve_name("." * node.level + (node.module or ""), spec.parent)
                assert not any(is_closed(taken, *one) for one in closed.items()), (package, taken)


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ('[closed]\n"helpers.nn" = "layers"', "needs [closed] as a table"),
        ('[closed]\n"numpy" = []', "'numpy'"),
        ('[closed]\n"helpers.nothing" = []', "'helpers.nothing'"),
        ('[closed]\n"helpers.nn" = ["nothing"]', "'helpers.nn.nothing'"),
    ],
)
def test_a_table_that_means_nothing_is_refused(tmp_path, table, fault):
    (tmp_path / "mini.py").write_text("# %%\nx = 1\n")
    about = 'title = "Mini"\npoints = 0\n'
    parts = '[parts]\nA = "a"\n'
    (tmp_path / "assignment.toml").write_text(about + parts + table)
    with pytest.raises(SourceError, match=fault.replace("[", r"\[").replace("]", r"\]")):
        read(tmp_path / "mini.py")
    assert settings(tmp_path / "mini.py")["closed"] == {}


def test_the_gradebooks_own_snapshot_is_closed_too():
    snapshot = prepare(Course(), "convolution").snapshot
    assert snapshot.closed["helpers.primitives"] == ["spec", "torch_precision"]
    assert dataclasses.replace(snapshot, source=None).closed == snapshot.closed


COUNTED_BY_THE_COURSE = {"the course's ConvSpec", "the course's count, all named", "counting by ConvSpec"}
"""Right in a student's own Jupyter, where a check has only numbers to go by; what counts there is closed in grading."""


def from_the_bank(name):
    """Cells of right solutions that take something from the package or from torch, one for each exercise."""
    assignment, _ = read(Course().source(name))
    cells = {cell.id: cell for cell in assignment.cells if cell.kind == "exercise"}
    found, taken = {}, []
    for solution in load(name).right:
        made = {id_: text for id_, text in solution.cells.items() if id_ in cells}
        text = "\n".join(made.values())
        uses = any(word in text for word in ("helpers", "primitives.relu", "primitives.bias", "torch."))
        counts = solution.name.partition(": ")[2] in COUNTED_BY_THE_COURSE or "primitives.ConvSpec(N" in text
        if uses and not counts and not found.keys() & solution.cells.keys():
            found |= made
            taken.append(solution.name)
    assert taken, name
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cnn_learning", "cnn_runtime", "convolution"])
def test_right_solutions_that_take_what_is_given_earn_all(name):
    snapshot, result = handed_in(name, from_the_bank(name), model=True)
    got = points(snapshot, result)
    lost = {cell.id for cell in snapshot.source.graded if cell.id in got and got[cell.id] < cell.points}
    assert not lost, {cell: words for cell, words in errors(result).items() if words}
