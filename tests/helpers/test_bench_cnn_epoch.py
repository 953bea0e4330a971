"""The benchmark of an epoch: what it reports, that both libraries walk one path, that wrong results are refused."""

import numpy as np
import pytest

from helpers.bench import cnn_epoch
from helpers.bench.cnn import LAYOUTS, TorchCNN
from helpers.bench.result import WrongResult
from helpers.data import load


def test_the_records():
    results = cnn_epoch.bench(1, {2: 150})
    assert [result.goal for result in results] == [0.6, None, None]
    for result, layout in zip(results, ("NCHW", "channels_last", ""), strict=True):
        assert "2 filters, 150 images" in result.what
        assert result.what.endswith(layout or ", numpy")
        assert result.ours > 0
        assert (result.threads, result.unit, result.repetitions) == (1, "s", 1)
    assert results[0].ratio == pytest.approx(results[0].ours / results[0].other)
    assert len(results[0].spread["losses"]["ours"]) == 3
    assert cnn_epoch.IMAGES[8] == 50_000
    assert cnn_epoch.SECONDS[8] == 5


@pytest.mark.parametrize("wrong", ["", "weights", "step"])
def test_a_network_on_another_path_is_refused(wrong, monkeypatch):
    data = load(train=cnn_epoch.CHECKED, test=1, flat=False)
    ours = cnn_epoch.network(3)
    others = {name: TorchCNN(ours, data, name) for name in LAYOUTS}
    if wrong == "weights":
        ours.dense[1][0, 0] += 0.5
    elif wrong == "step":
        take = ours._step
        monkeypatch.setattr(ours, "_step", lambda images, labels, lr: take(images, labels, lr * 1.01))
    if wrong:
        with pytest.raises(WrongResult, match="must agree"):
            cnn_epoch.check(data, ours, others)
    else:
        losses = cnn_epoch.check(data, ours, others)
        assert all(np.isclose(losses[name], losses["numpy"], atol=1e-4) for name in LAYOUTS)
