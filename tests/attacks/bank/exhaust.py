"""Exhausting the machine, or whoever has to read what comes out."""

from pathlib import Path

from ..attack import Attack, Places

KIND = "exhaust"


def of(name: str, about: str, code: str = "", **more: object) -> Attack:
    return Attack(name, KIND, about, code, **more)  # type: ignore[arg-type]


def sparse(folder: Path, places: Places) -> None:
    with open(folder / "numbers.csv", "wb") as file:
        file.truncate(2 << 40)


def many_files(folder: Path, places: Places) -> None:
    for i in range(3000):
        (folder / f"f{i}.csv").write_text("1")


def deep_folders(folder: Path, places: Places) -> None:
    for _ in range(120):
        folder = folder / "down"
        folder.mkdir()
    (folder / "x.csv").write_text("1")


ATTACKS = (
    of("memory", "Memory is filled until nothing is left.", """
hog = []
while True: hog.append(bytearray(50_000_000))
"""),
    of("memory-in-many", "Many processes fill the memory together, each below its own limit.", """
for _ in range(12):
    if os.fork() == 0:
        hog = [bytearray(40_000_000) for _ in range(12)]
        time.sleep(20)
        os._exit(0)
time.sleep(20)
""", slow=True),
    of("memory-shared", "Shared memory is filled, which belongs to no process.", """
import mmap
hog = []
while True:
    hog.append(mmap.mmap(-1, 100_000_000))
    hog[-1].write(bytes(100_000_000))
"""),
    of("memory-sockets", "The kernel's memory is filled through sockets, in many processes.", """
for _ in range(11):
    if os.fork() == 0: break
held = []
for _ in range(110):
    for end in socket.socketpair():
        quietly(end.setsockopt, socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 23)
        end.setblocking(False)
        held.append(end)
        quietly(lambda: [end.send(bytes(1 << 20)) for _ in range(50)])
time.sleep(20)
""", slow=True),
    of("memory-tcp", "The kernel's memory is filled through connections within the sandbox.", """
held = []
server = socket.create_server(("127.0.0.1", 0), backlog=200)
for _ in range(100):
    for end in (socket.create_connection(server.getsockname()), server.accept()[0]):
        quietly(end.setsockopt, socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 25)
        end.setblocking(False)
        held.append(end)
for end in held: quietly(lambda: [end.send(bytes(1 << 20)) for _ in range(50)])
time.sleep(20)
""", slow=True),
    of("memory-pipes", "The kernel's memory is filled through pipes, in many processes.", """
import fcntl
for _ in range(11):
    if os.fork() == 0: break
for _ in range(110):
    out, into = os.pipe()
    quietly(fcntl.fcntl, into, 1031, 1 << 20)
    os.set_blocking(into, False)
    quietly(lambda: [os.write(into, bytes(1 << 16)) for _ in range(50)])
time.sleep(20)
""", slow=True),
    of("memory-while-growing", "A process is started before each look at their memory.", """
for _ in range(40):
    if os.fork() == 0:
        hog = bytearray(os.urandom(1 << 20)) * 300
        time.sleep(20)
    time.sleep(0.06)
time.sleep(20)
""", slow=True),
    of("memory-files", "Files in memory are filled (memfd, /dev/shm).", """
fds = []
while True:
    fds.append(os.memfd_create("x"))
    os.write(fds[-1], bytes(50_000_000))
"""),
    of("fork-bomb", "Every process starts two more.", """
def bomb():
    end = time.time() + 2
    while time.time() < end:
        try: os.fork()
        except OSError: time.sleep(0.05)
bomb()
if os.getpid() != os.getpgrp(): time.sleep(3)
""", slow=True),
    of("thread-bomb", "Threads are started until no more can be.", """
for _ in range(5000): threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
"""),
    of("descriptor-bomb", "Descriptors are opened until no more can be.", """
fds = []
while True: fds.append(os.open("/dev/null", os.O_RDONLY))
"""),
    of("disk", "The working directory is filled.", """
with open("hog", "wb", 0) as file:
    while True: file.write(bytes(1 << 24))
"""),
    of("disk-in-pieces", "The disk is filled with many files, each below the limit.", """
for i in range(200):
    with open(f"hog{i}", "wb", 0) as file: file.write(bytes(10_000_000))
"""),
    of("disk-elsewhere", "Every folder that can be written to is filled.", """
for folder in ("/tmp", "/var/tmp", "/dev/shm", HOME, os.path.expanduser("~"), "/run/lock", CLASS):
    try:
        for i in range(100):
            with open(f"{folder}/hog{i}", "wb", 0) as file: file.write(bytes(10_000_000))
    except OSError: pass
"""),
    of("disk-unlinked", "An open file without a name is filled.", """
file = open("hog", "wb", 0)
os.unlink("hog")
while True: file.write(bytes(1 << 24))
"""),
    of("inodes", "Empty files are made until there are no more inodes.", """
for i in range(200_000): open(f"i{i}", "w").close()
""", slow=True),
    of("sparse-file", "A file of two terabytes that takes no space is left behind.", """
with open("sparse", "wb") as file: file.truncate(2 << 40)
"""),
    of("sparse-file-handed-in", "A file of two terabytes that takes no space is handed in.", folder=sparse),
    of("many-files-handed-in", "Three thousand files are handed in.", folder=many_files),
    of("deep-folders-handed-in", "Folders inside folders, 120 deep, are handed in.", folder=deep_folders),
    of("output-flood", "Text is printed without end.", """
while True: print("A" * 1000)
""", slow=True),
    of("output-at-once", "300 MB are printed at once.", """
print("A" * 300_000_000)
"""),
    of("output-beside", "Output is written past Python, by another program and to the file descriptors.", """
quietly(lambda: subprocess.run(["yes", "A" * 1000], timeout=2))
while True: os.write(1, b"A" * 100_000)
""", slow=True),
    of("displays", "Hundreds of thousands of tiny outputs are displayed.", """
from IPython.display import display
for i in range(300_000): display(i)
""", slow=True),
    of("display-updates", "One output is updated without end.", """
from IPython.display import display
handle = display("x", display_id="mine")
while True: handle.update("A" * 10_000)
""", slow=True),
    of("output-deep", "An output of data nested very deeply is displayed.", """
from IPython.display import display
deep = []
for _ in range(900): deep = [deep]
display({"application/json": deep, "text/plain": "x"}, raw=True)
"""),
    of("images", "Images that are small as files and huge when opened are displayed.", """
from IPython.display import Image, display
import zlib, struct
def chunk(kind, data): return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
png = (b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
       + chunk(b"IDAT", zlib.compress(bytes(10_000_000))) + chunk(b"IEND", b""))
for _ in range(400): display(Image(png))
"""),
    of("endless-loop", "A loop that never ends.", """
while True: pass
""", slow=True),
    of("deaf-loop", "A loop that never ends and ignores every signal.", """
for number in range(1, 65): quietly(signal.signal, number, signal.SIG_IGN)
while True: pass
""", slow=True),
    of("loop-in-c", "A single operation in C that takes for ever.", """
sum(range(10**15))
""", slow=True),
    of("regular-expression", "A regular expression that backtracks for ever.", """
re.match(r"(a+)+$", "a" * 60 + "b")
""", slow=True),
    of("huge-power", "A number with a billion digits.", """
x = 9 ** (9 ** 10)
""", slow=True),
    of("loop-in-del", "Objects whose destructor never ends.", """
class Sticky:
    def __del__(self):
        while True: pass
keep = Sticky()
del keep
""", slow=True),
    of("loop-at-exit", "An exit handler that never ends.", """
import atexit
@atexit.register
def stay():
    while True: pass
""", slow=True),
    of("loop-in-threads", "Threads that never end and are no daemons.", """
def spin():
    while True: pass
for _ in range(4): threading.Thread(target=spin, daemon=False).start()
""", slow=True),
    of("stack", "Recursion without a limit, in Python and in C.", """
sys.setrecursionlimit(10**9)
threading.stack_size(64 * 1024)
def down(n): return down(n + 1) + 1
down(0)
"""),
    of("crash", "Python is made to crash.", """
def double(x): ctypes.string_at(0)
def square(x): os.abort()
def steps(n): os._exit(0)
"""),
    of("exit", "Python ends itself with status 0 while tests run.", """
def double(x): os._exit(0)
square = steps = double
class Linear:
    def __init__(self, *a, **k): os._exit(0)
Softmax = Linear
"""),
    of("quit", "IPython is asked to quit, in a cell and in a test.", """
def double(x): get_ipython().ask_exit()
get_ipython().ask_exit()
quit()
"""),
    of("stopped", "The process stops itself.", """
os.kill(os.getpid(), signal.SIGSTOP)
""", slow=True),
    of("answer-huge", "An answer of 500 MB.", """
import numpy
def double(x): return "A" * 500_000_000
def square(x): return numpy.zeros(60_000_000)
"""),
    of("answer-virtual", "An array that claims a trillion entries and has one.", """
import numpy
def square(x): return numpy.broadcast_to(numpy.float64(4.0), (10**12,))
def double(x): return numpy.broadcast_to(numpy.int8(6), (10**6, 10**9))
class Softmax:
    def forward(self, x): return numpy.lib.stride_tricks.as_strided(numpy.zeros(1), (10**12, 3), (0, 0))
"""),
    of("answer-deep", "An answer nested a hundred thousand deep, and one that contains itself.", """
deep = []
for _ in range(100_000): deep = [deep]
ring = []
ring.append(ring)
ring.append({"ring": ring})
def double(x): return deep
def steps(n): return ring
def square(x): return [ring, deep]
"""),
    of("answer-endless", "Answers without end: iterators, lengths, attributes.", """
class Endless:
    def __len__(self): return sys.maxsize
    def __iter__(self):
        while True: yield self
    def __getitem__(self, i): return self
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return Endless()
    def __call__(self, *a, **k): return Endless()
    shape = (2**62, 2**62)
def double(x): return Endless()
def square(x): return Endless()
def steps(n): return Endless()
Linear = Softmax = Endless
""", slow=True),
    of("answer-many-objects", "An answer of millions of objects that must be remembered.", """
class Thing: pass
def double(x): return [Thing() for _ in range(300_000)]
def square(x): return [[Thing()] for _ in range(300_000)]
""", slow=True),
    of("answer-made-of-numbers", "Numbers that are short as text and take for ever to make or to use.", """
import decimal, fractions
def double(x): return fractions.Fraction(1, 10 ** 9_000)
def square(x): return range(0, 10 ** 15)
def steps(n): return decimal.Decimal("1e999999999")
"""),
    of("answer-doubled", "A list of two lists that are one, sixty times inside each other.", """
def doubled(x=0):
    found = [7]
    for _ in range(60): found = [found, found]
    return found
double = square = steps = doubled
"""),
    of("answer-of-one-hash", "A set of numbers that all have the same hash.", """
def double(x): return {n * (2**61 - 1) for n in range(5_000)}
def square(x): return dict.fromkeys(double(x))
""", slow=True),
)  # fmt: skip
