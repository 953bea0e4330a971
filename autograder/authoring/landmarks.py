"""What helps to find one's way in a generated notebook and does not stand in its source: anchors at parts and
exercises, links to them, and a line above each answer."""

from __future__ import annotations

import re

HEADING = re.compile(r"^#{2,3} (?:Part ([A-Z])\.|((?:[A-Z]\d(?:, | and )?)+)\.|The (form)$)", re.M)
"""A part, one or several exercises ("B2, B3 and B4."), or the form."""
ITEM = re.compile(r"^\* \*\*([A-Z]\d)\*\*", re.M)
"""An exercise as an item of a list."""
PART_ROW = re.compile(r"^\| ([A-Z]) \|", re.M)
"""A row of the title's table of parts."""
RUBRIC = "=== BEGIN MARK SCHEME ==="


def with_anchors(text: str) -> str:
    """A markdown text with an anchor above each heading of a part ("A"), an exercise ("A1") or the form ("form"), and
    in each item of a list that begins with an exercise."""

    def anchored(heading: re.Match[str]) -> str:
        names = re.findall(r"[A-Z]\d", heading[2]) if heading[2] else [heading[1] or heading[3]]
        return "\n" * (heading.start() > 0) + "".join(f'<a id="{n}"></a>' for n in names) + f"\n\n{heading[0]}"

    return ITEM.sub(r'* <a id="\1"></a>**\1**', HEADING.sub(anchored, text))


def with_links(text: str, parts: str) -> str:
    """The title with the letters in its table of parts as links, where there is such a part."""
    return PART_ROW.sub(lambda row: f"| [{row[1]}](#{row[1]}) |" if row[1] in parts else row[0], text)


def parts_in(texts: list[str]) -> str:
    """The letters of the parts that have a heading."""
    return "".join(heading[1] for text in texts for heading in HEADING.finditer(text) if heading[1])


def with_answer_line(text: str, runs: bool) -> str:
    """A question with a line at its end, above its rubric, that shows where the answer is written."""
    how = "write it in the cell below" if runs else "double-click the cell below, write, then press Shift+Enter"
    question, rubric, rest = text.partition(RUBRIC)
    line = f"> **Your answer:** {how}."
    return f"{question.rstrip()}\n\n{line}" + (f"\n\n{rubric}{rest}" if rubric else "")
