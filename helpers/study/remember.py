"""Remember: the copy task by lag, bits a character, error by depth, each over several seeds, at full size.

The networks are those of `helpers.zoo`. Runs are distributed over the cores, or over a Dask cluster with --scheduler.
What is finished is kept in OUT/runs, and --fresh makes it anew.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.command import count
from helpers.errors import CourseError
from helpers.study import files
from helpers.study.carry_out import add_options as add_run_options
from helpers.study.carry_out import carry_out_for
from helpers.study.task import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS = ("lags", "characters", "depths")
LONGEST = 200
"""Steps between the symbol and the question; longer sequences take minutes each."""
CELLS = {"RNN": None, "LSTM, forget bias 0": 0.0, "LSTM, forget bias 1": 1.0, "LSTM, forget bias 3": 3.0}
"""name -> the forget gates' bias."""
SYMBOLS, UNITS = 8, 32
KINDS = ("plain", "with skips")
DEPTHS = (1, 5, 10, 20, 40)
"""Pairs of layers."""


class Numbers(Task):
    """A run whose result is a list of numbers."""

    epochs = 1

    def numbers(self) -> list[float]:
        """What it measures."""
        raise NotImplementedError

    def perform(self, on_epoch: Callable[[Any], None] | None = None) -> list[float]:
        """The numbers."""
        found = self.numbers()
        if on_epoch:
            on_epoch(None)
        return found

    def pack(self, result: Any) -> dict[str, Any]:
        """The numbers as plain values."""
        return {"numbers": result}

    def unpack(self, values: dict[str, Any]) -> Any:
        """The numbers."""
        return [float(value) for value in values["numbers"]]


@dataclass(frozen=True)
class LagRun(Numbers):
    """The copy task with one cell, at one lag: [accuracy after training, gradient that is left before it]."""

    label: str
    seed: int
    lag: int
    steps: int = 600
    epochs: int = 1

    @property
    def cost(self) -> float:
        """Symbols seen."""
        return self.steps * 50 * (self.lag + 2)

    def numbers(self) -> list[float]:
        """Both, of one network."""
        from helpers.zoo import recurrent

        bias = CELLS[self.label]
        cell = recurrent.RNN if bias is None else partial(recurrent.LSTM, forget=bias)
        net = recurrent.SequenceNet(cell(SYMBOLS + 2, UNITS, self.seed), SYMBOLS, self.seed)
        task = recurrent.copy_task(100, self.lag, SYMBOLS, np.random.default_rng(self.seed))
        left = recurrent.gradient_by_lag(net, *task, self.lag)[-1]
        return [recurrent.train(net, self.lag, self.steps, SYMBOLS, seed=self.seed), left]


@dataclass(frozen=True)
class CharacterRun(Numbers):
    """Bits a character on held-out text after training: of an RNN, an LSTM, or a head with as many parameters."""

    label: str
    seed: int
    passes: int = 50
    epochs: int = 1

    @property
    def cost(self) -> float:
        """Characters seen."""
        return self.passes * 6_000 * (3 if self.label == "attention head" else 1)

    def numbers(self) -> list[float]:
        """[bits]"""
        from helpers.zoo import attention, characters, recurrent
        from helpers.zoo.text import encode, halves

        codes, alphabet = encode()
        letters, (learned, test) = len(alphabet), halves(codes)
        cell = recurrent.RNN if self.label == "RNN" else recurrent.LSTM
        net = recurrent.SequenceNet(cell(letters, 64, self.seed), letters, self.seed)
        if self.label != "attention head":
            curve = characters.train(net, learned, test, letters, self.passes, every=self.passes, seed=self.seed)
        else:
            head = attention.reader_like(net, letters, attention.WINDOW, 48, self.seed)
            steps = 18 * self.passes
            curve = attention.train(head, learned, test, steps, steps, seed=self.seed)
        return [curve[-1][1]]


@dataclass(frozen=True)
class DepthRun(Numbers):
    """Training error in per cent of a network of so many pairs of layers, width 32."""

    label: str
    seed: int
    pairs: int
    train: int = 5_000
    passes: int = 6
    epochs: int = 1

    @property
    def cost(self) -> float:
        """Images times layers."""
        return self.passes * self.train * (2 * self.pairs + 2)

    def numbers(self) -> list[float]:
        """[error]"""
        from helpers.nn import Softmax, evaluate
        from helpers.zoo import residual
        from helpers.zoo.chain import Chain, train_classifier

        images, labels = _digits(self.train)
        net = residual.network(images.shape[1], 32, self.pairs, self.label == "with skips", seed=self.seed)
        train_classifier(net, images, labels, self.passes, seed=self.seed)
        return [100 * (1 - evaluate(Chain(*net.layers, Softmax()), images, labels)[1])]


@lru_cache(maxsize=1)
def _digits(train: int) -> tuple[np.ndarray, np.ndarray]:
    from helpers.zoo.images import labelled

    images, labels, *_ = labelled("mnist", train, 1)
    return images, labels


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is its own: seeds, lags, parts."""
    parser.add_argument("--seeds", type=count, help="seeds of each network (default 5)")
    parser.add_argument("--lags", nargs="+", type=count, help="lags of the copy task (default 5 10 20 40 80)")
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, metavar="PART", default=list(PARTS),
        help=f"which parts to run, of {', '.join(PARTS)} (default all)",
    )  # fmt: skip
    add_run_options(parser)


def runs(parts: Sequence[str], seeds: int, lags: Sequence[int], quick: bool) -> list[Numbers]:
    """All that is asked for; quick: a few seconds each."""
    found: list[Numbers] = []
    for seed in range(seeds):
        if "lags" in parts:
            found += [LagRun(name, seed, lag, 30 if quick else 600) for name in CELLS for lag in lags]
        if "characters" in parts:
            names = ("RNN", "LSTM", "attention head")
            found += [CharacterRun(name, seed, 2 if quick else 50) for name in names]
        if "depths" in parts:
            more: dict[str, Any] = {"train": 300, "passes": 1} if quick else {}
            depths = DEPTHS[:2] if quick else DEPTHS
            found += [DepthRun(kind, seed, pairs, **more) for kind in KINDS for pairs in depths]
    return found


def main(options: argparse.Namespace) -> None:
    """Train, print, draw."""
    lags = sorted(set(options.lags or ((5, 10) if options.quick else (5, 10, 20, 40, 80))))
    if lags[-1] > LONGEST:
        raise CourseError(f"A lag of {lags[-1]} is too long; give at most {LONGEST}.")
    tasks = runs(options.parts, options.seeds or (2 if options.quick else 5), lags, options.quick)
    rows = rows_of(tasks, carry_out_for(options, tasks))
    for row in rows:
        spread = f"{row['median']:.3g} (median; {row['lowest']:.3g} to {row['highest']:.3g} over {row['seeds']} seeds)"
        print(f"{row['network']}, {row['at']}: {row['what']} {spread}")
    files.write(options.out, partial(figures, rows, lags), {"remember.csv": rows})


def rows_of(tasks: Sequence[Numbers], results: Sequence[list[float]]) -> list[dict[str, Any]]:
    """One row for each network, place and quantity: the median over the seeds, the lowest and the highest."""
    groups: dict[tuple[str, str, str], list[float]] = {}
    for task, numbers in zip(tasks, results, strict=True):
        if isinstance(task, LagRun):
            named = {"accuracy": numbers[0], "gradient left": numbers[1]}
            at = f"lag {task.lag}"
        elif isinstance(task, DepthRun):
            named, at = {"training error (%)": numbers[0]}, f"{2 * task.pairs + 2} layers"
        else:
            named, at = {"bits a character": numbers[0]}, "held-out text"
        for what, value in named.items():
            groups.setdefault((what, task.label, at), []).append(value)
    return [
        {"what": what, "network": network, "at": at, "median": statistics.median(values), "lowest": min(values),
         "highest": max(values), "seeds": len(values)}
        for (what, network, at), values in groups.items()
    ]  # fmt: skip


def figures(rows: Sequence[dict[str, Any]], lags: Sequence[int]) -> dict[str, Figure]:
    """Of the parts that were run."""
    from helpers import plots

    def medians(what: str) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        for row in rows:
            if row["what"] == what:
                found.setdefault(row["network"], {})[row["at"]] = row["median"]
        return found

    made: dict[str, Figure] = {}
    if accuracy := medians("accuracy"):
        by_name = {name: list(values.values()) for name, values in accuracy.items()}
        made["lags.png"] = plots.accuracy_by_lag(lags, by_name)
    if errors := medians("training error (%)"):
        depths = [int(at.split()[0]) for at in next(iter(errors.values()))]
        by_kind = {kind: list(values.values()) for kind, values in errors.items()}
        made["depths.png"] = plots.error_by_depth(depths, by_kind, "Dense networks of width 32, median of the seeds")
    return made
