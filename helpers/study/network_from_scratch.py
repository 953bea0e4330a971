"""The learning-rate study of `network_from_scratch`: which runs it needs, and what to say and draw of them."""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers.command import count, rate
from helpers.errors import CourseError
from helpers.study import files
from helpers.study.carry_out import add_options as add_run_options
from helpers.study.carry_out import carry_out_for
from helpers.study.runs import CONVENTIONS, SCHEDULES, Run
from helpers.train import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUICK = {
    "train": 1000, "test": 500, "epochs": 2, "seeds": 2, "schedule_train": 500, "schedule_test": 500,
    "schedule_epochs": 2, "trap_train": 500, "trap_test": 500, "trap_epochs": 1,
}  # fmt: skip
COUNTS = {
    "train": "training images of the learning-rate part",
    "test": "its test images",
    "epochs": "its epochs",
    "seeds": "seeds of the comparison with decaying rates",
    "schedule_train": "training images of that comparison",
    "schedule_test": "its test images",
    "schedule_epochs": "its epochs",
    "trap_train": "training images of the convention trap",
    "trap_test": "its test images",
    "trap_epochs": "its epochs",
}

SIZES = (784, 512, 128, 10)
PARTS = ("rates", "schedules", "trap")
TRAP_RATES = (1.0, 0.5, 0.1, 0.01, 0.001)


@dataclass(frozen=True)
class Plan:
    """Sizes of the three parts: images, epochs, and seeds where several are compared."""

    rates: tuple[float, ...] = (1.0, 0.1, 0.01, 0.005, 0.001)
    train: int = 60_000
    test: int = 10_000
    epochs: int = 30
    seeds: int = 3
    schedule_train: int = 10_000
    schedule_test: int = 2_000
    schedule_epochs: int = 15
    trap_train: int = 8_000
    trap_test: int = 2_000
    trap_epochs: int = 8
    seed: int = 0
    parts: tuple[str, ...] = PARTS

    def runs(self) -> list[Run]:
        """All runs, part by part."""
        runs = []
        if "rates" in self.parts:
            runs += [
                Run("rates", _rate(r), self.seed, r, self.epochs, self.train, self.test, SIZES) for r in self.rates
            ]
        if "schedules" in self.parts:
            size = self.schedule_epochs, self.schedule_train, self.schedule_test, SIZES
            first = max(self.rates)
            for seed in range(self.seed, self.seed + self.seeds):
                runs += [Run("schedules", f"constant {r:g}", seed, r, *size) for r in self.rates]
                runs += [
                    Run("schedules", f"{name} from {first:g}", seed, first, *size, schedule=name)
                    for name in SCHEDULES
                    if name != "constant"
                ]
        if "trap" in self.parts:
            size = self.trap_epochs, self.trap_train, self.trap_test, SIZES
            runs += [
                Run("trap", f"{convention}, {_rate(r)}", self.seed, r, *size, convention=convention)
                for convention in CONVENTIONS
                for r in sorted({*self.rates, *TRAP_RATES}, reverse=True)
            ]
        return runs


def add_options(parser: argparse.ArgumentParser) -> None:
    """This study's options."""
    p = parser
    p.add_argument("--rates", nargs="+", type=rate, default=list(Plan.rates), help="learning rates to compare")
    for name, text in COUNTS.items():
        p.add_argument(f"--{name.replace('_', '-')}", type=count, help=f"{text} (default {getattr(Plan, name)})")
    p.add_argument("--seed", type=int, default=0, help="first seed of weights and order (default 0)")
    p.add_argument(
        "--parts", nargs="+", choices=PARTS, metavar="PART", default=list(PARTS),
        help=f"which parts to run, of {', '.join(PARTS)} (default all)",
    )  # fmt: skip
    add_run_options(p)


def main(options: argparse.Namespace) -> None:
    """Train what the options ask for, print the tables, write figures and history.csv."""
    plan = plan_of(options)
    runs = plan.runs()
    histories = carry_out_for(options, runs)
    results = Results(plan, runs, histories)
    print(results.report())
    files.write(options.out, results.figures, {"history.csv": rows(runs, histories)})


def plan_of(options: argparse.Namespace) -> Plan:
    """The plan that the command's options describe; a CourseError for sizes that MNIST does not have."""
    if options.seed < 0:
        raise CourseError(f"--seed {options.seed} is not a seed; give a whole number of at least 0.")
    sizes = dict(QUICK) if options.quick else {}
    sizes |= {name: getattr(options, name) for name in COUNTS if getattr(options, name) is not None}
    for name, value in sizes.items():
        most = 60_000 if name.endswith("train") else 10_000 if name.endswith("test") else value
        if value > most:
            raise CourseError(f"--{name.replace('_', '-')} {value} is more than MNIST's {most} images; ask for fewer.")
    return Plan(rates=tuple(dict.fromkeys(options.rates)), seed=options.seed, parts=tuple(options.parts), **sizes)


def rows(runs: Sequence[Run], histories: Sequence[History]) -> Iterator[dict[str, Any]]:
    """One row per epoch of each run, for history.csv."""
    for run, history in zip(runs, histories, strict=True):
        for row in history.rows():
            yield {"study": run.study, "label": row["label"], "seed": run.seed, **row}


class Results:
    """Runs and their histories, sorted into the three parts."""

    def __init__(self, plan: Plan, runs: Sequence[Run], histories: Sequence[History]) -> None:
        self.plan = plan
        self.rates: dict[str, History] = {}
        self.schedules: dict[str, list[History]] = {}
        self.trap: dict[str, dict[float, float]] = {}
        for run, history in zip(runs, histories, strict=True):
            if run.study == "rates":
                self.rates[run.label] = history
            elif run.study == "schedules":
                self.schedules.setdefault(run.label, []).append(history)
            else:
                self.trap.setdefault(run.convention, {})[run.lr] = history.test_accuracy[-1]

    def figures(self) -> dict[str, Figure]:
        """File name -> figure."""
        from helpers import plots

        figures = {}
        if self.rates:
            best = max(self.rates.values(), key=lambda h: h.test_accuracy[-1])
            figures["learning_curves.png"] = plots.learning_curves(best, f"{best.label}, the most accurate")
            figures["learning_rates.png"] = plots.learning_rates(self.rates)
            figures["loss_gap.png"] = plots.loss_gap(self.rates)
        if self.schedules:
            constant, decays = self._contest()
            figures["schedules.png"] = plots.schedules(
                {label: self.schedules[label] for label in (constant, *decays)},
                "Start high and decrease, against the best constant rate",
            )
        if self.trap:
            figures["convention_trap.png"] = plots.convention_trap(self.trap)
        return figures

    def report(self) -> str:
        """The tables that the command prints."""
        return "\n\n".join(part for part in (self._rates(), self._schedules(), self._trap()) if part)

    def _rates(self) -> str:
        if not self.rates:
            return ""
        plan = self.plan
        lines = [
            f"Learning rates: {plan.train} training and {plan.test} test images, {plan.epochs} epochs",
            f"{'':<12}{'train loss':>11}{'test loss':>11}{'accuracy':>10}{'best':>9}{'sweet spot':>12}{'s':>8}",
        ]
        for label, h in self.rates.items():
            spot = f"epoch {h.best_epoch() + 1}" if any(map(math.isfinite, h.test_loss)) else "none"
            lines.append(
                f"{label:<12}{h.train_loss[-1]:>11.4f}{h.test_loss[-1]:>11.4f}{h.test_accuracy[-1]:>10.2%}"
                f"{max(h.test_accuracy):>9.2%}{spot:>12}{sum(h.seconds):>8.1f}"
            )
        return "\n".join(lines)

    def _contest(self) -> tuple[str, list[str]]:
        mean = {label: _mean(runs) for label, runs in self.schedules.items()}
        constants = [label for label in mean if label.startswith("constant ")]
        best = max(constants, key=mean.__getitem__)
        return best, [label for label in mean if label not in constants]

    def _schedules(self) -> str:
        if not self.schedules:
            return ""
        plan = self.plan
        constant, decays = self._contest()
        lines = [
            f"Start high and decrease? {plan.schedule_train} training and {plan.schedule_test} test images, "
            f"{plan.schedule_epochs} epochs, {plan.seeds} seeds",
            f"{'':<28}{'mean accuracy':>14}{'lowest':>9}{'highest':>9}",
        ]
        for label, runs in self.schedules.items():
            values = [run.test_accuracy[-1] for run in runs]
            lines.append(f"{label:<28}{_mean(runs):>14.2%}{min(values):>9.2%}{max(values):>9.2%}")
        best = max(decays, key=lambda label: _mean(self.schedules[label]))
        lines.append(verdict(best, self.schedules[best], constant, self.schedules[constant]))
        return "\n".join(lines)

    def _trap(self) -> str:
        if not self.trap:
            return ""
        plan = self.plan
        rates = list(next(iter(self.trap.values())))
        lines = [
            f"The convention trap: test accuracy, {plan.trap_train} training and {plan.trap_test} test images, "
            f"{plan.trap_epochs} epochs",
            f"{'gradient, by rate':<22}" + "".join(f"{rate:>9g}" for rate in rates),
        ]
        for convention, row in self.trap.items():
            lines.append(f"{convention:<22}" + "".join(f"{row[rate]:>9.1%}" for rate in rates))
        return "\n".join(lines)


def verdict(decay: str, decays: Sequence[History], constant: str, constants: Sequence[History]) -> str:
    """One sentence: does the best decay beat the best constant rate, seed by seed, by more than the seeds' spread?"""
    gains = [a.test_accuracy[-1] - b.test_accuracy[-1] for a, b in zip(decays, constants, strict=True)]
    gain = statistics.fmean(gains)
    if len(gains) < 2:
        return f"{decay} against {constant}: {gain:+.2%}; one seed decides nothing."
    error = statistics.stdev(gains) / math.sqrt(len(gains))
    if abs(gain) <= 2 * error:
        word = "no difference beyond chance"
    else:
        word = "decreasing is better" if gain > 0 else "decreasing is worse"
    return f"{decay} against {constant}: {gain:+.2%} ± {2 * error:.2%} (two standard errors), {word}."


def _rate(rate: float) -> str:
    return f"rate {rate:g}"


def _mean(runs: Sequence[History]) -> float:
    return statistics.fmean(run.test_accuracy[-1] for run in runs)
