"""Layers, loss, optimisers, schedules, and one epoch of training; each loaded when it is first asked for."""

from __future__ import annotations

from helpers.lazy import lazy
from helpers.nn.build import build
from helpers.nn.build import steps as network_steps

_names, __getattr__, __dir__ = lazy(__name__, {
    "accuracy": ("evaluate",),
    "activations": ("ReLU", "Tanh"),
    "conv_layers": ("AveragePool2d", "Conv2d", "Flatten", "MaxPool2d"),
    "dropout": ("Dropout", "set_training"),
    "fast_cnn": ("FastCNN",),
    "fast_mlp": ("FastMLP",),
    "layers": ("MLP", "Linear", "Sigmoid"),
    "loss": ("Softmax", "cross_entropy", "cross_entropy_gradient"),
    "network": ("Network",),
    "optimisers": ("SGD", "Adam", "Momentum", "Rprop"),
    "schedule": ("constant", "cosine_decay", "exponential_decay", "step_decay"),
    "steps": ("train_epoch",),
})  # fmt: skip

__all__ = ["build", "network_steps", *_names]
