"""Checks of functions of the epoch: the sweet spot and decaying rates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from helpers.check.core import probe
from helpers.check.core.ask import ask, number
from helpers.check.core.compare import Hypothesis, verify
from helpers.check.core.report import Mistake, check


@check("Sweet spot", "C3")
def sweet_spot(function: Any, *, seed: int = 0) -> Iterator[str]:
    """Number (from 1) of the epoch with the lowest test loss, NaN ignored."""
    rng = np.random.default_rng(seed)
    runs, places = [], []
    for length, place in _places(rng):
        # Several dips, or 'the first turn' would pass for the lowest.
        losses = [float(v) for v in rng.permutation(np.linspace(0.5, 2.0, length))]
        losses[place] = 0.2
        runs.append(losses)
        places.append(place)
    blown = _blown(rng)
    large = [5000 * loss for loss in runs[0]]
    near = [0.33 + 4e-5, 0.7, 0.33 + 2e-5, 0.33, 0.9]
    large_and_nan = [4e6, float("nan"), 3e6]
    every = [*runs, large, near, *(losses for losses, _ in blown), large_and_nan]
    seen = ask(probe.calls, "sweet_spot", function, [[list(losses)] for losses in every], ("losses",))
    spots = (number(seen[str(place)], "the epoch") for place in range(len(every)))
    got = np.asarray([next(spots) for _ in runs])

    def each(find: Callable[[np.ndarray], Any]) -> np.ndarray:
        return np.asarray([float(find(np.asarray(losses))) for losses in runs])

    hypotheses = [
        Hypothesis("counts-from-zero", each(np.argmin), "The epoch is counted from 0. Epochs in the text and in the "
                   "figures count from 1."),
        Hypothesis("counts-from-two", each(np.argmin) + 2, "The epoch is counted from 2: 1 is added twice."),
        Hypothesis("last-epoch", each(len), "This is the last epoch. The sweet spot is where the test loss is lowest."),
        Hypothesis("highest-loss", each(np.argmax) + 1, "This is the epoch with the highest test loss; look for the "
                   "lowest."),
        Hypothesis("returns-the-loss", each(np.min), "This is the lowest loss itself. Return the number of its epoch."),
        Hypothesis("first-turn", each(_first_turn), "This is where the loss rises for the first time. It may fall "
                   "again: look at all epochs."),
        *(Hypothesis("stops-too-early", each(lambda t, k=k: _with_patience(t, k)), f"The search ends after {k} epochs "  # type: ignore[misc]
                     "without a lower loss (early stopping). A lower one may come later: look at all epochs.")
          for k in (2, 3, 4, 5)),
        Hypothesis("first-epoch-skipped", each(lambda t: np.argmin(t[1:]) + 2), "The first epoch is left out."),
        Hypothesis("last-epoch-skipped", each(lambda t: np.argmin(t[:-1]) + 1), "The last epoch is left out."),
        *(Hypothesis("smoothed", each(lambda t, s=s: np.argmin(_mean_of_three(t, s)) + 1), "This is where the losses "  # type: ignore[misc]
                     "are lowest after they are smoothed over neighbouring epochs. Take them as they are.")
          for s in (-1, 0, 1)),
        Hypothesis("fractions-lost", each(lambda t: np.argmin(t.astype(int)) + 1),
                   "The losses are compared as integers (`int`): the fractions are lost."),
    ]
    verify(got, np.asarray(places) + 1.0, "the epoch of five runs", hypotheses)
    yield "the epoch of the lowest test loss, counted from 1, wherever it is"
    if next(spots) != places[0] + 1:
        raise Mistake("start-too-low", "Where all losses are above 1,000 the epoch is wrong: the search for the lowest "
                      "loss starts with a number that they are not below. Start with the first loss.")
    if next(spots) != 4:
        raise Mistake("rounded", f"For the losses {', '.join(f'{loss:g}' for loss in near)} the answer is not epoch 4, "
                      f"the lowest by a little: are losses rounded, or must one be lower by some margin? Compare them "
                      f"as they are.")
    yield "large losses, too, and losses that are nearly equal"
    for losses, right in blown:
        epoch = next(spots)
        if epoch != right:
            shown = ", ".join(f"{loss:g}" for loss in losses)
            numbers = [loss for loss in losses if loss == loss]
            if epoch == numbers.index(min(numbers)) + 1:
                raise Mistake("nan-not-counted", f"For the losses {shown} the answer was epoch {epoch:g}: epochs whose "
                              f"loss is NaN are left out, and those behind them get a smaller number. They still "
                              f"count: the lowest loss is that of epoch {right}.")
            raise Mistake("nan-wins", f"For the losses {shown} the answer was epoch {epoch:g}; an epoch "
                          f"whose loss is NaN must not win, and still counts. A comparison with NaN is always False, "
                          f"and a NaN that becomes 0 is the lowest; look for it first (`np.nanargmin`).")
    if next(spots) != 3:
        raise Mistake("nan-replaced", "For the losses 4e+06, nan, 3e+06 the answer is not epoch 3: sweet_spot seems to "
                      "put a fixed number in the place of NaN, which wins where all other losses are larger. Leave "
                      "NaN out, or put infinity there.")
    yield "a NaN does not win, wherever it is"


def _mean_of_three(losses: np.ndarray, shift: int) -> np.ndarray:
    """The mean of three epochs around each, or up to it (−1), or from it on (1); of fewer at the ends."""
    ends = [(max(0, i - 1 + shift), i + 2 + shift) for i in range(len(losses))]
    return np.array([losses[start:end].mean() for start, end in ends])


def _places(rng: np.random.Generator) -> list[tuple[int, int]]:
    """(epochs, place of the lowest loss) of five runs: somewhere, first and last; runs of one length have it at
    different places."""
    a, b, c = (int(rng.integers(low, low + 3)) for low in (6, 9, 12))
    first, second = (int(place) for place in rng.choice(np.arange(2, b - 2), 2, replace=False))
    return [(b, first), (a, 2), (b, second), (a, 0), (c, c - 1)]


def _blown(rng: np.random.Generator) -> list[tuple[list[float], int]]:
    """(losses, the epoch with the lowest) of three runs: NaN at the end, at the start, in between."""
    nan, place = float("nan"), int(rng.integers(1, 4))
    losses = [round(float(v), 2) for v in rng.permutation(np.linspace(1.1, 2.0, 5))]
    losses.insert(place, 1.0)
    return [([*losses, nan], place + 1), ([nan, *losses], place + 2), ([2.1, nan, *losses, nan], place + 3)]


def _first_turn(losses: np.ndarray) -> int:
    return next((i for i in range(len(losses) - 1) if losses[i + 1] > losses[i]), len(losses) - 1) + 1


def _with_patience(losses: np.ndarray, patience: int) -> int:
    """The best epoch until so many in a row were no better."""
    best = 0
    for i in range(len(losses)):
        if losses[i] < losses[best]:
            best = i
        elif i - best == patience:
            break
    return best + 1


def _rates(function: Any, cases: list[tuple[Any, ...]], what: str) -> Iterator[float]:
    seen = ask(probe.calls, what, function, cases)
    return (number(seen[str(place)], "the rate") for place in range(len(cases)))


def _of_epochs(rates: Iterator[float], count: int, what: str) -> np.ndarray:
    """The rates of so many epochs, which follow once more in reverse."""
    got, again = (np.asarray([next(rates) for _ in range(count)]) for _ in range(2))
    if not np.array_equal(got, again[::-1], equal_nan=True):
        raise Mistake("keeps-state", f"Asked for the same epochs in another order, {what} gives other rates. Compute "
                      f"the rate from the arguments alone, without a variable that survives the call.")
    return got


def _drawn(seed: int) -> list[tuple[float, float]]:
    """First rates and factors: a usual one, one that falls far below any rate that people write as a limit."""
    rng = np.random.default_rng([seed, 8])
    pairs = [rng.uniform((0.6, 0.55), (3.0, 0.85)), rng.uniform((0.002, 0.05), (0.2, 0.2))]
    return [(round(float(first), 4), round(float(factor), 3)) for first, factor in pairs]


def _rounded(right: np.ndarray) -> Iterator[Hypothesis]:
    """Of rates that are rounded to so many decimals."""
    for digits in range(7):
        yield Hypothesis("rounded", np.round(right, digits), "The rate is rounded"
                         + (f" to {digits} decimals" if digits else "") + ". Return it as it is: a rounded rate is "
                         "another one, and small ones become 0.")  # fmt: skip


def _floor(got: np.ndarray, right: np.ndarray) -> Iterator[Hypothesis]:
    """Of rates that stop falling: several that should differ are the last one."""
    last = float(got[-1])
    if len(set(right[np.isclose(got, last, rtol=1e-9)].tolist())) > 1:
        yield Hypothesis("floor", np.maximum(right, last), f"The rate stops falling at {last:g}. The formula has no "
                         "such limit.")


@check("step_decay", "D1")
def step_decay(function: Any, *, seed: int = 0) -> Iterator[str]:
    """first · factor^⌊epoch / every⌋."""
    epochs = np.arange(12)
    # Not 3: rounding to the nearest multiple of 3 would look like counting from 1.
    everies = np.random.default_rng([seed, 9]).permutation([4, 5]).tolist()
    settings = [(*pair, every) for pair, every in zip(_drawn(seed), everies, strict=True)]
    rates = _rates(
        function, [(int(e), *setting) for setting in settings for e in (*epochs, *epochs[::-1])], "step_decay"
    )
    for first, factor, every in settings:
        got = _of_epochs(rates, len(epochs), "step_decay")
        hypotheses = [
            Hypothesis("decay-does-nothing", np.full(12, first), "The rate never changes."),
            Hypothesis("decays-every-epoch", first * factor**epochs, "The rate falls every epoch; `every` is ignored."),
            Hypothesis("no-floor", first * factor ** (epochs / every), "The rate falls a little every epoch. It "
                       "should stay for `every` epochs and then drop: divide with `//`."),
            Hypothesis("drops-once", np.where(epochs < every, first, first * factor), "The rate drops only once."),
            Hypothesis("counts-from-one", first * factor ** ((epochs + 1) // every),
                       "The drop comes one epoch too early: epochs count from 0 here."),
            Hypothesis("drops-at-zero", first * factor ** (epochs // every + 1), "The factor is applied at epoch 0 "
                       "already: 0 is a multiple of every number, `0 % every == 0`. The first drop comes at epoch "
                       "`every`."),
            Hypothesis("rounded-differently", first * factor ** np.ceil(epochs / every),
                       "The drop comes right after each multiple of `every`: "
                       "epoch / every is rounded up. Round down: `//`."),
            Hypothesis("rounded-differently", first * factor ** np.round(epochs / every),
                       "epoch / every is rounded to the nearest whole number. Round down: `//`."),
            Hypothesis("remainder", first * factor ** (epochs % every), "`%` is the remainder; the number of drops so "
                       "far is epoch // every."),
            Hypothesis("drops-late", first * factor ** np.maximum((epochs - 1) // every, 0),
                       "The drop comes one epoch too late: epoch `every` itself has the new rate."),
            Hypothesis("drops-late", first * factor ** ((epochs - 1) // every), "The drop comes one epoch too late: "
                       "epoch `every` itself has the new rate."),
            Hypothesis("divides-by-factor", first / factor ** (epochs // every), "The rate is divided by the factor, "
                       "so it rises. Multiply."),
            Hypothesis("only-at-multiples",
                       np.where((epochs % every == 0) & (epochs > 0), first * factor ** (epochs // every), first),
                       "The rate goes back up after each drop. It stays low: count the drops so far."),
            Hypothesis("only-at-multiples", np.where((epochs % every == 0) & (epochs > 0), first * factor, first),
                       "The rate goes back up after each drop. It stays low: count the drops so far."),
            Hypothesis("argument-ignored", first * factor ** (epochs // 10), "`every` is ignored: 10 is written into "
                       "the code."),
            Hypothesis("argument-ignored", first * 0.5 ** (epochs // every), "`factor` is ignored: 0.5 is written "
                       "into the code."),
            Hypothesis("argument-ignored", factor ** (epochs // every), "`first` is ignored."),
            Hypothesis("one-minus-factor", first * (1 - factor) ** (epochs // every),
                       "The rate is multiplied by 1 − factor; multiply by factor."),
            Hypothesis("power-of-the-product", (first * factor) ** (epochs // every), "first is raised to the power, "
                       "too: first · factor^drops has the power at the factor alone."),
            Hypothesis("linear-drop", first - factor * (epochs // every), "factor is subtracted at each drop; "
                       "multiply by it."),
            *_rounded(first * factor ** (epochs // every)),
            *_floor(got, first * factor ** (epochs // every)),
            Hypothesis("arguments-swapped", first * float(every) ** (epochs // factor),
                       "`factor` and `every` are swapped."),
            Hypothesis("xor-for-power", first * factor * (epochs ^ every), "`^` is not a power in Python; write `**`."),
            Hypothesis("linear-drop", first * factor * (epochs // every), "The factor is multiplied by the number of "
                       "drops; it should be raised to that power."),
            Hypothesis("linear-drop", first * factor * np.maximum(epochs // every, 1),
                       "The factor is multiplied by the number of drops; it should be raised to that power."),
            Hypothesis("divided-by-the-drops",
                       np.where(epochs < every, first, first * factor / np.maximum(epochs // every, 1)),
                       "The factor is divided by the number of drops (`factor * (1 / drops)`); it should be raised to "
                       "that power, `factor ** drops`."),
        ]
        verify(got, first * factor ** (epochs // every), "the rate over epochs 0 … 11", hypotheses)
    yield "two settings over 12 epochs"


@check("exponential_decay", "D1")
def exponential_decay(function: Any, *, seed: int = 0) -> Iterator[str]:
    """first · gamma^epoch."""
    epochs = np.arange(8)
    settings = _drawn(seed)
    rates = _rates(
        function, [(int(e), *setting) for setting in settings for e in (*epochs, *epochs[::-1])], "exponential_decay"
    )
    for first, gamma in settings:
        got = _of_epochs(rates, len(epochs), "exponential_decay")
        hypotheses = [
            Hypothesis("decay-does-nothing", np.full(8, first), "The rate never changes."),
            Hypothesis("counts-from-one", first * gamma ** (epochs + 1), "Epoch 0 should have the first rate itself; "
                       "here it is multiplied by gamma already."),
            *_rounded(first * gamma**epochs),
            *_floor(got, first * gamma**epochs),
            Hypothesis("one-minus-gamma", first * (1 - gamma) ** epochs, "The rate is multiplied by 1 − gamma; "
                       "multiply by gamma."),
            Hypothesis("divides-by-gamma", first / gamma**epochs, "The rate is divided by gamma, so it rises. "
                       "Multiply."),
            Hypothesis("counts-from-one", first * gamma ** (epochs - 1.0), "Epoch 0 should have the first rate "
                       "itself; the power is epoch, not epoch − 1."),
            Hypothesis("power-of-the-product", (first * gamma) ** epochs, "first is raised to the power, too: first · "
                       "gamma^epoch has the power at gamma alone."),
            Hypothesis("power-swapped", first * epochs.astype(float) ** gamma, "Base and power are swapped: it is "
                       "gamma to the power of epoch."),
            Hypothesis("inverse-time", first / (1 + gamma * epochs), "This is first / (1 + gamma·epoch), another kind "
                       "of decay. Here the rate is multiplied by gamma each epoch."),
            Hypothesis("falls-once", np.where(epochs == 0, first, first * gamma), "The rate falls only once."),
            Hypothesis("falls-once", np.full(8, first * gamma), "The rate falls only once."),
            *(Hypothesis("argument-ignored", first * g**epochs, f"`gamma` is ignored: {g:g} is written into the "
                         f"code.") for g in (0.95, 0.9, 0.99, 0.5, 0.1)),
            Hypothesis("linear-decay", first - gamma**epochs, "gamma^epoch is subtracted; multiply by it."),
            Hypothesis("exp-of-gamma", first * np.exp(-epochs / gamma), "This is first · e^(−epoch / gamma). Here "
                       "gamma is the factor of one epoch: first · gamma^epoch."),
            Hypothesis("linear-decay", first - gamma * epochs, "gamma is subtracted each epoch; multiply by it."),
            Hypothesis("linear-decay", first * (1 - gamma * epochs), "The rate falls by gamma of the first in each "
                       "epoch; multiply by gamma each epoch."),
            Hypothesis("linear-decay", first * gamma * epochs, "gamma is multiplied by the epoch; it should be raised "
                       "to that power."),
            Hypothesis("exp-of-gamma", first * np.exp(-gamma * epochs), "This is first · e^(−gamma·epoch). Here gamma "
                       "is the factor of one epoch: first · gamma^epoch."),
        ]
        verify(got, first * gamma**epochs, "the rate over epochs 0 … 7", hypotheses)
    yield "two settings over 8 epochs"
