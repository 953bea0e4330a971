"""Handles: an object of the other process, seen as far as it can be reached from here.

A handle's type is called as the object's, and has just the special methods that the object's type has. Whether two
handles are the same object is known here; what the other side thinks of equality and truth is not asked.
"""

from __future__ import annotations

import functools
from typing import Any

from .codec import EQUALITY, SHAPES, TRUTH

ASKED = frozenset({"__name__", "__qualname__", "__doc__", "__dict__", "__wrapped__", "__self__", "__func__"})
"""Special names that are asked of the object itself; all others belong to the handle."""

_COPIED = ("__reduce__", "__reduce_ex__")
_MINE = frozenset(
    [*_COPIED, "__class__", "__weakref__", "__repr__", "__str__", "__hash__", "__eq__", "__course_remote__"]
)


class Remote:
    """A proxy of an object in the other process: attributes, items, calls and iteration are forwarded to it."""

    __slots__ = ("__weakref__", "_link", "_number")
    __course_remote__ = True

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name not in ASKED:
            if name in _MINE or (name in SHAPES and hasattr(type(self), name)):
                return object.__getattribute__(self, name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if name.startswith(("_repr_", "_ipython_")):  # a student's object does not say how a test cell looks
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return _ask(self, "get", name)

    def __setattr__(self, name: str, value: Any) -> None:
        _ask(self, "set", name, value)

    def __delattr__(self, name: str) -> None:
        _ask(self, "delete", name)

    def __dir__(self) -> list[str]:
        return [str(name) for name in _ask(self, "dir")]

    def __repr__(self) -> str:
        return _words(self, "repr")

    def __str__(self) -> str:
        return _words(self, "str")

    def __format__(self, how: str) -> str:
        return format(str(self), how)

    def __eq__(self, other: object) -> bool:
        if not type(self)._shape & EQUALITY or self is other:
            return self is other
        raise TypeError(f"An object of type {type(self).__name__} can't be compared; compare plain numbers of it.")

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __bool__(self) -> bool:
        if not type(self)._shape & TRUTH:
            return True
        raise TypeError(f"An object of type {type(self).__name__} is neither true nor false; look at plain data of it.")

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(f"An object of type {type(self).__name__} can't be copied from its process.")

    _shape = 0

    @staticmethod
    def beside(handle: Remote, function: str, *args: Any, **kwargs: Any) -> Any:
        """What a public function of the course ("module:name") makes of the object, called in its own process."""
        return _ask(handle, "beside", function, args, tuple(kwargs.items()))


def _words(handle: Remote, operation: str) -> str:
    return str(_ask(handle, operation)) if link_of(handle).asks_words else f"<{type(handle).__name__} object>"


def _number(self: Remote) -> Any:
    if link_of(self).trusting:
        return _ask(self, "float")
    raise TypeError(f"A number is asked for, and this is an object of type {type(self).__name__}.")


def _method(name: str) -> Any:
    operation = name.strip("_")

    def ask(self: Remote, *args: Any) -> Any:
        return _ask(self, operation, *args)

    ask.__name__ = name
    return ask


def _call(self: Remote, /, *args: Any, **kwargs: Any) -> Any:
    return _ask(self, "call", args, tuple(kwargs.items()))


def _array(self: Remote, dtype: Any = None, copy: Any = None) -> Any:
    import numpy as np

    found = _ask(self, "array")
    if not isinstance(found, np.ndarray):
        raise TypeError(f"An object of type {type(self).__name__} has no numbers.")
    return found if dtype is None else found.astype(dtype)


_METHODS = {name: _method(name) for name in SHAPES} | {"__call__": _call, "__array__": _array}


@functools.lru_cache(2_000)
def _class(kind: str, shape: int) -> type[Remote]:
    body = {name: _METHODS[name] for i, name in enumerate(SHAPES) if shape >> i & 1}
    numbers = dict.fromkeys(("__float__", "__int__", "__index__", "__complex__"), _number)
    own = {"__slots__": (), "_shape": shape, "__module__": "__main__", "__hash__": Remote.__hash__}
    return type(kind, (Remote,), {**own, **numbers, **body})


def make(link: Any, number: int, kind: str, shape: int) -> Remote:
    """The handle of the other side's object with that number; kind: the name of its type, shape: what it can do."""
    handle = object.__new__(_class(kind if kind.isidentifier() else "object", shape & (1 << len(SHAPES) + 2) - 1))
    object.__setattr__(handle, "_link", link)
    object.__setattr__(handle, "_number", number)
    return handle


def link_of(handle: Remote) -> Any:
    return object.__getattribute__(handle, "_link")


def number_of(handle: Remote) -> int:
    return int(object.__getattribute__(handle, "_number"))


def _ask(handle: Remote, operation: str, *args: Any) -> Any:
    return link_of(handle).request(operation, handle, *args)
