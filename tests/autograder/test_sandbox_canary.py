"""The canary gets nowhere in a sandbox that holds, and cries in each that is weak in one thing."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from autograder.sandbox import LANDLOCK, NAMESPACES, NONE, canary, closed_paths, kill_tree, trial
from autograder.sandbox.tree import tree
from helpers.errors import CourseError
from tests.autograder.sandboxed import ORDINARY, REPOSITORY, Zygote, open_to_all
from tests.autograder.test_parallel_local_pool import left_of

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox's modes are Linux's"),
    pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can play every user"),
]

LOOP = """
import contextlib, io, json, socket
names = {}
with socket.socket(fileno=fds[1]).makefile("rw") as line:
    for order in line:
        out, status = io.StringIO(), "ok"
        with contextlib.redirect_stdout(out):
            try:
                exec(json.loads(order), names)
            except Exception as error:
                status = f"{type(error).__name__}: {error}"
        line.write(json.dumps([status, out.getvalue()]) + chr(10))
        line.flush()
"""


class Kernels:
    """Kernels without a notebook: what the canary needs of them, in a zygote that can be weakened."""

    def __init__(self, mode, before="", prelude=(), end=kill_tree):
        self.zygote = Zygote(mode, before, prelude)
        self.end = end

    def start(self, files, limits, judge):
        folder = Path(tempfile.mkdtemp())
        folder.chmod(0o777)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        ours, theirs = socket.socketpair()
        guest = self.zygote.start(folder, LOOP, limits=limits, fds=(theirs.fileno(), judge.fileno()))
        theirs.close()
        line = ours.makefile("rw")

        def run(source, seconds):
            line.write(json.dumps(source) + "\n")
            line.flush()
            status, text = json.loads(line.readline())
            return SimpleNamespace(status=status, outputs=[{"text": text}])

        return SimpleNamespace(run=run, kill=lambda: self.end(guest.inmate))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.zygote.close()


@pytest.fixture
def places(tmp_path):
    """A class and a course, open to everybody."""
    open_to_all(tmp_path)
    for name in ("class/submitted/ada", "class/gradebook.db", "course/solutions/secret.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if not path.suffix else path.write_text(name)
    for path in tmp_path.rglob("*"):
        path.chmod(0o777)
    return [tmp_path / "class", tmp_path / "class" / "gradebook.db", tmp_path / "course" / "solutions"]


@pytest.mark.parametrize("prelude", [(), ORDINARY], ids=["root", "ordinary user"])
@pytest.mark.parametrize("mode", [NAMESPACES, LANDLOCK], ids=lambda mode: mode.name)
def test_it_gets_nowhere(places, mode, prelude):
    before = _files(places)
    with Kernels(mode, "", prelude) as kernels:
        canary.prove(kernels, places)
    assert _files(places) == before, "it left something lying"


@pytest.mark.promise(
    "Before each batch a canary, a hand-in that tries to get out, is run the same way; if it gets anywhere, nothing "
    "is graded."
)
def test_it_cries_where_there_is_no_sandbox(places):
    with Kernels(NONE, "", ORDINARY) as kernels:
        wrong = canary.verdict(kernels, places)
        with pytest.raises(CourseError, match=r"does not hold .* could read .*things more.*Nothing was graded"):
            canary.prove(kernels, places)
    for words in (
        "read another submission", "change another submission", "read solutions (a folder of the course)",
        f"read {places[1]}", "write outside its folder", "reach TCP", "reach UDP", "reach a socket by its path",
        "reach a datagram socket by its path", "reach an abstract socket", "use vsock", "use the kernel's keys",
        "see processes outside",
    ):  # fmt: skip
        assert words in wrong, words


OPEN = "from autograder.sandbox import fork, landlock, namespaces, rootfs, seccomp, syscalls as sc\n"
CLASS = "fork.without = lambda shown, hidden, real=fork.without: real((*shown, Path({base!r})), hidden)\n"
WEAK = {
    "a readable class": (NAMESPACES, CLASS, ["read class (a folder of the course)"]),
    "a readable class, by Landlock": (LANDLOCK, CLASS, ["read class (a folder of the course)"]),
    "a writable class": (
        NAMESPACES, CLASS + "rootfs.make_read_only = lambda place: None", ["change solutions (a folder of the course)"],
    ),
    "a writable class, by Landlock": (
        LANDLOCK, CLASS + "landlock.EXECUTE = (1 << 13) - 1", ["change solutions (a folder of the course)"],
    ),
    "the host's network": (
        NAMESPACES, "namespaces.SPACES &= ~0x40000000; namespaces._loopback_up = lambda: None",
        ["reach TCP", "reach UDP", "reach an abstract socket", "use the network"],
    ),
    "the host's processes": (
        NAMESPACES, "rootfs._proc = lambda base: sc.mount('/proc', base + '/proc', flags=0x5000)",
        ["see processes outside"],
    ),
    "no filter": (
        NAMESPACES, "seccomp.install = lambda code: None",
        ["use vsock", "use the kernel's keys", "use io_uring", "make user namespaces",
         "make system calls that no hand-in needs"],
    ),
    "no filter, by Landlock": (
        LANDLOCK, "seccomp.install = lambda code: None; landlock.SIGNALS = 0",
        ["limit processes outside", "signal processes outside", "end another process", "reach UDP",
         "reach a socket by its path"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("weakness", WEAK)
def test_it_cries_where_one_thing_is_weak(places, tmp_path, weakness):
    mode, before, expected = WEAK[weakness]
    code = OPEN + before.replace("{base!r}", repr(str(tmp_path)))
    same_user = "signal processes outside" in expected  # as the canary's own process
    with Kernels(mode, code, () if same_user else ORDINARY) as kernels:
        wrong = canary.verdict(kernels, places)
    for words in expected:
        assert any(words in one for one in wrong), wrong


def test_it_cries_where_a_program_survives(places):
    def only_the_first(inmate):
        os.kill(inmate.pid, signal.SIGKILL)

    with Kernels(LANDLOCK, "", ORDINARY, end=only_the_first) as kernels:
        assert canary.verdict(kernels, places) == ["leave a program running after its end"]


@pytest.mark.parametrize(
    "run",
    [
        lambda source, seconds: SimpleNamespace(status="ok", outputs=[]),
        lambda source, seconds: SimpleNamespace(status="error", outputs=[{"evalue": "boom"}]),
        lambda source, seconds: SimpleNamespace(status="died", outputs=[{"text": "went through files"}]),
    ],
    ids=["silence", "error", "death"],
)
def test_a_canary_that_can_not_try_proves_nothing(places, run):
    kernels = SimpleNamespace(start=lambda *_: SimpleNamespace(run=run, kill=lambda: None))
    with pytest.raises(CourseError, match="can't be proved"):
        canary.prove(kernels, places)


@pytest.mark.parametrize(("then", "refused"), [([], False), (["use netlink"], True)], ids=["went through", "got out"])
def test_a_canary_that_breaks_is_sent_once_more(monkeypatch, then, refused):
    runs = iter([canary.Broken("no memory"), then])

    def verdict(kernels, paths, closed):
        found = next(runs)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(canary, "verdict", verdict)
    with pytest.raises(CourseError, match="netlink") if refused else contextlib.nullcontext():
        canary.prove(None, [])
    assert not list(runs)


def test_what_a_canary_did_before_it_broke_counts(places):
    def run(source, seconds):
        return SimpleNamespace(status="error", outputs=[{"text": "did: use netlink\n"}, {"evalue": "boom"}])

    kernels = SimpleNamespace(start=lambda *_: SimpleNamespace(run=run, kill=lambda: None))
    with pytest.raises(CourseError, match="could use netlink"):
        canary.prove(kernels, places)


@pytest.mark.promise("the course, or the temporary folder, on a path with spaces or a long one | the same |")
def test_temporary_folders_may_have_long_paths(places, tmp_path, monkeypatch):
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with Kernels(NONE, "", ORDINARY) as kernels:
        folder.chmod(0o755)
        wrong = canary.verdict(kernels, places)
    assert {"reach a socket by its path", "reach a datagram socket by its path"} <= set(wrong)


def test_what_a_killed_worker_had_laid_out_goes_with_the_next_canary(places):
    before = _files(places)
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom autograder.sandbox import canary\n"
        "with canary._traps([Path(p) for p in sys.argv[1:]]):\n    print(flush=True)\n    time.sleep(60)"
    )
    worker = subprocess.Popen([sys.executable, "-c", code, *map(str, places)], stdout=subprocess.PIPE)
    worker.stdout.readline()
    victims = tree(worker.pid)
    worker.kill()
    worker.wait()
    assert len(victims) == 2
    assert left_of(victims) == []
    assert _files(places) != before
    with canary._traps(places):
        pass
    assert _files(places) == before


def test_it_is_told_no_secret(places):
    with canary._traps(places) as traps:
        told = json.dumps(traps.told())
        assert not any(secret in told for secret in (*traps.plants.values(), traps.secret))
        assert len(traps.plants) == 3
        assert str(places[1]) in traps.files


@pytest.mark.parametrize("mode", [NAMESPACES, LANDLOCK], ids=lambda mode: mode.name)
def test_through_the_real_kernel(places, mode):
    from autograder.kernel.kernel import Kernels as Real

    if trial.works(mode):
        pytest.skip(trial.works(mode))
    with Real(mode, needs=()) as kernels:
        assert canary.verdict(kernels, places) == []


@pytest.mark.parametrize("mode", [NAMESPACES, LANDLOCK], ids=lambda mode: mode.name)
def test_it_finds_out_whether_what_is_closed_can_be_read(places, mode):
    from autograder.kernel.kernel import Kernels as Real

    if trial.works(mode):
        pytest.skip(trial.works(mode))
    closed = closed_paths({"helpers.nn": []})
    with Real(mode, needs=()) as kernels:
        assert any("helpers/nn" in words for words in canary.verdict(kernels, places, closed))
    with Real(mode, needs=(), closed={"helpers.nn": []}) as kernels:
        assert canary.verdict(kernels, places, closed) == []


@pytest.mark.parametrize("mode", [NAMESPACES, LANDLOCK], ids=lambda mode: mode.name)
def test_the_course_that_runs_here_is_out_of_sight(tmp_path, mode, monkeypatch):
    """Its own files are tried, but nothing is planted among them: other tests look there."""
    from autograder.kernel.kernel import Kernels as Real

    if trial.works(mode):
        pytest.skip(trial.works(mode))
    files = canary._files([REPOSITORY / "solutions", REPOSITORY / "tests"])
    assert len(files) == 2 * canary.FILES_TRIED
    monkeypatch.setattr(canary, "_files", lambda paths, helpers=True: files)
    with Real(mode, needs=()) as kernels:
        assert canary.verdict(kernels, [tmp_path]) == []


def _files(places):
    return {str(p): p.read_text() if p.is_file() else "" for place in places for p in [place, *place.rglob("*")]}
