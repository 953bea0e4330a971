"""Run a rebuilt notebook: the student's cells in K, the test cells in T, and go on whatever one of them does.

K is a sandboxed process that holds what the student wrote, T a trusted one that holds the tests and asks K over a
socket. What K says counts for nothing but as plain data in replies to T; a test cell's outputs are T's own, with what
was printed in K before them.
"""

from __future__ import annotations

import copy
import platform
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from nbformat import NotebookNode

from ..authoring.snapshot import Snapshot
from ..authoring.source import grade_id, label
from ..judge.judge import chosen
from ..kernel.meter import PATIENCE
from ..kernel.output_collector import Room
from ..submission import nbgrader_rules as rules
from . import skip_failing
from .waiting import needed, taken_back

LAST_SECONDS = 2
RESTARTS = 12
OVERTIME, ALL = 1.1, 1.2
"""Parts of the budget: where the last cell may begin, and where the last hidden part must end."""
STARVED = 0.25
"""Seconds that a machine lets a hand-in wait for each that it uses, from which on it is too busy to judge by."""
OUTPUT_IN_ALL = 4_000_000
"""Bytes of output of all of a notebook's cells; a single one's limit is its kernel's (`sandbox.Limits`)."""
FROM_K = ("text/plain", "image/png", "image/jpeg")
LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3}, "file_extension": ".py", "mimetype": "text/x-python",
    "name": "python", "nbconvert_exporter": "python", "pygments_lexer": "ipython3",
}  # fmt: skip


class Process(Protocol):
    """What K and T have in common; see autograder.kernel and autograder.judge."""

    why: str

    @property
    def alive(self) -> bool: ...

    def run(self, source: str, seconds: float, beside: Sequence[Any] = (), **more: Any) -> Any: ...

    def kill(self, why: str = "") -> None: ...


@dataclass(frozen=True)
class Machine:
    """Where a notebook runs: makers of K and T. `start_k` gets K's end of their socket; `words` says of T what the
    sandbox's own words don't."""

    start_k: Callable[[socket.socket], Process]
    start_t: Callable[[], Any]
    words: Callable[[], str] = str


@dataclass
class Done:
    """In which cells Python ended, and how: for the instructor alone. Code in a hidden part can choose all of it.
    `left_out` says which outputs were too many, `starved` that time ran out while a busy machine kept it waiting,
    `skipped` which lines of the student's own cells were passed over."""

    dead: str = ""
    left_out: str = ""
    starved: bool = False
    skipped: list[str] = field(default_factory=list)


def execute(notebook: NotebookNode, snapshot: Snapshot, machine: Machine, timeout: float, budget: float) -> Done:
    """Run all code cells of `notebook` and put their outputs into it, as nbclient would.

    `timeout` and `budget` are seconds for one cell and for all, restarts included: what `kernel.meter` counts, or the
    time on the clock over `PATIENCE` where that is more. Once a cell ran out of time, each later one gets a quarter:
    the same loop is often called again. When the budget is used up each cell gets two seconds, as long as a tenth of
    the budget lasts. After a death a fresh K runs the earlier student's cells again, but
    the deadly ones. Hidden parts of tests come last, until 1.2 budgets have gone by; see `waiting`. What stood in the
    notebook before the first of them stays as it was.
    """
    run = Run(notebook, snapshot, machine, timeout, budget)
    try:
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                run.cell(index, cell)
        run.hidden_parts()
        run.done.left_out = run.room.words if run.room.over else ""
        run.done.starved = run.late and run.waited >= STARVED * run.used
    finally:
        run.close()
    notebook.metadata["language_info"] = NotebookNode(LANGUAGE | {"version": platform.python_version()})
    return run.done


class Run:
    """A notebook on its way through K and T, cell by cell."""

    def __init__(
        self, notebook: NotebookNode, snapshot: Snapshot, machine: Machine, timeout: float, budget: float
    ) -> None:
        self.notebook, self.snapshot, self.machine = notebook, snapshot, machine
        self.timeout, self.budget = timeout, budget
        self.started, self.used, self.waited = time.monotonic(), 0.0, 0.0
        self.end = budget * OVERTIME
        self.room = Room(OUTPUT_IN_ALL)
        self.late = False
        self.count = 0
        self.restarts = -1
        self.ran: list[int] = []
        self.deadly: set[int] = set()
        self.played = 0
        self.until: int | None = None
        self.waiting: list[tuple[int, NotebookNode]] = []
        self.lost: dict[int, list[tuple[int, NotebookNode]]] = {}
        self.told = False
        self.again: dict[int, str] = {}
        self.causes: dict[str, str] = {}
        self.k: Any = None
        self.t: Any = None
        self.done = Done()

    def cell(self, index: int, cell: NotebookNode) -> None:
        cell.outputs, cell.execution_count = [], None
        if not cell.source.strip():
            return
        known = self.snapshot.known.get(grade_id(cell))
        judged = known is not None and known.judged
        if not judged and self._taken_back(cell):
            self.waiting_parts()
            self.told = True
        if self.told:
            cell.metadata["course"] = NotebookNode(cell.metadata.get("course", {}), told=True)
        if not self._ready():
            cell.outputs = [error("NotRun", f"This cell was not run, because {self._why()}.")]
            return
        self.count += 1
        cell.execution_count = self.count
        spent, allowed = self._left() <= 0, self._seconds()
        if judged:
            ran = self._judge(cell, allowed, which=False)
            cell.outputs = merged(ran.beside, ran.outputs)
            self._still_there(ran)
            skip_failing.explain(cell, self.causes)
            if ran.status == "ok" and chosen(cell.source, True):
                self.waiting.append((index, cell))
        else:
            ran = self._through(index, cell, own=known is None or not known.locked)
            cell.outputs = ran.outputs
            skip_failing.explain(cell, self.causes)
            if lost := self._lost(ran.changed):
                self.lost.setdefault(len(self.ran), []).extend(lost)
                self.waiting = [one for one in self.waiting if one not in lost]
            self.ran.append(index)
            self.played = len(self.ran)
        self._look(index, cell, judged, ran, allowed, spent)
        self._finish(cell, judged)

    def hidden_parts(self) -> None:
        """What is left of the test cells, when the student's last cell has run."""
        self.budget = self.end = self.budget * ALL
        self.restarts = min(self.restarts, RESTARTS - 3)
        self.waiting_parts()
        if self.lost:
            self.restarts = min(self.restarts, RESTARTS - 3)
            self.k.kill()
        for place, tests in sorted(self.lost.items()):
            self.until, self.waiting = place, tests
            if self.k.alive:
                self._replay()
            self.waiting_parts()

    def waiting_parts(self) -> None:
        """The hidden parts of the tests that have run, now."""
        for cell in self.notebook.cells if self.waiting else ():
            if "outputs" in cell:  # K could still update what it has displayed in one
                cell.outputs = copy.deepcopy(cell.outputs)
        for index, cell in self.waiting:
            shown = len(cell.outputs)
            cell.metadata["course"] = NotebookNode(cell.metadata.get("course", {}), hidden_from=shown)
            if not self._ready():
                words = f"The hidden part of this test was not run, because {self._why()}."
                cell.outputs.append(error("NotRun", words))
                continue
            spent, allowed = self._left() <= 0, self._seconds()
            ran = self._judge(cell, allowed, which=True)
            cell.outputs += merged([], ran.outputs)
            self._still_there(ran)
            self._look(index, cell, True, ran, allowed, spent)
            self._finish(cell, True)
        self.waiting = []

    def _through(self, index: int, cell: NotebookNode, own: bool) -> skip_failing.Passed:
        def run(source: str) -> Any:
            return self._student(source, self._seconds(), self.count, self._needed())

        # What ran after hidden parts of tests may tell of them: neither in notes nor in reasons.
        passed = skip_failing.through(cell.source, label(cell, index), run, own, {} if self.told else self.causes)
        if not self.told and cell.source not in self.snapshot.handed_out:
            self.done.skipped += passed.notes
        self.again[index] = passed.ran
        return passed

    def _student(self, source: str, seconds: float, count: int | None = None, watch: Sequence[str] = ()) -> Any:
        """Run something in K, after which its names may name something else; it says which of those to `watch` do."""
        return self._count(self.k.run(source, seconds, count=count, watch=watch))

    def _judge(self, cell: NotebookNode, seconds: float, which: bool) -> Any:
        """Run a test's parts before the first hidden one, or the others, in T."""
        about = {"count": cell.execution_count, "which": which}
        return self._count(self.t.run(cell.source, seconds, beside=(self.k,), **about))

    def _count(self, ran: Any) -> Any:
        self.used, self.waited = self.used + ran.used, self.waited + max(0.0, ran.seconds - ran.used)
        return ran

    def _earlier(self) -> list[str]:
        return [self.notebook.cells[index].source for index in self.ran]

    def _taken_back(self, cell: NotebookNode) -> bool:
        return bool(self.waiting and taken_back(cell.source, self._earlier(), [c.source for _, c in self.waiting]))

    def _needed(self) -> list[str]:
        """What the waiting hidden parts need of the student's names."""
        return sorted(needed(self._earlier(), [c.source for _, c in self.waiting])) if self.waiting else []

    def _lost(self, changed: Sequence[str]) -> list[tuple[int, NotebookNode]]:
        """The waiting hidden parts that need one of these names."""
        return [one for one in self.waiting if changed and needed(self._earlier(), [one[1].source]) & {*changed}]

    def _still_there(self, ran: Any) -> None:
        """After a test: see that K can still be asked."""
        if (ran.status == "timeout" or ran.answer.get("gone")) and self.k.alive:
            answered = self._student("pass", LAST_SECONDS).status == "ok"
            if self.k.alive and (not answered or ran.answer.get("gone")):
                self.k.kill("it cut the line to its judge" if answered else "it could not be interrupted")

    def _finish(self, cell: NotebookNode, judged: bool) -> None:
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
        rules.limit(cell)
        if judged:
            rules.settle(cell)

    def close(self) -> None:
        for process in (self.k, self.t):
            if process is not None:
                process.kill()

    def _look(self, index: int, cell: NotebookNode, judged: bool, ran: Any, allowed: float, spent: bool) -> None:
        """What became of K, in words."""
        place, kept = label(cell, index), [o for o in cell.outputs if not _says(o, "Timeout", "KernelDied")]
        if ran.status == "timeout":
            limit = f"it ran longer than {allowed:g} s, not counting what a busy machine let it wait"
            if spent:
                limit = "the time for the whole submission was used up"
            elif ran.used < allowed:
                limit = f"the machine was so busy that it was not done after {PATIENCE * allowed:g} s"
            elif self.late:
                limit += "; after the first such cell each gets a quarter of the time"
            self.late = True
            cell.outputs = [*kept, error("TimeUp", f"This cell was stopped, because {limit}.")]
            words = f"cell {place} ran longer than {allowed:g} s and could not be interrupted"
        else:
            words = f"Python itself ended in cell {place}" + (f" ({self.k.why})" if self.k.why else "")
        if self.k.alive:
            return
        if not judged:
            self.deadly.add(index)
        if ran.status != "timeout":
            cell.outputs = [*kept, error("KernelDied", f"Python itself ended in this cell: {self.k.why}.")]
        self.done.dead += f"; {words}" if self.done.dead else words

    def _ready(self) -> bool:
        """K and T are there, after a death with what stood before, and there is time to ask them."""
        if self._spent() >= self.end:
            self.late = True
            return False
        while self.k is None or not self.k.alive or not self.t.alive:
            if self.restarts >= RESTARTS or (self.restarts >= 0 and self._left() <= 0):
                return False
            self.restarts += 1
            self._start()
            self._replay()
        return True

    def _why(self) -> str:
        return self.done.dead if self.done.dead and self._spent() < self.end else "no time was left"

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            if self.k is not None:
                self.k.kill()
            self.k = self.machine.start_k(theirs)
            self.k.room = self.room
            if self.t is None or not self.t.alive:
                self.t = self.machine.start_t()
            self.t.attach(ours)
        self.played = 0

    def _replay(self) -> None:
        """Earlier cells of the student again, without outputs; those that now fail to end are left out, too."""
        self.k.room = Room(0)
        for index in self.ran[self.played : self.until]:
            self.played += 1
            if index in self.deadly:
                continue
            if self._left() <= 0:
                break
            cell = self.notebook.cells[index]
            self._student(self.again[index], self._seconds(), cell.execution_count)
            if not self.k.alive:
                self.deadly.add(index)
                return
        self.k.room = self.room

    def _spent(self) -> float:
        return max(self.used, (time.monotonic() - self.started) / PATIENCE)

    def _left(self) -> float:
        return self.budget - self._spent()

    def _seconds(self) -> float:
        allowed = self.timeout / (4 if self.late else 1)
        return max(LAST_SECONDS, int(min(allowed, self._left())))


def merged(beside: Sequence[NotebookNode], own: Sequence[NotebookNode]) -> list[NotebookNode]:
    """A test cell's outputs: what was printed and drawn in K, then T's own. Standard error costs no points."""
    found: list[NotebookNode] = []
    for output in beside:
        if output.output_type == "display_data":
            data = {kind: output.data[kind] for kind in FROM_K if kind in output.data}
            output = NotebookNode(output_type="display_data", data=NotebookNode(data), metadata=NotebookNode())
        found.append(output)
    kept: list[NotebookNode] = []
    for output in [*found, *own]:
        if output.output_type == "stream":
            output = NotebookNode(output_type="stream", name="stdout", text=output.text)
            if kept and kept[-1].output_type == "stream":
                kept[-1].text += output.text
                continue
        kept.append(output)
    return kept


def _says(output: NotebookNode, *names: str) -> bool:
    return output.output_type == "error" and output.ename in names


def error(ename: str, evalue: str) -> NotebookNode:
    return NotebookNode(output_type="error", ename=ename, evalue=evalue, traceback=[f"{ename}: {evalue}"])
