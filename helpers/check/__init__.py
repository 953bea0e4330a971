"""What a student's test cell calls: checks that say which mistake was made.

Each check runs the student's code on a few small cases, shows a report and, at the first mistake, raises `CheckFailed`
with a hint in plain words. All are pure functions of what the student defined; none needs the notebook's state.
"""

from helpers.check import learning, reading, runtime
from helpers.check.activations import sigmoid_backward, sigmoid_forward, softmax_backward, softmax_forward
from helpers.check.conv_counts import conv_bytes, conv_flops, conv_intensity, conv_lowered_mebibytes
from helpers.check.conv_definition import conv_bias, conv_forward, conv_output_size, true_convolution
from helpers.check.conv_fourier import conv_fft, dft_matrix
from helpers.check.conv_gradients import conv_backward_bias, conv_backward_data, conv_backward_filter
from helpers.check.conv_lowering import conv_col2im, conv_im2col, conv_lowered, conv_tiled
from helpers.check.conv_measured import attainable, conv_timings, conv_triton, layer_timings
from helpers.check.curves import learning_curves
from helpers.check.epoch import evaluate, train_epoch
from helpers.check.form import form
from helpers.check.gradients import numerical_gradient
from helpers.check.linear import linear_backward, linear_forward, linear_init, linear_update
from helpers.check.losses import cross_entropy, cross_entropy_gradient
from helpers.check.network import network
from helpers.check.own_training import own_training
from helpers.check.pool_checks import average_pool, max_pool_backward, max_pool_forward
from helpers.check.portable import convention, portable
from helpers.check.report import CheckFailed, Report
from helpers.check.schedules import exponential_decay, step_decay, sweet_spot
from helpers.check.studies import decay_experiment, learning_rate_study, same_on_all

__all__ = [
    "CheckFailed",
    "Report",
    "attainable",
    "average_pool",
    "conv_backward_bias",
    "conv_backward_data",
    "conv_backward_filter",
    "conv_bias",
    "conv_bytes",
    "conv_col2im",
    "conv_fft",
    "conv_flops",
    "conv_forward",
    "conv_im2col",
    "conv_intensity",
    "conv_lowered",
    "conv_lowered_mebibytes",
    "conv_output_size",
    "conv_tiled",
    "conv_timings",
    "conv_triton",
    "convention",
    "cross_entropy",
    "cross_entropy_gradient",
    "decay_experiment",
    "dft_matrix",
    "evaluate",
    "exponential_decay",
    "form",
    "layer_timings",
    "learning",
    "learning_curves",
    "learning_rate_study",
    "linear_backward",
    "linear_forward",
    "linear_init",
    "linear_update",
    "max_pool_backward",
    "max_pool_forward",
    "network",
    "numerical_gradient",
    "own_training",
    "portable",
    "reading",
    "runtime",
    "same_on_all",
    "sigmoid_backward",
    "sigmoid_forward",
    "softmax_backward",
    "softmax_forward",
    "step_decay",
    "sweet_spot",
    "train_epoch",
    "true_convolution",
]
