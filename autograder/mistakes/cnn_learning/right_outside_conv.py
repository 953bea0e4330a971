"""Right solutions of A4, by somebody who had only read the notebook: exercise -> what is different about it -> its cell."""

CELLS: dict[str, dict[str, str]] = {
    "A-conv": {
        "lowered by hand, columns kept": """class Conv:
    def __init__(self, channels, filters, size, stride=(1, 1), padding=(0, 0), seed=0, scale=1.0):
        self.size, self.stride, self.padding = tuple(size), tuple(stride), tuple(padding)
        std = scale / (channels * size[0] * size[1]) ** 0.5
        self.weight = np.random.default_rng(seed).normal(0.0, std, (filters, channels, *size))
        self.bias = np.zeros(filters)

    def forward(self, x):
        (a, b), (u, v) = self.padding, self.stride
        self.x_shape = x.shape
        padded = np.pad(x, [(0, 0), (0, 0), (a, a), (b, b)])
        self.windows = np.lib.stride_tricks.sliding_window_view(padded, self.size, axis=(2, 3))[:, :, ::u, ::v]
        return np.einsum("ncpqrs,kcrs->nkpq", self.windows, self.weight) + self.bias[:, None, None]

    def backward(self, grad_output):
        (a, b), (u, v), (R, S) = self.padding, self.stride, self.size
        self.grad_weight = np.einsum("ncpqrs,nkpq->kcrs", self.windows, grad_output)
        self.grad_bias = np.einsum("nkpq->k", grad_output)
        N, C, H, W = self.x_shape
        P, Q = grad_output.shape[2:]
        dx = np.zeros((N, C, H + 2 * a, W + 2 * b))
        for r in range(R):
            for s in range(S):
                dx[:, :, r : r + P * u : u, s : s + Q * v : v][:, :, :P, :Q] += np.einsum("nkpq,kc->ncpq", grad_output, self.weight[:, :, r, s])
        return dx[:, :, a : a + H, b : b + W]

    def update(self, lr):
        self.weight = self.weight - lr * self.grad_weight
        self.bias = self.bias - lr * self.grad_bias
""",
        "PyTorch's autograd": """import torch


class Conv:
    def __init__(self, channels, filters, size, stride=(1, 1), padding=(0, 0), seed=0, scale=1.0):
        self.how = {"stride": tuple(stride), "padding": tuple(padding)}
        self.weight = on.normal((filters, channels, *size), scale / np.sqrt(channels * np.prod(size)), seed)
        self.bias = on.zeros((filters,))

    def forward(self, x):
        self.leaves = [torch.tensor(a, requires_grad=True) for a in (np.asarray(x), self.weight.astype(x.dtype), self.bias.astype(x.dtype))]
        self.y = torch.nn.functional.conv2d(*self.leaves, **self.how)
        return self.y.detach().numpy()

    def backward(self, grad_output):
        gradients = torch.autograd.grad(self.y, self.leaves, torch.tensor(np.asarray(grad_output), dtype=self.y.dtype), retain_graph=True)
        dx, self.grad_weight, self.grad_bias = (g.numpy() for g in gradients)
        return dx

    def update(self, lr):
        self.weight[...] -= lr * self.grad_weight
        self.bias[...] -= lr * self.grad_bias
""",
        "a data class that recomputes its geometry": """from dataclasses import dataclass, field


@dataclass
class Conv:
    channels: int
    filters: int
    size: tuple
    stride: tuple = (1, 1)
    padding: tuple = (0, 0)
    seed: int = 0
    scale: float = 1.0
    weight: np.ndarray = field(init=False, repr=False)
    bias: np.ndarray = field(init=False, repr=False)

    def __post_init__(self):
        shape = (self.filters, self.channels, *self.size)
        self.weight = on.normal(shape, self.scale / math.prod(shape[1:]) ** 0.5, self.seed)
        self.bias = on.zeros((self.filters,))

    def geometry_of(self, x):
        return ConvSpec.of(x, self.weight, self.stride, self.padding)

    def forward(self, x):
        self.seen = x
        return primitives.conv_forward(self.geometry_of(x), x, self.weight) + self.bias.reshape(1, -1, 1, 1)

    def backward(self, grad_output):
        geometry = self.geometry_of(self.seen)
        dx = primitives.conv_backward_data(geometry, grad_output, self.weight)
        self.grad_weight, self.grad_bias = primitives.conv_backward_filter(geometry, self.seen, grad_output), np.add.reduce(grad_output, (0, 2, 3))
        return dx

    def update(self, lr):
        for name in ("weight", "bias"):
            setattr(self, name, getattr(self, name) - lr * getattr(self, "grad_" + name))
""",
        "one flat vector of parameters, properties": """class Conv:
    def __init__(self, channels, filters, size, stride=(1, 1), padding=(0, 0), seed=0, scale=1.0):
        self._shape = (filters, channels, size[0], size[1])
        self._stride, self._padding = stride, padding
        self._n = int(np.prod(self._shape))
        self._flat = np.concatenate([on.normal(self._shape, scale / math.sqrt(self._n / filters), seed).ravel(), on.zeros((filters,))])
        self._gradient = np.zeros(self._flat.shape)

    @property
    def weight(self):
        return self._flat[: self._n].reshape(self._shape)

    @property
    def bias(self):
        return self._flat[self._n :]

    @property
    def grad_weight(self):
        return self._gradient[: self._n].reshape(self._shape)

    @property
    def grad_bias(self):
        return self._gradient[self._n :]

    def forward(self, x):
        self._x = x.copy()
        self._geometry = ConvSpec.of(x, self.weight, self._stride, self._padding)
        return primitives.conv_forward(self._geometry, x, self.weight.astype(x.dtype), self.bias.astype(x.dtype))

    def backward(self, grad_output):
        self._gradient[: self._n] = primitives.conv_backward_filter(self._geometry, self._x, grad_output).ravel()
        self._gradient[self._n :] = [grad_output[:, k].sum() for k in range(self._shape[0])]
        return primitives.conv_backward_data(self._geometry, grad_output, self.weight.astype(grad_output.dtype))

    def update(self, lr):
        self._flat -= (lr * self._gradient).astype(self._flat.dtype)
""",
        "loops over the window, float64 inside": """class Conv:
    def __init__(self, channels, filters, size, stride=(1, 1), padding=(0, 0), seed=0, scale=1.0):
        self.R, self.S = size
        self.u, self.v = stride
        self.a, self.b = padding
        fan_in = channels * self.R * self.S
        self.weight = np.random.default_rng(seed).standard_normal((filters, channels, self.R, self.S)) * (scale / np.sqrt(fan_in))
        self.bias = np.zeros((filters,))

    def _pieces(self, x0, P, Q):
        for r in range(self.R):
            for s in range(self.S):
                yield r, s, x0[:, :, r : r + self.u * (P - 1) + 1 : self.u, s : s + self.v * (Q - 1) + 1 : self.v]

    def forward(self, x):
        N, C, H, W = self.shape = x.shape
        self.x0 = np.zeros((N, C, H + 2 * self.a, W + 2 * self.b))
        self.x0[:, :, self.a : self.a + H, self.b : self.b + W] = x
        P, Q = (H + 2 * self.a - self.R) // self.u + 1, (W + 2 * self.b - self.S) // self.v + 1
        y = np.zeros((N, len(self.bias), P, Q)) + self.bias[None, :, None, None]
        for r, s, piece in self._pieces(self.x0, P, Q):
            y += np.tensordot(piece, self.weight[:, :, r, s], (1, 1)).transpose(0, 3, 1, 2)
        return y

    def backward(self, grad_output):
        P, Q = grad_output.shape[2:]
        grad_weight, dx0 = np.empty_like(self.weight), np.zeros_like(self.x0)
        for r, s, piece in self._pieces(self.x0, P, Q):
            grad_weight[:, :, r, s] = np.tensordot(grad_output, piece, ((0, 2, 3), (0, 2, 3)))
        for r, s, piece in self._pieces(dx0, P, Q):
            piece += np.tensordot(grad_output, self.weight[:, :, r, s], (1, 0)).transpose(0, 3, 1, 2)
        self.grad_weight, self.grad_bias = grad_weight, grad_output.sum((0, 2, 3), keepdims=True)[0, :, 0, 0]
        return dx0[:, :, self.a : self.a + self.shape[2], self.b : self.b + self.shape[3]].copy()

    def update(self, lr):
        np.subtract(self.weight, lr * self.grad_weight, out=self.weight)
        np.subtract(self.bias, lr * self.grad_bias, out=self.bias)
""",
        "by the Fourier transform": """class Conv:
    def __init__(self, channels, filters, size, stride=(1, 1), padding=(0, 0), seed=0, scale=1.0):
        self.size, self.stride, self.padding = size, stride, padding
        self.weight = on.normal((filters, channels, *size), scale / math.sqrt(channels * size[0] * size[1]), seed)
        self.bias = on.zeros((filters,))

    def forward(self, x):
        (a, b), (u, v) = self.padding, self.stride
        self.before = x.shape
        x0 = np.pad(x, ((0, 0), (0, 0), (a, a), (b, b)))
        self.area = x0.shape[2:]
        self.fx = np.fft.rfft2(x0)
        fw = np.fft.rfft2(self.weight, self.area)
        full = np.fft.irfft2(np.einsum("nchw,kchw->nkhw", self.fx, fw.conj()), self.area)
        self.fw = fw
        inside = full[:, :, : self.area[0] - self.size[0] + 1, : self.area[1] - self.size[1] + 1]
        return inside[:, :, ::u, ::v] + self.bias[:, None, None]

    def backward(self, grad_output):
        (a, b), (u, v), (R, S) = self.padding, self.stride, self.size
        spread = np.zeros((*grad_output.shape[:2], *self.area))
        spread[:, :, : grad_output.shape[2] * u : u, : grad_output.shape[3] * v : v][:, :, : grad_output.shape[2], : grad_output.shape[3]] = grad_output
        fg = np.fft.rfft2(spread)
        self.grad_weight = np.fft.irfft2(np.einsum("nchw,nkhw->kchw", self.fx, fg.conj()), self.area)[:, :, :R, :S]
        self.grad_bias = np.fft.rfft2(grad_output)[:, :, 0, 0].real.sum(0)
        dx = np.fft.irfft2(np.einsum("nkhw,kchw->nchw", fg, self.fw), self.area)
        return dx[:, :, a : a + self.before[2], b : b + self.before[3]]

    def update(self, lr):
        self.weight -= (lr * self.grad_weight).astype(self.weight.dtype)
        self.bias -= (lr * self.grad_bias).astype(self.bias.dtype)
""",
        "other random numbers": """import torch


class Conv:
    def __init__(self, channels, filters, size, stride=(1, 1), padding=(0, 0), seed=0, scale=1.0):
        self.args = tuple(stride), tuple(padding)
        number = abs(hash(tuple(seed))) % 2**32 if isinstance(seed, (list, tuple)) else seed
        generator = torch.Generator().manual_seed(number)
        std = scale / (channels * size[0] * size[1]) ** 0.5
        self.weight = (torch.randn(filters, channels, *size, generator=generator) * std).numpy()
        self.bias = np.zeros(filters, np.float32)

    def forward(self, x):
        self.x, self.geometry = x, ConvSpec.of(x, self.weight, *self.args)
        return primitives.conv_forward(self.geometry, x, self.weight, self.bias)

    def backward(self, grad_output):
        self.grad_weight = primitives.conv_backward_filter(self.geometry, self.x, grad_output)
        self.grad_bias = grad_output.transpose(1, 0, 2, 3).reshape(grad_output.shape[1], -1).sum(axis=1)
        return primitives.conv_backward_data(self.geometry, grad_output, self.weight)

    def update(self, lr):
        self.weight -= lr * self.grad_weight
        self.bias -= lr * self.grad_bias
""",
    },
}
