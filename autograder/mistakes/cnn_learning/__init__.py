"""Cells that train run only for rows that change them; for the others what they would leave takes their place."""

from __future__ import annotations

from functools import cache
from typing import Any

SLOW = {
    "B-data": "from autograder.mistakes.cnn_learning import split\n\nsplit = split()",
    "B-own": "",
    "B-study": "from autograder.mistakes.cnn_learning import curves\n\ncurves = curves()",
    "B-report": "",
    "C-experiment": "from autograder.mistakes.cnn_learning import LEVEL, lengths\n\nlengths, middle = lengths(), size.plateau_rates[-1]",
    "C-test": "",
}
LEVEL = 2.0


@cache
def split() -> Any:
    """The images of the quick size, read once in a process."""
    from helpers.check.cnn_learning.sizes import study_size
    from helpers.data import load_split

    size = study_size("quick")
    return load_split(train=size.own_train, validation=size.validation, test=size.test)


@cache
def curves() -> Any:
    """The learning curves of the quick size, made once in a process."""
    from helpers.check.cnn_learning.sizes import study_size
    from helpers.study.cnn_learning import RATES_FINE, RATES_WIDE, learning_curves

    size = study_size("quick")
    return learning_curves(sorted({*RATES_WIDE, *RATES_FINE}), size.seeds, jobs=0, progress=False, **size.settings)


@cache
def lengths() -> dict[float, dict[float, int | None]]:
    """The plateaus of the quick size, measured once in a process."""
    from helpers.check.cnn_learning.plateau import length_of
    from helpers.check.cnn_learning.sizes import study_size
    from helpers.study.cnn_learning import plateau

    size = study_size("quick")
    found = plateau(size.scales, size.plateau_rates, [0], jobs=0, progress=False, **size.plateau_settings)
    return {s: {r: length_of(runs[0].loss, LEVEL) for r, runs in row.items()} for s, row in found.items()}
