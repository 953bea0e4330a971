"""The student's side: do what a check asks of the student's objects, and send back plain data.

Nothing here is a protection: this is the student's process, and its answers are not trusted.
"""

from __future__ import annotations

import functools
import importlib
import socket
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from helpers.check.core.limits import time_limit

from .codec import SHAPES
from .link import Link
from .steady import Watch

REPR = 10_000
BESIDE = ("helpers.check.",)
"""Functions that run beside a student's object come from here."""


class Server:
    """Answers the requests that come over `sock`, about the objects that `names` reaches."""

    def __init__(
        self, sock: socket.socket, names: Mapping[str, Any], more: Mapping[str, Callable[..., Any]] | None = None
    ):
        self.names, self.more, self.watch = names, more or {}, Watch()
        self.link = Link(sock, self._answer, patience=lambda: 3_600.0, trusting=True, note=self._note)

    def once(self) -> bool:
        """Wait for one request and answer it; False when nothing will come any more."""
        return self.link.serve_one()

    def _note(self) -> Any:
        try:
            return self.watch.note(self.names)
        except Exception:  # a student's own table of names may do anything
            return None

    def _answer(self, operation: str, values: list[Any], header: dict[str, Any]) -> Any:
        if operation in self.more:
            return self.more[operation](*values)
        if operation == "names":
            return self.watch.asked(self.names, values[0])
        if operation == "beside" and hasattr(_of_the_checks(values[1]), "limits_itself"):
            return _beside(*values)
        with time_limit(float(header["s"])):
            return OPERATIONS[operation](*values)


def _call(function: Any, args: tuple[Any, ...], named: tuple[tuple[str, Any], ...]) -> Any:
    return function(*args, **dict(named))


def _beside(value: Any, function: str, args: tuple[Any, ...], named: tuple[tuple[str, Any], ...]) -> Any:
    return _of_the_checks(function)(value, *args, **dict(named))


@functools.lru_cache
def _of_the_checks(function: str) -> Callable[..., Any]:
    module, _, name = function.partition(":")
    if not f"{module}.".startswith(BESIDE):
        raise ValueError(f"{function} is not a function of the checks.")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def _array(value: Any) -> Any:
    return np.asarray(value)


def _special(name: str) -> Callable[..., Any]:
    return lambda value, *args: getattr(type(value), name)(value, *args)


OPERATIONS: dict[str, Callable[..., Any]] = {name.strip("_"): _special(name) for name in SHAPES} | {
    "call": _call,
    "get": getattr,
    "set": setattr,
    "delete": delattr,
    "dir": dir,
    "len": len,
    "iter": iter,
    "next": next,
    "repr": lambda value: repr(value)[:REPR],
    "str": lambda value: str(value)[:REPR],
    "array": _array,
    "beside": _beside,
}


_servers: dict[int, Server] = {}


def serve_one(sock: socket.socket, names: Mapping[str, Any]) -> bool:
    """Answer the one request that waits on `sock`, about the objects in `names`; False when the other side has gone."""
    server = _servers.get(id(sock))
    if server is None:
        server = _servers[id(sock)] = Server(sock, names)
    server.names = names
    return server.once()
