"""Check of Part F of `performance_factors`: what a run costs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from helpers.check.core.ask import ask
from helpers.check.core.compare import close
from helpers.check.core.formulas import Case, Formula, numbers, of, pairs, verify_formula
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check


@check("The bill", "F1")
def bill(bill: Any, *, seed: int = 0) -> Iterator[str]:
    """Hours · devices · price, and hours · devices · kW."""
    rng = np.random.default_rng([seed, 61])
    cases = [
        (int(rng.integers(4_000, 900_000)), int(n), int(rng.integers(90, 990)), round(float(rng.uniform(0.3, 6)), 2))
        for n in rng.permutation([1, 3, 7, 13])
    ]
    cases.append((int(rng.integers(2, 9)), 1, int(rng.integers(90, 300)), round(float(rng.uniform(0.3, 2)), 2)))
    names = ("seconds", "devices", "watts", "euros_per_hour")
    days_lost = (
        "Whole days are lost: `timedelta.seconds` holds only what is left beside them. Take `total_seconds()`, or the "
        "seconds as they are given."
    )
    seen = ask(calls, "bill", bill, cases)
    euros, energy = (numbers(part, "a result of bill") for part in pairs(seen, len(cases), "bill", "(euros, kWh)"))

    def cost(s: float, n: int, w: float, p: float) -> float:
        return s / 3600 * n * p

    def kwh(s: float, n: int, w: float, p: float) -> float:
        return s / 3600 * n * w / 1000

    if close(euros, of(kwh, cases)) and close(energy, of(cost, cases)):
        raise Mistake("exchanged", "The two results are exchanged: return (euros, kilowatt hours).")
    one = "This is one device; the price and the watts are those of each."
    verify_formula(
        euros, cost,
        [
            ("devices-forgotten", lambda *c: cost(*c) / c[1], one),
            ("seconds-for-hours", lambda *c: cost(*c) * 3600, "Seconds are multiplied by a price for an hour; an hour "
             "has 3,600 seconds."),
            ("minutes-for-hours", lambda *c: cost(*c) * 60, "These are minutes; an hour has 3,600 seconds."),
            ("days-for-hours", lambda *c: cost(*c) / 24, "These are days; the price is that of an hour."),
            ("whole-hours", lambda s, n, w, p: s // 3600 * n * p, "The hours are cut off to whole ones; divide by "
             "3600 with `/`."),
            ("begun-hours", lambda s, n, w, p: math.ceil(s / 3600) * n * p, "Every begun hour is paid in full here; a "
             "part of an hour costs that part: leave out the rounding up."),
            ("days-lost", lambda s, n, w, p: s % 86400 / 3600 * n * p, days_lost),
            ("energy-in-price", lambda *c: kwh(*c) * c[3], "The energy is multiplied by the price of a device's hour; "
             "euros are hours · devices · price."),
            ("devices-divided", lambda *c: cost(*c) / c[1] ** 2, "The hours are divided by the devices. `seconds` is "
             "how long all of them run, so the cost is multiplied by their number."),
        ],
        cases, "The euros", names,
    )  # fmt: skip
    _short(euros[-1:], cost, cases[-1:], "The euros", names)
    yield "euros of all devices"
    verify_formula(
        energy, kwh,
        [
            ("devices-forgotten", lambda *c: kwh(*c) / c[1], one),
            ("watts-for-kilowatts", lambda *c: kwh(*c) * 1000, "These are watt hours; a kilowatt is 1,000 watts."),
            ("joules-for-kilowatt-hours", lambda *c: kwh(*c) * 3.6e6, "These are joules (watts · seconds); a kilowatt "
             "hour is 3,600,000 of them."),
            ("seconds-for-hours", lambda *c: kwh(*c) * 3600, "Kilowatts are multiplied by seconds; an hour has 3,600 "
             "of them."),
            ("days-lost", lambda s, n, w, p: s % 86400 / 3600 * n * w / 1000, days_lost),
            ("hours-forgotten", lambda s, n, w, p: n * w / 1000, "This is the power in kilowatts; energy is power · "
             "hours."),
            ("watts-for-kilowatts", lambda *c: kwh(*c) * 1000 / 1024, "A kilowatt is 1,000 watts, not 1,024."),
            ("minutes-for-hours", lambda *c: kwh(*c) * 60, "These are minutes; an hour has 3,600 seconds."),
        ],
        cases, "The energy", names,
    )  # fmt: skip
    _short(energy[-1:], kwh, cases[-1:], "The energy", names)
    yield "kilowatt hours of all devices"


def _short(got: np.ndarray, right: Formula, cases: Sequence[Case], what: str, names: Sequence[str]) -> None:
    """Of a run of a few seconds, which large numbers beside it would hide."""
    rounded = [
        ("rounded", lambda *case, digits=digits: round(right(*case), digits), f"{what}: the result for a short run is "
         "rounded, and almost nothing is left of it. Round only where you print.") for digits in range(5)
    ]  # fmt: skip
    verify_formula(got, right, rounded, cases, what, names)
