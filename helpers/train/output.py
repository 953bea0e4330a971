"""What `python -m helpers.train` writes and says at its end, also at an early one."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from helpers.errors import CourseError
from helpers.progress import counted
from helpers.train.checkpoint import load_checkpoint
from helpers.train.history import History, write_csv

WEIGHTS = "weights.npz"


class Kept:
    """What a run leaves when it is interrupted. had: epochs of an earlier run in the folder, of `epochs` in all."""

    def __init__(self, out: Path, had: int, epochs: int) -> None:
        self.out, self.had, self.epochs = out, had, epochs
        self.saved = False

    def on_epoch(self, history: History) -> None:
        self.saved = True

    def stopped(self, arguments: Sequence[str]) -> None:
        """Write the figures of what is done and say, on stderr, how to go on."""
        again = shlex.join(
            ["python", "-m", "helpers.train", *(a for a in arguments if a != "--fresh" or not self.saved)]
        )
        done = self.had
        if self.saved:
            # The file decides: the epoch in memory may be one whose saving was interrupted.
            found = load_checkpoint(self.out / WEIGHTS)
            done = found.history.epochs
            write(self.out, found.history, found.spec.name)
        words = f"{done} of {self.epochs} epochs are kept in {self.out}" if done else "no epoch was done yet"
        print(f"\nstopped: {words}. To go on: {again}", file=sys.stderr)


def write(out: Path, history: History, name: str) -> list[str]:
    """Write history.csv and the figures of the network called `name`, each whole or not at all; returns the folder's
    files.
    """
    from helpers import plots

    part = out / f".history.csv.{os.getpid()}"
    try:
        try:
            write_csv(part, history)
            os.replace(part, out / "history.csv")
        finally:
            part.unlink(missing_ok=True)
        plots.save(plots.learning_curves(history, f"{name}, {history.label}"), out / "learning_curves.png")
        kind = history.held_out
        title = f"{kind.capitalize()} error of {name}, {history.label}"
        plots.save(plots.error_curve(history, title), out / f"{kind}_error.png")
    except OSError as error:
        raise CourseError(
            f"The results can't be written to {out} ({error.strerror}); {WEIGHTS} has all {history.epochs} epochs, "
            "so make room and give the same command again."
        ) from None
    return sorted(path.name for path in out.iterdir() if not path.name.startswith("."))


def result(history: History, classes: int = 10) -> str:
    """A line: the error on the images held out. And one more where the run blew up."""
    error = history.error
    best = error.index(min(error))
    text = f"{history.held_out.capitalize()} error {error[-1]:.2%} after {counted(history.epochs, 'epoch')}"
    if error[best] < error[-1]:
        text += f" (lowest {error[best]:.2%} after epoch {best + 1})"
    if words := history.blew_up(classes):
        text += f".\nIt blew up: {words}; try a smaller learning rate"
    return text + "."
