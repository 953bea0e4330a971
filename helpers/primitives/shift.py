"""Shift and multiply: for each tap (r, s), one product of the K × C filter taps with the whole image, shifted.

    y = Σ_r Σ_s  w[:, :, r, s] · x₀ shifted by (r, s)

No lowered matrix at all: R·S products instead of one, and as many additions into y. Good where C and K are large and
the filter is small.
"""

from __future__ import annotations

import numpy as np

from helpers.primitives.cost import Cost
from helpers.primitives.layout import border_bytes, empty, filled_one_by_one, grouped, is_chwn, one_by_one, under
from helpers.primitives.spec import ConvSpec
from helpers.primitives.workspace import Take
from helpers.primitives.workspace import workspace as workspace_memory


def supports(spec: ConvSpec, which: str) -> str:
    return ""


def workspace(spec: ConvSpec, which: str, itemsize: int, outer: int) -> int:
    """Bytes of the taps, of one image's shifted copy and product, and of the padded images; see `cost` for `outer`."""
    pixels = spec.P * spec.Q * spec.N // outer
    extra = {
        "forward": (spec.C + spec.K) * pixels,
        "backward-data": spec.C * pixels,
        "backward-filter": spec.C * pixels + spec.K * spec.C,
    }[which]
    return (extra + spec.K * spec.C * spec.R * spec.S) * itemsize + border_bytes(spec, itemsize, outer)


def cost(spec: ConvSpec, which: str, outer: int) -> Cost:
    """Counts for the order in which the outer loop runs over `outer` images: N for NCHW, 1 for CHWN."""
    taps, outputs = spec.R * spec.S, spec.N * spec.P * spec.Q
    touched = {
        "forward": outputs * (spec.C + 1.5 * spec.K),
        "backward-data": outputs * 2 * spec.C,
        "backward-filter": outputs * spec.C + outer * spec.K * spec.C,
    }[which]
    return Cost(1.2 * spec.flops / 2, taps * touched, outer * taps * 4)


def forward(spec: ConvSpec, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Images x (N, C, H, W) and filters w (K, C, R, S) -> y (N, K, P, Q), in the order of x."""
    chwn = is_chwn(x)
    y = empty(spec.y_shape, x.dtype, chwn)
    out = grouped(y, chwn)
    with workspace_memory() as take:
        taps = _taps(w, take)
        shifted = take((spec.C, *out.shape[2:]), x.dtype)
        share = take((spec.K, shifted[0].size), x.dtype)
        for o, image in enumerate(one_by_one(spec, grouped(x, chwn), take)):
            result = out[o].reshape(spec.K, -1)
            for i, (r, s) in enumerate(np.ndindex(spec.R, spec.S)):
                np.copyto(shifted, under(spec, image, r, s)[0])
                np.matmul(taps[r, s], shifted.reshape(spec.C, -1), out=share if i else result)
                if i:
                    result += share
    return y


def backward_data(spec: ConvSpec, dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Gradient dy (N, K, P, Q) -> dx (N, C, H, W): each tap hands its share back to the pixels that it met."""
    chwn = is_chwn(dy)
    dx = empty(spec.x_shape, dy.dtype, chwn)
    gradients = grouped(dy, chwn)
    with workspace_memory() as take:
        taps = _taps(w, take)
        share = take((spec.C, *gradients.shape[2:]), dy.dtype)
        for o, image in enumerate(filled_one_by_one(spec, grouped(dx, chwn), take)):
            gradient = gradients[o].reshape(spec.K, -1)
            for r, s in np.ndindex(spec.R, spec.S):
                np.matmul(taps[r, s].T, gradient, out=share.reshape(spec.C, -1))
                pixels = under(spec, image, r, s)[0]
                pixels += share
    return dx


def backward_filter(spec: ConvSpec, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Images x and gradient dy -> dw (K, C, R, S): for each tap, gradient times what it met."""
    chwn = is_chwn(x)
    gradients = grouped(dy, chwn)
    with workspace_memory() as take:
        taps = take((spec.R, spec.S, spec.K, spec.C), dy.dtype)
        shifted = take((spec.C, *gradients.shape[2:]), x.dtype)
        share = take((spec.K, spec.C), dy.dtype)
        taps[...] = 0
        for o, image in enumerate(one_by_one(spec, grouped(x, chwn), take)):
            gradient = gradients[o].reshape(spec.K, -1)
            for r, s in np.ndindex(spec.R, spec.S):
                np.copyto(shifted, under(spec, image, r, s)[0])
                np.matmul(gradient, shifted.reshape(spec.C, -1).T, out=share)
                taps[r, s] += share
        return taps.transpose(2, 3, 0, 1).copy()


def _taps(w: np.ndarray, take: Take) -> np.ndarray:
    """Filters (K, C, R, S) as one matrix K × C for each tap: (R, S, K, C)."""
    k, c, r, s = w.shape
    taps = take((r, s, k, c), w.dtype)
    np.copyto(taps, w.transpose(2, 3, 0, 1))
    return taps
