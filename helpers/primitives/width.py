"""Width-lowering: lower along the width only, and let overlapping views do the rest.

L[h, (c, s), q] = x₀[c, h, q·v + s] copies each pixel S times, not R·S times. The window rows p·u … p·u + R − 1 of L
lie one after the other in memory, so that they *are* the matrix (R·C·S × Q) which output row p needs: P products with
overlapping views of one small array. Cho and Brand 2017 ("MEC"), here in two orders: one image at a time (NCHW) or
all images as columns (CHWN).
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from helpers.primitives.cost import SMALL, Cost
from helpers.primitives.layout import border_bytes, empty, filled_one_by_one, grouped, is_chwn, one_by_one
from helpers.primitives.spec import ConvSpec
from helpers.primitives.workspace import Take
from helpers.primitives.workspace import workspace as workspace_memory


def supports(spec: ConvSpec, which: str) -> str:
    return ""


def workspace(spec: ConvSpec, which: str, itemsize: int, outer: int) -> int:
    """Bytes of L, of the products that are added up, and of the padded images; for the order NCHW, one image at a
    time.
    """
    rows = spec.H + 2 * spec.pad_h
    inner = spec.N // outer
    lowered = rows * spec.C * spec.S * spec.Q * inner
    extra = {
        "forward": 0,
        "backward-data": spec.R * spec.C * spec.S * spec.Q * inner,
        "backward-filter": spec.K * spec.C * spec.S * (spec.P * spec.R if _small(spec, inner) else 1),
    }[which]
    return (lowered + extra) * itemsize + border_bytes(spec, itemsize, outer)


def cost(spec: ConvSpec, which: str, outer: int) -> Cost:
    """Counts for the order in which the outer loop runs over `outer` images: N for NCHW, 1 for CHWN."""
    lowered = spec.N * (spec.H + 2 * spec.pad_h) * spec.C * spec.S * spec.Q
    # A matrix product of few columns is slow, and here each output row is one.
    adds = (1 + 10 * outer / (spec.Q * spec.N)) * spec.flops / 2
    if which == "forward":
        return Cost(adds, lowered, outer * (spec.S + 2 + spec.P / 2))
    if which == "backward-data":
        added = spec.N * spec.P * spec.R * spec.C * spec.S * spec.Q
        return Cost(adds, lowered + 0.5 * added, outer * (3 * spec.P + 2 * spec.S))
    return Cost(
        1.2 * spec.flops / 2, lowered + outer * spec.K * spec.C * spec.R * spec.S, outer * (spec.S + 4 * spec.R)
    )


def forward(spec: ConvSpec, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Images x (N, C, H, W) and filters w (K, C, R, S) -> y (N, K, P, Q), in the order of x."""
    chwn = is_chwn(x)
    y = empty(spec.y_shape, x.dtype, chwn)
    out, by_row = grouped(y, chwn), w.transpose(0, 2, 1, 3).reshape(spec.K, -1)  # (K, R·C·S)
    with workspace_memory() as take:
        lowered = _lowered(spec, out, take)
        for o, image in enumerate(one_by_one(spec, grouped(x, chwn), take)):
            _lower(spec, image[0], lowered)
            rows = out[o].reshape(spec.K, spec.P, -1).transpose(1, 0, 2)
            np.matmul(by_row, _windows(spec, lowered), out=rows)
    return y


def backward_data(spec: ConvSpec, dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Gradient dy (N, K, P, Q) -> dx (N, C, H, W): their shares are added to L's overlapping rows, then to x."""
    chwn = is_chwn(dy)
    dx = empty(spec.x_shape, dy.dtype, chwn)
    gradients, by_row_t = grouped(dy, chwn), w.transpose(2, 1, 3, 0).reshape(-1, spec.K)  # (R·C·S, K)
    with workspace_memory() as take:
        lowered = _lowered(spec, gradients, take)
        columns = lowered.shape[2] * lowered.shape[3]
        share = take((spec.R, *lowered.shape[1:]), dy.dtype)
        for o, image in enumerate(filled_one_by_one(spec, grouped(dx, chwn), take)):
            rows = gradients[o].reshape(spec.K, spec.P, -1)
            lowered[...] = 0
            for p in range(spec.P):
                np.matmul(by_row_t, rows[:, p], out=share.reshape(-1, columns))
                seen = lowered[p * spec.u : p * spec.u + spec.R]
                seen += share
            _raise(spec, lowered, image[0])
    return dx


def backward_filter(spec: ConvSpec, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Images x and gradient dy -> dw (K, C, R, S): one product for each filter row r, over all p and q at once.

    Here L lies as (c, s), h, q: then the rows that filter row r meets are one matrix (C·S × P·Q).
    """
    chwn = is_chwn(x)
    gradients = grouped(dy, chwn)
    if _small(spec, gradients.shape[4]):
        return _backward_filter_small(spec, x, gradients, chwn)
    dw = np.zeros((spec.R, spec.K, spec.C * spec.S), dy.dtype)
    with workspace_memory() as take:
        share = take(dw.shape[1:], dy.dtype)
        lowered = take((spec.C * spec.S, spec.H + 2 * spec.pad_h, spec.Q, gradients.shape[4]), dy.dtype)
        for o, image in enumerate(one_by_one(spec, grouped(x, chwn), take)):
            _lower(spec, image[0], lowered.transpose(1, 0, 2, 3))
            gradient = gradients[o].reshape(spec.K, -1)
            for r in range(spec.R):
                seen = lowered[:, r : r + spec.u * (spec.P - 1) + 1 : spec.u]
                # At stride 1 the rows lie side by side and this is a view; else a copy.
                np.matmul(gradient, seen.reshape(len(seen), -1).T, out=share)
                dw[r] += share
    return np.ascontiguousarray(dw.reshape(spec.R, spec.K, spec.C, spec.S).transpose(1, 2, 0, 3))


def _small(spec: ConvSpec, inner: int) -> bool:
    """Whether the product of one output row is so small that the BLAS takes it as it lies, without copying it first."""
    return spec.K * spec.R * spec.C * spec.S * spec.Q * inner <= SMALL


def _backward_filter_small(spec: ConvSpec, x: np.ndarray, gradients: np.ndarray, chwn: bool) -> np.ndarray:
    """The same with one small product for each output row p, added up: several times faster for few channels."""
    dw = np.zeros((spec.K, spec.R, spec.C, spec.S), gradients.dtype)
    with workspace_memory() as take:
        lowered = _lowered(spec, gradients, take)
        shares = take((spec.P, spec.K, spec.R * spec.C * spec.S), gradients.dtype)
        for o, image in enumerate(one_by_one(spec, grouped(x, chwn), take)):
            _lower(spec, image[0], lowered)
            rows = gradients[o].reshape(spec.K, spec.P, -1).transpose(1, 0, 2)
            np.matmul(rows, _windows(spec, lowered).transpose(0, 2, 1), out=shares)
            dw += shares.sum(axis=0).reshape(dw.shape)
    return np.ascontiguousarray(dw.transpose(0, 2, 1, 3))


def _lowered(spec: ConvSpec, like: np.ndarray, take: Take) -> np.ndarray:
    """Room for L of one group of padded images: (H + 2·pad_h, C·S, Q, inner)."""
    return take((spec.H + 2 * spec.pad_h, spec.C * spec.S, spec.Q, like.shape[4]), like.dtype)


def _lower(spec: ConvSpec, image: np.ndarray, lowered: np.ndarray) -> None:
    """Fill L from one group of padded images (C, rows, columns, inner)."""
    for s in range(spec.S):
        lowered[:, s :: spec.S] = image[:, :, s : s + spec.v * (spec.Q - 1) + 1 : spec.v].transpose(1, 0, 2, 3)


def _raise(spec: ConvSpec, lowered: np.ndarray, image: np.ndarray) -> None:
    """The adjoint of `_lower`: add L's entries to the pixels (C, rows, columns, inner) that they came from."""
    for s in range(spec.S):
        pixels = image[:, :, s : s + spec.v * (spec.Q - 1) + 1 : spec.v]
        pixels += lowered[:, s :: spec.S].transpose(1, 0, 2, 3)


def _windows(spec: ConvSpec, lowered: np.ndarray) -> np.ndarray:
    """Overlapping view (P, R·C·S, Q·inner) of L: window p starts u rows after window p − 1."""
    _, depth, q, inner = lowered.shape
    row_bytes = depth * q * inner * lowered.itemsize
    shape = (spec.P, spec.R * depth, q * inner)
    return as_strided(
        lowered, shape, (spec.u * row_bytes, q * inner * lowered.itemsize, lowered.itemsize), writeable=False
    )
