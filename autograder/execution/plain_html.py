"""HTML that is formatting alone: nothing in it runs, loads, covers the page or takes the place of another part of it.

It is read strictly: what is not written in the one way that browsers can't read differently is not harmless.
"""

from __future__ import annotations

import re
from collections.abc import Container
from functools import lru_cache
from html import unescape

LARGEST = 4_000_000
HOST = r"(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}(?![A-Za-z0-9.-]*[A-Za-z0-9-])"
"""A host on the web: its name has a dot and a top-level domain, which that of the grader's own server rarely has."""
RASTER = r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+"
PICTURE = r"[\w-]+(?:[ /.][\w-]+)*\.(?i:png|jpe?g|gif|webp)"
"""A picture that was handed in beside the notebook."""

TEX = (
    "href url class style cssId require unicode bbox mmlToken toolTip texttip mathtip action html[A-Za-z]* "
    "input include[A-Za-z]* openin openout read write immediate catcode csname special usepackage lstinputlisting "
    "verbatiminput directlua documentclass"
)
MACROS = re.compile(rf"\\(?:{'|'.join(TEX.split())})(?![A-Za-z])|\^\^")
"""Macros with which a formula makes links, changes the page, or reads and writes files where LaTeX is made of it."""

VOID = ("br", "hr", "img", "input", "wbr")
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
TAGS = frozenset({
    *VOID, *HEADINGS, "p", "b", "i", "u", "s", "em", "strong", "sub", "sup", "small", "mark", "kbd", "del", "ins",
    "code", "pre", "blockquote", "span", "div", "ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "thead",
    "tbody", "tfoot", "tr", "th", "td", "a", "details", "summary",
})  # fmt: skip
TAG = re.compile(r'<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-z-]+(?:="[^"<>]*")?)*)\s*(/?)>')
ATTRIBUTE = re.compile(r'([a-z-]+)(?:="([^"<>]*)")?')
WORDS = r"(?s:.*)"
SIZE = r"\d{1,4}(?:px|%)?"
PROPERTIES = (
    r"color|background(?:-color)?|text-align|vertical-align|font-(?:weight|style|size)|(?:max-|min-)?(?:width|height)|"
    r"(?:padding|margin)(?:-(?:left|right|top|bottom))?|border(?:-[a-z]+)*|white-space|text-decoration"
)
ATTRIBUTES = {
    "class": r"[\w+#. -]*", "title": WORDS, "role": "status|img", "aria-label": WORDS, "id": WORDS, "alt": WORDS,
    "style": rf"(?:\s*(?:{PROPERTIES})\s*:(?:(?!-[\d.])[\w#.,% +-])+(?:;|$))*\s*",
    "href": rf"#[\w%.~!*$&'(),;:@/?+=-]*|https?://{HOST}(?::\d+)?(?:[/?#][^\s\"<>\\]*)?|mailto:[\w.+-]+@[\w.-]+",
    "src": rf"{RASTER}|data:image/svg\+xml;base64,[A-Za-z0-9+/=]+|{PICTURE}",
    "width": SIZE, "height": SIZE, "start": SIZE, "colspan": SIZE, "rowspan": SIZE, "border": SIZE,
    "type": "checkbox", "disabled": "", "checked": "", "open": "",
}  # fmt: skip
ONLY = {
    "href": ("a",), "src": ("img",), "id": HEADINGS, "type": ("input",), "disabled": ("input",), "checked": ("input",),
}  # fmt: skip
NEEDED = {"img": "src", "input": "disabled"}
OWN = re.compile(r"(?:-comment|_extra_credit)\Z")
PAGE = ("notebook", "notebook-container", "statusmessage")


@lru_cache(maxsize=1)
def _classes() -> frozenset[str]:
    """Those that nbconvert gives: others mean something to the formgrader's own scripts, `full-credit` for one."""
    from pygments.token import STANDARD_TYPES

    return frozenset(STANDARD_TYPES.values()) | {
        "highlight", "anchor-link", "task-list-item", "task-list-item-checkbox", "dataframe", "wide", "data", "gap",
    }  # fmt: skip


def harmless(html: str, ids: Container[str] = ()) -> bool:
    """Whether this is formatting alone. `ids`: those of the page's own that nothing else may have."""
    if len(html) > LARGEST:
        return False
    open_: list[str] = []
    words: list[str] = []
    position = 0
    while position < len(html):
        begin = html.find("<", position)
        begin = len(html) if begin < 0 else begin
        if begin > position and not {"pre", "code"} & set(open_[-6:]):
            words.append(html[position:begin])  # MathJax looks into all others
        if begin == len(html):
            break
        found = TAG.match(html, begin)
        if found is None or not _plain(found, open_, ids):
            return False
        position = found.end()
    return not open_ and not MACROS.search(unescape("".join(words)))


def _plain(found: re.Match[str], open_: list[str], ids: Container[str]) -> bool:
    """Whether a tag is allowed where it stands; keeps `open_`, the tags around it."""
    closing, tag, attributes, end = found[1], found[2].lower(), found[3], found[4]
    if closing:
        return not attributes and not end and bool(open_) and open_.pop() == tag
    if tag not in TAGS or (end and tag not in VOID):
        return False
    if tag not in VOID:
        open_.append(tag)
    given = [(name, unescape(value)) for name, value in ATTRIBUTE.findall(attributes)]
    names = [name for name, _ in given]
    if len(set(names)) < len(names) or (tag in NEEDED and NEEDED[tag] not in names):
        return False
    return all(_allowed(tag, name, value, ids) for name, value in given)


def _allowed(tag: str, name: str, value: str, ids: Container[str]) -> bool:
    if name not in ATTRIBUTES or tag not in ONLY.get(name, (tag,)) or not re.fullmatch(ATTRIBUTES[name], value):
        return False
    if name == "class":
        return all(one in _classes() or one.startswith("language-") for one in value.split())
    return name != "id" or (OWN.sub("", value) not in ids and value not in PAGE)
