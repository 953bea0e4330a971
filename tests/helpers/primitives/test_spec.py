"""ConvSpec: geometry, what it counts, and its refusals."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.errors import CourseError
from helpers.primitives import PAPER_LAYERS, ConvSpec
from helpers.primitives.registry import NAMES


@given(st.integers(1, 60), st.integers(1, 12), st.integers(1, 5), st.integers(0, 6))
def test_output_size_is_equation_1_and_counts_the_windows(size, window, stride, pad):
    if window > size + 2 * pad:
        return
    spec = ConvSpec(1, 1, size, size, 1, window, window, stride, stride, pad, pad)
    assert math.ceil((size - window + 1 + 2 * pad) / stride) == spec.P
    assert len(range(0, size + 2 * pad - window + 1, stride)) == spec.P == spec.Q


def test_the_papers_layers_cost_what_the_paper_says():
    gflop = {name: spec.flops / 1e9 for name, spec in PAPER_LAYERS.items()}
    assert [round(value, 1) for value in gflop.values()] == [124.2, 799.1, 195.7, 20.6, 13.7]
    mib = {name: round(spec.lowered_bytes() / 2**20) for name, spec in PAPER_LAYERS.items()}
    assert mib == {"L1": 2468, "L2": 11907, "L3": 2916, "L4": 306, "L5": 68}


def test_counts_of_figure_1():
    spec = ConvSpec(1, 3, 3, 3, 2, 2, 2)
    assert spec.lowered_shape == (12, 4)
    assert (spec.x_shape, spec.w_shape, spec.y_shape) == ((1, 3, 3, 3), (2, 3, 2, 2), (1, 2, 2, 2))
    assert spec.flops == 2 * 2 * 12 * 4
    assert spec.bytes_moved() == 4 * (27 + 24 + 8)
    assert spec.intensity(8) == spec.flops / (8 * (27 + 24 + 8))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"N": 0}, "N=0 is not a size; give a whole number of at least 1."),
        ({"u": 0}, "u=0 is not a size"),
        ({"pad_w": -1}, "pad_w=-1 is not a size; give a whole number of at least 0."),
        ({"C": 2.5}, "C=2.5 is not a size"),
        ({"K": True}, "K=True is not a size"),
        ({"H": "nine"}, "H='nine' is not a size"),
        ({"S": float("nan")}, "S=nan is not a size"),
        ({"R": 12}, "R=12 is larger than H + 2·pad_h = 11"),
        ({"S": 14}, "S=14 is larger than W + 2·pad_w = 13"),
    ],
)
def test_what_is_no_convolution_is_refused_in_one_sentence(change, words):
    fields = {"N": 2, "C": 3, "H": 9, "W": 11, "K": 4, "R": 3, "S": 3, "u": 1, "v": 1, "pad_h": 1, "pad_w": 1}
    with pytest.raises(CourseError, match=r"^[^\n]+\.$") as caught:
        ConvSpec(**{**fields, **change})
    assert words in str(caught.value)


def test_a_spec_of_arrays():
    import numpy as np

    x, w = np.zeros((2, 3, 9, 8)), np.zeros((4, 3, 3, 2))
    assert ConvSpec.of(x, w, stride=(2, 1), padding=1) == ConvSpec(2, 3, 9, 8, 4, 3, 2, 2, 1, 1, 1)
    with pytest.raises(CourseError, match="3 channels and the filters 5"):
        ConvSpec.of(x, np.zeros((4, 5, 3, 2)))
    with pytest.raises(CourseError, match="four axes"):
        ConvSpec.of(x[0], w)
    with pytest.raises(CourseError, match="not a pair"):
        ConvSpec.of(x, w, stride=(1, 1, 1))


def test_whole_floats_and_numpy_numbers_are_sizes():
    import numpy as np

    spec = ConvSpec(np.int64(2), 3.0, 9, 9, 4, 3, 3)
    assert (type(spec.N), type(spec.C)) == (int, int)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("which", ["forward", "backward-data", "backward-filter"])
def test_workspace_is_a_number_for_every_algorithm(name, which):
    spec = PAPER_LAYERS["L5"].with_images(2)
    assert spec.workspace(name, which, 8) >= spec.workspace(name, which) >= 0
    assert (spec.workspace(name, which) == 0) == (name == "direct")


def test_unknown_pass_and_algorithm():
    spec = PAPER_LAYERS["L5"]
    with pytest.raises(CourseError, match="did you mean 'backward-data'"):
        spec.workspace("im2col", "backward_data")
    with pytest.raises(CourseError, match="did you mean 'winograd'"):
        spec.workspace("winogard")
