"""Damaging the notebook's structure: tags, identities, points, types, kernels."""

import copy
from collections.abc import Callable, Iterator

import nbformat
from nbformat import NotebookNode, v4

from autograder.authoring.source import grade_id

from ..attack import Attack

KIND = "metadata"


def of(name: str, about: str, change: Callable[[NotebookNode], object] | None = None, **more: object) -> Attack:
    return Attack(name, KIND, about, change=change, **more)  # type: ignore[arg-type]


def tests(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """The cells that give points."""
    return (c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade") and c.cell_type == "code")


def tagged(*tags: str) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        for cell in tests(notebook):
            cell.metadata["tags"] = list(tags)

    return change


def about_tests(**values: object) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        for cell in tests(notebook):
            cell.metadata.nbgrader.update(copy.deepcopy(values))

    return change


def ids_swapped(notebook: NotebookNode) -> None:
    names = [grade_id(c) for c in tests(notebook)]
    for cell, name in zip(list(tests(notebook)), names[1:] + names[:1], strict=True):
        cell.metadata.nbgrader["grade_id"] = name


def ids_onto_own(notebook: NotebookNode) -> None:
    """Each test's identity is given to a cell that passes."""
    for cell in list(tests(notebook)):
        own = v4.new_code_cell(
            "pass", id=f"own-{cell.id}"[:60], metadata={"nbgrader": copy.deepcopy(cell.metadata.nbgrader)}
        )
        cell.metadata.pop("nbgrader")
        notebook.cells.append(own)


def copied(notebook: NotebookNode) -> None:
    for cell in list(tests(notebook)):
        twin = copy.deepcopy(cell)
        twin.id, twin.source = f"twin-{cell.id}"[:60], "pass"
        notebook.cells.append(twin)


def edited(notebook: NotebookNode) -> None:
    for cell in tests(notebook):
        cell.source = "pass"


def deleted(notebook: NotebookNode) -> None:
    gone = [id(c) for c in tests(notebook)]
    notebook.cells = [c for c in notebook.cells if id(c) not in gone]


def retyped(kind: str) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        for cell in list(tests(notebook)):
            cell.cell_type = kind
            cell.pop("outputs", None)
            cell.pop("execution_count", None)

    return change


def not_a_dict(notebook: NotebookNode) -> bytes:
    for cell in list(tests(notebook)):
        cell.metadata["nbgrader"] = ["grade", 2]
    notebook.metadata["kernelspec"] = "python3"
    return nbformat.writes(notebook).encode()


def no_metadata(notebook: NotebookNode) -> bytes:
    return nbformat.writes(notebook).replace('"metadata": {', '"metadata": null, "was": {').encode()


def odd_source(notebook: NotebookNode) -> bytes:
    for cell in list(tests(notebook)):
        cell["source"] = 7  # type: ignore[assignment]
    import json

    return json.dumps(notebook).encode()


def version(major: object, minor: object) -> Callable[[NotebookNode], bytes]:
    def raw(notebook: NotebookNode) -> bytes:
        import json

        return json.dumps(dict(notebook) | {"nbformat": major, "nbformat_minor": minor}).encode()

    return raw


def kernelspec(**values: object) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        notebook.metadata["kernelspec"] = values
        notebook.metadata["language_info"] = {"name": "bash"}

    return change


def provisioner(notebook: NotebookNode) -> None:
    own = {"provisioner_name": "local-provisioner", "config": {"argv": ["sh", "-c", "echo BREACH > /tmp/breach"]}}
    notebook.metadata["kernelspec"]["metadata"] = {"kernel_provisioner": own}
    notebook.metadata["kernel_provisioner"] = own


def results_within(notebook: NotebookNode) -> None:
    """Outputs, scores and a course's notes that nobody has given."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [v4.new_output("execute_result", {"text/plain": "2.0"}, execution_count=1)]
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.update(score=2, auto_score=2, manual_score=2, comment="well done", extra_credit=9)
    notebook.metadata["course"] = {"notes": ["full marks"], "dead": "", "scores": {"A-double-two": 2}, "bonus": 99}


def answer_graded(notebook: NotebookNode) -> None:
    """The student's own exercises claim to be tests."""
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader", {})
        if meta.get("solution"):
            meta.update(grade=True, points=50, task=False)


def tasks(notebook: NotebookNode) -> None:
    for cell in list(tests(notebook)):
        cell.metadata.nbgrader.update(task=True, grade=False, solution=False, points=50)


def unlocked(notebook: NotebookNode) -> None:
    for cell in tests(notebook):
        cell.source = "pass"
        cell.metadata.nbgrader.update(locked=False, solution=True, grade=True, checksum="0" * 32)


def same_ids(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell["id"] = "same"


def setup_changed(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if grade_id(cell) == "setup":
            cell.source = (
                "import numpy as np\n"
                "class Check:\n"
                "    def __getattr__(self, n): return lambda *a, **k: None\n"
                "check = Check()"
            )


def moved(notebook: NotebookNode) -> None:
    """Tests first, then the exercises, so that a test runs before anything is defined."""
    first = list(tests(notebook))
    rest = [c for c in notebook.cells if not any(c is t for t in first)]
    notebook.cells = first + rest


def magics(notebook: NotebookNode) -> None:
    """Cells that swallow what follows."""
    for cell in notebook.cells:
        if grade_id(cell) == "A-square":
            cell.source = "%%capture\nimport os\n%load_ext autoreload\n%alias_magic assert_ pass\n%%script false\n'''"


def exercise_deleted(notebook: NotebookNode) -> None:
    notebook.cells = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("solution") is not True]


ATTACKS = (
    of("skip-execution", "The tests have the tag skip-execution.", tagged("skip-execution")),
    of("raises-exception", "The tests have the tag raises-exception, so that their errors are expected.",
       tagged("raises-exception")),
    of("remove-tags", "The tests have tags that remove cells and outputs.",
       tagged("remove_cell", "remove-output", "hide_input", "nbval-skip")),
    of("ids-swapped", "The tests' identities are exchanged in a ring.", ids_swapped),
    of("ids-onto-own", "The tests' identities are given to cells that pass.", ids_onto_own),
    of("points-changed", "The tests are worth a hundred points each.", about_tests(points=100)),
    of("points-negative", "The tests are worth minus a hundred points, or not a number.", about_tests(points=-100)),
    of("tests-copied", "Each test has a copy with the same identity that passes.", copied),
    of("tests-edited", "The tests' text is replaced by `pass`.", edited),
    of("tests-deleted", "The tests are deleted.", deleted),
    of("tests-as-text", "The tests are made Markdown cells.", retyped("markdown")),
    of("tests-as-raw", "The tests are made raw cells.", retyped("raw")),
    of("tests-unlocked", "The tests claim to be exercises that students may change.", unlocked),
    of("tests-as-tasks", "The tests claim to be tasks that are graded by hand, with fifty points.", tasks),
    of("tests-ungraded", "The tests claim that they are not graded.", about_tests(grade=False)),
    of("exercises-graded", "The student's own cells claim to be worth fifty points.", answer_graded),
    of("schema-forged", "The metadata claims to be of an old and of a future schema.", about_tests(schema_version=0)),
    of("schema-future", "The metadata claims to be of a schema that nobody knows.", about_tests(schema_version=99)),
    of("schema-text", "The schema is a text, the points are a list.",
       about_tests(schema_version="x", points=[2], locked="no")),
    of("checksum-forged", "The checksums are forged.", about_tests(checksum="0" * 32)),
    of("metadata-no-dict", "The metadata of the tests is a list.", raw=not_a_dict),
    of("metadata-none", "There is no metadata.", raw=no_metadata),
    of("source-is-a-number", "The text of cells is a number.", raw=odd_source),
    of("version-future", "The notebook claims a future version of the format.", raw=version(99, 0)),
    of("version-old", "The notebook claims version 3 of the format and has none of its parts.", raw=version(3, 0)),
    of("version-text", "The version of the format is a text.", raw=version("four", None)),
    of("kernel-elsewhere", "The kernelspec names another kernel, by a path.",
       kernelspec(name="../../../tmp/evil", display_name="x", language="bash")),
    of("kernel-argv", "The kernelspec brings a command of its own.", kernelspec(
        name="python3", display_name="Python 3", language="python",
        argv=["sh", "-c", "echo BREACH > /tmp/breach"], env={"PYTHONSTARTUP": "/tmp/x"})),
    of("kernel-provisioner", "The notebook's metadata names a kernel provisioner.", provisioner),
    of("results-within", "Outputs, scores and notes are handed in, ready made.", results_within),
    of("same-cell-ids", "All cells have the same id.", same_ids),
    of("setup-changed", "The locked first cell is changed to import other checks.", setup_changed),
    of("tests-first", "The tests stand before everything else.", moved),
    of("magics", "Cells that begin with cell magics and end in an open text.", magics),
    of("exercises-deleted", "All of the student's own cells are deleted.", exercise_deleted),
)  # fmt: skip
