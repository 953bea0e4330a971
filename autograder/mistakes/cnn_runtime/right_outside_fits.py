"""Right solutions of Parts D, E and F1, by somebody who had only read the notebook: exercise -> what is different -> its cell."""

OWN_T = '''import math


def own_t(p, freedom):
    """Student's t by Simpson's rule and bisection."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)

    def below(t):
        # x = tan(u) makes the range short
        u = np.linspace(0, math.atan(t), 4001)
        y = scale * (1 + np.tan(u) ** 2 / freedom) ** (-(freedom + 1) / 2) / np.cos(u) ** 2
        h = u[1] - u[0]
        return 0.5 + h / 3 * (y[0] + y[-1] + 4 * y[1:-1:2].sum() + 2 * y[2:-1:2].sum())

    low, high = 0.0, 1e4
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < p else (low, middle)
    return low


'''

CELLS: dict[str, dict[str, str]] = {
    "D-interval": {
        "statistics module": """def prediction_interval(seconds, epochs, level):
    import math
    import statistics

    n = len(seconds)
    r = epochs - n
    half = t_quantile(0.5 + level / 2, n - 1) * statistics.stdev(seconds) * math.sqrt(r + r * r / n)
    return epochs * statistics.fmean(seconds) - half, epochs * statistics.fmean(seconds) + half
""",
        "own quantile, sums by hand": OWN_T
        + """def prediction_interval(seconds, epochs, level):
    n = len(seconds)
    mean = sum(seconds) / n
    s = (sum((x - mean) ** 2 for x in seconds) / (n - 1)) ** 0.5
    r = epochs - n
    half = own_t((1 + level) / 2, n - 1) * s * (r + r**2 / n) ** 0.5
    return [epochs * mean - half, epochs * mean + half]
""",
        "what is measured plus what is to come": """def prediction_interval(seconds, epochs, level):
    x = np.asarray(seconds, dtype=float)
    rest = epochs - x.size
    total = x.sum() + rest * x.mean()
    spread = np.sqrt(np.var(x, ddof=1) * rest * epochs / x.size)
    return total + np.array([-1, 1]) * t_quantile(1 - (1 - level) / 2, x.size - 1) * spread
""",
        "the lower quantile": """def prediction_interval(seconds, epochs, level):
    n = len(seconds)
    s = np.linalg.norm(np.array(seconds) - np.mean(seconds)) / np.sqrt(n - 1)
    both = [t_quantile(p, n - 1) for p in ((1 - level) / 2, (1 + level) / 2)]
    low, high = (epochs * np.mean(seconds) + t * s * np.sqrt((epochs - n) * (1 + (epochs - n) / n)) for t in both)
    return low, high
""",
        "torch": """def prediction_interval(seconds, epochs, level):
    x = torch.tensor(list(seconds), dtype=torch.float64)
    n, r = len(x), epochs - len(x)
    h = t_quantile((1 + level) / 2, n - 1) * x.std() * (r + r**2 / n) ** 0.5
    return (epochs * x.mean() - h).item(), (epochs * x.mean() + h).item()
""",
        "cut off at zero, as no run takes less": """def prediction_interval(seconds, epochs, level):
    n, r = len(seconds), epochs - len(seconds)
    middle, s = epochs * np.mean(seconds), np.std(seconds, ddof=1)
    half = t_quantile((1 + level) / 2, n - 1) * s * np.sqrt(r + r**2 / n)
    return max(0.0, middle - half), middle + half
""",
        "covariance": """def prediction_interval(seconds, epochs, level):
    n, r = len(seconds), epochs - len(seconds)
    middle = epochs / n * sum(seconds)
    half = t_quantile((1 + level) / 2, freedom=n - 1) * np.sqrt(np.cov(seconds) * (r + r * r / n))
    return (float(middle - half), float(middle + half))
""",
    },
    "E-fit": {
        "polyfit, seconds count": """def fit(x, y, kind):
    if kind == "linear":
        b, a = np.polyfit(x, y, 1)
        return [a, b]
    if kind == "quadratic":
        c, b, a = np.polyfit(x, y, 2)
        return [a, b, c]
    b, ln_a = np.polyfit(x, np.log(y), 1)
    return [np.exp(ln_a), b]
""",
        "lstsq": """def fit(x, y, kind):
    x, y = np.asarray(x, float), np.asarray(y, float)
    columns = 3 if kind == "quadratic" else 2
    matrix = np.stack([x**p for p in range(columns)], axis=1)
    if kind == "exponential":
        a, b = np.linalg.lstsq(matrix, np.log(y), rcond=None)[0]
        return np.exp(a), b
    return np.linalg.lstsq(matrix, y, rcond=None)[0]
""",
        "normal equations": """def fit(x, y, kind):
    target = np.log(y) if kind == "exponential" else np.array(y)
    A = np.vander(np.array(x), 3 if kind == "quadratic" else 2, increasing=True)
    solution = np.linalg.solve(A.T @ A, A.T @ target)
    if kind == "exponential":
        solution[0] = np.exp(solution[0])
    return solution.tolist()
""",
        "normal equations, relative errors": """def fit(x, y, kind):
    A = np.vander(np.array(x), 3 if kind == "quadratic" else 2, increasing=True)
    if kind == "exponential":
        c = np.linalg.inv(A.T @ A) @ A.T @ np.log(y)
        return (np.exp(c[0]), c[1])
    A = A / np.array(y)[:, None]
    return np.linalg.inv(A.T @ A) @ A.T @ np.ones(len(y))
""",
        "Polynomial.fit": """def fit(x, y, kind):
    from numpy.polynomial import Polynomial

    degree = {"linear": 1, "quadratic": 2, "exponential": 1}[kind]
    coefficients = Polynomial.fit(x, np.log(y) if kind == "exponential" else y, degree).convert().coef
    if kind == "exponential":
        coefficients[0] = np.exp(coefficients[0])
    return coefficients
""",
        "closed form": """def fit(x, y, kind):
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if kind == "quadratic":
        S = [np.sum(x**p) for p in range(5)]
        left = np.array([[S[i + j] for j in range(3)] for i in range(3)])
        return np.linalg.solve(left, [np.sum(y * x**i) for i in range(3)])
    z = np.log(y) if kind == "exponential" else y
    slope = np.sum((x - x.mean()) * (z - z.mean())) / np.sum((x - x.mean()) ** 2)
    constant = z.mean() - slope * x.mean()
    return [np.exp(constant) if kind == "exponential" else constant, slope]
""",
        "the exponential by Gauss and Newton, in seconds": """def fit(x, y, kind):
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    weight = np.ones_like(y)
    if kind != "exponential":
        return list(reversed(np.polyfit(x, y, 1 if kind == "linear" else 2)))
    b, a = np.polyfit(x, np.log(y), 1)
    a = np.exp(a)

    def loss(a, b):
        return np.sum((weight * (y - a * np.exp(np.minimum(b * x, 50.0)))) ** 2)

    for _ in range(30):
        curve = np.exp(np.minimum(b * x, 50.0))
        J = np.stack([weight * curve, weight * a * x * curve], axis=1)
        step = np.linalg.lstsq(J, weight * (y - a * curve), rcond=None)[0]
        for scale in 0.5 ** np.arange(20):
            if loss(a + scale * step[0], b + scale * step[1]) < loss(a, b):
                a, b = a + scale * step[0], b + scale * step[1]
                break
    return [a, b]
""",
        "the exponential by Gauss and Newton, relative": """def fit(x, y, kind):
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    weight = 1 / y
    if kind != "exponential":
        return list(reversed(np.polyfit(x, y, 1 if kind == "linear" else 2, w=1 / y)))
    b, a = np.polyfit(x, np.log(y), 1)
    a = np.exp(a)

    def loss(a, b):
        return np.sum((weight * (y - a * np.exp(np.minimum(b * x, 50.0)))) ** 2)

    for _ in range(30):
        curve = np.exp(np.minimum(b * x, 50.0))
        J = np.stack([weight * curve, weight * a * x * curve], axis=1)
        step = np.linalg.lstsq(J, weight * (y - a * curve), rcond=None)[0]
        for scale in 0.5 ** np.arange(20):
            if loss(a + scale * step[0], b + scale * step[1]) < loss(a, b):
                a, b = a + scale * step[0], b + scale * step[1]
                break
    return [a, b]
""",
        "weights 1/y on the squares, as statisticians write it": """def fit(x, y, kind):
    A = np.vander(np.array(x), 3 if kind == "quadratic" else 2, increasing=True)
    if kind == "exponential":
        a, b = np.linalg.lstsq(A, np.log(y), rcond=None)[0]
        return np.exp(a), b
    W = np.diag(1 / np.array(y))
    return np.linalg.solve(A.T @ W @ A, A.T @ W @ np.array(y))
""",
    },
    "E-held": {
        "masks": """def held_out_error(x, y, kind):
    x, y = np.asarray(x), np.asarray(y)
    total = 0.0
    for i in range(len(x)):
        others = np.arange(len(x)) != i
        total += abs(predict(fit(x[others], y[others], kind), x[i], kind) / y[i] - 1)
    return total / len(x)
""",
        "lists": """def held_out_error(x, y, kind):
    x, y = list(x), list(y)
    guesses = []
    for i, _ in enumerate(x):
        c = fit(np.array(x[:i] + x[i + 1 :]), np.array(y[:i] + y[i + 1 :]), kind)
        guesses.append(predict(c, x[i], kind))
    return np.mean(np.abs(np.array(guesses) - y) / y)
""",
        "own curve": """def held_out_error(x, y, kind):
    def curve(c, at):
        return c[0] * np.exp(c[1] * at) if kind == "exponential" else np.polyval(np.array(c)[::-1], at)

    return np.mean([np.abs(1 - curve(fit(np.delete(x, i), np.delete(y, i), kind), x[i]) / y[i]) for i in range(len(x))])
""",
        "from the last to the first, by rolling": """def held_out_error(x, y, kind):
    errors = np.empty(len(x))
    for i in range(len(x)):
        rolled_x, rolled_y = np.roll(x, -i), np.roll(y, -i)
        coefficients = fit(rolled_x[1:], rolled_y[1:], kind)
        errors[i] = abs(predict(coefficients, rolled_x[0], kind) - rolled_y[0]) / rolled_y[0]
    return errors.mean()
""",
    },
    "F-crossover": {
        "straight lines": """def crossover(sizes, a, b):
    for i in range(len(sizes)):
        d0 = a[i] - b[i]
        if d0 == 0:
            return sizes[i]
        if i < len(sizes) - 1:
            d1 = a[i + 1] - b[i + 1]
            if d0 * d1 < 0:
                return sizes[i] + (sizes[i + 1] - sizes[i]) * d0 / (d0 - d1)
""",
        "logarithms, signs": """def crossover(sizes, a, b):
    d, s = np.log(np.divide(a, b)), np.log(np.array(sizes, dtype=float))
    for i in range(len(d) - 1):
        if np.sign(d[i]) != np.sign(d[i + 1]):
            return np.exp(s[i] + (s[i + 1] - s[i]) * d[i] / (d[i] - d[i + 1]))
    return float(sizes[0]) if d[0] == 0 else None
""",
        "np.interp": """def crossover(sizes, a, b):
    d = np.log(a) - np.log(b)
    for i, (left, right) in enumerate(zip(d[:-1], d[1:])):
        if left == 0 or right == 0 or (left < 0) != (right < 0):
            order = (0, 1) if left < right else (1, 0)
            if left == right:
                return float(sizes[i])
            where = np.interp(0, [d[i + j] for j in order], [np.log(sizes[i + j]) for j in order])
            return float(np.exp(where))
    return None
""",
        "bisection of straight lines": """def crossover(sizes, a, b):
    def gap(s):
        return np.interp(s, sizes, np.array(a, float)) - np.interp(s, sizes, np.array(b, float))

    for left, right in zip(sizes, sizes[1:]):
        if gap(left) == 0:
            return left
        if gap(left) * gap(right) <= 0:
            low, high = float(left), float(right)
            for _ in range(80):
                middle = (low + high) / 2
                if gap(left) * gap(middle) > 0:
                    low = middle
                else:
                    high = middle
            return high
    return None
""",
        "vectorised": """def crossover(sizes, a, b):
    sizes, d = np.asarray(sizes, float), np.asarray(a, float) - np.asarray(b, float)
    equal = np.flatnonzero(d == 0)
    change = np.flatnonzero(d[:-1] * d[1:] < 0)
    found = [sizes[i] for i in equal] + [sizes[i] - d[i] * (sizes[i + 1] - sizes[i]) / (d[i + 1] - d[i]) for i in change]
    return min(found, default=None)
""",
        "logarithms to the base 2": """def crossover(sizes, a, b):
    import math

    found = None
    for i in reversed(range(len(sizes))):
        d0 = math.log2(a[i] / b[i])
        if i + 1 < len(sizes):
            d1 = math.log2(a[i + 1] / b[i + 1])
            if d0 * d1 < 0:
                found = 2 ** (math.log2(sizes[i]) + math.log2(sizes[i + 1] / sizes[i]) * d0 / (d0 - d1))
        if d0 == 0:
            found = sizes[i]
    return found
""",
    },
}
