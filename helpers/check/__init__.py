"""What a student's test cell calls: checks that say which mistake was made.

Each check runs the student's code on a few small cases, shows a report and, at the first mistake, raises `CheckFailed`
with a hint in plain words. All are pure functions of what the student defined; none needs the notebook's state.
"""

from helpers.check import reading
from helpers.check.activations import sigmoid_backward, sigmoid_forward, softmax_backward, softmax_forward
from helpers.check.curves import learning_curves
from helpers.check.epoch import evaluate, train_epoch
from helpers.check.form import form
from helpers.check.gradients import numerical_gradient
from helpers.check.linear import linear_backward, linear_forward, linear_init, linear_update
from helpers.check.losses import cross_entropy, cross_entropy_gradient
from helpers.check.network import network
from helpers.check.portable import convention, portable
from helpers.check.report import CheckFailed, Report
from helpers.check.schedules import exponential_decay, step_decay, sweet_spot
from helpers.check.studies import decay_experiment, learning_rate_study, same_on_all

__all__ = [
    "CheckFailed",
    "Report",
    "convention",
    "cross_entropy",
    "cross_entropy_gradient",
    "decay_experiment",
    "evaluate",
    "exponential_decay",
    "form",
    "learning_curves",
    "learning_rate_study",
    "linear_backward",
    "linear_forward",
    "linear_init",
    "linear_update",
    "network",
    "numerical_gradient",
    "portable",
    "reading",
    "same_on_all",
    "sigmoid_backward",
    "sigmoid_forward",
    "softmax_backward",
    "softmax_forward",
    "step_decay",
    "sweet_spot",
    "train_epoch",
]
