"""The command line of the benchmarks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from helpers.backend import nearest, torch_needed
from helpers.bench.result import Result
from helpers.command import Parser
from helpers.errors import CourseError

NAMES = (
    "mlp", "conv", "cnn", "cnn-epoch", "cnn-runtime", "gpu-conv", "cost", "data-parallel", "zoo", "study", "import",
    "notebook", "all",
)  # fmt: skip
WITHOUT_TORCH = ("cost", "zoo", "study", "import", "notebook")
PAGE = "page"


def main(arguments: Sequence[str]) -> None:
    """Measure what the arguments name and print one record for each measurement."""
    p = Parser(prog="python -m helpers.bench", description="Measure our speed, beside PyTorch's where it has the same.")
    p.add_argument(
        "name", nargs="?", help=f"what to measure: {', '.join(NAMES)}; or {PAGE}: the page of measured convolutions"
    )
    p.add_argument("lines", nargs="?", type=Path, help="page: the file of JSON lines; the page lies beside it")
    p.add_argument("--json", action="store_true", help="one JSON object per measurement instead of a line of text")
    p.add_argument("--rounds", type=int, default=7, help="rounds of mlp, conv, cnn…, cost and zoo (default 7)")
    p.add_argument("--epochs", type=int, default=30, help="epochs of study (default 30; the goal shrinks with it)")
    p.add_argument("--shapes", nargs="+", metavar="SHAPE", help="conv: only these, for example L1 'C = K = 64'")
    p.add_argument("--likely", action="store_true", help="conv: only algorithms that are among the cheapest by count")
    p.add_argument("--full", action="store_true", help="study: the five rates too")
    options = p.parse_args(arguments)
    if options.name is None:
        raise CourseError(f"Which benchmark? Name one of {', '.join(NAMES)}.")
    if options.name == PAGE:
        if options.lines is None:
            raise CourseError("A page needs the file that it is made from; give docs/convolution.jsonl.")
        from helpers.bench import conv_page

        return conv_page.write(options.lines, options.lines.with_suffix(".md"))
    if options.name not in NAMES:
        raise CourseError(
            f"There is no benchmark {options.name!r}{nearest(options.name, NAMES)}; choose one of {', '.join(NAMES)}."
        )
    for name in ("rounds", "epochs"):
        if getattr(options, name) < 1:
            raise CourseError(f"--{name} {getattr(options, name)} cannot be measured; give at least 1.")
    names = [name for name in NAMES[:-1] if name != "gpu-conv"] if options.name == "all" else [options.name]
    for name in names:
        for result in measurements(name, options.rounds, options.epochs, options.full, options.shapes, options.likely):
            print(result.as_json() if options.json else result.as_line(), flush=True)


def measurements(
    name: str, rounds: int, epochs: int, full: bool, shapes: Sequence[str] | None = None, likely: bool = False
) -> Iterator[Result]:
    """The results of one benchmark, each measured when it is asked for."""
    from helpers.bench import cnn, conv, mlp, whole

    if name not in WITHOUT_TORCH:
        torch_needed(f"which {name} measures beside ours; without it there are {', '.join(WITHOUT_TORCH)}")
    if name == "mlp":
        yield from mlp.bench(rounds)
    elif name == "conv":
        yield from conv.bench(rounds, shapes, likely)
    elif name == "cnn":
        yield from cnn.bench(rounds)
    elif name == "cnn-runtime":
        from helpers.bench import cnn_runtime

        yield from cnn_runtime.bench(rounds)
    elif name == "cnn-epoch":
        from helpers.bench import cnn_epoch

        yield from cnn_epoch.bench(rounds)
    elif name == "gpu-conv":
        from helpers.bench import gpu_conv

        yield from gpu_conv.bench()
    elif name == "data-parallel":
        from helpers.bench import data_parallel

        yield data_parallel.bench(rounds)
    elif name == "cost":
        from helpers.bench import cost

        yield cost.bench(rounds)
    elif name == "zoo":
        from helpers.bench import zoo

        yield from zoo.bench(rounds)
    elif name == "study":
        yield whole.one_rate(epochs)
        if full:
            yield whole.five_rates(epochs)
    elif name == "import":
        yield whole.import_time()
    else:
        yield whole.notebook()
