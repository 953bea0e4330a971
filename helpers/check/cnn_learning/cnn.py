"""Checks of A7: the network that a file becomes, its gradients, its update."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check.cnn_learning import oracle, probes
from helpers.check.cnn_learning.oracle import ENTRIES, IMAGE, Entry, Net, Shape
from helpers.check.core.ask import Answer, array, ask
from helpers.check.core.compare import Hypothesis, close, verify
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.oracle import one_hot, softmax
from helpers.check.core.report import Mistake, check

# What the checks of networks share --------------------------------------------------------------------------------


def given(net: Net, entries: Sequence[Entry] = ENTRIES, image: Shape = IMAGE) -> dict[str, Any]:
    """What a probe needs to build a network with the parameters of `net`."""
    return {"entries": list(entries), "image": image, "given": list(zip(net.weights, net.biases, strict=True))}


def shapes_right(seen: Answer, net: Net) -> None:
    """Raise where the probe could not give the student's network the parameters of `net`."""
    first = _first_weights(seen)
    if len(first) != len(net.weights):
        raise Mistake("wrong-number-of-layers", f"The file has {len(net.weights)} layers with weights, and the network has {len(first)}.")
    for i, (found, bias, w, b) in enumerate(zip(first, seen["biases"], net.weights, net.biases, strict=True)):
        if found.shape != w.shape:
            raise Mistake("wrong-layer-size", f"Layer {i + 1} of those with weights has the shape {found.shape}; it should be {w.shape}: (K, C, R, S) for a convolution, (in, units) for a dense layer.{_advice(w, found.shape)}")
        if array(bias, f"bias of layer {i + 1}").size != b.size:
            raise Mistake("wrong-parameter-shape", f"The bias of layer {i + 1} of those with weights has the shape {array(bias, 'bias').shape}; it should be ({b.size},).")


def _first_weights(seen: Answer) -> list[np.ndarray]:
    """The first weights of a network that was built."""
    if seen["layers"] is None:
        raise Mistake("layers-missing", "The network should store its layers in the list `self.layers`, in the order of forward.")
    return [array(each, "weight") for each in seen["weights"]]


def _advice(w: np.ndarray, shape: tuple[int, ...]) -> str:
    if w.ndim == 2 and len(shape) == 2 and shape == w.shape[::-1]:
        return " It looks transposed."
    return " A dense layer takes all C · H · W numbers that come in; follow the shapes through the file, with stride and padding." if w.ndim == 2 else ""


def net_of(seen: Answer, net: Net, names: tuple[str, str] = probes.PARAMETERS) -> Net:
    """Weights or gradients of all layers after a step."""
    found = net.with_parameters([], [])
    for i, (w, b) in enumerate(zip(*(seen[name] for name in names), strict=True)):
        if w is None and names == probes.GRADIENTS:
            raise Mistake("layer-not-reached", f"Layer {i + 1} of those with weights has no {names[0]} after Network.backward: its backward was not called. Go through all layers before the Softmax, from the last to the first.")
        found.weights.append(array(w, f"{names[0]} of layer {i + 1}"))
        found.biases.append(array(b, f"{names[1]} of layer {i + 1}").reshape(-1))
    return found


def probabilities(seen: Answer, step: Any) -> np.ndarray:
    return array(seen.part(step)["result"], "the output of Network.forward")


def advice(error: BaseException, what: str) -> str:
    """What an error in Network.backward usually means."""
    if what != "Network.backward":
        return ""
    if any(word in str(error) for word in ("shape", "broadcast", "matmul")):
        return " Backward goes from the layer before the Softmax to the first, and hands each the gradient that the one behind it returned."
    return ""


def same(a: Net, b: Net) -> bool:
    return all(close(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def verify_net(got: Net, expected: Net, what: str, hypotheses: Sequence[Hypothesis], sizes: Mapping[str, float], numerical: Callable[[int], np.ndarray] | None = None) -> None:
    """Compare all parameters at once: a hypothesis, whose `wrong` makes a Net, must explain all of them."""
    if same(got, expected):
        return
    for each in hypotheses:
        if same(got, each.wrong()):
            raise Mistake(each.name, each.hint)
    kinds = [entry["type"] for entry in expected.entries if entry["type"] in ("conv", "dense")]
    for i in range(len(kinds) - 1, -1, -1):
        where = f"{kinds[i]} layer {kinds[: i + 1].count(kinds[i])}"
        wrong_w, wrong_b = (not close(g[i], e[i]) for g, e in ((got.weights, expected.weights), (got.biases, expected.biases)))
        if wrong_w:
            verify(got.weights[i], expected.weights[i], f"{what} weight of {where}", (), sizes, numerical(i) if numerical else None)
        if wrong_b:
            verify(got.biases[i], expected.biases[i], f"{what} bias of {where}", (), sizes)


def _type_kept(seen: Answer) -> None:
    """Raise where an array of another type than its fellows ended the probe."""
    try:
        seen.finish()
    except Mistake as mistake:
        if "differ in type" in mistake.message:
            raise Mistake("type-changed", "A layer returns float64 for a float32 input, and the arrays of a primitive must have one dtype. Let each layer return its input's dtype (`.astype(grad_output.dtype)`).") from None


# The checks -------------------------------------------------------------------------------------------------------

BUILDS: tuple[dict[str, Any], ...] = ({"seed": 3}, {"seed": 4}, {"seed": 3, "scale": 0.5}, {"seed": 3})
SQUARE: list[Entry] = [
    oracle.conv_entry(2, (3, 3), (1, 1), (1, 1)), oracle.plain("relu"), oracle.conv_entry(2, (3, 3), (1, 1), (1, 1)),
    oracle.dense_entry(3), oracle.plain("softmax"),
]  # fmt: skip
"""A file with two layers whose weights have one size."""


@check("build", "A7", builds_on="your layers and `layer_table`")
def build(build: Any, *, seed: int = 0) -> Iterator[str]:
    """Layers of the right sizes, own weights by seed and scale, and the forward pass."""
    net, x, _ = oracle.small_problem(seed)
    flat = [*ENTRIES[:5], oracle.plain("flatten"), *ENTRIES[5:]]
    networks = [{"entries": SQUARE, "image": (2, 5, 4), "named": named} for named in BUILDS]
    networks += [{**given(net, entries), "x": images} for entries, images in ((ENTRIES, x), (ENTRIES, x[:1]), (flat, x))]
    seen = ask(probes.builds, build, networks, advice=advice)
    own = _first_weights(seen.part(0))
    if len(own) > 1 and own[0].shape == own[1].shape and np.array_equal(own[0], own[1]):
        raise Mistake("same-seed-everywhere", "Two layers of the same size start with the same weights. Give layer number i the seed [seed, i].")
    _seed_and_scale(own, *(_first_weights(seen.part(i)) for i in range(1, len(BUILDS))))
    for i in range(len(BUILDS), len(networks)):
        shapes_right(seen.part(i), net)
        if seen.part(i)["shared"]:
            raise Mistake("layers-shared", "Two networks share their layers: the list belongs to the class or the module. Create it for each network.")
        if i == len(BUILDS):
            yield "layers of the right sizes, each with weights of its own, by seed and scale"
        _right_forward(probabilities(seen, i), net, networks[i]["x"])
    yield "probabilities of the reference, with and without `flatten` in the file"


SEEDS: tuple[tuple[str, str, Callable[[int], list[Any]]], ...] = (
    ("seed-by-position", "[seed, 0], [seed, 2], … by their place in the file", lambda s: [[s, 0], [s, 2], [s, 3]]),
    ("seed-by-position", "[seed, 0], [seed, 2], … by their place in the network", lambda s: [[s, 0], [s, 2], [s, 4]]),
    ("seed-from-one", "[seed, 1], [seed, 2], …", lambda s: [[s, 1], [s, 2], [s, 3]]),
    ("seeds-added", "seed, seed + 1, … (so that layer 1 of seed 0 starts as layer 0 of seed 1 does)", lambda s: [s, s + 1, s + 2]),
    ("seed-reversed", "[0, seed], [1, seed], …", lambda s: [[0, s], [1, s], [2, s]]),
    ("seed-multiplied", "of seed times i", lambda s: [0, s, 2 * s]),
    ("seed-not-mixed", "0, 1, 2, … without the network's own", lambda s: [0, 1, 2]),
)
"""Other seeds than [seed, i] for the layers of `square` in `build`: (mistake, the seeds in words, the seeds)."""


def _drawn(weights: np.ndarray, seed: Any) -> bool:
    """Whether these are the generator's normal draws for a seed, but for their scale."""
    draws = np.random.default_rng(seed).standard_normal(weights.shape)
    return close(weights / weights.std(), draws / draws.std())


def _seed_and_scale(own: list[np.ndarray], other: list[np.ndarray], small: list[np.ndarray], again: list[np.ndarray]) -> None:
    """Whether seed and scale reach the layers: the first weights at seed 3, at seed 4, at scale 0.5, and at seed 3 again."""
    if any(len(each) != len(own) for each in (other, small, again)):
        raise Mistake("layers-shared", f"The first network that is built has {len(own)} layers with weights, and the next ones have {len(other)}, {len(small)} and {len(again)}: their list is one and the same. Create it inside build.")
    if not all(np.array_equal(a, b) for a, b in zip(own, again, strict=True)):
        raise Mistake("seed-ignored", "Two networks with the same seed start with different weights; pass the seed on to every layer.")
    if any(np.array_equal(a, b) for a, b in zip(own, other, strict=True)):
        raise Mistake("seed-ignored", "Networks with seeds 3 and 4 start with the same weights: pass `seed` on to every layer, as [seed, i].")
    if any(close(a, b) for a, b in zip(own, small, strict=True)):
        which = "the dense layers" if not close(own[0], small[0]) else "the convolutions" if not close(own[-1], small[-1]) else "the layers"
        raise Mistake("scale-ignored", f"`scale` does not reach {which}: at scale 0.5 their first weights are as large as at scale 1.")
    for name, words, seeds in SEEDS:
        if all(_drawn(w, seed) for w, seed in zip(own, seeds(3), strict=True)):
            raise Mistake(name, f"The layers with parameters get the seeds {words}, where [seed, 0], [seed, 1], … are asked for: `i` counts the layers that have parameters, from 0, and seed and i stand in a list.")
    if not all(close(0.5 * a, b) for a, b in zip(own, small, strict=True)):
        raise Mistake("wrong-scale", "At scale 0.5 the first weights are not half of those at scale 1 with the same seed. Pass `scale` on once, unchanged.")


def _right_forward(got: np.ndarray, net: Net, x: np.ndarray) -> None:
    a = net.activations(x)
    relus = [i for i, entry in enumerate(net.entries) if entry["type"] == "relu"]

    def without(places: Sequence[int]) -> np.ndarray:
        entries = [entry for i, entry in enumerate(net.entries) if i not in places]
        return Net(entries, net.image, net.weights, net.biases).forward(x)

    hypotheses = [
        Hypothesis("softmax-missing", a[-2], "The network returns logits: the Softmax at the end is missing."),
        Hypothesis("softmax-twice", softmax(a[-1]), "The Softmax is applied twice."),
        Hypothesis("relu-missing", without(relus), "The ReLUs between the layers are missing; without them most of the network is one linear map."),
        *(Hypothesis("relu-missing", without([i]), "One of the ReLUs is missing: make a layer of each entry of the file.") for i in relus),
        Hypothesis("flatten-order", net.activations(x, channels_last=True)[-1], "The images are not flattened in memory order: all of channel 0 first, row by row, then channel 1."),
        Hypothesis("relu-before-softmax", softmax(np.maximum(a[-2], 0)), "There is a ReLU between the last dense layer and the Softmax, which the file doesn't have."),
        Hypothesis("output-transposed", a[-1].T, "The output is transposed: there should be one row per image of the batch."),
    ]
    verify(got, a[-1], "the output of Network.forward", hypotheses)


@check("The whole network's gradients", "A7", builds_on="your layers")
def network(build: Any, *, seed: int = 0) -> Iterator[str]:
    """All gradients of the mean loss against finite differences, two updates at two rates, batches of other sizes."""
    net, x, labels = oracle.small_problem(seed)
    _, more, other = oracle.small_problem(seed + 1, 5)
    rates = oracle.rates(seed)
    steps = [("forward", x), ("backward", labels), ("update", rates[0]), ("forward", more), ("backward", other), ("update", rates[1]), ("forward", x[:1]), ("backward", labels[:1])]
    seen = ask(probes.network_steps, build, given(net), steps, advice=advice)
    shapes_right(seen, net)
    _type_kept(seen)
    n, expected = len(x), net.gradients(x, labels)
    array(seen.part(0)["result"], "the output of Network.forward")
    if not same(net_of(seen.part(1), net), net):
        raise Mistake("backward-updates", "The weights changed during Network.backward. It should only compute gradients; `update` takes the step when all are computed.")

    def numerical(i: int) -> np.ndarray:
        def loss(w: np.ndarray) -> float:
            return net.with_parameters([*net.weights[:i], w, *net.weights[i + 1 :]], net.biases).loss(x, labels)

        return numerical_gradient(loss, net.weights[i])

    grads = net_of(seen.part(1), net, probes.GRADIENTS)
    verify_net(grads, expected, "the gradient for the", gradient_hypotheses(net, x, labels), {"batch size": n}, numerical)
    yield "gradients of all weights and biases agree with finite differences"
    moved = net_of(seen.part(2), net)
    verify_net(moved, net.stepped(expected, rates[0]), "after Network.update, the", _update_hypotheses(net, expected, rates[0]), {})
    yield "update moves every layer"
    _second_batch(seen, net, moved, more, other, rates)
    yield "a second batch, of another size, is independent of the first; so is a second update, at another rate"
    last = net_of(seen.part(5), net)
    if not (close(probabilities(seen, 6), last.forward(x[:1])) and same(net_of(seen.part(7), net, probes.GRADIENTS), last.gradients(x[:1], labels[:1]))):
        raise Mistake("one-image-fails", "With a batch of one image the result is wrong. Does something lose an axis that has only one entry (`squeeze`), or keep something of an earlier batch?")
    yield "a batch of one image"


def _second_batch(seen: Answer, net: Net, moved: Net, x: np.ndarray, labels: np.ndarray, rates: tuple[float, float]) -> None:
    """Raise where the second forward, backward and update are wrong, after a first that is right."""
    try:
        right = close(probabilities(seen, 3), moved.forward(x))
        if not same(net_of(seen.part(4), net), moved):
            raise Mistake("update-before-backward", "In the second batch the weights change during Network.backward, with the gradients of the first. First the whole backward pass, then `update`, which alone takes the step.")
        grads = moved.gradients(x, labels)
        right = right and same(net_of(seen.part(4), net, probes.GRADIENTS), grads)
    except Mistake as mistake:
        if mistake.name == "update-before-backward":
            raise
        right = False
    if not right:
        raise Mistake("keeps-state", f"The first forward and backward are right, and the second, with {len(x)} images, are not. Does backward change self.layers (`pop`, `reverse`), add to old gradients, or use something stored by an earlier forward?")
    verify_net(net_of(seen.part(5), net), moved.stepped(grads, rates[1]), "after a second update, at another rate, the", [
        Hypothesis("first-rate-kept", lambda: moved.stepped(grads, rates[0]), "The second update takes the rate of the first, which was kept. Pass on the `lr` that is given, each time."),
        Hypothesis("not-updated", lambda: moved, "The second call of Network.update leaves all weights as they were."),
    ], {})  # fmt: skip


def gradient_hypotheses(net: Net, x: np.ndarray, labels: np.ndarray) -> list[Hypothesis]:
    n = len(x)
    a = net.activations(x)
    p, y = a[-1], one_hot(labels, a[-1].shape[1])

    def started(g: np.ndarray) -> Callable[[], Net]:
        return lambda: net.gradients(x, labels, start=g)

    g0 = (p - y) / n
    return [
        Hypothesis("gradient-not-averaged", lambda: net.gradients(x, labels, 1.0), f"All gradients are {n} times too large, and {n} is the batch size: they belong to the summed loss. See 'one convention'."),
        Hypothesis("gradient-averaged-twice", lambda: net.gradients(x, labels, 1 / n**2), f"All gradients are 1/{n} of what they should be, and {n} is the batch size: the mean is taken twice."),
        Hypothesis("gradient-sign", lambda: net.gradients(x, labels, -1 / n), "All gradients have the wrong sign; look at the gradient of the loss."),
        Hypothesis("through-softmax-twice", started(p * (g0 - (g0 * p).sum(axis=1, keepdims=True))), "cross_entropy_gradient is the gradient before the softmax already, and its result went through Softmax.backward once more. Start with the last dense layer."),
        Hypothesis("gradient-from-logits", started((a[-2] - y) / n), "The gradient starts from the logits; it starts from the probabilities: (p − y)/N."),
        Hypothesis("relu-backward-skipped", lambda: net.gradients(x, labels, without="relu"), "The gradient does not pass through ReLU.backward on its way back. Each layer of forward has its turn, in reverse order."),
        Hypothesis("gradient-to-every-tie", lambda: net.gradients(x, labels, ties=True), "In max pooling every entry that equals the maximum gets the whole gradient; one winner gets it."),
        *(Hypothesis("update-before-backward", lambda rate=rate: net.gradients(x, labels, lr_inside=rate), "Weights are changed before the gradient of the layer's input is computed from them. First the whole backward pass, then update.") for rate in (0.3, 0.1)),
    ]


def _update_hypotheses(net: Net, grads: Net, lr: float) -> list[Hypothesis]:
    stepped = net.stepped(grads, lr)
    kinds = [entry["type"] for entry in net.entries if entry["type"] in ("conv", "dense")]

    def only(places: Sequence[int]) -> Callable[[], Net]:
        def mixed() -> Net:
            pick = [(stepped if i in places else net) for i in range(len(kinds))]
            return net.with_parameters([p.weights[i] for i, p in enumerate(pick)], [p.biases[i] for i, p in enumerate(pick)])

        return mixed

    last = len(kinds) - 1
    convs, denses = ([i for i, k in enumerate(kinds) if k == kind] for kind in ("conv", "dense"))
    every = "Call `update(lr)` of every layer that has parameters."
    return [
        Hypothesis("not-updated", only([]), f"Network.update leaves all weights as they were. {every}"),
        Hypothesis("only-some-updated", only(denses), f"Only the dense layers are updated. {every}"),
        Hypothesis("only-some-updated", only(convs), f"Only the convolutions are updated. {every}"),
        Hypothesis("only-some-updated", only([last]), f"Only the last layer is updated. {every}"),
        Hypothesis("only-some-updated", only([0]), f"Only the first layer is updated: is there a `return` inside the loop? {every}"),
        Hypothesis("only-some-updated", only(range(last)), f"The last dense layer is not updated. {every}"),
        Hypothesis("only-some-updated", only(range(1, last + 1)), f"The first layer is not updated. {every}"),
        *(Hypothesis("rate-ignored", lambda rate=rate: net.stepped(grads, rate), f"`lr` is ignored: the weights move as with {rate:g}.") for rate in (1.0, 0.1, 0.01, 0.001)),
        Hypothesis("updated-twice", lambda: net.stepped(grads, 2 * lr), "The step is twice too long: is update called twice for each layer?"),
        Hypothesis("update-adds", lambda: net.stepped(grads, -lr), "The step goes uphill: the gradient is added."),
    ]
