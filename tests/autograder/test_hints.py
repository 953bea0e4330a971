"""The page of all that the checks of an assignment can say."""

from __future__ import annotations

import functools
import re

import pytest

from autograder.course import REPOSITORY, Course
from autograder.mistakes import hints as module
from autograder.mistakes.hints import page

NAMES = Course().assignments()
CHECKS = REPOSITORY / "helpers" / "check"
SOLUTIONS = REPOSITORY / "solutions"
HEADING = re.compile(r"^## ([a-z0-9_-]+)$", re.MULTILINE)
LITERAL = re.compile(r'\b(?:Hypothesis(?:\.each)?|Mistake)\(\s*"([a-z0-9-]+)"')
every = pytest.mark.parametrize("name", NAMES)


groups = functools.cache(module.groups)


@functools.cache
def hints(name):
    return [hint for group in groups(name) for hint in group.hints]


def written(folder):
    return {name for path in folder.rglob("*.py") for name in LITERAL.findall(path.read_text(encoding="utf-8"))}


def missing(names, *assignments):
    """Those that stand on no page; a name on a page may have {…} in it."""
    found = {hint.name for name in assignments for hint in hints(name)}
    patterns = [re.compile(re.sub(r"\\\{.*\\\}", ".+", re.escape(one))) for one in found if "{" in one]
    return {one for one in names - found if not any(pattern.fullmatch(one) for pattern in patterns)}


@every
def test_every_mistake_of_an_assignments_folder_is_on_its_page(name):
    assert len(hints(name)) > 50
    assert missing(written(CHECKS / name), name) == set()


@every
def test_every_mistake_that_the_bank_knows_is_on_the_page(name):
    bank = [path.read_text(encoding="utf-8") for path in (SOLUTIONS / name / "mistakes").glob("*.md")]
    assert missing({found for text in bank for found in HEADING.findall(text)}, name) == set()


def test_every_mistake_of_core_is_on_a_page():
    assert missing(written(CHECKS / "core"), *NAMES) == set()


def test_the_page_has_names_sentences_and_the_checks_they_belong_to():
    text = page("network_from_scratch", groups("network_from_scratch"))
    assert "\nLinear.forward (A1)\n  bias-missing  [linear.py:" in text
    assert "\nSoftmax.backward (A3)\n" in text
    assert "      The bias is not added: the output is x times the weights alone.\n" in text
