"""docs/grading.md is true word for word: each of its words stands in a promise that a test proves, or below."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "grading.md"
MEASURED = ("How fast it is",)
"""Chapters of figures that `python -m tests.bench` prints."""

NOT_PROMISED = {
    "an instruction to the reader, or what a name means": (
        "For instructors. All commands are run at the root of the repository, after `make release` or `make test` "
        "has built `.venv` (or in the conda environment of `environment.yml`). Put `.venv/bin` on your PATH, or "
        "write `.venv/bin/python`. `NAME` is an assignment's folder in `solutions/`.",
        "**Keep private**: the repository, above all `solutions/`, "
        "`helpers/check/right_answers/`, `docs/mistakes.md` and `build/`, and the folder of your class with its "
        "hand-ins, gradebook, reports and feedback. Give students the zip and never the repository, nor a link to it.",
        "Where points count, work in a private copy, change numbers and questions there, and ask people to present.",
        "For several classes or terms,",
        "**Files.**",
        "**Times.**",
        "By hand, put each notebook at `submitted/STUDENT/NAME/NAME.ipynb`.",
        "**Stop and go on.**",
        "**Points.**",
        "**Nothing stops the batch.**",
        "Read the list of hand-ins to look at first.",
        "Start JupyterLab in `autograder/` and choose *Nbgrader → Formgrader* in its menu:",
        "**Willingness to present.**",
        "After a mistake in a test or a rubric: mend `solutions/NAME/NAME.py`, `make release`, and grade again;",
        "A student who hands in again: put the new notebook in place of the old one (or collect again) and grade;",
        "Send the folder `feedback/STUDENT/`.",
        "*points*: attacks that gained some; *harm*: attacks that changed or read what is others', stopped the "
        "batch, or got a secret or a script into a page.",
        "your own tests are as strong as you write them.",
        "Compare hand-ins with a similarity tool of your choice, and ask people to present.",
        "machine | mode | tried",
    ),
    "a statement about other programs, or about a text that people read": (
        "Its warning about an exchange directory can be ignored: hand-ins are read from the class folder.",
        "Two questions of C and F are about numbers that differ from machine to machine, so their rubrics ask for "
        "what the student's own rows show.",
    ),
    "whether it was tried on such a machine": (
        "yes Linux as root",
        "yes user namespaces denied",
        "yes, denied by the kernel's setting",
        "cells can't start processes | yes",
        "or a long one | the same | yes",
        "a Slurm of one node",
        "version 1 of cgroups, as root",
        "by the kernel's tables | no",
        "or a Linux container or machine | no",
        "which is Linux | no",
    ),
    "an admission of what is not protected": (
        "The answers of this copy are public already: whoever looks for them finds them.",
        "`helpers` has layers, loops and oracles that do what students are to write, because the checks and later "
        "assignments need them.",
        "of others only existence, size and times | all that you can",
        "its own folder | all that you can",
        "none | all other processes",
        "slowed | all of yours",
        "but that it may make sockets larger",
        "works | does not | works",
        "what students hand in can then read and change all that you can, the gradebook and other students' work "
        "too, use the network, and go on running afterwards.",
        "**Not protected**, by this or any autograder: * *Weak tests.* A function that returns what the test asks "
        "for passes, whatever it is.",
        "Who takes another's name on Moodle can then be taken for them;",
        "*Copied work.* A neighbour's solution, or a library's, is right.",
        "*What the student says was measured.* Nobody can tell on which machine, or on how quiet a one.",
        "*Two measurements that must be taken in the student's process*: how much memory `conv_tiled` uses (2 "
        "points) and whether code for any device converts to numpy (1 point). Whoever has all other results right "
        "could forge these.",
        "*A few bits.* A student's function may choose by the hidden numbers that it is given whether to pass, to "
        "end Python, or *which* mistake to make, and read the choice in the feedback:",
        "A test cell of yours whose value is the student's own number tells that number as points.",
    ),
}


def words_of(page: str) -> str:
    """The page's text on one line, without headings, code blocks, rows of counts, tables that a test makes, and what
    is measured."""
    chapters = re.split(r"(?m)^## ", page)
    page = "\n".join(one for one in chapters if not one.startswith(MEASURED))
    page = re.sub(r"(?ms)^```.*?^```$", "", page)
    page = re.sub(r"(?s)<!-- this table is made by .*? -->.*?<!-- its end -->", "", page)
    page = re.sub(r"(?m)^\|[^|\d]+(\| *\d+ *){5}\|$", "", page)
    titles = re.findall(r"(?m)^#* ?(.*)", "\n".join(one.splitlines()[0] for one in chapters))
    lines = [line.strip("|- ") for line in page.splitlines() if line.lstrip("# ") not in titles]
    return " ".join(" ".join(lines).split())


def promises() -> Iterator[tuple[str, str, bool]]:
    """(words of the page, where they are marked, whether `make test` runs that test) of all tests."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            marks = getattr(node, "decorator_list", ())
            quick = "pytest.mark.slow" not in map(ast.unparse, marks)
            for mark in marks:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.promise":
                    yield ast.literal_eval(mark.args[0]), f"{path.name}:{mark.lineno}", quick


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
    quotes = [(text, where) for text, where, _ in promises()]
    quotes += [(text, kind) for kind, texts in NOT_PROMISED.items() for text in texts]
    assert [(where, text) for text, where in quotes if page.count(text) != 1] == []


def test_every_promise_of_the_page_has_a_test():
    page = words_of(PAGE.read_text(encoding="utf-8"))
    quotes = [text for texts in NOT_PROMISED.values() for text in texts]
    quotes += [text for text, _, quick in promises() if quick]
    assert left_over(page, quotes) == []


def test_a_word_that_nothing_proves_is_found():
    page = words_of("# T\n\nIt holds.\n\n## A chapter\n\n| a | b |\n|---|---|\n| it | *never* fails |\n\n```\nx\n```")
    assert page == "It holds. a | b it | *never* fails"
    assert left_over(page, ["It holds.", "it | *never* fails", "a | b"]) == []
    assert left_over(page, ["It holds.", "*never*"]) == ["a | b it |", "fails"]
