"""The checks of the assignment `cnn_runtime`."""

from helpers.lazy import lazy

__all__, __getattr__, __dir__ = lazy(
    __name__,
    {
        "counts": ["forward_flops", "parameters", "step_flops"],
        "crossing": ["crossover"],
        "extrapolate": ["prediction_interval"],
        "fits": ["compare", "fit", "held_out_error"],
        "measured_row": ["row"],
        "measured_rows": ["batches", "per_image", "rows"],
        "timing": ["time_on_a_queue", "time_step", "where_it_ran"],
        "timing_summary": ["summary"],
        "..core.form": ["form"],
    },
)
