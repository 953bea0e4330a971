"""What the checks of `cnn_learning` run beside the student's code. Nothing here knows a right result."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from helpers.backend import Backend
from helpers.check.core.probe import Seen, Stopped, copied, differ, give, is_torch, like, method, read, run, twice
from helpers.data.split import Split
from helpers.train import History

PARAMETERS, GRADIENTS = ("weight", "bias"), ("grad_weight", "grad_bias")
INPUTS = {"forward": ("x",), "backward": ("grad_output",)}
IMAGES = ("train_images", "train_labels", "validation_images", "validation_labels", "test_images", "test_labels")


def precisely(kind: Any, values: np.ndarray) -> Any:
    """As `like`, in the precision of `kind` too: the primitives take arrays of one type."""
    made = like(kind, values)
    if kind is None or values.dtype.kind != "f":
        return made
    if is_torch(kind):
        return made.to(kind.dtype) if kind.is_floating_point() else made
    dtype = getattr(kind, "dtype", made.dtype)
    return made.astype(dtype) if dtype.kind == "f" else made


# Functions --------------------------------------------------------------------------------------------------------


def layer_tables(
    seen: Seen, layer_table: Any, parameter_count: Any, files: Sequence[Any], layers: Sequence[Any]
) -> None:
    """Tables of files, (entries, shape), which may be refused: by number the "table" or the "error" that was raised.
    Under "count 0", … what the student's parameter_count says of single layers, where it says something."""
    for number, (entries, shape) in enumerate(files):
        try:
            seen.part(number)["table"] = run("layer_table", layer_table, copied(entries), shape, inputs=("layers",))
        except Stopped as stopped:
            if stopped.how != "raised":
                raise
            seen.part(number)["error"] = stopped.about
    for number, (entry, shape) in enumerate(layers if parameter_count is not None else ()):
        try:
            seen[f"count {number}"] = run("parameter_count", parameter_count, copied(entry), shape)
        except Stopped as stopped:
            if stopped.how == "too long":
                return


def choices(seen: Seen, choose_rate: Any, cases: Sequence[Mapping[float, list[History]]]) -> None:
    """Notes by number which rate is chosen for each of these curves."""
    for number, curves in enumerate(cases):
        before = [run.to_json() for runs in curves.values() for run in runs]
        seen[number] = run("choose_rate", choose_rate, curves)
        if before != [run.to_json() for runs in curves.values() for run in runs]:
            raise Stopped("choose_rate", "input changed", "curves")


def functions(seen: Seen, asked: Sequence[tuple[str, Any, Sequence[Sequence[Any]]]]) -> None:
    """Notes for each (name, function, lists of arguments) by the name and the number of the list what comes back."""
    for name, function, cases in asked:
        for number, args in enumerate(cases):
            seen.part(name)[number] = run(name, function, *copied(args))


# Layers -----------------------------------------------------------------------------------------------------------


def layers(
    seen: Seen, cls: Any, name: str, made: Sequence[dict[str, Any]], steps: Sequence[tuple[int, str, Any]]
) -> None:
    """Layers in which steps follow each other: (place of the layer in `made`, method or "", array or rate).

    Arrays of float32 take the precision of the student's backend, which is noted as "dtype", as images do; others that
    of the layer's weight. made: "args", "named" and, for layers with parameters, "given", the weight and bias that they
    get, or (). A layer is made for its first step. Notes under "layer 0", … its first parameters; by number of the step
    its "result" and, of layers with parameters, what these are after it, after a backward the gradients, too.
    """
    there: dict[int, Any] = {}
    seen["dtype"] = of_images = _dtype(cls)
    for number, (place, step, value) in enumerate(steps):
        about = made[place]
        if place not in there:
            there[place] = run(name, cls, *copied(about["args"]), **copied(about.get("named", {})))
            if not _given(seen.part(f"layer {place}"), there[place], name, about.get("given")):
                return
        if not step:
            continue
        layer, notes = there[place], seen.part(number)
        kind = read(layer, "weight", name, None) if "given" in about else None
        if getattr(value, "dtype", None) == np.float32:
            given = like(kind, value.astype(of_images))
        else:
            given = precisely(kind, value) if isinstance(value, np.ndarray) else value
        notes["result"] = run(f"{name}.{step}", method(layer, step, name), given, inputs=INPUTS.get(step, ()))
        if "given" in about:
            for attribute in (*PARAMETERS, *GRADIENTS) if step == "backward" else PARAMETERS:
                notes[attribute] = read(layer, attribute, name)


def _dtype(cls: Any) -> str:
    """Of the backend `on` that a class uses, which images come in, too."""
    on = (getattr(method, "__globals__", {}).get("on") for method in getattr(cls, "__dict__", {}).values())
    return next((str(one.dtype).rpartition(".")[2] for one in on if isinstance(one, Backend)), "float32")


def _given(notes: Seen, layer: Any, name: str, given: Sequence[np.ndarray] | None) -> bool:
    """Note the first parameters, and put others in their place; whether that was possible."""
    if given is None:
        return True
    own = {attribute: read(layer, attribute, name) for attribute in PARAMETERS}
    for attribute, value in own.items():
        notes[f"first {attribute}"] = value
    return not given or _put(layer, list(own.values()), given)


def _put(layer: Any, own: Sequence[Any], given: Sequence[np.ndarray]) -> bool:
    shapes = [tuple(getattr(each, "shape", ())) for each in own]
    if shapes[0] != given[0].shape or prod(shapes[1]) != given[1].size:
        return False
    for attribute, shape, values in zip(PARAMETERS, shapes, given, strict=True):
        give(layer, attribute, values.reshape(shape))
    return True


# Networks ---------------------------------------------------------------------------------------------------------


def _built(notes: Seen, build: Any, about: Mapping[str, Any]) -> tuple[Any, list[Any]] | None:
    """A network that `build` makes, and its layers with weights; None where the verdict has no use for it.

    about: "entries", "image", "named" for build, and "given", [(weight, bias), …] for these layers. Notes the number
    of "layers" (None where there is no list), the class of a layer that stands in it "twice", or "", and the first
    "weights" and "biases".
    """
    named = copied(about.get("named", {}))
    network = run("build", build, copied(about["entries"]), about["image"], inputs=("layers",), **named)
    if network is None:
        raise Stopped("What build returns", "none")
    found = read(network, "layers", "the network")
    if not hasattr(found, "__len__"):
        notes["layers"] = None
        return None
    every = [found[i] for i in range(len(found))]
    trained = [layer for layer in every if read(layer, "weight", "a layer", None) is not None]
    notes["layers"] = len(every)
    notes["twice"] = twice(every)
    for name, each in (("weights", "weight"), ("biases", "bias")):
        notes[name] = [read(layer, each, "a layer", None) for layer in trained]
    given = about.get("given", ())
    if given and len(given) != len(trained):
        return None
    for layer, values in zip(trained, given, strict=False):
        if not _put(layer, [getattr(layer, name, None) for name in PARAMETERS], values):
            return None
    return network, trained


def _note(notes: Seen, trained: Sequence[Any], names: Sequence[str]) -> None:
    for name in names:
        notes[name] = [read(layer, name, "a layer", None) for layer in trained]


def builds(seen: Seen, build: Any, networks: Sequence[Mapping[str, Any]]) -> None:
    """Networks, one after the other: by number what `_built` notes, whether their list or a layer is "shared" with an
    earlier one and, where there is an "x", the "result" of forward."""
    before: list[Any] = []
    for number, about in enumerate(networks):
        notes = seen.part(number)
        made = _built(notes, build, about)
        if made is None:
            return
        network, trained = made
        own = [read(network, "layers", "the network"), *trained]
        notes["shared"] = any(one is other for one in own for other in before)
        before += own
        if "x" in about:
            x = precisely(trained[0].weight, about["x"])
            try:
                notes["result"] = run("Network.forward", method(network, "forward", "Network"), x, inputs=("x",))
            except Stopped:
                notes["walk"] = _walked(network, x)
                raise


def _walked(network: Any, x: Any) -> list[tuple[str, tuple[int, ...]]]:
    """(class, shape of what it returns) of the layers, one after the other, as far as they go."""
    found: list[tuple[str, tuple[int, ...]]] = []

    def walk(x: Any) -> None:
        for layer in network.layers:
            x = layer.forward(x)
            found.append((type(layer).__name__, tuple(int(n) for n in x.shape)))

    with contextlib.suppress(Stopped):
        run("Network.forward", walk, x)
    return found


def network_steps(seen: Seen, build: Any, about: Mapping[str, Any], steps: Sequence[tuple[str, Any]]) -> None:
    """One network in which steps follow each other: ("forward", x), ("backward", labels), ("update", lr).

    Notes by number of the step its "result", the parameters and, after a backward, the gradients, and whether it
    "spoiled" what the forward before had returned. Last, after one more update, the output of the "same array" as in
    the last forward and of an "equal array".
    """
    made = _built(seen, build, about)
    if made is None:
        return
    network, trained = made
    for number, (step, value) in enumerate(steps):
        given = precisely(trained[0].weight, value) if isinstance(value, np.ndarray) else value
        inputs = {"forward": ("x",), "backward": ("labels",)}.get(step, ())
        found = run(f"Network.{step}", method(network, step, "Network"), given, inputs=inputs)
        seen.part(number)["result"] = found
        _note(seen.part(number), trained, (*PARAMETERS, *GRADIENTS) if step == "backward" else PARAMETERS)
        if step == "forward":
            images, output, before = given, found, copied(found)
        elif step == "backward":
            seen.part(number)["spoiled"] = differ(before, output)
        else:
            rate = given
    run("Network.update", method(network, "update", "Network"), rate)
    for name, x in (("same array", images), ("equal array", copied(images))):
        seen[name] = run("Network.forward", method(network, "forward", "Network"), x, inputs=("x",))


def norms(
    seen: Seen, gradient_norms: Any, build: Any, about: Mapping[str, Any], x: np.ndarray, labels: np.ndarray
) -> None:
    """The "result" for a network after a backward, and its parameters and gradients "before" and "after"."""
    made = _built(seen, build, about)
    if made is None:
        return
    network, trained = made
    for step, value in (("forward", x), ("backward", labels)):
        run(f"Network.{step}", method(network, step, "Network"), precisely(trained[0].weight, value))
    _note(seen.part("before"), trained, (*PARAMETERS, *GRADIENTS))
    seen["result"] = run("gradient_norms", gradient_norms, network)
    _note(seen.part("after"), trained, (*PARAMETERS, *GRADIENTS))


# Training ---------------------------------------------------------------------------------------------------------


def errors(seen: Seen, error_rate: Any, build: Any, networks: Sequence[Mapping[str, Any]]) -> None:
    """By number the "probabilities" of each network for its "x", the "result" for "x" and "labels", and its parameters
    afterwards."""
    for number, about in enumerate(networks):
        notes = seen.part(number)
        made = _built(notes, build, about)
        if made is None:
            return
        network, trained = made
        sets = [precisely(trained[0].weight, about[name]) for name in ("x", "labels")]
        notes["probabilities"] = run("Network.forward", method(network, "forward", "Network"), sets[0])
        notes["result"] = run("error_rate", error_rate, network, *sets, inputs=("network", "images", "labels"))
        _note(notes, trained, PARAMETERS)
        with contextlib.suppress(Stopped):
            notes["after"] = run("Network.forward", method(network, "forward", "Network"), sets[0])


def trainings(
    seen: Seen, train: Any, build: Any, about: Mapping[str, Any], split: Split, runs: Sequence[dict[str, Any]]
) -> None:
    """Runs of `train`, each of a new network: by number its "result", and the parameters at the end. Under "one step"
    the parameters after the first images in their order, as many as a batch, without `train`."""
    made = _built(seen.part("one step"), build, about)
    if made is not None:
        network, trained = made
        images, labels = (
            precisely(trained[0].weight, getattr(split, name)[: runs[0]["batch_size"]]) for name in IMAGES[:2]
        )
        for step, value in (("forward", images), ("backward", labels), ("update", runs[0]["lr"])):
            run(f"Network.{step}", method(network, step, "Network"), value)
        _note(seen.part("one step"), trained, PARAMETERS)
    for number, named in enumerate(runs):
        notes = seen.part(number)
        made = _built(notes, build, about)
        if made is None:
            return
        network, trained = made
        arrays = {name: precisely(trained[0].weight, getattr(split, name)) for name in IMAGES}
        before = copied(arrays)
        rest = {name: value for name, value in named.items() if name not in ("lr", "epochs")}
        notes["result"] = run("train", train, network, replace(split, **arrays), named["lr"], named["epochs"], **rest)
        for name in IMAGES:
            if differ(before[name], arrays[name]):
                raise Stopped("train", "input changed", f"split.{name}")
        _note(notes, trained, PARAMETERS)


def own_run(
    seen: Seen, train: Any, build: Any, file: tuple[Any, Any], split: Split, told: tuple[Any, Any], epochs: int,
    rates_and_seeds: Sequence[tuple[float, int]],
) -> None:  # fmt: skip
    """The first epochs of the student's own run once more: under "again" its losses and errors.

    The first pair of rate and seed is that of the run. If it gives other numbers than `told`, and has taken no longer
    than a few seconds, one epoch with each of the other pairs follows, by number.
    """
    began = time.process_time()
    for number, (lr, seed) in enumerate(rates_and_seeds):
        network = run("build", build, copied(file[0]), file[1], seed=seed)
        found = run("train", train, network, split, lr, 1 if number else epochs)
        seen[number or "again"] = found
        if not number and (_close(found, [each[:epochs] for each in told]) or time.process_time() - began > 4):
            return


def _close(one: Any, other: Any) -> bool:
    with contextlib.suppress(Exception):
        return bool(np.allclose(np.asarray(one, float), np.asarray(other, float), rtol=1e-4, atol=1e-6))
    return False
