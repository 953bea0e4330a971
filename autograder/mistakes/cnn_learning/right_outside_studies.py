"""Right solutions of B4 to C5, by somebody who had only read the notebook: exercise -> what is different about it -> its cell."""

CELLS: dict[str, dict[str, str]] = {
    "B-study": {
        "one process, a number of seeds": """curves = learning_curves(tuple(RATES), len(SEEDS), jobs=1, progress=False, **size.settings)
""",
        "seed by seed, put together": """parts = [learning_curves(RATES, [seed], jobs=0, progress=False, **size.settings) for seed in SEEDS]
curves = {rate: [part[rate][0] for part in parts] for rate in RATES}
""",
        "one rate more than asked for": """curves = learning_curves([*RATES, 0.03], SEEDS, jobs=0, progress=False, **size.settings)
""",
        "one seed more than asked for": """curves = learning_curves(RATES, [*SEEDS, max(SEEDS) + 1], jobs=0, progress=False, **size.settings)
""",
        "tuples in a sorted dictionary": """from collections import OrderedDict

found = learning_curves(RATES, SEEDS, jobs=0, progress=False, **size.settings)
curves = OrderedDict((rate, tuple(found[rate])) for rate in sorted(found, reverse=True))
""",
        "kept in a folder": """import tempfile

with tempfile.TemporaryDirectory() as folder:
    learning_curves(RATES[:3], SEEDS, jobs=0, progress=False, keep=folder, **size.settings)
    curves = learning_curves(RATES, SEEDS, jobs=0, progress=False, keep=folder, **size.settings)
""",
    },
    "B-choose": {
        "a trimmed mean": """def choose_rate(curves):
    best = None
    for rate in curves:
        last = sorted(run.error[-1] for run in curves[rate])
        if len(last) > 2:
            last = last[1:-1]
        score = sum(last) / len(last)
        if best is None or score < best[0]:
            best = (score, rate)
    return best[1]
""",
        "a matrix and argmin": """def choose_rate(curves):
    rates = np.array(list(curves))
    table = np.array([[history.error[-1] for history in curves[rate]] for rate in curves])
    return rates[np.nanargmin(table.mean(axis=1))]
""",
        "ties go to the smaller rate": """import statistics


def choose_rate(curves):
    return min(sorted(curves), key=lambda rate: (statistics.median(h.error[-1] for h in curves[rate]), rate))
""",
        "ties go to the larger rate": """def choose_rate(curves):
    score = {rate: round(float(np.median([h.error[-1] for h in runs])), 6) for rate, runs in curves.items()}
    lowest = min(score.values())
    return max(rate for rate in score if score[rate] == lowest)
""",
        "ranks of each seed": """def choose_rate(curves):
    rates = list(curves)
    places = dict.fromkeys(rates, 0)
    for i in range(min(len(runs) for runs in curves.values())):
        for place, rate in enumerate(sorted(rates, key=lambda r: curves[r][i].error[-1])):
            places[rate] += place
    return min(places, key=places.get)
""",
        "the last two epochs": """def choose_rate(curves):
    def score(rate):
        return np.mean([np.mean(run.error[-2:]) for run in curves[rate]])

    return sorted(curves, key=score)[0]
""",
        "the accuracy, largest mean": """def choose_rate(curves):
    accuracy = {}
    for rate, runs in curves.items():
        accuracy[rate] = np.mean([run.test_accuracy[-1] for run in runs])
    ordered = sorted(accuracy.items(), key=lambda pair: pair[1])
    return float(ordered[-1][0])
""",
        "the mean plus its spread": """def choose_rate(curves):
    def pessimist(runs):
        last = np.array([run.error[-1] for run in runs])
        return last.mean() + last.std(ddof=1) / np.sqrt(len(last)) if len(last) > 1 else last[0]

    return min(curves, key=lambda rate: pessimist(curves[rate]))
""",
    },
    "B-report": {
        "seed by seed, in a loop": """opened.clear()
rate = choose_rate(curves)
errors = []
for seed in SEEDS:
    errors += open_test_set(rate, [seed])
report = dict(rate=rate, errors=errors, mean=sum(errors) / len(errors), spread=(min(errors), max(errors)))
""",
        "more keys, a list as spread": """opened.clear()
import statistics

best = choose_rate(curves)
found = tuple(open_test_set(best, list(SEEDS)))
report = {"seeds": list(SEEDS), "rate": best, "errors": found, "n": len(found), "mean": statistics.fmean(found), "spread": [min(found), max(found)], "unit": "share"}
""",
        "numpy numbers, standard deviation": """opened.clear()
test = np.asarray(open_test_set(choose_rate(curves), SEEDS))
report = {}
report["rate"] = np.float64(choose_rate(curves))
report["errors"] = test
report["mean"] = np.mean(test)
report["spread"] = test.std(ddof=1)
""",
        "the larger end first": """opened.clear()
rate = choose_rate(curves)
test = open_test_set(rate, SEEDS)
report = {"rate": rate, "errors": sorted(test), "mean": sum(test) / len(test), "spread": (max(test), min(test))}
""",
        "seeds backwards, rounded": """opened.clear()
rate = choose_rate(curves)
test = open_test_set(rate, SEEDS[::-1])
report = {"rate": rate, "errors": [round(e, 4) for e in test], "mean": round(np.mean(test), 4), "spread": round(np.std(test), 4)}
""",
    },
    "C-length": {
        "sliding windows and argmax": """def plateau_length(losses, level, window=5):
    losses = np.asarray(losses, dtype=float)
    if losses.size < window:
        return None
    below = np.lib.stride_tricks.sliding_window_view(losses, window).mean(axis=1) < level
    return int(np.argmax(below)) + window if below.any() else None
""",
        "next, fsum": """def plateau_length(losses, level, window=5):
    means = ((n, math.fsum(losses[n - window : n]) / window) for n in range(window, len(losses) + 1))
    return next((n for n, mean in means if mean < level), None)
""",
        "cumulative sums, searchsorted": """def plateau_length(losses, level, window=5):
    total = np.cumsum(np.concatenate(([0], losses)))
    if len(total) <= window:
        return None
    smooth = (total[window:] - total[:-window]) / window
    lowest_so_far = np.fmin.accumulate(np.nan_to_num(smooth, nan=np.inf))
    where = np.searchsorted(-lowest_so_far, -level, side="right")
    return None if where == len(smooth) else int(where + window)
""",
        "while, numpy's whole number": """def plateau_length(losses, level, window=5):
    n = np.int64(window)
    while n <= len(losses):
        if np.mean(losses[n - window : n]) < level:
            return n
        n += 1
""",
        "recursive halves of a list": """def plateau_length(losses, level, window=5):
    hits = [i for i in range(len(losses) - window + 1) if sum(losses[i : i + window]) < level * window]
    if not hits:
        return None
    return hits[0] + window
""",
    },
    "C-norms": {
        "numpy's norm of all entries": """def gradient_norms(network):
    norms = []
    for layer in network.layers:
        if isinstance(layer, Conv) or isinstance(layer, Dense):
            norms.append(np.linalg.norm(layer.grad_weight.flatten()))
    return norms
""",
        "number by number": """def gradient_norms(network):
    result = []
    for layer in network.layers:
        try:
            gradient = layer.grad_weight
        except AttributeError:
            continue
        result.append(math.sqrt(math.fsum(float(g) ** 2 for g in gradient.ravel())))
    return result
""",
        "dot products, double precision": """def gradient_norms(network):
    flat = [np.asarray(layer.grad_weight, np.float64).reshape(-1) for layer in network.layers if hasattr(layer, "grad_weight")]
    return [(g @ g) ** 0.5 for g in flat]
""",
        "PyTorch": """import torch


def gradient_norms(network):
    return [torch.tensor(layer.grad_weight).norm().item() for layer in network.layers if getattr(layer, "weight", None) is not None]
""",
        "hypot, Frobenius for matrices": """def gradient_norms(network):
    return [
        float(np.linalg.norm(layer.grad_weight, "fro")) if layer.grad_weight.ndim == 2 else math.hypot(*map(float, layer.grad_weight.flat))
        for layer in network.layers
        if layer.__class__.__name__ in ("Conv", "Dense")
    ]
""",
    },
    "C-predict": {
        "a float that is whole": """def predict_length(length, rate, new_rate):
    return np.ceil(length * (rate / new_rate))


def slowest_rate(length, rate, steps):
    return length / steps * rate
""",
        "fractions": """from fractions import Fraction


def predict_length(length, rate, new_rate):
    return math.ceil(length * Fraction(str(rate)) / Fraction(str(new_rate)))


def slowest_rate(length, rate, steps):
    return float(Fraction(str(rate)) * length / steps)
""",
        "floor division, upside down": """def predict_length(length, rate, new_rate):
    return int(-(-(length * rate) // new_rate))


def slowest_rate(length, rate, steps):
    return rate / (steps / length)
""",
        "a loop that walks the distance": """def predict_length(length, rate, new_rate):
    steps = 0
    while steps * new_rate < length * rate - 1e-9:
        steps += 1
    return steps


slowest_rate = lambda length, rate, steps: np.divide(np.multiply(length, rate), steps)
""",
    },
    "C-test": {
        "a rate between two others": """tested = {"scale": 0.5, "rate": None, "predicted": None, "measured": None}
between = float(np.sqrt(size.plateau_rates[0] * size.plateau_rates[1]))
tested.update(rate=between, predicted=predict_length(lengths[0.5][size.plateau_rates[0]], size.plateau_rates[0], between))
tested["measured"] = plateau_length(plateau([0.5], [between], [0], jobs=0, progress=False, **size.plateau_settings)[0.5][between][0].loss, LEVEL)
""",
        "a new dictionary with more keys": """scale, rate = 0.5, 0.1
foretold = [predict_length(n, old, rate) for old, n in lengths[scale].items() if n is not None]
seen = plateau([scale], [rate], [0, 1], jobs=0, progress=False, **size.plateau_settings)[scale][rate]
tested = {"scale": scale, "rate": rate, "predicted": foretold[0], "measured": plateau_length(list(seen[0].loss), LEVEL), "foretold": foretold, "second seed": plateau_length(seen[1].loss, LEVEL), "level": LEVEL}
""",
        "a prediction that fails, honestly told": """tested = {"scale": 1.0, "rate": 0.1, "predicted": None, "measured": None}
tested["predicted"] = predict_length(lengths[1.0][middle], middle, tested["rate"])
run = plateau([1.0], [0.1], [0], jobs=0, progress=False, **size.plateau_settings)
tested["measured"] = plateau_length(run[1.0][0.1][0].loss, LEVEL)
""",
        "numpy numbers": """tested = {"scale": 0.5, "rate": None, "predicted": None, "measured": None}
tested["rate"] = np.float64(0.12)
tested["predicted"] = np.ceil(lengths[0.5][middle] * middle / tested["rate"])
measured = plateau([0.5], [0.12], [0], jobs=0, progress=False, **size.plateau_settings)
tested["measured"] = np.int64(plateau_length(measured[0.5][0.12][0].loss, LEVEL))
""",
    },
}
