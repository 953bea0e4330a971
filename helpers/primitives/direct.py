"""Convolution by its definition: the executable specification that every other algorithm is compared with.

    y[n, k, p, q] = Σ_c Σ_r Σ_s  w[k, c, r, s] · x₀[n, c, p·u + r, q·v + s]

Seven nested loops: four independent ones (n, k, p, q) and three that add up (c, r, s). Here p and q are loops and the
other five one product of arrays. x₀ is x with its border of zeros. Chetlur et al., section 2, equations (1) to (3),
for cross-correlation.
"""

from __future__ import annotations

import numpy as np

from helpers.primitives.cost import Cost
from helpers.primitives.layout import border_bytes, crop, grouped, padded
from helpers.primitives.spec import ConvSpec
from helpers.primitives.workspace import workspace as workspace_memory


def supports(spec: ConvSpec, which: str) -> str:
    return ""


def workspace(spec: ConvSpec, which: str, itemsize: int, outer: int) -> int:
    """Bytes: the padded images, and nothing where there is no padding."""
    return 0 if which == "backward-data" else border_bytes(spec, itemsize, 1)


def cost(spec: ConvSpec, which: str, outer: int) -> Cost:
    """Counts for the order in which the outer loop runs over `outer` images: N for NCHW, 1 for CHWN."""
    outputs = spec.P * spec.Q
    copied = outputs * spec.N * (spec.C * spec.R * spec.S + spec.K)
    added = (
        outputs * {"forward": 0, "backward-data": spec.N, "backward-filter": spec.K}[which] * spec.C * spec.R * spec.S
    )
    return Cost(spec.flops / 2, copied + added, 10 * outputs)


def forward(spec: ConvSpec, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Images x (N, C, H, W) and filters w (K, C, R, S) -> y (N, K, P, Q)."""
    y = np.empty(spec.y_shape, x.dtype)
    with workspace_memory() as take:
        x0 = padded(spec, grouped(x, chwn=False), take)[..., 0]
        for p in range(spec.P):
            for q in range(spec.Q):
                y[:, :, p, q] = np.tensordot(_window(spec, x0, p, q), w, axes=((1, 2, 3), (1, 2, 3)))
    return y


def backward_data(spec: ConvSpec, dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Gradient dy (N, K, P, Q) -> dx (N, C, H, W): each output hands its gradient to the window that it saw.

    Windows overlap, so their shares add up; what falls on the border is dropped.
    """
    dx0 = np.zeros((spec.N, spec.C, spec.H + 2 * spec.pad_h, spec.W + 2 * spec.pad_w), dy.dtype)
    with workspace_memory():
        for p in range(spec.P):
            for q in range(spec.Q):
                window = _window(spec, dx0, p, q)
                window += np.tensordot(dy[:, :, p, q], w, axes=1)
    return np.ascontiguousarray(crop(spec, dx0))


def backward_filter(spec: ConvSpec, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Images x and gradient dy -> dw (K, C, R, S): each output adds its window times its gradient."""
    dw = np.zeros(spec.w_shape, dy.dtype)
    with workspace_memory() as take:
        x0 = padded(spec, grouped(x, chwn=False), take)[..., 0]
        for p in range(spec.P):
            for q in range(spec.Q):
                dw += np.tensordot(dy[:, :, p, q], _window(spec, x0, p, q), axes=((0,), (0,)))
    return dw


def _window(spec: ConvSpec, x0: np.ndarray, p: int, q: int) -> np.ndarray:
    """View (N, C, R, S): what the filter sees for output (p, q)."""
    h, w = p * spec.u, q * spec.v
    return x0[:, :, h : h + spec.R, w : w + spec.S]
