"""Collecting a learning platform's zip file: everybody's work arrives whole, and nothing is written elsewhere."""

from __future__ import annotations

import stat
import zipfile

import pytest
from collect_kit import NOTEBOOK, arrived, course_in, zipped

from autograder.submission.collect import archive, collect, hand_in
from autograder.submission.collect.people import About
from autograder.submission.collect.platforms import read
from helpers.errors import CourseError


@pytest.fixture
def course(tmp_path):
    return course_in(tmp_path)


@pytest.mark.parametrize(
    ("path", "student", "inside", "time"),
    [
        ("Jane Doe_12345_assignsubmission_file_/mini.ipynb", "Jane Doe_12345", "mini.ipynb", ""),
        ("Jane Doe_12345_assignsubmission_file/data/a.csv", "Jane Doe_12345", "data/a.csv", ""),
        ("Jane Doe_12345_assignsubmission_file_my_work.ipynb", "Jane Doe_12345", "my_work.ipynb", ""),
        ("Jane Doe_12345_assignsubmission_onlinetext/onlinetext.html", "Jane Doe_12345", "onlinetext.html", ""),
        ("Group A_7_assignsubmission_file/mini.ipynb", "Group A_7", "mini.ipynb", ""),
        ("Default group_assignsubmission_file/mini.ipynb", "Default group", "mini.ipynb", ""),
        ("doejane_12345_678901_mini.ipynb", "doejane_12345", "mini.ipynb", ""),
        ("doejane_LATE_12345_678901_mini-2.ipynb", "doejane_12345", "mini.ipynb", ""),
        ("doejane_LATE_12345_text.html", "doejane_12345", "text.html", ""),
        ("anon_x7Yz1_678901_mini.ipynb", "anon_x7Yz1", "mini.ipynb", ""),
        ("Assignment 1_jdoe_attempt_2026-01-30-15-00-07_mini.ipynb", "jdoe", "mini.ipynb", "2026-01-30 15:00:07"),
        ("A_jdoe_attempt_2026-99-30-15-00-07_mini.ipynb", "jdoe", "mini.ipynb", ""),
        ("12-34 - Jane Doe - Jan 30, 2026 300 PM/mini.ipynb", "Jane Doe_12", "mini.ipynb", "2026-01-30 15:00:00"),
        ("12-34 - Anne-Marie Smith-Jones - Jan 30, 2026 300 PM/mini.ipynb", "Anne-Marie Smith-Jones_12", "mini.ipynb",
         "2026-01-30 15:00:00"),
        ("12-34 - Jane Doe - 30 May, 2026 15:04 - mini.ipynb", "Jane Doe_12", "mini.ipynb", "2026-05-30 15:04:00"),
        ("Doe_Jane_jane_doe_3301/mini.ipynb", "jane_doe", "mini.ipynb", ""),
        ("Team 12/Doe_Jane_jdoe_3301/mini.ipynb", "jdoe", "mini.ipynb", ""),
        ("mini-jdoe/mini.ipynb", "jdoe", "mini.ipynb", ""),
        ("Jane Doe - mini.ipynb", "Jane Doe", "mini.ipynb", ""),
    ],
)  # fmt: skip
def test_each_platforms_names_are_understood(path, student, inside, time):
    platform, around, found = read([path], About("mini", "", (), (), lambda path: b""))
    item = found[path]
    assert (platform != "", around) == (True, "")
    assert (item.people[0].student, item.path, str(item.time or "")) == (student, inside, time)


@pytest.mark.promise(
    "or one with a folder or a file for each student, and puts everybody's files at "
    "`submitted/STUDENT/NAME/`."
)
def test_folders_with_the_students_names_and_single_notebooks(course, tmp_path):
    files = {"ann/mini.ipynb": NOTEBOOK, "bob/mini/mini.ipynb": NOTEBOOK, "eve.ipynb": NOTEBOOK, "mini.ipynb": NOTEBOOK,
             "__MACOSX/ann/._mini.ipynb": b"x"}  # fmt: skip
    told = collect("mini", zipped(files, tmp_path / "all.zip"), course)
    assert told.new == ["ann", "bob", "eve"]
    assert told.left_out == [("mini.ipynb", "its name does not say whose it is")]
    assert set(arrived(course)) == {"ann/mini/mini.ipynb", "bob/mini/mini.ipynb", "eve/mini/mini.ipynb"}


def test_a_folder_around_everything_is_passed_over(course, tmp_path):
    files = {"all/ann/mini.ipynb": NOTEBOOK, "all/bob/b.ipynb": b"1"}
    told = collect("mini", zipped(files, tmp_path / "z.zip"), course)
    assert told.new == ["ann", "bob"]


@pytest.mark.promise("Of several attempts the latest counts.")
def test_the_latest_attempt_counts_in_any_order_and_brings_its_time(course, tmp_path):
    name = "A_jdoe_attempt_2026-01-{}-15-00-00_mini.ipynb"
    files = {name.format("29"): b"old", name.format("30"): b"new", name.format("28"): b"older",
             "A_jdoe_attempt_2026-01-30-15-00-00.txt": b"receipt"}  # fmt: skip
    told = collect("mini", zipped(files, tmp_path / "z.zip"), course, timezone="America/Toronto")
    assert arrived(course) == {"jdoe/mini/mini.ipynb": b"new", "jdoe/mini/timestamp.txt": b"2026-01-30 20:00:00 UTC\n"}
    assert not told.left_out
    assert sorted(why for _, why in told.passed_over) == [
        "it is the platform's receipt",
        *["there is a later attempt"] * 2,
    ]


@pytest.mark.promise(
    "Collect as often as you like: work that changed takes the place of the earlier one, which moves to `earlier/`."
)
def test_collecting_again_replaces_what_changed_and_keeps_the_earlier_one(course, tmp_path):
    first = {"ann/mini.ipynb": b"1", "bob/mini.ipynb": b"1"}
    assert collect("mini", zipped(first, tmp_path / "1.zip"), course).new == ["ann", "bob"]
    told = collect("mini", zipped({"ann/mini.ipynb": b"2", "bob/mini.ipynb": b"1"}, tmp_path / "2.zip"), course)
    assert (told.new, told.changed, told.unchanged) == ([], ["ann"], ["bob"])
    assert arrived(course)["ann/mini/mini.ipynb"] == b"2"
    assert [p.read_bytes() for p in (course.class_dir / "earlier").rglob("*.ipynb")] == [b"1"]


def test_two_files_with_one_name_are_both_kept(course, tmp_path):
    files = {"doe_1_2_mini.ipynb": b"a", "doe_1_3_mini-1.ipynb": b"b"}
    collect("mini", zipped(files, tmp_path / "z.zip"), course)
    assert arrived(course) == {"doe_1/mini/mini.ipynb": b"a", "doe_1/mini/mini (2).ipynb": b"b"}


def test_a_students_own_zip_is_opened_and_a_damaged_one_told(course, tmp_path):
    inner = zipped({"done/mini.ipynb": NOTEBOOK, "deep.zip": zipped({"a": b"1"})})
    files = {"ann/hand-in.zip": inner, "bob/broken.zip": b"PK nonsense"}
    told = collect("mini", zipped(files, tmp_path / "z.zip"), course)
    assert arrived(course)["ann/mini/hand-in/done/mini.ipynb"] == NOTEBOOK
    assert told.left_out == [("bob/broken.zip", "it is a damaged zip file")]


@pytest.mark.promise("names that would lead elsewhere,")
def test_nothing_is_written_outside(course, tmp_path):
    link = zipfile.ZipInfo("ann/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    files = {"ann/mini.ipynb": NOTEBOOK, "../../evil.txt": b"x", "/evil.txt": b"x", "ann/../../evil.txt": b"x",
             "C:/evil": b"x", "..\\..\\evil": b"x", ".hidden/mini.ipynb": b"x", link: b"/etc/passwd"}  # fmt: skip
    before = set(tmp_path.rglob("*"))
    told = collect("mini", zipped(files, tmp_path / "z.zip"), course)
    assert arrived(course) == {"ann/mini/mini.ipynb": NOTEBOOK}
    new = {p for p in tmp_path.rglob("*") if p not in before and p != tmp_path / "z.zip"}
    assert all({course.submitted, course.class_dir / "collected"} & {p, *p.parents} for p in new)
    reasons = [why for _, why in told.left_out]
    assert reasons.count("its name would lead out of the folder") == 5
    assert "it is a link, not a file" in reasons
    assert "'.hidden' can't be the name of a student" in reasons


@pytest.mark.promise("Of one student 2,000 files and 200 MB are taken, notebooks first.")
def test_files_that_swell_are_left_out(course, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "LARGEST", 1000)
    monkeypatch.setattr(hand_in, "MOST_BYTES", 1500)
    files = {"ann/big": b"0" * 5000, "ann/data.csv": b"1" * 900, "ann/mini.ipynb": b"1" * 900, "bob/mini.ipynb": b"2"}
    told = collect("mini", zipped(files, tmp_path / "z.zip"), course)
    assert set(arrived(course)) == {"ann/mini/mini.ipynb", "bob/mini/mini.ipynb"}
    assert told.left_out == [
        ("ann/big", "it is larger than 0 MB"), ("ann/data.csv", "its student's files are too large together"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"no zip", "no zip file"), (None, "There is no file"), (zipped({}), "Nothing in 'z.zip'")],
)
def test_what_is_no_archive_is_said(course, tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "z.zip").write_bytes(content)
    with pytest.raises(CourseError, match=sentence):
        collect("mini", tmp_path / "z.zip", course)


@pytest.mark.promise(
    "For another platform, `--pattern` takes a regular expression with the groups `(?P<student>…)` and "
    "`(?P<path>…)`."
)
def test_a_pattern_of_ones_own(course, tmp_path):
    told = collect(
        "mini", zipped({"x--ann--mini.ipynb": b"1"}, tmp_path / "z.zip"), course, r"x--(?P<student>\w+)--(?P<path>.+)"
    )
    assert told.new == ["ann"]
    for wrong, sentence in (("(", "no regular expression"), ("(?P<student>.)", "needs a group .*path")):
        with pytest.raises(CourseError, match=sentence):
            collect("mini", tmp_path / "z.zip", course, wrong)
