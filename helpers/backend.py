"""numpy, PyTorch on the CPU and PyTorch on a GPU behind one choice.

Layer code asks an array for its namespace (`array_namespace`) and then uses the common array API, so that it
runs unchanged on each. PyTorch and array-api-compat are imported only when needed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import numpy as np

from helpers.errors import CourseError

NAMES = ("numpy", "torch", "cuda", "auto")
DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Backend:
    """Where arrays live and in which precision. Make one with `backend(name)`.

    name: "numpy", "torch" or "cuda"; xp: array namespace; device: None for numpy, else a torch.device;
    dtype: the namespace's float type; label: a short name for figures and tables.
    """

    name: str
    xp: Any = field(repr=False)
    device: Any
    dtype: Any
    label: str

    def asarray(self, a: Any) -> Any:
        """`a` (numbers, lists, numpy or torch array) on this backend.

        Floats take the backend's dtype, integers become int64, booleans stay booleans.
        """
        if self.name == "numpy":
            array = to_numpy(a)
            return array.astype(_numpy_type(array, self.dtype), copy=False)
        torch = sys.modules["torch"]
        if isinstance(a, torch.Tensor):
            tensor = a.detach()
        else:
            array = np.asarray(a)
            array = array.astype(_numpy_type(array, np.dtype(str(self.dtype).split(".")[-1])), copy=False)
            # torch shares numpy's memory and cannot honour a read-only flag.
            tensor = torch.from_numpy(array if array.flags.writeable else array.copy())
        if tensor.is_floating_point():
            return tensor.to(self.device, self.dtype)
        return tensor.to(self.device, tensor.dtype if tensor.dtype == torch.bool else torch.int64)

    def zeros(self, shape: int | tuple[int, ...]) -> Any:
        """Zeros of the given shape in the backend's dtype."""
        where = {} if self.device is None else {"device": self.device}
        return self.xp.zeros(shape, dtype=self.dtype, **where)

    def normal(self, shape: tuple[int, ...], std: float, seed: int | Sequence[int]) -> Any:
        """Draws from N(0, std²). The same seed gives the same numbers on every backend."""
        return self.asarray(np.random.default_rng(seed).standard_normal(shape) * std)

    def synchronise(self) -> None:
        """Wait until the device has finished; clocks read before that time only the launch."""
        if self.name == "cuda":
            sys.modules["torch"].cuda.synchronize(self.device)


def backend(name: str = "numpy", dtype: str = "float32") -> Backend:
    """The backend called `name`: "numpy", "torch" (CPU), "cuda" (torch on a GPU) or "auto" (cuda, else
    numpy).

    dtype is "float32" or "float64". Raises CourseError for an unknown name or dtype, and where there is no
    GPU.
    """
    if name not in NAMES:
        raise CourseError(f"There is no backend {name!r}{nearest(name, NAMES)}; choose one of {', '.join(NAMES)}.")
    dtype = dtype if isinstance(dtype, str) else str(getattr(dtype, "__name__", dtype)).split(".")[-1]
    if dtype not in DTYPES:
        raise CourseError(f"The dtype {dtype!r} is not one of float32 and float64; choose one of these.")
    if name == "auto":
        name = "cuda" if cuda_available() else "numpy"
    if name == "numpy":
        return Backend("numpy", np, None, np.dtype(dtype), f"numpy, {dtype}")
    torch, xp = _torch_namespace()
    if name == "cuda" and not torch.cuda.is_available():
        raise CourseError('This machine has no CUDA GPU that PyTorch can use; choose the backend "numpy" or "torch".')
    device = torch.device("cuda" if name == "cuda" else "cpu")
    where = torch.cuda.get_device_name(device) if name == "cuda" else "CPU"
    return Backend(name, xp, device, getattr(torch, dtype), f"PyTorch on {where}, {dtype}")


def torch_or_none() -> Any:
    """The module torch, or None where it is missing. One that raises whatever at import counts as missing."""
    try:
        import torch
    except Exception:
        return None
    return torch


def torch_needed(instead: str) -> Any:
    """The module torch. CourseError, which ends in what else can be done, where there is none."""
    torch = torch_or_none()
    if torch is None:
        raise CourseError(f"PyTorch is not installed; install torch, {instead}.")
    return torch


def no_torch(left_out: str) -> str:
    """A sentence for a reader whose Python has no PyTorch. left_out: as in "the rows of PyTorch are left out"."""
    return f"PyTorch cannot be imported here (it is optional): {left_out}."


def array_namespace(*arrays: Any) -> Any:
    """The array API namespace of the arrays: numpy itself, or array-api-compat's for other libraries."""
    if all(isinstance(a, np.ndarray | np.generic) for a in arrays):
        return np
    try:
        import array_api_compat
    except ImportError:
        raise CourseError("PyTorch arrays need the package array-api-compat; install it, or use numpy.") from None
    return array_api_compat.array_namespace(*arrays)


def to_numpy(x: Any) -> np.ndarray:
    """A numpy array of `x`: numpy, torch on any device (with or without gradients), a number or a list."""
    if isinstance(x, np.ndarray):
        return x
    if hasattr(x, "detach"):
        return x.detach().cpu().numpy()
    if isinstance(x, list | tuple) and any(hasattr(item, "detach") for item in x):
        return np.asarray([to_numpy(item) for item in x])
    return np.asarray(x)


def cuda_available() -> bool:
    """Whether there is a PyTorch that sees a CUDA GPU."""
    torch = torch_or_none()
    return torch is not None and bool(torch.cuda.is_available())


def nearest(name: Any, valid: Sequence[str]) -> str:
    """A hint such as " (did you mean 'mnist'?)" for a mistyped name, or an empty string."""
    close = get_close_matches(str(name).lower(), valid, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _numpy_type(array: np.ndarray, dtype: np.dtype) -> np.dtype:
    if array.dtype.kind == "f":
        return dtype
    if array.dtype.kind in "iu":
        return np.dtype(np.int64)
    if array.dtype.kind == "b":
        return array.dtype
    raise CourseError(f"An array of {array.dtype} holds no numbers to compute with; pass floats or integers.")


def _torch_namespace() -> tuple[Any, Any]:
    torch = torch_needed('or choose the backend "numpy"')
    try:
        import array_api_compat.torch as xp
    except ImportError:
        raise CourseError("PyTorch arrays need the package array-api-compat; install it, or use numpy.") from None
    return torch, xp
