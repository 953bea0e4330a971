"""What honest code does works where it is shut in, and what can't work fails fast and in words."""

import os
import sys
import textwrap

import pytest

from autograder.sandbox import LANDLOCK, NAMESPACES, NONE
from tests.autograder.sandboxed import ORDINARY, Zygote, open_to_all

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox's modes are Linux's"),
    pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can play every user"),
]
PLACES = {
    "namespaces, root": (NAMESPACES, ()),
    "namespaces, ordinary user": (NAMESPACES, ORDINARY),
    "landlock, ordinary user": (LANDLOCK, ORDINARY),
    "none": (NONE, ORDINARY),
}


@pytest.fixture(scope="module")
def zygotes():
    made = {name: Zygote(mode, "", prelude) for name, (mode, prelude) in PLACES.items()}
    yield made
    for zygote in made.values():
        zygote.close()


@pytest.fixture
def folder(tmp_path):
    open_to_all(tmp_path, 0o777)
    (tmp_path / "data.csv").write_text("1,2\n")
    return tmp_path


WORKS = {
    "its files": 'open("data.csv").read()',
    "its folder": '[os.mkdir("d"), open("d/f", "w").write("x"), os.rename("d/f", "g"), os.path.exists("g")][-1]',
    "copies": '__import__("shutil").copy("data.csv", "copy.csv")',
    "copies with times": '__import__("shutil").copy2("data.csv", "copy2.csv")',
    "temporary files": '__import__("tempfile").TemporaryFile("w").write("x")',
    "temporary folders": '[os.path.isdir(d) for d in [__import__("tempfile").mkdtemp()]]',
    "home": 'open(os.path.expanduser("~/x"), "w").write("x")',
    "lazy imports": '__import__("sqlite3").connect(":memory:").execute("select 6 * 7").fetchone()[0]',
    "helpers": '__import__("helpers.train").__name__',
    "a module of the student's": '[open("mine.py", "w").write("y = 3"), sys.path.insert(0, ""), __import__("mine").y]',
    "mode bits": 'os.chmod("copy.csv", 0o600)',
    "threads": '__import__("concurrent.futures").futures.ThreadPoolExecutor(4).submit(lambda: 3).result()',
    "asyncio": '__import__("asyncio").run(__import__("asyncio").sleep(0, 5))',
    "programs": '__import__("subprocess").run(["ls"], capture_output=True, text=True, check=True).stdout',
    "shells": 'os.popen("echo hello | cat").read()',
    "Python": '__import__("subprocess").check_output([sys.executable, "-c", "import numpy; print(1)"], text=True)',
    "interrupting itself": 'interrupted()',
    "users": '__import__("getpass").getuser()',
    "random numbers": 'len(os.urandom(5))',
    "the time": '__import__("time").localtime().tm_year > 2000',
    "the processors": 'os.cpu_count() > 0',
    "copies by the kernel": 'copied()',
    "a file in parts": 'in_parts()',
    "locks": 'locked(open("lock", "w"))',
    "names": '[os.symlink("data.csv", "s"), os.link("copy.csv", "l"), os.mkfifo("p"), os.readlink("s")][-1]',
    "databases": '__import__("sqlite3").connect("x.db").execute("pragma journal_mode=wal").fetchone()',
    "archives": '[shutil.make_archive("a", "zip", "."), shutil.unpack_archive("a.zip", "u"), os.listdir("u")]',
    "trees": '[shutil.copytree("u", "v"), shutil.rmtree("v"), shutil.disk_usage(".").total > 0]',
    "memory in files": 'mapped()',
    "arrays in files": '[np.save("a", np.ones(5)), float(np.load("a.npy", mmap_mode="r+").sum())]',
    "linear algebra": 'float(np.linalg.norm(np.ones((300, 300)) @ np.ones((300, 300)))) > 0',
    "timers": 'rung()',
    "signals": 'signalled()',
    "waiting for several": 'polled()',
    "events and timers as files": '[os.eventfd_read(os.eventfd(3)), hasattr(os, "timerfd_create") and tick()]',
    "children": '[os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)[1], os.spawnlp(os.P_WAIT, "true", "true")]',
    "an end by abort": '__import__("subprocess").run([sys.executable, "-c", "import os; os.abort()"]).returncode == -6',
    "pairs of sockets": '[a.sendall(b"x") or b.recv(1) for a, b in [__import__("socket").socketpair()]]',
    "what a shell has": '__import__("subprocess").check_output(SHELL, shell=True)',
    "what it is": '[os.getuid(), os.getgroups(), os.getsid(0), os.getpriority(0, 0), os.nice(1), os.uname()]',
    "its processor": '[os.sched_setaffinity(0, os.sched_getaffinity(0)), os.sched_getscheduler(0), os.sched_yield()]',
    "its limits": '[resource.prlimit(0, resource.RLIMIT_CORE), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0]',
    "where it crashes": '[faulthandler.dump_traceback_later(9, file=f) for f in [open("f", "w")]]',
    "callbacks from C": 'called_back()',
    "the terminal that is not there": '[os.isatty(0), shutil.get_terminal_size()]',
    "encryption and hashes": '[__import__("ssl").create_default_context() and 1, __import__("uuid").uuid1() and 1]',
    "a locale": '__import__("locale").setlocale(__import__("locale").LC_ALL, "")',
    "asking to end with its parent": 'ctypes.CDLL(None).prctl(1, 2, 0, 0, 0) == 0 or 1 // 0',
}  # fmt: skip
SHELL = """set -e; for i in 1 2; do echo $i; done | sort | tail -1; cp -a data.csv w; tar cf w.tar w; tar xf w.tar
gzip -kf w; dd if=w of=w1 2>&1; touch w1; mv w1 w2; rm w2; nice; find . | wc -l; env; id -u; date; sync"""
# What Landlock leaves to the filter, and the filter refuses beside it.
WORKS_ALONE = {
    "pools, forked": '[pool.map(abs, [-1, 2]) for pool in [multiprocessing.get_context("fork").Pool(2)]]',
    "pools, spawned": '[pool.map(abs, [-1, 2]) for pool in [multiprocessing.get_context("spawn").Pool(1)]]',
    "pools by a server": '[pool.map(abs, [-1, 2]) for pool in [multiprocessing.get_context("forkserver").Pool(1)]]',
    "managers": '[m.dict(a=1).copy() for m in [multiprocessing.get_context("fork").Manager()]]',
    "executors": 'list(concurrent.futures.ProcessPoolExecutor(1).map(abs, [-1]))',
    "shared memory": '[m.unlink() for m in [multiprocessing.shared_memory.SharedMemory(None, True, 9)]]',
    "sessions": '__import__("subprocess").run(["true"], start_new_session=True, check=True).returncode',
    "programs beside asyncio": 'asyncio.run(started())',
    "servers": 'served(socket.create_server(("127.0.0.1", 0)))',
    "servers of the new kind": 'served(socket.create_server(("::1", 0), family=socket.AF_INET6))',
    "servers by a path": '[s.bind("path") or s.listen() or served(s) for s in [socket.socket(socket.AF_UNIX)]]',
    "datagrams": '[s.bind(("127.0.0.1", 0)) or s.sendto(b"x", s.getsockname()) for s in [socket.socket(type=2)]]',
    "attributes": 'os.setxattr("copy.csv", "user.x", b"1") or os.getxattr("copy.csv", "user.x")',
}  # fmt: skip
CODE = """
import signal, sys
def interrupted():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        __import__("time").sleep(1)
    except KeyboardInterrupt:
        return "interrupted"

import asyncio, concurrent.futures, ctypes, faulthandler, fcntl, mmap, multiprocessing.shared_memory, resource, select
import shutil, socket, time
import numpy as np

def copied():
    a, b = os.open("data.csv", os.O_RDONLY), os.open("copied", os.O_WRONLY | os.O_CREAT)
    sent = [os.sendfile(b, a, 0, 2), os.copy_file_range(a, b, 2), os.splice(a, os.pipe()[1], 2)]
    return sent if sent[:2] == [2, 2] else 1 // 0

def in_parts():
    f = os.open("parts", os.O_RDWR | os.O_CREAT)
    os.posix_fallocate(f, 0, 100); os.posix_fadvise(f, 0, 0, os.POSIX_FADV_DONTNEED); os.fsync(f); os.fdatasync(f)
    os.ftruncate(f, 10); os.truncate("parts", 5); os.pwritev(f, [b"q"], 1); os.lockf(f, os.F_LOCK, 0)
    os.sync(); os.dup2(f, f + 5); os.closerange(f + 4, f + 8)
    return os.pread(f, 2, 0) == b"\\0q" or 1 // 0, os.access("parts", os.R_OK, effective_ids=True), os.statvfs(f)

def locked(file):
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB); fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return fcntl.fcntl(file, fcntl.F_GETFD), fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 50)

def mapped():
    with open("mapped", "w+b") as file:
        file.truncate(9999)
        m = mmap.mmap(file.fileno(), 0)
        m[0] = 1; m.flush(); m.madvise(mmap.MADV_WILLNEED); m.resize(20000)
        return m.size()

def rung():
    rings = []
    signal.signal(signal.SIGALRM, lambda *_: rings.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    while not rings: time.sleep(0.01)
    return signal.alarm(1), signal.alarm(0), signal.getitimer(0)

def signalled():
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    os.kill(os.getpid(), signal.SIGUSR1); signal.raise_signal(signal.SIGUSR1); os.killpg(0, signal.SIGUSR1)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    signal.pthread_kill(__import__("threading").get_ident(), signal.SIGUSR2)
    return signal.sigwait([signal.SIGUSR2]), signal.sigtimedwait([signal.SIGUSR2], 0), signal.sigpending()

def polled():
    r, w = os.pipe()
    os.write(w, b"x")
    e, p = select.epoll(), select.poll()
    e.register(r); p.register(r)
    return len(e.poll(0)) == len(p.poll(0)) == len(select.select([r], [], [], 0)[0]) == 1 or 1 // 0

def tick():
    f = os.timerfd_create(time.CLOCK_MONOTONIC)
    os.timerfd_settime(f, initial=0.001)
    return len(os.read(f, 8))

def called_back():
    numbers, order = (ctypes.c_int * 2)(2, 1), ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    ctypes.CDLL(None).qsort(numbers, 2, 4, order(lambda a, b: 1))
    return list(numbers)

async def started():
    program = await asyncio.create_subprocess_exec("echo", "x", stdout=-1)
    return (await program.communicate())[0] == b"x\\n" or 1 // 0, await asyncio.to_thread(abs, -3)

def served(server):
    with socket.socket(server.family) as client:
        client.connect(server.getsockname())
        client.sendall(b"x")
        return server.accept()[0].recv(1) == b"x" or 1 // 0

for name, what in WORKS.items():
    try:
        say([name, "works", repr(eval(what))])
    except Exception as error:
        say([name, "fails", f"{type(error).__name__}: {error}"])
"""


@pytest.mark.promise("the system's programs, Python, and `helpers`")
@pytest.mark.promise("`multiprocessing` in a hand-in | works |")
@pytest.mark.promise(
    "In both sandboxes a filter lets through the system calls that Python, numpy, torch, matplotlib and the programs "
    "of a shell make,"
)
@pytest.mark.parametrize("place", PLACES)
def test_what_works(zygotes, folder, place):
    works = WORKS if place.startswith("landlock") else WORKS | WORKS_ALONE
    said = zygotes[place].run(folder, f"WORKS, SHELL = {works!r}, {SHELL!r}\n{CODE}", env={"USER": "ada"}, seconds=40)
    assert [answer for answer in said if answer[1] != "works"] == []
    assert [name for name, _, _ in said] == list(works)


@pytest.mark.parametrize("place", PLACES)
def test_the_environment_is_ours(zygotes, folder, place):
    ((environment, folders),) = zygotes[place].run(
        folder, "say([dict(os.environ), os.getcwd()])", env={"COURSE_SIZE": "quick"}
    )
    assert environment.pop("COURSE_SIZE") == "quick"
    assert set(environment) == {
        "PATH", "HOME", "TMPDIR", "LANG", "MPLCONFIGDIR", "MPLBACKEND", "PYTHONDONTWRITEBYTECODE", "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    }  # fmt: skip
    assert folders == ("/scratch/work" if place.startswith("namespaces") else str(folder))


@pytest.mark.promise("and no network.")
@pytest.mark.parametrize("place", [place for place in PLACES if place != "none"])
def test_the_network_is_missed_at_once(zygotes, folder, place):
    code = """
        import time, urllib.request
        began = time.monotonic()
        try:
            urllib.request.urlopen("https://pypi.org", timeout=60)
        except OSError as error:
            say([time.monotonic() - began, type(error).__name__])
    """
    ((seconds, _),) = zygotes[place].run(folder, code)
    assert seconds < 30  # half of what it would have waited for an answer


@pytest.mark.promise("files it can write | its own memory disk, gone afterwards | its own folder |")
def test_what_it_wrote_stays_inside(zygotes, folder):
    zygotes["namespaces, root"].run(folder, "open('new', 'w').write('x'); os.remove('data.csv')")
    assert [p.name for p in folder.iterdir()] == ["data.csv"]


@pytest.mark.promise("network | only itself | none |")
def test_servers_of_its_own(zygotes, folder):
    code = """
        import socket
        server = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(server.getsockname())
        client.send(b"hello")
        say(server.accept()[0].recv(10).decode())
    """
    assert zygotes["namespaces, ordinary user"].run(folder, code) == ["hello"]


@pytest.mark.promise("`multiprocessing` in a hand-in | works |")
def test_a_pool_of_processes(zygotes, folder):
    code = """
        import multiprocessing
        with multiprocessing.get_context("fork").Pool(2) as pool:
            say(pool.map(abs, [-1, -2]))
    """
    assert zygotes["namespaces, root"].run(folder, code) == [[1, 2]]


@pytest.mark.promise(
    "In both sandboxes a filter lets through the system calls that Python, numpy, torch, matplotlib and the programs "
    "of a shell make,"
)
@pytest.mark.parametrize("mode", [NAMESPACES, LANDLOCK], ids=lambda mode: mode.name)
def test_torch_in_a_warm_zygote(folder, mode):
    """Training, and a DataLoader with a process of its own, after a fork from a process that has used torch."""
    before = """
import torch
torch.set_num_threads(1)
layer = torch.nn.Linear(3, 2)
layer(torch.ones(1, 3)).sum().backward()
"""
    code = """
        import torch
        from torch.utils.data import DataLoader
        layer = torch.nn.Linear(3, 2)
        optimizer = torch.optim.Adam(layer.parameters())
        layer(torch.ones(4, 3)).sum().backward()
        say(layer.bias.grad.tolist())
        optimizer.step()
        torch.save(layer.state_dict(), "layer.pt")
        say(sorted(torch.load("layer.pt")))
        if MODE == "namespaces":
            say(torch.ones(3).share_memory_().tolist())
            say(sum(int(x) for x in DataLoader(range(5), num_workers=1)))
    """
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with Zygote(mode, before, ORDINARY, environment=threads) as zygote:
        said = zygote.run(folder, f"MODE = {mode.name!r}\n" + textwrap.dedent(code), seconds=40)
        assert said == [[4.0, 4.0], ["bias", "weight"], *([[1.0] * 3, 10] if mode is NAMESPACES else [])]
