"""python -m helpers.study NAME: train, draw and tabulate a whole study."""

from __future__ import annotations

import argparse
import csv
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from helpers.backend import nearest
from helpers.command import Parser, run
from helpers.errors import CourseError
from helpers.study.network_from_scratch import PARTS, Plan, Results
from helpers.study.pool import perform_all
from helpers.study.runs import Run
from helpers.train import FIELDS, History

STUDIES = ("network_from_scratch",)
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


def parser() -> Parser:
    """The command line's options."""
    p = Parser(prog="python -m helpers.study", description=__doc__)
    p.add_argument("name", help=f"the study: {', '.join(STUDIES)}")
    p.add_argument("--rates", nargs="+", type=_rate, default=list(Plan.rates), help="learning rates to compare")
    for name, text in COUNTS.items():
        p.add_argument(f"--{name.replace('_', '-')}", type=_count, help=f"{text} (default {getattr(Plan, name)})")
    p.add_argument("--seed", type=int, default=0, help="first seed of weights and order (default 0)")
    p.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="which parts to run (default all)")
    p.add_argument("--quick", action="store_true", help="tiny sizes for trying out; other options still hold")
    p.add_argument("--jobs", type=_count, default=None, help="processes (default: one a core); results stay the same")
    p.add_argument(
        "--threads", type=_count, default=1,
        help="BLAS threads of each process (default 1; with more, leave as many cores idle)",
    )  # fmt: skip
    p.add_argument("--out", type=Path, help="folder for figures and history.csv (default build/study/NAME)")
    return p


def main(arguments: Sequence[str]) -> None:
    """Run the study that the arguments name, print its tables, write its files."""
    options = parser().parse_args(arguments)
    if options.name not in STUDIES:
        raise CourseError(
            f"There is no study {options.name!r}{nearest(options.name, STUDIES)}; choose one of {', '.join(STUDIES)}."
        )
    if options.seed < 0:
        raise CourseError(f"--seed {options.seed} is not a seed; give a whole number of at least 0.")
    sizes = dict(QUICK) if options.quick else {}
    sizes |= {name: getattr(options, name) for name in COUNTS if getattr(options, name) is not None}
    for name, value in sizes.items():
        most = 60_000 if name.endswith("train") else 10_000 if name.endswith("test") else value
        if value > most:
            raise CourseError(f"--{name.replace('_', '-')} {value} is more than MNIST's {most} images; ask for fewer.")
    rates = tuple(dict.fromkeys(options.rates))
    plan = Plan(rates=rates, seed=options.seed, parts=tuple(options.parts), **sizes)
    out = options.out or Path("build") / "study" / options.name
    check_folder(out)
    runs = plan.runs()
    histories = train(runs, options.jobs or cores(), options.threads)
    results = Results(plan, runs, histories)
    print(results.report())
    write(out, runs, histories, results)


def train(runs: Sequence[Run], jobs: int, threads: int = 1) -> list[History]:
    """All histories, with one bar that counts epochs where somebody watches."""
    from tqdm import tqdm

    with tqdm(total=sum(r.epochs for r in runs), unit="epoch", disable=None, leave=False) as bar:

        def on_epoch(label: str) -> None:
            bar.set_postfix_str(label, refresh=False)
            bar.update()

        return perform_all(runs, jobs, threads, on_epoch)


def write(out: Path, runs: Sequence[Run], histories: Sequence[History], results: Results) -> None:
    """Write figures and history.csv; all are made in a folder beside before the first is put in place."""
    from helpers import plots

    out.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=out, prefix=".part-"))
    try:
        for name, figure in results.figures().items():
            plots.save(figure, part / name)
        write_csv(part / "history.csv", runs, histories)
        names = sorted(path.name for path in part.iterdir())
        for name in names:
            os.replace(part / name, out / name)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    print(f"\nwritten to {out}: {', '.join(names)}")


def write_csv(path: Path, runs: Sequence[Run], histories: Sequence[History]) -> None:
    """One row an epoch of each run."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["study", "label", "seed", *FIELDS])
        writer.writeheader()
        for spec, history in zip(runs, histories, strict=True):
            for row in history.rows():
                writer.writerow({"study": spec.study, "seed": spec.seed, **row})


def check_folder(out: Path) -> None:
    """A CourseError now, rather than after an hour, where nothing could be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise CourseError(
            f"The folder {out} cannot be written ({error.strerror}); choose another with --out."
        ) from None


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not (math.isfinite(rate) and rate > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a learning rate, give positive finite numbers")
    return rate


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a count, give a whole number of at least 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
