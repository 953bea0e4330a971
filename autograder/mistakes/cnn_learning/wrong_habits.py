"""Whole cells as students write them, each with one slip: other words, other structure, the same mistakes."""

from __future__ import annotations

SHAPE = """
def output_shape(layer, shape):
    t = layer["type"]
    if t == "conv" or t == "max_pool":
        k = layer["filters"] if t == "conv" else shape[0]
        h = {h}
        w = {w}
        return (k, h, w)
    elif t == "flatten":
        n = 1
        for s in shape:
            n *= s
        return (n,)
    elif t == "dense":
        return (layer["units"],)
    return shape
"""
H = 'int((shape[1] - layer["size"][0] + 2 * layer["padding"][0]) / layer["stride"][0]) + 1'
W = 'int((shape[2] - layer["size"][1] + 2 * layer["padding"][1]) / layer["stride"][1]) + 1'

LOOP = """
def train(network, split, lr, epochs, batch_size=64, seed=0):
    x_train, y_train = split.train_images, split.train_labels
    n = x_train.shape[0]
    n_batches = int(np.ceil(n / batch_size))
    train_losses, val_errors = [], []
    for epoch in range(epochs):
        idx = epoch_order(n, epoch, seed)
        epoch_loss = 0
        for b in range(n_batches):
            batch_idx = idx[b * batch_size : (b + 1) * batch_size]
            xb, yb = x_train[batch_idx], y_train[batch_idx]
            probs = network.forward(xb)
            loss = cross_entropy(probs, yb)
            network.backward(yb)
            network.update(lr)
            epoch_loss += loss * len(xb)
        train_losses.append(epoch_loss / n)
        val_errors.append(error_rate(network, split.validation_images, split.validation_labels))
    return train_losses, val_errors
"""

CONV = """
class Conv:
    def __init__(self, channels, filters, size, stride=(1, 1), padding=(0, 0), seed=0, scale=1.0):
        self.stride = stride
        self.padding = padding
        fan_in = channels * size[0] * size[1]
        self.weight = on.normal((filters, channels, size[0], size[1]), scale * fan_in**-0.5, seed)
        self.bias = on.zeros((filters,))

    def forward(self, x):
        self.x = x
        self.spec = ConvSpec.of(x, self.weight, self.stride, self.padding)
        return primitives.conv_forward(self.spec, x, self.weight) + self.bias.reshape(1, -1, 1, 1)

    def backward(self, grad_output):
        self.grad_weight = primitives.conv_backward_filter(self.spec, self.x, grad_output)
        self.grad_bias = np.sum(np.sum(np.sum(grad_output, axis=3), axis=2), axis=0)
        return primitives.conv_backward_data(self.spec, grad_output, self.weight)

    def update(self, lr):
        self.weight = self.weight - lr * self.grad_weight
        self.bias = self.bias - lr * self.grad_bias
"""

ROWS: dict[str, list[tuple[str, ...]]] = {
    "A-shape": [
        ("padding-once", SHAPE.format(h=H.replace("2 * ", ""), w=W.replace("2 * ", ""))),
        ("stride-ignored", SHAPE.format(h=H.replace('layer["stride"][0]', "1"), w=W.replace('layer["stride"][1]', "1"))),
        ("axes-mixed-up", SHAPE.format(h=H, w=W.replace('layer["size"][1]', 'layer["size"][0]'))),
        ("axes-mixed-up", SHAPE.format(h=H, w=W.replace("shape[2]", "shape[1]"))),
        ("axes-mixed-up", SHAPE.format(h=H.replace("shape[1]", "shape[2]"), w=W.replace("shape[2]", "shape[1]"))),
        ("rounded-up", SHAPE.format(h=H.replace("int(", "math.ceil("), w=W.replace("int(", "math.ceil("))),
        ("one-missing", SHAPE.format(h=H[:-4], w=W[:-4])),
        ("padding-subtracted", SHAPE.format(h=H.replace("+ 2 *", "- 2 *"), w=W.replace("+ 2 *", "- 2 *"))),
        ("pool-changes-channels | raises", SHAPE.format(h=H, w=W).replace(' if t == "conv" else shape[0]', "")),
    ],
    "A-table": [
        ("not-refused", "def layer_table(layers, shape):\n    rows = []\n    for layer in layers:\n        n = parameter_count(layer, shape)\n        shape = output_shape(layer, shape)\n        rows.append((shape, n))\n    return rows\n"),
        ("layer-not-named | wrong-error", "def layer_table(layers, shape):\n    rows = []\n    for layer in layers:\n        n = parameter_count(layer, shape)\n        shape = output_shape(layer, shape)\n        if min(shape) <= 0:\n            raise ValueError(f'bad layer {layer}')\n        rows.append((shape, n))\n    return rows\n"),
        ("wrong-error", "def layer_table(layers, shape):\n    rows = []\n    for i, layer in enumerate(layers):\n        n = parameter_count(layer, shape)\n        shape = output_shape(layer, shape)\n        assert min(shape) > 0, f'layers[{i}]'\n        rows.append((shape, n))\n    return rows\n"),
    ],
    "A-conv": [
        ("bias-grad-wrong-axes | bias-grad-not-summed | bias-grad-one-number", CONV.replace("np.sum(np.sum(np.sum(grad_output, axis=3), axis=2), axis=0)", "np.sum(np.sum(grad_output, axis=3), axis=2)")),
        ("bias-grad-averaged | images-averaged | positions-averaged", CONV.replace("np.sum(np.sum(np.sum(grad_output, axis=3), axis=2), axis=0)", "np.sum(grad_output, axis=(0, 2, 3)) / grad_output.shape[0]")),
        ("bias-grad-averaged | images-averaged | positions-averaged", CONV.replace("np.sum(np.sum(np.sum(grad_output, axis=3), axis=2), axis=0)", "np.mean(np.sum(np.sum(grad_output, axis=3), axis=2), axis=0)")),
        ("wrong-deviation | variance-for-std | weights-not-scaled | scaled-by-outputs", CONV.replace("scale * fan_in**-0.5", "scale * (2 / fan_in) ** 0.5")),
        ("wrong-deviation | variance-for-std | weights-not-scaled | scaled-by-outputs", CONV.replace("scale * fan_in**-0.5", "scale * 0.01")),
        ("raises", CONV.replace("self.bias.reshape(1, -1, 1, 1)", "self.bias")),
        ("scale-ignored", CONV.replace("scale * fan_in**-0.5", "fan_in**-0.5")),
        ("update-assigns", CONV.replace("self.weight = self.weight - lr", "self.weight = -lr")),
        ("gradient-accumulates", CONV.replace("self.grad_weight = prim", "self.grad_weight += prim").replace("        self.bias = on.zeros((filters,))", "        self.bias = on.zeros((filters,))\n        self.grad_weight = 0")),
    ],
    "B-train": [
        ("loss-after-update", LOOP.replace("epoch_loss += loss", "epoch_loss += cross_entropy(network.forward(xb), yb)")),
        ("ragged-batch-skipped", LOOP.replace("int(np.ceil(n / batch_size))", "n // batch_size")),
        ("unweighted-mean", LOOP.replace(" * len(xb)", "").replace("epoch_loss / n)", "epoch_loss / n_batches)")),
        ("loss-divided-twice", LOOP.replace(" * len(xb)", "")),
        ("shuffles-itself", LOOP.replace("epoch_order(n, epoch, seed)", "np.random.permutation(n)")),
        ("last-batch-loss", LOOP.replace("epoch_loss / n)", "loss)")),
        ("labels-not-ordered", LOOP.replace("y_train[batch_idx]", "y_train[b * batch_size : (b + 1) * batch_size]")),
        ("percent-for-share", LOOP.replace("val_errors.append(", "val_errors.append(100 * ")),
        ("test-for-validation", LOOP.replace("validation", "test")),
        ("wrong-length | return-in-loop", LOOP.replace("range(epochs)", "range(1, epochs)")),
        ("batch-size-ignored | one-image-at-a-time", LOOP.replace("    n_batches", "    batch_size = 64\n    n_batches")),
        ("pair-swapped", LOOP.replace("return train_losses, val_errors", "return val_errors, train_losses")),
        ("losses-not-reset", LOOP.replace("        epoch_loss = 0\n", "").replace("    train_losses, val", "    epoch_loss = 0\n    train_losses, val")),
    ],
    "C-length": [
        ("lucky-batch", "def plateau_length(losses, level, window=5):\n    for i in range(len(losses)):\n        if losses[i] < level:\n            return i\n"),
        ("window-start", "def plateau_length(losses, level, window=5):\n    for i in range(len(losses) - window + 1):\n        if np.mean(losses[i : i + window]) < level:\n            return i\n"),
        ("off-by-one | window-start | window-not-counted", "def plateau_length(losses, level, window=5):\n    for i in range(len(losses) - window):\n        if np.mean(losses[i : i + window]) < level:\n            return i + window + 1\n"),
        ("not-yet-is-a-length | lucky-batch | differs | window-not-counted", "def plateau_length(losses, level, window=5):\n    for i in range(len(losses)):\n        if np.mean(losses[max(0, i - window + 1) : i + 1]) < level:\n            return i + 1\n"),
    ],
}
