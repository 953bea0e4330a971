"""Explicit lowering: copy all windows into one matrix, then convolution is one matrix product.

D_m (C·R·S × P·Q for each image, or × P·Q·N for all of them) holds under each output the window that it sees; F_m (K × C·R·S) is the
filters' own memory; O_m = F_m · D_m. Each pixel is copied up to R·S times: fast, because a matrix product is, and
hungry. Chetlur et al., section 3 and Figure 1; Chellapilla et al. 2006.
"""

from __future__ import annotations

import numpy as np

from helpers.primitives.layout import crop, empty, grouped, is_chwn, padded, under, ungrouped, windows
from helpers.primitives.spec import ConvSpec


def supports(spec: ConvSpec, which: str) -> str:
    return ""


def workspace(spec: ConvSpec, which: str, itemsize: int) -> int:
    """Bytes of D_m, and of the padded images."""
    return spec.lowered_bytes(itemsize) + border_bytes(spec, which, itemsize)


def border_bytes(spec: ConvSpec, which: str, itemsize: int) -> int:
    """Bytes of the padded images; backward-data always adds up into such an array, and it is the result's own memory."""
    if spec.pad_h == spec.pad_w == 0 or which == "backward-data":
        return 0
    return spec.N * spec.C * (spec.H + 2 * spec.pad_h) * (spec.W + 2 * spec.pad_w) * itemsize


def lower(spec: ConvSpec, g: np.ndarray) -> np.ndarray:
    """Padded grouped images -> D_m (outer, C·R·S, P·Q·inner)."""
    by_tap = windows(spec, g).transpose(0, 1, 5, 6, 2, 3, 4)
    return np.ascontiguousarray(by_tap).reshape(len(g), spec.C * spec.R * spec.S, -1)


def add_back(spec: ConvSpec, lowered: np.ndarray, g: np.ndarray) -> None:
    """The adjoint of `lower`, often called col2im: every entry of D_m is added to the pixel that it was copied from."""
    taps = lowered.reshape(len(g), spec.C, spec.R, spec.S, spec.P, spec.Q, -1)
    for r in range(spec.R):
        for s in range(spec.S):
            pixels = under(spec, g, r, s)
            pixels += taps[:, :, r, s]


def forward(spec: ConvSpec, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Images x (N, C, H, W) and filters w (K, C, R, S) -> y (N, K, P, Q), in the order of x."""
    chwn = is_chwn(x)
    y = empty(spec.y_shape, x.dtype, chwn)
    o_m = grouped(y, chwn).reshape(-1, spec.K, spec.P * spec.Q * (spec.N if chwn else 1))
    np.matmul(w.reshape(spec.K, -1), lower(spec, padded(spec, grouped(x, chwn))), out=o_m)
    return y


def backward_data(spec: ConvSpec, dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Gradient dy (N, K, P, Q) -> dx (N, C, H, W): dD_m = F_mᵀ · dO_m, then back to the pixels."""
    chwn = is_chwn(dy)
    do_m = grouped(dy, chwn).reshape(-1, spec.K, spec.P * spec.Q * (spec.N if chwn else 1))
    dx0 = zeros_with_border(spec, dy.dtype, chwn)
    add_back(spec, np.matmul(w.reshape(spec.K, -1).T, do_m), dx0)
    return ungrouped(crop(spec, dx0))


def backward_filter(spec: ConvSpec, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Images x and gradient dy -> dw (K, C, R, S): dF_m = dO_m · D_mᵀ, summed over the images."""
    chwn = is_chwn(x)
    d_m = lower(spec, padded(spec, grouped(x, chwn)))
    do_m = grouped(dy, chwn).reshape(len(d_m), spec.K, -1)
    df_m = np.zeros((spec.K, spec.C * spec.R * spec.S), dy.dtype)
    for gradients, columns in zip(do_m, d_m, strict=True):
        df_m += gradients @ columns.T
    return df_m.reshape(spec.w_shape)


def zeros_with_border(spec: ConvSpec, dtype: np.dtype, chwn: bool) -> np.ndarray:
    """Grouped zeros (outer, C, H + 2·pad_h, W + 2·pad_w, inner), into which a backward-data pass adds."""
    outer, inner = (1, spec.N) if chwn else (spec.N, 1)
    return np.zeros((outer, spec.C, spec.H + 2 * spec.pad_h, spec.W + 2 * spec.pad_w, inner), dtype)
