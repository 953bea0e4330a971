"""A grader's way: from the first answer in the formgrader to the changed total and the changed feedback page."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from autograder.course import REPOSITORY, Course

from .conftest import NAME, overflow, serving, shoot

LONG = 240_000
COMMENT = "Well seen.\nOne more: $\\frac{1}{n}\\sum_i \\ell_i$ is the **mean**."


@pytest.fixture
def desk(graded, tmp_path):
    """(address of a Jupyter in autograder/, a copy of the graded class)."""
    shutil.copytree(graded[0].class_dir, tmp_path / "class", symlinks=True)
    course = Course(class_dir=tmp_path / "class")
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={REPOSITORY / 'autograder'}"]
    with serving(command, tmp_path, cwd=REPOSITORY / "autograder", COURSE_CLASS_DIR=str(course.class_dir)) as address:
        yield address, course


def test_from_the_first_answer_to_the_changed_page(desk, open_page):
    address, course = desk
    page = open_page(address.format("formgrader"), size={"width": 1280, "height": 1400})
    page.set_default_timeout(LONG)
    page.get_by_role("link", name="Manual Grading").click()
    page.get_by_role("link", name=NAME).click()
    page.get_by_role("link", name=NAME).first.click()
    first = page.locator("tbody tr", has_text="Submission").first.locator("a").first
    expect(first).to_be_visible()
    shoot(page, "formgrader-list")
    first.click()
    answer = page.locator("#C-seen")
    expect(answer).to_be_visible()
    if page.locator("math", has_text="θ").count() == 0:  # the other one's; Ada's has a formula
        page.get_by_role("link", name="Next").click()
        expect(answer).to_be_visible()
    answer.scroll_into_view_if_needed()
    shoot(page, "formgrader-answer")
    shoot(page, "formgrader-whole", whole=True)
    desk_ = page.locator("#notebook-container")
    assert desk_.locator("math").count() > 30
    assert "$\\" not in "".join(desk_.locator(".rendered_html").all_inner_texts())
    assert desk_.get_by_text("Drawn from grading's small run:").count() >= 2
    assert desk_.get_by_text("As it was saved in the hand-in:").count() >= 2
    alts = desk_.locator(".output_png img").evaluate_all("all => all.map(one => one.alt)")
    assert len(alts) >= 4
    assert all(len(alt) > 40 for alt in alts)
    assert desk_.locator("li", has_text="an expectation is stated").count() == 1
    assert page.asked_outside == []
    assert overflow(page) <= 0

    answer.fill("1.5")
    comment = page.locator("#C-seen-comment")
    comment.fill(COMMENT)
    with page.expect_response(lambda found: "/api/comment" in found.url and found.request.method == "PUT"):
        page.locator("#D-verdict").click()
    page.reload()
    expect(answer).to_have_value("1.5")
    expect(comment).to_have_value(COMMENT)

    place = course.feedback / "ada" / NAME / f"{NAME}.html"
    before = place.read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "autograder", "report", NAME, "--class-dir", str(course.class_dir)],
        cwd=REPOSITORY, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    assert "feedback: 1 page written anew" in done.stdout
    assert before != place.read_text(encoding="utf-8")
    page = open_page(Path(place).as_uri())
    expect(page.locator("#points")).to_contain_text("50.25")
    shown = page.locator("#e-C-seen")
    expect(shown.locator(".score")).to_contain_text("1.5 of 2 points")
    expect(shown.locator(".comment")).to_contain_text("is the mean.")
    assert shown.locator(".comment math").count() == 1
    shown.scroll_into_view_if_needed()
    shoot(page, "feedback-changed")
