"""Checks of A4 to A6: convolution, ReLU, max pooling, flatten and dense."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import numpy as np

from helpers.check.cnn_learning import probes
from helpers.check.core import convolution_oracle as oracle
from helpers.check.core.ask import Answer, array, ask
from helpers.check.core.cases import LinearCase, activation_inputs, linear_cases, rates
from helpers.check.core.compare import NOTHING, Hypothesis, close, verify
from helpers.check.core.geometries import Convolution, Pooling, convolutions, poolings
from helpers.check.core.hypotheses import activation, convolution, linear, pooling, update
from helpers.check.core.hypotheses.windows import advice, through
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
        raise Mistake("returns-several", f"{name}.{method} returned {len(found)} things; return one array, and store "
                      f"in `self` what backward needs.")
    return array(found, what)


MIXED = ("differ in type", "and the output float")
"""What the primitives say of arrays of two dtypes."""


def _parameters_fit(seen: Answer, name: str, place: int = 0) -> None:
    """Raise where a layer stopped because its parameters, as the layer `place` has them, are float64, and images
    float32. A layer that is float64 through and through, and takes float32, is right."""
    double = [
        each for each in probes.PARAMETERS
        if getattr(seen.part(f"layer {place}")[f"first {each}"], "dtype", None) == np.float64
    ]  # fmt: skip
    try:
        seen.finish()
    except Mistake as mistake:
        if double and any(words in mistake.message for words in MIXED):
            raise Mistake("type-changed", f"{name}.{double[0]} is float64, and images are float32: {name} stops with "
                          f"them, since the arrays of a primitive must have one dtype. `on.normal` and `on.zeros` make "
                          f"float32.") from None


def _type_kept(seen: Answer, name: str, steps: Sequence[int]) -> None:
    """Raise where float32 came in and float64 comes out: at these steps of right results, forward, backward, …"""
    for i, step in enumerate(steps if seen["dtype"] == "float32" else ()):
        if getattr(seen.part(step)["result"], "dtype", None) == np.float64:
            raise Mistake("type-changed", f"{name}.{('forward', 'backward')[i % 2]} returns float64 where float32 "
                          f"comes in, and all arrays of a primitive must have one dtype. New arrays of numpy are "
                          f"float64 if you don't say otherwise: `np.zeros(shape, dtype=x.dtype)`.")


def _float32(place: int, x: np.ndarray, g: np.ndarray) -> list[Step]:
    """Forward and backward of a new layer in its backend's dtype, float32 as a rule, whatever its parameters are, and
    then with one image more."""
    passes = (x, g), [np.concatenate([each, each[:1]]) for each in (x, g)]
    return [
        (place, method, np.asarray(values, np.float32))
        for pair in passes
        for method, values in zip(("forward", "backward"), pair, strict=True)
    ]


def _another_size(seen: Answer, step: int, name: str, y: np.ndarray, dx: np.ndarray) -> None:
    """Raise where the passes of `_float32`, from number `step` on, are wrong. y, dx: of the first ones."""
    for each in (step, step + 1):
        _ = seen.part(each)["result"]
    try:
        right = all(
            close(result(seen, step + i, name), np.concatenate([each, each[:1]]))
            for i, result, each in ((2, _forward, y), (3, _backward, dx))
        )
    except Mistake:
        right = False
    if not right:
        raise Mistake("keeps-state", f"The first forward and backward of a {name} are right, and those of a second "
                      f"batch, with one image more, are not: the layer keeps something of the first batch, such as its "
                      f"geometry or an array. Make it anew in every forward.")


def _forward(seen: Answer, step: int, name: str) -> np.ndarray:
    return _result(seen, step, name, "forward", f"the output of {name}.forward")


def _backward(seen: Answer, step: int, name: str) -> np.ndarray:
    return _result(seen, step, name, "backward", "the returned gradient")


def _read(seen: Answer, step: Any, name: str, attribute: str) -> np.ndarray:
    """A parameter or gradient after a step; a bias as (features,)."""
    found = array(seen.part(step)[attribute], f"{name}.{attribute}")
    bias = seen.part(step)["bias"]
    if attribute == "grad_bias" and found.ndim > np.ndim(bias) == 1 and found.size == np.size(bias):
        raise Mistake("wrong-shape", linear.BIAS_IN_A_ROW.format(f"{name}.grad_bias", found.shape, np.shape(bias)))
    in_a_row = attribute.endswith("bias") and found.ndim > 1 and found.size == max(found.shape)
    return found.reshape(-1) if in_a_row else found


def _shapes_right(seen: Answer, place: int, name: str, weight: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The first weight and bias of a layer."""
    of_layer = seen.part(f"layer {place}")
    w, b = (array(of_layer[f"first {each}"], f"{name}.{each}") for each in probes.PARAMETERS)
    if w.shape != weight:
        more = " It looks transposed." if w.shape == weight[::-1] else ""
        raise Mistake("wrong-parameter-shape", f"{name}.weight has shape {w.shape}; it should be {weight}.{more}")
    outputs = weight[-1 if len(weight) == 2 else 0]
    if b.size != outputs:
        raise Mistake("wrong-parameter-shape", f"{name}.bias has shape {b.shape}; it should be ({outputs},), one "
                      f"number for each {'unit' if len(weight) == 2 else 'filter'}.")
    return w, b


def _starts_right(seen: Answer, name: str, shape: tuple[int, ...], inputs: int, outputs: int, words: str) -> None:
    """Shapes, scale and seeds of the first weights of the layers made as in STARTS."""
    _, bias = _shapes_right(seen, 0, name, shape)
    if len(shape) == 2 and bias.shape != (outputs,):
        raise Mistake("wrong-parameter-shape", linear.BIAS_IN_A_ROW.format(f"{name}.bias", bias.shape, (outputs,)))
    w, small, again, other = (array(seen.part(f"layer {i}")["first weight"], f"{name}.weight") for i in range(4))
    linear.verify_start(name, w, bias, inputs, outputs, words=words)
    linear.verify_start(name, small, bias, inputs, outputs, 0.25, words)
    if not np.array_equal(w, again):
        raise Mistake("seed-ignored", "Two layers with the same seed start with different weights. Pass `seed` to "
                      "`on.normal`, so that runs can be repeated.")
    if np.array_equal(w, other):
        raise Mistake("seed-ignored", "Layers with seeds 3 and 4 start with the same weights: pass `seed` to "
                      "`on.normal`.")


def _weights_stay(seen: Answer, step: int, name: str, w: np.ndarray, bias: np.ndarray) -> None:
    if not (close(_read(seen, step, name, "weight"), w) and close(_read(seen, step, name, "bias"), bias)):
        raise Mistake("backward-updates", f"{name}.backward changed weight or bias. It should only compute gradients, "
                      f"in arrays of their own; `update` takes the step after the backward pass of all layers.")


def _passes(cases: Sequence[Convolution | Pooling]) -> list[Step]:
    """A forward and a backward of a layer for each."""
    return [step for i, case in enumerate(cases) for step in ((i, "forward", case.x), (i, "backward", case.dy))]


def _updates(place: int, x: np.ndarray, g: np.ndarray, rates: Sequence[float]) -> list[Step]:
    """A step at each rate, each after a forward and a backward of its own."""
    return [step for rate in rates for step in ((place, "forward", x), (place, "backward", g), (place, "update", rate))]


def _verify_updates(
    seen: Answer, first: int, name: str, given: Sequence[np.ndarray], right: Sequence[np.ndarray],
    rates: Sequence[float], n: int,
) -> None:  # fmt: skip
    """The steps of `_updates`, from number `first` on. Steps along the student's own gradients are right, too: a
    mistake in these has cost its points in backward."""
    before: Sequence[np.ndarray] = given
    for at, rate, earlier in ((first, rates[0], None), (first + 3, rates[1], rates[0])):
        own = [_read(seen, at + 1, name, attribute) for attribute in probes.GRADIENTS]
        gradients = [
            mine if mine.shape == g.shape and np.isfinite(mine).all() and mine.any() else g
            for mine, g in zip(own, right, strict=True)
        ]
        if getattr(seen.part(at + 2)["result"], "shape", None):
            raise Mistake("update-returns", f"{name}.update returns something instead of changing the layer: assign "
                          f"to self.weight and self.bias.")
        _update_keeps_type(seen, at, name)
        after = [_read(seen, at + 2, name, attribute) for attribute in probes.PARAMETERS]
        for attribute, old, new, g in zip(probes.PARAMETERS, before, after, gradients, strict=True):
            moved = old - new if old.shape == new.shape else new
            moved = np.where(np.abs(moved) < 1e-6 * np.abs(old).max(), 0, moved)  # the rounding of float32
            named = update.step(attribute, moved, old, rate, g, earlier)
            kept = any(each.explains(moved) for each in named if each.name == "rate-kept")
            if earlier and not kept and not close(moved, rate * g):
                raise Mistake("update-keeps-state", f"The first update of {attribute} is right and the second, at "
                              f"another rate, is not: something is carried over from step to step (momentum?). Here "
                              f"`update` is plain gradient descent: parameter −= lr · gradient.")
            named.append(Hypothesis("step-scaled", _multiple(moved, rate * g), f"The {attribute} moves by a multiple "
                                    f"of lr · gradient, and should move by lr · gradient: the gradient already "
                                    f"contains the mean over the batch; divide nothing else."))
            verify(moved, rate * g, f"the step of {attribute} (before minus after)", named, {
                "batch size": n, "learning rate": rate})
        before = after


def _update_keeps_type(seen: Answer, at: int, name: str) -> None:
    """Raise where an update, the step after the backward at + 1, makes float64 of a float32 weight and gradient."""
    old, gradient, new = (
        getattr(seen.part(step)[attribute], "dtype", None)
        for step, attribute in ((at + 1, "weight"), (at + 1, "grad_weight"), (at + 2, "weight"))
    )
    if old == gradient == np.float32 and new == np.float64:
        raise Mistake("type-changed", f"{name}.update makes the weight float64, where weight and gradient are float32, "
                      f"and all arrays of a primitive must have one dtype. Is lr made an array there "
                      f"(`np.array([lr])`), or something else of float64 multiplied in? lr is a number, which keeps "
                      f"the dtype.")


def _multiple(got: np.ndarray, term: np.ndarray) -> np.ndarray:
    """c · term with the c > 0 that fits best."""
    if got.shape != term.shape or not np.isfinite(got).all():
        return NOTHING
    c = float((got * term).sum() / (term * term).sum())
    return c * term if c > 0 else NOTHING


# Convolution ------------------------------------------------------------------------------------------------------

WORDS = {
    "w": "weight", "dy": "grad_output", "dw": "grad_weight", "dx": "the returned gradient",
    "F_m": "the matrix of filters", "D_m": "the lowered matrix", "G_m": "the matrix of grad_output",
}  # fmt: skip
"""What the notebook calls what the paper's hypotheses have a letter for."""


def _in_our_words(hypotheses: Sequence[Hypothesis]) -> list[Hypothesis]:
    letters = re.compile(rf"\b({'|'.join(WORDS)})\b")
    return [replace(one, hint=letters.sub(lambda found: WORDS[found[0]], one.hint)) for one in hypotheses]


def _bias(case: Convolution) -> np.ndarray:
    """One number for each filter."""
    return 1 + np.abs(case.w[:, 0, 0, 0]) * np.where(np.arange(len(case.w)) % 2, 1, -2)


def _conv(case: Convolution) -> dict[str, Any]:
    """A layer with the case's filters."""
    k, c, *size = case.w.shape
    return {"args": (c, k, tuple(size), case.stride, case.padding), "given": (case.w, _bias(case))}


@check("Conv.forward", "A4")
def conv_forward(Conv: Any, *, seed: int = 0) -> Iterator[str]:
    """Initial weights at two scales; outputs with stride, padding and bias."""
    cases = convolutions(seed)
    first = [{"args": (4, 170, (2, 3), (1, 1), (0, 0)), "given": (), "named": start} for start in STARTS]
    steps: list[Step] = [(i, "", None) for i in range(len(first))]
    steps += [(i, "forward", case.x) for i, case in enumerate(cases, len(first))]
    steps += _float32(len(first) + len(cases), cases[0].x, cases[0].dy)[:1]
    seen = ask(probes.layers, Conv, "Conv", [*first, *map(_conv, [*cases, cases[0]])], steps, advice=advice)
    _starts_right(seen, "Conv", (170, 4, 2, 3), 24, 170, "C · R · S")
    _parameters_fit(seen, "Conv")
    yield "weights drawn with standard deviation scale/√(C·R·S), biases zero"
    for i, case in enumerate(cases, len(first)):
        _shapes_right(seen, i, "Conv", case.w.shape)
        expected = oracle.forward(case.x, case.w, *case.geometry) + _bias(case)[:, None, None]
        verify(_forward(seen, i, "Conv"), expected,
               f"the output of Conv.forward for {case.label}",
               partial(_forward_hypotheses, case), shape=convolution.output_shape(case))
        yield f"{case.label}"


def _forward_hypotheses(case: Convolution) -> list[Hypothesis]:
    b = _bias(case)
    y = oracle.forward(case.x, case.w, *case.geometry)

    def biased(y: np.ndarray) -> np.ndarray:
        return y + b[:, None, None]

    return _in_our_words([
        *convolution.bias(y, b),
        Hypothesis(
            "stride-and-padding-swapped",
            lambda: biased(oracle.forward(case.x, case.w, case.padding, case.stride)),
            "Stride and padding are swapped: ConvSpec.of takes (x, weight, stride, padding).",
        ),
        Hypothesis(
            "activation-inside",
            lambda: np.maximum(biased(y), 0),
            "There is a ReLU inside the convolution. It is a layer of its own in the file.",
        ),
        *through(biased, convolution.forward(case, y)),
    ])


@check("Conv.backward", "A4")
def conv_backward(Conv: Any, *, seed: int = 0) -> Iterator[str]:
    """Gradients for weights, bias and images; twice in a row; the weights stay; two layers side by side."""
    cases = convolutions(seed)
    case, n = cases[0], len(cases)
    rng = np.random.default_rng([seed, 14])
    x, w, dy = (rng.normal(size=each.shape) for each in (case.x, case.w, case.dy))
    other = Convolution(x, w, dy, *case.geometry)
    steps = _passes(cases)
    steps += [(n, "forward", other.x), (n, "backward", other.dy), (n, "forward", case.x), (n, "backward", case.dy)]
    steps += [*_side_by_side(n + 1, case.x, other.x, case.dy), *_float32(n + 3, case.x, case.dy)]
    made = [_conv(each) for each in (*cases, case, case, other, case)]
    seen = ask(probes.layers, Conv, "Conv", made, steps, advice=advice)
    _parameters_fit(seen, "Conv")
    for i, each in enumerate(cases):
        _shapes_right(seen, i, "Conv", each.w.shape)
        dx = _backward(seen, 2 * i + 1, "Conv")
        _weights_stay(seen, 2 * i + 1, "Conv", each.w, _bias(each))
        _verify_conv_gradients(seen, 2 * i + 1, each, dx)
        yield f"weights, bias and images: {each.label}"
    at, sums = 2 * n + 3, [each.dy.sum(axis=(0, 2, 3)) for each in (case, other)]
    dx = _backward(seen, at, "Conv")
    grad_weight, grad_bias = (_read(seen, at, "Conv", attribute) for attribute in probes.GRADIENTS)
    both = _filter_gradient(case.x, case) + _filter_gradient(other.x, other)
    if close(grad_weight, both) or close(grad_bias, sums[0] + sums[1]):
        raise Mistake("gradient-accumulates", linear.ACCUMULATED)
    _verify_conv_gradients(seen, at, case, dx)
    yield "a second backward is independent of the first"
    dx, at = _backward(seen, 2 * n + 8, "Conv"), 2 * n + 8
    of_other = oracle.backward_data(case.dy, other.w, case.x.shape, *case.geometry)
    if close(_read(seen, at, "Conv", "grad_weight"), _filter_gradient(other.x, case)):
        raise Mistake("layers-share-state", _shared(dx, "Conv")[0].hint)
    if close(dx, of_other):
        raise Mistake("layers-share-state", "Two Conv layers share a weight: backward of the first computes with that "
                      "of the second. Each layer needs an array of its own, in `self.weight`, and not one that a cache "
                      "(`lru_cache`), the class or a default argument keeps.")
    _verify_conv_gradients(seen, at, case, dx)
    yield "two layers don't share what they keep"
    y = oracle.forward(case.x, case.w, *case.geometry) + _bias(case)[:, None, None]
    dx = oracle.backward_data(case.dy, case.w, case.x.shape, *case.geometry)
    _another_size(seen, at + 1, "Conv", y, dx)
    yield "a second batch, of another size"


def _shared(of_other: np.ndarray, name: str) -> list[Hypothesis]:
    return activation.shared_state(of_other, name)


def _filter_gradient(x: np.ndarray, case: Convolution) -> np.ndarray:
    return oracle.backward_filter(x, case.dy, case.window, *case.geometry)


def _verify_conv_gradients(seen: Answer, step: int, case: Convolution, dx: np.ndarray) -> None:
    expected, sizes = _filter_gradient(case.x, case), {"batch size": len(case.x)}
    got = _read(seen, step, "Conv", "grad_weight")
    own = [
        Hypothesis("weight-decay", linear._plus_any_multiple(got, expected, case.w),
                   "A multiple of weight is added to grad_weight (weight decay). "
                   "The loss of this exercise has no such term."),
    ]
    verify(got, expected, f"grad_weight for {case.label}",
           lambda: _in_our_words([*own, *convolution.backward_filter(case, expected)]), sizes)
    got, expected = _read(seen, step, "Conv", "grad_bias"), case.dy.sum(axis=(0, 2, 3))
    verify(got, expected, "grad_bias", lambda: _in_our_words(convolution.backward_bias(case.dy)), sizes)
    expected = oracle.backward_data(case.dy, case.w, case.x.shape, *case.geometry)
    verify(dx, expected,
           f"the gradient for the images for {case.label}",
           lambda: _in_our_words(convolution.backward_data(case, expected)), sizes)


@check("Conv.update", "A4")
def conv_update(Conv: Any, *, seed: int = 0) -> Iterator[str]:
    """parameter −= lr · gradient, for weights and bias, at two rates."""
    case, lrs = convolutions(seed)[0], rates(seed)
    seen = ask(probes.layers, Conv, "Conv", [_conv(case)], _updates(0, case.x, case.dy, lrs), advice=advice)
    _shapes_right(seen, 0, "Conv", case.w.shape)
    gradients = _filter_gradient(case.x, case), case.dy.sum(axis=(0, 2, 3))
    _verify_updates(seen, 0, "Conv", (case.w, _bias(case)), gradients, lrs, len(case.x))
    yield "weight and bias move by −lr · gradient, for two rates"


# ReLU, pooling, flatten -------------------------------------------------------------------------------------------


def _side_by_side(first: int, x: np.ndarray, other: np.ndarray, g: np.ndarray) -> list[Step]:
    """Two layers, made before either is used; the second one's forward comes between the first one's passes."""
    made: list[Step] = [(first, "", None), (first + 1, "", None)]
    return [*made, (first, "forward", x), (first + 1, "forward", other), (first, "backward", g)]


def _without_backward(place: int, x: np.ndarray, other: np.ndarray, g: np.ndarray) -> list[Step]:
    """A forward that no backward belongs to, as for the validation error; then both."""
    return [(place, "forward", x), (place, "forward", other), (place, "backward", g)]


def _of_the_first(gradient: np.ndarray, name: str) -> list[Hypothesis]:
    return [Hypothesis("gradient-of-earlier-forward", gradient, f"After two forwards, {name}.backward goes back "
                       "through the *first*: what they keep waits in a queue. Not every forward has a backward (that "
                       "for the validation error has none): keep what belongs to the latest one.")]


@check("ReLU", "A5")
def relu(ReLU: Any, *, seed: int = 0) -> Iterator[str]:
    """max(x, 0) and its gradient, for images and rows, with zeros and large numbers among them."""
    cases = activation_inputs(seed, (2, 3, 4, 5))
    passed = [(x.astype(dtype), g.astype(dtype)) for x, g, dtype in cases]
    x, g = passed[0]
    other = np.random.default_rng([seed, 15]).normal(size=x.shape)
    steps: list[Step] = [step for x, g in passed for step in ((0, "forward", x), (0, "backward", g))]
    beside = _side_by_side(1, x, other, g)
    seen = ask(probes.layers, ReLU, "ReLU", [{"args": ()}] * 4, [*steps, *beside, *_without_backward(3, x, other, g)])
    for i, (each, grad, _) in enumerate(cases):
        verify(_forward(seen, 2 * i, "ReLU"), np.maximum(each, 0), "the output of ReLU.forward",
               activation.relu_forward(each))
        verify(_backward(seen, 2 * i + 1, "ReLU"), grad * (each > 0), "the gradient of ReLU.backward",
               activation.relu_backward(each, grad))
        yield "forward and backward, zero and large numbers included; inputs unchanged"
    _type_kept(seen, "ReLU", (len(steps) - 2, len(steps) - 1))
    verify(_backward(seen, len(steps) + 4, "ReLU"), g * (x > 0),
           "the gradient of the first of two ReLU layers",
           _shared(g * (other > 0), "ReLU"))
    verify(_backward(seen, len(steps) + len(beside) + 2, "ReLU"), g * (other > 0),
           "the gradient of ReLU after two forwards", _of_the_first(g * (x > 0), "ReLU"))
    yield "the gradient of the latest forward"


@check("MaxPool", "A5")
def max_pool(MaxPool: Any, *, seed: int = 0) -> Iterator[str]:
    """Largest entry of each window; its gradient; overlaps add up; of ties one wins."""
    cases = [(case, ties) for pair in poolings(seed) for case, ties in zip(pair, (False, True), strict=True)]
    case, n = cases[0][0], len(cases)
    other = -np.random.default_rng([seed, 16]).uniform(0.5, 4, case.x.shape)
    steps = _passes([each for each, _ in cases])
    made = [{"args": each.geometry} for each in (*(each for each, _ in cases), case, case, case)]
    beside = [*_side_by_side(n, case.x, other, case.dy), *_float32(n + 2, case.x, case.dy)]
    last = _without_backward(n + 3, case.x, other, case.dy)
    seen = ask(probes.layers, MaxPool, "MaxPool", [*made, made[-1]], [*steps, *beside, *last], advice=advice)
    for i, (each, ties) in enumerate(cases):
        expected, what = oracle.max_pool(each.x, *each.geometry), f"the output of MaxPool.forward for {each.label}"
        wrong, shape = partial(pooling.forward, each, "max"), pooling.output_shape(each)
        verify(_forward(seen, 2 * i, "MaxPool"), expected, what, wrong, shape=shape)
        _verify_pool_gradient(_backward(seen, 2 * i + 1, "MaxPool"), each, ties)
        if ties:
            yield f"{each.label}, ties included"
    expected, of_other = (oracle.max_pool_backward(x, case.dy, *case.geometry) for x in (case.x, other))
    verify(_backward(seen, len(steps) + 4, "MaxPool"), expected,
           "the gradient of the first of two MaxPool layers",
           _shared(of_other, "MaxPool"))
    _type_kept(seen, "MaxPool", (len(steps) + 5, len(steps) + 6))
    _another_size(seen, len(steps) + 5, "MaxPool", oracle.max_pool(case.x, *case.geometry), expected)
    verify(_backward(seen, len(steps) + len(beside) + 2, "MaxPool"), of_other,
           "the gradient of MaxPool after two forwards", _of_the_first(expected, "MaxPool"))
    yield "float32 stays float32; a second batch, of another size; the gradient of the latest forward"


def _verify_pool_gradient(got: np.ndarray, case: Pooling, ties: bool) -> None:
    first, last = (oracle.max_pool_backward(case.x, case.dy, *case.geometry, last=last) for last in (False, True))
    if not (ties and (close(got, last) or pooling.one_winner_each(got, case))):
        verify(got, first,
               f"the gradient of MaxPool.backward for {case.label}",
               lambda: _in_our_words(pooling.max_backward(case, first, ties)))


ORDERS = ((2, 3, 1), (1, 3, 2), (3, 2, 1), (2, 1, 3), (3, 1, 2))
"""Other orders of the axes C, H and W."""


@check("Flatten", "A6")
def flatten(Flatten: Any, *, seed: int = 0) -> Iterator[str]:
    """Vectors in the images' memory order, and back."""
    rng = np.random.default_rng([seed, 4])
    c, h, w = (int(n) for n in rng.permutation([2, 3, 4, 5])[:3])
    shapes = ((c + 4, c, h, w), (1, c, w, h), (2, h, 1, w))
    cases = [(rng.normal(size=shape), rng.normal(size=(shape[0], prod(shape[1:])))) for shape in shapes]
    steps: list[Step] = [step for i, (x, g) in enumerate(cases) for step in ((i, "forward", x), (i, "backward", g))]
    n = len(cases)
    steps += [(n, "forward", cases[0][0]), (n, "forward", cases[1][0]), (n, "backward", cases[1][1])]
    steps += _float32(n + 1, *cases[0])
    seen = ask(probes.layers, Flatten, "Flatten", [{"args": ()}] * (n + 2), steps)
    for i, (shape, (x, g)) in enumerate(zip(shapes, cases, strict=True)):
        order = (
            "The rows are in another order: all of channel 0 first, row by row, then channel 1 (`x.reshape(N, -1)`, "
            "without moving axes)."
        )
        n = shape[0]
        expected = x.reshape(n, -1)
        others = [Hypothesis("flatten-order", x.transpose(0, *axes).reshape(n, -1), order) for axes in ORDERS]
        alone = [Hypothesis("batch-axis-lost", x.reshape(-1), AXIS_LOST.format("The output"))] if n == 1 else []
        verify(_forward(seen, 2 * i, "Flatten"), expected, "the output of Flatten.forward", [
            *alone,
            *others,
            Hypothesis("flatten-order", np.stack([image.flatten(order="F") for image in x]), order),
            Hypothesis("batch-flattened", x.reshape(-1), "The batch is flattened, too: keep its axis, one row per "
                       "image."),
            Hypothesis("batch-last", expected.T, "The batch axis is last here; there should be one row per image, "
                       "`x.reshape(N, -1)`."),
            Hypothesis("batch-last", x.reshape(-1, n), "The batch axis is last here, and the images are mixed; there "
                       "should be one row per image, `x.reshape(N, -1)`."),
        ])  # fmt: skip
        back = [Hypothesis("flatten-order", _unflattened(g, shape, axes), "backward changes the order of the numbers: "
                           "reshape to the input shape of forward, nothing "
                           "more.") for axes in ORDERS]
        verify(_backward(seen, 2 * i + 1, "Flatten"), g.reshape(shape), "the gradient of Flatten.backward", [
            *back,
            Hypothesis("shape-guessed", g.reshape(shape[0], shape[1], shape[3], shape[2]), "backward gives "
                       f"{(shape[0], shape[1], shape[3], shape[2])}: the numbers are right, and H and W have changed "
                       "places, or are guessed from how many there are. The shape is that of forward's input."),
            *(Hypothesis("shape-guessed", g.reshape(guess), f"backward gives {guess}: the numbers are right, and H "
                         "and W are guessed from how many there are. Keep in forward the shape that it was given, "
                         "`x.shape`; images need not be square.")
              for guess in _guesses(shape)),
            Hypothesis("not-unflattened", g, "backward returns the vectors unchanged: reshape them to the shape of "
                       "the images."),
        ])  # fmt: skip
        yield f"{shape} and back"
    try:
        right = close(_backward(seen, len(steps) - 5, "Flatten"), cases[1][1].reshape(shapes[1]))
    except Mistake:
        right = False
    if not right:
        raise Mistake("keeps-state", "After a second forward, with images of another shape, backward is wrong: it uses "
                      "the shape of an earlier forward. Keep the shape in every forward.")
    yield "the shape of the latest forward"
    _type_kept(seen, "Flatten", (len(steps) - 4, len(steps) - 3))


def _guesses(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Other shapes of as many images, channels and pixels, the most square one first."""
    n, c, h, w = shape
    heights = [k for k in range(1, h * w + 1) if h * w % k == 0 and k != h]
    heights.sort(key=lambda k: abs(k - (h * w) ** 0.5))
    return [(n, c, k, h * w // k) for k in heights]


def _unflattened(g: np.ndarray, shape: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
    moved = g.reshape(shape[0], *(shape[a] for a in axes))
    return moved.transpose(0, *(1 + axes.index(a) for a in (1, 2, 3)))


AXIS_LOST = (
    "{} is wrong for a batch of one: something loses an axis that has only one entry (`squeeze`). Keep the batch axis."
)


# Dense ------------------------------------------------------------------------------------------------------------


@check("Dense", "A6")
def dense(Dense: Any, *, seed: int = 0) -> Iterator[str]:
    """Initial weights, forward, three gradients, twice in a row; update at two rates."""
    cases, lrs = [case for case in linear_cases(seed) if case.dtype == "float64"], rates(seed)
    first = [{"args": (24, 170), "given": (), "named": start} for start in STARTS]
    steps: list[Step] = [(i, "", None) for i in range(len(first))]
    for i, case in enumerate(cases, len(first)):
        steps += [(i, "forward", case.x), (i, "backward", case.grad)]
        steps += [(i, "forward", case.other_x), (i, "backward", case.other_grad)]
    made = [{"args": case.weight.shape, "given": (case.weight, case.bias)} for case in cases]
    case, place = cases[0], len(first) + len(cases)
    other = np.random.default_rng([seed, 17]).normal(size=case.x.shape)
    beside = _side_by_side(place, case.x, other, case.grad)
    beside += _float32(place + 3, case.x, case.grad)
    updates = _updates(place + 2, case.x, case.grad, lrs)
    updates += _without_backward(place + 2, other, case.x, case.grad)
    seen = ask(probes.layers, Dense, "Dense", [*first, *made, *[made[0]] * 4], [*steps, *beside, *updates])
    _starts_right(seen, "Dense", (24, 170), 24, 170, "in")
    _parameters_fit(seen, "Dense")
    yield "weights drawn with standard deviation scale/√in, biases zero"
    for i, case in enumerate(cases):
        _shapes_right(seen, len(first) + i, "Dense", case.weight.shape)
        start, at = array(seen.part(f"layer {len(first) + i}")["first weight"], "Dense.weight"), len(first) + 4 * i
        y = _forward(seen, at, "Dense")
        verify(y, case.x @ case.weight + case.bias, "the output of Dense.forward",
               linear.forward(y, case.x, case.weight, case.bias, start), case.sizes)
        _weights_stay(seen, at + 1, "Dense", case.weight, case.bias)
        earlier = _verify_dense_gradients(seen, at + 1, case.x, case.grad, case, start)
        verify(_forward(seen, at + 2, "Dense"), case.other_x @ case.weight + case.bias,
               "the output of a second Dense.forward, of another batch size,")
        _verify_dense_gradients(seen, at + 3, case.other_x, case.other_grad, case, start, earlier)
        yield f"forward and backward for (N, in, units) = {case.shape}, and then for one row more"
    case, at = cases[0], len(steps)
    got, dx = _read(seen, at + 4, "Dense", "grad_weight"), _backward(seen, at + 4, "Dense")
    verify(got, case.x.T @ case.grad,
           "grad_weight of the first of two Dense layers",
           _shared(other.T @ case.grad, "Dense"))
    verify(dx, case.grad @ case.weight.T, "the gradient of the first of two Dense layers")
    yield "two layers don't share what they keep"
    gradients = case.x.T @ case.grad, case.grad.sum(axis=0)
    _verify_updates(seen, at + len(beside), "Dense", (case.weight, case.bias), gradients, lrs, case.n)
    yield "weight and bias move by −lr · gradient, for two rates"
    at += len(beside) + len(updates) - 1
    dx, moved = _backward(seen, at, "Dense"), _read(seen, at - 3, "Dense", "weight")
    verify(dx, case.grad @ moved.T, "the gradient of Dense after two updates", [
        Hypothesis("stale-weights", case.grad @ case.weight.T, "After updates Dense.backward still returns the "
                   "gradient with the weights from before them. Something made of them, such as `self.weight.T`, is "
                   "kept, and `update` makes a new array: use `self.weight` itself where it is needed."),
    ])  # fmt: skip
    verify(_read(seen, at, "Dense", "grad_weight"), case.x.T @ case.grad, "grad_weight after two forwards",
           _of_the_first(other.T @ case.grad, "Dense"))
    yield "backward with the weights of the latest update, for the latest forward"


def _verify_dense_gradients(
    seen: Answer,
    step: int,
    x: np.ndarray,
    g: np.ndarray,
    case: LinearCase,
    start: np.ndarray,
    earlier: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """grad_weight and grad_bias, which are right. earlier: those of the backward before."""
    w, b, sizes, (before_w, before_b) = case.weight, case.bias, {**case.sizes,
        "batch size": len(x)}, earlier or (None, None)
    dx = _backward(seen, step, "Dense")
    grad_weight, grad_bias = (_read(seen, step, "Dense", attribute) for attribute in probes.GRADIENTS)
    stale = None if earlier is None else case.x
    wrong = partial(linear.weight_gradient, grad_weight, x, g, w, b, before_w, stale)
    verify(grad_weight, x.T @ g, "grad_weight", wrong, sizes)
    sums = (g.sum(), np.full_like(b, g.sum())) if len(g) == 1 else ()
    alone = [Hypothesis("batch-axis-lost", found, AXIS_LOST.format("grad_bias")) for found in sums]
    verify(grad_bias, g.sum(axis=0), "grad_bias", lambda: [*alone, *linear.bias_gradient(x, g, b, before_b)], sizes)
    verify(dx, g @ w.T, "the returned gradient", lambda: linear.input_gradient(x, g, w, start), sizes)
    return grad_weight, grad_bias
