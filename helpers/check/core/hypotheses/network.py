"""What can go wrong where layers become a network: its order of layers, its gradients, its update.

Of a reference network `net` these ask for `forward`, `gradients(x, labels, scale=…, start=…)` and `parameters()`; a
result is compared with lists of arrays, all parameters at once, so that a mistake has to explain all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check.core.compare import NOTHING, Hypothesis, close
from helpers.check.core.hypotheses.update import rate_ignored
from helpers.check.core.oracle import one_hot, softmax
from helpers.check.core.report import Mistake

Parameters = list[np.ndarray]


def advice(error: BaseException, what: str) -> str:
    """What an error about shapes usually means in a network's forward or backward."""
    if not any(word in str(error) for word in ("shape", "broadcast", "matmul")):
        return ""
    if what.endswith(".backward"):
        return (
            " Backward goes from the layer before the Softmax to the first, and hands each the gradient that the one "
            "behind it returned."
        )
    if what.endswith("MLP.forward"):
        return " Forward hands each layer what the one before it returned; only the first takes x itself."
    return ""


def one_layer_twice(name: str) -> Mistake:
    """For a backward that goes wrong where one layer, of the class `name`, stands in several places of the network."""
    return Mistake("layers-share-state", f"One {name} object stands in several places of `self.layers`. It keeps what "
                   f"its last forward stored, which the backward of its other places then uses. Make a new layer for "
                   f"each place.")


def output_spoiled(name: str) -> Mistake:
    """For a backward of the network, a class called so, that changes what its forward has returned."""
    return Mistake("output-spoiled", f"{name}.backward changes the probabilities that forward has returned, so that a "
                   f"loss that is taken from them afterwards is wrong: the gradient is written into that array (`-=`, "
                   f"`/=`, `p[rows, labels] -= 1`). Make it in an array of its own.")


def verify_not_kept(seen: Any, name: str) -> None:
    """Raise where forward gives, for an array that it was given before an update, another result ("same array") than
    for an equal one ("equal array")."""
    same, equal = (seen.array(which, f"the output of {name}.forward") for which in ("same array", "equal array"))
    if not close(same, equal):
        raise Mistake("kept-between-calls", f"After an update {name}.forward gives, for an array of images that it was "
                      f"given before, another result than for a copy of that array: it keeps results and knows them "
                      f"again by the array. Compute anew in each call, for the weights are others.")


def forward(
    p: np.ndarray, logits: np.ndarray, activation: Callable[[np.ndarray], np.ndarray], name: str
) -> list[Hypothesis]:
    """Of the probabilities p. activation: the one between the layers, called `name`."""
    return [
        Hypothesis("softmax-missing", logits, "The network returns logits: the Softmax at the end is missing."),
        Hypothesis("activation-before-softmax", softmax(activation(logits)), f"There is a {name} between the last "
                   f"layer and the Softmax. It changes the logits, so that not every class can become certain."),
        Hypothesis("activation-for-softmax", activation(logits), f"The output is a {name} of the logits; it should be "
                   f"a Softmax, whose rows add up to 1."),
        Hypothesis("softmax-twice", softmax(p), "The Softmax is applied twice."),
        Hypothesis("output-transposed", p.T, "The output is transposed: rows should be the examples of the batch."),
    ]


def gradients(
    net: Any, x: np.ndarray, labels: np.ndarray, logits: np.ndarray, skipped: Callable[[], Parameters]
) -> list[Hypothesis]:
    """Of the gradients of the mean loss. skipped: those without the backward of the activations."""
    n, p = len(x), net.forward(x)
    y = one_hot(labels, p.shape[1])
    g = (p - y) / n

    def scaled(scale: float) -> Callable[[], Parameters]:
        return lambda: net.gradients(x, labels, scale=scale).parameters()

    def started(start: np.ndarray) -> Callable[[], Parameters]:
        return lambda: net.gradients(x, labels, start=start).parameters()

    return [
        Hypothesis("gradient-not-averaged", scaled(1.0), f"All gradients are {n} times too large, and {n} is the "
                   f"batch size: they belong to the summed loss. See 'One convention'."),
        Hypothesis("gradient-averaged-twice", scaled(1 / n**2), f"All gradients are 1/{n} of what they should be, and "
                   f"{n} is the batch size: the mean is taken twice."),
        Hypothesis("gradient-sign", scaled(-1 / n), "All gradients have the wrong sign; look at the gradient of the "
                   "loss."),
        Hypothesis("gradient-from-logits", started((logits - y) / n), "The gradient starts from the logits; it starts "
                   "from the probabilities, the output of the Softmax: (p − y)/N."),
        Hypothesis("through-softmax-twice", started(p * (g - (g * p).sum(axis=1, keepdims=True))),
                   "cross_entropy_gradient already includes the softmax, and its result "
                   "is passed through Softmax.backward once more. Start with the last layer before the Softmax."),
        Hypothesis("activation-backward-skipped", skipped, "The gradient skips the backward of the activations. "
                   "backward calls every layer of forward, in reverse order."),
    ]


def update(
    start: Parameters,
    grads: Parameters,
    rate: float,
    groups: Mapping[str, Sequence[int]],
    earlier_rate: float | None = None,
    batch: int = 0,
) -> list[Hypothesis]:
    """Of the parameters after a step. groups: a sentence -> which arrays of the list moved; earlier_rate: of the
    step before; batch: its size, where that may be divided by."""

    def stepped(rate: float) -> Parameters:
        return [p - rate * g for p, g in zip(start, grads, strict=True)]

    def moved(places: Sequence[int]) -> Callable[[], Parameters]:
        return lambda: [
            new if i in places else old for i, (old, new) in enumerate(zip(start, stepped(rate), strict=True))
        ]

    every = "Call `update(lr)` of every layer that has parameters."
    kept = [] if earlier_rate is None else [
        Hypothesis("rate-kept", lambda: stepped(earlier_rate),
                   "The second update takes the `lr` of the first: it is kept somewhere. Use the one that is given."),
    ]
    return [
        Hypothesis("not-updated", start, f"update leaves all weights unchanged. {every}"),
        *(Hypothesis("only-some-updated", moved(places), f"{told} {every}") for told, places in groups.items()),
        *kept,
        *rate_ignored(stepped, "`lr` is ignored: the weights move as with"),
        Hypothesis("updated-twice", lambda: stepped(2 * rate), "The step is twice as long as it should be: is update "
                   "called twice for each layer?"),
        Hypothesis("update-adds", lambda: stepped(-rate), "The step goes uphill: the gradient is added."),
        Hypothesis("rate-divided", lambda: stepped(rate / batch) if batch > 1 else NOTHING, f"update moves 1/{batch} "
                   f"as far as it should, and {batch} is the batch size: the gradient is a mean already. Pass `lr` on "
                   f"as it is."),
        *(Hypothesis("rate-scaled", lambda f=f: stepped(f * rate), f"update moves {f:g} times as far as it should: "  # type: ignore[misc]
                     f"`lr` is not passed on as it is given.") for f in (0.5, 0.1, 10.0, 0.01, 100.0)),
    ]


def ends(count: int) -> dict[str, list[int]]:
    """Groups for `update`: of a network with so many arrays, weight and bias of the last layer first."""
    every = range(count)
    return {
        "Only the last layer is updated.": [0, 1],
        "Only the first layer is updated. Is there a `return` inside the loop?": [*every[-2:]],
        "The last layer is not updated.": [*every[2:]],
        "The first layer is not updated.": [*every[:-2]],
    }
