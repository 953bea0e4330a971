"""What strangers wrote, as solutions that the mistake bank can run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from autograder.authoring.source import Assignment
from autograder.course import Course
from autograder.mistakes.bank import Bank, Solution
from autograder.mistakes.run import Verdict, judge, prepared, rooms
from autograder.submission.bindings import names

HERE = Path(__file__).parent
ENTRY = re.compile(r"^## (E\d+) \[([^\]]*)\] *(\w*)\n(.*?)^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def read(path: Path, assignment: Assignment) -> Iterator[tuple[Solution, str]]:
    """(solution, what its author says of it) for each entry; its cell is that of its heading, or the exercise that
    defines the names that most entries under its heading define."""
    exercises = {c.id: names(c.text).defines for c in assignment.cells if c.kind in ("exercise", "form")}
    found = ENTRY.findall(path.read_text(encoding="utf-8"))
    votes: dict[str, Counter[str]] = {}
    for _, heading, _, _, code in found:
        own = names(code).defines
        shares = {id_: len(defined & own) / max(1, len(defined | own)) for id_, defined in exercises.items()}
        cell = heading if heading in exercises else max(shares, key=lambda id_: shares[id_])
        votes.setdefault(heading, Counter()).update([cell])
    for entry, heading, habit, prose, code in found:
        ((cell, _),) = votes[heading].most_common(1)
        if "torch." in code and "import torch" not in code:  # theirs stands in another cell
            code = f"import torch\n{code}"
        name, expected = f"{path.stem} {entry} [{heading}] {habit}", ("?",) if path.stem == "wrong" else ()
        yield Solution(name, {cell: code}, expected, f"{path.name} {entry}"), prose.strip()


@cache
def entries(set_: str, name: str) -> dict[str, tuple[Solution, str]]:
    assignment, _ = prepared(name, Course().root)
    files = (HERE / set_ / name / f"{kind}.md" for kind in ("wrong", "right"))
    return {solution.name: (solution, said) for file in files for solution, said in read(file, assignment)}


def verdict(set_: str, name: str, judged: bool, row: str) -> Verdict:
    assignment, bank = prepared(name, Course().root)
    solution = entries(set_, name)[row][0]
    ours = Bank(name, [], [], bank.stand_ins)
    try:
        return judge(assignment, ours, solution, rooms(name, Course().root, judged))
    except Exception as error:  # a right one whose own cell fails
        return Verdict(row, solution.named, "visible", next(iter(solution.cells)), "cell-fails", str(error))


