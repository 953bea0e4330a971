"""The CSV file: what students write is shown in a spreadsheet and never run, in whichever way it is taken apart."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.authoring.source import read
from autograder.grade import Graded
from autograder.reports.csv_table import HEAD, safe, to_csv
from autograder.reports.results import Mistake, Row
from autograder.submission.form import Declaration

RUN = re.compile("[\\s\"'\xad\u200c\u200d\ufe0f]*[-=+@＝＋－＠﹢﹣﹦﹫]")


def runs(cell):
    """Whether a spreadsheet that reads spaces, quotes and what nobody sees away could run it."""
    started = RUN.match(cell)
    return started is not None and "'" not in started[0]


STARTS = ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "\xa0=1", "＝1+1", "－1", ' "=1', "\xad=1", "-", "+", '""=1']


@pytest.mark.promise(
    "Text that a spreadsheet could run as a formula, also behind a semicolon, has an apostrophe before it."
)
@pytest.mark.parametrize("text", STARTS)
def test_what_could_run_has_an_apostrophe_before_it(text):
    assert runs(text)
    assert safe(text).replace("'", "") == " ".join(text.split())
    assert not runs(safe(text))


@pytest.mark.promise(
    "Text that a spreadsheet could run as a formula, also behind a semicolon, has an apostrophe before it."
)
@pytest.mark.parametrize("text", STARTS)
@pytest.mark.parametrize("before", ["a;", ";", "; ", "a;;", "x\r\n;", ';"', ";\t"])
def test_nor_does_it_run_behind_a_semicolon(before, text):
    assert any(map(runs, (before + text).split(";")))
    assert not any(map(runs, safe(before + text).split(";")))


HONEST = ["Ann Lee", "O'Hara", "a-b", "1+1=2", "x = 3; y = 4", "[1, -2, 3]", "a@b.ch", "it is -0.5, low", "", "é; 數"]


@pytest.mark.parametrize("text", HONEST)
def test_honest_text_is_as_it_was(text):
    assert safe(text) == text


def cells(line, separators):
    """What a spreadsheet makes of a line: quotes hold a cell together where one begins with them."""
    found = []
    while True:
        quoted = re.match(r'"((?:[^"]|"")*)(?:"|$)', line)
        line = line[quoted.end() :] if quoted else line
        rest = re.match(f"[^{separators}]*", line)[0]
        found.append((quoted[1].replace('""', '"') if quoted else "") + rest)
        if rest == line:
            return found
        line = line[len(rest) + 1 :]


PIECES = ["=2+2", "＝1", "@x", "-", "+", ";", ",", '"', '""', "'", " ", "\t", "\r", "\n", "\u200b", "\xad", "a1"]


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_no_cell_of_a_line_runs_whatever_the_separator(text):
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(["mini", safe(text), 7.0, safe(text), safe(text)])
    assert written.getvalue().count("\n") == 1
    assert next(csv.reader([written.getvalue()]))[1] == safe(text)
    for separators in (",", ";", ";,", "\t", ";\t"):
        assert not any(map(runs, cells(written.getvalue().rstrip("\n"), separators)))


@pytest.mark.promise(
    "`reports/NAME.csv` has a row a student with points by kind, by exercise, status and what went wrong;"
)
def test_every_text_of_a_table_is_guarded_and_numbers_stay_numbers(write_course):
    assignment, _notebook = read(write_course().source("mini"))
    bad = "=2+2;=2+2\r\x1b[2J"
    scores = {cell.id: -2.0 for cell in assignment.graded}
    rows = [
        Row(bad, reason=bad),
        Row("b", auto=-1.5, notes=[bad]),
        Row("c", dead=bad, form=Declaration(fault=bad)),
        Row("d", mistakes=[Mistake(bad, bad, bad, bad)], scores=scores),
    ]
    table = to_csv(Graded(assignment, rows, []))
    assert len(table.splitlines()) == 5
    assert not re.search(r"[;,\"]\s*=2", table)
    assert "\x1b" not in table
    lines = list(csv.DictReader(io.StringIO(table)))
    assert set(HEAD) < set(lines[0])
    assert [line["auto"] for line in lines] == ["0.0", "-1.5", "0.0", "0.0"]
    assert float(lines[3][next(iter(assignment.exercises()))]) < 0
