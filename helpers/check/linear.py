"""Checks of the student's `Linear`. N, in and out differ and are prime, so that each factor has one meaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.backend import backend
from helpers.check.calls import array, attribute, call, like, method
from helpers.check.compare import Hypothesis, close, unchanged, verify
from helpers.check.gradients import numerical_gradient
from helpers.check.oracle import sigmoid
from helpers.check.report import Mistake, check

SHAPES = ((5, 7, 3), (1, 2, 11))
"""(N, in_features, out_features) of the cases; the second is a batch of one."""


def _make(Linear: Any, n_in: int, n_out: int) -> Any:
    return call(Linear, n_in, n_out, backend("numpy", "float64"), what="Linear(in_features, out_features, backend)")


def _oriented(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(in, out) values in the student's own layout: (out, in) weights and (1, out) biases are right, too."""
    return values.T if values.ndim == 2 and shape == values.shape[::-1] else values.reshape(shape)


def _read(layer: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A parameter or gradient in the course's layout; a wrong shape comes back as it is."""
    found = array(attribute(layer, name, "Linear"), name)
    if found.ndim == 2 and len(shape) == 1 and found.shape == (1, *shape):
        return found[0]
    stored = np.shape(array(attribute(layer, "weight", "Linear"), "weight"))
    if len(shape) == 2 and stored == shape[::-1] and found.shape == shape[::-1] and shape[0] != shape[1]:
        return found.T
    return found


class _Case:
    """A student's layer with weights, inputs and upstream gradient of our choice."""

    def __init__(self, Linear: Any, n: int, n_in: int, n_out: int, seed: int):
        rng = np.random.default_rng([seed, n, n_in, n_out])
        self.shape = (n_in, n_out)
        self.sizes = {"batch size": n, "in_features": n_in, "out_features": n_out}
        self.weight, self.bias = rng.normal(size=(n_in, n_out)), rng.normal(size=n_out)
        self.x, self.grad = rng.normal(size=(n, n_in)), rng.normal(size=(n, n_out))
        self.other_x, self.other_grad = rng.normal(size=(n + 1, n_in)), rng.normal(size=(n + 1, n_out))
        self.layer = _make(Linear, n_in, n_out)
        own = array(attribute(self.layer, "weight", "Linear"), "weight")
        bias = array(attribute(self.layer, "bias", "Linear"), "bias")
        if own.shape not in (self.shape, self.shape[::-1]):
            raise Mistake("wrong-shape", f"weight has shape {own.shape}; it should be (in_features, out_features) = {self.shape}.")
        if bias.size != n_out:
            raise Mistake("wrong-shape", f"bias has shape {bias.shape}; it should be (out_features,) = ({n_out},).")
        self.kind = self.layer.weight
        self.layer.weight = like(self.kind, _oriented(self.weight, own.shape))
        self.layer.bias = like(self.layer.bias, _oriented(self.bias, bias.shape))

    def forward(self, x: np.ndarray) -> np.ndarray:
        given = like(self.kind, x)
        out = array(call(method(self.layer, "forward", "Linear"), given, what="Linear.forward"), "the output")
        unchanged(x, array(given, "x"), "x", "Linear.forward")
        return out

    def backward(self, grad: np.ndarray) -> np.ndarray:
        given = like(self.kind, grad)
        out = call(method(self.layer, "backward", "Linear"), given, what="Linear.backward")
        unchanged(grad, array(given, "grad_output"), "grad_output", "Linear.backward")
        return array(out, "the gradient for the input, which backward returns,")


@check("Linear.__init__", "A1")
def linear_init(Linear: Any, *, seed: int = 0) -> Iterator[str]:
    """weight ~ N(0, 1/in_features), bias zero, shapes (in, out) and (out,)."""
    n_in, n_out = 400, 90 + seed % 7
    layer = _make(Linear, n_in, n_out)
    weight = array(attribute(layer, "weight", "Linear"), "weight")
    bias = array(attribute(layer, "bias", "Linear"), "bias")
    if weight.shape not in ((n_in, n_out), (n_out, n_in)):
        raise Mistake("wrong-shape", f"weight has shape {weight.shape}; it should be (in_features, out_features) = {(n_in, n_out)}.")
    if bias.size != n_out:
        raise Mistake("wrong-shape", f"bias has shape {bias.shape}; it should be (out_features,) = ({n_out},).")
    yield "shapes of weight and bias"
    if not np.all(bias == 0):
        raise Mistake("bias-not-zero", "The bias should start at zero: only the weights need to differ from each other.")
    mean, std, right = float(weight.mean()), float(weight.std()), n_in**-0.5
    if std == 0:
        raise Mistake("weights-all-equal", "All weights are equal, so all outputs would learn the same thing. Draw them at random.")
    if abs(mean) > 0.2 * std:
        raise Mistake("weights-not-centred", f"The weights have mean {mean:.3g}; a normal distribution around 0 was asked for (`backend.normal`).")
    if not 0.9 < std / right < 1.1:
        for wrong, name, words in (
            (1 / n_in, "variance-for-std", "1/in_features is the variance; the standard deviation is its square root"),
            (1.0, "weights-not-scaled", "nothing is scaled by in_features, so the sigmoids saturate at once"),
            (n_out**-0.5, "scaled-by-out-features", "that is 1/√out_features; each output adds up in_features terms, so in_features counts"),
        ):
            if 0.9 < std / wrong < 1.1:
                raise Mistake(name, f"The weights have standard deviation {std:.4f} instead of 1/√{n_in} = {right:.4f}: {words}.")
        raise Mistake("weights-wrong-scale", f"The weights have standard deviation {std:.4f}; it should be 1/√in_features = {right:.4f}.")
    yield "weights drawn from N(0, 1/in_features), bias zero"


@check("Linear.forward", "A1")
def linear_forward(Linear: Any, *, seed: int = 0, shapes: tuple[tuple[int, int, int], ...] = SHAPES) -> Iterator[str]:
    """Output (N, out) = x @ weight + bias for several shapes; x is left alone; each call stands by itself."""
    for n, n_in, n_out in shapes:
        case = _Case(Linear, n, n_in, n_out, seed)
        x, w, b = case.x, case.weight, case.bias
        hypotheses = [
            Hypothesis("bias-missing", x @ w, "The bias is not added: the output is x times the weights alone."),
            Hypothesis("bias-subtracted", x @ w - b, "The bias is subtracted; it should be added."),
            Hypothesis("sigmoid-in-linear", sigmoid(x @ w + b), "The output went through a sigmoid. `Linear` has no activation; `Sigmoid` is a layer of its own."),
            Hypothesis("output-transposed", (x @ w + b).T, "The output is transposed: rows should be the examples of the batch."),
            Hypothesis("forward-averaged", x @ w / x.shape[1] + b, "x @ weight is divided by in_features. The scale belongs into the initial weights, not into forward."),
        ]
        verify(case.forward(x), x @ w + b, "the output", hypotheses, case.sizes)
        again = case.other_x
        verify(case.forward(again), again @ w + b, "the output of a second call, with another batch size,")
    yield f"output for (N, in, out) = {', '.join(map(str, shapes))}"
    yield "another batch size afterwards; x unchanged"


@check("Linear.backward", "A1")
def linear_backward(Linear: Any, *, seed: int = 0, shapes: tuple[tuple[int, int, int], ...] = SHAPES) -> Iterator[str]:
    """grad_weight, grad_bias and the returned gradient against finite differences; twice in a row."""
    for n, n_in, n_out in shapes:
        case = _Case(Linear, n, n_in, n_out, seed)
        case.forward(case.x)
        grad_input = case.backward(case.grad)
        if not close(_read(case.layer, "weight", case.shape), case.weight):
            raise Mistake("backward-updates", "backward changed the weights. It only computes gradients; `update` takes the step.")
        _verify_gradients(case, case.x, case.grad, grad_input)
        if n > 1:
            yield "grad_weight, grad_bias and the gradient for the input agree with finite differences"
        first = (_read(case.layer, "grad_weight", case.shape).copy(), _read(case.layer, "grad_bias", (n_out,)).copy())
        case.forward(case.other_x)
        grad_input = case.backward(case.other_grad)
        _verify_gradients(case, case.other_x, case.other_grad, grad_input, first)
    yield "a second forward and backward start afresh; inputs unchanged; a batch of one"


def _verify_gradients(case: _Case, x: np.ndarray, g: np.ndarray, grad_input: np.ndarray, first: tuple[np.ndarray, np.ndarray] | None = None) -> None:
    w, b, n = case.weight, case.bias, len(x)
    sizes = {**case.sizes, "batch size": n, "batch size written as a number (64)": 64}
    grad_weight, grad_bias = _read(case.layer, "grad_weight", case.shape), _read(case.layer, "grad_bias", b.shape)
    numerical = numerical_gradient(lambda v: float(((x @ v + b) * g).sum()), w)
    stale = case.x if first is not None else x
    stale_hint = "The gradient uses the x of an earlier forward. Keep x in every forward: `self.x = x`."
    accumulated = "Gradients pile up: the second backward added to the first. Assign the gradient (`=`), don't add to it (`+=`)."
    verify(
        grad_weight,
        x.T @ g,
        "grad_weight",
        [
            Hypothesis("grad-weight-transposed", g.T @ x, "grad_weight is transposed; it needs the shape of weight."),
            Hypothesis("grads-accumulated", x.T @ g + (first[0] if first else np.nan), accumulated),
            Hypothesis("stale-input", stale[:n].T @ g[: len(stale)], stale_hint),
            Hypothesis("l2-term", _with_decay(grad_weight, x.T @ g, w), "A multiple of weight is added to grad_weight (weight decay). The loss of this exercise has no such term."),
            Hypothesis("grad-weight-sign", -(x.T @ g), "grad_weight has the wrong sign. `update` subtracts; backward returns the plain gradient."),
        ],
        sizes,
        numerical,
    )
    verify(
        grad_bias,
        g.sum(axis=0),
        "grad_bias",
        [
            Hypothesis("bias-grad-averaged", g.mean(axis=0), f"grad_bias is 1/{n} of the gradient, and {n} is the batch size: it is a mean over the batch where a sum is needed. grad_output is already the gradient of a mean loss."),
            Hypothesis("bias-grad-wrong-axis", g.sum(axis=1), "grad_bias is summed over the features (axis 1). The bias is shared by all examples, so sum over the batch (axis 0)."),
            Hypothesis("bias-grad-wrong-axis", g.mean(axis=1), "grad_bias is averaged over the features (axis 1). The bias is shared by all examples, so sum over the batch (axis 0)."),
            Hypothesis("bias-grad-not-summed", g, "grad_bias is not summed over the batch: it has one row per example, but the bias has only one."),
            Hypothesis("bias-grad-one-number", np.asarray(g.sum()), "grad_bias is summed over everything. Each output has a bias of its own: sum over the batch (axis 0) only."),
            Hypothesis("grads-accumulated", g.sum(axis=0) + (first[1] if first else np.nan), accumulated),
        ],
        sizes,
    )
    verify(
        grad_input,
        g @ w.T,
        "the returned gradient for the input",
        [
            Hypothesis("grad-input-transposed", w @ g.T, "The returned gradient is transposed (weight @ grad_output.T). It needs the shape of x: rows are examples."),
            Hypothesis("returns-grad-weight", x.T @ g, "backward returns grad_weight. It should return the gradient for the input, so that the layer before can go on."),
            Hypothesis("returns-grad-output", g, "backward returns grad_output as it came. Send it back through the weights."),
        ],
        sizes,
        numerical_gradient(lambda v: float(((v @ w + b) * g).sum()), x),
    )


def _with_decay(got: np.ndarray, gradient: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """gradient + c · weight with the c that fits best; NaN where there is no such c."""
    if got.shape != weight.shape:
        return np.full(1, np.nan)
    c = float(((got - gradient) * weight).sum() / (weight * weight).sum())
    return gradient + c * weight if abs(c) > 1e-6 else np.full_like(weight, np.nan)


@check("Linear.update", "A1")
def linear_update(Linear: Any, *, seed: int = 0, lr: float = 0.3) -> Iterator[str]:
    """parameter -= lr * gradient, for weight and bias, for the rate that was given."""
    n, n_in, n_out = SHAPES[0]
    case = _Case(Linear, n, n_in, n_out, seed)
    case.forward(case.x)
    case.backward(case.grad)
    gw, gb = case.x.T @ case.grad, case.grad.sum(axis=0)
    # The right gradients, so that a mistake in backward does not cost this exercise, too.
    own_bias = array(attribute(case.layer, "bias", "Linear"), "bias").shape
    case.layer.grad_weight = like(case.kind, _oriented(gw, array(case.layer.weight, "weight").shape))
    case.layer.grad_bias = like(case.kind, gb.reshape(own_bias))
    for rate in (lr, lr / 7):
        w, b = _read(case.layer, "weight", case.shape).copy(), _read(case.layer, "bias", (n_out,)).copy()
        call(method(case.layer, "update", "Linear"), rate, what="Linear.update")
        for name, before, g, shape in (("weight", w, gw, case.shape), ("bias", b, gb, (n_out,))):
            after = _read(case.layer, name, shape)
            verify(
                before - after,
                rate * g,
                f"the step of {name} (before minus after)",
                [
                    Hypothesis(f"{name}-not-updated", 0 * g, f"update leaves {name} as it was. Both parameters take the step parameter − lr · gradient."),
                    Hypothesis("update-adds", -rate * g, f"update adds the gradient to {name}: the loss would rise. Subtract it."),
                    Hypothesis("rate-ignored", g, f"update ignores lr: {name} moves by the whole gradient."),
                    Hypothesis("rate-ignored", 0.1 * g, f"update ignores the lr it is given: {name} moves as with 0.1."),
                    Hypothesis("rate-ignored", 0.01 * g, f"update ignores the lr it is given: {name} moves as with 0.01."),
                ],
                case.sizes,
            )
    yield "weight and bias step by lr · gradient, for two rates"
