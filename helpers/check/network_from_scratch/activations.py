"""Checks of the student's `Sigmoid` and `Softmax`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core import oracle
from helpers.check.core.ask import Answer, ask
from helpers.check.core.cases import activation_inputs, softmax_batches
from helpers.check.core.compare import verify
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.hypotheses import activation, softmax
from helpers.check.core.report import Mistake, check
from helpers.check.network_from_scratch import probes

GRADIENT = "the gradient with respect to the input, which backward returns,"


def _asked(cls: Any, name: str, forwards: Sequence[np.ndarray], gradients: Sequence[np.ndarray] = ()) -> Answer:
    """The results of a forward of each, which a backward follows where there are gradients."""
    passes: list[probes.Pass] = []
    for i, x in enumerate(forwards):
        passes += [(0, "forward", x), *((0, "backward", g) for g in gradients[i : i + 1])]
    if gradients:
        passes += [
            (0, "forward", _earlier(forwards[1])), (0, "forward", forwards[1]),
            (1, "forward", _of_the_other(forwards[1])), (0, "backward", gradients[1]),
        ]  # fmt: skip
    return ask(probes.layer_passes, cls, name, passes)


def _whole(seen: Answer, number: int, owner: str) -> None:
    """Raise where a backward changed what forward had returned."""
    if number in seen.part("spoiled") and seen.part("spoiled")[number]:
        raise Mistake("output-changed", f"{owner}.backward changes the array that forward returned (`*=`, `-=`, "
                      f"`out=`): whoever got it finds other numbers in it, and a second backward is wrong. Compute "
                      f"into a new array.")


def _of_the_other(x: np.ndarray) -> np.ndarray:
    """What a second layer beside the first is given."""
    return 0.25 + x / 2


def _earlier(x: np.ndarray) -> np.ndarray:
    """What a layer is given before x, as in an evaluation, which no backward follows."""
    return 0.5 - x / 3


def _weighted(f: Callable[[np.ndarray], np.ndarray], g: np.ndarray, x: np.ndarray) -> float:
    """Σ f(x)·g, the scalar whose gradient is backward's result for grad_output g."""
    return float((f(x) * g).sum())


@check("Sigmoid.forward", "A2")
def sigmoid_forward(Sigmoid: Any, *, seed: int = 0) -> Iterator[str]:
    """1 / (1 + e^−x), elementwise, also at ±1000."""
    cases = activation_inputs(seed)
    more = np.random.default_rng([seed, 18]).normal(size=(2, 3, 4))
    seen = _asked(Sigmoid, "Sigmoid", [*(x.astype(dtype) for x, _, dtype in cases), more])
    for number, (x, _, dtype) in enumerate(cases):
        found, words = seen.array(str(number), "the output"), " for x = ±1000" + " in float32" * (dtype == "float32")
        if np.abs(x).max() < 100:
            verify(found, oracle.sigmoid(x), "the output", partial(activation.sigmoid_forward, x))
            yield "values for batches of several sizes, x unchanged"
            continue
        if np.isnan(found).any():
            raise Mistake("sigmoid-overflow", f"The output is NaN{words}: a large power overflows to inf, and inf/inf "
                          f"is NaN. Use the form 1 / (1 + e^−x).")
        if np.isfinite(found).all() and found.size and 1e-6 < float(found.reshape(-1)[0]) < 0.3:
            raise Mistake("input-clipped", f"For x = −1000 the output is {found.reshape(-1)[0]:.3g}: x is clipped "
                          f"before the sigmoid, so the sigmoid never comes near 0 and 1. No limit below about ±500 is "
                          f"needed.")
        verify(found, oracle.sigmoid(x), f"the output{words}")
    yield "no overflow at ±1000, in float32, too"
    try:
        verify(seen.array(str(len(cases)), "the output"), oracle.sigmoid(more), "the output")
    except Mistake:
        raise Mistake("two-axes-only", "Sigmoid.forward works for arrays with two axes only. It is elementwise: write "
                      "it without loops over rows and columns, and it takes any shape.") from None
    yield "arrays of three axes"


@check("Sigmoid.backward", "A2")
def sigmoid_backward(Sigmoid: Any, *, seed: int = 0) -> Iterator[str]:
    """grad_output · σ(x)(1 − σ(x)) against finite differences; the latest forward counts."""
    cases = activation_inputs(seed)
    seen = _asked(
        Sigmoid, "Sigmoid", [x.astype(dtype) for x, _, dtype in cases], [g.astype(dtype) for _, g, dtype in cases]
    )
    for number, (x, g, dtype) in enumerate(cases):
        s = oracle.sigmoid(x)
        _whole(seen, 2 * number + 1, "Sigmoid")
        found, right = seen.array(str(2 * number + 1), GRADIENT), g * s * (1 - s)
        if np.abs(x).max() < 100:
            numerical = partial(numerical_gradient, partial(_weighted, oracle.sigmoid, g), x)
            verify(found, right, "the returned gradient", partial(activation.sigmoid_backward, x, g), {
                "batch size": len(x)}, numerical)
            yield "gradient agrees with finite differences, for several batches in a row; grad_output unchanged"
            continue
        words = " for x = ±1000" + " in float32" * (dtype == "float32")
        if np.isnan(found).any():
            raise Mistake("sigmoid-overflow", f"The returned gradient is NaN{words}: a large power overflows to inf, "
                          f"and inf/inf is NaN. The derivative is output · (1 − output), without any power.")
        verify(found, right, f"the returned gradient{words}")
    x, g, _ = cases[1]
    right, shared, earlier = (
        g * s * (1 - s) for s in map(oracle.sigmoid, (x, _of_the_other(x), _earlier(x)))
    )  # fmt: skip
    found = seen.array(str(2 * len(cases) + 3), GRADIENT)
    verify(found, right, "the gradient of the first of two Sigmoid layers", [
        *activation.shared_state(shared, "Sigmoid"), *activation.earlier_forward(earlier, "Sigmoid")])
    yield "no overflow at ±1000; two layers beside each other"


@check("Softmax.forward", "A3")
def softmax_forward(Softmax: Any, *, seed: int = 0) -> Iterator[str]:
    """Rows of probabilities, also for logits of ±1000 and rows far apart."""
    batches = softmax_batches(seed)
    seen = _asked(Softmax, "Softmax", [batch.logits.astype(batch.dtype) for batch in batches])
    for number, batch in enumerate(batches):
        found, right, what = seen.array(str(number),
                                        "the output"), oracle.softmax(batch.logits), f"the output{batch.words}"
        if batch.large and found.shape == right.shape:
            _no_overflow(found)
        verify(found, right, what, [] if batch.large else partial(softmax.forward, batch.logits))
        yield (
            "logits of ±1000, in one batch and in one row, in float32, too"
            if batch.large
            else "values for batches of several sizes, rows add up to 1, x unchanged"
        )


def _no_overflow(found: np.ndarray) -> None:
    """Of the rows of `LARGE`: close together, far below the row before, far apart, usual."""
    together, below, apart, usual = (np.isfinite(row).all() and abs(row.sum() - 1) < 1e-3 for row in found)
    if not together:
        raise Mistake("no-max-shift", "Logits of ±1000 give inf or 0/0, that is NaN. Subtract each row's maximum "
                      "before the exponential: the result is the same and nothing overflows.")
    if not below and usual:
        raise Mistake("another-shift", "A row of large negative logits becomes 0/0: what is subtracted is not the "
                      "row's maximum, but a larger number (its largest absolute value, or a maximum that is searched "
                      "from 0 on?). Subtract the maximum of each row as it is.")
    if not below:
        raise Mistake("global-max-shift", "A row far below the others becomes 0/0: the maximum of the whole batch is "
                      "subtracted. Subtract each row's own maximum (`axis=1, keepdims=True`).")
    if not apart:
        raise Mistake("no-max-shift", "Logits of −1000, 0 and 1000 in one row give inf or NaN: something other than "
                      "the row's maximum is subtracted (its mean or minimum?), and the largest power overflows.")
    if np.allclose(found[0], 1 / 3, atol=1e-3):
        raise Mistake("input-clipped", "Logits near ±1000 all get the same probability: they are clipped before the "
                      "exponential. Subtract each row's maximum instead; then nothing overflows.")


@check("Softmax.backward", "A3")
def softmax_backward(Softmax: Any, *, seed: int = 0) -> Iterator[str]:
    """p · (g − Σ g p) for each row against finite differences."""
    batches = softmax_batches(seed)
    seen = _asked(
        Softmax, "Softmax", [b.logits.astype(b.dtype) for b in batches], [b.grad.astype(b.dtype) for b in batches]
    )
    for number, batch in enumerate(batches):
        x, g = batch.logits, batch.grad
        _whole(seen, 2 * number + 1, "Softmax")
        found, right = seen.array(str(2 * number + 1), GRADIENT), oracle.softmax_backward(x, g)
        if batch.large and not np.isfinite(found).all():
            raise Mistake("no-max-shift", f"The returned gradient{batch.words} has inf or NaN: keep the probabilities "
                          f"of a forward that subtracts each row's maximum, and compute with them.")
        numerical = partial(numerical_gradient, partial(_weighted, oracle.softmax, g), x)
        verify(
            found,
            right,
            f"the returned gradient{batch.words}",
            [] if batch.large else partial(softmax.backward, x, g),
            batch.sizes,
            None if batch.large else numerical,
        )
        yield (
            "large logits, in float32, too"
            if batch.large
            else "gradient agrees with finite differences for batches of several sizes; grad_output unchanged"
        )
    found, (x, g) = seen.array(str(2 * len(batches) + 3), GRADIENT), (batches[1].logits, batches[1].grad)
    verify(found, oracle.softmax_backward(x, g), "the gradient of the first of two Softmax layers", [
        *activation.shared_state(oracle.softmax_backward(_of_the_other(x), g), "Softmax"),
        *activation.earlier_forward(oracle.softmax_backward(_earlier(x), g), "Softmax")])
    yield "two layers beside each other"
