"""Hand-ins that nobody foresees: every name, text, size and kind of file drawn at random, and hostile."""

from __future__ import annotations

import os
from pathlib import Path


def chain(folder: Path, depth: int) -> None:
    """Folders in each other, deeper than a path can say."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d" * 20, dir_fd=here)
        below = os.open("d" * 20, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
