"""Checks of the student's `train_epoch` and `evaluate`: trajectories from given weights on given batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from helpers.check.core import oracle
from helpers.check.core.ask import Answer, ask, number
from helpers.check.core.cases import NetworkCase, network_case, rates
from helpers.check.core.compare import Hypothesis, close, close_all, telling, verify, verify_all
from helpers.check.core.draw import drawn
from helpers.check.core.hypotheses import answers
from helpers.check.core.hypotheses import epoch as hypotheses
from helpers.check.core.hypotheses.epoch import split, train
from helpers.check.core.hypotheses.network import Parameters
from helpers.check.core.oracle import Net
from helpers.check.core.report import Mistake, check
from helpers.check.network_from_scratch import probes
from helpers.check.network_from_scratch.mlp import earlier_work, given, names, network_of


@check("train_epoch", "B2", builds_on="your layers, loss and MLP", after="A1 A2 A3 A4 B1")
def train_epoch(function: Any, MLP: Any, *, seed: int = 0) -> Iterator[str]:
    """Weights after an epoch of three batches, the last smaller, in a given order, and the mean loss, against the
    reference trajectory."""
    case, (lr,) = network_case(seed), rates(seed, 1)
    net, x, labels, size, n = case.net, case.x, case.labels, case.batch, len(case.x)
    order = np.random.default_rng([seed, 99]).permutation(n)
    settings = (
        [{"batch_size": size, "order": order}] * 2
        + [{"batch_size": n + 4}, {"batch_size": n}, {"batch_size": size}]
    )  # fmt: skip
    seen = ask(probes.epochs, function, MLP, case.sizes, given(net), x, labels, lr, settings)

    def run(rate: float = lr, batches: Any = None, of_labels: Any = None, **how: Any) -> Parameters:
        chosen = batches(order) if batches else split(order, size)
        return train(
            net, x, labels, chosen, rate, of_labels=of_labels(order) if of_labels else None, **how
        )[0].parameters()

    end, losses = train(net, x, labels, split(order, size), lr)
    first = order[:size]
    try:
        _weights_after(seen, case, end, hypotheses.trajectory(run, n, size, lr))
        yield f"weights after batches of {size}, {size} and {n - 2 * size} follow the reference trajectory"
        _mean_loss(
            number(seen.part(0)["returned"], "the returned mean loss"), case, end, losses, split(order, size), lr
        )
        yield "mean loss over all images, the smaller last batch weighted by its size"
        _without_order(seen, case, lr, order)
    except Mistake as mistake:
        raise earlier_work(
            mistake, seen.part("by hand"), net.stepped(net.gradients(x[first], labels[first]), lr), "train_epoch"
        ) from None
    yield "works without `order`, with a batch as large as the set and larger"


def _after(seen: Answer, case: NetworkCase, place: int) -> Parameters:
    """The student's parameters after an epoch."""
    return network_of(seen.part(place), seen.part(place), case.sizes).parameters()


def _weights_after(seen: Answer, case: NetworkCase, end: Net, slips: list[Hypothesis]) -> None:
    got = _after(seen, case, 0)
    if not all(np.isfinite(p).all() for p in got):
        raise Mistake("not-finite", "The weights became NaN or infinite within one epoch of three small batches.")
    if (
        not close_all(got, end.parameters())
        and not any(one.explains(got) for one in slips)
        and not close_all(got, _after(seen, case, 1))
    ):
        raise Mistake("shuffles-itself", "Two epochs from the same weights, in the same `order`, end at different "
                      "weights: something is drawn at random inside. The order is given; don't shuffle again.")
    verify_all(got, end.parameters(), names("the {} after the epoch", end), slips, {"batch size": case.batch})


def _mean_loss(
    got: float, case: NetworkCase, end: Net, losses: list[float], batches: list[np.ndarray], lr: float
) -> None:
    net, x, labels, n, size = case.net, case.x, case.labels, len(case.x), case.batch
    counts = [len(batch) for batch in batches]

    def after_update() -> np.ndarray:
        nets = [train(net, x, labels, batches[: i + 1], lr)[0] for i in range(len(batches))]
        late = [one.loss(x[index], labels[index]) for one, index in zip(nets, batches, strict=True)]
        return np.asarray(np.average(late, weights=counts))

    verify(np.asarray(got), np.asarray(np.average(losses, weights=counts)), "the returned mean loss", lambda: [
        *(Hypothesis(one.name, np.squeeze(one.result()), one.hint)
          for one in hypotheses.mean_loss([(losses, counts)], size)),
        Hypothesis("loss-before-training", np.asarray(net.loss(x, labels)), "This is the loss of all images before "
                   "the epoch. Record each batch's loss during the epoch, before its update."),
        Hypothesis("loss-after-update", after_update, "Each batch's loss is taken after its update. Take it before: "
                   "from the probabilities of the forward that the gradients belong to."),
        Hypothesis("loss-after-training", np.asarray(end.loss(x, labels)), "This is the loss after the epoch. The "
                   "training loss is recorded during the epoch: each batch before its update."),
    ], {"batch size": size, "number of images": n, "number of batches": len(batches)})  # fmt: skip


def _without_order(seen: Answer, case: NetworkCase, lr: float, order: np.ndarray) -> None:
    net, x, labels, n, size = case.net, case.x, case.labels, len(case.x), case.batch
    larger, exact = (number(seen.part(place)["returned"], "the returned mean loss") for place in (2, 3))
    verify(np.asarray(larger), np.asarray(net.loss(x, labels)), "without `order`, and with a batch size larger than "
           "the set, the mean loss")
    if not np.isfinite(exact):
        raise Mistake("empty-batch", "Where the batch size divides the number of images, the loss is not a number: "
                      "there is an empty batch at the end. `range(0, n, batch_size)` makes none.")
    right = train(net, x, labels, split(np.arange(n), size), lr)[0].parameters()
    whole = train(net, x, labels, [np.arange(n)], lr)[0].parameters()
    if close_all(_after(seen, case, 3), whole) and not close_all(_after(seen, case, 4), right):
        raise Mistake("shuffles-itself", "Without `order` the batches should hold the images in their stored order; an "
                      "epoch of one batch is right, and one of several is not: are they shuffled?")
    verify_all(_after(seen, case, 4), right, names("the {} after an epoch without `order`", net))


@check("evaluate", "B3", builds_on="your layers, loss and MLP", after="A1 A2 A3 A4 B1")
def evaluate(function: Any, MLP: Any, *, seed: int = 0) -> Iterator[str]:
    """(mean loss, accuracy) of a network, which stays as it is."""
    cases = [telling_case(seed), network_case(seed), network_case(seed, 1)]
    seen = ask(
        probes.evaluations, function, MLP, [(case.sizes, given(case.net), case.x, case.labels) for case in cases]
    )
    for place, case in enumerate(cases):
        _evaluation(seen.part(place), case)
        yield f"mean loss and accuracy of {len(case.x)} images" if len(case.x) > 1 else "of one image, too"
    yield "the network is unchanged"


def telling_case(seed: int) -> NetworkCase:
    """1,301 images, more than people take at once, of which about half are answered right, and on which other ways to
    count right answers give other numbers."""

    def make(rng: np.random.Generator) -> NetworkCase:
        case = network_case(int(rng.integers(2**31)), 1301)
        x = 0.4 + 1.5 * case.x  # with a mean and a deviation of its own
        p, about = case.net.forward(x), rng.random(1301)
        about[-21:] = 0.95  # the last ones are all quite wrong, so a last batch that counts as much as the others shows
        labels = np.where(about < 0.55, p.argmax(axis=1), np.where(about < 0.75, p.argsort(axis=1)[:, -2], case.labels))
        labels[about > 0.93] = p[about > 0.93].argmin(axis=1)
        return replace(case, x=x, labels=labels)

    def tells(case: NetworkCase) -> bool:
        x, labels, n = case.x, case.labels, len(case.x)
        p = case.net.forward(x)
        of_each = -np.log(p[np.arange(n), labels])
        of_z = np.asarray(case.net.loss((x - x.mean()) / x.std(), labels))
        of_first = [np.asarray(of_each[:k].mean()) for k in answers.first_counts(n)]
        of_batches = [answers.mean_of_batches(of_each, size) for size in (*answers.BATCHES, n)]
        apart = not any(close(a, b) for a in of_batches for b in (of_z, *of_first))
        return apart and telling(answers.share(p, labels, True), np.asarray((p.argmax(axis=1) == labels).mean()))

    return drawn(seed, make, tells)


STANDARDISED = (
    "The images are standardised once more, with their own mean and standard deviation. They are normalised already, "
    "with the training set's numbers."
)


def _evaluation(seen: Answer, case: NetworkCase) -> None:
    net, x, labels, n = case.net, case.x, case.labels, len(case.x)
    loss, accuracy = pair(seen["returned"])
    p = net.forward(x)
    before, after = (network_of(each, seen, case.sizes).parameters() for each in (seen.part("before"), seen))
    if not close_all(before, after):
        raise Mistake("evaluate-trains", "evaluate changed the weights. It only measures: no backward, no update. "
                      "Otherwise you train on the test images.")
    right, mean = p.argmax(axis=1) == labels, net.loss(x, labels)
    share, sizes = np.asarray(right.mean()), {"number of images": n}
    if close(np.array([loss, accuracy]), np.array([share, mean])):
        raise Mistake("pair-swapped", "Loss and accuracy are swapped: the loss comes first.")

    z = (x - x.mean()) / x.std()

    def of_loss() -> list[Hypothesis]:
        sure = np.maximum(oracle.one_hot(p.argmax(axis=1), p.shape[1]), 1e-12)
        first = (np.asarray(net.loss(x[:k], labels[:k])) for k in answers.first_counts(n))
        return [
            *answers.rounded(np.asarray(loss), mean, "loss"),
            Hypothesis("input-standardised", np.asarray(net.loss(z, labels)), STANDARDISED),
            Hypothesis("loss-of-the-answer", np.asarray(oracle.cross_entropy(sure, labels)),
                       "The loss is computed from the predicted classes, 0 or 1; compute it from the probabilities."),
            *(Hypothesis("unweighted-mean",
                         answers.mean_of_batches(-np.log(p[np.arange(n), labels]), size),
                         "The images are taken in batches that count equally, though the last one is smaller. "
                         "Weight each by its size.")
              for size in answers.BATCHES if size < n),
            Hypothesis("loss-summed", np.asarray(mean * n), "The loss is summed over the images; take the mean."),
            Hypothesis("loss-divided-twice", np.asarray(mean / n), "The loss is divided by the number of images "
                       "twice; cross_entropy returns a mean already."),
            *(Hypothesis("loss-of-some-answers", lambda some=some: np.asarray(net.loss(x[some], labels[some])),  # type: ignore[misc]
                         f"The loss is the mean over the images that are answered {words} alone; take all of them.")
              for some, words in ((right, "rightly"), (~right, "wrongly")) if some.any()),
            Hypothesis("some-images-only",
                       next((one for one in first if close(np.asarray(loss), one)), np.asarray(np.nan)),
                       "Only the first images are looked at: a number is written into the code. Use all of them."),
        ]

    try:
        verify(np.asarray(loss), np.asarray(mean), "the loss", of_loss, sizes)
        verify(np.asarray(accuracy), share, "the accuracy", lambda: [
            Hypothesis(
                "input-standardised", np.asarray((net.forward(z).argmax(axis=1) == labels).mean()), STANDARDISED
            ),
            *answers.share(p, labels, True, np.asarray(accuracy)),
        ], sizes)  # fmt: skip
    except Mistake as mistake:
        if "output" in seen and not close(seen.array("output", "the output of MLP.forward"), p):
            raise Mistake("earlier-mistake", "evaluate can't be told right from wrong yet: already the output of your "
                          "network is not what it should be. See the checks of your layers and MLP first.") from None
        raise mistake from None
    outputs = [seen.array(name, "the output") for name in ("output", "output after") if name in seen]
    if outputs and not close_all(outputs[1:], outputs[:1]):
        raise Mistake("network-changed", "After evaluate the network gives another output for the same images, though "
                      "its weights are the same: was a layer taken out of its list (`pop`), or replaced? Leave the "
                      "network as it is.")


def pair(result: Any) -> tuple[float, float]:
    """What evaluate returned: a loss and an accuracy."""
    two = len(result) == 2 if isinstance(result, tuple | list) else getattr(result, "shape", None) == (2,)
    if not two:
        raise Mistake("not-a-pair", "evaluate should return two numbers: `return loss, accuracy`.")
    return number(result[0], "the loss"), number(result[1], "the accuracy")
