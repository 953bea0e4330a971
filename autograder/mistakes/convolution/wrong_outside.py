"""Wrong solutions of Parts A to C by somebody who had only read the notebook: (right name, old text, new text) or (right name, new cell)."""

HEAD = """def conv_forward(x, w, stride, padding):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    (u, v), (a, b) = stride, padding
    P, Q = output_size(H, R, u, a), output_size(W, S, v, b)
"""

ROWS: dict[str, list[tuple[str, ...]]] = {
    "A-size": [
        ("padding-once", "size + 2 * pad", "size + pad"),
        ("plus-one-missing", "// stride + 1", "// stride"),
        ("plus-one-inside", "return (size + 2 * pad - window) // stride + 1", "return (size + 2 * pad - window + 1) // stride"),
        ("stride-ignored", "// stride + 1", "+ 1"),
    ],
    "A-forward": [
        ("fractions-lost", "np.zeros((N, K, P, Q), x.dtype)", "np.zeros((N, K, P, Q), int)"),
        ("input-changed", "    x0 = np.pad", """    x *= 1.0001
    x0 = np.pad"""),
        ("input-changed", "return y", """w[:] = 0
    return y"""),
        ("total-not-reset", HEAD + """    x0 = np.pad(x, ((0, 0), (0, 0), (a, a), (b, b)))
    y = np.zeros((N, K, P, Q))
    for n in range(N):
        for k in range(K):
            total = 0
            for p in range(P):
                for q in range(Q):
                    for c in range(C):
                        for r in range(R):
                            for s in range(S):
                                total += w[k, c, r, s] * x0[n, c, p * u + r, q * v + s]
                    y[n, k, p, q] = total
    return y
"""),
        ("channels-not-summed", HEAD + """    x0 = np.pad(x, ((0, 0), (0, 0), (a, a), (b, b)))
    y = np.zeros((N, K, P, Q))
    for n, k, p, q in np.ndindex(N, K, P, Q):
        for c in range(C):
            y[n, k, p, q] = np.sum(w[k, c] * x0[n, c, p * u : p * u + R, q * v : q * v + S])
    return y
"""),
        ("filter-cut", HEAD + """    x0 = np.pad(x, ((0, 0), (0, 0), (a, a), (b, b)))
    y = np.zeros((N, K, P, Q))
    for n, k, p, q in np.ndindex(N, K, P, Q):
        for r in range(R):
            for s in range(R):
                y[n, k, p, q] += np.sum(w[k, :, r, s] * x0[n, :, p * u + r, q * v + s])
    return y
"""),
        ("dilated", HEAD + """    x0 = np.pad(x, ((0, 0), (0, 0), (a, a), (b, b)))
    y = np.zeros((N, K, P, Q))
    for n, k, p, q in np.ndindex(N, K, P, Q):
        for r in range(R):
            for s in range(S):
                y[n, k, p, q] += np.sum(w[k, :, r, s] * x0[n, :, (p + u * r) % x0.shape[2], (q + v * s) % x0.shape[3]])
    return y
"""),
        ("negative-index", HEAD + """    y = np.zeros((N, K, P, Q))
    for n, k, p, q in np.ndindex(N, K, P, Q):
        for r in range(R):
            for s in range(S):
                h, i = p * u + r - a, q * v + s - b
                if h < H and i < W:
                    y[n, k, p, q] += np.sum(w[k, :, r, s] * x[n, :, h, i])
    return y
"""),
        ("border-not-read", HEAD + """    y = np.zeros((N, K, P, Q))
    for n, k, p, q in np.ndindex(N, K, P, Q):
        for r in range(R):
            for s in range(S):
                h, i = p * u + r - a, q * v + s - b
                if 0 < h < H and 0 < i < W:
                    y[n, k, p, q] += np.sum(w[k, :, r, s] * x[n, :, h, i])
    return y
"""),
        ("stride-one-number", """def conv_forward(x, w, stride, padding):
    return torch.nn.functional.conv2d(torch.tensor(x), torch.tensor(w), stride=stride[0], padding=padding).numpy()
"""),
        ("wrong-shape", """def conv_forward(x, w, stride, padding):
    return torch.nn.functional.conv2d(torch.tensor(x), torch.tensor(w), stride=stride, padding=(w.shape[2] // 2, w.shape[3] // 2)).numpy()
"""),
    ],
    "A-bias": [
        ("bias-per-image", "b[:, None, None]", "np.resize(b, len(y))[:, None, None, None]"),
        ("bias-subtracted", "y + b", "y - b"),
        ("bias-multiplied", "y + b", "y * b"),
        ("returns-none", "return y + b[:, None, None]", "y = y + b[:, None, None]"),
        ("bias-missing", "y + b[:, None, None]", "y.copy()"),
    ],
    "A-true": [
        ("quarter-turn", "w[:, :, ::-1, ::-1]", "np.rot90(w, 1, axes=(2, 3))"),
        ("filter-transposed", "w[:, :, ::-1, ::-1]", "w.transpose(0, 1, 3, 2)"),
        ("output-flipped", "return conv_forward(x, w[:, :, ::-1, ::-1], stride, padding)", "return conv_forward(x, w, stride, padding)[:, :, ::-1, ::-1]"),
        ("stride-ignored", "stride, padding)\n", "(1, 1), padding)\n"),
        ("input-changed", "    return conv_forward(x, w[:, :, ::-1, ::-1], stride, padding)", """    w[:] = w[:, :, ::-1, ::-1].copy()
    return conv_forward(x, w, stride, padding)"""),
    ],
    "B-im2col": [
        ("reshape-for-transpose", """def im2col(x, R, S, stride, padding):
    N, C, H, W = x.shape
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    w = np.lib.stride_tricks.sliding_window_view(x0, (R, S), (2, 3))[:, :, :: stride[0], :: stride[1]]
    return w.reshape(C * R * S, -1)
"""),
        ("rows-in-another-order", """def im2col(x, R, S, stride, padding):
    N, C, H, W = x.shape
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    w = np.lib.stride_tricks.sliding_window_view(x0, (R, S), (2, 3))[:, :, :: stride[0], :: stride[1]]
    return w.transpose(4, 5, 1, 0, 2, 3).reshape(C * R * S, -1)
"""),
        ("batch-in-rows", """def im2col(x, R, S, stride, padding):
    return torch.nn.functional.unfold(torch.tensor(x), (R, S), stride=stride, padding=padding).numpy()
"""),
        ("reshape-for-transpose", """def im2col(x, R, S, stride, padding):
    return torch.nn.functional.unfold(torch.tensor(x), (R, S), stride=stride, padding=padding).reshape(x.shape[1] * R * S, -1).numpy()
"""),
        ("padding-one-side", "x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))", "x0 = np.pad(x, ((0, 0), (0, 0), (0, 2 * pad_h), (0, 2 * pad_w)))"),
        ("flipped-filter", "lowered[:, r, s]", "lowered[:, R - 1 - r, S - 1 - s]"),
    ],
    "B-lowered": [
        ("images-filters-swapped", ".transpose(1, 0, 2, 3)", ""),
        ("rows-columns-swapped", ".transpose(1, 0, 2, 3)", ".transpose(1, 0, 3, 2)"),
        ("columns-in-another-order", "product.reshape(K, N, P, Q).transpose(1, 0, 2, 3)", "product.reshape(K, P, Q, N).transpose(3, 0, 1, 2)"),
        ("rows-in-another-order", "w.reshape(K, -1)", "w.transpose(0, 2, 3, 1).reshape(K, -1)"),
        ("rows-columns-swapped", "product.reshape(K, N, P, Q)", "product.reshape(K, N, Q, P)"),
    ],
    "B-col2im": [
        ("overlap-assigned", "+= windows", "= windows"),
        ("crop-at-zero", "pad_h : pad_h + H, pad_w : pad_w + W", "pad_h:-pad_h, pad_w:-pad_w"),
        ("stride-ignored", "r : r + u * P : u, s : s + v * Q : v", "r : r + P, s : s + Q"),
        ("columns-in-another-order", "columns.reshape(C, R, S, N, P, Q)", "columns.reshape(C, R, S, P, Q, N).transpose(0, 1, 2, 5, 3, 4)"),
        ("constant-factor", "return x0[", """x0 = x0 / (R * S)
    return x0["""),
        ("reshape-for-transpose", ".transpose(1, 0, 2, 3)", ".reshape(N, C, P, Q)"),
        ("overlap-averaged", "    return x0[:, :, pad_h : pad_h + H, pad_w : pad_w + W]", """    counts = np.zeros_like(x0)
    for r in range(R):
        for s in range(S):
            counts[:, :, r : r + u * P : u, s : s + v * Q : v] += 1
    return (x0 / np.maximum(counts, 1))[:, :, pad_h : pad_h + H, pad_w : pad_w + W]"""),
        ("overlap-assigned", """def col2im(columns, x_shape, R, S, stride, padding):
    N, C, H, W = x_shape
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    x0 = np.zeros((N, C, H + 2 * padding[0], W + 2 * padding[1]))
    c, r, s = np.unravel_index(np.arange(C * R * S), (C, R, S))
    n, p, q = np.unravel_index(np.arange(N * P * Q), (N, P, Q))
    x0[n[None], c[:, None], p * stride[0] + r[:, None], q * stride[1] + s[:, None]] += columns
    return x0[:, :, padding[0] : H + padding[0], padding[1] : W + padding[1]]
"""),
        ("constant-offset", "np.zeros((N, C, H + 2 * pad_h, W + 2 * pad_w), columns.dtype)", "np.full((N, C, H + 2 * pad_h, W + 2 * pad_w), 0.5)"),
        ("crop-swapped", "pad_h : pad_h + H, pad_w : pad_w + W", "pad_w : pad_w + H, pad_h : pad_h + W"),
        ("flipped-filter", "windows[:, r, s]", "windows[:, R - 1 - r, S - 1 - s]"),
        ("input-changed", "    windows = columns", """    columns *= 2
    columns /= 2.0001
    windows = columns"""),
    ],
    "B-tiled": [
        ("lowered-at-once", """def conv_tiled(x, w, stride, padding, workspace):
    return conv_lowered(x, w, stride, padding)
"""),
        ("last-tile-missing", "range(0, N * P * Q, width)", "range(0, N * P * Q - width + 1, width)"),
        ("workspace-exceeded", """def conv_tiled(x, w, stride, padding, workspace):
    return np.concatenate([conv_lowered(x[n : n + 1], w, stride, padding) for n in range(len(x))])
"""),
        ("lowered-at-once", """def conv_tiled(x, w, stride, padding, workspace):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    D = im2col(x, R, S, stride, padding)
    width = max(1, workspace // (C * R * S * x.itemsize))
    parts = [w.reshape(K, -1) @ D[:, j : j + width] for j in range(0, D.shape[1], width)]
    return np.hstack(parts).reshape(K, N, P, Q).transpose(1, 0, 2, 3)
"""),
        ("lowered-at-once", """def conv_tiled(x, w, stride, padding, workspace):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    (u, v), (a, b) = stride, padding
    P, Q = output_size(H, R, u, a), output_size(W, S, v, b)
    x0 = np.pad(x, ((0, 0), (0, 0), (a, a), (b, b)))
    width = max(1, workspace // (C * R * S * x.itemsize))
    tiles, products = [], []
    for start in range(0, N * P * Q, width):
        tile = []
        for j in range(start, min(start + width, N * P * Q)):
            n, p, q = np.unravel_index(j, (N, P, Q))
            tile.append(x0[n, :, p * u : p * u + R, q * v : q * v + S].ravel())
        tiles.append(np.array(tile).T)
        products.append(w.reshape(K, -1) @ tiles[-1])
    return np.hstack(products).reshape(K, N, P, Q).transpose(1, 0, 2, 3)
"""),
        ("index-mixed-up", "j // (P * Q)", "j // P % N"),
        ("index-mixed-up", "j % Q\n", "j % P\n"),
        ("index-mixed-up", "j // Q % P", "j // P % P"),
        ("stride-ignored", "p * u + r, q * v + s", "p + r, q + s"),
    ],
    "C-data": [
        ("images-averaged", "return col2im(columns, x_shape, R, S, stride, padding)", "return col2im(columns, x_shape, R, S, stride, padding) / len(dy)"),
        ("stride-ignored", """def conv_backward_data(dy, w, x_shape, stride, padding):
    N, C, H, W = x_shape
    K, _, R, S = w.shape
    dx0 = np.zeros((N, C, H + 2 * padding[0], W + 2 * padding[1]))
    for n, k, p, q in np.ndindex(*dy.shape):
        dx0[n, :, p : p + R, q : q + S] += dy[n, k, p, q] * w[k]
    return dx0[:, :, padding[0] : padding[0] + H, padding[1] : padding[1] + W]
"""),
        ("crop-at-zero", """def conv_backward_data(dy, w, x_shape, stride, padding):
    N, C, H, W = x_shape
    K, _, R, S = w.shape
    dx0 = np.zeros((N, C, H + 2 * padding[0], W + 2 * padding[1]))
    for n, k, p, q in np.ndindex(*dy.shape):
        dx0[n, :, p * stride[0] : p * stride[0] + R, q * stride[1] : q * stride[1] + S] += dy[n, k, p, q] * w[k]
    return dx0[:, :, padding[0] : -padding[0], padding[1] : -padding[1]]
"""),
        ("overlap-assigned", """def conv_backward_data(dy, w, x_shape, stride, padding):
    N, C, H, W = x_shape
    K, _, R, S = w.shape
    dx0 = np.zeros((N, C, H + 2 * padding[0], W + 2 * padding[1]))
    for n, k, p, q in np.ndindex(*dy.shape):
        dx0[n, :, p * stride[0] : p * stride[0] + R, q * stride[1] : q * stride[1] + S] = dy[n, k, p, q] * w[k]
    return dx0[:, :, padding[0] : padding[0] + H, padding[1] : padding[1] + W]
"""),
        ("raises", """def conv_backward_data(dy, w, x_shape, stride, padding):
    N, C, H, W = x_shape
    K, _, R, S = w.shape
    _, _, Ho, Wo = dy.shape
    dx0 = np.zeros((N, C, H + 2 * padding[0], W + 2 * padding[1]))
    for n, k, p, q in np.ndindex(*dy.shape):
        dx0[n, :, p * stride[0] : p * stride[0] + R, q * stride[1] : q * stride[1] + S] += dy[n, k, Ho, Wo] * w[k]
    return dx0[:, :, padding[0] : padding[0] + H, padding[1] : padding[1] + W]
"""),
        ("not-cropped", """def conv_backward_data(dy, w, x_shape, stride, padding):
    N, C, H, W = x_shape
    K, _, R, S = w.shape
    dx0 = np.zeros((N, C, H + 2 * padding[0], W + 2 * padding[1]))
    for n, k, p, q in np.ndindex(*dy.shape):
        dx0[n, :, p * stride[0] : p * stride[0] + R, q * stride[1] : q * stride[1] + S] += dy[n, k, p, q] * w[k]
    return dx0
"""),
        ("wrong-shape", """def conv_backward_data(dy, w, x_shape, stride, padding):
    return torch.nn.functional.conv_transpose2d(torch.tensor(dy), torch.tensor(w), stride=stride, padding=padding).numpy()
"""),
        ("filters-not-summed", "return col2im(columns", """columns = w.reshape(K, -1).T[:, -1:] @ dy_m[-1:]
    return col2im(columns"""),
        ("one-filter-only", """def conv_backward_data(dy, w, x_shape, stride, padding):
    N, C, H, W = x_shape
    K, _, R, S = w.shape
    dx0 = np.zeros((N, C, H + 2 * padding[0], W + 2 * padding[1]))
    for n, k, p, q in np.ndindex(*dy.shape):
        dx0[n, :, p * stride[0] : p * stride[0] + R, q * stride[1] : q * stride[1] + S] += dy[n, k, p, q] * w[0]
    return dx0[:, :, padding[0] : padding[0] + H, padding[1] : padding[1] + W]
"""),
        ("flipped-filter", """def conv_backward_data(dy, w, x_shape, stride, padding):
    N, C, H, W = x_shape
    K, _, R, S = w.shape
    (u, v), (a, b) = stride, padding
    spread = np.zeros((N, K, H + 2 * a + R - 1, W + 2 * b + S - 1))
    P, Q = dy.shape[2:]
    spread[:, :, R - 1 : R - 1 + u * P : u, S - 1 : S - 1 + v * Q : v] = dy
    dx0 = conv_forward(spread, w.swapaxes(0, 1), (1, 1), (0, 0))
    return dx0[:, :, a : a + H, b : b + W]
"""),
    ],
    "C-filter": [
        ("reshape-for-transpose", "dy.transpose(1, 0, 2, 3).reshape(K, -1)", "dy.reshape(K, -1)"),
        ("flipped-filter", ".reshape(w_shape)", ".reshape(w_shape)[:, :, ::-1, ::-1]"),
        ("reshape-for-transpose", "(dy_m @ im2col(x, R, S, stride, padding).T).reshape(w_shape)", "(im2col(x, R, S, stride, padding) @ dy_m.T).reshape(w_shape)"),
        ("not-accumulated", """def conv_backward_filter(x, dy, w_shape, stride, padding):
    K, C, R, S = w_shape
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    dw = np.zeros(w_shape)
    for n, k, p, q in np.ndindex(*dy.shape):
        h, i = p * stride[0], q * stride[1]
        dw[k] = dy[n, k, p, q] * x0[n, :, h : h + R, i : i + S]
    return dw
"""),
        ("stride-ignored", """def conv_backward_filter(x, dy, w_shape, stride, padding):
    K, C, R, S = w_shape
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    dw = np.zeros(w_shape)
    for n, k, p, q in np.ndindex(*dy.shape):
        dw[k] += dy[n, k, p, q] * x0[n, :, p : p + R, q : q + S]
    return dw
"""),
        ("wrong-shape", """def conv_backward_filter(x, dy, w_shape, stride, padding):
    y = conv_forward(x.transpose(1, 0, 2, 3), dy.transpose(1, 0, 2, 3), (1, 1), padding)
    return y.transpose(1, 0, 2, 3)
"""),
    ],
    "C-bias": [
        ("axes-kept", "axis=(0, 2, 3))", "axis=(0, 2, 3), keepdims=True)"),
        ("bias-grad-one-number", "axis=(0, 2, 3)", ""),
        ("images-averaged", "dy.sum(axis=(0, 2, 3))", "dy.mean(axis=0).sum(axis=(1, 2))"),
        ("positions-averaged", "dy.sum(axis=(0, 2, 3))", "dy.sum(axis=0).mean(axis=(1, 2))"),
    ],
}
