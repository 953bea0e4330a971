"""The one training loop of the course."""

from __future__ import annotations

import copy
import hashlib
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.backend import to_numpy
from helpers.errors import CourseError, Stopped
from helpers.progress import Progress, in_notebook, running_cell
from helpers.threads import limit_threads
from helpers.train.checks import check_data, check_rate, check_settings
from helpers.train.history import FIELDS, History


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
    history: History | None = None,
) -> History:
    """Train `network` for so many epochs and record how it goes.

    train_epoch(network, images, labels, lr, batch_size=…, order=…) -> mean loss; evaluate(network, images,
    labels) -> (loss, accuracy); data: a Dataset; lr: a number, or a callable epoch (from 0) -> rate. The
    order of images in an epoch depends on (seed, epoch) alone. A loss that is NaN or infinite is recorded
    like any other. on_epoch(history) is called after each epoch.

    history: of the epochs that this network has behind it; training goes on up to `epochs` in all, and a new history
    of all of them is returned. With the same weights, optimiser and data, that is the history of an unbroken run.

    It computes with one thread, or as many as the environment asks for (`helpers.threads`). In a notebook, an interrupt
    ends the run and returns the history of the epochs that were finished; runs that the same cell would begin after it
    are not begun. Elsewhere an interrupt is raised as usual.

    Raises CourseError for data or settings that cannot train, and for a history of other settings.
    """
    __tracebackhide__ = True  # a traceback leads from the cell to the student's own function
    check_settings(lr, epochs, batch_size)
    check_data(data)
    _check_not_stopped()
    images, labels = data.train_images, data.train_labels
    now = History(
        label if label is not None else (f"rate {lr:g}" if not callable(lr) else "schedule"),
        seed=seed, batch_size=batch_size, images=len(labels), device=device_of(images),
        held_out=getattr(data, "held_out", "test"),
    )  # fmt: skip
    now.started_from = fingerprint(network)
    history = now if history is None else _continued(history, now)
    line = Progress(epochs, "epoch", history.label, done=history.epochs, shown=progress)
    try:
        with limit_threads(), np.errstate(all="ignore"), line:
            for epoch in range(history.epochs, epochs):
                rate = float(lr(epoch)) if callable(lr) else float(lr)
                check_rate(rate, f"epoch {epoch + 1}")
                order = _like(epoch_order(len(labels), epoch, seed), images)
                began = time.perf_counter()
                train_loss = _number(train_epoch(network, images, labels, rate, batch_size=batch_size, order=order))
                test_loss, accuracy = evaluate(network, data.test_images, data.test_labels)
                history.seconds.append(time.perf_counter() - began)
                history.learning_rate.append(rate)
                history.train_loss.append(train_loss)
                history.test_loss.append(_number(test_loss))
                history.test_accuracy.append(_number(accuracy))
                history.ended_at = fingerprint(network)
                line.advance(_so_far(history, getattr(data, "classes", 10)))
                if on_epoch is not None:
                    on_epoch(history)
    except KeyboardInterrupt:
        if not in_notebook():
            raise
        _stop(history, line)
    return history


def epoch_order(images: int, epoch: int, seed: int) -> np.ndarray:
    """Numbers of the images in the order in which `fit` takes them in this epoch (from 0)."""
    return np.random.default_rng([seed, epoch]).permutation(images)


def _so_far(history: History, classes: int) -> str:
    words = f"{history.held_out} accuracy {history.test_accuracy[-1]:.1%}"
    blew_up = history.blew_up(classes)
    return f"{words}; it blew up: {blew_up}" if blew_up else words


_stopped_in: int | None = None
"""The number of the notebook's cell in which a run was interrupted."""


def _stop(history: History, line: Progress) -> None:
    """Keep the epochs that were finished, and say so; Stopped where there are none."""
    global _stopped_in
    _stopped_in = running_cell()
    kept = min(len(getattr(history, name)) for name in FIELDS[1:])
    for name in FIELDS[1:]:
        del getattr(history, name)[kept:]
    if kept == 0:
        raise Stopped("stopped before the first epoch was finished, so there is nothing to keep.") from None
    if not line.on_screen:
        print(line.last(KeyboardInterrupt))


def _check_not_stopped() -> None:
    """Stopped where the cell that runs was interrupted in an earlier run."""
    if _stopped_in is not None and _stopped_in == running_cell():
        raise Stopped("the cell was stopped, so its next run was not begun; what was finished is kept.")


def _continued(before: History, now: History) -> History:
    """A copy of the history to go on with, if the run at hand can go on from it."""
    for name, words in (
        ("seed", "the seed"), ("batch_size", "the batch size"), ("images", "the number of training images"),
        ("held_out", "the kind of held-out images"),
    ):  # fmt: skip
        old, new = getattr(before, name), getattr(now, name)
        if old != new:
            raise CourseError(
                f"The history to go on with has {words} {old!r} and this run has {new!r}; use the same, or start anew."
            )
    if before.ended_at and now.started_from and before.ended_at != now.started_from:
        raise CourseError(
            f"The network's weights are not those that the history ended with after {before.epochs} epochs; load its "
            "checkpoint, or start anew."
        )
    history = copy.deepcopy(before)
    history.device = now.device
    return history


def device_of(images: Any) -> str:
    """Where an array lies: "numpy", "torch cpu", "torch cuda"."""
    return "numpy" if isinstance(images, np.ndarray) else f"torch {getattr(images.device, 'type', images.device)}"


def fingerprint(network: Any) -> str:
    """Of the network's weights, a few of each layer: equal for equal weights. "" where they can't be read."""
    found = hashlib.sha256()
    try:
        if hasattr(network, "layers"):
            weights = [layer.weight for layer in network.layers if hasattr(layer, "weight")]
        else:
            weights = [array for name, array in network.parameters() if name.endswith("weight")]
        for weight in weights:
            found.update(to_numpy(weight[:8, :8]).astype(np.float64).tobytes())
    except Exception:
        return ""
    return found.hexdigest()[:16]


def _number(value: Any) -> float:
    return float(to_numpy(value)) if not isinstance(value, int | float) else float(value)


def _like(order: np.ndarray, images: Any) -> Any:
    if isinstance(images, np.ndarray):
        return order
    return sys.modules["torch"].from_numpy(order).to(images.device)
