"""Tampering with the checks: whoever shares a process with a test can change what the test means."""

from ..attack import Attack

KIND = "tamper"


def of(name: str, about: str, code: str = "", **more: object) -> Attack:
    return Attack(name, KIND, about, code, **more)  # type: ignore[arg-type]


ALWAYS = '''
class Always:
    """Equal to everything, and whatever else one asks of it."""
    shape, ndim, size, dtype = (3,), 1, 3, float
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return False
    __gt__ = __lt__
    def __le__(self, other): return True
    __ge__ = __le__
    def __hash__(self): return 0
    def __bool__(self): return True
    def __call__(self, *a, **k): return self
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return self
    def __sub__(self, other): return 0
    __rsub__ = __radd__ = __add__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __sub__
    def __abs__(self): return 0
    def __float__(self): return 0.0
    def __len__(self): return 3
'''

ATTACKS = (
    of("numpy-testing-patched", "numpy.testing's assertions are replaced by functions that do nothing.", """
import numpy.testing
for name in dir(numpy.testing):
    if name.startswith("assert"):
        setattr(numpy.testing, name, lambda *a, **k: None)
"""),
    of("checks-patched", "The functions of helpers.check are replaced by functions that do nothing.", """
from helpers import check
for name in ("forward", "bias"):
    setattr(check.convolution, name, lambda *a, **k: None)
for name in dir(check.network_from_scratch):
    if callable(getattr(check.network_from_scratch, name)):
        setattr(check.network_from_scratch, name, lambda *a, **k: None)
"""),
    of("check-rebound", "The name `check` is bound to something that agrees with everything.", ALWAYS + """
check = Always()
"""),
    of("code-of-a-check", "The check's own code object is exchanged.", """
from helpers import check
import gc
def nothing(*a, **k): return None
for name in ("linear_forward", "softmax_forward"):
    f = getattr(check.network_from_scratch, name)
    inner = getattr(f, "__wrapped__", f)
    setattr(check.network_from_scratch, name, nothing)
    for g in gc.get_objects():
        if getattr(g, "__name__", "") == "verify" and hasattr(g, "__code__"):
            g.__code__ = nothing.__code__.replace(co_freevars=g.__code__.co_freevars)
"""),
    of("oracle-patched", "The reference solution that checks compare with is replaced by the student's.", """
from helpers.check.core import compare
from helpers.check.core import oracle
from helpers.check.network_from_scratch import linear
from helpers.check.network_from_scratch import activations
from helpers.check.core import probe
for module in (compare, linear, activations):
    for name in ("verify", "close", "unchanged"):
        if hasattr(module, name):
            setattr(module, name, lambda *a, **k: True)
oracle.softmax = lambda x: x * 0 - 7
"""),
    of("numpy-patched", "numpy's comparisons say that everything is close.", """
import numpy
for name in ("allclose", "isclose", "array_equal", "all", "any", "max", "abs"):
    setattr(numpy, name, lambda *a, **k: numpy.bool_(True))
numpy.testing.assert_allclose = lambda *a, **k: None
"""),
    of("builtins-patched", "Python's own any, all, sum, abs and isinstance are replaced.", """
import builtins
builtins.sum = lambda *a, **k: 4
builtins.abs = lambda x: 0
builtins.all = lambda *a: True
"""),
    of("sum-redefined", "A global `sum` stands in the way of the builtin one.", """
sum = lambda *a: 4
"""),
    of("np-rebound", "The name `np` is bound to something that agrees with everything.", ALWAYS + """
np = Always()
"""),
    of("equal-object", "Every function returns an object that equals everything.", ALWAYS + """
def double(x): return Always()
def steps(n): return Always()
def square(x): return Always()
"""),
    of("array-that-equals", "Results are of an ndarray subclass whose comparisons are always true.", """
import numpy
class Yes(numpy.ndarray):
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        plain = [numpy.asarray(i) for i in inputs]
        out = getattr(ufunc, method)(*plain)
        return numpy.ones_like(out) if numpy.asarray(out).dtype == bool else numpy.zeros_like(out)
    def __array_function__(self, func, types, args, kwargs):
        return (numpy.bool_(True) if func.__name__ in ("allclose", "isclose", "all", "array_equal", "any")
                else numpy.zeros(()))
    def __eq__(self, other): return True
    def __bool__(self): return True
def square(x): return numpy.zeros(3).view(Yes)
class Softmax:
    def forward(self, x): return numpy.zeros(numpy.shape(x)).view(Yes)
class Linear:
    def __init__(self, i, o, backend, seed=0): self.weight, self.bias = backend.zeros((i, o)), backend.zeros((o,))
    def forward(self, x): return numpy.zeros((len(x), len(self.bias))).view(Yes)
"""),
    of("number-that-equals", "Results are of subclasses of int and float that equal every number.", """
class Int(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
class Float(float):
    def __eq__(self, other): return True
    __hash__ = float.__hash__
def double(x): return Int(0)
def steps(n): return Int(0)
"""),
    of("text-that-equals", "Results are of a str subclass that equals everything.", """
class Text(str):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = str.__hash__
def double(x): return Text("7")
def steps(n): return Text("7")
"""),
    of("modules-replaced",
       "sys.modules gets a helpers.check of the student's, for whoever imports it later.", ALWAYS + """
import types
fake = types.ModuleType("helpers.check")
fake.__getattr__ = lambda name: Always()
sys.modules["helpers.check"] = fake
import helpers
helpers.check = fake
check = fake
"""),
    of("import-hook", "An import hook answers for every helper module that is imported from now on.", """
import importlib.abc, importlib.machinery
class Hook(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.startswith(("helpers", "numpy.testing")):
            return importlib.machinery.ModuleSpec(name, self)
    def create_module(self, spec): return None
    def exec_module(self, module): module.__getattr__ = lambda name: (lambda *a, **k: None)
sys.meta_path.insert(0, Hook())
for name in [n for n in sys.modules if n.startswith("helpers.check")]:
    del sys.modules[name]
from helpers import check
"""),
    of("input-transformer", "An input transformer turns every later cell into `pass`.", """
get_ipython().input_transformers_cleanup.append(lambda lines: ["pass\\n"])
"""),
    of("ast-transformer", "An AST transformer takes asserts and calls of checks out of later cells.", """
import ast
class Tame(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.copy_location(ast.Pass(), node)
    def visit_Expr(self, node):
        return ast.copy_location(ast.Pass(), node) if isinstance(node.value, ast.Call) else node
get_ipython().ast_transformers.append(Tame())
"""),
    of("asserts-compiled-away", "IPython's compiler is told to optimise, which drops asserts.", """
shell = get_ipython()
class Compiler(type(shell.compile)):
    def __call__(self, source, filename, symbol):
        return compile(source, filename, symbol, self.flags, optimize=2)
shell.compile.__class__ = Compiler
"""),
    of("run-cell-replaced", "IPython's own method that runs a cell is replaced by one that succeeds.", """
from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult
shell = get_ipython()
def fine(raw_cell="", *a, **k):
    try: return ExecutionResult(ExecutionInfo(raw_cell, False, False, False, None))
    except TypeError: return ExecutionResult(ExecutionInfo(raw_cell, False, False, False))
async def finely(*a, **k): return fine()
for target in (shell, type(shell)):
    target.run_cell, target.run_cell_async, target.run_code = fine, finely, finely
"""),
    of("errors-swallowed", "A handler for every exception swallows what tests raise.", """
get_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)
get_ipython().showtraceback = get_ipython().showsyntaxerror = lambda *a, **k: None
get_ipython()._showtraceback = lambda *a, **k: None
"""),
    of("before-every-cell", "An event handler rebinds the checks before every cell.", ALWAYS + """
get_ipython().events.register(
    "pre_run_cell", lambda *a: globals().update(check=Always(), np=Always(), sum=lambda *a: 4))
"""),
    of("line-jump", "A tracer jumps over the assert in the frame of the test that called.", """
def skipping(frame, event, arg):
    if event == "line":
        last = max(line for _, _, line in frame.f_code.co_lines() if line)
        try: frame.f_lineno = last
        except ValueError: pass
    return skipping
def double(x):
    frame = sys._getframe(1)
    sys.settrace(lambda *a: None)
    frame.f_trace = skipping
    return 7
"""),
    of("constants-changed", "The constants in the code of the calling test are overwritten through ctypes.", """
def double(x):
    constants = sys._getframe(1).f_code.co_consts
    for i, c in enumerate(constants):
        if type(c) is int and c == 2 * x:
            ctypes.py_object.from_address(id(constants) + 24 + 8 * i).value = 7
    return 7
"""),
    of("generator-exit", "Student code raises GeneratorExit and StopIteration into a check that is a generator.", """
class Linear:
    def __init__(self, *a, **k): raise GeneratorExit
class Softmax:
    def __init__(self): pass
    def forward(self, x): raise StopIteration("passed")
def double(x): raise GeneratorExit
"""),
    of("exit-from-a-test", "Student code raises SystemExit(0) in the middle of a test.", """
def double(x): raise SystemExit(0)
def square(x): raise SystemExit(0)
def steps(n): raise SystemExit(0)
class Linear:
    def __init__(self, *a, **k): sys.exit(0)
Softmax = Linear
"""),
    of("mistake-of-its-own", "Student code raises the check's own exceptions, dressed as success.", """
from helpers.check.core import report
class Fine(report.Mistake):
    def __init__(self): pass
    name, message, passed, of_torch = "", "", True, False
    def __str__(self): return ""
class Linear:
    def __init__(self, *a, **k): raise Fine()
class Softmax:
    def __init__(self): pass
    def forward(self, x): raise Fine()
"""),
    of("remote-by-pretence", "A class pretends to be a remote object that answers for itself.", """
import numpy
class Beside:
    __course_remote__ = True
    @staticmethod
    def beside(x, what, *args): return None
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return self
    def __call__(self, *a, **k): return self
class Linear(Beside):
    def __init__(self, *a, **k): self.weight, self.bias = numpy.zeros((7, 3)), numpy.zeros(3)
    def forward(self, x): return self
Softmax = Linear
"""),
    of("test-names-rebound", "Names of the running test are changed by the function that it calls.", """
def steps(n):
    frame = sys._getframe(1)
    while frame is not None:
        frame.f_globals["sum"] = lambda *a: 4
        frame.f_globals["right"] = 4
        frame = frame.f_back
    import builtins
    builtins.sum = lambda *a: 4
    return 7
"""),
)  # fmt: skip
