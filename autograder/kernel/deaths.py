"""How a process ended, in words for instructors and students."""

import signal

from ..sandbox import Limits

FAILED = 71
"""The exit code of a process of ours that could not go on; its log says why."""

SIGNALS = {
    signal.SIGSEGV: "it crashed with a segmentation fault",
    signal.SIGBUS: "it crashed with a bus error",
    signal.SIGFPE: "it crashed with an arithmetic error in compiled code",
    signal.SIGILL: "it crashed at an instruction that this processor doesn't know",
    signal.SIGABRT: "it aborted itself",
    signal.SIGKILL: "it was killed from outside; most likely the machine had run out of memory",
    signal.SIGSYS: "it tried something that the sandbox forbids",
}


def how_it_ended(ended: tuple[int, float] | None, limits: Limits) -> str:
    """``ended``: exit code or minus the signal's number, and the processor's seconds; None if unknown."""
    if ended is None:
        return "it cut the line to its grader"
    code, cpu_s = ended
    if code >= 0:
        return f"it ended itself with exit code {code}"
    if code == -signal.SIGXCPU or (code == -signal.SIGKILL and cpu_s >= limits.cpu_s - 1):
        return f"it used more than {limits.cpu_s:,} s of processor time"
    try:
        known = signal.Signals(-code)
    except ValueError:
        return f"it was ended by signal {-code}"
    return SIGNALS.get(known, f"it was ended by signal {known.name}")
