"""What the studies' command lines share: kinds of options, and files that appear whole or not at all."""

from __future__ import annotations

import argparse
import csv
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write(
    out: Path, figures: Callable[[], Mapping[str, Figure]], tables: Mapping[str, Iterable[dict[str, Any]]]
) -> None:
    """Write figures (file name -> figure) and tables (file name -> rows) into the folder `out`, and say so.

    All are made in a folder beside before the first is put in place.
    """
    from helpers import plots

    out.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=out, prefix=".part-"))
    try:
        for name, figure in figures().items():
            plots.save(figure, part / name)
        for name, rows in tables.items():
            write_csv(part / name, rows)
        names = sorted(path.name for path in part.iterdir())
        for name in names:
            os.replace(part / name, out / name)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    print(f"\nwritten to {out}: {', '.join(names)}")


def write_csv(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """A CSV file of rows; the columns are all names that occur, in the order of their first appearance."""
    rows = list(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


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
