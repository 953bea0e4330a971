"""What can go wrong in a linear layer, x @ weight + bias, with weights (in, out) and rows of examples."""

from __future__ import annotations

from math import isqrt

import numpy as np

from helpers.check.core.compare import NOTHING, Hypothesis, close
from helpers.check.core.oracle import sigmoid
from helpers.check.core.report import Mistake

BIAS_IN_A_ROW = (
    "{} has shape {}; it should be {}, one axis. With a second axis numpy adds it alike, but it is another shape for "
    "whoever reads it: sum with `axis=0` alone, and make the bias from its one size."
)


def verify_start(
    layer: str, weight: np.ndarray, bias: np.ndarray, inputs: int, outputs: int, scale: float = 1.0,
    words: str = "in_features",
) -> None:
    """Raise the Mistake of first parameters that are not N(0, scale²/inputs) and zero; 4,000 draws tell it.

    inputs: the terms that an output adds up, called `words`. For linear layers, and for convolutions (K, C, R, S).
    """
    if not np.all(bias == 0):
        raise Mistake("bias-not-zero", f"The bias of {layer} should start at zero: only weights need to differ from "
                      f"each other.")
    rows = weight.reshape(len(weight), -1)
    mean, std, right = float(weight.mean()), float(weight.std()), scale / inputs**0.5
    if std == 0 or np.ptp(rows, axis=0).max() == 0 or np.ptp(rows, axis=1).max() == 0:
        raise Mistake("weights-all-equal", "Weights that should differ are equal, so outputs would learn the same "
                      "thing. Draw each of them at random.")
    if abs(mean) > 0.2 * std:
        raise Mistake("weights-not-centred", f"The weights have mean {mean:.3g}; a normal distribution around 0 was "
                      f"asked for (`normal`).")
    found = std / right
    if 0.92 < found < 1.08:
        largest, tails = float(np.abs(weight - mean).max() / std), float((((weight - mean) / std) ** 4).mean())
        if abs(tails - 3) > 0.6:
            raise Mistake("not-normal", f"The weights of {layer} have the right standard deviation, and are not drawn "
                          f"from a normal distribution: the largest is {np.abs(weight).max() / std:.2g} standard "
                          f"deviations from 0. Draw them with `normal`, not from an interval.")
        if weight.size >= 4000 and (largest < 2.8 or (np.abs(weight) == np.abs(weight).max()).sum() > 2):
            raise Mistake("clipped", f"The weights of {layer} are cut off: none is further from 0 than "
                          f"{largest:.2g} standard deviations, where of so many draws from a normal distribution some "
                          f"are. Take what `normal` draws as it is.")
        return
    told = f"The weights of {layer} have standard deviation {std:.3g} instead of {scale:g}/√({words}) = {right:.3g}"
    if scale != 1:
        for ratio, name, why in (
            (1 / scale, "scale-ignored", "`scale` is ignored; they are as large as at scale 1"),
            (scale**-0.5, "scale-as-variance", "that is √scale/√inputs: scale multiplies the standard deviation, not "
             "the variance"),
        ):
            if 0.92 < found / ratio < 1.08:
                raise Mistake(name, f"{told}: {why}.")
    for other, name, why in (
        (1 / inputs, "variance-for-std", f"1/({words}) is the variance; the standard deviation is its square root"),
        (1 / isqrt(inputs), "fractions-lost", f"that is what a square root in whole numbers gives (`isqrt`, `int`): "
         f"√({words}) is no whole number"),
        (1.0, "weights-not-scaled", f"nothing is scaled by {words}, so the outputs are far too large"),
        (outputs**-0.5, "scaled-by-outputs", f"that is taken from the number of outputs; each output adds up {words} "
         f"terms"),
        ((2 / inputs) ** 0.5, "wrong-deviation", f"that is √(2/({words})), a choice for layers before a ReLU"),
        (weight.size**-0.5, "wrong-deviation", "that is taken from the number of all weights"),
        (weight.shape[1] ** -0.5 if weight.ndim == 4 else 1.0, "wrong-deviation", "that is 1/√C: R · S is forgotten"),
    ):
        if 0.92 < std / (scale * other) < 1.08:
            raise Mistake(name, f"{told}: {why}.")
    if weight.size > 500 and np.abs(weight).max() < 1.9 * std:
        raise Mistake("not-normal", f"{told}, and no weight is larger than {np.abs(weight).max():.3g}: they are drawn "
                      f"uniformly. Draw them from a normal distribution with that standard deviation.")
    if weight.size >= 4000 and np.abs(weight).max() < 3.2 * std:
        raise Mistake("clipped", f"{told}, and none is further from 0 than {np.abs(weight).max() / right:.2g} times "
                      f"that, where of so many draws from a normal distribution some are: are large draws cut off or "
                      f"drawn again (a truncated normal distribution)? Take what `normal` draws as it is.")
    raise Mistake("wrong-deviation", f"{told}.")


def forward(
    got: np.ndarray, x: np.ndarray, w: np.ndarray, b: np.ndarray, first_weight: np.ndarray | None = None
) -> list[Hypothesis]:
    """Of the output; first_weight: what the layer started with."""
    plain, n = x @ w, len(x)
    own = "Each output has a bias of its own: add the array as it is."
    inside = "A linear layer has no activation, which is a layer of its own."
    averaged = "Examples are independent; nothing is averaged in forward."
    return [
        Hypothesis("bias-missing", plain, "The bias is not added: the output is x times the weights alone."),
        Hypothesis("bias-subtracted", plain - b, "The bias is subtracted; it should be added."),
        Hypothesis("activation-inside", sigmoid(plain + b), f"The output went through a sigmoid. {inside}"),
        Hypothesis("activation-inside", np.maximum(plain + b, 0), f"Negative outputs are set to 0. {inside}"),
        Hypothesis("output-transposed", (plain + b).T, "The output is transposed: rows should be the examples of the "
                   "batch."),
        Hypothesis("stale-weight", NOTHING if first_weight is None else x @ first_weight + b,
                   "forward uses the initial weights, a copy made in `__init__`. Use self.weight as it is now."),
        Hypothesis("bias-multiplied", _plus_multiple(got, plain, np.broadcast_to(b, plain.shape)),
                   "A multiple of the bias is added; add it once for each example, "
                   "outside of any loop over the inputs."),
        Hypothesis("bias-summed", plain + b.sum(), f"The sum of all biases is added everywhere. {own}"),
        Hypothesis("bias-summed", plain + b[0], f"The first bias is added everywhere. {own}"),
        Hypothesis("bias-summed", plain + b.mean(), f"The mean of all biases is added everywhere. {own}"),
        Hypothesis("sum-not-accumulated", x[:, -1:] * w[-1] + b, "Only the last input counts: in the loop, the "
                   "products are assigned (`=`) where they should be added up (`+=`)."),
        Hypothesis("forward-averaged", plain / n + b, f"x @ weight is divided by the batch size. {averaged}"),
        Hypothesis("forward-averaged", plain / x.shape[1] + b, "x @ weight is divided by in_features. The scale "
                   "belongs in the initial weights, not in forward."),
        Hypothesis("transpose-missing", x @ w.T + b if len(w) == len(w.T) else NOTHING, "Where a layer has as many "
                   "outputs as inputs, x is multiplied by weight.T. The product is x @ weight, whatever the sizes."),
        Hypothesis("reshaped-not-transposed", x @ w.T.reshape(w.shape) + b, "The weights are reshaped where they "
                   "should be transposed: `reshape` keeps the order of the numbers and mixes rows and columns. Use "
                   "`.T`."),
    ]


ACCUMULATED = (
    "Gradients accumulate: the second backward added to the first. Assign the gradient (`=`), don't add to it (`+=`)."
)


def weight_gradient(
    got: np.ndarray, x: np.ndarray, g: np.ndarray, w: np.ndarray, b: np.ndarray,
    earlier: np.ndarray | None = None, stale: np.ndarray | None = None,
) -> list[Hypothesis]:
    """Of grad_weight. earlier: the gradient of the backward before; stale: the x of the forward before."""
    right = x.T @ g
    before = (
        "x and grad_output are {} over the batch before they are multiplied. Each example's x belongs to its own "
        "grad_output: multiply first."
    )
    alone = (
        "grad_weight comes from the {} example alone: add the products of all examples up, as the matrix product does."
    )
    derivative = sigmoid(x @ w + b) * (1 - sigmoid(x @ w + b))
    return [
        Hypothesis("gradient-transposed", g.T @ x, "grad_weight is transposed; it needs the shape of weight."),
        Hypothesis("gradient-accumulates", NOTHING if earlier is None else right + earlier, ACCUMULATED),
        Hypothesis("stale-input", NOTHING if stale is None else stale[: len(x)].T @ g[: len(stale)],
                   "The gradient uses the x of an earlier forward. Keep x in every forward: `self.x = x`."),
        Hypothesis("output-kept", (x @ w + b).T @ g, "grad_weight is made of the layer's output where its input "
                   "belongs: is the output what forward keeps, as `self.x`? It is input.T @ grad_output."),
        Hypothesis("gradient-normalised", right / max(float(np.linalg.norm(right)), 1e-300), "grad_weight is divided "
                   "by its own norm: its direction is right, and how steep the loss is gets lost. Leave it as it is."),
        Hypothesis("one-example-only", np.outer(x[-1], g[-1]), alone.format("last")),
        Hypothesis("one-example-only", np.outer(x[0], g[0]), alone.format("first")),
        Hypothesis("summed-before-product", np.outer(x.sum(axis=0), g.sum(axis=0)), before.format("summed")),
        Hypothesis("summed-before-product", np.outer(x.mean(axis=0), g.sum(axis=0)), before.format("averaged")),
        Hypothesis("summed-before-product", np.outer(x.mean(axis=0), g.mean(axis=0)), before.format("averaged")),
        Hypothesis("some-examples-only", _of_the_first(got, x, g), "grad_weight comes from the first few examples "
                   "only: a number is written into the code where the batch's own size is needed."),
        Hypothesis("grad-output-ignored", x.T @ np.ones_like(g), "grad_output is not in grad_weight: multiply the "
                   "input by it. That is the chain rule."),
        Hypothesis("activation-inside", x.T @ (g * derivative), "The derivative of a sigmoid is multiplied in. A "
                   "linear layer has no activation; the sigmoid takes care of its own gradient."),
        Hypothesis("weight-decay", _plus_any_multiple(got, right, w), "A multiple of weight is added to grad_weight "
                   "(weight decay). The loss of this exercise has no such term."),
        Hypothesis("grad-weight-sign", -right, "grad_weight has the wrong sign. `update` subtracts; backward returns "
                   "the plain gradient."),
    ]


def bias_gradient(x: np.ndarray, g: np.ndarray, b: np.ndarray, earlier: np.ndarray | None = None) -> list[Hypothesis]:
    """Of grad_bias. earlier: the gradient of the backward before."""
    n, right = len(g), g.sum(axis=0)
    axis = (
        "grad_bias is {} over the features (axis 1). "
        "The bias is shared by all examples, so sum over the batch (axis 0)."
    )
    alone = "grad_bias is the {} example's row alone: sum over the batch (axis 0)."
    everything = "grad_bias is {} over everything. Each output has a bias of its own: sum over the batch (axis 0) only."
    return [
        Hypothesis("bias-grad-averaged", g.mean(axis=0), f"grad_bias is 1/{n} of the gradient, and {n} is the batch "
                   f"size: it is a mean over the batch where a sum is needed. grad_output is already the gradient of "
                   f"a mean loss."),
        Hypothesis("bias-grad-wrong-axes", g.sum(axis=1), axis.format("summed")),
        Hypothesis("bias-grad-wrong-axes", g.mean(axis=1), axis.format("averaged")),
        Hypothesis("bias-grad-wrong-axes", g.sum(axis=1, keepdims=True), axis.format("summed")),
        Hypothesis("bias-grad-wrong-axes", g.sum(axis=1)[None], axis.format("summed")),
        Hypothesis("bias-grad-not-summed", g if n > 1 else NOTHING, "grad_bias is not summed over the batch: it has "
                   "one row per example, but the bias has only one."),
        Hypothesis("one-example-only", g[-1], alone.format("last")),
        Hypothesis("one-example-only", g[0], alone.format("first")),
        Hypothesis("bias-grad-times-bias", right * b, "The bias itself is multiplied in. The output grows by 1 when "
                   "the bias does, so its gradient is the sum of grad_output."),
        Hypothesis("bias-grad-ones", np.ones_like(b), "grad_bias is 1 everywhere: that is the derivative of the "
                   "output. Multiply it by grad_output and sum over the batch."),
        Hypothesis("bias-grad-from-x", x.sum(axis=0), "grad_bias is summed from x; it is the sum of grad_output over "
                   "the batch."),
        Hypothesis("bias-grad-one-number", np.asarray(g.sum()), everything.format("summed")),
        Hypothesis("bias-grad-one-number", np.full_like(b, g.sum()), everything.format("summed")),
        Hypothesis("bias-grad-one-number", np.asarray(g.mean()), everything.format("averaged")),
        Hypothesis("bias-grad-one-number", np.full_like(b, g.mean()), everything.format("averaged")),
        Hypothesis("gradient-accumulates", NOTHING if earlier is None else right + earlier, ACCUMULATED),
    ]


def input_gradient(
    x: np.ndarray, g: np.ndarray, w: np.ndarray, first_weight: np.ndarray | None = None
) -> list[Hypothesis]:
    """Of the gradient that backward returns; first_weight: what the layer started with."""
    return [
        Hypothesis("grad-input-transposed", w @ g.T, "The returned gradient is transposed (weight @ grad_output.T). "
                   "It needs the shape of x: rows are examples."),
        Hypothesis("transpose-missing", g @ w if len(w) == len(w.T) else NOTHING, "The returned gradient is "
                   "grad_output @ weight where a layer has as many outputs as inputs: only there do these shapes fit, "
                   "and the product is another one. It is grad_output @ weight.T, whatever the sizes."),
        Hypothesis("stale-weight", NOTHING if first_weight is None else g @ first_weight.T,
                   "The gradient is propagated through the initial weights, a copy made in `__init__`. "
                   "Use self.weight as it is now."),
        Hypothesis("absolute-value", g @ np.abs(w).T, "The gradient is propagated through the absolute values of the "
                   "weights; their signs matter."),
        Hypothesis("returns-grad-weight", x.T @ g, "backward returns grad_weight. It should return the gradient with "
                   "respect to the input, which the previous layer needs."),
        Hypothesis("returns-grad-output", g, "backward returns grad_output unchanged. Propagate it through the "
                   "weights."),
    ]


def _plus_multiple(got: np.ndarray, base: np.ndarray, term: np.ndarray) -> np.ndarray:
    """base + c · term with the whole c ≥ 2 that fits."""
    if got.shape != base.shape or not np.isfinite(got).all():
        return NOTHING
    c = round(float(((got - base) * term).sum() / (term * term).sum()))
    return base + c * term if c >= 2 else NOTHING


def _of_the_first(got: np.ndarray, x: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The gradient of the first k examples, for the k ≥ 2 that fits."""
    return next((x[:k].T @ g[:k] for k in range(2, len(x)) if close(got, x[:k].T @ g[:k])), NOTHING)


def _plus_any_multiple(got: np.ndarray, base: np.ndarray, term: np.ndarray) -> np.ndarray:
    """base + c · term with the c that fits best, where it is not about 0."""
    if got.shape != term.shape or term.size < 2:
        return NOTHING
    c = float(((got - base) * term).sum() / (term * term).sum())
    return base + c * term if abs(c) > 1e-6 else NOTHING
