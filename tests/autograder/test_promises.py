"""docs/grading.md is true word for word: each of its words stands in a promise that a test proves, or below."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "grading.md"
MEASURED = ("How fast it is",)
"""Chapters of figures that `python -m autograder bench` prints."""

NOT_PROMISED = {
    "an instruction to the reader, or what a name means": (),
    "a statement about other programs": (),
    "a figure that a command measures": (),
    "what has been tried, and by whom": (),
    "an admission of what is not protected": (),
}


def words_of(page: str) -> str:
    """The page's text on one line, without headings, code blocks, rows of counts and what is measured."""
    chapters = re.split(r"(?m)^## ", page)
    page = "\n".join(one for one in chapters if not one.startswith(MEASURED))
    page = re.sub(r"(?ms)^```.*?^```$", "", page)
    page = re.sub(r"(?m)^\|[^|\d]+(\| *\d+ *){5}\|$", "", page)
    titles = re.findall(r"(?m)^#* ?(.*)", "\n".join(one.splitlines()[0] for one in chapters))
    lines = [line.strip("|- ") for line in page.splitlines() if line.lstrip("# ") not in titles]
    return " ".join(" ".join(lines).split())


def promises() -> Iterator[tuple[str, str]]:
    """(words of the page, where they are marked) of all tests."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for mark in getattr(node, "decorator_list", ()):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.promise":
                    yield ast.literal_eval(mark.args[0]), f"{path.name}:{mark.lineno}"


def left_over(page: str, quotes: list[str]) -> list[str]:
    """The words of the page that stand in none of the quotes, each run of them as one text."""
    covered = bytearray(len(page))
    for quote in quotes:
        for found in re.finditer(re.escape(quote), page):
            covered[found.start() : found.end()] = b"\1" * len(quote)
    rest = "".join("\n" if known else letter for letter, known in zip(page, covered, strict=True))
    return [run.strip() for run in rest.split("\n") if re.search(r"\w", run)]


def test_what_is_quoted_stands_in_the_page_once():
    page = words_of(PAGE.read_text(encoding="utf-8"))
    quotes = [*promises(), *((text, kind) for kind, texts in NOT_PROMISED.items() for text in texts)]
    assert [(where, text) for text, where in quotes if page.count(text) != 1] == []


def test_every_promise_of_the_page_has_a_test():
    page = words_of(PAGE.read_text(encoding="utf-8"))
    quotes = [text for text, _ in promises()] + [text for texts in NOT_PROMISED.values() for text in texts]
    assert left_over(page, quotes) == []


def test_a_word_that_nothing_proves_is_found():
    page = words_of("# Title\n\nIt holds.\n\n## A chapter\n\n| a | b |\n|---|---|\n| it | *never* fails |\n\n```\nx\n```")
    assert page == "It holds. a | b it | *never* fails"
    assert left_over(page, ["It holds.", "it | *never* fails", "a | b"]) == []
    assert left_over(page, ["It holds.", "*never*"]) == ["a | b it |", "fails"]
