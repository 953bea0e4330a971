"""Checks of what several runs recorded: the learning-rate study, the decay experiment, the backends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core.bands import CURVES
from helpers.check.core.hypotheses import study
from helpers.check.core.hypotheses.study import GUESSING
from helpers.check.core.recorded import curve
from helpers.check.core.report import Mistake, check
from helpers.check.network_from_scratch.recorded import Recorded
from helpers.train import study_size


@check("Learning-rate study", "C1")
def learning_rate_study(
    histories: Any, rates: Sequence[float], MLP: Any, train_epoch: Any, evaluate: Any, *,
    epochs: int | None = None, size: str = "standard",
) -> Iterator[str]:  # fmt: skip
    """One history for each rate, each trained with its own rate from the same start, none shared, by the student's
    own functions."""
    seen = Recorded("histories", histories, (MLP, train_epoch, evaluate), size, 1)
    keys = seen.filled()
    if len(set(rates)) < 5 or max(rates) < 0.5 or min(rates) > 0.005:
        raise Mistake("too-few-rates", f"The study needs at least five rates that span 1.0 to 0.001; there are "
                      f"{len(set(rates))} from {max(rates):g} to {min(rates):g}.")
    missing = [rate for rate in rates if rate not in keys]
    if missing or len(keys) != len(set(rates)):
        anew = " Only the last rate is left: is `histories = {}` inside the loop? Make it before." if (
            keys == [[*rates][-1]] and len(rates) > 1) else ""
        raise Mistake("rates-missing", f"`histories` should have one entry for each of the rates {sorted(rates)}; its "
                      f"keys are {keys}.{anew}")
    curves, runs = {}, {rate: seen.record(rate) for rate in rates}
    for rate in rates:
        what = f"histories[{rate:g}]"
        curves[what] = np.concatenate([curve(runs[rate], name, what, epochs) for name in CURVES])
        try:
            study.constant_rate(curve(runs[rate], "learning_rate", what, epochs), rate, what)
        except Mistake as mistake:
            used = [np.ravel(curve(runs[one], "learning_rate", f"histories[{one:g}]", epochs))[:1] for one in rates]
            if mistake.name == "another-rate" and np.allclose(np.sort(np.concatenate(used)), sorted(rates)):
                mistake.message += (
                    " There is a run for each rate, and some stand under the key of another: are rates and runs in the "
                    "same order where they are put together?"
                )
            raise mistake from None
    yield f"{len(rates)} histories with one entry per epoch"
    if not any(np.isfinite(curve).all() for curve in curves.values()):
        raise Mistake("loss-not-finite", "Every run has losses that are NaN or infinite, at the smallest rate too. "
                      "Look at the layers and the loss first.")
    study.none_alike(curves)
    named = {f"histories[{rate:g}]": runs[rate] for rate in rates}
    study.same_settings(named, {"images": None, "batch_size": None})
    study.each_from_a_new_network(named)
    study.same_start(named.values(), "The runs")
    small = min(rates)
    first = curve(runs[small], "train_loss", f"histories[{small:g}]", epochs)[0]
    if first < 0.6 * GUESSING:
        raise Mistake("network-not-renewed", f"The run at {small:g} starts with a loss of {first:.2f}, far below "
                      f"guessing (ln 10 = 2.30): it went on with a network that was trained before. Make a new one "
                      f"for each rate.")
    yield "each run from a new network, no two curves alike"
    yield from seen.own_functions({f"histories[{rate:g}]": (rate, 0) for rate in rates})


@check("Decay experiment", "D2")
def decay_experiment(
    results: Any, MLP: Any, train_epoch: Any, evaluate: Any, *,
    seeds: int, epochs: int | None = None, size: str = "standard",
) -> Iterator[str]:  # fmt: skip
    """One constant rate and at least two decays, each over several seeds that differ, decays that decay, by the
    student's own functions."""
    recorded = Recorded("results", results, (MLP, train_epoch, evaluate), size, 2)
    names = recorded.filled()
    constant: list[tuple[str, np.ndarray]] = []
    decays: list[tuple[str, np.ndarray]] = []
    rising: list[tuple[str, np.ndarray]] = []
    curves: dict[str, np.ndarray] = {}
    for name in names:
        count = recorded.length(name)
        if count != seeds:
            raise Mistake("seeds-missing", f"results[{name!r}] has {count} runs; there should be one for each of the "
                          f"{seeds} seeds.")
        runs = [recorded.record(name, place) for place in range(count)]
        for i in range(len(runs)):
            what = f"results[{name!r}][{i}]"
            losses = curve(runs[i], "test_loss", what, epochs)
            if not np.isfinite(losses).any():
                raise Mistake("loss-not-finite", f"{what} has no finite loss: the weights grew too large.")
            curves[what] = losses
            rates = curve(runs[i], "learning_rate", what, epochs)
        try:
            study.none_alike(curves)
        except Mistake:
            if np.ptp(rates) == 0 and constant and np.isclose(constant[-1][1][0], rates[0]):
                raise Mistake("decay-does-nothing", f"{constant[-1][0]!r} and {name!r} were both trained at the "
                              f"constant rate {rates[0]:g}, so their runs are the same. A decay is handed to `fit` as "
                              f"a function, which it calls in every epoch, and not as what that function gives for "
                              f"one: `lambda epoch: step_decay(epoch, …)`.") from None
            raise
        study.other_starts(runs, f"results[{name!r}]")
        if np.ptp(rates) == 0:
            constant.append((name, rates))
        elif (np.diff(rates) > 1e-12).any():
            rising.append((name, rates))
        else:
            decays.append((name, rates))
    yield f"{len(names)} settings, {seeds} seeds each, no two runs alike"
    if not constant:
        raise Mistake("no-constant-rate", "There is nothing to compare with: one setting should have the best "
                      "constant rate of Part C.")
    every = {
        f"results[{name!r}][{i}]": run
        for name in names
        for i, run in enumerate(map(partial(recorded.record, name), range(seeds)))
    }
    study.same_settings(every, {"images": None, "batch_size": None})
    study.each_from_a_new_network(every)
    if len(decays) < 2 and rising:
        name, rates = rising[0]
        raise Mistake("rate-rises", f"The rate of {name!r} rises at epoch "
                      f"{int(np.argmax(np.diff(rates) > 1e-12)) + 2}; a decay only falls, and two that fall are asked "
                      f"for.")
    if len(decays) < 2:
        raise Mistake("decay-does-nothing", f"Only {len(decays)} of the settings {names} changed its rate during "
                      f"training; two decays are asked for. Do they reach `fit` as functions of the epoch?")
    lowest = min(float(rates[0]) for _, rates in constant)
    high = [name for name, rates in decays if rates[0] > lowest]
    if len(high) < 2:
        raise Mistake("decay-starts-low", f"Only {len(high)} of the decays start higher than the constant rate "
                      f"{lowest:g}. The hypothesis is 'start high and decrease': two that start higher are asked for.")
    yield f"{len(constant)} constant, {len(decays)} falling"
    yield from recorded.own_functions(
        {f"results[{name!r}][{place}]": (name, place) for name in names for place in range(seeds)}
    )


@check("The same on all backends", "Part F")
def same_on_all(
    by_backend: Any, names: Sequence[str], MLP: Any, train_epoch: Any, evaluate: Any, *, size: str = "standard"
) -> Iterator[str]:
    """One history for each backend, by the student's own functions; from the same weights the curves agree up to
    float32 rounding."""
    seen = Recorded("by_backend", by_backend, (MLP, train_epoch, evaluate), size, 3, names)
    keys = seen.filled()
    missing = [name for name in names if name not in keys]
    if missing:
        raise Mistake("backend-missing", f"There is no history for the backend {missing[0]!r}.")
    runs = {name: seen.record(name) for name in names}
    curves = {name: curve(run, "train_loss", f"by_backend[{name!r}]", None) for name, run in runs.items()}
    for name in names:
        run = runs[name]
        if (
            name != "numpy"
            and getattr(run, "device", "") == "numpy"
            and np.array_equal(curves[name], curves.get("numpy", np.empty(0)))
        ):
            raise Mistake("wrong-backend", f"by_backend[{name!r}] equals numpy's run to the last digit, and its data "
                          f"were numpy arrays. Move the data (`small.to(where)`) and give the network the same "
                          f"`backend`.")
        if curves[name].size != 2:
            raise Mistake("wrong-length", f"by_backend[{name!r}] has {curves[name].size} epochs; 2 are asked for.")
        rates = curve(run, "learning_rate", f"by_backend[{name!r}]", None)
        if not np.allclose(rates, 0.5):
            raise Mistake("another-rate", f"by_backend[{name!r}] was trained with a rate of {rates[0]:g}; 0.5 is "
                          f"asked for.")
        images, asked = getattr(run, "images", 0), study_size(size)
        if images == asked.train != asked.small_train:
            raise Mistake("another-set", f"by_backend[{name!r}] was trained on {images:,} images, all of `data`; "
                          f"`small` is asked for, which has {asked.small_train:,}: `small.to(where)`.")
    first = curves[names[0]]
    if not np.isfinite(first).all():
        raise Mistake("loss-not-finite", f"The training loss on {names[0]} is not finite: the weights grew too "
                      f"large.")
    for name in names[1:]:
        if curves[name].shape != first.shape or not np.allclose(curves[name], first, rtol=0.02):
            raise Mistake("backends-differ", f"The training losses on {names[0]} and {name} differ ({first[-1]:.4f} "
                          f"and {curves[name][-1]:.4f} at the end). Was each run given a new network with seed 0, the "
                          f"same rate and the same data?")
        if vars(runs[name]) == vars(runs[names[0]]):
            raise Mistake("curves-identical", f"The histories of {names[0]} and {name} are one and the same object: "
                          f"train once on each backend.")
    yield f"the curves on {', '.join(str(getattr(run, 'label', name)) for name, run in runs.items())} agree"
    yield from seen.own_functions({f"by_backend[{name!r}]": (name, 0) for name in names})
