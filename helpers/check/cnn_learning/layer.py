"""What the checks of the CNN assignment's layers share: a student's layer, its first weights, its update."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from helpers.check.core.calls import array, attribute, call, like, method, put_all
from helpers.check.core.compare import Hypothesis, close, unchanged, verify
from helpers.check.core.reach import peek, together
from helpers.check.core.report import Mistake

PARAMETERS, GRADIENTS = ("weight", "bias"), ("grad_weight", "grad_bias")


class Layer:
    """A student's layer, fed with arrays of its own kind and precision; inputs must stay as they are."""

    def __init__(self, cls: Any, name: str, *args: Any, **kwargs: Any):
        self.name = name
        self.made = call(cls, *args, what=name, **kwargs)

    @cached_property
    def kind(self) -> Any:
        """The student's weight, None where there is none: inputs are made like it."""
        return peek(self.made, "weight")

    def put(self, weight: np.ndarray, bias: np.ndarray) -> None:
        """Set the student's parameters to ours."""
        with together([self.made], *PARAMETERS):
            wanted = [(self.made, name, self._shaped(name, values)) for name, values in zip(PARAMETERS, (weight, bias), strict=True)]
        put_all(wanted)
        self.kind = peek(self.made, "weight")

    def _shaped(self, name: str, values: np.ndarray) -> np.ndarray:
        """The values in the shape that the student's parameter has."""
        own = array(attribute(self.made, name, self.name), f"{self.name}.{name}")
        if own.shape != values.shape and not (name == "bias" and own.size == values.size):
            more = " It looks transposed." if own.shape == values.shape[::-1] else ""
            raise Mistake("wrong-parameter-shape", f"{self.name}.{name} has shape {own.shape}; it should be {values.shape}.{more}")
        return values.reshape(own.shape)

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
            raise Mistake("returns-several", f"{self.name}.{name} returned {len(result)} things; return one array, and store in `self` what backward needs.")
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


def initial(make: Any, shape: tuple[int, ...], inputs: int, inputs_are: str) -> None:
    """Shapes, scale and seeds of the first weights. 4,000 draws know their standard deviation to 1.2%."""
    layer = make(seed=3)
    with together([layer.made], *PARAMETERS):
        w = layer.read("weight")
        if w.shape != shape:
            raise Mistake("wrong-parameter-shape", f"{layer.name}.weight has shape {w.shape}; it should be {shape}.")
        bias = layer.read("bias")
    if bias.size != shape[-1 if len(shape) == 2 else 0]:
        raise Mistake("wrong-parameter-shape", f"{layer.name}.bias has shape {bias.shape}; it should have one number for each {'unit' if len(shape) == 2 else 'filter'}.")
    if bias.any():
        raise Mistake("bias-not-zero", f"{layer.name}.bias should start at zero.")
    if not w.any():
        raise Mistake("weights-zero", f"{layer.name}.weight starts at zero: then all filters get the same gradient and stay the same.")
    _right_deviation(layer.name, w, 1.0, inputs, inputs_are, shape)
    if abs(w.mean()) > 0.1 * w.std():
        raise Mistake("mean-not-zero", f"{layer.name}.weight has the mean {w.mean():.3g}; draw from a normal distribution with mean 0.")
    _right_deviation(layer.name, make(seed=3, scale=0.25).read("weight"), 0.25, inputs, inputs_are, shape)
    again, other = make(seed=3).read("weight"), make(seed=4).read("weight")
    if not np.array_equal(w, again):
        raise Mistake("seed-ignored", "Two layers with the same seed start with different weights. Pass `seed` to `on.normal`, so that runs can be repeated.")
    if np.array_equal(w, other):
        raise Mistake("seed-ignored", "Layers with seeds 3 and 4 start with the same weights: pass `seed` to `on.normal`.")


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


def weights_stay(layer: Layer, w: np.ndarray, bias: np.ndarray) -> None:
    with together([layer.made], *PARAMETERS):
        same = close(layer.read("weight"), w) and close(layer.read("bias").reshape(-1), bias)
    if not same:
        raise Mistake("backward-updates", f"{layer.name}.backward changed the weights. It should only compute gradients; `update` takes the step after the backward pass of all layers.")


def own_gradient(layer: Layer, name: str, right: np.ndarray) -> np.ndarray:
    own = layer.read(name, right.shape)
    return own if own.shape == right.shape and np.isfinite(own).all() and own.any() else right


def updated(layer: Layer, w: np.ndarray, b: np.ndarray, dw: np.ndarray, db: np.ndarray, lr: float) -> Iterator[str]:
    """The student's update against w − lr·dw, b − lr·db."""
    result = call(method(layer.made, "update", layer.name), lr, what=f"{layer.name}.update")
    if result is not None and getattr(result, "shape", None):
        raise Mistake("update-returns", f"{layer.name}.update returns something instead of changing the layer: assign to self.weight and self.bias.")
    with together([layer.made], *PARAMETERS):
        got_w, got_b = layer.read("weight"), layer.read("bias", b.shape).reshape(b.shape)
    if close(got_w, w) and close(got_b, b):
        raise Mistake("not-updated", f"{layer.name}.update leaves weight and bias unchanged. Assign to `self.weight` and `self.bias`.")
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
    twice = layer.read("weight")
    second = _ratio(w - lr * dw - twice, lr * dw, float(np.abs(w).max()))
    if second is not None and abs(second - 1) > 1e-2:
        raise Mistake("update-keeps-state", f"A second update with the same gradient goes {second:.3g} times as far as the first: something is carried over from step to step (momentum?). Here `update` is plain gradient descent: parameter −= lr · gradient.")
    verify(twice, w - 2 * lr * dw, "the weight after a second update with the same gradient")
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
        raise Mistake("step-scaled", f"The {name} moves by {times:.4g} · lr · gradient, and should move by lr · gradient: the gradient already contains the mean over the batch; divide nothing else.")
    smaller = _ratio(start - step - value, start, scale)
    if smaller is not None and abs(smaller) > 2e-5:
        raise Mistake("weight-decay", f"The {name} is also reduced by {smaller:.3g} of itself: that is weight decay, which is not part of this exercise.")
