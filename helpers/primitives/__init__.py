"""cuDNN's routines, on numpy and torch: convolution, pooling, softmax, activations, bias, each forward and backward."""

from helpers.primitives.convolution import conv_backward_data, conv_backward_filter, conv_forward
from helpers.primitives.spec import PAPER_LAYERS, PASSES, ConvSpec

__all__ = [
    "PAPER_LAYERS",
    "PASSES",
    "ConvSpec",
    "conv_backward_data",
    "conv_backward_filter",
    "conv_forward",
]
