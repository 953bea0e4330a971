"""The checks of the assignment `remember`."""

from helpers.lazy import lazy

__all__, __getattr__, __dir__ = lazy(
    __name__,
    {
        "attention": ["attend", "attend_backward"],
        "characters": ["bits_per_character", "read_through"],
        "curves": ["learning_curves"],
        "deconvolution": ["conv_transpose", "pool", "project", "unpool"],
        "lstm": ["lstm_start", "lstm_step", "lstm_step_backward", "recurrent_operations"],
        "residual": ["block", "block_backward"],
        "rnn": ["clip_by_norm", "rnn_backward", "rnn_step", "rnn_step_backward"],
        "..core.form": ["form"],
    },
)
