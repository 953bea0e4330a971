"""Kernels: fresh, alone, quick to start, and nothing left of them."""

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.kernel import fork_client, wire
from autograder.kernel.kernel import Kernels, needs_of
from autograder.kernel.process import Process
from autograder.kernel.zygote_client import ZygoteClient
from autograder.sandbox import MODES, NONE, Limits
from autograder.sandbox.tree import tree
from autograder.sandbox.trial import attempt
from helpers.errors import CourseError

pytestmark = pytest.mark.usefixtures("own_fork_server")


@pytest.fixture(scope="module")
def kernels(own_fork_server):
    with Kernels(NONE, needs=()) as kernels:
        yield kernels


def value(kernel, source):
    ran = kernel.run(source, 20)
    assert ran.status == "ok", ran.outputs
    return ran.outputs[-1]["data"]["text/plain"]


def test_kernels_share_nothing(kernels):
    one, two = (kernels.start({}, Limits(), None) for _ in range(2))
    one.run("x = 1\nimport numpy; numpy.x = 1\nopen('mine.txt', 'w').write('1')", 10)
    assert value(one, "x") == "1"
    assert value(two, "'x' in globals(), hasattr(__import__('numpy'), 'x'), __import__('os').listdir()") == (
        "(False, False, ['.tmp'])"
    )
    assert two.run("1", 5).count == 2


def test_files_lie_beside_the_notebook_and_go_with_the_kernel(kernels):
    kernel = kernels.start({"a.csv": b"1,2", "data/b.bin": b"\0\xff"}, Limits(), None)
    assert value(kernel, "open('a.csv').read(), open('data/b.bin', 'rb').read()") == "('1,2', b'\\x00\\xff')"
    folder = kernel.folder
    assert folder.is_dir()
    kernel.kill()
    assert not folder.exists()


@pytest.mark.parametrize("name", ["../a", "/etc/a", "a/../../b", "", ".", "/"])
def test_a_file_name_that_leads_out_is_refused(kernels, name):
    with pytest.raises(CourseError, match="leads out"):
        kernels.start({name: b""}, Limits(), None)


def test_random_numbers_differ_unless_seeded(kernels):
    source = "import random, numpy as np\nrandom.random(), np.random.rand(), np.random.default_rng().random()"
    free = [value(kernels.start({}, Limits(), None), source) for _ in range(2)]
    assert free[0] != free[1]
    source = "import random, numpy as np\nrandom.random(), np.random.rand()"
    seeded = [value(kernels.start({}, Limits(), None, seed=3), source) for _ in range(2)]
    assert seeded[0] == seeded[1]
    assert value(kernels.start({}, Limits(), None, seed=4), source) != seeded[0]


def test_the_environment_is_clean(kernels, monkeypatch):
    monkeypatch.setenv("COURSE_SECRET", "hidden")
    with Kernels(NONE, needs=()) as fresh:
        kernel = fresh.start({}, Limits(), None, environment={"COURSE_SIZE": "quick"})
        assert (
            value(kernel, "import os\n'COURSE_SECRET' in os.environ, os.environ['COURSE_SIZE']") == "(False, 'quick')"
        )
        assert "hidden" not in value(kernel, "open('/proc/self/environ').read()")
        assert value(kernel, "os.environ['OMP_NUM_THREADS'], os.environ.get('CUDA_VISIBLE_DEVICES')") == "('1', '')"


def test_a_kernel_has_none_of_the_zygotes_descriptors(kernels):
    judge, other = socket.socketpair()
    with judge, other:
        kernel = kernels.start({}, Limits(), judge)
        source = """
import os
fd = '/proc/self/fd/'
[os.readlink(fd + n).split(':')[0] for n in os.listdir(fd) if os.path.islink(fd + n)]
"""
        found = value(kernel, source)
        kinds = json.loads(found.replace("'", '"'))
        # The null device; two pipes; the lines to worker and judge; asyncio's poll and its own pair of sockets.
        assert sorted(kinds) == sorted(["/dev/null", "pipe", "pipe", *["socket"] * 4, "anon_inode"]), kinds


def test_history_is_off_and_ipython_writes_nothing(kernels):
    kernel = kernels.start({}, Limits(), None)
    value(kernel, "1")
    source = (
        "import threading, sqlite3, os\n[t.name for t in threading.enumerate()], get_ipython().history_manager.enabled"
    )
    assert value(kernel, source) == "(['MainThread'], False)"
    scratch = kernels.zygote._server.scratch
    assert not [path for path in scratch.rglob("*") if path.suffix == ".sqlite"]


def test_what_a_kernel_adds_to_memory_is_small(kernels):
    kernel = kernels.start({}, Limits(), None)
    kernel.run("import numpy as np\nfrom helpers import check\nx = np.ones((10, 10)) @ np.ones((10, 10))", 10)
    lines = Path(f"/proc/{kernel.pid}/smaps_rollup").read_text().splitlines()
    private = sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
    assert private < 30_000


def test_closing_leaves_nothing():
    kernels = Kernels(NONE, needs=())
    kernel = kernels.start({"a": b""}, Limits(), None)
    kernel.run("import subprocess; p = subprocess.Popen(['sleep', '60'])", 10)
    pids = [*tree(kernel.pid), *tree(kernels.zygote.pid)]
    assert len(set(pids)) >= 3
    places = [kernel.folder, kernels._base.path]
    kernels.close()
    until = time.monotonic() + 60
    while any(_runs(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.01)
    assert not [pid for pid in pids if _runs(pid)]
    assert not [place for place in places if place.exists()]
    assert not kernel.alive


WORKER = """
import dataclasses, os, sys, threading
from autograder.kernel.kernel import Kernels
from autograder.kernel.zygote_client import ZygoteClient
from autograder.kernel.process import Process
from autograder.sandbox import MODES, Limits
kernels = Kernels(MODES[sys.argv[1]], needs=())
kernel = kernels.start({}, Limits(), None)
kernel.run("import subprocess; p = subprocess.Popen(['sleep', '60'])", 10)
other = kernels.start({}, Limits(), None)
judges = ZygoteClient(needs=())
request = {"mode": "none", "room": {"readable": [], "hidden": []}, "folder": sys.argv[2], "environment": {}, "seed": 0}
request["limits"] = dataclasses.asdict(Limits())
judge = Process(judges, request, limits=Limits(), trusted=True)
pids = kernel.pid, other.pid, judge.pid, kernels.zygote.pid, judges.pid
threading.Timer(0.5, lambda: print(*pids, flush=True)).start()
judge.run("while True: pass", 60, (kernel, other))
"""


@pytest.mark.parametrize("mode", ["none", "landlock", "namespaces"])
def test_a_killed_worker_leaves_no_process(mode, tmp_path):
    if mode != "none" and (wrong := attempt(MODES[mode])):
        pytest.skip(f"this machine has no mode {mode!r}: {wrong}")
    worker = subprocess.Popen([sys.executable, "-c", WORKER, mode, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    pids = {one for pid in worker.stdout.readline().split() for one in tree(int(pid))}
    assert len(pids) >= 5  # six, where the sandbox lets a cell start a process
    worker.kill()
    worker.wait()
    until = time.monotonic() + 60
    while any(_runs(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.02)
    assert not [Path(f"/proc/{pid}/status").read_text() for pid in pids if _runs(pid)]


def test_one_root_serves_all_and_ends_with_the_last(kernels):
    root = kernels.zygote._server
    other = Kernels(NONE, needs=())
    assert other.zygote._server is root
    other.close()
    assert value(kernels.start({}, Limits(), None), "1") == "1"
    assert root._program.poll() is None


def test_a_prepare_that_fails_is_told_in_words(kernels):
    zygote = ZygoteClient(needs=(), prepare="autograder.nowhere:prepare")
    with pytest.raises(CourseError, match=r"No module named 'autograder\.nowhere'"):
        zygote.ready()
    zygote.close()


def prepare(shell, given):
    """In a zygote: makes judges, as the judges' room does."""
    from autograder.kernel.cell_loop import CellLoop

    class Asks(CellLoop):
        def run(self, request, buffers):
            self.shell.user_ns["given"] = given
            self.shell.user_ns["line"] = self.peer
            return {**super().run(request, buffers), "extra": request["extra"]}

        def serve_peer(self):
            return False

    return Asks


@pytest.fixture
def judge(kernels, tmp_path):
    prepare = "tests.autograder.test_kernel_start:prepare"
    zygote = ZygoteClient(needs=(), prepare=prepare, given={"a": [1, "é" * 300_000]})
    line, theirs = socket.socketpair()
    room = {"readable": [], "hidden": []}
    request = {"mode": "none", "room": room, "folder": str(tmp_path), "environment": {}, "seed": 0}
    request["limits"] = dataclasses.asdict(Limits())
    with theirs:
        process = Process(zygote, request, limits=Limits(), peer=theirs, trusted=True)
    yield process, line
    line.close()
    process.kill()
    zygote.close()


def test_a_judge_is_the_same_machinery_with_what_it_was_given(judge):
    process, line = judge
    ran = process.run("len(given['a'][1])", 10, extra=7)
    assert ran.outputs[0]["data"]["text/plain"] == "300000"
    assert ran.answer["extra"] == 7
    shown = process.run(
        "display({'application/vnd.course.check+json': {'a': 1}}, raw=True,metadata={'course': {'hidden': True}})",
        10,
        extra=0,
    ).outputs
    assert shown[0]["data"] == {"application/vnd.course.check+json": {"a": 1}}
    assert shown[0]["metadata"] == {"course": {"hidden": True}}
    process.run("from autograder.kernel import wire\nwire.send(line, {'n': 1})", 10, extra=0)
    assert wire.receive(line, 1000, time.monotonic() + 60)[0] == {"n": 1}


WAIT = "import os, time\ndef wait(path):\n    while not os.path.exists(path): time.sleep(0.01)\n"


def test_what_the_student_writes_while_the_judge_works_is_kept_apart(judge, kernels, tmp_path):
    process, _ = judge
    kernel = kernels.start({}, Limits(), None)
    begun, told = str(tmp_path / "begun"), str(tmp_path / "told")
    source = (
        f"import threading\ndef later():\n    wait({begun!r})\n    print('from the student', flush=True)\n"
        f"    display('shown')\n    open({told!r}, 'w').close()\n"
    )
    kernel.run(WAIT + source + "threading.Thread(target=later).start()\nprint('at once')", 10)
    work = f"open({begun!r}, 'w').close()\nwait({told!r})\nprint('from the judge')"
    ran = process.run(WAIT + work, 30, (kernel,), extra=0)
    assert [one["text"] for one in ran.outputs] == ["from the judge\n"]
    assert [one["output_type"] for one in ran.beside] == ["stream", "display_data"]
    assert ran.beside[0]["text"] == "from the student\n"


UNTIL_GONE = """
import time
def runs(pid):
    try:
        return "State:\\tZ" not in open(f"/proc/{pid}/status").read()
    except OSError:
        return False
"""


def test_a_student_who_dies_or_floods_beside_does_not_hold_up_the_judge(judge, kernels):
    process, _ = judge
    kernel = kernels.start({}, Limits(output_bytes=20_000), None)
    kernel.run("import threading\ndef flood():\n    while True: print('x' * 1000)\n"
               "threading.Timer(0.2, flood).start()", 10)  # fmt: skip
    work = UNTIL_GONE + f"while runs({kernel.pid}): time.sleep(0.01)\n5"
    ran = process.run(work, 30, (kernel,), extra=0)
    assert (ran.status, ran.outputs[0]["data"]["text/plain"]) == ("ok", "5")
    assert sum(len(str(one)) for one in ran.beside) < 30_000
    assert not kernel.alive
    assert "output" in kernel.why


def test_output_between_cells_belongs_to_none(kernels, tmp_path):
    kernel = kernels.start({}, Limits(), None)
    begun, told = tmp_path / "begun", tmp_path / "told"
    later = f"def later():\n    wait({str(begun)!r}); print('late', flush=True); open({str(told)!r}, 'w').close()\n"
    kernel.run(WAIT + later + "import threading\nthreading.Thread(target=later).start()", 10)
    begun.touch()
    while not told.exists():
        time.sleep(0.01)
    assert kernel.run("print('next')", 10).outputs[0]["text"] == "next\n"


def test_needs_are_read_from_the_sources():
    assert needs_of(["import numpy as np", "# no more"]) == ()
    assert needs_of(["import torch", "x = torch.zeros(3)"]) == ("torch",)
    assert needs_of(["from torch.optim import SGD"]) == ("torch", "torch.optim")


def test_a_forked_worker_gets_a_root_of_its_own(kernels):
    root = kernels.zygote._server
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        own = fork_client.acquire()
        os.write(write, str(own is root).encode())
        fork_client.release(own)
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(read, 10) == b"False"
    os.close(read), os.close(write)
    assert root._program.poll() is None


# These kill the root that all share, so they come last.


def test_a_dead_root_is_replaced():
    with Kernels(NONE, needs=()) as kernels:
        kernels.ready()
        for pid in (kernels.zygote._server.pid, kernels.zygote.pid):
            os.kill(pid, signal.SIGKILL)
        assert value(kernels.start({}, Limits(), None), "6 * 7") == "42"
        root = kernels.zygote._server
    assert not root.scratch.exists()
    assert root.dead()


def test_a_dead_zygote_is_replaced_once_and_then_told_in_words():
    with Kernels(NONE, needs=()) as kernels:
        kernels.ready()
        first = kernels.start({}, Limits(), None)
        os.kill(kernels.zygote.pid, signal.SIGKILL)
        kernel = kernels.start({}, Limits(), None)
        assert value(kernel, "6 * 7") == "42"
        assert first.run("1", 5).status == "died"
        os.kill(kernels.zygote.pid, signal.SIGKILL)
        os.kill(kernels.zygote._server.pid, signal.SIGKILL)
        with pytest.raises(CourseError, match="died again"):
            kernels.start({}, Limits(), None)


def _runs(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
