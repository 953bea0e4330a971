"""Cells can't read input: `input` and `getpass` raise ipykernel's error."""

import builtins
import contextlib
import getpass
from collections.abc import Iterator
from typing import Any, NoReturn

from IPython.core.error import StdinNotImplementedError


@contextlib.contextmanager
def no_input() -> Iterator[None]:
    """While a cell runs."""
    before = builtins.input, getpass.getpass
    builtins.input, getpass.getpass = _refuse("raw_input"), _refuse("getpass")
    try:
        yield
    finally:
        builtins.input, getpass.getpass = before


def _refuse(name: str) -> Any:
    def refuse(prompt: object = "", *args: object, **kwargs: object) -> NoReturn:
        raise StdinNotImplementedError(f"{name} was called, but this frontend does not support input requests.")

    return refuse
