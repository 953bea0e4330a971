"""The cells of the hand-in that tries to get out. A line "did: …" finishes the sentence "a test submission could …"."""

GIVEN = "canary.json"

_BEGIN = f"""
import ctypes, json, os, socket
given = json.load(open({GIVEN!r}))

def attempt(words, what):
    try:
        found = what()
    except (OSError, AttributeError):
        return
    print("did:", words)
    if isinstance(found, str):
        print(found)

"""

CELLS = {
    "files": _BEGIN
    + """
def given_file():
    open("mine.txt", "w").write("mine")
    return "mine.txt"

for name in given["files"]:
    attempt("read " + name, lambda: open(name, "rb").read(1) and None)
for name in given["plants"]:
    folder = os.path.dirname(name)
    attempt("read files of the class or the course", lambda: open(name).read())
    attempt("list folders of the class or the course", lambda: os.listdir(folder))
    attempt("make files among the class's or the course's", lambda: open(os.path.join(folder, "new"), "w"))
    attempt("link files of the class or the course", lambda: os.link(name, "taken.txt"))
    attempt("cut off files of the class or the course", lambda: os.truncate(name, 0))
    attempt("write files of the class or the course", lambda: open(name, "a").write("changed"))
    attempt("replace files of the class or the course", lambda: os.replace(given_file(), name))
    attempt("remove files of the class or the course", lambda: os.remove(name))
attempt("write outside its folder", lambda: open(os.path.join(given["base"], "new"), "w"))
attempt("change the system's settings", lambda: os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY)))
if hasattr(os, "O_TMPFILE"):  # a file without a name, which is gone when it is closed
    python = os.path.dirname(os.__file__)
    attempt("change Python's own files", lambda: os.close(os.open(python, os.O_TMPFILE | os.O_WRONLY)))
print("went through files")
""",
    "processes": """
def seen():
    found = ""
    for name in os.listdir("/proc"):
        for what in ("environ", "cmdline"):
            try:
                found += open("/proc/" + name + "/" + what, errors="replace").read()
            except OSError:
                pass
    return found

try:
    print(seen())
except OSError:
    pass
print(dict(os.environ))
for who in ("victim", "worker"):
    attempt("see processes outside", lambda: open("/proc/%d/status" % given[who]).close())
    attempt("signal processes outside", lambda: os.kill(given[who], 0))
attempt("end processes outside", lambda: os.kill(given["victim"], 9))
import resource
attempt("limit processes outside", lambda: resource.prlimit(given["victim"], resource.RLIMIT_CPU, (600, 600)))
print("went through processes")
""",
    "network": """
for host in given["hosts"]:
    attempt("use the network", lambda: socket.create_connection((host, given["ports"]["TCP"]), 1).close())
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"out", (host, given["ports"]["UDP"]))
    except OSError:
        pass

def through(address, pair):
    if pair:
        socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"out", address)
    else:
        socket.socket(socket.AF_UNIX).connect(address)

def nearby(name, pair):
    home = os.getcwd()
    os.chdir(given["base"])
    try:
        through(name, pair)
    finally:
        os.chdir(home)

for name, pair in (("socket", False), ("datagrams", True)):
    attempt("use sockets of other programs", lambda: through(os.path.join(given["base"], name), pair))
    attempt("use sockets of other programs", lambda: nearby(name, pair))
attempt("use sockets of other programs", lambda: through(chr(0) + given["abstract"], False))
attempt("use vsock", lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close())
attempt("use netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close())
print("went through network")
""",
    "kernel": """
libc = ctypes.CDLL(None, use_errno=True)

def call(number_x86, number_arm, *values):
    number = {"x86_64": number_x86, "aarch64": number_arm}.get(os.uname().machine)
    if number is None:
        return
    if libc.syscall(*map(ctypes.c_long, (number, *values))) < 0 and ctypes.get_errno() in (1, 38):
        raise OSError("refused")

attempt("use the kernel's keys", lambda: call(250, 219, 0, -3, 0))
attempt("use io_uring", lambda: call(425, 425, 1, 0))
attempt("load programs into the kernel", lambda: call(321, 280, 0, 0, 0))
attempt("trace other processes", lambda: call(310, 270, given["victim"], 0, 0, 0, 0, 0))
attempt("make user namespaces", lambda: call(272, 97, 0x10000000))
for numbers in ((135, 92, -1), (239, 236, 0, 0, 0, 0, 0), (294, 26, 0), (451, 451, -1, 0, 0, 0)):
    attempt("make system calls that no hand-in needs", lambda: call(*numbers))
attempt("become root", lambda: os.setuid(0) if os.getuid() else call(165, 40, 0, 0, 0, 0, 0))
print("went through kernel")
""",
    "daemon": """
import time
def daemon():
    if os.fork():
        return
    for _ in range(2):
        try:
            os.setsid()
        except OSError:
            pass
        if os.fork():
            os._exit(0)
    time.sleep(60)
    os._exit(0)

try:
    daemon()
except OSError:
    pass
time.sleep(0.05)
print("went through daemon")
""",
}
