"""What honest code does works where it is shut in, and what can't work fails fast and in words."""

import os
import sys
import time

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
}  # fmt: skip
CODE = """
import signal, sys
def interrupted():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        __import__("time").sleep(1)
    except KeyboardInterrupt:
        return "interrupted"

for name, what in WORKS.items():
    try:
        say([name, "works", repr(eval(what))])
    except Exception as error:
        say([name, "fails", f"{type(error).__name__}: {error}"])
"""


@pytest.mark.parametrize("place", PLACES)
def test_what_works(zygotes, folder, place):
    said = zygotes[place].run(folder, f"WORKS = {WORKS!r}\n{CODE}", env={"USER": "ada"}, seconds=40)
    assert [name for name, _, _ in said] == list(WORKS)
    assert [answer for answer in said if answer[1] != "works"] == []


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
    assert seconds < 2


def test_what_it_wrote_stays_inside(zygotes, folder):
    zygotes["namespaces, root"].run(folder, "open('new', 'w').write('x'); os.remove('data.csv')")
    assert [p.name for p in folder.iterdir()] == ["data.csv"]


def test_servers_of_its_own(zygotes, folder):
    code = """
        import socket
        server = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(server.getsockname())
        client.send(b"hello")
        say(server.accept()[0].recv(10).decode())
    """
    assert zygotes["namespaces, ordinary user"].run(folder, code) == ["hello"]


def test_a_pool_of_processes(zygotes, folder):
    code = """
        import multiprocessing
        with multiprocessing.get_context("fork").Pool(2) as pool:
            say(pool.map(abs, [-1, -2]))
    """
    assert zygotes["namespaces, root"].run(folder, code) == [[1, 2]]


def test_torch_in_a_warm_zygote(folder):
    """Autograd, and a DataLoader with a process of its own, after a fork from a process that has used torch."""
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
        layer(torch.ones(4, 3)).sum().backward()
        say(layer.bias.grad.tolist())
        say(sum(int(x) for x in DataLoader(range(5), num_workers=1)))
    """
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with Zygote(NAMESPACES, before, environment=threads) as zygote:
        began = time.monotonic()
        assert zygote.run(folder, code, seconds=40) == [[4.0, 4.0], 10]
        assert time.monotonic() - began < 30
