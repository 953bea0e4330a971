"""Backends: one choice, the same numbers, plain sentences."""

import sys

import numpy as np
import pytest

from helpers.backend import array_namespace, backend, cuda_available, to_numpy
from helpers.errors import CourseError


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_arrays_take_the_backends_types(name, dtype):
    b = backend(name, dtype)
    assert b.asarray(np.ones(3)).dtype == b.dtype
    assert b.asarray([1.5, 2]).dtype == b.dtype
    assert str(b.asarray(np.arange(3, dtype=np.int32)).dtype).endswith("int64")
    assert str(b.asarray(np.array([True])).dtype).endswith("bool")
    assert b.zeros((2, 3)).dtype == b.dtype
    assert b.zeros((2, 3)).shape == (2, 3)
    assert b.dtype == getattr(b.xp, dtype)


def test_the_same_seed_gives_the_same_weights_everywhere():
    one, two = backend("numpy").normal((5, 7), 0.1, 3), backend("torch").normal((5, 7), 0.1, 3)
    np.testing.assert_array_equal(one, to_numpy(two))
    assert abs(backend("numpy").normal((400, 400), 0.1, 0).std() - 0.1) < 1e-3


def test_to_numpy_takes_what_students_have():
    import torch

    assert to_numpy(torch.ones(2, requires_grad=True)).tolist() == [1, 1]
    assert to_numpy([torch.tensor(1.0), 2.0]).tolist() == [1, 2]
    assert to_numpy(3).item() == 3
    assert array_namespace(np.ones(2)) is np
    assert array_namespace(torch.ones(2)).__name__ == "array_api_compat.torch"


def test_torch_shares_no_memory_with_read_only_arrays():
    fixed = np.ones(3, np.float32)
    fixed.flags.writeable = False
    backend("torch").asarray(fixed)[0] = 5
    assert fixed[0] == 1


@pytest.mark.parametrize(
    ("name", "dtype", "word"), [("numpi", "float32", "'numpy'"), ("numpy", "float16", "float16"), (3, "float32", "3")]
)
def test_mistakes_are_sentences(name, dtype, word):
    with pytest.raises(CourseError, match=word) as error:
        backend(name, dtype)
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)


@pytest.mark.skipif(cuda_available(), reason="there is a GPU")
def test_no_gpu_is_a_sentence_and_auto_falls_back():
    with pytest.raises(CourseError, match="no CUDA GPU"):
        backend("cuda")
    assert backend("auto").name == "numpy"


@pytest.mark.skipif(not cuda_available(), reason="there is no GPU")
def test_gpu_trains_like_numpy():
    from helpers import nn

    results = []
    for name in ("numpy", "cuda"):
        b = backend(name, "float64")
        network = nn.MLP([9, 7, 4], b, 1)
        rng = np.random.default_rng(0)
        x, y = b.asarray(rng.normal(size=(20, 9))), b.asarray(rng.integers(0, 4, 20))
        nn.train_epoch(network, x, y, 0.5, 6)
        b.synchronise()
        results.append(to_numpy(network.layers[0].weight))
    np.testing.assert_allclose(*results, atol=1e-10)


def test_without_torch_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(CourseError, match="PyTorch is not installed"):
        backend("torch")
