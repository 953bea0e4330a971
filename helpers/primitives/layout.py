"""Where the numbers of an array lie in memory, and windows onto them.

Every array is N×C×H×W by its axes; its strides say in which order the numbers lie (Chetlur et al., section 2: any
layout by strides). The numpy algorithms work in two orders without moving anything: NCHW, where one image is one
matrix of columns (p, q), and CHWN, where all images together are one matrix of columns (p, q, n), long enough for
small images, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from helpers.primitives.spec import ConvSpec
from helpers.primitives.workspace import Take


def is_chwn(a: np.ndarray) -> bool:
    """Whether the images are the fastest axis in memory. Strides of axes of size 1 mean nothing and are not asked."""
    return a.shape[0] > 1 and a.transpose(1, 2, 3, 0).flags.c_contiguous


def to_chwn(a: np.ndarray) -> np.ndarray:
    """The same N×C×H×W array, its numbers in the order C, H, W, N; a copy unless they are already."""
    return np.ascontiguousarray(a.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)


def to_nchw(a: np.ndarray) -> np.ndarray:
    """The same N×C×H×W array, its numbers in that order; a copy unless they are already."""
    return np.ascontiguousarray(a)


def empty(shape: tuple[int, int, int, int], dtype: Any, chwn: bool) -> np.ndarray:
    """An uninitialised array of shape (N, C, H, W) in one of the two orders."""
    if not chwn:
        return np.empty(shape, dtype)
    n, c, h, w = shape
    return np.empty((c, h, w, n), dtype).transpose(3, 0, 1, 2)


def grouped(a: np.ndarray, chwn: bool) -> np.ndarray:
    """(N, C, H, W) seen as (outer images, C, H, W, inner images): (1, …, N) for CHWN, (N, …, 1) for NCHW.

    A copy only where the numbers lie in neither order.
    """
    return np.ascontiguousarray(a.transpose(1, 2, 3, 0))[None] if chwn else np.ascontiguousarray(a)[..., None]


def ungrouped(g: np.ndarray) -> np.ndarray:
    """The way back from `grouped`: (outer, C, H, W, inner) seen as (N, C, H, W)."""
    return g[..., 0] if g.shape[4] == 1 else g[0].transpose(3, 0, 1, 2)


def padded(spec: ConvSpec, g: np.ndarray, take: Take) -> np.ndarray:
    """D₀ of the paper: grouped images (…, C, H, W, inner) with a border of zeros; `g` itself where there is none."""
    if spec.pad_h == spec.pad_w == 0:
        return g
    out = _zeros(spec, len(g), g, take)
    crop(spec, out)[...] = g
    return out


def one_by_one(spec: ConvSpec, g: np.ndarray, take: Take) -> Iterator[np.ndarray]:
    """Each outer image of g, padded: (1, C, rows, columns, inner). All use the same memory, one after the other."""
    room = None if spec.pad_h == spec.pad_w == 0 else _zeros(spec, 1, g, take)
    for image in g:
        if room is None:
            yield image[None]
        else:
            crop(spec, room)[0] = image
            yield room


def filled_one_by_one(spec: ConvSpec, g: np.ndarray, take: Take) -> Iterator[np.ndarray]:
    """The adjoint of `one_by_one`: zeros (1, C, rows, columns, inner) to add into; their inside becomes g's image."""
    room = None if spec.pad_h == spec.pad_w == 0 else _zeros(spec, 1, g, take)
    for image in g:
        if room is None:
            image[...] = 0
            yield image[None]
        else:
            room[...] = 0
            yield room
            image[...] = crop(spec, room)[0]


def _zeros(spec: ConvSpec, outer: int, like: np.ndarray, take: Take) -> np.ndarray:
    out = take((outer, spec.C, spec.H + 2 * spec.pad_h, spec.W + 2 * spec.pad_w, like.shape[4]), like.dtype)
    out[...] = 0
    return out


def border_bytes(spec: ConvSpec, itemsize: int, outer: int) -> int:
    """Bytes of one of `outer` groups of images with its border, which a pass needs where there is padding."""
    if spec.pad_h == spec.pad_w == 0:
        return 0
    return spec.N // outer * spec.C * (spec.H + 2 * spec.pad_h) * (spec.W + 2 * spec.pad_w) * itemsize


def crop(spec: ConvSpec, g: np.ndarray) -> np.ndarray:
    """The images inside their border. Counted from the start: `[pad:-pad]` would be empty at pad = 0."""
    return g[:, :, spec.pad_h : spec.pad_h + spec.H, spec.pad_w : spec.pad_w + spec.W]


def windows(spec: ConvSpec, g: np.ndarray) -> np.ndarray:
    """View (outer, C, P, Q, inner, R, S) of padded grouped images: entry [o, c, p, q, i, r, s] is D₀[n, c, p·u + r,
    q·v + s].
    """
    return sliding_window_view(g, (spec.R, spec.S), axis=(2, 3))[:, :, :: spec.u, :: spec.v]


def under(spec: ConvSpec, g: np.ndarray, r: int, s: int) -> np.ndarray:
    """View (outer, C, P, Q, inner) of padded grouped images: what the filter's tap (r, s) meets at each output."""
    return g[:, :, r : r + spec.u * (spec.P - 1) + 1 : spec.u, s : s + spec.v * (spec.Q - 1) + 1 : spec.v]
