"""Sequences to learn from, and the loss of what is predicted for each step of one."""

from __future__ import annotations

import numpy as np

from helpers.errors import CourseError
from helpers.zoo.checks import check_size

Curve = list[tuple[float, float]]
"""(seconds of training, bits a character on the text that was held out)."""


def copy_task(n: int, lag: int, symbols: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(x (lag + 2, symbols + 2, n), targets (1, n)): a marked symbol, `lag` without the mark, and the question."""
    check_size(sequences=n, symbols=symbols)
    check_size(0, lag=lag)
    shown = rng.integers(symbols, size=(lag + 1, 1, n))
    x = np.zeros((lag + 2, symbols + 2, n), np.float32)
    np.put_along_axis(x[:-1], shown, 1, axis=1)
    x[0, symbols] = x[-1, symbols + 1] = 1
    return x, shown[0]


def streams(codes: np.ndarray, count: int) -> np.ndarray:
    """The text cut into `count` pieces side by side, (steps, count)."""
    length = len(codes) // count
    if length < 2:
        raise CourseError(f"A text of {len(codes)} characters has no {count} streams of at least 2; give a longer one.")
    return codes[: length * count].reshape(count, length).T


def softmax_loss(logits: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    """(mean cross-entropy in nats, its gradient for the logits (steps, outputs, N)); targets: integers (steps, N)."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    at = np.arange(len(targets))[:, None], targets, np.arange(targets.shape[1])
    loss = -float(np.log(np.maximum(p[at], np.finfo(p.dtype).tiny)).mean())
    p[at] -= 1
    return loss, p / targets.size
