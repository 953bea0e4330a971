"""The checks of the assignment `convolution`."""

from helpers.lazy import lazy

__all__, __getattr__, __dir__ = lazy(
    __name__,
    {
        "counts": ["bytes", "flops", "intensity", "lowered_mebibytes"],
        "definition": ["bias", "forward", "output_size", "true_convolution"],
        "fourier": ["dft_matrix", "fft"],
        "gradients": ["backward_bias", "backward_data", "backward_filter"],
        "lowering": ["col2im", "im2col", "lowered", "tiled"],
        "measured": ["attainable", "layer_timings", "timings", "triton"],
        "pooling": ["average_pool", "max_pool_backward", "max_pool_forward"],
        "..core.form": ["form"],
        "..core.gradients": ["numerical_gradient"],
    },
)
