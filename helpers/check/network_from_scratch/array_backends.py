"""Checks that a student's code runs on any backend, and of the convention exercise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.backend import backend, cuda_available, torch_or_none
from helpers.check.core.ask import ask
from helpers.check.core.cases import network_case, rates
from helpers.check.core.compare import Hypothesis, close_all, verify_all
from helpers.check.core.hypotheses.epoch import split, train
from helpers.check.core.oracle import Net
from helpers.check.core.report import Mistake, check
from helpers.check.network_from_scratch import probes
from helpers.check.network_from_scratch.mlp import given, names, network_of
from helpers.check.network_from_scratch.training import moves, other_labels

CONVENTIONS = ("mean", "sum", "in_features")


@check("One convention", "E2", builds_on="your layers, loss and MLP", after="A1 A2 A3 A4 B1")
def convention(rescale: Any, MLP: Any, *, seed: int = 0) -> Iterator[str]:
    """rescale turns the gradients of the mean loss into those of the sum, or of the mean ÷ in_features · N."""
    case = network_case(seed)
    net, n, sizes = case.net, len(case.x), case.sizes
    seen = ask(probes.rescaled, rescale, MLP, sizes, given(net), case.x, case.labels, CONVENTIONS)
    mean = net.gradients(case.x, case.labels)
    ones, ins, outs = [1.0] * 3, [float(s) for s in sizes[:-1]], [float(s) for s in sizes[1:]]
    factors = {"mean": ones, "sum": [float(n)] * 3, "in_features": [n / s for s in ins]}

    def scaled(weight_factors: list[float], bias_factors: list[float] | None = None) -> list[np.ndarray]:
        pairs = ((weight_factors, mean.weights), (bias_factors or weight_factors, mean.biases))
        return Net(*([f * g for f, g in zip(chosen, grads, strict=True)] for chosen, grads in pairs)).parameters()

    def of_some(right: list[float], some: tuple[int, ...]) -> list[np.ndarray]:
        return scaled([f if i in some else 1.0 for i, f in enumerate(right)])

    for name in CONVENTIONS:
        after, first = seen.part(name), seen.part(name)
        if not close_all(network_of(after, first, sizes).parameters(), net.parameters()):
            raise Mistake("rescale-changes-weights", f"For {name!r} rescale changed the weights. It only changes "
                          f"grad_weight and grad_bias; `update` takes the step afterwards.")
        right, got = factors[name], network_of(after, first, sizes, probes.GRADIENTS).parameters()
        before = network_of(after.part("before"), first, sizes, probes.GRADIENTS)
        if not close_all(before.parameters(), mean.parameters()) and not close_all(got, scaled(right)):
            if not all(np.isfinite(array).all() and array.any() for array in before.parameters()):
                raise Mistake("earlier-mistake",
                              "rescale can't be told right from wrong yet: some of the gradients that your network's "
                              "backward leaves are zero or not finite. "
                              "See the checks of your layers, loss and MLP first.")
            mean = before  # what is wrong there is not the fault of rescale
        by = ins if name == "in_features" else ones
        written = np.nan if name == "mean" else _factor(got, scaled([1 / s for s in by]))
        forgotten = "is not scaled; the convention concerns both gradients."
        both = "both are divided by in_features."
        already = "The layers hold the gradients of the mean loss already: leave them as they are."
        verify_all(got, scaled(right), names(f"the gradient (convention {name!r}) with respect to the {{}}", net), [
            Hypothesis("rescale-does-nothing", scaled(ones), f"For {name!r} the gradients of the network are still "
                       f"those of the mean loss. " + (
                           "rescale returns another network, a copy: change the layers of the one that is given."
                           if after["another"] else
                           "Are the scaled arrays assigned back to layer.grad_weight and layer.grad_bias, and to the "
                           "layers of the network that is given, not of a copy?")),
            Hypothesis("bias-forgotten", scaled(right, ones), f"For {name!r} grad_bias {forgotten}"),
            Hypothesis("weight-forgotten", scaled(ones, right), f"For {name!r} grad_weight {forgotten}"),
            Hypothesis("batch-factor-missing", scaled([1 / s for s in ins]), "For 'in_features' the layers hold the "
                       "mean already: multiply by the batch size first, then divide by in_features. The "
                       "convention divides the sum."),
            *(Hypothesis("some-layers-forgotten", of_some(right, some), f"For {name!r} only some of the Linear layers "
                         f"are scaled. Is there a `return` inside the loop, or a range that leaves one "
                         f"out?") for some in ((0,), (2,), (0, 1), (1, 2))),
            Hypothesis("number-written-in", scaled([n / 784] * 3), "784 is written into the code; each layer has its "
                       "own in_features, `layer.weight.shape[0]`."),
            Hypothesis("number-written-in", scaled([n / written for written in (784, 512, 128)]), "784, 512 and 128 "
                       "are written into the code; each layer has its own in_features, `layer.weight.shape[0]`."),
            Hypothesis("first-layer-for-all", scaled([n / ins[0]] * 3), "All layers are divided by the first one's "
                       "in_features; each has its own."),
            Hypothesis("multiplied-for-divided", scaled([n * s for s in ins]), "in_features is multiplied in; divide "
                       "by it."),
            Hypothesis("upside-down", scaled([s / n for s in ins]), "The factor is in_features ÷ batch size; it is the "
                       "other way round, batch size ÷ in_features."),
            Hypothesis("square-root", scaled([n / s**0.5 for s in ins]), "Divided by the square root of in_features; "
                       "divide by in_features itself."),
            Hypothesis("one-too-many", scaled([n / (s + 1) for s in ins]), "Divided by in_features + 1; the bias does "
                       "not count as an input."),
            Hypothesis("divided-by-both", scaled([n / s / o for s, o in zip(ins, outs, strict=True)]),
                       "Divided by in_features times out_features; divide by in_features alone."),
            Hypothesis("bias-differently-scaled", scaled(right, [float(n)] * 3), "Only grad_weight is divided by "
                       "in_features; grad_bias is, too."),
            Hypothesis("bias-differently-scaled", scaled(right, [n / s for s in outs]), f"grad_bias is divided by "
                       f"out_features; {both}"),
            Hypothesis("carried-on", scaled([float(f) for f in n / np.cumprod(ins)]), "Each layer is divided by the "
                       "in_features of those before it, too: the factor is changed from layer to layer. Compute it "
                       "anew for each."),
            Hypothesis("carried-on", scaled([float(f) for f in n / np.cumprod(ins[::-1])[::-1]]), "Each layer is "
                       "divided by the in_features of those behind it, too: the factor is changed from layer to layer. "
                       "Compute it anew for each."),
            *(Hypothesis("carried-on", scaled([float(f) for f in factors_so_far]), "Each layer's factor is multiplied "
                         "by those of the layers before it: one variable goes through the loop. Begin anew for each "
                         "layer.") for factors_so_far in (np.cumprod(right), np.cumprod(right[::-1])[::-1])),
            Hypothesis("out-for-in", scaled([n / s for s in outs]), "Divided by out_features: weight has shape "
                       "(in_features, out_features), so in_features is its first size."),
            Hypothesis("fractions-lost", scaled([n // s for s in ins]), "`//` drops the fraction of batch_size / "
                       "in_features; divide with `/`."),
            *([Hypothesis("divided-by-batch-size", scaled([1 / n] * 3), f"For 'mean' the gradients are divided by the "
                          f"batch size, {n}. {already}"),
               Hypothesis("multiplied-by-batch-size", scaled([float(n)] * 3), f"For 'mean' the gradients are "
                          f"multiplied by the batch size, {n}. {already}")]
              if name == "mean" else
              [Hypothesis("divided-for-multiplied", scaled([1 / n] * 3), f"For {name!r} the gradients are divided by "
                          f"the batch size; the sum is larger than the mean: multiply.")]),
            Hypothesis("number-written-in", scaled([written / s for s in by]), f"{written:g} is written into the "
                       f"code, or computed; multiply by the `batch_size` that is given."),
        ], {"batch size": n})  # fmt: skip
        yield f"'{name}'"


def _factor(got: list[np.ndarray], of: list[np.ndarray]) -> float:
    """The number that all of these arrays are multiplied by; NaN where there is none."""
    if any(a.shape != b.shape for a, b in zip(got, of, strict=True)):
        return np.nan
    dot, size = sum(float((a * b).sum()) for a, b in zip(got, of, strict=True)), sum(float((b * b).sum()) for b in of)
    return dot / size


@check("Any backend", "Part F", builds_on="your layers, loss, MLP and train_epoch", after="A1 A2 A3 A4 B1 B2")
def portable(MLP: Any, train_epoch: Any, *, seed: int = 0) -> Iterator[str]:
    """The same trajectory from the same weights on numpy, PyTorch's CPU and, where there is one, a GPU."""
    case, (lr,) = network_case(seed), rates(seed, 1)
    on = ("numpy", "torch", "cuda") if cuda_available() else ("numpy", "torch") if torch_or_none() else ("numpy",)
    others = other_labels(case.labels, case.sizes[-1])
    asked = (train_epoch, MLP, case.sizes, given(case.net), case.x, case.labels, lr, case.batch, on, others)
    seen = ask(probes.on_backends, *asked)
    expected: Net | None = None
    for name in on:
        label = backend(name).label
        if name != "numpy" and "made of" in seen.part(name) and seen.part(name)["made of"] == "numpy":
            raise Mistake("backend-ignored", f"MLP(sizes, backend({name!r})) has weights of numpy. Make every layer on "
                          f"the `backend` that MLP is given, and its weights with that backend's `normal` and `zeros`, "
                          f"not with `on` or numpy.")
        try:
            got = network_of(seen.part(name), seen.part(name), case.sizes)
        except Mistake as mistake:
            if expected is None or mistake.name in ("still-to-do", "never-returns"):
                raise
            method = "builtin_function_or_method" in mistake.message
            called = " (`.size` is a number in numpy and a method of PyTorch's tensors: `len(x)`, `x.shape[0]`.)"
            raise Mistake("not-portable", f"{mistake.message}{called * method} With numpy the same call works. Other "
                          f"arrays have the "
                          f"operators, but not all of numpy's functions and methods, and some with other arguments: "
                          f"on the arrays that your functions are given, take those of `xp = array_namespace(x)`, "
                          f"such as `xp.max(x, axis=1, keepdims=True)`.") from None
        if expected is None:
            expected = got
            batches = split(np.arange(len(case.x)), case.batch)
            right = [train(case.net, case.x, labels, batches, lr)[0] for labels in (case.labels, others)]
            otherwise = network_of(seen.part("other labels"), seen.part("other labels"), case.sizes)
            moves(case.net, right, [got, otherwise], "On three small batches")
        if not close_all(got.parameters(), expected.parameters()):
            raise Mistake("backends-differ", f"From the same weights {label} ends with other weights than numpy after "
                          f"one epoch of three small batches.")
        if name != "numpy" and seen.part(name)["library"] == "numpy":
            raise Mistake("left-the-backend", f"On {label} the weights became numpy arrays: somewhere the arrays are "
                          f"turned into numpy. The GPU would sit idle.")
        yield label
    if torch_or_none() is None:
        yield "numpy alone, for PyTorch is missing here; grading tries both"
