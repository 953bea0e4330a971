"""What a student may read of a test that is not shown: the kind of the mistake, never a number, a name or a line of it.

A message of a hidden test is rebuilt from what students can read anyway: the words of `helpers/check` and of their
notebook. Numbers go, and so does whatever their own code may have said while it held the hidden numbers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import helpers

from ...authoring.leaks import squeeze
from ...authoring.source import REGIONS, Assignment, Cell, regions, shown
from ...text import one_line, plain

HIDDEN = REGIONS["hidden test"]
RUBRIC = REGIONS["rubric"]
GAP = "…"
SHORTEST = 10
"""Characters without white space from which a line is recognised in a student's output."""
PLACE = re.compile(r"\b(?:section|figure|fig\.|table|equation|appendix)\s+\(?\d+(?:\.\d+)*\)?", re.IGNORECASE)
"""Where to look in a paper. A place is no value of a test."""
DIGITS = r"(?:0x[0-9a-f]+|\d[\d_]*(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?|\.\d+)"
NUMBER = re.compile(rf"(?<![\w.])[-+−]?{DIGITS}(?:/\d+)?[%×]?|\b(?:nan|inf)\b", re.IGNORECASE)
WORD = re.compile(r"\w+")
SENTENCE = re.compile(r"(?<=[.?!)])\s+")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|“[^”]*”")
OPENS, CLOSES = re.compile(r"(?<!\w)['\"“]"), re.compile(r"['\"”](?!\w)")
NAME = re.compile(r"`[^`]*`")
TYPE = re.compile(r"(?<=of type )\w+|(?<=became )\w+|(?<=\()\w+(?=\))|(?<=<)\w+")
"""Where the name of a student's class may stand."""
ORDINARY = frozenset({"list", "tuple", "dict", "str"})
RAISED = re.compile(r"\b(raised|fails with|fails by accident:|can be built[^:]*:) (\w+)")
SAID = re.compile(
    r"\b\w*(?:Error|Exception|Warning|Exit|Interrupt|Iteration)\b(?=: )|\(\w+: (?=.*Results should be plain)", re.DOTALL
)
"""Behind this stands what a student's own code said."""
NAMED = re.compile(r"(?<=: )(\w+)(?=: )")
MARK = re.compile(r"your \S+ is (?:higher|lower) than the instructor's mark by more than one\.?.*", re.DOTALL)
KEPT = re.compile(rf"{PLACE.pattern}|\breview \d\b", re.IGNORECASE)
FIXED = 12
"""Characters of a sentence that is known from `helpers/check` as it stands."""


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
        """The text less every string of a hidden region; of those, only places in a paper are kept. "" where a hidden
        line is left in it even so.
        """
        for string in self.strings:
            if string in text:
                places = ", ".join(dict.fromkeys(PLACE.findall(string)))
                text = text.replace(string, f"({places})" if places else GAP)
        return "" if self.in_text(text) else text


def hidden_regions(source: str, marker: str = HIDDEN) -> list[list[str]]:
    """The lines of each hidden region; an unclosed one goes to the end, because a doubt must not show anything."""
    try:
        return list(regions(source, marker))
    except ValueError:
        lines = source.splitlines()
        first = next((i for i, line in enumerate(lines) if f"BEGIN {marker}" in line), len(lines))
        return [lines[first + 1 :]]


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
    files = sorted((Path(helpers.__file__).parent / "check").rglob("*.py"))
    # Joined literals that stand in several lines, so that a message's words are found next to each other.
    return re.sub(r"\"\s*\n?\s*f?\"", "", "\n".join(file.read_text(encoding="utf-8") for file in files))


@lru_cache(maxsize=8)
def vocabulary(public: str) -> frozenset[str]:
    found = {*WORD.findall(check_texts()), *WORD.findall(public)}
    return frozenset(word.lower() for word in found if not any(c.isdigit() for c in word))


def redacted(message: str, known: Secrets) -> str:
    """What may be told of a hidden test's message, in one line; "" where too little is left to mean anything.

    Sentences that `helpers/check` has word for word stay as they are. Of the others numbers, quotations and words that
    students can't know go, and all that an error of their own code said.
    """
    text = known.without(one_line(message, 1200))
    places = ", ".join(dict.fromkeys(PLACE.findall(text))) if MARK.search(text) else ""
    text = MARK.sub("your mark is not within one of the instructor's.", text)
    text = TYPE.sub(_kind, text)
    head, last = _own_words(text)
    kept = [_sentence(sentence, known) for sentence in SENTENCE.split(_unquoted(head))] + [last]
    if places:
        kept.append(f"Read again: {places}.")
    text = _tidy(" ".join(kept))
    told = WORD.findall(text)
    return text if len(told) >= 3 and len(told) > text.count(GAP) else ""


def _kind(found: re.Match[str]) -> str:
    around = found.string[max(0, found.start() - 8) : found.end() + 1]
    return found[0] if found[0] in ORDINARY or around in check_texts() else GAP


def _own_words(text: str) -> tuple[str, str]:
    """(what the check says up to an error of the student's code, what it says of that error in the end).

    Neither the error's name is told, nor more than one known sentence: whoever raises it chooses both.
    """
    raised, said = RAISED.search(text), SAID.search(text) or NAMED.search(text)
    if raised and (not said or raised.start() < said.start()):
        tail = text[raised.end() :]
        last = next((known for known in advice() if tail.endswith(known)), "") if raised[1] == "raised" else _last(tail)
        return f"{text[: raised.end(1)]} an error.", last
    if said:
        return f"{text[: said.start()]}an error.", _last(text[said.end() :])
    return text, ""


def _last(text: str) -> str:
    last = SENTENCE.split(text)[-1]
    return last if _fixed(last) else ""


@lru_cache(maxsize=1)
def advice() -> list[str]:
    """What checks add to an error of the student's code, the longest first."""
    tree = ast.parse((Path(helpers.__file__).parent / "check/core/ask.py").read_text(encoding="utf-8"))
    found = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "_advice")
    told = [n.value.value for n in ast.walk(found) if isinstance(n, ast.Return) and isinstance(n.value, ast.Constant)]
    return sorted((one.strip() for one in told if isinstance(one, str) and one), key=len, reverse=True)


def _unquoted(text: str) -> str:
    """The text without what the student's code may have put between quotation marks: from the first quotation that
    `helpers/check` does not have behind the same word, to the last mark, because a quotation may hold some, too.
    """
    for opens in OPENS.finditer(text):
        before = re.search(r"\w+[ (]$", text[: opens.start()])
        quoted = QUOTED.match(text, opens.start())
        if not (before and quoted and before[0] + quoted[0] in check_texts()):
            closes = [one.end() for one in CLOSES.finditer(text, opens.end())]
            return f"{text[: opens.start()]}{GAP}{text[max(closes, default=len(text)) :]}"
    return text


def _fixed(sentence: str) -> bool:
    return len(sentence) >= FIXED and "{" not in sentence and sentence in check_texts()


def _sentence(sentence: str, known: Secrets) -> str:
    if _fixed(sentence):
        return sentence
    sentence = NAME.sub(lambda found: found[0] if _public(found[0], known) else GAP, sentence)
    words = vocabulary(known.public)
    kept = []
    for part in re.split(f"({KEPT.pattern})", sentence, flags=re.IGNORECASE):
        if not KEPT.fullmatch(part):
            part = NUMBER.sub(GAP, part)
            part = WORD.sub(lambda found: found[0] if found[0].lower() in words else GAP, part)
        kept.append(part)
    return "".join(kept)


def _public(quotation: str, known: Secrets) -> bool:
    """Whether students can read a quotation elsewhere; one with a number must stand there in its quotes."""
    inner = quotation[1:-1]
    return quotation in check_texts() or (inner in known.public and not re.search(r"\d", inner))


def _tidy(text: str) -> str:
    gap = re.escape(GAP)
    text = re.sub(rf"{gap}(?:,? *[-+*/×=:]? *{gap})+", GAP, text)
    text = re.sub(rf"(\[|(?<!\()\()\(*\s*{gap}(?:,\s*)?\s*\)*([\])])", rf"\1{GAP}\2", text)
    text = re.sub(rf"{gap}\w+", GAP, text)
    return re.sub(r"\s+([.,;:?!)])", r"\1", " ".join(text.split()))
