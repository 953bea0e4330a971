"""Checks that a student's code runs on any backend, and of the convention exercise."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from helpers.backend import backend, cuda_available, torch_or_none
from helpers.check.core.calls import Later, call, like
from helpers.check.core.compare import close
from helpers.check.core.limits import around
from helpers.check.core.oracle import Net
from helpers.check.core.own_training import moves
from helpers.check.core.report import Mistake, check
from helpers.check.network_from_scratch.mlp import GRADIENTS, PARAMETERS, SIZES, Student, small_problem, verify_net

CONVENTIONS = ("mean", "sum", "in_features")


@check("One convention", "E2", builds_on="your layers, loss and MLP")
def convention(rescale: Any, MLP: Any, *, seed: int = 0) -> Iterator[str]:
    """rescale turns the gradients of the mean loss into those of the sum, or of the mean ÷ in_features · N."""
    net, x, labels = small_problem(seed, 7 + seed % 5)
    n = len(x)
    mean = net.gradients(x, labels)

    def scaled(weight_factors: list[float], bias_factors: list[float] | None = None) -> Net:
        bias_factors = bias_factors or weight_factors
        return Net(
            [f * g for f, g in zip(weight_factors, mean.weights, strict=True)],
            [f * g for f, g in zip(bias_factors, mean.biases, strict=True)],
        )

    ones, ins, outs = [1.0] * 3, [float(s) for s in SIZES[:-1]], [float(s) for s in SIZES[1:]]
    factors = {"mean": ones, "sum": [float(n)] * 3, "in_features": [n / s for s in ins]}
    for name in CONVENTIONS:
        student = Student(MLP, net, SIZES)
        rescaled = Later(rescale, [student.network, n, name], "rescale")
        list(student.run(student.forward(x), student.backward(labels), rescaled, bring=student.all(*PARAMETERS, *GRADIENTS)))
        if not all(close(a, b) for a, b in zip(student.read().weights, net.weights, strict=True)):
            raise Mistake("rescale-changes-weights", f"For {name!r} rescale changed the weights. It only changes grad_weight and grad_bias; `update` takes the step afterwards.")
        right = factors[name]
        verify_net(
            student.read(GRADIENTS),
            scaled(right),
            f"the gradient (convention {name!r}) with respect to the {{}}",
            [
                ("rescale-does-nothing", mean, f"For {name!r} the gradients are still those of the mean loss. Assign the scaled arrays back to layer.grad_weight and layer.grad_bias."),
                ("bias-forgotten", scaled(right, ones), f"For {name!r} grad_bias is not scaled; the convention concerns both gradients."),
                ("weight-forgotten", scaled(ones, right), f"For {name!r} grad_weight is not scaled; the convention concerns both gradients."),
                ("batch-factor-missing", scaled([1 / s for s in ins]), "For 'in_features' the layers hold the mean already: multiply by the batch size first, then divide by in_features. The hand-in divided the unaveraged gradient."),
                *(("some-layers-forgotten", scaled([f if i in some else 1.0 for i, f in enumerate(right)]), f"For {name!r} only some of the Linear layers are scaled. Is there a `return` inside the loop, or a range that leaves one out?") for some in ((0,), (2,), (0, 1), (1, 2))),
                ("number-written-in", scaled([64.0] * 3 if name == "sum" else [64 / s for s in ins]), "64 is written into the code; multiply by the `batch_size` that is given."),
                ("number-written-in", scaled([n / 784] * 3), "784 is written into the code; each layer has its own in_features, `layer.weight.shape[0]`."),
                ("first-layer-for-all", scaled([n / ins[0]] * 3), "All layers are divided by the first one's in_features; each has its own."),
                ("multiplied-for-divided", scaled([n * s for s in ins]), "in_features is multiplied in; divide by it."),
                ("square-root", scaled([n / s**0.5 for s in ins]), "Divided by the square root of in_features; divide by in_features itself."),
                ("one-too-many", scaled([n / (s + 1) for s in ins]), "Divided by in_features + 1; the bias does not count as an input."),
                ("divided-by-both", scaled([n / s / o for s, o in zip(ins, outs, strict=True)]), "Divided by in_features times out_features; divide by in_features alone."),
                ("bias-differently-scaled", scaled(right, [float(n)] * 3), "Only grad_weight is divided by in_features; grad_bias is, too."),
                ("bias-differently-scaled", scaled(right, [n / s for s in outs]), "grad_bias is divided by out_features; both are divided by in_features."),
                ("out-for-in", scaled([n / s for s in outs]), "Divided by out_features: weight has shape (in_features, out_features), so in_features is its first size."),
                ("divided-for-multiplied", scaled([1 / n] * 3), "For 'sum' the gradients are divided by the batch size; the sum is larger than the mean: multiply."),
            ],
            {"batch size": n},
        )
        yield f"'{name}'"


@check("Any backend", "Part F")
def portable(MLP: Any, train_epoch: Any, *, seed: int = 0) -> Iterator[str]:
    """The same trajectory from the same weights on numpy, PyTorch's CPU and, where there is one, a GPU."""
    net, x, labels = small_problem(seed)
    ends = {}
    for name in ("numpy", "torch", "cuda") if cuda_available() else ("numpy", "torch") if torch_or_none() else ("numpy",):
        on = backend(name, "float64")
        student = Student(MLP, net, SIZES, on)
        given = like(student.kind, x) if name == "numpy" else on.asarray(x)
        try:
            with around("another device") if name == "torch" else contextlib.nullcontext():
                call(train_epoch, student.network, given, on.asarray(labels), 0.5, batch_size=3, what=f"train_epoch on {on.label}", bring=student.all(*PARAMETERS))
        except Mistake as mistake:
            if name == "numpy" or mistake.name in ("still-to-do", "never-returns"):
                raise
            raise Mistake("not-portable", f"{mistake.message} With numpy the same call works: use only operators, methods and `array_namespace(x)`, no `np.`, on the arrays that your functions are given.") from None
        got = student.read()
        if name == "numpy":
            trained = net.copy()
            for i in range(0, len(x), 3):
                trained.step(trained.gradients(x[i : i + 3], labels[i : i + 3]), 0.5)
            moves(net, trained, got, "On three small batches")
        weights = got.weights
        ends[name] = weights
        expected = ends["numpy"]
        if not all(close(a, b) for a, b in zip(weights, expected, strict=True)):
            raise Mistake("backends-differ", f"From the same weights {on.label} ends with other weights than numpy after one epoch of three small batches.")
        if name != "numpy" and type(array_kind := student.linears[0].weight).__module__.split(".")[0] == "numpy":
            raise Mistake("left-the-backend", f"On {on.label} the weights became {type(array_kind).__name__}: somewhere the arrays are turned into numpy. The GPU would sit idle.")
        yield on.label
    if torch_or_none() is None:
        yield "numpy alone, for PyTorch is missing here; grading tries both"
