"""The one training loop of the course, its record, and how big runs are."""

from __future__ import annotations

import hashlib
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers.backend import array_namespace, nearest, to_numpy
from helpers.errors import CourseError

FIELDS = ("epoch", "learning_rate", "train_loss", "test_loss", "test_accuracy", "seconds")


@dataclass
class History:
    """What a training run recorded, one entry an epoch in each list.

    train_loss: mean over the epoch, each batch before its update; test_loss and test_accuracy (0…1): after
    the epoch; seconds: training and evaluation of the epoch. seed: of the order of the images; images: in the
    training set; device: where they lie ("numpy", "torch cpu", "torch cuda"); started_from and ended_at:
    fingerprints of the weights, "" where the network has no list of layers.
    """

    label: str = ""
    train_loss: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    seed: int = 0
    batch_size: int = 0
    images: int = 0
    device: str = ""
    started_from: str = ""
    ended_at: str = ""

    @property
    def epochs(self) -> int:
        return len(self.test_loss)

    def best_epoch(self) -> int:
        """Index (from 0) of the epoch with the lowest test loss, the sweet spot; NaN never wins."""
        losses = [loss if math.isfinite(loss) else math.inf for loss in self.test_loss]
        if not losses:
            raise CourseError(f"The history {self.label!r} has no epochs yet; train first.")
        return losses.index(min(losses))

    def rows(self) -> Iterator[dict[str, Any]]:
        """One dictionary an epoch, for a CSV: label, epoch (from 1) and the lists' entries."""
        for i in range(self.epochs):
            yield {
                "label": self.label,
                "epoch": i + 1,
                **{name: getattr(self, name)[i] for name in FIELDS[1:]},
            }


@dataclass(frozen=True)
class Size:
    """How big the runs of an assignment are.

    train, test: images; epochs: of the main run and of each learning rate; small_train, small_epochs, seeds:
    of comparisons over several seeds; trap_epochs: of the many short runs of the convention trap.
    """

    name: str
    train: int
    test: int
    epochs: int
    small_train: int
    small_epochs: int
    seeds: int
    trap_epochs: int


SIZES = {
    size.name: size
    for size in (
        #    name        train   test    epochs  small_train  small_epochs  seeds  trap_epochs
        Size("quick", 200, 200, 30, 100, 12, 3, 3),
        Size("standard", 10_000, 2_000, 30, 5_000, 12, 3, 3),
        Size("full", 60_000, 10_000, 30, 60_000, 15, 5, 3),
    )
}


def study_size(name: str | None = None) -> Size:
    """The size called "quick", "standard" or "full"; None takes the environment's COURSE_SIZE, else
    "standard".
    """
    name = name or os.environ.get("COURSE_SIZE") or "standard"
    if name not in SIZES:
        raise CourseError(
            f"There is no size {name!r}{nearest(name, list(SIZES))}; choose one of {', '.join(SIZES)}."
        )
    return SIZES[name]


def fit(
    network: Any,
    train_epoch: Callable[..., Any],
    evaluate: Callable[..., Any],
    data: Any,
    *,
    lr: float | Callable[[int], float],
    epochs: int,
    batch_size: int = 64,
    seed: int = 0,
    label: str | None = None,
    progress: bool = True,
    on_epoch: Callable[[History], None] | None = None,
) -> History:
    """Train `network` for so many epochs and record how it goes.

    train_epoch(network, images, labels, lr, batch_size=…, order=…) -> mean loss; evaluate(network, images,
    labels) -> (loss, accuracy); data: a Dataset; lr: a number, or a callable epoch (from 0) -> rate. The
    order of images in an epoch depends on (seed, epoch) alone. A loss that is NaN or infinite is recorded
    like any other. on_epoch(history) is called after each epoch. Raises CourseError for data or settings that
    cannot train.
    """
    check_settings(lr, epochs, batch_size)
    check_data(data)
    images, labels = data.train_images, data.train_labels
    history = History(
        label if label is not None else (f"rate {lr:g}" if not callable(lr) else "schedule"),
        seed=seed, batch_size=batch_size, images=len(labels), device=device_of(images),
    )  # fmt: skip
    history.started_from = fingerprint(network)
    with _bar(epochs, history.label, progress) as bar, np.errstate(all="ignore"):
        for epoch in range(epochs):
            rate = float(lr(epoch)) if callable(lr) else float(lr)
            _check_rate(rate, f"epoch {epoch + 1}")
            order = _like(np.random.default_rng([seed, epoch]).permutation(len(labels)), images)
            began = time.perf_counter()
            train_loss = _number(
                train_epoch(network, images, labels, rate, batch_size=batch_size, order=order)
            )
            test_loss, accuracy = evaluate(network, data.test_images, data.test_labels)
            history.seconds.append(time.perf_counter() - began)
            history.learning_rate.append(rate)
            history.train_loss.append(train_loss)
            history.test_loss.append(_number(test_loss))
            history.test_accuracy.append(_number(accuracy))
            bar.set_postfix_str(
                f"loss {history.test_loss[-1]:.3f}, accuracy {history.test_accuracy[-1]:.1%}", False
            )
            bar.update()
            if on_epoch is not None:
                on_epoch(history)
    history.ended_at = fingerprint(network)
    return history


def device_of(images: Any) -> str:
    """Where an array lies: "numpy", "torch cpu", "torch cuda"."""
    return "numpy" if isinstance(images, np.ndarray) else f"torch {getattr(images.device, 'type', images.device)}"


def fingerprint(network: Any) -> str:
    """Of the network's weights, a few of each layer: equal for equal weights. "" where they can't be read."""
    found = hashlib.sha256()
    try:
        for layer in network.layers:
            if hasattr(layer, "weight"):
                found.update(to_numpy(layer.weight[:8, :8]).astype(np.float64).tobytes())
    except Exception:
        return ""
    return found.hexdigest()[:16]


def check_settings(lr: Any, epochs: Any, batch_size: Any) -> None:
    """A CourseError unless these settings can train."""
    if not callable(lr):
        _check_rate(lr, "lr")
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise CourseError(f"{name}={value!r} cannot train; give a whole number of at least 1.")


def check_data(data: Any) -> None:
    """A CourseError unless images are finite and each has a label in range, in both halves."""
    classes = getattr(data, "classes", 10)
    for half in ("train", "test"):
        images, labels = getattr(data, f"{half}_images"), getattr(data, f"{half}_labels")
        if len(images) != len(labels) or len(labels) == 0:
            raise CourseError(
                f"The {half} set has {len(images)} images and {len(labels)} labels; give one label an image, "
                "and at least one."
            )
        xp = array_namespace(images)
        # One sum finds a NaN without a second array of the images' size; its overflow is looked at more
        # closely.
        if not math.isfinite(float(xp.sum(images))) and not bool(xp.all(xp.isfinite(images))):
            raise CourseError(
                f"The {half} images hold NaN or infinite values; clean the data before training."
            )
        if to_numpy(labels[:1]).dtype.kind not in "iu":
            raise CourseError(
                f"The {half} labels are {labels.dtype}; give whole numbers, the class of each image."
            )
        low, high = int(xp.min(labels)), int(xp.max(labels))
        if low < 0 or high >= classes:
            wrong = low if low < 0 else high
            raise CourseError(
                f"The {half} labels hold {wrong}, outside 0 to {classes - 1}; correct the labels."
            )


def _check_rate(rate: Any, where: str) -> None:
    try:
        good = math.isfinite(rate) and rate > 0 and not isinstance(rate, bool)
    except TypeError:
        good = False
    if not good:
        raise CourseError(
            f"The learning rate {rate!r} ({where}) cannot train; give a positive finite number."
        )


def _number(value: Any) -> float:
    return float(to_numpy(value)) if not isinstance(value, int | float) else float(value)


def _like(order: np.ndarray, images: Any) -> Any:
    if isinstance(images, np.ndarray):
        return order
    return sys.modules["torch"].from_numpy(order).to(images.device)


class _NoBar:
    def __enter__(self) -> _NoBar:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, n: int = 1) -> None:
        pass

    def set_postfix_str(self, *_: object) -> None:
        pass


def _bar(total: int, label: str, progress: bool) -> Any:
    """A bar in a terminal, a widget in a live notebook, nothing where nobody watches (files, pipes,
    nbconvert).
    """
    if not progress:
        return _NoBar()
    try:
        if in_live_notebook():
            from tqdm.notebook import tqdm
        elif sys.stderr is not None and sys.stderr.isatty():
            from tqdm import tqdm  # type: ignore[assignment]
        else:
            return _NoBar()
        return tqdm(total=total, desc=label, unit="epoch", leave=False)
    except ImportError:  # no tqdm, or a notebook without widgets: training goes on without a bar
        return _NoBar()


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
