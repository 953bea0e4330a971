"""Checks that a student's code runs on any backend, and of the convention exercise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from helpers.backend import backend, cuda_available
from helpers.check.calls import attribute, call, like
from helpers.check.compare import close
from helpers.check.network import SIZES, Student, _data, _verify_net
from helpers.check.oracle import Net
from helpers.check.report import Mistake, check

CONVENTIONS = ("mean", "sum", "in_features")


@check("One convention", "E2", builds_on="your layers, loss and MLP")
def convention(rescale: Any, MLP: Any, *, seed: int = 0) -> Iterator[str]:
    """rescale turns the gradients of the mean loss into those of the sum, or of the mean ÷ in_features · N."""
    net, x, labels = _data(seed)
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
        student.forward(x)
        student.backward(labels)
        call(rescale, student.network, n, name, what="rescale")
        right = factors[name]
        _verify_net(
            student.read(("grad_weight", "grad_bias")),
            scaled(right),
            f"under {name!r}, the gradient for",
            [
                ("rescale-does-nothing", mean, f"For {name!r} the gradients are still those of the mean loss. Assign the scaled arrays back to layer.grad_weight and layer.grad_bias."),
                ("bias-forgotten", scaled(right, ones), f"For {name!r} grad_bias is not scaled; the convention concerns both gradients."),
                ("weight-forgotten", scaled(ones, right), f"For {name!r} grad_weight is not scaled; the convention concerns both gradients."),
                ("batch-factor-missing", scaled([1 / s for s in ins]), "For 'in_features' the layers hold the mean already: multiply by the batch size first, then divide by in_features. The hand-in divided the unaveraged gradient."),
                ("out-for-in", scaled([n / s for s in outs]), "Divided by out_features: weight has shape (in_features, out_features), so in_features is its first size."),
                ("divided-for-multiplied", scaled([1 / n] * 3), "For 'sum' the gradients are divided by the batch size; the sum is larger than the mean: multiply."),
            ],
            {"batch size": n},
        )
        yield f"'{name}'"


def _like_on_a_gpu(tensor: Any) -> Any:
    """A tensor that numpy can't read, as on a GPU, so that a laptop finds a stray `np.` too."""
    import torch

    class Guarded(torch.Tensor):
        def __array__(self, *args: Any, **kwargs: Any) -> Any:
            raise TypeError("a function of numpy was called with an array of another backend")

    return tensor.as_subclass(Guarded)


@check("Any backend", "Part F")
def portable(MLP: Any, train_epoch: Any, *, seed: int = 0) -> Iterator[str]:
    """The same trajectory from the same weights on numpy, PyTorch's CPU and, where there is one, a GPU."""
    net, x, labels = _data(seed)
    ends = {}
    for name in ("numpy", "torch", "cuda") if cuda_available() else ("numpy", "torch"):
        on = backend(name, "float64")
        student = Student(MLP, net, SIZES, on)
        kind = attribute(student.linears[0], "weight", "Linear")
        given = _like_on_a_gpu(on.asarray(x)) if name == "torch" else on.asarray(x) if name == "cuda" else like(kind, x)
        try:
            call(train_epoch, student.network, given, on.asarray(labels), 0.5, batch_size=3, what=f"train_epoch on {on.label}")
        except Mistake as mistake:
            if name == "numpy" or mistake.name in ("still-to-do", "never-returns"):
                raise
            raise Mistake("not-portable", f"{mistake.message} With numpy the same call works: use only operators, methods and `array_namespace(x)`, no `np.`, on arrays that come from outside.") from None
        weights = student.read().weights
        ends[name] = weights
        expected = ends["numpy"]
        if not all(close(a, b) for a, b in zip(weights, expected, strict=True)):
            raise Mistake("backends-differ", f"From the same weights {on.label} ends elsewhere than numpy after one epoch of three small batches.")
        if name != "numpy" and type(array_kind := student.linears[0].weight).__module__.split(".")[0] == "numpy":
            raise Mistake("left-the-backend", f"On {on.label} the weights became {type(array_kind).__name__}: somewhere the arrays are turned into numpy. The GPU would sit idle.")
        yield on.label
