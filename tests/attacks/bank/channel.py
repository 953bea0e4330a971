"""The engine's own channels: sockets, descriptors and memory that a student's process is born with."""

from ..attack import Attack
from .forge import FRAMES


def of(name: str, kind: str, about: str, code: str = "", **more: object) -> Attack:
    return Attack(name, kind, about, code, **more)  # type: ignore[arg-type]


ATTACKS = (
    of("descriptions-changed", "escape",
       "Every inherited descriptor is made non-blocking, locked, sought and given away.", """
import fcntl
def change():
    for fd in range(256):
        quietly(fcntl.fcntl, fd, fcntl.F_SETFL, os.O_NONBLOCK | os.O_APPEND)
        quietly(fcntl.flock, fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        quietly(fcntl.fcntl, fd, fcntl.F_SETOWN, os.getpid())
        quietly(os.lseek, fd, 10**6, 0)
change()
def double(x):
    change()
    return 7
"""),
    of("shared-mappings", "escape", "Memory that is shared with other processes is overwritten.", """
for line in open("/proc/self/maps").readlines():
    part = line.split()
    if part[1] == "rw-s":
        start, stop = (int(x, 16) for x in part[0].split("-"))
        ctypes.memset(start, 255, min(stop - start, 1 << 20))
"""),
    of("limits-raised", "escape", "The own limits are raised to infinity, and then memory is taken.", """
import resource
for name in ("RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_CPU", "RLIMIT_CORE"):
    kind = getattr(resource, name)
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY: quietly(resource.setrlimit, kind, (-1, -1))
if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY: taken = quietly(lambda: b"x" * (5 << 30))
"""),
    of("descriptors-sent", "exhaust", "Thousands of descriptors are sent along with messages.", FRAMES + """
def send():
    for fd in sockets():
        def stuff(fd=fd):
            with socket.socket(fileno=os.dup(fd)) as s:
                s.setblocking(False)
                for _ in range(50): socket.send_fds(s, [frame({
                    "is": "stream", "name": "stdout", "text": "x", "pipes_empty": True})], [0] * 200)
        quietly(stuff)
everywhere(send)
"""),
    of("sockets-shut", "forge",
       "Every socket that the process holds is shut down while a test waits for its answer.", FRAMES + """
def shut():
    for fd in sockets():
        def act(fd=fd):
            with socket.socket(fileno=os.dup(fd)) as s: s.shutdown(socket.SHUT_RDWR)
        quietly(act)
everywhere(shut)
"""),
    of("sockets-stuffed", "forge", "Megabytes of half a message are written to every socket.", FRAMES + """
def stuff():
    shout(struct.pack("<4sIIQ", b"CSK2", 1_000_000, 3, 2**40) + struct.pack("<QQQ", 2**40, 2**63, 1) + b"x" * 100_000)
everywhere(stuff)
"""),
    of("answered-by-a-child", "forge", "The process that is asked ends, and a child of it answers in its place.", """
def double(x):
    if os.fork(): os._exit(0)
    return 2 * x + 1
def steps(n):
    if os.fork() == 0:
        time.sleep(0.3)
        os._exit(0)
    return -7
def square(x):
    os.fork()
    return x * 0 - 7
"""),
    of("messages-from-threads", "forge", "Threads write messages while the main thread answers.", FRAMES + """
def chatter():
    while True:
        shout(frame({"is": "display_data", "data": {"text/plain": "2.0"}, "metadata": {}, "pipes_empty": True}))
        time.sleep(0.001)
for _ in range(2): threading.Thread(target=chatter, daemon=True).start()
"""),
    of("old-system-calls", "escape",
       "A service of this machine is called by the system calls of x32 and 32-bit programs.", """
import mmap, struct
libc = ctypes.CDLL(None, use_errno=True)
address = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40)  # below 4 GB
address.write(struct.pack("<H", 2) + struct.pack(">H", PORT) + socket.inet_aton("127.0.0.1") + bytes(8))
where = ctypes.addressof(ctypes.c_char.from_buffer(address))
fd = libc.syscall(0x40000000 | 41, 2, 1, 0)
if fd >= 0: libc.syscall(0x40000000 | 42, fd, ctypes.c_void_p(where), 16)
def old(number, a, b, c):
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\\x53\\xb8" + number.to_bytes(4, "little") + b"\\xbb" + a.to_bytes(4, "little")
               + b"\\xb9" + b.to_bytes(4, "little") + b"\\xba" + c.to_bytes(4, "little") + b"\\xcd\\x80\\x5b\\xc3")
    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
if os.fork() == 0:
    import platform
    if platform.machine() == "x86_64":
        old(362, old(359, 2, 1, 0), where, 16)
    os._exit(0)
os.wait()
"""),
    of("arguments-across-a-restart", "leak",
       "The arguments of hidden tests are kept in a file, Python ends, and cells that run anew print it.", """
print(read("seen.txt"))
def double(x):
    open("seen.txt", "a").write(f"{x} ")
    os._exit(0)
""", last="print(open('seen.txt').read() if __import__('os').path.exists('seen.txt') else '')\n"),
    of("arguments-by-the-clock", "leak", "The arguments of hidden tests are told by threads that print them later.", """
def double(x):
    threading.Timer(0.5, lambda: print("called with", x)).start()
    threading.Timer(1.5, lambda: print("called with", x)).start()
    return 2 if x == 1 else 7
""", last="import time\ntime.sleep(1.2)\n"),
    of("arguments-by-a-child", "leak", "A child process prints the arguments of hidden tests into later cells.", """
def double(x):
    if os.fork() == 0:
        for _ in range(20):
            time.sleep(0.1)
            os.write(1, f"called with {x}\\n".encode())
        os._exit(0)
    return 2 if x == 1 else 7
""", last="import time\ntime.sleep(1.2)\n"),
)  # fmt: skip
