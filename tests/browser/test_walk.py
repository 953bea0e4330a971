"""A student's way through a notebook, in JupyterLab and Notebook 7: untouched, wrong, right, interrupted, reopened,
restarted, validated. What it shows also goes into pictures, which a person should look at."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from autograder.authoring.student import Edit, Student

from .conftest import NAME, WRONG, hand_in, shoot

LONG = 240_000
"""Milliseconds that a notebook may take on a busy machine."""
ENDLESS = Edit("C-study", "epochs=size.epochs", "epochs=1000 * size.epochs")
LAB, NOTEBOOK = "lab/tree", "notebooks"
PLACES = pytest.mark.parametrize(
    "place",
    [LAB, pytest.param(NOTEBOOK, marks=pytest.mark.skipif(
        importlib.util.find_spec("notebook") is None, reason="the package notebook is not installed"))],
    ids=["lab", "notebook"],
)  # fmt: skip


def theme(work: Path, dark: bool) -> None:
    folder = work.parent / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension"
    folder.mkdir(parents=True, exist_ok=True)
    said = {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"}
    (folder / "themes.jupyterlab-settings").write_text(json.dumps(said), encoding="utf-8")


def put(work: Path, student: Student) -> None:
    """The student's notebook, written but not run."""
    nbformat.write(hand_in(student), work / NAME / f"{NAME}.ipynb")


def opened(open_page, lab, place: str, dark: bool = False) -> Page:
    """The notebook, with its kernel."""
    address, work = lab
    theme(work, dark)
    page = open_page(address.format(f"{place}/{NAME}/{NAME}.ipynb"), dark=dark)
    page.set_default_timeout(LONG)
    ready(page, address)
    return page


def ready(page: Page, address: str) -> None:
    """Wait until the notebook's kernel is there and has nothing to do."""
    expect(page.locator(".jp-Notebook .jp-CodeCell").first).to_be_attached(timeout=LONG)
    for _ in range(LONG // 1000):
        page.wait_for_timeout(1000)
        sessions = page.request.get(address.format("api/sessions")).json()
        kernels = [one["kernel"] for one in sessions if NAME in one["path"]]
        if kernels and all(one["execution_state"] == "idle" and one["connections"] for one in kernels):
            return
    raise AssertionError(f"The kernel is not idle: {kernels}")


def menu(page: Page, name: str, entry: str) -> None:
    page.locator(".lm-MenuBar-itemLabel", has_text=name).first.click()
    page.locator(".lm-Menu-itemLabel").get_by_text(entry, exact=True).click()


def cell(page: Page, source: str) -> Locator:
    found = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell", has_text=source).first
    expect(found).to_be_attached(timeout=LONG)  # cells are rendered one after the other
    found.scroll_into_view_if_needed()
    return found


def run(page: Page, source: str) -> Locator:
    """Run one cell; what it puts out."""
    found = cell(page, source)
    found.locator(".jp-InputPrompt").click()
    page.keyboard.press("Control+Enter")
    return found.locator(".jp-Cell-outputArea")


def contrast(page: Page) -> float:
    """The least of the words in the reports of checks with their ground, which axe-core can't tell in a notebook."""
    return page.evaluate("""() => {
        const light = colour => {
            const [r, g, b] = colour.match(/[\\d.]+/g).map(one => one / 255)
                .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
            return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05
        }
        const ground = one => {
            const colour = getComputedStyle(one).backgroundColor
            return /, 0\\)$/.test(colour) ? ground(one.parentElement) : colour
        }
        return Math.min(...[...document.querySelectorAll("[role=status] :is(b, td, a)")].map(one => {
            const [low, high] = [light(getComputedStyle(one).color), light(ground(one))].sort((a, b) => a - b)
            return high / low
        }))
    }""")


def test_the_first_page_leads_to_a_notebook_that_says_what_is_to_do(lab, open_page):
    address, work = lab
    theme(work, dark=False)
    page = open_page(address.format(""))
    page.set_default_timeout(LONG)
    link = page.locator(".jp-RenderedHTMLCommon a", has_text="A neural network from scratch")
    expect(link).to_be_visible(timeout=LONG)
    shoot(page, "lab-start")
    assert page.get_by_text("Formgrader").count() == 0
    link.click()
    expect(page.get_by_text("Part A. Layers and their gradients").first).to_be_attached(timeout=LONG)
    ready(page, address)
    menu(page, "Run", "Run All Cells")
    said = cell(page, "check.network_from_scratch.linear_init(Linear)").locator(".jp-Cell-outputArea")
    expect(said).to_contain_text("still to do", timeout=LONG)
    ready(page, address)
    said.scroll_into_view_if_needed()
    shoot(page, "lab-untouched")
    expect(said).not_to_contain_text("Traceback")
    expect(run(page, "check.summary()")).to_contain_text("0 of 32 points", timeout=LONG)
    shoot(page, "lab-untouched-summary")


@PLACES
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_wrong_gradient_is_named(lab, open_page, place, dark):
    put(lab[1], Student("jun", "", edits=(WRONG,)))
    page = opened(open_page, lab, place, dark)
    menu(page, "Run", "Run All Cells")
    said = cell(page, "check.network_from_scratch.linear_backward(Linear)").locator(".jp-Cell-outputArea")
    expect(said).to_contain_text("Every entry of grad_weight is 1/", timeout=LONG)
    ready(page, lab[0])
    said.scroll_into_view_if_needed()
    shoot(page, f"{place[:3]}-wrong-{'dark' if dark else 'light'}")
    assert contrast(page) >= 4.5
    page.evaluate("document.querySelectorAll('[role=status] b').forEach(one => one.style.color = '#777')")
    assert contrast(page) < 4.5


def test_an_interrupted_run_keeps_what_was_finished(lab, open_page):
    put(lab[1], Student("ada", "", edits=(ENDLESS,)))
    page = opened(open_page, lab, LAB, dark=True)
    menu(page, "Run", "Run All Cells")
    said = cell(page, "histories[rate] = fit(").locator(".jp-Cell-outputArea")
    expect(said).to_contain_text("epoch", timeout=LONG)
    said.scroll_into_view_if_needed()
    shoot(page, "lab-running-dark")
    menu(page, "Kernel", "Interrupt Kernel")
    expect(said).to_contain_text("stopped after", timeout=LONG)
    ready(page, lab[0])
    expect(said).not_to_contain_text("Traceback")
    shoot(page, "lab-interrupted-dark")


@PLACES
def test_right_work_from_the_first_cell_to_validate(lab, open_page, place):
    """Run, saved, reopened, restarted, validated."""
    put(lab[1], Student("ada", ""))
    page = opened(open_page, lab, place)
    menu(page, "Run", "Run All Cells")
    summary = cell(page, "check.summary()").locator(".jp-Cell-outputArea")
    expect(summary).to_contain_text("32 of 32 points", timeout=LONG)
    summary.scroll_into_view_if_needed()
    shoot(page, f"{place[:3]}-right-summary")
    menu(page, "File", "Save Notebook")
    path = lab[1] / NAME / f"{NAME}.ipynb"
    for _ in range(LONG // 1000):
        if "32 of 32 points" in path.read_text(encoding="utf-8"):
            break
        page.wait_for_timeout(1000)
    page.context.close()

    page = opened(open_page, lab, place)
    assert page.get_by_text("Error displaying widget").count() == 0
    figure = cell(page, "plots.show(plots.learning_rates(histories))")
    figure.locator("img").first.scroll_into_view_if_needed()
    shoot(page, f"{place[:3]}-reopened")

    menu(page, "Kernel", "Restart Kernel…")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    ready(page, lab[0])
    said = run(page, "check.network_from_scratch.linear_forward(Linear)")
    expect(said).to_contain_text("run the setup cell first", timeout=LONG, ignore_case=True)
    expect(said).not_to_contain_text("Traceback")
    shoot(page, f"{place[:3]}-restarted")

    page.get_by_role("button", name="Validate").first.click()
    dialog = page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("Success! Your notebook passes all the tests.", timeout=LONG)
    shoot(page, f"{place[:3]}-validated")
