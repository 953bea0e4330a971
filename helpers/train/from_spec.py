"""Train the network of a JSON description, and resume an interrupted run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.backend import Backend
from helpers.backend import backend as make_backend
from helpers.errors import CourseError
from helpers.train.checkpoint import Checkpoint, data_mark, load_checkpoint, save_checkpoint
from helpers.train.checks import check_halves
from helpers.train.history import History
from helpers.train.loop import fit

if TYPE_CHECKING:
    from helpers.nn.spec_model import NetworkSpec

FREE = ("$schema", "name", "backend", "epochs")
"""Settings of a description that may change between two parts of one run."""


@dataclass(frozen=True)
class Trained:
    """A network after training, and how the training went."""

    network: Any
    history: History


def train_spec(
    spec: NetworkSpec | str | Path,
    data: Any = None,
    *,
    backend: Backend | str | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = True,
    label: str | None = None,
    progress: bool = True,
    on_epoch: Callable[[History], None] | None = None,
) -> Trained:
    """Build the network that `spec` describes (a NetworkSpec, a file's path or a shipped name) and train it as it says.

    data: a Dataset with images (N, C, H, W) or (N, C·H·W), None for the selection half of `load_split()`; backend:
    None for the spec's own. checkpoint: a file that is written after each epoch; where it exists, training goes on
    after its epochs, on a CPU bit for bit as if it had never stopped, for the same backend and number of threads
    (resume=False starts anew and replaces it). Spec and data must be those of the checkpoint; the number of epochs may
    grow where the schedule doesn't depend on it. on_epoch(history) comes after the checkpoint. Raises CourseError for
    whatever doesn't fit.
    """
    from helpers import nn
    from helpers.nn.shipped import find_spec

    spec = find_spec(spec)
    on = backend if isinstance(backend, Backend) else make_backend(backend or spec.backend)
    data = fitting(data, spec, on)
    network = nn.build(spec, on)
    mark = data_mark(data)
    found = earlier(checkpoint, spec, data) if checkpoint is not None and resume else None
    if found is not None:
        load_weights(network, found, checkpoint)

    def after(history: History) -> None:
        if checkpoint is not None:
            save_checkpoint(checkpoint, network, history, spec, mark)
        if on_epoch is not None:
            on_epoch(history)

    history = fit(
        network, *nn.network_steps(network), data, lr=spec.rates(), epochs=spec.epochs, batch_size=spec.batch_size,
        seed=spec.seed, label=label or label_of(spec), progress=progress, on_epoch=after,
        history=found.history if found else None,
    )  # fmt: skip
    return Trained(network, history)


def label_of(spec: NetworkSpec) -> str:
    """What figures call a run of this spec: "rate 0.1", or "cosine from 0.1"."""
    kind = "rate" if spec.schedule.type == "constant" else f"{spec.schedule.type} from"
    return f"{kind} {spec.learning_rate:g}"


def fitting(data: Any, spec: NetworkSpec, on: Backend) -> Any:
    """The data (None: `load_split().selection()`) on this backend, in the shape that the spec takes; CourseError for
    images or classes of another kind.
    """
    if data is None:
        from helpers.data import load_split

        data = load_split(dtype="float64" if "float64" in str(on.dtype) else "float32").selection()
    check_halves(data)
    image = tuple(spec.input)
    shape = tuple(data.train_images.shape[1:])
    if shape not in (image, (math.prod(image),)):
        raise CourseError(
            f"{spec.name} takes images of {_times(image)} and those of {getattr(data, 'name', 'the data')} have "
            f"{_times(shape)}; change the input in its file, or give other data."
        )
    if getattr(data, "classes", spec.classes) > spec.classes:
        raise CourseError(
            f"{spec.name} has {spec.classes} classes and {data.name} has {data.classes}; change classes and the last "
            "dense layer in its file."
        )
    if shape != image:
        data = replace(
            data,
            train_images=data.train_images.reshape(-1, *image),
            test_images=data.test_images.reshape(-1, *image),
        )
    return data.to(on)


def earlier(checkpoint: str | Path, spec: NetworkSpec, data: Any) -> Checkpoint | None:
    """The checkpoint to go on from, None where there is no file; CourseError for one of another run or other data."""
    path = Path(checkpoint)
    if not path.exists():
        return None
    found = load_checkpoint(path)
    check_same(found, spec, data_mark(data), path)
    return found


def check_same(found: Checkpoint, spec: NetworkSpec, mark: dict[str, Any], path: Path) -> None:
    """A CourseError, with the first difference, unless this run can go on from the checkpoint."""
    there, here = found.spec.values(), spec.values()
    depends = spec.schedule.type == "cosine"  # its rates are spread over all epochs
    for key in here:
        if (key in FREE and not (key == "epochs" and depends)) or there[key] == here[key]:
            continue
        for where, a, b in _differences(there[key], here[key], key):
            raise CourseError(
                f"The checkpoint {path} is of another run: {where} is {a} there and {b} here; start "
                "anew (--fresh, or resume=False), or write to another folder."
            )
    for what, value in mark.items():
        if found.data and found.data.get(what) != value:
            a, b = found.data.get(what, "none"), value
            raise CourseError(
                f"The checkpoint {path} is of other data: {what} {a} there and {b} here; give the same data, start "
                "anew (--fresh, or resume=False), or write to another folder."
            )
    if found.history.epochs > spec.epochs:
        raise CourseError(
            f"The checkpoint {path} has {found.history.epochs} epochs behind it and {spec.epochs} are asked for; ask "
            "for at least as many, start anew (--fresh, or resume=False), or write to another folder."
        )


def load_weights(network: Any, found: Checkpoint, path: str | Path | None) -> None:
    """The checkpoint's state into the network; CourseError, with the file's name, where it doesn't fit."""
    try:
        own = network.state()
        for name, array in found.state.items():
            here = np.asarray(own.get(name, array)).dtype
            if array.dtype != here:
                raise CourseError(f"{name} is {array.dtype} there and {here} here; train on in the same precision.")
        network.load_state(found.state)
    except CourseError as error:
        raise CourseError(f"The checkpoint {path} doesn't fit this network: {error}") from None


def _differences(a: Any, b: Any, where: str) -> Any:
    """(path, value there, value here) of what differs in two JSON values."""
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, pair in enumerate(zip(a, b, strict=True)):
            yield from _differences(*pair, f"{where}[{i}]")
    elif isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            yield from _differences(a[key], b[key], f"{where}.{key}")
    elif a != b:
        yield where, _short(a), _short(b)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return str(value.get("type", "another")) if isinstance(value, dict) else repr(value)


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
