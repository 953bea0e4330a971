"""The studies' files, which appear whole or not at all."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
