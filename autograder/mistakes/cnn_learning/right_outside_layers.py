"""Right solutions of A5 and A6, by somebody who had only read the notebook: exercise -> what is different about it -> its cell."""

CELLS: dict[str, dict[str, str]] = {
    "A-relu": {
        "maximum, and the output is kept": """class ReLU:
    def forward(self, x):
        self.y = np.maximum(0, x)
        return self.y

    def backward(self, grad_output):
        return np.where(self.y > 0, grad_output, 0)
""",
        "a copy with zeros set, twice": """class ReLU:
    def forward(self, x):
        y = np.array(x)
        y[y < 0] = 0
        self.dead = x <= 0
        return y

    def backward(self, grad_output):
        dx = grad_output.copy()
        dx[self.dead] = 0.0
        return dx
""",
        "Heaviside, and half of x + |x|": """class ReLU:
    __slots__ = ("step",)

    def forward(self, x):
        self.step = np.heaviside(x, 0)
        return (x + abs(x)) / 2

    def backward(self, grad_output):
        return np.multiply(grad_output, self.step)
""",
        "PyTorch's autograd": """import torch


class ReLU:
    def forward(self, x):
        self.x = torch.tensor(x, requires_grad=True)
        self.y = torch.relu(self.x)
        return self.y.detach().numpy().copy()

    def backward(self, grad_output):
        (dx,) = torch.autograd.grad(self.y, self.x, torch.tensor(grad_output), retain_graph=True)
        return dx.numpy()
""",
        "the way back is a closure": """class ReLU:
    def forward(self, x):
        sign = np.sign(np.clip(x, 0, None))
        self.backward = lambda grad_output: grad_output * sign
        return x * sign
""",
    },
    "A-pool": {
        "loops, the largest is found again": """class MaxPool:
    def __init__(self, size, stride, padding=(0, 0)):
        self.R, self.S = size
        self.u, self.v = stride
        self.a, self.b = padding

    def windows(self, x):
        N, C, H, W = x.shape
        P, Q = (H + 2 * self.a - self.R) // self.u + 1, (W + 2 * self.b - self.S) // self.v + 1
        for p in range(P):
            for q in range(Q):
                top, left = p * self.u - self.a, q * self.v - self.b
                yield p, q, slice(max(top, 0), min(top + self.R, H)), slice(max(left, 0), min(left + self.S, W))

    def forward(self, x):
        self.x = x
        found = {(p, q): x[:, :, rows, columns].max(axis=(2, 3)) for p, q, rows, columns in self.windows(x)}
        P, Q = max(p for p, q in found) + 1, max(q for p, q in found) + 1
        return np.stack([np.stack([found[p, q] for q in range(Q)], -1) for p in range(P)], -2)

    def backward(self, grad_output):
        dx = np.zeros_like(self.x)
        for p, q, rows, columns in self.windows(self.x):
            window = self.x[:, :, rows, columns]
            flat = window.reshape(*window.shape[:2], -1)
            first = np.arange(flat.shape[2]) == flat.argmax(axis=2)[:, :, None]
            dx[:, :, rows, columns] += first.reshape(window.shape) * grad_output[:, :, p, q][:, :, None, None]
        return dx
""",
        "PyTorch and its indices": """import torch


class MaxPool:
    def __init__(self, size, stride, padding=(0, 0)):
        self.size, self.stride, self.padding = tuple(size), tuple(stride), tuple(padding)

    def forward(self, x):
        a, b = self.padding
        self.shape = x.shape
        x0 = torch.nn.functional.pad(torch.tensor(x), (b, b, a, a), value=float("-inf"))
        self.padded = x0.shape
        y, self.index = torch.nn.functional.max_pool2d(x0, self.size, self.stride, return_indices=True)
        return y.numpy()

    def backward(self, grad_output):
        N, C, H, W = self.shape
        dx = torch.zeros(N, C, self.padded[2] * self.padded[3], dtype=torch.float64)
        dx.scatter_add_(2, self.index.flatten(2), torch.tensor(grad_output, dtype=torch.float64).flatten(2))
        a, b = self.padding
        return dx.reshape(self.padded)[:, :, a : a + H, b : b + W].numpy().astype(grad_output.dtype)
""",
        "the last of equals wins": """class MaxPool:
    def __init__(self, size, stride, padding=(0, 0)):
        self.window = tuple(size), tuple(stride), tuple(padding)

    def forward(self, x):
        (R, S), (u, v), (a, b) = self.window
        self.shape = N, C, H, W = x.shape
        x0 = np.full((N, C, H + 2 * a, W + 2 * b), -np.inf)
        x0[:, :, a : a + H, b : b + W] = x
        view = np.lib.stride_tricks.sliding_window_view(x0, (R, S), (2, 3))[:, :, ::u, ::v]
        flat = view.reshape(*view.shape[:4], R * S)
        self.best = R * S - 1 - flat[..., ::-1].argmax(-1)
        return flat.max(-1).astype(x.dtype)

    def backward(self, grad_output):
        (R, S), (u, v), (a, b) = self.window
        N, C, H, W = self.shape
        dx = np.zeros((N, C, H + 2 * a, W + 2 * b), grad_output.dtype)
        n, c, p, q = np.indices(grad_output.shape)
        np.add.at(dx, (n, c, p * u + self.best // S, q * v + self.best % S), grad_output)
        return dx[:, :, a : a + H, b : b + W]
""",
        "pixel by pixel, a list of winners": """class MaxPool:
    def __init__(self, size, stride, padding=(0, 0)):
        self.size, self.stride, self.padding = size, stride, padding

    def forward(self, x):
        N, C, H, W = x.shape
        P, Q = ((n + 2 * pad - window) // step + 1 for n, window, step, pad in zip((H, W), self.size, self.stride, self.padding))
        y, self.shape, self.moves = np.empty((N, C, P, Q), x.dtype), x.shape, []
        for at in np.ndindex(N, C, P, Q):
            n, c, p, q = at
            top, left = p * self.stride[0] - self.padding[0], q * self.stride[1] - self.padding[1]
            pixels = [
                (n, c, h, w)
                for h in range(top, top + self.size[0])
                for w in range(left, left + self.size[1])
                if 0 <= h < H and 0 <= w < W
            ]
            winner = max(pixels, key=lambda pixel: x[pixel])
            y[at] = x[winner]
            self.moves.append((at, winner))
        return y

    def backward(self, grad_output):
        dx = np.zeros(self.shape, grad_output.dtype)
        for at, winner in self.moves:
            dx[winner] += grad_output[at]
        return dx
""",
    },
    "A-flatten": {
        "ravel image by image": """class Flatten:
    def forward(self, x):
        self.dims = x.shape[1:]
        return np.array([image.ravel() for image in x])

    def backward(self, grad_output):
        return np.stack([row.reshape(self.dims) for row in grad_output])
""",
        "filled by hand": """class Flatten:
    def forward(self, x):
        N, self.C, self.H, self.W = x.shape
        y = np.empty((N, self.C * self.H * self.W), x.dtype)
        for c in range(self.C):
            for h in range(self.H):
                start = (c * self.H + h) * self.W
                y[:, start : start + self.W] = x[:, c, h, :]
        return y

    def backward(self, grad_output):
        return grad_output.reshape((len(grad_output), self.C, self.H, self.W), order="C")
""",
        "an index array": """class Flatten:
    def forward(self, x):
        self.index = np.arange(math.prod(x.shape[1:])).reshape(x.shape[1:])
        return np.concatenate([x[:, c].reshape(len(x), -1) for c in range(x.shape[1])], axis=1)

    def backward(self, grad_output):
        return grad_output[:, self.index]
""",
    },
    "A-dense": {
        "einsum": """class Dense:
    def __init__(self, inputs, units, seed=0, scale=1.0):
        self.weight = np.random.default_rng(seed).normal(size=(inputs, units)) * scale * inputs**-0.5
        self.bias = np.zeros(units)

    def forward(self, x):
        self.x, self.kind = np.asarray(x, dtype=float), x.dtype
        return np.einsum("ni,iu->nu", self.x, self.weight) + self.bias

    def backward(self, grad_output):
        self.grad_weight = np.einsum("ni,nu->iu", self.x, grad_output)
        self.grad_bias = np.einsum("nu->u", grad_output)
        return np.einsum("nu,iu->ni", grad_output, self.weight).astype(self.kind)

    def update(self, lr):
        self.weight, self.bias = self.weight - lr * self.grad_weight, self.bias - lr * self.grad_bias
""",
        "sums of outer products, image by image": """class Dense:
    def __init__(self, inputs, units, seed=0, scale=1.0):
        self.weight = on.normal((inputs, units), scale / np.sqrt(inputs), seed)
        self.bias = on.zeros(units)

    def forward(self, x):
        self.rows = list(x)
        return np.array([self.weight.T.dot(row) + self.bias for row in self.rows])

    def backward(self, grad_output):
        self.grad_weight = sum(np.outer(row, g) for row, g in zip(self.rows, grad_output))
        self.grad_bias = sum(g for g in grad_output)
        return np.array([self.weight.dot(g) for g in grad_output])

    def update(self, lr):
        for parameter, gradient in ((self.weight, self.grad_weight), (self.bias, self.grad_bias)):
            parameter -= (lr * gradient).astype(parameter.dtype)
""",
        "the bias is a row of a larger matrix": """class Dense:
    def __init__(self, inputs, units, seed=0, scale=1.0):
        self.all = np.vstack([on.normal((inputs, units), scale / inputs**0.5, seed), on.zeros((1, units))])
        self.weight, self.bias = self.all[:-1], self.all[-1]

    def forward(self, x):
        self.with_one = np.hstack([x, np.ones((len(x), 1), x.dtype)])
        return self.with_one @ np.vstack([self.weight, self.bias])

    def backward(self, grad_output):
        gradient = self.with_one.T @ grad_output
        self.grad_weight, self.grad_bias = gradient[:-1], gradient[-1]
        return grad_output @ self.weight.T

    def update(self, lr):
        self.weight -= lr * self.grad_weight
        self.bias -= lr * self.grad_bias
""",
        "kept transposed, gradients written into the same arrays": """class Dense:
    def __init__(self, inputs, units, seed=0, scale=1.0):
        self._w = on.normal((inputs, units), scale / math.sqrt(inputs), seed).T.copy()
        self.weight = self._w.T
        self.bias = on.zeros((units,))
        self.grad_weight = np.zeros((inputs, units))
        self.grad_bias = np.zeros(units)

    def forward(self, x):
        self.x = x.copy()
        return np.dot(x, self.weight) + self.bias[np.newaxis]

    def backward(self, grad_output):
        np.copyto(self.grad_weight, np.tensordot(self.x, grad_output, (0, 0)))
        self.grad_bias[:] = np.ones(len(grad_output)) @ grad_output
        return np.dot(grad_output, np.transpose(self.weight))

    def update(self, lr):
        self.weight -= (lr * self.grad_weight).astype(self.weight.dtype)
        self.bias -= (lr * self.grad_bias).astype(self.bias.dtype)
""",
        "a dictionary of parameters, a common mother": """class Trained:
    def __init__(self, weight, bias):
        self.parameters, self.gradients = {"weight": weight, "bias": bias}, {}

    def __getattr__(self, name):
        if name in ("weight", "bias"):
            return self.__dict__["parameters"][name]
        if name in ("grad_weight", "grad_bias"):
            try:
                return self.__dict__["gradients"][name[5:]]
            except KeyError:
                raise AttributeError(name) from None
        raise AttributeError(name)

    def update(self, lr):
        for name, parameter in self.parameters.items():
            parameter -= lr * self.gradients[name]


class Dense(Trained):
    def __init__(self, inputs, units, seed=0, scale=1.0):
        super().__init__(on.normal((inputs, units), scale / math.sqrt(inputs), seed), on.zeros((units,)))

    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, grad_output):
        self.gradients = {"weight": self.x.T @ grad_output, "bias": grad_output.sum(0)}
        return grad_output @ self.weight.T
""",
    },
}
