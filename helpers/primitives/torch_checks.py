"""What tensors must be like before a convolution touches them."""

from __future__ import annotations

from typing import Any

from helpers.backend import torch_needed
from helpers.errors import CourseError


def check_tensors(**tensors: tuple[Any, tuple[int, ...]]) -> None:
    """A CourseError unless both are torch tensors of float32 or float64, of their shapes, alike in dtype and device.

    Each keyword is the name of an argument, with the tensor and the shape that it must have.
    """
    torch = torch_needed("or pass numpy arrays")
    for name, (tensor, shape) in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            kind = type(tensor).__name__
            raise CourseError(f"{name} is of type {kind}, not a torch tensor; pass torch tensors throughout.")
        if tuple(tensor.shape) != shape:
            raise CourseError(f"{name} has shape {tuple(tensor.shape)}, but the spec says {shape}; make them agree.")
        if tensor.dtype not in (torch.float32, torch.float64):
            raise CourseError(f"{name} is of {tensor.dtype}; convert it to torch.float32 or torch.float64.")
    (first, (one, _)), (second, (other, _)) = tensors.items()
    if one.dtype != other.dtype:
        raise CourseError(f"{first} is of {one.dtype} and {second} of {other.dtype}; convert one of the two.")
    if one.device != other.device:
        raise CourseError(f"{first} is on {one.device} and {second} on {other.device}; move both to the same device.")


def memory_format(tensor: Any) -> Any:
    """torch.channels_last if that is how the tensor lies in memory, else torch.contiguous_format."""
    import torch

    last = tensor.is_contiguous(memory_format=torch.channels_last) and not tensor.is_contiguous()
    return torch.channels_last if last else torch.contiguous_format


def empty_like(tensor: Any, shape: tuple[int, ...]) -> Any:
    """A fresh tensor of another shape, with the dtype, device and memory format of this one."""
    import torch

    return torch.empty(shape, dtype=tensor.dtype, device=tensor.device, memory_format=memory_format(tensor))
