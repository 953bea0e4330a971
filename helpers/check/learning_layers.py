"""Checks of A4 to A6 of the CNN assignment: each layer forward, backward and updated."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Any

import numpy as np

from helpers.check import conv_oracle as oracle
from helpers.check import conv_slips as slips
from helpers.check.calls import array, attribute, call, like, method, put
from helpers.check.compare import Hypothesis, close, unchanged, verify
from helpers.check.conv_cases import Case, Guess, Sizes, settle
from helpers.check.conv_gradients import _data_guesses as data_guesses
from helpers.check.conv_gradients import _filter_guesses as filter_guesses
from helpers.check.report import Mistake, check

CONVS: tuple[Sizes, ...] = (
    # N, C, H, W, K, R, S, u, v, pad_h, pad_w
    (2, 3, 9, 12, 7, 4, 5, 1, 1, 0, 0),
    (3, 2, 14, 18, 7, 5, 3, 3, 2, 1, 0),
    (2, 3, 8, 9, 5, 3, 4, 1, 2, 1, 2),
)


class Layer:
    """A student's layer, fed with arrays of its own kind and precision; inputs must stay as they are."""

    def __init__(self, cls: Any, name: str, *args: Any, **kwargs: Any):
        self.name = name
        self.made = call(cls, *args, what=name, **kwargs)
        self.kind = getattr(self.made, "weight", None)

    def put(self, weight: np.ndarray, bias: np.ndarray) -> None:
        """Our parameters in place of the student's."""
        for name, values in (("weight", weight), ("bias", bias)):
            own = array(attribute(self.made, name, self.name), f"{self.name}.{name}")
            if own.shape != values.shape and not (name == "bias" and own.size == values.size):
                more = " It looks transposed." if own.shape == values.shape[::-1] else ""
                raise Mistake("wrong-parameter-shape", f"{self.name}.{name} has shape {own.shape}; it should be {values.shape}.{more}")
            put(self.made, name, values.reshape(own.shape))
        self.kind = self.made.weight

    def forward(self, x: np.ndarray) -> np.ndarray:
        return self._run("forward", x, "x", f"the output of {self.name}.forward")

    def backward(self, g: np.ndarray) -> np.ndarray:
        return self._run("backward", g, "grad_output", "the returned gradient")

    def _run(self, name: str, values: np.ndarray, given_as: str, what: str) -> np.ndarray:
        given = given_like(self.kind, values)
        before = array(given, given_as)
        result = call(method(self.made, name, self.name), given, what=f"{self.name}.{name}")
        if result is None:
            raise Mistake("returns-none", f"{self.name}.{name} returned None. Is the `return` missing?")
        if isinstance(result, tuple | list):
            raise Mistake("returns-several", f"{self.name}.{name} returned {len(result)} things; return one array, and keep in `self` what the way back needs.")
        found = array(result, what)
        unchanged(before, array(given, given_as), given_as, f"{self.name}.{name}")
        return found

    def read(self, name: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
        found = array(attribute(self.made, name, self.name), f"{self.name}.{name}")
        return found.reshape(shape) if shape and found.size == prod(shape) and found.ndim != len(shape) else found


def given_like(kind: Any, values: np.ndarray) -> Any:
    """As `like`, in the precision of `kind` too: the primitives take arrays of one type."""
    made = like(kind, values)
    if kind is None or values.dtype.kind != "f":
        return made
    if isinstance(kind, np.ndarray):
        return made.astype(kind.dtype) if kind.dtype.kind == "f" else made
    return made.to(kind.dtype) if getattr(kind, "is_floating_point", bool)() else made


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
    _initial(partial(Layer, Conv, "Conv", 8, 25, (4, 5), (1, 1), (0, 0)), (25, 8, 4, 5), 160, "C · R · S")
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


def _initial(make: Any, shape: tuple[int, ...], inputs: int, inputs_are: str) -> None:
    """Shapes, scale and seeds of the first weights. 4,000 draws know their standard deviation to 1.2%."""
    layer = make(seed=3)
    w = layer.read("weight")
    if w.shape != shape:
        raise Mistake("wrong-parameter-shape", f"{layer.name}.weight has shape {w.shape}; it should be {shape}.")
    bias = layer.read("bias")
    if bias.size != shape[-1 if len(shape) == 2 else 0]:
        raise Mistake("wrong-parameter-shape", f"{layer.name}.bias has shape {bias.shape}; it should have one number for each {'unit' if len(shape) == 2 else 'filter'}.")
    if bias.any():
        raise Mistake("bias-not-zero", f"{layer.name}.bias should start at zero.")
    if not w.any():
        raise Mistake("weights-zero", f"{layer.name}.weight starts at zero: then every filter gets the same gradient, and nothing ever learns to differ.")
    _right_deviation(layer.name, w, 1.0, inputs, inputs_are, shape)
    if abs(w.mean()) > 0.1 * w.std():
        raise Mistake("mean-not-zero", f"{layer.name}.weight has the mean {w.mean():.3g}; draw from a normal distribution around 0.")
    _right_deviation(layer.name, make(seed=3, scale=0.25).read("weight"), 0.25, inputs, inputs_are, shape)
    again, other = make(seed=3).read("weight"), make(seed=4).read("weight")
    if not np.array_equal(w, again):
        raise Mistake("seed-ignored", "Two layers with the same seed start with different weights. Hand `seed` to `on.normal`, so that runs can be repeated.")
    if np.array_equal(w, other):
        raise Mistake("seed-ignored", "Layers with seeds 3 and 4 start with the same weights: hand `seed` to `on.normal`.")


def _right_deviation(name: str, w: np.ndarray, scale: float, inputs: int, inputs_are: str, shape: tuple[int, ...]) -> None:
    got, right = float(w.std()), scale / inputs**0.5
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


@check("Conv.backward", "A4")
def conv_backward(Conv: Any, *, seed: int = 0) -> Iterator[str]:
    """Gradients for weights, bias and images; twice in a row; the weights stay."""
    for sizes in CONVS:
        case = Case.of(sizes, seed)
        layer, bias = _conv(Conv, case, seed)
        layer.forward(case.x)
        dx = layer.backward(case.dy)
        _weights_stay(layer, case.w, bias)
        _conv_gradients(layer, case, dx)
        yield f"weights, bias and images: {case.label}"
    case, other = Case.of(CONVS[0], seed + 1), Case.of(CONVS[0], seed + 2)
    layer, _ = _conv(Conv, case, seed)
    for each in (other, case):
        layer.forward(each.x)
        dx = layer.backward(each.dy)
    both = oracle.backward_filter(case.x, case.dy, case.window, case.stride, case.padding) + oracle.backward_filter(other.x, other.dy, other.window, other.stride, other.padding)
    if close(layer.read("grad_weight"), both) or close(layer.read("grad_bias").reshape(-1), case.dy.sum(axis=(0, 2, 3)) + other.dy.sum(axis=(0, 2, 3))):
        raise Mistake("gradient-accumulates", "The gradients of a second backward are added to those of the first. Assign them (`=`), or every batch drags all batches before it along.")
    _conv_gradients(layer, Case(case.x, case.w, case.dy, case.stride, case.padding), dx)
    yield "a second backward starts afresh"


def _weights_stay(layer: Layer, w: np.ndarray, bias: np.ndarray) -> None:
    if not close(layer.read("weight"), w) or not close(layer.read("bias").reshape(-1), bias):
        raise Mistake("backward-updates", f"{layer.name}.backward changed the weights. It only computes gradients; `update` takes the step, after all layers have had their backward.")


def _conv_gradients(layer: Layer, case: Case, dx: np.ndarray) -> None:
    expected = oracle.backward_filter(case.x, case.dy, case.window, case.stride, case.padding)
    got = layer.read("grad_weight")
    n = len(case.x)
    if close(got, expected / n):
        raise Mistake("gradient-averaged", f"grad_weight is 1/{n} of what it should be, and {n} is the batch size: the mean is in grad_output already. See 'One convention'.")
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
        Hypothesis("bias-averaged", expected / n, "grad_bias is divided by the batch size. The mean is in grad_output already; here it is a sum."),
        Hypothesis("bias-averaged", expected / (p * q), "grad_bias is a mean over the places of the output; it is a sum."),
        Hypothesis("bias-first-image", dy[0].sum(axis=(1, 2)), "grad_bias belongs to the first image alone; sum over the batch, too."),
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
    yield from updated(layer, case.w, bias, _own_gradient(layer, "grad_weight", dw), _own_gradient(layer, "grad_bias", db), lr)


def _own_gradient(layer: Layer, name: str, right: np.ndarray) -> np.ndarray:
    own = layer.read(name, right.shape)
    return own if own.shape == right.shape and np.isfinite(own).all() and own.any() else right


def updated(layer: Layer, w: np.ndarray, b: np.ndarray, dw: np.ndarray, db: np.ndarray, lr: float) -> Iterator[str]:
    """The student's update against w − lr·dw, b − lr·db."""
    result = call(method(layer.made, "update", layer.name), lr, what=f"{layer.name}.update")
    if result is not None and getattr(result, "shape", None):
        raise Mistake("update-returns", f"{layer.name}.update returns something instead of changing the layer: assign to self.weight and self.bias.")
    got_w, got_b = layer.read("weight"), layer.read("bias", b.shape).reshape(b.shape)
    if close(got_w, w) and close(got_b, b):
        raise Mistake("not-updated", f"{layer.name}.update leaves weight and bias as they were. Assign to `self.weight` and `self.bias`.")
    if close(got_w, w - lr * dw) and close(got_b, b):
        raise Mistake("bias-not-updated", f"{layer.name}.update changes the weight and forgets the bias.")
    if close(got_w, w) and close(got_b, b - lr * db):
        raise Mistake("weight-not-updated", f"{layer.name}.update changes the bias and forgets the weight.")
    for name, value, start, grad in (("weight", got_w, w, dw), ("bias", got_b, b, db)):
        hypotheses = [
            Hypothesis("update-adds", start + lr * grad, f"The gradient is added to the {name}: the loss would rise. Subtract it."),
            Hypothesis("update-assigns", lr * grad, f"The {name} becomes lr · gradient; that should be subtracted from it."),
            Hypothesis("update-assigns", -lr * grad, f"The {name} becomes −lr · gradient: the old value is lost (`=` for `-=`)."),
            Hypothesis("rate-ignored", start - grad, f"`lr` is ignored for the {name}."),
            *(Hypothesis("rate-ignored", start - rate * grad, f"`lr` is ignored for the {name}: it moves as with {rate:g}.") for rate in (0.1, 0.01, 0.001)),
        ]
        if not any(close(value, each.wrong) for each in hypotheses):
            _odd_step(name, value, start, lr * grad)
        verify(value, start - lr * grad, f"the {name} after the update", hypotheses)
    yield "weight and bias move by −lr · gradient"
    call(method(layer.made, "update", layer.name), lr, what=f"{layer.name}.update")
    second = _ratio(w - lr * dw - layer.read("weight"), lr * dw, float(np.abs(w).max()))
    if second is not None and abs(second - 1) > 1e-2:
        raise Mistake("update-keeps-state", f"A second update with the same gradient goes {second:.3g} times as far as the first: something is carried over from step to step (momentum?). Here `update` is plain: parameter −= lr · gradient.")
    verify(layer.read("weight"), w - 2 * lr * dw, "the weight after a second update with the same gradient")
    yield "a second step with the same gradient goes as far again"


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
        raise Mistake("step-scaled", f"The {name} moves by {times:.4g} · lr · gradient, and should move by lr · gradient: the mean over the batch is in the gradient already, and nothing else is divided.")
    smaller = _ratio(start - step - value, start, scale)
    if smaller is not None and abs(smaller) > 2e-5:
        raise Mistake("weight-decay", f"The {name} is made smaller besides, by {smaller:.3g} of itself: that is weight decay, which nobody asked for.")


@check("ReLU", "A5")
def relu(ReLU: Any, *, seed: int = 0) -> Iterator[str]:
    """max(x, 0) and its gradient, for images and rows, with zeros among them."""
    rng = np.random.default_rng([seed, 6])
    layer = Layer(ReLU, "ReLU")
    for shape in ((2, 3, 4, 5), (6, 7)):
        x, g = rng.normal(size=shape), rng.normal(size=shape)
        x[0, 0] = 0
        hypotheses = [
            Hypothesis("relu-upside-down", np.minimum(x, 0), "The negative numbers are kept and the positive ones dropped."),
            Hypothesis("absolute-value", np.abs(x), "This is |x|; ReLU makes negative numbers 0."),
            Hypothesis("leaky-relu", np.where(x > 0, x, 0.01 * x), "Negative numbers become 1% of what they were: a leaky ReLU. Here they become 0."),
            Hypothesis("derivative-for-output", (x > 0) * 1.0, "This is the derivative, 0 or 1; forward returns max(x, 0)."),
            Hypothesis("identity", x, "The output is the input: negative numbers should become 0."),
        ]
        verify(layer.forward(x), np.maximum(x, 0), "the output of ReLU.forward", hypotheses)
        yield "forward"
        on, at_zero = x > 0, x >= 0
        hypotheses = [
            Hypothesis("derivative-always-one", g, "backward lets everything through: its derivative is 1 everywhere. (Two `np.where` in a row do that: the first makes negatives 0, the second finds 0 ≥ 0.)"),
            Hypothesis("gradient-at-zero", g * at_zero, "At x = 0 the gradient goes through; stop it there (`x > 0`). After the first layer's zeros there are many."),
            Hypothesis("local-derivative-only", on * 1.0, "backward returns only ReLU's own derivative. Multiply it by grad_output: that is the chain rule."),
            Hypothesis("local-derivative-only", at_zero * 1.0, "backward returns only ReLU's own derivative. Multiply it by grad_output: that is the chain rule."),
            Hypothesis("relu-of-gradient", np.maximum(g, 0), "The ReLU is applied to grad_output: what counts is where x was positive in forward."),
            Hypothesis("relu-of-gradient", g * on * (g > 0), "Negative gradients are stopped, too. Only the sign of forward's x counts."),
            Hypothesis("multiplied-by-output", g * np.maximum(x, 0), "grad_output is multiplied by the output; the derivative is 1 where x > 0, not x."),
            Hypothesis("relu-upside-down", g * ~on, "The gradient goes through where x was negative."),
            Hypothesis("relu-upside-down", g * ~at_zero, "The gradient goes through where x was negative."),
            Hypothesis("all-zero", 0 * g, "The gradient is stopped everywhere."),
        ]
        verify(layer.backward(g), g * on, "the gradient of ReLU.backward", hypotheses)
        yield "backward, the zero included; inputs unchanged"
    _latest_forward(ReLU, "ReLU", rng)


def _latest_forward(cls: Any, name: str, rng: np.random.Generator) -> None:
    """Two layers of a kind don't share what they keep."""
    a, b = Layer(cls, name), Layer(cls, name)
    x, y, g = (rng.normal(size=(3, 4)) for _ in range(3))
    a.forward(x)
    b.forward(y)
    verify(a.backward(g), g * (x > 0), f"the gradient of the first of two {name} layers", [Hypothesis("layers-share-state", g * (y > 0), f"Two {name} layers share what they keep: the second forward overwrote the first's. Keep it in `self`, set in forward.")])


POOLS: tuple[Sizes, ...] = ((2, 3, 8, 15, 2, 3, 2, 3, 0, 0), (2, 3, 9, 17, 3, 4, 2, 3, 0, 0), (3, 2, 7, 10, 3, 5, 2, 2, 1, 2))


@check("MaxPool", "A5")
def max_pool(MaxPool: Any, *, seed: int = 0) -> Iterator[str]:
    """Largest entry of each window; its gradient; overlaps add up; of ties one wins."""
    from helpers.check import pool_checks as pools

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
    """Rows in the order in which images lie, and back."""
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
            Hypothesis("batch-flattened", x.reshape(-1), "The batch is flattened, too: keep its axis, one row an image."),
            Hypothesis("batch-last", expected.T, "The batch stands last here: one row an image, `x.reshape(N, -1)`."),
            Hypothesis("batch-last", x.reshape(-1, n), "The batch stands last here, and the images are mixed: one row an image, `x.reshape(N, -1)`."),
        ])  # fmt: skip
        g = rng.normal(size=expected.shape)
        back = [Hypothesis("flatten-order", _unflattened(g, shape, axes), "backward puts the numbers back in another order: reshape to the shape that forward saw, nothing more.") for axes in ((2, 3, 1), (1, 3, 2), (3, 2, 1), (2, 1, 3), (3, 1, 2))]
        verify(layer.backward(g), g.reshape(shape), "the gradient of Flatten.backward", [
            *back,
            Hypothesis("not-unflattened", g, "backward returns the rows as they came: give them the shape of the images again."),
        ])  # fmt: skip
        yield f"{shape} and back"


def _unflattened(g: np.ndarray, shape: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
    moved = g.reshape(shape[0], *(shape[a] for a in axes))
    return moved.transpose(0, *(1 + axes.index(a) for a in (1, 2, 3)))


@check("Dense", "A6")
def dense(Dense: Any, *, seed: int = 0) -> Iterator[str]:
    """Initial weights, forward, three gradients, update."""
    _initial(partial(Layer, Dense, "Dense", 100, 40), (100, 40), 100, "in")
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
        _weights_stay(layer, w, b)
        verify(layer.read("grad_weight"), x.T @ g, "grad_weight", [
            Hypothesis("gradient-averaged", x.T @ g / n, f"grad_weight is divided by {n}, the batch size. The mean is in grad_output already. See 'One convention'."),
            Hypothesis("divided-by-inputs", x.T @ g / inputs, f"grad_weight is divided by {inputs}, the number of inputs. Nothing is divided here."),
            Hypothesis("gradient-transposed", g.T @ x, "grad_weight is transposed: it has the shape of weight, (in, units)."),
        ], {"batch size": n})  # fmt: skip
        verify(layer.read("grad_bias", (units,)), g.sum(axis=0), "grad_bias", [
            Hypothesis("bias-averaged", g.mean(axis=0), "grad_bias is a mean over the batch; it is a sum, as the mean is in grad_output already."),
            Hypothesis("bias-wrong-axes", g.sum(axis=1), "grad_bias is summed over the units; sum over the batch (axis 0)."),
            Hypothesis("bias-wrong-axes", np.asarray(g.sum()), "grad_bias is summed over everything; sum over the batch alone (axis 0)."),
            Hypothesis("bias-first-image", g[0], "grad_bias belongs to the first image alone; sum over the batch."),
        ])  # fmt: skip
        verify(dx, g @ w.T, "the returned gradient", [
            Hypothesis("returns-grad-weight", x.T @ g, "backward returns grad_weight; it returns the gradient for x, G Wᵀ."),
            Hypothesis("returns-grad-output", g, "backward returns grad_output as it came; it returns the gradient for x, G Wᵀ."),
            Hypothesis("gradient-averaged", g @ w.T / n, "The returned gradient is divided by the batch size. The mean is in grad_output already."),
        ])  # fmt: skip
        yield f"forward and backward, {n} rows of {inputs} to {units}"
        layer.forward(x)
        layer.backward(g)
        if not close(layer.read("grad_weight"), x.T @ g):
            raise Mistake("gradient-accumulates", "The gradients of a second backward are added to those of the first. Assign them (`=`).")
    yield from updated(layer, w, b, x.T @ g, g.sum(axis=0), 0.3)
