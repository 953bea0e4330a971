"""Checks of the student's `Linear`. N, in and out differ and are prime, so that each factor has one meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.check.core.ask import Answer, array, ask
from helpers.check.core.compare import Hypothesis, close, verify
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.oracle import sigmoid
from helpers.check.core.report import Mistake, check
from helpers.check.network_from_scratch import probes

SHAPES = ((5, 7, 3), (1, 2, 11))
"""(N, in_features, out_features) of the cases; the second is a batch of one."""


@dataclass
class Case:
    """Weights, inputs and upstream gradients of our choice."""

    n: int
    weight: np.ndarray
    bias: np.ndarray
    x: np.ndarray
    grad: np.ndarray
    other_x: np.ndarray
    other_grad: np.ndarray
    dtype: str = "float64"

    @classmethod
    def drawn(cls, n: int, n_in: int, n_out: int, seed: int, dtype: str = "float64") -> Case:
        rng = np.random.default_rng([seed, n, n_in, n_out])
        weight, bias, x, grad, other_x, other_grad = (
            rng.normal(size=shape) for shape in ((n_in, n_out), (n_out,), (n, n_in), (n, n_out), (n + 1, n_in), (n + 1, n_out))
        )
        return cls(n, weight, bias, x, grad, other_x, other_grad, dtype)

    @property
    def sizes(self) -> dict[str, int]:
        return {"batch size": self.n, "in_features": self.weight.shape[0], "out_features": self.weight.shape[1]}

    def asks(self, *passes: tuple[str, np.ndarray]) -> dict[str, Any]:
        """The case as a probe gets it, with these passes."""
        return {"weight": self.weight, "bias": self.bias, "dtype": self.dtype, "passes": passes}


def _first(seen: Answer, n_in: int, n_out: int) -> tuple[np.ndarray, np.ndarray]:
    """The first weight, in the course's layout, and bias of a new layer, of the right shapes."""
    weight, bias = seen.array("first weight", "weight"), seen.array("first bias", "bias")
    if weight.shape not in ((n_in, n_out), (n_out, n_in)):
        raise Mistake("wrong-shape", f"weight has shape {weight.shape}; it should be (in_features, out_features) = {(n_in, n_out)}.")
    if bias.shape not in ((n_out,), (1, n_out)):
        raise Mistake("wrong-shape", f"bias has shape {bias.shape}; it should be (out_features,) = ({n_out},).")
    return (weight if weight.shape == (n_in, n_out) else weight.T), bias


def _in_layout(seen: Answer, name: str, case: Case) -> np.ndarray:
    """A parameter or gradient in the course's layout; a wrong shape comes back as it is."""
    found, weight = seen.array(name, name), seen.array("weight", "weight")
    shape = case.weight.shape if name.endswith("weight") else case.bias.shape
    if found.ndim == 2 and len(shape) == 1 and found.shape == (1, *shape):
        return found[0]
    if len(shape) == 2 and weight.shape == shape[::-1] and shape[0] != shape[1]:
        if found.shape == shape:
            raise Mistake("wrong-shape", f"{name} has shape {found.shape} and weight has {weight.shape}. A gradient has the shape of its parameter.")
        return found.T if found.shape == shape[::-1] else found
    return found


@check("Linear.__init__", "A1")
def linear_init(Linear: Any, *, seed: int = 0) -> Iterator[str]:
    """weight ~ N(0, 1/in_features), bias zero, shapes (in, out) and (out,)."""
    n_in, n_out = 400, 90 + seed % 7
    weight, bias = _first(ask(probes.linear, Linear, (n_in, n_out)), n_in, n_out)
    yield "shapes of weight and bias"
    if not np.all(bias == 0):
        raise Mistake("bias-not-zero", "The bias should start at zero: only the weights need to differ from each other.")
    mean, std, right = float(weight.mean()), float(weight.std()), n_in**-0.5
    if std == 0 or np.ptp(weight, axis=0).max() == 0 or np.ptp(weight, axis=1).max() == 0:
        raise Mistake("weights-all-equal", "Weights that should differ are equal, so outputs would learn the same thing. Draw each of them at random.")
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
    cases = [*(Case.drawn(*sizes, seed) for sizes in shapes), Case.drawn(*shapes[0], seed, "float32")]
    seen = ask(probes.linear_passes, Linear, [case.asks(*(("forward", x) for x in (case.x, case.x, case.other_x))) for case in cases])
    for number, (case, (n, n_in, n_out)) in enumerate(zip(cases[:-1], shapes, strict=True)):
        of_case = seen.part(number)
        first_weight, _ = _first(of_case, n_in, n_out)
        x, w, b, again = case.x, case.weight, case.bias, case.other_x
        got, second, other = (array(of_case.part(step)["result"], "the output") for step in range(3))
        hypotheses = [
            Hypothesis("bias-missing", x @ w, "The bias is not added: the output is x times the weights alone."),
            Hypothesis("bias-subtracted", x @ w - b, "The bias is subtracted; it should be added."),
            Hypothesis("sigmoid-in-linear", sigmoid(x @ w + b), "The output went through a sigmoid. `Linear` has no activation; `Sigmoid` is a layer of its own."),
            Hypothesis("output-transposed", (x @ w + b).T, "The output is transposed: rows should be the examples of the batch."),
            Hypothesis("stale-weight", x @ first_weight + b, "forward uses the initial weights, a copy made in `__init__`. Use self.weight as it is now."),
            Hypothesis("relu-in-linear", np.maximum(x @ w + b, 0), "Negative outputs are set to 0. `Linear` has no activation."),
            Hypothesis("bias-multiplied", _plus_multiple(got, x @ w, np.broadcast_to(b, (n, n_out))), "A multiple of the bias is added; add it once for each example, outside of any loop over the inputs."),
            Hypothesis("bias-summed", x @ w + b.sum(), "The sum of all biases is added everywhere. Each output has a bias of its own: add the array as it is."),
            Hypothesis("bias-summed", x @ w + b[0], "The first bias is added everywhere. Each output has a bias of its own: add the array as it is."),
            Hypothesis("sum-not-accumulated", x[:, -1:] * w[-1] + b, "Only the last input counts: in the loop, the products are assigned (`=`) where they should be added up (`+=`)."),
            Hypothesis("bias-summed", x @ w + b.mean(), "The mean of all biases is added everywhere. Each output has a bias of its own: add the array as it is."),
            Hypothesis("forward-averaged", x @ w / n + b, "x @ weight is divided by the batch size. Examples are independent; nothing is averaged in forward."),
            Hypothesis("reshaped-not-transposed", x @ w.T.reshape(w.shape) + b, "The weights are reshaped where they should be transposed: `reshape` keeps the order of the numbers and mixes rows and columns. Use `.T`."),
            Hypothesis("forward-averaged", x @ w / x.shape[1] + b, "x @ weight is divided by in_features. The scale belongs in the initial weights, not in forward."),
        ]
        verify(got, x @ w + b, "the output", hypotheses, case.sizes)
        if not close(second, x @ w + b):
            raise Mistake("keeps-state", "The second forward on the same x gives another result than the first. A forward must not depend on earlier calls: don't change weight, bias or other stored arrays in it.")
        verify(other, again @ w + b, "the output of a second call, with another batch size,")
    yield f"output for (N, in, out) = {', '.join(map(str, shapes))}"
    yield "another batch size afterwards; x unchanged"
    case = cases[-1]
    verify(array(seen.part(len(shapes)).part(0)["result"], "the output"), case.x @ case.weight + case.bias, "in float32, the output")
    yield "in float32, too"


@check("Linear.backward", "A1")
def linear_backward(Linear: Any, *, seed: int = 0, shapes: tuple[tuple[int, int, int], ...] = SHAPES) -> Iterator[str]:
    """grad_weight, grad_bias and the returned gradient against finite differences; twice in a row."""
    cases = [*(Case.drawn(*sizes, seed) for sizes in shapes), Case.drawn(*shapes[0], seed, "float32")]
    asked = [case.asks(("forward", case.x), ("backward", case.grad), ("forward", case.other_x), ("backward", case.other_grad)) for case in cases]
    seen = ask(probes.linear_passes, Linear, asked)
    for number, case in enumerate(cases[:-1]):
        of_case = seen.part(number)
        first_weight, _ = _first(of_case, *case.weight.shape)
        after = of_case.part(1)
        if not close(_in_layout(after, "weight", case), case.weight):
            raise Mistake("backward-updates", "backward changed the weights. It only computes gradients; `update` takes the step.")
        first = _verify_gradients(case, case.x, case.grad, after, first_weight)
        if case.n > 1:
            yield "grad_weight, grad_bias and the gradient with respect to the input agree with finite differences"
        _verify_gradients(case, case.other_x, case.other_grad, of_case.part(3), first_weight, first)
    yield "a second forward and backward do not depend on the first; inputs unchanged; a batch of one"
    case, after = cases[-1], seen.part(len(shapes)).part(1)
    _verify_gradients(case, case.x, case.grad, after, case.weight)
    yield "in float32, too"


def _verify_gradients(
    case: Case, x: np.ndarray, g: np.ndarray, after: Answer, first_weight: np.ndarray, first: tuple[np.ndarray, np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """grad_weight and grad_bias, which are right. first: those of the backward before."""
    w, b, n = case.weight, case.bias, len(x)
    sizes = {**case.sizes, "batch size": n, "batch size written as a number (64)": 64}
    grad_input = array(after["result"], "the gradient with respect to the input, which backward returns,")
    grad_weight, grad_bias = _in_layout(after, "grad_weight", case), _in_layout(after, "grad_bias", case)
    stale = case.x if first is not None else x
    stale_hint = "The gradient uses the x of an earlier forward. Keep x in every forward: `self.x = x`."
    accumulated = "Gradients accumulate: the second backward added to the first. Assign the gradient (`=`), don't add to it (`+=`)."
    verify(
        grad_weight,
        x.T @ g,
        "grad_weight",
        lambda: [
            Hypothesis("grad-weight-transposed", g.T @ x, "grad_weight is transposed; it needs the shape of weight."),
            Hypothesis("grads-accumulated", x.T @ g + (first[0] if first else np.nan), accumulated),
            Hypothesis("stale-input", stale[:n].T @ g[: len(stale)], stale_hint),
            Hypothesis("one-example-only", np.outer(x[-1], g[-1]), "grad_weight comes from the last example alone: add the products of all examples up, as the matrix product does."),
            Hypothesis("one-example-only", np.outer(x[0], g[0]), "grad_weight comes from the first example alone: add the products of all examples up, as the matrix product does."),
            Hypothesis("summed-before-product", np.outer(x.sum(axis=0), g.sum(axis=0)), "x and grad_output are summed over the batch before they are multiplied. Each example's x belongs to its own grad_output: multiply first."),
            Hypothesis("summed-before-product", np.outer(x.mean(axis=0), g.sum(axis=0)), "x and grad_output are summed or averaged over the batch before they are multiplied. Each example's x belongs to its own grad_output: multiply first."),
            Hypothesis("some-examples-only", _leading(grad_weight, x, g), "grad_weight comes from the first few examples only: a number is written into the code where the batch's own size is needed."),
            Hypothesis("summed-before-product", np.outer(x.mean(axis=0), g.mean(axis=0)), "x and grad_output are averaged over the batch before they are multiplied. Each example's x belongs to its own grad_output: multiply first."),
            Hypothesis("sigmoid-in-linear", x.T @ (g * sigmoid(x @ w + b) * (1 - sigmoid(x @ w + b))), "The derivative of a sigmoid is multiplied in. `Linear` has no activation; `Sigmoid` takes care of its own gradient."),
            Hypothesis("l2-term", _with_decay(grad_weight, x.T @ g, w), "A multiple of weight is added to grad_weight (weight decay). The loss of this exercise has no such term."),
            Hypothesis("grad-weight-sign", -(x.T @ g), "grad_weight has the wrong sign. `update` subtracts; backward returns the plain gradient."),
        ],
        sizes,
        lambda: numerical_gradient(lambda v: float(((x @ v + b) * g).sum()), w),
    )
    verify(
        grad_bias,
        g.sum(axis=0),
        "grad_bias",
        lambda: [
            Hypothesis("bias-grad-averaged", g.mean(axis=0), f"grad_bias is 1/{n} of the gradient, and {n} is the batch size: it is a mean over the batch where a sum is needed. grad_output is already the gradient of a mean loss."),
            Hypothesis("bias-grad-wrong-axis", g.sum(axis=1), "grad_bias is summed over the features (axis 1). The bias is shared by all examples, so sum over the batch (axis 0)."),
            Hypothesis("bias-grad-wrong-axis", g.mean(axis=1), "grad_bias is averaged over the features (axis 1). The bias is shared by all examples, so sum over the batch (axis 0)."),
            Hypothesis("bias-grad-not-summed", g, "grad_bias is not summed over the batch: it has one row per example, but the bias has only one."),
            Hypothesis("one-example-only", g[-1], "grad_bias is the last example's row alone: sum over the batch (axis 0)."),
            Hypothesis("one-example-only", g[0], "grad_bias is the first example's row alone: sum over the batch (axis 0)."),
            Hypothesis("bias-grad-wrong-axis", g.sum(axis=1, keepdims=True), "grad_bias is summed over the features (axis 1). The bias is shared by all examples, so sum over the batch (axis 0)."),
            Hypothesis("bias-grad-wrong-axis", g.sum(axis=1)[None], "grad_bias is summed over the features (axis 1). The bias is shared by all examples, so sum over the batch (axis 0)."),
            Hypothesis("bias-grad-times-bias", g.sum(axis=0) * b, "The bias itself is multiplied in. The output grows by 1 when the bias does, so its gradient is the sum of grad_output."),
            Hypothesis("bias-grad-ones", np.ones_like(b), "grad_bias is 1 everywhere: that is the derivative of the output. Multiply it by grad_output and sum over the batch."),
            Hypothesis("bias-grad-from-x", x.sum(axis=0), "grad_bias is summed from x; it is the sum of grad_output over the batch."),
            Hypothesis("bias-grad-one-number", np.asarray(g.sum()), "grad_bias is summed over everything. Each output has a bias of its own: sum over the batch (axis 0) only."),
            Hypothesis("grads-accumulated", g.sum(axis=0) + (first[1] if first else np.nan), accumulated),
        ],
        sizes,
    )
    verify(
        grad_input,
        g @ w.T,
        "the returned gradient for the input",
        lambda: [
            Hypothesis("grad-input-transposed", w @ g.T, "The returned gradient is transposed (weight @ grad_output.T). It needs the shape of x: rows are examples."),
            Hypothesis("stale-weight", g @ first_weight.T, "The gradient is propagated through the initial weights, a copy made in `__init__`. Use self.weight as it is now."),
            Hypothesis("absolute-value", g @ np.abs(w).T, "The gradient is propagated through the absolute values of the weights; their signs matter."),
            Hypothesis("returns-grad-weight", x.T @ g, "backward returns grad_weight. It should return the gradient with respect to the input, which the previous layer needs."),
            Hypothesis("returns-grad-output", g, "backward returns grad_output unchanged. Propagate it through the weights."),
        ],
        sizes,
        lambda: numerical_gradient(lambda v: float(((v @ w + b) * g).sum()), x),
    )
    return grad_weight, grad_bias


def _plus_multiple(got: np.ndarray, base: np.ndarray, term: np.ndarray) -> np.ndarray:
    """base + c · term with the whole c ≥ 2 that fits; NaN where there is none."""
    if got.shape != base.shape:
        return np.full(1, np.nan)
    c = round(float(((got - base) * term).sum() / (term * term).sum()))
    return base + c * term if c >= 2 else np.full_like(base, np.nan)


def _leading(got: np.ndarray, x: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The gradient of the first k examples, for the k ≥ 2 that fits; NaN where there is none."""
    return next((x[:k].T @ g[:k] for k in range(2, len(x)) if close(got, x[:k].T @ g[:k])), np.full(1, np.nan))


def _with_decay(got: np.ndarray, gradient: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """gradient + c · weight with the c that fits best; NaN where there is no such c."""
    if got.shape != weight.shape or weight.size < 2:
        return np.full(1, np.nan)
    c = float(((got - gradient) * weight).sum() / (weight * weight).sum())
    return gradient + c * weight if abs(c) > 1e-6 else np.full_like(weight, np.nan)


@check("Linear.update", "A1")
def linear_update(Linear: Any, *, seed: int = 0, lr: float = 0.3) -> Iterator[str]:
    """parameter -= lr * gradient, for weight and bias, for the rate that was given."""
    n, n_in, n_out = SHAPES[0]
    case = Case.drawn(n, n_in, n_out, seed)
    gw, gb = case.x.T @ case.grad, case.grad.sum(axis=0)
    rates = (lr, lr / 7)
    asked = {**case.asks(), "x": case.x, "grad": case.grad}
    seen = ask(probes.linear_updates, Linear, asked, {"weight": gw, "bias": gb}, rates)
    _first(seen, n_in, n_out)
    for step, rate in enumerate(rates):
        for name, g in zip(probes.PARAMETERS, (gw, gb), strict=True):
            before, after = (_in_layout(seen.part(place), name, case) for place in (step, step + 1))
            if step and not close(before - after, rate * g):
                raise Mistake("update-remembers", f"The first update of {name} is right and the second is not: a step should depend on lr and the gradient alone, not on earlier steps or a counter.")
            verify(
                before - after,
                rate * g,
                f"the step of {name} (before minus after)",
                [
                    Hypothesis(f"{name}-not-updated", 0 * g, f"update leaves {name} as it was. Both parameters take the step parameter − lr · gradient."),
                    Hypothesis("update-adds", -rate * g, f"update adds the gradient to {name}: the loss would rise. Subtract it."),
                    Hypothesis("l2-term", _with_decay(before - after, rate * g, before), f"A multiple of {name} itself is subtracted, too (weight decay). The step is lr · gradient alone."),
                    Hypothesis("step-assigned", before - rate * g, f"{name} becomes the step itself: lr · gradient is assigned where it should be subtracted (`-=`)."),
                    Hypothesis("step-assigned", before + rate * g, f"{name} becomes the step itself: −lr · gradient is assigned where it should be subtracted (`-=`)."),
                    Hypothesis("step-multiplied", before * rate * g, f"{name} is multiplied by (1 − lr · gradient); subtract lr · gradient."),
                    Hypothesis("updated-twice", 2 * rate * g, f"The step of {name} is twice as long as it should be: is the gradient subtracted twice?"),
                    Hypothesis("rate-halved", rate * g / 2, f"The step of {name} is half as long as it should be. Is lr divided by 2?"),
                    Hypothesis("gradient-of-the-other", rate * gw.sum(axis=0) if g.ndim == 1 else rate * (g * 0 + gb), f"{name} takes the step of the other parameter's gradient."),
                    Hypothesis("step-reversed", 2 * before - rate * g, f"{name} becomes lr · gradient − {name}: the two sides of the minus are swapped."),
                    Hypothesis("rate-ignored", g, f"update ignores lr: {name} moves by the whole gradient."),
                    Hypothesis("rate-ignored", 0.1 * g, f"update ignores the lr it is given: {name} moves as with 0.1."),
                    Hypothesis("rate-ignored", 0.01 * g, f"update ignores the lr it is given: {name} moves as with 0.01."),
                ],
                {**case.sizes, "learning rate": rate},
            )
    yield "weight and bias step by lr · gradient, for two rates"
