"""The study `cnn_learning`: learning rates of a small CNN over several seeds, and why training slows so abruptly."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from helpers.command import count, rate
from helpers.errors import CourseError
from helpers.study import files
from helpers.study.carry_out import add_options as add_run_options
from helpers.study.carry_out import carry_out, carry_out_for
from helpers.study.cnn_learning.runs import BATCH, LEVEL, Curve, Ending, Final, Plateau, Start
from helpers.train import History

__all__ = [
    "RATES_FINE",
    "RATES_WIDE",
    "Final",
    "Plateau",
    "best_rate",
    "endings",
    "learning_curves",
    "lengths",
    "plateau",
]

RATES_WIDE = (0.1, 0.01, 0.001, 0.0001)
RATES_FINE = (0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16)
SCALES = (1.0, 0.5, 0.3, 0.2, 0.1)
PLATEAU_RATES = (0.01, 0.02, 0.04, 0.08, 0.16)
SMALL = 0.1
"""Scale of the initial weights in the curves that show a threshold."""
TRACED, TRACED_RATE, TRACED_EVERY = (1.0, 0.2), 0.04, 10
HIDDEN, DEPTH_SCALES, DEPTH_RATE = (0, 2), (0.5, 0.3, 0.2), 0.08
PARTS = ("curves", "plateau")
WHOLE = 9_984
"""Training images: 156 whole batches of 64. The last 16 of 10,000 would take a noisy step before each validation."""
FULL = {"seeds": 3, "train": WHOLE, "validation": 5_000, "test": 10_000, "epochs": 20, "filters": 16}
QUICK = {"seeds": 2, "train": 640, "validation": 500, "test": 500, "epochs": 2, "filters": 4}
MOST = {"train": 50_000, "validation": 10_000, "test": 10_000}
COUNTS = {
    "seeds": "seeds of weights and order, from 0 on",
    "train": "training images",
    "validation": "validation images, by which the rate is chosen",
    "test": "test images, looked at once",
    "epochs": "epochs of each curve",
    "filters": "filters of each convolution",
}


def learning_curves(
    rates: Iterable[float],
    seeds: int | Iterable[int] = 3,
    *,
    train: int = WHOLE,
    validation: int = 5_000,
    epochs: int = 20,
    filters: int = 16,
    scale: float = 1.0,
    jobs: int | None = None,
    progress: bool = True,
    keep: str | Path | None = None,
) -> dict[float, list[History]]:
    """Train convolutional_nn.json at each rate from each seed: rate -> one History per seed, of validation images.

    seeds: how many, from 0 on, or which; train, validation: images; scale: of the initial weights, whose standard
    deviation is scale/√inputs; jobs: processes (None: one a core, or this one alone where there is little to do), on
    which the results don't depend; keep: a folder of finished runs, which are not made again. Raises CourseError for
    settings that cannot train.
    """
    rates, numbers, (scale,) = _rates(rates), _seeds(seeds), _scales([scale])
    tasks = [Curve(r, s, train, validation, epochs, filters, scale) for r in rates for s in numbers]
    found = iter(carry_out(tasks, jobs=jobs, progress=progress, keep=keep))
    return {r: [next(found) for _ in numbers] for r in rates}


def endings(
    rate: float,
    seeds: int | Iterable[int] = 3,
    *,
    train: int = WHOLE,
    validation: int = 5_000,
    test: int = 10_000,
    epochs: int = 20,
    filters: int = 16,
    scale: float = 1.0,
    jobs: int | None = None,
    progress: bool = True,
    keep: str | Path | None = None,
) -> list[Final]:
    """The same runs at the one rate that was chosen, each followed by one look at the test images.

    The training is that of `learning_curves`; Final has history, test_error (0…1) and test_loss.
    """
    (rate,), (scale,) = _rates([rate]), _scales([scale])
    tasks = [Ending(rate, s, train, validation, epochs, filters, scale, test) for s in _seeds(seeds)]
    return carry_out(tasks, jobs=jobs, progress=progress, keep=keep)


def plateau(
    scales: Iterable[float] = SCALES,
    rates: Iterable[float] = PLATEAU_RATES,
    seeds: int | Iterable[int] = 1,
    *,
    steps: int = 1500,
    level: float = LEVEL,
    train: int = WHOLE,
    filters: int = 16,
    norms_every: int = 0,
    hidden: int = 1,
    jobs: int | None = None,
    progress: bool = True,
    keep: str | Path | None = None,
) -> dict[float, dict[float, list[Plateau]]]:
    """How many steps training stays on the initial plateau: scale -> rate -> one Plateau per seed.

    scales: of the initial weights, with standard deviation scale/√inputs; steps: give up after so many, of 64 images;
    level: stop once the mean loss of five batches is below it (nats); norms_every: also measure the gradient of each
    layer before every so many steps; hidden: dense layers of 128 before the last one, so that hidden + 3 layers have
    weights (the course's network has 1). These are the first steps of `learning_curves` with the same seed.
    Plateau.steps is the number of steps, None where the level was never reached. Other arguments as in
    `learning_curves`.
    """
    scales, rates, numbers = _scales(scales), _rates(rates), _seeds(seeds)
    tasks = [
        Start(r, n, train, steps, s, level, filters, norms_every, hidden)
        for s in scales
        for r in rates
        for n in numbers
    ]
    found = iter(carry_out(tasks, jobs=jobs, progress=progress, keep=keep))
    return {s: {r: [next(found) for _ in numbers] for r in rates} for s in scales}


def add_options(parser: argparse.ArgumentParser) -> None:
    """This study's options."""
    parser.add_argument(
        "--rates", nargs="+", type=rate, default=sorted({*RATES_WIDE, *RATES_FINE}),
        help="learning rates (default: the two sets of the exercise)",
    )  # fmt: skip
    for name, text in COUNTS.items():
        parser.add_argument(f"--{name}", type=count, help=f"{text} (default {FULL[name]})")
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, metavar="PART", default=list(PARTS),
        help=f"which parts, of {', '.join(PARTS)} (default all)",
    )  # fmt: skip
    add_run_options(parser)


def main(options: argparse.Namespace) -> None:
    """Train what the options ask for, print tables and verdicts, write figures and tables."""
    from helpers.study.cnn_learning.plateau_report import PlateauResults
    from helpers.study.cnn_learning.report import Results, best_rate

    sizes = {name: getattr(options, name) or value for name, value in (QUICK if options.quick else FULL).items()}
    for name, most in MOST.items():
        if sizes[name] > most:
            raise CourseError(f"--{name} {sizes[name]} is more than the {most} images there are; ask for fewer.")
    rates, seeds = _rates(options.rates), range(sizes.pop("seeds"))
    test = sizes.pop("test")
    most = sizes["epochs"] * math.ceil(sizes["train"] / BATCH)
    curves: list[Curve] = []
    small: list[Curve] = []
    grid: list[Start] = []
    deep: list[Start] = []
    traced: list[Start] = []
    if "curves" in options.parts:
        curves = [Curve(r, s, **sizes) for r in rates for s in seeds]
    if "plateau" in options.parts:
        size = {"train": sizes["train"], "filters": sizes["filters"], "steps": most}
        small = [Curve(r, s, scale=SMALL, **sizes) for r in rates for s in seeds]
        # Norms at step 0 only.
        grid = [Start(r, n, scale=s, norms_every=most, **size) for s in SCALES for r in PLATEAU_RATES for n in seeds]
        deep = [Start(DEPTH_RATE, n, scale=s, hidden=h, **size) for h in HIDDEN for s in DEPTH_SCALES for n in seeds]
        traced = [Start(TRACED_RATE, 0, scale=s, level=0.5, norms_every=TRACED_EVERY, **size) for s in TRACED]
    done = iter(carry_out_for(options, [*curves, *grid, *deep, *traced, *small]))
    found: dict[float, list[History]] = {}
    for curve in curves:
        found.setdefault(curve.rate, []).append(next(done))
    plateau = PlateauResults(most, SMALL, DEPTH_RATE)
    plateau.plain = found
    for start in grid:
        plateau.starts.setdefault(start.scale, {}).setdefault(start.rate, []).append(next(done))
    for start in deep:
        plateau.deep.setdefault(start.hidden + 3, {}).setdefault(start.scale, []).append(next(done))
    for start in traced:
        plateau.traced[start.scale] = next(done)
    for curve in small:
        plateau.curves.setdefault(curve.rate, []).append(next(done))
    ends = [Ending(best_rate(found), s, test=test, **sizes) for s in seeds] if curves else []
    results = Results(sizes, found, carry_out_for(options, ends, quiet=True), plateau if grid else None)
    print(results.report())
    files.write(options.out, results.figures, results.tables())


def __getattr__(name: str) -> Any:
    """What makes something of runs, loaded when it is first asked for."""
    if name == "best_rate":
        from helpers.study.cnn_learning.report import best_rate

        return best_rate
    if name == "lengths":
        from helpers.study.cnn_learning.plateau_quantities import lengths

        return lengths
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _rates(rates: Iterable[float]) -> list[float]:
    """The rates, each once; CourseError for none, or one that can't train."""
    found = list(dict.fromkeys(float(rate) for rate in rates))
    if not found or not all(math.isfinite(rate) and rate > 0 for rate in found):
        raise CourseError(f"The learning rates {found} cannot all train; give positive finite numbers.")
    return found


def _scales(scales: Iterable[float]) -> list[float]:
    found = list(dict.fromkeys(float(scale) for scale in scales))
    if not found or not all(math.isfinite(scale) and scale > 0 for scale in found):
        raise CourseError(f"The scales {found} are not all usable; give positive finite numbers.")
    return found


def _seeds(seeds: int | Iterable[int]) -> list[int]:
    """0, 1, … for a number of seeds, or the seeds themselves; CourseError for none."""
    found = list(range(seeds)) if isinstance(seeds, int) else list(dict.fromkeys(seeds))
    if not found or any(not isinstance(seed, int) or seed < 0 for seed in found):
        raise CourseError(f"seeds={seeds!r} are not seeds; give how many, or a list of whole numbers of at least 0.")
    return found
