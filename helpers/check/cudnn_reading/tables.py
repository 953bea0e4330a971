"""Checks of recomputing the paper's Tables 3 and 4: per cent of peak, the unit of seconds, speed-up and time saved.

The numbers are those printed in Chetlur et al., arXiv 1410.0759.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from helpers.check.core.ask import ask
from helpers.check.core.compare import Hypothesis, verify
from helpers.check.core.probe import calls_of_each
from helpers.check.core.report import Mistake, check
from helpers.check.cudnn_reading.words import amount, choice, filled, plain, returned

PEAKS = {"K40": 4.29, "GTX 980": 4.95}
"""TFLOP/s, as the notebook defines them."""


@check("Table 3, recomputed", "B5")
def table_3(
    percentages: Any, disagree: Any, peak: Any, *,
    table: Mapping[str, Mapping[str, tuple[float, int]]], peaks: Mapping[str, float],
) -> Iterator[str]:  # fmt: skip
    """Per cent of peak of each cell; the printed ones that no unrounded TFLOP/s can give;
    a peak that would explain them.

    table: layer -> device -> (TFLOP/s, printed per cent); peaks: device -> TFLOP/s.
    """
    filled(percentages, "percentages")
    if not all(isinstance(cell, tuple | list) for row in table.values() for cell in row.values()):
        raise Mistake("table-changed",
                      "Your cell changes `TABLE_3` itself: after `percentages = TABLE_3` both names stand for the same "
                      "dictionary. Make a new one for the percentages, and run the cell that defines TABLE_3 again.")
    if any(peaks.get(device) != peak_ for device, peak_ in PEAKS.items()):
        raise Mistake("table-changed",
                      "Your cell changes `PEAKS` itself: percentages and `disagree` are asked for with the peaks that "
                      "the text gives. Keep another peak under its own name, `explaining_peak`, and run the cell that "
                      "defines PEAKS again.")
    cells = [(layer, device) for layer in table for device in table[layer]]
    got = np.asarray([amount(_cell(percentages, *cell), f"percentages[{cell[0]!r}][{cell[1]!r}]") for cell in cells])
    speed = np.asarray([table[layer][device][0] for layer, device in cells])
    top = np.asarray([peaks[device] for _, device in cells])
    printed = np.asarray([table[layer][device][1] for layer, device in cells], dtype=float)
    right = 100 * speed / top
    other = np.asarray([next(p for d, p in peaks.items() if d != device) for _, device in cells])
    if np.allclose(got, printed):
        raise Mistake("copied-not-computed",
                      "These are the printed percentages. Recompute them from the TFLOP/s and the peak; "
                      "that is the only way to see whether they agree.")
    if not any(np.allclose(got, np.round(right, digits), atol=1e-9) for digits in (1, 2, 3)):
        verify(got, right, "the percentages", [
            Hypothesis("fraction-for-percent", right / 100, "These are fractions. Percentages are 100 times as large."),
            Hypothesis("other-peak", 100 * speed / other, "Each device is divided by the other one's peak."),
            Hypothesis("one-peak-for-both", 100 * speed / peaks["K40"],
                       "Both devices are divided by the K40's peak; the GTX 980 has its own."),
            Hypothesis("one-peak-for-both", 100 * speed / peaks["GTX 980"],
                       "Both devices are divided by the GTX 980's peak; the K40 has its own."),
            Hypothesis("upside-down", 100 / (right / 100),
                       "The quotient is inverted: divide the measured speed by the peak."),
            *(Hypothesis("rows-shared", np.asarray([
                100 * table[one][device][0] / peaks[device] for _, device in cells]),
                "All layers have the percentages of one. Is one and the same dictionary kept under each key, as "
                "`dict.fromkeys(TABLE_3, {})` does? Make a new one for each layer.")
              for one in ([*table][-1], next(iter(table)))),
            Hypothesis("explaining-peak-used",
                       lambda: 100 * speed / np.where(top == PEAKS["GTX 980"], float(peak), top),
                       "The GTX 980's percentages are made with `explaining_peak`. They are asked for with the peak "
                       "that the text gives, 4.95: does your cell change `PEAKS`?"),
            Hypothesis("rounded", np.round(right), "`percentages` are rounded to whole numbers, which hides how far a "
                       "printed one is off. Keep them as they are, and round where you compare or print."),
            Hypothesis("truncated", np.floor(right), "The percentages are truncated, not rounded."),
        ])  # fmt: skip
    yield f"{len(cells)} percentages of peak"
    if disagree is None:
        raise Mistake("still-to-do",
                      "Still to do: `disagree` is still empty; name the cells whose printed percentage can't be right.")
    if isinstance(disagree, Mapping):
        disagree = [
            (key, one)
            for key, value in disagree.items()
            for one in (value if isinstance(value, list | tuple | set) else [value])
        ]
    elif (
        len(disagree) == 2
        and all(isinstance(item, str) for item in disagree)
        and not any(_found(item, cells) for item in disagree)
    ):
        disagree = [tuple(disagree)]  # one pair without the list around it
    mine = {_key(item, cells) for item in disagree}
    wrong = {cell for cell in cells if not _possible(*table[cell[0]][cell[1]], peaks[cell[1]])}
    rounded = {cell for cell, value, p in zip(cells, right, printed, strict=True) if round(value) != p}
    if mine != wrong:
        if mine == set(cells):
            raise Mistake("not-rounded-before-comparing",
                          "All cells disagree, because a computed 23.08 is never equal to a printed 23. "
                          "Ask which percentages the printed TFLOP/s can round to.")
        if not mine:
            raise Mistake("table-believed",
                          "Every printed percentage is believed. "
                          "Round your own to whole percentages and compare them with Table 3: look at the GTX 980.")
        if mine == rounded:
            extra = sorted(rounded - wrong)[0]
            value = table[extra[0]][extra[1]][0]
            raise Mistake("digits-forgotten",
                          f"{extra[0]} on {extra[1]} differs only because {value} is rounded itself: "
                          f"it may be anything up to {value + 0.005:.3f}. "
                          "Count a percentage as wrong only if no such number gives it.")
        for end, words in ((0.005, "largest"), (-0.005, "smallest")):
            tested = {cell for cell in cells
                      if round(100 * (table[cell[0]][cell[1]][0] + end) / peaks[cell[1]]) != table[cell[0]][cell[1]][1]}
            if mine == tested:
                raise Mistake("one-end-only",
                              f"`disagree` holds the cells whose percentage is wrong for the {words} TFLOP/s that the "
                              "printed one can stand for. Count a percentage as wrong only if no number between the "
                              "smallest and the largest gives it.")
        if mine == {cell for cell in cells if not _certain(*table[cell[0]][cell[1]], peaks[cell[1]])}:
            raise Mistake("both-ends-required",
                          "`disagree` also holds cells of which one end of the range that the printed TFLOP/s stands "
                          "for gives the printed percentage, and the other one does not (`all` in place of `any`?). "
                          "Count a percentage as wrong only if no number in that range gives it.")
        if any(device == "K40" for _, device in mine - wrong):
            raise Mistake("k40-accused",
                          "`disagree` lists a percentage of the K40, and all of these agree: check the comparison, how "
                          "you rounded, and the peak that you divided by.")
        if mine > wrong:
            raise Mistake("too-many-accused",
                          f"{sorted(mine - wrong)[0][0]} does not belong in `disagree`: "
                          "a TFLOP/s that rounds to the printed one gives the printed percentage.")
        raise Mistake("disagreement-missed",
                      f"`disagree` holds {'one cell' if len(mine) == 1 else f'{len(mine)} cells'}, "
                      "and at least one that belongs there is missing. "
                      "Compare all ten percentages, rounded to whole percentages, with Table 3.")
    yield "the printed percentages that can't be right"
    if peak is None:
        raise Mistake("still-to-do",
                      "Still to do: `explaining_peak` is still empty; "
                      "find a peak of the GTX 980 that would explain its whole column.")
    value = amount(peak, "explaining_peak")
    if value > 1000:
        raise Mistake("gigaflops", f"explaining_peak is {value:g}; give it in TFLOP/s, as the paper does.")
    column = [table[layer]["GTX 980"] for layer in table]
    if not all(_possible(*cell, value) for cell in column):
        bad = next(layer for layer in table if not _possible(*table[layer]["GTX 980"], value))
        raise Mistake(
            "peak-does-not-explain",
            f"With a peak of {value:g} TFLOP/s, {bad} of the GTX 980 would be printed as "
            f"{_range(table[bad]['GTX 980'][0], value)}, not as {table[bad]['GTX 980'][1]}%. Try a "
            f"{'larger' if 100 * table[bad]['GTX 980'][0] / value > table[bad]['GTX 980'][1] else 'smaller'} one.",
        )
    yield f"a peak of {value:g} TFLOP/s would explain the GTX 980's column"


def _possible(speed: float, printed: int, peak: float) -> bool:
    """Whether some number that rounds to `speed` gives a percentage that rounds to `printed`."""
    low, high = 100 * (speed - 0.005) / peak, 100 * (speed + 0.005) / peak
    return low <= printed + 0.5 and high >= printed - 0.5


def _certain(speed: float, printed: int, peak: float) -> bool:
    """Whether both ends of what rounds to `speed` give a percentage that rounds to `printed`."""
    return all(round(100 * (speed + half) / peak) == printed for half in (-0.005, 0.005))


def _cell(percentages: Any, layer: str, device: str) -> Any:
    """percentages[layer][device], [device][layer], [(layer, device)] or [(device, layer)]."""
    if not isinstance(percentages, Mapping):
        raise Mistake("not-a-dictionary",
                      "`percentages` should be a dictionary, layer -> device -> percentage; "
                      f"it is of type {type(percentages).__name__}.")
    for one, two in ((layer, device), (device, layer)):
        if (one, two) in percentages:
            return percentages[one, two]
        if one in percentages and isinstance(percentages[one], Mapping) and two in percentages[one]:
            return percentages[one][two]
    raise Mistake("entry-missing",
                  f"There is no percentage for {layer} on {device}: percentages[{layer!r}][{device!r}] is asked for.")


def _key(item: Any, cells: list[tuple[str, str]]) -> tuple[str, str]:
    """A cell of the table from ("L2", "GTX 980"), ("gtx 980", "l2") or "L2 GTX 980"."""
    found = _found(item, cells)
    if found:
        return found
    raise Mistake("cell-not-understood",
                  f"`disagree` holds {item!r}, which is no cell of Table 3; "
                  "write ('L1', 'K40') for the first layer on the K40.")


def _range(speed: float, peak: float) -> str:
    """The percentages that a printed speed can give, "49%" or "49% or 50%"."""
    low, high = (round(100 * (speed + half) / peak) for half in (-0.005, 0.005))
    return f"{low}%" if low == high else f"{low}% or {high}%"


def _found(item: Any, cells: list[tuple[str, str]]) -> tuple[str, str] | None:
    text = plain(item if isinstance(item, str) else " ".join(map(str, item)))
    for layer, device in cells:
        if layer.lower() in text and plain(device).replace(" ", "") in text.replace(" ", ""):
            return layer, device
    return None


OVERALL = 290106, 213431
"""Table 4's last row: plain Caffe, with cuDNN."""
UNITS = {
    "milliseconds": (1e-3, (
        "ms", "millisecond", "msec", "msecs", "millis", "millisec", "millisecs", "milli seconds", "milli second",
        "millisekunden", "millisekunde", "thousandths of a second", "0.001 s", "1e 3 s",
    )),
    "seconds": (1.0, ("s", "second", "sec", "secs")),
    "microseconds": (1e-6, ("us", "µs", "μs", "microsecond", "micro seconds")),
    "nanoseconds": (1e-9, ("ns", "nanosecond")),
    "minutes": (60.0, ("min", "minute", "mins")),
    "hours": (3600.0, ("h", "hour")),
}


@check("The unit of Table 4", "B5")
def table_4_unit(minutes_if_seconds: Any, unit: Any, *, overall: float, iterations: int = 200) -> Iterator[str]:
    """Minutes an iteration if the table were in seconds, and the unit that fits."""
    filled(minutes_if_seconds, "minutes_if_seconds")
    filled(unit, "table_4_unit")
    got = amount(minutes_if_seconds, "minutes_if_seconds")
    right = overall / iterations / 60
    for name, wrong, hint in (
        ("seconds-for-minutes", overall / iterations, "This is seconds per iteration; minutes are asked for."),
        ("whole-run", overall / 60, "These are the minutes of the whole run. Divide by the number of iterations, too."),
        ("whole-run", overall / 3600,
         "These are the hours of the whole run; the minutes of one iteration are asked for."),
        ("hours-for-minutes", right / 60, "These are the hours of one iteration; a minute has 60 seconds."),
        ("library-for-caffe", right * OVERALL[1] / OVERALL[0],
         "This is the time with cuDNN; that of plain Caffe, the first of the two, is asked for."),
    ):
        if math.isclose(got, wrong, rel_tol=0.02):
            raise Mistake(name, hint)
    if not math.isclose(got, right, rel_tol=0.03):
        raise Mistake("differs",
                      f"minutes_if_seconds is {got:.4g}. "
                      "Take the overall time of plain Caffe in Table 4 and divide by the iterations and by 60.")
    yield f"{right:.0f} minutes per iteration if the table were in seconds"
    found = choice(unit, "table_4_unit", {key: others for key, (_, others) in UNITS.items()})
    if found == "seconds":
        raise Mistake("seconds-believed",
                      f"In seconds, {iterations} iterations would take {overall / 86400:.1f} days "
                      f"and each one {right:.0f} minutes. "
                      "Nobody trains at that speed: the column heads of Table 4 can't be right.")
    if found in ("microseconds", "nanoseconds"):
        each = overall * UNITS[found][0] / iterations
        raise Mistake("too-fast",
                      f"In {found}, one iteration would take {each:.2g} s. "
                      f"Even at its peak a K40 does {4290 * each:.2g} GFLOP in that time, less than half of what "
                      "layer L5, the smallest of Table 2, needs for its forward pass; "
                      "and here a whole network goes forward and backward.")
    if found in ("minutes", "hours"):
        raise Mistake("even-slower",
                      f"In {found}, {iterations} iterations would take {overall * UNITS[found][0] / 86400:.0f} days. "
                      "The unit must be smaller than what is printed.")
    yield f"in {found}, an iteration takes {overall * UNITS[found][0] / iterations:.2f} s"


def _pairs(table: Mapping[str, tuple[float, float]], seed: int) -> np.ndarray:
    if not seed:
        return np.asarray(list(table.values()), dtype=float)
    before = np.random.default_rng(seed).integers(5_000, 500_000, 6)
    return np.stack([before, np.round(before / np.linspace(0.8, 3.1, 6))], axis=1)


def _whole(value: float) -> int | float:
    """Whole numbers as int, as in Table 4: `Fraction(before, after)` takes no floats."""
    return int(value) if value == int(value) else float(value)


def _rounded(got: np.ndarray, right: np.ndarray) -> bool:
    """Right, and rounded to two or more digits, as papers print it."""
    return any(np.abs(got - np.round(right, digits)).max() < 1e-7 for digits in (2, 3, 4))


@check("Speed-up and time saved", "B6")
def speedup_and_saving(
    speedup: Any, time_saved: Any, *, table: Mapping[str, tuple[float, float]], seed: int = 0
) -> Iterator[str]:
    """before ÷ after, and 1 − after ÷ before, for every row of Table 4 (before, after)."""
    pairs = _pairs(table, seed)
    before, after = pairs.T
    where = "for the rows of Table 4" if not seed else "for six other pairs"
    factor, saved = before / after, 1 - after / before

    cases = [(_whole(b), _whole(a)) for b, a in pairs]
    seen = ask(calls_of_each, [("speedup", speedup, cases), ("time_saved", time_saved, cases)])

    def values(name: str) -> np.ndarray:
        return np.asarray([returned(seen.part(name)[str(i)], name) for i in range(len(cases))])

    got = values("speedup")
    verify(factor if _rounded(got, factor) else got, factor, f"speedup {where}", [
        Hypothesis("upside-down", after / before,
                   "This is the new time over the old: below 1 where things got faster. A speed-up is old over new."),
        Hypothesis("gain-for-factor", factor - 1,
                   "This is the gain, 0.36 for a speed-up of 1.36. The factor itself is asked for."),
        Hypothesis("percent-for-factor", 100 * factor,
                   "This is a percentage; a speed-up is a plain factor such as 1.36."),
        Hypothesis("percent-for-factor", 100 * (factor - 1),
                   "This is the gain as a percentage; a speed-up is a plain factor such as 1.36."),
        Hypothesis("difference-for-ratio", before - after, "This is a difference of times. A speed-up is a ratio."),
        Hypothesis("time-saved-for-speedup", saved,
                   "This is the share of time saved. A speed-up is old time over new."),
        Hypothesis("slow-down-ignored", np.maximum(factor, 1 / factor),
                   "A program that becomes slower has a speed-up below 1: divide the old time by the new one, "
                   "whichever is larger."),
        Hypothesis("slow-down-ignored", np.maximum(factor, 1),
                   "A program that becomes slower has a speed-up below 1; here it is 1."),
        Hypothesis("rounded", np.round(factor, 1),
                   "The factor is rounded to one decimal, which loses too much. "
                   "Return it as it is and round where you print."),
        Hypothesis("papers-number", np.full(len(factor), 1.36),
                   "It is 1.36 for every row. Compute it from the two arguments."),
    ])  # fmt: skip
    yield f"speedup {where}"
    got = values("time_saved")
    verify(saved if _rounded(got, saved) else got, saved, f"time_saved {where}", [
        Hypothesis("throughput-for-time", factor - 1,
                   "This is the gain in throughput, the paper's 36%: (old − new) ÷ new. "
                   "The share of time saved is relative to the old time, (old − new) ÷ old; "
                   "saving 36% of the time, as section 4.1 words it, would be a factor of 1.56."),
        Hypothesis("remaining-for-saved", after / before,
                   "This is the share of time that is left; the share that is saved is 1 minus it."),
        Hypothesis("percent-for-fraction", 100 * saved, "This is a percentage; return a fraction, 0.26 for 26%."),
        Hypothesis("difference-for-ratio", before - after, "This is a difference of times; divide it by the old time."),
        Hypothesis("sign-turned", -saved, "The sign is wrong: time that is saved counts as positive."),
        Hypothesis("speedup-for-time-saved", factor, "This is the speed-up again."),
        Hypothesis("slow-down-ignored", np.maximum(saved, 0),
                   "Where the new time is longer, time is lost, and the share is negative; here it is 0."),
        Hypothesis("rounded", np.round(saved, 1),
                   "The fraction is rounded to one decimal, which loses too much. "
                   "Return it as it is and round where you print."),
        Hypothesis("ratio-turned", 1 - factor,
                   "This is 1 − old ÷ new, below zero where time is saved. "
                   "The share of the old time that is left is new ÷ old; the rest is saved."),
        *(Hypothesis("small-ones-zero", np.where(np.abs(saved) < least, 0, saved),
                     "Small shares became 0: times that are nearly equal are taken for equal. Return what comes out.")
          for least in (0.01, 0.05, 0.001, 0.02)),
        Hypothesis("signs-lost", np.abs(saved),
                   "Where the new time is longer, time is lost, and the share is negative: leave the sign as it is."),
    ])  # fmt: skip
    yield f"time_saved {where}"
