"""Layers, loss, schedules, and one epoch of training."""

from helpers.nn.fast_cnn import FastCNN
from helpers.nn.fast_mlp import FastMLP
from helpers.nn.layers import MLP, Linear, Sigmoid, Softmax
from helpers.nn.loss import cross_entropy, cross_entropy_gradient
from helpers.nn.schedule import constant, cosine_decay, exponential_decay, step_decay
from helpers.nn.steps import evaluate, train_epoch

__all__ = [
    "MLP",
    "FastCNN",
    "FastMLP",
    "Linear",
    "Sigmoid",
    "Softmax",
    "constant",
    "cosine_decay",
    "cross_entropy",
    "cross_entropy_gradient",
    "evaluate",
    "exponential_decay",
    "step_decay",
    "train_epoch",
]
