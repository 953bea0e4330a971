"""Convolution of torch tensors: by PyTorch's own library, by explicit lowering, or by our Triton kernels.

"library" is what a training step of PyTorch uses, each pass alone and without autograd: cuDNN on a GPU, oneDNN on a
CPU. "lowering" is the method that the paper starts from (section 3): copy the images into the lowered matrix D_m, then
one matrix product. "triton" never makes D_m; see on_triton.
"""

from __future__ import annotations

from typing import Any

from helpers.backend import nearest
from helpers.errors import CourseError
from helpers.primitives.spec import ConvSpec
from helpers.primitives.torch_checks import check_tensors
from helpers.primitives.torch_precision import cudnn, pinned

__all__ = ["ALGORITHMS", "backward_data", "backward_filter", "cudnn", "forward"]

ALGORITHMS = ("library", "lowering", "triton")


def forward(
    spec: ConvSpec, x: Any, w: Any, algorithm: str = "library", *, tf32: bool = False, images: int | None = None
) -> Any:
    """y (N, K, P, Q) of x (N, C, H, W) and w (K, C, R, S): the paper's equation (3) without the flip.

    Tensors: float32 or float64, on one device, contiguous, channels_last or of any other strides. algorithm: one of
    ALGORITHMS. tf32: let a GPU round float32 inputs to TF32; off by default, whatever PyTorch's settings are. images:
    how many images the lowering takes at a time (None: all; 1 is what Caffe did). Raises CourseError for tensors that
    don't fit the spec or each other, and for an unknown algorithm.
    """
    return _run("forward", spec, algorithm, tf32, images, x=(x, spec.x_shape), w=(w, spec.w_shape))


def backward_data(
    spec: ConvSpec, dy: Any, w: Any, algorithm: str = "library", *, tf32: bool = False, images: int | None = None
) -> Any:
    """dx (N, C, H, W), the gradient for the images, of dy (N, K, P, Q) and w (K, C, R, S). The rest as in `forward`."""
    return _run("backward_data", spec, algorithm, tf32, images, dy=(dy, spec.y_shape), w=(w, spec.w_shape))


def backward_filter(
    spec: ConvSpec, x: Any, dy: Any, algorithm: str = "library", *, tf32: bool = False, images: int | None = None
) -> Any:
    """dw (K, C, R, S), the gradient for the filters, of x (N, C, H, W) and dy (N, K, P, Q). The rest as in
    `forward`."""
    return _run("backward_filter", spec, algorithm, tf32, images, x=(x, spec.x_shape), dy=(dy, spec.y_shape))


def _run(function: str, spec: ConvSpec, algorithm: str, tf32: bool, images: int | None, **tensors: Any) -> Any:
    if algorithm not in ALGORITHMS:
        raise CourseError(
            f"There is no algorithm {algorithm!r} for torch tensors{nearest(algorithm, ALGORITHMS)}; "
            f"choose one of {', '.join(ALGORITHMS)}."
        )
    if images is not None and (algorithm != "lowering" or not isinstance(images, int) or images < 1):
        raise CourseError(f"images={images!r} is only for the lowering, a whole number of at least 1; leave it out.")
    check_tensors(**tensors)
    one, other = (tensor.detach() for tensor, _ in tensors.values())
    if algorithm == "triton":
        from helpers.primitives import on_triton

        return getattr(on_triton, function)(spec, one, other, precision="tf32" if tf32 else "ieee")
    with pinned(tf32):
        if algorithm == "lowering":
            from helpers.primitives import torch_lowering

            return getattr(torch_lowering, function)(spec, one, other, images)
        from helpers.primitives import torch_library

        return getattr(torch_library, function)(spec, one, other)
