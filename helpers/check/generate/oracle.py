"""The right results of `generate`, plain float64 numpy; finite differences in the tests hold them."""

from __future__ import annotations

from itertools import product

import numpy as np

from helpers.check.core.oracle import sigmoid
from helpers.zoo.toys import MODES, SPREAD, states

__all__ = ["MODES", "SPREAD", "bits", "cd", "discriminator", "free_energy", "generator", "log_likelihood", "sigmoid"]


def softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + e^x)."""
    return np.logaddexp(0, x)


def reconstruction(x: np.ndarray, x_hat: np.ndarray) -> tuple[float, np.ndarray]:
    return 0.5 * float(((x_hat - x) ** 2).sum()) / len(x), (x_hat - x) / len(x)


def components(images: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mean, eigenvalues, eigenvectors as columns), the largest first."""
    mean = images.mean(axis=0)
    values, vectors = np.linalg.eigh((images - mean).T @ (images - mean))
    return mean, values[::-1], vectors[:, ::-1]


def free_energy(v: np.ndarray, weight: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    return -v @ b - softplus(v @ weight + c).sum(axis=1)


def log_z(weight: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    energies = -free_energy(states(len(b)), weight, b, c)
    return float(energies.max() + np.log(np.exp(energies - energies.max()).sum()))


def log_likelihood(v: np.ndarray, weight: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    return float(-free_energy(v, weight, b, c).mean() - log_z(weight, b, c))


def bits(*shape: int) -> np.ndarray:
    """All arrays of 0 and 1 of this shape, (2^size, *shape)."""
    size = int(np.prod(shape))
    return np.array(list(product((0.0, 1.0), repeat=size))).reshape(-1, *shape)


def cd(
    v: np.ndarray, weight: np.ndarray, v1: np.ndarray, p: np.ndarray, p1: np.ndarray, pc: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three gradients for many candidates (…, N, units) at once. pc: what stands for p in c's gradient."""
    n = len(v)
    outer = np.swapaxes(v1, -1, -2) @ p1 - v.T @ p
    return outer / n, (v1 - v).sum(axis=-2) / n, (p1 - (p if pc is None else pc)).sum(axis=-2) / n


def kl(mean: np.ndarray, log_variance: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    n, variance = len(mean), np.exp(log_variance)
    value = 0.5 * float((mean**2 + variance - log_variance - 1).sum()) / n
    return value, mean / n, 0.5 * (variance - 1) / n


def pixels(x: np.ndarray, logits: np.ndarray) -> tuple[float, np.ndarray]:
    return float((softplus(logits) - x * logits).sum()) / len(x), (sigmoid(logits) - x) / len(x)


def discriminator(real: np.ndarray, made: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    value = float(softplus(-real).mean() + softplus(made).mean())
    return value, (sigmoid(real) - 1) / len(real), sigmoid(made) / len(made)


def generator(made: np.ndarray) -> tuple[float, np.ndarray]:
    return float(softplus(-made).mean()), (sigmoid(made) - 1) / len(made)


def found(points: np.ndarray) -> tuple[int, float]:
    distance = np.linalg.norm(points[:, None] - MODES, axis=2)
    near = distance.min(axis=1) < 4 * SPREAD
    share = np.bincount(distance.argmin(axis=1)[near], minlength=8) / len(points)
    return int((share >= 0.02).sum()), float(near.mean())


class MLP:
    """Linear layers with ReLU between, parameters (weight, bias, weight, …)."""

    def __init__(self, parameters: list[np.ndarray]) -> None:
        self.parameters = [p.copy() for p in parameters]

    def forward(self, x: np.ndarray) -> list[np.ndarray]:
        """x, and the output of each layer, ReLU included where there is one."""
        found = [x]
        last = len(self.parameters) - 2
        for i in range(0, len(self.parameters), 2):
            y = found[-1] @ self.parameters[i] + self.parameters[i + 1]
            found.append(y if i == last else np.maximum(y, 0))
        return found

    def backward(self, kept: list[np.ndarray], g: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """(gradients of the parameters, gradient for the input) after the forward that gave `kept`."""
        gradients: list[np.ndarray] = []
        for layer in range(len(kept) - 2, -1, -1):
            if layer < len(kept) - 2:
                g = g * (kept[layer + 1] > 0)
            gradients = [kept[layer].T @ g, g.sum(axis=0), *gradients]
            g = g @ self.parameters[2 * layer].T
        return gradients, g

    def stepped(self, gradients: list[np.ndarray], lr: float) -> list[np.ndarray]:
        return [p - lr * g for p, g in zip(self.parameters, gradients, strict=True)]
