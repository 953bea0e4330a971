"""The checks of the assignment `cnn_learning`."""

from helpers.lazy import lazy

__all__, __getattr__, __dir__ = lazy(
    __name__,
    {
        "cnn": ["build", "network"],
        "layers": ["conv_backward", "conv_forward", "conv_update", "dense", "flatten", "max_pool", "relu"],
        "plateau": ["gradient_norms", "plateau_length", "prediction_tested", "predictions", "scale_for"],
        "rate_study": ["choose_rate", "report", "study"],
        "shapes": ["layer_table", "output_shape", "parameter_count"],
        "sizes": ["study_size"],
        "training": ["error_rate", "own_run", "train"],
        "..core.form": ["form"],
    },
)
