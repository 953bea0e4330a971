"""The three passes by PyTorch's own library: cuDNN on CUDA, oneDNN on the CPU. Arguments are checked in on_torch."""

from __future__ import annotations

from typing import Any

from helpers.primitives.spec import ConvSpec
from helpers.primitives.torch_checks import empty_like, memory_format


def forward(spec: ConvSpec, x: Any, w: Any) -> Any:
    """y from x and w."""
    from torch.nn.functional import conv2d

    w = w.contiguous(memory_format=memory_format(x))  # PyTorch would give y the filters' layout if x had another one
    return conv2d(x, w, stride=(spec.u, spec.v), padding=(spec.pad_h, spec.pad_w))


def backward_data(spec: ConvSpec, dy: Any, w: Any) -> Any:
    """dx from dy and w."""
    # PyTorch asks for x although only its shape and layout matter. A fresh tensor that is never written takes no memory
    # on a CPU, where pages come with the first write; on a GPU it would, so there one number stands for all.
    x = dy.new_empty(1).expand(spec.x_shape) if dy.is_cuda else empty_like(dy, spec.x_shape)
    w = w.contiguous(memory_format=memory_format(dy))
    return _backward(spec, dy, x, w, (True, False, False))[0]


def backward_filter(spec: ConvSpec, x: Any, dy: Any) -> Any:
    """dw from x and dy."""
    w = dy.new_empty(spec.w_shape)
    return _backward(spec, dy, x, w, (False, True, False))[1]


def _backward(spec: ConvSpec, dy: Any, x: Any, w: Any, wanted: tuple[bool, bool, bool]) -> Any:
    import torch

    stride, padding = (spec.u, spec.v), (spec.pad_h, spec.pad_w)
    return torch.ops.aten.convolution_backward(dy, x, w, None, stride, padding, (1, 1), False, (0, 0), 1, wanted)
