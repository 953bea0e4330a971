"""Checks of A7: the network that a file becomes, its gradients, its update."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check.cnn_learning import oracle, probes
from helpers.check.cnn_learning.oracle import ENTRIES, IMAGE, Entry, Net, Shape
from helpers.check.core import cases
from helpers.check.core.ask import Answer, array, ask
from helpers.check.core.compare import Hypothesis, Lazy, close, close_all, verify, verify_all
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.hypotheses import network as common
from helpers.check.core.hypotheses.network import advice
from helpers.check.core.report import Mistake, check

# What the checks of networks share --------------------------------------------------------------------------------


def given(net: Net, entries: Sequence[Entry] = ENTRIES, image: Shape = IMAGE) -> dict[str, Any]:
    """What a probe needs to build a network with the parameters of `net`."""
    return {"entries": list(entries), "image": image, "given": list(zip(net.weights, net.biases, strict=True))}


def shapes_right(seen: Answer, net: Net) -> None:
    """Raise where the probe could not give the student's network the parameters of `net`."""
    first = _first_weights(seen)
    if len(first) != len(net.weights):
        raise Mistake("wrong-number-of-layers", f"The file has {len(net.weights)} layers with weights, and the "
                      f"network has {len(first)}.")
    for i, (found, bias, w, b) in enumerate(zip(first, seen["biases"], net.weights, net.biases, strict=True)):
        if found.shape != w.shape:
            raise Mistake("wrong-layer-size", f"Layer {i + 1} of those with weights has the shape {found.shape}; it "
                          f"should be {w.shape}: (K, C, R, S) for a convolution, (in, units) for a dense "
                          f"layer.{_advice(w, found.shape)}")
        if array(bias, f"bias of layer {i + 1}").size != b.size:
            raise Mistake("wrong-parameter-shape", f"The bias of layer {i + 1} of those with weights has the shape "
                          f"{array(bias, 'bias').shape}; it should be ({b.size},).")


def _first_weights(seen: Answer) -> list[np.ndarray]:
    """The first weights of a network that was built."""
    if seen["layers"] is None:
        raise Mistake("layers-missing", "The network should store its layers in the list `self.layers`, in the order "
                      "of forward.")
    return [array(each, "weight") for each in seen["weights"]]


def _advice(w: np.ndarray, shape: tuple[int, ...]) -> str:
    if w.ndim == 2 and len(shape) == 2 and shape == w.shape[::-1]:
        return " It looks transposed."
    if w.ndim != 2:
        return ""
    return (
        " A dense layer takes all C · H · W numbers that come in; "
        "follow the shapes through the file, with stride and padding."
    )


def net_of(seen: Answer, net: Net, names: tuple[str, str] = probes.PARAMETERS) -> Net:
    """Weights or gradients of all layers after a step."""
    found = net.with_parameters([], [])
    for i, (w, b) in enumerate(zip(*(seen[name] for name in names), strict=True)):
        if w is None and names == probes.GRADIENTS:
            raise Mistake("layer-not-reached", f"Layer {i + 1} of those with weights has no {names[0]} after "
                          f"Network.backward: its backward was not called. Go through all layers before the Softmax, "
                          f"from the last to the first.")
        found.weights.append(array(w, f"{names[0]} of layer {i + 1}"))
        found.biases.append(array(b, f"{names[1]} of layer {i + 1}").reshape(-1))
    return found


def probabilities(seen: Answer, step: Any) -> np.ndarray:
    return array(seen.part(step)["result"], "the output of Network.forward")


def same(a: Net, b: Net) -> bool:
    return close_all(a.parameters(), b.parameters())


def verify_net(
    got: Net,
    expected: Net,
    what: str,
    hypotheses: Lazy[Sequence[Hypothesis]],
    sizes: Mapping[str, float],
    numerical: Callable[[int], np.ndarray] | None = None,
) -> None:
    """Compare all parameters at once, so that a hypothesis must explain all of them. numerical: of a layer's weight."""
    kinds = [entry["type"] for entry in expected.entries if entry["type"] in ("conv", "dense")]
    places = range(len(kinds) - 1, -1, -1)
    names = [f"{what} {name} of {kinds[i]} layer "
             f"{kinds[: i + 1].count(kinds[i])}" for i in places for name in probes.PARAMETERS]
    of_weight = None if numerical is None else lambda at: None if at % 2 else numerical(places[at // 2])
    verify_all(got.parameters(), expected.parameters(), names, hypotheses, sizes, of_weight)


def _type_kept(seen: Answer) -> None:
    """Raise where an array of another type than its fellows ended the probe."""
    try:
        seen.finish()
    except Mistake as mistake:
        if "differ in type" in mistake.message:
            raise Mistake("type-changed", "A layer returns float64 for a float32 input, and the arrays of a primitive "
                          "must have one dtype. Let each layer return its input's dtype "
                          "(`.astype(grad_output.dtype)`).") from None


# The checks -------------------------------------------------------------------------------------------------------

BUILDS: tuple[dict[str, Any], ...] = ({"seed": 3}, {"seed": 4}, {"seed": 3, "scale": 0.5}, {"seed": 3})
SQUARE: list[Entry] = [
    oracle.conv_entry(2, (3, 3), (1, 1), (1, 1)), oracle.plain("relu"), oracle.conv_entry(2, (3, 3), (1, 1), (1, 1)),
    oracle.dense_entry(3), oracle.plain("softmax"),
]  # fmt: skip
"""A file with two layers whose weights have one size."""


@check("build", "A7", builds_on="your layers and `layer_table`", after="A1 A2 A3 A4 A5 A6")
def build(build: Any, *, seed: int = 0) -> Iterator[str]:
    """Layers of the right sizes, own weights by seed and scale, and the forward pass."""
    net, x, _ = oracle.small_problem(seed)
    networks: list[dict[str, Any]] = [{"entries": SQUARE, "image": (2, 5, 4), "named": named} for named in BUILDS]
    networks += [{**given(net), "x": images} for images in (x, x[:1])]
    flat: list[Entry] = [oracle.dense_entry(4), oracle.plain("relu"), oracle.dense_entry(3), oracle.plain("softmax")]
    pixel = Net.random(flat, (5, 1, 1), np.random.default_rng([seed, 18]))
    networks += [{**given(pixel, flat, pixel.image), "x": x[:, :1, :5, :1].swapaxes(1, 2)}]
    seen = ask(probes.builds, build, networks, advice=advice)
    own = _first_weights(seen.part(0))
    if len(own) != 3:
        raise Mistake("wrong-number-of-layers", f"A file with 3 layers that have weights becomes a network with "
                      f"{len(own)}.")
    if own[0].shape == own[1].shape and np.array_equal(own[0], own[1]):
        raise Mistake("same-seed-everywhere", "Two layers of the same size start with the same weights. Give layer "
                      "number i the seed [seed, i].")
    _seed_and_scale(own, *(_first_weights(seen.part(i)) for i in range(1, len(BUILDS))))
    for i, each in enumerate((net, net, pixel), len(BUILDS)):
        shapes_right(seen.part(i), each)
        if seen.part(i)["shared"]:
            raise Mistake("layers-shared", "Two networks share their layers: the list belongs to the class or the "
                          "module. Create it for each network.")
        if i == len(BUILDS):
            yield "layers of the right sizes, each with weights of its own, by seed and scale"
        try:
            found = probabilities(seen, i)
        except Mistake as mistake:
            raise _layer_by_layer(mistake, seen.part(i), each, networks[i]["x"]) from None
        _right_forward(found, each, networks[i]["x"])
    yield "probabilities of the reference, for several images, for one, and for images of one pixel"


SEEDS: tuple[tuple[str, str, Callable[[int], list[Any]]], ...] = (
    ("seed-by-position", "[seed, 0], [seed, 2], … by their place in the file", lambda s: [[s, 0], [s, 2], [s, 3]]),
    ("seed-by-position", "[seed, 0], [seed, 2], … by their place in the network", lambda s: [[s, 0], [s, 2], [s, 4]]),
    ("seed-from-one", "[seed, 1], [seed, 2], …", lambda s: [[s, 1], [s, 2], [s, 3]]),
    ("seeds-added",
     "seed, seed + 1, … (so that layer 1 of seed 0 starts as layer 0 of seed 1 does)",
     lambda s: [s, s + 1, s + 2]),
    ("seed-reversed", "[0, seed], [1, seed], …", lambda s: [[0, s], [1, s], [2, s]]),
    ("seed-multiplied", "of seed times i", lambda s: [0, s, 2 * s]),
    ("seed-not-mixed", "0, 1, 2, … without the network's own", lambda s: [0, 1, 2]),
)
"""Other seeds than [seed, i] for the layers of `square` in `build`: (mistake, the seeds in words, the seeds)."""


def _drawn(weights: np.ndarray, seed: Any) -> bool:
    """Whether these are the generator's normal draws for a seed, but for their scale."""
    draws = np.random.default_rng(seed).standard_normal(weights.shape)
    return close(weights / weights.std(), draws / draws.std())


def _seed_and_scale(
    own: list[np.ndarray], other: list[np.ndarray], small: list[np.ndarray], again: list[np.ndarray]
) -> None:
    """Whether seed and scale reach the layers: first weights at seed 3, at seed 4, at scale 0.5, at seed 3 again."""
    if any(len(each) != len(own) for each in (other, small, again)):
        raise Mistake("layers-shared", f"The first network that is built has {len(own)} layers with weights, and the "
                      f"next ones have {len(other)}, {len(small)} and {len(again)}: their list is one and the same. "
                      "Create it for each network: in `build`, or in `Network.__init__` if it belongs to that class.")
    if not all(np.array_equal(a, b) for a, b in zip(own, again, strict=True)):
        raise Mistake("seed-ignored", "Two networks with the same seed start with different weights; pass the seed on "
                      "to every layer.")
    if any(np.array_equal(a, b) for a, b in zip(own, other, strict=True)):
        raise Mistake("seed-ignored", "Networks with seeds 3 and 4 start with the same weights: pass `seed` on to "
                      "every layer, as [seed, i].")
    if any(close(a, b) for a, b in zip(own, small, strict=True)):
        of_convs, of_dense = (not close(own[i], small[i]) for i in (0, -1))
        which = "the dense layers" if of_convs else "the convolutions" if of_dense else "the layers"
        raise Mistake("scale-ignored", f"`scale` does not reach {which}: at scale 0.5 their first weights are as "
                      f"large as at scale 1.")
    for name, words, seeds in SEEDS:
        if all(_drawn(w, seed) for w, seed in zip(own, seeds(3), strict=True)):
            raise Mistake(name, f"The layers with parameters get the seeds {words}, where [seed, 0], [seed, 1], … are "
                          f"asked for: `i` counts the layers that have parameters, from 0, and seed and i stand in a "
                          f"list.")
    if not all(close(0.5 * a, b) for a, b in zip(own, small, strict=True)):
        raise Mistake("wrong-scale", "At scale 0.5 the first weights are not half of those at scale 1 with the same "
                      "seed. Pass `scale` on once, unchanged.")


def _layer_by_layer(mistake: Mistake, seen: Answer, net: Net, x: np.ndarray) -> Mistake:
    """`mistake`, or where forward stops with an error because of a shape that comes earlier, the Mistake that says of
    which layer it is."""
    if mistake.name != "raises" or "walk" not in seen or not isinstance(seen["walk"], list):
        return mistake
    right = [tuple(a.shape) for a in net.activations(x)]
    fine = {*right, *((shape[0], int(np.prod(shape[1:]))) for shape in right)}
    shown = ", ".join(dict.fromkeys(map(str, right)))
    for place, (kind, shape) in enumerate(seen["walk"]):
        if tuple(shape) not in fine:
            return Mistake("wrong-layer-output", f"In Network.forward, layers[{place}], a {kind}, returns an array of "
                           f"shape {tuple(shape)}, which fits nowhere: for these images the file's layers have the "
                           f"shapes {shown}. Does build hand size, stride, padding and units of the entry on to it? "
                           f"{mistake.message}")
    stopped = len(seen["walk"])
    last = tuple(seen["walk"][-1][1]) if stopped else right[0]
    if len(last) == 4:
        return Mistake("flatten-missing", f"In Network.forward, layers[{stopped}] gets an array of shape {last}, and "
                       f"stops with an error. Does a Flatten stand in front of the first dense layer, wherever that is "
                       f"in the file? {mistake.message}")
    return mistake


def _right_forward(got: np.ndarray, net: Net, x: np.ndarray) -> None:
    a = net.activations(x)
    relus = [i for i, entry in enumerate(net.entries) if entry["type"] == "relu"]

    def without(places: Sequence[int]) -> np.ndarray:
        entries = [entry for i, entry in enumerate(net.entries) if i not in places]
        return Net(entries, net.image, net.weights, net.biases).forward(x)

    hypotheses = [
        *common.forward(a[-1], a[-2], lambda logits: np.maximum(logits, 0), "ReLU"),
        Hypothesis("activation-missing", without(relus), "The ReLUs between the layers are missing; without them most "
                   "of the network does no more than one linear layer."),
        *(Hypothesis("activation-missing", without([i]), "One of the ReLUs is missing: make a layer of each entry of "
                     "the file.") for i in relus),
        Hypothesis("flatten-order", net.activations(x, channels_last=True)[-1], "The images are not flattened in "
                   "memory order: all of channel 0 first, row by row, then channel 1."),
    ]
    verify(got, a[-1], "the output of Network.forward", hypotheses)


@check("The whole network's gradients", "A7", builds_on="your layers", after="A1 A2 A3 A4 A5 A6 A7")
def network(build: Any, *, seed: int = 0) -> Iterator[str]:
    """All gradients of the mean loss against finite differences, two updates at two rates, batches of other sizes."""
    net, x, labels = oracle.small_problem(seed)
    _, more, other = oracle.small_problem(seed + 1, 5)
    rates = cases.rates(seed)
    steps = [("forward", x), ("backward", labels), ("update", rates[0])]
    steps += [("forward", more), ("backward", other), ("update", rates[1])]
    steps += [("forward", x[:1]), ("backward", labels[:1])]
    seen = ask(probes.network_steps, build, given(net), steps, advice=advice)
    shapes_right(seen, net)
    _type_kept(seen)
    n, expected = len(x), net.gradients(x, labels)
    array(seen.part(0)["result"], "the output of Network.forward")
    if seen["twice"] and "result" not in seen.part(1):
        raise common.one_layer_twice(seen["twice"])
    if not same(net_of(seen.part(1), net), net):
        raise Mistake("backward-updates", "The weights changed during Network.backward. It should only compute "
                      "gradients; `update` takes the step when all are computed.")

    def numerical(i: int) -> np.ndarray:
        def loss(w: np.ndarray) -> float:
            return net.with_parameters([*net.weights[:i], w, *net.weights[i + 1 :]], net.biases).loss(x, labels)

        return numerical_gradient(loss, net.weights[i])

    grads = net_of(seen.part(1), net, probes.GRADIENTS)
    if seen["twice"] and not same(grads, expected):
        raise common.one_layer_twice(seen["twice"])
    verify_net(grads, expected, "the gradient for the", lambda: gradient_hypotheses(net, x, labels), {
        "batch size": n}, numerical)
    if seen.part(1)["spoiled"]:
        raise common.output_spoiled("Network")
    yield "gradients of all weights and biases agree with finite differences"
    moved = net_of(seen.part(2), net)
    verify_net(moved, net.stepped(expected, rates[0]), "after Network.update, the",
               lambda: _updates(net, expected, rates[0]), {})
    yield "update moves every layer"
    _second_batch(seen, net, moved, more, other, rates)
    yield "a second batch, of another size, is independent of the first; so is a second update, at another rate"
    last = net_of(seen.part(5), net)
    of_one = net_of(seen.part(7), net, probes.GRADIENTS)
    if not (close(probabilities(seen, 6), last.forward(x[:1])) and same(of_one, last.gradients(x[:1], labels[:1]))):
        raise Mistake("one-image-fails", "With a batch of one image the result is wrong. Does something lose an axis "
                      "that has only one entry (`squeeze`), or keep something of an earlier batch?")
    common.verify_not_kept(seen, "Network")
    yield "a batch of one image"


def _second_batch(
    seen: Answer, net: Net, moved: Net, x: np.ndarray, labels: np.ndarray, rates: Sequence[float]
) -> None:
    """Raise where the second forward, backward and update are wrong, after a first that is right."""
    try:
        right = close(probabilities(seen, 3), moved.forward(x))
        if not same(net_of(seen.part(4), net), moved):
            raise Mistake("update-before-backward", "In the second batch the weights change during Network.backward, "
                          "with the gradients of the first. First the whole backward pass, then `update`, which alone "
                          "takes the step.")
        grads = moved.gradients(x, labels)
        right = right and same(net_of(seen.part(4), net, probes.GRADIENTS), grads)
    except Mistake as mistake:
        if mistake.name == "update-before-backward":
            raise
        right = False
    if not right:
        raise Mistake("keeps-state", f"The first forward and backward are right, and the second, with {len(x)} "
                      f"images, are not. Does backward change self.layers (`pop`, `reverse`), add to old gradients, "
                      f"or use something stored by an earlier forward, or made of the weights before the update?")
    verify_net(net_of(seen.part(5), net), moved.stepped(grads, rates[1]),
               "after a second update, at another rate, the",
               lambda: _updates(moved, grads, *rates[::-1]), {})


def gradient_hypotheses(net: Net, x: np.ndarray, labels: np.ndarray) -> list[Hypothesis]:
    """Of all gradients of a network."""
    return [
        *common.gradients(
            net, x, labels, net.activations(x)[-2], lambda: net.gradients(x, labels, without="relu").parameters()
        ),
        Hypothesis(
            "gradient-to-every-tie",
            lambda: net.gradients(x, labels, ties=True).parameters(),
            "In max pooling every entry that equals the maximum gets the whole gradient; one winner gets it.",
        ),
        *Hypothesis.each(
            "update-before-backward",
            lambda rate: net.gradients(x, labels, lr_inside=rate).parameters(),
            (0.3, 0.1),
            "Weights are changed before the gradient of the layer's input is computed from them. First the whole "
            "backward pass, then update.",
        ),
    ]


def _updates(net: Net, grads: Net, lr: float, earlier: float | None = None) -> list[Hypothesis]:
    """Of all parameters after an update."""
    kinds = [entry["type"] for entry in net.entries if entry["type"] in ("conv", "dense")][::-1]
    groups = {
        f"Only the {words} are updated.": [2 * i + j for i, each in enumerate(kinds) if each == kind for j in (0, 1)]
        for kind, words in (("dense", "dense layers"), ("conv", "convolutions"))
    }
    return common.update(net.parameters(), grads.parameters(), lr, {**groups, **common.ends(2 * len(kinds))}, earlier)
