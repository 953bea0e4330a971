"""Right but different layers with torch or with other objects around the parameters (Part A)."""

TORCH_FUNCTIONAL = '''
import torch
import torch.nn.functional as F


class Linear(torch.nn.Module):
    """A module of torch with buffers; its arithmetic is written by hand."""

    def __init__(self, in_features, out_features, backend, seed=0):
        super().__init__()
        weight = backend.normal((in_features, out_features), in_features**-0.5, seed)
        self.register_buffer("weight", torch.as_tensor(weight))
        self.register_buffer("bias", torch.as_tensor(backend.zeros((out_features,))))

    def forward(self, x):
        self.x = torch.as_tensor(x)
        return F.linear(self.x, self.weight.t(), self.bias)

    def backward(self, grad_output):
        self.grad_weight = self.x.t().mm(grad_output)
        self.grad_bias = grad_output.sum(0)
        return grad_output.mm(self.weight.t())

    def update(self, lr):
        self.weight.sub_(self.grad_weight, alpha=lr)
        self.bias.sub_(self.grad_bias, alpha=lr)
'''

# Written for tensors; Linear above makes them of whatever comes in.
TORCH_SIGMOID = '''
class Sigmoid(torch.nn.Module):
    def forward(self, x):
        self.s = x.sigmoid()
        return self.s

    def backward(self, grad_output):
        return grad_output.mul(self.s).mul(1 - self.s)
'''

TORCH_SOFTMAX = '''
class Softmax(torch.nn.Module):
    def forward(self, x):
        self.p = x.softmax(dim=1)
        return self.p

    def backward(self, grad_output):
        return self.p * (grad_output - grad_output.mul(self.p).sum(1, keepdim=True))
'''

TORCH_LOSS = '''
def cross_entropy(probabilities, labels):
    labels = torch.as_tensor(labels)
    return F.nll_loss(probabilities.clamp(min=1e-12).log(), labels)


def cross_entropy_gradient(probabilities, labels):
    grad = probabilities.clone()
    grad[torch.arange(len(labels)), torch.as_tensor(labels)] -= 1
    return grad.div_(len(labels))
'''

# Parameters that torch does not track: the gradients are computed by hand.
TORCH_PARAMETER = (
    ("class Linear:", "import torch\n\n\nclass Linear(torch.nn.Module):"),
    ("self.weight = backend.normal((in_features, out_features), in_features**-0.5, seed)",
     "super().__init__()\n        self.weight = torch.nn.Parameter(torch.as_tensor(backend.normal("
     "(in_features, out_features), in_features**-0.5, seed)), False)"),
    ("self.bias = backend.zeros((out_features,))",
     "self.bias = torch.nn.Parameter(torch.as_tensor(backend.zeros((out_features,))), False)"),
    ("self.x = x", "self.x = x = torch.as_tensor(x)"),
    ("self.weight = self.weight - lr * self.grad_weight", "self.weight.sub_(lr * self.grad_weight)"),
    ("self.bias = self.bias - lr * self.grad_bias", "self.bias.sub_(lr * self.grad_bias)"),
)

EITHER_LIBRARY = '''
import numpy
import torch


class Sigmoid:
    def forward(self, x):
        if isinstance(x, numpy.ndarray):
            self.y = numpy.reciprocal(1 + numpy.exp(-x))
        else:
            self.y = torch.sigmoid(x)
        return self.y

    def backward(self, grad_output):
        return grad_output * (self.y - self.y**2)
'''

MODULE_NAME = '''
import torch


class Sigmoid:
    def forward(self, x):
        exp = torch.exp if type(x).__module__.startswith("torch") else np.exp
        self.y = 1 / (1 + exp(-x))
        return self.y

    def backward(self, grad_output):
        return grad_output * self.y * (1 - self.y)
'''

EXACT_TYPE = MODULE_NAME.replace('type(x).__module__.startswith("torch")', "type(x) is torch.Tensor")

# The array in the list is the array in the attribute, so a step in place moves both.
LIST_IN_PLACE = (
    ("self.bias = backend.zeros((out_features,))",
     "self.bias = backend.zeros((out_features,))\n        self.parameters = [self.weight, self.bias]"),
    ("self.weight = self.weight - lr * self.grad_weight",
     "for parameter, gradient in zip(self.parameters, [self.grad_weight, self.grad_bias]):"),
    ("self.bias = self.bias - lr * self.grad_bias", "    parameter -= lr * gradient"),
)

READ_ONLY = '''
class Linear:
    """The parameters are properties that can be read; a step changes the arrays behind them in place."""

    def __init__(self, in_features, out_features, backend, seed=0):
        self._weight = backend.normal((in_features, out_features), in_features**-0.5, seed)
        self._bias = backend.zeros((out_features,))

    @property
    def weight(self):
        return self._weight

    @property
    def bias(self):
        return self._bias

    def forward(self, x):
        self._x = x
        return x @ self._weight + self._bias

    def backward(self, grad_output):
        self.grad_weight = self._x.T @ grad_output
        self.grad_bias = grad_output.sum(axis=0)
        return grad_output @ self._weight.T

    def update(self, lr):
        self._weight -= lr * self.grad_weight
        self._bias -= lr * self.grad_bias
'''

BASE = '''
class Layer:
    """What all layers have; those without parameters keep None."""

    weight = bias = grad_weight = grad_bias = None

    def update(self, lr):
        if self.weight is not None:
            self.weight = self.weight - lr * self.grad_weight
            self.bias = self.bias - lr * self.grad_bias


class Linear(Layer):
    def __init__(self, in_features, out_features, backend, seed=0):
        self.weight = backend.normal((in_features, out_features), in_features**-0.5, seed)
        self.bias = backend.zeros((out_features,))

    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, grad_output):
        self.grad_weight = self.x.T @ grad_output
        self.grad_bias = grad_output.sum(axis=0)
        return grad_output @ self.weight.T
'''

RIGHT = {
    "torch functions, tensors alone": {
        "A-linear": TORCH_FUNCTIONAL,
        "A-sigmoid": TORCH_SIGMOID,
        "A-softmax": TORCH_SOFTMAX,
        "A-loss": TORCH_LOSS,
        "B-evaluate": (
            ("xp.argmax(probabilities, axis=1) == labels", "probabilities.argmax(1) == torch.as_tensor(labels)"),
            ("float(xp.sum(right)) / len(labels)", "right.double().mean().item()"),
        ),
    },
    "torch parameters": {
        "A-linear": TORCH_PARAMETER,
        "B-evaluate": (
            ("xp = array_namespace(images)\n", "labels = torch.as_tensor(labels)\n"),
            ("xp.argmax(probabilities, axis=1)", "probabilities.argmax(dim=1)"),
            ("xp.sum(right)", "right.sum()"),
        ),
        "A-loss": (
            ("labels[:, None]", "torch.as_tensor(labels)[:, None]"),
            ("xp = array_namespace(probabilities)\n    n,",
             "probabilities = torch.as_tensor(probabilities)\n    xp = array_namespace(probabilities)\n    n,"),
        ),
    },
    "numpy or torch by isinstance": {"A-sigmoid": EITHER_LIBRARY},
    "numpy or torch by the module's name": {"A-sigmoid": MODULE_NAME},
    "numpy or torch by the exact type": {"A-sigmoid": EXACT_TYPE},
    "parameters also in a list, changed in place": {"A-linear": LIST_IN_PLACE},
    "parameters as properties without setters": {"A-linear": READ_ONLY},
    "base class whose parameters are None": {
        "A-linear": BASE,
        "A-sigmoid": (("class Sigmoid:", "class Sigmoid(Layer):"),),
        "A-softmax": (("class Softmax:", "class Softmax(Layer):"),),
        "B-mlp": (("if isinstance(layer, Linear):\n                layer.update(lr)", "layer.update(lr)"),),
    },
}
