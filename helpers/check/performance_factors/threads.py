"""Checks of Part B of `performance_factors`: measuring with so many threads, and Amdahl's law."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from helpers.check.core.ask import Answer, ask, number
from helpers.check.core.compare import Hypothesis, explained
from helpers.check.core.draw import drawn, told_apart
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check
from helpers.check.performance_factors import probes
from helpers.check.performance_factors.results import numbers, pairs
from helpers.threads import VARIABLES as THREAD_VARIABLES

LATE = (
    "The number of threads is set after the process has started. A library reads it once, when it is loaded: put it "
    "into "
    "the environment first, then call `start`."
)


COLD = (
    "The first run is among those that count. It is slow (memory, threads, kernels): let it run once before, and don't "
    "count it."
)


def alike(got: Any, right: Any) -> bool:
    return bool(np.allclose(got, right, rtol=1e-6, atol=0))


def measurements(seed: int) -> list[tuple[int, int, list[float]]]:
    """(threads, rounds, seconds of each run): the first is slow, one in the middle is, too, no two are equal. Of an
    even number of rounds the first is fast, or the upper middle would be the median of one more."""

    def make(rng: np.random.Generator) -> list[tuple[int, int, list[float]]]:
        found = []
        for threads, rounds in ((2, 5), (int(rng.integers(3, 9)), 7), (1, 4)):
            times = rng.uniform(0.010, 0.014, size=rounds + 4).round(6)
            times[0] = 0.31 if rounds % 2 else 0.0091
            times[2] = 0.083
            found.append((threads, rounds, times.tolist()))
        return found

    def tells(cases: Sequence[tuple[int, int, list[float]]]) -> bool:
        return told_apart(
            [(_wrong_seconds(times, rounds), statistics.median(times[1 : rounds + 1])) for _, rounds, times in cases],
            alike,
        )

    return drawn(seed + 21, make, tells)


def _wrong_seconds(times: Sequence[float], rounds: int) -> list[Hypothesis]:
    after, with_it, first = times[1 : rounds + 1], times[: rounds + 1], times[:rounds]
    median = "This is the mean. One slow round moves it, and hardly moves the median: `statistics.median`."
    return [
        Hypothesis("warm-up-included", statistics.median(with_it), COLD),
        Hypothesis("warm-up-included", statistics.median(first), COLD),
        Hypothesis("warm-up-included", statistics.mean(first), COLD + " And take the median, not the mean."),
        Hypothesis("warm-up-included", statistics.mean(with_it), COLD + " And take the median, not the mean."),
        Hypothesis("mean-for-median", statistics.mean(after), median),
        Hypothesis("best-for-median", min(after), "This is the fastest round; the median is asked for."),
        Hypothesis("worst-for-median", max(after), "This is the slowest round; the median is asked for."),
        Hypothesis("sum-for-median", sum(after), "This is the sum of all rounds; the median of one is asked for."),
        Hypothesis("last-for-median", after[-1], "This is the last round alone; the median of all is asked for."),
        Hypothesis("not-sorted",
                   after[len(after) // 2], "The middle of the list is not the median before it is sorted."),
        Hypothesis("upper-middle", sorted(after)[len(after) // 2], "With an even number of rounds, the median is the "
                   "mean of the two in the middle."),
        *(Hypothesis("wrong-number-of-rounds",
                     statistics.median(times[1 : n + 1]), f"{n} rounds are timed; {rounds} are "
                     "asked for.") for n in (rounds - 1, rounds + 1, 1, 3)),
        Hypothesis("wrong-unit", 1e3 * statistics.median(after), "This is in milliseconds; keep seconds."),
    ]  # fmt: skip


@check("Seconds with so many threads", "B1")
def seconds_at(seconds_at: Any, *, seed: int = 0) -> Iterator[str]:
    """The environment of the process holds the number of threads before it starts; one run before those that count;
    their median; the process is closed."""
    asked = measurements(seed)
    seen = ask(probes.threads, seconds_at, asked, THREAD_VARIABLES)
    for i, (threads, rounds, times) in enumerate(asked):
        _environment(seen.part(i), threads)
        _seconds(seen.part(i), rounds, times)
        if i == 0:
            yield (
                "the number of threads stands in the new process's environment before it starts, this "
                "notebook's own is left as it is"
            )
            yield "the process is closed"
        yield f"the median of {rounds} rounds after one that doesn't count"


def _environment(seen: Answer, threads: int) -> None:
    started, own, before = seen["started"], seen["own"], seen["own before"]
    if seen["wrong"]:
        if seen["wrong"][0] == "no environment":
            raise Mistake(
                "environment-not-given",
                "`start` is called without an environment. Make a copy of "
                "`os.environ`, write the number of threads into it, and hand it to `start`.",
            )
        raise Mistake("number-for-text", f"{seen['wrong'][0]}. An environment holds text: `str(threads)`.")
    if not started:
        seen.finish()
        raise Mistake("not-started", "seconds_at never calls `start`, so nothing can be measured with so many threads.")
    changed = [name for name in own if own[name] != before[name]]
    for environment, later in zip(started, seen["later"], strict=True):
        right = [name for name in THREAD_VARIABLES if environment[name] == str(threads)]
        if len(right) == len(THREAD_VARIABLES):
            continue
        if len([name for name in later if later[name] == str(threads)]) > len(right):
            raise Mistake("threads-set-too-late", LATE)
        if any(own[name] == str(threads) != before[name] for name in own if name not in right):
            raise Mistake(
                "threads-set-too-late",
                LATE + " (Here it is written into this notebook's own environment, "
                "after the new process got its copy.)",
            )
        if not right:
            said = next((value for value in environment.values() if value and value.isdigit()), None)
            raise Mistake(
                "threads-not-set",
                "The environment of the new process does not say how many threads it "
                "should "
                f"start{f' ({said} where it should be {threads})' if said else ''}: set all of "
                "`study.THREAD_VARIABLES` in it.",
            )
        missing = next(name for name in THREAD_VARIABLES if name not in right)
        raise Mistake(
            "some-variables-only",
            f"{missing} is not set to {threads}. Which variable a library reads "
            "depends on how it "
            "was built; set all of `study.THREAD_VARIABLES`.",
        )
    if changed:
        raise Mistake(
            "own-environment-changed",
            f"{changed[0]} of this notebook's own environment was changed. Every "
            "process that is started later inherits that: change a copy, `dict(os.environ)`.",
        )
    if any(environment[probes.MARK] is None for environment in started):
        raise Mistake(
            "environment-replaced",
            "The new process gets an environment that holds little more than the "
            "number of "
            "threads; PATH and all else are gone. Begin with a copy: `dict(os.environ)`.",
        )


def _seconds(seen: Answer, rounds: int, times: Sequence[float]) -> None:
    events = list(seen["events"])
    if events.count("close") < events.count("start"):
        seen.finish()
        raise Mistake(
            "not-closed",
            "The process is not closed. It stays, and shares the machine with whatever you "
            "measure "
            "next: `process.close()`, best in a `finally:`.",
        )
    if (
        "run" in events
        and events.index("close") < len(events) - 1 - events[::-1].index("run")
        and events.count("start") == 1
    ):
        raise Mistake(
            "closed-too-early", "The process is closed before its last run; close it when all rounds are done."
        )
    got = number(seen["result"], "the result of seconds_at")
    after = list(times[1 : rounds + 1])
    if alike(got, statistics.median(after)):
        if events.count("start") == 1 and events.count("run") == rounds:
            raise Mistake("warm-up-included", COLD)
        if events.count("start") == 1 and events.count("run") < rounds:
            raise Mistake(
                "wrong-number-of-rounds",
                f"{events.count('run')} runs are made; one that doesn't count and {rounds} that do are asked for.",
            )
        return
    if "run" not in events:
        raise Mistake("not-run", "The process is started and never asked to do its work: `process.run()`.")
    if events.count("start") > 1 and alike(got, times[0]):
        raise Mistake(
            "process-for-each-round",
            "A new process is started for each round, so every round is a first "
            "one, "
            "with all that is slow about it. Start one, let it run once, then time its rounds.",
        )
    if events.count("run") == rounds + 2 and alike(got, statistics.median(times[2 : rounds + 2])):
        return  # two runs before those that count
    mistake = explained(got, _wrong_seconds(times, rounds), alike)
    if mistake:
        raise mistake
    if got == 0 or abs(got) < 0.5 * min(times):
        raise Mistake(
            "own-clock",
            f"The result is {got:.3g} s, less than any run said. `process.run()` returns the "
            "seconds that "
            "the work took inside the process; a clock outside measures something else.",
        )
    raise Mistake(
        "differs",
        f"The result is {got:.6g} s; the median of the {rounds} runs after the first is "
        f"{statistics.median(after):.6g} s.",
    )


# Amdahl -----------------------------------------------------------------------------------------------------------

Threads = Sequence[int]
Seconds = Sequence[float]


def fitted(threads: Threads, seconds: Seconds, relative: bool = False) -> tuple[float, float]:
    """(s, T1) by least squares of a + b/p."""
    p, t = np.asarray(threads, dtype=float), np.asarray(seconds, dtype=float)
    weights = 1 / t if relative else np.ones_like(t)
    a, b = np.linalg.lstsq(np.stack([np.ones_like(p), 1 / p], axis=1) * weights[:, None], t * weights, rcond=None)[0]
    return float(a / (a + b)), float(a + b)


def amdahl_cases(seed: int) -> list[tuple[list[int], list[float]]]:
    """An exact one, and two with noise; such that mistakes give different numbers."""

    def make(rng: np.random.Generator) -> list[tuple[list[int], list[float]]]:
        found = []
        for threads, noise in (([1, 2, 4, 8], 0.0), ([1, 2, 3, 4, 6], 0.06), ([2, 1, 8, 4, 16], 0.05)):
            s, one = float(rng.uniform(0.1, 0.35)), float(rng.uniform(0.5, 9))
            times = [one * (s + (1 - s) / p) * (1 + noise * float(rng.uniform(-1, 1))) for p in threads]
            found.append((threads, [round(t, 5) for t in times]))
        return found

    def tells(cases: Sequence[tuple[list[int], list[float]]]) -> bool:
        if not all(0.03 < fitted(*case, relative)[0] < 0.6 for case in cases for relative in (False, True)):
            return False
        return told_apart(
            [(_wrong_fits(*case, part), fitted(*case)[part]) for part in (0,) for case in cases[1:]], alike
        )

    return drawn(seed + 22, make, tells)


def _wrong_fits(threads: Threads, seconds: Seconds, part: int) -> list[Hypothesis]:
    """What may be taken for s (part 0) or T1 (part 1)."""
    p, t = np.asarray(threads, dtype=float), np.asarray(seconds, dtype=float)
    s, one = fitted(threads, seconds)
    order = np.argsort(p)
    first, last = order[0], order[-1]
    slope, start = np.polyfit(p, t, 1)
    ends = _two(p[first], t[first], p[last], t[last])
    starts = _two(p[order[0]], t[order[0]], p[order[1]], t[order[1]])
    a_speed = fitted(threads, (t[first] / t).tolist())
    two = "Only two of the points are used. Each has noise; least squares through all of them is asked for."
    over = "The line is fitted over the number of threads p; Amdahl's law is a straight line over 1/p."
    if part == 0:
        measured = (one * s) / t[first]
        return [
            Hypothesis("parallel-for-serial", 1 - s, "This is the parallel fraction; the serial one is asked for, a / "
                                                     "(a + "
                       "b)."),
            Hypothesis("seconds-for-fraction",
                       s * one, "This is a, the serial *seconds*; the fraction is a / (a + b)."),
            Hypothesis("seconds-for-fraction", (1 - s) * one, "This is b, the parallel *seconds*; the serial fraction "
                                                              "is a / (a + "
                       "b)."),
            Hypothesis("serial-by-parallel", s / (1 - s), "This is a / b; the fraction is a / (a + b)."),
            Hypothesis("from-two-points", ends[0], two),
            Hypothesis("from-two-points", starts[0], two),
            Hypothesis("measured-for-fitted", measured, "a is divided by the time *measured* on one thread; the fitted "
                                                        "one is "
                       "a + b."),
            Hypothesis("over-threads", start / (start + slope), over),
            Hypothesis("over-threads", slope / (start + slope), over),
            Hypothesis("speed-up-for-time", a_speed[0], "Speed-ups are fitted here. It is the *time* that is a "
                                                        "straight line "
                       "over 1/p."),
            Hypothesis("speed-up-for-time",
                       t[first] / t[last], "This is a speed-up; the serial fraction is asked for."),
            Hypothesis("in-per-cent", 100 * s, "This is per cent; return a fraction between 0 and 1."),
            Hypothesis("limit-for-fraction", 1 / s if s else np.nan, "This is 1/s, the largest possible speed-up; s is "
                                                                     "asked "
                       "for."),
        ]  # fmt: skip
    return [
        Hypothesis("measured-for-fitted", t[first], "This is the time measured on the fewest threads; the fitted one "
                                                    "is a + "
                   "b, to which all points contribute."),
        Hypothesis("measured-for-fitted", t[0], "This is the first of the measured times; the fitted one is a + b."),
        Hypothesis("parts-for-sum", s * one, "This is a alone; on one thread both parts take their time: a + b."),
        Hypothesis("parts-for-sum", (1 - s) * one, "This is b alone; on one thread both parts take their time: a + b."),
        Hypothesis("from-two-points", ends[1], two),
        Hypothesis("from-two-points", starts[1], two),
        Hypothesis("over-threads", start + slope, over),
        Hypothesis("over-threads", start, over),
    ]  # fmt: skip


def _two(p: float, t: float, q: float, u: float) -> tuple[float, float]:
    b = (t - u) / (1 / p - 1 / q)
    a = t - b / p
    return a / (a + b), a + b


@check("Amdahl's law", "B2")
def amdahl(amdahl: Any, *, seed: int = 0) -> Iterator[str]:
    """s and T1 of a + b/p by least squares, of differences or of relative ones."""
    cases = amdahl_cases(seed)
    seen = ask(calls, "amdahl", amdahl, cases, ("the list of threads", "the list of seconds"))
    parts = pairs(seen, len(cases), "amdahl", "(serial fraction, seconds on one thread)")
    serial, one = (numbers(part, "a result of amdahl") for part in parts)
    if alike(one[0], fitted(*cases[0])[0]) and alike(serial[0], fitted(*cases[0])[1]):
        raise Mistake("exchanged", "The two results are exchanged: return (serial fraction, seconds on one thread).")
    words = ("The serial fraction", "The fitted time on one thread")
    # From the last case on: with noise, each mistake gives a number of its own.
    for i in reversed(range(len(cases))):
        accepted = [fitted(*cases[i], relative) for relative in (False, True)]
        for part, got in enumerate((serial[i], one[i])):
            if any(_near(got, right[part]) for right in accepted):
                continue
            mistake = explained(got, _wrong_fits(*cases[i], part), _near)
            raise mistake or Mistake(
                "differs",
                f"{words[part]} is {got:.5g} for threads {list(cases[i][0])} and "
                "seconds "
                f"{list(cases[i][1])}; it should be {accepted[0][part]:.5g}.",
            )
    yield "an exact law, and two with noise, by least squares over 1/p"


def _near(got: Any, right: Any) -> bool:
    return bool(np.isclose(got, right, rtol=2e-4, atol=1e-6))
