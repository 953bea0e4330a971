"""The three passes by explicit lowering, in torch: D_m is written out, and the rest is one matrix product.

Names as in section 3 of the paper: F_m is the filters as K × CRS, D_m the lowered images as CRS × NPQ, O_m the output
as K × NPQ. Arguments are checked in on_torch.
"""

from __future__ import annotations

from typing import Any

from helpers.primitives.spec import ConvSpec
from helpers.primitives.torch_checks import empty_like


def lower(spec: ConvSpec, x: Any) -> Any:
    """D_m (C·R·S, n·P·Q) of images x (n, C, H, W): column npq is the window that output (n, p, q) sees."""
    from torch.nn.functional import pad

    padded = pad(x, (spec.pad_w, spec.pad_w, spec.pad_h, spec.pad_h))
    windows = padded.unfold(2, spec.R, spec.u).unfold(3, spec.S, spec.v)  # a view: n, C, P, Q, R, S
    return windows.permute(1, 4, 5, 0, 2, 3).reshape(spec.C * spec.R * spec.S, -1)  # the copy, up to R·S-fold


def forward(spec: ConvSpec, x: Any, w: Any, images: int | None = None) -> Any:
    """y from x and w: O_m = F_m · D_m."""
    y = empty_like(x, spec.y_shape)
    for part in _parts(spec.N, images):
        product = w.reshape(spec.K, -1) @ lower(spec, x[part])
        y[part] = product.view(spec.K, -1, spec.P, spec.Q).transpose(0, 1)
    return y


def backward_data(spec: ConvSpec, dy: Any, w: Any, images: int | None = None) -> Any:
    """dx from dy and w: F_mᵀ · dO_m is the gradient of D_m; folding adds up the copies of each pixel."""
    from torch.nn.functional import fold

    dx = empty_like(dy, spec.x_shape)
    for part in _parts(spec.N, images):
        # (n, CRS, PQ): image by image side by side, as `fold` wants it
        lowered = w.reshape(spec.K, -1).T @ dy[part].reshape(-1, spec.K, spec.P * spec.Q)
        dx[part] = fold(
            lowered, (spec.H, spec.W), (spec.R, spec.S), padding=(spec.pad_h, spec.pad_w), stride=(spec.u, spec.v)
        )
    return dx


def backward_filter(spec: ConvSpec, x: Any, dy: Any, images: int | None = None) -> Any:
    """dw from x and dy: dF_m = dO_m · D_mᵀ, summed over the images in the product's long inner axis."""
    dw = x.new_zeros(spec.K, spec.C * spec.R * spec.S)
    for part in _parts(spec.N, images):
        dw += dy[part].transpose(0, 1).reshape(spec.K, -1) @ lower(spec, x[part]).T
    return dw.view(spec.w_shape)


def _parts(count: int, images: int | None) -> list[slice]:
    step = images or count
    return [slice(i, i + step) for i in range(0, count, step)]
