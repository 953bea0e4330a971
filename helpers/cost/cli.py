"""The command line of `helpers.cost`."""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from helpers import cost
from helpers.command import Parser, count
from helpers.cost.device import device_values
from helpers.cost.link import link_text
from helpers.cost.machine import THREAD_VARIABLES, machine_text, size_text
from helpers.cost.platform import platform_json
from helpers.errors import CourseError
from helpers.timing import environment

SIZES = [4 * 16**i for i in range(8)]
"""Bytes of the messages in the table of all-reduces: 4 bytes to 1 GiB."""


def parser() -> Parser:
    """The commands and their options."""
    p = Parser(prog="python -m helpers.cost", description="Count, measure and predict what a network costs.")
    commands = p.add_subparsers(dest="command", required=True, parser_class=Parser)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text)

    c = command("layers", "operations, bytes, parameters and activations of every layer, by counting")
    c.add_argument("network", help="a network's JSON file, or the name of one that comes with the course")
    c.add_argument("--images", type=count, help="in the batch (default: the network's own)")

    c = command("machine", "measure this machine's peak, bandwidth and cache staircase")
    c.add_argument("--threads", type=count, default=1, help="BLAS threads (default 1)")
    c.add_argument("--rounds", type=count, default=7, help="(default 7)")
    c.add_argument("--json", action="store_true", help="as JSON")
    c.add_argument("--no-stairs", action="store_true", help="leave the staircase out")
    c.add_argument("--save", type=Path, metavar="FILE.json", help="also write a device file")

    c = command("amdahl", "fit Amdahl's law to times by number of threads, given or measured here")
    c.add_argument("times", nargs="*", metavar="N:SECONDS", help="as 1:1.324 2:0.790 4:0.578; none: measure a product")
    c.add_argument("--measure", type=count, nargs="+", metavar="N", help="threads to measure (default 1 2 …)")
    c.add_argument("--size", type=count, default=1024, help="rows of the square matrices (default 1024)")

    c = command("link", "measure messages between two processes here, and fit latency and bandwidth")
    c.add_argument("--rounds", type=count, default=30, help="(default 30)")

    c = command("allreduce", "seconds of an all-reduce by size and algorithm, with the latency and without")
    c.add_argument("--workers", type=count, default=8, help="(default 8)")
    c.add_argument("--latency-us", type=float, default=50, help="of a message, in microseconds (default 50)")
    c.add_argument("--bandwidth-gbit", type=float, default=10, help="of a link, in Gbit/s (default 10)")

    for name, text in (
        ("predict", "predict a training step on a device"),
        ("cluster", "predict a training step on a cluster, for 1 worker up to its own number"),
    ):
        c = command(name, text)
        c.add_argument("network", help="a network's JSON file, or the name of one that comes with the course")
        c.add_argument("--images", type=count, help="in the batch (default: the network's own)")
        c.add_argument("--percent", type=float, help="Paleo's platform percent of peak (default 100)")
        c.add_argument("--platform", help="a measured platform instead: a file, or a name that comes with the course")
        c.add_argument("--dtype", default="float32", help="of all numbers (default float32)")
        if name == "predict":
            c.add_argument("--device", required=True, help=f"a file, or one of {', '.join(cost.device_names())}")
        else:
            c.add_argument("--cluster", required=True, help=f"a file, or one of {', '.join(cost.cluster_names())}")
            c.add_argument("--workers", type=count, nargs="+", help="numbers of workers instead")
            c.add_argument("--overlap", type=float, default=0.0, help="share of communication hidden (default 0)")

    c = command("compare", "predicted against measured steps on this machine, networks not in the fit")
    c.add_argument("networks", nargs="*", help="files or names (default: those of the course, batches of 64 and 16)")
    c.add_argument("--backend", default="numpy", help="numpy, torch or cuda (default numpy)")
    c.add_argument("--threads", type=count, default=1, help="of the CPU (default 1)")
    c.add_argument("--calibrate", type=count, default=40, help="random networks to fit to (default 40)")
    c.add_argument("--rounds", type=count, default=6, help="of measuring (default 6)")
    c.add_argument("--save", type=Path, metavar="FILE.json", help="also write the fitted platform")
    return p


def main(arguments: Sequence[str]) -> None:
    """Do what the arguments say."""
    options = parser().parse_args(arguments)
    globals()[options.command](options)


def layers(options: argparse.Namespace) -> None:
    print(cost.cost_table(cost.step_cost(options.network, options.images)))


def machine(options: argparse.Namespace) -> None:
    _check_threads(options.threads)
    measured = cost.measure_machine(options.rounds, stairs=not options.no_stairs)
    print(json.dumps(asdict(measured)) if options.json else machine_text(measured))
    if options.save:
        _write(options.save, json.dumps(device_values(measured.device()), indent=2, ensure_ascii=False) + "\n")


def amdahl(options: argparse.Namespace) -> None:
    if options.times and options.measure:
        raise CourseError("Both times and --measure are given; give one of them.")
    times = _given(options.times) if options.times else _measured(options)
    fit = cost.fit_amdahl(times)
    print("threads    seconds     fitted   speed-up   fitted")
    first = times.get(1, fit.one)
    for n, seconds in sorted(times.items()):
        print(f"{n:7}  {seconds:9.4g}  {fit.seconds(n):9.4g}  {first / seconds:9.2f}  {fit.speedup(n):7.2f}")
    limit = "no limit" if math.isinf(fit.limit) else f"never more than {fit.limit:.2f} times as fast"
    print(f"serial part {fit.serial:.1%}: {limit}; furthest from a time: {fit.residual:.0%}")
    if fit.residual > 0.2:
        print("That is far: these times don't follow Amdahl's law. It knows no way in which more threads take longer.")


def link(options: argparse.Namespace) -> None:
    times = cost.measure_link(rounds=options.rounds)
    print(link_text(times, cost.fit_link(times)))


def allreduce(options: argparse.Namespace) -> None:
    if not (0 <= options.latency_us < 1e7 and 0 < options.bandwidth_gbit < 1e7):
        raise CourseError(
            f"A link of {options.latency_us:g} µs and {options.bandwidth_gbit:g} Gbit/s is impossible; give a latency "
            "of at least 0 and a bandwidth above 0."
        )
    described = cost.Link(options.latency_us * 1e-6, options.bandwidth_gbit * 1e9 / 8)
    print(f"{options.workers} workers, {options.latency_us:g} µs and {options.bandwidth_gbit:g} Gbit/s a link: ms, and "
          "in brackets how many times as long\nas by Paleo's formula, which has no latency")  # fmt: skip
    print(f"{'bytes':>10}" + "".join(f"{name:>22}" for name in cost.ALGORITHMS))
    for size in SIZES:
        cells = ""
        for name in cost.ALGORITHMS:
            seconds = cost.all_reduce(name, size, options.workers, described)
            bare = cost.bandwidth_only(name, size, options.workers, described)
            times = f" ({seconds / bare:,.3g}×)" if bare else ""
            cells += f"{f'{1e3 * seconds:,.4g}{times}':>22}"
        print(f"{size_text(size):>10}{cells}")
    print(f"A message of {cost.half_size(described):,.0f} bytes takes half of its time for the latency.")


def predict(options: argparse.Namespace) -> None:
    found = cost.predict(options.network, options.device, options.images, _platform(options), options.dtype)
    print(f"{found.cost.name}, {found.cost.images} images, on {found.device.name}; {found.platform.name}")
    print(f"{'layer':12}{'':28}{'forward ms':>12}{'backward ms':>13}{'update ms':>11}")
    for layer in found.layers:
        print(f"{layer.cost.where:12}{layer.cost.name:28}{1e3 * layer.forward:12.4f}{1e3 * layer.backward:13.4f}"
              f"{1e3 * layer.update:11.4f}")  # fmt: skip
    print(f"{'step':40}{1e3 * found.forward:12.4f}{1e3 * found.backward:13.4f}{1e3 * found.update:11.4f}")
    print(f"{1e3 * found.seconds:.4g} ms predicted, {found.images_per_second:,.0f} images a second; "
          f"{found.memory / 2**30:.3g} of {found.device.memory / 2**30:.3g} GiB of memory")  # fmt: skip


def cluster(options: argparse.Namespace) -> None:
    described = cost.load_cluster(options.cluster)
    images = options.images or cost.step_cost(options.network).images
    workers = options.workers or [2**i for i in range(described.workers.bit_length()) if 2**i <= described.workers]
    print(f"{described.name}, {described.algorithm} all-reduce")
    print("the same batch for all (strong scaling), or so many images for each (weak scaling)")
    print("workers    images   compute ms  all-reduce ms     images/s  efficiency")
    settings = {"platform": _platform(options), "dtype": options.dtype, "overlap": options.overlap}
    strong = cost.strong_scaling(options.network, described, [n for n in workers if n <= images], images, **settings)
    weak = cost.weak_scaling(options.network, described, workers, images, **settings)
    for name, rows in (("strong", strong), ("weak", weak)):
        print(name)
        for row in rows:
            print(f"{row.cluster.workers:7}  {row.images:8}  {1e3 * row.compute:11.4g}  {1e3 * row.communication:13.4g}"
                  f"  {row.images_per_second:11,.0f}  {row.efficiency:10.1%}")  # fmt: skip


def compare(options: argparse.Namespace) -> None:
    from helpers.cost.comparison import comparison_text
    from helpers.nn.shipped import find_spec

    _check_threads(options.threads)
    specs = [find_spec(name) for name in options.networks] or None
    found = cost.compare(options.backend, specs, options.calibrate, options.rounds)
    print(comparison_text(found))
    if options.save:
        _write(options.save, platform_json(found.platforms[-1]))


def _platform(options: argparse.Namespace) -> Any:
    if options.percent is not None and options.platform is not None:
        raise CourseError("Both --percent and --platform are given; give one of them.")
    if options.platform is not None:
        return cost.load_platform(options.platform)
    return cost.PEAK if options.percent is None else cost.paleo(options.percent / 100)


def _check_threads(threads: int) -> None:
    cores = environment()["cores"]
    if threads > cores:
        raise CourseError(f"This machine has {cores} cores for {threads} threads; give --threads {cores} at most.")


def _given(texts: Sequence[str]) -> dict[int, float]:
    found: dict[int, float] = {}
    for text in texts:
        n, _, seconds = text.partition(":")
        try:
            found[int(n)] = float(seconds)
        except ValueError:
            raise CourseError(f"{text!r} is not a time by threads; give N:SECONDS, as 4:0.578.") from None
    return found


def _measured(options: argparse.Namespace) -> dict[int, float]:
    """Seconds of a product with each number of threads, each in a process of its own, by the clock on the wall."""
    cores = environment()["cores"]
    counts = sorted(set(options.measure or [2**i for i in range(cores.bit_length()) if 2**i <= cores]))
    if len(counts) < 2:
        raise CourseError("Two unknowns take two numbers of threads at least; give more of them, as --measure 1 2.")
    if counts[-1] > 64 * cores:
        raise CourseError(f"{counts[-1]} threads are too many for {cores} cores; give {64 * cores} at most.")
    if counts[-1] > cores:
        print(f"There are {cores} cores; more threads than that share them.")
    code = ("import time; from helpers.cost.machine import measure_peak; "
            f"print(2 * {options.size}**3 / measure_peak({options.size}, clock=time.perf_counter).median)")  # fmt: skip
    found = {}
    for n in counts:
        child = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(n))}
        done = subprocess.run([sys.executable, "-c", code], env=child, capture_output=True, text=True)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise CourseError(f"The process with {n} threads ended early: {last}.")
        found[n] = float(done.stdout)
    return found


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CourseError(f"{path} cannot be written ({error.strerror}); choose another file.") from None
