"""One timing of the runtime study as plain data, and what is counted for it: parameters, operations, working set."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from math import ceil, prod
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError
from helpers.nn.spec import NETWORKS, load_spec
from helpers.primitives.spec import ConvSpec

if TYPE_CHECKING:
    from helpers.nn.spec_model import NetworkSpec

BACKENDS = ("numpy", "torch", "cuda", "cuda graph")
CPU_FILTERS = (8, 16, 32, 64)
GPU_FILTERS = (8, 16, 32, 64, 128, 256)
BATCH = 64


@dataclass(frozen=True)
class Point:
    """A training step of convolutional_nn.json with `filters` filters in each convolution, and how long it takes.

    parameters: weights and biases; flops: of one step (see `training_flops`); batch: images of a step; backend: one of
    BACKENDS; hardware: name of the CPU, or of the GPU for "cuda" and "cuda graph"; threads: of the CPU; seconds: median
    of a step, low and high: its quartiles, or the range of a prediction; rounds: how often it was timed. recorded: read
    from a file that some machine has written, `made` on that day with those versions. predicted: out of a model;
    nothing was timed. working_set: bytes that a step comes back to, counted in our numpy network and computed for
    PyTorch (`working_set`); 0: unknown.
    """

    filters: int
    parameters: int
    flops: int
    batch: int
    backend: str
    hardware: str
    threads: int
    seconds: float
    low: float
    high: float
    rounds: int
    recorded: bool = False
    made: str = ""
    versions: dict[str, str] = field(default_factory=dict, hash=False)
    predicted: bool = False
    working_set: int = 0

    @property
    def kind(self) -> str:
        """ "measured", "recorded" or "predicted"."""
        return "predicted" if self.predicted else "recorded" if self.recorded else "measured"

    @property
    def label(self) -> str:
        """What a legend calls its curve: backend, threads of a CPU, and whatever is not a measurement made here."""
        where = f"{self.backend}, {self.hardware}"
        if self.backend in BACKENDS[:2]:
            where += f", {self.threads} thread" + "s" * (self.threads > 1)
        return where if self.kind == "measured" else f"{where} ({self.kind})"

    @property
    def flops_per_second(self) -> float:
        """Counted operations over measured seconds."""
        return self.flops / self.seconds

    @property
    def seconds_per_image(self) -> float:
        """Time of a step over its images."""
        return self.seconds / self.batch

    def epoch_seconds(self, images: int = 50_000) -> float:
        """What so many images would take at this speed; a ragged last batch counts as a whole one."""
        return ceil(images / self.batch) * self.seconds

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> Point:
        """The point of such values. CourseError where something is missing, unknown or no time."""
        names = {f.name for f in fields(cls)}
        if not isinstance(values, dict) or not set(values) <= names:
            raise CourseError(
                f"{values!r} is not a point of the runtime study; its fields are {', '.join(sorted(names))}."
            )
        try:
            point = cls(**values)
        except TypeError as error:
            raise CourseError(f"A point of the runtime study lacks something: {error}.") from None
        times = (point.low, point.seconds, point.high)
        if not all(isinstance(t, int | float) and t > 0 for t in times) or not times[0] <= times[1] <= times[2]:
            raise CourseError(f"low, seconds, high = {times} are not times of a step; give 0 < low ≤ seconds ≤ high.")
        return point


def study_spec(filters: int, batch: int = BATCH) -> NetworkSpec:
    """convolutional_nn.json with so many filters in both convolutions, for batches of `batch` images."""
    return load_spec(NETWORKS / "convolutional_nn.json").changed(filters=filters, batch_size=batch, backend="numpy")


def training_flops(spec: NetworkSpec, batch: int | None = None) -> int:
    """Operations of one training step: 2 for each multiply-add of every convolution and dense layer, three passes each.

    The passes are forward, backward-data and backward-filter; the first layer needs no gradient for its images, so it
    has two. Biases, activations, pooling, softmax and the update are left out: they are under 4% even with 8 filters.
    """
    total, passes = 0, 2
    images = spec.batch_size if batch is None else batch
    for place in spec.places(images):
        if isinstance(place.geometry, ConvSpec):
            total += passes * place.geometry.flops
        elif place.layer.type == "dense":
            total += passes * 2 * images * prod(place.shape_in) * place.layer.units
        else:
            continue
        passes = 3
    return total


def working_set(spec: NetworkSpec, images: int, itemsize: int = 4) -> int:
    """Bytes that a step on `images` images comes back to: the images, every layer's output, and its gradient, and
    parameters with their gradients. Scratch memory of a particular implementation comes on top.
    """
    numbers = images * prod(spec.input)
    numbers += 2 * sum(images * prod(place.shape_out) for place in spec.places(1) if place.layer.type != "flatten")
    return (numbers + 2 * spec.parameters) * itemsize
