"""python -m helpers.study NAME: train or measure, draw and tabulate a whole study."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from helpers.backend import nearest
from helpers.command import Parser, check_folder, run
from helpers.errors import CourseError

# Each has add_options(parser), for what is its own, and main(options), where options.out is a folder that can be
# written and options.quick asks for tiny sizes.
# Only the module that is asked for is imported.
STUDIES = {
    "cnn_learning": "helpers.study.cnn_learning",
    "cnn_runtime": "helpers.study.cnn_runtime",
    "generate": "helpers.study.generate",
    "network_from_scratch": "helpers.study.network_from_scratch",
    "performance_factors": "helpers.study.performance_factors.command",
    "remember": "helpers.study.remember",
}


def main(arguments: Sequence[str]) -> None:
    """Run the study that the arguments name, print its tables, write its files."""
    names = ", ".join(STUDIES)
    first = Parser(prog="python -m helpers.study", description=__doc__, usage="%(prog)s NAME [options]")
    first.add_argument("name", metavar="NAME", nargs="?", help=f"the study: {names}; its options: NAME --help")
    first.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    name = (given := first.parse_args(arguments)).name
    if name is None:
        raise CourseError(f"Which study? Name one of {names}.")
    if name not in STUDIES:
        raise CourseError(f"There is no study {name!r}{nearest(name, list(STUDIES))}; choose one of {names}.")
    study = import_module(STUDIES[name])
    p = Parser(prog=f"python -m helpers.study {name}", description=study.__doc__)
    p.add_argument("--quick", action="store_true", help="tiny sizes for trying out; other options still hold")
    p.add_argument(
        "--out", type=Path, default=Path("build", "study", name), help="folder for what it writes (default %(default)s)"
    )
    study.add_options(p)
    options = p.parse_args(given.rest)
    check_folder(options.out)
    study.main(options)


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
