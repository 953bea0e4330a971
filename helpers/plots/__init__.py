"""Every figure of the course: colour-blind safe, with alt text, and without pyplot's global state.

matplotlib is imported when the first figure is made.
"""

from helpers.plots.cnn_learning import (
    error_by_rate,
    error_curves,
    gradient_norms,
    plateau_depths,
    plateau_lengths,
    plateau_loss,
)
from helpers.plots.diagrams import lowering, seven_loops
from helpers.plots.dots import ratio_dots
from helpers.plots.factors import scaling, staircase, threads, time_to_accuracy
from helpers.plots.generate import (
    by_setting,
    clouds,
    digit_map,
    few_labels,
    found_by_seed,
    image_rows,
    likelihood,
    likelihood_of_seeds,
)
from helpers.plots.images import digits
from helpers.plots.learning import convention_trap, learning_curves, learning_rates, loss_gap, schedules
from helpers.plots.memory import accuracy_by_lag, attention_map, bits_by_seconds, by_lag, error_by_depth, projections
from helpers.plots.performance import algorithm_times, roofline
from helpers.plots.runtime import batch_sizes, runtime_scatter, working_sets
from helpers.plots.runtime_curves import epoch_times, fits, speed_up
from helpers.plots.style import drawn, save, show
from helpers.plots.then_and_now import then_and_now
from helpers.plots.training import error_curve

__all__ = [
    "accuracy_by_lag",
    "algorithm_times",
    "attention_map",
    "batch_sizes",
    "bits_by_seconds",
    "by_lag",
    "by_setting",
    "clouds",
    "convention_trap",
    "digit_map",
    "digits",
    "epoch_times",
    "error_by_depth",
    "error_by_rate",
    "error_curve",
    "error_curves",
    "few_labels",
    "fits",
    "found_by_seed",
    "gradient_norms",
    "image_rows",
    "learning_curves",
    "learning_rates",
    "likelihood",
    "likelihood_of_seeds",
    "loss_gap",
    "lowering",
    "plateau_depths",
    "plateau_lengths",
    "plateau_loss",
    "projections",
    "ratio_dots",
    "roofline",
    "runtime_scatter",
    "save",
    "scaling",
    "schedules",
    "seven_loops",
    "show",
    "speed_up",
    "staircase",
    "then_and_now",
    "threads",
    "time_to_accuracy",
    "working_sets",
]

for _name in __all__:
    if _name not in ("save", "show"):
        globals()[_name] = drawn(globals()[_name])
