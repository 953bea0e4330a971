"""Markdown and formulas of answers, comments and rubrics: shown offline, and nothing but formatting."""

from __future__ import annotations

import re

import pytest
from feedback_kit import ASSIGNMENTS, autograded, read, render, row, walk
from formgrader_kit import ANSWER, hand_in, page, scrubbed
from nbformat import v4

from autograder.authoring.source import regions
from autograder.reports.feedback_page.formula import DEEPEST, LONGEST, mathml
from autograder.reports.feedback_page.sanitize import prose_html

NAME = "network_from_scratch"
SAID = "A step is\n$\\theta - \\eta \\nabla L$, **not** `x`:\n\n* one\n* two\n\n$$\\frac{1}{n} \\sum_i x_i$$\n"


def formulas(text: str) -> list[tuple[str, bool]]:
    """(TeX, whether it stands alone) of all formulas in a Markdown text."""
    text = re.sub(r"(?s)```.*?```|`[^`\n]*`", "", text)
    return [(a or b, bool(a)) for a, b in re.findall(r"(?s)\$\$(.+?)\$\$|(?<![\\$])\$([^$]+?)\$", text)]


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_every_formula_of_the_course_is_shown(name):
    found = [one for cell in read(name)[0].cells if cell.type == "markdown" for one in formulas(cell.text)]
    assert len(found) > 5
    assert [tex for tex, alone in found if not mathml(tex, alone).startswith("<math")] == []


@pytest.mark.promise("An answer and a comment are shown with their Markdown and formulas, which takes no network.")
def test_an_answer_and_a_comment_have_their_markdown_and_formulas():
    assignment, _ = read(NAME)
    notebook = autograded(NAME)
    next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == ANSWER).source = SAID
    made = render(row(assignment, comments={ANSWER: f"Well seen.\nBut {SAID}"}), notebook, assignment)
    assert walk(made).wrong == []
    article = made[made.index(f'id="e-{ANSWER}"') :].split("</article>")[0]
    assert article.count("<msub>") == article.count("<mfrac>") == article.count("<strong>not</strong>") == 2
    assert article.count("<li>one</li>") == 2
    assert "Well seen.<br>\nBut" in article  # a comment's lines are its own
    assert "A step is\n<math" in article  # an answer's are wrapped by the page alone
    assert "$" not in article


@pytest.mark.promise("Formulas are shown without a network.")
def test_the_formgrader_shows_formulas_without_a_network():
    answer = f"{SAID}\n\\begin{{align}} a &= b \\end{{align}}\n"
    latex = v4.new_output("display_data", data={"text/latex": "$\\displaystyle x^{2}$"})
    made = page(scrubbed(hand_in(answer, put_out=[latex])))
    shown = made[made.index("notebook-container") :]
    assert shown.count("<msup>") >= 1
    assert shown.count("<mfrac>") >= 1
    assert "<mtable" in shown
    assert not re.search(r"\$|\\begin", re.sub(r"<(pre|textarea|script).*?</\1>", "", shown, flags=re.S))
    assert re.findall(r"(?:https?:)?//[\w.]*(?:mathjax|cloudflare)[^\"]*", made) == []
    assert "window.MathJax" not in made


HOSTILE = (
    "\\href{javascript:alert(1)}{x}", "\\style{color:red}{x}", "\\class{full-credit}{x}", "\\unknown{x}", "<img src=x>",
    "\\text{<img src=x onerror=alert(1)>}", "x" * (LONGEST + 1), "{" * 1000, "x^{" * DEEPEST + "}" * DEEPEST, "\\frac",
    "\\color{white}x", "\\hspace{99999em}x", "\\begin{array}{l}x", "&#x202e;", "\\mathchoice", "\\phantom{x}",
)  # fmt: skip


@pytest.mark.parametrize("tex", HOSTILE)
def test_nothing_but_a_formula_comes_of_a_formula(tex):
    made = str(mathml(tex))
    assert re.fullmatch(r"(?s)(?:<math .*</math>|<code>.*</code>)", made)
    checked = walk(f"<p>{made}</p>")
    assert checked.wrong == []
    assert not re.search(r"javascript:|99999|style=|class=|href=", " ".join(f"{t.attrs}" for t in checked.seen))


def test_what_does_not_become_a_formula_stays_as_it_was_typed():
    assert "a" not in re.sub("<.*?>", "", mathml("\\href{a}{b}"))
    assert mathml("\\foo < x", block=True) == "<code>$$\\foo &lt; x$$</code>"
    assert mathml("a < b").startswith("<math")


def test_html_links_and_pictures_stay_as_they_were_typed():
    said = "<b>x</b> [a](javascript:b) ![c](http://d/e.png) <http://f.gh> &lt;i&gt; &#x202e; [r]\n\n[r]: http://i.jk"
    made = str(prose_html(said))
    assert {one.tag for one in walk(made).seen} == {"div", "p"}
    assert "⟨U+202E⟩" in made
    for typed in ("&lt;b&gt;x", "[a](javascript:b)", "![c](http://d/e.png)", "&lt;http://f.gh&gt;", "[r]: http://i.jk"):
        assert typed in made


@pytest.mark.promise("Each rubric stands above the answer it belongs to, as a list.")
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_every_rubric_is_a_list(name):
    found = ["\n".join(r) for cell in read(name)[0].cells for r in regions(cell.text, "MARK SCHEME")]
    assert found
    for rubric in found:
        points = re.findall(r"(?m)^ *\* (?:\*\*\w+\*\* \(\d\)|\d|0\.5):", rubric)
        assert rubric.startswith("Graded by the hidden test") or len(points) >= 2
        assert str(prose_html(rubric)).count("<li>") == len(points)
        assert not re.search(r"(?:^|[.)]\s)(?:\d|0\.5): ", rubric)
