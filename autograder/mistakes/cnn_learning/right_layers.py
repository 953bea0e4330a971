"""Right but different layers (A4 to A6)."""

from __future__ import annotations

from .wrong_layers import BIAS, DATA, FILTER, INIT, ONE_WINNER, OUTPUT, STEP, WHOLE_POOL, WINDOWS

IM2COL = '''
class Conv:
    """im2col and matrix products, no primitives; its own dtype is float64."""

    def __init__(self, channels, filters, size, stride=(1, 1), padding=(0, 0), seed=0, scale=1.0):
        rng = np.random.default_rng(seed)
        self.weight = rng.normal(0.0, scale / np.sqrt(channels * np.prod(size)), (filters, channels, *size))
        self.bias = np.zeros(filters)
        self.stride, self.padding = tuple(stride), tuple(padding)

    def windows(self, x):
        (a, b), (u, v) = self.padding, self.stride
        x0 = np.pad(x, ((0, 0), (0, 0), (a, a), (b, b)))
        return np.lib.stride_tricks.sliding_window_view(x0, self.weight.shape[2:], axis=(2, 3))[:, :, ::u, ::v]

    def forward(self, x):
        self.x = x
        return np.einsum("ncpqrs,kcrs->nkpq", self.windows(x), self.weight) + self.bias[None, :, None, None]

    def backward(self, dy):
        self.grad_weight = np.einsum("ncpqrs,nkpq->kcrs", self.windows(self.x), dy)
        self.grad_bias = np.einsum("nkpq->k", dy)
        (N, C, H, W), (R, S) = self.x.shape, self.weight.shape[2:]
        (a, b), (u, v) = self.padding, self.stride
        dx = np.zeros((N, C, H + 2 * a, W + 2 * b))
        for p in range(dy.shape[2]):
            for q in range(dy.shape[3]):
                dx[:, :, p * u : p * u + R, q * v : q * v + S] += np.tensordot(dy[:, :, p, q], self.weight, axes=1)
        return dx[:, :, a : a + H, b : b + W]

    def update(self, lr):
        self.weight = self.weight - lr * self.grad_weight
        self.bias = self.bias - lr * self.grad_bias
'''

TORCH = '''
import torch
import torch.nn.functional as F


class Conv:
    """PyTorch inside, numpy outside."""

    def __init__(self, channels, filters, size, stride=(1, 1), padding=(0, 0), seed=0, scale=1.0):
        torch.manual_seed(seed if isinstance(seed, int) else sum(1000**i * (s + 1) for i, s in enumerate(seed)))
        self.weight = (torch.randn(filters, channels, *size) * scale / (channels * size[0] * size[1]) ** 0.5).numpy()
        self.bias = np.zeros(filters, np.float32)
        self.stride, self.padding = tuple(stride), tuple(padding)

    def forward(self, x):
        self.x = torch.tensor(x, requires_grad=True)
        self.w, self.b = (torch.tensor(a, dtype=self.x.dtype, requires_grad=True) for a in (self.weight, self.bias))
        self.y = F.conv2d(self.x, self.w, self.b, self.stride, self.padding)
        return self.y.detach().numpy()

    def backward(self, grad_output):
        dx, dw, db = torch.autograd.grad(self.y, (self.x, self.w, self.b), torch.tensor(np.ascontiguousarray(grad_output)).to(self.y.dtype))
        self.grad_weight, self.grad_bias = dw.numpy(), db.numpy()
        return dx.numpy()

    def update(self, lr):
        self.weight -= lr * self.grad_weight
        self.bias -= lr * self.grad_bias
'''

TORCH_POOL = '''
import torch
import torch.nn.functional as F


class MaxPool:
    def __init__(self, size, stride, padding=(0, 0)):
        self.size, self.stride, self.padding = tuple(size), tuple(stride), tuple(padding)

    def forward(self, x):
        a, b = self.padding
        self.x = torch.tensor(x, requires_grad=True)
        self.y = F.max_pool2d(F.pad(self.x, (b, b, a, a), value=-torch.inf), self.size, self.stride)
        return self.y.detach().numpy()

    def backward(self, grad_output):
        return torch.autograd.grad(self.y, self.x, torch.tensor(np.ascontiguousarray(grad_output)))[0].numpy()
'''

LAST_WINS = ONE_WINNER.replace(
    "window.reshape(N, C, R * S).argmax(axis=2)[:, :, None, None]",
    "(R * S - 1 - window.reshape(N, C, R * S)[:, :, ::-1].argmax(axis=2))[:, :, None, None]",
)

RIGHT: dict = {
    "im2col by hand, float64": {"A-conv": IM2COL},
    "PyTorch inside the convolution": {"A-conv": TORCH},
    "PyTorch inside the pool": {"A-pool": TORCH_POOL},
    "PyTorch inside both": {"A-conv": TORCH, "A-pool": TORCH_POOL},
    "pooling in loops": {"A-pool": WHOLE_POOL.format(forward=WINDOWS, backward=ONE_WINNER)},
    "pooling in loops, the last of equals wins": {"A-pool": WHOLE_POOL.format(forward=WINDOWS, backward=LAST_WINS)},
    "bias of shape (K, 1, 1), added by hand": {
        "A-conv": (
            ("on.zeros((filters,))", "on.zeros((filters, 1, 1))"),
            (OUTPUT, "return primitives.conv_forward(self.geometry, x, self.weight) + self.bias"),
            (BIAS, "self.grad_bias = grad_output.sum(axis=(0, 2, 3))[:, None, None]"),
        )
    },
    "an algorithm chosen by name": {
        "A-conv": (
            (OUTPUT, OUTPUT.replace("self.bias)", "self.bias, 'im2col')")),
            (FILTER, FILTER.replace("grad_output)", "grad_output, algorithm='tiled')")),
            (DATA, DATA.replace("self.weight)", "self.weight, 'direct')")),
        )
    },
    "new arrays at each update, the bias by bias_backward": {
        "A-conv": (
            (STEP, "        self.weight = self.weight - lr * self.grad_weight\n        self.bias = self.bias - lr * self.grad_bias"),
            (BIAS, "self.grad_bias = primitives.bias_backward(grad_output)"),
        )
    },
    "numpy's own random numbers": {
        "A-conv": ((INIT, "rng = np.random.default_rng(seed)\n        self.weight = (rng.standard_normal((filters, channels, R, S)) * scale / np.sqrt(channels * R * S)).astype('float32')"),),
        "A-dense": (("self.weight = on.normal((inputs, units), scale / math.sqrt(inputs), seed)", "rng = np.random.default_rng(seed)\n        self.weight = rng.normal(0, scale / inputs**0.5, size=(inputs, units)).astype(np.float32)"),),
    },
    "ReLU by its output": {"A-relu": (("        self.positive = x > 0\n        return x * self.positive", "        self.y = np.maximum(x, 0)\n        return self.y"), ("grad_output * self.positive", "np.where(self.y > 0, grad_output, 0)"))},
    "ReLU by the primitives": {"A-relu": (("        self.positive = x > 0\n        return x * self.positive", "        self.y = primitives.relu_forward(x)\n        return self.y"), ("grad_output * self.positive", "primitives.relu_backward(self.y, grad_output)"))},
    "rows stacked one by one": {"A-flatten": (("return x.reshape(x.shape[0], -1)", "return np.stack([image.ravel() for image in x])"), ("grad_output.reshape(self.shape)", "np.array([row.reshape(self.shape[1:]) for row in grad_output])"))},
    "dense by einsum, bias (1, units)": {
        "A-dense": (
            ("on.zeros((units,))", "on.zeros((1, units))"),
            ("x @ self.weight + self.bias", 'np.einsum("ni,io->no", x, self.weight) + self.bias'),
            ("self.x.T @ grad_output", 'np.einsum("ni,no->io", self.x, grad_output)'),
            ("grad_output.sum(axis=0)", "grad_output.sum(axis=0, keepdims=True)"),
            ("grad_output @ self.weight.T", 'np.einsum("no,io->ni", grad_output, self.weight)'),
        )
    },
    "gradients summed image by image": {"A-dense": (("self.grad_weight = self.x.T @ grad_output", "self.grad_weight = sum(np.outer(x, g) for x, g in zip(self.x, grad_output))"),)},
}
