"""The sandbox modes, and how much a student's code may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Mode:
    """`name` is "namespaces", "landlock" or "none"; `words` is the sentence kept with every submission."""

    name: str
    words: str


NAMESPACES = Mode("namespaces", "in namespaces of its own, without the network and with nothing of the course visible")
LANDLOCK = Mode("landlock", "shut in by Landlock, without the network and with nothing of the course readable")
NONE = Mode("none", "not shut in at all: its code could read and change whatever the grader can")
MODES = {mode.name: mode for mode in (NAMESPACES, LANDLOCK, NONE)}


@dataclass(frozen=True)
class Limits:
    """What one submission's processes may use together (`cpu_s`, `file_mb`: each of them).

    `memory_mb` counts on top of what is loaded before the first cell; `disk_mb` is what lies in its folder and its
    temporary files; `output_bytes` is enforced by whoever collects the outputs. Without `forks` it
    may start threads only.
    """

    memory_mb: int = 2048
    processes: int = 64
    cpu_s: int = 600
    file_mb: int = 64
    disk_mb: int = 256
    output_bytes: int = 1_000_000
    forks: bool = True


@dataclass(frozen=True)
class Room:
    """What the code finds: `folder`'s files in its working directory, `readable` paths without what is `hidden` in
    them, and the variables of `env`."""

    folder: Path
    readable: tuple[Path, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Inmate:
    """A process that was shut in. `pid` is its number where the worker lives, not in the zygote's namespace;
    `started` is its start time in clock ticks, so that another process with its number is never taken for it."""

    pid: int
    mode: str
    started: int = 0
