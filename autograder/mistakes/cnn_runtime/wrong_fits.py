"""Wrong intervals, fits, held-out errors and crossings (Parts D to F)."""

from typing import Any

HALF = "half = t * np.std(seconds, ddof=1) * np.sqrt(rest + rest**2 / n)"
T = "t = t_quantile((1 + level) / 2, n - 1)"
MIDDLE = "middle = epochs * np.mean(seconds)"
BOTH = "return float(middle - half), float(middle + half)"
LINE = "slope, constant = np.polyfit(x, np.log(y), 1)\n        return [np.exp(constant), slope]"
POLY = 'np.polyfit(x, y, {"linear": 1, "quadratic": 2}[kind], w=1 / np.asarray(y))[::-1]'
LEFT_OUT = "fit(np.delete(x, i), np.delete(y, i), kind)"
ERROR = "abs(predict(coefficients, x[i], kind) - y[i]) / y[i]"
MEAN = "return float(np.mean(errors))"
EACH = "found = {kind: held_out_error(x, y, kind) for kind in KINDS}"
BEST = "min(KINDS, key=lambda kind: found[kind])"
NOT_COMPARED = """
def compare(some_rows, name):
    raise NotImplementedError
"""
MADE_UP = """
errors = {name: {"linear": 0.34, "quadratic": 0.06, "exponential": 0.48} for name in ("numpy", "torch")}
best = dict.fromkeys(errors, "quadratic")
"""
SIGN = "if i + 1 < len(sizes) and d[i] * d[i + 1] < 0:"
SHARE = "share = d[i] / (d[i] - d[i + 1])"
FOUND = "return float(np.exp(np.log(sizes[i]) + share * np.log(sizes[i + 1] / sizes[i])))"
EQUAL = "        if d[i] == 0:\n            return float(sizes[i])\n"

ROWS: dict[str, list[tuple[Any, ...]]] = {
    "D-interval": [
        ("normal-for-t", T, "t = 1.96"),
        ("normal-for-t", T, "from statistics import NormalDist\n    t = NormalDist().inv_cdf((1 + level) / 2)"),
        ("interval-of-the-mean", HALF, "half = t * np.std(seconds, ddof=1) * rest / np.sqrt(n)"),
        ("interval-of-the-mean", HALF, "half = t * np.std(seconds, ddof=1) / np.sqrt(n)"),
        ("mean-taken-for-sure", HALF, "half = t * np.std(seconds, ddof=1) * np.sqrt(rest)"),
        ("one-epoch-times-r", HALF, "half = t * np.std(seconds, ddof=1) * epochs * np.sqrt(1 + 1 / n)"),
        ("one-epoch-times-r", HALF, "half = t * np.std(seconds, ddof=1) * rest"),
        ("one-epoch-for-all", HALF, "half = t * np.std(seconds, ddof=1) * np.sqrt(1 + 1 / n)"),
        ("one-epoch-for-all", MIDDLE, "middle = np.mean(seconds)"),
        ("past-epochs-scatter", HALF, "half = t * np.std(seconds, ddof=1) * np.sqrt(epochs + epochs**2 / n)"),
        ("square-forgotten", HALF, HALF.replace("rest**2", "rest")),
        ("root-forgotten", HALF, HALF.replace("np.sqrt(rest + rest**2 / n)", "(rest + rest**2 / n)")),
        ("divided-by-n", HALF, HALF.replace(", ddof=1", "")),
        ("variance-for-deviation", HALF, HALF.replace("np.std", "np.var")),
        ("degrees-of-freedom", T, T.replace("n - 1", "n")),
        ("one-sided", T, "t = t_quantile(level, n - 1)"),
        ("level-written-in", T, "t = t_quantile(0.975, n - 1)"),
        ("t-forgotten", T, "t = 1"),
        ("past-epochs-twice", MIDDLE, "middle = sum(seconds) + epochs * np.mean(seconds)"),
        ("past-epochs-forgotten", MIDDLE, "middle = rest * np.mean(seconds)"),
        ("median-for-mean", MIDDLE, "middle = epochs * np.median(seconds)"),
        ("ends-exchanged", BOTH, "return float(middle + half), float(middle - half)"),
        ("half-width-for-interval", BOTH, "return float(middle), float(half)"),
        ("not-an-interval", BOTH, "return float(half)"),
        ("not-an-interval", BOTH, "return {'low': middle - half, 'high': middle + half}"),
        ("no-width", BOTH, "return float(middle), float(middle)"),
        ("half-of-the-width", BOTH, "return float(middle - half / 2), float(middle + half / 2)"),
    ],
    "E-fit": [
        ("coefficients-reversed", POLY, POLY.replace("[::-1]", "")),
        ("coefficients-reversed", "return [np.exp(constant), slope]", "return [slope, np.exp(constant)]"),
        ("logarithm-left", "[np.exp(constant), slope]", "[constant, slope]"),
        ("slope-exponentiated", "[np.exp(constant), slope]", "[np.exp(constant), np.exp(slope)]"),
        ("wrong-base", "np.log(y), 1)", "np.log10(y), 1)"),
        ("wrong-base", LINE, "slope, constant = np.polyfit(x, np.log2(y), 1)\n        return [2**constant, slope]"),
        ("power-for-exponential", "np.polyfit(x, np.log(y), 1)", "np.polyfit(np.log(x), np.log(y), 1)"),
        ("logarithm-forgotten", LINE, "slope, constant = np.polyfit(x, y, 1)\n        return [constant, slope]"),
        ("wrong-degree", '"quadratic": 2', '"quadratic": 1'),
        ("wrong-degree", '"linear": 1', '"linear": 2'),
        ("wrong-degree", '"quadratic": 2', '"quadratic": 3'),
        ("constant-missing", POLY, "[0, *np.linalg.lstsq(np.stack([x**k for k in range(1, 2 + (kind == 'quadratic'))], 1), y, rcond=None)[0]]"),
        ("fitted-to-the-ends", POLY, POLY + " if kind == 'quadratic' else [y[0] - (y[-1] - y[0]) / (x[-1] - x[0]) * x[0], (y[-1] - y[0]) / (x[-1] - x[0])]"),
        ("linear-term-missing", POLY, POLY + " if kind == 'linear' else np.insert(np.polyfit(x**2, y, 1)[::-1], 1, 0)"),
        ("not-least-squares", POLY, "np.polyfit(x, y, {'linear': 1, 'quadratic': 2}[kind], w=y)[::-1]"),
        ("not-a-list", POLY, "dict(zip('abc', " + POLY + "))"),
        ("returns-none", "    return np.polyfit", "    np.polyfit"),
        ("raises", '{"linear": 1, "quadratic": 2}[kind]', '{"linear": 1, "square": 2}[kind]'),
    ],
    "E-held": [
        ("not-held-out", LEFT_OUT, "fit(x, y, kind)"),
        ("absolute-for-relative", ERROR, "abs(predict(coefficients, x[i], kind) - y[i])"),
        ("absolute-for-relative", ERROR, "(predict(coefficients, x[i], kind) - y[i]) ** 2"),
        ("signs-cancel", ERROR, "(predict(coefficients, x[i], kind) - y[i]) / y[i]"),
        ("divided-by-prediction", ERROR, "abs(predict(coefficients, x[i], kind) / y[i] - 1) * y[i] / abs(predict(coefficients, x[i], kind))"),
        ("sum-for-mean", MEAN, "return float(sum(errors))"),
        ("worst-for-mean", MEAN, "return float(max(errors))"),
        ("median-for-mean", MEAN, "return float(np.median(errors))"),
        ("last-point-only", MEAN, "return float(errors[-1])"),
        ("first-point-only", "    " + MEAN, "        " + MEAN),
        ("percent-for-fraction", MEAN, "return 100 * float(np.mean(errors))"),
        ("squared-for-absolute", MEAN, "return float(np.sqrt(np.mean(np.square(errors))))"),
        ("one-point-missing", "range(len(x))", "range(len(x) - 1)"),
        ("one-point-missing", "range(len(x))", "range(1, len(x))"),
        ("kind-ignored", LEFT_OUT + "\n", "fit(np.delete(x, i), np.delete(y, i), 'linear')\n        kind = 'linear'\n"),
        ("raises", "np.delete(y, i)", "y"),
        ("not-one-number", MEAN, "return errors"),
    ],
    "E-compare": [
        ("still-to-do", {"E-compare": NOT_COMPARED, "E-compared": MADE_UP}),
        ("differs", EACH, 'found = {"linear": 0.34, "quadratic": 0.06, "exponential": 0.48}'),
        ("differs", EACH, "found = {kind: held_out_error(x, y, kind) for kind in KINDS}\n    found['exponential'] = 0.9"),
        ("worst-for-best", BEST, BEST.replace("min", "max")),
        ("not-the-least | worst-for-best", BEST, "'exponential'"),
        ("not-a-kind", BEST, BEST + ".upper()"),
        ("not-a-kind", BEST, "min(found.values())"),
        ("wrong-axis", 'float(row["filters"])', 'float(row["flops"])'),
        ("kind-ignored", EACH, "found = {kind: held_out_error(x, y, 'linear') for kind in KINDS}"),
        ("kinds-missing", "KINDS", "KINDS[:2]"),
        ("not-a-pair", "    return found, ", "    return "),
        ("returns-none", "    return found, ", "    best = "),
        ("not-held-out | kind-ignored", EACH, "found = {kind: float(np.mean([abs(predict(fit(x, y, kind), a, kind) - b) / b for a, b in zip(x, y)])) for kind in KINDS}"),
    ],
    "F-crossover": [
        ("not-interpolated", FOUND, "return float(sizes[i])"),
        ("not-interpolated", FOUND, "return float(sizes[i + 1])"),
        ("midpoint", FOUND, "return (sizes[i] + sizes[i + 1]) / 2"),
        ("index-for-size", FOUND, "return i"),
        ("weights-exchanged", SHARE, "share = d[i + 1] / (d[i + 1] - d[i])"),
        ("signs-mixed-up", SHARE, "share = d[i] / (d[i] + d[i + 1])"),
        ("logarithm-left", FOUND, "return np.log(sizes[i]) + share * np.log(sizes[i + 1] / sizes[i])"),
        ("only-the-fraction", FOUND, "return share"),
        ("half-logarithmic", FOUND, "return float(sizes[i] + share * (sizes[i + 1] - sizes[i]))"),
        ("one-direction-only", SIGN, "if i + 1 < len(sizes) and d[i] < 0 < d[i + 1]:"),
        ("crossing-overlooked", SIGN, "if i + 1 < len(sizes) and d[i + 1] < 0 < d[i]:"),
        ("none-expected", "    return None", "    return 0"),
        ("none-expected", "    return None", "    return float('nan')"),
        ("none-expected", "    return None", "    return sizes[-1]"),
        ("extrapolated", "    return None", "    return float(sizes[-1] - d[-1] * (sizes[-1] - sizes[-2]) / (d[-1] - d[-2]))"),
        ("equal-overlooked", EQUAL, ""),
        ("not-the-first", "range(len(sizes))", "reversed(range(len(sizes)))"),
        ("raises", "if i + 1 < len(sizes) and d[i]", "if d[i]"),
        ("time-for-size", FOUND, "return a[i] + (a[i + 1] - a[i]) * (a[i] - b[i]) / (a[i] - b[i] - a[i + 1] + b[i + 1])"),
        ("not-one-number", "    return None", "    return 'never'"),
    ],
}
