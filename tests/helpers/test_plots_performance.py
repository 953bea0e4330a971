"""Figures of speed: drawn, described, and refused in a sentence where there is nothing to draw."""

import pytest

from helpers import plots
from helpers.errors import CourseError
from helpers.plots.style import png
from helpers.timing import Timing

TIMINGS = {
    layer: {"torch": Timing("torch", [0.01, 0.011, 0.012]), "a": Timing("a", [0.02, 0.03, 0.025]), "b": [1.0, 1.5, 1.2]}
    for layer in ("L1", "L2")
}
POINTS = {"torch": {"L1": (20.0, 5e10), "L2": (300.0, 8e10)}, "a": {"L1": (20.0, 2e10)}}  # "a" stands at its point
MANY = {f"algorithm {i}": {"L1": (20.0, 1e10 * (i + 1))} for i in range(9)}


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: plots.roofline(POINTS, 9e10, 1.2e10), "flat from there, at 90 GFLOP/s"),
        (lambda: plots.roofline(MANY, 9e10, 1.2e10), "algorithm 8: L1 90.0"),
        (lambda: plots.algorithm_times(TIMINGS, "torch"), "L1: a 2.1, b 100; L2: a 2.1, b 100"),
        (lambda: plots.algorithm_times({"L1": {"torch": [1.0], "a": [0.5]}}, "torch"), "L1: a 0.5"),
        (plots.seven_loops, "window of R by S pixels"),
        (plots.lowering, "1 2 4 5; 2 3 5 6; 4 5 7 8; 5 6 8 9"),
    ],
)
def test_figures_are_small_and_told_in_words(draw, words):
    figure = draw()
    assert words in figure.alt
    assert 2_000 < len(png(figure)) < 60_000


def test_the_students_own_algorithms_have_a_panel_of_their_own():
    left, right = plots.algorithm_times(TIMINGS, "torch", own=["b"]).axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["a"]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["b"]


def test_a_series_of_one_layer_is_named_at_its_point():
    figure = plots.roofline(POINTS | {"ReLU": {"ReLU": (0.125, 1e9)}}, 9e10, 1.2e10)
    assert "ReLU" in [text.get_text() for text in figure.axes[0].texts]
    assert "ReLU" not in [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.roofline({}, 1.0, 1.0),
        lambda: plots.roofline({"a": {"L1": (0.0, 1.0)}}, 1.0, 1.0),
        lambda: plots.algorithm_times({}, "torch"),
        lambda: plots.algorithm_times({"L1": {"a": [1.0]}}, "torch"),
        lambda: plots.algorithm_times({"L1": {"torch": [1.0]}}, "torch"),
        lambda: plots.algorithm_times({"L1": {"a": [0.0], "torch": [1.0]}}, "torch"),
        lambda: plots.algorithm_times({"L1": {"a": [], "torch": [1.0]}}, "torch"),
    ],
)
def test_nothing_to_draw_is_a_sentence(draw):
    with pytest.raises(CourseError, match=r"\.$"):
        draw()


def test_an_algorithm_has_one_colour_and_marker_in_all_figures():
    rows = {"L1": (20.0, 5e10), "L2": (300.0, 8e10)}
    names = ["dft", "my FFT", "another", "torch"]
    roof = plots.roofline(dict.fromkeys(names, rows), 9e10, 1.2e10)
    timings = {layer: {name: [1.0] for name in ["torch", "direct", "another", "my FFT", "dft"]} for layer in rows}
    bars = plots.algorithm_times(timings, "torch", own=["my FFT"])
    drawn = [
        {line.get_label(): (line.get_color(), line.get_marker()) for ax in figure.axes for line in ax.get_lines()}
        for figure in (roof, bars)
    ]
    both = [{name: found[name] for name in names[:3]} for found in drawn]
    assert both[0] == both[1]
    assert len(set(both[0].values())) == 3
