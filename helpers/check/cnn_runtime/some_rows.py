"""Results of functions of rows and the name of a backend, as `probes.of_rows` asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.check.core.ask import Answer
from helpers.check.core.report import Mistake


def taken(seen: Answer, i: int, backend: str, good: Callable[[Any], bool]) -> Any:
    """Result number i, of some rows of this backend; Mistake where a student's function finds none of them."""
    try:
        found = seen[i]
    except Mistake as mistake:
        if mistake.name != "raises":
            raise
        found = ()
    if found is None or good(found):
        return found
    same = seen.part("same")
    if "0" in same and good(same[0]):
        raise Mistake("is-for-equals", f"The rows of {backend!r} are not found. Texts are compared with `==`; `is` "
            "asks whether two of them are the same object, which equal ones are not where one was read from a file or "
            "put together.")
    demand_used(seen, i)
    return seen[i]


def demand_used(seen: Answer, i: int) -> None:
    """Mistake where the first wrong result is the same without any rows."""
    none = seen.part("others")
    if i or "0" not in seen or "0" not in none or repr(none[0]) != repr(seen[0]):
        return
    if isinstance(seen[0], list | tuple | dict | np.ndarray) and not len(seen[0]):
        raise Mistake("rows-dropped", "The result is empty: none of the rows that are given is taken. Is there a "
            "condition on more than the backend, such as on `filters` or `batch`, or is another list than `some_rows` "
            "looked at?")
    raise Mistake("rows-ignored", "The rows that are given are not looked at: without them the result is the same. Use "
        "the argument `some_rows`, not a list of the notebook (`cpu_rows`, "
        "`batch_rows`).")
