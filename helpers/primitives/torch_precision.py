"""Float32 that stays float32: PyTorch's switches for reduced precision, pinned for the length of a `with` block.

On Ampere and later GPUs PyTorch lets cuDNN round float32 inputs to TF32 (10 bits of mantissa instead of 23), matrix
products only if asked; oneDNN has the like for some CPUs. A comparison of two algorithms means something only if
both round alike, and how they round is a global setting that other code may have changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SWITCHES = ("", "cudnn", "cudnn.conv", "cuda.matmul", "mkldnn.conv", "mkldnn.matmul")
"""Where torch.backends (2.9 and later) has an `fp32_precision` that concerns a convolution, the general ones first."""

OLD_SWITCHES = ("cudnn", "cuda.matmul")
"""Where older versions have an `allow_tf32`."""


@contextmanager
def pinned(tf32: bool = False) -> Iterator[None]:
    """Within the block float32 means IEEE float32 or, with `tf32`, TF32 where the hardware has it; then all is as
    before."""
    import torch

    # An operation that was never set follows the general switch, and reading it doesn't tell which of the two one sees.
    # Hence the general one first: what then still differs had a value of its own, and gets that very value back.
    if hasattr(torch.backends, "fp32_precision"):
        names, field, wanted = SWITCHES, "fp32_precision", "tf32" if tf32 else "ieee"
    else:
        names, field, wanted = OLD_SWITCHES, "allow_tf32", bool(tf32)  # type: ignore[assignment]
    changed: list[tuple[Any, Any]] = []
    try:
        for switch in (_find(torch.backends, name) for name in names):
            before = getattr(switch, field)
            if before != wanted:
                setattr(switch, field, wanted)
                changed.append((switch, before))
        yield
    finally:
        for switch, before in changed:
            setattr(switch, field, before)


@contextmanager
def cudnn(enabled: bool = True, benchmark: bool = False) -> Iterator[None]:
    """Within the block PyTorch uses cuDNN on the GPU, or does without.

    Without it, PyTorch convolves by explicit lowering and cuBLAS, so that the two can be compared. benchmark: let cuDNN
    time its algorithms at the first call of each shape and keep the fastest (its "find"); otherwise it goes by a rule.
    """
    from torch.backends import cudnn as switch

    before = switch.enabled, switch.benchmark
    try:
        switch.enabled, switch.benchmark = enabled, benchmark  # type: ignore[assignment]
        yield
    finally:
        switch.enabled, switch.benchmark = before


def _find(root: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        root = getattr(root, name)
    return root
