"""Checks of Part D: max pooling with ties and overlap, average pooling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from helpers.check.convolution import probes
from helpers.check.core import convolution_oracle as oracle
from helpers.check.core.ask import array, ask
from helpers.check.core.compare import NOTHING, Hypothesis, close, verify
from helpers.check.core.geometries import Pooling, poolings
from helpers.check.core.hypotheses import pooling as hypotheses
from helpers.check.core.hypotheses.windows import advice
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check


def _forward(value: Any, case: Pooling) -> np.ndarray:
    """y out of what max_pool_forward returns."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        kind = "None" if value is None else f"something of type {type(value).__name__}"
        raise Mistake(
            "not-two-results", f"max_pool_forward should return two things, `return y, winner`; it returned {kind}."
        )
    y, winner = array(value[0], "the y of max_pool_forward"), value[1]
    numbers = isinstance(winner, np.ndarray) and winner.dtype.kind == "f" and not close(y, winner)
    if numbers and close(winner.astype(float), oracle.max_pool(case.x, *case.geometry)):
        raise Mistake("results-swapped", "max_pool_forward returns the winners first; the order is `return y, winner`.")
    return y


WIDE_BORDER = (1, 2, 5, 8, 3, 3, 2, 2, 2, 2)
"""More padding than half a window; each window has a pixel in it."""


@check("Max pooling, forward", "D1", builds_on="`output_size`, if you used it", after="A1")
def max_pool_forward(max_pool_forward: Any, *, seed: int = 0) -> Iterator[str]:
    """The largest entry of each window; padding never wins."""
    cases = [*chain(*poolings(seed)), Pooling.of(WIDE_BORDER, seed)]
    cases += _unusual(cases[-1])
    asked = [(case.x, *case.geometry) for case in cases]
    asked.append((cases[0].x.astype(np.float32), *cases[0].geometry))
    seen = ask(calls, "max_pool_forward", max_pool_forward, asked, ("x",), advice=advice)
    for i, case in enumerate([*cases, cases[0]]):
        y = _forward(seen[str(i)], case)
        wrong = partial(_forward_hypotheses, case, y)
        expected, shape = oracle.max_pool(case.x, *case.geometry), hypotheses.output_shape(case)
        verify(y, expected, f"y for {case.label}", wrong, shape=shape)
        yield case.label
    yield "float32; x unchanged"


def _unusual(case: Pooling) -> list[Pooling]:
    """The case with zeros in the first channel, as a ReLU leaves them, and with pixels that are smaller by far."""
    zeros = case.x.copy()
    zeros[:, 0] = 0.0
    return [replace(case, x=zeros), replace(case, x=1e10 * case.x)]


def _forward_hypotheses(case: Pooling, got: np.ndarray) -> list[Hypothesis]:
    """Borders that take away zeros or win over small pixels, before the usual mistakes."""
    found = hypotheses.forward(case, "max")
    if (case.x == 0).any():
        found[:0] = [
            Hypothesis(
                "zeros-never-win",
                oracle.max_pool(np.where(case.x == 0, -np.inf, case.x), *case.geometry),
                "Pixels of the image that are 0 never win: are zeros replaced by −∞ after padding? Images have zeros, "
                "too, as behind a ReLU: pad with −∞ (`constant_values=-np.inf`).",
            )
        ]
    right = oracle.max_pool(case.x, *case.geometry)
    value = float(got.max(where=got != right, initial=-np.inf)) if got.shape == right.shape else -np.inf
    if right.min() < value < 0:
        found[:0] = [
            Hypothesis(
                "padding-value",
                lambda: oracle.windows(case.x, *case.geometry, value).max(axis=(4, 5)),
                f"The padding is filled with {value:.4g}, which wins over smaller pixels; it should be −∞, which "
                "never wins.",
            )
        ]
    return found


@check("Max pooling, backward", "D1", builds_on="`max_pool_forward`, which chooses the winners", after="A1 D1")
def max_pool_backward(max_pool_backward: Any, max_pool_forward: Any, *, seed: int = 0) -> Iterator[str]:
    """Each window's gradient goes to one entry, its maximum; overlaps add up; of ties one wins."""
    plain, tied = ([pair[i] for pair in poolings(seed)] for i in (0, 1))
    cases = [*plain, *tied]
    asked = [(case.x, case.x[::-1, ::-1, ::-1, ::-1].copy(), case.dy, *case.geometry) for case in cases]
    seen = ask(probes.max_pools, max_pool_backward, max_pool_forward, asked, advice=advice)
    for i, case in enumerate(cases):
        noted = seen.part(i)
        value = noted["forward"]
        _forward(value, case)
        if isinstance(value[1], int | np.integer):
            raise Mistake(
                "winner-one-number",
                f"max_pool_forward returns one number, {value[1]}, as the winner. Every window has its own: take "
                "argmax along the axis of the window's entries.",
            )
        got = noted.array("dx", "the result of max_pool_backward")
        _verify_gradient(got, case, ties=i >= len(plain))
        later = noted.array("dx later", "the result of max_pool_backward")
        if i < len(plain) and not close(got, later):  # of ties any one may win, another one each time
            raise Mistake(
                "winner-remembered",
                "max_pool_backward gives something else once max_pool_forward has run again: it uses the winners of "
                "the last call, not the ones that it is given. A network calls forward for all layers before the "
                "backward pass begins; put all that is needed into `winner`.",
            )
        if i < len(plain):
            yield case.label
    more = [_many_entries(seed), _nearly_equal(seed)]
    seen = ask(
        probes.max_pools, max_pool_backward, max_pool_forward, [(c.x, c.x, c.dy, *c.geometry) for c in more],
        advice=advice,
    )  # fmt: skip
    for i, (case, wrong) in enumerate(zip(more, (_in_bytes, _in_float32), strict=True)):
        y = _forward(seen.part(i)["forward"], case)
        got = seen.part(i).array("dx", "the result of max_pool_backward")
        rounded = oracle.max_pool(case.x.astype(np.float32).astype(np.float64), *case.geometry)
        if i and np.array_equal(y, rounded):
            continue  # all of it in float32, where these pixels are equal
        right = oracle.max_pool_backward(case.x, case.dy, *case.geometry)
        verify(got, right, f"dx for {case.label}", partial(wrong, case, got))
    yield "of several equal maxima one gets the whole gradient"


def _many_entries(seed: int) -> Pooling:
    """A window of more than 256 entries, and one pixel that wins in all windows, behind the first 256."""
    case = Pooling.of((1, 1, 19, 21, 17, 18, 1, 2, 0, 0), seed)
    case.x[0, 0, 16, 17] = -0.25
    return case


def _in_bytes(case: Pooling, got: np.ndarray) -> list[Hypothesis]:
    """The winner's number, counted row by row or column by column in the window, or in the image, is kept in a byte."""
    (r, s), wide = case.window, case.x.shape[3]
    row, column = divmod(int(case.x.argmax()), wide)
    places = np.indices(case.dy.shape[2:]).reshape(2, -1).T * case.stride
    found = []
    for decoded in (
        lambda i, j: divmod((i * s + j) % 256, s),
        lambda i, j: divmod((j * r + i) % 256, r)[::-1],
    ):
        dx = np.zeros(case.x.shape)
        for (p, q), dy in zip(places, case.dy.ravel(), strict=True):
            i, j = decoded(row - p, column - q)
            dx[0, 0, p + i, q + j] += dy
        found.append(dx)
    flat = np.zeros(case.x.size)
    flat[case.x.argmax() % 256] = case.dy.sum()
    return [
        Hypothesis(
            "integer-overflow",
            dx,
            "The winners of max_pool_forward are kept in integers of 8 bits, which begin again at 256: where a window, "
            "or an image, has more pixels, the gradient goes to another one. Leave the dtype of `argmax` as it is.",
        )
        for dx in (*found, flat.reshape(case.x.shape))
    ]


def _nearly_equal(seed: int) -> Pooling:
    """Pixels that differ in the ninth digit only."""
    case = Pooling.of((2, 3, 9, 10, 3, 4, 2, 3, 0, 0), seed)
    order = np.random.default_rng([seed, 14]).permutation(case.x.size).reshape(case.x.shape)
    return replace(case, x=-1 - 1e-10 * order)


def _in_float32(case: Pooling, got: np.ndarray) -> list[Hypothesis]:
    equal = replace(case, x=case.x.astype(np.float32).astype(np.float64))
    told = hypotheses.one_winner_each(got, equal)
    return [
        Hypothesis(
            "computed-in-float32",
            got if told else NOTHING,
            "Pixels that differ in the ninth digit are taken for equal, so that the gradient goes to one that is not "
            "the maximum: the winners are looked for in a float32 copy, or with a tolerance (`isclose`). Look for them "
            "in the images as they are given, with `argmax` or `==`.",
        )
    ]


def _verify_gradient(got: np.ndarray, case: Pooling, ties: bool) -> None:
    """The gradient of max pooling. ties: any one of several largest entries may win."""
    first, last = (oracle.max_pool_backward(case.x, case.dy, *case.geometry, last=last) for last in (False, True))
    if ties and (close(got, last) or hypotheses.one_winner_each(got, case)):
        return
    what = f"dx for windows with several equal maxima ({case.label})" if ties else f"dx for {case.label}"
    verify(got, first, what, partial(hypotheses.max_backward, case, first, ties))


@check("Average pooling", "D2", builds_on="`output_size`, if you used it", after="A1")
def average_pool(average_pool_forward: Any, average_pool_backward: Any, *, seed: int = 0) -> Iterator[str]:
    """The mean over all R · S entries, and its gradient in equal parts."""
    cases = [*(case for case, _ in poolings(seed)), Pooling.of(WIDE_BORDER, seed)]
    asked = [(case.x, case.dy, *case.geometry) for case in cases]
    seen = ask(probes.average_pools, average_pool_forward, average_pool_backward, asked, advice=advice)
    for i, case in enumerate(cases):
        y = seen.part(i).array("y", "the result of average_pool_forward")
        right, shape = oracle.average_pool(case.x, *case.geometry), hypotheses.output_shape(case)
        verify(y, right, f"y for {case.label}", partial(hypotheses.forward, case, "mean"), shape=shape)
        dx = seen.part(i).array("dx", "the result of average_pool_backward")
        expected = oracle.average_pool_backward(case.dy, case.x.shape, *case.geometry)
        verify(dx, expected, f"dx for {case.label}", partial(hypotheses.average_backward, case, expected))
        yield case.label
