"""What can go wrong in an activation: the sigmoid, and the ReLU."""

from __future__ import annotations

import numpy as np

from helpers.check.core import oracle
from helpers.check.core.compare import Hypothesis


def shared_state(right_for_other: np.ndarray, layer: str) -> list[Hypothesis]:
    """Of a layer's gradient after another layer of its class had a forward; what the other's x would give."""
    return [Hypothesis("layers-share-state", right_for_other, f"Two {layer} layers share stored values: the second "
                       f"forward overwrote the first's. Store them in `self`, in forward.")]


def earlier_forward(right_for_earlier: np.ndarray, layer: str) -> list[Hypothesis]:
    """Of a layer's gradient after two forwards; what the first one's x would give."""
    return [Hypothesis("earlier-forward", right_for_earlier, f"{layer}.backward belongs to the latest forward, and "
                       f"here it takes what an earlier one left, as a queue does. An evaluation has forwards without a "
                       f"backward: keep the values of the latest alone.")]


def sigmoid_forward(x: np.ndarray) -> list[Hypothesis]:
    """Of the output."""
    return [
        Hypothesis("sigmoid-sign", oracle.sigmoid(-x), "The sign in the exponent is wrong: this falls where the "
                   "sigmoid rises. The exponent is −x."),
        Hypothesis("tanh-for-sigmoid", np.tanh(x), "This is tanh, which lies between −1 and 1. The sigmoid lies "
                   "between 0 and 1."),
        Hypothesis("relu-for-sigmoid", np.maximum(x, 0), "This is ReLU, not the sigmoid."),
        Hypothesis("softmax-for-sigmoid", oracle.softmax(x), "This is softmax over the row. The sigmoid is "
                   "elementwise."),
        Hypothesis("parentheses-missing", 1 + np.exp(-x), "This is 1 + e^−x: in `1 / 1 + exp(-x)` the division comes "
                   "first. Put the denominator in parentheses."),
        Hypothesis("absolute-value", oracle.sigmoid(np.abs(x)), "This is the sigmoid of |x|. A form that never "
                   "overflows is 1 / (1 + e^−x) where x ≥ 0, and e^x / (1 + e^x) where x < 0: negative x need a "
                   "numerator of their own."),
        Hypothesis("absolute-value", oracle.sigmoid(-np.abs(x)), "This is the sigmoid of −|x|: the sign of x is "
                   "lost."),
        Hypothesis("reciprocal-missing", 1 - np.exp(-x), "This is 1 − e^−x; the sigmoid is 1 divided by (1 + e^−x)."),
        Hypothesis("sigmoid-sign", 1 / (1 - np.exp(-x)), "The sign in the denominator is wrong: it is 1 + e^−x."),
        Hypothesis("softmax-for-sigmoid", np.exp(x) / np.exp(x).sum(), "This is a softmax over all entries. The "
                   "sigmoid is elementwise."),
        Hypothesis("row-summed-first", np.broadcast_to(oracle.sigmoid(x.sum(axis=1, keepdims=True)), x.shape),
                   "Each row is summed before the sigmoid, which is elementwise."),
        Hypothesis("fractions-lost", oracle.sigmoid(np.trunc(x)), "x is truncated to integers before the sigmoid "
                   "(`int`)."),
        Hypothesis("threshold", (x > 0).astype(float), "This is the step function, 0 or 1. The sigmoid is smooth: 1 / "
                   "(1 + e^−x)."),
        Hypothesis("sigmoid-base", 1 / (1 + 2.0**-x), "The base of the power is 2; the sigmoid has base e (`xp.exp`)."),
        Hypothesis("sigmoid-scale", oracle.sigmoid(2 * x), "This is the sigmoid of 2x. If you use tanh: σ(x) = (1 + "
                   "tanh(x/2)) / 2."),
    ]


def sigmoid_backward(x: np.ndarray, g: np.ndarray) -> list[Hypothesis]:
    """Of the gradient that backward returns."""
    s = oracle.sigmoid(x)
    return [
        Hypothesis("local-derivative-only", s * (1 - s), "backward returns only the sigmoid's own derivative. "
                   "Multiply it by grad_output: that is the chain rule."),
        Hypothesis("derivative-of-input", g * x * (1 - x), "The derivative uses the input x where it needs the output "
                   "σ(x). Keep the output in forward."),
        Hypothesis("sigmoid-twice", g * oracle.sigmoid(s) * (1 - oracle.sigmoid(s)), "The sigmoid is applied twice: "
                   "what forward kept is already σ(x)."),
        Hypothesis("factor-missing", g * (1 - s), "One factor is missing: the derivative is σ(x) · (1 − σ(x)); here "
                   "only (1 − σ(x)) is used."),
        Hypothesis("factor-missing", g * s, "One factor is missing: the derivative is σ(x) · (1 − σ(x)); here only "
                   "σ(x) is used."),
        Hypothesis("derivative-of-gradient", oracle.sigmoid(g) * (1 - oracle.sigmoid(g)),
                   "The sigmoid is applied to grad_output. Its derivative belongs to the x of forward: "
                   "output · (1 − output)."),
        Hypothesis("derivative-of-gradient", g * oracle.sigmoid(g) * (1 - oracle.sigmoid(g)),
                   "The sigmoid is applied to grad_output. Its derivative belongs to the x of forward: "
                   "output · (1 − output)."),
        Hypothesis("derivative-of-gradient", g * (1 - g), "The derivative is computed from grad_output; compute it "
                   "from forward's output: output · (1 − output)."),
        Hypothesis("derivative-of-gradient", g * g * (1 - g), "The derivative is computed from grad_output; compute "
                   "it from forward's output: output · (1 − output)."),
        Hypothesis("parentheses-missing", g * s * 1 - s, "This is g·s·1 − s: the parentheses around (1 − output) are "
                   "missing."),
        Hypothesis("added-for-multiplied", g + s * (1 - s), "The derivative is added to grad_output; the chain rule "
                   "multiplies."),
        Hypothesis("derivative-squared", g * (s * (1 - s)) ** 2, "The derivative is multiplied in twice."),
        Hypothesis("derivative-constant", g * 0.25, "1/4 is the sigmoid's derivative at 0 only; elsewhere it is "
                   "output · (1 − output)."),
        Hypothesis("derivative-of-gradient", s * g * (1 - g), "1 − grad_output is used where 1 − output is needed: "
                   "output · (1 − output)."),
        Hypothesis("derivative-constant", g * (s * (1 - s)).mean(axis=0), "The derivative is averaged over the batch; "
                   "each entry has its own."),
        Hypothesis("diagonal-only", g * s * (1 - s) * np.eye(*g.shape), "Only the entries on the diagonal are "
                   "computed. The sigmoid is elementwise: no loop is needed, and if there is one, it goes over rows "
                   "and columns."),
        Hypothesis("derivative-constant", g * (s * (1 - s)).mean(), "The derivative is averaged over all entries; "
                   "each entry has its own."),
        Hypothesis("tanh-derivative", g * (1 - s * s), "1 − output² is the derivative of tanh. For the sigmoid it is "
                   "output · (1 − output)."),
        Hypothesis("returns-grad-output", g, "backward returns grad_output unchanged. Multiply it by the sigmoid's "
                   "derivative."),
    ]


def relu_forward(x: np.ndarray) -> list[Hypothesis]:
    """Of the output."""
    return [
        Hypothesis("relu-upside-down", np.minimum(x, 0), "Negative numbers are kept and positive ones set to 0; it "
                   "should be the other way round."),
        Hypothesis("absolute-value", np.abs(x), "This is |x|; ReLU makes negative numbers 0."),
        Hypothesis("leaky-relu", np.where(x > 0, x, 0.01 * x), "Negative numbers become 1% of what they were: a leaky "
                   "ReLU. Here they become 0."),
        Hypothesis("derivative-for-output", (x > 0) * 1.0, "This is the derivative, 0 or 1; forward returns max(x, "
                   "0)."),
        Hypothesis("identity", x, "The output is the input: negative numbers should become 0."),
    ]


def relu_backward(x: np.ndarray, g: np.ndarray) -> list[Hypothesis]:
    """Of the gradient that backward returns."""
    on, at_zero = x > 0, x >= 0
    return [
        Hypothesis("derivative-always-one", g, "backward passes every gradient on: the derivative is 1 everywhere. "
                   "(Two `np.where` in a row do that: the first makes negatives 0, the second finds 0 ≥ 0.)"),
        Hypothesis("gradient-at-zero", g * at_zero,
                   "At x = 0 the gradient is passed on; it should be 0 there (`x > 0`). Many inputs are exactly 0."),
        Hypothesis("local-derivative-only", on * 1.0, "backward returns only ReLU's own derivative. Multiply it by "
                   "grad_output: that is the chain rule."),
        Hypothesis("local-derivative-only", at_zero * 1.0, "backward returns only ReLU's own derivative. Multiply it "
                   "by grad_output: that is the chain rule."),
        Hypothesis("derivative-of-gradient", np.maximum(g, 0), "The ReLU is applied to grad_output; what matters is "
                   "where x was positive in forward."),
        Hypothesis("derivative-of-gradient", g * on * (g > 0), "Negative gradients are set to 0, too. Only the sign "
                   "of forward's x matters."),
        Hypothesis("multiplied-by-output", g * np.maximum(x, 0), "grad_output is multiplied by the output; the "
                   "derivative is 1 where x > 0, not x."),
        Hypothesis("relu-upside-down", g * ~on, "The gradient is passed on where x was negative; it should be where x "
                   "was positive."),
        Hypothesis("relu-upside-down", g * ~at_zero, "The gradient is passed on where x was negative; it should be "
                   "where x was positive."),
        Hypothesis("all-zero", 0 * g, "The gradient is 0 everywhere."),
        Hypothesis("row-summed-first", np.broadcast_to((g * on).sum(axis=-1, keepdims=True), g.shape),
                   "The gradients of a row are added up. ReLU is elementwise: each entry keeps its own."),
    ]
