"""Right but different definitions (Part A), some of them for the whole of Parts A to D."""

SIZE_BY_RANGE = '''
def output_size(size, window, stride, pad):
    """The places where a window can begin, counted."""
    return len(range(-pad, size + pad - window + 1, stride))
'''
SIZE_ROUNDED_UP = '''
import math


def output_size(size, window, stride, pad):
    """Equation (1) as the paper has it."""
    return math.ceil((size - window + 1 + 2 * pad) / stride)
'''
SIZE_NUMPY = '''
def output_size(size, window, stride, pad):
    return np.int64(np.floor_divide(size - window + 2 * pad, stride)) + 1
'''

SEVEN_LOOPS = '''
def conv_forward(x, w, stride, padding):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    y = np.zeros((N, K, P, Q))
    for n in range(N):
        for k in range(K):
            for p in range(P):
                for q in range(Q):
                    for c in range(C):
                        for r in range(R):
                            for s in range(S):
                                i = p * stride[0] + r - padding[0]
                                j = q * stride[1] + s - padding[1]
                                if 0 <= i < H and 0 <= j < W:
                                    y[n, k, p, q] += x[n, c, i, j] * w[k, c, r, s]
    return y
'''
PLAIN_LISTS = '''
def conv_forward(x, w, stride, padding):
    """Nested lists, without numpy."""
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    (u, v), (a, b) = stride, padding
    x, w = x.tolist(), w.tolist()

    def pixel(n, c, i, j):
        return x[n][c][i][j] if 0 <= i < H and 0 <= j < W else 0.0

    def output(n, k, p, q):
        return sum(
            w[k][c][r][s] * pixel(n, c, p * u + r - a, q * v + s - b)
            for c in range(C) for r in range(R) for s in range(S)
        )

    P, Q = output_size(H, R, u, a), output_size(W, S, v, b)
    return [[[[output(n, k, p, q) for q in range(Q)] for p in range(P)] for k in range(K)] for n in range(N)]
'''
SHIFT_AND_ADD = '''
def conv_forward(x, w, stride, padding):
    """One matrix product for each entry of the filter."""
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    (u, v), (pad_h, pad_w) = stride, padding
    P, Q = output_size(H, R, u, pad_h), output_size(W, S, v, pad_w)
    x0 = np.zeros((N, C, H + 2 * pad_h, W + 2 * pad_w), x.dtype)
    x0[:, :, pad_h : H + pad_h, pad_w : W + pad_w] = x
    return sum(
        np.einsum("nchw,kc->nkhw", x0[:, :, r:, s:][:, :, ::u, ::v][:, :, :P, :Q], w[:, :, r, s])
        for r in range(R) for s in range(S)
    )
'''
SLIDING = '''
def conv_forward(x, w, stride, padding):
    """Windows as a view, then one einsum."""
    x0 = np.pad(x, [(0, 0), (0, 0)] + [(p, p) for p in padding])
    view = np.lib.stride_tricks.sliding_window_view(x0, w.shape[2:], axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    return np.einsum("ncpqrs,kcrs->nkpq", view, w, optimize=True)
'''
STRIDED = '''
def conv_forward(x, w, stride, padding):
    (N, C, H, W), (K, _, R, S), (u, v) = x.shape, w.shape, stride
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    P, Q = output_size(H, R, u, padding[0]), output_size(W, S, v, padding[1])
    a, b, c, d = x0.strides
    view = np.lib.stride_tricks.as_strided(x0, (N, C, P, Q, R, S), (a, b, u * c, v * d, c, d), writeable=False)
    return np.tensordot(view, w, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
'''
FLOAT32 = '''
def conv_forward(x, w, stride, padding):
    """Everything in float32, whatever comes in; output in the memory order of channels last."""
    x, w = np.asarray(x, np.float32), np.asarray(w, np.float32)
    (N, _, H, W), (K, _, R, S) = x.shape, w.shape
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    y = np.empty((N, P, Q, K), np.float32)
    for p in range(P):
        for q in range(Q):
            i, j = p * stride[0], q * stride[1]
            y[:, p, q] = x0[:, :, i : i + R, j : j + S].reshape(N, -1) @ w.reshape(K, -1).T
    return y.transpose(0, 3, 1, 2)
'''
TORCH = '''
import torch


def conv_forward(x, w, stride, padding):
    return torch.nn.functional.conv2d(torch.as_tensor(x), torch.as_tensor(w), stride=stride, padding=padding)
'''
BIAS = '''
def add_bias(y, b):
    y = y.copy()
    for k, value in enumerate(b):
        y[:, k] += value
    return y
'''
BIAS_RESHAPED = '''
def add_bias(y, b):
    return np.add(y, np.reshape(b, (1, -1, 1, 1)))
'''
BIAS_LAST = '''
def add_bias(y, b):
    return (y.transpose(0, 2, 3, 1) + b).transpose(0, 3, 1, 2)
'''
TRUE_FLIP = '''
def true_convolution(x, w, stride, padding):
    return conv_forward(x, np.flip(w, (2, 3)).copy(), stride, padding)
'''
TRUE_LOOPS = '''
def true_convolution(x, w, stride, padding):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    (u, v), (a, b) = stride, padding
    x0 = np.pad(x, ((0, 0), (0, 0), (a, a), (b, b)))
    y = np.zeros((N, K, output_size(H, R, u, a), output_size(W, S, v, b)))
    for p in range(y.shape[2]):
        for q in range(y.shape[3]):
            for r in range(R):
                for s in range(S):
                    y[:, :, p, q] += x0[:, :, p * u + R - 1 - r, q * v + S - 1 - s] @ w[:, :, r, s].T
    return y
'''
TRUE_INDEX = '''
def true_convolution(x, w, stride, padding):
    turned = w.reshape(*w.shape[:2], -1)[..., ::-1].reshape(w.shape)
    return conv_forward(x, turned, stride, padding)
'''
