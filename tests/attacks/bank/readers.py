"""What exhausts or confuses whoever has to read the hand-in, its outputs or its pages."""

import json

import nbformat
from nbformat import NotebookNode

from autograder.authoring.source import grade_id

from ..attack import Attack


def of(name: str, about: str, code: str = "", **more: object) -> Attack:
    return Attack(name, "exhaust", about, code, **more)  # type: ignore[arg-type]


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(c for c in notebook.cells if grade_id(c) == name)


def form(text: str) -> object:
    def change(notebook: NotebookNode) -> None:
        cell(notebook, "form").source = text

    return change


def answer(text: str) -> object:
    def change(notebook: NotebookNode) -> None:
        cell(notebook, "C-why").source = text

    return change


def as_text(change: object) -> object:
    """`raw` that changes the notebook's JSON as a text."""

    def raw(notebook: NotebookNode) -> bytes:
        made = change(nbformat.writes(notebook))  # type: ignore[operator]
        return made if isinstance(made, bytes) else made.encode("utf-8", "surrogatepass")

    return raw


def with_nul(notebook: NotebookNode) -> None:
    for name in ("A-square", "form", "C-why"):
        cell(notebook, name).source = "x = 1\0\n\x1b\x7f\x85\u2028\ufeff\nreturn"


def surrogates(text: str) -> str:
    return text.replace("# nothing here", "x = '\\ud800 \\udfff \\u0000'  # \\ud83d").replace("YOUR", "\\udc80")


PAGES = '''
from IPython.display import display, HTML, SVG, Markdown, Latex
'''

ATTACKS = (
    of("form-nested", "The form, which is read and not run, is nested a hundred thousand deep.",
       change=form("group = " + "[" * 100_000 + "]" * 100_000 + "\nready_to_present = ['A']")),
    of("form-of-operators", "The form is an endless sum, and a number of a million digits.",
       change=form("group = " + "-" * 60_000 + "1\nready_to_present = [" + "9" * 1_000_000 + "]")),
    of("form-huge", "The form names a hundred thousand people with long names.",
       change=form("group = " + repr([{"name": "A" * 50, "id": "x", "did": "y"}] * 20_000)
                   + "\nready_to_present = ['A'] * 10**9")),
    of("nul-in-source", "Cells hold NUL and other control characters.", change=with_nul),
    of("lone-surrogates", "Cells hold halves of characters, which can't be written as UTF-8.", raw=as_text(surrogates)),
    of("numbers-beyond-json", "The notebook holds NaN, Infinity and 1e999.",
       raw=as_text(lambda text: text.replace('"execution_count": null', '"execution_count": NaN').replace(
           '"nbformat_minor"', '"x": -Infinity, "y": 1e999, "nbformat_minor"'))),
    of("keys-twice", "Every key of the notebook stands twice, with another value.",
       raw=as_text(lambda text: text.replace('"cell_type": "code"', '"cell_type": "raw", "cell_type": "code"').replace(
           '"source": [', '"source": ["pass"], "source": ['))),
    of("utf-16", "The notebook is written in UTF-16.", raw=as_text(lambda text: text.encode("utf-16"))),
    of("not-utf-8", "The notebook holds bytes that are no text.",
       raw=as_text(lambda text: text.encode().replace(b"nothing", b"\xff\xfe\x80"))),
    of("cut-off", "The notebook breaks off in the middle.", raw=as_text(lambda text: text[: len(text) // 2])),
    of("trailing-garbage", "Behind the notebook stands another one.", raw=as_text(lambda text: text + text)),
    of("cells-not-a-list", "The cells are a dict, a text, null.", raw=as_text(lambda text: json.dumps(
        {**json.loads(text), "cells": {"0": json.loads(text)["cells"][0]}}))),
    of("cells-of-nothing", "Cells are null, numbers and texts.", raw=as_text(lambda text: json.dumps(
        {**json.loads(text), "cells": [None, 7, "x", [], {}, *json.loads(text)["cells"]]}))),
    of("entities", "An SVG whose entities grow to a billion letters.", PAGES + """
levels = "".join(f'<!ENTITY l{i} "{("&l%d;" % (i - 1)) * 10}">' for i in range(1, 10))
bomb = f'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY l0 "lol"> {levels} <!ENTITY x SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg"><text>&l9;&x;</text></svg>'
display({"image/svg+xml": bomb, "text/plain": "x"}, raw=True)
display({"image/svg+xml": bomb, "text/html": bomb, "text/plain": "x"}, raw=True)
def double(x):
    display({"image/svg+xml": bomb, "text/plain": "x"}, raw=True)
    return 7
"""),
    of("html-nested", "HTML and SVG nested fifty thousand deep.", PAGES + """
display(HTML("<div>" * 50_000 + "x"), HTML("<table><tr><td>" * 9_000))
display({"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'>" + "<g>" * 50_000 + "</g>" * 50_000 + "</svg>",
         "text/plain": "x"}, raw=True)
"""),
    of("escapes-flood", "Hundreds of thousands of unfinished escape sequences.", """
print("\\x1b[" * 100_000)
print("\\x1b[3" * 100_000, "\\x1b[38;5;" * 30_000, "\\r" * 50_000, "\\b" * 50_000, "\\x1b]8;;" * 30_000)
def double(x): raise ValueError("\\x1b[31;" * 50_000)
"""),
    of("one-long-line", "A line of 900,000 letters without a space, in output, error and answer.", """
print("A" * 900_000)
def double(x): raise ValueError("A" * 5_000_000)
def steps(n): return "A" * 3_000_000
def square(x): raise type("A" * 1_000_000, (ValueError,), {})("x")
Linear = type("B" * 1_000_000, (), {})
"""),
    of("exceptions-in-rings", "Exceptions whose causes lead round in a ring, and groups of groups of exceptions.", """
def double(x):
    a, b = ValueError("a"), ValueError("b")
    a.__cause__, b.__cause__ = b, a
    a.__context__, b.__context__ = b, a
    raise a
def square(x):
    group = ExceptionGroup("x", [ValueError("y")] * 50)
    for _ in range(90): group = ExceptionGroup("x", [group])
    raise group
def steps(n):
    error = ValueError("x" * 1000)
    for _ in range(3000):
        try:
            try: raise error
            except ValueError: raise ValueError("y" * 1000)
        except ValueError as new: error = new
    raise error
"""),
    of("errors-that-misbehave", "Exceptions whose text, name and attributes raise, sleep or lie.", """
class Odd(Exception):
    def __str__(self): raise SystemExit(0)
    def __repr__(self): os._exit(0)
    def __getattribute__(self, name): raise KeyboardInterrupt
    args = property(lambda self: 1 / 0)
    __notes__ = property(lambda self: 1 / 0)
class Shown:
    def _repr_html_(self): raise SystemExit(0)
    def _repr_mimebundle_(self, *a, **k): raise KeyboardInterrupt
    def _ipython_display_(self): raise GeneratorExit
    def __repr__(self): raise MemoryError
def double(x): raise Odd("x")
def square(x): return Shown()
from IPython.display import display
quietly(display, Shown())
Odd("x") if False else Shown()
"""),
    of("markdown-brackets", "The text answer is fifty thousand open brackets.", change=answer("[" * 50_000)),
    of("markdown-nested", "The text answer nests quotes, lists and emphasis thousands deep.", change=answer(
        ">" * 20_000 + "a\n\n" + "\n".join("  " * i + "- a" for i in range(800)) + "\n\n"
        + "*a **a " * 20_000 + "\n\n" + "`" * 30_001)),
    of("markdown-links", "The text answer is links, tables and references that cost more than their length.",
       change=answer(
        "[a](<" * 20_000 + "\n\n" + "|a" * 20_000 + "\n" + "|-" * 20_000 + "\n\n"
        + "".join(f"[^{i}]: [^{i + 1}]\n" for i in range(5000))
        + "<!--" * 10_000 + "&" * 20_000 + "$" * 30_001)),
    of("descriptors-closed", "All descriptors are closed, or exchanged for others.", """
def double(x):
    null = os.open("/dev/null", os.O_RDWR)
    for fd in range(256):
        if fd != null: quietly(os.dup2, null, fd)
    return 7
def square(x): os.closerange(0, 4096)
"""),
    of("streams-closed", "Python's own streams are closed and replaced.", """
sys.stdout.close(); sys.stderr = None; sys.__stdout__ = sys.__stderr__ = None
sys.stdout = type("Odd", (), {"write": lambda self, text: 1 / 0, "flush": lambda self: 1 / 0})()
"""),
    of("event-loop-closed", "The event loop is stopped, closed and replaced.", """
import asyncio
loop = quietly(asyncio.get_event_loop)
for act in ("stop", "close"): quietly(lambda: getattr(loop, act)())
quietly(asyncio.set_event_loop, None)
asyncio.run = asyncio.new_event_loop = lambda *a, **k: 1 / 0
"""),
    of("debugger", "The debugger is started, in cells and in tests, and waits for commands.", """
get_ipython().run_line_magic("pdb", "on")
def double(x): breakpoint()
def square(x):
    import pdb
    pdb.set_trace()
    raise ValueError("x")
def steps(n):
    import code
    code.interact()
    return 7
""", slow=True),
    of("awaits", "A cell awaits what never comes, and leaves tasks behind.",
       cells={"A-square": "import asyncio\n"
                          "asyncio.ensure_future(asyncio.sleep(10**6))\n"
                          "await asyncio.sleep(10**6)\n"}, slow=True),
)  # fmt: skip
