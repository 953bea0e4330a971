"""What makes deep learning fast: threads, batches, precision and many workers, each measured on this machine.

`start` runs work in a process with an environment of its own, `run_workers` lets simulated workers exchange messages,
`two_processes` trains with torch.distributed, `Trainer` trains an MLP step by step, `recorded` reads what other
machines measured.
"""

from __future__ import annotations

from helpers.lazy import lazy

__all__, __getattr__, __dir__ = lazy(
    __name__,
    {
        "distributed": ["cannot_run_two", "two_processes"],
        "...messages": ["Deadlock", "Message", "Run", "run_workers"],
        "processes": ["THREAD_VARIABLES", "WORKS", "Worker", "cores", "start"],
        "published": ["CAFFE_THREADS"],
        "records": ["recorded", "recorded_machines"],
        "training": ["Trainer", "images"],
    },
)
