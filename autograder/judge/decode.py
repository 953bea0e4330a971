"""Decode JSON and buffers to values. The sender is untrusted: bad input raises `WireError` only."""

from __future__ import annotations

import collections
import decimal
import fractions
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from helpers.backend import DTYPES, NAMES, backend

from ..kernel.wire import Buffer, WireError
from ..text import whole
from . import kinds
from .changes import alike
from .codec import MOST_NODES
from .memory import Memory

COLLISIONS = 50
"""Members of a set, or keys, that may have one hash. Each costs a comparison with all before it."""
_KINDS = {name: np.dtype(name) for name in kinds.DTYPES}


class Decoder:
    """One message's values. `asked`: the arguments, in their order, that the message answers."""

    def __init__(self, memory: Memory, buffers: Sequence[Buffer], asked: Sequence[Any] = ()) -> None:
        self.memory, self.buffers, self.asked = memory, buffers, asked
        self.mutable: list[Any] = []
        self.nodes = 0
        """Values so far, as if nothing were shared: what has come already counts again with all that it holds."""
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

    def pairs(self, told: Any) -> Iterator[tuple[int, Any]]:
        """Places and nodes; WireError for anything else."""
        for pair in told if isinstance(told, list) else [None]:
            if not isinstance(pair, list) or len(pair) != 2 or type(pair[0]) is not int or pair[0] < 0:
                raise WireError("a change of nothing")
            yield pair[0], pair[1]

    def _value(self, node: Any) -> Any:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise WireError("a message with too many values")
        kind = type(node)
        if kind is list:
            return _BY_TAG[node[0]](self, *node[1:])
        if kind is str:
            return node if node.isascii() else whole(node)
        if kind is dict:
            raise WireError("a value without a tag")
        return node

    def _all(self, nodes: Sequence[Any]) -> list[Any]:
        """`_value` of each, without a call for what stays as it is: half of all values."""
        made, plain = [], 0
        for node in nodes:
            kind = type(node)
            if kind is list or kind is dict:
                node = self._value(node)
            else:
                plain += 1
                if kind is str and not node.isascii():
                    node = whole(node)
            made.append(node)
        self.nodes += plain
        if self.nodes > MOST_NODES:
            raise WireError("a message with too many values")
        return made

    def _begin(self, made: Any) -> int:
        """A value with an identity, whose parts may name it already. Its place."""
        self.mutable.append(made)
        self._weights.append(-self.nodes)
        return len(self.mutable) - 1

    def _end(self, key: Any, place: int) -> Any:
        """The object that is known by this key, if its content is still the same, else what was made."""
        if type(key) is not int or key == 0:
            raise WireError("a value without a number")
        self._weights[place] += self.nodes
        made, known = self.mutable[place], self.memory.same(key)
        if known is not None and alike(known, made):
            self.mutable[place] = known
            return known
        self.memory.learn(key, made)
        return made

    def _list(self, key: Any, *nodes: Any) -> Any:
        made: list[Any] = []
        place = self._begin(made)
        made.extend(self._all(nodes))
        return self._end(key, place)

    def _set(self, key: Any, *nodes: Any) -> Any:
        made: set[Any] = set()
        place = self._begin(made)
        made.update(_hashable(self._all(nodes)))
        return self._end(key, place)

    def _dict(self, key: Any, *nodes: Any) -> Any:
        made: dict[Any, Any] = {}
        place = self._begin(made)
        values = self._all(nodes)
        made.update(zip(_hashable(values[::2]), values[1::2], strict=True))
        return self._end(key, place)

    def _record(self, key: Any, name: Any, fields: Any, *nodes: Any) -> Any:
        if name not in kinds.RECORDS:
            raise WireError("a record of an unknown kind")
        cls = kinds.find(name)
        known = kinds.fields_of(cls)
        for field in fields:
            if not field.isidentifier() or field.startswith("__") or (known is not None and field not in known):
                raise WireError("a record with an unknown field")

        made = object.__new__(cls) if known else cls()
        place = self._begin(made)
        for field, value in zip(fields, self._all(nodes), strict=True):
            object.__setattr__(made, field, value)
        return self._end(key, place)

    def _array(self, key: Any, *parts: Any) -> Any:
        return self._end(key, self._begin(self._numbers(*parts)))

    def _numbers(self, dtype: Any, shape: Any, order: Any, writeable: Any, buffer: Any, at: Any) -> np.ndarray:
        kind = _KINDS.get(dtype)
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
        found = found if order is None else found.transpose(np.argsort(order))
        if writeable is not True:
            found.flags.writeable = bool(writeable)
        return found

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
        if dtype not in kinds.DTYPES or type(digits) is not str or len(digits) > 64:
            raise WireError("a number of an unknown kind")
        raw, kind = bytes.fromhex(digits), _KINDS[dtype]
        if len(raw) != kind.itemsize or (kind.kind == "b" and raw not in (b"\0", b"\1")):
            raise WireError("a number of the wrong size")
        return np.frombuffer(raw, kind)[0]

    def _tensor(self, key: Any, kind: Any, place: Any, gradient: Any, *parts: Any) -> Any:
        import torch

        if kind not in kinds.TENSORS or type(gradient) is not bool or type(place) is not str or len(place) > 20:
            raise WireError("a tensor of an unknown kind")

        def make() -> Any:
            numbers = self._numbers(*parts)
            numbers.flags.writeable = True
            made = torch.from_numpy(numbers.astype(numbers.dtype.newbyteorder("="), copy=False))
            made = made.view(torch.bfloat16) if kind == "bfloat16" else made
            if made.dtype is not getattr(torch, kind):
                raise WireError("a tensor of two kinds")
            device = torch.device(place)
            made = made.to(device) if device.type == "cuda" and torch.cuda.is_available() else made
            return made.requires_grad_() if gradient else made

        return self._end(key, self._begin(make()))

    def _reference(self, number: Any, kind: Any, shape: Any) -> Any:
        if type(number) is not int or number <= 0 or not isinstance(kind, str) or type(shape) is not int:
            raise WireError("a name for nothing")
        return self.memory.handle(number, whole(kind[:200]), shape)

    def _returned(self, number: Any) -> Any:
        if type(number) is not int or number not in self.memory.own:
            raise WireError("an object that was never handed over")
        return self.memory.own[number]

    def _asked(self, place: Any) -> Any:
        if type(place) is not int or place < 0:
            raise WireError("an argument that is none")
        return self.asked[place]

    def _met(self, place: Any) -> Any:
        if type(place) is not int or place < 0:
            raise WireError("a value that has not come")
        self.nodes += max(0, self._weights[place])
        return self.mutable[place]

    def _constant(self, name: Any) -> Any:
        if name not in kinds.CONSTANTS:
            raise WireError("a type of an unknown name")
        return kinds.find(name)

    def _backend(self, name: Any, dtype: Any) -> Any:
        if name not in NAMES or dtype not in DTYPES:
            raise WireError("a backend of an unknown name")
        return _backend(name, dtype)

    def _torch(self, what: Any, name: Any) -> Any:
        import torch

        if what == "dtype" and name in kinds.TENSORS:
            return getattr(torch, name)
        if what == "device" and type(name) is str and len(name) < 20:
            return torch.device(name)
        raise WireError("an unknown part of torch")

    def _text(self, name: Any, value: Any) -> Any:
        if name not in kinds.TEXTS or not isinstance(value, str):
            raise WireError("a text of an unknown kind")
        return kinds.find(name)(whole(value))


_backend = functools.lru_cache(backend)


def _hashable(values: list[Any]) -> list[Any]:
    """The same, which become members or keys; WireError where many have been given one hash."""
    if len(values) > COLLISIONS:
        hashes = collections.Counter(map(hash, values))
        if max(hashes.values()) > COLLISIONS:
            raise WireError("values that were made to have one hash")
    return values


def _exactly(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise WireError(f"something else than {kind.__name__}")
    return value


def _digits(text: Any) -> str:
    if len(_exactly(str, text)) > kinds.LONGEST_NUMBER:
        raise WireError("a number that is too long")
    return str(text)


def _whole(decoder: Decoder, digits: Any) -> int:
    return int(_digits(digits), 16)


def _infinite(decoder: Decoder, name: Any) -> float:
    if name not in ("nan", "inf", "-inf"):
        raise WireError("a number that is none")
    return float(name)


def _decimal(decoder: Decoder, digits: Any) -> decimal.Decimal:
    found = decimal.Decimal(_digits(digits))
    if not kinds.moderate(found):
        raise WireError("a number that is too long")
    return found


def _complex(decoder: Decoder, real: Any, imag: Any) -> complex:
    return complex(*(_exactly(float, decoder._value(part)) for part in (real, imag)))


def _range(decoder: Decoder, *parts: Any) -> range:
    start, stop, step = (_exactly(int, decoder._value(part)) for part in parts)
    found = range(start, stop, step)
    if not kinds.moderate(found):
        raise WireError("a range that is too long")
    return found


def _fraction(decoder: Decoder, over: Any, under: Any) -> fractions.Fraction:
    return fractions.Fraction(*(_exactly(int, decoder._value(part)) for part in (over, under)))


_BY_TAG: dict[str, Callable[..., Any]] = {
    "i": _whole,
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
    "T": Decoder._tensor,
    "r": Decoder._reference,
    "R": Decoder._returned,
    "A": Decoder._asked,
    "m": Decoder._met,
    "c": Decoder._constant,
    "b": Decoder._backend,
    "P": Decoder._torch,
    "x": Decoder._text,
    "D": lambda d, name: np.dtype(name) if name in kinds.DTYPES else _infinite(d, ""),
    "S": lambda d, start, stop, step: slice(d._value(start), d._value(stop), d._value(step)),
    "g": _range,
    "F": _fraction,
    "M": _decimal,
    "...": lambda d: Ellipsis,
    "ni": lambda d: NotImplemented,
}
