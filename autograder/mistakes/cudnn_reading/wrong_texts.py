"""Reviews that break their limits, anchors that lead nowhere, and marks that miss what a sample review says."""

LONG = 'review["key_insight"] = "The lowered matrix is never written. " * 40'
ONE, TWO, THREE = (
    f'{i}: {{"contribution": {a}, "insight": {b}, "evidence": {c}, "judgement": {d}}}'
    for i, a, b, c, d in ((1, 3, 3, 3, 3), (2, 2, 0, 0, 1), (3, 0, 0, 1, 0))
)


def _row(review: int, *marks: object) -> str:
    return f"{review}: " + str(dict(zip(("contribution", "insight", "evidence", "judgement"), marks, strict=True))).replace("'", '"')


ROWS: dict[str, list[tuple[str, ...]]] = {
    "A-review": [
        ("too-long", '    "verdict": """\nAccept. Two', '    "verdict": """\n' + "The paper is good and I like it very much indeed. " * 12 + '\nAccept. Two'),
        ("too-long", '    "primary_contribution": """\nFrameworks', '    "primary_contribution": """\n' + "A library of primitives for everybody who trains networks. " * 10 + "\nFrameworks"),
        ("too-short", 'review = {\n    "primary_contribution": """\nFrameworks', 'review = {\n    "primary_contribution": "A fast library for convolution.", "rest": """\nFrameworks'),
        ("still-to-do", 'review = {\n    "primary_contribution": """\nFrameworks', 'review = {\n    "primary_contribution": "", "rest": """\nFrameworks'),
        ("entry-missing", '    "opinion": """\nConvincing', '    "my opinion": """\nConvincing'),
    ],
    "A-anchors": [
        ("unknown-word", 'accept_or_reject = "accept"', 'accept_or_reject = "maybe"'),
        ("still-to-do", 'accept_or_reject = "accept"', 'accept_or_reject = ""'),
        ("abstract-only", '"key_insight": ["section 3"]', '"key_insight": ["abstract"]'),
        ("no-anchor", '"key_insight": ["section 3"]', '"key_insight": []'),
        ("no-such-place", '"key_insight": ["section 3"]', '"key_insight": ["section 9"]'),
        ("no-such-place", '"key_insight": ["section 3"]', '"key_insight": ["figure 5"]'),
        ("place-not-understood", '"key_insight": ["section 3"]', '"key_insight": ["everywhere"]'),
        ("entry-missing", '    "key_insight": ["section 3"],\n', ""),
        ("not-a-dictionary", 'anchors = {\n    "primary_contribution": ["section 2", "section 4"],', 'anchors = ["section 2"]; other = {\n    "primary_contribution": ["section 2", "section 4"],'),
    ],
    "D-marks": [
        ("mark-too-high", TWO, _row(2, 3, 3, 2, 3)),  # believes the summary, as review 2 does
        ("mark-too-high", TWO, _row(2, 2, 0, 3, 1)),  # does not notice what 36% were taken for
        ("mark-too-low", ONE, _row(1, 3, 1, 3, 3)),
        ("mark-too-high", THREE, _row(3, 0, 0, 3, 2)),  # impressed by certainty
        ("mark-too-low", ONE, _row(1, 0, 0, 0, 0)),
        ("mark-out-of-range", ONE, _row(1, 4, 3, 3, 3)),
        ("mark-out-of-range", ONE, _row(1, 2.5, 3, 3, 3)),
        ("entry-missing", ONE, _row(1, 3, 3, 3, None)),
        ("entry-missing", "    " + THREE + ",\n", ""),
        ("all-alike", "### END SOLUTION", "marks = {i: dict(marks[1]) for i in (1, 2, 3)}"),
        ("criteria-alike", "### END SOLUTION", "marks = {i: dict.fromkeys(marks[1], mark) for i, mark in ((1, 2), (2, 1), (3, 1))}"),
        ("criteria-alike", "### END SOLUTION", "marks = {i: dict.fromkeys(marks[1], mark) for i, mark in ((1, 3), (2, 1), (3, 0))}"),
        ("criteria-alike", TWO, _row(2, 1, 1, 1, 2)),
        ("text-for-number", ONE, _row(1, "good", 3, 3, 3)),
    ],
}
