"""Right but different activations and losses (A2 to A4)."""

DIFFERENCES = '''
class Softmax:
    """p_i = 1 / sum_j exp(x_j - x_i): where a power overflows, 1 / inf is the right 0."""

    def forward(self, x):
        xp = array_namespace(x)
        self.p = 1 / xp.sum(xp.exp(x[:, None, :] - x[:, :, None]), axis=2)
        return self.p

    def backward(self, grad_output):
        xp = array_namespace(grad_output)
        pairs = self.p[:, :, None] * self.p[:, None, :] * (grad_output[:, :, None] - grad_output[:, None, :])
        return xp.sum(pairs, axis=2)
'''

JACOBIANS = '''
class Softmax:
    def forward(self, x):
        xp = array_namespace(x)
        largest = xp.max(x, axis=1, keepdims=True)
        self.p = xp.exp(x - largest - xp.log(xp.sum(xp.exp(x - largest), axis=1, keepdims=True)))
        return self.p

    def backward(self, grad_output):
        xp = array_namespace(grad_output)
        diagonal = xp.eye(self.p.shape[1], dtype=self.p.dtype) * self.p[:, None, :]
        jacobians = diagonal - xp.einsum("ni,nj->nij", self.p, self.p)
        return (jacobians @ grad_output[:, :, None])[:, :, 0]
'''

CLASS_BY_CLASS = '''
class Softmax:
    """A list of columns: the maximum and the sums are taken from one class to the next."""

    def forward(self, x):
        xp = array_namespace(x)
        columns = [x[:, j] for j in range(x.shape[1])]
        largest = columns[0]
        for column in columns[1:]:
            largest = xp.where(column > largest, column, largest)
        powers = [xp.exp(column - largest) for column in columns]
        total = sum(powers)
        self.columns = [power / total for power in powers]
        return xp.stack(self.columns, axis=1)

    def backward(self, grad_output):
        xp = array_namespace(grad_output)
        inner = sum(p * grad_output[:, j] for j, p in enumerate(self.columns))
        return xp.stack([p * (grad_output[:, j] - inner) for j, p in enumerate(self.columns)], axis=-1)
'''

TRANSPOSED = '''
class Softmax:
    """Works on (classes, N), where the classes broadcast by themselves."""

    def forward(self, x):
        xp = array_namespace(x)
        z = x.T - xp.max(x.T, axis=0)
        z = xp.exp(z)
        z /= z.sum(axis=0)
        self.p = z
        return z.T

    def backward(self, grad_output):
        g = grad_output.T
        weighted = g * self.p
        return (weighted - self.p * weighted.sum(axis=0)).T
'''

PIECEWISE = '''
class Sigmoid:
    """No power above zero: e^-|x| is in both forms."""

    def forward(self, x):
        xp = array_namespace(x)
        small = xp.exp(-xp.abs(x))
        s = xp.where(x >= 0, 1 / (1 + small), small / (1 + small))
        self.slope = s * (1 - s)
        return s

    def backward(self, grad_output):
        return self.slope * grad_output
'''

MASKS = '''
class Sigmoid:
    def forward(self, x):
        xp = array_namespace(x)
        self.out = xp.empty_like(x)
        positive = x >= 0
        self.out[positive] = 1 / (1 + xp.exp(-x[positive]))
        power = xp.exp(x[~positive])
        self.out[~positive] = power / (power + 1)
        return self.out

    def backward(self, grad_output):
        grad = grad_output * self.out
        grad -= grad * self.out
        return grad
'''

FROM_THE_INPUT = '''
class Sigmoid:
    """Keeps x and takes the derivative e^-|x| / (1 + e^-|x|)^2 from it."""

    def forward(self, x):
        self.x = x
        xp = array_namespace(x)
        return xp.exp(-xp.log1p(xp.exp(-x)))

    def backward(self, grad_output):
        xp = array_namespace(grad_output)
        e = xp.exp(-xp.abs(self.x))
        return grad_output * e / (1 + e) ** 2
'''

TWO_CLASSES = '''
class Sigmoid:
    """The softmax of the two logits x and 0."""

    def forward(self, x):
        xp = array_namespace(x)
        shift = xp.where(x > 0, x, xp.zeros_like(x))
        yes, no = xp.exp(x - shift), xp.exp(-shift)
        self.yes, self.no = yes / (yes + no), no / (yes + no)
        return self.yes

    def backward(self, grad_output):
        return self.yes * self.no * grad_output
'''


NUMBER_BY_NUMBER = '''
import math


def cross_entropy(probabilities, labels):
    losses = [-math.log(max(float(p[y]), 1e-12)) for p, y in zip(probabilities, labels)]
    return math.fsum(losses) / len(losses)


def cross_entropy_gradient(probabilities, labels):
    xp = array_namespace(probabilities)
    classes = range(probabilities.shape[1])
    return xp.stack([(probabilities[:, c] - xp.where(labels == c, 1.0, 0.0)) / len(labels) for c in classes], axis=1)
'''

EYE = '''
def cross_entropy(probabilities, labels):
    xp = array_namespace(probabilities)
    y = xp.eye(probabilities.shape[1])[labels]
    return -xp.mean(xp.sum(y * xp.log(xp.where(probabilities > 1e-12, probabilities, 1e-12)), axis=1))


def cross_entropy_gradient(probabilities, labels):
    xp = array_namespace(probabilities)
    return (probabilities - xp.eye(probabilities.shape[1])[labels]) * (1 / probabilities.shape[0])
'''

MASK = '''
def true_class(probabilities, labels):
    """(N, classes) booleans, a single True in each row."""
    return labels.reshape(-1, 1) == array_namespace(labels).arange(probabilities.shape[-1]).reshape(1, -1)


def cross_entropy(probabilities, labels):
    xp = array_namespace(probabilities)
    p = probabilities[true_class(probabilities, labels)]
    return xp.log(p + (p < 1e-12) * 1e-12).mean() * -1.0


def cross_entropy_gradient(probabilities, labels):
    xp = array_namespace(probabilities)
    return xp.where(true_class(probabilities, labels), probabilities - 1, probabilities) / len(probabilities)
'''

DIAGONAL = '''
def cross_entropy(probabilities, labels):
    """Column n of p[:, labels] is the class of example n, so its own entry is on the diagonal."""
    xp = array_namespace(probabilities)
    logs = xp.log(xp.clip(probabilities, 1e-15, None))
    return xp.einsum("nn->", logs[:, labels]) / -len(labels)


def cross_entropy_gradient(probabilities, labels):
    xp = array_namespace(probabilities)
    n, classes = probabilities.shape
    flat = xp.reshape(probabilities, (-1,)) / n
    flat[xp.arange(n) * classes + labels] -= 1 / n
    return xp.reshape(flat, (n, classes))
'''

BY_CLASS = '''
def cross_entropy(probabilities, labels):
    """Sum the logarithms of each class's own examples."""
    xp = array_namespace(probabilities)
    total = 0
    for c in range(probabilities.shape[1]):
        mine = probabilities[labels == c, c]
        total = total + xp.sum(xp.log(xp.maximum(mine, xp.full_like(mine, 1e-12))))
    return (-total / len(labels)).reshape(())


def cross_entropy_gradient(probabilities, labels):
    grad = array_namespace(probabilities).asarray(probabilities, copy=True)
    for c in range(probabilities.shape[1]):
        grad[labels == c, c] -= 1.0
    grad /= len(labels)
    return grad
'''

AN_OBJECT = '''
from functools import partial


class CrossEntropy:
    def __init__(self, tiny):
        self.tiny = tiny

    def __call__(self, probabilities, labels):
        picked = self.picked(probabilities, labels)
        return -array_namespace(picked).log((picked**2 + self.tiny**2) ** 0.5).mean()

    @staticmethod
    def picked(probabilities, labels):
        return probabilities[list(range(len(labels))), labels]

    def gradient(self, probabilities, labels, n=None):
        grad = probabilities / (n or np.float64(len(labels)))
        for row, label in zip(grad, labels):
            row[label] -= 1 / len(labels)
        return grad


cross_entropy = CrossEntropy(tiny=1e-12)
cross_entropy_gradient = partial(cross_entropy.gradient, n=None)
'''

AFTER_THE_LOG = (
    ("-xp.mean(xp.log(xp.clip(probabilities[rows, labels], 1e-12, 1.0)))",
     "float(xp.mean(xp.where(probabilities[rows, labels] > 0, -xp.log(probabilities[rows, labels]), 27.6)))"),
)

BACKWARD_BY_MATMUL = (
    ("inner = xp.sum(grad_output * self.output, axis=1, keepdims=True)",
     "inner = (self.output[:, None, :] @ grad_output[:, :, None])[:, :, 0]"),
    ("return self.output * (grad_output - inner)",
     "return xp.subtract(self.output * grad_output, inner * self.output)"),
)

NUMPY_ADD_AT = (
    ("xp = array_namespace(grad_output)\n", "grad_output = np.asarray(grad_output)\n"),
    ("inner = xp.sum(grad_output * self.output, axis=1, keepdims=True)",
     "n, classes = grad_output.shape\n        inner = np.zeros((n, 1))\n        "
     "np.add.at(inner, (np.repeat(np.arange(n), classes), 0), (grad_output * np.asarray(self.output)).ravel())"),
)

RIGHT = {
    "softmax by differences of logits": {"A-softmax": DIFFERENCES},
    "softmax by log-sum-exp, Jacobians": {"A-softmax": JACOBIANS},
    "softmax class by class": {"A-softmax": CLASS_BY_CLASS},
    "softmax transposed": {"A-softmax": TRANSPOSED},
    "softmax backward by batched matmul": {"A-softmax": BACKWARD_BY_MATMUL},
    "softmax backward by np.add.at": {"A-softmax": NUMPY_ADD_AT},
    "powers of math.e": {
        "A-sigmoid": (
            ("class Sigmoid:", "import math\n\n\nclass Sigmoid:"),
            ("xp = array_namespace(x)\n        self", "self"),
            ("xp.exp(-x)", "math.e**-x"),
        ),
        "A-softmax": (("xp.exp(x - xp.max(x, axis=1, keepdims=True))", "math.e ** (x - xp.max(x, axis=-1)[:, None])"),),
    },
    "sigmoid piecewise, slope kept": {"A-sigmoid": PIECEWISE},
    "sigmoid by masks": {"A-sigmoid": MASKS},
    "sigmoid by log1p, slope from the input": {"A-sigmoid": FROM_THE_INPUT},
    "sigmoid as a softmax of two": {"A-sigmoid": TWO_CLASSES},
    "loss number by number, a float": {"A-loss": NUMBER_BY_NUMBER},
    "one-hot by eye, where": {"A-loss": EYE},
    "one-hot as a mask": {"A-loss": MASK},
    "loss on a diagonal, flat gradient": {"A-loss": DIAGONAL},
    "loss class by class, an array without axes": {"A-loss": BY_CLASS},
    "loss as an object, bound method, partial": {"A-loss": AN_OBJECT},
    "infinite losses replaced": {"A-loss": AFTER_THE_LOG},
}
