"""An error is paid for once: what fails only for an earlier mistake is tried again with the model solution in its
place.

This happens in processes of its own. Nothing that they put out is kept, only whether tests pass, so nobody sees
anything of the model solution.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping

from nbformat import NotebookNode

from ..authoring.snapshot import Snapshot
from ..authoring.source import grade_id, without_markers
from ..submission import nbgrader_rules as rules
from ..submission.bindings import names, used
from .execute import Machine, Run
from .needed_cells import needed

WORDS = "With the model solution in place of {} this check passes, so its points are given."


def carry_forward(
    notebook: NotebookNode, snapshot: Snapshot, machine: Machine, timeout: float, budget: float
) -> list[str]:
    """Give an executed notebook's failed tests their points where they pass once earlier failed exercises are right.

    An exercise is tried with the model solution of those failed ones that its own model solution builds on, and of no
    other: it could be a mere call of another. Both must have been written: who leaves an exercise out gets no solution
    of it. Each try has the limits of seconds of the first run. Returns what the instructor should know, in sentences.
    """
    failed = _failed(notebook, snapshot)
    below = _below(snapshot)
    todo = [exercise for exercise in failed if below[exercise] & failed.keys()]
    wrong = dict.fromkeys(failed)
    passed: dict[str, list[str]] = {}
    while todo:
        # All that need the same are tried together, as if those among them were right that others build on.
        need = below[todo[0]] & wrong.keys()
        group: list[str] = []
        for one in todo:
            if (below[one] & wrong.keys()) - {*group} == need:
                group.append(one)
        tests = {exercise: failed[exercise] for exercise in group}
        right: set[str] = set()
        if need:
            of_group = {test for of_one in tests.values() for test in of_one}
            run = Run(_with(notebook, snapshot, need, of_group), snapshot, machine, timeout, budget)
            right = _passing(run, snapshot, tests, below)
        for exercise in group:
            mine = right & {*failed[exercise]}
            passed |= {test: [one for one in failed if one in need] for test in mine}
            if len(mine) == len(failed[exercise]):
                del wrong[exercise]
        spoiled = [one for one in group if one in wrong and below[one] & {*group} & wrong.keys()]
        todo = [one for one in todo if one not in group or one in spoiled]
    for cell in notebook.cells:
        if (name := grade_id(cell)) in passed:
            _give(cell, passed[name])
    given = ", ".join(name for name in map(grade_id, notebook.cells) if name in passed)
    return [f"Points for what fails only for an earlier mistake: {given}."] if given else []


def _failed(notebook: NotebookNode, snapshot: Snapshot) -> dict[str, list[str]]:
    """Exercise that was written -> its tests that do not have all their points, in the order of the notebook."""
    written = {
        name
        for cell in notebook.cells
        if (name := grade_id(cell)) in snapshot.known and cell.source.strip() != snapshot.known[name].released.strip()
    }
    found: dict[str, list[str]] = {}
    graded = {cell.id: cell for cell in snapshot.source.graded} if snapshot.source else {}
    for cell in notebook.cells:
        name = grade_id(cell)
        known = snapshot.known.get(name)
        if name in graded and known and known.judged and (rules.points(cell) or 0) < known.points:
            assert snapshot.source is not None
            exercise = snapshot.source.exercise_of(graded[name])
            if exercise in written:
                found.setdefault(exercise, []).append(name)
    return found


def _below(snapshot: Snapshot) -> dict[str, set[str]]:
    """Exercise -> those above it that its model solution or its tests use, also through others."""
    found: dict[str, set[str]] = {}
    earlier: list[str] = []
    defines: dict[str, frozenset[str]] = {}
    tests: dict[str, list[str]] = {}
    graded = snapshot.source.graded if snapshot.source else []
    for cell in graded:
        if cell.kind == "test" and snapshot.source:
            tests.setdefault(snapshot.source.exercise_of(cell), []).append(snapshot.known[cell.id].source)
    for known in snapshot.cells:
        if known.cell_type != "code" or known.judged:
            continue
        if known.kind == "exercise":
            needs = used([known.model, *tests.get(known.name, ())], earlier)
            found[known.name] = {name for name, own in defines.items() if own & needs - names(known.model).defines}
            defines[known.name] = names(known.model).defines
        earlier.append(known.model)
    return found


def _with(notebook: NotebookNode, snapshot: Snapshot, replaced: set[str], tests: set[str]) -> NotebookNode:
    """The code cells with model solutions of these exercises, down to the last of these tests: the student's own, and
    what these and the tests need of the others."""
    made = copy.deepcopy(notebook)
    last = max(place for place, cell in enumerate(made.cells) if grade_id(cell) in tests)
    cells: list[NotebookNode] = []
    wanted: list[int] = []
    for cell in made.cells[: last + 1]:
        name = grade_id(cell)
        known = snapshot.known.get(name)
        if cell.cell_type != "code" or (known is not None and known.judged and name not in tests):
            continue
        if name in replaced:
            cell.source = without_markers(snapshot.known[name].model)
        if name in tests or cell.source not in snapshot.handed_out:
            wanted.append(len(cells))
        cells.append(cell)
    places = needed([cell.source for cell in cells], wanted)
    made.cells = [cell for place, cell in enumerate(cells) if place in places]
    return made


def _passing(
    run: Run, snapshot: Snapshot, tests: Mapping[str, Collection[str]], below: Mapping[str, Collection[str]]
) -> set[str]:
    """Those of the tests (exercise -> its own) that now have all their points. When one fails, those of exercises that
    build on its exercise are left out: they are tried with the model solution of that one, too."""
    waiting = {test: exercise for exercise, of_one in tests.items() for test in of_one}
    right = set()
    try:
        for index, cell in enumerate(run.notebook.cells):
            name = grade_id(cell)
            known = snapshot.known.get(name)
            if not waiting or (known is not None and known.judged and name not in waiting):
                continue
            run.cell(index, cell)
            run.waiting_parts()
            if name not in waiting:
                continue
            exercise = waiting.pop(name)
            if (rules.points(cell) or 0) >= snapshot.known[name].points:
                right.add(name)
            else:
                waiting = {test: of for test, of in waiting.items() if exercise not in below[of]}
    finally:
        run.close()
    return right


def _give(cell: NotebookNode, replaced: list[str]) -> None:
    """All points, by nbgrader's own rule, and what was said before as text."""
    which = WORDS.format(", ".join(replaced))
    kept = [NotebookNode(output_type="stream", name="stdout", text=f"{which} Before, it said:\n")]
    for output in cell.outputs:
        if output.output_type == "error":
            words = f"{output.ename}: {output.evalue}\n"
            output = NotebookNode(output_type="stream", name="stdout", text=words)
        elif output.output_type == "execute_result":
            output = NotebookNode(output_type="display_data", data=output.data, metadata=output.metadata)
        kept.append(output)
    cell.outputs = kept
    cell.metadata["course"] = NotebookNode(cell.metadata.get("course", {}), carried=which)
