"""A small convolutional network in numpy, preallocated: stages of convolution, ReLU and 2×2 max-pooling, then dense.

Why it is fast:

* Every array is made once and written into (`out=`); fresh memory costs as much as the arithmetic of a small layer.
* Images lie fastest in memory, so that everything else is a matrix product or a pass over long runs of numbers
  (`fast_stage`, `fast_columns`, `fast_dense`), and what is largest is worked on in blocks that stay in the cache.
* Products are as small as the BLAS likes them (`fast_tiles`).
* lr/N goes into the small gradient of the logits, so that an update is one subtraction; the gradient for the images,
  which nobody uses, is not computed; evaluation keeps nothing for backward.

A batch of more than `micro_batch` images goes through in parts, whose gradients add up before the one update.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.backend import Backend
from helpers.backend import backend as make_backend
from helpers.errors import CourseError
from helpers.nn.accuracy import check_pairs, evaluate
from helpers.nn.fast_columns import column_order
from helpers.nn.fast_dense import DensePart, DenseWork
from helpers.nn.fast_spec import check_size, shapes_of, sizes_of
from helpers.nn.fast_stage import Stage, flip
from helpers.nn.loss import check_labels
from helpers.nn.state import check_state, copied, layer_seed, write

if TYPE_CHECKING:
    from helpers.nn.spec_model import NetworkSpec

Size = int | tuple[int, int]


class FastCNN:
    """Stages of convolution (stride 1, no padding), ReLU and 2×2 max-pooling, then dense layers and softmax, in numpy.

    channels: filters of each stage; filter_size: one number or (R, S), or a list with one (R, S) a stage; image:
    (C, H, W); hidden: units of dense layers with ReLU before the last one; scale: a factor of the initial weights'
    standard deviation; backend: a numpy Backend, None for float32; micro_batch: most images at a time.

    weights: a list of (K, C, R, S), one a stage; biases: (K,); dense: a list of (in, out), the first one's inputs
    channel by channel, as Flatten has them; dense_biases: (out,). Weights start as normal draws with standard
    deviation scale/√inputs, biases at zero: the numbers that `Network` has for the same seed. Write into them in place
    (`network.weights[0][...] = w`): they are views of the memory that the products read.
    """

    def __init__(
        self,
        channels: Sequence[int] = (16, 32),
        filter_size: Size | Sequence[tuple[int, int]] = 3,
        image: tuple[int, int, int] = (1, 28, 28),
        classes: int = 10,
        backend: Backend | None = None,
        seed: int = 0,
        micro_batch: int = 64,
        hidden: Sequence[int] = (),
        scale: float = 1.0,
    ) -> None:
        backend = backend or make_backend("numpy")
        if backend.name != "numpy":
            raise CourseError(f"FastCNN runs on numpy only and got the backend {backend.name!r}.")
        self.channels, self.image, self.hidden = tuple(channels), tuple(image), tuple(hidden)
        self.filter_sizes, self.shapes = shapes_of(self.channels, filter_size, self.image)
        self.classes, self.micro_batch, self.dtype = classes, micro_batch, backend.dtype
        for name, value in (("classes", classes), ("micro_batch", micro_batch), *(("hidden", m) for m in self.hidden)):
            check_size(name, value)
        self._packed, self._flipped, self.weights, self.biases = [], [], [], []
        for i, ((c, _, _), k, (r, s)) in enumerate(zip(self.shapes, self.channels, self.filter_sizes, strict=False)):
            packed = np.empty((k, r, c, s), self.dtype)
            logical = packed.transpose(0, 2, 1, 3)
            std = scale * (c * r * s) ** -0.5
            logical[...] = backend.normal((k, c, r, s), std, layer_seed(seed, i))
            self._packed.append(packed)
            self._flipped.append(np.empty((c, s, r, k), self.dtype))
            self.weights.append(logical)
            self.biases.append(backend.zeros((k,)))
        self.dense_sizes = (math.prod(self.shapes[-1]), *self.hidden, classes)
        self.dense, self.dense_biases = [], []
        for i, size in enumerate(zip(self.dense_sizes, self.dense_sizes[1:], strict=False), len(self.channels)):
            weight = backend.normal(size, size[0] ** -0.5, layer_seed(seed, i))
            weight *= scale
            self.dense.append(weight)
            self.dense_biases.append(backend.zeros((size[1],)))
        self.steps_taken = 0
        # Slices of columns that lie side by side in memory, and where they stand in an image.
        step = 2 ** len(self.channels)
        order = column_order(self.image[2], len(self.channels))
        self._arrange = [
            (slice(order.index(i), order.index(i) + len(range(i, self.image[2], step))), slice(i, None, step))
            for i in range(min(step, self.image[2]))
        ]
        self._stages: dict[int, list[Stage]] = {}
        self._work: dict[int, DenseWork] = {}
        self._parts: dict[int, list[tuple[slice, list[Stage], DensePart]]] = {}
        self._grad_weights = [np.empty((r * w.shape[1] * s, w.shape[0]), self.dtype) for w, (r, s) in
                              zip(self.weights, self.filter_sizes, strict=True)]  # fmt: skip
        self._grad_biases = [np.empty_like(b) for b in self.biases]
        self._grad_dense = [np.empty_like(w) for w in self.dense]
        self._grad_dense_biases = [np.empty_like(b) for b in self.dense_biases]

    @classmethod
    def from_spec(cls, spec: NetworkSpec, backend: Backend | None = None) -> FastCNN:
        """The network of a spec that `supports`; CourseError, with the reason, for another."""
        sizes = sizes_of(spec)
        if isinstance(sizes, str):
            raise CourseError(f"FastCNN cannot run {spec.name}: {sizes}; use nn.build(spec), which takes Network then.")
        return cls(
            sizes.channels, list(sizes.filter_sizes), spec.input, spec.classes, backend, spec.seed,
            hidden=sizes.hidden, scale=spec.initialisation.scale,
        )  # fmt: skip

    @staticmethod
    def supports(spec: NetworkSpec) -> str:
        """ "" if FastCNN can run this network, else why it cannot, in words."""
        sizes = sizes_of(spec)
        return sizes if isinstance(sizes, str) else ""

    def parameters(self) -> list[tuple[str, np.ndarray]]:
        """(name, array) of every weight and bias, with the names and shapes that `Network` gives them."""
        return list(zip(self._names(), self._arrays(), strict=True))

    def state(self) -> dict[str, np.ndarray]:
        """All that the next step depends on, in new arrays, named as `Network.state` with plain SGD names them."""
        return copied({**dict(self.parameters()), "optimiser.steps": self.steps_taken})

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `state` returned, here or from a Network. CourseError, and no change, if it differs."""
        check_state({**dict(self.parameters()), "optimiser.steps": 0}, state)
        for name, array in self.parameters():
            write(array, state[name])
        self.steps_taken = int(state["optimiser.steps"])

    def forward(self, images: np.ndarray) -> np.ndarray:
        """Probabilities (N, classes) of images (N, C, H, W) or (N, C·H·W), as a new array."""
        images = self._checked(images)
        probabilities = np.empty((len(images), self.classes), self.dtype)
        for start in range(0, len(images), self.micro_batch):
            some = images[start : start + self.micro_batch]
            ((_, stages, dense),) = self._micro_batches(len(some))
            self._logits(stages, dense, some, learning=False)
            dense.softmax()
            probabilities[start : start + len(some)] = dense.z.T
        return probabilities

    def step(self, images: np.ndarray, labels: np.ndarray, lr: float) -> float:
        """One step of gradient descent on images (N, C, H, W) and labels (N,); returns the mean loss before it."""
        images, labels = self._checked(images), np.asarray(labels)
        if labels.ndim != 1:
            raise CourseError(f"Labels of shape {labels.shape} are not one number an image; pass (N,).")
        check_pairs(images, labels)
        check_labels(labels, self.classes)
        return self._step(images, labels, lr)

    def train_epoch(self, images: Any, labels: Any, lr: float, batch_size: int = 64, order: Any = None) -> float:
        """One epoch, as `helpers.nn.train_epoch`: same arguments, same updates, same mean loss."""
        check_pairs(images, labels)
        images, labels = self._checked(images), np.asarray(labels)
        check_labels(labels, self.classes)
        if order is None:
            order = np.arange(len(labels))
        order = np.asarray(order)
        if len(order) == 0 or order.min() < 0 or order.max() >= len(labels):
            raise CourseError(f"The order must hold indices from 0 to {len(labels) - 1}; draw a permutation.")
        images = np.ascontiguousarray(images)  # or each take would copy them all
        batch = np.empty((min(batch_size, len(order)), *self.image), images.dtype)
        total = 0.0
        for start in range(0, len(order), batch_size):
            index = order[start : start + batch_size]
            # "clip" writes straight into the buffer; "raise" would build a copy first.
            here = images.take(index, axis=0, out=batch[: len(index)], mode="clip")
            total += len(index) * self._step(here, labels.take(index), lr)
        return total / len(order)

    def evaluate(self, images: Any, labels: Any) -> tuple[float, float]:
        """(mean loss, accuracy in 0…1), as `helpers.nn.evaluate`."""
        return evaluate(self, images, labels)

    def gradient_norms(self, images: Any, labels: Any) -> dict[str, float]:
        """Name of each parameter -> Euclidean norm of its gradient on this batch, as `Network.gradient_norms`."""
        images, labels = self._checked(images), np.asarray(labels)
        check_pairs(images, labels)
        check_labels(labels, self.classes)
        self._gradients(images, labels, self.dtype.type(1 / len(labels)))
        weights, biases = (*self._grad_weights, *self._grad_dense), (*self._grad_biases, *self._grad_dense_biases)
        gradients = (gradient for pair in zip(weights, biases, strict=True) for gradient in pair)
        return {name: float(np.linalg.norm(g)) for name, g in zip(self._names(), gradients, strict=True)}

    def _step(self, images: np.ndarray, labels: np.ndarray, lr: float) -> float:
        loss = self._gradients(images, labels, self.dtype.type(lr / len(labels)))
        for packed, gradient in zip(self._packed, self._grad_weights, strict=True):
            flat = packed.reshape(len(packed), -1).T
            np.subtract(flat, gradient, out=flat)
        arrays = (*self.biases, *self.dense, *self.dense_biases)
        gradients = (*self._grad_biases, *self._grad_dense, *self._grad_dense_biases)
        for array, gradient in zip(arrays, gradients, strict=True):
            np.subtract(array, gradient, out=array)
        self.steps_taken += 1
        return loss / len(labels)

    def _gradients(self, images: np.ndarray, labels: np.ndarray, scale: np.floating) -> float:
        """Fills every gradient, of the sum of losses times `scale`; returns that sum."""
        for packed, flipped in zip(self._packed[1:], self._flipped[1:], strict=True):
            flip(packed, flipped)
        for total in (*self._grad_weights, *self._grad_biases):
            total.fill(0)
        loss = 0.0
        for part, stages, dense in self._micro_batches(len(labels)):
            self._logits(stages, dense, images[part], learning=True)
            loss += dense.loss_and_gradient(labels[part], scale)
            dense.backward(self.dense)
            self._accumulate(stages, dense.into_stage(stages[-1].a))
        self._work[len(labels)].gradients(self._grad_dense, self._grad_dense_biases)
        return loss

    def _logits(self, stages: list[Stage], dense: DensePart, images: np.ndarray, learning: bool) -> None:
        """dense.z = logits of the images, less the largest of each."""
        columns = images.transpose(2, 1, 3, 0)
        for to, every in self._arrange:
            np.copyto(stages[0].x[:, :, to], columns[:, :, every])
        for stage, packed, bias in zip(stages, self._packed, self.biases, strict=True):
            stage.forward(packed.reshape(len(packed), -1), bias, learning)
        dense.from_stage(stages[-1].a)
        dense.logits(self.dense, self.dense_biases)

    def _accumulate(self, stages: list[Stage], gradient: np.ndarray) -> None:
        """Add the gradients of a micro-batch, from that of the last stage's pooled values before ReLU."""
        for i in range(len(stages) - 1, -1, -1):
            stage = stages[i]
            stage.backward(gradient)
            np.add(self._grad_weights[i], stage.grad_weight, out=self._grad_weights[i])
            np.add(self._grad_biases[i], stage.grad_bias, out=self._grad_biases[i])
            if i:
                c, s, r, k = self._flipped[i].shape
                gradient = stage.backward_data(self._flipped[i].reshape(c * s, r * k))

    def _micro_batches(self, n: int) -> list[tuple[slice, list[Stage], DensePart]]:
        """(images, stages, dense layers) of each micro-batch in a batch of n, made on first use."""
        if n not in self._parts:
            work = self._work[n] = DenseWork(self.dense_sizes, n, self.dtype)
            parts = [slice(i, min(i + self.micro_batch, n)) for i in range(0, n, self.micro_batch)]
            self._parts[n] = [(part, self._stages_for(part.stop - part.start), work.part(part)) for part in parts]
        return self._parts[n]

    def _stages_for(self, n: int) -> list[Stage]:
        if n not in self._stages:
            stages: list[Stage] = []
            for shape, k, size in zip(self.shapes, self.channels, self.filter_sizes, strict=False):
                below = stages[-1] if stages else None
                stages.append(Stage(n, shape, k, size, self.dtype, len(self.channels) - len(stages), below))
            self._stages[n] = stages
        return self._stages[n]

    def _names(self) -> Iterator[str]:
        # Places in Network's list: conv, relu, pool of each stage; flatten; dense and relu in turn.
        first = 3 * len(self.weights) + 1
        places = [*range(0, first - 1, 3), *range(first, first + 2 * len(self.dense), 2)]
        return (f"{place}.{name}" for place in places for name in ("weight", "bias"))

    def _arrays(self) -> Iterator[np.ndarray]:
        pairs = zip((*self.weights, *self.dense), (*self.biases, *self.dense_biases), strict=True)
        return (array for pair in pairs for array in pair)

    def _checked(self, images: Any) -> np.ndarray:
        """The images as (N, C, H, W); a CourseError if they are none of this network."""
        if not isinstance(images, np.ndarray):
            raise CourseError(
                f"FastCNN takes numpy arrays and got a {type(images).__name__}; convert the images first."
            )
        if images.dtype.kind not in "fiu":
            raise CourseError(f"Images of {images.dtype} hold no numbers to compute with; pass floats or integers.")
        if images.shape[1:] not in (self.image, (math.prod(self.image),)) or len(images) == 0:
            c, h, w = self.image
            raise CourseError(
                f"This network takes images of shape (N, {c}, {h}, {w}) and got {images.shape}; reshape them."
            )
        return images.reshape(-1, *self.image)
