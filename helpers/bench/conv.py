"""Every convolution algorithm, pass and shape against PyTorch in its best layout, one thread, interleaved.

Three measurements per pass. First every algorithm, in both orders of numbers in memory, a few rounds: the table. The
fastest of them is then measured against PyTorch in full: the verdict. And the fastest way for images that come and
must go in the order NCHW, conversions included, is measured the same way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from helpers.bench.result import Result, demand
from helpers.errors import CourseError
from helpers.primitives import PAPER_LAYERS, PASSES, ConvSpec
from helpers.primitives.choose import modelled
from helpers.primitives.layout import to_chwn, to_nchw
from helpers.primitives.registry import NAMES, get, run
from helpers.timing import Timing, ratio, spread
from helpers.timing import measure as measure_by

measure = partial(measure_by, clock=time.process_time)  # one thread each: what others do meanwhile doesn't count
ORDERS = {"NCHW": to_nchw, "CHWN": to_chwn}
FORMATS = {"NCHW": "contiguous_format", "channels_last": "channels_last"}


@dataclass(frozen=True)
class Case:
    """A shape, and the most that numpy ÷ PyTorch is to be in each of the three passes."""

    name: str
    spec: ConvSpec
    goals: tuple[float, float, float]


LAYERS = [
    Case(name, PAPER_LAYERS[name].with_images(n), (1.3, 1.3, 1.3))
    for name, n in zip(PAPER_LAYERS, (4, 4, 8, 8, 8), strict=True)
]
CASES = [
    *LAYERS,
    Case("L3, N = 64", PAPER_LAYERS["L3"].with_images(64), (0.25, 0.25, 0.25)),
    Case("C = 1, K = 8", ConvSpec(64, 1, 28, 28, 8, 3, 3), (0.6, 0.25, 0.7)),
    Case("C = 1, K = 64", ConvSpec(64, 1, 28, 28, 64, 3, 3), (0.6, 0.25, 0.7)),
    Case("C = K = 64", ConvSpec(64, 64, 32, 32, 64, 3, 3, 1, 1, 1, 1), (1.35, 1.35, 1.35)),
]
SUM_GOAL = 0.65
TABLE_ROUNDS = 3


def bench(rounds: int = 7, shapes: Sequence[str] | None = None, likely: bool = False) -> Iterator[Result]:
    """The verdicts of every pass of every shape, each followed by its table, and the sum over the paper's five
    layers where all of them are measured. shapes: names of CASES, None for all; likely: try only the algorithms that
    are among the two cheapest by count, in either order.
    """

    names = [case.name for case in CASES]
    if unknown := [name for name in shapes or () if name not in names]:
        raise CourseError(f"There is no shape {unknown[0]!r}; choose from {', '.join(map(repr, names))}.")
    cases = [case for case in CASES if shapes is None or case.name in shapes]
    sums: dict[str, list[Timing]] = {"ours": [], "other": []}
    for case in cases:
        for which, goal in zip(PASSES, case.goals, strict=True):
            trial = Trial(case, which, likely)
            table = trial.table()
            best = min((name for name in table if not name.startswith("PyTorch")), key=lambda n: table[n].median)
            converted = trial.converted(table)
            verdict = trial.verdict(best, converted, rounds)
            other = min((verdict[name] for name in verdict if name.startswith("PyTorch")), key=lambda t: t.median)
            if case in LAYERS:
                sums["ours"].append(verdict[best])
                sums["other"].append(other)
            what = f"conv {case.name}, {which}"
            yield _result(f"{what}: {best}", verdict[best], other, goal, table, verdict["matrix product"])
            again = verdict.get(f"{converted}, conversions included", verdict.get(converted))
            assert again is not None
            yield _result(f"{what}, NCHW in and out: {converted}", again, other, None)
    if not all(layer in cases for layer in LAYERS):
        return
    ours, other = (_added(name, parts) for name, parts in sums.items())
    middle, ratios = ratio(ours, other)
    yield Result(
        "conv: the paper's five layers, all three passes summed, numpy against PyTorch CPU's best layout of each",
        1e3 * ours.median, 1e3 * other.median, middle, "ms", 1, rounds,
        {"ratio": ratios, "options": _options(rounds, shapes, likely)}, SUM_GOAL,
    )  # fmt: skip


def _options(rounds: int, shapes: Sequence[str] | None, likely: bool) -> str:
    """Those of the command that differ from its defaults."""
    names = "" if shapes is None else " --shapes " + " ".join(f"'{s}'" if " " in s else s for s in shapes)
    return ("" if rounds == 7 else f" --rounds {rounds}") + " --likely" * likely + names


class Trial:
    """One pass of one shape: its arrays in every order, and functions to time, each of them proved right first."""

    def __init__(self, case: Case, which: str, likely: bool = False) -> None:
        import torch

        self.names: Collection[str] = NAMES
        if likely:
            self.names = {c.algorithm for chwn in (False, True) for c in modelled(case.spec, which, chwn=chwn)[:2]}

        self.case, self.which, self.spec = case, which, case.spec
        rng = np.random.default_rng(0)
        shapes = (case.spec.x_shape, case.spec.w_shape, case.spec.y_shape)
        self.x, self.w, self.dy = (rng.standard_normal(s, np.float32) for s in shapes)
        self.w *= 1 / np.sqrt(case.spec.C * case.spec.R * case.spec.S)
        self.torch = {f"PyTorch {name}": self._torch(getattr(torch, kind)) for name, kind in FORMATS.items()}
        self.right = np.asarray(self.torch["PyTorch NCHW"]())

    def table(self) -> dict[str, Timing]:
        """Every algorithm in both orders, and PyTorch in both layouts; the slow ones in fewer rounds."""
        runs = {**self.torch}
        for name in self.names:
            if not get(name).supports(self.spec, self.which):
                for order in ORDERS:
                    runs[f"{name}, {order}"] = self._ours(name, order)
        # Each has run once, to be proved right: that was its warm-up.
        slow = {name: run for name, run in runs.items() if name.startswith(("direct", "shift"))}
        times = measure({name: run for name, run in runs.items() if name not in slow}, rounds=TABLE_ROUNDS, warmup=0)
        return times | (measure(slow, rounds=1, warmup=0) if slow else {})

    def converted(self, table: dict[str, Timing]) -> str:
        """The way that looks best for arrays that come and go in the order NCHW."""
        native = [name for name in table if name.endswith(", NCHW")]
        best = min(native, key=lambda name: table[name].median)
        other = min((name for name in table if name.endswith(", CHWN")), key=lambda name: table[name].median)
        times = measure(
            {"native": self._ours(*_split(best)), "converted": self._converted(*_split(other))}, rounds=TABLE_ROUNDS
        )
        return best if times["native"].median <= times["converted"].median else other

    def verdict(self, best: str, converted: str, rounds: int) -> dict[str, Timing]:
        """The chosen ones against PyTorch, and against one matrix product of as many FLOPs."""
        runs = {best: self._ours(*_split(best)), **self.torch, "matrix product": self._product()}
        if converted.endswith("CHWN"):
            runs[f"{converted}, conversions included"] = self._converted(*_split(converted))
        else:
            runs[converted] = self._ours(*_split(converted))
        inner = max(1, min(20, int(1e9 / self.spec.flops)))
        return measure(runs, rounds=rounds, warmup=2, inner=inner)

    def _ours(self, name: str, order: str) -> Callable[[], Any]:
        convert, module, spec, w = ORDERS[order], get(name), self.spec, self.w
        x, dy = convert(self.x), convert(self.dy)
        return self._proved(lambda: run(module, spec, self.which, x, w, dy), f"{name}, {order}")

    def _converted(self, name: str, order: str) -> Callable[[], Any]:
        module, spec, x, w, dy = get(name), self.spec, self.x, self.w, self.dy
        once = {
            "forward": lambda: to_nchw(module.forward(spec, to_chwn(x), w)),
            "backward-data": lambda: to_nchw(module.backward_data(spec, to_chwn(dy), w)),
            "backward-filter": lambda: module.backward_filter(spec, to_chwn(x), to_chwn(dy)),
        }[self.which]
        return self._proved(once, f"{name} with conversions")

    def _torch(self, memory_format: Any) -> Callable[[], Any]:
        import torch

        x, w, dy = (torch.from_numpy(a).contiguous(memory_format=memory_format) for a in (self.x, self.w, self.dy))
        stride, padding = (self.spec.u, self.spec.v), (self.spec.pad_h, self.spec.pad_w)
        if self.which == "forward":
            return lambda: torch.conv2d(x, w, None, stride, padding)
        mask = (self.which == "backward-data", self.which == "backward-filter", False)
        backward = torch.ops.aten.convolution_backward
        at = 0 if mask[0] else 1
        return lambda: backward(dy, x, w, None, stride, padding, (1, 1), False, (0, 0), 1, mask)[at]

    def _product(self) -> Callable[[], Any]:
        """A square matrix product of as many FLOPs: what the same arithmetic costs where no window has to be found."""
        size = max(1, round((self.spec.flops / 2) ** (1 / 3)))
        a, b = (np.random.default_rng(i).standard_normal((size, size), np.float32) for i in range(2))
        out = np.empty_like(a)
        return lambda: np.matmul(a, b, out=out)

    def _proved(self, run: Callable[[], Any], name: str) -> Callable[[], Any]:
        apart = float(np.abs(run() - self.right).max() / np.abs(self.right).max())
        demand(
            apart < 1e-3,
            f"{name} and PyTorch differ by {apart:.2g} of the largest entry in {self.which} of {self.spec}.",
        )
        return run


def _split(name: str) -> tuple[str, str]:
    algorithm, order = name.split(", ")
    return algorithm, order


def _result(
    what: str,
    ours: Timing,
    other: Timing,
    goal: float | None,
    table: dict[str, Timing] | None = None,
    product: Timing | None = None,
) -> Result:
    middle, ratios = ratio(ours, other)
    more: dict[str, Any] = {"against": other.what, "ours": spread(ours.seconds), "other": spread(other.seconds)}
    if table:
        more["algorithms"] = {name: 1e3 * timing.median for name, timing in table.items()}
    if product:
        more["matrix product"] = 1e3 * product.median
    return Result(
        what, 1e3 * ours.median, 1e3 * other.median, middle, "ms", 1, len(ours.seconds), {"ratio": ratios, **more}, goal
    )


def _added(name: str, parts: list[Timing]) -> Timing:
    """Round by round the sum of several timings."""
    return Timing(name, [sum(seconds) for seconds in zip(*(p.seconds for p in parts), strict=True)])
