"""Plain data as JSON and buffers, and back. Nothing is unpickled or executed.

A value is one JSON value: `null`, `true`, numbers and text as they are, and a list that begins with a tag for all else.
What is no plain data is only named (`helpers.check.core.probe.Odd`). The decoder trusts nothing: whatever the encoder
can't have made is a `WireError`.
"""

from __future__ import annotations

import collections
import decimal
import fractions
import importlib
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from helpers.backend import DTYPES as PRECISIONS
from helpers.backend import NAMES, Backend, backend
from helpers.check.core.probe import Odd

from ..kernel.wire import Buffer, WireError
from ..text import whole

_NUMBERS = ("i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8", "f16", "c8", "c16", "c32")
DTYPES = {name: np.dtype(name) for name in ["|b1", "|i1", "|u1", *(order + n for order in "<>" for n in _NUMBERS)]}
"""Types of numbers that an array may have. No objects, text or records."""

RECORDS = frozenset(
    [
        "helpers.check.cnn_learning.sizes:Size",
        "helpers.data.dataset:Dataset",
        "helpers.data.split:Split",
        "helpers.primitives.pooling:PoolSpec",
        "helpers.primitives.spec:ConvSpec",
        "helpers.study.cnn_learning.runs:Final",
        "helpers.study.cnn_learning.runs:Plateau",
        "helpers.study.cnn_runtime.fits:Fit",
        "helpers.study.cnn_runtime.student_t:Interval",
        "helpers.study.cnn_runtime.point:Point",
        "helpers.timing:Timing",
        "helpers.train.history:History",
        "helpers.train.sizes:Size",
        "types:SimpleNamespace",
    ]
)
"""Classes whose instances are nothing but their fields: they are made anew on the other side, without `__init__`."""

MOST_NODES = 1_000_000
LARGEST = 4_000_000
"""Characters, and sixteen for any other value, of one message without its arrays."""
MOST_DEPTH = 56
LARGE = 1 << 14
"""Bytes from which an array has a buffer of its own."""
LONGEST_NUMBER, LARGEST_EXPONENT = 4_300, 10_000
"""Characters of a number that travels as text: of an int's hexadecimal digits, of a Decimal."""
COLLISIONS = 50
"""Members of a set, or keys, that may have one hash. Each costs a comparison with all before it."""


class Reference(Odd):
    """Something of the student's that stays in their process, by its name in the notebook. A function can be called."""

    name: str
    ask: Callable[[str, tuple[Any, ...], dict[str, Any]], Any]

    def __call__(self, *args: Any, **named: Any) -> Any:
        if not self.callable:
            raise TypeError(f"{self.name} is of type {self.type} and can't be called.")
        return self.ask(self.name, args, named)

    def __repr__(self) -> str:
        return f"<{self.type} {self.name}>"


def referring(name: str, kind: str, can_be_called: bool, ask: Callable[..., Any]) -> Reference:
    """The reference to what the student's process calls `name`."""
    made = object.__new__(Reference)
    for field, value in (("type", kind), ("callable", can_be_called), ("device", ""), ("name", name), ("ask", ask)):
        object.__setattr__(made, field, value)
    return made


def moderate(value: int | fractions.Fraction | decimal.Decimal) -> bool:
    """Whether a number is one that a check may compute with; others are only named."""
    if isinstance(value, int):
        return value.bit_length() <= 4 * (LONGEST_NUMBER - 3)
    if isinstance(value, fractions.Fraction):
        return moderate(value.numerator) and moderate(value.denominator)
    exponent = value.as_tuple().exponent
    return not isinstance(exponent, int) or (
        max(abs(exponent), abs(value.adjusted())) <= LARGEST_EXPONENT and len(str(value)) <= LONGEST_NUMBER
    )


def _find(name: str) -> Any:
    """What `module:name` says; only for names out of `RECORDS`."""
    module, _, inner = name.partition(":")
    return getattr(sys.modules.get(module) or importlib.import_module(module), inner)


def _fields(cls: type) -> frozenset[str] | None:
    """The names that a record may have; None where any will do."""
    return frozenset(getattr(cls, "__dataclass_fields__", ())) or None


class Encoder:
    """One message's values. OverflowError for more than a message holds."""

    def __init__(self) -> None:
        self.small = bytearray()
        self.large: list[Any] = []
        self._places: dict[int, int] = {}
        self._kept: list[Any] = []
        self._depth = self._size = 0

    @property
    def buffers(self) -> list[Any]:
        return [self.small, *self.large] if self.small or self.large else []

    def node(self, value: Any) -> Any:
        """The value as JSON; the bytes of arrays go into `buffers`."""
        cls = type(value)
        self._size += len(value) if cls is str else 16
        if self._size > LARGEST:
            raise OverflowError("This value is too large to be looked at; results should be small.")
        if value is None or cls is str or cls is bool:
            return value
        if cls is int:
            return value if -(1 << 63) <= value < 1 << 64 else ["i", hex(value)] if moderate(value) else self.odd(value)
        if cls is float:
            return value if math.isfinite(value) else ["f", str(value)]
        encode = _ENCODE.get(cls)
        if encode is not None:
            return encode(self, value)
        name = f"{cls.__module__}:{cls.__qualname__}"
        if name in RECORDS:
            return self._once(value, lambda: self._record(value, name))
        return self.odd(value)

    def odd(self, value: Any) -> list[Any]:
        """What is no plain data, by its type alone."""
        if isinstance(value, Odd):
            return ["r", value.type[:200], value.callable, value.device[:40]]
        return ["r", type(value).__name__[:200], callable(value), ""]

    def _inner(self, values: Iterable[Any]) -> list[Any]:
        self._depth += 1
        try:
            return [self.node(value) for value in values]
        finally:
            self._depth -= 1

    def _once(self, value: Any, make: Callable[[], Any]) -> Any:
        """A value with an identity: named by its place where it stood in this message already."""
        place = self._places.get(id(value))
        if place is not None:
            return ["m", place]
        if self._depth >= MOST_DEPTH:
            return self.odd(value)
        self._places[id(value)] = len(self._kept)
        self._kept.append(value)
        return make()

    def _list(self, value: list[Any]) -> Any:
        return self._once(value, lambda: ["l", *self._inner(value)])

    def _set(self, value: set[Any]) -> Any:
        return self._once(value, lambda: ["s", *self._inner(value)])

    def _dict(self, value: dict[Any, Any]) -> Any:
        return self._once(value, lambda: ["d", *self._inner(part for pair in value.items() for part in pair)])

    def _tuple(self, value: tuple[Any, ...]) -> Any:
        return ["t", *self._inner(value)] if self._depth < MOST_DEPTH else self.odd(value)

    def _frozenset(self, value: frozenset[Any]) -> Any:
        return ["z", *self._inner(value)] if self._depth < MOST_DEPTH else self.odd(value)

    def _array(self, value: np.ndarray) -> Any:
        if value.dtype.str not in DTYPES:
            return self.odd(value)
        return self._once(value, lambda: ["a", *self._numbers(value)])

    def _numbers(self, value: np.ndarray) -> list[Any]:
        """Type, shape, order of the axes in memory, and where the bytes are."""
        shape, order = list(value.shape), None
        if not value.flags.c_contiguous:
            value = value.copy(order="K")
            order = sorted(range(value.ndim), key=lambda axis: -abs(value.strides[axis]))
            if value.transpose(order).flags.c_contiguous:
                value = value.transpose(order)
            else:
                order, value = None, value.copy(order="C")
        return [value.dtype.str, shape, order, *self._put(value)]

    def _put(self, value: np.ndarray) -> tuple[int, int]:
        if value.nbytes < LARGE or len(self.large) > 900:
            at = len(self.small)
            self.small += value.tobytes()
            return 0, at
        self.large.append(value.reshape(-1).view(np.uint8).data)
        return len(self.large), 0

    def scalar(self, value: np.generic) -> Any:
        return ["n", value.dtype.str, value.tobytes().hex()] if value.dtype.str in DTYPES else self.odd(value)

    def _record(self, value: Any, name: str) -> Any:
        known = _fields(type(value))
        fields = {key: one for key, one in vars(value).items() if known is None or key in known}
        return ["o", name, list(fields), *self._inner(fields.values())]


_ENCODE: dict[type, Callable[[Encoder, Any], Any]] = {
    np.ndarray: Encoder._array,
    list: Encoder._list,
    tuple: Encoder._tuple,
    dict: Encoder._dict,
    set: Encoder._set,
    frozenset: Encoder._frozenset,
    complex: lambda e, v: ["C", *e._inner((v.real, v.imag))],
    bytes: lambda e, v: ["y", len(v), *e._put(np.frombuffer(v, np.uint8))],
    fractions.Fraction: lambda e, v: ["F", *e._inner((v.numerator, v.denominator))] if moderate(v) else e.odd(v),
    decimal.Decimal: lambda e, v: ["M", str(v)] if moderate(v) else e.odd(v),
    Backend: lambda e, v: ["b", v.name, str(v.dtype).removeprefix("torch.")],
    Reference: lambda e, v: ["N", v.name],
    **dict.fromkeys(set(np.sctypeDict.values()), Encoder.scalar),
}


class Decoder:
    """One message's values. `names`: what references name, on the student's side."""

    def __init__(self, buffers: Sequence[Buffer], names: Callable[[str], Any] | None = None) -> None:
        self.buffers, self._names = buffers, names
        self.nodes = 0
        """Values so far, as if nothing were shared: what has come already counts again with all that it holds."""
        self._made: list[Any] = []
        self._weights: list[int] = []
        self._taken = 0

    def value(self, node: Any) -> Any:
        """The value; WireError for whatever `Encoder.node` can't have made."""
        try:
            return self._value(node)
        except WireError:
            raise
        except Exception as error:
            raise WireError(f"a value can't be read: {type(error).__name__}") from None

    def _value(self, node: Any) -> Any:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise WireError("a message with too many values")
        kind = type(node)
        if kind is list:
            return _DECODE[node[0]](self, *node[1:])
        if kind is str:
            return node if node.isascii() else whole(node)
        if kind is dict:
            raise WireError("a value without a tag")
        return node

    def _all(self, nodes: Sequence[Any]) -> list[Any]:
        return [self._value(node) for node in nodes]

    def _with(self, made: Any, fill: Callable[[], None]) -> Any:
        """A value with an identity. What it holds can't be itself: `probe.plain` makes no circles."""
        place = len(self._made)
        self._made.append(None)
        self._weights.append(-self.nodes)
        fill()
        self._weights[place] += self.nodes
        self._made[place] = made
        return made

    def _list(self, *nodes: Any) -> Any:
        made: list[Any] = []
        return self._with(made, lambda: made.extend(self._all(nodes)))

    def _set(self, *nodes: Any) -> Any:
        made: set[Any] = set()
        return self._with(made, lambda: made.update(_hashable(self._all(nodes))))

    def _dict(self, *nodes: Any) -> Any:
        made: dict[Any, Any] = {}

        def fill() -> None:
            values = self._all(nodes)
            made.update(zip(_hashable(values[::2]), values[1::2], strict=True))

        return self._with(made, fill)

    def _record(self, name: Any, fields: Any, *nodes: Any) -> Any:
        if name not in RECORDS:
            raise WireError("a record of an unknown kind")
        cls = _find(name)
        known = _fields(cls)
        for field in fields:
            if not field.isidentifier() or field.startswith("__") or (known is not None and field not in known):
                raise WireError("a record with an unknown field")
        made = object.__new__(cls) if known else cls()

        def fill() -> None:
            for field, value in zip(fields, self._all(nodes), strict=True):
                object.__setattr__(made, field, value)

        return self._with(made, fill)

    def _met(self, place: Any) -> Any:
        if type(place) is not int or place < 0 or self._made[place] is None:
            raise WireError("a value that has not come")
        self.nodes += max(0, self._weights[place])
        return self._made[place]

    def _array(self, dtype: Any, shape: Any, order: Any, buffer: Any, at: Any) -> np.ndarray:
        place = len(self._made)
        self._made.append(None)
        self._weights.append(1)
        kind = DTYPES.get(dtype)
        if kind is None or type(shape) is not list or len(shape) > 32:
            raise WireError("an array of an unknown kind")
        for n in shape:
            if type(n) is not int or not 0 <= n < 1 << 48:
                raise WireError("an array of an impossible shape")
        if order is not None and sorted(order) != list(range(len(shape))):
            raise WireError("an array whose axes are out of order")
        size = math.prod(shape) * kind.itemsize
        raw = self._bytes_at(size, buffer, at)
        if kind.kind == "b" and size and np.frombuffer(raw, np.uint8).max() > 1:
            raise WireError("an array of truths that are neither")
        sizes = shape if order is None else [shape[axis] for axis in order]
        found = np.ndarray(sizes, kind, raw).copy() if size else np.empty(sizes, kind)
        self._made[place] = found if order is None else found.transpose(np.argsort(order))
        return self._made[place]

    def _bytes_at(self, size: Any, buffer: Any, at: Any) -> memoryview:
        if type(size) is not int or type(buffer) is not int or type(at) is not int or min(size, buffer, at) < 0:
            raise WireError("bytes in an impossible place")
        if not size:
            return memoryview(b"")
        whole = memoryview(self.buffers[buffer])
        self._taken += size
        if at + size > len(whole) or self._taken > sum(map(len, self.buffers)):
            raise WireError("bytes beyond what came")
        return whole[at : at + size]

    def _scalar(self, dtype: Any, digits: Any) -> Any:
        if dtype not in DTYPES or type(digits) is not str or len(digits) > 64:
            raise WireError("a number of an unknown kind")
        raw, kind = bytes.fromhex(digits), DTYPES[dtype]
        if len(raw) != kind.itemsize or (kind.kind == "b" and raw not in (b"\0", b"\1")):
            raise WireError("a number of the wrong size")
        return np.frombuffer(raw, kind)[0]

    def _odd(self, kind: Any, can_be_called: Any, device: Any) -> Odd:
        if not isinstance(kind, str) or type(can_be_called) is not bool or not isinstance(device, str):
            raise WireError("a name for nothing")
        return Odd(whole(kind[:200]), can_be_called, whole(device[:40]))

    def _named(self, name: Any) -> Any:
        if self._names is None or not isinstance(name, str):
            raise WireError("a reference that nobody gave")
        return self._names(name)

    def _backend(self, name: Any, dtype: Any) -> Any:
        if name not in NAMES or dtype not in PRECISIONS:
            raise WireError("a backend of an unknown name")
        return backend(name, dtype)


def _hashable(values: list[Any]) -> list[Any]:
    """The same, which become members or keys; WireError where many have been given one hash."""
    if len(values) > COLLISIONS and max(collections.Counter(map(hash, values)).values()) > COLLISIONS:
        raise WireError("values that were made to have one hash")
    return values


def _exactly(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise WireError(f"something else than {kind.__name__}")
    return value


def _digits(text: Any) -> str:
    if len(_exactly(str, text)) > LONGEST_NUMBER:
        raise WireError("a number that is too long")
    return str(text)


def _infinite(decoder: Decoder, name: Any) -> float:
    if name not in ("nan", "inf", "-inf"):
        raise WireError("a number that is none")
    return float(name)


def _decimal(decoder: Decoder, digits: Any) -> decimal.Decimal:
    found = decimal.Decimal(_digits(digits))
    if not moderate(found):
        raise WireError("a number that is too long")
    return found


def _complex(decoder: Decoder, real: Any, imag: Any) -> complex:
    return complex(*(_exactly(float, decoder._value(part)) for part in (real, imag)))


def _fraction(decoder: Decoder, over: Any, under: Any) -> fractions.Fraction:
    return fractions.Fraction(*(_exactly(int, decoder._value(part)) for part in (over, under)))


_DECODE: dict[str, Callable[..., Any]] = {
    "i": lambda d, digits: int(_digits(digits), 16),
    "f": _infinite,
    "C": _complex,
    "y": lambda d, size, buffer, at: bytes(d._bytes_at(size, buffer, at)),
    "t": lambda d, *nodes: tuple(d._all(nodes)),
    "z": lambda d, *nodes: frozenset(_hashable(d._all(nodes))),
    "l": Decoder._list,
    "s": Decoder._set,
    "d": Decoder._dict,
    "o": Decoder._record,
    "a": Decoder._array,
    "n": Decoder._scalar,
    "r": Decoder._odd,
    "N": Decoder._named,
    "m": Decoder._met,
    "b": Decoder._backend,
    "F": _fraction,
    "M": _decimal,
}
