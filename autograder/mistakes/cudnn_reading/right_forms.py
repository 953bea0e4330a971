"""Right answers in other forms than the model solution's, as students write them: kinds of numbers, words, lists, languages.

Each cell has a list of forms. Student i hands in the i-th form of every cell that has one, so that few solutions try them all.
"""

from __future__ import annotations

from itertools import zip_longest


def _sizes(paper: str, today: str, before: str = "", arguments: str = "size, window, stride, pad") -> str:
    return f"{before}\ndef size_paper({arguments}):\n    return {paper}\n\n\ndef size_today({arguments}):\n    return {today}\n"


def _cost(flops: str, shapes: str, intensity: str, before: str = "") -> str:
    return f"""{before}
def forward_flops(N, K, C, R, S, P, Q):
    return {flops}


def lowered_shapes(N, K, C, R, S, P, Q):
    return {shapes}


def intensity(N, C, H, W, K, R, S, P, Q):
    return {intensity}
"""


def _lower(filters: str, images: str, before: str = "") -> str:
    return f"""{before}
def lower_filters(F):
    return {filters}


def lower_images(D, R, S):
    N, C, H, W = D.shape
    P, Q = H - R + 1, W - S + 1
{images}
"""


def _index(paper: str, correlation: str, flip: str, before: str = "") -> str:
    return f"""{before}
def g_paper(p, u, R, r, pad):
    return {paper}


def g_correlation(p, u, R, r, pad):
    return {correlation}


def flip(F):
    return {flip}
"""


def _factors(speedup: str, saved: str, before: str = "") -> str:
    return f"{before}\ndef speedup(before, after):\n    return {speedup}\n\n\ndef time_saved(before, after):\n    return {saved}\n"


def _tables(change: str) -> str:
    return f"""
percentages = {{layer: {{device: 100 * TABLE_3[layer][device][0] / PEAKS[device] for device in PEAKS}} for layer in TABLE_3}}
disagree = [("L2", "GTX 980"), ("L4", "GTX 980")]
explaining_peak = 4.9
{change}
"""


def _unit(minutes: str, unit: str) -> str:
    return f"minutes_if_seconds = {minutes}\ntable_4_unit = {unit!r}\n"


def _approaches(*words: str) -> str:
    cases: tuple[str, ...] = ("fastest at mini-batch 128", "fastest at mini-batch 16", "least arithmetic for large filters", "worst choice for strides above 1")
    cases += ("only a fast matrix product, and memory to spare", "matrix product speed without a lowered matrix in memory")
    return f"algorithm_for = {dict(zip(cases, words, strict=True))!r}\n"


def _claims(*pairs: object) -> str:
    claims: tuple[str, ...] = ("training in Caffe is faster", "memory consumption falls", "the FFT does not suit a general library", "speed holds up at small mini-batches")
    claims += ("it runs well on two generations of GPUs", "explicit lowering needs much memory and traffic", "the gap to plain matrix multiplication can be closed")
    return f"claims = {dict(zip(claims, pairs, strict=True))!r}\n"


def _anchors(verdict: str, *places: str) -> str:
    keys = ("primary_contribution", "key_insight", "opinion", "verdict")
    return f"accept_or_reject = {verdict!r}\nanchors = {{{', '.join(f'{key!r}: {place}' for key, place in zip(keys, places, strict=True))}}}\n"


A, B = "size - window + 1 + 2 * pad", "size + 2 * pad - window"
FLOPS, BYTES = "2 * N * K * C * R * S * P * Q", "(4 * (N * C * H * W + K * C * R * S + N * K * P * Q))"
SHAPES = "(K, C * R * S), (C * R * S, N * P * Q), (K, N * P * Q)"
G, X = "p * u + R - r - 1 - pad", "p * u + r - pad"
WINDOWS = "    return np.lib.stride_tricks.sliding_window_view(D, (R, S), axis=(2, 3)){}.transpose(1, 4, 5, 0, 2, 3).reshape(C * R * S, N * P * Q)"
FRACTION, DECIMAL, TORCH = "from fractions import Fraction\n\n", "from decimal import Decimal\n\n", "import torch\n\n"

CELLS: dict[str, list[str]] = {
    "B-sizes": [
        _sizes(f"int(np.ceil(({A}) / stride))", f"int(({B}) / stride) + 1", arguments="size, window, stride=1, pad=0"),
        _sizes(f"np.float32(np.ceil(({A}) / stride))", f"np.int32(({B}) // stride + 1)"),
        _sizes(f"ceil(Fraction({A}, stride))", f"floor(Fraction({B}, stride)) + 1", FRACTION),
        _sizes(f"torch.ceil(torch.tensor(({A}) / stride))", "torch.nn.functional.max_pool1d(torch.zeros(1, 1, size + 2 * pad), window, stride).shape[-1]", TORCH),
        _sizes("ceil((H - R + 1 + 2 * pad_h) / u)", "divmod(H + 2 * pad_h - R, u)[0] + 1", arguments="H, R, u, pad_h"),
        _sizes(f"sum(1 for _ in range(0, {A}, stride))", f"({B} - ({B}) % stride) / stride + 1"),
    ],
    "B-agree": [
        "cases = np.array([(s, k, u, p) for s in range(5, 20) for k in (1, 3, 5) for u in (1, 2, 3) for p in (0, 1)])\ndifferences = np.array([c for c in cases if size_paper(*c) != size_today(*c)])\n",
        "rng = np.random.default_rng(0)\ncases = [(s, k, u, p) for s, k, u, p in zip(*(rng.integers(low, high, 300) for low, high in ((10, 90), (1, 11), (1, 5), (0, 4))))]\ndifferences = tuple(filter(lambda c: size_paper(*c) != size_today(*c), cases))\n",
        "cases = tuple([float(s), 3.0, float(u), float(p)] for s in range(3, 33) for u in (1, 2) for p in (0, 1))\ndifferences = {}\n",
    ],
    "B-cost": [
        _cost("2.0 * np.prod([N, K, C, R, S, P, Q])", "np.array([[K, C * R * S], [C * R * S, N * P * Q], [K, N * P * Q]])", f"np.float32({FLOPS} / {BYTES})"),
        _cost("torch.tensor(2 * N * K * C * R * S * P * Q)", "[torch.empty(K, C * R * S).shape, (C * R * S, N * P * Q), (K, N * P * Q)]", f"{FLOPS} / {BYTES}", TORCH),
        _cost(FLOPS, SHAPES, f"Fraction({FLOPS}, {BYTES})", FRACTION),
        _cost("sum(2 * C * R * S for _ in range(N * K) for _ in range(P * Q))", SHAPES, f"round({FLOPS} / {BYTES}, 2)"),
    ],
    "B-lower": [
        _lower("np.array([f.flatten() for f in F])", WINDOWS.format("")),
        _lower("F[:, :, ::-1, ::-1].reshape(len(F), -1)", WINDOWS.format("[..., ::-1, ::-1]")),
        _lower("[list(f.ravel()) for f in F]", "    return [[D[n, c, p + r, q + s] for n in range(N) for p in range(P) for q in range(Q)] for c in range(C) for r in range(R) for s in range(S)]"),
        _lower("F.reshape(len(F), -1).astype(np.float32)", "    return np.vstack([D[:, c, r : r + P, s : s + Q].ravel() for c in range(C) for r in range(R) for s in range(S)]).astype(np.float32)"),
        _lower("np.asmatrix(F.reshape(len(F), -1))", "    out = np.empty((C * R * S, N * P * Q), dtype=int)\n    for i in range(N * P * Q):\n        n, p, q = np.unravel_index(i, (N, P, Q))\n        out[:, i] = D[n, :, p : p + R, q : q + S].ravel()\n    return out"),
    ],
    "B-index": [
        _index(G, X, "np.flip(F, (2, 3))"),
        _index(G, "g_paper(p, u, R, R - 1 - r, pad)", "torch.flip(torch.tensor(F), (-2, -1))", TORCH),
        _index(f"float({G})", f"np.float64({X})", "[[[list(row[::-1]) for row in f[::-1]] for f in k] for k in F]"),
        _index(G, X, "F.reshape(*F.shape[:2], -1)[:, :, ::-1].reshape(F.shape)"),
    ],
    "B-table3": [
        _tables("explaining_peak = '4.9 TFLOP/s'\ndisagree = set(disagree)"),
        _tables("from fractions import Fraction\nexplaining_peak = Fraction(49, 10)\ndisagree = np.array(disagree)"),
        _tables("explaining_peak = np.array([4.93])\ndisagree = {'L2': 'GTX 980', 'L4': 'GTX 980'}"),
        _tables("explaining_peak = 4.9\ndisagree = {'GTX 980': ['L2', 'L4']}"),
        _tables("explaining_peak = 2.49 / 0.51\ndisagree = [['L4', 'GTX 980', 45], ['L2', 'GTX 980', 51]]"),
        _tables("percentages = {layer: {device: f'{x:.1f}%' for device, x in row.items()} for layer, row in percentages.items()}\nexplaining_peak = '4,92'"),
        _tables("percentages = {layer: {device: np.float32(x) for device, x in row.items()} for layer, row in percentages.items()}\nexplaining_peak = 4.88"),
    ],
    "B-table4": [
        _unit("24.2", "ms"),
        _unit("'24.18'", "milli-seconds"),
        _unit("np.float32(290106 / 200 / 60)", "in milliseconds"),
        _unit("Fraction(290106, 12000)", "msec.").replace("minutes", FRACTION + "minutes", 1),
        _unit("round(290106 / 12000)", "[ms]"),
        _unit("'24 minutes'", "Millisekunden"),
        _unit("np.array([24.2])", "thousandths of a second"),
        _unit("24.17", "millis"),
    ],
    "B-36": [
        _factors("round(before / after, 2)", "round(1 - after / before, 2)"),
        _factors("Fraction(before, after)", "Fraction(before - after, before)", FRACTION),
        _factors("Decimal(before) / Decimal(after)", "1 - Decimal(after) / Decimal(before)", DECIMAL),
        _factors("torch.tensor(before) / torch.tensor(after)", "1 - torch.tensor(after) / torch.tensor(before)", TORCH),
        _factors("np.float32(before / after)", "round((before - after) / before, 3)"),
        _factors("1 / (after / before)", "-(after - before) / before"),
    ],
    "B-about36": [f"about_36_percent = {value}\n" for value in ("list('bcfi')", "np.array(['b', 'c', 'f', 'i'])", "{'b, c, f, i'}", "'b\\nc\\nf\\ni'", "['b.', 'c.', 'f.', 'i.']", "frozenset('BCFI')", "'b und c und f und i'", "'b/c/f/i'")],
    "B-blas": [f"blas_like = {value}\n" for value in ("'acf'", "['A)', 'C)', 'F)']", "{'a c f'}", "'a; c; f'", "np.array(list('acf'))", "'(a), (c) and (f)'")],
    "B-algorithm": [
        _approaches("DIRECT", "Tiled", "FFT", "Fft ", "EXPLICIT", "tiled"),
        _approaches("direct (cuda-convnet2)", "tiled (cuDNN)", "fft", "fft", "explicit lowering", "tiled"),
        _approaches("direct method", "implicit GEMM", "Fourier", "FFT", "im2col", "cuDNN"),
    ],
    "B-claims": [
        _claims(("Measured", "Table IV"), ("only stated", "Abstract, Section 7"), ("argued", "section 3, third paragraph"), ("measured", "Figure 2 / section 3"), ("measured", "tables 2 and 3"), ("argued", "figure 1"), ("stated", "section 6 (future work)")),
        _claims(("measured", "table 4 (section 4)"), ("argued", "section 3"), ("argued", "section three"), ("measured", "Fig.2"), ("measured", "Tab.3"), ("argued", "page 4, section 3.1"), ("stated", "future work")),
        _claims(("MEASURED", "Tabelle 4"), ("stated", "Abschnitt 5"), ("argued", "Abschnitt 3"), ("measured", "Abbildung 2"), ("measured", "Tabelle 3"), ("argued", "3. Implementation"), ("stated", "Section #6")),
        _claims(("table 4", "measured"), ["stated", "introduction"], ("argued", ["section 3"]), ("measured", "figure-2"), ("measured", "table\u00a03"), ("argued", "§§ 3.1-3.2"), ("stated", "conclusions")),
    ],
    "A-anchors": [
        _anchors("weak accept", '["section 2, table 1", "caption of table 4"]', '"Section 3: Implementation"', '["Tables 2-4", "§ 3.1", "Fig.2"]', '["section 2 / table 1", "abstract"]'),
        _anchors("Accept with minor revisions", 'np.array(["section 2", "table 1"])', '["eq. (3)", "Figure 1 (the example)"]', '{"sections 2 and 3", "Table 4, 200 iterations"}', '"section 2\\ntable 4"'),
        _anchors("I'd reject it", '["Section II"]', "[3]", '("Abschnitt 4", "Tabelle 3")', '["sec.6", "introduction", "references"]'),
    ],
    "A-review": [
        '''
review = {
    "primary_contribution": """
**Beitrag.** In one line: *kernels move out of the frameworks*.

* One C library for all frameworks, where each had its own routines before – and tuned them anew for every GPU
* It's like BLAS in spirit: no layers, no training loop, the caller's buffers (section 2)
""",
    "key_insight": """
1. Lowering makes a matrix product out of a convolution, with a matrix up to $R \\\\cdot S$ times as large as the images.
2. So don't store it: each tile is formed on the chip when the product wants it – “lazily” – and thrown away.
3. Price: index arithmetic, and a transposition at the end.
""",
    "opinion": """
# pro
> Figure 2 is nearly flat: größere und kleinere mini-batches run at a similar speed.
# contra
> Memory isn't measured anywhere; the FFT isn't, either. Today's libraries keep several algorithms, and that's what is left: the interface, not the single kernel.
""",
    "verdict": """I'd accept it.

Table 4 covers a whole run – not only a kernel – and the method can be rebuilt from section 3; but I'd ask for a table of memory, and for the right unit.""",
}
''',
    ],
    "C-gains": [
        "def step_gains(times):\n    return {p: round(times['lowering by image'][p].median / times['library'][p].median, 2) for p in PARTS}\n",
        "def step_gains(times):\n    old, new = (np.array([np.median(times[a][p].seconds) for p in PARTS]) for a in ('lowering by image', 'library'))\n    return dict(zip(PARTS, np.float32(old / new)))\n",
    ],
    "C-amdahl": [
        "def predicted_speedup(seconds, speedups):\n    t, s = (np.array([table[part] for part in seconds], dtype=np.float32) for table in (seconds, speedups))\n    return t.sum() / (t / s).sum()\n",
        "def predicted_speedup(seconds, speedups):\n    return round(sum(seconds.values()) / sum(seconds[p] / speedups[p] for p in seconds), 2)\n",
        "def predicted_speedup(seconds, speedups):\n    return np.average([1 / speedups[p] for p in seconds], weights=list(seconds.values())) ** -1\n",
    ],
    "D-marks": [
        "marks = {str(i): {c: str(m) for c, m in zip(('contribution', 'insight', 'evidence', 'judgement'), row)} for i, row in enumerate([(3, 3, 3, 3), (2, 0, 1, 1), (0, 0, 0, 0)], 1)}\n",
        "marks = {i: dict(zip(('contribution', 'insight', 'evidence', 'judgement'), map(np.float32, row))) for i, row in enumerate([(3, 3, 2, 3), (1, 1, 0, 1), (1, 0, 1, 0)], 1)}\nfor row in marks.values():\n    row['sum'] = sum(row.values())\n",
    ],
}

STUDENTS = zip_longest(*([(cell, form) for form in forms] for cell, forms in CELLS.items()))
FORMS = {f"other forms, {i}": dict(pair for pair in pairs if pair) for i, pairs in enumerate(STUDENTS, 1)}
