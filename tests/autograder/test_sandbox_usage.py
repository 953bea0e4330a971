"""What weighs a tree must stay quick while the tree does its worst."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.sandbox import LANDLOCK, NAMESPACES, NONE, Inmate, Limits, Usage, kill_tree, usage
from autograder.sandbox.tree import tree
from tests.autograder.sandboxed import ORDINARY, Zygote, open_to_all

MB = 1 << 20
AS_ROOT = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can play every user")
ON_LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox's modes are Linux's")


class Tree:
    """`tasks`: of each member. A reading of the true share costs `seconds` and calls `meanwhile`."""

    def __init__(self, monkeypatch, tasks, resident, share, seconds=0.0, meanwhile=lambda: None):
        self.tasks, self.read = tasks, []
        monkeypatch.setattr(usage, "tree", lambda pid: list(range(len(self.tasks))))
        monkeypatch.setattr(usage, "_tasks", lambda pid: self.tasks[pid])
        monkeypatch.setattr(usage, "_resident", lambda pid: resident(pid) * MB)
        monkeypatch.setattr(usage, "_files", lambda pid: 0)
        monkeypatch.setattr(usage, "_held_by_the_kernel", lambda members: 0)

        def slowly(pid):
            self.read.append(pid)
            time.sleep(seconds)
            meanwhile()
            return share(pid) * MB

        monkeypatch.setattr(usage, "_share", slowly)
        self.usage = Usage(Inmate(1, "landlock"), Limits(memory_mb=1000))


def test_threads_that_run_at_one_look_only_are_no_crowd(monkeypatch):
    running, given = [10, 0, 10, 10], []
    tree = Tree(monkeypatch, [13], lambda pid: 1, lambda pid: 1)
    monkeypatch.setattr(usage, "_threads", lambda pid: [(pid, thread) for thread in range(13)])
    monkeypatch.setattr(usage, "_runs", lambda thread: thread[1] < running[0])
    monkeypatch.setattr(os, "setpriority", lambda kind, thread, steps: given.append(steps))
    for _ in range(3):
        tree.usage.exceeded()
        running.pop(0)
    assert given == []
    tree.usage.exceeded()
    assert given == [11] * 13


def test_a_tree_that_grows_is_counted_and_not_weighed(monkeypatch):
    tree = Tree(monkeypatch, [1], lambda pid: 600, lambda pid: 600)
    for size in (20, 40, 60):
        tree.tasks = [1] * size
        assert tree.usage.exceeded() == ""
    assert tree.read == []
    tree.tasks = [1] * 65
    assert tree.usage.exceeded() == "started 65 processes and threads, where 64 are allowed"
    tree.tasks = [1] * 60
    assert tree.usage.exceeded() == "used more than 1000 MB of memory"
    assert tree.read == [0, 1]


def test_one_that_explodes_while_it_is_weighed_is_counted_again(monkeypatch):
    tree = Tree(monkeypatch, [1, 1], lambda pid: 600, lambda pid: 1, 0.03, lambda: tree.tasks.extend([1] * 50))
    tree.usage.exceeded()
    assert tree.usage.exceeded() == ""
    tree.tasks = [1] * 30
    tree.usage.exceeded()
    tree.read.clear()
    assert tree.usage.exceeded() == "started 80 processes and threads, where 64 are allowed"
    assert tree.read == [0]


def test_no_more_is_weighed_than_the_answer_needs(monkeypatch):
    tree = Tree(monkeypatch, [1] * 40, lambda pid: 100 if pid < 39 else 2000, lambda pid: 1)
    tree.usage.exceeded()
    tree.read.clear()
    assert tree.usage.exceeded() == ""
    assert tree.read == [39, *range(30)]  # the others could not make 1000 MB even if they shared nothing


def test_a_tree_that_grows_all_the_time_is_weighed_once_it_holds_more_than_copies(monkeypatch):
    size = [100]
    tree = Tree(monkeypatch, [1], lambda pid: size[0], lambda pid: 110)
    tree.tasks = [1] * 15
    assert tree.usage.exceeded() == ""
    tree.tasks, size[0] = [1] * 16, 200
    assert tree.usage.exceeded() == "used more than 1000 MB of memory"


@pytest.mark.promise("processes, files | 64, 256 MB, by the kernel | 64, 256 MB, watched ten times a second | watched")
@ON_LINUX
def test_without_a_sandbox_processes_and_files_are_watched(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "import threading, time\nfor _ in range(9):\n"
                              "    threading.Thread(target=time.sleep, args=(60,)).start()"])  # fmt: skip
    try:
        inmate, until = Inmate(child.pid, "none"), time.monotonic() + 60
        while not (words := Usage(inmate, Limits(processes=9)).exceeded()) and time.monotonic() < until:
            time.sleep(0.02)
        assert words == "started 10 processes and threads, where 9 are allowed"
        (tmp_path / "large").write_bytes(bytes(2 * MB))
        assert Usage(inmate, Limits(disk_mb=1), tmp_path).exceeded() == "wrote more than 1 MB of files"
    finally:
        child.kill()
        child.wait()


@pytest.fixture
def folder(tmp_path):
    open_to_all(tmp_path, 0o777)
    return tmp_path


@ON_LINUX
@AS_ROOT
def test_a_fork_bomb_of_large_processes_is_noticed_at_once(folder):
    """Each has much resident memory that it shares with all others, as students' processes have libraries."""
    code = """
        import time
        say("go")
        while True:
            try: os.fork()
            except OSError: time.sleep(0.05)
    """
    limits = Limits(memory_mb=300)
    with Zygote(LANDLOCK, "held = bytearray(b'x') * (50 << 20)", ORDINARY) as zygote:
        guest = zygote.start(folder, code, limits=limits)
        try:
            assert guest.next() == "go"
            scale, words, looks = Usage(guest.inmate, limits), "", 0
            while not words and looks < 30:
                time.sleep(0.05)
                begun, looks = time.process_time(), looks + 1
                words = scale.exceeded()
            assert "processes and threads, where 64 are allowed" in words
            assert time.process_time() - begun < 30
        finally:
            assert kill_tree(guest.inmate)
            guest.close()


CROWD = """
    import threading, time
    def spin():
        while True: pass
    for kind in ("processes", "threads"):
        for _ in range(6):
            if kind == "threads":
                threading.Thread(target={threads}, args={args}, daemon=True).start()
            elif os.fork() == 0:
                {does}
                while True: time.sleep(1)
    say("started")
    time.sleep(1)
    if os.fork() == 0:
        try: os.nice(-1)
        except OSError as error: say(error.errno)
        else: say("nicer")
    time.sleep(60)
"""
BUSY = CROWD.format(threads="spin", args=(), does="spin()")
IDLE = CROWD.format(threads="time.sleep", args=(60,), does="pass")


def _threads(guest):
    return [thread for pid in tree(guest.inmate.pid) for thread in usage._threads(pid)]


@pytest.mark.promise(
    "processor | more than four that compute get together the share of one, so that no other hand-in runs out of "
    "time | the same | the same (not on macOS)"
)
@ON_LINUX
@AS_ROOT
@pytest.mark.parametrize(
    ("mode", "prelude"),
    [
        pytest.param(NAMESPACES, (), id="namespaces"),
        pytest.param(NAMESPACES, ORDINARY, id="namespaces, ordinary user", marks=pytest.mark.slow),
        pytest.param(LANDLOCK, ORDINARY, id="landlock"),
        pytest.param(NONE, ORDINARY, id="none", marks=pytest.mark.slow),  # its processes are seen as with landlock
    ],
)
@pytest.mark.parametrize("busy", [True, False], ids=["busy", "idle"])
def test_a_busy_crowd_gets_the_share_of_one_and_an_idle_one_is_left_alone(folder, mode, prelude, busy):
    with Zygote(mode, "", prelude) as zygote:
        guest = zygote.start(folder, BUSY if busy else IDLE)
        try:
            assert guest.next() == "started"
            until = time.monotonic() + 60
            if not busy:  # on a busy machine it takes them a moment to fall asleep
                while sum(map(usage._runs, _threads(guest))) > 1 and time.monotonic() < until:
                    time.sleep(0.05)
            scale = Usage(guest.inmate, Limits())
            for look in range(400):
                assert scale.exceeded() == ""
                threads = [thread for _, thread in _threads(guest)]
                steps = {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads}
                if min(steps) > 6 if busy else look == 3:
                    break
                time.sleep(0.05)
            assert len(threads) >= 13
            assert min(steps) > 6 if busy else steps == {0}
            if busy:
                assert guest.next() == 1  # a child inherits it, and can't take it back
                born = tree(guest.inmate.pid)[1:]
                assert min(os.getpriority(os.PRIO_PROCESS, pid) for pid in born) > 6
        finally:
            assert kill_tree(guest.inmate)
            guest.close()


HELD = """
    import socket
    held = [socket.socketpair() for _ in range(50)] if {sockets} else [os.pipe() for _ in range(50)]
    for one in held:
        for end in one if {sockets} else ():
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)
    say(max(end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) for one in held for end in one) if {sockets} else 0)
    say("held")
    import time
    time.sleep(60)
"""


@pytest.mark.promise("sockets and pipes counted as if they were full")
@ON_LINUX
@AS_ROOT
@pytest.mark.parametrize("mode", [NAMESPACES, LANDLOCK], ids=lambda mode: mode.name)
def test_sockets_count_as_if_they_were_full_and_hold_no_more(folder, mode):
    with Zygote(mode, "", ORDINARY) as zygote:
        guest = zygote.start(folder, HELD.format(sockets=True))
        try:
            assert guest.next() <= 2 * int(Path("/proc/sys/net/core/wmem_default").read_text())
            assert guest.next() == "held"
            limit = 100 * usage.socket_memory() // MB
            told = Usage(guest.inmate, Limits(memory_mb=limit - 5)).exceeded()
            assert told == f"used more than {limit - 5} MB of memory, sockets and pipes included"
            assert Usage(guest.inmate, Limits(memory_mb=limit + 200)).exceeded() == ""
        finally:
            assert kill_tree(guest.inmate)
            guest.close()


@pytest.mark.promise("sockets and pipes counted as if they were full")
@ON_LINUX
@AS_ROOT
def test_pipes_count_little(folder):
    with Zygote(LANDLOCK, "", ORDINARY) as zygote:
        guest = zygote.start(folder, HELD.format(sockets=False))
        try:
            assert [guest.next(), guest.next()] == [0, "held"]
            found = usage._held_by_the_kernel([guest.inmate.pid])
            assert 50 * usage.PIPE <= found < 60 * usage.PIPE + 5 * usage.socket_memory()
        finally:
            assert kill_tree(guest.inmate)
            guest.close()


def test_who_lets_nobody_look_has_sockets_only(monkeypatch):
    def refuse(path):
        raise PermissionError(path)

    monkeypatch.setattr(usage.os, "listdir", refuse)
    monkeypatch.setattr(usage, "_files", lambda pid: 100)
    assert usage._held_by_the_kernel([1, 2]) == 200 * usage.socket_memory()


@ON_LINUX
@AS_ROOT
def test_tcp_holds_little_in_a_network_of_its_own(folder):
    code = "say(int(open('/proc/sys/net/ipv4/tcp_rmem').read().split()[2]))"
    with Zygote(NAMESPACES, "", ORDINARY) as zygote:
        (most,) = zygote.run(folder, code)
    assert most <= usage.socket_memory()
