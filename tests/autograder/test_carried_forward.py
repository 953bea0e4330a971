"""A mistake is paid for once: what only fails because an earlier exercise is wrong is tried again without that."""

from __future__ import annotations

import nbformat
import pytest

from autograder.authoring import sample
from autograder.authoring.release import release
from autograder.authoring.source import cells_by_id
from autograder.authoring.student import Edit, Student
from autograder.execution import carried_forward
from autograder.grade import grade
from autograder.submission import nbgrader_rules as rules

TOML = 'title = "Chain"\npoints = 10\n\n[parts]\nA = "One after the other"\n'
SOURCE = '''\
# %% given="setup"
from helpers.check.core.report import Mistake

# %% exercise="form"
group = [{"name": "", "id": "", "did": ""}]
ready_to_present = []

# %% test="form-check" points=0
assert isinstance(group, list), "group must be a list"

# %% exercise="A-double"
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    sum_with_itself = x + x
    return sum_with_itself
    ### END SOLUTION

# %% test="A-double-two" points=1
assert double(2) == 4, "double(2) must be 4"

# %% exercise="A-fourfold"
def fourfold(x):
    ### BEGIN SOLUTION
    return double(double(x))
    ### END SOLUTION

# %% test="A-fourfold-one" points=2
assert fourfold(1) == 4, "fourfold(1) must be 4"
### BEGIN HIDDEN TESTS
assert fourfold(-317) == -1268, "also below zero"
### END HIDDEN TESTS

# %% exercise="A-table"
table = []
### BEGIN SOLUTION
table = [fourfold(x) for x in range(3)]
### END SOLUTION

# %% test="A-table-check" points=4
assert table == [0, 4, 8], "table must be [0, 4, 8]"

# %%
print("as in a figure:", table)

# %% exercise="A-half"
def half(x):
    ### BEGIN SOLUTION
    return x / 2
    ### END SOLUTION

# %% test="A-half-one" points=3
assert half(1) == 0.5, "half(1) must be 0.5"
'''
WRONG = Edit("A-double", "x + x", "x + x + 1")
READS = """
import inspect
print("reads", inspect.getsource(double))
open("double.txt", "w").write(inspect.getsource(double))


def fourfold(x):
    print("reads", inspect.getsource(double))
    return double(double(x))
"""
CLASS = (
    Student("model", "right"),
    Student("once", "one mistake", edits=(WRONG,)),
    Student("twice", "a mistake of its own, too", edits=(WRONG, Edit("A-fourfold", "double(double(x))", "double(x)"))),
    Student("elsewhere", "mistakes that do not build on each other",
            edits=(WRONG, Edit("A-fourfold", "double(double(x))", "4 * x"), Edit("A-half", "x / 2", "x / 3"))),
    Student("nothing", "wrote only what calls the others", done=("A-fourfold", "A-table", "A-half")),
    Student("spy", "prints what stands in place of a mistake",
            replace={"A-double": "def double(x):\n    return 2 * x + 1\n", "A-fourfold": READS}),
    Student("calls", "where the model solution has none of the other exercise", edits=(WRONG,),
            replace={"A-half": "def half(x):\n    return double(x) / 4\n"}),
    Student("slow", "never comes to the end of a cell", replace={"A-table": "table = []\nwhile True:\n    pass"}),
    Student("kills", "ends Python in the second run", edits=(WRONG,), replace={
        "A-fourfold": "import os\nif double(1) == 2:\n    os._exit(3)\n\n"
                      "def fourfold(x):\n    return double(double(x))\n"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """The course, released, and its class, graded."""
    from tests.autograder.conftest import mini_course

    folder = tmp_path_factory.mktemp("chain")
    course = mini_course(folder, SOURCE, TOML)
    release("mini", course)
    sample.fill("mini", course, CLASS)
    found = grade("mini", course, jobs=2, timeout=2, budget=60)
    return course, {row.student: row for row in found.rows}


def read(course, student):
    return nbformat.read(course.autograded / student / "mini/mini.ipynb", as_version=4)


def first_run(course, student):
    """As `read`, with the points of the first run."""
    notebook = read(course, student)
    for cell in notebook.cells:
        if cell.metadata.pop("course", {}).get("carried"):
            cell.outputs = [nbformat.v4.new_output("error", ename="AssertionError", evalue="", traceback=[])]
            rules.settle(cell)
    return notebook


@pytest.mark.promise(
    "A mistake is paid for once: a failed exercise whose model solution builds on an earlier failed one is tried again "
    "with the model solution in place of that one, and what passes then has its points."
)
def test_what_fails_only_for_an_earlier_mistake_has_its_points(chain):
    _, rows = chain
    assert rows["model"].auto == 10
    assert rows["once"].scores | {"form-check": 0} == {
        "form-check": 0, "A-double-two": 0, "A-fourfold-one": 2, "A-table-check": 4, "A-half-one": 3,
    }  # fmt: skip
    assert [m.exercise for m in rows["once"].mistakes] == ["A-double"]
    assert "Points for what fails only for an earlier mistake: A-fourfold-one, A-table-check." in rows["once"].notes


def test_a_mistake_of_its_own_costs_its_points(chain):
    _, rows = chain
    scores = rows["twice"].scores
    assert (scores["A-double-two"], scores["A-fourfold-one"], scores["A-table-check"]) == (0, 0, 4)
    scores = rows["elsewhere"].scores
    assert (scores["A-double-two"], scores["A-fourfold-one"], scores["A-half-one"]) == (0, 2, 0)


@pytest.mark.promise(
    "Both exercises must have been written: who leaves an exercise out gets no solution of it to build on."
)
def test_who_leaves_an_exercise_out_has_nothing_to_build_on(chain):
    _, rows = chain
    assert rows["nothing"].auto == 3


@pytest.mark.promise(
    "What a student builds on that the model solution does not is not replaced, so a mere call of another exercise "
    "earns nothing."
)
def test_a_mere_call_of_another_exercise_earns_nothing(chain):
    _, rows = chain
    assert (rows["calls"].scores["A-half-one"], rows["calls"].scores["A-table-check"]) == (0, 4)


def test_where_nothing_builds_on_a_failed_exercise_nothing_runs_again(chain, monkeypatch):
    course, _ = chain
    from autograder.authoring.prepare import prepare

    monkeypatch.setattr(carried_forward, "Run", None)
    snapshot = prepare(course, "mini").snapshot
    for student in ("model", "elsewhere"):
        assert carried_forward.carry_forward(read(course, student), snapshot, None, 5, 60) == []


class Runs:
    """Stands in for the second runs: notes the cells that run, and lets each test pass but those that are `wrong`."""

    def __init__(self, wrong=()):
        self.wrong, self.cells = wrong, []

    def __call__(self, notebook, *about):
        self.notebook = notebook
        self.cells.append([])
        return self

    def cell(self, index, cell):
        name = rules.meta(cell).get("grade_id", "")
        self.cells[-1].append(name or cell.source)
        cell.outputs = [o for o in cell.outputs if o.output_type == "error"] if name in self.wrong else []
        if rules.is_test(cell):
            rules.settle(cell)

    def waiting_parts(self):
        pass

    def close(self):
        pass


@pytest.mark.promise(
    "Of the assignment's own cells the second run leaves out those that nothing in it needs, such as figures."
)
def test_what_builds_on_the_same_mistake_is_tried_together_and_no_figure_is_drawn(chain, monkeypatch):
    course, _ = chain
    from autograder.authoring.prepare import prepare

    snapshot, runs = prepare(course, "mini").snapshot, Runs()
    monkeypatch.setattr(carried_forward, "Run", runs)
    notebook = first_run(course, "once")
    carried_forward.carry_forward(notebook, snapshot, None, 5, 60)
    assert len(runs.cells) == 1
    assert [name for name in runs.cells[0] if name.startswith("A-")] == [
        "A-double", "A-fourfold", "A-fourfold-one", "A-table", "A-table-check",
    ]  # fmt: skip
    assert not [name for name in runs.cells[0] if name.startswith("print")]


def test_a_try_ends_where_the_rest_builds_on_what_failed_in_it(chain, monkeypatch):
    course, _ = chain
    from autograder.authoring.prepare import prepare

    snapshot, runs = prepare(course, "mini").snapshot, Runs(wrong=["A-fourfold-one"])
    monkeypatch.setattr(carried_forward, "Run", runs)
    notebook = first_run(course, "twice")
    carried_forward.carry_forward(notebook, snapshot, None, 5, 60)
    assert [names[-1] for names in runs.cells] == ["A-fourfold-one", "A-table-check"]


@pytest.mark.promise("Nothing that the second run puts out is kept, so nobody sees anything of the model solution.")
def test_nothing_of_the_second_run_is_to_be_seen(chain):
    course, rows = chain
    assert rows["spy"].scores["A-fourfold-one"] == 2
    files = [path for path in course.class_dir.rglob("*") if "spy" in path.parts and path.is_file()]
    assert any("reads" in path.read_text(encoding="utf-8") for path in files)
    assert [path for path in files if "sum_with_itself" in path.read_text(encoding="utf-8")] == []


def test_who_ends_python_in_the_second_run_has_the_points_of_the_first(chain):
    _, rows = chain
    assert rows["kills"].scores["A-half-one"] == 3
    assert rows["kills"].scores["A-fourfold-one"] == 0


@pytest.mark.promise("The student reads both.")
def test_students_read_both(chain):
    course, _ = chain
    page = (course.feedback / "once/mini/mini.html").read_text(encoding="utf-8")
    assert "With the model solution in place of A-double this check passes, so its points are given." in page


def test_nbgraders_own_rule_gives_the_same_points(chain):
    course, rows = chain
    for cell in cells_by_id(read(course, "once")).values():
        if rules.is_test(cell) and rules.meta(cell)["points"]:
            assert rules.points(cell) == rows["once"].scores[rules.meta(cell)["grade_id"]]
            assert not [o for o in cell.outputs if o.output_type == "error"] or rules.points(cell) == 0


def test_what_needs_a_cell_that_was_stopped_says_so_and_nothing_else(chain):
    course, rows = chain
    (mistake,) = rows["slow"].mistakes
    words = "What this check needs is not complete, because cell 'A-table' was stopped after 2 s of processor time."
    assert mistake.message == words
    assert words in (course.feedback / "slow/mini/mini.html").read_text(encoding="utf-8").replace("&#39;", "'")
