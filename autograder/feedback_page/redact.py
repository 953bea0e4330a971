"""What a student may read of a test that is not shown: the kind of the mistake, never a number, a name or a line of it.

A message of a hidden test is rebuilt from what students can read anyway: the words of `helpers/check` and of their
notebook. Numbers go, and so does whatever their own code may have said while it held the hidden numbers.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import helpers

from ..leaks import squeeze
from ..source import Assignment, Cell, regions
from .safe import one_line, plain

HIDDEN, RUBRIC = "HIDDEN TESTS", "MARK SCHEME"
GAP = "…"
SHORTEST = 10
"""Characters without white space from which a line is recognised in a student's output."""
PLACE = re.compile(r"\b(?:section|figure|fig\.|table|equation|appendix)\s+\d+(?:\.\d+)*", re.IGNORECASE)
NUMBER = re.compile(
    r"(?<![\w.…])[-+−]?(?:0x[0-9a-f]+|\d[\d_,]*\.?\d*(?:e[-+]?\d+)?|\.\d+)(?:/\d+)?[%×]?|\b(?:nan|inf)\b", re.IGNORECASE
)
WORD = re.compile(r"[^\W_]+")
QUOTED = re.compile(r"`[^`]*`|'[^']*'|\"[^\"]*\"|“[^”]*”")
RAISED = re.compile(r"\braised (\w+).*", re.DOTALL)
GIVEN = re.compile(r"\(\w+(?:: .*?)?\)(?=\. Results should be plain)", re.DOTALL)
MARK = re.compile(r"your \S+ is (?:higher|lower) than the instructor's mark by more than one\.?.*", re.DOTALL)
REVIEW = re.compile(r"\b[Rr]eview (\d)\b")


@dataclass(frozen=True)
class Secrets:
    """What the hidden tests and rubrics of an assignment hold and its students can't see."""

    lines: tuple[str, ...]
    strings: tuple[str, ...]
    public: str

    def in_text(self, text: str) -> bool:
        """Whether a line or a longer string of a hidden region stands in the text, however it is wrapped."""
        squeezed = squeeze(plain(text))
        return any(line in squeezed for line in self.lines)

    def without(self, text: str) -> str:
        """The text less every string of a hidden region; of those, only places in a paper are kept."""
        for string in self.strings:
            if string in text:
                places = ", ".join(dict.fromkeys(PLACE.findall(string)))
                text = text.replace(string, f"({places})" if places else GAP)
        return text


def hidden_regions(source: str, marker: str = HIDDEN) -> list[list[str]]:
    """The lines of each hidden region; an unclosed one goes to the end, because a doubt must not show anything."""
    try:
        return list(regions(source, marker))
    except ValueError:
        lines = source.splitlines()
        first = next((i for i, line in enumerate(lines) if f"BEGIN {marker}" in line), len(lines))
        return [lines[first + 1 :]]


def shown(source: str) -> str:
    """A cell's source less its hidden tests, rubrics and model solutions."""
    kept, inside = [], False
    for line in source.splitlines():
        edge = re.search(rf"(BEGIN|END) (?:{HIDDEN}|{RUBRIC}|SOLUTION)", line)
        inside = edge[1] == "BEGIN" if edge else inside
        if not inside and not edge:
            kept.append(line)
    return "\n".join(kept)


def secrets(assignment: Assignment, sources: Iterable[str] = ()) -> Secrets:
    """Of an assignment, and of the sources of a notebook's test cells where they differ from it."""
    known = {line for cell in assignment.cells for region in hidden_regions(cell.text) for line in region}
    others = [s for s in sources if any(line not in known for region in hidden_regions(s) for line in region)]
    return _secrets(assignment.cells, tuple(others))


@lru_cache(maxsize=8)
def _secrets(cells: tuple[Cell, ...], others: tuple[str, ...]) -> Secrets:
    visible = [shown(c.text) for c in cells if not (c.kind == "answer" and "BEGIN SOLUTION" not in c.text)]
    public = "\n".join(visible)
    squeezed = squeeze(public)
    lines, strings = set(), set()
    for source in [*(c.text for c in cells), *others]:
        for region in hidden_regions(source):
            lines |= {squeeze(line) for line in region}
            strings |= set(_strings("\n".join(region)))
        for region in hidden_regions(source, RUBRIC):
            sentences = re.split(r"(?<=[.!?;:])\s+|\n", "\n".join(region))
            lines |= {squeeze(sentence) for sentence in sentences if len(sentence.split()) > 3}
    # A long string of a hidden test is recognised in an output, too.
    lines |= {squeeze(string) for string in strings if len(string) >= 2 * SHORTEST}
    return Secrets(
        lines=tuple(sorted(line for line in lines if len(line) >= SHORTEST and line not in squeezed)),
        strings=tuple(sorted((s for s in strings if len(s) > 2 and s not in public), key=len, reverse=True)),
        public=public,
    )


def _strings(source: str) -> Iterator[str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@lru_cache(maxsize=1)
def check_texts() -> str:
    """The text of helpers/check, which every student has."""
    files = sorted((Path(helpers.__file__).parent / "check").glob("*.py"))
    # Joined literals that stand in several lines, so that a message's words are found next to each other.
    return re.sub(r"\"\s*\n?\s*f?\"", "", "\n".join(file.read_text(encoding="utf-8") for file in files))


@lru_cache(maxsize=8)
def vocabulary(public: str) -> frozenset[str]:
    return frozenset(word.lower() for word in WORD.findall(check_texts() + "\n" + public) if not word.isdigit())


def redacted(message: str, known: Secrets) -> str:
    """What may be told of a hidden test's message, in one line; "" where too little is left to mean anything."""
    text = known.without(one_line(message, 1200))
    places = ", ".join(dict.fromkeys(PLACE.findall(text))) if MARK.search(text) else ""
    text = MARK.sub("your mark is not within one of the instructor's.", text)
    text = RAISED.sub(lambda found: _raised(found[1], found[0]), text)
    text = GIVEN.sub("", text)
    text = QUOTED.sub(lambda found: found[0] if found[0][1:-1] in known.public else GAP, text)
    reviews = REVIEW.findall(text)
    text = REVIEW.sub("review #", text)
    text = _numbers(text)
    words = vocabulary(known.public)
    text = WORD.sub(lambda found: found[0] if found[0].lower() in words or found[0].isdigit() else GAP, text)
    text = re.sub("review #", lambda _: f"review {reviews.pop(0)}", text)
    if places:
        text += f" Read again: {places}."
    text = _tidy(text)
    told = WORD.findall(text)
    return text if len(told) >= 3 and len(told) > text.count(GAP) else ""


def _raised(name: str, rest: str) -> str:
    """An error in a student's code: its kind if it is Python's, and the check's advice; not what it says."""
    kind = getattr(builtins, name, None)
    told = f"raised {name}" if isinstance(kind, type) and issubclass(kind, BaseException) else "raised an error"
    sentences = re.split(r"(?<=[.?!`])\s+", rest)[1:]
    advice = [s for s in sentences if len(s) > 20 and s in check_texts()]
    return " ".join([f"{told}.", *advice])


def _numbers(text: str) -> str:
    """Without numbers, except those that `helpers/check` itself writes between the same two words."""
    templates = check_texts()

    def keep(found: re.Match[str]) -> str:
        before = re.search(r"\S+\s*$", text[: found.start()])
        after = re.match(r"\s*\S+", text[found.end() :])
        context = (before[0] if before else "") + found[0] + (after[0] if after else "")
        inside = before and after and "{" not in context and WORD.search(before[0]) and WORD.search(after[0])
        return found[0] if inside and context in templates else GAP

    return NUMBER.sub(keep, text)


def _tidy(text: str) -> str:
    gap = re.escape(GAP)
    text = re.sub(rf"[-+−]?{gap}(?:\s*[-+*/×=:,.]?\s*{gap})+", GAP, text)
    text = re.sub(rf"[\[(]+\s*{gap}(?:,\s*)?\s*[\])]+", f"({GAP})", text)
    text = re.sub(r"\s+([.,;:?!)])", r"\1", " ".join(text.split()))
    return text[:1].upper() + text[1:]
