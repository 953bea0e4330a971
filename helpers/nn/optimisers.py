"""Optimisers: SGD, momentum, Rprop and Adam, on numpy arrays and torch tensors, in place.

An optimiser is made with the layers that it trains. After forward and backward, `step(lr)` changes their parameters
once. A layer is anything that has `parameters()` and `gradients()`, lists of (name, array) in one order, or `weight`,
`bias`, `grad_weight` and `grad_bias`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from helpers.backend import array_namespace
from helpers.errors import CourseError

NAMES = ("weight", "bias")


class Optimiser:
    """What all four share: walking over the parameters, and a state that can be saved.

    `slots` names the arrays that the rule keeps beside each parameter, of its shape and zero at first; `steps` counts
    the steps taken. `step(lr)` raises a CourseError before the first backward and for a rate that is no positive
    finite number.
    """

    slots: tuple[str, ...] = ()

    def __init__(self, layers: Iterable[Any]) -> None:
        self.layers = list(layers)
        self.steps = 0
        self._slots: dict[str, list[Any]] = {}
        parameters = named_parameters(self.layers)
        if not parameters:
            raise CourseError("These layers have no parameters to train; give the optimiser at least one that has.")
        for name, parameter in parameters:
            self._slots[name] = [array_namespace(parameter).zeros_like(parameter) for _ in self.slots]

    def step(self, lr: float) -> None:
        """Takes one step along the gradients that the layers' backward has kept."""
        if not (isinstance(lr, int | float) and math.isfinite(lr) and lr > 0):
            raise CourseError(f"lr={lr!r} is not usable; give a positive finite number.")
        pairs = parameters_and_gradients(self.layers)
        self.steps += 1
        for name, parameter, gradient in pairs:
            self._change(parameter, gradient, lr, *self._slots[name])

    def _change(self, parameter: Any, gradient: Any, lr: float, *slots: Any) -> None:
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """All that the next step depends on: {"steps": t, "0.weight.velocity": array, …}, to be saved and loaded."""
        arrays = {f"{name}.{slot}": a for name, slot, a in self._each()}
        return {"steps": self.steps, **arrays}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `state` returned, copied into this optimiser's own arrays.

        Raises CourseError, and changes nothing, if a name is missing or left over or a shape differs.
        """
        own = {"steps": None, **{f"{name}.{slot}": a for name, slot, a in self._each()}}
        if wrong := sorted(own.keys() ^ state.keys()):
            raise CourseError(f"The saved state does not fit this optimiser, first at {wrong[0]!r}; load its own.")
        for name, array in own.items():
            if array is not None and tuple(state[name].shape) != tuple(array.shape):
                raise CourseError(
                    f"{name} has shape {tuple(state[name].shape)} in the saved state and {tuple(array.shape)} here; "
                    "load the state of the same network."
                )
        self.steps = int(state["steps"])
        for name, array in own.items():
            if array is not None:
                saved, xp = state[name], array_namespace(array)
                array[...] = saved if type(saved) is type(array) else xp.asarray(saved, device=array.device)

    def _each(self) -> list[tuple[str, str, Any]]:
        return [(name, slot, a) for name, own in self._slots.items() for slot, a in zip(self.slots, own, strict=True)]


class SGD(Optimiser):
    """w ← w − lr·g."""

    def _change(self, parameter: Any, gradient: Any, lr: float, *slots: Any) -> None:
        parameter -= lr * gradient


class Momentum(Optimiser):
    """v ← momentum·v + g; w ← w − lr·v, with v = 0 at first (Polyak 1964, written as PyTorch does).

    The rate stands outside v, so that a schedule also changes the weight of past gradients.
    """

    slots = ("velocity",)

    def __init__(self, layers: Iterable[Any], momentum: float = 0.9) -> None:
        super().__init__(layers)
        _check_fraction("momentum", momentum)
        self.momentum = momentum

    def _change(self, parameter: Any, gradient: Any, lr: float, *slots: Any) -> None:
        (velocity,) = slots
        velocity *= self.momentum
        velocity += gradient
        parameter -= lr * velocity


class Rprop(Optimiser):
    """Resilient propagation: every weight has a step of its own, and only the sign of its gradient counts.

    Riedmiller and Braun, *A Direct Adaptive Method for Faster Backpropagation Learning: The RPROP Algorithm* (1993).
    The step grows by `grow` while the sign stays, and shrinks by `shrink` where it changes; there, the last change is
    taken back and the next step keeps its size. With backtrack=False the weight stands still instead, as in
    `torch.optim.Rprop` (iRprop⁻ of Igel and Hüsken 2003).

    The rule is meant for the gradient of the whole training set: signs of small batches change by chance. `lr` is the
    size of the first step (the paper: 0.1), read by the first `step` only; afterwards the rule finds its own.
    """

    slots = ("size", "last_gradient", "last_change")

    def __init__(
        self,
        layers: Iterable[Any],
        shrink: float = 0.5,
        grow: float = 1.2,
        smallest: float = 1e-6,
        largest: float = 50.0,
        backtrack: bool = True,
    ) -> None:
        super().__init__(layers)
        if not 0 < shrink < 1 < grow < math.inf:
            raise CourseError(f"shrink={shrink} and grow={grow} are not usable; take 0 < shrink < 1 < grow.")
        if not 0 < smallest < largest < math.inf:
            raise CourseError(
                f"smallest={smallest} and largest={largest} are not limits of a step; take 0 < smallest < largest."
            )
        self.shrink, self.grow, self.backtrack = shrink, grow, backtrack
        self.smallest, self.largest = smallest, largest

    def _change(self, parameter: Any, gradient: Any, lr: float, *slots: Any) -> None:
        size, last_gradient, last_change = slots
        xp = array_namespace(parameter)
        if self.steps == 1:
            size[...] = lr
        agreement = xp.sign(gradient) * xp.sign(last_gradient)
        turned = agreement < 0
        grown = xp.where(agreement > 0, size * self.grow, size)
        size[...] = xp.clip(xp.where(turned, size * self.shrink, grown), self.smallest, self.largest)
        # A gradient of zero, kept in place of the one that turned, keeps the next step from shrinking again.
        last_gradient[...] = xp.where(turned, xp.zeros_like(gradient), gradient)
        change = -xp.sign(last_gradient) * size
        last_change[...] = xp.where(turned, -last_change, change) if self.backtrack else change
        parameter += last_change


class Adam(Optimiser):
    """w ← w − lr·m̂/(√v̂ + epsilon), with running means m of g and v of g², corrected for their start at zero.

    m ← beta1·m + (1 − beta1)·g, v ← beta2·v + (1 − beta2)·g², m̂ = m/(1 − beta1^t), v̂ = v/(1 − beta2^t). Kingma and
    Ba, *Adam: A Method for Stochastic Optimization* (2015), algorithm 1.
    """

    slots = ("mean", "mean_of_squares")

    def __init__(self, layers: Iterable[Any], beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> None:
        super().__init__(layers)
        _check_fraction("beta1", beta1)
        _check_fraction("beta2", beta2)
        if not 0 < epsilon < math.inf:
            raise CourseError(f"epsilon={epsilon} is not usable; give a positive finite number.")
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def _change(self, parameter: Any, gradient: Any, lr: float, *slots: Any) -> None:
        mean, squares = slots
        mean *= self.beta1
        mean += (1 - self.beta1) * gradient
        squares *= self.beta2
        squares += (1 - self.beta2) * (gradient * gradient)
        unbiased = squares / (1 - self.beta2**self.steps)
        root = array_namespace(parameter).sqrt(unbiased) + self.epsilon
        parameter -= (lr / (1 - self.beta1**self.steps)) * mean / root


def named_parameters(layers: Iterable[Any]) -> list[tuple[str, Any]]:
    """("0.weight", array), … of all layers that have parameters; the number is the layer's place."""
    return [(f"{i}.{name}", a) for i, layer in enumerate(layers) for name, a in _of(layer, "parameters", "")]


def parameters_and_gradients(layers: Iterable[Any]) -> list[tuple[str, Any, Any]]:
    """(name, parameter, gradient) of all layers; a CourseError if a gradient is missing or has another shape."""
    layers = list(layers)
    gradients = [g for layer in layers for _, g in _of(layer, "gradients", "grad_")]
    triples = [(name, p, g) for (name, p), g in zip(named_parameters(layers), gradients, strict=True)]
    for name, parameter, gradient in triples:
        if gradient is None:
            raise CourseError(f"{name} has no gradient yet; call forward and backward before a step.")
        if tuple(gradient.shape) != tuple(parameter.shape):
            raise CourseError(
                f"The gradient of {name} has shape {tuple(gradient.shape)} and the parameter {tuple(parameter.shape)}; "
                "they must have the same."
            )
    return triples


def _of(layer: Any, method: str, prefix: str) -> list[tuple[str, Any]]:
    if hasattr(layer, method):
        return getattr(layer, method)()
    return [(name, getattr(layer, prefix + name)) for name in NAMES if hasattr(layer, name)]


def _check_fraction(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise CourseError(f"{name}={value} is not usable; give a number from 0 to below 1.")
