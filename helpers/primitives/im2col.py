"""Explicit lowering: copy all windows into one matrix, then convolution is one matrix product.

D_m (C·R·S × P·Q for each image, or × P·Q·N for all of them) holds under each output the window that it sees; F_m (K ×
C·R·S) is the filters' own memory; O_m = F_m · D_m. Each pixel is copied up to R·S times: fast, because a matrix
product is, and hungry. Chetlur et al., section 3 and Figure 1; Chellapilla et al. 2006.
"""

from __future__ import annotations

import numpy as np

from helpers.primitives.cost import Cost
from helpers.primitives.layout import border_bytes, empty, filled_one_by_one, grouped, is_chwn, padded, under, windows
from helpers.primitives.spec import ConvSpec
from helpers.primitives.workspace import Take
from helpers.primitives.workspace import workspace as workspace_memory


def supports(spec: ConvSpec, which: str) -> str:
    return ""


def workspace(spec: ConvSpec, which: str, itemsize: int, outer: int) -> int:
    """Bytes of D_m, and of the padded images."""
    return spec.lowered_bytes(itemsize) + border_bytes(spec, itemsize, outer if which == "backward-data" else 1)


def cost(spec: ConvSpec, which: str, outer: int) -> Cost:
    """Counts for the order in which the outer loop runs over `outer` images: N for NCHW, 1 for CHWN."""
    rows, columns = spec.lowered_shape
    passes = {"forward": 1.5, "backward-data": 2, "backward-filter": 1.5}[which]  # out of the cache and back in
    return Cost(
        spec.flops / 2, passes * rows * columns, 3 + outer + (spec.R * spec.S if which == "backward-data" else 0)
    )


def lower(spec: ConvSpec, g: np.ndarray, take: Take) -> np.ndarray:
    """Padded grouped images -> D_m (outer, C·R·S, P·Q·inner)."""
    by_tap = windows(spec, g).transpose(0, 1, 5, 6, 2, 3, 4)
    d_m = take(by_tap.shape, g.dtype)
    np.copyto(d_m, by_tap)
    return d_m.reshape(len(g), spec.C * spec.R * spec.S, -1)


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
    with workspace_memory() as take:
        d_m = lower(spec, padded(spec, grouped(x, chwn), take), take)
        np.matmul(w.reshape(spec.K, -1), d_m, out=o_m)
    return y


def backward_data(spec: ConvSpec, dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Gradient dy (N, K, P, Q) -> dx (N, C, H, W): dD_m = F_mᵀ · dO_m, then back to the pixels."""
    chwn = is_chwn(dy)
    do_m = grouped(dy, chwn).reshape(-1, spec.K, spec.P * spec.Q * (spec.N if chwn else 1))
    dx = empty(spec.x_shape, dy.dtype, chwn)
    with workspace_memory() as take:
        dd_m = take((len(do_m), spec.C * spec.R * spec.S, do_m.shape[2]), dy.dtype)
        np.matmul(w.reshape(spec.K, -1).T, do_m, out=dd_m)
        for o, image in enumerate(filled_one_by_one(spec, grouped(dx, chwn), take)):
            add_back(spec, dd_m[o : o + 1], image)
    return dx


def backward_filter(spec: ConvSpec, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Images x and gradient dy -> dw (K, C, R, S): dF_m = dO_m · D_mᵀ, summed over the images."""
    chwn = is_chwn(x)
    df_m = np.zeros((spec.K, spec.C * spec.R * spec.S), dy.dtype)
    with workspace_memory() as take:
        d_m = lower(spec, padded(spec, grouped(x, chwn), take), take)
        do_m = grouped(dy, chwn).reshape(len(d_m), spec.K, -1)
        for gradients, columns in zip(do_m, d_m, strict=True):
            df_m += gradients @ columns.T
    return df_m.reshape(spec.w_shape)
