"""Recorded timings of named machines: read, written, and taken where this machine lacks a device."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from helpers.backend import cuda_available
from helpers.errors import CourseError
from helpers.study.cnn_runtime.measuring import measure
from helpers.study.cnn_runtime.point import BACKENDS, BATCH, Point

RECORDED = Path(__file__).parent / "recorded"


@dataclass(frozen=True)
class Epochs:
    """Seconds of each epoch of one run, the first one cold; images of an epoch; the rest as in Point."""

    filters: int
    backend: str
    hardware: str
    threads: int
    images: int
    seconds: tuple[float, ...]
    made: str = ""


@dataclass(frozen=True)
class Record:
    """One file: what one machine measured. machine: its name, caches in bytes, cores, load before and after."""

    machine: dict[str, Any]
    points: tuple[Point, ...]
    epochs: tuple[Epochs, ...] = ()


def recorded(backend: str | None = None, folder: Path | None = None) -> list[Point]:
    """Points of all recorded machines, marked as recorded; backend: only those of one."""
    points = [replace(point, recorded=True) for record in records(folder) for point in record.points]
    return [point for point in points if backend in (None, point.backend)]


def recorded_epochs(backend: str | None = None, folder: Path | None = None) -> list[Epochs]:
    """Runs epoch by epoch of all recorded machines; backend: only those of one."""
    return [run for record in records(folder) for run in record.epochs if backend in (None, run.backend)]


def records(folder: Path | None = None) -> list[Record]:
    """All recorded files, by name."""
    return [read_record(path) for path in sorted((folder or RECORDED).glob("*.json"))]


def points(
    filters: Sequence[int],
    backends: Sequence[str],
    *,
    batch: int = BATCH,
    say: Any = print,
    folder: Path | None = None,
    **settings: Any,
) -> list[Point]:
    """Measured points where this machine has the device; elsewhere recorded ones, and one line that says so.

    settings: of `measure`. For a backend without device and record the line says how to make one; nothing is invented.
    """
    found: list[Point] = []
    for backend in backends:
        if backend in BACKENDS[2:] and not cuda_available():
            there = [p for p in recorded(backend, folder) if p.batch == batch and p.filters in filters]
            found += there
            say(_instead(backend, there))
        else:
            found += measure(filters, [backend], batch=batch, **settings)
    return found


def _instead(backend: str, there: list[Point]) -> str:
    if not there:
        return (
            f"{backend}: there is no GPU here and no record of one; make one on a machine that has it with "
            "`python -m helpers.study cnn_runtime --record FILE`. `predicted` says what a model expects."
        )
    where = ", ".join(sorted({f"{p.hardware} ({p.made})" for p in there}))
    return f"{backend}: there is no GPU here; these are recorded measurements of {where}."


def write_record(path: str | Path, record: Record) -> None:
    """Write the file; it appears whole or not at all."""
    path = Path(path)
    values = {
        "machine": record.machine,
        "points": [{k: v for k, v in p.as_json().items() if k not in ("recorded", "predicted")} for p in record.points],
        "epochs": [vars(run) for run in record.epochs],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(_text(values), encoding="utf-8")
    os.replace(part, path)


def read_record(path: str | Path) -> Record:
    """The record of a file. CourseError, with the file's name, for what is no record."""
    path = Path(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        made = tuple(Point.from_json(point) for point in values["points"])
        runs = tuple(Epochs(**{**run, "seconds": tuple(run["seconds"])}) for run in values.get("epochs", ()))
        return Record(dict(values["machine"]), made, runs)
    except OSError as error:
        raise CourseError(f"The record {path} can't be read ({error.strerror}); give the path of one.") from None
    except CourseError as error:
        raise CourseError(f"{path.name}: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CourseError(f"{path.name} is not a record of the study ({error}); write it with --record.") from None


def _text(values: dict[str, Any]) -> str:
    """JSON with a line for each point and run, so that a change of the file can be read."""
    parts = [f'"machine": {json.dumps(values["machine"], ensure_ascii=False)}']
    for name in ("points", "epochs"):
        lines = ",\n  ".join(json.dumps(_short(value), ensure_ascii=False) for value in values[name])
        parts.append(f'"{name}": [\n  {lines}\n]' if lines else f'"{name}": []')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _short(values: dict[str, Any]) -> dict[str, Any]:
    """Times to six digits: more than any clock here is good for."""

    def short(value: Any) -> Any:
        if isinstance(value, float):
            return float(f"{value:.6g}")
        return [short(v) for v in value] if isinstance(value, list | tuple) else value

    return {name: short(value) for name, value in values.items()}
