"""An error is paid for once: what fails only for an earlier mistake is tried again with the model solution in its
place.

This happens in processes of its own. Nothing that they put out is kept, only whether tests pass, so nobody sees
anything of the model solution.
"""

from __future__ import annotations

import copy

from nbformat import NotebookNode

from ..authoring.snapshot import Snapshot
from ..authoring.source import grade_id, without_markers
from ..submission import nbgrader_rules as rules
from ..submission.bindings import names, used
from .execute import Machine, Run

WORDS = "With the model solution in place of {} this check passes, so its points are given."


def carry_forward(
    notebook: NotebookNode, snapshot: Snapshot, machine: Machine, timeout: float, budget: float
) -> list[str]:
    """Give an executed notebook's failed tests their points where they pass once earlier failed exercises are right.

    Only exercises whose tests use what a failed one defines, also through other cells. Both must have been written:
    who leaves an exercise out gets no solution of it to build on. The same limits of seconds hold as for the first
    run. Returns what the instructor should know, in sentences.
    """
    failed = _failed(notebook, snapshot)
    hopeful = _hopeful(notebook, snapshot, failed)
    if not hopeful:
        return []
    trial = copy.deepcopy(notebook)
    run = Run(trial, snapshot, machine, timeout, budget)
    replaced: list[str] = []
    passed: dict[str, list[str]] = {}
    try:
        for index, cell in enumerate(trial.cells):
            name = grade_id(cell)
            known = snapshot.known.get(name)
            if cell.cell_type != "code":
                continue
            if known is not None and known.judged:
                exercise = next((e for e, tests in failed.items() if name in tests), "")
                if exercise not in hopeful:
                    continue
                run.cell(index, cell)
                run.waiting_parts()
                if (rules.points(cell) or 0) >= known.points:
                    passed[name] = list(replaced)
                if name != failed[exercise][-1]:
                    continue
                hopeful.remove(exercise)
                if not hopeful:
                    break
                if not passed.keys() >= {*failed[exercise]}:
                    replaced.append(exercise)
                    place = next(i for i, c in enumerate(trial.cells) if grade_id(c) == exercise)
                    trial.cells[place].source = without_markers(snapshot.known[exercise].model)
                    run.cell(place, trial.cells[place])
                continue
            if name in failed and name not in hopeful:
                replaced.append(name)
                cell.source = without_markers(snapshot.known[name].model)
            run.cell(index, cell)
    finally:
        run.close()
    for cell in notebook.cells:
        if (name := grade_id(cell)) in passed:
            _give(cell, passed[name])
    given = ", ".join(passed)
    return [f"Points for what fails only for an earlier mistake: {given}."] if passed else []


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


def _hopeful(notebook: NotebookNode, snapshot: Snapshot, failed: dict[str, list[str]]) -> list[str]:
    """Failed exercises whose tests use what an earlier failed one defines."""
    found: list[str] = []
    earlier: list[str] = []
    wrong: set[str] = set()
    for cell in notebook.cells:
        name = grade_id(cell)
        known = snapshot.known.get(name)
        if cell.cell_type != "code" or (known is not None and known.judged):
            continue
        earlier.append(cell.source)
        if name not in failed or known is None:
            continue
        tests = [snapshot.known[test].source for test in failed[name]]
        own = names(cell.source).defines | names(known.model).defines
        if used(tests, earlier) & (wrong - own):
            found.append(name)
        wrong |= own
    return found


def _give(cell: NotebookNode, replaced: list[str]) -> None:
    """All points, by nbgrader's own rule, and what was said before as text."""
    which = WORDS.format(" and ".join(replaced))
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
