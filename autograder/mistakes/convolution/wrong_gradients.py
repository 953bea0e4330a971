"""Wrong gradients and pooling (Parts C and D): (right names, old text, new text) for the model solution's cells."""

DY_M = "dy_m = dy.transpose(1, 0, 2, 3).reshape(K, -1)"
COLUMNS = "columns = w.reshape(K, -1).T @ dy_m"
DX = "return col2im(columns, x_shape, R, S, stride, padding)"
DW = "return (dy_m @ im2col(x, R, S, stride, padding).T).reshape(w_shape)"
SUM = "dy.sum(axis=(0, 2, 3))"
MASK = "dx0[:, :, r : r + u * P : u, s : s + v * Q : v] += dy * (winner == r * S + s)"
SHARE = "dx0[:, :, r : r + u * P : u, s : s + v * Q : v] += dy / (R * S)"
CROP = "return dx0[:, :, pad_h : pad_h + H, pad_w : pad_w + W]"
MAXIMA = "return entries.max(axis=0), entries.argmax(axis=0)"
INF = "constant_values=-np.inf"

# Window by window, without col2im.
SCATTER = '''
def conv_backward_data(dy, w, x_shape, stride, padding):
    (N, C, H, W), (K, _, R, S) = x_shape, w.shape
    (u, v), (pad_h, pad_w) = stride, padding
    dx0 = np.zeros((N, C, H + 2 * pad_h, W + 2 * pad_w))
    for p in range(dy.shape[2]):
        for q in range(dy.shape[3]):
            dx0[:, :, p * u : p * u + R, q * v : q * v + S] += np.tensordot(dy[:, :, p, q], w, axes=1)
    return dx0[:, :, pad_h : pad_h + H, pad_w : pad_w + W]
'''
# As a convolution of dy, spread out by the stride.
GATHER = '''
def conv_backward_data(dy, w, x_shape, stride, padding):
    (N, C, H, W), (K, _, R, S) = x_shape, w.shape
    (u, v), (pad_h, pad_w) = stride, padding
    P, Q = dy.shape[2:]
    spread = np.zeros((N, K, H + 2 * pad_h + R - 1, W + 2 * pad_w + S - 1))
    spread[:, :, R - 1 : R - 1 + u * P : u, S - 1 : S - 1 + v * Q : v] = dy
    turned = w.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
    return conv_forward(spread, turned, (1, 1), (0, 0))[:, :, pad_h : pad_h + H, pad_w : pad_w + W]
'''
BY_POSITION = '''
def conv_backward_filter(x, dy, w_shape, stride, padding):
    K, C, R, S = w_shape
    (u, v), (pad_h, pad_w) = stride, padding
    x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))
    dw = np.zeros(w_shape)
    for p in range(dy.shape[2]):
        for q in range(dy.shape[3]):
            window = x0[:, :, p * u : p * u + R, q * v : q * v + S]
            dw += np.tensordot(dy[:, :, p, q].T, window, axes=1)
    return dw
'''
POOL = '''
def max_pool_forward(x, window, stride, padding):
    (R, S), (u, v), (pad_h, pad_w) = window, stride, padding
    P, Q = output_size(x.shape[2], R, u, pad_h), output_size(x.shape[3], S, v, pad_w)
    x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)), constant_values=-np.inf)
    y = np.empty((*x.shape[:2], P, Q))
    for p in range(P):
        for q in range(Q):
            y[:, :, p, q] = x0[:, :, p * u : p * u + R, q * v : q * v + S].max(axis=(2, 3))
    return y, (x0, y)


def max_pool_backward(dy, winner, x_shape, window, stride, padding):
    (x0, y), (R, S), (u, v), (pad_h, pad_w) = winner, window, stride, padding
    dx0 = np.zeros(x0.shape)
    for p in range(dy.shape[2]):
        for q in range(dy.shape[3]):
            at = (slice(None), slice(None), slice(p * u, p * u + R), slice(q * v, q * v + S))
            flat = (x0[at] == y[:, :, p, q][:, :, None, None]).reshape(*x_shape[:2], R * S)
            first = np.arange(R * S) == flat.argmax(axis=2)[:, :, None]
            dx0[at] += first.reshape(*x_shape[:2], R, S) * dy[:, :, p, q][:, :, None, None]
    return dx0[:, :, pad_h : pad_h + x_shape[2], pad_w : pad_w + x_shape[3]]
'''


def changed(text: str, old: str, new: str) -> str:
    """`text` with one change, which must be possible."""
    assert old in text, old
    return text.replace(old, new)


ROWS: dict[str, list[tuple[str, ...]]] = {
    "C-data": [
        ("flipped-filter", "w.reshape(K, -1).T", "w[:, :, ::-1, ::-1].reshape(K, -1).T"),
        ("flipped-one-axis", "w.reshape(K, -1).T", "w[:, :, ::-1].reshape(K, -1).T"),
        ("flipped-filter", changed(GATHER, "[:, :, ::-1, ::-1]", "")),
        ("flipped-one-axis", changed(GATHER, "[:, :, ::-1, ::-1]", "[:, :, ::-1]")),
        ("channels-not-exchanged", changed(GATHER, "w.transpose(1, 0, 2, 3)", "w.reshape(C, K, R, S)")),
        ("raises", changed(GATHER, "w.transpose(1, 0, 2, 3)", "w")),
        ("stride-ignored", changed(GATHER, "R - 1 : R - 1 + u * P : u, S - 1 : S - 1 + v * Q : v", "R - 1 : R - 1 + P, S - 1 : S - 1 + Q")),
        ("stride-ignored", changed(SCATTER, "p * u : p * u + R, q * v : q * v + S", "p : p + R, q : q + S")),
        ("stride-swapped | raises", changed(SCATTER, "p * u : p * u + R, q * v : q * v + S", "p * v : p * v + R, q * u : q * u + S")),
        ("loop-too-short", changed(SCATTER, "range(dy.shape[2])", "range(dy.shape[2] - 1)")),
        ("overlap-assigned", changed(SCATTER, "+= np.tensordot", "= np.tensordot")),
        ("crop-at-zero", changed(SCATTER, "[:, :, pad_h : pad_h + H, pad_w : pad_w + W]", "[:, :, pad_h:-pad_h, pad_w:-pad_w]")),
        ("not-cropped", changed(SCATTER, "[:, :, pad_h : pad_h + H, pad_w : pad_w + W]", "")),
        ("padding-ignored | not-cropped", changed(SCATTER, "[:, :, pad_h : pad_h + H, pad_w : pad_w + W]", "[:, :, :H, :W]")),
        ("reshape-for-transpose", DY_M, "dy_m = dy.reshape(K, -1)"),
        ("reshape-for-transpose", "w.reshape(K, -1).T", "w.reshape(-1, K)"),
        ("images-averaged", DX, DX + " / x_shape[0]"),
        ("positions-averaged", DX, DX + " / (dy.shape[2] * dy.shape[3])"),
        ("filters-averaged", COLUMNS, COLUMNS + " / K"),
        ("filters-not-summed", COLUMNS, "columns = w.reshape(K, -1)[:1].T @ dy_m[:1]"),
        ("one-image-only", DX, "dx = " + DX[7:] + "\n    dx[1:] = 0\n    return dx"),
        ("returns-output", DX, "return dy"),
        ("raises", COLUMNS, "columns = w.reshape(K, -1) @ dy_m"),
        ("fractions-lost", DX, DX + ".astype(int)"),
        ("input-changed", COLUMNS, "w *= 2; " + COLUMNS + " / 2"),
    ],
    "C-filter": [
        ("images-averaged", DW, DW + " / len(x)"),
        ("positions-averaged", DW, DW + " / (dy.shape[2] * dy.shape[3])"),
        ("positions-averaged", DW, DW + " / dy_m.shape[1]"),
        ("reshape-for-transpose", DY_M, "dy_m = dy.reshape(K, -1)"),
        ("flipped-filter", DW, DW + "[:, :, ::-1, ::-1]"),
        ("filter-transposed | wrong-shape", DW, DW + ".transpose(0, 1, 3, 2)"),
        ("channels-exchanged", DW, DW + ".transpose(1, 0, 2, 3)"),
        ("not-accumulated", changed(BY_POSITION, "dw += ", "dw = ")),
        ("not-accumulated", DW, "return (dy[-1].reshape(K, -1) @ im2col(x[-1:], R, S, stride, padding).T).reshape(w_shape)"),
        ("stride-ignored", changed(BY_POSITION, "p * u : p * u + R, q * v : q * v + S", "p : p + R, q : q + S")),
        ("stride-swapped | raises", changed(BY_POSITION, "(u, v), (pad_h", "(v, u), (pad_h")),
        ("padding-ignored | raises", changed(BY_POSITION, "(pad_h, pad_h), (pad_w, pad_w)", "(0, 2 * pad_h), (0, 2 * pad_w)").replace("window = x0", "window = x0")),
        ("padding-one-side", changed(BY_POSITION, "(pad_h, pad_h), (pad_w, pad_w)", "(2 * pad_h, 0), (2 * pad_w, 0)")),
        ("raises", DW, DW.replace("im2col(x, R, S, stride, padding).T", "im2col(x, R, S, stride, padding)")),
        ("raises", changed(BY_POSITION, "np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))", "x")),
        ("channels-mixed", DW, "dw = " + DW[7:] + "\n    return np.broadcast_to(dw.sum(axis=1, keepdims=True), w_shape)"),
        ("gradient-not-used", DY_M, "dy_m = np.ones_like(dy).transpose(1, 0, 2, 3).reshape(K, -1)"),
    ],
    "C-bias": [
        ("bias-grad-wrong-axes", SUM, "dy.sum(axis=(1, 2, 3))"),
        ("bias-grad-wrong-axes", SUM, "dy.sum(axis=(0, 1, 2))"),
        ("bias-grad-not-summed", SUM, "dy.sum(axis=0)"),
        ("bias-grad-not-summed", SUM, "dy.sum(axis=(2, 3))"),
        ("bias-grad-one-number", SUM, "dy.sum()"),
        ("images-averaged", SUM, SUM + " / len(dy)"),
        ("positions-averaged", SUM, "dy.mean(axis=(0, 2, 3))"),
        ("axes-kept", SUM, "dy.sum(axis=(0, 2, 3), keepdims=True)"),
        ("one-image-only", SUM, "dy[0].sum(axis=(1, 2))"),
        ("bias-grad-ones", SUM, "np.ones(dy.shape[1])"),
    ],
    "D-max": [
        ("padding-wins", INF, "constant_values=0"),
        ("padding-wins", ", " + INF, ""),
        ("width-uses-pool-height | raises", "(R, S), (u, v), (pad_h, pad_w) = window, stride, padding\n    P, Q = output_size(x.shape[2]", "(R, _), (u, v), (pad_h, pad_w) = window, stride, padding\n    S = R\n    P, Q = output_size(x.shape[2]"),
        ("width-uses-pool-height | raises", changed(POOL, "q * v : q * v + S].max", "q * v : q * v + R].max")),
        ("window-transposed", "(R, S), (u, v), (pad_h, pad_w) = window, stride, padding\n    P", "(S, R), (u, v), (pad_h, pad_w) = window, stride, padding\n    P"),
        ("stride-ignored", "(R, S), (u, v), (pad_h, pad_w) = window, stride, padding\n    P", "(R, S), (u, v), (pad_h, pad_w) = window, (1, 1), padding\n    P"),
        ("stride-is-window", "(R, S), (u, v), (pad_h, pad_w) = window, stride, padding\n    P", "(R, S), (u, v), (pad_h, pad_w) = window, window, padding\n    P"),
        ("stride-swapped", "(R, S), (u, v), (pad_h, pad_w) = window, stride, padding\n    P", "(R, S), (v, u), (pad_h, pad_w) = window, stride, padding\n    P"),
        ("pooled-otherwise", MAXIMA, MAXIMA.replace("entries.max", "entries.mean")),
        ("pooled-otherwise", MAXIMA, MAXIMA.replace("entries.max", "entries.min")),
        ("channels-pooled", MAXIMA, "y = np.broadcast_to(entries.max(axis=0).max(axis=1, keepdims=True), entries.shape[1:])\n    return y, entries.argmax(axis=0)"),
        ("rows-columns-swapped", MAXIMA, "return entries.max(axis=0).transpose(0, 1, 3, 2), entries.argmax(axis=0)"),
        ("letters-mixed-up", "output_size(x.shape[2], R, u, pad_h), output_size(x.shape[3], S, v, pad_w)\n    x0", "output_size(x.shape[2], S, u, pad_h), output_size(x.shape[3], S, v, pad_w)\n    x0"),
        ("not-two-results", MAXIMA, "return entries.max(axis=0)"),
        ("overlap-assigned", MASK, "at = dx0[:, :, r : r + u * P : u, s : s + v * Q : v]; hit = winner == r * S + s; at[hit] = dy[hit]"),
        ("gradient-to-every-tie", changed(POOL, "flat.argmax(axis=2)[:, :, None]", "-1").replace("first = np.arange(R * S) == -1", "first = flat")),
        ("overlap-assigned", changed(POOL, "dx0[at] += first", "dx0[at] = first")),
        ("gradient-shared-by-ties", changed(POOL, "first.reshape(*x_shape[:2], R, S)", "(flat / flat.sum(axis=2, keepdims=True)).reshape(*x_shape[:2], R, S)")),
        ("gradient-to-all", MASK, MASK.replace(" * (winner == r * S + s)", "")),
        ("gradient-shared", MASK, MASK.replace(" * (winner == r * S + s)", " / (R * S)")),
        ("winner-ones", MASK, MASK.replace("dy * (winner", "1.0 * (winner")),
        ("winner-misread", MASK, MASK.replace("r * S + s", "r * R + s")),
        ("winner-misread", MASK, MASK.replace("r * S + s", "s * R + r")),
        ("smallest-wins", MAXIMA, "return entries.max(axis=0), np.where(np.isinf(entries), np.inf, entries).argmin(axis=0)"),
        ("crop-at-zero", CROP, "return dx0[:, :, pad_h:-pad_h, pad_w:-pad_w]"),
        ("not-cropped", CROP, "return dx0"),
        ("stride-ignored", MASK, MASK.replace("r : r + u * P : u, s : s + v * Q : v", "r : r + P, s : s + Q")),
        ("input-changed", "    entries = np.stack(entries)", "    x[:] = 0\n    entries = np.stack(entries)"),
    ],
    "D-average": [
        ("divided-by-another-number", "for s in range(S)) / (R * S)", "for s in range(S)) / (R + S)"),
        ("divided-by-another-number", "for s in range(S)) / (R * S)", "for s in range(S)) / R**2"),
        ("pooled-otherwise", "for s in range(S)) / (R * S)", "for s in range(S))"),
        ("padding-not-counted", "return sum(x0", "ones = np.pad(np.ones_like(x), ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))\n    return R * S / sum(ones[:, :, r : r + u * P : u, s : s + v * Q : v] for r in range(R) for s in range(S)) * sum(x0"),
        ("gradient-not-divided", SHARE, SHARE.replace(" / (R * S)", "")),
        ("divided-by-another-number", SHARE, SHARE.replace("(R * S)", "(u * v)")),
        ("divided-by-another-number", SHARE, SHARE.replace("(R * S)", "R**2")),
        ("overlap-assigned", SHARE, SHARE.replace("+=", "=")),
        ("crop-at-zero", CROP, "return dx0[:, :, pad_h:-pad_h, pad_w:-pad_w]"),
        ("padding-ignored | not-cropped", CROP, "return dx0[:, :, :H, :W]"),
        ("stride-ignored", SHARE, SHARE.replace("r : r + u * P : u, s : s + v * Q : v", "r : r + P, s : s + Q")),
        ("stride-is-window", "(R, S), (u, v), (pad_h, pad_w) = window, stride, padding\n    P", "(R, S), (u, v), (pad_h, pad_w) = window, window, padding\n    P"),
    ],
}
