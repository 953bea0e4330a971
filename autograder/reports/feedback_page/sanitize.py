"""Sanitises everything that comes from a student: each function returns finished HTML or plain text.

Nothing of a student's HTML reaches the page. Text is escaped, tables are rebuilt from their text, pictures become
`<img>` with the data inside, in which browsers run no script and load nothing.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from html import escape, unescape
from typing import Annotated, Any

from markupsafe import Markup
from pydantic import PlainSerializer, PlainValidator

from ...submission.bindings import kept
from ...text import ESCAPES, one_line, plain, text, visible

CHARACTERS, LINES = 8000, 120
"""What is shown of one text; the middle of a longer one is left out."""
CODE = 40_000
IMAGE, SVG, TABLE = 3_000_000, 600_000, 60_000
ROWS, COLUMNS = 60, 30

Html = Annotated[Markup, PlainValidator(Markup), PlainSerializer(str)]
PRE = '<pre tabindex="0">'
"""Long lines are scrolled, also with the keyboard."""
COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


def cut(value: str, characters: int = CHARACTERS, lines: int = LINES) -> tuple[str, str, str]:
    """(beginning, sentence about what is left out, end); the last two are empty where all is shown."""
    rows = value.split("\n")
    head, tail = value, ""
    if len(rows) > lines:
        head, tail = "\n".join(rows[: lines * 2 // 3]), "\n".join(rows[-(lines // 3) :])
    if len(head) + len(tail) > characters:
        head, tail = head[: characters * 2 // 3], (tail or value)[-(characters // 3) :]
    if not tail:
        return value, "", ""
    gone = len(value) - len(head) - len(tail)
    return head, f"{gone:,} characters are left out here; the whole output has {len(rows):,} lines.", tail


def text_html(value: Any) -> Markup:
    """Output as it stood in the terminal, with its colours, the middle left out where it is long."""
    shown = []
    for part in cut(text(value)):
        shown.append(ansi_html(part) if part else "")
    head, middle, tail = shown
    gap = f'<span class="gap">{middle}</span>' if middle else ""
    return Markup(f"{PRE}{head}</pre>{gap}" + (f"{PRE}{tail}</pre>" if gap else ""))


def ansi_html(value: str) -> str:
    """Escaped text; ANSI colours become classes, all other escape sequences go."""
    out: list[str] = []
    classes: list[str] = []
    position = 0
    for found in ESCAPES.finditer(value):
        out.append(_span(value[position : found.start()], classes))
        position = found.end()
        if found[2] == "m" and not found[1].strip("0123456789;:"):
            classes = _style(classes, found[1])
    out.append(_span(value[position:], classes))
    return "".join(out)


def _span(part: str, classes: list[str]) -> str:
    shown = escape(visible(part))
    return f'<span class="{" ".join(classes)}">{shown}</span>' if classes and shown else shown


def _style(classes: list[str], codes: str) -> list[str]:
    """The classes after one colour sequence. The names come from COLOURS, never from the text."""
    numbers = [int(code[:4] or 0) for code in re.split("[;:]", codes)]
    kept, at = set(classes), 0
    while at < len(numbers):
        code, at = numbers[at], at + 1
        if code == 0:
            kept.clear()
        elif code == 1:
            kept.add("bold")
        elif code in (22, 39):
            kept = {c for c in kept if (c == "bold") is (code == 39)} if code == 22 else kept & {"bold"}
        elif 30 <= code <= 37 or 90 <= code <= 97:
            kept = (kept & {"bold"}) | {f"ansi-{COLOURS[code % 10]}"}
        elif code in (38, 48):
            name, at = _extended(numbers, at)
            if code == 38 and name:
                kept = (kept & {"bold"}) | {f"ansi-{name}"}
    return sorted(kept)


def _extended(numbers: list[int], at: int) -> tuple[str, int]:
    """The nearest of the eight colours for `5;n` and `2;r;g;b`, and where the sequence goes on."""
    kind = numbers[at] if at < len(numbers) else 0
    if kind == 5 and at + 1 < len(numbers):
        n = numbers[at + 1]
        if n < 16:
            return COLOURS[n % 8], at + 2
        if 16 <= n < 232:
            levels = (n - 16) // 36, (n - 16) // 6 % 6, (n - 16) % 6
            top = max(levels)
            return COLOURS[sum(1 << i for i, level in enumerate(levels) if 2 * level > top) if top else 0], at + 2
        return "", at + 2
    return "", at + (4 if kind == 2 else 1)


@lru_cache(maxsize=1)
def _pygments() -> tuple[Any, Any, Any]:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return highlight, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True, classprefix="c-")


def code_html(source: Any) -> Markup:
    """Python with syntax colours (classes `c-…`)."""
    return _code(plain(source))


@kept
def _code(source: str) -> Markup:
    """Most cells of a class are alike: those of the course, and those that nobody has touched yet."""
    head, middle, tail = cut(source, CODE, 1000)
    if len(head) > CODE // 2 or max(map(len, head.split("\n"))) > 2000:
        shown = escape(head)
    else:
        highlight, lexer, formatter = _pygments()
        shown = highlight(head, lexer, formatter)
    gap = f'</code></pre><span class="gap">{middle}</span>{PRE}<code>{escape(tail)}' if middle else ""
    return Markup(f'<pre class="code" tabindex="0"><code>{shown.rstrip()}{gap}</code></pre>')


@lru_cache(maxsize=2)
def _markdown(breaks: bool) -> Any:
    """Reads Markdown as Jupyter does, less HTML, links and pictures, which stay as they were typed."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.amsmath import amsmath_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    from .formula import mathml

    reader = MarkdownIt("commonmark", {"html": False, "breaks": breaks, "xhtmlOut": False}).enable(["table", "strikethrough"])
    reader.disable(["link", "image", "autolink", "html_block", "html_inline", "reference"])
    reader.use(dollarmath_plugin, allow_labels=False, allow_digits=False, allow_blank_lines=False, double_inline=True)
    reader.use(amsmath_plugin)

    def formula(block: bool) -> Any:
        return lambda _, tokens, at, *__: f"{mathml(tokens[at].content, block)}"

    def listing(_: Any, tokens: Any, at: int, *__: Any) -> str:
        return f'<pre class="code" tabindex="0"><code>{escape(tokens[at].content)}</code></pre>\n'

    rules = {
        "math_inline": formula(False), "math_inline_double": formula(True), "math_block": formula(True),
        "amsmath": formula(True), "fence": listing, "code_block": listing,
        "heading_open": lambda *_: "<p><strong>", "heading_close": lambda *_: "</strong></p>\n",
    }  # fmt: skip
    for name, rule in rules.items():
        reader.add_render_rule(name, rule)
    return reader


def prose_html(value: Any, breaks: bool = False) -> Markup:
    """An answer or a comment: its Markdown, with formulas as MathML. With `breaks` a new line is one on the page."""
    head, middle, tail = cut(plain(value), 12_000, 400)
    gap = f'<span class="gap">{middle}</span>' if middle else ""
    return Markup(f'<div class="prose">{_prose(head, breaks)}{gap}{_prose(tail, breaks) if tail else ""}</div>')


def _prose(source: str, breaks: bool) -> str:
    try:
        reader = _markdown(breaks)
        tokens = reader.parse(source)
        for token in tokens:
            token.attrs = {name: value for name, value in token.attrs.items() if name == "start"}
        return visible(reader.renderer.render(tokens, reader.options, {}))  # a reference may stand for what is invisible
    except Exception:  # the reader of Markdown gives up
        return f"<p>{escape(source)}</p>"


def image_url(mime: str, data: Any) -> str:
    """A data: URL for <img>, or "" where the data is no such picture or too large."""
    if mime == "image/svg+xml":
        from .svg import cleaned

        drawn = cleaned(text(data)) if len(text(data)) <= SVG else b""
        return f"data:image/svg+xml;base64,{base64.b64encode(drawn).decode()}" if drawn else ""
    packed = re.sub(r"\s+", "", text(data)) if len(text(data)) <= IMAGE else ""
    try:
        raw = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return ""
    magic = {
        "image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF8", "image/webp": b"RIFF",
    }[mime]  # fmt: skip
    return f"data:{mime};base64,{base64.b64encode(raw).decode()}" if raw.startswith(magic) else ""


TOKEN = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)(?![a-zA-Z0-9])[^<>]*>|<![^<>]*>|([^<]+)|<")
"""A tag, a declaration, text: one look at each character, where html.parser takes seconds for 50 KB of `<!--`."""


def _rows(source: str) -> list[list[tuple[str, list[str]]]]:
    """The text of a table's cells, row by row: (td or th, pieces of text)."""
    rows: list[list[tuple[str, list[str]]]] = []
    depth, quiet = 0, ""
    for found in TOKEN.finditer(source):
        closing, tag, piece = found[1], (found[2] or "").lower(), found[3]
        if quiet:
            quiet = "" if closing and tag == quiet else quiet
        elif tag in ("script", "style"):
            quiet = "" if closing else tag
        elif tag == "table":
            depth += -1 if closing else 1
        elif tag == "tr" and not closing:
            rows.append([])
        elif tag in ("td", "th") and not closing and rows:
            rows[-1].append((tag, []))
        elif depth > 0 and rows and rows[-1] and (piece or tag == "br"):
            rows[-1][-1][1].append(piece or " ")
    return [row for row in rows if row]


def table_html(value: Any) -> Markup | None:
    """A table rebuilt from the text of its cells; None where there is none, or it is too large."""
    source = text(value)
    if len(source) > TABLE or "<table" not in source.lower():
        return None
    rows = _rows(source)
    if not rows:
        return None
    lines = []
    for row in rows[:ROWS]:
        cells = "".join(
            f"<{tag}>{escape(one_line(unescape(''.join(parts)[:2000]), 300))}</{tag}>" for tag, parts in row[:COLUMNS]
        )
        lines.append(f"<tr>{cells}</tr>")
    less = len(rows) > ROWS or any(len(row) > COLUMNS for row in rows)
    note = f'<span class="gap">The table goes on; it has {len(rows):,} rows.</span>' if less else ""
    return Markup(f'<div class="wide" tabindex="0"><table class="data">{"".join(lines)}</table></div>{note}')
