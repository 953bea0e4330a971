"""Temporary folders, which are removed even if their owner was killed: by the next one of the same kind."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: what was left behind stays
    fcntl = None  # type: ignore[assignment]

MARK = ".from-scratch-to-cudnn"


class Scratch:
    """A new folder, `path`, below `within` (the system's temporary folder), which belongs to this process alone.

    Its mark is a file that is locked as long as this process lives (flock(2)). A folder with the same prefix whose
    mark can be locked has been left behind and goes; one without a mark is somebody else's and is never touched.
    """

    def __init__(self, prefix: str, within: Path | None = None) -> None:
        within = Path(within or tempfile.gettempdir())
        _sweep(prefix, within)
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=within)).resolve()
            self._mark = os.open(self.path / MARK, os.O_RDWR | os.O_CREAT, 0o600)
            if _lock(self._mark) is not False and (self.path / MARK).exists():
                return
            os.close(self._mark)  # swept before it was locked

    def remove(self) -> None:
        """Remove it; safe to call twice."""
        if self._mark >= 0:
            remove(self.path)
            os.close(self._mark)
            self._mark = -1


def left_empty(folder: Path) -> None:
    """Remove the folder of a dead process, if it is empty."""
    with contextlib.suppress(OSError):
        if os.listdir(folder) == [MARK]:
            (folder / MARK).unlink()
            folder.rmdir()


def remove(folder: Path) -> None:
    """Delete a folder that hostile code has had: nested beyond recursion, or without permission to look into it."""
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
            subprocess.run([*command, "--", str(folder)], stderr=subprocess.DEVNULL, check=False)


def _sweep(prefix: str, within: Path) -> None:
    if fcntl is None:
        return
    with contextlib.suppress(OSError), os.scandir(within) as entries:
        for entry in entries:
            if entry.name.startswith(prefix):
                with contextlib.suppress(OSError):
                    _take_if_left(Path(entry.path))


def _take_if_left(folder: Path) -> None:
    # Neither the folder nor its mark may be a link, or another user could have us delete what is ours.
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
        return
    mark = os.open(folder / MARK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if _lock(mark):
            remove(folder)
    finally:
        os.close(mark)


def _lock(file: int) -> bool | None:
    """Whether it was locked; None where files can't be."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except OSError:
        return None
