"""What a file is, by its name: a notebook, also where a browser or an editor has spoilt the name, or an archive."""

from __future__ import annotations

import re

ARCHIVE = re.compile(r"\.(?:zip|7z|rar|tar|tgz|tbz2|txz|tar\.(?:gz|bz2|xz))$", re.I)
NOTEBOOK = re.compile(r"\.ipynb(?: ?\([0-9]+\))?(?:\.(?:json|txt|download))*$", re.I)

PERHAPS_NOTEBOOK = re.compile(r"\.ipynb(?![a-z])[^/]{0,20}\Z", re.I)
"""What is worth a look in one student's folder, where nobody is mistaken for somebody else by it: x.ipynb~, too."""


def is_notebook(path: str) -> bool:
    return NOTEBOOK.search(path) is not None


def as_notebook(path: str) -> str:
    """`x.ipynb` for `x.IPYNB`, `x.ipynb.txt` and the like; any other path as it is."""
    return NOTEBOOK.sub(".ipynb", path)


def is_archive(path: str) -> bool:
    return ARCHIVE.search(path) is not None


def unpacked(path: str) -> str:
    """The folder that an archive stands for: its path without what makes it an archive."""
    return ARCHIVE.sub("", path)


def is_work(path: str) -> bool:
    """Whether it may hold a notebook."""
    return is_notebook(path) or is_archive(path)
