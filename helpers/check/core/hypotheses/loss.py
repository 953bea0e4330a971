"""What can go wrong in the cross-entropy of probabilities (N, C) and labels (N,), and in its gradient for the
logits."""

from __future__ import annotations

import numpy as np

from helpers.check.core import oracle
from helpers.check.core.compare import Hypothesis
from helpers.check.core.hypotheses.linear import _plus_any_multiple


def value(p: np.ndarray, labels: np.ndarray) -> list[Hypothesis]:
    """Of the mean loss."""
    n, classes = p.shape
    y, rows = oracle.one_hot(labels, classes), np.arange(n)
    right, expected = p[rows, labels], np.asarray(oracle.cross_entropy(p, labels))
    binary = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    return [
        Hypothesis("loss-summed", np.asarray(n * expected), "The loss is summed over the batch. Take the mean, so "
                   "that it does not depend on the batch size."),
        Hypothesis("binary-cross-entropy", np.asarray(binary.sum() / n), "This is the binary cross-entropy of each "
                   "output, with (1 − y)·log(1 − p). After a softmax only the true class counts: −log p[label]."),
        Hypothesis("binary-cross-entropy", np.asarray(binary.mean()), "This is the binary cross-entropy of each "
                   "output, averaged over all entries. After a softmax only the true class counts: −log p[label]."),
        Hypothesis("averaged-over-classes", expected / classes, "The mean runs over all N × C entries, so the loss is "
                   "smaller by the number of classes. Average over the N examples only."),
        Hypothesis("loss-sign", -expected, "The loss is negative: the minus in front of the logarithm is missing."),
        Hypothesis("log-base-2", expected / np.log(2), "The logarithm has base 2. Use the natural one, whose "
                   "derivative is 1/p."),
        Hypothesis("log-base-10", expected / np.log(10), "The logarithm has base 10. Use the natural one, whose "
                   "derivative is 1/p."),
        Hypothesis("log-missing", np.asarray((1 - right).mean()), "This is 1 − p of the true class, without a "
                   "logarithm."),
        Hypothesis("log-missing", np.asarray(-right.mean()), "This is −p of the true class, without a logarithm."),
        Hypothesis("softmax-twice", np.asarray(oracle.cross_entropy(oracle.softmax(p), labels)),
                   "A softmax is applied to the probabilities once more. They are probabilities already."),
        Hypothesis("all-classes", np.asarray(-np.log(p).sum(axis=1).mean()), "The logarithms of all classes are added "
                   "up. Only the probability of the true class counts."),
        Hypothesis("all-classes", np.asarray(-np.log(p).mean()), "The logarithms of all classes are averaged. Only "
                   "the probability of the true class counts."),
        Hypothesis("log-of-mean", np.asarray(-np.log(right.mean())), "This is the logarithm of the mean; take the "
                   "mean of the logarithms."),
        Hypothesis("all-pairs", np.asarray(-np.log(p[:, labels]).mean()), "`p[:, labels]` takes a column for each "
                   "label from every row, N × N numbers. Pair each row with its own label: `p[arange(N), labels]`."),
        Hypothesis("classes-from-labels", -np.log(p[rows, np.unique(labels, return_inverse=True)[1]]).mean(),
                   "The labels are numbered anew by those that occur in this batch (`np.unique`), so where a class is "
                   "missing they point to wrong columns. A label is the column: `probabilities[arange(N), labels]`."),
        Hypothesis("labels-ignored", np.asarray(-np.log(p[:, 0]).mean()), "This takes the first class of every row, "
                   "whatever the label says. Take p[n, label]."),
        Hypothesis("label-off-by-one", np.asarray(-np.log(p[rows, labels - 1]).mean()),
                   "The labels are shifted by one: classes count from 0, as indices do."),
        Hypothesis("entropy-term", np.asarray(-(right * np.log(right)).mean()),
                   "The logarithm is weighted by p itself (p·log p). "
                   "The true class counts with weight 1: −log p[label]."),
        Hypothesis("one-minus-p", np.asarray(-np.log(1 - right).mean()), "This is −log(1 − p) of the true class: "
                   "small where the network is wrong. Take −log p."),
        Hypothesis("one-plus-p", np.asarray(-np.log1p(right).mean()), "`log1p` is log(1 + p); take log(p)."),
        Hypothesis("first-example-only", np.asarray(-np.log(right[0])), "Only the first example counts. Is there a "
                   "`return` inside the loop?"),
        Hypothesis("first-example-only", np.asarray(-np.log(right[0]) / n), "Only the first example counts. Is there "
                   "a `return` inside the loop?"),
        Hypothesis("last-example-only", np.asarray(-np.log(right[-1])), "Only the last example counts. Add the losses "
                   "up (`+=`)."),
        Hypothesis("last-example-only", np.asarray(-np.log(right[-1]) / n), "Only the last example counts, divided by "
                   "N. Add the losses up (`+=`)."),
        Hypothesis("first-example-missing", np.asarray(-np.log(right[1:]).sum() / n), "The first example is left out: "
                   "counting starts at 0."),
        Hypothesis("index-swapped", lambda: -np.log(p[labels, 0]).mean(), "The labels are used as rows; they are "
                   "columns: p[n, label]."),
        *(Hypothesis("clamp-too-large", np.asarray(-np.log(np.maximum(right, eps)).mean()),
                     f"Probabilities below {eps:g} count as {eps:g}, which makes wrong answers cheap. "
                     "A lower bound such as 1e-12 keeps the loss finite and changes nothing else.")
          for eps in (0.1, 1e-2, 1e-3)),
        *(Hypothesis("clamp-too-large", np.asarray(-np.log(right + eps).mean()),
                     f"{eps:g} is added inside the logarithm, which changes every loss. "
                     "Something like 1e-12 keeps it finite and changes nothing else.")
          for eps in (0.1, 1e-2, 1e-3)),
        Hypothesis("last-example-missing", np.asarray(-np.log(right[:-1]).sum() / n), "The last example is left out: "
                   "`range(n)` ends at n − 1 already."),
        Hypothesis("median-for-mean", np.asarray(np.median(-np.log(right))), "This is the median of the losses; take "
                   "their mean."),
        Hypothesis("error-rate", np.asarray((p.argmax(axis=1) != labels).mean()),
                   "This is the share of wrong answers, which has no useful gradient. Take −log p[label]."),
        Hypothesis("divided-by-classes", np.asarray(n * expected / classes), "The sum is divided by the number of "
                   "classes; divide by the number of examples."),
        Hypothesis("prediction-for-label", np.asarray(-np.log(p.max(axis=1)).mean()),
                   "This takes the largest probability of each row, whatever the label says. "
                   "Take the probability of the true class, p[n, label]."),
        Hypothesis("entropy-of-p", np.asarray(-(p * np.log(p)).sum(axis=1).mean()),
                   "This is the entropy of p and does not use the labels."),
        Hypothesis("squared-error", np.asarray(((p - y) ** 2).sum(axis=1).mean()), "This is a squared error, not the "
                   "cross-entropy."),
    ]


def gradient(p: np.ndarray, labels: np.ndarray, got: np.ndarray | None = None) -> list[Hypothesis]:
    """Of (p − y) / N; got: what it is, for mistakes of any size."""
    n, classes = p.shape
    y = oracle.one_hot(labels, classes)
    expected = (p - y) / n
    unaveraged = (
        f"The gradient is {n} times too large, and {n} is the batch size: this is p − y, the gradient of the summed "
        f"loss. Ours is the gradient of the mean loss; see 'One convention'."
    )
    return [
        Hypothesis("gradient-not-averaged", p - y, unaveraged),
        Hypothesis("gradient-sign", -expected, "The gradient has the wrong sign (y − p): the loss would rise. The "
                   "probability of the true class should rise when you step against the gradient."),
        Hypothesis("gradient-sign", y - p, "The gradient is y − p: the sign is wrong, and the division by the batch "
                   "size is missing."),
        Hypothesis("gradient-divided-by-classes", (p - y) / classes, "The gradient is divided by the number of "
                   "classes instead of the batch size."),
        Hypothesis("gradient-divided-by-everything", (p - y) / (n * classes), "The gradient is divided by N · C (the "
                   "mean over all entries). The loss is a mean over the N examples only."),
        Hypothesis("gradient-averaged-twice", (p - y) / n**2, "The gradient is divided by the batch size twice."),
        Hypothesis("gradient-for-probabilities", -y / p / n, "This is the gradient with respect to the probabilities, "
                   "−y/p. Here the softmax is included: the gradient with respect to the logits is asked for."),
        Hypothesis("gradient-for-probabilities", -y / p, "This is the gradient with respect to the probabilities, "
                   "−y/p. Here the softmax is included: the gradient with respect to the logits is asked for."),
        Hypothesis("parentheses-missing", p - y / n, "Only y is divided by N: parentheses around (p − y) are missing."),
        Hypothesis("softmax-twice", (oracle.softmax(p) - y) / n, "A softmax is applied to the probabilities once "
                   "more. They are probabilities already."),
        Hypothesis("prediction-for-label", (p - oracle.one_hot(p.argmax(axis=1), classes)) / n,
                   "The 1 is subtracted at the predicted class (argmax); subtract it at the label."),
        Hypothesis("label-off-by-one", (p - oracle.one_hot(labels - 1, classes)) / n, "The labels are shifted by one: "
                   "classes count from 0, as indices do."),
        Hypothesis("label-off-by-one", (p - oracle.one_hot(labels - 1, classes) * (labels > 0)[:, None]) / n,
                   "The labels are compared with 1 to C: classes count from 0, to C − 1."),
        Hypothesis("label-as-number", (p - labels[:, None]) / n, "The label itself is subtracted from all "
                   "probabilities. It is the index of a column: subtract 1 there."),
        Hypothesis("assigned-for-subtracted", (p * (1 - y) - y) / n, "At the label the entry becomes −1; subtract 1 "
                   "from it (`-=`)."),
        Hypothesis("fractions-lost", np.trunc(p) / n - y / n, "The probabilities are truncated to integers. Copy the "
                   "array as it is."),
        Hypothesis("only-true-class", (p - y) * y / n, "All entries but the true class's are zero. The other classes "
                   "have a gradient too: their own probability."),
        Hypothesis("one-subtracted-everywhere", p / n - _columns(labels, classes), "1 is subtracted in whole columns: "
                   "`p[:, labels]` means every row. Pair each row with its own label: `p[arange(N), labels]`."),
        Hypothesis("derivative-again", (p - y) * p * (1 - p) / n, "p(1 − p) is multiplied in. p − y includes the "
                   "softmax's derivative already."),
        Hypothesis("derivative-again", p * ((p - y) - ((p - y) * p).sum(axis=1, keepdims=True)) / n,
                   "The softmax's derivative is applied once more. p − y includes it already."),
        Hypothesis("division-forgotten-elsewhere", p - y + (1 / n - 1) * y * (p - 1),
                   "Only the entries of the true class are divided by N. Divide the whole array."),
        Hypothesis("labels-forgotten", p / n, "The labels are not subtracted: this is p/N."),
        Hypothesis("classes-from-labels", lambda: (p - (labels[:, None] == np.unique(labels))) / n,
                   "The columns of y are the labels that occur in this batch. There is one for each class, "
                   "`probabilities.shape[1]` of them, whether it occurs or not."),
        *(Hypothesis("label-smoothing", lambda term=term: _plus_any_multiple(np.asarray(got), expected, term),  # type: ignore[misc]
                     "y is not 1 at the label and 0 elsewhere: some of the 1 is spread over the classes (label "
                     "smoothing). The loss of this exercise has no such term: y is 1 at the label.")
          for term in ((y - 1 / classes) / n, y - 1 / classes, (y - (1 - y) / (classes - 1)) / n)
          if got is not None),
    ]


def _columns(labels: np.ndarray, classes: int) -> np.ndarray:
    """1/N in each column that any label names, as `p[:, labels] -= 1` does."""
    n = len(labels)
    return np.broadcast_to(oracle.one_hot(labels, classes).any(axis=0) / n, (n, classes))
