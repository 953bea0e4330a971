"""Figures: drawn for every case, small, with alt text, without pyplot."""

import base64
import html
import io
import math
import sys

import numpy as np
import pytest
from PIL import Image

from helpers import plots
from helpers.errors import CourseError
from helpers.plots.style import png
from helpers.train import History


def history(label="rate 0.1", epochs=5, broken=False):
    h = History(label)
    for e in range(epochs):
        h.train_loss.append(1 / (e + 1))
        h.test_loss.append(math.nan if broken and e > 1 else 1 / (e + 1) + 0.05 * e)
        h.test_accuracy.append(0.1 if broken and e > 1 else 0.9 + 0.01 * e)
        h.learning_rate.append(0.1)
        h.seconds.append(1.0)
    return h


FIGURES = {
    "curves": lambda: plots.learning_curves(history()),
    "one epoch": lambda: plots.learning_curves(history(epochs=1)),
    "curves with nan": lambda: plots.learning_curves(history(broken=True)),
    "rates": lambda: plots.learning_rates({0.1: history(), 10.0: history(broken=True)}),
    "a list": lambda: plots.learning_rates([history(), history("rate 1")]),
    "gap": lambda: plots.loss_gap([history(f"rate {i}", broken=i == 3) for i in range(1, 6)]),
    "schedules": lambda: plots.schedules({"constant 0.1": [history()] * 3, "cosine": [history()] * 3}),
    "trap": lambda: plots.convention_trap({"mean": {1.0: 0.95, 0.1: 0.9}, "sum": {1.0: 0.1, 0.1: math.nan}}),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_small_and_described(name):
    figure = FIGURES[name]()
    assert figure.alt.endswith(".")
    assert len(figure.alt) > 60
    picture = png(figure)
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 80_000
    assert Image.open(io.BytesIO(picture)).width == pytest.approx(144 * figure.get_figwidth(), abs=1)
    for ax in figure.axes:
        if ax.get_visible() and ax.xaxis.get_tick_params().get("labelbottom", True):
            assert ax.get_xlabel()


def test_lines_differ_without_colour():
    ax = plots.learning_rates([history(f"rate {i}") for i in range(9)]).axes[0]
    assert len({(line.get_color(), str(line.get_linestyle()), line.get_marker()) for line in ax.lines}) == 9


def test_errors_stand_on_a_logarithmic_axis_where_good_rates_stay_apart():
    ax = plots.learning_rates({0.1: history(), 1.0: history("b")}).axes[0]
    assert ax.get_yscale() == "log"
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [10, 9, 8, 7, 6])


def test_a_small_turn_of_the_test_loss_is_seen_and_no_panel_is_empty():
    run = history("rate 1", 30)
    run.test_loss = [*np.linspace(2.0, 0.199, 12), *np.linspace(0.2, 0.215, 18)]
    run.train_loss = [2.0 * 0.75**i for i in range(30)]
    run.test_accuracy = [0.1 + 0.028 * i for i in range(30)]
    figure = plots.loss_gap(dict.fromkeys("abcde", run))
    above, below = figure.axes[0], figure.axes[5]
    low, high = above.get_ylim()
    assert (0.215 - 0.199) / (high - low) > 0.1
    assert below.get_ylabel() == "test accuracy"
    assert len(figure.axes) == 10
    assert all(ax.get_visible() for ax in figure.axes)
    assert "lowest test loss 0.199 at epoch 12" in figure.alt


def test_schedules_have_plain_ticks_and_a_legend_for_the_rates():
    run = history()
    run.learning_rate = [2.0, 1.5, 1.0, 0.7, 0.6]
    figure = plots.schedules({"constant 1.0": [history()] * 2, "decay": [run] * 2})
    ticks = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert ticks == ["0.1", "0.2", "0.5", "1", "2"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["constant 1.0", "decay"]


def test_conventions_fall_on_one_curve_against_rate_times_factor():
    def accuracy(rate):
        return 0.5 + 0.1 * math.log10(rate)

    rates = (1.0, 0.1, 0.01)
    table = {"mean": {r: accuracy(r) for r in rates}, "sum": {r: accuracy(8 * r) for r in rates}}
    figure = plots.convention_trap(table | {"in_features": {0.1: 0.4}}, batch=8, inputs=(16, 4))
    mean, total = (line for line in figure.axes[1].lines[:2])
    for points in (mean, total):
        np.testing.assert_allclose(points.get_ydata(), [accuracy(x) for x in points.get_xdata()])
    ((ends,),) = [c.get_segments() for c in figure.axes[1].collections]
    np.testing.assert_allclose(ends, [[0.05, 0.4], [0.2, 0.4]])


def test_nan_is_said():
    assert "not finite from epoch 3" in plots.learning_rates([history(broken=True)]).alt


def test_no_pyplot_state():
    plots.learning_curves(history())
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_show_gives_a_notebook_picture_and_alt(monkeypatch):
    import IPython
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr(IPython.display, "display", lambda *a, **k: shown.append((a, k)))
    figure = plots.learning_curves(history())
    plots.show(figure)
    (bundle,), rest = shown[0]
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    about = rest["metadata"]["image/png"]
    assert about["alt"] == bundle["text/plain"] == figure.alt
    picture = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert picture.size == (2 * about["width"], 2 * about["height"])
    (words,), _ = shown[1]
    assert html.escape(figure.alt) in words["text/html"]


def test_show_without_a_notebook_prints_the_alt_text(capsys):
    plots.show(plots.learning_curves(history()))
    assert capsys.readouterr().out.startswith("Learning curves")


def test_save_is_whole_or_nothing(tmp_path):
    path = plots.save(plots.learning_curves(history()), tmp_path / "deep" / "a.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in path.parent.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    "call",
    [
        lambda: plots.learning_curves(History("empty")),
        lambda: plots.learning_rates({}),
        lambda: plots.loss_gap([]),
        lambda: plots.schedules({"a": []}),
        lambda: plots.convention_trap({}),
    ],
)
def test_nothing_to_draw_is_a_sentence(call):
    with pytest.raises(CourseError):
        call()
