"""Every figure of the course: colour-blind safe, with alt text, and without pyplot's global state.

matplotlib is imported when the first figure is made.
"""

from helpers.plots.images import digits
from helpers.plots.learning import convention_trap, learning_curves, learning_rates, loss_gap, schedules
from helpers.plots.style import save, show

__all__ = [
    "convention_trap",
    "digits",
    "learning_curves",
    "learning_rates",
    "loss_gap",
    "save",
    "schedules",
    "show",
]
