"""What can go wrong in a softmax over the last axis of logits (N, C)."""

from __future__ import annotations

import numpy as np

from helpers.check.core import oracle
from helpers.check.core.compare import Hypothesis


def forward(x: np.ndarray) -> list[Hypothesis]:
    """Of the probabilities."""
    e, shifted = np.exp(x), np.exp(x - x.max(axis=1, keepdims=True))
    over_batch = (
        "The columns add up to 1, not the rows: the sum runs over the batch. Each example (row) has its own "
        "probabilities: sum over the last axis."
    )
    over_all = "The whole batch adds up to 1. Each row should: sum over the last axis and keep it (`keepdims=True`)."
    return [
        Hypothesis("softmax-over-batch", shifted / shifted.sum(axis=0), over_batch),
        Hypothesis("softmax-over-everything", shifted / shifted.sum(), over_all),
        Hypothesis("max-over-batch", oracle.softmax(x - x.max(axis=0)), "The maximum of each column is subtracted, "
                   "which changes the result. Subtract the maximum of each row (`axis=1, keepdims=True`)."),
        Hypothesis("softmax-over-batch", e / e.sum(axis=0), over_batch),
        Hypothesis("softmax-over-everything", e / e.sum(), over_all),
        Hypothesis("shift-in-one-place", shifted / e.sum(axis=1, keepdims=True), "The maximum is subtracted in the "
                   "numerator and not in the denominator (or the other way round). Use the same exponentials in both."),
        Hypothesis("shift-in-one-place", e / shifted.sum(axis=1, keepdims=True), "The maximum is subtracted in the "
                   "denominator and not in the numerator. Use the same exponentials in both."),
        Hypothesis("sum-of-one-row", shifted / shifted[-1].sum(), "All rows are divided by the sum of the last row. "
                   "Each row has its own sum."),
        Hypothesis("sum-of-one-row", shifted / shifted[0].sum(), "All rows are divided by the sum of the first row. "
                   "Each row has its own sum."),
        Hypothesis("sigmoid-for-softmax", oracle.sigmoid(x) / oracle.sigmoid(x).sum(axis=1, keepdims=True),
                   "These are sigmoids divided by their sum; the softmax uses exponentials, e^x."),
        Hypothesis("softmax-base", 2.0**x / (2.0**x).sum(axis=1, keepdims=True), "The base of the power is 2; the "
                   "softmax has base e (`xp.exp`)."),
        Hypothesis("argmax-for-softmax", oracle.one_hot(x.argmax(axis=1), x.shape[1]),
                   "This is 1 at the largest logit and 0 elsewhere. "
                   "The softmax is smooth, or nothing could be learned."),
        *(Hypothesis("temperature", oracle.softmax(x / t),
                     f"The logits are divided by {t:g} first. The softmax takes them as they are.")
          for t in (2.0, 0.5, 10.0, 3.0, x.shape[1] ** 0.5, float(np.abs(x).max()))),
        Hypothesis("divided-for-subtracted", oracle.softmax(x / x.max(axis=1, keepdims=True)),
                   "Each row is divided by its maximum; subtract it."),
        Hypothesis("softmax-l2-norm", e / np.sqrt((e * e).sum(axis=1, keepdims=True)),
                   "The exponentials are divided by the root of the sum of their squares, "
                   "so the rows don't add up to 1. Divide by their sum."),
        Hypothesis("softmax-without-exp", x / x.sum(axis=1, keepdims=True), "The exponential is missing: x is only "
                   "divided by its sum."),
        Hypothesis("sigmoid-for-softmax", oracle.sigmoid(x), "This is the sigmoid of each entry; the rows don't add "
                   "up to 1."),
        Hypothesis("log-softmax", np.log(oracle.softmax(x)), "This is the logarithm of the softmax. Return the "
                   "probabilities."),
        Hypothesis("softmax-not-normalised", e, "The exponentials are not divided by their sum."),
        Hypothesis("softmax-not-normalised", shifted, "The exponentials are not divided by their sum."),
        Hypothesis("softmin", oracle.softmax(-x), "The largest logit gets the smallest probability: there is a minus "
                   "too many in the exponent."),
    ]


def backward(x: np.ndarray, g: np.ndarray) -> list[Hypothesis]:
    """Of the gradient that backward returns, of logits x and grad_output g."""
    p, n = oracle.softmax(x), len(x)
    inner = (g * p).sum(axis=1, keepdims=True)
    return [
        Hypothesis("returns-grad-output", g, "backward returns grad_output unchanged. That is right only where "
                   "softmax and cross-entropy are taken together, which is an exercise of its own."),
        Hypothesis("diagonal-only", g * p * (1 - p), "This is p(1 − p) times grad_output: only what a logit "
                   "does to its own probability. Each probability depends on all logits of its row."),
        Hypothesis("local-derivative-only", p * (1 - p), "backward returns p(1 − p) and forgets grad_output and the "
                   "other logits of the row."),
        Hypothesis("inner-sum-over-batch", p * (g - (g * p).sum(axis=0, keepdims=True)), "Σ g·p runs over the batch. "
                   "It belongs to one example: sum over the last axis."),
        Hypothesis("inner-sum-over-batch", p * (g - (g * p).sum()), "Σ g·p runs over the whole batch. It belongs to "
                   "one example: sum over the last axis."),
        Hypothesis("factor-missing", g - inner, "The factor p in front is missing: p · (g − Σ g·p)."),
        Hypothesis("inner-sum-missing", g * p, "Σ g·p is not subtracted: raising one logit lowers the probabilities "
                   "of all the others."),
        Hypothesis("inner-sum-without-p", p * (g - g.sum(axis=1, keepdims=True)), "Σ g is subtracted where Σ g·p is "
                   "needed: weight each gradient by its probability."),
        Hypothesis("stale-logits", x * (g - (g * x).sum(axis=1, keepdims=True)), "The formula is right and p is not: "
                   "forward stored the logits. Store the probabilities."),
        Hypothesis("inner-sum-added", p * (g + inner), "Σ g·p is added; it is subtracted: p · (g − Σ g·p)."),
        Hypothesis("inner-mean", p * (g - (g * p).mean(axis=1, keepdims=True)), "Σ g·p is a mean here; it is a sum "
                   "over the classes."),
        Hypothesis("parentheses-missing", p * g - inner, "This is p·g − Σ g·p: the parentheses are missing. p "
                   "multiplies both terms."),
        Hypothesis("fused-gradient", p - g, "This is p − g, the gradient of softmax and cross-entropy together, "
                   "with grad_output in place of the labels. Here grad_output is any gradient: p · (g − Σ g·p)."),
        Hypothesis("fused-gradient", (p - g) / n, "This is (p − g)/N, the gradient of softmax and "
                   "cross-entropy together, with grad_output in place of the labels. Here grad_output is any "
                   "gradient: p · (g − Σ g·p)."),
        Hypothesis("diagonal-missing", -p * inner, "Only −p·Σ g·p is left; p·g is missing: p · (g − Σ g·p)."),
        Hypothesis("diagonal-missing", -p * inner + p * p * g, "What a logit does to its own probability is left "
                   "out: that derivative is p·(1 − p)."),
        Hypothesis("jacobian-sign", g * p * (1 - p) + p * (inner - g * p), "What a logit does to "
                   "the other probabilities is negative: the derivative of p_i by x_j is −p_i·p_j for i ≠ j."),
        Hypothesis("one-jacobian-for-the-batch", g @ (np.diag(p[0]) - np.outer(p[0], p[0])),
                   "The matrix of derivatives of the first row is used for all rows. Every row has its own."),
        Hypothesis("sum-not-accumulated", _last_term(p, g), "The inner sum is overwritten in each iteration of the "
                   "loop; add it up (`+=`)."),
        Hypothesis("one-jacobian-for-the-batch", g @ (np.diag(p.sum(axis=0)) - p.T @ p),
                   "One matrix of derivatives is made for the whole batch, which mixes the examples. Every row "
                   "has its own."),
    ]


def _last_term(p: np.ndarray, g: np.ndarray) -> np.ndarray:
    """g_i p_i (δ_ij − p_j) for the last i alone."""
    delta = np.eye(p.shape[1])[-1]
    return g[:, -1:] * p[:, -1:] * (delta - p)
