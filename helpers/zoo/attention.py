"""One attention head beside an LSTM of as many parameters, on the same text.

Every position asks all positions up to itself: scores qᵀk/√d, a softmax over the positions that may be seen, and the
mean of their values v with these weights. Nothing is carried from step to step, so all steps are computed at once and
no gradient has to travel far; the price is a window of fixed length and scores for every pair in it. Vaswani and
others, *Attention Is All You Need* (2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers import plots
from helpers.backend import Backend
from helpers.zoo import characters, reader
from helpers.zoo.outcome import Measured, Outcome
from helpers.zoo.reader import inner_like, parameters, train
from helpers.zoo.recurrent import LSTM, SequenceNet
from helpers.zoo.sequences import Curve
from helpers.zoo.text import encode, halves


def attend(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y_t = Σ_{s≤t} p_ts v_s and p, with p_t = softmax over s ≤ t of q_t·k_s/√d; q, k and v are (N, T, d)."""
    t, d = q.shape[1:]
    scores = q @ k.transpose(0, 2, 1) * d**-0.5
    scores = np.where(np.tri(t, dtype=bool), scores, -np.inf)  # row t sees the columns up to t
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return p @ v, p


def attend_backward(
    gradient: np.ndarray, q: np.ndarray, k: np.ndarray, v: np.ndarray, p: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients for q, k and v, from that for y."""
    grad_p = gradient @ v.transpose(0, 2, 1)
    # The softmax's derivative; where p is 0, behind the mask, so is this.
    grad_scores = p * (grad_p - (grad_p * p).sum(axis=-1, keepdims=True)) * q.shape[-1] ** -0.5
    return grad_scores @ k, grad_scores.transpose(0, 2, 1) @ q, p.transpose(0, 2, 1) @ gradient


class Reader(reader.Reader):
    """`reader.Reader` with the attention of this file."""

    def __init__(
        self, letters: int, window: int, d: int, inner: int, backend: Backend | None = None, seed: int = 0
    ) -> None:
        super().__init__(letters, window, d, inner, attend, attend_backward, backend, seed)


def reader_like(lstm: SequenceNet, letters: int, window: int, d: int, seed: int = 0) -> Reader:
    """A Reader whose inner layer has the width that comes closest to the LSTM's number of parameters."""
    return Reader(letters, window, d, inner_like(parameters(lstm.layers), letters, window, d), seed=seed)


@dataclass(frozen=True)
class Size:
    units: int
    d: int
    epochs: int
    steps: int
    goal: float


WINDOW = 64
SIZES = {"full": Size(64, 48, 50, 900, 2.4), "quick": Size(32, 24, 8, 60, 3.8)}


def run(size: str = "full", seed: int = 0, data: str = "mnist") -> Outcome:
    """Both with the same number of parameters, on the same text."""
    s = SIZES[size]
    codes, alphabet = encode()
    learned, test = halves(codes)
    lstm = SequenceNet(LSTM(len(alphabet), s.units, seed), len(alphabet), seed)
    head = reader_like(lstm, len(alphabet), WINDOW, s.d, seed)
    curves = {
        "LSTM": characters.train(lstm, learned, test, len(alphabet), s.epochs, seed=seed),
        "attention head": train(head, learned, test, s.steps, max(1, s.steps // 15), seed=seed),
    }
    sizes = {"LSTM": parameters(lstm.layers), "attention head": parameters(head.layers)}
    seen = {"LSTM": s.epochs * len(learned), "attention head": s.steps * 16 * WINDOW}
    measured = []
    for name, curve in curves.items():
        measured += [
            Measured(f"{name}: parameters", sizes[name], digits=6),
            Measured("  bits a character, held out", curve[-1][1], at_most=s.goal),
            Measured("  trained on", seen[name] / curve[-1][0] / 1000, "thousand characters a second"),
            Measured("  bits a character after the same time", within(curve, min(c[-1][0] for c in curves.values()))),
        ]
    named = {f"{name}, {sizes[name]:,} parameters": curve for name, curve in curves.items()}
    return Outcome(measured, plots.bits_by_seconds(named, "The next character with as many parameters"))


def within(curve: Curve, seconds: float) -> float:
    """The bits that were last measured in so many seconds, NaN where none were."""
    return ([float("nan")] + [b for at, b in curve if at <= seconds])[-1]
