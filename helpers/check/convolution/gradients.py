"""Checks of Part C: the gradients of a convolution for the images, the filters and the bias."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from helpers.check.convolution.definition import float32_too, with_float32
from helpers.check.core import convolution_oracle as oracle
from helpers.check.core.ask import ask
from helpers.check.core.compare import verify
from helpers.check.core.geometries import Convolution, convolutions
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.hypotheses import convolution as hypotheses
from helpers.check.core.hypotheses.windows import advice
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check


def _loss(case: Convolution, x: np.ndarray, w: np.ndarray) -> float:
    """A loss whose gradient for the output is dy."""
    return float((oracle.forward(x, w, *case.geometry) * case.dy).sum())


def _numerical_x(case: Convolution) -> np.ndarray:
    return numerical_gradient(lambda v: _loss(case, v, case.w), case.x)


def _numerical_w(case: Convolution) -> np.ndarray:
    return numerical_gradient(lambda v: _loss(case, case.x, v), case.w)


@check("Gradient for the images", "C1", builds_on="`col2im`, if you used it", after="A1 B3")
def backward_data(conv_backward_data: Any, *, seed: int = 0) -> Iterator[str]:
    """dx (N, C, H, W) from dy (N, K, P, Q) and w, against the adjoint, itself tested against finite differences."""
    cases, what = convolutions(seed), "conv_backward_data"
    asked = [(c.dy, c.w, c.x.shape, *c.geometry) for c in with_float32(cases)]
    seen = ask(calls, what, conv_backward_data, asked, ("dy", "w"), advice=advice)
    expected = [oracle.backward_data(c.dy, c.w, c.x.shape, *c.geometry) for c in cases]
    for i, case in enumerate(cases):
        wrong, numerical = partial(hypotheses.backward_data, case, expected[i]), partial(_numerical_x, case)
        got = seen.array(str(i), f"the result of {what}")
        verify(got, expected[i], f"dx for {case.label}", wrong, numerical=numerical)
        yield case.label
    other = with_float32(cases)[-1]
    wanted = oracle.backward_data(other.dy, other.w, other.x.shape, *other.geometry)
    yield float32_too(seen, len(cases), expected[0], what, wanted)


@check("Gradient for the filters", "C2", builds_on="`im2col`, if you used it", after="A1 B1")
def backward_filter(conv_backward_filter: Any, *, seed: int = 0) -> Iterator[str]:
    """dw (K, C, R, S) from x and dy (N, K, P, Q), against the reference, itself tested against finite differences."""
    cases, what = convolutions(seed), "conv_backward_filter"
    asked = [(c.x, c.dy, c.w.shape, *c.geometry) for c in with_float32(cases)]
    seen = ask(calls, what, conv_backward_filter, asked, ("x", "dy"), advice=advice)
    expected = [oracle.backward_filter(c.x, c.dy, c.window, *c.geometry) for c in cases]
    for i, case in enumerate(cases):
        wrong, numerical = partial(hypotheses.backward_filter, case, expected[i]), partial(_numerical_w, case)
        got = seen.array(str(i), f"the result of {what}")
        verify(got, expected[i], f"dw for {case.label}", wrong, numerical=numerical, shape=partial(_rest_kept, case))
        yield case.label
    other = with_float32(cases)[-1]
    wanted = oracle.backward_filter(other.x, other.dy, other.window, *other.geometry)
    yield float32_too(seen, len(cases), expected[0], what, wanted)


def _rest_kept(case: Convolution, got: tuple[int, ...]) -> Mistake | None:
    """What explains a dw that has room for the rows and columns that no window reaches at this stride."""
    rest = tuple(
        size + 2 * pad - (count - 1) * step
        for size, pad, count, step in zip(
            case.x.shape[2:], case.padding, case.dy.shape[2:], case.stride, strict=True
        )
    )
    if got != (*case.w.shape[:2], *rest) or rest == case.window:
        return None
    return Mistake("rest-kept", f"dw for {case.label} has shape {got}; it should be {case.w.shape}. Such a shape comes "
                   "out where R and S are computed back from the sizes of x and dy: at a stride, rows and columns that "
                   "no window reaches can be left over. Take R and S from `w_shape`.")


@check("Gradient for the bias", "C3")
def backward_bias(conv_backward_bias: Any, *, seed: int = 0) -> Iterator[str]:
    """The sum of dy over images and positions, (K,)."""
    rng = np.random.default_rng([seed, 4])
    n, k, p, q = (int(size) for size in rng.permutation([2, 3, 4, 5, 6])[:4])
    cases = [rng.normal(size=(images, filters, p, q)) for images, filters in ((n, k), (1, k), (n, 1))]
    seen = ask(calls, "conv_backward_bias", conv_backward_bias, [(dy,) for dy in cases], ("dy",), advice=advice)
    for i, dy in enumerate(cases):
        got, expected = seen.array(str(i), "the result of conv_backward_bias"), dy.sum(axis=(0, 2, 3))
        wrong = partial(hypotheses.backward_bias, dy) if dy.shape[1] > 1 else ()
        verify(got, expected, f"the gradient for the bias, of a dy of shape {dy.shape},", wrong)
    yield "one number per filter, summed over images and positions; dy unchanged"
