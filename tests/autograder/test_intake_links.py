"""What an unpacked archive can bring besides files: links to others' work, pipes. None is followed or waited for."""

from __future__ import annotations

import os

import pytest

from autograder.course import Course
from autograder.recording.state import contents
from autograder.submission.intake import MOST_DATA, Ungradable, hand_in, read_timestamp


@pytest.fixture
def course(tmp_path):
    made = Course(root=tmp_path, class_dir=tmp_path / "class")
    for student in ("ann", "bob"):
        folder = made.submitted / student / "mini"
        folder.mkdir(parents=True)
        (folder / "mini.ipynb").write_text(f'"{student}"')
        (folder / "data.csv").write_text(student)
    return made


def test_folders_that_are_links_are_refused(course):
    for path in ("eve/mini", "zoe"):
        link = course.submitted / path
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(course.submitted / ("ann/mini" if path == "eve/mini" else "ann"))
        with pytest.raises(Ungradable, match="is a link to another place"):
            hand_in(course, "mini", path.split("/")[0])


def test_hard_links_to_another_students_files(course):
    bob = course.submitted / "bob" / "mini"
    os.link(course.submitted / "ann" / "mini" / "mini.ipynb", bob / "theirs.txt")
    taken = hand_in(course, "mini", "bob")
    assert set(taken.files) == {"data.csv"}
    assert "another student's, too, by a link were left out: theirs.txt" in " ".join(taken.notes)
    assert hand_in(course, "mini", "ann").notes == []


def test_links_of_a_backup_cost_nothing(course, tmp_path):
    (tmp_path / "backup").mkdir()
    for name in ("mini.ipynb", "data.csv"):
        os.link(course.submitted / "ann" / "mini" / name, tmp_path / "backup" / name)
    taken = hand_in(course, "mini", "ann")
    assert (taken.notebook, set(taken.files), taken.notes) == (b'"ann"', {"data.csv"}, [])


@pytest.mark.promise("A `timestamp.txt` beside it (`2026-11-30 23:59:00 UTC`) is what nbgrader's late penalties go by.")
def test_a_timestamp_is_read_from_a_small_file_only(tmp_path):
    path = tmp_path / "timestamp.txt"
    path.write_text("2026-11-30 23:59:00 UTC\n")
    assert str(read_timestamp(path)) == "2026-11-30 23:59:00"
    (tmp_path / "link").symlink_to(path)
    assert read_timestamp(tmp_path / "link") is None
    os.mkfifo(tmp_path / "pipe")
    assert read_timestamp(tmp_path / "pipe") is None
    assert read_timestamp(tmp_path) is None


def test_fingerprints_read_no_huge_file_no_pipe_and_follow_no_link(tmp_path):
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(2**41)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "small").write_bytes(b"data")
    found = list(contents(tmp_path))
    assert found[::2] == [b"huge", b"pipe", b"small", b"zero"]
    assert found[5] == b"data"
    assert sum(map(len, found)) < 300 < MOST_DATA
