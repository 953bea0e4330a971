"""Checks of a training step: measured on work that is known,
that a record is real, the gains that follow, and Amdahl's prediction."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check.core.ask import Cause, array, ask
from helpers.check.core.compare import Hypothesis, verify
from helpers.check.core.known_work import Calls, demand_possible, lengths
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check
from helpers.check.cudnn_reading import probes
from helpers.check.cudnn_reading.words import amount, filled, plain, returned
from helpers.timing import Timing

PARTS = ("forward", "backward", "update", "step")
THEN, NOW = "lowering by image", "library"
FEWEST = 15
MANY = 61
"""Rounds for which `step_times` is asked another time: more than anybody would write in."""


@check("The measurement", "C1")
def training_step(
    records: Any, devices: Sequence[str], *, threads: int | None, then: str = THEN, now: str = NOW
) -> Iterator[str]:
    """For every device seconds of forward, backward, update and whole step, by explicit lowering and by the library.

    threads: None where there is no PyTorch, so that nothing could be measured.
    """
    if threads is None:
        yield "no record here, for it needs PyTorch; grading makes one with your `step_times`"
        return
    filled(records, "records")
    if not isinstance(records, Mapping):
        raise Mistake("not-a-dictionary",
                      "`records` should be a dictionary, device -> algorithm -> part; "
                      f"it is of type {type(records).__name__}.")
    if threads != 1:
        raise Mistake("more-than-one-thread",
                      f"PyTorch uses {threads} threads. Two thread pools disturb each other: "
                      "run the cell with limit_threads(1), and measure again.")
    yield "one thread"
    for device in devices:
        if device not in records:
            raise Mistake("device-missing", f"`records` has no entry for the device {device!r}.")
        times = {
            (a, part): _seconds(records[device], a, part, f"records[{device!r}]")
            for a in (then, now)
            for part in PARTS
        }
        _real(times, device)
        for algorithm in (then, now):
            parts = sum(statistics.median(times[algorithm, part]) for part in PARTS[:3])
            step = statistics.median(times[algorithm, "step"])
            if not 0.4 < parts / step < 2.5:
                raise Mistake("parts-do-not-add-up",
                              f"On {device} with {algorithm!r}, forward, backward and update take "
                              f"{1e3 * parts:.3g} ms together and the whole step {1e3 * step:.3g} ms. "
                              "Is each entry the time of its own part?")
        _separate(times, then, now, device)
        _one_call(records[device], then, now, device)
        yield f"{device}: {len(times[now, 'step'])} rounds of each part, and the parts add up to the step"


def _seconds(record: Any, algorithm: str, part: str, where: str) -> list[float]:
    """The seconds of record[algorithm][part], a Timing; `where` names the record."""
    what = f"{where}[{algorithm!r}][{part!r}]"
    if not isinstance(record, Mapping):
        raise Mistake("not-a-dictionary",
                      f"{where} should be a dictionary, algorithm -> part -> Timing; "
                      f"it is of type {type(record).__name__}.")
    row = record.get(algorithm, {})
    found = row.get(part) if isinstance(row, Mapping) else None
    turned = record.get(part, {})
    if found is None and isinstance(turned, Mapping) and algorithm in turned:
        raise Mistake("levels-exchanged",
                      f"There is no {what}, but there is a [{part!r}][{algorithm!r}]: the algorithm comes first, and "
                      "the part inside of it.")
    if found is None:
        raise Mistake("entry-missing",
                      f"There is no {what}: the parts are {', '.join(PARTS)}, for {THEN!r} and {NOW!r}.")
    if not hasattr(found, "seconds") or not hasattr(found, "median"):
        if array(found, what).ndim == 0:
            raise Mistake("one-number-only",
                          f"{what} is a single number. Keep the whole `Timing` that `measure` returns: "
                          "without the time of every round nobody can see the spread.")
        raise Mistake("not-a-timing",
                      f"{what} is of type {type(found).__name__}. Keep the whole `Timing` that `measure` returns: "
                      "the cells below read its median and its spread.")
    seconds = array(found.seconds, what)
    return [float(value) for value in seconds.ravel()]


def _real(times: Mapping[tuple[str, str], list[float]], device: str) -> None:
    for (algorithm, part), seconds in times.items():
        what = f"{part} of {algorithm!r} on {device}"
        if len(seconds) < FEWEST:
            raise Mistake("too-few-rounds",
                          f"{what} was timed {len(seconds)} times. Take at least {FEWEST} rounds: "
                          "fewer give no reliable median or spread.")
        if not all(math.isfinite(s) and s > 0 for s in seconds):
            raise Mistake("not-positive",
                          f"{what} has a time that is not above zero. "
                          "Read the clock before and after: seconds = after − before.")
        if len(set(seconds)) == 1:
            raise Mistake("times-identical",
                          f"All rounds of {what} took exactly {seconds[0]:g} s. "
                          "Real measurements never repeat exactly: is one measurement repeated in the list?")
    if statistics.median(times[NOW, "step"]) > 60:
        raise Mistake("not-in-seconds",
                      "A step takes more than a minute. "
                      "Keep the times in seconds, as `measure` returns them, and convert where you print.")
    if len({len(seconds) for seconds in times.values()}) > 1:
        raise Mistake("rounds-differ",
                      f"The parts on {device} have different numbers of rounds: "
                      "time all of them in one call of `measure`, so that they are interleaved.")


def _one_call(record: Any, then: str, now: str, device: str) -> None:
    """A Timing carries its name in `measure`, and names in one dictionary differ."""
    names = [getattr(record[algorithm][part], "what", None) for algorithm in (then, now) for part in PARTS]
    for name in names:
        if name is not None and names.count(name) > 1:
            raise Mistake("measured-apart",
                          f"On {device} two entries were measured under the same name, {name!r}: "
                          "they come from different calls of `measure`, or one is used in two places. Put all eight "
                          "functions into one dictionary, with a name each, so that they are interleaved.")


def _separate(times: Mapping[tuple[str, str], list[float]], then: str, now: str, device: str) -> None:
    for part in PARTS:
        if times[then, part] == times[now, part]:
            raise Mistake("same-record-twice",
                          f"{part} has the same times to the last digit for {then!r} and {now!r} on {device}: "
                          "one measurement is stored under both names.")


@check("Measuring a training step", "C1")
def step_times(function: Any, *, rounds: int = 4, seed: int = 0) -> Iterator[str]:
    """algorithm -> part -> Timing of functions that wait as long as only the check knows, timed in turn."""
    keys = [(algorithm, part) for algorithm in (THEN, NOW) for part in PARTS]
    waits = dict(zip(map(_name, keys), lengths(seed, len(keys), 3e-4, 1.6), strict=True))
    # The parts come in an order of chance: names tell them, not places.
    handed = [keys[i] for i in np.random.default_rng([seed, 5]).permutation(len(keys))]
    pieces = [(*key, _name(key), waits[_name(key)]) for key in handed]
    seen = ask(probes.timed_steps, function, pieces, rounds, MANY, advice=_advice)
    found = seen["result"]
    if found is None:
        raise Mistake("returns-none", "step_times returns None. Is the `return` missing?")
    if seen["kept"]:
        raise Mistake("kept-between-calls",
                      "step_times returns the same dictionary each time it is called, so that the next call overwrites "
                      "what the last one returned. Make the dictionaries inside of the function: a default argument "
                      "such as `times={}` is made only once.")
    times = {key: _seconds(found, *key, "step_times(…)") for key in keys}
    for key, seconds in times.items():
        if len(seconds) < rounds:
            raise Mistake("too-few-rounds",
                          f"step_times was asked for {rounds} rounds, and {_name(key)} has {len(seconds)}. "
                          "Pass `rounds` on to `measure`.")
        if not all(math.isfinite(s) and s > 0 for s in seconds):
            raise Mistake("not-positive",
                          f"{_name(key)} has a time that is not above zero. "
                          "Read the clock before and after: seconds = after − before.")
    calls_made = Calls(seen["bench"])
    counts = {name: calls_made.count(name) for name in waits}
    for name in waits:
        if counts[name] < rounds and max(counts.values()) >= 4 * rounds:
            often = max(counts, key=lambda one: counts[one])
            raise Mistake("one-function-for-all",
                          f"{often} is called {counts[often]} times and {name} {counts[name]} times: the same function "
                          "is timed under several names. A `lambda` in a loop sees the loop's last values when it is "
                          "called; hand over `functions[algorithm][part]` itself.")
        for lost, last in ((THEN, NOW), (NOW, THEN)):
            if {one for one, count in counts.items() if not count} == {_name((lost, part)) for part in PARTS}:
                raise Mistake("one-algorithm-only",
                              f"Only the functions of {last!r} are called, none of {lost!r}. Do the names in the "
                              "dictionary for `measure` say the part alone, so that the second algorithm's functions "
                              "replace the first one's? Put the algorithm into the name, too.")
        if counts[name] < rounds:
            raise Mistake("not-called",
                          f"{name} is called {counts[name]} times where {rounds} rounds are asked for. "
                          "The times have to come from the functions that step_times is given: "
                          "`functions[algorithm][part]`, called inside the timing.")
    yield f"each of {len(keys)} functions called in each of {rounds} rounds"
    _interleaved(calls_made, list(waits), rounds)
    yield "in turn"
    if seen["synchronised"] < rounds:
        raise Mistake("not-synchronised",
                      f"`synchronise` is called {seen['synchronised']} times in {rounds} rounds. GPU calls are "
                      "asynchronous: they return before the work is done, and the clock is read too early. Pass the "
                      "function itself on to `measure`, `synchronise=synchronise` (with parentheses behind it, it is "
                      "called once and its result passed on).")
    for key in keys:
        _demand_own(key, times)
    in_a_row = min(len(list(turn)) for _, turn in itertools.groupby(calls_made.made))
    if in_a_row > 1 and all(statistics.median(times[key]) > 0.8 * in_a_row * waits[_name(key)] for key in keys):
        raise Mistake("several-calls-timed",
                      f"Each function is called {in_a_row} times in a row in each round, and its time is that of all "
                      "these calls. The time of one call is asked for: hand `functions[algorithm][part]` itself to "
                      "`measure`.")
    _demand_names(times, waits, calls_made)
    for key in keys:
        demand_possible(times[key], waits[_name(key)], calls_made.longest(_name(key)), f"The time of {_name(key)}")
    for name in waits:
        if name in seen.part("many") and seen.part("many")[name] < MANY:
            raise Mistake("rounds-ignored",
                          f"Asked for {MANY} rounds, step_times makes {seen.part('many')[name]} of {name}: is a number "
                          "written into the call? Pass `rounds` on to `measure`.")
    yield "times that fit how long each function takes, and as many as are asked for"


def _advice(error: BaseException, what: str) -> str:
    if "CUDA" in str(error):
        return Cause(" Where there is no GPU, nothing of `torch.cuda` can be called: wait with the `synchronise` that "
                     "step_times is given, which knows the device.")
    return ""


def _demand_names(
    times: Mapping[tuple[str, str], list[float]], waits: Mapping[str, float], calls_made: Calls
) -> None:
    """The times of one algorithm do not stand under the other's name: seen where they fit only there."""

    def fits(key: tuple[str, str], seconds: Sequence[float]) -> bool:
        name = _name(key)
        return 0.5 * waits[name] <= min(seconds) and max(seconds) <= calls_made.longest(name)

    other = {THEN: NOW, NOW: THEN}
    if not all(fits(key, times[key]) for key in times) and all(fits((other[a], p), times[a, p]) for a, p in times):
        raise Mistake("algorithms-exchanged",
                      f"The times of {NOW!r} stand under {THEN!r}, and the other way round. Take algorithms and parts "
                      "from the names in `functions`, not from their places: `sorted` puts them in another order.")
    made_of = {key: [of for of in times if calls_made.spent_on(_name(of), times[key])] for key in times}
    wrong = next((key for key in times if len(made_of[key]) == 1 and made_of[key] != [key]), None)
    if wrong and all(made_of.values()):
        raise Mistake("times-mixed-up",
                      f"Times stand under the names of other functions: those under {_name(wrong)} are those of "
                      f"{_name(made_of[wrong][0])}. Look each up by its own name in what `measure` returns; "
                      "`sorted`, `zip`, sets and a list of the parts go by other orders.")


def _name(key: tuple[str, str]) -> str:
    return f"{key[1]} of {key[0]!r}"


def _interleaved(calls_made: Calls, names: Sequence[str], rounds: int) -> None:
    """No function's rounds are over before another's begin."""
    turns = [name for name, _ in itertools.groupby(calls_made.made)]
    order = {name: [i for i, one in enumerate(turns) if one == name][-rounds:] for name in names}
    for early, late in itertools.permutations(order, 2):
        if rounds > 1 and order[early][-1] < order[late][0]:
            raise Mistake("measured-apart",
                          f"All rounds of {early} are over before those of {late} begin. "
                          "Put all eight functions into one dictionary, with a name each, and call `measure` once: "
                          "then they are interleaved, and a slow moment of the machine affects all of them.")


def _demand_own(key: tuple[str, str], times: Mapping[tuple[str, str], list[float]]) -> None:
    """Its times stand in its own place."""
    for other, seconds in times.items():
        if other != key and times[key] == seconds:
            raise Mistake("same-record-twice",
                          f"{_name(key)} and {_name(other)} have the same times to the last digit: "
                          "one measurement is stored in two places.")


@check("The gain of each part", "C2")
def step_gains(function: Any, *, seed: int = 0) -> Iterator[str]:
    """Speed-up of every part and of the whole step:
    median old time over median new time (or the median of the ratios)."""
    rng = np.random.default_rng([seed, 2])
    cases = [_drawn(rng), _drawn(rng, turned=True), _drawn(rng, even=True)]
    seen = ask(calls, "step_gains", function, [(record,) for record, _ in cases], ("times",))
    for case, (_, times) in enumerate(cases):
        row = seen[str(case)]
        if row is None:
            raise Mistake("returns-none", "step_gains returns None. Is the `return` missing?")
        if not isinstance(row, Mapping):
            raise Mistake("not-a-dictionary",
                          f"step_gains should return a dictionary, part -> speed-up; it returns {type(row).__name__}.")
        named = {plain(key): value for key, value in row.items()}
        mine = {part: amount(named[part], f"the gain of {part}") for part in PARTS if named.get(part) is not None}
        missing = [part for part in PARTS if part not in mine]
        if missing:
            early = " Is there a `return` inside the loop?" if list(mine) == [PARTS[0]] else ""
            raise Mistake("entry-missing", f"What step_gains returns has no speed-up for {missing[0]!r}.{early}")
        if not case and "1" in seen and _alike(row, seen["1"]) and len(set(mine.values())) > 1:
            raise Mistake("argument-ignored",
                          "step_gains returns the same numbers for two different records: it does not look at its "
                          "argument `times`, but at another variable of the notebook, such as `records`, or at numbers "
                          "that are written in.")
        try:
            _follow(mine, times)
        except Mistake as mistake:
            if case != 1 or mistake.name not in ("upside-down", "does-not-follow"):
                raise
            raise Mistake("taken-by-position", "The first record is right, and one whose dictionaries have another "
                          "order is not: look algorithms and parts up by their names, not by their places.") from None
        yield f"record {case + 1}: the step is {mine['step']:.2f} times as fast, which follows from its times"


def _alike(one: Any, other: Any) -> bool:
    """Whether two rows of gains are the same, to the last digit."""
    try:
        return dict(one) == dict(other)
    except Exception:
        return False


def _drawn(
    rng: np.random.Generator, turned: bool = False, even: bool = False
) -> tuple[dict[str, dict[str, Timing]], dict[tuple[str, str], list[float]]]:
    """A record as `step_times` returns it, with a slow round in it, and its seconds.
    Parts gain differently, and some lose. turned: its dictionaries have another order. even: an even number of rounds,
    and the two in the middle of the old times lie far apart."""
    times: dict[tuple[str, str], list[float]] = {}
    new = rng.uniform(0.5, 1.5, 3) * np.array([8e-3, 5e-3, 4e-4])
    for algorithm, parts, spread in ((NOW, new, 0.03), (THEN, new * rng.permutation([0.7, 1.9, 2.9]), 0.2)):
        for part, seconds in zip(PARTS, [*parts, parts.sum()], strict=True):
            noise = rng.uniform(1 - spread, 1 + spread, 16 if even else 15)
            if algorithm == THEN and even:
                noise = rng.permutation([4.0, *rng.uniform(1.1, 1.2, 7), *rng.uniform(0.8, 0.9, 8)])
            elif algorithm == THEN:
                noise[rng.integers(1, 15)] = 4.0
            times[algorithm, part] = [float(s) for s in seconds * noise]
    order = {THEN: PARTS, NOW: PARTS} if not turned else {NOW: PARTS[::-1], THEN: PARTS}
    record = {a: {part: Timing(f"{a}, {part}", list(times[a, part])) for part in order[a]} for a in order}
    return record, times


def _follow(mine: Mapping[str, float], times: Mapping[tuple[str, str], list[float]]) -> None:
    """A Mistake where gains don't follow from the times; a name has to explain all that don't."""
    medians = {key: statistics.median(seconds) for key, seconds in times.items()}
    sums = [sum(medians[a, part] for part in PARTS[:3]) for a in (THEN, NOW)]
    ratios = {part: medians[THEN, part] / medians[NOW, part] for part in PARTS}

    def right(part: str) -> bool:
        of_rounds = statistics.median(a / b for a, b in zip(times[THEN, part], times[NOW, part], strict=True))
        allowed = [ratios[part], of_rounds, *([sums[0] / sums[1]] if part == "step" else [])]
        return 0.97 * min(allowed) <= mine[part] <= 1.03 * max(allowed)

    wrong = [part for part in PARTS if not right(part)]
    if not wrong:
        return

    def made(by: Callable[[list[float]], float]) -> dict[str, float]:
        return {part: by(times[THEN, part]) / by(times[NOW, part]) for part in PARTS}

    factor = "Keep the factor, like the speed-up column of Table 4."
    hypotheses: tuple[tuple[str, Mapping[str, float], str], ...] = (
        ("average-of-parts", {"step": statistics.fmean(mine[p] for p in PARTS[:3])},
         "It is the average of the parts' speed-ups. A part that takes hardly any time should hardly count: "
         "divide the times of the whole step."),
        ("papers-number", {"step": 1.36}, "It is the paper's number. Yours follows from your record."),
        ("upside-down", {p: 1 / r for p, r in ratios.items()},
         "It is upside down: divide the old time (lowering) by the new one (library)."),
        ("gain-for-factor", {p: r - 1 for p, r in ratios.items()}, f"It is the gain, factor − 1. {factor}"),
        ("percent-for-factor", {p: 100 * (r - 1) for p, r in ratios.items()}, f"It is in per cent. {factor}"),
        ("percent-for-factor", {p: 100 * r for p, r in ratios.items()}, f"It is in per cent. {factor}"),
        ("time-saved-for-speedup", {p: 1 - 1 / r for p, r in ratios.items()},
         f"It is the share of time saved. {factor}"),
        ("difference-for-ratio", {p: medians[THEN, p] - medians[NOW, p] for p in PARTS},
         "It is a difference of times; divide them."),
        ("mean-for-median", made(statistics.fmean),
         "It is made of means, which one slow round can spoil. Take medians."),
        ("best-round-only", made(min), "It is made of the fastest rounds. Take medians: the best round is luck."),
        ("best-round-only", made(lambda seconds: seconds[0]),
         "It is made of the first round alone. Take medians over all rounds."),
        *(("one-of-the-middle-two", made(of_two),
           "In an even number of rounds two lie in the middle, and the median is their mean. Here one of them is taken "
           "for it, as `sorted(…)[n // 2]` and `torch.median` do: `Timing` has `.median`.")
          for of_two in (statistics.median_low, statistics.median_high)),
    )  # fmt: skip
    part = wrong[0]
    told = f"The gain of {part} is {mine[part]:.3g}, where the medians of the record give {ratios[part]:.3g}."
    for name, values, hint in hypotheses:
        if all(math.isclose(mine[p], values.get(p, math.nan), rel_tol=0.01) for p in wrong):
            raise Mistake(name, f"{told} {hint}")
    raise Mistake("does-not-follow", told)


@check("Amdahl's law", "C3")
def amdahl(function: Any, *, table: Mapping[str, tuple[float, float]], seed: int = 0) -> Iterator[str]:
    """Σ t ÷ Σ (t ÷ s) for the old times t and speed-ups s of the parts. table: part -> (old time, new time)."""
    rng = np.random.default_rng(seed)
    # The part whose name sorts first stands last, and speed-ups come in the reverse order of the times.
    rows_of_table = list(table.items())
    cases = [{part: (old, old / new) for part, (old, new) in rows_of_table[1:] + rows_of_table[:1]}] if not seed else []
    cases += [
        {
            f"part {(i + 1) % n}": (
                float(rng.uniform(1, 9)) * 10.0 ** rng.integers(0, 3),
                float(rng.uniform(1.1, 6)) if i else 0.8,
            )
            for i in range(n)
        }
        for n in (2, 3, 5)
    ]
    pairs = [({k: v[0] for k, v in case.items()}, {k: v[1] for k, v in case.items()}) for case in cases]
    rows = [(np.asarray(list(seconds.values())), np.asarray(list(speedups.values()))) for seconds, speedups in pairs]
    seen = ask(
        calls,
        "predicted_speedup",
        function,
        [(seconds, dict(reversed(speedups.items()))) for seconds, speedups in pairs],
        ("seconds", "speedups"),
    )
    got = [returned(seen[str(number)], "predicted_speedup") for number in range(len(pairs))]

    def each(formula: Any) -> np.ndarray:
        return np.asarray([float(formula(t, s)) for t, s in rows])

    right = each(lambda t, s: t.sum() / (t / s).sum())
    rounded = any(np.abs(np.asarray(got) - np.round(right, digits)).max() < 1e-7 for digits in (2, 3, 4))
    verify(right if rounded else np.asarray(got), right, "the predicted speed-up", [
        Hypothesis("paired-by-order", each(lambda t, s: t.sum() / (t / s[::-1]).sum()),
                   "The two dictionaries have the same keys, but not in the same order. "
                   "Look the speed-up of a part up by its key."),
        *(Hypothesis("one-dictionary-sorted", each(formula),
                     "One of the two dictionaries is sorted by its keys, and the other is not. "
                     "Look the speed-up of a part up by its key.")
          for formula in (lambda t, s: t.sum() / (t / np.roll(s, 1)).sum(),
                          lambda t, s: t.sum() / (np.roll(t, 1) / s[::-1]).sum())),
        Hypothesis("average-of-speedups", each(lambda t, s: s.mean()),
                   "This is the plain average of the speed-ups. "
                   "A part that takes little time contributes little: weight by the times."),
        Hypothesis("arithmetic-weights", each(lambda t, s: (t * s).sum() / t.sum()),
                   "This weights the speed-ups by the old times, as if times were multiplied. "
                   "Times add up: the new time of a part is t ÷ s. Sum these, and divide the old sum by it."),
        Hypothesis("upside-down", each(lambda t, s: (t / s).sum() / t.sum()),
                   "This is new time over old. A speed-up is old over new."),
        Hypothesis("new-time-only", each(lambda t, s: (t / s).sum()),
                   "This is the new time. Divide the old time by it."),
        Hypothesis("old-time-missing", each(lambda t, s: 1 / (t / s).sum()),
                   "This is 1 over the new time. A speed-up is the old time, the sum of all parts, over the new one."),
        Hypothesis("paired-by-order", each(lambda t, s: t.sum() / (np.sort(t) / np.sort(s)).sum()),
                   "Times and speed-ups are sorted, each on their own, so that a part gets the speed-up of another. "
                   "Look the speed-up of a part up by its key."),
        Hypothesis("times-forgotten", each(lambda t, s: len(s) / (1 / s).sum()),
                   "All parts count alike here. Weight each by the time that it takes."),
        Hypothesis("speedups-multiplied", each(lambda t, s: s.prod()),
                   "The speed-ups are multiplied. The parts run one after the other: their times add up."),
        Hypothesis("largest-part-only", each(lambda t, s: s[t.argmax()]),
                   "This is the speed-up of the longest part alone."),
        Hypothesis("best-speedup", each(lambda t, s: s.max()),
                   "This is the largest speed-up. The parts that gain less hold the whole back: "
                   "that is Amdahl's point."),
        Hypothesis("one-part-faster",
                   each(lambda t, s: 1 / (1 - t.max() / t.sum() + t.max() / t.sum() / s[t.argmax()])),
                   "This lets only the longest part become faster, as the best-known form of the law does. "
                   "Here every part has its own speed-up: sum over all of them."),
        Hypothesis("speedups-multiplied", each(lambda t, s: s.prod() ** (1 / len(s))),
                   "This is the geometric mean of the speed-ups. "
                   "The parts run one after the other: their times add up."),
        Hypothesis("weighted-geometric-mean", each(lambda t, s: np.exp((t * np.log(s)).sum() / t.sum())),
                   "This is a geometric mean of the speed-ups, weighted by the times. "
                   "The parts run one after the other: their times add up, and the new time of a part is t ÷ s."),
        Hypothesis("one-part-faster",
                   each(lambda t, s: 1 / (1 - t[s.argmax()] / t.sum() + t[s.argmax()] / t.sum() / s.max())),
                   "This lets only the part with the largest speed-up become faster, as the best-known form of the law "
                   "does with one part. Here every part has its own speed-up: sum over all of them."),
        Hypothesis("time-saved-for-speedup", each(lambda t, s: 1 - (t / s).sum() / t.sum()),
                   "This is the share of the time that is saved. A speed-up is old time over new."),
        Hypothesis("gain-for-factor", each(lambda t, s: t.sum() / (t / s).sum() - 1),
                   "This is the gain, factor − 1. The factor itself is asked for."),
        Hypothesis("slow-down-ignored", each(lambda t, s: t.sum() / (t / np.maximum(s, 1)).sum()),
                   "A speed-up below 1 is taken for 1. A part may become slower, and it then costs more time: t ÷ s."),
        Hypothesis("speedups-added", each(lambda t, s: s.sum()),
                   "The speed-ups are added. Times add up: the new time of a part is t ÷ s."),
        Hypothesis("gain-for-factor", each(lambda t, s: t.sum() / (t / (1 + s)).sum()),
                   "A 1 is added to the speed-ups. They are factors already: 1.36 means old time over new."),
        Hypothesis("papers-number", np.full(len(rows), 1.36),
                   "It is 1.36 whatever the parts are. Compute it from the two dictionaries."),
        Hypothesis("speedups-as-slowdowns", each(lambda t, s: t.sum() / (t * s).sum()),
                   "The old times are multiplied by the speed-ups. A part that becomes s times as fast takes t ÷ s."),
        Hypothesis("speedups-as-slowdowns", each(lambda t, s: (t * s).sum()),
                   "The old times are multiplied by the speed-ups. A part that becomes s times as fast takes t ÷ s."),
    ])  # fmt: skip
    yield "Table 4's own rows and three made-up programs" if not seed else "three other programs"
