"""Check of the form: who is in the group, who did what, what the group would present."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from helpers.check.core.report import Mistake, check


@check("Form", "'The form'")
def form(group: Any, ready_to_present: Any, *, parts: Sequence[str], most: int = 4) -> Iterator[str]:
    """One to four members, each with name and work done; parts that exist."""
    example = '{"name": "Ada Lovelace", "id": "a123", "did": "parts A and B"}'
    if not isinstance(group, list | tuple) or not all(isinstance(m, dict) for m in group):
        raise Mistake("form-not-a-list", f"`group` should be a list of entries such as {example}.")
    filled = [m for m in group if str(m.get("name", "")).strip()]
    if not filled:
        raise Mistake("still-to-do", "Still to do: write the names of the group's members into the form.")
    if len(filled) > most:
        raise Mistake("group-too-large", f"The group has {len(filled)} members; at most {most} are allowed.")
    for member in filled:
        if not str(member.get("did", "")).strip():
            raise Mistake("who-did-what", f"Say in a few words what {member['name']} did (`did`).")
    yield f"{len(filled)} member{'s' if len(filled) > 1 else ''}, each with their share of the work"
    if not isinstance(ready_to_present, list | tuple | set):
        raise Mistake("parts-not-a-list",
                      f"`ready_to_present` should be a list of part letters such as {list(parts)[:2]}, or empty.")
    wrong = [p for p in ready_to_present if p not in parts]
    if wrong:
        raise Mistake("unknown-part", f"There is no part {wrong[0]!r}; the parts are {', '.join(parts)}.")
    yield f"ready to present: {', '.join(map(str, ready_to_present)) or 'nothing, which costs no points'}"
