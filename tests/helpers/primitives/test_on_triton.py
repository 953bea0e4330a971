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
import torch

from helpers.backend import cuda_available
from helpers.errors import CourseError
from helpers.primitives.spec import ConvSpec

ROOT = Path(__file__).parents[3]
PASSES = ("forward", "backward_data", "backward_filter")

CASES = {
    "sizes that all differ": (ConvSpec(3, 2, 9, 8, 5, 3, 4, 2, 3, 1, 2), "contiguous", "float32"),
    "channels_last": (ConvSpec(2, 3, 7, 10, 4, 3, 2, 1, 2, 1, 0), "channels_last", "float32"),
    "strided views": (ConvSpec(2, 3, 8, 11, 4, 2, 3, 3, 1, 0, 1), "strided", "float32"),
    "strided views without padding": (ConvSpec(2, 3, 8, 11, 4, 2, 3, 3, 1), "strided", "float32"),
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


def fenced(tensor, fastest):
    """The tensor with one axis the fastest in memory, and NaN before and behind it."""
    order = [axis for axis in range(4) if axis != fastest] + [fastest]
    room = torch.full((tensor.numel() + 4000,), float("nan"))
    inner = room[2000:-2000].view([tensor.shape[axis] for axis in order])
    return inner.permute([order.index(axis) for axis in range(4)]).copy_(tensor)


def arrange(tensor, layout, dtype, device):
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
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)  # fills fresh tensors with NaN, so that a number never written shows
    found = {name: run_case(*case, "cpu") for name, case in CASES.items()}
    for splits in (1, 2, 7):
        found[f"in {splits} parts"] = run_splits(splits)
    found["infinite"] = run_infinite()
    found["tuned"] = run_tuned()
    print(json.dumps(found))


def run_tuned():
    """All passes by way of the tuner, with a clock that finds each tile size as fast as any other."""
    import functools

    import triton

    from helpers.primitives import on_triton, triton_kernels

    tries = []

    def clock(call, quantiles):
        call()
        tries.append(call)
        return [1.0 + len(tries)] * len(quantiles)

    triton.autotune = functools.partial(triton.autotune, do_bench=clock)
    on_triton._kernels = lambda tensor: triton_kernels
    on_triton._interpreted = lambda kernel: False
    found, counts = {}, {}
    for precision in ("ieee", "tf32"):
        for name in ("first", "again"):
            tries.clear()
            spec = ConvSpec(1, 3, 9, 8, 4, 3, 3, 2, 2, 1, 1)
            found[f"{precision}, {name}"] = run_case(
                spec, "channels_last", "float32", "cpu", precision=precision, tune=True
            )
            counts[f"{precision}, {name}"] = len(tries)
    return {"excess": found, "tries": counts, "sizes": [len(on_triton.TILES), len(on_triton.TENSOR_CORE_TILES)]}


def run_infinite():
    """For each pass, whether an infinite pixel or gradient reaches the numbers that it belongs to and no others."""
    from helpers.primitives import on_triton

    spec = ConvSpec(2, 3, 9, 8, 5, 3, 2, 2, 1, 1, 0)
    torch.manual_seed(0)
    found = {}
    for name, one, other, fastest in (
        ("forward", spec.x_shape, spec.w_shape, 1),
        ("backward_data", spec.y_shape, spec.w_shape, 0),
        ("backward_filter", spec.x_shape, spec.y_shape, 1),
    ):
        # Filters with this axis the fastest are taken as they lie, with NaN right behind them.
        first, second = fenced(torch.rand(one) + 1, 1), fenced(torch.rand(other) + 1, fastest)
        first[1, 1, 1, 1] = torch.inf
        result = getattr(on_triton, name)(spec, first, second)
        first[1, 1, 1, 1] = 1e9
        found[name] = torch.equal(~result.isfinite(), reference(name, spec, first, second) > 1e6)
    return found


def run_splits(splits):
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


def test_an_infinite_number_stays_where_it_belongs(interpreted):
    assert set(interpreted["infinite"].values()) == {True}, interpreted["infinite"]


def test_tuning_tries_each_tile_size_once_a_pass(interpreted):
    tuned = interpreted["tuned"]
    few, more = tuned["sizes"]
    assert tuned["tries"] == {
        "ieee, first": 3 * few,
        "ieee, again": 0,
        "tf32, first": 3 * (few + more),
        "tf32, again": 0,
    }
    for excess in tuned["excess"].values():
        assert all(value <= 1 for value in excess.values()), excess


def compiled(monkeypatch, function, spec, layout, dtype, **options):
    """The assembly (PTX) of the kernels that a call would start on an H100: Triton's compiler needs no GPU."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from helpers.primitives import on_triton, triton_kernels

    if on_triton._interpreted(triton_kernels.forward_kernel):
        pytest.skip("Triton was loaded as interpreter")
    found = []

    def launch(kernel, grid, tune, arguments, constants):
        assert all(blocks >= 1 for blocks in grid(on_triton.SMALL))
        given = dict(zip(kernel.arg_names, arguments, strict=False)) | constants | on_triton.SMALL
        signature, fixed, multiples = {}, {}, {}
        for place, name in enumerate(kernel.arg_names):
            value = given.pop(name)
            if isinstance(value, torch.Tensor):
                signature[name] = {4: "*fp32", 8: "*fp64"}[value.element_size()]
                multiples[place,] = [["tt.divisibility", 16]]
            elif name.isupper() or value == 1:  # what Triton makes a constant of
                signature[name], fixed[place,] = "constexpr", value
            else:
                signature[name] = "i32"
                if value % 16 == 0:
                    multiples[place,] = [["tt.divisibility", 16]]
        assert not given
        source = ASTSource(kernel, signature, fixed, multiples)
        found.append(triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["ptx"])

    monkeypatch.setattr(on_triton, "_kernels", lambda tensor: triton_kernels)
    monkeypatch.setattr(on_triton, "_launch", launch)
    x, w, dy = (arrange(torch.zeros(s), layout, dtype, "cpu") for s in (spec.x_shape, spec.w_shape, spec.y_shape))
    given = {"forward": (x, w), "backward_data": (dy, w), "backward_filter": (x, dy)}[function]
    getattr(on_triton, function)(spec, *given, **options)
    return found


linux = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
BACKWARD = [pytest.param(name, marks=pytest.mark.slow) for name in PASSES[1:]]


@linux
@pytest.mark.parametrize("function", ["forward", *BACKWARD])
def test_the_kernels_compile_for_a_gpu_and_multiply_as_asked(monkeypatch, tmp_path, function):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    spec = ConvSpec(8, 64, 14, 12, 96, 3, 3, 1, 1, 1, 1)
    (ieee,) = compiled(monkeypatch, function, spec, "contiguous", "float32")
    assert "fma.rn.f32" in ieee
    assert "mma.sync" not in ieee
    assert "wgmma" not in ieee
    (tf32,) = compiled(monkeypatch, function, spec, "channels_last", "float32", precision="tf32")
    assert ".tf32.tf32" in tf32
    (double,) = compiled(monkeypatch, function, spec, "contiguous", "float64", precision="tf32")
    assert "f64.f64" in double
    assert "tf32" not in double


@linux
@pytest.mark.slow
@pytest.mark.parametrize("function", ["forward", "backward_data"])
def test_channels_last_is_read_sixteen_bytes_at_a_time(monkeypatch, tmp_path, function):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    spec = ConvSpec(8, 64, 14, 12, 96, 3, 3, 1, 1, 1, 1)
    (assembly,) = compiled(monkeypatch, function, spec, "channels_last", "float32", precision="tf32")
    copies = [line for line in assembly.splitlines() if "cp.async.c" in line and "shared.global" in line]
    assert copies
    assert all("0x10" in line for line in copies)


@linux
@pytest.mark.slow
def test_each_phase_of_a_stride_compiles(monkeypatch, tmp_path):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    spec = ConvSpec(2, 5, 9, 11, 7, 3, 2, 2, 3, 1, 0)
    assert len(compiled(monkeypatch, "backward_data", spec, "strided", "float32")) == 4  # of 6, two have no filter


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


@linux
@pytest.mark.skipif("TRITON_INTERPRET" in os.environ, reason="with the interpreter it runs without a GPU")
def test_without_a_gpu_one_sentence_says_what_to_do():
    from helpers.primitives import on_triton

    spec = ConvSpec(1, 1, 3, 3, 1, 2, 2)
    with pytest.raises(CourseError, match=r"needs an NVIDIA GPU and this tensor is on cpu; .*TRITON_INTERPRET"):
        on_triton.forward(spec, torch.ones(spec.x_shape), torch.ones(spec.w_shape))


def test_without_triton_one_sentence_says_what_to_do(monkeypatch):
    from helpers.primitives import on_triton

    monkeypatch.setitem(sys.modules, "helpers.primitives.triton_kernels", None)
    monkeypatch.delattr("helpers.primitives.triton_kernels", raising=False)
    spec = ConvSpec(1, 1, 3, 3, 1, 2, 2)
    with pytest.raises(CourseError, match="Triton is not installed; install triton"):
        on_triton.backward_data(spec, torch.ones(spec.y_shape), torch.ones(spec.w_shape))


def test_a_missing_c_compiler_is_said_and_other_faults_are_not_hidden():
    from helpers.primitives import on_triton

    class Kernel:
        def __init__(self, message):
            self.message = message

        def __getitem__(self, grid):
            def start(*arguments, **constants):
                raise RuntimeError(self.message)

            return start

    arguments = None, False, (torch.ones(1),), {}
    with pytest.raises(CourseError, match="needs a C compiler to start kernels; install gcc"):
        on_triton._launch(Kernel("Failed to find C compiler. Please specify via CC"), *arguments)
    with pytest.raises(RuntimeError, match="out of luck"):
        on_triton._launch(Kernel("out of luck"), *arguments)


def test_what_the_kernels_cannot_do_is_said():
    from helpers.primitives import on_triton

    spec = ConvSpec(1, 1, 3, 3, 1, 2, 2)
    x, w = torch.ones(spec.x_shape), torch.ones(spec.w_shape)
    with pytest.raises(CourseError, match=r"no precision 'tf23' \(did you mean 'tf32'\?\)"):
        on_triton.forward(spec, x, w, precision="tf23")
    with pytest.raises(CourseError, match="w has shape"):
        on_triton.forward(spec, x, x)
    with pytest.raises(CourseError, match="splits=0 is not a number of parts"):
        on_triton.backward_filter(spec, x, torch.ones(spec.y_shape), splits=0)
    vast = ConvSpec(2**16, 1, 2**8, 2**8, 1, 1, 1)
    with pytest.raises(CourseError, match=r"x spans 4,294,967,296 numbers .* take fewer images at a time"):
        on_triton.forward(vast, torch.empty(vast.x_shape, device="meta"), torch.empty(vast.w_shape, device="meta"))
    wide = ConvSpec(2**16, 1, 2**6, 2**6, 32, 1, 1)
    with pytest.raises(CourseError, match=r"y spans 8,589,934,592 numbers"):
        on_triton.forward(wide, torch.empty(wide.x_shape, device="meta"), torch.empty(wide.w_shape, device="meta"))


@pytest.mark.parametrize("file", ["requirements.lock", "environment.yml"])
def test_triton_is_pinned_where_it_exists(file):
    (line,) = [line for line in (ROOT / file).read_text().splitlines() if "triton==" in line]
    assert '; sys_platform == "linux" and platform_machine == "x86_64"' in line


if __name__ == "__main__":
    program()
