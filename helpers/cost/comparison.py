"""Predicted against measured training steps on this machine, for networks that no share was fitted to."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from helpers.backend import backend as make_backend
from helpers.cost.calibration import calibration_specs
from helpers.cost.device import Device
from helpers.cost.machine import device_of
from helpers.cost.platform import PEAK, Platform, Sample, fit_paleo, fit_platform
from helpers.cost.prediction import predict
from helpers.cost.timings import StepTimes, time_steps
from helpers.nn.shipped import find_spec, names

if TYPE_CHECKING:
    from helpers.nn.spec_model import NetworkSpec

FAILS, COUNTS = 0.4, 0.05
"""A layer's pass fails where its error is larger than this, and counts where it takes more than this of the step."""


@dataclass(frozen=True)
class Row:
    """One network: measured seconds of a step, the median of all rounds, and what each platform predicts, by name.
    apart: how far the first half of the rounds is from the second, |first ÷ second − 1| of their medians.
    """

    network: str
    images: int
    measured: float
    apart: float
    predicted: Mapping[str, float]

    def error(self, platform: str) -> float:
        """Predicted ÷ measured − 1."""
        return self.predicted[platform] / self.measured - 1


@dataclass(frozen=True)
class Comparison:
    """platforms: PEAK, Paleo's and the fitted one, of which the last is the best; layers: measured passes of the
    networks that were predicted, with the network and the share of its step.
    """

    device: Device
    backend: str
    platforms: Sequence[Platform]
    fitted_to: int
    rows: Sequence[Row]
    layers: Sequence[tuple[Sample, str, float]]

    @property
    def noise(self) -> float:
        """Median difference of the two halves of the rounds."""
        return statistics.median(row.apart for row in self.rows)

    def median_error(self, platform: Platform) -> float:
        """Median of |predicted ÷ measured − 1| over the networks."""
        return statistics.median(abs(row.error(platform.name)) for row in self.rows)

    def layer_errors(self) -> dict[tuple[str, str], float]:
        """Type of layer and pass -> median |predicted ÷ measured − 1| of the fitted platform."""
        errors: dict[tuple[str, str], list[float]] = {}
        for sample, _, _ in self.layers:
            errors.setdefault((sample.type, sample.which), []).append(abs(self.layer_error(sample)))
        return {key: statistics.median(values) for key, values in errors.items()}

    def layer_error(self, sample: Sample) -> float:
        """Predicted ÷ measured − 1 of one pass, by the fitted platform."""
        return sample.predicted(self.platforms[-1], self.device) / sample.seconds - 1


def compare(
    backend: str = "numpy", specs: Sequence[NetworkSpec] | None = None, calibrate: int = 40, rounds: int = 6
) -> Comparison:
    """Measure this machine, fit shares to `calibrate` networks drawn at random, predict `specs`, and measure them.

    specs: None for the networks that come with the course, in batches of 64 and 16. All are measured in turn, at least
    two rounds, so that a slow minute of the machine hits what is fitted and what is predicted alike. Two minutes.
    """
    if specs is None:
        shipped = [find_spec(name) for name in names()]
        specs = [spec.changed(batch_size=images) for spec in shipped for images in (64, 16)]
    on = make_backend(backend)
    device = device_of(on.name)
    times = time_steps([*specs, *calibration_specs(calibrate)], on, max(2, rounds))
    held_out, fitted_to = times[: len(specs)], times[len(specs) :]
    samples = [sample for one in fitted_to for sample in one.samples]
    source = f"fitted to {calibrate} random networks: python -m helpers.cost compare --backend {backend}"
    fitted = fit_platform(samples, device, f"helpers.nn.Network on {backend}", source=source)
    whole = [replace(platform, input_gradient=True) for platform in (PEAK, fit_paleo(samples, device))]
    platforms = [*whole, fitted]
    rows = [_row(spec, one, device, platforms) for spec, one in zip(specs, held_out, strict=True)]
    layers = [(sample, one.cost.name, sample.seconds / one.median) for one in held_out for sample in one.samples]
    return Comparison(device, backend, platforms, calibrate, rows, layers)


def _row(spec: NetworkSpec, times: StepTimes, device: Device, platforms: Sequence[Platform]) -> Row:
    predicted = {platform.name: predict(spec, device, platform=platform).seconds for platform in platforms}
    half = len(times.seconds) // 2
    first, second = statistics.median(times.seconds[:half]), statistics.median(times.seconds[half:])
    return Row(spec.name, spec.batch_size, times.median, abs(first / second - 1), predicted)


def comparison_text(found: Comparison) -> str:
    """The comparison for people: a line a network, the errors beside the noise, and where the model fails."""
    device, fitted = found.device, found.platforms[-1]
    lines = [
        f"{device.name}: {device.peak / 1e9:.0f} GFLOP/s, {device.bandwidth / 1e9:.1f} GB/s, both measured",
        f"{fitted.name}; shares fitted to {found.fitted_to} random networks, none of them below",
        "",
        f"{'network':18} images  measured ms  {'at the peak':>12}  {'Paleo':>8}  {'by layer':>8}   two halves",
    ]
    for row in found.rows:
        errors = [f"{row.error(platform.name):+.0%}" for platform in found.platforms]
        lines.append(f"{row.network:18} {row.images:6}  {1e3 * row.measured:11.2f}  {errors[0]:>12}  {errors[1]:>8}  "
                     f"{errors[2]:>8}   {row.apart:.0%} apart")  # fmt: skip
    medians = ", ".join(f"{platform.name} {found.median_error(platform):.0%}" for platform in found.platforms)
    lines += ["", f"median error: {medians}", f"noise (first half of the rounds against the second): {found.noise:.0%}"]
    errors_of = sorted(found.layer_errors().items(), key=lambda item: -item[1])
    lines.append("median error by layer: " + ", ".join(f"{' '.join(key)} {error:.0%}" for key, error in errors_of))
    failing = [
        f"  {network} {_place(sample)}: {found.layer_error(sample):+.0%} of {1e3 * sample.seconds:.2f} ms "
        f"({share:.0%} of the step)"
        for sample, network, share in found.layers
        if share > COUNTS and abs(found.layer_error(sample)) > FAILS
    ]
    lines.append(f"layers that take more than {COUNTS:.0%} of a step and are wrong by more than {FAILS:.0%}: "
                 f"{'none' if not failing else ''}".rstrip())  # fmt: skip
    return "\n".join(lines + failing)


def _place(sample: Sample) -> str:
    if sample.which == "update":
        return f"{sample.type} update"
    return f"{sample.layers[0].where} {sample.layers[0].name} {sample.which}"
