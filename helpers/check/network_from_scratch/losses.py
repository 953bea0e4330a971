"""Checks of the student's cross-entropy and its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core import oracle
from helpers.check.core.ask import Answer, array, ask, number
from helpers.check.core.cases import Batch, softmax_batches
from helpers.check.core.compare import verify
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.hypotheses import loss as hypotheses
from helpers.check.core.report import Mistake, check
from helpers.check.network_from_scratch import probes

SURE = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""Probabilities of a network that is sure, and wrong for one of the labels."""
LABELS = np.array([1, 1])


def _asked(what: str, function: Any, batches: list[Batch], more: list[tuple[np.ndarray, np.ndarray]]) -> Answer:
    """What the function returns for the batches' probabilities and labels, and for more of them."""
    given = [(oracle.softmax(batch.logits).astype(batch.dtype), batch.labels) for batch in batches]
    return ask(probes.losses, what, function, [*given, *more])


def _result(seen: Answer, place: int, batch: Batch) -> Any:
    """What came of a batch, of which the usual one, with every class, came before."""
    try:
        return seen[str(place)]
    except Mistake as mistake:
        if mistake.name != "raises" or not place or batch.labels.max() + 1 == batch.logits.shape[1]:
            raise
        raise Mistake("classes-from-labels", "Where no example has the last class, your function stops with an error: "
                      "the number of classes is that of the probabilities' columns, `probabilities.shape[1]`, not the "
                      "largest label plus 1.") from None


@check("cross_entropy", "A4")
def cross_entropy(function: Any, *, seed: int = 0) -> Iterator[str]:
    """Mean over the batch of −log p[label]; finite where p is 0."""
    batches = [batch for batch in softmax_batches(seed) if not batch.large]
    seen = _asked("cross_entropy", function, batches, [(SURE, LABELS), (SURE.astype(np.float32), LABELS)])
    for place, batch in enumerate(batches):
        p, n = oracle.softmax(batch.logits), len(batch.labels)
        got = array(_result(seen, place, batch), f"the loss{batch.words}")
        if got.shape == (n,) and n > 1:
            raise Mistake("not-averaged", "The result has one loss for each example. The loss is one number: their "
                          "mean over the batch.")
        got = got.reshape(()) if got.shape == (1,) else got
        right = np.asarray(oracle.cross_entropy(p, batch.labels))
        verify(got, right, f"the loss{batch.words}", partial(hypotheses.value, p, batch.labels), batch.sizes)
        yield "value for batches of several sizes, inputs unchanged"
    loss = number(seen[str(len(batches))], "the loss")
    if not np.isfinite(loss):
        raise Mistake("log-of-zero", f"Where the true class has probability 0 the loss is {loss}: log(0). Clip the "
                      f"probability from below inside the logarithm, at 1e-12 for example.")
    if loss < 1e-6:
        raise Mistake("zero-skipped", "A completely wrong answer costs nothing: where the probability is 0 the loss "
                      "becomes 0. Clip the probability from below instead, at 1e-12 for example.")
    if loss < 5:
        raise Mistake("clamp-too-large", f"A completely wrong answer costs only {2 * loss:.2f}: the lower bound "
                      f"inside the logarithm is too large. 1e-12 keeps it finite and hardly changes anything else.")
    if not np.isfinite(number(seen[str(len(batches) + 1)], "the loss")):
        raise Mistake("clamp-too-small", "In float32 the loss is infinite where the true class has probability 0: the "
                      "lower bound is so small that float32 rounds it to 0, or it vanishes beside 1. Use 1e-12.")
    yield "finite where the true class has probability 0, in float32, too"


def _loss_of_logits(labels: np.ndarray, logits: np.ndarray) -> float:
    return oracle.cross_entropy(oracle.softmax(logits), labels)


@check("cross_entropy_gradient", "A4")
def cross_entropy_gradient(function: Any, *, seed: int = 0) -> Iterator[str]:
    """(p − y) / N: the gradient of the mean loss with respect to the logits, against finite differences."""
    batches = softmax_batches(seed)
    seen = _asked("cross_entropy_gradient", function, batches, [])
    for place, batch in enumerate(batches):
        p, n, classes = oracle.softmax(batch.logits), *batch.logits.shape
        got = array(_result(seen, place, batch), f"the gradient{batch.words}")
        right = (p - oracle.one_hot(batch.labels, classes)) / n
        if batch.large:
            verify(got, right, f"the gradient{batch.words}")
            continue
        numerical = partial(numerical_gradient, partial(_loss_of_logits, batch.labels), batch.logits)
        verify(got, right,
               f"the gradient{batch.words}", partial(hypotheses.gradient, p, batch.labels, got), batch.sizes, numerical)
        yield (
            "gradient of the mean loss for batches of several sizes "
            "agrees with finite differences through the softmax; inputs unchanged"
        )
    yield "probabilities of 0 and 1, in float32, too"
