"""What a cell leaves in the notebook is what ipykernel and nbclient leave there."""

import json
import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from autograder.kernel.kernel import Kernels
from autograder.sandbox.modes import NONE, Limits

CELLS = {
    "nothing": "x = 1",
    "a value": "x + 41",
    "no value": "x;",
    "none": "None",
    "print": "print('a', 'b', sep='-')\nprint('ü\\u2028 \U0001f600')",
    "print and value": "print('a')\n'b'",
    "no newline": "print('a', end='')",
    "both streams": "import sys\nprint('out')\nprint('err', file=sys.stderr)\nprint('out again')",
    "writes": "import sys\nsys.stdout.write('a\\n'), sys.stdout.writelines(['b', 'c']), sys.stdout.isatty()",
    "lone surrogate": "print(repr('\\ud800'))",
    "warning": "import warnings\nwarnings.warn('careful')",
    "display": "display(1, 'two', [3])",
    "html": "from IPython.display import HTML, Markdown, Math, display\ndisplay(HTML('<b>a</b>'))\nMarkdown('*b*')",
    "latex": "display(Math('x^2'))",
    "rich": "class R:\n    def _repr_html_(self): return '<i>r</i>'\n    def __repr__(self): return 'r'\nR()",
    "mime bundle": "display({'application/json': {'a': [1, None]}, 'text/plain': 'a'}, raw=True, metadata={'b': 1})",
    "bytes": "display({'image/png': b'\\x89PNG', 'text/plain': 'p'}, raw=True)",
    "nan": "import warnings; warnings.simplefilter('ignore')\n"
    "display({'application/json': {'a': float('nan'), 'b': (1, 2)}, 'text/plain': 'n'}, raw=True)",
    "text display text": "print('a')\ndisplay('b')\nprint('c')",
    "handle": "h = display('first', display_id='one')\nprint('between')\nh.update('second')",
    "update from another cell": "h.update('third')",
    "shown again": "display('again', display_id='one')",
    "clear": "print('gone')\nfrom IPython.display import clear_output\nclear_output()\nprint('kept')",
    "clear and wait": "for i in range(3):\n    clear_output(wait=True)\n    print(i)",
    "clear at the end": "print('kept')\ndisplay('too')\nclear_output(wait=True)",
    "error": "def f(n):\n    return 1 / n\n\nprint('before')\nf(0)",
    "error in a library": "import json\njson.loads('{')",
    "chained": "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('b') from e",
    "group": "raise ExceptionGroup('several', [ValueError(1), TypeError(2)])",
    "own error": "class Odd(Exception):\n    def __str__(self): return 'very odd'\nraise Odd()",
    "syntax": "print('never')\ndef f(:\n    pass",
    "indentation": "if True:\nx = 1",
    "dedent": "if True:\n        x = 1\n    y = 2",
    "is a literal": "x = 1\nx is 1",
    "is a literal, in one line": "1 is 1",
    "odd escape": "x = '\\d'\nlen(x)",
    "odd escape and syntax": "x = '\\d'\ndef f(:",
    "same text again": "x = '\\d'\nlen(x)",
    "percent first": "x = (7\n % 4)\nx",
    "question mark": "print('why?')",
    "help below": "x = 1\nprint?",
    "magic below": "x = 1\n%autosave 0\ny = %lsmagic\ntype(y).__name__",
    "slash first": "x = 1\n/print x",
    "return outside": "x = 1\nreturn x",
    "await in a loop": "import asyncio\nfor i in range(2):\n    await asyncio.sleep(0)\ni",
    "name": "nowhere",
    "assert": "assert 1 == 2, 'no'",
    "system exit": "import sys\nsys.exit(3)",
    "await": "import asyncio\nawait asyncio.sleep(0.001)\n'slept'",
    "running loop": "asyncio.get_running_loop().is_running()",
    "asyncio.run": "async def g(): return 1\nc = g()\ntry:\n    asyncio.run(c)\nexcept RuntimeError as e:\n"
    "    print(e)\nc.close()",
    "await that fails": "await asyncio.wait_for(asyncio.sleep(5), 0.01)",
    "repr that fails": "class B:\n    def __repr__(self): raise ValueError('no repr')\nB()",
    "html that fails": "class C:\n    def _repr_html_(self): raise ValueError('no html')\n"
    "    def __repr__(self): return 'C'\nC()",
    "figure": "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.title('t')\nplt.show()",
    "figure without show": "fig, ax = plt.subplots(figsize=(2, 1))\nax.plot([1, 2]);",
    "figure as value": "fig",
    "svg": "%config InlineBackend.figure_formats = ['png']\nplt.figure(figsize=(1, 1)); print('fig')",
    "shell": "!echo hello; echo err >&2; exit 3",
    "exit code": "_exit_code",
    "assigned shell": "lines = !printf 'a\\nb\\n'\nlines",
    "bash": "%%bash\necho one\necho two >&2",
    "bash fails": "%%bash\nexit 2",
    "capture": "%%capture captured\nprint('held')\n'value'",
    "captured": "captured.show()",
    "time": "%%time\nx = 2",
    "timeit": "%timeit -n1 -r1 -o -q pass",
    "no such magic": "%nowhere",
    "no such cell magic": "%%nowhere\n1",
    "lsmagic exists": "'timeit' in get_ipython().magics_manager.magics['line']",
    "autosave": "%autosave 0",
    "help": "print?",
    "get_ipython": "get_ipython().run_cell('print(1)')\nget_ipython().execution_count",
    "history": "Out[2], _, len(In) == get_ipython().execution_count",
    "os.system": "import os\nprint('a')\ns = os.system('echo b; echo c >&2')\n{WAIT}\nprint('d')",
    "subprocess": "import subprocess\ns = subprocess.run(['echo', 'child'])\n{WAIT}\ns.returncode",
    "descriptors": "n = os.write(1, b'raw\\n')\nn = os.write(2, b'raw error\\n')\n{WAIT}",
    "not utf-8": "n = os.write(1, b'\\xff\\xfe\\n')\n{WAIT}",
    "thread": "import threading\nt = threading.Thread(target=print, args=('from a thread',))\nt.start(); t.join()",
    "fork": "import multiprocessing\np = multiprocessing.get_context('fork').Process(\n"
    "target=print, args=('from a child',))\n"
    "p.start(); p.join()\n{WAIT}\np.exitcode",
    "pool": "from concurrent.futures import ProcessPoolExecutor\n"
    "with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context('fork')) as e:\n"
    "    print(list(e.map(abs, [-1, 2])))",
    "tqdm": "from tqdm import tqdm\nfor i in tqdm(range(3), bar_format='{n_fmt}/{total_fmt}'):\n    pass",
    "input": "input('name? ')",
    "getpass": "import getpass\ngetpass.getpass()",
    "redirect": "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as s:\n    print('in')\n"
    "print(repr(s.getvalue()))",
    "traceback printed": "import traceback\ntry:\n    f(0)\nexcept ZeroDivisionError:\n"
    "    traceback.print_exc(limit=1)",
    "logging": "import logging\nlogging.warning('log')",
    "pickled class": "class P: pass\nimport pickle\ntype(pickle.loads(pickle.dumps(P()))) is P, P.__module__",
    "names": "__name__, __builtins__.__name__",
    "magic run": "open('m.py', 'w').write('print(__name__)')\n%run m.py",
    "writefile": "%%writefile note.txt\nhello",
    "imported file": "import m",
    "star": "from math import *\nfloor(2.5)",
    "huge value": "list(range(3000))",
    "numpy": "import numpy as np\nnp.arange(6).reshape(2, 3) / 7",
    "empty": "",
    "comment": "# nothing",
    "unders": "_ is None, type(_i).__name__",
    "post execute": "def told(result): print('told', result.success)\n"
    "get_ipython().events.register('post_run_cell', told)",
    "post execute of another": "1",
}

# ipykernel's threads need a moment for what comes through file descriptors, or its order is a matter of luck.
CELLS = {name: source.replace("{WAIT}", "import time; time.sleep(0.3)") for name, source in CELLS.items()}

#: Cells whose outputs differ on purpose, and how.
DIFFERENT = {
    "input": "ipykernel's own frame in the traceback is ours",
    "getpass": "ipykernel's own frame in the traceback is ours",
}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    folder = tmp_path_factory.mktemp("theirs")
    client = NotebookClient(notebook, allow_errors=True, timeout=60, resources={"metadata": {"path": str(folder)}})
    env = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    # Without what the course adds to errors in a student's own Jupyter (helpers.notebook).
    profile = folder / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text("get_config().InteractiveShellApp.extensions = []\n")
    client.execute(env=env | {"IPYTHONDIR": str(folder / "ipython")})
    return dict(zip(CELLS, notebook.cells, strict=True))


@pytest.fixture(scope="module")
def ours():
    with Kernels(NONE) as kernels:
        kernel = kernels.start({}, Limits(), None)
        return {name: kernel.run(source, 60) for name, source in CELLS.items()}


def plain(outputs):
    """Streams joined between rich outputs, addresses, paths and times made equal."""
    joined: list = []
    block: dict[str, str] = {}

    def close():
        joined.extend(
            {"output_type": "stream", "name": n, "text": block[n]} for n in ("stdout", "stderr") if n in block
        )
        block.clear()

    for output in outputs:
        if output["output_type"] == "stream":
            block[output["name"]] = block.get(output["name"], "") + output["text"]
        else:
            close()
            joined.append(output)
    close()
    text = json.dumps(joined, sort_keys=True)
    text = text.replace("~/", json.dumps(str(Path.home()))[1:-1] + "/")  # their home is ours, a kernel's is its own
    text = re.sub(r"0x[0-9a-f]+", "0x0", text)
    text = re.sub(r"[\w/.-]*/ipykernel_\d+/\d+\.py", "CELL", text)
    text = re.sub(r"\(\d+\.py, line", "(CELL, line", text)
    text = re.sub(r"[\d.]+(?:e\+?\d+)? (ns|\\u00b5s|\\u03bcs|ms|s)\b", "TIME", text)
    return json.loads(text)


@pytest.mark.parametrize("name", CELLS)
def test_outputs_equal_those_of_ipykernel(name, theirs, ours):
    expected, got = plain(theirs[name]["outputs"]), plain(ours[name].outputs)
    if name in DIFFERENT:
        assert got != expected, f"{name!r} is equal after all: strike it from the list"
        assert [(one["output_type"], one.get("evalue")) for one in got] == [
            (one["output_type"], one.get("evalue")) for one in expected
        ]
    else:
        assert got == expected


def test_the_numbers_of_the_cells_are_the_same(theirs, ours):
    filled = [name for name in CELLS if CELLS[name]]
    assert [ours[name].count for name in filled] == [theirs[name]["execution_count"] for name in filled]


def test_what_went_wrong_is_an_error_and_nothing_else(ours):
    wrong = {"error", "error in a library", "chained", "group", "own error", "syntax", "indentation", "name", "assert"}
    wrong |= {"system exit", "await that fails", "repr that fails", "html that fails", "bash fails", "input", "getpass"}
    wrong |= {"no such magic", "no such cell magic", "dedent", "odd escape and syntax", "return outside"}
    assert {name for name, ran in ours.items() if ran.status != "ok"} == wrong
