"""Checks of B1 to B3 of the CNN assignment: the error, the training loop, the student's own short run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from helpers.check.cnn_learning import oracle
from helpers.check.cnn_learning.cnn import Student, same, verify_net
from helpers.check.cnn_learning.layer import given_like
from helpers.check.cnn_learning.oracle import Net
from helpers.check.cnn_learning.trajectory import PARTS, losses_after, problem, reference, trajectory_slips
from helpers.check.core.calls import array, call, number, patience
from helpers.check.core.compare import Hypothesis, close, unchanged, verify
from helpers.check.core.report import Mistake, check
from helpers.data.split import Split


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
    for n in (11, 70):
        net, x, labels = _telling_problem(seed, n)
        student = Student(build, net)
        given = given_like(student.kind, x)
        before = array(given, "images")
        answers = given_like(student.kind, labels)
        result = call(function, student.network, given, answers, what="error_rate")
        unchanged(before, array(given, "images"), "images", "error_rate")
        unchanged(labels, array(answers, "labels").astype(labels.dtype), "labels", "error_rate")
        p = net.forward(x)
        answers, mine = p.argmax(axis=1), p[np.arange(n), labels]
        wrong = float((answers != labels).mean())
        got = np.asarray(number(result, "the error"))
        if not same(student.read(net), net):
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
        yield f"fraction of wrong answers among {n} images, the network unchanged"


def _given(split: Split, kind: Any) -> Split:
    fields = {f"{part}_{what}": given_like(kind, getattr(split, f"{part}_{what}")) for part in PARTS for what in ("images", "labels")}
    return Split(split.name, **fields, mean=split.mean, std=split.std, classes=split.classes)


@check("train", "B2", builds_on="your network and `error_rate`")
def train(function: Any, build: Any, *, seed: int = 0, lr: float = 0.15) -> Iterator[str]:
    """Weights after two epochs, losses and validation errors, against the reference trajectory."""
    size, epochs = 3, 2
    net, split = problem(seed, lr, epochs, size, seed + 5)
    student = Student(build, net)
    given = _given(split, student.kind)
    before = array(given.train_images, "train_images")
    result = call(function, student.network, given, lr, epochs, batch_size=size, seed=seed + 5, what="train")
    unchanged(before, array(given.train_images, "train_images"), "split.train_images", "train")
    losses, errors = _two_lists(result, epochs)
    expected, right_losses, right_errors = reference(net, split, lr, epochs, size, seed + 5)
    got = student.read(net)
    if not all(np.isfinite(w).all() for w in got.weights):
        raise Mistake("not-finite", "The weights became NaN or infinite within two epochs of three small batches.")
    slips = trajectory_slips(net, split, lr, epochs, size, seed + 5)
    if not same(got, expected) and not any(same(got, wrong()) for _, wrong, _ in slips):
        again = Student(build, net)
        call(function, again.network, _given(split, again.kind), lr, epochs, batch_size=size, seed=seed + 5, what="train")
        if not same(again.read(net), got):
            raise Mistake("shuffles-itself", "Two runs from the same weights with the same seed end at different weights: something is drawn at random inside. Take the order from `epoch_order`.")
    verify_net(got, expected, "after two epochs, the", slips, {"batch size": size})
    yield "weights after two epochs in batches of 3, 3 and 1 follow the reference trajectory"
    if close(losses, np.asarray([row["validation"] for row in right_errors])) and not close(losses, errors):
        raise Mistake("pair-swapped", "The two lists are swapped: the training losses come first, `return losses, errors`.")
    _right_losses(losses, right_losses, losses_after(net, split, lr, epochs, size, seed + 5), expected, split, size)
    yield "one mean training loss per epoch, the smaller last batch weighted by its size"
    _right_errors(errors, right_errors, net, split)
    yield "one validation error per epoch, measured after it"
    again = Student(build, net)
    second = call(function, again.network, _given(split, again.kind), 1e-12, 4, batch_size=size, seed=seed + 5, what="train")
    lengths = [np.atleast_1d(array(each, "the lists")).size for each in second]
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
def own_run(losses: Any, errors: Any, train: Any, build: Any, spec: Any, split: Split, *, epochs: int, lr: float = 0.1) -> Iterator[str]:
    """Plausible scales; the first epoch again, with the student's own code, gives the same numbers."""
    if losses is None or errors is None:
        raise Mistake("still-to-do", "Still to do: `losses` and `errors` are still None; write and run the exercise's cell above.")
    found = [np.atleast_1d(array(each, what)) for each, what in ((losses, "losses"), (errors, "errors"))]
    if np.array_equal(found[0], found[1]):
        raise Mistake("curves-identical", "`losses` and `errors` are the same numbers.")
    for values, what in zip(found, ("losses", "errors"), strict=True):
        if values.shape != (epochs,):
            raise Mistake("wrong-length", f"`{what}` has {values.size} entries; there should be one for each of the {epochs} epochs.")
        if not np.isfinite(values).all():
            raise Mistake("loss-not-finite", f"`{what}` holds NaN or infinity: the training diverged. Is the rate {lr:g}, and the gradient that of the mean loss?")
    if (found[1] > 1).any():
        raise Mistake("percent-for-share", f"`errors` goes up to {found[1].max():.4g}; it should be a fraction between 0 and 1.")
    if found[0][0] < 0.115:
        raise Mistake("loss-divided-twice", f"`losses` starts at {found[0][0]:.4f}, but a network that guesses has a loss of ln 10 = 2.30. Is a mean divided once more?")
    if epochs > 1 and found[0][-1] > 1.05 * found[0][0]:
        raise Mistake("loss-rises", f"The loss rises from {found[0][0]:.3f} to {found[0][-1]:.3f}. Is the sign of the gradient or of the step wrong?")
    yield f"{epochs} epochs; the loss starts near guessing and falls"
    again = epochs if epochs * len(split.train_labels) <= 500 else 1  # whole for grading, with few images
    begin = time.monotonic()
    try:
        whole = _again(train, build, spec, split, lr, 0, again)
    except Mistake as mistake:
        if mistake.name != "never-returns":
            raise
        yield "not run again, as that would take more than a minute here; grading runs it on few images"
        return
    if close(np.asarray([found[0][:again], found[1][:again]]), whole):
        yield f"the first {again} epochs, run again, give the same numbers" if again > 1 else "the first epoch, run again, gives the same numbers"
        return
    seconds = time.monotonic() - begin
    first, got = whole[:, 0], np.asarray([found[0][0], found[1][0]])
    if close(got, first):
        raise Mistake("not-reproduced", "The first epoch, run again, is the same, and a later one is not. `losses` and `errors` are what `train` returned, unchanged?")
    for rate in (0.01, 0.001, 0.02, 0.05, 0.2, 0.5, 1.0) if seconds < 4 else ():
        if close(got, _again(train, build, spec, split, rate, 0, 1)[:, 0]):
            raise Mistake("another-rate", f"This run was made at a rate of {rate:g}; {lr:g} is asked for.")
    for seed in (1, 2) if seconds < 4 else ():
        if close(got, _again(train, build, spec, split, lr, seed, 1)[:, 0]):
            raise Mistake("another-seed", f"This run started from seed {seed}; seed 0 is asked for, so that all hand-ins show the same curve.")
    raise Mistake("not-reproduced", f"The first epoch, run again with your own `build` and `train`, has the loss {first[0]:.4f} and the error {first[1]:.3f}; `losses` and `errors` begin with {got[0]:.4f} and {got[1]:.3f}. Is this the network of the file, new, with seed 0 and rate {lr:g}? Run the cells from the top.")


def _again(train: Any, build: Any, spec: Any, split: Split, lr: float, seed: int, epochs: int) -> np.ndarray:
    """(losses, errors) of a new run, (2, epochs). Thousands of images may take longer than a check's small arrays."""
    network = call(build, spec.values()["layers"], tuple(spec.input), seed=seed, what="build")
    with patience(60):
        result: Sequence[Any] = call(train, network, split, lr, epochs, what="train")
    return np.asarray([array(result[0], "the losses").reshape(-1), array(result[1], "the errors").reshape(-1)])
