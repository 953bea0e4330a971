"""A model of a GPU without having one: kernels counted, each with its launch, its operations and its bytes.

It follows Paleo (Qi, Sparks and Talwalkar 2016) in the time of a kernel, FLOPs/(peak·p) + bytes/(bandwidth·p), and adds
what small networks feel: a CPU needs time to launch each kernel, and no kernel is shorter than a few microseconds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.backend import nearest
from helpers.cost.device import load_device
from helpers.errors import CourseError
from helpers.primitives.spec import ConvSpec
from helpers.study.cnn_runtime.point import BATCH, Point, study_spec, training_flops

if TYPE_CHECKING:
    from helpers.nn.spec_model import NetworkSpec

ITEM = 4
KEPT = Path(__file__).with_name("predicted.json")
"""The points of the assignment `cnn_runtime`, as `predicted` has computed them: a test compares."""

Range = tuple[float, float, float]

LAUNCH: Range = (5e-6, 10e-6, 20e-6)
"""Seconds in which PyTorch and the driver launch one kernel: least, middle, most. An assumption of the right order; the
difference between "cuda" and "cuda graph" measures it where there is a card."""

SHORTEST = 3e-6
"""Seconds of a kernel that has next to nothing to do; assumed likewise."""


@dataclass(frozen=True)
class Device:
    """flops: peak in FLOP/s, float32; bandwidth: bytes/s; share: least, middle and most of the peak that is reached."""

    name: str
    flops: float
    bandwidth: float
    share: Range
    source: str


def _device(name: str, file: str, share: Range, whose: str) -> Device:
    """A device with the peaks of its file; whose: the shares are."""
    peaks = load_device(file)
    source = f"peaks as in Paleo; shares: cuDNN's on {whose}, Chetlur et al. 2014, Table 3"
    return Device(name, peaks.peak, peaks.bandwidth, share, source)


DEVICES = {
    device.name: device
    for device in (
        _device("Tesla K40", "k40", (0.23, 0.298, 0.35), "the same card"),
        _device("Titan X", "titan_x", (0.30, 0.426, 0.51), "a GTX 980, the same generation"),
    )
}


@dataclass(frozen=True)
class Kernel:
    """One launch: operations, and bytes that it reads and writes at least."""

    name: str
    flops: int
    bytes: int

    def seconds(self, device: Device, share: float) -> float:
        """Its time on the device."""
        work = self.flops / (device.flops * share) + self.bytes / (device.bandwidth * share)
        return max(SHORTEST, work)


def kernels(spec: NetworkSpec, batch: int = BATCH) -> list[Kernel]:
    """What a training step of PyTorch launches for convolutions, ReLU, max-pooling, dense layers, softmax and SGD.

    Counted from what the operations are, not from a trace; a library may fuse some or split others.
    """
    found: list[Kernel] = []
    first = True
    for place in spec.places(batch):
        x, y, w = batch * math.prod(place.shape_in), batch * math.prod(place.shape_out), place.parameters
        kind = place.layer.type
        if kind in ("conv", "dense"):
            geometry = place.geometry
            work = geometry.flops if isinstance(geometry, ConvSpec) else 2 * x * place.layer.units
            passes = ["forward", "backward-filter"] + ["backward-data"] * (not first)
            found += [Kernel(f"{place.where} {name}", work, ITEM * (x + y + w)) for name in passes]
            # a product with a matrix takes its bias along, a convolution adds it afterwards
            found += [Kernel(f"{place.where} bias", y, ITEM * 2 * y)] * (kind == "conv")
            found.append(Kernel(f"{place.where} bias gradient", y, ITEM * y))
            first = False
        elif kind == "relu":
            found += [Kernel(f"{place.where} {name}", y, ITEM * n * y) for name, n in (("forward", 2), ("backward", 3))]
        elif kind == "max_pool":
            found += [
                Kernel(f"{place.where} forward", x, ITEM * (x + 3 * y)),
                Kernel(f"{place.where} zeros", 0, ITEM * x),
                Kernel(f"{place.where} backward", y, ITEM * (x + 3 * y)),
            ]
        elif kind == "softmax":
            names = ("logarithm of softmax", "loss", "gradient of the loss", "gradient of softmax")
            found += [Kernel(f"{place.where} {name}", 5 * y, ITEM * 2 * y) for name in names]
        elif kind != "flatten":
            raise CourseError(f"{place.where}, {kind}: the model of a GPU doesn't know what this layer launches.")
    found.append(Kernel("update", 2 * spec.parameters, ITEM * 3 * spec.parameters))
    return found


def step_seconds(device: Device, launched: Sequence[Kernel], share: float, launch: float, graph: bool = False) -> float:
    """Time of a step: CPU and GPU work side by side, so the slower of launching all and of computing all counts.

    graph: one launch for everything, as with CUDA graphs.
    """
    computing = math.fsum(kernel.seconds(device, share) for kernel in launched)
    return launch + computing if graph else max(len(launched) * launch, computing)


def predicted(device: str, filters: Sequence[int], *, batch: int = BATCH, graph: bool = False) -> list[Point]:
    """Points that the model expects of a device, one of DEVICES, marked as predicted; low and high: of its assumptions.

    graph: as one CUDA graph. Nothing is measured: draw them beside measured points, never instead.
    """
    if device not in DEVICES:
        known = tuple(DEVICES)
        raise CourseError(
            f"The model knows no device {device!r}{nearest(device, known)}; choose one of {', '.join(known)}."
        )
    try:
        return _computed(DEVICES[device], filters, batch, graph)
    except ImportError:  # counting is not there while a hand-in is graded in which it is an exercise
        return [_kept()[device, k, batch, graph] for k in filters]


def _computed(card: Device, filters: Sequence[int], batch: int, graph: bool) -> list[Point]:
    found = []
    for k in filters:
        spec = study_spec(k, batch)
        launched = kernels(spec, batch)
        fast, middle, slow = (
            step_seconds(card, launched, share, launch, graph)
            for share, launch in zip(reversed(card.share), LAUNCH, strict=True)
        )
        found.append(
            Point(
                k, spec.parameters, training_flops(spec), batch, "cuda graph" if graph else "cuda", card.name, 1,
                middle, fast, slow, 0, versions={"model": card.source}, predicted=True,
            )
        )  # fmt: skip
    return found


@cache
def _kept() -> dict[tuple[str, int, int, bool], Point]:
    points = [Point.from_json(values) for values in json.loads(KEPT.read_text(encoding="utf-8"))]
    return {(p.hardware, p.filters, p.batch, p.backend == "cuda graph"): p for p in points}
