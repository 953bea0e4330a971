"""Checks of Part B of `performance_factors`: measuring with so many threads, and Amdahl's law."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from helpers.check.core.ask import Answer, ask, number
from helpers.check.core.compare import Hypothesis, explained
from helpers.check.core.draw import drawn, told_apart
from helpers.check.core.formulas import numbers, pairs
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check
from helpers.check.performance_factors import probes
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
    """(threads, rounds, seconds of each run): the first is slow, one in the middle is, too, no two are equal but in the
    last case. Of an even number of rounds the first lies between the two in the middle, neither of which is then the
    median of one more. As many threads come twice, so that a result that is kept shows."""

    many = int(np.random.default_rng([seed, 20]).integers(3, 9))

    def run(threads: int, rounds: int, rng: np.random.Generator) -> tuple[int, int, list[float]]:
        times = rng.uniform(0.010, 0.014, size=rounds + 4).round(6)
        times[2] = 0.083
        low, high = sorted(times[1 : rounds + 1])[(rounds - 1) // 2 :][:2]
        times[0] = 0.31 if rounds % 2 else round(low + 0.3 * (high - low), 7)
        return threads, rounds, times.tolist()

    def with_equal(rng: np.random.Generator) -> tuple[int, int, list[float]]:
        """Two of five rounds take equally long, and less than the others."""
        a, b, c, d = np.cumsum(rng.uniform(0.001, 0.003, size=4)).round(6).tolist()
        return int(rng.integers(3, 9)), 5, [10 * d, c, a, d, a, b, *[2 * d] * 4]

    def tells(cases: Sequence[tuple[int, int, list[float]]]) -> bool:
        for _, rounds, times in cases:
            after = times[1 : rounds + 1]
            if any(alike(one, after[k]) for one in _beside(after) for k in (rounds // 2, -1)):
                return False
        return told_apart(
            [(_wrong_seconds(times, rounds), statistics.median(times[1 : rounds + 1])) for _, rounds, times in cases],
            alike,
        )

    def shows(case: tuple[int, int, list[float]]) -> bool:
        """It tells, and neither the middle of its list nor the end is the median: with 5 or 4 rounds no case tells
        both from all others."""
        _, rounds, times = case
        after = times[1 : rounds + 1]
        return tells([case]) and not any(alike(statistics.median(after), after[k]) for k in (rounds // 2, -1))

    # One after the other: of all three together one draw in five hundred tells.
    first = drawn(seed + 21, lambda rng: run(many, 7, rng), shows)
    more = drawn(seed + 25, lambda rng: [run(1, 5, rng), run(many, 4, rng)], lambda cases: tells([first, *cases]))
    return [first, *more, with_equal(np.random.default_rng([seed, 23]))]


def _wrong_seconds(times: Sequence[float], rounds: int) -> list[Hypothesis]:
    after, with_it, first = times[1 : rounds + 1], times[: rounds + 1], times[:rounds]
    median = "This is the mean. One slow round moves it, and hardly moves the median: `statistics.median`."
    return [
        Hypothesis("equal-times-once", statistics.median(set(after)), "Rounds that took equally long count once, as in "
                   "a set or as keys of a dictionary. Every round counts: keep the times in a list."),
        Hypothesis("warm-up-included", statistics.median(with_it), COLD),
        Hypothesis("warm-up-included", statistics.median(first), COLD),
        Hypothesis("warm-up-included", statistics.mean(first), COLD + " And take the median, not the mean."),
        Hypothesis("warm-up-included", statistics.mean(with_it), COLD + " And take the median, not the mean."),
        Hypothesis("mean-for-median", statistics.mean(after), median),
        Hypothesis("best-for-median", min(after), "This is the fastest round; the median is asked for."),
        Hypothesis("worst-for-median", max(after), "This is the slowest round; the median is asked for."),
        Hypothesis("sum-for-median", sum(after), "This is the sum of all rounds; the median of one is asked for."),
        Hypothesis("upper-middle", sorted(after)[len(after) // 2], "With an even number of rounds, the median is the "
                   "mean of the two in the middle."),
        Hypothesis("lower-middle", sorted(after)[(len(after) - 1) // 2], "With an even number of rounds, the median is "
                   "the mean of the two in the middle. `torch.median` takes the lower one."),
        Hypothesis("last-for-median", after[-1], "This is the last round alone; the median of all is asked for."),
        Hypothesis("not-sorted",
                   after[len(after) // 2], "The middle of the list is not the median before it is sorted."),
        *(Hypothesis("wrong-number-of-rounds",
                     statistics.median(times[1 : n + 1]), f"This is the median of {n} of the rounds; all {rounds} that "
                     "are asked for count.") for n in (rounds - 1, rounds + 1, 1, 3)),
        Hypothesis("wrong-unit", 1e3 * statistics.median(after), "This is in milliseconds; keep seconds."),
    ]  # fmt: skip


def _beside(after: Sequence[float]) -> list[float]:
    """Of an odd number of rounds, in order, those next to the one in the middle."""
    middle = len(after) // 2
    return [sorted(after)[middle - 1], sorted(after)[middle + 1]] if len(after) % 2 else []


@check("Seconds with so many threads", "B1")
def seconds_at(seconds_at: Any, *, seed: int = 0) -> Iterator[str]:
    """The environment of the process holds the number of threads before it starts; one run before those that count;
    their median; the process is closed."""
    asked = measurements(seed)
    seen = ask(probes.threads, seconds_at, asked, THREAD_VARIABLES)
    for i, (threads, rounds, times) in enumerate(asked):
        _environment(seen.part(i), threads, again=i > 0)
        _seconds(seen.part(i), rounds, times)
        if i == 0:
            yield (
                "the number of threads stands in the new process's environment before it starts, this "
                "notebook's own is left as it is"
            )
            yield "the process is closed"
        yield f"the median of {rounds} rounds after one that doesn't count"


def _environment(seen: Answer, threads: int, again: bool) -> None:
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
        if again:
            raise Mistake(
                "result-kept",
                "seconds_at does not call `start` when it is called again: it returns what it found earlier, for "
                "another process. Measure anew in each call.",
            )
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
    timed = events.count("run") - 1
    if events.count("start") == 1 and 0 < timed != rounds and alike(got, statistics.median(times[1 : timed + 1])):
        raise Mistake("wrong-number-of-rounds", f"{timed} rounds are timed after the first run, and {rounds} are asked "
                      "for. Is a number written into the code, where `rounds` is given?")
    mistake = explained(got, _wrong_seconds(times, rounds), alike)
    if events.count("run") > rounds and any(alike(got, one) for one in _beside(after)):
        raise Mistake(
            "beside-the-middle",
            "This is not the middle one of the rounds that count. Of "
            f"{rounds} rounds in order, it has the index {rounds // 2}, counted from 0.",
        )
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
    """An exact one; one in which a number of threads comes twice and the most are not the fastest; and two with noise;
    such that mistakes give different numbers."""

    def make(rng: np.random.Generator) -> list[tuple[list[int], list[float]]]:
        found = []
        for threads, noise in (([1, 2, 4, 8], 0.0), ([1, 2, 3, 4, 6], 0.06), ([2, 1, 8, 4, 16], 0.05)):
            s, one = float(rng.uniform(0.1, 0.35)), float(rng.uniform(0.5, 9))
            times = [one * (s + (1 - s) / p) * (1 + noise * float(rng.uniform(-1, 1))) for p in threads]
            found.append((threads, [round(t, 5) for t in times]))
        one = float(rng.uniform(2, 9))
        slower = [one * part * (1 + 0.03 * float(rng.uniform(-1, 1))) for part in (0.58, 1, 0.42, 0.66, 0.5)]
        found.insert(1, ([2, 1, 4, 2, 8], [round(t, 5) for t in slower]))
        return found

    def tells(cases: Sequence[tuple[list[int], list[float]]]) -> bool:
        if not all(0.03 < fitted(*case, relative)[0] < 0.6 for case in cases for relative in (False, True)):
            return False
        return told_apart([(_wrong_fits(*case, 0), fitted(*case)[0]) for case in reversed(cases[1:])], _near)

    return drawn(seed + 22, make, tells)


def beyond(seed: int) -> list[tuple[list[int], list[float]]]:
    """Threads that bring more than Amdahl's law allows, and threads that only cost: s below 0, and s above 1."""
    rng = np.random.default_rng([seed, 24])
    found = []
    for s in (float(rng.uniform(-0.15, -0.08)), float(rng.uniform(1.3, 1.7))):
        one = float(rng.uniform(2, 9))
        times = [one * (s + (1 - s) / p) * (1 + 0.01 * float(rng.uniform(-1, 1))) for p in (1, 2, 4)]
        found.append(([1, 2, 4], [round(t, 5) for t in times]))
    return found


def _wrong_fits(threads: Threads, seconds: Seconds, part: int) -> list[Hypothesis]:
    """What may be taken for s (part 0) or T1 (part 1)."""
    p, t = np.asarray(threads, dtype=float), np.asarray(seconds, dtype=float)
    s, one = fitted(threads, seconds)
    order = np.argsort(p)
    first, last = order[0], order[-1]
    slope, start = np.polyfit(p, t, 1)
    ends = _two(p[first], t[first], p[last], t[last])
    starts = _two(p[order[0]], t[order[0]], p[order[1]], t[order[1]])
    listed = _two(p[0], t[0], p[-1], t[-1])
    apart = fitted(np.sort(p), np.sort(t)[::-1])  # type: ignore[arg-type]
    kept = {many: i for i, many in enumerate(threads)}
    once = fitted([threads[i] for i in kept.values()], [seconds[i] for i in kept.values()])
    few = fitted(p[p <= 4], t[p <= 4])  # type: ignore[arg-type]
    squared = np.polyfit(1 / p, t, 1, w=1 / t**2)
    speed = np.polyfit(1 / p, 1 / t, 1)
    alone, rest = (float(t[those].mean()) for those in (p == 1, p != 1))
    karp_flatt = [(u / t[0] - 1 / q) / (1 - 1 / q) for q, u in zip(p[1:], t[1:], strict=True) if q != 1]
    a_speed = fitted(threads, (t[first] / t).tolist())
    least = [(u / t.max() - 1 / q) / (1 - 1 / q) for q, u in zip(p, t, strict=True) if q != 1]
    two = "Only two of the points are used. Each has noise; least squares through all of them is asked for."
    over = "The line is fitted over the number of threads p; Amdahl's law is a straight line over 1/p."
    # T = T1 · (s + (1 − s)/p) with T1 as measured on the fewest threads, so that s alone is fitted.
    through = float(((1 - 1 / p) * (t / t[first] - 1 / p)).sum() / ((1 - 1 / p) ** 2).sum())
    up, start_up = np.polyfit(p, t[0] / t, 1)
    everywhere: list[tuple[str, Any, str]] = [
        ("through-one-point", (through, t[first]), "The line is made to go through the time measured on the fewest "
         "threads, and s alone is fitted. That point has noise as the others have: fit a and b, both."),
        ("points-lost", once, "A number of threads that was measured twice counts once. A dictionary keeps "
         "one entry for each; all measured points are asked for."),
        ("points-lost", few, "The points above 4 threads are left out; all measured points are asked for."),
        ("sorted-apart", apart, "Threads and seconds are sorted apart from each other, so a time meets "
         "another number of threads as soon as more threads are slower. Sort the pairs, or don't sort."),
        ("weights-squared", (squared[1] / squared.sum(), squared.sum()), "The weights are 1/t². `np.polyfit` "
         "multiplies each difference by its weight and squares it then: w = 1/t makes differences relative."),
        ("whole-division", (rest / alone, alone), "1/p is a whole division here (`//`, or numbers of an integer "
         "type): it is 0 for every p but 1. Divide with `/`, in floats."),
        ("speed-up-for-time", (speed.sum() / speed[1], 1 / speed.sum()), "The line is fitted to 1/T. It is "
         "the *time* that is a straight line over 1/p."),
    ]  # fmt: skip
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
            Hypothesis("from-two-points", listed[0], two),
            *(Hypothesis(name, wrong[0], hint) for name, wrong, hint in everywhere),
            *(Hypothesis("mean-of-fractions", float(np.mean(each)), "This is the mean of a fraction from each point, "
                         "all with the time of one of them for T1. Least squares through all points is asked for.")
              for each in (karp_flatt, least)),
            *(Hypothesis("measured-for-fitted", value, f"a is divided by the time *measured* {words}; the fitted one "
                         "is a + b.") for value, words in ((measured, "on the fewest threads"),
                                                           (one * s / t[0], "first"))),
            *(Hypothesis("speed-up-over-threads", value, "A line is fitted to the speed-up over the number of threads "
                         "p. It is the *time* that is a straight line, and it is one over 1/p.")
              for value in (start_up / (start_up + up), up / (start_up + up))),
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
        Hypothesis("from-two-points", listed[1], two),
        *(Hypothesis(name, wrong[1], hint) for name, wrong, hint in everywhere),
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
    exact, within = cases[0], len(cases)
    cases = [*beyond(seed), *cases]
    first = len(cases) - within
    seen = ask(calls, "amdahl", amdahl, cases, ("the list of threads", "the list of seconds"))
    parts = pairs(seen, len(cases), "amdahl", "(serial fraction, seconds on one thread)")
    serial, one = (numbers(part, "a result of amdahl") for part in parts)
    if alike(one[first], fitted(*exact)[0]) and alike(serial[first], fitted(*exact)[1]):
        raise Mistake("exchanged", "The two results are exchanged: return (serial fraction, seconds on one thread).")
    words = ("The serial fraction", "The fitted time on one thread")
    # From the last case on: with noise, each mistake gives a number of its own.
    for i in reversed(range(len(cases))):
        accepted = [fitted(*cases[i], relative) for relative in (False, True)]
        for part, got in enumerate((serial[i], one[i])):
            if any(_near(got, right[part]) for right in accepted):
                continue
            if i < first:
                raise _cut_off(got, accepted[0], part, cases[i])
            mistake = explained(got, _wrong_fits(*cases[i], part), _near)
            raise mistake or Mistake(
                "differs",
                f"{words[part]} is {got:.5g} for threads {list(cases[i][0])} and seconds "
                f"{list(cases[i][1])}; it should be {accepted[0][part]:.5g}.",
            )
    yield "an exact law, points with noise, and points that Amdahl's law excludes, by least squares over 1/p"


def _cut_off(got: float, right: tuple[float, float], part: int, case: tuple[Threads, Seconds]) -> Mistake:
    """What is wrong only where the fitted fraction is below 0 or above 1."""
    s, one = right
    threads, seconds = case
    measured = f"for threads {list(threads)} and seconds {list(seconds)}"
    if part == 0 and _near(got, min(max(s, 0), 1)):
        return Mistake("cut-off", f"The serial fraction is {got:g} {measured}, where the fitted line has {s:.4g}: it "
                       "is cut off at 0 or 1. Outside of them it says that the law does not hold for these points: "
                       "return what the fit gives.")  # fmt: skip
    words = ("The serial fraction", "The fitted time on one thread")[part]
    return Mistake("differs", f"{words} is {got:.5g} {measured}, where the fitted line has {(s, one)[part]:.5g}. Here "
                   "the fraction is below 0 or above 1, and the line is fitted as for other points.")


def _near(got: Any, right: Any) -> bool:
    return bool(np.isclose(got, right, rtol=2e-4, atol=1e-6))
