"""Where this user may make a memory cgroup, the kernel bounds what a hand-in's processes hold together."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from autograder.kernel.kernel import Kernels
from autograder.sandbox import NONE, Limits, Usage, memory_group
from autograder.sandbox.cgroup import PREFIX, _place, place_of

ON_LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="cgroups are Linux's")
WITH_GROUPS = pytest.mark.skipif(
    not sys.platform.startswith("linux") or _place() is None, reason="this user may make no memory cgroup"
)
SYSTEMD = "25 1 0:22 / {mount} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
VERSION_1 = """20 41 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
14 35 0:32 / {mount} rw,relatime - cgroup cgroup rw,memory"""
CONTAINER = "800 790 0:22 /docker/42 {mount} ro - cgroup2 cgroup rw"


def folders(root, *paths, giving=()):
    for path in ("", *paths):
        (root / path).mkdir(parents=True, exist_ok=True)
        (root / path / "cgroup.subtree_control").write_text("memory pids\n" if path in giving else "pids\n")
    return root


@pytest.mark.promise(
    "Linux with systemd | the same; root, and a user whose terminal belongs to the own systemd (desktops; elsewhere "
    "start with `systemd-run --user --scope`), may make cgroups, and the kernel then bounds each hand-in's memory, "
    "sockets, pipes and memory disks included"
)
@pytest.mark.parametrize(
    ("own", "mounts", "giving", "place"),
    [
        ("0::/user/app/run.scope", SYSTEMD, ["user/app"], "user/app"),
        ("0::/user/app/run.scope", SYSTEMD, ["user"], None),
        ("0::/", SYSTEMD, [""], ""),
        ("0::/", SYSTEMD, [], None),
        ("4:memory:/jobs/7\n0::/", VERSION_1, [], "jobs/7"),
        ("4:cpu,memory:/jobs/7\n0::/elsewhere", VERSION_1, [], "jobs/7"),
        ("0::/", VERSION_1, [], None),
        ("0::/docker/42/app/one", CONTAINER, ["app"], "app"),
        ("0::/../43", CONTAINER, [""], None),
        ("", SYSTEMD, [""], None),
    ],
)
def test_where_groups_can_be_made(tmp_path, own, mounts, giving, place):
    root = folders(tmp_path, "user/app", "app", giving=giving)
    found = place_of(own, mounts.format(mount=root))
    assert found == (None if place is None else root / place)


def test_what_is_written_to_a_group_of_each_version(tmp_path, monkeypatch):
    names = {
        1: ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "cgroup.procs"),
        2: ("memory.max", "memory.swap.max", "memory.oom.group", "cgroup.procs"),
    }
    told = {}
    for version, files in names.items():
        place = tmp_path / str(version)
        place.mkdir()
        make = Path.mkdir

        def as_the_kernel_does(self, *rest, make=make, files=files, **more):
            make(self, *rest, **more)
            for name in files:
                (self / name).touch()

        monkeypatch.setattr("autograder.sandbox.cgroup._place", lambda place=place: place)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "mkdir", as_the_kernel_does)
            group = memory_group(42, 100)
        told[version] = [(group.folder / name).read_text() for name in files]
    most = str(100 << 20)
    assert told == {1: [most, most, "42"], 2: [most, "0", "1", "42"]}


def test_a_group_that_takes_no_process_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr("autograder.sandbox.cgroup._place", lambda: tmp_path / "missing")
    assert memory_group(os.getpid(), 100) is None


HOLDS = """
    import os, sys, time
    sys.stdin.read(1)
    for _ in range(3):
        if not os.fork():
            held = os.memfd_create("held")
            for _ in range(80):
                os.write(held, bytes(1 << 20))
            time.sleep(60)
    time.sleep(60)
"""


@pytest.mark.promise("and bounded by a cgroup where you may make one")
@WITH_GROUPS
def test_the_kernel_ends_those_that_hold_too_much_together():
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(HOLDS)], stdin=subprocess.PIPE, process_group=0)
    group = memory_group(child.pid, 150)
    try:
        assert group is not None
        assert not group.exceeded()
        child.stdin.write(b"x")
        child.stdin.close()
        for _ in range(200):
            if group.exceeded():
                break
            time.sleep(0.05)
        assert group.exceeded()
    finally:
        os.killpg(child.pid, 9)
        child.wait()
        group.close()
    assert not group.folder.exists()


@pytest.mark.promise("and bounded by a cgroup where you may make one")
@WITH_GROUPS
def test_a_hand_in_is_bounded_where_nobody_weighs(monkeypatch):
    monkeypatch.setattr(Usage, "exceeded", lambda self: "")
    mine = f"{PREFIX}{os.getpid()}-*"  # others' tests may run at the same time
    before = set(_place().glob(mine))
    with Kernels(NONE, needs=()) as kernels:
        kernel = kernels.start({}, Limits(memory_mb=100, disk_mb=10), None)
        try:
            ran = kernel.run(textwrap.dedent(HOLDS).replace("sys.stdin.read(1)", "pass"), 20)
        finally:
            kernel.kill()
    assert (ran.status, kernel.why) == ("died", "it used more than 100 MB of memory")
    assert set(_place().glob(mine)) <= before


@WITH_GROUPS
def test_what_a_killed_grader_left_is_removed():
    _place.cache_clear()
    left = _place() / "from-scratch-4194305-0"
    left.mkdir()
    ours = _place() / f"from-scratch-{os.getpid()}-x"
    ours.mkdir()
    try:
        _place.cache_clear()
        assert _place() is not None
        assert (left.exists(), ours.exists()) == (False, True)
    finally:
        ours.rmdir()
