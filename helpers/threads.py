"""How many threads numpy and PyTorch compute with: one, where nobody asked for more.

One thread a run is the rule of the course. The products of a small network are too short to be shared out, the pools of
numpy and PyTorch wait for each other, and on a machine that does other work, too, two threads take several times as
long as one. Two runs on two cores are faster than one run on both.
"""

from __future__ import annotations

import os
import sys
from typing import Any

VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "OMP_NUM_THREADS")
"""What the libraries read when they are loaded, and so what processes are started with."""


def asked_for() -> int | None:
    """The number of threads that the environment asks for, None where it asks for none."""
    for name in VARIABLES:
        text = os.environ.get(name, "").partition(",")[0].strip()
        if text.isdecimal() and int(text) > 0:
            return int(text)
    return None


class limit_threads:
    """Compute with so many threads, in numpy and in PyTorch: `limit_threads(1)` from now on, or
    `with limit_threads(1):` inside a block.

    threads: None for what the environment asks for (`OMP_NUM_THREADS=4 python …`), and one where it asks for nothing.
    It works at any time, also long after numpy was imported. Processes that are started meanwhile inherit it.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or asked_for() or 1
        # What the environment asks for, the BLAS has read when it was loaded.
        self._blas = _limited_blas(self.threads) if asked_for() != self.threads else None
        self._environment = {name: os.environ.get(name) for name in VARIABLES}
        os.environ.update(dict.fromkeys(VARIABLES, str(self.threads)))
        self._torch = _torch_threads()
        if self._torch not in (None, self.threads):
            sys.modules["torch"].set_num_threads(self.threads)

    def __enter__(self) -> limit_threads:
        return self

    def __exit__(self, *_: object) -> None:
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if self._blas is not None:
            self._blas.restore_original_limits()
        if self._torch not in (None, self.threads):
            sys.modules["torch"].set_num_threads(self._torch)


def _limited_blas(threads: int) -> Any:
    """threadpoolctl's limit of the BLAS that is loaded; None without threadpoolctl, and on a Mac's Accelerate."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return None
    return threadpool_limits(limits=threads, user_api="blas")


def _torch_threads() -> int | None:
    """PyTorch's number of threads, None where it is not loaded, or broken."""
    asked = getattr(sys.modules.get("torch"), "get_num_threads", None)
    return asked() if asked is not None else None
