"""Where in an array the error sits: a small grid, as text for terminals and as a table for notebooks."""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np

ROWS, COLUMNS = 12, 24
"""What is shown of a larger array: its first rows and columns."""
MEANING = {"·": "right", "▲": "too large", "▼": "too small", "?": "not a number"}
COLOURS = {"·": "#E8E8E8", "▲": "#E69F00", "▼": "#56B4E9", "?": "#CC79A7"}
"""Of the Okabe-Ito set, which colour-blind people can tell apart; the marks say the same without colour."""


@dataclass(frozen=True)
class Picture:
    """Marks of the entries of `what`, one string a row, and how many of how many are wrong. It shows no values."""

    what: str
    shape: tuple[int, ...]
    rows: tuple[str, ...]
    wrong: int
    size: int

    def __str__(self) -> str:
        return "\n".join([self.caption(), *("  " + " ".join(row) for row in self.rows)])

    def caption(self) -> str:
        """The picture in words."""
        size = " × ".join(map(str, self.shape))
        cut = ", the upper left corner" if self.shown() < self.size else ""
        used = [mark for mark in MEANING if any(mark in row for row in self.rows)]
        legend = ", ".join(f"{mark} {MEANING[mark]}" for mark in used)
        return f"Where {self.what} ({size}{cut}) is wrong, {self.wrong} of {self.size} entries: {legend}"

    def shown(self) -> int:
        return sum(map(len, self.rows))

    def as_html(self) -> str:
        cell = "width:1.3em;height:1.3em;text-align:center;padding:0;border:1px solid #fff;color:#000;background:"
        rows = "".join(
            "<tr>" + "".join(f'<td style="{cell}{COLOURS[mark]}">{mark}</td>' for mark in row) + "</tr>"
            for row in self.rows
        )
        caption = html.escape(self.caption())
        return (
            f'<div style="font-size:smaller;margin-top:4px">{caption}</div>'
            f'<table role="img" aria-label="{caption}" style="border-collapse:collapse;margin:2px 0">{rows}</table>'
        )


def picture(got: np.ndarray, expected: np.ndarray, right: np.ndarray, what: str) -> Picture | None:
    """The picture of two arrays of one shape; None where it would say nothing (all wrong, one entry, no grid)."""
    if got.shape != expected.shape or got.ndim == 0 or right.all() or not right.any():
        return None
    marks = np.where(right, "·", np.where(got > expected, "▲", "▼"))
    marks = np.where(right | np.isfinite(got), marks, "?")
    grid = marks.reshape(1, -1) if got.ndim == 1 else marks.reshape(-1, got.shape[-1])
    rows = tuple("".join(row[:COLUMNS]) for row in grid[:ROWS])
    return Picture(what.strip(", "), got.shape, rows, int((~right).sum()), right.size)
