"""Checks of the student's cross-entropy and its gradient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core import oracle
from helpers.check.core.calls import array, call_each, like, number, torch_kind
from helpers.check.core.compare import Hypothesis, unchanged, verify
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.report import Mistake, check

N, CLASSES = 5, 3


def _case(seed: int, n: int = N) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, n])
    logits = rng.normal(size=(n, CLASSES))
    return logits, oracle.softmax(logits), rng.permutation(np.arange(n) % CLASSES)


def _loss_of_logits(labels: np.ndarray, logits: np.ndarray) -> float:
    return oracle.cross_entropy(oracle.softmax(logits), labels)


def _run(function: Any, cases: Sequence[tuple[np.ndarray, np.ndarray]], what: str) -> Iterator[Any]:
    """What the function returns for (p, labels) each, when it is asked for; with numpy, or torch where the student's code is for torch alone."""
    results = _results(np.empty(0), function, cases, what)
    for i, (p, labels) in enumerate(cases):
        try:
            given, given_labels, out = next(results)
        except Mistake as mistake:
            if mistake.name != "raises" or not mistake.of_torch or torch_kind() is None:
                raise
            given, given_labels, out = next(_results(torch_kind(), function, cases[i : i + 1], what))
            results = _results(np.empty(0), function, cases[i + 1 :], what)
        unchanged(p, array(given, "probabilities"), "probabilities", what)
        unchanged(labels.astype(float), array(given_labels, "labels"), "labels", what)
        yield out


def _results(kind: Any, function: Any, cases: Sequence[tuple[np.ndarray, np.ndarray]], what: str) -> Iterator[tuple[Any, Any, Any]]:
    """Both arguments in this kind of array, and what the function returns."""
    given = [(like(kind, p), like(kind, labels)) for p, labels in cases]
    return ((*both, out) for both, out in zip(given, call_each(function, given, what=what), strict=True))


@check("cross_entropy", "A4")
def cross_entropy(function: Any, *, seed: int = 0) -> Iterator[str]:
    """Mean over the batch of −log p[label]; finite where p is 0."""
    what = "cross_entropy"
    _, p, labels = _case(seed)
    y, rows = oracle.one_hot(labels, CLASSES), np.arange(N)
    right = p[rows, labels]
    expected = np.asarray(oracle.cross_entropy(p, labels))
    certain = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    single, wrong = certain.astype(np.float32), np.array([1, 1])
    _, other, other_labels = _case(seed + 1, 7)
    results = _run(function, [(p, labels), (certain, wrong), (single, wrong), (other, other_labels)], what)
    got = array(next(results), "the loss")
    if got.shape == (N,):
        raise Mistake("not-averaged", "The result has one loss for each example. The loss is one number: their mean over the batch.")
    got = got.reshape(()) if got.size == 1 else got
    binary = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    hypotheses = [
        Hypothesis("loss-summed", np.asarray(N * expected), "The loss is summed over the batch. Take the mean, so that it does not depend on the batch size."),
        Hypothesis("binary-cross-entropy", np.asarray(binary.sum() / N), "This is the binary cross-entropy of each output, with (1 − y)·log(1 − p). After a softmax only the true class counts: −log p[label]."),
        Hypothesis("binary-cross-entropy", np.asarray(binary.mean()), "This is the binary cross-entropy of each output, averaged over all entries. After a softmax only the true class counts: −log p[label]."),
        Hypothesis("averaged-over-classes", expected / CLASSES, "The mean runs over all N × C entries, so the loss is smaller by the number of classes. Average over the N examples only."),
        Hypothesis("loss-sign", -expected, "The loss is negative: the minus in front of the logarithm is missing."),
        Hypothesis("log-base-2", expected / np.log(2), "The logarithm has base 2. Use the natural one, whose derivative is 1/p."),
        Hypothesis("log-base-10", expected / np.log(10), "The logarithm has base 10. Use the natural one, whose derivative is 1/p."),
        Hypothesis("log-missing", np.asarray((1 - right).mean()), "This is 1 − p of the true class, without a logarithm."),
        Hypothesis("log-missing", np.asarray(-right.mean()), "This is −p of the true class, without a logarithm."),
        Hypothesis("softmax-twice", np.asarray(oracle.cross_entropy(oracle.softmax(p), labels)), "A softmax is applied to the probabilities once more. They are probabilities already."),
        Hypothesis("all-classes", np.asarray(-np.log(p).sum(axis=1).mean()), "The logarithms of all classes are added up. Only the probability of the true class counts."),
        Hypothesis("all-classes", np.asarray(-np.log(p).mean()), "The logarithms of all classes are averaged. Only the probability of the true class counts."),
        Hypothesis("log-of-mean", np.asarray(-np.log(right.mean())), "This is the logarithm of the mean; take the mean of the logarithms."),
        Hypothesis("all-pairs", np.asarray(-np.log(p[:, labels]).mean()), "`p[:, labels]` takes a column for each label from every row, N × N numbers. Pair each row with its own label: `p[arange(N), labels]`."),
        Hypothesis("labels-ignored", np.asarray(-np.log(p[:, 0]).mean()), "This takes the first class of every row, whatever the label says. Take p[n, label]."),
        Hypothesis("label-off-by-one", np.asarray(-np.log(p[rows, labels - 1]).mean()), "The labels are shifted by one: classes count from 0, as indices do."),
        Hypothesis("entropy-term", np.asarray(-(right * np.log(right)).mean()), "The logarithm is weighted by p itself (p·log p). The true class counts with weight 1: −log p[label]."),
        Hypothesis("one-minus-p", np.asarray(-np.log(1 - right).mean()), "This is −log(1 − p) of the true class: small where the network is wrong. Take −log p."),
        Hypothesis("one-plus-p", np.asarray(-np.log1p(right).mean()), "`log1p` is log(1 + p); take log(p)."),
        Hypothesis("first-example-only", np.asarray(-np.log(right[0])), "Only the first example counts. Is there a `return` inside the loop?"),
        Hypothesis("first-example-only", np.asarray(-np.log(right[0]) / N), "Only the first example counts. Is there a `return` inside the loop?"),
        Hypothesis("last-example-only", np.asarray(-np.log(right[-1])), "Only the last example counts. Add the losses up (`+=`)."),
        Hypothesis("last-example-only", np.asarray(-np.log(right[-1]) / N), "Only the last example counts, divided by N. Add the losses up (`+=`)."),
        Hypothesis("first-example-missing", np.asarray(-np.log(right[1:]).sum() / N), "The first example is left out: counting starts at 0."),
        Hypothesis("index-swapped", np.asarray(-np.log(p[labels, 0]).mean()), "The labels are used as rows; they are columns: p[n, label]."),
        *(Hypothesis("clamp-too-large", np.asarray(-np.log(right + eps).mean()), f"{eps:g} is added inside the logarithm, which changes every loss. Something like 1e-12 keeps it finite and changes nothing else.") for eps in (0.1, 1e-2, 1e-3)),
        Hypothesis("last-example-missing", np.asarray(-np.log(right[:-1]).sum() / N), "The last example is left out: `range(n)` ends at n − 1 already."),
        Hypothesis("median-for-mean", np.asarray(np.median(-np.log(right))), "This is the median of the losses; take their mean."),
        Hypothesis("error-rate", np.asarray((p.argmax(axis=1) != labels).mean()), "This is the share of wrong answers, which has no useful gradient. Take −log p[label]."),
        Hypothesis("divided-by-classes", np.asarray(N * expected / CLASSES), "The sum is divided by the number of classes; divide by the number of examples."),
        Hypothesis("prediction-for-label", np.asarray(-np.log(p.max(axis=1)).mean()), "This takes the largest probability of each row, whatever the label says. Take the probability of the true class, p[n, label]."),
        Hypothesis("entropy-of-p", np.asarray(-(p * np.log(p)).sum(axis=1).mean()), "This is the entropy of p and does not use the labels."),
        Hypothesis("squared-error", np.asarray(((p - y) ** 2).sum(axis=1).mean()), "This is a squared error, not the cross-entropy."),
    ]
    verify(got, expected, "the loss", hypotheses, {"batch size": N, "number of classes": CLASSES})
    yield "value for 5 examples, inputs unchanged"
    loss = number(next(results), "the loss")
    if not np.isfinite(loss):
        raise Mistake("log-of-zero", f"Where the true class has probability 0 the loss is {loss}: log(0). Clip the probability from below inside the logarithm, at 1e-12 for example.")
    if loss < 1e-6:
        raise Mistake("zero-skipped", "A completely wrong answer costs nothing: where the probability is 0 the loss becomes 0. Clip the probability from below instead, at 1e-12 for example.")
    if loss < 5:
        raise Mistake("clamp-too-large", f"A completely wrong answer costs only {2 * loss:.2f}: the lower bound inside the logarithm is too large. 1e-12 keeps it finite and hardly changes anything else.")
    if not np.isfinite(number(next(results), "the loss")):
        raise Mistake("clamp-too-small", "In float32 the loss is infinite where the true class has probability 0: the lower bound is so small that float32 rounds it to 0, or it vanishes beside 1. Use 1e-12.")
    yield "finite where the true class has probability 0, in float32, too"
    verify(np.asarray(number(next(results), "the loss")), np.asarray(oracle.cross_entropy(other, other_labels)), "the loss of another batch size", (), {"the first batch's size": N, "batch size": 7})
    yield "another batch size"


def _columns(labels: np.ndarray) -> np.ndarray:
    """1/N in each column that any label names, as `p[:, labels] -= 1` does."""
    n = len(labels)
    return np.broadcast_to(oracle.one_hot(labels, CLASSES).any(axis=0) / n, (n, CLASSES))


@check("cross_entropy_gradient", "A4")
def cross_entropy_gradient(function: Any, *, seed: int = 0) -> Iterator[str]:
    """(p − y) / N: the gradient of the mean loss with respect to the logits, against finite differences."""
    what = "cross_entropy_gradient"
    cases = [_case(seed, n) for n in (N, 7)]
    results = _run(function, [(p, labels) for _, p, labels in cases], what)
    for logits, p, labels in cases:
        n = len(p)
        y = oracle.one_hot(labels, CLASSES)
        expected = (p - y) / n
        unaveraged = f"The gradient is {n} times too large, and {n} is the batch size: this is p − y, the gradient of the summed loss. Ours is the gradient of the mean loss; see 'One convention'."
        hypotheses = [
            Hypothesis("gradient-not-averaged", p - y, unaveraged),
            Hypothesis("gradient-sign", -expected, "The gradient has the wrong sign (y − p): the loss would rise. The probability of the true class should rise when you step against the gradient."),
            Hypothesis("gradient-sign", y - p, "The gradient is y − p: the sign is wrong, and the division by the batch size is missing."),
            Hypothesis("gradient-divided-by-classes", (p - y) / CLASSES, "The gradient is divided by the number of classes instead of the batch size."),
            Hypothesis("gradient-divided-by-everything", (p - y) / (n * CLASSES), "The gradient is divided by N · C (the mean over all entries). The loss is a mean over the N examples only."),
            Hypothesis("gradient-averaged-twice", (p - y) / n**2, "The gradient is divided by the batch size twice."),
            Hypothesis("gradient-for-probabilities", -y / p / n, "This is the gradient with respect to the probabilities, −y/p. Here the softmax is included: the gradient with respect to the logits is asked for."),
            Hypothesis("gradient-for-probabilities", -y / p, "This is the gradient with respect to the probabilities, −y/p. Here the softmax is included: the gradient with respect to the logits is asked for."),
            Hypothesis("parentheses-missing", p - y / n, "Only y is divided by N: parentheses around (p − y) are missing."),
            Hypothesis("softmax-twice", (oracle.softmax(p) - y) / n, "A softmax is applied to the probabilities once more. They are probabilities already."),
            Hypothesis("prediction-for-label", (p - oracle.one_hot(p.argmax(axis=1), CLASSES)) / n, "The 1 is subtracted at the predicted class (argmax); subtract it at the label."),
            Hypothesis("label-off-by-one", (p - oracle.one_hot(labels - 1, CLASSES)) / n, "The labels are shifted by one: classes count from 0, as indices do."),
            Hypothesis("label-as-number", (p - labels[:, None]) / n, "The label itself is subtracted from all probabilities. It is the index of a column: subtract 1 there."),
            Hypothesis("assigned-for-subtracted", (p * (1 - y) - y) / n, "At the label the entry becomes −1; subtract 1 from it (`-=`)."),
            Hypothesis("fractions-lost", np.trunc(p) / n - y / n, "The probabilities are truncated to integers. Copy the array as it is."),
            Hypothesis("only-true-class", (p - y) * y / n, "All entries but the true class's are zero. The other classes have a gradient too: their own probability."),
            Hypothesis("one-subtracted-everywhere", p[:, :] / n - _columns(labels), "1 is subtracted in whole columns: `p[:, labels]` means every row. Pair each row with its own label: `p[arange(N), labels]`."),
            Hypothesis("derivative-again", (p - y) * p * (1 - p) / n, "p(1 − p) is multiplied in. p − y includes the softmax's derivative already."),
            Hypothesis("derivative-again", p * ((p - y) - ((p - y) * p).sum(axis=1, keepdims=True)) / n, "The softmax's derivative is applied once more. p − y includes it already."),
            Hypothesis("division-forgotten-elsewhere", p - y + (1 / n - 1) * y * (p - 1), "Only the entries of the true class are divided by N. Divide the whole array."),
            Hypothesis("labels-forgotten", p / n, "The labels are not subtracted: this is p/N."),
        ]
        numerical = partial(numerical_gradient, partial(_loss_of_logits, labels), logits)
        got = array(next(results), "the gradient")
        verify(got, expected, "the gradient", hypotheses, {"batch size": n, "number of classes": CLASSES}, numerical)
    yield "gradient of the mean loss for two batch sizes agrees with finite differences through the softmax; inputs unchanged"
