"""The checks of the assignment `cnn_runtime`, gathered from their files."""

from helpers.check.runtime_counts import forward_flops, parameters, step_flops
from helpers.check.runtime_crossing import crossover
from helpers.check.runtime_extrapolate import prediction_interval
from helpers.check.runtime_fits import compare, fit, held_out_error
from helpers.check.runtime_row import row
from helpers.check.runtime_rows import batches, per_image, rows
from helpers.check.runtime_summary import summary
from helpers.check.runtime_timing import time_on_a_queue, time_step, where_it_ran

__all__ = [
    "batches",
    "compare",
    "crossover",
    "fit",
    "forward_flops",
    "held_out_error",
    "parameters",
    "per_image",
    "prediction_interval",
    "row",
    "rows",
    "step_flops",
    "summary",
    "time_on_a_queue",
    "time_step",
    "where_it_ran",
]
