"""Wrong solutions, as changes of the model solution's text: (its right names, old text, new text)."""

from __future__ import annotations

from . import wrong_functions, wrong_layers, wrong_linear, wrong_network, wrong_records

GW, GB = "self.grad_weight = self.x.T @ grad_output", "self.grad_bias = xp.sum(grad_output, axis=0)"
GX, FORWARD = "return grad_output @ self.weight.T", "return x @ self.weight + self.bias"
STEP = "self.weight = self.weight - lr * self.grad_weight"
SIGMOID, DSIGMOID = "1 / (1 + xp.exp(-x))", "return grad_output * self.output * (1 - self.output)"
SHIFT, NORM = "xp.exp(x - xp.max(x, axis=1, keepdims=True))", "powers / xp.sum(powers, axis=1, keepdims=True)"
DSOFTMAX = "return self.output * (grad_output - inner)"
LOG = "-xp.mean(xp.log(xp.clip(probabilities[rows, labels], 1e-12, 1.0)))"
DLOSS = "(probabilities - xp.astype(one_hot, probabilities.dtype)) / n"
TOTAL = "total += float(cross_entropy(probabilities, batch_labels)) * len(batch_labels)"
FACTOR = '{"mean": 1, "sum": batch_size, "in_features": batch_size / in_features}[convention]'

RUN = "history = fit(network, train_epoch, evaluate, data, lr=0.1, epochs=size.epochs)"
FIRST = """
by_backend = {}
for name in names:
    where = backend(name)
    run = fit(MLP(SIZES, where, seed=0), train_epoch, evaluate, small.to(where), lr=0.5, epochs=2)
    by_backend[name] = run
"""
STUDY = """
rates = [1.0, 0.5, 0.1, 0.01, 0.001]
histories = {}
for rate in rates:
    histories[rate] = fit(MLP(SIZES, on, seed=0), train_epoch, evaluate, data, lr=rate, epochs=size.epochs)
"""
LAST_BATCH = "lambda n, x, y, lr, order=None, **k: (train_epoch(n, x, y, lr, order=order, **k), float(cross_entropy(n.forward(x[order[-8:]]), y[order[-8:]])))[1],"

OWN: dict[str, list[tuple[str, ...]]] = {
    "A-linear": [
        ("variance-for-std", "in_features**-0.5", "1 / in_features"),
        ("weights-not-scaled", "in_features**-0.5", "1.0"),
        ("scaled-by-out-features | scaled-by-outputs", "in_features**-0.5", "out_features**-0.5"),
        ("bias-not-zero", "backend.zeros((out_features,))", "backend.normal((out_features,), 0.1, 3)"),
        ("weights-all-equal", "backend.normal((in_features, out_features), in_features**-0.5, seed)", "backend.zeros((in_features, out_features))"),
        ("attribute-missing", "self.bias = backend.zeros((out_features,))", "bias = backend.zeros((out_features,))"),
        ("bias-missing", FORWARD, "return x @ self.weight"),
        ("output-transposed", FORWARD, "return (x @ self.weight + self.bias).T"),
        ("returns-none", FORWARD, "x @ self.weight + self.bias"),
        ("raises", FORWARD, "return self.weight @ x + self.bias"),
        ("input-changed", FORWARD, "x *= 2; return x / 2 @ self.weight + self.bias"),
        ("sigmoid-in-linear | activation-inside", FORWARD, "return 1 / (1 + np.exp(-(x @ self.weight + self.bias)))"),
        ("not-an-array", FORWARD, "return 'text'"),
        ("divided-by-batch-size", GW, GW + " / len(grad_output)"),
        ("divided-by-in_features", GW, GW + " / self.x.shape[1]"),
        ("divided-by-batch-size-written-as-a-number", GW, GW + " / 64"),
        ("multiplied-by-batch-size", GW, GW + " * len(grad_output)"),
        ("grad-weight-transposed | gradient-transposed", GW, "self.grad_weight = grad_output.T @ self.x"),
        ("grad-weight-sign", GW, "self.grad_weight = -self.x.T @ grad_output"),
        ("l2-term | weight-decay", GW, GW + " + 0.01 * self.weight"),
        ("grads-accumulated | gradient-accumulates", GW, "self.grad_weight = getattr(self, 'grad_weight', 0) + self.x.T @ grad_output"),
        ("bias-grad-averaged", GB, "self.grad_bias = xp.mean(grad_output, axis=0)"),
        ("bias-grad-wrong-axis | bias-grad-wrong-axes", GB, "self.grad_bias = xp.sum(grad_output, axis=1)"),
        ("bias-grad-not-summed", GB, "self.grad_bias = grad_output"),
        ("bias-grad-one-number", GB, "self.grad_bias = xp.sum(grad_output)"),
        ("grads-accumulated | gradient-accumulates", GB, "self.grad_bias = getattr(self, 'grad_bias', 0) + xp.sum(grad_output, axis=0)"),
        ("grad-input-transposed", GX, "return self.weight @ grad_output.T"),
        ("raises", GX, "return self.weight @ grad_output"),
        ("returns-none", GX, ""),
        ("returns-grad-weight", GX, "return self.grad_weight"),
        ("backward-updates", GX, "self.weight = self.weight - 0.1 * self.grad_weight; return grad_output @ self.weight.T"),
        ("attribute-missing", GW, "grad_weight = self.x.T @ grad_output"),
        ("stale-input", "self.x = x", "self.x = getattr(self, 'x', x)[: len(x)]; self.x = self.x if len(self.x) == len(x) else np.pad(self.x, ((0, 1), (0, 0)))"),
        ("update-adds", STEP, STEP.replace("-", "+")),
        ("weight-not-updated", STEP, "self.weight - lr * self.grad_weight"),
        ("bias-not-updated", "self.bias = self.bias - lr * self.grad_bias", "pass"),
        ("rate-ignored", STEP, "self.weight = self.weight - 0.1 * self.grad_weight"),
        ("divided-by-batch-size", STEP, "self.weight = self.weight - lr * self.grad_weight / len(self.x)"),
    ],
    "A-sigmoid": [
        ("sigmoid-sign", SIGMOID, "1 / (1 + xp.exp(x))"),
        ("tanh-for-sigmoid", SIGMOID, "xp.tanh(x)"),
        ("sigmoid-overflow", SIGMOID, "xp.exp(x) / (1 + xp.exp(x))"),
        ("local-derivative-only", DSIGMOID, "return self.output * (1 - self.output)"),
        ("factor-missing", DSIGMOID, "return grad_output * (1 - self.output)"),
        ("tanh-derivative", DSIGMOID, "return grad_output * (1 - self.output**2)"),
        ("sigmoid-twice", DSIGMOID, "s = 1 / (1 + np.exp(-self.output)); return grad_output * s * (1 - s)"),
        ("input-changed", DSIGMOID, "grad_output *= self.output * (1 - self.output); return grad_output"),
        ("not-portable", SIGMOID, "1 / (1 + np.exp(-x))"),
    ],
    "A-softmax": [
        ("softmax-over-batch", NORM, "powers / xp.sum(powers, axis=0)"),
        ("softmax-over-batch", f"powers = {SHIFT}", "powers = xp.exp(x); self.output = powers / powers.sum(axis=0); return self.output"),
        ("softmax-over-everything", f"powers = {SHIFT}", "powers = xp.exp(x); self.output = powers / powers.sum(); return self.output"),
        ("softmax-l2-norm", NORM, "powers / xp.sqrt(xp.sum(powers**2, axis=1, keepdims=True))"),
        ("softmax-not-normalised", NORM, "powers"),
        ("no-max-shift", SHIFT, "xp.exp(x)"),
        ("global-max-shift", SHIFT, "xp.exp(x - xp.max(x))"),
        ("returns-grad-output", DSOFTMAX, "return grad_output"),
        ("diagonal-only", DSOFTMAX, "return grad_output * self.output * (1 - self.output)"),
        ("inner-sum-over-batch", "inner = xp.sum(grad_output * self.output, axis=1, keepdims=True)", "inner = xp.sum(grad_output * self.output, axis=0, keepdims=True)"),
        ("one-jacobian-for-the-batch", DSOFTMAX, "return grad_output @ (np.diag(self.output.sum(axis=0)) - self.output.T @ self.output)"),
    ],
    "A-loss": [
        ("loss-summed", LOG, LOG.replace("mean", "sum")),
        ("not-averaged", LOG, "-xp.log(probabilities[rows, labels])"),
        ("loss-sign", LOG, LOG[1:]),
        ("log-base-2", LOG, LOG.replace("xp.log", "xp.log2")),
        ("log-of-zero", LOG, "-xp.mean(xp.log(probabilities[rows, labels]))"),
        ("clamp-too-large", LOG, LOG.replace("1e-12", "0.2").replace("xp.clip(", "xp.maximum(").replace(", 1.0", "").replace("0.2", "1e-1")),
        ("binary-cross-entropy", LOG, "-xp.mean(xp.sum(xp.log(xp.where(np.eye(probabilities.shape[1])[labels] == 1, probabilities, 1 - probabilities)), axis=1))"),
        ("gradient-not-averaged", DLOSS, DLOSS.replace(" / n", "")),
        ("gradient-sign", DLOSS, "-" + DLOSS),
        ("gradient-divided-by-classes", DLOSS, DLOSS.replace("/ n", "/ classes")),
        ("gradient-averaged-twice", DLOSS, DLOSS.replace("/ n", "/ n**2")),
        ("gradient-for-probabilities", DLOSS, "-xp.astype(one_hot, probabilities.dtype) / probabilities / n"),
        ("input-changed", "n, classes = probabilities.shape", "n, classes = probabilities.shape; probabilities[range(n), labels] -= 1; return probabilities / n"),
    ],
    "B-mlp": [
        ("same-seed-everywhere", "seed=[seed, i]", "seed=seed"),
        ("sigmoid-before-softmax | activation-before-softmax", "self.layers[-1] = Softmax()", "self.layers.append(Softmax())"),
        ("softmax-missing", "self.layers[-1] = Softmax()", "self.layers.pop()"),
        ("through-softmax-twice", "reversed(self.layers[:-1])", "reversed(self.layers)"),
        ("sigmoid-backward-skipped | activation-backward-skipped", "reversed(self.layers[:-1])", "[l for l in reversed(self.layers) if isinstance(l, Linear)]"),
        ("only-last-updated | only-some-updated", "for layer in self.layers:\n            if", "for layer in self.layers[-2:]:\n            if"),
    ],
    "B-epoch": [
        ("ragged-batch-skipped", "range(0, n, batch_size)", "range(0, n - n % batch_size, batch_size)"),
        ("order-ignored", "slice(start, start + batch_size) if order is None else order[start : start + batch_size]", "slice(start, start + batch_size)"),
        ("rate-ignored", "network.update(lr)", "network.update(0.1)"),
        ("no-update", "network.update(lr)", "pass"),
        ("update-adds", "network.update(lr)", "network.update(-lr)"),
        ("only-first-batch", "network.update(lr)\n", "network.update(lr)\n        break\n"),
        ("last-batch-loss", TOTAL, TOTAL.replace("+=", "=").replace("len(batch_labels)", "n")),
        ("unweighted-mean", TOTAL, TOTAL.replace("len(batch_labels)", "n / (-(-n // batch_size))")),
        ("loss-divided-twice", TOTAL, TOTAL.replace(" * len(batch_labels)", "")),
        ("loss-summed", "return total / n", "return total"),
        ("never-returns", "for start in range(0, n, batch_size):", "start = 0\n    while start < n:"),
    ],
    "B-evaluate": [
        ("accuracy-in-percent | percent-for-share", "float(xp.sum(right)) / len(labels)", "100 * float(xp.sum(right)) / len(labels)"),
        ("accuracy-counted | count-for-share", "float(xp.sum(right)) / len(labels)", "float(xp.sum(right))"),
        ("evaluate-trains", "right = ", "network.backward(labels); network.update(0.1); right = "),
        ("not-a-pair", "return float(cross_entropy(probabilities, labels)), float(xp.sum(right)) / len(labels)", "return float(xp.sum(right)) / len(labels)"),
    ],
    "C-spot": [
        ("counts-from-zero", "start=1", "start=0"),
        ("nan-wins", " if loss == loss]", "][::-1]; return int(np.argmin(test_loss)) + 1"),
    ],
    "D-decay": [
        ("no-floor", "epoch // every", "epoch / every"),
        ("decay-does-nothing", "first * factor ** (epoch // every)", "first"),
        ("decays-every-epoch", "(epoch // every)", "epoch"),
        ("linear-decay", "first * gamma**epoch", "first * gamma * epoch"),
        ("counts-from-one", "first * gamma**epoch", "first * gamma**(epoch + 1)"),
    ],
    "E-rescale": [
        ("rescale-does-nothing", FACTOR, "1"),
        ("bias-forgotten", "layer.grad_bias = factor * layer.grad_bias", "pass"),
        ("batch-factor-missing", "batch_size / in_features}", "1 / in_features}"),
        ("divided-for-multiplied", '"sum": batch_size', '"sum": 1 / batch_size'),
    ],
    "B-run": [
        ("another-rate", "lr=0.1", "lr=1.0"),
        ("another-rate", "lr=0.1", "lr=0.01"),
        ("wrong-length", "epochs=size.epochs", "epochs=10"),
        ("still-to-do", RUN, "pass"),
        ("loss-divided-twice", RUN, RUN + "\nhistory.train_loss = [l / 64 for l in history.train_loss]"),
        ("loss-divided-twice", RUN, RUN + "\nhistory.test_loss = [l / 200 for l in history.test_loss]"),
        ("loss-summed", RUN, RUN + "\nhistory.train_loss = [l * 64 for l in history.train_loss]"),
        ("accuracy-in-percent | percent-for-share", RUN, RUN + "\nhistory.test_accuracy = [100 * a for a in history.test_accuracy]"),
        ("error-for-accuracy", RUN, RUN + "\nhistory.test_accuracy = [1 - a for a in history.test_accuracy]"),
        ("never-accumulated", RUN, RUN.replace("train_epoch,", "lambda *a, **k: train_epoch(*a, **k) * 0,")),
        ("curve-flat", RUN, RUN.replace("train_epoch,", "lambda *a, **k: 2.3,")),
        ("loss-rises", RUN, RUN.replace("train_epoch,", "lambda n, x, y, lr, **k: train_epoch(n, x, y, -lr, **k),")),
        ("loss-not-finite", RUN, RUN.replace("train_epoch,", "lambda n, x, y, lr, **k: train_epoch(n, x, y, 1e300 * lr, **k),")),
        ("train-test-swapped", RUN, RUN + "\nhistory.train_loss, history.test_loss = history.test_loss, history.train_loss"),
        ("train-is-test", RUN, RUN + "\nhistory.test_loss = history.train_loss"),
        ("lists-shared", RUN, RUN + "\nagain = fit(MLP(SIZES, on, seed=1), train_epoch, evaluate, data, lr=0.1, epochs=size.epochs)\nhistory.train_loss += again.train_loss"),
        ("last-batch-logged", RUN, RUN.replace("train_epoch,", LAST_BATCH)),
        ("outside-the-band | another-rate", "network = MLP(SIZES, on, seed=0)", "network = MLP((784, 10), on, seed=0)"),
    ],
    "C-study": [
        ("loop-variable-ignored", "lr=rate", "lr=0.1"),
        ("network-not-renewed", STUDY.replace("MLP(SIZES, on, seed=0)", "network").replace("histories = {}", "histories, network = {}, MLP(SIZES, on, seed=0)")),
        ("seed-not-reset", "MLP(SIZES, on, seed=0)", "MLP(SIZES, on, seed=len(histories))"),
        ("seed-not-reset", "lr=rate,", "lr=rate, seed=len(histories),"),
        ("settings-differ", "lr=rate,", "lr=rate, batch_size=16 if rate < 0.05 else 64,"),
        ("too-few-rates", "[1.0, 0.5, 0.1, 0.01, 0.001]", "[1.0, 0.1, 0.01]"),
        ("too-few-rates", "[1.0, 0.5, 0.1, 0.01, 0.001]", "[0.1, 0.05, 0.02, 0.01, 0.001]"),
        ("rates-missing", "histories[rate] =", "histories[str(rate) if rate == 0.1 else rate] =" ),
        ("still-to-do", "    histories[rate] =", "    history ="),
        ("curves-identical", STUDY + "    histories[rate].train_loss = [2.0] * size.epochs\n    histories[rate].test_loss, histories[rate].test_accuracy = [2.0] * size.epochs, [0.1] * size.epochs"),
        ("wrong-length", "epochs=size.epochs", "epochs=5"),
    ],
    "D-experiment": [
        ("network-seed-fixed", "MLP(SIZES, on, seed=seed)", "MLP(SIZES, on, seed=0)"),
        ("order-seed-fixed", "seed=seed, label", "label"),
        ("runs-identical", "for seed in range(size.seeds)", "for seed in [0] * size.seeds"),
        ("seeds-missing", "range(size.seeds)", "range(1)"),
        ("no-constant-rate", '    "constant 1.0": 1.0,\n    "constant 2.0": 2.0,\n', ""),
        ("network-not-renewed", "MLP(SIZES, on, seed=seed), train_epoch", "globals().setdefault('shared', MLP(SIZES, on, seed=0)), train_epoch"),
        ("settings-differ", "seed=seed, label", "seed=seed, batch_size=64 if lr == 1.0 else 16, label"),
        ("settings-differ", "train_epoch, evaluate, small,", "train_epoch, evaluate, small if lr == 1.0 else data,"),
        ("decay-starts-low", "(epoch, 2.0, 0.5, 4)", "(epoch, 0.5, 0.5, 4)"),
        ("not-a-list", "### END SOLUTION", "results = {name: runs[0] for name, runs in results.items()}"),
        ("decay-does-nothing", "exponential_decay(epoch, 2.0, 0.85)", "1.5"),
        ("rate-rises", "exponential_decay(epoch, 2.0, 0.85)", "exponential_decay(-epoch, 0.1, 0.85)"),
    ],
    "F-move": [
        ("wrong-backend", "where = backend(name)", "where = on"),
        ("wrong-backend", FIRST.replace("run = ", "run = by_backend.get('numpy') or ")),
        ("wrong-length", "epochs=2", "epochs=1"),
        ("another-rate", "lr=0.5", "lr=0.1"),
        ("backend-missing", "for name in names:", "for name in names[:1]:"),
        ("backends-differ", "seed=0)", "seed=len(by_backend))"),
        ("another-rate", "lr=0.5", "lr=0.5 + len(by_backend)"),
    ],
}  # fmt: skip

WRONG: dict[str, list[tuple[str, ...]]] = {cell: list(rows) for cell, rows in OWN.items()}
for more in (wrong_linear.ROWS, wrong_layers.ROWS, wrong_network.ROWS, wrong_functions.ROWS, wrong_records.ROWS):
    for cell, rows in more.items():
        WRONG[cell] = WRONG.get(cell, []) + rows
