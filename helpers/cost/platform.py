"""What share of a device's peak and bandwidth a library reaches: Paleo's platform percent of peak, and a finer one.

Paleo (Qi, Sparks and Talwalkar 2016) has one percentage p for all: flops/(peak·p) + bytes/(bandwidth·p). Here each type
of layer and pass may have its own, one for the peak and one for the bandwidth, and a fixed time that passes however
little there is to do (Python, a library's call, the launch of a kernel). They are fitted to measured layers.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from helpers.backend import nearest
from helpers.cost.device import Device, device_values, read_device
from helpers.cost.layers import LayerCost
from helpers.errors import CourseError
from helpers.nn.spec_file import read_json

PLATFORMS = Path(__file__).with_name("platforms")
"""The folder of the platforms that come with the course."""

TERMS = ("peak", "padded_peak", "bandwidth", "lowering")
"""The shares of a `Share`, in the order of `amounts`."""


@dataclass(frozen=True)
class Share:
    """Shares that are reached, 0.3 for 30%, and fixed: seconds of a layer's pass, whatever its size.

    peak: of the peak, for the operations of the definition; bandwidth: of the bandwidth, for its bytes. padded_peak and
    lowering, of convolutions: for the operations with rounded-up channels, and for the bytes of the lowered images.
    Infinity: this term plays no part. More than 1 is possible: data that stay in a cache come faster than from memory,
    and some algorithms need fewer operations than the definition.
    """

    peak: float = 1.0
    bandwidth: float = 1.0
    fixed: float = 0.0
    padded_peak: float = math.inf
    lowering: float = math.inf

    def seconds(self, layer: LayerCost, which: str, device: Device, dtype: str = "float32") -> float:
        """Of a layer's pass, "forward", "backward" or "update": flops/(peak·share) + bytes/(bandwidth·share) + …"""
        work = layer.work(which)
        if not work.flops and not work.bytes:
            return 0.0
        ideal = amounts(layer, which, device, dtype)
        return sum(seconds / getattr(self, term) for seconds, term in zip(ideal, TERMS, strict=True)) + self.fixed


@dataclass(frozen=True)
class Platform:
    """How a library uses a device. shares: (type of layer, pass) -> Share, with the optimiser's name as the type for
    the update; rest: the share of whatever is not among them; input_gradient: whether the gradient for the images is
    computed; device: on which the shares were measured, None where they were not; source: how.
    """

    name: str
    rest: Share = Share()
    shares: Mapping[tuple[str, str], Share] = field(default_factory=dict)
    input_gradient: bool = False
    device: Device | None = None
    source: str = ""

    def share(self, kind: str, which: str) -> Share:
        return self.shares.get((kind, which), self.rest)


@dataclass(frozen=True)
class Sample:
    """Measured seconds of a pass of one layer, or of the update of several. type: of the layer, or the optimiser."""

    type: str
    which: str
    layers: list[LayerCost]
    seconds: float

    def predicted(self, platform: Platform, device: Device, dtype: str = "float32") -> float:
        """Seconds of the same by a platform's shares."""
        share = platform.share(self.type, self.which)
        return sum(share.seconds(layer, self.which, device, dtype) for layer in self.layers)


PEAK = Platform("all of the peak")


def paleo(share: float) -> Platform:
    """Paleo's one platform percent of peak for everything, 0.3 for 30%."""
    if not 0 < share <= 1:
        raise CourseError(f"A platform percent of peak of {share!r} is impossible; give a share above 0 and up to 1.")
    return Platform(f"Paleo, {share:.0%} of peak for all", Share(share, share))


def amounts(layer: LayerCost, which: str, device: Device, dtype: str = "float32") -> tuple[float, float, float, float]:
    """Seconds of each of TERMS at the whole peak or bandwidth."""
    work, peak = layer.work(which), device.peak_of(dtype)
    padded = work.flops * layer.channel_padding / peak if layer.type == "conv" and which != "update" else 0.0
    lowered = layer.lowered_bytes / device.bandwidth if which != "update" else 0.0
    return work.flops / peak, padded, work.bytes / device.bandwidth, lowered


def fit_paleo(samples: Sequence[Sample], device: Device, dtype: str = "float32") -> Platform:
    """Paleo's p from measured passes: what all would take at the peak ÷ what they took."""
    ideal = sum(sample.predicted(PEAK, device, dtype) for sample in samples)
    return paleo(min(1.0, ideal / sum(sample.seconds for sample in samples)))


def fit_platform(
    samples: Sequence[Sample], device: Device, name: str = "fitted", dtype: str = "float32", source: str = ""
) -> Platform:
    """A Share for each type of layer and pass: least squares of relative errors, in which no term is negative.

    Convolutions and dense layers get all terms that they have, the others the bytes' and the fixed one, since their
    operations grow in step with their bytes. What was not measured gets Paleo's share.
    """
    groups: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        groups.setdefault((sample.type, sample.which), []).append(sample)
    if not groups:
        raise CourseError("There is nothing to fit a platform to; measure a few layers first.")
    shares = {key: _fitted(group, device, dtype) for key, group in sorted(groups.items())}
    return Platform(name, fit_paleo(samples, device, dtype).rest, shares, True, device, source)


def _fitted(group: Sequence[Sample], device: Device, dtype: str) -> Share:
    """The terms by trying every set of them: of those without a negative one, the best."""
    kind = group[0].type
    allowed = (0, 1, 2, 3, 4) if kind == "conv" else (0, 2, 4) if kind == "dense" else (2, 4)
    rows = np.array([
        [sum(term) for term in zip(*((*amounts(layer, sample.which, device, dtype), 1.0) for layer in sample.layers),
                                   strict=True)]
        for sample in group
    ]) / np.array([[sample.seconds] for sample in group])  # fmt: skip
    best, found = math.inf, np.zeros(5)
    for n in range(1, len(allowed) + 1):
        for terms in itertools.combinations(allowed, n):
            tried, _, rank, _ = np.linalg.lstsq(rows[:, terms], np.ones(len(rows)), rcond=None)
            error = float(np.square(rows[:, terms] @ tried - 1).sum())
            if rank == n and tried.min() >= 0 and error < best - 1e-9:  # a term more must be worth it
                best, found = error, np.zeros(5)
                found[list(terms)] = tried
    reached = {term: float(1 / x) if x else math.inf for term, x in zip(TERMS, found, strict=False)}
    return Share(fixed=float(found[4]), **reached)


def platform_names() -> list[str]:
    """The names that `load_platform` knows, sorted."""
    return sorted(path.stem for path in PLATFORMS.glob("*.json"))


def load_platform(platform: str | Path | Platform) -> Platform:
    """A measured platform that comes with the course, by name, or that of a file that `save_platform` wrote."""
    if isinstance(platform, Platform):
        return platform
    path, known = Path(str(platform)), platform_names()
    if str(platform) in known and not path.is_file():
        path = PLATFORMS / f"{platform}.json"
    elif path.suffix != ".json" and not path.is_file():
        raise CourseError(
            f"There is no platform {str(platform)!r}{nearest(str(platform), known)}; give the path of a file that "
            f"`python -m helpers.cost compare --save` wrote, or one of {', '.join(known)}."
        )
    values = read_json(path)
    try:
        shares = {tuple(key.split()): _share(value) for key, value in values["shares"].items()}
        return Platform(values["name"], _share(values["rest"]), shares, values["input_gradient"],
                        read_device(values["device"]), values["source"])  # fmt: skip
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, CourseError):
            raise CourseError(f"{path.name}: {error}") from None
        raise CourseError(
            f"{path.name} is no measured platform ({type(error).__name__} at {error}); write one with `python -m "
            "helpers.cost compare --save`."
        ) from None


def platform_json(platform: Platform) -> str:
    """What `load_platform` reads, of a platform that was measured."""
    assert platform.device is not None
    shares = {" ".join(key): _values(share) for key, share in platform.shares.items()}
    values = {
        "name": platform.name,
        "device": device_values(platform.device),
        "input_gradient": platform.input_gradient,
        "source": platform.source,
        "rest": _values(platform.rest),
        "shares": shares,
    }
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def _values(share: Share) -> dict[str, float | None]:
    reached = {f"{term}_percent": 100 * getattr(share, term) for term in TERMS}
    rounded = {key: None if math.isinf(value) else float(f"{value:.4g}") for key, value in reached.items()}
    return {**rounded, "fixed_us": float(f"{share.fixed * 1e6:.4g}")}


def _share(values: Any) -> Share:
    found = {}
    for term in TERMS:
        value = values[f"{term}_percent"]
        if value is not None and not 0 < value < math.inf:
            raise CourseError(f"{term}_percent is {value!r}, which is impossible; give a number above 0, or null.")
        found[term] = math.inf if value is None else value / 100
    if not 0 <= values["fixed_us"] < math.inf:
        raise CourseError(f"fixed_us is {values['fixed_us']!r}, which is impossible; give at least 0.")
    return Share(fixed=values["fixed_us"] * 1e-6, **found)
