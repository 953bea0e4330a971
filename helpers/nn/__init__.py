"""Layers, loss, optimisers, schedules, and one epoch of training."""

from helpers.nn.activations import ReLU, Tanh
from helpers.nn.build import build
from helpers.nn.build import steps as network_steps
from helpers.nn.conv_layers import AveragePool2d, Conv2d, Flatten, MaxPool2d
from helpers.nn.dropout import Dropout, set_training
from helpers.nn.fast_cnn import FastCNN
from helpers.nn.fast_mlp import FastMLP
from helpers.nn.layers import MLP, Linear, Sigmoid, Softmax
from helpers.nn.loss import cross_entropy, cross_entropy_gradient
from helpers.nn.network import Network
from helpers.nn.optimisers import SGD, Adam, Momentum, Rprop
from helpers.nn.schedule import constant, cosine_decay, exponential_decay, step_decay
from helpers.nn.steps import evaluate, train_epoch

__all__ = [
    "MLP",
    "SGD",
    "Adam",
    "AveragePool2d",
    "Conv2d",
    "Dropout",
    "FastCNN",
    "FastMLP",
    "Flatten",
    "Linear",
    "MaxPool2d",
    "Momentum",
    "Network",
    "ReLU",
    "Rprop",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "build",
    "constant",
    "cosine_decay",
    "cross_entropy",
    "cross_entropy_gradient",
    "evaluate",
    "exponential_decay",
    "network_steps",
    "set_training",
    "step_decay",
    "train_epoch",
]
