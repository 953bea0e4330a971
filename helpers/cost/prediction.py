"""How long a training step takes on a described device or cluster, from what its layers cost.

Layer by layer after Paleo (Qi, Sparks and Talwalkar 2016): flops/(peak·p) + bytes/(bandwidth·p), with a `Platform` in
the place of p; workers of a cluster then add up their gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from helpers.cost.communication import all_reduce
from helpers.cost.device import Cluster, Device, load_cluster, load_device
from helpers.cost.layers import LayerCost, StepCost, Work, step_cost
from helpers.cost.platform import PEAK, Platform, load_platform
from helpers.errors import CourseError

ITEMSIZE = {"float64": 8, "float32": 4, "tf32": 4, "float16": 2, "bfloat16": 2}
"""Bytes of a number; TF32 is a way to multiply numbers of four bytes."""


@dataclass(frozen=True)
class LayerSeconds:
    """A layer and the seconds of its passes in one training step."""

    cost: LayerCost
    forward: float
    backward: float
    update: float

    @property
    def total(self) -> float:
        return self.forward + self.backward + self.update


@dataclass(frozen=True)
class Prediction:
    """A training step on one device. Seconds are predicted; nothing was run."""

    cost: StepCost
    device: Device
    platform: Platform
    layers: list[LayerSeconds]

    @property
    def forward(self) -> float:
        return sum(layer.forward for layer in self.layers)

    @property
    def backward(self) -> float:
        return sum(layer.backward for layer in self.layers)

    @property
    def update(self) -> float:
        return sum(layer.update for layer in self.layers)

    @property
    def seconds(self) -> float:
        """Of the whole step."""
        return self.forward + self.backward + self.update

    @property
    def images_per_second(self) -> float:
        return self.cost.images / self.seconds

    @property
    def memory(self) -> int:
        """Bytes that training needs at least."""
        return self.cost.memory


@dataclass(frozen=True)
class ClusterPrediction:
    """A training step on a cluster: each worker computes its part of the batch, then the gradients are added up.

    images: of all workers together; compute: seconds of one worker's step; communication: of the all-reduce;
    seconds: of both, less what overlaps; one: of the same batch on one worker, the memory not asked about.
    """

    cluster: Cluster
    images: int
    compute: float
    communication: float
    seconds: float
    one: float

    @property
    def images_per_second(self) -> float:
        return self.images / self.seconds

    @property
    def speedup(self) -> float:
        """Time of one worker for the same batch ÷ that of the cluster."""
        return self.one / self.seconds

    @property
    def efficiency(self) -> float:
        """Speed-up ÷ workers, 0 to 1 (above it where small batches suit a device better)."""
        return self.speedup / self.cluster.workers


def paleo_seconds(work: Work, device: Device, share: float, dtype: str = "float32") -> float:
    """Paleo's time of a layer's pass: flops/(peak·p) + bytes/(bandwidth·p), p a share such as 0.3."""
    return work.flops / (device.peak_of(dtype) * share) + work.bytes / (device.bandwidth * share)


def predict(
    network: Any,
    device: str | Path | Device,
    images: int | None = None,
    platform: str | Path | Platform = PEAK,
    dtype: str = "float32",
    check_memory: bool = True,
) -> Prediction:
    """A training step of a network on a device.

    network: as `step_cost` takes it; device: a name that comes with the course, a JSON file or a Device; images: in
    the batch, None for the network's own; platform: PEAK, `paleo(0.3)`, or a measured one. dtype: of all numbers, a key
    of ITEMSIZE for which the device has a peak. Raises CourseError where the network does not fit into the device's
    memory, unless check_memory is false.
    """
    device, platform = load_device(device), load_platform(platform)
    if dtype not in ITEMSIZE:
        raise CourseError(f"A network can't be trained in {dtype!r} here; choose from {', '.join(ITEMSIZE)}.")
    cost = step_cost(network, images, ITEMSIZE[dtype], platform.input_gradient)
    if check_memory and cost.memory > device.memory:
        raise CourseError(
            f"{cost.name} with {cost.images:,} images needs {cost.memory / 2**30:,.3g} GiB for training and "
            f"{device.name} has {device.memory / 2**30:,.3g} GiB; take fewer images, a smaller network or another "
            "device."
        )

    def seconds(layer: LayerCost, kind: str, which: str) -> float:
        return platform.share(kind, which).seconds(layer, which, device, dtype)

    layers = [
        LayerSeconds(layer, seconds(layer, layer.type, "forward"), seconds(layer, layer.type, "backward"),
                     seconds(layer, cost.optimiser, "update"))
        for layer in cost.layers
    ]  # fmt: skip
    return Prediction(cost, device, platform, layers)


def predict_cluster(
    network: Any,
    cluster: str | Path | Cluster,
    images: int | None = None,
    images_per_worker: int | None = None,
    platform: str | Path | Platform = PEAK,
    dtype: str = "float32",
    overlap: float = 0.0,
) -> ClusterPrediction:
    """A training step of a network on a cluster, synchronous, the batch divided among the workers.

    images: of all workers, or images_per_worker: of each (neither: the network's own batch, divided). The worker with
    most images counts. overlap: share of the communication, 0 to 1, that goes on while the backward pass computes; no
    more of it than the backward pass lasts. CourseError as `predict`, and where there are fewer images than workers.
    """
    cluster = load_cluster(cluster)
    if images is not None and images_per_worker is not None:
        raise CourseError("Both images and images_per_worker are given; give one of them.")
    if not 0 <= overlap <= 1:
        raise CourseError(f"overlap={overlap!r} is impossible; give a share from 0 to 1.")
    n = cluster.workers
    if images_per_worker is None:
        images = images or step_cost(network).images
        if images < n:
            raise CourseError(f"{images} images can't be divided among {n} workers; give at least one image each.")
        images_per_worker = -(-images // n)
    else:
        images = images_per_worker * n
    each = predict(network, cluster.device, images_per_worker, platform, dtype)
    one = predict(network, cluster.device, images, platform, dtype, check_memory=False)
    communication = all_reduce(cluster.algorithm, each.cost.gradient_bytes, n, cluster.link)
    hidden = min(overlap * communication, each.backward)
    return ClusterPrediction(
        cluster, images, each.seconds, communication, each.seconds + communication - hidden, one.seconds
    )


def strong_scaling(
    network: Any, cluster: str | Path | Cluster, workers: Sequence[int], images: int, **settings: Any
) -> list[ClusterPrediction]:
    """The same batch of `images` on each number of workers. settings: as of `predict_cluster`."""
    cluster = load_cluster(cluster)
    return [predict_cluster(network, replace(cluster, workers=n), images=images, **settings) for n in workers]


def weak_scaling(
    network: Any, cluster: str | Path | Cluster, workers: Sequence[int], images_per_worker: int, **settings: Any
) -> list[ClusterPrediction]:
    """So many images for each worker, whatever their number. settings: as of `predict_cluster`."""
    cluster = load_cluster(cluster)
    return [
        predict_cluster(network, replace(cluster, workers=n), images_per_worker=images_per_worker, **settings)
        for n in workers
    ]
