"""Checks of the student's `MLP`: layers, forward, all gradients, one update."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from helpers.backend import backend
from helpers.check.core.calls import Later, array, attribute, in_turn, like, make, put_all
from helpers.check.core.compare import Hypothesis, Lazy, close, needed, unchanged, verify
from helpers.check.core.oracle import Net, one_hot, sigmoid, softmax
from helpers.check.core.reach import NOTHING, Bring, Method, fitted, peek, together
from helpers.check.core.report import Mistake, check

SIZES = (6, 5, 4, 3)
PARAMETERS, GRADIENTS = ("weight", "bias"), ("grad_weight", "grad_bias")


def has_weight(layer: Any) -> bool:
    """A Linear layer; a base class may give all layers a weight that is None."""
    return peek(layer, "weight") is not None


def layers_of(network: Any, owner: str) -> list[Any]:
    """The network's layers, in the order of forward."""
    layers = attribute(network, "layers", owner)
    if layers is None or not hasattr(layers, "__len__"):
        raise Mistake("layers-missing", f"{owner} should keep its layers in the list `self.layers`, in the order of forward.")
    return [layers[i] for i in range(len(layers))]


class Student:
    """A student's network carrying the weights of an oracle `Net`."""

    def __init__(self, MLP: Any, net: Net, sizes: tuple[int, ...], on: Any = None):
        self.on = on or backend("numpy", "float64")
        self.network = make_network(MLP, sizes, self.on, values=list(zip(net.weights, net.biases, strict=True)))
        layers = layers_of(self.network, "MLP")
        with together(layers, *PARAMETERS):
            self._carry(layers, net, sizes)

    def _carry(self, layers: list[Any], net: Net, sizes: tuple[int, ...]) -> None:
        """Give the layers the weights of the net, in the student's own layout."""
        self.linears = [layer for layer in layers if has_weight(layer)]
        if len(self.linears) != len(sizes) - 1:
            raise Mistake(
                "wrong-number-of-layers",
                f"For sizes {sizes} the network has {len(self.linears)} Linear layers; it should have {len(sizes) - 1}, one between each two sizes.",
            )
        self.flipped, wanted = [], []
        for i, (layer, w, b) in enumerate(zip(self.linears, net.weights, net.biases, strict=True)):
            shape = array(peek(layer, "weight"), "weight").shape
            if shape not in (w.shape, w.shape[::-1]):
                raise Mistake("wrong-layer-size", f"Linear layer {i + 1} has weights of shape {shape}; for sizes {sizes} it should be {w.shape}.")
            self.flipped.append(shape != w.shape)
            bias_shape = array(attribute(layer, "bias", "Linear"), "bias").shape
            wanted += [(layer, "weight", fitted(w, shape)), (layer, "bias", b.reshape(bias_shape))]
        self.kind = peek(self.linears[0], "weight")
        put_all(wanted)

    def all(self, *names: str) -> Bring:
        """These attributes of all Linear layers, for a call to bring along."""
        return self.linears, names

    def read(self, names: tuple[str, str] = PARAMETERS) -> Net:
        """Weights (or gradients) of all layers, in the course's layout."""
        with together(self.linears, *names):
            return self._read(names)

    def _read(self, names: tuple[str, str]) -> Net:
        found = Net([], [])
        for i, (layer, flipped) in enumerate(zip(self.linears, self.flipped, strict=True)):
            if names[0].startswith("grad") and peek(layer, names[0]) is None:
                raise Mistake("layer-not-reached", f"Linear layer {i + 1} has no {names[0]} after MLP.backward: its backward was not called. Go through all layers before the Softmax, from the last to the first.")
            w = array(attribute(layer, names[0], "Linear"), f"{names[0]} of Linear layer {i + 1}")
            found.weights.append(w.T if flipped else w)
            found.biases.append(array(attribute(layer, names[1], "Linear"), f"{names[1]} of Linear layer {i + 1}").reshape(-1))
        return found

    def forward(self, x: np.ndarray) -> Later:
        """A call that waits for `run`; it gives the output."""
        return Later(Method(self.network, "forward", "MLP"), [like(self.kind, x)], "MLP.forward")

    def backward(self, labels: np.ndarray) -> Later:
        return Later(Method(self.network, "backward", "MLP"), [like(self.kind, labels)], "MLP.backward")

    def update(self, lr: float) -> Later:
        return Later(Method(self.network, "update", "MLP"), [lr], "MLP.update")

    def run(self, *calls: Later, bring: Bring = NOTHING) -> Iterator[Any]:
        """Results of calls, one after the other, each when it is asked for."""
        results = in_turn(calls, bring)
        for one in calls:
            before = array(one.args[0], "x") if one.what == "MLP.forward" else None
            result = next(results)
            if before is not None:
                result = array(result, "the output of MLP.forward")
                unchanged(before, array(one.args[0], "x"), "x", "MLP.forward")
            yield result


def make_network(MLP: Any, sizes: tuple[int, ...], on: Any, what: str = "MLP(sizes, backend)", values: Sequence[Sequence[np.ndarray]] = (), **named: Any) -> Any:
    """The student's network; its layers and their parameters are read next, and given these values."""
    return make(MLP, sizes, on, what=what, parts="layers", names=PARAMETERS, values=values, **named)


def small_problem(seed: int, n: int = 7) -> tuple[Net, np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, n])
    return Net.random(SIZES, rng), rng.normal(size=(n, SIZES[0])), rng.permutation(np.arange(n) % SIZES[-1])


def same(a: Net, b: Net) -> bool:
    """All parameters of two networks agree."""
    return all(close(p, q) for p, q in zip(a.weights + a.biases, b.weights + b.biases, strict=True))


def verify_net(got: Net, expected: Net, what: str, hypotheses: Lazy[list[tuple[str, Net, str]]], sizes: dict[str, float]) -> None:
    """Compare all parameters at once, so that a hypothesis must explain all of them.

    what: the words for one parameter, with {} in the place of its name: "the {} after the epoch".
    """
    if same(got, expected):
        return
    for name, wrong, hint in needed(hypotheses):
        if same(got, wrong):
            raise Mistake(name, hint)
    for i in range(len(expected.weights) - 1, -1, -1):
        for part, g, e in (("weight", got.weights[i], expected.weights[i]), ("bias", got.biases[i], expected.biases[i])):
            verify(g, e, what.format(f"{part} of Linear layer {i + 1}"), (), sizes)


@check("MLP", "B1", builds_on="your layers and loss of Part A")
def network(MLP: Any, *, seed: int = 0) -> Iterator[str]:
    """Layers, forward, all gradients of the mean loss, one update."""
    net, x, labels = small_problem(seed)
    fresh = make_network(MLP, (6, 6, 6, 3), backend("numpy", "float64"))
    own = _weights(fresh)
    if len(own) > 1 and own[0].shape == own[1].shape and np.array_equal(own[0], own[1]):
        raise Mistake("same-seed-everywhere", "Two layers of the same size start with the same weights. Give each layer a seed of its own, such as seed + its number.")
    student = Student(MLP, net, SIZES)
    other = attribute(make_network(MLP, SIZES, backend("numpy", "float64")), "layers", "MLP")
    if other is attribute(student.network, "layers", "MLP") or any(layer is student.linears[0] for layer in other):
        raise Mistake("layers-shared", "Two networks share their layers: the list belongs to the class, or is a default argument. Make it in `__init__`: `self.layers = []`.")
    starts = _first_weights(MLP)
    if starts is not None and np.array_equal(*starts):
        raise Mistake("seed-ignored", "Networks with seed 1 and seed 2 start with the same weights. Make the layers' seeds from the network's own, such as [seed, number of the layer].")
    yield "Linear layers of the right sizes, each with weights of its own"
    a = net.activations(x)
    logits = a[-2] @ net.weights[-1] + net.biases[-1]
    linear_chain = x
    for w, b in zip(net.weights, net.biases, strict=True):
        linear_chain = linear_chain @ w + b
    passes = student.run(student.forward(x), student.backward(labels), bring=student.all(*PARAMETERS, *GRADIENTS))
    got = next(passes)
    hypotheses = [
        Hypothesis("softmax-missing", logits, "MLP.forward returns logits: the Softmax at the end is missing."),
        Hypothesis("sigmoid-before-softmax", softmax(sigmoid(logits)), "There is a Sigmoid between the last Linear and the Softmax. It squeezes the logits into 0 … 1, so no class can become certain."),
        Hypothesis("sigmoid-at-the-end", sigmoid(logits), "The output is a Sigmoid of the logits; it should be a Softmax, whose rows add up to 1."),
        Hypothesis("sigmoids-missing", softmax(linear_chain), "The Sigmoids between the Linear layers are missing; without them the whole network is one linear map."),
        Hypothesis("relu-for-sigmoid", _other_activation(net, x, lambda z: np.maximum(z, 0)), "There is a ReLU between the Linear layers; the exercise asks for Sigmoid."),
        Hypothesis("tanh-for-sigmoid", _other_activation(net, x, np.tanh), "There is a tanh between the Linear layers; the exercise asks for Sigmoid."),
        Hypothesis("input-rescaled", net.forward(x / 255), "The input is divided by 255 once more. The images are normalised already."),
        Hypothesis("input-rescaled", net.forward((x - x.mean()) / x.std()), "The input is standardised once more, batch by batch. The images are normalised already, with the training set's numbers."),
        Hypothesis("softmax-everywhere", _other_activation(net, x, softmax), "There is a Softmax between the Linear layers; only the last activation is a Softmax, the others are Sigmoids."),
        Hypothesis("softmax-twice", softmax(a[-1]), "The Softmax is applied twice."),
        Hypothesis("output-transposed", a[-1].T, "The output is transposed: rows should be the examples of the batch."),
    ]
    verify(got, a[-1], "the output of MLP.forward", hypotheses)
    yield "forward gives the reference's probabilities"
    next(passes)
    if not same(student.read(), net):
        raise Mistake("backward-updates", "MLP.backward changed the weights. It only computes gradients; `update` takes the step.")
    n = len(x)
    y = one_hot(labels, SIZES[-1])

    def through_softmax() -> Net:
        p, g0 = a[-1], (a[-1] - y) / n
        g = p * (g0 - (g0 * p).sum(axis=1, keepdims=True))
        return net.backward(a, g)

    expected = net.gradients(x, labels)
    no_sigmoid = Net([*map(np.copy, expected.weights)], [*map(np.copy, expected.biases)])
    g = (a[-1] - y) / n
    for i in range(len(net.weights) - 1, -1, -1):
        no_sigmoid.weights[i], no_sigmoid.biases[i] = a[i].T @ g, g.sum(axis=0)
        g = g @ net.weights[i].T
    verify_net(
        student.read(GRADIENTS),
        expected,
        "the gradient with respect to the {}",
        lambda: [
            ("gradient-not-averaged", net.gradients(x, labels, 1.0), f"All gradients are {n} times too large, and {n} is the batch size: they belong to the summed loss. See 'One convention'."),
            ("gradient-averaged-twice", net.gradients(x, labels, 1 / n**2), f"All gradients are 1/{n} of what they should be, and {n} is the batch size: the mean is taken twice."),
            ("gradient-sign", net.gradients(x, labels, -1 / n), "All gradients have the wrong sign; look at the gradient of the loss."),
            ("gradient-from-logits", net.backward(a, (logits - y) / n), "The gradient starts from the logits; it starts from the probabilities, the output of the Softmax: (p − y)/N."),
            ("through-softmax-twice", through_softmax(), "cross_entropy_gradient already includes the softmax, and its result is passed through Softmax.backward once more. Start with the last Linear layer."),
            ("sigmoid-backward-skipped", no_sigmoid, "The gradient skips Sigmoid.backward. backward calls every layer of forward, in reverse order."),
        ],
        {"batch size": n},
    )
    yield "gradients of all weights and biases"
    next(student.run(student.update(0.3), bring=student.all(*PARAMETERS)))
    stepped = net.stepped(expected, 0.3)
    only_last = net.copy()
    only_last.weights[-1], only_last.biases[-1] = stepped.weights[-1], stepped.biases[-1]
    only_first = net.copy()
    only_first.weights[0], only_first.biases[0] = stepped.weights[0], stepped.biases[0]
    all_but_last = stepped.copy()
    all_but_last.weights[-1], all_but_last.biases[-1] = net.weights[-1], net.biases[-1]
    all_but_first = stepped.copy()
    all_but_first.weights[0], all_but_first.biases[0] = net.weights[0], net.biases[0]
    verify_net(
        student.read(),
        stepped,
        "the {} after MLP.update",
        lambda: [
            ("not-updated", net, "MLP.update leaves all weights unchanged. Call `update(lr)` of every Linear layer."),
            ("only-last-updated", only_last, "Only the last Linear layer is updated. Call `update(lr)` of every Linear layer."),
            ("only-first-updated", only_first, "Only the first Linear layer is updated. Is there a `return` inside the loop?"),
            ("last-not-updated", all_but_last, "The last Linear layer is not updated. Call `update(lr)` of every Linear layer."),
            ("first-not-updated", all_but_first, "The first Linear layer is not updated. Call `update(lr)` of every Linear layer."),
            *(("rate-ignored", net.stepped(expected, rate), f"`lr` is ignored: the weights move as with {rate:g}.") for rate in (1.0, 0.1, 0.01, 0.001)),
            ("updated-twice", net.stepped(expected, 0.6), "The step is twice as long as it should be: is update called twice for each layer?"),
            ("update-adds", net.stepped(expected, -0.3), "The step goes uphill: the gradient is added."),
        ],
        {},
    )
    yield "update moves every layer"
    _second_pass(student, seed)
    yield "a second pass does not depend on the first"


def _second_pass(student: Student, seed: int) -> None:
    """Forward and backward once more, from other weights on another batch."""
    net = student.read()
    _, x, labels = small_problem(seed + 1, 5)
    try:
        out, _ = student.run(student.forward(x), student.backward(labels), bring=student.all(*GRADIENTS))
        right = close(out, net.forward(x)) and same(student.read(GRADIENTS), net.gradients(x, labels))
    except Mistake:
        right = False
    if not right:
        raise Mistake("keeps-state", "The first forward and backward are right, and the second are not. Does backward change self.layers (`pop`, `reverse`), or take probabilities that an earlier forward stored?")


def _other_activation(net: Net, x: np.ndarray, f: Any) -> np.ndarray:
    for w, b in zip(net.weights[:-1], net.biases[:-1], strict=True):
        x = f(x @ w + b)
    return softmax(x @ net.weights[-1] + net.biases[-1])


def _first_weights(MLP: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Of networks with two seeds; None where the student's class takes no seed."""
    found = []
    for seed in (1, 2):
        try:
            made = make_network(MLP, SIZES, backend("numpy", "float64"), "MLP(sizes, backend, seed)", seed=seed)
        except Mistake:
            return None
        found.append(next(iter(_weights(made))))
    return found[0], found[1]


def _weights(network: Any) -> list[np.ndarray]:
    """Of all Linear layers."""
    layers = layers_of(network, "MLP")
    with together(layers, "weight"):
        return [array(peek(layer, "weight"), "weight") for layer in layers if has_weight(layer)]
