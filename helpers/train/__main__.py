"""Train the network of a JSON file on MNIST.

It prints what each layer costs, and writes history.csv, weights.npz and figures.
The same command again resumes an interrupted run.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.command import Parser, check_folder, count, run
from helpers.errors import CourseError

if TYPE_CHECKING:
    from helpers.nn.spec_model import NetworkSpec

QUICK = {"train": 1000, "validation": 500, "test": 500, "epochs": 2}
MOST = {
    "train": (50_000, "training images, for MNIST's other 10000 are kept for validation"),
    "validation": (10_000, "validation images"),
    "test": (10_000, "test images"),
}


def parser() -> Parser:
    """The command line's options."""
    p = Parser(
        prog="python -m helpers.train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("spec", metavar="SPEC.json", help="a network's file, or the name of one that comes with the course")
    p.add_argument("--lr", type=float, help="learning rate, in place of the file's")
    p.add_argument("--filters", type=int, help="filters of every convolution")
    p.add_argument("--epochs", type=int, help="epochs in all")
    p.add_argument("--seed", type=int, help="seed of weights, order of images and dropout")
    p.add_argument("--backend", choices=("numpy", "torch", "cuda", "auto"), help="where to compute")
    p.add_argument("--dtype", choices=("float32", "float64"), default="float32", help="precision (default float32)")
    p.add_argument("--train", type=count, help="training images (default 50000)")
    p.add_argument("--validation", type=count, help="validation images (default 10000)")
    p.add_argument("--test", type=count, help="test images, for --test-error (default 10000)")
    p.add_argument("--quick", action="store_true", help="tiny sizes for trying out; other options still hold")
    p.add_argument("--out", type=Path, help="folder (default build/train/NAME, with what the options change)")
    p.add_argument("--fresh", action="store_true", help="start over even if the folder has an earlier run")
    p.add_argument("--test-error", action="store_true", help="also classify the test images, once, at the end")
    return p


def main(arguments: Sequence[str]) -> None:
    """Train what the arguments describe."""
    options = parser().parse_args(arguments)
    spec, sizes = described(options), counts(options)
    out = options.out or Path("build") / "train" / folder(options, spec)
    check_folder(out)

    from helpers import nn
    from helpers.backend import backend as make_backend
    from helpers.data import load_split
    from helpers.train import output
    from helpers.train.from_spec import earlier, train_spec
    from helpers.train.table import announced, compared, verified_table

    on = make_backend(spec.backend, options.dtype)
    itemsize = 4 if options.dtype == "float32" else 8
    print(f"{spec.name} on {on.label}\n\n{verified_table(spec, nn.build(spec, on), itemsize)}\n", flush=True)
    split = load_split(dtype=options.dtype, **sizes)
    data, weights = split.selection(), out / output.WEIGHTS
    before = None if options.fresh else earlier(weights, spec, data)
    had = before.history.epochs if before else 0
    print(announced(spec, data, had, itemsize), flush=True)
    kept = output.Kept(out, had, spec.epochs)
    try:
        trained = train_spec(
            spec, data, backend=on, checkpoint=weights, resume=not options.fresh, on_epoch=kept.on_epoch
        )
    except KeyboardInterrupt:
        kept.stopped(arguments)
        raise SystemExit(130) from None
    history = trained.history
    print(f"written to {out}: {', '.join(output.write(out, history, spec.name))}\n")
    print(compared(spec, history, len(data.test_labels), itemsize, trained.network, on))
    print(output.result(history))
    if options.test_error:
        _, accuracy = trained.network.evaluate(on.asarray(split.test_images), on.asarray(split.test_labels))
        print(f"Test error {1 - accuracy:.2%} on {len(split.test_labels):,} images; don't choose by this number.")


def described(options: argparse.Namespace) -> NetworkSpec:
    """The spec with what the options change."""
    from helpers.nn.shipped import find_spec

    spec = find_spec(options.spec)
    if options.filters is not None and all(layer.type != "conv" for layer in spec.layers):
        raise CourseError(f"{spec.name} has no convolution whose filters could change; leave --filters out.")
    epochs = QUICK["epochs"] if options.quick and options.epochs is None else options.epochs
    changes: dict[str, Any] = {"learning_rate": options.lr, "filters": options.filters, "seed": options.seed}
    for key, value in {**changes, "epochs": epochs, "backend": options.backend}.items():
        if value is not None:
            try:
                spec = spec.changed(**{key: value})
            except CourseError as error:
                option = "lr" if key == "learning_rate" else key
                raise CourseError(f"--{option} {value} does not fit {spec.name}: {error}") from None
    return spec


def counts(options: argparse.Namespace) -> dict[str, Any]:
    """Numbers of images for `load_split`, where they are not its own."""
    sizes = dict(QUICK) if options.quick else {}
    sizes |= {name: getattr(options, name) for name in QUICK if getattr(options, name) is not None}
    for name, (most, of) in MOST.items():
        if sizes.get(name, 0) > most:
            raise CourseError(f"--{name} {sizes[name]} is too many: there are {most} {of}; ask for fewer.")
    return {name: value for name, value in sizes.items() if name != "epochs"}


def folder(options: argparse.Namespace, spec: NetworkSpec) -> str:
    """The run's folder: the network's name and what the options change in the run, so that two runs don't collide."""
    name = re.sub(r"[^\w.-]+", "_", spec.name).strip(".") or "network"
    keys = ("lr", "filters", "seed", "train", "validation")
    changed = [f"{key}{getattr(options, key):g}" for key in keys if getattr(options, key) is not None]
    changed += ["quick"] * options.quick + [options.dtype] * (options.dtype != "float32")
    return "_".join([name, *changed])


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
