"""Right but different networks, errors and loops (A7 to B3)."""

from __future__ import annotations

from .wrong_network import FORWARD, UPDATE, WALK
from .wrong_training import ERROR, ERRORS, ORDER, RUN, TOTAL

OWN_WALK = '''
class Network:
    def __init__(self, layers):
        self.layers = tuple(layers)

    def forward(self, x):
        self.outputs = [x]
        for layer in self.layers:
            self.outputs.append(layer.forward(self.outputs[-1]))
        return self.outputs[-1]

    def backward(self, labels):
        p = self.outputs[-1]
        one_hot = np.zeros_like(p)
        one_hot[np.arange(len(p)), labels] = 1
        grad = (p - one_hot) / len(p)
        for i in range(len(self.layers) - 2, -1, -1):
            grad = self.layers[i].backward(grad)

    def update(self, lr):
        for layer in self.layers:
            if isinstance(layer, (Conv, Dense)):
                layer.update(lr)


def build(layers, shape, seed=0, scale=1.0):
    layer_table(layers, shape)
    made, weights = [], 0
    for entry in layers:
        match entry:
            case {"type": "conv", "filters": K, "size": size, "stride": stride, "padding": padding}:
                made.append(Conv(shape[0], K, size, stride, padding, [seed, weights], scale))
                weights += 1
            case {"type": "max_pool", "size": size, "stride": stride, "padding": padding}:
                made.append(MaxPool(size, stride, padding))
            case {"type": "dense", "units": units}:
                if len(shape) > 1:
                    made.append(Flatten())
                made.append(Dense(int(np.prod(shape)), units, [seed, weights], scale))
                weights += 1
            case {"type": "relu"}:
                made.append(ReLU())
            case {"type": "flatten"}:
                made.append(Flatten())
            case {"type": "softmax"}:
                made.append(Softmax())
        shape = output_shape(entry, shape)
    return Network(made)
'''

EXCEPT_LOOP = '''
def train(network, split, lr, epochs, batch_size=64, seed=0):
    n = len(split.train_labels)
    losses, errors = np.zeros(epochs), np.zeros(epochs)
    for epoch in range(epochs):
        order = epoch_order(n, epoch, seed=seed)
        x, y = split.train_images[order], split.train_labels[order]
        start, parts = 0, []
        while start < n:
            stop = min(start + batch_size, n)
            p = network.forward(x[start:stop])
            parts += [-np.log(p[np.arange(stop - start), y[start:stop]])]
            network.backward(y[start:stop])
            network.update(lr)
            start = stop
        losses[epoch] = np.concatenate(parts).mean()
        errors[epoch] = error_rate(network, split.validation_images, split.validation_labels)
    return losses, errors
'''

WITH_FIT = '''
def train(network, split, lr, epochs, batch_size=64, seed=0):
    from helpers.train import fit

    def one_epoch(network, images, labels, lr, batch_size, order):
        total = 0
        for part in np.split(order, range(batch_size, len(order), batch_size)):
            total += cross_entropy(network.forward(images[part]), labels[part]) * len(part)
            network.backward(labels[part])
            network.update(lr)
        return float(total / len(order))

    def look(network, images, labels):
        return 0.0, 1 - error_rate(network, images, labels)

    data = split.selection()
    run = fit(network, one_epoch, look, data, lr=lr, epochs=epochs, batch_size=batch_size, seed=seed, progress=False)
    return run.train_loss, run.error
'''

RIGHT: dict = {
    "a network of its own, by match": {"A-network": OWN_WALK},
    "backward by recursion": {"A-network": ((WALK, "        def back(i, gradient):\n            return gradient if i < 0 else back(i - 1, self.layers[i].backward(gradient))\n\n        back(len(self.layers) - 2, cross_entropy_gradient(self.probabilities, labels))"),)},
    "update wherever there is one": {"A-network": ((UPDATE, "        [layer.update(lr) for layer in self.layers if callable(getattr(layer, 'update', None))]"),)},
    "the whole Jacobian of the softmax": {
        "A-network": ((WALK, "        p, n = self.probabilities, len(labels)\n        gradient = np.zeros_like(p)\n        gradient[np.arange(n), labels] = -1 / (n * p[np.arange(n), labels])\n        for layer in reversed(self.layers):\n            gradient = layer.backward(gradient)"),)
    },
    "activations kept in a list": {"A-network": ((FORWARD, "        kept = [x]\n        for layer in self.layers:\n            kept.append(layer.forward(kept[-1]))\n        self.probabilities = kept[-1]\n        return kept[-1]"),)},
    "the error in chunks, weighed": {"B-error": ((ERROR, "wrong = 0\n    for i in range(0, len(images), 50):\n        wrong += np.count_nonzero(network.forward(images[i : i + 50]).argmax(1) != labels[i : i + 50])\n    return wrong / len(images)"),)},
    "the error as 1 − accuracy, of numpy's type": {"B-error": ((ERROR, "return 1 - np.mean(network.forward(images).argmax(axis=-1) == labels)"),)},
    "a loop over images put in order first": {"B-train": EXCEPT_LOOP},
    "the course's fit inside train": {"B-train": WITH_FIT},
    "losses as arrays of no axes": {"B-train": ((TOTAL, "            total = total + cross_entropy(probabilities, labels[batch]) * batch.shape[0]\n"), (ERRORS, ERRORS.replace("errors.append(", "errors += [").replace("labels))", "labels)]")))},
    "the split's sets by name": {"B-train": ((ORDER, ORDER.replace("len(images)", "images.shape[0]")), ("images, labels = split.train_images, split.train_labels", "data = split.selection()\n    images, labels = data.train_images, data.train_labels"))},
    "the run as arrays": {"B-own": ((RUN, "losses, errors = map(np.asarray, train(build(layers, image), split, 0.1, size.own_epochs))"),)},
}
