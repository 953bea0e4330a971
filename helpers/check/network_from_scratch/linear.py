"""Checks of the student's `Linear`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from helpers.check.core.ask import Answer, array, ask
from helpers.check.core.cases import LinearCase, linear_cases, rates
from helpers.check.core.compare import Hypothesis, close, verify
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.hypotheses import activation, update
from helpers.check.core.hypotheses import linear as hypotheses
from helpers.check.core.report import Mistake, check
from helpers.check.network_from_scratch import probes


def _asked(case: LinearCase, *passes: tuple[str, np.ndarray]) -> dict[str, Any]:
    """The case as a probe gets it, with these passes."""
    return {"weight": case.weight, "bias": case.bias, "dtype": case.dtype, "passes": passes}


def _of_the_other(x: np.ndarray) -> np.ndarray:
    """What a second layer beside the first is given."""
    return 0.25 + x / 2


def _earlier(x: np.ndarray) -> np.ndarray:
    """What a layer is given before x, as in an evaluation, which no backward follows."""
    return 0.5 - x / 3


def _first(seen: Answer, n_in: int, n_out: int) -> tuple[np.ndarray, np.ndarray]:
    """The first weight, in the course's layout, and bias of a new layer. Transposed weights and biases of shape
    (1, out) lose the points of `linear_init`, and no others."""
    weight, bias = seen.array("first weight", "weight"), seen.array("first bias", "bias")
    if weight.shape not in ((n_in, n_out), (n_out, n_in)):
        raise Mistake("wrong-parameter-shape", f"weight has shape {weight.shape}; it should be (in_features, "
                      f"out_features) = {(n_in, n_out)}.")
    if bias.shape not in ((n_out,), (1, n_out)):
        raise Mistake("wrong-parameter-shape", f"bias has shape {bias.shape}; it should be (out_features,) = "
                      f"({n_out},).")
    return (weight if weight.shape == (n_in, n_out) else weight.T), bias


def _transposed(seen: Answer, case: LinearCase) -> bool:
    """Whether weights are stored (out, in), which the sizes of a square layer can't tell."""
    return bool(seen.array("first weight", "weight").shape != case.weight.shape)


def _in_layout(seen: Answer, name: str, case: LinearCase) -> np.ndarray:
    """A parameter or gradient in the course's layout; a wrong shape comes back as it is."""
    found, weight = seen.array(name, name), seen.array("weight", "weight")
    shape = case.weight.shape if name.endswith("weight") else case.bias.shape
    if found.ndim == 2 and len(shape) == 1 and found.shape == (1, *shape):
        if name.startswith("grad") and seen.array("bias", "bias").ndim == 1:
            raise Mistake("wrong-shape", hypotheses.BIAS_IN_A_ROW.format(name, found.shape, shape))
        return found[0]
    if len(shape) == 2 and weight.shape == shape[::-1] != shape:
        if found.shape == shape:
            raise Mistake("wrong-shape", f"{name} has shape {found.shape} and weight has {weight.shape}. A gradient "
                          f"has the shape of its parameter.")
        return found.T if found.shape == shape[::-1] else found
    return found


@check("Linear.__init__", "A1")
def linear_init(Linear: Any, *, seed: int = 0) -> Iterator[str]:
    """weight ~ N(0, 1/in_features), bias zero, shapes (in, out) and (out,); another seed gives other weights."""
    n_in, n_out = 24, 1500 + seed % 7  # no square number, so that the fractions of a root count
    seen = ask(probes.linear_starts, Linear, (n_in, n_out), (1 + seed, 2 + seed))
    weight, bias = _first(seen, n_in, n_out)
    if seen.array("first weight", "weight").shape != (n_in, n_out):
        raise Mistake("wrong-parameter-shape", f"weight has shape (out_features, in_features) = {(n_out, n_in)}, as "
                      f"torch.nn.Linear keeps it. Here it is (in_features, out_features), and later exercises take "
                      f"in_features from `weight.shape[0]`.")
    if bias.shape != (n_out,):
        raise Mistake("wrong-parameter-shape", hypotheses.BIAS_IN_A_ROW.format("bias", bias.shape, (n_out,)))
    yield "shapes of weight and bias"
    hypotheses.verify_start("Linear", weight, bias, n_in, n_out)
    if "second weight" in seen and close(seen.array("first weight", "weight"), seen.array("second weight", "weight")):
        raise Mistake("seed-ignored", "Layers with two different seeds start with the same weights: pass `seed` on, "
                      "`backend.normal(shape, std, seed)`.")
    yield "weights drawn from N(0, 1/in_features), bias zero"
    for name in probes.PARAMETERS:
        if getattr(seen.part("float32")[f"first {name}"], "dtype", None) == np.float64:
            raise Mistake("type-changed", f"{name} is float64 where the backend's dtype is float32: it is not made by "
                          f"the backend. Use `backend.normal` and `backend.zeros`: they make arrays of the right "
                          f"dtype, on the right device.")
    yield "parameters in the backend's dtype"


@check("Linear.forward", "A1")
def linear_forward(Linear: Any, *, seed: int = 0) -> Iterator[str]:
    """Output (N, out) = x @ weight + bias for several shapes; x is left alone; each call stands by itself."""
    cases = linear_cases(seed)
    seen = ask(
        probes.linear_passes,
        Linear,
        [_asked(case, *(("forward", x) for x in (case.x, case.x, case.other_x))) for case in cases],
    )
    for number, case in enumerate(cases):
        of_case = seen.part(number)
        first_weight, _ = _first(of_case, *case.weight.shape)
        if case.square and _transposed(seen.part(0), cases[0]):
            continue
        x, w, b, again = case.x, case.weight, case.bias, case.other_x
        got = array(of_case.part(0)["result"], "the output")
        single = case.dtype == "float32"
        verify(got, x @ w + b, "in float32, the output" if single else
               "the output", hypotheses.forward(got, x, w, b, first_weight), case.sizes)
        second, other = (array(of_case.part(step)["result"], "the output") for step in (1, 2))
        if not close(second, x @ w + b):
            raise Mistake("keeps-state", "The second forward on the same x gives another result than the first. A "
                          "forward must not depend on earlier calls: don't change weight, bias or other stored arrays "
                          "in it.")
        verify(other, again @ w + b, "the output of a second call, with another batch size,")
        shown = f"output for (N, in, out) = {case.shape}, another batch size afterwards; x unchanged"
        yield "in float32, too" if single else shown


@check("Linear.backward", "A1")
def linear_backward(Linear: Any, *, seed: int = 0) -> Iterator[str]:
    """grad_weight, grad_bias and the returned gradient against finite differences; twice in a row."""
    cases = linear_cases(seed)
    asked = [
        _asked(case, ("forward", case.x), ("backward", case.grad), ("forward", case.other_x),
               ("backward", case.other_grad), ("forward", _earlier(case.x)), ("forward", case.x),
               ("forward of another", _of_the_other(case.x)), ("backward", case.grad))
        for case in cases
    ]
    narrow = replace(cases[0], weight=cases[0].weight[:, :1], bias=cases[0].bias[:1], grad=cases[0].grad[:, :1])
    asked.append(_asked(narrow, ("forward", narrow.x), ("backward", narrow.grad)))
    seen = ask(probes.linear_passes, Linear, asked)
    for number, case in enumerate(cases):
        of_case = seen.part(number)
        first_weight, _ = _first(of_case, *case.weight.shape)
        if case.square and _transposed(seen.part(0), cases[0]):
            continue
        after = of_case.part(1)
        if (
            not close(_in_layout(after, "weight", case), case.weight)
            or not close(_in_layout(after, "bias", case), case.bias)
        ):  # fmt: skip
            raise Mistake("backward-updates", "backward changed weight or bias. It only computes gradients, in arrays "
                          "of their own; `update` takes the step.")
        earlier = _verify_gradients(case, case.x, case.grad, after, first_weight)
        if number == 0:
            yield "grad_weight, grad_bias and the gradient with respect to the input agree with finite differences"
        _verify_gradients(case, case.other_x, case.other_grad, of_case.part(3), first_weight, earlier)
    yield "a second forward and backward do not depend on the first; inputs unchanged; a batch of one; in float32, too"
    case, after = cases[0], seen.part(0).part(7)
    shared = activation.shared_state(_of_the_other(case.x).T @ case.grad, "Linear")
    earlier_x = activation.earlier_forward(_earlier(case.x).T @ case.grad, "Linear")
    got, right = _in_layout(after, "grad_weight", case), case.x.T @ case.grad
    verify(got, right, "grad_weight of the first of two Linear layers", [*shared, *earlier_x])
    yield "two layers beside each other"
    after = seen.part(len(cases)).part(1)
    for name, right in (("grad_weight", narrow.x.T @ narrow.grad), ("grad_bias", narrow.grad.sum(axis=0))):
        got = _in_layout(after, name, narrow)
        if got.shape != right.shape:
            raise Mistake("axis-squeezed", f"With a single output {name} has shape {got.shape}; it should be "
                          f"{right.shape}, that of its parameter. `squeeze` takes away every axis of length 1.")
        verify(got, right, f"{name} of a layer with a single output")
    yield "a layer with a single output"


def _verify_gradients(
    case: LinearCase,
    x: np.ndarray,
    g: np.ndarray,
    after: Answer,
    first_weight: np.ndarray,
    earlier: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """grad_weight and grad_bias, which are right. earlier: those of the backward before."""
    w, b, (before_w, before_b) = case.weight, case.bias, earlier or (None, None)
    sizes = {**case.sizes, "batch size": len(x), "batch size written as a number (64)": 64}
    grad_input = array(after["result"], "the gradient with respect to the input, which backward returns,")
    grad_weight, grad_bias = _in_layout(after, "grad_weight", case), _in_layout(after, "grad_bias", case)
    verify(
        grad_weight, x.T @ g, "grad_weight",
        lambda: hypotheses.weight_gradient(grad_weight, x, g, w, b, before_w, None if earlier is None else case.x),
        sizes, lambda: numerical_gradient(lambda v: float(((x @ v + b) * g).sum()), w),
    )
    verify(grad_bias, g.sum(axis=0), "grad_bias", lambda: hypotheses.bias_gradient(x, g, b, before_b), sizes)
    verify(grad_input, g @ w.T,
           "the returned gradient for the input",
           lambda: hypotheses.input_gradient(x, g, w, first_weight), sizes,
           lambda: numerical_gradient(lambda v: float(((v @ w + b) * g).sum()), x))
    return grad_weight, grad_bias


@check("Linear.update", "A1")
def linear_update(Linear: Any, *, seed: int = 0) -> Iterator[str]:
    """parameter -= lr * gradient, for weight and bias, for the rate that was given."""
    case, (first, second) = linear_cases(seed)[0], rates(seed)
    gradients = {"weight": case.x.T @ case.grad, "bias": case.grad.sum(axis=0)}
    seen = ask(
        probes.linear_updates, Linear, {**_asked(case), "x": case.x, "grad": case.grad}, gradients, (first, second)
    )
    _first(seen, *case.weight.shape)
    for step, (rate, earlier) in enumerate(((first, None), (second, first))):
        for name, other in (("weight", "bias"), ("bias", "weight")):
            g = gradients[name]
            before, after = (_in_layout(seen.part(place), name, case) for place in (step, step + 1))
            moved = before - after
            of_other = np.broadcast_to(gradients[other], g.shape) if name == "weight" else gradients[other].sum(axis=0)
            named = [
                *update.step(name, moved, before, rate, g, earlier),
                Hypothesis("gradient-of-the-other", rate * of_other,
                           f"{name} takes the step of the other parameter's gradient."),
            ]
            if (
                step
                and not close(moved, rate * g)
                and not any(one.explains(moved) for one in named if one.name == "rate-kept")
            ):
                raise Mistake("update-keeps-state", f"The first update of {name} is right and the second is not: a "
                              f"step should depend on lr and the gradient alone, not on earlier steps or a counter.")
            verify(moved, rate * g, f"the step of {name} (before minus after)", named, {**case.sizes,
                "learning rate": rate})
            left = seen.part(step + 1)[f"grad_{name}"]
            if isinstance(left, np.ndarray) and close(left.reshape(-1), rate * gradients[name].reshape(-1)):
                raise Mistake("gradient-changed", f"update multiplies grad_{name} itself by lr (`*=`): a second update "
                              f"with the same gradient is too small. Compute lr · gradient as a new array.")
    yield "weight and bias step by lr · gradient, for two rates"
    _backward_after_updates(seen, case)


def _backward_after_updates(seen: Answer, case: LinearCase) -> None:
    """Mistake where backward returned the right gradient before the updates, and does not after them."""
    for when, step in (("before", 0), ("after", 2)):
        if f"returned {when}" not in seen:
            return
        got, right = seen.array(f"returned {when}", "the returned gradient"), case.grad @ _in_layout(
            seen.part(step), "weight", case).T  # fmt: skip
        if not close(got, right):
            if when == "after":
                raise Mistake("update-kept-in-backward", "Before the first update Linear.backward returns the right "
                              "gradient for its input, and after two updates it does not: it uses something of a step, "
                              "such as `lr` or an earlier gradient. It is `grad_output @ self.weight.T`, with the "
                              "weights as they are then.")
            return
