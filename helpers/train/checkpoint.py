"""A run in one file: weights, all that the next step depends on, the description and the history.

The file is an npz without pickled objects: `numpy.load(path)["0.weight"]` is the first layer's weight. Beside the
arrays of `network.state()` it has the text "about", JSON with the description, the history and what the data were.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.backend import to_numpy
from helpers.errors import CourseError
from helpers.train.history import History

if TYPE_CHECKING:
    from helpers.nn.spec_model import NetworkSpec

FORMAT = 1
ABOUT = "about"


@dataclass(frozen=True)
class Checkpoint:
    """What a file of `save_checkpoint` holds. state: for `network.load_state`; data: what `data_mark` said."""

    spec: NetworkSpec
    history: History
    state: dict[str, np.ndarray]
    data: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(
    path: str | Path, network: Any, history: History, spec: NetworkSpec, data: Mapping[str, Any] | None = None
) -> Path:
    """Write the network's state, the history and the spec. The file appears whole or not at all; an older one stays
    until the new one is safe on the disk. data: what `data_mark` says of the data set. CourseError where it cannot be
    written.
    """
    path = Path(path)
    about = {"format": FORMAT, "spec": spec.values(), "history": history.to_json(), "data": dict(data or {})}
    arrays = {**network.state(), ABOUT: np.array(json.dumps(about, allow_nan=False))}
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(part, 0o644)
        os.replace(part, path)
    except BaseException as error:
        if part is not None:
            with contextlib.suppress(OSError):
                os.unlink(part)
        if isinstance(error, OSError):
            raise CourseError(
                f"The checkpoint {path} can't be written ({error.strerror or error}); an older one there is unchanged. "
                "Make room or choose another folder, then go on from it."
            ) from None
        raise
    return path


def load_checkpoint(path: str | Path) -> Checkpoint:
    """What `save_checkpoint` wrote. CourseError for a file that can't be read, is damaged, or is something else."""
    from helpers.nn.spec import read_spec

    path = Path(path)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            state = {name: archive[name] for name in archive.files}  # reading checks each array's sum
        about = json.loads(str(state.pop(ABOUT)))
        found = about["format"], about["spec"], about["history"], dict(about["data"])
    except OSError as error:
        raise CourseError(
            f"The checkpoint {path} can't be read ({error.strerror or 'it is not an npz file'}); give the path of a "
            "weights.npz that training wrote."
        ) from None
    except Exception:  # zipfile, zlib and numpy each have errors of their own for a damaged file
        raise CourseError(
            f"The checkpoint {path} is damaged, or not a checkpoint; restore a copy, or move it away and start over."
        ) from None
    version, spec, history, data = found
    if version != FORMAT:
        raise CourseError(f"The checkpoint {path} has format {version!r} and this course reads {FORMAT}; start over.")
    try:
        return Checkpoint(read_spec(spec), History.from_json(history), state, data)
    except CourseError as error:
        raise CourseError(f"The checkpoint {path} is damaged: {error}") from None


def data_mark(data: Any) -> dict[str, Any]:
    """What tells one data set from another: name, numbers of images, and a sum over labels and a few images."""
    found = hashlib.sha256()
    for half in ("train", "test"):
        images, labels = getattr(data, f"{half}_images"), getattr(data, f"{half}_labels")
        found.update(to_numpy(labels).astype(np.int64).tobytes())
        found.update(np.ascontiguousarray(to_numpy(images[:: max(1, len(labels) // 16)]), np.float32).tobytes())
    return {
        "name": getattr(data, "name", ""),
        "training images": len(data.train_labels),
        f"{getattr(data, 'held_out', 'test')} images": len(data.test_labels),
        "contents": found.hexdigest()[:16],
    }
