"""What a network costs by counting, and what that takes on a machine that is measured or described.

`layers` counts, `roofline`, `amdahl` and `communication` are the laws, `machine` measures, `device` reads described
machines, `prediction` puts them together, and
`comparison` holds it against measured steps.
"""

from __future__ import annotations

from helpers.lazy import lazy

_names, __getattr__, __dir__ = lazy(__name__, {
    "amdahl": ("Amdahl", "fit_amdahl", "speedup"),
    "communication": (
        "ALGORITHMS", "Link", "all_reduce", "bandwidth_only", "butterfly", "half_size", "messages",
        "parameter_server", "ring", "tree",
    ),
    "device": ("Cluster", "Device", "cluster_names", "device_names", "load_cluster", "load_device"),
    "link": ("fit_link", "measure_link"),
    "layers": ("LayerCost", "StepCost", "Work", "cost_table", "layer_costs", "step_cost"),
    "machine": ("Machine", "Rate", "Stair", "measure_bandwidth", "measure_machine", "measure_peak", "staircase"),
    "platform": (
        "PEAK", "Platform", "Sample", "Share", "fit_paleo", "fit_platform", "load_platform", "paleo",
        "platform_names",
    ),
    "prediction": (
        "ClusterPrediction", "Prediction", "paleo_seconds", "predict", "predict_cluster", "strong_scaling",
        "weak_scaling",
    ),
    "comparison": ("Comparison", "compare"),
    "timings": ("StepTimes", "time_steps"),
    "roofline": ("attainable", "bound", "ridge", "roofline_seconds"),
})  # fmt: skip

__all__ = [*_names]
