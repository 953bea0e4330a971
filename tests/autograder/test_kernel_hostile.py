"""Whatever a submission's process does, the worker gets valid outputs, a sentence, and goes on."""

import json
import os
from pathlib import Path

import nbformat
import pytest

from autograder.kernel.kernel import Kernels
from autograder.sandbox import MODES, NONE, Limits

LIMITS = Limits(memory_mb=300, output_bytes=50_000)
# How hostile code finds the socket to the worker, and talks over it as it likes.
LINE = """
from autograder.kernel import wire
sock = get_ipython().events_out._sock
"""


@pytest.fixture(scope="module")
def kernels():
    with Kernels(NONE, needs=()) as kernels:
        yield kernels


@pytest.fixture
def kernel(kernels):
    kernel = kernels.start({}, LIMITS, None)
    yield kernel
    kernel.kill()


def valid(ran):
    """The outputs, as they would be in the notebook file."""
    cell = nbformat.v4.new_code_cell(outputs=ran.outputs)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode()
    return ran.outputs


def size(outputs):
    return len(json.dumps(outputs, ensure_ascii=False))


NO_OUTPUT = "it sent its grader something that is no output"
DEADLY = {
    "import os; os._exit(3)": "it ended itself with exit code 3",
    "import os; os._exit(0)": "it ended itself with exit code 0",
    "import ctypes; ctypes.string_at(0)": "it crashed with a segmentation fault",
    "import os; os.abort()": "it aborted itself",
    "import os; os.kill(os.getpid(), 9)": "it was killed from outside; most likely the machine had run out of memory",
    "import os; os.kill(os.getpid(), 15)": "it was ended by signal SIGTERM",
    "import os; os.closerange(0, 1000)": "it ended itself with exit code 71",
    LINE + "sock.send(b'garbage' * 100)": NO_OUTPUT,
    LINE + "sock.shutdown(2)": "it ended itself with exit code 0",
    LINE + "sock.send(b'CSK2' + b'\\xff' * 16)": NO_OUTPUT,
    LINE + "sock.send(wire.START.pack(b'CSK2', 99_000, 0, 99_000)); sock.sendall(b'[' * 99_000)": NO_OUTPUT,
    LINE + "sock.send(wire.START.pack(b'CSK2', 9, 0, 9) + b'{\"a\":NaN}')": NO_OUTPUT,
    LINE + "wire.send(sock, {'is': 'ready'})": NO_OUTPUT,
    LINE + "wire.send(sock, {'is': ['stream']})": NO_OUTPUT,
    LINE + "wire.send(sock, {'is': 'stream'}, [b'x'])": NO_OUTPUT,
}  # fmt: skip


@pytest.mark.parametrize("source", DEADLY)
def test_every_death_is_told_in_words(kernel, source):
    ran = kernel.run("print('last words')\n" + source, 10)
    assert ran.status == "died"
    assert not kernel.alive
    assert kernel.why == DEADLY[source]
    outputs = valid(ran)
    assert outputs[0]["text"] == "last words\n"
    assert outputs[-1]["ename"] == "KernelDied"
    assert kernel.why in outputs[-1]["evalue"]
    again = kernel.run("1", 10)
    assert again.status == "died"
    assert again.outputs[-1]["ename"] == "KernelDied"


FLOODS = {
    "print": "while True: print('x' * 1000)",
    "no newline": "while True: print('x', end='')",
    "stderr": "import sys\nwhile True: sys.stderr.write('y' * 100_000)",
    "descriptor": "import os\nwhile True: os.write(1, b'\\xff' * 100_000)",
    "child": "import os\nos.system('yes')",
    "shell": "!yes",
    "displays": "while True: display('x' * 100)",
    "empty displays": "while True: display({'text/plain': ''}, raw=True)",
    "updates": "h = display(1, display_id=True)\nwhile True: h.update('x' * 1000)",
    "one huge text": "print('x' * 50_000_000)",
    "one huge display": "display({'text/html': 'x' * 50_000_000}, raw=True)",
    "huge metadata": "display(1, metadata={'a': 'x' * 50_000_000})",
    "huge value": "'x' * 50_000_000",
    "huge error": "raise ValueError('x' * 1_000_000)",
    "clears": "from IPython.display import clear_output\nwhile True:\n    clear_output(); print('x' * 100)",
    "threads": "import threading\ndef f():\n    while True: print('t' * 99)\n"
    "for i in range(4): threading.Thread(target=f, daemon=True).start()\nwhile True: pass",
    "raw frames": LINE + "while True: wire.send(sock, {'is': 'stream', 'name': 'stdout', 'text': 'x' * 1000})",
    "raw empty frames": LINE + "while True: wire.send(sock, {'is': 'stream', 'a': 'x' * 1000})",
}


@pytest.mark.promise("1 MB of output a cell and 4 MB in all,")
@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_stopped_and_does_not_fill_the_worker(kernel, name):
    before = _resident()
    ran = kernel.run(FLOODS[name], 8)
    outputs = valid(ran)
    assert ran.status in ("error", "died", "timeout")
    ename = next(one["ename"] for one in outputs if one["output_type"] == "error")
    # On a busy machine what it writes may not be interrupted in time.
    late = ("it wrote more than 50,000 bytes of output and could not be stopped", "it used more than 300 MB of memory")
    assert ename == "OutputLimit" or kernel.why in late
    assert size(outputs) < 500_000
    assert _resident() - before < 100_000_000
    if kernel.alive:
        # A flood that ended with its cell costs that cell alone.
        assert kernel.run("print(1 + 1)", 5).outputs[0]["text"].endswith("2\n")


def test_a_flood_that_ignores_interrupts_is_killed(kernel):
    ran = kernel.run("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: print('x' * 1000)", 30)
    assert ran.status == "died"
    assert kernel.why == "it wrote more than 50,000 bytes of output and could not be stopped"


def test_a_cell_that_runs_too_long_is_interrupted_and_the_kernel_lives(kernel):
    ran = kernel.run("x = 5\nprint('begun')\nwhile True: pass", 0.5)
    assert ran.status == "timeout"
    assert ran.used < 1.5
    assert kernel.alive
    assert [one.get("ename") for one in valid(ran)] == [None, "KeyboardInterrupt", "Timeout"]
    by_clock = ran.outputs[-1]["evalue"].startswith("This cell was stopped, because the machine was so busy")
    assert by_clock or (ran.used >= 0.5 and "ran longer than 0.5 s" in ran.outputs[-1]["evalue"])
    assert kernel.run("x", 5).outputs[0]["data"]["text/plain"] == "5"


def test_a_process_with_an_odd_name_is_measured_like_others(kernel):
    named = "import ctypes; ctypes.CDLL(None).prctl(15, b') \\xff\\n\\xfe', 0, 0, 0)"
    ran = kernel.run(f"{named}\nwhile True: pass", 0.5)
    assert (ran.status, kernel.alive) == ("timeout", True)
    assert 0 < ran.used < 2


@pytest.mark.parametrize(
    "source",
    [
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "import time\nwhile True:\n    try: time.sleep(0.01)\n    except BaseException: pass",
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [2])\nimport time\ntime.sleep(99)",
        "import subprocess\nwhile True:\n    try: subprocess.run(['sleep', '60'])\n    except BaseException: pass",
    ],
)
def test_what_can_not_be_interrupted_is_killed_with_its_children(kernel, source):
    ran = kernel.run("print('begun')\n" + source, 0.5)
    assert ran.status == "timeout"
    assert not kernel.alive
    assert kernel.why == "it ran longer than allowed and could not be stopped"
    assert [one.get("ename") for one in valid(ran)][-2:] == ["Timeout", "KernelDied"]
    assert not Path(f"/proc/{kernel.pid}").exists() or "State:\tZ" in Path(f"/proc/{kernel.pid}/status").read_text()


def test_memory_of_the_whole_tree_is_limited(kernel):
    source = """
import os, time
for i in range(6):
    if not os.fork():
        held = bytearray(os.urandom(1)) * 100_000_000
        time.sleep(30)
time.sleep(30)
"""
    ran = kernel.run(source, 20)
    assert ran.status == "died"
    assert "of memory" in kernel.why


def test_one_process_that_takes_too_much_gets_a_memory_error(kernel):
    ran = kernel.run("x = bytearray(3_000_000_000)", 20)
    assert (ran.status, ran.outputs[0]["ename"]) == ("error", "MemoryError")
    assert kernel.alive


FORGED = [
    {"is": "clear_output", "wait": "yes"},
    {"is": "display_data", "data": {"application/vnd.course.check+json": {"points": 9}, "text/plain": "t"}},
    {"is": "display_data", "data": {"text/plain": "t"}, "metadata": {"course": {"hidden": True}, "a": 1}},
    {"is": "execute_result", "data": {"text/plain": "t"}, "metadata": {}, "execution_count": "9"},
    {"is": "execute_result", "data": {"text/plain": 5, "text/html": ["a", 1], "no mime": "x", "a/b": None}},
    {"is": "execute_result", "data": 7, "metadata": 7, "execution_count": 10**400},
    {"is": "error", "ename": 1, "evalue": None, "traceback": "no list"},
    {"is": "error", "ename": "E", "evalue": "v", "traceback": ["a", 3, "\ud800"]},
    {"is": "stream", "name": "stdlog", "text": "x"},
    {"is": "stream", "name": "stdout", "text": 5},
    {"is": "stream", "name": "stdout", "text": "\ud800"},
    {"is": "stream", "name": ["stdout"], "text": "x"},
    {"is": "display_data", "data": {"application/json": {"\ud800": ["\udfff"]}}, "metadata": {"\ud800": "\ud800"}},
    {"is": "update_display_data", "data": {"text/plain": "t"}, "metadata": {}, "display_id": [1]},
    {"is": "stream"}, {"is": "display_data"}, {"is": "error"},
]  # fmt: skip


def test_forged_frames_become_valid_outputs_or_nothing(kernel):
    source = LINE + f"import json\nfor one in json.loads({json.dumps(FORGED)!r}): wire.send(sock, one)"
    ran = kernel.run(source, 10)
    assert ran.status == "ok"
    outputs = valid(ran)
    assert "vnd.course" not in str(outputs)
    assert "hidden" not in str(outputs)
    assert outputs[0]["data"] == {"text/plain": "t"}
    assert outputs[1]["metadata"] == {"a": 1}
    assert outputs[2]["execution_count"] is None
    assert outputs[3]["data"] == {}


@pytest.mark.promise(
    "What K says counts only as the result of the student's own function, so there is nothing to forge."
)
def test_a_forged_end_of_a_cell_gains_nothing(kernel):
    source = LINE + "wire.send(sock, {'is': 'done', 'status': [1], 'count': -1})\nimport time; time.sleep(0.3)"
    ran = kernel.run(source, 10)
    assert ran.status == "error"
    assert ran.count is None
    # What comes later belongs to no cell or to the next; either way the worker goes on.
    assert kernel.run("print('here')", 10).status in ("ok", "error")


def test_names_that_a_cell_took_away_are_told(kernel):
    watch = ["C", "f", "missing", "x"]

    def changed(source):
        return kernel.run(source, 5, watch=watch).changed

    assert changed("def f(): ...\nclass C: ...\nx = missing = 1") == []
    assert changed("x = 2\nf()\nC()\nC.calls = 1") == []
    assert changed("x = None") == ["x"]
    assert changed("setattr(C, 'again', f)\n1 / 0") == ["C"]
    assert changed("exec('def f(): ...')\ndel missing") == ["f", "missing"]
    assert changed("%reset -f") == ["C", "f", "x"]
    forged = "{'is': 'done', 'status': 'ok', 'changed': [None, {}, 'other', 'f']}"
    assert changed(f"{LINE}wire.send(sock, {forged})\nimport time; time.sleep(0.5)") == ["f"]


@pytest.mark.promise("which K can't reach:")
def test_the_socket_can_be_given_away_but_not_the_grader(kernel):
    """A child that outlives the process keeps its line open; the death is noticed all the same."""
    ran = kernel.run("import os, time\nif os.fork() == 0:\n    os.setsid(); time.sleep(20)\nos._exit(4)", 10)
    assert ran.status == "died"
    assert kernel.why == "it ended itself with exit code 4"


def test_odd_sources_are_only_cells(kernel):
    for source in [
        "\ud800",
        "x = '\\ud800'",
        "\0",
        "\x0c",
        "(" * 5000,
        "-" * 100_000 + "1",
        "é" * 300_000,
        "%%",
        "!",
        "?",
    ]:
        ran = kernel.run(source, 20)
        valid(ran)
        assert ran.status in ("ok", "error"), (source[:20], kernel.why)


def test_tricks_with_the_shell_cost_only_their_own_process(kernels):
    for source in [
        "import sys; sys.stdout = None",
        "import sys; sys.stdout.close()",
        "import builtins; builtins.print = None; builtins.str = int",
        "get_ipython().events_out.connect(None)",
        "get_ipython().displayhook = None; 1",
        "get_ipython().run_cell = get_ipython().run_cell_async = None",
        "import json; json.dumps = lambda *a, **k: 'x'",
        "import asyncio; asyncio.get_event_loop().stop()",
        "import asyncio; asyncio.get_event_loop().close()",
        "raise SystemExit",
        "raise KeyboardInterrupt",
        "raise BaseException('b')",
        "raise GeneratorExit",
        "import threading; threading.main_thread().join()",
        "get_ipython().reset()",
        "%reset -f",
        "import gc; gc.collect()",
        "import os; os.chdir('/')",
        "import sys; sys.modules.clear()",
        "globals().clear()",
        "import sys; sys.setrecursionlimit(50)",
        "def f(): f()\nf()",
    ]:
        kernel = kernels.start({}, LIMITS, None)
        first = kernel.run(source, 1)
        second = kernel.run("print(40 + 2)", 1)
        valid(first), valid(second)
        assert first.status in ("ok", "error", "died", "timeout"), source
        assert second.status in ("ok", "error", "died", "timeout"), source
        kernel.kill()


@pytest.mark.parametrize("mode", ["namespaces", "landlock"])
def test_the_same_in_the_sandbox(mode):
    from autograder.sandbox.trial import attempt

    if wrong := attempt(MODES[mode]):
        pytest.skip(f"this machine has no mode {mode!r}: {wrong}")
    with Kernels(MODES[mode], needs=()) as kernels:
        kernel = kernels.start({"beside.txt": b"data"}, LIMITS, None, environment={"COURSE_SIZE": "quick"})
        ran = kernel.run("import os\nopen('beside.txt').read(), os.environ['COURSE_SIZE'], os.getpid()", 10)
        assert ran.outputs[0]["data"]["text/plain"].startswith("('data', 'quick', ")
        assert kernel.run("while True: pass", 0.3).status == "timeout"
        assert kernel.alive
        assert kernel.run("while True: print('x' * 1000)", 10).outputs[-1]["ename"] == "OutputLimit"
        for source, why in list(DEADLY.items())[:3]:
            kernel = kernels.start({}, LIMITS, None)
            assert kernel.run(source, 10).status == "died"
            assert kernel.why == why
        kernel = kernels.start({}, LIMITS, None)
        kernel.run("x = bytearray(200_000_000)", 10)
        os.kill(kernel.pid, 9)
        assert kernel.run("x", 10).status == "died"


def _resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
