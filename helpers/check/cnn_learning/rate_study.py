"""The check of B4 of the CNN assignment: curves of many rates and seeds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check.cnn_learning.sizes import study_size
from helpers.check.core.compare import close
from helpers.check.core.recorded import curve
from helpers.check.core.report import Mistake, check
from helpers.train import History

LISTS = ("train_loss", "test_loss", "test_accuracy")


@check("Learning curves", "B4")
def study(curves: Any, rates: Sequence[float], seeds: Sequence[int], *, size: str = "standard", replay: bool = True) -> Iterator[str]:
    """A history for each rate and seed, on validation images, each trained with its own rate; one is run again."""
    chosen = study_size(size)
    runs = _all_runs(curves, rates, seeds, chosen.epochs)
    yield f"{len(rates)} rates, {len(seeds)} seeds each, one entry per epoch"
    for (rate, i), run in sorted(runs.items(), key=lambda item: -item[0][1]):
        what = f"curves[{rate:g}][{i}]"
        if getattr(run, "held_out", "validation") == "test":
            raise Mistake("test-for-validation", f"{what} was measured on the TEST images. A rate chosen by these curves has used up the test set; take `learning_curves` or `split.selection()`.")
        accuracy = curve(run, "test_accuracy", what, chosen.epochs)
        if (accuracy > 1).any():
            raise Mistake("percent-for-share", f"{what} has accuracies up to {accuracy.max():.4g}; they should be fractions between 0 and 1.")
        right = accuracy * chosen.validation
        if (abs(right - np.round(right)) > 0.01).any():
            at = int(np.argmax(abs(right - np.round(right))))
            raise Mistake("curve-edited", f"{what} has an accuracy of {accuracy[at]:.6g} after epoch {at + 1}, which is not a number of correct answers out of {chosen.validation:,} validation images. Leave the histories as the training made them: nothing smoothed, rescaled or filled in.")
        used = curve(run, "learning_rate", what, chosen.epochs)
        if np.ptp(used) > 0:
            raise Mistake("rate-changes", f"The rate of {what} changes during the run, from {used[0]:g} to {used[-1]:g}; this study compares constant rates.")
        if not np.allclose(used, rate) and i >= len(seeds):
            raise Mistake("lists-shared", f"{what} was trained at a rate of {used[0]:g}: runs of several rates were written into one list. Make a new list for each rate.")
        if not np.allclose(used, rate):
            raise Mistake("another-rate", f"{what} was trained at a rate of {used[0]:g}, not {rate:g}. Does the loop's own variable reach the training?")
    _no_two_alike(runs)
    _seeds_right(runs, seeds)
    _settings_right(runs, chosen.train)
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
        raise Mistake("not-a-dictionary", f"`curves` should be a dictionary, rate → list of histories; it is of type {type(curves).__name__}.")
    found: dict[tuple[float, int], Any] = {}
    for rate in rates:
        keys = [key for key in curves if isinstance(key, int | float) and math.isclose(key, rate)]
        if not keys:
            raise Mistake("rates-missing", f"`curves` has no entry for the rate {rate:g}; its keys are {str(list(curves))[:200]}.")
        runs = curves[keys[0]]
        if isinstance(runs, History) or not isinstance(runs, list | tuple):
            raise Mistake("not-a-list", f"curves[{rate:g}] should be a list of histories, one for each seed; it is of type {type(runs).__name__}.")
        if len(runs) < len(seeds):
            raise Mistake("seeds-missing", f"curves[{rate:g}] has {len(runs)} run{'s' * (len(runs) != 1)}; there should be one for each of the seeds {tuple(seeds)}. One seed can be lucky.")
        for i, run in enumerate(runs):
            for name in LISTS:
                curve(run, name, f"curves[{rate:g}][{i}]", epochs)
            for kinds, names in (((int, np.integer), ("seed", "images", "batch_size")), ((str,), ("held_out", "started_from", "ended_at"))):
                odd = [name for name in names if not isinstance(getattr(run, name, kinds[0]()), kinds)]
                if odd:
                    raise Mistake("not-a-history", f"curves[{rate:g}][{i}].{odd[0]} is of type {type(getattr(run, odd[0])).__name__}; leave the histories as the training made them.")
            found[rate, i] = run
    return found


def _no_two_alike(runs: Mapping[tuple[float, int], Any]) -> None:
    values = {key: np.concatenate([np.asarray(getattr(run, name), dtype=float) for name in LISTS]) for key, run in runs.items()}
    for a, b in itertools.combinations(runs, 2):
        if np.array_equal(values[a], values[b], equal_nan=True):
            if a[0] == b[0]:
                raise Mistake("seed-ignored", f"The runs {a[1]} and {b[1]} at the rate {a[0]:g} are identical: the seeds don't reach them, or one history stands twice in the list.")
            raise Mistake("curves-identical", f"A curve at {a[0]:g} and one at {b[0]:g} are identical: the loop's rate does not reach the training, or both entries are the same history.")


def _seeds_right(runs: Mapping[tuple[float, int], Any], seeds: Sequence[int]) -> None:
    by_rate: dict[float, list[int]] = {}
    for (rate, _), run in runs.items():
        by_rate.setdefault(rate, []).append(int(getattr(run, "seed", -1)))
    for rate, used in by_rate.items():
        if not set(seeds) <= set(used) or len(set(used)) < len(used):
            if len(set(used)) < len(used):
                raise Mistake("seed-ignored", f"The runs at {rate:g} have the seeds {used}; each of {tuple(seeds)} is asked for.")
            raise Mistake("another-seed", f"The runs at {rate:g} have the seeds {used}; {tuple(seeds)} are asked for. The seeds are fixed before anything is seen, the same for every rate; picking others afterwards is picking results.")
    for seed in seeds:
        row = {rate: run for (rate, _), run in runs.items() if run.seed == seed}
        starts = {str(run.started_from) for run in row.values() if getattr(run, "started_from", "")}
        ends = {str(run.ended_at): rate for rate, run in row.items() if getattr(run, "ended_at", "")}
        for rate, run in row.items():
            if getattr(run, "started_from", "") and run.started_from in ends:
                raise Mistake("network-not-renewed", f"A run at {rate:g} went on with the network that was trained at {ends[run.started_from]:g}. Build a new one for each run.")
        if len(starts) > 1:
            raise Mistake("seed-not-reset", f"The runs of seed {seed} start from different weights at different rates, so their curves differ by the initial weights as well as by the rate.")


def _settings_right(runs: Mapping[tuple[float, int], Any], images: int) -> None:
    for (rate, i), run in runs.items():
        if getattr(run, "images", images) != images:
            raise Mistake("settings-differ", f"curves[{rate:g}][{i}] was trained on {run.images:,} images; all should have the {images:,} of `size.settings`, so that only the rate differs.")
        if getattr(run, "batch_size", 64) != 64:
            raise Mistake("settings-differ", f"curves[{rate:g}][{i}] was trained in batches of {run.batch_size}; all should have 64.")


def _replayed(runs: Mapping[tuple[float, int], Any], rates: Sequence[float], seeds: Sequence[int], chosen: Any) -> None:
    """Runs once more: curves that were edited, or come from another network, don't match.

    For grading, where runs are small, all of them and whole; else the first epoch of two.
    """
    from helpers.study.cnn_learning import learning_curves

    small = chosen.name == "quick"
    epochs = chosen.epochs if small else 1
    which = list(rates) if small else [rates[len(rates) // 2], rates[0]]
    again = learning_curves(which, seeds if small else [seeds[-1]], jobs=0, progress=False, **{**chosen.settings, "epochs": epochs})
    for (rate, _), run in runs.items():
        for other in again.get(rate, ()):
            if other.seed == run.seed:
                _same_run(run, other, rate, epochs)


def _same_run(run: Any, again: History, rate: float, epochs: int) -> None:
    got, right = (np.asarray([r.train_loss[:epochs], r.test_accuracy[:epochs]]) for r in (run, again))
    if close(got, right):
        return
    if close(got[0], right[0]) and close(1 - got[1], right[1]):
        raise Mistake("error-for-accuracy", f"`test_accuracy` of curves[{rate:g}] holds errors; leave the histories unchanged; `.error` is 1 − accuracy.")
    at = int(np.argmax(~np.isclose(got, right, rtol=2e-4).all(axis=0)))
    raise Mistake("not-reproduced", f"The run at rate {rate:g} from seed {run.seed}, made again, has after epoch {at + 1} the training loss {right[0][at]:.4f} and the validation error {1 - right[1][at]:.3f}; `curves` has {got[0][at]:.4f} and {1 - got[1][at]:.3f}. Are these the curves of this rate, from `learning_curves(RATES, SEEDS, **size.settings)`, unchanged?")
