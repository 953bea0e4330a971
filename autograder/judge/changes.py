"""Whether a value has changed: arguments that a call changed in place, and what comes a second time."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import numpy as np

_PLAIN = (type(None), bool, int, str, bytes)


def picture(value: Any) -> Any:
    """What tells later whether the value is still the same: an array's bytes, or the very parts of a container."""
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape, value.tobytes()
    if isinstance(value, dict):
        return [part for pair in value.items() for part in pair]
    if isinstance(value, list | set):
        return list(value)
    if _is_tensor(value):
        return value.detach().clone()
    return [part for pair in vars(value).items() for part in pair]


def unchanged(before: Any, value: Any) -> bool:
    now = picture(value)
    if isinstance(now, list):
        return len(now) == len(before) and all(a is b for a, b in zip(now, before, strict=True))
    if isinstance(now, tuple):
        return bool(now == before)
    torch = sys.modules["torch"]
    if now.dtype is not before.dtype or now.shape != before.shape:
        return False
    return bool((now.reshape(-1).view(torch.uint8) == before.reshape(-1).view(torch.uint8)).all())


def overwrite(value: Any, new: Any) -> None:
    """Give `value` the content of `new`, which is of the same type, as far as its kind allows."""
    if isinstance(value, np.ndarray):
        with contextlib.suppress(ValueError, TypeError):  # read-only, or of another shape
            if value.size == new.size and value.shape != new.shape:
                value.shape = new.shape
            np.copyto(value, new, casting="no")
    elif isinstance(value, list):
        value[:] = new
    elif isinstance(value, dict | set):
        value.clear()
        value.update(new)
    elif _is_tensor(value):
        torch = sys.modules["torch"]
        with contextlib.suppress(RuntimeError), torch.no_grad():
            value.copy_(new)
    else:
        for name, part in vars(new).items():
            object.__setattr__(value, name, part)


def alike(known: Any, made: Any) -> bool:
    """Whether a known object still has the content that has come."""
    if type(known) is not type(made):
        return False
    if isinstance(made, np.ndarray):
        same = known.dtype == made.dtype and known.shape == made.shape and known.strides == made.strides
        return same and known.tobytes() == made.tobytes()
    if isinstance(made, list | tuple):
        return len(known) == len(made) and all(map(_one, known, made))
    if isinstance(made, dict):
        return len(known) == len(made) and all(map(_one, known.items(), made.items()))
    if isinstance(made, set):
        return bool(known == made)
    if type(made).__module__.partition(".")[0] == "torch":
        kind = (made.dtype, made.shape, made.stride(), made.device, made.requires_grad)
        if (known.dtype, known.shape, known.stride(), known.device, known.requires_grad) != kind:
            return False
        view = sys.modules["torch"].uint8
        return bool((known.detach().reshape(-1).view(view) == made.detach().reshape(-1).view(view)).all())
    return alike(vars(known), vars(made))


def _one(known: Any, made: Any) -> bool:
    if known is made:
        return True
    if type(known) is not type(made):
        return False
    if isinstance(made, float | complex):
        return repr(known) == repr(made)
    if isinstance(made, np.generic):
        return known.dtype == made.dtype and known.tobytes() == made.tobytes()
    if isinstance(made, tuple):
        return alike(known, made)
    return type(made) in _PLAIN and bool(known == made)


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)
