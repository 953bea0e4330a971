# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: all
#     notebook_metadata_filter: jupytext,kernelspec,language_info
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   language_info:
#     name: python
# ---

# %% [markdown] given="title"
# # A CNN from a JSON file: how fast should it learn?
#
# A file of thirty lines describes a convolutional network. You write the code that turns the file into a network that learns, train it on
# MNIST, choose a learning rate without looking at the test set, and then settle a question that a real report left open: *why does
# training stall, quite suddenly, below a certain learning rate?* Not by opinion: by an experiment.
#
# | part | what you do | points | time |
# |---|---|---|---|
# | A | from a file to a network: shapes, layers, gradients | 18 | 130 min |
# | B | training, learning curves, a rate chosen on validation | 11 | 75 min |
# | C | why it stalls: a hypothesis, an experiment, a prediction | 11 | 100 min |
# | | the form | | 5 min |
#
# **How to work.** Write your code where a cell says `YOUR CODE HERE`, and delete the line that raises
# `NotImplementedError`. Below each exercise a **check** runs your code on small arrays. When something is wrong it
# names the mistake, and you can run it as often as you like. Grading runs the same checks, with other numbers.
#
# **Running time.** The whole notebook takes about a minute on a laptop with two cores, without a GPU or a network connection. `SIZE = "full"` below runs the
# study on 10,000 images for 20 epochs with 16 filters; that takes about ten minutes.

# %% [markdown] given="convention"
# ## Notation, and one convention
#
# | name | meaning | | name | meaning |
# |---|---|---|---|---|
# | $N$ | images in the batch | | $R, S$ | height and width of a filter or window |
# | $C$ | channels | | $u, v$ | vertical and horizontal stride |
# | $H, W$ | height and width of an image | | $\text{pad}_h, \text{pad}_w$ | rows of zeros above *and* below, columns left *and* right |
# | $K$ | filters | | $P, Q$ | height and width of the output |
#
# * Images are $(N, C, H, W)$, filters $(K, C, R, S)$, feature vectors $(N, \text{features})$, dense weights $(\text{in}, \text{out})$.
# * The **loss** is the mean over the batch. `backward` receives the gradient of that mean loss with respect to a layer's output and returns the gradient with
#   respect to its input. The factor $1/N$ enters once, with the loss; no layer repeats it.
# * `update` is plain gradient descent: `parameter -= lr * gradient`.
# * The **error** is the fraction of misclassified images, between 0 and 1: 1 − accuracy. Validation images are for choosing, test images for reporting only.

# %% given="setup"
# %matplotlib inline
import math

import numpy as np

from helpers import check, plots, primitives
from helpers.backend import backend
from helpers.data import load_split
from helpers.nn import Softmax, cross_entropy, cross_entropy_gradient
from helpers.nn.spec import NETWORKS, load_spec
from helpers.primitives import ConvSpec, PoolSpec
from helpers.threads import limit_threads

limit_threads(1)  # one per process: two runs at a time use two cores better than two threads in one run
SIZE = None  # None: sized for a laptop; "full": the whole study; "quick": a few seconds
size = check.cnn_learning.study_size(SIZE)
on = backend("numpy")

# %% [markdown] given="A-text"
# ---
# ## Part A. From a file to a network (18 points)
#
# Here is the file. It does not say how large an image is after the first layer, how many weights there are, or what a gradient is. All of that
# follows from it, and your code will work it out.

# %%
print((NETWORKS / "convolutional_nn.json").read_text())

# %% [markdown] given="A-entries-text"
# `load_spec` reads such a file, reports whatever is wrong in it, and fills in the defaults; every size, stride and padding becomes a pair
# (vertical, horizontal). Each layer is a dictionary:

# %% given="A-entries"
spec = load_spec(NETWORKS / "convolutional_nn.json")
image = tuple(spec.input)
layers = spec.values()["layers"]
print(f"images {image}")
for layer in layers:
    print(layer)

# %% [markdown] given="A-shape-text"
# ### A1. Output shapes (3 points, 20 min)
#
# Along the vertical axis, a window of $R$ rows that moves in steps of $u$ over $H + 2\,\text{pad}_h$ rows has
#
# $$P = \left\lfloor \frac{H + 2\,\text{pad}_h - R}{u} \right\rfloor + 1$$
#
# positions; $Q$ follows in the same way from $W$, $S$, $v$ and $\text{pad}_w$. Shapes are without the batch axis: $(C, H, W)$ for images, $(\text{features},)$ for
# feature vectors.
#
# | type | in | out |
# |---|---|---|
# | `conv` | $(C, H, W)$ | $(K, P, Q)$, with $K$ = `filters` |
# | `max_pool` | $(C, H, W)$ | $(C, P, Q)$ |
# | `flatten` | $(C, H, W)$ | $(C H W,)$ |
# | `dense` | anything | (`units`,) |
# | `relu`, `softmax` | anything | unchanged |


# %% exercise="A-shape"
def output_shape(layer, shape):
    """layer: a dictionary of the file; shape: of the input -> shape of the output, a tuple."""
    ### BEGIN SOLUTION
    kind = layer["type"]
    if kind in ("conv", "max_pool"):
        C, H, W = shape
        (R, S), (u, v), (pad_h, pad_w) = layer["size"], layer["stride"], layer["padding"]
        P, Q = (H + 2 * pad_h - R) // u + 1, (W + 2 * pad_w - S) // v + 1
        return (layer["filters"] if kind == "conv" else C, P, Q)
    if kind == "flatten":
        return (math.prod(shape),)
    if kind == "dense":
        return (layer["units"],)
    return tuple(shape)
    ### END SOLUTION


# %% test="A-shape-check" points=3
check.cnn_learning.output_shape(output_shape)
### BEGIN HIDDEN TESTS
check.cnn_learning.output_shape(output_shape, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="A-count-text"
# ### A2. Number of parameters (2 points, 10 min)
#
# | type | parameters |
# |---|---|
# | `conv` | $K \cdot C \cdot R \cdot S$ weights and $K$ biases |
# | `dense` | $\text{in} \cdot \text{units}$ weights and `units` biases |
# | the others | none |
#
# A dense layer whose input is images $(C, H, W)$ treats each as a vector of $C H W$ numbers. The size of the image does not appear in the first line: a
# convolution uses the same weights at every position.


# %% exercise="A-count"
def parameter_count(layer, shape):
    """layer: a dictionary of the file; shape: of the input -> number of weights and biases."""
    ### BEGIN SOLUTION
    if layer["type"] == "conv":
        R, S = layer["size"]
        return layer["filters"] * (shape[0] * R * S + 1)
    if layer["type"] == "dense":
        return (math.prod(shape) + 1) * layer["units"]
    return 0
    ### END SOLUTION


# %% test="A-count-check" points=2
check.cnn_learning.parameter_count(parameter_count)
### BEGIN HIDDEN TESTS
check.cnn_learning.parameter_count(parameter_count, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="A-table-text"
# ### A3. The whole file (1 point, 10 min)
#
# Walk through the layers, giving each the output shape of the layer before it, and return one pair (output shape, number of parameters) per layer.
#
# Some files can't be built. Say so at once, instead of failing later in a matrix product: where a window does not
# fit ($P < 1$ or $Q < 1$), or where the input of a `conv` or `max_pool` is a vector instead of images, `raise ValueError` with a sentence that names the layer as
# `layers[4]`, counted from 0 as in the file.


# %% exercise="A-table"
def layer_table(layers, shape):
    """layers: the dictionaries of the file; shape: of one image -> list of (output shape, parameters)."""
    ### BEGIN SOLUTION
    table = []
    for i, layer in enumerate(layers):
        if layer["type"] in ("conv", "max_pool") and len(shape) != 3:
            raise ValueError(f"layers[{i}], {layer['type']}, takes images (C, H, W), but its input has shape {shape}.")
        out = output_shape(layer, shape)
        if min(out) < 1:
            raise ValueError(f"layers[{i}], {layer['type']}: a window of {layer['size']} does not fit into {shape}.")
        table.append((out, parameter_count(layer, shape)))
        shape = out
    return table
    ### END SOLUTION


# %% test="A-table-check" points=1
check.cnn_learning.layer_table(layer_table, parameter_count)
### BEGIN HIDDEN TESTS
check.cnn_learning.layer_table(layer_table, parameter_count, seed=SEED)
### END HIDDEN TESTS

# %%
table = layer_table(layers, image)
for layer, (shape, parameters) in zip(layers, table, strict=True):
    print(f"{layer['type']:<10} {shape!s:<14} {parameters:>7,}")
print(f"{'total':<25} {sum(parameters for _, parameters in table):>7,}")

# %% [markdown]
# **What you should see.** Nine tenths of the 55,000 parameters are in one dense layer, and the two convolutions have fewer than 2,500 together, because each
# filter is used at all positions of the image.

# %% [markdown] given="A-conv-text"
# ### A4. Convolution (4 points, 25 min)
#
# The arithmetic is provided: the same three routines that cuDNN has. `geometry = ConvSpec.of(x, weight, stride, padding)` holds the sizes; then
#
# | | call | shape |
# |---|---|---|
# | output | `primitives.conv_forward(geometry, x, weight, bias)` | $(N, K, P, Q)$ |
# | gradient of the weights | `primitives.conv_backward_filter(geometry, x, grad_output)` | $(K, C, R, S)$ |
# | gradient of the images | `primitives.conv_backward_data(geometry, grad_output, weight)` | $(N, C, H, W)$ |
# | gradient of the bias | yours: $\frac{\partial L}{\partial b_k} = \sum_{n,p,q} G[n,k,p,q]$ | $(K,)$ |
#
# Here $G$ is `grad_output`. A bias is added to every output of its filter, so its gradient sums over all of them. `forward` stores what `backward` needs; the parameters
# change only in `update`, because the gradient of the images needs the weights that `forward` used.
#
# The initial weights are drawn from a normal distribution with mean 0 and standard deviation $\text{scale}/\sqrt{C R S}$ (`on.normal(shape, std, seed)`), so that at
# scale 1 the outputs are about as large as the inputs; biases start at zero (`on.zeros(shape)`). You will need `scale` in Part C.


# %% exercise="A-conv"
class Conv:
    """weight (K, C, R, S) and bias (K,); backward leaves grad_weight and grad_bias."""

    def __init__(self, channels, filters, size, stride=(1, 1), padding=(0, 0), seed=0, scale=1.0):
        ### BEGIN SOLUTION
        R, S = size
        self.stride, self.padding = stride, padding
        self.weight = on.normal((filters, channels, R, S), scale / math.sqrt(channels * R * S), seed)
        self.bias = on.zeros((filters,))
        ### END SOLUTION

    def forward(self, x):
        """x (N, C, H, W) -> (N, K, P, Q)"""
        ### BEGIN SOLUTION
        self.x = x
        self.geometry = ConvSpec.of(x, self.weight, self.stride, self.padding)
        return primitives.conv_forward(self.geometry, x, self.weight, self.bias)
        ### END SOLUTION

    def backward(self, grad_output):
        """grad_output (N, K, P, Q) -> gradient for x (N, C, H, W)"""
        ### BEGIN SOLUTION
        self.grad_weight = primitives.conv_backward_filter(self.geometry, self.x, grad_output)
        self.grad_bias = grad_output.sum(axis=(0, 2, 3))
        return primitives.conv_backward_data(self.geometry, grad_output, self.weight)
        ### END SOLUTION

    def update(self, lr):
        """One step of gradient descent."""
        ### BEGIN SOLUTION
        self.weight -= lr * self.grad_weight
        self.bias -= lr * self.grad_bias
        ### END SOLUTION


# %% test="A-conv-forward" points=1
check.cnn_learning.conv_forward(Conv)
### BEGIN HIDDEN TESTS
check.cnn_learning.conv_forward(Conv, seed=SEED)
### END HIDDEN TESTS

# %% test="A-conv-backward" points=2
check.cnn_learning.conv_backward(Conv)
### BEGIN HIDDEN TESTS
check.cnn_learning.conv_backward(Conv, seed=SEED)
### END HIDDEN TESTS

# %% test="A-conv-update" points=1
check.cnn_learning.conv_update(Conv)
### BEGIN HIDDEN TESTS
check.cnn_learning.conv_update(Conv, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="A-relu-text"
# ### A5. ReLU and max pooling (2 points, 15 min)
#
# $\text{ReLU}(x) = \max(x, 0)$. Its gradient is `grad_output` where $x > 0$ and 0 elsewhere (0 also at exactly $x = 0$). Return a new array; don't modify the
# input.
#
# Max pooling keeps the largest number of each window. In the backward pass that number gets the whole gradient, the others get none.
# With `geometry = PoolSpec(N, C, H, W, R, S, u, v, pad_h, pad_w)`:
# `y, winner = primitives.max_pool_forward(geometry, x)` and `primitives.max_pool_backward(geometry, grad_output, winner)`.
#
# All arrays passed to a primitive must have the same dtype. Images and weights are float32; a layer of yours that makes new arrays should keep that dtype (`.astype(x.dtype)`).


# %% exercise="A-relu"
class ReLU:
    def forward(self, x):
        """any shape -> the same shape"""
        ### BEGIN SOLUTION
        self.positive = x > 0
        return x * self.positive
        ### END SOLUTION

    def backward(self, grad_output):
        ### BEGIN SOLUTION
        return grad_output * self.positive
        ### END SOLUTION


# %% test="A-relu-check" points=1
check.cnn_learning.relu(ReLU)
### BEGIN HIDDEN TESTS
check.cnn_learning.relu(ReLU, seed=SEED)
### END HIDDEN TESTS


# %% exercise="A-pool"
class MaxPool:
    def __init__(self, size, stride, padding=(0, 0)):
        ### BEGIN SOLUTION
        self.size, self.stride, self.padding = size, stride, padding
        ### END SOLUTION

    def forward(self, x):
        """x (N, C, H, W) -> (N, C, P, Q)"""
        ### BEGIN SOLUTION
        self.geometry = PoolSpec(*x.shape, *self.size, *self.stride, *self.padding)
        y, self.winner = primitives.max_pool_forward(self.geometry, x)
        return y
        ### END SOLUTION

    def backward(self, grad_output):
        """grad_output (N, C, P, Q) -> gradient for x (N, C, H, W)"""
        ### BEGIN SOLUTION
        return primitives.max_pool_backward(self.geometry, grad_output, self.winner)
        ### END SOLUTION


# %% test="A-pool-check" points=1
check.cnn_learning.max_pool(MaxPool)
### BEGIN HIDDEN TESTS
check.cnn_learning.max_pool(MaxPool, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="A-dense-text"
# ### A6. Flatten and dense (3 points, 20 min)
#
# `Flatten` turns each image into a vector, in memory order: all of channel 0, row by row, then channel 1, and so on; that is what `reshape` does.
# `backward` gives the gradient the shape of the images again.
#
# | dense | formula | shape |
# |---|---|---|
# | forward | $Y = X W + b$ | $(N, \text{units})$ |
# | gradient of the weights | $X^\top G$ | $(\text{in}, \text{units})$ |
# | gradient of the bias | $\sum_n G_n$ | $(\text{units},)$ |
# | gradient of the input | $G W^\top$ | $(N, \text{in})$ |


# %% exercise="A-flatten"
class Flatten:
    def forward(self, x):
        """x (N, C, H, W) -> (N, C·H·W)"""
        ### BEGIN SOLUTION
        self.shape = x.shape
        return x.reshape(x.shape[0], -1)
        ### END SOLUTION

    def backward(self, grad_output):
        """grad_output (N, C·H·W) -> (N, C, H, W)"""
        ### BEGIN SOLUTION
        return grad_output.reshape(self.shape)
        ### END SOLUTION


# %% test="A-flatten-check" points=1
check.cnn_learning.flatten(Flatten)
### BEGIN HIDDEN TESTS
check.cnn_learning.flatten(Flatten, seed=SEED)
### END HIDDEN TESTS


# %% exercise="A-dense"
class Dense:
    """weight (in, units) and bias (units,); backward leaves grad_weight and grad_bias."""

    def __init__(self, inputs, units, seed=0, scale=1.0):
        ### BEGIN SOLUTION
        self.weight = on.normal((inputs, units), scale / math.sqrt(inputs), seed)
        self.bias = on.zeros((units,))
        ### END SOLUTION

    def forward(self, x):
        """x (N, in) -> (N, units)"""
        ### BEGIN SOLUTION
        self.x = x
        return x @ self.weight + self.bias
        ### END SOLUTION

    def backward(self, grad_output):
        """grad_output (N, units) -> gradient for x (N, in)"""
        ### BEGIN SOLUTION
        self.grad_weight = self.x.T @ grad_output
        self.grad_bias = grad_output.sum(axis=0)
        return grad_output @ self.weight.T
        ### END SOLUTION

    def update(self, lr):
        ### BEGIN SOLUTION
        self.weight -= lr * self.grad_weight
        self.bias -= lr * self.grad_bias
        ### END SOLUTION


# %% test="A-dense-check" points=2
check.cnn_learning.dense(Dense)
### BEGIN HIDDEN TESTS
check.cnn_learning.dense(Dense, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="A-network-text"
# ### A7. The network (3 points, 30 min)
#
# Two pieces are left. `Network` holds the layers in the list `self.layers`, the last of them a `Softmax`:
#
# * `forward` passes the images through all layers and returns the probabilities;
# * `backward(labels)` starts from `cross_entropy_gradient(probabilities, labels)`, which is already the gradient with respect to the logits (the input of the softmax),
#   and goes through the other layers from the last to the first; it leaves the probabilities that `forward` returned as they are;
# * `update(lr)` updates every layer that has parameters.
#
# `build(layers, shape, seed, scale)` walks through the file as `layer_table` did and makes a layer from each dictionary (`Softmax()` comes from `helpers.nn`). The
# file has no `flatten`, so put a `Flatten` in front of a dense layer whose input is images. Layer number $i$ among those that have parameters,
# counted from 0, gets the seed `[seed, i]`, so that each layer has random numbers of its own. (Randomness matters most *within* a layer: units of one layer that start
# with the same weights, incoming and outgoing, get the same gradients and stay the same.)


# %% exercise="A-network"
class Network:
    def __init__(self, layers):
        ### BEGIN SOLUTION
        self.layers = layers
        ### END SOLUTION

    def forward(self, x):
        """x (N, C, H, W) -> probabilities (N, classes)"""
        ### BEGIN SOLUTION
        for layer in self.layers:
            x = layer.forward(x)
        self.probabilities = x
        return x
        ### END SOLUTION

    def backward(self, labels):
        """Compute the gradients of all layers for the batch of the most recent forward."""
        ### BEGIN SOLUTION
        gradient = cross_entropy_gradient(self.probabilities, labels)
        for layer in reversed(self.layers[:-1]):
            gradient = layer.backward(gradient)
        ### END SOLUTION

    def update(self, lr):
        ### BEGIN SOLUTION
        for layer in self.layers:
            if hasattr(layer, "weight"):
                layer.update(lr)
        ### END SOLUTION


def build(layers, shape, seed=0, scale=1.0):
    """layers: the dictionaries of the file; shape: of one image -> Network"""
    ### BEGIN SOLUTION
    made = []
    trained = 0
    for layer, (out, parameters) in zip(layers, layer_table(layers, shape), strict=True):
        kind = layer["type"]
        if kind == "dense" and len(shape) == 3:
            made.append(Flatten())
        if kind == "conv":
            geometry = layer["size"], layer["stride"], layer["padding"]
            made.append(Conv(shape[0], layer["filters"], *geometry, seed=[seed, trained], scale=scale))
        elif kind == "max_pool":
            made.append(MaxPool(layer["size"], layer["stride"], layer["padding"]))
        elif kind == "dense":
            made.append(Dense(math.prod(shape), layer["units"], seed=[seed, trained], scale=scale))
        else:
            made.append({"relu": ReLU, "flatten": Flatten, "softmax": Softmax}[kind]())
        trained += parameters > 0
        shape = out
    return Network(made)
    ### END SOLUTION


# %% test="A-network-build" points=1
check.cnn_learning.build(build)
### BEGIN HIDDEN TESTS
check.cnn_learning.build(build, seed=SEED)
### END HIDDEN TESTS

# %% test="A-network-gradients" points=2
check.cnn_learning.network(build)
### BEGIN HIDDEN TESTS
check.cnn_learning.network(build, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-text"
# ---
# ## Part B. Training, and a rate chosen on validation (11 points)
#
# MNIST is split into three parts. **Training** images are for learning. **Validation** images are for choosing: a learning rate, a network, an epoch. **Test** images are for reporting, once, when
# everything is chosen: an error that served to choose is no longer an unbiased estimate. `split.train_images`, `split.validation_images` and `split.test_images`
# have labels beside them, `split.train_labels` and so on.

# %% given="B-data"
split = load_split(train=size.own_train, validation=size.validation, test=size.test)
print(split)

# %% [markdown] given="B-error-text"
# ### B1. The error (1 point, 5 min)
#
# $$\text{error} = \frac{\text{number of images whose most probable class is not the label}}{\text{number of images}}$$
#
# a fraction between 0 and 1. It is what a learning curve shows.


# %% exercise="B-error"
def error_rate(network, images, labels):
    """Fraction of misclassified images (float), without changing the network."""
    ### BEGIN SOLUTION
    return float(np.mean(np.argmax(network.forward(images), axis=1) != labels))
    ### END SOLUTION


# %% test="B-error-check" points=1
check.cnn_learning.error_rate(error_rate, build)
### BEGIN HIDDEN TESTS
check.cnn_learning.error_rate(error_rate, build, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-train-text"
# ### B2. The training loop (3 points, 25 min)
#
# In each epoch, go once through the training images in mini-batches, in the order `order = epoch_order(…)`; batch $k$ holds the images with the indices
# `order[k * batch_size : (k + 1) * batch_size]`, and the last one may be smaller. For each batch: forward, loss, backward, update, in this order. **After** the epoch: the
# error on the validation images.
#
# Return two lists with one entry per epoch: the mean training loss (each batch's loss before its update, weighted by its number of images) and the validation error.


# %% given="B-order"
def epoch_order(images, epoch, seed=0):
    """The indices of the images in the order in which an epoch (from 0) uses them."""
    return np.random.default_rng([seed, epoch]).permutation(images)


# %% exercise="B-train"
def train(network, split, lr, epochs, batch_size=64, seed=0):
    """Return (training losses, validation errors), two lists with one entry per epoch."""
    ### BEGIN SOLUTION
    images, labels = split.train_images, split.train_labels
    losses, errors = [], []
    for epoch in range(epochs):
        order = epoch_order(len(images), epoch, seed)
        total = 0.0
        for start in range(0, len(images), batch_size):
            batch = order[start : start + batch_size]
            probabilities = network.forward(images[batch])
            total += float(cross_entropy(probabilities, labels[batch])) * len(batch)
            network.backward(labels[batch])
            network.update(lr)
        losses.append(total / len(images))
        errors.append(error_rate(network, split.validation_images, split.validation_labels))
    return losses, errors
    ### END SOLUTION


# %% test="B-train-check" points=3
check.cnn_learning.train(train, build)
### BEGIN HIDDEN TESTS
check.cnn_learning.train(train, build, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-own-text"
# ### B3. Your network learns (1 point, 10 min)
#
# Build the network of the file with seed 0 and train it on `split` for `size.own_epochs` epochs at a rate of 0.1.

# %% exercise="B-own"
losses, errors = None, None
### BEGIN SOLUTION
network = build(layers, image, seed=0)
losses, errors = train(network, split, lr=0.1, epochs=size.own_epochs)
### END SOLUTION

# %% test="B-own-check" points=1
check.cnn_learning.own_run(losses, errors, train, build, spec, split, epochs=size.own_epochs)

# %%
for epoch, (loss, error) in enumerate(zip(losses, errors, strict=True), start=1):
    print(f"epoch {epoch}: training loss {loss:.3f}, validation error {error:.1%}")

# %% [markdown]
# **What you should see.** The first batches have a loss near $\ln 10 \approx 2.3$, the loss of guessing, and after two epochs on a few thousand images the network
# classifies about nine digits in ten correctly. All of that is your own code.
#
# The studies below use the course's network: the same layers, the same weights from the same seed, the same steps, in preallocated memory. Compare before you trust it.

# %%
from helpers import nn
from helpers.nn.build import steps
from helpers.train import fit

fast = nn.build(spec.changed(backend="numpy"))
run = fit(fast, *steps(fast), split.selection(), lr=0.1, epochs=size.own_epochs, progress=False)
print("your losses", np.round(losses, 4), "errors", np.round(errors, 4))
print("the course's", np.round(run.train_loss, 4), "errors", np.round(run.error, 4))

# %% [markdown] given="B-study-text"
# ### B4. Eleven rates, several seeds (1 point, 10 min)
#
# `learning_curves(rates, seeds, **size.settings)` trains a new network for every rate and every seed, on all cores, and returns a dictionary: rate → list of histories, one per
# seed. A history has `.error`, the validation error after each epoch, `.train_loss`, `.learning_rate`, `.seed` and more. The seed determines the initial weights *and* the order of the images.
#
# One setting is deliberately unfavourable: `scale` makes the initial weights smaller than those of B3. Initial weights of very different sizes have been in use: Glorot and Bengio (2010)
# call $U(-1/\sqrt{n}, 1/\sqrt{n})$ with $n$ inputs the common choice, AlexNet (2012) drew from $N(0, 0.01^2)$ in every layer. We don't know what the students of that report used, so expect
# an edge like theirs, but not at the same rate; C6 comes back to this.
#
# Train at all rates of `RATES`, each from all of `SEEDS`: the four that their assignment asked for, {0.1, 0.01, 0.001, 0.0001}, and the nine that they tried instead, from 0.01 to 0.16, because nothing
# improved below 0.01. **Before you run it:** which rate will win, and where will nothing improve at all?

# %% given="B-rates"
from helpers.study.cnn_learning import RATES_FINE, RATES_WIDE, endings, learning_curves, plateau

RATES = sorted({*RATES_WIDE, *RATES_FINE})
SEEDS = size.seeds
print("rates", RATES)
print("seeds", SEEDS, "and", size.settings)

# %% exercise="B-study"
curves = None
### BEGIN SOLUTION
curves = learning_curves(RATES, SEEDS, **size.settings)
### END SOLUTION

# %% test="B-study-check" points=1
check.cnn_learning.study(curves, RATES, SEEDS, size=size.name)

# %%
plots.show(
    plots.error_curves(
        curves, panels={"the four rates of their assignment": RATES_WIDE, "the nine that they tried": RATES_FINE}
    )
)

# %%
plots.show(plots.error_by_rate(curves))

# %% [markdown] given="B-seen-text"
# ### B5. Expected and seen (1 point, 10 min)
#
# Describe both figures: the fastest rate, the slowest, and what lies between. How large is the spread between seeds compared with the differences between rates?
#
# === BEGIN MARK SCHEME ===
# * 1: reads off that the largest rates end lowest and lie close together, that 0.001 and 0.0001 are still close to guessing (about 90% error), that the edge is between 0.01 and 0.04, and that between neighbouring good
# rates the seeds overlap, so that their order is not settled by these runs.
# * 0.5: the order of the rates without the seeds, or the seeds without the order.
#
# === END MARK SCHEME ===

# %% [markdown] answer="B-seen" points=1
# I expected 0.1 to win and 0.001 to be slow. At 0.1 the error falls to about 6% in ten epochs. At 0.01 it has only just begun to fall (52% to 82%), and 0.001 and 0.0001 are still close to guessing, at 83% to 89%: not ten times
# slower than 0.1, but stalled. The second figure has an edge: 66% at 0.01, 22% at 0.02, 9% at 0.04. From 0.06 on it is flat, with medians from 4.8% to 6.2%, and the dots of one rate lie as far apart as that: 0.12 is
# lowest, but its seeds (4.7% to 5.6%) overlap with those of 0.1 and 0.14, so three seeds do not settle the order. That 0.04 and below are worse is clear.

# %% [markdown] given="B-choose-text"
# ### B6. Choose (2 points, 10 min)
#
# Write down, as a function, how you choose: by **all** seeds, not the luckiest one, and only by what the histories hold, that is by validation. The median (or mean) over the seeds of the error
# after the last epoch is a good criterion.


# %% exercise="B-choose"
def choose_rate(curves):
    """curves: rate -> list of histories, one per seed -> the rate to use."""
    ### BEGIN SOLUTION
    final = {rate: np.median([run.error[-1] for run in runs]) for rate, runs in curves.items()}
    return min(final, key=final.get)
    ### END SOLUTION


# %% test="B-choose-check" points=2
check.cnn_learning.choose_rate(choose_rate)
### BEGIN HIDDEN TESTS
check.cnn_learning.choose_rate(choose_rate, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-report-text"
# ### B7. Report, once (2 points, 5 min)
#
# `open_test_set(rate, seeds)` trains at one rate from these seeds and returns the **test** error of each network after its last epoch. Every call is recorded in `opened`.
#
# Call it once, for the rate that `choose_rate` has chosen and for all seeds, and report what a reader needs:
# `report = {"rate": …, "errors": […], "mean": …, "spread": …}` with one error per seed, their mean, and as spread their standard deviation or the pair
# (smallest, largest). The first line lets you run the cell again.


# %% given="B-open"
opened = []


def open_test_set(rate, seeds):
    """Test error of the networks trained at this rate, one per seed. Every call is recorded."""
    found = [final.test_error for final in endings(rate, seeds, test=size.test, **size.settings)]
    opened.extend((float(rate), int(seed), error) for seed, error in zip(seeds, found, strict=True))
    return found


# %% exercise="B-report"
opened.clear()
report = None
### BEGIN SOLUTION
rate = choose_rate(curves)
test_errors = open_test_set(rate, SEEDS)
report = {
    "rate": rate,
    "errors": test_errors,
    "mean": float(np.mean(test_errors)),
    "spread": float(np.std(test_errors, ddof=1)),
}
### END SOLUTION

# %% test="B-report-check" points=2
check.cnn_learning.report(report, opened, curves, choose_rate, SEEDS, size=size.name)

# %%
shown = ", ".join(f"{error:.2%}" for error in report["errors"])
print(f"rate {report['rate']:g}: test error {report['mean']:.2%} on average over the seeds ({shown})")

# %% [markdown]
# **What you should see.** Test errors close to the validation errors of the same runs, and a spread about as large as the differences between the good rates. Reporting the best seed alone would have
# promised an error that the next run does not reach.
#
# **Why not choose by the test error?** The smallest of many noisy numbers is partly small by luck. The validation error of the chosen rate has that selection bias; the test error has none as long as nothing is chosen by it.

# %% [markdown] given="C-text"
# ---
# ## Part C. Why does it stall? (11 points)
#
# The students whose rates you have used wrote that training slows abruptly below 0.02, and left it at that. Your figure has such an edge, too.
# A rate that is ten times smaller should be ten times slower, not stop altogether. So what happens at the edge?
#
# ### C1. A hypothesis (1 point, 10 min)
#
# Before you measure anything: write down what you think happens in the runs that stall, and **what you would have to see** in their first steps if you are right, and if you are wrong. (A wrong
# hypothesis with a test gets the point. One written afterwards is of no use to you.)
#
# === BEGIN MARK SCHEME ===
# * 1: a cause that could be false (for example: small steps get stuck in a local minimum; the gradients are too small for float32; the first layers get no gradient; every run crosses a plateau and slow ones
# have not left it when the epochs are over) and an observation that would speak against it.
# * 0.5: a cause without an observation that could contradict it.
#
# === END MARK SCHEME ===

# %% [markdown] answer="C-hypothesis" points=1
# I think that every run begins on a plateau, where the loss hardly falls, and that leaving it takes a certain *distance*, rate × steps, whatever the rate. A run with a small rate is still
# on it when its epochs are over. Then the number of steps until the loss falls must be inversely proportional to the rate, and a longer run at a "dead" rate must start to learn. I would be wrong if the number of steps
# grew faster than 1/rate, or if a slow run never left the plateau however long it trained.

# %% [markdown] given="C-length-text"
# ### C2. How long is the plateau? (2 points, 15 min)
#
# `plateau(scales, rates, seeds, …)` trains as before, but records the loss of **every batch**, until it is well below the plateau. `scale` multiplies the initial weights. We say that the plateau is left
# when the loss is below 2.0, which no untrained network reaches (guessing gives $\ln 10 = 2.30$).
#
# A single batch may be below by luck. Find the smallest number of steps $n$ such that the mean of the losses of the last `window` of them,
# `losses[n - window : n]`, is below `level`; return `None` if there is none: "not yet" is not a length.


# %% exercise="C-length"
def plateau_length(losses, level, window=5):
    """losses: one per step -> number of steps until the mean of `window` in a row is below `level`, or None."""
    ### BEGIN SOLUTION
    for n in range(window, len(losses) + 1):
        if sum(losses[n - window : n]) / window < level:
            return n
    return None
    ### END SOLUTION


# %% test="C-length-check" points=2
check.cnn_learning.plateau_length(plateau_length)
### BEGIN HIDDEN TESTS
check.cnn_learning.plateau_length(plateau_length, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="C-experiment-text"
# The experiment: a few rates and several scales of the initial weights, everything else unchanged.

# %% given="C-experiment"
LEVEL = 2.0
middle = size.plateau_rates[len(size.plateau_rates) // 2]
starts = plateau(size.scales, size.plateau_rates, [0], **size.plateau_settings)
lengths = {
    scale: {rate: plateau_length(runs[0].loss, LEVEL) for rate, runs in row.items()} for scale, row in starts.items()
}
print(f"{'steps until the loss is below 2':<34}" + "".join(f"{f'rate {rate:g}':>12}" for rate in size.plateau_rates))
for scale, row in lengths.items():
    shown = "".join(f"{'not yet' if n is None else n:>12}" for n in row.values())
    print(f"{f'weights × {scale:g}':<34}{shown}")

# %%
plots.show(plots.plateau_lengths(lengths, size.steps))

# %%
losses_by_scale = {f"weights × {scale:g}": row[middle][0].loss for scale, row in starts.items()}
plots.show(plots.plateau_loss(losses_by_scale, title=f"The first steps at a rate of {middle:g}", level=LEVEL))

# %% [markdown]
# **What you should see.** In the first figure the small scales are straight lines: half the rate, twice the steps, as the grey dotted lines say. (With weights × 1 there is hardly a plateau: it is over after a dozen steps, of which
# the window alone is five.) In the second, at one and the same rate, the losses of small weights stay at $\ln 10$ for a long time and then fall quickly. Nothing is stuck; it takes longer.

# %% [markdown] given="C-norms-text"
# ### C3. How large are the gradients? (1 point, 10 min)
#
# Why is the plateau longer when the weights are smaller? Measure, for each layer, the Euclidean norm of the gradient of the weights, $\sqrt{\sum g^2}$ over all its entries, after a backward pass. Return a
# list, one number for each layer that has weights, from the first to the last. (For a matrix, `np.linalg.norm(g, 2)` is something else: the largest singular value.)


# %% exercise="C-norms"
def gradient_norms(network):
    """Norm of grad_weight of each layer that has weights, in the order of forward: a list of floats."""
    ### BEGIN SOLUTION
    return [float(np.sqrt(np.sum(layer.grad_weight**2))) for layer in network.layers if hasattr(layer, "weight")]
    ### END SOLUTION


# %% test="C-norms-check" points=1
check.cnn_learning.gradient_norms(gradient_norms, build)
### BEGIN HIDDEN TESTS
check.cnn_learning.gradient_norms(gradient_norms, build, seed=SEED)
### END HIDDEN TESTS

# %%
names = ("conv 1", "conv 2", "dense 1", "dense 2")
print(f"{'gradient norms before the first step':<38}" + "".join(f"{name:>10}" for name in names))
for scale in (1.0, 0.5, 0.25):
    network = build(layers, image, seed=0, scale=scale)
    network.forward(split.train_images[:256])
    network.backward(split.train_labels[:256])
    print(f"{f'weights × {scale:g}':<38}" + "".join(f"{norm:>10.5f}" for norm in gradient_norms(network)))

# %% [markdown]
# **What you should see.** From row to row the weights are halved, and from × 0.5 to × 0.25 the gradients fall to about an eighth. (At × 1 the network starts with confident wrong predictions, so the
# first drop is even larger.)
#
# **Why.** The gradient of a layer is a product in which the weights of all *other* layers appear. With four layers that is three factors: halve each, and
# you get $(\frac12)^3$. So small weights make small gradients, small gradients leave the weights small, and the product grows very slowly at first; but the larger it is, the faster it grows. That
# gives a long plateau with a sudden end. (For deep *linear* networks this has an exact solution: [Saxe, McClelland and Ganguli](https://arxiv.org/abs/1312.6120).)

# %% [markdown] given="C-predict-text"
# ### C4. Predict (1 point, 10 min)
#
# Small steps follow the gradient flow, and rate × steps says how far along it they have come. If that is all there is to it, then from one plateau of `length` steps at `rate` you can predict
#
# * its length at any other rate: $\;\text{length} \cdot \text{rate} / \text{new rate}$, rounded up to a whole number of steps;
# * the slowest rate that still leaves the plateau within a given number of `steps`: $\;\text{length} \cdot \text{rate} / \text{steps}$.


# %% exercise="C-predict"
def predict_length(length, rate, new_rate):
    """Steps on the plateau at new_rate, from its length at rate: a whole number, rounded up."""
    ### BEGIN SOLUTION
    return math.ceil(length * rate / new_rate)
    ### END SOLUTION


def slowest_rate(length, rate, steps):
    """The smallest rate that leaves the plateau within `steps`, from its length at rate."""
    ### BEGIN SOLUTION
    return length * rate / steps
    ### END SOLUTION


# %% test="C-predict-check" points=1
check.cnn_learning.predictions(predict_length, slowest_rate)
### BEGIN HIDDEN TESTS
check.cnn_learning.predictions(predict_length, slowest_rate, seed=SEED)
### END HIDDEN TESTS

# %%
total = size.epochs * -(-size.train // 64)
known = lengths[size.scale][middle]
edge = slowest_rate(known, middle, total)
print(
    f"B4 had {total} steps per run. From {known} steps at rate {middle:g}: "
    f"the edge should be at a rate of about {edge:.4f}."
)
for rate in RATES:
    ends = ", ".join(f"{run.error[-1]:.0%}" for run in curves[rate])
    print(
        f"  rate {rate:<7g} should {'leave' if rate > edge else 'stay':<6} and ended with validation errors of {ends}"
    )

# %%
plots.show(plots.error_by_rate(curves, edge=edge))

# %% [markdown]
# **What you should see.** One run of about two hundred steps predicts the edge of a study of more than twenty thousand. The first rate above the edge has left the plateau in time, but its error is still falling; the first below it has
# just begun to improve; further down nothing has happened *yet*.

# %% [markdown] given="C-test-text"
# ### C5. Test it (1 point, 10 min)
#
# A rule derived from a figure always fits that figure. Test it on new data: take a rate (or a scale) that is **not** in the experiment, with a plateau short enough to wait for. First predict, from
# one of the `lengths`; then measure with `plateau([scale], [rate], [0], **size.plateau_settings)` and your `plateau_length`.

# %% exercise="C-test"
tested = {"scale": 0.5, "rate": None, "predicted": None, "measured": None}
### BEGIN SOLUTION
scale, new_rate = 0.5, 0.12
tested["rate"] = new_rate
tested["predicted"] = predict_length(lengths[scale][middle], middle, new_rate)
measured = plateau([scale], [new_rate], [0], **size.plateau_settings)
tested["measured"] = plateau_length(measured[scale][new_rate][0].loss, LEVEL)
### END SOLUTION

# %% test="C-test-check" points=1
check.cnn_learning.prediction_tested(tested, lengths, size=size.name)

# %%
print("weights × {scale:g}, rate {rate:g}: predicted {predicted} steps, measured {measured}".format(**tested))

# %% [markdown] given="C-scale-text"
# ### C6. Which scale would the report have needed? (1 point, 15 min)
#
# The students of the report trained for 20 epochs on 50,000 images in batches of 64: 20 · 782 = 15,640 steps, and saw their edge at a rate of 0.02. With that many steps our edge would be far below 0.02. *If*
# small initial weights were the cause, theirs must have been smaller still. How much smaller?
#
# On the plateau each layer's gradient is proportional to $\text{scale}^3$ (C3). The distance that the weights have to cover is proportional to scale, as they have to grow to a multiple of their initial size. So
# $\text{rate} \cdot \text{steps} \propto \text{scale} / \text{scale}^3 = 1 / \text{scale}^2$: half the scale, four times the distance. (Compare with your table in C2.) From one plateau of `length` steps at `rate` and
# `scale`, an edge at the rate `edge` in a run of `steps` steps follows if
#
# $$\text{edge} \cdot \text{steps} = \text{length} \cdot \text{rate} \cdot \left(\frac{\text{scale}}{\text{new scale}}\right)^2$$
#
# Solve it for the new scale.


# %% exercise="C-scale"
def scale_for(edge, steps, length, rate, scale):
    """The scale whose edge is at the rate `edge` in a run of `steps` steps, from one plateau: length at rate and scale."""
    ### BEGIN SOLUTION
    return scale * math.sqrt(length * rate / (edge * steps))
    ### END SOLUTION


# %% test="C-scale-check" points=1
check.cnn_learning.scale_for(scale_for)
### BEGIN HIDDEN TESTS
check.cnn_learning.scale_for(scale_for, seed=SEED)
### END HIDDEN TESTS

# %%
REPORT_STEPS, REPORT_EDGE = 20 * math.ceil(50_000 / 64), 0.02
needed = scale_for(REPORT_EDGE, REPORT_STEPS, known, middle, size.scale)
print(
    f"our edge, weights × {size.scale:g}, "
    f"would be at {slowest_rate(known, middle, REPORT_STEPS):.5f} in {REPORT_STEPS:,} steps"
)
print(f"an edge at {REPORT_EDGE:g} in {REPORT_STEPS:,} steps needs weights × {needed:.3f}")

inputs = {"conv 1": 1 * 3 * 3, "conv 2": 16 * 3 * 3, "dense 1": 16 * 5 * 5, "dense 2": 128}
alexnet = {name: 0.01 * math.sqrt(n) for name, n in inputs.items()}
print(
    "N(0, 0.01²) in the report's network is\n"
    + ", ".join(f"× {value:.2f} in {name}" for name, value in alexnet.items())
)
print(f"and × {math.prod(alexnet.values()) ** (1 / 4):.3f} in the geometric mean")

# %% [markdown]
# **What you should see.** The report would have needed weights about six times smaller than ours; not even AlexNet's recipe is that small in this network. So small initial weights are *enough* for an edge like the report's,
# and the rule says how small, but it does not show that theirs were so small. The step from × 0.25 to a sixth of it, and from 8 filters to 16, is a long extrapolation, too. `plateau([0.041], [0.16], [0], train=9_984, filters=16, steps=4_000, level=1.0)`
# tests it in about twenty seconds: the loss is below 2 after 1,571 steps, where the rule predicts 1,955, a quarter more.

# %% [markdown] given="C-answer-text"
# ### C7. The answer (4 points, 30 min)
#
# Why does training slow so abruptly below a certain rate? Answer with your own numbers: the lengths, the norms, the test of C5, the scale of C6. Was your hypothesis of C1 right? Where does the rule not hold exactly? Do your
# experiments show why the *report's* training stalled, and what would you change in that network so that its edge moves?
#
# === BEGIN MARK SCHEME ===
# One point for each of:
# * 1: nothing changes in kind at the edge: every run first crosses a plateau whose length in rate × steps is about the same, and a fixed number of epochs cuts off the runs that have not left it (numbers from the own table).
# * 1: small initial weights lengthen it, since each layer's gradient is a product that contains the other layers' weights (numbers of C2 and C3 for two scales).
# * 1: compares prediction and measurement of C5, with their difference, and the own hypothesis; says where the rule fails (large rates, weights × 1).
# * 1: separates what is shown (small weights are enough for such an edge; the scale of C6) from what is not (what the report used), and names a remedy that follows (larger initial weights such as He's, more epochs, momentum, normalisation).
#
# Half a point where the numbers are missing. 0 for an opinion ("local minimum", "vanishing gradient") that the own figures don't support.
#
# === END MARK SCHEME ===

# %% [markdown] answer="C-answer" points=4
# Nothing changes in kind at the edge. Every run starts on a plateau, and leaving it takes about the same rate × steps at every rate: with weights × 0.25 that was 416 · 0.02 = 8.3, 211 · 0.04 = 8.44 and 109 · 0.08 = 8.7. A study with
# 630 steps per run cuts off all rates below 8.4 / 630 = 0.013, and that is where the edge is: 0.02 leaves in time, 0.01 has just begun, 0.001 would need 8.44 / 0.001 = 8,440 steps and looks dead. It is the fixed number of epochs that makes a
# smooth 1/rate look abrupt, together with the shape of the plateau: there is almost nothing to see until shortly before its end.
#
# How long the plateau is depends on the initial weights: rate × steps was 1.8 to 2.2, 4.0 to 4.5 and 8.3 to 8.7 for × 0.5, × 0.35 and × 0.25, four times as much for half the weights. The gradient of each layer contains the weights of the
# other three, so halving them leaves an eighth (0.0324 → 0.0038 in conv 1, 0.252 → 0.031 in dense 1), while the distance that the weights have to cover is half as long: 8 / 2 = 4.
#
# My hypothesis was right, and the test agrees roughly: at 0.12 with weights × 0.5, 17 steps were predicted and 19 measured, 2 steps more. The rule holds for small steps. At large rates a run needs more steps than predicted, since the window of five is a good part of a short plateau, and
# with weights × 1 there is hardly a plateau at all (8 to 12 steps at each rate), so there the rule fails.
#
# This shows that small initial weights are enough to make such an edge, not that the report had them. In its 15,640 steps our weights would put the edge at 0.0005; for 0.02 they would have to be × 0.041, smaller even than AlexNet's N(0, 0.01²), which is × 0.095 on average there. Its authors could have
# moved the edge with larger initial weights (× 1, or He's √2 for ReLU), where 0.01 is slow but not dead, or with more epochs.

# %% [markdown] given="group"
# ---
# ## The form
#
# Fill in who is in your group (at most four) and who did what. In `ready_to_present` name the parts that you would present in class, such as
# `["A", "C"]`. Each part that you name and hand in adds half of the points that you earn in it. Naming none costs nothing; if nobody volunteers, any
# group may be asked to present.

# %% exercise="form"
# Fill in the two lists, then delete the last line.
group = [
    {"name": "", "id": "", "did": ""},
]
ready_to_present = []
### BEGIN SOLUTION
group = [
    {"name": "Model Solution", "id": "model", "did": "everything"},
]
ready_to_present = ["A", "B", "C"]
### END SOLUTION

# %% test="form-check" points=0
check.cnn_learning.form(group, ready_to_present, parts="ABC")

# %% [markdown] given="finish"
# ---
# ## Your points, and handing in
#
# The last cell adds up what your checks have given so far, and says what is left. To hand in, save (Ctrl+S), choose
# *Kernel → Restart Kernel and Run All Cells*, look, save again, and hand in this file, `cnn_learning.ipynb`.

# %% given="summary"
check.summary()
