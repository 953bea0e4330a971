"""One training step of a small CNN in PyTorch, its parts apart: then (explicit lowering) and now (the library).

The counterpart of Table 4 in Chetlur et al., arXiv 1410.0759. Everything but the convolutions is the same on both
sides, so the difference is theirs. torch is imported when the first step is made.
"""

from __future__ import annotations

from typing import Any

from helpers.backend import torch_needed
from helpers.errors import CourseError
from helpers.primitives.spec import ConvSpec

ALGORITHMS = {
    "library": "PyTorch's own convolution: oneDNN on a CPU, cuDNN on a GPU",
    "lowering": "explicit lowering of the whole mini-batch, then one matrix product",
    "lowering by image": "explicit lowering image by image, as Caffe did it",
}
PARTS = ("forward", "backward", "update")
CHANNELS, SIZE, CLASSES = (1, 16, 32), 28, 10


class TrainingStep:
    """conv 16 → ReLU → pool → conv 32 → ReLU → pool → dense 10, cross-entropy, plain SGD, on a fixed mini-batch.

    algorithm: one of ALGORITHMS; device: "cpu" or "cuda"; batch: images of 28 × 28. The same seed gives the same
    weights, images and labels to every algorithm. `forward`, `backward` and `update` can be called and timed in any
    order, for `backward` keeps the graph of the latest `forward`. Raises CourseError for an unknown algorithm or a
    missing PyTorch or GPU.
    """

    def __init__(
        self, algorithm: str = "library", *, batch: int = 64, device: str = "cpu", seed: int = 0, lr: float = 0.01
    ):
        if algorithm not in ALGORITHMS:
            raise CourseError(f"There is no algorithm {algorithm!r}; choose one of {', '.join(map(repr, ALGORITHMS))}.")
        torch = torch_needed("for both sides of this comparison are PyTorch's")
        if device != "cpu" and not torch.cuda.is_available():
            raise CourseError(f"There is no GPU for device={device!r} on this machine; take device='cpu'.")
        self.algorithm, self.device, self.lr = algorithm, device, lr
        made = torch.Generator().manual_seed(seed)
        self.images = torch.randn(batch, CHANNELS[0], SIZE, SIZE, generator=made).to(device)
        self.labels = torch.randint(CLASSES, (batch,), generator=made).to(device)
        sizes = (SIZE, SIZE // 2)
        self.specs = [
            ConvSpec(batch, c, size, size, k, 3, 3, pad_h=1, pad_w=1)
            for c, k, size in zip(CHANNELS[:-1], CHANNELS[1:], sizes, strict=True)
        ]
        shapes = [*(spec.w_shape for spec in self.specs), (CHANNELS[-1] * (SIZE // 4) ** 2, CLASSES)]
        self.parameters = [(torch.randn(shape, generator=made) * 0.1).to(device).requires_grad_() for shape in shapes]
        self.gradients: list[Any] = []
        self.loss: Any = None
        self._convolve = _convolution(algorithm)
        self.forward()
        self.backward()

    def forward(self) -> None:
        """Loss of the mini-batch, in `self.loss`."""
        from torch.nn.functional import cross_entropy, max_pool2d

        *filters, dense = self.parameters
        x = self.images
        for spec, w in zip(self.specs, filters, strict=True):
            x = max_pool2d(self._convolve(spec, x, w).relu(), 2)
        self.loss = cross_entropy(x.flatten(1) @ dense, self.labels)

    def backward(self) -> None:
        """Gradients of all parameters, in `self.gradients`."""
        import torch

        self.gradients = list(torch.autograd.grad(self.loss, self.parameters, retain_graph=True))

    def update(self) -> None:
        """parameter -= lr · gradient. Through `.data`, so that the graph of the latest forward stays usable."""
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            parameter.data.sub_(gradient, alpha=self.lr)

    def step(self) -> None:
        """The three parts in a row: what a training loop repeats."""
        self.forward()
        self.backward()
        self.update()

    def synchronise(self) -> None:
        """Wait for the device; a clock read before that time only the launch."""
        if self.device != "cpu":
            import torch

            torch.cuda.synchronize()


def same_results(one: TrainingStep, other: TrainingStep) -> None:
    """A CourseError unless both have the same loss and gradients, so that only the speed is left to compare."""
    import torch

    for step in (one, other):
        step.forward()
        step.backward()
    pairs = zip([one.loss, *one.gradients], [other.loss, *other.gradients], strict=True)
    for a, b in pairs:
        if not torch.allclose(a, b, rtol=1e-3, atol=1e-4 * float(a.detach().abs().max())):
            raise CourseError(
                f"{one.algorithm!r} and {other.algorithm!r} don't compute the same; mend that before you time them."
            )


def _convolution(algorithm: str) -> Any:
    """(spec, x, w) -> y, differentiable. All algorithms take the same way through autograd, with TF32 off."""
    import torch

    from helpers.primitives import on_torch

    how: dict[str, Any] = {"algorithm": "library" if algorithm == "library" else "lowering"}
    if algorithm == "lowering by image":
        how["images"] = 1

    class Convolution(torch.autograd.Function):
        """The three passes of one algorithm under autograd."""

        @staticmethod
        def forward(ctx: Any, spec: ConvSpec, x: Any, w: Any) -> Any:
            ctx.spec = spec
            ctx.save_for_backward(x, w)
            return on_torch.forward(spec, x, w, **how)

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            x, w = ctx.saved_tensors
            dy = grads[0].contiguous()
            dx = on_torch.backward_data(ctx.spec, dy, w, **how) if ctx.needs_input_grad[1] else None
            return None, dx, on_torch.backward_filter(ctx.spec, x, dy, **how)

    return Convolution.apply
