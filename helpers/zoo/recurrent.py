"""RNN and LSTM: a state that is carried from step to step, and how far back its gradient reaches.

RNN: h_t = tanh(W x_t + U h_{t−1} + b). Going back, the gradient is multiplied by Uᵀ and by the slope of tanh at every
step, and vanishes (or explodes). LSTM: the cell c_t = f·c_{t−1} + i·g is multiplied by the forget gate f alone, which
can stay near 1. Hochreiter and Schmidhuber, *Long Short-Term Memory* (1997); the forget gate: Gers, Schmidhuber and
Cummins (2000). The copy task shows a marked symbol, then `lag` others that are to
be ignored, then asks for the first.

Arrays are (steps, features, N): a state is a matrix with a column for each sequence, so that each gate is one block of
memory. That and one tanh for all gates of a step make it fast, all that is kept of a step side by side, and products of
a quarter of the rows each: OpenBLAS multiplies several matrices of up to 100³ operations faster than one larger one, as
it need not repack them, if none of them has to be read transposed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from helpers import plots
from helpers.errors import CourseError
from helpers.nn import Adam
from helpers.nn.optimisers import parameters_and_gradients
from helpers.zoo.checks import check_loss, check_size
from helpers.zoo.outcome import Measured, Outcome
from helpers.zoo.sequences import copy_task, softmax_loss

State = tuple[np.ndarray, ...]


class Recurrent:
    """What RNN and LSTM share: weight (gates·units, inputs + units), which is W and U side by side, and bias
    (gates·units, 1).

    W and U are drawn between −1/√units and 1/√units, as PyTorch draws them; b is zero. After backward, `grad_state`
    (steps, units, N) holds the gradient for what is carried on, h_t of an RNN and c_t of an LSTM, with all that comes
    back from later steps.
    """

    gates = 1

    def __init__(self, inputs: int, units: int, seed: int = 0, dtype: Any = np.float32) -> None:
        check_size(inputs=inputs, units=units)
        self.inputs, self.units, most = inputs, units, units**-0.5
        draws = np.random.default_rng(seed).uniform(-most, most, (self.gates * units, inputs + units))
        self.weight, self.bias = draws.astype(dtype), np.zeros((self.gates * units, 1), dtype)
        self.grad_weight, self.grad_bias = np.zeros_like(self.weight), np.zeros_like(self.bias)
        self.grad_state = np.zeros(0)
        self.state: State = ()
        self._work: dict[str, np.ndarray] = {}

    def forward(self, x: np.ndarray, state: State | None = None) -> np.ndarray:
        """h (steps, units, N) of x (steps, inputs, N). state: what `self.state` was after an earlier call, else zero;
        it is carried on, and the gradient is not. The next call writes over what this one returns."""
        raise NotImplementedError

    def backward(self, grad_h: np.ndarray) -> np.ndarray:
        """The gradient for x, from that for h; fills grad_weight and grad_bias. It ends at the first step."""
        raise NotImplementedError

    def _array(self, name: str, *shape: int) -> np.ndarray:
        """An array that is used again by the next call of the same size: fresh memory costs as much as arithmetic."""
        kept = self._work.get(name)
        if kept is None or kept.shape != shape:
            kept = self._work[name] = np.empty(shape, self.weight.dtype)
        return kept

    def _begin(self, x: np.ndarray, state: State | None, *rows: int) -> list[np.ndarray]:
        """Makes `_seen` (units + inputs + 1, N), which is to hold h_{t−1} on top of x_t on top of ones, so that
        U h_{t−1} + W x_t + b is one product, and its factor `_together`; returns arrays (steps, rows, N) for what is
        kept of each step, h first. All that belongs to a step lies side by side, and all steps in one array, which is
        large enough for the system to use large pages."""
        if x.ndim != 3 or x.shape[1] != self.inputs or 0 in x.shape:
            raise CourseError(
                f"A recurrent network takes arrays of shape (steps, {self.inputs}, N) and got {x.shape}; "
                "put time first and the sequences last."
            )
        steps, _, n = x.shape
        W, U = np.split(self.weight, [self.inputs], axis=1)
        self._together = np.hstack([U, W, self.bias])
        self._seen = self._array("seen", self._together.shape[1], n)
        self._seen[: self.units] = 0 if state is None else state[0]
        self._seen[-1] = 1
        sizes = [self.units, len(self._seen), self.units, *rows]
        kept = self._array("steps", steps, sum(sizes), n)
        self.h, turned, self.grad_state, *more = np.split(kept, np.cumsum(sizes)[:-1], axis=1)
        self._turned = turned.reshape(steps, n, -1)
        return more

    def _see(self, x: np.ndarray, t: int) -> np.ndarray:
        """`_seen` at step t, after its transpose was kept for backward."""
        self._seen[self.units : -1] = x[t]
        self._turned[t] = self._seen.T
        return self._seen

    def _by_gate(self, rows: np.ndarray) -> np.ndarray:
        """(gates·units, …) as (gates, units, …)."""
        return rows.reshape(self.gates, self.units, -1)

    def _begin_back(self) -> int:
        """Arrays for what backward finds; returns the number of steps."""
        steps, n, seen = self._turned.shape
        self._sums, self._product = (self._array(name, self.gates, self.units, seen) for name in ("sums", "product"))
        self._sums[...] = 0
        back = np.ascontiguousarray(self._together[:, :-1].T)
        self._back_weight = back.reshape(math.gcd(len(back), self.gates), -1, len(self._together))
        self._grads = self._array("grads", self.units + steps * self.inputs, n)
        return steps

    def _back(self, t: int, dz: np.ndarray) -> np.ndarray:
        """From the gradient (gates, units, N) for z_t = W x_t + U h_{t−1} + b to those of W, U, b and x_t; returns that
        for h_{t−1}, which stands before that for x_t, where step t − 1 will write over it."""
        self._sums += np.matmul(dz, self._turned[t], out=self._product)
        both = self._grads[t * self.inputs :][: self.units + self.inputs]
        blocks = both.reshape(len(self._back_weight), -1, dz.shape[-1])
        np.matmul(self._back_weight, dz.reshape(-1, dz.shape[-1]), out=blocks)
        return both[: self.units]

    def _end_back(self) -> np.ndarray:
        """Puts the sums over all steps where they belong; returns the gradient for x."""
        U, W, b = np.split(self._sums.reshape(len(self.weight), -1), [self.units, -1], axis=1)
        self.grad_weight[...], self.grad_bias[...] = np.hstack([W, U]), b
        return self._grads[self.units :].reshape(-1, self.inputs, self._grads.shape[1])


class RNN(Recurrent):
    """h_t = tanh(W x_t + U h_{t−1} + b)."""

    def forward(self, x: np.ndarray, state: State | None = None) -> np.ndarray:
        self._begin(x, state)
        for t in range(len(x)):
            np.tanh(self._together @ self._see(x, t), out=self.h[t])
            self._seen[: self.units] = self.h[t]
        self.state = (self.h[-1].copy(),)
        return self.h

    def backward(self, grad_h: np.ndarray) -> np.ndarray:
        later: Any = 0
        for t in reversed(range(self._begin_back())):
            dh = np.add(grad_h[t], later, out=self.grad_state[t])
            later = self._back(t, self._by_gate(dh * (1 - self.h[t] ** 2)))
        return self._end_back()


class LSTM(Recurrent):
    """c_t = f·c_{t−1} + i·g, h_t = o·tanh(c_t); i, f, o = sigmoid and g = tanh of W x_t + U h_{t−1} + b, in this order.

    Forward keeps of each step the slopes that backward multiplies by: of c_t by i's, f's and g's z, of h_t by o's z and
    by c_t, and f, which is that of c_t by c_{t−1}. The forget gate's bias begins at 1, so that a new cell forgets
    slowly (Jozefowicz, Zaremba and Sutskever 2015).
    """

    gates = 4

    def __init__(self, inputs: int, units: int, seed: int = 0, dtype: Any = np.float32, forget: float = 1.0) -> None:
        super().__init__(inputs, units, seed, dtype)
        self.bias[units : 2 * units] = forget
        # sigmoid(z) = ½ + ½ tanh(½z): with half of their weights, the first three gates share the tanh of the fourth.
        self._half = np.repeat(np.array([0.5, 1.0], dtype), [3 * units, units])[:, None]

    def forward(self, x: np.ndarray, state: State | None = None) -> np.ndarray:
        u, n = self.units, x.shape[2]
        slopes, self.by_c, self.f = self._begin(x, state, 4 * u, u, u)
        self.slopes = slopes.reshape(-1, 4, u, n)
        weight = self._by_gate(self._half * self._together)
        gates, parts = np.empty((4, u, n), self.h.dtype), np.empty((3, u, n), self.h.dtype)
        (i, f, o, g), (ig, fc, oc), squashed = gates, parts, gates[:3]
        c, tanh_c = np.zeros_like(i), np.empty_like(i)
        if state is not None:
            c[...] = state[1]
        for t, slope in enumerate(self.slopes):
            np.tanh(np.matmul(weight, self._see(x, t), out=gates), out=gates)
            squashed *= 0.5
            squashed += 0.5
            np.multiply(i, g, out=ig)
            np.multiply(f, c, out=fc)
            np.add(fc, ig, out=c)
            np.multiply(o, np.tanh(c, out=tanh_c), out=oc)
            self.h[t] = self._seen[:u] = oc
            self.f[t] = f
            by_z = np.subtract(1, squashed, out=slope[:3])
            by_z *= parts  # σ' = σ·(1 − σ), so that of i·g is i·g·(1 − i)
            ig *= g
            np.subtract(i, ig, out=slope[3])  # tanh' = 1 − tanh²
            oc *= tanh_c
            np.subtract(o, oc, out=self.by_c[t])
        self.state = (self.h[-1].copy(), c)
        return self.h

    def backward(self, grad_h: np.ndarray) -> np.ndarray:
        dz, kept = np.empty_like(self.slopes[0]), np.zeros_like(self.f[0])
        later: Any = 0
        for t in reversed(range(self._begin_back())):
            dh = grad_h[t] + later
            dc = np.add(kept, dh * self.by_c[t], out=self.grad_state[t])
            np.multiply(self.slopes[t], dc, out=dz)
            np.multiply(self.slopes[t, 2], dh, out=dz[2])
            np.multiply(dc, self.f[t], out=kept)
            later = self._back(t, dz)
        return self._end_back()


class Readout:
    """logits_t = R h_t + b, (steps, units, N) -> (steps, outputs, N)."""

    def __init__(self, units: int, outputs: int, seed: int = 0, dtype: Any = np.float32) -> None:
        check_size(outputs=outputs)
        self.weight = (np.random.default_rng([seed, 1]).standard_normal((outputs, units)) * units**-0.5).astype(dtype)
        self.bias = np.zeros((outputs, 1), dtype)

    def forward(self, h: np.ndarray) -> np.ndarray:
        self.h = h
        return np.matmul(self.weight, h) + self.bias

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        self.grad_weight = np.matmul(gradient, self.h.transpose(0, 2, 1)).sum(axis=0)
        self.grad_bias = gradient.sum(axis=(0, 2))[:, None]
        return np.matmul(self.weight.T, gradient)


class SequenceNet:
    """A recurrent layer and a readout; `layers` are what an optimiser takes."""

    def __init__(self, cell: Recurrent, outputs: int, seed: int = 0) -> None:
        self.cell, self.readout = cell, Readout(cell.units, outputs, seed, cell.weight.dtype)
        self.layers = [self.cell, self.readout]

    def loss(self, x: np.ndarray, targets: np.ndarray, state: State | None = None) -> tuple[float, np.ndarray]:
        """(mean cross-entropy of the last len(targets) steps, their logits), and the gradients in both layers."""
        h, asked = self.cell.forward(x, state), len(targets)
        if asked > len(h):
            raise CourseError(f"There are {asked} targets and {len(h)} steps; give no more targets than steps.")
        logits = self.readout.forward(h[-asked:])
        loss, gradient = softmax_loss(logits, targets)
        grad_h = np.zeros_like(h)
        grad_h[-asked:] = self.readout.backward(gradient)
        self.cell.backward(grad_h)
        return loss, logits


def clip(layers: Sequence[Any], most: float) -> float:
    """Scale all gradients together so that their common norm is at most `most`; returns the norm before."""
    gradients = [gradient for *_, gradient in parameters_and_gradients(layers)]
    norm = float(np.sqrt(sum(float((g * g).sum()) for g in gradients)))
    if norm > most:
        for gradient in gradients:
            gradient *= most / norm
    return norm


def gradient_by_lag(net: SequenceNet, x: np.ndarray, targets: np.ndarray, lag: int) -> list[float]:
    """Norm of `grad_state`, for the loss at the last step, 0, 1, …, `lag` steps before it, over the first of them."""
    if not 0 <= lag < len(x):
        raise CourseError(f"A lag of {lag} is not inside a sequence of {len(x)} steps; take 0 to {len(x) - 1}.")
    net.loss(x, targets[-1:])
    norms = np.sqrt((net.cell.grad_state.astype(np.float64) ** 2).sum(axis=(1, 2)))[::-1]
    return [float(norm / norms[0]) for norm in norms[: lag + 1]]


def train(
    net: SequenceNet, lag: int, steps: int, symbols: int, lr: float = 5e-3, batch: int = 50, seed: int = 0
) -> float:
    """Adam with clipping on new sequences each step; the accuracy (0…1) on 500 others."""
    rng, optimiser = np.random.default_rng([seed, 9]), Adam(net.layers)
    for step in range(steps):
        loss, _ = net.loss(*copy_task(batch, lag, symbols, rng))
        check_loss("The copy task's cross-entropy", loss, step)
        clip(net.layers, 1.0)
        optimiser.step(lr)
    x, targets = copy_task(500, lag, symbols, rng)
    return float((net.loss(x, targets)[1].argmax(axis=1) == targets).mean())


CELLS: dict[str, type[Recurrent]] = {"RNN": RNN, "LSTM": LSTM}
KEEPS = "LSTM, forget bias 3"
"""sigmoid(3) is 0.95: a cell that keeps 95% from step to step, before it has learned anything, where 1 keeps 73%."""


@dataclass(frozen=True)
class Size:
    lags: tuple[int, ...]
    steps: int
    units: int
    goal: float


SYMBOLS = 8
SIZES = {"full": Size((5, 10, 20, 40), 600, 32, 0.95), "quick": Size((5,), 120, 24, 0.9)}


def run(size: str = "full", seed: int = 0, data: str = "mnist") -> Outcome:
    """The gradient at the start, and the accuracy after training, against the lag."""
    s = SIZES[size]
    longest = max(s.lags)
    cells: dict[str, Any] = {**CELLS, KEEPS: partial(LSTM, forget=3.0)}
    nets = {name: partial(_net, cell, s.units, seed) for name, cell in cells.items()}
    task = copy_task(100, longest, SYMBOLS, np.random.default_rng(seed))
    flow = {name: gradient_by_lag(make(), *task, longest) for name, make in nets.items()}
    accuracy = {
        name: [train(make(), lag, s.steps, SYMBOLS, seed=seed) for lag in s.lags] for name, make in nets.items()
    }
    measured = [
        Measured(f"{name}: gradient {longest} steps back ÷ at the last step", values[-1])
        for name, values in flow.items()
    ]
    measured += [
        Measured(f"{name}: accuracy at a lag of {lag}", 100 * accuracy[name][i], "%",
                 at_least=100 * s.goal if name == KEEPS else None)
        for i, lag in enumerate(s.lags) for name in accuracy
    ]  # fmt: skip
    return Outcome(measured, plots.by_lag(flow, s.lags, accuracy))


def _net(cell: Any, units: int, seed: int) -> SequenceNet:
    return SequenceNet(cell(SYMBOLS + 2, units, seed), SYMBOLS, seed)
