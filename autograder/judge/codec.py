"""Values as JSON and buffers, and back: plain data by value, everything else by name. Nothing is unpickled or executed.

A value is one JSON value: `null`, `true`, numbers and text as they are, and a list that begins with a tag for all else.
Subclasses become their base kind when they are sent, and only base kinds are built on arrival.
"""

from __future__ import annotations

import decimal
import fractions
import math
import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from . import kinds
from .memory import Memory

MOST_NODES = 1_000_000
LARGEST = 4_000_000
"""Characters, and sixteen for any other value, of one message without its arrays."""
MOST_DEPTH = 56
"""Lists inside lists; what lies deeper stays where it is and is only named."""
LARGE = 1 << 14
"""Bytes from which an array has a buffer of its own."""
SHAPES = (
    "__call__", "__len__", "__iter__", "__next__", "__getitem__", "__setitem__", "__delitem__", "__contains__",
    "__array__", "__enter__", "__exit__", "__reversed__",
)  # fmt: skip
"""What an object can do, told as bits; two more: it has a truth of its own, and an equality of its own."""
TRUTH, EQUALITY = 1 << len(SHAPES), 2 << len(SHAPES)
_BITS = {name: 1 << i for i, name in enumerate(SHAPES)} | {"__bool__": TRUTH}
_BITS["__len__"] |= TRUTH
_SPECIAL = frozenset(_BITS)


def shape_of(value: Any) -> int:
    cls, found = type(value), dict[str, Any]()
    for base in reversed(type.mro(cls)):
        own = vars(base)
        for name in _SPECIAL.intersection(own):
            found[name] = own[name]
    bits = 0
    for name, method in found.items():
        bits |= 0 if method is None else _BITS[name]
    return bits if cls.__eq__ is object.__eq__ else bits | EQUALITY


class Encoder:
    """One message's values. `known`: id -> place of the arguments that are being answered; they are not repeated."""

    def __init__(
        self, memory: Memory, theirs: Callable[[Any], int | None], known: dict[int, int] | None = None
    ) -> None:
        self.memory, self.theirs, self.known = memory, theirs, known or {}
        self.small = bytearray()
        self.large: list[memoryview] = []
        self.mutable: list[Any] = []
        self._places: dict[int, int] = {}
        self._depth = self._size = 0

    @property
    def buffers(self) -> list[Any]:
        return [self.small, *self.large] if self.small or self.large else []

    def node(self, value: Any) -> Any:
        """The value as JSON; the bytes of arrays go into `buffers`."""
        cls = type(value)
        self._size += len(value) if cls is str else 16
        self._fits()
        if cls is str or cls is bool or value is None:
            return value
        if cls is int:
            return value if -(1 << 63) <= value < 1 << 64 else _long(self, value)
        if cls is float:
            return value if math.isfinite(value) else ["f", str(value)]
        encode = _BY_TYPE.get(cls)
        if encode is not None:
            return encode(self, value)
        number = self.theirs(value)
        if number is not None:
            return ["R", number]
        for known, encode in _BY_TYPE.items():
            if issubclass(cls, known):
                return encode(self, value)
        torch = sys.modules.get("torch")
        if torch is not None and issubclass(cls, torch.Tensor):
            return self._tensor(value)
        return self._other(value)

    def content(self, value: Any) -> Any:
        """The node of an argument that is told again, because the call changed it."""
        place = self.known.pop(id(value), None)
        try:
            return self.node(value)
        finally:
            if place is not None:
                self.known[id(value)] = place

    def reference(self, value: Any) -> Any:
        return ["r", self.memory.name(value), type(value).__name__[:200], shape_of(value)]

    def _inner(self, values: Iterable[Any]) -> list[Any]:
        """`node` of each, without a call for what stays as it is: half of all values."""
        self._depth += 1
        try:
            found, size = [], 0
            for value in values:
                cls = type(value)
                if cls is str:
                    size += len(value)
                elif (
                    cls is bool
                    or value is None
                    or (cls is float and -math.inf < value < math.inf)
                    or (cls is int and -(1 << 63) <= value < 1 << 64)
                ):
                    size += 16
                else:
                    self._size, size = self._size + size, 0
                    value = self.node(value)
                if size > LARGEST:
                    break
                found.append(value)
            self._size += size
            self._fits()
            return found
        finally:
            self._depth -= 1

    def _fits(self) -> None:
        if self._size > LARGEST:
            raise OverflowError("This value is too large to be looked at; results should be small.")

    def _met(self, value: Any) -> Any:
        """How a value with an identity is named when it stood in this message, or in the one it answers, already."""
        place = self.known.get(id(value))
        if place is not None:
            return ["A", place]
        place = self._places.get(id(value))
        if place is not None:
            return ["m", place]
        if self._depth >= MOST_DEPTH:
            return self.reference(value)
        self._places[id(value)] = len(self.mutable)
        self.mutable.append(value)
        return None

    def _list(self, value: list[Any]) -> Any:
        met = self._met(value)
        return met or ["l", self.memory.key(value), *self._inner(list.__iter__(value))]

    def _set(self, value: set[Any]) -> Any:
        met = self._met(value)
        return met or ["s", self.memory.key(value), *self._inner(set.__iter__(value))]

    def _dict(self, value: dict[Any, Any]) -> Any:
        met = self._met(value)
        return met or ["d", self.memory.key(value), *self._inner(part for pair in dict.items(value) for part in pair)]

    def _tuple(self, value: tuple[Any, ...]) -> Any:
        if self._depth >= MOST_DEPTH:
            return self.reference(value)
        return ["t", *self._inner(tuple.__iter__(value))]

    def _frozenset(self, value: frozenset[Any]) -> Any:
        return self.reference(value) if self._depth >= MOST_DEPTH else ["z", *self._inner(frozenset.__iter__(value))]

    def _bytes(self, value: bytes | bytearray) -> Any:
        return ["y", len(value), *self._put(np.frombuffer(value, np.uint8))]

    def _array(self, value: np.ndarray) -> Any:
        if value.dtype.str not in kinds.DTYPES:
            return self.reference(value)
        met = self._met(value)
        plain = value if type(value) is np.ndarray else value.view(np.ndarray)
        return met or ["a", self.memory.key(value), *self._numbers(plain)]

    def _numbers(self, value: np.ndarray) -> list[Any]:
        """Type, shape, order of the axes in memory, whether it may be written, and where the bytes are."""
        shape, order, writeable = list(value.shape), None, value.flags.writeable
        if not value.flags.c_contiguous:
            value = value.copy(order="K")
            order = sorted(range(value.ndim), key=lambda axis: -abs(value.strides[axis]))
            if value.transpose(order).flags.c_contiguous:
                value = value.transpose(order)
            else:
                order, value = None, value.copy(order="C")
        return [value.dtype.str, shape, order, writeable, *self._put(value)]

    def _put(self, value: np.ndarray) -> tuple[int, int]:
        if value.nbytes < LARGE or len(self.large) > 900:
            at = len(self.small)
            self.small += value.tobytes()
            return 0, at
        self.large.append(value.reshape(-1).view(np.uint8).data)
        return len(self.large), 0

    def _scalar(self, value: np.generic) -> Any:
        if value.dtype.str not in kinds.DTYPES:
            return str(value) if isinstance(value, np.str_) else self.reference(value)
        return ["n", value.dtype.str, value.tobytes().hex()]

    def _tensor(self, value: Any) -> Any:
        torch = sys.modules["torch"]
        kind, place = str(value.dtype).removeprefix("torch."), str(value.device)
        if kind not in kinds.TENSORS or value.layout is not torch.strided or value.device.type not in ("cpu", "cuda"):
            return self.reference(value)
        met = self._met(value)
        if met:
            return met
        plain = value.detach().as_subclass(torch.Tensor).cpu().resolve_conj().resolve_neg()
        plain = plain.view(torch.int16) if kind == "bfloat16" else plain
        gradient = bool(value.requires_grad)
        return ["T", self.memory.key(value), kind, place, gradient, *self._numbers(plain.numpy())]

    def _record(self, value: Any, name: str) -> Any:
        met = self._met(value)
        if met:
            return met
        known = kinds.fields_of(kinds.find(name))
        fields = {k: v for k, v in vars(value).items() if known is None or k in known}
        return ["o", self.memory.key(value), name, list(fields), *self._inner(fields.values())]

    def _other(self, value: Any) -> Any:
        """Values of odd types, records of the course's package, and at last a reference."""
        single = _SINGLE.get(id(value))
        if single:
            return [single]
        cls = type(value)
        if isinstance(cls, type) and issubclass(cls, type) and kinds.name_of(value) in kinds.CONSTANTS:
            name = kinds.name_of(value)
            return ["c", name] if kinds.find(name) is value else self.reference(value)
        for base in type.mro(cls)[:-1]:
            name = kinds.name_of(base)
            if name in kinds.RECORDS and kinds.find(name) is base:
                return self._record(value, name)
            if name == "helpers.backend:Backend":
                return ["b", value.name, str(value.dtype).removeprefix("torch.")]
            if name in ("torch:dtype", "torch:device"):
                return ["P", name[6:], str(value).removeprefix("torch.")]
        return self.reference(value)


def _text(encoder: Encoder, value: str) -> Any:
    name = kinds.name_of(type(value))
    return ["x", name, str.__str__(value)] if name in kinds.TEXTS else str.__str__(value)


def _slice(encoder: Encoder, value: slice) -> Any:
    return ["S", *encoder._inner((value.start, value.stop, value.step))]


def _long(encoder: Encoder, value: int) -> Any:
    return ["i", hex(value)] if kinds.moderate(value) else encoder.reference(value)


def _fraction(encoder: Encoder, value: fractions.Fraction) -> Any:
    over, under = int(value.numerator), int(value.denominator)
    fits = kinds.moderate(over) and kinds.moderate(under)
    return ["F", *encoder._inner((over, under))] if fits else encoder.reference(value)


def _decimal(encoder: Encoder, value: decimal.Decimal) -> Any:
    return ["M", decimal.Decimal.__str__(value)] if kinds.moderate(value) else encoder.reference(value)


def _range(encoder: Encoder, value: range) -> Any:
    fits = kinds.moderate(value)
    return ["g", *encoder._inner((value.start, value.stop, value.step))] if fits else encoder.reference(value)


_SINGLE = {id(Ellipsis): "...", id(NotImplemented): "ni"}
_BY_TYPE: dict[type, Callable[[Encoder, Any], Any]] = {
    np.ndarray: Encoder._array,
    np.generic: Encoder._scalar,
    list: Encoder._list,
    tuple: Encoder._tuple,
    dict: Encoder._dict,
    str: _text,
    int: lambda e, v: e.node(int.__int__(v)),
    float: lambda e, v: e.node(float.__float__(v)),
    complex: lambda e, v: ["C", *e._inner((v.real, v.imag))],
    set: Encoder._set,
    frozenset: Encoder._frozenset,
    bytes: Encoder._bytes,
    bytearray: Encoder._bytes,
    slice: _slice,
    range: _range,
    np.dtype: lambda e, v: ["D", v.str] if v.str in kinds.DTYPES else e.reference(v),
    fractions.Fraction: _fraction,
    decimal.Decimal: _decimal,
}
