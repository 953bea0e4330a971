"""Figures: drawn for every case, small, with alt text, without pyplot."""

import base64
import html
import io
import math
import sys

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
        if ax.get_visible():
            assert ax.get_xlabel()


def test_lines_differ_without_colour():
    ax = plots.learning_rates([history(f"rate {i}") for i in range(9)]).axes[0]
    assert len({(line.get_color(), str(line.get_linestyle()), line.get_marker()) for line in ax.lines}) == 9


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
