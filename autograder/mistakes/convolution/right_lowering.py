"""Right but different lowering and gradients (Parts B and C)."""

PIXEL_BY_PIXEL = '''
def im2col(x, R, S, stride, padding):
    """Every entry by itself."""
    N, C, H, W = x.shape
    (u, v), (a, b) = stride, padding
    P, Q = output_size(H, R, u, a), output_size(W, S, v, b)
    lowered = np.zeros((C * R * S, N * P * Q), dtype=x.dtype)
    for row in range(C * R * S):
        c, r, s = row // (R * S), row // S % R, row % S
        for column in range(N * P * Q):
            n, p, q = column // (P * Q), column // Q % P, column % Q
            i, j = p * u + r - a, q * v + s - b
            if 0 <= i < H and 0 <= j < W:
                lowered[row, column] = x[n, c, i, j]
    return lowered
'''
INDEX_ARRAYS = '''
def lowered_indices(C, R, S, P, Q, stride):
    """Channel, row and column of every entry, (C·R·S, 1), (C·R·S, P·Q), (C·R·S, P·Q)."""
    rows = np.tile(np.repeat(np.arange(R), S), C)[:, None] + stride[0] * np.repeat(np.arange(P), Q)[None]
    columns = np.tile(np.arange(S), R * C)[:, None] + stride[1] * np.tile(np.arange(Q), P)[None]
    return np.repeat(np.arange(C), R * S)[:, None], rows, columns


def im2col(x, R, S, stride, padding):
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    N, C = x.shape[:2]
    P, Q = output_size(x.shape[2], R, stride[0], padding[0]), output_size(x.shape[3], S, stride[1], padding[1])
    k, i, j = lowered_indices(C, R, S, P, Q, stride)
    return x0[:, k, i, j].transpose(1, 0, 2).reshape(C * R * S, -1)
'''
ADD_AT = '''
def col2im(columns, x_shape, R, S, stride, padding):
    N, C, H, W = x_shape
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    k, i, j = lowered_indices(C, R, S, P, Q, stride)
    x0 = np.zeros((N, C, H + 2 * padding[0], W + 2 * padding[1]), columns.dtype)
    np.add.at(x0, (slice(None), k, i, j), columns.reshape(C * R * S, N, -1).transpose(1, 0, 2))
    return x0[:, :, padding[0] : H + padding[0], padding[1] : W + padding[1]]
'''
SLIDING = '''
def im2col(x, R, S, stride, padding):
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    view = np.lib.stride_tricks.sliding_window_view(x0, (R, S), axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    return np.moveaxis(view, (1, 4, 5), (0, 1, 2)).reshape(x.shape[1] * R * S, -1)
'''
TORCH_UNFOLD = '''
import torch


def im2col(x, R, S, stride, padding):
    columns = torch.nn.functional.unfold(torch.as_tensor(x), (R, S), padding=padding, stride=stride)
    return columns.permute(1, 0, 2).reshape(columns.shape[1], -1).numpy()
'''
TORCH_FOLD = '''
def col2im(columns, x_shape, R, S, stride, padding):
    columns = torch.as_tensor(columns).reshape(len(columns), x_shape[0], -1).permute(1, 0, 2)
    return torch.nn.functional.fold(columns, x_shape[2:], (R, S), padding=padding, stride=stride).numpy()
'''
ONE_COLUMN_AT_A_TIME = '''
def im2col(x, R, S, stride, padding):
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    (H, W), (u, v) = x0.shape[2:], stride
    return np.stack(
        [
            x0[n, :, i : i + R, j : j + S].ravel()
            for n in range(len(x))
            for i in range(0, H - R + 1, u)
            for j in range(0, W - S + 1, v)
        ],
        axis=1,
    )
'''
COL2IM_WINDOWS = '''
def col2im(columns, x_shape, R, S, stride, padding):
    """Column by column."""
    N, C, H, W = x_shape
    whole = np.zeros((N, C, H + 2 * padding[0], W + 2 * padding[1]))
    j = 0
    for n in range(N):
        for top in range(0, whole.shape[2] - R + 1, stride[0]):
            for left in range(0, whole.shape[3] - S + 1, stride[1]):
                whole[n, :, top : top + R, left : left + S] += columns[:, j].reshape(C, R, S)
                j += 1
    bottom, right = H + padding[0], W + padding[1]
    return whole[:, :, padding[0] : bottom, padding[1] : right]
'''
LOWERED_EINSUM = '''
def conv_lowered(x, w, stride, padding):
    N, (K, C, R, S) = len(x), w.shape
    P = output_size(x.shape[2], R, stride[0], padding[0])
    columns = im2col(x, R, S, stride, padding).reshape(C * R * S, N, P, -1)
    return np.einsum("ki,inpq->nkpq", w.reshape(K, C * R * S), columns)
'''
LOWERED_TRANSPOSED = '''
def conv_lowered(x, w, stride, padding):
    (N, _, H, W), (K, _, R, S) = x.shape, w.shape
    P = (H + 2 * padding[0] - R) // stride[0] + 1
    product = np.dot(im2col(x, R, S, stride, padding).T, w.reshape(K, -1).T)
    return np.moveaxis(product.reshape(N, P, -1, K), 3, 1)
'''
LOWERED_BY_IMAGE = '''
def conv_lowered(x, w, stride, padding):
    """Image by image, as Caffe did."""
    K, _, R, S = w.shape
    P, Q = output_size(x.shape[2], R, stride[0], padding[0]), output_size(x.shape[3], S, stride[1], padding[1])
    return np.stack([(w.reshape(K, -1) @ im2col(one[None], R, S, stride, padding)).reshape(K, P, Q) for one in x])
'''
TILES_BY_ROW = '''
def conv_tiled(x, w, stride, padding, workspace):
    """A tile is a part of one row of the output."""
    (N, C, H, W), (K, _, R, S), (u, v) = x.shape, w.shape, stride
    P, Q = output_size(H, R, u, padding[0]), output_size(W, S, v, padding[1])
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    width = min(Q, max(1, workspace // (C * R * S * x.itemsize)))
    y = np.empty((N, K, P, Q), x.dtype)
    for n in range(N):
        for p in range(P):
            for q in range(0, Q, width):
                count = min(width, Q - q)
                tile = np.empty((C, R, S, count), x.dtype)
                for s in range(S):
                    first = q * v + s
                    rows = x0[n, :, p * u : p * u + R]
                    tile[:, :, s] = rows[:, :, first : first + v * count : v]
                y[n, :, p, q : q + count] = w.reshape(K, -1) @ tile.reshape(-1, count)
    return y
'''
TILES_WINDOW_VIEW = '''
def conv_tiled(x, w, stride, padding, workspace):
    """Columns from a view of all windows, copied group by group."""
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    view = np.lib.stride_tricks.sliding_window_view(x0, w.shape[2:], axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    N, C, P, Q, R, S = view.shape
    step = max(1, int(workspace / (x.dtype.itemsize * w[0].size)))
    y = np.zeros((N * P * Q, len(w)), x.dtype)
    first = 0
    while first < len(y):
        n, p, q = np.unravel_index(np.arange(first, min(first + step, len(y))), (N, P, Q))
        y[first : first + step] = view[n, :, p, q].reshape(len(n), -1) @ w.reshape(len(w), -1).T
        first += step
    return y.reshape(N, P, Q, -1).transpose(0, 3, 1, 2)
'''
TILES_OF_CHANNELS = '''
def conv_tiled(x, w, stride, padding, workspace):
    """The accumulating loops in tiles: one (r, s) at a time, no lowered matrix at all."""
    (N, C, H, W), (K, _, R, S), (u, v) = x.shape, w.shape, stride
    P, Q = output_size(H, R, u, padding[0]), output_size(W, S, v, padding[1])
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    y = np.zeros((N, K, P, Q), x.dtype)
    for n in range(N):
        for r in range(R):
            for s in range(S):
                part = x0[n, :, r : r + u * P : u, s : s + v * Q : v].reshape(C, P * Q)
                y[n] += (w[:, :, r, s] @ part).reshape(K, P, Q)
    return y
'''
TILES_DEFINITION = '''
def conv_tiled(x, w, stride, padding, workspace):
    """Output by output: the smallest tile of all, one column."""
    (N, _, H, W), (K, _, R, S), (u, v) = x.shape, w.shape, stride
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    y = np.empty((N, K, output_size(H, R, u, padding[0]), output_size(W, S, v, padding[1])), x.dtype)
    flat = w.reshape(K, -1)
    for n, p, q in np.ndindex(N, *y.shape[2:]):
        y[n, :, p, q] = flat @ x0[n, :, p * u : p * u + R, q * v : q * v + S].reshape(-1)
    return y
'''
DATA_SCATTER = '''
def conv_backward_data(dy, w, x_shape, stride, padding):
    """Window by window."""
    (N, C, H, W), (K, _, R, S), (u, v), (a, b) = x_shape, w.shape, stride, padding
    dx0 = np.zeros((N, C, H + 2 * a, W + 2 * b))
    for p in range(dy.shape[2]):
        for q in range(dy.shape[3]):
            dx0[:, :, p * u : p * u + R, q * v : q * v + S] += np.tensordot(dy[:, :, p, q], w, axes=1)
    return dx0[:, :, a : a + H, b : b + W]
'''
DATA_GATHER = '''
def conv_backward_data(dy, w, x_shape, stride, padding):
    """A convolution of dy, spread out by the stride, with the filters flipped."""
    (N, C, H, W), (K, _, R, S), (u, v), (a, b) = x_shape, w.shape, stride, padding
    P, Q = dy.shape[2:]
    spread = np.zeros((N, K, H + 2 * a + R - 1, W + 2 * b + S - 1), dy.dtype)
    spread[:, :, R - 1 : R - 1 + u * P : u, S - 1 : S - 1 + v * Q : v] = dy
    dx0 = conv_lowered(spread, w.swapaxes(0, 1)[:, :, ::-1, ::-1], (1, 1), (0, 0))
    return dx0[:, :, a : H + a, b : W + b]
'''
DATA_LOOPS = '''
def conv_backward_data(dy, w, x_shape, stride, padding):
    """The definition with its assignment turned round, one filter at a time."""
    (N, C, H, W), (K, _, R, S), (u, v), (a, b) = x_shape, w.shape, stride, padding
    dx = np.zeros(x_shape)
    for n, k, p, q in np.ndindex(dy.shape):
        for r in range(R):
            for s in range(S):
                i, j = p * u + r - a, q * v + s - b
                if 0 <= i < H and 0 <= j < W:
                    dx[n, :, i, j] += dy[n, k, p, q] * w[k, :, r, s]
    return dx
'''
DATA_TORCH = '''
import torch


def conv_backward_data(dy, w, x_shape, stride, padding):
    return torch.nn.grad.conv2d_input(tuple(x_shape), torch.as_tensor(w), torch.as_tensor(dy), stride, padding)
'''
DATA_TRANSPOSED = '''
import torch


def conv_backward_data(dy, w, x_shape, stride, padding):
    dy, w = torch.as_tensor(dy), torch.as_tensor(w)
    dx0 = torch.nn.functional.conv_transpose2d(dy, w, stride=stride)
    whole = torch.zeros(*x_shape[:2], x_shape[2] + 2 * padding[0], x_shape[3] + 2 * padding[1], dtype=dy.dtype)
    whole[:, :, : dx0.shape[2], : dx0.shape[3]] = dx0
    return whole[:, :, padding[0] :, padding[1] :][:, :, : x_shape[2], : x_shape[3]]
'''
FILTER_POSITIONS = '''
def conv_backward_filter(x, dy, w_shape, stride, padding):
    K, C, R, S = w_shape
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    dw = np.zeros(w_shape)
    for n in range(len(x)):
        for p in range(dy.shape[2]):
            for q in range(dy.shape[3]):
                window = x0[n, :, p * stride[0] :, q * stride[1] :][:, :R, :S]
                dw += np.multiply.outer(dy[n, :, p, q], window)
    return dw
'''
FILTER_TAPS = '''
def conv_backward_filter(x, dy, w_shape, stride, padding):
    """One entry (r, s) of all filters at a time."""
    K, C, R, S = w_shape
    (u, v), (P, Q) = stride, dy.shape[2:]
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    dw = np.empty(w_shape, x.dtype)
    for r in range(R):
        for s in range(S):
            part = x0[:, :, r : r + u * P : u, s : s + v * Q : v]
            dw[:, :, r, s] = np.tensordot(dy, part, axes=((0, 2, 3), (0, 2, 3)))
    return dw
'''
FILTER_TORCH = '''
import torch


def conv_backward_filter(x, dy, w_shape, stride, padding):
    x, dy = torch.as_tensor(x), torch.as_tensor(dy)
    w = torch.zeros(w_shape, dtype=x.dtype, requires_grad=True)
    torch.nn.functional.conv2d(x, w, stride=stride, padding=padding).backward(dy)
    return w.grad
'''
FILTER_EINSUM = '''
def conv_backward_filter(x, dy, w_shape, stride, padding):
    K, C, R, S = w_shape
    x0 = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    view = np.lib.stride_tricks.sliding_window_view(x0, (R, S), axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    return np.einsum("nkpq,ncpqrs->kcrs", dy, view)
'''
BIAS_EINSUM = '''
def conv_backward_bias(dy):
    return np.einsum("nkpq->k", dy)
'''
BIAS_LOOP = '''
def conv_backward_bias(dy):
    return [dy[:, k].sum() for k in range(dy.shape[1])]
'''
BIAS_RESHAPED = '''
def conv_backward_bias(dy):
    return np.swapaxes(dy, 0, 1).reshape(dy.shape[1], -1).sum(-1)
'''
