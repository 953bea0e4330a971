"""Grade many hand-ins at the same time: on this machine, or on others through Dask."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from .executor import Executor


def choose(jobs: int, scheduler: str = "", needs: Iterable[str] = ()) -> Executor:
    """Worker processes on this machine, or a Dask cluster. Local ones start at once and warm up in the background.

    `needs` (of kernel.warmup) is what the kernels will use: the sooner it is known, the sooner it is warm.
    """
    if scheduler:
        from .dask import Dask

        return Dask(scheduler)
    from ..kernel.fork_client import ForkServerProcess
    from .local_pool import Pool

    return Pool(jobs, fork_server=ForkServerProcess(needs) if jobs > 0 and sys.platform.startswith("linux") else None)
