"""Which types of the course's package travel by value, and what a student's process may ask of a check's objects."""

from __future__ import annotations

import decimal
import fractions
import importlib
import sys
from typing import Any

_NUMBERS = ("i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8", "f16", "c8", "c16", "c32")
DTYPES = frozenset(["|b1", "|i1", "|u1", *(order + number for order in "<>" for number in _NUMBERS)])
"""Types of numbers that an array may have, as numpy writes them. No objects, text or records."""

_FLOATS = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")
TENSORS = frozenset(["bool", "uint8", "int8", "int16", "int32", "int64", *_FLOATS])

RECORDS = frozenset(
    [
        "helpers.check.cnn_learning.sizes:Size",
        "helpers.check.core.probe:Odd",
        "helpers.data.dataset:Dataset",
        "helpers.data.split:Split",
        "helpers.primitives.pooling:PoolSpec",
        "helpers.primitives.spec:ConvSpec",
        "helpers.study.cnn_learning.runs:Final",
        "helpers.study.cnn_learning.runs:Plateau",
        "helpers.study.cnn_runtime.fits:Fit",
        "helpers.study.cnn_runtime.student_t:Interval",
        "helpers.study.cnn_runtime.point:Point",
        "helpers.timing:Timing",
        "helpers.train.history:History",
        "helpers.train.sizes:Size",
        "types:SimpleNamespace",
    ]
)
"""Classes whose instances are nothing but their fields: they are made anew on the other side, without `__init__`."""

TEXTS = frozenset(["helpers.check.cnn_runtime.machine:Device"])
"""Kinds of text with methods of their own."""

HARMLESS = {
    "helpers.check.cnn_runtime.machine:Loss": frozenset({"device", "item", "detach", "cpu", "__float__", "__repr__"})
}
"""Of these objects of a check a student's process may ask these attributes, and of no others any."""

_BUILTINS = ("bool", "int", "float", "complex", "str", "bytes", "list", "tuple", "dict", "set", "object", "type")
_NUMPY = ("bool", "int8", "int16", "int32", "int64", "uint8", "float16", "float32", "float64", "complex128", "ndarray")
CONSTANTS = frozenset([f"builtins:{name}" for name in _BUILTINS] + [f"numpy:{name}" for name in _NUMPY])
"""Types that arrive as themselves."""


LONGEST_NUMBER = 4_300
"""Characters of a number that travels as text: of an int's hexadecimal digits, of a Decimal."""
LARGEST_EXPONENT = 10_000
LONGEST_RANGE = 1_000_000


def moderate(value: int | range | fractions.Fraction | decimal.Decimal) -> bool:
    """Whether a number or range is one that a check may compute with; others are only named."""
    if isinstance(value, int):
        return value.bit_length() <= 4 * (LONGEST_NUMBER - 3)
    if isinstance(value, fractions.Fraction):
        return moderate(value.numerator) and moderate(value.denominator)
    if isinstance(value, range):
        ends = max(map(abs, (value.start, value.stop, value.step))) < 1 << 63
        return ends and len(value) <= LONGEST_RANGE
    exponent = value.as_tuple().exponent
    return not isinstance(exponent, int) or (
        max(abs(exponent), abs(value.adjusted())) <= LARGEST_EXPONENT and len(str(value)) <= LONGEST_NUMBER
    )


def name_of(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def find(name: str) -> Any:
    """What `module:name` says; only for names out of the sets above."""
    module, _, inner = name.partition(":")
    return getattr(sys.modules.get(module) or importlib.import_module(module), inner)


def fields_of(cls: type) -> frozenset[str] | None:
    """The names that a record may have; None where any will do."""
    return frozenset(getattr(cls, "__dataclass_fields__", ())) or None
