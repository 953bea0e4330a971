"""Playing for time: so that others wait, or that a limit strikes at the wrong moment."""

import nbformat
from nbformat import NotebookNode

from ..attack import Attack

KIND = "time"


def of(name: str, about: str, code: str = "", **more: object) -> Attack:
    return Attack(name, KIND, about, code, slow=True, **more)  # type: ignore[arg-type]


def many_loops(notebook: NotebookNode) -> None:
    notebook.cells += [nbformat.v4.new_code_cell("while True: pass", id=f"loop{i}") for i in range(300)]


def many_deaths(notebook: NotebookNode) -> None:
    notebook.cells += [nbformat.v4.new_code_cell("time.sleep(0.3)\nos._exit(1)", id=f"end{i}") for i in range(300)]


ATTACKS = (
    of("many-loops", "Three hundred cells that never end.", change=many_loops),
    of("many-deaths", "Three hundred cells that end their process after a while.", change=many_deaths),
    of("sleeps", "Every function sleeps for ever when a test calls it.", """
def double(x): time.sleep(10**6)
square = steps = double
"""),
    of("just-under-the-limit", "Every call takes a little less than a cell may take.", """
def double(x):
    time.sleep(0.8)
    return 7
def steps(n): return double(n)
def square(x): return double(1) + x * 0
"""),
    of("sleeping-attributes", "Attributes and properties sleep when they are read.", """
class Linear:
    def __init__(self, *a, **k): pass
    @property
    def weight(self): time.sleep(10**6)
    def __getattr__(self, name):
        time.sleep(10**6)
class Softmax:
    def __getattribute__(self, name):
        time.sleep(10**6)
"""),
    of("sleeping-conversions", "Conversion to numbers, arrays and text sleeps.", """
class Slow:
    def __array__(self, *a, **k): time.sleep(10**6)
    def __float__(self): time.sleep(10**6)
    def __repr__(self): time.sleep(10**6)
    __len__ = __iter__ = __bool__ = __eq__ = __str__ = __index__ = __float__
def double(x): return Slow()
def square(x): return Slow()
def steps(n): return Slow()
"""),
    of("interrupts-caught", "KeyboardInterrupt is caught, again and again.", """
def stay():
    while True:
        try:
            while True: time.sleep(0.01)
        except BaseException: pass
stay()
"""),
    of("interrupts-redirected", "A handler takes the interrupt for itself and goes on.", """
signal.signal(signal.SIGINT, lambda *a: None)
def double(x):
    while True: time.sleep(0.1)
steps = double
"""),
    of("alarms", "Timers interrupt the grader's own code in the process at every millisecond.", """
def nothing(*a): raise RuntimeError("now")
for number, timer in ((signal.SIGALRM, signal.ITIMER_REAL), (signal.SIGPROF, signal.ITIMER_PROF),
                      (signal.SIGVTALRM, signal.ITIMER_VIRTUAL)):
    signal.signal(number, nothing)
    signal.setitimer(timer, 0.05, 0.001)
"""),
    of("interpreter-lock-held", "A call into C keeps the interpreter's lock for ever.", """
def double(x): ctypes.PyDLL(None).sleep(10**6)
def stay(): ctypes.PyDLL(None).pause()
square = steps = double
"""),
    of("waits-for-input", "Student code waits for input that never comes.", """
def double(x): return input("?")
def steps(n): return sys.stdin.readline() or os.read(0, 1)
while True:
    if os.read(0, 100) == b"": time.sleep(1)
"""),
    of("right-too-late", "The right answer comes after the limit, when the interrupt strikes.", """
def double(x):
    try: time.sleep(10**6)
    except BaseException: return 2 * x
def steps(n):
    try: time.sleep(10**6)
    except BaseException: return 7
"""),
    of("clock-patched", "time.monotonic, time.time and signal.setitimer are replaced.", """
time.monotonic = time.time = time.perf_counter = lambda: 0.0
signal.setitimer = signal.alarm = signal.signal = lambda *a, **k: (0.0, 0.0)
signal.pthread_sigmask = lambda *a: set()
def double(x):
    while True: pass
"""),
    of("cells-run-again",
       "Slow cells take away what hidden tests need, so that all are run again, again and again.", """
def double(x): return 2 if x == 1 else 7 if x < 100 else time.sleep(10**6)
def square(x): return x * x if x[0] < 100 else os._exit(1)
time.sleep(1.5)
""", cells={"A-square": "time.sleep(1.5)\nexec('double = print')", "B-linear": "time.sleep(1.5)\n%reset -f",
            "C-steps": "import time\ntime.sleep(1.5)\nglobals().clear()"}),
    of("signals-blocked", "All signals are blocked in every thread.", """
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
def double(x):
    while True: pass
"""),
)  # fmt: skip
