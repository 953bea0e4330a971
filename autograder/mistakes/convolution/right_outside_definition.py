"""Right solutions of Part A, by somebody who had only read the notebook: exercise -> what is different about it -> its cell."""

CELLS: dict[str, dict[str, str]] = {
    "A-size": {
        "the paper's equation with math.ceil": """import math
def output_size(size, window, stride, pad):
    return math.ceil((size - window + 1 + 2 * pad) / stride)
""",
        "windows counted one by one": """def output_size(size, window, stride, pad):
    count, start = 0, -pad
    while start + window <= size + pad:
        count, start = count + 1, start + stride
    return count
""",
        "recursion": """def output_size(size, window, stride, pad=0):
    if pad:
        return output_size(size + 2 * pad, window, stride)
    return 0 if size < window else 1 + output_size(size - stride, window, stride)
""",
        "a numpy integer": """def output_size(size, window, stride, pad):
    return np.arange(-pad, size + pad - window + 1, stride).size * np.int64(1)
""",
        "int of a true division": """def output_size(size, window, stride, pad):
    return int((size + 2 * pad - window) / stride + 1)
""",
        "np.floor": """def output_size(size, window, stride, pad):
    return np.floor((size + 2 * pad - window) / stride).astype(int) + 1
""",
        "len of a range": """output_size = lambda size, window, stride, pad: len(range(0, size + 2 * pad - window + 1, stride))
""",
    },
    "A-forward": {
        "seven loops and a bound test instead of padding": """def conv_forward(x, w, stride, padding):
    N, C, H, W = x.shape
    K, C, R, S = w.shape
    P = output_size(H, R, stride[0], padding[0])
    Q = output_size(W, S, stride[1], padding[1])
    y = np.zeros((N, K, P, Q))
    for n in range(N):
        for k in range(K):
            for p in range(P):
                for q in range(Q):
                    total = 0.0
                    for c in range(C):
                        for r in range(R):
                            for s in range(S):
                                row, column = p * stride[0] + r - padding[0], q * stride[1] + s - padding[1]
                                if 0 <= row < H and 0 <= column < W:
                                    total += float(w[k, c, r, s]) * float(x[n, c, row, column])
                    y[n, k, p, q] = total
    return y
""",
        "nested lists": """def conv_forward(x, w, stride, padding):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    x0 = [[[[0.0] * (W + 2 * padding[1]) for _ in range(H + 2 * padding[0])] for _ in range(C)] for _ in range(N)]
    for n in range(N):
        for c in range(C):
            for h in range(H):
                for i in range(W):
                    x0[n][c][h + padding[0]][i + padding[1]] = float(x[n, c, h, i])
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    return [[[[sum(w[k, c, r, s] * x0[n][c][p * stride[0] + r][q * stride[1] + s]
                   for c in range(C) for r in range(R) for s in range(S))
               for q in range(Q)] for p in range(P)] for k in range(K)] for n in range(N)]
""",
        "einsum over sliding windows": """def conv_forward(x, w, stride, padding):
    x0 = np.pad(x, [(0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2])
    windows = np.lib.stride_tricks.sliding_window_view(x0, w.shape[2:], axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    return np.einsum("ncpqrs,kcrs->nkpq", windows, w, optimize=True)
""",
        "as_strided and tensordot, axes moved": """def conv_forward(x, w, stride, padding):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    (u, v), (a, b) = stride, padding
    x0 = np.zeros((N, C, H + 2 * a, W + 2 * b), dtype=x.dtype)
    x0[:, :, a : a + H, b : b + W] = x
    P, Q = output_size(H, R, u, a), output_size(W, S, v, b)
    n, c, h, i = x0.strides
    windows = np.lib.stride_tricks.as_strided(x0, (N, C, P, Q, R, S), (n, c, h * u, i * v, h, i), writeable=False)
    return np.moveaxis(np.tensordot(windows, w, axes=((1, 4, 5), (1, 2, 3))), -1, 1)
""",
        "PyTorch, back as numpy": """def conv_forward(x, w, stride, padding):
    x, w = torch.tensor(x), torch.tensor(w)
    return torch.nn.functional.conv2d(x, w, stride=stride, padding=padding).numpy()
""",
        "PyTorch's unfold, a tensor comes back": """def conv_forward(x, w, stride, padding):
    x, w = torch.as_tensor(np.array(x)), torch.as_tensor(np.array(w))
    columns = torch.nn.functional.unfold(x, tuple(w.shape[2:]), stride=tuple(stride), padding=tuple(padding))
    P, Q = output_size(x.shape[2], w.shape[2], stride[0], padding[0]), output_size(x.shape[3], w.shape[3], stride[1], padding[1])
    return (w.flatten(1) @ columns).unflatten(2, (P, Q))
""",
        "sum over the shifts of the filter, Fortran order": """def conv_forward(x, w, stride, padding):
    P = output_size(x.shape[2], w.shape[2], stride[0], padding[0])
    Q = output_size(x.shape[3], w.shape[3], stride[1], padding[1])
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0], padding[0]), (padding[1], padding[1])))
    y = np.zeros((x.shape[0], w.shape[0], P, Q), order="F")
    for r in range(w.shape[2]):
        for s in range(w.shape[3]):
            part = x0[:, :, r : r + (P - 1) * stride[0] + 1 : stride[0], s : s + (Q - 1) * stride[1] + 1 : stride[1]]
            y += np.einsum("nchw,kc->nkhw", part, w[:, :, r, s])
    return y
""",
        "matmul of flat windows, one position at a time": """def conv_forward(x, w, stride=(1, 1), padding=(0, 0)):
    N, K, (R, S) = len(x), len(w), w.shape[-2:]
    P, Q = (output_size(x.shape[2 + i], w.shape[2 + i], stride[i], padding[i]) for i in range(2))
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    outputs = [x0[:, :, p * stride[0] :, q * stride[1] :][:, :, :R, :S].reshape(N, -1) @ w.reshape(K, -1).T
               for p, q in np.ndindex(P, Q)]
    return np.stack(outputs, axis=-1).reshape(N, K, P, Q)
""",
        "float32 inside": """def conv_forward(x, w, stride, padding):
    x0 = np.pad(x.astype(np.float32), [(0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2])
    windows = np.lib.stride_tricks.sliding_window_view(x0, w.shape[2:], axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    return np.einsum("ncpqrs,kcrs->nkpq", windows, w.astype(np.float32))
""",
        "one function inside another": """def conv_forward(x, w, stride, padding):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    (u, v), (ph, pw) = stride, padding
    def pixel(n, c, i, j):
        i, j = i - ph, j - pw
        return x[n, c, i, j] if i in range(H) and j in range(W) else 0
    def output(n, k, p, q):
        return sum(w[k, c, r, s] * pixel(n, c, p * u + r, q * v + s) for c, r, s in np.ndindex(C, R, S))
    shape = N, K, output_size(H, R, u, ph), output_size(W, S, v, pw)
    return np.array([output(*index) for index in np.ndindex(*shape)]).reshape(shape)
""",
    },
    "A-bias": {
        "loop over a copy": """def add_bias(y, b):
    result = y.copy()
    for k in range(len(b)):
        result[:, k] += b[k]
    return result
""",
        "axes moved to the end and back": """def add_bias(y, b):
    return (y.transpose(0, 2, 3, 1) + b).transpose(0, 3, 1, 2)
""",
        "reshape": """def add_bias(y, b):
    return np.add(y, np.reshape(b, (1, -1, 1, 1)))
""",
        "transposed twice": """def add_bias(y, b):
    return (y.swapaxes(1, 3) + b).swapaxes(1, 3)
""",
        "a torch tensor comes back": """def add_bias(y, b):
    return torch.tensor(y) + torch.tensor(b).view(-1, 1, 1)
""",
        "expand_dims and broadcast_to": """def add_bias(y, b):
    return y + np.broadcast_to(np.expand_dims(b, (0, 2, 3)), y.shape)
""",
    },
    "A-true": {
        "np.flip": """def true_convolution(x, w, stride, padding):
    return conv_forward(x, np.flip(w, (2, 3)), stride, padding)
""",
        "rot90": """def true_convolution(x, w, stride, padding):
    return conv_forward(x, np.rot90(w, 2, axes=(-2, -1)), stride, padding)
""",
        "written out": """def true_convolution(x, w, stride, padding):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    (u, v), (a, b) = stride, padding
    x0 = np.pad(x, ((0, 0), (0, 0), (a, a), (b, b)))
    P, Q = (x0.shape[2] - R) // u + 1, (x0.shape[3] - S) // v + 1
    y = 0
    for r in range(R):
        for s in range(S):
            i, j = R - 1 - r, S - 1 - s
            y = y + np.tensordot(w[:, :, r, s], x0[:, :, i : i + u * P : u, j : j + v * Q : v], axes=(1, 1)).transpose(1, 0, 2, 3)
    return y
""",
        "torch.flip, padded beforehand": """def true_convolution(x, w, stride, padding):
    x0 = torch.nn.functional.pad(torch.tensor(x), (padding[1], padding[1], padding[0], padding[0]))
    return torch.nn.functional.conv2d(x0, torch.tensor(w).flip(2, 3), stride=stride).numpy()
""",
        "flipped in a copy by loops": """def true_convolution(x, w, stride, padding):
    turned = np.empty_like(w)
    R, S = w.shape[2:]
    for r in range(R):
        for s in range(S):
            turned[:, :, R - r - 1, S - s - 1] = w[:, :, r, s]
    return conv_forward(x, turned, stride, padding)
""",
    },
}
