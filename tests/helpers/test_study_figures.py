"""The learning study's figures draw what they are given, say it in words, and refuse what can't be drawn."""

import pytest

from helpers import plots
from helpers.errors import CourseError
from helpers.train import History


def runs(*errors, held_out="validation"):
    """One History per seed, from the errors of its epochs."""
    return [
        History(
            test_accuracy=[1 - e for e in seed], test_loss=[1.0] * len(seed), train_loss=[1.0] * len(seed),
            learning_rate=[0.1] * len(seed), seconds=[1.0] * len(seed), held_out=held_out,
        )
        for seed in errors
    ]  # fmt: skip


CURVES = {0.1: runs([0.2, 0.04], [0.4, 0.02], [0.3, 0.05]), 0.01: runs([0.9, 0.8], [0.9, 0.6], [0.9, 0.7])}


def lines(fig):
    return {line.get_label(): line for line in fig.axes[0].lines if not line.get_label().startswith("_")}


def test_error_curves_are_medians_in_per_cent():
    fig = plots.error_curves(CURVES)
    assert list(lines(fig)["rate 0.1"].get_ydata()) == pytest.approx([30, 4])
    assert list(lines(fig)["rate 0.01"].get_xdata()) == [1, 2]
    ranges = [sorted(line.get_ydata()) for line in fig.axes[0].lines if line.get_label().startswith("_")]
    assert any(r == pytest.approx([2, 5]) for r in ranges)
    assert fig.axes[0].get_ylabel() == "validation error (%)"
    assert "median and range of 3 seeds" in fig.axes[0].get_title()
    assert "rate 0.1 from 30.0% to 4.0%" in fig.alt


def test_error_curves_in_panels_share_an_axis_and_a_rate_keeps_its_colour():
    fig = plots.error_curves(CURVES, panels={"both": CURVES, "one": [0.1]})
    both, one = fig.axes
    assert (both.get_title(), one.get_title()) == ("both", "one")
    assert both.get_ylim() == one.get_ylim()
    drawn = [{line.get_label(): line.get_color() for line in ax.lines} for ax in (both, one)]
    assert drawn[0]["rate 0.1"] == drawn[1]["rate 0.1"] != drawn[0]["rate 0.01"]


def test_error_by_rate_marks_the_predicted_edge():
    fig = plots.error_by_rate(CURVES, edge=0.0134)
    assert list(lines(fig)["predicted edge, 0.013"].get_xdata()) == [0.0134, 0.0134]
    assert "predicted edge at 0.013" in fig.alt


def test_error_by_rate_has_every_seed():
    fig = plots.error_by_rate(CURVES)
    assert list(lines(fig)["median"].get_xdata()) == [0.01, 0.1]
    assert list(lines(fig)["median"].get_ydata()) == pytest.approx([70, 4])
    assert sorted(lines(fig)["one seed"].get_ydata()) == pytest.approx([2, 4, 5, 60, 70, 80])
    assert "rate 0.1 4.00% (2.00 to 5.00)" in fig.alt
    assert fig.axes[0].get_xscale() == "log"


def test_axes_name_the_images():
    fig = plots.error_by_rate({0.1: runs([0.1], held_out="test")})
    assert fig.axes[0].get_ylabel() == "test error after the last epoch (%)"


@pytest.mark.parametrize("draw", [plots.error_curves, plots.error_by_rate])
@pytest.mark.parametrize(
    ("curves", "word"),
    [
        ({}, "no curve"),
        ({0.1: []}, "no curve"),
        ({0.1: [History()]}, "no curve"),
        ({0.1: runs([0.1]), 0.2: runs([0.1], held_out="test")}, "draw them apart"),
        ({0.1: runs([0.1], [0.1, 0.2])}, "different numbers of epochs"),
    ],
)
def test_curves_that_cannot_be_drawn(draw, curves, word):
    with pytest.raises(CourseError, match=word):
        draw(curves)


def test_gradient_norms():
    fig = plots.gradient_norms({"conv 1": [0.1, 2.0, 1.0], "dense 1": [0.2, 0.3, 0.4]}, [0, 10, 20])
    assert list(lines(fig)["conv 1"].get_ydata()) == [0.1, 2.0, 1.0]
    assert "conv 1 starts at 0.1, is at most 2 and ends at 1" in fig.alt
    with pytest.raises(CourseError, match="no norms"):
        plots.gradient_norms({"conv 1": [0.1]}, [0, 10])


def test_plateau_lengths_show_seeds_products_and_runs_that_never_left():
    fig = plots.plateau_lengths({1.0: {0.1: 10, 0.2: 8}, 0.1: {0.1: [None, None], 0.2: [300, 500]}}, most=600)
    found = lines(fig)
    assert list(found["weights × 1"].get_ydata()) == [10, 8]
    assert list(found["weights × 0.1"].get_xdata()) == [0.2]
    assert list(found["weights × 0.1"].get_ydata()) == [400]
    assert found["weights × 0.1"].get_linestyle() != ":", "only the guides are dotted"
    assert fig.axes[0].get_ylabel() == "steps until the loss is below 2"
    assert "weights × 1: rate × steps from 1 to 1.6" in fig.alt
    assert "weights × 0.1 not left by all seeds at rate 0.1" in fig.alt
    assert any(text.get_text() == "some not within 600 steps" for text in fig.legends[0].get_texts())
    with pytest.raises(CourseError, match="No run has left"):
        plots.plateau_lengths({1.0: {0.1: None}})


def test_plateau_depths_draw_the_expected_power():
    fig = plots.plateau_depths({"4 layers": {0.5: [2.0, 2.0], 0.25: [8.0]}}, {"4 layers": -2})
    expected = lines(fig)["scale to the power −2"]
    assert list(expected.get_ydata()) == pytest.approx([8, 2])
    assert "4 layers: 8 at 0.25, 2 at 0.5" in fig.alt
    with pytest.raises(CourseError, match="no plateau"):
        plots.plateau_depths({"4 layers": {0.5: []}})


def test_plateau_loss_names_its_levels_in_the_legend_where_no_curve_runs():
    fig = plots.plateau_loss({"a": [2.3] * 9}, level=2.0)
    assert list(lines(fig)["2, the end of the plateau"].get_ydata()) == [2.0, 2.0]
    assert not list(fig.axes[0].texts)


def test_plateau_loss_is_smoothed():
    fig = plots.plateau_loss({"a": [3.0, 1.0, 2.0, 2.0]}, smooth=2)
    assert list(lines(fig)["a"].get_xdata()) == [2, 3, 4]
    assert list(lines(fig)["a"].get_ydata()) == [2.0, 1.5, 2.0]
    with pytest.raises(CourseError, match="at least 5"):
        plots.plateau_loss({"a": [1.0] * 4})
