"""Wrong lowering (Part B): (right names, old text, new text) for the model solution's cells."""

RESHAPE = "return lowered.reshape(C * R * S, N * P * Q)"
FILL = "lowered[:, r, s] = x0[:, :, r : r + u * P : u, s : s + v * Q : v].transpose(1, 0, 2, 3)"
PAIRS = "(u, v), (pad_h, pad_w) = stride, padding"
PAD = "x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))"
BACK = "product.reshape(K, N, P, Q).transpose(1, 0, 2, 3)"
READ = "windows = columns.reshape(C, R, S, N, P, Q)"
ADD = "x0[:, :, r : r + u * P : u, s : s + v * Q : v] += windows[:, r, s].transpose(1, 0, 2, 3)"
CROP = "return x0[:, :, pad_h : pad_h + H, pad_w : pad_w + W]"
MADE, LOOP = "product = np.empty((K, N * P * Q), x.dtype)", "for start in range(0, N * P * Q, width):"
WIDTH = "width = max(1, workspace // (C * R * S * x.itemsize))"


def view(rest: str) -> str:
    """im2col from all windows at once, as (N, C, P, Q, R, S), with another last line."""
    return f'''
def im2col(x, R, S, stride, padding):
    (u, v), (pad_h, pad_w) = stride, padding
    x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))
    view = np.lib.stride_tricks.sliding_window_view(x0, (R, S), axis=(2, 3))[:, :, ::u, ::v]
    N, C, P, Q = view.shape[:4]
    return {rest}
'''


ROWS: dict[str, list[tuple[str, ...]]] = {
    "B-im2col": [
        ("lowering-transposed", RESHAPE, RESHAPE + ".T"),
        ("rows-in-another-order", RESHAPE, "return lowered.transpose(1, 2, 0, 3, 4, 5).reshape(C * R * S, N * P * Q)"),
        ("rows-in-another-order", RESHAPE, "return lowered.transpose(0, 2, 1, 3, 4, 5).reshape(C * R * S, N * P * Q)"),
        ("columns-in-another-order", RESHAPE, "return lowered.transpose(0, 1, 2, 4, 5, 3).reshape(C * R * S, N * P * Q)"),
        ("columns-in-another-order", RESHAPE, "return lowered.transpose(0, 1, 2, 3, 5, 4).reshape(C * R * S, N * P * Q)"),
        ("reshape-for-transpose", view("view.reshape(C * R * S, N * P * Q)")),
        ("reshape-for-transpose", view("view.transpose(0, 1, 4, 5, 2, 3).reshape(C * R * S, N * P * Q)")),
        ("batch-in-rows", view("view.transpose(0, 1, 4, 5, 2, 3).reshape(N, C * R * S, P * Q)")),
        ("windows-not-flattened", RESHAPE, "return lowered"),
        ("windows-not-flattened", view("view.transpose(1, 4, 5, 0, 2, 3)")),
        ("flipped-filter", FILL, FILL.replace("lowered[:, r, s]", "lowered[:, R - 1 - r, S - 1 - s]")),
        ("stride-ignored", FILL, "lowered[:, r, s] = x0[:, :, r : r + P, s : s + Q].transpose(1, 0, 2, 3)"),
        ("stride-one-axis", FILL, "lowered[:, r, s] = x0[:, :, r : r + u * P : u, s : s + Q].transpose(1, 0, 2, 3)"),
        ("stride-ignored", PAIRS, "(u, v), (pad_h, pad_w) = (1, 1), padding"),
        ("stride-swapped", PAIRS, "(v, u), (pad_h, pad_w) = stride, padding"),
        ("stride-one-axis", PAIRS, "u, v = stride[0], 1; pad_h, pad_w = padding"),
        ("padding-ignored", PAIRS, "(u, v), (pad_h, pad_w) = stride, (0, 0)"),
        ("padding-swapped", PAIRS, "(u, v), (pad_w, pad_h) = stride, padding"),
        ("padding-one-side", PAD, "x0 = np.pad(x, ((0, 0), (0, 0), (2 * pad_h, 0), (2 * pad_w, 0)))"),
        ("padding-value", PAD, "x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)), mode='edge')"),
        ("one-image-only", "N, C, H, W = x.shape", "x = x[:1]; N, C, H, W = x.shape"),
        ("fractions-lost", "np.empty((C, R, S, N, P, Q), x.dtype)", "np.empty((C, R, S, N, P, Q), int)"),
        ("letters-mixed-up", "output_size(W, S, v, pad_w)", "output_size(W, S, v, pad_h)"),
        ("float32-fails", "np.empty((C, R, S, N, P, Q), x.dtype)", "np.empty((C, R, S, N, P, Q), x.dtype if x.itemsize > 4 else np.float16)"),
        ("raises", FILL, FILL.replace(".transpose(1, 0, 2, 3)", "")),
        ("returns-none", RESHAPE, "lowered.reshape(C * R * S, N * P * Q)"),
    ],
    "B-lowered": [
        ("reshape-for-transpose", BACK, "product.reshape(N, K, P, Q)"),
        ("images-filters-swapped", BACK, "product.reshape(K, N, P, Q)"),
        ("rows-columns-swapped", BACK, "product.reshape(K, N, P, Q).transpose(1, 0, 3, 2)"),
        ("reshape-for-transpose", BACK, "product.T.reshape(N, K, P, Q)"),
        ("filter-transposed", "w.reshape(K, -1)", "w.transpose(0, 1, 3, 2).reshape(K, -1)"),
        ("flipped-filter", "w.reshape(K, -1)", "w[:, :, ::-1, ::-1].reshape(K, -1)"),
        ("raises", "w.reshape(K, -1) @", "w.reshape(-1, K) @"),
        ("stride-swapped | raises", "im2col(x, R, S, stride, padding)", "im2col(x, R, S, stride[::-1], padding)"),
        ("padding-swapped | raises", "im2col(x, R, S, stride, padding)", "im2col(x, R, S, stride, padding[::-1])"),
    ],
    "B-col2im": [
        ("overlap-assigned", ADD, ADD.replace("+=", "=")),
        ("crop-at-zero", CROP, "return x0[:, :, pad_h:-pad_h, pad_w:-pad_w]"),
        ("not-cropped", CROP, "return x0"),
        ("not-cropped", CROP, "return x0[:, :, :H, :W]"),
        ("crop-swapped", CROP, "return x0[:, :, pad_w : pad_w + H, pad_h : pad_h + W]"),
        ("stride-ignored", ADD, "x0[:, :, r : r + P, s : s + Q] += windows[:, r, s].transpose(1, 0, 2, 3)"),
        ("stride-swapped | raises", ADD, ADD.replace("r + u * P : u", "r + v * P : v").replace("s + v * Q : v", "s + u * Q : u")),
        ("rows-in-another-order", READ, "windows = columns.reshape(R, S, C, N, P, Q).transpose(2, 0, 1, 3, 4, 5)"),
        ("rows-in-another-order", READ, "windows = columns.reshape(C, S, R, N, P, Q).transpose(0, 2, 1, 3, 4, 5)"),
        ("columns-in-another-order", READ, "windows = columns.reshape(C, R, S, P, Q, N).transpose(0, 1, 2, 5, 3, 4)"),
        ("reshape-for-transpose", READ, "windows = columns.reshape(N, C, R, S, P, Q).transpose(1, 2, 3, 0, 4, 5)"),
        ("flipped-filter", ADD, ADD.replace("windows[:, r, s]", "windows[:, R - 1 - r, S - 1 - s]")),
        ("filter-cut", "    for r in range(R):", "    for r in range(R - 1):"),
        ("filter-cut", "        for s in range(S):", "        for s in range(S - 1):"),
        ("not-accumulated", "        for s in range(S):\n            x0[", "        for s in range(S):\n            x0[:] = 0\n            x0["),
        ("overlap-averaged", CROP, "count = np.zeros_like(x0)\n    for r in range(R):\n        for s in range(S):\n            count[:, :, r : r + u * P : u, s : s + v * Q : v] += 1\n    x0 = x0 / np.maximum(count, 1)\n    " + CROP),
        ("fractions-lost", CROP, "return x0[:, :, pad_h : pad_h + H, pad_w : pad_w + W].astype(int)"),
    ],
    "B-tiled": [
        ("lowered-at-once", "    width = max", "    whole = im2col(x, R, S, stride, padding)\n    width = max"),
        ("workspace-exceeded", WIDTH, "width = max(1, workspace // (C * R * S))"),
        ("workspace-exceeded | lowered-at-once", WIDTH, "width = max(1, workspace // x.itemsize)"),
        ("workspace-exceeded | lowered-at-once", WIDTH, "width = P * Q"),
        ("raises", WIDTH, "width = workspace // (C * R * S * x.itemsize)"),
        ("lowered-at-once | workspace-exceeded", WIDTH, "width = N * P * Q"),
        ("last-tile-missing", f"{MADE}\n    {WIDTH}\n    {LOOP}", f"{MADE.replace('empty', 'zeros')}\n    {WIDTH}\n    {LOOP.replace('P * Q,', 'P * Q - width + 1,')}"),
        ("raises", "j = np.arange(start, min(start + width, N * P * Q))", "j = np.arange(start, start + width)"),
        ("reshape-for-transpose", "product.reshape(K, N, P, Q).transpose(1, 0, 2, 3)", "product.reshape(N, K, P, Q)"),
        ("stride-ignored", "x0[n, :, p * u + r, q * v + s]", "x0[n, :, p + r, q + s]"),
        ("stride-swapped | raises", "x0[n, :, p * u + r, q * v + s]", "x0[n, :, p * v + r, q * u + s]"),
        ("stride-one-axis", "x0[n, :, p * u + r, q * v + s]", "x0[n, :, p * u + r, q + s]"),
        ("flipped-filter", "x0[n, :, p * u + r, q * v + s]", "x0[n, :, p * u + R - 1 - r, q * v + S - 1 - s]"),
        ("raises", "j // (P * Q), j // Q % P, j % Q", "j // (P * Q), j // P % Q, j % P"),
        ("differs", "j // (P * Q), j // Q % P, j % Q", "j // (P * Q), j % P, j // P % Q"),
    ],
}
