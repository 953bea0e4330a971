"""The paper's five layers on a GPU: our Triton kernels against cuDNN, pass by pass and in the same arithmetic."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from typing import Any

from helpers.backend import cuda_available
from helpers.bench.result import Result, demand
from helpers.errors import CourseError
from helpers.primitives import PAPER_LAYERS, PASSES, ConvSpec
from helpers.timing import environment, spread

LAYOUTS = ("channels_last", "contiguous")
MATH = {"ieee": ("float32", 5e-5), "tf32": ("TF32", 4e-3)}
"""How float32 numbers are multiplied: its name, and the error that it may leave, in parts of the largest number."""

GOAL = 1.1


def bench(
    layers: tuple[str, ...] = tuple(PAPER_LAYERS), images: int = 128, milliseconds: int = 100
) -> Iterator[Result]:
    """One record for each layer, pass and arithmetic: Triton's time ÷ cuDNN's, each in the layout that suits it best.

    images: the mini-batch. milliseconds: how long each candidate is repeated; the L2 cache is flushed before every
    repetition. Raises CourseError where there is no GPU or no Triton.
    """
    if not cuda_available():
        raise CourseError("The benchmark of GPU convolutions needs an NVIDIA GPU, and PyTorch sees none here.")
    try:
        from triton.testing import do_bench
    except ImportError:
        raise CourseError("The benchmark of GPU convolutions needs Triton; install triton (Linux on x86-64).") from None

    def clock(function: Callable[[], Any]) -> list[float]:
        return do_bench(function, rep=milliseconds, return_mode="all")

    cases = [(name, which, math) for name in layers for which in PASSES for math in MATH]
    return (
        one(name, PAPER_LAYERS[name].with_images(images), which, math, "cuda", clock) for name, which, math in cases
    )


def one(
    name: str, spec: ConvSpec, which: str, math: str, device: str, clock: Callable[[Callable[[], Any]], list[float]]
) -> Result:
    """The record of one pass. clock: gives the milliseconds of the repetitions of a function."""
    from helpers.primitives import on_triton, torch_library
    from helpers.primitives.torch_precision import cudnn, pinned

    function = which.replace("-", "_")
    mine, theirs = getattr(on_triton, function), getattr(torch_library, function)
    label, allowed = MATH[math]
    tensors = _tensors(spec, which, device)
    with pinned():
        right = theirs(spec, *tensors)
    times: dict[str, dict[str, list[float]]] = {"Triton": {}, "cuDNN": {}}
    with pinned(tf32=math == "tf32"), cudnn(benchmark=True):
        for layout in LAYOUTS:
            laid = [_laid(tensor, layout) for tensor in tensors]
            # `laid` is bound now: the loop goes on before a clock that keeps the function is done with it.
            candidates = {
                "Triton": lambda laid=laid: mine(spec, *laid, precision=math),
                "cuDNN": lambda laid=laid: theirs(spec, *laid),
            }
            for who, candidate in candidates.items():
                error = float((candidate() - right).abs().max() / right.abs().max())
                demand(
                    error <= allowed, f"{who} is off by {error:.1e} in {name} {which}, {label}; at most {allowed:.0e}."
                )
                times[who][layout] = clock(candidate)
    middle = {who: {layout: statistics.median(t) for layout, t in of.items()} for who, of in times.items()}
    best = {who: min(of, key=of.__getitem__) for who, of in middle.items()}
    ours, other = (middle[who][best[who]] for who in ("Triton", "cuDNN"))
    return Result(
        f"gpu_conv: {name} {which}, N = {spec.N}, {label}, Triton against cuDNN",
        ours,
        other,
        ours / other,
        "ms",
        1,
        min(len(times[who][best[who]]) for who in times),
        {
            "ours": spread(times["Triton"][best["Triton"]]),
            "other": spread(times["cuDNN"][best["cuDNN"]]),
            "teraflops": {"ours": spec.flops / ours / 1e9, "other": spec.flops / other / 1e9},
            "layouts": middle,
        },
        GOAL,
        {**environment(), **_gpu()},
    )


def _tensors(spec: ConvSpec, which: str, device: str) -> list[Any]:
    import torch

    shapes = {
        "forward": (spec.x_shape, spec.w_shape),
        "backward-data": (spec.y_shape, spec.w_shape),
        "backward-filter": (spec.x_shape, spec.y_shape),
    }[which]
    generator = torch.Generator(device).manual_seed(0)
    return [torch.randn(shape, device=device, generator=generator) for shape in shapes]


def _laid(tensor: Any, layout: str) -> Any:
    import torch

    formats = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
    return tensor.contiguous(memory_format=formats[layout])


def _gpu() -> dict[str, Any]:
    import torch

    if not torch.cuda.is_available():
        return {}
    import triton

    return {
        "gpu": torch.cuda.get_device_name(),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "triton": triton.__version__,
    }
