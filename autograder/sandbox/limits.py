"""What a child drops before it runs foreign code, in every mode: files, environment, signals, resources."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from .modes import Limits
from .tree import stat

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

THREADS = tuple(f"{name}_NUM_THREADS" for name in ("OPENBLAS", "OMP", "MKL", "NUMEXPR"))
FILES = 128
HIGHEST = 4096
MB = 1 << 20


def close_descriptors(keep: Iterable[int]) -> None:
    """Close all but `keep`; 0, 1 and 2 become the null device unless they are kept."""
    kept = set(keep)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in {0, 1, 2}.difference(kept):
        os.dup2(null, fd)
    kept |= {0, 1, 2}
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc/self/fd"):
            if int(name) not in kept:
                with contextlib.suppress(OSError):
                    os.close(int(name))
    bounds = sorted(fd for fd in kept if fd < HIGHEST)
    for low, high in zip(bounds, [*bounds[1:], HIGHEST], strict=True):
        os.closerange(low + 1, high)


def set_environment(home: str, temporary: str, extra: Mapping[str, str]) -> None:
    """Exactly these variables; the original environment is overwritten, since /proc shows it."""
    _blot_out_environment()
    os.environ.clear()
    os.environ.update(
        PATH=os.pathsep.join((str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin")),
        HOME=home, TMPDIR=temporary, LANG="C.UTF-8", MPLCONFIGDIR=f"{temporary}/matplotlib", MPLBACKEND="agg",
        PYTHONDONTWRITEBYTECODE="1", **dict.fromkeys(THREADS, "1"),
    )  # fmt: skip
    os.environ.update(extra)
    tempfile.tempdir = None


def _blot_out_environment() -> None:
    """The memory that /proc/PID/environ shows (env_start and env_end in proc_pid_stat(5))."""
    os.environ.clear()
    if fields := stat("self"):
        start, end = int(fields[47]), int(fields[48])
        if 0 < start < end:
            ctypes.memset(start, 0, end - start)


def reset_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def set_limits(limits: Limits, processes: int | None) -> None:
    """Hard limits, which can't be raised again. `processes` is RLIMIT_NPROC, None to leave it.

    Address space counts from what is mapped now, because torch alone maps gigabytes that it never touches: call this
    while /proc can still be read.
    """
    wanted = {
        "AS": mapped() + limits.memory_mb * MB, "CPU": limits.cpu_s, "FSIZE": limits.file_mb * MB, "CORE": 0,
        "NOFILE": FILES, "NPROC": processes, "MEMLOCK": 0, "MSGQUEUE": 0, "SIGPENDING": 1024, "NICE": 0, "RTPRIO": 0,
    }  # fmt: skip
    for name, value in wanted.items():
        set_limit(name, value)


def set_limit(name: str, value: int | None) -> None:
    """One hard limit, by its name without RLIMIT_; None, or a name that this system does not know, changes nothing."""
    kind = getattr(resource, f"RLIMIT_{name}", None)
    if kind is None or value is None or (name == "AS" and sys.platform == "darwin"):
        return
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def limit_memory(megabytes: int) -> None:
    """MemoryError in this process beyond so much more than it has mapped now. Whom it starts may take that back."""
    if sys.platform.startswith("linux"):
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        most = mapped() + megabytes * MB
        resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def unlimit_memory(pid: int) -> None:
    """Give a process that this one has just started the memory that this one may not take."""
    if sys.platform.startswith("linux"):
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        with contextlib.suppress(OSError):
            resource.prlimit(pid, resource.RLIMIT_AS, (hard, hard))


def offer_to_be_killed() -> None:
    """If memory runs out, this process is killed rather than the worker."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")


def mapped() -> int:
    """Bytes of this process's address space."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
