"""Checks of A4 to A6: convolution, ReLU, max pooling, flatten and dense."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from helpers.check.cnn_learning import probes
from helpers.check.cnn_learning.oracle import rates
from helpers.check.convolution import pooling as pools
from helpers.check.convolution.gradients import _data_guesses as data_guesses
from helpers.check.convolution.gradients import _filter_guesses as filter_guesses
from helpers.check.core import convolution_oracle as oracle
from helpers.check.core.ask import Answer, array, ask
from helpers.check.core.compare import Hypothesis, close, verify
from helpers.check.core.geometries import Case, Guess, Sizes, settle
from helpers.check.core.hypotheses import convolution as slips
from helpers.check.core.report import Mistake, check

# What the checks of layers share ----------------------------------------------------------------------------------

Step = tuple[int, str, Any]
"""Place of the layer, method ("" where it is only made), what the method gets."""
STARTS: tuple[dict[str, Any], ...] = ({"seed": 3}, {"seed": 3, "scale": 0.25}, {"seed": 3}, {"seed": 4})
"""How the layers are made whose first weights `_initial` looks at."""


def _result(seen: Answer, step: int, name: str, method: str, what: str) -> np.ndarray:
    """What a method returned."""
    found = seen.part(step)["result"]
    if found is None:
        raise Mistake("returns-none", f"{name}.{method} returned None. Is the `return` missing?")
    if isinstance(found, tuple | list):
        raise Mistake("returns-several", f"{name}.{method} returned {len(found)} things; return one array, and store in `self` what backward needs.")
    return array(found, what)


def _forward(seen: Answer, step: int, name: str) -> np.ndarray:
    return _result(seen, step, name, "forward", f"the output of {name}.forward")


def _backward(seen: Answer, step: int, name: str) -> np.ndarray:
    return _result(seen, step, name, "backward", "the returned gradient")


def _read(seen: Answer, step: Any, name: str, attribute: str) -> np.ndarray:
    """A parameter or gradient after a step; a bias as (features,)."""
    found = array(seen.part(step)[attribute], f"{name}.{attribute}")
    return found.reshape(-1) if attribute.endswith("bias") and found.ndim > 1 and found.size == max(found.shape) else found


def _shapes_right(seen: Answer, place: int, name: str, weight: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The first weight and bias of a layer."""
    of_layer = seen.part(f"layer {place}")
    w, b = (array(of_layer[f"first {each}"], f"{name}.{each}") for each in probes.PARAMETERS)
    if w.shape != weight:
        more = " It looks transposed." if w.shape == weight[::-1] else ""
        raise Mistake("wrong-parameter-shape", f"{name}.weight has shape {w.shape}; it should be {weight}.{more}")
    outputs = weight[-1 if len(weight) == 2 else 0]
    if b.size != outputs:
        raise Mistake("wrong-parameter-shape", f"{name}.bias has shape {b.shape}; it should be ({outputs},), one number for each {'unit' if len(weight) == 2 else 'filter'}.")
    return w, b


def _initial(seen: Answer, name: str, shape: tuple[int, ...], inputs: int, inputs_are: str) -> None:
    """Shapes, scale and seeds of the first weights. 4,000 draws know their standard deviation to 1.2%."""
    w, bias = _shapes_right(seen, 0, name, shape)
    if bias.any():
        raise Mistake("bias-not-zero", f"{name}.bias should start at zero.")
    if not w.any():
        raise Mistake("weights-zero", f"{name}.weight starts at zero: then all filters get the same gradient and stay the same.")
    _right_deviation(name, w, 1.0, inputs, inputs_are)
    if abs(w.mean()) > 0.1 * w.std():
        raise Mistake("mean-not-zero", f"{name}.weight has the mean {w.mean():.3g}; draw from a normal distribution with mean 0.")
    small, again, other = (array(seen.part(f"layer {i}")["first weight"], f"{name}.weight") for i in (1, 2, 3))
    _right_deviation(name, small, 0.25, inputs, inputs_are)
    if not np.array_equal(w, again):
        raise Mistake("seed-ignored", "Two layers with the same seed start with different weights. Pass `seed` to `on.normal`, so that runs can be repeated.")
    if np.array_equal(w, other):
        raise Mistake("seed-ignored", "Layers with seeds 3 and 4 start with the same weights: pass `seed` to `on.normal`.")


def _right_deviation(name: str, w: np.ndarray, scale: float, inputs: int, inputs_are: str) -> None:
    got, right, shape = float(w.std()), scale / inputs**0.5, w.shape
    if abs(got / right - 1) < 0.08:
        return
    if scale != 1 and abs(got * inputs**0.5 - 1) < 0.08:
        raise Mistake("scale-ignored", f"`scale` is ignored: at scale {scale:g} the weights of {name} are as large as at scale 1.")
    if scale != 1 and abs(got * inputs**0.5 / scale**0.5 - 1) < 0.08:
        raise Mistake("scale-as-variance", f"At scale {scale:g} the weights of {name} have the standard deviation √scale/√({inputs_are}); it is scale/√({inputs_are}).")
    outs = shape[0] if len(shape) == 4 else shape[-1]
    for value, words in ((1 / inputs, f"1/({inputs_are}), which is the variance"), (1.0, "1"), ((2 / inputs) ** 0.5, f"√(2/({inputs_are})), the choice of He et al."), (outs**-0.5, "taken from the number of outputs"), (shape[1] ** -0.5 if len(shape) == 4 else 1.0, "1/√C: the filter's R · S entries are forgotten"), (prod(shape) ** -0.5, "taken from the number of all weights")):
        if abs(got / (scale * value) - 1) < 0.08:
            raise Mistake("wrong-deviation", f"The weights of {name} have the standard deviation {got:.3g}: that is {words}. It should be scale/√({inputs_are}), here {right:.3g}.")
    raise Mistake("wrong-deviation", f"The weights of {name} have the standard deviation {got:.3g} at scale {scale:g}; it should be scale/√({inputs_are}), here {right:.3g}.")


def _weights_stay(seen: Answer, step: int, name: str, w: np.ndarray, bias: np.ndarray) -> None:
    if not (close(_read(seen, step, name, "weight"), w) and close(_read(seen, step, name, "bias"), bias)):
        raise Mistake("backward-updates", f"{name}.backward changed the weights. It should only compute gradients; `update` takes the step after the backward pass of all layers.")


def _updates(place: int, x: np.ndarray, g: np.ndarray, rates: Sequence[float]) -> list[Step]:
    """A step at each rate, each after a forward and a backward of its own."""
    return [step for rate in rates for step in ((place, "forward", x), (place, "backward", g), (place, "update", rate))]


def _updated(seen: Answer, first: int, name: str, given: Sequence[np.ndarray], grads: Sequence[np.ndarray], rates: Sequence[float]) -> Iterator[str]:
    """The steps of `_updates`, from the step number `first` on. Along the student's own gradients is right, too: a mistake in
    these has cost its points in backward."""
    before = given
    for i, lr in enumerate(rates):
        at = first + 3 * i
        own = [_read(seen, at + 1, name, attribute) for attribute in probes.GRADIENTS]
        steps = [lr * (mine if mine.shape == right.shape and np.isfinite(mine).all() and mine.any() else right) for mine, right in zip(own, grads, strict=True)]
        if getattr(seen.part(at + 2)["result"], "shape", None):
            raise Mistake("update-returns", f"{name}.update returns something instead of changing the layer: assign to self.weight and self.bias.")
        after = [_read(seen, at + 2, name, attribute) for attribute in probes.PARAMETERS]
        if i == 0:
            _first_step(name, before, after, steps, lr)
            yield "weight and bias move by −lr · gradient"
        else:
            _second_step(before, after, steps, lr, rates[0])
        before = [old - step for old, step in zip(before, steps, strict=True)]
    yield "a second step, at another rate, depends on its own gradient and rate alone"


def _first_step(name: str, before: Sequence[np.ndarray], after: Sequence[np.ndarray], steps: Sequence[np.ndarray], lr: float) -> None:
    stays, moves = ([close(found, right) for found, right in zip(after, wanted, strict=True)] for wanted in (before, [old - step for old, step in zip(before, steps, strict=True)]))
    if all(stays):
        raise Mistake("not-updated", f"{name}.update leaves weight and bias unchanged. Assign to `self.weight` and `self.bias`.")
    if moves[0] and stays[1]:
        raise Mistake("bias-not-updated", f"{name}.update changes the weight and forgets the bias.")
    if stays[0] and moves[1]:
        raise Mistake("weight-not-updated", f"{name}.update changes the bias and forgets the weight.")
    for attribute, value, start, step in zip(probes.PARAMETERS, after, before, steps, strict=True):
        hypotheses = [
            Hypothesis("update-adds", start + step, f"The gradient is added to the {attribute}: the loss would rise. Subtract it."),
            Hypothesis("update-assigns", step, f"The {attribute} becomes lr · gradient; that should be subtracted from it."),
            Hypothesis("update-assigns", -step, f"The {attribute} becomes −lr · gradient: the old value is lost (`=` for `-=`)."),
            Hypothesis("rate-ignored", start - step / lr, f"`lr` is ignored for the {attribute}."),
            *(Hypothesis("rate-ignored", start - step / lr * rate, f"`lr` is ignored for the {attribute}: it moves as with {rate:g}.") for rate in (0.1, 0.01, 0.001)),
        ]
        if not any(each.explains(value) for each in hypotheses):
            _odd_step(attribute, value, start, step)
        verify(value, start - step, f"the {attribute} after the update", hypotheses)


def _second_step(before: Sequence[np.ndarray], after: Sequence[np.ndarray], steps: Sequence[np.ndarray], lr: float, first_rate: float) -> None:
    for attribute, value, start, step in zip(probes.PARAMETERS, after, before, steps, strict=True):
        times = _ratio(start - value, step, float(np.abs(start).max()))
        if times is not None and abs(times * lr / first_rate - 1) < 1e-2:
            raise Mistake("first-rate-kept", f"A second update, at another rate, moves the {attribute} as at the first one: the rate of the first call is kept. Take the `lr` that is given, each time.")
        if times is not None and abs(times - 1) > 1e-2:
            raise Mistake("update-keeps-state", f"A second update goes {times:.3g} times as far as it should: something is carried over from step to step (momentum?). Here `update` is plain gradient descent: parameter −= lr · gradient.")
        verify(value, start - step, f"the {attribute} after a second update")


def _ratio(a: np.ndarray, b: np.ndarray, scale: float) -> float | None:
    """The number that a is times b, None where it is none; a is a difference of float32 numbers as large as scale."""
    if a.shape != b.shape or not np.isfinite(a).all():
        return None
    large = np.abs(b) > 1e-2 * np.abs(b).max()
    ratio = float(np.median(a[large] / b[large]))
    return ratio if np.allclose(a, ratio * b, rtol=1e-4, atol=2e-6 * scale) else None


def _odd_step(name: str, value: np.ndarray, start: np.ndarray, step: np.ndarray) -> None:
    """Raise for a step of another length, and for weight decay."""
    if value.shape != start.shape:
        return
    scale = float(np.abs(start).max() + np.abs(step).max())
    times = _ratio(start - value, step, scale)
    if times is not None and abs(times - 1) > 1e-3:
        raise Mistake("step-scaled", f"The {name} moves by {times:.4g} · lr · gradient, and should move by lr · gradient: the gradient already contains the mean over the batch; divide nothing else.")
    smaller = _ratio(start - step - value, start, scale)
    if smaller is not None and abs(smaller) > 2e-5:
        raise Mistake("weight-decay", f"The {name} is also reduced by {smaller:.3g} of itself: that is weight decay, which is not part of this exercise.")


# Convolution ------------------------------------------------------------------------------------------------------

CONVS: tuple[Sizes, ...] = (
    # N, C, H, W, K, R, S, u, v, pad_h, pad_w
    (2, 3, 9, 12, 7, 4, 5, 1, 1, 0, 0),
    (3, 2, 14, 18, 7, 5, 3, 3, 2, 1, 0),
    (2, 3, 8, 9, 5, 3, 4, 1, 2, 1, 2),
)


def _bias(case: Case, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 8]).normal(size=len(case.w))


def _conv(case: Case, bias: np.ndarray) -> dict[str, Any]:
    """A layer with the case's filters."""
    k, c, r, s = case.w.shape
    return {"args": (c, k, (r, s), case.stride, case.padding), "given": (case.w, bias)}


@check("Conv.forward", "A4")
def conv_forward(Conv: Any, *, seed: int = 0) -> Iterator[str]:
    """Initial weights at two scales; outputs with stride, padding and bias."""
    cases = [Case.of(sizes, seed) for sizes in CONVS]
    first = [{"args": (8, 25, (4, 5), (1, 1), (0, 0)), "given": (), "named": start} for start in STARTS]
    steps: list[Step] = [(i, "", None) for i in range(len(first))]
    steps += [(i, "forward", case.x) for i, case in enumerate(cases, len(first))]
    seen = ask(probes.layers, Conv, "Conv", [*first, *(_conv(case, _bias(case, seed)) for case in cases)], steps)
    _initial(seen, "Conv", (25, 8, 4, 5), 160, "C · R · S")
    yield "weights drawn with standard deviation scale/√(C·R·S), biases zero"
    for i, case in enumerate(cases, len(first)):
        _shapes_right(seen, i, "Conv", case.w.shape)
        bias = _bias(case, seed)
        plain = oracle.forward(case.x, case.w, case.stride, case.padding)
        settle(_forward(seen, i, "Conv"), plain + bias[:, None, None], f"the output of Conv.forward for {case.label}", partial(_forward_guesses, case, plain, bias))
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
    """Gradients for weights, bias and images; twice in a row; the weights stay; two layers side by side."""
    cases = [Case.of(sizes, seed) for sizes in CONVS]
    case, other = Case.of(CONVS[0], seed + 1), Case.of(CONVS[0], seed + 2)
    n = len(cases)
    made = [_conv(each, _bias(each, seed)) for each in (*cases, case, case, other)]
    steps: list[Step] = [step for i, each in enumerate(cases) for step in ((i, "forward", each.x), (i, "backward", each.dy))]
    steps += [(n, "forward", other.x), (n, "backward", other.dy), (n, "forward", case.x), (n, "backward", case.dy)]
    steps += [(n + 1, "", None), (n + 2, "", None), (n + 1, "forward", case.x), (n + 2, "forward", other.x), (n + 1, "backward", case.dy)]
    seen = ask(probes.layers, Conv, "Conv", made, steps)
    for i, each in enumerate(cases):
        _shapes_right(seen, i, "Conv", each.w.shape)
        dx = _backward(seen, 2 * i + 1, "Conv")
        _weights_stay(seen, 2 * i + 1, "Conv", each.w, _bias(each, seed))
        _conv_gradients(seen, 2 * i + 1, each, dx)
        yield f"weights, bias and images: {each.label}"
    at = 2 * n + 3
    dx, grad_weight, grad_bias = _backward(seen, at, "Conv"), *(_read(seen, at, "Conv", attribute) for attribute in probes.GRADIENTS)
    both = [_filter_gradient(each.x, each) for each in (case, other)]
    if close(grad_weight, both[0] + both[1]) or close(grad_bias, case.dy.sum(axis=(0, 2, 3)) + other.dy.sum(axis=(0, 2, 3))):
        raise Mistake("gradient-accumulates", "The gradients of a second backward are added to those of the first. Assign them (`=`), or every batch's gradient contains those of all batches before it.")
    _conv_gradients(seen, at, case, dx)
    yield "a second backward is independent of the first"
    at = 2 * n + 8
    shared = oracle.backward_data(case.dy, other.w, case.x.shape, case.stride, case.padding)
    dx = _backward(seen, at, "Conv")
    if close(_read(seen, at, "Conv", "grad_weight"), _filter_gradient(other.x, case)) or close(dx, shared):
        raise Mistake("layers-share-state", SHARED.format(name="Conv"))
    _conv_gradients(seen, at, case, dx)
    yield "two layers don't share what they keep"


SHARED = "Two {name} layers share what they keep: the second one's forward overwrote the first one's. Keep it in `self`, set in `__init__` or forward, not in the class or in a global."


def _filter_gradient(x: np.ndarray, case: Case) -> np.ndarray:
    return oracle.backward_filter(x, case.dy, case.window, case.stride, case.padding)


def _conv_gradients(seen: Answer, step: int, case: Case, dx: np.ndarray) -> None:
    expected = _filter_gradient(case.x, case)
    got, n = _read(seen, step, "Conv", "grad_weight"), len(case.x)
    if close(got, expected / n):
        raise Mistake("gradient-averaged", f"grad_weight is 1/{n} of what it should be, and {n} is the batch size: grad_output already contains the mean. See 'One convention'.")
    settle(got, expected, f"grad_weight for {case.label}", partial(filter_guesses, case, expected))
    _bias_gradient(_read(seen, step, "Conv", "grad_bias"), case.dy)
    expected = oracle.backward_data(case.dy, case.w, case.x.shape, case.stride, case.padding)
    settle(dx, expected, f"the gradient for the images for {case.label}", partial(data_guesses, case, expected))


def _bias_gradient(got: np.ndarray, dy: np.ndarray) -> None:
    n, k, p, q = dy.shape
    expected = dy.sum(axis=(0, 2, 3))
    axes = "A filter's bias is added at every place of every image, so its gradient is the sum over N, P and Q: `sum(axis=(0, 2, 3))`."
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
def conv_update(Conv: Any, *, seed: int = 0) -> Iterator[str]:
    """parameter −= lr · gradient, for weights and bias, at two rates."""
    case = Case.of(CONVS[0], seed)
    given, lrs = (case.w, _bias(case, seed)), rates(seed)
    seen = ask(probes.layers, Conv, "Conv", [_conv(case, given[1])], _updates(0, case.x, case.dy, lrs))
    _shapes_right(seen, 0, "Conv", case.w.shape)
    yield from _updated(seen, 0, "Conv", given, (_filter_gradient(case.x, case), case.dy.sum(axis=(0, 2, 3))), lrs)


# ReLU, pooling, flatten -------------------------------------------------------------------------------------------


@check("ReLU", "A5")
def relu(ReLU: Any, *, seed: int = 0) -> Iterator[str]:
    """max(x, 0) and its gradient, for images and rows, with zeros and large numbers among them."""
    rng = np.random.default_rng([seed, 6])
    cases = [tuple(rng.normal(size=shape) for _ in range(2)) for shape in ((2, 3, 4, 5), (6, 7), (1, 5), (3, 4), (3, 4))]
    for x, g in cases[:3]:
        x[0, 0] = 0
        x[-1, -1] = g[-1, -2] = 90.0
        x[-1, -2] = g[-1, -1] = -90.0
    steps: list[Step] = [step for x, g in cases[:3] for step in ((0, "forward", x), (0, "backward", g))]
    (x, g), (other, _) = cases[3:]
    steps += [(1, "", None), (2, "", None), (1, "forward", x), (2, "forward", other), (1, "backward", g)]
    seen = ask(probes.layers, ReLU, "ReLU", [{"args": ()}] * 3, steps)
    for i, (x, g) in enumerate(cases[:3]):
        hypotheses = [
            Hypothesis("relu-upside-down", np.minimum(x, 0), "Negative numbers are kept and positive ones set to 0; it should be the other way round."),
            Hypothesis("absolute-value", np.abs(x), "This is |x|; ReLU makes negative numbers 0."),
            Hypothesis("leaky-relu", np.where(x > 0, x, 0.01 * x), "Negative numbers become 1% of what they were: a leaky ReLU. Here they become 0."),
            Hypothesis("derivative-for-output", (x > 0) * 1.0, "This is the derivative, 0 or 1; forward returns max(x, 0)."),
            Hypothesis("identity", x, "The output is the input: negative numbers should become 0."),
        ]
        verify(_forward(seen, 2 * i, "ReLU"), np.maximum(x, 0), "the output of ReLU.forward", hypotheses)
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
        verify(_backward(seen, 2 * i + 1, "ReLU"), g * on, "the gradient of ReLU.backward", hypotheses)
        yield "backward, the zero included; inputs unchanged"
    (x, g), (other, _) = cases[3:]
    verify(_backward(seen, 10, "ReLU"), g * (x > 0), "the gradient of the first of two ReLU layers", [Hypothesis("layers-share-state", g * (other > 0), SHARED.format(name="ReLU"))])


POOLS: tuple[Sizes, ...] = ((2, 3, 8, 15, 2, 3, 2, 3, 0, 0), (2, 3, 9, 17, 3, 4, 2, 3, 0, 0), (3, 2, 7, 10, 3, 5, 2, 2, 1, 2))


@check("MaxPool", "A5")
def max_pool(MaxPool: Any, *, seed: int = 0) -> Iterator[str]:
    """Largest entry of each window; its gradient; overlaps add up; of ties one wins."""
    cases = [(pools.Pool.of(sizes, seed, ties), ties) for sizes in POOLS for ties in (False, True)]
    case, other = (pools.Pool.of(POOLS[0], seed + more) for more in (1, 2))
    made = [{"args": each.geometry} for each, _ in (*cases, (case, False), (case, False))]
    n = len(cases)
    steps: list[Step] = [step for i, (each, _) in enumerate(cases) for step in ((i, "forward", each.x), (i, "backward", each.dy))]
    steps += [(n, "", None), (n + 1, "", None), (n, "forward", case.x), (n + 1, "forward", other.x), (n, "backward", case.dy)]
    seen = ask(probes.layers, MaxPool, "MaxPool", made, steps)
    for i, (each, ties) in enumerate(cases):
        expected = oracle.max_pool(each.x, *each.geometry)
        settle(_forward(seen, 2 * i, "MaxPool"), expected, f"the output of MaxPool.forward for {each.label}", partial(pools._forward_guesses, each, "max"))
        got = _backward(seen, 2 * i + 1, "MaxPool")
        first, last = (oracle.max_pool_backward(each.x, each.dy, *each.geometry, last=last) for last in (False, True))
        if not (close(got, first) or (ties and (close(got, last) or pools._one_winner_each(got, each)))):
            guesses = pools._tie_guesses if ties else pools._backward_guesses
            settle(got, first, f"the gradient of MaxPool.backward for {each.label}", partial(guesses, each, first))
        if ties:
            yield f"{each.label}, ties included"
    expected, shared = (oracle.max_pool_backward(x, case.dy, *case.geometry) for x in (case.x, other.x))
    verify(_backward(seen, 2 * n + 4, "MaxPool"), expected, "the gradient of the first of two MaxPool layers", [Hypothesis("layers-share-state", shared, SHARED.format(name="MaxPool"))])


@check("Flatten", "A6")
def flatten(Flatten: Any, *, seed: int = 0) -> Iterator[str]:
    """Vectors in the images' memory order, and back."""
    rng = np.random.default_rng([seed, 4])
    c, h, w = (int(n) for n in rng.permutation([2, 3, 4, 5])[:3])
    shapes = ((c + 4, c, h, w), (1, c, w, h), (2, h, 1, w))
    cases = [(rng.normal(size=shape), rng.normal(size=(shape[0], prod(shape[1:])))) for shape in shapes]
    steps: list[Step] = [step for x, g in cases for step in ((0, "forward", x), (0, "backward", g))]
    seen = ask(probes.layers, Flatten, "Flatten", [{"args": ()}], steps)
    for i, (shape, (x, g)) in enumerate(zip(shapes, cases, strict=True)):
        order = "The rows are in another order: all of channel 0 first, row by row, then channel 1 (`x.reshape(N, -1)`, without moving axes)."
        n = shape[0]
        expected = x.reshape(n, -1)
        others = [Hypothesis("flatten-order", x.transpose(0, *axes).reshape(n, -1), order) for axes in ((2, 3, 1), (1, 3, 2), (3, 2, 1), (2, 1, 3), (3, 1, 2))]
        verify(_forward(seen, 2 * i, "Flatten"), expected, "the output of Flatten.forward", [
            *others,
            Hypothesis("flatten-order", np.stack([image.flatten(order="F") for image in x]), order),
            Hypothesis("batch-flattened", x.reshape(-1), "The batch is flattened, too: keep its axis, one row per image."),
            Hypothesis("batch-last", expected.T, "The batch axis is last here; there should be one row per image, `x.reshape(N, -1)`."),
            Hypothesis("batch-last", x.reshape(-1, n), "The batch axis is last here, and the images are mixed; there should be one row per image, `x.reshape(N, -1)`."),
        ])  # fmt: skip
        back = [Hypothesis("flatten-order", _unflattened(g, shape, axes), "backward changes the order of the numbers: reshape to the input shape of forward, nothing more.") for axes in ((2, 3, 1), (1, 3, 2), (3, 2, 1), (2, 1, 3), (3, 1, 2))]
        verify(_backward(seen, 2 * i + 1, "Flatten"), g.reshape(shape), "the gradient of Flatten.backward", [
            *back,
            Hypothesis("not-unflattened", g, "backward returns the vectors unchanged: reshape them to the shape of the images."),
        ])  # fmt: skip
        yield f"{shape} and back"


def _unflattened(g: np.ndarray, shape: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
    moved = g.reshape(shape[0], *(shape[a] for a in axes))
    return moved.transpose(0, *(1 + axes.index(a) for a in (1, 2, 3)))


# Dense ------------------------------------------------------------------------------------------------------------


@check("Dense", "A6")
def dense(Dense: Any, *, seed: int = 0) -> Iterator[str]:
    """Initial weights, forward, three gradients, update."""
    rng = np.random.default_rng([seed, 2])
    cases = []
    for n, inputs, units in ((6, 4, 3), (2, 7, 5), (1, 5, 2)):
        cases.append(tuple(rng.normal(size=size) for size in ((inputs, units), (units,), (n, inputs), (n, units))))
    made = [{"args": (100, 40), "given": (), "named": start} for start in STARTS]
    steps: list[Step] = [(i, "", None) for i in range(len(made))]
    for i, (*_, x, g) in enumerate(cases, len(made)):
        steps += [(i, "forward", x), (i, "backward", g), (i, "forward", x), (i, "backward", g)]
    lrs, last = rates(seed), len(made) + len(cases) - 1
    steps += _updates(last, *cases[-1][2:], lrs)
    made += [{"args": w.shape, "given": (w, b)} for w, b, _, _ in cases]
    seen = ask(probes.layers, Dense, "Dense", made, steps)
    _initial(seen, "Dense", (100, 40), 100, "in")
    yield "weights drawn with standard deviation scale/√in, biases zero"
    at = len(STARTS)
    for i, (w, b, x, g) in enumerate(cases, len(STARTS)):
        (n, inputs), units = x.shape, len(b)
        _shapes_right(seen, i, "Dense", w.shape)
        verify(_forward(seen, at, "Dense"), x @ w + b, "the output of Dense.forward", [
            Hypothesis("bias-missing", x @ w, "The bias is not added."),
            Hypothesis("activation-inside", np.maximum(x @ w + b, 0), "There is a ReLU inside the dense layer. It is a layer of its own in the file."),
        ])  # fmt: skip
        dx = _backward(seen, at + 1, "Dense")
        _weights_stay(seen, at + 1, "Dense", w, b)
        grad_weight, grad_bias = (_read(seen, at + 1, "Dense", attribute) for attribute in probes.GRADIENTS)
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
        yield f"forward and backward, {n} row{'s' * (n > 1)} of {inputs} to {units}"
        if not close(_read(seen, at + 3, "Dense", "grad_weight"), x.T @ g):
            raise Mistake("gradient-accumulates", "The gradients of a second backward are added to those of the first. Assign them (`=`).")
        at += 4
    w, b, x, g = cases[-1]
    yield from _updated(seen, at, "Dense", (w, b), (x.T @ g, g.sum(axis=0)), lrs)
