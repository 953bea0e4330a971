"""Two students never become one, nor one two, in silence: what is not sure is asked, and nobody gets it."""

from __future__ import annotations

import io
import json
import tarfile
import unicodedata

import pytest
from collect_kit import NOTEBOOK, arrived, course_in, tarred, zipped
from typer.testing import CliRunner

from autograder import cli
from autograder.submission import intake
from autograder.submission.collect import collect, hand_in, late_note
from helpers.errors import CourseError

METADATA = """---
submission_901:
  :submitters:
  - :name: Jane Doe
    :sid: '7001'
    :email: jdoe@uni.example
  :created_at: 2026-11-03 22:34:05.123456000 Z
  :score: 0.0
submission_902:
  :submitters:
  - :name: Bo Li
    :sid: ''
    :email: bli@uni.example
  - :name: Ann Ode
    :sid: '7003'
    :email: ode@uni.example
  :created_at: 2026-11-03 21:00:00.000000000 Z
"""


@pytest.fixture
def course(tmp_path):
    return course_in(tmp_path, "mini", "next")


@pytest.fixture
def take(course, tmp_path):
    """Collect names (or name -> bytes); a second argument names the assignment."""

    def run(files, name="mini", **options):
        files = files if isinstance(files, dict) else dict.fromkeys(files, NOTEBOOK)
        return collect(name, zipped(files, tmp_path / "all.zip"), course, **options)

    return run


def whys(told):
    return " ".join(why for _, why in told.left_out)


# --- one reading explains the whole archive


@pytest.mark.promise(
    "How that platform names things is learnt from the whole archive, never from one file, and a folder "
    "around everything is passed over."
)
@pytest.mark.parametrize(
    ("files", "students"),
    [
        (["class/a/mini.ipynb", "class/b/mini.ipynb", "notes.txt"], ["a", "b"]),
        (["class/a/x.ipynb", "class/b/y.zip", "class/notes.txt"], ["a", "b"]),
        (["class/a.ipynb", "class/b.ipynb"], ["a", "b"]),
        (["all/doejane_125_4569_mini.ipynb", "all/li_LATE_126_4570_x.ipynb", "readme.txt"], ["doejane_125", "li_126"]),
        (["Blatt 01/Abgaben/Doe_Jane_jdoe_3301/x.ipynb", "Blatt 01/Abgaben/Li_Bo_b_li_3302/x.ipynb"], ["b_li", "jdoe"]),
        (["Blatt 01/Abgaben/Team 1/Doe_Jane_jdoe_3301/x.ipynb", "Blatt 01/Abgaben/Team 2/Li_Bo_bli_3302/x.ipynb"],
         ["bli", "jdoe"]),
        (["multi_feedback_Blatt_01_77/Doe_Jane_jdoe_3301/x.ipynb", "multi_feedback_Blatt_01_77/Li_Bo_bli_3302/x.ipynb",
          "multi_feedback_Blatt_01_77/status.xlsx", "multi_feedback_Blatt_01_77/README.md"], ["bli", "jdoe"]),
        (["a.ipynb", "b.ipynb", "c_2026_11_final.ipynb"], ["a", "b", "c_2026_11_final"]),
        (["mini-submissions/mini-jdoe/mini.ipynb", "mini-submissions/mini-bli/mini.ipynb",
          "mini-submissions/mini-bli/.git/config"], ["bli", "jdoe"]),
        (["Jane Doe - mini.ipynb", "Bo Li - my work.ipynb"], ["Bo Li", "Jane Doe"]),
        (["mini_ann.ipynb", "bob_mini.ipynb"], ["ann", "bob"]),
        (["1-9 - Anne-Marie Smith-Jones - Nov 3, 2026 1134 PM/x.ipynb", "2-9 - Bo Li - Nov 3, 2026 1134 PM/x.ipynb",
          "index.html"], ["Anne-Marie Smith-Jones_1", "Bo Li_2"]),
        (["Lab_1_2_ann_attempt_2026-11-03-22-34-05_x.ipynb", "Lab_1_2_bob_attempt_2026-11-03-22-34-05_x.ipynb",
          "Lab_1_2_ann_attempt_2026-11-03-22-34-05.txt", "Lab_1_2_bob_attempt_2026-11-03-22-34-05.txt"],
         ["ann", "bob"]),
    ],
)  # fmt: skip
def test_wrappers_and_strays_make_nobody_somebody_else(take, files, students):
    content = dict.fromkeys(files, NOTEBOOK) | {path: zipped({"x.ipynb": NOTEBOOK}) for path in files if ".zip" in path}
    content |= {path: f"Name: X ({path.split('_')[3]})\n".encode() for path in files if path.endswith("05.txt")}
    told = take(content)
    assert told.new == students
    strays = [path for path in files if path in ("notes.txt", "class/notes.txt")]
    assert [path for path, _ in told.left_out] == strays


@pytest.mark.promise("**What is not sure is asked, and nobody gets it.**")
@pytest.mark.parametrize(
    "files",
    [
        ["class/a/mini.ipynb", "class/b/mini.ipynb", "c.ipynb"],
        ["class/anna.ipynb", "class/ben.ipynb", "other/mini.ipynb"],
        ["class/anna.zip", "class/ben.zip", "other/mini.ipynb"],
        ["section1/doejane_125_4569_mini.ipynb", "section1/li_126_4570_mini.ipynb", "other/mini.ipynb"],
    ],
)
def test_a_student_who_holds_several_students_notebooks_is_asked_about(take, files):
    told = take(files)
    folder = files[0].partition("/")[0]
    assert len(told.new) == 1
    assert [path for path, _ in told.left_out] == files[:2]
    assert f"does the folder {folder!r} hold one student's work, or several students'?" in whys(told)


def test_a_lone_folder_of_folders_is_asked_about_or_known(take, course):
    files = ["ann/src/mini.ipynb", "ann/data/a.csv"]
    with pytest.raises(CourseError, match="does the folder 'ann' hold one student's work"):
        take(files)
    (course.submitted / "ann").mkdir(parents=True)
    assert take(files).new == ["ann"]
    assert take(["class/ann/mini.ipynb"]).changed == ["ann"]


def test_a_name_of_another_kind_among_a_platforms_is_told(take):
    told = take(["doejane_125_4569_x.ipynb", "li_126_4570_x.ipynb", "ode_127_4571_x.ipynb", "bob.ipynb"])
    assert told.new == ["doejane_125", "li_126", "ode_127"]
    assert told.left_out == [("bob.ipynb", "its name does not say whose it is")]
    told = take(["ann/x.ipynb", "bob/x.ipynb", "Eve_1_assignsubmission_file_/x.ipynb"])
    assert "unlike the others" in whys(told)


def test_names_that_are_the_assignments_are_nobodys(take):
    told = take(["ann.ipynb", "mini.ipynb", "mini (1).ipynb", "Copy of mini.ipynb", "mini-2.ipynb", "Untitled1.ipynb"])
    assert told.new == ["ann"]
    assert len(told.left_out) == 5


def test_on_canvas_numbers_in_the_names_of_files_are_no_students(take):
    told = take(["doejane_42_4569001_hw_2026_11_30.ipynb", "li_43_4569002_2026_11.ipynb", "ode_44_4569003_x.ipynb",
                 "bob_44_3_mallory_45_4569004_x.ipynb"])  # fmt: skip
    assert told.new == ["bob_44_3_mallory_45", "doejane_42", "li_43", "ode_44"]
    assert not told.left_out


def test_uploads_on_canvas_that_are_archives_are_opened(take, course):
    content = {"lab/mini.ipynb": NOTEBOOK}
    told = take({"doejane_125_4569_hw.zip": zipped(content), "li_126_4570_hw.tar.gz": tarred(content)})
    assert told.new == ["doejane_125", "li_126"]
    assert set(arrived(course)) == {"doejane_125/mini/hw/lab/mini.ipynb", "li_126/mini/hw/lab/mini.ipynb"}


def test_two_notebooks_of_one_name_in_a_google_classroom_are_asked_about(take):
    told = take(["Jane Doe - mini.ipynb", "Jane Doe - mini (1).ipynb", "Bo Li - mini.ipynb"])
    assert told.new == ["Bo Li"]
    assert whys(told).count("2 notebooks say that they are 'Jane Doe''s: which is?") == 2


def test_two_files_of_one_name_may_be_two_students(take, course, tmp_path):
    content = zipped({"anna.ipynb": b"1", "xnna.ipynb": b"2", "bob.ipynb": b"3"}).replace(b"xnna", b"anna")
    (tmp_path / "all.zip").write_bytes(content)
    told = collect("mini", tmp_path / "all.zip", course)
    assert told.new == ["bob"]
    assert told.left_out == [("anna.ipynb", "2 files have this name, perhaps of several students")] * 2


# --- Blackboard


def test_a_login_with_an_underscore_is_whole(take):
    time = "attempt_2026-11-03-22-34-05"
    receipts = {f"Week_1_{login}_{time}.txt": b"Name: A (x) Li (%s)\r\nAssignment: Week_1\r\n" % login.encode()
                for login in ("a_li", "b_li", "x_victim")}  # fmt: skip
    files = {path.replace(".txt", "_mini.ipynb"): path.encode() for path in receipts}
    assert take(receipts | files).new == ["a_li", "b_li", "x_victim"]
    with pytest.raises(CourseError, match="may end in several logins"):
        take(files, "next")


def test_without_receipts_a_login_is_on_the_roster_or_asked_about(take, course):
    time = "attempt_2026-11-03-22-34-05_mini.ipynb"
    told = take([f"Quiz_a_li_{time}", f"Quiz_victim_{time}"])
    assert told.new == ["a_li", "victim"]
    with pytest.raises(CourseError, match="may end in several logins"):
        take([f"Quiz_x_victim_{time}"], "next")
    (course.class_dir / "roster.csv").write_text("id\nx_victim\na_li\n")
    assert take([f"Quiz_x_victim_{time}"], "next").new == ["x_victim"]
    (course.class_dir / "roster.csv").write_text("id\nx_victim\nvictim\n")
    with pytest.raises(CourseError, match="may end in several logins"):
        take([f"Quiz_x_victim_{time}"], "next")


def test_a_receipt_alone_is_no_hand_in(take):
    time = "attempt_2026-11-03-22-34-05"
    told = take({f"Quiz_ann_{time}_mini.ipynb": NOTEBOOK, f"Quiz_ann_{time}.txt": b"", f"Quiz_bob_{time}.txt": b""})
    assert told.new == ["ann"]
    assert told.left_out == [(f"Quiz_bob_{time}.txt", "it is the platform's receipt, and there is no file beside it")]


# --- Gradescope


def test_gradescope_says_who_and_when_in_its_metadata(take, course):
    files = {"assignment_5_export/submission_901/x.ipynb": b"1", "assignment_5_export/submission_902/x.ipynb": b"2",
             "assignment_5_export/submission_metadata.yml": METADATA.encode()}  # fmt: skip
    told = take(files)
    assert (told.new, told.left_out, told.zone) == (["7001", "7003", "bli@uni.example"], [], "")
    here = arrived(course)
    assert here["7001/mini/timestamp.txt"] == b"2026-11-03 22:34:05 UTC\n"
    assert here["7003/mini/x.ipynb"] == here["bli@uni.example/mini/x.ipynb"] == b"2"
    for without in ({**files, "assignment_5_export/submission_metadata.yml": b"- \xff"}, dict(list(files.items())[:2])):
        with pytest.raises(CourseError, match=r"says whose it is in submission_metadata\.yml"):
            take(without)


# --- one student stays one


def test_an_umlaut_in_two_forms_is_one_letter(take, course):
    forms = [unicodedata.normalize(form, "Jörg Müller") for form in ("NFC", "NFD")]
    assert take([f"{forms[0]}/mini.ipynb", f"{forms[1]}/data.csv"]).new == [forms[0]]
    assert take([f"{forms[1]}/mini.ipynb"], "next").new == [forms[0]]
    (course.submitted / forms[0]).rename(course.submitted / forms[1])
    assert take([f"{forms[0]}/mini.ipynb"]).changed == [forms[1]]


def test_macos_writes_utf8_without_saying_so(take, course, tmp_path):
    name = unicodedata.normalize("NFD", "Jörg") + "/mini.ipynb"
    plain = "J" + "x" * (len(name.encode()) - 1)
    content = zipped({plain: NOTEBOOK}).replace(plain.encode(), name.encode())
    (tmp_path / "all.zip").write_bytes(content)
    assert collect("mini", tmp_path / "all.zip", course).new == ["Jörg"]


@pytest.mark.promise(
    "Without a roster the folder is called as in the table. Moodle's numbers are new in each assignment, "
    "so the name says who it was before;"
)
def test_moodles_numbers_are_new_and_the_student_is_not(take, course):
    entry = "{}_assignsubmission_file_/x.ipynb".format
    assert take([entry("Jane Doe_11"), entry("Bo Li_12")]).new == ["Bo Li_12", "Jane Doe_11"]
    assert take([entry("Jane Doe_21"), entry("Ann Ode_23")], "next").new == ["Ann Ode_23", "Jane Doe_11"]
    again = take({entry("Jane Doe_21"): b"2"}, "next")
    assert (again.new, again.changed) == ([], ["Jane Doe_11"])
    namesake = take([entry("Jane Doe_21"), entry("Jane Doe_29")], "next")
    assert (namesake.new, namesake.changed) == (["Jane Doe_29"], ["Jane Doe_11"])


@pytest.mark.promise("two people of one name are asked about from the second assignment on,")
def test_two_people_of_one_name_are_asked_about(take, course):
    entry = "{}_assignsubmission_file_/x.ipynb".format
    assert take([entry("Jane Doe_11"), entry("Bo Li_12")]).new == ["Bo Li_12", "Jane Doe_11"]
    told = take([entry("Jane Doe_21"), entry("Jane Doe_22"), entry("Bo Li_23")], "next")
    assert told.new == ["Bo Li_12"]
    assert whys(told).count("who has another name in this archive") == 2
    assert take([entry("Jane Doe_11"), entry("Jane Doe_13"), entry("Bo Li_12")]).new == ["Jane Doe_13"]
    told = take([entry("Jane Doe_21"), entry("Bo Li_23")], "next")
    assert "is it 'Jane Doe_11' or 'Jane Doe_13'?" in whys(told)


@pytest.mark.promise("and so are names that differ in capitals or signs alone.")
def test_names_that_differ_in_capitals_are_asked_about(take):
    assert not take(["Ann/mini.ipynb", "bob/mini.ipynb"]).left_out
    told = take(["ann/mini.ipynb", "bob/mini.ipynb"], "next")
    assert told.left_out == [("Ann, ann", "are they one student? If so, let a roster say it")]


# --- a roster decides


ROSTER = """id,name,email,canvas,group
jdoe,Jane Doe,jane@uni.example,125,Group A
bli,"Li, Bo",bo@uni.example,,Group A
mul,Pål Müller,jm@uni.example,,
ode,Ann Ode,ode@uni.example,,
"""


@pytest.fixture
def roster(course):
    path = course.class_dir / "roster.csv"
    path.write_text(ROSTER, encoding="utf-8")
    return path


@pytest.mark.promise(
    "**A roster decides.** `roster.csv` in the class folder (or `--roster FILE`) lists the class: `id` "
    "names the student's folder; `name`, `email`, `login`, `group`, and columns called `moodle`, `canvas` "
    "and so on with that platform's number or login, say who is meant."
)
@pytest.mark.parametrize(
    ("file", "student"),
    [
        ("doejanette_125_4569_x.ipynb", "jdoe"),
        ("libo_126_4570_x.ipynb", "bli"),
        ("Jane Doe_77_assignsubmission_file_/x.ipynb", "jdoe"),
        ("Mueller_Pal_jm17_3301/x.ipynb", "mul"),
        ("Mueller_Paal_jm17_3301/x.ipynb", "mul"),
        ("müllerpål_125000_4569_x.ipynb", "mul"),
        ("Quiz_a_bli_attempt_2026-11-03-22-34-05_x.ipynb", "bli"),
        ("Quiz_bli_attempt_2026-11-03-22-34-05_x.ipynb", "bli"),
        ("jane@uni.example/x.ipynb", "jdoe"),
        ("bo_li.ipynb", "bli"),
    ],
)
def test_a_roster_knows_people_by_number_login_mail_and_name(take, roster, file, student):
    told = take([file])
    assert told.new == [student]
    assert told.missing == sorted({"jdoe", "bli", "mul", "ode"} - {student})


@pytest.mark.promise("Whoever is not on it is refused, with the nearest name; whoever handed in nothing is named;")
def test_nobody_else_is_taken_and_the_nearest_name_is_said(take, roster):
    told = take(["jdoe/x.ipynb", "Jan Doe/x.ipynb", "zz/x.ipynb"])
    assert told.new == ["jdoe"]
    assert told.left_out == [
        ("Jan Doe/x.ipynb", "'Jan Doe' is not on the roster; nearest is 'Jane Doe' (jdoe)"),
        ("zz/x.ipynb", "'zz' is not on the roster"),
    ]
    assert (told.missing, told.known) == (["bli", "mul", "ode"], 4)


def test_two_hand_ins_for_one_name_on_the_roster_are_asked_about(take, roster):
    told = take(["jdoe/x.ipynb", "jane@uni.example/x.ipynb", "ode/x.ipynb"])
    assert told.new == ["ode"]
    assert whys(told).count("is it") == 2
    told = take(["jdoe/x.ipynb", "Jane Doe/x.ipynb", "ode/x.ipynb"])
    assert told.new == ["jdoe"]
    assert [path for path, _ in told.left_out] == ["Jane Doe/x.ipynb"]


def test_two_of_one_name_on_the_roster_need_a_number(take, roster):
    roster.write_text("id;name;moodle\na;Jane Doe;\nb;Jane Doe;\n", encoding="utf-8-sig")
    file = "Jane Doe_77_assignsubmission_file_/x.ipynb"
    with pytest.raises(CourseError, match="is 'Jane Doe' 'a' or 'b'"):
        take([file])
    roster.write_text("id;name;moodle\na;Jane Doe;77\nb;Jane Doe;\n", encoding="utf-8-sig")
    assert take([file]).new == ["a"]


@pytest.mark.promise("a roster with a column `moodle` (the numbers of that assignment) prevents it.")
def test_a_name_with_another_number_than_the_rosters_is_refused(take, roster):
    roster.write_text("id,name,moodle\na,Jane Doe,77\nb,Bo Li,\n")
    told = take(["Jane Doe_78_assignsubmission_file_/x.ipynb", "Bo Li_79_assignsubmission_file_/x.ipynb"])
    assert told.new == ["b"]
    assert whys(told) == "'Jane Doe' is not on the roster with the number 78; nearest is 'Jane Doe' (a)"


@pytest.mark.promise("the work of a group or team is given to each of its members.")
def test_a_groups_work_is_each_members(take, roster, course):
    told = take(["Group A_9_assignsubmission_file_/x.ipynb", "Ann Ode_4_assignsubmission_file_/x.ipynb"])
    assert told.new == ["bli", "jdoe", "ode"]
    roster.write_text("id,group\njdoe,Team 7\nbli,Team 7\node,\n")
    told = take(
        ["Blatt/Abgaben/Team 7/Li_Bo_bli_3302/x.ipynb", "Blatt/Abgaben/Team 8/Ode_Ann_ode_3303/x.ipynb"], "next"
    )
    assert told.new == ["bli", "jdoe", "ode"]
    assert [one.team for one in told.given] == ["Team 7", "Team 7", "Team 8"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(b"", "needs a first line"), (b"name\nx\n", "needs a first line"), (b"id\na\na\n", "holds 'a' twice"),
     (b"id\n\xff\n", "is not UTF-8"), (b"id\n../x\n", "can't be the name of a student")],
)  # fmt: skip
def test_a_roster_that_cannot_be_used_says_why(take, roster, text, sentence):
    roster.write_bytes(text)
    with pytest.raises(CourseError, match=sentence):
        take(["a/x.ipynb"])
    with pytest.raises(CourseError, match="can't be read"):
        take(["a/x.ipynb"], roster=roster / "none")


# --- times


@pytest.mark.promise(
    "A time without a zone is read in `--timezone`, else in your machine's, which is then said, and written in UTC."
)
def test_times_are_the_platforms(take, course):
    name = "Quiz_{}_attempt_2026-{}-01-22-34-05_x.ipynb".format
    told = take([name("ann", "07"), name("bob", "12")], timezone="Europe/Berlin")
    here = arrived(course)
    assert told.zone == "Europe/Berlin"
    assert here["ann/mini/timestamp.txt"] == b"2026-07-01 20:34:05 UTC\n"
    assert here["bob/mini/timestamp.txt"] == b"2026-12-01 21:34:05 UTC\n"
    assert take([name("ann", "07")], "next").zone.startswith("this machine's, ")
    assert take(["ann/x.ipynb"]).zone == ""
    with pytest.raises(CourseError, match="--timezone 'Berlin' is not known"):
        take([name("ann", "07")], timezone="Berlin")


@pytest.mark.promise("Canvas says `LATE` and no time: collecting names these students, and the report notes it.")
def test_late_is_kept(take, course):
    told = take(["doejane_LATE_125_4569_x.ipynb", "li_126_4570_x.ipynb"])
    assert [one.student for one in told.given if one.late] == ["doejane_125"]
    assert late_note(course, "mini", "doejane_125") == [
        "Canvas marks it as LATE and does not say when it was handed in."
    ]
    assert late_note(course, "mini", "doejane_125")[0] in intake.hand_in(course, "mini", "doejane_125").notes
    assert late_note(course, "mini", "li_126") == late_note(course, "next", "doejane_125") == []
    take(["doejane_125_4571_x.ipynb"])
    assert late_note(course, "mini", "doejane_125") == []


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": {"called": 1}}', "nonsense"])
def test_a_record_that_is_none_is_passed_over(take, course, text):
    place = course.class_dir / "collected" / "mini.json"
    place.parent.mkdir()
    place.write_text(text)
    assert take(["ann/x.ipynb"]).new == ["ann"]
    assert json.loads(place.read_text()) == {"ann": {"called": "ann", "platform": "", "late": False}}


def test_attempts_whose_times_cannot_be_read_are_asked_about(take, course):
    name = "1{0}-9 - {1} - {2} Mrz 2026 2334/x.ipynb".format
    told = take([name(1, "Bo Li", "3."), name(2, "Jane Doe", "3."), name(2, "Jane Doe", "4.")])
    assert told.new == ["Bo Li_11"]
    assert whys(told).count("there are several attempts, and which is the latest can't be read") == 2


# --- kinds of files


@pytest.mark.promise("Notebooks whose ending a browser has changed get it back,")
@pytest.mark.parametrize(
    "name", ["mini.IPYNB", "mini.ipynb.json", "mini.ipynb.txt", "mini.ipynb (1).txt", "mini.Ipynb.download"]
)
def test_a_spoilt_name_is_a_notebooks(take, course, name):
    take({f"ann/{name}": b"1"})
    take({f"bob{name.removeprefix('mini')}": b"2", "eve.ipynb": b"3"}, "next")
    here = arrived(course)
    assert here["ann/mini/mini.ipynb"] == b"1"
    assert here["bob/next/next.ipynb"] == b"2"


@pytest.mark.promise("and archives are opened: `.zip`, `.tar`, `.tar.gz`, `.tar.bz2`, `.tar.xz`,")
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_archives_are_opened(take, course, mode):
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    files = {"./mini.ipynb": NOTEBOOK, "../../evil": b"x", link: b"", "/etc/evil": b"x"}
    told = take({"ann/homework.tar" + mode[1:].replace(":", "."): tarred(files, mode)})
    assert set(arrived(course)) == {"ann/mini/homework/mini.ipynb"}
    assert [why for _, why in told.left_out] == [
        "its name would lead out of the folder", "it is a link, not a file", "its name would lead out of the folder",
    ]  # fmt: skip


def test_a_tar_archive_that_swells_costs_its_student_only(take, course, monkeypatch):
    monkeypatch.setattr(hand_in, "MOST_BYTES", 100_000)
    bomb = tarred({f"{n}": b"\0" * 50_000 for n in range(100)})
    told = take({"ann/mini.ipynb": NOTEBOOK, "ann/a.tgz": bomb, "ann/b.tgz": bomb, "bob/mini.ipynb": NOTEBOOK})
    assert told.new == ["ann", "bob"]
    assert set(arrived(course)) == {"ann/mini/mini.ipynb", "bob/mini/mini.ipynb"}
    assert whys(told).count("too large together") == 2


@pytest.mark.promise("a `.rar` is told of.")
@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar", "a.tar.xz", "a.7z", "a.rar", "a.zip"])
def test_an_archive_that_is_none_is_told(take, name):
    told = take({f"ann/{name}": b"nonsense", "ann/mini.ipynb": NOTEBOOK})
    assert told.new == ["ann"]
    assert "damaged" in whys(told) or "py7zr" in whys(told) or "rar archive" in whys(told)


def test_a_7z_archive_is_opened_where_py7zr_is(take, course):
    py7zr = pytest.importorskip("py7zr")
    made = io.BytesIO()
    with py7zr.SevenZipFile(made, "w") as archive:
        archive.writestr(NOTEBOOK, "lab/mini.ipynb")
    assert not take({"doejane_125_4569_hw.7z": made.getvalue(), "li_126_4570_x.ipynb": b"1"}).left_out
    assert arrived(course)["doejane_125/mini/hw/lab/mini.ipynb"] == NOTEBOOK


@pytest.mark.promise("and `.7z` after `pip install py7zr`;")
def test_without_py7zr_a_sentence_says_so(take, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "py7zr", None)
    told = take({"doejane_125_4569_hw.7z": b"7z", "li_126_4570_x.ipynb": b"1"})
    assert told.left_out == [
        ("doejane_125_4569_hw.7z", "a 7z archive is opened only where py7zr is installed: pip install py7zr")
    ]


# --- what the instructor sees


def run(course, tmp_path, files, *options):
    path = zipped(dict.fromkeys(files, NOTEBOOK), tmp_path / "all.zip")
    environment = {"COURSE_ROOT": str(course.root), "COLUMNS": "120"}
    return CliRunner().invoke(cli.app, ["collect", "mini", str(path), "--class-dir", str(course.class_dir), *options],
                              env=environment)  # fmt: skip


def test_a_dry_run_shows_who_would_get_what_and_writes_nothing(course, tmp_path, roster):
    before = set(course.class_dir.rglob("*"))
    done = run(course, tmp_path, ["doejane_LATE_125_4569_x.ipynb", "libo_126_4570_x.ipynb"], "--dry-run")
    assert done.exit_code == 0
    assert set(course.class_dir.rglob("*")) == before
    for words in (
        "jdoe", "doejane_125", "LATE", "bli", "libo_126", "Nothing was written.", "named as Canvas names them",
        "Nothing so far from mul, ode.", "2 of 4 students have handed in.",
    ):  # fmt: skip
        assert words in done.output


@pytest.mark.promise("The last line says how many of how many have handed in.")
def test_the_end_says_how_many_of_how_many(course, tmp_path, roster):
    done = run(course, tmp_path, ["jdoe/x.ipynb", "class/index.html"], "--roster", str(roster))
    assert done.exit_code == 1
    assert done.output.splitlines()[-1] == "1 of 4 students have handed in."
    done = run(course, tmp_path, ["bli/x.ipynb", "mul/x.ipynb"])
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "3 of 4 students have handed in.")


@pytest.mark.promise("The exit code is then 1.")
def test_what_nobody_got_ends_with_an_error_and_many_files_with_one_line(course, tmp_path):
    files = ["ann/mini.ipynb", *(f"class/a/{n}.ipynb" for n in range(20)), "class/b/x.ipynb"]
    done = run(course, tmp_path, files)
    assert done.exit_code == 1
    assert done.output.count("left out: ") == 4
    assert "left out: 18 more (does the folder 'class' hold" in " ".join(done.output.split())
