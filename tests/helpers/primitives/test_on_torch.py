"""Convolution of torch tensors: the lowering against the library and the definition, precision pinned, plain errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.backend import cuda_available
from helpers.errors import CourseError
from helpers.primitives import on_torch, torch_lowering
from helpers.primitives.spec import ConvSpec
from helpers.primitives.torch_precision import cudnn, pinned

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not cuda_available(), reason="no CUDA GPU here"))]
ROOT = Path(__file__).parents[3]
SPEC = ConvSpec(2, 3, 5, 6, 4, 2, 3, 2, 1, 1, 0)


@st.composite
def specs(draw):
    r, s = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    pad_h, pad_w = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    h, w = draw(st.integers(max(1, r - 2 * pad_h), 8)), draw(st.integers(max(1, s - 2 * pad_w), 8))
    n, c, k = (draw(st.integers(1, 3)) for _ in range(3))
    return ConvSpec(n, c, h, w, k, r, s, draw(st.integers(1, 4)), draw(st.integers(1, 4)), pad_h, pad_w)


def tensors(spec, dtype=torch.float64, layout="contiguous", device="cpu", seed=0):
    """x, w, dy: contiguous, channels_last, or every other number of a larger tensor with its axes in another order."""
    torch.manual_seed(seed)
    made = []
    for shape in (spec.x_shape, spec.w_shape, spec.y_shape):
        a = torch.randn(shape, dtype=torch.float64).to(device, dtype)
        if layout == "channels_last":
            a = a.contiguous(memory_format=torch.channels_last)
        if layout == "strided":
            room = a.new_full((shape[3], 2 * shape[1], shape[0], shape[2] + 1), float("nan"))
            view = room.permute(2, 1, 3, 0)[:, ::2, 1:]
            a = view.copy_(a)
        made.append(a)
    return made


def by_definition(spec, x, w, dy):
    """y, dx, dw of equation (3) as loops over the output, in float64."""
    x, w, dy = x.double(), w.double(), dy.double()
    padded = x.new_zeros(spec.N, spec.C, spec.H + 2 * spec.pad_h, spec.W + 2 * spec.pad_w)
    padded[:, :, spec.pad_h : spec.pad_h + spec.H, spec.pad_w : spec.pad_w + spec.W] = x
    y, dw, dpadded = x.new_zeros(spec.y_shape), torch.zeros_like(w), torch.zeros_like(padded)
    for p in range(spec.P):
        for q in range(spec.Q):
            window = ..., slice(p * spec.u, p * spec.u + spec.R), slice(q * spec.v, q * spec.v + spec.S)
            y[:, :, p, q] = torch.einsum("ncrs,kcrs->nk", padded[window], w)
            dw += torch.einsum("nk,ncrs->kcrs", dy[:, :, p, q], padded[window])
            dpadded[window] += torch.einsum("nk,kcrs->ncrs", dy[:, :, p, q], w)
    dx = dpadded[:, :, spec.pad_h : spec.pad_h + spec.H, spec.pad_w : spec.pad_w + spec.W]
    return y, dx, dw


def close(spec, got, right, dtype):
    assert got.shape == right.shape
    assert got.dtype == dtype
    scale = (spec.C * spec.R * spec.S * spec.K * spec.N * spec.P * spec.Q) ** 0.5
    assert (got.double() - right).abs().max() <= 16 * torch.finfo(dtype).eps * max(1, scale)


@settings(max_examples=60, deadline=None)
@given(
    spec=specs(),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    layout=st.sampled_from(["contiguous", "channels_last", "strided"]),
    chosen=st.sampled_from([("library", None), ("lowering", None), ("lowering", 1), ("lowering", 2)]),
)
def test_every_pass_is_the_definition(spec, dtype, layout, chosen):
    algorithm, images = chosen
    x, w, dy = tensors(spec, dtype, layout)
    y, dx, dw = by_definition(spec, x, w, dy)
    close(spec, on_torch.forward(spec, x, w, algorithm, images=images), y, dtype)
    close(spec, on_torch.backward_data(spec, dy, w, algorithm, images=images), dx, dtype)
    close(spec, on_torch.backward_filter(spec, x, dy, algorithm, images=images), dw, dtype)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("layout", ["contiguous", "channels_last", "strided"])
@pytest.mark.parametrize("algorithm", ["library", "lowering"])
def test_every_device_and_layout(device, layout, algorithm):
    spec = ConvSpec(3, 16, 11, 9, 32, 3, 5, 2, 1, 1, 2)
    x, w, dy = tensors(spec, torch.float32, layout, device)
    y, dx, dw = by_definition(spec, x, w, dy)
    for got, right in (
        (on_torch.forward(spec, x, w, algorithm), y),
        (on_torch.backward_data(spec, dy, w, algorithm), dx),
        (on_torch.backward_filter(spec, x, dy, algorithm), dw),
    ):
        close(spec, got, right, torch.float32)
        assert got.device == x.device
        assert not got.requires_grad


@pytest.mark.parametrize("algorithm", ["library", "lowering"])
def test_results_lie_as_the_images_do(algorithm):
    x, _, dy = tensors(SPEC, torch.float32, "channels_last")
    _, w, _ = tensors(SPEC, torch.float32)
    last = {"memory_format": torch.channels_last}
    assert on_torch.forward(SPEC, x, w, algorithm).is_contiguous(**last)
    assert on_torch.backward_data(SPEC, dy, w, algorithm).is_contiguous(**last)
    x, _, dy = tensors(SPEC, torch.float32)
    _, w, _ = tensors(SPEC, torch.float32, "channels_last")
    assert on_torch.forward(SPEC, x, w, algorithm).is_contiguous()
    assert on_torch.backward_data(SPEC, dy, w, algorithm).is_contiguous()


def test_the_lowered_matrix_is_the_papers_figure_1():
    spec = ConvSpec(1, 3, 3, 3, 2, 2, 2)
    lowered = torch_lowering.lower(spec, torch.arange(27.0).reshape(1, 3, 3, 3))
    assert lowered.shape == spec.lowered_shape == (12, 4)
    assert lowered[:, 0].tolist() == [0, 1, 3, 4, 9, 10, 12, 13, 18, 19, 21, 22]
    assert lowered[0].tolist() == [0, 1, 3, 4]


def test_gradients_do_not_run_through():
    x, w, _ = tensors(SPEC)
    assert not on_torch.forward(SPEC, x.requires_grad_(), w.requires_grad_(), "lowering").requires_grad
    assert not on_torch.forward(SPEC, x, w).requires_grad


SETTINGS = {
    "as they come": "pass",
    "old switches": "b.cudnn.allow_tf32 = True; b.cuda.matmul.allow_tf32 = True",
    "old switches off": "b.cudnn.allow_tf32 = False; b.cuda.matmul.allow_tf32 = False",
    "matmul precision": "torch.set_float32_matmul_precision('high')",
    "all to TF32": "b.fp32_precision = 'tf32'",
    "all to IEEE": "b.fp32_precision = 'ieee'",
    "convolution alone": "b.cudnn.conv.fp32_precision = 'ieee'",
    "against the general": "b.fp32_precision = 'ieee'; b.cudnn.conv.fp32_precision = 'tf32'",
    "cuda in general": "b.cudnn.fp32_precision = 'tf32'",
}

PINNING = """
import json, os, sys, warnings
warnings.simplefilter("error")
import torch
from helpers.primitives import on_torch, torch_library
from helpers.primitives.spec import ConvSpec

b = torch.backends
ones = torch.ones(1, 1, 3, 3)
spec = ConvSpec.of(ones, ones)


def seen():
    new = [b.fp32_precision, b.cudnn.fp32_precision, b.cudnn.conv.fp32_precision, b.cuda.matmul.fp32_precision,
           b.mkldnn.conv.fp32_precision, b.mkldnn.matmul.fp32_precision]
    for read in (lambda: b.cudnn.allow_tf32, lambda: b.cuda.matmul.allow_tf32, torch.get_float32_matmul_precision):
        try:
            new.append(read())
        except RuntimeError:  # torch refuses where old and new switches disagree
            new.append("refused")
    return new


def story():
    told = [seen()]
    for general in ("ieee", "tf32", "none"):  # who follows the general switch, and who has a will of their own
        b.fp32_precision = general
        told.append(seen())
    return told


def use():
    during = []
    torch_library.forward = lambda *a: during.append((b.cudnn.conv.fp32_precision, b.cuda.matmul.fp32_precision))
    for tf32 in (False, True):
        on_torch.forward(spec, ones, ones, tf32=tf32)
    torch_library.forward = lambda *a: 1 / 0
    try:
        on_torch.forward(spec, ones, ones)
    except ZeroDivisionError:
        return during


def child(setting, used):
    exec(setting)
    return use() if used else None, story()


for name, setting in json.loads(sys.argv[1]).items():
    for used in (True, False):
        if os.fork() == 0:
            print(json.dumps([name, used, *child(setting, used)]), flush=True)
            os._exit(0)
        os.wait()
"""


@pytest.fixture(scope="module")
def told():
    """For each setting and with or without calls between: precisions during the calls, and the story afterwards."""
    if not hasattr(torch.backends, "fp32_precision") or not hasattr(os, "fork"):
        pytest.skip("needs the precision switches of PyTorch 2.9 and a system that forks")
    done = subprocess.run(
        [sys.executable, "-c", PINNING, json.dumps(SETTINGS)], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return {(name, used): rest for name, used, *rest in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("setting", SETTINGS)
def test_precision_is_pinned_and_all_is_as_before(told, setting):
    (during, after), (_, untouched) = told[setting, True], told[setting, False]
    assert during == [["ieee", "ieee"], ["tf32", "tf32"]]
    assert after == untouched


def test_older_versions_have_other_switches(monkeypatch):
    old = SimpleNamespace(
        cudnn=SimpleNamespace(allow_tf32=True), cuda=SimpleNamespace(matmul=SimpleNamespace(allow_tf32=False))
    )
    monkeypatch.setattr(torch, "backends", old)
    for tf32 in (False, True):
        with suppress(KeyError), pinned(tf32):
            assert old.cudnn.allow_tf32 is old.cuda.matmul.allow_tf32 is tf32
            raise KeyError
        assert (old.cudnn.allow_tf32, old.cuda.matmul.allow_tf32) == (True, False)


def test_cudnn_can_be_switched_off_for_a_while():
    switch = torch.backends.cudnn
    before = switch.enabled, switch.benchmark
    with suppress(KeyError), cudnn(enabled=False, benchmark=True):
        assert (switch.enabled, switch.benchmark) == (False, True)
        raise KeyError
    assert (switch.enabled, switch.benchmark) == before
    assert on_torch.cudnn is cudnn


def test_what_does_not_fit_is_said_in_a_sentence():
    x, w, dy = tensors(SPEC, torch.float32)
    wrong = {
        r"no algorithm 'lowring' for torch tensors \(did you mean 'lowering'\?\)": (x, w, "lowring"),
        r"w has shape \(2, 4, 3, 4\), but the spec says \(4, 3, 2, 3\)": (x, dy),
        r"x is of type ndarray, not a torch tensor": (x.numpy(), w),
        r"x is of torch.float16; convert it": (x.half(), w),
        r"x is of torch.float64 and w of torch.float32": (x.double(), w),
        r"x is on meta and w on cpu": (x.to("meta"), w),
    }
    for message, arguments in wrong.items():
        with pytest.raises(CourseError, match=message):
            on_torch.forward(SPEC, *arguments)
    with pytest.raises(CourseError, match="images=0 is only for the lowering, a whole number of at least 1"):
        on_torch.forward(SPEC, x, w, "lowering", images=0)
    with pytest.raises(CourseError, match="images=1 is only for the lowering"):
        on_torch.backward_filter(SPEC, x, dy, images=1)


def test_without_torch_one_sentence_says_what_to_do(monkeypatch):
    x, w, _ = tensors(SPEC)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(CourseError, match="PyTorch is not installed; install torch"):
        on_torch.forward(SPEC, x, w)


def test_importing_takes_neither_torch_nor_triton():
    modules = "on_torch, on_triton, torch_library, torch_lowering, torch_precision, torch_checks"
    heavy = "[m for m in ('torch', 'triton') if m in sys.modules]"
    code = f"import sys; from helpers.primitives import {modules}; print({heavy})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert out.strip() == "[]"
