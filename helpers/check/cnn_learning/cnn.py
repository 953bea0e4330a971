"""Checks of A7 of the CNN assignment: the network that a file becomes, its gradients, one update."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from helpers.check.cnn_learning import oracle
from helpers.check.cnn_learning.layer import given_like
from helpers.check.cnn_learning.oracle import ENTRIES, IMAGE, Entry, Net, Shape
from helpers.check.core.calls import array, attribute, call, method, put_all
from helpers.check.core.compare import Hypothesis, close, unchanged, verify
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.oracle import one_hot, softmax
from helpers.check.core.reach import peek, together
from helpers.check.core.report import Mistake, check


def trained_layers(network: Any) -> list[Any]:
    """The layers that have weights, in the order of forward."""
    layers = attribute(network, "layers", "the network")
    if layers is None or not hasattr(layers, "__len__"):
        raise Mistake("layers-missing", "The network should store its layers in the list `self.layers`, in the order of forward.")
    every = [layers[i] for i in range(len(layers))]
    with together(every, "weight"):
        return [layer for layer in every if peek(layer, "weight") is not None]


def weights_of(network: Any) -> list[np.ndarray]:
    """The weights of these layers."""
    layers = trained_layers(network)
    with together(layers, "weight"):
        return [array(peek(layer, "weight"), "weight") for layer in layers]


def made(build: Any, entries: Sequence[Entry], image: Shape, **named: Any) -> Any:
    network = call(build, oracle.copied(entries), image, what="build", **named)
    if network is None:
        raise Mistake("returns-none", "build returned None. Is `return Network(…)` missing?")
    return network


class Student:
    """A student's network with the weights of an oracle `Net`."""

    def __init__(self, build: Any, net: Net, entries: Sequence[Entry] = ENTRIES, image: Shape = IMAGE):
        self.network = made(build, entries, image)
        self.trained = trained_layers(self.network)
        if len(self.trained) != len(net.weights):
            raise Mistake("wrong-number-of-layers", f"The file has {len(net.weights)} layers with weights, and the network has {len(self.trained)}.")
        with together(self.trained, "weight", "bias"):
            put_all([one for i, layer in enumerate(self.trained) for one in self._wanted(i, layer, net)])

    def _wanted(self, i: int, layer: Any, net: Net) -> list[tuple[Any, str, np.ndarray]]:
        """What layer i gets, in the shapes that its own parameters have."""
        w, b = net.weights[i], net.biases[i]
        shape = array(peek(layer, "weight"), "weight").shape
        if shape != w.shape:
            raise Mistake("wrong-layer-size", f"Layer {i + 1} of those with weights has the shape {shape}; it should be {w.shape}: (K, C, R, S) for a convolution, (in, units) for a dense layer.{_advice(w, shape)}")
        own = array(attribute(layer, "bias", "a layer"), "bias").shape
        return [(layer, "weight", w), (layer, "bias", b.reshape(own))]

    @property
    def kind(self) -> Any:
        return peek(self.trained[0], "weight")

    def read(self, net: Net, names: tuple[str, str] = ("weight", "bias")) -> Net:
        """Weights or gradients of all layers, as a Net."""
        with together(self.trained, *names):
            return self._read(net, names)

    def _read(self, net: Net, names: tuple[str, str]) -> Net:
        found = net.with_parameters([], [])
        for i, layer in enumerate(self.trained):
            if names[0].startswith("grad") and peek(layer, names[0]) is None:
                raise Mistake("layer-not-reached", f"Layer {i + 1} of those with weights has no {names[0]} after Network.backward: its backward was not called. Go through all layers before the Softmax, from the last to the first.")
            found.weights.append(array(attribute(layer, names[0], "a layer"), f"{names[0]} of layer {i + 1}"))
            found.biases.append(array(attribute(layer, names[1], "a layer"), f"{names[1]} of layer {i + 1}").reshape(-1))
        return found

    def forward(self, x: np.ndarray) -> np.ndarray:
        given = given_like(self.kind, x)
        before = array(given, "x")
        out = array(call(method(self.network, "forward", "Network"), given, what="Network.forward"), "the output of Network.forward")
        unchanged(before, array(given, "x"), "x", "Network.forward")
        return out

    def backward(self, labels: np.ndarray) -> None:
        try:
            call(method(self.network, "backward", "Network"), given_like(self.kind, labels), what="Network.backward")
        except Mistake as mistake:
            if "differ in type" in mistake.message:
                raise Mistake("type-changed", "A layer returns float64 for a float32 input, and the arrays of a primitive must have one dtype. Let each layer return its input's dtype (`.astype(grad_output.dtype)`).") from None
            if mistake.name == "raises" and any(word in mistake.message for word in ("shape", "broadcast", "matmul")):
                mistake.message += " Backward goes from the layer before the Softmax to the first, and hands each the gradient that the one behind it returned."
            raise


def _advice(w: np.ndarray, shape: tuple[int, ...]) -> str:
    if w.ndim == 2 and len(shape) == 2 and shape == w.shape[::-1]:
        return " It looks transposed."
    return " A dense layer takes all C · H · W numbers that come in; follow the shapes through the file, with stride and padding." if w.ndim == 2 else ""


def same(a: Net, b: Net) -> bool:
    return all(close(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def verify_net(got: Net, expected: Net, what: str, hypotheses: Sequence[tuple[str, Callable[[], Net], str]], sizes: dict[str, float], numerical: Callable[[int], np.ndarray] | None = None) -> None:
    """Compare all parameters at once, so that a hypothesis must explain all of them."""
    if same(got, expected):
        return
    for name, wrong, hint in hypotheses:
        if same(got, wrong()):
            raise Mistake(name, hint)
    kinds = [entry["type"] for entry in expected.entries if entry["type"] in ("conv", "dense")]
    for i in range(len(kinds) - 1, -1, -1):
        where = f"{kinds[i]} layer {kinds[: i + 1].count(kinds[i])}"
        wrong_w, wrong_b = (not close(g[i], e[i]) for g, e in ((got.weights, expected.weights), (got.biases, expected.biases)))
        if wrong_w:
            verify(got.weights[i], expected.weights[i], f"{what} weight of {where}", (), sizes, numerical(i) if numerical else None)
        if wrong_b:
            verify(got.biases[i], expected.biases[i], f"{what} bias of {where}", (), sizes)


@check("build", "A7", builds_on="your layers and `layer_table`")
def build(build: Any, *, seed: int = 0) -> Iterator[str]:
    """Layers of the right sizes, own weights by seed and scale, and the forward pass."""
    net, x, _ = oracle.small_problem(seed)
    square = [oracle.conv_entry(2, (3, 3), (1, 1), (1, 1)), oracle.plain("relu"), oracle.conv_entry(2, (3, 3), (1, 1), (1, 1)), oracle.dense_entry(3), oracle.plain("softmax")]
    own = weights_of(made(build, square, (2, 5, 4), seed=3))
    if len(own) > 1 and own[0].shape == own[1].shape and np.array_equal(own[0], own[1]):
        raise Mistake("same-seed-everywhere", "Two layers of the same size start with the same weights. Give layer number i the seed [seed, i].")
    _seed_and_scale(build, square, own)
    given = oracle.copied(ENTRIES)
    call(build, given, IMAGE, what="build")
    if given != ENTRIES:
        raise Mistake("input-changed", "build changed the file's dictionaries or list. Don't modify them: the next network is built from them, too.")
    student = Student(build, net)
    other = attribute(made(build, ENTRIES, IMAGE), "layers", "the network")
    if other is attribute(student.network, "layers", "the network") or any(layer is student.trained[0] for layer in other):
        raise Mistake("layers-shared", "Two networks share their layers: the list belongs to the class or the module. Create it for each network.")
    yield "layers of the right sizes, each with weights of its own, by seed and scale"
    _right_forward(student, net, x)
    flat = [*ENTRIES[:5], oracle.plain("flatten"), *ENTRIES[5:]]
    _right_forward(Student(build, net, flat), net, x)
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


def _seed_and_scale(build: Any, entries: list[Entry], own: list[np.ndarray]) -> None:
    """Whether seed and scale reach the layers."""

    def weights(**named: Any) -> list[np.ndarray]:
        return weights_of(made(build, entries, (2, 5, 4), **named))

    other, small, again = weights(seed=4), weights(seed=3, scale=0.5), weights(seed=3)
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


def _right_forward(student: Student, net: Net, x: np.ndarray) -> None:
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
    verify(student.forward(x), a[-1], "the output of Network.forward", hypotheses)


@check("The whole network's gradients", "A7", builds_on="your layers")
def network(build: Any, *, seed: int = 0) -> Iterator[str]:
    """All gradients of the mean loss against finite differences, one update, a second batch."""
    net, x, labels = oracle.small_problem(seed)
    n = len(x)
    student = Student(build, net)
    student.forward(x)
    student.backward(labels)
    expected = net.gradients(x, labels)
    if not same(student.read(net), net):
        raise Mistake("backward-updates", "The weights changed during Network.backward. It should only compute gradients; `update` takes the step when all are computed.")

    def numerical(i: int) -> np.ndarray:
        def loss(w: np.ndarray) -> float:
            return net.with_parameters([*net.weights[:i], w, *net.weights[i + 1 :]], net.biases).loss(x, labels)

        return numerical_gradient(loss, net.weights[i])

    grads = student.read(net, ("grad_weight", "grad_bias"))
    verify_net(grads, expected, "the gradient for the", gradient_slips(net, x, labels), {"batch size": n}, numerical)
    yield "gradients of all weights and biases agree with finite differences"
    call(method(student.network, "update", "Network"), 0.3, what="Network.update")
    verify_net(student.read(net), net.stepped(expected, 0.3), "after Network.update, the", _update_slips(net, expected), {})
    yield "update moves every layer"
    moved = student.read(net)
    _, x, labels = oracle.small_problem(seed + 1, 5)
    try:
        right = close(student.forward(x), moved.forward(x))
        student.backward(labels)
        if not same(student.read(net), moved):
            raise Mistake("update-before-backward", "In the second batch the weights change during Network.backward, with the gradients of the first. First the whole backward pass, then `update`, which alone takes the step.")
        right = right and same(student.read(net, ("grad_weight", "grad_bias")), moved.gradients(x, labels))
    except Mistake as mistake:
        if mistake.name == "update-before-backward":
            raise
        right = False
    if not right:
        raise Mistake("keeps-state", "The first forward and backward are right, and the second, with 5 images, are not. Does backward change self.layers (`pop`, `reverse`), add to old gradients, or use something stored by an earlier forward?")
    yield "a second batch, of another size, is independent of the first"


def gradient_slips(net: Net, x: np.ndarray, labels: np.ndarray) -> list[tuple[str, Callable[[], Net], str]]:
    n = len(x)
    a = net.activations(x)
    p, y = a[-1], one_hot(labels, a[-1].shape[1])

    def started(g: np.ndarray) -> Callable[[], Net]:
        return lambda: net.gradients(x, labels, start=g)

    g0 = (p - y) / n
    return [
        ("gradient-not-averaged", lambda: net.gradients(x, labels, 1.0), f"All gradients are {n} times too large, and {n} is the batch size: they belong to the summed loss. See 'one convention'."),
        ("gradient-averaged-twice", lambda: net.gradients(x, labels, 1 / n**2), f"All gradients are 1/{n} of what they should be, and {n} is the batch size: the mean is taken twice."),
        ("gradient-sign", lambda: net.gradients(x, labels, -1 / n), "All gradients have the wrong sign; look at the gradient of the loss."),
        ("through-softmax-twice", started(p * (g0 - (g0 * p).sum(axis=1, keepdims=True))), "cross_entropy_gradient is the gradient before the softmax already, and its result went through Softmax.backward once more. Start with the last dense layer."),
        ("gradient-from-logits", started((a[-2] - y) / n), "The gradient starts from the logits; it starts from the probabilities: (p − y)/N."),
        ("relu-backward-skipped", lambda: net.gradients(x, labels, without="relu"), "The gradient does not pass through ReLU.backward on its way back. Each layer of forward has its turn, in reverse order."),
        ("gradient-to-every-tie", lambda: net.gradients(x, labels, ties=True), "In max pooling every entry that equals the maximum gets the whole gradient; one winner gets it."),
        *(("update-before-backward", lambda rate=rate: net.gradients(x, labels, lr_inside=rate), "Weights are changed before the gradient of the layer's input is computed from them. First the whole backward pass, then update.") for rate in (0.3, 0.1)),  # type: ignore[misc]
    ]


def _update_slips(net: Net, grads: Net) -> list[tuple[str, Callable[[], Net], str]]:
    stepped = net.stepped(grads, 0.3)
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
        ("not-updated", only([]), f"Network.update leaves all weights as they were. {every}"),
        ("only-some-updated", only(denses), f"Only the dense layers are updated. {every}"),
        ("only-some-updated", only(convs), f"Only the convolutions are updated. {every}"),
        ("only-some-updated", only([last]), f"Only the last layer is updated. {every}"),
        ("only-some-updated", only([0]), f"Only the first layer is updated: is there a `return` inside the loop? {every}"),
        ("only-some-updated", only(range(last)), f"The last dense layer is not updated. {every}"),
        ("only-some-updated", only(range(1, last + 1)), f"The first layer is not updated. {every}"),
        *(("rate-ignored", lambda rate=rate: net.stepped(grads, rate), f"`lr` is ignored: the weights move as with {rate:g}.") for rate in (1.0, 0.1, 0.01, 0.001)),  # type: ignore[misc]
        ("updated-twice", lambda: net.stepped(grads, 0.6), "The step is twice too long: is update called twice for each layer?"),
        ("update-adds", lambda: net.stepped(grads, -0.3), "The step goes uphill: the gradient is added."),
    ]
