"""Right solutions of Part D, by somebody who had only read the notebook: exercise -> what is different about it -> its cell."""

WINDOWS = """def windows_of(x, window, stride, padding, fill):
    N, C, H, W = x.shape
    x0 = np.full((N, C, H + 2 * padding[0], W + 2 * padding[1]), fill, dtype=float)
    x0[:, :, padding[0] : padding[0] + H, padding[1] : padding[1] + W] = x
    return np.lib.stride_tricks.sliding_window_view(x0, window, (2, 3))[:, :, :: stride[0], :: stride[1]]
"""

CELLS: dict[str, dict[str, str]] = {
    "D-max": {
        "flat indices into the image, add.at": """def max_pool_forward(x, window, stride, padding):
    N, C, H, W = x.shape
    P, Q = output_size(H, window[0], stride[0], padding[0]), output_size(W, window[1], stride[1], padding[1])
    y, winner = np.empty((N, C, P, Q)), np.empty((N, C, P, Q), int)
    for n, c, p, q in np.ndindex(N, C, P, Q):
        best = -np.inf
        for r in range(window[0]):
            for s in range(window[1]):
                h, i = p * stride[0] + r - padding[0], q * stride[1] + s - padding[1]
                if 0 <= h < H and 0 <= i < W and x[n, c, h, i] > best:
                    best, winner[n, c, p, q] = x[n, c, h, i], ((n * C + c) * H + h) * W + i
        y[n, c, p, q] = best
    return y, winner


def max_pool_backward(dy, winner, x_shape, window, stride, padding):
    dx = np.zeros(np.prod(x_shape))
    np.add.at(dx, winner.ravel(), dy.ravel())
    return dx.reshape(x_shape)
""",
        "last winner among ties, two index arrays in a tuple": """def max_pool_forward(x, window, stride, padding):
    N, C, H, W = x.shape
    P, Q = output_size(H, window[0], stride[0], padding[0]), output_size(W, window[1], stride[1], padding[1])
    y = np.full((N, C, P, Q), -np.inf)
    rows, columns = np.zeros((N, C, P, Q), int), np.zeros((N, C, P, Q), int)
    for n, c, p, q in np.ndindex(N, C, P, Q):
        for r in range(window[0]):
            for s in range(window[1]):
                h, i = p * stride[0] + r - padding[0], q * stride[1] + s - padding[1]
                if 0 <= h < H and 0 <= i < W and x[n, c, h, i] >= y[n, c, p, q]:
                    y[n, c, p, q], rows[n, c, p, q], columns[n, c, p, q] = x[n, c, h, i], h, i
    return y, (rows, columns)


def max_pool_backward(dy, winner, x_shape, window, stride, padding):
    rows, columns = winner
    dx = np.zeros(x_shape)
    for n, c, p, q in np.ndindex(*dy.shape):
        dx[n, c, rows[n, c, p, q], columns[n, c, p, q]] += dy[n, c, p, q]
    return dx
""",
        "PyTorch and its indices": """def max_pool_forward(x, window, stride, padding):
    x0 = torch.nn.functional.pad(torch.tensor(x), (padding[1], padding[1], padding[0], padding[0]), value=-float("inf"))
    y, winner = torch.nn.functional.max_pool2d(x0, window, stride, return_indices=True)
    return y.numpy(), winner.numpy()


def max_pool_backward(dy, winner, x_shape, window, stride, padding):
    N, C, H, W = x_shape
    a, b = padding
    dx = torch.zeros(N, C, (H + 2 * a) * (W + 2 * b), dtype=torch.float64)
    dx.scatter_add_(2, torch.tensor(winner).flatten(2), torch.tensor(dy).to(torch.float64).flatten(2))
    return dx.reshape(N, C, H + 2 * a, W + 2 * b)[:, :, a : a + H, b : b + W].numpy()
""",
        "a dictionary of places": """def max_pool_forward(x, window, stride, padding):
    N, C, H, W = x.shape
    P, Q = output_size(H, window[0], stride[0], padding[0]), output_size(W, window[1], stride[1], padding[1])
    y, winner = np.zeros((N, C, P, Q)), {}
    for n, c, p, q in np.ndindex(N, C, P, Q):
        places = [(h, i) for h in range(p * stride[0] - padding[0], p * stride[0] - padding[0] + window[0])
                  for i in range(q * stride[1] - padding[1], q * stride[1] - padding[1] + window[1]) if 0 <= h < H and 0 <= i < W]
        best = max(places, key=lambda place: x[n, c, place[0], place[1]])
        y[n, c, p, q], winner[n, c, p, q] = x[n, c, best[0], best[1]], best
    return y, winner


def max_pool_backward(dy, winner, x_shape, window, stride, padding):
    dx = np.zeros(x_shape)
    for (n, c, p, q), (h, i) in winner.items():
        dx[n, c, h, i] += dy[n, c, p, q]
    return dx
""",
        "a boolean mask of one winner a window": WINDOWS + """

def max_pool_forward(x, window, stride, padding):
    windows = windows_of(x, window, stride, padding, -np.inf)
    flat = windows.reshape(*windows.shape[:4], -1)
    mask = np.arange(flat.shape[-1]) == flat.argmax(axis=-1)[..., None]
    return flat.max(axis=-1), mask.reshape(windows.shape)


def max_pool_backward(dy, winner, x_shape, window, stride, padding):
    N, C, H, W = x_shape
    dx0 = np.zeros((N, C, H + 2 * padding[0], W + 2 * padding[1]))
    for p in range(dy.shape[2]):
        for q in range(dy.shape[3]):
            h, i = p * stride[0], q * stride[1]
            dx0[:, :, h : h + window[0], i : i + window[1]] += dy[:, :, p, q, None, None] * winner[:, :, p, q]
    return dx0[:, :, padding[0] : padding[0] + H, padding[1] : padding[1] + W]
""",
        "winner a list of lists": WINDOWS + """

def max_pool_forward(x, window, stride, padding):
    windows = windows_of(x, window, stride, padding, -1e300)
    flat = windows.reshape(*windows.shape[:4], -1)
    return flat.max(-1), flat.argmax(-1).tolist()


def max_pool_backward(dy, winner, x_shape, window, stride, padding):
    N, C, H, W = x_shape
    dx0 = np.zeros((N, C, H + 2 * padding[0], W + 2 * padding[1]))
    for n, c, p, q in np.ndindex(*dy.shape):
        r, s = divmod(winner[n][c][p][q], window[1])
        dx0[n, c, p * stride[0] + r, q * stride[1] + s] += dy[n, c, p, q]
    return dx0[:, :, padding[0] : padding[0] + H, padding[1] : padding[1] + W]
""",
        "winner is the image itself": WINDOWS + """

def max_pool_forward(x, window, stride, padding):
    return windows_of(x, window, stride, padding, -np.inf).max(axis=(4, 5)), x.copy()


def max_pool_backward(dy, winner, x_shape, window, stride, padding):
    x = torch.tensor(winner, dtype=torch.float64)
    x0 = torch.nn.functional.pad(x, (padding[1], padding[1], padding[0], padding[0]), value=-float("inf")).requires_grad_()
    y = torch.nn.functional.max_pool2d(x0, window, stride)
    H, W = x_shape[2:]
    y.backward(torch.tensor(dy, dtype=torch.float64))
    return x0.grad.numpy()[:, :, padding[0] : padding[0] + H, padding[1] : padding[1] + W]
""",
        "only a list of outputs, winner one-based": """def max_pool_forward(x, window, stride, padding):
    (R, S), (u, v) = window, stride
    N, C, H, W = x.shape
    P, Q = output_size(H, R, u, padding[0]), output_size(W, S, v, padding[1])
    x0 = np.pad(x.astype(float), ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2), constant_values=np.finfo(float).min)
    y, winner = x0[:, :, : u * P : u, : v * Q : v][:, :, :P, :Q].copy(), np.ones((N, C, P, Q), int)
    for number, (r, s) in enumerate(np.ndindex(R, S), start=1):
        entry = x0[:, :, r : r + u * P : u, s : s + v * Q : v]
        winner[entry > y] = number
        y = np.maximum(y, entry)
    return y, winner


def max_pool_backward(dy, winner, x_shape, window, stride, padding):
    (N, C, H, W), (u, v) = x_shape, stride
    P, Q = dy.shape[2:]
    dx0 = np.zeros((N, C, H + 2 * padding[0], W + 2 * padding[1]))
    for number, (r, s) in enumerate(np.ndindex(*window), start=1):
        dx0[:, :, r : r + u * P : u, s : s + v * Q : v] += np.where(winner == number, dy, 0)
    return dx0[:, :, padding[0] : padding[0] + H, padding[1] : padding[1] + W]
""",
        "lowering and col2im": """def max_pool_forward(x, window, stride, padding):
    N, C, H, W = x.shape
    P, Q = output_size(H, window[0], stride[0], padding[0]), output_size(W, window[1], stride[1], padding[1])
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2), constant_values=-np.inf)
    columns = im2col(x0.reshape(N * C, 1, *x0.shape[2:]), *window, stride, (0, 0))
    best = columns.argmax(axis=0)
    return columns[best, np.arange(len(best))].reshape(N, C, P, Q), best


def max_pool_backward(dy, winner, x_shape, window, stride, padding):
    N, C, H, W = x_shape
    columns = np.zeros((window[0] * window[1], dy.size))
    columns[winner, np.arange(dy.size)] = dy.ravel()
    return col2im(columns, (N * C, 1, H, W), *window, stride, padding).reshape(x_shape)
""",
    },
    "D-average": {
        "mean of sliding windows; backward by loops": """def average_pool_forward(x, window, stride, padding):
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    return np.lib.stride_tricks.sliding_window_view(x0, window, (2, 3))[:, :, :: stride[0], :: stride[1]].mean(axis=(-1, -2))


def average_pool_backward(dy, x_shape, window, stride, padding):
    N, C, H, W = x_shape
    dx = np.zeros(x_shape)
    for p in range(dy.shape[2]):
        for q in range(dy.shape[3]):
            h, i = p * stride[0] - padding[0], q * stride[1] - padding[1]
            dx[:, :, max(h, 0) : max(h + window[0], 0), max(i, 0) : max(i + window[1], 0)] += dy[:, :, p, q, None, None] / (window[0] * window[1])
    return dx
""",
        "PyTorch": """def average_pool_forward(x, window, stride, padding):
    x0 = torch.nn.functional.pad(torch.tensor(x), (padding[1], padding[1], padding[0], padding[0]))
    return torch.nn.functional.avg_pool2d(x0, window, stride).numpy()


def average_pool_backward(dy, x_shape, window, stride, padding):
    x = torch.zeros(x_shape, dtype=torch.float64, requires_grad=True)
    x0 = torch.nn.functional.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    (torch.nn.functional.avg_pool2d(x0, window, stride) * torch.tensor(dy)).sum().backward()
    return x.grad.numpy()
""",
        "a convolution with equal filters, channel by channel": """def average_pool_forward(x, window, stride, padding):
    w = np.full((1, 1, *window), 1 / np.prod(window))
    return np.concatenate([conv_lowered(x[:, c : c + 1], w, stride, padding) for c in range(x.shape[1])], axis=1)


def average_pool_backward(dy, x_shape, window, stride, padding):
    N, C, H, W = x_shape
    w = np.full((1, 1, *window), 1 / np.prod(window))
    return np.concatenate([conv_backward_data(dy[:, c : c + 1], w, (N, 1, H, W), stride, padding) for c in range(C)], axis=1)
""",
        "running sums": """def average_pool_forward(x, window, stride, padding):
    (R, S), (u, v), (a, b) = window, stride, padding
    x0 = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (a + 1, a), (b + 1, b)))
    sums = x0.cumsum(axis=2).cumsum(axis=3)
    box = sums[:, :, R:, S:] - sums[:, :, :-R, S:] - sums[:, :, R:, :-S] + sums[:, :, :-R, :-S]
    return box[:, :, ::u, ::v] / R / S


def average_pool_backward(dy, x_shape, window, stride, padding):
    N, C, H, W = x_shape
    columns = np.repeat(dy.reshape(1, -1) / (window[0] * window[1]), window[0] * window[1], axis=0)
    return col2im(columns, (N * C, 1, H, W), *window, stride, padding).reshape(x_shape)
""",
    },
}
