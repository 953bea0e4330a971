"""Checks of the written review (lengths, anchors) and of the marks for the sample reviews."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from helpers.check.core.report import Mistake, check
from helpers.check.cudnn_reading.words import FORMS, amount, choice, count_words, filled, places, plain

LIMITS = {"primary_contribution": 100, "key_insight": 150, "opinion": 200, "verdict": 150}
LEAST = 25
DISTINCT = 15
"""Different words that a text of LEAST words has at least; honest ones have 20 and more."""
VERDICTS = ("accept", "reject")


@check("The review: length and anchors", "A")
def review(
    texts: Any, verdict: Any, anchors: Any, *, limits: Mapping[str, int] = LIMITS, least: int = LEAST
) -> Iterator[str]:
    """Every text within its limit of words, a verdict, and places in the paper for each text. What the texts say is
    graded by hand."""
    _same_keys(texts, "review", limits)
    for name, limit in limits.items():
        if not isinstance(texts[name], str):
            raise Mistake("not-a-text",
                          f"{name} should be a text in quotes; it is of type {type(texts[name]).__name__}.")
        words = count_words(texts[name])
        if words == 0:
            raise Mistake("still-to-do", f"Still to do: {name} is still empty.")
        if words > limit:
            raise Mistake("too-long",
                          f"{name} has {words} words; the limit is {limit}. "
                          "Cut what the reader could also learn from the abstract.")
        if words < least:
            raise Mistake("too-short",
                          f"{name} has {words} words, which is too few to give a reason; use at least {least}. "
                          f"The limit is {limit}.")
        different = len(set(re.findall(r"\w+", texts[name].lower())))
        if different < DISTINCT:
            raise Mistake("words-repeated",
                          f"{name} repeats itself: {words} words, {different} different ones. "
                          "Say what you found in the paper instead of filling the space.")
    seen: dict[str, str] = {}
    for name in limits:
        other = seen.setdefault(plain(texts[name]), name)
        if other != name:
            raise Mistake("same-text-twice", f"{other} and {name} are the same text. They are different questions.")
    yield ", ".join(f"{name} {count_words(texts[name])} of {limit} words" for name, limit in limits.items())
    filled(verdict, "accept_or_reject")
    found = _verdict(verdict)
    yield f"verdict: {found}"
    _same_keys(anchors, "anchors", limits)
    for name in limits:
        what = f"anchors[{name!r}]"
        if anchors[name] is None or (not isinstance(anchors[name], int) and len(anchors[name]) == 0):
            raise Mistake("no-anchor",
                          f"{what} is empty. "
                          f"Name at least one place in the paper on which the text rests, such as {FORMS}.")
        cited = places(anchors[name], what)
        if all(kind == "abstract" for kind, _ in cited):
            raise Mistake("abstract-only",
                          f"{what} names only the abstract, which is the authors' own summary. "
                          "Name the section, table, figure or equation where you checked it.")
    yield "each text names places that the paper has"


def _verdict(verdict: Any) -> str:
    """"accept" or "reject", also from "weak accept" or "I reject it"; not from a negation, or from both."""
    text = plain(verdict)
    said = [word for word in VERDICTS if word in text]
    if len(said) == 1 and not re.search(r"\b(?:not|no|never|cannot|neither)\b|n['’]t\b", text):
        return said[0]
    if said:
        raise Mistake("unknown-word",
                      f"accept_or_reject is {verdict!r}. Write one word, accept or reject; "
                      "the reasons belong in your review.")
    return choice(verdict, "accept_or_reject", dict.fromkeys(VERDICTS, ()))


def _same_keys(value: Any, name: str, keys: Mapping[str, Any]) -> None:
    filled(value, name)
    if not isinstance(value, Mapping):
        raise Mistake("not-a-dictionary",
                      f"`{name}` should be a dictionary with the keys {', '.join(keys)}; "
                      f"it is of type {type(value).__name__}.")
    missing = [key for key in keys if key not in value]
    if missing:
        raise Mistake("entry-missing", f"`{name}` has no entry {missing[0]!r}; it should have {', '.join(keys)}.")


@check("Your marks for the sample reviews", "D1")
def sample_marks(marks: Any, *, reviews: int = 3, criteria: Mapping[str, int], instructor: Any = None) -> Iterator[str]:
    """A whole mark for each criterion of each review; with `instructor` also close to the instructor's.

    criteria: name -> highest mark. instructor: review -> criterion -> (mark, what a grader finds in the text); it
    stands in a hidden test, so that no file of the student's holds it. A mark may differ by one from the instructor's,
    and a review that the instructor rates far higher than another must come out higher here, too. Within a review,
    criteria whose marks are two or more apart may not all be marked alike, nor one the other way round: one mark for
    all criteria of a review needs no reading.
    """
    filled(marks, "marks")
    given = _table(marks, reviews, criteria)
    yield f"{reviews} reviews, {len(criteria)} marks each, all within range"
    rows = [tuple(row.values()) for row in given.values()]
    if reviews > 1 and len(set(rows)) == 1:
        raise Mistake("all-alike",
                      "All reviews have the same marks. They differ in quality: "
                      "compare each with the rubric, criterion by criterion.")
    if instructor is None:
        yield "how close they are to the instructor's is told when your work is graded"
        return
    for number_, row in instructor.items():
        for criterion, (mark, found) in row.items():
            mine = given[int(number_)][criterion]
            if abs(mine - mark) > 1:
                word = "higher" if mine > mark else "lower"
                raise Mistake(f"mark-too-{'high' if mine > mark else 'low'}",
                              f"Review {number_}, {criterion}: your {mine:g} is {word} than the instructor's mark "
                              f"by more than one. {found}")
    yield "every mark within one of the instructor's"
    sums = {int(r): sum(mark for mark, _ in row.values()) for r, row in instructor.items()}
    for better, worse in itertools.permutations(sums, 2):
        if sums[better] > sums[worse] + len(criteria) and sum(given[worse].values()) >= sum(given[better].values()):
            raise Mistake("order-differs",
                          f"In sum you rate review {worse} at least as high as review {better}; "
                          f"the instructor rates {better} far higher. Which of the two rests on what the paper shows?")
    yield "the best review on top"
    for number_, row in instructor.items():
        mine_ = given[int(number_)]
        apart = [(well, badly) for well, badly in itertools.permutations(row, 2) if row[well][0] >= row[badly][0] + 2]
        turned = [badly for well, badly in apart if mine_[well] < mine_[badly]]
        if turned or (apart and all(mine_[well] == mine_[badly] for well, badly in apart)):
            well, badly = apart[0]
            raise Mistake("criteria-alike",
                          f"Review {number_}: the instructor's marks for {well} and {badly} are two or more apart, "
                          f"and yours don't tell such criteria from each other. {row[(turned or [badly])[0]][1]}")
    yield "what each review does well told from what it does badly"


def _table(marks: Any, reviews: int, criteria: Mapping[str, int]) -> dict[int, dict[str, float]]:
    """Review number -> criterion -> mark, of dictionaries with keys 1, "1", "review 1", or a list of rows."""
    if isinstance(marks, list | tuple):
        marks = dict(enumerate(marks, 1))
    if not isinstance(marks, Mapping):
        raise Mistake("not-a-dictionary",
                      "`marks` should be a dictionary such as {1: {…}, 2: {…}}; "
                      f"it is of type {type(marks).__name__}.")
    found = {plain(key).removeprefix("review").strip(): row for key, row in marks.items()}
    table: dict[int, dict[str, float]] = {}
    for i in range(1, reviews + 1):
        row = found.get(str(i))
        if not isinstance(row, Mapping):
            raise Mistake("entry-missing",
                          f"`marks` has no row for review {i}: marks[{i}] should be a dictionary "
                          f"with {', '.join(criteria)}.")
        named = {plain(key): value for key, value in row.items()}
        table[i] = {}
        if all(value is None for value in row.values()):
            raise Mistake("still-to-do", f"Still to do: review {i} has no marks yet.")
        for criterion, most in criteria.items():
            if named.get(criterion) is None:
                raise Mistake("entry-missing", f"Review {i} has no mark for {criterion!r}.")
            mark = amount(named[criterion], f"the mark of review {i} for {criterion}")
            if mark != round(mark) or not 0 <= mark <= most:
                raise Mistake("mark-out-of-range",
                              f"Review {i}, {criterion}: {mark:g} is not a mark; "
                              f"the rubric gives whole marks from 0 to {most}.")
            table[i][criterion] = mark
    return table
