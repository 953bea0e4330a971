"""The class report and the feedback pages: on a phone and a screen, in the light and in the dark, for everybody."""

from __future__ import annotations

import re

import pytest

from .conftest import NAME, NARROW, WIDE, overflow, serious, shoot


def unfold(page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")


PAGES = ("report", "ada", "jun", "bo")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["phone", "screen"])
@pytest.mark.parametrize("which", PAGES)
def test_a_page_is_for_everybody(graded, open_page, which, size, dark):
    course, _ = graded
    path = course.reports / f"{NAME}.html" if which == "report" else course.feedback / which / NAME / f"{NAME}.html"
    page = open_page(path.as_uri(), dark=dark, size=size)
    unfold(page)
    shoot(page, f"{which}-{size['width']}-{'dark' if dark else 'light'}", whole=True)
    assert overflow(page) <= 0
    assert serious(page) == []
    assert page.locator("main").count() == 1
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, re.findall(r"\d+", ground)[:3])) < 60) is dark
    assert page.asked_outside == []


def test_axe_finds_what_is_wrong(graded, open_page):
    """The page without what makes it right."""
    course, _ = graded
    page = open_page((course.feedback / "ada" / NAME / f"{NAME}.html").as_uri(), size=NARROW)
    unfold(page)
    page.evaluate("document.querySelectorAll('img').forEach(one => one.removeAttribute('alt'))")
    page.evaluate("document.documentElement.style.setProperty('--soft', '#bbb')")
    assert {one.partition(":")[0] for one in serious(page)} >= {"image-alt", "color-contrast"}
    page.evaluate("document.querySelector('h1').style.width = '600px'")
    assert overflow(page) > 100


def test_names_lead_to_the_pages(graded, open_page):
    course, _ = graded
    page = open_page((course.reports / f"{NAME}.html").as_uri())
    page.locator("td.name a", has_text="jun").click()
    assert page.locator(".who").inner_text() == "Feedback for jun"


def test_long_code_is_scrolled_with_the_keyboard(graded, open_page):
    course, _ = graded
    page = open_page((course.feedback / "jun" / NAME / f"{NAME}.html").as_uri(), size=NARROW)
    unfold(page)
    wide = "[...document.querySelectorAll('pre')].find(one => one.scrollWidth > one.clientWidth + 40)"
    page.evaluate(f"{wide}.focus()")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"{wide}.scrollLeft > 0")


def test_a_formula_and_both_figures_are_on_the_feedback_page(graded, open_page):
    course, _ = graded
    page = open_page((course.feedback / "ada" / NAME / f"{NAME}.html").as_uri())
    answer = page.locator("#e-C-seen .prose")
    assert answer.locator("math").evaluate("one => one.getBoundingClientRect().width") > 60
    assert "$" not in answer.inner_text()
    assert "<b>1.0</b> too large" in answer.inner_text()
    assert page.get_by_text("Drawn from grading's small run:").count() >= 2
    assert page.get_by_text("As it was saved in the hand-in:").count() >= 2
    assert all(len(alt) > 40 for alt in page.locator("figure img").evaluate_all("all => all.map(one => one.alt)"))
