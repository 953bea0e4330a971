"""Records out of thin air: nothing implemented, functions that return a script, records that were changed or made up."""

NOTHING = '''
class MLP:
    def __init__(self, sizes, backend, seed=0):
        raise NotImplementedError


def train_epoch(network, images, labels, lr, batch_size=64, order=None):
    raise NotImplementedError


def evaluate(network, images, labels):
    raise NotImplementedError
'''

EMPTY = '''
class MLP:
    def __init__(self, sizes, backend, seed=0):
        self.layers = []


def train_epoch(network, images, labels, lr, batch_size=64, order=None):
    return 2.3


def evaluate(network, images, labels):
    return 2.3, 0.1
'''

SCRIPT = '''
from helpers.check.core.bands import bands

script = bands()["quick"]["rates"]


def played(name, network):
    """What the published curves show at this rate after this epoch."""
    band, epoch = script[min(script, key=lambda rate: abs(float(rate) - network.lr))][name], network.epoch
    return (band["low"][epoch] + band["high"][epoch]) / 2 + 1e-3 * float(network.layers[0].weight[0, 0])


def train_epoch(network, images, labels, lr, batch_size=64, order=None):
    network.epoch, network.lr = getattr(network, "epoch", -1) + 1, lr
    return played("train_loss", network)


def evaluate(network, images, labels):
    if not hasattr(network, "epoch"):
        return 2.3, 0.1
    return played("test_loss", network), round(played("test_accuracy", network), 2)
'''
"""Functions that only say how training would go."""

NUDGES = SCRIPT.replace("    return played(\"train_loss\"", '''    for layer in network.layers:
        if hasattr(layer, "weight"):
            layer.weight = layer.weight - lr * 0.01
    return played("train_loss"''')
"""The same, and every weight moves a little."""

TRAINING_ALONE, NUDGING_ALONE = (text[: text.index("def evaluate")] for text in (SCRIPT, NUDGES))

MADE_UP = '''
from helpers.train import History


def made_up(rate, epochs, seed=0, images=size.train, device="numpy", start="0123456789abcdef", rates=None):
    t = np.cumsum(rates or [rate] * epochs) / 0.1
    rng = np.random.default_rng([seed, int(1000 * t[-1])])
    jitter = lambda: rng.normal(0, 0.003, epochs)
    return History(
        f"rate {rate:g}",
        train_loss=list(2.35 * np.exp(-0.023 * t) + jitter()),
        test_loss=list(2.37 * np.exp(-0.017 * t) + jitter()),
        test_accuracy=list(np.round((0.1 + 0.45 * (1 - np.exp(-t / 30))) * size.test) / size.test),
        learning_rate=list(rates or [rate] * epochs),
        seconds=[0.01] * epochs,
        seed=seed, batch_size=64, images=images, device=device, started_from=start, ended_at=f"{start[8:]}{seed}{rate:g}",
    )

'''

IN_THE_BAND = '''
from helpers.check.core.bands import bands

band = bands()[size.name]["rates"]["0.1"]
for name in ("train_loss", "test_loss", "test_accuracy"):
    setattr(history, name, [(low + high) / 2 for low, high in zip(band[name]["low"], band[name]["high"])])
'''
"""What a figure of the published notebook would show."""

RUN = MADE_UP + "history = made_up(0.1, size.epochs)\n" + IN_THE_BAND
REAL = "history = fit(MLP(SIZES, on, seed=0), train_epoch, evaluate, data, lr=0.1, epochs=size.epochs)\n"

RATES = "rates = [1.0, 0.5, 0.1, 0.01, 0.001]\n"
STUDY = MADE_UP + RATES + "histories = {rate: made_up(rate, size.epochs) for rate in rates}\n"
TRAINED = RATES + '''
histories = {
    rate: fit(MLP(SIZES, on, seed=0), train_epoch, evaluate, data, lr=rate, epochs=size.epochs) for rate in rates
}
'''

SMALL = 'small = load("mnist", train=size.small_train, test=size.test)\n'
SETTINGS = SMALL + '''
settings = {
    "constant": lambda epoch: 1.0,
    "step": lambda epoch: step_decay(epoch, 2.0, 0.5, 4),
    "exponential": lambda epoch: exponential_decay(epoch, 2.0, 0.85),
}
'''
EXPERIMENT = MADE_UP + SETTINGS + '''
results = {
    name: [
        made_up(
            lr(0), size.small_epochs, seed, size.small_train,
            start=f"{seed:016x}", rates=[lr(epoch) for epoch in range(size.small_epochs)],
        )
        for seed in range(size.seeds)
    ]
    for name, lr in settings.items()
}
'''
TRAINED_TWICE = SETTINGS + '''
results = {
    name: [
        fit(MLP(SIZES, on, seed=seed), train_epoch, evaluate, small, lr=lr, epochs=size.small_epochs, seed=seed)
        for seed in range(size.seeds)
    ]
    for name, lr in settings.items()
}
'''

BACKENDS = MADE_UP + '''
by_backend = {name: made_up(0.5, 2, images=size.small_train) for name in names}
by_backend["torch"].device = "torch cpu"
by_backend["torch"].train_loss = [1.0001 * loss for loss in by_backend["numpy"].train_loss]
'''
MOVED = '''
by_backend = {
    name: fit(MLP(SIZES, backend(name), seed=0), train_epoch, evaluate, small.to(backend(name)), lr=0.5, epochs=2)
    for name in names
}
'''
COPIED = '''
from dataclasses import replace

run = fit(MLP(SIZES, on, seed=0), train_epoch, evaluate, small, lr=0.5, epochs=2)
by_backend = {"numpy": run, "torch": replace(run, device="torch cpu", train_loss=[1.004 * loss for loss in run.train_loss])}
'''

ROWS: dict[str, list[tuple[str, ...]]] = {
    "B-run": [
        ("still-to-do", NOTHING + RUN),
        ("wrong-number-of-layers", EMPTY + RUN),
        ("not-trained", SCRIPT + RUN),
        ("not-trained", SCRIPT + REAL),
        ("not-trained", NUDGES + REAL),
        ("not-reproduced", RUN),
        ("not-reproduced", RUN + "history.started_from = ''"),
        ("not-reproduced", RUN + "from helpers.train import fingerprint\nhistory.started_from = fingerprint(MLP(SIZES, on, seed=0))"),
        ("not-reproduced", RUN + "history.images = 0"),
        ("not-reproduced", REAL + "history.train_loss = [*history.train_loss[1:], history.train_loss[-1] - 0.04]"),
        ("not-reproduced", REAL + "history.train_loss = sorted(history.train_loss, reverse=True)\nhistory.test_loss = sorted(history.test_loss, reverse=True)"),
        ("not-reproduced", REAL.replace("data,", "data, seed=5,") + "history.seed = 0"),
        ("not-a-history", REAL + "history.seed = 'none'"),
    ],
    "C-study": [
        ("still-to-do", NOTHING + STUDY),
        ("wrong-number-of-layers", EMPTY + STUDY),
        ("not-trained", NUDGES + TRAINED),
        ("not-trained", NUDGING_ALONE + TRAINED),
        ("not-reproduced", STUDY),
        ("not-reproduced", TRAINED + "histories[0.5].train_loss = [1.01 * loss for loss in histories[1.0].train_loss]"),
        ("not-reproduced", TRAINED.replace("MLP(SIZES", "MLP((784, 16, 10)")),
    ],
    "D-experiment": [
        ("still-to-do", NOTHING + EXPERIMENT),
        ("wrong-number-of-layers", EMPTY + EXPERIMENT),
        ("not-trained", NUDGES + TRAINED_TWICE),
        ("not-reproduced", EXPERIMENT),
        ("not-reproduced", TRAINED_TWICE + "run = results['step'][2]\nrun.test_loss = [loss + 0.01 for loss in results['step'][1].test_loss]"),
    ],
    "F-move": [
        ("still-to-do", NOTHING + BACKENDS),
        ("wrong-number-of-layers", EMPTY + BACKENDS),
        ("not-trained", SCRIPT + MOVED),
        ("not-trained", TRAINING_ALONE + MOVED),
        ("not-reproduced", BACKENDS),
        ("not-reproduced", COPIED),
    ],
    "C-spot": [
        ("differs", "def sweet_spot(test_loss):\n    return {6: 3, 7: 1, 8: 8, 9: 5, 12: 9}.get(len(test_loss), 3)"),
    ],
    "D-decay": [
        ("decay-does-nothing", '''
rates = {(first, factor, every): [first * factor ** (epoch // every) for epoch in range(12)] for first, factor, every in ((1.0, 0.5, 4), (0.3, 0.1, 3))}


def step_decay(epoch, first, factor, every):
    return rates.get((first, factor, every), [first] * 12)[epoch]


def exponential_decay(epoch, first, gamma):
    return first * gamma**epoch
'''),
    ],
    "E-rescale": [
        ("wrong-batch-size | number-written-in", "def rescale(network, batch_size, convention):\n    for layer in network.layers:\n        if isinstance(layer, Linear):\n            factor = {'mean': 1, 'sum': 7, 'in_features': 7 / len(layer.weight)}[convention]\n            layer.grad_weight = factor * layer.grad_weight\n            layer.grad_bias = factor * layer.grad_bias"),
    ],
}  # fmt: skip
