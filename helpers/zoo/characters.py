"""A character model: an RNN and an LSTM predict the next character of a text, and write some of their own.

The text runs by in parallel streams, a window at a time: the state is carried on from window to window and the gradient
is not (truncated backpropagation through time). Quality is bits a character, the mean of −log₂ p of what comes next on
text that was held out; it is also what an arithmetic coder would need to store it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from helpers import plots
from helpers.nn import Adam
from helpers.zoo.checks import check_loss
from helpers.zoo.outcome import Measured, Outcome
from helpers.zoo.recurrent import CELLS, SequenceNet, State, clip
from helpers.zoo.sequences import Curve, streams
from helpers.zoo.text import counted_bits, encode, halves, write_text


def one_hot(codes: np.ndarray, letters: int) -> np.ndarray:
    """(steps, N) -> (steps, letters, N) of 0 and 1, float32."""
    x = np.zeros((*codes.shape[:1], letters, *codes.shape[1:]), np.float32)
    np.put_along_axis(x, codes[:, None], 1, axis=1)
    return x


def train(
    net: SequenceNet, codes: np.ndarray, test: np.ndarray, letters: int, epochs: int, every: int = 5,
    count: int = 16, window: int = 32, lr: float = 4e-3, seed: int = 0,
) -> Curve:  # fmt: skip
    """Adam with clipping; bits on `test` after every so many epochs. The state is zero at the start of each epoch, and
    the streams are cut anew, at a place of the text that is drawn."""
    optimiser, rng, used, step, curve = Adam(net.layers), np.random.default_rng(seed), 0.0, 0, []
    for epoch in range(epochs):
        began = time.process_time()
        text = streams(np.roll(codes, int(rng.integers(len(codes)))), count)
        state: State | None = None
        for start in range(0, len(text) - 1, window):
            here = text[start : start + window + 1]
            loss, _ = net.loss(one_hot(here[:-1], letters), here[1:], state)
            check_loss("The cross-entropy of the next character", loss, step)
            state = net.cell.state
            clip(net.layers, 1.0)
            optimiser.step(lr)
            step += 1
        used += time.process_time() - began
        if (epoch + 1) % every == 0 or epoch + 1 == epochs:
            curve.append((used, bits(net, test, letters)))
    return curve


def bits(net: SequenceNet, codes: np.ndarray, letters: int) -> float:
    """Bits a character on this text, read once from a state of zero."""
    return net.loss(one_hot(codes[:-1, None], letters), codes[1:, None])[0] / float(np.log(2))


def write(net: SequenceNet, alphabet: str, length: int, seed: int = 0, start: str = "the ") -> str:
    """`start`, and what the network writes after it: each character is drawn from its probabilities."""
    state: State | None = None

    def next_logits(codes: np.ndarray) -> np.ndarray:
        nonlocal state
        logits = net.readout.forward(net.cell.forward(one_hot(codes[:, None], len(alphabet)), state)[-1:])[0, :, 0]
        state = net.cell.state
        return logits

    return write_text(next_logits, alphabet, length, seed, start)


@dataclass(frozen=True)
class Size:
    units: int
    epochs: int
    goal: float


SIZES = {"full": Size(64, 50, 2.2), "quick": Size(32, 8, 3.6)}


def run(size: str = "full", seed: int = 0, data: str = "mnist") -> Outcome:
    """RNN and LSTM with as many units on the course's text, beside models that count."""
    s = SIZES[size]
    codes, alphabet = encode()
    letters = len(alphabet)
    learned, test = halves(codes)
    curves, wrote = {}, ""
    for name, cell in CELLS.items():
        net = SequenceNet(cell(letters, s.units, seed), letters, seed)
        curves[name] = train(net, learned, test, letters, s.epochs, seed=seed)
        wrote = write(net, alphabet, 100, seed)
    counted = {k: counted_bits(learned, test, letters, k) for k in (0, 1, 2, 4)}
    last = {name: curve[-1][1] for name, curve in curves.items()}
    return Outcome(
        [
            *(Measured(f"counting after {k} characters", b, "bits a character") for k, b in counted.items()),
            *(Measured(name, b, "bits a character", at_most=s.goal if name == "LSTM" else None)
              for name, b in last.items()),
        ],
        plots.bits_by_seconds(curves, f"The next character, {s.units} units", counted),
        [f"the LSTM writes: {wrote}"],
    )  # fmt: skip
