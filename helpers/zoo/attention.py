"""One attention head beside an LSTM of as many parameters, on the same text.

Every position asks all positions up to itself: scores qᵀk/√d, a softmax over the positions that may be seen, and the
mean of their values v with these weights. Nothing is carried from step to step, so all steps are computed at once and
no gradient has to travel far; the price is a window of fixed length and scores for every pair in it. Vaswani and
others, *Attention Is All You Need* (2017).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.backend import Backend
from helpers.backend import backend as make_backend
from helpers.errors import CourseError
from helpers.nn import Adam, Linear
from helpers.zoo import characters
from helpers.zoo.chain import Chain, dense
from helpers.zoo.characters import Curve
from helpers.zoo.checks import check_loss, check_size
from helpers.zoo.outcome import Measured, Outcome
from helpers.zoo.recurrent import LSTM, SequenceNet, softmax_loss
from helpers.zoo.text import encode, halves


class Head:
    """y_t = Σ_{s≤t} p_ts v_s, p_t = softmax over s ≤ t of q_t·k_s/√d; (N, T, d) -> (N, T, d)."""

    def __init__(self, d: int, backend: Backend, seed: int = 0) -> None:
        check_size(d=d)
        self.weight = backend.normal((d, 3 * d), d**-0.5, seed)  # of q, k and v side by side
        self.bias = backend.zeros((3 * d,))

    def forward(self, x: np.ndarray) -> np.ndarray:
        t, d = x.shape[1:]
        self.x = x
        self.q, self.k, self.v = np.split(x @ self.weight + self.bias, 3, axis=-1)
        scores = self.q @ self.k.transpose(0, 2, 1) * d**-0.5
        scores = np.where(np.tri(t, dtype=bool), scores, -np.inf)  # row t sees the columns up to t
        e = np.exp(scores - scores.max(axis=-1, keepdims=True))
        self.p = e / e.sum(axis=-1, keepdims=True)
        return self.p @ self.v

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        d = gradient.shape[-1]
        grad_v = self.p.transpose(0, 2, 1) @ gradient
        grad_p = gradient @ self.v.transpose(0, 2, 1)
        # The softmax's derivative; where p is 0, behind the mask, so is this.
        grad_scores = self.p * (grad_p - (grad_p * self.p).sum(axis=-1, keepdims=True)) * d**-0.5
        grad_q, grad_k = grad_scores @ self.k, grad_scores.transpose(0, 2, 1) @ self.q
        three = np.concatenate([grad_q, grad_k, grad_v], axis=-1)
        flat = three.reshape(-1, 3 * d)
        self.grad_weight, self.grad_bias = self.x.reshape(-1, d).T @ flat, flat.sum(axis=0)
        return three @ self.weight.T


class Places:
    """What a character is and where it stands: row code of `weight` plus row t of `bias`, (N, T) -> (N, T, d)."""

    def __init__(self, letters: int, window: int, d: int, backend: Backend, seed: int = 0) -> None:
        check_size(letters=letters, window=window, d=d)
        self.weight, self.bias = (backend.normal((n, d), 0.3, [seed, i]) for i, n in enumerate((letters, window)))

    def forward(self, codes: np.ndarray) -> np.ndarray:
        if codes.shape[1] > len(self.bias):
            raise CourseError(f"The window has {len(self.bias)} places and got {codes.shape[1]}; give shorter pieces.")
        self.codes = codes
        return self.weight[codes] + self.bias[: codes.shape[1]]

    def backward(self, gradient: np.ndarray) -> None:
        self.grad_weight, self.grad_bias = np.zeros_like(self.weight), np.zeros_like(self.bias)
        np.add.at(self.grad_weight, self.codes, gradient)
        self.grad_bias[: gradient.shape[1]] = gradient.sum(axis=0)


class Reader:
    """Places, then a = e + head(e) and m = a + dense(a), then logits (N, T, letters): one block of a transformer,
    without its normalisation."""

    def __init__(
        self, letters: int, window: int, d: int, inner: int, backend: Backend | None = None, seed: int = 0
    ) -> None:
        check_size(inner=inner)
        backend = backend or make_backend("numpy")
        self.places, self.head = Places(letters, window, d, backend, seed), Head(d, backend, seed + 1)
        self.dense: Chain = dense([d, inner, d], backend, seed + 2)
        self.readout = Linear(d, letters, backend, seed + 3)
        self.layers = [self.places, self.head, *self.dense.layers, self.readout]

    def forward(self, codes: np.ndarray) -> np.ndarray:
        e = self.places.forward(codes)
        a = e + self.head.forward(e)
        flat = a.reshape(-1, a.shape[-1])
        return self.readout.forward(flat + self.dense.forward(flat)).reshape(*codes.shape, -1)

    def loss(self, codes: np.ndarray, targets: np.ndarray) -> float:
        """Mean cross-entropy of the next characters, (N, T) each, and the gradients in every layer."""
        loss, gradient = softmax_loss(self.forward(codes).transpose(1, 2, 0), targets.T)
        flat = self.readout.backward(gradient.transpose(2, 0, 1).reshape(-1, gradient.shape[1]))
        grad_a = (flat + self.dense.backward(flat)).reshape(*codes.shape, -1)
        self.places.backward(grad_a + self.head.backward(grad_a))
        return loss


def parameters(layers: Any) -> int:
    """How many numbers there are to train."""
    arrays = [array for layer in layers for name, array in vars(layer).items() if name in ("weight", "bias")]
    return sum(array.size for array in arrays)


def reader_like(lstm: SequenceNet, letters: int, window: int, d: int, seed: int = 0) -> Reader:
    """A Reader whose inner layer has the width that comes closest to the LSTM's number of parameters."""
    goal, without = parameters(lstm.layers), parameters(Reader(letters, window, d, 1).layers)
    return Reader(letters, window, d, max(1, 1 + round((goal - without) / (2 * d + 1))), seed=seed)


def train(
    net: Reader, codes: np.ndarray, test: np.ndarray, steps: int, every: int, batch: int = 16, lr: float = 3e-3,
    seed: int = 0,
) -> Curve:  # fmt: skip
    """Adam on windows that begin anywhere in the text; bits on `test` after every so many steps."""
    window, optimiser = len(net.places.bias), Adam(net.layers)
    if len(codes) <= window:
        raise CourseError(f"A text of {len(codes)} characters is too short for windows of {window}; give a longer one.")
    rng, used, curve = np.random.default_rng(seed), 0.0, []
    for step in range(steps):
        began = time.process_time()
        start = rng.integers(len(codes) - window, size=(batch, 1)) + np.arange(window)
        check_loss("The cross-entropy of the next character", net.loss(codes[start], codes[start + 1]), step)
        optimiser.step(lr)
        used += time.process_time() - began
        if (step + 1) % every == 0 or step + 1 == steps:
            curve.append((used, bits(net, test)))
    return curve


def bits(net: Reader, codes: np.ndarray) -> float:
    """Bits a character: the text in windows that overlap by half, so that all but the first have half a window behind
    them."""
    window = len(net.places.bias)
    half, total, n = window // 2, 0.0, len(codes) - 1
    for start in range(0, max(1, n - half), half):
        stop = min(start + window, n)
        skip = half if start else 0
        logits = net.forward(codes[None, start:stop])[:, skip:]
        targets = codes[start + skip + 1 : stop + 1, None]
        total += len(targets) * softmax_loss(logits.transpose(1, 2, 0), targets)[0]
    return total / n / float(np.log(2))


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
    return Outcome(measured, picture(curves, sizes))


def within(curve: Curve, seconds: float) -> float:
    """The bits that were last measured in so many seconds, NaN where none were."""
    return ([float("nan")] + [b for at, b in curve if at <= seconds])[-1]


def picture(curves: dict[str, Curve], sizes: dict[str, int]) -> Any:
    """Bits a character against the seconds of training."""
    from helpers.plots.style import axes, figure, line, with_alt

    fig = figure(7, 3.8)
    ax = fig.subplots()
    for i, (name, curve) in enumerate(curves.items()):
        seconds, values = zip(*curve, strict=True)
        ax.plot(seconds, values, **line(i, len(values)), label=f"{name}, {sizes[name]:,} parameters")
    title = "The next character with as many parameters"
    axes(ax, title, "seconds of training", "bits a character, held out")
    ax.legend(frameon=False)
    said = "; ".join(
        f"{name} ({sizes[name]:,} parameters) reaches {curve[-1][1]:.2f} in {curve[-1][0]:.0f} s"
        for name, curve in curves.items()
    )
    return with_alt(fig, f"{title}, bits a character on held-out text against seconds of training: {said}.")
