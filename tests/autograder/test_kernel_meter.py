"""Limits of time count what a process computes or sleeps, in whatever it starts, and not how busy the machine is."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from autograder.kernel import process
from autograder.kernel.kernel import Kernels
from autograder.kernel.meter import PATIENCE
from autograder.sandbox import Limits, choose

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the clock counts")
GRACE = 6.0
"""Seconds for interrupts, for an end by force, and for a machine that is busy with other tests."""
COMPUTE = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass"
SPIN = "while True: pass"


@pytest.fixture(scope="module")
def kernels():
    with Kernels(choose(), needs=()) as kernels:
        yield kernels


@pytest.fixture
def kernel(kernels):
    kernel = kernels.start({}, Limits(), None)
    yield kernel
    kernel.kill()


@pytest.fixture
def busy(kernel, request):
    """The kernel shares one core with others that compute all the time, each in a session of its own (autogroup in
    sched(7))."""
    core = min(os.sched_getaffinity(0))
    others = [subprocess.Popen([sys.executable, "-c", SPIN], start_new_session=True) for _ in range(request.param)]
    for pid in (kernel.pid, *(one.pid for one in others)):
        os.sched_setaffinity(pid, {core})
    yield kernel
    for one in others:
        one.kill()
        one.wait()


@pytest.mark.promise("Seconds are those in which a hand-in computes, or waits for something else than the processor;")
@pytest.mark.parametrize("busy", [4], indirect=True)
def test_a_busy_machine_costs_no_time(busy):
    ran = busy.run(COMPUTE.format(0.25), 0.8)
    assert ran.status == "ok"
    assert ran.used < 0.8
    assert ran.seconds > 0.8  # by the clock it would have been stopped


@pytest.mark.promise("up to five times as long on the clock.")
def test_who_gets_nearly_nothing_is_stopped_by_the_clock(kernel, monkeypatch):
    monkeypatch.setattr(process.Meter, "look", lambda self, last=False: 0.0)
    ran = kernel.run(COMPUTE.format(30), 0.4)
    assert ran.status == "timeout"
    assert ran.used == 0
    assert ran.seconds >= PATIENCE * 0.4


GRANDCHILD = """
import os, time
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        while True: pass
    os._exit(0)
os.wait()
"""
ENDLESS = {
    "computes": SPIN,
    "sleeps": "import time\ntime.sleep(1e6)",
    "waits for a pipe": "import os\nos.read(os.pipe()[0], 1)",
    "waits for a lock": "import threading\nlock = threading.Lock()\nlock.acquire(); lock.acquire()",
    "waits for a signal": "import signal\nsignal.pause()",
    "lets a child compute": "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'while True: pass'])",
    "lets a detached grandchild compute": GRANDCHILD + "time.sleep(1e6)",
    "computes a little, sleeps a little": "import time\nwhile True:\n    time.sleep(0.001)\n    sum(range(10_000))",
    "lets threads compute": "import threading, hashlib\ndef f():\n    while True: hashlib.sha256(bytes(10**6))\n"
    "for _ in range(8): threading.Thread(target=f, daemon=True).start()\nimport time\ntime.sleep(1e6)",
}


@pytest.mark.parametrize("what", ENDLESS)
def test_nothing_goes_on_for_longer_than_its_limit(kernel, what):
    if what.startswith("lets a") and kernel._inmate.mode == "none":
        pytest.skip("nothing shuts it in")
    ran = kernel.run(ENDLESS[what], 0.3)
    assert ran.status == "timeout"
    assert ran.used < 0.3 + GRACE
    if not what.startswith("lets"):
        assert ran.used >= 0.3


def test_children_that_nobody_waits_for_are_stopped_by_the_clock_at_last(kernel):
    ran = kernel.run(
        "import os, signal, time\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True:\n"
        "    if os.fork() == 0:\n        end = time.monotonic() + 0.03\n        while time.monotonic() < end: pass\n"
        "        os._exit(0)\n    time.sleep(0.03)", 0.3,
    )  # fmt: skip
    assert ran.status == "timeout"


def test_children_that_have_ended_count(kernel):
    child = f"subprocess.run([sys.executable, '-S', '-c', {COMPUTE.format(0.05)!r}])"
    ran = kernel.run(f"import subprocess, sys\nfor _ in range(10): {child}", 30)
    assert ran.status == "ok"
    assert ran.used >= 0.5


def test_a_cell_that_is_over_at_once_counts_as_little(kernel):
    ran = min((kernel.run("1 + 1", 30) for _ in range(5)), key=lambda one: one.used)
    assert 0 < ran.used <= 0.1
