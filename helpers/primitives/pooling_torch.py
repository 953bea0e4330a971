"""Pooling of PyTorch tensors by PyTorch's own operations, with the meaning that `pooling` gives to winners.

PyTorch names a winner by its place in the image and takes no padding above half a window; here a winner is its place in
the window, and any padding smaller than the window is possible, because larger ones are laid around the image first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from helpers.primitives.spec import SlidingWindow


def max_forward(
    spec: SlidingWindow, x: torch.Tensor, first: tuple[np.ndarray, np.ndarray]
) -> tuple[torch.Tensor, torch.Tensor]:
    """As `pooling.max_pool_forward`; first: r and s of the first position of each window that lies in the image."""
    window, stride, pad = _geometry(spec)
    if 2 * spec.pad_h > spec.R or 2 * spec.pad_w > spec.S:
        x = functional.pad(x, (spec.pad_w, spec.pad_w, spec.pad_h, spec.pad_h), value=-float("inf"))
        width, edge_h, edge_w, pad = spec.W + 2 * spec.pad_w, 0, 0, (0, 0)
    else:
        width, edge_h, edge_w = spec.W, spec.pad_h, spec.pad_w
    y, place = functional.max_pool2d(x, window, stride, pad, return_indices=True)
    p, q = _grid(spec, x.device)
    first_r, first_s = (torch.from_numpy(positions).to(x.device) for positions in first)
    # In a window of nothing but −inf, PyTorch may name a place in the padding.
    r = torch.maximum(place // width - (p * spec.u - edge_h), first_r)
    s = torch.maximum(place % width - (q * spec.v - edge_w), first_s)
    return y, (r * spec.S + s).to(torch.uint8 if spec.R * spec.S <= 256 else torch.int32)


def max_backward(spec: SlidingWindow, dy: torch.Tensor, winner: torch.Tensor) -> torch.Tensor:
    """As `pooling.max_pool_backward`."""
    p, q = _grid(spec, dy.device)
    winner = winner.long()
    rows = p * spec.u - spec.pad_h + winner // spec.S
    columns = q * spec.v - spec.pad_w + winner % spec.S
    dx = dy.new_zeros(spec.N, spec.C, spec.H * spec.W)
    dx.scatter_add_(2, (rows * spec.W + columns).flatten(2), dy.flatten(2))
    return dx.view(spec.x_shape)


def average_forward(spec: SlidingWindow, x: torch.Tensor, counts: np.ndarray) -> torch.Tensor:
    """As `pooling.average_pool_forward`; counts (P, Q): by what each sum is divided."""
    window, stride, _ = _geometry(spec)
    x = functional.pad(x, (spec.pad_w, spec.pad_w, spec.pad_h, spec.pad_h))
    return functional.avg_pool2d(x, window, stride, divisor_override=1) / torch.from_numpy(counts).to(x)


def average_backward(spec: SlidingWindow, dy: torch.Tensor, counts: np.ndarray) -> torch.Tensor:
    """As `pooling.average_pool_backward`."""
    window, stride, _ = _geometry(spec)
    gradient = dy / torch.from_numpy(counts).to(dy)
    padded = dy.new_empty(spec.N, spec.C, spec.H + 2 * spec.pad_h, spec.W + 2 * spec.pad_w)
    dx = torch.ops.aten.avg_pool2d_backward(gradient, padded, window, stride, [0, 0], False, True, 1)
    return dx[:, :, spec.pad_h : spec.pad_h + spec.H, spec.pad_w : spec.pad_w + spec.W]


def _geometry(spec: SlidingWindow) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    return (spec.R, spec.S), (spec.u, spec.v), (spec.pad_h, spec.pad_w)


def _grid(spec: SlidingWindow, device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.arange(spec.P, device=device)[:, None], torch.arange(spec.Q, device=device)
