"""Right but different evaluations, sweet spots, decays and conventions (B3, C3, D1, E2)."""

IN_BATCHES = '''
from typing import NamedTuple


class Score(NamedTuple):
    loss: float
    accuracy: float


def evaluate(network, images, labels, batch_size=4):
    """Batch by batch, as for a set that does not fit into memory."""
    n, loss, errors = len(labels), 0.0, 0
    for start in range(0, n, batch_size):
        x, y = images[start : start + batch_size], labels[start : start + batch_size]
        p = network.forward(x)
        loss += float(cross_entropy(p, y)) * len(y) / n
        errors += int((p.argmax(axis=1) != y).sum())
    return Score(loss, 1 - errors / n)
'''

ON_A_COPY = '''
import copy


def evaluate(network, images, labels):
    x = images
    for layer in copy.deepcopy(network.layers):
        x = layer.forward(x)
    p = np.asarray(x)
    table = np.zeros((p.shape[1], p.shape[1]), dtype=int)
    np.add.at(table, (np.asarray(labels), np.argsort(p, axis=1)[:, -1]), 1)
    return np.array([float(cross_entropy(x, labels)), np.trace(table) / table.sum()])
'''

TRUE_IS_LARGEST = '''
def evaluate(network, images, labels):
    p = network.forward(images)
    hits = sum(bool(row[label] == row.max()) for row, label in zip(p, labels))
    return [cross_entropy(p, labels), hits / labels.shape[0]]
'''

SPOT_LOOP = '''
import math


def sweet_spot(test_loss):
    best, where = math.inf, 0
    for i in range(len(test_loss)):
        if test_loss[i] < best:  # never true for a NaN
            best, where = test_loss[i], i + 1
    return where
'''

SPOT_SORTED = '''
import math


def sweet_spot(test_loss):
    epochs = range(1, len(test_loss) + 1)
    by_loss = sorted(epochs, key=lambda epoch: (math.isnan(test_loss[epoch - 1]), test_loss[epoch - 1]))
    return by_loss[0]
'''

SPOT_MASKED = '''
def sweet_spot(test_loss):
    losses = np.ma.masked_invalid(np.array(test_loss, dtype=np.float32))
    return np.argmin(losses) + 1
'''

SPOT_INDEX = '''
def sweet_spot(test_loss):
    """A copy with inf for NaN, then the place of its smallest number."""
    losses = [float("inf") if np.isnan(loss) else loss for loss in test_loss]
    return losses.index(min(losses)) + 1
'''

SPOT_HISTORY = '''
from helpers.train import History


def sweet_spot(test_loss):
    return 1 + History(test_loss=test_loss).best_epoch()
'''

DECAY_LOOPS = '''
def step_decay(epoch, first, factor, every):
    rate = first
    for e in range(1, epoch + 1):
        if e % every == 0:
            rate *= factor
    return rate


def exponential_decay(epoch, first, gamma):
    rate = first
    while epoch > 0:
        rate, epoch = rate * gamma, epoch - 1
    return rate
'''

DECAY_RECURSION = '''
def step_decay(epoch, first, factor, every):
    return first if epoch < every else factor * step_decay(epoch - every, first, factor, every)


def exponential_decay(epoch, first, gamma):
    return step_decay(epoch, first, gamma, every=1)
'''

DECAY_LOGS = '''
import math


def step_decay(epoch, first, factor, every):
    return math.exp(math.log(first) + math.floor(epoch / every) * math.log(factor))


exponential_decay = lambda epoch, first, gamma: first * math.exp(epoch * math.log(gamma))  # noqa: E731
'''

DECAY_ARRAYS = '''
from itertools import accumulate, repeat
from operator import mul


def step_decay(epoch, first, factor, every):
    drops, _ = np.divmod(epoch, every)
    return np.asarray(first) * np.power(float(factor), drops)


def exponential_decay(epoch, first, gamma):
    *_, rate = accumulate(repeat(gamma, epoch), mul, initial=first)
    return rate
'''


RESCALE_MATCH = '''
def rescale(network, batch_size, convention):
    for layer in network.layers:
        if not hasattr(layer, "grad_weight"):
            continue
        match convention:
            case "mean":
                factor = 1.0
            case "sum":
                factor = batch_size
            case "in_features":
                factor = batch_size / len(layer.weight)
            case _:
                raise ValueError(f"unknown convention {convention!r}")
        for name in ("grad_weight", "grad_bias"):
            setattr(layer, name, getattr(layer, name) * factor)
'''

RESCALE_IN_PLACE = '''
def rescale(network, batch_size, convention):
    """From the mean to the sum, and from there on to in_features."""
    if convention == "mean":
        return
    for layer in network.layers[::2]:
        layer.grad_weight *= batch_size
        layer.grad_bias *= batch_size
        if convention != "sum":
            layer.grad_weight /= layer.weight.shape[0]
            layer.grad_bias /= layer.weight.shape[0]
'''

RESCALE_TABLE = '''
factors = {
    "mean": lambda n, n_in: 1,
    "sum": lambda n, n_in: n,
    "in_features": lambda n, n_in: n / n_in,
}


def rescale(network, batch_size, convention):
    rule = factors[convention]
    for linear in (layer for layer in network.layers if type(layer).__name__ == "Linear"):
        scale = rule(np.float64(batch_size), linear.in_features)
        vars(linear).update(grad_weight=linear.grad_weight * scale, grad_bias=linear.grad_bias * scale)
    return network
'''


RIGHT = {
    "evaluation in batches, a named tuple": {"B-evaluate": IN_BATCHES},
    "evaluation of a copy, table of confusions": {"B-evaluate": ON_A_COPY},
    "evaluation by the largest entry, a list": {"B-evaluate": TRUE_IS_LARGEST},
    "sweet spot by a loop": {"C-spot": SPOT_LOOP},
    "sweet spot by sorting, decays by loops": {"C-spot": SPOT_SORTED, "D-decay": DECAY_LOOPS},
    "sweet spot by a masked array, decays by recursion": {"C-spot": SPOT_MASKED, "D-decay": DECAY_RECURSION},
    "sweet spot by index, decays by logarithms": {"C-spot": SPOT_INDEX, "D-decay": DECAY_LOGS},
    "sweet spot of a History, decays by arrays": {"C-spot": SPOT_HISTORY, "D-decay": DECAY_ARRAYS},
    "sweet spot by nanargmin": {"C-spot": (("return min(finite)[1]", "return np.nanargmin(test_loss) + 1"),)},
    "rescale by match, setattr": {"E-rescale": RESCALE_MATCH},
    "rescale in place, in two steps": {"E-rescale": RESCALE_IN_PLACE},
    "rescale by a table, in_features kept": {
        "A-linear": (("self.bias = backend", "self.in_features = in_features\n        self.bias = backend"),),
        "E-rescale": RESCALE_TABLE,
    },
}
