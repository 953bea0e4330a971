"""Checks of B4, B6 and B7: curves of many rates and seeds, a rate chosen on validation, test errors reported once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check.cnn_learning import probes
from helpers.check.cnn_learning.sizes import study_size
from helpers.check.core.ask import array, ask, kind_of
from helpers.check.core.compare import close
from helpers.check.core.hypotheses import study as shared
from helpers.check.core.recorded import curve
from helpers.check.core.report import Mistake, check
from helpers.train import History

# Learning curves --------------------------------------------------------------------------------------------------

LISTS = ("train_loss", "test_loss", "test_accuracy")


@check("Learning curves", "B4")
def study(
    curves: Any, rates: Sequence[float], seeds: Sequence[int], *, size: str = "standard", replay: bool = True
) -> Iterator[str]:
    """A history for each rate and seed, on validation images, each trained with its own rate; one is run again."""
    chosen = study_size(size)
    runs = _all_runs(curves, rates, seeds, chosen.epochs)
    yield f"{len(rates)} rates, {len(seeds)} seeds each, one entry per epoch"
    for (rate, i), run in sorted(runs.items(), key=lambda item: -item[0][1]):
        what = f"curves[{rate:g}][{i}]"
        if getattr(run, "held_out", "validation") == "test":
            raise Mistake("test-for-validation", f"{what} was measured on the TEST images. A rate chosen by these "
                          f"curves has used up the test set; take `learning_curves` or `split.selection()`.")
        accuracy = curve(run, "test_accuracy", what, chosen.epochs)
        shared.fractions(accuracy, f"{what}.test_accuracy")
        right = accuracy * chosen.validation
        if (abs(right - np.round(right)) > 0.01).any():
            at = int(np.argmax(abs(right - np.round(right))))
            raise Mistake("curve-edited", f"{what} has an accuracy of {accuracy[at]:.6g} after epoch {at + 1}, which "
                          f"is not a number of correct answers out of {chosen.validation:,} validation images. Leave "
                          f"the histories as the training made them: nothing smoothed, rescaled or filled in.")
        used = curve(run, "learning_rate", what, chosen.epochs)
        if not np.allclose(used, rate) and i >= len(seeds):
            raise Mistake("lists-shared", f"{what} was trained at a rate of {used[0]:g}: runs of several rates were "
                          f"written into one list. Make a new list for each rate.")
        shared.constant_rate(used, rate, what)
    _seeds_right(runs, seeds)
    named = {f"curves[{rate:g}][{i}]": run for (rate, i), run in runs.items()}
    measured = {what: [np.asarray(getattr(run, name), dtype=float) for name in LISTS] for what, run in named.items()}
    shared.none_alike({what: np.concatenate(curves) for what, curves in measured.items()})
    shared.each_from_a_new_network(named)
    for one in seeds:
        shared.same_start((run for run in runs.values() if run.seed == one), f"The runs of seed {one}")
    shared.same_settings(named, {"images": chosen.train, "batch_size": 64})
    yield "each at its own rate, from its own seed, on validation images; no two curves identical"
    if not any(np.isfinite(run.train_loss).all() for run in runs.values()):
        raise Mistake("loss-not-finite", "Every run has losses that are NaN or infinite.")
    if replay:
        _replayed(runs, rates, seeds, chosen)
        yield "runs that were made again give the same numbers"


def _all_runs(curves: Any, rates: Sequence[float], seeds: Sequence[int], epochs: int) -> dict[tuple[float, int], Any]:
    """(rate, place in its list) -> history; sentences for what is missing."""
    if curves is None or (isinstance(curves, dict) and not curves):
        raise Mistake("still-to-do", "Still to do: `curves` is still empty; write and run the exercise's cell above.")
    if not isinstance(curves, Mapping):
        raise Mistake("not-a-dictionary", f"`curves` should be a dictionary, rate → list of histories; it is of type "
                      f"{type(curves).__name__}.")
    found: dict[tuple[float, int], Any] = {}
    for rate in rates:
        keys = [key for key in curves if isinstance(key, int | float) and math.isclose(key, rate)]
        if not keys:
            raise Mistake("rates-missing", f"`curves` has no entry for the rate {rate:g}; its keys are "
                          f"{str(list(curves))[:200]}.")
        runs = curves[keys[0]]
        if isinstance(runs, History) or not isinstance(runs, list | tuple):
            raise Mistake("not-a-list", f"curves[{rate:g}] should be a list of histories, one for each seed; it is of "
                          f"type {type(runs).__name__}.")
        if len(runs) < len(seeds):
            last = len(runs) == 1 and getattr(runs[0], "seed", None) == tuple(seeds)[-1]
            anew = " It is that of the last seed: does each turn of a loop over the seeds assign `curves` anew?" * last
            raise Mistake("seeds-missing", f"curves[{rate:g}] has {len(runs)} run{'s' * (len(runs) != 1)}; there "
                          f"should be one for each of the seeds {tuple(seeds)}. One seed can be lucky.{anew}")
        for i, run in enumerate(runs):
            for name in LISTS:
                curve(run, name, f"curves[{rate:g}][{i}]", epochs)
            numbers, texts = ("seed", "images", "batch_size"), ("held_out", "started_from", "ended_at")
            for kinds, names in (((int, np.integer), numbers), ((str,), texts)):
                odd = [name for name in names if not isinstance(getattr(run, name, kinds[0]()), kinds)]
                if odd:
                    raise Mistake("not-a-history", f"curves[{rate:g}][{i}].{odd[0]} is of type "
                                  f"{type(getattr(run, odd[0])).__name__}; leave the histories as the training made "
                                  f"them.")
            found[rate, i] = run
    return found


def _seeds_right(runs: Mapping[tuple[float, int], Any], seeds: Sequence[int]) -> None:
    by_rate: dict[float, list[int]] = {}
    for (rate, _), run in runs.items():
        by_rate.setdefault(rate, []).append(int(getattr(run, "seed", -1)))
    for rate, used in by_rate.items():
        if not set(seeds) <= set(used) or len(set(used)) < len(used):
            if len(set(used)) < len(used):
                raise Mistake("seed-ignored", f"The runs at {rate:g} have the seeds {used}; each of {tuple(seeds)} is "
                              f"asked for.")
            raise Mistake("another-seed", f"The runs at {rate:g} have the seeds {used}; {tuple(seeds)} are asked for. "
                          f"The seeds are fixed before anything is seen, the same for every rate; picking others "
                          f"afterwards is picking results.")


def _replayed(runs: Mapping[tuple[float, int], Any], rates: Sequence[float], seeds: Sequence[int], chosen: Any) -> None:
    """Runs once more: curves that were edited, or come from another network, don't match.

    For grading, where runs are small, all of them and whole; else the first epoch of two.
    """
    from helpers.study.cnn_learning import learning_curves

    small = chosen.name == "quick"
    epochs = chosen.epochs if small else 1
    which = list(rates) if small else [rates[len(rates) // 2], rates[0]]
    settings = {**chosen.settings, "epochs": epochs}
    again = learning_curves(which, seeds if small else [seeds[-1]], jobs=0, progress=False, **settings)
    for (rate, _), run in runs.items():
        for other in again.get(rate, ()):
            if other.seed == run.seed:
                _same_run(run, other, rate, epochs)


def _same_run(run: Any, again: History, rate: float, epochs: int) -> None:
    got, right = (np.asarray([r.train_loss[:epochs], r.test_accuracy[:epochs]]) for r in (run, again))
    if close(got, right):
        return
    if close(got[0], right[0]) and close(1 - got[1], right[1]):
        raise Mistake("error-for-accuracy", f"`test_accuracy` of curves[{rate:g}] holds errors; leave the histories "
                      f"unchanged; `.error` is 1 − accuracy.")
    at = int(np.argmax(~np.isclose(got, right, rtol=2e-4).all(axis=0)))
    raise Mistake("not-reproduced", f"The run at rate {rate:g} from seed {run.seed}, made again, has after epoch "
                  f"{at + 1} the training loss {right[0][at]:.4f} and the validation error {1 - right[1][at]:.3f}; "
                  f"`curves` has {got[0][at]:.4f} and {1 - got[1][at]:.3f}. Are these the curves of this rate, from "
                  f"`learning_curves(RATES, SEEDS, **size.settings)`, unchanged?")


# A rate is chosen -------------------------------------------------------------------------------------------------


def made_history(rate: float, seed: int, error: Sequence[float], train_loss: Sequence[float], **named: Any) -> History:
    """A history with these validation errors, for a case of `choose_rate`."""
    n = len(error)
    values = {
        "label": f"rate {rate:g}",
        "train_loss": list(train_loss),
        "test_loss": [2.3 * e + 0.02 for e in error],
        "test_accuracy": [1 - e for e in error],
        "learning_rate": [rate] * n,
        "seconds": [1.0] * n,
        "seed": seed,
        "batch_size": 64,
        "images": 4000,
        "device": "numpy",
        "held_out": "validation",
        **named,
    }
    return History(**values)


def choice_case(seed: int, flip: bool = False) -> tuple[dict[float, list[History]], dict[str, float]]:
    """(curves, {criterion: the rate it chooses}); "right" is what every honest criterion chooses.

    One rate has the luckiest seed, one the lowest training loss, one is best early on, one has accuracies that mislead
    whoever takes the largest error; the steady one is right.
    """
    rng = np.random.default_rng([seed, 17])
    rates = [float(r) for r in rng.permutation([0.3, 0.07, 0.015, 0.002, 0.0005])]
    steady, lucky, memorising, early, stuck = rates
    if flip:
        steady, lucky = lucky, steady

    def falling(end: float, speed: float) -> list[float]:
        return [float(end + (0.9 - end) * math.exp(-speed * e) + 0.001 * rng.random()) for e in range(1, 9)]

    # Per seed: validation error at the end, how fast it falls, training loss at the end.
    table = {
        steady: ([0.060, 0.062, 0.064, 0.063], 0.9, 0.20),
        lucky: ([0.030, 0.031, 0.130, 0.140], 0.9, 0.22),
        memorising: ([0.085, 0.088, 0.090, 0.087], 0.9, 0.01),
        early: ([0.092, 0.097, 0.093, 0.094] if flip else [0.120, 0.125, 0.130, 0.122], 4.0, 0.30),
        stuck: ([0.880, 0.885, 0.890, 0.882], 0.9, 2.30),
    }
    curves: dict[float, list[History]] = {}
    for rate in (float(r) for r in rng.permutation(rates)):
        ends, speed, loss = table[rate]
        if rate != lucky:
            ends = [float(e) for e in rng.permutation(ends)]
        elif flip:
            ends = ends[::-1]
        losses = [loss + 2.2 * 0.4**k for k in range(8)]
        curves[rate] = [made_history(rate, i, falling(e, speed), losses) for i, e in enumerate(ends, 11)]
    order = list(curves)
    some = {f"seeds {part.start} to {part.stop}": _best(curves, part) for part in SOME}
    kinds = {"right": steady, "best-seed": lucky, "training": memorising, "first-epoch": early, "largest-error": stuck}
    means = {rate: np.mean([run.error[-1] for run in runs]) for rate, runs in curves.items()}
    kinds["middle"] = min(curves, key=lambda rate: curves[rate][len(curves[rate]) // 2].error[-1])
    ranked = [means[rate] for rate in order]
    kinds["sorted-keys"] = sorted(order)[int(np.argmin(ranked))]
    kinds["sorted-downwards"] = sorted(order, reverse=True)[int(np.argmin(ranked))]
    kinds["as-text"] = min(curves, key=lambda rate: f"{means[rate]:.1%}")
    return curves, {
        **some, **kinds, "largest-rate": max(rates), "smallest-rate": min(rates), "first-key": order[0],
        "last-key": order[-1],
    }  # fmt: skip


SOME = (slice(None, 1), slice(None, 2), slice(-1, None), slice(-2, None))
"""Seeds that a mistake uses instead of all."""


def _best(curves: Mapping[float, list[History]], seeds: slice) -> float:
    return min(curves, key=lambda rate: float(np.mean([run.error[-1] for run in curves[rate][seeds]])))


CHOICES = (
    ("best-seed", "seed-picked", "That is the rate of the single luckiest run; its other seeds are twice as bad as "
     "those of the right one. All seeds count: take their mean or median before you compare."),
    ("training", "training-for-validation", "That is the rate with the lowest training loss. It has learned its "
     "training images by heart; choose by the validation error, `run.error`."),
    ("as-text", "compared-as-text", "That is the rate whose error is the smallest as text, where '12.4%' comes before "
     "'6.2%'. Compare numbers; format them for `print` alone."),
    ("middle", "median-not-sorted", "That is the rate whose run in the middle of its list is best. A median is the "
     "middle of the *sorted* errors: sort them first, or take `np.median`."),
    *((kind, "rates-and-errors-apart", "The rates are sorted, and their errors stand in the order of the dictionary, "
       "so that each rate gets the error of another. Keep both in one order.")
      for kind in ("sorted-keys", "sorted-downwards")),
    ("first-epoch", "first-epoch-chosen", "That is the rate that is ahead in the first epochs. Compare where the "
     "runs end, `run.error[-1]`, and not the mean over all epochs."),
    ("largest-error", "chooses-the-worst", "That is the rate with the largest error. A small error is good: take the "
     "minimum (of accuracies the maximum)."),
    *((f"seeds {part.start} to {part.stop}", "seed-picked", "That is the best rate for some of the seeds only, the "
       "first or the last. All seeds count: take their mean or median before you compare.") for part in SOME),
    ("largest-rate", "largest-rate-chosen", "That is simply the largest rate. Compare errors, not rates."),
    ("smallest-rate", "smallest-rate-chosen", "That is simply the smallest rate. Compare errors, not rates."),
)


@check("choose_rate", "B6")
def choose_rate(choose_rate: Any, *, seed: int = 0) -> Iterator[str]:
    """The rate that is best over all seeds, on made-up curves where other criteria choose otherwise."""
    cases = [choice_case(seed + number, flip=number % 2 == 1) for number in range(5)]
    blown_up, right = _blown_up(seed)
    seen = ask(probes.choices, choose_rate, [*(curves for curves, _ in cases), *blown_up])
    answers = [(_rate(seen[i], curves), choices) for i, (curves, choices) in enumerate(cases)]
    wrong = [(got, choices) for got, choices in answers if got != choices["right"]]
    if not wrong:
        yield "the rate that is best over all seeds, whatever its position in the dictionary"
        for i, curves in enumerate(blown_up, len(cases)):
            if _rate(seen[i], curves) != right:
                raise Mistake("nan-wins", "A rate whose losses became NaN (error 90%) wins, or spoils the choice. "
                              "A comparison with NaN is always False; choose by `run.error`.")
        yield "a rate whose losses became NaN does not win"
        return
    shown, choices = wrong[0]
    for kind, name, hint in CHOICES:
        if all(got == c[kind] for got, c in answers):
            raise Mistake(name, f"choose_rate takes {shown:g}; over all seeds {choices['right']:g} is best. {hint}")
    for kind, words in (("first-key", "first"), ("last-key", "last")):
        if all(got == c[kind] for got, c in answers):
            raise Mistake("no-comparison", f"choose_rate takes the {words} rate of the dictionary, whatever its "
                          f"errors are.")
    if len({got for got, _ in answers}) == 1:
        raise Mistake("no-comparison", f"choose_rate always takes {shown:g}, whatever the curves are. Compute it from "
                      f"`curves`.")
    raise Mistake("differs", f"choose_rate takes {shown:g}; by the error after the last epoch, mean or median over "
                  f"the seeds, {choices['right']:g} is best.")


def _rate(answer: Any, curves: Mapping[float, Any]) -> float:
    if isinstance(answer, tuple | list | dict) or answer is None:
        raise Mistake("not-one-number", f"choose_rate should return one rate, a key of `curves`; it returned "
                      f"something that is {kind_of(answer)}.")
    if isinstance(answer, str):
        raise Mistake("not-one-number", f"choose_rate returns text, {answer[:40]!r}; return the rate itself, a key of "
                      f"`curves`.")
    found = array(answer, "the chosen rate")
    if found.size != 1:
        raise Mistake("not-one-number", f"choose_rate should return one rate; it returned {found.size} numbers.")
    value = float(found.reshape(()))
    if value not in curves:
        if value in {run.seed for runs in curves.values() for run in runs}:
            raise Mistake("seed-for-rate", f"choose_rate returns {value:g}, a seed; return the rate, a key of "
                          f"`curves`. Is the mean taken over the seeds, for each rate, and not over the rates?")
        if value in range(len(curves)):
            raise Mistake("index-for-rate", f"choose_rate returns {value:g}, an index into the list of rates; return "
                          f"the rate itself, a key of `curves`.")
        ends = [[run.error[-1] for run in runs] for runs in curves.values()]
        errors = [number for row in ends for number in (*row, np.mean(row), np.median(row))]
        errors += [min(run.error) for runs in curves.values() for run in runs]
        if any(abs(value - error) < 1e-6 or abs(value - 1 + error) < 1e-6 for error in errors):
            raise Mistake("error-for-rate", f"choose_rate returns {value:g}, which looks like an error; return the "
                          f"rate, a key of `curves`.")
        raise Mistake("not-a-rate", f"choose_rate returns {value:g}, which is no key of the `curves` that it was "
                      f"given. Is it hard-coded, or computed from another dictionary than its argument?")
    return value


def _blown_up(seed: int) -> tuple[list[dict[float, list[History]]], float]:
    """Curves of two seeds, among them a rate whose runs became NaN, first or last; the rate to choose."""
    curves, choices = choice_case(seed + 9)
    curves = {rate: runs[1:3] for rate, runs in curves.items()}
    nan, wild = float("nan"), 7.0
    dead = [made_history(wild, i, [0.9] * 8, [nan] * 8, test_loss=[nan] * 8) for i in (1, 2)]
    return [{wild: dead, **curves}, {**curves, wild: dead}], choices["right"]


# The test set is opened once --------------------------------------------------------------------------------------


@check("Report", "B7", builds_on="`choose_rate`", after="B6")
def report(
    report: Any, opened: Any, curves: Any, choose_rate: Any, seeds: Sequence[int], *, size: str = ""
) -> Iterator[str]:
    """The chosen rate, one test error per seed, mean and spread; the test set opened once and for that rate only.

    With the small size of grading the networks are trained and tested once more.
    """
    if report is None:
        raise Mistake("still-to-do", "Still to do: `report` is still None; write and run the exercise's cell above.")
    if not isinstance(report, Mapping):
        raise Mistake("not-a-dictionary", f"`report` should be a dictionary with rate, errors, mean and spread; it is "
                      f"of type {type(report).__name__}.")
    missing = [key for key in ("rate", "errors", "mean", "spread") if key not in report]
    if missing:
        raise Mistake("entry-missing", f"`report` has no {missing[0]!r}; it should have rate, errors, mean and spread.")
    try:
        looks = [(float(rate), int(seed), float(error)) for rate, seed, error in list(opened)]
    except Exception:
        raise Mistake("opened-changed", "`opened` should be the list that `open_test_set` writes, (rate, seed, error) "
                      "for each look. Run the cell that defines both again, and only clear the list.") from None
    _opened_once(looks, seeds)
    chosen = float(array(ask(probes.choices, choose_rate, [curves])[0], "the chosen rate").reshape(-1)[0])
    _chosen_rate(looks[0][0], report, chosen)
    yield "the test set was opened once, for the chosen rate and every seed"
    errors = np.asarray([error for _, _, error in looks])
    if size == "quick":
        from helpers.study.cnn_learning import endings

        quick = study_size(size)
        used = [seed for _, seed, _ in looks]
        found = endings(chosen, used, test=quick.test, jobs=0, progress=False, **quick.settings)
        again = [final.test_error for final in found]
        if not close(errors, np.asarray(again)):
            raise Mistake("not-reproduced", "The test errors in `opened` are not those of the networks at this rate. "
                          "They must come from `open_test_set`, unchanged.")
    validation = [run.error[-1] for rate, runs in dict(curves).items() if math.isclose(rate, chosen) for run in runs]
    _right_report(report, errors, len(seeds), np.asarray(validation))
    yield "one error per seed, their mean and their spread"


def _opened_once(looks: list[tuple[float, int, float]], seeds: Sequence[int]) -> None:
    if not looks:
        raise Mistake("test-not-opened", "`opened` is empty: the errors don't come from `open_test_set`. Run the cell "
                      "that defines it, and then call it for the chosen rate.")
    rates = list(dict.fromkeys(rate for rate, _, _ in looks))
    if len(rates) > 1:
        raise Mistake("test-used-for-selection", f"The test set was opened for {len(rates)} rates "
                      f"({', '.join(f'{r:g}' for r in rates)}). Validation chooses; the test set is opened for the "
                      f"chosen rate alone. Otherwise the smallest of many test errors is reported, which is too good "
                      f"to be true.")
    used = [seed for _, seed, _ in looks]
    if len(set(used)) < len(used):
        raise Mistake("test-opened-twice", f"The test set was opened {len(used)} times for {len(set(used))} seeds. "
                      f"Call `open_test_set` once and keep what it returns (`opened.clear()` stays the first line of "
                      f"the cell).")
    if set(used) - set(seeds):
        raise Mistake("another-seed", f"The test set was opened for the seeds {used}; the study has {tuple(seeds)}. "
                      f"Seeds are fixed before anything is seen.")
    if len(used) < len(seeds):
        raise Mistake("seed-picked", f"The test set was opened for the seeds {used} alone. All of {tuple(seeds)} are "
                      f"reported: a seed picked by its result reports luck.")


def _chosen_rate(opened: float, report: Mapping[str, Any], chosen: float) -> None:
    if not math.isclose(opened, chosen):
        raise Mistake("another-rate", f"The test set was opened for the rate {opened:g}, but `choose_rate(curves)` "
                      f"chooses {chosen:g}. The rate is chosen before the test set is opened.")
    told = _numbers(report, "rate")
    if told.size != 1 or not math.isclose(float(told[0]), chosen):
        shown = f"{float(told[0]):g}" if told.size == 1 else f"an array of {told.size} numbers"
        raise Mistake("another-rate", f"report['rate'] is {shown}, but the chosen rate is {chosen:g}.")


def _numbers(report: Mapping[str, Any], key: str) -> np.ndarray:
    if isinstance(report[key], str):
        raise Mistake("not-an-array", f"report[{key!r}] is text, {report[key][:40]!r}; it should be numbers. Leave "
                      f"the words to `print`.")
    return array(report[key], f"report[{key!r}]").reshape(-1)


def _right_report(report: Mapping[str, Any], errors: np.ndarray, count: int, validation: np.ndarray) -> None:
    """validation: the last validation errors of the chosen rate's runs."""
    told, mean, spread = (_numbers(report, key) for key in ("errors", "mean", "spread"))
    if close(told, 100 * errors):
        raise Mistake("percent-for-share", "report['errors'] is in percent; the errors are fractions between 0 and 1.")
    if close(told, 1 - errors):
        raise Mistake("accuracy-for-error", "report['errors'] holds accuracies; the error is 1 minus that.")
    if told.size == 1 < count:
        raise Mistake("seed-picked", f"report['errors'] holds one error; there should be one for each of the {count} "
                      f"seeds.")
    if told.size != count or not close(np.sort(told), np.sort(errors)):
        raise Mistake("errors-differ", "report['errors'] are not the errors that `open_test_set` returned. Report all "
                      "of them, unchanged.")
    if mean.size != 1:
        raise Mistake("not-one-number", f"report['mean'] should be one number; it has {mean.size}.")
    right, value = float(errors.mean()), float(mean[0])
    if not math.isclose(value, right, rel_tol=2e-3, abs_tol=5.1e-4):  # three digits will do
        for wrong, name, hint in (
            (float(errors.min()), "best-seed-reported", "That is the error of the best seed, luck reported as skill. "
             "Take the mean over all seeds."),
            (float(errors.max()), "worst-seed-reported", "That is the error of the worst seed. Take the mean over all "
             "seeds."),
            (float(errors[0]), "one-seed-reported", "That is the error of the first seed alone. Take the mean over "
             "all seeds."),
            (float(validation.mean()), "validation-for-test", "That is the mean of the last *validation* errors at "
             "this rate. Mean and spread are those of the test errors, report['errors']."),
            (float(np.median(errors)), "median-for-mean", "That is the median; the mean is asked for, together with "
             "the spread."),
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
        raise Mistake("wrong-spread", f"report['spread'] is the pair {tuple(round(float(s), 5) for s in spread)}; the "
                      f"smallest and the largest error are {low:.4g} and {high:.4g}.")
    if spread.size != 1:
        raise Mistake("wrong-spread", f"report['spread'] should be one number or a pair; it has {spread.size}.")
    got = float(spread[0])
    good = [float(errors.std()), float(errors.std(ddof=1)) if count > 1 else 0.0]
    asked = "Report the standard deviation over the seeds, or the pair (smallest, largest)."
    if any(abs(got - g) <= max(half, 1e-9) for g in good):
        return
    for wrong, name, hint in (
        (float(errors.var()), "variance-for-spread", "That is the variance; take its square root."),
        (
            float(errors.var(ddof=1)) if count > 1 else 0.0,
            "variance-for-spread",
            "That is the variance; take its square root.",
        ),
        (100 * good[0], "percent-for-share", "That is in percent; the errors are shares."),
        (100 * good[1], "percent-for-share", "That is in percent; the errors are shares."),
        (right, "wrong-spread", "That is the mean once more."),
        (high - low, "range-for-spread", f"That is the largest minus the smallest error. {asked}"),
        ((high - low) / 2, "range-for-spread", f"That is half of the largest minus the smallest error. {asked}"),
        (good[1] / count**0.5, "standard-error-for-spread", f"That is the standard error of the mean, which says how "
         f"well the mean is known, not how far the seeds lie apart. {asked}"),
    ):
        if abs(got - wrong) <= 1.5e-2 * abs(wrong) and wrong:
            raise Mistake(name, f"report['spread'] is {got:.4g}. {hint}")
    if got == 0:
        raise Mistake("spread-zero", "report['spread'] is 0, but the seeds differ.")
    raise Mistake("wrong-spread", f"report['spread'] is {got:.4g}; the standard deviation over the seeds is "
                  f"{good[1]:.4g} (and {low:.4g} to {high:.4g} their range).")
