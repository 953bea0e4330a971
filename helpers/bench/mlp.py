"""One epoch of 784-128-10 on 60,000 images: our numpy against PyTorch's nn.Linear, autograd and SGD, against an epoch
that JAX has compiled, where JAX is installed, and against the matrix products alone.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.bench.result import Result, demand
from helpers.data import load
from helpers.nn import FastMLP, fast_mlp
from helpers.timing import measure, ratio, spread

SIZES = (784, 128, 10)
RATE, BATCH = 0.1, 64
GOALS = {"PyTorch CPU": 0.5, "JAX CPU, compiled": 0.9, "its matrix products alone": None}


def bench(rounds: int = 7) -> list[Result]:
    """Interleaved epochs of all, one thread each; same weights at the start, same order, same accuracy after.

    Processor time: what others do on the machine meanwhile does not count. All on one core, where the system can be
    asked for that: JAX has threads of its own, whose waiting would be counted against it.
    """
    with _one_core():
        return _measured(rounds)


@contextlib.contextmanager
def _one_core() -> Iterator[None]:
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _measured(rounds: int) -> list[Result]:
    data = load()
    ours = FastMLP(SIZES)
    others: dict[str, Any] = {"PyTorch CPU": TorchMLP(ours, data)}
    if (jax := jax_or_none()) is not None:
        others["JAX CPU, compiled"] = JaxMLP(jax, ours, data)
    orders = [np.random.default_rng([0, e]).permutation(len(data.train_labels)) for e in range(rounds + 1)]
    losses: dict[str, list[float]] = {name: [] for name in ("numpy", *others)}

    def numpy_epoch() -> None:
        order = orders[len(losses["numpy"])]
        losses["numpy"].append(fast_mlp.train_epoch(ours, data.train_images, data.train_labels, RATE, BATCH, order))

    def epoch_of(name: str) -> Any:
        return lambda: losses[name].append(others[name].train_epoch(orders[len(losses[name])]))

    times = measure(
        {"numpy": numpy_epoch, **{name: epoch_of(name) for name in others},
         "its matrix products alone": lambda: products(ours, len(data.train_labels))},
        rounds=rounds, warmup=1, clock=time.process_time,
    )  # fmt: skip
    _, accuracy = fast_mlp.evaluate(ours, data.test_images, data.test_labels)
    accuracies = {"ours": accuracy}
    for name, other in others.items():
        apart = max(abs(a - b) for a, b in zip(losses["numpy"], losses[name], strict=True))
        demand(apart < 2e-3, f"The training losses of numpy and {name} differ by {apart:.2g}; they must agree.")
        accuracies[name] = theirs = other.accuracy()
        demand(
            abs(accuracy - theirs) < 0.002 and accuracy > 0.9,
            f"Accuracy is {accuracy:.2%} with numpy and {theirs:.2%} with {name}; they must agree and pass 90%.",
        )
    results = []
    for name, timing in times.items():
        if name == "numpy":
            continue
        middle, ratios = ratio(times["numpy"], timing)
        results.append(
            Result(
                f"mlp: one epoch of 784-128-10, batch 64, 60,000 images, float32, numpy against {name}",
                times["numpy"].median, timing.median, middle, "s", 1, rounds,
                {"against": name, "ours": spread(times["numpy"].seconds), "other": spread(timing.seconds),
                 "ratio": ratios, "accuracy": accuracies},
                GOALS[name],
            )
        )  # fmt: skip
    return results


def products(network: FastMLP, images: int) -> None:
    """The matrix products of an epoch of `network` with so many images, in its own tiles, and nothing else."""
    for start in range(0, images, BATCH):
        work = network.buffers(min(BATCH, images - start))
        for a, weight, z in work.forward:
            np.matmul(a, weight, z)
        for (below, step), g in zip(work.backward, [*work.d, work.out], strict=True):
            np.matmul(below, g, step)
        for down in work.down:
            np.matmul(*down)


def jax_or_none() -> Any:
    """JAX, told to take one thread, or None where it is not installed."""
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    try:
        import jax
    except ImportError:
        return None
    return jax


class JaxMLP:
    """The same network in JAX, a whole epoch compiled into one program, with the weights of a FastMLP."""

    def __init__(self, jax: Any, ours: FastMLP, data: Any) -> None:
        self.jax, jnp = jax, jax.numpy
        self.parameters = [(jnp.array(w), jnp.array(b)) for w, b in zip(ours.weights, ours.biases, strict=True)]
        self.images, self.labels, self.test_images, self.test_labels = map(
            jnp.array, (data.train_images, data.train_labels, data.test_images, data.test_labels)
        )

        def logits(parameters: Any, x: Any) -> Any:
            for weight, bias in parameters[:-1]:
                x = jax.nn.sigmoid(x @ weight + bias)
            weight, bias = parameters[-1]
            return x @ weight + bias

        def loss(parameters: Any, x: Any, labels: Any) -> Any:
            return -jnp.take_along_axis(jax.nn.log_softmax(logits(parameters, x)), labels[:, None], axis=1).mean()

        def step(parameters: Any, x: Any, labels: Any) -> Any:
            value, gradients = jax.value_and_grad(loss)(parameters, x, labels)
            return jax.tree.map(lambda p, g: p - RATE * g, parameters, gradients), value * len(labels)

        def epoch(parameters: Any, images: Any, labels: Any, order: Any) -> Any:
            whole = len(order) // BATCH * BATCH

            def one(parameters: Any, batch: Any) -> Any:
                return step(parameters, images[batch], labels[batch])

            parameters, sums = jax.lax.scan(one, parameters, order[:whole].reshape(-1, BATCH))
            total = sums.sum()
            if whole < len(order):
                parameters, last = one(parameters, order[whole:])
                total += last
            return parameters, total / len(order)

        self._epoch, self._logits = jax.jit(epoch, donate_argnums=0), jax.jit(logits)

    def train_epoch(self, order: np.ndarray) -> float:
        self.parameters, loss = self._epoch(self.parameters, self.images, self.labels, order)
        return float(loss)

    def accuracy(self) -> float:
        right = self._logits(self.parameters, self.test_images).argmax(1) == self.test_labels
        return float(right.mean())


class TorchMLP:
    """The same network as one writes it in PyTorch, with the weights of a FastMLP."""

    def __init__(self, ours: FastMLP, data: Any) -> None:
        import torch
        from torch import nn

        layers: list[Any] = []
        for weight, bias in zip(ours.weights, ours.biases, strict=True):
            linear = nn.Linear(*weight.shape)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(weight.T.copy()))
                linear.bias.copy_(torch.from_numpy(bias))
            layers += [linear, nn.Sigmoid()]
        self.network = nn.Sequential(*layers[:-1])
        self.loss = nn.CrossEntropyLoss()
        self.optimiser = torch.optim.SGD(self.network.parameters(), lr=RATE)
        self.images, self.labels, self.test_images, self.test_labels = map(
            torch.from_numpy, (data.train_images, data.train_labels, data.test_images, data.test_labels)
        )

    def train_epoch(self, order: np.ndarray) -> float:
        import torch

        indices = torch.from_numpy(order)
        total = torch.zeros(())  # summed as a tensor: .item() in each batch would wait for nothing
        for batch in indices.split(BATCH):
            loss = self.loss(self.network(self.images[batch]), self.labels[batch])
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            total += loss.detach() * len(batch)
        return total.item() / len(order)

    def accuracy(self) -> float:
        import torch

        with torch.no_grad():
            return (self.network(self.test_images).argmax(1) == self.test_labels).float().mean().item()
