"""The table of platforms in docs/grading.md is what collecting does with archives in each platform's own form.

`python tests/autograder/test_platforms.py` writes it anew.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from collect_kit import NOTEBOOK, arrived, course_in, tarred, zipped

from autograder.course import Course
from autograder.submission.collect import collect
from autograder.submission.collect.collecting import Collected

PAGE = Path(__file__).resolve().parents[2] / "docs" / "grading.md"
BEGIN, END = "<!-- this table is made by tests/autograder/test_platforms.py -->\n", "<!-- its end -->\n"
METADATA = """---
submission_{first}:
  :submitters:
  - :name: Jane Doe
    :sid: 'jdoe'
    :email: jdoe@uni.example
  :created_at: 2026-11-03 22:34:05.123456000 Z
submission_{second}:
  :submitters:
  - :name: Bo Li
    :sid: 'b_li'
    :email: bli@uni.example
  :created_at: 2026-11-03 22:34:05.123456000 Z
"""


@dataclass
class Platform:
    """How a platform names what Jane Doe and Bo Li hand in: `name` takes a file, the person and a number that is new
    in each assignment; `own` are the platform's files beside it."""

    name: str
    form: str
    people: tuple[dict[str, str], dict[str, str]]
    own: Callable[[int], dict[str, bytes]] = field(default=lambda number: {})
    late: str = ""

    def archive(self, file: str, content: bytes, number: int = 0, form: str = "") -> dict[str, bytes]:
        jane, bo = self.people
        form = form or self.form
        first = form.format(file=file, rest=file[4:], n=70 + number, f=4569 + number, **jane)
        second = form.format(file="mini.ipynb", rest=".ipynb", n=90 + number, f=8569 + number, **bo)
        return {first: content, second: NOTEBOOK, **self.own(number)}


NAMES = {"name": "Jane Doe", "login": "jdoe"}, {"name": "Bo Li", "login": "b_li"}
PLATFORMS = [
    Platform("Moodle, in folders", "{name}_{n}_assignsubmission_file/{file}", NAMES),
    Platform("Moodle, not in folders", "{name}_{n}_assignsubmission_file_{file}", NAMES),
    Platform(
        "Canvas", "{name}_{id}_{f}_{file}", ({"name": "doejane", "id": "125"}, {"name": "libo", "id": "126"}),
        late="{name}_LATE_{id}_{f}_{file}",
    ),
    Platform(
        "Blackboard", "Week_1_{login}_attempt_2026-11-03-23-34-05_{file}", NAMES,
        lambda number: {
            f"Week_1_{login}_attempt_2026-11-03-23-34-05.txt": f"Name: {name} ({login})\r\nAssignment: W\r\n".encode()
            for name, login in (("Jane Doe", "jdoe"), ("Bo Li", "b_li"))
        },
    ),
    Platform(
        "Brightspace", "{id}-55{n} - {name} - Nov 3, 2026 1134 PM/{file}",
        ({"name": "Jane Smith-Doe", "id": "8812"}, {"name": "Bo Li", "id": "8813"}),
        lambda number: {"index.html": b"<html>"},
    ),
    Platform(
        "ILIAS", "Blatt 01/Abgaben/{last}_{first}_{login}_{id}/{file}",
        ({"last": "Doe", "first": "Jane", "login": "jdoe", "id": "3301"},
         {"last": "Li", "first": "Bo", "login": "b_li", "id": "3302"}),
    ),
    Platform(
        "ILIAS, teams", "Blatt 01/Abgaben/Team {n}/{last}_{first}_{login}_{id}/{file}",
        ({"last": "Doe", "first": "Jane", "login": "jdoe", "id": "3301"},
         {"last": "Li", "first": "Bo", "login": "b_li", "id": "3302"}),
    ),
    Platform(
        "ILIAS, multi-feedback", "multi_feedback_Blatt_01_7/{last}_{first}_{login}_{id}/{file}",
        ({"last": "Doe", "first": "Jane", "login": "jdoe", "id": "3301"},
         {"last": "Li", "first": "Bo", "login": "b_li", "id": "3302"}),
        lambda number: {f"multi_feedback_Blatt_01_7/{name}": b"" for name in ("status.xlsx", "README.md")},
    ),
    Platform(
        "Gradescope", "assignment_77_export/submission_{n}/{file}", NAMES,
        lambda number: {"assignment_77_export/submission_metadata.yml":
                        METADATA.format(first=70 + number, second=90 + number).encode()},
    ),
    Platform("GitHub Classroom", "mini-submissions/mini-{login}/{file}", NAMES),
    Platform("Google Classroom", "{name} - {file}", NAMES),
    Platform("a folder for each student", "{login}/{file}", NAMES),
    Platform("a file for each student", "{login}{rest}", NAMES),
]  # fmt: skip


def taken(
    files: dict[str, bytes], name: str = "mini", course: Course | None = None
) -> tuple[Collected, dict[str, bytes], Course]:
    with tempfile.TemporaryDirectory() as folder:
        course = course or course_in(Path(folder), "mini", "next")
        told = collect(name, zipped(files, Path(folder) / "all.zip"), course, timezone="Europe/Berlin")
        return told, arrived(course), course


def spoilt(platform: Platform, student: str) -> str:
    for ending in (".IPYNB", ".ipynb.json", ".ipynb.txt"):
        told, here, _ = taken(platform.archive(f"mini{ending}", b"1"))
        assert (here[f"{student}/mini/mini.ipynb"], told.left_out) == (b"1", [])
    return "taken"


def opened(platform: Platform, student: str) -> str:
    for ending, content in ((".zip", zipped({"lab/x.ipynb": b"1"})), (".tar.gz", tarred({"lab/x.ipynb": b"1"}))):
        told, here, _ = taken(platform.archive(f"mini{ending}", content))
        assert (here[f"{student}/mini/lab/x.ipynb"], told.left_out) == (b"1", [])
    return "opened"


def wrapped(platform: Platform, student: str) -> str:
    files = {f"again/{path}": content for path, content in platform.archive("mini.ipynb", b"1").items()}
    told, here, _ = taken({**files, "notes.txt": b"x"})
    assert here[f"{student}/mini/mini.ipynb"] == b"1"
    assert [path for path, _ in told.left_out] == ["notes.txt"]
    return "the same"


def handed_in_at(platform: Platform, here: dict[str, bytes], student: str) -> str:
    time = here.get(f"{student}/mini/timestamp.txt")
    if time:
        assert time == b"2026-11-03 22:34:05 UTC\n" or time == b"2026-11-03 22:34:00 UTC\n"
        return "its time, in UTC" if platform.name == "Gradescope" else "its time, in `--timezone`"
    if platform.late:
        told, _, _ = taken(platform.archive("mini.ipynb", b"1", form=platform.late))
        assert all(one.late for one in told.given)
        return "`LATE` is noted"
    return "not said"


def again(platform: Platform, student: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        course = course_in(Path(folder), "mini", "next")
        for number, name in enumerate(("mini", "next")):
            files = platform.archive("mini.ipynb", b"1", number)
            taken({path.replace("mini-", f"{name}-"): content for path, content in files.items()}, name, course)
        assert (course.submitted / student / "next").is_dir()
        assert len(list(course.submitted.glob("[!.]*"))) == 2
    return "yes, by the name" if "Moodle" in platform.name else "yes"


def row(platform: Platform) -> list[str]:
    files = platform.archive("mini.ipynb", b"1")
    told, here, _ = taken(files)
    (student,) = [path.partition("/")[0] for path, content in here.items() if content == b"1"]
    assert not told.left_out
    assert len(told.new) == 2
    what_happens = (spoilt(platform, student), opened(platform, student), wrapped(platform, student))
    when = handed_in_at(platform, here, student)
    return [platform.name, f"`{next(iter(files))}`", f"`{student}`", *what_happens, when, again(platform, student)]


def table() -> str:
    head = ["from", "a hand-in is called", "it goes to", "`.IPYNB`, `.ipynb.json`, `.ipynb.txt`", "`.zip`, `.tar.gz`"]
    head += ["zipped again in a folder, a file beside it", "when it was handed in", "the same folder next time"]
    rows = [head, ["---"] * len(head), *map(row, PLATFORMS)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def parts(page: str) -> Iterator[str]:
    before, _, rest = page.partition(BEGIN)
    yield from (before + BEGIN, *rest.partition(END)[::2])


@pytest.mark.promise("takes the zip file that a learning platform makes of all hand-ins,")
def test_the_table_of_platforms_is_what_happens():
    before, shown, after = parts(PAGE.read_text(encoding="utf-8"))
    assert shown == table(), "the right table: python tests/autograder/test_platforms.py"
    assert before
    assert after


if __name__ == "__main__":
    sys.path.insert(0, str(PAGE.parents[1]))
    before, _, after = parts(PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(before + table() + END + after, encoding="utf-8")
