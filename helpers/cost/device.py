"""Devices and clusters described in JSON files, each with the source of its numbers.

A unit stands in its field's name, because 16 GB (16·10⁹ bytes) and 16 GiB (16·2³⁰) differ by 7%, and a link's Gbit/s by
8 from GB/s. In Python everything is in FLOP/s, bytes, bytes/s, seconds and watts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from helpers.backend import nearest
from helpers.cost.communication import ALGORITHMS, Link
from helpers.errors import CourseError
from helpers.nn.spec_file import read_json

DEVICES, CLUSTERS = Path(__file__).with_name("devices"), Path(__file__).with_name("clusters")
"""The folders of the devices and clusters that come with the course."""

PRECISIONS = ("float64", "float32", "tf32", "float16", "bfloat16", "int8")

UNITS = {
    "peak_gflop_per_s": (1e9, 1e-3, 1e9),
    "bandwidth_gb_per_s": (1e9, 1e-3, 1e6),
    "bandwidth_gbit_per_s": (1e9 / 8, 1e-3, 1e7),
    "memory_gb": (1e9, 1e-3, 1e6),
    "memory_gib": (2.0**30, 1e-3, 1e6),
    "power_w": (1.0, 1e-2, 1e6),
    "latency_us": (1e-6, 0.0, 1e6),
}
"""Field -> (what one of its unit is in SI, least, most that a file may say)."""

RIDGES = (0.1, 10_000)
"""FLOPs per byte between which every processor of the last decades lies; outside, a unit is wrong."""


@dataclass(frozen=True)
class Device:
    """A processor with its memory. peaks: FLOP/s by the type of numbers; bandwidth: of its memory, bytes/s; memory:
    bytes; power: watts, None where nobody says; source: who says all this, or how it was measured.
    """

    name: str
    peaks: Mapping[str, float]
    bandwidth: float
    memory: float
    power: float | None
    source: str

    @property
    def peak(self) -> float:
        """FLOP/s in float32."""
        return self.peak_of("float32")

    def peak_of(self, dtype: str) -> float:
        """FLOP/s in numbers of this type. CourseError where the device's file doesn't say."""
        if dtype not in self.peaks:
            raise CourseError(
                f"{self.name} has no peak for {dtype!r} in its file, only for {', '.join(self.peaks)}; choose one of "
                "them, or add it to peak_gflop_per_s."
            )
        return self.peaks[dtype]


@dataclass(frozen=True)
class Cluster:
    """Workers, each a device, that train one network together. algorithm: of their all-reduce."""

    name: str
    device: Device
    workers: int
    link: Link
    algorithm: str
    source: str

    def with_workers(self, workers: int) -> Cluster:
        """The same with another number of workers."""
        return replace(self, workers=workers)


def device_names() -> list[str]:
    """The names that `load_device` knows, sorted."""
    return sorted(path.stem for path in DEVICES.glob("*.json"))


def cluster_names() -> list[str]:
    """The names that `load_cluster` knows, sorted."""
    return sorted(path.stem for path in CLUSTERS.glob("*.json"))


def load_device(device: str | Path | Device) -> Device:
    """A device that comes with the course, by name, or that of a JSON file. CourseError for whatever is wrong in it."""
    if isinstance(device, Device):
        return device
    path = _file(device, DEVICES, "device")
    return _named(path, read_device, read_json(path))


def load_cluster(cluster: str | Path | Cluster) -> Cluster:
    """The same for a cluster. Its device is a name, or a path beside the cluster's own file."""
    if isinstance(cluster, Cluster):
        return cluster
    path = _file(cluster, CLUSTERS, "cluster")
    return _named(path, read_cluster, read_json(path), path.parent)


def read_device(values: Any) -> Device:
    """The device of what a JSON file holds."""
    fields = _fields(values, "", needed=("name", "peak_gflop_per_s", "bandwidth_gb_per_s", "source"),
                     one_of=("memory_gb", "memory_gib"), optional=("power_w",))  # fmt: skip
    peaks = fields["peak_gflop_per_s"]
    if not isinstance(peaks, dict) or not peaks:
        raise CourseError(
            f"peak_gflop_per_s is {_shown(peaks)}; give an object, as {{\"float32\": 4290}}, in GFLOP/s."
        )
    for kind in peaks:
        if kind not in PRECISIONS:
            raise CourseError(
                f"peak_gflop_per_s: {kind!r} is no type of numbers{nearest(kind, PRECISIONS)}; choose from "
                f"{', '.join(PRECISIONS)}."
            )
    speeds = {kind: _number(value, "peak_gflop_per_s", f"peak_gflop_per_s.{kind}") for kind, value in peaks.items()}
    bandwidth = _number(fields["bandwidth_gb_per_s"], "bandwidth_gb_per_s")
    for kind, speed in speeds.items():
        if not RIDGES[0] <= speed / bandwidth <= RIDGES[1]:
            raise CourseError(
                f"{peaks[kind]:g} GFLOP/s ({kind}) with {fields['bandwidth_gb_per_s']:g} GB/s makes "
                f"{speed / bandwidth:.2g} FLOPs per byte, which no processor has; look whether one of them is in T or "
                "M instead of G."
            )
    size = "memory_gb" if "memory_gb" in fields else "memory_gib"
    power = _number(fields["power_w"], "power_w") if "power_w" in fields else None
    return Device(_text(fields, "name"), speeds, bandwidth, _number(fields[size], size), power, _text(fields, "source"))


def read_cluster(values: Any, folder: Path | None = None) -> Cluster:
    """The cluster of what a JSON file holds. folder: where a path of its device begins."""
    fields = _fields(values, "", needed=("name", "device", "workers", "link", "algorithm", "source"))
    link = _fields(fields["link"], "link.", needed=("latency_us",),
                   one_of=("bandwidth_gb_per_s", "bandwidth_gbit_per_s"))  # fmt: skip
    speed = next(name for name in link if name != "latency_us")
    workers, algorithm, device = fields["workers"], fields["algorithm"], fields["device"]
    if type(workers) is not int or not 1 <= workers <= 1_000_000:
        raise CourseError(f"workers is {_shown(workers)}; give a whole number from 1 to a million.")
    if algorithm not in ALGORITHMS:
        known = tuple(ALGORITHMS)
        close = nearest(algorithm, known)
        raise CourseError(f"algorithm is {_shown(algorithm)}{close}; choose from {', '.join(known)}.")
    if not isinstance(device, str):
        raise CourseError(f"device is {_shown(device)}; give its name or the path of its file.")
    beside = None if folder is None or not device.endswith(".json") else folder / device
    return Cluster(
        _text(fields, "name"),
        load_device(beside if beside is not None and beside.exists() else device),
        workers,
        Link(*(_number(link[field], field, f"link.{field}") for field in ("latency_us", speed))),
        algorithm,
        _text(fields, "source"),
    )


def device_values(device: Device) -> dict[str, Any]:
    """What a file of this device holds, its numbers rounded to four digits."""

    def rounded(value: float) -> float:
        return float(f"{value:.4g}")

    values: dict[str, Any] = {
        "name": device.name,
        "peak_gflop_per_s": {kind: rounded(peak / 1e9) for kind, peak in device.peaks.items()},
        "bandwidth_gb_per_s": rounded(device.bandwidth / 1e9),
        "memory_gib": rounded(device.memory / 2**30),
    }
    return {**values, **({} if device.power is None else {"power_w": device.power}), "source": device.source}


def _named(path: Path, read: Any, *arguments: Any) -> Any:
    try:
        return read(*arguments)
    except CourseError as error:
        raise CourseError(f"{path.name}: {error}") from None


def _file(what: str | Path, folder: Path, kind: str) -> Path:
    """The file of a name that comes with the course, or of a path; a path that exists comes first."""
    path, known = Path(str(what)), sorted(p.stem for p in folder.glob("*.json"))
    if path.suffix == ".json" or path.is_file():
        return path
    if str(what) in known:
        return folder / f"{what}.json"
    raise CourseError(
        f"There is no {kind} {str(what)!r}{nearest(str(what), known)}; give the path of a JSON file, or one of "
        f"{', '.join(known)}."
    )


def _fields(
    values: Any, where: str, needed: tuple[str, ...], one_of: tuple[str, ...] = (), optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The object with exactly these keys; of one_of, one."""
    if not isinstance(values, dict):
        raise CourseError(f"{where.rstrip('.') or 'The file'} holds {_shown(values)}; an object, {{…}}, is needed.")
    known = (*needed, *one_of, *optional)
    for key in values:
        if key not in known:
            alike = [k for k in known if k.split("_")[0] == str(key).split("_")[0]]
            close = f" (did you mean {' or '.join(alike)}?)" if alike else nearest(key, known)
            raise CourseError(
                f"{where}{str(key)[:60]} is no field of it{close}; its fields are {', '.join(known)}, with their units."
            )
    for key in needed:
        if key not in values:
            raise CourseError(f"{where}{key} is missing; add it.")
    if one_of and sum(key in values for key in one_of) != 1:
        both = "both are given" if all(key in values for key in one_of) else "neither is given"
        raise CourseError(f"{where}{' or '.join(one_of)} is needed, and {both}; give exactly one.")
    return values


def _number(value: Any, field: str, where: str = "") -> float:
    """The value of a field, in SI. CourseError for what is no number or an impossible one."""
    scale, least, most = UNITS[field]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise CourseError(f"{where or field} is {_shown(value)}; give a number.")
    if not least <= value <= most:
        raise CourseError(f"{where or field} is {value:g}, which is impossible; give {least:g} to {most:g}.")
    return value * scale


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields[key]
    if not isinstance(value, str) or not value.strip() or len(value) > 1000:
        raise CourseError(f"{key} is {_shown(value)}; give a text of at most 1,000 characters.")
    return value


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"an object of {len(value)}" if isinstance(value, dict) else f"a list of {len(value)}"
    return repr(value)[:60]
