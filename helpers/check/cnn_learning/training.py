"""Checks of B1 to B3: the error, the training loop against a reference in float64, the student's own short run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from helpers.check.cnn_learning import oracle, probes
from helpers.check.cnn_learning.cnn import advice, given, net_of, same, shapes_right, verify_net
from helpers.check.cnn_learning.oracle import IMAGE, Net
from helpers.check.core.ask import Answer, array, ask, number, patience
from helpers.check.core.compare import Hypothesis, close, verify
from helpers.check.core.hypotheses import answers, epoch, study
from helpers.check.core.report import Mistake, check
from helpers.data.split import Split

# The error --------------------------------------------------------------------------------------------------------


def _telling_problem(seed: int, n: int) -> tuple[Net, np.ndarray, np.ndarray]:
    """A network and images on which each other way to count errors gives a number of its own."""
    while True:
        net, x, labels = oracle.small_problem(seed, n)
        p = net.forward(x)
        wrong = p.argmax(axis=1) != labels
        names: dict[float, set[str]] = {float(wrong.mean()): {"right"}}
        for k in (8, 10, 16, 32, 64, 500, 512, 1000):
            names.setdefault(float(wrong[:k].mean()), set()).add("some-images-only" if k < n else "right")
        for few in {round(float(wrong.mean()), digits) for digits in (1, 2, 3)} - {float(wrong.mean())}:
            names.setdefault(few, set()).add("rounded")
        for each in answers.share(p, labels, False):
            names.setdefault(float(each.result()), set()).add(each.name)
        first, second = np.sort(p, axis=1).T[:-3:-1]
        if all(len(each) == 1 for each in names.values()) and (first - second).min() > 1e-5:  # float32 tells them apart
            return net, x, labels
        seed += 1000


@check("error_rate", "B1", builds_on="your network", after="A1 A2 A3 A4 A5 A6 A7")
def error_rate(function: Any, build: Any, *, seed: int = 0) -> Iterator[str]:
    """The fraction of wrong answers; the network is unchanged."""
    counts = (53, 1031, 1)
    problems = [_telling_problem(seed, n) if n > 1 else oracle.small_problem(seed, n) for n in counts]
    networks = [{**given(net), "x": x, "labels": labels} for net, x, labels in problems]
    seen = ask(probes.errors, function, build, networks, advice=advice)
    for i, (n, (net, x, labels)) in enumerate(zip(counts, problems, strict=True)):
        shapes_right(seen.part(i), net)
        got = np.asarray(number(seen.part(i)["result"], "the error"))
        p = net.forward(x)
        if not close(array(seen.part(i)["probabilities"], "the output of Network.forward"), p):
            raise Mistake("network-first", "The output of Network.forward is not right already: see the checks of A7, "
                          "and those of its layers, first.")
        if not same(net_of(seen.part(i), net), net):
            raise Mistake("evaluate-trains", "error_rate changed the weights. Evaluation has no backward and no "
                          "update.")
        after = seen.part(i)
        if "after" not in after or not close(array(after["after"], "the output of Network.forward"), p):
            raise Mistake("network-changed", "After error_rate the network gives another output for the same images, "
                          "though its weights are the same: was a layer taken out of its list (`pop`), or replaced? "
                          "Leave the network as it is.")
        verify(got, np.asarray(float((p.argmax(axis=1) != labels).mean())), "the error", [
            *answers.share(p, labels, False, got),
            Hypothesis("loss-for-error", np.asarray(net.loss(x, labels)), "This is the loss. The error counts "
                       "answers: right or wrong."),
        ])  # fmt: skip
        yield f"fraction of wrong answers among {n} image{'s' * (n > 1)}, the network unchanged"


# The reference ----------------------------------------------------------------------------------------------------

PARTS = ("train", "validation", "test")


def problem(seed: int, lr: float, epochs: int, size: int, order_seed: int, n: int = 7) -> tuple[Net, Split]:
    """A network, and a split of n training, 9 validation and 8 test images, on which no error of one set and time is
    that of another, and the last validation error is larger than the one before. Weights of the usual size, so that
    float32 stays close to the reference over all epochs.
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
        small = all(np.isfinite(w).all() and np.abs(w).max() < 9 for w in end.parameters())
        if apart and small and right[-1] > right[-2] and right[-1] != before:
            return net, split
    raise AssertionError("no telling problem found")


def _split(*sets: tuple[Any, Any]) -> Split:
    """(images, labels) of the three sets as a Split of three classes."""
    (a, b), (c, d), (e, f) = sets
    return Split("check", a, b, c, d, e, f, 0.0, 1.0, 3)


def shuffled(seed: int, epoch: int, n: int) -> np.ndarray:
    """The notebook's `epoch_order`."""
    return np.random.default_rng([seed, epoch]).permutation(n)


Losses = list[tuple[list[float], list[int]]]
"""(losses, numbers of images) of each epoch's batches."""


def reference(
    net: Net, split: Split, lr: float, epochs: int, size: int, seed: int
) -> tuple[Net, Losses, list[dict[str, float]]]:
    """(network at the end, losses, errors of the three sets after each epoch)."""
    losses: Losses = []
    errors = []
    for place in range(epochs):
        batches = epoch.split(shuffled(seed, place, len(split.train_labels)), size)
        net, found = epoch.train(net, split.train_images, split.train_labels, batches, lr)
        losses.append((found, [len(batch) for batch in batches]))
        sets = {part: (getattr(split, f"{part}_images"), getattr(split, f"{part}_labels")) for part in PARTS}
        errors.append({part: net.error(*images_and_labels) for part, images_and_labels in sets.items()})
    return net, losses, errors


def trajectories(net: Net, split: Split, lr: float, epochs: int, size: int, seed: int) -> list[Hypothesis]:
    """Where a network ends that was trained in another way."""
    n, x, labels = len(split.train_labels), split.train_images, split.train_labels

    def end(
        of: Split = split, rate: float = lr, count: int = epochs, order: Callable[[int], np.ndarray] | None = None,
        rates: Callable[[int], float] = lambda place: 1.0, **how: Any,
    ) -> list[np.ndarray]:  # fmt: skip
        """of, order: other images, or another order of them; rates: factors of the epochs' rates; how: as
        `epoch.trajectory` asks for it."""
        found = net
        for place in range(count):
            placed = order(place) if order else shuffled(seed, place, len(of.train_labels))
            made = {name: value(placed) if name in ("batches", "of_labels") else value for name, value in how.items()}
            batches = made.pop("batches", epoch.split(placed, size))
            found, _ = epoch.train(found, of.train_images, of.train_labels, batches, rate * rates(place), **made)
        return found.parameters()

    def of(name: str, hint: str, **how: Any) -> Hypothesis:
        return Hypothesis(name, lambda: end(**how), hint)

    def on(*parts: str, scale: float = 1.0) -> Split:
        """The split with other training images."""
        images, own = (
            np.concatenate([getattr(split, f"{part}_{what}") for part in parts]) for what in ("images", "labels")
        )
        return replace(split, train_images=scale * images, train_labels=own)

    def stepwise(step: Callable[[Net, np.ndarray, np.ndarray], Net]) -> list[np.ndarray]:
        found = net
        for place in range(epochs):
            for index in epoch.split(shuffled(seed, place, n), size):
                found = step(found, x[index], labels[index])
        return found.parameters()

    def inside(now: Net, images: np.ndarray, own: np.ndarray) -> Net:
        return now.stepped(now.gradients(images, own, lr_inside=lr), lr)

    def late() -> list[np.ndarray]:
        """Each update comes before its backward, which goes through the new weights."""
        waiting: list[Net] = []

        def step(now: Net, images: np.ndarray, own: np.ndarray) -> Net:
            after = now.stepped(waiting.pop(), lr) if waiting else now
            waiting.append(now.gradients(images, own, back=after))
            return after

        return stepwise(step)

    own = ("validation",)
    return [
        of("one-epoch-only", "There is only one epoch. Is there a `return` inside the loop over the epochs?", count=1),
        of("same-order-every-epoch", "Every epoch takes the images in the order of the first: hand the epoch's number "
           "to epoch_order, inside the loop.", order=lambda _: shuffled(seed, 0, n)),
        of("epochs-from-one",
           "The epochs are counted from 1 here; epoch_order counts them from 0.",
           order=lambda place: shuffled(seed, place + 1, n)),
        of("seed-not-passed",
           "`seed` does not reach epoch_order: the images come in the order of seed 0.",
           order=lambda place: shuffled(0, place, n)),
        Hypothesis("update-before-backward", late, "The step is taken before backward, so it uses the gradients of "
                   "the batch before. First backward, then update."),
        Hypothesis("update-before-backward", lambda: stepwise(inside), "Each layer is updated before its backward has "
                   "made the gradient for its input. First backward through all layers, then update."),
        *epoch.trajectory(end, n, size, lr),
        *(of("rate-decays",
             "The rate falls from epoch to epoch; all epochs take the `lr` that is given.",
             rates=rates)
          for rates in (lambda place: 1 / (place + 1),
                        *(lambda place, f=f: f**place for f in (0.95, 0.9, 0.99, 0.5, 0.98, 0.8, 0.1)))),
        *(of("trained-on-validation",
             "The network is trained on the validation images, which then can't choose anything.",
             of=on(*parts))
          for parts in (own, ("train", *own), (*own, "train"))),
        *(of("trained-on-test", "The network is trained on the test images, and then every number that it reports is "
             "worthless. Train on split.train_images.", of=on(*parts)) for parts in (("train", "test"), ("test",))),
        of("images-changed",
           "The images are divided by 255 first. Those of `split` are ready: take them as they are.",
           of=on("train", scale=1 / 255)),
    ]  # fmt: skip


def losses_after(net: Net, split: Split, lr: float, epochs: int, size: int, seed: int) -> np.ndarray:
    """Mean training losses where each batch's loss is taken after its update."""
    x, labels, found = split.train_images, split.train_labels, []
    for place in range(epochs):
        total = 0.0
        for index in epoch.split(shuffled(seed, place, len(x)), size):
            net = net.stepped(net.gradients(x[index], labels[index]), lr)
            total += len(index) * net.loss(x[index], labels[index])
        found.append(total / len(x))
    return np.asarray(found)


# The training loop ------------------------------------------------------------------------------------------------


@check("train", "B2", builds_on="your network and `error_rate`", after="A1 A2 A3 A4 A5 A6 A7 B1")
def train(function: Any, build: Any, *, seed: int = 0) -> Iterator[str]:
    """Weights after two epochs, losses and validation errors, against the reference trajectory."""
    size, epochs, order = 3, 2, seed + 5
    lr = round(float(np.random.default_rng([seed, 12]).uniform(0.13, 0.22)), 3)
    net, split = problem(seed, lr, epochs, size, order)
    named = {"batch_size": size, "seed": order}
    n = len(split.train_labels)
    runs = [{"lr": lr, "epochs": epochs, **named}] * 2 + [{"lr": 1e-12, "epochs": 4, **named, "batch_size": n}]
    seen = ask(probes.trainings, function, build, given(net), split, runs, advice=advice)
    shapes_right(seen.part(0), net)
    if "result" in seen.part(2) and _rows(seen.part(2)["result"], 4):
        raise Mistake("not-a-pair", "train returns one pair for each epoch; it should return two lists, one of all "
                      "losses and one of all errors: `return losses, errors`.")
    losses, errors = _two_lists(seen.part(0)["result"], epochs)
    expected, right_losses, right_errors = reference(net, split, lr, epochs, size, order)
    got = net_of(seen.part(0), net)
    if not all(np.isfinite(w).all() for w in got.weights):
        raise Mistake("not-finite", "The weights became NaN or infinite within two epochs of three small batches.")
    hypotheses = trajectories(net, split, lr, epochs, size, order)
    named_one = same(got, expected) or any(each.explains(got.parameters()) for each in hypotheses)
    if not named_one and not same(net_of(seen.part(1), net), got):
        raise Mistake("shuffles-itself", "Two runs from the same weights with the same seed end at different weights: "
                      "something is drawn at random inside. Take the order from `epoch_order`.")
    if not same(got, expected):
        first = split.train_images[:size], split.train_labels[:size]
        if not same(net_of(seen.part("one step"), net), net.stepped(net.gradients(*first), lr)):
            raise Mistake("network-first", "A single step of your network, without `train`, is not right already: see "
                          "the checks of A7, and those of its layers, first.")
    verify_net(got, expected, "after two epochs, the", hypotheses, {"batch size": size})
    yield "weights after two epochs in batches of 3, 3 and 1 follow the reference trajectory"
    if close(losses, np.asarray([row["validation"] for row in right_errors])) and not close(losses, errors):
        raise Mistake("pair-swapped",
                      "The two lists are swapped: the training losses come first, `return losses, errors`.")
    _right_losses(losses, right_losses, losses_after(net, split, lr, epochs, size, order), expected, split, size)
    yield "one mean training loss per epoch, the smaller last batch weighted by its size"
    _right_errors(errors, right_errors, net, split)
    yield "one validation error per epoch, measured after it"
    lengths = [np.atleast_1d(array(each, "the lists")).size for each in _whole_batch(seen.part(2))]
    if max(lengths) > 4:
        raise Mistake("lists-shared", "A second call of train returns the entries of the first, too: the lists are "
                      "made once, outside or as default arguments. Make them inside train.")
    if min(lengths) < 4:
        raise Mistake("stops-early", f"At a rate so small that nothing changes train ends after {min(lengths)} of 4 "
                      f"epochs. Go through all epochs, also when the error rises or stays: a curve that is cut off "
                      f"can't be compared with others.")
    yield "a second call is independent of the first and runs all its epochs"


def _rows(result: Any, epochs: int) -> bool:
    """Whether there is a pair for each epoch."""
    shape = (epochs, 2)
    with contextlib.suppress(Exception):
        return np.asarray(result, dtype=float).shape == shape
    return False


def _whole_batch(seen: Answer) -> Any:
    """The result of a run whose batch size divides the number of images."""
    empty = Mistake("empty-batch", "Where the batch size divides the number of images, there is an empty batch at the "
                    "end. `range(0, n, batch_size)` makes none.")
    try:
        result = seen["result"]
    except Mistake as mistake:
        if mistake.name == "raises" and any(word in mistake.message for word in ("N=0", "(0,", "empty")):
            raise empty from None
        raise
    losses = array(result[0], "the training losses")
    if losses.size and not np.isfinite(losses).any():
        raise empty
    return result


def _two_lists(result: Any, epochs: int) -> tuple[np.ndarray, np.ndarray]:
    if result is None:
        raise Mistake("returns-none", "train returned None. Is `return losses, errors` missing?")
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Mistake("not-a-pair", "train should return two lists: `return losses, errors`.")
    if all(isinstance(each, int | float) or getattr(each, "ndim", 1) == 0 for each in result):
        raise Mistake("not-a-pair", "train should return two lists, losses and errors; it returned one list of "
                      "numbers, or two numbers.")
    found = [
        np.atleast_1d(array(each, what))
        for each, what in zip(result, ("the training losses", "the validation errors"), strict=True)
    ]
    for values, what in zip(found, ("training losses", "validation errors"), strict=True):
        if values.size == 3 * epochs or values.size == 3 * epochs + epochs:
            raise Mistake("one-entry-a-batch", f"There are {values.size} {what} for {epochs} epochs of 3 batches: "
                          f"there should be one entry per epoch, not one per batch.")
        if values.size == epochs + 1:
            raise Mistake("entry-before-training", f"There are {values.size} {what} for {epochs} epochs: is one taken "
                          f"before the first?")
        if values.size == 1 < epochs:
            raise Mistake("return-in-loop", f"There is only one of the {what} for {epochs} epochs. Is there a "
                          f"`return` inside the loop, or a list created inside it?")
        if values.size != epochs:
            raise Mistake("wrong-length", f"There are {values.size} {what}; there should be one for each of the "
                          f"{epochs} epochs.")
    return found[0].reshape(-1), found[1].reshape(-1)


SMOOTHED = (
    "Neighbouring epochs are averaged. Return what was measured; a curve that was smoothed hides how much it jumps."
)
BEST = "Each entry is the best so far. Return what was measured after each epoch, better or worse."


def _smoothed(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values[:1], (values[1:] + values[:-1]) / 2])


def _right_losses(got: np.ndarray, epochs: Losses, late: np.ndarray, end: Net, split: Split, size: int) -> None:
    mean = np.asarray([np.average(losses, weights=counts) for losses, counts in epochs])

    def at_end(part: str) -> np.ndarray:
        loss = end.loss(getattr(split, f"{part}_images"), getattr(split, f"{part}_labels"))
        return np.asarray([*got[:-1], loss])

    verify(got, mean, "the list of training losses", [
        *epoch.mean_loss(epochs, size),
        Hypothesis("loss-after-update", late, "Each batch's loss is taken after its update. Take it before: from the "
                   "probabilities of the forward that the gradients belong to."),
        Hypothesis("loss-after-training", at_end("train"), "This is the loss after the epoch. The training loss is "
                   "recorded during the epoch: each batch before its update."),
        Hypothesis("validation-for-training", at_end("validation"), "This is the loss on the validation images; the "
                   "training loss of the batches is asked for."),
        Hypothesis("smoothed", _smoothed(mean), "Each entry is the mean of this epoch and the one before. Are the sums "
                   "set back to 0 at the start of each epoch? If neighbours are averaged on purpose: return what was "
                   "measured; a curve that was smoothed hides how much it jumps."),
        Hypothesis("best-so-far", np.minimum.accumulate(mean), BEST),
        Hypothesis("sorted", np.sort(mean)[::-1], "The losses are sorted. The order of the epochs is what a curve "
                   "shows."),
    ], {"batch size": size, "number of images": len(split.train_labels)})  # fmt: skip


def _right_errors(got: np.ndarray, errors: list[dict[str, float]], net: Net, split: Split) -> None:
    right = np.asarray([row["validation"] for row in errors])
    before = net.error(split.validation_images, split.validation_labels)
    sets: list[Hypothesis] = []
    for part, name, hint in (
        ("train", "training-for-validation", "These are errors on the training images, which the network has seen. "
         "The learning curve shows those on split.validation_images."),
        ("test", "test-for-validation", "These are errors on the TEST images. Whoever chooses a rate by them has used "
         "the test set up: take split.validation_images."),
    ):
        values = np.asarray([row[part] for row in errors])
        sets += [
            Hypothesis(name, values, hint),
            Hypothesis(name, 1 - values, hint + " (And they are accuracies.)"),
            Hypothesis(name, 100 * values, hint + " (And they are in percent.)"),
        ]
    verify(got, right, "the list of validation errors", [
        Hypothesis("accuracy-for-error", 1 - right, "These are accuracies, fractions of correct answers; the error is "
                   "1 minus that."),
        Hypothesis("percent-for-share", 100 * right, "The errors are in percent; they should be fractions between 0 "
                   "and 1."),
        Hypothesis("percent-for-share", 100 * (1 - right), "These are accuracies in percent; the error is the "
                   "fraction of wrong answers, between 0 and 1."),
        *sets,
        Hypothesis("error-before-epoch", np.asarray([before, *right[:-1]]), "The error is measured before each epoch; "
                   "measure it after."),
        Hypothesis("error-once", np.full(len(right), right[-1]), "All entries are the error at the end; measure it "
                   "after each epoch."),
        Hypothesis("smoothed", _smoothed(right), SMOOTHED),
        Hypothesis("best-so-far", np.minimum.accumulate(right), BEST),
        Hypothesis("sorted", np.sort(right)[::-1], "The errors are sorted. The order of the epochs is what a curve "
                   "shows."),
    ])  # fmt: skip


@check("Your network's run", "B3", builds_on="`train` and `build`", after="A1 A2 A3 A4 A5 A6 A7 B1 B2")
def own_run(losses: Any, errors: Any, train: Any, build: Any, spec: Any, split: Split, *, epochs: int) -> Iterator[str]:
    """Plausible scales; the first epoch again, with the student's own code, gives the same numbers."""
    if losses is None or errors is None:
        raise Mistake("still-to-do", "Still to do: `losses` and `errors` are still None; write and run the exercise's "
                      "cell above.")
    count = epochs if epochs * len(split.train_labels) <= 500 else 1  # whole for grading, with few images
    tried = [(0.1, 0), *((rate, 0) for rate in (0.01, 0.001, 0.02, 0.05, 0.2, 0.5, 1.0)), (0.1, 1), (0.1, 2)]
    file = spec.values()["layers"], tuple(spec.input)
    found = [np.atleast_1d(array(each, what)) for each, what in ((losses, "losses"), (errors, "errors"))]
    if np.array_equal(found[0], found[1]):
        raise Mistake("curves-identical", "`losses` and `errors` are the same numbers.")
    for values, what in zip(found, ("losses", "errors"), strict=True):
        if values.shape != (epochs,):
            raise Mistake("wrong-length", f"`{what}` has {values.size} entries; there should be one for each of the "
                          f"{epochs} epochs.")
        study.finite(values, f"`{what}`")
    if (found[1] > 1).any() and (found[0] <= 1).all():
        raise Mistake("pair-swapped", "`losses` and `errors` are exchanged: train returns the losses first.")
    study.fractions(found[1], "`errors`")
    study.learns(found[0], "`losses`")
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
        yield (f"the first {count} epochs" if count > 1 else "the first epoch") + ", run again: the same numbers"
        return
    first, got = whole[:, 0], np.asarray([found[0][0], found[1][0]])
    if close(got, first):
        raise Mistake("not-reproduced", "The first epoch, run again, is the same, and a later one is not. `losses` "
                      "and `errors` are what `train` returned, unchanged? (Called anew for each epoch, it takes the "
                      "images in the order of epoch 0 each time: call it once, for all epochs.)")
    for i, (rate, start) in enumerate(tried):
        if i and str(i) in seen and close(got, _curves(seen[i])[:, 0]):
            if start:
                raise Mistake("another-seed", f"This run started from seed {start}; seed 0 is asked for, so that all "
                              f"hand-ins show the same curve.")
            raise Mistake("another-rate", f"This run was made at a rate of {rate:g}; 0.1 is asked for.")
    if close(got[:1], first[:1]):
        raise Mistake("not-reproduced", f"`losses` begin as in the run made again, with {first[0]:.4f}; `errors` begin "
                      f"with {got[1]:.3f}, where it has {first[1]:.3f}. Both come from *one* call, `losses, errors = "
                      f"train(…)`: a second call with the same network goes on with its trained weights.")
    raise Mistake("not-reproduced", f"The first epoch, run again with your own `build` and `train`, has the loss "
                  f"{first[0]:.4f} and the error {first[1]:.3f}; `losses` and `errors` begin with {got[0]:.4f} and "
                  f"{got[1]:.3f}. Is this the network of the file, new, with seed 0, scale 1, rate 0.1 and batches of "
                  f"64? Run the cells from the top.")


def _curves(result: Any) -> np.ndarray:
    """(losses, errors) of a run, (2, epochs)."""
    return np.asarray([array(result[0], "the losses").reshape(-1), array(result[1], "the errors").reshape(-1)])
