"""The zoo: our LSTM forward and backward against PyTorch's, and an epoch of the RBM and of the autoencoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import process_time
from typing import Any

import numpy as np

from helpers.backend import torch_or_none
from helpers.bench.result import Result, demand
from helpers.timing import measure, ratio, spread
from helpers.zoo import autoencoder, rbm
from helpers.zoo.images import pixels
from helpers.zoo.recurrent import LSTM

BATCH, UNITS, STEPS = 64, 64, 50
NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0")


def bench(rounds: int = 7, images: int = 60_000) -> Iterator[Result]:
    """The LSTM where there is PyTorch (goal: 1.0 of its time), then epochs on so many images (goal: 10 s each)."""
    if torch_or_none() is not None:
        yield lstm(rounds)
    x, _ = pixels("mnist", images, 1)
    machine, net = rbm.RBM(784, 128), autoencoder.Autoencoder()
    epochs: dict[str, Callable[[], Any]] = {
        "RBM 784–128, CD-1": lambda: rbm.train(machine, x, 1),
        "autoencoder 784-256-32-256-784, Adam": lambda: autoencoder.train(net, x, 1),
    }
    few = min(3, rounds)
    for what, timing in measure(epochs, rounds=few, warmup=0).items():
        yield Result(
            f"zoo: an epoch of the {what}, batch 100, {images:,} images, float32, numpy",
            timing.median, None, None, "s", 1, few, {"ours": timing.spread}, 10.0,
        )  # fmt: skip


def lstm(rounds: int) -> Result:
    """Both from the same weights, on the same numbers; interleaved, one thread each; processor time."""
    import torch

    rng = np.random.default_rng(0)
    ours = LSTM(UNITS, UNITS)
    theirs: Any = torch.nn.LSTM(UNITS, UNITS)
    order = [0, 1, 3, 2]  # ours: i, f, o, g; PyTorch's: i, f, g, o
    with torch.no_grad():
        for mine, name in zip((*np.split(ours.weight, 2, 1), ours.bias[:, 0]), NAMES, strict=True):
            blocks = np.split(mine, 4)
            getattr(theirs, name).copy_(torch.from_numpy(np.concatenate([blocks[i] for i in order])))
        theirs.bias_hh_l0.zero_()
    x, grad_h = (rng.standard_normal((STEPS, UNITS, BATCH), np.float32) for _ in range(2))
    inputs, gradient = (torch.from_numpy(np.ascontiguousarray(a.transpose(0, 2, 1))) for a in (x, grad_h))
    inputs.requires_grad_()

    def numpy_pass() -> tuple[np.ndarray, np.ndarray]:
        h = ours.forward(x)
        return h, ours.backward(grad_h)

    def torch_pass() -> tuple[Any, Any]:
        theirs.zero_grad()
        inputs.grad = None
        h, _ = theirs(inputs)
        h.backward(gradient)
        return h, inputs.grad

    for mine, other in zip(numpy_pass(), torch_pass(), strict=True):
        apart = float(np.abs(mine - other.detach().numpy().transpose(0, 2, 1)).max())
        demand(apart < 1e-4, f"The LSTMs of numpy and PyTorch differ by {apart:.2g}; they must agree.")
    times = measure({"numpy": numpy_pass, "torch": torch_pass}, rounds=rounds, warmup=2, inner=20, clock=process_time)
    middle, ratios = ratio(times["numpy"], times["torch"])
    what = f"zoo: LSTM forward and backward, batch {BATCH}, {UNITS} units, {STEPS} steps, float32"
    return Result(
        f"{what}, numpy against PyTorch CPU",
        1e3 * times["numpy"].median, 1e3 * times["torch"].median, middle, "ms", 1, rounds,
        {**{who: spread([1e3 * t for t in times[key].seconds]) for who, key in (("ours", "numpy"), ("other", "torch"))},
         "ratio": ratios}, 1.0,
    )  # fmt: skip
