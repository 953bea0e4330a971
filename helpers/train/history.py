"""The record of a training run, and how it is kept in a file."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from helpers.errors import CourseError

FIELDS = ("epoch", "learning_rate", "train_loss", "test_loss", "test_accuracy", "seconds")


@dataclass
class History:
    """What a training run recorded, one entry per epoch in each list.

    train_loss: mean over the epoch, each batch before its update; test_loss and test_accuracy (0…1): on the images
    that were held out, after the epoch; held_out: what these are, "test" or "validation"; seconds: training and
    evaluation of the epoch. seed: of the order of the images; images: in the training set; device: where they lie
    ("numpy", "torch cpu", "torch cuda"); started_from and ended_at: fingerprints of the weights, "" where the
    network's weights can't be read.
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
    held_out: str = "test"

    @property
    def epochs(self) -> int:
        return len(self.test_loss)

    @property
    def error(self) -> list[float]:
        """1 − accuracy on the images held out, after each epoch: the share of them that the network gets wrong."""
        return [1.0 - accuracy for accuracy in self.test_accuracy]

    def blew_up(self, classes: int = 10) -> str:
        """ "the loss is not finite from epoch 3 on", or that it ended far above ln(classes), that of guessing; "" for a
        run that did neither. A smaller rate is what helps.
        """
        losses = zip(self.train_loss, self.test_loss, strict=True)
        broken = [i + 1 for i, pair in enumerate(losses) if not all(map(math.isfinite, pair))]
        if broken:
            return f"the loss is not finite from epoch {broken[0]} on"
        if self.train_loss and self.train_loss[-1] > 1.5 * math.log(classes):
            return f"the loss ended at {self.train_loss[-1]:.3g}, that of guessing is {math.log(classes):.2f}"
        return ""

    def best_epoch(self) -> int:
        """Index (from 0) of the epoch with the lowest test loss, the sweet spot; NaN never wins."""
        losses = [loss if math.isfinite(loss) else math.inf for loss in self.test_loss]
        if not losses:
            raise CourseError(f"The history {self.label!r} has no epochs yet; train first.")
        return losses.index(min(losses))

    def rows(self) -> Iterator[dict[str, Any]]:
        """One dictionary an epoch, for a CSV: label, epoch (from 1) and the lists' entries, validation_loss and
        validation_accuracy in place of test_loss and test_accuracy where these images were held out.
        """
        for i in range(self.epochs):
            yield {
                "label": self.label,
                "epoch": i + 1,
                **{column(name, self.held_out): getattr(self, name)[i] for name in FIELDS[1:]},
            }

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]]) -> History:
        """The history of what `rows` gave, numbers or their texts. Raises CourseError for other columns, a number
        that is none, rows of several labels, and epochs that don't count 1, 2, 3, …
        """
        history, rows = cls(), list(rows)
        if not rows:
            raise CourseError("A history needs at least one row; this table has none.")
        history.held_out = "validation" if "validation_loss" in rows[0] else "test"
        history.label = str(rows[0].get("label", ""))
        for i, row in enumerate(rows):
            for name in FIELDS:
                key = column(name, history.held_out)
                if row.get(key) in (None, ""):
                    raise CourseError(f"Row {i + 1} of the history has no {key!r}; a row needs {', '.join(FIELDS)}.")
                try:
                    value = float(row[key])
                except (TypeError, ValueError):
                    raise CourseError(f"Row {i + 1} of the history has {key}={row[key]!r}; give a number.") from None
                if name != "epoch":
                    getattr(history, name).append(value)
                elif value != i + 1:
                    raise CourseError(
                        f"Row {i + 1} of the history is epoch {row[key]}; give the rows of one run, epochs 1, 2, 3, …"
                    )
            if str(row.get("label", "")) != history.label:
                raise CourseError(
                    f"The rows belong to several runs, {history.label!r} and {row.get('label')!r}; give those of one."
                )
        return history

    @classmethod
    def read_csv(cls, path: str | Path, label: str | None = None) -> History:
        """The run in a CSV file that `write_csv` made; label: which, where there are several. CourseError for a file
        that can't be read or holds no such run. Seed, batch size and device are not in the table.
        """
        try:
            with Path(path).open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            why = getattr(error, "strerror", None) or "it is no CSV text"
            raise CourseError(f"{str(path)!r} can't be read ({why}); give the path of a history.csv.") from None
        if label is not None:
            rows = [row for row in rows if row.get("label") == label]
            if not rows:
                raise CourseError(f"{Path(path).name} has no run {label!r}; give one of its labels.")
        try:
            return cls.from_rows(rows)
        except CourseError as error:
            raise CourseError(f"{Path(path).name}: {error}") from None

    def to_json(self) -> dict[str, Any]:
        """All fields as plain values for a JSON file, which has no NaN: it and infinity become their names."""
        return {
            name: [v if math.isfinite(v) else str(v) for v in value] if isinstance(value, list) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, values: Any) -> History:
        """The history of what `to_json` gave; CourseError for anything else."""
        names = {f.name: f for f in fields(cls)}
        if not isinstance(values, dict) or values.keys() != names.keys():
            raise CourseError("These values are not a history; give what History.to_json returned.")
        made: dict[str, Any] = {}
        for name, value in values.items():
            like = getattr(cls(), name)
            try:
                made[name] = [float(v) for v in value] if isinstance(like, list) else type(like)(value)
            except (TypeError, ValueError):
                raise CourseError(
                    f"The history has {name}={str(value)[:60]!r}, which is none; save it again."
                ) from None
        history = cls(**made)
        if len({len(getattr(history, name)) for name in FIELDS[1:]}) > 1:
            raise CourseError("The history's lists have different lengths; give what History.to_json returned.")
        return history


def column(name: str, held_out: str) -> str:
    """What a table calls a field of a history whose held-out images are these: "validation_loss" for "test_loss"."""
    return name.replace("test_", f"{held_out}_", 1) if name.startswith("test_") else name


def write_csv(path: str | Path, histories: History | Iterable[History]) -> None:
    """One row per epoch of each run. All must hold out the same kind of images."""
    histories = [histories] if isinstance(histories, History) else list(histories)
    kinds = {history.held_out for history in histories} or {"test"}
    if len(kinds) > 1:
        raise CourseError("Some runs held out test images and others validation images; write them to two files.")
    (kind,) = kinds
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["label", *(column(name, kind) for name in FIELDS)])
        writer.writeheader()
        for history in histories:
            writer.writerows(history.rows())
