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
# # Performance factors: what makes deep learning fast?
#
# A beginners' talk of 2018 lists what makes training fast: which processor, how many threads, how many GPUs, a cluster. It shows a table that was copied from a paper, in which the time of Caffe falls from 1.324 to 0.578 seconds with 4 threads, and is 15.444 seconds with 8. Nobody says why.
# Here each such claim becomes an experiment on your own machine, and before each experiment you predict its result: with a model that you write yourself, or with a guess that you write down.
#
# | part | what you do | points | time |
# |---|---|---|---|
# | A | the roof: count operations and bytes, predict the time of a layer | 6 | 35 min |
# | B | threads: measure, fit Amdahl's law, find out what can go wrong | 6 | 35 min |
# | C | time to accuracy: which batch reaches 95% first? | 9 | 50 min |
# | D | precision and size: fewer bits, fewer weights | 6 | 35 min |
# | E | many workers: ring all-reduce, and how far it scales | 9 | 55 min |
# | F | the memo: one decision with figures | 4 | 25 min |
# | | the form | | 5 min |
#
# **How to work.** Write your code where a cell says `YOUR CODE HERE`, and delete the line that raises `NotImplementedError`. Below each exercise a **check** runs your code on
# small cases. When something is wrong it names the mistake in words, and you can run it as often as you like. Grading runs the same checks, with other numbers.
#
# **How long it runs.** About three minutes on a laptop with two cores, without a GPU and without a network. Close what else is busy while you measure, and plug the laptop in.

# %% given="setup"
# %matplotlib inline
import math
import os
import statistics
import time
from functools import partial

import numpy as np

from helpers import check, plots
from helpers.backend import no_torch, torch_or_none
from helpers.errors import CourseError
from helpers.study import performance_factors as study
from helpers.study.cnn_runtime.student_t import t_quantile
from helpers.threads import limit_threads
from helpers.timing import cache_sizes, environment, measure
from helpers.train import study_size

torch = torch_or_none()
limit_threads(1)  # in this notebook's own process; more run in processes of their own, in Part B
if not torch:
    print(no_torch("its rows in Parts B and D and the two real processes of Part E are left out"))
SIZE = None  # None is the laptop's size, "quick" a few seconds
quick = study_size(SIZE).name == "quick"
CPU, CORES = environment()["cpu"], study.cores()
print(f"numpy {np.__version__}, PyTorch {torch.__version__ if torch else 'missing'}, {CORES} cores of {CPU}")

# %% [markdown] given="A-text"
# ---
# ## Part A. The roof (6 points)
#
# A processor does two things at once: it computes, and it moves numbers between memory and its registers. A piece of work that needs $F$ operations and moves $B$ bytes takes at least
#
# $$t = \max\left(\frac{F}{\text{peak}},\; \frac{B}{\text{bandwidth}}\right)$$
#
# (`python -m helpers.cost layers mlp` counts whole networks, and `python -m helpers.cost machine` measures what Part A measures; look at them when you have written your own.) Where the first is longer, the work is **compute-bound**, else **memory-bound**. As a picture: speed in FLOP/s against $F/B$, the *arithmetic intensity*, below a roof that rises and then is flat. That is the **roofline**.
#
# ### A1. A dense layer (1 point, 5 min)
#
# $y = xW + b$ with $x$ of shape (N, n_in) and $W$ of shape (n_in, n_out), forward. A multiplication and an addition are two operations; the bias's additions are so few that you may leave them out. Bytes: everything that is read ($x$, $W$, $b$) is read once, and the output is written once. `itemsize` is the bytes of one number.


# %% exercise="A-dense"
def dense_cost(N, n_in, n_out, itemsize=4):
    """(operations, bytes) of the forward pass of a dense layer"""
    ### BEGIN SOLUTION
    flops = 2 * N * n_in * n_out
    numbers = N * n_in + n_in * n_out + n_out + N * n_out
    return flops, itemsize * numbers
    ### END SOLUTION


# %% test="A-dense-check" points=1
check.performance_factors.dense_cost(dense_cost)
### BEGIN HIDDEN TESTS
check.performance_factors.dense_cost(dense_cost, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="A-others-text"
# ### A2. Convolution, ReLU, pooling (2 points, 10 min)
#
# * Convolution of (N, C, H, W) with K filters of C × R × S, stride 1, no padding: the output has $P = H - R + 1$ rows and $Q = W - S + 1$ columns, and $F = 2 \cdot N \cdot K \cdot C \cdot R \cdot S \cdot P \cdot Q$. There is no bias here.
# * ReLU of so many numbers: one operation (a comparison) each. It reads them and writes as many.
# * Max pooling 2 × 2 with stride 2, H and W even: three comparisons for each output.


# %% exercise="A-others"
def conv_cost(N, C, H, W, K, R, S, itemsize=4):
    """(operations, bytes) of the forward pass of a convolution, stride 1, no padding, no bias"""
    ### BEGIN SOLUTION
    P, Q = H - R + 1, W - S + 1
    flops = 2 * N * K * C * R * S * P * Q
    numbers = N * C * H * W + K * C * R * S + N * K * P * Q
    return flops, itemsize * numbers
    ### END SOLUTION


def relu_cost(numbers, itemsize=4):
    """(operations, bytes) of ReLU of so many numbers"""
    ### BEGIN SOLUTION
    return numbers, itemsize * 2 * numbers
    ### END SOLUTION


def pool_cost(N, C, H, W, itemsize=4):
    """(operations, bytes) of max pooling 2 × 2 with stride 2"""
    ### BEGIN SOLUTION
    outputs = N * C * (H // 2) * (W // 2)
    return 3 * outputs, itemsize * (4 * outputs + outputs)
    ### END SOLUTION


# %% test="A-conv-check" points=1
check.performance_factors.conv_cost(conv_cost)
### BEGIN HIDDEN TESTS
check.performance_factors.conv_cost(conv_cost, seed=SEED)
### END HIDDEN TESTS

# %% test="A-elementwise-check" points=1
check.performance_factors.elementwise_cost(relu_cost, pool_cost)
### BEGIN HIDDEN TESTS
check.performance_factors.elementwise_cost(relu_cost, pool_cost, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="A-roof-text"
# ### A3. The prediction (1 point, 5 min)
#
# `peak` is in FLOP/s, `bandwidth` in bytes per second. Return the predicted seconds, and which of the two is the limit: the text `"compute"` or `"memory"` (also where both take equally long), exactly so.


# %% exercise="A-roof"
def roof_seconds(flops, nbytes, peak, bandwidth):
    """(seconds, "compute" or "memory") of work with so many operations and bytes"""
    ### BEGIN SOLUTION
    computing, moving = flops / peak, nbytes / bandwidth
    return max(computing, moving), "compute" if computing > moving else "memory"
    ### END SOLUTION


# %% test="A-roof-check" points=1
check.performance_factors.roof_seconds(roof_seconds)
### BEGIN HIDDEN TESTS
check.performance_factors.roof_seconds(roof_seconds, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="A-machine-text"
# Peak and bandwidth of this machine are measured, not read from a data sheet: the speed of one large matrix product, and that of copying an array that fits into no cache (read and written bytes counted). The **staircase** copies arrays of growing size: as long as source and target fit into a cache, copying is faster.

# %% given="A-machine"
def median_seconds(function, rounds=3 if quick else 9):
    """The median of some rounds, after one that is not timed."""
    return measure({"it": function}, rounds=rounds)["it"].median


n = 256 if quick else 1024
a, b, out = (np.random.default_rng(0).standard_normal((n, n), dtype=np.float32) for _ in range(3))


def product():
    """2n³ operations."""
    np.matmul(a, b, out)


def copying(nbytes):
    """A function that copies again and again, source and target nbytes together, and the bytes that it moves."""
    source = np.ones(nbytes // 8, dtype=np.float32)
    target = np.empty_like(source)
    times = max(1, 2**22 // nbytes)

    def copies():
        for _ in range(times):
            np.copyto(target, source)

    return copies, times * 2 * source.nbytes


stairs = []
for size in [2**k for k in range(13, 23 if quick else 29)]:
    copies, moved = copying(size)
    stairs.append((size, moved / median_seconds(copies)))
peak, bandwidth = 2 * n**3 / median_seconds(product), stairs[-1][1]
print(f"peak {peak / 1e9:.0f} GFLOP/s, bandwidth {bandwidth / 1e9:.1f} GB/s, one thread, float32")
print(f"the roof's corner: {peak / bandwidth:.1f} operations per byte")

# %% [markdown] given="A-predict-text"
# ### A4. Predict (1 point, 5 min)
#
# Before you run the next cell of code: which of its five layers will be memory-bound (two dense ones, at batch 256 and at batch 1; a convolution; ReLU; pooling), and for which will the prediction be furthest from the measurement? A sentence with a reason for each. You are graded for the reasons, not for being right.
#
# === BEGIN MARK SCHEME ===
# * 1: names memory-bound layers by their operations per byte against the corner (ReLU, pooling, dense at batch 1), and says for some layer why the model should be off (an algorithm that moves more bytes than necessary, small work with fixed costs, caches faster than the measured bandwidth).
# * 0.5: names them without a reason.
#
# === END MARK SCHEME ===

# %% [markdown] answer="A-predict" points=1
# ReLU and pooling do at most one operation for each number that they move, and dense at batch 1 uses every weight for one image only: two operations per weight of four bytes, far below the corner. These three will be memory-bound. The dense layer at batch 256 and the convolution use each number many times and will be compute-bound.
# I expect the largest error for pooling, because numpy needs several passes over the data for it and the model counts one, and for the convolution, which moves far more than its input and output.

# %% given="A-measured"
rng = np.random.default_rng(1)
images, wide = (16, 512) if quick else (256, 2048)
small = (8, 8, 16, 16, 8, 3, 3) if quick else (32, 32, 32, 32, 64, 3, 3)
x, W, bias = (rng.standard_normal(shape, dtype=np.float32) for shape in ((images, wide), (wide, wide), (wide,)))
y, y1 = np.empty((images, wide), dtype=np.float32), np.empty((1, wide), dtype=np.float32)
maps = rng.standard_normal(small[:4], dtype=np.float32)
filters = rng.standard_normal((small[4], small[1], 3, 3), dtype=np.float32)
numbers = np.ones(2**18 if quick else 2**24, dtype=np.float32)
rectified = np.empty_like(numbers)
pooled_from = rng.standard_normal((8, 16, 32, 32) if quick else (64, 64, 64, 64), dtype=np.float32)


def convolve():
    """Every window of every map is copied, and then one matrix product does the rest."""
    windows = np.lib.stride_tricks.sliding_window_view(maps, (3, 3), axis=(2, 3))
    return np.tensordot(windows, filters, axes=((1, 4, 5), (1, 2, 3)))


def pool():
    rows = np.maximum(pooled_from[:, :, ::2], pooled_from[:, :, 1::2])
    return np.maximum(rows[..., ::2], rows[..., 1::2])


layers = {
    f"dense {images}": (lambda: np.add(np.matmul(x, W, y), bias, y), lambda: dense_cost(images, wide, wide)),
    "dense 1": (lambda: np.add(np.matmul(x[:1], W, y1), bias, y1), lambda: dense_cost(1, wide, wide)),
    "conv": (convolve, lambda: conv_cost(*small)),
    "ReLU": (lambda: np.maximum(numbers, 0, out=rectified), lambda: relu_cost(numbers.size)),
    "pool": (pool, lambda: pool_cost(*pooled_from.shape)),
}
# A machine changes its speed from minute to minute: the roof is measured again, in turn with the layers.
both = {"product": product, "copies": copies}
timings = measure(both | {name: work for name, (work, _) in layers.items()}, rounds=3 if quick else 15)
peak, bandwidth = 2 * n**3 / timings["product"].median, moved / timings["copies"].median
points = {}
print(f"peak {peak / 1e9:.0f} GFLOP/s, bandwidth {bandwidth / 1e9:.1f} GB/s, corner {peak / bandwidth:.1f} FLOP/byte")
print(f"{'':10} {'FLOP/byte':>9} {'predicted':>11} {'measured':>11}  limit")
for name, (_, cost) in layers.items():
    flops, nbytes = cost()
    seconds, limit = roof_seconds(flops, nbytes, peak, bandwidth)
    took = timings[name].median
    points[name] = (flops / nbytes, flops / took)
    print(
        f"{name:10} {flops / nbytes:9.2f} {seconds * 1e3:8.3f} ms {took * 1e3:8.3f} ms  {limit}, "
        f"measured / predicted {took / seconds:.2f}"
    )

# %%
plots.show(plots.roofline({name: {name: point} for name, point in points.items()}, peak, bandwidth, "My roof"))

# %%
plots.show(plots.staircase(stairs, cache_sizes()))

# %% [markdown]
# **What you should see.** Points below the roof, two of them near its flat part and three on its slope. The staircase falls from a plateau for small arrays to the speed of memory. The edges need not lie exactly at the sizes of the caches: a copy needs room for source and target, and other data lives there, too.

# %% [markdown] given="A-question"
# ### A5. Explain (1 point, 10 min)
#
# For which layer was the roof's prediction furthest off, in which direction, and why? Can a point lie above the roof? Use the staircase.
#
# === BEGIN MARK SCHEME ===
# * 1: names the layer with its ratio from the table, and a reason that fits the direction (slower: extra passes or copies, the bias in a pass of its own, fixed costs; faster: data still in a cache, where the staircase is higher than the bandwidth used for the roof; an algorithm with fewer operations).
# * 0.5: a layer and a direction without a fitting reason.
#
# === END MARK SCHEME ===

# %% [markdown] answer="A-answer" points=1
# The worst predictions are those of the convolution, which took 3.59 times as long as the roof says, and of pooling, 2.80 times. Both do what the count leaves out. The convolution copies every window, so it writes and reads each number of its input nine times before the product begins; and pooling needs three passes of numpy, the first of which writes half of its input and the other reads that again with a stride of two. The dense layer at batch 256 came within 1.14 and ReLU within 1.03, because each of them is nearly one pass of what was measured for the roof.
#
# A point can lie above the roof: dense at batch 1 took only 0.83 times the prediction. Its weights are 16 MiB, used again in each round, and the staircase shows 26.9 GB/s up to 32 MiB against 13.3 GB/s for the 256 MiB from which the roof's slope was taken. They still lay in a cache. So a roof belongs to a size of the data, too.

# %% [markdown] given="B-text"
# ---
# ## Part B. Threads (6 points)
#
# ### B1. A process for each number of threads (2 points, 15 min)
#
# How many threads a library starts is decided once, when it is loaded: it reads environment variables. To change them afterwards does nothing. So each number of threads is measured in a process of its own, whose environment says it from the beginning. Different libraries read different variables; `study.THREAD_VARIABLES` lists four of them, and all of them should be set. Other programs that run meanwhile take cores away, too; the output says how many processes wanted to run.
#
# You are given `start(environment)`. It starts such a process and returns it:
#
# | | |
# |---|---|
# | `start(environment)` | a new process; `environment` is a dictionary of **text** by name. It replaces the whole environment, so begin with a copy of `os.environ` |
# | `process.run()` | lets it do its work once, and returns the seconds that took, measured inside; the first time is slow, and doesn't count |
# | `process.close()` | ends the process; always call it, or your next measurement shares the machine with it |
#
# Write a function that returns the **median** of the seconds of `rounds` runs with so many threads. This notebook's own `os.environ` must stay as it is.


# %% exercise="B-measure"
def seconds_at(threads, start, rounds=5):
    """The median seconds of one run of the work that `start` starts, with so many threads"""
    ### BEGIN SOLUTION
    environment = dict(os.environ)
    for name in study.THREAD_VARIABLES:
        environment[name] = str(threads)
    process = start(environment)
    try:
        process.run()
        return statistics.median(process.run() for _ in range(rounds))
    finally:
        process.close()
    ### END SOLUTION


# %% test="B-measure-check" points=2
check.performance_factors.seconds_at(seconds_at)
### BEGIN HIDDEN TESTS
check.performance_factors.seconds_at(seconds_at, seed=SEED)
### END HIDDEN TESTS

# %% given="B-rows"
THREADS = (1, 2) if quick else (1, 2, 4, 8)
LARGE, SMALL = (256, 64) if quick else (2048, 128)
libraries = ("numpy", "torch") if torch and not quick else ("numpy",)
thread_rows = [
    {
        "library": library,
        "size": size,
        "threads": threads,
        "seconds": seconds_at(threads, partial(study.start, library=library, size=size)),
    }
    for library in libraries
    for size in (LARGE, SMALL)
    for threads in THREADS
]
print(f"time of one product on {CORES} cores of {CPU}")
if environment()["load"]:
    print(f"meanwhile {environment()['load'][0]:.1f} processes wanted to run, these included")
print(f"{'':12} {'size':>5}" + "".join(f"{t:>8} thr." for t in THREADS))
for library in libraries:
    for size in (LARGE, SMALL):
        times = [row["seconds"] for row in thread_rows if (row["library"], row["size"]) == (library, size)]
        print(f"{library:12} {size:5}" + "".join(f"{s * 1e3:9.3f} ms" for s in times))

# %% [markdown] given="B-fit-text"
# ### B2. Amdahl's law (2 points, 10 min)
#
# A fraction $s$ of the work is *serial*: it does not become faster with threads. With $T_1$ seconds on one thread,
#
# $$T(p) = T_1 \left(s + \frac{1 - s}{p}\right) = a + \frac{b}{p}, \qquad a = s\,T_1,\; b = (1 - s)\,T_1$$
#
# is a straight line over $1/p$. Fit $a$ and $b$ by least squares to **all** measured points (`np.polyfit`, `np.linalg.lstsq` or by hand; relative differences are right, too), and return $s$ and $T_1$ as the fit gives them: where the points don't follow the law, $s$ may lie below 0 or above 1. The fitted $T_1$ need not be the measured time on one thread.


# %% exercise="B-fit"
def amdahl(threads, seconds):
    """(serial fraction, fitted seconds on one thread) from lists of threads and of seconds"""
    ### BEGIN SOLUTION
    b, a = np.polyfit(1 / np.asarray(threads, dtype=float), seconds, 1)
    return float(a / (a + b)), float(a + b)
    ### END SOLUTION


# %% test="B-fit-check" points=2
check.performance_factors.amdahl(amdahl)
### BEGIN HIDDEN TESTS
check.performance_factors.amdahl(amdahl, seed=SEED)
### END HIDDEN TESTS

# %%
for tool, row in study.CAFFE_THREADS.items():
    kept = {threads: seconds for threads, seconds in row.items() if threads <= 4}
    serial, one = amdahl(list(kept), list(kept.values()))
    said = (
        f"{tool:10} up to 4 threads: serial {serial:5.1%}, at most {1 / serial:.1f} times as fast"
        if serial > 0
        else tool
    )
    print(
        said + (f"; predicted for 8: {one * (serial + (1 - serial) / 8):.3f} s, published {row[8]}" if 8 in row else "")
    )
up_to = [t for t in THREADS if t <= CORES]
for library in libraries:
    times = {row["threads"]: row["seconds"] for row in thread_rows if (row["library"], row["size"]) == (library, LARGE)}
    if len(up_to) > 1:
        serial, one = amdahl(up_to, [times[t] for t in up_to])
        print(
            f"{library:10} here, up to {up_to[-1]} threads: serial {serial:5.1%}; "
            f"{times[1] / times[up_to[-1]]:.2f} times as fast"
        )

# %% [markdown] given="B-mechanism-text"
# ### What can make 15.444?
#
# Amdahl's law can only become flat; it never rises. Something else must happen. Here is one mechanism that you can switch on and off. The threads of a library wait for each other after each operation. They can wait **actively**, in a loop that asks again and again (*spinning*), which is fastest when all of them run; or **passively**, and let the system give the core to somebody else.
# When there are more threads than cores, one that spins takes the core away from the one for which it waits, until the system takes it back some milliseconds later; and that happens after each operation. The setting is `OMP_WAIT_POLICY`. The next cell measures a training step of a small MLP in PyTorch, which has some twenty operations that end in such a wait.

# %% given="B-policy"
policy_rows = []
if torch and not quick:
    for policy in ("passive", "active"):
        for threads in (1, CORES, 4 * CORES):
            begin = partial(study.start, library="torch", work="training step", size=64)
            seconds = seconds_at(
                threads, lambda env, begin=begin, policy=policy: begin({**env, "OMP_WAIT_POLICY": policy})
            )
            policy_rows.append({"policy": policy, "threads": threads, "seconds": seconds})
            print(f"{policy:8} {threads:2} threads: {seconds * 1e3:8.2f} ms a step")
for row in study.recorded("policy"):
    print(
        f"recorded on {row['machine']}: {row['policy']:8} {row['threads']:2} threads: "
        f"{row['seconds'] * 1e3:8.2f} ms a step"
    )

# %%
plots.show(plots.threads(thread_rows, study.CAFFE_THREADS, amdahl))

# %% [markdown] given="B-question"
# ### B3. Explain (2 points, 10 min)
#
# Compare the large and the small product: what do threads bring, and why? What does Amdahl's law say of the published table up to 4 threads, and where does it fail? Would the mechanism explain 15.444, and how sure can one be that it was theirs? Known of the table: the paper's scripts set `OMP_NUM_THREADS`, `OPENBLAS_NUM_THREADS` and `MKL_NUM_THREADS` all to the number of threads. Not confirmed: the network, and the processor, which was probably an Intel i7-3820 with 4 cores that run 2 threads each.
#
# === BEGIN MARK SCHEME ===
# * 2: small products gain little or lose (fixed cost of starting and waiting, against microseconds of work), large ones gain up to the number of cores; Amdahl fits up to 4 threads and can't rise, so 8 needs another reason; spinning with more threads than cores multiplies the time (own figures with and without), and it can only be called possible: 8 threads would be no more than the processor's hardware threads if it was the i7-3820, so a second pool of threads or something else on the machine has to be assumed, nobody published a repetition, the cause could be another one.
# * 1: two of these three with reasons.
# * 0: "too many threads are bad" without figures.
#
# === END MARK SCHEME ===

# %% [markdown] answer="B-answer" points=2
# The small product takes 0.041 ms on one thread. With two it took 14.245 ms with numpy and 7.179 with PyTorch: threads are started and awaited for each product, and with 7.7 processes that want to run on two cores, one of the two threads often had no core when the other waited for it. The large product lasts a hundred milliseconds, so waiting matters less; but on a machine that others use there was no core left to win either, 0.74 and 1.04 times as fast. Amdahl's law can't describe this: a serial part of 169.6% means that two threads were slower than one, which it excludes. On a machine of my own I would expect nearly a factor of two for the large product.
#
# For the published table the law fits up to 4 threads (serial 23.6%, 21.0% and 8.6%). It predicts 0.437 s for Caffe with 8, and 15.444 were published: since T(p) can only fall, something else happened. Spinning does that here: with 8 threads on two cores a step takes 6.09 ms when threads wait passively and 89.56 ms when they spin, 14.7 times as long (89.56 / 6.09 = 14.7), and even two threads suffer, for the machine is shared.
#
# So the mechanism can make a factor of that kind, and the scripts set the threads of OpenMP, OpenBLAS and MKL all to 8, so that two pools may have run at once. But whether it was theirs can't be known: if the processor was the i7-3820, 8 threads are no more than it runs at a time, nobody repeated the measurement, and an overheated or shared machine or an error in writing the figure down would look the same. TensorFlow with 8 threads was fine on the same machine.

# %% [markdown] given="C-text"
# ---
# ## Part C. Time to accuracy (9 points)
#
# A larger batch makes better use of a processor: the seconds of a step grow more slowly than the batch. But a step with a larger batch is still one step, and one needs many. What counts is neither the seconds of a step nor the number of steps, but their product:
#
# $$\text{seconds to } 95\,\% = \text{seconds a step} \times \text{steps to } 95\,\%$$
#
# We train the MLP 784-128-10 on 20,000 images of MNIST until it gets 95% of 2,000 *validation* images right. (Stopping uses the validation images, so these must not be the test images.)
#
# ### C1. Predict (1 point, 5 min)
#
# From batch 16 to batch 1024, by which factor will the seconds of a step grow, and by which will the number of steps fall? Which batch will be the first to reach 95%? And which learning rate should a batch of 1024 have, if 0.5 is good for a batch of 16?
#
# === BEGIN MARK SCHEME ===
# * 1: a number for each of the first two factors and a batch in between or at an end, each with a reason.
# * 0.5: numbers without reasons.
#
# === END MARK SCHEME ===

# %% [markdown] answer="C-predict" points=1
# There are 64 times as many images in a step. I expect a step to take 30 times as long, since small products use a core poorly, and the number of steps to fall by 10 only, because the gradient of 16 images already points about the right way. So some batch in the middle should win, perhaps 64. For the rate I expect more than 0.5, because a mean over more images is less noisy, but not 64 times as much.

# %% [markdown] given="C-steps-text"
# ### C2. Steps to a level (2 points, 15 min)
#
# `trainer.step()` makes one training step, `trainer.accuracy()` returns the accuracy on the validation images. Measuring the accuracy takes time, so do it only after every `every` steps. Return the number of **steps** made when the accuracy is first at least `level`; return `None` if it is not after `most` steps (don't make more than `most`).


# %% exercise="C-steps"
def steps_to(trainer, level, every, most):
    """Steps until the accuracy is at least `level`, looked at every so many steps; None if not within `most`."""
    ### BEGIN SOLUTION
    for step in range(1, most + 1):
        trainer.step()
        if step % every == 0 and trainer.accuracy() >= level:
            return step
    return None
    ### END SOLUTION


# %% test="C-steps-check" points=2
check.performance_factors.steps_to(steps_to)
### BEGIN HIDDEN TESTS
check.performance_factors.steps_to(steps_to, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="C-rate-text"
# ### C3. The learning rate that goes with it (1 point, 5 min)
#
# With a batch that is $k$ times as large, three rules are in use: leave the rate as it is (`"fixed"`), multiply it by $k$ (`"linear"`, so that one large step is as long as $k$ small ones), or by $\sqrt k$ (`"root"`, since the noise of a mean falls with the root of the number of images).


# %% exercise="C-rate"
def rate_for(batch, rule, base_batch=16, base_rate=0.5):
    """The learning rate for a batch by the rule "fixed", "linear" or "root" """
    ### BEGIN SOLUTION
    k = batch / base_batch
    return base_rate * {"fixed": 1, "linear": k, "root": math.sqrt(k)}[rule]
    ### END SOLUTION


# %% test="C-rate-check" points=1
check.performance_factors.rate_for(rate_for)
### BEGIN HIDDEN TESTS
check.performance_factors.rate_for(rate_for, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="C-time-text"
# ### C4. Seconds, with an interval (2 points, 10 min)
#
# One run says little: with another seed it takes more steps, or fewer. From the steps of $n$ seeds and the seconds of a step, return a dictionary: `"seconds"`, the mean of the seconds to the level, and the ends `"low"` and `"high"` of the 95% confidence interval **of the mean**,
#
# $$\bar x \;\pm\; t_{0.975,\,n-1} \cdot \frac{s}{\sqrt n}$$
#
# with the standard deviation $s$ (divided by $n - 1$) and `t_quantile(0.975, n - 1)`. This is not the range that the runs span, and not their percentiles: with three runs, those say nothing about the mean of further ones. If **any** seed did not reach the level (its steps are `None`), all three are `None`: the mean of those that did would flatter the batch.


# %% exercise="C-time"
def time_to_level(seconds_per_step, steps):
    """Seconds of a step, list of steps (one a seed, maybe None) -> {"seconds": …, "low": …, "high": …}"""
    ### BEGIN SOLUTION
    if any(s is None for s in steps):
        return {"seconds": None, "low": None, "high": None}
    x = seconds_per_step * np.array(steps)
    half = t_quantile(0.975, len(x) - 1) * x.std(ddof=1) / math.sqrt(len(x))
    return {"seconds": float(x.mean()), "low": float(x.mean() - half), "high": float(x.mean() + half)}
    ### END SOLUTION


# %% test="C-time-check" points=2
check.performance_factors.time_to_level(time_to_level)
### BEGIN HIDDEN TESTS
check.performance_factors.time_to_level(time_to_level, seed=SEED)
### END HIDDEN TESTS

# %% given="C-run"
BATCHES = (64, 256) if quick else (16, 32, 64, 128, 256, 512, 1024)
RULES = {"root": BATCHES, "fixed": BATCHES[::2], "linear": BATCHES[::2]}
SEEDS = range(2 if quick else 5)
LEVEL, MOST_IMAGES = (0.5, 6_000) if quick else (0.95, 240_000)
data = study.images(500, 200) if quick else study.images(20_000, 2_000)


def step_seconds(batch):
    """The median seconds of a training step."""
    trainer = study.Trainer(data, batch, 0.1)
    return median_seconds(trainer.step, rounds=5 if quick else 31)


seconds_per_step = {batch: step_seconds(batch) for batch in BATCHES}
batch_rows = []
for rule, batches in RULES.items():
    for batch in batches:
        steps = []
        for seed in SEEDS:
            trainer = study.Trainer(data, batch, rate_for(batch, rule), seed)
            steps.append(steps_to(trainer, LEVEL, max(1, 1024 // batch), MOST_IMAGES // batch))
            if steps[-1] is None:
                break  # the further seeds would not change that
        row = {"rule": rule, "batch": batch, "rate": rate_for(batch, rule), "steps": steps}
        batch_rows.append({**row, "step": seconds_per_step[batch], **time_to_level(seconds_per_step[batch], steps)})

# %%
print(
    "rule     batch    rate   ms a step   steps of each seed                  images   seconds to the level "
    "(95% interval)"
)
for row in batch_rows:
    found = (
        f"{row['seconds']:6.2f} ({row['low']:.2f} to {row['high']:.2f})"
        if row["seconds"] is not None
        else "not reached"
    )
    steps = ", ".join(str(s) if s is not None else "–" for s in row["steps"])
    seen = f"{row['batch'] * statistics.mean(row['steps']):9,.0f}" if None not in row["steps"] else f"{'–':>9}"
    print(
        f"{row['rule']:7} {row['batch']:6} {row['rate']:7.2f} {row['step'] * 1e3:11.3f}   {steps:32} {seen}   {found}"
    )

# %%
plots.show(plots.time_to_accuracy(batch_rows, LEVEL))

# %% [markdown]
# **What you should see.** On the left two curves that cross: the seconds of a step rise with the batch, the number of steps falls. Both change by less than the batch does. On the right their product, which has its lowest point somewhere in the middle, and where the rule for the learning rate matters more and more towards the right. Where a run did not reach the level within 12 epochs there is no point.

# %% [markdown] given="C-question"
# ### C5. Explain (3 points, 15 min)
#
# Which batch is best here, and how sure are you (intervals)? How many *images* does each batch need until 95%, and what does that say about what a larger batch buys? Which rule for the learning rate holds how far, and what happens where it fails? On a GPU a step of 1024 images takes hardly longer than one of 16: which batch would be best there?
#
# === BEGIN MARK SCHEME ===
# * 3: the best batch with its interval and those that can't be told from it; images = steps × batch computed and growing with the batch (a larger batch buys faster arithmetic per image, paid with more images; its steps do not fall in proportion); a rule named with how far it holds from the table (fixed: too slow for large batches; linear: too large at some point, or not reached); on a GPU the seconds of a step hardly grow, so the number of steps decides and a larger batch wins, up to where the steps no longer fall.
# * 2: three of these four.
# * 1: one or two.
#
# An answer that reads its own table rightly gets full points whatever batch wins.
#
# === END MARK SCHEME ===

# %% [markdown] answer="C-answer" points=3
# With the rate by the root rule, 64 images were best, 0.22 s (0.19 to 0.24), and 32 and 128 can't be told from it: their intervals, 0.20 to 0.26 and 0.19 to 0.25, overlap with it. 16 and 256 are slower, though the interval of 256 is wide (0.22 to 0.60), because its steps vary between 188 and 484.
#
# Up to 95%, a batch of 16 needs 26,010 images, one of 64 needs 36,045, one of 256 needs 76,800 and one of 512 needs 142,131. So each doubling costs more images, little at first and nearly twice as many in the end. What it buys is cheaper arithmetic per image: a step of 64 images takes 0.383 ms and not four times 0.199 ms. Below 64 the gain is larger than the price, beyond 128 it is not: the steps hardly fall any more, and the milliseconds grow with the batch. I had expected 64, and that a step of 1024 takes 30 times as long as one of 16; it is 20.8 times (4.139 / 0.199 = 20.8).
#
# The rate has to grow with the batch: with a fixed 0.5, a batch of 256 needs 194,765 images and 1024 did not arrive within 12 epochs. The root rule holds up to 512 and fails at 1024 (a rate of 4), the linear rule only up to 64: at 256 it asks for a rate of 8, with which the loss no longer falls. A linear rule assumes that the gradient stays the same over the small steps that it replaces; for a large rate it does not.
#
# On a GPU a step of 1024 images takes hardly longer than one of 16, so the number of steps decides, and that falls up to 512. There 512 would be best of these, or 1024 with a rate by another rule; a larger one brings nothing, for its steps do not fall.

# %% [markdown] given="D-text"
# ---
# ## Part D. Precision and size (6 points)
#
# Fewer bits for each number means fewer bytes to move. Whether it means less *time* depends on the processor: it must have instructions for such numbers. First measure a matrix product, in a process of its own with one thread.

# %% given="D-types"
KINDS = [("numpy", "float64"), ("numpy", "float32"), ("numpy", "float16")]
KINDS += [("torch", kind) for kind in ("float64", "float32", "bfloat16", "float16")] if torch and not quick else []
type_rows = []
for library, dtype in KINDS:
    n = 64 if quick else 128 if (library, dtype) == ("numpy", "float16") else 1024
    took = seconds_at(1, partial(study.start, library=library, size=n, dtype=dtype), rounds=3)
    type_rows.append({"library": library, "dtype": dtype, "gflops": 2 * n**3 / took / 1e9})
    print(f"{library:6} {dtype:9} {n:5} rows: {type_rows[-1]['gflops']:8.1f} GFLOP/s")
for row in study.recorded("precision"):
    print(f"recorded on {row['machine']}: {row['dtype']:9} {row['gflops']:10.0f} GFLOP/s")

# %% [markdown] given="D-quantise-text"
# ### D1. Quantisation (2 points, 10 min)
#
# After training, weights can be stored as small whole numbers. For $b$ bits, symmetric and for each **output** (column $j$ of the weight matrix) by itself:
#
# $$\text{scale}_j = \frac{\max_i |w_{ij}|}{2^{b-1} - 1}, \qquad q_{ij} = \operatorname{round}\left(\frac{w_{ij}}{\text{scale}_j}\right), \qquad w_{ij} \approx q_{ij} \cdot \text{scale}_j$$
#
# So the largest weight of a column is met exactly, and no $q$ lies outside of $\pm(2^{b-1} - 1)$. One scale for the whole matrix would be ruled by its largest weight, and small columns would lose most of their digits. Return $q$ as an array of `int8`, and the scales, one for each column. A column of zeros gets the scale 1.


# %% exercise="D-quantise"
def quantise(w, bits):
    """w (n_in, n_out), 2 to 8 bits -> (q, an int8 array like w; scales, shape (n_out,))"""
    ### BEGIN SOLUTION
    largest = np.abs(w).max(axis=0)
    scale = np.where(largest > 0, largest / (2 ** (bits - 1) - 1), 1.0)
    return np.round(w / scale).astype(np.int8), scale
    ### END SOLUTION


# %% test="D-quantise-check" points=2
check.performance_factors.quantise(quantise)
### BEGIN HIDDEN TESTS
check.performance_factors.quantise(quantise, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="D-bytes-text"
# ### D2. Bytes (1 point, 5 min)
#
# How many bytes does a quantised matrix of `n_in` × `n_out` weights take, if its whole numbers are packed without gaps (two of 4 bits in a byte, the last byte filled up) and each column's scale is a float32?


# %% exercise="D-bytes"
def quantised_bytes(n_in, n_out, bits):
    """Bytes of a matrix with so many bits for each weight, and its scales"""
    ### BEGIN SOLUTION
    return math.ceil(n_in * n_out * bits / 8) + 4 * n_out
    ### END SOLUTION


# %% test="D-bytes-check" points=1
check.performance_factors.quantised_bytes(quantised_bytes)
### BEGIN HIDDEN TESTS
check.performance_factors.quantised_bytes(quantised_bytes, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="D-prune-text"
# ### D3. Pruning (1 point, 5 min)
#
# Many weights are near zero. Set the share `fraction` of the weights with the smallest magnitudes to zero: exactly `round(fraction * w.size)` of them (if some are equal, any of these). Return a new array.


# %% exercise="D-prune"
def prune(w, fraction):
    """A copy of w in which the given fraction of the weights, those of smallest magnitude, is zero"""
    ### BEGIN SOLUTION
    pruned = w.copy()
    smallest = np.argsort(np.abs(w), axis=None)[: round(fraction * w.size)]
    pruned.reshape(-1)[smallest] = 0
    return pruned
    ### END SOLUTION


# %% test="D-prune-check" points=1
check.performance_factors.prune(prune)
### BEGIN HIDDEN TESTS
check.performance_factors.prune(prune, seed=SEED)
### END HIDDEN TESTS

# %% given="D-run"
trainer = study.Trainer(data, 64, 1.0, seed=0)
for _ in range(20 if quick else 1500):
    trainer.step()
trained = [w.copy() for w in trainer.network.weights]


def with_weights(weights):
    """Validation error of the trained network with these weights in place of its own."""
    for own, other in zip(trainer.network.weights, weights, strict=True):
        own[...] = other
    return 1 - trainer.accuracy()


whole = sum(w.nbytes for w in trained)
print(f"float32: {whole / 1024:7.1f} KiB, error {with_weights(trained):.2%}")
for bits in (8, 4, 3, 2):
    parts = [quantise(w, bits) for w in trained]
    size = sum(quantised_bytes(*w.shape, bits) for w in trained)
    print(f"{bits} bits: {size / 1024:7.1f} KiB, error {with_weights([q * scale for q, scale in parts]):.2%}")
for fraction in (0.5, 0.8, 0.9, 0.95, 0.99):
    some = [prune(w, fraction) for w in trained]
    left = sum(np.count_nonzero(w) for w in some)
    print(f"{fraction:.0%} pruned: {8 * left / 1024:7.1f} KiB as value and position, error {with_weights(some):.2%}")
_ = with_weights(trained)

# %% given="D-speed"
batch = data.images[:256]
q, scale = quantise(trained[0], 8)
ninety = prune(trained[0], 0.9)
timings = measure(
    {
        "float32": lambda: batch @ trained[0],
        "float32, 90% zeros": lambda: batch @ ninety,
        "int8, made float32 first": lambda: batch @ (q * scale).astype(np.float32),
        "int8 times int8 in int32": lambda: batch[:16].astype(np.int8).astype(np.int32) @ q.astype(np.int32),
    },
    rounds=3 if quick else 15,
)
for name, timing in timings.items():
    print(f"{name:26} {timing.median * 1e3:8.3f} ms" + (" for 16 images" if "int32" in name else " for 256 images"))

# %% [markdown] given="D-question"
# ### D4. Explain (2 points, 15 min)
#
# Which type of number is fastest on this processor, and which is slower than one with twice as many bits? Why? How far can you quantise and prune before the error grows noticeably? Why does the time not fall by itself when 90% of the weights are zero, or when they take a quarter of the bytes?
#
# === BEGIN MARK SCHEME ===
# * 2: types compared by the measured GFLOP/s, with the reason (instructions for this type or not; converted or computed in software otherwise); a number of bits and a fraction at which the error begins to grow, from the table; time: a dense product multiplies zeros like all others, and whole numbers must be converted, or need instructions and a library of their own (structured sparsity, int8 kernels), bytes help only where memory is the limit.
# * 1: two of these three.
#
# === END MARK SCHEME ===

# %% [markdown] answer="D-answer" points=2
# bfloat16 in PyTorch is fastest, 784.0 GFLOP/s against 136.9 with float32: this processor has instructions for products of bfloat16 matrices (AMX; on one without them it is slower than float32). float64 takes twice the bytes and reaches about half of float32's speed. The slowest has only 16 bits: numpy's float16, 0.9 GFLOP/s, less than a hundredth of float32. No BLAS takes it, so numpy converts number by number. Few bits help where the processor computes with them.
#
# Down to 3 bits the error hardly grows, from 4.05% to 4.40%, in a tenth of the bytes (37.8 of 397.0 KiB); 2 bits, which are the three numbers −1, 0 and 1, give 20.15%. Half of the weights can be pruned (4.45%), and 80% can't without training on (17.35%). Stored as value and position, half of the weights take as many bytes as all did.
#
# The time did not fall: 0.401 ms with 90% zeros against 0.388 ms, since a dense product multiplies zeros like other numbers. To skip them one must look up where the others are, and that pays only when very few are left or when they lie in blocks. The int8 weights took longer, 0.485 ms, as they were made float32 again first; multiplied as whole numbers by numpy, which has no BLAS for them, 16 images took 1.376 ms. A quarter of the bytes helps where memory is the limit, as for one image at a time, and with instructions for int8.

# %% [markdown] given="E-text"
# ---
# ## Part E. Many workers (9 points)
#
# In data-parallel training every worker has the whole network and a share of the batch. After each backward pass all of them need the **mean** of their gradients, and the operation that gives it to them is called *all-reduce*.
#
# ### E1 and E2. Ring all-reduce (2 + 1 points, 20 min)
#
# The workers stand in a ring. Each cuts its vector into as many parts as there are workers, and in each step sends one part to its right neighbour and receives one from its left:
#
# 1. $n - 1$ steps: what comes from the left is **added** to the own part; the sum travels on in the next step. Then each worker has one part that is the sum over all.
# 2. $n - 1$ steps: the finished parts travel around, and **replace** the own ones.
#
# At last, the sums are divided by $n$. Each worker sends $2(n-1)$ messages of about $1/n$ of the vector: hardly more bytes for 1,000 workers than for 10.
#
# Here the workers are simulated. A worker is an `async def` function; where it waits for a message it says `await`, and meanwhile the others go on:
#
# | | |
# |---|---|
# | `port.rank`, `port.size` | who I am (0 … n − 1), how many we are |
# | `await port.send(to, array)` | send; ends when `to` has **received** it |
# | `await port.receive(source)` | the next array from `source` |
# | `await port.exchange(to, array, source)` | send and receive at the same time; returns what was received |
#
# If all workers send first, nobody receives, and all wait for ever: a *deadlock*. `exchange` avoids it. Vectors may have any length, also one that can't be divided by $n$ (`np.array_split`), and there may be any number of workers, also one. Leave the vector that you are given as it is.


# %% exercise="E-ring"
async def ring_mean(port, vector):
    """The mean of all workers' vectors, the same on each worker"""
    ### BEGIN SOLUTION
    n, me = port.size, port.rank
    right, left = (me + 1) % n, (me - 1) % n
    parts = [part.copy() for part in np.array_split(vector, n)]
    for step in range(n - 1):
        parts[(me - step - 1) % n] += await port.exchange(right, parts[(me - step) % n], left)
    for step in range(n - 1):
        parts[(me - step) % n] = await port.exchange(right, parts[(me - step + 1) % n], left)
    return np.concatenate(parts) / n
    ### END SOLUTION


# %% test="E-ring-check" points=2
check.performance_factors.ring_mean(ring_mean)
### BEGIN HIDDEN TESTS
check.performance_factors.ring_mean(ring_mean, seed=SEED)
### END HIDDEN TESTS

# %% test="E-ring-traffic" points=1
check.performance_factors.ring_traffic(ring_mean)
### BEGIN HIDDEN TESTS
check.performance_factors.ring_traffic(ring_mean, seed=SEED)
### END HIDDEN TESTS

# %%
vectors = np.random.default_rng(0).standard_normal((8, 10_003 if quick else 1_000_003))
run = study.run_workers(ring_mean, vectors, latency=50e-6, bandwidth=1.25e9)
wrong = max(np.abs(result - vectors.mean(axis=0)).max() for result in run.results)
print(f"8 workers: largest error {wrong:.1e}; the busiest worker sends {run.most_messages} messages,", end=" ")
print(f"{run.most_bytes / vectors[0].nbytes:.3f} times its vector; {run.seconds * 1e3:.2f} ms on the simulated network")
try:
    study.run_workers(ring_mean, vectors, dies={5: 3})  # worker 5 dies after its third message
except CourseError as error:
    print(error)

# %% [markdown] given="E-share-text"
# ### E3. The share of each worker (2 points, 10 min)
#
# `gradient(x, labels)` returns the gradient of the **mean** loss of these images. Divide the batch among the workers, without losing an image and with shares that differ by one at most, let each compute its gradient, and combine them so that the result is the gradient of the mean loss of the **whole** batch. If the shares differ, so do their weights. (A share may be empty if there are more workers than images; then that worker has nothing to compute.)


# %% exercise="E-share"
def shared_gradient(gradient, x, labels, workers):
    """The gradient of the mean loss of the whole batch, from each worker's gradient of its share"""
    ### BEGIN SOLUTION
    total = 0
    for rows in np.array_split(np.arange(len(labels)), workers):
        if len(rows):
            total = total + len(rows) / len(labels) * gradient(x[rows], labels[rows])
    return total
    ### END SOLUTION


# %% test="E-share-check" points=2
check.performance_factors.shared_gradient(shared_gradient)
### BEGIN HIDDEN TESTS
check.performance_factors.shared_gradient(shared_gradient, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="E-real-text"
# Now with real processes: PyTorch's `torch.distributed` (with *gloo* on CPUs; on GPUs it would be NCCL) does the same between two processes, each with half of the batch. `torchrun` starts such processes on one machine or on many; here the course starts them and watches them. After 20 steps the weights must be those of one process with the whole batch. The last lines show what happens when a worker dies in the middle: the other one would wait for ever in its all-reduce, so somebody has to notice.

# %% given="E-real"
why_not = study.cannot_run_two() or ("Left out at the size of grading." if quick else "")
if why_not:
    print(why_not)
else:
    one, two = study.two_processes(1), study.two_processes(2)
    apart = max(np.abs(one.weights[name] - two.weights[name]).max() for name in one.weights)
    print(f"one process:   {one.seconds * 1e3:6.2f} ms a step")
    print(
        f"two processes: {two.seconds * 1e3:6.2f} ms a step, {two.communicating * 1e3:.2f} ms of it in the all-reduce"
    )
    print(f"largest difference of a weight: {apart:.1e}; between the two workers: {two.differ:.1e}")
    began = time.perf_counter()
    try:
        study.two_processes(2, kill=1)
    except CourseError as error:
        print(f"after {time.perf_counter() - began:.1f} s: {error}")

# %% [markdown] given="E-model-text"
# ### E4. How long does it take? (1 point, 5 min)
#
# A message takes a **latency** $\alpha$, however short it is, and its bytes divided by the bandwidth $\beta$. The ring's $2(n-1)$ steps take, for a vector of $B$ bytes,
#
# $$t = 2(n-1)\left(\alpha + \frac{B}{n\,\beta}\right)$$
#
# The Paleo model of 2016 has the bandwidth only, $\alpha = 0$. (`python -m helpers.cost allreduce` compares the ring with a tree and a parameter server.)


# %% exercise="E-model"
def ring_seconds(nbytes, workers, latency, bandwidth):
    """Seconds of a ring all-reduce of so many bytes"""
    ### BEGIN SOLUTION
    return 2 * (workers - 1) * (latency + nbytes / workers / bandwidth)
    ### END SOLUTION


# %% test="E-model-check" points=1
check.performance_factors.ring_seconds(ring_seconds)
### BEGIN HIDDEN TESTS
check.performance_factors.ring_seconds(ring_seconds, seed=SEED)
### END HIDDEN TESTS

# %%
print("bytes        workers   with latency   bandwidth only   (50 µs, 1.25 GB/s)")
for nbytes in (4_000, 400_000, 100_000_000):
    for workers in (8, 256):
        whole, without = (ring_seconds(nbytes, workers, latency, 1.25e9) for latency in (50e-6, 0))
        print(
            f"{nbytes:11,} {workers:8} {whole * 1e3:11.3f} ms {without * 1e3:13.3f} ms   {whole / without:8.1f} times"
        )

# %% [markdown] given="E-scaling-text"
# ### E5. Strong and weak scaling (1 point, 5 min)
#
# A step with a total batch of `batch` images on so many workers: the busiest worker computes its share, $\lceil \text{batch} / n \rceil$ images of `per_image` seconds each, and a `fixed` time that every step costs; then comes the all-reduce of `nbytes`, with your `ring_seconds`. (We assume that nothing overlaps.) *Strong* scaling keeps the total batch, *weak* scaling keeps the batch of each worker.


# %% exercise="E-scaling"
def parallel_step(workers, batch, per_image, fixed, nbytes, latency, bandwidth):
    """Seconds of a training step of `batch` images in all on so many workers"""
    ### BEGIN SOLUTION
    return fixed + math.ceil(batch / workers) * per_image + ring_seconds(nbytes, workers, latency, bandwidth)
    ### END SOLUTION


# %% test="E-scaling-check" points=1
check.performance_factors.parallel_step(parallel_step, ring_seconds)
### BEGIN HIDDEN TESTS
check.performance_factors.parallel_step(parallel_step, ring_seconds, seed=SEED)
### END HIDDEN TESTS

# %% given="E-paper"
WORKERS = [2**k for k in range(11)]
# A network of 25.6 million parameters, 24.6 GFLOP an image, on devices that reach 3.2 TFLOP/s
JOB = {"per_image": 24.6e9 / 3.2e12, "fixed": 2e-3, "nbytes": 4 * 25_600_000}
NETS = {"10 Gbit/s Ethernet": (50e-6, 1.25e9), "100 Gbit/s": (5e-6, 12.5e9)}
scaling = {}
for net, (latency, width) in NETS.items():
    for kind, total in (("strong, 1024 in all", lambda n: 1024), ("weak, 32 each", lambda n: 32 * n)):
        speeds = [total(n) / parallel_step(n, total(n), latency=latency, bandwidth=width, **JOB) for n in WORKERS]
        scaling[f"{kind}, {net}"] = speeds
        halves = next((n for n, s in zip(WORKERS, speeds, strict=True) if s < 0.5 * n * speeds[0]), None)
        print(f"{kind:20} {net:20}: {speeds[0]:6.0f} images/s on 1, {speeds[-1]:8.0f} on 1024;", end=" ")
        print(f"below half of the ideal from {halves} workers on" if halves else "never below half of the ideal")

# %%
plots.show(plots.scaling(WORKERS, scaling))

# %% [markdown] given="E-question"
# ### E6. Explain (2 points, 15 min)
#
# Where does communication take over in strong and in weak scaling, and which part of it, latency or bandwidth? What would a network that is ten times as fast change, and what a batch that is ten times as large? (Think of Part C before you take the larger batch.) What happens in your ring when one worker dies, and what follows for a run on 1,024 workers?
#
# === BEGIN MARK SCHEME ===
# * 2: strong scaling runs out of work: the share shrinks as 1/n, the all-reduce's bytes do not (and latency grows with n); weak scaling keeps the ratio nearly constant; a faster network shifts the point, a larger batch too, but it needs more images to the same accuracy (Part C); a dead worker stops everybody, since each waits for its left neighbour, so it must be noticed and the run continued from a checkpoint, the more often the more workers there are.
# * 1: scaling explained, or two of the other points.
#
# === END MARK SCHEME ===

# %% [markdown] answer="E-answer" points=2
# In strong scaling the share of each worker shrinks as 1/n, while the all-reduce moves nearly twice the gradient however many there are, 164 ms for 25.6 million float32 numbers on 10 Gbit/s (2 × 102.4 / 1.25 = 163.8). From 64 workers on less than half of the ideal is left, and beyond 256 the speed falls again: then the 2(n − 1) latencies have taken over. In weak scaling computing and bandwidth stay in proportion, so the curve runs parallel to the ideal one, a third below it, until the latencies bend it at 1024 (63,753 images/s). For small messages it is latency from the beginning: 4,000 bytes among 256 workers take 4001.0 times as long as the bandwidth alone says.
#
# A network that is ten times as fast, with a tenth of the latency, moves the point from 64 to 512 workers in strong scaling, and weak scaling stays above half. A batch ten times as large gives each worker ten times the work for the same messages, which helps as much, but it is not the same job: in Part C a larger batch needed more images until the same accuracy, and from some size on no fewer steps. So the images per second rise and the time to accuracy may not.
#
# In the ring, all wait when one dies, each for its neighbour. The two real processes waited, too, until somebody watched: after 2.6 s the other one was ended and the first one named. So a run has to be watched and continued from a checkpoint. If one worker dies once in a thousand days, among 1,024 there is one a day, so that checkpoints have to be written more often than that.

# %% [markdown] given="F-text"
# ---
# ## Part F. The memo (4 points)
#
# Your group has to train the network of Part E on 1,280,000 images for 90 epochs, within **two days** and **300 euros**, and somebody asks for the energy, too. The offers (all figures are given for this exercise; prices change, look them up when it is your money):
#
# | offer | devices | reached FLOP/s each | W each, all in | euros an hour each | network |
# |---|---|---|---|---|---|
# | CPU server, 16 cores | 1 | 0.8 · 10¹² | 400 | 0.80 | |
# | one small GPU | 1 | 3.2 · 10¹² | 150 | 0.35 | |
# | one large GPU | 1 | 25 · 10¹² | 1,000 | 9.00 | |
# | eight large GPUs, one machine | 8 | 25 · 10¹² | 1,000 | 9.00 | 10 µs, 100 GB/s |
# | cluster of 64 small GPUs | 64 | 3.2 · 10¹² | 150 | 0.35 | 50 µs, 1.25 GB/s |
#
# Each device takes 64 images a step. As in Part C, a large total batch $m$ needs more images until the same accuracy: assume $1 + m / 8192$ times as many.
#
# ### F1. The bill (1 point, 5 min)
#
# From the seconds, the number of devices, the watts and the price an hour of **each**, return the euros and the kilowatt hours of all together. (1 kW = 1,000 W.)


# %% exercise="F-bill"
def bill(seconds, devices, watts, euros_per_hour):
    """(euros, kilowatt hours) of so many devices for so many seconds"""
    ### BEGIN SOLUTION
    hours = seconds / 3600
    return devices * hours * euros_per_hour, devices * hours * watts / 1000
    ### END SOLUTION


# %% test="F-bill-check" points=1
check.performance_factors.bill(bill)
### BEGIN HIDDEN TESTS
check.performance_factors.bill(bill, seed=SEED)
### END HIDDEN TESTS

# %% given="F-offers"
OFFERS = {
    "CPU server": (1, 0.8e12, 400, 0.80, 0, 1e9),
    "one small GPU": (1, 3.2e12, 150, 0.35, 0, 1e9),
    "one large GPU": (1, 25e12, 1000, 9.00, 0, 1e9),
    "eight large GPUs": (8, 25e12, 1000, 9.00, 10e-6, 100e9),
    "64 small GPUs": (64, 3.2e12, 150, 0.35, 50e-6, 1.25e9),
}
EACH = 64
print(f"{'offer':17} {'batch':>6} {'images/s':>9} {'communicating':>14} {'days':>8} {'euros':>8} {'kWh':>8}")
for offer, (devices, speed, watts, euros, latency, width) in OFFERS.items():
    batch = EACH * devices
    step = parallel_step(devices, batch, 24.6e9 / speed, 2e-3, JOB["nbytes"], latency, width)
    share = ring_seconds(JOB["nbytes"], devices, latency, width) / step
    seconds = 1_280_000 * 90 * (1 + batch / 8192) / batch * step
    cost, energy = bill(seconds, devices, watts, euros)
    print(f"{offer:17} {batch:6} {batch / step:9.0f} {share:14.0%} {seconds / 86400:8.1f} {cost:8,.0f} {energy:8,.0f}")

# %% [markdown] given="F-question"
# ### F2. Write the memo (3 points, 20 min)
#
# At most 200 words for somebody who has not done this assignment: which offer, why, what it costs in days, euros and kilowatt hours, what the runner-up is, which single assumption could turn the decision, and how you would test it in an hour before you spend the money.
#
# === BEGIN MARK SCHEME ===
# * 3: one decision that meets both limits, with days, euros and kWh from the table; a runner-up and why it loses; one assumption named (speed reached, price, network, factor for large batches, time for mistakes and repetitions) with a figure how much it may change before the decision turns; a test that measures it (a hundred steps on the rented device, with Part B's and C's care).
# * 2: decision with figures and one of the others.
# * 1: decision with some figures.
# * 0: no figures.
#
# === END MARK SCHEME ===

# %% [markdown] answer="F-answer" points=3
# I recommend the cluster of 64 small GPUs. It takes 0.3 days, 174 euros and 74 kWh, within both limits (two days, 300 euros).
#
# The runner-up is one large GPU: 1.4 days, 295 euros, 33 kWh. It uses less than half of the energy and needs no network, but if anything has to be repeated, its price is over the limit at once. Eight large GPUs cost 320 euros, one small GPU takes 10.4 days, the CPU server 41.4: all three are out.
#
# The decision hangs on the factor for large batches. I assumed 1.5 for the cluster's batch of 4096 (1 + 4096 / 8192 = 1.5). Its price grows with that factor, and meets that of the large GPU at 2.54 (1.5 × 295 / 174 = 2.54). Part C warns that a large batch may not reach the accuracy at all.
#
# Before the money is spent, rent both for an hour (22.4 and 9 euros). Measure a hundred steps after a warm-up, on 1, 8 and 64 devices, and compare the seconds with the table. Then train on a tenth of the images with batches of 64 and 4096, and compare the images until the same accuracy. If the large batch needs more than 2.5 times as many, take the large GPU. (64 × 0.35 = 22.4)

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
check.performance_factors.form(group, ready_to_present, parts="ABCDEF")

# %% [markdown] given="finish"
# ---
# ## Your points, and handing in
#
# The last cell adds up what your checks have given so far, and says what is left. To hand in, save (Ctrl+S), choose
# *Kernel → Restart Kernel and Run All Cells*, look, save again, and hand in this file, `performance_factors.ipynb`.

# %% given="summary"
check.summary()
