"""Read an assignment's bank of mistakes: Markdown in solutions/NAME/mistakes/.

    EXERCISE.md                  wrong solutions: a section each, its heading the names that a check may give it
    right/EXERCISE.md            different right ones; the heading says what is different
    right/several_exercises.md   right ones of several exercises: a ### heading before each cell, or
                                 `- EXERCISE: heading` for one of right/EXERCISE.md, which then runs only there
    stand_ins.md                 what runs in the place of cells that train or measure, where nothing changes them

A section holds the student's cell (```python), or its difference from the model solution's (```diff), or, under
`## NAMES, in "HEADING"`, from the right one with that heading. Anything else is prose.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt

from helpers.errors import CourseError

from ..authoring.source import read as read_source
from ..course import Course

WRONG = re.compile(r'([\w-]+(?: \| [\w-]+)*)(?:, in "(.+)")?')
MARKER = re.compile(r"\s*### (BEGIN|END) SOLUTION\s*")


@dataclass(frozen=True)
class Solution:
    """A solution of some exercises, the model solution in all others.

    `cells`: cell -> its text. `named`: the mistakes of which a check must name one; none for a right solution.
    `place`: file and line.
    """

    name: str
    cells: dict[str, str]
    named: tuple[str, ...] = ()
    place: str = ""


@dataclass(frozen=True)
class Bank:
    """All solutions of one assignment.

    `stand_ins`: cell -> the text that takes its place where nothing changes it. `parts`: right ones of an exercise that
    run in one of several exercises.
    """

    assignment: str
    wrong: list[Solution]
    right: list[Solution]
    stand_ins: dict[str, str] = field(default_factory=dict)
    parts: list[Solution] = field(default_factory=list)

    @property
    def solutions(self) -> list[Solution]:
        """The wrong ones, then the right ones."""
        return [*self.wrong, *self.right]

    def __getitem__(self, name: str) -> Solution:
        return next(solution for solution in (*self.solutions, *self.parts) if solution.name == name)


@dataclass
class Section:
    """What stands under a `##` heading. `blocks`: cell, "python" or "diff", text, place; `same`: cell -> heading."""

    heading: str
    place: str
    blocks: list[tuple[str, str, str, str]] = field(default_factory=list)
    same: dict[str, str] = field(default_factory=dict)


def load(name: str, course: Course | None = None) -> Bank:
    """The bank of an assignment; CourseError, with a sentence for each fault, where something does not fit."""
    course = course or Course()
    folder = course.solutions / name / "mistakes"
    if not folder.is_dir():
        raise CourseError(f"There is no mistake bank for {name!r}: no folder solutions/{name}/mistakes.")
    cells = {cell.id: model(cell.text) for cell in read_source(course.source(name))[0].cells if cell.type == "code"}
    reader = Reader(cells)
    stand_ins: dict[str, str] = {}
    for section in reader.sections(folder / "stand_ins.md"):
        stand_ins |= reader.texts(section, cell=section.heading)
    right = [
        reader.right(section, path.stem)
        for path in sorted((folder / "right").glob("*.md"), key=lambda path: (path.stem == "several_exercises", path))
        for section in reader.sections(path)
    ]
    wrong = [
        reader.wrong(section, path.stem)
        for path in sorted(folder.glob("*.md"))
        if path.stem != "stand_ins"
        for section in reader.sections(path)
    ]
    if reader.faults:
        raise CourseError(f"solutions/{name}/mistakes: " + " ".join(reader.faults))
    alone, parts = ([s for s in right if (s.name in reader.listed) == listed] for listed in (False, True))
    return Bank(name, wrong, alone, stand_ins, parts)


def model(text: str) -> str:
    """A cell of the source without the lines that mark its solution, which a student's cell does not have."""
    return "\n".join(line for line in text.splitlines() if not MARKER.fullmatch(line))


class Reader:
    """Sections into solutions. `faults`: a sentence for each thing that does not fit."""

    def __init__(self, cells: dict[str, str]) -> None:
        self.cells = cells
        self.faults: list[str] = []
        self.rights: dict[str, str] = {}
        self.listed: set[str] = set()
        self.numbers: Counter[str] = Counter()

    def sections(self, path: Path) -> Iterator[Section]:
        """The sections of a file, in its order; none where there is no such file."""
        section, cell = None, path.stem
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        file = f"right/{path.name}" if path.parent.name == "right" else path.name
        tokens = MarkdownIt("commonmark").parse(text)
        inside: list[str] = []
        for token, after in pairwise([*tokens, *tokens[-1:]]):
            place = f"{file}:{token.map[0] + 1}" if token.map else file
            if token.type == "heading_open" and token.tag == "h2":
                if section:
                    yield section
                section, cell = Section(after.content, place), path.stem
            elif token.type == "heading_open" and token.tag == "h3":
                cell = after.content
            elif token.type == "fence" and section:
                section.blocks.append((cell, token.info, token.content, place))
            elif token.type == "inline" and section and inside[-2:] == ["list_item_open", "paragraph_open"]:
                other, _, heading = token.content.partition(": ")
                section.same[other] = heading
            inside.append(token.type)
        if section:
            yield section

    def right(self, section: Section, stem: str) -> Solution:
        cells = self.texts(section)
        for cell, heading in section.same.items():
            text = self.rights.get(f"{cell}: {heading}")
            if text is None:
                self.faults.append(f"{section.place}: right/{cell}.md has no section {heading!r}.")
            cells[cell] = text or ""
            self.listed.add(f"{cell}: {heading}")
        name = f"{stem}: {section.heading}" if stem in self.cells else section.heading
        self.numbers[name] += 1
        if self.numbers[name] > 1:
            self.faults.append(f"{section.place}: there are two sections {section.heading!r}; rename one.")
        self.rights |= {f"{cell}: {section.heading}": text for cell, text in cells.items()}
        return Solution(name, cells, place=section.place)

    def wrong(self, section: Section, stem: str) -> Solution:
        heading = WRONG.fullmatch(section.heading)
        if not heading:
            said = "is not `## name`, `## name | name` or `## name, in \"right solution\"`"
            self.faults.append(f"{section.place}: the heading {section.heading!r} {said}.")
            return Solution(section.heading, {})
        named, other = tuple(heading[1].split(" | ")), heading[2]
        base = self.rights.get(f"{stem}: {other}")
        if other and base is None:
            self.faults.append(f"{section.place}: right/{stem}.md has no section {other!r}.")
        label = f"{stem}: {named[0]}"
        self.numbers[label] += 1
        number = f" ({self.numbers[label]})" if self.numbers[label] > 1 else ""
        bases = self.cells if base is None else {**self.cells, stem: base}
        return Solution(label + number, self.texts(section, bases), named, section.place)

    def texts(self, section: Section, bases: dict[str, str] | None = None, cell: str = "") -> dict[str, str]:
        """cell -> text of a section. bases: what its differences are from. cell: the one that is meant."""
        found: dict[str, str] = {}
        for written, language, text, place in section.blocks:
            name = cell or written
            if name not in self.cells:
                self.faults.append(f"{place}: the notebook has no code cell {name!r}.")
            elif name in found:
                self.faults.append(f"{place}: the cell {name!r} is there twice; put `### CELL` before another cell's.")
            elif language == "python":
                found[name] = text
            elif language == "diff":
                try:
                    found[name] = patched((bases or self.cells)[name], text)
                except ValueError as error:
                    self.faults.append(f"{place}: {error} (cell {name})")
            else:
                self.faults.append(f"{place}: write ```diff or ```python, not ```{language}.")
        if not section.blocks and not section.same:
            said = "has no code; put a ```diff or ```python under it"
            self.faults.append(f"{section.place}: {section.heading!r} {said}.")
        return found


def patched(text: str, diff: str) -> str:
    """A cell with a difference applied: lines begin with "-", "+" or " "; a line `@@` parts one place from the next.

    ValueError, with a sentence, where its lines are not found exactly once.
    """
    lines, changes = text.splitlines(), []
    for hunk in filter(None, re.split(r"^@@.*\n", diff, flags=re.MULTILINE)):
        rows = hunk.splitlines()
        strange = [row for row in rows if row and row[0] not in "-+ "]
        if strange:
            raise ValueError(f"{strange[0]!r} begins with none of '-', '+' and a space.")
        old = [row[1:] for row in rows if not row.startswith("+")]
        new = [row[1:] for row in rows if not row.startswith("-")]
        places = [i for i in range(len(lines)) if old and lines[i : i + len(old)] == old]
        if len(places) != 1:
            said = "is not there" if not places else f"is there {len(places)} times; add lines around it"
            raise ValueError(f"What begins with {(old or new or [''])[0].strip()!r} {said}.")
        changes.append((places[0], len(old), new))
    for place, length, new in sorted(changes, reverse=True):
        lines[place : place + length] = new
    return "\n".join(lines)
