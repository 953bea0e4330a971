"""Wrong definitions (Part A): (right names, old text, new text) for the model solution's cells."""

SIZE = "(size + 2 * pad - window) // stride + 1"
PAD = "x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))"
WINDOW = "window = x0[n, :, p * u : p * u + R, q * v : q * v + S]"
PRODUCT = "y[n, k, p, q] = np.sum(window * w[k])"
SIZES = "P, Q = output_size(H, R, u, pad_h), output_size(W, S, v, pad_w)"

# Seven loops, each index in sight; rows below change single lines of it.
LOOPS = '''
def conv_forward(x, w, stride, padding):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    (u, v), (pad_h, pad_w) = stride, padding
    P, Q = output_size(H, R, u, pad_h), output_size(W, S, v, pad_w)
    y = np.zeros((N, K, P, Q))
    for n in range(N):
        for k in range(K):
            for p in range(P):
                for q in range(Q):
                    for c in range(C):
                        for r in range(R):
                            for s in range(S):
                                i, j = p * u + r - pad_h, q * v + s - pad_w
                                if 0 <= i < H and 0 <= j < W:
                                    y[n, k, p, q] += x[n, c, i, j] * w[k, c, r, s]
    return y
'''


def loops(old: str, new: str) -> str:
    """The seven loops with one change."""
    assert old in LOOPS, old
    return LOOPS.replace(old, new)


ROWS: dict[str, list[tuple[str, ...]]] = {
    "A-size": [
        ("size-not-whole | size-not-rounded", SIZE, "(size + 2 * pad - window) / stride + 1"),
        ("size-not-whole", SIZE, "np.floor((size + 2 * pad - window) / stride) + 1"),
        ("plus-one-missing", SIZE, "(size + 2 * pad - window) // stride"),
        ("plus-one-inside", SIZE, "(size + 2 * pad - window + 1) // stride"),
        ("size-rounded-up", SIZE, "-(-(size + 2 * pad - window) // stride) + 1"),
        ("size-rounded-up", SIZE, "round((size + 2 * pad - window) / stride) + 1"),
        ("padding-once", SIZE, "(size + pad - window) // stride + 1"),
        ("padding-ignored", SIZE, "(size - window) // stride + 1"),
        ("padding-subtracted", SIZE, "(size - 2 * pad - window) // stride + 1"),
        ("stride-ignored", SIZE, "size + 2 * pad - window + 1"),
        ("window-ignored", SIZE, "(size + 2 * pad) // stride"),
        ("parentheses-missing", SIZE, "size + 2 * pad - window // stride + 1"),
        ("returns-none", "return " + SIZE, SIZE),
    ],
    "A-forward": [
        ("flipped-filter", PRODUCT, "y[n, k, p, q] = np.sum(window * w[k, :, ::-1, ::-1])"),
        ("flipped-one-axis", PRODUCT, "y[n, k, p, q] = np.sum(window * w[k, :, ::-1])"),
        ("flipped-one-axis", PRODUCT, "y[n, k, p, q] = np.sum(window * w[k, :, :, ::-1])"),
        ("flipped-channels", PRODUCT, "y[n, k, p, q] = np.sum(window * w[k, ::-1, ::-1, ::-1])"),
        ("filter-transposed", PRODUCT, "y[n, k, p, q] = np.sum(window * w[k].transpose(0, 2, 1).reshape(window.shape))"),
        ("filter-transposed", SIZES, "R, S = S, R; w = w.transpose(0, 1, 3, 2); P, Q = output_size(H, R, u, pad_h), output_size(W, S, v, pad_w)"),
        ("channels-not-summed", PRODUCT, "y[n, k, p, q] = np.sum(window[0] * w[k, 0])"),
        ("channels-averaged", PRODUCT, "y[n, k, p, q] = np.sum(np.mean(window * w[k], axis=0))"),
        ("window-averaged", PRODUCT, "y[n, k, p, q] = np.mean(window * w[k])"),
        ("window-averaged", PRODUCT, "y[n, k, p, q] = np.sum(np.mean(window * w[k], axis=(1, 2)))"),
        ("channels-summed-apart", PRODUCT, "y[n, k, p, q] = np.sum(window.sum(axis=0) * w[k].sum(axis=0))"),
        ("stride-ignored", WINDOW, "window = x0[n, :, p : p + R, q : q + S]"),
        ("stride-ignored", SIZES, "u, v = 1, 1; P, Q = output_size(H, R, u, pad_h), output_size(W, S, v, pad_w)"),
        ("stride-swapped", "(u, v), (pad_h, pad_w) = stride, padding", "(v, u), (pad_h, pad_w) = stride, padding"),
        ("stride-one-number", "(u, v), (pad_h, pad_w) = stride, padding", "u = v = stride[0]; pad_h, pad_w = padding"),
        ("stride-one-number | raises", "q * v : q * v + S", "q * u : q * u + S"),
        ("stride-one-axis", "(u, v), (pad_h, pad_w) = stride, padding", "u, v = stride[0], 1; pad_h, pad_w = padding"),
        ("stride-one-axis", WINDOW, "window = x0[n, :, p * u : p * u + R, q : q + S]"),
        ("stride-one-axis", WINDOW, "window = x0[n, :, p : p + R, q * v : q * v + S]"),
        ("padding-ignored", "(u, v), (pad_h, pad_w) = stride, padding", "(u, v), (pad_h, pad_w) = stride, (0, 0)"),
        ("padding-swapped", "(u, v), (pad_h, pad_w) = stride, padding", "(u, v), (pad_w, pad_h) = stride, padding"),
        ("padding-one-number", "(u, v), (pad_h, pad_w) = stride, padding", "(u, v), pad_h = stride, padding[0]; pad_w = pad_h"),
        ("padding-one-side", PAD, "x0 = np.pad(x, ((0, 0), (0, 0), (2 * pad_h, 0), (2 * pad_w, 0)))"),
        ("padding-one-side", PAD, "x0 = np.pad(x, ((0, 0), (0, 0), (0, 2 * pad_h), (0, 2 * pad_w)))"),
        ("padding-value", PAD, "x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)), mode='edge')"),
        ("padding-value", PAD, "x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)), constant_values=1)"),
        ("padding-value", PAD, "x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)), mode='reflect')"),
        ("rows-columns-swapped", "return y", "return y.transpose(0, 1, 3, 2)"),
        ("rows-columns-swapped", "return y", "return y.swapaxes(2, 3).copy()"),
        ("image-transposed", "(N, _, H, W), (K", "x = x.transpose(0, 1, 3, 2); (N, _, H, W), (K"),
        ("images-filters-swapped", "return y", "return y.transpose(1, 0, 2, 3)"),
        ("filters-last", "return y", "return y.transpose(0, 2, 3, 1)"),
        ("loop-too-short", "for p in range(P):", "for p in range(P - 1):"),
        ("loop-too-short", "for q in range(Q):", "for q in range(Q - 1):"),
        ("output-too-small", SIZES, SIZES + "; P -= 1; Q -= 1"),
        ("fractions-lost", "np.zeros((N, K, P, Q), x.dtype)", "np.zeros((N, K, P, Q), dtype=int)"),
        ("float32-fails", "np.zeros((N, K, P, Q), x.dtype)", "np.zeros((N, K, P, Q), np.float16 if x.dtype == np.float32 else x.dtype)"),
        ("input-changed", PAD, "x *= 1.5; x0 = np.pad(x / 1.5, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))"),
        ("one-filter-only", PRODUCT, "y[n, k, p, q] = np.sum(window * w[0])"),
        ("one-image-only", WINDOW, WINDOW.replace("x0[n", "x0[0")),
        ("returns-none", "return y", "y"),
        ("not-accumulated", loops("y[n, k, p, q] += x", "y[n, k, p, q] = x")),
        ("filter-cut", loops("for r in range(R):", "for r in range(R - 1):")),
        ("filter-cut", loops("for s in range(S):", "for s in range(S - 1):")),
        ("flipped-filter", loops("w[k, c, r, s]", "w[k, c, R - 1 - r, S - 1 - s]")),
        ("negative-index", loops("if 0 <= i < H and 0 <= j < W:", "if i < H and j < W:")),
        ("padding-one-axis", loops("q * v + s - pad_w", "q * v + s")),
        ("raises", loops("if 0 <= i < H and 0 <= j < W:", "if 0 <= i and 0 <= j:")),
        ("raises", loops("range(C)", "range(K)")),
        ("index-mixed-up", loops("p * u + r - pad_h, q", "p * u + s - pad_h, q")),
        ("index-mixed-up", loops("p * u + r - pad_h, q * v + s - pad_w", "q * u + r - pad_h, p * v + s - pad_w")),
        ("index-mixed-up", loops("p * u + r - pad_h", "p * u - r - pad_h")),
        ("index-mixed-up", loops("p * u + r - pad_h", "p * u + r - pad_w")),
        ("letters-mixed-up", loops("output_size(W, S, v, pad_w)", "output_size(W, S, v, pad_h)")),
        ("letters-mixed-up", loops("output_size(W, S, v, pad_w)", "output_size(H, S, v, pad_w)")),
        ("never-returns", loops("for n in range(N):", "n = 0\n    while n < N:")),
        ("channels-not-summed", loops("for c in range(C):", "for c in range(1):")),
        ("one-image-only", loops("y[n, k, p, q] +=", "y[:, k, p, q] +=")),
    ],
    "A-bias": [
        ("bias-wrong-axis | raises", "y + b[:, None, None]", "y + b"),
        ("bias-wrong-axis | raises", "y + b[:, None, None]", "y + b[:, None]"),
        ("bias-per-image", "y + b[:, None, None]", "y + np.resize(b, len(y))[:, None, None, None]"),
        ("bias-one-number", "y + b[:, None, None]", "y + b.sum()"),
        ("bias-one-number", "y + b[:, None, None]", "y + b[0]"),
        ("bias-missing", "y + b[:, None, None]", "y"),
        ("bias-subtracted", "y + b[:, None, None]", "y - b[:, None, None]"),
        ("bias-repeated", "y + b[:, None, None]", "y + len(y) * b[:, None, None]"),
        ("bias-first-image", "return y + b[:, None, None]", "y = y.copy()\n    y[0] += b[:, None, None]\n    return y"),
        ("bias-first-pixel", "return y + b[:, None, None]", "y = y.copy()\n    y[:, :, 0, 0] += b\n    return y"),
        ("input-changed", "return y + b[:, None, None]", "y += b[:, None, None]\n    return y"),
    ],
    "A-true": [
        ("filter-not-flipped", "w[:, :, ::-1, ::-1]", "w"),
        ("flipped-one-axis", "w[:, :, ::-1, ::-1]", "w[:, :, ::-1]"),
        ("flipped-one-axis", "w[:, :, ::-1, ::-1]", "w[:, :, :, ::-1]"),
        ("flipped-channels", "w[:, :, ::-1, ::-1]", "w[:, ::-1, ::-1, ::-1]"),
        ("flipped-channels", "w[:, :, ::-1, ::-1]", "w[::-1, ::-1, ::-1, ::-1]"),
        ("flipped-channels", "w[:, :, ::-1, ::-1]", "w[::-1, :, ::-1, ::-1]"),
        ("image-flipped", "conv_forward(x, w[:, :, ::-1, ::-1]", "conv_forward(x[:, :, ::-1, ::-1], w"),
    ],
}
