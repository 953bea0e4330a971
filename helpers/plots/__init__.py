"""Every figure of the course: colour-blind safe, with alt text, and without pyplot's global state.

matplotlib is imported when the first figure is made.
"""

from helpers.plots.dots import ratio_dots
from helpers.plots.images import digits
from helpers.plots.learning import convention_trap, learning_curves, learning_rates, loss_gap, schedules
from helpers.plots.performance import algorithm_bars, roofline
from helpers.plots.runtime import runtime_scatter
from helpers.plots.style import save, show
from helpers.plots.then_and_now import then_and_now

__all__ = [
    "algorithm_bars",
    "convention_trap",
    "digits",
    "learning_curves",
    "learning_rates",
    "loss_gap",
    "ratio_dots",
    "runtime_scatter",
    "roofline",
    "save",
    "schedules",
    "show",
    "then_and_now",
]
