"""A part of the attacks against our engine; `make attacks` tries all of them beside stock nbgrader."""

from __future__ import annotations

import ast
import os
import re
import zlib
from pathlib import Path

import pytest

from autograder.course import REPOSITORY, Course
from autograder.sample import release_of
from autograder.sandbox import choose
from helpers.errors import CourseError
from tests.attacks import fence, runner, table
from tests.attacks.attack import KINDS, NOTHING, Attack, Places, build, prelude
from tests.attacks.bank import attacks, by_name, chosen
from tests.attacks.course import EXERCISES, NAME, RIGHT, WRONG, Secrets, write
from tests.attacks.runner import Outcome, Place

PART, SLOW_PART = 5, 16
"""One attack of so many is tried here: the whole bank takes as long as all other tests together."""
ONCE = (
    "endless-file", "pipe-handed-in", "sparse-file-handed-in", "hard-link-handed-in", "folder-is-a-link", "fork-bomb",
)  # fmt: skip
"""These once got through."""


def picked() -> list[Attack]:
    if os.environ.get("COURSE_ATTACKS") == "all":
        return list(attacks())
    part = [
        a for a in attacks() if a.name in ONCE or zlib.crc32(a.name.encode()) % (SLOW_PART if a.slow else PART) == 0
    ]
    kinds = {a.kind for a in part}
    return part + [next(a for a in attacks() if a.kind == kind) for kind in KINDS if kind not in kinds]


GROUPS = [group for group in runner.groups("ours", picked()) if group]


@pytest.fixture(scope="module")
def place():
    if why := fence.why_not():
        pytest.skip(f"attacks are only tried behind a fence, and here {why}")
    try:
        choose()
    except CourseError as error:
        pytest.skip(str(error))
    with Place("ours") as place:
        yield place


@pytest.mark.promise(
    "What K says counts only as the result of the student's own function, so there is nothing to forge."
)
@pytest.mark.promise("The one that gains points with us is copied work.")
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: f"{group[0].name} and {len(group) - 1} more")
def test_attacks_come_to_nothing(place, group):
    outcomes = runner.together(place, group)
    expected = [Outcome(a.name) for a in group if a.protected]
    found = [Outcome(o.name, o.points, o.harm) for a, o in zip(group, outcomes, strict=True) if a.protected]
    assert found == expected
    for outcome in outcomes:
        assert outcome.reason, f"{outcome.name} was left without a word"


@pytest.mark.promise("The one that gains points with us is copied work.")
def test_copied_work_is_not_noticed_and_said_so(place):
    (outcome,) = runner.together(place, [by_name("copied")])
    assert outcome.points > 0
    assert outcome.harm == []
    assert "Not protected against: **copied**" in table.page([by_name("copied")], {"ours": [outcome]})


def test_the_bank_is_large_and_has_every_kind():
    assert len(attacks()) >= 80
    assert {a.kind for a in attacks()} == set(KINDS)
    assert len({a.name for a in attacks()}) == len(attacks())
    assert all(a.about.endswith((".", "hand-ins.")) and a.name.replace("-", "").isalnum() for a in attacks())
    assert [a.name for a in attacks() if not a.protected] == ["copied"]


@pytest.mark.promise(
    "`make attacks` tries these on this engine and on stock nbgrader, side by side ([attacks.md](attacks.md)): kind "
    "| attacks | ours: points | ours: harm | stock: points | stock: harm"
)
def test_the_counts_of_the_instructors_page_are_those_of_the_run():
    pages = [(REPOSITORY / "docs" / name).read_text(encoding="utf-8") for name in ("grading.md", "attacks.md")]
    counts, run = (re.findall(r"(?m)^\|[^|\d]+(?:\| \d+ ){5}\|$", page) for page in pages)
    assert len(counts) == len(KINDS)
    assert counts == run


def test_every_attack_changes_the_hand_in(tmp_path):
    course = Course(root=tmp_path / "course", class_dir=tmp_path / "class")
    write(course, Secrets.draw())
    released = release_of(NAME, course)
    places = Places(tmp_path, 1)
    (course.submitted / "ada" / NAME).mkdir(parents=True)
    nothing = build(NOTHING, released, places)
    for attack in attacks():
        if attack.change is not None:
            own = build(attack, released, places)
            for cell in own.cells:
                if isinstance(cell.source, str):  # the prelude knows its student's name
                    cell.source = cell.source.replace(attack.student, NOTHING.student)
            assert own != nothing, attack.name
        else:
            given = (attack.code.strip(), attack.last, attack.cells, attack.files, attack.folder, attack.raw)
            assert any(given), attack.name


def test_code_of_attacks_is_python():
    places = Places(Path("/x"))
    for attack in attacks():
        for text in (WRONG + prelude(attack, places) + attack.code, attack.last, *attack.cells.values()):
            ast.parse(text.replace("%reset -f", "pass"))
    assert set(EXERCISES) <= {name for a in attacks() for name in (*EXERCISES, *a.cells)}
    ast.parse(RIGHT)


def test_attacks_are_chosen_by_name_and_by_kind():
    assert [a.name for a in chosen(["sum-redefined"])] == ["sum-redefined"]
    assert {a.kind for a in chosen(["read", "copy"])} == {"read", "copy"}
    assert chosen([]) == list(attacks())
    with pytest.raises(CourseError, match="no attack called 'nobody'"):
        chosen(["nobody"])


def test_groups_hold_everybody_once():
    every = attacks()
    for engine in ("ours", "stock"):
        names = [a.name for group in runner.groups(engine, every) for a in group]
        assert sorted(names) == sorted(a.name for a in every)
    assert all(len(group) == 1 for group in runner.groups("stock", every))
    assert max(len(group) for group in runner.groups("ours", every)) > 1


def test_the_digest_follows_what_an_attack_does():
    first, second = by_name("skip-execution"), by_name("raises-exception")
    assert runner.digest(first) != runner.digest(second)  # they differ in what a function has caught alone
    assert runner.digest(first) == runner.digest(by_name("skip-execution"))


def test_the_page_tells_points_harm_and_totals():
    two = [by_name("sum-redefined"), by_name("gradebook-deleted")]
    results = {"ours": [Outcome(a.name, seconds=0.5) for a in two],
               "stock": [Outcome(two[0].name, 12.0), Outcome(two[1].name, 0.0, ["<b> | gone"], 3.25)]}  # fmt: skip
    page = table.page(two, results)
    assert "stock: of 2 attacks 1 gained points (1 all of them), 1 did harm, 0 came to nothing." in page
    assert "ours: of 2 attacks 0 gained points (0 all of them), 0 did harm, 2 came to nothing." in page
    assert "| 0 |  | 0.5 | 0 | &lt;b> \\| gone | 3.2 |" in page
    assert table.holes(two, results["ours"]) == []
    assert [o.name for o in table.holes(two, results["stock"])] == [a.name for a in two]
    assert table.as_json(two, results)["totals"]["stock"]["gaining"] == 1
