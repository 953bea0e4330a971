"""Checks of the reading assignment: one right answer among all possible ones, many ways to write it, and records
that are real."""

from __future__ import annotations

import itertools
import json
import textwrap
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from autograder.authoring.source import read
from autograder.course import Course
from helpers.check import CheckFailed, cudnn_reading
from helpers.check.core import answers
from helpers.check.core import report as report_module
from helpers.check.core.answers import right_answers
from helpers.check.core.report import Mistake
from helpers.check.cudnn_reading import paper_claims as reading_claims
from helpers.check.cudnn_reading.paper_claims import ALGORITHMS, KINDS
from helpers.check.cudnn_reading.paper_review import LIMITS
from helpers.check.cudnn_reading.tables import UNITS, _possible
from helpers.check.cudnn_reading.words import amount, count_words, letters, places
from helpers.errors import CourseError
from helpers.timing import Timing, measure
from tests.helpers.check.test_strangers import Evil, Exits, Hollow

PEAKS = {"K40": 4.29, "GTX 980": 4.95}
TABLE_3 = {
    "L1": {"K40": (0.99, 23), "GTX 980": (1.46, 30)},
    "L2": {"K40": (1.52, 35), "GTX 980": (2.49, 51)},
    "L3": {"K40": (1.51, 35), "GTX 980": (2.42, 49)},
    "L4": {"K40": (1.38, 32), "GTX 980": (2.19, 45)},
    "L5": {"K40": (1.01, 24), "GTX 980": (1.87, 38)},
}
PERCENT = {
    layer: {device: 100 * speed / PEAKS[device] for device, (speed, _) in row.items()} for layer, row in TABLE_3.items()
}
WRONG_CELLS = [("L2", "GTX 980"), ("L4", "GTX 980")]
TABLE_4 = {"forward": (109310, 75330), "backward": (156270, 120651), "update": (2926, 2920)}

ANSWERS = right_answers("cudnn_reading")
CASES, CLAIMS = ANSWERS["algorithm_for"], ANSWERS["claims"]


@pytest.fixture(autouse=True)
def reports(monkeypatch):
    kept = []
    monkeypatch.setattr(report_module, "_show", kept.append)
    return kept


def mistake_of(check, *args, **kwargs):
    """The name of the mistake that a check tells, "" where it passes."""
    found = ""
    try:
        for _ in check.__wrapped__(*args, **kwargs):
            pass
    except Mistake as mistake:
        found, message = mistake.name, mistake.message
    assert not found or message.endswith((".", "?", ")")), message
    return found


def test_only_one_set_of_statements_passes():
    for check, table in (
        (cudnn_reading.about_36_percent, ANSWERS["about_36_percent"]),
        (cudnn_reading.blas_like, ANSWERS["blas_like"]),
    ):
        sets = [set(s) for n in range(1, len(table) + 1) for s in itertools.combinations(table, n)]
        passed = [s for s in sets if not mistake_of(check, s)]
        assert passed == [{letter for letter, about in table.items() if about["supported"]}]


def test_a_wrong_statement_is_named_before_a_missing_one_and_no_hint_tells_a_missing_letter():
    assert mistake_of(cudnn_reading.about_36_percent, {"e"}) == "fewer-iterations"
    for name in ("about_36_percent", "blas_like"):
        for letter, about in ANSWERS[name].items():
            assert not about["supported"] or f" {letter} " not in about["hint"]


def test_only_one_choice_of_algorithms_passes():
    passed = [
        c
        for c in itertools.product(ALGORITHMS, repeat=len(CASES))
        if not mistake_of(cudnn_reading.algorithm_for, dict(zip(CASES, c, strict=True)))
    ]
    assert passed == [tuple(about["right"] for about in CASES.values())]


def test_only_one_kind_for_each_claim_passes_and_only_where_it_stands():
    where = {claim: " ".join(map(str, about["places"][-1])) for claim, about in CLAIMS.items()} | {
        "memory consumption falls": "section 7"
    }
    kinds = [
        k
        for k in itertools.product(KINDS, repeat=len(CLAIMS))
        if not mistake_of(cudnn_reading.claims, {c: (k_, where[c]) for c, k_ in zip(CLAIMS, k, strict=True)})
    ]
    assert kinds == [tuple(about["right"] for about in CLAIMS.values())]
    right = {claim: (about["right"], where[claim]) for claim, about in CLAIMS.items()}
    everywhere = [
        "abstract",
        *(f"section {i}" for i in range(1, 8)),
        *(f"table {i}" for i in range(1, 5)),
        "figure 1",
        "figure 2",
        "equation 2",
    ]
    for claim, about in CLAIMS.items():
        for word in KINDS:
            passed = {
                places(p, "")[0] for p in everywhere if not mistake_of(cudnn_reading.claims, right | {claim: (word, p)})
            }
            assert passed == {
                tuple(place)
                for place in (
                    about["places"]
                    if word == about["right"]
                    else [place for also, place in about["also"] if also == word]
                )
            }


@pytest.mark.parametrize("place", ["abstract", "section 4", "section 4.1", "Sec. 5 (Baidu)", "conclusion"])
def test_every_place_that_says_that_memory_falls_is_right(place):
    right = {claim: (about["right"], " ".join(map(str, about["places"][0]))) for claim, about in CLAIMS.items()}
    assert mistake_of(cudnn_reading.claims, right | {"memory consumption falls": ("stated", place)}) == ""
    assert (
        mistake_of(cudnn_reading.claims, right | {"memory consumption falls": ("stated", "section 2")})
        == "cited-elsewhere"
    )


def test_who_quotes_section_4_1_is_told_that_the_paper_errs():
    hint = ANSWERS["about_36_percent"]["a"]["hint"]
    assert hint.startswith("Section 4.1 words it that way")


def test_every_wrong_choice_has_a_hint_of_its_own():
    assert all(set(about["wrong"]) == set(ALGORITHMS) - {about["right"]} for about in CASES.values())
    assert all(set(about["wrong"]) == set(KINDS) - {about["right"]} for about in CLAIMS.values())


@pytest.mark.promise(
    "The marks that you would give the three sample reviews (part D) stand only in a hidden test of `solutions/`:"
)
def test_no_module_holds_the_right_answers():
    source = Path(reading_claims.__file__).read_text()
    assert not [
        hint
        for table in ANSWERS.values()
        for about in table.values()
        for hint in [about.get("hint"), about.get("where")]
        if hint and hint in source
    ]
    assert not [case for case in (*CASES, *CLAIMS) if case in source]


def test_closed_answers_are_told(monkeypatch, tmp_path):
    right_answers.cache_clear(), answers._sealed.cache_clear()
    monkeypatch.setattr(answers, "FOLDER", tmp_path)
    monkeypatch.setattr(answers, "SEALED", tmp_path)
    with pytest.raises(CourseError, match="closed while a hand-in is graded"):
        right_answers("cudnn_reading")
    with pytest.raises(CourseError, match="closed while a hand-in is graded"):
        list(cudnn_reading.blas_like.__wrapped__({"a"}))


def test_sealed_answers_are_those_of_today_and_tell_nothing():
    """What students have is made of the right answers, and shows neither which are right nor a hint."""
    text = (answers.SEALED / "cudnn_reading.json").read_text(encoding="utf-8")
    assert text == answers.sealed(ANSWERS), 'python -c "from helpers.check import answers; answers.seal()"'
    verdicts = json.loads(text)["verdicts"]
    assert len({len(told) for told in verdicts.values()}) == 1
    hints = {words for table in ANSWERS.values() for about in table.values() for words in strings(about)}
    assert len(hints) > 50
    assert not [words for words in hints if words in text]


def test_the_checks_need_the_sealed_answers_alone(monkeypatch, tmp_path):
    right_answers.cache_clear()
    monkeypatch.setattr(answers, "FOLDER", tmp_path)
    assert mistake_of(cudnn_reading.about_36_percent, {"e"}) == "fewer-iterations"
    assert not mistake_of(cudnn_reading.algorithm_for, {case: about["right"] for case, about in CASES.items()})
    with pytest.raises(KeyError):
        answers.verdict("cudnn_reading", "algorithm_for", next(iter(CASES)), "another")


def strings(value):
    """Hints and names of mistakes, wherever they stand."""
    if isinstance(value, dict):
        return [word for key, item in value.items() if key != "right" for word in strings(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize(
    "written",
    [
        {"a", "c"},
        ["A", " c "],
        ("a", "c", "a"),
        "ac",
        "a, c",
        "{a; c}",
        {"a": True, "b": False, "c": 1},
        frozenset("ac"),
        ["(a)", "c."],
    ],
)
def test_letters_are_read_however_they_are_written(written):
    assert letters(written, "x", "abc") == {"a", "c"}


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("section 3", ("section", 3)), ("Section 3.2", ("section", 3)), ("3.2", ("section", 3)),
        (3, ("section", 3)), (3.1, ("section", 3)), ("§ 6", ("section", 6)), ("Sec. 4.1.", ("section", 4)),
        ("introduction", ("section", 1)), ("Table 4", ("table", 4)), ("tab.2", ("table", 2)),
        ("Fig. 2", ("figure", 2)), ("eq. (3)", ("equation", 3)), ("Equation_1", ("equation", 1)),
        ("The abstract.", ("abstract", 0)),
    ],
)  # fmt: skip
def test_places_are_read_however_they_are_written(written, means):
    assert places(written, "x") == [means]


@pytest.mark.parametrize(
    "written",
    [
        "page 3", "table", "section 12", "table 9", "", None, [], ["section 3", ""], ["section 3", "page 4"],
        "everywhere", "section", "table 44", "section 0",
    ],
)  # fmt: skip
def test_what_is_no_place_is_told(written):
    with pytest.raises(Mistake):
        places(written, "x")


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("section 3, table 4 and figure 2", {("section", 3), ("table", 4), ("figure", 2)}),
        ("Section 3: Implementation (second paragraph)", {("section", 3)}),
        ("caption of table 4, page 7", {("table", 4)}),
        ("table 4 (36%), 200 iterations", {("table", 4)}),
        ("Table 1, 11 parameters", {("table", 1)}),
        ("sections 2 and 3", {("section", 2), ("section", 3)}),
        ("tables 2-4", {("table", 2), ("table", 3), ("table", 4)}),
        ("Table IV / section three", {("table", 4), ("section", 3)}),
        ("§§ 3.1–3.2", {("section", 3)}),
        (
            "Abschnitt 2, Tabelle\u00a04, Abb. 2, Gleichung (3)",
            {("section", 2), ("table", 4), ("figure", 2), ("equation", 3)},
        ),
        ("future work", {("section", 6)}),
        (np.array(["section 2", "table-1"]), {("section", 2), ("table", 1)}),
    ],
)
def test_places_stand_among_other_words(written, means):
    assert set(places(written, "x")) == means


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("24.2 min", 24.2),
        ("4,9 TFLOP/s", 4.9),
        ("23.1%", 23.1),
        (Fraction(1, 4), 0.25),
        (Decimal("0.5"), 0.5),
        (np.array([3]), 3.0),
    ],
)
def test_a_number_is_read_however_it_is_written(written, means):
    assert amount(written, "x") == means


@pytest.mark.parametrize("written", ["24:10", "about 24", "", (1, 2), {"GTX 980": 4.9}, None])
def test_what_is_no_number_is_told(written):
    with pytest.raises(Mistake):
        amount(written, "x")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("weak accept", ""),
        ("Reject.", ""),
        ("not accept", "unknown-word"),
        ("I wouldn't accept it", "unknown-word"),
        ("accept or reject", "unknown-word"),
        ("maybe", "unknown-word"),
    ],
)
def test_a_verdict_is_read_but_no_negation(written, name):
    assert mistake_of(cudnn_reading.review, GOOD, written, PLACES) == name


def text(words, word="word"):
    return " ".join(f"{word}{i % 40}" for i in range(words))


GOOD = {
    "primary_contribution": text(99),
    "key_insight": text(150, "idea"),
    "opinion": text(25, "think"),
    "verdict": text(30, "accept"),
}
PLACES = {name: ["section 3"] for name in GOOD}


@pytest.mark.promise("so that a check can count their words")
def test_a_limit_is_told_with_its_numbers(reports):
    assert mistake_of(cudnn_reading.review, GOOD, "accept", PLACES) == ""
    with pytest.raises(CheckFailed):
        cudnn_reading.review(GOOD | {"key_insight": text(212)}, "accept", PLACES)
    assert "key_insight has 212 words; the limit is 150" in str(reports[0])
    for name, limit in LIMITS.items():
        other = {n: f"{n} {t}" for n, t in GOOD.items()} | {
            "primary_contribution": text(30, "b"),
            "key_insight": text(30, "c"),
        }
        assert mistake_of(cudnn_reading.review, other | {name: text(limit)}, "reject", PLACES) == ""
        assert mistake_of(cudnn_reading.review, other | {name: text(limit + 1)}, "reject", PLACES) == "too-long"
        assert mistake_of(cudnn_reading.review, other | {name: text(24)}, "reject", PLACES) == "too-short"


def test_dashes_are_no_words():
    assert count_words("a – b - c's 12.5 ×") == 4


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"verdict": GOOD["opinion"]}, "same-text-twice"),
        ({"opinion": ["a", "list"]}, "not-a-text"),
        ({"opinion": "\n"}, "still-to-do"),
        ({"opinion": "great paper " * 20}, "words-repeated"),
    ],
)
def test_texts_that_are_none(change, name):
    assert mistake_of(cudnn_reading.review, GOOD | change, "accept", PLACES) == name


CRITERIA = {"a": 3, "b": 3}
INSTRUCTOR = {
    1: {"a": (3, "It is good."), "b": (3, "It is good.")},
    2: {"a": (1, "It is vague."), "b": (0, "It is wrong.")},
}


@pytest.mark.promise("students read whether their own marks are near yours once their work is graded,")
def test_marks_may_be_one_off_and_no_more():
    near = [
        m
        for m in itertools.product(range(4), repeat=4)
        if not mistake_of(
            cudnn_reading.sample_marks,
            [dict(zip("ab", m[:2], strict=True)), dict(zip("ab", m[2:], strict=True))],
            reviews=2,
            criteria=CRITERIA,
            instructor=INSTRUCTOR,
        )
    ]
    assert near == [m for m in itertools.product((2, 3), (2, 3), (0, 1, 2), (0, 1)) if m[0] + m[1] > m[2] + m[3]]


ONE_REVIEW = {1: {"a": (2, "It is good."), "b": (0, "It is wrong."), "c": (0, "It is wrong.")}}


def test_one_mark_for_all_criteria_of_a_review_needs_no_reading():
    near = [
        m
        for m in itertools.product(range(4), repeat=3)
        if not mistake_of(
            cudnn_reading.sample_marks,
            [dict(zip("abc", m, strict=True))],
            reviews=1,
            criteria={"a": 3, "b": 3, "c": 3},
            instructor=ONE_REVIEW,
        )
    ]
    assert near == [m for m in itertools.product((1, 2, 3), (0, 1), (0, 1)) if m != (1, 1, 1)]


@pytest.mark.promise("students read whether their own marks are near yours once their work is graded,")
def test_marks_without_the_instructors_say_nothing_about_them(reports):
    cudnn_reading.sample_marks({1: {"a": 0, "b": 0}, 2: {"a": 3, "b": 3}}, reviews=2, criteria=CRITERIA)
    assert reports[0].passed
    with pytest.raises(CheckFailed) as failed:
        cudnn_reading.sample_marks(
            {1: {"a": 0, "b": 3}, 2: {"a": 1, "b": 0}}, reviews=2, criteria=CRITERIA, instructor=INSTRUCTOR
        )
    assert "Review 1, a: your 0 is lower" in str(failed.value)
    assert " 3" not in str(failed.value)


def test_only_two_printed_percentages_of_table_3_are_impossible():
    assert [
        (layer, device)
        for layer, row in TABLE_3.items()
        for device, cell in row.items()
        if not _possible(*cell, PEAKS[device])
    ] == WRONG_CELLS
    assert mistake_of(cudnn_reading.table_3, PERCENT, WRONG_CELLS, 4.9, table=TABLE_3, peaks=PEAKS) == ""
    for n in range(11):
        for accused in itertools.combinations([(layer, device) for layer in TABLE_3 for device in PEAKS], n):
            if sorted(accused) != WRONG_CELLS:
                assert mistake_of(cudnn_reading.table_3, PERCENT, accused, 4.9, table=TABLE_3, peaks=PEAKS)


@pytest.mark.parametrize(
    ("peak", "fine"),
    [(4.95, False), (4.94, False), (4.93, True), (4.88, True), (4.87, False), (4.29, False), (4900, False)],
)
def test_the_peak_that_explains_the_column(peak, fine):
    assert (mistake_of(cudnn_reading.table_3, PERCENT, WRONG_CELLS, peak, table=TABLE_3, peaks=PEAKS) == "") == fine


def test_only_milliseconds_fit():
    assert [
        unit for unit in UNITS if not mistake_of(cudnn_reading.table_4_unit, 24.2, unit, overall=290106.0)
    ] == ["milliseconds"]  # fmt: skip
    assert mistake_of(cudnn_reading.table_4_unit, 1450, "ms", overall=290106.0) == "seconds-for-minutes"
    assert mistake_of(cudnn_reading.table_4_unit, 20, "ms", overall=290106.0) == "differs"


def record(**changes):
    rng = np.random.default_rng(0)
    ms = {"forward": 8.0, "backward": 5.0, "update": 0.04, "step": 13.1}
    times = {
        a: {
            p: Timing(f"{a} {p}", list((1 if a == "library" else 2) * t * 1e-3 * rng.uniform(0.9, 1.1, 15)))
            for p, t in ms.items()
        }
        for a in ("library", "lowering by image")
    }
    times["library"] |= changes
    return {"cpu": times}


def gains_of(times):
    return {
        p: times["lowering by image"][p].median / times["library"][p].median
        for p in ("forward", "backward", "update", "step")
    }


def times_of(functions, rounds, synchronise):
    found = measure(
        {(a, p): f for a, parts in functions.items() for p, f in parts.items()}, rounds=rounds, synchronise=synchronise
    )
    return {a: {p: found[a, p] for p in parts} for a, parts in functions.items()}


@pytest.mark.promise(
    "In `convolution`, `cudnn_reading` and `cnn_runtime` locked cells record, with the student's functions, and the "
    "judge tries these on work whose length it draws anew, so rows that nobody measured earn nothing."
)
@pytest.mark.parametrize("seed", [0, 41])
def test_a_training_step_is_measured_on_work_that_only_the_check_knows(seed):
    assert mistake_of(cudnn_reading.step_times, times_of, seed=seed) == ""
    assert (
        mistake_of(cudnn_reading.step_times, lambda functions, rounds, synchronise: record()["cpu"], seed=seed)
        == "not-called"
    )


def made_up_but_called(functions, rounds, synchronise):
    for _ in range(rounds):
        synchronise()
        for parts in functions.values():
            for function in parts.values():
                function()
    return record()["cpu"]


def one_after_the_other(functions, rounds, synchronise):
    return {
        a: {p: measure({f"{a} {p}": f}, rounds=rounds, synchronise=synchronise)[f"{a} {p}"] for p, f in parts.items()}
        for a, parts in functions.items()
    }


def not_waited_for(functions, rounds, synchronise):
    return times_of(functions, rounds, None)


def in_milliseconds(functions, rounds, synchronise):
    return {
        a: {p: Timing(t.what, [1e3 * s for s in t.seconds]) for p, t in parts.items()}
        for a, parts in times_of(functions, rounds, synchronise).items()
    }


def one_for_all(functions, rounds, synchronise):
    found = times_of(functions, rounds, synchronise)
    return {a: dict.fromkeys(parts, found[a]["step"]) for a, parts in functions.items()}


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (made_up_but_called, "not-measured"),
        (one_after_the_other, "measured-apart"),
        (not_waited_for, "not-synchronised"),
        (in_milliseconds, "wrong-unit"),
        (one_for_all, "same-record-twice"),
        (lambda functions, rounds, synchronise: times_of(functions, 2, synchronise), "too-few-rounds"),
        (lambda functions, rounds, synchronise: None, "returns-none"),
        (lambda functions, rounds, synchronise: {}, "entry-missing"),
    ],
)
def test_times_that_were_not_measured_are_told(function, name):
    assert mistake_of(cudnn_reading.step_times, function) == name


def test_a_record_from_elsewhere_gives_no_gains():
    assert mistake_of(cudnn_reading.step_gains, lambda times: gains_of(record()["cpu"])) == "argument-ignored"
    assert mistake_of(cudnn_reading.step_gains, lambda times: None) == "returns-none"


def test_a_real_record_passes_and_its_gains():
    found = record()
    assert mistake_of(cudnn_reading.training_step, found, ["cpu"], threads=1) == ""
    assert mistake_of(cudnn_reading.step_gains, gains_of) == ""
    assert mistake_of(cudnn_reading.step_gains, gains_of, seed=41) == ""


@pytest.mark.promise("timings and learning curves are checked for being possible and consistent.")
@pytest.mark.parametrize(
    ("times", "name"),
    [
        ([0.008] * 15, "times-identical"),
        ([0.008, 0.009], "too-few-rounds"),
        ([0.0] + [0.008] * 14, "not-positive"),
        ([float("nan")] + [0.008] * 14, "not-positive"),
        (list(np.linspace(0.1, 0.11, 15)), "parts-do-not-add-up"),
        (list(np.linspace(0.007, 0.009, 17)), "rounds-differ"),
        (0.008, "one-number-only"),
        (None, "entry-missing"),
    ],
)
def test_a_record_that_is_made_up(times, name):
    found = record(forward=Timing("library forward", times) if isinstance(times, list) else times)
    assert mistake_of(cudnn_reading.training_step, found, ["cpu"], threads=1) == name


def test_one_measurement_under_two_names_and_two_threads_are_told():
    found = record()["cpu"]
    assert (
        mistake_of(
            cudnn_reading.training_step, {"cpu": found | {"lowering by image": found["library"]}}, ["cpu"], threads=1
        )
        == "same-record-twice"
    )
    assert mistake_of(cudnn_reading.training_step, {"cpu": found}, ["cpu"], threads=4) == "more-than-one-thread"
    assert mistake_of(cudnn_reading.training_step, {"cpu": found}, ["cpu", "cuda"], threads=1) == "device-missing"


def test_two_measurements_of_the_same_name_were_not_one_call():
    found = record()
    for algorithm, times in found["cpu"].items():
        found["cpu"][algorithm] = {part: Timing(part, timing.seconds) for part, timing in times.items()}
    assert mistake_of(cudnn_reading.training_step, found, ["cpu"], threads=1) == "measured-apart"
    assert (
        mistake_of(cudnn_reading.training_step, record(forward=[0.008, 0.009] * 8), ["cpu"], threads=1)
        == "not-a-timing"
    )


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1, 2.0])
@pytest.mark.parametrize("part", ["forward", "backward", "step"])
def test_a_gain_that_does_not_follow_is_told(part, factor):
    assert mistake_of(cudnn_reading.step_gains, lambda times: gains_of(times) | {part: gains_of(times)[part] * factor})


def test_amdahl_needs_harmonic_weights():
    assert (
        mistake_of(cudnn_reading.amdahl, lambda t, s: sum(t.values()) / sum(t[p] / s[p] for p in t), table=TABLE_4)
        == ""
    )
    assert (
        mistake_of(cudnn_reading.amdahl, lambda t, s: sum(s.values()) / len(s), table=TABLE_4) == "average-of-speedups"
    )
    assert mistake_of(cudnn_reading.amdahl, lambda t, s: 1.32, table=TABLE_4) == "differs"
    assert mistake_of(cudnn_reading.amdahl, lambda t, s: 1.36, table=TABLE_4) == "papers-number"
    assert (
        mistake_of(
            cudnn_reading.amdahl,
            lambda t, s: sum(t.values()) / sum(a / b for a, b in zip(t.values(), s.values(), strict=True)),
            table=TABLE_4,
        )
        == "paired-by-order"
    )


@pytest.mark.parametrize(("digits", "names"), [(4, ("", "")), (2, ("", "")), (1, ("rounded", "rounded"))])
@pytest.mark.parametrize("seed", [0, 41])
def test_factors_may_be_rounded_as_papers_print_them(digits, names, seed):
    def speedup(before, after):
        return round(before / after, digits)

    def saved(before, after):
        return round(1 - after / before, digits)

    assert (
        mistake_of(cudnn_reading.speedup_and_saving, speedup, lambda b, a: 1 - a / b, table=TABLE_4, seed=seed)
        == names[0]
    )
    assert mistake_of(cudnn_reading.speedup_and_saving, lambda b, a: b / a, saved, table=TABLE_4, seed=seed) == names[1]


def test_the_hint_on_a_peak_points_the_right_way():
    for peak, way in ((4.95, "smaller"), (4.98, "smaller"), (4.6, "larger"), (4.85, "larger")):
        with pytest.raises(CheckFailed, match=f"Try a {way} one"):
            cudnn_reading.table_3(PERCENT, WRONG_CELLS, peak, table=TABLE_3, peaks=PEAKS)


def test_the_lowering_takes_any_order_that_both_matrices_share():
    def windows(d, r, s):
        return np.lib.stride_tricks.sliding_window_view(d, (r, s), axis=(2, 3))

    for order in itertools.permutations((1, 2, 3)):
        axes = {1: 1, 2: 4, 3: 5}

        def filters(f, order=order):
            return f.transpose(0, *order).reshape(len(f), -1)

        def images(d, r, s, order=order, axes=axes):
            return windows(d, r, s).transpose(*(axes[a] for a in order), 0, 2, 3).reshape(d.shape[1] * r * s, -1)

        assert mistake_of(cudnn_reading.lowered, filters, images) == ""
        if order != (1, 2, 3):
            assert mistake_of(cudnn_reading.lowered, lambda f: f.reshape(len(f), -1), images) == "orders-differ"


STRANGE = [
    None, 1, "text", [], {}, Evil(), Evil, Hollow(), Hollow, Exits,
    lambda *a, **k: None, lambda *a, **k: Evil(), object(),
]  # fmt: skip
CALLS = {
    "review": lambda v: cudnn_reading.review(v, v, v),
    "anchors": lambda v: cudnn_reading.review(GOOD, "accept", v),
    "marks": lambda v: cudnn_reading.sample_marks(v, criteria=CRITERIA),
    "sizes": lambda v: cudnn_reading.output_sizes(v, v),
    "agree": lambda v: cudnn_reading.formulas_agree(v, v),
    "cost": lambda v: cudnn_reading.lowering_cost(v, v),
    "intensity": lambda v: cudnn_reading.arithmetic_intensity(v),
    "lowered": lambda v: cudnn_reading.lowered(v, v),
    "index": lambda v: cudnn_reading.index_functions(v, v, v),
    "table 3": lambda v: cudnn_reading.table_3(v, v, v, table=TABLE_3, peaks=PEAKS),
    "disagree": lambda v: cudnn_reading.table_3(PERCENT, v, v, table=TABLE_3, peaks=PEAKS),
    "peak": lambda v: cudnn_reading.table_3(PERCENT, WRONG_CELLS, v, table=TABLE_3, peaks=PEAKS),
    "unit": lambda v: cudnn_reading.table_4_unit(v, v, overall=290106.0),
    "36": lambda v: cudnn_reading.speedup_and_saving(v, v, table=TABLE_4),
    "about": lambda v: cudnn_reading.about_36_percent(v),
    "blas": lambda v: cudnn_reading.blas_like(v),
    "algorithm": lambda v: cudnn_reading.algorithm_for(v),
    "claims": lambda v: cudnn_reading.claims(v),
    "step": lambda v: cudnn_reading.training_step(v, ["cpu"], threads=1),
    "gains": lambda v: cudnn_reading.step_gains(lambda times: v),
    "times": lambda v: cudnn_reading.step_times(lambda functions, rounds, synchronise: v),
    "amdahl": lambda v: cudnn_reading.amdahl(v, table=TABLE_4),
}


@pytest.mark.parametrize("name", CALLS)
def test_whatever_is_given_a_sentence_comes_back(name, reports):
    for value in STRANGE:
        with pytest.raises(CheckFailed):
            CALLS[name](value)
        assert reports[-1].message.endswith((".", "?", ")")), reports[-1].message


@pytest.mark.promise(
    "In `cudnn_reading` the review (A) is one code cell: its texts are strings, so that a check can count their "
    "words before you read them. The cell below it prints them in paragraphs."
)
def test_a_review_is_texts_in_one_cell_and_printed_in_paragraphs_below(capsys):
    cells = read(Course().source("cudnn_reading"))[0].cells
    at = next(i for i, cell in enumerate(cells) if cell.id == "A-review")
    names = {"textwrap": textwrap}
    exec(cells[at].text, names)
    assert all(isinstance(text, str) for text in names["review"].values())
    exec(cells[at + 1].text, names)
    shown = capsys.readouterr().out
    assert [part.partition("\n")[0] for part in shown.strip().split("\n\n")] == list(names["review"])
    assert max(map(len, shown.splitlines())) <= 110
