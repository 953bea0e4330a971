"""The check of B7 of the CNN assignment: test errors reported once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check.cnn_learning.sizes import study_size
from helpers.check.core.calls import array, call
from helpers.check.core.compare import close
from helpers.check.core.report import Mistake, check


@check("Report", "B7", builds_on="`choose_rate`")
def report(report: Any, opened: Any, curves: Any, choose_rate: Any, seeds: Sequence[int], *, size: str = "") -> Iterator[str]:
    """The chosen rate, one test error per seed, mean and spread; the test set opened once and for that rate only.

    With the small size of grading the networks are trained and tested once more.
    """
    if report is None:
        raise Mistake("still-to-do", "Still to do: `report` is still None; write and run the exercise's cell above.")
    if not isinstance(report, Mapping):
        raise Mistake("not-a-dictionary", f"`report` should be a dictionary with rate, errors, mean and spread; it is of type {type(report).__name__}.")
    missing = [key for key in ("rate", "errors", "mean", "spread") if key not in report]
    if missing:
        raise Mistake("entry-missing", f"`report` has no {missing[0]!r}; it should have rate, errors, mean and spread.")
    try:
        looks = [(float(rate), int(seed), float(error)) for rate, seed, error in list(opened)]
    except Exception:
        raise Mistake("opened-changed", "`opened` should be the list that `open_test_set` writes, (rate, seed, error) for each look. Run the cell that defines both again, and only clear the list.") from None
    _opened_once(looks, report, curves, choose_rate, seeds)
    yield "the test set was opened once, for the chosen rate and every seed"
    errors = np.asarray([error for _, _, error in looks])
    if size == "quick":
        from helpers.study.cnn_learning import endings

        chosen = study_size(size)
        again = [final.test_error for final in endings(looks[0][0], [seed for _, seed, _ in looks], test=chosen.test, jobs=0, progress=False, **chosen.settings)]
        if not close(errors, np.asarray(again)):
            raise Mistake("not-reproduced", "The test errors in `opened` are not those of the networks at this rate. They must come from `open_test_set`, unchanged.")
    _right_report(report, errors, len(seeds))
    yield "one error per seed, their mean and their spread"


def _opened_once(looks: list[tuple[float, int, float]], report: Mapping[str, Any], curves: Any, choose_rate: Any, seeds: Sequence[int]) -> None:
    if not looks:
        raise Mistake("test-not-opened", "`opened` is empty: the errors don't come from `open_test_set`. Run the cell that defines it, and then call it for the chosen rate.")
    rates = list(dict.fromkeys(rate for rate, _, _ in looks))
    if len(rates) > 1:
        raise Mistake("test-used-for-selection", f"The test set was opened for {len(rates)} rates ({', '.join(f'{r:g}' for r in rates)}). Validation chooses; the test set is opened for the chosen rate alone. Otherwise the smallest of many test errors is reported, which is too good to be true.")
    used = [seed for _, seed, _ in looks]
    if len(set(used)) < len(used):
        raise Mistake("test-opened-twice", f"The test set was opened {len(used)} times for {len(set(used))} seeds. Call `open_test_set` once and keep what it returns (`opened.clear()` stays the first line of the cell).")
    if set(used) - set(seeds):
        raise Mistake("another-seed", f"The test set was opened for the seeds {used}; the study has {tuple(seeds)}. Seeds are fixed before anything is seen.")
    if len(used) < len(seeds):
        raise Mistake("seed-picked", f"The test set was opened for the seeds {used} alone. All of {tuple(seeds)} are reported: a seed picked by its result reports luck.")
    chosen = float(array(call(choose_rate, curves, what="choose_rate"), "the chosen rate").reshape(-1)[0])
    if not math.isclose(rates[0], chosen):
        raise Mistake("another-rate", f"The test set was opened for the rate {rates[0]:g}, but `choose_rate(curves)` chooses {chosen:g}. The rate is chosen before the test set is opened.")
    told = _numbers(report, "rate")
    if told.size != 1 or not math.isclose(float(told[0]), chosen):
        shown = f"{float(told[0]):g}" if told.size == 1 else f"an array of {told.size} numbers"
        raise Mistake("another-rate", f"report['rate'] is {shown}, but the chosen rate is {chosen:g}.")


def _numbers(report: Mapping[str, Any], key: str) -> np.ndarray:
    if isinstance(report[key], str):
        raise Mistake("not-an-array", f"report[{key!r}] is text, {report[key][:40]!r}; it should be numbers. Leave the words to `print`.")
    return array(report[key], f"report[{key!r}]").reshape(-1)


def _right_report(report: Mapping[str, Any], errors: np.ndarray, count: int) -> None:
    told, mean, spread = (_numbers(report, key) for key in ("errors", "mean", "spread"))
    if close(told, 100 * errors):
        raise Mistake("percent-for-share", "report['errors'] is in percent; the errors are fractions between 0 and 1.")
    if close(told, 1 - errors):
        raise Mistake("accuracy-for-error", "report['errors'] holds accuracies; the error is 1 minus that.")
    if told.size == 1 < count:
        raise Mistake("seed-picked", f"report['errors'] holds one error; there should be one for each of the {count} seeds.")
    if told.size != count or not close(np.sort(told), np.sort(errors)):
        raise Mistake("errors-differ", "report['errors'] are not the errors that `open_test_set` returned. Report all of them, unchanged.")
    if mean.size != 1:
        raise Mistake("not-one-number", f"report['mean'] should be one number; it has {mean.size}.")
    right, value = float(errors.mean()), float(mean[0])
    if not math.isclose(value, right, rel_tol=2e-3, abs_tol=5.1e-4):  # three digits will do
        for wrong, name, hint in (
            (float(errors.min()), "best-seed-reported", "That is the error of the best seed, luck reported as skill. Take the mean over all seeds."),
            (float(errors.max()), "worst-seed-reported", "That is the error of the worst seed. Take the mean over all seeds."),
            (float(errors[0]), "one-seed-reported", "That is the error of the first seed alone. Take the mean over all seeds."),
            (float(np.median(errors)), "median-for-mean", "That is the median; the mean is asked for, together with the spread."),
            (100 * right, "percent-for-share", "That is in percent; the mean is a share, between 0 and 1."),
            (1 - right, "accuracy-for-error", "That is the mean accuracy; the error is 1 minus that."),
            (float(errors.sum()), "sum-for-mean", "That is the sum of the errors; divide it by the number of seeds."),
        ):
            if math.isclose(value, wrong, rel_tol=2e-3):
                raise Mistake(name, f"report['mean'] is {value:.4g}, and it should be {right:.4g}. {hint}")
        raise Mistake("wrong-mean", f"report['mean'] is {value:.4g}; the mean of the errors is {right:.4g}.")
    low, high = float(errors.min()), float(errors.max())
    half = 1.5e-2 * max(float(errors.std()), 1e-6)
    if spread.size == 2:
        if np.allclose(np.sort(spread), [low, high], atol=max(half, 5e-4)):
            return
        raise Mistake("wrong-spread", f"report['spread'] is the pair {tuple(round(float(s), 5) for s in spread)}; the smallest and the largest error are {low:.4g} and {high:.4g}.")
    if spread.size != 1:
        raise Mistake("wrong-spread", f"report['spread'] should be one number or a pair; it has {spread.size}.")
    got = float(spread[0])
    good = [float(errors.std()), float(errors.std(ddof=1)) if count > 1 else 0.0, high - low, (high - low) / 2]
    good.append(good[1] / count**0.5)
    if any(abs(got - g) <= max(half, 1e-9) for g in good):
        return
    for wrong, name, hint in ((float(errors.var()), "variance-for-spread", "That is the variance; take its square root."), (float(errors.var(ddof=1)) if count > 1 else 0.0, "variance-for-spread", "That is the variance; take its square root."), (100 * good[0], "percent-for-share", "That is in percent; the errors are shares."), (100 * good[1], "percent-for-share", "That is in percent; the errors are shares."), (right, "wrong-spread", "That is the mean once more.")):
        if abs(got - wrong) <= 1.5e-2 * abs(wrong) and wrong:
            raise Mistake(name, f"report['spread'] is {got:.4g}. {hint}")
    if got == 0:
        raise Mistake("spread-zero", "report['spread'] is 0, but the seeds differ.")
    raise Mistake("wrong-spread", f"report['spread'] is {got:.4g}; the standard deviation over the seeds is {good[1]:.4g} (and {low:.4g} to {high:.4g} their range).")
