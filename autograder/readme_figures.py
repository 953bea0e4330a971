"""The README's pictures of a check and of a class report: `python -m autograder.readme_figures` draws them anew.

Both are pages of ours in a browser. What a page says also goes into the PNG as its description, which tests compare
with what the code says today; they need no browser.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from helpers.check.core import report as check_report
from helpers.errors import CourseError

from .authoring.sample import fill
from .authoring.source import read as read_source
from .course import REPOSITORY, Course
from .grade import Graded, grade
from .reports import class_report

NAME = "network_from_scratch"
FOLDER = REPOSITORY / "docs/figures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
SLIP = ("self.x.T @ grad_output", "self.x.T @ grad_output / self.x.shape[1]")
CALLS = ("linear_init", "linear_forward", "linear_backward", "linear_update")
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 12px; width: 52em; } .cell { display: flex; margin: 6px 0; }
.number { width: 3.2em; color: #777; font: 13px monospace; padding-top: 6px; }
pre { flex: 1; margin: 0; padding: 6px; background: #f5f5f5; border: 1px solid #ddd; font-size: 13px; }
.out { margin-left: 3.6em; }
"""


def check_page() -> tuple[str, str]:
    """(HTML, the same in words): four checks of a Linear whose gradient is divided by in_features."""
    cells = read_source(Course().source(NAME))[1].cells
    setup = next(cell.source for cell in cells if "from helpers import check" in cell.source)
    linear = next(cell.source for cell in cells if cell.source.startswith("class Linear"))
    if SLIP[0] not in linear:
        raise CourseError(f"The model solution of {NAME} has no {SLIP[0]!r} any more; change SLIP in {__file__}.")
    names: dict[str, object] = {}
    imports = "\n".join(line for line in setup.splitlines() if line.startswith(("from", "import")))
    exec(imports + "\n" + linear.replace(*SLIP), names)  # our own model solution
    kept: list[check_report.Report] = []
    with patch.object(check_report, "_show", kept.append):
        for call in CALLS:
            with suppress(check_report.CheckFailed):
                getattr(getattr(names["check"], NAME), call)(names["Linear"])
    blocks = [
        f'<div class="cell"><div class="number">[{i}]:</div><pre>check.{NAME}.{call}(Linear)</pre></div>'
        f'<div class="out">{one._repr_mimebundle_()["text/html"]}</div>'
        for i, (call, one) in enumerate(zip(CALLS, kept, strict=True), 4)
    ]
    return _page("".join(blocks)), "\n".join(map(str, kept))


def report_words(found: Graded) -> list[str]:
    """The rows of the report's most frequent mistakes, as the page has them."""
    return [f"{m['exercise']}, {m['id']}: {m['message']}" for m in class_report.frequent(found)]


def draw(page: str, words: str, size: tuple[int, int], target: Path) -> None:
    """A picture of the upper part of an HTML page, `size` in CSS pixels, with two pixels for each."""
    browser = next((found for found in map(shutil.which, BROWSERS) if found), None)
    if browser is None:
        raise CourseError(f"A browser is needed to draw {target.name}; install Chromium or Chrome.")
    with tempfile.TemporaryDirectory() as folder:
        source, shot = Path(folder, "page.html"), Path(folder, "shot.png")
        source.write_text(page, encoding="utf-8")
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += ["--force-device-scale-factor=2", f"--window-size={size[0]},{size[1]}"]
        command += [f"--user-data-dir={folder}", f"--screenshot={shot}"]
        subprocess.run([*command, source.as_uri()], check=False, capture_output=True, timeout=120)
        if not shot.is_file():
            raise CourseError(f"{browser} drew nothing; try it by hand: {browser} --headless --screenshot FILE.html")
        picture = Image.open(io.BytesIO(shot.read_bytes())).convert("RGB")
    info = PngInfo()
    info.add_itxt("Description", words)
    small = picture.quantize(64, dither=Image.Dither.NONE)
    small.save(target, "PNG", optimize=True, pnginfo=info, dpi=(144, 144))
    print(f"written: {target}")


def _page(body: str) -> str:
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><style>{STYLE}</style><body>{body}</body></html>'


def main() -> None:
    page, words = check_page()
    draw(page, words, (815, 545), FOLDER / "check.png")
    with tempfile.TemporaryDirectory() as folder:
        course = Course(class_dir=Path(folder))
        fill(NAME, course)
        found = grade(NAME, course, timeout=30)
        page = class_report.write(found, course).read_text(encoding="utf-8")
        draw(page, "\n".join(report_words(found)), (1120, 1600), FOLDER / "report.png")


if __name__ == "__main__":
    main()
