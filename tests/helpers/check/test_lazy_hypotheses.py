"""What only a wrong result needs is not made for a right one."""

import numpy as np
import pytest

from helpers.check.core.compare import Hypothesis, explained, verify
from helpers.check.core.report import Mistake

RIGHT = np.array([1.0, -2.0, 3.5])


def test_functions_are_called_where_the_result_is_wrong_and_only_there():
    made = []

    def hypotheses():
        made.append("hypotheses")
        return [Hypothesis("squared", RIGHT**2, "It is squared.")]

    def numerical():
        made.append("numerical")
        return RIGHT + 0.25

    verify(RIGHT.copy(), RIGHT, "it", hypotheses, {}, numerical)
    assert not made
    with pytest.raises(Mistake, match="It is squared") as caught:
        verify(RIGHT**2, RIGHT, "it", hypotheses, {}, numerical)
    assert (caught.value.name, made) == ("squared", ["hypotheses"])
    with pytest.raises(Mistake, match=r"finite differences give 3\.75"):
        verify(np.add(RIGHT, [0, 0, 1]), RIGHT, "it", hypotheses, {}, numerical)
    assert made == ["hypotheses", "hypotheses", "numerical"]


def test_a_mistake_that_is_impossible_here_explains_nothing():
    def impossible():
        return np.linalg.inv(np.zeros((2, 2)))

    found = explained(3.0, [Hypothesis("impossible", impossible, "No."), Hypothesis("three", 3.0, "Yes.")], np.isclose)
    assert (found.name, found.message) == ("three", "Yes.")
