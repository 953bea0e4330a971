"""Checks of Parts G and H: the roof, a layer measured on work that is known, recorded timings that can be real, and the
Triton kernel."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from helpers.check.convolution import probes
from helpers.check.convolution.definition import verify_output
from helpers.check.core import convolution_oracle as oracle
from helpers.check.core.ask import array, ask, kind_of, number
from helpers.check.core.compare import Hypothesis, verify
from helpers.check.core.geometries import SMALL, Convolution, Kind, convolutions
from helpers.check.core.hypotheses.windows import advice
from helpers.check.core.known_work import Calls, demand_possible, lengths
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check
from helpers.primitives.spec import ConvSpec

FASTEST = 2e13
"""FLOP/s that no CPU's core has; a Winograd or FFT algorithm that needs less arithmetic stays below it, too."""

SHORTEST = 2e-6
"""Seconds in which Python can't even call a library."""

TEN_MINUTES = 600


@check("The roof", "G2")
def attainable(attainable: Any, *, seed: int = 0) -> Iterator[str]:
    """min(peak, intensity · bandwidth), in FLOP/s."""
    rng = np.random.default_rng([seed, 8])
    peak, bandwidth = float(rng.uniform(5e10, 5e11)), float(rng.uniform(8e9, 3e10))
    whole = peak // bandwidth
    peak = (whole + 0.6) * bandwidth
    intensities = np.array([*(peak / bandwidth * np.array([0.03, 0.12, 0.4, 0.9, 1.1, 5.0, 40.0])),
                            whole + 0.3, whole + 0.8])  # fmt: skip
    cases = [(float(i), peak, bandwidth) for i in intensities]
    seen = ask(calls, "attainable", attainable, cases)
    got = np.array([number(seen[str(i)], "the result of attainable") for i in range(len(cases))])
    slope = intensities * bandwidth
    if np.allclose(got, got[0], rtol=1e-9) and not np.allclose(got, peak):
        raise Mistake(
            "intensity-ignored",
            f"attainable returns {got[0]:.4g} for every intensity. "
            "Up to the ridge the speed grows with it: intensity · bandwidth.",
        )
    wrong = partial(_roofs, intensities, peak, bandwidth)
    verify(got / peak, np.minimum(peak, slope) / peak, "the attainable speed (as a share of the peak)", wrong)
    yield "the smaller of two limits, on both sides of the ridge"


def _roofs(intensities: np.ndarray, peak: float, bandwidth: float) -> list[Hypothesis]:
    """As shares of the peak."""
    slope = intensities * bandwidth
    rate = "Bytes/s times FLOPs/byte gives FLOP/s."
    wrong = (
        (
            "max-for-min",
            np.maximum(peak, slope),
            "The larger of the two is taken. Both limits hold, so the smaller one decides.",
        ),
        ("limits-added", peak + slope, "The two limits are added; the smaller one decides."),
        ("one-limit-only", slope, "Only the memory limits here: no program is faster than the peak."),
        (
            "one-limit-only",
            np.full_like(slope, peak),
            "The peak comes out at every intensity: at a low one the memory cannot deliver fast enough. If there is a "
            "condition: the ridge lies at peak / bandwidth, and left of it the speed is intensity · bandwidth.",
        ),
        (
            "divided-for-multiplied",
            np.minimum(peak, bandwidth / intensities),
            f"The bandwidth is divided by the intensity. {rate}",
        ),
        (
            "divided-for-multiplied",
            np.minimum(peak, intensities / bandwidth),
            f"The intensity is divided by the bandwidth. {rate}",
        ),
        (
            "intensity-for-rate",
            np.minimum(peak, intensities),
            "The intensity alone is no speed: multiply it by the bandwidth.",
        ),
        (
            "limits-mixed",
            1 / (1 / peak + 1 / slope),
            "The times of computing and moving are added. The roofline lets them overlap: "
            "the slower one alone decides.",
        ),
        (
            "intensity-forgotten",
            np.where(slope >= peak, peak, bandwidth),
            "Left of the ridge this is the bandwidth alone, in bytes/s. Each byte comes with `intensity` operations: "
            "intensity · bandwidth.",
        ),
        *(("ridge-rounded", np.where(intensities < rounded(peak / bandwidth), slope, peak), "The ridge is rounded to a "
           "whole number (`//`, `round`, `int`), so that near it the wrong limit is taken; it lies at peak / "
           "bandwidth.")
          for rounded in (np.floor, np.ceil)),
        ("share-of-the-peak", np.minimum(1, slope / peak), "This is a share of the peak, at most 1; return FLOP/s."),
        (
            "in-giga",
            np.minimum(peak, slope) / 1e9,
            "This is in GFLOP/s; return FLOP/s, as peak and bandwidth are given.",
        ),
    )
    return [Hypothesis(name, value / peak, hint) for name, value, hint in wrong]


def _seconds(timing: Any, what: str, rounds: int) -> np.ndarray:
    """The rounds of one candidate, one positive number each."""
    if timing is None or isinstance(timing, int | float):
        raise Mistake(
            "not-a-timing",
            f"{what} should be what `measure` returned for it, "
            f"a Timing with its rounds in `.seconds`; it is {timing!r}.",
        )
    found = array(getattr(timing, "seconds", timing), f"the seconds of {what}").reshape(-1)
    if len(found) < rounds:
        raise Mistake(
            "too-few-rounds",
            f"{what} was timed {len(found)} time{'s' if len(found) != 1 else ''}; {rounds} rounds are asked for. One "
            "timing says nothing about its own spread.",
        )
    if not np.isfinite(found).all() or (found <= 0).any():
        raise Mistake("not-a-time", f"{what} has a time that is zero, negative or not a number: {found.min():g} s.")
    return found


WAYS = ("torch", "rows", "columns", "blocks")
ONE_LAYER = Kind(((3, 2), (2, 3)), (1, 1), (1, 0), (0, 0), (1, 2), (2, 3), (3, 4), range(5, 9))


@check("Measuring a layer", "G3")
def layer_timings(measure_layer: Any, *, seed: int = 0) -> Iterator[str]:
    """(timings, errors) of functions that wait as long, and err as much, as only the check knows."""
    rng = np.random.default_rng([seed, 9])
    sizes, rounds = ONE_LAYER.drawn(rng), int(rng.integers(8, 10))
    case, layer = Convolution.of(sizes, seed), ConvSpec(*sizes)
    y = oracle.forward(case.x, case.w, *case.geometry)
    made_up = {name: y + error for name, error in zip(WAYS, _deviations(y, seed), strict=True)}
    results = {name: made_up[name] for name in (*WAYS[1:], WAYS[0])}  # PyTorch's is not the first
    seconds = dict(zip(WAYS, lengths(seed, len(WAYS), 5e-4, 3), strict=True))
    far = results | {"rows": 1000 * y}
    seen = ask(probes.layer_timings, measure_layer, case.x, case.w, layer, rounds, results, seconds, far)
    timings, errors = _pair(seen["found"])
    made, odd = Calls(seen["calls"]), seen["odd"]
    if odd:
        raise Mistake(
            "other-images",
            f"measure_layer calls functions[{odd[0]!r}] with other images or filters than it was given. Pass on `x` "
            "and `w` as they are.",
        )
    if seen["kept"]:
        raise Mistake(
            "kept-between-calls",
            "measure_layer returns the same dictionary each time it is called, so that the next layer overwrites what "
            "was measured of the last one. Make the dictionaries inside of the function: a default argument such as "
            "`errors={}` is made only once.",
        )
    _called(made, timings, rounds)
    yield f"each of {len(WAYS)} functions called in each of the rounds"
    _errors(errors, results)
    if "far" in seen:
        _far(_pair(seen["far"])[1])
    yield "the largest difference from PyTorch's result, over PyTorch's largest entry"
    for name in WAYS:
        found = _seconds(timings[name], f"the time of {name!r}", rounds).tolist()
        demand_possible(found, seconds[name], made.longest(name), f"The time of {name!r}")
    yield "times that fit how long each function takes"


def _deviations(y: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """What to add to y, for PyTorch nothing: many small differences, and a large one, which is negative."""
    rng = np.random.default_rng([seed, y.size])
    yield np.zeros_like(y)
    for size in (2.3e-7, 7.1e-7, 4.4e-7):
        largest = size * rng.uniform(1, 1.3) * np.abs(y).max()
        found = rng.uniform(-0.3, 0.3, size=y.shape) * largest
        found.reshape(-1)[rng.integers(y.size)] = -largest
        yield found


def _pair(found: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The two dictionaries, with an entry for each function."""
    if found is None:
        raise Mistake("returns-none", "measure_layer returns None. Is the `return` missing?")
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Mistake(
            "not-a-pair",
            "measure_layer should return two dictionaries, `return timings, errors`; it returns what is "
            f"{kind_of(found)}.",
        )
    for name, one in zip(("timings", "errors"), found, strict=True):
        if not isinstance(one, Mapping):
            raise Mistake(
                "not-a-dictionary",
                f"The {name} that measure_layer returns should be a dictionary, algorithm → value; "
                f"it is {kind_of(one)}.",
            )
        missing = [way for way in WAYS if way not in one]
        if missing:
            raise Mistake(
                "algorithm-missing",
                f"The {name} that measure_layer returns lack {missing[0]!r}. It was given functions for "
                f"{', '.join(WAYS)}, and should return an entry for each of them. Does it use the notebook's `run` "
                "where its own `functions` belong?",
            )
    timings, errors = found
    if isinstance(timings["torch"], int | float) and not isinstance(errors["torch"], int | float):
        raise Mistake(
            "results-exchanged", "measure_layer returns the errors first; it should `return timings, errors`."
        )
    return timings, errors


def _called(made: Calls, timings: Mapping[str, Any], rounds: int) -> None:
    """Each function ran as often as it was timed."""
    for name in WAYS:
        _seconds(timings[name], f"The time of {name!r}", rounds)
    counts = {name: made.count(name) for name in WAYS}
    short = [name for name, count in counts.items() if count < rounds]
    if short and max(counts.values()) >= 2 * rounds:
        often = max(counts, key=lambda name: counts[name])
        raise Mistake(
            "one-function-for-all",
            f"In {rounds} rounds {often!r} is called {counts[often]} times and {short[0]!r} {counts[short[0]]} times: "
            "the same function is timed under every name. A `lambda` in a loop sees the loop's last values when it is "
            "called; `partial(function, x, w, layer)` keeps its own.",
        )
    if short:
        raise Mistake(
            "not-called",
            f"{short[0]!r} is called {counts[short[0]]} times, and {rounds} rounds are asked for. "
            "Is the function called inside the timing (`partial(function, x, w, layer)`, not its finished result), "
            "and is every time measured?",
        )


def _errors(errors: Mapping[str, Any], results: Mapping[str, np.ndarray]) -> None:
    y = results["torch"]
    got = np.array([number(errors[name], f"the error of {name!r}") for name in WAYS])
    off = [results[name] - y for name in WAYS]
    largest = float(np.abs(y).max())
    right = np.array([np.abs(d).max() for d in off]) / largest

    def like(values: Any) -> bool:
        return bool(np.allclose(got, values, rtol=0.02, atol=1e-9))

    if like(right):
        return
    if not got.any():
        raise Mistake(
            "not-compared",
            "Every error is exactly 0, and the functions that measure_layer was given differ from PyTorch's by a "
            "little. Compare each result with that of functions['torch'].",
        )
    hidden = "A single wrong entry would hide in it: take the largest."
    signs = (
        "The differences keep their signs, so one that is too {} is overlooked. Take `np.abs` first, then the largest."
    )
    with np.errstate(all="ignore"):
        for name, wrong, hint in (
            (
                "not-divided",
                right * largest,
                "The differences are not divided: divide by the largest entry of PyTorch's result, so that small and "
                "large numbers count alike.",
            ),
            (
                "percent-for-share",
                100 * right,
                "The errors are in percent; leave them as a share of PyTorch's largest entry.",
            ),
            (
                "mean-for-largest",
                [np.abs(d).mean() / largest for d in off],
                f"This is the mean of the differences. {hidden}",
            ),
            (
                "mean-for-largest",
                [np.sqrt((d**2).mean()) / largest for d in off],
                f"This is the root of the mean square. {hidden}",
            ),
            (
                "norm-for-largest",
                [np.linalg.norm(d) / np.linalg.norm(y) for d in off],
                f"This is the norm of the differences over the norm of PyTorch's result (the root of the sum of "
                f"squares). {hidden}",
            ),
            ("sign-kept", [d.max() / largest for d in off], signs.format("small")),
            ("sign-kept", [-d.min() / largest for d in off], signs.format("large")),
            (
                "entry-by-entry",
                [np.abs(d / y).max() for d in off],
                "Each difference is divided by its own entry, and entries near 0 decide. "
                "Divide by PyTorch's largest entry.",
            ),
            (
                "divided-by-the-mean",
                right * largest / np.abs(y).mean(),
                "The differences are divided by the mean of PyTorch's entries; divide by the largest.",
            ),
            (
                "wrong-reference",
                [np.abs(results[name] - one).max() / np.abs(one).max() for one in [next(iter(results.values()))]
                 for name in WAYS],
                "They are the differences from the first function's result. Compare with that of functions['torch'].",
            ),
            (
                "sign-kept",
                right * largest / y.max(),
                "The largest entry is taken with its sign; take `np.abs` of PyTorch's result, too.",
            ),
        ):
            if like(wrong):
                raise Mistake(name, f"The errors of measure_layer: {hint}")
    at = int(np.argmax(np.abs(got - right)))
    raise Mistake(
        "differs",
        f"The error of {WAYS[at]!r} should be {right[at]:.3g}, the largest difference from PyTorch's result over "
        f"PyTorch's largest entry; it is {got[at]:.3g}.",
    )


def _far(errors: Mapping[str, Any]) -> None:
    """The error of a result that is 1,000 times PyTorch's."""
    large = number(errors["rows"], "the error of 'rows'")
    if 0.5 < large < 2:
        raise Mistake(
            "divided-by-its-own",
            "The errors of measure_layer: the differences are divided by the largest entry of the algorithm's own "
            f"result, so that one that is 1,000 times too large has an error of {large:.3g} (it is 999). Divide by the "
            "largest entry of functions['torch']'s result.",
        )


@check("Measured times", "G3")
def timings(
    timings: Any, errors: Any, layers: Mapping[str, Any], algorithms: Sequence[str], *, rounds: int = 3,
    tolerance: float = 2e-3,
) -> Iterator[str]:  # fmt: skip
    """Every algorithm on every layer, results compared before timing, times that a computer can have."""
    for name, found in (("timings", timings), ("errors", errors)):
        _whole(name, found, layers, algorithms)
    yield f"{len(algorithms)} algorithms on {len(layers)} layers"
    measured = []
    for layer, algorithm in itertools.product(layers, algorithms):
        what = f"errors[{layer!r}][{algorithm!r}]"
        error = number(errors[layer][algorithm], what)
        measured.append(error)
        if not 0 <= error <= tolerance:
            raise Mistake(
                "results-disagree",
                f"{what} is {error:.2g}: this result differs from the library's by more than rounding ({tolerance:g} "
                "of the largest entry). The speed of a wrong result means nothing; fix it first.",
            )
    if len(measured) > 3 and not any(measured):
        raise Mistake(
            "not-compared",
            "Every recorded error is exactly 0. Different algorithms round differently in float32: is each result "
            "really compared with the library's?",
        )
    yield "results compared with the library's before timing"
    seen: dict[tuple[float, ...], str] = {}
    for layer, algorithm in itertools.product(layers, algorithms):
        what = f"timings[{layer!r}][{algorithm!r}]"
        seconds = _seconds(timings[layer][algorithm], what, rounds)
        _of_a_computer(seconds, what, layers[layer])
        if tuple(seconds) in seen:
            raise Mistake(
                "timings-identical",
                f"{seen[tuple(seconds)]} and {what} are identical to the last digit: is one of them a copy?",
            )
        seen[tuple(seconds)] = what
    yield f"at least {rounds} rounds each, no two alike, none faster than a core can be"


def _whole(name: str, found: Any, layers: Mapping[str, Any], algorithms: Sequence[str]) -> None:
    """name: "timings" or "errors", which should have an entry for each layer and algorithm."""
    if not found:
        raise Mistake("still-to-do", f"Still to do: `{name}` is still empty; write and run the exercise's cell above.")
    if not isinstance(found, dict):
        raise Mistake(
            "not-a-dictionary", f"`{name}` should be a dictionary, `{name}[layer][algorithm]`; it is {kind_of(found)}."
        )
    for layer in layers:
        if not isinstance(found.get(layer), dict):
            raise Mistake(
                "layer-missing",
                f"`{name}` has nothing for the layer {layer!r}; all of {', '.join(layers)} are asked for.",
            )
        missing = [algorithm for algorithm in algorithms if algorithm not in found[layer]]
        if missing:
            raise Mistake(
                "algorithm-missing",
                f"{name}[{layer!r}] lacks {missing[0]!r}; all of {', '.join(algorithms)} are asked for.",
            )


def _of_a_computer(seconds: np.ndarray, what: str, layer: Any) -> None:
    """Rounds that differ, neither faster nor slower than a computer can be."""
    if len(seconds) > 1 and np.ptp(seconds) == 0:
        raise Mistake(
            "rounds-identical",
            f"All rounds of {what} took exactly {seconds[0]:g} s. Clocks never do that: is one timing repeated?",
        )
    median = statistics.median(seconds)
    speed = 2.0 * float(np.prod([getattr(layer, name) for name in "NKCRSPQ"])) / median
    if speed > FASTEST or median < SHORTEST:
        raise Mistake(
            "too-fast",
            f"{what} has a median of {median:.3g} s, that would be {speed / 1e9:,.0f} GFLOP/s on one core. "
            "Is the function called inside the timing (`lambda: run(x, w, layer)`, not its finished result), "
            "and are these seconds?",
        )
    if median > TEN_MINUTES:
        raise Mistake(
            "not-seconds",
            f"{what} has a median of {median:.4g} s, more than ten minutes. Are these milliseconds or microseconds?",
        )


@check("Lazy lowering in Triton (optional)", "H2")
def triton(conv_triton: Any, *, seed: int = 0) -> Iterator[str]:
    """The kernel's result in float32. Nothing to check where Triton is missing or the kernel is not written."""
    if conv_triton is None:
        yield "nothing, as Triton is not used here; this part is optional"
        return
    cases = convolutions(seed, SMALL)
    seen = ask(calls, "conv_triton", conv_triton, [(c.x, c.w, *c.geometry) for c in cases], ("x", "w"), advice=advice)
    try:
        seen["0"]
    except Mistake as mistake:
        if mistake.name == "still-to-do" or "NotImplementedError" in mistake.message:
            yield "nothing, as the kernel is not written; this part is optional"
            return
        raise
    for i, case in enumerate(cases):
        expected = oracle.forward(case.x, case.w, *case.geometry)
        verify_output(seen.array(str(i), "the result of conv_triton"), expected, case)
        yield case.label
