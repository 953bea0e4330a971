"""The interface of everything that grades tasks."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..kernel.meter import PATIENCE
from ..text import fault
from .parcel import Executor, Order

if TYPE_CHECKING:
    from ..execution.task import Result, Task

# Beyond the time that a submission may take on the clock: warming up on a slow machine, restarts after deaths, writing
# the notebook. Only a grading process that is itself stuck takes longer.
SLACK = 180.0


def choose(jobs: int, scheduler: str = "", needs: Iterable[str] = ()) -> Executor:
    """Worker processes on this machine, or a Dask cluster. Local ones start at once and warm up in the background.

    `needs` (of kernel.stages) is what the kernels will use: the sooner it is known, the sooner it is warm.
    """
    if scheduler:
        from .dask import Dask

        return Dask(scheduler)
    from .. import ahead
    from .local import Pool

    return Pool(jobs, root=ahead.root(needs) if jobs > 0 and sys.platform.startswith("linux") else None)


def order(task: Task) -> Order:
    """A task as an executor takes it."""
    return Order(task.student, task.pack(), 1.2 * PATIENCE * task.budget + SLACK)  # 1.2: execution.execute.ALL


def results(executor: Executor, orders: Iterable[Order]) -> Iterator[Result]:
    """Results as they come; orders are taken only as they are needed. One whose answer can't be read has a reason."""
    from ..execution.task import Result

    for answer in executor.run(orders):
        if answer.body is None:
            yield Result(answer.key, reason=answer.why)
            continue
        try:
            found = Result.unpack(answer.body)
            if found.student != answer.key:
                raise ValueError(f"the answer is about {found.student!r}")
        except Exception as error:
            found = Result(answer.key, reason=fault(error))
        yield found
