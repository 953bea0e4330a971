"""The chooser: it obeys limits, tries what can be tried, and remembers."""

import json

import numpy as np
import pytest

from helpers.errors import CourseError
from helpers.primitives import PAPER_LAYERS, ConvSpec, choose, conv_forward
from helpers.primitives.spec import PASSES
from helpers.timing import Timing
from tests.helpers.primitives.measured_choices import FILE, SHAPES

SPEC = ConvSpec(2, 3, 12, 12, 4, 3, 3)


@pytest.fixture(autouse=True)
def nothing_remembered():
    choose.forget()
    yield
    choose.forget()


@pytest.mark.parametrize("which", PASSES)
def test_every_algorithm_is_modelled_that_can_compute_the_pass(which):
    names = {choice.algorithm for choice in choose.modelled(SPEC, which)}
    assert names == {"direct", "im2col", "tiled", "width", "dft", "dft_width", "winograd", "shift"}
    strided = ConvSpec(2, 3, 12, 12, 4, 3, 3, 2, 2)
    assert {c.algorithm for c in choose.modelled(strided, which)} == names - {"dft", "dft_width", "winograd"}


def test_the_model_knows_what_large_filters_are_for():
    for name in ("L2", "L3", "L4"):
        for which in PASSES:
            assert choose.modelled(PAPER_LAYERS[name].with_images(8), which)[0].algorithm == "dft"
    assert choose.modelled(PAPER_LAYERS["L5"].with_images(8), "forward")[0].algorithm == "winograd"


def test_the_model_chooses_nearly_as_well_as_a_measurement():
    """The time of what it chooses over that of the fastest, as measured once; the geometric mean, and the worst."""
    ratios = []
    for shape, which, chwn, times in json.loads(FILE.read_text())["milliseconds"]:
        chosen = choose.modelled(ConvSpec(*shape), which, chwn=chwn)[0].algorithm
        ratios.append(times[chosen] / min(times.values()))
    assert len(ratios) == len(SHAPES) * len(PASSES) * 2
    assert np.exp(np.log(ratios).mean()) < 1.1
    assert max(ratios) < 2


def test_find_measures_remembers_and_forgets(monkeypatch):
    def slowest_first(runs, rounds):
        assert rounds == 3
        for function in runs.values():
            function()
        return {name: Timing(name, [1.0 - 0.1 * i]) for i, name in enumerate(runs)}

    monkeypatch.setattr(choose, "measure", slowest_first)
    by_model = choose.algorithm(SPEC, "forward", np.float32, False)
    found = choose.find(SPEC, "forward")
    assert [c.seconds for c in found] == sorted(c.seconds for c in found)
    assert choose.algorithm(SPEC, "forward", np.float32, False) == found[0].algorithm != by_model
    assert choose.algorithm(SPEC, "forward", np.float64, False) == by_model
    choose.forget()
    assert choose.algorithm(SPEC, "forward", np.float32, False) == by_model


@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("chwn", [False, True])
def test_find_runs_for_real(which, chwn):
    found = choose.find(SPEC, which, np.float64, chwn, rounds=1)
    assert len(found) > 3
    assert all(c.seconds > 0 for c in found)


def test_a_workspace_limit_is_kept_and_an_impossible_one_said():
    spec = PAPER_LAYERS["L5"].with_images(2)
    limit = 2**21
    for choice in choose.find(spec, "forward", workspace_limit=limit, rounds=1):
        assert choice.workspace <= limit
    name = choose.algorithm(spec, "forward", np.float32, False, limit)
    assert spec.workspace(name, "forward") <= limit
    padded = ConvSpec(2, 3, 12, 12, 4, 3, 3, 1, 1, 1, 1)
    with pytest.raises(CourseError, match=r"within 10 bytes of workspace; allow at least [\d,]+\."):
        conv_forward(padded, np.zeros(padded.x_shape), np.zeros(padded.w_shape), workspace_limit=10)
