"""The GPU benchmark: what it reports, and that it times nothing wrong. Only its clock needs a GPU."""

from __future__ import annotations

import pytest

from helpers.backend import cuda_available
from helpers.bench import gpu_conv
from helpers.bench.result import WrongResult
from helpers.errors import CourseError
from helpers.primitives import PASSES, ConvSpec

SPEC = ConvSpec(2, 3, 9, 8, 5, 3, 2, 1, 1)


@pytest.fixture
def stand_in(monkeypatch):
    """The library in the kernels' place, which take GPUs."""
    from helpers.primitives import on_triton, torch_library

    def replace(change=lambda result: result):
        for which in PASSES:
            name = which.replace("-", "_")
            function = getattr(torch_library, name)
            monkeypatch.setattr(
                on_triton, name, lambda spec, one, other, precision, f=function: change(f(spec, one, other))
            )

    return replace


def clock_of(*milliseconds):
    times = iter(milliseconds)

    def clock(function):
        function()
        middle = next(times)
        return [middle - 1, middle, middle + 3]

    return clock


@pytest.mark.parametrize("which", PASSES)
def test_each_side_counts_in_the_layout_that_suits_it(stand_in, which):
    stand_in()
    # in turn: channels_last with Triton and cuDNN, then contiguous with both
    result = gpu_conv.one("L0", SPEC, which, "tf32", "cpu", clock_of(6.0, 4.0, 3.0, 8.0))
    assert (result.ours, result.other, result.ratio, result.unit, result.goal) == (3, 4, 0.75, "ms", 1.1)
    assert result.spread["layouts"] == {
        "Triton": {"channels_last": 6, "contiguous": 3},
        "cuDNN": {"channels_last": 4, "contiguous": 8},
    }
    assert result.spread["teraflops"]["ours"] == pytest.approx(SPEC.flops / 3e-3 / 1e12)
    assert result.spread["ours"]["min"] == 2
    assert result.spread["other"]["max"] == 7
    assert result.repetitions == 3
    assert f"L0 {which}, N = 2, TF32" in result.as_line()


def test_a_wrong_kernel_is_not_timed(stand_in):
    stand_in(lambda result: result * 1.02)
    with pytest.raises(WrongResult, match=r"Triton is off by .* in L0 forward, TF32"):
        gpu_conv.one("L0", SPEC, "forward", "tf32", "cpu", lambda function: pytest.fail("it was timed"))


def test_float32_must_be_float32(stand_in):
    stand_in(lambda result: result * 1.001)  # as far off as TF32 may be
    gpu_conv.one("L0", SPEC, "forward", "tf32", "cpu", clock_of(1.0, 1.0, 1.0, 1.0))
    with pytest.raises(WrongResult, match="float32"):
        gpu_conv.one("L0", SPEC, "forward", "ieee", "cpu", clock_of(1.0, 1.0, 1.0, 1.0))


@pytest.mark.skipif(cuda_available(), reason="this machine has a GPU")
def test_without_a_gpu_one_sentence_says_so():
    with pytest.raises(CourseError, match="needs an NVIDIA GPU, and PyTorch sees none here"):
        gpu_conv.bench()


@pytest.mark.skipif(not cuda_available(), reason="no CUDA GPU here")
def test_a_small_run_on_the_gpu():
    results = list(gpu_conv.bench(("L5",), images=4, milliseconds=5))
    assert len(results) == 6
    assert all(result.ours > 0 and result.other and result.environment["gpu"] for result in results)
