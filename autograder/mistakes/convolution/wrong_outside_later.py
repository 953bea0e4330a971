"""Wrong solutions of Parts D to G by somebody who had only read the notebook: (right name, old text, new text) or (right name, new cell)."""

POOL_HEAD = """def max_pool_forward(x, window, stride, padding):
    (R, S), (u, v), (pad_h, pad_w) = window, stride, padding
    P, Q = output_size(x.shape[2], R, u, pad_h), output_size(x.shape[3], S, v, pad_w)
    x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(x0, (R, S), (2, 3))[:, :, ::u, ::v]
"""

BACK_HEAD = """def max_pool_backward(dy, winner, x_shape, window, stride, padding):
    (N, C, H, W), (R, S) = x_shape, window
    (u, v), (pad_h, pad_w) = stride, padding
    P, Q = dy.shape[2:]
    dx0 = np.zeros((N, C, H + 2 * pad_h, W + 2 * pad_w), dy.dtype)
"""

ROWS: dict[str, list[tuple[str, ...]]] = {
    "D-max": [
        ("starts-at-zero", "entries.max(axis=0), entries.argmax(axis=0)", "np.maximum(entries.max(axis=0), 0), entries.argmax(axis=0)"),
        ("absolute-value", "entries.max(axis=0)", "np.abs(entries).max(axis=0)"),
        ("winner-one-number", "entries.argmax(axis=0)", "entries.argmax()"),
        ("smallest-wins", "entries.argmax(axis=0)", "entries.argmin(axis=0)"),
        ("results-swapped", "return entries.max(axis=0), entries.argmax(axis=0)", "return entries.argmax(axis=0), entries.max(axis=0)"),
        ("crop-at-zero", "pad_h : pad_h + H, pad_w : pad_w + W]", "pad_h:-pad_h, pad_w:-pad_w]"),
        ("not-cropped", "pad_h : pad_h + H, pad_w : pad_w + W]", ":H, :W]"),
        ("winner-ones", "+= dy * (winner == r * S + s)", "+= 1.0 * (winner == r * S + s)"),
        ("gradient-to-all", "+= dy * (winner == r * S + s)", "+= dy"),
        ("gradient-shared", "+= dy * (winner == r * S + s)", "+= dy / (R * S)"),
        ("gradient-to-every-tie", POOL_HEAD + """    y = windows.max(axis=(4, 5))
    return y, windows == y[..., None, None]


""" + BACK_HEAD + """    for r in range(R):
        for s in range(S):
            dx0[:, :, r : r + u * P : u, s : s + v * Q : v] += dy * winner[..., r, s]
    return dx0[:, :, pad_h : pad_h + H, pad_w : pad_w + W]
"""),
        ("gradient-shared-by-ties", POOL_HEAD + """    y = windows.max(axis=(4, 5))
    mask = windows == y[..., None, None]
    return y, mask / mask.sum(axis=(4, 5), keepdims=True)


""" + BACK_HEAD + """    for r in range(R):
        for s in range(S):
            dx0[:, :, r : r + u * P : u, s : s + v * Q : v] += dy * winner[..., r, s]
    return dx0[:, :, pad_h : pad_h + H, pad_w : pad_w + W]
"""),
        ("overlap-assigned", POOL_HEAD + """    flat = windows.reshape(*windows.shape[:4], -1)
    r, s = np.divmod(flat.argmax(-1), S)
    N, C = x.shape[:2]
    n, c, p, q = np.ogrid[:N, :C, :P, :Q]
    return flat.max(-1), ((n * C + c) * x.shape[2] + p * u + r - pad_h) * x.shape[3] + q * v + s - pad_w


def max_pool_backward(dy, winner, x_shape, window, stride, padding):
    dx = np.zeros(x_shape)
    dx.reshape(-1)[winner] += dy
    return dx
"""),
        ("winner-remembered", POOL_HEAD + """    global remembered
    flat = windows.reshape(*windows.shape[:4], -1)
    remembered = flat.argmax(-1)
    return flat.max(-1), None


""" + BACK_HEAD + """    for r in range(R):
        for s in range(S):
            dx0[:, :, r : r + u * P : u, s : s + v * Q : v] += dy * (remembered == r * S + s)
    return dx0[:, :, pad_h : pad_h + H, pad_w : pad_w + W]
"""),
        ("stride-is-window", "(R, S), (u, v), (pad_h, pad_w) = window, stride, padding", "(R, S), (u, v), (pad_h, pad_w) = window, window, padding"),
        ("window-transposed", "(R, S), (u, v), (pad_h, pad_w) = window, stride, padding", "(S, R), (u, v), (pad_h, pad_w) = window, stride, padding"),
        ("channels-pooled", "return entries.max(axis=0), entries.argmax(axis=0)", """m = entries.max(axis=(0, 2), keepdims=True)[0]
    return np.broadcast_to(m, entries.shape[1:]), entries.argmax(axis=0)"""),
        ("starts-at-zero", """def max_pool_forward(x, window, stride, padding):
    N, C, H, W = x.shape
    P, Q = output_size(H, window[0], stride[0], padding[0]), output_size(W, window[1], stride[1], padding[1])
    y, winner = np.zeros((N, C, P, Q)), np.zeros((N, C, P, Q), int)
    for n, c, p, q in np.ndindex(N, C, P, Q):
        best = 0
        for r in range(window[0]):
            for s in range(window[1]):
                h, i = p * stride[0] + r - padding[0], q * stride[1] + s - padding[1]
                if 0 <= h < H and 0 <= i < W and x[n, c, h, i] > best:
                    best, winner[n, c, p, q] = x[n, c, h, i], r * window[1] + s
        y[n, c, p, q] = best
    return y, winner


""" + BACK_HEAD + """    for r in range(R):
        for s in range(S):
            dx0[:, :, r : r + u * P : u, s : s + v * Q : v] += dy * (winner == r * S + s)
    return dx0[:, :, pad_h : pad_h + H, pad_w : pad_w + W]
"""),
        ("input-changed", "    P, Q = dy.shape[2:]\n", """    P, Q = dy.shape[2:]
    dy *= 1.5
"""),
        ("input-changed", "    x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)), constant_values=-np.inf)", """    x[:, :, 0] = -9
    x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)), constant_values=-np.inf)"""),
    ],
    "D-average": [
        ("padding-not-counted", """def average_pool_forward(x, window, stride, padding):
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2), constant_values=np.nan)
    return np.nanmean(np.lib.stride_tricks.sliding_window_view(x0, window, (2, 3))[:, :, :: stride[0], :: stride[1]], axis=(-1, -2))


def average_pool_backward(dy, x_shape, window, stride, padding):
    (N, C, H, W), (R, S) = x_shape, window
    (u, v), (pad_h, pad_w) = stride, padding
    P, Q = dy.shape[2:]
    dx0 = np.zeros((N, C, H + 2 * pad_h, W + 2 * pad_w), dy.dtype)
    for r in range(R):
        for s in range(S):
            dx0[:, :, r : r + u * P : u, s : s + v * Q : v] += dy / (R * S)
    return dx0[:, :, pad_h : pad_h + H, pad_w : pad_w + W]
"""),
        ("gradient-not-divided", "+= dy / (R * S)", "+= dy"),
        ("overlap-assigned", "+= dy / (R * S)", "= dy / (R * S)"),
        ("constant-factor", "+= dy / (R * S)", "+= dy / (P * Q)"),
        ("constant-factor", "+= dy / (R * S)", "+= dy / (H * W)"),
        ("not-cropped", "return dx0[:, :, pad_h : pad_h + H, pad_w : pad_w + W]", "return dx0"),
        ("fractions-lost", "for s in range(S)) / (R * S)", "for s in range(S)) // (R * S)"),
        ("pooled-otherwise", "return sum(", """return np.max([x0[:, :, r : r + u * P : u, s : s + v * Q : v] for r in range(R) for s in range(S)], axis=0)
    return sum("""),
        ("not-finite", "(pad_w, pad_w)))", "(pad_w, pad_w)), constant_values=-np.inf)"),
        ("stride-ignored", "dx0[:, :, r : r + u * P : u, s : s + v * Q : v]", "dx0[:, :, r : r + P, s : s + Q]"),
    ],
    "E-dft": [
        ("sign-of-the-exponent", "-2j", "2j"),
        ("n-missing", " / n)", ")"),
        ("sum-for-product", "np.outer(j, j)", "(j[:, None] + j)"),
        ("sign-of-the-exponent", "return np.exp(-2j * np.pi * np.outer(j, j) / n)", "return np.fft.ifft(np.eye(n))"),
    ],
    "E-fft": [
        ("padding-ignored", "x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))", "x0 = x"),
        ("not-cropped", "[:, :, : shape[0] - R + 1, : shape[1] - S + 1]", ""),
        ("output-too-small", "shape[0] - R + 1, : shape[1] - S + 1", "shape[0] - R, : shape[1] - S"),
        ("shape-of-the-inverse", "np.fft.irfft2(product, shape)", "np.fft.irfft2(product)"),
        ("channels-not-summed", "images.transpose(2, 3, 0, 1) @ filters.transpose(2, 3, 1, 0)", "images[:, :1].transpose(2, 3, 0, 1) @ filters[:, :1].transpose(2, 3, 1, 0)"),
        ("imaginary-lost", "np.fft.rfft2(x0), np.conj", "np.fft.rfft2(x0).real, np.conj"),
        ("images-filters-swapped", ".transpose(2, 3, 0, 1)\n", ".transpose(3, 2, 0, 1)\n"),
        ("conjugate-of-the-image", "np.fft.rfft2(x0), np.conj(np.fft.rfft2(w, shape))", "np.conj(np.fft.rfft2(x0)), np.fft.rfft2(w, shape)"),
        ("absolute-value", """def conv_fft(x, w, padding):
    R, S = w.shape[2:]
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    h, i = x0.shape[2:]
    total = np.einsum("ncij,kcij->nkij", np.fft.fft2(x0), np.fft.fft2(w, (h, i)).conj())
    return np.abs(np.fft.ifft2(total))[:, :, : h - R + 1, : i - S + 1]
"""),
        ("real-part-forgotten", """def conv_fft(x, w, padding):
    R, S = w.shape[2:]
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    h, i = x0.shape[2:]
    total = np.einsum("ncij,kcij->nkij", np.fft.fft2(x0), np.fft.fft2(w, (h, i)).conj())
    return np.fft.ifft2(total)[:, :, : h - R + 1, : i - S + 1]
"""),
        ("forward-for-inverse", """def conv_fft(x, w, padding):
    R, S = w.shape[2:]
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    h, i = x0.shape[2:]
    total = np.einsum("ncij,kcij->nkij", np.fft.fft2(x0), np.fft.fft2(w, (h, i)).conj())
    return np.fft.fft2(total).real[:, :, : h - R + 1, : i - S + 1]
"""),
        ("axes-of-the-transform", """def conv_fft(x, w, padding):
    R, S = w.shape[2:]
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    h, i = x0.shape[2:]
    w0 = np.zeros((*w.shape[:2], h, i))
    w0[:, :, :R, :S] = w
    total = np.einsum("ncij,kcij->nkij", np.fft.rfft(x0), np.fft.rfft(w0).conj())
    return np.fft.irfft(total, i)[:, :, : h - R + 1, : i - S + 1]
"""),
        ("axes-of-the-transform", """def conv_fft(x, w, padding):
    R, S = w.shape[2:]
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    h, i = x0.shape[2:]
    w0 = np.zeros((*w.shape[:2], h, i))
    w0[:, :, :R, :S] = w
    total = np.einsum("ncij,kcij->nkij", np.fft.fftn(x0), np.fft.fftn(w0).conj())
    return np.fft.ifftn(total).real[:, :, : h - R + 1, : i - S + 1]
"""),
        ("wrong-crop", """def conv_fft(x, w, padding):
    R, S = w.shape[2:]
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    h, i = x0.shape[2:]
    w0 = np.zeros((*w.shape[:2], h, i))
    a, b = (h - R) // 2, (i - S) // 2
    w0[:, :, a : a + R, b : b + S] = w
    total = np.einsum("ncij,kcij->nkij", np.fft.fft2(x0), np.fft.fft2(w0).conj())
    return np.fft.ifft2(total).real[:, :, : h - R + 1, : i - S + 1]
"""),
    ],
    "F-count": [
        ("factor-two-missing", "return 2 * N * K", "return N * K"),
        ("channels-forgotten", "return 2 * N * K * C", "return 2 * N * K"),
        ("additions-counted-exactly", "return 2 * N * K * C * R * S * P * Q", "return N * K * P * Q * (2 * C * R * S - 1)"),
        ("padding-counted", "N * C * H * W + K * C", "N * C * (H + 2 * padding[0]) * (W + 2 * padding[1]) + K * C"),
        ("output-forgotten", " + N * K * P * Q)", ")"),
        ("filters-per-image", "K * C * R * S + N", "N * K * C * R * S + N"),
        ("output-twice", "+ N * K * P * Q)", "+ 2 * N * K * P * Q)"),
        ("megabytes", "/ 2**20", "/ 1e6"),
        ("bytes-for-mebibytes", " / 2**20", ""),
        ("bytes-for-mebibytes", "/ 2**20", "/ 1024"),
        ("filters-for-channels", "(N * P * Q) / 2**20", "(N * K * P * Q) / 2**20"),
        ("fractions-lost", "/ 2**20", "// 2**20"),
        ("intensity-upside-down", "conv_flops(*layer) / compulsory_bytes(*layer, itemsize)", "compulsory_bytes(*layer, itemsize) / conv_flops(*layer)"),
        ("fractions-lost", "conv_flops(*layer) / compulsory", "conv_flops(*layer) // compulsory"),
        ("constant-factor", "conv_flops(*layer) / compulsory_bytes(*layer, itemsize)", "conv_flops(*layer) / compulsory_bytes(*layer, itemsize) * 1e6"),
    ],
    "G-roof": [
        ("max-for-min", "min(peak", "max(peak"),
        ("divided-for-multiplied", "intensity * bandwidth", "bandwidth / intensity"),
        ("divided-for-multiplied", "intensity * bandwidth", "intensity / bandwidth"),
        ("share-of-the-peak", "min(peak, intensity * bandwidth)", "min(1, intensity * bandwidth / peak)"),
        ("intensity-ignored", "min(peak, intensity * bandwidth)", "peak / bandwidth"),
    ],
    "G-measure": [
        ("algorithm-missing", "for algorithm, function in functions.items()}, rounds", "for algorithm, function in list(functions.items())[-3:]}, rounds"),
        ("not-a-timing", """def measure_layer(functions, x, w, layer, rounds):
    expected = with_torch(x, w, layer)
    errors = {a: float(np.abs(f(x, w, layer) - expected).max() / np.abs(expected).max()) for a, f in functions.items()}
    return {a: t.median for a, t in measure({a: partial(f, x, w, layer) for a, f in functions.items()}, rounds=rounds).items()}, errors
"""),
        ("algorithm-missing", """def measure_layer(functions, x, w, layer, rounds):
    expected = with_torch(x, w, layer)
    found = measure({a: partial(f, x, w, layer) for a, f in run.items()}, rounds=rounds)
    errors = {}
    for a, f in run.items():
        errors[a] = float(np.abs(f(x, w, layer) - expected).max() / np.abs(expected).max())
    return found, errors
"""),
        ("still-to-do", """def measure_layer(functions, x, w, layer, rounds):
    timings = measure({a: partial(f, x, w, layer) for a, f in functions.items()}, rounds=rounds)
    raise NotImplementedError
"""),
        ("algorithm-missing", """def measure_layer(functions, x, w, layer, rounds):
    timings, errors = {}, {}
    expected = with_torch(x, w, layer)
    for a, f in functions.items():
        errors = {a: float(np.abs(f(x, w, layer) - expected).max() / np.abs(expected).max())}
        timings = measure({a: partial(f, x, w, layer)}, rounds=rounds)
    return timings, errors
"""),
        ("other-images", """def measure_layer(functions, x, w, layer, rounds):
    x, w = random_case(layer, seed=3)
    expected = with_torch(x, w, layer)
    errors = {a: float(np.abs(f(x, w, layer) - expected).max() / np.abs(expected).max()) for a, f in functions.items()}
    return measure({a: partial(f, x, w, layer) for a, f in functions.items()}, rounds=rounds), errors
"""),
        ("entry-by-entry", """def measure_layer(functions, x, w, layer, rounds):
    y = functions["torch"](x, w, layer)
    errors = {a: np.max(np.abs((f(x, w, layer) - y) / y)) for a, f in functions.items()}
    return measure({a: partial(f, x, w, layer) for a, f in functions.items()}, rounds=rounds), errors
"""),
    ],
}
