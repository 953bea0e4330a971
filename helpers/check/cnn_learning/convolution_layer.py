"""Checks of A4 of the CNN assignment: convolution forward, backward and updated."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from helpers.check.cnn_learning.layer import GRADIENTS, PARAMETERS, Layer, initial, own_gradient, updated, weights_stay
from helpers.check.convolution.gradients import _data_guesses as data_guesses
from helpers.check.convolution.gradients import _filter_guesses as filter_guesses
from helpers.check.core import conv_oracle as oracle
from helpers.check.core import conv_slips as slips
from helpers.check.core.compare import Hypothesis, close, verify
from helpers.check.core.conv_cases import Case, Guess, Sizes, settle
from helpers.check.core.reach import together
from helpers.check.core.report import Mistake, check

CONVS: tuple[Sizes, ...] = (
    # N, C, H, W, K, R, S, u, v, pad_h, pad_w
    (2, 3, 9, 12, 7, 4, 5, 1, 1, 0, 0),
    (3, 2, 14, 18, 7, 5, 3, 3, 2, 1, 0),
    (2, 3, 8, 9, 5, 3, 4, 1, 2, 1, 2),
)


def _conv(Conv: Any, case: Case, seed: int) -> tuple[Layer, np.ndarray]:
    """A student's Conv with the case's filters, and a bias."""
    k, c, r, s = case.w.shape
    layer = Layer(Conv, "Conv", c, k, (r, s), case.stride, case.padding)
    bias = np.random.default_rng([seed, 8]).normal(size=(k,))
    layer.put(case.w, bias)
    return layer, bias


@check("Conv.forward", "A4")
def conv_forward(Conv: Any, *, seed: int = 0) -> Iterator[str]:
    """Initial weights at two scales; outputs with stride, padding and bias."""
    initial(partial(Layer, Conv, "Conv", 8, 25, (4, 5), (1, 1), (0, 0)), (25, 8, 4, 5), 160, "C · R · S")
    yield "weights drawn with standard deviation scale/√(C·R·S), biases zero"
    for sizes in CONVS:
        case = Case.of(sizes, seed)
        layer, bias = _conv(Conv, case, seed)
        plain = oracle.forward(case.x, case.w, case.stride, case.padding)
        expected = plain + bias[:, None, None]
        guesses = partial(_forward_guesses, case, plain, bias)
        settle(layer.forward(case.x), expected, f"the output of Conv.forward for {case.label}", guesses)
        yield f"{case.label}"


def _forward_guesses(case: Case, plain: np.ndarray, bias: np.ndarray) -> list[Guess]:
    b = bias[:, None, None]
    (u, v), (pad_h, pad_w) = case.stride, case.padding
    run = partial(oracle.forward, case.x, case.w)
    return [
        Guess("bias-missing", lambda: plain, "The bias is not added: hand it to conv_forward, or add it to each filter's outputs."),
        Guess("bias-twice", lambda: plain + 2 * b, "The bias is added twice: conv_forward adds it already."),
        Guess("stride-ignored", lambda: run((1, 1), case.padding) + b, "The stride is ignored: keep it in `__init__` and hand it to ConvSpec.of."),
        Guess("padding-ignored", lambda: run(case.stride, (0, 0)) + b, "The padding is ignored: keep it in `__init__` and hand it to ConvSpec.of."),
        Guess("stride-swapped", lambda: run((v, u), case.padding) + b, "Down and across are swapped in the stride."),
        Guess("padding-swapped", lambda: run(case.stride, (pad_w, pad_h)) + b, "Down and across are swapped in the padding."),
        Guess("stride-and-padding-swapped", lambda: run(case.padding, case.stride) + b, "Stride and padding are swapped: ConvSpec.of takes (x, weight, stride, padding)."),
        Guess("bias-wrong-axis", lambda: plain + bias.sum(), "Each filter's bias belongs to its own outputs."),
        Guess("flipped-filter", lambda: oracle.forward(case.x, case.w[:, :, ::-1, ::-1], case.stride, case.padding) + b, "The filters are turned round: that is the other convolution. Here filter and window meet entry by entry."),
        Guess("activation-inside", lambda: np.maximum(plain + b, 0), "There is a ReLU inside the convolution. It is a layer of its own in the file."),
        *slips.forward(case, plain),
    ]


@check("Conv.backward", "A4")
def conv_backward(Conv: Any, *, seed: int = 0) -> Iterator[str]:
    """Gradients for weights, bias and images; twice in a row; the weights stay."""
    for sizes in CONVS:
        case = Case.of(sizes, seed)
        layer, bias = _conv(Conv, case, seed)
        layer.forward(case.x)
        dx = layer.backward(case.dy)
        with together([layer.made], *PARAMETERS, *GRADIENTS):
            weights_stay(layer, case.w, bias)
            _conv_gradients(layer, case, dx)
        yield f"weights, bias and images: {case.label}"
    case, other = Case.of(CONVS[0], seed + 1), Case.of(CONVS[0], seed + 2)
    layer, _ = _conv(Conv, case, seed)
    for each in (other, case):
        layer.forward(each.x)
        dx = layer.backward(each.dy)
    both = oracle.backward_filter(case.x, case.dy, case.window, case.stride, case.padding) + oracle.backward_filter(other.x, other.dy, other.window, other.stride, other.padding)
    with together([layer.made], *GRADIENTS):
        if close(layer.read("grad_weight"), both) or close(layer.read("grad_bias").reshape(-1), case.dy.sum(axis=(0, 2, 3)) + other.dy.sum(axis=(0, 2, 3))):
            raise Mistake("gradient-accumulates", "The gradients of a second backward are added to those of the first. Assign them (`=`), or every batch's gradient contains those of all batches before it.")
        _conv_gradients(layer, Case(case.x, case.w, case.dy, case.stride, case.padding), dx)
    yield "a second backward is independent of the first"


def _conv_gradients(layer: Layer, case: Case, dx: np.ndarray) -> None:
    expected = oracle.backward_filter(case.x, case.dy, case.window, case.stride, case.padding)
    got = layer.read("grad_weight")
    n = len(case.x)
    if close(got, expected / n):
        raise Mistake("gradient-averaged", f"grad_weight is 1/{n} of what it should be, and {n} is the batch size: grad_output already contains the mean. See 'One convention'.")
    settle(got, expected, f"grad_weight for {case.label}", partial(filter_guesses, case, expected))
    _bias_gradient(layer, case.dy)
    shape = case.x.shape
    expected = oracle.backward_data(case.dy, case.w, shape, case.stride, case.padding)
    settle(dx, expected, f"the gradient for the images for {case.label}", partial(data_guesses, case, expected))


def _bias_gradient(layer: Layer, dy: np.ndarray) -> None:
    n, k, p, q = dy.shape
    expected = dy.sum(axis=(0, 2, 3))
    axes = "A filter's bias is added at every place of every image, so its gradient is the sum over N, P and Q: `sum(axis=(0, 2, 3))`."
    got = layer.read("grad_bias")
    if got.size == k:
        got = got.reshape(k)
    hypotheses = [
        *(Hypothesis("bias-wrong-axes", dy.sum(axis=axis), f"grad_bias is summed over the wrong axes, {axis}. {axes}") for axis in ((0,), (2, 3), (1,), (0, 1), (1, 2, 3), (0, 2), (0, 3), (0, 1, 2), (0, 1, 2, 3))),
        *(Hypothesis("bias-wrong-axes", dy.sum(axis=axis, keepdims=True), f"grad_bias is summed over the wrong axes, {axis}. {axes}") for axis in ((0,), (2, 3), (1,))),
        Hypothesis("bias-averaged", dy.mean(axis=(0, 2, 3)), f"grad_bias is a mean over N, P and Q; it is a sum. {axes}"),
        Hypothesis("bias-averaged", expected / n, "grad_bias is divided by the batch size. grad_output already contains the mean; here it is a sum."),
        Hypothesis("bias-averaged", expected / (p * q), "grad_bias is a mean over the positions of the output; it is a sum."),
        Hypothesis("bias-first-image", dy[0].sum(axis=(1, 2)), "grad_bias is the first image's alone; sum over the batch, too."),
    ]
    verify(got, expected, "grad_bias", hypotheses)


@check("Conv.update", "A4")
def conv_update(Conv: Any, *, seed: int = 0, lr: float = 0.3) -> Iterator[str]:
    """parameter −= lr · gradient, for weights and bias, twice with one gradient."""
    case = Case.of(CONVS[0], seed)
    layer, bias = _conv(Conv, case, seed)
    layer.forward(case.x)
    layer.backward(case.dy)
    dw, db = oracle.backward_filter(case.x, case.dy, case.window, case.stride, case.padding), case.dy.sum(axis=(0, 2, 3))
    # A step along the student's own gradients is right: a mistake in these has cost its points in backward.
    with together([layer.made], *GRADIENTS):
        dw, db = own_gradient(layer, "grad_weight", dw), own_gradient(layer, "grad_bias", db)
    yield from updated(layer, case.w, bias, dw, db, lr)
