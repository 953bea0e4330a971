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
# # Generate: networks that make new data
#
# So far a network got an image and said which digit it is. Here networks give back images, and make new ones: the **autoencoder** (AE), the **restricted Boltzmann machine** (RBM), the **variational autoencoder** (VAE) and the **generative adversarial network** (GAN). Their layers are those that you know. What is new are the losses, and where randomness comes in; that is what you write.
#
# | part | what you do | points | time |
# |---|---|---|---|
# | A | the autoencoder: images through 32 numbers, beside PCA | 6 | 40 min |
# | B | the RBM: probabilities, contrastive divergence, an exact likelihood | 11 | 70 min |
# | C | the VAE: a code that is a distribution, and a map of digits | 9 | 50 min |
# | D | the GAN: two losses, two steps, collapse and a cure | 10 | 55 min |
# | E | stacked RBMs to read; which network for which task? | 4 | 20 min |
# | | the form | | 5 min |
#
# **How to work.** Write your code where a cell says `YOUR CODE HERE`, and delete the line that raises `NotImplementedError`. Below each exercise a **check** runs your code on small cases. When something is wrong it names the mistake in words, and you can run it as often as you like. Grading runs the same checks, with other numbers.
#
# **Guess first.** Before each training you write a number down, and a model of the machine predicts the seconds. A wrong guess costs nothing; it is what you compare with at the end.
#
# **One convention.** As in the earlier assignments: $N$ rows are a batch, the loss is the **mean over the batch** (and a sum over pixels, or over the numbers of a code), gradients are those of this mean loss, and `parameter -= lr * gradient`. What is random takes its numbers from the generator `rng` that it is given, `np.random.default_rng(seed)` made once outside. Images and parameters are float32, and a layer refuses a gradient of another type: return arrays of the dtype that you got.
#
# **How long it runs.** About a minute on a laptop, without a GPU and without a network. All of it is numpy.

# %% given="setup"
# %matplotlib inline
import math
import time
from itertools import pairwise

import numpy as np

from helpers import check, cost, plots
from helpers.backend import backend
from helpers.data import load
from helpers.nn import Adam, Sigmoid, Softmax, evaluate
from helpers.progress import Progress
from helpers.threads import limit_threads
from helpers.train import study_size
from helpers.zoo.chain import Chain, Dense, Pack, batches, dense, sigmoid, train_classifier
from helpers.zoo.checks import check_loss
from helpers.zoo.toys import MODES, SPREAD, bars_and_stripes, gaussians, states

limit_threads(1)  # so that what is predicted for one core can be measured
SIZE = None  # None is the laptop's size, "quick" a few seconds
quick = study_size(SIZE).name == "quick"
on = backend("numpy")
IMAGES, TEST = (1_000, 300) if quick else (20_000, 2_000)
data = load("mnist", train=IMAGES, test=TEST, normalise=False)
images, test, test_labels = data.train_images, data.test_images, data.test_labels
runs = {}  # name of a network -> what its training cost and reached, for the table in Part E
print(f"{len(images):,} training and {len(test):,} test images, {images.shape[1]} pixels from 0 to 1, {images.dtype}")

# %% [markdown] given="A-text"
# ---
# ## Part A. The autoencoder (6 points)
#
# An autoencoder is trained to give back its input $x$ as $\hat x$. That would be easy, were there not a narrow layer in its middle: 784 pixels have to pass through 32 numbers, the **code**. The first half, which computes the code, is the *encoder*, the second the *decoder*.
#
# ### A1. The reconstruction's loss (2 points, 10 min)
#
# $$L = \frac1N \sum_n \frac12 \sum_i (\hat x_{ni} - x_{ni})^2, \qquad \frac{\partial L}{\partial \hat x_{ni}} = \;?$$
#
# Return $L$, one number, and the gradient for $\hat x$, an array of its shape.


# %% exercise="A-loss"
def reconstruction_loss(x, x_hat):
    """(½|x̂ − x|², the mean over the batch; its gradient for x̂), both arrays (N, D)"""
    ### BEGIN SOLUTION
    difference = x_hat - x
    return 0.5 * np.sum(difference**2) / len(x), difference / len(x)
    ### END SOLUTION


# %% test="A-loss-check" points=2
check.generate.reconstruction_loss(reconstruction_loss)
### BEGIN HIDDEN TESTS
check.generate.reconstruction_loss(reconstruction_loss, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="A-pca-text"
# ### A2. What has to be beaten: PCA (2 points, 10 min)
#
# Were all layers linear, no autoencoder could do better than **principal components**. With the mean $m$ of the *training* images and the matrix $U$, whose `width` columns are the eigenvectors of
#
# $$\sum_n (x_n - m)(x_n - m)^\top$$
#
# with the **largest** eigenvalues (the sum is over training images, too), a test image $x$ (a row) is reconstructed as
#
# $$\hat x = m + (x - m)\, U U^\top.$$
#
# `np.linalg.eigh` returns eigenvalues in ascending order, and the eigenvectors as columns.


# %% exercise="A-pca"
def pca_reconstruction(train, test, width):
    """The images `test` (M, D), reconstructed from `width` principal components of the images `train` (N, D)"""
    ### BEGIN SOLUTION
    mean = train.mean(axis=0)
    centred = train - mean
    _, vectors = np.linalg.eigh(centred.T @ centred)
    U = vectors[:, -width:]
    return mean + (test - mean) @ U @ U.T
    ### END SOLUTION


# %% test="A-pca-check" points=2
check.generate.pca_reconstruction(pca_reconstruction)
### BEGIN HIDDEN TESTS
check.generate.pca_reconstruction(pca_reconstruction, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="A-seconds-text"
# ### A3. What will it cost? (1 point, 10 min)
#
# `helpers.cost` counts the operations and bytes of every layer and predicts the seconds of one training step: `cost.predict(network, device, images=batch).seconds`. Write a function that predicts a whole training. An epoch has $\lceil \text{images} / \text{batch} \rceil$ steps: the last batch may be smaller, count it as a whole one.


# %% exercise="A-seconds"
def training_seconds(network, device, batch, images, epochs):
    """Predicted seconds of so many epochs of so many images, in batches"""
    ### BEGIN SOLUTION
    return epochs * math.ceil(images / batch) * cost.predict(network, device, images=batch).seconds
    ### END SOLUTION


# %% test="A-seconds-check" points=1
check.generate.training_seconds(training_seconds)
### BEGIN HIDDEN TESTS
check.generate.training_seconds(training_seconds, seed=SEED)
### END HIDDEN TESTS

# %% given="A-machine"
clock = time.process_time  # seconds of computing, whatever else this machine does
peak, bandwidth = cost.measure_peak(256 if quick else 1024, rounds=3), cost.measure_bandwidth(2**26, rounds=3)
device = cost.Device("this machine", {"float32": peak.median}, bandwidth.median, 2**40, None, "measured")
WIDTH, AE_EPOCHS = 32, 1 if quick else 6
SIZES = (784, 256, WIDTH, 256, 784)
predicted = training_seconds(Dense(SIZES), device, 100, len(images), AE_EPOCHS)
print(f"{peak.median / 1e9:.0f} GFLOP/s and {bandwidth.median / 1e9:.1f} GB/s on one thread")
print(f"autoencoder {'-'.join(map(str, SIZES))}: {AE_EPOCHS} epochs will take {predicted:.1f} s")

# %% [markdown] given="A-guess-text"
# **Your guess.** The squared error of a test image, autoencoder ÷ PCA, after these epochs: 1 would be as good as PCA, 0.5 twice as good.

# %% exercise="A-guess"
# Write a number in place of None, then delete the last line.
guess_ratio = None
### BEGIN SOLUTION
guess_ratio = 0.9
### END SOLUTION

# %% test="A-guess-check" points=0
check.generate.guess("the ratio", guess_ratio)

# %% given="A-run"
def train_autoencoder(network, images, epochs, lr=2e-3, seed=0):
    """Adam on your loss."""
    optimiser = Adam(network.layers)
    with Progress(epochs * math.ceil(len(images) / 100), "step", "autoencoder") as line:
        for step, _, here in batches(len(images), 100, epochs, seed):
            loss, gradient = reconstruction_loss(images[here], network.forward(images[here]))
            check_loss("The reconstruction's loss", loss, step)
            network.backward(gradient)
            optimiser.step(lr)
            line.advance()


autoencoder = Chain(*dense(SIZES[:3], on, seed=0).layers, *dense(SIZES[2:], on, seed=1).layers)
began = clock()
train_autoencoder(autoencoder, images, AE_EPOCHS)
took = clock() - began
by_pca, by_ae = pca_reconstruction(images, test, WIDTH), autoencoder.forward(test)
errors = {name: float(np.mean((made - test) ** 2)) for name, made in (("PCA", by_pca), ("autoencoder", by_ae))}
ratio = errors["autoencoder"] / errors["PCA"]
runs["autoencoder"] = (
    "give back, compress",
    predicted,
    took,
    f"squared error {errors['autoencoder']:.4f}, {ratio:.2f} of PCA's",
)
print(f"squared error of a pixel: PCA {errors['PCA']:.4f}, autoencoder {errors['autoencoder']:.4f}; ratio {ratio:.2f}")
print(f"{took:.1f} s, predicted {predicted:.1f}: {took / predicted:.2f} times as long; guessed ratio {guess_ratio}")

# %%
plots.show(
    plots.image_rows(
        {"image": test[:12], "PCA": by_pca[:12], "autoencoder": by_ae[:12]}, f"Test images through {WIDTH} numbers"
    )
)

# %% [markdown]
# **What you should see.** PCA's images are blurred, with grey shadows beside the strokes; the autoencoder's have clean strokes and a white background. Now a code that belongs to no image: 32 numbers drawn at random, as large as those of real codes.

# %%
encoder, decoder = Chain(*autoencoder.layers[:3]), Chain(*autoencoder.layers[3:])
codes = encoder.forward(test)
random_codes = np.random.default_rng(0).normal(codes.mean(axis=0), codes.std(axis=0), (12, WIDTH)).astype(np.float32)
plots.show(
    plots.image_rows(
        {"of an image": by_ae[:12], "of random": decoder.forward(random_codes).clip(0, 1)}, "Decoded codes"
    )
)

# %% [markdown] given="A-question"
# ### A4. Explain (1 point, 10 min)
#
# Why can the autoencoder be better than PCA at the same width? And why does it not *generate*: what do the images of random codes look like, and what does the loss say about such codes?
#
# === BEGIN MARK SCHEME ===
# * 1: the ratio from the output with its reason (ReLUs make the code and the reconstruction non-linear; PCA is the best of the linear ones), and that the loss is about codes of training images alone: nothing asks that what lies between or beside them decodes to a digit.
# * 0.5: one of the two.
#
# === END MARK SCHEME ===

# %% [markdown] answer="A-answer" points=1
# With 32 numbers the autoencoder's squared error is 0.0144, 0.82 of PCA's. PCA is the best that linear layers can do; with ReLUs between its layers a network can bend the sheet on which its reconstructions lie, and digits don't lie on a flat one. I had guessed 0.9.
#
# The decoded random codes are blobs and broken strokes, though each number in them is as large as in real codes. The loss is a mean over codes of training images. Nothing in it says what a code between or beside them should decode to, and 32 numbers drawn independently are nearly always beside them.

# %% [markdown] given="B-text"
# ---
# ## Part B. The restricted Boltzmann machine (11 points)
#
# An RBM is a probability distribution. It has *visible* units $v$, which are the pixels, and *hidden* units $h$, all of them 0 or 1, with weights $W$ of shape (visible, hidden) between the two kinds and none within a kind. A pair $(v, h)$ has the energy and the probability
#
# $$E(v, h) = -b^\top v - c^\top h - v^\top W h, \qquad p(v, h) = \frac{e^{-E(v, h)}}{Z},$$
#
# where $Z$ is the sum of $e^{-E}$ over **all** pairs. It is much older than the VAE and the GAN, and the clearest example of how a network is trained whose likelihood can't be computed.
#
# ### B1. Probabilities of one side, given the other (1 point, 5 min)
#
# Since there are no weights within a kind, the units of one kind are independent when the other kind is given:
#
# $$p(h_j = 1 \mid v) = \sigma\Big(c_j + \sum_i v_i W_{ij}\Big), \qquad p(v_i = 1 \mid h) = \sigma\Big(b_i + \sum_j W_{ij} h_j\Big)$$
#
# `sigmoid` is given and does not overflow. A row of $v$ or $h$ is an example, as always.


# %% exercise="B-probabilities"
def hidden_probabilities(v, weight, c):
    """p(h = 1 | v): v (N, visible), weight (visible, hidden), c (hidden,) -> (N, hidden)"""
    ### BEGIN SOLUTION
    return sigmoid(v @ weight + c)
    ### END SOLUTION


def visible_probabilities(h, weight, b):
    """p(v = 1 | h): h (N, hidden), weight (visible, hidden), b (visible,) -> (N, visible)"""
    ### BEGIN SOLUTION
    return sigmoid(h @ weight.T + b)
    ### END SOLUTION


# %% test="B-probabilities-check" points=1
check.generate.probabilities(hidden_probabilities, visible_probabilities)
### BEGIN HIDDEN TESTS
check.generate.probabilities(hidden_probabilities, visible_probabilities, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-draw-text"
# ### B2. Draw units (1 point, 5 min)
#
# From probabilities draw units: each is 1 with its own probability, else 0, **independently of all others** in its row and in other rows. Return an array of the shape and the dtype of `p`.


# %% exercise="B-draw"
def draw(p, rng):
    """0 or 1 for each probability in p (N, units), an array like p"""
    ### BEGIN SOLUTION
    return (rng.random(p.shape) < p).astype(p.dtype)
    ### END SOLUTION


# %% test="B-draw-check" points=1
check.generate.draw(draw)
### BEGIN HIDDEN TESTS
check.generate.draw(draw, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-cd-text"
# ### B3. Contrastive divergence, CD-1 (3 points, 20 min)
#
# The gradient of the likelihood is a difference of two means of $v_i h_j$: over the data, and over what the model itself would make. The second one would need $Z$. **Contrastive divergence** puts one step from the data in its place:
#
# $$v \;\to\; p = p(h{=}1 \mid v) \;\to\; h \text{ drawn from } p \;\to\; v' = p(v{=}1 \mid h) \;\to\; p' = p(h{=}1 \mid v')$$
#
# **Only $h$ is drawn**, so that it passes on no more than bits. $v'$ and $p'$ stay probabilities, and so does $p$ where it enters the gradient: they say the same with less noise. What is descended, with means over the $N$ rows,
#
# $$g_W = \frac{v'^\top p' - v^\top p}{N}, \qquad g_b = \frac1N \sum_n (v'_n - v_n), \qquad g_c = \frac1N \sum_n (p'_n - p_n).$$
#
# Take your `hidden_probabilities`, `visible_probabilities` and `draw`.


# %% exercise="B-cd"
def cd1(v, weight, b, c, rng):
    """(gradient of weight, of b, of c) for the rows of v (N, visible), each of its parameter's shape"""
    ### BEGIN SOLUTION
    p = hidden_probabilities(v, weight, c)
    v1 = visible_probabilities(draw(p, rng), weight, b)
    p1 = hidden_probabilities(v1, weight, c)
    return (v1.T @ p1 - v.T @ p) / len(v), (v1 - v).mean(axis=0), (p1 - p).mean(axis=0)
    ### END SOLUTION


# %% test="B-cd-check" points=3
check.generate.cd1(cd1)
### BEGIN HIDDEN TESTS
check.generate.cd1(cd1, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-update-text"
# ### B4. The step, with weight decay (1 point, 5 min)
#
# Large weights make the machine stiff. **Weight decay** adds $\lambda W$ to the weights' gradient, and nothing to those of the biases:
#
# $$W \leftarrow W - \eta\,(g_W + \lambda W), \qquad b \leftarrow b - \eta\, g_b, \qquad c \leftarrow c - \eta\, g_c.$$
#
# Change the three arrays **in place** (`-=` on the array); `lr` is $\eta$ and `decay` is $\lambda$.


# %% exercise="B-update"
def update(parameters, gradients, lr, decay):
    """Change the arrays parameters = [weight, b, c] in place; gradients in the same order"""
    ### BEGIN SOLUTION
    weight, b, c = parameters
    grad_weight, grad_b, grad_c = gradients
    weight -= lr * (grad_weight + decay * weight)
    b -= lr * grad_b
    c -= lr * grad_c
    ### END SOLUTION


# %% test="B-update-check" points=1
check.generate.update(update)
### BEGIN HIDDEN TESTS
check.generate.update(update, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-likelihood-text"
# ### B5. The likelihood, exactly (3 points, 20 min)
#
# The hidden units can be summed out by hand. What is left is the **free energy** of $v$, with $p(v) = e^{-F(v)}/Z$:
#
# $$F(v) = -b^\top v - \sum_j \log\big(1 + e^{\,c_j + \sum_i v_i W_{ij}}\big).$$
#
# $Z = \sum_v e^{-F(v)}$ runs over all states of the visible units. For 784 pixels these are $2^{784}$; for 9 pixels they are 512, and `states(9)` has them as rows. So on a toy the mean log-likelihood of the rows of $v$, in nats, is exact:
#
# $$\frac1N \sum_n \log p(v_n) = -\frac1N \sum_n F(v_n) - \log Z.$$
#
# Both have to be right for large energies, too, where $e^{1000}$ overflows: `np.logaddexp(0, a)` is $\log(1 + e^a)$, and $\log \sum_k e^{a_k} = m + \log \sum_k e^{a_k - m}$ with the largest, $m$.


# %% exercise="B-likelihood"
def free_energy(v, weight, b, c):
    """F of each row of v (N, visible) -> (N,)"""
    ### BEGIN SOLUTION
    return -v @ b - np.logaddexp(0, v @ weight + c).sum(axis=1)
    ### END SOLUTION


def log_likelihood(v, weight, b, c):
    """The mean of log p(v) over the rows of v, in nats: one number"""
    ### BEGIN SOLUTION
    energies = -free_energy(states(len(b)), weight, b, c)
    top = energies.max()
    log_z = top + np.log(np.exp(energies - top).sum())
    return -free_energy(v, weight, b, c).mean() - log_z
    ### END SOLUTION


# %% test="B-free-energy" points=1
check.generate.free_energy(free_energy)
### BEGIN HIDDEN TESTS
check.generate.free_energy(free_energy, seed=SEED)
### END HIDDEN TESTS

# %% test="B-log-likelihood" points=2
check.generate.log_likelihood(log_likelihood, free_energy)
### BEGIN HIDDEN TESTS
check.generate.log_likelihood(log_likelihood, free_energy, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-guess-text"
# **Bars and stripes** is a toy of 3 × 3 pixels: 14 pictures in which whole rows or whole columns are 1. A model that knows nothing gives each of the 512 states the same, $\log \frac{1}{512} = -6.24$ nats. The best gives each of the 14 pictures the same and nothing to others, $\log \frac{1}{14} = -2.64$.
#
# **Your guess.** The log-likelihood at the *end* of 6,000 updates of CD-1, which sees all 14 pictures in each of them.

# %% exercise="B-guess"
# Write a number in place of None, then delete the last line.
guess_likelihood = None
### BEGIN SOLUTION
guess_likelihood = -2.8
### END SOLUTION

# %% test="B-guess-check" points=0
check.generate.guess("the log-likelihood", guess_likelihood)

# %% given="B-toy"
def new_rbm(visible, hidden, rng, dtype=np.float32):
    """[weight, b, c]: small random weights, biases of zero."""
    return [rng.normal(0, 0.01, (visible, hidden)).astype(dtype), np.zeros(visible, dtype), np.zeros(hidden, dtype)]


curve = None  # until the cell has run
pictures = np.tile(bars_and_stripes(), (8, 1))  # each eight times: eight chains from each picture
rng = np.random.default_rng(0)
toy = new_rbm(9, 12, rng, np.float64)
updates, curve = [0], [log_likelihood(pictures, *toy)]
while updates[-1] < 6000:
    for _ in range(100):
        update(toy, cd1(pictures, *toy, rng), lr=0.2, decay=0.0)
    updates.append(updates[-1] + 100)
    curve.append(check_loss("The log-likelihood", log_likelihood(pictures, *toy), updates[-1]))
best = int(np.argmax(curve))
print(
    f"log-likelihood: {curve[0]:.2f} before, {curve[best]:.2f} after {updates[best]} updates, "
    f"{curve[-1]:.2f} at the end; guessed {guess_likelihood}"
)

# %% [markdown] given="B-toy-text"
# ### B6. The curve (1 point, 5 min)
#
# Nothing to write: the check looks whether your likelihoods lie where those of 30 other seeds lay, and trains a machine of its own with your functions.

# %% test="B-curve-check" points=1
check.generate.toy_curve(curve, cd1, update, log_likelihood)
### BEGIN HIDDEN TESTS
check.generate.toy_curve(curve, cd1, update, log_likelihood, seed=SEED)
### END HIDDEN TESTS

# %%
plots.show(plots.likelihood(updates, curve, -math.log(14)))

# %% [markdown] given="B-images-text"
# Now images: 784 visible and 128 hidden units. The seconds of a step are those of five products of (N, 784) and (784, 128): three for the probabilities, two for the gradient.

# %% given="B-run"
HIDDEN, RBM_EPOCHS = 128, 2 if quick else 4


def rbm_seconds(visible, hidden, images, epochs, batch=100):
    """Predicted from the operations and the bytes of the five products."""
    product = cost.Work(2 * batch * visible * hidden, 4 * (batch * visible + visible * hidden + batch * hidden))
    return epochs * math.ceil(images / batch) * 5 * cost.roofline_seconds(product, peak.median, bandwidth.median)


def train_rbm(rbm, images, epochs, lr=0.1, decay=1e-4, seed=0):
    """Your CD-1, batch by batch; one generator for all of it."""
    rng = np.random.default_rng(seed)
    for step, _, here in batches(len(images), 100, epochs, seed):
        gradients = cd1(images[here], *rbm, rng)
        check_loss("A gradient of CD-1", float(np.abs(gradients[1]).sum()), step)
        update(rbm, gradients, lr, decay)


def chain(rbm, v, steps, rng):
    """So many steps of sampling from the rows of v; the last probabilities."""
    weight, b, c = rbm
    for _ in range(steps):
        p = visible_probabilities(draw(hidden_probabilities(v, weight, c), rng), weight, b)
        v = draw(p, rng)
    return p


predicted = rbm_seconds(784, HIDDEN, len(images), RBM_EPOCHS)
rbm = new_rbm(784, HIDDEN, np.random.default_rng(1))
began = clock()
train_rbm(rbm, images, RBM_EPOCHS)
took = clock() - began
again = visible_probabilities(hidden_probabilities(test, rbm[0], rbm[2]), rbm[0], rbm[1])
error = float(np.mean((again - test) ** 2))
runs["RBM"] = (
    "draw from a distribution",
    predicted,
    took,
    f"squared error {error:.4f}; toy {curve[best]:.2f} nats at best",
)
print(f"squared error of a reconstructed pixel: {error:.4f}")
print(f"{took:.1f} s, predicted {predicted:.1f}: {took / predicted:.2f} times as long")

# %%
made = chain(rbm, test[:12], 10 if quick else 200, np.random.default_rng(2))
plots.show(
    plots.image_rows(
        {"image": test[:12], "reconstruction": again[:12], "after a long chain": made},
        f"An RBM with {HIDDEN} hidden units",
    )
)

# %% [markdown]
# **What you should see.** On the toy, a curve that rises steeply, has its highest point below the line, and slowly sinks while training goes on. On images, reconstructions that are good, and chains that have ended at few kinds of digits or at blobs.

# %% [markdown] given="B-question"
# ### B7. Explain (1 point, 10 min)
#
# Why does the likelihood sink again, although CD-1 goes on? Would the reconstruction's error have shown it? And what does that have to do with the images after a long chain?
#
# === BEGIN MARK SCHEME ===
# * 1: CD-1 is not the likelihood's gradient (its second mean comes from one step off the data, not from the model), with the best value and the last one; reconstructions look only near the data, so they stay good; far from the data the energy was never looked at, and a long chain goes there.
# * 0.5: the first, without the other two.
#
# === END MARK SCHEME ===

# %% [markdown] answer="B-answer" points=1
# CD-1 compares the data with what is one step away from them, not with what the model would make if it ran for long. That difference is not the gradient of the likelihood, so nothing holds the likelihood where it was best: −3.32 nats after 1400 updates, −3.65 after 6000. I had guessed −2.8.
#
# The reconstruction's error would not have shown it: it looks only at states one step from the data, which stay good. What lies far from the data was never looked at, and may have got a low energy by chance. A long chain finds such places: after 200 steps from twelve digits most chains are at something like a 0, the others at a 3 or at blobs, whatever they began with.

# %% [markdown] given="C-text"
# ---
# ## Part C. The variational autoencoder (9 points)
#
# An autoencoder's codes lie anywhere, so nobody knows which code to decode. A VAE says where they lie: its encoder gives for each image a **distribution** of codes, a normal one with mean $\mu$ and variance $\sigma^2$ for each number of the code, and these are held close to $N(0, 1)$. New images come from codes drawn from $N(0, 1)$. The encoder's outputs are $\mu$ and $\log \sigma^2$, both of shape (N, latent): a logarithm, for it may have any sign. What grows is a **lower bound** of the likelihood,
#
# $$\log p(x) \;\ge\; \underbrace{\mathbb E\big[\log p(x \mid z)\big]}_{-\text{pixel loss}} \;-\; \underbrace{\mathrm{KL}\big(N(\mu, \sigma^2) \,\|\, N(0, 1)\big)}_{\text{how far from } N(0, 1)}, \qquad z \sim N(\mu, \sigma^2),$$
#
# so both losses are descended.
#
# ### C1. Draw a code (2 points, 10 min)
#
# If $z$ were drawn by a function that knows nothing of gradients, none could reach the encoder. **Reparameterisation** draws noise that depends on nothing and computes $z$ from it:
#
# $$z = \mu + \sigma\,\varepsilon, \qquad \varepsilon \sim N(0, 1), \qquad \sigma = e^{\frac12 \log \sigma^2}.$$
#
# Each number of each code has noise of its own. Return $z$ and the noise $\varepsilon$, which the backward pass needs.


# %% exercise="C-sample"
def sample_code(mean, log_variance, rng):
    """(z, noise), both of the shape and dtype of mean (N, latent)"""
    ### BEGIN SOLUTION
    noise = rng.standard_normal(mean.shape).astype(mean.dtype)
    return mean + np.exp(0.5 * log_variance) * noise, noise
    ### END SOLUTION


# %% test="C-sample-check" points=2
check.generate.sample_code(sample_code)
### BEGIN HIDDEN TESTS
check.generate.sample_code(sample_code, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="C-kl-text"
# ### C2. The KL (2 points, 10 min)
#
# $$\mathrm{KL} = \frac1N \sum_n \frac12 \sum_k \big(\mu_{nk}^2 + \sigma_{nk}^2 - \log \sigma_{nk}^2 - 1\big)$$
#
# It is never negative, and 0 only for $\mu = 0$ and $\sigma = 1$. Return it and its gradients for $\mu$ and for $\log \sigma^2$. (The second one is for the *logarithm*: put $\sigma^2 = e^s$ with $s = \log \sigma^2$, and differentiate for $s$.)


# %% exercise="C-kl"
def kl(mean, log_variance):
    """(KL, its gradient for mean, its gradient for log_variance); both arrays (N, latent)"""
    ### BEGIN SOLUTION
    n, variance = len(mean), np.exp(log_variance)
    value = 0.5 * np.sum(mean**2 + variance - log_variance - 1) / n
    return value, mean / n, 0.5 * (variance - 1) / n
    ### END SOLUTION


# %% test="C-kl-check" points=2
check.generate.kl(kl)
### BEGIN HIDDEN TESTS
check.generate.kl(kl, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="C-pixels-text"
# ### C3. The pixels' loss (1 point, 10 min)
#
# The decoder's outputs are **logits** $a$; a pixel is 1 with the probability $\sigma(a)$. Then $-\log p(x \mid z)$ is a cross-entropy for each pixel, summed over the pixels of an image:
#
# $$L = \frac1N \sum_n \sum_i \Big(\log(1 + e^{a_{ni}}) - x_{ni}\, a_{ni}\Big), \qquad \frac{\partial L}{\partial a_{ni}} = \;?$$
#
# Return $L$ and the gradient for the logits. Logits of ±1000 must give finite numbers.


# %% exercise="C-pixels"
def pixel_loss(x, logits):
    """(−log p(x|z) in nats, the mean over the images; its gradient for the logits), both arrays (N, D)"""
    ### BEGIN SOLUTION
    loss = np.sum(np.logaddexp(0, logits) - x * logits) / len(x)
    return loss, (sigmoid(logits) - x) / len(x)
    ### END SOLUTION


# %% test="C-pixels-check" points=1
check.generate.pixel_loss(pixel_loss)
### BEGIN HIDDEN TESTS
check.generate.pixel_loss(pixel_loss, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="C-through-text"
# ### C4. Back through the sample (2 points, 10 min)
#
# The decoder's backward pass gives $g = \partial L / \partial z$. By the chain rule it goes on to both outputs of the encoder, since $z = \mu + e^{\frac12 s}\varepsilon$ with $s = \log \sigma^2$:
#
# $$\frac{\partial L}{\partial \mu} = \;? \qquad\qquad \frac{\partial L}{\partial s} = \;?$$
#
# (Without the KL: its gradients are added afterwards.)


# %% exercise="C-through"
def through_sample(grad_z, noise, log_variance):
    """(gradient for mean, gradient for log_variance) of the loss whose gradient for z is grad_z; all (N, latent)"""
    ### BEGIN SOLUTION
    return grad_z, grad_z * noise * 0.5 * np.exp(0.5 * log_variance)
    ### END SOLUTION


# %% test="C-through-check" points=2
check.generate.through_sample(through_sample)
### BEGIN HIDDEN TESTS
check.generate.through_sample(through_sample, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="C-guess-text"
# The encoder is 784-256-4: two numbers for $\mu$ and two for $\log \sigma^2$, so that the codes can be drawn as a map. The decoder is 2-256-784.
#
# **Your guess.** A model that gives each pixel of every image the probability ½ has a pixel loss of $784 \cdot \ln 2 = 543$ nats. How many nats will the KL of a code of two numbers be, at the end?

# %% exercise="C-guess"
# Write a number in place of None, then delete the last line.
guess_kl = None
### BEGIN SOLUTION
guess_kl = 2
### END SOLUTION

# %% test="C-guess-check" points=0
check.generate.guess("the KL", guess_kl)

# %% given="C-run"
LATENT, VAE_EPOCHS = 2, 2 if quick else 8


def vae_step(encoder, decoder, x, rng):
    """(pixel loss, KL) of the images x, and the gradients of their sum in all layers."""
    both = encoder.forward(x)
    mean, log_variance = both[:, :LATENT], both[:, LATENT:]
    z, noise = sample_code(mean, log_variance, rng)
    pixels, grad_logits = pixel_loss(x, decoder.forward(z))
    divergence, kl_mean, kl_log_variance = kl(mean, log_variance)
    on_mean, on_log_variance = through_sample(decoder.backward(grad_logits), noise, log_variance)
    encoder.backward(np.concatenate([on_mean + kl_mean, on_log_variance + kl_log_variance], axis=1))
    return pixels, divergence


def train_vae(encoder, decoder, images, epochs, lr=2e-3, seed=0):
    optimiser, rng = Adam([*encoder.layers, *decoder.layers]), np.random.default_rng(seed)
    with Progress(epochs * math.ceil(len(images) / 100), "step", "VAE") as line:
        for step, _, here in batches(len(images), 100, epochs, seed):
            pixels, divergence = vae_step(encoder, decoder, images[here], rng)
            check_loss("The pixels' loss", pixels, step)
            check_loss("The KL", divergence, step)
            optimiser.step(lr)
            line.advance()


halves = (784, 256, 2 * LATENT), (LATENT, 256, 784)
predicted = sum(training_seconds(Dense(sizes), device, 100, len(images), VAE_EPOCHS) for sizes in halves)
vae_encoder, vae_decoder = (dense(sizes, on, seed) for seed, sizes in enumerate(halves))
began = clock()
train_vae(vae_encoder, vae_decoder, images, VAE_EPOCHS)
took = clock() - began
pixels, divergence = vae_step(vae_encoder, vae_decoder, test, np.random.default_rng(0))
runs["VAE"] = ("make new images, walk in a code", predicted, took, f"bound {-pixels - divergence:.1f} nats an image")
print(
    f"a test image: pixel loss {pixels:.1f} nats, KL {divergence:.1f} nats, "
    f"so the bound is {-pixels - divergence:.1f}; guessed KL {guess_kl}"
)
print(f"{took:.1f} s, predicted {predicted:.1f}: {took / predicted:.2f} times as long")

# %%
plots.show(
    plots.digit_map(lambda z: sigmoid(vae_decoder.forward(z)), vae_encoder.forward(test)[:, :LATENT], test_labels)
)

# %% [markdown]
# **What you should see.** Left a map on which digits change smoothly into each other, soft ones, but nearly everywhere a digit. Right the codes of test images around 0, each digit in its own region, some of which overlap. (At the size `"quick"` there are mostly blurs.)

# %% [markdown] given="C-question"
# ### C5. Explain (2 points, 10 min)
#
# Why can one decode any code here and not in Part A? What do the pixel loss and the KL each ask of the codes, and what would happen without the KL, or with far too much of it? Why are the images soft?
#
# === BEGIN MARK SCHEME ===
# * 2: noise makes neighbouring codes decode alike, and the KL holds all codes near N(0, 1), so that there are no gaps; the pixel loss wants codes apart and noise small, the KL the opposite, with both numbers from the output; without the KL σ goes to 0 and it is Part A's autoencoder, with far too much all codes are N(0, 1) and say nothing of the image; soft, since where several images share a code, the best probabilities are their mean.
# * 1: two of these three.
#
# === END MARK SCHEME ===

# %% [markdown] answer="C-answer" points=2
# The noise makes the decoder give nearly the same image for all codes near μ, and the KL holds all of these little clouds near N(0, 1), so that they fill the middle of the map without gaps. In Part A a code was a point, and nothing was asked beside it.
#
# The pixel loss, 155.1 nats, wants the codes of different images apart and the noise small, so that the decoder knows which image it is. The KL, 5.2 nats, wants every cloud to be the same one, N(0, 1). Without it σ would go to 0 and the codes far apart: the autoencoder of Part A. With far too much of it all images have the same cloud, and the code says nothing. I had guessed 2 nats; it pays to spend more, for every nat of the code saves more in the pixels.
#
# Where the clouds of several images overlap, the decoder can't tell which one is meant. Its best answer is, for each pixel, the share of those images in which it is black. That is a mean, and means are soft.

# %% [markdown] given="D-text"
# ---
# ## Part D. The generative adversarial network (10 points)
#
# A **generator** $G$ makes points of noise; a **discriminator** $D$ gets real points and made ones and says which is which. Its output is one logit $a$ for each point, and $\sigma(a)$ is the probability that the point is *real*. Both are trained in turn: $D$ to tell them apart, $G$ to be taken for real.
#
# ### D1. The discriminator's loss (2 points, 10 min)
#
# With logits $r$ for the $N$ real points and $m$ for the $M$ made ones, $D$ descends $-\log \sigma(r)$ and $-\log(1 - \sigma(m))$. Since $-\log \sigma(a) = \log(1 + e^{-a})$,
#
# $$L_D = \frac1N \sum_n \log\big(1 + e^{-r_n}\big) + \frac1M \sum_n \log\big(1 + e^{m_n}\big).$$
#
# Return $L_D$, its gradient for $r$, and its gradient for $m$. Logits of ±1000 must give finite numbers.


# %% exercise="D-discriminator"
def discriminator_loss(real, made):
    """(loss, its gradient for real, its gradient for made): logits of shape (N, 1) and (M, 1)"""
    ### BEGIN SOLUTION
    loss = np.logaddexp(0, -real).mean() + np.logaddexp(0, made).mean()
    return loss, (sigmoid(real) - 1) / len(real), sigmoid(made) / len(made)
    ### END SOLUTION


# %% test="D-discriminator-check" points=2
check.generate.discriminator_loss(discriminator_loss)
### BEGIN HIDDEN TESTS
check.generate.discriminator_loss(discriminator_loss, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="D-generator-text"
# ### D2. The generator's loss (1 point, 5 min)
#
# $G$ could climb $D$'s loss. But while its points are easily told, $\log(1 - \sigma(m))$ is flat, and $G$ would learn nothing when it has most to learn. So it descends another loss with the same aim, that made points are taken for real:
#
# $$L_G = \frac1M \sum_n -\log \sigma(m_n) = \frac1M \sum_n \log\big(1 + e^{-m_n}\big).$$
#
# Return $L_G$ and its gradient for $m$.


# %% exercise="D-generator"
def generator_loss(made):
    """(loss, its gradient for made): logits of shape (M, 1)"""
    ### BEGIN SOLUTION
    return np.logaddexp(0, -made).mean(), (sigmoid(made) - 1) / len(made)
    ### END SOLUTION


# %% test="D-generator-check" points=1
check.generate.generator_loss(generator_loss)
### BEGIN HIDDEN TESTS
check.generate.generator_loss(generator_loss, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="D-steps-text"
# ### D3 and D4. A step of each (2 + 2 points, 20 min)
#
# Both networks are chains of layers: `network.forward(x)` returns the output; `network.backward(gradient)` leaves the gradients of all parameters in the layers, **in place of those before**, and returns the gradient for the input. A layer remembers its **last** forward only, so a backward belongs to it. `optimiser.step(lr)` changes the parameters of *one* network, the one that it was made for.
#
# * **D's step**: make points from the noise; let $D$ judge real and made points, **in one batch** (`np.concatenate`, real ones first), so that one backward gives the gradients of both; `optimiser.step(lr)` with $D$'s optimiser. $G$ stays as it is.
# * **G's step**: make points from the noise; let $D$ judge them; the gradient of $L_G$ runs back through $D$ to the points, and from there through $G$; `optimiser.step(lr)` with $G$'s optimiser. $D$ stays as it is.
#
# There are as many made points as real ones, one for each row of noise. A discriminator may judge several points at once (one further down does); then there are fewer logits than points, and still half of them are for the real ones: split the logits in their middle. Both return the loss before the step.


# %% exercise="D-steps"
def discriminator_step(discriminator, generator, optimiser, real, noise, lr):
    """One step of the discriminator, whose optimiser it is; returns its loss. real (N, 2), noise (N, k)"""
    ### BEGIN SOLUTION
    made = generator.forward(noise)
    logits = discriminator.forward(np.concatenate([real, made]))
    half = len(logits) // 2
    loss, grad_real, grad_made = discriminator_loss(logits[:half], logits[half:])
    discriminator.backward(np.concatenate([grad_real, grad_made]))
    optimiser.step(lr)
    return loss
    ### END SOLUTION


def generator_step(discriminator, generator, optimiser, noise, lr):
    """One step of the generator, whose optimiser it is; returns its loss. noise (N, k)"""
    ### BEGIN SOLUTION
    logits = discriminator.forward(generator.forward(noise))
    loss, gradient = generator_loss(logits)
    generator.backward(discriminator.backward(gradient))
    optimiser.step(lr)
    return loss
    ### END SOLUTION


# %% test="D-discriminator-step" points=2
check.generate.discriminator_step(discriminator_step, discriminator_loss)
### BEGIN HIDDEN TESTS
check.generate.discriminator_step(discriminator_step, discriminator_loss, seed=SEED)
### END HIDDEN TESTS

# %% test="D-generator-step" points=2
check.generate.generator_step(generator_step, generator_loss)
### BEGIN HIDDEN TESTS
check.generate.generator_step(generator_step, generator_loss, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="D-found-text"
# ### D5. Count what was found (1 point, 5 min)
#
# The data are eight Gaussians on a circle: `MODES` (8, 2) has their centres, `SPREAD` is their standard deviation. How good is a generator? Neither loss says it. So count:
#
# * a point **lies on** the Gaussian whose centre is nearest, if its distance to that centre is less than 4 · `SPREAD`; else on none;
# * a Gaussian is **found** if at least 2% of *all* points lie on it.
#
# Return how many are found, and which share of all points lies on a Gaussian, found or not.


# %% exercise="D-found"
def found(points):
    """(number of Gaussians found, share of points that lie on one) of points (N, 2)"""
    ### BEGIN SOLUTION
    distance = np.linalg.norm(points[:, None] - MODES, axis=2)
    near = distance.min(axis=1) < 4 * SPREAD
    share = np.bincount(distance.argmin(axis=1)[near], minlength=len(MODES)) / len(points)
    return int((share >= 0.02).sum()), float(near.mean())
    ### END SOLUTION


# %% test="D-found-check" points=1
check.generate.found(found)
### BEGIN HIDDEN TESTS
check.generate.found(found, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="D-guess-text"
# Two GANs are trained for 3,000 steps, with three seeds each. The first discriminator judges each point **alone**. The second gets **four points at a time** and says whether these four are real (PacGAN, 2018): a layer `Pack(4)` in front of it puts four rows into one. Nothing else is different, and your steps are the same.
#
# **Your guess.** How many of the eight Gaussians will the *first* one find, on average?

# %% exercise="D-guess"
# Write a number in place of None, then delete the last line.
guess_modes = None
### BEGIN SOLUTION
guess_modes = 6
### END SOLUTION

# %% test="D-guess-check" points=0
check.generate.guess("the Gaussians found", guess_modes)

# %% given="D-run"
NOISE, UNITS, GAN_BATCH = 8, 64, 128
GAN_STEPS, SEEDS = (100, (0,)) if quick else (3000, (0, 10, 20))


def train_gan(pack, seed, steps=GAN_STEPS, lr=1e-3):
    """(generator, losses (steps, 2) of the discriminator and of the generator), each step on new points and new noise."""
    generator = dense([NOISE, UNITS, UNITS, 2], on, seed)
    discriminator = Chain(Pack(pack), *dense([2 * pack, UNITS, UNITS, 1], on, seed + 1).layers)
    optimisers = Adam(discriminator.layers, 0.9), Adam(generator.layers, 0.9)
    rng, losses = np.random.default_rng([seed, 3]), []
    with Progress(steps, "step", f"GAN, {pack} at a time, seed {seed}") as line:
        for step in range(steps):
            real, noise = gaussians(GAN_BATCH, rng), rng.standard_normal((2, GAN_BATCH, NOISE), np.float32)
            d = discriminator_step(discriminator, generator, optimisers[0], real, noise[0], lr)
            g = generator_step(discriminator, generator, optimisers[1], noise[1], lr)
            losses.append(
                (check_loss("The discriminator's loss", d, step), check_loss("The generator's loss", g, step))
            )
            line.advance()
    return generator, np.array(losses)


def gan_seconds(pack):
    """Predicted: forward and backward of each network in its own step, and of the discriminator in the generator's."""
    g, d = Dense((NOISE, UNITS, UNITS, 2)), Dense((2 * pack, UNITS, UNITS, 1))
    rows = GAN_BATCH // pack
    each = cost.predict(d, device, images=2 * rows).seconds + cost.predict(g, device, images=GAN_BATCH).seconds
    return GAN_STEPS * (each + cost.predict(d, device, images=rows).seconds)


made, results = {}, {}
for pack, name in ((1, "one by one"), (4, "four at a time")):
    began = clock()
    rows = []
    for seed in SEEDS:
        generator, losses = train_gan(pack, seed)
        points = generator.forward(np.random.default_rng(4).standard_normal((1000, NOISE), np.float32))
        rows.append(found(points))
        made.setdefault(f"Judged {name}: {rows[0][0]} of 8 found", points)
        late = losses[-len(losses) // 10 :].mean(axis=0)
        print(
            f"{name:14} seed {seed:2}: {rows[-1][0]} found, {rows[-1][1]:4.0%} of the points on one; "
            f"last losses {late[0]:.2f} and {late[1]:.2f}"
        )
    took, predicted = (clock() - began) / len(SEEDS), gan_seconds(pack)
    results[name] = float(np.mean([count for count, _ in rows]))
    runs[f"GAN, {name}"] = ("make new points that look real", predicted, took, f"{results[name]:.1f} of 8 found")
    print(f"{name:14} {took:.1f} s a run, predicted {predicted:.2f}: {took / predicted:.1f} times as long")
print(f"found on average, judged one by one: {results['one by one']:.1f}; guessed {guess_modes}")

# %%
plots.show(plots.clouds(gaussians(1000, np.random.default_rng(0)), made))

# %% [markdown]
# **What you should see.** Judged one by one, at least one generator puts all its points at one or two Gaussians: **mode collapse**. Judged four at a time, all or nearly all are found, with some points on the way between neighbours. The last losses hardly differ.

# %% [markdown] given="D-question"
# ### D6. Explain (2 points, 15 min)
#
# Why is collapse no fault in the eyes of a discriminator that judges points one by one, and why does it help to show it four at a time? What do the losses say about quality? And by how much did the prediction of the seconds miss here, compared with Part A, and why?
#
# === BEGIN MARK SCHEME ===
# * 2: a point on one Gaussian is as real as any other, the lack of variety shows only in several points at once (four equal points are no real ones); the losses don't tell collapse from success (own figures), since each is relative to the other network; the prediction counts operations and bytes, while small arrays cost mostly numpy's fixed time for each call (own factors from A and D).
# * 1: two of these three.
#
# === END MARK SCHEME ===

# %% [markdown] answer="D-answer" points=2
# A point on one Gaussian looks exactly as real as a point on any other, so a discriminator that gets one point at a time can say nothing against a generator that serves one Gaussian only. Two of the three seeds found 1, the third 8, which makes 3.3 on average (I had guessed 6). Real points are hardly ever four from the same Gaussian; four at a time, the lack of variety is a sign of its own. There all three seeds found 8.
#
# The losses say nothing of it. At the end they are 1.10 and 0.95 for a collapsed generator and 1.26 and 0.81 for one that found all. Each is measured against the other network, and that changes, too.
#
# In Part A training took 1.82 times as long as predicted, here 3.0 and 4.1 times. The prediction counts operations and bytes. Arrays of 128 × 64 numbers are computed in microseconds, and the fixed time of each call of numpy, of which a step has hundreds, is as long; with four at a time the arrays are even smaller. (Adam, whose passes over all parameters numpy makes one by one, is what Part A's count misses.)

# %% [markdown] given="E-text"
# ---
# ## Part E. Which network for which task? (4 points)
#
# ### To read: a deep belief network
#
# RBMs can be stacked: train one on the images, take its hidden probabilities as the images of a second one, and so on. No label is needed for that. The weights of the stack then start an ordinary network with sigmoids, which is trained on **few labels** (*fine-tuning*). In 2006 this **deep belief network** (DBN) was what made deep networks trainable at all. The next cell does it with your functions; read it.
#
# **Your guess.** With 300 labels: the test error of the network that begins at the stack, divided by that of the same network from random weights.

# %% exercise="E-guess"
# Write a number in place of None, then delete the last line.
guess_dbn = None
### BEGIN SOLUTION
guess_dbn = 0.5
### END SOLUTION

# %% test="E-guess-check" points=0
check.generate.guess("the ratio of errors", guess_dbn)

# %% given="E-dbn"
STACK, STACK_EPOCHS, TUNING = ((784, 64, 64), 1, 4) if quick else ((784, 256, 256, 256), 3, 200)
LABELS = (100,) if quick else (100, 300, 1000)
unlabelled = images[:10_000]

predicted = sum(rbm_seconds(n, m, len(unlabelled), STACK_EPOCHS) for n, m in pairwise(STACK))
began = clock()
stack, v = [], unlabelled
for number, (visible, hidden) in enumerate(pairwise(STACK)):
    machine = new_rbm(visible, hidden, np.random.default_rng(number))
    train_rbm(machine, v, STACK_EPOCHS, seed=number)
    v = hidden_probabilities(v, machine[0], machine[2])  # the next one's images
    stack.append(machine)
took = clock() - began

errors = {"stacked RBMs": [], "random weights": []}
for labels in LABELS:
    for name in errors:
        network = dense([*STACK, 10], on, 0, Sigmoid)
        if name == "stacked RBMs":
            for layer, (weight, _, c) in zip(network.layers[::2], stack, strict=False):
                layer.weight[...], layer.bias[...] = weight, c
        epochs = math.ceil(TUNING * 50 / labels)
        train_classifier(network, images[:labels], data.train_labels[:labels], epochs, lr=2e-3)
        errors[name].append(1 - evaluate(Chain(*network.layers, Softmax()), test, test_labels)[1])
        print(f"{labels:5} labels, {name:14}: test error {errors[name][-1]:.1%}")
ratio = errors["stacked RBMs"][len(LABELS) // 2] / errors["random weights"][len(LABELS) // 2]
runs["DBN"] = (
    "classify with few labels",
    predicted,
    took,
    f"error {errors['stacked RBMs'][len(LABELS) // 2]:.1%} with {LABELS[len(LABELS) // 2]} labels, "
    f"{ratio:.2f} of that from random weights",
)
print(f"ratio with {LABELS[len(LABELS) // 2]} labels: {ratio:.2f}; guessed {guess_dbn}")

# %%
plots.show(plots.few_labels(LABELS, errors))

# %% [markdown] given="E-dbn-question"
# ### E1. What does the stack bring? (1 point, 5 min)
#
# Where do the labels matter least, and why should weights that have seen no label help to classify? What would make the stack useless?
#
# === BEGIN MARK SCHEME ===
# * 1: figures from the output for at least two numbers of labels; the stack has learned from many unlabelled images which strokes there are, so that few labels suffice to name them; useless where there are labels enough, or where the unlabelled images are few or of another kind.
# * 0.5: figures without a reason, or a reason without figures.
#
# === END MARK SCHEME ===

# %% [markdown] answer="E-dbn-answer" points=1
# With 100 labels the stack errs on 34.2% and random weights on 40.8%; with 1000 it is 13.4% and 18.9%. So it helps everywhere here, and in proportion most at 1000. The RBMs have seen far more images than have labels, and have found which strokes there are. Labels then only have to say which strokes make which digit. It would be useless if all of them had labels, or if the stack had been trained on a few hundred images only, or on pictures of something else.

# %% given="E-table"
print(f"{'network':20} {'for':32} {'predicted':>10} {'measured':>9}   quality, from your runs")
for name, (task, predicted, took, quality) in runs.items():
    print(f"{name:20} {task:32} {predicted:8.2f} s {took:7.2f} s   {quality}")
print("(A feed-forward and a convolutional network get their rows in network_from_scratch and cnn_learning.)")

# %% [markdown] given="E-question"
# ### E2. Choose (3 points, 15 min)
#
# Which of these networks would you take for each task, why, and what does it cost by your table? What can't be read from its quality column?
#
# 1. Sensor readings of a machine, 500 numbers each: say which ones look unlike all before.
# 2. New faces for a game, which have to look sharp.
# 3. Molecules: new ones that lie *between* two known ones.
# 4. 50,000 X-ray images, of which a doctor has looked at 300.
#
# Then compare your five guesses with what came out: which one was furthest off, and what did you not know?
#
# === BEGIN MARK SCHEME ===
# * 3: a defensible choice with a reason for each of the four (1: autoencoder, by its reconstruction error, or a model with a likelihood bound; 2: GAN, with its risk; 3: VAE, for its code has no gaps; 4: an unlabelled start, such as stacked RBMs or an autoencoder, then few labels), with at least two costs from the table; that the qualities can't be compared, since each is measured in its own unit (squared error, nats, Gaussians found, error) and none says how good a made image looks; one guess held against its result with a reason.
# * 2: three of the four tasks with reasons, and one of the other points.
# * 1: two tasks with reasons.
# * 0: names without reasons.
#
# === END MARK SCHEME ===

# %% [markdown] answer="E-answer" points=3
# 1. The autoencoder, trained on normal readings: what it can't give back well, beside the usual error, is unlike all before. It is also simple to train (5.31 s here).
# 2. The GAN, as it does not average. I would show the discriminator several faces at once and count kinds of faces, because of the collapse (3.3 of 8 found without, 8.0 with). It cost 2.34 and 1.67 s a run here, and real faces would need convolutions.
# 3. The VAE: its code has no gaps, so that the way from one molecule to the other leads through codes that decode to something. 8.40 s, the dearest here.
# 4. An unlabelled start on all 50,000 images, then the 300 labels. Stacked RBMs err on 23.3% where random weights err on 26.3% with 300 labels (0.89 of it); an autoencoder's encoder would be worth a try.
#
# The qualities can't be compared with each other: a squared error, nats, a number of Gaussians and a share of wrong answers are different things, and none of them says whether a made image looks good. The RBM's reconstructions (0.0193) say nothing of its samples.
#
# Furthest off was my guess for the first GAN, 6 where 3.3 came out. I had not known that the outcome hangs on the seed: 1, 1 and 8. For the stack I had guessed 0.5 and 0.89 came out: random weights and Adam do better than I thought.

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
ready_to_present = ["A", "B", "C", "D", "E"]
### END SOLUTION

# %% test="form-check" points=0
check.generate.form(group, ready_to_present, parts="ABCDE")

# %% [markdown] given="finish"
# ---
# ## Your points, and handing in
#
# The last cell adds up what your checks have given so far, and says what is left. To hand in, save (Ctrl+S), choose
# *Kernel → Restart Kernel and Run All Cells*, look, save again, and hand in this file, `generate.ipynb`.

# %% given="summary"
check.summary()
