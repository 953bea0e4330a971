"""What can go wrong where answers are counted: the accuracy, or the error, of probabilities (N, C) for labels (N,)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from helpers.check.core.compare import NOTHING, Hypothesis, close

BATCHES = (3, 4, 8, 10, 16, 32, 64, 100, 128, 256, 500, 512, 1000)
"""Sizes of batches that people write into code."""


def first_counts(n: int) -> Sequence[int]:
    """Numbers of first images that somebody may take of n; of many only those that come of numbers that people write,
    as among all of them some would fit by chance."""
    if n <= 100:
        return range(5, n)
    return sorted({k for size in (1, *BATCHES) for k in (size, n - size, n // size * size) if 5 <= k < n})


def mean_of_batches(values: np.ndarray, size: int) -> np.ndarray:
    """Of (N,) values: the mean of the means of batches of `size`, of which the last may be smaller. Shape ()."""
    starts = np.arange(0, len(values), size)
    return np.asarray((np.add.reduceat(values.astype(float), starts) / np.diff(np.append(starts, len(values)))).mean())


def rounded(got: np.ndarray | None, right: np.ndarray | float, what: str) -> list[Hypothesis]:
    """Of a number that has few digits, and of what it is then."""
    return [
        Hypothesis("rounded", np.round(right, digits), f"The {what} is rounded, to {got:g}. Return it as it is.")
        for digits in (1, 2, 3) if got is not None and got == np.round(got, digits) != np.round(right, 9)
    ]  # fmt: skip


def share(p: np.ndarray, labels: np.ndarray, of_right: bool, got: np.ndarray | None = None) -> list[Hypothesis]:
    """Of the share of right answers, or of wrong ones; got: what it is, for mistakes that any number may be in."""
    n, classes = p.shape
    answers, mine = p.argmax(axis=1), p[np.arange(n), labels]
    what, other = ("accuracy", "error") if of_right else ("error", "accuracy")
    right = answers == labels

    def value(right: np.ndarray) -> np.ndarray:
        return np.asarray(right.mean() if of_right else 1 - right.mean())

    count = value(right) * n
    probable = "An answer is right or wrong: compare argmax with the label."
    rows = np.argsort(p, axis=1)
    return [
        *rounded(got, value(right), what),
        Hypothesis(f"{other}-for-{what}", 1 - value(right), f"This is the {other}; the {what} is 1 minus that."),
        Hypothesis("percent-for-share", 100 * value(right), f"The {what} is in percent; it should lie between 0 and "
                   f"1."),
        Hypothesis("percent-for-share", 100 - 100 * value(right), f"This is the {other} in percent; the {what} lies "
                   f"between 0 and 1."),
        Hypothesis("count-for-share", count, "This is a number of answers; divide it by the number of images."),
        Hypothesis("count-for-share", n - count, f"This is a number of answers, and of those that the {other} counts; "
                   f"divide it by the number of images."),
        Hypothesis("probability-for-answer", np.asarray(mine.mean() if of_right else 1 - mine.mean()),
                   f"This is made of the mean probability of the true class. {probable}"),
        Hypothesis("threshold", value(mine > 0.5), "An answer counts as right here only if the true class has more "
                   "than half of the probability. It is right if no other class is more probable (argmax)."),
        Hypothesis("all-wrong", np.asarray(0.0 if of_right else 1.0), "No answer counts as right. Is the class taken "
                   "along the right axis (argmax over axis 1, counted from 0), compared with `==`, and divided with "
                   "`/`, not `//`?"),
        *(Hypothesis("divided-by-a-number", count / d, f"The number of answers is divided by {d:,}, "
                     f"{'the number of classes' if d == classes else 'a number written into the code'}; divide it by "
                     f"the number of images that are given.") for d in (classes, 10, 64, 100, 1000, 10_000)),
        Hypothesis("compared-with-all", value(answers[:, None] == labels), "Every prediction is compared with every "
                   "label. Labels and predictions should both have shape (N,)."),
        Hypothesis("argmin", value(rows[:, 0] == labels), "The predicted class is the one with the smallest "
                   "probability; take the largest (argmax)."),
        # Of right answers there are none then: "all-wrong" asks for the axis.
        Hypothesis("argmax-over-images", NOTHING if of_right else _over_images(p, labels), "The largest probability of "
                   "each class over the images is taken (argmax over axis 0). Each image has an answer: the largest of "
                   "its row, axis 1, counted from 0."),
        Hypothesis("sorted-apart", value(np.sort(answers) == np.sort(labels)), "Predictions and labels are sorted "
                   "before they are compared: so only how often each class comes is compared. An image's prediction "
                   "belongs beside its own label: compare in the order in which they are."),
        Hypothesis("top-two", value((rows[:, -2:] == labels[:, None]).any(axis=1)), "An answer counts as right if the "
                   "label is among the two most probable classes; only the most probable counts."),
        *(Hypothesis("unweighted-mean", mean_of_batches(right if of_right else ~right, size), "The images are taken in "
                     "batches that count equally, though the last one is smaller. Weight each by its size.")
          for size in BATCHES if size < n and n % size),
        Hypothesis("mean-of-classes", np.asarray(np.mean([value(right[labels == c]) for c in np.unique(labels)])),
                   f"This is the mean of the {what} of each class, so a class with few images counts as much as one "
                   f"with many. Every image counts once."),
        Hypothesis("distance-for-unequal", NOTHING if of_right else np.asarray(np.abs(answers - labels).mean()),
                   "This is the mean distance between the predicted class and the label. An answer is right or wrong, "
                   "however far apart the two numbers are: `!=`."),
        Hypothesis("label-off-by-one", value(answers + 1 == labels), "The classes are shifted by one: they count from "
                   "0, as indices do."),
        Hypothesis("some-images-only", _of_the_first(got, right, of_right), "Only the first images are looked at: a "
                   "number is written into the code. Use all of them."),
    ]


def _over_images(p: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The share of wrong answers among all images, counted among as many as there are classes."""
    found = p.argmax(axis=0)
    few = min(len(found), len(labels))
    return np.asarray((found[:few] != labels[:few]).sum() / len(labels))


def _of_the_first(got: np.ndarray | None, right: np.ndarray, of_right: bool) -> np.ndarray:
    """The share among the first k images, for the k that fits."""
    shares = (np.asarray(right[:k].mean() if of_right else 1 - right[:k].mean()) for k in first_counts(len(right)))
    return next((one for one in shares if got is not None and close(got, one)), np.asarray(np.nan))
