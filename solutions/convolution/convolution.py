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
# # Convolution as cuDNN does it
#
# A convolution is seven nested loops. Written that way it is ten thousand times too slow; a library computes the same result as a matrix
# product, in tiles, or in the frequency domain. You write the definition first, then the algorithms that [the cuDNN paper](https://arxiv.org/abs/1410.0759)
# chose from, with their gradients. Then you count operations, measure on your own machine, and explain which algorithm wins where.
#
# | part | what you do | points | time |
# |---|---|---|---|
# | A | the definition | 6 | 70 min |
# | B | lowering: im2col, col2im, tiles | 8 | 130 min |
# | C | gradients | 7 | 80 min |
# | D | pooling | 5 | 60 min |
# | E | the frequency domain | 4 | 60 min |
# | F | counting operations and bytes | 4 | 40 min |
# | G | measuring, roofline | 6 | 70 min |
# | H | optional: on a GPU, in Triton | 0 | |
#
# **How to work.** Write your code where a cell says `YOUR CODE HERE`, and delete the line that raises
# `NotImplementedError`. Below each exercise a **check** runs your code on small arrays. When something is wrong it
# names the mistake in words, and you can run it as often as you like. Grading runs the same checks, with other numbers.
#
# In all that is eight and a half hours. Parts A, B and C build on each other; D, E and F can be done in any order after A, and G needs B, E and F.
#
# **How long it runs.** About a minute on a laptop, on one core, without a GPU and without a network.

# %% [markdown] given="convention"
# ## Names
#
# They are those of the paper's Table 1. (Libraries differ: what is $K$ here is `out_channels` in PyTorch.)
#
# | name | meaning | | name | meaning |
# |---|---|---|---|---|
# | $N$ | images in the batch | | $R, S$ | height and width of a filter |
# | $C$ | channels of an image | | $u, v$ | stride: step down and across |
# | $H, W$ | height and width of an image | | $\text{pad}_h, \text{pad}_w$ | rows of zeros above *and* below, columns left *and* right |
# | $K$ | filters, and channels of the output | | $P, Q$ | height and width of the output |
#
# Images are arrays of shape $(N, C, H, W)$, filters $(K, C, R, S)$, outputs $(N, K, P, Q)$. In code, `stride` is the pair `(u, v)` and `padding`
# the pair `(pad_h, pad_w)`. Inside a function you are free: loops, slices, `einsum`, views, or PyTorch. Don't modify the arrays that you are given.
#
# Memory is counted in MiB (2²⁰ bytes) and GiB (2³⁰ bytes); speeds in GFLOP/s and GB/s, with 10⁹ as is usual for rates.

# %% given="setup"
# %matplotlib inline
from dataclasses import replace
from functools import partial

import numpy as np

from helpers import check, plots, primitives
from helpers.backend import cuda_available, no_torch, torch_or_none
from helpers.data import load
from helpers.progress import track
from helpers.threads import limit_threads
from helpers.timing import environment, measure
from helpers.train import study_size

torch = torch_or_none()
limit_threads(1)  # one thread for everybody: the thread pools of numpy and PyTorch would wait for each other
if torch is None:
    print(no_torch('what is called "torch" in Part G is the course\'s own lowering in float64, and Part H is left out'))
SIZE = None  # None is the laptop's size, "quick" a few seconds
size = study_size(SIZE)
print(
    f"numpy {np.__version__}, PyTorch {torch.__version__ if torch else 'missing'}, one thread each, "
    f"on {environment()['cpu']}"
)

# %% [markdown] given="A-text"
# ---
# ## Part A. The definition (6 points)
#
# ### A1. How large is the output? (1 point, 10 min)
#
# A window of $R$ rows slides down over $H + 2\,\text{pad}$ rows in steps of $u$. How many positions does it have?
#
# $$P = \left\lfloor \frac{H + 2\,\text{pad} - R}{u} \right\rfloor + 1$$
#
# The first position counts, too, hence the 1; a window that would hang over the edge is left out, hence the rounding down. The paper's equation (1) looks
# different, $\lceil (H - R + 1 + 2\,\text{pad}) / u \rceil$, but gives the same: try it.


# %% exercise="A-size"
def output_size(size, window, stride, pad):
    """Number of window positions along one axis, an integer."""
    ### BEGIN SOLUTION
    return (size + 2 * pad - window) // stride + 1
    ### END SOLUTION


# %% test="A-size-check" points=1
check.convolution.output_size(output_size)
### BEGIN HIDDEN TESTS
check.convolution.output_size(output_size, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="A-forward-text"
# ### A2. Seven loops (3 points, 40 min)
#
# $$O[n,k,p,q] \;=\; \sum_{c}\sum_{r}\sum_{s}\; F[k,c,r,s]\;\cdot\; D_0[n,\,c,\;p\,u + r,\;q\,v + s]$$
#
# $D_0$ is $D$ with its border of zeros. Four of the seven indices are **independent**: each output $(n,k,p,q)$ can be computed without the
# others, in any order or all at once. Three **accumulate**: $c$, $r$ and $s$ run inside the sum. Almost everything that makes convolution fast is a way
# of arranging these seven loops.
#
# This is the *cross-correlation* that deep learning calls convolution: filter and window are multiplied entry by entry. Aim for a correct function, not for
# a fast one; you may replace the three inner loops by a slice. For one image, one channel and one filter:
#
# ```
# image   1 2 3     filter   1 0     output   1·1+5·1  2·1+6·1      6  8
#         4 5 6              0 1              4·1+8·1  5·1+9·1  =  12 14
#         7 8 9
# ```

# %%
plots.show(plots.seven_loops())


# %% exercise="A-forward"
def conv_forward(x, w, stride, padding):
    """x (N, C, H, W), w (K, C, R, S), stride (u, v), padding (pad_h, pad_w) -> (N, K, P, Q)"""
    ### BEGIN SOLUTION
    (N, _, H, W), (K, _, R, S) = x.shape, w.shape
    (u, v), (pad_h, pad_w) = stride, padding
    P, Q = output_size(H, R, u, pad_h), output_size(W, S, v, pad_w)
    x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))
    y = np.zeros((N, K, P, Q), x.dtype)
    for n in range(N):
        for k in range(K):
            for p in range(P):
                for q in range(Q):
                    window = x0[n, :, p * u : p * u + R, q * v : q * v + S]
                    y[n, k, p, q] = np.sum(window * w[k])
    return y
    ### END SOLUTION


# %% test="A-forward-check" points=3
check.convolution.forward(conv_forward)
### BEGIN HIDDEN TESTS
check.convolution.forward(conv_forward, seed=SEED)
### END HIDDEN TESTS

# %%
image = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
conv_forward(image, np.eye(2).reshape(1, 1, 2, 2), (1, 1), (0, 0))  # expected: 6 8, 12 14

# %% [markdown] given="A-bias-text"
# ### A3. Bias (1 point, 5 min)
#
# Each filter has one number that is added to all of its outputs: $Y[n,k,p,q] = O[n,k,p,q] + b[k]$. Check which axis of `y` numpy broadcasts `b` along.


# %% exercise="A-bias"
def add_bias(y, b):
    """y (N, K, P, Q), b (K,) -> (N, K, P, Q), a new array"""
    ### BEGIN SOLUTION
    return y + b[:, None, None]
    ### END SOLUTION


# %% test="A-bias-check" points=1
check.convolution.bias(add_bias)
### BEGIN HIDDEN TESTS
check.convolution.bias(add_bias, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="A-true-text"
# ### A4. The other convolution (1 point, 15 min)
#
# In signal processing, and in the paper's equations (2) and (3), a convolution flips the filter first:
#
# $$O[n,k,p,q] = \sum_{c,r,s} F[k,c,r,s]\cdot D_0[n,\,c,\;p\,u + R - 1 - r,\;q\,v + S - 1 - s]$$
#
# For learning it makes no difference, since the filter is learned either way. In Part E and in the gradients it does matter.


# %% exercise="A-true"
def true_convolution(x, w, stride, padding):
    """As conv_forward, with the filter flipped along R and S."""
    ### BEGIN SOLUTION
    return conv_forward(x, w[:, :, ::-1, ::-1], stride, padding)
    ### END SOLUTION


# %% test="A-true-check" points=1
check.convolution.true_convolution(true_convolution)
### BEGIN HIDDEN TESTS
check.convolution.true_convolution(true_convolution, seed=SEED)
### END HIDDEN TESTS

# %% [markdown]
# **What you should see.** Four checks passed, and no speed: Python's loops do some ten million operations per second, while the processor can do some
# ten thousand times as many. The rest of the notebook closes that gap.

# %% [markdown] given="B-text"
# ---
# ## Part B. Lowering (8 points)
#
# A matrix product is what a processor computes fastest. *Lowering* turns the convolution into one (the paper's Figure 1):
#
# $$O_m = F_m\, D_m, \qquad F_m: K \times CRS, \quad D_m: CRS \times NPQ, \quad O_m: K \times NPQ$$
#
# ### B1. im2col (3 points, 45 min)
#
# Column $(n,p,q)$ of $D_m$ holds the window that output $(n,p,q)$ is computed from: its row $(c,r,s)$ is $D_0[n,c,\,pu+r,\,qv+s]$. Rows are in the order
# $(c,r,s)$, with $s$ varying fastest, as they lie in `w`; columns in the order $(n,p,q)$, with $q$ varying fastest.
#
# Two loops are enough. For a fixed $(r,s)$, all windows together need the pixels `x0[:, :, r : r + u * P : u, s : s + v * Q : v]`: every
# $u$-th row and $v$-th column, starting at $(r, s)$. Fill an array with six axes, $(C, R, S, N, P, Q)$, and reshape at the end. `reshape`
# reinterprets the same memory and never reorders axes; for that, `transpose` first.

# %%
plots.show(plots.lowering())


# %% exercise="B-im2col"
def im2col(x, R, S, stride, padding):
    """x (N, C, H, W) -> D_m (C·R·S, N·P·Q)"""
    ### BEGIN SOLUTION
    N, C, H, W = x.shape
    (u, v), (pad_h, pad_w) = stride, padding
    P, Q = output_size(H, R, u, pad_h), output_size(W, S, v, pad_w)
    x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))
    lowered = np.empty((C, R, S, N, P, Q), x.dtype)
    for r in range(R):
        for s in range(S):
            lowered[:, r, s] = x0[:, :, r : r + u * P : u, s : s + v * Q : v].transpose(1, 0, 2, 3)
    return lowered.reshape(C * R * S, N * P * Q)
    ### END SOLUTION


# %% test="B-im2col-check" points=3
check.convolution.im2col(im2col)
### BEGIN HIDDEN TESTS
check.convolution.im2col(im2col, seed=SEED)
### END HIDDEN TESTS

# %%
im2col(image, 2, 2, (1, 1), (0, 0))  # four windows of 2 × 2, one per column; the 5 in the middle is in all of them

# %% [markdown] given="B-lowered-text"
# ### B2. One matrix product (1 point, 10 min)
#
# `w.reshape(K, -1)` is $F_m$. The product has the shape $(K, N P Q)$, the output $(N, K, P, Q)$: reshape, then transpose.


# %% exercise="B-lowered"
def conv_lowered(x, w, stride, padding):
    """The same as conv_forward, as one matrix product."""
    ### BEGIN SOLUTION
    (N, _, H, W), (K, _, R, S) = x.shape, w.shape
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    product = w.reshape(K, -1) @ im2col(x, R, S, stride, padding)
    return product.reshape(K, N, P, Q).transpose(1, 0, 2, 3)
    ### END SOLUTION


# %% test="B-lowered-check" points=1
check.convolution.lowered(conv_lowered)
### BEGIN HIDDEN TESTS
check.convolution.lowered(conv_lowered, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-col2im-text"
# ### B3. col2im: the way back (2 points, 35 min)
#
# `im2col` copies pixels into columns. `col2im` takes a matrix of that shape and sends every entry back to the pixel it was copied from. Windows overlap, so a pixel was
# copied several times, and what comes back is **summed**. (It is not the inverse but the *adjoint*: $\sum \text{im2col}(x)\cdot M = \sum x\cdot\text{col2im}(M)$.
# That is what gradients need: a pixel that was used nine times receives the sum of nine gradients.)
#
# Accumulate in an array that includes the border, then crop it to $(N,C,H,W)$. What falls on the border is discarded, as it should be: those zeros are constants.


# %% exercise="B-col2im"
def col2im(columns, x_shape, R, S, stride, padding):
    """columns (C·R·S, N·P·Q), x_shape (N, C, H, W) -> (N, C, H, W)"""
    ### BEGIN SOLUTION
    N, C, H, W = x_shape
    (u, v), (pad_h, pad_w) = stride, padding
    P, Q = output_size(H, R, u, pad_h), output_size(W, S, v, pad_w)
    windows = columns.reshape(C, R, S, N, P, Q)
    x0 = np.zeros((N, C, H + 2 * pad_h, W + 2 * pad_w), columns.dtype)
    for r in range(R):
        for s in range(S):
            x0[:, :, r : r + u * P : u, s : s + v * Q : v] += windows[:, r, s].transpose(1, 0, 2, 3)
    return x0[:, :, pad_h : pad_h + H, pad_w : pad_w + W]
    ### END SOLUTION


# %% test="B-col2im-check" points=2
check.convolution.col2im(col2im)
### BEGIN HIDDEN TESTS
check.convolution.col2im(col2im, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-tiled-text"
# ### B4. Tiles: what cuDNN changed (2 points, 40 min)
#
# Lowering copies each pixel up to $R\cdot S$ times, and the matrix soon exceeds every cache. The paper's idea: never form $D_m$ as a whole. Form a *tile* of it when the
# product needs it, use it, and overwrite it with the next one. The price is index arithmetic. Column $j$ of $D_m$ belongs to
#
# $$n = \lfloor j / PQ \rfloor, \qquad p = \lfloor j / Q \rfloor \bmod P, \qquad q = j \bmod Q .$$
#
# Process the columns in groups of as many as fit into `workspace` bytes, but at least one: a column has $C\cdot R\cdot S$ numbers of `x.itemsize` bytes. For each group, gather its
# part of $D_m$ directly from the padded images, multiply, and store the result in its columns of the output. The last group may be smaller. The check measures the memory
# in use; the padded images and the output do not count.


# %% exercise="B-tiled"
def conv_tiled(x, w, stride, padding, workspace):
    """The same as conv_forward, with about `workspace` bytes of auxiliary memory."""
    ### BEGIN SOLUTION
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    (u, v), (pad_h, pad_w) = stride, padding
    P, Q = output_size(H, R, u, pad_h), output_size(W, S, v, pad_w)
    x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))
    filters = w.reshape(K, -1)
    product = np.empty((K, N * P * Q), x.dtype)
    width = max(1, workspace // (C * R * S * x.itemsize))
    for start in range(0, N * P * Q, width):
        j = np.arange(start, min(start + width, N * P * Q))
        n, p, q = j // (P * Q), j // Q % P, j % Q
        tile = np.empty((C, R, S, len(j)), x.dtype)
        for r in range(R):
            for s in range(S):
                tile[:, r, s] = x0[n, :, p * u + r, q * v + s].T
        product[:, j[0] : j[-1] + 1] = filters @ tile.reshape(C * R * S, len(j))
    return product.reshape(K, N, P, Q).transpose(1, 0, 2, 3)
    ### END SOLUTION


# %% test="B-tiled-check" points=2
check.convolution.tiled(conv_tiled)
### BEGIN HIDDEN TESTS
check.convolution.tiled(conv_tiled, seed=SEED)
### END HIDDEN TESTS

# %% [markdown]
# **What you should see.** The same numbers as before with a fraction of the memory. On a CPU the tile stays in the second-level cache; on a GPU cuDNN keeps
# it in on-chip shared memory, and D_m is never written to main memory.

# %% [markdown] given="C-text"
# ---
# ## Part C. Gradients (7 points)
#
# Let $G = \partial L/\partial O$, of shape $(N,K,P,Q)$, be the `dy` that comes in. The forward pass was a matrix product, $O_m = F_m D_m$, so the gradients are matrix products,
# too, by the chain rule that you know from a dense layer:
#
# | | formula | then |
# |---|---|---|
# | for the images, *backward-data* | $F_m^\top\, G_m$ | col2im |
# | for the filters, *backward-filter* | $G_m\, D_m^\top$ | reshape to $(K,C,R,S)$ |
# | for the bias | $\sum_{n,p,q} G$ | |
#
# You may build on Part B, or write the sums from scratch; both are right.
#
# ### C1. For the images (3 points, 35 min)
#
# In the forward pass, output $(n,k,p,q)$ is the inner product of a window with filter $k$. In the backward pass, `dy[n, k, p, q] * w[k]` is added to the gradient of that
# window, which begins at row $pu$, column $qv$ of the padded image. Pixels that no window covers have gradient zero. With padding 0, `dx[:, :, pad:-pad]` is empty: beware.


# %% exercise="C-data"
def conv_backward_data(dy, w, x_shape, stride, padding):
    """dy (N, K, P, Q), w (K, C, R, S), x_shape (N, C, H, W) -> dx (N, C, H, W)"""
    ### BEGIN SOLUTION
    K, _, R, S = w.shape
    dy_m = dy.transpose(1, 0, 2, 3).reshape(K, -1)
    columns = w.reshape(K, -1).T @ dy_m
    return col2im(columns, x_shape, R, S, stride, padding)
    ### END SOLUTION


# %% test="C-data-check" points=3
check.convolution.backward_data(conv_backward_data)
### BEGIN HIDDEN TESTS
check.convolution.backward_data(conv_backward_data, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="C-filter-text"
# ### C2. For the filters (2 points, 20 min)
#
# One filter is shared by all images and all positions, so its gradient is a sum over all of them:
#
# $$\frac{\partial L}{\partial F[k,c,r,s]} = \sum_{n,p,q} G[n,k,p,q]\cdot D_0[n,\,c,\,pu+r,\,qv+s]$$
#
# A sum, not a mean: the mean over the batch has been taken once, in the loss.


# %% exercise="C-filter"
def conv_backward_filter(x, dy, w_shape, stride, padding):
    """x (N, C, H, W), dy (N, K, P, Q), w_shape (K, C, R, S) -> dw (K, C, R, S)"""
    ### BEGIN SOLUTION
    K, _, R, S = w_shape
    dy_m = dy.transpose(1, 0, 2, 3).reshape(K, -1)
    return (dy_m @ im2col(x, R, S, stride, padding).T).reshape(w_shape)
    ### END SOLUTION


# %% test="C-filter-check" points=2
check.convolution.backward_filter(conv_backward_filter)
### BEGIN HIDDEN TESTS
check.convolution.backward_filter(conv_backward_filter, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="C-bias-text"
# ### C3. For the bias (1 point, 5 min)
#
# One number is shared by all images and all positions of its filter: sum over them.


# %% exercise="C-bias"
def conv_backward_bias(dy):
    """dy (N, K, P, Q) -> gradient for the bias (K,)"""
    ### BEGIN SOLUTION
    return dy.sum(axis=(0, 2, 3))
    ### END SOLUTION


# %% test="C-bias-check" points=1
check.convolution.backward_bias(conv_backward_bias)
### BEGIN HIDDEN TESTS
check.convolution.backward_bias(conv_backward_bias, seed=SEED)
### END HIDDEN TESTS

# %%
rng = np.random.default_rng(0)
images = rng.normal(size=(8, 1, 12, 12))
wanted = np.array([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
target = conv_lowered(images, wanted.reshape(1, 1, 3, 3), (1, 1), (1, 1))
learned = np.zeros((1, 1, 3, 3))
for step in range(60):
    difference = conv_lowered(images, learned, (1, 1), (1, 1)) - target
    learned -= 0.3 * conv_backward_filter(images, 2 * difference / target.size, learned.shape, (1, 1), (1, 1))
    if step % 20 == 0:
        print(f"step {step:2d}: mean squared difference {np.mean(difference**2):.1e}")
print(learned[0, 0].round(3))

# %% [markdown]
# **What you should see.** A filter that detects vertical edges, learned from nothing but examples of its output, with your gradient. Each of its nine entries is a sum over
# 8 images and 144 positions, and therefore reliable from the first step on.

# %% [markdown] given="C-question"
# ### C4. A convolution again (1 point, 20 min)
#
# At stride 1, backward-data is itself a convolution of `dy`: with which filters (what happens to $K$ and $C$, and to $R$ and $S$), and with how much padding? And what has to be done
# to `dy` first if the stride is 2?
#
# === BEGIN MARK SCHEME ===
# * 1: the filters flipped along R and S, K and C exchanged, padding R − 1 − pad_h (S − 1 − pad_w); at stride 2 zeros are inserted between the entries of
# dy (u − 1 rows, v − 1 columns).
# * 0.5: the flipped filter and one of the others (exchange, padding, inserted zeros).
#
# === END MARK SCHEME ===

# %% [markdown] answer="C-answer" points=1
# With the filters flipped along R and S (entry (r, s) of a window goes back to where it came from, so seen from the pixel the filter runs backwards) and with
# K and C exchanged, because now C outputs are sums over K channels: `w[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)`. The padding is R − 1 − pad_h and
# S − 1 − pad_w ("full" for a "valid" forward pass). At stride 2, neighbouring entries of dy belong to windows two pixels apart, so a row and a column of zeros have to be inserted between
# them; hence the names transposed and fractionally strided convolution.

# %% [markdown] given="D-text"
# ---
# ## Part D. Pooling (5 points)
#
# ### D1. Max pooling (2 + 2 points, 40 min)
#
# $$y[n,c,p,q] = \max_{r,s}\; x_0[n,\,c,\;pu + r,\;qv + s]$$
#
# The border must never be the maximum, not even where all pixels are negative: here it is $-\infty$, not zero.
#
# In the backward pass, each output's gradient goes to **one** pixel, the maximum ("winner"): changing any other pixel a little changes nothing. Where several pixels tie for the
# maximum (on the black background of a digit they nearly always do), still only one of them gets it, otherwise the gradient is counted several times. Windows may overlap; a pixel
# that wins in two windows receives the sum of both gradients.
#
# `max_pool_forward` returns `y` and `winner`: whatever your `max_pool_backward` needs to find the winners. Return it as
# `winner`, don't keep it in a global variable: a network calls forward for all of its layers before the backward pass begins.


# %% exercise="D-max"
def max_pool_forward(x, window, stride, padding):
    """x (N, C, H, W), window (R, S) -> y (N, C, P, Q), winner"""
    ### BEGIN SOLUTION
    (R, S), (u, v), (pad_h, pad_w) = window, stride, padding
    P, Q = output_size(x.shape[2], R, u, pad_h), output_size(x.shape[3], S, v, pad_w)
    x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)), constant_values=-np.inf)
    entries = [x0[:, :, r : r + u * P : u, s : s + v * Q : v] for r in range(R) for s in range(S)]
    entries = np.stack(entries)
    return entries.max(axis=0), entries.argmax(axis=0)
    ### END SOLUTION


def max_pool_backward(dy, winner, x_shape, window, stride, padding):
    """dy (N, C, P, Q), winner as max_pool_forward returned it -> dx (N, C, H, W)"""
    ### BEGIN SOLUTION
    (N, C, H, W), (R, S) = x_shape, window
    (u, v), (pad_h, pad_w) = stride, padding
    P, Q = dy.shape[2:]
    dx0 = np.zeros((N, C, H + 2 * pad_h, W + 2 * pad_w), dy.dtype)
    for r in range(R):
        for s in range(S):
            dx0[:, :, r : r + u * P : u, s : s + v * Q : v] += dy * (winner == r * S + s)
    return dx0[:, :, pad_h : pad_h + H, pad_w : pad_w + W]
    ### END SOLUTION


# %% test="D-max-forward" points=2
check.convolution.max_pool_forward(max_pool_forward)
### BEGIN HIDDEN TESTS
check.convolution.max_pool_forward(max_pool_forward, seed=SEED)
### END HIDDEN TESTS

# %% test="D-max-backward" points=2
check.convolution.max_pool_backward(max_pool_backward, max_pool_forward)
### BEGIN HIDDEN TESTS
check.convolution.max_pool_backward(max_pool_backward, max_pool_forward, seed=SEED)
### END HIDDEN TESTS

# %%
digits = load("mnist", train=1, test=200, flat=False).test_images.astype(np.float64)
windows = digits.reshape(200, 14, 2, 14, 2).transpose(0, 1, 3, 2, 4).reshape(200, 14, 14, 4)
largest = (windows == windows.max(axis=-1, keepdims=True)).sum(axis=-1)
pooled, winner = max_pool_forward(digits, (2, 2), (2, 2), (0, 0))
back = max_pool_backward(np.ones_like(pooled), winner, digits.shape, (2, 2), (2, 2), (0, 0))
print(f"windows of 2 × 2 in which several pixels are the largest: {(largest > 1).mean():.0%}")
print(f"gradient in: {pooled.size}, out: {back.sum():.0f}; to every largest pixel it would be {largest.sum()}")

# %% [markdown]
# **What you should see.** Ties are the rule, not the exception: most of a digit's image is background, where all four pixels are equal. A gradient that goes to every one of them comes out
# several times too large. Nothing crashes, and the loss may still fall, so look at sums as above: what comes in must go out.

# %% [markdown] given="D-average-text"
# ### D2. Average pooling (1 point, 20 min)
#
# The mean of all $R\cdot S$ entries of the window, the zeros of the border included. Each entry contributes $1/(R\,S)$ to the output, so it receives $1/(R\,S)$ of the gradient.


# %% exercise="D-average"
def average_pool_forward(x, window, stride, padding):
    """x (N, C, H, W), window (R, S) -> y (N, C, P, Q)"""
    ### BEGIN SOLUTION
    (R, S), (u, v), (pad_h, pad_w) = window, stride, padding
    P, Q = output_size(x.shape[2], R, u, pad_h), output_size(x.shape[3], S, v, pad_w)
    x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))
    return sum(x0[:, :, r : r + u * P : u, s : s + v * Q : v] for r in range(R) for s in range(S)) / (R * S)
    ### END SOLUTION


def average_pool_backward(dy, x_shape, window, stride, padding):
    """dy (N, C, P, Q) -> dx (N, C, H, W)"""
    ### BEGIN SOLUTION
    (N, C, H, W), (R, S) = x_shape, window
    (u, v), (pad_h, pad_w) = stride, padding
    P, Q = dy.shape[2:]
    dx0 = np.zeros((N, C, H + 2 * pad_h, W + 2 * pad_w), dy.dtype)
    for r in range(R):
        for s in range(S):
            dx0[:, :, r : r + u * P : u, s : s + v * Q : v] += dy / (R * S)
    return dx0[:, :, pad_h : pad_h + H, pad_w : pad_w + W]
    ### END SOLUTION


# %% test="D-average-check" points=1
check.convolution.average_pool(average_pool_forward, average_pool_backward)
### BEGIN HIDDEN TESTS
check.convolution.average_pool(average_pool_forward, average_pool_backward, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="E-text"
# ---
# ## Part E. The frequency domain (4 points)
#
# ### E1. The DFT is a matrix product, too (1 point, 15 min)
#
# The discrete Fourier transform (DFT) of $n$ numbers $x$ is the product $T x$ with the matrix
#
# $$T_{jl} = e^{-2\pi i\,jl/n}, \qquad j, l = 0, \dots, n-1 .$$
#
# The FFT computes the same with about $n\log n$ instead of $n^2$ operations. For $n$ as small as the side of an image, the matrix product is often just as fast, because it runs near the processor's peak.


# %% exercise="E-dft"
def dft_matrix(n):
    """The complex (n, n) matrix T of the discrete Fourier transform."""
    ### BEGIN SOLUTION
    j = np.arange(n)
    return np.exp(-2j * np.pi * np.outer(j, j) / n)
    ### END SOLUTION


# %% test="E-dft-check" points=1
check.convolution.dft_matrix(dft_matrix)
### BEGIN HIDDEN TESTS
check.convolution.dft_matrix(dft_matrix, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="E-fft-text"
# ### E2. Convolution by the FFT (2 points, 30 min)
#
# The transform of a convolution is the entry-by-entry product of the transforms. For the cross-correlation, one of them is conjugated:
#
# $$O[n,k] = \mathrm{DFT}^{-1}\Bigl(\sum_c \mathrm{DFT}(D_0[n,c]) \cdot \overline{\mathrm{DFT}(F[k,c])}\Bigr)$$
#
# * Transform over the *padded* size, $H + 2\,\text{pad}_h$ by $W + 2\,\text{pad}_w$, with the filter zero-padded to it. The DFT treats the image as periodic:
#   over a smaller size, windows would wrap around to the opposite edge.
# * The first $P$ rows and $Q$ columns of the result are the output; in the rest the window wraps around.
# * `np.fft.rfft2(x0)`, `np.fft.rfft2(w, shape)`, `np.conj`, `np.fft.irfft2(product, shape)` exploit that the input is real and do half of the work.
# * The sum over $c$ at every frequency is a small matrix product: bring the axes into the order (frequency, frequency, $N$, $C$) and use `@`.
#
# The stride is 1 here.


# %% exercise="E-fft"
def conv_fft(x, w, padding):
    """As conv_forward at stride (1, 1), through the frequency domain."""
    ### BEGIN SOLUTION
    R, S = w.shape[2:]
    pad_h, pad_w = padding
    x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))
    shape = x0.shape[2:]
    images, filters = np.fft.rfft2(x0), np.conj(np.fft.rfft2(w, shape))
    product = (images.transpose(2, 3, 0, 1) @ filters.transpose(2, 3, 1, 0)).transpose(2, 3, 0, 1)
    return np.fft.irfft2(product, shape)[:, :, : shape[0] - R + 1, : shape[1] - S + 1]
    ### END SOLUTION


# %% test="E-fft-check" points=2
check.convolution.fft(conv_fft)
### BEGIN HIDDEN TESTS
check.convolution.fft(conv_fft, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="E-count-text"
# ### E3. Where it pays (1 point, 15 min)
#
# The next cell counts. One transform of $m = HW$ real numbers costs about $2.5\,m\log_2 m$ operations; there are $NC + KC + NK$ of them. The products cost 8 operations for each of
# $N\,K\,C$ triples and $m/2$ frequencies. The definition costs $2\,NKCRSPQ$.

# %% given="E-count"
def fft_flops(layer):
    """Operations of the convolution by the FFT, at stride 1 whatever the layer's stride is."""
    m = (layer.H + 2 * layer.pad_h) * (layer.W + 2 * layer.pad_w)
    transforms = layer.N * layer.C + layer.K * layer.C + layer.N * layer.K
    return 2.5 * transforms * m * np.log2(m) + 8 * layer.N * layer.K * layer.C * m / 2


def definition_flops(layer):
    """Operations of the definition."""
    return 2 * layer.N * layer.K * layer.C * layer.R * layer.S * layer.P * layer.Q


print("operations of the definition ÷ operations by the FFT")
print("layer   filter   N = 128    N = 1   N = 128, stride 2")
for name, layer in primitives.PAPER_LAYERS.items():
    ways = [layer, layer.with_images(1), replace(layer, u=2, v=2)]
    ratios = [definition_flops(way) / fft_flops(way) for way in ways]
    print(f"{name:5} {layer.R:>5} × {layer.S:<2}" + "".join(f"{r:10.2f}" for r in ratios))

# %% [markdown] given="E-question"
# For which layers does the FFT save the most arithmetic, and what decides it? Why does it save less at stride 2, and with a single image? Name one cost that this count leaves out.
#
# === BEGIN MARK SCHEME ===
# * 1: the gain grows with the filter's size R·S and with many channels and filters (the FFT's cost does not depend on R and S) and fades for 3×3; at stride 2 it still computes all outputs of stride 1 and discards three
# quarters of them, while the definition's work falls to a quarter; at N = 1 the transforms of the K·C filters are not shared by many images; left out: memory for the
# padded filters and transforms, complex numbers, traffic, smaller matrix products.
# * 0.5: the filter's size and one of the other reasons.
#
# === END MARK SCHEME ===

# %% [markdown] answer="E-answer" points=1
# L2 and L3 gain the most, 26 and 20 times, with their 9 × 9 filters and about a hundred channels: the cost of the FFT does not depend on the filter's size, while the definition pays for each of its 81
# entries. L1 has larger filters and still gains less: with only 3 channels there are few products over which the cost of the transforms is spread. L5, 3 × 3, gains a factor of 3 at best. At stride 2 the FFT still computes every output of stride 1
# and discards three quarters of them; the definition does a quarter of the work, so the gain falls by a factor of four and L5 loses. With one image the K·C transforms of the filters are used once instead of
# 128 times: on L5 the FFT needs nearly twice as many operations as the definition. The count leaves out the memory: each 3 × 3 filter is expanded to the size of the image, in complex numbers, and has to be written and read again.

# %% [markdown] given="F-text"
# ---
# ## Part F. Counting (4 points, 40 min)
#
# Count before you measure. All four functions take the same arguments, in the paper's order: `(N, C, H, W, K, R, S, stride, padding)`.
#
# * **F1** `conv_flops`: the operations of the definition. A multiplication and an addition are two.
# * **F2** `compulsory_bytes`: what *any* algorithm must move between memory and processor: images and filters read once, the output written once. A number has `itemsize` bytes; the
#   zeros of the border need not be moved.
# * **F3** `lowered_mebibytes`: the size of $D_m$ in MiB, $2^{20}$ bytes.
# * **F4** `arithmetic_intensity`: operations per byte that must be moved.


# %% exercise="F-count"
def conv_flops(N, C, H, W, K, R, S, stride, padding):
    """Floating-point operations of one forward pass."""
    ### BEGIN SOLUTION
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    return 2 * N * K * C * R * S * P * Q
    ### END SOLUTION


def compulsory_bytes(N, C, H, W, K, R, S, stride, padding, itemsize=4):
    """Bytes that every algorithm must move between memory and processor."""
    ### BEGIN SOLUTION
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    return itemsize * (N * C * H * W + K * C * R * S + N * K * P * Q)
    ### END SOLUTION


def lowered_mebibytes(N, C, H, W, K, R, S, stride, padding, itemsize=4):
    """Size of the lowered matrix D_m in MiB (2²⁰ bytes)."""
    ### BEGIN SOLUTION
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    return itemsize * (C * R * S) * (N * P * Q) / 2**20
    ### END SOLUTION


def arithmetic_intensity(N, C, H, W, K, R, S, stride, padding, itemsize=4):
    """FLOPs per byte."""
    ### BEGIN SOLUTION
    layer = (N, C, H, W, K, R, S, stride, padding)
    return conv_flops(*layer) / compulsory_bytes(*layer, itemsize)
    ### END SOLUTION


# %% test="F-count-flops" points=1
check.convolution.flops(conv_flops)
### BEGIN HIDDEN TESTS
check.convolution.flops(conv_flops, seed=SEED)
### END HIDDEN TESTS

# %% test="F-count-bytes" points=1
check.convolution.bytes(compulsory_bytes)
### BEGIN HIDDEN TESTS
check.convolution.bytes(compulsory_bytes, seed=SEED)
### END HIDDEN TESTS

# %% test="F-count-lowered" points=1
check.convolution.lowered_mebibytes(lowered_mebibytes)
### BEGIN HIDDEN TESTS
check.convolution.lowered_mebibytes(lowered_mebibytes, seed=SEED)
### END HIDDEN TESTS

# %% test="F-count-intensity" points=1
check.convolution.intensity(arithmetic_intensity, conv_flops, compulsory_bytes)
### BEGIN HIDDEN TESTS
check.convolution.intensity(arithmetic_intensity, conv_flops, compulsory_bytes, seed=SEED)
### END HIDDEN TESTS

# %%
def numbers(layer):
    """A layer as the arguments of your counting functions."""
    sizes = layer.N, layer.C, layer.H, layer.W, layer.K, layer.R, layer.S
    return *sizes, (layer.u, layer.v), (layer.pad_h, layer.pad_w)


print("The paper's five layers, float32, N = 128")
print("layer    GFLOP   images MiB   lowered MiB   times   all in MiB   FLOPs/byte")
for name, layer in primitives.PAPER_LAYERS.items():
    images = layer.N * layer.C * layer.H * layer.W * 4 / 2**20
    lowered = lowered_mebibytes(*numbers(layer))
    together = lowered + compulsory_bytes(*numbers(layer)) / 2**20
    print(
        f"{name:5} {conv_flops(*numbers(layer)) / 1e9:8.1f} {images:12,.0f} {lowered:13,.0f} {lowered / images:7.0f} "
        f"{together:12,.0f} {arithmetic_intensity(*numbers(layer)):12,.0f}"
    )

# %% [markdown]
# **What you should see.** The lowered matrix of L2 takes 11,907 MiB, 62 times as much as the images. The paper's graphics card has 12 GiB, which is 12,288 MiB; with the images, the filters and
# the output the layer would need 12,299 MiB, more than the card has. And every intensity is in the hundreds or more: with a good order of loops, a convolution is limited by arithmetic, not by memory.

# %% [markdown] given="G-text"
# ---
# ## Part G. Measuring (6 points)
#
# ### G1. Predict (1 point, 10 min)
#
# Below you time nine ways to compute the five layers: PyTorch (oneDNN); the course's own numpy versions of the definition (`direct`, with only two of its loops in Python), lowering (`im2col`), tiles (`tiled`), lowering along
# the width only (`width`) and the DFT as matrix products (`dft`); and your own three. One image, float32, one thread. Before you run anything: which one wins on L1, on L2 and on L5, and why?
# (A wrong prediction with a reason has full points.)
#
# === BEGIN MARK SCHEME ===
# * 1: a winner for each of the three layers, each with a reason that uses filter size, number of channels, or the size of the lowered matrix.
# * 0.5: winners without reasons.
#
# === END MARK SCHEME ===

# %% [markdown] answer="G-predict" points=1
# L1 has only 3 channels and a large image: the sums are short (3 · 11 · 11 = 363 products) and D_m is large, so I expect tiles or PyTorch, which need not write it. L2 has 9 × 9 filters and many
# channels, where the FFT counts 26 times fewer operations at N = 128, although a single image has to pay for the transforms of all filters: I expect the DFT to be close to PyTorch. L5 is
# 3 × 3 with a small image: D_m is small and the FFT saves little, so plain lowering, one good matrix product, should win.

# %% [markdown] given="G-roof-text"
# ### G2. The roof (1 point, 10 min)
#
# In the *roofline model*, two things limit a program: how fast the processor computes (its peak, in FLOP/s) and how fast the memory delivers data (its bandwidth, in bytes/s). At an
# intensity of $I$ FLOPs per byte, the memory allows $I \cdot \text{bandwidth}$ FLOP/s. The lower of the two limits is what is attainable.


# %% exercise="G-roof"
def attainable(intensity, peak, bandwidth):
    """Attainable FLOP/s at this intensity (FLOPs/byte); peak in FLOP/s, bandwidth in bytes/s."""
    ### BEGIN SOLUTION
    return min(peak, intensity * bandwidth)
    ### END SOLUTION


# %% test="G-roof-check" points=1
check.convolution.attainable(attainable)
### BEGIN HIDDEN TESTS
check.convolution.attainable(attainable, seed=SEED)
### END HIDDEN TESTS

# %% [markdown]
# Your machine's two limits, measured: a large matrix product with numpy on one core, and copying an array that is larger than most caches (read once, written once).

# %% given="G-roofs"
quick = size.name == "quick"
n = 256 if quick else 1024
a, b, c = (np.ones((n, n), np.float32) for _ in range(3))
source, target = (np.ones((1 if quick else 32) * 2**20, np.float32) for _ in range(2))
roofs = measure({"product": lambda: np.matmul(a, b, out=c), "copy": lambda: np.copyto(target, source)}, rounds=9)
# A roof is the best that the machine can do, so the fastest round counts here, not the median.
peak = 2 * n**3 / min(roofs["product"].seconds)
bandwidth = 2 * source.nbytes / min(roofs["copy"].seconds)
print(f"one matrix product: {peak / 1e9:.1f} GFLOP/s; copying: {bandwidth / 1e9:.1f} GB/s")
print(f"the ridge, where the two meet, is at {peak / bandwidth:.1f} FLOPs per byte")

# %% [markdown] given="G-measure-text"
# ### G3. Measure (2 points, 30 min)
#
# The next cell collects nine functions in a dictionary, `run`: `run[algorithm](x, w, layer)` computes a layer. Write `measure_layer`, which takes such a dictionary and
# returns two others:
#
# * `errors[algorithm]`: the largest difference from the result of `functions["torch"]`, divided by the largest entry of that result (both as absolute values). **First** make sure that the results are right.
# * `timings[algorithm]`: what `measure` returns. Pass all functions at once, `measure({"torch": function, …}, rounds=rounds)`: it times them in turn,
#   round after round, so that a temporary slowdown of the machine affects all of them alike. It calls them without arguments: `partial(functions[algorithm], x, w, layer)`. (A `lambda` in a loop would see the last values of the loop's variables.)
#
# The check below passes `measure_layer` functions whose running times and errors it knows. The cell below the exercise then measures the five layers.

# %% given="G-layers"
layers = {name: layer.with_images(1) for name, layer in primitives.PAPER_LAYERS.items()}
if quick:  # for grading: small enough for every solution
    layers = {
        name: replace(layer, C=-(-layer.C // 16), H=layer.H // 2, W=layer.W // 2, K=layer.K // 16)
        for name, layer in layers.items()
    }
ROUNDS = 3 if quick else 5


def with_torch(x, w, layer):
    if torch is None:  # a right result to compare with, and no measure of speed
        return primitives.conv_forward(layer, x.astype(np.float64), w.astype(np.float64), algorithm="im2col")
    x, w = torch.from_numpy(x), torch.from_numpy(w)
    return torch.nn.functional.conv2d(x, w, stride=(layer.u, layer.v), padding=(layer.pad_h, layer.pad_w)).numpy()


def with_numpy(algorithm, x, w, layer):
    return primitives.conv_forward(layer, x, w, algorithm=algorithm)


run = {
    "torch": with_torch,
    # The course's own: they are not there while your work is graded, in which you write them yourself.
    **{name: partial(with_numpy, name) for name in (() if quick else ("direct", "im2col", "tiled", "width", "dft"))},
    "my lowering": lambda x, w, layer: conv_lowered(x, w, (layer.u, layer.v), (layer.pad_h, layer.pad_w)),
    "my tiles": lambda x, w, layer: conv_tiled(x, w, (layer.u, layer.v), (layer.pad_h, layer.pad_w), 2**20),
    "my FFT": lambda x, w, layer: conv_fft(x, w, (layer.pad_h, layer.pad_w)),
}


def random_case(layer, seed=0):
    """Images and filters in float32; outputs are about as large as inputs."""
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=layer.x_shape), rng.normal(size=layer.w_shape) / np.sqrt(layer.C * layer.R * layer.S)
    return x.astype(np.float32), w.astype(np.float32)


# %% exercise="G-measure"
def measure_layer(functions, x, w, layer, rounds):
    """(timings, errors) of the functions on one layer, name -> Timing and name -> largest difference from "torch"."""
    ### BEGIN SOLUTION
    expected = functions["torch"](x, w, layer)
    errors = {}
    for algorithm, function in functions.items():
        difference = np.abs(function(x, w, layer) - expected).max()
        errors[algorithm] = float(difference / np.abs(expected).max())
    assert max(errors.values()) < 1e-3, errors
    timings = measure(
        {algorithm: partial(function, x, w, layer) for algorithm, function in functions.items()}, rounds=rounds
    )
    return timings, errors
    ### END SOLUTION


# %% given="G-measure-layers"
timings, errors = {}, {}
for name, layer in track(layers.items(), "layer"):
    timings[name], errors[name] = measure_layer(run, *random_case(layer), layer, ROUNDS)

# %% test="G-measure-check" points=2
check.convolution.layer_timings(measure_layer)
check.convolution.timings(timings, errors, layers, list(run), rounds=ROUNDS)
### BEGIN HIDDEN TESTS
check.convolution.layer_timings(measure_layer, seed=SEED)
### END HIDDEN TESTS

# %%
print("time ÷ time of torch, medians" + "".join(f"{name:>8}" for name in layers))
for algorithm in run:
    rounds = [np.divide(timings[name][algorithm].seconds, timings[name]["torch"].seconds) for name in layers]
    print(f"{algorithm:<29}" + "".join(f"{np.median(ratios):8.2f}" for ratios in rounds))

# %%
where = "float32, one thread" if torch else "float32, one thread; torch: the course's lowering in float64"
mine = [name for name in run if name.startswith("my ")]
plots.show(plots.algorithm_times(timings, "torch", f"Forward pass, one image, {where}", own=mine))

# %% [markdown] given="G-memory-text"
# For comparison, the next cell times three operations that do little arithmetic for each byte: ReLU, 2 × 2 max pooling, and a dense layer on a single image, a product of a matrix with one vector.

# %% given="G-memory"
blocks, pooled = source.reshape(-1, 2, 64, 2, 256), target[: source.size // 4].reshape(-1, 64, 256)
weights, one, output = source.reshape(-1, 4096), np.ones(4096, np.float32), np.empty(source.size // 4096, np.float32)


def max_pool():
    """The last axis is the image, so that every read and write is contiguous."""
    for x, y in zip(blocks, pooled, strict=True):
        np.maximum(x[0, :, 0], x[0, :, 1], out=y)
        np.maximum(y, x[1, :, 0], out=y)
        np.maximum(y, x[1, :, 1], out=y)


work = {  # operations, bytes that must move, and a function that does it
    "ReLU": (source.size, 2 * source.nbytes, lambda: np.maximum(source, 0, out=target)),
    "max pooling": (3 * pooled.size, source.nbytes + pooled.nbytes, max_pool),
    "dense, batch 1": (2 * weights.size, weights.nbytes, lambda: np.dot(weights, one, out=output)),
}
times = measure({name: function for name, (_, _, function) in work.items()}, rounds=5)
memory_bound = {}
for name, (flops, moved, _) in work.items():
    memory_bound[name] = {name: (flops / moved, flops / min(times[name].seconds))}
    print(f"{name:15} {flops / moved:5.2f} FLOPs per byte, {flops / min(times[name].seconds) / 1e9:5.2f} GFLOP/s")

# %%
points = {
    algorithm: {
        name: (arithmetic_intensity(*numbers(layer)), conv_flops(*numbers(layer)) / timings[name][algorithm].median)
        for name, layer in layers.items()
    }
    for algorithm in ("torch", "dft", "my lowering", "my FFT")
    if algorithm in run
}
plots.show(plots.roofline(points | memory_bound, peak, bandwidth, title="Five layers with one image, and three others"))

# %% [markdown]
# **What you should see.** All five convolutions lie to the right of the ridge: arithmetic limits them, and a better algorithm or a faster processor helps. The three crosses lie on the slope or near it, at a hundredth of
# the peak: memory limits them, and no better arithmetic would help. That is why libraries *fuse* ReLU or pooling with the layer before, which saves moving the data once more, and why a dense layer wants a batch.
# (Reading alone is faster than copying, so the dense layer may lie a little above the slope.)

# %% [markdown]
# And your own definition? Its seven loops on a small layer, and what L2 would take at that speed:

# %%
small = replace(layers["L5"], C=2, K=3)
x, w = random_case(small)
slow = measure({"loops": lambda: conv_forward(x, w, (1, 1), (0, 0))}, rounds=3)["loops"].median
speed = conv_flops(*numbers(small)) / slow
seconds = conv_flops(*numbers(layers["L2"])) / speed
print(f"your definition: {speed / 1e9:.4f} GFLOP/s; L2 with one image would take {seconds / 60:.0f} minutes")
print(f"{'PyTorch' if torch else 'lowering in float64'} takes {timings['L2']['torch'].median * 1000:.0f} ms")

# %% [markdown] given="G-explain-text"
# ### G4. Explain (2 points, 20 min)
#
# Which algorithm wins on which layer, and why? Use your figures: the intensity, the roofs, the size of the lowered matrix, the count of Part E. How can a point lie above the roof? Where were you wrong in G1?
#
# === BEGIN MARK SCHEME ===
# * 2: winners read off correctly for at least three layers; a reason that fits for at least two kinds of layer (large filters and many channels: the DFT needs fewer operations; 3 × 3 or few
# channels: little to save, so one good matrix product or a library's direct kernel wins; large D_m: tiles save memory traffic); explains that a point can lie above the roof because the definition's operations are counted for an
# algorithm that does fewer (or because a library's kernel beats the matrix product that the roof is made of); compares with their own prediction.
# * 1: winners with one fitting reason.
# * 0: a list of times without a reason, or reasons that the figures contradict.
#
# Any winner can have full points; it depends on the machine.
#
# === END MARK SCHEME ===

# %% [markdown] answer="G-explain" points=2
# **L2: the DFT wins**, on this machine with 0.51 of PyTorch's time: 9 × 9 filters and a hundred channels, where the frequency domain needs far fewer operations (3.59 times fewer even for a single image, by the count of
# Part E). That is also how its point gets above the roof: the vertical axis credits it with the operations of the definition, and it does fewer. On L3, with as large filters on a smaller image, the same count promises nearly as much, but the DFT is only about level
# with PyTorch, ahead on one processor and behind on another: its matrix products are smaller and the transforms of the filters weigh more.
#
# **L1: PyTorch wins**, the best of the others takes 1.34 times as long: with 3 channels the sums are short, so there is little to save, and what remains is a kernel that was written for such layers. **L5, and nearly L4: plain lowering** is level with PyTorch or a little ahead: 3 × 3 filters on a
# small image, D_m fits into a cache, and one good matrix product is near the best that a core can do. Points of PyTorch can lie above the roof, too: the roof is made of numpy's matrix product, and PyTorch has another library for its own.
# All five intensities lie far to the right of the ridge, so arithmetic is the limit and not memory; lowering moves more bytes than it must, and that costs it most on L2, whose D_m has 93 MiB for one image.
#
# `direct` is several times slower than PyTorch everywhere: its inner product of one window with all filters is a matrix product with a single row, which uses each number of the filters only once, and so it waits for memory, like the dense layer with a batch of 1.
#
# My own FFT uses the same idea as the winner and takes 6.19 times as long as PyTorch on L1 and 67.16 times on L5: it transforms K · C filters, on L5 384 · 128 = 49,152 of them, and with one image each of them is used once. `dft` computes its transforms as matrix products, which exploit
# that a filter has only R rows. My tiles save memory and not time: gathering each tile through index arrays in Python costs more than the copy that it avoids; the course's `tiled` copies long contiguous runs.
#
# In G1 I was right about L5, too careful about L2, where the DFT does not come close to PyTorch but beats it, and wrong about tiles on L1: D_m of one image (19 MiB) is written and read at a speed that hardly matters beside the arithmetic. Which of two algorithms that are nearly level comes first
# depends on the machine; the reasons do not.

# %% [markdown] given="H-text"
# ---
# ## Part H. Optional: on a GPU (no points)
#
# ### H1. The library with and without its tricks
#
# Where there is a GPU, the next cell times layer L5 with 32 images: through cuDNN, in both memory layouts, and without cuDNN, where PyTorch falls back on explicit lowering and a matrix
# product. `channels_last` stores the $C$ numbers of a pixel side by side, so that a tile of $D_m$ is read in long contiguous runs.

# %% given="H-gpu"
from helpers.primitives.torch_precision import cudnn, pinned


def on_gpu(layer, channels_last, with_cudnn):
    x, w = (torch.from_numpy(a).cuda() for a in random_case(layer))
    if channels_last:
        x, w = (a.to(memory_format=torch.channels_last) for a in (x, w))

    def once():
        with pinned(), cudnn(enabled=with_cudnn, benchmark=True):
            return torch.nn.functional.conv2d(x, w)

    return once


if cuda_available():
    layer = primitives.PAPER_LAYERS["L5"].with_images(32)
    ways = {
        "cuDNN, NCHW": on_gpu(layer, False, True),
        "cuDNN, channels_last": on_gpu(layer, True, True),
        "without cuDNN": on_gpu(layer, False, False),
    }
    for way, timing in measure(ways, rounds=9, warmup=3, synchronise=torch.cuda.synchronize).items():
        print(f"{way:<22} {timing.median * 1e3:7.3f} ms  {layer.flops / timing.median / 1e12:6.2f} TFLOP/s")
else:
    print("There is no GPU here, so there is nothing to time.")

# %% [markdown] given="H-kernel-text"
# ### H2. Lazy lowering in Triton
#
# Triton compiles Python-like kernels for GPUs; its interpreter runs them on the CPU, slowly, for testing. Your `conv_tiled` was the idea; in the paper each *program* computes one tile of $O_m$,
# and all programs run in parallel. Here is the whole algorithm once more in numpy, line by line as the kernel needs it. It is the specification: the images are one flat array, an
# entry of $D_m$ is located by index arithmetic, and what lies outside the image is masked to zero.

# %%
TILE = 16


def lazy_lowering(x, w, stride, padding):
    (N, C, H, W), (K, _, R, S), (u, v), (pad_h, pad_w) = x.shape, w.shape, stride, padding
    P, Q = output_size(H, R, u, pad_h), output_size(W, S, v, pad_w)
    flat_x, flat_w, flat_y = x.reshape(-1), w.reshape(-1), np.zeros(N * K * P * Q, x.dtype)
    for first in range(0, N * P * Q, TILE):  # on a GPU, each pair of tiles is one program
        for first_k in range(0, K, TILE):
            j, k = first + np.arange(TILE), first_k + np.arange(TILE)
            n, p, q = j // (P * Q), j // Q % P, j % Q
            total = np.zeros((TILE, TILE), x.dtype)
            for start in range(0, C * R * S, TILE):
                i = start + np.arange(TILE)
                c, r, s = i // (R * S), i // S % R, i % S
                row, column = p * u + r[:, None] - pad_h, q * v + s[:, None] - pad_w
                inside = (row >= 0) & (row < H) & (column >= 0) & (column < W)
                inside = inside & (j < N * P * Q) & (i < C * R * S)[:, None]
                pixel = ((n * C + c[:, None]) * H + row) * W + column
                tile_x = np.where(inside, flat_x[np.where(inside, pixel, 0)], 0)
                inside = (k < K)[:, None] & (i < C * R * S)
                weight = k[:, None] * C * R * S + i
                tile_w = np.where(inside, flat_w[np.where(inside, weight, 0)], 0)
                total += tile_w @ tile_x
            inside = (k < K)[:, None] & (j < N * P * Q)
            flat_y[(((n * K + k[:, None]) * P + p) * Q + q)[inside]] = total[inside]
    return flat_y.reshape(N, K, P, Q)


rng = np.random.default_rng(0)
example = rng.normal(size=(2, 3, 7, 6)), rng.normal(size=(4, 3, 3, 2))
np.allclose(lazy_lowering(*example, (2, 1), (1, 0)), conv_forward(*example, (2, 1), (1, 0)))

# %% [markdown] given="H-kernel-todo"
# Now in Triton: `tl.arange`, `tl.load(pointer + offsets, mask=…, other=0.0)` and `tl.dot(a, b, input_precision="ieee")`; `x`, `w` and `y` are pointers to the first number. Broadcast with `j[None, :]` and
# `k[:, None]`. Compute `total`; the cell already stores it.

# %% given="H-triton"
try:
    if quick or torch is None:
        raise ImportError
    if not torch.cuda.is_available():
        import os

        os.environ["TRITON_INTERPRET"] = "1"  # before triton is imported
    import triton
    import triton.language as tl
except ImportError:
    triton = None
    print("Triton is not used here: it or PyTorch is not installed, or this is a quick run.")

# %% exercise="H-kernel"
if triton:

    @triton.jit
    def lazy_lowering_kernel(x, w, y, N, C, H, W, K, R, S, P, Q, u, v, pad_h, pad_w, TILE: tl.constexpr):
        j = tl.program_id(0) * TILE + tl.arange(0, TILE)  # columns of D_m
        k = tl.program_id(1) * TILE + tl.arange(0, TILE)  # rows of F_m
        n, p, q = j // (P * Q), j // Q % P, j % Q
        total = tl.zeros((TILE, TILE), tl.float32)
        ### BEGIN SOLUTION
        for start in range(0, C * R * S, TILE):
            i = start + tl.arange(0, TILE)
            c, r, s = i // (R * S), i // S % R, i % S
            row = (p * u - pad_h)[None, :] + r[:, None]
            column = (q * v - pad_w)[None, :] + s[:, None]
            inside = (row >= 0) & (row < H) & (column >= 0) & (column < W)
            inside = inside & (j < N * P * Q)[None, :] & (i < C * R * S)[:, None]
            pixel = (((n * C)[None, :] + c[:, None]) * H + row) * W + column
            tile_x = tl.load(x + pixel, mask=inside, other=0.0)
            inside = (k < K)[:, None] & (i < C * R * S)[None, :]
            tile_w = tl.load(w + k[:, None] * (C * R * S) + i[None, :], mask=inside, other=0.0)
            total += tl.dot(tile_w, tile_x, input_precision="ieee")
        ### END SOLUTION
        output = (((n * K)[None, :] + k[:, None]) * P + p[None, :]) * Q + q[None, :]
        tl.store(y + output, total, mask=(k < K)[:, None] & (j < N * P * Q)[None, :])


# %% given="H-launch"
import inspect


def conv_triton(x, w, stride, padding):
    """Your kernel: numpy arrays in, numpy array out; on the GPU where there is one."""
    if "NotImplementedError" in inspect.getsource(lazy_lowering_kernel.fn):
        raise NotImplementedError  # a compiler's message about it would be a long one
    where = "cuda" if torch.cuda.is_available() else "cpu"
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    P, Q = output_size(H, R, stride[0], padding[0]), output_size(W, S, stride[1], padding[1])
    x, w = (torch.from_numpy(np.ascontiguousarray(a, np.float32)).to(where) for a in (x, w))
    y = torch.empty(N, K, P, Q, device=where)
    grid = (-(-N * P * Q // TILE), -(-K // TILE))
    lazy_lowering_kernel[grid](x, w, y, N, C, H, W, K, R, S, P, Q, *stride, *padding, TILE=TILE)
    return y.cpu().numpy()


# %% test="H-kernel-check" points=0
check.convolution.triton(conv_triton if triton else None)

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
ready_to_present = ["A", "B", "C", "D", "E", "F", "G"]
### END SOLUTION

# %% test="form-check" points=0
check.convolution.form(group, ready_to_present, parts="ABCDEFGH")

# %% [markdown] given="finish"
# ---
# ## Your points, and handing in
#
# The last cell adds up what your checks have given so far, and says what is left. To hand in, save (Ctrl+S), choose
# *Kernel → Restart Kernel and Run All Cells*, look, save again, and hand in this file, `convolution.ipynb`.

# %% given="summary"
check.summary()
