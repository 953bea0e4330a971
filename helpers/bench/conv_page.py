"""The page and the figure of the convolution benchmark, made from its JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from helpers.bench.conv import CASES
from helpers.errors import CourseError
from helpers.primitives.registry import NAMES

READING = """\
*numpy* is the algorithm that was fastest in a first trial, in the memory layout that suits it best (in CHWN the index
of the image varies fastest); *PyTorch* is the faster of NCHW and channels_last. *NCHW* is the fastest algorithm when
input and output must be NCHW, conversions included. *product* is one matrix product with the same number of FLOPs. The
ratio is the median over rounds, with its quartiles."""
TABLE = """\
Time ÷ PyTorch's time, each in the faster of its two layouts, from the first trial of a few rounds; — where the
algorithm does not support the shape, or was not tried. Below the ratio: the workspace in MiB (2²⁰ bytes)."""


def write(lines: Path, page: Path) -> None:
    """The page of the records in `lines` (one JSON object per line), and its figure in the folder `figures`."""
    from helpers.plots import ratio_dots, save

    records = read(lines)
    page.write_text(text(records, lines.name))
    (page.parent / _figure(lines.name)).parent.mkdir(exist_ok=True)
    save(
        ratio_dots(
            {_case(r): _of_torch(r) for r in _verdicts(records)},
            "PyTorch",
            "Convolution on one CPU thread: our algorithms against PyTorch in its best layout",
        ),
        page.parent / _figure(lines.name),
    )


def read(lines: Path) -> list[dict[str, Any]]:
    """The records of a file that `python -m helpers.bench conv --json` has printed."""
    try:
        records = [json.loads(line) for line in lines.read_text().splitlines()]
    except (OSError, ValueError):
        raise CourseError(
            f"{lines} is not a file of JSON lines; make it with `python -m helpers.bench conv --json`."
        ) from None
    if not records or not all(isinstance(r, dict) and r.get("what", "").startswith("conv") for r in records):
        raise CourseError(f"{lines} has no records of convolution; make it with `python -m helpers.bench conv --json`.")
    return records


def text(records: list[dict[str, Any]], source: str) -> str:
    """The page in Markdown."""
    total, machine = records[-1], records[-1]["environment"]
    options = total["spread"].get("options", "")
    verdicts = _verdicts(records)
    again = {r["what"].split(", NCHW in and out")[0]: r for r in records if "NCHW in and out" in r["what"]}
    return "\n".join(
        [
            "# Convolution: numpy beside PyTorch",
            "",
            f"Measured by `python -m helpers.bench conv{options} --json > docs/{source}`; this page is made from that "
            f"file by `python -m helpers.bench page docs/{source}`. float32, one thread each, interleaved, medians in "
            f"milliseconds of {total['repetitions']} rounds. {machine['cpu']}, Python {machine['python']}, numpy "
            f"{machine['numpy']} ({machine['blas']}), PyTorch {machine['torch']}, load {machine['load'][0]:.1f}.",
            "",
            f"The paper's five layers, all three passes summed: **{total['ours']:.0f} ms against {total['other']:.0f} "
            f"ms, ratio {total['ratio']:.2f}** (goal {total['goal']:g}).",
            "",
            f"![{_alt(verdicts)}]({_figure(source)})",
            "",
            READING,
            "",
            "| shape and pass | numpy | ms | PyTorch | ms | ratio | goal | NCHW | ratio | product, ms |",
            "|---|---|--:|---|--:|--:|--:|---|--:|--:|",
            *(_row(r, again[_key(r)]) for r in verdicts),
            "",
            "## Every algorithm",
            "",
            TABLE,
            "",
            "| shape and pass | " + " | ".join(NAMES) + " |",
            "|---|" + "--:|" * len(NAMES),
            *(_algorithms(r) for r in verdicts),
            "",
        ]
    )


def _figure(source: str) -> str:
    return f"figures/{Path(source).stem}.png"


def _verdicts(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [r for r in records if "algorithms" in r["spread"]]


def _key(record: dict[str, Any]) -> str:
    return record["what"].rsplit(": ", 1)[0]


def _case(record: dict[str, Any]) -> str:
    return _key(record).removeprefix("conv ")


def _of_torch(record: dict[str, Any]) -> dict[str, float]:
    """Algorithm -> time ÷ PyTorch's better layout, the better order of each."""
    times = record["spread"]["algorithms"]
    best = min(times[name] for name in times if name.startswith("PyTorch"))
    found: dict[str, float] = {}
    for name in NAMES:
        ours = [value for key, value in times.items() if key.split(", ")[0] == name]
        if ours:
            found[name] = min(ours) / best
    return found


def _row(record: dict[str, Any], again: dict[str, Any]) -> str:
    spread, name = record["spread"], record["what"].rsplit(": ", 1)[1]
    quartiles = f"{record['ratio']:.2f} ({spread['ratio']['q1']:.2f}–{spread['ratio']['q3']:.2f})"
    goal = f"{record['goal']:g}" + ("" if record["ratio"] <= record["goal"] else " missed")
    return (
        f"| {_case(record)} | {name} | {record['ours']:.3g} | {spread['against'].removeprefix('PyTorch ')} | "
        f"{record['other']:.3g} | {quartiles} | {goal} | {again['what'].rsplit(': ', 1)[1].split(', ')[0]} | "
        f"{again['ratio']:.2f} | {spread['matrix product']:.3g} |"
    )


def _algorithms(record: dict[str, Any]) -> str:
    ratios, (name, which) = _of_torch(record), _case(record).rsplit(", ", 1)
    spec = next(case.spec for case in CASES if case.name == name)
    cells = []
    for algorithm in NAMES:
        if algorithm in ratios:
            least = min(spec.workspace(algorithm, which, 4, chwn) for chwn in (False, True))
            cells.append(f"{ratios[algorithm]:.2f}<br>{least / 2**20:.1f}")
        else:
            cells.append("—")
    return f"| {_case(record)} | " + " | ".join(cells) + " |"


def _alt(verdicts: list[dict[str, Any]]) -> str:
    said = ", ".join(f"{_case(r)} {r['ratio']:.2f}" for r in verdicts)
    return f"A row of dots for each shape and pass: the time of each algorithm over PyTorch's. The fastest: {said}."
