"""Checks of Part C of `performance_factors`: steps to a level, the rate of a batch, and seconds with an interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core.ask import Answer, ask, number
from helpers.check.core.compare import Hypothesis, explained
from helpers.check.core.formulas import entries, numbers, verify_formula
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check
from helpers.check.performance_factors import probes
from helpers.study.cnn_runtime.student_t import t_quantile

Curve = list[float]


def first_reached(
    curve: Curve, level: float, every: int, most: int, strictly: bool = False, averaged: int = 1
) -> int | None:
    """The first multiple of `every`, at most `most`, after which the accuracy is at least the level (or above it).

    averaged: of how many looks the mean is taken, fewer where there are no more yet.
    """
    looks = range(every, most + 1, every)
    values = [curve[min(step, len(curve) - 1)] for step in looks]
    for i, step in enumerate(looks):
        value = float(np.mean(values[max(0, i + 1 - averaged) : i + 1])) if averaged > 1 else values[i]
        if value > level or (value == level and not strictly):
            return step
    return None


def curves(seed: int) -> list[tuple[str, Curve, float, int, int]]:
    """What each shows, and the curve, level, every, most of it."""
    rng = np.random.default_rng([seed, 31])
    every = int(rng.choice([3, 4, 5]))
    level = round(round(float(rng.uniform(0.8, 0.94)), 2) + 0.003, 3)  # which two digits don't hold

    def rising(reached: int, length: int) -> Curve:
        """Below the level before so many steps, above it from there on."""
        curve = np.linspace(0.1, level - 0.03, length)
        curve[reached:] = level + 0.01
        return [float(v) for v in curve]

    look = every * int(rng.integers(4, 7))
    plain = rising(look - 1, 20 * every)
    plain[look : look + 2 * every] = [level + 0.001] * (2 * every)
    fallen = rising(look, 20 * every)
    fallen[look - 2 * every] = 0.1
    fallen[look + 3 * every] = level + 0.02  # the best look comes later
    equal = rising(look + 1, 20 * every)
    equal[look] = level
    dip = rising(look + 2 * every, 20 * every)
    dip[look - 1] = level + 0.02  # between two looks
    later = rising(look, 30 * every)
    for step in range(look + 1, look + 3 * every):
        later[step] = level - 0.02  # reached, lost again, reached for good
    return [
        ("a level that is passed between two looks", plain, level, every, 18 * every),
        ("a level that is reached exactly", equal, level, every, 18 * every),
        ("a peak between two looks, which nobody sees", dip, level, every, 18 * every),
        ("a level that is lost again later", later, level, every, 25 * every),
        ("a level that is reached after the accuracy fell", fallen, level, every, 18 * every),
        ("a level that is reached with the last step", rising(8 * every, 20 * every), level, every, 8 * every),
        ("looking after each step", rising(7, 40), level, 1, 30),
        ("None where the level is not reached", [0.1 + 0.001 * i for i in range(200)], level, every, 11 * every + 2),
        (
            "None where it is reached only after `most` steps",
            rising(8 * every + 1, 20 * every),
            level,
            every,
            8 * every + 1,
        ),
    ]


@check("Steps to a level", "C2")
def steps_to(steps_to: Any, *, seed: int = 0) -> Iterator[str]:
    """The first look at which the accuracy is at least the level; None where there is none."""
    cases = curves(seed)
    seen = ask(probes.steps, steps_to, [case[1:] for case in cases])
    for i, (words, curve, level, every, most) in enumerate(cases):
        notes = seen.part(i)
        got, right = notes["result"], first_reached(curve, level, every, most)
        made, looked = int(notes["steps"]), list(notes["looked"])
        looks = len(looked)
        if made == 0:
            raise Mistake("step-not-called", "steps_to never calls `trainer.step()`, so nothing is trained.")
        if looks == 0 and got is None and made < every <= most:
            raise Mistake(
                "reached-overlooked",
                f"Only {made} step{'s are' if made > 1 else ' is'} made, and the "
                "result is None. Is `None` "
                "returned from inside the loop?",
            )
        if looks == 0:
            raise Mistake("accuracy-not-called", "steps_to never calls `trainer.accuracy()`.")
        if got is not None:
            if isinstance(got, bool | str):
                raise Mistake("not-one-number", f"steps_to returns {got!r}; it should be a number of steps, or None.")
            got = number(got, "the result of steps_to")
        others = [step for step in looked if step % every]
        if got != right and len(others) > made / 2:
            raise Mistake(
                "looks-at-each-step",
                f"The accuracy is looked at after every step; look after every {every} "
                "steps, as the argument "
                "`every` says.",
            )
        if got != right and others:
            raise Mistake(
                "looks-at-wrong-steps",
                f"The accuracy is looked at after {others[0]} steps; look when the "
                "number of steps *made* is a "
                f"multiple of {every}. `range(n)` counts from 0.",
            )
        if got != right and any(b - a not in (0, every) for a, b in zip([0, *looked], looked, strict=False)):
            raise Mistake(
                "looks-at-wrong-steps",
                f"In all, {', '.join(map(str, looked[:3]))}{', …' if len(looked) > 3 else ''} steps are made when the "
                f"accuracy is looked at. No step can be undone; look after each {every} steps, from the beginning.",
            )
        if right is not None and got is None and right not in looked and made >= right:
            raise Mistake(
                "last-look-missing",
                f"{made} steps are made, and after {right} of them the accuracy is at least the level, but it is not "
                f"looked at then: it is after {', '.join(map(str, looked))}."
                + (" Look after a step, not before it." if 0 in looked else ""),
            )
        if got != right:
            raise _of_values(seen, cases) or _misjudged(got, right, curve, level, every, most, made, looks)
        if right is None and made > most:
            raise Mistake("too-many-steps", f"{made} steps are made; `most` allows {most}.")
        if every > 1 and looks > made // every + 2:
            raise Mistake(
                "looks-too-often",
                f"The accuracy is measured {looks} times in {made} steps; it takes time, "
                "so look only "
                f"after every {every} steps.",
            )
        yield words


def _of_values(seen: Answer, cases: Sequence[tuple[str, Curve, float, int, int]]) -> Mistake | None:
    """What is compared with the level, where one thing explains all results: chance can explain one."""
    notes = [seen.part(i) for i in range(len(cases))]
    got = [here["result"] for here in notes if "result" in here]
    if any(isinstance(one, np.ndarray) for one in got):
        return None

    def explains(of: Callable[[Curve, float, int, int], int | None]) -> bool:
        return got == [of(*case[1:]) for case in cases]

    def best(curve: Curve, level: float, every: int, most: int) -> int | None:
        looks = range(every, most + 1, every)
        found = max(looks, key=lambda step: curve[min(step, len(curve) - 1)])
        return found if curve[min(found, len(curve) - 1)] >= level else None

    if explains(best):
        return Mistake("best-for-first", "The look with the *best* accuracy is returned; asked for is the first one at "
                       "which the accuracy is at least the level. End there: no further step is needed.")
    if explains(lambda curve, *rest: first_reached([round(value, 2) for value in curve], *rest)):
        return Mistake(
            "accuracy-rounded", "The accuracy is rounded to two digits before it is compared; compare it as it is."
        )
    for count in range(2, 6):
        if explains(partial(first_reached, averaged=count)):
            return Mistake(
                "looks-averaged",
                f"The mean of the last {count} looks is compared with the level; asked for is the first look at which "
                "the accuracy itself is at least the level.",
            )
    return None


def _misjudged(
    got: float | None, right: int | None, curve: Curve, level: float, every: int, most: int, made: int, looks: int
) -> Mistake:
    if got is None:
        assert right is not None
        if curve[min(right, len(curve) - 1)] == level:
            return Mistake(
                "above-for-at-least", "The accuracy is exactly the level, and the result is None: `>=`, at least."
            )
        if made < right == most:
            return Mistake(
                "last-step-missing",
                f"{made} steps are made; `most` allows {most}, and after the last of them the level is reached. "
                "`range(1, n)` ends before n.",
            )
        if made < right and looks > 1:
            return Mistake(
                "gives-up",
                f"Only {made} steps are made, and the result is None. The level is reached after {right}; go on until "
                f"`most`, {most} steps, whatever the accuracy does meanwhile.",
            )
        return Mistake(
            "reached-overlooked",
            f"The accuracy is at least the level after {right} steps, and the result "
            "is "
            "None. Is `None` returned from inside the loop?",
        )
    if right is None:
        if most < got < math.inf:
            return Mistake(
                "too-many-steps",
                f"The level is reached after {got:g} steps here, but `most` allows {most}: return None.",
            )
        if got in (most, most // every * every, most // every):
            return Mistake(
                "most-for-none",
                f"The level is not reached within {most} steps, and the result is {got:g}, "
                "as if it "
                "were reached with the last one: return None.",
            )
        if got in (0, -1) or math.isnan(got) or math.isinf(got):
            return Mistake("none-expected", f"The level is not reached within {most} steps: return None, not {got:g}.")
        return Mistake(
            "none-expected",
            f"The level is not reached within {most} steps, so the result should be None; it is {got:g}.",
        )
    strictly = first_reached(curve, level, every, most, strictly=True)
    last = (
        next((s for s in range(most // every * every, 0, -every) if curve[min(s, len(curve) - 1)] < level), 0) + every
    )
    wrong = [
        Hypothesis("looks-for-steps", right / every, "This is the number of looks; the number of *steps* is asked for, "
                                                     "`every` "
                   "times as many."),
        Hypothesis("looks-for-steps", right / every - 1, "This is the number of looks, counted from 0; the number of "
                                                         "*steps* is "
                   "asked for."),
        Hypothesis("off-by-one", right - 1, f"There are {right} steps made when the accuracy is first at least the "
                                            "level; the result "
                   "is one less. `range(n)` counts from 0."),
        Hypothesis("off-by-one", right + 1, f"There are {right} steps made when the accuracy is first at least the "
                                            "level; the result "
                   "is one more. Is the accuracy looked at before the step?"),
        Hypothesis("above-for-at-least", strictly if strictly is not None else -7,
                   "The level counts as reached where the accuracy is exactly the level: `>=`, at least."),
        Hypothesis("last-for-first",
                   last, "This is when the level is reached for good; the *first* time is asked for."),
        Hypothesis("most-for-reached", most, f"The level is reached after {right} steps, and the result is `most`. Is "
                                             "the `return` "
                   "inside the loop?"),
        Hypothesis("accuracy-for-steps", curve[min(right, len(curve) - 1)],
                   "This is the accuracy; the number of steps is asked for."),
    ]  # fmt: skip
    mistake = explained(got, wrong, lambda a, b: bool(np.isclose(a, b, rtol=1e-9, atol=1e-9)))
    if mistake:
        return mistake
    if got == right - every or got == right + every:
        return Mistake(
            "one-look-off",
            f"The result is {got:g}, one look off: there are {right} steps made when the "
            "accuracy is "
            "first at least the level.",
        )
    return Mistake(
        "differs",
        f"The result is {got:g}; there are {right} steps made when the accuracy is first at "
        "least the "
        f"level, looked at every {every} steps.",
    )


# The rate ---------------------------------------------------------------------------------------------------------


def right_rate(batch: int, rule: str, base_batch: int = 16, base_rate: float = 0.5) -> float:
    k = batch / base_batch
    return base_rate * {"fixed": 1.0, "linear": k, "root": math.sqrt(k)}[rule]


@check("The learning rate of a batch", "C3")
def rate_for(rate_for: Any, *, seed: int = 0) -> Iterator[str]:
    """Fixed, times k, times √k, for larger and smaller batches and other bases."""
    rng = np.random.default_rng([seed, 32])
    names = ("batch", "rule", "base_batch", "base_rate")
    by_rule: dict[str, list[tuple[int, str, int, float]]] = {"fixed": [], "linear": [], "root": []}
    for rule, cases in by_rule.items():
        for factor in (6, 11, 0.5, 23):
            base = 2 * int(rng.integers(4, 40))
            cases.append((round(base * factor), rule, base, round(float(rng.uniform(0.02, 0.9)), 3)))
    every = [case for cases in by_rule.values() for case in cases]
    seen = ask(probes.rates, rate_for, every)
    for i, (_, rule, _, _) in enumerate(every):
        if str(i) in seen and seen[i] is None and seen.part("same")[rule] is not None:
            raise Mistake("is-for-equals", f"rate_for returns None for the rule {rule!r}. Texts are compared with "
                          "`==`; `is` asks whether two of them are the same object, which equal ones need not be.")
    for rule, cases in by_rule.items():
        got = numbers([seen[every.index(case)] for case in cases], "the result of rate_for")

        def scaled(power: float) -> Any:
            return lambda batch, rule, base, rate: rate * (batch / base) ** power

        hints = {
            "fixed": "This rule leaves the rate as it is.",
            "linear": "This rule multiplies the rate by k = batch / base_batch.",
            "root": "This rule multiplies the rate by √k, with k = batch / base_batch.",
        }
        power = {"fixed": 0.0, "linear": 1.0, "root": 0.5}[rule]
        wrong = [
            ("divided-for-multiplied",
             scaled(-power), f"The rate falls with the batch here. {hints[rule]}") if power else None,
            *(("rules-exchanged", scaled(p), f"For the rule {rule!r} the result is that of another rule. {hints[rule]}")
              for p in (0.0, 0.5, 1.0) if p != power),
            ("square-for-root",
             scaled(2 * power), f"The factor is squared. {hints[rule]}") if rule == "linear" else None,
            ("square-for-root",
             scaled(2.0), f"The factor is squared; √k is asked for. {hints[rule]}") if rule == "root" else None,
            ("base-written-in", lambda b, r, base, rate, p=power: 0.5 * (b / base) ** p,
             "0.5 is written into the code; use `base_rate`."),
            ("base-written-in", lambda b, r, base, rate, p=power: 0.5 * (b / 16) ** p,
             "16 and 0.5 are written into the code; use `base_batch` and `base_rate`."),
            ("base-written-in", lambda b, r, base, rate, p=power: rate * (b / 16) ** p,
             "16 is written into the code; use `base_batch`."),
            ("base-forgotten",
             lambda b, r, base, rate, p=power: rate * b ** p, "The rate is multiplied by the batch itself; k is how "
             "many times as large as `base_batch` it is.") if power else None,
            ("rate-forgotten",
             lambda b, r, base, rate, p=power: (b / base) ** p, "This is the factor; multiply it by `base_rate`."),
            ("whole-factor", lambda b, r, base, rate, p=power: rate * (b // base) ** p,
             "k is cut off to a whole number: divide with `/`, not `//`."),
            ("root-of-rate", lambda b, r, base, rate: math.sqrt(rate * b / base), "The root is taken of the whole "
             "product; it is that of k alone, √k · base_rate.") if rule == "root" else None,
            ("root-cut-off", lambda b, r, base, rate: rate * math.isqrt(round(b / base)), "The root is cut off to a "
             "whole number: `math.sqrt`, not `math.isqrt`.") if rule == "root" else None,
            ("small-batch-clipped", lambda b, r, base, rate, p=power: rate * max(b / base, 1) ** p,
             "For a batch smaller than `base_batch` the rate stays; the rule holds there, too, with k below "
             "1.") if power else None,
        ]  # fmt: skip
        verify_formula(got, right_rate, [one for one in wrong if one], cases, f"The rate by the rule {rule!r}", names)
        yield f"the rule {rule!r}, for larger batches and a smaller one"


# Seconds with an interval -----------------------------------------------------------------------------------------


def right_interval(step: float, steps: Sequence[int]) -> tuple[float, float]:
    """(mean, half of the interval's width) in seconds."""
    x = step * np.asarray(steps, dtype=float)
    return float(x.mean()), float(t_quantile(0.975, len(x) - 1) * x.std(ddof=1) / math.sqrt(len(x)))


@check("Seconds to the level, with an interval", "C4")
def time_to_level(time_to_level: Any, *, seed: int = 0) -> Iterator[str]:
    """Mean ± t·s/√n of the seconds; None where a seed didn't reach the level."""
    rng = np.random.default_rng([seed, 33])
    cases = []
    for n in (3, 5, 4):
        drawn = rng.permutation(rng.integers(300, 900) + np.cumsum(rng.integers(9, 80, size=n)))
        cases.append((round(float(rng.uniform(2e-4, 9e-3)), 6), [int(s) for s in drawn]))
    cases.append((cases[0][0], [int(rng.integers(20, 60)), 900, int(rng.integers(200, 300))]))  # low is below 0
    step, steps = cases[0]
    gone: list[list[int | None]] = [[None if i == at else one for i, one in enumerate(steps)] for at in (1, 0, 2)]
    some = [*cases, *((step, those) for those in gone)]
    seen = ask(
        calls, "time_to_level", time_to_level, some, ("seconds_per_step", "the list of steps"), advice=_advice
    )
    for i, (step, steps) in enumerate(cases):
        found = entries(seen[i], ("seconds", "low", "high"), "time_to_level")
        middle, low, high = (number(found[key], f"{key!r}") for key in ("seconds", "low", "high"))
        mean, half = right_interval(step, steps)
        x = step * np.asarray(steps, dtype=float)
        _centre(middle, x, step, steps)
        if _near(low, mean - half, mean) and _near(high, mean + half, mean):
            yield f"mean and interval of {len(steps)} seeds"
            continue
        if low == 0 > mean - half and _near(high, mean + half, mean):
            raise Mistake(
                "low-cut-off",
                f"'low' is cut off at 0; by the formula it is {mean - half:.4g}. An end below 0 says how little these "
                "seeds tell: leave it.",
            )
        raise _misplaced(low, high, x, step)
    for i, those in enumerate(gone, len(cases)):
        found = entries(seen[i], ("seconds", "low", "high"), "time_to_level")
        if any(found[key] is not None for key in ("seconds", "low", "high")):
            raise _despite_none(found, some[0][0], those)
    yield "None where a seed does not reach the level"


def _despite_none(found: Mapping[str, Any], step: float, steps: Sequence[int | None]) -> Mistake:
    """What is wrong with a result where one of the seeds did not reach the level."""
    first, left = found["seconds"], [s for s in steps if s is not None]
    if isinstance(first, float) and math.isclose(first, step * float(np.mean(left)), rel_tol=1e-6):
        return Mistake("survivors-only", "One of the seeds never reached the level, and the result is the mean of the "
                       "others. That flatters a batch or a rate that fails now and then: all three should be None.")
    key = next(key for key in ("seconds", "low", "high") if found[key] is not None)
    return Mistake("none-expected", f"One of the seeds did not reach the level (steps {steps}), so all three should be "
                   f"None; {key!r} is {found[key]}.")


def _advice(error: BaseException, what: str) -> str:
    if "NoneType" not in str(error):
        return ""
    return " One of `steps` is None here, where a seed did not reach the level; it may be any of them."


def _centre(got: float, x: np.ndarray, step: float, steps: Sequence[int]) -> None:
    mean = float(x.mean())
    if _near(got, mean, mean):
        return
    wrong = [
        Hypothesis("median-for-mean", float(np.median(x)), "This is the median; the interval below is that of the "
                                                           "mean, so take "
                   "the mean."),
        Hypothesis("best-for-mean", float(x.min()), "This is the fastest seed. The mean is asked for: nobody knows "
                                                    "beforehand which seed "
                   "will be the fastest."),
        Hypothesis("worst-for-mean", float(x.max()), "This is the slowest seed; the mean is asked for."),
        Hypothesis("sum-for-mean", float(x.sum()), "This is the sum over the seeds; divide by their number."),
        Hypothesis("steps-for-seconds", float(np.mean(steps)), "This is a number of steps; multiply it by the seconds "
                                                               "of a step."),
        Hypothesis("divided-for-multiplied", float(np.mean(np.asarray(steps) / step)),
                   "The steps are divided by the seconds of a step; multiply them."),
        Hypothesis("first-for-mean", float(x[0]), "This is the first seed alone; the mean over all is asked for."),
        Hypothesis("wrong-unit", 1e3 * mean, "This is in milliseconds; keep seconds."),
    ]  # fmt: skip
    raise explained(got, wrong, lambda a, b: _near(a, b, mean)) or Mistake(
        "differs", f"'seconds' is {got:.6g}; the mean of the seeds is {mean:.6g}."
    )


def _near(got: float, right: float, scale: float) -> bool:
    return abs(got - right) <= 1e-5 * abs(scale)


def _misplaced(low: float, high: float, x: np.ndarray, step: float) -> Mistake:
    n, mean, s = len(x), float(x.mean()), float(x.std(ddof=1))
    t = t_quantile(0.975, n - 1)
    half = t * s / math.sqrt(n)
    if _near(low, mean + half, mean) and _near(high, mean - half, mean):
        return Mistake("ends-exchanged", "'low' and 'high' are exchanged.")
    if _near(low, float(x.min()), mean) and _near(high, float(x.max()), mean):
        return Mistake(
            "range-for-interval",
            "These are the fastest and the slowest seed. That range grows with more "
            "seeds, "
            "while the interval of the mean shrinks; the formula stands above.",
        )
    for cut in (2.5, 5, 10, 25):
        a, b = np.percentile(x, [cut, 100 - cut])
        if _near(low, float(a), mean) and _near(high, float(b), mean):
            return Mistake(
                "percentiles-for-interval",
                f"These are the {cut:g}th and the {100 - cut:g}th percentile of "
                "the seeds. They say "
                "how far single runs spread, not how well their mean is known; the formula stands above.",
            )
    width = (high - low) / 2
    if _near(high, half, mean) and (_near(low, half, mean) or _near(low, mean - half, mean) or _near(low, -half, mean)):
        return Mistake("half-width-for-interval", "This is half of the width; the ends are mean − it and mean + it.")
    if width == 0 or not math.isfinite(width):
        return Mistake(
            "no-width",
            "The interval has no width, or one that is no number. With n − 1 degrees of "
            "freedom, s is "
            "divided by n − 1, too.",
        )
    if width < 0:
        return Mistake("ends-exchanged", "'low' is larger than 'high'.")
    wrong = [
        Hypothesis("deviation-for-interval", t * s, "The width is that of one run, t · s. The mean of n is known "
                                                    "better by √n: t · s / "
                   "√n."),
        Hypothesis("deviation-for-interval", s, "The ends are one standard deviation away from the mean. The interval "
                                                "of the mean is t · s "
                   "/ √n."),
        Hypothesis("t-forgotten", s / math.sqrt(n), "This is the standard error, s / √n; multiply it by t."),
        Hypothesis("normal-for-t", 1.96 * s / math.sqrt(n), "The factor 1.96 belongs to the normal distribution, "
                                                            "which is right for many "
                   f"seeds. From {n} the deviation is only estimated, and t is {t:.2f}."),
        Hypothesis("normal-for-t", 2 * s / math.sqrt(n), f"The factor 2 is right for many seeds. From {n} the "
                                                         "deviation is only estimated, and "
                   f"t is {t:.2f}."),
        Hypothesis("divided-by-n", half * math.sqrt((n - 1) / n), "The deviation is divided by n. The mean was "
                                                                  "estimated from the same seeds, "
                   "so divide by n − 1: `ddof=1`."),
        Hypothesis("degrees-of-freedom", t_quantile(0.975, n) * s / math.sqrt(n),
                   "t has n degrees of freedom here; one of them is spent on the mean: n − 1."),
        Hypothesis("one-sided", t_quantile(0.95, n - 1) * s / math.sqrt(n),
                   "`t_quantile(0.95, …)` leaves 5% on *each* side; for 95% in between it is `t_quantile(0.975, "
                   "…)`."),
        Hypothesis("root-forgotten", t * s / n, "The deviation is divided by n; the mean of n is known better by √n."),
        Hypothesis("variance-for-deviation", t * s * s / math.sqrt(n),
                   "The variance stands where the standard deviation belongs: take its root."),
        Hypothesis("steps-for-seconds", half / step, "The half-width is a number of steps; multiply it by the seconds "
                   "of a step."),
        Hypothesis("divided-by-n-less-one", t * s / math.sqrt(n - 1), "The deviation is divided by √(n − 1); s is that "
                   "of n − 1 already, and the mean of n is known better by √n."),
        Hypothesis("twice-the-width", 2 * half, "The interval is twice as wide: the half-width goes up *and* down from "
                                                "the mean."),
        Hypothesis("half-of-the-width", half / 2, "The interval is half as wide: the half-width goes up *and* down "
                                                  "from the mean."),
    ]  # fmt: skip
    return explained(width, wrong, lambda a, b: abs(a - b) <= 1e-5 * abs(half)) or Mistake(
        "differs", f"The interval should be ({mean - half:.6g}, {mean + half:.6g}); it is ({low:.6g}, {high:.6g})."
    )
