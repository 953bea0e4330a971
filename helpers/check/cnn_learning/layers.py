"""Checks of A5 and A6 of the CNN assignment: ReLU, max pooling, flatten and dense."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from helpers.check.cnn_learning.layer import GRADIENTS, PARAMETERS, Layer, initial, updated, weights_stay
from helpers.check.core import conv_oracle as oracle
from helpers.check.core.compare import Hypothesis, close, verify
from helpers.check.core.conv_cases import Sizes, settle
from helpers.check.core.reach import together
from helpers.check.core.report import Mistake, check


@check("ReLU", "A5")
def relu(ReLU: Any, *, seed: int = 0) -> Iterator[str]:
    """max(x, 0) and its gradient, for images and rows, with zeros among them."""
    rng = np.random.default_rng([seed, 6])
    layer = Layer(ReLU, "ReLU")
    for shape in ((2, 3, 4, 5), (6, 7)):
        x, g = rng.normal(size=shape), rng.normal(size=shape)
        x[0, 0] = 0
        hypotheses = [
            Hypothesis("relu-upside-down", np.minimum(x, 0), "Negative numbers are kept and positive ones set to 0; it should be the other way round."),
            Hypothesis("absolute-value", np.abs(x), "This is |x|; ReLU makes negative numbers 0."),
            Hypothesis("leaky-relu", np.where(x > 0, x, 0.01 * x), "Negative numbers become 1% of what they were: a leaky ReLU. Here they become 0."),
            Hypothesis("derivative-for-output", (x > 0) * 1.0, "This is the derivative, 0 or 1; forward returns max(x, 0)."),
            Hypothesis("identity", x, "The output is the input: negative numbers should become 0."),
        ]
        verify(layer.forward(x), np.maximum(x, 0), "the output of ReLU.forward", hypotheses)
        yield "forward"
        on, at_zero = x > 0, x >= 0
        hypotheses = [
            Hypothesis("derivative-always-one", g, "backward passes every gradient on: the derivative is 1 everywhere. (Two `np.where` in a row do that: the first makes negatives 0, the second finds 0 ≥ 0.)"),
            Hypothesis("gradient-at-zero", g * at_zero, "At x = 0 the gradient is passed on; it should be 0 there (`x > 0`). Many inputs are exactly 0."),
            Hypothesis("local-derivative-only", on * 1.0, "backward returns only ReLU's own derivative. Multiply it by grad_output: that is the chain rule."),
            Hypothesis("local-derivative-only", at_zero * 1.0, "backward returns only ReLU's own derivative. Multiply it by grad_output: that is the chain rule."),
            Hypothesis("relu-of-gradient", np.maximum(g, 0), "The ReLU is applied to grad_output; what matters is where x was positive in forward."),
            Hypothesis("relu-of-gradient", g * on * (g > 0), "Negative gradients are set to 0, too. Only the sign of forward's x matters."),
            Hypothesis("multiplied-by-output", g * np.maximum(x, 0), "grad_output is multiplied by the output; the derivative is 1 where x > 0, not x."),
            Hypothesis("relu-upside-down", g * ~on, "The gradient is passed on where x was negative; it should be where x was positive."),
            Hypothesis("relu-upside-down", g * ~at_zero, "The gradient is passed on where x was negative; it should be where x was positive."),
            Hypothesis("all-zero", 0 * g, "The gradient is 0 everywhere."),
        ]
        verify(layer.backward(g), g * on, "the gradient of ReLU.backward", hypotheses)
        yield "backward, the zero included; inputs unchanged"
    _latest_forward(ReLU, "ReLU", rng)


def _latest_forward(cls: Any, name: str, rng: np.random.Generator) -> None:
    """Two layers of one class don't share stored values."""
    a, b = Layer(cls, name), Layer(cls, name)
    x, y, g = (rng.normal(size=(3, 4)) for _ in range(3))
    a.forward(x)
    b.forward(y)
    verify(a.backward(g), g * (x > 0), f"the gradient of the first of two {name} layers", [Hypothesis("layers-share-state", g * (y > 0), f"Two {name} layers share stored values: the second forward overwrote the first's. Store them in `self`, in forward.")])


POOLS: tuple[Sizes, ...] = ((2, 3, 8, 15, 2, 3, 2, 3, 0, 0), (2, 3, 9, 17, 3, 4, 2, 3, 0, 0), (3, 2, 7, 10, 3, 5, 2, 2, 1, 2))


@check("MaxPool", "A5")
def max_pool(MaxPool: Any, *, seed: int = 0) -> Iterator[str]:
    """Largest entry of each window; its gradient; overlaps add up; of ties one wins."""
    from helpers.check.convolution import pooling as pools

    for sizes in POOLS:
        for ties in (False, True):
            case = pools.Pool.of(sizes, seed, ties)
            layer = Layer(MaxPool, "MaxPool", *case.geometry)
            expected = oracle.max_pool(case.x, *case.geometry)
            settle(layer.forward(case.x), expected, f"the output of MaxPool.forward for {case.label}", partial(pools._forward_guesses, case, "max"))
            got = layer.backward(case.dy)
            first, last = (oracle.max_pool_backward(case.x, case.dy, *case.geometry, last=last) for last in (False, True))
            if close(got, first) or (ties and (close(got, last) or pools._one_winner_each(got, case))):
                continue
            guesses = pools._tie_guesses if ties else pools._backward_guesses
            settle(got, first, f"the gradient of MaxPool.backward for {case.label}", partial(guesses, case, first))
        yield f"{case.label}, ties included"


@check("Flatten", "A6")
def flatten(Flatten: Any, *, seed: int = 0) -> Iterator[str]:
    """Vectors in the images' memory order, and back."""
    rng = np.random.default_rng([seed, 4])
    for shape in ((3, 2, 4, 5), (2, 3, 5, 4)):
        x = rng.normal(size=shape)
        layer = Layer(Flatten, "Flatten")
        order = "The rows are in another order: all of channel 0 first, row by row, then channel 1 (`x.reshape(N, -1)`, without moving axes)."
        n = shape[0]
        expected = x.reshape(n, -1)
        others = [Hypothesis("flatten-order", x.transpose(0, *axes).reshape(n, -1), order) for axes in ((2, 3, 1), (1, 3, 2), (3, 2, 1), (2, 1, 3), (3, 1, 2))]
        verify(layer.forward(x), expected, "the output of Flatten.forward", [
            *others,
            Hypothesis("flatten-order", np.stack([image.flatten(order="F") for image in x]), order),
            Hypothesis("batch-flattened", x.reshape(-1), "The batch is flattened, too: keep its axis, one row per image."),
            Hypothesis("batch-last", expected.T, "The batch axis is last here; there should be one row per image, `x.reshape(N, -1)`."),
            Hypothesis("batch-last", x.reshape(-1, n), "The batch axis is last here, and the images are mixed; there should be one row per image, `x.reshape(N, -1)`."),
        ])  # fmt: skip
        g = rng.normal(size=expected.shape)
        back = [Hypothesis("flatten-order", _unflattened(g, shape, axes), "backward changes the order of the numbers: reshape to the input shape of forward, nothing more.") for axes in ((2, 3, 1), (1, 3, 2), (3, 2, 1), (2, 1, 3), (3, 1, 2))]
        verify(layer.backward(g), g.reshape(shape), "the gradient of Flatten.backward", [
            *back,
            Hypothesis("not-unflattened", g, "backward returns the vectors unchanged: reshape them to the shape of the images."),
        ])  # fmt: skip
        yield f"{shape} and back"


def _unflattened(g: np.ndarray, shape: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
    moved = g.reshape(shape[0], *(shape[a] for a in axes))
    return moved.transpose(0, *(1 + axes.index(a) for a in (1, 2, 3)))


@check("Dense", "A6")
def dense(Dense: Any, *, seed: int = 0) -> Iterator[str]:
    """Initial weights, forward, three gradients, update."""
    initial(partial(Layer, Dense, "Dense", 100, 40), (100, 40), 100, "in")
    yield "weights drawn with standard deviation scale/√in, biases zero"
    rng = np.random.default_rng([seed, 2])
    for n, inputs, units in ((6, 4, 3), (2, 7, 5)):
        layer = Layer(Dense, "Dense", inputs, units)
        w, b = rng.normal(size=(inputs, units)), rng.normal(size=units)
        x, g = rng.normal(size=(n, inputs)), rng.normal(size=(n, units))
        layer.put(w, b)
        verify(layer.forward(x), x @ w + b, "the output of Dense.forward", [
            Hypothesis("bias-missing", x @ w, "The bias is not added."),
            Hypothesis("activation-inside", np.maximum(x @ w + b, 0), "There is a ReLU inside the dense layer. It is a layer of its own in the file."),
        ])  # fmt: skip
        dx = layer.backward(g)
        with together([layer.made], *PARAMETERS, *GRADIENTS):
            weights_stay(layer, w, b)
            grad_weight, grad_bias = layer.read("grad_weight"), layer.read("grad_bias", (units,))
        verify(grad_weight, x.T @ g, "grad_weight", [
            Hypothesis("gradient-averaged", x.T @ g / n, f"grad_weight is divided by {n}, the batch size. grad_output already contains the mean. See 'One convention'."),
            Hypothesis("divided-by-inputs", x.T @ g / inputs, f"grad_weight is divided by {inputs}, the number of inputs. Nothing is divided here."),
            Hypothesis("gradient-transposed", g.T @ x, "grad_weight is transposed: it has the shape of weight, (in, units)."),
        ], {"batch size": n})  # fmt: skip
        verify(grad_bias, g.sum(axis=0), "grad_bias", [
            Hypothesis("bias-averaged", g.mean(axis=0), "grad_bias is a mean over the batch; it is a sum, as grad_output already contains the mean."),
            Hypothesis("bias-wrong-axes", g.sum(axis=1), "grad_bias is summed over the units; sum over the batch (axis 0)."),
            Hypothesis("bias-wrong-axes", np.asarray(g.sum()), "grad_bias is summed over everything; sum over the batch alone (axis 0)."),
            Hypothesis("bias-first-image", g[0], "grad_bias is the first image's alone; sum over the batch."),
        ])  # fmt: skip
        verify(dx, g @ w.T, "the returned gradient", [
            Hypothesis("returns-grad-weight", x.T @ g, "backward returns grad_weight; it should return the gradient for x, G Wᵀ."),
            Hypothesis("returns-grad-output", g, "backward returns grad_output unchanged; it should return the gradient for x, G Wᵀ."),
            Hypothesis("gradient-averaged", g @ w.T / n, "The returned gradient is divided by the batch size. grad_output already contains the mean."),
        ])  # fmt: skip
        yield f"forward and backward, {n} rows of {inputs} to {units}"
        layer.forward(x)
        layer.backward(g)
        if not close(layer.read("grad_weight"), x.T @ g):
            raise Mistake("gradient-accumulates", "The gradients of a second backward are added to those of the first. Assign them (`=`).")
    yield from updated(layer, w, b, x.T @ g, g.sum(axis=0), 0.3)
