"""Right solutions that differ from the model solution, by what is different about them."""

from __future__ import annotations

from .right_forms import FORMS

SIZES = {
    "B-sizes": """
def size_paper(size, window, stride, pad):
    return -(-(size - window + 1 + 2 * pad) // stride)


def size_today(size, window, stride, pad):
    return len(range(0, size + 2 * pad - window + 1, stride))
""",
    "B-agree": """
import itertools

cases = {c for c in itertools.product(range(3, 20), (1, 2, 3), (1, 2, 3, 7), (0, 1, 4))}
differences = {c for c in cases if size_paper(*c) != size_today(*c)}
""",
}

NUMPY_SIZES = {
    "B-sizes": """
def size_paper(size, window, stride, pad):
    return np.ceil((size - window + 1 + 2 * pad) / stride)


def size_today(size, window, stride, pad):
    return np.floor_divide(size + 2 * pad - window, stride) + 1.0
""",
    "B-agree": """
cases, differences = [], 0
for h in range(5, 30):
    for u in (1, 2, 3):
        for pad in (0, 1):
            cases.append([h, 3, u, pad])
            differences += size_paper(h, 3, u, pad) != size_today(h, 3, u, pad)
""",
}

COST = {
    "B-cost": """
from math import prod


def forward_flops(*sizes):
    return 2.0 * prod(sizes)


def lowered_shapes(N, K, C, R, S, P, Q):
    return [[K, C * R * S], [C * R * S, N * P * Q], np.array([K, N * P * Q])]


def intensity(N, C, H, W, K, R, S, P, Q):
    d, f, o = np.zeros((N, C, H, W), "float32"), np.zeros((K, C, R, S), "float32"), np.zeros((N, K, P, Q), "float32")
    return np.float64(forward_flops(N, K, C, R, S, P, Q)) / (d.nbytes + f.nbytes + o.nbytes)
"""
}

OTHER_ORDER = {
    "B-lower": """
def lower_filters(F):
    return F.transpose(0, 2, 3, 1).reshape(len(F), -1)


def lower_images(D, R, S):
    windows = np.lib.stride_tricks.sliding_window_view(D, (R, S), axis=(2, 3))  # N, C, P, Q, R, S
    return windows.transpose(4, 5, 1, 0, 2, 3).reshape(R * S * D.shape[1], -1)
"""
}

TORCH_LOWERING = {
    "B-lower": """
import torch
from torch.nn.functional import unfold


def lower_filters(F):
    return torch.from_numpy(F).flatten(1)


def lower_images(D, R, S):
    columns = unfold(torch.from_numpy(D), (R, S))  # N, CRS, PQ
    return columns.transpose(0, 1).reshape(columns.shape[1], -1)
"""
}

INDEX = {
    "B-index": """
g_correlation = lambda p, u, R, r, pad: range(p * u - pad, p * u - pad + R)[r]


def g_paper(p, u, R, r, pad):
    return g_correlation(p, u, R, R - 1 - r, pad)


def flip(F):
    return np.rot90(F, 2, axes=(2, 3))
"""
}

TABLES = {
    "B-table3": """
percentages = {}
for layer in TABLE_3:
    for device, peak in PEAKS.items():
        percentages[layer, device] = round(TABLE_3[layer][device][0] / peak * 100, 1)
disagree = {"L2 gtx980", "l4 GTX 980"}
explaining_peak = np.float32(4.91)
""",
    "B-table4": """
minutes_if_seconds = 24
table_4_unit = " MS "
""",
}

TABLES_BY_DEVICE = {
    "B-table3": """
percentages = {device: {layer: 100 * TABLE_3[layer][device][0] / peak for layer in TABLE_3} for device, peak in PEAKS.items()}
disagree = (("GTX 980", "L4"), ("GTX 980", "L2"))
explaining_peak = 4.88
""",
    "B-table4": 'minutes_if_seconds = 290106 / 12000\ntable_4_unit = "Milliseconds (ms)"\n',
}

FACTORS = {
    "B-36": """
def speedup(before, after):
    return np.divide(before, after)


def time_saved(before, after):
    return 1 - 1 / speedup(before, after)
"""
}

LETTERS = {
    "B-about36": 'about_36_percent = "B, C, F and I."\n',
    "B-blas": 'blas_like = ("a", "C ", "f")\n',
}

MARKED_LETTERS = {
    "B-about36": 'about_36_percent = {letter: letter in "bcfi" for letter in "abcdefghi"}\n',
    "B-blas": 'blas_like = ["(a)", "(c)", "(f)"]\n',
}

WORDS = {
    "B-algorithm": """
algorithm_for = {
    "Fastest at mini-batch 128": "cuda-convnet2",
    "fastest at mini-batch 16": "cuDNN",
    "least arithmetic for large filters": "FFT",
    "worst choice for strides above 1": " fft ",
    "only a fast matrix product, and memory to spare": "explicit lowering",
    "matrix product speed without a lowered matrix in memory": "Lazy_lowering",
}
"""
}

PLACES = {
    "B-claims": """
claims = {
    "training in Caffe is faster": ["Measured", "Tab. 4"],
    "memory consumption falls": ("only stated", "the abstract", "section 5"),
    "the FFT does not suit a general library": ("argued", 3),
    "speed holds up at small mini-batches": ("measured", "section 3, Fig. 2"),
    "it runs well on two generations of GPUs": {"kind": "measured", "place": "Table 3"},
    "explicit lowering needs much memory and traffic": ("argument", "Section 3.1"),
    "the gap to plain matrix multiplication can be closed": ("stated", "§6"),
}
"""
}

SECTIONS = {
    "B-claims": """
claims = {
    "training in Caffe is faster": ("measured", "section 4.2"),
    "memory consumption falls": ("stated", "section 4.1"),
    "the FFT does not suit a general library": ("argued", "sec. 3"),
    "speed holds up at small mini-batches": ("measured", "3.2"),
    "it runs well on two generations of GPUs": ("measured", 3.3),
    "explicit lowering needs much memory and traffic": ("argued", "Sect 3"),
    "the gap to plain matrix multiplication can be closed": ("stated", "conclusion"),
}
""",
    "A-anchors": """
accept_or_reject = "Reject."
anchors = {
    "primary_contribution": "sections 2",
    "key_insight": "section 3, eq. (3) and figure 1",
    "opinion": ("Table 4", 3.2, 6),
    "verdict": {"fig 2"},
}
""",
}

LOOP_BY_HAND = {
    "C-measure": """
import time

from helpers.timing import Timing


def step_times(functions, rounds, synchronise):
    times = {(name, part): [] for name in reversed(functions) for part in functions[name]}
    for turn in range(rounds):
        for (name, part), seconds in times.items():
            synchronise()
            start = time.perf_counter()
            functions[name][part]()
            synchronise()
            seconds.append(time.perf_counter() - start)
    return {name: {part: Timing(f"{name}, {part}", times[name, part]) for part in PARTS} for name in functions}
""",
    "C-gains": """
from statistics import median


def step_gains(times):
    return {part: median(a / b for a, b in zip(times["lowering by image"][part].seconds, times["library"][part].seconds)) for part in PARTS}
""",
}

FLAT_NAMES = {
    "C-measure": """
def step_times(functions, rounds, synchronise):
    flat = {}
    for name, parts in functions.items():
        for part in parts:
            flat[f"{name}/{part}"] = functions[name][part]
    times = measure(flat, max(rounds, 15), 0, synchronise)
    found = {name: {} for name in functions}
    for key, timing in times.items():
        name, part = key.split("/")
        found[name][part] = timing
    return found
""",
    "C-gains": """
def step_gains(times):
    old, new = times["lowering by image"], times["library"]
    gains = {part: np.median(old[part].seconds) / np.median(new[part].seconds) for part in ("forward", "backward", "update")}
    gains["step"] = sum(old[p].median for p in PARTS[:3]) / sum(new[p].median for p in PARTS[:3])
    return gains
""",
}

AMDAHL = {
    "C-amdahl": """
def predicted_speedup(seconds, speedups):
    total = sum(seconds.values())
    shares = {part: time / total for part, time in seconds.items()}
    return 1 / np.sum([share / speedups[part] for part, share in shares.items()])
"""
}

MARKS = {"D-marks": "marks = [dict(contribution=3, insight=2, evidence=3, judgement=2), dict(contribution=1, insight=0, evidence=1, judgement=0), dict(contribution=0, insight=1, evidence=0, judgement=1)]\n"}
MARKS_BY_NAME = {
    "D-marks": """
marks = {
    "Review 1": {"Contribution": 2, "Insight": 3, "Evidence": 2, "Judgement": 3},
    "Review 2": {"Contribution": 2.0, "Insight": 1, "Evidence": 1, "Judgement": 1},
    "Review 3": {"Contribution": np.int64(1), "Insight": 0, "Evidence": 0, "Judgement": 1},
}
"""
}

SHORT_REVIEW = {
    "A-review": """
review = dict(
    primary_contribution="A C library of primitives with the caller's own buffers and strides, section 2: what BLAS is for linear algebra, now for networks, so that each framework need not tune kernels of its own again and again.",
    key_insight="Section 3: lower, but lazily. The matrix that explicit lowering writes to memory is formed tile by tile on the chip inside the product; it costs index arithmetic - divisions made cheap - and a last transposition.",
    opinion="1.36 is throughput for one network (Table 4), whose unit is off; memory is never measured. At 128 images cuda-convnet2 wins, Figure 2. Still the interface has lasted: my framework of today calls such a library for every convolution.",
    verdict="Reject in this form, because the claim about memory has no number anywhere and a single network on a single GPU can't carry a claim about training in general; resubmit with both, since section 3 is convincing as it is.",
)
""",
    "A-anchors": """
accept_or_reject = "reject, with an invitation to resubmit"
anchors = {"primary_contribution": ["2"], "key_insight": ["3"], "opinion": ["table 4", "abstract"], "verdict": ["Table 4"]}
""",
}

RIGHT = {
    "sizes with whole numbers": SIZES,
    "sizes with numpy, differences counted": NUMPY_SIZES,
    "cost from arrays": COST,
    "lowering with places before channels": OTHER_ORDER,
    "lowering with torch": TORCH_LOWERING,
    "index functions through each other": INDEX,
    "tables with other keys": TABLES,
    "tables by device": TABLES_BY_DEVICE,
    "factors through each other": FACTORS,
    "letters in one string": LETTERS,
    "letters marked one by one": MARKED_LETTERS,
    "approaches by other names": WORDS,
    "places in short": PLACES,
    "places by section": SECTIONS,
    "timed by a loop of one's own": LOOP_BY_HAND,
    "flat names, more rounds than asked for, medians by numpy": FLAT_NAMES,
    "Amdahl by shares": AMDAHL,
    "marks one off, as a list": MARKS,
    "marks by name": MARKS_BY_NAME,
    "a short review that rejects": SHORT_REVIEW,
    **FORMS,
}
