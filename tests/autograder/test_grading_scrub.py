"""Nothing of a student's runs or loads from a graded notebook, whatever shows it; honest work looks as it did."""

from __future__ import annotations

import copy
import json
from html import unescape
from types import SimpleNamespace

import nbformat
import pytest
from bs4 import BeautifulSoup
from feedback_kit import told
from formgrader_kit import (
    ANSWER,
    DOT,
    NAME,
    active,
    everything,
    hand_in,
    outputs,
    page,
    payloads,
    scrubbed,
    snapshot,
    text_of,
    usual,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import v4
from test_feedback_injection import OUTPUTS, PAYLOADS

from autograder.authoring.source import grade_id
from autograder.authoring.start_page import NEIGHBOURS
from autograder.course import load_config
from autograder.execution import scrub as scrub_module
from autograder.execution import work as work_module
from autograder.execution.execute import Done, Machine
from autograder.execution.plain_html import harmless
from autograder.execution.scrub import Reader, fenced
from autograder.execution.task import Task
from autograder.judge.judge import NOT_SHUT_IN
from autograder.reports.findings import find
from helpers.check.core.picture import Picture

TO = "http://127.0.0.1:9/hit"
ALL = payloads(TO) | {f"feedback-{i}": payload for i, payload in enumerate(PAYLOADS)}


def html(markdown: str) -> str:
    """As nbconvert shows it: its page goes through another parser at last."""
    attachments = {"fig.png": {"image/png": DOT}}
    made = MarkdownWithMath(renderer=IPythonRenderer(escape=False, attachments=attachments)).render(markdown)
    return str(BeautifulSoup(made, "html.parser"))


def shown(markdown: str) -> str:
    return Reader(snapshot().known).shown(markdown, {"fig.png": {"image/png": DOT}})


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


@pytest.mark.promise(
    "Nothing of a student's runs or loads there: HTML, and what is not plain formatting, stands in `autograded/` as "
    "the text that it is,"
)
@pytest.mark.parametrize("name", ALL)
def test_markdown_of_every_kind_is_shown_and_is_not_active(name):
    """As an answer, in a cell of one's own, in a raw cell and as an output."""
    payload = ALL[name].replace("\ud800", "")
    cells = [
        v4.new_markdown_cell(payload, id="own"),
        v4.new_raw_cell(payload, id="raw", metadata={"format": "text/html"}),
    ]
    put_out = [v4.new_output("display_data", data={"text/markdown": payload, "text/plain": "x"})]
    notebook = scrubbed(hand_in(payload, cells, put_out))
    assert active(page(notebook)) - usual() == {}
    for place in ("own", "raw"):
        cell = next(c for c in notebook.cells if c.id == place)
        assert letters(unescape(payload).replace("```mermaid", "")) in letters(unescape(text_of(html(cell.source))))
    assert scrubbed(notebook) == notebook


@pytest.mark.parametrize("template", ["formgrade", "lab", "reveal"])
def test_nothing_of_a_hand_in_full_of_it_is_active_in_any_page(template):
    hostile = everything(TO, whole=False)
    assert active(page(scrubbed(hostile), template)) - usual(template) == {}
    if template == "formgrade":  # the test would see it
        found = active(page(everything(TO, whole=False, without=("attachment",)), template)) - usual(template)
        assert len(found) > 60


@pytest.mark.promise(
    "Nothing of a student's runs or loads there: HTML, and what is not plain formatting, stands in `autograded/` as "
    "the text that it is,"
)
@pytest.mark.parametrize("road", OUTPUTS)
def test_outputs_of_every_kind_are_text_pictures_and_plain_tables(road):
    notebook = scrubbed(hand_in(put_out=[copy.deepcopy(OUTPUTS[road])]))
    for template in ("formgrade", "lab"):
        assert active(page(notebook, template)) - usual(template) == {}
    (output,) = next(c for c in notebook.cells if c.id == "made-outputs").outputs
    assert output.output_type == OUTPUTS[road].output_type
    nbformat.validate(notebook)


def test_what_is_left_of_outputs():
    put_out = scrubbed(hand_in(put_out=outputs(TO))).cells
    (found,) = [c.outputs for c in put_out if c.id == "made-outputs"]
    kinds = [sorted(o.get("data", {o.output_type: ""})) for o in found]
    text, html_ = ["text/plain"], ["text/html", "text/plain"]
    assert kinds == [
        text, ["text/html"], text, text, text, text, ["image/svg+xml"], ["text/markdown"], text, text, text, text,
        ["image/png"], ["image/png"], text, ["stream"], ["error"],
    ]  # fmt: skip
    assert "<script>" in found[0].data["text/plain"]
    assert "<td>cell</td>" in found[1].data["text/html"]
    assert "<rect" in found[6].data["image/svg+xml"]
    assert all(set(o.get("metadata", {})) <= {"image/png"} for o in found)
    table = '<table class="dataframe"><tr><th style="text-align: right;">a</th><td>1 &lt; 2</td></tr></table>'
    for honest in (table, "<b>x</b>", "<details><summary>This figure in words</summary>a &lt; b</details>"):
        data = {"text/html": honest, "text/plain": "x"}
        cell = scrubbed(hand_in(put_out=[v4.new_output("display_data", data=data)])).cells
        (kept,) = next(c for c in cell if c.id == "made-outputs").outputs
        assert kept.data == data
        assert sorted(kept.data) == html_


def test_reports_of_checks_stay_as_they_are():
    picture = Picture("the gradient", (2, 2), ("·▲", "▼?"), 3, 4)
    for report in (told("Linear"), told("Linear", 'It is < "5" & > 3.', "differs", picture, ("a < b",), section="A1")):
        (kept,) = scrubbed(hand_in(put_out=[copy.deepcopy(report)])).cells[2].outputs
        assert kept.data == report.data
        assert "<table" in kept.data["text/html"]


def test_metadata_and_attachments():
    notebook = hand_in("![x](attachment:x.svg)", to="alert(1)")
    evil = f'"><script src={TO}></script>'
    notebook.metadata |= {"title": f"</title>{evil}", "authors": [{"name": evil}], "kernelspec": {"name": evil}}
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"x": f"</script>{evil}"}}}
    for cell in notebook.cells:
        cell.metadata |= {"tags": [evil], "magics_language": evil, "alt": evil, "format": evil, "trusted": True}
        if cell.cell_type == "markdown" and "attachments" not in cell:
            cell["attachments"] = {evil: {"text/html": evil, "image/png": evil, "image/svg+xml": evil}}
    made = scrubbed(notebook)
    for template in ("formgrade", "lab", "reveal"):
        assert active(page(made, template)) - usual(template) == {}
    assert evil not in json.dumps([made.metadata, *(c.metadata for c in made.cells)])
    assert "onload" not in page(made)
    assert made.metadata.kernelspec.name == "python3"
    kept = scrubbed(hand_in("![x](attachment:fig.png)"))
    assert next(c for c in kept.cells if grade_id(c) == ANSWER).attachments["fig.png"] == {"image/png": DOT}


HONEST = (
    "The loss is small for a < b, and 1 < 2 > 0; a<=b, x<-1, <3.",
    "For $a<b$ the sum $\\sum_{i<N} x_i<y$ and $x<y>z$ hold.",
    "$$\\begin{align} a &< b \\\\ c<d &\\text{ and } e \\end{align}$$",
    "\\begin{equation}\na<b\n\\end{equation}\n\n\\\\(a<b\\\\) and \\\\[c<d\\\\]",
    "# What I found\n\n## In *numbers*\n\nSetext\n======\n\n***",
    "| rate | loss |\n|---:|:---|\n| 0.1 | `a<b` |\n| **1** | $a<b$ |",
    "- [x] tried\n- [ ] not yet\n\n1. one\n2. two\n   - three\n\n> quoted *words*",
    "See `if a<b: list<int>` and ``x[i](y)``.\n\n```python\nif a<b and c>d:\n    print('<script>')\n```",
    "~~~\n<b onclick=x>\n~~~",
    "![a plot](attachment:fig.png) and ![beside](plot.png \"my plot\")",
    f"![pasted](data:image/png;base64,{DOT})",
    "[the paper](https://arxiv.org/abs/1410.0759) and https://en.wikipedia.org/wiki/Cat_(Unix)?a=1&b=2#c, <https://pytorch.org/docs>.",
    "[cuDNN][1] says so.\n\n[1]: https://arxiv.org/abs/1410.0759 \"cuDNN\"",
    "x<sub>1</sub><br>y<sup>2</sup> <b>bold</b> <kbd>Enter</kbd><br/>",
    "It costs $5 & more; \\* no list \\<b\\>; C:\\data; 漢字 – é; \"quoted\" 'too'; &lt;b&gt;",
    "term\n: what it means\n\n~~gone~~ **bold** _it_  \nnext",
    "*Your answer here.*",
)  # fmt: skip


@pytest.mark.parametrize("honest", HONEST)
def test_honest_answers_look_as_before(honest):
    assert html(shown(honest)) == html(honest)
    assert shown(honest) == honest
    before, after = hand_in(honest), scrubbed(hand_in(honest))
    assert page(before) == page(after)


def test_what_stock_would_swallow_is_shown():
    assert text_of(html(shown("if a<b and c>d then x<y"))) == "if a<b and c>d then x<y\n"
    assert html(shown(f"# {ANSWER}\n\nbecause")) == f"<p><strong>{ANSWER}</strong></p>\n<p>because</p>\n"
    assert text_of(html(shown("see f[i](x)"))) == "see f[i](x)\n"
    long = "word " * 5000 + "<script>"
    assert letters(text_of(html(shown(long)))) == letters(long)


def test_the_assignments_own_cells_stay():
    before = hand_in(whole=True)
    for cell in before.cells:  # as if it were never handed in
        known = snapshot().known.get(grade_id(cell))
        if known is not None and known.solution:
            cell.source = known.source
    after = scrubbed(before)
    for old, new in zip(before.cells, after.cells, strict=True):
        if old.get("id") == NEIGHBOURS:  # its links lead nowhere in a class's folder
            continue
        assert (old.cell_type, old.source) == (new.cell_type, new.source)
        assert old.metadata == new.metadata


def test_points_words_and_the_feedback_page_are_those_of_what_was_written():
    assignment = snapshot().source
    untouched = hand_in(whole=True)
    for cell in untouched.cells:
        known = snapshot().known.get(grade_id(cell))
        if known is not None and known.solution:
            cell.source = known.source
    for notebook in (everything(TO), hand_in("if a<b and c>d", whole=True), untouched):
        before, after = find(notebook, assignment), find(scrubbed(notebook), assignment)
        assert before.points == after.points
        assert before.untouched == after.untouched
        assert before.words == after.words
        prose = [[w.html for w in one.page.work[ANSWER] if "prose" in w.html] for one in (before, after)]
        assert prose[0] == prose[1]
    assert find(untouched, assignment).untouched


PIECES = (
    "`", "``", "```", "```\n", "~~~\n", "$", "$$", "\\", "<", "<!--", "-->", "<b>", "</b>", "[", "](", ")", "![",
    "]", "[r]: ", "[r]", ":", "javascript:", "http://127.0.0.1:9/x.png", "https://a.org/x", "attachment:fig.png",
    "> ", "- ", "    ", "\t", "| a | b |\n|---|---|\n| ", " | ", "# ", "\n", "\n\n", " ", "x", "a<b", "<img src=x",
    " onerror=x>", "<script", ">", "\"", "'", "=", "&lt;", "&#60;", "\\\\(", "\\\\)", "\\begin{a}", "\\end{a}",
    "\\href{x}", "*", "_", "\r",
)  # fmt: skip
FRAGMENTS = st.sampled_from([*ALL.values(), *PIECES])


@settings(max_examples=150, deadline=None)
@given(st.lists(FRAGMENTS, min_size=1, max_size=14), st.sampled_from(["", " ", "\n"]))
def test_no_markdown_made_of_dangerous_pieces_is_active(pieces, between):
    written = between.join(pieces).replace("\ud800", "")
    made = shown(written)
    found = html(made)
    assert active(found) == {}
    assert harmless(found.replace("<br/>", "<br />"), snapshot().known) or "<br" in found
    assert shown(made) == made


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.sampled_from("<>&\"'=/ ab!-[](){}$\\`~#\n:;."), max_size=60))
def test_html_that_is_called_harmless_is(text):
    for markup in (text, f"<b>{text}</b>", f'<a href="{text}">x</a>', f'<td style="{text}">', f"<img src={text}>"):
        if harmless(markup):
            assert active(markup) == {}


@pytest.mark.parametrize("markup", [
    "<script>x</script>", "<b onclick=x>x</b>", '<b onclick="x">x</b>', "<b", "<b>", "</b>", "<i><b></i></b>",
    "<!-- x -->",
    '<a href="javascript:x">x</a>', '<a href="java&#10;script:x">x</a>', '<a href="//evil.org">x</a>',
    '<a href="x.html">x</a>',
    '<a href="http://localhost/x">x</a>', '<a href="http://127.0.0.1/x">x</a>', '<a href="https://a.org@b">x</a>',
    '<img src="https://a.org/x.png" />', '<img src="/logout" />', '<img src="../x.png" />', "<img />", "<svg></svg>",
    '<b class="full-credit">x</b>', '<p id="notebook">x</p>', '<h1 id="B-why">x</h1>', '<h1 id="B-why-comment">x</h1>',
    '<b style="background:url(x)">x</b>', '<b style="position:fixed">x</b>', '<b style="margin:-99px">x</b>',
    "<b>\\href{x}{y}</b>", "<b>&#92;href{x}</b>", "\\hr<b></b>ef{x}", "<b />", "<input />", '<b a="1">x</b>',
    '<b title="1" title="2">x</b>', "<b title='x'>x</b>", "<style>x</style>", "<pre>x", "<math></math>",
])  # fmt: skip
def test_html_that_is_not_harmless(markup):
    assert not harmless(markup, {"B-why"})


@pytest.mark.promise("and the graded notebook's metadata says so.")
def test_a_worker_writes_it_so_and_finds_the_same(monkeypatch):
    """The real road of a hand-in, but for running its cells."""
    from autograder.execution import execute as execute_module
    from autograder.execution import workplace

    hostile = everything(TO)
    handed_in = copy.deepcopy(hostile)
    for cell in handed_in.cells:
        cell.pop("attachments", None)

    def run(notebook, *_):
        for cell in notebook.cells:
            if cell.id == "made-outputs":
                cell.outputs = [nbformat.from_dict(o) for o in outputs(TO)]
        return execute_module.Done()

    monkeypatch.setattr(execute_module, "execute", run)
    monkeypatch.setattr(workplace, "workplace", SimpleNamespace(
        mode=lambda task: SimpleNamespace(name="landlock", words="shut in"),
        machine=lambda *a: Machine(None, None, lambda: NOT_SHUT_IN)))  # fmt: skip
    result = work_module.work(Task("zoe", nbformat.writes(handed_in).encode(), snapshot()))
    assert result.reason == ""
    graded = result.graded
    assert graded.metadata.course["mode"] == "landlock"
    assert graded.metadata.course["sandbox"] == f"shut in{NOT_SHUT_IN}"
    assert active(page(graded)) - usual() == {}
    assert result.found(snapshot().source) == find(graded, snapshot().source)
    assert scrubbed(graded) == graded


def test_nbgraders_own_commands_scrub_what_they_write_each_time(monkeypatch):
    from autograder import nbgrader_plugins

    seen = []
    monkeypatch.setattr(nbgrader_plugins, "scrub", lambda notebook, snapshot: seen.append(notebook))
    monkeypatch.setattr(nbgrader_plugins, "snapshot_for", lambda info: snapshot())
    monkeypatch.setattr(nbgrader_plugins, "execute", lambda *a: Done())
    monkeypatch.setattr(nbgrader_plugins, "workplace", SimpleNamespace(
        mode=lambda task: SimpleNamespace(name="none", words=""), machine=lambda *a: Machine(None, None)))  # fmt: skip
    about = {"nbgrader": {"student": "zoe", "assignment": NAME, "notebook": NAME}, "metadata": {"path": "/nowhere"}}
    config = load_config()
    for steps in (config.Autograde.sanitize_preprocessors, config.Autograde.autograde_preprocessors):
        made, _ = steps[0]().preprocess(hand_in(), about)
        assert seen.pop() is made


def test_texts_without_end_are_not_read_as_markdown(monkeypatch):
    reader = Reader(())
    assert reader.shown("# a") == "# a"
    assert reader.shown("a\n" * 10_000) == fenced("a\n" * 10_000)
    picture = f"![x](data:image/png;base64,{'A' * 100_000})"
    assert reader.shown(picture) == picture
    monkeypatch.setattr(scrub_module, "IN_ALL", 10)
    reader = Reader(())
    assert [reader.shown("# abc"), reader.shown("# abc"), reader.shown("# abc")] == ["# abc", "# abc", fenced("# abc")]
    assert fenced("a ``` b ```` c").splitlines()[0] == "`````"
