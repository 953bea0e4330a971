"""The release's cells are read before the fork, and leave what they leave in a kernel that has not seen them."""

import pytest

from autograder.kernel.kernel import Kernels
from autograder.sandbox.modes import NONE, Limits
from tests.autograder.test_kernel_known import CELLS, NOT_KNOWN

MORE = {
    "a warning of the compiler": "x = '\\d'\nx",
    "a warning of a line": "1 is 1",
    "history": "_ = 5\n_, In[-1], Out",
    "a comment with a question": "# what is this?\n4",
    "future": "from __future__ import annotations\ndef f(x: Nothing): pass\nf.__annotations__",
    "a stub": "def double(x):\n    raise NotImplementedError('still to do')\n\ndouble(2)",
    "its own name": "import inspect\ninspect.currentframe().f_code.co_filename.rpartition('/')[2]",
    "empty lines": "\n\n3\n\n",
}
TEXTS = CELLS | NOT_KNOWN | MORE
ADD = "get_ipython().input_transformers_{}.append(lambda lines: lines + ['print(1)\\n'])"
BEFORE = {
    "nothing": "pass",
    "a transformer": ADD.format("cleanup"),
    "a later transformer": ADD.format("post"),
    "a future": "from __future__ import annotations",
    "the same cell": None,
}


@pytest.fixture(scope="module")
def both():
    with Kernels(NONE, needs=(), cells=TEXTS.values()) as seen, Kernels(NONE, needs=()) as usual:
        yield seen, usual


def ran(kernels, before, text):
    kernel = kernels.start({}, Limits(), None, seed=1)
    try:
        kernel.run(text if before is None else before, 20)
        told = kernel.run(text, 20)
        # The process's own number stands in a warning's file name.
        return [str(one).replace(f"ipykernel_{kernel.pid}/", "") for one in told.outputs], told.status, told.count
    finally:
        kernel.kill()


OFTEN = [*MORE, "a value", "print and value", "an error", "a magic"]
PAIRS = [(name, "nothing") for name in TEXTS] + [(n, before) for before in BEFORE if before != "nothing" for n in OFTEN]


@pytest.mark.parametrize(("name", "before"), PAIRS)
def test_a_foreseen_cell_leaves_what_any_cell_leaves(both, name, before):
    seen, usual = both
    assert ran(seen, BEFORE[before], TEXTS[name]) == ran(usual, BEFORE[before], TEXTS[name])


def test_its_text_is_not_read_again(both):
    kernel = both[0].start({}, Limits(), None)
    ask = "shell = get_ipython(); {!r} in shell.foreseen, {!r} in shell.compile.trees"
    told = []
    for text in (CELLS["a value"], MORE["a stub"], MORE["a warning of a line"], NOT_KNOWN["await"], "never seen"):
        told.append(kernel.run(ask.format(text, text + "\n"), 20).outputs[-1]["data"]["text/plain"])
        kernel.run(text, 20)
        told.append(kernel.run(ask.format(text, text + "\n"), 20).outputs[-1]["data"]["text/plain"])
    kernel.kill()
    assert told[:4] == ["(True, True)", "(True, False)"] * 2
    assert told[4:] == ["(False, False)"] * 6
