"""The checks of the assignment `performance_factors`."""

from helpers.lazy import lazy

__all__, __getattr__, __dir__ = lazy(
    __name__,
    {
        "costs": ["conv_cost", "dense_cost", "elementwise_cost", "roof_seconds"],
        "memo": ["bill"],
        "sizes": ["prune", "quantise", "quantised_bytes"],
        "threads": ["amdahl", "seconds_at"],
        "time_to_accuracy": ["rate_for", "steps_to", "time_to_level"],
        "workers": ["parallel_step", "ring_mean", "ring_seconds", "ring_traffic", "shared_gradient"],
        "..core.form": ["form"],
    },
)
