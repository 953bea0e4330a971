"""The layer table before training: held against the network, and its prediction against the clock."""

import dataclasses

import pytest

from helpers import nn
from helpers.backend import backend
from helpers.data import load_split
from helpers.errors import CourseError
from helpers.nn.layer_costs import step_seconds
from helpers.nn.shipped import find_spec, names
from helpers.primitives.choose import modelled
from helpers.train import History
from helpers.train.table import announced, compared, epoch_seconds, verified_table, verify

NUMPY = backend("numpy")


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("where", ["numpy", "torch"])
def test_shipped_networks_agree_with_their_tables(name, where):
    spec = find_spec(name)
    text = verified_table(spec, nn.build(spec, backend(where)))
    assert f"the {spec.parameters:,} parameters agree" in text
    assert text.count("layers[") == len(spec.layers)


def test_a_network_of_another_size_is_noticed():
    spec = find_spec("convolutional_nn")
    for other in (spec.changed(filters=8), find_spec("strided")):
        with pytest.raises(CourseError, match="has parameters of shapes"):
            verify(spec, nn.build(other, NUMPY))


def test_a_table_with_a_wrong_shape_is_noticed(monkeypatch):
    spec = find_spec("convolutional_nn")
    places = type(spec).places

    def wrong(self, images=None):
        found = places(self, images)
        found[2] = dataclasses.replace(found[2], shape_out=(16, 14, 13))
        return found

    network = nn.build(spec, NUMPY)
    monkeypatch.setattr(type(spec), "places", wrong)
    with pytest.raises(CourseError, match=r"layers\[2\] makes \(16, 13, 13\) and the table says \(16, 14, 13\)"):
        verify(spec, network)


def test_a_step_is_predicted_from_the_same_model_as_the_table():
    spec = find_spec("convolutional_nn")
    places = spec.places(64)
    forward = sum(line.predicted_seconds for line in spec.layer_table())
    backward = sum(
        modelled(place.geometry, which)[0].seconds for place in (places[0], places[3])
        for which in ("backward-data", "backward-filter")
    )  # fmt: skip
    step = step_seconds(places, 64)
    assert forward + backward < step < forward + backward + 2 * forward
    assert step_seconds(places, 64, 8) == pytest.approx(2 * step)
    more = spec.changed(filters=64)
    assert step_seconds(more.places(64), 64) > 2 * step
    assert epoch_seconds(spec, 640, 128) == pytest.approx(10 * step + 2 * forward)


def test_what_is_said_before_and_after():
    data = load_split(train=130, validation=64, test=10).selection()
    spec = find_spec("convolutional_nn").changed(epochs=4)
    said = announced(spec, data, 0, 4)
    assert "4 epochs, sgd, rate 0.1, batches of 64 (the last of an epoch has 2), seed 0" in said
    assert "130 training and 64 validation images" in said
    assert "Going on after epoch 3 of 4" in announced(spec, data, 3, 4)
    even = dataclasses.replace(data, train_labels=data.train_labels[:128])
    assert "the last of an epoch" not in announced(spec, even, 0, 4)
    history = History(seconds=[3.0, 1.0, 2.0], test_loss=[1, 1, 1], images=130)
    words = compared(spec, history, 64, 4, nn.build(spec, NUMPY), NUMPY)
    assert f"{epoch_seconds(spec, 130, 64):.2g} predicted" in words
    assert "2 measured" in words
    assert "FastCNN, numpy, float32" in words
    assert "median of 3" in words
