"""The reference of B2 of the CNN assignment: training step by step in float64, and as mistakes do it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.check.cnn_learning import oracle
from helpers.check.cnn_learning.oracle import IMAGE, Net
from helpers.data.split import Split

PARTS = ("train", "validation", "test")


def problem(seed: int, lr: float, epochs: int, size: int, order_seed: int, n: int = 7) -> tuple[Net, Split]:
    """A network, and a split of n training, 9 validation and 8 test images, on which no error of one set and time is
    that of another, and the last validation error is larger than the one before. Weights of the usual size, so that float32 stays close to the reference over all epochs.
    """
    for tries in range(2000):
        rng = np.random.default_rng([seed, n, tries])
        net = Net.random(oracle.ENTRIES, IMAGE, rng, gain=1.2)
        sets = [(rng.normal(size=(m, *IMAGE)), rng.permutation(np.arange(m) % 3)) for m in (n, 9, 8)]
        split = _split(*sets)
        before = net.error(*sets[1])
        # A cheap look first; few networks change their answers within two epochs of three steps.
        if not 0.1 < before < 0.9:
            continue
        end, _, errors = reference(net, split, lr, epochs, size, order_seed)
        right = [before, *(row["validation"] for row in errors)]
        others = [[row[part] for row in errors] for part in ("train", "test")]
        vectors = [right[1:], right[:-1], [right[-1]] * epochs, *others]
        vectors += [[1 - e for e in vector] for vector in vectors]
        apart = not any(np.allclose(vectors[0], other) for other in vectors[1:])
        if apart and right[-1] > right[-2] and all(np.isfinite(w).all() and np.abs(w).max() < 9 for w in end.parameters()):
            return net, split
    raise AssertionError("no telling problem found")


def _split(*sets: tuple[Any, Any]) -> Split:
    """(images, labels) of the three sets as a Split of three classes."""
    (a, b), (c, d), (e, f) = sets
    return Split("check", a, b, c, d, e, f, 0.0, 1.0, 3)


def reference(net: Net, split: Split, lr: float, epochs: int, size: int, seed: int, **slip: Any) -> tuple[Net, list[list[tuple[float, int]]], list[dict[str, float]]]:
    """(network at the end, (loss, images) of each batch of each epoch, errors of the three sets after each epoch).

    slip: `batches(order, epoch)` makes other batches, `order(epoch)` another order, `scale` another gradient, `late`
    steps with the gradients of the batch before, `rate(lr, epoch, batch)` another rate, `inside` weights that move before
    the gradient for a layer's input is made of them.
    """
    x, labels = split.train_images, split.train_labels
    all_losses, all_errors, waiting = [], [], None
    for epoch in range(epochs):
        order = slip["order"](epoch) if "order" in slip else np.random.default_rng([seed, epoch]).permutation(len(x))
        losses = []
        parts = slip["batches"](order, epoch) if "batches" in slip else [order[i : i + size] for i in range(0, len(order), size)]
        for index in parts:
            losses.append((net.loss(x[index], labels[index]), len(index)))
            rate = slip.get("rate", lambda lr, epoch, index: lr)(lr, epoch, index)
            if slip.get("late"):
                after = net if waiting is None else net.stepped(waiting, rate)
                waiting, net = net.gradients(x[index], labels[index], back=after), after
                continue
            net = net.stepped(net.gradients(x[index], labels[index], slip.get("scale"), lr_inside=rate if slip.get("inside") else 0.0), rate)
        all_losses.append(losses)
        all_errors.append({part: net.error(getattr(split, f"{part}_images"), getattr(split, f"{part}_labels")) for part in PARTS})
    return net, all_losses, all_errors


Slips = list[tuple[str, Callable[[], Net], str]]


def trajectory_slips(net: Net, split: Split, lr: float, epochs: int, size: int, seed: int) -> Slips:
    n = len(split.train_labels)

    def end(rate: float = lr, count: int = epochs, **slip: Any) -> Callable[[], Net]:
        return lambda: reference(net, split, rate, count, size, seed, **slip)[0]

    def cut(order: np.ndarray, by: int) -> list[np.ndarray]:
        return [order[i : i + by] for i in range(0, len(order), by)]

    def shuffled(epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, epoch]).permutation(n)

    def on_another_set(*parts: str, scale: float = 1.0) -> Callable[[], Net]:
        images, labels = (np.concatenate([getattr(split, f"{part}_{what}") for part in parts]) for what in ("images", "labels"))
        other = _split((scale * images, labels), *((getattr(split, f"{p}_images"), getattr(split, f"{p}_labels")) for p in ("validation", "test")))
        return lambda: reference(net, other, lr, epochs, size, seed)[0]

    return [
        ("no-update", end(count=0), "The weights did not move: each batch needs forward, backward and update."),
        ("one-epoch-only", end(count=1), "There is only one epoch. Is there a `return` inside the loop over the epochs?"),
        ("ragged-batch-skipped", end(batches=lambda order, _: cut(order, size)[:-1]), "The last, smaller batch is skipped: 7 images in batches of 3 make batches of 3, 3 and 1."),
        ("order-ignored", end(order=lambda _: np.arange(n)), "The order of the epoch is ignored: the images are taken as they lie."),
        ("same-order-every-epoch", end(order=lambda _: shuffled(0)), "Every epoch takes the images in the order of the first: hand the epoch's number to epoch_order, inside the loop."),
        ("epochs-from-one", end(order=lambda epoch: shuffled(epoch + 1)), "The epochs are counted from 1 here; epoch_order counts them from 0."),
        ("seed-not-passed", end(order=lambda epoch: np.random.default_rng([0, epoch]).permutation(n)), "`seed` does not reach epoch_order: the images come in the order of seed 0."),
        ("labels-not-ordered", lambda: _labels_apart(net, split, lr, epochs, size, seed), "The images are put in order and the labels are not, so each image is trained with the label of another. Use the same indices for both."),
        ("order-inverted", end(order=lambda epoch: np.argsort(shuffled(epoch))), "The order is used backwards: it says which image comes at each place, not where each image goes."),
        ("one-image-at-a-time", end(batches=lambda order, _: cut(order, 1)), "The weights are updated after each single image; `batch_size` is ignored."),
        ("batch-size-ignored", end(batches=lambda order, _: [order]), "All images come in one batch; `batch_size` is ignored (64 is written into the code?)."),
        ("batches-overlap", end(batches=lambda order, _: [order[i : i + size] for i in range(n)]), "The batches overlap: each starts one image after the last. The next batch starts where this one ends (`range(0, n, batch_size)`)."),
        ("first-batch-skipped", end(batches=lambda order, _: cut(order, size)[1:]), "The first batch is left out: count from 0."),
        ("only-first-batch", end(batches=lambda order, _: cut(order, size)[:1]), "Only the first batch of each epoch is used. Is there a `break` or `return` inside the loop?"),
        ("update-after-loop", end(batches=lambda order, _: cut(order, size)[-1:]), "There is one step an epoch, with the last batch's gradients. Update after each batch, inside the loop."),
        ("backward-twice", end(batches=lambda order, _: [b for b in cut(order, size) for _ in (0, 1)]), "Each batch is used for two steps."),
        ("update-before-backward", end(late=True), "The step is taken before backward, so it uses the gradients of the batch before. First backward, then update."),
        ("update-before-backward", end(inside=True), "Each layer is updated before its backward has made the gradient for its input. First backward through all layers, then update."),
        ("gradient-not-averaged", end(scale=1.0), "The weights move as if the loss were summed over the batch. See 'one convention'."),
        ("rate-divided", end(rate=lr / size), "The rate is divided by the batch size, and the gradient is a mean already. Pass `lr` on as it is."),
        ("rate-divided", end(rate=lr / n), "The rate is divided by the number of images, and the gradient is a mean already. Pass `lr` on as it is."),
        ("rate-divided", lambda: reference(net, split, lr, epochs, size, seed, rate=lambda r, _, b: r / len(b))[0], "The rate is divided by the size of the batch, and the gradient is a mean already. Pass `lr` on as it is."),
        ("rate-scaled-by-batch", lambda: reference(net, split, lr, epochs, size, seed, rate=lambda r, _, b: r * len(b) / size)[0], "The step of the smaller last batch is made shorter. Its gradient is the mean over its own images."),
        ("rate-decays", lambda: reference(net, split, lr, epochs, size, seed, rate=lambda r, e, _: r / (e + 1))[0], "The rate falls from epoch to epoch; all epochs take the `lr` that is given."),
        *(("rate-ignored", end(rate=rate), f"`lr` is ignored: the weights move as with {rate:g}.") for rate in (0.1, 0.01, 0.001, 1.0)),
        ("update-adds", end(rate=-lr), "The steps go uphill: the loss rises."),
        ("updated-twice", end(rate=2 * lr), "Each step is twice too long: is update called twice?"),
        ("trained-on-validation", on_another_set("validation"), "The network is trained on the validation images, which then can't choose anything."),
        *(("trained-on-validation", on_another_set(*parts), "The network is trained on the validation images, too, which then can't choose anything.") for parts in (("train", "validation"), ("validation", "train"))),
        ("trained-on-test", on_another_set("train", "test"), "The network is trained on the test images, too, and then every number that it reports is worthless. Train on split.train_images."),
        ("images-changed", on_another_set("train", scale=1 / 255), "The images are divided by 255 first. Those of `split` are ready: take them as they are."),
        ("trained-on-test", on_another_set("test"), "The network is trained on the test images, and then every number that it reports is worthless. Train on split.train_images."),
    ]  # fmt: skip


def _labels_apart(net: Net, split: Split, lr: float, epochs: int, size: int, seed: int) -> Net:
    """Images in the epoch's order, labels in the original order."""
    for epoch in range(epochs):
        order = np.random.default_rng([seed, epoch]).permutation(len(split.train_labels))
        for i in range(0, len(order), size):
            x, labels = split.train_images[order[i : i + size]], split.train_labels[i : i + size]
            net = net.stepped(net.gradients(x, labels), lr)
    return net


def losses_after(net: Net, split: Split, lr: float, epochs: int, size: int, seed: int) -> np.ndarray:
    """Mean training losses where each batch's loss is taken after its update."""
    x, labels, found = split.train_images, split.train_labels, []
    for epoch in range(epochs):
        order, total = np.random.default_rng([seed, epoch]).permutation(len(x)), 0.0
        for i in range(0, len(order), size):
            index = order[i : i + size]
            net = net.stepped(net.gradients(x[index], labels[index]), lr)
            total += len(index) * net.loss(x[index], labels[index])
        found.append(total / len(x))
    return np.asarray(found)
