"""The checks of the assignment `network_from_scratch`."""

from helpers.lazy import lazy

__all__, __getattr__, __dir__ = lazy(
    __name__,
    {
        "activations": ["sigmoid_backward", "sigmoid_forward", "softmax_backward", "softmax_forward"],
        "curves": ["learning_curves"],
        "epoch": ["evaluate", "train_epoch"],
        "linear": ["linear_backward", "linear_forward", "linear_init", "linear_update"],
        "losses": ["cross_entropy", "cross_entropy_gradient"],
        "mlp": ["network"],
        "array_backends": ["convention", "portable"],
        "schedules": ["exponential_decay", "step_decay", "sweet_spot"],
        "studies": ["decay_experiment", "learning_rate_study", "same_on_all"],
        "..core.form": ["form"],
        "..core.gradients": ["numerical_gradient"],
        "..core.own_training": ["own_training"],
    },
)
