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
# # A neural network from scratch
#
# You write a network that reads handwritten digits: every layer, its gradient, the loss, the training loop. No library
# does the work for you; numpy multiplies the matrices. Then you find out what the learning rate does, test a popular
# belief by experiment, and walk into a trap on purpose.
#
# | part | what you do | points | time |
# |---|---|---|---|
# | A | layers and their gradients | 16 | 90 min |
# | B | the network and its training | 8 | 55 min |
# | C | the learning rate | 5 | 40 min |
# | D | "start high and decrease": an experiment | 5 | 40 min |
# | E | the convention trap | 4 | 30 min |
# | F | the same code on any device | 2 | 15 min |
#
# **How to work.** Write your code where a cell says `YOUR CODE HERE`, and delete the line that raises
# `NotImplementedError`. Below each exercise a **check** runs your code on small arrays. When something is wrong it
# names the mistake in words, and you can run it as often as you like. Grading runs the same checks, with other numbers.
#
# **How long it runs.** All of it takes about three minutes on a laptop with two cores, no GPU and no network: by
# default you train on the first 10,000 images. For all 60,000 set `SIZE = "full"` below; that takes about an hour.

# %% [markdown] given="convention"
# ## One convention
#
# Courses disagree about where the mean over the batch is taken, and the learning rate means something else in each.
# Here, everywhere:
#
# * The **loss** is the mean over the $N$ examples of the batch, $L = \frac1N \sum_n L_n$.
# * `backward` receives $\partial L/\partial\,\text{output}$ and returns $\partial L/\partial\,\text{input}$: gradients of
#   that **mean** loss. The factor $1/N$ enters once, with the loss, and no layer repeats it.
# * `update` is plain: `parameter -= lr * gradient`.
# * Arrays have one example per row, $(N, \text{features})$; weights have the shape $(\text{in}, \text{out})$.
#
# Part E shows what happens if you choose otherwise.

# %% given="setup"
# %matplotlib inline
from helpers import check, plots
from helpers.backend import array_namespace, backend, no_torch, torch_or_none
from helpers.data import load
from helpers.progress import track
from helpers.threads import limit_threads
from helpers.train import fit, study_size

limit_threads(1)  # the products of this network are too small to be shared out among cores
if torch_or_none() is None:
    print(no_torch("Part F has numpy alone to compare, and grading tries the others"))
SIZE = None  # None is the laptop's size; "full" trains on all 60,000 images
size = study_size(SIZE)
on = backend("numpy")
data = load("mnist", train=size.train, test=size.test)
SIZES = (784, 512, 128, 10)
print(f"{len(data.train_images):,} training and {len(data.test_images):,} test images on {on.label}")

# %% [markdown]
# Every image is a row of 784 numbers: the pixels, minus their mean 0.1307, divided by their standard deviation 0.3081.

# %%
plots.show(plots.digits(data))

# %% [markdown] given="A-text"
# ---
# ## Part A. Layers and their gradients (16 points)
#
# A layer is a function with a memory. `forward` computes the output and stores what the backward pass needs; `backward` takes
# the gradient of the loss with respect to the layer's output and computes from it the gradient with respect to its input.
#
# ### A1. Linear (7 points, 35 min)
#
# | | formula | shape |
# |---|---|---|
# | forward | $Y = X W + b$ | $(N, \text{out})$ |
# | gradient with respect to the weights | $X^\top G$ | $(\text{in}, \text{out})$ |
# | gradient with respect to the bias | $\sum_n G_n$ | $(\text{out},)$ |
# | gradient with respect to the input | $G W^\top$ | $(N, \text{in})$ |
#
# where $G$, of shape $(N, \text{out})$, is the incoming `grad_output`. Weights are initialised with draws from a normal distribution with mean 0
# and **variance** $1/\text{in}$, so that the outputs are about as large as the inputs; biases start at zero.
#
# `backend.normal(shape, std, seed)` and `backend.zeros(shape)` make arrays. Write the rest with operators, methods and
# the functions of `xp = array_namespace(x)` (`xp.sum`, `xp.exp`, …) instead of `np.`; then the same lines run on a GPU in Part F.


# %% exercise="A-linear"
class Linear:
    """y = x @ weight + bias.

    weight (in_features, out_features) and bias (out_features,) are the parameters;
    backward leaves their gradients in grad_weight and grad_bias.
    """

    def __init__(self, in_features, out_features, backend, seed=0):
        ### BEGIN SOLUTION
        self.weight = backend.normal((in_features, out_features), in_features**-0.5, seed)
        self.bias = backend.zeros((out_features,))
        ### END SOLUTION

    def forward(self, x):
        """x (N, in_features) -> (N, out_features)"""
        ### BEGIN SOLUTION
        self.x = x
        return x @ self.weight + self.bias
        ### END SOLUTION

    def backward(self, grad_output):
        """grad_output (N, out_features) -> gradient with respect to x (N, in_features)"""
        ### BEGIN SOLUTION
        xp = array_namespace(grad_output)
        self.grad_weight = self.x.T @ grad_output
        self.grad_bias = xp.sum(grad_output, axis=0)
        return grad_output @ self.weight.T
        ### END SOLUTION

    def update(self, lr):
        """One step of gradient descent."""
        ### BEGIN SOLUTION
        self.weight = self.weight - lr * self.grad_weight
        self.bias = self.bias - lr * self.grad_bias
        ### END SOLUTION


# %% test="A-linear-init" points=1
check.network_from_scratch.linear_init(Linear)
### BEGIN HIDDEN TESTS
check.network_from_scratch.linear_init(Linear, seed=5)
### END HIDDEN TESTS

# %% test="A-linear-forward" points=2
check.network_from_scratch.linear_forward(Linear)
### BEGIN HIDDEN TESTS
check.network_from_scratch.linear_forward(Linear, seed=SEED)
### END HIDDEN TESTS

# %% test="A-linear-backward" points=3
check.network_from_scratch.linear_backward(Linear)
### BEGIN HIDDEN TESTS
check.network_from_scratch.linear_backward(Linear, seed=SEED)
### END HIDDEN TESTS

# %% test="A-linear-update" points=1
check.network_from_scratch.linear_update(Linear)
### BEGIN HIDDEN TESTS
check.network_from_scratch.linear_update(Linear, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="A-numerical-text"
# **How does the check know?** It needs no calculus: change one entry by a tiny $h$ and see how much the loss changes,
# $\frac{\partial L}{\partial w} \approx \frac{L(w+h) - L(w-h)}{2h}$. It takes two forward passes for each weight:
# far too slow for training, and perfect for checking. You can use it yourself: `check.network_from_scratch.numerical_gradient(f, x)`.

# %%
check.network_from_scratch.numerical_gradient(lambda w: w[0] ** 2 + 3 * w[1], [1.5, 10.0])  # expected: [2 · 1.5, 3]

# %% [markdown] given="A-sigmoid-text"
# ### A2. Sigmoid (3 points, 15 min)
#
# $$\sigma(x) = \frac{1}{1 + e^{-x}}, \qquad \sigma'(x) = \sigma(x)\,\bigl(1 - \sigma(x)\bigr)$$
#
# `backward` multiplies `grad_output` by the derivative, elementwise: the chain rule. The derivative needs only the
# output, so that is what `forward` should store.


# %% exercise="A-sigmoid"
class Sigmoid:
    def forward(self, x):
        """x, any shape -> its sigmoid, elementwise"""
        ### BEGIN SOLUTION
        xp = array_namespace(x)
        self.output = 1 / (1 + xp.exp(-x))
        return self.output
        ### END SOLUTION

    def backward(self, grad_output):
        """gradient with respect to the output -> gradient with respect to x, same shape"""
        ### BEGIN SOLUTION
        return grad_output * self.output * (1 - self.output)
        ### END SOLUTION


# %% test="A-sigmoid-forward" points=1
check.network_from_scratch.sigmoid_forward(Sigmoid)
### BEGIN HIDDEN TESTS
check.network_from_scratch.sigmoid_forward(Sigmoid, seed=SEED)
### END HIDDEN TESTS

# %% test="A-sigmoid-backward" points=2
check.network_from_scratch.sigmoid_backward(Sigmoid)
### BEGIN HIDDEN TESTS
check.network_from_scratch.sigmoid_backward(Sigmoid, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="A-softmax-text"
# ### A3. Softmax (3 points, 20 min)
#
# $$p_i = \frac{e^{x_i}}{\sum_j e^{x_j}} \quad\text{for each row.}$$
#
# $e^{1000}$ overflows. Subtracting the row's maximum from all its entries changes nothing in the result (why?) and
# keeps every exponent at or below zero.
#
# Each $p_i$ depends on every $x_j$ of its row: $\frac{\partial p_i}{\partial x_j} = p_i(\delta_{ij} - p_j)$. Combined by the chain rule with the incoming
# gradient $g$, the gradient with respect to the input is $\;p_j\,\bigl(g_j - \sum_i g_i\,p_i\bigr)$.


# %% exercise="A-softmax"
class Softmax:
    def forward(self, x):
        """logits (N, classes) -> probabilities (N, classes), each row adds up to 1"""
        ### BEGIN SOLUTION
        xp = array_namespace(x)
        powers = xp.exp(x - xp.max(x, axis=1, keepdims=True))
        self.output = powers / xp.sum(powers, axis=1, keepdims=True)
        return self.output
        ### END SOLUTION

    def backward(self, grad_output):
        """gradient with respect to the probabilities -> gradient with respect to the logits, (N, classes)"""
        ### BEGIN SOLUTION
        xp = array_namespace(grad_output)
        inner = xp.sum(grad_output * self.output, axis=1, keepdims=True)
        return self.output * (grad_output - inner)
        ### END SOLUTION


# %% test="A-softmax-forward" points=2
check.network_from_scratch.softmax_forward(Softmax)
### BEGIN HIDDEN TESTS
check.network_from_scratch.softmax_forward(Softmax, seed=SEED)
### END HIDDEN TESTS

# %% test="A-softmax-backward" points=1
check.network_from_scratch.softmax_backward(Softmax)
### BEGIN HIDDEN TESTS
check.network_from_scratch.softmax_backward(Softmax, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="A-loss-text"
# ### A4. Cross-entropy and its gradient (3 points, 20 min)
#
# The loss of an example is $-\log$ of the probability that the network assigns to the true class; the loss of a batch is
# the mean:
#
# $$L = -\frac1N \sum_n \log p_{n,\,y_n}$$
#
# Labels are integers, one per row. Where a probability has underflowed to 0 the logarithm is $-\infty$: clip it from below, at
# $10^{-12}$ for example.
#
# Combine this with the softmax, and almost everything cancels. With $Y$ the one-hot matrix of the labels, a single 1 in each
# row, the gradient **with respect to the logits** is
#
# $$\frac{\partial L}{\partial \text{logits}} = \frac{P - Y}{N}$$
#
# This fused form never divides by a small probability. (So that it can be used, PyTorch's `cross_entropy` takes logits and not
# probabilities.)


# %% exercise="A-loss"
def cross_entropy(probabilities, labels):
    """probabilities (N, classes), labels (N,) integers -> the mean loss, one number"""
    ### BEGIN SOLUTION
    xp = array_namespace(probabilities)
    rows = xp.arange(probabilities.shape[0])
    return -xp.mean(xp.log(xp.clip(probabilities[rows, labels], 1e-12, 1.0)))
    ### END SOLUTION


def cross_entropy_gradient(probabilities, labels):
    """gradient of the mean loss with respect to the logits, (N, classes)"""
    ### BEGIN SOLUTION
    xp = array_namespace(probabilities)
    n, classes = probabilities.shape
    one_hot = labels[:, None] == xp.arange(classes, device=probabilities.device)[None, :]
    return (probabilities - xp.astype(one_hot, probabilities.dtype)) / n
    ### END SOLUTION


# %% test="A-loss-value" points=1
check.network_from_scratch.cross_entropy(cross_entropy)
### BEGIN HIDDEN TESTS
check.network_from_scratch.cross_entropy(cross_entropy, seed=SEED)
### END HIDDEN TESTS

# %% test="A-loss-gradient" points=2
check.network_from_scratch.cross_entropy_gradient(cross_entropy_gradient)
### BEGIN HIDDEN TESTS
check.network_from_scratch.cross_entropy_gradient(cross_entropy_gradient, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-text"
# ---
# ## Part B. The network and its training (8 points)
#
# ### B1. The multilayer perceptron (3 points, 20 min)
#
# `MLP((784, 512, 128, 10), backend)` is Linear → Sigmoid → Linear → Sigmoid → Linear → Softmax.
#
# * Keep the layers in the list `self.layers`, in this order. Give each Linear a seed of its own, so that their
#   weights are independent. (Two *units* of one layer that start with equal weights stay equal; two layers don't.)
# * `forward` passes the data through all layers.
# * `backward(labels)` starts with `cross_entropy_gradient`, which includes the softmax, and goes through the
#   other layers in reverse. It leaves the probabilities that `forward` returned as they are.
# * `update(lr)` updates every Linear.


# %% exercise="B-mlp"
class MLP:
    """Multilayer perceptron with sigmoids between the Linear layers and a softmax at the end."""

    def __init__(self, sizes, backend, seed=0):
        ### BEGIN SOLUTION
        self.layers = []
        for i in range(len(sizes) - 1):
            self.layers += [Linear(sizes[i], sizes[i + 1], backend, seed=[seed, i]), Sigmoid()]
        self.layers[-1] = Softmax()
        ### END SOLUTION

    def forward(self, x):
        """x (N, sizes[0]) -> probabilities (N, sizes[-1])"""
        ### BEGIN SOLUTION
        for layer in self.layers:
            x = layer.forward(x)
        self.probabilities = x
        return x
        ### END SOLUTION

    def backward(self, labels):
        """Compute the gradients of all layers for the batch of the latest forward pass."""
        ### BEGIN SOLUTION
        grad = cross_entropy_gradient(self.probabilities, labels)
        for layer in reversed(self.layers[:-1]):
            grad = layer.backward(grad)
        ### END SOLUTION

    def update(self, lr):
        ### BEGIN SOLUTION
        for layer in self.layers:
            if isinstance(layer, Linear):
                layer.update(lr)
        ### END SOLUTION


# %% test="B-mlp-check" points=3
check.network_from_scratch.network(MLP)
### BEGIN HIDDEN TESTS
check.network_from_scratch.network(MLP, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-epoch-text"
# ### B2. One epoch (3 points, 25 min)
#
# Go once through the training images in mini-batches. `order` is an array of image indices in the order in which they
# are used (`None`: the stored order). Batch $k$ consists of the images `order[k * batch_size : (k + 1) * batch_size]`.
# The last batch may be smaller: 60,000 = 937 · 64 + 32.
#
# Return the mean loss over all images, each batch's loss taken before its update. The batches' losses are means already:
# weight each by its number of images, and divide once.


# %% exercise="B-epoch"
def train_epoch(network, images, labels, lr, batch_size=64, order=None):
    """Train for one epoch; return the mean training loss (float)."""
    ### BEGIN SOLUTION
    n = len(images)
    total = 0.0
    for start in range(0, n, batch_size):
        index = slice(start, start + batch_size) if order is None else order[start : start + batch_size]
        batch_labels = labels[index]
        probabilities = network.forward(images[index])
        total += float(cross_entropy(probabilities, batch_labels)) * len(batch_labels)
        network.backward(batch_labels)
        network.update(lr)
    return total / n
    ### END SOLUTION


# %% test="B-epoch-check" points=3
check.network_from_scratch.train_epoch(train_epoch, MLP)
### BEGIN HIDDEN TESTS
check.network_from_scratch.train_epoch(train_epoch, MLP, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-evaluate-text"
# ### B3. Evaluation (1 point, 5 min)
#
# Mean loss and accuracy (the fraction of correct answers, between 0 and 1) on images that were not used for training.


# %% exercise="B-evaluate"
def evaluate(network, images, labels):
    """Return (mean loss, accuracy) without changing the network."""
    ### BEGIN SOLUTION
    xp = array_namespace(images)
    probabilities = network.forward(images)
    right = xp.argmax(probabilities, axis=1) == labels
    return float(cross_entropy(probabilities, labels)), float(xp.sum(right)) / len(labels)
    ### END SOLUTION


# %% test="B-evaluate-check" points=1
check.network_from_scratch.evaluate(evaluate, MLP)
### BEGIN HIDDEN TESTS
check.network_from_scratch.evaluate(evaluate, MLP, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-run-text"
# ### B4. Thirty epochs (1 point, 5 min)
#
# `fit` calls your functions epoch after epoch, reshuffles the images each time, and records what they return:
#
# `history = fit(network, train_epoch, evaluate, data, lr=…, epochs=…)`
#
# with `history.train_loss`, `.test_loss`, `.test_accuracy`, each with one entry per epoch. Train the 784-512-128-10 network
# (seed 0) with a learning rate of 0.1 for `size.epochs` epochs (30).
#
# Keep what `fit` returns unchanged, here and in the studies below. A record alone earns nothing: the check trains with your own
# functions, on random data, and repeats the first epochs of the record.

# %% exercise="B-run"
history = None
### BEGIN SOLUTION
network = MLP(SIZES, on, seed=0)
history = fit(network, train_epoch, evaluate, data, lr=0.1, epochs=size.epochs)
### END SOLUTION

# %% test="B-run-check" points=1
check.network_from_scratch.learning_curves(history, MLP, train_epoch, evaluate, size=size.name)
### BEGIN HIDDEN TESTS
check.network_from_scratch.own_training(MLP, train_epoch, evaluate, seed=SEED)
### END HIDDEN TESTS

# %%
plots.show(plots.learning_curves(history, title="784-512-128-10, learning rate 0.1"))

# %% [markdown]
# **What you should see.** The loss starts near $\ln 10 \approx 2.3$, the loss of guessing. Both curves still fall
# at the end: at this rate the network has not converged. How much of that is due to the rate is the next question.

# %% [markdown] given="C-text"
# ---
# ## Part C. The learning rate (5 points)
#
# ### C1. Five rates in one figure (1 point, 15 min)
#
# Train a **new** network for each rate, with everything else the same, and collect the histories in a dictionary
# `histories[rate]`. Use at least five rates from 1.0 down to 0.001, and `size.epochs` epochs. Before you run it: which rate do you expect to
# be best, and what will the smallest do? (As in B4, the check repeats the beginning of each run with your own functions.)

# %% exercise="C-study"
rates = [1.0, 0.5, 0.1, 0.01, 0.001]
histories = None
### BEGIN SOLUTION
histories = {}
for rate in rates:
    histories[rate] = fit(
        MLP(SIZES, on, seed=0), train_epoch, evaluate, data, lr=rate, epochs=size.epochs, label=f"{rate:g}"
    )
### END SOLUTION

# %% test="C-study-check" points=1
check.network_from_scratch.learning_rate_study(
    histories, rates, MLP, train_epoch, evaluate, epochs=size.epochs, size=size.name
)
### BEGIN HIDDEN TESTS
check.network_from_scratch.own_training(MLP, train_epoch, evaluate, seed=SEED)
### END HIDDEN TESTS

# %%
plots.show(plots.learning_rates(histories))

# %% [markdown] given="C-seen-text"
# ### C2. Expected and seen (2 points, 10 min)
#
# What did you expect, what do you see, and why? Say something about the largest, the middle and the smallest rate.
#
# === BEGIN MARK SCHEME ===
# * 2: an expectation is stated; the order of the rates is read off correctly; the smallest rate is explained (too few,
# too short steps: it has not converged yet, which does not mean that it can't); the largest by fast progress or by noise.
# * 1: describes the figure without a reason, or gives a reason that the figure contradicts.
# * 0: empty, or about another figure.
#
# === END MARK SCHEME ===

# %% [markdown] answer="C-seen" points=2
# I expected 0.1 to be best, because it is the usual default, and 1.0 to jump about. In the first epochs 1.0 and 0.5 do fluctuate, and 0.1 keeps up
# with them; but from about the eighth epoch on they are ahead. At the end 1.0 has 5.5% errors and 0.5 has 5.9%, while 0.1 is still falling, at
# 8.5%. The gradient of a *mean* loss is small, and the sigmoids shrink it further on its way to the first layer, so a large rate is not yet a
# large step. The rate 0.001 still gets 44.5% wrong: it moves in the right direction, a thousand times more slowly, and would need far more
# epochs.

# %% [markdown] given="C-spot-text"
# ### C3. The sweet spot (1 + 1 points, 15 min)
#
# The training loss keeps falling; the test loss rises again from some point on, when the network begins to memorise its training
# images (overfitting). The **sweet spot** is the epoch with the lowest test loss. Write a function that finds it. Epochs count from 1,
# and an epoch whose loss is NaN must not win.
#
# **A warning.** This looks at the test set to choose an epoch. We do so to see where the curve turns, and report nothing. As the result
# of a study, the accuracy at an epoch chosen in this way would be too optimistic, because the test images took part in the choice:
# choose on a *validation* part of the training file, and use the test set once, at the end. (`cnn_learning` does that.)


# %% exercise="C-spot"
def sweet_spot(test_loss):
    """list of test losses, one per epoch -> number of the epoch (from 1) with the lowest"""
    ### BEGIN SOLUTION
    finite = [(loss, epoch) for epoch, loss in enumerate(test_loss, start=1) if loss == loss]
    return min(finite)[1]
    ### END SOLUTION


# %% test="C-spot-check" points=1
check.network_from_scratch.sweet_spot(sweet_spot)
### BEGIN HIDDEN TESTS
check.network_from_scratch.sweet_spot(sweet_spot, seed=SEED)
### END HIDDEN TESTS

# %%
for rate, run in histories.items():
    best = sweet_spot(run.test_loss)
    for epoch, words in ((best, "sweet spot"), (run.epochs, "the end")):
        print(
            f"rate {rate:<6g} epoch {epoch:2d}, {words:<11} train loss {run.train_loss[epoch - 1]:.3f}, "
            f"test loss {run.test_loss[epoch - 1]:.3f}, test accuracy {run.test_accuracy[epoch - 1]:.1%}"
        )
plots.show(plots.loss_gap(histories))

# %% [markdown] given="C-spot-question"
# Where is the sweet spot for each rate, and what happens after it? Is the last epoch ever the right one to stop at? And look at the
# largest rate: would you choose the same epoch by accuracy? How can the loss rise while the accuracy does not fall?
#
# === BEGIN MARK SCHEME ===
# * 1: names the epochs; says that after the turn the training loss keeps falling while the test loss rises (overfitting); says
# that for slow rates the lowest test loss is at the end only because the run was stopped before the turn; says why loss and accuracy
# can disagree: the loss depends on how much probability the true class gets, the accuracy only on which class is largest, so a few
# wrong answers that become more confident raise the loss and not the number of errors.
# * 0.5: two of these three (turned; not turned yet; loss against accuracy).
#
# === END MARK SCHEME ===

# %% [markdown] answer="C-spot-answer" points=1
# At 1.0 the test loss is lowest after epoch 12. From there on it rises from 0.199 to 0.215, while the training loss goes on to almost zero
# (0.001): the network memorises. At 0.5 the same begins after epoch 25. For 0.1 and below the best epoch is the last one, but that says only
# that we stopped too early to see the turn. By accuracy I would not stop at epoch 12: at 1.0 it is 94.2% there and 94.5% at the end. The
# accuracy counts only whether the true class has the largest probability; the loss also counts how large it is. So if fewer answers are
# wrong and the loss is higher all the same, those that are wrong have become more confident. (And 0.3% of 2,000 images are six: I
# would not bet on the difference, least of all on the test set by which I picked the epoch.)

# %% [markdown] given="D-text"
# ---
# ## Part D. "Start high and decrease" (5 points)
#
# A group once handed in this hypothesis: *start with a high learning rate and decrease it over the epochs*. It sounds right. Is it?
#
# ### D1. Two decays (2 points, 10 min)
#
# Epochs count from 0 here, as `fit` counts them.
#
# * step decay: $\;\text{first} \cdot \text{factor}^{\lfloor \text{epoch} / \text{every} \rfloor}$
# * exponential decay: $\;\text{first} \cdot \gamma^{\text{epoch}}$


# %% exercise="D-decay"
def step_decay(epoch, first, factor, every):
    """Rate for this epoch (from 0): multiplied by `factor` after every `every` epochs."""
    ### BEGIN SOLUTION
    return first * factor ** (epoch // every)
    ### END SOLUTION


def exponential_decay(epoch, first, gamma):
    """Rate for this epoch (from 0): multiplied by gamma each epoch."""
    ### BEGIN SOLUTION
    return first * gamma**epoch
    ### END SOLUTION


# %% test="D-decay-step" points=1
check.network_from_scratch.step_decay(step_decay)
### BEGIN HIDDEN TESTS
check.network_from_scratch.step_decay(step_decay, seed=SEED)
### END HIDDEN TESTS

# %% test="D-decay-exponential" points=1
check.network_from_scratch.exponential_decay(exponential_decay)
### BEGIN HIDDEN TESTS
check.network_from_scratch.exponential_decay(exponential_decay, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="D-experiment-text"
# ### D2. The experiment (1 point, 20 min)
#
# Compare the best constant rate of Part C with at least two decays that start higher. One run proves nothing: repeat each setting with
# `size.seeds` seeds, for the network *and* for the order of the images, and look at the spread. To save time, train
# on `small` for `size.small_epochs` epochs. The check repeats the beginning of each run with your own functions, so take seeds
# below 100 for the networks.
#
# `results[name]` is a list of histories, one for each seed. `fit` takes a function of the epoch as `lr`:
# `fit(…, lr=lambda epoch: step_decay(epoch, 2.0, 0.5, 4), seed=seed)`.

# %% exercise="D-experiment"
small = load("mnist", train=size.small_train, test=size.test)
settings = None
results = None
### BEGIN SOLUTION
settings = {
    "constant 1.0": 1.0,
    "constant 2.0": 2.0,
    "step, 2.0 halved every 4": lambda epoch: step_decay(epoch, 2.0, 0.5, 4),
    "exponential, 2.0 · 0.85^epoch": lambda epoch: exponential_decay(epoch, 2.0, 0.85),
}
results = {
    name: [
        fit(
            MLP(SIZES, on, seed=seed), train_epoch, evaluate, small,
            lr=lr, epochs=size.small_epochs, seed=seed, label=f"{name}, seed {seed}",
        )
        for seed in range(size.seeds)
    ]
    for name, lr in settings.items()
}
### END SOLUTION

# %% test="D-experiment-check" points=1
check.network_from_scratch.decay_experiment(
    results, MLP, train_epoch, evaluate, seeds=size.seeds, epochs=size.small_epochs, size=size.name
)
### BEGIN HIDDEN TESTS
check.network_from_scratch.own_training(MLP, train_epoch, evaluate, seed=SEED + 1)
### END HIDDEN TESTS

# %%
plots.show(plots.schedules(results))
for name, runs in results.items():
    accuracies, losses = [run.test_accuracy[-1] for run in runs], [run.test_loss[-1] for run in runs]
    print(
        f"{name:<32} accuracy {min(accuracies):.1%} to {max(accuracies):.1%}, "
        f"test loss {min(losses):.3f} to {max(losses):.3f}"
    )

# %% [markdown] given="D-verdict-text"
# ### D3. The verdict (2 points, 10 min)
#
# Does the experiment support the hypothesis, contradict it, or is it inconclusive? Compare differences between settings with the
# spread between seeds, and say what else, besides the decrease, is different between the settings.
#
# === BEGIN MARK SCHEME ===
# * 2: a verdict that follows from the student's own numbers; the difference is compared with the spread between seeds; notices that a decay
# that starts higher changes two things at once (the higher start and the decrease), or names another confounder (few epochs, small set).
# * 1: a verdict with numbers, without the spread or without the confounder.
# * 0: an opinion without numbers.
#
# Any verdict can earn full points; it is the reasoning that counts.
#
# === END MARK SCHEME ===

# %% [markdown] answer="D-verdict" points=2
# The means say that both decays beat the constant 1.0: 92.3% (step) and 92.0% (exponential) against 91.6%. For the step decay the seeds do not overlap with
# those of 1.0; for the exponential decay they do. But both also start at 2.0, and the constant 2.0, without any decrease, has 92.6%, more than
# either. So the gain comes from the higher start, and the decrease adds nothing to the accuracy. Only the test loss ends a little lower with the step
# decay. Verdict: with a dozen epochs on a small training set "start high" is supported and "and decrease" is not; three seeds cannot tell more, and it may
# be different in longer runs, where a constant rate keeps jumping around the minimum.

# %% [markdown] given="E-text"
# ---
# ## Part E. The convention trap (4 points)
#
# The template of an old course averages the *loss* over the batch but returns the *unaveraged* gradient, $P - Y$. Its students resolved that in different
# ways, and each then studied the learning rate. Three conventions for the gradients that `update` uses:
#
# | name | gradient |
# |---|---|
# | `"mean"` | of the mean loss: ours |
# | `"sum"` | of the summed loss: $N$ times ours |
# | `"in_features"` | of the summed loss, divided by the layer's number of inputs: a real hand-in |
#
# ### E1. Predict (1 point, 5 min)
#
# Before you run anything: with batches of 64, which learning rates will work best under each convention, among 1.0, 0.1, 0.01, 0.001? Give a reason. (A wrong
# prediction with a reason earns full points. A prediction made afterwards is of no use to you.)
#
# === BEGIN MARK SCHEME ===
# * 1: a prediction for all three, with the factor between the conventions as the reason (64 for the sum; 64/784, 64/512, 64/128 for in_features).
# * 0.5: a prediction without a reason, or for one convention only.
#
# === END MARK SCHEME ===

# %% [markdown] answer="E-predict" points=1
# The sum is 64 times the mean, so a rate of 0.01 under "sum" is the same step as 64 · 0.01 = 0.64 under "mean": I expect 0.01 to be best there, and 1.0 and 0.1 to
# blow up. Under "in_features" the first layer's gradient is 64/784, about a twelfth of ours, so 1.0 should work best and behave like 0.1 does for the mean.

# %% [markdown] given="E-rescale-text"
# ### E2. Run (1 point, 10 min)
#
# After `network.backward`, the layers hold the gradients of the mean loss. `rescale` turns them into those of another convention, in place: it
# assigns new `grad_weight` and `grad_bias` to every Linear layer.


# %% exercise="E-rescale"
def rescale(network, batch_size, convention):
    """Turn gradients of the mean loss into those of "mean", "sum" or "in_features"."""
    ### BEGIN SOLUTION
    for layer in network.layers:
        if isinstance(layer, Linear):
            in_features = layer.weight.shape[0]
            factor = {"mean": 1, "sum": batch_size, "in_features": batch_size / in_features}[convention]
            layer.grad_weight = factor * layer.grad_weight
            layer.grad_bias = factor * layer.grad_bias
    ### END SOLUTION


# %% test="E-rescale-check" points=1
check.network_from_scratch.convention(rescale, MLP)
### BEGIN HIDDEN TESTS
check.network_from_scratch.convention(rescale, MLP, seed=SEED)
### END HIDDEN TESTS

# %% given="E-run"
def accuracy_after_training(convention, lr):
    network = MLP(SIZES, on, seed=0)
    update = network.update

    def rescale_and_update(rate):
        rescale(network, 64, convention)
        update(rate)

    network.update = rescale_and_update
    run = fit(network, train_epoch, evaluate, small, lr=lr, epochs=size.trap_epochs)
    return run.test_accuracy[-1]


trap = {
    convention: {lr: accuracy_after_training(convention, lr) for lr in (1.0, 0.1, 0.01, 0.001)}
    for convention in track(("mean", "sum", "in_features"), "convention")
}
for convention, row in trap.items():
    print(f"{convention:>12}:  " + "   ".join(f"{lr:g} → {accuracy:.1%}" for lr, accuracy in row.items()))

# %%
plots.show(plots.convention_trap(trap))

# %% [markdown] given="E-explain-text"
# ### E3. Explain (2 points, 15 min)
#
# One report says "1.0 is the best rate", another "0.1 fluctuates heavily, 0.01 is best". Both describe what they saw. Explain how
# both can be right, compare with your prediction, and say what a report must state so that its learning rate means something to a reader.
#
# === BEGIN MARK SCHEME ===
# * 2: the step is rate × gradient, so a factor in the gradient is a factor in the rate (64 between mean and sum); in_features gives each layer another
# factor, so no single rate translates it; compares with the student's own prediction; a report must state loss reduction (mean or sum) and batch size.
# * 1: only "the gradients have different scales", without the number or without what to state.
#
# === END MARK SCHEME ===

# %% [markdown] answer="E-explain" points=2
# What moves the weights is rate times gradient. Summing instead of averaging makes the gradient 64 times larger, so 0.01 with the sum is 64 · 0.01 = 0.64 with the mean: the
# same steps under another name. Dividing by in_features is a third scale, and a different one in each layer (64/784, 64/512, 64/128 of ours), so it is not even
# equivalent to one rate. My prediction was right for the sum and for in_features. A report has to say whether the loss is a mean or a sum and how large the
# batches are; without that, "the best learning rate is 0.1" says nothing.

# %% [markdown] given="F-text"
# ---
# ## Part F. The same code on any device (2 points)
#
# If you used only operators, methods and `array_namespace`, your network runs unchanged with PyTorch's arrays, and on a GPU where there is one.
#
# `backend("torch")` is PyTorch on the CPU, `backend("cuda")` PyTorch on the GPU; `small.to(where)` is the data set there. Train a new network (seed 0) on
# it with each backend in `names` for 2 epochs at rate 0.5 and collect the histories in `by_backend[name]`. The first check compares the curves, and repeats them
# with your own functions; the second trains your network on every backend from the same weights and compares the results.
# (15 min)

# %% given="F-names"
from helpers.backend import cuda_available

names = ["numpy", *(["torch"] if torch_or_none() else []), *(["cuda"] if cuda_available() else [])]
print(
    f"Backends here: {', '.join(names)}." + ("" if cuda_available() else " There is no GPU, so there is no row for it.")
)

# %% exercise="F-move"
by_backend = None
### BEGIN SOLUTION
by_backend = {}
for name in names:
    where = backend(name)
    by_backend[name] = fit(
        MLP(SIZES, where, seed=0), train_epoch, evaluate, small.to(where), lr=0.5, epochs=2, label=where.label
    )
### END SOLUTION

# %% test="F-move-check" points=1
check.network_from_scratch.same_on_all(by_backend, names, MLP, train_epoch, evaluate, size=size.name)
### BEGIN HIDDEN TESTS
check.network_from_scratch.own_training(MLP, train_epoch, evaluate, seed=SEED + 2)
### END HIDDEN TESTS

# %% test="F-move-portable" points=1
check.network_from_scratch.portable(MLP, train_epoch)
### BEGIN HIDDEN TESTS
check.network_from_scratch.portable(MLP, train_epoch, seed=SEED)
### END HIDDEN TESTS

# %%
for run in by_backend.values():
    print(f"{run.label:<40} {run.seconds[-1]:6.2f} s for its second epoch of {size.small_train:,} images")

# %% [markdown]
# A GPU pays off with larger layers and batches: at 64 images most of its cores are idle, and each small operation costs a kernel launch. How to
# measure that properly, and where the crossover is, is the subject of a later assignment.

# %% [markdown] given="group"
# ---
# ## The form
#
# Fill in who is in your group (at most four) and who did what. In `ready_to_present` name the parts that you would present in class, such as
# `["A", "C"]`. Each part that you name and hand in adds half of the points that you earn in it. Naming none costs nothing; if nobody volunteers, any
# group may be asked.

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
ready_to_present = ["A", "B", "C", "D", "E", "F"]
### END SOLUTION

# %% test="form-check" points=0
check.network_from_scratch.form(group, ready_to_present, parts="ABCDEF")

# %% [markdown] given="finish"
# ---
# ## Your points, and handing in
#
# The last cell adds up what your checks have given so far, and says what is left. To hand in, save (Ctrl+S), choose
# *Kernel → Restart Kernel and Run All Cells*, look, save again, and hand in this file, `network_from_scratch.ipynb`.

# %% given="summary"
check.summary()
