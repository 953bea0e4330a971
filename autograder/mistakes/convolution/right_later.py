"""Right but different pooling, transforms, counts and measurements (Parts D to G)."""

POOL_LOOPS = '''
def max_pool_forward(x, window, stride, padding):
    """Winners as their places in the image; padding is left out instead of filled."""
    (N, C, H, W), (R, S), (u, v), (a, b) = x.shape, window, stride, padding
    P, Q = output_size(H, R, u, a), output_size(W, S, v, b)
    y = np.empty((N, C, P, Q), x.dtype)
    where = np.empty((N, C, P, Q, 2), int)
    for n, c, p, q in np.ndindex(N, C, P, Q):
        top, left = max(0, p * u - a), max(0, q * v - b)
        part = x[n, c, top : p * u - a + R, left : q * v - b + S]
        i, j = np.unravel_index(part.argmax(), part.shape)
        y[n, c, p, q], where[n, c, p, q] = part[i, j], (top + i, left + j)
    return y, where


def max_pool_backward(dy, winner, x_shape, window, stride, padding):
    dx = np.zeros(x_shape)
    for n, c, p, q in np.ndindex(dy.shape):
        i, j = winner[n, c, p, q]
        dx[n, c, i, j] += dy[n, c, p, q]
    return dx
'''
POOL_LAST_WINS = '''
def max_pool_forward(x, window, stride, padding):
    """Of equal ones the last wins: `>=`."""
    (R, S), (u, v), (a, b) = window, stride, padding
    P, Q = output_size(x.shape[2], R, u, a), output_size(x.shape[3], S, v, b)
    x0 = np.full((*x.shape[:2], x.shape[2] + 2 * a, x.shape[3] + 2 * b), -1e30)
    x0[:, :, a : a + x.shape[2], b : b + x.shape[3]] = x
    y, winner = np.full((*x.shape[:2], P, Q), -1e30), np.zeros((*x.shape[:2], P, Q), int)
    for r in range(R):
        for s in range(S):
            entry = x0[:, :, r : r + u * P : u, s : s + v * Q : v]
            winner[entry >= y] = r * S + s
            y = np.maximum(y, entry)
    return [y, {"number": winner, "shape": x0.shape}]


def max_pool_backward(dy, winner, x_shape, window, stride, padding):
    dx0, number = np.zeros(winner["shape"]), winner["number"]
    n, c, p, q = np.indices(dy.shape)
    rows = p * stride[0] + number // window[1]
    columns = q * stride[1] + number % window[1]
    np.add.at(dx0, (n, c, rows, columns), dy)
    a, b = padding
    return dx0[:, :, a : a + x_shape[2], b : b + x_shape[3]]
'''
POOL_TORCH = '''
import torch


def max_pool_forward(x, window, stride, padding):
    """Winners as torch counts them: flat places in the image."""
    x = torch.nn.functional.pad(torch.as_tensor(x), (padding[1],) * 2 + (padding[0],) * 2, value=-torch.inf)
    y, where = torch.nn.functional.max_pool2d(x, window, stride, return_indices=True)
    return y, (where, tuple(x.shape))


def max_pool_backward(dy, winner, x_shape, window, stride, padding):
    where, shape = winner
    flat = torch.zeros(*shape[:2], shape[2] * shape[3], dtype=torch.as_tensor(dy).dtype)
    flat.scatter_add_(2, where.flatten(2), torch.as_tensor(dy).flatten(2))
    (a, b), (H, W) = padding, x_shape[2:]
    return flat.reshape(shape)[:, :, a : a + H, b : b + W]
'''
POOL_KEEPS_INPUT = '''
def max_pool_forward(x, window, stride, padding):
    """Backward looks for the winners again, in the images that forward kept."""
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2), constant_values=-np.inf)
    view = np.lib.stride_tricks.sliding_window_view(x0, window, axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    return view.max((4, 5)), x0


def max_pool_backward(dy, winner, x_shape, window, stride, padding):
    (R, S), (u, v), (a, b) = window, stride, padding
    dx0 = np.zeros_like(winner)
    for p in range(dy.shape[2]):
        for q in range(dy.shape[3]):
            part = winner[:, :, p * u : p * u + R, q * v : q * v + S].reshape(*x_shape[:2], -1)
            hit = np.eye(R * S)[part.argmax(2)].reshape(*x_shape[:2], R, S)
            dx0[:, :, p * u : p * u + R, q * v : q * v + S] += hit * dy[:, :, p, q, None, None]
    return dx0[:, :, a : dx0.shape[2] - a, b : dx0.shape[3] - b]
'''
AVERAGE_LOOPS = '''
def average_pool_forward(x, window, stride, padding):
    (R, S), (u, v), (a, b) = window, stride, padding
    x0 = np.pad(x, ((0, 0), (0, 0), (a, a), (b, b)))
    y = np.empty((*x.shape[:2], output_size(x.shape[2], R, u, a), output_size(x.shape[3], S, v, b)), x.dtype)
    for p in range(y.shape[2]):
        for q in range(y.shape[3]):
            y[:, :, p, q] = x0[:, :, p * u : p * u + R, q * v : q * v + S].mean(axis=(2, 3))
    return y


def average_pool_backward(dy, x_shape, window, stride, padding):
    (R, S), (u, v), (a, b) = window, stride, padding
    dx0 = np.zeros((*x_shape[:2], x_shape[2] + 2 * a, x_shape[3] + 2 * b))
    for p in range(dy.shape[2]):
        for q in range(dy.shape[3]):
            dx0[:, :, p * u : p * u + R, q * v : q * v + S] += dy[:, :, p, q, None, None] / R / S
    return dx0[:, :, a : a + x_shape[2], b : b + x_shape[3]]
'''
AVERAGE_AS_CONVOLUTION = '''
def ones(window):
    return np.full((1, 1, *window), 1 / (window[0] * window[1]))


def average_pool_forward(x, window, stride, padding):
    """A convolution of each channel with a filter of equal entries."""
    N, C, H, W = x.shape
    y = conv_lowered(x.reshape(N * C, 1, H, W), ones(window), stride, padding)
    return y.reshape(N, C, *y.shape[2:])


def average_pool_backward(dy, x_shape, window, stride, padding):
    N, C, H, W = x_shape
    dx = conv_backward_data(dy.reshape(N * C, 1, *dy.shape[2:]), ones(window), (N * C, 1, H, W), stride, padding)
    return dx.reshape(x_shape)
'''
AVERAGE_TORCH = '''
import torch


def average_pool_forward(x, window, stride, padding):
    """Padded by hand: torch allows no padding beyond half of the window."""
    x = torch.nn.functional.pad(torch.as_tensor(x), (padding[1],) * 2 + (padding[0],) * 2)
    return torch.nn.functional.avg_pool2d(x, window, stride)


def average_pool_backward(dy, x_shape, window, stride, padding):
    x = torch.zeros(x_shape, dtype=torch.as_tensor(dy).dtype, requires_grad=True)
    average_pool_forward(x, window, stride, padding).backward(torch.as_tensor(dy))
    return x.grad
'''
DFT_OF_UNITS = '''
def dft_matrix(n):
    return np.fft.fft(np.eye(n))
'''
DFT_COS_SIN = '''
def dft_matrix(n):
    angle = 2 * np.pi / n * (np.arange(n)[:, None] * np.arange(n)[None])
    return np.cos(angle) - 1j * np.sin(angle)
'''
DFT_POWERS = '''
import cmath


def dft_matrix(n):
    root = cmath.exp(-2j * cmath.pi / n)
    return [[root ** (j * k % n) for k in range(n)] for j in range(n)]
'''
DFT_TORCH = '''
import torch


def dft_matrix(n):
    return torch.fft.fft(torch.eye(n, dtype=torch.float64))
'''
FFT_COMPLEX = '''
def conv_fft(x, w, padding):
    """Complex transforms over a power of two, einsum over the channels."""
    (N, C, H, W), (K, _, R, S), (a, b) = x.shape, w.shape, padding
    shape = tuple(2 ** int(np.ceil(np.log2(size))) for size in (H + 2 * a, W + 2 * b))
    x0 = np.pad(x, ((0, 0), (0, 0), (a, a), (b, b)))
    product = np.einsum("nchw,kchw->nkhw", np.fft.fft2(x0, shape), np.fft.fft2(w, shape).conj())
    return np.real(np.fft.ifft2(product))[:, :, : H + 2 * a - R + 1, : W + 2 * b - S + 1]
'''
FFT_FLIPPED = '''
def conv_fft(x, w, padding):
    """The filter flipped instead of the conjugate; the output begins at (R − 1, S − 1)."""
    (H, W), (R, S), (a, b) = x.shape[2:], w.shape[2:], padding
    shape = (H + 2 * a + R - 1, W + 2 * b + S - 1)
    x0 = np.pad(x, ((0, 0), (0, 0), (a, a), (b, b)))
    images, filters = np.fft.rfft2(x0, shape), np.fft.rfft2(w[:, :, ::-1, ::-1], shape)
    y = np.fft.irfft2((images[:, None] * filters[None]).sum(axis=2), shape)
    return y[:, :, R - 1 : H + 2 * a, S - 1 : W + 2 * b]
'''
FFT_BY_MATRICES = '''
def conv_fft(x, w, padding):
    """The transforms as products with dft_matrix."""
    (R, S), (a, b) = w.shape[2:], padding
    x0 = np.pad(x, ((0, 0), (0, 0), (a, a), (b, b)))
    H, W = x0.shape[2:]
    down, across = dft_matrix(H), dft_matrix(W)
    images, filters = down @ x0 @ across, down[:, :R] @ w @ across[:S]
    product = np.einsum("nchw,kchw->nkhw", images, np.conj(filters))
    return (down.conj() @ product @ across.conj()).real[:, :, : H - R + 1, : W - S + 1] / (H * W)
'''
FFT_NO_EXPLICIT_PADDING = '''
def conv_fft(x, w, padding):
    """Zeros behind the image instead of around it, and the result rolled into place."""
    (H, W), (R, S), (a, b) = x.shape[2:], w.shape[2:], padding
    shape = (H + 2 * a + R, W + 2 * b + S)
    product = np.einsum("nchw,kchw->nkhw", np.fft.rfft2(x, shape), np.conj(np.fft.rfft2(w, shape)))
    y = np.roll(np.fft.irfft2(product, shape), (a, b), axis=(2, 3))
    return y[:, :, : H + 2 * a - R + 1, : W + 2 * b - S + 1]
'''
FFT_TORCH = '''
import torch


def conv_fft(x, w, padding):
    (R, S), (a, b) = w.shape[2:], padding
    x0 = torch.nn.functional.pad(torch.as_tensor(x), (b, b, a, a))
    images, filters = torch.fft.rfft2(x0), torch.fft.rfft2(torch.as_tensor(w), x0.shape[2:]).conj()
    y = torch.fft.irfft2(torch.einsum("nchw,kchw->nkhw", images, filters), x0.shape[2:])
    return y[:, :, : y.shape[2] - R + 1, : y.shape[3] - S + 1].contiguous()
'''
COUNT_BY_SPEC = '''
def spec_of(N, C, H, W, K, R, S, stride, padding):
    return primitives.ConvSpec(N, C, H, W, K, R, S, *stride, *padding)


def conv_flops(*layer):
    return spec_of(*layer).flops


def compulsory_bytes(N, C, H, W, K, R, S, stride, padding, itemsize=4):
    return spec_of(N, C, H, W, K, R, S, stride, padding).bytes_moved(itemsize)


def lowered_mebibytes(N, C, H, W, K, R, S, stride, padding, itemsize=4):
    return spec_of(N, C, H, W, K, R, S, stride, padding).lowered_bytes(itemsize) * 2**-20


def arithmetic_intensity(*layer):
    *layer, itemsize = layer if len(layer) > 9 else (*layer, 4)
    return spec_of(*layer).intensity(itemsize)
'''
COUNT_BY_SHAPES = '''
import math


def shapes(N, C, H, W, K, R, S, stride, padding):
    P = math.floor((H + 2 * padding[0] - R) / stride[0] + 1)
    Q = math.floor((W + 2 * padding[1] - S) / stride[1] + 1)
    return (N, C, H, W), (K, C, R, S), (N, K, P, Q)


def conv_flops(N, C, H, W, K, R, S, stride, padding):
    """A product and a sum for every entry of O_m, CRS times."""
    output = shapes(N, C, H, W, K, R, S, stride, padding)[2]
    return math.prod(output) * (C * R * S * 2)


def compulsory_bytes(N, C, H, W, K, R, S, stride, padding, itemsize=4):
    return sum(np.prod(shape, dtype=float) for shape in shapes(N, C, H, W, K, R, S, stride, padding)) * itemsize


def lowered_mebibytes(N, C, H, W, K, R, S, stride, padding, itemsize=4):
    output = shapes(N, C, H, W, K, R, S, stride, padding)[2]
    return C * R * S * math.prod(output) / K * itemsize / 1024 / 1024


def arithmetic_intensity(N, C, H, W, K, R, S, stride, padding, itemsize=4):
    moved = compulsory_bytes(N, C, H, W, K, R, S, stride, padding, itemsize=itemsize)
    return np.float64(conv_flops(N, C, H, W, K, R, S, stride, padding)) / moved
'''
ROOF_BRANCH = '''
def attainable(intensity, peak, bandwidth):
    ridge = peak / bandwidth
    if intensity < ridge:
        return bandwidth * intensity
    return peak
'''
ROOF_NUMPY = '''
def attainable(intensity, peak, bandwidth):
    return np.minimum(peak, np.multiply(intensity, bandwidth))
'''
OWN_CLOCK = '''
import time


def measure_layer(functions, x, w, layer, rounds):
    expected = functions["torch"](x, w, layer)
    timings, errors = {a: [] for a in functions}, {}
    for algorithm in functions:
        y = functions[algorithm](x, w, layer)
        errors[algorithm] = np.abs(y - expected).max() / np.abs(expected).max()
    for _ in range(rounds):
        for algorithm in functions:
            began = time.perf_counter()
            functions[algorithm](x, w, layer)
            timings[algorithm].append(time.perf_counter() - began)
    return timings, errors
'''
LAMBDAS = '''
def measure_layer(functions, x, w, layer, rounds):
    right = with_torch(x, w, layer)
    found = {a: float(np.max(np.abs(f(x, w, layer) - right)) / np.max(np.abs(right))) for a, f in functions.items()}
    return measure({a: (lambda f=f: f(x, w, layer)) for a, f in functions.items()}, rounds=rounds + 1), found
'''
SEVERAL_CALLS_A_ROUND = '''
def measure_layer(functions, x, w, layer, rounds):
    """Warmed up twice, a few calls a round, one algorithm after the other."""
    results = {name: np.asarray(f(x.copy(), w.copy(), layer)) for name, f in functions.items()}
    truth = results["torch"]
    errors = {name: np.linalg.norm((y - truth).ravel(), np.inf) / np.abs(truth).max() for name, y in results.items()}
    assert all(error < 1e-4 for error in errors.values())
    timings = {}
    for name, f in functions.items():
        timings.update(measure({name: partial(f, x, w, layer)}, rounds=rounds, warmup=2, inner=3))
    return [timings, errors]
'''
