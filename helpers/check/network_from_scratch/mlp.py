"""Checks of the student's `MLP`: layers, forward, all gradients, two updates; and how the other checks read a
network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core.ask import Answer, array, ask
from helpers.check.core.cases import NetworkCase, network_case, rates
from helpers.check.core.compare import Hypothesis, close, close_all, verify, verify_all
from helpers.check.core.hypotheses import network as hypotheses
from helpers.check.core.oracle import Net, sigmoid, softmax
from helpers.check.core.report import Mistake, check
from helpers.check.network_from_scratch import probes


def given(net: Net) -> list[np.ndarray]:
    """What a probe gives a student's network: weight, bias, weight, …"""
    return [p for pair in zip(net.weights, net.biases, strict=True) for p in pair]


def linear_layers(seen: Answer) -> int:
    """How many linear layers a student's network has."""
    if not seen["layers"]:
        raise Mistake("layers-missing", "MLP should keep its layers in the list `self.layers`, in the order of "
                      "forward.")
    return int(seen["linears"]) if isinstance(seen["linears"], int) else 0


def weight_shapes(seen: Answer, sizes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Of the first weights, (in, out) or (out, in), which fit the sizes."""
    count = linear_layers(seen)
    if count != len(sizes) - 1:
        raise Mistake("wrong-number-of-layers", f"For sizes {sizes} the network has {count} Linear layers; it should "
                      f"have {len(sizes) - 1}, one between each two sizes.")
    shapes = [seen.array(f"first weight {i}", "weight").shape for i in range(count)]
    for i, shape in enumerate(shapes):
        if sorted(shape) != sorted(sizes[i : i + 2]):
            raise Mistake("wrong-layer-size", f"Linear layer {i + 1} has weights of shape {shape}; for sizes {sizes} "
                          f"it should be {sizes[i : i + 2]}.")
    return shapes


def network_of(seen: Answer, first: Answer, sizes: tuple[int, ...], names: tuple[str, str] = probes.PARAMETERS) -> Net:
    """Parameters (or gradients) that a probe noted in `seen`, in the course's layout; `first`: where it noted the
    first ones."""
    shapes = weight_shapes(first, sizes)
    found = Net([], [])
    for i, shape in enumerate(shapes):
        if seen[f"{names[0]} {i}"] is None and names == probes.GRADIENTS:
            raise Mistake("layer-not-reached", f"Linear layer {i + 1} has no {names[0]} after MLP.backward: its "
                          f"backward was not called. Go through all layers before the Softmax, from the last to the "
                          f"first.")
        w, b = (seen.array(f"{name} {i}", f"{name} of Linear layer {i + 1}") for name in names)
        found.weights.append(w.T if shape != sizes[i : i + 2] else w)
        found.biases.append(b.reshape(-1))
    return found


def names(what: str, net: Net) -> list[str]:
    """For `verify_all` of `Net.parameters`: `what` with each parameter's name in the place of {}."""
    return [
        what.format(f"{part} of Linear layer {i}")
        for i in range(len(net.weights), 0, -1)
        for part in probes.PARAMETERS
    ]


@check("MLP", "B1", builds_on="your layers and loss of Part A", after="A1 A2 A3 A4")
def network(MLP: Any, *, seed: int = 0) -> Iterator[str]:
    """Layers, forward, all gradients of the mean loss and an update, twice, with another batch and another rate."""
    first, second = network_case(seed), network_case(seed, 8)
    steps = list(zip((first, second), rates(seed), strict=True))
    sizes = first.sizes
    seen = ask(probes.mlp, MLP, sizes, given(first.net), [(case.x, case.labels, rate) for case, rate in steps],
               advice=hypotheses.advice)
    _starts(seen, sizes)
    yield "Linear layers of the right sizes, each with weights of its own"
    net = first.net
    for number, (case, rate) in enumerate(steps):
        of_step, before = seen.part(number), steps[0][1] if number else None
        try:
            _output(of_step, seen, net, case.x)
            if seen.part("given")["twice"] and not _backward_right(of_step, seen, net, case):
                raise hypotheses.one_layer_twice(seen.part("given")["twice"])
            after, gradients = of_step.part("after backward"), net.gradients(case.x, case.labels)
            _gradients(after, seen.part("given"), net, case.x, case.labels)
        except Mistake:
            if not number:
                raise
            raise Mistake("keeps-state", "The first forward and backward are right, and the second, after an "
                          "update, are not: something of the first is still used. Does backward change self.layers "
                          "(`pop`, `reverse`), or take probabilities that an earlier forward stored, or does a layer "
                          "use `lr` or an earlier gradient in its backward?") from None
        if seen.part("spoiled")[number]:
            raise hypotheses.output_spoiled("MLP")
        if not number:
            yield "forward gives the reference's probabilities; gradients of all weights and biases"
        stepped = net.stepped(gradients, rate)
        got = network_of(of_step.part("after update"), seen.part("given"), sizes).parameters()
        parameters = net.parameters(), gradients.parameters()
        told = partial(hypotheses.update, *parameters, rate, hypotheses.ends(len(got)), before, len(case.x))
        verify_all(got, stepped.parameters(), names("the {} after MLP.update", net), told)
        net = stepped
    hypotheses.verify_not_kept(seen, "MLP")
    yield "update moves every layer, at two rates; a second pass does not depend on the first"
    for others in ((sizes[0], sizes[-1]), (*sizes, sizes[0])):
        try:
            weight_shapes(seen.part(len(others)), others)
        except Mistake:
            raise Mistake("layers-written-in", f"MLP makes the right network for {len(sizes)} sizes, and none for "
                          f"{others}: its layers are written out one by one. Make them in a loop, one between each two "
                          f"sizes.") from None
    yield "fewer and more layers"


LAYERS_SHARED = (
    "Two networks share their layers: the list belongs to the class, or is a default argument. Make it in `__init__`: "
    "`self.layers = []`."
)


def _starts(seen: Answer, sizes: tuple[int, ...]) -> None:
    """What networks start with, and that they don't share it."""
    square = seen.part("square")
    if linear_layers(square) > 1:
        own = [square.array(f"first weight {i}", "weight") for i in (0, 1)]
        if own[0].shape == own[1].shape and np.array_equal(own[0], own[1]):
            raise Mistake("same-seed-everywhere", "Two layers of the same size start with the same weights. Give each "
                          "layer a seed of its own, such as seed + its number.")
    if linear_layers(seen.part("given")) == 2 * linear_layers(square) == 2 * (len(sizes) - 1):
        raise Mistake("layers-shared", LAYERS_SHARED)
    weight_shapes(seen.part("given"), sizes)
    if seen["shared"]:
        raise Mistake("layers-shared", LAYERS_SHARED)
    one, other = (seen.part(f"seed {number}") for number in (1, 2))
    first = "first weight 0"
    if first in other and np.array_equal(one.array(first, "weight"), other.array(first, "weight")):
        raise Mistake("seed-ignored", "Networks with seed 1 and seed 2 start with the same weights. Make the layers' "
                      "seeds from the network's own, such as [seed, number of the layer].")


def _output(of_step: Answer, seen: Answer, net: Net, x: np.ndarray) -> None:
    """The result of forward."""
    p, got = net.forward(x), array(of_step["output"], "the output of MLP.forward")
    again = [seen[name] for name in ("twice 0", "twice 1") if name in seen]
    if not close(got, p) and len(again) == 2 and not close_all(*([array(one, "the output")] for one in again)):
        raise Mistake("random-in-forward", "MLP.forward gives another output each time, for the same images and "
                      "weights: something is drawn at random in it (dropout?). The network of this exercise has "
                      "nothing random but its first weights.")
    linear_chain = x
    for w, b in zip(net.weights, net.biases, strict=True):
        linear_chain = linear_chain @ w + b
    verify(got, p, "the output of MLP.forward", lambda: [
        *hypotheses.forward(p, net.logits(x), sigmoid, "Sigmoid"),
        Hypothesis("activation-missing", softmax(linear_chain), "The Sigmoids between the Linear layers are missing; "
                   "without them the whole network does no more than one Linear layer."),
        Hypothesis("relu-for-sigmoid", _other_activation(net, x, lambda z: np.maximum(z, 0)),
                   "There is a ReLU between the Linear layers; the exercise asks for Sigmoid."),
        Hypothesis("tanh-for-sigmoid", _other_activation(net, x, np.tanh), "There is a tanh between the Linear "
                   "layers; the exercise asks for Sigmoid."),
        Hypothesis("softmax-everywhere", _other_activation(net, x, softmax), "There is a Softmax between the Linear "
                   "layers; only the last activation is a Softmax, the others are Sigmoids."),
        Hypothesis("input-rescaled", net.forward(x / 255), "The input is divided by 255 once more. The images are "
                   "normalised already."),
        Hypothesis("input-rescaled", net.forward((x - x.mean()) / x.std()), "The input is standardised once more, "
                   "batch by batch. The images are normalised already, with the training set's numbers."),
    ])  # fmt: skip


def _gradients(seen: Answer, first: Answer, net: Net, x: np.ndarray, labels: np.ndarray) -> None:
    """What backward left."""
    sizes = (*(len(w) for w in net.weights), len(net.biases[-1]))
    if not close_all(network_of(seen, first, sizes).parameters(), net.parameters()):
        raise Mistake("backward-updates", "MLP.backward changed the weights. It only computes gradients; `update` "
                      "takes the step.")
    got = network_of(seen, first, sizes, probes.GRADIENTS).parameters()
    right = net.gradients(x, labels).parameters()
    verify_all(
        got,
        right,
        names("the gradient with respect to the {}", net),
        lambda: hypotheses.gradients(
            net, x, labels, net.logits(x), lambda: net.gradients(x, labels, through_activations=False).parameters()
        ),
        {"batch size": len(x)},
    )


def _backward_right(of_step: Answer, seen: Answer, net: Net, case: NetworkCase) -> bool:
    try:
        _gradients(of_step.part("after backward"), seen.part("given"), net, case.x, case.labels)
    except Mistake:
        return False
    return True


def _other_activation(net: Net, x: np.ndarray, f: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    for w, b in zip(net.weights[:-1], net.biases[:-1], strict=True):
        x = f(x @ w + b)
    return softmax(x @ net.weights[-1] + net.biases[-1])


def earlier_work(result: Mistake, seen: Answer, right: Net, what: str) -> Mistake:
    """`result`, or where the network by itself, a step made by hand in `seen`, is not right, the Mistake that says
    so."""
    try:
        sizes = (*(len(w) for w in right.weights), len(right.biases[-1]))
        step = network_of(seen, seen, sizes)
        fine = all(close(a, b) for a, b in zip(step.parameters(), right.parameters(), strict=True))
    except Mistake:
        return result
    if fine:
        return result
    return Mistake("earlier-mistake", f"{what} can't be told right from wrong yet: already one forward, backward and "
                   f"update of your network give other weights than they should. See the checks of your layers, loss "
                   f"and MLP first.")
