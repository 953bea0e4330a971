"""All that a network's next step depends on, as one dictionary of numpy arrays that can be saved and loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from helpers.backend import array_namespace, to_numpy
from helpers.errors import CourseError


def copied(values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Every value as a numpy array of its own."""
    return {name: np.array(to_numpy(value)) for name, value in values.items()}


def check_state(own: Mapping[str, Any], saved: Mapping[str, Any]) -> None:
    """A CourseError unless `saved` has the names and shapes of `own`, whose values are arrays or numbers."""
    if wrong := sorted(own.keys() ^ saved.keys()):
        which = "is missing in" if wrong[0] in own else "is not part of this network, but of"
        raise CourseError(f"{wrong[0]} {which} the saved state; load the state of the same network.")
    for name, value in own.items():
        here, there = tuple(np.shape(value)), tuple(np.shape(saved[name]))
        if here != there:
            raise CourseError(
                f"{name} has shape {there} in the saved state and {here} here; load the state of the same network."
            )


def write(array: Any, saved: Any) -> None:
    """The saved numbers into `array`, a numpy array or a tensor on any device, in place."""
    xp = array_namespace(array)
    array[...] = saved if isinstance(array, np.ndarray) else xp.asarray(saved, device=array.device)


def layer_seed(seed: int, index: int) -> list[int]:
    """Seed of the `index`-th layer with weights of a network with this seed."""
    return [seed, index]
