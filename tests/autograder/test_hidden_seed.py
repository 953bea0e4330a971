"""The class's secret number in hidden parts of tests."""

from __future__ import annotations

import pytest

from autograder.authoring.prepare import SEED_FILE, keep, prepare
from autograder.authoring.source import PUBLIC_SEED, SourceError, read, seeded
from helpers.errors import CourseError
from tests.autograder.conftest import SOURCE, mini_course

HIDDEN = SOURCE.replace("assert double(-317) == -634", "assert double(-SEED) == -2 * SEED")


def text(prepared):
    return prepared.snapshot.known["A-double-hidden"].source


@pytest.mark.promise(
    "These are drawn from the class's secret number, the same for all its students and in every regrade: it is made "
    "when the class is first graded, and kept in its folder as `.hidden_seed`."
)
def test_it_is_the_classs_own_and_stays(tmp_path):
    course = mini_course(tmp_path, HIDDEN)
    course.class_dir.mkdir()
    first = prepare(course, "mini")
    assert not (course.class_dir / SEED_FILE).exists(), "nothing is written before the model solution is tried"
    keep(first, course)
    seed = (course.class_dir / SEED_FILE).read_text().strip()
    assert f"double(-{seed}) == -2 * {seed}" in text(first)
    assert text(prepare(course, "mini")) == text(first)
    other = mini_course(tmp_path / "other", HIDDEN)
    other.class_dir.mkdir()
    assert text(prepare(other, "mini")) != text(first)


def test_a_class_that_was_graded_before_keeps_the_public_one(tmp_path):
    course = mini_course(tmp_path, HIDDEN)
    course.class_dir.mkdir()
    (course.class_dir / "gradebook.db").touch()
    assert f"double(-{PUBLIC_SEED})" in text(prepare(course, "mini"))


def test_a_damaged_number_is_a_sentence(tmp_path):
    course = mini_course(tmp_path, HIDDEN)
    course.class_dir.mkdir()
    (course.class_dir / SEED_FILE).write_text("forty-one")
    with pytest.raises(CourseError, match=r"\.hidden_seed' should hold one number"):
        prepare(course, "mini")


def test_only_hidden_parts_know_it(tmp_path):
    shown = "check.x.y(f)\n### BEGIN HIDDEN TESTS\ncheck.x.y(f, seed=SEED + 1)\n### END HIDDEN TESTS"
    assert seeded(shown, 7) == shown.replace("SEED", "7")
    course = mini_course(tmp_path, SOURCE.replace("double(2) == 4", "double(SEED) == 4"))
    with pytest.raises(SourceError, match="SEED stands in the visible part of cell 'A-double-two'"):
        read(course.source("mini"))
