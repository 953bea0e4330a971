"""Convolution and pooling in plain float64 numpy, for checks: loops over the window only, nothing clever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Pair = tuple[int, int]


def output_size(size: int, window: int, stride: int, pad: int) -> int:
    """How often a window fits along one axis: ⌊(size + 2·pad − window) / stride⌋ + 1."""
    return (size + 2 * pad - window) // stride + 1


def padded(x: np.ndarray, padding: Any, value: float = 0.0, mode: str = "constant") -> np.ndarray:
    """x (N, C, H, W) with rows and columns around it; `padding` is (pad_h, pad_w) or ((top, bottom), (left, right))."""
    widths = ((0, 0), (0, 0), *(p if isinstance(p, tuple) else (p, p) for p in padding))
    return np.pad(x, widths, constant_values=value) if mode == "constant" else np.pad(x, widths, mode=mode)  # type: ignore[call-overload, no-any-return]


def taps(x_shape: tuple[int, ...], window: Pair, stride: Pair) -> Iterator[tuple[int, int, slice, slice]]:
    """(r, s, rows, columns): which rows and columns of the padded images meet the window's entry (r, s)."""
    p, q = (output_size(x_shape[2 + i], window[i], stride[i], 0) for i in (0, 1))
    for r in range(window[0]):
        for s in range(window[1]):
            yield r, s, slice(r, r + stride[0] * (p - 1) + 1, stride[0]), slice(s, s + stride[1] * (q - 1) + 1, stride[1])


def windows(x: np.ndarray, window: Pair, stride: Pair, padding: Any, value: float = 0.0, mode: str = "constant") -> np.ndarray:
    """All windows of x (N, C, H, W), as (N, C, P, Q, R, S)."""
    x = padded(x, padding, value, mode)
    p, q = (output_size(x.shape[2 + i], window[i], stride[i], 0) for i in (0, 1))
    found = np.empty((*x.shape[:2], p, q, *window))
    for r, s, rows, columns in taps(x.shape, window, stride):
        found[..., r, s] = x[:, :, rows, columns]
    return found


def forward(x: np.ndarray, w: np.ndarray, stride: Pair = (1, 1), padding: Any = (0, 0), mode: str = "constant", value: float = 0.0) -> np.ndarray:
    """Cross-correlation of x (N, C, H, W) with w (K, C, R, S): (N, K, P, Q)."""
    view = windows(x, w.shape[2:], stride, padding, value, mode)
    n, c, p, q, r, s = view.shape
    rows = view.transpose(0, 2, 3, 1, 4, 5).reshape(n * p * q, c * r * s)
    return (rows @ w.reshape(len(w), -1).T).reshape(n, p, q, len(w)).transpose(0, 3, 1, 2)


def im2col(x: np.ndarray, window: Pair, stride: Pair, padding: Any) -> np.ndarray:
    """The lowered images D_m, (C·R·S, N·P·Q): rows in the order (c, r, s), columns in the order (n, p, q)."""
    view = windows(x, window, stride, padding)
    n, c, p, q, r, s = view.shape
    return view.transpose(1, 4, 5, 0, 2, 3).reshape(c * r * s, n * p * q)


def scatter(view: np.ndarray, x_shape: tuple[int, ...], stride: Pair, padding: Pair, add: bool = True) -> np.ndarray:
    """The adjoint of `windows`: windows (N, C, P, Q, R, S) back into images (N, C, H, W), overlaps added.

    Without `add` a later window overwrites an earlier one, as a wrong solution does.
    """
    n, c, h, w = x_shape
    whole = np.zeros((n, c, h + 2 * padding[0], w + 2 * padding[1]))
    for r, s, rows, columns in taps(whole.shape, view.shape[4:], stride):
        if add:
            whole[:, :, rows, columns] += view[..., r, s]
        else:
            whole[:, :, rows, columns] = view[..., r, s]
    return whole[:, :, padding[0] : padding[0] + h, padding[1] : padding[1] + w]


def backward_data(dy: np.ndarray, w: np.ndarray, x_shape: tuple[int, ...], stride: Pair, padding: Pair, add: bool = True) -> np.ndarray:
    """Gradient for x (N, C, H, W) from the gradient dy (N, K, P, Q) of the output."""
    return scatter(np.einsum("nkpq,kcrs->ncpqrs", dy, w), x_shape, stride, padding, add)


def backward_filter(x: np.ndarray, dy: np.ndarray, window: Pair, stride: Pair, padding: Any, mode: str = "constant") -> np.ndarray:
    """Gradient for w (K, C, R, S) from the gradient dy (N, K, P, Q) of the output."""
    view = windows(x, window, stride, padding, mode=mode)[:, :, : dy.shape[2], : dy.shape[3]]
    return np.einsum("ncpqrs,nkpq->kcrs", view, dy)


def max_pool(x: np.ndarray, window: Pair, stride: Pair, padding: Pair) -> np.ndarray:
    """Largest entry of each window; padding never wins."""
    return windows(x, window, stride, padding, -np.inf).max(axis=(4, 5))


def max_pool_backward(x: np.ndarray, dy: np.ndarray, window: Pair, stride: Pair, padding: Pair, last: bool = False) -> np.ndarray:
    """Gradient for x; of several equal largest entries the first of the window (or the last) gets all."""
    view = windows(x, window, stride, padding, -np.inf)
    flat = view.reshape(*view.shape[:4], -1)
    best = flat.shape[-1] - 1 - flat[..., ::-1].argmax(axis=-1) if last else flat.argmax(axis=-1)
    grad = (np.arange(flat.shape[-1]) == best[..., None]) * dy[..., None]
    return scatter(grad.reshape(view.shape), x.shape, stride, padding)


def average_pool(x: np.ndarray, window: Pair, stride: Pair, padding: Pair) -> np.ndarray:
    """Mean of each window, zeros of the padding included."""
    return windows(x, window, stride, padding).mean(axis=(4, 5))


def average_pool_backward(dy: np.ndarray, x_shape: tuple[int, ...], window: Pair, stride: Pair, padding: Pair, add: bool = True) -> np.ndarray:
    """Gradient for x: each entry of dy in equal parts to its window."""
    view = np.broadcast_to(dy[..., None, None] / (window[0] * window[1]), (*dy.shape, *window))
    return scatter(view, x_shape, stride, padding, add)
