"""Text of unknown origin: it can be written, it says nothing to a terminal, and stays on one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.text import lines, one_line, plain, whole

ANY = st.text(st.characters(exclude_categories=()), max_size=60)


def test_messages_are_short_and_on_one_line():
    assert one_line("\x1b[31ma\x1b[0m\n  b") == "a b"
    assert len(one_line("x" * 1000, 300)) == 300


@pytest.mark.parametrize(
    ("sequence", "shown"),
    [
        ("\x1b]0;title\x07a", "a"),
        ("\x1b]52;c;ZXZpbA==\x1b\\a", "a"),
        ("\x1b[2J\x1b[Ha", "a"),
        ("\x1b[?1049ha", "a"),
        ("\x1b[>0qa", "a"),
        ("\x1bca", "a"),
        ("\x1bP+q544e\x1b\\a", "a"),
        ("\x9b2Ja", "2Ja"),
        ("a\x08\x08b", "ab"),
        ("\x1b", ""),
        ("\u202ecod.exe", "⟨U+202E⟩cod.exe"),
    ],
)
def test_nothing_is_said_to_a_terminal(sequence, shown):
    assert plain(sequence) == one_line(sequence) == shown


def test_what_was_said_is_not_written_over():
    assert one_line("left out: a\rb") == "left out: a b"
    assert lines("a\rb\r\nc\x1b[2J") == "a b \nc"


def test_halves_of_characters_are_joined_or_replaced():
    assert whole("X \ud83d\ude00") == "X \U0001f600"
    assert whole("X \ud83d") == "X \ufffd"
    assert whole("caf\udce9") == "caf\ufffd"


@given(ANY)
def test_whatever_it_is_it_can_be_written_and_read_again(value):
    assert whole(value).encode("utf-8").decode("utf-8") == whole(value)
    shown = one_line(value)
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown)
    assert shown.encode("utf-8").decode("utf-8") == shown
