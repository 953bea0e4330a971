"""Convolution by hand-written Triton kernels on an NVIDIA GPU: implicit matrix products, see triton_kernels.

Without a GPU the same kernels run on CPU tensors in Triton's interpreter, far too slowly for anything but tests: start
Python with TRITON_INTERPRET=1 in the environment.
"""

from __future__ import annotations

import os
from functools import cache
from math import prod
from typing import Any

from helpers.backend import nearest
from helpers.errors import CourseError
from helpers.primitives.spec import ConvSpec
from helpers.primitives.torch_checks import check_tensors, empty_like

__all__ = ["PRECISIONS", "backward_data", "backward_filter", "forward"]

PRECISIONS = ("ieee", "tf32", "tf32x3")
"""How float32 enters a product: as it is; rounded to TF32 for the tensor cores; or as the sum of two TF32 numbers,
three products on tensor cores for one, which comes close to float32."""

TUNE_FROM = 2 * 10**9
"""FLOPs from which on several tile sizes are tried at the first call of a shape."""

SMALL = {"TILE_M": 64, "TILE_N": 32, "TILE_R": 32, "GROUP": 8}
"""Tiles of an untuned product. TILE_R runs along the reduction, GROUP tile rows share the L2 cache."""

TILES = (  # TILE_M, TILE_N, TILE_R, stages of the pipeline, warps
    (128, 128, 32, 3, 8),
    (128, 64, 32, 3, 4),
    (64, 128, 32, 3, 4),
    (64, 64, 32, 4, 4),
    (128, 32, 32, 4, 4),
    (128, 16, 32, 4, 4),
)
"""What tuning tries. The sums of a tile stay in registers, which bounds its size."""

TENSOR_CORE_TILES = ((256, 128, 32, 3, 8), (128, 256, 32, 3, 8), (128, 128, 64, 3, 8))
"""What it tries besides for tensor cores, which take their factors from shared memory and leave registers for more
sums."""


def forward(spec: ConvSpec, x: Any, w: Any, precision: str = "ieee", tune: bool | None = None) -> Any:
    """y (N, K, P, Q) of x (N, C, H, W) and w (K, C, R, S): tensors of float32 or float64 on one GPU, of any strides.

    precision: one of PRECISIONS, for float32. tune: whether to try several tile sizes at the first call of this shape
    (None: if it is large). Raises CourseError for tensors that don't fit, and where Triton can't run.
    """
    _check(spec, precision, x=(x, spec.x_shape), w=(w, spec.w_shape))
    kernels = _kernels(x)
    y = empty_like(x, spec.y_shape)
    w = _channel_fastest(w, 1)

    def grid(tile: dict[str, int]) -> tuple[int, ...]:
        return (_tiles(spec.N * spec.P * spec.Q, tile["TILE_M"]) * _tiles(spec.K, tile["TILE_N"]),)

    sizes = _sizes(spec, "C H W K R S P Q U V PAD_H PAD_W")
    _launch(
        kernels.forward_kernel, grid, _tune(spec, tune), (x, w, y, spec.N, *x.stride(), *w.stride(), *y.stride()),
        {**sizes, "PRECISION": _precision(x, precision)},
    )  # fmt: skip
    return y


def backward_data(spec: ConvSpec, dy: Any, w: Any, precision: str = "ieee", tune: bool | None = None) -> Any:
    """dx (N, C, H, W) of dy (N, K, P, Q) and w (K, C, R, S). The rest as in `forward`."""
    _check(spec, precision, dy=(dy, spec.y_shape), w=(w, spec.w_shape))
    kernels = _kernels(dy)
    dx = empty_like(dy, spec.x_shape)
    w = _channel_fastest(w, 0)
    for h_first, rows, p_first, r_first, r_count in _phases(spec.H, spec.R, spec.u, spec.pad_h):
        for w_first, columns, q_first, s_first, s_count in _phases(spec.W, spec.S, spec.v, spec.pad_w):
            if r_count == 0 or s_count == 0:  # a stride that is larger than the filter leaves pixels out
                dx[:, :, h_first :: spec.u, w_first :: spec.v] = 0
                continue
            pixels = spec.N * rows * columns

            def grid(tile: dict[str, int], pixels: int = pixels) -> tuple[int, ...]:
                return (_tiles(pixels, tile["TILE_M"]) * _tiles(spec.C, tile["TILE_N"]),)

            phase = (h_first, w_first, p_first, q_first, r_first, s_first)
            sizes = {**_sizes(spec, "C K P Q U V"), "ROWS": rows, "COLUMNS": columns, "R": r_count, "S": s_count}
            _launch(
                kernels.backward_data_kernel, grid, _tune(spec, tune),
                (dy, w, dx, spec.N, *phase, *dy.stride(), *w.stride(), *dx.stride()),
                {**sizes, "PRECISION": _precision(dy, precision)},
            )  # fmt: skip
    return dx


def backward_filter(
    spec: ConvSpec, x: Any, dy: Any, precision: str = "ieee", tune: bool | None = None, splits: int | None = None
) -> Any:
    """dw (K, C, R, S) of x (N, C, H, W) and dy (N, K, P, Q).

    splits: into how many parts the sum over n, p and q is cut, each for its own programs (None: enough to keep the GPU
    busy); the workspace is splits times dw. The rest as in `forward`.
    """
    _check(spec, precision, x=(x, spec.x_shape), dy=(dy, spec.y_shape))
    if splits is not None and (not isinstance(splits, int) or splits < 1):
        raise CourseError(f"splits={splits!r} is not a number of parts; give a whole number of at least 1.")
    kernels = _kernels(x)
    crs = spec.C * spec.R * spec.S
    count = splits or _splits(x, spec)
    parts = x.new_empty(count, *spec.w_shape)

    def grid(tile: dict[str, int]) -> tuple[int, ...]:
        return _tiles(spec.K, tile["TILE_M"]) * _tiles(crs, tile["TILE_N"]), count

    sizes = _sizes(spec, "C H W K R S P Q U V PAD_H PAD_W")
    _launch(
        kernels.backward_filter_kernel, grid, _tune(spec, tune),
        (x, dy, parts, spec.N, count, *x.stride(), *dy.stride(), *parts.stride()),
        {**sizes, "PRECISION": _precision(x, precision)},
    )  # fmt: skip
    return parts[0] if count == 1 else parts.sum(0)


def _phases(size: int, window: int, stride: int, pad: int) -> list[tuple[int, int, int, int, int]]:
    """Along one axis, for each phase that has pixels: the first pixel, how many there are, the output that this first
    one meets under the phase's first filter row, that row, and how many rows the phase has."""
    found = []
    for row in range(stride):
        first = (row - pad) % stride
        if first < size:
            rows = max(0, _tiles(window - row, stride))
            found.append((first, _tiles(size - first, stride), (first + pad) // stride, row, rows))
    return found


def _check(spec: ConvSpec, precision: str, **tensors: Any) -> None:
    check_tensors(**tensors)
    if precision not in PRECISIONS:
        raise CourseError(
            f"There is no precision {precision!r}{nearest(precision, PRECISIONS)}; "
            f"choose one of {', '.join(PRECISIONS)}."
        )
    reach = {name: prod(shape) for name, shape in (("x", spec.x_shape), ("y", spec.y_shape))}
    for name, (tensor, _) in tensors.items():
        reach[name] = 1 + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    for name, count in reach.items():
        if count > 2**31:
            raise CourseError(
                f"{name} spans {count:,} numbers and the kernels count to 2³¹; take fewer images at a time."
            )


def _kernels(tensor: Any) -> Any:
    """The module of kernels, if they can run where the tensor is, else a CourseError."""
    try:
        from helpers.primitives import triton_kernels
    except ImportError:
        raise CourseError(
            "Triton is not installed; install triton (Linux on x86-64), or choose algorithm='library' or 'lowering'."
        ) from None
    if not tensor.is_cuda and not _interpreted(triton_kernels.forward_kernel):
        late = os.environ.get("TRITON_INTERPRET", "0") not in ("", "0")
        last = (
            "start Python anew: TRITON_INTERPRET was set after Triton had been loaded."
            if late
            else "start Python with TRITON_INTERPRET=1 to try the kernel, slowly, on the CPU."
        )
        raise CourseError(
            f"A Triton kernel needs an NVIDIA GPU and this tensor is on {tensor.device}; move it to a GPU, choose "
            f"algorithm='library' or 'lowering', or {last}"
        )
    return triton_kernels


def _interpreted(kernel: Any) -> bool:
    return type(kernel).__name__ == "InterpretedFunction"


def _launch(kernel: Any, grid: Any, tune: bool, arguments: tuple, constants: dict[str, Any]) -> None:
    import torch

    try:
        with torch.cuda.device_of(arguments[0]):  # Triton starts kernels on the current GPU, wherever the tensors are
            if tune and not _interpreted(kernel):
                _tuned(kernel, constants["PRECISION"] != "ieee")[grid](*arguments, **constants)
            else:
                kernel[grid](*arguments, **constants, **SMALL)
    except RuntimeError as error:
        if "C compiler" not in str(error):
            raise
        raise CourseError("Triton needs a C compiler to start kernels; install gcc, or set CC to its path.") from error


@cache
def _tuned(kernel: Any, tensor_cores: bool) -> Any:
    import triton

    names = ("TILE_M", "TILE_N", "TILE_R")
    configs = [
        triton.Config({**dict(zip(names, tile, strict=True)), "GROUP": 8}, num_stages=stages, num_warps=warps)
        for *tile, stages, warps in TILES + (TENSOR_CORE_TILES if tensor_cores else ())
    ]
    # What makes two calls alike: sizes and strides (those of the filters tell R and S), but neither the three tensors
    # nor which phase of the stride it is.
    rest = {*names, "GROUP", "R", "S", "ROWS", "COLUMNS"}
    key = [name for name in kernel.arg_names[3:] if name not in rest and not name.endswith("_first")]
    return triton.autotune(configs, key=key)(kernel)


def _tune(spec: ConvSpec, tune: bool | None) -> bool:
    return spec.flops >= TUNE_FROM if tune is None else tune


def _splits(tensor: Any, spec: ConvSpec) -> int:
    """Two programs for each multiprocessor at the usual tile, but each at least 16 steps long."""
    import torch

    units = torch.cuda.get_device_properties(tensor.device).multi_processor_count if tensor.is_cuda else 1
    tiles = _tiles(spec.K, 128) * _tiles(spec.C * spec.R * spec.S, 128)
    return max(1, min(2 * units // tiles, spec.N * spec.P * spec.Q // (16 * 32)))


def _precision(tensor: Any, precision: str) -> str:
    return precision if tensor.element_size() == 4 else "ieee"


def _sizes(spec: ConvSpec, names: str) -> dict[str, int]:
    small = {"U": spec.u, "V": spec.v, "PAD_H": spec.pad_h, "PAD_W": spec.pad_w}
    return {name: small[name] if name in small else getattr(spec, name) for name in names.split()}


def _channel_fastest(w: Any, axis: int) -> Any:
    """The filters with the reduction's fastest index last in memory; they are small, so the copy is cheap."""
    order = [i for i in range(4) if i != axis] + [axis]
    return w.permute(order).contiguous().permute([order.index(i) for i in range(4)])


def _tiles(size: int, tile: int) -> int:
    return -(-size // tile)
