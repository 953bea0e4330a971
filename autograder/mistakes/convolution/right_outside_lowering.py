"""Right solutions of Part B, by somebody who had only read the notebook: exercise -> what is different about it -> its cell."""

CELLS: dict[str, dict[str, str]] = {
    "B-im2col": {
        "sliding windows transposed": """def im2col(x, R, S, stride, padding):
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(x0, (R, S), (2, 3))[:, :, :: stride[0], :: stride[1]]
    return windows.transpose(1, 4, 5, 0, 2, 3).reshape(x.shape[1] * R * S, -1)
""",
        "column after column, transposed view": """def im2col(x, R, S, stride, padding):
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    P, Q = output_size(x.shape[2], R, stride[0], padding[0]), output_size(x.shape[3], S, stride[1], padding[1])
    return np.array([x0[n, :, p * stride[0] : p * stride[0] + R, q * stride[1] : q * stride[1] + S].ravel()
                     for n in range(len(x)) for p in range(P) for q in range(Q)]).T
""",
        "unfold": """def im2col(x, R, S, stride, padding):
    columns = torch.nn.functional.unfold(torch.tensor(x), (R, S), stride=stride, padding=padding)
    return columns.permute(1, 0, 2).reshape(columns.shape[1], -1).numpy()
""",
        "index arrays": """def im2col(x, R, S, stride, padding):
    N, C, H, W = x.shape
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    c, r, s = np.unravel_index(np.arange(C * R * S), (C, R, S))
    n, p, q = np.unravel_index(np.arange(N * P * Q), (N, P, Q))
    return x0[n, c[:, None], p * stride[0] + r[:, None], q * stride[1] + s[:, None]]
""",
        "images lowered one by one and put side by side": """def im2col(x, R, S, stride, padding):
    parts = []
    for image in np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2)):
        C, H, W = image.shape
        rows = [image[c, r : H - R + r + 1 : stride[0], s : W - S + s + 1 : stride[1]].ravel()
                for c in range(C) for r in range(R) for s in range(S)]
        parts.append(np.vstack(rows))
    return np.asfortranarray(np.hstack(parts))
""",
    },
    "B-lowered": {
        "einsum": """def conv_lowered(x, w, stride, padding):
    (N, _, H, W), (K, _, R, S) = x.shape, w.shape
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    return np.einsum("ki,inpq->nkpq", w.reshape(K, -1), im2col(x, R, S, stride, padding).reshape(-1, N, P, Q))
""",
        "transposed product": """def conv_lowered(x, w, stride, padding):
    (N, _, H, W), (K, _, R, S) = x.shape, w.shape
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    y = im2col(x, R, S, stride, padding).T.dot(w.reshape(K, -1).T)
    return np.ascontiguousarray(y.reshape(N, P, Q, K).transpose(0, 3, 1, 2))
""",
        "torch matmul": """def conv_lowered(x, w, stride, padding):
    (N, _, H, W), (K, _, R, S) = x.shape, w.shape
    P = output_size(H, R, stride[0], padding[0])
    product = torch.matmul(torch.tensor(w).reshape(K, -1), torch.tensor(im2col(x, R, S, stride, padding)))
    return product.reshape(K, N, P, -1).permute(1, 0, 2, 3).numpy()
""",
        "its own lowering image by image": """def conv_lowered(x, w, stride, padding):
    K, _, R, S = w.shape
    P = output_size(x.shape[2], R, stride[0], padding[0])
    return np.stack([(w.reshape(K, -1) @ im2col(x[n : n + 1], R, S, stride, padding)).reshape(K, P, -1) for n in range(len(x))])
""",
    },
    "B-col2im": {
        "np.add.at": """def col2im(columns, x_shape, R, S, stride, padding):
    N, C, H, W = x_shape
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    x0 = np.zeros((N, C, H + 2 * padding[0], W + 2 * padding[1]))
    c, r, s = np.unravel_index(np.arange(C * R * S), (C, R, S))
    n, p, q = np.unravel_index(np.arange(N * P * Q), (N, P, Q))
    np.add.at(x0, (n[None], c[:, None], p * stride[0] + r[:, None], q * stride[1] + s[:, None]), columns)
    return x0[:, :, padding[0] : H + padding[0], padding[1] : W + padding[1]]
""",
        "fold": """def col2im(columns, x_shape, R, S, stride, padding):
    N, C, H, W = x_shape
    columns = torch.tensor(columns).reshape(C * R * S, N, -1).permute(1, 0, 2)
    return torch.nn.functional.fold(columns, (H, W), (R, S), stride=stride, padding=padding).numpy()
""",
        "number by number, with a bound test": """def col2im(columns, x_shape, R, S, stride, padding):
    N, C, H, W = x_shape
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    x = np.zeros(x_shape)
    for c, r, s, n, p, q in np.ndindex(C, R, S, N, P, Q):
        row, column = p * stride[0] + r - padding[0], q * stride[1] + s - padding[1]
        if 0 <= row < H and 0 <= column < W:
            x[n, c, row, column] += columns[(c * R + r) * S + s, (n * P + p) * Q + q]
    return x
""",
        "bincount over the indices that im2col gives": """def col2im(columns, x_shape, R, S, stride, padding):
    indices = im2col(1.0 + np.arange(np.prod(x_shape)).reshape(x_shape), R, S, stride, padding).astype(int)
    sums = np.bincount(indices.ravel(), weights=columns.ravel(), minlength=np.prod(x_shape) + 1)
    return sums[1:].reshape(x_shape)
""",
        "window after window, border cut by np.delete": """def col2im(columns, x_shape, R, S, stride, padding):
    (N, C, H, W), (u, v), (a, b) = x_shape, stride, padding
    P, Q = output_size(H, R, u, a), output_size(W, S, v, b)
    x0 = np.zeros((N, C, H + 2 * a, W + 2 * b))
    for j, window in enumerate(columns.T):
        n, p, q = np.unravel_index(j, (N, P, Q))
        x0[n, :, p * u : p * u + R, q * v : q * v + S] += window.reshape(C, R, S)
    for axis, border in ((2, a), (3, b)):
        size = x0.shape[axis]
        x0 = np.delete(x0, [*range(border), *range(size - border, size)], axis=axis)
    return x0
""",
    },
    "B-tiled": {
        "one column at a time": """def conv_tiled(x, w, stride, padding, workspace):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    y = np.empty((N, K, P, Q), x.dtype)
    for n in range(N):
        for p in range(P):
            for q in range(Q):
                h, i = p * stride[0], q * stride[1]
                y[n, :, p, q] = w.reshape(K, -1) @ x0[n, :, h : h + R, i : i + S].ravel()
    return y
""",
        "tiles do not cross images": """def conv_tiled(x, w, stride, padding, workspace):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    (u, v), (a, b) = stride, padding
    P, Q = output_size(H, R, u, a), output_size(W, S, v, b)
    y = np.empty((N, K, P * Q), x.dtype)
    x0 = np.pad(x, ((0, 0), (0, 0), (a, a), (b, b)))
    group = int(workspace / x.itemsize / (C * R * S)) or 1
    for n in range(N):
        windows = np.lib.stride_tricks.sliding_window_view(x0[n], (R, S), (1, 2))[:, ::u, ::v]
        for start in range(0, P * Q, group):
            p, q = np.divmod(np.arange(start, min(P * Q, start + group)), Q)
            tile = windows[:, p, q]
            y[n, :, start : start + group] = np.tensordot(w, tile, axes=((1, 2, 3), (0, 2, 3)))
    return y.reshape(N, K, P, Q)
""",
        "one big index array": """def conv_tiled(x, w, stride, padding, workspace):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    y = np.zeros((N, K, P, Q), x.dtype)
    width = max(1, workspace // (C * R * S * x.itemsize))
    c, r, s = (a[:, None] for a in np.unravel_index(np.arange(C * R * S), (C, R, S)))
    for start in range(0, N * P * Q, width):
        j = np.arange(start, min(start + width, N * P * Q))
        n, p, q = np.unravel_index(j, (N, P, Q))
        y[n, :, p, q] = (w.reshape(K, -1) @ x0[n, c, p * stride[0] + r, q * stride[1] + s]).T
    return y
""",
        "numbers of a tile filled one at a time": """def conv_tiled(x, w, stride, padding, workspace):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    width = max(1, workspace // (C * R * S * x.itemsize))
    out = np.empty((N, K, P, Q), x.dtype)
    tile, filled = np.empty((width, C * R * S), x.dtype), []
    for place in np.ndindex(N, P, Q):
        n, p, q = place
        tile[len(filled)] = x0[n, :, p * stride[0] : p * stride[0] + R, q * stride[1] : q * stride[1] + S].ravel()
        filled.append(place)
        if len(filled) == width or place == (N - 1, P - 1, Q - 1):
            product = tile[: len(filled)] @ w.reshape(K, -1).T
            for row, (n, p, q) in zip(product, filled):
                out[n, :, p, q] = row
            filled = []
    return out
""",
        "a while loop, tile reused in place": """def conv_tiled(x, w, stride, padding, workspace):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    total, start = N * P * Q, 0
    width = min(total, max(1, workspace // (C * R * S * x.itemsize)))
    buffer = np.empty((C, R, S, width), dtype=x.dtype)
    result = np.empty((K, total), dtype=x.dtype)
    while start < total:
        stop = min(start + width, total)
        for i, j in enumerate(range(start, stop)):
            n, rest = divmod(j, P * Q)
            p, q = divmod(rest, Q)
            buffer[..., i] = x0[n, :, p * stride[0] : p * stride[0] + R, q * stride[1] : q * stride[1] + S]
        result[:, start:stop] = w.reshape(K, -1) @ buffer.reshape(C * R * S, width)[:, : stop - start]
        start = stop
    return np.moveaxis(result.reshape(K, N, P, Q), 0, 1)
""",
    },
}
