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
# # How long does it take? Runtime of a CNN on CPU and GPU
#
# A group of students once measured how long a small CNN takes to train, with 8 to 64 filters on a CPU and 8 to 256 on a GPU. On the CPU they measured two epochs and multiplied by ten. Their report has a scatter plot of
# time against the number of parameters and three claims: the time on the CPU "appears exponential" (which they doubted themselves), the GPU is "at least 20 times" faster, and its time is linear in the parameters.
# You will do that study properly and answer all three. First you count the operations, then you write a timing function that can be trusted, then you measure, and only then do you draw conclusions, with a number that says how far to trust them.
#
# | part | what you do | points | time |
# |---|---|---|---|
# | A | count parameters and operations | 7 | 45 min |
# | B | time one training step | 8 | 60 min |
# | C | measure networks of different sizes | 6 | 40 min |
# | D | from two epochs to twenty | 6 | 45 min |
# | E | linear, quadratic or exponential? | 7 | 60 min |
# | F | the speed-up of a GPU, and larger batches | 6 | 45 min |
# | | the form | | 5 min |
#
# **How to work.** Write your code where a cell says `YOUR CODE HERE`, and delete the line that raises `NotImplementedError`. Below each exercise a **check** runs your code on
# small cases. When something is wrong it names the mistake in words, and you can run it as often as you like. Grading runs the same checks, with other numbers.
#
# **How long it runs.** Less than a minute on a laptop, without a GPU and without a network. Close what else is busy while you measure, and plug the laptop in.

# %% given="setup"
# %matplotlib inline
import time
from functools import partial
from types import SimpleNamespace

import numpy as np

from helpers import check, nn, plots
from helpers.backend import backend, cuda_available, no_torch, torch_or_none
from helpers.data import load
from helpers.nn.spec import NETWORKS, load_spec
from helpers.progress import track
from helpers.study import cnn_runtime as study
from helpers.study.cnn_runtime.on_torch import torch_network
from helpers.study.cnn_runtime.student_t import Interval, t_quantile
from helpers.threads import limit_threads
from helpers.timing import environment
from helpers.train import study_size

torch = torch_or_none()
THREADS = 1
limit_threads(THREADS)  # one for everybody: the thread pools of numpy and PyTorch would wait for each other
if torch is None:
    print(no_torch("its rows and curves are left out, and numpy's are measured"))
ON_CPU = ("numpy", "torch") if torch else ("numpy",)
SIZE = None  # None is the laptop's size, "quick" a few seconds
quick = study_size(SIZE).name == "quick"
BATCH = 16 if quick else 64
ROUNDS, WARMUP = (5, 2) if quick else (21, 3)
CPU = environment()["cpu"]
print(f"numpy {np.__version__}, PyTorch {torch.__version__ if torch else 'missing'}, {THREADS} thread each, on {CPU}")

# %% [markdown] given="A-text"
# ---
# ## Part A. Count (7 points)
#
# The network is `convolutional_nn.json`: two convolutions with 3 × 3 windows, each followed by ReLU and 2 × 2 max pooling, then a dense layer of 128 and ten outputs. The file says 16 filters; here the number of
# filters $F$ is what we change, in both convolutions at once.

# %% given="A-table"
for place in load_spec(NETWORKS / "convolutional_nn.json").places(1):
    print(f"{place.layer.type:9} {'×'.join(map(str, place.shape_in)):>10}  →  {'×'.join(map(str, place.shape_out))}")

# %% [markdown] given="A-parameters-text"
# ### A1. Parameters (2 points, 15 min)
#
# | layer | input | output | weights | biases |
# |---|---|---|---|---|
# | conv 1 | 1 × 28 × 28 | $F$ × 26 × 26, pooled to 13 × 13 | one window of 3 · 3 for each filter | one per filter |
# | conv 2 | $F$ × 13 × 13 | $F$ × 11 × 11, pooled to 5 × 5 | one window of 3 · 3 for each filter *and each input channel* | one per filter |
# | dense | all numbers of the last image | 128 | inputs · outputs | one per output |
# | output | 128 | 10 | inputs · outputs | one per output |
#
# Return a list with the number of parameters (weights and biases) of each of these four layers, in this order.


# %% exercise="A-parameters"
def parameters(filters):
    """[conv 1, conv 2, dense, output] for the given number of filters in each convolution."""
    ### BEGIN SOLUTION
    return [
        9 * filters + filters,
        9 * filters * filters + filters,
        5 * 5 * filters * 128 + 128,
        128 * 10 + 10,
    ]
    ### END SOLUTION


# %% test="A-parameters-check" points=2
check.cnn_runtime.parameters(parameters)
### BEGIN HIDDEN TESTS
check.cnn_runtime.parameters(parameters, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="A-forward-text"
# ### A2. Operations of the forward pass (2 points, 15 min)
#
# A weight of a dense layer is used once per image. A weight of a convolution is used at every position of its output:
#
# $$\text{FLOPs} = 2 \cdot N \cdot K \cdot C \cdot R \cdot S \cdot P \cdot Q$$
#
# $N$ images in the batch, $K$ filters, $C$ input channels, windows of $R \times S$, an output of $P \times Q$ *before* pooling. A multiplication and an addition are two operations. As is usual, only these are counted: no biases, no
# ReLU, no pooling, no softmax.


# %% exercise="A-forward"
def forward_flops(filters, batch):
    """[conv 1, conv 2, dense, output]: operations of the forward pass of a batch."""
    ### BEGIN SOLUTION
    return [
        2 * batch * filters * 1 * 9 * 26 * 26,
        2 * batch * filters * filters * 9 * 11 * 11,
        2 * batch * 25 * filters * 128,
        2 * batch * 128 * 10,
    ]
    ### END SOLUTION


# %% test="A-forward-check" points=2
check.cnn_runtime.forward_flops(forward_flops)
### BEGIN HIDDEN TESTS
check.cnn_runtime.forward_flops(forward_flops, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="A-step-text"
# ### A3. The whole training step (2 points, 10 min)
#
# In the backward pass, a layer computes two more products of the same size as in its forward pass: the gradient for its weights (*backward-filter*), and the gradient for its input (*backward-data*), which the previous layer needs. The
# gradient for the images themselves is not needed. So how many times its forward pass does each of the four layers cost in one training step? Use your `forward_flops`.


# %% exercise="A-step"
def step_flops(filters, batch):
    """[conv 1, conv 2, dense, output]: operations of one training step, forward and backward."""
    ### BEGIN SOLUTION
    first, *others = forward_flops(filters, batch)
    return [2 * first, *(3 * flops for flops in others)]
    ### END SOLUTION


# %% test="A-step-check" points=2
check.cnn_runtime.step_flops(step_flops, forward_flops)
### BEGIN HIDDEN TESTS
check.cnn_runtime.step_flops(step_flops, forward_flops, seed=SEED)
### END HIDDEN TESTS

# %%
print("filters   parameters   MFLOP per step   of these conv 1   conv 2    dense")
for filters in (8, 16, 32, 64, 128, 256):
    work = step_flops(filters, BATCH)
    shares = "".join(f"{part / sum(work):10.0%}" for part in work[:3])
    print(f"{filters:7} {sum(parameters(filters)):12,} {sum(work) / 1e6:16,.0f}        {shares}")

# %% [markdown]
# **What you should see.** From 8 to 64 filters the parameters grow 9 times and the operations 38 times: most parameters are in the dense layer, which does little of the work, and most of the work is in conv 2, which has few parameters, each used 121 times per image.

# %% [markdown] given="A-question"
# ### A4. What is quadratic? (1 point, 5 min)
#
# Which layers grow with $F$ and which with $F^2$, in parameters and in operations, and why? From the table: does doubling the filters double the work, or make it four times as much?
#
# === BEGIN MARK SCHEME ===
# * 1: conv 2 grows with the square (each of F filters over F channels), conv 1 and dense are linear, output constant; doubling makes between two and four times as much work, and nearly four for large F (3.1 from 8 to 16, 3.9 from 128 to 256).
# * 0.5: conv 2 named as quadratic with its reason.
#
# === END MARK SCHEME ===

# %% [markdown] answer="A-answer" points=1
# Only conv 2 grows with F², in parameters and in operations, because each of its F filters spans F channels. Conv 1 (one input channel) and the dense layer (25 · F inputs, 128 outputs) are linear in F, and the output layer does not
# change. So the sum lies in between: from 8 to 16 filters the work grows 3.1 times, from 128 to 256 it grows 3.9 times, since conv 2 has nearly all of it by then. The number of parameters grows more slowly (2.0 times from 8 to 16), because most
# parameters belong to the dense layer, which does little work.

# %% [markdown] given="B-text"
# ---
# ## Part B. Time one step (8 points)
#
# Timing looks easy: read the clock, run the code, read the clock. It often goes wrong, and then by factors, not by a few percent. There are five traps:
#
# 1. **Warm-up.** The first steps are slow: memory is allocated, code is loaded, kernels are selected.
# 2. **Data loading.** Reading a batch takes time, too, and is not what we want to measure.
# 3. **Asynchronous kernels.** A call on a GPU *launches* a kernel and returns before it has run. Without waiting for it, the clock measures the launch and not the work.
# 4. **Outliers.** Now and then the system does something else, and one round takes five times as long. A mean is moved by that, a median hardly.
# 5. **The wrong device.** The network was meant to run on the GPU, and ran on the CPU.
#
# ### B1. Median and spread (1 point, 10 min)
#
# From the seconds of all rounds, compute the median, which a single slow round hardly moves, and the lower and the upper quartile, between which half of the rounds lie: `np.median`, `np.percentile`.


# %% exercise="B-summary"
def summary(seconds):
    """A list of seconds -> {"seconds": median, "low": lower quartile, "high": upper quartile}"""
    ### BEGIN SOLUTION
    low, middle, high = np.percentile(seconds, [25, 50, 75])
    return {"seconds": float(middle), "low": float(low), "high": float(high)}
    ### END SOLUTION


# %% test="B-summary-check" points=1
check.cnn_runtime.summary(summary)
### BEGIN HIDDEN TESTS
check.cnn_runtime.summary(summary, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-time-text"
# ### B2, B3 and B4. The timing function (3 + 2 + 1 points, 40 min)
#
# You are given four functions, and should assume nothing about how they work:
#
# | | |
# |---|---|
# | `load()` | returns the next batch; its time must not be counted |
# | `step(batch)` | one training step; returns the loss, which may be there before the step is finished; `loss.device` says where it was computed |
# | `synchronise()` | waits until the device has finished all work that was submitted to it |
# | `clock()` | the current time in seconds, from an arbitrary origin |
#
# First run `warmup` steps that are not timed (it may be 0). Then time `rounds` steps, each by itself:
#
# $$\text{load} \;\to\; \text{synchronise} \;\to\; \text{clock} \;\to\; \text{step} \;\to\; \text{synchronise} \;\to\; \text{clock}$$
#
# Why synchronise twice? After the step, so that it is finished. Before it, so that work submitted earlier (the last warm-up step, copying the batch to the GPU) is not counted with it.
#
# Return what `summary` makes of the seconds, and two more entries: `"rounds"`, and `"device"`, the device of the loss as text (`str(loss.device)`), which is where the step really ran.


# %% exercise="B-time"
def time_step(step, load, rounds, warmup, synchronise, clock=time.perf_counter):
    """{"seconds": …, "low": …, "high": …, "rounds": …, "device": …} of one step, in seconds"""
    ### BEGIN SOLUTION
    for _ in range(warmup):
        step(load())
    seconds = []
    for _ in range(rounds):
        batch = load()
        synchronise()
        began = clock()
        loss = step(batch)
        synchronise()
        seconds.append(clock() - began)
    return {**summary(seconds), "rounds": rounds, "device": str(loss.device)}
    ### END SOLUTION


# %% [markdown] given="B-machine-text"
# The checks run your function on a simulated machine: its clock advances only by the cost of each call, so the right answer is known exactly, and each mistake gives a different number.

# %% test="B-time-check" points=3
check.cnn_runtime.time_step(time_step)
### BEGIN HIDDEN TESTS
check.cnn_runtime.time_step(time_step, seed=SEED)
### END HIDDEN TESTS

# %% test="B-time-queue" points=2
check.cnn_runtime.time_on_a_queue(time_step)
### BEGIN HIDDEN TESTS
check.cnn_runtime.time_on_a_queue(time_step, seed=SEED)
### END HIDDEN TESTS

# %% test="B-time-device" points=1
check.cnn_runtime.where_it_ran(time_step)
### BEGIN HIDDEN TESTS
check.cnn_runtime.where_it_ran(time_step, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-question"
# ### B5. Four hand-ins (1 point, 10 min)
#
# Four students timed the same step on the same GPU; it takes 2.1 ms. Ana: 0.2 ms, whatever the size of the network. Ben: 2.1 ms, but 11 ms in the very first of his ten rounds, so his average is 3.0 ms. Cem: 5.9 ms. Dua: 9.6 ms, the same as on the CPU.
# What most likely went wrong in each case?
#
# === BEGIN MARK SCHEME ===
# * 1: Ana: did not synchronise before the second reading (only the launch is timed); Ben: warm-up counted and mean instead of median; Cem: loading (or copying) counted; Dua: ran on the CPU. All four.
# * 0.5: at least two of them with the reason.
#
# === END MARK SCHEME ===

# %% [markdown] answer="B-answer" points=1
# Ana read the clock before the device had finished: she timed the launches, which take the same time for every network. Ben counted a warm-up round and took a mean, so that one slow round moved his result by 40%. Cem most likely loaded his batch between
# the two readings. Dua's network was still on the CPU.

# %% [markdown] given="C-text"
# ---
# ## Part C. Measure (6 points)
#
# ### C1. Predict (1 point, 5 min)
#
# Before you run anything: from 8 to 64 filters, by what factor will the time of a step grow with numpy on one core? Will it follow the number of parameters or the number of operations? And from 8 to 16 filters on a GPU? Give numbers and a reason.
# (A wrong prediction with a reason has full points.)
#
# === BEGIN MARK SCHEME ===
# * 1: a number for both machines, parameters or operations chosen, each with a reason.
# * 0.5: numbers without a reason.
#
# === END MARK SCHEME ===

# %% [markdown] answer="C-predict" points=1
# From 8 to 64 filters the operations grow 38 times and the parameters 9 times. I expect the time to follow the operations, though a little less than 38 times, perhaps 25, since small matrix products use a core poorly. On a GPU I expect hardly any difference between 8 and 16 filters: both
# are far too small for it, and what takes the time is launching the kernels.

# %% [markdown] given="C-prepare-text"
# ### C2. The rows (3 points, 25 min)
#
# The next cell prepares a network on one of three backends: the course's own numpy network, PyTorch on the CPU, PyTorch on a GPU. Read it once. It gives you `step`, `load` and `synchronise` as in Part B.

# %% given="C-prepare"
digits = load("mnist", train=4096, test=1, flat=False)
RATE = 0.01


def prepare(filters, name, batch=BATCH):
    """A new network with that many filters on the backend `name`: its `step`, `load`, `synchronise` and `hardware`."""
    spec = study.study_spec(filters, batch)
    order = iter(np.random.default_rng(0).integers(0, len(digits.train_labels), size=(1000, batch)))
    if name == "numpy":
        network = nn.build(spec, backend("numpy"))

        def load():
            chosen = next(order)
            return digits.train_images[chosen], digits.train_labels[chosen]

        def step(pair):
            return np.float32(network.step(*pair, RATE))  # numpy's scalars have a `device`, too: "cpu"

        return SimpleNamespace(step=step, load=load, synchronise=lambda: None, hardware=CPU)

    device = {"torch": "cpu", "cuda": "cuda"}[name]
    network = torch_network(spec).to(device)
    optimiser = torch.optim.SGD(network.parameters(), lr=RATE)

    def load():
        chosen = next(order)
        return tuple(torch.from_numpy(a[chosen]).to(device) for a in (digits.train_images, digits.train_labels))

    def step(pair):
        images, labels = pair
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        optimiser.step()
        return loss.detach()

    synchronise = torch.cuda.synchronize if device == "cuda" else lambda: None
    hardware = torch.cuda.get_device_name() if device == "cuda" else CPU
    return SimpleNamespace(step=step, load=load, synchronise=synchronise, hardware=hardware)


# %% [markdown] given="C-gpu-text"
# Most of you have no GPU at hand. Then its rows come from somebody who has one: `gpu_points` below takes what was **recorded** on named hardware (a teacher with a card records it with `python -m helpers.study cnn_runtime --record FILE`). Where nothing has been recorded yet, they are **predicted** by a model: the number of kernels
# times the time to launch one, or operations and bytes divided by what the card can do, whichever is longer. Both are marked in the rows and in every figure, because a prediction is not a measurement.
#
# A prediction has no quartiles, because nothing was timed. Its `low` and `high` are what the model gives under its most and its least favourable assumptions: 5 or 20 µs per launch instead of 10, and 51% or 30% of the card's peak instead of 43%.

# %% given="C-gpu"
FILTERS = dict.fromkeys(ON_CPU, (8, 16, 32, 64))
if cuda_available():
    FILTERS["cuda"] = (8, 16, 32, 64, 128, 256)  # then you measure it yourself


def gpu_points(filters, batch=BATCH, graph=False):
    """Points of a GPU that is not here: recorded ones, else predicted ones. Empty where there is a GPU."""
    if cuda_available():
        return []
    name = "cuda graph" if graph else "cuda"
    found = [p for p in study.recorded(name) if p.batch == batch and p.filters in filters]
    return found or study.predicted("Titan X", filters, batch=batch, graph=graph)


gpu = gpu_points((8, 16, 32, 64, 128, 256))
gpu_rows = [{**point.as_json(), "device": "cuda"} for point in gpu]
for row in gpu_rows:
    print(
        f"{row['backend']}, {row['hardware']}, {row['filters']:3} filters: {row['seconds'] * 1e3:.3f} ms, "
        + ("predicted" if row["predicted"] else "recorded")
        + f", between {row['low'] * 1e3:.3f} and {row['high'] * 1e3:.3f} ms"
    )

# %% [markdown] given="C-rows-text"
# Now write `measure_row`. It prepares a network, times it with your `time_step` (with `ROUNDS` and `WARMUP`), and returns one row, a dictionary with everything that a reader needs to judge the number:
#
# | key | |
# |---|---|
# | `filters`, `backend`, `batch` | what was asked for |
# | `parameters`, `flops` | sums of your counts; `flops` of a whole training step |
# | `hardware`, `threads` | `prepare(…).hardware`, `THREADS` |
# | `seconds`, `low`, `high`, `rounds`, `device` | what `time_step` returned |
#
# The check below also replaces `prepare` and `time_step` by stand-ins whose answers are known; so call them by these names.
#
# With your function, the cell below it measures `rows`: a row for each backend in `FILTERS` and each of its numbers of filters, and after them the `gpu_rows` as they are.
#
# If the quartiles of a row lie far apart, your machine was busy with something else. Then measure all rows again, not only those that you don't like: selecting by the result is how wrong figures are made.


# %% exercise="C-rows"
def measure_row(filters, name, batch=BATCH):
    """One row: a training step with the given number of filters on the backend `name`."""
    ### BEGIN SOLUTION
    prepared = prepare(filters, name, batch)
    timing = time_step(prepared.step, prepared.load, ROUNDS, WARMUP, prepared.synchronise)
    return {
        "filters": filters,
        "backend": name,
        "batch": batch,
        "parameters": sum(parameters(filters)),
        "flops": sum(step_flops(filters, batch)),
        "hardware": prepared.hardware,
        "threads": THREADS,
        **timing,
    }
    ### END SOLUTION


# %% given="C-rows-measured"
rows = []
for name, sizes in track(FILTERS.items(), "backend"):
    for filters in sizes:
        rows.append(measure_row(filters, name))
rows += gpu_rows

# %% test="C-rows-check" points=3
check.cnn_runtime.row(measure_row, parameters, step_flops, rounds=ROUNDS, warmup=WARMUP)
check.cnn_runtime.rows(rows, gpu, FILTERS, parameters, step_flops, batch=BATCH, rounds=ROUNDS, threads=THREADS)
### BEGIN HIDDEN TESTS
check.cnn_runtime.row(measure_row, parameters, step_flops, rounds=ROUNDS, warmup=WARMUP, seed=SEED)
### END HIDDEN TESTS


# %% given="C-points"
def as_points(some_rows):
    """Rows in the form that the figures take."""
    fields = study.Point.__dataclass_fields__
    return [
        study.Point(
            **{key: value for key, value in row.items() if key in fields}
            | {"low": min(row["low"], row["seconds"]), "high": max(row["high"], row["seconds"])}
        )
        for row in some_rows
    ]


# %% [markdown] given="C-figure-text"
# ### C3. Two figures (2 points, 10 min)
#
# The same rows, against the number of parameters and against the operations of a step. On logarithmic axes "proportional" is a straight line of slope 1; the dotted guide through the largest network of each curve has that slope. Bars show the quartiles (of a prediction: its range); where you see none, they are smaller than the dot.

# %%
plots.show(plots.runtime_scatter(as_points(rows), x="parameters"))

# %%
plots.show(plots.runtime_scatter(as_points(rows), x="flops"))

# %%
print("backend   filters   ms per step   GFLOP/s")
for row in rows:
    print(
        f"{row['backend']:9} {row['filters']:7} {row['seconds'] * 1e3:13.2f} {row['flops'] / row['seconds'] / 1e9:9.1f}"
    )
for name in FILTERS:
    times = {row["filters"]: row["seconds"] for row in rows if row["backend"] == name}
    print(f"{name}: from 8 to 64 filters × {times[64] / times[8]:.1f}, from 32 to 64 × {times[64] / times[32]:.1f}")

# %% [markdown]
# **What you should see.** Against operations the curves are flat at first and approach the slope of the guide as the network grows; against parameters they only get steeper and cross it. The speed in GFLOP/s rises with the size: every step has a fixed cost, and larger matrix products use a processor better. (Dots with long bars were measured while the machine was busy.)

# %% [markdown] given="C-question"
# Which is the better horizontal axis, and why? How good was your prediction? Where do the points of one backend leave the guide, and what may be the reason?
#
# === BEGIN MARK SCHEME ===
# * 2: operations, with the reason (time goes into work; most parameters sit in the dense layer, which does little of it, and conv 2's few parameters are used 121 times per image); against operations the slope comes closer to 1 as networks grow, against parameters it goes on growing; a deviation named with a possible reason (small sizes: overhead or launches; higher GFLOP/s for larger products;
# caches); comparison with their own prediction.
# * 1: operations with a reason, or the figures described without one.
# * 0: an axis chosen without a reason.
#
# === END MARK SCHEME ===

# %% [markdown] answer="C-answer" points=2
# Operations. From 8 to 64 filters there are 38 times as many operations and 9 times as many parameters; on this machine numpy takes 20.7 times as long and PyTorch 9.8 times. Neither factor settles it, but the slopes do: against operations the curves lie below the guide and come closer to its slope as networks grow (from 32 to 64 filters the operations
# grow 1,892 / 518 = 3.7 times and the times 4.0 and 3.4 times), since what keeps them below it are the fixed costs of a step and small matrix products. Against parameters they cross the slope of the guide and go on getting steeper, so no straight line would hold for larger networks. That PyTorch may come out near the parameters is an accident of the small end, where every step has a fixed cost of a few
# milliseconds. And there is a reason for the operations: a processor takes time for what it does. Most parameters are in the dense layer and are used once per image, those of conv 2 are used 121 times.
#
# Where a curve leaves the guide, the GFLOP/s say why: they are lowest for the smallest networks, because Python, memory and kernel launches cost the same for small products. The GPU's curve is flat at its lower end for the same reason, only more so; but that is what its model assumes and not a measurement. I had expected a factor of 25 for numpy; it is 20.7.

# %% [markdown] given="D-text"
# ---
# ## Part D. From two epochs to twenty (6 points)
#
# ### D1. A prediction interval (3 points, 25 min)
#
# Twenty epochs take long, so the group measured two and multiplied by ten. How good is that? Let $x_1, \dots, x_n$ be the seconds of the $n$ epochs measured, $\bar x$ their mean and $s$ their standard deviation (divided by $n - 1$). The run has $m$ epochs in all, so
# $r = m - n$ are still to come. If epochs differ only by chance (independent, with one normal distribution), then with probability `level` the total lies in
#
# $$m\,\bar x \;\pm\; t \cdot s \cdot \sqrt{r + \frac{r^2}{n}}$$
#
# Two things are uncertain, and both are under the root: the epochs to come vary ($r$), and their mean is only estimated from $n$ epochs ($r^2/n$). The factor $t$ is a quantile of Student's distribution with $n - 1$ degrees of freedom: the deviation, too, is only estimated, and from two numbers very poorly.
# `t_quantile(p, freedom)` returns the $p$-quantile, the number below which a fraction $p$ of the distribution lies; to leave the same fraction on both sides, $p = (1 + \text{level})/2$.


# %% exercise="D-interval"
def prediction_interval(seconds, epochs, level):
    """Seconds of the first n epochs -> (low, high) for the total of a run of `epochs` epochs."""
    ### BEGIN SOLUTION
    n, rest = len(seconds), epochs - len(seconds)
    middle = epochs * np.mean(seconds)
    t = t_quantile((1 + level) / 2, n - 1)
    half = t * np.std(seconds, ddof=1) * np.sqrt(rest + rest**2 / n)
    return float(middle - half), float(middle + half)
    ### END SOLUTION


# %% test="D-interval-check" points=3
check.cnn_runtime.prediction_interval(prediction_interval)
### BEGIN HIDDEN TESTS
check.cnn_runtime.prediction_interval(prediction_interval, seed=SEED)
### END HIDDEN TESTS

# %%
for n in (2, 3, 5, 10):
    print(f"t for 95% from {n:2} epochs: {t_quantile(0.975, n - 1):.2f}")

# %% [markdown] given="D-measure-text"
# Here are twenty short epochs (1,000 images each) of PyTorch on the CPU with 8 filters, measured in a new process, so that the first epoch includes the warm-up, as it would for you.

# %% given="D-epochs"
epoch_seconds = study.epochs(8, *(("numpy", 20, 64) if quick else (ON_CPU[-1], 20, 1_000)))
if torch is None:
    print(no_torch("these epochs are numpy's"))
print("seconds of each epoch:")
for i in (0, 10):
    print(*(f"{s:.3f}" for s in epoch_seconds[i : i + 10]))

# %%
intervals = {}
for name, part in {
    "first 2": epoch_seconds[:2],
    "epochs 2 and 3": epoch_seconds[1:3],
    "first 5": epoch_seconds[:5],
    "epochs 2 to 10": epoch_seconds[1:10],
}.items():
    low, high = prediction_interval(part, 20, 0.95)
    intervals[name] = Interval(20 * float(np.mean(part)), low, high, 0.95)
    print(f"{name:15} 20 × mean {intervals[name].total:6.2f} s, 95% between {low:6.2f} and {high:6.2f} s")
print(f"measured: {sum(epoch_seconds):.2f} s")
ends = [prediction_interval(epoch_seconds[i : i + 2], 20, 0.95) for i in range(1, 19)]
widths = sorted(high - low for low, high in ends)
print(f"from two neighbouring epochs after the first, it is between {widths[0]:.2f} and {widths[-1]:.2f} s wide")

# %%
plots.show(plots.epoch_times(epoch_seconds, intervals))

# %% [markdown]
# **What you should see.** Left, a single run: no two epochs take quite the same time. Right, four predictions from parts of the same run. From two epochs, the width of the interval is a matter of luck: it comes from a single difference, multiplied by $t = 12.7$ and more. An interval can also be narrow and wrong.

# %% [markdown] given="D-question"
# ### D2. Is it sound? (3 points, 20 min)
#
# Is it sound to measure two epochs and multiply by ten? Describe the interval from two epochs and explain its width, what the first epoch does to it, and whether "epochs differ only by chance" holds for yours. Then write the sentence that the
# group should have written instead of "20 epochs take … s".
#
# === BEGIN MARK SCHEME ===
# * 3: from two epochs the interval is useless, with its reason (t = 12.7 at one degree of freedom, s from a single difference); the first epoch is slower (warm-up) and shifts the mean *and* inflates s, or, if it is not seen here, why it might be; checks the assumption on their own epochs (drift, other load, or none of these); an honest sentence with the number of epochs measured, the interval, and whether the warm-up is included.
# * 2: the width with a reason, and the warm-up or the sentence.
# * 1: one of them.
#
# Also full points for measuring a few epochs after the warm-up, whose interval is narrow.
#
# === END MARK SCHEME ===

# %% [markdown] answer="D-answer" points=3
# No. The first two epochs give 1.80 s for all twenty, with a 95% interval that begins at 0 and ends at 3.61 s, which says next to nothing. The reason is n = 2: the deviation is estimated from a single difference, and Student's t with one degree of freedom is 12.71, where it would be 1.96 if the deviation were known. The total of 1.66 s lies in the interval, but almost anything would.
# How wide it comes out is luck: two later neighbours give anything between 0.01 and 1.47 s.
#
# The first epoch is usually slower than the others, because memory is allocated and code is loaded in it. Multiplied by ten together with the second one, this one-time cost is counted ten times. It also makes the difference between the two epochs, and so the interval, larger than chance would. Without it, the epochs 2 to 10 give 1.64 to 1.68 s,
# and the total is inside. Whether such a narrow interval can be trusted depends on the assumption: where the machine becomes busier or quieter during a run, whole groups of epochs are slower, they are not independent, and the interval misses more often than one time in twenty. I look at the left figure for that before I use the formula.
#
# The honest sentence: "We measured 10 epochs of 20; leaving out the first, which includes the warm-up, we expect 1.66 s for all 20 (95%: 1.64 to 1.68 s), if the machine stays as busy as it was."

# %% [markdown] given="E-text"
# ---
# ## Part E. Linear, quadratic or exponential? (7 points)
#
# "CPU time appears exponential." Four points can lie near almost any curve. So fit all three, and ask which one best predicts points that it was *not* fitted to.
#
# ### E1. Fit (2 points, 20 min)
#
# | kind | curve | coefficients |
# |---|---|---|
# | `"linear"` | $a + b\,x$ | `[a, b]` |
# | `"quadratic"` | $a + b\,x + c\,x^2$ | `[a, b, c]` |
# | `"exponential"` | $a\,e^{b x}$ | `[a, b]` |
#
# Use least squares. `np.polyfit(x, y, degree)` does it for the first two, and returns the highest power first; here the constant comes first. (You may weight each difference by $1/y$, so that relative errors are minimised; both are right.) The exponential becomes a line when you take logarithms: $\ln y = \ln a + b\,x$.


# %% exercise="E-fit"
def fit(x, y, kind):
    """Arrays of x and of times y -> the coefficients of the curve of that kind, the constant first."""
    ### BEGIN SOLUTION
    if kind == "exponential":
        slope, constant = np.polyfit(x, np.log(y), 1)
        return [np.exp(constant), slope]
    return np.polyfit(x, y, {"linear": 1, "quadratic": 2}[kind], w=1 / np.asarray(y))[::-1]
    ### END SOLUTION


# %% test="E-fit-check" points=2
check.cnn_runtime.fit(fit)
### BEGIN HIDDEN TESTS
check.cnn_runtime.fit(fit, seed=SEED)
### END HIDDEN TESTS


# %% given="E-predict"
KINDS = ("linear", "quadratic", "exponential")


def predict(coefficients, x, kind):
    """The curve of that kind at x."""
    if kind == "exponential":
        a, b = coefficients
        return a * np.exp(b * x)
    return sum(c * x**power for power, c in enumerate(coefficients))


# %% [markdown] given="E-held-text"
# ### E2. The held-out error (2 points, 20 min)
#
# A curve with more coefficients always comes closer to the points that it was fitted to. So leave one point out, fit the others, predict the one that was left out, and take the relative error of the prediction. Do this for each point in turn, and take the mean (leave-one-out cross-validation):
#
# $$\text{error} = \frac{1}{n} \sum_{i} \frac{|\,\text{prediction}_i - y_i\,|}{y_i}, \qquad \text{prediction}_i \text{ from the fit to all points but } i$$
#
# `np.delete(x, i)` is `x` without entry `i`.


# %% exercise="E-held"
def held_out_error(x, y, kind):
    """Mean over all points of the relative error of the curve that was fitted to the others; a fraction."""
    ### BEGIN SOLUTION
    errors = []
    for i in range(len(x)):
        coefficients = fit(np.delete(x, i), np.delete(y, i), kind)
        errors.append(abs(predict(coefficients, x[i], kind) - y[i]) / y[i])
    return float(np.mean(errors))
    ### END SOLUTION


# %% test="E-held-check" points=2
check.cnn_runtime.held_out_error(held_out_error, fit)
### BEGIN HIDDEN TESTS
check.cnn_runtime.held_out_error(held_out_error, fit, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="E-more-text"
# ### E3. Compare (1 point, 5 min)
#
# Four points are few. And the rows of Part C were measured one after the other: if your machine slowed down in between, the curve got a bend that is not the network's. So the next cell measures more sizes, and **interleaves** them: every network once, then every network again, and so on, so that a temporary slowdown
# affects all of them alike. From all turns your `summary` computes the median and the quartiles.

# %% given="E-more"
cpu_rows = []
TURNS, AT_ONCE = (3, 2) if quick else (13, 2)
networks = {
    (name, filters): prepare(filters, name)
    for filters in ((8, 12, 16, 24, 32, 64) if quick else (8, 12, 16, 24, 32, 48, 64, 96))
    for name in ON_CPU
}
turns = {key: [] for key in networks}
for _ in track(range(TURNS), "turn"):
    for key, network in networks.items():
        timing = time_step(network.step, network.load, AT_ONCE, 1, network.synchronise)
        turns[key].append(timing["seconds"])
for (name, filters), seconds in turns.items():
    row = {"backend": name, "filters": filters, "batch": BATCH, "hardware": CPU, "threads": THREADS}
    row |= {"parameters": sum(parameters(filters)), "flops": sum(step_flops(filters, BATCH)), "rounds": TURNS}
    cpu_rows.append({**row, **summary(seconds)})
for row in cpu_rows:
    print(f"{row['backend']:6} {row['filters']:3} filters: {row['seconds'] * 1e3:8.2f} ms")

# %% [markdown] given="E-compare-text"
# Write `compare`. From such rows and the name of a backend it returns two things: a dictionary with the held-out error of each kind in `KINDS`, for the seconds of this backend's rows against their filters, and the kind with the smallest error. The
# check uses rows of its own, in another order and with one size measured twice; the cell below the exercise then compares the curves through yours.


# %% exercise="E-compare"
def compare(some_rows, name):
    """Rows and the name of a backend -> ({kind: held-out error}, the kind with the smallest error)"""
    ### BEGIN SOLUTION
    x = np.array([float(row["filters"]) for row in some_rows if row["backend"] == name])
    y = np.array([row["seconds"] for row in some_rows if row["backend"] == name])
    found = {kind: held_out_error(x, y, kind) for kind in KINDS}
    return found, min(KINDS, key=lambda kind: found[kind])
    ### END SOLUTION


# %% test="E-compare-check" points=1
check.cnn_runtime.compare(compare, held_out_error)
### BEGIN HIDDEN TESTS
check.cnn_runtime.compare(compare, held_out_error, seed=SEED)
### END HIDDEN TESTS

# %% given="E-compared"
errors, best = {}, {}
for name in ON_CPU:
    errors[name], best[name] = compare(cpu_rows, name)

# %%
for name in errors:
    print(
        f"{name:6} "
        + ", ".join(f"{kind} {error:.0%}" for kind, error in errors[name].items())
        + f"; best: {best[name]}"
    )

# %%
for name in ON_CPU:
    mine = [row for row in cpu_rows if row["backend"] == name]
    x, y = np.array([float(row["filters"]) for row in mine]), np.array([row["seconds"] for row in mine])
    curves = {kind: partial(predict, fit(x, y, kind), kind=kind) for kind in KINDS}
    plots.show(plots.fits(as_points(mine), curves, title=f"Three curves through the times of {name}"))

# %% [markdown]
# **What you should see.** On the left, with a linear time axis, the times bend upwards, and the line $a + b\,x$ misses the largest networks. On the right, with a logarithmic axis, an exponential is a straight line, and the times bend away from it: they grow by smaller and smaller factors, as a power does.
#
# The report drew something else: its horizontal axis was the number of *parameters*. Here is that figure, with the same four sizes and both axes linear. The dotted line joins the ends of a curve; the dashed one is what the time would be if it were exactly proportional to the operations that you counted in Part A.

# %%
as_reported = as_points([row for row in cpu_rows if row["filters"] in (8, 16, 32, 64)])
plots.show(
    plots.runtime_scatter(as_reported, "parameters", "As in the report: time against parameters", scale="linear")
)

# %%
print("from 8 to 64 filters:", f"parameters × {sum(parameters(64)) / sum(parameters(8)):.1f}", end="")
print(f", operations × {sum(step_flops(64, BATCH)) / sum(step_flops(8, BATCH)):.1f}")
for name in errors:
    times = {row["filters"]: row["seconds"] for row in cpu_rows if row["backend"] == name}
    factors = [times[2 * filters] / times[filters] for filters in (8, 16, 32)]
    print(f"{name}: each doubling of the filters multiplies the time by", ", ".join(f"{f:.1f}" for f in factors))

# %% [markdown]
# **What you should see.** Even the dashed curve bends upwards, and there is no exponential in it. Parameters grow about as $F$ in this range, operations about as $F^2$, so over the parameters the time must be convex.

# %% [markdown] given="E-question"
# ### E4. "Appears exponential" (2 points, 15 min)
#
# Answer the group: is the time on a CPU linear, quadratic or exponential in the number of filters? Use the held-out errors, the count of Part A and the GFLOP/s of Part C. Why did their scatter plot over the parameters, with 8, 16, 32 and 64 filters, bend upwards as if it were exponential? What could a cache do to the curve?
#
# === BEGIN MARK SCHEME ===
# * 2: quadratic (or between linear and quadratic), supported by the held-out errors and by the operations, a + b·F + c·F²; explains the appearance (over parameters, which grow about as F here, work that grows about as F² is convex without any exponential; or: each doubling brings a growing factor, below 4, while an exponential in F would *square* the factor with each doubling); caches: once the working set exceeds a cache, each operation takes longer, the curve bends up or gets a step, which is not exponential either; or the GFLOP/s rise with the size and bend it down.
# * 1: quadratic with one of the reasons.
# * 0: exponential without a test.
#
# Another winner gets full points if the errors are read correctly and the noise is discussed.
#
# === END MARK SCHEME ===

# %% [markdown] answer="E-answer" points=2
# Quadratic, or more exactly a + b · F + c · F², as the count of Part A says it must be: conv 2 grows with F², conv 1 and the dense layer with F, and every step has a fixed cost. The held-out errors agree: 11% for numpy and 7% for PyTorch, against 31% and 16% for the line and 30% and 23% for the exponential, which misses at both ends.
#
# The report drew time over *parameters*. From 8 to 64 filters these grow 8.8 times, about as F does, because most of them are in the dense layer; the operations grow 38.2 times, nearly as F². So over the parameters even a time exactly proportional to the operations bends upwards: that is the dashed curve of the figure, and there is no exponential in it. Four points along such a curve look like
# the beginning of an exponential, and one slow measurement or a wrong extrapolation at the upper end makes it look more so. A logarithmic time axis tells them apart, because an exponential is straight there. So do the doublings: an exponential in F would *square* the factor from one doubling to the next; measured are 1.8, 2.2 and 3.5 times for numpy, growing and below 4, as a quadratic does.
#
# Caches: as long as what a step uses again and again fits into a cache, each operation costs the same. When it no longer fits, each operation waits for memory and the curve bends upwards, by a step or a factor and not exponentially. From 64 to 96 filters numpy's time grows more than its operations do, after the speed had risen up to there: that may be such a step. The rising GFLOP/s at the small end bend the curve the other way.

# %% [markdown] given="F-text"
# ---
# ## Part F. Speed-up and batches (6 points)
#
# ### F1. The crossover (2 points, 20 min)
#
# Which of two machines is faster often depends on the size. Write a function that finds the first size at which they take the same time. Between two measured sizes, interpolate linearly. Timings are drawn on logarithmic axes, so interpolate in the logarithms: with $d_i = \ln(a_i / b_i)$, the curves cross between
# the sizes $s_0$ and $s_1$ where $d_0$ and $d_1$ have different signs, at
#
# $$\ln s = \ln s_0 + (\ln s_1 - \ln s_0)\,\frac{d_0}{d_0 - d_1}$$
#
# (Interpolating on linear axes is right, too, with $d_i = a_i - b_i$ and $s$ instead of $\ln s$.) If the two are equal at a measured size, that is the crossover. If they don't cross between the first and the last size, return `None`: nothing has been measured beyond.


# %% exercise="F-crossover"
def crossover(sizes, a, b):
    """Increasing sizes and the seconds of two machines -> the first size at which both take equally long, or None."""
    ### BEGIN SOLUTION
    d = [np.log(p / q) for p, q in zip(a, b, strict=True)]
    for i in range(len(sizes)):
        if d[i] == 0:
            return float(sizes[i])
        if i + 1 < len(sizes) and d[i] * d[i + 1] < 0:
            share = d[i] / (d[i] - d[i + 1])
            return float(np.exp(np.log(sizes[i]) + share * np.log(sizes[i + 1] / sizes[i])))
    return None
    ### END SOLUTION


# %% test="F-crossover-check" points=2
check.cnn_runtime.crossover(crossover)
### BEGIN HIDDEN TESTS
check.cnn_runtime.crossover(crossover, seed=SEED)
### END HIDDEN TESTS

# %% [markdown]
# The report says that the GPU is "at least 20 times" faster. Faster than which program on the CPU? The next figure compares it with both of yours; the dashed line is the claim.

# %%
title = "How many times as fast? (the GPU's points are hollow where they are predicted)"
on_cpu = [name for name in FILTERS if name != "cuda"]
plots.show(plots.speed_up(as_points(rows), on_cpu, x="filters", title=title, claim=20, crossover=crossover))


# %%
def seconds_of(some_rows, name, key="filters"):
    """size -> seconds of one backend."""
    return {row[key]: row["seconds"] for row in some_rows if row["backend"] == name}


numpy_times, torch_times, gpu_times = (seconds_of(rows, name) for name in ("numpy", "torch", "cuda"))
sizes = sorted(numpy_times)
for one, a, other, b in (
    ("numpy", numpy_times, "torch", torch_times),
    ("numpy", numpy_times, "the GPU", gpu_times),
    ("torch", torch_times, "the GPU", gpu_times),
):
    if not (a and b):
        continue  # one of them is not here
    where = crossover(sizes, [a[s] for s in sizes], [b[s] for s in sizes])
    print(
        f"{one} and {other}:", "no crossover from 8 to 64 filters" if where is None else f"equal at {where:.1f} filters"
    )

# %% [markdown] given="F-batch-text"
# ### F2. Larger batches (2 points, 15 min)
#
# A small network does not fill a GPU. Each step launches some thirty kernels, and each launch takes a few microseconds, however little the kernel has to compute. The network is *launch-bound*. Two things help: more work per launch (a larger batch), or a single launch for the whole step (a *CUDA graph*, which records the
# step once and replays it). The first can be measured on a CPU, too.
#
# With 8 filters, the next cell measures `batch_rows` with your `measure_row`: a row for numpy and for torch and each batch size in `BATCHES`. Write `per_image`: from such rows and the name of a backend it returns a list of the seconds *per image*,
# one for each row of this backend, in the order of the rows.

# %% given="F-batch-measured"
BATCHES = (1, 4, 16, 64, 256)
batch_rows = []
for name in ON_CPU:
    for batch in BATCHES:
        batch_rows.append(measure_row(8, name, batch))


# %% exercise="F-batch"
def per_image(some_rows, name):
    """Rows and the name of a backend -> the seconds per image of its rows, in their order."""
    ### BEGIN SOLUTION
    return [row["seconds"] / row["batch"] for row in some_rows if row["backend"] == name]
    ### END SOLUTION


# %% test="F-batch-check" points=2
check.cnn_runtime.per_image(per_image)
check.cnn_runtime.batches(
    batch_rows, ON_CPU, BATCHES, parameters, step_flops, measure_row, filters=8, rounds=ROUNDS
)
### BEGIN HIDDEN TESTS
check.cnn_runtime.per_image(per_image, seed=SEED)
check.cnn_runtime.batches(
    batch_rows, ON_CPU, BATCHES, parameters, step_flops, measure_row, filters=8, rounds=ROUNDS, seed=SEED
)
### END HIDDEN TESTS

# %%
gpu_batches = [point for graph in (False, True) for batch in BATCHES for point in gpu_points((8,), batch, graph)]
if cuda_available():
    gpu_batches = study.measure([8], ["cuda", "cuda graph"], batch=BATCHES, rounds=5)
plots.show(plots.batch_sizes(as_points(batch_rows) + gpu_batches))

# %%
for graph in ("cuda", "cuda graph"):
    there = {point.batch: point.seconds for point in gpu_batches if point.backend == graph}
    here = seconds_of(batch_rows, "numpy", "batch")
    if here.keys() != set(BATCHES):
        continue  # the exercise above is still to do
    where = crossover(BATCHES, [here[b] for b in BATCHES], [there[b] for b in BATCHES])
    print(
        f"8 filters: numpy and {graph} take the same time for batches of",
        "no size measured" if where is None else f"{where:.1f} images",
    )

# %% [markdown]
# **What you should see.** The time per image falls with the batch, steeply at first: every step has a fixed cost (Python, kernel launches), which the images of a batch share. On a CPU the gain soon ends, because the work itself takes the time. On a GPU it goes on much longer.
#
# If one point lies higher than its neighbours, such as 256 images with numpy, measure again before you explain it: these rows are measured one after the other, and a machine that was busy for a moment lifts a single point. What stays has a reason. PyTorch keeps the outputs of all layers for the whole batch, so a large
# batch can exceed the cache; the course's numpy network processes a batch in parts of 64 images, so its memory hardly grows beyond that.
#
# And is the GPU's time linear in the parameters, as the report says? The same figure as in Part E, for the GPU:

# %%
on_gpu = [row for row in rows if row["backend"] == "cuda"]
plots.show(plots.runtime_scatter(as_points(on_gpu), "parameters", "The GPU's time against parameters", scale="linear"))

# %%
print("filters   parameters   ms per step   ns per parameter   ps per operation")
for row in on_gpu:
    print(
        f"{row['filters']:7} {row['parameters']:12,} {row['seconds'] * 1e3:13.2f} "
        f"{row['seconds'] / row['parameters'] * 1e9:18.1f}"
        f" {row['seconds'] / row['flops'] * 1e12:18.2f}"
    )

# %% [markdown] given="F-question"
# ### F3. Explain (2 points, 10 min)
#
# How does the speed-up of the GPU depend on the size of the network, and where is the crossover, in filters and in images per batch? Is "at least 20 times" right, and is the GPU's time linear in the parameters? Why is one image at a time so slow on a GPU, and what do a larger batch and a CUDA graph change? Are your GPU rows measured, recorded or predicted, and how much does your answer depend on it?
#
# === BEGIN MARK SCHEME ===
# * 2: the speed-up grows with the size (small networks are launch-bound, their time hardly depends on the filters); the crossover read off, or that there is none in the range, and one in the batch size; "20 times" depends on the program it is compared with and on the size; "linear in the parameters" is near the truth in this range and not the cause; a batch shares the launches among its images, a graph needs one launch; says what the GPU's rows are (measured, recorded or predicted) and what that means for the answer.
# * 1: growth and launches explained, or crossovers without a reason.
#
# A larger batch also changes training (fewer, smoother steps): no points needed, but welcome.
#
# === END MARK SCHEME ===

# %% [markdown] answer="F-answer" points=2
# The speed-up grows with the size: the GPU is 3.95 times as fast as numpy at 8 filters and 12.60 times at 64, and 16.49 and 24.87 times as fast as PyTorch on the CPU. At 8 filters it is launch-bound: some 34 kernels at 10 µs each take 0.34 ms, whether they have anything to compute or not, while a CPU's time falls with the work. So from 8 to 64 filters, at a
# batch of 64, there is no crossover: the GPU is ahead everywhere.
#
# "At least 20 times" is not a property of the GPU. It depends on the size of the network and on the program on the CPU: at 64 filters it is more than 20 against the slower of my two programs and less against the faster one, on one and the same core. "Linear in the parameters" describes the figure well, and not the cause: a parameter costs between 8.3 and 12.3 ns from
# 8 to 256 filters, so the points lie near a line. But at 8 filters the time goes into launches, and later it grows with the work: from 128 to 256 filters the cost per parameter rises from 10.2 to 11.8 ns while the cost per operation still falls, from 0.79 to 0.59 ps. The truth lies between the two, and a larger range would show it.
#
# There is a crossover in the batch size: with 8 filters, numpy is faster below about 5.0 images and the GPU above. One image takes 0.34 ms on the GPU, as long as 64 do, since the launches are the same; a batch shares them among its images. A CUDA graph needs one launch for the whole step. With it the GPU is ahead even for one image (112 against 251 µs), and at 256 images it no longer
# matters, because there the arithmetic takes the time. On the CPU a batch helps for the same reason, but the gain soon ends.
#
# All this stands on rows that are predicted by a model of a Titan X, with 10 µs per launch put in by hand. I trust the shape (flat, then rising with the work), not the figures: at 8 filters the model says 0.21 ms under its best assumptions and 0.68 ms under its worst, and the crossover moves with it. A measurement on a real card would settle it.

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
check.cnn_runtime.form(group, ready_to_present, parts="ABCDEF")

# %% [markdown] given="finish"
# ---
# ## Your points, and handing in
#
# The last cell adds up what your checks have given so far, and says what is left. To hand in, save (Ctrl+S), choose
# *Kernel → Restart Kernel and Run All Cells*, look, save again, and hand in this file, `cnn_runtime.ipynb`.

# %% given="summary"
check.summary()
