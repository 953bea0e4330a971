"""What the checks of `network_from_scratch` run beside the student's code. Nothing here knows a right result."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from helpers.backend import backend
from helpers.check.core.probe import Seen, Stopped, give, like, method, read, run

PARAMETERS, GRADIENTS = ("weight", "bias"), ("grad_weight", "grad_bias")
INPUTS = {"forward": "x", "backward": "grad_output"}
Pass = tuple[int, str, np.ndarray]
"""Which of several layers, "forward" or "backward", and what it is given."""


def fitted(values: np.ndarray, own: Any) -> np.ndarray:
    """(in, out) values in the student's own layout: (out, in) weights and (1, out) biases are right, too."""
    shape = tuple(own.shape)
    return values.T if values.ndim == 2 and values.shape != shape == values.shape[::-1] else values.reshape(shape)


def _sizes_fit(layer: Any, case: dict[str, Any]) -> bool:
    """Whether the parameters can take the case's values; the verdict says it of the first ones."""
    return all(prod(getattr(read(layer, name, "Linear"), "shape", ())) == case[name].size for name in PARAMETERS)


def linear(seen: Seen, Linear: Any, sizes: tuple[int, int], dtype: str = "float64", **named: Any) -> Any:
    """A new `Linear(in_features, out_features, backend)`; notes its first parameters."""
    layer = run("Linear(in_features, out_features, backend)", Linear, *sizes, backend("numpy", dtype), **named)
    for name in PARAMETERS:
        seen[f"first {name}"] = read(layer, name, "Linear")
    return layer


def linear_starts(seen: Seen, Linear: Any, sizes: tuple[int, int], seeds: tuple[int, int]) -> None:
    """Notes the first parameters of a new layer and, where it takes a seed, the "second weight" of one with another."""
    try:
        linear(seen, Linear, sizes, seed=seeds[0])
    except Stopped as stopped:
        if stopped.how != "raised" or stopped.about["base"] != "TypeError":
            raise
        linear(seen, Linear, sizes)
        return
    seen["second weight"] = read(linear(Seen(), Linear, sizes, seed=seeds[1]), "weight", "Linear")


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


def linear_updates(
    seen: Seen, Linear: Any, case: dict[str, Any], gradients: dict[str, np.ndarray], rates: Sequence[float]
) -> None:
    """A layer that has gone through a forward and a backward. Before each update the right gradients are put in "
    "place of
    its own, so that a mistake in backward does not cost this exercise, too. Notes the parameters before and after each."""
    layer = linear(seen, Linear, case["weight"].shape)
    if not _sizes_fit(layer, case):
        return
    for name in PARAMETERS:
        give(layer, name, fitted(case[name], read(layer, name, "Linear")))
    kind = read(layer, "weight", "Linear")
    with contextlib.suppress(Stopped):
        run("Linear.forward", method(layer, "forward", "Linear"), like(kind, case["x"]))
        run("Linear.backward", method(layer, "backward", "Linear"), like(kind, case["grad"]))
    for step, rate in enumerate((None, *rates)):
        if rate is not None:
            for name in PARAMETERS:
                setattr(layer, f"grad_{name}", like(kind, fitted(gradients[name], read(layer, name, "Linear"))))
            run("Linear.update", method(layer, "update", "Linear"), rate)
        for name in PARAMETERS:
            seen.part(step)[name] = read(layer, name, "Linear")


def of_torch_too(called: Callable[[Any], Any], kind: Any) -> tuple[Any, Any]:
    """called(kind), or with torch's kind of array where code is written for torch alone; and the kind that worked."""
    try:
        return called(kind), kind
    except Stopped as stopped:
        torch, about = sys.modules.get("torch"), stopped.about
        of_torch = stopped.how == "raised" and about["base"] in ("TypeError", "AttributeError")
        if torch is None or not isinstance(kind, np.ndarray) or not of_torch:
            raise
        if about["base"] == "AttributeError" and "numpy" not in about["text"]:
            raise
        try:
            return called(torch.empty(0)), torch.empty(0)
        except Stopped:
            raise stopped from None


def layer_passes(seen: Seen, cls: Any, owner: str, passes: Sequence[Pass]) -> None:
    """Layers without parameters, as many as the passes name. Notes by number what each pass returns."""
    layers = [run(f"{owner}()", cls) for _ in range(1 + max(which for which, _, _ in passes))]
    kind: Any = np.empty(0)
    for number, (which, name, values) in enumerate(passes):

        def called(kind: Any, layer: Any = layers[which], name: str = name, values: np.ndarray = values) -> Any:
            return run(f"{owner}.{name}", method(layer, name, owner), like(kind, values), inputs=(INPUTS[name],))

        seen[str(number)], kind = of_torch_too(called, kind)


def losses(seen: Seen, what: str, function: Any, batches: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
    """Notes by number what a function of (probabilities, labels) returns for each of the batches."""
    for number, (p, labels) in enumerate(batches):

        def called(kind: Any, p: np.ndarray = p, labels: np.ndarray = labels) -> Any:
            return run(what, function, like(kind, p), like(kind, labels), inputs=("probabilities", "labels"))

        seen[str(number)], _ = of_torch_too(called, np.empty(0))
