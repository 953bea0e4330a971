"""What is looked at of a hand-in has limits: text, cells, code for the parser, and time for every pattern."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
import time
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder import cli
from autograder.course import REPOSITORY
from autograder.execution import execute, task, waiting, work
from autograder.grade import grade
from autograder.judge import judge
from autograder.kernel import meter
from autograder.recording import writer
from autograder.reports.feedback_page import outputs, redact, sanitize, svg
from autograder.sandbox import Limits
from autograder.submission import bindings, size_limits
from autograder.submission.collect import archive, hand_in
from autograder.submission.reading import parse
from autograder.text import plain


def given(*cells: Any) -> tuple[list[dict[str, Any]], list[str]]:
    content = json.loads(nbformat.writes(new_notebook(cells=list(cells))))
    notes = size_limits.cut(content)
    return content["cells"], notes


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def test_usual_work_stays_as_it_is() -> None:
    cells = [new_code_cell("x = 1\n" * 5_000), new_markdown_cell("![](data:image/png;base64," + "A" * 3_000_000 + ")")]
    found, notes = given(*cells, *(new_code_cell(f"y{i} = 1") for i in range(900)))
    assert [source(c) for c in found[:2]] == [c.source for c in cells]
    assert (len(found), notes) == (902, [])


def test_old_outputs_go_before_anything_reads_them() -> None:
    found, notes = given(new_code_cell("x", outputs=[nbformat.v4.new_output("stream", text="a" * 1000)] * 50))
    assert (found[0]["outputs"], notes) == ([], [])


@pytest.mark.promise("1,000 cells,")
def test_of_too_many_cells_those_of_the_assignment_stay() -> None:
    ours = new_code_cell("kept", metadata={"nbgrader": {"grade_id": "A"}})
    found, notes = given(*(new_code_cell(f"x = {i}") for i in range(3_000)), ours)
    assert (len(found), source(found[0]), source(found[-1])) == (size_limits.CELLS, "x = 0", "kept")
    assert notes == ["The notebook has 3,001 cells, more than 1,000; the rest was left out."]


@pytest.mark.promise("1,000,000 characters of code a cell,")
def test_a_huge_cell_costs_itself_alone() -> None:
    found, notes = given(new_code_cell("x = 1"), new_code_cell("a\n" * 800_000), new_code_cell("y = 1"))
    assert [source(c) for c in found][::2] == ["x = 1", "y = 1"]
    assert source(found[1]) == "# Left out: this cell has 1,600,000 characters, and there was room for 1,000,000."
    assert notes == ["Cells with too much text were cut, code as a whole: number 2."]


def test_an_answer_in_words_is_cut_where_it_is_too_long() -> None:
    found, _ = given(new_markdown_cell("word " * 1_000_000))
    assert source(found[0]).startswith("word word")
    assert source(found[0]).endswith("(Cut: this cell has 5,000,000 characters, and there was room for 4,000,000.)")


@pytest.mark.parametrize("size", [bindings.LONGEST, bindings.LONGEST + 1], ids=["for the parser", "too long for it"])
def test_all_text_together_has_a_limit(size: int) -> None:
    count = 2 * (size_limits.PARSED + size_limits.UNPARSED) // size
    found, notes = given(*(new_code_cell("a" * size) for _ in range(count)))
    assert sum(len(source(c)) for c in found if source(c)[0] == "a") <= (
        size_limits.PARSED if size <= bindings.LONGEST else size_limits.UNPARSED
    )
    assert len(notes) == 1


def test_whoever_reads_a_notebook_hears_what_was_cut() -> None:
    raw = nbformat.writes(new_notebook(cells=[new_code_cell("a\n" * 800_000), new_code_cell("y = 1")])).encode()
    notebook, notes = parse(raw, "x.ipynb")
    assert notebook.cells[1].source == "y = 1"
    assert notes == ["Cells with too much text were cut, code as a whole: number 1."]


def test_no_cell_odd_in_itself_stops_the_caps() -> None:
    odd: list[Any] = [None, 3, [], {}, {"source": None}, {"source": [1, "a"], "metadata": []}, {"outputs": "x"}]
    assert size_limits.cut({"cells": odd * 300, "worksheets": [None, {"cells": 3}, {"cells": list(odd)}]}) != []


def test_the_parser_is_not_asked_about_more_than_it_can_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a kilobyte of memory for a character."""
    asked: list[int] = []
    real = ast.parse
    long = "def f():\n    return 1\ng = 2\n" + "a = 1\n" * (bindings.LONGEST // 6)
    with monkeypatch.context() as patched:  # pytest parses, too
        patched.setattr(bindings.ast, "parse", lambda text: (asked.append(len(text)), real(text))[1])
        found, changed, short = bindings.names(long), waiting.changes(long), bindings.names("h = f(1)")
    assert found.defines == changed == {"f", "g", "a"}
    assert short.uses == {"f"}
    assert asked == [8]


def test_names_of_large_cells_are_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bindings, "KEPT", 30 * 1000)
    made: list[str] = []
    found = bindings.kept(lambda text: (made.append(text), text)[1])
    for text in ("a" * 400, "b" * 400, "a" * 400, "c" * 400, "a" * 400, "d" * 2000, "d" * 2000):
        assert found(text) == text
    assert [text[0] for text in made] == ["a", "b", "c", "a", "d"]


@pytest.mark.promise("a hand-in that is too much for a worker has that as its reason.")
def test_a_hand_in_that_takes_too_much_memory_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(*about: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(work, "_work", greedy)
    found = work.work(task.Task("ada", b"", None))  # type: ignore[arg-type]
    assert found.reason == "to read it and what it puts out takes more than 2,000 MB of memory"


def test_an_answer_that_nobody_could_record_becomes_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "LARGEST_ANSWER", 10_000)
    monkeypatch.setattr(task.Task, "unpack", staticmethod(lambda body: body))
    monkeypatch.setattr(work, "work", lambda body: task.Result("ada", notebook=bytes(20_000)))
    found = task.Result.unpack(work.work_bytes(b""))
    assert (found.student, found.notebook, found.reason) == ("ada", None, "what came of it is 0 MB large, more than 0")


PATTERNS = {
    "magics": bindings.python,
    "definitions": bindings.BINDS.findall,
    "plain text": plain,
    "colours": sanitize.ansi_html,
    "tables": sanitize._rows,
    "prose": sanitize.prose_html,
    "code": sanitize.code_html,
    "drawings": svg.cleaned,
    "addresses": svg.LOADS.search,
    "paths": lambda text: outputs.PATH.sub(outputs._shortened, text),
    "brackets": redact._tidy,
    "numbers": lambda text: redact.NUMBER.sub("", text),
    "hidden lines": redact.shown,
}
HOSTILE = (
    "\n", "\r\n", " \n", "\n ", "\t", " ", "a", "a=", "=\\", "def ", "async ", "%", "?", "/a", "/a/", "\\a", "C:/",
    "//", "<", "<a", "<a ", "<!", "<!DOCTYPE ", "<!--", "</", "&#", "`", "**", "*a", "\x1b[", "\x1b[0;", "\x1b]",
    "\x1bP", "url(", "url( ", "expression ", "(", "([", "…", "…,", "( …", "1,", "1.", "1e",
    "0x", "-", ",000", "'", '"', "f'{",
)  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_take_time_in_proportion(pattern: str) -> None:
    """Seconds of the processor for twice as much, whatever else the machine does."""
    work = PATTERNS[pattern]

    def seconds(text: str) -> float:
        begun = time.thread_time()
        work(text)
        return time.thread_time() - begun

    for atom in HOSTILE:
        for start, end in (("", ""), ("", "x"), ("<", "")):
            short, long = (start + (atom * size)[:size] + end for size in (10_000, 40_000))
            spent = seconds(long)
            if spent >= 0.1:  # other work empties the caches: the least of several counts
                spent = min(spent, seconds(long), seconds(long))
            assert spent < 0.1 or spent < 8 * max(seconds(short) for _ in range(3)) + 0.05, (start, atom, end, spent)


def test_paths_lose_what_is_this_machines() -> None:
    def short(text: str) -> str:
        return outputs.PATH.sub(outputs._shortened, text)

    assert short("/usr/lib/python3.11/site-packages/numpy/core.py:3") == "…/site-packages/numpy/core.py:3"
    assert short("File C:\\Users\\ada\\helpers\\check\\report.py") == "File …/helpers\\check\\report.py"
    assert short("/home/ada/python3.12/json/x.py and /tmp/y/z.py") == "…/python3.12/json/x.py and /tmp/y/z.py"
    assert short("/helpers/x.py a/b helpers/check") == "/helpers/x.py a/b helpers/check"


@pytest.mark.promise("Of one student 2,000 files and 200 MB are taken, notebooks first.")
@pytest.mark.promise("A page holds about 20 MB, pictures included, and says what it leaves out.")
@pytest.mark.promise("While another program holds the gradebook, grading waits up to a minute,")
@pytest.mark.promise(
    "**How much a hand-in may use**: `--timeout` seconds for a cell (60), `--budget` seconds in all (300), "
    "2 GB of memory, 64 processes, 256 MB of files, 1 MB of output a cell and 4 MB in all, "
    "1,000 cells, 1,000,000 characters of code a cell,"
)
@pytest.mark.promise("Cells that it no longer reaches get two seconds each while another tenth of it lasts.")
@pytest.mark.promise("Hidden parts of tests come last, until 1.2 budgets have gone by.")
@pytest.mark.promise(
    "The processes that read hand-ins are bounded, too: a worker by 2,000 MB, the process that judges by 3,000 MB;"
)
@pytest.mark.promise("processes, files | 64, 256 MB, by the kernel | 64, 256 MB, watched ten times a second | watched")
def test_the_numbers_of_the_page_are_the_engines() -> None:
    limits = Limits()
    assert (limits.memory_mb, limits.processes, limits.disk_mb) == (2048, 64, 256)
    assert (limits.output_bytes, execute.OUTPUT_IN_ALL) == (1_000_000, 4_000_000)
    assert (size_limits.CELLS, size_limits.CODE) == (1_000, 1_000_000)
    for command in (cli.grade, grade):
        defaults = inspect.signature(command).parameters
        assert (defaults["timeout"].default, defaults["budget"].default) == (60, 300)
    assert (execute.LAST_SECONDS, execute.OVERTIME, execute.ALL) == (2, 1.1, 1.2)
    assert (work.MEMORY_MB, judge.LIMITS.memory_mb) == (2_000, 3_000)
    assert writer.PATIENCE == 60
    assert outputs.PICTURES + outputs.TEXTS + outputs.CELLS == 20_000_000
    assert (meter.EVERY_S, meter.PATIENCE) == (0.1, 5)
    assert (hand_in.MOST_FILES, hand_in.MOST_BYTES, archive.LARGEST) == (2_000, 200_000_000, 200_000_000)


WORKER = """
from autograder.execution import work
from autograder.kernel import fork_client
fork_client.acquire = lambda: None
work.warm()
bytearray(1_000 << 20)
try:
    bytearray(2_500 << 20)
except MemoryError:
    print("refused")
"""


@pytest.mark.promise("a worker by 2,000 MB,")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux limits the space of addresses")
def test_a_worker_may_not_take_more_than_its_memory() -> None:
    done = subprocess.run([sys.executable, "-c", WORKER], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout == "refused\n"
