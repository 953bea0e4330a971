"""The checks of the assignment `cnn_learning`, gathered from their files."""

from helpers.check.learning_choice import choose_rate
from helpers.check.learning_conv import conv_backward, conv_forward, conv_update
from helpers.check.learning_layers import dense, flatten, max_pool, relu
from helpers.check.learning_loop import error_rate, own_run, train
from helpers.check.learning_network import build, network
from helpers.check.learning_plateau import gradient_norms, plateau_length, prediction_tested, predictions, scale_for
from helpers.check.learning_report import report
from helpers.check.learning_shapes import output_shape, parameter_count
from helpers.check.learning_sizes import study_size
from helpers.check.learning_study import study
from helpers.check.learning_table import layer_table

__all__ = [
    "build",
    "choose_rate",
    "conv_backward",
    "conv_forward",
    "conv_update",
    "dense",
    "error_rate",
    "flatten",
    "gradient_norms",
    "layer_table",
    "max_pool",
    "network",
    "output_shape",
    "own_run",
    "parameter_count",
    "plateau_length",
    "prediction_tested",
    "predictions",
    "relu",
    "report",
    "scale_for",
    "study",
    "study_size",
    "train",
]
