"""Checks of a measured training step: that the record is real, that the gains follow from it, and Amdahl's prediction."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check.calls import array, call, number
from helpers.check.compare import Hypothesis, verify
from helpers.check.reading_words import filled, plain
from helpers.check.report import Mistake, check

PARTS = ("forward", "backward", "update", "step")
THEN, NOW = "lowering by image", "library"
FEWEST = 5


@check("The measurement", "C1")
def training_step(records: Any, devices: Sequence[str], *, threads: int, then: str = THEN, now: str = NOW) -> Iterator[str]:
    """For every device seconds of forward, backward, update and whole step, by explicit lowering and by the library."""
    filled(records, "records")
    if not isinstance(records, Mapping):
        raise Mistake("not-a-dictionary", f"`records` should be a dictionary, device -> algorithm -> part; it is of type {type(records).__name__}.")
    if threads != 1:
        raise Mistake("more-than-one-thread", f"PyTorch uses {threads} threads. Two thread pools disturb each other: call torch.set_num_threads(1) and measure again.")
    yield "one thread"
    for device in devices:
        if device not in records:
            raise Mistake("device-missing", f"`records` has no entry for the device {device!r}.")
        times = {(a, part): _seconds(records[device], a, part, device) for a in (then, now) for part in PARTS}
        _real(times, device)
        for algorithm in (then, now):
            parts = sum(statistics.median(times[algorithm, part]) for part in PARTS[:3])
            step = statistics.median(times[algorithm, "step"])
            if not 0.4 < parts / step < 2.5:
                raise Mistake("parts-do-not-add-up", f"On {device} with {algorithm!r}, forward, backward and update take {1e3 * parts:.3g} ms together and the whole step {1e3 * step:.3g} ms. Is each entry the time of its own part?")
        _separate(times, then, now, device)
        yield f"{device}: {len(times[now, 'step'])} rounds of each part, and the parts add up to the step"


def _seconds(record: Any, algorithm: str, part: str, device: str) -> list[float]:
    """The seconds of one candidate: record[algorithm][part] or record[algorithm, part], a Timing or a list."""
    what = f"records[{device!r}][{algorithm!r}][{part!r}]"
    if not isinstance(record, Mapping):
        raise Mistake("not-a-dictionary", f"records[{device!r}] should be a dictionary, algorithm -> part -> Timing; it is of type {type(record).__name__}.")
    row = record.get(algorithm, {})
    found = record.get((algorithm, part), row.get(part) if isinstance(row, Mapping) else None)
    if found is None:
        raise Mistake("entry-missing", f"There is no {what}: the parts are {', '.join(PARTS)}, for {THEN!r} and {NOW!r}.")
    seconds = array(getattr(found, "seconds", found), what)
    if seconds.ndim == 0:
        raise Mistake("one-number-only", f"{what} is a single number. Keep the time of every round (`Timing.seconds`): without them nobody can see the spread.")
    return [float(value) for value in seconds.ravel()]


def _real(times: Mapping[tuple[str, str], list[float]], device: str) -> None:
    for (algorithm, part), seconds in times.items():
        what = f"{part} of {algorithm!r} on {device}"
        if len(seconds) < FEWEST:
            raise Mistake("too-few-rounds", f"{what} was timed {len(seconds)} times. Take at least {FEWEST} rounds: one can't tell a median, or a spread, from fewer.")
        if not all(math.isfinite(s) and s > 0 for s in seconds):
            raise Mistake("not-positive", f"{what} has a time that is not above zero. Read the clock before and after: seconds = after − before.")
        if len(set(seconds)) == 1:
            raise Mistake("times-identical", f"All rounds of {what} took exactly {seconds[0]:g} s. A clock never shows that: is one measurement repeated in the list?")
    if statistics.median(times[NOW, "step"]) > 60:
        raise Mistake("not-in-seconds", "A step takes more than a minute. Keep the times in seconds, as `measure` returns them, and convert where you print.")
    if len({len(seconds) for seconds in times.values()}) > 1:
        raise Mistake("rounds-differ", f"The parts on {device} have different numbers of rounds: time all of them in one call of `measure`, so that they take turns.")


def _separate(times: Mapping[tuple[str, str], list[float]], then: str, now: str, device: str) -> None:
    for part in PARTS:
        if times[then, part] == times[now, part]:
            raise Mistake("same-record-twice", f"{part} has the same times to the last digit for {then!r} and {now!r} on {device}: one measurement stands under both names.")


@check("The gain that you measured", "C2")
def step_gains(gains: Any, records: Any, devices: Sequence[str], *, then: str = THEN, now: str = NOW) -> Iterator[str]:
    """Speed-up of every part and of the whole step: median old time over median new time (or the median of the ratios)."""
    filled(gains, "gains")
    filled(records, "records")
    if not isinstance(gains, Mapping):
        raise Mistake("not-a-dictionary", f"`gains` should be a dictionary, device -> part -> speed-up; it is of type {type(gains).__name__}.")
    for device in devices:
        row = gains.get(device, gains if len(devices) == 1 and "forward" in gains else None)
        if not isinstance(row, Mapping):
            raise Mistake("entry-missing", f"`gains` has no entry for the device {device!r}, with a speed-up for each of {', '.join(PARTS)}.")
        named = {plain(key): value for key, value in row.items()}
        named.setdefault("step", named.get("overall"))
        mine = {part: number(named[part], f"the gain of {part}") for part in PARTS if named.get(part) is not None}
        missing = [part for part in PARTS if part not in mine]
        if missing:
            raise Mistake("entry-missing", f"gains[{device!r}] has no speed-up for {missing[0]!r}.")
        times = {(a, part): _seconds(records[device], a, part, device) for a in (then, now) for part in PARTS}
        for part in PARTS:
            _follows(mine[part], part, times, then, now, mine)
        yield f"{device}: the step is {mine['step']:.2f} times as fast, which follows from your record"


def _follows(got: float, part: str, times: Mapping[tuple[str, str], list[float]], then: str, now: str, mine: Mapping[str, float]) -> None:
    old, new = times[then, part], times[now, part]
    ratio = statistics.median(old) / statistics.median(new)
    low, high = sorted((ratio, statistics.median(a / b for a, b in zip(old, new, strict=True))))
    if part == "step":
        total = [sum(statistics.median(times[a, p]) for p in PARTS[:3]) for a in (then, now)]
        low, high = min(low, total[0] / total[1]), max(high, total[0] / total[1])
    if 0.97 * low <= got <= 1.03 * high:
        return
    wrong = [
        ("upside-down", 1 / ratio, "It is upside down: divide the old time (lowering) by the new one (library)."),
        ("gain-for-factor", ratio - 1, "It is the gain, factor − 1. Keep the factor, like the speed-up column of Table 4."),
        ("percent-for-factor", 100 * (ratio - 1), "It is in per cent. Keep the factor, like the speed-up column of Table 4."),
        ("percent-for-factor", 100 * ratio, "It is in per cent. Keep the factor, like the speed-up column of Table 4."),
        ("time-saved-for-speedup", 1 - 1 / ratio, "It is the share of time saved. Keep the factor, like the speed-up column of Table 4."),
        ("difference-for-ratio", statistics.median(old) - statistics.median(new), "It is a difference of times; divide them."),
        ("mean-for-median", statistics.fmean(old) / statistics.fmean(new), "It is made of means, which one slow round can spoil. Take medians."),
        ("best-round-only", min(old) / min(new), "It is made of the fastest rounds. Take medians: the best round is luck."),
        ("best-round-only", old[0] / new[0], "It is made of the first round alone. Take medians over all rounds."),
    ]
    if part == "step":
        wrong.insert(0, ("average-of-parts", statistics.fmean(mine[p] for p in PARTS[:3]), "It is the average of the parts' speed-ups. A part that takes no time does not count; use the times of the whole step."))
        wrong.insert(1, ("papers-number", 1.36, "It is the paper's number. Yours follows from your record."))
    for name, value, hint in wrong:
        if math.isclose(got, value, rel_tol=0.01):
            raise Mistake(name, f"The gain of {part} is {got:.3g}, where your record gives {ratio:.3g}. {hint}")
    raise Mistake("does-not-follow", f"The gain of {part} is {got:.3g}, but the medians of your record give {ratio:.3g}.")


@check("Amdahl's law", "C3")
def amdahl(function: Any, *, table: Mapping[str, tuple[float, float]], seed: int = 0) -> Iterator[str]:
    """Σ t ÷ Σ (t ÷ s) for the old times t and speed-ups s of the parts. table: part -> (old time, new time)."""
    rng = np.random.default_rng(seed)
    cases = [{part: (old, old / new) for part, (old, new) in table.items()}] if not seed else []
    cases += [{f"part {i}": (float(rng.uniform(1, 9)) * 10.0 ** rng.integers(0, 3), float(rng.uniform(1.1, 6))) for i in range(n)} for n in (2, 3, 5)]
    got, rows = [], []
    for case in cases:
        seconds, speedups = {k: v[0] for k, v in case.items()}, {k: v[1] for k, v in case.items()}
        got.append(number(call(function, dict(seconds), dict(speedups), what="predicted_speedup"), "the predicted speed-up"))
        rows.append((np.asarray(list(seconds.values())), np.asarray(list(speedups.values()))))

    def each(formula: Any) -> np.ndarray:
        return np.asarray([float(formula(t, s)) for t, s in rows])

    verify(np.asarray(got), each(lambda t, s: t.sum() / (t / s).sum()), "the predicted speed-up", [
        Hypothesis("average-of-speedups", each(lambda t, s: s.mean()), "This is the plain average of the speed-ups. A part that takes little time contributes little: weigh with the times."),
        Hypothesis("arithmetic-weights", each(lambda t, s: (t * s).sum() / t.sum()), "This weighs the speed-ups with the old times, as if times were multiplied. Times add up: the new time of a part is t ÷ s. Sum these, and divide the old sum by it."),
        Hypothesis("upside-down", each(lambda t, s: (t / s).sum() / t.sum()), "This is new time over old. A speed-up is old over new."),
        Hypothesis("new-time-only", each(lambda t, s: (t / s).sum()), "This is the new time. Divide the old time by it."),
        Hypothesis("times-forgotten", each(lambda t, s: len(s) / (1 / s).sum()), "All parts count alike here. Weigh with the time that each takes."),
        Hypothesis("speedups-multiplied", each(lambda t, s: s.prod()), "The speed-ups are multiplied. The parts run one after the other: their times add up."),
        Hypothesis("largest-part-only", each(lambda t, s: s[t.argmax()]), "This is the speed-up of the longest part alone."),
        Hypothesis("best-speedup", each(lambda t, s: s.max()), "This is the largest speed-up. The parts that gain less hold the whole back: that is Amdahl's point."),
        Hypothesis("speedups-as-slowdowns", each(lambda t, s: t.sum() / (t * s).sum()), "The old times are multiplied by the speed-ups. A part that becomes s times as fast takes t ÷ s."),
        Hypothesis("speedups-as-slowdowns", each(lambda t, s: (t * s).sum()), "The old times are multiplied by the speed-ups. A part that becomes s times as fast takes t ÷ s."),
    ])  # fmt: skip
    yield "Table 4's own rows and three made-up programs" if not seed else "three other programs"
