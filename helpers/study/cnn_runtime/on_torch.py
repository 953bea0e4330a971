"""A described network as one writes it in PyTorch, and its training step on a CPU, a GPU, or as one CUDA graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError

if TYPE_CHECKING:
    import numpy as np

    from helpers.nn.spec_model import NetworkSpec

Step = Callable[[], None]
WARM_UP = 3


def torch_network(spec: NetworkSpec) -> Any:
    """The spec's layers as a torch.nn.Sequential up to the logits: softmax belongs to PyTorch's loss.

    Raises CourseError for a layer that has no plain counterpart here.
    """
    from torch import nn

    from helpers.nn.spec_sizes import padding_of

    plain = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "flatten": nn.Flatten}
    pools = {"max_pool": nn.MaxPool2d, "average_pool": nn.AvgPool2d}
    layers: list[Any] = []
    for place in spec.places(1):
        layer, shape = place.layer, place.shape_in
        if layer.type == "conv":
            padding = padding_of(layer.size, layer.padding)
            layers.append(nn.Conv2d(shape[0], layer.filters, layer.size, layer.stride, padding))
        elif layer.type in pools:
            layers.append(pools[layer.type](layer.size, layer.stride, padding_of(layer.size, layer.padding)))
        elif layer.type == "dense":
            if len(shape) > 1:
                layers.append(nn.Flatten())
            inputs = 1
            for size in shape:
                inputs *= size
            layers.append(nn.Linear(inputs, layer.units))
        elif layer.type in plain:
            layers.append(plain[layer.type]())
        elif layer.type != "softmax":
            raise CourseError(f"{place.where}, {layer.type}: this layer has no counterpart in the runtime study.")
    return nn.Sequential(*layers)


def load_ours(network: Any, arrays: list[np.ndarray]) -> None:
    """Copy weights and biases, in the order of our `parameters()`, into a `torch_network`; ours are (in, out)."""
    import torch

    with torch.no_grad():
        for mine, theirs in zip(arrays, network.parameters(), strict=True):
            theirs.copy_(torch.from_numpy(mine.T.copy() if mine.ndim == 2 else mine.copy()))


class TorchTraining:
    """nn.Sequential, cross_entropy and SGD on batches that lie on the device already.

    start: our weights (see `load_ours`); images (batches, N, C, H, W) and labels (batches, N) as numpy arrays; device:
    "cpu" or "cuda"; capture: None, or what makes one callable of a step whose launches are then replayed
    (`capture_graph`).
    """

    def __init__(
        self,
        spec: NetworkSpec,
        start: list[np.ndarray],
        images: np.ndarray,
        labels: np.ndarray,
        lr: float,
        device: str = "cpu",
        capture: Callable[[Step], Step] | None = None,
    ) -> None:
        import torch

        self.device = device
        self.network = torch_network(spec)
        load_ours(self.network, start)
        self.network.to(device)
        self.images, self.labels = torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device)
        self.optimiser = torch.optim.SGD(self.network.parameters(), lr=lr)
        self._loss: Any = None
        self._turn = 0
        self._replay: Step | None = None
        if capture is not None:
            # A replay reads the addresses of its capture, so every batch is copied to where the graph looks for it.
            self._x, self._y = self.images[0].clone(), self.labels[0].clone()
            before = [parameter.detach().clone() for parameter in self.network.parameters()]
            self._replay = capture(lambda: self._train(self._x, self._y))
            with torch.no_grad():
                for parameter, value in zip(self.network.parameters(), before, strict=True):
                    parameter.copy_(value)

    def step(self) -> None:
        """One step on the next batch."""
        x, y = self.images[self._turn], self.labels[self._turn]
        self._turn = (self._turn + 1) % len(self.images)
        if self._replay is None:
            self._train(x, y)
        else:
            self._x.copy_(x)
            self._y.copy_(y)
            self._replay()

    def synchronise(self) -> None:
        """Wait for the GPU; on a CPU nothing is left to wait for."""
        if self.device == "cuda":
            import torch

            torch.cuda.synchronize()

    def loss(self) -> float:
        """Mean loss of the latest batch before its step."""
        return float(self._loss)

    def parameters(self) -> list[np.ndarray]:
        """Weights and biases in our order and layout."""
        arrays = [parameter.detach().cpu().numpy() for parameter in self.network.parameters()]
        return [array.T if array.ndim == 2 else array for array in arrays]

    def _train(self, x: Any, y: Any) -> None:
        from torch.nn.functional import cross_entropy

        self.optimiser.zero_grad(set_to_none=True)
        loss = cross_entropy(self.network(x), y)
        loss.backward()
        self.optimiser.step()
        self._loss = loss.detach()


def capture_graph(step: Step) -> Step:
    """`step` as one CUDA graph: the GPU then gets one launch instead of one a kernel.

    Three steps on a side stream come first, because libraries choose algorithms and take memory in their first calls,
    which must not be captured. `step` has to make its gradients anew (set_to_none), or replays would add to them.
    """
    import torch

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay
