"""Pages show nothing of hidden tests, rubrics and model answers, with the engine's marks and without."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

import pytest
from feedback_kit import ASSIGNMENTS, MODEL, autograded, display, error, read, row, stream, students, told, words

from autograder.feedback_page.diagnosis import OTHER_NUMBERS, SAME_KIND, diagnose, visible_checks
from autograder.feedback_page.page import render
from autograder.feedback_page.redact import hidden_regions, redacted, secrets, shown
from autograder.leaks import squeeze
from autograder.sample_class import Student
from helpers.check.core.picture import Picture

VALUES = ("0.734519", "41.8273", "8675309", "1.25e-07")
"""Stand-ins for what only a hidden test computes."""
PICTURE = Picture("grad_weight", (2, 3), ("·▲·", "▼··"), 2, 6)


def hidden_text(name: str, marker: str = "HIDDEN TESTS") -> list[str]:
    """Lines of hidden regions, without white space, that stand nowhere in what students see."""
    cells = read(name)[0].cells
    seen = squeeze("\n".join(shown(c.text) for c in cells if c.kind != "answer"))
    lines = [squeeze(line) for c in cells for region in hidden_regions(c.text, marker) for line in region]
    return [line for line in lines if len(line) > 8 and line not in seen]


def worst(course, cell):
    """A test cell's outputs in which everything hidden is said, and the outputs of cells that looked at it."""
    said = " ".join(line for region in hidden_regions(cell.source) for line in region)
    message = f"The result is wrong at index (6, 4, 13): expected {VALUES[0]}, got {VALUES[1]} ({VALUES[2]}). {said}"
    frames = [f"\x1b[0;31mCheckFailed\x1b[0m {VALUES[3]}", *(f"----> {line}" for line in said.split("\n")), cell.source]
    if course is None or course.kind != "test":
        return [stream(f"In [9]: {said or 'x'}\n")] if said else []
    if not said:
        return [told("Check", "wrong")]
    visible = [told("Check")] * visible_checks(course.text)
    failed = told("Check", message, picture=PICTURE, verified=("seen", f"tried with {VALUES[2]}"))
    return [*visible, failed, stream(f"my print {VALUES[0]}"), display(text_plain=f"{VALUES[2]}"),
            error("CheckFailed", f"Check: {message}", frames)]  # fmt: skip


def leaks_of(name: str, page: str, values: tuple[str, ...] = VALUES) -> list[str]:
    text = words(page)
    squeezed = squeeze(text)
    found = [line for line in hidden_text(name) if line in squeezed]
    found += [line for line in hidden_text(name, "MARK SCHEME") if line in squeezed]
    found += [value for value in values if value in text]
    return found + [word for word in ("BEGIN HIDDEN", "END HIDDEN", "MARK SCHEME") if word in text]


@pytest.mark.promise("It holds no hidden test, no hidden value")
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_no_page_of_a_sample_class_shows_anything_hidden(name):
    assignment, _ = read(name)
    assert hidden_text(name)
    assert hidden_text(name, "MARK SCHEME")
    for student in students(name):
        page = render(row(assignment, student.name), autograded(name, student, worst), assignment)
        assert leaks_of(name, page) == [], student.name
        assert "▲" not in page.split("</style>")[1], "the picture of a hidden array"


@pytest.mark.promise("and no model answer,")
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_a_page_of_untouched_work_shows_no_model_answer_and_no_model_solution(name):
    assignment, _ = read(name)
    page = squeeze(words(render(row(assignment), autograded(name, Student.untouched("u", "")), assignment)))
    own = [c for c in assignment.cells if c.kind != "answer" or "BEGIN SOLUTION" in c.text]
    public = squeeze("\n".join(shown(c.text) for c in own))
    for cell in assignment.cells:
        if cell.kind == "answer" and "BEGIN SOLUTION" not in cell.text:
            assert not [s for s in re.split(r"(?<=[.;:])\s", cell.text) if len(s) > 30 and squeeze(s) in page]
        for region in hidden_regions(cell.text, "SOLUTION"):
            lines = [squeeze(line) for line in region]
            assert not [s for s in lines if len(s) > 12 and s not in public and s in page]


@pytest.mark.parametrize("marked", ["output", "cell", "both", "neither", "wrongly"])
def test_a_visible_mistake_is_shown_and_a_hidden_one_is_not_however_it_is_marked(marked):
    name = "network_from_scratch"
    assignment, _ = read(name)
    graded = next(c for c in assignment.cells if c.id == "A-linear-backward")
    cell = next(c for c in autograded(name).cells if c.metadata.get("nbgrader", {}).get("grade_id") == graded.id)
    known = secrets(assignment)
    own = told("Linear.backward", "grad_weight is 1/7 of what it should be.", picture=PICTURE)
    cell.outputs = [own, error("CheckFailed", "x")]
    seen = diagnose(graded, cell, known)
    assert (seen.state, seen.picture[1]) == ("failed", PICTURE.rows)
    assert seen.message == "grad_weight is 1/7 of what it should be."
    unseen = told("Linear.backward", f"grad_weight is 1/13 of what it should be, {VALUES[0]}.", picture=PICTURE,
                  hidden=marked in ("output", "both"))  # fmt: skip
    cell.outputs = [told("Linear.backward"), unseen, stream(VALUES[1]), error("CheckFailed", f"x {VALUES[0]}")]
    if marked in ("cell", "both", "wrongly"):
        cell.metadata["course"] = {"hidden_from": 9 if marked == "wrongly" else 1}
    seen = diagnose(graded, cell, known)
    assert (seen.state, seen.picture, seen.title) == ("failed", None, "Linear.backward")
    assert seen.message.startswith(f"{SAME_KIND}: grad_weight is … of what it should be")
    assert not [v for v in (*VALUES, "13") if v in seen.message]


def test_what_a_passed_hidden_check_verified_stays_away():
    """It names the shapes that were tried."""
    assignment, _ = read("network_from_scratch")
    graded = next(c for c in assignment.cells if c.id == "A-linear-forward")
    cell = next(c for c in autograded("network_from_scratch").cells if c.source == graded.text)
    for hidden in (True, False):
        unseen = told("Linear.forward", verified=("output for (N, in, out) = (6, 4, 13)",), hidden=hidden)
        cell.outputs = [told("Linear.forward", verified=("output for (5, 7, 3)",)), unseen]
        seen = diagnose(graded, cell, secrets(assignment))
        assert (seen.state, seen.verified) == ("passed", ["output for (5, 7, 3)"])


def test_a_test_without_a_report_says_its_visible_message_and_no_hidden_one():
    name = "network_from_scratch"
    assignment, _ = read(name)
    base = next(c for c in assignment.cells if c.id == "A-linear-backward")
    text = ('assert double(1) == 2, "double(1) must be 2"\n### BEGIN HIDDEN TESTS\n'
            'assert double(-317) == -634, "also below zero"\n### END HIDDEN TESTS')  # fmt: skip
    graded = replace(base, text=text)
    assignment = replace(assignment, cells=(graded,))
    known = secrets(assignment)
    cell = autograded(name).cells[6].copy()
    cell.source = text
    cell.outputs = [error("AssertionError", "double(1) must be 2", ["double(-317) == -634"])]
    assert diagnose(graded, cell, known).message == "double(1) must be 2"
    for said in ("also below zero", "-634 is not -317", "double(-317)", "double(1) must be 2 and -317"):
        cell.outputs = [error("AssertionError", said, [text])]
        message = diagnose(graded, cell, known).message
        assert message.startswith(OTHER_NUMBERS)
        assert not re.search(r"\d|zero", message), message
    cell.outputs = [error("NameError", "name 'double' is not defined")]
    assert "double" in diagnose(graded, cell, known).message


def test_what_a_student_prints_or_raises_while_a_hidden_test_runs_stays_away():
    """Their function holds the hidden numbers then; they may be spelled, hexadecimal or the name of a class."""
    assignment, _ = read("network_from_scratch")
    known = secrets(assignment)
    for message in (
        "Linear.forward raised ValueError: forty one, 2a, 0x29, 41 and row column row in the line `raise X(41)`.",
        "Linear.forward raised Shape_6_4_13: six by four.",
        "Linear.forward raised KeyError: 'sixfourthirteen'.",
        "The check could not work with what it was given (Seed41: [[0.7345]]). Results should be plain arrays or "
        "numbers, kept under the names that the exercise gives.",
        "The result should be an array; it is of type Array6x4x13.",
        "`marks` has the key '0x29'; a shape of (6, 4, 13) and 6 × 4.",
        "`marks` has the entry 'row column row', which is none of the rubric's.",
        "x fails by accident: ValueError: six by four row 41.",
        "x fails by accident: SeedIs41: six by four row 41.",
    ):
        text = redacted(message, known)
        assert not re.search(r"\d|forty|six|four|2a|row|Seed|Shape", text), (message, text)


PLAIN = "Results should be plain arrays or numbers, kept under the names that the exercise gives."
SPOKEN = {
    "text": "Linear.forward raised ValueError: {text}.", "class": "Linear.forward raised {name}: 1.",
    "placed": "Linear.forward raised KeyError: '{text}' in the line `x`.",
    "type": "The output should be an array, but it is of type {name}.", "became": "The weights became {name}: why?",
    "result": "The check could not work with what it was given ({name}: {text}). " + PLAIN,
    "bare": "The check could not work with what it was given ({name}). " + PLAIN,
    "quoted": "`marks` has the entry {text!r}, which is none of the rubric's.", "pair": "{text!r} is not {text!r}.",
    "fails": "layer_table of 3 layers fails with {name}: {text}. Look for such layers first.",
    "accident": "layer_table of 3 layers fails by accident: {name}: {text}.", "list": "It holds ['{text}', '{text}'].",
    "object": "output_size returns <{name} object>, of type {name}.",
}  # fmt: skip
"""Sentences of checks that repeat what the student's code says: its text, or the name of its class or error."""
NAMES = ("Linear", "softmax", "row_column_axis_first_last", "ValueError", "OSError", "grad_weight", "forward")
TEXTS = (
    *NAMES, "x", "row column axis", "One convention", "list 41", "Look for such layers first.", "forward: Return it.",
    "The columns add up to 1, not the rows. Each example (row) has its own probabilities.",
    "Is the `return` (or the assignment) missing? Is that attribute set before it is read? Leave the words to `print`.",
    "x' The gradient has the right size. \"Take the mean over the batch. 'x", PLAIN,
    "a in the line `x`. The last, smaller batch is skipped. Multiply it by grad_output: that is the chain rule.",
)  # fmt: skip


@pytest.mark.promise("one of the check's own sentences, for each test.")
@pytest.mark.promise("no word that the function said,")
@pytest.mark.parametrize("kind", SPOKEN)
def test_what_code_says_of_itself_changes_nothing(kind):
    """It may be chosen by the hidden numbers, one word or sentence of the checks' own for each digit."""
    known = secrets(read("network_from_scratch")[0])
    says = [SPOKEN[kind].format(name=name, text=text) for name in NAMES for text in TEXTS]
    assert len({redacted(message, known) for message in says}) == 1


@pytest.mark.promise("no word that the function said,")
def test_of_what_is_raised_no_word_is_told():
    """A check's own words stand in its report; an error's text may be written by the student's function."""
    name = "network_from_scratch"
    assignment, _ = read(name)
    graded = next(c for c in assignment.cells if c.id == "A-linear-forward")
    cell = next(c for c in autograded(name).cells if c.source == graded.text)
    seen = set()
    for ename in ("AssertionError", "CheckFailed", "ValueError", "TimeUp", "KernelDied", "NotRun", "NameError"):
        for evalue in (*TEXTS, "name 'Linear' is not defined", "name 'softmax' is not defined"):
            for told_late in (False, True):
                cell.metadata["course"] = {"told": True} if told_late else {"hidden_from": 1}
                cell.outputs = [told("Linear.forward"), error(ename, evalue)]
                found = diagnose(graded, cell, secrets(assignment))
                seen.add((told_late, found.state, found.message))
    # For each: that it did not pass, that Python ended, and that the visible part's own name is missing.
    assert len(seen) == 6
    assert not re.search(r"\d", "".join(message for _, _, message in seen))


SHAPES = "The shapes don't fit: write down the shape of each factor, and what each axis stands for."
ROWS = (
    "The columns add up to 1, not the rows: the sum runs over the batch. Each example (row) has its own probabilities: "
)
ONCE = "the mean over the batch is taken once, in the loss, and nothing else is divided."
MEAN = f"See 'One convention' in the notebook: {ONCE}"
LEFT = {
    f"Every entry of grad_weight is 1/13 of what it should be, and 13 is in_features. {MEAN}":
        f"Every entry of grad_weight is … of what it should be, and … is in_features. {MEAN}",
    "The weight of Linear layer 3 is wrong at index (0, 12): expected -0.734519, got 4.1e-05. 12 of 12 entries differ.":
        "The weight of Linear layer … is wrong at index (…): expected …, got …. … of … entries differ.",
    "The gradient has shape (6, 13); it should be (13, 6).": "The gradient has shape (…); it should be (…).",
    "The output is not finite: nan at 3, inf at 4.": "The output is not finite: … at … at ….",
    f"{ROWS}sum over the last axis.": f"{ROWS}sum over the last axis.",
    "Linear.forward raised ValueError: matmul: mismatch in its core dimension 0 (size 13 is different from 6) in the "
    f"line `return x @ self.weight.T`. {SHAPES}": f"Linear.forward raised an error. {SHAPES}",
    "The last, smaller batch is skipped: 11 images in batches of 4 make batches of 4, 4 and 3.":
        "The last, smaller batch is skipped: … images in batches of … make batches of … and ….",
    "backward returns only the sigmoid's own derivative. Multiply it by grad_output: that is the chain rule.":
        "backward returns only the sigmoid's own derivative. Multiply it by grad_output: that is the chain rule.",
    "12345": "",
    "": "",
}  # fmt: skip


@pytest.mark.parametrize("message", LEFT, ids=range(len(LEFT)))
def test_a_hidden_message_keeps_its_words_and_loses_its_numbers(message):
    assert redacted(message, secrets(read("network_from_scratch")[0])) == LEFT[message]


@pytest.mark.promise("The page shows no number of a hidden test,")
def test_real_messages_of_hidden_calls_lose_the_numbers_of_these_calls():
    """The hidden calls themselves, with wrong layers."""
    from helpers import check
    from helpers.check.core.report import CheckFailed

    assignment, _ = read("network_from_scratch")
    known = secrets(assignment)
    names = {"check": check}
    model = next(c for c in assignment.cells if c.id == "A-linear").text
    said = []
    for old, new in (("x @ self.weight", "x @ self.weight * 41"), ("axis=0", "axis=1"), ("lr *", "2 * lr *"),
                     ("self.x.T @ grad_output", "self.x.T @ grad_output / len(self.x)"), ("-0.5", "-0.25"),
                     ("self.x = x", "self.x = x[:, 1:]")):  # fmt: skip
        exec("from helpers.backend import array_namespace\n" + model.replace(old, new), names)
        for cell in assignment.cells:
            for region in hidden_regions(cell.text) if cell.id.startswith("A-linear-") else ():
                try:
                    exec("\n".join(region), names)
                except CheckFailed as failed:
                    said.append(str(failed))
    assert len(said) >= 6
    for message in said:
        text = redacted(message, known)
        assert not re.search(r"\d", text.replace("(axis 0)", "")), (message, text)
        assert len(text) > 20, message


@pytest.mark.promise("and feedback names the criterion and the place in the paper, never your mark.")
def test_the_instructors_marks_stay_away_and_the_place_in_the_paper_is_told():
    from helpers import check
    from helpers.check.core.report import CheckFailed

    assignment, _ = read("cudnn_reading")
    known = secrets(assignment)
    graded = next(c for c in assignment.cells if c.id == "D-marks-check")
    names = {"check": check, "marks": None}
    table = next(ast.literal_eval(n.value) for n in ast.parse(graded.text).body
                 if isinstance(n, ast.Assign) and n.targets[0].id == "INSTRUCTOR")  # fmt: skip
    tried = 0
    for review, criteria in table.items():
        for criterion, (mark, found) in criteria.items():
            marks = {r: {c: m for c, (m, _) in rows.items()} for r, rows in table.items()}
            marks[review][criterion] = 3 if mark < 2 else 0
            names["marks"] = marks
            with pytest.raises(CheckFailed) as failed:
                exec(graded.text, names)
            text = redacted(str(failed.value), known)
            if "far higher" in str(failed.value):
                continue
            tried += 1
            assert f"review {review}, {criterion}" in text.lower()
            assert not re.search("higher|lower|too", text)
            assert found[:25] not in text
            places = re.findall(r"(?:[Ss]ection|Table|Figure) \d", found)
            assert all(place in text for place in places)
            assert not set(re.findall(r"\d", text)) - {str(review), *re.findall(r"\d", "".join(places))}
    assert tried >= 10


def test_hidden_source_printed_by_student_code_is_left_out_with_a_sentence():
    """As with IPython's `In`, where tests still run in the student's kernel."""
    name = "network_from_scratch"
    assignment, _ = read(name)
    secret = next(region[0] for c in assignment.cells for region in hidden_regions(c.text))
    wrapped = re.sub(r"(\W)", r"\1 \n", secret)
    for output in (stream(f"ok\n{wrapped}"), display(text_html=f"<table><tr><td>{wrapped}</td></tr></table>"),
                   error("E", "v", [f"\x1b[31m{secret[:9]}\x1b[0m{secret[9:]}"]), error("E", secret)):  # fmt: skip
        page = render(row(assignment), autograded(name, MODEL, lambda *_, o=output: [o]), assignment)
        assert leaks_of(name, page, ()) == []


def test_a_rubric_in_an_output_is_left_out():
    name = "network_from_scratch"
    assignment, _ = read(name)
    rubric = [line for c in assignment.cells for region in hidden_regions(c.text, "MARK SCHEME") for line in region]
    longest = max(rubric, key=len)
    page = render(row(assignment), autograded(name, MODEL, lambda *_: [stream(f"found: {longest}")]), assignment)
    assert longest[:40] not in words(page)
    assert "not for students" in page


def test_an_older_notebook_is_held_against_its_own_hidden_tests_too():
    """The source was changed since: the notebook's hidden lines are not the assignment's any more."""
    name = "network_from_scratch"
    assignment, _ = read(name)
    old = "check.network_from_scratch.linear_forward(Linear, seed=977, shapes=((6, 4, 13),))"

    def outputs(course, cell):
        if course and course.id == "A-linear-forward":
            cell.source = f"check.network_from_scratch.linear_forward(Linear)\n### BEGIN HIDDEN TESTS\n{old}\n"
            return [told("x"), told("x", "seed 977"), error("CheckFailed", old, [old])]
        return [stream(old)] if course and course.kind == "exercise" else []

    text = words(render(row(assignment), autograded(name, MODEL, outputs), assignment))
    assert "977" not in text


def test_a_test_without_hidden_part_keeps_its_numbers():
    name = "network_from_scratch"
    assignment, _ = read(name)
    said = "These look like the curves of the learning rate 0.001; the text asks for 0.1, and for batches of 64."
    outputs = {"B-run-check": [told("Learning curves", said), error("CheckFailed", "x")]}
    page = render(row(assignment), autograded(name, MODEL, lambda c, _: outputs.get(c.id if c else "", [])), assignment)
    assert said in words(page)
