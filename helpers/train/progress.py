"""A progress bar where somebody watches, and nothing elsewhere."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any


class NoBar:
    """A bar that nobody sees."""

    def __enter__(self) -> NoBar:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, n: int = 1) -> None:
        pass

    def set_postfix_str(self, *_: object) -> None:
        pass


def bar(total: int, label: str, progress: bool, done: int = 0) -> Any:
    """A bar in a terminal, a widget in a live notebook, nothing where nobody watches (files, pipes,
    nbconvert). done: epochs of `total` that an earlier run has done.
    """
    if not progress:
        return NoBar()
    size: dict[str, int] = {}
    try:
        if in_live_notebook():
            from tqdm.notebook import tqdm
        elif sys.stderr is not None and sys.stderr.isatty():
            from tqdm import tqdm  # type: ignore[assignment]

            # tqdm draws nothing where a terminal does not know its size.
            columns, lines = shutil.get_terminal_size()
            size = {"ncols": columns, "nrows": lines}
        else:
            return NoBar()
        return tqdm(total=total, initial=done, desc=label, unit="epoch", leave=False, **size)
    except ImportError:  # no tqdm, or a notebook without widgets: training goes on without a bar
        return NoBar()


def in_live_notebook() -> bool:
    """Whether this is a kernel with a front end that draws widgets, as JupyterLab, and not an unattended
    run.
    """
    if "ipykernel" not in sys.modules or ("ipywidgets" not in sys.modules and not _importable("ipywidgets")):
        return False
    # JupyterLab and Notebook start kernels with a session name; nbclient, nbconvert and nbgrader do not.
    return bool(os.environ.get("JPY_SESSION_NAME"))


def _importable(name: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(name) is not None
