"""The four ways to take a training step that the runtime study compares, each checked before it is timed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from helpers import nn
from helpers.backend import backend as make_backend
from helpers.backend import cuda_available, nearest, to_numpy, torch_needed
from helpers.data import load
from helpers.errors import CourseError
from helpers.study.cnn_runtime.point import BACKENDS

if TYPE_CHECKING:
    from helpers.nn.spec_model import NetworkSpec

BATCHES = 16
"""Different batches that take turns."""

RATE = 0.01
"""Low enough that the networks don't learn their few batches by heart while they are timed: vanishing gradients become
denormal numbers, which CPUs are slow at."""

ALLOWED = 0.01
"""How far a step of float32 may be off, in parts of the largest change of the same array."""


class NumpyTraining:
    """The course's own network (`nn.build`: the fastest that the spec allows) on numpy arrays.

    images (batches, N, C, H, W), labels (batches, N).
    """

    def __init__(self, spec: NetworkSpec, images: np.ndarray, labels: np.ndarray, lr: float = RATE) -> None:
        self.network = numpy_network(spec)
        self.images, self.labels, self.lr = images, labels, lr
        self._loss, self._turn = 0.0, 0

    def step(self) -> None:
        """One step on the next batch."""
        x, y = self.images[self._turn], self.labels[self._turn]
        self._turn = (self._turn + 1) % len(self.images)
        self._loss = train_epoch(self.network, x, y, self.lr, len(y))

    def synchronise(self) -> None:
        """numpy has finished when it returns."""

    def loss(self) -> float:
        """Mean loss of the latest batch before its step."""
        return self._loss

    def parameters(self) -> list[np.ndarray]:
        """Weights and biases in order."""
        return [to_numpy(array) for _, array in self.network.parameters()]


def numpy_network(spec: NetworkSpec) -> Any:
    """The numpy network of the spec."""
    return nn.build(spec, make_backend("numpy"))


def train_epoch(network: Any, images: Any, labels: Any, lr: float, batch: int) -> float:
    """An epoch in the given order by the network's own method, or by the one for all networks."""
    own = getattr(network, "train_epoch", None)
    return own(images, labels, lr, batch) if own else nn.train_epoch(network, images, labels, lr, batch)


def training(backend: str, spec: NetworkSpec, images: np.ndarray, labels: np.ndarray, lr: float = RATE) -> Any:
    """A Training of that backend, one of BACKENDS, with the spec's own first weights.

    images (batches, N, C, H, W), labels (batches, N). Raises CourseError for an unknown backend and where there is no
    GPU for it.
    """
    check_backend(backend)
    if backend == "numpy":
        return NumpyTraining(spec, images, labels, lr)
    from helpers.study.cnn_runtime.on_torch import TorchTraining, capture_graph

    start = [to_numpy(array) for _, array in nn.Network(spec, make_backend("numpy")).parameters()]
    device = "cpu" if backend == "torch" else "cuda"
    return TorchTraining(spec, start, images, labels, lr, device, capture_graph if backend == "cuda graph" else None)


def held_bytes(thing: Any) -> int:
    """Bytes of all numpy arrays that an object of this course holds, in attributes, lists and dicts; views count once.

    After a step of a preallocated network this is its whole working set.
    """
    total, seen, left = 0, set(), [thing]
    while left:
        here = left.pop()
        while isinstance(here, np.ndarray) and isinstance(here.base, np.ndarray):
            here = here.base
        if id(here) in seen:
            continue
        seen.add(id(here))
        if isinstance(here, np.ndarray):
            total += here.nbytes
        elif isinstance(here, dict):
            left += here.values()
        elif isinstance(here, list | tuple):
            left += here
        elif type(here).__module__.startswith("helpers."):
            left += getattr(here, "__dict__", {}).values()
    return total


def check_backend(backend: str) -> None:
    """A CourseError unless this machine can run it."""
    if backend not in BACKENDS:
        raise CourseError(
            f"There is no backend {backend!r} in the runtime study{nearest(backend, BACKENDS)}; "
            f"choose one of {', '.join(BACKENDS)}."
        )
    if backend != "numpy":
        torch_needed("or measure numpy alone")
    if backend not in BACKENDS[:2] and not cuda_available():
        raise CourseError(f"The backend {backend!r} needs an NVIDIA GPU, and PyTorch sees none here.")


def demand_right(made: Any, spec: NetworkSpec, images: np.ndarray, labels: np.ndarray, lr: float = RATE) -> None:
    """Take one step with a new Training; a CourseError unless loss and every gradient are those of `nn.Network`.

    images (N, C, H, W) and labels (N,) are its first batch. Gradients are compared by what they change.
    """
    ours = nn.Network(spec, make_backend("numpy"))
    before = [to_numpy(array).copy() for _, array in ours.parameters()]
    loss = nn.train_epoch(ours, images, labels, lr, len(labels))
    made.step()
    made.synchronise()
    if not abs(made.loss() - loss) <= 1e-4 * max(1.0, loss):
        raise CourseError(f"A loss of {made.loss():.6f} should be {loss:.6f}; fix that before it is timed.")
    for (name, array), start, found in zip(ours.parameters(), before, made.parameters(), strict=True):
        change = to_numpy(array) - start
        off = float(np.abs(found.reshape(change.shape) - start - change).max())
        if not off <= ALLOWED * float(np.abs(change).max()):
            raise CourseError(f"The gradient of {name} is wrong by up to {off / lr:.2g}; fix that before it is timed.")


def batches_of(images: int, batches: int = BATCHES) -> tuple[np.ndarray, np.ndarray]:
    """MNIST as (batches, images, 1, 28, 28) and (batches, images); the images come again where they don't suffice."""
    need = images * batches
    data = load(train=min(need, 60_000), test=1, flat=False)
    index = np.arange(need) % len(data.train_labels)
    shape = (batches, images)
    return data.train_images[index].reshape(*shape, 1, 28, 28), data.train_labels[index].reshape(shape)
