"""Sandboxes for students' code: modes "namespaces", "landlock" and, only on request, "none"."""

from .cgroup import memory_group
from .fork import fork_into, reap, settle
from .modes import LANDLOCK, MODES, NAMESPACES, NONE, Inmate, Limits, Mode, Room
from .paths import closed_paths, hidden_paths, readable_paths, standard_room
from .tree import gone, kill_tree
from .trial import WHAT_UNSAFE_MEANS, choose
from .usage import Usage, tree_memory

__all__ = [
    "LANDLOCK", "MODES", "NAMESPACES", "NONE", "WHAT_UNSAFE_MEANS", "Inmate", "Limits", "Mode", "Room", "Usage",
    "choose", "closed_paths", "fork_into", "gone", "hidden_paths", "kill_tree", "memory_group",
    "readable_paths", "reap", "settle", "standard_room", "tree_memory",
]  # fmt: skip
