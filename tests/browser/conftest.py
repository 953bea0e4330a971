"""A browser, a Jupyter server as students and graders start it, and a graded class. `make browser` runs this folder."""

from __future__ import annotations

import contextlib
import copy
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from autograder.authoring.sample import build, release_of
from autograder.authoring.source import cells_by_id
from autograder.authoring.source import read as read_source
from autograder.authoring.student import Edit, Student
from autograder.course import REPOSITORY, Course
from autograder.grade import Graded, grade
from autograder.readme_figures import BROWSERS
from autograder.reports import class_report

NAME = "network_from_scratch"
SHOTS = REPOSITORY / "build" / "browser"
"""Where the pictures of all pages go; look at them."""
WRONG = Edit("A-linear", "self.x.T @ grad_output", "self.x.T @ grad_output / self.x.shape[1]")
ANSWER = "Rate **0.1** learns: a step is\n$\\theta \\leftarrow \\theta - \\eta \\nabla L$, and <b>1.0</b> too large."
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if found is None:
        pytest.skip("no Chromium or Chrome is installed here (Debian, Ubuntu: apt install chromium)")
    alone = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=alone)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium) -> Iterator[Callable[..., Page]]:
    """open_page(address, dark=…, size=…, network=…) opens a page in a profile of its own, offline but for this
    machine."""
    opened = []

    def open_(address: str, dark: bool = False, size: dict = WIDE) -> Page:
        context = chromium.new_context(viewport=size, color_scheme="dark" if dark else "light")
        opened.append(context)
        page = context.new_page()
        page.asked_outside = []
        page.route(lambda url: "://127.0.0.1" not in url and not url.startswith(("data:", "blob:", "file:")),
                   lambda route: (page.asked_outside.append(route.request.url), route.abort()))  # fmt: skip
        page.goto(address)
        return page

    yield open_
    for context in opened:
        for page in context.pages:
            shoot(page, "last")
        context.close()


def shoot(page: Page, name: str, whole: bool = False) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=whole)


def serious(page: Page, part: str | None = None) -> list[str]:
    """What axe-core calls serious or critical: rule, and where."""
    found = Axe().run(page, context=part).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@contextlib.contextmanager
def serving(command: list[str], folder: Path, cwd: Path | None = None, **variables: str) -> Iterator[str]:
    """A Jupyter server: its address, with what lets one in."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    options = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={token}"]
    options += ["--allow-root"] if os.geteuid() == 0 else []
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [*command, *options], cwd=cwd or folder, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "HOME": str(folder), "JUPYTER_CONFIG_DIR": str(folder / ".jupyter"), **variables},
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            assert server.poll() is None, (folder / "server.log").read_text()
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/api?token={token}", timeout=5).close()
                break
            time.sleep(0.25)
        yield f"{address}/{{}}?token={token}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(60)


@pytest.fixture(scope="module")
def lab(chromium, tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """`make lab` in a folder of its own, at grading's small size: (address, the student's copy)."""
    here = tmp_path_factory.mktemp("lab")
    work = here / "work"
    command = [sys.executable, "-m", "autograder", "lab", "--folder", str(work), "--"]
    with serving(command, here, COURSE_SIZE="quick", PYTHONPATH=str(REPOSITORY)) as address:
        yield address, work


def hand_in(student: Student, outputs: bool = False) -> nbformat.NotebookNode:
    """A notebook of the model solution with this student's changes; with the outputs of the solved notebook."""
    course = Course()
    _, solved = read_source(course.source(NAME))
    notebook = build(student, release_of(NAME, course), solved)
    if outputs:
        ran = nbformat.read(course.source(NAME).with_suffix(".ipynb"), as_version=4)
        by_id, by_text = cells_by_id(ran), {cell.source: cell for cell in ran.cells}
        for cell in notebook.cells:
            of = by_id.get(cell.metadata.get("nbgrader", {}).get("grade_id")) or by_text.get(cell.source)
            if cell.cell_type == "code" and of is not None:
                cell.outputs = copy.deepcopy(of.outputs)
    return notebook


@pytest.fixture(scope="session")
def graded(chromium, tmp_path_factory) -> tuple[Course, Graded]:
    """Three hand-ins: right, with the outputs that were saved and an answer with a formula; wrong; no notebook."""
    course = Course(class_dir=tmp_path_factory.mktemp("class"))
    ada = hand_in(Student("ada", "right", replace={"C-seen": ANSWER}), outputs=True)
    made = {"ada": nbformat.writes(ada), "jun": nbformat.writes(hand_in(Student("jun", "", edits=(WRONG,)))), "bo": "?"}
    for student, content in made.items():
        (course.submitted / student / NAME).mkdir(parents=True)
        (course.submitted / student / NAME / f"{NAME}.ipynb").write_text(content, encoding="utf-8")
    found = grade(NAME, course, jobs=2)
    class_report.write(found, course)
    return course, found
