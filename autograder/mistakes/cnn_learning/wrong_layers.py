"""Wrong layers (A4 to A6)."""

from __future__ import annotations

INIT = "self.weight = on.normal((filters, channels, R, S), scale / math.sqrt(channels * R * S), seed)"
FILTER = "self.grad_weight = primitives.conv_backward_filter(self.geometry, self.x, grad_output)"
BIAS = "self.grad_bias = grad_output.sum(axis=(0, 2, 3))"
DATA = "return primitives.conv_backward_data(self.geometry, grad_output, self.weight)"
OUTPUT = "return primitives.conv_forward(self.geometry, x, self.weight, self.bias)"
STEP = "        self.weight -= lr * self.grad_weight\n        self.bias -= lr * self.grad_bias"
POOLED = """        self.geometry = PoolSpec(*x.shape, *self.size, *self.stride, *self.padding)
        y, self.winner = primitives.max_pool_forward(self.geometry, x)
        return y"""
BACK = "return primitives.max_pool_backward(self.geometry, grad_output, self.winner)"
WINDOWS = """        (N, C, H, W), (R, S), (u, v), (a, b) = x.shape, self.size, self.stride, self.padding
        x0 = np.pad(x, ((0, 0), (0, 0), (a, a), (b, b)), constant_values=-np.inf)
        P, Q = (H + 2 * a - R) // u + 1, (W + 2 * b - S) // v + 1
        self.x0, self.shape, self.y = x0, x.shape, np.zeros((N, C, P, Q), x.dtype)
        for p in range(P):
            for q in range(Q):
                self.y[:, :, p, q] = x0[:, :, p * u : p * u + R, q * v : q * v + S].max(axis=(2, 3))
        return self.y"""
SCATTER = """(N, C, H, W), (R, S), (u, v), (a, b) = self.shape, self.size, self.stride, self.padding
        dx = np.zeros(self.x0.shape, grad_output.dtype)
        for p in range(grad_output.shape[2]):
            for q in range(grad_output.shape[3]):
                window = self.x0[:, :, p * u : p * u + R, q * v : q * v + S]
                mask = window == self.y[:, :, p, q, None, None]
                dx[:, :, p * u : p * u + R, q * v : q * v + S] += mask * grad_output[:, :, p, q, None, None]
        return dx[:, :, a : a + H, b : b + W]"""
WHOLE_POOL = '''
class MaxPool:
    def __init__(self, size, stride, padding=(0, 0)):
        self.size, self.stride, self.padding = size, stride, padding

    def forward(self, x):
{forward}

    def backward(self, grad_output):
        {backward}
'''
ONE_WINNER = SCATTER.replace("mask = window == self.y[:, :, p, q, None, None]", "mask = np.arange(R * S).reshape(R, S) == window.reshape(N, C, R * S).argmax(axis=2)[:, :, None, None]")

ROWS: dict[str, list[tuple[str, ...]]] = {
    "A-conv": [
        ("wrong-deviation | variance-for-std | weights-not-scaled | scaled-by-outputs", INIT, INIT.replace("scale / math.sqrt(channels * R * S)", "scale / (channels * R * S)")),
        ("wrong-deviation | variance-for-std | weights-not-scaled | scaled-by-outputs", INIT, INIT.replace("scale / math.sqrt(channels * R * S)", "scale")),
        ("wrong-deviation | variance-for-std | weights-not-scaled | scaled-by-outputs", INIT, INIT.replace("channels * R * S)", "channels)")),
        ("wrong-deviation | variance-for-std | weights-not-scaled | scaled-by-outputs", INIT, INIT.replace("scale / math", "scale * math.sqrt(2) / math")),
        ("wrong-deviation | variance-for-std | weights-not-scaled | scaled-by-outputs", INIT, INIT.replace("math.sqrt(channels * R * S)", "math.sqrt(filters)")),
        ("scale-ignored", INIT, INIT.replace("scale / math", "1 / math")),
        ("scale-as-variance", INIT, INIT.replace("scale / math", "math.sqrt(scale) / math")),
        ("seed-ignored", INIT, INIT.replace("), seed)", "), 0)")),
        ("wrong-parameter-shape", INIT, INIT.replace("(filters, channels, R, S)", "(channels, filters, R, S)")),
        ("bias-not-zero", "on.zeros((filters,))", "on.normal((filters,), 0.1, 1)"),
        ("bias-missing", OUTPUT, OUTPUT.replace(", self.bias", "")),
        ("bias-twice", OUTPUT, OUTPUT + " + self.bias[:, None, None]"),
        ("stride-ignored", "self.stride, self.padding = stride, padding", "self.stride, self.padding = (1, 1), padding"),
        ("padding-ignored", "self.stride, self.padding = stride, padding", "self.stride, self.padding = stride, (0, 0)"),
        ("stride-swapped", "self.stride, self.padding = stride, padding", "self.stride, self.padding = stride[::-1], padding"),
        ("stride-and-padding-swapped | raises", "self.weight, self.stride, self.padding)", "self.weight, self.padding, self.stride)"),
        ("bias-grad-wrong-axes | bias-grad-not-summed | bias-grad-one-number", BIAS, "self.grad_bias = grad_output.sum(axis=0)"),
        ("bias-grad-wrong-axes | bias-grad-not-summed | bias-grad-one-number", BIAS, "self.grad_bias = grad_output.sum(axis=(2, 3))"),
        ("bias-grad-wrong-axes | bias-grad-not-summed | bias-grad-one-number", BIAS, "self.grad_bias = grad_output.sum(axis=(0, 1))"),
        ("bias-grad-wrong-axes | bias-grad-not-summed | bias-grad-one-number", BIAS, "self.grad_bias = grad_output.sum()"),
        ("bias-grad-averaged | images-averaged | positions-averaged", BIAS, "self.grad_bias = grad_output.mean(axis=(0, 2, 3))"),
        ("bias-grad-averaged | images-averaged | positions-averaged", BIAS, BIAS + " / len(grad_output)"),
        ("attribute-missing | bias-grad-wrong-axes | bias-grad-not-summed | bias-grad-one-number", BIAS, "pass"),
        ("divided-by-batch-size | images-averaged", FILTER, FILTER + " / len(grad_output)"),
        ("divided-by-batch-size | images-averaged", DATA, DATA + " / len(grad_output)"),
        ("gradient-accumulates", FILTER, FILTER.replace("self.grad_weight = ", "self.grad_weight = getattr(self, 'grad_weight', 0) + ")),
        ("backward-updates", DATA, "self.weight = self.weight - 0.1 * self.grad_weight\n        " + DATA),
        ("flipped-filter", DATA, DATA.replace("self.weight)", "self.weight[:, :, ::-1, ::-1].copy())")),
        ("returns-none", DATA, DATA.replace("return ", "")),
        ("returns-output", DATA, "return grad_output"),
        ("activation-inside", OUTPUT, OUTPUT.replace("return ", "return np.maximum(0, ") + ")"),
        ("update-adds", STEP, STEP.replace("-=", "+=")),
        ("update-assigns", STEP, STEP.replace("-=", "=")),
        ("bias-not-updated", STEP, STEP.split("\n")[0]),
        ("not-updated | weight-not-updated", STEP, "        weight = self.weight - lr * self.grad_weight"),
        ("rate-ignored", STEP, STEP.replace("lr *", "0.1 *")),
        ("weight-decay", STEP, STEP.replace("        self.weight -=", "        self.weight *= 1 - lr\n        self.weight -=")),
        ("raises", "self.geometry = ConvSpec.of", "geometry = ConvSpec.of"),
        ("raises", OUTPUT, "return primitives.conv_forward(x, self.weight, self.bias)"),
    ],
    "A-relu": [
        ("derivative-always-one", "return grad_output * self.positive", "d = np.where(self.positive, self.positive, 0)\n        return grad_output * np.where(d >= 0, 1, 0)"),
        ("input-changed", "return grad_output * self.positive", "grad_output[~self.positive] = 0\n        return grad_output"),
        ("input-changed", "return x * self.positive", "x[x < 0] = 0\n        return x"),
        ("gradient-at-zero", "self.positive = x > 0", "self.positive = x >= 0"),
        ("local-derivative-only", "return grad_output * self.positive", "return 1.0 * self.positive"),
        ("derivative-of-gradient", "return grad_output * self.positive", "return np.maximum(grad_output, 0)"),
        ("multiplied-by-output", "        self.positive = x > 0\n        return x * self.positive", "        self.positive = x * (x > 0)\n        return self.positive"),
        ("leaky-relu", "return x * self.positive", "return np.where(x > 0, x, 0.01 * x)"),
        ("absolute-value", "return x * self.positive", "return abs(x)"),
        ("derivative-for-output", "return x * self.positive", "return 1.0 * self.positive"),
        ("layers-share-state", "        self.positive = x > 0\n        return x * self.positive", "        ReLU.positive = x > 0\n        return x * ReLU.positive"),
    ],
    "A-pool": [
        ("gradient-to-every-tie", WHOLE_POOL.format(forward=WINDOWS, backward=SCATTER)),
        ("overlap-assigned", WHOLE_POOL.format(forward=WINDOWS, backward=ONE_WINNER.replace("] += mask *", "] = mask *"))),
        ("padding-wins", WHOLE_POOL.format(forward=WINDOWS.replace(", constant_values=-np.inf", ""), backward=ONE_WINNER)),
        ("stride-is-window | stride-ignored | wrong-shape", "*self.size, *self.stride, *self.padding)", "*self.size, *self.size, *self.padding)"),
        ("padding-ignored", "*self.size, *self.stride, *self.padding)", "*self.size, *self.stride)"),
        ("width-uses-pool-height", "*self.size, *self.stride, *self.padding)", "self.size[0], self.size[0], *self.stride, *self.padding)"),
        ("window-transposed", "*self.size, *self.stride, *self.padding)", "*self.size[::-1], *self.stride, *self.padding)"),
        ("returns-several", POOLED, POOLED.replace("        return y", "        return y, self.winner")),
        ("gradient-shared", BACK, "return primitives.average_pool_backward(self.geometry, grad_output)"),
        ("pooled-otherwise", POOLED, POOLED.replace("        return y", "        return primitives.average_pool_forward(self.geometry, x)")),
        ("raises", POOLED, POOLED.replace("y, self.winner =", "y, winner =")),
        ("returns-none", BACK, BACK.replace("return ", "")),
        ("winner-misread", POOLED, POOLED.replace("        return y", "        self.winner = 0 * self.winner\n        return y")),
    ],
    "A-flatten": [
        ("flatten-order", "return x.reshape(x.shape[0], -1)", "return x.transpose(0, 2, 3, 1).reshape(x.shape[0], -1)"),
        ("flatten-order", "return x.reshape(x.shape[0], -1)", "return x.reshape(x.shape[0], -1, order='F')"),
        ("flatten-order", "return grad_output.reshape(self.shape)", "N, C, H, W = self.shape\n        return grad_output.reshape(N, H, W, C).transpose(0, 3, 1, 2)"),
        ("batch-flattened", "return x.reshape(x.shape[0], -1)", "return x.reshape(-1)"),
        ("batch-last", "return x.reshape(x.shape[0], -1)", "return x.reshape(x.shape[0], -1).T"),
        ("not-unflattened", "return grad_output.reshape(self.shape)", "return grad_output"),
        ("batch-last", "return x.reshape(x.shape[0], -1)", "return x.reshape(-1, x.shape[0])"),
    ],
    "A-dense": [
        ("wrong-deviation | variance-for-std | weights-not-scaled | scaled-by-outputs", "scale / math.sqrt(inputs)", "scale / inputs"),
        ("wrong-deviation | variance-for-std | weights-not-scaled | scaled-by-outputs", "scale / math.sqrt(inputs)", "0.01"),
        ("scale-ignored", "scale / math.sqrt(inputs)", "1 / math.sqrt(inputs)"),
        ("bias-missing", "x @ self.weight + self.bias", "x @ self.weight"),
        ("activation-inside", "return x @ self.weight + self.bias", "return np.maximum(x @ self.weight + self.bias, 0)"),
        ("divided-by-batch-size | images-averaged", "self.x.T @ grad_output", "self.x.T @ grad_output / len(self.x)"),
        ("divided-by-in_features", "self.x.T @ grad_output", "self.x.T @ grad_output / self.x.shape[1]"),
        ("bias-grad-averaged | images-averaged | positions-averaged", "grad_output.sum(axis=0)", "grad_output.mean(axis=0)"),
        ("bias-grad-wrong-axes | bias-grad-not-summed | bias-grad-one-number", "grad_output.sum(axis=0)", "grad_output.sum(axis=1)"),
        ("gradient-transposed", "self.x.T @ grad_output", "grad_output.T @ self.x"),
        ("raises", "grad_output @ self.weight.T", "self.weight @ grad_output"),
        ("gradient-accumulates", "self.grad_weight = self.x.T @ grad_output", "self.grad_weight = getattr(self, 'grad_weight', 0) + self.x.T @ grad_output"),
        ("backward-updates", "return grad_output @ self.weight.T", "self.update(0.1)\n        return grad_output @ self.weight.T"),
        ("update-adds", "self.weight -= lr", "self.weight += lr"),
        ("bias-not-updated", "\n        self.bias -= lr * self.grad_bias", ""),
    ],
}
