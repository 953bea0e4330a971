"""Which mode a machine gets, and what it is told where there is none."""

import json
import os
import subprocess
import sys

import pytest

from autograder.execution.task import Task
from autograder.execution.workplace import Workplace
from autograder.sandbox import LANDLOCK, MODES, NAMESPACES, NONE, choose, trial
from autograder.sandbox.trial import attempt
from helpers.errors import CourseError
from tests.autograder.sandboxed import NO_USER_NAMESPACES, ORDINARY, REPOSITORY, ROOT_WITHOUT_USER_NAMESPACES

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox's modes are Linux's")
root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can play every user")


@pytest.fixture
def works(monkeypatch):
    """Say what works instead of trying it."""
    monkeypatch.setattr(trial, "_tried", {})
    monkeypatch.setattr(sys, "platform", "linux")

    def these(*names):
        monkeypatch.setattr(trial, "attempt", lambda mode: "" if mode.name in names else f"{mode.name} is broken")

    return these


@pytest.mark.promise("The strongest mode that works on this machine is taken:")
def test_the_strongest_that_works(works):
    works("namespaces", "landlock")
    assert choose() is NAMESPACES


@pytest.mark.promise("The strongest mode that works on this machine is taken:")
def test_the_next_one(works):
    works("landlock")
    assert choose() is LANDLOCK
    assert choose(unsafe=True) is LANDLOCK, "the flag allows nothing where something better works"


@pytest.mark.promise("Where neither works, grading stops and says why.")
def test_none_is_refused_in_words(works):
    works()
    with pytest.raises(CourseError) as refused:
        choose()
    words = str(refused.value)
    assert "namespaces: namespaces is broken" in words
    assert "landlock: landlock is broken" in words
    for what in ("max_user_namespaces", "--unsafe", "gradebook"):
        assert what in words


@pytest.mark.promise("`--unsafe` goes on without:")
def test_none_by_the_flag_alone(works):
    works()
    assert choose(unsafe=True) is NONE
    with pytest.raises(CourseError, match="must be asked for with --unsafe"):
        choose(wanted="none")


def test_one_that_is_wanted(works):
    works("namespaces")
    assert choose(unsafe=True, wanted="none") is NONE
    assert choose(wanted="namespaces") is NAMESPACES
    with pytest.raises(CourseError, match="landlock is broken"):
        choose(wanted="landlock")
    with pytest.raises(CourseError, match="landlock is broken"):
        choose(unsafe=True, wanted="landlock")
    with pytest.raises(CourseError, match="'docker' does not exist"):
        choose(wanted="docker")


@pytest.mark.promise("Linux or macOS")
@pytest.mark.promise("macOS | refused; `--unsafe`, or a Linux container or machine |")
@pytest.mark.promise("Windows | refused; use WSL 2, which is Linux |")
@pytest.mark.parametrize(("platform", "words"), [("darwin", "macOS.*Lima"), ("win32", "Windows.*WSL 2")])
def test_other_systems(works, monkeypatch, platform, words):
    works("namespaces", "landlock")
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(CourseError, match=words):
        choose()
    assert choose(unsafe=True) is NONE


def test_it_is_tried_once(works, monkeypatch):
    tries = []
    monkeypatch.setattr(trial, "attempt", lambda mode: tries.append(mode) or "")
    choose()
    choose()
    assert tries == [NAMESPACES]


@linux
def test_what_works_here_is_chosen():
    chosen = {mode.name for mode in (NAMESPACES, LANDLOCK) if attempt(mode) == ""}
    assert chosen, "neither of the modes works on this machine; the sandbox's tests mean little here"
    trial._tried.clear()
    assert choose().name in chosen


ASK = """
import sys
sys.path.insert(0, sys.argv[1])
from autograder.sandbox import choose
from helpers.errors import CourseError
try:
    print(choose().name)
except CourseError as error:
    print(error)
"""


@pytest.mark.promise(
    "The sandbox needs no root and no program to install. The strongest mode that works on this machine is taken:"
)
@pytest.mark.promise("Linux, ordinary user | namespaces |")
@pytest.mark.promise(
    "user namespaces denied (many containers, Ubuntu's AppArmor profile, `user.max_user_namespaces = 0`) | Landlock; "
    "real root still gets namespaces |"
)
@linux
@root
@pytest.mark.parametrize(
    ("prelude", "name"),
    [(ORDINARY, "namespaces"), (ROOT_WITHOUT_USER_NAMESPACES, "namespaces"), (NO_USER_NAMESPACES, "landlock")],
    ids=["ordinary user", "root without user namespaces", "ordinary user without user namespaces"],
)
def test_other_users(prelude, name):
    command = [*prelude, sys.executable, "-c", ASK, str(REPOSITORY)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PATH": os.defpath, "HOME": "/tmp"}
    )
    assert done.stdout.strip() == name, done.stderr


@linux
@pytest.mark.parametrize(
    ("weakness", "words"),
    [
        ("fork._enter_namespaces = lambda room, *rest: os.chdir(room.folder)", "was changed"),
        ("fork.seccomp.install = lambda code: None", "make any system call"),
        ("fork.sc.drop_capabilities = lambda: None", "gain rights"),
        ("namespaces.SPACES &= ~0x40000000; namespaces._loopback_up = lambda: None", "connect to this machine"),
        ("fork.without = lambda shown, hidden: (*shown, Path('/var/tmp'))", "read a file outside its folder"),
        ("namespaces.rootfs.make_read_only = lambda base: None; "
         "fork.without = lambda shown, hidden: (*shown, Path('/var/tmp'))", "changed"),
        ("fork.without = lambda shown, hidden: (*shown, hidden[0])", "read the course"),
    ],
)  # fmt: skip
def test_a_weak_sandbox_does_not_pass_the_trial(weakness, words):
    """One thing is taken out of it each time, and the trial has to say so."""
    program = f"""
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from autograder.sandbox import fork, namespaces, paths, trial
{weakness}
trial.main()
"""
    command = [sys.executable, "-c", program, "namespaces", str(REPOSITORY)]
    env = {"PATH": os.defpath, "TMPDIR": "/var/tmp"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=env)
    wrong = json.loads(done.stdout.splitlines()[-1])["wrong"]
    assert words in wrong


IMPORT = """
import os, sys
import subprocess, tempfile
sys.path.insert(0, sys.argv[1])
for name in ("fcntl", "resource", "grp", "pwd"):
    sys.modules[name] = None
for name in ("fork", "geteuid", "getegid", "setsid", "killpg", "waitpid", "WNOHANG", "O_DIRECTORY", "sysconf",
             "waitstatus_to_exitcode"):
    if hasattr(os, name):
        delattr(os, name)
sys.platform = sys.argv[2]
import autograder.sandbox as sandbox
from helpers.errors import CourseError
for attempt in (sandbox.choose, lambda: sandbox.fork_into(sandbox.NONE, None, sandbox.Limits(), print)):
    try:
        attempt()
    except CourseError as error:
        print(error)
"""


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_it_can_be_imported_anywhere(platform):
    """As on Windows: without fork, and without the modules of Unix."""
    command = [sys.executable, "-c", IMPORT, str(REPOSITORY), platform]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "no sandbox for students' code works here" in done.stdout
    assert "has no fork" in done.stdout


def test_every_mode_has_words():
    assert all(mode.words and mode.name == name for name, mode in MODES.items())


@pytest.mark.promise("a cluster's nodes | each node chooses for itself |")
def test_the_process_that_grades_chooses(monkeypatch):
    """Whoever gives it the work asks for none, and each node finds its own."""
    for here in (NAMESPACES, LANDLOCK):
        monkeypatch.setattr("autograder.sandbox.choose", lambda unsafe, wanted, here=here: here)
        assert Workplace().mode(Task("ada", b"", None)) is here
