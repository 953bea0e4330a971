"""Each mistake is made in the model solution's own text, and the check must call it by its name."""

from __future__ import annotations

import pytest

from helpers import check
from helpers.check import CheckFailed

CHECKS = {
    "init": lambda s: check.linear_init(s["Linear"]),
    "forward": lambda s: check.linear_forward(s["Linear"]),
    "backward": lambda s: check.linear_backward(s["Linear"]),
    "update": lambda s: check.linear_update(s["Linear"]),
    "sigmoid": lambda s: check.sigmoid_forward(s["Sigmoid"]),
    "sigmoid'": lambda s: check.sigmoid_backward(s["Sigmoid"]),
    "softmax": lambda s: check.softmax_forward(s["Softmax"]),
    "softmax'": lambda s: check.softmax_backward(s["Softmax"]),
    "loss": lambda s: check.cross_entropy(s["cross_entropy"]),
    "loss'": lambda s: check.cross_entropy_gradient(s["cross_entropy_gradient"]),
    "mlp": lambda s: check.network(s["MLP"]),
    "epoch": lambda s: check.train_epoch(s["train_epoch"], s["MLP"]),
    "evaluate": lambda s: check.evaluate(s["evaluate"], s["MLP"]),
    "spot": lambda s: check.sweet_spot(s["sweet_spot"]),
    "step": lambda s: check.step_decay(s["step_decay"]),
    "exponential": lambda s: check.exponential_decay(s["exponential_decay"]),
    "rescale": lambda s: check.convention(s["rescale"], s["MLP"]),
    "portable": lambda s: check.portable(s["MLP"], s["train_epoch"]),
}

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

MISTAKES = [
    # check, mistake, text of the model solution, text of the student
    ("init", "variance-for-std", "in_features**-0.5", "1 / in_features"),
    ("init", "weights-not-scaled", "in_features**-0.5", "1.0"),
    ("init", "scaled-by-out-features", "in_features**-0.5", "out_features**-0.5"),
    ("init", "bias-not-zero", "backend.zeros((out_features,))", "backend.normal((out_features,), 0.1, 3)"),
    ("init", "weights-all-equal", "backend.normal((in_features, out_features), in_features**-0.5, seed)", "backend.zeros((in_features, out_features))"),
    ("init", "attribute-missing", "self.bias = backend.zeros((out_features,))", "bias = backend.zeros((out_features,))"),
    ("forward", "bias-missing", FORWARD, "return x @ self.weight"),
    ("forward", "output-transposed", FORWARD, "return (x @ self.weight + self.bias).T"),
    ("forward", "returns-none", FORWARD, "x @ self.weight + self.bias"),
    ("forward", "raises", FORWARD, "return self.weight @ x + self.bias"),
    ("forward", "input-changed", FORWARD, "x *= 2; return x / 2 @ self.weight + self.bias"),
    ("forward", "sigmoid-in-linear", FORWARD, "return 1 / (1 + np.exp(-(x @ self.weight + self.bias)))"),
    ("forward", "not-an-array", FORWARD, "return 'text'"),
    ("backward", "divided-by-batch-size", GW, GW + " / len(grad_output)"),
    ("backward", "divided-by-in_features", GW, GW + " / self.x.shape[1]"),
    ("backward", "divided-by-batch-size-written-as-a-number", GW, GW + " / 64"),
    ("backward", "multiplied-by-batch-size", GW, GW + " * len(grad_output)"),
    ("backward", "grad-weight-transposed", GW, "self.grad_weight = grad_output.T @ self.x"),
    ("backward", "grad-weight-sign", GW, "self.grad_weight = -self.x.T @ grad_output"),
    ("backward", "l2-term", GW, GW + " + 0.01 * self.weight"),
    ("backward", "grads-accumulated", GW, "self.grad_weight = getattr(self, 'grad_weight', 0) + self.x.T @ grad_output"),
    ("backward", "bias-grad-averaged", GB, "self.grad_bias = xp.mean(grad_output, axis=0)"),
    ("backward", "bias-grad-wrong-axis", GB, "self.grad_bias = xp.sum(grad_output, axis=1)"),
    ("backward", "bias-grad-not-summed", GB, "self.grad_bias = grad_output"),
    ("backward", "bias-grad-one-number", GB, "self.grad_bias = xp.sum(grad_output)"),
    ("backward", "grads-accumulated", GB, "self.grad_bias = getattr(self, 'grad_bias', 0) + xp.sum(grad_output, axis=0)"),
    ("backward", "grad-input-transposed", GX, "return self.weight @ grad_output.T"),
    ("backward", "raises", GX, "return self.weight @ grad_output"),
    ("backward", "returns-none", GX, ""),
    ("backward", "returns-grad-weight", GX, "return self.grad_weight"),
    ("backward", "backward-updates", GX, "self.weight = self.weight - 0.1 * self.grad_weight; return grad_output @ self.weight.T"),
    ("backward", "attribute-missing", GW, "grad_weight = self.x.T @ grad_output"),
    ("backward", "stale-input", "self.x = x", "self.x = getattr(self, 'x', x)[: len(x)]; self.x = self.x if len(self.x) == len(x) else np.pad(self.x, ((0, 1), (0, 0)))"),
    ("update", "update-adds", STEP, STEP.replace("-", "+")),
    ("update", "weight-not-updated", STEP, "self.weight - lr * self.grad_weight"),
    ("update", "bias-not-updated", "self.bias = self.bias - lr * self.grad_bias", "pass"),
    ("update", "rate-ignored", STEP, "self.weight = self.weight - 0.1 * self.grad_weight"),
    ("update", "divided-by-batch-size", STEP, "self.weight = self.weight - lr * self.grad_weight / len(self.x)"),
    ("sigmoid", "sigmoid-sign", SIGMOID, "1 / (1 + xp.exp(x))"),
    ("sigmoid", "tanh-for-sigmoid", SIGMOID, "xp.tanh(x)"),
    ("sigmoid", "sigmoid-overflow", SIGMOID, "xp.exp(x) / (1 + xp.exp(x))"),
    ("sigmoid'", "local-derivative-only", DSIGMOID, "return self.output * (1 - self.output)"),
    ("sigmoid'", "factor-missing", DSIGMOID, "return grad_output * (1 - self.output)"),
    ("sigmoid'", "tanh-derivative", DSIGMOID, "return grad_output * (1 - self.output**2)"),
    ("sigmoid'", "sigmoid-twice", DSIGMOID, "s = 1 / (1 + np.exp(-self.output)); return grad_output * s * (1 - s)"),
    ("sigmoid'", "input-changed", DSIGMOID, "grad_output *= self.output * (1 - self.output); return grad_output"),
    ("softmax", "softmax-over-batch", NORM, "powers / xp.sum(powers, axis=0)"),
    ("softmax", "softmax-over-batch", f"powers = {SHIFT}", "powers = xp.exp(x); self.output = powers / powers.sum(axis=0); return self.output"),
    ("softmax", "softmax-over-everything", f"powers = {SHIFT}", "powers = xp.exp(x); self.output = powers / powers.sum(); return self.output"),
    ("softmax", "softmax-l2-norm", NORM, "powers / xp.sqrt(xp.sum(powers**2, axis=1, keepdims=True))"),
    ("softmax", "softmax-not-normalised", NORM, "powers"),
    ("softmax", "no-max-shift", SHIFT, "xp.exp(x)"),
    ("softmax", "global-max-shift", SHIFT, "xp.exp(x - xp.max(x))"),
    ("softmax'", "returns-grad-output", DSOFTMAX, "return grad_output"),
    ("softmax'", "diagonal-only", DSOFTMAX, "return grad_output * self.output * (1 - self.output)"),
    ("softmax'", "inner-sum-over-batch", "inner = xp.sum(grad_output * self.output, axis=1, keepdims=True)", "inner = xp.sum(grad_output * self.output, axis=0, keepdims=True)"),
    ("softmax'", "one-jacobian-for-the-batch", DSOFTMAX, "return grad_output @ (np.diag(self.output.sum(axis=0)) - self.output.T @ self.output)"),
    ("loss", "loss-summed", LOG, LOG.replace("mean", "sum")),
    ("loss", "not-averaged", LOG, "-xp.log(probabilities[rows, labels])"),
    ("loss", "loss-sign", LOG, LOG[1:]),
    ("loss", "log-base-2", LOG, LOG.replace("xp.log", "xp.log2")),
    ("loss", "log-of-zero", LOG, "-xp.mean(xp.log(probabilities[rows, labels]))"),
    ("loss", "clamp-too-large", LOG, LOG.replace("1e-12", "0.2").replace("xp.clip(", "xp.maximum(").replace(", 1.0", "").replace("0.2", "1e-1")),
    ("loss", "binary-cross-entropy", LOG, "-xp.mean(xp.sum(xp.log(xp.where(np.eye(probabilities.shape[1])[labels] == 1, probabilities, 1 - probabilities)), axis=1))"),
    ("loss'", "gradient-not-averaged", DLOSS, DLOSS.replace(" / n", "")),
    ("loss'", "gradient-sign", DLOSS, "-" + DLOSS),
    ("loss'", "gradient-divided-by-classes", DLOSS, DLOSS.replace("/ n", "/ classes")),
    ("loss'", "gradient-averaged-twice", DLOSS, DLOSS.replace("/ n", "/ n**2")),
    ("loss'", "gradient-for-probabilities", DLOSS, "-xp.astype(one_hot, probabilities.dtype) / probabilities / n"),
    ("loss'", "input-changed", "n, classes = probabilities.shape", "n, classes = probabilities.shape; probabilities[range(n), labels] -= 1; return probabilities / n"),
    ("mlp", "same-seed-everywhere", "seed=[seed, i]", "seed=seed"),
    ("mlp", "sigmoid-before-softmax", "self.layers[-1] = Softmax()", "self.layers.append(Softmax())"),
    ("mlp", "softmax-missing", "self.layers[-1] = Softmax()", "self.layers.pop()"),
    ("mlp", "through-softmax-twice", "reversed(self.layers[:-1])", "reversed(self.layers)"),
    ("mlp", "sigmoid-backward-skipped", "reversed(self.layers[:-1])", "[l for l in reversed(self.layers) if isinstance(l, Linear)]"),
    ("mlp", "gradient-not-averaged", DLOSS, DLOSS.replace(" / n", "")),
    ("mlp", "only-last-updated", "for layer in self.layers:\n            if", "for layer in self.layers[-2:]:\n            if"),
    ("epoch", "ragged-batch-skipped", "range(0, n, batch_size)", "range(0, n - n % batch_size, batch_size)"),
    ("epoch", "order-ignored", "slice(start, start + batch_size) if order is None else order[start : start + batch_size]", "slice(start, start + batch_size)"),
    ("epoch", "rate-ignored", "network.update(lr)", "network.update(0.1)"),
    ("epoch", "no-update", "network.update(lr)", "pass"),
    ("epoch", "update-adds", "network.update(lr)", "network.update(-lr)"),
    ("epoch", "only-first-batch", "network.update(lr)\n", "network.update(lr)\n        break\n"),
    ("epoch", "last-batch-loss", TOTAL, TOTAL.replace("+=", "=").replace("len(batch_labels)", "n")),
    ("epoch", "unweighted-mean", TOTAL, TOTAL.replace("len(batch_labels)", "n / (-(-n // batch_size))")),
    ("epoch", "loss-divided-twice", TOTAL, TOTAL.replace(" * len(batch_labels)", "")),
    ("epoch", "loss-summed", "return total / n", "return total"),
    ("epoch", "never-returns", "for start in range(0, n, batch_size):", "start = 0\n    while start < n:"),
    ("evaluate", "accuracy-in-percent", "float(xp.sum(right)) / len(labels)", "100 * float(xp.sum(right)) / len(labels)"),
    ("evaluate", "accuracy-counted", "float(xp.sum(right)) / len(labels)", "float(xp.sum(right))"),
    ("evaluate", "evaluate-trains", "right = ", "network.backward(labels); network.update(0.1); right = "),
    ("evaluate", "not-a-pair", "return float(cross_entropy(probabilities, labels)), float(xp.sum(right)) / len(labels)", "return float(xp.sum(right)) / len(labels)"),
    ("spot", "counts-from-zero", "start=1", "start=0"),
    ("spot", "nan-wins", " if loss == loss]", "][::-1]; return int(np.argmin(test_loss)) + 1"),
    ("step", "no-floor", "epoch // every", "epoch / every"),
    ("step", "decay-does-nothing", "first * factor ** (epoch // every)", "first"),
    ("step", "decays-every-epoch", "(epoch // every)", "epoch"),
    ("exponential", "linear-decay", "first * gamma**epoch", "first * gamma * epoch"),
    ("exponential", "counts-from-one", "first * gamma**epoch", "first * gamma**(epoch + 1)"),
    ("rescale", "rescale-does-nothing", FACTOR, "1"),
    ("rescale", "bias-forgotten", "layer.grad_bias = factor * layer.grad_bias", "pass"),
    ("rescale", "batch-factor-missing", "batch_size / in_features}", "1 / in_features}"),
    ("rescale", "divided-for-multiplied", '"sum": batch_size', '"sum": 1 / batch_size'),
    ("portable", "not-portable", SIGMOID, "1 / (1 + np.exp(-x))"),
]  # fmt: skip

STILL = NotImplementedError


@pytest.mark.parametrize(("which", "mistake", "old", "new"), MISTAKES, ids=[f"{m[0]}: {m[1]}" for m in MISTAKES])
def test_the_mistake_is_named(student, which, mistake, old, new, capsys, monkeypatch):
    if mistake == "never-returns":
        monkeypatch.setattr("helpers.check.calls.SECONDS", 1)
    with pytest.raises(CheckFailed) as failed:
        CHECKS[which](student({old: new}))
    shown = capsys.readouterr().out
    assert _last_mistake(CHECKS[which], student({old: new})) == mistake, shown
    assert str(failed.value).split(": ", 1)[1] in shown
    assert "Traceback" not in shown


def _last_mistake(run, names) -> str:
    reports = []
    import helpers.check.report as report

    show, report._show = report._show, reports.append
    try:
        run(names)
    except CheckFailed:
        pass
    finally:
        report._show = show
    return reports[-1].mistake


@pytest.mark.parametrize("which", CHECKS)
def test_the_model_solution_passes_and_says_what_was_verified(student, which, capsys):
    CHECKS[which](student())
    assert "passed. Verified: " in capsys.readouterr().out
