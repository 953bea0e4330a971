"""What a history of a training run recorded."""

from __future__ import annotations

from typing import Any

import numpy as np

from helpers.check.core.ask import Answer, array
from helpers.check.core.report import Mistake


class Record:
    """A run as a probe noted it: the attributes that it has, and the `type_name` of what it was."""

    def __init__(self, seen: Answer, names: tuple[str, ...]):
        self.type_name = seen["type"] if isinstance(seen["type"], str) else ""
        for name in names:
            if name in seen:
                setattr(self, name, seen[name])


def _starts_again(values: np.ndarray, epochs: int) -> bool:
    """Whether a curve that is some times too long jumps back to about where it began after each so many epochs."""
    ends, starts = values[epochs - 1 : -1 : epochs], values[epochs::epochs]
    return bool((np.abs(starts - values[0]) < 0.3 * np.abs(starts - ends)).all())


def curve(history: Any, name: str, what: str, epochs: int | None) -> np.ndarray:
    """One of a history's lists, (epochs,); `what` is the history in sentences. history: plain data, or a `Record`."""
    kind = getattr(history, "type_name", type(history).__name__)
    if kind == "NoneType":
        raise Mistake("still-to-do", f"Still to do: {what} is still None; write and run the exercise's cell above, and "
                      f"keep there what the training returns.")
    if not hasattr(history, name):
        raise Mistake("not-a-history", f"{what} should be the history that `fit` returns, whole; it is of type {kind} "
                      f"and has no `{name}`.")
    found = array(getattr(history, name), f"{what}.{name}")
    if found.ndim != 1 or found.size == 0:
        raise Mistake("not-a-curve", f"{what}.{name} should be a list with one number per epoch; it has shape "
                      f"{found.shape}.")
    if epochs is not None and found.size != epochs:
        if found.size % epochs == 0:
            if _starts_again(found, epochs):
                raise Mistake("lists-shared", f"{what}.{name} has {found.size} entries for {epochs} epochs, and starts "
                              f"again after every {epochs}: several runs were written into one list. Keep what `fit` "
                              f"returns, each run's own.")
            raise Mistake("wrong-length", f"{what}.{name} has {found.size} entries for {epochs} epochs: either this "
                          f"run was longer than is asked for (are the epochs, or the settings of the study, handed "
                          f"on?), or several runs were written into one list.")
        raise Mistake("wrong-length", f"{what}.{name} has {found.size} entries; there should be one for each of the "
                      f"{epochs} epochs." + (" Is the training called anew for each epoch? Each call begins another "
                      "history." if found.size == 1 else ""))
    return found
