"""The checks of the assignment `cnn_learning`."""

from helpers.lazy import lazy

__all__, __getattr__, __dir__ = lazy(
    __name__,
    {
        "choice": ["choose_rate"],
        "cnn": ["build", "network"],
        "convolution_layer": ["conv_backward", "conv_forward", "conv_update"],
        "final_report": ["report"],
        "layers": ["dense", "flatten", "max_pool", "relu"],
        "loop": ["error_rate", "own_run", "train"],
        "plateau": ["gradient_norms", "plateau_length", "prediction_tested", "predictions", "scale_for"],
        "rate_study": ["study"],
        "shapes": ["output_shape", "parameter_count"],
        "sizes": ["study_size"],
        "tables": ["layer_table"],
        "..core.form": ["form"],
    },
)
