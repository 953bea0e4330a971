"""Wrong solutions of Parts D, E and F1 by somebody who had only read the notebook: (right name, old text, new text) or (right name, new cell)."""

ROWS: dict[str, list[tuple[str, ...]]] = {
    "D-interval": [
        ("level-written-in", "(1 + level) / 2", "0.975"),
        ("degrees-of-freedom", "n - 1)\n", "n)\n"),
        ("one-sided", "(1 + level) / 2", "level"),
        ("ends-exchanged", "(1 + level) / 2", "(1 - level) / 2"),
        ("level-turned", "(1 + level) / 2", "1 - level"),
        ("divided-by-n", ", ddof=1", ""),
        ("variance-for-deviation", "np.std(seconds, ddof=1)", "np.var(seconds, ddof=1)"),
        ("mean-taken-for-sure", "np.sqrt(rest + rest**2 / n)", "np.sqrt(rest)"),
        ("past-epochs-scatter", "np.sqrt(rest + rest**2 / n)", "np.sqrt(epochs + epochs**2 / n)"),
        ("root-forgotten", "np.sqrt(rest + rest**2 / n)", "(rest + rest**2 / n)"),
        ("root-of-a-part", "np.sqrt(rest + rest**2 / n)", "(np.sqrt(rest) + rest**2 / n)"),
        ("added-for-squares", "np.sqrt(rest + rest**2 / n)", "(np.sqrt(rest) + rest / np.sqrt(n))"),
        ("square-forgotten", "rest**2 / n", "rest / n"),
        ("n-squared", "rest**2 / n)", "rest**2 / n**2)"),
        ("half-of-the-width", "float(middle - half), float(middle + half)", "float(middle - half / 2), float(middle + half / 2)"),
        ("half-width-for-interval", "float(middle - half), float(middle + half)", "float(middle), float(half)"),
        ("past-epochs-forgotten", "middle = epochs * np", "middle = rest * np"),
        ("median-for-mean", "np.mean(seconds)", "np.median(seconds)"),
        ("ten-times", "epochs * np.mean(seconds)", "10 * sum(seconds)"),
        ("past-epochs-twice", "middle = epochs * np.mean(seconds)", "middle = sum(seconds) + epochs * np.mean(seconds)"),
        ("first-epoch-left-out", "    n, rest", "    seconds = seconds[1:] if len(seconds) > 2 else seconds\n    n, rest"),
        ("range-for-interval", "return float(middle - half), float(middle + half)", "return epochs * min(seconds), epochs * max(seconds)"),
        ("level-in-per-cent", "(1 + level) / 2", "(1 + level / 100) / 2"),
        ("not-an-array", "return float(middle - half), float(middle + half)", 'return f"{middle:.1f} ± {half:.1f} s"'),
    ],
    "E-fit": [
        ("logarithm-left", "[np.exp(constant), slope]", "[constant, slope]"),
        ("slope-exponentiated", "[np.exp(constant), slope]", "[np.exp(constant), np.exp(slope)]"),
        ("power-for-exponential", "np.polyfit(x, np.log(y), 1)", "np.polyfit(np.log(x), np.log(y), 1)"),
        ("logarithm-forgotten", "np.log(y)", "y"),
        ("axes-exchanged", "np.polyfit(x, y, {", "np.polyfit(y, x, {"),
        ("linear-term-missing", """    return np""", """    if kind == "quadratic":
        c, a = np.polyfit(np.asarray(x) ** 2, y, 1)
        return [a, 0.0, c]
    return np"""),
        ("constant-missing", """    return np""", """    if kind == "linear":
        return [0.0, float(np.dot(x, y) / np.dot(x, x))]
    return np"""),
        ("fitted-to-the-ends", """    return np""", """    if kind == "linear":
        b = (y[-1] - y[0]) / (x[-1] - x[0])
        return [y[0] - b * x[0], b]
    return np"""),
        ("not-least-squares", """    return np""", """    if kind == "quadratic":
        at = [0, len(x) // 2, -1]
        return np.polyfit(np.asarray(x)[at], np.asarray(y)[at], 2)[::-1]
    return np"""),
        ("wrong-shape", "{\"linear\": 1, \"quadratic\": 2}[kind], w=1 / np.asarray(y))[::-1]", "{\"linear\": 1, \"quadratic\": 2}[kind]) @ np.vander(x, 2 if kind == 'linear' else 3).T"),
        ("not-an-array", "return np.polyfit(x, y, {\"linear\": 1, \"quadratic\": 2}[kind], w=1 / np.asarray(y))[::-1]", "return np.poly1d(np.polyfit(x, y, {\"linear\": 1, \"quadratic\": 2}[kind]))"),
        ("raises", "if kind == \"exponential\":", "if kind == \"exp\":"),
    ],
    "E-held": [
        ("not-held-out", "fit(np.delete(x, i), np.delete(y, i), kind)", "fit(x, y, kind)"),
        ("signs-cancel", "abs(predict(coefficients, x[i], kind) - y[i])", "(predict(coefficients, x[i], kind) - y[i])"),
        ("squared-for-absolute", "abs(predict(coefficients, x[i], kind) - y[i]) / y[i]", "((predict(coefficients, x[i], kind) - y[i]) / y[i]) ** 2"),
        ("divided-by-prediction", "- y[i]) / y[i])", "- y[i]) / predict(coefficients, x[i], kind))"),
        ("divided-by-the-mean", "- y[i]) / y[i])", "- y[i]) / np.mean(y))"),
        ("median-for-mean", "np.mean(errors)", "np.median(errors)"),
        ("worst-for-mean", "np.mean(errors)", "np.max(errors)"),
        ("sum-for-mean", "np.mean(errors)", "np.sum(errors)"),
        ("percent-for-fraction", "float(np.mean(errors))", "100 * float(np.mean(errors))"),
        ("last-point-only", "range(len(x))", "[len(x) - 1]"),
        ("first-point-only", "range(len(x))", "[0]"),
        ("in-logarithms", "abs(predict(coefficients, x[i], kind) - y[i]) / y[i]", "abs(np.log(predict(coefficients, x[i], kind)) - np.log(y[i]))"),
        ("in-logarithms", "        errors.append(abs(predict(coefficients, x[i], kind) - y[i]) / y[i])", """        at = predict(coefficients, x[i], kind)
        errors.append(abs(np.log(at / y[i])) if kind == "exponential" else abs(at - y[i]) / y[i])"""),
        ("kind-ignored", "np.delete(y, i), kind)", 'np.delete(y, i), "linear")'),
        ("not-one-number", "float(np.mean(errors))", "errors"),
        ("divided-by-the-mean", """def held_out_error(x, y, kind):
    misses = [abs(predict(fit(np.delete(x, i), np.delete(y, i), kind), x[i], kind) - y[i]) for i in range(len(x))]
    return float(sum(misses) / sum(y))
"""),
    ],
    "E-compare": [
        ("other-rows", ' if row["backend"] == name', ""),
        ("other-rows", 'row["backend"] == name', 'row["backend"] == "numpy"'),
        ("wrong-axis", 'float(row["filters"])', 'float(row["parameters"])'),
        ("percent-for-fraction", "kind: held_out_error(x, y, kind)", "kind: 100 * held_out_error(x, y, kind)"),
        ("not-held-out", "kind: held_out_error(x, y, kind)", "kind: float(np.mean(np.abs(predict(fit(x, y, kind), x, kind) - y) / y))"),
        ("not-a-dictionary", "return found, ", "return list(found.values()), "),
        ("results-exchanged", "return found, min(KINDS, key=lambda kind: found[kind])", "return min(KINDS, key=lambda kind: found[kind]), found"),
        ("other-rows", "found = {", "x, y = x[:-1], y[:-1]\n    found = {"),
        ("other-rows", 'row["seconds"]', 'row["low"]'),
    ],
    "F-crossover": [
        ("not-the-first", """def crossover(sizes, a, b):
    found = None
    for i in range(len(sizes) - 1):
        d0, d1 = np.log(a[i] / b[i]), np.log(a[i + 1] / b[i + 1])
        if d0 * d1 <= 0:
            found = float(np.exp(np.log(sizes[i]) + np.log(sizes[i + 1] / sizes[i]) * (d0 / (d0 - d1) if d0 != d1 else 0)))
    return found
"""),
        ("index-for-size", "return float(np.exp(np.log(sizes[i]) + share * np.log(sizes[i + 1] / sizes[i])))", "return i"),
        ("midpoint", "share = d[i] / (d[i] - d[i + 1])", "share = 0.5"),
        ("weights-exchanged", "share = d[i] / (d[i] - d[i + 1])", "share = d[i + 1] / (d[i + 1] - d[i])"),
        ("signs-mixed-up", "d[i] / (d[i] - d[i + 1])", "d[i] / (d[i + 1] - d[i])"),
        ("fraction-of-the-rest", "d[i] / (d[i] - d[i + 1])", "-d[i] / d[i + 1]"),
        ("logarithm-left", "float(np.exp(np.log(sizes[i]) + share * np.log(sizes[i + 1] / sizes[i])))", "float(np.log(sizes[i]) + share * np.log(sizes[i + 1] / sizes[i]))"),
        ("only-the-fraction", "float(np.exp(np.log(sizes[i]) + share * np.log(sizes[i + 1] / sizes[i])))", "float(share)"),
        ("half-logarithmic", "float(np.exp(np.log(sizes[i]) + share * np.log(sizes[i + 1] / sizes[i])))", "float(sizes[i] + share * (sizes[i + 1] - sizes[i]))"),
        ("raises", "return None", 'raise ValueError("they do not cross")'),
        ("not-one-number", "return None", 'return "no crossover"'),
        ("extrapolated", "return None", "share = d[-2] / (d[-2] - d[-1]) if d[-2] != d[-1] else 1e9\n    return float(np.exp(np.log(sizes[-2]) + share * np.log(sizes[-1] / sizes[-2])))"),
        ("equal-overlooked", """        if d[i] == 0:
            return float(sizes[i])
""", ""),
        ("crossing-overlooked", "d[i] * d[i + 1] < 0", "d[i] > 0 > d[i + 1]"),
        ("one-direction-only", "d[i] * d[i + 1] < 0", "d[i] < 0 < d[i + 1]"),
        ("not-the-crossing", """def crossover(sizes, a, b):
    for s, p, q in zip(sizes, a, b):
        if p < q:
            return s
    return None
"""),
        ("rounded", "return float(np.exp(np.log(sizes[i]) + share * np.log(sizes[i + 1] / sizes[i])))", "return round(float(np.exp(np.log(sizes[i]) + share * np.log(sizes[i + 1] / sizes[i]))))"),
    ],
}
