"""What collecting tells the instructor: who gets what, what nobody got, who is missing."""

from __future__ import annotations

from collections import Counter

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ...text import one_line
from .collecting import Collected

SHOWN = 200
"""Characters of a file's name."""


def table(told: Collected) -> Table:
    """A line for each student: the name in the archive, files, notebooks and archives among them, time, late."""
    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("student", "in the archive", "files", "notebooks", "handed in"):
        shown.add_column(column)
    for one in told.given:
        when = " ".join(filter(None, (one.time, "LATE" if one.late else "")))
        cells = (one.student, one.called, str(one.files), str(one.notebooks), when)
        shown.add_row(*(Text(one_line(cell, SHOWN)) for cell in cells))
    return shown


def sentences(told: Collected, dry_run: bool) -> list[str]:
    """The numbers first, then each file that was left out, with its reason; the count of the class last."""
    what = f"named as {told.platform} names them" if told.platform else "named after the students"
    where = f", in {told.around}" if told.around else ""
    said = [f"{len(told.given)} students, {what}{where}."]
    if dry_run:
        said.append("Nothing was written.")
    else:
        said.append(f"{len(told.new)} new, {len(told.changed)} changed, {len(told.unchanged)} as before.")
    if told.zone:
        other = "; --timezone names the platform's, if it is another" if told.zone.startswith("this machine") else ""
        said.append(f"The platform's times were taken to be in the time zone {told.zone}{other}.")
    if late := [one.student for one in told.given if one.late]:
        said.append(f"Marked as LATE by {told.platform}, which says no time: {', '.join(late)}.")
    if teams := [f"{one.team} ({one.student})" for one in told.given if one.team]:
        said.append(
            f"Teams, and who was given their work: {', '.join(teams)}. A column group in a roster gives it to all."
        )
    if bare := [one.student for one in told.given if not one.notebooks]:
        said.append(f"Without a notebook: {', '.join(bare)}.")
    said += _grouped(told.passed_over, "passed over")
    said += _grouped(told.left_out, "left out")
    if told.missing:
        said.append(f"Nothing so far from {', '.join(told.missing)}.")
    said.append(f"{told.known - len(told.missing)} of {told.known} students have handed in.")
    return said


def _grouped(files: list[tuple[str, str]], how: str) -> list[str]:
    """Three files for each reason that many have, and how many more."""
    said, seen = [], Counter(why for _, why in files)
    told: Counter[str] = Counter()
    for path, why in files:
        told[why] += 1
        if told[why] <= 3 or seen[why] < 6:
            said.append(f"{how}: {one_line(path, SHOWN)} ({why})")
        elif told[why] == seen[why]:
            said.append(f"{how}: {seen[why] - 3} more ({why})")
    return said
