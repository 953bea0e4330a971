"""One root for several workers: warm once, nobody's orders mixed up, and nothing left when its owner or it dies."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.kernel import fork_client
from autograder.kernel.fork_client import ForkServerProcess
from autograder.kernel.kernel import Kernels
from autograder.kernel.warmup import needs_of_file
from autograder.sandbox import NONE, Limits
from autograder.sandbox.tree import gone, tree
from helpers.errors import CourseError

pytestmark = pytest.mark.usefixtures("own_fork_server")

WORKER = """
import os, socket, sys
from autograder.kernel import fork_client
from autograder.kernel.kernel import Kernels
from autograder.sandbox import NONE, Limits
fork_client.adopt(socket.socket(fileno=int(sys.argv[1])))
with Kernels(NONE, needs=()) as kernels:
    for order in sys.stdin:
        kernels.ready()
        parent = open(f"/proc/{kernels.zygote.pid}/stat").read().rpartition(")")[2].split()[1]
        ran = kernels.start({}, Limits(), None).run(order, 20)
        print(parent, ran.outputs[-1]["data"]["text/plain"], flush=True)
"""


class Worker:
    def __init__(self, root):
        with root.line() as line:
            self.process = subprocess.Popen(
                [sys.executable, "-c", WORKER, str(line.fileno())],
                pass_fds=[line.fileno()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip

    def ask(self, source):
        """(process id of the root that served it, value)"""
        self.process.stdin.write(source + "\n")
        self.process.stdin.flush()
        parent, value = self.process.stdout.readline().split(maxsplit=1)
        return int(parent), value.strip()

    def kill(self):
        self.process.kill()
        self.process.communicate()


def ended(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


def value(kernels, expression):
    kernel = kernels.start({}, Limits(), None)
    try:
        return kernel.run(f"import sys\n{expression}", 20).outputs[-1]["data"]["text/plain"]
    finally:
        kernel.kill()


@pytest.fixture
def root():
    root = ForkServerProcess()
    yield root
    root.close()


def test_workers_share_a_root_and_one_that_is_killed_takes_no_other_with_it(root):
    one, two = Worker(root), Worker(root)
    assert one.ask("6 * 7") == (root.pid, "42")
    assert two.ask("6 * 8") == (root.pid, "48")
    one.kill()
    assert two.ask("6 * 9") == (root.pid, "54")
    three = Worker(root)
    assert three.ask("'late'") == (root.pid, "'late'")
    two.kill(), three.kill()
    assert not root.dead()


def test_a_worker_whose_root_dies_starts_its_own(root):
    worker = Worker(root)
    assert worker.ask("1") == (root.pid, "1")
    os.kill(root.pid, signal.SIGKILL)
    assert ended(root.dead)
    with pytest.raises(CourseError, match="died"):
        root.line()
    worker.process.stdin.close()
    assert worker.process.wait(120) == 0

    late = ForkServerProcess()
    line = late.line()
    os.kill(late.pid, signal.SIGKILL)
    assert ended(late.dead)
    told = subprocess.run(
        [sys.executable, "-c", WORKER, str(line.fileno())], pass_fds=[line.fileno()], input="6 * 7\n",
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    parent, value = told.stdout.split()
    assert value == "42"
    assert int(parent) != late.pid
    line.close()
    late.close()


def orphaned(needs, line=""):
    """(process id, folder) of a root whose owner has just been killed."""
    owner = subprocess.Popen(
        [sys.executable, "-c", "import time\nfrom autograder.kernel.fork_client import ForkServerProcess\n"
         f"root = ForkServerProcess({needs})\n{line}\n"
         "print(root.pid, root.scratch, flush=True)\ntime.sleep(60)"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    pid, scratch = owner.stdout.readline().split()
    owner.kill()
    owner.communicate()
    return pid, Path(scratch)


def test_a_root_ends_with_its_owner_and_takes_its_folder_away():
    pid, scratch = orphaned([], "root.line()")
    assert ended(lambda: not scratch.exists() and not Path(f"/proc/{pid}/cmdline").exists())


def test_what_a_kernel_started_ends_with_a_worker_that_had_not_heard_all_that_it_was_told():
    with Kernels(NONE, needs=()) as kernels:
        kernel, other = (kernels.start({}, Limits(), None) for _ in range(2))
        kernel.run("import subprocess; p = subprocess.Popen(['sleep', '60'])", 10)
        started = tree(kernel.pid)[1:]
        assert len(started) == 1
        os.kill(other.pid, signal.SIGKILL)
        line = kernels.zygote.sock
        assert select.select([line], [], [], 10)[0]  # the zygote tells of it, and nobody reads that
        line.close()  # as the end of a killed worker does
        assert ended(lambda: gone(kernel.pid) and gone(started[0]))


ORPHANS = """
import ctypes, os, sys, time
from autograder.kernel.kernel import Kernels
from autograder.sandbox import NONE, Limits
from autograder.sandbox.tree import tree
if __name__ == "__main__":
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # orphans come here, where nobody buries them
    with Kernels(NONE, needs=()) as kernels:
        kernel = kernels.start({}, Limits(), None)
        kernel.run("import subprocess; p = [subprocess.Popen(['sleep', '60']) for _ in range(20)]", 20)
        assert len(tree(kernel.pid)) == 21
        kernel.kill()
        until = time.monotonic() + 60
        while tree(kernels.zygote.pid)[1:] and time.monotonic() < until:
            time.sleep(0.02)
        left = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        print("unburied:", tree(kernels.zygote.pid)[1:], left and left.si_pid)
"""


def test_what_outlives_a_kernel_is_buried_where_no_init_does_it():
    """The dead count: the next kernel's limit on processes would be theirs and its own together."""
    told = subprocess.run([sys.executable, "-c", ORPHANS], capture_output=True, text=True, timeout=90)
    assert told.stdout == "unburied: [] None\n", told.stderr


def test_what_will_be_needed_is_read_from_the_source_before_anything_else(tmp_path):
    (tmp_path / "plain").write_text("# %% [markdown]\n# torch is for later\n# %%\nimport numpy as np\n")
    (tmp_path / "torch").write_text("# %%\nimport torch\n")
    (tmp_path / "broken").write_bytes(b"\xff\xfe")
    found = {name: needs_of_file(tmp_path / name) for name in ("plain", "torch", "broken", "missing")}
    assert found == {"plain": (), "torch": ("torch",), "broken": (), "missing": ()}


def test_a_line_that_ends_in_the_middle_of_an_order_is_dropped(root):
    with root.line() as broken:
        broken.send(b"FCSK2")
    worker = Worker(root)
    assert worker.ask("2 + 2") == (root.pid, "4")
    worker.kill()


def test_a_root_that_still_warms_up_ends_with_its_owner():
    pid, scratch = orphaned(["torch"])
    cpu = 0.0
    while (stat := Path(f"/proc/{pid}/schedstat")).exists():
        with contextlib.suppress(OSError, ValueError):
            cpu = int(stat.read_text().split()[0]) / 1e9
        assert cpu < 1.0, "it went on warming up for nobody"  # the whole warm-up takes more
        time.sleep(0.01)
    assert ended(lambda: not scratch.exists())


BUSY = """
import os, socket, sys
from pathlib import Path
from autograder.kernel.fork_server import end_with_owner
end_with_owner(socket.socketpair()[0], Path(sys.argv[1]))
print(os.read(0, 1) == b"", flush=True)
sum(range(10**11))  # as a large library does while it is loaded: no other line of Python is run
"""


@pytest.mark.parametrize("way", ["the owner's end", "its own end"])
def test_a_root_that_is_busy_outside_python_ends_with_its_owner(tmp_path, way):
    (folder := tmp_path / "folder").mkdir()
    busy = subprocess.Popen(
        [sys.executable, "-c", BUSY, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert busy.stdout.readline() == "True\n"  # what a cell reads is not the owner's
    watch = tree(busy.pid)[1:]
    assert len(watch) == 1
    busy.stdin.close() if way == "the owner's end" else busy.kill()
    assert busy.wait(60) == -signal.SIGKILL
    assert ended(lambda: gone(watch[0]))
    assert folder.exists() == (way == "its own end")
    busy.stdout.close()


def test_who_needs_less_is_served_before_the_root_is_warm_for_the_others(monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    root = ForkServerProcess(["torch"])
    for name in ("_server", "_users", "_owner"):  # other tests' kernels go on with theirs
        monkeypatch.setattr(fork_client, name, getattr(fork_client, name))
    fork_client.adopt(root.line())
    try:
        with Kernels(NONE, needs=["torch"]) as patient, Kernels(NONE, needs=()) as quick:
            quick.ready()
            assert not select.select([patient.zygote.sock], [], [], 0)[0]  # the root still imports torch
            assert value(quick, "'torch' in sys.modules, sys.dont_write_bytecode") == "(False, True)"
            held = [os.readlink(path) for path in Path(f"/proc/{quick.zygote.pid}/fd").iterdir()]
            assert not [path for path in held if "(deleted)" in path]  # what another zygote was given
            assert value(patient, "'torch' in sys.modules, sys.dont_write_bytecode") == "(True, True)"
    finally:
        root.close()
