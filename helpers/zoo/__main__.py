"""Train one network of the zoo, print what it reached, and draw its picture."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from helpers.threads import limit_threads

limit_threads(1)  # before numpy is imported

import numpy as np  # noqa: E402

from helpers.backend import nearest  # noqa: E402
from helpers.command import Parser, check_folder, run  # noqa: E402
from helpers.errors import CourseError  # noqa: E402
from helpers.zoo import ZOO  # noqa: E402


def main(arguments: Sequence[str]) -> None:
    """Run what the arguments name; without a name, list what there is."""
    p = Parser(prog="python -m helpers.zoo", description=__doc__)
    p.add_argument("name", metavar="NAME", nargs="?", help="a network, or all; left out: a list of them")
    p.add_argument("--quick", action="store_true", help="a second's training, to see that it works")
    p.add_argument("--seed", type=int, default=0, help="of weights, order and noise (default 0)")
    p.add_argument("--data", default="mnist", help="images: mnist; fashion_mnist, kmnist (downloaded once); a folder")
    p.add_argument("--out", type=Path, default=Path("build", "zoo"), help="folder (default %(default)s)")
    p.add_argument("--page", type=Path, help="a page whose pictures get the alternative texts of those just drawn")
    options = p.parse_args(arguments)
    if options.name is None:
        width = max(map(len, ZOO))
        print("\n".join(f"{name:{width}}  {what}" for name, what in ZOO.items()))
        print("\npython -m helpers.zoo NAME trains one of them; docs/zoo.md shows what they made.")
        return
    if options.name not in (*ZOO, "all"):
        raise CourseError(
            f"There is no network {options.name!r} in the zoo{nearest(options.name, list(ZOO))}; choose one of "
            f"{', '.join(ZOO)}, all."
        )
    if options.seed < 0:
        raise CourseError(f"--seed {options.seed} is negative; give a whole number of at least 0.")
    check_folder(options.out)
    for name in ZOO if options.name == "all" else [options.name]:
        figure = train(name, "quick" if options.quick else "full", options.seed, options.data, options.out)
        if options.page:
            put_alt(options.page, f"{name}.png", figure.alt)


def train(name: str, size: str, seed: int, data: str, out: Path) -> Any:
    """One network: its numbers on the screen, its picture in the folder; returns the figure."""
    from helpers.plots.style import save

    began, used = time.perf_counter(), time.process_time()
    with np.errstate(all="ignore"):  # a loss that is no number is told in a sentence
        outcome = import_module(f"helpers.zoo.{name}").run(size, seed, data)
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    print(name)
    for line in (*outcome.measured, *outcome.words):
        print(f"  {line}")
    path = save(outcome.figure, out / f"{name}.png")
    print(f"  {wall:.0f} s, of them {cpu:.0f} s of computing; picture: {path}", flush=True)
    return outcome.figure


def put_alt(page: Path, picture: str, alt: str) -> None:
    """The alternative text of a picture of this name in a page of Markdown."""
    try:
        text = page.read_text(encoding="utf-8")
    except OSError as error:
        raise CourseError(f"The page {page} cannot be read ({error.strerror}); name another with --page.") from None
    there = re.compile(rf"!\[[^]]*\](\([^)]*\b{re.escape(picture)}\))")
    page.write_text(there.sub(lambda found: f"![{alt}]{found[1]}", text), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
