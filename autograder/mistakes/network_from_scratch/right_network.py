"""Right but different networks and epochs (B1, B2)."""

REDUCE = '''
from functools import reduce
from itertools import pairwise


class MLP:
    """A list of Linear layers and what comes after each of them."""

    def __init__(self, sizes, backend, seed=0):
        self.linears = [Linear(*pair, backend, seed=1000 * seed + i) for i, pair in enumerate(pairwise(sizes))]
        self.after = [Sigmoid() for _ in self.linears[1:]] + [Softmax()]

    @property
    def layers(self):
        return [layer for pair in zip(self.linears, self.after) for layer in pair]

    def forward(self, x):
        self.p = reduce(lambda value, layer: layer.forward(value), self.layers, x)
        return self.p

    def backward(self, labels):
        return reduce(
            lambda g, layer: layer.backward(g), self.layers[-2::-1], cross_entropy_gradient(self.p, labels)
        )

    def update(self, lr):
        any(linear.update(lr) for linear in self.linears)
        return self
'''

CHAIN = '''
class Chain:
    """Layers in a row, forth and back."""

    def __init__(self, *layers):
        self.layers = list(layers)

    def __len__(self):
        return len(self.layers)

    def forward(self, x):
        self.outputs = [x]
        for layer in self.layers:
            self.outputs.append(layer.forward(self.outputs[-1]))
        return self.outputs[-1]

    def back(self, grad, start):
        while start > 0:
            start -= 1
            grad = self.layers[start].backward(grad)
        return grad

    def update(self, lr):
        for layer in self.layers[::2]:
            layer.update(lr)


class MLP(Chain):
    def __init__(self, sizes, backend, seed=0):
        layers = []
        seeds = np.random.SeedSequence(seed).spawn(len(sizes) - 1)
        for n_in, n_out, own in zip(sizes[:-1], sizes[1:], seeds):
            if layers:
                layers.append(Sigmoid())
            layers.append(Linear(n_in, n_out, backend, own))
        super().__init__(*layers, Softmax())

    def backward(self, labels):
        self.back(cross_entropy_gradient(self.outputs[-1], labels), len(self) - 1)
'''

RECURSION = '''
class MLP:
    def __init__(self, sizes, backend, seed=0):
        rng = np.random.default_rng(seed)

        def build(first, second, *others):
            layer = Linear(first, second, backend, seed=int(rng.integers(2**32)))
            return (layer, Sigmoid(), *build(second, *others)) if others else (layer, Softmax())

        self.layers = build(*sizes)

    def forward(self, x, i=0):
        if i == len(self.layers):
            return x
        return self.forward(self.layers[i].forward(x), i + 1)

    def backward(self, labels):
        def back(i, grad):
            if i >= 0:
                back(i - 1, self.layers[i].backward(grad))

        back(len(self.layers) - 2, cross_entropy_gradient(self.layers[-1].output, labels))

    def update(self, lr):
        for layer in self.layers:
            try:
                step = layer.update
            except AttributeError:
                continue
            step(lr)
'''

SOFTMAX_APART = '''
class MLP:
    """The way back is a list of bound methods, made once."""

    kinds = {"hidden": Sigmoid, "last": Softmax}

    def __init__(self, sizes, backend, seed=0):
        self.layers = [None] * (2 * len(sizes) - 2)
        n = len(sizes) - 1
        for i in range(n):
            self.layers[2 * i] = Linear(sizes[i], sizes[i + 1], backend, seed + 17 * i)
            self.layers[2 * i + 1] = self.kinds["last" if i == n - 1 else "hidden"]()
        self.way_back = [layer.backward for layer in self.layers[:-1]][::-1]

    def forward(self, x):
        *hidden, softmax = self.layers
        for layer in hidden:
            x = layer.forward(x)
        self.logits = x
        return softmax.forward(x)

    def backward(self, labels):
        grad = cross_entropy_gradient(Softmax().forward(self.logits), labels)
        for step in self.way_back:
            grad = step(grad)

    def update(self, lr):
        list(map(lambda layer: layer.update(lr), filter(lambda layer: hasattr(layer, "grad_weight"), self.layers)))
'''

GENERATOR = '''
def batches(images, labels, size, order):
    """Yield one batch after the other."""
    xp = array_namespace(labels)
    if order is None:
        order = xp.arange(len(labels))
    while len(order):
        now, order = order[:size], order[size:]
        yield images[now], labels[now]


def train_epoch(network, images, labels, lr, batch_size=64, order=None):
    mean, seen = 0.0, 0
    for x, y in batches(images, labels, batch_size, order):
        seen += len(y)
        mean += (float(cross_entropy(network.forward(x), y)) - mean) * len(y) / seen
        network.backward(y)
        network.update(lr)
    return mean
'''

NUMPY_ORDER = (
    ("n = len(images)", "n = len(images)\n    order = np.arange(n) if order is None else order"),
    ("slice(start, start + batch_size) if order is None else order[start : start + batch_size]",
     "order[start : min(start + batch_size, n)]"),
)

LIST_ORDER = '''
import math
from statistics import fmean


def train_epoch(network, images, labels, lr, batch_size=64, order=None):
    order = list(range(len(labels))) if order is None else [int(i) for i in order]
    losses, counts = [], []
    for k in range(math.ceil(len(order) / batch_size)):
        chosen = order[k * batch_size : (k + 1) * batch_size]
        x, y = images[chosen], labels[chosen]
        losses.append(float(cross_entropy(network.forward(x), y)))
        counts.append(len(chosen))
        network.backward(y)
        network.update(lr)
    return fmean(losses, counts)
'''

IMAGE_BY_IMAGE = '''
def train_epoch(network, images, labels, lr, batch_size=64, order=None):
    """The loss of every image goes into one array; its mean is taken at the end."""
    xp = array_namespace(images)
    whole, rest = divmod(labels.shape[0], batch_size)
    if order is not None:
        images, labels = xp.take(images, order, axis=0), xp.take(labels, order, axis=0)
    losses = []
    for k in range(whole + (rest > 0)):
        x, y = (a[k * batch_size :][:batch_size] for a in (images, labels))
        p = network.forward(x)
        losses += [cross_entropy(p[i : i + 1], y[i : i + 1]) for i in range(len(y))]
        network.backward(y)
        network.update(lr)
    return xp.mean(xp.stack(losses))
'''

ON_THE_DEVICE = '''
def step(network, images, labels, lr):
    """One batch: the sum of its losses before the step."""
    loss = cross_entropy(network.forward(images), labels)
    network.backward(labels)
    network.update(np.float64(lr))
    return labels.shape[0] * loss


def train_epoch(network, images, labels, lr, *, batch_size=64, order=None):
    n = images.shape[0]
    ends = [*range(batch_size, n, batch_size), n]
    total, start = 0, 0
    for end in ends:
        if order is None:
            total = total + step(network, images[start:end, :], labels[start:end], lr)
        else:
            total = total + step(network, images[order[start:end], :], labels[order[start:end]], lr)
        start = end
    return total / n
'''


AN_OBJECT = '''
class Epoch:
    def __init__(self):
        self.losses = []

    def __call__(self, network, images, labels, lr, **options):
        size, order = options.get("batch_size", 64), options.get("order")
        starts = range(0, len(labels), size)
        if order is None:
            chosen = [slice(a, a + size) for a in starts]
        else:
            chosen = [order[a : a + size] for a in starts]
        self.losses.append(sum(self.batch(network, images[i], labels[i], lr) for i in chosen) / len(labels))
        return self.losses[-1]

    @staticmethod
    def batch(network, x, y, lr):
        network.forward(x)
        loss = len(x) * float(cross_entropy(network.probabilities, y))
        network.backward(y)
        network.update(lr)
        return loss


train_epoch = Epoch()
'''


RIGHT = {
    "network by reduce, layers as a property": {"B-mlp": REDUCE},
    "network as a chain with spawned seeds": {"B-mlp": CHAIN},
    "network by recursion, layers in a tuple": {"B-mlp": RECURSION},
    "network with bound methods for the way back": {"B-mlp": SOFTMAX_APART},
    "batches by a generator, running mean": {"B-epoch": GENERATOR},
    "order by np.arange": {"B-epoch": NUMPY_ORDER},
    "order as a list, fmean": {"B-epoch": LIST_ORDER},
    "losses image by image": {"B-epoch": IMAGE_BY_IMAGE},
    "losses added up on the device": {"B-epoch": ON_THE_DEVICE},
    "epoch as an object that keeps its losses": {"B-epoch": AN_OBJECT},
    "loss per row, then its mean": {
        "A-loss": (
            ("return -xp.mean(xp.log(", "losses = -xp.log("),
            ("1e-12, 1.0)))", "1e-12, 1.0))\n    return losses.mean()"),
        ),
        "B-epoch": (
            ("total += float(", "total = total + float("),
            ("* len(batch_labels)", "/ n * batch_labels.shape[0]"),
            ("return total / n", "return total"),
        ),
    },
}
