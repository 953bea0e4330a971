"""What the checks of `network_from_scratch` run beside the student's code. Nothing here knows a right result."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from helpers.backend import backend
from helpers.check.core.probe import (
    MISSING,
    Seen,
    Stopped,
    copied,
    differ,
    give,
    like,
    method,
    read,
    run,
    twice,
    within,
)  # fmt: skip

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
    """Notes the first parameters of a new layer, of a small one in "float32" and, where it takes a seed, the "second
    weight" of one with another."""
    linear(seen.part("float32"), Linear, (3, 2), "float32")
    try:
        linear(seen, Linear, sizes, seed=seeds[0])
    except Stopped as stopped:
        if stopped.how != "raised" or stopped.about["base"] != "TypeError":
            raise
        linear(seen, Linear, sizes)
        return
    seen["second weight"] = read(linear(Seen(), Linear, sizes, seed=seeds[1]), "weight", "Linear")


def linear_passes(seen: Seen, Linear: Any, cases: Sequence[dict[str, Any]]) -> None:
    """Layers with given weight and bias, in which ("forward", x) and ("backward", grad_output) follow each other, and
    ("forward of another", x) of a layer beside it.

    Notes, by number of the case: the first parameters; by number of the pass, its "result" and, after a backward,
    parameters and gradients.
    """
    for number, case in enumerate(cases):
        notes = seen.part(number)
        layer = linear(notes, Linear, case["weight"].shape, case["dtype"])
        beside = linear(Seen(), Linear, case["weight"].shape, case["dtype"])
        kind = read(layer, "weight", "Linear")
        if not _sizes_fit(layer, case):
            return
        for name in PARAMETERS:
            give(layer, name, fitted(case[name], read(layer, name, "Linear")))
        for step, (name, values) in enumerate(case["passes"]):
            given = like(kind, values.astype(case["dtype"]))
            if name == "forward of another":
                run("Linear.forward", method(beside, "forward", "Linear"), given)
                continue
            found = run(f"Linear.{name}", method(layer, name, "Linear"), given, inputs=(INPUTS[name],))
            notes.part(step)["result"] = found
            for attribute in (*PARAMETERS, *GRADIENTS) if name == "backward" else ():
                notes.part(step)[attribute] = read(layer, attribute, "Linear")


def linear_updates(
    seen: Seen, Linear: Any, case: dict[str, Any], gradients: dict[str, np.ndarray], rates: Sequence[float]
) -> None:
    """A layer that has gone through a forward and a backward. Before each update the right gradients are put in
    place of its own, so that a mistake in backward does not cost this exercise, too.
    Notes the parameters before and after each, and what backward returns before and after all."""
    layer = linear(seen, Linear, case["weight"].shape)
    if not _sizes_fit(layer, case):
        return
    for name in PARAMETERS:
        give(layer, name, fitted(case[name], read(layer, name, "Linear")))
    kind = read(layer, "weight", "Linear")

    def there_and_back(name: str) -> None:
        with contextlib.suppress(Stopped):
            run("Linear.forward", method(layer, "forward", "Linear"), like(kind, case["x"]))
            seen[name] = run("Linear.backward", method(layer, "backward", "Linear"), like(kind, case["grad"]))

    there_and_back("returned before")
    for step, rate in enumerate((None, *rates)):
        if rate is not None:
            for name in PARAMETERS:
                setattr(layer, f"grad_{name}", like(kind, fitted(gradients[name], read(layer, name, "Linear"))))
            run("Linear.update", method(layer, "update", "Linear"), rate)
            for name in GRADIENTS:
                seen.part(step)[name] = read(layer, name, "Linear", None)
        for name in PARAMETERS:
            seen.part(step)[name] = read(layer, name, "Linear")
    there_and_back("returned after")


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
    """Layers without parameters, as many as the passes name. Notes by number what each pass returns, and under
    "spoiled" by number of a backward whether it changed what the layer's forward had returned."""
    outputs: dict[int, Any] = {}
    layers = [run(f"{owner}()", cls) for _ in range(1 + max(which for which, _, _ in passes))]
    kind: Any = np.empty(0)
    for number, (which, name, values) in enumerate(passes):

        def called(kind: Any, layer: Any = layers[which], name: str = name, values: np.ndarray = values) -> Any:
            return run(f"{owner}.{name}", method(layer, name, owner), like(kind, values), inputs=(INPUTS[name],))

        before = outputs.get(which)
        copy = np.array(before) if isinstance(before, np.ndarray) else None
        found, kind = of_torch_too(called, kind)
        seen[str(number)] = found
        if name == "forward":
            outputs[which] = found
        elif copy is not None and before is not None:
            seen.part("spoiled")[number] = not np.array_equal(before, copy, equal_nan=True)


def losses(seen: Seen, what: str, function: Any, batches: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
    """Notes by number what a function of (probabilities, labels) returns for each of the batches."""
    for number, (p, labels) in enumerate(batches):

        def called(kind: Any, p: np.ndarray = p, labels: np.ndarray = labels) -> Any:
            return run(what, function, like(kind, p), like(kind, labels), inputs=("probabilities", "labels"))

        seen[str(number)], _ = of_torch_too(called, np.empty(0))


# Networks -----------------------------------------------------------------------------------------------------------

Arrays = Sequence[np.ndarray]


class Network:
    """A student's `MLP(sizes, backend)`; `kind` is its first weight."""

    def __init__(self, seen: Seen, MLP: Any, sizes: tuple[int, ...], on: Any = None, **named: Any):
        """Notes the "layers", or that there is no list of them, the first parameters of those that have a weight, and
        the class of a layer that stands in the list "twice", or ""."""
        self.made = run("MLP(sizes, backend)", MLP, sizes, on or backend("numpy", "float64"), **named)
        self.layers = read(self.made, "layers", "MLP")
        listed = self.layers is not None and hasattr(self.layers, "__len__")
        seen["layers"] = listed
        if not listed:
            raise Stopped("MLP.layers", "none")
        every = run("MLP.layers", lambda: [self.layers[i] for i in range(len(self.layers))])
        # A base class may give all layers a weight that is None.
        self.linears = [layer for layer in every if read(layer, "weight", "Linear", None) is not None]
        self.note(seen, "first ", PARAMETERS)
        seen["twice"] = twice(every)
        seen["linears"] = len(self.linears)

    def note(self, seen: Seen, before: str = "", names: Sequence[str] = (*PARAMETERS, *GRADIENTS)) -> None:
        """Parameters and gradients of all linear layers; what is not there is None."""
        for i, layer in enumerate(self.linears):
            for name in names:
                seen[f"{before}{name} {i}"] = read(layer, name, "Linear", None)

    def give(self, parameters: Arrays) -> None:
        """Give the layers these, (weight, bias, weight, …), where they fit; the verdict says it where they don't."""
        wanted = list(zip(parameters[::2], parameters[1::2], strict=True))
        if len(wanted) != len(self.linears):
            raise Stopped("MLP", "unfit")
        for layer, values in zip(self.linears, wanted, strict=True):
            for name, array in zip(PARAMETERS, values, strict=True):
                own = read(layer, name, "Linear")
                if prod(getattr(own, "shape", ())) != array.size:
                    raise Stopped("MLP", "unfit")
                give(layer, name, fitted(array, own))
        self.kind = read(self.linears[0], "weight", "Linear")

    def run(self, name: str, given: np.ndarray | float) -> Any:
        """MLP.forward of images, MLP.backward of labels, or MLP.update with a rate."""
        inputs = {"forward": ("x",), "backward": ("labels",)}.get(name, ())
        values = like(self.kind, given) if isinstance(given, np.ndarray) else given
        return run(f"MLP.{name}", method(self.made, name, "MLP"), values, inputs=inputs)


def carrying(seen: Seen, MLP: Any, sizes: tuple[int, ...], parameters: Arrays, on: Any = None) -> Network:
    """A new network with these parameters."""
    network = Network(seen, MLP, sizes, on)
    network.give(parameters)
    return network


def mlp(
    seen: Seen,
    MLP: Any,
    sizes: tuple[int, ...],
    parameters: Arrays,
    steps: Sequence[tuple[np.ndarray, np.ndarray, float]],
) -> None:
    """A network of layers of one size ("square"), two networks beside each other, two seeds; then forward, backward and
    update with each (images, labels, rate), and what is there after each of them; then the output of the same images
    "twice"; last, after one more step, that of the "same array" as before it and of an "equal array". Under "spoiled"
    by number of the step whether a backward changed what forward had returned."""
    Network(seen.part("square"), MLP, (sizes[0], sizes[0], sizes[0], sizes[-1]))
    network = carrying(seen.part("given"), MLP, sizes, parameters)
    other = Network(Seen(), MLP, sizes)
    seen["shared"] = other.layers is network.layers or any(layer is network.linears[0] for layer in other.linears)
    with contextlib.suppress(Stopped):  # the class need not take a seed
        for seed in (1, 2):
            Network(seen.part(f"seed {seed}"), MLP, sizes, seed=seed)
    for others in ((sizes[0], sizes[-1]), (*sizes, sizes[0])):
        with contextlib.suppress(Stopped):
            Network(seen.part(len(others)), MLP, others)
    for number, (x, labels, rate) in enumerate(steps):
        notes = seen.part(number)
        notes["output"] = output = network.run("forward", x)
        before = copied(output)
        network.run("backward", labels)
        seen.part("spoiled")[number] = differ(before, output)
        network.note(notes.part("after backward"))
        network.run("update", rate)
        network.note(notes.part("after update"))
    with contextlib.suppress(Stopped):
        for number in range(2):
            seen[f"twice {number}"] = network.run("forward", steps[0][0])
    x, labels, rate = steps[0]
    same = like(network.kind, x)
    for name, images in (("before", same), ("same array", same), ("equal array", like(network.kind, x))):
        seen[name] = run("MLP.forward", method(network.made, "forward", "MLP"), images, inputs=("x",))
        if name == "before":
            network.run("backward", labels)
            network.run("update", rate)


def epochs(
    seen: Seen,
    train_epoch: Any,
    MLP: Any,
    sizes: tuple[int, ...],
    parameters: Arrays,
    x: np.ndarray,
    labels: np.ndarray,
    lr: float,
    settings: Sequence[dict[str, Any]],
) -> None:
    """A new network's epoch with each of the settings (batch_size, order); notes what is returned and the parameters
    then.

    Notes under "by hand" a first step with the first batch, made without train_epoch.
    """
    for number, setting in enumerate(settings):
        notes = seen.part(number)
        network = carrying(notes, MLP, sizes, parameters)
        kind = network.kind
        named = {name: like(kind, value) if isinstance(value, np.ndarray) else value for name, value in setting.items()}
        inputs = ("network", "images", "labels")
        result = run(
            "train_epoch", train_epoch, network.made, like(kind, x), like(kind, labels), lr, inputs=inputs, **named
        )
        notes["returned"] = result
        network.note(notes)
    first = settings[0]["order"][: settings[0]["batch_size"]]
    with contextlib.suppress(Stopped):
        network = carrying(seen.part("by hand"), MLP, sizes, parameters)
        network.run("forward", x[first])
        network.run("backward", labels[first])
        network.run("update", lr)
        network.note(seen.part("by hand"))


def evaluations(
    seen: Seen, evaluate: Any, MLP: Any, cases: Sequence[tuple[tuple[int, ...], Arrays, np.ndarray, np.ndarray]]
) -> None:
    """(sizes, parameters, images, labels) each: notes what is returned, and the output and the parameters before and
    after."""
    for number, (sizes, parameters, x, labels) in enumerate(cases):
        notes = seen.part(number)
        network = carrying(notes, MLP, sizes, parameters)
        with contextlib.suppress(Stopped):
            notes["output"] = network.run("forward", x)
        network.note(notes.part("before"), names=PARAMETERS)
        given = [like(network.kind, values) for values in (x, labels)]
        result = run("evaluate", evaluate, network.made, *given, inputs=("network", "images", "labels"))
        notes["returned"] = result
        network.note(notes, names=PARAMETERS)
        with contextlib.suppress(Stopped):
            notes["output after"] = network.run("forward", x)


def rescaled(
    seen: Seen, rescale: Any, MLP: Any, sizes: tuple[int, ...], parameters: Arrays, x: np.ndarray, labels: np.ndarray,
    conventions: Sequence[str],
) -> None:
    """Notes the gradients of a forward and backward, what is there after rescale(network, batch size, convention), and
    whether that returns "another" network."""
    for name in conventions:
        network = carrying(seen.part(name), MLP, sizes, parameters)
        network.run("forward", x)
        network.run("backward", labels)
        network.note(seen.part(name).part("before"))
        found = run("rescale", rescale, network.made, len(x), name)
        network.note(seen.part(name))
        seen.part(name)["another"] = found is not network.made and isinstance(found, type(network.made))


@contextlib.contextmanager
def another_device() -> Iterator[None]:
    """Numpy can't read torch's tensors, as on a GPU, so that a laptop finds a stray `np.`, too."""
    import torch

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise TypeError("a function of numpy was called with an array of another backend")

    own, torch.Tensor.__array__ = torch.Tensor.__array__, refuse  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.Tensor.__array__ = own  # type: ignore[method-assign]


def on_backends(
    seen: Seen, train_epoch: Any, MLP: Any, sizes: tuple[int, ...], parameters: Arrays, x: np.ndarray,
    labels: np.ndarray, lr: float, batch: int, names: Sequence[str], other_labels: np.ndarray,
) -> None:
    """The same epoch on each backend; notes the parameters after it, and the library of the first weight.

    Notes under "other labels" the parameters after an epoch of the first backend with these.
    """

    def epoch(name: str, notes: Seen, labels: np.ndarray) -> Network:
        on = backend(name, "float64")
        network = carrying(notes, MLP, sizes, parameters, on)
        notes["made of"] = type(network.kind).__module__.split(".")[0]
        given = like(network.kind, x) if name == "numpy" else on.asarray(x)
        with another_device() if name == "torch" else contextlib.nullcontext():
            run(
                f"train_epoch on {on.label}", train_epoch, network.made, given, on.asarray(labels), lr, batch_size=batch
            )
        network.note(notes, names=PARAMETERS)
        return network

    for name in names:
        weight = read(epoch(name, seen.part(name), labels).linears[0], "weight", "Linear")
        seen.part(name)["library"] = type(weight).__module__.split(".")[0]
        if name == names[0]:
            epoch(name, seen.part("other labels"), other_labels)


# Training -----------------------------------------------------------------------------------------------------------

Functions = tuple[Any, Any, Any]
"""The student's MLP, train_epoch and evaluate."""
FIELDS = (
    "train_loss", "test_loss", "test_accuracy", "learning_rate", "seconds",
    "label", "seed", "batch_size", "images", "device", "started_from", "ended_at",
)  # fmt: skip
CURVES = FIELDS[:3]
LAYERS = (784, 512, 128, 10)
SEEDS = 100
"""A run may have started from a network of any seed below."""
FEW = 1000
"""Images: of runs on more of them only two are made again, for one epoch each."""


def own_training(
    seen: Seen,
    own: Functions,
    sizes: tuple[int, ...],
    parameters: Arrays,
    sets: Sequence[tuple[np.ndarray, np.ndarray]],
    runs: Sequence[Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]],
    rate: float,
    batch: int,
) -> None:
    """Notes what evaluate returns for each set of (images, labels), and the parameters after each run of epochs on
    (images, labels, order)."""
    MLP, train_epoch, evaluate = own
    network = carrying(seen.part("evaluated"), MLP, sizes, parameters)
    for number, given in enumerate(sets):
        returned = run("evaluate", evaluate, network.made, *(like(network.kind, one) for one in given))
        seen[f"evaluation {number}"] = returned
    for number, epochs in enumerate(runs):
        notes = seen.part(f"trained {number}")
        network = carrying(notes, MLP, sizes, parameters)
        for x, labels, order in epochs:
            arrays = [like(network.kind, one) for one in (x, labels, order)]
            run("train_epoch", train_epoch, network.made, *arrays[:2], rate, batch_size=batch, order=arrays[2])
        network.note(notes, names=PARAMETERS)


def recorded(
    seen: Seen, found: Any, own: Functions, usual_seconds: float, problem: Sequence[Any], backends: Sequence[str],
    tests: dict[int, int], guesses: Sequence[int],
) -> None:
    """A dictionary of histories, or of lists of them, and whether the functions that are said to have made them do so.

    Notes what it holds ("keys", of each "key" by number the "type" and, if it is a list, its "length", and each
    history's fields), `own_training` on the problem under "own", and `again` of each history. backends: keys of
    histories of runs on these, the others ran on numpy; tests: numbers of test images by those of training images;
    guesses: of training images, for histories that don't tell it.
    """
    records = _records(seen, found)
    if not any(noted.rpartition("/")[2] in FIELDS for noted in seen.notes):
        return  # nothing is recorded, which is all there is to say
    with within(usual_seconds):
        own_training(seen.part("own"), own, *problem)
    trained = {record["end"] for _, _, record in records if record["end"] != record["start"]}
    starts: dict[tuple[str, Any], Any] = {}
    for number in made_again([record["images"] for _, _, record in records]):
        place, key, record = records[number]
        images = [record["images"]] if record["images"] else guesses
        on = key if key in backends else "numpy"
        again(seen.part(place).part("again"), own, record, on, tests, images, starts, trained)


def made_again(images: Sequence[int]) -> list[int]:
    """Which runs, on so many images each, are made again: all that are short, and of the others the first and the
    last."""
    many = [number for number, count in enumerate(images) if not 0 < count <= FEW]
    return [*(number for number in range(len(images)) if number not in many), *many[:1], *many[1:][-1:]]


def _records(seen: Seen, found: Any) -> list[tuple[str, Any, dict[str, Any]]]:
    """(its place, key, and what is needed to make it again) of each history that is whole."""
    seen["type"] = type(found).__name__
    whole: list[tuple[str, Any, dict[str, Any]]] = []
    if not isinstance(found, dict):
        seen["empty"] = found is None or (isinstance(found, list | tuple) and not found)
        return whole
    seen["keys"] = len(found)
    for number, (key, value) in enumerate(list(found.items())):
        notes = seen.part(number)
        notes["key"], notes["type"] = key, type(value).__name__
        runs = value if isinstance(value, list | tuple) else [value]
        if runs is value:
            notes["length"] = len(runs)
        for place, one in enumerate(runs[:SEEDS]):
            record = _history(notes.part(place), one)
            if record:
                whole.append((f"{number}/{place}", key, record))
    return whole


def _history(seen: Seen, history: Any) -> dict[str, Any] | None:
    seen["type"] = type(history).__name__
    for name in FIELDS:
        value = run(f"history.{name}", getattr, history, name, MISSING)
        if value is not MISSING:
            seen[name] = value
    noted = {name: seen.notes.get(f"{seen.before}{name}", 0) for name in FIELDS}
    try:
        curves, rates = (
            np.asarray([noted[name] for name in CURVES], dtype=float),
            np.asarray(noted["learning_rate"], dtype=float),
        )
    except (TypeError, ValueError):
        return None
    whole = all(
        isinstance(noted[name], int | np.integer) and 0 <= noted[name] < 2**63
        for name in ("seed", "batch_size", "images")
    )
    if not whole or rates.ndim != 1 or not rates.size or curves.shape != (3, rates.size):
        return None
    start, end = (noted[name] if isinstance(noted[name], str) else "" for name in ("started_from", "ended_at"))
    numbers = {name: int(noted[name]) for name in ("seed", "batch_size", "images")}
    return {"curves": curves, "rates": rates.tolist(), "start": start, "end": end, **numbers}


def agrees(found: np.ndarray, recorded: np.ndarray) -> bool:
    """Whether these first epochs are those of the record, up to the rounding of float32, which grows from step to step:
    of more than a few images there is one epoch."""
    rtol, atol = (1e-3, 1e-6) if found.shape[1] > 1 else (2e-2, 1e-2)
    return bool(np.allclose(found, recorded[: len(found), : found.shape[1]], rtol=rtol, atol=atol, equal_nan=True))


def again(
    seen: Seen, own: Functions, record: dict[str, Any], on: str, tests: dict[int, int], images: Sequence[int],
    starts: dict[tuple[str, Any], Any], trained: Collection[str],
) -> None:
    """Make the first epochs of a recorded run again, with the functions that are said to have made it.

    Notes the "start" ("found", "at random", or "unknown", of which nothing is made again), and under "0", "1", … the
    curves (3, epochs) of each try up to one that agrees; only training losses where the test images are not known.
    starts: those that were found for other records; trained: fingerprints of networks that a record ended with.
    """
    place = (on, record["start"])
    if place not in starts:
        starts[place] = _start(own[0], on, record["start"], record["seed"], trained)
    start = starts[place]
    seen["start"] = start if isinstance(start, str) else "found"
    if start == "unknown":
        return
    usual = ("float32", None)
    first = usual if isinstance(start, str) else start
    others = [] if record["start"] else [("float32", seed) for seed in sorted({0, 1, 2, record["seed"]})]
    tries = [(count, one) for count in images for one in (first, *others)]
    tries += [(images[0], usual)] * 4 if start == "at random" else []
    for number, (count, one) in enumerate(tries):
        found = _trained(own, on, one, count, tests, record)
        seen[str(number)] = found
        if agrees(found, record["curves"]):
            return


def _trained(
    own: Functions, on: str, start: tuple[str, int | None], images: int, tests: dict[int, int], record: dict[str, Any]
) -> np.ndarray:
    MLP, train_epoch, evaluate = own
    rates = record["rates"][: 2 if images <= FEW else 1]

    def curves() -> np.ndarray:
        from helpers.data import load
        from helpers.train import fit

        dtype, seed = start
        place = backend(on, dtype)
        data = load("mnist", train=images, test=tests.get(images, 1)).to(place)
        network = MLP(LAYERS, place) if seed is None else MLP(LAYERS, place, seed=seed)
        history = fit(
            network, train_epoch, evaluate, data, lr=lambda epoch: rates[epoch], epochs=len(rates),
            batch_size=record["batch_size"] or 64, seed=record["seed"], progress=False,
        )  # fmt: skip
        return np.asarray([getattr(history, name) for name in CURVES], dtype=float)

    return run("A recorded run, repeated with your own functions,", curves)[: 3 if images in tests else 1]


def _start(MLP: Any, on: str, wanted: str, seed: int, trained: Collection[str]) -> Any:
    """(dtype, seed) of the network that a run started from, no seed for the usual `MLP(LAYERS, on)`; "at random" where
    two networks of the same seed start from different weights, "unknown" where none is it, as of those that were
    `trained`."""
    first, second = (_first_weights(MLP, on, "float32", None) for _ in range(2))
    if first != second:
        return "at random"
    if not wanted or not first or wanted == first:
        return "float32", None
    for seeds in () if wanted in trained else ((0, seed, *range(1, 12)), range(12, SEEDS)):
        for dtype in ("float32", "float64"):
            for one in seeds:
                if _first_weights(MLP, on, dtype, one) == wanted:
                    return dtype, one
    return "unknown"


def _first_weights(MLP: Any, on: str, dtype: str, seed: int | None) -> str:
    """The fingerprint of a new network; "" where the class takes no seed."""

    def fingerprint() -> str:
        from helpers.train import fingerprint

        try:
            return fingerprint(
                MLP(LAYERS, backend(on, dtype)) if seed is None else MLP(LAYERS, backend(on, dtype), seed=seed)
            )
        except TypeError:
            return ""

    return str(run("MLP(sizes, backend, seed)", fingerprint))
