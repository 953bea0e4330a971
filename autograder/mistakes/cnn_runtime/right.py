"""Right solutions that are written differently: name -> changed cells."""

from __future__ import annotations

from autograder.mistakes import Edits

from . import right_counts, right_later, right_outside

RIGHT: dict[str, dict[str, str | Edits]] = {**right_counts.SOLUTIONS, **right_later.SOLUTIONS, **right_outside.RIGHT}
