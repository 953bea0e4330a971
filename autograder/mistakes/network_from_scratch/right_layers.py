"""Right but different linear layers (A1); some change the network of Part B or `rescale` with them."""

ONE_MATRIX = '''
class Linear:
    """One matrix: the weights, and below them the bias, for a column of ones at the end of x."""

    def __init__(self, in_features, out_features, backend, seed=0):
        weight = backend.normal((in_features, out_features), in_features**-0.5, seed)
        self.theta = array_namespace(weight).concat([weight, backend.zeros((1, out_features))])

    @property
    def weight(self):
        return self.theta[:-1]

    @weight.setter
    def weight(self, values):
        self.theta[:-1] = values

    @property
    def bias(self):
        return self.theta[-1]

    @bias.setter
    def bias(self, values):
        self.theta[-1] = values

    def forward(self, x):
        xp = array_namespace(x)
        self.x1 = xp.concat([x, xp.ones_like(x[:, :1])], axis=1)
        return self.x1 @ self.theta

    def backward(self, grad_output):
        grad_theta = self.x1.T @ grad_output
        self.grad_weight, self.grad_bias = grad_theta[:-1], grad_theta[-1]
        return grad_output @ self.theta[:-1].T

    def update(self, lr):
        self.weight -= lr * self.grad_weight
        self.bias -= lr * self.grad_bias
'''

OUT_IN = '''
class Linear:
    """weight (out, in), bias (out,)."""

    def __init__(self, in_features, out_features, backend, seed=0):
        self.weight = backend.normal((in_features, out_features), (1.0 / in_features) ** 0.5, seed).T
        self.bias = backend.zeros(out_features)

    def forward(self, x):
        self.x = x
        return array_namespace(x).einsum("oi,ni->no", self.weight, x) + self.bias[None, :]

    def backward(self, grad_output):
        self.grad_weight = (self.x.T @ grad_output).T
        self.grad_bias = grad_output.sum(axis=0)
        return grad_output @ self.weight

    def update(self, lr):
        for name in ("weight", "bias"):
            setattr(self, name, getattr(self, name) - lr * getattr(self, "grad_" + name))
'''

IN_A_DICT = '''
class Linear:
    def __init__(self, in_features, out_features, backend, seed=0):
        weight = backend.normal((in_features, out_features), std=1 / in_features**0.5, seed=seed)
        self.value = {"weight": weight, "bias": backend.zeros((out_features,))}
        self.grad = {}

    weight = property(lambda self: self.value["weight"], lambda self, w: self.value.update(weight=w))
    bias = property(lambda self: self.value["bias"], lambda self, b: self.value.update(bias=b))
    grad_weight = property(lambda self: self.grad["weight"], lambda self, g: self.grad.update(weight=g))
    grad_bias = property(lambda self: self.grad["bias"], lambda self, g: self.grad.update(bias=g))

    def forward(self, x):
        self.cache = x,
        return x @ self.value["weight"] + self.value["bias"]

    def backward(self, grad_output):
        (x,) = self.cache
        self.grad = {"weight": x.T @ grad_output, "bias": array_namespace(x).sum(grad_output, axis=0)}
        return (self.value["weight"] @ grad_output.T).T

    def update(self, lr):
        self.value = {name: value - lr * self.grad[name] for name, value in self.value.items()}
'''


ABSTRACT = '''
from abc import ABC, abstractmethod


class Layer(ABC):
    __slots__ = ()

    @abstractmethod
    def forward(self, x): ...

    @abstractmethod
    def backward(self, grad_output): ...

    def update(self, lr):
        """Layers without parameters have nothing to do."""

    def __call__(self, x):
        return self.forward(x)


class Linear(Layer):
    __slots__ = ("bias", "grad_bias", "grad_weight", "n_in", "n_out", "weight", "x")

    def __init__(self, in_features, out_features, backend, seed=0):
        self.n_in, self.n_out = in_features, out_features
        self.weight = backend.normal((self.n_in, self.n_out), self.n_in**-0.5, seed)
        self.bias = backend.zeros((self.n_out,))

    def forward(self, x):
        assert x.ndim == 2 and x.shape[1] == self.n_in, f"{x.shape} does not fit {self.n_in} inputs"
        self.x = x
        out = x @ self.weight
        out += self.bias
        return out

    def backward(self, grad_output):
        assert grad_output.shape == (len(self.x), self.n_out)
        self.grad_weight, self.grad_bias = self.x.T @ grad_output, sum(grad_output)
        return grad_output @ self.weight.T

    def update(self, lr):
        self.weight, self.bias = self.weight - lr * self.grad_weight, self.bias - lr * self.grad_bias
'''

DATACLASS = '''
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Linear:
    in_features: int
    out_features: int
    backend: Any = field(repr=False)
    seed: Any = 0
    weight: Any = field(init=False, repr=False)
    bias: Any = field(init=False, repr=False)
    steps: int = field(default=0, init=False)

    def __post_init__(self):
        self.weight = self.backend.normal((self.in_features, self.out_features), self.in_features**-0.5, self.seed)
        self.bias = self.backend.zeros(self.out_features)

    def forward(self, x):
        def way_back(g):
            self.grad_weight, self.grad_bias = x.T @ g, array_namespace(g).sum(g, axis=0)
            return g @ self.weight.T

        self.backward = way_back
        return x @ self.weight + self.bias

    def update(self, lr):
        self.steps += 1
        self.weight[...] = self.weight - lr * self.grad_weight
        self.bias[...] = self.bias - lr * self.grad_bias
'''

BOX_MULLER = '''
import math


class Linear:
    """Normal numbers from uniform ones by Box and Muller; gradients go into arrays that are made once."""

    def __init__(self, in_features, out_features, backend, seed=0):
        u, v = np.random.default_rng(seed).random((2, in_features, out_features))
        normal = np.sqrt(-2 * np.log(1 - u)) * np.cos(2 * math.pi * v)
        self.weight = backend.asarray(normal / math.sqrt(in_features))
        self.bias = backend.zeros((out_features,))
        self.grad_weight, self.grad_bias = 0 * self.weight, 0 * self.bias

    def forward(self, x):
        self.x_transposed = x.T
        return array_namespace(x).matmul(x, self.weight) + self.bias

    def backward(self, grad_output):
        self.grad_weight[:] = self.x_transposed @ grad_output
        self.grad_bias[:] = 0
        for row in grad_output:
            self.grad_bias += row
        return grad_output @ self.weight.T

    def update(self, lr):
        self.weight += -lr * self.grad_weight
        self.bias += -lr * self.grad_bias
'''

COLUMNS = '''
class Linear:
    """One output after the other."""

    def __init__(self, in_features, out_features, backend, seed=0):
        rng = np.random.default_rng(seed)
        draws = rng.normal(loc=0, scale=np.sqrt(1 / in_features), size=(out_features, in_features))
        self.weight, self.bias = backend.asarray(draws.T), backend.asarray([0.0] * out_features)

    def forward(self, x):
        self.x = x
        xp = array_namespace(x)
        return xp.stack([x @ self.weight[:, j] + self.bias[j] for j in range(self.weight.shape[1])], axis=1)

    def backward(self, grad_output):
        xp = array_namespace(grad_output)
        outputs = range(grad_output.shape[1])
        self.grad_weight = xp.stack([self.x.T @ grad_output[:, j] for j in outputs]).T
        self.grad_bias = xp.stack([xp.sum(grad_output[:, j]) for j in outputs])
        return sum(grad_output[:, j, None] * self.weight[None, :, j] for j in outputs)

    def update(self, lr):
        for j in range(self.weight.shape[1]):
            self.weight[:, j] -= lr * self.grad_weight[:, j]
            self.bias[j] -= lr * self.grad_bias[j]
'''


RIGHT = {
    "weights and bias in one matrix": {"A-linear": ONE_MATRIX},
    "weights (out, in), bias (out,), setattr": {
        "A-linear": OUT_IN,
        "E-rescale": (("layer.weight.shape[0]", "layer.weight.shape[1]"),),
    },
    "parameters in a dict behind properties": {"A-linear": IN_A_DICT},
    "abstract base class, slots, asserts": {
        "A-linear": ABSTRACT,
        "A-sigmoid": (("class Sigmoid:", "class Sigmoid(Layer):"),),
        "A-softmax": (("class Softmax:", "class Softmax(Layer):"),),
        "B-mlp": (
            ("layer.forward(x)", "layer(x)"),
            ("if isinstance(layer, Linear):\n                layer.update(lr)", "layer.update(lr)"),
        ),
    },
    "dataclass, backward is a closure of forward": {"A-linear": DATACLASS},
    "Box and Muller, gradients in buffers": {"A-linear": BOX_MULLER},
    "column by column": {"A-linear": COLUMNS},
    "own generator, one for all layers": {
        "A-linear": (
            ("self.weight = backend.normal((in_features, out_features), in_features**-0.5, seed)",
             "draws = np.random.default_rng(seed).normal(0, in_features**-0.5, (in_features, out_features))\n"
             "        self.weight = backend.asarray(draws)"),
        ),
        "B-mlp": (
            ("self.layers = []", "self.layers, rng = [], np.random.default_rng(seed)"),
            ("seed=[seed, i]", "seed=rng"),
        ),
    },
    "matrix products by tensordot": {
        "A-linear": (
            ("return x @ self.weight + self.bias",
             "return array_namespace(x).tensordot(x, self.weight, axes=1) + self.bias"),
            ("self.x.T @ grad_output", "xp.tensordot(self.x, grad_output, axes=([0], [0]))"),
            ("return grad_output @ self.weight.T",
             "return xp.tensordot(grad_output, self.weight, axes=([1], [1]))"),
        ),
    },
    "bias gradient by a product with ones": {
        "A-linear": (
            ("xp.sum(grad_output, axis=0)", "xp.ones_like(grad_output[:, 0]) @ grad_output"),
            ("self.grad_weight = self.x.T @ grad_output",
             "outer = self.x[:, :, None] * grad_output[:, None, :]\n        self.grad_weight = outer.sum(axis=0)"),
        ),
    },
    "caches on a stack, taken off by backward": {
        "A-linear": (
            ("self.bias = backend.zeros((out_features,))",
             "self.bias = backend.zeros((out_features,))\n        self.seen = []"),
            ("self.x = x", "self.seen.append(x)"),
            ("self.x.T @", "self.seen.pop().T @"),
        ),
    },
    "everything in float64": {
        "A-linear": (
            ("self.x = x", "xp = array_namespace(x)\n        self.x = x = xp.astype(x, xp.float64, copy=True)"),
            ("self.x.T @ grad_output", "self.x.T @ xp.astype(grad_output, xp.float64)"),
            ("x @ self.weight + self.bias",
             "x @ xp.astype(self.weight, xp.float64) + xp.astype(self.bias, xp.float64)"),
            ("return grad_output @ self.weight.T",
             "return xp.astype(grad_output, xp.float64) @ xp.astype(self.weight, xp.float64).T"),
        ),
    },
}
