"""What the student's training recorded, and whether their own functions make it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check.core import probe
from helpers.check.core.ask import Answer, array, ask, patience
from helpers.check.core.recorded import Record, curve
from helpers.check.core.report import Mistake
from helpers.check.network_from_scratch import probes
from helpers.check.network_from_scratch.training import ALONE, Problem, trains
from helpers.train import SIZES, study_size


class Recorded:
    """A dictionary of histories, or of lists of them, and the student's functions (MLP, train_epoch, evaluate), which
    are tried at the same time. `name`: the dictionary's, in sentences;
    backends: keys of runs on these, not on numpy."""

    def __init__(
        self, name: str, found: Any, own: probes.Functions, size: str, seed: int, backends: Sequence[str] = ()
    ):
        self.name, self.size = name, size
        self.problem = Problem.drawn(seed)
        sizes = [study_size(size), *SIZES.values()]
        self.tests = {images: one.test for one in reversed(sizes) for images in (one.train, one.small_train)}
        # A history that was read from a table does not know how many images there were.
        guesses = list(dict.fromkeys(one.train for one in sizes if one.train <= 10_000))
        usual = probe.SECONDS
        with patience(60):
            self.seen = ask(
                probes.recorded, found, own, usual, self.problem.asked(), list(backends), self.tests, guesses
            )

    def filled(self) -> list[Any]:
        """The keys of what is a dictionary with something in it."""
        seen = self.seen
        if "keys" not in seen and not seen["empty"]:
            raise Mistake("not-a-dictionary", f"`{self.name}` should be a dictionary; it is of type {seen['type']}.")
        if "keys" not in seen or not seen["keys"]:
            raise Mistake("still-to-do", f"Still to do: `{self.name}` is still empty; write and run the exercise's "
                          f"cell above, and keep in it what `fit` returns.")
        entries = [seen.part(number) for number in range(seen["keys"])]
        self.entries = {entry["key"]: entry for entry in entries}
        return list(self.entries)

    def length(self, key: Any) -> int:
        """Of the list under this key."""
        entry = self.entries[key]
        if "length" not in entry:
            raise Mistake("not-a-list", f"{self.name}[{key!r}] should be a list of histories, one for each seed; it "
                          f"is of type {entry['type']}.")
        return int(entry["length"])

    def record(self, key: Any, place: int | None = None) -> Record:
        """The history under a key, or at a place of its list."""
        entry = self.entries[key]
        return Record(entry if place is None and "length" in entry else entry.part(place or 0), probes.FIELDS)

    def own_functions(self, runs: Mapping[str, tuple[Any, int]]) -> Iterator[str]:
        """The student's own functions train, and give the first epochs of the recorded runs again.

        runs: what each is called in sentences -> its key and its place.
        """
        yield from trains(self.seen.part("own"), self.problem)
        records = [
            (what, self._whole(what, self.record(key, place)), self.entries[key].part(place))
            for what, (key, place) in runs.items()
        ]
        try:
            for number in probes.made_again([record["images"] for _, record, _ in records]):
                what, record, entry = records[number]
                self._again(what, record, entry.part("again"))
        except Mistake as mistake:
            if mistake.name != "never-returns" or self.size == "quick":
                raise
            yield "not repeated, as that would take more than a minute here; grading does it on few images"
            return
        yield "repeated with your own functions, the first epochs are as recorded"

    def _whole(self, what: str, run: Record) -> dict[str, Any]:
        """What a history says of its run."""
        rates = curve(run, "learning_rate", what, None)
        curves = np.asarray([curve(run, name, what, rates.size) for name in probes.CURVES])
        numbers = {name: getattr(run, name, 0) for name in ("seed", "batch_size", "images")}
        if (
            not all(isinstance(value, int | np.integer) and 0 <= value < 2**63 for value in numbers.values())
            or not isinstance(getattr(run, "started_from", ""), str)
        ):  # fmt: skip
            raise Mistake("not-a-history", f"The seed, batch_size, images or started_from of {what} is not what `fit` "
                          f"records. Keep the history that it returns, unchanged.")
        return {"curves": curves, **numbers}

    def known_start(self, what: str, key: Any, place: int = 0) -> None:
        """Raise where the run did not start from a network of the student's own that is asked for."""
        seen = self.entries[key].part(place).part("again")
        if "start" in seen:
            self._known_start(what, seen)

    def _known_start(self, what: str, seen: Answer) -> None:
        if seen["start"] == "unknown":
            raise Mistake("not-reproduced", f"{what} did not start from a network that your MLP makes for the sizes "
                          f"{probes.LAYERS} with a seed from 0 to {probes.SEEDS - 1}, so nobody can repeat it. "
                          f"{ALONE} Give `fit` such a network, new, and keep what it returns, unchanged: one that has "
                          f"been trained before, as in a short trial, does not start there. If a function has changed "
                          f"since, run the cells again from the top.")

    def _again(self, what: str, record: dict[str, Any], seen: Answer) -> None:
        self._known_start(what, seen)
        tries: list[np.ndarray] = []
        while not tries or str(len(tries)) in seen:
            tries.append(array(seen[str(len(tries))], what))
            few = record["images"] <= probes.FEW
            epochs = min(record["curves"].shape[1], 2 if few else 1)
            if tries[-1].shape not in ((3, epochs), (1, epochs)):
                raise Mistake("not-reproduced", f"{what} can't be repeated with your own functions. {ALONE}")
            if probes.agrees(tries[-1], record["curves"]):
                return
        found = tries[0]
        recorded = record["curves"][: len(found), : found.shape[1]]
        if seen["start"] == "at random" and _may_be([tries[0], *tries[-4:]], recorded):
            return
        at = int(np.argmin(np.isclose(found, recorded, rtol=1e-3, equal_nan=True).all(axis=0)))
        numbers = [" and ".join(f"the {words} {values[row, at]:.4f}" for row, words in enumerate((
            "training loss", "test loss")[: len(values)])) for values in (found, recorded)]
        raise Mistake("not-reproduced", f"Repeated with your own functions, {what} has after epoch {at + 1} "
                      f"{numbers[0]}; recorded is {numbers[1]}. {ALONE} Keep what `fit` returns, unchanged; if a "
                      f"function has changed since, run the cells again from the top.")


def _may_be(runs: list[np.ndarray], recorded: np.ndarray) -> bool:
    """Whether the training losses lie near those of runs from other weights: of a network that starts anew at random
    each time, more can't be said."""
    low, high = np.min([run[0] for run in runs], axis=0), np.max([run[0] for run in runs], axis=0)
    margin = 3 * (high - low) + 0.05 * abs(high)
    return bool(((recorded[0] >= low - margin) & (recorded[0] <= high + margin)).all())
