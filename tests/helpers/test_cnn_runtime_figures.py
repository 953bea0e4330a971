"""Figures of the runtime study, drawn from the shipped record and the model."""

from dataclasses import replace

import numpy as np
import pytest

from helpers import plots
from helpers.errors import CourseError
from helpers.study import cnn_runtime as runtime
from helpers.study.cnn_runtime import fits

POINTS = [
    *runtime.recorded("numpy"),
    *runtime.predicted("Tesla K40", [8, 16, 32, 64, 256]),
    *runtime.recorded("torch"),
    *(p for n in (1, 8, 512) for p in runtime.predicted("Titan X", [8], batch=n)),
]
NUMPY = [p for p in POINTS if (p.backend, p.threads, p.batch) == ("numpy", 1, 64)]
CURVES = {form: fits.fit(form, [p.filters for p in NUMPY], [p.seconds for p in NUMPY]) for form in fits.FORMS}
USUAL = [p for p in POINTS if p.batch == 64]


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: plots.runtime_scatter(USUAL), "cuda, Tesla K40 (predicted): 8 filters 0.378 ms"),
        (lambda: plots.runtime_scatter(USUAL, "flops"), "against operations"),
        (lambda: plots.runtime_scatter(USUAL, scale="linear"), "both axes linear"),
        (lambda: plots.speed_up(USUAL, "numpy"), "Speed-up over numpy"),
        (lambda: plots.speed_up(USUAL, "numpy", claim=20), "a line at 20, the speed-up that was reported"),
        (lambda: plots.fits(NUMPY, CURVES), "quadratic: 8 filters"),
        (
            lambda: plots.epoch_times([0.2, 0.1], fits.prediction_interval([0.2, 0.1], 2)),
            "the first 200 ms",
        ),
        (lambda: plots.batch_sizes(POINTS), "batch 512"),
        (lambda: plots.working_sets(NUMPY, [2**20] * len(NUMPY), {"L2": 2**20}), "Caches: L2 1 MiB."),
    ],
)
def test_figures_of_the_shipped_record(draw, words):
    figure = draw()
    assert words in figure.alt
    assert figure.axes[0].get_xlabel()
    assert figure.axes[0].get_ylabel()


def test_predicted_points_are_hollow_and_dashed_and_say_so():
    figure = plots.runtime_scatter(USUAL)
    lines = {container.get_label(): container.lines[0] for container in figure.axes[0].containers}
    for label, line in lines.items():
        assert (line.get_linestyle() == "--") == ("(predicted)" in label)
        assert (line.get_markerfacecolor() == "white") == ("(predicted)" in label)
    assert any("(predicted)" in label for label in lines)
    assert all("(recorded)" in label for label in lines if "numpy" in label)


def test_a_logarithmic_scatter_has_a_guide_of_slope_1_through_each_largest_network():
    axes = plots.runtime_scatter(NUMPY, "flops").axes[0]
    (guide,) = (line for line in axes.lines if line.get_label() == "slope 1: proportional")
    (x0, x1), (y0, y1) = guide.get_xdata()[[0, -1]], guide.get_ydata()[[0, -1]]
    largest = max(NUMPY, key=lambda p: p.flops)
    assert y1 / y0 == pytest.approx(x1 / x0)
    assert y1 == pytest.approx(1e3 * largest.seconds)


def test_times_in_proportion_to_the_operations_are_convex_over_parameters_without_any_exponential():
    axes = plots.runtime_scatter(NUMPY, scale="linear").axes[0]
    (curve,) = (line for line in axes.lines if line.get_label() == "in proportion to the operations")
    slopes = np.diff(curve.get_ydata()) / np.diff(curve.get_xdata())
    assert (np.diff(slopes) > 0).all()


def test_the_bars_of_predictions_are_said_to_be_assumptions():
    assert "Bars: quartiles of what was timed; of a prediction, what its model" in _note(plots.runtime_scatter(USUAL))
    assert _note(plots.runtime_scatter(NUMPY)) == "Bars: quartiles of what was timed"
    assert "prediction" in _note(plots.batch_sizes(POINTS))


def _note(figure):
    return figure.legends[0].get_title().get_text()


def test_speed_up_over_two_baselines_has_ticks_at_the_sizes():
    figure = plots.speed_up([p for p in USUAL if p.threads == 1], ("numpy", "torch"), "filters")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert any("Tesla K40 (predicted) over numpy" in label for label in labels)
    assert any("Tesla K40 (predicted) over torch" in label for label in labels)
    assert not any(label.startswith("numpy") for label in labels)
    shown = {p.filters for p in USUAL} & {p.filters for p in NUMPY}
    assert set(figure.axes[0].get_xticks()) <= {p.filters for p in NUMPY}
    assert {8, 16, 32, 64} <= set(figure.axes[0].get_xticks()) <= shown


def test_fits_have_a_linear_and_a_logarithmic_time_axis():
    assert [ax.get_yscale() for ax in plots.fits(NUMPY, CURVES).axes] == ["linear", "log"]


def test_the_crossover_stands_in_the_legend():
    ours = [replace(p, backend="numpy", hardware="CPU", predicted=False, seconds=s)
            for p, s in zip(runtime.predicted("Titan X", [8, 16, 32]), (1.0, 2.0, 4.0), strict=True)]  # fmt: skip
    other = [replace(p, backend="torch", seconds=2.0) for p in ours]
    figure = plots.speed_up([*ours, *other], "numpy", "filters", crossover=fits.crossover)
    assert "torch, CPU, 1 thread: as fast at 16" in figure.legends[0].get_texts()[0].get_text()


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: plots.runtime_scatter([]), "no points"),
        (lambda: plots.runtime_scatter(USUAL, "time"), "no axis"),
        (lambda: plots.runtime_scatter(USUAL, scale="square"), "no scale"),
        (lambda: plots.speed_up(USUAL, "torch2"), "no points of 'torch2'"),
        (lambda: plots.speed_up(NUMPY, "numpy"), "Nothing is left"),
        (lambda: plots.speed_up(USUAL, "numpy", "seconds"), "no axis"),
        (lambda: plots.fits(NUMPY, {}), "at least one point and one curve"),
        (lambda: plots.epoch_times([], {}), "at least one epoch"),
        (lambda: plots.batch_sizes([]), "no points"),
        (lambda: plots.working_sets(NUMPY, [1], {}), "one a point"),
    ],
)
def test_nothing_to_draw_is_a_sentence(draw, words):
    with pytest.raises(CourseError, match=words):
        draw()
