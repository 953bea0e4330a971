"""How much code that is shut in may use, and that nothing of it is left afterwards."""

import errno
import os
import select
import sys
import time

import pytest

from autograder.sandbox import LANDLOCK, NAMESPACES, NONE, Limits, Usage, gone, kill_tree, tree_memory
from autograder.sandbox.tree import tree
from tests.autograder.sandboxed import ORDINARY, ROOT_WHOSE_PYTHON_ALL_SEE, Zygote, open_to_all

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox's modes are Linux's"),
    pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can play every user"),
]

PLACES = {
    "namespaces": (NAMESPACES, ()),
    "namespaces, ordinary user": (NAMESPACES, ORDINARY),
    "landlock, ordinary user": (LANDLOCK, ORDINARY),
    "none": (NONE, ORDINARY),
}
SHUT_IN = [name for name in PLACES if name != "none"]
MB = 1 << 20
LOADED = "import mmap; loaded = mmap.mmap(-1, 1 << 30, mmap.MAP_PRIVATE)"  # as torch does; a limit counts on top of it


@pytest.fixture(scope="module")
def zygotes():
    made = {}

    def get(name):
        if name not in made:
            mode, prelude = PLACES[name]
            made[name] = Zygote(mode, LOADED, prelude)
        return made[name]

    yield get
    for zygote in made.values():
        zygote.close()


@pytest.fixture
def folder(tmp_path):
    open_to_all(tmp_path, 0o777)
    return tmp_path


@pytest.mark.promise(
    "memory | 2 GB, each process by the kernel, all together watched, sockets and pipes counted as if they were full, "
    "and bounded by a cgroup where you may make one | the same | the same (not on macOS),"
)
@pytest.mark.parametrize("place", PLACES)
def test_memory_of_one_process(zygotes, folder, place):
    code = """
        held = [bytearray(100 << 20)]
        say("100")
        try:
            bytearray(500 << 20)
            say("600")
        except MemoryError:
            say("refused")
    """
    assert zygotes(place).run(folder, code, limits=Limits(memory_mb=300)) == ["100", "refused"]


@pytest.mark.promise("2 GB of memory, 64 processes, 256 MB of files,")
@pytest.mark.promise(
    "memory | 2 GB, each process by the kernel, all together watched, sockets and pipes counted as if they were full, "
    "and bounded by a cgroup where you may make one | the same | the same (not on macOS),"
)
@pytest.mark.parametrize("place", PLACES)
def test_memory_of_the_tree(zygotes, folder, place):
    code = """
        import time
        for _ in range(3):
            if not os.fork():
                held = os.urandom(1 << 20) * 100
                time.sleep(60)
        say("forked")
        time.sleep(60)
    """
    guest = zygotes(place).start(folder, code, limits=Limits(memory_mb=250))
    guest.next()
    assert _told(guest, Limits(memory_mb=250)) == "used more than 250 MB of memory"
    assert _told(guest, Limits(memory_mb=1000), seconds=0.3) == ""
    end = time.monotonic() + 30
    while tree_memory(guest.inmate.pid) <= 300 * MB and time.monotonic() < end:  # the last of them may still fill it
        time.sleep(0.01)
    assert 300 * MB < tree_memory(guest.inmate.pid) < 450 * MB
    _end(guest)


def test_memory_that_is_shared_counts_once(zygotes, folder):
    code = """
        import time
        held = os.urandom(1 << 20) * 100
        for _ in range(5):
            if not os.fork():
                time.sleep(60)
        say("forked")
        time.sleep(60)
    """
    guest = zygotes("namespaces").start(folder, code)
    guest.next()
    assert 100 * MB < tree_memory(guest.inmate.pid) < 180 * MB
    _end(guest)


@pytest.mark.promise("2 GB of memory, 64 processes, 256 MB of files,")
@pytest.mark.promise("processes, files | 64, 256 MB, by the kernel | 64, 256 MB, watched ten times a second | watched")
@pytest.mark.parametrize("place", SHUT_IN)
def test_memory_hidden_in_files(zygotes, folder, place):
    """What lies in files of the memory counts as disk, and can't be more than that."""
    code = """
        wrote = 0
        try:
            for i in range(15):
                for place in ("/dev/shm", os.environ["TMPDIR"], "."):
                    try:
                        with open(f"{place}/{i}", "wb") as file:
                            file.write(bytes(4 << 20))
                            wrote += 4
                    except PermissionError:
                        pass
        except OSError as error:
            say(error.errno)
        say(wrote)
    """
    zygote = zygotes(place)
    guest = zygote.start(folder, code, limits=Limits(disk_mb=40))
    said = guest.all()
    if place.startswith("namespaces"):
        assert said[0] == 28
        assert 20 <= said[1] <= 40
    else:  # the worker looks
        assert Usage(guest.inmate, Limits(disk_mb=40), folder).exceeded() == "wrote more than 40 MB of files"
    _end(guest)


@pytest.mark.promise("2 GB of memory, 64 processes, 256 MB of files,")
@pytest.mark.promise("processes, files | 64, 256 MB, by the kernel | 64, 256 MB, watched ten times a second | watched")
@pytest.mark.parametrize("place", SHUT_IN)
def test_many_processes(zygotes, folder, place):
    code = """
        import time
        made = 0
        try:
            for _ in range(1000):
                if not os.fork():
                    time.sleep(60)
                made += 1
        except OSError as error:
            say([made, error.errno])
        time.sleep(60)
    """
    limits = Limits(processes=16)
    guest = zygotes(place).start(folder, code, limits=limits)
    made, errno = guest.next()
    assert errno == 11
    if place.startswith("namespaces"):
        assert made == 15
    else:
        assert made < 500
        assert "processes and threads, where 16 are allowed" in _told(guest, limits)
    _end(guest)


@pytest.mark.promise(
    "root of a user namespace that allows no further ones (some rootless containers) | Landlock; cells can't start "
    "processes |"
)
def test_root_who_stays_root_starts_no_process(folder):
    """Nothing would count them. Threads work."""
    code = """
        import threading
        heard = []
        thread = threading.Thread(target=heard.append, args=(1,))
        thread.start(); thread.join()
        say(heard)
        try:
            os.fork()
        except OSError as error:
            say(error.errno)
        if os.uname().machine == "x86_64":
            import ctypes
            libc = ctypes.CDLL(None, use_errno=True)
            for number in (57, 58):
                said = libc.syscall(number)
                if said == 0:
                    os._exit(0)
                say([said, ctypes.get_errno()])
    """
    with Zygote(LANDLOCK, "from autograder.sandbox import landlock; landlock.may_drop = lambda room: False") as zygote:
        assert zygote.run(folder, code) in ([[1], 11, [-1, 11], [-1, 11]], [[1], 11])


def test_root_becomes_nobody_where_nobody_can_see_python(folder):
    """Its folder is given to nobody, and then it may start processes."""
    with Zygote(LANDLOCK, "", ROOT_WHOSE_PYTHON_ALL_SEE) as zygote:
        code = "open('mine', 'w').write('x'); say([os.getuid(), os.getgid(), os.getgroups(), os.system('exit 3') >> 8])"
        assert zygote.run(folder, code) == [[65534, 65534, [], 3]]
    assert (folder / "mine").stat().st_uid == 65534


@pytest.mark.parametrize("place", ["namespaces", "landlock, ordinary user"])
def test_processor_time(zygotes, folder, place):
    guest = zygotes(place).start(folder, "say(1)\nwhile True: pass", limits=Limits(cpu_s=1))
    guest.next()
    until = time.monotonic() + 60
    while not gone(guest.inmate) and time.monotonic() < until:
        time.sleep(0.02)
    assert gone(guest.inmate)
    _end(guest)


@pytest.mark.parametrize("place", PLACES)
def test_sizes_of_files_and_cores(zygotes, folder, place):
    code = """
        import resource
        try:
            with open("big", "wb") as file:
                for _ in range(10):
                    file.write(bytes(1 << 20))
                    file.flush()
        except OSError as error:
            say(error.errno)
        say(os.path.getsize("big") >> 20)
        say(resource.getrlimit(resource.RLIMIT_CORE))
        say(resource.getrlimit(resource.RLIMIT_NOFILE)[1] <= 256)
    """
    assert zygotes(place).run(folder, code, limits=Limits(file_mb=5)) == [27, 5, [0, 0], True]


DAEMON = """
    import time
    def daemon():
        if os.fork():
            return
        for again in range(2):
            try:
                os.setsid()
            except OSError:
                pass
            if os.fork():
                os._exit(0)
        for number in range(1, 65):
            try:
                __import__("signal").signal(number, __import__("signal").SIG_IGN)
            except (OSError, ValueError):
                pass
        say("daemon")
        while True:
            time.sleep(1)
    daemon()
"""


@pytest.mark.promise(
    "what is left over | the kernel ends all of it | one signal to a group that nobody can leave | as far as can be "
    "found"
)
@pytest.mark.parametrize("ends", ["is killed", "ends first"])
@pytest.mark.parametrize("place", PLACES)
def test_daemons_end_with_it(zygotes, folder, place, ends):
    if place == "none" and ends == "ends first":
        pytest.skip('nobody can tell in mode "none"')
    after = "time.sleep(60)" if ends == "is killed" else "time.sleep(0.3); os._exit(3)"
    guest = zygotes(place).start(folder, DAEMON + f"\n    {after}\n")
    assert guest.next() == "daemon"
    if ends == "ends first":
        time.sleep(0.6)
    _end(guest)


@pytest.mark.parametrize("place", SHUT_IN)
def test_daemons_count(zygotes, folder, place):
    """Who loses his parent stays in the tree that is weighed."""
    guest = zygotes(place).start(folder, DAEMON + "\n    time.sleep(60)\n")
    assert guest.next() == "daemon"
    until = time.monotonic() + 60
    while len(running := [pid for pid in tree(guest.inmate.pid) if not gone(pid)]) > 2 and time.monotonic() < until:
        time.sleep(0.02)  # those between the two are still leaving
    assert len(running) == 2
    _end(guest)


@pytest.mark.parametrize("place", SHUT_IN)
def test_a_fork_bomb_ends(zygotes, folder, place):
    code = """
        say("go")
        while True:
            try:
                os.fork()
            except OSError:
                pass
    """
    guest = zygotes(place).start(folder, code)
    guest.next()
    time.sleep(0.3)
    _end(guest)


@pytest.mark.parametrize("place", PLACES)
def test_it_ends_with_its_zygote(folder, place):
    mode, prelude = PLACES[place]
    zygote = Zygote(mode, "", prelude)
    guest = zygote.start(folder, "import time; say(os.getpid()); time.sleep(60)")
    guest.next()
    zygote.close()
    _silent(guest)
    guest.close()


def test_dozens_one_after_another(zygotes, folder):
    zygote = zygotes("namespaces")
    before = None
    for turn in range(40):
        assert zygote.run(folder, f"say({turn})") == [turn]
        before = before or zygote.last_descriptors
    assert zygote.last_descriptors == before
    assert len(tree(zygote.process.pid)) <= 3  # itself, its stub, and a last one to reap


@pytest.mark.promise("other processes | invisible | can't be signalled, traced or slowed |")
def test_two_at_once_do_not_see_each_other(zygotes, folder):
    zygote = zygotes("namespaces, ordinary user")
    first = zygote.start(folder, "import time; open('/tmp/mine', 'w').write('x'); say(1); time.sleep(60)")
    first.next()
    said = zygote.run(folder, "say([os.path.exists('/tmp/mine'), [n for n in os.listdir('/proc') if n.isdecimal()]])")
    assert said == [[False, ["1"]]]
    _end(first)


def test_calls_of_another_architecture_are_refused(zygotes, folder):
    """Thirty-two bit calls would go by other numbers; getpid is 20 there."""
    if os.uname().machine != "x86_64":
        pytest.skip("int 0x80 is x86's")
    code = """
        import ctypes, mmap
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))
        place = ctypes.addressof(ctypes.c_char.from_buffer(page))
        say("before")
        say(ctypes.CFUNCTYPE(ctypes.c_int)(place)())
    """
    if len(zygotes("none").run(folder, code)) < 2:
        pytest.skip("this kernel has no thirty-two bit calls")
    for place in SHUT_IN:
        assert zygotes(place).run(folder, code) == ["before", -errno.ENOSYS], place


def _told(guest, limits, seconds=60.0):
    until = time.monotonic() + seconds
    usage = Usage(guest.inmate, limits)
    while not (words := usage.exceeded()) and time.monotonic() < until:
        time.sleep(0.02)
    return words


def _end(guest):
    """Kill it; its pipe is at its end only when nobody holds it any more."""
    assert kill_tree(guest.inmate)
    _silent(guest)
    assert gone(guest.inmate)
    guest.close()


def _silent(guest, seconds=60.0):
    until = time.monotonic() + seconds
    while True:
        assert select.select([guest.heard], [], [], max(0, until - time.monotonic()))[0], "somebody is left"
        if not os.read(guest.heard, 65536):
            return
