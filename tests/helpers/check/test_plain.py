"""`plain`: what a student's objects are in the judge's hands."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from helpers.check.core.probe import Odd, plain

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (torch.device("cpu"), "cpu"),
        (torch.float32, "torch.float32"),
        (np.dtype("float32"), "float32"),
        (Path("a") / "b", "a/b"),
        (np.float32(0.5), 0.5),
        (Fraction(1, 3), Fraction(1, 3)),
        ({"device": [torch.device("cpu")]}, {"device": ["cpu"]}),
    ],
)
def test_a_value_that_is_told_by_its_name_or_number(value, expected):
    assert plain(value) == expected


@pytest.mark.parametrize("value", [len, object(), type("device", (), {"__module__": "torch", "__str__": None})()])
def test_what_is_neither_data_nor_a_known_name_stays_odd(value):
    assert isinstance(plain(value), Odd)


class Text(str):
    pass


@pytest.mark.parametrize(
    "cls", [type("device", (), {"__module__": "torch", "__str__": lambda self: Text("cpu")}), Text]
)
def test_a_name_is_a_str_and_of_no_class_of_a_student(cls):
    assert type(plain(cls())) is str
