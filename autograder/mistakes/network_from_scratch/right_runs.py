"""Right but different runs, studies and experiments: all cells that train (B-run, C-study, D-experiment, F-move)."""

RUN_TORCH = '''
where = backend("torch", "float64")
network = MLP(list(SIZES), where, seed=7)
history = fit(network, train_epoch, evaluate, data.to(where), lr=lambda epoch: 1e-1, epochs=size.epochs, seed=3)
'''

RUN_FUNCTION = '''
def train(lr, epochs, seed=0):
    network = MLP((784, 512, 128, 10), on, seed)
    seen = []
    history = fit(network, train_epoch, evaluate, data, lr=lr, epochs=epochs, batch_size=64, on_epoch=seen.append)
    assert len(seen) == epochs
    return network, history


network, history = train(0.1, 30)
'''

RUN_KEPT = '''
import tempfile
from pathlib import Path

from helpers.train import History, write_csv

with tempfile.TemporaryDirectory() as folder:
    kept = Path(folder) / "history.csv"
    write_csv(kept, fit(MLP(SIZES, on, seed=2), train_epoch, evaluate, data, lr=0.1, epochs=size.epochs))
    history = History.read_csv(kept)
'''

STUDY_KEPT = '''
import json

rates = [1.0, 0.5, 0.1, 0.01, 0.001]
some = load("mnist", train=150, test=77)
kept = {}
for rate in rates:
    run = fit(MLP(SIZES, on, 7), train_epoch, evaluate, some, lr=rate, epochs=size.epochs, batch_size=50)
    kept[rate] = json.dumps(run.to_json())

from helpers.train import History

histories = {rate: History.from_json(json.loads(text)) for rate, text in kept.items()}
'''

STUDY_COPY = '''
import copy

rates = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
untrained = MLP(SIZES, on, seed=4)


def study(rate):
    return fit(copy.deepcopy(untrained), train_epoch, evaluate, data, lr=rate, epochs=size.epochs, progress=False)


histories = dict(zip(rates, map(study, rates)))
'''

STUDY_LOGSPACE = '''
from functools import partial

rates = np.logspace(0, -3, 5)
train = partial(fit, train_epoch=train_epoch, evaluate=evaluate, data=data, epochs=size.epochs)
histories = {rate: train(MLP(SIZES, on, seed=0), lr=rate, seed=1) for rate in sorted(rates)}
'''

STUDY_SET = '''
from collections import OrderedDict

histories = OrderedDict()
rates = {1, 0.5, 0.1, 0.05, 0.01, 0.001}
left = sorted(rates)
while left:
    rate = left.pop()
    network = MLP(SIZES, on)
    histories[rate] = fit(network, train_epoch, evaluate, data, lr=lambda epoch: rate, epochs=size.epochs)
rates = histories.keys()
'''

STUDY_FLOAT32 = '''
rates = np.float32([1, 0.5, 0.1, 0.01, 0.001])
histories = dict.fromkeys(rates)
for key in histories:
    histories[key] = fit(MLP(SIZES, on, 0), train_epoch, evaluate, data, lr=float(key), epochs=size.epochs)
'''

EXPERIMENT_COSINE = '''
import math
from functools import partial

small = load("mnist", train=size.small_train, test=size.test)

def cosine(epoch, first=2.0):
    return first * (1 + math.cos(math.pi * epoch / size.small_epochs)) / 2


def linear(epoch, first=2.0):
    return first * (1 - epoch / size.small_epochs)


settings = {
    "constant": lambda epoch: 1.0,
    "cosine": cosine,
    "linear": linear,
    "step": partial(step_decay, first=2.0, factor=0.5, every=4),
    "down to a floor": lambda epoch: max(exponential_decay(epoch, 3.0, 0.7), 0.5),
    "by hand": [2.0, 1.5, 1.0, *[0.5] * size.small_epochs].__getitem__,
}
results = {name: [] for name in settings}
for seed in range(1, 1 + size.seeds):
    for name, lr in settings.items():
        network = MLP(SIZES, on, seed)
        results[name].append(
            fit(network, train_epoch, evaluate, small, lr=lr, epochs=size.small_epochs, seed=seed, progress=False)
        )
'''

EXPERIMENT_RUNS = '''
from collections import defaultdict
from itertools import product

small = load("mnist", train=size.small_train, test=size.test)

class Decay:
    def __init__(self, rule, *numbers):
        self.rule, self.numbers = rule, numbers

    def __call__(self, epoch):
        return self.rule(epoch, *self.numbers)


settings = [
    ("constant", 1),
    ("step", Decay(step_decay, 3.0, 0.5, 3)),
    ("exponential", Decay(exponential_decay, 2.0, 0.9)),
]
results = defaultdict(list)
for (name, lr), seed in product(settings, (11, 22, 33, 44, 55)[: size.seeds]):
    run = fit(MLP(SIZES, on, seed=seed), train_epoch, evaluate, small, lr=lr, epochs=size.small_epochs, seed=2 * seed)
    results[name].append(run)
results = {name: tuple(runs) for name, runs in results.items()}
'''

EXPERIMENT_PARTIAL = (
    ("settings = None\n", "from functools import partial\n\nsettings = None\n"),
    ("lambda epoch: step_decay(epoch, 2.0, 0.5, 4)", "partial(step_decay, first=2.0, factor=0.5, every=4)"),
    ("lambda epoch: exponential_decay(epoch, 2.0, 0.85)", "partial(exponential_decay, gamma=0.85, first=2.0)"),
    ("seed=seed, label", "seed=100 + seed, label"),
)

EXPERIMENT_BY_RATE = (
    ('"constant 1.0": 1.0', "1.0: 1.0"),
    ('"constant 2.0": 2.0', "2.0: 2.0"),
)

# The two decays are there; the warm-up is one more setting to compare with.
EXPERIMENT_WARM_UP = (
    ('"constant 2.0": 2.0', '"warm-up, then halved every 4": '
     "lambda epoch: min(0.5 * (epoch + 1), step_decay(epoch, 2.0, 0.5, 4))"),
)

MOVE_FUNCTION = '''
def run_on(name):
    """A network and the data there, two epochs at 0.5."""
    there = backend(name)
    return fit(MLP(SIZES, there), train_epoch, evaluate, small.to(there), lr=0.5, epochs=2, label=name.upper())


by_backend = {name: run_on(name) for name in reversed(names)}
'''

MOVE_ARRAYS = '''
from dataclasses import replace

by_backend = dict.fromkeys(names)
for where in map(backend, names):
    parts = ("train_images", "train_labels", "test_images", "test_labels")
    there = replace(small, **{part: where.asarray(getattr(small, part)) for part in parts})
    network = MLP(SIZES, where, seed=0)
    by_backend[where.name] = fit(network, train_epoch, evaluate, there, lr=0.5, epochs=2)
'''

MOVE_BATCHES = '''
def moved(train, where):
    """Train on images that stay in numpy until their batch is due."""

    def epoch(network, images, labels, lr, batch_size, order):
        total = 0.0
        for start in range(0, len(labels), batch_size):
            chosen = order[start : start + batch_size]
            x, y = where.asarray(images[chosen]), where.asarray(labels[chosen])
            total += float(train(network, x, y, lr, batch_size=batch_size)) * len(y)
        return total / len(labels)

    return epoch


by_backend = {}
for name in names:
    where = backend(name)
    by_backend[name] = fit(
        MLP(SIZES, where, seed=0),
        moved(train_epoch, where),
        lambda network, images, labels: evaluate(network, where.asarray(images), where.asarray(labels)),
        small, lr=0.5, epochs=2, label=where.label,
    )
'''

RIGHT = {
    "run with torch, other seeds, float64": {"B-run": RUN_TORCH},
    "run in a function, 30 written out": {"B-run": RUN_FUNCTION},
    "run kept in a table": {"B-run": RUN_KEPT},
    "study kept as JSON, on 150 images in batches of 50": {"C-study": STUDY_KEPT},
    "networks that start anew at random": {
        "B-mlp": (("Linear(sizes[i], sizes[i + 1], backend, seed=[seed, i])", "Linear(sizes[i], sizes[i + 1], backend, seed=None)"),),
        "B-run": "history = fit(MLP(SIZES, on), train_epoch, evaluate, data, lr=0.1, epochs=size.epochs)",
        "D-experiment": (),
    },
    "seven rates in a tuple, copies of one network": {"C-study": STUDY_COPY},
    "rates by logspace, partial, np.float64 keys": {"C-study": STUDY_LOGSPACE},
    "rates as a set, one an integer, then keys": {"C-study": STUDY_SET},
    "rates in float32": {"C-study": STUDY_FLOAT32},
    "cosine, linear, floor and table decays; backends by a function": {
        "D-experiment": EXPERIMENT_COSINE,
        "F-move": MOVE_FUNCTION,
    },
    "decays as objects, other seeds; backends by replacing arrays": {
        "D-experiment": EXPERIMENT_RUNS,
        "F-move": MOVE_ARRAYS,
    },
    "settings as partials in a dict; backends batch by batch": {
        "D-experiment": EXPERIMENT_PARTIAL,
        "F-move": MOVE_BATCHES,
    },
    "constant settings keyed by their rates": {"D-experiment": EXPERIMENT_BY_RATE},
    "a warm-up as one more setting": {"D-experiment": EXPERIMENT_WARM_UP},
}
