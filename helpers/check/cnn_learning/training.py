"""Checks of B1 to B3: the error, the training loop against a reference in float64, the student's own short run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from helpers.check.cnn_learning import oracle, probes
from helpers.check.cnn_learning.cnn import advice, given, net_of, same, shapes_right, verify_net
from helpers.check.cnn_learning.oracle import IMAGE, Net
from helpers.check.core.ask import array, ask, number, patience
from helpers.check.core.compare import Hypothesis, close, verify
from helpers.check.core.report import Mistake, check
from helpers.data.split import Split

# The error --------------------------------------------------------------------------------------------------------


def _telling_problem(seed: int, n: int) -> tuple[Net, np.ndarray, np.ndarray]:
    """A network and images on which other ways to count errors give other numbers."""
    while True:
        net, x, labels = oracle.small_problem(seed, n)
        p = net.forward(x)
        answers, mine = p.argmax(axis=1), p[np.arange(n), labels]
        wrong = float((answers != labels).mean())
        others = (float((mine <= 0.5).mean()), float((p.argmin(axis=1) != labels).mean()), float((answers[:, None] != labels).mean()), 1 - wrong, float(1 - mine.mean()), float((np.argsort(p, axis=1)[:, 0] != labels).mean()))
        if min(abs(wrong - other) for other in others) > 0.02 and 0.1 < wrong < 0.9:
            return net, x, labels
        seed += 1000


@check("error_rate", "B1", builds_on="your network")
def error_rate(function: Any, build: Any, *, seed: int = 0) -> Iterator[str]:
    """The fraction of wrong answers; the network is unchanged."""
    counts = (11, 70, 1)
    problems = [_telling_problem(seed, n) if n > 1 else oracle.small_problem(seed, n) for n in counts]
    seen = ask(probes.errors, function, build, [{**given(net), "x": x, "labels": labels} for net, x, labels in problems], advice=advice)
    for i, (n, (net, x, labels)) in enumerate(zip(counts, problems, strict=True)):
        shapes_right(seen.part(i), net)
        got = np.asarray(number(seen.part(i)["result"], "the error"))
        p = net.forward(x)
        answers, mine = p.argmax(axis=1), p[np.arange(n), labels]
        wrong = float((answers != labels).mean())
        if not close(array(seen.part(i)["probabilities"], "the output of Network.forward"), p):
            raise Mistake("network-first", "The output of Network.forward is not right already: see the checks of A7, and those of its layers, first.")
        if not same(net_of(seen.part(i), net), net):
            raise Mistake("evaluate-trains", "error_rate changed the weights. Evaluation has no backward and no update.")
        verify(got, np.asarray(wrong), "the error", [
            Hypothesis("accuracy-for-error", np.asarray(1 - wrong), "This is the accuracy, the fraction of correct answers; the error is 1 minus that."),
            Hypothesis("percent-for-share", np.asarray(100 * wrong), "The error is in percent; it should be a fraction between 0 and 1."),
            Hypothesis("percent-for-share", np.asarray(100 * (1 - wrong)), "This is the accuracy in percent; the error is a fraction between 0 and 1, of the wrong answers."),
            Hypothesis("error-counted", np.asarray(wrong * n), "This is the number of wrong answers; divide it by the number of images."),
            Hypothesis("error-counted", np.asarray((1 - wrong) * n), "This is the number of correct answers; the error is the fraction of wrong ones."),
            Hypothesis("loss-for-error", np.asarray(net.loss(x, labels)), "This is the loss. The error counts answers: right or wrong."),
            Hypothesis("probability-for-error", np.asarray(1 - float(mine.mean())), "This is 1 minus the mean probability of the true class. An answer is right or wrong: compare argmax with the label."),
            Hypothesis("threshold", np.asarray(float((mine <= 0.5).mean())), "An answer counts as correct here only if the true class has a probability above 0.5. It is correct if no other class has more (argmax)."),
            Hypothesis("argmin", np.asarray(float((p.argmin(axis=1) != labels).mean())), "The answer is the class with the smallest probability; take the largest (argmax)."),
            Hypothesis("all-wrong", np.asarray(1.0), "No answer counts as correct. Compare the predicted classes, argmax along axis 1, with the labels (not probabilities, or indices in the batch)."),
            *(Hypothesis("rounded", np.round(wrong, digits), f"The error is rounded to {digits} digit{'s' * (digits > 1)} (or divided by a hard-coded number). Return it unrounded.") for digits in (1, 2)),
            Hypothesis("compared-with-all", np.asarray(float((answers[:, None] != labels).mean())), "Every answer is compared with every label. Both should have the shape (N,)."),
            *(Hypothesis("divided-by-a-number", np.asarray(wrong * n / d), f"The number of wrong answers is divided by {d:,}, a hard-coded number; divide it by the number of images given.") for d in (64, 100, 1000, 10_000, 10, 3)),
            Hypothesis("some-images-only", np.asarray(float((answers != labels)[:10].mean())), "Only the first images are used; use all of them."),
            Hypothesis("some-images-only", np.asarray(float((answers != labels)[:64].mean())), "Only the first 64 images are used; use all of them."),
            *(Hypothesis("unweighted-mean", np.asarray(float(np.mean([(answers != labels)[i : i + size].mean() for i in range(0, n, size)]))), "The images are taken in batches that count equally, though the last one is smaller. Weight each by its size.") for size in (64, 32, 16, 8)),
        ])  # fmt: skip
        yield f"fraction of wrong answers among {n} image{'s' * (n > 1)}, the network unchanged"


# The reference ----------------------------------------------------------------------------------------------------

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
    steps with the gradients of the batch before, `rates(lr, epoch, batch)` another rate, `inside` weights that move before
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
            rate = slip.get("rates", lambda lr, epoch, index: lr)(lr, epoch, index)
            if slip.get("late"):
                after = net if waiting is None else net.stepped(waiting, rate)
                waiting, net = net.gradients(x[index], labels[index], back=after), after
                continue
            net = net.stepped(net.gradients(x[index], labels[index], slip.get("scale"), lr_inside=rate if slip.get("inside") else 0.0), rate)
        all_losses.append(losses)
        all_errors.append({part: net.error(getattr(split, f"{part}_images"), getattr(split, f"{part}_labels")) for part in PARTS})
    return net, all_losses, all_errors


def trajectories(net: Net, split: Split, lr: float, epochs: int, size: int, seed: int) -> list[Hypothesis]:
    """Where a network ends that was trained in another way."""
    n = len(split.train_labels)

    def end(rate: float = lr, count: int = epochs, of: Split = split, **slip: Any) -> Callable[[], list[np.ndarray]]:
        return lambda: reference(net, of, rate, count, size, seed, **slip)[0].parameters()

    def cut(order: np.ndarray, by: int) -> list[np.ndarray]:
        return [order[i : i + by] for i in range(0, len(order), by)]

    def shuffled(epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, epoch]).permutation(n)

    def on_another_set(*parts: str, scale: float = 1.0) -> Callable[[], list[np.ndarray]]:
        images, labels = (np.concatenate([getattr(split, f"{part}_{what}") for part in parts]) for what in ("images", "labels"))
        other = _split((scale * images, labels), *((getattr(split, f"{p}_images"), getattr(split, f"{p}_labels")) for p in ("validation", "test")))
        return end(of=other)

    return [
        Hypothesis("no-update", end(count=0), "The weights did not move: each batch needs forward, backward and update."),
        Hypothesis("one-epoch-only", end(count=1), "There is only one epoch. Is there a `return` inside the loop over the epochs?"),
        Hypothesis("ragged-batch-skipped", end(batches=lambda order, _: cut(order, size)[:-1]), "The last, smaller batch is skipped: 7 images in batches of 3 make batches of 3, 3 and 1."),
        Hypothesis("order-ignored", end(order=lambda _: np.arange(n)), "The order of the epoch is ignored: the images are taken as they lie."),
        Hypothesis("same-order-every-epoch", end(order=lambda _: shuffled(0)), "Every epoch takes the images in the order of the first: hand the epoch's number to epoch_order, inside the loop."),
        Hypothesis("epochs-from-one", end(order=lambda epoch: shuffled(epoch + 1)), "The epochs are counted from 1 here; epoch_order counts them from 0."),
        Hypothesis("seed-not-passed", end(order=lambda epoch: np.random.default_rng([0, epoch]).permutation(n)), "`seed` does not reach epoch_order: the images come in the order of seed 0."),
        Hypothesis("labels-not-ordered", lambda: _labels_apart(net, split, lr, epochs, size, seed).parameters(), "The images are put in order and the labels are not, so each image is trained with the label of another. Use the same indices for both."),
        Hypothesis("order-inverted", end(order=lambda epoch: np.argsort(shuffled(epoch))), "The order is used backwards: it says which image comes at each place, not where each image goes."),
        Hypothesis("one-image-at-a-time", end(batches=lambda order, _: cut(order, 1)), "The weights are updated after each single image; `batch_size` is ignored."),
        Hypothesis("batch-size-ignored", end(batches=lambda order, _: [order]), "All images come in one batch; `batch_size` is ignored (64 is written into the code?)."),
        Hypothesis("batches-overlap", end(batches=lambda order, _: [order[i : i + size] for i in range(n)]), "The batches overlap: each starts one image after the last. The next batch starts where this one ends (`range(0, n, batch_size)`)."),
        Hypothesis("first-batch-skipped", end(batches=lambda order, _: cut(order, size)[1:]), "The first batch is left out: count from 0."),
        Hypothesis("only-first-batch", end(batches=lambda order, _: cut(order, size)[:1]), "Only the first batch of each epoch is used. Is there a `break` or `return` inside the loop?"),
        Hypothesis("update-after-loop", end(batches=lambda order, _: cut(order, size)[-1:]), "There is one step an epoch, with the last batch's gradients. Update after each batch, inside the loop."),
        Hypothesis("backward-twice", end(batches=lambda order, _: [b for b in cut(order, size) for _ in (0, 1)]), "Each batch is used for two steps."),
        Hypothesis("update-before-backward", end(late=True), "The step is taken before backward, so it uses the gradients of the batch before. First backward, then update."),
        Hypothesis("update-before-backward", end(inside=True), "Each layer is updated before its backward has made the gradient for its input. First backward through all layers, then update."),
        Hypothesis("gradient-not-averaged", end(scale=1.0), "The weights move as if the loss were summed over the batch. See 'one convention'."),
        Hypothesis("rate-divided", end(rate=lr / size), "The rate is divided by the batch size, and the gradient is a mean already. Pass `lr` on as it is."),
        Hypothesis("rate-divided", end(rate=lr / n), "The rate is divided by the number of images, and the gradient is a mean already. Pass `lr` on as it is."),
        Hypothesis("rate-divided", end(rates=lambda r, _, b: r / len(b)), "The rate is divided by the size of the batch, and the gradient is a mean already. Pass `lr` on as it is."),
        Hypothesis("rate-scaled-by-batch", end(rates=lambda r, _, b: r * len(b) / size), "The step of the smaller last batch is made shorter. Its gradient is the mean over its own images."),
        Hypothesis("rate-decays", end(rates=lambda r, e, _: r / (e + 1)), "The rate falls from epoch to epoch; all epochs take the `lr` that is given."),
        *(Hypothesis("rate-ignored", end(rate=rate), f"`lr` is ignored: the weights move as with {rate:g}.") for rate in (0.1, 0.01, 0.001, 1.0)),
        Hypothesis("update-adds", end(rate=-lr), "The steps go uphill: the loss rises."),
        Hypothesis("updated-twice", end(rate=2 * lr), "Each step is twice too long: is update called twice?"),
        Hypothesis("trained-on-validation", on_another_set("validation"), "The network is trained on the validation images, which then can't choose anything."),
        *(Hypothesis("trained-on-validation", on_another_set(*parts), "The network is trained on the validation images, too, which then can't choose anything.") for parts in (("train", "validation"), ("validation", "train"))),
        Hypothesis("trained-on-test", on_another_set("train", "test"), "The network is trained on the test images, too, and then every number that it reports is worthless. Train on split.train_images."),
        Hypothesis("images-changed", on_another_set("train", scale=1 / 255), "The images are divided by 255 first. Those of `split` are ready: take them as they are."),
        Hypothesis("trained-on-test", on_another_set("test"), "The network is trained on the test images, and then every number that it reports is worthless. Train on split.train_images."),
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


# The training loop ------------------------------------------------------------------------------------------------


@check("train", "B2", builds_on="your network and `error_rate`")
def train(function: Any, build: Any, *, seed: int = 0) -> Iterator[str]:
    """Weights after two epochs, losses and validation errors, against the reference trajectory."""
    size, epochs, order = 3, 2, seed + 5
    lr = round(float(np.random.default_rng([seed, 12]).uniform(0.13, 0.22)), 3)
    net, split = problem(seed, lr, epochs, size, order)
    runs = [{"lr": lr, "epochs": epochs, "batch_size": size, "seed": order}] * 2 + [{"lr": 1e-12, "epochs": 4, "batch_size": size, "seed": order}]
    seen = ask(probes.trainings, function, build, given(net), split, runs, advice=advice)
    shapes_right(seen.part(0), net)
    losses, errors = _two_lists(seen.part(0)["result"], epochs)
    expected, right_losses, right_errors = reference(net, split, lr, epochs, size, order)
    got = net_of(seen.part(0), net)
    if not all(np.isfinite(w).all() for w in got.weights):
        raise Mistake("not-finite", "The weights became NaN or infinite within two epochs of three small batches.")
    hypotheses = trajectories(net, split, lr, epochs, size, order)
    if not same(got, expected) and not any(each.explains(got.parameters()) for each in hypotheses) and not same(net_of(seen.part(1), net), got):
        raise Mistake("shuffles-itself", "Two runs from the same weights with the same seed end at different weights: something is drawn at random inside. Take the order from `epoch_order`.")
    if not same(got, expected):
        first = split.train_images[:size], split.train_labels[:size]
        if not same(net_of(seen.part("one step"), net), net.stepped(net.gradients(*first), lr)):
            raise Mistake("network-first", "A single step of your network, without `train`, is not right already: see the checks of A7, and those of its layers, first.")
    verify_net(got, expected, "after two epochs, the", hypotheses, {"batch size": size})
    yield "weights after two epochs in batches of 3, 3 and 1 follow the reference trajectory"
    if close(losses, np.asarray([row["validation"] for row in right_errors])) and not close(losses, errors):
        raise Mistake("pair-swapped", "The two lists are swapped: the training losses come first, `return losses, errors`.")
    _right_losses(losses, right_losses, losses_after(net, split, lr, epochs, size, order), expected, split, size)
    yield "one mean training loss per epoch, the smaller last batch weighted by its size"
    _right_errors(errors, right_errors, net, split)
    yield "one validation error per epoch, measured after it"
    lengths = [np.atleast_1d(array(each, "the lists")).size for each in seen.part(2)["result"]]
    if max(lengths) > 4:
        raise Mistake("lists-shared", "A second call of train returns the entries of the first, too: the lists are made once, outside or as default arguments. Make them inside train.")
    if min(lengths) < 4:
        raise Mistake("stops-early", f"At a rate so small that nothing changes train ends after {min(lengths)} of 4 epochs. Go through all epochs, also when the error rises or stays: a curve that is cut off can't be compared with others.")
    yield "a second call is independent of the first and runs all its epochs"


def _two_lists(result: Any, epochs: int) -> tuple[np.ndarray, np.ndarray]:
    if result is None:
        raise Mistake("returns-none", "train returned None. Is `return losses, errors` missing?")
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Mistake("not-a-pair", "train should return two lists: `return losses, errors`.")
    if all(isinstance(each, int | float) or getattr(each, "ndim", 1) == 0 for each in result):
        raise Mistake("not-a-pair", "train should return two lists, losses and errors; it returned one list of numbers, or two numbers.")
    found = [np.atleast_1d(array(each, what)) for each, what in zip(result, ("the training losses", "the validation errors"), strict=True)]
    for values, what in zip(found, ("training losses", "validation errors"), strict=True):
        if values.size == 3 * epochs or values.size == 3 * epochs + epochs:
            raise Mistake("one-entry-a-batch", f"There are {values.size} {what} for {epochs} epochs of 3 batches: there should be one entry per epoch, not one per batch.")
        if values.size == epochs + 1:
            raise Mistake("entry-before-training", f"There are {values.size} {what} for {epochs} epochs: is one taken before the first?")
        if values.size == 1 < epochs:
            raise Mistake("return-in-loop", f"There is only one of the {what} for {epochs} epochs. Is there a `return` inside the loop, or a list created inside it?")
        if values.size != epochs:
            raise Mistake("wrong-length", f"There are {values.size} {what}; there should be one for each of the {epochs} epochs.")
    return found[0].reshape(-1), found[1].reshape(-1)


SMOOTHED = "Neighbouring epochs are averaged. Return what was measured; a curve that was smoothed hides how much it jumps."
BEST = "Each entry is the best so far. Return what was measured after each epoch, better or worse."


def _smoothed(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values[:1], (values[1:] + values[:-1]) / 2])


def _right_losses(got: np.ndarray, batches: list[list[tuple[float, int]]], late: np.ndarray, end: Net, split: Split, size: int) -> None:
    n = len(split.train_labels)
    losses = [[loss for loss, _ in epoch] for epoch in batches]
    counts = [[count for _, count in epoch] for epoch in batches]
    mean = np.asarray([np.average(row, weights=w) for row, w in zip(losses, counts, strict=True)])

    def each(of: Callable[[list[float], list[int]], float]) -> np.ndarray:
        return np.asarray([of(row, w) for row, w in zip(losses, counts, strict=True)])

    twice = "The loss is divided twice: the batches' losses are means already."
    verify(got, mean, "the list of training losses", [
        Hypothesis("last-batch-loss", each(lambda row, _: row[-1]), "Only the loss of the last batch is recorded. Add up the losses of all batches."),
        Hypothesis("first-batch-loss", each(lambda row, _: row[0]), "Only the loss of the first batch is recorded. Add up the losses of all batches."),
        Hypothesis("unweighted-mean", each(lambda row, _: float(np.mean(row))), "The batches count equally, though the last one has 1 image and the others have 3. Weight each batch's mean loss by its size."),
        Hypothesis("loss-summed", each(lambda row, w: float(np.dot(row, w))), f"The loss is summed over the images. Divide it by their number, {n}."),
        Hypothesis("loss-summed", each(lambda row, _: float(np.sum(row))), "The batches' mean losses are added up. Weight each by its size and divide by the number of images."),
        Hypothesis("loss-divided-twice", each(lambda row, _: float(np.sum(row)) / n), f"{twice} Their sum is divided by the number of images, so the curve is far too low."),
        Hypothesis("loss-divided-twice", each(lambda row, _: float(np.mean(row)) / size), f"{twice} They are divided by the batch size once more."),
        Hypothesis("loss-divided-twice", mean / size, f"{twice} They are divided by the batch size once more."),
        Hypothesis("loss-divided-twice", mean / n, f"{twice} They are divided by the number of images twice."),
        Hypothesis("last-batch-counted-full", each(lambda row, _: float(np.sum(row)) * size / n), "Every batch is weighted by `batch_size`, the smaller last one, too. Weight it by its own number of images."),
        Hypothesis("losses-not-reset", np.cumsum([float(np.dot(row, w)) for row, w in zip(losses, counts, strict=True)]) / n, "The sum is not reset to 0 before each epoch, so it accumulates."),
        Hypothesis("loss-after-update", late, "Each batch's loss is taken after its update. Take it before: from the probabilities of the forward that the gradients belong to."),
        Hypothesis("running-average", each(lambda row, _: (row[0] / 2 + row[1] / 2) / 2 + row[2] / 2), "Each batch's loss is averaged with what was there before, so the last batches count most. Add up, and divide once at the end."),
        Hypothesis("loss-after-training", np.asarray([*got[:-1], end.loss(split.train_images, split.train_labels)]), "This is the loss after the epoch. The training loss is recorded during the epoch: each batch before its update."),
        Hypothesis("validation-for-training", np.asarray([*got[:-1], end.loss(split.validation_images, split.validation_labels)]), "This is the loss on the validation images; the training loss of the batches is asked for."),
        Hypothesis("smoothed", _smoothed(mean), SMOOTHED),
        Hypothesis("best-so-far", np.minimum.accumulate(mean), BEST),
        Hypothesis("sorted", np.sort(mean)[::-1], "The losses are sorted. The order of the epochs is what a curve shows."),
    ], {"batch size": size, "number of images": n})  # fmt: skip


def _right_errors(got: np.ndarray, errors: list[dict[str, float]], net: Net, split: Split) -> None:
    right = np.asarray([row["validation"] for row in errors])
    before = net.error(split.validation_images, split.validation_labels)
    sets: list[Hypothesis] = []
    for part, name, hint in (
        ("train", "training-for-validation", "These are errors on the training images, which the network has seen. The learning curve shows those on split.validation_images."),
        ("test", "test-for-validation", "These are errors on the TEST images. Whoever chooses a rate by them has used the test set up: take split.validation_images."),
    ):
        values = np.asarray([row[part] for row in errors])
        sets += [Hypothesis(name, values, hint), Hypothesis(name, 1 - values, hint + " (And they are accuracies.)"), Hypothesis(name, 100 * values, hint + " (And they are in percent.)")]
    verify(got, right, "the list of validation errors", [
        Hypothesis("accuracy-for-error", 1 - right, "These are accuracies, fractions of correct answers; the error is 1 minus that."),
        Hypothesis("percent-for-share", 100 * right, "The errors are in percent; they should be fractions between 0 and 1."),
        Hypothesis("percent-for-share", 100 * (1 - right), "These are accuracies in percent; the error is the fraction of wrong answers, between 0 and 1."),
        *sets,
        Hypothesis("error-before-epoch", np.asarray([before, *right[:-1]]), "The error is measured before each epoch; measure it after."),
        Hypothesis("error-once", np.full(len(right), right[-1]), "All entries are the error at the end; measure it after each epoch."),
        Hypothesis("smoothed", _smoothed(right), SMOOTHED),
        Hypothesis("best-so-far", np.minimum.accumulate(right), BEST),
        Hypothesis("sorted", np.sort(right)[::-1], "The errors are sorted. The order of the epochs is what a curve shows."),
    ])  # fmt: skip


@check("Your network's run", "B3", builds_on="`train` and `build`")
def own_run(losses: Any, errors: Any, train: Any, build: Any, spec: Any, split: Split, *, epochs: int) -> Iterator[str]:
    """Plausible scales; the first epoch again, with the student's own code, gives the same numbers."""
    if losses is None or errors is None:
        raise Mistake("still-to-do", "Still to do: `losses` and `errors` are still None; write and run the exercise's cell above.")
    count = epochs if epochs * len(split.train_labels) <= 500 else 1  # whole for grading, with few images
    tried = [(0.1, 0), *((rate, 0) for rate in (0.01, 0.001, 0.02, 0.05, 0.2, 0.5, 1.0)), (0.1, 1), (0.1, 2)]
    file = spec.values()["layers"], tuple(spec.input)
    found = [np.atleast_1d(array(each, what)) for each, what in ((losses, "losses"), (errors, "errors"))]
    if np.array_equal(found[0], found[1]):
        raise Mistake("curves-identical", "`losses` and `errors` are the same numbers.")
    for values, what in zip(found, ("losses", "errors"), strict=True):
        if values.shape != (epochs,):
            raise Mistake("wrong-length", f"`{what}` has {values.size} entries; there should be one for each of the {epochs} epochs.")
        if not np.isfinite(values).all():
            raise Mistake("loss-not-finite", f"`{what}` holds NaN or infinity: the training diverged. Is the rate 0.1, and the gradient that of the mean loss?")
    if (found[1] > 1).any():
        raise Mistake("percent-for-share", f"`errors` goes up to {found[1].max():.4g}; it should be a fraction between 0 and 1.")
    if found[0][0] < 0.115:
        raise Mistake("loss-divided-twice", f"`losses` starts at {found[0][0]:.4f}, but a network that guesses has a loss of ln 10 = 2.30. Is a mean divided once more?")
    if epochs > 1 and found[0][-1] > 1.05 * found[0][0]:
        raise Mistake("loss-rises", f"The loss rises from {found[0][0]:.3f} to {found[0][-1]:.3f}. Is the sign of the gradient or of the step wrong?")
    yield f"{epochs} epochs; the loss starts near guessing and falls"
    with patience(60):  # thousands of images may take longer than a check's small arrays
        seen = ask(probes.own_run, train, build, file, split, tuple(map(np.ndarray.tolist, found)), count, tried)
    try:
        whole = _curves(seen["again"])
    except Mistake as mistake:
        if mistake.name != "never-returns":
            raise
        yield "not run again, as that would take more than a minute here; grading runs it on few images"
        return
    if close(np.asarray([found[0][:count], found[1][:count]]), whole):
        yield f"the first {count} epochs, run again, give the same numbers" if count > 1 else "the first epoch, run again, gives the same numbers"
        return
    first, got = whole[:, 0], np.asarray([found[0][0], found[1][0]])
    if close(got, first):
        raise Mistake("not-reproduced", "The first epoch, run again, is the same, and a later one is not. `losses` and `errors` are what `train` returned, unchanged?")
    for i, (rate, start) in enumerate(tried):
        if i and str(i) in seen and close(got, _curves(seen[i])[:, 0]):
            if start:
                raise Mistake("another-seed", f"This run started from seed {start}; seed 0 is asked for, so that all hand-ins show the same curve.")
            raise Mistake("another-rate", f"This run was made at a rate of {rate:g}; 0.1 is asked for.")
    raise Mistake("not-reproduced", f"The first epoch, run again with your own `build` and `train`, has the loss {first[0]:.4f} and the error {first[1]:.3f}; `losses` and `errors` begin with {got[0]:.4f} and {got[1]:.3f}. Is this the network of the file, new, with seed 0 and rate 0.1? Run the cells from the top.")


def _curves(result: Any) -> np.ndarray:
    """(losses, errors) of a run, (2, epochs)."""
    return np.asarray([array(result[0], "the losses").reshape(-1), array(result[1], "the errors").reshape(-1)])
