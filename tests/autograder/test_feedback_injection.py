"""Nothing that a student writes becomes part of the page's HTML, by whatever road it comes."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import time

import pytest
from feedback_kit import MIME, autograded, display, error, read, render, row, stream, told, walk, words

from autograder.reports.feedback_page import sanitize
from autograder.reports.feedback_page.svg import cleaned
from autograder.submission.form import Declaration
from autograder.text import plain

NAME = "network_from_scratch"
MARKER = "injected"
ACT = f"document.title='{MARKER}';document.body.id='{MARKER}'"
PAYLOADS = (
    f"<script>{ACT}</script>",
    f'<img src=x onerror="{ACT}">',
    f'"><svg onload="{ACT}">',
    f"'><svg/onload='{ACT}'//",
    f"</pre></code></details></article></style></title></textarea><script>{ACT}</script>",
    f'<a href="javascript:{ACT}">x</a>',
    f'<iframe srcdoc="<script>parent.{ACT}</script>"></iframe>',
    '<link rel=stylesheet href="https://example.org/x.css"><img src="https://example.org/x.png">',
    "<style>*{display:none}</style><meta http-equiv=refresh content='0;url=https://example.org'>",
    "<form action=https://example.org><input name=q><button>go</button></form>",
    "<!-- --!><script>1</script> --> <![CDATA[<b>]]> <?php x ?>",
    f"{{{{ 7*7 }}}} {{% raw %}} ${{{ACT}}}",
    "&lt;script&gt; &#60;b&#62;",
    f"[x](javascript:{ACT}) ![x](https://example.org/x.png) <javascript:x> `</code><b>`  **</strong><b>**",
    f"$$\\href{{javascript:{ACT}}}{{x}}$$ \\(\\unicode{{<img src=x onerror={ACT}>}}\\)",
    '\x1b[31m<b>\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07\x1b[38;5;9999999999999"onclick=1m<i>\x1b[0m',
    "\u202etpircs\u202c \u2066\u2069 \u200f \ufeff \x00\x08\x0c\x7f \ud800",
)
ALL = "\n".join(PAYLOADS)
SVG = f"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" onload="{ACT}">
<script>{ACT}</script><a xlink:href="javascript:{ACT}"><rect width="9" height="9" onclick="{ACT}"/></a>
<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><script>{ACT}</script></body></foreignObject>
<image href="https://example.org/x.png"/><use href="https://example.org/x.svg#a"/>
<style>@import "https://example.org/x.css";</style><rect style="fill:url(https://example.org/x)" width="5" height="5"/>
<animate attributeName="href" to="javascript:{ACT}"/><set attributeName="onclick" to="{ACT}"/><circle r="4"/></svg>"""
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 40).decode()

OUTPUTS = {
    "stream": stream(ALL),
    "plain": display(text_plain=ALL),
    "html": display(text_html=ALL, text_plain="x"),
    "html-alone": display(text_html=ALL),
    "html-table": display(text_html=f"<table onclick=x><tr><th>a<td {ALL}>b{ALL}</td></tr></table>"),
    "html-table-cut": display(text_html="<table><tr><td>" + "<b>" * 3000),
    "markdown": display(text_markdown=ALL),
    "latex": display(text_latex=ALL),
    "javascript": display(application_javascript=ALL),
    "widget": display(**{"application_vnd.jupyter.widget-view+json": {"model_id": ALL, "version_major": 2}}),
    "vega": display(**{"application_vnd.vega.v5+json": {"data": ALL}}),
    "type's name": display(**{"application_" + ALL: "x"}),
    "svg": display(image_svg=SVG),
    "svg-text": display(image_svg=ALL),
    "svg-lines": display(image_svg=SVG.splitlines(keepends=True)),
    "png": display(image_png=PNG),
    "png-text": display(image_png=f'x" onerror="{ACT}'),
    "png-svg": display(image_png=base64.b64encode(SVG.encode()).decode()),
    "jpeg": display(image_jpeg=f"data:text/html,{ALL}"),
    "error-name": error(ALL, "x", [ALL]),
    "error-value": error("ValueError", ALL, ["Traceback", ALL]),
    "report-forged": told(ALL, ALL, ALL, verified=(ALL,), section=ALL),
}
OUTPUTS["alt"] = display(image_png=PNG)
OUTPUTS["alt"]["metadata"] = {"image/png": {"alt": f'" onload="{ACT}" x="{ALL}', "width": ALL}, "tags": [ALL]}
OUTPUTS["report-json"] = display(text_plain=ALL)
OUTPUTS["report-json"]["data"][MIME] = {"check": ALL, "passed": False, "mistake": ALL, "message": ALL}
OUTPUTS["report-html"] = told("Linear", "wrong")
OUTPUTS["report-html"]["data"]["text/html"] = ALL


def page_with(where: tuple[str, ...], outputs: list) -> str:
    """A page whose cells of the kinds `where` ("": a cell of the student's own) have these outputs."""
    notebook = autograded(NAME, outputs=lambda c, _: outputs if (c.kind if c else "") in where else [])
    return render(row(read(NAME)[0]), notebook, read(NAME)[0])


@pytest.mark.promise("and nothing of a student's output can run in a reader's browser.")
@pytest.mark.parametrize("road", OUTPUTS)
def test_no_output_reaches_the_page_as_html(road):
    assert walk(page_with(("exercise", "", "given", "test"), [OUTPUTS[road]])).wrong == []
    # A forged report beside the real error of a test cell.
    assert walk(page_with(("test",), [OUTPUTS[road], error(ALL, ALL, [ALL])])).wrong == []


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_reaches_the_page_as_html(payload):
    assignment, _ = read(NAME)
    notebook = autograded(NAME)
    for cell in notebook.cells:
        known = cell.metadata.get("nbgrader", {})
        if known.get("solution") or not known:
            cell.source = payload + "\n" + cell.source
        cell.metadata["tags"] = [payload]
        cell["id"] = payload
        if cell.cell_type == "markdown":
            cell["attachments"] = {payload: {"image/png": PNG, "text/html": payload}}
    notebook.metadata["course"] = {"dead": payload, "notes": [payload]}
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {payload: payload}}}
    notebook.metadata["title"] = payload
    ids = [c.id for c in assignment.cells if c.id]
    made = row(assignment, payload, notes=[payload], dead=payload, comments=dict.fromkeys(ids, payload),
               form=Declaration(({"name": payload, "did": payload, "id": payload},), ("A",), payload))  # fmt: skip
    page = render(made, notebook, assignment, course_title=payload)
    assert walk(page).wrong == []
    assert walk(render(row(assignment, payload, reason=payload), None, assignment)).wrong == []


def test_ids_of_cells_and_exercises_can_not_break_out_of_attributes():
    assignment, _ = read(NAME)
    notebook = autograded(NAME)
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata["nbgrader"]["grade_id"] += ALL
    assert walk(render(row(assignment), notebook, assignment)).wrong == []


def test_a_broken_notebook_still_gives_a_page():
    """Each field of each cell and output with a value of another type."""
    assignment, _ = read(NAME)
    for value in (None, 7, True, "x", ["a", 3, None], {"a": {"b": 1}}, [], {}):
        notebook = autograded(NAME, outputs=lambda c, _: [told("Linear", "no"), stream("x"), error("E", "v")])
        for number, cell in enumerate(notebook.cells):
            for field in ("outputs", "metadata", "source")[number % 3 :][:1]:
                cell[field] = value
            for output in cell.get("outputs") or [] if isinstance(cell.get("outputs"), list) else []:
                for key in list(output)[number % 4 :][:1] if isinstance(output, dict) else []:
                    if key != "output_type":
                        output[key] = value
        notebook.metadata["course"] = value
        assert walk(render(row(assignment), notebook, assignment)).wrong == [], value


def test_the_policy_allows_no_script_and_no_request_and_fits_the_page():
    page = page_with(("exercise",), [])
    policy = next(t.attrs["content"] for t in walk(page).seen if t.attrs.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert (rules["img-src"], rules["form-action"], rules["base-uri"]) == ("data:", "'none'", "'none'")
    css = re.search(r"(?s)<style>(.*?)</style>", page)[1]
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    assert rules["style-src"] == f"'sha256-{digest}'"
    assert "url(" not in css
    assert "@import" not in css
    # Before anything that it must hold for.
    assert page.index("Content-Security-Policy") < page.index("<title>") < page.index("<style>")


def test_drawings_keep_their_shapes_and_lose_what_runs_or_loads():
    drawn = cleaned(SVG).decode()
    assert "<rect" in drawn or "<circle" in drawn
    for gone in ("script", "onload", "onclick", "example.org", "javascript", "foreignObject", "animate", MARKER):
        assert gone not in drawn
    bomb = '<!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg xmlns="http://www.w3.org/2000/svg">&b;</svg>'
    for bad in ("", "x", "<svg/>", "<svg xmlns='http://www.w3.org/2000/svg'><g></svg>", bomb, "<html/>"):
        assert cleaned(bad) == b""
    inside = '<defs><path id="p" d="M0 0"/></defs><use href="#p" style="fill:url(#p)"/>'
    kept = f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>'
    assert b'href="#p"' in cleaned(kept)
    assert b"url(#p)" in cleaned(kept)


@pytest.mark.parametrize("lines", [2, 2500, 90_000])
def test_code_is_escaped_however_long_it_is(lines):
    assignment, _ = read(NAME)
    notebook = autograded(NAME)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "code":
            cell.source = "x = '</code></pre><script>1</script>'\n" * lines
            break
    page = render(row(assignment), notebook, assignment)
    assert walk(page).wrong == []
    assert "<script>1</script>" in words(page) or "&lt;script&gt;" in page
    assert len(page) < 600_000


def test_a_picture_on_the_page_is_the_cleaned_one_and_is_what_it_says():
    for road in ("svg", "svg-lines"):
        drawn = base64.b64decode(
            re.search(r"data:image/svg\+xml;base64,([^\"]*)", page_with(("exercise",), [OUTPUTS[road]]))[1]
        )
        assert b"<circle" in drawn
        assert not re.search(rb"script|onload|onclick|example", drawn)
    packed = base64.b64encode(SVG.encode()).decode()
    for mime, data in (("image/png", packed), ("image/jpeg", packed), ("image/jpeg", PNG), ("image/png", f"{PNG}!!"),
                       ("image/png", "\ud800"), ("image/png", None), ("image/png", {"a": 1})):  # fmt: skip
        assert sanitize.image_url(mime, data) == ""
    assert sanitize.image_url("image/png", [PNG[:9] + "\n", PNG[9:]]) == f"data:image/png;base64,{PNG}"


def test_characters_that_reorder_text_are_shown_by_number():
    assignment, _ = read(NAME)
    page = render(row(assignment, "ada\u202efdp"), autograded(NAME), assignment)
    assert "\u202e" not in page
    assert "ada⟨U+202E⟩fdp" in page
    page = page_with(("exercise",), [stream("a\u2066b\u200ec\x07"), display(text_plain="x\u202ey")])
    assert not set("\u2066\u200e\x07\u202e") & set(page)
    assert "x⟨U+202E⟩y" in page


def test_terminal_colours_become_classes_and_other_sequences_go():
    shown = sanitize.ansi_html(
        "\x1b[1;31mred\x1b[0m \x1b[38;5;28mgreen\x1b[39m\x1b[2J\x1b]0;title\x07 \x1b[38;2;1;2;3mx\x1b[K"
    )
    assert shown == '<span class="ansi-red bold">red</span> <span class="ansi-green">green</span> x'
    assert plain("10%\r50%\r100%\nnext\r\n") == "100%\nnext\n"


@pytest.mark.promise("A page holds about 20 MB, pictures included, and says what it leaves out.")
def test_large_outputs_are_cut_and_the_page_says_so():
    for big in ("x" * 5_000_000, "line\n" * 200_000, "<b>" * 100_000):
        page = page_with(("exercise",), [stream(big)])
        assert len(page) < 4_000_000
        assert "characters are left out here" in page
        assert walk(page).wrong == []
    head, sentence, tail = sanitize.cut("\n".join(map(str, range(1000))))
    assert (head.split("\n")[-1], tail.split("\n")[0], tail.split("\n")[-1]) == ("79", "960", "999")
    assert "1,000 lines" in sentence
    assert sanitize.cut("short\ntext") == ("short\ntext", "", "")
    many = page_with(("exercise",), [stream("x") if i % 2 else display(text_plain=str(i)) for i in range(5000)])
    assert len(many) < 1_000_000
    assert "This cell has more outputs" in many
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 1_500_000).decode()
    heavy = page_with(("exercise",), [display(image_png=picture)] * 9)
    assert len(heavy) < 20_000_000
    assert "already holds many" in heavy
    assert "too large" in page_with(("exercise",), [display(image_png="A" * 5_000_000)])


SLOW = ("<" * 50_000, "<table>" + "<!--" * 12_000, "<table>" * 8000, "<table><tr>" + "<td>" * 9000, "`" * 50_000,
        "**" * 50_000, "\x1b[" * 50_000, "\n \n " * 20_000, "⟨" * 40_000, "def f(" * 6000, "'''" * 9000,
        "\"\\" * 20_000,
        "See " * 9000, "raised X" * 5000, "Where " * 3000 + "is wrong")  # fmt: skip


@pytest.mark.parametrize("bad", SLOW, ids=lambda bad: bad[:6])
def test_no_text_makes_a_page_slow(bad):
    assignment, _ = read(NAME)
    notebook = autograded(NAME)
    for cell in notebook.cells[:8]:
        if cell.cell_type == "code":
            cell.outputs = [
                stream(bad),
                display(text_html=bad),
                error("E", bad, [bad]),
                told(bad, bad, verified=(bad,)),
            ]
    notebook.cells[5].source = bad
    begun = time.process_time()
    page = render(row(assignment), notebook, assignment)
    assert time.process_time() - begun < 20
    assert walk(page).wrong == []


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.promise("and nothing of a student's output can run in a reader's browser.")
@pytest.mark.skipif(not CHROMIUM, reason="no chromium or chrome to open the page in")
def test_a_browser_runs_nothing_of_it(tmp_path):
    """All roads on one page; and the same page with the policy and the escaping gone, to see that the trap works."""
    assignment, _ = read(NAME)
    notebook = autograded(NAME, outputs=lambda *_: list(OUTPUTS.values()))
    page = render(row(assignment, ALL, notes=[ALL]), notebook, assignment)
    trap = page.replace("Content-Security-Policy", "x").replace("</main>", f"<script>{ACT}</script></main>", 1)
    for name, text, expected in (("page", page, False), ("trap", trap, True)):
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
        done = subprocess.run(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom",
             f"--user-data-dir={tmp_path / name}", (tmp_path / f"{name}.html").as_uri()],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if "<body" not in done.stdout:
            pytest.skip("the browser does not start here")
        assert (f'<body id="{MARKER}"' in done.stdout) is expected
        assert words(done.stdout)
