"""From a description to the fastest network that can run it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from helpers.backend import Backend
from helpers.backend import backend as make_backend
from helpers.nn.fast_cnn import FastCNN

if TYPE_CHECKING:
    from helpers.nn.network import Network
    from helpers.nn.spec_model import NetworkSpec


def build(spec: NetworkSpec, backend: Backend | None = None) -> FastCNN | Network:
    """The network of a spec: FastCNN where it runs on numpy and has the form that FastCNN knows, else Network.

    Both start from the same weights and take the same steps up to rounding; backend: None for the spec's own.
    """
    backend = backend or make_backend(spec.backend)
    if backend.name == "numpy" and not FastCNN.supports(spec):
        return FastCNN.from_spec(spec, backend)
    from helpers.nn.network import Network

    return Network(spec, backend)


def steps(network: Any) -> tuple[Callable[..., float], Callable[..., tuple[float, float]]]:
    """(train_epoch, evaluate) as `helpers.train.fit` takes them, for a network that brings its own."""
    return type(network).train_epoch, type(network).evaluate
