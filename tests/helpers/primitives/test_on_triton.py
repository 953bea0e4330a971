"""The Triton kernels against PyTorch in float64: in Triton's interpreter on the CPU, and natively where there is a GPU.

Triton decides when it is loaded whether it interprets, and another test may have loaded it. So this file runs itself as
a program in a process of its own, once, and the tests read what it found.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from helpers.backend import cuda_available
from helpers.errors import CourseError
from helpers.primitives.spec import ConvSpec

ROOT = Path(__file__).parents[3]
PASSES = ("forward", "backward_data", "backward_filter")

CASES = {
    "sizes that all differ": (ConvSpec(3, 2, 9, 8, 5, 3, 4, 2, 3, 1, 2), "contiguous", "float32"),
    "channels_last": (ConvSpec(2, 3, 7, 10, 4, 3, 2, 1, 2, 1, 0), "channels_last", "float32"),
    "strided views": (ConvSpec(2, 3, 8, 11, 4, 2, 3, 3, 1, 0, 1), "strided", "float32"),
    "float64": (ConvSpec(3, 2, 9, 7, 5, 4, 3, 3, 2, 2, 1), "strided", "float64"),
    "strides 1 and 3": (ConvSpec(2, 4, 6, 13, 3, 2, 5, 1, 3, 0, 2), "contiguous", "float32"),
    "stride larger than the filter": (ConvSpec(2, 5, 7, 6, 3, 1, 2, 3, 4), "contiguous", "float32"),
    "phases without a pixel": (ConvSpec(2, 3, 2, 1, 4, 2, 3, 3, 2, 1, 1), "contiguous", "float32"),
    "pixels that no window meets": (ConvSpec(1, 2, 10, 9, 3, 3, 2, 4, 3), "channels_last", "float32"),
    "padding as wide as the filter": (ConvSpec(2, 3, 5, 4, 2, 2, 1, 1, 1, 2, 2), "contiguous", "float64"),
    "one pixel, one channel, one filter": (ConvSpec(1, 1, 1, 1, 1, 1, 1), "contiguous", "float32"),
    "size-1 axes": (ConvSpec(1, 7, 1, 12, 1, 1, 5, 1, 2, 0, 1), "strided", "float32"),
    "several tiles every way": (ConvSpec(3, 3, 11, 9, 37, 5, 4, 1, 1, 2, 1), "contiguous", "float32"),
    "whole tiles of channels": (ConvSpec(1, 64, 6, 7, 32, 3, 2, 2, 1, 1, 0), "channels_last", "float32"),
    "more filters than a tile": (ConvSpec(1, 33, 5, 4, 65, 2, 2), "contiguous", "float32"),
}


def run_case(spec, layout, dtype, device, **options):
    """For each pass, by how much the largest error exceeds what rounding explains (at most 1 if all is right)."""
    import torch

    from helpers.primitives import on_triton

    torch.manual_seed(hash(spec) % 1000)
    x, w, dy = (arrange(torch.randn(s, dtype=torch.float64), layout, dtype, device)
                for s in (spec.x_shape, spec.w_shape, spec.y_shape))  # fmt: skip
    found = {}
    for name, one, other in (("forward", x, w), ("backward_data", dy, w), ("backward_filter", x, dy)):
        before = one.clone(), other.clone()
        result = getattr(on_triton, name)(spec, one, other, **options)
        assert torch.equal(one, before[0])
        assert torch.equal(other, before[1])
        assert result.dtype == one.dtype
        assert result.device == one.device
        right = reference(name, spec, one, other)
        # Each number is a sum of products, and rounding is in proportion to the sum of their sizes.
        size = reference(name, spec, one.abs(), other.abs())
        assert result.shape == right.shape
        excess = (result.double() - right).abs() / (size * 16 * torch.finfo(one.dtype).eps + 1e-300)
        found[name] = float(excess.max())
    return found


def arrange(tensor, layout, dtype, device):
    import torch

    tensor = tensor.to(device, getattr(torch, dtype))
    if layout == "channels_last":
        return tensor.contiguous(memory_format=torch.channels_last)
    if layout == "strided":  # neither starts at its storage's beginning nor lies in the order of its axes
        n, c, h, w = tensor.shape
        room = torch.full((w, h + 1, n + 1, 2 * c), float("nan"), dtype=tensor.dtype, device=device)
        view = room.permute(2, 3, 1, 0)[1:, 1::2, :-1]
        view.copy_(tensor)
        return view
    return tensor


def reference(name, spec, one, other):
    """The pass in float64 by autograd, which shares nothing with our code."""
    import torch

    one, other = one.double(), other.double()
    x = (one if name != "backward_data" else torch.zeros(spec.x_shape, dtype=one.dtype, device=one.device)).clone()
    w = (other if name != "backward_filter" else torch.zeros(spec.w_shape, dtype=one.dtype, device=one.device)).clone()
    x.requires_grad_(), w.requires_grad_()
    y = torch.nn.functional.conv2d(x, w, stride=(spec.u, spec.v), padding=(spec.pad_h, spec.pad_w))
    if name == "forward":
        return y.detach()
    return torch.autograd.grad(y, x if name == "backward_data" else w, one if name == "backward_data" else other)[0]


def program() -> None:
    """All cases in the interpreter; prints one JSON object."""
    import torch

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)  # fills fresh tensors with NaN, so that a number never written shows
    found = {name: run_case(*case, "cpu") for name, case in CASES.items()}
    for splits in (1, 2, 7):
        found[f"in {splits} parts"] = run_splits(splits)
    print(json.dumps(found))


def run_splits(splits):
    import torch

    from helpers.primitives import on_triton

    spec = ConvSpec(3, 2, 9, 8, 5, 2, 3, 1, 1, 1, 0)
    x, dy = torch.randn(spec.x_shape), torch.randn(spec.y_shape)
    right = reference("backward_filter", spec, x, dy)
    return float((on_triton.backward_filter(spec, x, dy, splits=splits) - right).abs().max())


@pytest.fixture(scope="module")
def interpreted():
    if find_spec("triton") is None:
        pytest.skip("Triton is not installed (it exists for Linux on x86-64 alone)")
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, __file__], capture_output=True, text=True, cwd=ROOT, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("case", CASES)
def test_the_kernels_are_right_in_the_interpreter(interpreted, case):
    assert set(interpreted[case]) == set(PASSES)
    assert all(excess <= 1 for excess in interpreted[case].values()), interpreted[case]


@pytest.mark.parametrize("splits", [1, 2, 7])
def test_the_filter_gradient_may_be_summed_in_parts(interpreted, splits):
    assert interpreted[f"in {splits} parts"] < 1e-4


needs_gpu = pytest.mark.skipif(not cuda_available(), reason="no CUDA GPU here; the interpreter covers the arithmetic")


@needs_gpu
@pytest.mark.parametrize("case", CASES)
def test_the_kernels_are_right_on_the_gpu(case):
    excess = run_case(*CASES[case], "cuda", tune=False)
    assert all(value <= 1 for value in excess.values()), excess


@needs_gpu
@pytest.mark.parametrize("precision", ["ieee", "tf32x3", "tf32"])
def test_each_precision_is_as_exact_as_its_name(precision):
    spec = ConvSpec(4, 64, 14, 13, 96, 3, 3, 1, 1, 1, 1)
    excess = run_case(spec, "channels_last", "float32", "cuda", precision=precision)
    allowed = {"ieee": 1, "tf32x3": 4, "tf32": 2**13}[precision]
    assert all(value <= allowed for value in excess.values()), excess
    if precision == "tf32":
        assert min(excess.values()) > 4, "this is no TF32"


@needs_gpu
def test_a_tuned_product_is_right_on_the_gpu():
    excess = run_case(ConvSpec(8, 32, 20, 22, 48, 3, 3, 2, 2, 1, 1), "channels_last", "float32", "cuda", tune=True)
    assert all(value <= 1 for value in excess.values()), excess


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
def test_without_a_gpu_one_sentence_says_what_to_do():
    import torch

    from helpers.primitives import on_triton

    spec = ConvSpec(1, 1, 3, 3, 1, 2, 2)
    with pytest.raises(CourseError, match=r"needs an NVIDIA GPU and this tensor is on cpu; .*TRITON_INTERPRET"):
        on_triton.forward(spec, torch.ones(spec.x_shape), torch.ones(spec.w_shape))


def test_without_triton_one_sentence_says_what_to_do(monkeypatch):
    import torch

    from helpers.primitives import on_triton

    monkeypatch.setitem(sys.modules, "helpers.primitives.triton_kernels", None)
    monkeypatch.delattr("helpers.primitives.triton_kernels", raising=False)
    spec = ConvSpec(1, 1, 3, 3, 1, 2, 2)
    with pytest.raises(CourseError, match="Triton is not installed; install triton"):
        on_triton.backward_data(spec, torch.ones(spec.y_shape), torch.ones(spec.w_shape))


def test_what_the_kernels_cannot_do_is_said():
    import torch

    from helpers.primitives import on_triton

    spec = ConvSpec(1, 1, 3, 3, 1, 2, 2)
    x, w = torch.ones(spec.x_shape), torch.ones(spec.w_shape)
    with pytest.raises(CourseError, match=r"no precision 'tf23' \(did you mean 'tf32'\?\)"):
        on_triton.forward(spec, x, w, precision="tf23")
    with pytest.raises(CourseError, match="w has shape"):
        on_triton.forward(spec, x, x)
    vast = ConvSpec(2**16, 1, 2**8, 2**8, 1, 1, 1)
    with pytest.raises(CourseError, match=r"x spans 4,294,967,295 numbers .* take fewer images at a time"):
        on_triton.forward(vast, torch.empty(vast.x_shape, device="meta"), torch.empty(vast.w_shape, device="meta"))


if __name__ == "__main__":
    program()
