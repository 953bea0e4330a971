"""cuDNN's routines, on numpy and torch: convolution, pooling, softmax, activations, bias, each forward and backward."""

from helpers.primitives.activations import (
    relu_backward,
    relu_forward,
    sigmoid_backward,
    sigmoid_forward,
    tanh_backward,
    tanh_forward,
)
from helpers.primitives.bias import bias_backward, bias_forward
from helpers.primitives.choose import find, forget
from helpers.primitives.convolution import conv_backward_data, conv_backward_filter, conv_forward
from helpers.primitives.pooling import (
    PoolSpec,
    average_pool_backward,
    average_pool_forward,
    max_pool_backward,
    max_pool_forward,
)
from helpers.primitives.softmax import softmax_backward, softmax_forward
from helpers.primitives.spec import PAPER_LAYERS, PASSES, ConvSpec

__all__ = [
    "PAPER_LAYERS",
    "PASSES",
    "ConvSpec",
    "PoolSpec",
    "average_pool_backward",
    "average_pool_forward",
    "bias_backward",
    "bias_forward",
    "conv_backward_data",
    "conv_backward_filter",
    "conv_forward",
    "find",
    "forget",
    "max_pool_backward",
    "max_pool_forward",
    "relu_backward",
    "relu_forward",
    "sigmoid_backward",
    "sigmoid_forward",
    "softmax_backward",
    "softmax_forward",
    "tanh_backward",
    "tanh_forward",
]
