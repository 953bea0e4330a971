"""PyTorch's side of the runtime study: the same loss and gradients as ours, alone and replayed from a capture."""

import numpy as np
import pytest

from helpers import nn
from helpers.backend import backend as make_backend
from helpers.backend import cuda_available
from helpers.errors import CourseError
from helpers.nn.optimisers import parameters_and_gradients
from helpers.nn.spec import NETWORKS, load_spec, read_spec
from helpers.study import cnn_runtime as runtime
from helpers.study.cnn_runtime.backends import batches_of, demand_right
from helpers.study.cnn_runtime.on_torch import TorchTraining, capture_graph, load_ours, torch_network

torch = pytest.importorskip("torch")

SMALL = {
    "name": "small", "input": [1, 28, 28], "classes": 10,
    "layers": [
        {"type": "conv", "filters": 3, "size": 3, "stride": 2, "padding": 1}, {"type": "tanh"},
        {"type": "average_pool", "size": 2}, {"type": "conv", "filters": 2, "size": 3, "padding": "same"},
        {"type": "sigmoid"}, {"type": "flatten"}, {"type": "dense", "units": 10}, {"type": "softmax"},
    ],
}  # fmt: skip


@pytest.mark.parametrize("spec", [runtime.study_spec(4, 6), load_spec(NETWORKS / "lenet.json"), read_spec(SMALL)])
def test_loss_and_every_gradient_are_ours_in_float64(spec):
    ours = nn.Network(spec, make_backend("numpy", "float64"))
    images, labels = (array[0] for array in batches_of(6, 1))
    images = images.astype(np.float64)
    loss = nn.cross_entropy(ours.forward(images), labels)
    ours.backward(labels)
    theirs = torch_network(spec).double()
    load_ours(theirs, [array for _, array in ours.parameters()])
    other = torch.nn.functional.cross_entropy(theirs(torch.from_numpy(images)), torch.from_numpy(labels))
    other.backward()
    assert float(other.detach()) == pytest.approx(float(loss), rel=1e-10)
    pairs = list(zip(parameters_and_gradients(ours.layers), theirs.parameters(), strict=True))
    assert len(pairs) == len(ours.parameters())
    for (name, _, gradient), parameter in pairs:
        found = parameter.grad.numpy()
        np.testing.assert_allclose(found.T if found.ndim == 2 else found, gradient, rtol=1e-8, atol=1e-12, err_msg=name)


def test_a_layer_without_counterpart_is_named():
    values = read_spec(SMALL).values()
    values["layers"].insert(2, {"type": "dropout", "rate": 0.5})
    with pytest.raises(CourseError, match=r"layers\[2\], dropout"):
        torch_network(read_spec(values))


def made(capture=None, filters=3, device="cpu"):
    spec = runtime.study_spec(filters, 5)
    images, labels = batches_of(5, 4)
    start = [array for _, array in nn.Network(spec).parameters()]
    return TorchTraining(spec, start, images, labels, 0.05, device, capture), (spec, images[0], labels[0])


def replayed(step):
    """What a CUDA graph does: warm up, capture without running, then repeat the same work on the same addresses."""
    for _ in range(3):
        step()
    return step


@pytest.mark.parametrize("capture", [None, replayed])
def test_one_step_is_right(capture):
    training, (spec, images, labels) = made(capture)
    demand_right(training, spec, images, labels, 0.05)


def test_a_replay_walks_the_same_path_as_single_launches():
    one, other = made()[0], made(replayed)[0]
    losses = []
    for training in (one, other):
        losses.append([])
        for _ in range(9):
            training.step()
            losses[-1].append(training.loss())
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert len({round(loss, 4) for loss in losses[0]}) == 9  # its batches differ
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_what_the_capture_reads_stays_where_it_is():
    addresses = []

    def capture(step):
        step()
        return lambda: addresses.append((training._x.data_ptr(), training._y.data_ptr()))

    training, _ = made(capture)
    for _ in range(5):
        training.step()
    assert len(set(addresses)) == 1


@pytest.fixture
def fake_cuda(monkeypatch):
    """torch.cuda's streams and graphs, which write down what is asked of them."""
    log = []

    class Stream:
        def __init__(self, name="side"):
            self.name = name

        def wait_stream(self, other):
            log.append(f"{self.name} waits for {other.name}")

    class Within:
        def __init__(self, what):
            self.what = what

        def __enter__(self):
            log.append(f"in {self.what}")

        def __exit__(self, *exception):
            log.append(f"out of {self.what}")

    class Graph:
        def replay(self):
            log.append("replay")

    main = Stream("main")
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: main)
    monkeypatch.setattr(torch.cuda, "stream", lambda s: Within(s.name))
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", lambda g: Within("capture"))
    return log


def test_a_graph_is_captured_after_a_warm_up_on_a_stream_of_its_own(fake_cuda):
    replay = capture_graph(lambda: fake_cuda.append("step"))
    replay()
    assert fake_cuda == [
        "side waits for main", "in side", "step", "step", "step", "out of side", "main waits for side",
        "in capture", "step", "out of capture", "replay",
    ]  # fmt: skip


def test_only_a_gpu_is_waited_for(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waited.append(1))
    training, _ = made()
    training.synchronise()
    assert not waited
    training.device = "cuda"
    training.synchronise()
    assert waited == [1]


@pytest.mark.skipif(not cuda_available(), reason="no CUDA GPU here")
def test_a_real_graph_walks_the_same_path_as_single_launches():
    from helpers.primitives.torch_precision import pinned

    with pinned():
        one, other = made(device="cuda")[0], made(capture_graph, device="cuda")[0]
        for _ in range(9):
            one.step()
            other.step()
            assert one.loss() == pytest.approx(other.loss(), rel=1e-4)
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
