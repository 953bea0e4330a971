"""What the checks of `generate` run beside the student's code. Nothing here knows a right result.

Layers and costs are imported where they are used: other assignments close these modules, and load all probes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.backend import backend
from helpers.check.core.probe import Seen, copied, is_torch, run

if TYPE_CHECKING:
    from helpers.zoo.chain import Chain

Arrays = Sequence[np.ndarray]


def random(
    seen: Seen, what: str, function: Any, cases: Sequence[tuple[Any, ...]], seed: int, inputs: Sequence[str]
) -> None:
    """What a function of (…, rng) returns for each case: "first" and "again" with generators of one seed, "other" with
    another seed, and "next" with the generator of "first" that goes on; under "first, tensors", … whether there are
    tensors among it."""
    for number, args in enumerate(cases):
        notes = seen.part(number)
        going_on = np.random.default_rng(seed)
        for name, rng in (
            ("first", going_on),
            ("next", going_on),
            ("again", np.random.default_rng(seed)),
            ("other", np.random.default_rng(seed + 1)),
        ):
            found = notes[name] = run(what, function, *copied(list(args)), rng, inputs=inputs)
            notes[f"{name}, tensors"] = isinstance(found, tuple | list) and any(map(is_torch, found))


def training_seconds(seen: Seen, function: Any, cases: Sequence[tuple[Any, ...]]) -> None:
    """Predictions for (sizes of a dense network, FLOP/s and bytes/s of a device, batch, images, epochs)."""
    from helpers.cost import Device
    from helpers.zoo.chain import Dense

    for number, (sizes, peak, bandwidth, *rest) in enumerate(cases):
        device = Device("a machine", {"float32": peak}, bandwidth, 2**40, None, "made up")
        seen[number] = run("training_seconds", function, Dense(tuple(sizes)), device, *rest)


def cd1(seen: Seen, cd1: Any, cases: Sequence[Arrays], many: Arrays, calls: int, seed: int) -> None:
    """CD-1 for each (v, weight, b, c), and so many times in a row for `many` with one generator."""
    names = ("v", "weight", "b", "c")
    rng = np.random.default_rng(seed)
    for number, case in enumerate(cases):
        seen[number] = run("cd1", cd1, *copied(list(case)), rng, inputs=names)
    for number in range(calls):
        seen.part("many")[number] = run("cd1", cd1, *copied(list(many)), rng, inputs=names)


def updates(
    seen: Seen, update: Any, parameters: Arrays, steps: Sequence[tuple[Arrays, float, float]]
) -> None:
    """Updates that follow each other, each (gradients, lr, decay): what it returned, and the arrays afterwards."""
    own = [p.copy() for p in parameters]
    for number, (gradients, lr, decay) in enumerate(steps):
        notes = seen.part(number)
        notes["returned"] = run("update", update, list(own), copied(list(gradients)), lr, decay)
        for name, value in zip(("weight", "b", "c"), own, strict=True):
            notes[name] = value


def toy(
    seen: Seen, cd1: Any, update: Any, log_likelihood: Any, v: np.ndarray, parameters: Arrays,
    steps: int, every: int, lr: float, seed: int,
) -> None:
    """Trains an RBM on v with the student's functions; "curve" has the log-likelihoods before, and every so many
    updates."""  # fmt: skip
    own, rng = [p.copy() for p in parameters], np.random.default_rng(seed)
    curve = [run("log_likelihood", log_likelihood, v, *own)]
    for step in range(1, steps + 1):
        run("update", update, own, run("cd1", cd1, v, *own, rng), lr, 0.0)
        if step % every == 0:
            curve.append(run("log_likelihood", log_likelihood, v, *own))
    seen["curve"] = curve


class Optimiser:
    """Plain gradient descent that counts its steps."""

    def __init__(self, layers: Sequence[Any]) -> None:
        from helpers.nn import SGD

        self.own, self.rates = SGD(layers), list[Any]()

    def step(self, lr: Any) -> None:
        self.rates.append(lr)
        self.own.step(lr)


def network(sizes: Sequence[int], parameters: Arrays, pack: int = 1) -> Chain:
    """Linear layers and ReLUs with these parameters, (weight, bias, weight, …), float64."""
    from helpers.zoo.chain import Chain, Pack, dense

    made = dense(sizes, backend("numpy", "float64"), 0)
    for number, layer in enumerate(made.layers[::2]):
        layer.weight[...], layer.bias[...] = parameters[2 * number], parameters[2 * number + 1]
    return Chain(Pack(pack), *made.layers) if pack > 1 else made


def parameters(made: Chain) -> list[np.ndarray]:
    return [array for layer in made.layers if hasattr(layer, "weight") for array in (layer.weight, layer.bias)]


def gan_steps(
    seen: Seen, what: str, function: Any, of_generator: bool, cases: Sequence[dict[str, Any]]
) -> None:
    """Steps of one network that follow each other: what each returned, the parameters of both afterwards, and the
    rates with which the optimiser was called; under "given" the input of the generator's last forward. A case: "sizes"
    and "parameters" of both, "pack", and "steps", each (…, lr) as the function takes them."""
    for number, case in enumerate(cases):
        notes = seen.part(number)
        discriminator = network(case["sizes"][0], case["parameters"][0], case["pack"])
        generator = network(case["sizes"][1], case["parameters"][1])
        optimiser = Optimiser((generator if of_generator else discriminator).layers)
        for step, given in enumerate(case["steps"]):
            after = notes.part(step)
            optimiser.rates.clear()
            inputs = ("discriminator", "generator", "optimiser", *(("noise",) if of_generator else ("real", "noise")))
            after["returned"] = run(what, function, discriminator, generator, optimiser, *copied(list(given)),
                                    inputs=inputs)  # fmt: skip
            after["rates"] = list(optimiser.rates)
            after["given"] = getattr(generator.layers[0], "_input", None)
            after["discriminator"], after["generator"] = parameters(discriminator), parameters(generator)
