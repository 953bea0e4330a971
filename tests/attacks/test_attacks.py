"""A part of the attacks against our engine; `make attacks` tries all of them, on stock nbgrader, too."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from autograder.authoring.sample import release_of
from autograder.course import REPOSITORY, Course
from autograder.sandbox import choose
from helpers.errors import CourseError
from tests.attacks import fence, runner, table
from tests.attacks.attack import KINDS, NOTHING, Places, build, prelude
from tests.attacks.bank import attacks, by_name, chosen
from tests.attacks.course import EXERCISES, NAME, RIGHT, WRONG, Secrets, write
from tests.attacks.runner import Outcome, Place

SAMPLE = (
    "run-cell-replaced", "equal-object", "result-on-the-wire", "dispatcher-replaced", "neighbours-work",
    "frames-of-the-test", "link-to-the-source", "gradebook-written", "neighbours-feedback", "grader-killed",
    "network-tcp", "hard-link-handed-in", "sparse-file-handed-in", "fork-bomb", "writes-at-exit", "path-files",
    "arguments-remembered", "script-in-an-answer", "waits-for-input", "reduce", "helpers-package", "pipe-handed-in",
    "endless-file", "folder-is-a-link", "tests-edited", "model-in-the-second-run", "copied",
)  # fmt: skip
"""Of each kind one or two, and those that once got through: `make test` tries them in one class, `make prove` all."""


def rest() -> list[Any]:
    """The other attacks, in classes."""
    groups = runner.groups("ours", [a for a in attacks() if a.name not in SAMPLE])
    return [pytest.param([a.name for a in group], id=group[0].name, marks=pytest.mark.slow) for group in groups]


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
@pytest.mark.parametrize("names", [pytest.param(SAMPLE, id="of each kind"), *rest()])
def test_attacks_come_to_nothing(place, names):
    group = [by_name(name) for name in names]
    outcomes = dict(zip(names, runner.together(place, group), strict=True))
    for outcome in outcomes.values():
        assert outcome.reason, f"{outcome.name} was left without a word"
    if copied := outcomes.pop("copied", None):
        assert (copied.points > 0, copied.harm) == (True, [])
        assert "Not protected against: **copied**" in table.page([by_name("copied")], {"ours": [copied]})
    assert {o.name: (o.points, o.harm) for o in outcomes.values()} == dict.fromkeys(outcomes, (0, []))


def test_the_bank_is_large_and_has_every_kind():
    assert len(attacks()) >= 80
    assert {a.kind for a in attacks()} == set(KINDS)
    assert len({a.name for a in attacks()}) == len(attacks())
    assert all(a.about.endswith((".", "hand-ins.")) and a.name.replace("-", "").isalnum() for a in attacks())
    assert [a.name for a in attacks() if not a.protected] == ["copied"]
    assert {by_name(name).kind for name in SAMPLE} == set(KINDS)


@pytest.mark.promise(
    "`make attacks` tries these on this engine and on stock nbgrader, side by side ([attacks.md](attacks.md)): kind "
    "| attacks | ours: points | ours: harm | stock: points | stock: harm"
)
def test_the_counts_of_the_instructors_page_are_those_of_the_run():
    pages = [(REPOSITORY / "docs" / name).read_text(encoding="utf-8") for name in ("grading.md", "attacks.md")]
    counts, run = (re.findall(r"(?m)^\|[^|\d]+(?:\| \d+ ){5}\|$", page) for page in pages)
    assert len(counts) == len(KINDS)
    assert counts == run


@pytest.mark.slow
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
