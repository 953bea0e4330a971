"""Learning secrets from the feedback, and putting script into the pages that others open."""

from collections.abc import Callable

from nbformat import NotebookNode, v4

from autograder.authoring.source import grade_id

from ..attack import Attack
from ..detect import SENTENCES, WORDS

KIND = "leak"
SCRIPT = "<script>BREACH()</script>"
IMAGE = '<img src=x onerror="BREACH()">'


def of(name: str, about: str, code: str = "", **more: object) -> Attack:
    return Attack(name, KIND, about, code, **more)  # type: ignore[arg-type]


def answer_with_script(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if grade_id(cell) == "C-why":
            cell.source = (
                f"{SCRIPT} {IMAGE} [click](javascript:BREACH()) <iframe srcdoc='BREACH'></iframe>\n\n"
                '<svg onload="BREACH()"/><a href="java&#10;script:BREACH()">x</a> $\\href{javascript:BREACH()}{x}$\n\n'
                '<details open ontoggle="BREACH()">x</details><form action="http://breach"><button>y</button></form>'
            )


def attachment(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if grade_id(cell) == "C-why":
            cell.source = "![x](attachment:x.svg)"
            cell["attachments"] = {
                "x.svg": {"image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg" onload="BREACH()"/>'}
            }


def answer(text: str) -> Callable[[NotebookNode], None]:
    """The text answer says this."""

    def change(notebook: NotebookNode) -> None:
        for cell in notebook.cells:
            if grade_id(cell) == "C-why":
                cell.source = text

    return change


def lexer_with_script(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata["magics_language"] = cell.metadata["raw_mimetype"] = f'python">{IMAGE}'
        cell.metadata["alt"] = f'" onload="BREACH()" x="{SCRIPT}'


def attachment_missing(notebook: NotebookNode) -> None:
    answer("![x](attachment:none.png)")(notebook)


def metadata_with_script(notebook: NotebookNode) -> None:
    notebook.metadata["title"] = f"</title>{SCRIPT}"
    notebook.metadata["authors"] = [{"name": SCRIPT}]
    notebook.metadata["language_info"] = {
        "name": f'python"{IMAGE}', "pygments_lexer": SCRIPT, "codemirror_mode": SCRIPT
    }  # fmt: skip
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"x": f"</script>{SCRIPT}"}}}
    for cell in notebook.cells:
        cell.metadata["tags"] = [f'x" onclick="BREACH()" y="{SCRIPT}']
        cell["id"] = cell["id"][:40]


def cell_with_script(notebook: NotebookNode) -> None:
    notebook.cells.append(
        v4.new_markdown_cell(f"{SCRIPT}{IMAGE}<style>@import 'http://breach'; body {{}} BREACH() </style>", id="m1")
    )
    notebook.cells.append(v4.new_raw_cell(f"{SCRIPT}{IMAGE}", id="r1", metadata={"format": "text/html"}))
    notebook.cells.append(v4.new_code_cell(f"x = '''</code></pre>{SCRIPT}{IMAGE}'''", id="k1"))


def comment_with_script(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if grade_id(cell) == "form":
            cell.source = (
                f"group = [{{'name': {SCRIPT!r}, 'id': {IMAGE!r}, 'did': {SCRIPT!r}}}]\n"
                f"ready_to_present = [{IMAGE!r}]"
            )


SHOW = '''
from IPython.display import display, HTML, Javascript, SVG, Markdown
S, I = "<script>BREACH()</script>", '<img src=x onerror="BREACH()">'
'''

ATTACKS = (
    of("arguments-raised", "The arguments of hidden tests are raised as an error's text.", """
def double(x): raise ValueError(f"called with {x}, twice that is {2 * x}")
def square(x): raise ValueError(f"called with {x}")
"""),
    of("arguments-disguised", "The same, with the numbers reversed, in hex and spelled out.", """
def told(x): return f"{str(x)[::-1]} {x:x} {x:b} {x:,} {' '.join(str(x))}" if isinstance(x, int) else str(x)[::-1]
def double(x): raise KeyError(told(x))
def square(x):
    print(told(int(x[0])))
    raise OSError(told(int(x[0])))
"""),
    of("arguments-printed", "The arguments of hidden tests are printed, to all streams.", """
import warnings
def double(x):
    print("called with", x)
    print("called with", x, file=sys.stderr)
    os.write(1, f"called with {x}".encode())
    warnings.warn(f"called with {x}")
    return 2 if x == 1 else 7
"""),
    of("arguments-displayed", "The arguments of hidden tests are displayed as rich output.", """
from IPython.display import display, HTML, Markdown
def double(x):
    display(HTML(f"<b>{x}</b>"), Markdown(f"{x}"), {"x": x})
    display({"application/vnd.course.check+json": {
                 "check": "double", "passed": False, "mistake": "x", "message": f"{x}"},
             "text/plain": f"{x}"}, raw=True)
    return 2 if x == 1 else 7
"""),
    of("arguments-returned", "The arguments of hidden tests are given back, so that the failing assert shows them.", """
class Told:
    def __init__(self, x): self.x = x
    def __repr__(self): return f"called with {self.x}"
    def __eq__(self, other): raise ValueError(f"compared with {other}, called with {self.x}")
def double(x): return 2 if x == 1 else Told(x)
def square(x): return x + 1
"""),
    of("arguments-remembered", "The arguments of hidden tests are kept, and printed by a later cell.", """
seen = []
def double(x):
    seen.append(x)
    return 7
def square(x):
    seen.append(x)
    return x
""", last="print('called with', seen)\n"),
    of("arguments-in-a-file", "The arguments of hidden tests are written to a file that a later cell prints.", """
def double(x):
    open("seen.txt", "a").write(f"{x} ")
    return 7
""", last="print(open('seen.txt').read())\n"),
    of("model-in-the-second-run",
       "A later function, tried again with the model solution below it, prints, shows, writes and raises that.", cells={
        "A-square": """
import inspect, os, subprocess, sys
from IPython.display import display
def square(x):
    told = inspect.getsource(double) + repr(double(3))
    print(told); print(told, file=sys.stderr); display(told); os.write(1, told.encode())
    open("model.txt", "w").write(told)
    subprocess.run(["sh", "-c", "cat model.txt"])
    raise ValueError(told)
""",
        "B-linear": """
try:
    print(open("model.txt").read())
except OSError:
    pass
class Linear:
    def forward(self, x):
        return double(open("model.txt").read())
""",
    }),
    of("arguments-in-an-early-display", "A function that hidden tests call updates a display of its own cell.", """
from IPython.display import display
shown = display("nothing yet", display_id="p")
display("nothing yet", display_id="r")
def double(x):
    shown.update(f"called with {x}")
    display(f"called with {x}", display_id="r", update=True)
    display({"text/html": f"<table><tr><td>{x}</td></tr></table>", "text/plain": ""}, raw=True,
            display_id="p", update=True)
    return 2 if x == 1 else 7
"""),
    of("arguments-displayed-by-a-thread",
       "The same by a thread, which goes on while other cells and hidden tests run.", """
from IPython.display import display
seen, shown = [], display("nothing yet", display_id="p")
def tell():
    while True:
        shown.update(f"called with {seen}")
        print("called with", seen)
        os.write(1, f"called with {seen}".encode())
        time.sleep(0.01)
threading.Thread(target=tell, daemon=True).start()
def double(x):
    seen.append(x)
    time.sleep(0.1)
    return 2 if x == 1 else 7
"""),
    of("arguments-told-by-a-child",
       "A child process prints what a function writes into a file, in whatever cell runs.", """
open("seen.txt", "w").close()
if os.fork() == 0:
    while True:
        os.write(1, open("seen.txt").read().encode())
        time.sleep(0.01)
def double(x):
    open("seen.txt", "a").write(f"called with {x} ")
    time.sleep(0.1)
    return 2 if x == 1 else 7
"""),
    of("arguments-as-an-exit-code", "A function ends Python with an exit code made of the hidden number.", """
def double(x):
    if x > 100: os._exit(x % 256)
    return 2 if x == 1 else 7
def square(x):
    if x[0] > 100: os._exit(int(x[0]) % 256)
    return x * x
"""),
    of("arguments-raised-below", "A cell has the hidden tests run early, and later functions raise what was asked.", """
seen = []
def double(x):
    seen.append(x)
    return 2 if x == 1 else 7
def steps(n): raise ValueError(f"called with {seen}")
""", cells={"A-square": "def double(x): return 7\ndef square(x): raise KeyError(f'called with {seen}')",
            "C-steps": "raise ValueError(f'called with {seen}')"}),
    of("arguments-in-the-checks-words",
       "Each digit is a word or sentence that checks have, in texts and names of classes.", f"""
WORDS = {WORDS!r}
SENTENCES = {SENTENCES!r}
def told(x): return " ".join(SENTENCES[int(d)] for d in str(x))
def named(x): return "_".join(WORDS[int(d)] for d in str(x))
def double(x):
    if x > 100: raise AssertionError(told(x))
    return 2 if x == 1 else 7
def square(x):
    if x[0] > 100: raise type(named(int(x[0])), (AssertionError,), {{}})(told(int(x[0])))
    return x * x
"""),
    of("arguments-by-picture", "The arguments of hidden tests are drawn into a figure.", """
def double(x):
    from IPython.display import SVG, display
    display(SVG(f'<svg xmlns="http://www.w3.org/2000/svg"><text>{x}</text></svg>'))
    return 2 if x == 1 else 7
"""),
    of("expected-from-the-error", "A result of the wrong shape makes the check tell what it expected.", """
def double(x): return [x, 2 * x] if x > 100 else 2 if x == 1 else 7
def square(x): return float(x[0])
"""),
    of("test-source-printed", "The source of the running test is printed from the frames that call.", """
import inspect
def double(x):
    for entry in inspect.stack(context=9):
        print(entry.code_context)
    print(get_ipython().user_ns.get("In"))
    return 2 if x == 1 else 7
"""),
    of("script-displayed", "HTML with script is displayed.", SHOW + """
display(HTML(S + I + '<svg/onload=BREACH()>'), Javascript("BREACH()"), Markdown(S + I))
display(SVG('<svg xmlns="http://www.w3.org/2000/svg" onload="BREACH()"><script>BREACH()</script>'
            '<a href="javascript:BREACH()">x</a></svg>'))
"""),
    of("script-in-a-test", "HTML with script is displayed while a test runs.", SHOW + """
def double(x):
    display(HTML(S + I))
    display({"text/html": S + I, "text/markdown": I, "image/svg+xml": '<svg onload="BREACH()"></svg>', "text/latex": S,
             "application/javascript": "BREACH()"}, raw=True)
    return 7
def square(x): raise ValueError(S + I)
"""),
    of("script-in-an-error", "Script stands in an error's name, text and traceback.", SHOW + """
Bad = type(S, (Exception,), {"__str__": lambda self: S + I, "__repr__": lambda self: S})
def double(x): raise Bad(S + I)
def steps(n): raise type("</pre>" + I, (ValueError,), {})("\\x1b]8;;javascript:BREACH()\\x07click\\x1b]8;;\\x07" + S)
raise Bad(I)
"""),
    of("script-in-a-value", "Script stands in the value that a check repeats.", SHOW + """
class Loud(str):
    def __repr__(self): return S + I
def double(x): return Loud(S + I)
def square(x): return S + I
class Softmax:
    def forward(self, x): raise ValueError(S + I)
Linear = type(S, (), {})
"""),
    of("script-in-a-report", "A forged check report carries script in its message and picture.", SHOW + """
def double(x):
    report = {"check": S, "passed": False, "mistake": S, "message": S + I, "hint": I, "explanation": I, "html": I,
              "picture": '<svg onload="BREACH()"></svg>', "image": I, "url": "javascript:BREACH()"}
    display({"text/plain": S, "text/html": S + I, "image/svg+xml": '<svg onload="BREACH()"/>',
             "application/vnd.course.check+json": report}, raw=True)
    assert False, S + I
"""),
    of("script-by-mime", "Outputs of odd MIME types, with script where a picture's bytes should be.", SHOW + """
for kind in ("image/png", "image/jpeg", "image/gif", "image/svg+xml", "application/pdf", "text/html+ruby", "model/obj",
             "application/vnd.jupyter.widget-view+json", "application/vnd.plotly.v1+json", "video/mp4",
             "text/vnd.mermaid", "application/geo+json", "application/vnd.bokehjs_exec.v0+json",
             '"><script>BREACH()</script>'):
    display({kind: '"' + I + S, "text/plain": S}, raw=True,
            metadata={kind: {"width": '1"' + I, "height": '" onload="BREACH()', "alt": '"' + I}})
"""),
    of("script-in-streams", "Escape sequences and script are printed.", SHOW + """
print("\\x1b[31m" + S + "\\x1b[0m\\x1b]8;;javascript:BREACH()\\x07x" + I)
print("\\x1b[38;2;1\\"onload=BREACH();1;1m", I, file=sys.stderr)
"""),
    of("script-in-an-answer", "The text answer holds script in all the ways of Markdown and HTML.",
       change=answer_with_script),
    of("script-in-an-attachment", "An SVG with script is attached to the text answer.", change=attachment),
    of("script-in-metadata", "Title, tags, language and widgets of the notebook hold script.",
       change=metadata_with_script),
    of("script-in-own-cells", "Added cells of every type hold script.", change=cell_with_script),
    of("script-in-the-form", "The form's names hold script, which reports repeat.", change=comment_with_script),
    of("script-in-mermaid", "A diagram's fence in the text answer holds script, which nbconvert does not escape.",
       change=answer(f"```mermaid\n{IMAGE}\n{SCRIPT}\n```")),
    of("script-by-reference", "Links and pictures of the text answer get their addresses by reference.",
       change=answer("[click][j] ![x][r] ![r][] <javascript:BREACH()>\n\n[j]: javascript:BREACH()\n\n> [r]: http://breach/x.png")),
    of("picture-from-elsewhere", "Pictures in the text answer are loaded from another machine.",
       change=answer('![x](http://breach/x.png) ![a [b] c](<http://breach/y.png> "t") '
                     '<img srcset="http://breach/z.png 2x">')),
    of("style-from-elsewhere", "The text answer loads style sheets.",
       change=answer('<link rel=stylesheet href="http://breach/x.css">\n\n'
                     '<style>/* BREACH() */ body {display: none}</style>')),
    of("script-behind-code", "What looks like code in the text answer is none.",
       change=answer(f"```\n````\n{SCRIPT}\n```\n\n`` ` {IMAGE} `\n\n\\\\{IMAGE}\n\n$x${IMAGE}$y$")),
    of("button-of-the-formgrader", "Text of the answer is a button that gives all points.",
       change=answer('<b class="full-credit" title="BREACH">Read on</b>')),
    of("page-of-the-file-beside", "The answer links to a page that is handed in beside the notebook.",
       files={"breach.html": f"{SCRIPT}\n"}, change=answer('<a href="javascript:BREACH()">x</a> [x](breach.html)')),
    of("script-by-lexer", "The name of a cell's language holds script.", change=lexer_with_script),
    of("attachment-missing", "The text answer shows an attachment that is not there, at which nbconvert stops.",
       change=attachment_missing),
    of("script-by-output-metadata", "Metadata of outputs holds script and addresses.", SHOW + """
display({"text/html": S + I, "text/plain": "x"}, raw=True, metadata={"text/html": {"isolated": True}})
display({"image/png": "iVBORw0KGgo=", "text/plain": "x"}, raw=True,
        metadata={"filenames": {"image/png": "http://breach/x.png"}})
display({"image/png": "iVBORw0KGgo=", "text/plain": "x"}, raw=True,
        metadata={"image/png": {"width": "1 onload=BREACH()", "alt": I}})
"""),
    of("script-in-file-names", "Files whose names hold script are handed in.",
       files={'<img src=x onerror="BREACH()">.csv': "1\n", "<script>BREACH()<\u2215script>.py": "1\n"}),
)  # fmt: skip
