"""Whatever students call themselves, their files and their errors: it says nothing to the terminal that shows it."""

from __future__ import annotations

import io
import logging
import re
import sys
import warnings
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.console import Console

from autograder import cli, grade, progress
from autograder.authoring.source import read
from autograder.execution.task import Result
from autograder.reports import terminal as printed
from autograder.reports.results import Mistake, Row
from autograder.submission.form import Declaration
from autograder.text import LogFilter
from helpers.errors import CourseError

SAYS = (
    "\x1b]0;title\x07", "\x1b]52;c;ZXZpbA==\x1b\\", "\x1b[2J\x1b[H", "\x9b2J", "\x1b]8;;http://x\x1b\\", "\x1bc",
    "\x07\x08", "\r", "\n", "\u202e", "\ud83d",
)  # fmt: skip
MARKUP = "[red]r[/red] [link=http://x]l[/link] :bomb: [/]"
HOSTILE = "".join(f"{i}{sequence}" for i, sequence in enumerate(SAYS)) + MARKUP
SHOWN = re.compile(r"0\D*1\D*2")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
DRAWN = re.compile(r"\x1b\[(?:[0-9;]*[mAK]|\?25[lh])|\r")
"""What rich itself needs to draw a bar."""


def quiet(written, own=COLOURS):
    """Checks that what was written can be shown, holds the hostile text, and says nothing but rich's own."""
    written.encode("utf-8")
    rest = own.sub("", written)
    assert SHOWN.search(rest)
    assert not [c for c in rest if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 or c in "\u202e\u2028"]
    assert "]0;title" not in rest
    assert "ZXZpbA" not in rest
    return rest


@pytest.fixture
def found(write_course):
    """A graded class of which everything that comes from students is hostile."""
    rows = [
        Row(HOSTILE, reason=HOSTILE),
        Row(HOSTILE, notes=[HOSTILE]),
        Row("a", mistakes=[Mistake("c", "e", HOSTILE, HOSTILE)]),
        Row("b", dead=HOSTILE, form=Declaration(fault=HOSTILE)),
        Row("c", form=Declaration(fault=HOSTILE)),
    ]
    assignment, _notebook = read(write_course().source("mini"))
    return grade.Graded(replace(assignment, title=HOSTILE), rows, [HOSTILE])


@pytest.mark.parametrize("terminal", [True, False])
def test_the_table(found, terminal):
    out = io.StringIO()
    printed.show(found, Console(file=out, width=400, force_terminal=terminal))
    rest = quiet(out.getvalue())
    assert rest.count("[red]") >= 6


def test_the_line_of_a_hand_in_and_the_bar(monkeypatch):
    line = cli.summary(Result(HOSTILE, reason=HOSTILE))
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    with progress.bar(HOSTILE) as advance:
        advance(1, 2, line)
    assert MARKUP in quiet(out.getvalue())
    out = SimpleNamespace(written="", isatty=lambda: True, flush=lambda: None, encoding="utf-8")
    out.write = lambda words: setattr(out, "written", out.written + words)
    monkeypatch.setattr(sys, "stderr", out)
    monkeypatch.setenv("COLUMNS", "400")
    with progress.bar(HOSTILE) as advance:
        advance(1, 2, line)
    assert quiet(out.written, DRAWN).count(MARKUP) >= 3


@pytest.fixture
def run(write_course, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_ROOT", str(write_course().root))

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["autograder", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        told = capsys.readouterr()
        return left.value.code, told.out, told.err

    return call


@pytest.mark.promise("What could not be given to anybody is listed with its reason and costs nobody else anything;")
def test_collect(run, tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as made:
        for name in (
            "Ann_1_assignsubmission_file_/mini.ipynb",
            f"Ann_1_assignsubmission_file_/{HOSTILE[:-20]}",
            MARKUP,
        ):
            made.writestr(zipfile.ZipInfo(name.encode("utf-8", "replace").decode()), b"{}")
    code, out, err = run("collect", "mini", tmp_path / "all.zip", "--class-dir", tmp_path / "class")
    assert (code, err) == (1, "")
    assert MARKUP in quiet(out)


def test_bonus_and_report(run, monkeypatch, found, tmp_path):
    monkeypatch.setattr(grade, "results", lambda name, course: found)
    for command in ("bonus", "report"):
        monkeypatch.setattr("autograder.reports.class_report.write", lambda found, course: tmp_path / HOSTILE)
        code, out, err = run(command, "mini")
        assert (code, err) == (0, "")
        assert "l[/link] :bomb: [/]" in quiet(out)


@pytest.mark.parametrize("error", [CourseError, RuntimeError])
def test_errors_and_warnings(run, monkeypatch, error):
    def fails(name, course):
        warnings.warn(HOSTILE, stacklevel=1)
        raise error(HOSTILE)

    monkeypatch.setattr(grade, "results", fails)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
        monkeypatch.setattr(warnings, "showwarning", lambda *words, **_: print(
            warnings.formatwarning(*words[:4]), file=sys.stderr))  # fmt: skip
        code, out, err = run("bonus", "mini")
    assert (code, out) == (2 if error is CourseError else 1, "")
    assert quiet(err).count(MARKUP) == 2


def test_nbgraders_log(monkeypatch, write_course):
    from nbgrader.apps import AutogradeApp

    from autograder.course import load_config

    monkeypatch.setenv("COURSE_ROOT", str(write_course().root))
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    app = AutogradeApp(config=load_config())
    handlers = [h for h in app.log.handlers if isinstance(h, logging.StreamHandler)]
    assert any(isinstance(f, LogFilter) for h in handlers for f in h.filters)
    for handler in handlers:
        handler.setStream(out)
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        app.log.error("Failed: %s", HOSTILE, exc_info=True)
    assert quiet(out.getvalue()).count(MARKUP) == 2
