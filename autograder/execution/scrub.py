"""A graded notebook in which nothing of a student's runs or loads, whatever shows it: formgrader, nbconvert, Jupyter.

The assignment's own cells stay as they are. What a student wrote stays word for word where nbconvert shows it with
plain formatting; other HTML, links and pictures are shown as the text that they are, and where that is not enough, the
whole cell is. Of outputs, text, pictures, plain tables and formulas are left. Points never hang on what is changed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from nbformat import NotebookNode

from ..authoring.snapshot import Snapshot
from ..reports.feedback_page.diagnosis import CHECK
from ..reports.feedback_page.sanitize import image_url, table_html
from ..text import one_line, text
from .plain_html import HOST, MACROS, PICTURE, RASTER, harmless

LONGEST, IN_ALL = 12_000, 60_000
"""Characters of a text, and of all of a notebook, that are read as Markdown, pictures aside: reading can take long."""
FLAGS = ("deletable", "editable")
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")
TEXTS = ("text/html", "text/markdown", "text/latex", "application/javascript", "image/svg+xml")
DATA = re.compile(RASTER)
PLACEHOLDER = re.compile(r"<IPython\.core\.display\.\w+ object>")
PYTHON = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}

URL = rf"https?://{HOST}(?::\d+)?(?:[/?#](?:[^\s()<>\\\"']|\([^\s()<>\\\"']*\))*)?"
TITLE = r'(?:[ \t]+"[^"<>\\&\n]*")?'


@lru_cache(maxsize=8)
def _markup(ids: frozenset[str]) -> re.Pattern[str]:
    """The pieces of Markdown that are kept (code, formulas, plain formatting) and those that are made into text."""
    named = "|".join(map(re.escape, sorted(ids))) or "(?!)"
    return re.compile(
        rf"""
        (?P<kept>
            ^(?P<fence>`{{3,}}|~{{3,}})[ \t]*[\w.+\#-]*[ \t]*\n(?:.*\n)*?(?P=fence)[ \t]*$
          | (?<![`\\])(?P<ticks>`{{1,2}})(?!`)[^`\n]+(?P=ticks)(?!`)
          | (?<![\\$])\$\$(?:(?!\n[ \t]*\n)[^$])+\$\$
          | (?<![\\$])\$(?!\$)(?:(?!\n[ \t]*\n)[^$\\]|\\.)+\$(?!\$)
          | \\\\\[(?s:.*?)\\\\\] | \\\\\((?s:.*?)\\\\\)
          | \\begin\{{(?P<name>[a-z]*\*?)\}}(?s:.*?)\\end\{{(?P=name)\}}
          | \\[!-/:-@\[-`{{-~]
          | </?(?i:b|i|u|s|em|strong|sub|sup|small|mark|kbd|code|del|ins|br)[ ]*/?>
          | <{URL}>
          | !\[[^\[\]<>`$\\\n]*\]\((?:attachment:[^\s()<>\\"'&]+|{RASTER}|{PICTURE}){TITLE}\)
          | \]\((?:{URL}|\#[\w-]*){TITLE}\)
          | ^[ ]{{0,3}}\[[^\[\]\n]+\]:[ \t]*{URL}{TITLE}[ \t]*$
          | https?://{HOST}(?=[^@\w-]|$)
        )
        | ^[ ]{{0,3}}\#{{1,6}}[ \t]*(?P<heading>(?:{named})(?:-comment|_extra_credit)?)[ \t]*\#*[ \t]*$
        | (?P<tag><(?=[A-Za-z/!?]))
        | (?P<image>!\[) | (?P<link>\]\() | (?P<define>^[ >*+-]*\[(?=[^\[\]\n]*\]:))
        | (?P<scheme>(?i:https?)):(?=//)
        """,
        re.MULTILINE | re.VERBOSE,
    )


def scrub(notebook: NotebookNode, snapshot: Snapshot) -> None:
    """Change a rebuilt and executed notebook so that nothing in it runs or loads. Done twice, it changes nothing more.

    What a student wrote is kept in the metadata (`written`) where the cell says it in another way.
    """
    kept = {key: notebook.metadata[key] for key in ("course", "language_info") if key in notebook.metadata}
    notebook.metadata = NotebookNode(kernelspec=NotebookNode(snapshot.kernelspec or PYTHON), **kept)
    reader = Reader(name for name, cell in snapshot.known.items() if cell.grade or cell.solution)
    own = {words.strip() for cell in snapshot.cells for words in (cell.source, cell.released)}
    for cell in notebook.cells:
        about = {key: cell.metadata[key] for key in ("nbgrader", "course") if key in cell.metadata}
        about |= {key: cell.metadata[key] for key in FLAGS if isinstance(cell.metadata.get(key), bool)}
        cell.metadata = NotebookNode(about)
        if "attachments" in cell:
            cell.attachments = _attachments(cell.attachments)
        if cell.cell_type == "code":
            cell.outputs = [_output(output, reader) for output in cell.outputs]
        elif cell.source.strip() not in own:
            _prose(cell, reader)


def _prose(cell: NotebookNode, reader: Reader) -> None:
    """What stands in a raw cell is shown, too: as text."""
    written = cell.source
    shown = fenced(written) if cell.cell_type == "raw" else reader.shown(written, cell.get("attachments"))
    cell.cell_type, cell.source = "markdown", shown
    if shown != written:
        cell.metadata["course"] = NotebookNode({"written": written} | cell.metadata.get("course", {}))


class Reader:
    """Reads Markdown as nbconvert does. `ids` are those by which the formgrader finds where points are entered."""

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = frozenset(ids)
        self.left = IN_ALL

    def shown(self, written: str, attachments: Any = None) -> str:
        """Markdown that shows what was written and is harmless; the very same where that is."""
        size = len(DATA.sub("", written))
        if size > LONGEST or size > self.left:
            return fenced(written)
        self.left -= size
        softened = _markup(self.ids).sub(_softened, written)
        return softened if self.harmless(softened, attachments) else fenced(written)

    def harmless(self, markdown: str, attachments: Any) -> bool:
        from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath  # takes half a second

        try:
            made = MarkdownWithMath(renderer=IPythonRenderer(escape=False, attachments=attachments or {}))
            return harmless(made.render(markdown), self.ids)
        except Exception:  # an attachment that is not there, or nested without end
            return False


def _softened(found: re.Match[str]) -> str:
    """One piece of Markdown as the text that it is, where it is HTML or leads anywhere but to a page on the web."""
    if found["kept"] is not None:
        return re.sub(r"\A([`~]{3,})[ \t]*mermaid\b", r"\1text", found[0]) if found["fence"] else found[0]
    if found["heading"] is not None:
        return f"**{found['heading']}**"
    if found["scheme"] is not None:
        return f"{found['scheme']}&#58;"
    return {"<": "&lt;", "![": "!\\[", "](": "]\\("}.get(found[0]) or found[0].replace("[", "\\[")


def fenced(written: str) -> str:
    """Text that no reader of Markdown takes for anything else."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", written)), default=0))
    return f"{fence}\n{written}\n{fence}"


def _attachments(found: Any) -> NotebookNode:
    """The pictures among them."""
    made: dict[str, Any] = {}
    for name, bundle in found.items() if isinstance(found, dict) else ():
        for mime, data in bundle.items() if isinstance(bundle, dict) else ():
            if mime in PICTURES and (packed := _picture(mime, _unpacked(data) if mime == PICTURES[-1] else data)):
                made[str(name)] = NotebookNode({mime: packed})
    return NotebookNode(made)


def _unpacked(data: Any) -> str:
    try:
        return base64.b64decode(text(data)).decode("utf-8", "replace")
    except ValueError:
        return ""


def _picture(mime: str, data: Any) -> str:
    return image_url(mime, data).partition(",")[2]


def _output(output: NotebookNode, reader: Reader) -> NotebookNode:
    """Streams and errors are text for whatever shows them; of the others what is text, a picture or plain is left."""
    if output.output_type not in ("display_data", "execute_result"):
        return output
    found, made = output.data, {}
    for mime in ("text/plain", CHECK):
        if mime in found:
            made[mime] = found[mime]
    for mime in PICTURES:
        if mime in found and (packed := _picture(mime, found[mime])):
            made[mime] = packed if mime != PICTURES[-1] else _unpacked(packed)
    html, latex = text(found.get("text/html")), text(found.get("text/latex"))
    if "text/html" in found:
        table = html if harmless(html, reader.ids) else table_html(html)
        made |= {} if table is None else {"text/html": str(table)}
    if "text/latex" in found and not MACROS.search(latex):
        made["text/latex"] = latex
    if "text/markdown" in found:
        made["text/markdown"] = reader.shown(text(found["text/markdown"]))
    left_out = [mime for mime in found if mime not in made]
    silent = "text/plain" not in made or PLACEHOLDER.fullmatch(text(made["text/plain"]))
    if left_out and silent and not made.keys() - {"text/plain", CHECK}:
        made["text/plain"] = _in_words(found, left_out)
    output.data = NotebookNode(made)
    output.metadata = _about(output.get("metadata"))
    return output


def _in_words(found: Any, left_out: list[str]) -> str:
    """What is left out, as text where it is some, or of which kind it is."""
    said = next((text(found[mime]) for mime in TEXTS if mime in left_out), "")
    return said or f"An output of type {one_line(min(left_out), 60)} is left out here."


def _about(found: Any) -> NotebookNode:
    """What the engine says of an output, and sizes and words of its pictures."""
    found = found if isinstance(found, dict) else {}
    made = {"course": found["course"]} if "course" in found else {}
    for mime in PICTURES:
        about = found.get(mime) if isinstance(found.get(mime), dict) else {}
        sizes = {key: about[key] for key in ("width", "height") if type(about.get(key)) in (int, float)}
        words = {"alt": one_line(about["alt"], 1000)} if isinstance(about.get("alt"), str) else {}
        if sizes or words:
            made[mime] = NotebookNode(sizes | words)
    return NotebookNode(made)
