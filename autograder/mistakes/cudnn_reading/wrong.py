"""Wrong solutions, as changes of the model solution's text: (its right names, old text, new text)."""

from __future__ import annotations

from . import wrong_forms, wrong_readings, wrong_texts

PAPER = "ceil((size - window + 1 + 2 * pad) / stride)"
TODAY = "floor((size + 2 * pad - window) / stride) + 1"
FLOPS = "return 2 * N * K * C * R * S * P * Q"
SHAPES = "return (K, C * R * S), (C * R * S, N * P * Q), (K, N * P * Q)"
NUMBERS = "numbers = N * C * H * W + K * C * R * S + N * K * P * Q"
COLUMN = "D[n, :, p : p + R, q : q + S].reshape(-1)"
STACK = "return np.stack(columns, axis=1)"
FILTERS = "return F.reshape(F.shape[0], -1)"
G, CORRELATION, FLIP = "return p * u + R - r - 1 - pad", "return p * u + r - pad", "return F[:, :, ::-1, ::-1]"
GAIN = "old[part].median / new[part].median"
GAINS = f"return {{part: {GAIN} for part in PARTS}}"
AMDAHL = "return sum(seconds.values()) / sum(seconds[part] / speedups[part] for part in seconds)"
RECORD = "return {name: {part: times[name, part] for part in parts} for name, parts in functions.items()}"
MEASURE = "times = measure(candidates, rounds=rounds, warmup=3, synchronise=synchronise)"
TIMING = "from helpers.timing import Timing; "
MADE_UP = """from helpers.timing import Timing

MS = {"forward": 8.5, "backward": 4.4, "update": 0.03, "step": 13.0}
return {
    name: {part: Timing(f"{name}, {part}", [ms * 1e-3 * slower * (1 + 0.01 * (i * i % 7)) for i in range(rounds)]) for part, ms in MS.items()}
    for name, slower in (("lowering by image", 2.0), ("library", 1.0))
}""".replace("\n", "\n    ")

OWN: dict[str, list[tuple[str, ...]]] = {
    "B-sizes": [
        ("floor-for-ceiling", PAPER, PAPER.replace("ceil", "floor")),
        ("not-rounded", PAPER, PAPER.replace("ceil", "")),
        ("plus-one-outside", PAPER, "ceil((size - window + 2 * pad) / stride) + 1"),
        ("plus-one-missing", PAPER, "ceil((size - window + 2 * pad) / stride)"),
        ("pad-once", PAPER, PAPER.replace("2 * pad", "pad")),
        ("padding-ignored", PAPER, PAPER.replace(" + 2 * pad", "")),
        ("pad-subtracted", PAPER, PAPER.replace("+ 2 * pad", "- 2 * pad")),
        ("stride-ignored", PAPER, "size - window + 1 + 2 * pad"),
        ("rounded-to-nearest", PAPER, PAPER.replace("ceil", "round")),
        ("returns-none", "return " + PAPER, "print(" + PAPER + ")"),
        ("raises", PAPER, PAPER.replace("window", "R")),
        ("ceiling-for-floor", TODAY, TODAY.replace("floor", "ceil")),
        ("not-rounded", TODAY, TODAY.replace("floor", "")),
        ("plus-one-missing", TODAY, TODAY.replace(" + 1", "")),
        ("plus-one-inside", TODAY, "floor((size + 2 * pad - window + 1) / stride)"),
        ("pad-once", TODAY, TODAY.replace("2 * pad", "pad")),
        ("rounded-to-nearest", TODAY, TODAY.replace("floor", "round")),
        ("off-by-one", TODAY, TODAY.replace("+ 1", "+ 2")),
        ("stride-ignored", TODAY, "size + 2 * pad - window + 1"),
    ],
    "B-agree": [
        ("too-few-cases", "for size in range(1, 12)", "for size in range(1, 2)"),
        ("cases-alike", "for stride in range(1, 5)", "for stride in (1,)"),
        ("cases-alike", "for pad in range(3)", "for pad in (0,)"),
        ("cases-too-easy", "    if window <= size + 2 * pad\n", "    if window <= size + 2 * pad and (size + 2 * pad - window) % stride == 0\n"),
        ("window-too-large", "    if window <= size + 2 * pad\n", ""),
        ("formulas-differ", "!=", "=="),
        ("cases-wrong", "!= size_today(*case)]", "!= size_today(*case)]\ncases = [case[:3] for case in cases]"),
        ("still-to-do | raises", "differences = [case for case in cases if size_paper(*case) != size_today(*case)]", "differences = None"),
        ("cases-wrong", "for stride in range(1, 5)", "for stride in range(-3, 0)"),
    ],
    "B-cost": [
        ("additions-forgotten", FLOPS, FLOPS.replace("2 * ", "")),
        ("counted-twice", FLOPS, FLOPS.replace("2", "4")),
        ("N-forgotten", FLOPS, FLOPS.replace("N * ", "")),
        ("C-forgotten", FLOPS, FLOPS.replace("C * ", "")),
        ("K-forgotten", FLOPS, FLOPS.replace("K * ", "")),
        ("S-forgotten", FLOPS, FLOPS.replace("S * ", "")),
        ("outputs-only", FLOPS, "return 2 * N * K * P * Q"),
        ("input-size-for-output", FLOPS, "return 2 * N * K * C * R * S * (P + R - 1) * (Q + S - 1)"),
        ("shape-transposed", SHAPES, SHAPES.replace("(C * R * S, N * P * Q)", "(N * P * Q, C * R * S)")),
        ("shape-transposed", SHAPES, "return (C * R * S, K), (N * P * Q, C * R * S), (N * P * Q, K)"),
        ("one-image-only", SHAPES, SHAPES.replace("N * P * Q)", "P * Q)")),
        ("not-lowered", SHAPES, SHAPES.replace("(C * R * S, N * P * Q)", "(C, N * P * Q)")),
        ("dimension-forgotten", SHAPES, SHAPES.replace("(K, C * R * S)", "(K, R * S)")),
        ("shapes-wrong", SHAPES, "return (K, C * R * S), (C * R * S, N * P * Q)"),
        ("shapes-wrong", SHAPES, "return (K * C * R * S), (C * R * S * N * P * Q), (K * N * P * Q)"),
        ("numbers-for-bytes", "(4 * numbers)", "numbers"),
        ("half-as-large", "(4 * numbers)", "(8 * numbers)"),
        ("upside-down", "return forward_flops(N, K, C, R, S, P, Q) / (4 * numbers)", "return (4 * numbers) / forward_flops(N, K, C, R, S, P, Q)"),
        ("half-as-large", "return forward_flops(N, K, C, R, S, P, Q) /", "return forward_flops(N, K, C, R, S, P, Q) / 2 /"),
        ("lowered-bytes", NUMBERS, NUMBERS.replace("N * C * H * W", "C * R * S * N * P * Q")),
        ("outputs-forgotten", NUMBERS, NUMBERS.replace(" + N * K * P * Q", "")),
        ("filters-forgotten", NUMBERS, NUMBERS.replace(" + K * C * R * S", "")),
        ("images-forgotten", NUMBERS, NUMBERS.replace("N * C * H * W + ", "")),
    ],
    "B-lower": [
        ("filter-flipped", FILTERS, "return F[:, :, ::-1, ::-1].reshape(F.shape[0], -1)"),
        ("orders-differ", FILTERS, "return F.transpose(0, 2, 3, 1).reshape(F.shape[0], -1)"),
        ("orders-differ", COLUMN, COLUMN.replace(".reshape", ".transpose(0, 2, 1).reshape")),
        ("shape-transposed", FILTERS, "return F.reshape(F.shape[0], -1).T"),
        ("shape-transposed", STACK, "return np.stack(columns)"),
        ("not-a-matrix", FILTERS, "return F.reshape(F.shape[0], F.shape[1], -1)"),
        ("images-innermost", "for n in range(N) for p in range(H - R + 1) for q in range(W - S + 1)", "for p in range(H - R + 1) for q in range(W - S + 1) for n in range(N)"),
        ("orders-differ | patches-mixed", STACK, "return np.stack(columns).reshape(len(columns[0]), -1)"),
        ("windows-missing", "range(H - R + 1)", "range(H - R)"),
        ("one-channel-only", "D[n, :, p", "D[n, 0, p"),
        ("one-image-only", "for n in range(N)", "for n in range(1)"),
        ("patches-wrong", COLUMN, "D[n, :, :R, :S].reshape(-1)"),
        ("one-channel-only | wrong-shape", STACK, "return D.reshape(D.shape[1], -1)"),
    ],
    "B-index": [
        ("convolution-and-correlation-swapped", G, CORRELATION),
        ("convolution-and-correlation-swapped", CORRELATION, G),
        ("minus-one-forgotten", G, G.replace(" - 1", "")),
        ("pad-added", G, G.replace("- pad", "+ pad")),
        ("pad-added", CORRELATION, CORRELATION.replace("- pad", "+ pad")),
        ("padding-ignored", G, G.replace(" - pad", "")),
        ("padding-ignored", CORRELATION, CORRELATION.replace(" - pad", "")),
        ("stride-ignored", CORRELATION, CORRELATION.replace("p * u", "p")),
        ("stride-ignored", G, G.replace("p * u", "p")),
        ("stride-on-r", CORRELATION, "return (p + r) * u - pad"),
        ("off-by-one", CORRELATION, CORRELATION.replace("+ r", "+ r - 1")),
        ("one-axis-only", FLIP, "return F[:, :, ::-1]"),
        ("filters-flipped", FLIP, "return F[::-1, ::-1]"),
        ("everything-flipped", FLIP, "return np.flip(F)"),
        ("channels-flipped", FLIP, "return F[:, ::-1, ::-1, ::-1]"),
        ("transposed | wrong-shape", FLIP, "return F.transpose(0, 1, 3, 2)"),
        ("not-flipped", FLIP, "return F"),
    ],
    "B-table3": [
        ("still-to-do", "disagree = [", "percentages = None; disagree = ["),
        ("fraction-for-percent", "100 * speed / PEAKS[device] for", "speed / PEAKS[device] for"),
        ("one-peak-for-both", "100 * speed / PEAKS[device] for", '100 * speed / PEAKS["K40"] for'),
        ("one-peak-for-both", "100 * speed / PEAKS[device] for", '100 * speed / PEAKS["GTX 980"] for'),
        ("other-peak", "100 * speed / PEAKS[device] for", '100 * speed / PEAKS["K40" if device != "K40" else "GTX 980"] for'),
        ("upside-down", "100 * speed / PEAKS[device] for", "100 * PEAKS[device] / speed for"),
        ("truncated", "100 * speed / PEAKS[device] for", "100 * speed // PEAKS[device] for"),
        ("copied-not-computed", "100 * speed / PEAKS[device] for device, (speed, _)", "printed for device, (_, printed)"),
        ("digits-forgotten", "if not can_be_right(speed, printed, PEAKS[device])", "if round(100 * speed / PEAKS[device]) != printed"),
        ("not-rounded-before-comparing", "if not can_be_right(speed, printed, PEAKS[device])", "if 100 * speed / PEAKS[device] != printed"),
        ("table-believed", "explaining_peak = 4.9", "disagree = []; explaining_peak = 4.9"),
        ("disagreement-missed", "explaining_peak = 4.9", 'disagree = [("L2", "GTX 980")]; explaining_peak = 4.9'),
        ("k40-accused", "if not can_be_right(speed, printed, PEAKS[device])", "if int(100 * speed / PEAKS[device]) != printed"),
        ("too-many-accused", "explaining_peak = 4.9", 'disagree += [("L3", "GTX 980")]; explaining_peak = 4.9'),
        ("peak-does-not-explain", "explaining_peak = 4.9", 'explaining_peak = PEAKS["GTX 980"]'),
        ("peak-does-not-explain", "explaining_peak = 4.9", "explaining_peak = 4.6"),
        ("gigaflops", "explaining_peak = 4.9", "explaining_peak = 4900"),
        ("cell-not-understood", "explaining_peak = 4.9", 'disagree = ["L2", "L4"]; explaining_peak = 4.9'),
    ],
    "B-table4": [
        ("seconds-believed", '"milliseconds"', '"seconds"'),
        ("too-fast", '"milliseconds"', '"microseconds"'),
        ("even-slower", '"milliseconds"', '"minutes"'),
        ("unknown-word", '"milliseconds"', '"iterations"'),
        ("seconds-for-minutes", " / 200 / 60", " / 200"),
        ("whole-run", " / 200 / 60", " / 60"),
        ("differs", 'TABLE_4["overall"][0]', 'TABLE_4["overall"][1]'),
    ],
    "B-36": [
        ("upside-down", "return before / after", "return after / before"),
        ("gain-for-factor", "return before / after", "return before / after - 1"),
        ("percent-for-factor", "return before / after", "return 100 * before / after"),
        ("difference-for-ratio", "return before / after", "return before - after"),
        ("time-saved-for-speedup", "return before / after", "return 1 - after / before"),
        ("rounded", "return before / after", "return round(before / after, 1)"),
        ("throughput-for-time", "return (before - after) / before", "return (before - after) / after"),
        ("throughput-for-time", "return (before - after) / before", "return speedup(before, after) - 1"),
        ("remaining-for-saved", "return (before - after) / before", "return after / before"),
        ("percent-for-fraction", "return (before - after) / before", "return 100 * (before - after) / before"),
        ("sign-turned", "return (before - after) / before", "return (after - before) / before"),
        ("speedup-for-time-saved", "return (before - after) / before", "return speedup(before, after)"),
    ],
    "C-gains": [
        ("upside-down", GAIN, "new[part].median / old[part].median"),
        ("gain-for-factor", GAIN, GAIN + " - 1"),
        ("percent-for-factor", GAIN, f"100 * ({GAIN} - 1)"),
        ("percent-for-factor", GAIN, f"100 * {GAIN}"),
        ("time-saved-for-speedup", GAIN, "1 - new[part].median / old[part].median"),
        ("papers-number", GAINS, f'{GAINS} | {{"step": 1.36}}'),
        ("average-of-parts", GAINS, f'gains = {GAINS[7:]}; gains["step"] = sum(gains[p] for p in PARTS[:3]) / 3; return gains'),
        ("entry-missing", "for part in PARTS}", "for part in PARTS[:2]}"),
        ("difference-for-ratio", GAIN, GAIN.replace("/", "-")),
        ("mean-for-median", GAIN, "np.mean(old[part].seconds) / np.mean(new[part].seconds)"),
        ("best-round-only", GAIN, "min(old[part].seconds) / min(new[part].seconds)"),
        ("does-not-follow", GAIN, GAIN + " * 1.3"),
        ("does-not-follow", GAINS, 'return {"forward": 3.6, "backward": 2.9, "update": 1.0, "step": 2.0}'),
        ("returns-none", GAINS, GAINS.replace("return", "gains =")),
    ],
    "C-amdahl": [
        ("average-of-speedups", AMDAHL, "return sum(speedups.values()) / len(speedups)"),
        ("arithmetic-weights", AMDAHL, "return sum(seconds[p] * speedups[p] for p in seconds) / sum(seconds.values())"),
        ("upside-down", AMDAHL, "return sum(seconds[p] / speedups[p] for p in seconds) / sum(seconds.values())"),
        ("new-time-only", AMDAHL, "return sum(seconds[p] / speedups[p] for p in seconds)"),
        ("times-forgotten", AMDAHL, "return len(speedups) / sum(1 / s for s in speedups.values())"),
        ("speedups-multiplied", AMDAHL, "return float(np.prod(list(speedups.values())))"),
        ("speedups-as-slowdowns", AMDAHL, AMDAHL.replace("] / speedups", "] * speedups")),
        ("best-speedup", AMDAHL, "return max(speedups.values())"),
        ("largest-part-only", AMDAHL, "return speedups[max(seconds, key=seconds.get)]"),
        ("raises", AMDAHL, 'return sum(seconds.values()) / sum(seconds[p] / speedups[p] for p in ("forward", "backward", "update"))'),
    ],
    "C-measure": [
        ("too-few-rounds", "rounds=rounds", "rounds=2"),
        ("same-record-twice", RECORD, RECORD.replace("times[name, part]", 'times["library", part]')),
        ("one-number-only", RECORD, RECORD.replace("times[name, part]", "times[name, part].median")),
        ("entry-missing", RECORD, RECORD.replace("in parts}", "in PARTS[:3]}")),
        ("not-measured", RECORD, f"{TIMING}{RECORD.replace('times[name, part]', 'Timing(name, [s / 3 for s in times[name, part].seconds])')}"),
        ("not-measured", RECORD, f"{TIMING}{RECORD.replace('times[name, part]', 'Timing(name, [s / 10 for s in times[name, part].seconds])')}"),
        ("same-record-twice", RECORD, RECORD.replace("times[name, part]", 'times[name, "step"]')),
        ("wrong-unit", RECORD, f"{TIMING}{RECORD.replace('times[name, part]', 'Timing(name, [1e6 * s for s in times[name, part].seconds])')}"),
        ("not-positive", RECORD, f"{TIMING}{RECORD.replace('times[name, part]', 'Timing(name, [-s for s in times[name, part].seconds])')}"),
        ("not-called", MEASURE, f"{MADE_UP}"),
        ("not-called", "part, function in parts.items()", 'part, function in functions["library"].items()'),
        ("not-synchronised", ", synchronise=synchronise", ""),
        ("more-than-one-thread", MEASURE, f"torch.set_num_threads(2); {MEASURE}"),
        ("still-to-do | not-called", MEASURE, "raise NotImplementedError"),
        ("returns-none", RECORD, RECORD.replace("return", "found =")),
    ],
}


def _together() -> dict[str, list[tuple[str, ...]]]:
    table: dict[str, list[tuple[str, ...]]] = {}
    for rows in (wrong_texts.ROWS, OWN, wrong_readings.ROWS, wrong_forms.ROWS):
        for cell, more in rows.items():
            table.setdefault(cell, []).extend(more)
    return table


WRONG = _together()
