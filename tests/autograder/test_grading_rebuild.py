"""Whatever was done to the cells of a hand-in, honest work stays and the assignment's own cells come back."""

from __future__ import annotations

import copy
import functools
import json
from random import Random

import nbformat
import pytest
from mutations import mutated

from autograder.authoring.release import generate
from autograder.authoring.sample import build
from autograder.authoring.snapshot import Snapshot, take
from autograder.authoring.source import cells_by_id, grade_id, read
from autograder.authoring.student import Student
from autograder.course import REPOSITORY, Course, load_config
from autograder.files import stage
from autograder.submission.reading import Ungradable, parse
from autograder.submission.rebuild import rebuild

pytestmark = pytest.mark.filterwarnings("ignore:Non-unique cell id", "ignore:Cell is missing an id")
REAL = Course().source("network_from_scratch")


@pytest.fixture(scope="module")
def snapshots(mini):
    config = load_config()
    return {path.stem: take(*read(path), config) for path in (mini.source("mini"), REAL)}


@pytest.fixture(scope="module")
def snapshot(snapshots) -> Snapshot:
    return snapshots["mini"]


@pytest.fixture
def honest(mini):
    """The model solution as it would be handed in."""
    released = nbformat.read(mini.notebooks / "mini" / "mini.ipynb", as_version=4)
    return build(Student("model", ""), released, read(mini.source("mini"))[1])


def mended(notebook, snapshot):
    read_again, _ = parse(json.dumps(notebook).encode(), "mini.ipynb")
    return rebuild(read_again, snapshot)


def order(notebook):
    return [grade_id(c) for c in notebook.cells if grade_id(c)]


def run(notebook) -> dict[str, str]:
    """Run the code cells in order, in one namespace; the assignment's cells that failed, and how."""
    scope: dict = {}
    failed = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            try:
                plain = "display = lambda *a, **k: None"
                exec(cell.source.replace("from IPython.display import display", plain), scope)
            except Exception as error:
                failed[grade_id(cell)] = repr(error)
    failed.pop("", None)
    return failed


@pytest.fixture(scope="module")
def stock(mini, tmp_path_factory):
    """stock(notebook, name): what nbgrader's own list of sanitizing preprocessors makes of a notebook."""
    from nbgrader.converters import Autograde

    url = f"sqlite:///{tmp_path_factory.mktemp('stock') / 'stock.db'}"
    config = load_config()
    del config.Autograde.sanitize_preprocessors

    @functools.cache
    def known(name):
        """Enter the assignment into the gradebook."""
        path = mini.source("mini") if name == "mini" else REAL
        with stage() as folder:
            generate(name, Course(root=path.parents[2], class_dir=folder), folder, url)

    def sanitized(notebook, name):
        known(name)
        resources = {"nbgrader": {"student": "x", "assignment": name, "notebook": name, "db_url": url}}
        for kind in Autograde(config=config).sanitize_preprocessors:
            notebook, resources = kind(config=config).preprocess(notebook, resources)
        return notebook

    return sanitized


@pytest.mark.parametrize("name", ["mini", pytest.param("network_from_scratch", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "what", ["released", "solved", "own cells", "locked cell edited", "outputs", "free cells gone"]
)
def test_what_stock_accepts_gets_exactly_stocks_cells(name, what, mini, snapshots, stock):
    path = mini.source("mini") if name == "mini" else REAL
    notebooks = mini.notebooks if name == "mini" else REPOSITORY / "notebooks"
    notebook = nbformat.read(notebooks / name / f"{name}.ipynb", as_version=4)
    if what != "released":
        notebook = build(Student("model", ""), notebook, read(path)[1])
    if what == "own cells":
        for at in (0, 5, len(notebook.cells)):
            folded = {"collapsed": True, "scrolled": True}
            notebook.cells.insert(at, nbformat.v4.new_code_cell("x = 1", metadata=folded))
            notebook.cells.insert(at, nbformat.v4.new_markdown_cell("my notes", metadata={"vscode": {"a": [1, 2]}}))
    if what == "locked cell edited":
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("locked"):
                cell.source += "\n# mine" if cell.cell_type == "code" else "\nmine"
    if what == "outputs":
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = [nbformat.v4.new_output("stream", text="hello")]
                cell.execution_count = 3
    if what == "free cells gone":
        notebook.cells = [c for c in notebook.cells if grade_id(c)]
    ours, notes = mended(notebook, snapshots[name])
    theirs = stock(copy.deepcopy(notebook), name)
    assert ours.cells == theirs.cells
    assert ours.metadata == theirs.metadata
    assert len(notes) == (what == "locked cell edited")


def own(notebook, id_):
    return cells_by_id(notebook)[id_]


def gone(*ids):
    return lambda n: setattr(n, "cells", [c for c in n.cells if grade_id(c) not in ids])


def lose_id(*ids, how="lost"):
    def change(notebook):
        for id_ in ids:
            cell = own(notebook, id_)
            cell.id = f"new-{id_}"
            if how == "lost":
                cell.metadata = {}
            else:
                cell.metadata.nbgrader["grade_id"] = how

    return change


def lose_everything(notebook):
    for number, cell in enumerate(notebook.cells):
        cell.metadata, cell.id = nbformat.NotebookNode(), f"n{number}"


def copied(id_, at, **changes):
    def change(notebook):
        cell = copy.deepcopy(own(notebook, id_))
        cell.update(changes | {"id": f"copy-{at}"})
        notebook.cells.insert(at if at >= 0 else len(notebook.cells), cell)

    return change


def swapped(one, other):
    def change(notebook):
        cells = notebook.cells
        a, b = cells.index(own(notebook, one)), cells.index(own(notebook, other))
        cells[a], cells[b] = cells[b], cells[a]

    return change


def retyped(id_, kind):
    return lambda n: own(n, id_).update(cell_type=kind)


def forged(notebook):
    for cell in cells_by_id(notebook).values():
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.update(points=1000, grade=True, solution=True, locked=False, checksum="0" * 32)
            cell.metadata.tags = ["skip-execution"]


def old_schema(version):
    def change(notebook):
        for cell in cells_by_id(notebook).values():
            if "nbgrader" in cell.metadata:
                kept = {k: cell.metadata.nbgrader[k] for k in ("grade", "grade_id", "locked", "solution")}
                cell.metadata.nbgrader = kept | ({} if version == 0 else {"schema_version": version})

    return change


def merged(notebook):
    own(notebook, "A-double").source += "\n\n" + own(notebook, "B-hello").source
    gone("B-hello")(notebook)


def renamed_to_a_test(notebook):
    gone("A-double-two")(notebook)
    own(notebook, "A-double").metadata.nbgrader["grade_id"] = "A-double-two"


STUB = 'def double(x):\n    """Twice x."""\n    # YOUR CODE HERE\n' \
    '    raise NotImplementedError("still to do: write this part, then delete this line")'  # fmt: skip
ODD = {
    "test deleted": gone("A-double-two"),
    "all tests deleted": gone("A-double-two", "A-double-hidden", "A-half-one", "B-hello-you", "form-check"),
    "setup deleted": gone("setup"),
    "every locked cell deleted": gone("setup", "A-text", "B-text", "A-double-two", "A-double-hidden", "B-hello-you"),
    "answer deleted": gone("B-why"),
    "exercise lost its id": lose_id("A-double"),
    "all exercises lost their ids": lose_id("A-double", "A-half", "B-hello", "B-why"),
    "exercise with another id": lose_id("A-double", how="cell-1f"),
    "no metadata at all": lose_everything,
    "stub copied below the work": copied("A-double", -1, source=STUB),
    "stub copied right behind": copied("A-double", 8, source=STUB),
    "work copied to the top": copied("A-half", 0),
    "setup copied": copied("setup", -1),
    "test copied to the top": copied("A-double-two", 0),
    "test above its exercise": swapped("A-double-two", "A-double"),
    "setup at the bottom": lambda n: n.cells.append(n.cells.pop(n.cells.index(own(n, "setup")))),
    "reversed": lambda n: n.cells.reverse(),
    "exercise turned into text": retyped("A-double", "markdown"),
    "test turned raw": retyped("A-double-two", "raw"),
    "answer turned into code": retyped("B-why", "code"),
    "flags and points forged": forged,
    "schema 0": old_schema(0),
    "schema 1": old_schema(1),
    "schema 2": old_schema(2),
    "two exercises in one cell": merged,
    "work under a test's id": renamed_to_a_test,
    "ids repeat": lambda n: [c.update(id="same") for c in n.cells],
    "attachment": lambda n: n.cells[0].update(attachments={"a.png": {"image/png": "AAAA"}}),
    "kernel of another language": lambda n: n.metadata.update(kernelspec={"name": "ir", "display_name": "R"}),
    "huge metadata": lambda n: n.cells[0].metadata.update(blob="x" * 10, pile=["y" * 1000] * 1000),
}  # fmt: skip


@pytest.mark.promise(
    "Cells that were deleted, copied, moved, renamed, retyped or retagged are rebuilt from the release and the "
    "student's own solution cells."
)
@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_honest_work_keeps_its_points_and_every_graded_cell_is_there(change, honest, snapshot):
    change(honest)
    found, notes = mended(honest, snapshot)
    nbformat.validate(found)
    assert run(found) == {}
    cells = cells_by_id(found)
    assert len(order(found)) == len(cells)
    for name, source in snapshot.known.items():
        if source.locked or source.grade:
            assert cells[name].cell_type == source.cell_type
            assert cells[name].metadata.get("nbgrader", {}).get("points", 0) == source.points
        if source.locked:
            assert cells[name].source == source.source
    assert not [c for c in found.cells if "tags" in c.metadata]
    assert "AAAA" in json.dumps(found) or change is not ODD["attachment"]
    assert "lowers the guard" in cells["B-why"].source or change is ODD["answer deleted"]
    quiet = ("flags", "schema", "ids", "attachment", "kernel", "huge")
    assert bool(notes) != any(change is c for n, c in ODD.items() if n.startswith(quiet))


def test_pictures_in_text_stay_and_large_metadata_goes(honest, snapshot):
    ODD["huge metadata"](honest)
    cell = mended(honest, snapshot)[0].cells[0]
    assert (cell.metadata.get("blob"), "pile" in cell.metadata) == ("x" * 10, False)


def test_words_of_what_was_mended(honest, snapshot):
    gone("A-double-two", "A-text")(honest)
    lose_id("A-half")(honest)
    copied("B-hello", -1)(honest)
    own(honest, "A-half-one").source = "pass"
    assert mended(honest, snapshot)[1] == [
        "The cell 'B-hello' stood 2 times; the last one written in was graded.",
        "The cell 'A-half' had lost its id; what stands in it told which it is.",
        "The graded cell 'A-double-two' was missing from the submission and was put back.",
        "1 cell of the assignment was missing and put back: 'A-text'.",
        "Locked cells were edited; the assignment's own text was used: 'A-half-one'.",
    ]


def test_a_copy_that_was_written_in_is_the_one_that_counts(honest, snapshot):
    copied("A-double", -1, source="def double(x):\n    return 2 * x + 0")(honest)
    found, _ = mended(honest, snapshot)
    assert own(found, "A-double").source.endswith("+ 0")


def test_another_notebook_is_refused(snapshot):
    other = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")])
    with pytest.raises(Ungradable, match=r"mini.ipynb is another notebook: it holds none of the cells"):
        rebuild(other, snapshot, "mini.ipynb")


@pytest.mark.promise(
    "Hidden tests, model solutions, right answers of multiple choice, points and the gradebook never enter K."
)
def test_a_snapshot_travels_as_text(snapshots):
    for taken in snapshots.values():
        assert Snapshot.from_json(taken.to_json()) == taken
        assert "HIDDEN TESTS" not in "".join(cell.released for cell in taken.cells)


def test_any_mutation_is_rebuilt_into_a_whole_notebook(honest, snapshot):
    plain = json.loads(nbformat.writes(honest))
    rebuilt = 0
    for seed in range(100):
        raw = mutated(Random(seed), plain, most=8)
        try:
            found, _ = rebuild(parse(raw, "a.ipynb")[0], snapshot)
        except Ungradable:
            continue
        rebuilt += 1
        nbformat.validate(found)
        cells = cells_by_id(found)
        assert len(order(found)) == len(set(order(found)))
        assert {n for n, s in snapshot.known.items() if s.locked or s.grade} <= set(cells)
        assert all(cells[n].source == s.source for n, s in snapshot.known.items() if s.locked)
        again, _ = rebuild(copy.deepcopy(found), snapshot)
        assert [(c.source, c.cell_type, grade_id(c)) for c in again.cells] == \
            [(c.source, c.cell_type, grade_id(c)) for c in found.cells]  # fmt: skip
    assert rebuilt > 75
