"""Command lines that answer a mistake with one sentence and exit code 2, and kinds of options that they share."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from helpers.errors import CourseError


class Parser(argparse.ArgumentParser):
    """argparse without the usage dump: `error: …`, exit code 2."""

    def error(self, message: str) -> NoReturn:
        message = message.rstrip(".")
        print(f"error: {message[:1].upper()}{message[1:]}; see {self.prog} --help.", file=sys.stderr)
        raise SystemExit(2)


def run(main: Callable[..., Any], *args: Any) -> int:
    """Exit code of main(*args): 0, 2 for a CourseError (its sentence on stderr), 130 if stopped by Ctrl-C."""
    try:
        main(*args)
    except CourseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; nothing was written.", file=sys.stderr)
        return 130
    return 0


def check_folder(out: Path) -> None:
    """A CourseError now, rather than after an hour, where nothing could be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise CourseError(
            f"The folder {out} cannot be written ({error.strerror}); choose another with --out."
        ) from None


def rate(text: str) -> float:
    """An option's learning rate."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a learning rate, give positive finite numbers")
    return value


def count(text: str) -> int:
    """An option's count, at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a count, give a whole number of at least 1")
    return int(text)
