"""Checks of the student's `train_epoch` and `evaluate`: trajectories from given weights on given batches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from helpers.check.core import oracle
from helpers.check.core.calls import array, call, like, number
from helpers.check.core.compare import Hypothesis, close, unchanged, verify
from helpers.check.core.oracle import Net
from helpers.check.core.report import Mistake, check
from helpers.check.network_from_scratch.mlp import PARAMETERS, SIZES, Student, same, small_problem, verify_net


def _epoch(net: Net, x: np.ndarray, labels: np.ndarray, lr: float, batches: list[np.ndarray], scale: str = "mean") -> tuple[Net, list[float], list[int]]:
    """The oracle's epoch over the given batches of indices: (network after it, loss and size of each batch)."""
    net, losses = net.copy(), []
    for index in batches:
        losses.append(net.loss(x[index], labels[index]))
        net.step(net.gradients(x[index], labels[index], None if scale == "mean" else 1.0), lr)
    return net, losses, [len(index) for index in batches]


def _scaled_steps(net: Net, x: np.ndarray, labels: np.ndarray, lr: float, batches: list[np.ndarray], factors: list[float]) -> Net:
    net = net.copy()
    for index, factor in zip(batches, factors, strict=True):
        net.step(net.gradients(x[index], labels[index]), factor * lr)
    return net


def _late_steps(net: Net, x: np.ndarray, labels: np.ndarray, lr: float, batches: list[np.ndarray]) -> Net:
    net, waiting = net.copy(), None
    for index in batches:
        gradients = net.gradients(x[index], labels[index])
        if waiting is not None:
            net.step(waiting, lr)
        waiting = gradients
    return net


def _halving(losses: list[float]) -> float:
    value = losses[0]
    for loss in losses[1:]:
        value = (value + loss) / 2
    return value


def _moving(losses: list[float]) -> float:
    value = losses[0]
    for loss in losses[1:]:
        value = 0.9 * value + 0.1 * loss
    return value


def _losses_after(net: Net, x: np.ndarray, labels: np.ndarray, lr: float, batches: list[np.ndarray]) -> list[float]:
    net, losses = net.copy(), []
    for index in batches:
        net.step(net.gradients(x[index], labels[index]), lr)
        losses.append(net.loss(x[index], labels[index]))
    return losses


def _split(order: np.ndarray, size: int) -> list[np.ndarray]:
    return [order[i : i + size] for i in range(0, len(order), size)]


@check("train_epoch", "B2", builds_on="your layers, loss and MLP")
def train_epoch(function: Any, MLP: Any, *, seed: int = 0, lr: float = 0.6) -> Iterator[str]:
    """Weights after an epoch of batches 3, 3, 1 in a given order, and the mean loss, against the reference trajectory."""
    net, x, labels = small_problem(seed)
    n, size = len(x), 3
    order = np.random.default_rng([seed, 99]).permutation(n)
    batches = _split(order, size)
    student = Student(MLP, net, SIZES)
    kind = student.kind
    what = "train_epoch"
    given, given_labels = like(kind, x), like(kind, labels)
    loss = call(function, student.network, given, given_labels, lr, batch_size=size, order=like(kind, order), what=what, bring=student.all(*PARAMETERS))
    unchanged(x, array(given, "images"), "images", what)
    unchanged(labels.astype(float), array(given_labels, "labels"), "labels", what)
    expected, losses, counts = _epoch(net, x, labels, lr, batches)

    def after(rate: float, chosen: list[np.ndarray], scale: str = "mean") -> Net:
        return _epoch(net, x, labels, rate, chosen, scale)[0]

    in_order = _split(np.arange(n), size)
    got = student.read()
    if not all(np.isfinite(w).all() for w in got.weights):
        raise Mistake("not-finite", "The weights became NaN or infinite within one epoch of three small batches.")
    hypotheses = [] if same(got, expected) else [
        ("no-update", net, "The weights did not move: each batch needs forward, backward and update."),
        ("ragged-batch-skipped", after(lr, batches[:-1]), "The last, smaller batch is skipped: 7 images in batches of 3 make batches of 3, 3 and 1."),
        ("ragged-batch-skipped", after(lr, in_order[:-1]), "The last, smaller batch is skipped, and `order` is ignored."),
        ("order-ignored", after(lr, in_order), "`order` is ignored: the images are taken in their stored order. Batch k holds the images order[k·size : (k+1)·size]."),
        ("images-not-ordered", _epoch(net, x, labels[order], lr, in_order)[0], "The labels are permuted and the images are not, so each image is trained with the label of another. Use the same indices for both."),
        ("order-applied-twice", after(lr, _split(order[order], size)), "`order` is applied twice. Take images[order[start : start + batch_size]], or order everything once at the start."),
        ("order-inverted", after(lr, _split(np.argsort(order), size)), "The inverse of `order` is used: it says which image comes at each position, not where each image goes."),
        ("one-image-at-a-time", after(lr, _split(order, 1)), "The weights are updated after each single image; `batch_size` is ignored."),
        ("batches-overlap", after(lr, [order[i : i + size] for i in range(n)]), "The batches overlap: each starts one image after the previous one. The next batch starts where this one ends (`range(0, n, batch_size)`)."),
        ("starts-late", after(lr, _split(order[1:], size)), "The first image is left out: count from 0."),
        ("starts-late", after(lr, batches[1:]), "The first batch is left out: count from 0."),
        ("last-image-missing", after(lr, _split(order[:-1], size)), "The last image is left out: a slice ends before its second number, so no − 1 is needed."),
        ("last-of-batch-missing", after(lr, [batch[:-1] for batch in batches if len(batch) > 1]), "Each batch lacks its last image: a slice ends before its second number, so no − 1 is needed."),
        ("order-as-start", after(lr, [np.arange(order[i], min(order[i] + size, n)) for i in range(0, n, size)]), "`order[start]` is used as the index where a batch starts. A batch holds the images order[start : start + batch_size]."),
        ("backward-twice", after(lr, [batch for batch in batches for _ in range(2)]), "Each batch is used for two steps."),
        ("rate-divided", _scaled_steps(net, x, labels, lr, batches, [1 / len(b) for b in batches]), "The rate is divided by the batch's size, and the gradient is a mean already. Pass `lr` on as it is."),
        ("rate-scaled-by-batch", _scaled_steps(net, x, labels, lr, batches, [len(b) / size for b in batches]), "The step of the smaller last batch is made shorter. Its gradient is the mean over its own images: pass `lr` on as it is."),
        ("rate-decays", _scaled_steps(net, x, labels, lr, batches, [0.99**i for i in range(len(batches))]), "The rate changes from batch to batch; all steps of an epoch take the `lr` that is given."),
        ("rate-decays", _scaled_steps(net, x, labels, lr, batches, [0.99 ** (i + 1) for i in range(len(batches))]), "The rate changes from batch to batch; all steps of an epoch take the `lr` that is given."),
        ("update-before-backward", _late_steps(net, x, labels, lr, batches), "Each update comes before its backward, so it takes the gradient of the batch before. The order is forward, backward, update."),
        ("last-batch-filled-up", after(lr, [*batches[:-1], order[-size:]]), "The last batch is padded with images that were seen already. It holds what is left: 7 images in batches of 3 make batches of 3, 3 and 1."),
        ("last-batch-filled-up", after(lr, [*batches[:-1], np.concatenate([batches[-1], order[: size - len(batches[-1])]])]), "The last batch is padded with the first images. It holds what is left: 7 images in batches of 3 make batches of 3, 3 and 1."),
        ("batches-reversed", after(lr, batches[::-1]), "The batches come in reverse order."),
        ("strided-batches", after(lr, [order[k :: len(batches)] for k in range(len(batches))]), "A batch holds every k-th image; it should hold images that follow each other in `order`."),
        ("two-passes", after(lr, batches + batches), "The epoch goes through the images twice."),
        ("rate-divided", after(lr / size, batches), "The rate is divided by the batch size, and the gradient is a mean already. Pass `lr` on as it is."),
        ("rate-divided", after(lr / n, batches), "The rate is divided by the number of images, and the gradient is a mean already. Pass `lr` on as it is."),
        ("update-after-loop", net.stepped(net.gradients(x[batches[-1]], labels[batches[-1]]), lr), "There is one step at the end, with the last batch's gradients. Update after each batch, inside the loop."),
        ("labels-not-ordered", _epoch(net, x[order], labels, lr, in_order)[0], "The images are permuted and the labels are not, so each image is trained with the label of another. Use the same indices for both."),
        ("only-first-batch", after(lr, batches[:1]), "Only the first batch is used. Is there a `return` inside the loop?"),
        ("full-batch", after(lr, [order]), "All images are used as one batch; `batch_size` is ignored."),
        ("rate-ignored", after(0.1, batches), "`lr` is ignored: the weights move as with 0.1."),
        ("rate-ignored", after(0.01, batches), "`lr` is ignored: the weights move as with 0.01."),
        ("gradient-not-averaged", after(lr, batches, "sum"), "The weights move as if the loss were summed over the batch. See 'One convention'."),
        ("update-adds", after(-lr, batches), "The loss rises: the steps go uphill."),
        ("updated-twice", after(2 * lr, batches), "Each step is twice as long as it should be: is update called twice?"),
    ]
    if not same(got, expected) and not any(same(got, wrong) for _, wrong, _ in hypotheses):
        again = Student(MLP, net, SIZES)
        call(function, again.network, like(kind, x), like(kind, labels), lr, batch_size=size, order=like(kind, order), what=what, bring=again.all(*PARAMETERS))
        if not same(again.read(), got):
            raise Mistake("shuffles-itself", "Two epochs from the same weights, in the same `order`, end at different weights: something is drawn at random inside. The order is given; don't shuffle again.")
    verify_net(got, expected, "the {} after the epoch", hypotheses, {"batch size": size})
    yield "weights after batches of 3, 3 and 1 follow the reference trajectory"
    mean = float(np.average(losses, weights=counts))
    shown = np.asarray(number(loss, "the returned mean loss"))
    verify(
        shown,
        np.asarray(mean),
        "the returned mean loss",
        lambda: [
            Hypothesis("last-batch-loss", np.asarray(losses[-1]), "Only the loss of the last batch is returned. Add up the losses of all batches."),
            Hypothesis("first-batch-loss", np.asarray(losses[0]), "Only the loss of the first batch is returned. Is there a `return` inside the loop?"),
            Hypothesis("unweighted-mean", np.asarray(np.mean(losses)), "The batches count equally, though the last one has 1 image and the others have 3. Weight each batch's mean loss by its size."),
            Hypothesis("loss-summed", np.asarray(np.dot(losses, counts)), f"The loss is summed over the images. Divide it by their number, {n}."),
            Hypothesis("loss-summed", np.asarray(np.sum(losses)), "The batches' mean losses are added up. Weight each by its size and divide by the number of images."),
            Hypothesis("loss-divided-twice", np.asarray(np.sum(losses) / n), "The loss is divided twice: the batches' losses are means already, and their sum is divided by the number of images. The curve would be far too low."),
            Hypothesis("loss-divided-twice", np.asarray(np.mean(losses) / size), "The loss is divided twice: the batches' losses are means already, and they are divided by the batch size once more."),
            Hypothesis("loss-divided-twice", np.asarray(mean / n), "The loss is divided by the number of images twice."),
            Hypothesis("loss-before-training", np.asarray(net.loss(x, labels)), "This is the loss of all images before the epoch. Record each batch's loss during the epoch, before its update."),
            Hypothesis("last-batch-counted-full", np.asarray(np.sum(losses) * size / n), "Every batch is weighted by `batch_size`, the smaller last one, too. Weight it by its own number of images."),
            Hypothesis("number-written-in", np.asarray(np.dot(losses, counts) / 60_000), "The sum is divided by 60,000, a number written into the code; divide by the number of images that were given."),
            Hypothesis("running-average", np.asarray(_moving(losses)), "This is a moving average, in which the first batch counts most. Add up, and divide once at the end."),
            Hypothesis("running-average", np.asarray(_halving([0.0, *losses])), "Each batch's loss is averaged with what was there before, so the last batches count most. Add up, and divide once at the end."),
            Hypothesis("running-average", np.asarray(_halving(losses)), "Each batch's loss is averaged with what was there before, so the last batches count most. Add up, and divide once at the end."),
            Hypothesis("loss-after-update", np.asarray(np.dot(_losses_after(net, x, labels, lr, batches), counts) / n), "Each batch's loss is taken after its update. Take it before: from the probabilities of the forward that the gradients belong to."),
            Hypothesis("loss-after-training", np.asarray(expected.loss(x, labels)), "This is the loss after the epoch. The training loss is recorded during the epoch: each batch before its update."),
        ],
        {"batch size": size, "number of images": n, "number of batches": len(batches)},
    )
    yield "mean loss over all images, the smaller last batch weighted by its size"
    student = Student(MLP, net, SIZES)
    again = call(function, student.network, like(kind, x), like(kind, labels), lr, batch_size=n + 4, what=what)
    verify(np.asarray(number(again, "the returned mean loss")), np.asarray(net.loss(x, labels)), "without `order`, and with a batch size larger than the set, the mean loss")
    student = Student(MLP, net, SIZES)
    exact = number(call(function, student.network, like(kind, x), like(kind, labels), lr, batch_size=n, what=what), "the returned mean loss")
    if not np.isfinite(exact):
        raise Mistake("empty-batch", "Where the batch size divides the number of images, the loss is not a number: there is an empty batch at the end. `range(0, n, batch_size)` makes none.")
    student = Student(MLP, net, SIZES)
    call(function, student.network, like(kind, x), like(kind, labels), lr, batch_size=size, what=what, bring=student.all(*PARAMETERS))
    verify_net(student.read(), after(lr, in_order), "the {} after an epoch without `order`", [("shuffles-itself", after(lr, batches), "Without `order` the images keep their stored order; here they are shuffled.")], {})
    yield "works without `order`, with a batch as large as the set and larger"


@check("evaluate", "B3", builds_on="your layers, loss and MLP")
def evaluate(function: Any, MLP: Any, *, seed: int = 0) -> Iterator[str]:
    """(mean loss, accuracy) of a network, which stays as it is."""
    for n in (11, 70):
        _evaluate(function, MLP, seed, n)
        yield f"mean loss and accuracy of {n} images"
    yield "the network is unchanged"


def _telling_problem(seed: int, n: int) -> tuple[Net, np.ndarray, np.ndarray]:
    """A network and images on which other ways to count right answers give other numbers."""
    while True:
        net, x, labels = small_problem(seed, n)
        x, net.weights[-1] = 3 * x, 0.5 * net.weights[-1]
        p = net.forward(x)
        answers, mine = p.argmax(axis=1), p[np.arange(n), labels]
        accuracy = (answers == labels).mean()
        others = (
            (mine > 0.5).mean(), (answers[:, None] == labels).mean(), (p.argmin(axis=1) == labels).mean(),
            1 - accuracy, (answers == (labels + 1) % 3).mean(), (answers + 1 == labels).mean(), 0.0,
        )  # fmt: skip
        values = sorted([accuracy, *others[:4]])
        if min(abs(accuracy - other) for other in others) > 0.02 and min(b - a for a, b in pairwise(values)) > 0.005:
            return net, x, labels
        seed += 1000


def _evaluate(function: Any, MLP: Any, seed: int, n: int) -> None:
    net, x, labels = _telling_problem(seed, n)
    student = Student(MLP, net, SIZES)
    kind = student.kind
    result = call(function, student.network, like(kind, x), like(kind, labels), what="evaluate", bring=student.all(*PARAMETERS))
    two = len(result) == 2 if isinstance(result, tuple | list) else getattr(result, "shape", None) == (2,)
    if not two:
        raise Mistake("not-a-pair", "evaluate should return two numbers: `return loss, accuracy`.")
    p = net.forward(x)
    loss, accuracy = net.loss(x, labels), float((p.argmax(axis=1) == labels).mean())
    got = np.asarray([number(result[0], "the loss"), number(result[1], "the accuracy")])
    right = accuracy * n
    verify(
        got,
        np.asarray([loss, accuracy]),
        "(loss, accuracy)",
        lambda: [
            Hypothesis("pair-swapped", np.asarray([accuracy, loss]), "Loss and accuracy are swapped: the loss comes first."),
            Hypothesis("accuracy-in-percent", np.asarray([loss, 100 * accuracy]), "The accuracy is in percent; it should lie between 0 and 1."),
            Hypothesis("accuracy-counted", np.asarray([loss, right]), "The accuracy is the number of right answers; divide it by the number of images."),
            Hypothesis("error-for-accuracy", np.asarray([loss, 1 - accuracy]), "This is the error rate, the share of wrong answers; the accuracy is 1 minus that."),
            Hypothesis("accuracy-divided-by-classes", np.asarray([loss, right / 10]), "The number of right answers is divided by 10; divide it by the number of images."),
            Hypothesis("accuracy-divided-by-classes", np.asarray([loss, right / 10_000]), "The number of right answers is divided by 10,000, a number written into the code; divide it by the number of images given."),
            Hypothesis("probability-for-accuracy", np.asarray([loss, float(p[np.arange(n), labels].mean())]), "This is the mean probability of the true class. An answer is right or wrong: compare argmax with the label."),
            Hypothesis("threshold", np.asarray([loss, float((p[np.arange(n), labels] > 0.5).mean())]), "An answer counts here if the true class has more than half of the probability. It is right if no other class is more probable (argmax)."),
            Hypothesis("accuracy-zero", np.asarray([loss, 0.0]), "No answer counts as right. Is the class taken along the right axis (argmax over axis 1, counted from 0), compared with `==`, and divided with `/`, not `//`?"),
            Hypothesis("accuracy-divided-by-classes", np.asarray([loss, right / p.shape[1]]), "The number of right answers is divided by the number of classes; divide it by the number of images."),
            Hypothesis("loss-of-the-answer", np.asarray([oracle.cross_entropy(np.maximum(oracle.one_hot(p.argmax(axis=1), p.shape[1]), 1e-12), labels), accuracy]), "The loss is computed from the predicted classes, 0 or 1; compute it from the probabilities."),
            Hypothesis("some-images-only", np.asarray(_leading(got, net, x, labels, p)), "Only the first images are looked at: a number is written into the code. Use all of them."),
            Hypothesis("compared-with-all", np.asarray([loss, float((p.argmax(axis=1)[:, None] == labels).mean())]), "Every prediction is compared with every label. Labels and predictions should both have shape (N,)."),
            Hypothesis("top-two", np.asarray([loss, float((np.argsort(p, axis=1)[:, -2:] == labels[:, None]).any(axis=1).mean())]), "This is the top-2 accuracy; only the most probable class counts."),
            Hypothesis("only-64-images", np.asarray([net.loss(x[:64], labels[:64]), float((p.argmax(axis=1) == labels)[:64].mean())]), "Only the first 64 images are looked at; use all of them."),
            *(Hypothesis("unweighted-mean", np.asarray(_by_batches(net, x, labels, size)), "The images are taken in batches that count equally, though the last one is smaller. Weight each by its size.") for size in (3, 4, 8, 10, 16, 32)),
            Hypothesis("unweighted-mean", np.asarray(_by_batches(net, x, labels)), "The images are taken in batches that count equally, though the last one is smaller. Weight each by its size."),
            Hypothesis("input-standardised", np.asarray(_standardised(net, x, labels)), "The images are standardised once more, with their own mean and standard deviation. They are normalised already, with the training set's numbers."),
            Hypothesis("accuracy-divided-by-batch", np.asarray([loss, right / 64]), "The number of right answers is divided by 64; divide it by the number of images."),
            Hypothesis("loss-summed", np.asarray([loss * n, accuracy]), "The loss is summed over the images; take the mean."),
            Hypothesis("loss-divided-twice", np.asarray([loss / n, accuracy]), "The loss is divided by the number of images twice; cross_entropy returns a mean already."),
            Hypothesis("argmin", np.asarray([loss, float((p.argmin(axis=1) == labels).mean())]), "The predicted class is the one with the smallest probability; take the largest (argmax)."),
        ],
        {"number of images": n},
    )
    if not all(close(g, w) for g, w in zip(student.read().weights, net.weights, strict=True)):
        raise Mistake("evaluate-trains", "evaluate changed the weights. It only measures: no backward, no update. Otherwise you train on the test images.")


def _leading(got: np.ndarray, net: Net, x: np.ndarray, labels: np.ndarray, p: np.ndarray) -> tuple[float, float]:
    """Loss and accuracy of the first k images, for the k that fits; NaN where there is none."""
    right = p.argmax(axis=1) == labels
    found = ((net.loss(x[:k], labels[:k]), float(right[:k].mean())) for k in range(1, len(x)))
    return next((pair for pair in found if close(got, np.asarray(pair))), (np.nan, np.nan))


def _by_batches(net: Net, x: np.ndarray, labels: np.ndarray, size: int = 64) -> tuple[float, float]:
    parts = _split(np.arange(len(x)), size)
    right = net.forward(x).argmax(axis=1) == labels
    return float(np.mean([net.loss(x[i], labels[i]) for i in parts])), float(np.mean([right[i].mean() for i in parts]))


def _standardised(net: Net, x: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    z = (x - x.mean()) / x.std()
    return net.loss(z, labels), float((net.forward(z).argmax(axis=1) == labels).mean())
