"""Networks of JSON files through the command's own path: the same on every backend, and unbroken by interruptions."""

import dataclasses
import math

import numpy as np
import pytest

from helpers.backend import backend, to_numpy
from helpers.data import load_split
from helpers.errors import CourseError
from helpers.nn.shipped import find_spec, names
from helpers.train import load_checkpoint, train_spec

QUIET = {"progress": False}
LISTS = ("train_loss", "test_loss", "test_accuracy", "learning_rate")


@pytest.fixture(scope="module")
def split():
    return load_split(train=192, validation=100, test=50, dtype="float64")


@pytest.fixture(scope="module")
def data(split):
    return split.selection()


def spec(name="convolutional_nn", **settings):
    few = {"filters": 3} if name != "mlp" else {}
    return find_spec(name).changed(**{**few, "epochs": 3, "backend": "numpy", **settings})


def parameters(trained):
    return {name: to_numpy(array) for name, array in trained.network.parameters()}


@pytest.mark.parametrize("name", names())
def test_numpy_and_torch_take_the_same_path(name, data):
    runs = [train_spec(spec(name, epochs=2), data, backend=backend(b, "float64"), **QUIET) for b in ("numpy", "torch")]
    ours, theirs = (run.history for run in runs)
    assert ours.started_from == theirs.started_from != ""
    assert (ours.device, theirs.device) == ("numpy", "torch cpu")
    for field in LISTS:
        np.testing.assert_allclose(getattr(ours, field), getattr(theirs, field), rtol=1e-9, err_msg=field)
    ours, theirs = map(parameters, runs)
    assert ours.keys() == theirs.keys()
    for key, array in ours.items():
        np.testing.assert_allclose(array, theirs[key], rtol=1e-7, atol=1e-10, err_msg=key)


def test_the_spec_decides_how_it_is_trained(data):
    settings = {"learning_rate": 0.2, "schedule": {"type": "exponential", "factor": 0.5}, "batch_size": 50, "seed": 4}
    history = train_spec(spec(**settings), data, **QUIET).history
    assert history.learning_rate == [0.2, 0.1, 0.05]
    assert (history.batch_size, history.seed, history.images, history.held_out) == (50, 4, 192, "validation")
    assert history.label == "exponential from 0.2"
    assert history.started_from != train_spec(spec(seed=5, epochs=1), data, **QUIET).history.started_from


class Stop(Exception):
    pass


def stop_after(epoch):
    def on_epoch(history):
        if history.epochs == epoch:
            raise Stop

    return on_epoch


KINDS = {
    "fast": {},
    "momentum": {"optimiser": {"type": "momentum"}},
    "rprop": {"optimiser": {"type": "rprop"}, "learning_rate": 0.001},
    "adam, dropout and cosine": {"name": "deep"},
    "torch": {"name": "deep", "backend": "torch"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_run_is_the_unbroken_one_bit_for_bit(kind, data, tmp_path):
    described = spec(**KINDS[kind])
    whole = train_spec(described, data, **QUIET)
    for epoch in (1, 2):
        with pytest.raises(Stop):
            train_spec(described, data, checkpoint=tmp_path / "w.npz", on_epoch=stop_after(epoch), **QUIET)
    assert load_checkpoint(tmp_path / "w.npz").history.epochs == 2
    resumed = train_spec(described, data, checkpoint=tmp_path / "w.npz", **QUIET)
    for field in LISTS:
        assert getattr(resumed.history, field) == getattr(whole.history, field), field
    for key, array in parameters(whole).items():
        np.testing.assert_array_equal(parameters(resumed)[key], array, err_msg=key)


def test_an_interruption_in_the_middle_of_an_epoch_loses_that_epoch_only(data, tmp_path, monkeypatch):
    from helpers.nn import Network

    described, path = spec(optimiser={"type": "adam"}, learning_rate=0.01), tmp_path / "w.npz"
    whole = train_spec(described, data, **QUIET)
    update, calls = Network.update, []

    def interrupted(self, lr):
        calls.append(lr)
        if len(calls) == 5:  # the second of three batches of the second epoch
            raise KeyboardInterrupt
        update(self, lr)

    monkeypatch.setattr(Network, "update", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_spec(described, data, checkpoint=path, **QUIET)
    monkeypatch.undo()
    assert load_checkpoint(path).history.epochs == 1
    assert train_spec(described, data, checkpoint=path, **QUIET).history.test_loss == whole.history.test_loss


def test_more_epochs_go_on_and_none_left_change_nothing(data, tmp_path):
    path = tmp_path / "w.npz"
    train_spec(spec(epochs=1), data, checkpoint=path, **QUIET)
    longer = train_spec(spec(epochs=3), data, checkpoint=path, **QUIET)
    assert longer.history.test_loss == train_spec(spec(epochs=3), data, **QUIET).history.test_loss
    content = path.read_bytes()
    again = train_spec(spec(epochs=3), data, checkpoint=path, **QUIET)
    assert path.read_bytes() == content
    assert again.history == longer.history
    assert (
        again.network.evaluate(data.test_images.astype("float32"), data.test_labels)[0] == longer.history.test_loss[-1]
    )


def test_a_run_goes_on_on_another_backend(data, tmp_path):
    path, described = tmp_path / "w.npz", spec(epochs=3)
    with pytest.raises(Stop):
        train_spec(
            described, data, backend=backend("numpy", "float64"), checkpoint=path, on_epoch=stop_after(1), **QUIET
        )
    resumed = train_spec(described, data, backend=backend("torch", "float64"), checkpoint=path, **QUIET)
    whole = train_spec(described, data, backend=backend("numpy", "float64"), **QUIET)
    np.testing.assert_allclose(resumed.history.test_loss, whole.history.test_loss, rtol=1e-9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"learning_rate": 0.2}, "another run: learning_rate is 0.1 there and 0.2 here"),
        ({"seed": 1}, "seed is 0 there and 1 here"),
        ({"filters": 4}, r"layers\[0\].filters is 3 there and 4 here"),
        ({"optimiser": {"type": "adam"}}, "optimiser is sgd there and adam here"),
        ({"name": "mlp"}, "layers is a list of 10 there and a list of 7 here"),
        ({"epochs": 1}, "has 2 epochs behind it and 1 are asked for"),
        ({"dtype": "float64"}, "float32 there and float64 here"),
        ({"train": 191}, "other data: training images 192 there and 191 here"),
        ({"validation": 99}, "validation images 100 there and 99 here"),
        ({"final": True}, "other data: test images none there and 50 here"),
        ({"labels": True}, "other data: contents"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_and_kept(changes, words, split, tmp_path):
    path = tmp_path / "w.npz"
    train_spec(spec(epochs=2), split.selection(), checkpoint=path, **QUIET)
    content, changes = path.read_bytes(), dict(changes)
    dtype = changes.pop("dtype", "float32")
    if "train" in changes or "validation" in changes:
        split = load_split(**({"train": 192, "validation": 100, "test": 50} | changes))
        changes = {}
    data = split.final() if changes.pop("final", False) else split.selection()
    if changes.pop("labels", False):
        data = dataclasses.replace(data, test_labels=data.test_labels[::-1].copy())
    with pytest.raises(CourseError, match=words):
        train_spec(spec(**{"epochs": 2, **changes}), data, backend=backend("numpy", dtype), checkpoint=path, **QUIET)
    assert path.read_bytes() == content


def test_a_cosine_cannot_grow(data, tmp_path):
    cosine = {"schedule": {"type": "cosine"}}
    train_spec(spec(epochs=1, **cosine), data, checkpoint=tmp_path / "w.npz", **QUIET)
    with pytest.raises(CourseError, match="epochs is 1 there and 2 here"):
        train_spec(spec(epochs=2, **cosine), data, checkpoint=tmp_path / "w.npz", **QUIET)


def test_starting_anew_replaces_the_checkpoint(data, tmp_path):
    path = tmp_path / "w.npz"
    train_spec(spec(epochs=2), data, checkpoint=path, **QUIET)
    train_spec(spec(epochs=1, seed=3), data, checkpoint=path, resume=False, **QUIET)
    assert (load_checkpoint(path).history.epochs, load_checkpoint(path).spec.seed) == (1, 3)


def test_a_run_that_breaks_is_recorded_and_resumed(data, tmp_path):
    path, broken = tmp_path / "w.npz", spec(learning_rate=1e6, initialisation={"scale": 1e6})
    with pytest.raises(Stop):
        train_spec(broken, data, checkpoint=path, on_epoch=stop_after(1), **QUIET)
    history = train_spec(broken, data, checkpoint=path, **QUIET).history
    assert history.epochs == 3
    assert not any(map(math.isfinite, history.train_loss))


def test_flat_images_are_reshaped(data):
    flat = load_split(train=192, validation=100, test=50, flat=True, dtype="float64").selection()
    runs = [train_spec(spec(epochs=1), d, **QUIET).history.test_loss for d in (data, flat)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"input": [1, 32, 32]}, "takes images of 1×32×32 and those of mnist have 1×28×28"),
     ({"input": [3, 28, 28]}, "3×28×28"), ({"classes": 4}, "4 classes and mnist has 10")],
)  # fmt: skip
def test_data_of_another_kind(changes, words, data):
    values = {**spec().values(), **changes}
    values["layers"][-2]["units"] = values["classes"]
    from helpers.nn.spec import read_spec

    with pytest.raises(CourseError, match=words):
        train_spec(read_spec(values), data, **QUIET)


def test_a_network_by_name_or_path(tmp_path, monkeypatch):
    from helpers.nn.spec import NETWORKS, load_spec

    monkeypatch.chdir(tmp_path)
    shipped = load_spec(NETWORKS / "lenet.json")
    assert find_spec("lenet") == find_spec("lenet.json") == find_spec(NETWORKS / "lenet.json") == shipped
    (tmp_path / "lenet.json").write_text("{}")
    with pytest.raises(CourseError, match=r"lenet\.json: .*missing"):
        find_spec("lenet.json")
    assert find_spec(shipped) is shipped
    with pytest.raises(CourseError, match=r"no network 'lennet' \(did you mean 'lenet'\?\)"):
        find_spec("lennet")


def test_a_split_is_no_data_set(split):
    with pytest.raises(CourseError, match=r"pass its selection\(\)"):
        train_spec(spec(), split, **QUIET)
