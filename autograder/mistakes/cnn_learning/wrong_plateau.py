"""Wrong lengths, norms, predictions and tests of them (Part C)."""

from __future__ import annotations

LOOP = """    for n in range(window, len(losses) + 1):
        if sum(losses[n - window : n]) / window < level:
            return n
    return None"""
NORMS = 'return [float(np.sqrt(np.sum(layer.grad_weight**2))) for layer in network.layers if hasattr(layer, "weight")]'
PREDICT = "return math.ceil(length * rate / new_rate)"
SLOWEST = "return length * rate / steps"
SCALE = "return scale * math.sqrt(length * rate / (edge * steps))"
MEASURED = 'tested["measured"] = plateau_length(measured[scale][new_rate][0].loss, LEVEL)'
PREDICTED = 'tested["predicted"] = predict_length(lengths[scale][middle], middle, new_rate)'

ROWS: dict[str, list[tuple[str, ...]]] = {
    "C-length": [
        ("lucky-batch", LOOP, "    for n, loss in enumerate(losses):\n        if loss < level:\n            return n + 1\n    return None"),
        ("window-start", LOOP, LOOP.replace("return n\n", "return n - window\n")),
        ("off-by-one", LOOP, LOOP.replace("return n\n", "return n - 1\n")),
        ("window-ignored", LOOP, "    window = 5\n" + LOOP),
        ("level-ignored", LOOP, "    level = 2.0\n" + LOOP),
        ("not-yet-is-a-length", LOOP, LOOP.replace("return None", "return len(losses)")),
        ("not-yet-is-a-length", LOOP, LOOP.replace("return None", "return 0")),
        ("steps-below", LOOP, "    return sum(loss < level for loss in losses)"),
        ("steps-above", LOOP, "    return sum(loss >= level for loss in losses)"),
        ("wrong-direction", LOOP, LOOP.replace("< level", "> level")),
        ("all-in-window", LOOP, LOOP.replace("sum(losses[n - window : n]) / window", "max(losses[n - window : n])")),
        ("running-mean", LOOP, LOOP.replace("sum(losses[n - window : n]) / window", "sum(losses[:n]) / n")),
        ("windows-side-by-side", LOOP, LOOP.replace("len(losses) + 1)", "len(losses) + 1, window)")),
        ("returns-none", LOOP, LOOP.replace("            return n\n", "            n\n")),
        ("off-by-one | not-yet-is-a-length | window-not-counted", LOOP, "    means = np.convolve(losses, np.ones(window) / window, 'valid')\n    below = np.flatnonzero(means < level)\n    return int(below[0]) + window - 1 if len(below) else None"),
        ("raises", LOOP, "    means = np.convolve(losses, np.ones(window) / window, 'valid')\n    return int(np.flatnonzero(means < level)[0]) + window"),
    ],
    "C-norms": [
        ("root-missing", NORMS, NORMS.replace("np.sqrt(np.sum(layer.grad_weight**2))", "np.sum(layer.grad_weight**2)")),
        ("mean-for-sum", NORMS, NORMS.replace("np.sum", "np.mean")),
        ("other-norm", NORMS, NORMS.replace("np.sqrt(np.sum(layer.grad_weight**2))", "np.abs(layer.grad_weight).sum()")),
        ("other-norm", NORMS, NORMS.replace("np.sqrt(np.sum(layer.grad_weight**2))", "np.abs(layer.grad_weight).max()")),
        ("other-norm", NORMS, NORMS.replace("np.sqrt(np.sum(layer.grad_weight**2))", "np.linalg.norm(layer.grad_weight, 2) if layer.grad_weight.ndim == 2 else np.linalg.norm(layer.grad_weight)")),
        ("weights-for-gradients", NORMS, NORMS.replace("grad_weight", "weight")),
        ("order-reversed", NORMS, NORMS.replace("in network.layers", "in reversed(network.layers)")),
        ("bias-included", NORMS, NORMS.replace("np.sum(layer.grad_weight**2)", "np.sum(layer.grad_weight**2) + np.sum(layer.grad_bias**2)")),
        ("one-norm-for-all", NORMS, 'return float(np.sqrt(sum(np.sum(layer.grad_weight**2) for layer in network.layers if hasattr(layer, "weight"))))'),
        ("some-layers-only", NORMS, NORMS.replace('hasattr(layer, "weight")', "isinstance(layer, Dense)")),
        ("raises", NORMS, NORMS.replace(' if hasattr(layer, "weight")', "")),
        ("input-changed", NORMS, 'network.update(0.1)\n    ' + NORMS),
    ],
    "C-predict": [
        ("not-rounded", PREDICT, "return length * rate / new_rate"),
        ("rounded-down", PREDICT, "return int(length * rate / new_rate)"),
        ("rounded-down", PREDICT, "return round(length * rate / new_rate)"),
        ("ratio-inverted", PREDICT, "return math.ceil(length * new_rate / rate)"),
        ("rate-ignored", PREDICT, "return length"),
        ("squared", PREDICT, "return math.ceil(length * (rate / new_rate) ** 2)"),
        ("ratio-inverted", SLOWEST, "return rate * steps / length"),
        ("not-divided", SLOWEST, "return length * rate"),
        ("rate-ignored", SLOWEST, "return length / steps"),
        ("rounded", SLOWEST, "return round(length * rate / steps, 2)"),
    ],
    "C-scale": [
        ("root-missing", SCALE, "return scale * length * rate / (edge * steps)"),
        ("squared", SCALE, "return scale * (length * rate / (edge * steps)) ** 2"),
        ("ratio-inverted", SCALE, "return scale * math.sqrt(edge * steps / (length * rate))"),
        ("scale-ignored", SCALE, "return math.sqrt(length * rate / (edge * steps))"),
        ("not-solved", SCALE, "return scale**2 * length * rate / (edge * steps)"),
        ("other-power", SCALE, "return scale * (length * rate / (edge * steps)) ** (1 / 3)"),
        ("rate-ignored", SCALE, "return scale * math.sqrt(length / steps)"),
        ("length-ignored", SCALE, "return scale * math.sqrt(rate / edge)"),
        ("rounded", SCALE, "return round(scale * math.sqrt(length * rate / (edge * steps)), 3)"),
        ("differs", SCALE, "return 0.041"),
        ("returns-none", SCALE, "print(scale * math.sqrt(length * rate / (edge * steps)))"),
    ],
    "C-test": [
        ("already-tried", "scale, new_rate = 0.5, 0.12", "scale, new_rate = 0.5, middle"),
        ("not-measured | not-reproduced", MEASURED, 'tested["measured"] = lengths[scale][middle]'),
        ("not-reproduced", MEASURED, 'tested["measured"] = tested["predicted"]'),
        ("prediction-unfounded", PREDICTED, 'tested["predicted"] = 3'),
        ("prediction-unfounded", PREDICTED, 'tested["predicted"] = predict_length(lengths[1.0][middle], middle, new_rate)'),
        ("still-to-do", PREDICTED, ""),
        ("not-reached", MEASURED, MEASURED.replace(", LEVEL)", ", 0.0)")),
        ("not-reproduced", MEASURED, MEASURED.replace(", LEVEL)", ", 1.5)")),
        ("not-reproduced", "plateau([scale], [new_rate], [0], **", "plateau([scale], [new_rate], [3], **"),
        ("entry-missing", MEASURED, 'del tested["measured"]'),
    ],
}
