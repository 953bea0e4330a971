"""Mistakes found by trying the notebook as an outsider would, from its text alone: brackets, axes, words, values in the wrong form."""

PAPER = "ceil((size - window + 1 + 2 * pad) / stride)"
TODAY = "floor((size + 2 * pad - window) / stride) + 1"
FLOPS = "return 2 * N * K * C * R * S * P * Q"
SHAPES = "return (K, C * R * S), (C * R * S, N * P * Q), (K, N * P * Q)"
BYTES = "/ (4 * numbers)"
NUMBERS = "numbers = N * C * H * W + K * C * R * S + N * K * P * Q"
G, CORRELATION, FLIP = "return p * u + R - r - 1 - pad", "return p * u + r - pad", "return F[:, :, ::-1, ::-1]"
FACTOR, SAVED = "return before / after", "return (before - after) / before"
AMDAHL = "return sum(seconds.values()) / sum(seconds[part] / speedups[part] for part in seconds)"
PEAK = "explaining_peak = 4.9"
UNIT = 'table_4_unit = "milliseconds"'
KEY = '"key_insight": ["section 3"]'
VERDICT = 'accept_or_reject = "accept"'
CAFFE, MEMORY, LOWERING = '"training in Caffe is faster": ("measured", "table 4")', '"memory consumption falls": ("stated", "abstract")', '"explicit lowering needs much memory and traffic": ("argued", "section 3")'
TIMES = "    times = measure(candidates, rounds=rounds, warmup=3, synchronise=synchronise)\n"
RECORD = "return {name: {part: times[name, part] for part in parts} for name, parts in functions.items()}"

ROWS: dict[str, list[tuple[str, ...]]] = {
    "A-review": [
        ("words-repeated", '    "primary_contribution": """\nFrameworks', '    "primary_contribution": "' + "cuDNN is a great library for deep learning. " * 5 + '", "rest": """\nFrameworks'),
        ("words-repeated", '    "primary_contribution": """\nFrameworks', '    "primary_contribution": "' + "words " * 40 + '", "rest": """\nFrameworks'),
        ("same-text-twice", "### END SOLUTION", 'review["verdict"] = review["key_insight"]'),
        ("not-a-text", "### END SOLUTION", 'review["verdict"] = review["verdict"].split(". ")'),
    ],
    "A-anchors": [
        ("unknown-word", VERDICT, 'accept_or_reject = "not accept"'),
        ("unknown-word", VERDICT, 'accept_or_reject = "I would not accept it"'),
        ("unknown-word", VERDICT, 'accept_or_reject = "accept or reject"'),
        ("unknown-word", VERDICT, "accept_or_reject = True"),
        ("no-such-place", KEY, '"key_insight": ["equation 12"]'),
        ("no-such-place", KEY, '"key_insight": ["section 2", "table 12"]'),
        ("place-not-understood", KEY, '"key_insight": ["page 2"]'),
        ("place-not-understood", KEY, '"key_insight": ["section"]'),
        ("still-to-do", KEY, '"key_insight": [""]'),
        ("abstract-only", KEY, '"key_insight": "the abstract"'),
    ],
    "B-sizes": [
        ("brackets-missing", PAPER, "ceil(size - window + 1 + 2 * pad / stride)"),
        ("brackets-missing", PAPER, "ceil((size - window) / stride + 1 + 2 * pad)"),
        ("brackets-missing", TODAY, "size + 2 * pad - window // stride + 1"),
        ("brackets-missing", TODAY, "floor(size + 2 * pad - window / stride) + 1"),
        ("floor-for-ceiling", PAPER, "ceil((size - window + 1 + 2 * pad) // stride)"),
        ("text-for-number", "return " + PAPER, "return str(" + PAPER + ")"),
    ],
    "B-agree": [
        ("cases-alike", "for stride in range(1, 5)", "for stride in (2,)"),
        ("too-few-cases", "### END SOLUTION", "cases = 12 * cases[:10]"),
        ("cases-wrong", "### END SOLUTION", "cases = len(cases)"),
    ],
    "B-cost": [
        ("first-addition", FLOPS, "return N * K * P * Q * (2 * C * R * S - 1)"),
        ("units-changed", FLOPS, FLOPS + " / 1e9"),
        ("per-image", FLOPS, "return 2 * C * R * S * P * Q"),
        ("text-for-number", FLOPS, "return str(2 * N * K * C * R * S * P * Q)"),
        ("shapes-wrong", SHAPES, 'return {"F_m": (K, C * R * S), "D_m": (C * R * S, N * P * Q), "O_m": (K, N * P * Q)}'),
        ("brackets-missing", BYTES, "/ 4 * numbers"),
        ("outputs-twice", NUMBERS, NUMBERS.replace("N * K * P * Q", "2 * N * K * P * Q")),
        ("fractions-lost", BYTES, "// (4 * numbers)"),
    ],
    "B-lower": [
        ("sizes-of-the-example", "return F.reshape(F.shape[0], -1)", "return F.reshape(2, 12)"),
        ("sizes-of-the-example", "return np.stack(columns, axis=1)", "return np.stack(columns, axis=1).reshape(12, 4)"),
        ("one-image-repeated", "D[n, :, p : p + R", "D[0, :, p : p + R"),
        ("not-a-matrix", "return F.reshape(F.shape[0], -1)", "return F"),
    ],
    "B-index": [
        ("clipped-at-zero", G, "return max(0, p * u + R - r - 1 - pad)"),
        ("clipped-at-zero", CORRELATION, "return max(0, p * u + r - pad)"),
        ("signs-turned", CORRELATION, "return p * u - r + pad"),
        ("size-of-the-filter", CORRELATION, "return p * u - R + r + 1 - pad"),
        ("wrong-axis", FLIP, "return np.fliplr(F)"),
        ("wrong-axis", FLIP, "return np.flipud(F)"),
        ("turned-by-90", FLIP, "return np.rot90(F, axes=(2, 3))"),
        ("signs-changed", FLIP, "return -F"),
    ],
    "B-table3": [
        ("peak-does-not-explain", PEAK, "explaining_peak = 4.98"),
        ("peak-does-not-explain", PEAK, "explaining_peak = 4.85"),
        ("not-one-number", PEAK, "explaining_peak = (4.89, 4.92)"),
        ("not-one-number", PEAK, 'explaining_peak = {"GTX 980": 4.9}'),
        ("still-to-do", PEAK, "explaining_peak = None"),
        ("text-for-number", PEAK, 'explaining_peak = "between 4.88 and 4.93"'),
        ("disagreement-missed", PEAK, 'disagree = ("L2", "GTX 980"); explaining_peak = 4.9'),
        ("entry-missing", PEAK, "percentages = {layer: list(row.values()) for layer, row in percentages.items()}; explaining_peak = 4.9"),
    ],
    "B-table4": [
        ("too-fast", UNIT, 'table_4_unit = "µs"'),
        ("too-fast", UNIT, 'table_4_unit = "nanoseconds"'),
        ("even-slower", UNIT, 'table_4_unit = "h"'),
        ("unknown-word", UNIT, 'table_4_unit = "seconds, not milliseconds"'),
        ("differs", " / 200 / 60", " / 200 / 3600"),
        ("text-for-number", 'TABLE_4["overall"][0] / 200 / 60', '"24:10"'),
        ("not-one-number", 'TABLE_4["overall"][0] / 200 / 60', "(24, 10.5)"),
    ],
    "B-36": [
        ("ratio-turned", SAVED, "return 1 - before / after"),
        ("papers-number", FACTOR, "return 1.36"),
        ("fractions-lost", FACTOR, "return before // after"),
        ("rounded", SAVED, "return round((before - after) / before, 1)"),
        ("signs-lost", SAVED, "return abs(before - after) / before"),
        ("text-for-number", FACTOR, 'return f"{before / after:.2f}x"'),
        ("text-for-number", SAVED, 'return f"{(before - after) / before:.0%}"'),
    ],
    "B-about36": [
        ("unknown-letter", '{"b", "c", "f", "i"}', "[2, 3, 6, 9]"),
        ("throughput-for-time", '{"b", "c", "f", "i"}', '"a, b and c"'),
    ],
    "B-blas": [("unknown-letter", '{"a", "c", "f"}', '"all"')],
    "B-algorithm": [
        ("unknown-word", '"least arithmetic for large filters": "fft"', '"least arithmetic for large filters": "direct or fft"'),
        ("not-a-dictionary", "### END SOLUTION", "algorithm_for = list(algorithm_for.values())"),
    ],
    "B-claims": [
        ("no-such-place", CAFFE, CAFFE.replace("table 4", "table 44")),
        ("still-to-do", CAFFE, CAFFE.replace("table 4", "")),
        ("unknown-word", CAFFE, CAFFE.replace("measured", "not measured")),
        ("unknown-word", CAFFE, CAFFE.replace("measured", "measured or argued")),
        ("memory-argued", MEMORY, MEMORY.replace('"stated", "abstract"', '"argued", "section 4"')),
        ("memory-measured", MEMORY, MEMORY.replace('"stated", "abstract"', '"measured", "section 3"')),
        ("cited-elsewhere", LOWERING, LOWERING.replace("section 3", "section 5")),
    ],
    "C-measure": [
        ("measured-apart", TIMES, """    times = {}
    for name, parts in functions.items():
        alone = measure(parts, rounds=rounds, synchronise=synchronise)
        times |= {(name, part): alone[part] for part in parts}
"""),
        ("measured-apart", TIMES, "    times = {key: measure({'x': function}, rounds=rounds, synchronise=synchronise)['x'] for key, function in candidates.items()}\n"),
        ("not-called", "(name, part): function for", "(name, part): (lambda: function()) for"),
        ("not-called", "(name, part): function for", "(name, part): (lambda: functions[name][part]()) for"),
        ("not-a-timing", RECORD, RECORD.replace("times[name, part]", "times[name, part].seconds")),
        ("entry-missing", RECORD, "return {part: {name: times[name, part] for name in functions} for part in PARTS}"),
    ],
    "C-gains": [
        ("not-a-dictionary", "return {part: old[part].median / new[part].median for part in PARTS}", "return [old[part].median / new[part].median for part in PARTS]"),
        ("percent-for-factor", "return {part: old[part].median / new[part].median for part in PARTS}", "return {part: 100 * old[part].median / new[part].median for part in PARTS}"),
    ],
    "C-amdahl": [
        ("paired-by-order", AMDAHL, "return sum(seconds.values()) / sum(t / s for t, s in zip(seconds.values(), speedups.values()))"),
        ("one-part-faster", AMDAHL, "p = max(seconds, key=seconds.get)\n    share = seconds[p] / sum(seconds.values())\n    return 1 / (1 - share + share / speedups[p])"),
        ("speedups-multiplied", AMDAHL, "return np.prod(list(speedups.values())) ** (1 / len(speedups))"),
        ("speedups-added", AMDAHL, "return sum(speedups.values())"),
        ("gain-for-factor", AMDAHL, AMDAHL.replace("/ speedups[part]", "/ (1 + speedups[part])")),
        ("papers-number", AMDAHL, "return 1.36"),
    ],
    "D-marks": [
        ("text-for-number", "### END SOLUTION", 'marks[1]["insight"] = "good"'),
        ("mark-out-of-range", "### END SOLUTION", 'marks[1]["insight"] = -1'),
        ("still-to-do", "### END SOLUTION", 'marks[2] = dict.fromkeys(marks[2])'),
        ("mark-too-high", "### END SOLUTION", "marks[2] = dict.fromkeys(marks[2], 3)"),
    ],
}
