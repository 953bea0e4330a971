"""Right solutions of A7 to B3, by somebody who had only read the notebook: exercise -> what is different about it -> its cell."""

BUILD = '''

def build(layers, shape, seed=0, scale=1.0):
    made, i = [], 0
    for layer in layers:
        kind = layer["type"]
        if kind == "conv":
            made.append(Conv(shape[0], layer["filters"], layer["size"], layer["stride"], layer["padding"], [seed, i], scale))
            i += 1
        if kind == "max_pool":
            made.append(MaxPool(layer["size"], layer["stride"], layer["padding"]))
        if kind == "relu":
            made.append(ReLU())
        if kind == "flatten":
            made.append(Flatten())
        if kind == "dense":
            if len(shape) > 1:
                made.append(Flatten())
            made.append(Dense(math.prod(shape), layer["units"], [seed, i], scale))
            i += 1
        if kind == "softmax":
            made.append(Softmax())
        shape = output_shape(layer, shape)
    return Network(made)
'''

CELLS: dict[str, dict[str, str]] = {
    "A-network": {
        "functools, gradients returned": """from functools import reduce


class Network:
    def __init__(self, layers):
        self.layers = list(layers)

    def forward(self, x):
        self.p = reduce(lambda a, layer: layer.forward(a), self.layers, x)
        return self.p

    def backward(self, labels):
        return reduce(lambda g, layer: layer.backward(g), self.layers[-2::-1], cross_entropy_gradient(self.p, labels))

    def update(self, lr):
        [layer.update(lr) for layer in self.layers if isinstance(layer, (Conv, Dense))]
""" + BUILD,
        "everything is kept, own softmax gradient": """class Network:
    def __init__(self, layers):
        self.layers = layers
        self.body, self.softmax = layers[:-1], layers[-1]

    def forward(self, x):
        self.between = [x]
        for layer in self.body:
            self.between.append(layer.forward(self.between[-1]))
        return self.softmax.forward(self.between[-1])

    def backward(self, labels):
        scores = self.between[-1]
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        gradient = powers / powers.sum(axis=1, keepdims=True)
        gradient[np.arange(len(labels)), labels] -= 1
        gradient /= len(labels)
        for i in range(len(self.body) - 1, -1, -1):
            gradient = self.body[i].backward(gradient)

    def update(self, lr):
        for layer in self.layers:
            step = getattr(layer, "update", None)
            if step is not None:
                step(lr)
""" + BUILD,
        "recomputed on the way back": """class Network:
    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        self.images = x
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, labels):
        gradient = cross_entropy_gradient(self.forward(self.images), labels)
        position = len(self.layers) - 2
        while position >= 0:
            gradient = self.layers[position].backward(gradient)
            position -= 1

    def update(self, lr):
        for layer in self.layers:
            if not isinstance(layer, (ReLU, MaxPool, Flatten, Softmax)):
                layer.update(lr)
""" + BUILD,
        "a data class, makers by name, a counter": """from dataclasses import dataclass, field
from itertools import count


@dataclass
class Network:
    layers: list
    outputs: dict = field(default_factory=dict, repr=False)

    def forward(self, x):
        for i, layer in enumerate(self.layers):
            x = self.outputs[i] = layer.forward(x)
        return x

    def backward(self, labels):
        gradient = cross_entropy_gradient(self.outputs[len(self.layers) - 1], labels)
        for layer in self.layers[:-1][::-1]:
            gradient = layer.backward(gradient)

    def update(self, lr):
        for layer in self.layers:
            if hasattr(layer, "update"):
                layer.update(lr)


def build(layers, shape, seed=0, scale=1.0):
    number = count()
    make = {
        "conv": lambda layer, shape: [Conv(shape[0], layer["filters"], layer["size"], stride=layer["stride"], padding=layer["padding"], seed=[seed, next(number)], scale=scale)],
        "max_pool": lambda layer, shape: [MaxPool(size=layer["size"], stride=layer["stride"], padding=layer["padding"])],
        "dense": lambda layer, shape: [Flatten(), Dense(int(np.prod(shape)), layer["units"], seed=[seed, next(number)], scale=scale)],
        "flatten": lambda layer, shape: [Flatten()],
        "relu": lambda layer, shape: [ReLU()],
        "softmax": lambda layer, shape: [Softmax()],
    }
    shapes = [tuple(shape), *(out for out, _ in layer_table(layers, shape))]
    return Network(sum((make[layer["type"]](layer, before) for layer, before in zip(layers, shapes)), []))
""",
        "a linked chain beside the list": """class Network:
    class Link:
        def __init__(self, layer, before):
            self.layer, self.before = layer, before

    def __init__(self, layers):
        self.layers = layers
        self.last = None
        for layer in layers[:-1]:
            self.last = Network.Link(layer, self.last)

    def forward(self, x):
        def through(link):
            return x if link is None else link.layer.forward(through(link.before))

        self.probabilities = self.layers[-1].forward(through(self.last))
        return self.probabilities

    def backward(self, labels):
        gradient, link = cross_entropy_gradient(self.probabilities, labels), self.last
        while link is not None:
            gradient, link = link.layer.backward(gradient), link.before

    def update(self, lr):
        link = self.last
        while link:
            if hasattr(link.layer, "grad_weight"):
                link.layer.update(lr)
            link = link.before
""" + BUILD,
        "a list with methods": """class Network(list):
    @property
    def layers(self):
        return self

    def forward(self, x):
        self.batch = len(x)
        for layer in self:
            x = layer.forward(x)
        self.output = x
        return self.output

    def backward(self, labels):
        one_hot = np.eye(self.output.shape[1])[labels]
        gradient = ((self.output - one_hot) / self.batch).astype(self.output.dtype)
        for layer in self[-2::-1]:
            gradient = layer.backward(gradient)

    def update(self, lr):
        for layer in self:
            if "weight" in dir(layer):
                layer.update(lr)
""" + BUILD,
    },
    "B-error": {
        "a loop that counts": """def error_rate(network, images, labels):
    wrong = 0
    for row, label in zip(network.forward(images), labels):
        if row.argmax() != label:
            wrong += 1
    return wrong / len(labels)
""",
        "batches of fifty": """def error_rate(network, images, labels):
    right = 0
    for i in range(0, len(images), 50):
        guesses = np.argmax(network.forward(images[i : i + 50]), axis=-1)
        right += np.count_nonzero(guesses == labels[i : i + 50])
    return 1.0 - right / images.shape[0]
""",
        "sorted classes, numpy's mean": """def error_rate(network, images, labels):
    order = np.argsort(network.forward(images), axis=1)
    return 1 - np.equal(order[:, -1], np.asarray(labels)).mean()
""",
        "PyTorch counts": """import torch


def error_rate(network, images, labels):
    guess = torch.tensor(network.forward(images)).max(dim=1).indices
    return (guess != torch.tensor(labels)).double().mean().item()
""",
    },
    "B-train": {
        "a generator of batches, a weighted average": """def batches(n, epoch, batch_size, seed):
    order = epoch_order(n, epoch, seed)
    while len(order):
        yield order[:batch_size]
        order = order[batch_size:]


def train(network, split, lr, epochs, batch_size=64, seed=0):
    losses, errors = [], []
    for epoch in range(epochs):
        each, sizes = [], []
        for chosen in batches(len(split.train_labels), epoch, batch_size, seed):
            p = network.forward(split.train_images[chosen])
            each.append(cross_entropy(p, split.train_labels[chosen]))
            sizes.append(len(chosen))
            network.backward(split.train_labels[chosen])
            network.update(lr)
        losses.append(np.average(each, weights=sizes))
        errors.append(error_rate(network, split.validation_images, split.validation_labels))
    return losses, errors
""",
        "images put into order first, losses image by image": """def train(network, split, lr, epochs, batch_size=64, seed=0):
    record = {"loss": [], "error": []}
    n = split.train_images.shape[0]
    for epoch in range(epochs):
        order = epoch_order(n, epoch, seed)
        images, labels = split.train_images[order], split.train_labels[order]
        lost = np.zeros(n)
        for k in range(math.ceil(n / batch_size)):
            part = slice(k * batch_size, (k + 1) * batch_size)
            p = network.forward(images[part])
            lost[part] = -np.log(p[np.arange(len(p)), labels[part]])
            network.backward(labels[part])
            network.update(lr)
        record["loss"].append(float(lost.mean()))
        record["error"].append(error_rate(network, split.validation_images, split.validation_labels))
    return record["loss"], record["error"]
""",
        "pairs that are unzipped": """def one_epoch(network, split, order, lr, batch_size):
    total, seen = 0, 0
    for cut in np.split(order, range(batch_size, len(order), batch_size)):
        x, t = split.train_images[cut], split.train_labels[cut]
        loss = cross_entropy(network.forward(x), t).item()
        network.backward(t)
        network.update(lr)
        total, seen = total + loss * len(t), seen + len(t)
    return total / seen


def train(network, split, lr, epochs, batch_size=64, seed=0):
    pairs = [
        (
            one_epoch(network, split, epoch_order(len(split.train_images), e, seed), lr, batch_size),
            float(np.mean(network.forward(split.validation_images).argmax(1) != split.validation_labels)),
        )
        for e in range(epochs)
    ]
    return [loss for loss, _ in pairs], [error for _, error in pairs]
""",
        "a running mean, numpy numbers": """def train(network, split, lr, epochs, batch_size=64, seed=0):
    losses, errors = [], []
    for epoch in range(epochs):
        order, mean, count, k = epoch_order(len(split.train_images), epoch, seed=seed), 0.0, 0, 0
        while k * batch_size < len(order):
            index = order[k * batch_size : (k + 1) * batch_size]
            images, labels = split.train_images.take(index, axis=0), split.train_labels.take(index)
            loss = np.float64(cross_entropy(network.forward(images), labels))
            network.backward(labels)
            network.update(lr)
            count += len(index)
            mean += (loss - mean) * len(index) / count
            k += 1
        losses += [mean]
        errors += [np.float64(error_rate(network, split.validation_images, split.validation_labels))]
    return losses, errors
""",
    },
    "B-own": {
        "everything in one line": """losses, errors = train(build(spec.values()["layers"], tuple(spec.input), 0), split, 0.1, size.own_epochs)
""",
        "with a progress line, rate as a numpy number": """mine = build(layers, (1, 28, 28), seed=0, scale=1.0)
before = error_rate(mine, split.validation_images, split.validation_labels)
result = train(mine, split, np.float64(0.1), size.own_epochs, batch_size=64, seed=0)
losses, errors = result
print(f"{before:.0%} -> {errors[-1]:.0%}")
""",
        "arrays of the two lists": """losses, errors = map(np.array, train(build(layers, image, seed=0), split, lr=0.1, epochs=size.own_epochs))
""",
    },
}
