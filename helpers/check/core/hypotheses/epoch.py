"""What can go wrong in an epoch of gradient descent: where its batches end, and the mean loss that it records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from helpers.check.core.compare import NOTHING, Hypothesis
from helpers.check.core.hypotheses.network import Parameters

Batches = list[np.ndarray]


def split(order: np.ndarray, size: int) -> Batches:
    """The indices of each batch."""
    return [order[i : i + size] for i in range(0, len(order), size)]


def train(
    net: Any, x: np.ndarray, labels: np.ndarray, batches: Batches, rate: float, *, of_labels: Batches | None = None,
    scale: float | None = None, factors: Sequence[float] = (), late: bool = False,
) -> tuple[Any, list[float]]:
    """The reference network after these batches, and the loss of each before its step.

    As mistakes do it: of_labels, other batches for the labels; factors of each step's rate; another scale of the
    gradient than 1/N; late, steps with the gradients of the batch before.
    """
    losses, waiting = [], None
    for number, index in enumerate(batches):
        of_these = index if of_labels is None else of_labels[number]
        losses.append(net.loss(x[index], labels[of_these]))
        grads = net.gradients(x[index], labels[of_these], scale)
        now, waiting = (waiting, grads) if late else (grads, None)
        if now is not None:
            net = net.stepped(now, rate * (factors[number] if factors else 1.0))
    return net, losses


def trajectory(run: Callable[..., Parameters], n: int, size: int, lr: float) -> list[Hypothesis]:
    """Of all parameters after one epoch or several of n images in three batches, the last of which is smaller.

    run: the parameters after the reference's training with this `rate`, and as `train` takes them, `batches` and
    `of_labels`, but as functions of the epoch's order, `scale`, `factors` and `late`.
    """

    def of(name: str, told: str, rate: float = lr, **how: Any) -> Hypothesis:
        return Hypothesis(name, lambda: run(rate=rate, **how), told)

    def cut(order: np.ndarray) -> Batches:
        return split(order, size)

    def in_order(order: np.ndarray) -> Batches:
        return split(np.arange(n), size)

    def filled(order: np.ndarray) -> Batches:
        *whole, last = cut(order)
        return [*whole, np.concatenate([last, order[: size - len(last)]])]

    last = n - 2 * size
    ragged = f"{n} images in batches of {size} make batches of {size}, {size} and {last}."
    same = "Use the same indices for both."
    mean = "and the gradient is a mean already. Pass `lr` on as it is."
    ends = "The next batch starts where this one ends (`range(0, n, batch_size)`)."
    counts = [size, size, last]
    return [
        of("no-update",
           "The weights did not move: each batch needs forward, backward and update.",
           batches=lambda order: []),
        of("ragged-batch-skipped",
           f"The last, smaller batch is skipped: {ragged}",
           batches=lambda order: cut(order)[:-1]),
        of("ragged-batch-skipped",
           "The last, smaller batch is skipped, and the order is ignored.",
           batches=lambda order: in_order(order)[:-1]),
        of("order-ignored", "The order is ignored: the images are taken as they lie. Batch k holds the images "
           "order[k·size : (k+1)·size].", batches=in_order),
        of("counted-from-one", "The indices in `order` are shifted by one. They count from 0, as Python does: take "
           "them as they are.", batches=lambda order: cut(order - 1)),
        of("images-not-ordered", f"The labels are put in order and the images are not, so each image is trained with "
           f"the label of another. {same}", batches=in_order, of_labels=cut),
        of("labels-not-ordered", f"The images are put in order and the labels are not, so each image is trained with "
           f"the label of another. {same}", of_labels=in_order),
        of("order-applied-twice", "The order is applied twice. Take images[order[start : start + batch_size]], or "
           "order everything once at the start.", batches=lambda order: cut(order[order])),
        of("order-inverted",
           "The order is used backwards: it says which image comes at each place, not where each image goes.",
           batches=lambda order: cut(np.argsort(order))),
        of("one-image-at-a-time",
           "The weights are updated after each single image; `batch_size` is ignored.",
           batches=lambda order: split(order, 1)),
        of("batch-size-ignored",
           "All images come in one batch; `batch_size` is ignored (64 is written into the code?).",
           batches=lambda order: [order]),
        of("batches-overlap",
           f"The batches overlap: each starts one image after the last. {ends}",
           batches=lambda order: [order[i : i + size] for i in range(n)]),
        of("batches-overlap",
           f"The batches overlap: each starts half a batch after the last. {ends}",
           batches=lambda order: [order[i : i + size] for i in range(0, n, size // 2)]),
        of("first-image-skipped", "The first image is left out: count from 0.", batches=lambda order: cut(order[1:])),
        of("first-batch-skipped", "The first batch is left out: count from 0.", batches=lambda order: cut(order)[1:]),
        of("last-image-skipped",
           "The last image is left out: a slice ends before its second number, so no − 1 is needed.",
           batches=lambda order: cut(order[:-1])),
        of("last-of-batch-skipped",
           "Each batch lacks its last image: a slice ends before its second number, so no − 1 is needed.",
           batches=lambda order: [batch[:-1] for batch in cut(order) if len(batch) > 1]),
        of("last-of-batch-skipped",
           "Each batch lacks its last image, but a batch of one: a slice ends before its second number, so no − 1 is "
           "needed.",
           batches=lambda order: [batch[: max(len(batch) - 1, 1)] for batch in cut(order)]),
        of("last-of-batch-skipped",
           "Each full batch lacks its last image: a slice ends before its second number, so no − 1 is needed.",
           batches=lambda order: [batch[: size - 1] for batch in cut(order)]),
        of("order-as-start",
           "`order[start]` is used as the index where a batch starts. "
           "A batch holds the images order[start : start + batch_size].",
           batches=lambda order: [np.arange(order[i], min(order[i] + size, n)) for i in range(0, n, size)]),
        of("backward-twice",
           "Each batch is used for two steps.",
           batches=lambda order: [batch for batch in cut(order) for _ in range(2)]),
        of("rate-divided", f"The rate is divided by the batch's size, {mean}", factors=[1 / count for count in counts]),
        of("rate-scaled-by-batch", "The step of the smaller last batch is made shorter. Its gradient is the mean "
           "over its own images already. Pass `lr` on as it is.", factors=[count / size for count in counts]),
        *(of("rate-decays",
             "The rate changes from batch to batch; all steps of an epoch take the `lr` that is given.",
             factors=[0.99 ** (i + first) for i in range(3)])
          for first in (0, 1)),
        of("update-before-backward", "Each update comes before its backward, so it takes the gradient of the batch "
           "before. The order is forward, backward, update.", late=True),
        of("last-batch-filled-up",
           f"The last batch is padded with images that were seen already. It holds what is left: {ragged}",
           batches=lambda order: [*cut(order)[:-1], order[-size:]]),
        of("last-batch-filled-up",
           f"The last batch is padded with the first images. It holds what is left: {ragged}",
           batches=filled),
        of("batches-reversed", "The batches come in reverse order.", batches=lambda order: cut(order)[::-1]),
        of("strided-batches",
           "A batch holds every k-th image; it should hold images that follow each other in the order.",
           batches=lambda order: [order[k::3] for k in range(3)]),
        of("equal-batches", "The images are split into batches of equal size (`np.array_split`?); a batch holds "
           "`batch_size` images, and the last what is left.", batches=lambda order: np.array_split(order, 3)),
        of("two-passes", "The epoch goes through the images twice.", batches=lambda order: cut(order) * 2),
        of("rate-divided", f"The rate is divided by the batch size, {mean}", lr / size),
        of("rate-divided", f"The rate is divided by the number of images, {mean}", lr / n),
        of("update-after-loop", "There is one step an epoch, with the last batch's gradients. Update after each "
           "batch, inside the loop.", batches=lambda order: cut(order)[-1:]),
        of("only-first-batch",
           "Only the first batch is used. Is there a `break` or `return` inside the loop?",
           batches=lambda order: cut(order)[:1]),
        *(of("rate-ignored", f"`lr` is ignored: the weights move as with {rate:g}.", rate)
          for rate in (0.1, 0.01, 0.001, 1.0)),
        of("gradient-not-averaged",
           "The weights move as if the loss were summed over the batch. See 'One convention'.",
           scale=1.0),
        of("update-adds", "The steps go uphill: the loss rises.", -lr),
        of("updated-twice", "Each step is twice as long as it should be: is update called twice?", 2 * lr),
    ]


def mean_loss(epochs: Sequence[tuple[Sequence[float], Sequence[int]]], size: int) -> list[Hypothesis]:
    """Of the mean losses of epochs, (epochs,); each is (the losses, and the numbers of images, of its batches)."""
    n = sum(epochs[0][1])

    def each(name: str, value: Callable[[np.ndarray, np.ndarray], Any], told: str) -> Hypothesis:
        return Hypothesis(name, np.asarray([float(value(np.asarray(row), np.asarray(w))) for row, w in epochs]), told)

    def moving(losses: np.ndarray, old: float) -> float:
        found = losses[0]
        for loss in losses[1:]:
            found = old * found + (1 - old) * loss
        return float(found)

    twice = "The loss is divided twice: the batches' losses are means already,"
    half = (
        "Each batch's loss is averaged with what was there before, so the last batches count most. Add up, and divide "
        "once at the end."
    )
    return [
        each("last-batch-loss", lambda row, w: row[-1], "Only the loss of the last batch is recorded. Add up the "
             "losses of all batches."),
        each("first-batch-loss", lambda row, w: row[0], "Only the loss of the first batch is recorded. Is there a "
             "`return` inside the loop?"),
        each("largest-loss", lambda row, w: row.max(), "Only the largest loss of a batch is recorded. Add up the "
             "losses of all batches."),
        each("unweighted-mean", lambda row, w: row.mean(), f"The batches count equally, though the last one has "
             f"{epochs[0][1][-1]} image and the others have {size}. Weight each batch's mean loss by its size."),
        each("loss-summed", lambda row, w: row @ w, f"The loss is summed over the images. Divide it by their number, "
             f"{n}."),
        each("loss-summed", lambda row, w: row.sum(), "The batches' mean losses are added up. Weight each by its size "
             "and divide by the number of images."),
        each("divided-by-batches", lambda row, w: row @ w / len(row), f"The losses are weighted by the batches' sizes "
             f"and then divided by the number of batches. Divide by the number of images, {n}, of which the weights "
             f"are made."),
        each("loss-divided-twice", lambda row, w: row.sum() / n, f"{twice} and their sum is divided by the number of "
             f"images. The curve would be far too low."),
        each("loss-divided-twice", lambda row, w: row.mean() / size, f"{twice} and they are divided by the batch size "
             f"once more."),
        each("loss-divided-twice", lambda row, w: row @ w / n / size, f"{twice} and they are divided by the batch "
             f"size once more."),
        each("loss-divided-twice", lambda row, w: row @ w / n / n, f"{twice} and the mean is divided by the number of "
             f"images once more."),
        each("loss-divided-twice", lambda row, w: (row / w).mean(), f"{twice} and each is divided by its batch's size "
             f"once more."),
        each("loss-divided-twice", lambda row, w: (row / w).sum() / n, f"{twice} and each is divided by its batch's "
             f"size once more."),
        each("last-batch-counted-full", lambda row, w: row.sum() * size / n,
             "Every batch is weighted by `batch_size`, the smaller last one, too. "
             "Weight it by its own number of images."),
        each("number-written-in", lambda row, w: row @ w / 60_000, "The sum is divided by 60,000, a number written "
             "into the code; divide by the number of images that were given."),
        each("never-accumulated", lambda row, w: 0.0, "The loss is 0: the losses of the batches are never added up."),
        each("never-accumulated", lambda row, w: row[-1] * w[-1] / n, "Only the last batch's loss counts, divided by "
             "the number of images: it is assigned (`=`) where it should be added (`+=`)."),
        each("running-average", lambda row, w: moving(row, 0.9), "This is a moving average, in which the first batch "
             "counts most. Add up, and divide once at the end."),
        each("running-average", lambda row, w: moving(np.asarray([0.0, *row]), 0.5), half),
        each("running-average", lambda row, w: moving(row, 0.5), half),
        Hypothesis("losses-not-reset",
                   np.cumsum([float(np.dot(*row)) for row in epochs]) / n if len(epochs) > 1 else NOTHING,
                   "The sum is not reset to 0 before each epoch, so it accumulates."),
    ]
