"""Max and average pooling, forward and backward, for numpy and PyTorch.

Chetlur et al., *cuDNN* (arXiv 1410.0759), section 2, names pooling among the primitives beside convolution. In numpy no
loop runs over pixels: position (r, s) of *all* windows is one strided view of the images, so that R·S steps over whole
arrays do the work. They run block by block, and a block stays in the cache while its R·S steps pass over it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.errors import CourseError
from helpers.primitives.spec import SlidingWindow, check_whole, check_window, output_size

BLOCK = 1 << 20
"""Bytes of images in one block, about what the second-level cache of a core holds."""


@dataclass(frozen=True)
class PoolSpec(SlidingWindow):
    """N images of C channels, H × W; windows of R × S pixels, u rows and v columns apart (default: R and S, without
    overlap); pad_h, pad_w: how far a window may reach over the edge. Raises CourseError for impossible geometry.
    """

    N: int
    C: int
    H: int
    W: int
    R: int
    S: int
    u: int = None  # type: ignore[assignment]
    v: int = None  # type: ignore[assignment]
    pad_h: int = 0
    pad_w: int = 0

    def __post_init__(self) -> None:
        for stride, window in (("u", self.R), ("v", self.S)):
            if getattr(self, stride) is None:
                object.__setattr__(self, stride, window)
        check_whole(self, pads=("pad_h", "pad_w"))
        for pad, window, name in (("pad_h", self.R, "R"), ("pad_w", self.S, "S")):
            if getattr(self, pad) >= window:
                raise CourseError(
                    f"{pad}={getattr(self, pad)} is not smaller than the window's {name}={window}, so a window could "
                    f"lie outside the image; take a padding of at most {window - 1}."
                )
        check_window(self.H, self.R, self.pad_h, "rows", "R", "H", "pad_h")
        check_window(self.W, self.S, self.pad_w, "columns", "S", "W", "pad_w")

    @property
    def y_shape(self) -> tuple[int, int, int, int]:
        """Shape of the output, (N, C, P, Q)."""
        return self.N, self.C, self.P, self.Q

    def bytes_moved(self, itemsize: int = 4) -> int:
        """Bytes that any algorithm must move: the images read once, the output written once."""
        return self.N * self.C * (self.H * self.W + self.P * self.Q) * itemsize


def max_pool_forward(spec: PoolSpec, x: Any) -> tuple[Any, Any]:
    """(y, winner) of images x (N, C, H, W), both (N, C, P, Q): the largest pixel of each window, and which it was.

    winner = r·S + s, an unsigned integer in the smallest type that holds R·S − 1 (PyTorch: uint8, or int32 above 256),
    is the first position in row-major order among equals. A NaN wins, among several the last, as in PyTorch. Pixels of
    padding never win. y keeps the physical layout of x. Raises CourseError for another shape or no floats.
    """
    if _is_torch(x, "images", spec.x_shape):
        from helpers.primitives import pooling_torch

        return pooling_torch.max_forward(spec, x, first_inside(spec))
    y = np.empty_like(x, shape=spec.y_shape)
    winner = np.empty_like(y, dtype=np.min_scalar_type(spec.R * spec.S - 1))
    for xb, yb, wb in _blocks(x, y, winner):
        _max_of_block(spec, xb, yb, wb)
        if np.isnan(yb.max()):
            _max_of_block(spec, xb, yb, wb, nan=True)
    return y, winner


def max_pool_backward(spec: PoolSpec, dy: Any, winner: Any) -> Any:
    """dx (N, C, H, W) from dy and winner, both (N, C, P, Q): each gradient goes to the one pixel that won.

    Where windows overlap, a pixel's gradients add up. dx has the dtype and physical layout of dy. Raises CourseError
    for other shapes, and for winners that are no positions of the window.
    """
    torch = _is_torch(dy, "gradient", spec.y_shape)
    if type(winner) is not type(dy) or tuple(winner.shape) != spec.y_shape:
        raise CourseError(
            f"The winners are {_described(winner)} and the gradient {_described(dy)}; pass the second result of "
            "max_pool_forward."
        )
    whole = winner.dtype.kind in "iu" if not torch else not (winner.is_floating_point() or winner.is_complex())
    if not whole or int(winner.min()) < 0 or int(winner.max()) >= spec.R * spec.S:
        raise CourseError(
            f"The winners must be integers from 0 to {spec.R * spec.S - 1}, positions r·S + s of the window; pass the "
            "second result of max_pool_forward."
        )
    if torch:
        from helpers.primitives import pooling_torch

        return pooling_torch.max_backward(spec, dy, winner)
    dx = np.empty_like(dy, shape=spec.x_shape)
    integer = np.dtype(f"i{dy.itemsize}")
    overlap = spec.u < spec.R or spec.v < spec.S
    for dxb, dyb, wb in _blocks(dx, dy, winner):
        if not _tiled(spec):
            dxb[...] = 0
        for k, of_x, of_y in _positions(spec):
            # 0 or −1, that is no bit or all bits: unlike a product with 0 or 1, this also keeps inf and NaN in place.
            won = np.equal(wb[of_y], wb.dtype.type(k)).view(np.int8)
            bits = np.negative(won, out=won).astype(integer, order="K")
            gradient = dyb[of_y].view(integer)
            if overlap:
                dxb[of_x] += np.bitwise_and(bits, gradient, out=bits).view(dy.dtype)
            else:
                np.bitwise_and(bits, gradient, out=dxb[of_x].view(integer))
    return dx


def average_pool_forward(spec: PoolSpec, x: Any, include_padding: bool = True) -> Any:
    """y (N, C, P, Q): the mean of each window of x (N, C, H, W).

    include_padding: padding counts as zeros, so that every sum is divided by R·S; False: divided by the number of
    pixels of the image in the window. y keeps the dtype and physical layout of x.
    """
    torch = _is_torch(x, "images", spec.x_shape)
    counts = window_counts(spec, include_padding)
    if torch:
        from helpers.primitives import pooling_torch

        return pooling_torch.average_forward(spec, x, counts)
    counts = counts.astype(x.dtype)
    y = np.empty_like(x, shape=spec.y_shape)
    for xb, yb in _blocks(x, y):
        rows = _window_sums(xb, 2, spec.P, spec.R, spec.u, spec.pad_h)
        np.divide(_window_sums(rows, 3, spec.Q, spec.S, spec.v, spec.pad_w), counts, out=yb)
    return y


def average_pool_backward(spec: PoolSpec, dy: Any, include_padding: bool = True) -> Any:
    """dx (N, C, H, W) from dy (N, C, P, Q): each window's gradient in equal parts to its pixels."""
    torch = _is_torch(dy, "gradient", spec.y_shape)
    counts = window_counts(spec, include_padding)
    if torch:
        from helpers.primitives import pooling_torch

        return pooling_torch.average_backward(spec, dy, counts)
    counts = counts.astype(dy.dtype)
    dx = np.empty_like(dy, shape=spec.x_shape)
    for dxb, dyb in _blocks(dx, dy):
        columns = np.empty_like(dyb, shape=(*dyb.shape[:3], spec.W))
        _spread(dyb / counts, columns, 3, spec.S, spec.v, spec.pad_w)
        _spread(columns, dxb, 2, spec.R, spec.u, spec.pad_h)
    return dx


def window_counts(spec: PoolSpec, include_padding: bool) -> np.ndarray:
    """(P, Q): by what the sum of each window is divided."""
    if include_padding:
        return np.full((spec.P, spec.Q), float(spec.R * spec.S))
    counts = []
    for size, window, stride, pad in ((spec.H, spec.R, spec.u, spec.pad_h), (spec.W, spec.S, spec.v, spec.pad_w)):
        start = np.arange(output_size(size, window, stride, pad)) * stride - pad
        counts.append(np.minimum(start + window, size) - np.maximum(start, 0))
    return np.multiply.outer(*counts).astype(float)


def first_inside(spec: PoolSpec) -> tuple[np.ndarray, np.ndarray]:
    """r (P, 1) and s (1, Q) of the first position of each window that lies in the image."""
    r = np.maximum(0, spec.pad_h - spec.u * np.arange(spec.P))
    s = np.maximum(0, spec.pad_w - spec.v * np.arange(spec.Q))
    return r[:, None], s[None, :]


def _max_of_block(spec: PoolSpec, x: np.ndarray, y: np.ndarray, winner: np.ndarray, nan: bool = False) -> None:
    if spec.pad_h or spec.pad_w:
        y[...] = -np.inf
        r, s = first_inside(spec)
        winner[...] = r * spec.S + s
    else:
        winner[...] = 0
    scattered = _scattered(x, (1, 1, spec.u, spec.v))
    for k, of_x, of_y in _positions(spec):
        pixels, best, won = x[of_x], y[of_y], winner[of_y]
        if k == 0 and best.shape == y.shape:
            np.copyto(best, pixels)
            continue
        if scattered:
            pixels = pixels.copy(order="K")
        larger = np.greater(pixels, best)
        if nan:
            larger |= np.isnan(pixels)
        np.maximum(best, pixels, out=best)
        # k grows from step to step: the largest k whose pixel beat all before it is the winner. No branch is needed.
        np.maximum(won, larger.view(np.uint8) * won.dtype.type(k), out=won)


def _positions(spec: PoolSpec) -> Iterator[tuple[int, tuple[Any, ...], tuple[Any, ...]]]:
    """(k, of_x, of_y) of each position k = r·S + s: x[of_x] are its pixels in the windows y[of_y], padding left out."""
    for r in range(spec.R):
        rows = _span(r, spec.H, spec.P, spec.u, spec.pad_h)
        for s in range(spec.S):
            columns = _span(s, spec.W, spec.Q, spec.v, spec.pad_w)
            if rows and columns:
                yield r * spec.S + s, (..., rows[0], columns[0]), (..., rows[1], columns[1])


def _span(r: int, size: int, windows: int, stride: int, pad: int) -> tuple[slice, slice] | None:
    """Which pixels of an axis stand at position r of a window, and in which windows."""
    first = max(0, -((r - pad) // stride))
    last = min(windows - 1, (size - 1 + pad - r) // stride)
    if last < first:
        return None
    start = first * stride + r - pad
    return slice(start, start + (last - first) * stride + 1, stride), slice(first, last + 1)


def _window_sums(x: np.ndarray, axis: int, windows: int, window: int, stride: int, pad: int) -> np.ndarray:
    """Sums of `window` neighbours along one axis."""
    sums = np.empty_like(x, shape=(*x.shape[:axis], windows, *x.shape[axis + 1 :]))
    if pad:
        sums[...] = 0
    for r, of_x, of_sums in _along(axis, x.shape[axis], windows, window, stride, pad):
        if r == 0 and not pad:
            np.copyto(sums, x[of_x])
        else:
            sums[of_sums] += x[of_x]
    return sums


def _spread(g: np.ndarray, out: np.ndarray, axis: int, window: int, stride: int, pad: int) -> None:
    """The transposed operation: each number of g to the `window` places of `out` that it was summed from."""
    out[...] = 0
    for _, of_out, of_g in _along(axis, out.shape[axis], g.shape[axis], window, stride, pad):
        out[of_out] += g[of_g]


def _along(axis: int, size: int, windows: int, window: int, stride: int, pad: int) -> Iterator[Any]:
    before = (slice(None),) * axis
    for r in range(window):
        span = _span(r, size, windows, stride, pad)
        if span:
            yield r, (*before, span[0]), (*before, span[1])


def _blocks(images: np.ndarray, *others: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """The arrays in slices of the same images or of the same channels, whichever lie further apart in memory."""
    n, c = images.shape[:2]
    axis = 0 if c == 1 or (n > 1 and abs(images.strides[0]) >= abs(images.strides[1])) else 1
    step = max(1, BLOCK * images.shape[axis] // images.nbytes)
    for i in range(0, images.shape[axis], step):
        part = (slice(None),) * axis + (slice(i, i + step),)
        yield tuple(a[part] for a in (images, *others))


def _scattered(x: np.ndarray, steps: tuple[int, int, int, int]) -> bool:
    """Whether x taken in these steps has no run of neighbours; two or three operations on it then cost more than one
    copy."""
    return all(
        n == 1 or abs(stride) * step != x.itemsize for n, stride, step in zip(x.shape, x.strides, steps, strict=True)
    )


def _tiled(spec: PoolSpec) -> bool:
    """Whether each pixel lies in exactly one window."""
    return (spec.u, spec.v, spec.pad_h, spec.pad_w) == (spec.R, spec.S, 0, 0) and (
        spec.P * spec.R,
        spec.Q * spec.S,
    ) == (spec.H, spec.W)


def _is_torch(array: Any, what: str, shape: tuple[int, ...]) -> bool:
    """Whether the array is PyTorch's, not numpy's; a CourseError if it is neither, or not floats of this shape."""
    torch = hasattr(array, "is_floating_point")
    if not torch and not isinstance(array, np.ndarray):
        raise CourseError(f"The {what} are a {type(array).__name__}; pass a numpy array or a PyTorch tensor.")
    if not (array.is_floating_point() if torch else array.dtype.kind == "f"):
        raise CourseError(f"The {what} hold {array.dtype}; pooling takes floats, so convert them to float32 first.")
    if tuple(array.shape) != shape:
        raise CourseError(f"The {what} have shape {tuple(array.shape)}, but the spec says {shape}; make both the same.")
    return torch


def _described(array: Any) -> str:
    return f"{type(array).__name__} of shape {tuple(getattr(array, 'shape', ()))}"
