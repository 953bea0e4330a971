"""RNN and LSTM: a state that is carried from step to step, and how far back its gradient reaches.

RNN: h_t = tanh(W x_t + U h_{t−1} + b). Going back, the gradient is multiplied by Uᵀ and by the slope of tanh at every
step, and vanishes (or explodes). LSTM: the cell c_t = f·c_{t−1} + i·g is multiplied by the forget gate f alone, which
can stay near 1. Hochreiter and Schmidhuber, *Long Short-Term Memory* (1997); the forget gate: Gers, Schmidhuber and
Cummins (2000). The copy task shows a marked symbol, then `lag` others that are to
be ignored, then asks for the first.

Arrays are (steps, features, N): a state is a matrix with a column for each sequence, so that each gate is one block of
memory. That and one tanh for all gates of a step make it fast, all that is kept of a step side by side, and a product
for each gate: OpenBLAS multiplies several matrices of up to 100³ operations faster than one larger one, as it need not
repack them, if none of them has to be read transposed.
"""

from __future__ import annotations

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
        """Makes `seen` (steps + 1, inputs + units, N), which is x_t on top of h_{t−1}, so that W x_t + U h_{t−1} is one
        product; returns the place of the states (steps + 1, units, N) in it, and arrays (steps + 1, rows, N) for what
        else is kept of each step. All that belongs to a step lies side by side, and all steps in one array, which is
        large enough for the system to use large pages."""
        if x.ndim != 3 or x.shape[1] != self.inputs or 0 in x.shape:
            raise CourseError(
                f"A recurrent network takes arrays of shape (steps, {self.inputs}, N) and got {x.shape}; "
                "put time first and the sequences last."
            )
        steps, _, n = x.shape
        sizes = [self.inputs + self.units, self.inputs, self.units, *rows]
        together = self._array("steps", steps + 1, sum(sizes), n)
        self.seen, self._grad_x, self._grad_state, *kept = np.split(together, np.cumsum(sizes)[:-1], axis=1)
        self.seen[:-1, : self.inputs] = x
        h = self.seen[:, self.inputs :]
        h[0] = 0 if state is None else state[0]
        return [h, *kept]

    def _by_gate(self, rows: np.ndarray) -> np.ndarray:
        """(gates·units, …) as (gates, units, …)."""
        return rows.reshape(self.gates, self.units, -1)

    def _back(self, t: int, dz: np.ndarray) -> np.ndarray:
        """From the gradient for z_t = W x_t + U h_{t−1} + b to those of W, U, b and x_t; returns that for h_{t−1}."""
        gates = self._by_gate(dz)
        np.copyto(self._turned_seen, self.seen[t].T)
        self._sums += np.matmul(gates, self._turned_seen, out=self._product)
        self.grad_bias += dz @ self._ones
        both = np.matmul(self._turned_weight, gates, out=self._parts).sum(axis=0)
        self.grad_x[t] = both[: self.inputs]
        return both[self.inputs :]

    def _begin_back(self) -> int:
        """Arrays for what backward finds; returns the number of steps."""
        steps, both, n = self.seen[1:].shape
        self.grad_weight[...], self.grad_bias[...] = 0, 0
        self._sums = self._by_gate(self.grad_weight)
        self._product = self._array("product", *self._sums.shape)
        self._turned_weight = np.ascontiguousarray(self._by_gate(self.weight).transpose(0, 2, 1))
        self._turned_seen, self._parts = self._array("turned", n, both), self._array("parts", self.gates, both, n)
        self._ones = np.ones((n, 1), self.bias.dtype)  # a product with ones is a sum along rows, and faster
        self.grad_x, self.grad_state = self._grad_x[:-1], self._grad_state[:-1]
        return steps


class RNN(Recurrent):
    """h_t = tanh(W x_t + U h_{t−1} + b)."""

    def forward(self, x: np.ndarray, state: State | None = None) -> np.ndarray:
        (self.h,) = self._begin(x, state)
        for t in range(len(x)):
            np.tanh(self.weight @ self.seen[t] + self.bias, out=self.h[t + 1])
        self.state = (self.h[-1].copy(),)
        return self.h[1:]

    def backward(self, grad_h: np.ndarray) -> np.ndarray:
        later: Any = 0
        for t in reversed(range(self._begin_back())):
            dh = np.add(grad_h[t], later, out=self.grad_state[t])
            later = self._back(t, dh * (1 - self.h[t + 1] ** 2))
        return self.grad_x


class LSTM(Recurrent):
    """c_t = f·c_{t−1} + i·g, h_t = o·tanh(c_t); i, f, o = sigmoid and g = tanh of W x_t + U h_{t−1} + b, in this order.

    The forget gate's bias begins at 1, so that a new cell forgets slowly (Jozefowicz, Zaremba and Sutskever 2015).
    """

    gates = 4

    def __init__(self, inputs: int, units: int, seed: int = 0, dtype: Any = np.float32, forget: float = 1.0) -> None:
        super().__init__(inputs, units, seed, dtype)
        self.bias[units : 2 * units] = forget
        # sigmoid(z) = ½ + ½ tanh(½z): with half of their weights, the first three gates share the tanh of the fourth.
        self._half = np.repeat(np.array([0.5, 1.0], dtype), [3 * units, units])[:, None]

    def forward(self, x: np.ndarray, state: State | None = None) -> np.ndarray:
        units, n = self.units, x.shape[2]
        self.h, self.c, self.tanh_c, self.a = h, *_ = self._begin(x, state, units, units, 4 * units)
        self.c[0] = 0 if state is None else state[1]
        weight = self._by_gate(self._half * self.weight)
        bias = np.repeat(self._half * self.bias, n, axis=1)  # whole arrays are added faster than one column to all
        written = np.empty_like(h[0])
        for t, z in enumerate(self.a[:-1]):
            i, f, o, g = gates = self._by_gate(z)
            np.matmul(weight, self.seen[t], out=gates)
            z += bias
            np.tanh(z, out=z)
            squashed = gates[:3]
            squashed *= 0.5
            squashed += 0.5
            c = np.multiply(f, self.c[t], out=self.c[t + 1])
            c += np.multiply(i, g, out=written)
            np.multiply(o, np.tanh(c, out=self.tanh_c[t]), out=h[t + 1])
        self.state = (h[-1].copy(), self.c[-1].copy())
        return h[1:]

    def backward(self, grad_h: np.ndarray) -> np.ndarray:
        dz, slopes = np.empty_like(self.a[0]), np.empty_like(self.a[0])
        di, df, do, dg = self._by_gate(dz)
        slope_c, kept = np.empty_like(self.c[0]), np.zeros_like(self.c[0])
        later: Any = 0
        for t in reversed(range(self._begin_back())):
            i, f, o, g = gates = self._by_gate(self.a[t])
            dh = grad_h[t] + later
            np.multiply(self.h[t + 1], self.tanh_c[t], out=slope_c)
            np.subtract(o, slope_c, out=slope_c)  # o·(1 − tanh²c) = o − h·tanh c
            slope_c *= dh
            dc = np.add(kept, slope_c, out=self.grad_state[t])
            np.multiply(dc, g, out=di)
            np.multiply(dc, self.c[t], out=df)
            np.multiply(dh, self.tanh_c[t], out=do)
            np.multiply(dc, i, out=dg)
            squares = self._by_gate(np.multiply(self.a[t], self.a[t], out=slopes))
            np.subtract(gates[:3], squares[:3], out=squares[:3])  # σ' = σ − σ²
            np.subtract(1, squares[3], out=squares[3])  # tanh' = 1 − tanh²
            dz *= slopes
            np.multiply(dc, f, out=kept)
            later = self._back(t, dz)
        return self.grad_x


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
