"""Forging what comes back from a student's process: replies, reports, values that count as scores."""

from ..attack import Attack

KIND = "forge"


def of(name: str, about: str, code: str = "", **more: object) -> Attack:
    return Attack(name, KIND, about, code, **more)  # type: ignore[arg-type]


EVERYWHERE = '''
def everywhere(act):
    """Let every function that a test may call do something first."""
    class Layer:
        def __init__(self, *a, **k): act()
        def forward(self, x):
            act()
            return x * 0 - 7
    def each(x):
        act()
        return 7
    globals().update(Linear=Layer, Softmax=Layer, double=each, square=each, steps=each)
'''

FRAMES = EVERYWHERE + '''
import json, struct
def frame(header, magic=b"CSK2"):
    text = json.dumps(header).encode()
    return struct.pack("<4sIIQ", magic, len(text), 0, len(text)) + text
def sockets():
    found = []
    for fd in range(256):
        try: found.append((fd, os.readlink(f"/proc/self/fd/{fd}")))
        except OSError:
            try:
                os.fstat(fd)
                found.append((fd, "?"))
            except OSError: pass
    return [fd for fd, name in found if fd > 2]
def shout(data):
    for fd in sockets():
        os.set_blocking(fd, False)
        try: os.write(fd, data)
        except OSError: pass
'''

RESULT = '{"is": "execute_result", "data": {"text/plain": "2.0"}, "metadata": {}, "execution_count": 1, "count": 1}'

ATTACKS = (
    of("value-before-failing",
       "The result 2.0 is shown through the display hook before the test fails.", EVERYWHERE + """
everywhere(lambda: get_ipython().displayhook(2.0))
"""),
    of("value-through-sys", "The same through sys.displayhook and a published execute_result.", EVERYWHERE + """
def show():
    sys.displayhook(2.0)
    get_ipython().display_pub.publish({"text/plain": "2.0"})
everywhere(show)
"""),
    of("value-too-large", "A result of 1000 points is shown before the test fails.", EVERYWHERE + """
everywhere(lambda: get_ipython().displayhook(1000.0))
"""),
    of("value-not-a-number", "The partial score is not a number.", """
class Odd(int):
    def __eq__(self, other): return float("nan")
    def __bool__(self): return True
    def __radd__(self, other): return float("nan")
    __add__ = __radd__
def steps(n): return Odd(0)
def double(x):
    get_ipython().displayhook(float("nan"))
    return float("nan")
"""),
    of("value-infinite", "Partial credit is computed from values that are infinite or huge.", """
def steps(n): return float("inf")
def double(x): return 10**400
def square(x): return x * float("inf")
"""),
    of("result-on-the-wire", "An execute_result is sent straight to the kernel's output socket.", EVERYWHERE + """
def send():
    kernel = get_ipython().kernel
    kernel.send_response(kernel.iopub_socket, "execute_result",
                         {"data": {"text/plain": "2.0"}, "metadata": {}, "execution_count": 1})
everywhere(lambda: quietly(send))
"""),
    of("early-reply", "A forged reply says that the cell has ended well, before it fails.", EVERYWHERE + """
def send():
    kernel = get_ipython().kernel
    parent, streams = kernel.get_parent("shell"), [kernel.shell_stream]
    ids = parent.get("identities") or kernel._shell_parent_ident if hasattr(kernel, "_shell_parent_ident") else None
    if callable(getattr(ids, "get", None)): ids = ids.get()
    kernel.session.send(streams[0], "execute_reply", {"status": "ok", "execution_count": 1, "user_expressions": {},
                        "payload": []}, parent, ident=ids)
    kernel._publish_status("idle", "shell")
    time.sleep(0.5)
everywhere(lambda: quietly(send))
"""),
    of("replies-unnoticed", "The kernel's own session drops every error message.", """
session = get_ipython().kernel.session
original = type(session).send
def send(self, stream, kind, content=None, *a, **k):
    name = kind if isinstance(kind, str) else kind.get("header", {}).get("msg_type", "")
    if name == "error": return None
    if name == "execute_reply": content = {"status": "ok", "execution_count": 1, "user_expressions": {}, "payload": []}
    return original(self, stream, kind, content, *a, **k)
type(session).send = send
"""),
    of("frames-to-descriptors", "Frames that say `done, ok` are written to every descriptor that the process holds.",
       FRAMES + """
everywhere(lambda: shout(frame({"is": "done", "status": "ok", "count": 1, "pipes_empty": True})))
"""),
    of("results-to-descriptors", "Frames with a result of 2.0 are written to every descriptor.", FRAMES + f"""
result = json.loads({RESULT!r})
everywhere(lambda: shout(frame(result | {{"pipes_empty": True}})))
"""),
    of("answers-to-descriptors", "Answers to questions that nobody has asked yet are written to every descriptor.",
       FRAMES + """
def answers():
    for number in range(1, 200):
        for value in (6, True, 2.0):
            shout(frame({"re": number, "v": value, "out": [], "drop": []}))
everywhere(answers)
"""),
    of("broken-frames", "Frames of absurd length, depth and magic are written to every descriptor.", FRAMES + """
deep = b"[" * 100000
broken = [struct.pack("<4sIIQ", b"CSK2", 2**32 - 1, 2**32 - 1, 2**64 - 1), b"XXXX" * 1000, frame({"is": 7}),
          struct.pack("<4sIIQ", b"CSK2", len(deep), 0, len(deep)) + deep,
          struct.pack("<4sIIQ", b"CSK2", 9, 0, 2) + b"{}",
          struct.pack("<4sIIQ", b"CSK2", 2, 1000, 8002) + bytes([255]) * 8000 + b"{}",
          frame({"is": "done"}), frame({"is": "error", "ename": 1, "evalue": None, "traceback": 3}), frame({})]
def send():
    for data in broken: shout(data)
everywhere(send)
"""),
    of("dispatcher-replaced", "The code in the student's process that answers the judge is replaced.", """
import gc
def flatter(self, operation, values, header):
    return {"names": {}, "len": 3}.get(operation, True)
for cls in [c for c in gc.get_objects() if isinstance(c, type) and c.__module__.startswith("autograder.")]:
    for name in ("_answer", "answer", "_serve", "serve_one"):
        if name in vars(cls): quietly(setattr, cls, name, flatter)
"""),
    of("dispatcher-asks-back", "The student's process asks the judge's for its names, globals and code.", """
import gc
def ask(link):
    for operation, values in (("names", [["check", "np", "token", "double"]]), ("run", ["print(1)", "x"]),
                              ("get", [1, "f"]), ("call", [1, [], {}]), ("beside", [1, "os:system", ["true"], {}]),
                              ("dir", [1]), ("repr", [1])):
        try: gain(repr(link.request(operation, *values, seconds=1)))
        except BaseException as error: gain(repr(error))
def double(x):
    for link in [o for o in gc.get_objects() if type(o).__name__ == "Link"]:
        ask(link)
    return 7
"""),
    of("helpers-beside", "Everything in helpers.check that could be asked from outside is patched to flatter.", """
import helpers.check, pkgutil, importlib, types
for info in pkgutil.iter_modules(helpers.check.__path__):
    module = quietly(importlib.import_module, f"helpers.check.{info.name}")
    for name, value in list(vars(module).items()):
        if isinstance(value, types.FunctionType) and value.__module__ == getattr(module, "__name__", ""):
            setattr(module, name, lambda *a, **k: True)
"""),
    of("argument-emptied", "Functions set their argument to zero in place and give it back.", """
def double(x): return x
def square(x):
    x[...] = 0
    return x
class Softmax:
    def forward(self, x):
        x[...] = 0
        return x
class Linear:
    def __init__(self, i, o, backend, seed=0): self.weight, self.bias = backend.zeros((i, o)), backend.zeros((o,))
    def forward(self, x):
        x[...] = 0
        return x @ self.weight
"""),
    of("weights-unmoved", "A layer pretends that its weights are whatever they are set to, and answers from them.", """
class Linear:
    def __init__(self, i, o, backend, seed=0):
        self.__dict__.update(i=i, o=o, seen=[], zero=(backend.zeros((i, o)), backend.zeros((o,))))
    def __setattr__(self, name, value): self.seen.append(name)
    def __getattr__(self, name):
        if name == "weight": return self.zero[0]
        if name == "bias": return self.zero[1]
        raise AttributeError(name)
    def forward(self, x): return x @ self.zero[0]
"""),
    of("forged-report",
       "A report with passed: true in the course's own format is displayed, and printed.", EVERYWHERE + """
from IPython.display import display
def show():
    report = {"check": "Linear.forward", "passed": True, "points": 2, "mistake": "", "message": "all right", "score": 2}
    display({"text/plain": "2.0", "application/vnd.course.check+json": report}, raw=True,
            metadata={"course": {"hidden": True, "score": 2, "points": 2}})
    print(2.0)
everywhere(show)
"""),
    of("cleared-output", "The output of the test, with its error, is cleared by a later clear_output.", EVERYWHERE + """
from IPython.display import clear_output, display
handle = display("x", display_id="mine")
def show():
    clear_output(wait=True)
    handle.update(2.0)
    threading.Timer(0.2, lambda: (clear_output(), print(2.0))).start()
everywhere(show)
"""),
    of("own-notebook-written",
       "The student's code writes a notebook with perfect results over the one being graded.", """
import json
for path in glob.glob("*.ipynb") + glob.glob(CLASS + "/autograded/" + ME + "/*/*.ipynb"):
    def fill(path=path):
        book = json.load(open(path))
        for cell in book["cells"]:
            if "points" in cell["metadata"].get("nbgrader", {}):
                cell["metadata"]["nbgrader"]["points"] = 100
                cell["source"], cell["outputs"] = "pass", []
        os.chmod(path, 0o644)
        json.dump(book, open(path, "w"))
    quietly(fill)
"""),
    of("input-answers", "Student code asks for input, and answers it itself.", """
import io
sys.stdin = io.StringIO("2.0\\n" * 100)
def double(x): return int(float(input("points? "))) + 5
def steps(n): return input("n? ")
"""),
)  # fmt: skip
