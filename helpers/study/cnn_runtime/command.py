"""The command line of the runtime study: `python -m helpers.study cnn_runtime`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from helpers.backend import cuda_available
from helpers.command import count
from helpers.errors import CourseError
from helpers.progress import Progress
from helpers.study.cluster import NO_TIMINGS
from helpers.study.cnn_runtime.plan import QUICK, THOROUGH, Piece, Plan, assembled
from helpers.study.cnn_runtime.point import BACKENDS
from helpers.study.cnn_runtime.record import Record, recorded, write_record
from helpers.study.cnn_runtime.report import Results
from helpers.study.files import write
from helpers.study.keep import Keep
from helpers.timing import cache_sizes, environment

BUSY = 0.3
"""Load for each core above which the machine is told to be busy."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The study's own options."""
    parser.add_argument(
        "--backends", nargs="+", choices=BACKENDS, metavar="BACKEND",
        help=f"what to measure, of {', '.join(BACKENDS)} (default: all that run here)",
    )  # fmt: skip
    parser.add_argument("--filters", nargs="+", type=count, help="filters on the CPU (default 8 16 32 64)")
    parser.add_argument("--gpu-filters", nargs="+", type=count, help="filters on a GPU (default 8 to 256)")
    parser.add_argument("--threads", nargs="+", type=count, help="numbers of CPU threads, timed separately (default 1)")
    parser.add_argument("--rounds", type=count, help="rounds in a session (default 8)")
    parser.add_argument("--sittings", type=count, help="how often the backends take turns (default 2)")
    parser.add_argument("--epochs", type=count, help="epochs of the run whose epochs are timed one by one (default 20)")
    parser.add_argument("--thorough", action="store_true", help="more networks, threads and runs, for a record")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write what this machine measures; thorough")
    parser.add_argument("--fresh", action="store_true", help="measure everything again, finished pieces too")
    parser.add_argument("--json", action="store_true", help="print points and numbers as one JSON object, no sentences")
    parser.add_argument("--scheduler", help=argparse.SUPPRESS)


def main(options: argparse.Namespace) -> None:
    """Measure what is not yet measured, one process at a time; print tables, write figures."""
    if options.scheduler:
        raise CourseError(NO_TIMINGS + ".")
    plan = chosen(options)
    say = _silent if options.json else print
    facts = environment()
    before = facts["load"]
    say(notice(before, facts["cores"]))
    began = time.perf_counter()
    pieces = plan.pieces(facts["cpu"])
    keep = Keep(options.out / "runs", options.fresh)
    if have := kept(pieces, keep):
        say(f"{have} of {len(pieces)} pieces are kept from last time, in {keep.folder}; --fresh measures them again.")
    try:
        done = measured(pieces, keep)
    except KeyboardInterrupt:
        keep.fresh = False
        print(
            f"stopped; {kept(pieces, keep)} of {len(pieces)} pieces are kept in {keep.folder}, and the same command "
            "goes on from there" + (" (without --fresh)." if options.fresh else "."),
            file=sys.stderr,
        )
        raise SystemExit(130) from None
    points, epochs = assembled(pieces, done)
    machine = {
        "cpu": facts["cpu"], "cores": facts["cores"], "system": facts["system"], "caches": cache_sizes(),
        "load": {"before": before, "after": environment()["load"]},
    }  # fmt: skip
    record = Record(machine, tuple(points), tuple(epochs))
    results = Results(record, [p for p in recorded() if p.backend in BACKENDS[2:]] if not _has_gpu(plan) else ())
    if options.record is not None:
        write_record(options.record, record)
    if options.json:
        values = [p.as_json() for p in (*record.points, *results.stand_ins)]
        print(json.dumps({"machine": machine, "points": values, "verdicts": results.verdicts()}))
        return
    print(f"\n{results.report()}\n\nMeasured in {time.perf_counter() - began:.0f} s.")
    write(options.out, results.figures, results.tables())
    if options.record is not None:
        print(f"recorded in {options.record}")


def chosen(options: argparse.Namespace) -> Plan:
    """The plan that the options ask for."""
    plan = QUICK if options.quick else THOROUGH if options.thorough or options.record is not None else Plan()
    names = ("backends", "filters", "gpu_filters", "threads", "rounds", "sittings", "epochs")
    given: dict[str, Any] = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if options.backends is None and cuda_available():
        given["backends"] = BACKENDS
    for name, value in given.items():
        if isinstance(value, list):
            given[name] = tuple(dict.fromkeys(value))
    return replace(plan, **given)


def kept(pieces: list[Piece], keep: Keep) -> int:
    """How many pieces are there already."""
    return 0 if keep.fresh else sum(keep.path(piece).exists() for piece in pieces)


def measured(pieces: list[Piece], keep: Keep) -> list[dict[str, Any]]:
    """The result of each piece, kept or measured now. Ctrl-C loses the piece in progress."""
    found = [keep.load(piece) for piece in pieces]
    had = sum(piece.calls for piece, result in zip(pieces, found, strict=True) if result is not None)
    with Progress(sum(piece.calls for piece in pieces), "round", done=had) as line:
        for i, piece in enumerate(pieces):
            if found[i] is None:
                found[i] = piece.perform(line.advance)
                keep.save(piece, found[i])
    return found


def notice(load: list[float] | None, cores: int) -> str:
    """What to know before numbers appear."""
    text = "One process at a time: two that run together compete for caches, memory and clock rate."
    if load is not None and load[0] > BUSY * cores:
        busy = f"The machine is busy (load {load[0]:.1f} on {cores} cores)"
        text += f"\n{busy}; wait until it is quiet, or times come out long."
    return text


def _has_gpu(plan: Plan) -> bool:
    return any(b in BACKENDS[2:] for b in plan.backends)


def _silent(_: str) -> None:
    pass
