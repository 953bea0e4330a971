"""What a student reads on the page: points, words, pictures, their own work."""

from __future__ import annotations

import base64
import itertools
import re
import time

import pytest
from feedback_kit import (
    ASSIGNMENTS,
    MODEL,
    autograded,
    display,
    error,
    read,
    render,
    row,
    stream,
    students,
    told,
    walk,
    words,
)

from autograder.reports.feedback_page.page import headings, write_page
from autograder.reports.feedback_page.redact import hidden_regions
from autograder.submission.form import Declaration
from helpers.check.core.picture import Picture

NAME = "network_from_scratch"
PICTURE = Picture("grad_weight", (2, 3), ("·▲·", "▼·?"), 3, 6)
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 40).decode()


def article(page: str, exercise: str) -> str:
    """The words of one exercise."""
    found = re.search(rf'(?s)<article id="e-{exercise}".*?</article>', page)
    assert found, exercise
    return words(found[0])


def page_of(outputs=None, student=MODEL, **changes) -> str:
    assignment, _ = read(NAME)
    by_id = outputs or {}
    notebook = autograded(NAME, student, lambda c, _: by_id.get(c.id if c else "", []))
    return render(row(assignment, **changes), notebook, assignment, course_title="The course")


@pytest.mark.promise("Each student's page shows the points of every exercise,")
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_points_stand_by_exercise_and_by_part_and_add_up(name):
    assignment, _ = read(name)
    made = row(assignment, bonus=2.5, penalty=1.25, extra=0.5)
    made.scores |= {c.id: i % 3 * c.points / 4 for i, c in enumerate(assignment.graded)}
    made.auto = sum(made.scores.values())
    page = render(made, autograded(name), assignment)
    total, whole = f"{round(made.auto + 2.5 + 0.5 - 1.25, 2):g}", f"{assignment.points:g}"
    assert f"{total} points: {round(made.auto, 2):g} of {whole}, and what stands below the parts" in words(page)
    plain = render(row(assignment, scores=made.scores, auto=made.auto), autograded(name), assignment)
    assert f"{round(made.auto, 2):g} of {whole} points" in words(plain)  # no bonus that could be mixed in
    for exercise, cells in assignment.exercises().items():
        got, most = sum(made.scores[c.id] for c in cells), sum(c.points for c in cells)
        assert f"{round(got, 2):g} of {most:g} point" in article(page, exercise)
    for part, points in made.part_points(assignment).items():
        line = next(t for t in re.findall(r"(?s)<tr>.*?</tr>", page) if f'"letter">{part}<' in t)
        most = sum(c.points for c in assignment.graded if c.part == part)
        assert f"{round(points, 2):g} / {most:g}" in words(line)
    for line in ("Bonus for presenting +2.5", "Extra points +0.5", "Handed in late −1.25"):
        assert line in words(page)


@pytest.mark.promise("your comments, and what still waits for you.")
def test_what_waits_for_a_human_and_what_a_human_wrote_is_told():
    page = page_of(comments={"C-seen": "Well seen.\nTwo <lines>.", "A-linear": "tidy", "E-explain": "No response."})
    assert "8 points wait for a human" in words(page)
    assert "waits for a human 0 of 2 points" in article(page, "C-seen")
    assert "From your instructor Well seen. Two <lines>." in article(page, "C-seen")
    assert "tidy" in article(page, "A-linear")
    assert "No response" not in page
    assert "for a human" not in words(page_of(waiting={}))


@pytest.mark.promise("what the checks found, in words and where it helps as a picture,")
def test_a_failed_check_says_why_shows_its_picture_and_what_was_right_so_far():
    message = "Every entry of grad_weight is 1/7 of what it should be, and 7 is in_features."
    failed = told("Linear.backward", message, picture=PICTURE, verified=("shapes", "x unchanged"), section="A1")
    page = page_of(
        {"A-linear-backward": [failed, error("CheckFailed", "x")], "A-linear-init": [told("Linear.__init__")]}
    )
    text = article(page, "A-linear")
    assert f"Linear.backward not yet 1.5 / 3 {message}" in text
    assert "check.network_from_scratch.linear_backward(Linear)" in text
    assert "Right so far: shapes; x unchanged." in text
    assert "See A1 in the notebook." in text
    assert "Linear.__init__ passed" in text
    assert (
        "Where grad_weight (2 × 3) is wrong, 3 of 6 entries: · right, ▲ too large, ▼ too small, ? not a number" in text
    )
    grid = re.search(r'(?s)<table role="img" aria-label="([^"]*)">(.*?)</table>', page)
    assert grid[1].startswith("Where grad_weight")
    assert re.findall(r'class="(\w+)"', grid[2]) == ["ok", "up", "ok", "down", "ok", "nan"]


def test_still_to_do_and_what_was_not_run_read_as_such_and_not_as_mistakes():
    page = page_of({
        "A-linear-init": [told("Linear.__init__", "Still to do: Linear.", "still-to-do"), error("CheckFailed", "x")],
        "A-sigmoid-forward": [error("KernelDied", "Python itself ended")],
        "A-sigmoid-backward": [error("NotRun", "not run 41")],
        "A-softmax-forward": [error("TimeUp", "longer than 60 s")],
        "B-run": [error("KeyboardInterrupt", ""), error("TimeUp", "stopped"), stream("epoch 1")],
        "C-study": [error("NotImplementedError", "still to do: write this part")],
    }, dead="Python itself ended in cell 'A-sigmoid'", notes=["The cell 'A-loss' was put back."])  # fmt: skip
    assert "Linear.__init__ still to do" in article(page, "A-linear")
    assert "Python itself ended while this check ran" in article(page, "A-sigmoid")
    assert "not run" in article(page, "A-sigmoid")
    assert "your code ran too long" in article(page, "A-softmax")
    assert "This cell was stopped, because it ran too long. epoch 1" in article(page, "B-run")
    assert "Interrupt" not in page
    assert "Still to do." in article(page, "C-study")
    assert "The cell 'A-loss' was put back." in words(page)
    assert "Python itself ended in cell" not in words(page)  # how, and where, is for the instructor


@pytest.mark.promise("the student's own code,")
def test_the_students_code_answers_and_outputs_are_there_the_courses_text_is_not():
    table = "<table><tr><th>rate</th></tr><tr><td>0.5</td></tr></table>"
    picture = display(image_png=PNG)
    picture["metadata"] = {"image/png": {"alt": "Loss falls.", "width": 648}}
    page = page_of({
        "A-linear": [stream("\x1b[32mgreen\x1b[0m"), display(text_html=table, text_plain="rate\n0.5")],
        "A-sigmoid": [picture, error("ValueError", "bad", ["\x1b[31mValueError\x1b[0m", "/home/x/site-packages/n.py"])],
    })  # fmt: skip
    assert "class Linear" in article(page, "A-linear")
    assert '<span class="c-k">class</span>' in page
    assert "green" in article(page, "A-linear")
    assert '<table class="data"><tr><th>rate</th></tr><tr><td>0.5</td></tr></table>' in page
    assert f'<img src="data:image/png;base64,{PNG}" alt="Loss falls." width="648">' in page
    assert "ValueError: bad" in article(page, "A-sigmoid")
    assert "/home/x" not in page
    assert "I expected 0.1 to be best" in article(page, "C-seen")
    assert "Layers and their gradients (16 points)" not in words(page)
    assert "<h1>A neural network from scratch</h1>" in page
    untouched = page_of(student=next(s for s in students(NAME) if s.done == ()), waiting={})
    assert "still to do 0 of 2 points There is no answer here yet." in article(untouched, "C-seen")
    assert "not yet 0 of 2 points I expected" in article(page_of(waiting={}), "C-seen").replace("Your work ", "")


def test_a_hand_in_that_could_not_be_graded_gets_a_page_with_the_reason(tmp_path):
    assignment, _ = read(NAME)
    write_page(row(assignment, reason="the file is damaged"), None, assignment, tmp_path / "a" / "b.html")
    page = (tmp_path / "a" / "b.html").read_text(encoding="utf-8")
    assert "could not be graded: the file is damaged" in words(page)
    assert "<article" not in page
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.html"]


def test_the_form_says_what_was_declared():
    form = Declaration(({"name": "Zoe", "id": "z", "did": "all of it"},), ("A", "C"))
    assert "Group: Zoe, all of it Ready to present: A, C, which adds 3 points." in words(page_of(form=form, bonus=3.0))
    assert "No part was named" in words(page_of(form=Declaration()))


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_every_exercise_has_its_heading_and_its_place(name):
    assignment, _ = read(name)
    titles = headings(assignment.cells)
    assert all(titles[e] for e in assignment.exercises() if e in titles)
    assert not [t for t in titles.values() if re.search(r"points?\b.*min|MARK SCHEME", t)]
    page = render(row(assignment), autograded(name), assignment)
    order = [page.index(f'<article id="e-{e}"') for e in assignment.exercises()]
    assert order == sorted(order)
    for cell in assignment.cells:  # nothing of a rubric in a heading
        for region in hidden_regions(cell.text, "MARK SCHEME"):
            assert not [line for line in region if len(line) > 20 and line in words(page)]


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_a_screen_reader_finds_its_way(name):
    assignment, _ = read(name)
    outputs = [display(image_png=PNG), told("x", "no", picture=PICTURE), error("E", "x")]
    found = walk(render(row(assignment), autograded(name, outputs=lambda *_: outputs), assignment))
    assert found.wrong == []
    levels = [int(t.tag[1]) for t in found.seen if re.fullmatch("h[1-6]", t.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(t.attrs.get("alt") for t in found.seen if t.tag == "img")
    ids = [t.attrs["id"] for t in found.seen if "id" in t.attrs]
    assert len(ids) == len(set(ids))
    links = {t.attrs["href"][1:] for t in found.seen if t.tag == "a"}
    assert links <= set(ids)
    assert next(t for t in found.seen if t.tag == "html").attrs["lang"] == "en"


def contrast(one: str, two: str) -> float:
    """WCAG's contrast ratio of two colours."""

    def light(colour: str) -> float:
        full = colour if len(colour) == 7 else "#" + "".join(2 * c for c in colour[1:])
        parts = [int(full[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_words_stand_out_from_their_ground_in_the_light_and_in_the_dark():
    css = re.search(r"(?s)<style>(.*?)</style>", page_of())[1]
    above, below = css.split("prefers-color-scheme: dark", 1)
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w+)", block)) for block in (above, below.split("} }")[0]))
    assert len(light) == len(dark) > 15
    for colours in (light, dark):
        for ink in ("ink", "soft", "good", "bad", "wait"):
            for ground in ("card", "page"):
                assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
        for ink, ground in (
            ("good", "good-soft"),
            ("bad", "bad-soft"),
            ("wait", "wait-soft"),
            ("ink", "wait-soft"),
            ("soft", "rail"),
        ):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
        for ink in ("key", "string", "number", "comment", "name", "ink"):
            assert contrast(colours[ink], colours["code"]) >= 4.5, ink


@pytest.mark.slow
def test_a_page_takes_tens_of_milliseconds():
    """About 25 ms of one core; the bound leaves room for a busy machine."""
    assignment, _ = read(NAME)
    notebooks = [autograded(NAME, s, lambda *_: [told("x", "no"), display(image_png=PNG)]) for s in students(NAME)]
    render(row(assignment), notebooks[0], assignment)
    begun = time.process_time()
    for notebook in notebooks:
        render(row(assignment), notebook, assignment)
    assert (time.process_time() - begun) / len(notebooks) < 0.15
