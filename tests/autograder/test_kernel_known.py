"""Test cells and the tokens of tracebacks are read once for all processes, and leave what the shell's own cells do."""

import pytest
import stack_data
from pygments.filters import KeywordCaseFilter
from pygments.formatters import Terminal256Formatter
from pygments.lexer import RegexLexerMeta
from pygments.lexers import PythonLexer

from autograder.kernel import colours
from autograder.kernel.kernel import Kernels
from autograder.sandbox.modes import NONE, Limits

CELLS = {
    "nothing": "x = 1",
    "a value": "x = 1\nx + 41",
    "no value": "x = 1\nx;",
    "none": "None",
    "print and value": "print('a')\n'b'",
    "both streams": "import sys\nprint('out')\nprint('err', file=sys.stderr)",
    "the last value": "_ = None\n7\n8",
    "display": "display('shown', 2)",
    "html": "from IPython.display import HTML\nHTML('<b>a</b>')",
    "an error": "def f(n):\n    return 1 / n\n\nprint('before')\nf(0)\nprint('never')",
    "an error in a library": "import json\njson.loads('{')",
    "a chain": "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('b') from e",
    "an end": "import sys\nsys.exit(3)",
    "a repr that fails": "class B:\n    def __repr__(self): raise ValueError('no repr')\nB()",
    "a figure": "import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(1, 1))\nax.plot([1, 2]);",
    "a question": "input('who?')",
    "a magic": "%pwd\nlines = !echo a\nlines",
}
NOT_KNOWN = {
    "await": "import asyncio\nawait asyncio.sleep(0)\n'slept'",
    "a magic over a cell": "%%bash\necho one",
    "no Python": "def f(:\n    pass",
    "return outside": "x = 1\nreturn x",
}
SHOW = """
from autograder.kernel.known import Known
shell, text = get_ipython(), {text!r}
known = Known.of(shell, text)
"""


@pytest.fixture(scope="module")
def kernels():
    with Kernels(NONE, needs=()) as kernels:
        yield kernels


def left(ran):
    """What a cell left, less the places in a traceback that name the process and the cell's number."""
    return [{k: v for k, v in one.items() if k not in ("traceback", "execution_count")} for one in ran.outputs]


@pytest.mark.parametrize("name", CELLS)
def test_a_known_cell_leaves_what_the_shell_leaves(kernels, name):
    usual = kernels.start({}, Limits(), None).run(CELLS[name], 20)
    kernel = kernels.start({}, Limits(), None)
    assert kernel.run(SHOW.format(text=CELLS[name]) + "assert known", 20).outputs == []
    known = kernel.run("good, number = known.run(shell)", 20)
    assert left(known) == left(usual)
    told = kernel.run("good, number", 20).outputs[0]["data"]["text/plain"]
    assert told == f"({usual.status == 'ok'}, 3)"  # running it took the number after the cell's around it
    lines = [line for one in known.outputs for line in one.get("traceback", [])]
    assert lines == [line.replace("In[1]", "In[3]") for one in usual.outputs for line in one.get("traceback", [])]


@pytest.mark.parametrize("name", NOT_KNOWN)
def test_what_only_the_shell_can_run_is_left_to_it(kernels, name):
    kernel = kernels.start({}, Limits(), None)
    assert kernel.run(SHOW.format(text=NOT_KNOWN[name]) + "assert known is None", 20).outputs == []


def test_tokens_are_read_once_and_are_the_same(monkeypatch):
    monkeypatch.setattr(RegexLexerMeta, "process_tokendef", colours._inherit)
    for name in ("_read", "MOST_READ"):
        monkeypatch.setattr(colours, name, {} if name == "_read" else 2)
    code = "def f(x):\n    return x / 0  # 'odd'\n"
    ranges = [(14, 27)], [(18, 23)]
    formatter = Terminal256Formatter(style=stack_data.style_with_executing_node("default", "bg:ansiyellow"))
    plain = [stack_data.utils._pygmented_with_ranges(formatter, code, each) for each in ranges]
    assert plain[0] != plain[1]
    monkeypatch.setattr(PythonLexer, "get_tokens", colours._read_once)
    seen = [stack_data.utils._pygmented_with_ranges(formatter, code, each) for each in (*ranges, *ranges)]
    assert seen == plain * 2
    assert len(colours._read) == 1
    for text in ("a = 1\n", "b = 2\n", "c = 3\n"):
        lexer = PythonLexer(stripnl=False)
        assert list(lexer.get_tokens(text)) == list(colours._tokens(lexer, text))
    assert len(colours._read) == 2
    other = PythonLexer(filters=[KeywordCaseFilter(case="upper")])
    assert "DEF" in [value for _, value in other.get_tokens(code)]
    assert len(colours._read) == 2
