"""Command lines that answer a mistake with one sentence and exit code 2."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
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
