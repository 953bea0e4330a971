"""What a made-up student hands in, told as changes of the model solution.

`solutions/NAME/class/students.py` gives STUDENTS, a list of Student, and `expected.csv` beside it what they score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Edit:
    """Replace `old`, which must occur, by `new` in the student's cell `grade_id`; at most `count` times."""

    grade_id: str
    old: str
    new: str
    count: int = -1


@dataclass(frozen=True)
class Student:
    """One hand-in.

    `done` says which exercises, answers and the form are taken from the model solution: None for all, else
    part letters or ids; the rest stays as released. Then come `replace` (id -> whole source), `edits`,
    `form` (its values of group and ready_to_present), `cells_added` (after id, source of a code cell),
    `cells_removed` and `cells_copied` (ids, the copy stands right behind). `raw` is the notebook file's
    bytes instead of all that; `empty` hands in a folder without a file; `filename` is the notebook's name if
    it is not NAME.ipynb.
    """

    name: str
    about: str
    done: Sequence[str] | None = None
    edits: Sequence[Edit] = ()
    replace: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, Any] | None = None
    cells_added: Sequence[tuple[str, str]] = ()
    cells_removed: Sequence[str] = ()
    cells_copied: Sequence[str] = ()
    raw: bytes | None = None
    empty: bool = False
    filename: str = ""

    @classmethod
    def untouched(cls, name: str, about: str, **changes: Any) -> Student:
        """The notebook as it was released."""
        return cls(name, about, done=(), **changes)


def form(names: Sequence[str], parts: Sequence[str]) -> dict[str, Any]:
    """What the cell `form` says when these people hand in together and can present these parts."""
    people = [{"name": name, "id": name.lower(), "did": "a fair share"} for name in names]
    return {"group": people, "ready_to_present": list(parts)}
