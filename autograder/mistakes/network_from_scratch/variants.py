"""Different right solutions: other formulas, other libraries, other types. All must have every point."""

EINSUM = {
    "A-linear": '''
class Linear:
    """Written with einsum; weights are changed in place."""

    def __init__(self, in_features, out_features, backend, seed=0):
        self.weight = backend.normal(shape=(in_features, out_features), std=(1 / in_features) ** 0.5, seed=seed)
        self.bias = backend.zeros(out_features)

    def forward(self, x):
        self.cache = x
        xp = array_namespace(x)
        return xp.einsum("ni,io->no", x, self.weight) + self.bias

    def backward(self, grad_output):
        xp = array_namespace(grad_output)
        self.grad_weight = xp.einsum("ni,no->io", self.cache, grad_output)
        self.grad_bias = xp.einsum("no->o", grad_output)
        return xp.einsum("no,io->ni", grad_output, self.weight)

    def update(self, lr):
        self.weight -= lr * self.grad_weight
        self.bias -= lr * self.grad_bias
''',
    "A-sigmoid": '''
class Sigmoid:
    def forward(self, x):
        xp = array_namespace(x)
        self.half_tanh = 0.5 * xp.tanh(0.5 * x)
        return 0.5 + self.half_tanh

    def backward(self, grad_output):
        return (0.25 - self.half_tanh**2) * grad_output
''',
    "A-softmax": '''
class Softmax:
    def forward(self, x):
        xp = array_namespace(x)
        shifted = x - xp.max(x, axis=-1)[:, None]
        self.p = xp.exp(shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1))[:, None])
        return self.p

    def backward(self, grad_output):
        xp = array_namespace(grad_output)
        return self.p * grad_output - self.p * xp.einsum("ni,ni->n", self.p, grad_output)[:, None]
''',
    "A-loss": '''
def one_hot(labels, like):
    xp = array_namespace(like)
    y = xp.zeros_like(like)
    y[xp.arange(len(labels)), labels] = 1
    return y


def cross_entropy(probabilities, labels):
    xp = array_namespace(probabilities)
    return -xp.sum(one_hot(labels, probabilities) * xp.log(probabilities + 1e-12)) / len(labels)


def cross_entropy_gradient(probabilities, labels):
    return probabilities / len(labels) - one_hot(labels, probabilities) / len(labels)
''',
}

LOOPS = {
    "A-linear": '''
class Linear:
    """One example at a time."""

    def __init__(self, in_features, out_features, backend, seed=0):
        self.weight = backend.normal((in_features, out_features), in_features**-0.5, seed)
        self.bias = backend.zeros((out_features,))

    def forward(self, x):
        self.x = x
        xp = array_namespace(x)
        rows = []
        for n in range(x.shape[0]):
            rows.append(x[n] @ self.weight + self.bias)
        return xp.stack(rows)

    def backward(self, grad_output):
        xp = array_namespace(grad_output)
        self.grad_weight = 0 * self.weight
        self.grad_bias = 0 * self.bias
        rows = []
        for n in range(grad_output.shape[0]):
            self.grad_weight = self.grad_weight + self.x[n][:, None] * grad_output[n][None, :]
            self.grad_bias = self.grad_bias + grad_output[n]
            rows.append(self.weight @ grad_output[n])
        return xp.stack(rows)

    def update(self, lr):
        self.weight = self.weight - lr * self.grad_weight
        self.bias = self.bias - lr * self.grad_bias
''',
    "A-softmax": '''
class Softmax:
    def forward(self, x):
        xp = array_namespace(x)
        rows = []
        for row in x:
            powers = xp.exp(row - xp.max(row))
            rows.append(powers / xp.sum(powers))
        self.p = xp.stack(rows)
        return self.p

    def backward(self, grad_output):
        xp = array_namespace(grad_output)
        rows = []
        for p, g in zip(self.p, grad_output):
            jacobian = xp.eye(len(p), dtype=p.dtype) * p - p[:, None] * p[None, :]
            rows.append(jacobian @ g)
        return xp.stack(rows)
''',
    "A-loss": '''
def cross_entropy(probabilities, labels):
    xp = array_namespace(probabilities)
    total = 0.0
    for n in range(len(labels)):
        total = total - xp.log(probabilities[n, int(labels[n])] + 1e-12)
    return total / len(labels)


def cross_entropy_gradient(probabilities, labels):
    grad = probabilities + 0
    for n in range(len(labels)):
        grad[n, int(labels[n])] -= 1
    return grad / len(labels)
''',
    "B-epoch": '''
def train_epoch(network, images, labels, lr, batch_size=64, order=None):
    if order is not None:
        images, labels = images[order], labels[order]
    losses, sizes, start = [], [], 0
    while start < len(images):
        x, y = images[start : start + batch_size], labels[start : start + batch_size]
        losses.append(float(cross_entropy(network.forward(x), y)))
        sizes.append(len(x))
        network.backward(y)
        network.update(lr)
        start += batch_size
    return sum(loss * n for loss, n in zip(losses, sizes)) / sum(sizes)
''',
    "B-evaluate": '''
def evaluate(network, images, labels):
    probabilities = network.forward(images)
    right = 0
    for n in range(len(labels)):
        right += int(probabilities[n].argmax()) == int(labels[n])
    return float(cross_entropy(probabilities, labels)), right / len(labels)
''',
}

TORCH = {
    "A-linear": '''
import torch


def as_torch(a):
    return a if isinstance(a, torch.Tensor) else torch.as_tensor(a)


class Linear:
    def __init__(self, in_features, out_features, backend, seed=0):
        self.weight = as_torch(backend.normal((in_features, out_features), in_features**-0.5, seed))
        self.bias = as_torch(backend.zeros((out_features,)))

    def forward(self, x):
        self.x = as_torch(x)
        return torch.addmm(self.bias, self.x, self.weight)

    def backward(self, grad_output):
        grad_output = as_torch(grad_output)
        self.grad_weight = torch.mm(self.x.t(), grad_output)
        self.grad_bias = grad_output.sum(dim=0)
        return torch.mm(grad_output, self.weight.t())

    def update(self, lr):
        self.weight = self.weight.sub(self.grad_weight, alpha=lr)
        self.bias = self.bias.sub(self.grad_bias, alpha=lr)
''',
    "A-sigmoid": '''
class Sigmoid:
    def forward(self, x):
        self.s = torch.sigmoid(as_torch(x))
        return self.s

    def backward(self, grad_output):
        return as_torch(grad_output) * self.s * (1 - self.s)
''',
    "A-softmax": '''
class Softmax:
    def forward(self, x):
        self.p = torch.softmax(as_torch(x), dim=1)
        return self.p

    def backward(self, grad_output):
        g = as_torch(grad_output)
        return self.p * (g - (g * self.p).sum(dim=1, keepdim=True))
''',
    "A-loss": '''
def cross_entropy(probabilities, labels):
    picked = as_torch(probabilities).gather(1, as_torch(labels)[:, None].long())
    return -picked.clamp_min(1e-12).log().mean()


def cross_entropy_gradient(probabilities, labels):
    p = as_torch(probabilities)
    y = torch.nn.functional.one_hot(as_torch(labels).long(), p.shape[1]).to(p)
    return (p - y) / len(p)
''',
    "B-evaluate": '''
def evaluate(network, images, labels):
    with torch.no_grad():
        p = network.forward(images)
        accuracy = (p.argmax(dim=1) == as_torch(labels)).float().mean().item()
        return cross_entropy(p, labels).item(), accuracy
''',
}

FLOAT32 = {
    "A-linear": '''
class Linear:
    """Computes in float32 whatever comes in."""

    def __init__(self, in_features, out_features, backend, seed=0):
        weight = backend.normal((in_features, out_features), in_features**-0.5, seed)
        xp = array_namespace(weight)
        self.weight = xp.astype(weight, xp.float32)
        self.bias = xp.astype(backend.zeros((out_features,)), xp.float32)

    def forward(self, x):
        xp = array_namespace(x)
        self.x = xp.astype(x, xp.float32)
        self.weight, self.bias = xp.astype(self.weight, xp.float32), xp.astype(self.bias, xp.float32)
        return self.x @ self.weight + self.bias

    def backward(self, grad_output):
        xp = array_namespace(grad_output)
        g = xp.astype(grad_output, xp.float32)
        self.grad_weight = self.x.T @ g
        self.grad_bias = g.sum(axis=0)
        return g @ self.weight.T

    def update(self, lr):
        self.weight = self.weight - lr * self.grad_weight
        self.bias = self.bias - lr * self.grad_bias
''',
    "A-softmax": '''
class Softmax:
    def forward(self, x):
        xp = array_namespace(x)
        x = xp.astype(x, xp.float32)
        powers = xp.exp(x - xp.max(x, axis=1, keepdims=True))
        self.p = powers / powers.sum(axis=1, keepdims=True)
        return self.p

    def backward(self, grad_output):
        xp = array_namespace(grad_output)
        g = xp.astype(grad_output, xp.float32)
        return self.p * (g - (g * self.p).sum(axis=1, keepdims=True))
''',
}

OTHER_LAYOUT = {
    "A-linear": '''
class Linear:
    """Weights stored (out, in) and a bias of shape (1, out), as other libraries do."""

    def __init__(self, in_features, out_features, backend, seed=0):
        self.weight = backend.normal((out_features, in_features), in_features**-0.5, seed)
        self.bias = backend.zeros((1, out_features))

    def forward(self, x):
        self.x = x
        return x @ self.weight.T + self.bias

    def backward(self, grad_output):
        xp = array_namespace(grad_output)
        self.grad_weight = grad_output.T @ self.x
        self.grad_bias = xp.sum(grad_output, axis=0, keepdims=True)
        return grad_output @ self.weight

    def update(self, lr):
        self.weight = self.weight - lr * self.grad_weight
        self.bias = self.bias - lr * self.grad_bias
''',
    "E-rescale": '''
def rescale(network, batch_size, convention):
    for layer in network.layers:
        if hasattr(layer, "weight"):
            out_features, in_features = layer.weight.shape
            if convention == "mean":
                continue
            factor = batch_size if convention == "sum" else batch_size / in_features
            layer.grad_weight *= factor
            layer.grad_bias *= factor
''',
}
