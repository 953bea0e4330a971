"""The README's pictures say what the code says: the text is in their metadata, and the README repeats its numbers."""

from __future__ import annotations

import re

import pytest
from PIL import Image

from autograder import readme_figures
from autograder.course import REPOSITORY
from helpers.errors import CourseError

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
FIGURES = dict(re.findall(r"!\[([^]]*)\]\(docs/figures/(\w+)\.png\)", README))
ALT = {name: alt for alt, name in FIGURES.items()}


def words_in(name: str) -> str:
    """What a picture of the README says, as its own metadata have it."""
    return Image.open(readme_figures.FOLDER / f"{name}.png").info["Description"]


def test_the_check_in_the_readme_says_what_the_check_says():
    assert words_in("check") == readme_figures.check_page()[1], "run `make figures`"
    (quoted,) = re.findall(r'"(.*)"', ALT["check"])
    assert quoted in words_in("check")


def test_every_picture_is_shown_sharp_and_has_words():
    files = {path.stem for path in readme_figures.FOLDER.glob("*.png")}
    pages = "".join(page.read_text(encoding="utf-8") for page in (REPOSITORY / "docs").glob("*.md"))
    assert files == set(ALT) | set(re.findall(r"\]\(figures/(\w+)\.png\)", pages))
    for name in files:
        assert len(words_in(name)) > 60


@pytest.mark.parametrize("name", ["learning_rates", "loss_gap"])
def test_numbers_below_a_figure_are_those_in_it(name):
    numbers = re.findall(r"\d+(?:\.\d+)?%|\d+\.\d{2,}|(?<=epoch )\d+", ALT[name])
    assert len(numbers) >= 4
    assert [number for number in numbers if number not in words_in(name)] == []


def test_without_a_browser_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(readme_figures, "BROWSERS", ("no-such-browser",))
    with pytest.raises(CourseError, match=r"A browser is needed to draw x\.png"):
        readme_figures.draw("", "", (10, 10), tmp_path / "x.png")
