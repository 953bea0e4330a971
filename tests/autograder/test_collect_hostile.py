"""Archives that attack collecting: nothing lands where it should not, and no student costs another anything."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from autograder.course import Course
from autograder.submission.collect import archive, collect, hand_in, safe_path
from autograder.submission.collect.safe_path import Refused, below
from helpers.errors import CourseError

OWN, OTHERS = b"the attacker's", b"somebody else's"
BOB = "Bob_2_assignsubmission_file_/mini.ipynb"
EVE = "Eve_66_assignsubmission_file_/"
SOME = settings(
    max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass
class Raw:
    """An entry as it stands in the archive's list; `local` are the bytes where its data should be."""

    name: bytes | str
    content: bytes = OWN
    flags: int = 0
    version: int = 20
    method: int = zipfile.ZIP_DEFLATED
    crc: int | None = None
    size: int | None = None
    packed_size: int | None = None
    offset: int | None = None
    extra: bytes = b""
    mode: int = 0o100644
    local: bytes | None = None


def packed(*entries):
    """A zip archive of entries that may say anything; zipfile would not write them."""
    data, lines = b"", b""
    for entry in entries:
        name = entry.name if isinstance(entry.name, bytes) else entry.name.encode("utf-8")
        flags = entry.flags | (0 if isinstance(entry.name, bytes) or entry.name.isascii() else 0x800)
        body = zlib.compress(entry.content)[2:-4] if entry.method == zipfile.ZIP_DEFLATED else entry.content
        crc = zlib.crc32(entry.content) if entry.crc is None else entry.crc
        size = len(entry.content) if entry.size is None else entry.size
        packed_size = len(body) if entry.packed_size is None else entry.packed_size
        offset = len(data) if entry.offset is None else entry.offset
        about = struct.pack("<4HL2L", flags, entry.method, 0, 33, crc, packed_size, size)
        local = struct.pack("<4sH", b"PK\3\4", entry.version) + about + struct.pack("<2H", len(name), 0) + name + body
        data += local if entry.local is None else entry.local
        rest = struct.pack("<5H2L", len(name), len(entry.extra), 0, 0, 0, entry.mode << 16, offset)
        lines += struct.pack("<4s2BH", b"PK\1\2", 20, 3, entry.version) + about + rest + name + entry.extra
    count = min(len(entries), 0xFFFF)
    return data + lines + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(lines), len(data), 0)


def files(**more):
    return [Raw(name, content) for name, content in more.items()]


def everything(folder):
    """What is below a folder: path -> bytes, None for a folder, the target of a link. Links are not followed."""
    found = {}
    for parent, folders, names in os.walk(folder):
        for name in folders + names:
            path = os.path.join(parent, name)
            key = os.path.relpath(path, folder)
            if os.path.islink(path):
                found[key] = f"-> {os.readlink(path)}"
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    found[key] = file.read()
            else:
                found[key] = None
    return found


class World:
    """A class folder with a neighbour's earlier work in it, beside things that are nobody's business."""

    def __init__(self, root):
        self.root = root
        (root / "course" / "solutions" / "mini").mkdir(parents=True)
        (root / "course" / "solutions" / "mini" / "mini.py").write_text("")
        self.course = Course(root=root / "course", class_dir=root / "class")
        self.write("class/submitted/Bob_2/mini/mini.ipynb", OTHERS)
        self.write("class/submitted/Bob_2/other/other.ipynb", OTHERS)
        self.write("class/nbgrader_config.py", OTHERS)
        self.write("home.cfg", OTHERS)
        self.before = everything(root)

    def write(self, path, content):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def collect(self, content, pattern=None):
        """What collect told; checks that nothing but `allowed` is new and all that was there is as it was."""
        with open(self.root.parent / "all.zip", "wb") as file:
            file.write(content)
        return collect("mini", self.root.parent / "all.zip", self.course, pattern, timezone="UTC")

    def hand_in(self, student):
        folder = self.root / "class" / "submitted" / student / "mini"
        return {path: content for path, content in everything(folder).items() if content is not None}

    def changed(self):
        """Paths that are new or hold something else than before, without folders."""
        now = everything(self.root)
        assert set(self.before) <= set(now)
        now.pop("class/collected/mini.json", None)  # our own record, for which nobody's file is named
        return {path for path, content in now.items() if content != self.before.get(path, b"")} - {
            path for path, content in now.items() if content is None
        }


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "world")


PARTS = st.sampled_from([
    "..", ".", "", "...", ".. ", " ", "\0", "\n", "\x1b]0;x\x07", "C:", "c:evil", "\\", "..\\..", "CON", "con.txt",
    "LPT1", "a", "a.", "A", "mini.ipynb", "mini", ".zip", "..zip", "...zip", "a.zip", "~", "$HOME", "*", "-rf",
    "é", "e\u0301",
    "\u202ecod", "／", "․․", "timestamp.txt", "x" * 255, "x" * 300, "Bob_2", "submitted", "nbgrader_config.py",
    "home.cfg",
    "Bob_2_assignsubmission_file_", "x_Bob_attempt_2026-01-30-15-00-07_",
])  # fmt: skip
PATHS = st.lists(PARTS, min_size=1, max_size=5).map("/".join) | st.sampled_from(
    ["/etc/cron.d/x", "//x/y", "a/" * 600 + "x", "x" * 5000, "../" * 9 + "home.cfg", "..\\..\\..\\home.cfg"]
)
MOODLE = "{name}_{id}_assignsubmission_file_/mini.ipynb"
CANVAS = "{name}_{id}_7{id}_mini.ipynb"
BLACKBOARD = "A_{name}_{id}_attempt_2026-01-30-15-00-00_mini.ipynb"
BRIGHTSPACE = "{id}-6 - {name} - Jan 30, 2026 300 PM/mini.ipynb"
ILIAS = "Ode_{name}_{name}_{id}_{id}/mini.ipynb"
GITHUB = "mini-{name}_{id}/mini.ipynb"
WAYS = {  # how a file of the attacker's is composed -> the student that it may count for, and how others' are
    "Eve_66_assignsubmission_file_/{}": ("Eve_66", MOODLE),
    "Eve_66_assignsubmission_file_{}": ("Eve_66", MOODLE),
    "eve_66_77_{}": ("eve_66", CANVAS),
    "A_eve_attempt_2026-01-30-15-00-07_{}": ("eve", BLACKBOARD),
    "66-6 - Eve - Jan 30, 2026 300 PM/{}": ("Eve_66", BRIGHTSPACE),
    "66-6 - Eve - Jan 30, 2026 300 PM - {}": ("Eve_66", BRIGHTSPACE),
    "Ode_Eve_eve_66/{}": ("eve", ILIAS),
    "mini-eve/{}": ("eve", GITHUB),
}


def neighbours(form):
    return [Raw(form.format(name=name, id=number), OTHERS) for name, number in (("Ann", 1), ("Bob", 2))]


@pytest.mark.promise("names that would lead elsewhere,")
@given(st.sampled_from(sorted(WAYS)), PATHS, st.none() | PATHS)
@SOME
def test_whatever_files_are_called_they_stay_in_their_students_folder(tmp_path_factory, way, path, inner):
    world = World(tmp_path_factory.mktemp("hostile") / "world")
    own = Raw(way.format(path)) if inner is None else Raw(way.format(f"{path}.zip"), packed(Raw(inner), Raw("ok")))
    student, form = WAYS[way]
    for name in ("Ann_1", "Bob_2"):
        world.write(f"class/submitted/{name}/mini/mini.ipynb", OTHERS)
        if form in (BLACKBOARD, BRIGHTSPACE):
            world.write(f"class/submitted/{name}/mini/timestamp.txt", b"2026-01-30 15:00:00 UTC\n")
    world.before = everything(world.root)
    told = world.collect(packed(own, *neighbours(form)))
    assert told.unchanged == ["Ann_1", "Bob_2"]
    assert not told.changed
    assert set(told.new) <= {student}
    assert all(changed.startswith(f"class/submitted/{student}/mini/") for changed in world.changed())
    assert told.new or told.left_out
    assert "timestamp.txt" not in world.hand_in(student) or world.hand_in(student)["timestamp.txt"] != OWN


@given(st.sampled_from([None, r"(?P<student>eve|Bob_2)/(?P<path>.*)", r"(?:.*/)?(?P<student>eve|Bob_2)/(?P<path>.+)"]),
       PATHS, st.none() | PATHS)  # fmt: skip
@SOME
def test_so_they_do_in_plain_folders_and_by_a_pattern(tmp_path_factory, pattern, path, inner):
    assume(not pattern or "Bob_2/" not in path)  # the pattern itself would say that this is Bob's
    world = World(tmp_path_factory.mktemp("hostile") / "world")
    own = Raw(f"eve/{path}") if inner is None else Raw(f"eve/{path}.zip", packed(Raw(inner), Raw("ok")))
    told = world.collect(packed(own, Raw("Bob_2/mini.ipynb", OTHERS)), pattern)
    assert told.unchanged == ["Bob_2"]
    assert set(told.new) <= {"eve"}
    assert all(changed.startswith("class/submitted/eve/mini/") for changed in world.changed())


@given(PATHS, st.sampled_from(["{}/mini.ipynb", "{}.ipynb", "{}.zip", "{}"]))
@SOME
def test_whatever_students_are_called_nobody_is_written_over(tmp_path_factory, path, form):
    world = World(tmp_path_factory.mktemp("hostile") / "world")
    content = packed(Raw("mini.ipynb")) if form == "{}.zip" else OWN
    told = world.collect(
        packed(Raw(form.format(path), content), Raw("ann/mini.ipynb", b"1"), Raw("joe/mini.ipynb", b"2"))
    )
    assert {"ann", "joe"} <= set(told.new)
    assert (world.hand_in("ann"), world.hand_in("joe")) == ({"mini.ipynb": b"1"}, {"mini.ipynb": b"2"})
    assert path.split("/")[0] in ("Bob_2", "") or not told.changed
    assert all(changed.startswith(("class/submitted/", "class/earlier/Bob_2/")) for changed in world.changed())


@pytest.mark.parametrize(
    "path",
    ["", "/x", "a//b", "a/", "./a", "a/../b", "..", "...", ".. /a", "a/ /b", "a\\b", "C:x", "a/c:b", "a\0b", "\x9b2J",
     "NUL", "aux.txt", "a/Com1.x/b", "x" * 256, "é" * 128, "a/" * 40 + "b", "link/x", "link"],
)  # fmt: skip
def test_a_place_below_a_folder_is_refused(tmp_path, path):
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(Refused):
        below(tmp_path, path)


@pytest.mark.parametrize(
    "path",
    ["a.b", ".hidden", "a b", "Lab 1: final?.ipynb", "é" * 127, "x" * 255, "v1./x", "console.txt", "a/" * 39 + "b", "-",
     "~x", "نام\u200cها", "..a", "a..", "file (2)"],
)  # fmt: skip
def test_a_place_with_an_unusual_name_is_not(tmp_path, path):
    assert below(tmp_path, path) == tmp_path / path


def test_archives_without_a_name_are_refused_whatever_is_in_them(world):
    for name in (".zip", "..zip", "...zip", "a/.zip", "a/..zip", "..\\.zip", "a/. .zip"):
        for inner in ("tmp/x", "/tmp/x", "../x", "mini.ipynb"):
            told = world.collect(packed(Raw(EVE + name, packed(Raw(inner))), Raw(BOB, OTHERS)))
            assert told.left_out == [(EVE + name.replace("\\", "/"), "its name would lead out of the folder")]
    assert not world.changed()


@pytest.mark.promise("or that could be taken for somebody else's, are among it.")
@pytest.mark.parametrize(
    "entry",
    [
        "Bob_2_assignsubmission_file__66_assignsubmission_file_/mini.ipynb",
        "Bob_2_assignsubmission_file_x_66_assignsubmission_file_/mini.ipynb",
        "Bob_2_assignsubmission_file_66_assignsubmission_file_/mini.ipynb",
        "Bob_2_assignsubmission_onlinetext_x_66_assignsubmission_file_mini.ipynb",
        "Bob_2_assignsubmission_file__66_assignsubmission_comments_/mini.ipynb",
        "A_Bob_2_attempt_2026-01-30-15-00-07_x_attempt_2026-01-30-15-00-07_mini.ipynb",
        "Bob_2_3_x_66_77_mini.ipynb",
        "Bob_2_3_66_77_mini.ipynb",
        "Bob_2_3__66_77_mini.ipynb",
        "6-6 - Bob - Jan 1, 2026 100 PM - x - Jan 30, 2026 300 PM/mini.ipynb",
        "6-6 - Bob - Jan 1, 2026 100 PM - x - Jan 30, 2026 300 PM - mini.ipynb",
    ],
)
def test_a_name_that_holds_a_platforms_marks_is_refused(world, entry):
    marks = {"assign": MOODLE, "attempt": BLACKBOARD, " - ": BRIGHTSPACE, "": CANVAS}
    form = next(form for mark, form in marks.items() if mark in entry)
    for own in (Raw(entry), Raw(entry.replace(".ipynb", ".zip"), packed(Raw("mini.ipynb")))):
        told = world.collect(packed(own, *neighbours(form)))
        assert {*told.new, *told.changed, *told.unchanged} == {"Ann_1", "Bob_2"}
        assert "marks" in told.left_out[0][1]
    assert world.hand_in("Bob_2")["mini.ipynb"] == world.hand_in("Ann_1")["mini.ipynb"] == OTHERS
    assert set(os.listdir(world.course.submitted)) == {"Ann_1", "Bob_2"}


@pytest.mark.parametrize(
    ("entry", "student", "path"),
    [
        (EVE + "Bob_2_assignsubmission_file_mini.ipynb", "Eve_66", "Bob_2_assignsubmission_file_mini.ipynb"),
        (EVE + "A_Bob_2_attempt_2026-01-30-15-00-07.txt", "Eve_66", "A_Bob_2_attempt_2026-01-30-15-00-07.txt"),
        ("doe_12345_678_lab_1_2_final.ipynb", "doe_12345", "lab_1_2_final.ipynb"),
        ("doe_12345_678_2026_11_30.ipynb", "doe_12345", "2026_11_30.ipynb"),
        ("A_doe_attempt_2026-01-30-15-00-07_second_attempt_2.ipynb", "doe", "second_attempt_2.ipynb"),
        ("1-2 - Doe - Jan 30, 2026 300 PM/notes - 2026.ipynb", "Doe_1", "notes - 2026.ipynb"),
    ],
)
def test_a_file_that_only_looks_like_one_is_taken(world, entry, student, path):
    told = world.collect(packed(Raw(entry)))
    assert told.new == [student]
    assert world.hand_in(student)[path] == OWN


@pytest.mark.parametrize("odd", ["X_1_assignsubmission_file_/a", "x_ann_attempt_2026-01-30-15-00-07_/a", "1_2_3_a"])
def test_one_odd_name_does_not_cost_a_class_of_plain_folders(world, odd):
    told = world.collect(packed(Raw(odd), Raw("ann/mini.ipynb", b"1"), Raw("joe.ipynb", b"2"), Raw("X_1/b", b"3")))
    assert {"ann", "joe", "X_1"} <= set(told.new)
    assert world.hand_in("ann") == {"mini.ipynb": b"1"}
    assert world.hand_in("X_1") == {"b": b"3"}


def test_two_names_that_lead_to_one_student_are_kept_apart(world):
    time = "attempt_2026-01-30-15-00-07_mini.ipynb"
    world.collect(packed(Raw(f"A_x_ann_{time}"), Raw(f"A_ann_{time}", b"1")))
    assert world.hand_in("ann")["mini.ipynb"] == b"1"
    told = world.collect(packed(Raw(" joe/mini.ipynb"), Raw("joe/mini.ipynb", b"2"), Raw("Joe/mini.ipynb", b"3")))
    assert world.hand_in("joe") == {"mini.ipynb": b"2"}
    assert world.hand_in("Joe") == {"mini.ipynb": b"3"}
    assert told.left_out == [
        (" joe/mini.ipynb", "it would count as 'joe', who has another name in this archive: is it 'joe'?"),
        ("Joe, joe", "are they one student? If so, let a roster say it"),
    ]


def test_what_is_in_a_students_archive_is_theirs(world):
    """Whatever the files in it are called, and if it is the only one."""
    inner = packed(Raw("bob/mini.ipynb"), Raw("joe/mini.ipynb"), Raw(BOB))
    assert world.collect(packed(Raw("eve.zip", inner))).new == ["eve"]
    pattern = r"(?:.*/)?(?P<student>\w+)/(?P<path>.+)"
    assert world.collect(packed(Raw("sue.zip", inner)), pattern).new == ["sue"]
    assert set(world.hand_in("eve")) == {"bob/mini.ipynb", "joe/mini.ipynb", BOB}
    world.collect(packed(Raw("doe_12345_678_work.zip", packed(Raw("mini.ipynb"), Raw("mini/a.csv")))))
    assert set(world.hand_in("doe_12345")) == {"work/mini.ipynb", "work/mini/a.csv"}
    world.collect(packed(Raw("ann/mini.zip", packed(Raw("mini.ipynb"), Raw("a.csv")))))
    assert set(world.hand_in("ann")) == {"mini.ipynb", "a.csv"}
    climbing = packed(Raw("joe.zip", packed(Raw("Bob_2/week/mini.ipynb"))), Raw("ann/week/mini.ipynb"))
    told = world.collect(climbing, r"(?:.*/)?(?P<student>\w+)/week/(?P<path>.+)")
    assert (told.new + told.changed, told.left_out) == (["ann"], [("joe.zip", "its name does not say whose it is")])


def test_a_pattern_whose_groups_are_empty(world):
    pattern = r"(?:(?P<student>\w+)--)?(?P<path>[\w./]+)?(?P<time>!)?"
    told = world.collect(packed(Raw("ann--a/b"), Raw("ann--"), Raw("x"), Raw("ann--a//b"), Raw("ann--../b")), pattern)
    assert told.new == ["ann"]
    assert world.hand_in("ann") == {"a/b": OWN}
    assert len(told.left_out) == 4
    told = world.collect(packed(Raw("ann--a/b"), Raw("?")), pattern)
    assert told.left_out == [("?", "its name does not say whose it is")]


# --- faults of single entries


ZIP64 = struct.pack("<2HQ", 1, 8, 1 << 60)
FAULTS = {
    "flag": Raw(EVE.encode() + b"\xff\xfe", flags=0x800),
    "version": Raw(EVE + "a", version=99),
    "method": Raw(EVE + "a", method=99),
    "locked": Raw(EVE + "a", flags=1),
    "locked in another way": Raw(EVE + "a", flags=0x41),
    "crc": Raw(EVE + "a", crc=1),
    "longer than said": Raw(EVE + "a", b"x" * 99, size=9),
    "much shorter": Raw(EVE + "a", size=1 << 31),
    "no deflate": Raw(EVE + "a", local=b"PK\3\4" + b"\xff" * 60),
    "no bzip2": Raw(EVE + "a", method=zipfile.ZIP_BZIP2),
    "no lzma": Raw(EVE + "a", method=zipfile.ZIP_LZMA),
    "nowhere": Raw(EVE + "a", offset=0xFFFFFF00),
    "elsewhere": Raw(EVE + "a", offset=1),
    "zip64 nowhere": Raw(EVE + "a", offset=0xFFFFFFFF, extra=ZIP64),
    "zip64 huge": Raw(EVE + "a", size=0xFFFFFFFF, extra=ZIP64),
    "zip64 cut": Raw(EVE + "a", size=0xFFFFFFFF, extra=ZIP64[:6]),
    "extra": Raw(EVE + "a", extra=b"\1\0\xff\xff"),
    "link": Raw(EVE + "a", b"/etc/passwd", mode=0o120777),
    "name": Raw(EVE.encode() + b"a\0b"),
    "name of 300": Raw(EVE + "x" * 300),
    "name of 5,000": Raw(EVE + "x/" * 2500 + "x"),
    "name of 65,535": Raw(EVE + "x" * (65_535 - len(EVE))),
    "no name": Raw(b""),
}


@pytest.mark.promise("What could not be given to anybody is listed with its reason and costs nobody else anything;")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_its_entrys_and_told(world, fault):
    good = [Raw(EVE + "mini.ipynb", b"1"), Raw(BOB, OTHERS)]
    told = world.collect(packed(good[0], FAULTS[fault], good[1]))
    assert (told.new, told.unchanged, len(told.left_out)) == (["Eve_66"], ["Bob_2"], 1)
    assert world.hand_in("Eve_66") == {"mini.ipynb": b"1"}
    assert told.left_out[0][1].startswith(("it", "a part", "its"))
    reason = {"locked": "password", "method": "packed in", "link": "link", "flag": "not the text", "crc": "damaged"}
    assert reason.get(fault.split()[0], "") in told.left_out[0][1]
    inner = Raw(EVE.encode() + b"w.zip", packed(Raw("mini.ipynb", b"2"), FAULTS[fault]))
    assert world.collect(packed(inner, good[1])).changed == ["Eve_66"]
    assert world.hand_in("Eve_66") == {"w/mini.ipynb": b"2"}


def test_an_archive_in_another_way_to_pack_is_read(world):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
            with opened.open(zipfile.ZipInfo(f"{EVE}{method}"), "w", force_zip64=True) as file:
                file.write(b"x" * 1000)
            opened.writestr(f"{EVE}{method}é", b"y" * 1000, method)
    for content in (made.getvalue(), b"#!/bin/sh\n" + made.getvalue()):
        assert len(world.collect(content + b"").left_out) == 0
    assert len(world.hand_in("Eve_66")) == 8


def test_a_last_name_that_looks_like_the_end_of_an_archive(world):
    fake = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, 46, 0) + struct.pack(
        "<4sLQL", b"PK\6\7", 0, 0, 1
    )
    told = world.collect(packed(Raw(EVE + "mini.ipynb", b"1"), Raw(BOB, OTHERS), Raw(EVE.encode() + fake)))
    assert (told.new, told.unchanged) == (["Eve_66"], ["Bob_2"])


@given(st.integers(0), st.integers(0, 255), st.integers(0))
@SOME
def test_a_damaged_archive_is_told_of_or_read_as_far_as_it_can_be(tmp_path_factory, at, value, cut):
    world = World(tmp_path_factory.mktemp("hostile") / "world")
    inner = packed(Raw("mini.ipynb", b"1"), Raw("data.csv"))
    content = bytearray(packed(Raw(EVE + "w.zip", inner, method=0), Raw(EVE + "a"), Raw(BOB, OTHERS)))
    content[at % len(content)] = value
    if cut % 3 == 0:
        del content[cut % len(content) :]
    with contextlib.suppress(CourseError):
        world.collect(bytes(content))
    assert all(changed.startswith(("class/submitted/", "class/earlier/Bob_2/")) for changed in world.changed())


# --- floods


def test_one_name_many_times_takes_one_step_each(world, monkeypatch):
    asked = []
    monkeypatch.setattr(hand_in, "below", lambda folder, path: asked.append(path) or below(folder, path))
    world.collect(packed(*(Raw(EVE + "a", b"%d" % i) for i in range(300)), Raw(EVE + "b", b"1"), Raw(EVE + "b", b"1")))
    assert len(world.hand_in("Eve_66")) == 301
    assert len(asked) < 4 * 302


@pytest.mark.promise("Of one student 2,000 files and 200 MB are taken, notebooks first.")
def test_a_flood_of_files_costs_its_student_only(world, monkeypatch):
    monkeypatch.setattr(hand_in, "MOST_FILES", 20)
    monkeypatch.setattr(hand_in, "MOST_TOLD", 5)
    inner = packed(*(Raw(f"{i}") for i in range(50)), Raw("in.ipynb"))
    flood = [Raw(EVE + "w.zip", inner), *(Raw(f"{EVE}{i}") for i in range(50))]
    told = world.collect(packed(*flood, Raw(EVE + "mini.ipynb"), Raw(BOB, OTHERS)))
    assert told.unchanged == ["Bob_2"]
    assert {"mini.ipynb", "w/in.ipynb"} <= set(world.hand_in("Eve_66"))
    assert len(world.hand_in("Eve_66")) == 19
    assert len(told.left_out) == 6
    assert told.left_out[-1] == ("Eve_66: 78 more", "its student handed in more than 20 files")


def test_a_long_list_of_files_is_not_read(world, monkeypatch):
    monkeypatch.setattr(hand_in, "MOST_LISTED", 1000)
    short, long = packed(Raw("mini.ipynb")), packed(*(Raw(f"{i}") for i in range(50)))
    told = world.collect(packed(Raw(EVE + "a.zip", long), Raw(EVE + "b.zip", short), Raw(BOB, OTHERS)))
    assert told.left_out == [(EVE + "a.zip", "it lists more files than anybody hands in")]
    many = [Raw(f"{EVE}{i}.zip", packed(*(Raw(f"{k}") for k in range(5)))) for i in range(9)]
    told = world.collect(packed(*many, Raw(BOB, OTHERS)))
    assert [why for _, why in told.left_out] == ["it lists more files than anybody hands in"] * 5
    monkeypatch.setattr(archive.Archive.__init__, "__defaults__", (1000,))
    with pytest.raises(CourseError, match="can't be taken: it lists more files"):
        world.collect(long)


def test_bombs_use_up_what_is_their_students(world, monkeypatch):
    """Nested, and such as share their data: what counts is what is unpacked."""
    monkeypatch.setattr(hand_in, "MOST_BYTES", 100_000)
    zeros = b"\0" * 30_000
    shared = [Raw("a", zeros), *(Raw(f"{i}", zeros, offset=0, local=b"") for i in range(50))]
    nested = packed(*(Raw(f"{i}", zeros) for i in range(50)))
    broken = [Raw(f"{EVE}{i}", zeros, crc=1) for i in range(50)]
    for bomb in ([Raw(EVE + "w.zip", nested)], [Raw(EVE + "s.zip", packed(*shared))], broken):
        unpacked = []
        reads = archive.Archive.read

        def read(self, entry, room, reads=reads, unpacked=unpacked):
            for piece in reads(self, entry, room):
                unpacked.append(len(piece))
                yield piece

        with monkeypatch.context() as watched:
            watched.setattr(archive.Archive, "read", read)
            told = world.collect(packed(Raw(EVE + "mini.ipynb", b"1"), *bomb, Raw(BOB, OTHERS)))
        assert told.unchanged == ["Bob_2"]
        assert world.hand_in("Eve_66")["mini.ipynb"] == b"1"
        assert sum(unpacked) < 200_000


# --- what lies there already


def test_links_are_not_followed(world):
    submitted = world.course.submitted
    (submitted / "Eve_66").symlink_to(submitted / "Bob_2")
    (submitted / "Ann_1" / "mini").parent.mkdir()
    (submitted / "Ann_1" / "mini").symlink_to(submitted / "Bob_2" / "mini")
    (submitted / "Ann_1" / ".mini.collecting").symlink_to(world.root)
    ann = "Ann_1_assignsubmission_file_/mini.ipynb"
    told = world.collect(packed(Raw(EVE + "mini.ipynb"), Raw(ann), Raw(BOB, OTHERS)))
    assert (told.new, told.changed, told.unchanged) == ([], ["Ann_1"], ["Bob_2"])
    assert told.left_out == [("Eve_66", "a link to another place is in its way")]
    assert world.hand_in("Ann_1") == {"mini.ipynb": OWN}
    (world.root / "class" / "earlier" / "Sue_3").symlink_to(world.root)
    world.write("class/submitted/Sue_3/mini/mini.ipynb", b"1")
    told = world.collect(packed(Raw("Sue_3_assignsubmission_file_/mini.ipynb"), Raw(ann, b"2")))
    assert told.changed == ["Ann_1"]
    assert told.left_out == [("Sue_3", "a link to another place is in its way")]
    assert world.hand_in("Sue_3") == {"mini.ipynb": b"1"}
    assert all(path.startswith("class/") for path in world.changed())


def test_files_where_folders_are_needed_and_the_reverse(world):
    world.write("class/submitted/Eve_66", b"1")
    world.write("class/submitted/Ann_1/mini", b"2")
    world.write("class/earlier/Joe_4", b"3")
    world.write("class/submitted/Joe_4/mini/mini.ipynb", b"4")
    who = ("Eve_66", "Ann_1", "Joe_4")
    told = world.collect(packed(*(Raw(f"{name}_assignsubmission_file_/mini.ipynb") for name in who), Raw(BOB, OTHERS)))
    assert (told.changed, told.unchanged) == (["Ann_1"], ["Bob_2"])
    assert sorted(student for student, _ in told.left_out) == ["Eve_66", "Joe_4"]
    assert b"2" in [c for path, c in everything(world.root).items() if path.startswith("class/earlier/Ann_1/")]
    assert world.hand_in("Joe_4") == {"mini.ipynb": b"4"}
    ann = "Ann_1_assignsubmission_file_/a"
    told = world.collect(packed(Raw(ann), Raw(f"{ann}/mini.ipynb", b"1"), Raw(f"{ann}/mini.ipynb/x")))
    assert world.hand_in("Ann_1") == {"a/mini.ipynb": b"1", "a (2)": OWN}
    assert [why for _, why in told.left_out] == ["there is a file where its folder should be"]


def test_pipes_and_links_in_earlier_work_are_never_read(world):
    folder = world.course.submitted / "Eve_66" / "mini"
    world.write("class/submitted/Eve_66/mini/mini.ipynb", OWN)
    os.mkfifo(folder / "pipe")
    (folder / "endless").symlink_to("/dev/zero")
    (folder / "up").symlink_to("..")
    assert world.collect(packed(Raw(EVE + "mini.ipynb"))).changed == ["Eve_66"]
    assert world.hand_in("Eve_66") == {"mini.ipynb": OWN}
    (folder / "mini.ipynb").unlink()
    (folder / "mini.ipynb").symlink_to(world.course.submitted / "Bob_2" / "mini" / "mini.ipynb")
    assert world.collect(packed(Raw(EVE + "mini.ipynb", OTHERS))).changed == ["Eve_66"]
    assert not (folder / "mini.ipynb").is_symlink()


def test_read_only_work_is_replaced(world):
    path = world.course.submitted / "Bob_2" / "mini"
    (path / "mini.ipynb").chmod(0o400)
    path.chmod(0o500)
    assert world.collect(packed(Raw(BOB))).changed == ["Bob_2"]
    assert world.hand_in("Bob_2") == {"mini.ipynb": OWN}


@pytest.mark.parametrize("step", ["write", "move the earlier one away", "move the new one in"])
def test_a_hand_in_is_laid_down_whole_or_not_at_all(world, monkeypatch, step):
    """A full disk at one step with one of three students."""
    eve, joe = EVE + "mini.ipynb", "Joe_4_assignsubmission_file_/mini.ipynb"
    world.collect(packed(Raw(eve, b"1"), Raw(EVE + "b", b"1")))
    add, rename, path = hand_in.Fresh._add, type(world.root).rename, type(world.root)
    mine = world.course.submitted / "Eve_66" / "mini"

    def full(fails, else_do):
        if fails:
            raise OSError(28, "No space left on device")
        return else_do()

    if step == "write":
        monkeypatch.setattr(hand_in.Fresh, "_add", lambda self, path, pieces: full(
            path == "b", lambda: add(self, path, pieces)))  # fmt: skip
    elif step == "move the earlier one away":
        monkeypatch.setattr(path, "rename", lambda self, to: full(self == mine, lambda: rename(self, to)))
    else:
        monkeypatch.setattr(path, "rename", lambda self, to: full(
            self.name == "hand-in" and to == mine, lambda: rename(self, to)))  # fmt: skip
    told = world.collect(packed(Raw(BOB), Raw(eve, b"2"), Raw(EVE + "b", b"2"), Raw(joe)))
    assert (told.new, told.changed) == (["Joe_4"], ["Bob_2"])
    assert told.left_out == [("Eve_66", "the disk does not take it (No space left on device); what was there stays")]
    assert world.hand_in("Eve_66") == {"mini.ipynb": b"1", "b": b"1"}
    assert not [path for path in everything(world.root) if "collecting" in path]


def test_an_unforeseen_error_is_one_students(world, monkeypatch):
    add = hand_in.Fresh._add

    def odd(self, path, pieces):
        if self.left.student == "Eve_66":
            raise RecursionError
        return add(self, path, pieces)

    monkeypatch.setattr(hand_in.Fresh, "_add", odd)
    told = world.collect(packed(Raw(EVE + "mini.ipynb"), Raw(BOB)))
    assert (told.changed, told.left_out) == (
        ["Bob_2"], [("Eve_66", "it can't be laid down (RecursionError); what was there stays")],
    )  # fmt: skip


# --- what must not be lost


def test_a_later_attempt_that_cannot_be_read_does_not_cost_the_earlier_one(world):
    name = "A_eve_attempt_2026-01-{}-15-00-00_mini.ipynb"
    told = world.collect(packed(Raw(name.format(28), b"1"), Raw(name.format(29), b"2"), Raw(name.format(30), crc=1)))
    assert world.hand_in("eve") == {"mini.ipynb": b"2", "timestamp.txt": b"2026-01-29 15:00:00 UTC\n"}
    assert [why for _, why in told.left_out] == ["it is damaged"]
    assert [why for _, why in told.passed_over] == ["there is a later attempt"]


@pytest.mark.promise("When somebody handed in is what the platform says: a `timestamp.txt` in an archive is left out.")
def test_nobody_says_when_they_handed_in(world):
    name = "A_eve_attempt_2026-01-30-15-00-00_{}"
    for entry in (name.format("timestamp.txt"), EVE + "timestamp.txt", EVE + "Timestamp.TXT", EVE + "timestamp.txt/x"):
        told = world.collect(packed(Raw(entry), Raw(entry.replace(entry[-13:], "mini.ipynb")), Raw(BOB, OTHERS)))
        assert "the time of a hand-in is not taken from what was handed in" in [why for _, why in told.left_out]
    assert world.hand_in("eve")["timestamp.txt"] == b"2026-01-30 15:00:00 UTC\n"
    assert not any(path.lower().startswith("timestamp") for path in world.hand_in("Eve_66"))
    world.collect(packed(Raw("sue/mini.zip", packed(Raw("timestamp.txt"), Raw("mini.ipynb")))))
    assert world.hand_in("sue") == {"mini.ipynb": OWN}


def test_unusual_work_arrives_whole(world):
    names = ["Lab 1: final?.ipynb", "a b/c d.csv", "Ünïcode/数.csv", "x" * 200 + ".csv", "v1./a", "a/" * 30 + "b",
             "Data.csv", "data.csv", "-", "...a"]  # fmt: skip
    told = world.collect(packed(*(Raw(EVE + name, name.encode()) for name in names)))
    assert not told.left_out
    assert world.hand_in("Eve_66") == {name: name.encode() for name in names}
    again = world.collect(packed(*(Raw(EVE + name, name.encode()) for name in names)))
    assert again.unchanged == ["Eve_66"]
    assert "earlier" not in os.listdir(world.course.class_dir)


def test_a_class_folder_whose_submitted_lies_elsewhere(world):
    world.course.submitted.rename(world.root / "large disk")
    world.course.submitted.symlink_to(world.root / "large disk")
    assert world.collect(packed(Raw(BOB), Raw(EVE + "mini.ipynb"))).changed == ["Bob_2"]
    assert world.hand_in("Eve_66") == {"mini.ipynb": OWN}


def test_the_place_is_asked_for_again_when_it_is_written(world, monkeypatch):
    """Whoever swaps a student's folder for a link meanwhile finds nothing written through it."""
    fill = hand_in.Fresh.fill

    def swap(self, opened, items):
        fill(self, opened, items)
        if self.left.student == "Eve_66":
            os.symlink(world.root, world.course.submitted / "Eve_66")

    monkeypatch.setattr(hand_in.Fresh, "fill", lambda self, opened, items: swap(self, opened, items) if items else None)
    told = world.collect(packed(Raw(EVE + "mini.ipynb"), Raw(BOB, OTHERS)))
    assert told.left_out == [("Eve_66", "a link to another place is in its way")]
    assert safe_path.DEEPEST < 100
