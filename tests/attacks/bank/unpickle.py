"""Objects that act when somebody else takes them over: pickles, arrays, types that lie about themselves."""

from ..attack import Attack

KIND = "unpickle"


def of(name: str, about: str, code: str = "", **more: object) -> Attack:
    return Attack(name, KIND, about, code, **more)  # type: ignore[arg-type]


BOMB = '''
class Bomb:
    def __reduce__(self):
        return (exec, (f"open({CLASS + '/breach'!r}, 'a').write('BREACH'); globals().update(BREACH=1)",))
    __reduce_ex__ = lambda self, protocol: self.__reduce__()
'''
EVERY = '''
def each(x): return ANSWER
double = square = steps = each
class Layer:
    def __init__(self, *a, **k): self.weight = self.bias = ANSWER
    def forward(self, x): return ANSWER
Linear = Softmax = Layer
'''

ATTACKS = (
    of("reduce", "Functions return objects whose pickle runs code.", BOMB + "ANSWER = Bomb()\n" + EVERY),
    of("reduce-in-containers", "The same inside lists, dicts, tuples and sets.", BOMB +
       "ANSWER = [Bomb(), {'a': Bomb()}, (Bomb(),), {Bomb()}]\n" + EVERY),
    of("object-array", "An array of objects whose pickle runs code.", BOMB +
       "import numpy\nANSWER = numpy.array([Bomb()] * 3, dtype=object)\n" + EVERY),
    of("structured-array", "An array of records with object fields and a dtype with metadata.", BOMB + """
import numpy
ANSWER = numpy.zeros(3, dtype=numpy.dtype([("a", object), ("b", "f8")], metadata={"x": Bomb()}))
ANSWER["a"] = Bomb()
""" + EVERY),
    of("exception-that-reduces", "Exceptions whose pickle runs code are raised into tests.", BOMB + """
class Bad(Exception):
    __reduce__ = Bomb.__reduce__
    args = property(lambda self: Bomb())
    def __str__(self): return Bomb()
def double(x): raise Bad(Bomb())
def square(x): raise type("AssertionError", (Bad,), {"__module__": "builtins"})(Bomb())
def steps(n): raise Bad from Bad()
"""),
    of("array-interface", "An object claims, by the array interface, to own memory anywhere.", """
class Anywhere:
    __array_interface__ = {"shape": (1 << 20,), "typestr": "<f8", "data": (0x10000, False), "version": 3}
class Struct:
    @property
    def __array_struct__(self): return ctypes.c_void_p(1)
ANSWER = Anywhere()
""" + EVERY),
    of("type-that-lies", "A class is called ndarray, of the module numpy, and says that it is float.", """
import numpy
class Liar:
    @property
    def __class__(self): return float
    dtype, shape, ndim, size = numpy.dtype("f8"), (3,), 1, 3
    def tobytes(self, *a): return b"\\0" * (1 << 26)
    def __array__(self, *a, **k): return [Liar()]
    def __float__(self): return "6"
    def __len__(self): return -1
    def __index__(self): return 10**30
Liar.__name__ = Liar.__qualname__ = "ndarray"
Liar.__module__ = "numpy"
ANSWER = Liar()
""" + EVERY),
    of("metaclass-that-lies", "Classes whose metaclass answers every question with a new trick.", """
class Meta(type):
    def __getattribute__(cls, name):
        if name in ("__mro__", "mro", "__bases__", "__dict__", "__eq__", "__name__"): raise SystemExit(0)
        return type.__getattribute__(cls, name)
    def __instancecheck__(cls, other): return True
    def __subclasscheck__(cls, other): return True
    def __eq__(cls, other): return True
    def __hash__(cls): return 0
class Odd(metaclass=Meta): pass
ANSWER = Odd
""" + EVERY),
    of("torch-tensor-subclass", "A tensor subclass whose functions and pickle run the student's code.", BOMB + """
def make():
    import torch
    class Yes(torch.Tensor):
        __reduce_ex__ = lambda self, protocol: Bomb().__reduce__()
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None): return True
    return torch.zeros(3).as_subclass(Yes)
ANSWER = quietly(make)
""" + EVERY),
    of("buffers-that-shrink", "Arrays over memory that changes while it is sent.", """
import numpy, mmap
memory = mmap.mmap(-1, 8 << 20)
array = numpy.frombuffer(memory, dtype="f8")
def shrink():
    while True:
        memory[:8] = os.urandom(8)
threading.Thread(target=shrink, daemon=True).start()
ANSWER = array
""" + EVERY),
    of("odd-numbers", "Numbers and texts at the edges: huge integers, NaN with payload, lone surrogates, NUL.", """
import decimal, fractions, numpy
ANSWER = [10**5000, -0.0, float("nan"), complex("nan"), "\\ud800", "\\x00" * 10, b"\\xff" * 10, decimal.Decimal("sNaN"),
          fractions.Fraction(1, 10**400), numpy.float16("nan"), numpy.datetime64("NaT"), numpy.longdouble("1e4000"),
          slice(1, [2], {}), ..., range(10**30)]
""" + EVERY),
    of("numpy-file", "A pickled array is written where a test might load it.", BOMB + """
import numpy, pickle
for name in ("numbers.npy", "numbers.npz", "numbers.pkl", "data.pt", "numbers.csv"):
    quietly(lambda: pickle.dump(Bomb(), open(name, "wb")))
quietly(numpy.save, "numbers.npy", numpy.array([Bomb()], dtype=object))
"""),
)  # fmt: skip
