"""The line of progress: what it says, where it is written, and that only one stands there."""

import io
import time
from types import SimpleNamespace

import pytest

from helpers import progress
from helpers.progress import Progress, counted, duration, silence, track


class Terminal(io.StringIO):
    def isatty(self):
        return True


def watch(monkeypatch, stream):
    """Standard error is this stream. (pytest puts its own there between a fixture and the test.)"""
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=stream, modules={}))


@pytest.fixture
def terminal(monkeypatch):
    stream = Terminal()
    watch(monkeypatch, stream)
    monkeypatch.setattr(progress, "EVERY", 0)
    return stream


def lines(stream):
    """What a terminal showed, one after the other; the last one stays."""
    text = stream.getvalue()
    assert text.endswith("\n")
    return [line.rstrip() for line in text[:-1].split("\r")[1:]]


def test_the_first_line_is_there_before_anything_is_done(terminal):
    with Progress(30, "epoch", "rate 0.1"):
        assert terminal.getvalue() == "\rrate 0.1: 0 of 30 epochs, 0.0 s"


def test_it_ends_in_one_line_that_stays(terminal):
    with Progress(2, "epoch") as line:
        line.advance("test accuracy 50.0%")
        line.advance("test accuracy 91.5%")
    shown = lines(terminal)
    assert shown[1].startswith("1 of 2 epochs, 0.0 s, about 0.0 s left, test accuracy 50.0%")
    assert shown[-1] == "2 epochs, 0.0 s, test accuracy 91.5%"
    assert terminal.getvalue().count("\n") == 1


@pytest.mark.parametrize(
    ("error", "words"), [(KeyboardInterrupt, "stopped after 1 of 2 epochs, "), (ZeroDivisionError, "ended by an error")]
)
def test_an_early_end_is_told(terminal, error, words):
    def ended():
        with Progress(2, "epoch") as line:
            line.advance()
            raise error

    with pytest.raises(error):
        ended()
    assert lines(terminal)[-1].startswith(words)


def test_a_shorter_line_leaves_nothing_of_a_longer_one(terminal):
    with Progress(1, "epoch") as line:
        line.advance("x" * 30)
        line.note = ""
    last = terminal.getvalue()[:-1].split("\r")[-1]
    assert last.rstrip() == "1 epoch, 0.0 s"
    assert len(last) > 40


def test_a_line_is_never_wider_than_the_terminal(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    with Progress(1, "epoch", "a-long-label-" * 10) as line:
        line.advance()
    assert max(map(len, lines(terminal))) == 39


def test_inside_another_one_there_is_no_second_line(terminal):
    for _ in track(["L1", "L2"], "layer"):
        with Progress(3, "timing", "9 functions") as line:
            line.advance()
    shown = lines(terminal)
    assert any("0 of 2 layers" in line and "9 functions: 1 of 3 timings" in line for line in shown)
    assert shown[-1] == "2 layers, 0.0 s"
    assert terminal.getvalue().count("\n") == 1


def test_track_tells_where_its_loop_was_left(terminal):
    def loop():
        for item in track(range(3), "layer"):
            if item == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop()
    assert lines(terminal)[-1] == "stopped after 2 of 3 layers, 0.0 s"


def test_work_of_less_than_a_second_has_no_line(terminal):
    with Progress(3, "timing", after=1) as line:
        for _ in range(3):
            line.advance()
    assert terminal.getvalue() == ""


def test_work_of_more_than_a_second_has_one_as_soon_as_that_is_clear(terminal, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Progress(100, "timing", after=1) as line:
        now[0] = 0.02
        line.advance()
        assert "1 of 100 timings" in terminal.getvalue()


def test_nothing_is_written_where_nobody_watches_or_where_it_is_not_wanted(terminal, monkeypatch):
    with silence(), Progress(1, "epoch") as line:
        line.advance()
    with Progress(1, "epoch", shown=False) as line:
        line.advance()
    assert terminal.getvalue() == ""
    watch(monkeypatch, file := io.StringIO())
    with Progress(1, "epoch") as line:
        line.advance()
    assert file.getvalue() == ""
    watch(monkeypatch, None)
    with Progress(1, "epoch") as line:
        line.advance()


def test_numbers_in_words():
    assert [counted(n, "epoch") for n in (0, 1, 60_000)] == ["0 epochs", "1 epoch", "60,000 epochs"]
    assert [duration(s) for s in (0.04, 9.96, 47.2, 119, 140)] == ["0.0 s", "10 s", "47 s", "119 s", "2 min 20 s"]
