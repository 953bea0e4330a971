"""A recurrent network of step functions that somebody else has written: unrolled over time, read out, and trained.

Arrays are (T, N, features), time first. A cell is two functions:

    step(x, *state, W, U, b) -> (*new state, kept)
    step_backward(*gradients for the new state, kept)
        -> (gradient for x, *those for the state before, gradients for W, U and b)

The state is (h,) of an RNN and (h, c) of an LSTM, (N, units) each; what a step keeps for its backward is its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.errors import CourseError
from helpers.nn import Adam, Linear
from helpers.zoo.checks import check_loss, check_size
from helpers.zoo.sequences import Curve, copy_task, softmax_loss
from helpers.zoo.text import write_text

State = tuple[np.ndarray, ...]
Clip = Callable[[list[np.ndarray], float], Any]
"""(gradients, most) -> (the gradients with a common norm of at most `most`, the norm before)."""


@dataclass
class Parameters:
    """W (inputs, gates·units), U (units, gates·units), b (gates·units,), and their gradients, as an optimiser takes
    them."""

    W: np.ndarray
    U: np.ndarray
    b: np.ndarray

    def __post_init__(self) -> None:
        shapes = [np.shape(a) for a in (self.W, self.U, self.b)]
        wide = shapes[0][1:] == shapes[1][1:] == shapes[2]
        if [len(s) for s in shapes] != [2, 2, 1] or not wide or shapes[1][1] % shapes[1][0]:
            raise CourseError(
                f"W, U and b have the shapes {shapes}; they should be (inputs, gates · units), (units, gates · units) "
                "and (gates · units,)."
            )
        self.W, self.U, self.b = (np.array(a, np.float32) for a in (self.W, self.U, self.b))
        self.gradient: list[np.ndarray] = []

    def parameters(self) -> list[tuple[str, np.ndarray]]:
        return [("W", self.W), ("U", self.U), ("b", self.b)]

    def gradients(self) -> list[tuple[str, np.ndarray]]:
        return list(zip("WUb", self.gradient, strict=True))


class Unrolled:
    """A cell over all steps of a sequence, and a dense readout of each h; `layers` are what an optimiser takes.

    step, step_backward: see above; parameters: W, U and b at the beginning; states: 1 for an RNN, 2 for an LSTM;
    through_time: (grad_h (T, N, units), what the steps kept) -> (grad_state, gradients for W, U and b), in place of the
    loop over `step_backward` here. After `loss`, `state` is the state after the last step, and `grad_state`
    (T, N, units) the gradient for the state *before* each step (h of an RNN, c of an LSTM).
    """

    def __init__(
        self, step: Any, step_backward: Any, parameters: Sequence[np.ndarray], outputs: int, states: int = 1,
        through_time: Any = None, seed: int = 0,
    ) -> None:  # fmt: skip
        from helpers.backend import backend

        check_size(outputs=outputs)
        self.step, self.step_backward = step, step_backward
        self.states, self.through_time = states, through_time
        self.cell = Parameters(*parameters)
        self.units = len(self.cell.U)
        self.readout = Linear(self.units, outputs, backend("numpy"), seed)
        self.layers = [self.cell, self.readout]
        self.state: State = ()
        self.grad_state = np.zeros(0)

    @property
    def parameters(self) -> int:
        """How many numbers there are to train."""
        return sum(a.size for _, a in self.cell.parameters()) + self.readout.weight.size + self.readout.bias.size

    def forward(self, x: np.ndarray, state: State | None = None) -> np.ndarray:
        """h (T, N, units) of x (T, N, inputs), from a state of zero where none is given."""
        if x.ndim != 3 or x.shape[2] != len(self.cell.W) or 0 in x.shape:
            raise CourseError(
                f"This network takes arrays of shape (steps, N, {len(self.cell.W)}) and got {x.shape}; put time first."
            )
        zero = np.zeros((x.shape[1], self.units), np.float32)
        state = state or (zero,) * self.states
        self.kept, hs = [], []
        for x_t in x:
            *new, kept = self.step(x_t, *state, self.cell.W, self.cell.U, self.cell.b)
            state = tuple(new)
            hs.append(state[0])
            self.kept.append(kept)
        self.state = state
        return np.stack(hs)

    def backward(self, grad_h: np.ndarray) -> None:
        """From the gradient that each h gets from the readout to those of W, U and b; it ends at the first step."""
        if self.through_time is not None:
            self.grad_state, *self.cell.gradient = self.through_time(grad_h, self.kept)
            return
        total = [np.zeros_like(a) for _, a in self.cell.parameters()]
        later = [np.zeros_like(grad_h[0])] * self.states
        self.grad_state = np.empty_like(grad_h)
        for t in reversed(range(len(grad_h))):
            _, *found = self.step_backward(later[0] + grad_h[t], *later[1:], self.kept[t])
            later = found[: self.states]
            self.grad_state[t] = later[-1]
            for sum_, gradient in zip(total, found[self.states :], strict=True):
                sum_ += gradient
        self.cell.gradient = total

    def loss(self, x: np.ndarray, targets: np.ndarray, state: State | None = None) -> tuple[float, np.ndarray]:
        """(mean cross-entropy of the last len(targets) steps, their logits (asked, N, outputs)), and all gradients."""
        h, asked = self.forward(x, state), len(targets)
        if asked > len(h):
            raise CourseError(f"There are {asked} targets and {len(h)} steps; give no more targets than steps.")
        logits = self.readout.forward(h[-asked:].reshape(-1, self.units)).reshape(*targets.shape, -1)
        loss, gradient = softmax_loss(logits.transpose(0, 2, 1), targets)
        grad_h = np.zeros_like(h)
        flat = gradient.transpose(0, 2, 1).reshape(-1, gradient.shape[1])
        grad_h[-asked:] = self.readout.backward(flat).reshape(asked, *h.shape[1:])
        self.backward(grad_h)
        return loss, logits

    def clip(self, clip: Clip | None, most: float) -> float:
        """Clips the gradients of all layers together; returns the norm that `clip` measured, NaN without one."""
        if clip is None:
            return float("nan")
        own = [*self.cell.gradient, self.readout.grad_weight, self.readout.grad_bias]
        clipped, norm = clip(own, most)
        *self.cell.gradient, self.readout.grad_weight, self.readout.grad_bias = clipped
        return float(norm)


def gradient_by_lag(net: Unrolled, x: np.ndarray, targets: np.ndarray, lag: int) -> list[float]:
    """Norm of `grad_state`, for the loss at the last step, 0, 1, …, `lag` steps before it, over the first of them."""
    if not 0 <= lag < len(x):
        raise CourseError(f"A lag of {lag} is not inside a sequence of {len(x)} steps; take 0 to {len(x) - 1}.")
    net.loss(x, targets[-1:])
    norms = np.sqrt((net.grad_state.astype(np.float64) ** 2).sum(axis=(1, 2)))[::-1]
    return [float(norm / norms[0]) for norm in norms[: lag + 1]]


def copies(n: int, lag: int, symbols: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The copy task, time first and features last: (x (lag + 2, n, symbols + 2), targets (1, n))."""
    x, targets = copy_task(n, lag, symbols, rng)
    return np.ascontiguousarray(x.transpose(0, 2, 1)), targets


def train_copies(
    net: Unrolled, clip: Clip | None, lag: int, steps: int, symbols: int, lr: float = 5e-3, batch: int = 50,
    seed: int = 0,
) -> float:  # fmt: skip
    """Adam on new sequences each step, clipped to a norm of 1; the accuracy (0…1) on 500 others."""
    rng, optimiser = np.random.default_rng([seed, 9]), Adam(net.layers)
    for step in range(steps):
        loss, _ = net.loss(*copies(batch, lag, symbols, rng))
        check_loss("The copy task's cross-entropy", loss, step)
        net.clip(clip, 1.0)
        optimiser.step(lr)
    x, targets = copies(500, lag, symbols, rng)
    return float((net.loss(x, targets)[1].argmax(axis=-1) == targets).mean())


Read = Callable[[Callable[..., Any], Sequence[np.ndarray], int], float]
"""(learn, texts, length) -> mean loss: lets `learn(inputs, targets, state)` see all windows of all texts."""


def train_characters(
    net: Unrolled, read: Read, clip: Clip | None, texts: Sequence[np.ndarray], test: np.ndarray, lr: float = 4e-3,
    length: int = 32, most: float = 1.0, every: int = 5, note: Callable[[float], Any] | None = None,
) -> Curve:  # fmt: skip
    """Adam on `texts`, integers (steps, N) each, which `read` cuts into windows; bits a character on `test` (steps,)
    after every so many texts. note: called with the norm of each window's gradient."""
    letters, optimiser, step, used, curve = len(net.cell.W), Adam(net.layers), 0, 0.0, []
    eye = np.eye(letters, dtype=np.float32)

    def learn(inputs: np.ndarray, targets: np.ndarray, state: State | None) -> tuple[float, State]:
        nonlocal step
        loss, _ = net.loss(eye[inputs], targets, state)
        check_loss("The cross-entropy of the next character", loss, step)
        norm = net.clip(clip, most)
        if note:
            note(norm)
        optimiser.step(lr)
        step += 1
        return loss, net.state

    for i, text in enumerate(texts):
        began = time.process_time()
        read(learn, [text], length)
        used += time.process_time() - began
        if (i + 1) % every == 0 or i + 1 == len(texts):
            curve.append((used, bits(net, test)))
    return curve


def bits(net: Unrolled, codes: np.ndarray) -> float:
    """Bits a character on this text (steps,), read once from a state of zero."""
    logits = logits_of(net, codes)
    return softmax_loss(logits[:, :, None], codes[1:, None])[0] / float(np.log(2))


def logits_of(net: Unrolled, codes: np.ndarray) -> np.ndarray:
    """The logits (steps − 1, letters) of each next character of this text (steps,)."""
    if len(codes) < 2:
        raise CourseError(f"A text of {len(codes)} characters has no next one; give at least 2.")
    x = np.eye(len(net.cell.W), dtype=np.float32)[codes[:-1, None]]
    return net.readout.forward(net.forward(x)[:, 0])


def write(net: Unrolled, alphabet: str, length: int, seed: int = 0, start: str = "the ") -> str:
    """`start`, and what the network writes after it: each character is drawn from its probabilities."""
    eye, state = np.eye(len(alphabet), dtype=np.float32), None

    def next_logits(codes: np.ndarray) -> np.ndarray:
        nonlocal state
        logits = net.readout.forward(net.forward(eye[codes[:, None]], state)[-1])[0]
        state = net.state
        return logits

    return write_text(next_logits, alphabet, length, seed, start)
