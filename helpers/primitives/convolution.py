"""Convolution forward, backward-data and backward-filter: one call each, whatever holds the arrays and whichever
algorithm computes.

Chetlur et al., *cuDNN: Efficient Primitives for Deep Learning*, section 2. Arrays are N×C×H×W by their axes and may
lie in memory in any order; outputs lie in the order of the input.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from helpers.backend import nearest
from helpers.errors import CourseError
from helpers.primitives import choose
from helpers.primitives.bias import bias_forward
from helpers.primitives.layout import is_chwn
from helpers.primitives.registry import get
from helpers.primitives.spec import ConvSpec

MODES = ("cross-correlation", "convolution")
TORCH = ("library", "lowering", "triton")


def conv_forward(
    spec: ConvSpec,
    x: Any,
    w: Any,
    bias: Any = None,
    algorithm: str = "auto",
    workspace_limit: int | None = None,
    mode: str = "cross-correlation",
) -> Any:
    """Images x (N, C, H, W) and filters w (K, C, R, S) -> y (N, K, P, Q).

    numpy arrays or torch tensors, float32 or float64, all of one kind. bias: None or (K,). algorithm: "auto" (the
    cheapest by model, or what `find` has measured), a name of `registry.NAMES` for numpy, or "library", "lowering",
    "triton" for torch. workspace_limit: most bytes of auxiliary memory, for "auto". mode: "convolution" flips the
    filters, as the paper's equation (2) does. Raises CourseError for shapes and types that don't fit and for an
    algorithm that can't do this spec.
    """
    w = _flipped(w, mode)
    y = _run(spec, "forward", {"x": x, "w": w}, algorithm, workspace_limit)
    return y if bias is None else bias_forward(y, bias)


def conv_backward_data(
    spec: ConvSpec,
    dy: Any,
    w: Any,
    algorithm: str = "auto",
    workspace_limit: int | None = None,
    mode: str = "cross-correlation",
    add_to: Any = None,
) -> Any:
    """Gradient dy (N, K, P, Q) and filters w (K, C, R, S) -> dx (N, C, H, W), the gradient for the images.

    add_to: an array of dx's shape into which the gradient is added, for data that several layers share (section 2);
    it is changed and returned. The other arguments are those of `conv_forward`.
    """
    return _added(_run(spec, "backward-data", {"dy": dy, "w": _flipped(w, mode)}, algorithm, workspace_limit), add_to)


def conv_backward_filter(
    spec: ConvSpec,
    x: Any,
    dy: Any,
    algorithm: str = "auto",
    workspace_limit: int | None = None,
    mode: str = "cross-correlation",
    add_to: Any = None,
) -> Any:
    """Images x (N, C, H, W) and gradient dy (N, K, P, Q) -> dw (K, C, R, S), the gradient for the filters.

    add_to: an array of dw's shape into which the gradient is added, for filters that several layers share.
    """
    return _added(_flipped(_run(spec, "backward-filter", {"x": x, "dy": dy}, algorithm, workspace_limit), mode), add_to)


def _run(spec: ConvSpec, which: str, arrays: dict[str, Any], algorithm: str, limit: int | None) -> Any:
    function = which.replace("-", "_")
    if all(_is_torch(a) for a in arrays.values()):
        from helpers.primitives import on_torch

        name = "library" if algorithm == "auto" else algorithm
        return getattr(on_torch, function)(spec, *arrays.values(), algorithm=name)
    if algorithm in TORCH:
        raise CourseError(f"The algorithm {algorithm!r} runs on torch tensors; give it tensors, or choose a numpy one.")
    check_arrays(spec, arrays)
    first = next(iter(arrays.values()))
    name = algorithm
    if algorithm == "auto":
        name = choose.algorithm(spec, which, first.dtype, is_chwn(first), limit)
    module = get(name)
    why_not = module.supports(spec, which)
    if why_not:
        raise CourseError(f"The algorithm {name} can't compute {spec}: {why_not}")
    return getattr(module, function)(spec, *arrays.values())


def check_arrays(spec: ConvSpec, arrays: dict[str, Any]) -> None:
    """A CourseError unless all are numpy arrays of one float type with the shapes of the spec."""
    shapes = {"x": spec.x_shape, "w": spec.w_shape, "dy": spec.y_shape}
    axes = {"x": "(N, C, H, W)", "w": "(K, C, R, S)", "dy": "(N, K, P, Q)"}
    for name, a in arrays.items():
        if not isinstance(a, np.ndarray):
            raise CourseError(f"{name} is of type {type(a).__name__}; give numpy arrays, or torch tensors throughout.")
        if a.shape != shapes[name]:
            raise CourseError(
                f"{name} has shape {a.shape}, but the spec says {axes[name]} = {shapes[name]}; make them agree."
            )
        if a.dtype not in (np.float32, np.float64):
            raise CourseError(f"{name} has the type {a.dtype}; convolution takes float32 or float64.")
    if len({a.dtype for a in arrays.values()}) > 1:
        kinds = " and ".join(f"{name} {a.dtype}" for name, a in arrays.items())
        raise CourseError(f"The arrays differ in type ({kinds}); convert one with .astype.")


def _is_torch(a: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(a, torch.Tensor)


def _flipped(w: Any, mode: str) -> Any:
    if mode not in MODES:
        raise CourseError(f"There is no mode {mode!r}{nearest(mode, MODES)}; choose cross-correlation or convolution.")
    if mode == "cross-correlation":
        return w
    return w.flip((2, 3)) if _is_torch(w) else w[:, :, ::-1, ::-1]


def _added(gradient: Any, add_to: Any) -> Any:
    if add_to is None:
        return gradient
    if tuple(add_to.shape) != tuple(gradient.shape):
        raise CourseError(
            f"add_to has shape {tuple(add_to.shape)} and the gradient {tuple(gradient.shape)}; "
            "give an array of the gradient's shape."
        )
    add_to += gradient
    return add_to
