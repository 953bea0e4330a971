"""What a history recorded: its curves as arrays, and whether the student's own functions make them again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.backend import backend
from helpers.check.core.bands import CURVES
from helpers.check.core.calls import array, attribute, first_weights, patience, retrain
from helpers.check.core.own_training import ALONE, Own
from helpers.check.core.report import Mistake
from helpers.train import SIZES, study_size

NETWORK = (784, 512, 128, 10)
SEEDS = 100
"""A run may have started from a network of any seed below."""
FEW = 1000
"""Images: of runs on more of them only two are made again, for one epoch each."""


def curve(history: Any, name: str, what: str, epochs: int | None) -> np.ndarray:
    if history is None:
        raise Mistake("still-to-do", f"Still to do: {what} is still None; write and run the exercise's cell above.")
    try:
        found = array(attribute(history, name, what), f"{what}.{name}")
    except Mistake as mistake:
        if mistake.name != "attribute-missing":
            raise
        raise Mistake("not-a-history", f"{what} should be the history that `fit` returns, whole; it is of type {type(history).__name__} and has no `{name}`.") from None
    if found.ndim != 1 or found.size == 0:
        raise Mistake("not-a-curve", f"{what}.{name} should be a list with one number per epoch; it has shape {found.shape}.")
    if epochs is not None and found.size != epochs:
        if found.size % epochs == 0:
            raise Mistake("lists-shared", f"{what}.{name} has {found.size} entries for {epochs} epochs: several runs were written into one list, or this run was longer. Keep what `fit` returns, each run's own.")
        raise Mistake("wrong-length", f"{what}.{name} has {found.size} entries; there should be one for each of the {epochs} epochs.")
    return found


@dataclass(frozen=True)
class _Record:
    """What a history says of its run: `curves` (3, epochs) in the order of CURVES; the network was made on `backend`."""

    what: str
    backend: str
    curves: np.ndarray
    rates: tuple[float, ...]
    start: str
    seed: int
    batch_size: int
    images: int

    @classmethod
    def of(cls, run: Any, what: str, name: str) -> _Record:
        rates = curve(run, "learning_rate", what, None)
        found = np.asarray([curve(run, each, what, rates.size) for each in CURVES])
        whole = {each: getattr(run, each, 0) for each in ("seed", "batch_size", "images")}
        start = getattr(run, "started_from", "")
        if not all(isinstance(value, int | np.integer) and 0 <= value < 2**63 for value in whole.values()) or not isinstance(start, str):
            raise Mistake("not-a-history", f"The seed, batch_size, images or started_from of {what} is not what `fit` records. Keep the history that it returns, unchanged.")
        return cls(what, name, found, tuple(map(float, rates)), start, **{each: int(value) for each, value in whole.items()})


def made_again(own: Own, runs: Mapping[str, tuple[Any, str]], size: str) -> Iterator[str]:
    """The first epochs of recorded runs, made again by the student's own functions, give the same numbers.

    runs: what a history is called in sentences -> (history, name of the backend on which the network was made).
    """
    records = [_Record.of(run, what, name) for what, (run, name) in runs.items()]
    few = [record for record in records if 0 < record.images <= FEW]
    many = [record for record in records if record not in few]
    seen: dict[tuple[str, str], _Start | None] = {}
    try:
        with patience(60):
            for record in [*few, *many[:1], *many[1:][-1:]]:
                _Again(own, record, size, seen).verify()
    except Mistake as mistake:
        if mistake.name != "never-returns" or size == "quick":
            raise
        yield "not repeated, as that would take more than a minute here; grading does it on few images"
        return
    yield "repeated with your own functions, the first epochs are as recorded"


_Start = tuple[str, int | None]
"""dtype and seed of the network that a run started from; no seed: `MLP(SIZES, on)`."""


class _Again:
    """Makes the first epochs of one recorded run again."""

    def __init__(self, own: Own, record: _Record, size: str, seen: dict[tuple[str, str], _Start | None]):
        self.own, self.record, self.seen = own, record, seen
        sizes = [study_size(size), *SIZES.values()]
        self.test = {images: one.test for one in reversed(sizes) for images in (one.train, one.small_train)}
        # A history that was read from a table does not know how many images there were.
        self.images = [record.images] if record.images else list(dict.fromkeys(one.train for one in sizes if one.train <= 10_000))

    def verify(self) -> None:
        record = self.record
        key = (record.backend, record.start)
        if key not in self.seen:
            self.seen[key] = self._start()
        start = self.seen[key]
        starts: list[_Start] = [start or ("float32", None)]
        if not record.start:  # fit could not read the weights, or the history was read from a table
            starts += [("float32", seed) for seed in sorted({0, 1, 2, record.seed})]
        tried = []
        for images, one in itertools.product(self.images, starts):
            tried.append(self.trained(one, images))
            if self._agrees(tried[-1]):
                return
        if start is None and self._may_be([tried[0], *(self.trained(starts[0], self.images[0]) for _ in range(4))]):
            return
        found, recorded = tried[0], self._recorded(tried[0])
        at = int(np.argmin(np.isclose(found, recorded, rtol=1e-3, equal_nan=True).all(axis=0)))
        numbers = [" and ".join(f"the {words} {values[row, at]:.4f}" for row, words in enumerate(("training loss", "test loss")[: len(values)])) for values in (found, recorded)]
        raise Mistake("not-reproduced", f"Repeated with your own functions, {record.what} has after epoch {at + 1} {numbers[0]}; recorded is {numbers[1]}. {ALONE} Keep what `fit` returns, unchanged; if a function has changed since, run the cells again from the top.")

    def trained(self, start: _Start, images: int) -> np.ndarray:
        """(3, epochs) in the order of CURVES, or only the training losses where nobody knows how many test images there were."""
        record, (dtype, seed) = self.record, start
        epochs = min(len(record.rates), 2 if images <= FEW else 1)
        given = (backend(record.backend, dtype), NETWORK, seed, images, self.test.get(images, 1), record.rates[:epochs], record.seed, record.batch_size or 64)
        found = retrain(*self.own, *given, what=f"{record.what}, repeated with your own functions,")
        if found.shape != (3, epochs):
            raise Mistake("not-reproduced", f"{record.what} can't be repeated with your own functions. {ALONE}")
        return found if images in self.test else found[:1]

    def _recorded(self, found: np.ndarray) -> np.ndarray:
        return self.record.curves[: found.shape[0], : found.shape[1]]

    def _agrees(self, found: np.ndarray) -> bool:
        """Up to the rounding of float32, which grows from step to step: of more than a few images there is one epoch."""
        rtol, atol = (1e-3, 1e-6) if found.shape[1] > 1 else (2e-2, 1e-2)
        return bool(np.allclose(found, self._recorded(found), rtol=rtol, atol=atol, equal_nan=True))

    def _may_be(self, runs: list[np.ndarray]) -> bool:
        """Whether the training losses lie near those of runs from other weights: of a network that starts anew at random each time, more can't be said."""
        low, high, recorded = np.min(runs, axis=0)[0], np.max(runs, axis=0)[0], self._recorded(runs[0])[0]
        margin = 3 * (high - low) + 0.05 * abs(high)
        return bool(((recorded >= low - margin) & (recorded <= high + margin)).all())

    def _start(self) -> _Start | None:
        """None where two networks of the same seed start from different weights."""
        record, usual = self.record, ("float32", None)
        first, second = first_weights(self.own.MLP, backend(record.backend), NETWORK, (None, None))
        if first != second:
            return None
        if not record.start or not first or record.start == first:
            return usual
        for seeds in ((0, record.seed, *range(1, 12)), range(12, SEEDS)):
            for dtype in ("float32", "float64"):
                found = first_weights(self.own.MLP, backend(record.backend, dtype), NETWORK, seeds, record.start)
                if record.start in found:
                    return dtype, seeds[found.index(record.start)]
        raise Mistake("not-reproduced", f"{record.what} did not start from a network that your MLP makes for the sizes {NETWORK} with a seed from 0 to {SEEDS - 1}, so nobody can repeat it. {ALONE} Give `fit` such a network, and keep what it returns, unchanged; if a function has changed since, run the cells again from the top.")
