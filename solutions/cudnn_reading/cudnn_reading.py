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
# # Reading the cuDNN paper
#
# You read the paper that this course is named after, and you read it as a reviewer would: what does it contribute, what does it show, and what
# does it only claim? You rebuild its formulas, recompute its tables, and put its main claim to the test on your own machine.
#
# The paper: Chetlur, Woolley, Vandermersch, Cohen, Tran, Catanzaro, Shelhamer, *cuDNN: Efficient Primitives for Deep Learning*, 2014,
# [arXiv:1410.0759](https://arxiv.org/abs/1410.0759). Have it open beside this notebook. Sections, tables, figures
# and equations are cited by their numbers there.
#
# | part | what you do | points | time |
# |---|---|---|---|
# | | reading the paper once | | 60 min |
# | A | your review: contribution, insight, opinion, verdict | 6 | 90 min |
# | B | what the paper says, and what follows from it | 13 | 135 min |
# | C | then and now: the claim, measured on your machine | 5 | 45 min |
# | D | reviewing three reviews | 2 | 30 min |
# | | the form | | 5 min |
#
# **How to work.** Read the paper once from beginning to end. Then do Part B with the paper at hand, then C and D, and write Part A last: by then you will
# see more in it. (Part A comes first because it is the main exercise; the rest prepares for it.) Below each exercise a **check** tells you in words
# which misreading may be behind a wrong answer, and where in the paper to look again. Run it as often as you like. It can't tell, though, whether you have
# read or guessed, and trying all choices teaches nothing. Questions marked *by hand* are graded by a person.
#
# **How long it runs.** All of it takes less than a minute on a laptop, without a GPU and without a network.

# %% given="setup"
# %matplotlib inline
import textwrap
from math import ceil, floor

import numpy as np

from helpers import check, plots
from helpers.backend import no_torch, torch_or_none

torch = torch_or_none()
if torch is None:
    print(no_torch("Part C measures nothing, its functions are still checked, and grading measures with them"))

# Table 2: five layers, stride 1, no padding, square images (H = W) and filters (R = S), mini-batch N = 128
TABLE_2 = {
    "L1": {"C": 3, "H": 128, "K": 96, "R": 11},
    "L2": {"C": 96, "H": 64, "K": 128, "R": 9},
    "L3": {"C": 128, "H": 32, "K": 128, "R": 9},
    "L4": {"C": 128, "H": 16, "K": 128, "R": 7},
    "L5": {"C": 128, "H": 13, "K": 384, "R": 3},
}
# Table 3: TFLOP/s, and the printed percentage of peak
TABLE_3 = {
    "L1": {"K40": (0.99, 23), "GTX 980": (1.46, 30)},
    "L2": {"K40": (1.52, 35), "GTX 980": (2.49, 51)},
    "L3": {"K40": (1.51, 35), "GTX 980": (2.42, 49)},
    "L4": {"K40": (1.38, 32), "GTX 980": (2.19, 45)},
    "L5": {"K40": (1.01, 24), "GTX 980": (1.87, 38)},
}
PEAKS = {"K40": 4.29, "GTX 980": 4.95}  # TFLOP/s, as given in the text
# Table 4: plain Caffe, Caffe with cuDNN; 200 iterations
TABLE_4 = {
    "backward": (156270, 120651),
    "forward": (109310, 75330),
    "testing": (21600, 14529),
    "update": (2926, 2920),
    "overall": (290106, 213431),
}

# %% [markdown] given="A-text"
# ---
# ## Part A. The review (6 points, 90 min)
#
# Write four texts, in your own words, each within its limit. A good review says what *you* found in the paper, and where; it doesn't retell the abstract.
#
# | key | question | words |
# |---|---|---|
# | `primary_contribution` | What does the world have after this paper that it didn't have before? | 25–100 |
# | `key_insight` | Which idea makes it work, what does it avoid, and what does it cost? | 25–150 |
# | `opinion` | What convinces you and what doesn't, and what is left of it today? | 25–200 |
# | `verdict` | Accept or reject, as a reviewer in 2014: your two or three decisive reasons | 25–150 |
#
# *By hand, 5 points.* One point each for contribution, insight and verdict, two for the opinion and its relevance today. Any opinion and any verdict can earn
# full points; what counts is whether the paper supports it. (The texts are in a code cell so that the words can be counted for you.)
#
# === BEGIN MARK SCHEME ===
# * **contribution** (1): a library of low-level routines with an interface like that of BLAS, usable from any framework (section 2: no layers, the caller's buffers,
# any strides; section 4 as evidence), portable over GPU generations.
#   * 0.5: "a fast convolution" or "36% faster Caffe" alone.
#   * 0: "the first convolution on a GPU"
# (section 3 names cuda-convnet2 and others; what was missing is an analogous *library*), or the abstract retold.
#
# * **insight** (1): section 3: lowering turns convolution into a matrix product; the lowered matrix (up to R·S times the input) is formed lazily, tile by tile, in
# on-chip memory inside the product; the price is index arithmetic and a final transposition.
#   * 0.5: lowering without "never in memory", or without a price.
#   * 0: "use GPUs", "use a library".
#
# * **opinion** (2): one point for a judgement supported by at least two anchors: 1.36 is throughput, 26% of the time (Table 4), and the authors themselves confuse
# the two (section 4.1 says that the time improved by 36%); cuda-convnet2 is ahead at mini-batch 128 (Figure 2); no table for memory although the abstract
# and sections 4 and 5 claim it; FFT set aside by argument (section 3); at best 35% and 51% of peak (Table 3);
# the unit of Table 4; one network, one GPU, one early release. One point for relevance today with a reason (the interface and the implicit product are still how
# frameworks call libraries; the FFT and other algorithms joined; section 6). Half for relevance asserted only ("everybody uses it").
#
# * **verdict** (1): follows from the opinion and names decisive reasons with anchors.
#   * 0.5: reasons that don't decide, or section 4.1's "36% of the time" believed
# without a look at Table 4 (the paper says so: it is no misreading).
#   * 0: contradicts the student's own opinion, or rests on a misreading (36% fewer iterations,
# 36% of peak).
#
# Deduct nothing for language.
#
# === END MARK SCHEME ===

# %% answer="A-review" points=5
# Write between the quotes, over as many lines as you like. Then delete the line that raises NotImplementedError.
review = {
    "primary_contribution": """
""",
    "key_insight": """
""",
    "opinion": """
""",
    "verdict": """
""",
}
### BEGIN SOLUTION
review = {
    "primary_contribution": """
Frameworks get an interface to program against: a C library of convolution and a handful of other primitives that stands to networks as BLAS stands to
linear algebra (section 2). It takes the caller's own buffers in whatever layout the strides describe and keeps no layers of its own, so that Caffe could
adopt it by adding code only (section 4), and its maker can tune it again for each generation of GPUs.
""",
    "key_insight": """
Convolution by lowering is robust, because the shape of its matrix product depends only on products of the parameters; but the lowered matrix is up to R·S
times as large as the images, 11,907 MiB for L2 by my count. Section 3 has the way out: build that matrix piece by piece inside the multiplication, in on-chip
memory, just when a tile is needed. It is never written to main memory. The price is index arithmetic with divisions for every element, which is
made cheap by precomputed constants, and a transposition of the result at the end.
""",
    "opinion": """
Convincing: the method can be rebuilt from section 3, and Figure 2 shows what a library should have, a speed that hardly depends on the mini-batch. It also
shows honestly that cuda-convnet2 is ahead at 128. Less convincing: the 36% are throughput, for one network on one GPU; section 4.1 calls them time, where Table 4
(whose unit must be milliseconds) gives 26%. The abstract and sections 4 and 5 say that memory falls, and no table has a byte in it. The FFT is set aside by
argument only. And the best layer reaches half of the peak at most (Table 3). Today the interface has won: PyTorch hands its convolutions to libraries in just this manner, and the
implicit matrix product is still one of the standard algorithms, beside the FFT and others. On my CPU the library halves the time of a step, although against a
naive lowering. The table of absolute speeds is history; the division of labour between framework and library is not.
""",
    "verdict": """
Accept. Two reasons decide: the interface fills a real gap and is shown to fit into an existing framework, where nothing had to be removed (section 4), and the
idea of section 3 is simple, explained with its costs, and measured against two rivals over a range of mini-batches (Figure 2). I would ask the authors to
correct the unit of Table 4 and the sentence above it, and to add a table of memory use, or remove that claim.
""",
}
### END SOLUTION

# %%
for name, text in review.items():
    print(f"{name}\n{textwrap.fill(' '.join(text.split()), 100)}\n")

# %% [markdown] given="A-anchors-text"
# Now the verdict in one word, `"accept"` or `"reject"`, and for each text the places in the paper that support it, such as
# `["section 2", "table 1"]`: sections, tables, figures and equations by their numbers. The abstract alone is not enough, because it is the authors' own summary;
# name the places that you checked yourself. The check counts your words and verifies that the paper has these places. (1 point, 10 of the 90 min)

# %% exercise="A-anchors"
accept_or_reject = ""
anchors = {"primary_contribution": [], "key_insight": [], "opinion": [], "verdict": []}
### BEGIN SOLUTION
accept_or_reject = "accept"
anchors = {
    "primary_contribution": ["section 2", "section 4"],
    "key_insight": ["section 3"],
    "opinion": ["section 3", "figure 2", "table 3", "table 4"],
    "verdict": ["section 3", "section 4", "figure 2"],
}
### END SOLUTION

# %% test="A-anchors-check" points=1
check.cudnn_reading.review(review, accept_or_reject, anchors)

# %% [markdown] given="B-text"
# ---
# ## Part B. What the paper says (13 points, 135 min)
#
# ### B1. How large is the output? (2 points, 15 min)
#
# Equation (1) gives the number $P$ of output rows for $H$ rows of input, a filter of $R$ rows, stride $u$ and padding $pad$. Today's libraries document the same
# thing in another form:
#
# $$P_\text{today} = \left\lfloor \frac{H + 2\,pad - R}{u} \right\rfloor + 1$$
#
# Write both functions, equation (1) exactly as printed in section 2. Then compare them: collect in `cases` at least 100 different tuples `(size, window, stride, pad)`, with
# several strides and paddings, and only windows that fit into the padded image. In `differences` collect the cases for which your two functions differ.


# %% exercise="B-sizes"
def size_paper(size, window, stride, pad):
    """Equation (1) of the paper."""
    ### BEGIN SOLUTION
    return ceil((size - window + 1 + 2 * pad) / stride)
    ### END SOLUTION


def size_today(size, window, stride, pad):
    """The formula that libraries document today."""
    ### BEGIN SOLUTION
    return floor((size + 2 * pad - window) / stride) + 1
    ### END SOLUTION


# %% test="B-sizes-check" points=1
check.cudnn_reading.output_sizes(size_paper, size_today)
### BEGIN HIDDEN TESTS
check.cudnn_reading.output_sizes(size_paper, size_today, seed=SEED)
### END HIDDEN TESTS

# %% exercise="B-agree"
cases = None
differences = None
### BEGIN SOLUTION
cases = [
    (size, window, stride, pad)
    for size in range(1, 12)
    for window in range(1, 6)
    for stride in range(1, 5)
    for pad in range(3)
    if window <= size + 2 * pad
]
differences = [case for case in cases if size_paper(*case) != size_today(*case)]
### END SOLUTION

# %% test="B-agree-check" points=1
check.cudnn_reading.formulas_agree(cases, differences)

# %% [markdown] given="B-agree-why"
# **What you should see, and why.** No difference at all. Write $a = H + 2\,pad - R$, a whole number. Dividing $a + 1$ by $u$ and rounding up is the same as dividing $a$ by $u$, rounding
# down and adding 1: both are constant between two multiples of $u$, and both increase by 1 at $a = ku$. Two formulas that look different are one.
#
# ### B2. What it costs (2 points, 15 min)
#
# Write three functions of the sizes:
#
# * `forward_flops`: floating-point operations of the forward pass by equation (3); a multiplication and an addition count as two;
# * `lowered_shapes`: the shapes of $F_m$, $D_m$ and $O_m = F_m \cdot D_m$ in section 3, in this order, each as (rows, columns);
# * `intensity`: the arithmetic intensity, FLOPs per byte, of an algorithm that reads $D$ and $F$ once and writes $O$ once, in float32.


# %% exercise="B-cost"
def forward_flops(N, K, C, R, S, P, Q):
    ### BEGIN SOLUTION
    return 2 * N * K * C * R * S * P * Q
    ### END SOLUTION


def lowered_shapes(N, K, C, R, S, P, Q):
    """((rows, columns) of F_m, of D_m, of O_m)"""
    ### BEGIN SOLUTION
    return (K, C * R * S), (C * R * S, N * P * Q), (K, N * P * Q)
    ### END SOLUTION


def intensity(N, C, H, W, K, R, S, P, Q):
    """FLOPs per byte"""
    ### BEGIN SOLUTION
    numbers = N * C * H * W + K * C * R * S + N * K * P * Q
    return forward_flops(N, K, C, R, S, P, Q) / (4 * numbers)
    ### END SOLUTION


# %% test="B-cost-flops" points=1
check.cudnn_reading.lowering_cost(forward_flops, lowered_shapes)
### BEGIN HIDDEN TESTS
check.cudnn_reading.lowering_cost(forward_flops, lowered_shapes, seed=SEED)
### END HIDDEN TESTS

# %% test="B-cost-intensity" points=1
check.cudnn_reading.arithmetic_intensity(intensity)
### BEGIN HIDDEN TESTS
check.cudnn_reading.arithmetic_intensity(intensity, seed=SEED)
### END HIDDEN TESTS

# %%
print("layer   GFLOP  images MiB  lowered MiB   FLOPs per byte")
for name, z in TABLE_2.items():
    N, C, H, K, R = 128, z["C"], z["H"], z["K"], z["R"]
    P = size_today(H, R, 1, 0)
    rows, columns = lowered_shapes(N, K, C, R, R, P, P)[1]
    gigaflops, images, lowered = forward_flops(N, K, C, R, R, P, P) / 1e9, 4 * N * C * H * H, 4 * rows * columns
    print(
        f"{name} {gigaflops:10.1f} {images / 2**20:11.0f} {lowered / 2**20:12.0f} "
        f"{float(intensity(N, C, H, H, K, R, R, P, P)):16.0f}"
    )

# %% [markdown] given="B-cost-why"
# **What you should see, and why.** Lowering turns L2's 192 MiB into 11,907 MiB, 62 times as much. And every layer does more than
# 170 operations for each byte that must move, while 15 are enough to keep a K40 busy (4.29 TFLOP/s, 288 GB/s): as long as the numbers stay on chip while they are needed, all five layers are compute-bound, not memory-bound. The paper's
# method exploits that.
#
# ### B3. The lowered matrices (1 point, 20 min)
#
# Rebuild the lowering of Figure 1 for arrays of any size, with stride 1 and without padding. `lower_filters(F)` turns filters $(K, C, R, S)$ into $F_m$; `lower_images(D, R, S)` turns images
# $(N, C, H, W)$ into $D_m$, one column per position of the window, in the order $n, p, q$. Their product should be the **cross-correlation**, which is what today's
# libraries compute: the filters are not flipped. Here are some arrays with the sizes of Figure 1 to try it on:

# %% given="B-lower-example"
D = np.array([[[[1, 0, 4], [2, 7, 1], [0, 3, 5]],
               [[6, 1, 0], [0, 2, 8], [3, 1, 1]],
               [[2, 2, 9], [5, 0, 1], [1, 6, 0]]]], dtype=float)  # fmt: skip
F = np.array([[[[1, 2], [0, 1]], [[3, 0], [1, 1]], [[0, 1], [2, 0]]],
              [[[2, 0], [1, 1]], [[0, 1], [0, 4]], [[1, 1], [1, 0]]]], dtype=float)  # fmt: skip
print("D", D.shape, " F", F.shape)


# %% exercise="B-lower"
def lower_filters(F):
    """(K, C, R, S) -> F_m"""
    ### BEGIN SOLUTION
    return F.reshape(F.shape[0], -1)
    ### END SOLUTION


def lower_images(D, R, S):
    """(N, C, H, W) -> D_m"""
    ### BEGIN SOLUTION
    N, _, H, W = D.shape
    columns = [
        D[n, :, p : p + R, q : q + S].reshape(-1) for n in range(N) for p in range(H - R + 1) for q in range(W - S + 1)
    ]
    return np.stack(columns, axis=1)
    ### END SOLUTION


# %% test="B-lower-check" points=1
check.cudnn_reading.lowered(lower_filters, lower_images)
### BEGIN HIDDEN TESTS
check.cudnn_reading.lowered(lower_filters, lower_images, seed=SEED)
### END HIDDEN TESTS

# %%
F_m, D_m = np.asarray(lower_filters(F)), np.asarray(lower_images(D, 2, 2))
print("F_m", F_m.shape, "times D_m", D_m.shape, "is\n", F_m @ D_m)
print("The 27 numbers of D became", D_m.size, "in D_m.")

# %% [markdown] given="B-index-text"
# **What you should see, and why.** 27 numbers become 48: the centre of a 3×3 image is covered by all four positions of a 2×2 window and is copied four times, a corner only once. In a large image nearly every element is copied
# $R \cdot S$ times.
#
# ### B4. Convolution or cross-correlation? (1 point, 15 min)
#
# Equation (2) says which row of the image meets row $r$ of the filter for output row $p$. Write it as `g_paper`. (The image is padded with zeros; a negative row
# is in the padding.) In `g_correlation` write the same for cross-correlation. And `flip` takes filters $(K, C, R, S)$ and returns flipped ones, with which one
# operation gives what the other gives with the original filters.


# %% exercise="B-index"
def g_paper(p, u, R, r, pad):
    """Equation (2)."""
    ### BEGIN SOLUTION
    return p * u + R - r - 1 - pad
    ### END SOLUTION


def g_correlation(p, u, R, r, pad):
    """The same for cross-correlation."""
    ### BEGIN SOLUTION
    return p * u + r - pad
    ### END SOLUTION


def flip(F):
    """Filters (K, C, R, S) that make one operation out of the other."""
    ### BEGIN SOLUTION
    return F[:, :, ::-1, ::-1]
    ### END SOLUTION


# %% test="B-index-check" points=1
check.cudnn_reading.index_functions(g_paper, g_correlation, flip)
### BEGIN HIDDEN TESTS
check.cudnn_reading.index_functions(g_paper, g_correlation, flip, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="B-index-why"
# **Why it rarely matters.** Filters are learned. A network trained with one operation learns the flipped filters of the other; loss and accuracy are the same. It matters only when weights move
# from one framework to another.
#
# ### B5. Checking the tables (2 points, 20 min)
#
# **Table 3.** `TABLE_3[layer][device]` holds the TFLOP/s and the printed percentage of peak, `PEAKS[device]` the peak given in the text.
#
# * `percentages[layer][device]`: the percentage of peak, computed by you, not rounded;
# * `disagree`: a list of the cells, such as `[("L1", "K40")]`, whose printed percentage can't be right with that peak. Be fair: a printed 1.46 may be any number from 1.455 to 1.465, so
#   list a percentage only if no such number rounds to it;
# * `explaining_peak`: a peak of the GTX 980, in TFLOP/s, with which its whole column would be right.

# %% exercise="B-table3"
percentages = None
disagree = None
explaining_peak = None
### BEGIN SOLUTION
percentages = {
    layer: {device: 100 * speed / PEAKS[device] for device, (speed, _) in row.items()} for layer, row in TABLE_3.items()
}


def can_be_right(speed, printed, peak):
    return 100 * (speed - 0.005) / peak <= printed + 0.5 and 100 * (speed + 0.005) / peak >= printed - 0.5


disagree = [
    (layer, device)
    for layer, row in TABLE_3.items()
    for device, (speed, printed) in row.items()
    if not can_be_right(speed, printed, PEAKS[device])
]
explaining_peak = 4.9
### END SOLUTION

# %% test="B-table3-check" points=1
check.cudnn_reading.table_3(percentages, disagree, explaining_peak, table=TABLE_3, peaks=PEAKS)

# %% [markdown] given="B-table4-text"
# **Table 4.** Its column heads give a unit; what was run is described in section 4.1. `TABLE_4["overall"][0]` is the time of plain Caffe for 200 iterations.
#
# * `minutes_if_seconds`: how many minutes *one* iteration would have taken if the table were in seconds;
# * `table_4_unit`: the unit that fits, as a word.

# %% exercise="B-table4"
minutes_if_seconds = None
table_4_unit = None
### BEGIN SOLUTION
minutes_if_seconds = TABLE_4["overall"][0] / 200 / 60
table_4_unit = "milliseconds"
### END SOLUTION

# %% test="B-table4-check" points=1
check.cudnn_reading.table_4_unit(minutes_if_seconds, table_4_unit, overall=TABLE_4["overall"][0])

# %% [markdown] given="B-36-text"
# **What you should see, and why.** Tables are typed by people, so a careful reader recomputes what can be recomputed. Here the conclusions stand, because a speed-up doesn't depend on the unit. Next time they may not.
#
# ### B6. What 36% is, and what it is not (2 points, 20 min)
#
# Write two functions of the time before and the time after: the speed-up, a factor, and the fraction of the time that is saved (0.1 for 10%, negative where time is lost). The check runs them on the rows of Table 4.


# %% exercise="B-36"
def speedup(before, after):
    ### BEGIN SOLUTION
    return before / after
    ### END SOLUTION


def time_saved(before, after):
    ### BEGIN SOLUTION
    return (before - after) / before
    ### END SOLUTION


# %% test="B-36-functions" points=1
check.cudnn_reading.speedup_and_saving(speedup, time_saved, table=TABLE_4)
### BEGIN HIDDEN TESTS
check.cudnn_reading.speedup_and_saving(speedup, time_saved, table=TABLE_4, seed=SEED)
### END HIDDEN TESTS

# %%
for row, (before, after) in TABLE_4.items():
    print(f"{row:>9}: speed-up {float(speedup(before, after)):.2f}, time saved {float(time_saved(before, after)):.1%}")

# %% [markdown] given="B-36-question"
# The abstract says that the performance of Caffe improves by 36%; section 4.1 words the same number differently. Which of these statements does Table 4 itself support, read with the description of the run in section 4.1 and your two functions? Collect their letters in the set `about_36_percent`, such as `{"a", "b"}`.
#
# * **a.** The run takes 36% less time.
# * **b.** In the same time, 36% more iterations get done.
# * **c.** The run takes about 26% less time.
# * **d.** The convolutions have become 36% faster.
# * **e.** The network needs 36% fewer iterations to be trained.
# * **f.** The number belongs to one network on one GPU, with one early release of the library.
# * **g.** Forward and backward pass gain by the same factor.
# * **h.** The library reaches 36% of the K40's peak.
# * **i.** The update of the parameters gains practically nothing.

# %% exercise="B-about36"
about_36_percent = None
### BEGIN SOLUTION
about_36_percent = {"b", "c", "f", "i"}
### END SOLUTION

# %% test="B-about36-check" points=1
check.cudnn_reading.about_36_percent(about_36_percent)

# %% [markdown] given="B-36-why"
# **The authors' own slip.** Section 4.1 says that the *time* for 200 iterations improved by 36%. Whoever quotes it has read carefully, and still it is wrong: by the paper's own Table 4 the time falls by 26%, and 36% is what the
# *throughput* gains. Even the authors confuse the two. So quote a speed-up as a factor, old time over new, and say what was timed: 1.36 can't be misread.

# %% [markdown] given="B-library-text"
# ### B7. A library, and its choice of algorithm (2 points, 15 min)
#
# The paper compares its library with BLAS. Which of these statements about the library does it support? (Sections 2 to 4.) Collect their letters in `blas_like`, as before.
#
# * **a.** It offers low-level operations; layers and networks stay with the framework.
# * **b.** It can replace BLAS, since it multiplies matrices.
# * **c.** It works on memory that the calling program owns.
# * **d.** The caller has to convert its data to the library's own layout first.
# * **e.** One call computes a layer's gradients and updates its parameters.
# * **f.** A framework can adopt it without being rewritten.
# * **g.** Before it, nobody had implemented convolutions on GPUs.

# %% exercise="B-blas"
blas_like = None
### BEGIN SOLUTION
blas_like = {"a", "c", "f"}
### END SOLUTION

# %% test="B-blas-check" points=1
check.cudnn_reading.blas_like(blas_like)

# %% [markdown] given="B-algorithm-text"
# Now choose one approach for each case in `algorithm_for`, by the arguments of section 3 and by Figure 2. The approaches are
#
# * `"direct"`: equation (3) computed directly, as in cuda-convnet2;
# * `"fft"`: through the Fourier transform;
# * `"explicit"`: lowering, with the lowered matrix in memory, as in Caffe;
# * `"tiled"`: cuDNN's own way, where the lowered matrix is formed on chip, tile by tile.

# %% exercise="B-algorithm"
algorithm_for = {
    "fastest at mini-batch 128": "",
    "fastest at mini-batch 16": "",
    "least arithmetic for large filters": "",
    "worst choice for strides above 1": "",
    "only a fast matrix product, and memory to spare": "",
    "matrix product speed without a lowered matrix in memory": "",
}
### BEGIN SOLUTION
algorithm_for = {
    "fastest at mini-batch 128": "direct",
    "fastest at mini-batch 16": "tiled",
    "least arithmetic for large filters": "fft",
    "worst choice for strides above 1": "fft",
    "only a fast matrix product, and memory to spare": "explicit",
    "matrix product speed without a lowered matrix in memory": "tiled",
}
### END SOLUTION

# %% test="B-algorithm-check" points=1
check.cudnn_reading.algorithm_for(algorithm_for)

# %% [markdown] given="B-claims-text"
# **Why one algorithm was enough, for a while.** The paper does not claim to be the fastest everywhere; it claims to be good everywhere. Half a year later an FFT library led the public benchmark that such layers come from. Today's
# libraries keep several algorithms and choose among them.
#
# ### B8. Measured, argued or stated? (1 point, 15 min)
#
# A claim can be **measured** (a table or figure shows it), **argued** (reasons are given, but no numbers), or only **stated**. For each claim give the kind and the place that shows it:
# a section, a table, a figure or the abstract, such as `("measured", "table 1")`. A claim may stand in several places, and several kinds may seem to fit: take the strongest kind that you can point to.

# %% exercise="B-claims"
claims = {
    "training in Caffe is faster": ("", ""),
    "memory consumption falls": ("", ""),
    "the FFT does not suit a general library": ("", ""),
    "speed holds up at small mini-batches": ("", ""),
    "it runs well on two generations of GPUs": ("", ""),
    "explicit lowering needs much memory and traffic": ("", ""),
    "the gap to plain matrix multiplication can be closed": ("", ""),
}
### BEGIN SOLUTION
claims = {
    "training in Caffe is faster": ("measured", "table 4"),
    "memory consumption falls": ("stated", "abstract"),
    "the FFT does not suit a general library": ("argued", "section 3"),
    "speed holds up at small mini-batches": ("measured", "figure 2"),
    "it runs well on two generations of GPUs": ("measured", "table 3"),
    "explicit lowering needs much memory and traffic": ("argued", "section 3"),
    "the gap to plain matrix multiplication can be closed": ("stated", "section 6"),
}
### END SOLUTION

# %% test="B-claims-check" points=1
check.cudnn_reading.claims(claims)

# %% [markdown] given="C-text"
# ---
# ## Part C. Then and now (5 points, 45 min)
#
# Table 4 compares a framework that lowers explicitly, image by image, with the same framework on an optimised library. You ask the same question today, on your machine, for a training step of a small CNN in PyTorch: two convolutions
# with 16 and 32 filters of 3×3, ReLU and pooling after each, a dense layer, 64 images of 28×28. The question is the same, the experiment is not; C4 asks you what that means for the answer.
#
# ### C1. Measure (1 point, 20 min)
#
# `TrainingStep(algorithm, device=device)` has the methods `forward()`, `backward()`, `update()` and `step()`, which does all three. `algorithm` is `"lowering by image"` (what Caffe did), or `"library"`. Everything but the
# convolutions is the same code. `same_results(one, other)` raises an error if two steps don't compute the same: a fast wrong result is no gain.
# The cell below your function makes these steps, compares them and passes their methods to it.
#
# `measure(candidates, rounds=…, warmup=…, synchronise=…)` takes a dictionary, name → function, times all of them **interleaved**, one after the other in each round, and returns name → `Timing`, with `.seconds`, one per round, and `.median`. Interleaving matters: if the
# machine slows down for a second, it slows down both sides, not one. `synchronise` makes a GPU finish before the clock is read. Both sides run on one thread.
#
# Write `step_times(functions, rounds, synchronise)`. `functions[algorithm][part]` is a function without arguments; return `times[algorithm][part]`, a `Timing` of `rounds` rounds for each of them. All eight come from one call of `measure`, to which
# you pass `synchronise`. The check calls it with functions whose run time only the check knows, so a made-up record earns nothing. Before you run it: do you expect more or less than 1.36?

# %% given="C-setup"
from helpers.backend import cuda_available
from helpers.study.training_step import TrainingStep, same_results
from helpers.threads import limit_threads
from helpers.timing import measure

limit_threads(1)
PARTS = ("forward", "backward", "update", "step")
devices = ["cpu", "cuda"] if cuda_available() else ["cpu"] if torch else []
missing = "" if cuda_available() else " There is no GPU, so there is no row for it."
print(f"Devices here: {', '.join(devices)}.{missing}" if torch else no_torch("there is nothing to measure"))


# %% exercise="C-measure"
def step_times(functions, rounds, synchronise):
    """algorithm -> part -> Timing, of functions[algorithm][part]"""
    ### BEGIN SOLUTION
    candidates = {(name, part): function for name, parts in functions.items() for part, function in parts.items()}
    times = measure(candidates, rounds=rounds, warmup=3, synchronise=synchronise)
    return {name: {part: times[name, part] for part in parts} for name, parts in functions.items()}
    ### END SOLUTION


# %% given="C-measure-records"
records = {}
for device in devices:
    steps = {name: TrainingStep(name, device=device) for name in ("lowering by image", "library")}
    same_results(*steps.values())
    functions = {name: {part: getattr(step, part) for part in PARTS} for name, step in steps.items()}
    records[device] = step_times(functions, 41, steps["library"].synchronise)

# %% test="C-measure-check" points=1
check.cudnn_reading.step_times(step_times)
check.cudnn_reading.training_step(records, devices, threads=torch.get_num_threads() if torch else None)
### BEGIN HIDDEN TESTS
check.cudnn_reading.step_times(step_times, rounds=3, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="C-gains-text"
# ### C2. The gain (1 point, 5 min)
#
# Write `step_gains(times)` for one device's `times[algorithm][part]`: it returns a dictionary with the speed-up of each part and of the whole step, the median old time (lowering by image) over the median new time (library).
# `Timing` has `.median`.


# %% exercise="C-gains"
def step_gains(times):
    """part -> speed-up, of algorithm -> part -> Timing"""
    ### BEGIN SOLUTION
    old, new = times["lowering by image"], times["library"]
    return {part: old[part].median / new[part].median for part in PARTS}
    ### END SOLUTION


# %% given="C-gains-table"
gains = {device: step_gains(times) for device, times in records.items()}

# %% test="C-gains-check" points=1
check.cudnn_reading.step_gains(step_gains)
### BEGIN HIDDEN TESTS
check.cudnn_reading.step_gains(step_gains, seed=SEED)
### END HIDDEN TESTS

# %%
for device in devices:
    for part in PARTS:
        old, new = records[device]["lowering by image"][part], records[device]["library"][part]
        low, high = new.spread["q1"], new.spread["q3"]
        print(
            f"{device} {part:>8}: lowering {1e3 * old.median:7.3f} ms, library {1e3 * new.median:7.3f} ms "
            f"(quartiles {1e3 * low:.3f}, {1e3 * high:.3f}), speed-up {gains[device][part]:.2f}"
        )
if records:
    plots.show(plots.then_and_now(TABLE_4, records))
else:
    print(no_torch("there is nothing to draw"))

# %% [markdown]
# A fair question: how much of the gain comes from removing the loop over the images, and how much from a better algorithm? `"lowering"` lowers the whole mini-batch at once, which needs no loop but a larger matrix in memory.

# %%
if not devices:
    print(no_torch("there is no loop over images to compare with"))
for device in devices:
    steps = {name: TrainingStep(name, device=device) for name in ("lowering by image", "lowering", "library")}
    same_results(steps["lowering"], steps["library"])
    synchronise = steps["library"].synchronise
    three = measure({name: step.step for name, step in steps.items()}, rounds=31, warmup=3, synchronise=synchronise)
    for name in ("lowering by image", "lowering"):
        print(f"{device}: {name:<17} {three[name].median / three['library'].median:.2f} times as long as the library")

# %% [markdown] given="C-amdahl-text"
# **What you should see, and why.** On a CPU the step becomes between one and a half and three times as fast. Forward and backward gain differently, because the library has a separate algorithm for each. The update contains no convolution; both sides run the same
# code, in a few hundredths of a millisecond, and its ratio is measurement noise. The lines in the figure are interquartile ranges: trust a difference only if it is larger than they are. (A grey mark: more than one round in twenty says the opposite.)
#
# ### C3. From the parts to the whole (1 point, 10 min)
#
# Let part $i$ of a program take the time $t_i$ and become $s_i$ times as fast. What is the speed-up of the whole? Write it for two dictionaries with the same keys, in any order: part → old seconds and part → speed-up. (This is Amdahl's law; try it on Table 4.)


# %% exercise="C-amdahl"
def predicted_speedup(seconds, speedups):
    """Speed-up of the whole program, from its parts."""
    ### BEGIN SOLUTION
    return sum(seconds.values()) / sum(seconds[part] / speedups[part] for part in seconds)
    ### END SOLUTION


# %% test="C-amdahl-check" points=1
check.cudnn_reading.amdahl(
    predicted_speedup, table={part: times for part, times in TABLE_4.items() if part != "overall"}
)
### BEGIN HIDDEN TESTS
check.cudnn_reading.amdahl(predicted_speedup, table={}, seed=SEED)
### END HIDDEN TESTS

# %%
if not devices:
    print(no_torch("there is no measured step to predict"))
for device in devices:
    old = {part: records[device]["lowering by image"][part].median for part in PARTS[:3]}
    predicted = predicted_speedup(old, {part: gains[device][part] for part in PARTS[:3]})
    share = old["update"] / sum(old.values())
    print(
        f"{device}: predicted from the parts {float(predicted):.2f}, measured {gains[device]['step']:.2f}; "
        f"the update is {share:.2%} of the old step"
    )

# %% [markdown] given="C-explain-text"
# **What you should see, and why.** Prediction and measurement agree about as well as two measurements do: times add up, speed-ups don't. (If they don't agree at all, the machine was busy with something else; measure again.) A part that takes a thousandth of the time can't change the whole, however fast it becomes.
#
# ### C4. Explain (2 points, 10 min, by hand)
#
# Compare your gains with the paper's, part by part. Why is the whole nearer to some parts than to others? Name at least two reasons why your number and 1.36 are not the same quantity, and say what your own measurement does not show. (100 to 200 words.)
#
# === BEGIN MARK SCHEME ===
# * 2: own numbers beside Table 4's; the whole is dominated by forward and backward because these take nearly all of the time, and the update, which uses no convolution, gains nothing but has almost no weight (Amdahl); two real differences
# (CPU and one thread against a K40; another network; only part of the step is convolution; testing is not measured; lowering written in PyTorch against Caffe's; the library of today against R1); a limit of the student's own measurement (one shape,
# one machine, spread; the update's ratio is noise at microseconds).
# * 1: a comparison with numbers and one reason, or reasons without numbers.
# * 0: "mine is faster because computers are faster today": both sides ran on the same machine.
#
# === END MARK SCHEME ===

# %% [markdown] answer="C-explain" points=2
# My whole step is 1.95 times as fast, the paper's run 1.36 times. Here the backward pass gains most (2.47) and the forward pass 1.42; in Table 4 it is the other way round, forward 1.45 and backward 1.30. In both, the whole
# lies between forward and backward, because these two take nearly all of the time; the update has no convolution in it, and whatever its ratio is can't be seen in the whole. Its own ratio, 0.67, says nothing about the library: both sides run the same code for hundredths of a millisecond, and what lay in the cache before decides. The two numbers are
# not the same quantity: mine is one thread of a CPU with two small convolutions, the paper's a K40 with a large network, and it includes testing; and my "then" is lowering written in PyTorch, not Caffe's. (The loop over
# the images is not what I measured: against lowering of the whole mini-batch at once the factor is nearly the same, 1.85.) Other runs on this machine give somewhat different factors. What I have not shown: other shapes, larger
# batches, more threads. It does show that one factor for "convolution" does not exist.

# %% [markdown] given="D-text"
# ---
# ## Part D. Reviewing reviews (2 points, 30 min)
#
# Three short reviews of the paper, written for this course. Mark them with this rubric, with 0, 1, 2 or 3 points for each criterion:
#
# | criterion | 3 | 2 | 1 | 0 |
# |---|---|---|---|---|
# | contribution | says what is new, and for whom, with a place in the paper | right, without a place | vague | wrong or missing |
# | insight | the idea of section 3 and its price | the idea alone | something near it | wrong or missing |
# | evidence | figures and tables read rightly, and their limits seen | read rightly | in part misread | misread, or only believed |
# | judgement | the verdict follows from evidence, for and against | it follows | one-sided or unfounded | contradicts the paper |
#
# **Review 1.** This paper gives framework authors a set of GPU routines for convolution and its relatives, at the level of BLAS: the caller keeps the data, the layers and the training loop (section 2). I take that interface to be the contribution, more than any single speed. The
# technical idea is in section 3: a convolution is computed as one matrix product whose lowered operand is never written to memory but formed on the chip, tile by tile; the price is index arithmetic and a transposition. The evidence is decent where there is any. Figure 2 shows that
# the speed depends little on the mini-batch, and also that cuda-convnet2 is ahead at 128, which speaks for the authors' honesty. Table 4 gives a throughput of 1.36 for one network on one GPU, so about a quarter less time; its column heads say seconds, but three days for 200 iterations are
# hard to believe. What I miss is any number for the memory that is said to be saved, and a measurement of the FFT. Half of the peak is left unused even in the best case of Table 3. I recommend to accept: the gap that it fills is real, the method can be rebuilt from the text, and what is missing
# would fit into two more tables.
#
# **Review 2.** Training deep networks takes very much computing time, and it is hard work to write fast programs for it. With each new processor they have to be written again. This paper solves the problem with cuDNN, a library by NVIDIA which is like BLAS, but for deep learning. It has
# optimised routines for GPUs, and it is easy to put into the frameworks that people already use. The authors have put it into Caffe, which is a popular framework, and there the performance gets 36% better, which means that 36% fewer training iterations are needed until the network is ready. It
# also needs less memory, as the paper shows. The key insight is that deep learning should have a library of its own, because before this paper there was no implementation of convolutions for GPUs, and everybody had to program without help. The library has convolutions, pooling, softmax and several
# activation functions, forward and backward. In my opinion the paper is very relevant, since deep learning has become more and more important in recent years and nearly everybody uses cuDNN today. It is well written and has good figures and tables. The authors are from well-known companies. I would therefore accept the
# paper.
#
# **Review 3.** I recommend to reject. There is no new idea in this paper. It copies all image patches into one large matrix in the memory of the GPU and then calls a matrix product, which Caffe has done for years. This takes up to R·S times the memory, so the claim to save memory is plainly false. The
# results are no better. A library from the maker of the hardware should come near the peak; this one stays at 36% of it, as the abstract itself admits. In Figure 2 it is beaten by cuda-convnet2, so anybody can see that the work of a single programmer is the better library, and at small mini-batches, where
# nobody looks, its own curve falls to almost nothing. The FFT would be faster everywhere, whatever the filter and the stride, and the authors hide that. Equation (3) is wrong as well, because it turns the filter around, which no neural network does. The comparison with BLAS is marketing: a BLAS
# multiplies matrices, and this library can't. Finally, all numbers are for chips of one company. History will forget this paper. A serious reviewer can only conclude that much effort went into a wrapper around gemm.
#
# ### D1. Your marks (1 point, 15 min)
#
# Fill in `marks`. Here the check only verifies that no mark is missing. You learn how close they are to an instructor's when your work is graded: each mark may differ by one, a review that is far better than another has to score higher, and
# the same mark for all criteria is not accepted where a review does some things well and others badly. (So decide; trial and error won't help.)
#
# === BEGIN MARK SCHEME ===
# Graded by the hidden test of the cell below, which holds the instructor's marks and, for each, what a grader finds in the text. Change them there, and nowhere else: they are in no file that students have. A student's mark may differ by one; feedback names
# the review, the criterion and what was overlooked, and not the mark. Discuss in class where the group disagrees with you: the marks are one grader's, and the rubric is what they must follow from.
# === END MARK SCHEME ===

# %% exercise="D-marks"
marks = {
    1: {"contribution": None, "insight": None, "evidence": None, "judgement": None},
    2: {"contribution": None, "insight": None, "evidence": None, "judgement": None},
    3: {"contribution": None, "insight": None, "evidence": None, "judgement": None},
}
### BEGIN SOLUTION
marks = {
    1: {"contribution": 3, "insight": 3, "evidence": 3, "judgement": 3},
    2: {"contribution": 2, "insight": 0, "evidence": 0, "judgement": 1},
    3: {"contribution": 0, "insight": 0, "evidence": 1, "judgement": 0},
}
### END SOLUTION

# %% test="D-marks-check" points=1
RUBRIC = {"contribution": 3, "insight": 3, "evidence": 3, "judgement": 3}
check.cudnn_reading.sample_marks(marks, criteria=RUBRIC)
### BEGIN HIDDEN TESTS
INSTRUCTOR = {
    1: {
        "contribution": (3, "It names the interface and for whom it is, and section 2 bears it out."),
        "insight": (3, "It has the idea of section 3, the operand formed tile by tile, and both of its prices."),
        "evidence": (3, "Figure 2, Table 3 and Table 4 are read rightly, the odd unit is noticed, and so is the missing number for memory."),
        "judgement": (3, "The verdict weighs what is shown against what is missing."),
    },
    2: {
        "contribution": (2, "A library in the manner of BLAS for existing frameworks is right, if taken from the abstract: no place is given, and who gains by it stays open."),
        "insight": (0, "That a library is useful is no insight into how it works: section 3 does not occur. And implementations did exist; the paper compares itself with cuda-convnet2 and Caffe's."),
        "evidence": (0, "36% are taken for iterations, where Table 4 has 200 on both sides; and no table or figure shows that less memory is needed."),
        "judgement": (1, "The verdict rests on the topic's importance, the style and the authors' employers, and on nothing that the paper shows."),
    },
    3: {
        "contribution": (0, "A wrapper around gemm is what section 3 explains that the library is not, and the interface of section 2 is not seen."),
        "insight": (0, "The lowered matrix in memory is explicit lowering, which section 3 sets aside; what it does instead is the opposite."),
        "evidence": (1, "That cuda-convnet2 is ahead in Figure 2 is true at mini-batch 128 only; 36% is no share of the peak (Table 4, not Table 3), and at small mini-batches cuDNN's curve is the highest."),
        "judgement": (0, "The verdict is sure of itself and contradicts the paper: section 3 gives the FFT's weakness at strides, and flipping the filter is what convolution means."),
    },
}
check.cudnn_reading.sample_marks(marks, criteria=RUBRIC, instructor=INSTRUCTOR)
### END HIDDEN TESTS

# %% [markdown] given="D-reflect-text"
# ### D2. What makes a review good? (1 point, 15 min, by hand)
#
# Reviews 2 and 3 come to opposite verdicts and have something in common. What is it? And name one sentence of your own review that you changed, or would change, after this part. (At most 120 words.)
#
# === BEGIN MARK SCHEME ===
# * 1: neither verdict rests on what the paper shows: both misread the 36% (iterations; share of the peak), neither has the idea of section 3 or gives a place that bears out the claim; and a concrete sentence of the student's own review with what is wrong with it.
# * 0.5: only one of the two.
# * 0: "both are bad".
#
# === END MARK SCHEME ===

# %% [markdown] answer="D-reflect" points=1
# Both decide before they have looked. One believes the summary, the other believes nothing, and each misreads the very same number, 36%: as iterations, and as a share of the peak. Neither has understood section 3, so
# neither can say what the paper is good for. In my own review I had written that cuDNN "saves a third of the training time"; Table 4 says a quarter, and only for one network.

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
ready_to_present = ["A", "B", "C", "D"]
### END SOLUTION

# %% test="form-check" points=0
check.cudnn_reading.form(group, ready_to_present, parts="ABCD")

# %% [markdown] given="finish"
# ---
# ## Your points, and handing in
#
# The last cell adds up what your checks have given so far, and says what is left. To hand in, save (Ctrl+S), choose
# *Kernel → Restart Kernel and Run All Cells*, look, save again, and hand in this file, `cudnn_reading.ipynb`.

# %% given="summary"
check.summary()
