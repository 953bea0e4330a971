"""What code that is shut in can reach: tried from inside, judged from outside where that is possible."""

import json
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.sandbox import LANDLOCK, NAMESPACES, NONE, kill_tree
from autograder.sandbox.rootfs import BLANK, DEVICES
from tests.autograder.sandboxed import (
    ORDINARY,
    REPOSITORY,
    ROOT_WHOSE_PYTHON_ALL_SEE,
    ROOT_WITHOUT_USER_NAMESPACES,
    Zygote,
    open_to_all,
)

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox's modes are Linux's"),
    pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can play every user"),
]

OLD = "from autograder.sandbox import landlock; landlock.NEWEST = "
PLACES = {
    "namespaces, root": (NAMESPACES, (), ""),
    "namespaces, ordinary user": (NAMESPACES, ORDINARY, ""),
    "namespaces, root without user namespaces": (NAMESPACES, ROOT_WITHOUT_USER_NAMESPACES, ""),
    "landlock, root": (LANDLOCK, (), ""),
    "landlock, root who becomes nobody": (LANDLOCK, ROOT_WHOSE_PYTHON_ALL_SEE, ""),
    "landlock, ordinary user": (LANDLOCK, ORDINARY, ""),
    "landlock, root where nobody else exists": (LANDLOCK, (*ORDINARY, "unshare", "-Ur"), ""),
    "landlock of Linux 5.13": (LANDLOCK, ORDINARY, OLD + "1"),
    "landlock without scopes": (LANDLOCK, ORDINARY, OLD + "5"),
}

# Each is an attempt that must raise an OSError (or say "").
PROBES = {
    "read a file of the class": "open(base + '/gradebook.db').read()",
    "list the class": "os.listdir(base)",
    "list the course": "[n for n in os.listdir(repository) if n not in ('.venv', 'helpers')]",
    "read the course": "open(repository + '/README.md').read()",
    "read the solutions": "os.listdir(repository + '/solutions')",
    "read the grader": "open(repository + '/autograder/sandbox/fork.py').read()",
    "read through /proc/1/root": "'' if os.getpid() == 1 else os.listdir('/proc/1/root')",
    "read the host's passwords": "open('/etc/shadow').read()",
    "list home folders": "os.listdir('/home') + os.listdir('/var/log')",
    "see other environments": "environments()",
    "write beside its folder": "open(base + '/planted', 'w').write('x')",
    "change the gradebook": "open(base + '/gradebook.db', 'a').write('x')",
    "cut the gradebook off": "os.truncate(base + '/gradebook.db', 0)",
    "remove the gradebook": "os.remove(base + '/gradebook.db')",
    "move the gradebook": "os.rename(base + '/gradebook.db', 'mine.db')",
    "link the gradebook": "os.link(base + '/gradebook.db', 'mine.db')",
    "set attributes": "os.setxattr(base + '/gradebook.db', 'user.x', b'x')",
    "write to /dev/shm of the host": "open('/dev/shm/' + token, 'w').write('x') if MODE == 'landlock' else ''",
    "write to /usr": "open('/usr/' + token, 'w').write('x')",
    "write to helpers": "open(repository + '/helpers/' + token, 'w').write('x')",
    "write to the environment of Python": "open(os.path.dirname(sys.executable) + '/' + token, 'w').write('x')",
    "write to the new root": "open('/' + token, 'w').write('x')",
    "make a device": "os.mknod('null', 0o20666, os.makedev(1, 3))",
    "write a setting": "os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY)",
    "write a setting of its own": "os.open('/proc/sys/vm/overcommit_memory', os.O_RDWR)",
    "press keys": "os.open('/proc/sysrq-trigger', os.O_WRONLY)",
    "read kernel symbols": "open('/proc/kcore', 'rb').read(4)",
    "read kernel messages": "open('/dev/kmsg', 'rb').read(4)",
    "read the disk": "open('/dev/vda', 'rb').read(4)",
    "connect to a TCP port": "socket.create_connection(('127.0.0.1', tcp), 1)",
    "connect outside": "socket.create_connection(('1.1.1.1', 53), 1)",
    "send a datagram": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'out', ('1.1.1.1', 53))",
    "connect to a socket by path": "socket.socket(socket.AF_UNIX).connect(base + '/sock')",
    "connect to an abstract socket": "socket.socket(socket.AF_UNIX).connect(chr(0) + token)",
    "send on a pair's socket": "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', base + '/gram')",
    "send on a pair's socket abstractly":
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', chr(0) + token + 'gram')",
    "use vsock": "socket.socket(40, socket.SOCK_STREAM)",
    "use netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "use packets": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "use the kernel's ciphers": "socket.socket(38, socket.SOCK_SEQPACKET)",
    "use keys": "call(250, 0, -3, 0)",
    "add a key": "call(248, b'user', b'x', b'x', 1, -3)",
    "use io_uring": "call(425, 1, None)",
    "use bpf": "call(321, 0, None, 0)",
    "watch performance": "call(298, None, 0, -1, -1, 0)",
    "trace": "call(101, 0, 0, 0, 0)",
    "read another's memory": "call(310, victim, None, 0, None, 0, 0)",
    "handle page faults": "call(323, 0)",
    "make a user namespace": "call(272, 0x10000000)",
    "make a user namespace by clone": "call(56, 0x10000000 | 17, 0, 0, 0, 0)",
    "mount": "call(165, b'none', b'/tmp', b'tmpfs', 0, 0)",
    "open a mount": "call(428, -100, b'/', 1)",
    "open by handle": "call(304, 0, None, 0)",
    "hide memory in a file": "os.memfd_create('x')",
    "hide memory in IPC": "call(29, 0, 1 << 20, 0o1600)",
    "use a number of another kind": "call(0x40000000 | 39)",
    "make calls that are not known yet": "call(463, -100, b'/tmp', 0, b'user.x', None, 0)",
    "type for others": "fcntl.ioctl(0, 0x5412, b'x')",
    "stay when the zygote dies": "prctl(1, 0)",
    "let go of its children": "prctl(36, 0)",
    "signal another process": "os.kill(victim, 15)",
    "signal everybody": "'' if MODE == 'namespaces' else os.kill(-1, 0)",
    "signal by a file": "own(victim)",
    "limit another process": "resource.prlimit(victim, resource.RLIMIT_CPU, (1, 1))",
    "slow another process": "os.setpriority(os.PRIO_PROCESS, victim, 19)",
    "pin another process": "os.sched_setaffinity(victim, {0})",
    "see another process": "os.listdir(f'/proc/{victim}')",
    "raise a limit": "raised()",
    "regain rights": "os.setuid(0) if os.getuid() else os.setuid(12345)",
    "find descriptors": "[fd for fd in range(3, 2000) if is_open(fd)][1:]",
}  # fmt: skip

# A descriptor of the zygote's that is higher than the room's limit.
HIGH = "\nos.dup2(0, 1000)"
INSIDE = """
import ctypes, errno, fcntl, glob, json, os, resource, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
globals().update(json.loads(GIVEN))

def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "call")
    return result

def call(*values):
    return checked(libc.syscall(*[ctypes.c_long(v) if isinstance(v, int) else v for v in values]))

def prctl(*values):
    return checked(libc.prctl(*values, 0, 0, 0))

def is_open(fd):
    try:
        os.fstat(fd)
        return True
    except OSError:
        return False

def own(pid):
    a, b = socket.socketpair()
    fcntl.fcntl(a, fcntl.F_SETOWN, pid)
    fcntl.fcntl(a, 10, 15)
    fcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC)
    b.send(b"x")

def environments():
    seen = b""
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                seen += open("/proc/" + name + "/environ", "rb").read()
            except OSError:
                pass
    return token if token.encode() in seen else ""

def raised():
    resource.setrlimit(resource.RLIMIT_CPU, (10**6, 10**6))

said = {}
for name, probe in json.loads(PROBES).items():
    try:
        said[name] = ["did", repr(eval(probe)).strip("'[]")]
    except OSError as error:
        said[name] = ["failed", errno.errorcode.get(error.errno, str(error))]
    except ValueError as error:
        said[name] = ["failed", str(error)]
for name in ("chmod", "utime"):
    try:
        os.chmod(base + "/gradebook.db", 0o777) if name == "chmod" else os.utime(base + "/gradebook.db", (1, 1))
    except OSError:
        pass
say(said)
"""


def _try(mode, prelude, before, base):
    """What code found out in a place, and the traces that it left outside."""
    token = secrets.token_hex(16)
    for folder in (base, base / "k"):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
    open_to_all(base, base.stat().st_mode)
    gradebook = base / "gradebook.db"
    gradebook.write_text(token)
    gradebook.chmod(0o666)
    os.utime(gradebook, (1000, 1000))
    (base / "k" / "data.csv").write_text("1,2")
    servers = [socket.create_server(("127.0.0.1", 0))]
    for address, kind in ((f"{base}/sock", 1), (f"\0{token}", 1), (f"{base}/gram", 2), (f"\0{token}gram", 2)):
        servers.append(socket.socket(socket.AF_UNIX, kind))
        servers[-1].bind(address)
        if kind == 1:
            servers[-1].listen()
    for name in ("sock", "gram"):
        (base / name).chmod(0o777)
    user = {"user": 64321, "group": 64321} if prelude == ORDINARY else {}
    victim = subprocess.Popen(["sleep", "100"], env={"TOKEN": token}, **user)
    niceness = os.getpriority(os.PRIO_PROCESS, victim.pid)
    given = {"base": str(base), "repository": str(REPOSITORY), "token": token, "MODE": mode.name,
             "victim": victim.pid, "tcp": servers[0].getsockname()[1]}  # fmt: skip
    code = f"GIVEN = {json.dumps(given)!r}\nPROBES = {json.dumps(PROBES)!r}\n" + INSIDE
    with Zygote(mode, before + HIGH, prelude, {"TOKEN": token}) as zygote:
        try:
            said = zygote.run(base / "k", code)
        finally:
            alive = victim.poll() is None and os.getpriority(os.PRIO_PROCESS, victim.pid) == niceness
            victim.kill()
            victim.wait()
    heard = [_heard(server) for server in servers]
    return {"said": said[-1], "gradebook": gradebook, "token": token, "heard": heard, "victim": alive, "base": base}


def _heard(server):
    server.setblocking(False)
    with server:
        try:
            return bool(server.accept() if server.type == socket.SOCK_STREAM else server.recv(10))
        except BlockingIOError:
            return False


@pytest.fixture(scope="module", params=PLACES)
def found(request, tmp_path_factory):
    return _try(*PLACES[request.param], tmp_path_factory.mktemp("a class"))


@pytest.mark.promise("which K can't reach:")
@pytest.mark.promise(
    "Hidden tests, model solutions, right answers of multiple choice, points and the gradebook never enter K."
)
@pytest.mark.promise(
    "namespaces | Landlock | none (`--unsafe`) needs | Linux with user namespaces, or root | Linux 5.13 or newer "
    "with Landlock | Linux or macOS"
)
@pytest.mark.promise(
    "files it can read | the system's programs, Python, and `helpers` without what is closed; nothing else exists "
    "| the same;"
)
@pytest.mark.promise("files it can write | its own memory disk, gone afterwards | its own folder |")
@pytest.mark.promise("network | only itself | none |")
@pytest.mark.promise("other processes | invisible | can't be signalled, traced or slowed |")
@pytest.mark.promise(
    "root of a user namespace that allows no further ones (some rootless containers) | Landlock; cells can't start "
    "processes |"
)
def test_it_can_not(found):
    assert found["said"].keys() == PROBES.keys()
    assert {probe: what for probe, (outcome, what) in found["said"].items() if outcome != "failed" and what} == {}
    assert found["said"]["type for others"][1] == "EPERM"
    # Refused by the filter, not for arguments that make no sense.
    calls = {probe: found["said"][probe][1] for probe in PROBES if "call(" in PROBES[probe]}
    assert {probe: what for probe, what in calls.items() if what not in ("EPERM", "ENOSYS")} == {}


@pytest.mark.slow
def test_outside_nothing_changed(found):
    gradebook = found["gradebook"]
    assert gradebook.read_text() == found["token"]
    assert (gradebook.stat().st_mode & 0o777, gradebook.stat().st_mtime) == (0o666, 1000)
    assert {p.name for p in found["base"].iterdir()} == {"k", "gradebook.db", "sock", "gram"}
    for place in ("/usr", "/dev/shm", "/", str(REPOSITORY / "helpers"), str(Path(sys.executable).parent)):
        assert not Path(place, found["token"]).exists()
    assert found["heard"] == [False] * 5
    assert found["victim"]


@pytest.mark.promise("files it can write | its own memory disk, gone afterwards | its own folder |")
@pytest.mark.promise("Linux as root | namespaces; the code runs as nobody |")
@pytest.mark.parametrize("place", [place for place in PLACES if place.startswith("namespaces")])
def test_two_things_keep_it_from_settings(place, tmp_path):
    """It is nobody, or the instructor, but never root; and /proc/sys is read-only, whoever it is."""
    open_to_all(tmp_path)
    mode, prelude, before = PLACES[place]
    with Zygote(mode, before, prelude) as zygote:
        code = "import time\nfor line in open('/proc/self/mountinfo'): say(line.split()[4:6])\nsay(0); time.sleep(60)"
        guest = zygote.start(tmp_path, code)
        mounts = dict(iter(guest.next, 0))
        lines = Path(f"/proc/{guest.inmate.pid}/status").read_text().splitlines()
        users = [line.split()[1:] for line in lines if line.startswith(("Uid:", "Gid:", "Groups:"))]
        assert kill_tree(guest.inmate)
        guest.close()
    for name in ("/", "/usr", "/proc/sys", str(REPOSITORY / "helpers")):
        assert mounts[name].split(",")[0] == "ro", name
        assert "nosuid" in mounts[name] or name == "/proc/sys"
    assert {place for place, flags in mounts.items() if flags.startswith("rw")} <= {
        "/scratch", "/tmp", "/dev/shm", "/proc", *(f"/dev/{name}" for name in DEVICES),
        *(f"/proc/{name}" for name in BLANK),
    }  # fmt: skip
    expected = "64321" if prelude == ORDINARY else "65534"
    assert users == [[expected] * 4] * 2 + [[]]


# What an ordinary user is refused anyway; the second line: what comes after the file is gone.
REFUSED_TO_ALL = {
    "read through /proc/1/root", "read the host's passwords", "write to /usr", "write to helpers",
    "write to the new root",
    "move the gradebook", "link the gradebook", "set attributes", "write to /dev/shm of the host",
    "write to the environment of Python", "make a device", "write a setting", "write a setting of its own",
    "press keys", "read kernel symbols", "read kernel messages", "read the disk", "use packets", "mount",
    "use the kernel's ciphers", "make a user namespace by clone", "open a mount", "handle page faults",
    "use a number of another kind", "make calls that are not known yet", "type for others", "raise a limit",
    "regain rights", "connect outside", "send a datagram",
}  # fmt: skip


def test_the_probes_find_what_is_open(tmp_path):
    """Without a sandbox they get through: none of them fails for a reason of its own."""
    found = _try(NONE, ORDINARY, "", tmp_path)
    for probe in set(PROBES) - REFUSED_TO_ALL:
        outcome, what = found["said"][probe]
        got_through = outcome == "did" and what != ""
        assert got_through or ("call(" in PROBES[probe] and what in ("EFAULT", "EINVAL")), (probe, what)
    assert found["heard"] == [True] * 5
    assert not found["victim"]
    assert not found["gradebook"].exists()
