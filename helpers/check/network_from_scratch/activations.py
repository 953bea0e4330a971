"""Checks of the student's `Sigmoid` and `Softmax`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core import oracle
from helpers.check.core.calls import Later, array, call, in_turn, like, torch_kind
from helpers.check.core.compare import Hypothesis, unchanged, verify
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.reach import Method
from helpers.check.core.report import Mistake, check

NAMES = {"forward": ("x", "the output"), "backward": ("grad_output", "the gradient with respect to the input, which backward returns,")}
"""What each is given, and what it returns."""


class _Layer:
    """A student's layer without parameters, fed numpy, or torch where its code is written for torch alone."""

    def __init__(self, cls: Any, name: str):
        self.cls, self.name, self.kind = cls, name, np.empty(0)
        self.layer = call(cls, what=f"{name}()")

    def run(self, *passes: tuple[str, np.ndarray]) -> Iterator[np.ndarray]:
        """("forward", x) or ("backward", grad_output) each: what they return, one after the other, each when it is asked for."""
        results = self._results(self.kind, passes)
        for i, (name, values) in enumerate(passes):
            try:
                given, out = next(results)
            except Mistake as mistake:
                if mistake.name != "raises" or not mistake.of_torch or torch_kind() is None or type(self.kind) is not np.ndarray:
                    raise
                results = self._results(torch_kind(), passes[i:])
                try:
                    given, out = next(results)
                except Mistake:
                    raise mistake from None
                self.kind = torch_kind()
            given_as, returned = NAMES[name]
            unchanged(values, array(given, given_as), given_as, f"{self.name}.{name}")
            yield array(out, returned)

    def _results(self, kind: Any, passes: Sequence[tuple[str, np.ndarray]]) -> Iterator[tuple[Any, Any]]:
        """What each is given, and what it returns."""
        calls = [Later(Method(self.layer, name, self.name), [like(kind, values)], f"{self.name}.{name}") for name, values in passes]
        return ((one.args[0], out) for one, out in zip(calls, in_turn(calls), strict=True))


def _weighted(f: Callable[[np.ndarray], np.ndarray], g: np.ndarray, x: np.ndarray) -> float:
    """Σ f(x)·g, the scalar whose gradient is backward's result for grad_output g."""
    return float((f(x) * g).sum())


@check("Sigmoid.forward", "A2")
def sigmoid_forward(Sigmoid: Any, *, seed: int = 0) -> Iterator[str]:
    """1 / (1 + e^−x), elementwise, also at ±1000."""
    x = np.random.default_rng(seed).normal(0, 2, (4, 3))
    layer = _Layer(Sigmoid, "Sigmoid")
    hypotheses = [
        Hypothesis("sigmoid-sign", oracle.sigmoid(-x), "The sign in the exponent is wrong: this falls where the sigmoid rises. The exponent is −x."),
        Hypothesis("tanh-for-sigmoid", np.tanh(x), "This is tanh, which lies between −1 and 1. The sigmoid lies between 0 and 1."),
        Hypothesis("relu-for-sigmoid", np.maximum(x, 0), "This is ReLU, not the sigmoid."),
        Hypothesis("softmax-for-sigmoid", oracle.softmax(x), "This is softmax over the row. The sigmoid is elementwise."),
        Hypothesis("parentheses-missing", 1 + np.exp(-x), "This is 1 + e^−x: in `1 / 1 + exp(-x)` the division comes first. Put the denominator in parentheses."),
        Hypothesis("reciprocal-missing", 1 - np.exp(-x), "This is 1 − e^−x; the sigmoid is 1 divided by (1 + e^−x)."),
        Hypothesis("sigmoid-sign", 1 / (1 - np.exp(-x)), "The sign in the denominator is wrong: it is 1 + e^−x."),
        Hypothesis("softmax-for-sigmoid", np.exp(x) / np.exp(x).sum(), "This is a softmax over all entries. The sigmoid is elementwise."),
        Hypothesis("row-summed-first", np.broadcast_to(oracle.sigmoid(x.sum(axis=1, keepdims=True)), x.shape), "Each row is summed before the sigmoid, which is elementwise."),
        Hypothesis("fractions-lost", oracle.sigmoid(np.trunc(x)), "x is truncated to integers before the sigmoid (`int`)."),
        Hypothesis("threshold", (x > 0).astype(float), "This is the step function, 0 or 1. The sigmoid is smooth: 1 / (1 + e^−x)."),
        Hypothesis("sigmoid-base", 1 / (1 + 2.0**-x), "The base of the power is 2; the sigmoid has base e (`xp.exp`)."),
        Hypothesis("sigmoid-scale", oracle.sigmoid(2 * x), "This is the sigmoid of 2x. If you use tanh: σ(x) = (1 + tanh(x/2)) / 2."),
    ]
    extreme = np.array([[-1000.0, -40.0, 0.0, 40.0, 1000.0]])
    outputs = layer.run(("forward", x), ("forward", extreme), ("forward", extreme.astype(np.float32)))
    verify(next(outputs), oracle.sigmoid(x), "the output", hypotheses)
    yield "values for 4 × 3 numbers, x unchanged"
    found = next(outputs)
    if np.isnan(found).any():
        raise Mistake("sigmoid-overflow", "The output is NaN for x = ±1000: a large power overflows to inf, and inf/inf is NaN. Use the form 1 / (1 + e^−x).")
    if np.isfinite(found).all() and 1e-6 < float(found.reshape(-1)[0]) < 0.3:
        raise Mistake("input-clipped", f"For x = −1000 the output is {found.reshape(-1)[0]:.3g}: x is clipped before the sigmoid, so the sigmoid never comes near 0 and 1. No limit below about ±500 is needed.")
    verify(found, oracle.sigmoid(extreme), "the output for x = ±1000")
    verify(next(outputs), oracle.sigmoid(extreme), "the output for x = ±1000 in float32")
    yield "no overflow at ±1000"


@check("Sigmoid.backward", "A2")
def sigmoid_backward(Sigmoid: Any, *, seed: int = 0) -> Iterator[str]:
    """grad_output · σ(x)(1 − σ(x)) against finite differences; the latest forward counts."""
    rng = np.random.default_rng(seed)
    layer = _Layer(Sigmoid, "Sigmoid")
    cases = [(rng.normal(0, 1.5, (n, 5)), rng.normal(size=(n, 5))) for n in (4, 3)]
    results = layer.run(*(one for x, g in cases for one in (("forward", x), ("backward", g))))
    for x, g in cases:
        next(results)
        s = oracle.sigmoid(x)
        hypotheses = [
            Hypothesis("local-derivative-only", s * (1 - s), "backward returns only the sigmoid's own derivative. Multiply it by grad_output: that is the chain rule."),
            Hypothesis("derivative-of-input", g * x * (1 - x), "The derivative uses the input x where it needs the output σ(x). Keep the output in forward."),
            Hypothesis("sigmoid-twice", g * oracle.sigmoid(s) * (1 - oracle.sigmoid(s)), "The sigmoid is applied twice: what forward kept is already σ(x)."),
            Hypothesis("factor-missing", g * (1 - s), "One factor is missing: the derivative is σ(x) · (1 − σ(x)); here only (1 − σ(x)) is used."),
            Hypothesis("factor-missing", g * s, "One factor is missing: the derivative is σ(x) · (1 − σ(x)); here only σ(x) is used."),
            Hypothesis("derivative-of-gradient", oracle.sigmoid(g) * (1 - oracle.sigmoid(g)), "The sigmoid is applied to grad_output. Its derivative belongs to the x of forward: output · (1 − output)."),
            Hypothesis("derivative-of-gradient", g * (1 - g), "The derivative is computed from grad_output; compute it from forward's output: output · (1 − output)."),
            Hypothesis("derivative-of-gradient", g * g * (1 - g), "The derivative is computed from grad_output; compute it from forward's output: output · (1 − output)."),
            Hypothesis("parentheses-missing", g * s * 1 - s, "This is g·s·1 − s: the parentheses around (1 − output) are missing."),
            Hypothesis("added-for-multiplied", g + s * (1 - s), "The derivative is added to grad_output; the chain rule multiplies."),
            Hypothesis("derivative-squared", g * (s * (1 - s)) ** 2, "The derivative is multiplied in twice."),
            Hypothesis("derivative-constant", g * 0.25, "1/4 is the sigmoid's derivative at 0 only; elsewhere it is output · (1 − output)."),
            Hypothesis("derivative-of-gradient", s * g * (1 - g), "1 − grad_output is used where 1 − output is needed: output · (1 − output)."),
            Hypothesis("derivative-constant", g * (s * (1 - s)).mean(axis=0), "The derivative is averaged over the batch; each entry has its own."),
            Hypothesis("diagonal-only", g * s * (1 - s) * np.eye(*g.shape), "Only the entries on the diagonal are computed. The sigmoid is elementwise: no loop is needed, and if there is one, it goes over rows and columns."),
            Hypothesis("derivative-constant", g * (s * (1 - s)).mean(), "The derivative is averaged over all entries; each entry has its own."),
            Hypothesis("tanh-derivative", g * (1 - s * s), "1 − output² is the derivative of tanh. For the sigmoid it is output · (1 − output)."),
            Hypothesis("returns-grad-output", g, "backward returns grad_output unchanged. Multiply it by the sigmoid's derivative."),
        ]
        numerical = partial(numerical_gradient, partial(_weighted, oracle.sigmoid, g), x)
        verify(next(results), g * s * (1 - s), "the returned gradient", hypotheses, {"batch size": len(x)}, numerical)
    yield "gradient agrees with finite differences, twice in a row; grad_output unchanged"


@check("Softmax.forward", "A3")
def softmax_forward(Softmax: Any, *, seed: int = 0) -> Iterator[str]:
    """Rows of probabilities, also for logits of ±1000 and rows far apart."""
    x = np.random.default_rng(seed).normal(0, 2, (4, 3))
    layer = _Layer(Softmax, "Softmax")
    e, shifted = np.exp(x), np.exp(x - x.max(axis=1, keepdims=True))
    over_batch = "The columns add up to 1, not the rows: the sum runs over the batch. Each example (row) has its own probabilities: sum over the last axis."
    over_all = "The whole batch adds up to 1. Each row should: sum over the last axis and keep it (`keepdims=True`)."
    hypotheses = [
        Hypothesis("softmax-over-batch", shifted / shifted.sum(axis=0), over_batch),
        Hypothesis("softmax-over-everything", shifted / shifted.sum(), over_all),
        Hypothesis("max-over-batch", oracle.softmax(x - x.max(axis=0)), "The maximum of each column is subtracted, which changes the result. Subtract the maximum of each row (`axis=1, keepdims=True`)."),
        Hypothesis("softmax-over-batch", e / e.sum(axis=0), over_batch),
        Hypothesis("softmax-over-everything", e / e.sum(), over_all),
        Hypothesis("shift-in-one-place", shifted / e.sum(axis=1, keepdims=True), "The maximum is subtracted in the numerator and not in the denominator (or the other way round). Use the same exponentials in both."),
        Hypothesis("shift-in-one-place", e / shifted.sum(axis=1, keepdims=True), "The maximum is subtracted in the denominator and not in the numerator. Use the same exponentials in both."),
        Hypothesis("sum-of-one-row", shifted / shifted[-1].sum(), "All rows are divided by the sum of the last row. Each row has its own sum."),
        Hypothesis("sum-of-one-row", shifted / shifted[0].sum(), "All rows are divided by the sum of the first row. Each row has its own sum."),
        Hypothesis("sigmoid-for-softmax", oracle.sigmoid(x) / oracle.sigmoid(x).sum(axis=1, keepdims=True), "These are sigmoids divided by their sum; the softmax uses exponentials, e^x."),
        Hypothesis("softmax-base", 2.0**x / (2.0**x).sum(axis=1, keepdims=True), "The base of the power is 2; the softmax has base e (`xp.exp`)."),
        Hypothesis("argmax-for-softmax", oracle.one_hot(x.argmax(axis=1), 3), "This is 1 at the largest logit and 0 elsewhere. The softmax is smooth, or nothing could be learned."),
        *(Hypothesis("temperature", oracle.softmax(x / t), f"The logits are divided by {t:g} first. The softmax has no such temperature.") for t in (2.0, 0.5, 10.0, 3.0, float(np.sqrt(3)), float(np.abs(x).max()))),
        Hypothesis("divided-for-subtracted", oracle.softmax(x / x.max(axis=1, keepdims=True)), "Each row is divided by its maximum; subtract it."),
        Hypothesis("softmax-l2-norm", e / np.sqrt((e * e).sum(axis=1, keepdims=True)), "The exponentials are divided by their Euclidean norm, so the rows don't add up to 1. Divide by their sum."),
        Hypothesis("softmax-without-exp", x / x.sum(axis=1, keepdims=True), "The exponential is missing: x is only divided by its sum."),
        Hypothesis("sigmoid-for-softmax", oracle.sigmoid(x), "This is the sigmoid of each entry; the rows don't add up to 1."),
        Hypothesis("log-softmax", np.log(oracle.softmax(x)), "This is the logarithm of the softmax. Return the probabilities."),
        Hypothesis("softmax-not-normalised", e, "The exponentials are not divided by their sum."),
        Hypothesis("softmax-not-normalised", shifted, "The exponentials are not divided by their sum."),
        Hypothesis("softmin", oracle.softmax(-x), "The largest logit gets the smallest probability: there is a minus too many in the exponent."),
    ]
    big = np.array([[1000.0, 1001.0, 999.0], [-1000.0, -1001.0, -1002.0]])
    wide = np.array([[-1000.0, 0.0, 1000.0]])
    outputs = layer.run(*(("forward", logits) for logits in (x, big[:1], big[1:], big, wide, big.astype(np.float32))))
    verify(next(outputs), oracle.softmax(x), "the output", hypotheses)
    yield "values for 4 × 3 logits, rows add up to 1, x unchanged"
    for rows, one_row in ((big[:1], True), (big[1:], True), (big, False)):
        found = next(outputs)
        if np.isnan(found).any() or np.isinf(found).any() or not np.allclose(found.sum(axis=1), 1, atol=1e-3):
            if one_row:
                raise Mistake("no-max-shift", "Logits of ±1000 give inf or 0/0, that is NaN. Subtract each row's maximum before the exponential: the result is the same and nothing overflows.")
            raise Mistake("global-max-shift", "A row far below the others becomes 0/0: the maximum of the whole batch is subtracted. Subtract each row's own maximum (`axis=1, keepdims=True`).")
        if np.allclose(found, 1 / 3, atol=1e-3):
            raise Mistake("input-clipped", "Logits near ±1000 all get the same probability: they are clipped before the exponential. Subtract each row's maximum instead; then nothing overflows.")
        verify(found, oracle.softmax(rows), "the output for logits of ±1000")
    found = next(outputs)
    if not np.isfinite(found).all():
        raise Mistake("no-max-shift", "Logits of −1000, 0 and 1000 in one row give inf or NaN: something other than the row's maximum is subtracted (its mean or minimum?), and the largest power overflows.")
    verify(found, oracle.softmax(wide), "the output for logits of −1000, 0 and 1000")
    verify(next(outputs), oracle.softmax(big), "the output for logits of ±1000 in float32")
    yield "logits of ±1000, in one batch and in one row, too"


def _last_term(p: np.ndarray, g: np.ndarray) -> np.ndarray:
    """g_i p_i (δ_ij − p_j) for the last i alone."""
    delta = np.eye(p.shape[1])[-1]
    return g[:, -1:] * p[:, -1:] * (delta - p)


@check("Softmax.backward", "A3")
def softmax_backward(Softmax: Any, *, seed: int = 0) -> Iterator[str]:
    """p · (g − Σ g p) for each row against finite differences."""
    rng = np.random.default_rng(seed)
    layer = _Layer(Softmax, "Softmax")
    cases = [(rng.normal(size=(n, 3)), rng.normal(size=(n, 3))) for n in (4, 5)]
    results = layer.run(*(one for x, g in cases for one in (("forward", x), ("backward", g))))
    for x, g in cases:
        n = len(x)
        next(results)
        p = oracle.softmax(x)
        inner = (g * p).sum(axis=1, keepdims=True)
        hypotheses = [
            Hypothesis("returns-grad-output", g, "backward returns grad_output unchanged. That is right only for the fused gradient of softmax and cross-entropy, which is an exercise of its own."),
            Hypothesis("diagonal-only", g * p * (1 - p), "This is p(1 − p) times grad_output: only the diagonal of the Jacobian. Each probability depends on all logits of its row."),
            Hypothesis("local-derivative-only", p * (1 - p), "backward returns p(1 − p) and forgets grad_output and the other logits of the row."),
            Hypothesis("inner-sum-over-batch", p * (g - (g * p).sum(axis=0, keepdims=True)), "Σ g·p runs over the batch. It belongs to one example: sum over the last axis."),
            Hypothesis("inner-sum-over-batch", p * (g - (g * p).sum()), "Σ g·p runs over the whole batch. It belongs to one example: sum over the last axis."),
            Hypothesis("factor-missing", g - inner, "The factor p in front is missing: p · (g − Σ g·p)."),
            Hypothesis("inner-sum-missing", g * p, "Σ g·p is not subtracted: raising one logit lowers the probabilities of all the others."),
            Hypothesis("inner-sum-without-p", p * (g - g.sum(axis=1, keepdims=True)), "Σ g is subtracted where Σ g·p is needed: weight each gradient by its probability."),
            Hypothesis("stale-logits", x * (g - (g * x).sum(axis=1, keepdims=True)), "The formula is right and p is not: forward stored the logits. Store the probabilities."),
            Hypothesis("inner-sum-added", p * (g + inner), "Σ g·p is added; it is subtracted: p · (g − Σ g·p)."),
            Hypothesis("inner-mean", p * (g - (g * p).mean(axis=1, keepdims=True)), "Σ g·p is a mean here; it is a sum over the classes."),
            Hypothesis("parentheses-missing", p * g - inner, "This is p·g − Σ g·p: the parentheses are missing. p multiplies both terms."),
            Hypothesis("fused-gradient", p - g, "This is p − g, the fused gradient of softmax and cross-entropy, with grad_output in place of the labels. Here grad_output is any gradient: p · (g − Σ g·p)."),
            Hypothesis("fused-gradient", (p - g) / n, "This is (p − g)/N, the fused gradient of softmax and cross-entropy, with grad_output in place of the labels. Here grad_output is any gradient: p · (g − Σ g·p)."),
            Hypothesis("diagonal-missing", -p * inner, "Only −p·Σ g·p is left: the diagonal of the Jacobian, p·g, is missing."),
            Hypothesis("diagonal-missing", -p * inner + p * p * g, "The diagonal of the Jacobian is left out: it holds p·(1 − p)."),
            Hypothesis("jacobian-sign", g * p * (1 - p) + p * (inner - g * p), "Off the diagonal the Jacobian is negative: ∂p_i/∂x_j = p_i(δ_ij − p_j), which is −p_i·p_j for i ≠ j."),
            Hypothesis("one-jacobian-for-the-batch", g @ (np.diag(p[0]) - np.outer(p[0], p[0])), "The Jacobian of the first row is used for all rows. Every row has its own."),
            Hypothesis("sum-not-accumulated", _last_term(p, g), "The inner sum is overwritten in each iteration of the loop; add it up (`+=`)."),
            Hypothesis("one-jacobian-for-the-batch", g @ (np.diag(p.sum(axis=0)) - p.T @ p), "One Jacobian is made for the whole batch, which mixes the examples. Every row has its own."),
        ]
        numerical = partial(numerical_gradient, partial(_weighted, oracle.softmax, g), x)
        verify(next(results), p * (g - inner), "the returned gradient", hypotheses, {"batch size": n, "number of classes": 3}, numerical)
    yield "gradient agrees with finite differences for two batches; grad_output unchanged"
