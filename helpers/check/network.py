"""Checks of the student's `MLP`, `train_epoch` and `evaluate`: trajectories from given weights on given batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.backend import backend
from helpers.check.calls import array, attribute, call, like, method, number
from helpers.check.compare import Hypothesis, close, unchanged, verify
from helpers.check.oracle import Net, one_hot, sigmoid, softmax
from helpers.check.report import Mistake, check

SIZES = (6, 5, 4, 3)


class Student:
    """A student's network carrying the weights of an oracle `Net`."""

    def __init__(self, MLP: Any, net: Net, sizes: tuple[int, ...], on: Any = None):
        self.on = on or backend("numpy", "float64")
        self.network = call(MLP, sizes, self.on, what="MLP(sizes, backend)")
        layers = attribute(self.network, "layers", "MLP")
        if layers is None or not hasattr(layers, "__len__"):
            raise Mistake("layers-missing", "MLP should keep its layers in the list `self.layers`, in the order of forward.")
        self.linears = [layers[i] for i in range(len(layers)) if hasattr(layers[i], "weight")]
        if len(self.linears) != len(sizes) - 1:
            raise Mistake(
                "wrong-number-of-layers",
                f"For sizes {sizes} the network has {len(self.linears)} Linear layers; it should have {len(sizes) - 1}, one between each two sizes.",
            )
        self.flipped = []
        for i, (layer, w, b) in enumerate(zip(self.linears, net.weights, net.biases, strict=True)):
            shape = array(layer.weight, "weight").shape
            if shape not in (w.shape, w.shape[::-1]):
                raise Mistake("wrong-layer-size", f"Linear layer {i + 1} has weights of shape {shape}; for sizes {sizes} it should be {w.shape}.")
            self.flipped.append(shape != w.shape)
            bias_shape = array(layer.bias, "bias").shape
            layer.weight = like(layer.weight, w.T if self.flipped[-1] else w)
            layer.bias = like(layer.bias, b.reshape(bias_shape))

    def read(self, names: tuple[str, str] = ("weight", "bias")) -> Net:
        """Weights (or gradients) of all layers, in the course's layout."""
        found = Net([], [])
        for i, (layer, flipped) in enumerate(zip(self.linears, self.flipped, strict=True)):
            w = array(attribute(layer, names[0], "Linear"), f"{names[0]} of Linear layer {i + 1}")
            found.weights.append(w.T if flipped else w)
            found.biases.append(array(attribute(layer, names[1], "Linear"), f"{names[1]} of Linear layer {i + 1}").reshape(-1))
        return found

    def forward(self, x: np.ndarray) -> np.ndarray:
        given = like(self.linears[0].weight, x)
        out = array(call(method(self.network, "forward", "MLP"), given, what="MLP.forward"), "the output of MLP.forward")
        unchanged(x, array(given, "x"), "x", "MLP.forward")
        return out

    def backward(self, labels: np.ndarray) -> None:
        call(method(self.network, "backward", "MLP"), like(self.linears[0].weight, labels), what="MLP.backward")


def _data(seed: int, n: int = 7) -> tuple[Net, np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, n])
    return Net.random(SIZES, rng), rng.normal(size=(n, SIZES[0])), rng.permutation(np.arange(n) % SIZES[-1])


def _verify_net(got: Net, expected: Net, what: str, hypotheses: list[tuple[str, Net, str]], sizes: dict[str, float]) -> None:
    """Compare all parameters at once, so that a hypothesis must explain all of them."""

    def flat(net: Net) -> np.ndarray:
        return np.concatenate([a.ravel() for a in (*net.weights, *net.biases)])

    if close(flat(got), flat(expected)):
        return
    for name, wrong, hint in hypotheses:
        if close(flat(got), flat(wrong)):
            raise Mistake(name, hint)
    for i in range(len(expected.weights) - 1, -1, -1):
        for part, g, e in (("weight", got.weights[i], expected.weights[i]), ("bias", got.biases[i], expected.biases[i])):
            verify(g, e, f"{what} {part} of Linear layer {i + 1}", (), sizes)


@check("MLP", "B1", builds_on="your layers and loss of Part A")
def network(MLP: Any, *, seed: int = 0) -> Iterator[str]:
    """Layers, forward, all gradients of the mean loss, one update."""
    net, x, labels = _data(seed)
    fresh = call(MLP, (6, 6, 6, 3), backend("numpy", "float64"), what="MLP(sizes, backend)")
    layers = attribute(fresh, "layers", "MLP")
    own = [array(layers[i].weight, "weight") for i in range(len(layers)) if hasattr(layers[i], "weight")]
    if len(own) > 1 and own[0].shape == own[1].shape and np.array_equal(own[0], own[1]):
        raise Mistake("same-seed-everywhere", "Two layers of the same size start with the same weights. Give each layer a seed of its own, such as seed + its number.")
    student = Student(MLP, net, SIZES)
    yield "Linear layers of the right sizes, each with weights of its own"
    a = net.activations(x)
    logits = a[-2] @ net.weights[-1] + net.biases[-1]
    linear_chain = x
    for w, b in zip(net.weights, net.biases, strict=True):
        linear_chain = linear_chain @ w + b
    got = student.forward(x)
    hypotheses = [
        Hypothesis("softmax-missing", logits, "MLP.forward returns logits: the Softmax at the end is missing."),
        Hypothesis("sigmoid-before-softmax", softmax(sigmoid(logits)), "There is a Sigmoid between the last Linear and the Softmax. It squeezes the logits into 0 … 1, so no class can become certain."),
        Hypothesis("sigmoid-at-the-end", sigmoid(logits), "The output is a Sigmoid of the logits; it should be a Softmax, whose rows add up to 1."),
        Hypothesis("sigmoids-missing", softmax(linear_chain), "The Sigmoids between the Linear layers are missing; without them the whole network is one linear map."),
        Hypothesis("softmax-twice", softmax(a[-1]), "The Softmax is applied twice."),
        Hypothesis("output-transposed", a[-1].T, "The output is transposed: rows should be the examples of the batch."),
    ]
    verify(got, a[-1], "the output of MLP.forward", hypotheses)
    yield "forward gives the reference's probabilities"
    student.backward(labels)
    n = len(x)
    y = one_hot(labels, SIZES[-1])

    def through_softmax() -> Net:
        p, g0 = a[-1], (a[-1] - y) / n
        g = p * (g0 - (g0 * p).sum(axis=1, keepdims=True))
        return _gradients_from(net, a, g)

    expected = net.gradients(x, labels)
    no_sigmoid = Net([*map(np.copy, expected.weights)], [*map(np.copy, expected.biases)])
    g = (a[-1] - y) / n
    for i in range(len(net.weights) - 1, -1, -1):
        no_sigmoid.weights[i], no_sigmoid.biases[i] = a[i].T @ g, g.sum(axis=0)
        g = g @ net.weights[i].T
    _verify_net(
        student.read(("grad_weight", "grad_bias")),
        expected,
        "the gradient for",
        [
            ("gradient-not-averaged", net.gradients(x, labels, 1.0), f"All gradients are {n} times too large, and {n} is the batch size: they belong to the summed loss. See 'One convention'."),
            ("gradient-averaged-twice", net.gradients(x, labels, 1 / n**2), f"All gradients are 1/{n} of what they should be, and {n} is the batch size: the mean is taken twice."),
            ("gradient-sign", net.gradients(x, labels, -1 / n), "All gradients have the wrong sign; look at the gradient of the loss."),
            ("through-softmax-twice", through_softmax(), "cross_entropy_gradient already includes the softmax, and its result went through Softmax.backward once more. Start with the last Linear layer."),
            ("sigmoid-backward-skipped", no_sigmoid, "The gradient does not pass through Sigmoid.backward on its way back. Each layer of forward has its turn in backward, in reverse order."),
        ],
        {"batch size": n},
    )
    yield "gradients of all weights and biases"
    call(method(student.network, "update", "MLP"), 0.5, what="MLP.update")
    stepped = net.copy()
    stepped.step(expected, 0.5)
    only_last = net.copy()
    only_last.weights[-1], only_last.biases[-1] = stepped.weights[-1], stepped.biases[-1]
    wrong_sign = net.copy()
    wrong_sign.step(expected, -0.5)
    _verify_net(
        student.read(),
        stepped,
        "after MLP.update, the",
        [
            ("not-updated", net, "MLP.update leaves all weights as they were. Call `update(lr)` of every Linear layer."),
            ("only-last-updated", only_last, "Only the last Linear layer is updated. Call `update(lr)` of every Linear layer."),
            ("update-adds", wrong_sign, "The step goes uphill: the gradient is added."),
        ],
        {},
    )
    yield "update moves every layer"


def _gradients_from(net: Net, a: list[np.ndarray], g: np.ndarray) -> Net:
    grads = Net([], [])
    for i in range(len(net.weights) - 1, -1, -1):
        grads.weights.insert(0, a[i].T @ g)
        grads.biases.insert(0, g.sum(axis=0))
        if i:
            g = g @ net.weights[i].T * a[i] * (1 - a[i])
    return grads


def _epoch(net: Net, x: np.ndarray, labels: np.ndarray, lr: float, batches: list[np.ndarray], scale: str = "mean") -> tuple[Net, list[float], list[int]]:
    """The oracle's epoch over the given batches of indices: (network after it, loss and size of each batch)."""
    net, losses = net.copy(), []
    for index in batches:
        losses.append(net.loss(x[index], labels[index]))
        net.step(net.gradients(x[index], labels[index], None if scale == "mean" else 1.0), lr)
    return net, losses, [len(index) for index in batches]


def _split(order: np.ndarray, size: int) -> list[np.ndarray]:
    return [order[i : i + size] for i in range(0, len(order), size)]


@check("train_epoch", "B2", builds_on="your layers, loss and MLP")
def train_epoch(function: Any, MLP: Any, *, seed: int = 0, lr: float = 0.6) -> Iterator[str]:
    """Weights after an epoch of batches 3, 3, 1 in a given order, and the mean loss, against the reference trajectory."""
    net, x, labels = _data(seed)
    n, size = len(x), 3
    order = np.random.default_rng([seed, 99]).permutation(n)
    batches = _split(order, size)
    student = Student(MLP, net, SIZES)
    kind = student.linears[0].weight
    what = "train_epoch"
    given, given_labels = like(kind, x), like(kind, labels)
    loss = call(function, student.network, given, given_labels, lr, batch_size=size, order=like(kind, order), what=what)
    unchanged(x, array(given, "images"), "images", what)
    unchanged(labels.astype(float), array(given_labels, "labels"), "labels", what)
    expected, losses, counts = _epoch(net, x, labels, lr, batches)

    def after(rate: float, chosen: list[np.ndarray], scale: str = "mean") -> Net:
        return _epoch(net, x, labels, rate, chosen, scale)[0]

    in_order = _split(np.arange(n), size)
    hypotheses = [
        ("no-update", net, "The weights did not move: each batch needs forward, backward and update."),
        ("ragged-batch-skipped", after(lr, batches[:-1]), "The last, smaller batch is skipped: 7 images in batches of 3 make batches of 3, 3 and 1."),
        ("ragged-batch-skipped", after(lr, in_order[:-1]), "The last, smaller batch is skipped, and `order` is ignored."),
        ("order-ignored", after(lr, in_order), "`order` is ignored: the images are taken as they lie. Batch k holds the images order[k·size : (k+1)·size]."),
        ("only-first-batch", after(lr, batches[:1]), "Only the first batch is used. Is there a `return` inside the loop?"),
        ("full-batch", after(lr, [order]), "All images are used as one batch; `batch_size` is ignored."),
        ("rate-ignored", after(0.1, batches), "`lr` is ignored: the weights move as with 0.1."),
        ("rate-ignored", after(0.01, batches), "`lr` is ignored: the weights move as with 0.01."),
        ("gradient-not-averaged", after(lr, batches, "sum"), "The weights move as if the loss were summed over the batch. See 'One convention'."),
        ("update-adds", after(-lr, batches), "The loss rises: the steps go uphill."),
        ("updated-twice", after(2 * lr, batches), "Each step is twice too long: is update called twice?"),
    ]
    got = student.read()
    if not all(np.isfinite(w).all() for w in got.weights):
        raise Mistake("not-finite", "The weights became NaN or infinite within one epoch of three small batches.")
    _verify_net(got, expected, "after the epoch, the", hypotheses, {"batch size": size})
    yield "weights after batches of 3, 3 and 1 follow the reference trajectory"
    mean = float(np.average(losses, weights=counts))
    shown = np.asarray(number(loss, "the returned mean loss"))
    verify(
        shown,
        np.asarray(mean),
        "the returned mean loss",
        [
            Hypothesis("last-batch-loss", np.asarray(losses[-1]), "Only the loss of the last batch is returned. Add up the losses of all batches."),
            Hypothesis("first-batch-loss", np.asarray(losses[0]), "Only the loss of the first batch is returned. Is there a `return` inside the loop?"),
            Hypothesis("unweighted-mean", np.asarray(np.mean(losses)), "The batches count equally, though the last one has 1 image and the others have 3. Weigh each batch's mean loss by its size."),
            Hypothesis("loss-summed", np.asarray(np.dot(losses, counts)), f"The loss is summed over the images. Divide it by their number, {n}."),
            Hypothesis("loss-summed", np.asarray(np.sum(losses)), "The batches' mean losses are added up. Weigh each by its size and divide by the number of images."),
            Hypothesis("loss-divided-twice", np.asarray(np.sum(losses) / n), "The loss is divided twice: the batches' losses are means already, and their sum is divided by the number of images. The curve would be far too low."),
            Hypothesis("loss-divided-twice", np.asarray(np.mean(losses) / size), "The loss is divided twice: the batches' losses are means already, and they are divided by the batch size once more."),
            Hypothesis("loss-divided-twice", np.asarray(mean / n), "The loss is divided by the number of images twice."),
            Hypothesis("loss-after-training", np.asarray(expected.loss(x, labels)), "This is the loss after the epoch. The training loss is recorded on the way: each batch before its update."),
        ],
        {"batch size": size, "number of images": n, "number of batches": len(batches)},
    )
    yield "mean loss over all images, the smaller last batch weighed by its size"
    student = Student(MLP, net, SIZES)
    again = call(function, student.network, like(kind, x), like(kind, labels), lr, batch_size=n + 4, what=what)
    verify(np.asarray(number(again, "the returned mean loss")), np.asarray(net.loss(x, labels)), "without `order`, and with a batch size larger than the set, the mean loss")
    yield "works without `order` and with a batch larger than the set"


@check("evaluate", "B3", builds_on="your layers, loss and MLP")
def evaluate(function: Any, MLP: Any, *, seed: int = 0) -> Iterator[str]:
    """(mean loss, accuracy) of a network, which stays as it is."""
    net, x, labels = _data(seed, 11)
    n = len(x)
    student = Student(MLP, net, SIZES)
    kind = student.linears[0].weight
    result = call(function, student.network, like(kind, x), like(kind, labels), what="evaluate")
    if result is None or not hasattr(result, "__len__") or len(result) != 2:
        raise Mistake("not-a-pair", "evaluate should return two numbers: `return loss, accuracy`.")
    p = net.forward(x)
    loss, accuracy = net.loss(x, labels), float((p.argmax(axis=1) == labels).mean())
    got = np.asarray([number(result[0], "the loss"), number(result[1], "the accuracy")])
    right = accuracy * n
    verify(
        got,
        np.asarray([loss, accuracy]),
        "(loss, accuracy)",
        [
            Hypothesis("pair-swapped", np.asarray([accuracy, loss]), "Loss and accuracy are swapped: the loss comes first."),
            Hypothesis("accuracy-in-percent", np.asarray([loss, 100 * accuracy]), "The accuracy is in percent; it should lie between 0 and 1."),
            Hypothesis("accuracy-counted", np.asarray([loss, right]), "The accuracy is the number of right answers; divide it by the number of images."),
            Hypothesis("error-for-accuracy", np.asarray([loss, 1 - accuracy]), "This is the error rate, the share of wrong answers; the accuracy is 1 minus that."),
            Hypothesis("accuracy-divided-by-batch", np.asarray([loss, right / 64]), "The number of right answers is divided by 64; divide it by the number of images."),
            Hypothesis("loss-summed", np.asarray([loss * n, accuracy]), "The loss is summed over the images; take the mean."),
            Hypothesis("loss-divided-twice", np.asarray([loss / n, accuracy]), "The loss is divided by the number of images twice; cross_entropy returns a mean already."),
            Hypothesis("argmin", np.asarray([loss, float((p.argmin(axis=1) == labels).mean())]), "The predicted class is the one with the smallest probability; take the largest (argmax)."),
        ],
        {"number of images": n},
    )
    yield "mean loss and accuracy of 11 images"
    if not all(close(g, w) for g, w in zip(student.read().weights, net.weights, strict=True)):
        raise Mistake("evaluate-trains", "evaluate changed the weights. It only looks: no backward, no update. Otherwise the test images are trained on.")
    yield "the network stays as it is"
