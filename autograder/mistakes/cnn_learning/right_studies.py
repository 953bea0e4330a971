"""Right but different studies, choices, reports and experiments (B4 to C5)."""

from __future__ import annotations

from .wrong_plateau import LOOP, MEASURED, NORMS, PREDICT, PREDICTED, SCALE, SLOWEST
from .wrong_study import BEST, CURVES, FINAL, MEAN, OPEN, SPREAD
from .wrong_study import LOOP as TRAINED

RIGHT: dict = {
    "the study trained in a loop with fit": {"B-study": ((CURVES, TRAINED),)},
    "the study in two parts": {"B-study": ((CURVES, "curves = learning_curves(RATES_WIDE, SEEDS, **size.settings)\ncurves.update(learning_curves([r for r in RATES_FINE if r not in curves], SEEDS, **size.settings))"),)},
    "the study rate by rate, seeds backwards": {"B-study": ((CURVES, "curves = {rate: learning_curves([rate], SEEDS[::-1], jobs=0, progress=False, **size.settings)[rate] for rate in reversed(RATES)}"),)},
    "chosen by the mean": {"B-choose": ((FINAL, FINAL.replace("np.median", "np.mean")),)},
    "chosen by the best epoch": {"B-choose": ((FINAL, FINAL.replace("run.error[-1]", "min(run.error)")),)},
    "chosen by the accuracy of the last three epochs": {"B-choose": ((FINAL, "final = {rate: sum(sum(run.test_accuracy[-3:]) for run in runs) for rate, runs in curves.items()}"), (BEST, BEST.replace("min", "max")))},
    "chosen by the worst seed": {"B-choose": ((FINAL, FINAL.replace("np.median", "max")),)},
    "chosen by the validation loss, NaN aside": {"B-choose": ((FINAL, "final = {rate: np.mean([run.test_loss[-1] for run in runs]) for rate, runs in curves.items()}\n    final = {rate: loss for rate, loss in final.items() if np.isfinite(loss)}"),)},
    "chosen by sorting, one standard error": {"B-choose": ((BEST, "return sorted((error, rate) for rate, error in final.items())[0][1]"),)},
    "the spread as a pair": {"B-report": ((SPREAD, "(min(test_errors), max(test_errors))"),)},
    "the spread as the range, arrays": {"B-report": ((OPEN, "test_errors = np.array(open_test_set(rate, SEEDS))"), (MEAN, "test_errors.mean()"), (SPREAD, "np.ptp(test_errors)"))},
    "the spread without ddof, rounded": {"B-report": ((SPREAD, "float(np.std(test_errors))"), (MEAN, "round(float(np.mean(test_errors)), 4)"))},
    "the spread as a standard error": {"B-report": ((SPREAD, "float(np.std(test_errors, ddof=1) / len(test_errors) ** 0.5)"),)},
    "the length by a convolution": {"C-length": ((LOOP, "    if len(losses) < window:\n        return None\n    below = np.flatnonzero(np.convolve(losses, np.ones(window) / window, 'valid') < level)\n    return int(below[0]) + window if below.size else None"),)},
    "the length by a queue": {"C-length": ((LOOP, "    from collections import deque\n\n    last = deque(maxlen=window)\n    for n, loss in enumerate(losses, start=1):\n        last.append(loss)\n        if n >= window and np.mean(last) < level:\n            return n"),)},
    "the length by running sums": {"C-length": ((LOOP, "    sums = np.concatenate([[0.0], np.cumsum(losses)])\n    means = (sums[window:] - sums[:-window]) / window\n    hits = [i for i, mean in enumerate(means) if mean < level]\n    return window + hits[0] if hits else None"),)},
    "norms by numpy, as an array": {"C-norms": ((NORMS, "return np.array([np.linalg.norm(layer.grad_weight.ravel()) for layer in network.layers if hasattr(layer, 'grad_weight')])"),)},
    "norms by name": {"C-norms": ((NORMS, "return {f'layer {i}': math.sqrt(float((layer.grad_weight**2).sum())) for i, layer in enumerate(network.layers) if isinstance(layer, (Conv, Dense))}"),)},
    "predictions by the distance, rounding noise aside": {"C-predict": ((PREDICT, "distance = length * rate\n    return int(np.ceil(round(distance / new_rate, 9)))"), (SLOWEST, "distance = length * rate\n    return distance / steps"))},
    "the ceiling by whole numbers": {"C-predict": ((PREDICT, "return -int(-length * rate // new_rate)"),)},
    "the scale by logarithms": {"C-scale": ((SCALE, "return float(np.exp(np.log(scale) + 0.5 * np.log(length * rate) - 0.5 * np.log(edge * steps)))"),)},
    "the scale squared first": {"C-scale": ((SCALE, "return (scale**2 * length * rate / edge / steps) ** 0.5"),)},
    "a prediction from another rate": {"C-test": ((PREDICTED, 'tested["predicted"] = predict_length(lengths[scale][min(lengths[scale])], min(lengths[scale]), new_rate)'),)},
    "a scale that was not tried": {"C-test": (("scale, new_rate = 0.5, 0.12", "scale, new_rate = 0.6, middle"), (PREDICTED, 'tested["scale"] = scale\ntested["predicted"] = lengths[0.5][middle] * (0.5 / scale) ** 2'))},
    "the length from the library's own steps": {"C-test": ((MEASURED, 'tested["measured"] = measured[scale][new_rate][0].below(LEVEL)'),)},
}
