"""cuDNN's routines, on numpy and torch: convolution, pooling, softmax, activations, bias, each forward and backward.

Each is loaded when it is first asked for.
"""

from __future__ import annotations

from helpers.lazy import lazy

_names, __getattr__, __dir__ = lazy(__name__, {
    "activations": (
        "relu_backward", "relu_forward", "sigmoid_backward", "sigmoid_forward", "tanh_backward", "tanh_forward",
    ),
    "bias": ("bias_backward", "bias_forward"),
    "choose": ("find", "forget"),
    "convolution": ("conv_backward_data", "conv_backward_filter", "conv_forward"),
    "pooling": (
        "PoolSpec", "average_pool_backward", "average_pool_forward", "max_pool_backward", "max_pool_forward",
    ),
    "softmax": ("softmax_backward", "softmax_forward"),
    "spec": ("PAPER_LAYERS", "PASSES", "ConvSpec"),
})  # fmt: skip

__all__ = [*_names]
