"""Right solutions of Parts C and E to G, by somebody who had only read the notebook: exercise -> what is different about it -> its cell."""

CELLS: dict[str, dict[str, str]] = {
    "C-data": {
        "transposed convolution of PyTorch through autograd": """def conv_backward_data(dy, w, x_shape, stride, padding):
    x = torch.zeros(x_shape, dtype=torch.float64, requires_grad=True)
    y = torch.nn.functional.conv2d(x, torch.tensor(w, dtype=torch.float64), stride=stride, padding=padding)
    return torch.autograd.grad(y, x, torch.tensor(dy, dtype=torch.float64))[0].numpy()
""",
        "conv2d_input": """def conv_backward_data(dy, w, x_shape, stride, padding):
    return torch.nn.grad.conv2d_input(tuple(x_shape), torch.tensor(w), torch.tensor(dy), stride=tuple(stride), padding=tuple(padding))
""",
        "seven loops": """def conv_backward_data(dy, w, x_shape, stride, padding):
    dx = np.zeros(x_shape)
    N, C, H, W = x_shape
    for n, k, p, q in np.ndindex(*dy.shape):
        for c, r, s in np.ndindex(*w.shape[1:]):
            h, i = p * stride[0] + r - padding[0], q * stride[1] + s - padding[1]
            if h >= 0 and i >= 0 and h < H and i < W:
                dx[n, c, h, i] += dy[n, k, p, q] * w[k, c, r, s]
    return dx
""",
        "zeros between, turned filters, own lowering": """def conv_backward_data(dy, w, x_shape, stride, padding):
    N, C, H, W = x_shape
    K, _, R, S = w.shape
    (u, v), (a, b) = stride, padding
    spread = np.zeros((N, K, H + 2 * a + R - 1, W + 2 * b + S - 1))
    P, Q = dy.shape[2:]
    spread[:, :, R - 1 : R - 1 + u * P : u, S - 1 : S - 1 + v * Q : v] = dy
    dx0 = conv_forward(spread, w[:, :, ::-1, ::-1].swapaxes(0, 1), (1, 1), (0, 0))
    return dx0[:, :, a : a + H, b : b + W]
""",
        "a product of columns by tensordot and col2im": """def conv_backward_data(dy, w, x_shape, stride, padding):
    K, C, R, S = w.shape
    columns = np.tensordot(w, dy, axes=(0, 1)).reshape(C * R * S, -1)
    return col2im(columns, x_shape, R, S, stride, padding)
""",
    },
    "C-filter": {
        "einsum over windows": """def conv_backward_filter(x, dy, w_shape, stride, padding):
    (P, Q), (R, S) = dy.shape[2:], w_shape[2:]
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(x0, (R, S), (2, 3))[:, :, :: stride[0], :: stride[1]]
    return np.einsum("nkpq,ncpqrs->kcrs", dy, windows[:, :, :P, :Q])
""",
        "accumulated over positions": """def conv_backward_filter(x, dy, w_shape, stride, padding):
    K, C, R, S = w_shape
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    dw = np.zeros(w_shape)
    for n, k, p, q in np.ndindex(*dy.shape):
        h, i = p * stride[0], q * stride[1]
        dw[k] += dy[n, k, p, q] * x0[n, :, h : h + R, i : i + S]
    return dw
""",
        "conv2d_weight": """def conv_backward_filter(x, dy, w_shape, stride, padding):
    return torch.nn.grad.conv2d_weight(torch.tensor(x), tuple(w_shape), torch.tensor(dy), stride=stride, padding=padding).numpy()
""",
        "tensordot for every shift": """def conv_backward_filter(x, dy, w_shape, stride, padding):
    K, C, R, S = w_shape
    P, Q = dy.shape[-2:]
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    parts = [np.tensordot(dy, x0[:, :, r : r + stride[0] * P : stride[0], s : s + stride[1] * Q : stride[1]], ((0, 2, 3), (0, 2, 3)))
             for r in range(R) for s in range(S)]
    return np.moveaxis(np.array(parts), 0, -1).reshape(w_shape)
""",
    },
    "C-bias": {
        "einsum": """def conv_backward_bias(dy):
    return np.einsum("nkpq->k", dy)
""",
        "a list": """def conv_backward_bias(dy):
    return [dy[:, k].sum() for k in range(dy.shape[1])]
""",
        "flattened": """def conv_backward_bias(dy):
    return np.moveaxis(dy, 1, 0).reshape(dy.shape[1], -1) @ np.ones(dy.size // dy.shape[1])
""",
        "three sums": """def conv_backward_bias(dy):
    return dy.sum(-1).sum(-1).sum(0)
""",
    },
    "E-dft": {
        "the FFT of the unit matrix": """def dft_matrix(n):
    return np.fft.fft(np.eye(n))
""",
        "powers of the root": """def dft_matrix(n):
    omega = np.exp(-2j * np.pi / n)
    return np.vander(omega ** np.arange(n), increasing=True)
""",
        "cosine and sine in loops, lists": """import math
def dft_matrix(n):
    return [[complex(math.cos(2 * math.pi * j * k / n), -math.sin(2 * math.pi * j * k / n)) for k in range(n)] for j in range(n)]
""",
        "exponents modulo n, complex64": """def dft_matrix(n):
    j = np.arange(n)
    return np.exp(-2j * np.pi * ((j * j[:, None]) % n) / n).astype(np.complex64)
""",
    },
    "E-fft": {
        "complex fft2 and loops": """def conv_fft(x, w, padding):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    h, i = H + 2 * padding[0], W + 2 * padding[1]
    y = np.zeros((N, K, h - R + 1, i - S + 1))
    for n in range(N):
        for k in range(K):
            total = np.zeros((h, i), complex)
            for c in range(C):
                image, small = np.zeros((h, i)), np.zeros((h, i))
                image[padding[0] : padding[0] + H, padding[1] : padding[1] + W] = x[n, c]
                small[:R, :S] = w[k, c]
                total += np.fft.fft2(image) * np.fft.fft2(small).conj()
            y[n, k] = np.fft.ifft2(total).real[: h - R + 1, : i - S + 1]
    return y
""",
        "with the own DFT matrices": """def conv_fft(x, w, padding):
    R, S = w.shape[2:]
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    A, B = np.array(dft_matrix(x0.shape[2])), np.array(dft_matrix(x0.shape[3]))
    images = A @ x0 @ B
    filters = A[:, :R] @ w @ B[:S]
    product = np.einsum("nchw,kchw->nkhw", images, filters.conj())
    y = A.conj() @ product @ B.conj() / (len(A) * len(B))
    return y.real[:, :, : len(A) - R + 1, : len(B) - S + 1]
""",
        "a turned filter instead of the conjugate, larger transforms": """def conv_fft(x, w, padding):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    a, b = padding
    shape = H + 2 * a + R - 1, W + 2 * b + S - 1
    x0 = np.pad(x, ((0, 0), (0, 0), (a, a), (b, b)))
    product = np.einsum("ncij,kcij->nkij", np.fft.rfft2(x0, shape), np.fft.rfft2(w[:, :, ::-1, ::-1], shape))
    full = np.fft.irfft2(product, shape)
    return full[:, :, R - 1 : H + 2 * a, S - 1 : W + 2 * b]
""",
        "torch.fft, power of two": """def conv_fft(x, w, padding):
    H, W = x.shape[2] + 2 * padding[0], x.shape[3] + 2 * padding[1]
    x0 = torch.nn.functional.pad(torch.tensor(x), (padding[1], padding[1], padding[0], padding[0]))
    shape = (1 << (H - 1).bit_length(), 1 << (W - 1).bit_length())
    product = torch.einsum("ncij,kcij->nkij", torch.fft.rfft2(x0, s=shape), torch.fft.rfft2(torch.tensor(w), s=shape).conj())
    y = torch.fft.irfft2(product, s=shape)
    return y[:, :, : H - w.shape[2] + 1, : W - w.shape[3] + 1].numpy()
""",
        "the image conjugated, inverse as conjugate": """def conv_fft(x, w, padding):
    R, S = w.shape[2:]
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    h, i = x0.shape[2:]
    images, filters = np.fft.fft2(x0), np.fft.fft2(w, (h, i))
    total = (images.conj()[:, None] * filters[None]).sum(axis=2)
    return (np.fft.fft2(total) / (h * i)).real[:, :, : h - R + 1, : i - S + 1]
""",
    },
    "F-count": {
        "np.prod, floats and helpers": """def sizes_of(H, W, R, S, stride, padding):
    return output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])


def conv_flops(N, C, H, W, K, R, S, stride, padding):
    return 2.0 * np.prod([N, K, C, R, S, *sizes_of(H, W, R, S, stride, padding)])


def compulsory_bytes(N, C, H, W, K, R, S, stride, padding, itemsize=4):
    x, w, y = N * C * H * W, K * C * R * S, N * K * np.prod(sizes_of(H, W, R, S, stride, padding))
    return (x + w + y) * itemsize


def lowered_mebibytes(N, C, H, W, K, R, S, stride, padding, itemsize=4):
    P, Q = sizes_of(H, W, R, S, stride, padding)
    return N * C * R * S * P * Q * itemsize / (1 << 20)


def arithmetic_intensity(N, C, H, W, K, R, S, stride, padding, itemsize=4):
    return conv_flops(N, C, H, W, K, R, S, stride, padding) / compulsory_bytes(N, C, H, W, K, R, S, stride, padding, itemsize=itemsize)
""",
        "on real arrays": """def conv_flops(*layer):
    N, C, H, W, K, R, S, stride, padding = layer
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    multiplications = additions = N * K * P * Q * C * R * S
    return multiplications + additions


def compulsory_bytes(N, C, H, W, K, R, S, stride, padding, itemsize=4):
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    return sum(a * b * c * d for a, b, c, d in ((N, C, H, W), (K, C, R, S), (N, K, P, Q))) * itemsize


def lowered_mebibytes(N, C, H, W, K, R, S, stride, padding, itemsize=4):
    return itemsize * conv_flops(N, C, H, W, 1, R, S, stride, padding) / 2 / 1048576


def arithmetic_intensity(*layer, itemsize=4):
    *layer, = layer
    if len(layer) == 10:
        itemsize = layer.pop()
    return conv_flops(*layer) / compulsory_bytes(*layer, itemsize)
""",
    },
    "G-roof": {
        "np.minimum": """def attainable(intensity, peak, bandwidth):
    return np.minimum(intensity * bandwidth, peak)
""",
        "by the ridge": """def attainable(intensity, peak, bandwidth):
    ridge = peak / bandwidth
    if intensity < ridge:
        return bandwidth * intensity
    return peak
""",
        "reciprocal of the longer time": """def attainable(intensity, peak, bandwidth):
    return 1 / max(1 / peak, 1 / (intensity * bandwidth))
""",
    },
    "G-measure": {
        "layer by layer, closures bound by defaults": """def measure_layer(functions, x, w, layer, rounds):
    truth = functions["torch"](x, w, layer)
    errors, timed = {}, {}
    for algorithm in functions:
        y = functions[algorithm](x, w, layer)
        errors[algorithm] = np.max(np.abs(y - truth)) / np.max(np.abs(truth))
        timed[algorithm] = lambda f=functions[algorithm], x=x, w=w, layer=layer: f(x, w, layer)
    return measure(timed, rounds=rounds), errors
""",
        "dict comprehensions": """def measure_layer(functions, x, w, layer, rounds):
    found = {a: f(x, w, layer) for a, f in functions.items()}
    errors = {a: abs(y - found["torch"]).max() / abs(found["torch"]).max() for a, y in found.items()}
    return measure({a: partial(f, x, w, layer) for a, f in functions.items()}, rounds=rounds), errors
""",
        "more rounds": """def measure_layer(functions, x, w, layer, rounds):
    y0 = with_torch(x, w, layer)
    errors = {a: np.abs(functions[a](x, w, layer) - y0).max() / np.abs(y0).max() for a in functions}
    return measure({a: partial(functions[a], x, w, layer) for a in functions}, rounds=rounds + 2), errors
""",
    },
}
