"""Auxiliary memory that is used again and again, as cuDNN's caller hands it one workspace for all calls.

Fresh memory is not free: the system hands it out page by page, each zeroed at its first touch. On small layers that
costs as much as the arithmetic. So every thread keeps one piece of memory, and the numpy algorithms take their
temporary arrays from it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

ALIGNMENT = 64
KEPT = 2**29
"""Most bytes that are kept between calls; a pass that needs more gets them anew each time."""
Take = Callable[..., np.ndarray]


class _Memory(threading.local):
    block = np.empty(0, np.uint8)
    used = 0
    most = 0


_memory = _Memory()


@contextmanager
def workspace() -> Iterator[Take]:
    """Yields `take(shape, dtype)`, which gives an uninitialised C-contiguous array that is valid until the block
    ends.
    """
    start = _memory.used
    if start == 0:
        _memory.most = 0
    try:
        yield _take
    finally:
        _memory.used = start
        if start == 0 and len(_memory.block) < _memory.most + ALIGNMENT <= KEPT:
            _memory.block = np.empty(_memory.most + ALIGNMENT, np.uint8)  # what was missing this time is there the next


def _take(shape: int | tuple[int, ...], dtype: Any) -> np.ndarray:
    shape = (shape,) if isinstance(shape, int) else shape
    size = math.prod(shape) * np.dtype(dtype).itemsize
    start = _memory.used
    _memory.used += -(-size // ALIGNMENT) * ALIGNMENT
    _memory.most = max(_memory.most, _memory.used)
    # The block itself need not begin at a multiple of 64.
    shift = -_memory.block.ctypes.data % ALIGNMENT
    if start + shift + size > len(_memory.block):
        return np.empty(shape, dtype)
    return _memory.block[start + shift : start + shift + size].view(dtype).reshape(shape)


def last_used() -> int:
    """Bytes that this thread's latest primitive took."""
    return _memory.most


def release() -> None:
    """Give this thread's memory back to the system."""
    _memory.block, _memory.used, _memory.most = np.empty(0, np.uint8), 0, 0
