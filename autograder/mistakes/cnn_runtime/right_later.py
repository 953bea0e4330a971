"""Other right rows, intervals, fits and crossings (Parts C to F): name -> changed cells."""

from autograder.mistakes import Edits

ROWS_COMPREHENSION = '''
def measure_row(filters, name, batch=BATCH):
    p = prepare(filters, name, batch)
    row = dict(filters=filters, backend=name, batch=batch, threads=THREADS, hardware=p.hardware)
    row["parameters"], row["flops"] = np.sum(parameters(filters)), np.sum(step_flops(filters, batch))
    row.update(time_step(p.step, p.load, rounds=ROUNDS + 2, warmup=WARMUP, synchronise=p.synchronise))
    return row
'''
ROWS_MARKED = '''
def measure_row(filters, name, batch=BATCH):
    """Says that it was measured, too, and keeps the clock."""
    prepared = prepare(filters, name, batch)
    timing = time_step(prepared.step, prepared.load, ROUNDS, WARMUP + 1, prepared.synchronise, time.perf_counter)
    counts = {"parameters": float(sum(parameters(filters))), "flops": float(sum(step_flops(filters, batch)))}
    labels = {"backend": name, "hardware": prepared.hardware, "threads": float(THREADS), "recorded": False, "predicted": False}
    return {"filters": filters, "batch": batch, **counts, **labels, **timing}
'''
INTERVAL_STATISTICS = '''
import statistics


def prediction_interval(seconds, epochs, level):
    n = len(seconds)
    r = epochs - n
    s = statistics.stdev(seconds)
    width = t_quantile(0.5 + level / 2, n - 1) * s * (r * (1 + r / n)) ** 0.5
    done = sum(seconds)
    return done + r * statistics.mean(seconds) - width, done + r * statistics.mean(seconds) + width
'''
INTERVAL_NOT_NEGATIVE = '''
def prediction_interval(seconds, epochs, level):
    """No run takes less than no time."""
    x = np.asarray(seconds, dtype=float)
    n, r = x.size, epochs - x.size
    s2 = ((x - x.mean()) ** 2).sum() / (n - 1)
    t = -t_quantile((1 - level) / 2, n - 1)
    half = t * np.sqrt(s2 * (r + r * r / n))
    return np.array([max(0.0, epochs * x.mean() - half), epochs * x.mean() + half])
'''
INTERVAL_TWO_VARIANCES = '''
def prediction_interval(seconds, epochs, level):
    """The scatter of the epochs to come and the error of their mean, added as variances."""
    n = len(seconds)
    rest = epochs - n
    variance = np.var(seconds, ddof=1)
    scatter, of_the_mean = rest * variance, rest**2 * variance / n
    half = t_quantile((1 + level) / 2, n - 1) * np.sqrt(scatter + of_the_mean)
    total = sum(seconds) + rest * sum(seconds) / n
    return [total - half, total + half]
'''
FIT_PLAIN = '''
def fit(x, y, kind):
    """Plain least squares."""
    if kind == "exponential":
        b, a = np.polyfit(x, np.log(y), 1)
        return np.array([np.exp(a), b])
    return np.polyfit(x, y, 1 if kind == "linear" else 2)[::-1]
'''
FIT_LSTSQ = '''
def fit(x, y, kind):
    x, y = np.asarray(x, float), np.asarray(y, float)
    columns = [np.ones_like(x), x] + ([x**2] if kind == "quadratic" else [])
    found, *_ = np.linalg.lstsq(np.column_stack(columns), np.log(y) if kind == "exponential" else y, rcond=None)
    if kind == "exponential":
        found[0] = np.exp(found[0])
    return tuple(found)
'''
FIT_NORMAL_EQUATIONS = '''
def fit(x, y, kind):
    """XᵀX c = Xᵀy."""
    y = np.log(y) if kind == "exponential" else np.array(y)
    X = np.vander(x, 3 if kind == "quadratic" else 2, increasing=True)
    c = np.linalg.solve(X.T @ X, X.T @ y)
    if kind == "exponential":
        c[0] = np.exp(c[0])
    return c
'''
FIT_CLOSED_FORM = '''
def line(x, y):
    n, mx, my = len(x), sum(x) / len(x), sum(y) / len(y)
    b = sum((a - mx) * (c - my) for a, c in zip(x, y)) / sum((a - mx) ** 2 for a in x)
    return my - b * mx, b


def fit(x, y, kind):
    """By hand for lines, numpy's polynomials for the quadratic."""
    if kind == "linear":
        return line(x, y)
    if kind == "quadratic":
        return np.polynomial.Polynomial.fit(x, y, 2).convert().coef
    a, b = line(x, [np.log(v) for v in y])
    return np.e**a, b
'''
FIT_TORCH = '''
def fit(x, y, kind):
    x, y = torch.as_tensor(np.asarray(x), dtype=torch.float64), torch.as_tensor(np.asarray(y), dtype=torch.float64)
    powers = torch.stack([x**k for k in range(3 if kind == "quadratic" else 2)], dim=1)
    found = torch.linalg.lstsq(powers, (y.log() if kind == "exponential" else y)[:, None]).solution[:, 0]
    return [found[0].exp().item(), found[1].item()] if kind == "exponential" else found.tolist()
'''
FIT_EXPONENTIAL_DIRECTLY = '''
def fit(x, y, kind):
    """The exponential on the times themselves: for each b the best a is known, so try many b around the logarithm's, then finer ones."""
    if kind != "exponential":
        return np.polyfit(x, y, 1 if kind == "linear" else 2)[::-1]
    x, y = np.asarray(x), np.asarray(y)
    b, width = np.polyfit(x, np.log(y), 1)[0], 0.1
    for _ in range(4):
        tried = b + np.linspace(-width, width, 401)
        curves = np.exp(tried[:, None] * x)
        best_a = (curves * y).sum(axis=1) / (curves**2).sum(axis=1)
        best = np.argmin(((best_a[:, None] * curves - y) ** 2).sum(axis=1))
        a, b, width = best_a[best], tried[best], width / 40
    return [a, b]
'''
HELD_MASK = '''
def held_out_error(x, y, kind):
    x, y, total = np.asarray(x), np.asarray(y), 0.0
    for i in range(len(x)):
        rest = np.arange(len(x)) != i
        total += abs(predict(fit(x[rest], y[rest], kind), x[i], kind) / y[i] - 1)
    return total / len(x)
'''
HELD_LISTS = '''
def held_out_error(x, y, kind):
    x, y = list(x), list(y)
    one = lambda i: predict(fit(np.array(x[:i] + x[i + 1 :]), np.array(y[:i] + y[i + 1 :]), kind), x[i], kind)
    return np.mean([np.abs((y[i] - one(i)) / y[i]) for i in range(len(y))])
'''
COMPARE_LOOPS = '''
def compare(some_rows, name):
    mine = [(row["filters"], row["seconds"]) for row in some_rows if row["backend"] == name]
    sizes, seconds = map(np.array, zip(*mine))
    errors = dict()
    for kind in KINDS:
        errors[kind] = held_out_error(sizes, seconds, kind)
    return errors, sorted(errors, key=errors.get)[0]
'''
CROSS_PLAIN = '''
def crossover(sizes, a, b):
    """On plain axes."""
    d = np.array(a) - np.array(b)
    for i in range(len(d)):
        if d[i] == 0:
            return sizes[i]
        if i and d[i - 1] * d[i] < 0:
            return sizes[i - 1] + (sizes[i] - sizes[i - 1]) * d[i - 1] / (d[i - 1] - d[i])
'''
CROSS_INTERP = '''
def crossover(sizes, a, b):
    """Let np.interp find where the difference is zero."""
    d, s = np.log(np.array(a) / np.array(b)), np.log(np.array(sizes, dtype=float))
    change = np.flatnonzero(np.sign(d[:-1]) != np.sign(d[1:]))
    if not change.size:
        return None if d[0] else sizes[0]
    i = change[0]
    pair = [i, i + 1] if d[i] < d[i + 1] else [i + 1, i]
    return np.exp(np.interp(0.0, d[pair], s[pair]))
'''
CROSS_BISECTION = '''
def crossover(sizes, a, b):
    """Halve the interval until it is as good as a point."""
    gap = lambda s: np.interp(np.log(s), np.log(sizes), np.log(np.array(a) / np.array(b)))
    if a[0] == b[0]:
        return float(sizes[0])
    for low, high in zip(sizes, sizes[1:]):
        if gap(low) * gap(high) <= 0:
            for _ in range(80):
                middle = (low + high) / 2
                low, high = (low, middle) if gap(low) * gap(middle) <= 0 else (middle, high)
            return high
    return None
'''
BATCH_BY_ROWS = '''
def per_image(some_rows, name):
    found = {}
    for row in some_rows:
        found.setdefault(row["backend"], []).append(row["seconds"] / row["batch"])
    return found[name]
'''
BATCH_AS_DICTIONARY = '''
def per_image(some_rows, name):
    return {row["batch"]: row["seconds"] / row["batch"] for row in some_rows if row["backend"] == name}
'''

SOLUTIONS: dict[str, dict[str, str | Edits]] = {
    "rows: a comprehension, more rounds": {"C-rows": ROWS_COMPREHENSION},
    "rows: marked as measured, all numbers": {"C-rows": ROWS_MARKED},
    "interval by statistics": {"D-interval": INTERVAL_STATISTICS},
    "interval cut off at zero": {"D-interval": INTERVAL_NOT_NEGATIVE},
    "interval from two variances": {"D-interval": INTERVAL_TWO_VARIANCES},
    "fit: plain polyfit": {"E-fit": FIT_PLAIN},
    "fit: lstsq": {"E-fit": FIT_LSTSQ},
    "fit: normal equations": {"E-fit": FIT_NORMAL_EQUATIONS},
    "fit: closed form": {"E-fit": FIT_CLOSED_FORM},
    "fit: PyTorch": {"E-fit": FIT_TORCH},
    "fit: exponential without logarithms": {"E-fit": FIT_EXPONENTIAL_DIRECTLY},
    "held out: a mask": {"E-held": HELD_MASK},
    "held out: lists": {"E-held": HELD_LISTS},
    "plain fit, masks and loops": {"E-fit": FIT_PLAIN, "E-held": HELD_MASK, "E-compare": COMPARE_LOOPS},
    "compare: loops": {"E-compare": COMPARE_LOOPS},
    "crossover on plain axes": {"F-crossover": CROSS_PLAIN},
    "crossover by np.interp": {"F-crossover": CROSS_INTERP},
    "crossover by bisection": {"F-crossover": CROSS_BISECTION},
    "batches row by row": {"F-batch": BATCH_BY_ROWS},
    "batches as a dictionary": {"F-batch": BATCH_AS_DICTIONARY},
}
