"""What the checks of `network_from_scratch` run beside the student's code. Nothing here knows a right result."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from helpers.backend import backend
from helpers.check.core.probe import Seen, give, like, method, read, run

PARAMETERS, GRADIENTS = ("weight", "bias"), ("grad_weight", "grad_bias")
INPUTS = {"forward": "x", "backward": "grad_output"}


def fitted(values: np.ndarray, own: Any) -> np.ndarray:
    """(in, out) values in the student's own layout: (out, in) weights and (1, out) biases are right, too."""
    shape = tuple(own.shape)
    return values.T if values.ndim == 2 and values.shape != shape == values.shape[::-1] else values.reshape(shape)


def _sizes_fit(layer: Any, case: dict[str, Any]) -> bool:
    """Whether the parameters can take the case's values; the verdict says it of the first ones."""
    return all(prod(getattr(read(layer, name, "Linear"), "shape", ())) == case[name].size for name in PARAMETERS)


def linear(seen: Seen, Linear: Any, sizes: tuple[int, int], dtype: str = "float64") -> Any:
    """A new `Linear(in_features, out_features, backend)`; notes its first parameters."""
    layer = run("Linear(in_features, out_features, backend)", Linear, *sizes, backend("numpy", dtype))
    for name in PARAMETERS:
        seen[f"first {name}"] = read(layer, name, "Linear")
    return layer


def linear_passes(seen: Seen, Linear: Any, cases: Sequence[dict[str, Any]]) -> None:
    """Layers with given weight and bias, in which ("forward", x) and ("backward", grad_output) follow each other.

    Notes, by number of the case: the first parameters; by number of the pass, its "result" and, after a backward,
    parameters and gradients.
    """
    for number, case in enumerate(cases):
        notes = seen.part(number)
        layer = linear(notes, Linear, case["weight"].shape, case["dtype"])
        kind = read(layer, "weight", "Linear")
        if not _sizes_fit(layer, case):
            return
        for name in PARAMETERS:
            give(layer, name, fitted(case[name], read(layer, name, "Linear")))
        for step, (name, values) in enumerate(case["passes"]):
            given = like(kind, values.astype(case["dtype"]))
            found = run(f"Linear.{name}", method(layer, name, "Linear"), given, inputs=(INPUTS[name],))
            notes.part(step)["result"] = found
            for attribute in (*PARAMETERS, *GRADIENTS) if name == "backward" else ():
                notes.part(step)[attribute] = read(layer, attribute, "Linear")


def linear_updates(seen: Seen, Linear: Any, case: dict[str, Any], grads: dict[str, np.ndarray], rates: Sequence[float]) -> None:
    """A layer that has gone through one forward and backward, with the right gradients put in place of its own, so that
    a mistake in backward does not cost this exercise, too. Notes the parameters before and after each update."""
    layer = linear(seen, Linear, case["weight"].shape)
    if not _sizes_fit(layer, case):
        return
    for name in PARAMETERS:
        give(layer, name, fitted(case[name], read(layer, name, "Linear")))
    kind = read(layer, "weight", "Linear")
    run("Linear.forward", method(layer, "forward", "Linear"), like(kind, case["x"]))
    run("Linear.backward", method(layer, "backward", "Linear"), like(kind, case["grad"]))
    for name in PARAMETERS:
        setattr(layer, f"grad_{name}", like(kind, fitted(grads[name], read(layer, name, "Linear"))))
    for step, rate in enumerate((None, *rates)):
        if rate is not None:
            run("Linear.update", method(layer, "update", "Linear"), rate)
        for name in PARAMETERS:
            seen.part(step)[name] = read(layer, name, "Linear")
