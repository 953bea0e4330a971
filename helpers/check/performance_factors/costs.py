"""Checks of Part A of `performance_factors`: operations and bytes of layers, and the roof's prediction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from helpers.check.core.ask import ask
from helpers.check.core.cases import primes
from helpers.check.core.compare import close
from helpers.check.core.formulas import Case, Formula, Wrong, halves, numbers, of, pairs, verify_formula
from helpers.check.core.probe import calls, calls_of_each
from helpers.check.core.report import Mistake, check

ITEMSIZES = (4, 2, 8, 4)
WORDS = "(operations, bytes)"
UNITS = ((2**10, "KiB"), (1e3, "kB"), (2**20, "MiB"), (1e6, "MB"), (2**30, "GiB"), (1e9, "GB"))
IN_BYTES = "The bytes are divided by {:g}, so they are in {}. Keep plain bytes, and divide only where you print."
HALF = "Half of the operations are missing: a multiplication and an addition are two."
ONE_IMAGE = "This is one image; there are N of them."
ITEMSIZE = "This is how many numbers are moved; each has `itemsize` bytes."
WRITTEN_IN = (
    "Every number counts 4 bytes, whatever `itemsize` says: is 4 written into the code, or `itemsize` not handed on to "
    "a function that is called?"
)
READ_ONLY = "The output is left out: it has to be written, too. Bytes are moved in both directions."


def dense_flops(N: int, n_in: int, n_out: int, itemsize: int = 4) -> float:
    return 2 * N * n_in * n_out


def dense_numbers(N: int, n_in: int, n_out: int) -> float:
    return N * n_in + n_in * n_out + n_out + N * n_out


def _cost(
    got: tuple[list[Any], list[Any]],
    flops: Sequence[Formula],
    wrong_flops: Wrong,
    nbytes: Formula,
    wrong_bytes: Wrong,
    cases: Sequence[Case],
    names: Sequence[str],
    what: str,
) -> None:
    """Both parts of a cost."""
    operations, moved = (numbers(part, f"a result of {what}") for part in got)
    if any(close(moved, of(one, cases)) for one in flops) and close(operations, of(nbytes, cases)):
        raise Mistake("exchanged", f"The two results of {what} are exchanged: return (operations, bytes).")
    verify_formula(operations, flops, wrong_flops, cases, f"The number of operations of {what}", names)
    general: Wrong = [
        ("numbers-for-bytes", lambda *c: nbytes(*c) / c[-1], ITEMSIZE),
        ("itemsize-written-in", lambda *c: 4 * nbytes(*c) / c[-1], WRITTEN_IN),
        ("itemsize-written-in", lambda *c: 8 * nbytes(*c) / c[-1], "Every number counts 8 bytes, whatever `itemsize` "
         "says. That is what `nbytes` gives of numpy's own arrays, which hold float64."),
        ("bits-for-bytes", lambda *c: 8 * nbytes(*c), "This is bits; a number has `itemsize` *bytes*."),
        *(("wrong-unit", lambda *c, f=factor: nbytes(*c) / f, IN_BYTES.format(factor, unit))
          for factor, unit in UNITS),
        ("counted-twice", lambda *c: 2 * nbytes(*c), "Everything is counted twice. What is only read counts once, and "
         "what is only written, too."),
    ]  # fmt: skip
    verify_formula(moved, nbytes, [*wrong_bytes, *general], cases, f"The number of bytes of {what}", names)


@check("A dense layer", "A1")
def dense_cost(dense_cost: Any, *, seed: int = 0) -> Iterator[str]:
    """2·N·in·out operations, with the bias's additions or without; x, W, b read and y written once."""
    rng = np.random.default_rng([seed, 11])
    cases = [(*primes(rng, 3, 3, 23), itemsize) for itemsize in ITEMSIZES]
    cases[-1] = (1, *cases[-1][1:])
    names = ("N", "n_in", "n_out", "itemsize")
    large = (256, 2048, 2048, 4)  # the notebook's own, 2³¹ operations
    seen = ask(calls, "dense_cost", dense_cost, [*cases, large])

    def nbytes(*c: int) -> float:
        return c[3] * dense_numbers(*c[:3])

    _cost(
        pairs(seen, len(cases), "dense_cost", WORDS),
        [dense_flops, lambda N, i, o, s: 2 * N * i * o + N * o],
        [
            ("factor-two-missing", lambda N, i, o, s: N * i * o, HALF),
            ("factor-two-missing", lambda N, i, o, s: N * i * o + N * o, HALF),
            ("batch-forgotten", lambda N, i, o, s: 2 * i * o, ONE_IMAGE),
            ("batch-forgotten", lambda N, i, o, s: 2 * i * o + o, ONE_IMAGE),
            ("backward-counted", lambda N, i, o, s: 6 * N * i * o, "This is the whole training step; only the forward "
             "pass is asked for, a third of it."),
            ("sizes-added", lambda N, i, o, s: 2 * N * (i + o), "The sizes are added. Each of the N · n_out outputs is "
             "a sum of n_in products."),
            ("itemsize-in-operations", lambda N, i, o, s: 2 * N * i * o * s, "`itemsize` belongs to the bytes. An "
             "operation is one, however many bytes its numbers have."),
            ("bytes-for-operations", lambda N, i, o, s: s * dense_numbers(N, i, o), "These are bytes; operations come "
             "first."),
        ],
        nbytes,
        [
            ("output-not-written", lambda N, i, o, s: s * (N * i + i * o + o), READ_ONLY),
            ("output-not-written", lambda N, i, o, s: s * (N * i + i * o), READ_ONLY),
            ("weights-forgotten", lambda N, i, o, s: s * (N * i + N * o), "The weights are left out. They have to be "
             "read, too, and at batch 1 they are nearly all of it."),
            ("weights-forgotten", lambda N, i, o, s: s * (N * i + o + N * o), "The weights are left out. They have to "
             "be read, too, and at batch 1 they are nearly all of it."),
            ("bias-forgotten", lambda N, i, o, s: s * (N * i + i * o + N * o), "The bias is left out: its n_out "
             "numbers are read once, too."),
            ("bias-per-image", lambda N, i, o, s: s * (N * i + i * o + 2 * N * o), "The bias is counted once for each "
             "image; it has n_out numbers, which are read once."),
            ("weights-per-image", lambda N, i, o, s: s * (N * i + N * i * o + o + N * o), "The weights are read anew "
             "for each image here. Everything that is read counts once: that is what makes a large batch cheap."),
            ("input-forgotten", lambda N, i, o, s: s * (i * o + o + N * o), "The input x is left out; it is read "
             "once."),
            ("batch-forgotten", lambda N, i, o, s: s * (i + i * o + o + o), ONE_IMAGE),
            ("only-weights", lambda N, i, o, s: s * (i * o + o), "These are the parameters alone; x is read and y is "
             "written, too."),
            ("only-weights", lambda N, i, o, s: s * i * o, "These are the weights alone; x and b are read and y is "
             "written, too."),
            ("output-written-twice", lambda N, i, o, s: s * (N * i + i * o + o + 2 * N * o), "The output counts twice "
             "here. It is written once; nobody reads it in this pass."),
            ("weights-per-image", lambda N, i, o, s: s * (N * i + N * (i * o + o) + N * o), "Weights and bias are read "
             "anew for each image here. Everything that is read counts once: that is what makes a large batch cheap."),
            ("bias-of-inputs", lambda N, i, o, s: s * (N * i + i * o + i + N * o), "The bias has one number for each "
             "*output*, n_out of them, not n_in."),
            ("itemsize-written-in", lambda N, i, o, s: s * (N * i + N * o) + 4 * (i * o + o), "The numbers of W and b "
             "are counted with 4 bytes each, whatever `itemsize` says. It holds for them, too."),
        ],
        cases, names, "dense_cost",
    )  # fmt: skip
    operations, moved = (numbers(part[-1:], "a result of dense_cost")[0]
                         for part in pairs(seen, len(cases) + 1, "dense_cost", WORDS))  # fmt: skip
    for got, least, what in ((operations, dense_flops(*large), "operations"), (moved, nbytes(*large), "bytes")):
        if not 0.9 * least <= got <= 1.1 * least:
            raise Mistake(
                "overflow",
                f"256 images with 2,048 inputs and outputs have {got:.6g} {what} here; there are {least:.6g}. So large "
                "a number does not fit into a small type such as int32: count in Python's own whole numbers.",
            )
    yield "operations and bytes for four sizes and three sizes of a number, batch 1 among them"


@check("A convolution", "A2")
def conv_cost(conv_cost: Any, *, seed: int = 0) -> Iterator[str]:
    """2·N·K·C·R·S·P·Q operations; input and filters read, output written once."""
    rng = np.random.default_rng([seed, 12])
    cases = []
    for itemsize in ITEMSIZES:
        N, C, K = primes(rng, 3, 2, 13)
        R, S = (int(v) for v in rng.permutation([2, 3, 4, 5])[:2])
        H, W = R + int(rng.integers(5, 9)), S + int(rng.integers(10, 15))
        cases.append((N, C, H, W, K, R, S, itemsize))
    names = ("N", "C", "H", "W", "K", "R", "S", "itemsize")
    seen = ask(calls, "conv_cost", conv_cost, cases)

    def f(N: int, C: int, H: int, W: int, K: int, R: int, S: int, s: int) -> float:
        return 2 * N * K * C * R * S * (H - R + 1) * (W - S + 1)

    def parts(N: int, C: int, H: int, W: int, K: int, R: int, S: int) -> tuple[float, float, float]:
        return N * C * H * W, K * C * R * S, N * K * (H - R + 1) * (W - S + 1)

    _cost(
        pairs(seen, len(cases), "conv_cost", WORDS),
        [f],
        [
            ("factor-two-missing", lambda *c: f(*c) / 2, HALF),
            ("batch-forgotten", lambda *c: f(*c) / c[0], ONE_IMAGE),
            ("channels-forgotten", lambda *c: f(*c) / c[1], "The input channels are missing: each output is a sum over "
             "all C channels."),
            ("filters-forgotten", lambda *c: f(*c) / c[4], "The filters are missing: there are K of them."),
            ("window-forgotten", lambda *c: f(*c) / (c[5] * c[6]), "The window is missing: each output is a sum over "
             "R · S positions of it."),
            ("input-for-output", lambda N, C, H, W, K, R, S, s: 2 * N * K * C * R * S * H * W, "The window is applied "
             "at each *output* position: P · Q of them, not H · W."),
            ("off-by-one", lambda N, C, H, W, K, R, S, s: 2 * N * K * C * R * S * (H - R) * (W - S), "P = H − R + 1: "
             "a window of R rows fits H − R + 1 times into H."),
            ("padding-assumed",
             lambda N, C, H, W, K, R, S, s: 2 * N * K * C * R * S * (H + 1 - R // 2) * (W + 1 - S // 2),
             "The output's size is that of some padding; there is none here."),
            ("padding-assumed",
             lambda N, C, H, W, K, R, S, s: 2 * N * K * C * R * S * (H + 2 * (R // 2) - R + 1)
             * (W + 2 * (S // 2) - S + 1), "The output's size is that of a padding by half of the window; there is "
             "none here: P = H − R + 1."),
            ("bias-counted", lambda N, C, H, W, K, R, S, s: N * K * (2 * C * R * S + 1) * (H - R + 1) * (W - S + 1),
             "There is one operation too many for each output, as if a bias were added; there is none here."),
            ("window-sides-exchanged", lambda N, C, H, W, K, R, S, s: 2 * N * K * C * R * S * (H - S + 1) * (W - R + 1),
             "R belongs to the rows (H), S to the columns (W): P = H − R + 1 and Q = W − S + 1."),
            ("itemsize-in-operations", lambda *c: f(*c) * c[7], "`itemsize` belongs to the bytes. An operation is one, "
             "however many bytes its numbers have."),
        ],
        lambda *c: c[7] * sum(parts(*c[:7])),
        [
            ("output-not-written", lambda *c: c[7] * sum(parts(*c[:7])[:2]), READ_ONLY),
            ("filters-forgotten", lambda *c: c[7] * (parts(*c[:7])[0] + parts(*c[:7])[2]), "The filters are left out; "
             "they are read once."),
            ("input-forgotten", lambda *c: c[7] * sum(parts(*c[:7])[1:]), "The input is left out; it is read once."),
            ("lowered-counted", lambda N, C, H, W, K, R, S, s: s * (N * C * R * S * (H - R + 1) * (W - S + 1)
             + K * C * R * S + N * K * (H - R + 1) * (W - S + 1)), "Each input number is counted for each window in "
             "which it lies. That is what the lowering moves; the least is to read each number once."),
            ("input-for-output", lambda N, C, H, W, K, R, S, s: s * (N * C * H * W + K * C * R * S + N * K * H * W),
             "The output is smaller than the input: N · K · P · Q numbers."),
            ("off-by-one",
             lambda N, C, H, W, K, R, S, s: s * (N * C * H * W + K * C * R * S + N * K * (H - R) * (W - S)),
             "P = H − R + 1: a window of R rows fits H − R + 1 times into H."),
            ("channels-forgotten", lambda N, C, H, W, K, R, S, s: s * (N * C * H * W + K * R * S
             + N * K * (H - R + 1) * (W - S + 1)), "A filter spans all input channels: K · C · R · S numbers."),
            ("channels-for-filters", lambda N, C, H, W, K, R, S, s: s * (N * C * H * W + K * C * R * S
             + N * C * (H - R + 1) * (W - S + 1)), "The output has K channels, one for each filter, not C."),
            ("filters-per-image", lambda N, C, H, W, K, R, S, s: s * (N * C * H * W + N * K * C * R * S
             + N * K * (H - R + 1) * (W - S + 1)), "The filters are read anew for each image here. Everything that is "
             "read counts once."),
            ("batch-forgotten", lambda *c: c[7] * sum(parts(1, *c[1:7])), ONE_IMAGE),
            ("bias-counted", lambda *c: c[7] * (sum(parts(*c[:7])) + c[4]), "K numbers too many are counted, as if "
             "there were a bias; there is none here."),
        ],
        cases, names, "conv_cost",
    )  # fmt: skip
    yield "operations and bytes of four convolutions, windows that are not square among them"


@check("ReLU and pooling", "A2")
def elementwise_cost(relu_cost: Any, pool_cost: Any, *, seed: int = 0) -> Iterator[str]:
    """One operation a number, read and written; three for each output of pooling, four read and one written."""
    rng = np.random.default_rng([seed, 13])
    relus = [(int(rng.integers(50, 999)), itemsize) for itemsize in ITEMSIZES]
    pools = []
    for itemsize in ITEMSIZES:
        N, C, h, w = primes(rng, 4, 2, 13)
        pools.append((N, C, 2 * h, 2 * w, itemsize))
    seen = ask(calls_of_each, [("relu_cost", relu_cost, relus), ("pool_cost", pool_cost, pools)])
    once = "Each number is counted once. It is read *and* written: twice its bytes."
    _cost(
        pairs(seen.part("relu_cost"), len(relus), "relu_cost", WORDS),
        [lambda n, s: n],
        [
            ("two-for-one-operation", lambda n, s: 2 * n, "A comparison is one operation; ReLU does one for each "
             "number."),
            ("no-operations", lambda n, s: 0, "A comparison is an operation, too: one for each number."),
            ("itemsize-in-operations", lambda n, s: n * s, "`itemsize` belongs to the bytes."),
        ],
        lambda n, s: 2 * n * s,
        [("read-or-written-only", lambda n, s: n * s, once)],
        relus, ("numbers", "itemsize"), "relu_cost",
    )  # fmt: skip
    yield "ReLU: one operation a number, which is read and written"

    def outputs(N: int, C: int, H: int, W: int, s: int) -> int:
        return N * C * (H // 2) * (W // 2)

    _cost(
        pairs(seen.part("pool_cost"), len(pools), "pool_cost", WORDS),
        [lambda *c: 3 * outputs(*c)],
        [
            ("four-for-three-comparisons", lambda *c: 4 * outputs(*c), "The largest of four numbers takes three "
             "comparisons, not four."),
            ("one-for-three-comparisons", lambda *c: outputs(*c), "One operation for each output is too little: the "
             "largest of four numbers takes three comparisons."),
            ("three-for-each-input", lambda *c: 12 * outputs(*c), "Three comparisons for each *output*; here they are "
             "counted for each input."),
            ("batch-forgotten", lambda *c: 3 * outputs(*c) / c[0], ONE_IMAGE),
            ("channels-forgotten", lambda *c: 3 * outputs(*c) / c[1], "The channels are missing: each is pooled by "
             "itself."),
            ("half-for-a-quarter", lambda *c: 6 * outputs(*c), "The output has half as many rows *and* half as many "
             "columns, a quarter of the numbers."),
            ("no-operations", lambda *c: 0, "Comparisons are operations, too: three for each output."),
        ],
        lambda *c: c[4] * 5 * outputs(*c),
        [
            ("read-or-written-only", lambda *c: c[4] * 4 * outputs(*c), READ_ONLY),
            ("read-or-written-only", lambda *c: c[4] * outputs(*c), "These are the bytes that are written; the input, "
             "four times as large, has to be read."),
            ("output-as-large-as-input", lambda *c: c[4] * 8 * outputs(*c), "The output counts as much as the input "
             "here; it is a quarter of it."),
            ("half-for-a-quarter", lambda *c: c[4] * 6 * outputs(*c), "The output has half as many rows *and* half as "
             "many columns, a quarter of the numbers."),
            ("batch-forgotten", lambda *c: c[4] * 5 * outputs(*c) / c[0], ONE_IMAGE),
        ],
        pools, ("N", "C", "H", "W", "itemsize"), "pool_cost",
    )  # fmt: skip
    yield "pooling: three comparisons for each output; four numbers read and one written"


@check("The roof's prediction", "A3")
def roof_seconds(roof_seconds: Any, *, seed: int = 0) -> Iterator[str]:
    """max(F/peak, B/bandwidth), and the name of the longer."""
    rng = np.random.default_rng([seed, 14])
    cases = []
    for compute in (True, False, True, False):
        peak, width = float(rng.uniform(2e10, 9e10)), float(rng.uniform(3e9, 2e10))
        seconds, ratio = float(rng.uniform(0.01, 0.9)), float(rng.uniform(0.2, 0.8))
        flops, nbytes = seconds * peak * (1 if compute else ratio), seconds * width * (ratio if compute else 1)
        cases.append((round(flops), round(nbytes), peak, width))
    cases.append((round(0.3 * nbytes), round(nbytes), peak, width))  # a copy: fewer operations than bytes
    equal = 2.0 ** int(rng.integers(30, 36)), 2.0 ** int(rng.integers(28, 33))
    cases.append((int(equal[0]) // 4, int(equal[1]) // 4, *equal))  # both times a quarter of a second, exactly
    seen = ask(calls, "roof_seconds", roof_seconds, cases)
    first, second = pairs(seen, len(cases), "roof_seconds", '(seconds, "compute" or "memory")')
    if all(isinstance(one, str) for one in first):
        raise Mistake("exchanged", 'The two results are exchanged: return (seconds, "compute" or "memory").')
    verify_formula(
        numbers(first, "the seconds of roof_seconds"),
        lambda F, B, p, w: max(F / p, B / w),
        [
            *(("half-precision", lambda F, B, p, w, longer=longer: longer(halves(F) / halves(p), halves(B) / halves(w)),
               "The numbers are in half precision (float16), which ends at 65,504: larger ones are infinite. Compute "
               "in Python's own floats.") for longer in (max, np.maximum, np.fmax)),
            ("sum-for-larger", lambda F, B, p, w: F / p + B / w, "The two times are added. A processor computes and "
             "moves at the same time, so the longer of the two counts: `max`. (Paleo's model adds them.)"),
            ("smaller-for-larger", lambda F, B, p, w: min(F / p, B / w), "This is the shorter of the two times; the "
             "longer one is the limit: `max`."),
            ("only-operations", lambda F, B, p, w: F / p, "Only the operations count here; work that moves much waits "
             "for memory: take the longer of the two times."),
            ("only-bytes", lambda F, B, p, w: B / w, "Only the bytes count here; take the longer of the two times."),
            ("counts-compared", lambda F, B, p, w: F / p if F > B else B / w, "The number of operations is compared "
             "with the number of bytes, and by that a time is chosen. Compare the two *times*: the "
             "longer one is the limit."),
            ("speed-for-time", lambda F, B, p, w: min(p, F / B * w), "This is a speed, in FLOP/s; seconds are asked "
             "for: the operations divided by it."),
            ("divided-wrongly", lambda F, B, p, w: max(p / F, w / B), "The division is upside down: seconds are "
             "operations / (operations per second)."),
            ("rates-exchanged", lambda F, B, p, w: max(F / w, B / p), "Operations are divided by the bandwidth, and "
             "bytes by the peak. Look at the units: FLOP / (FLOP/s)."),
            *(("wrong-unit", lambda F, B, p, w, f=factor: f * max(F / p, B / w), f"The seconds are in {unit}. Keep "
               "seconds everywhere and turn them into others only where you print.")
              for factor, unit in ((1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds"))),
        ],
        cases, "The prediction", ("flops", "nbytes", "peak", "bandwidth"),
    )  # fmt: skip
    yield "the longer of the two times"
    for (F, B, p, w), said in zip(cases, second, strict=True):
        right, other = ("compute", "memory") if F / p > B / w else ("memory", "compute")
        if not isinstance(said, str):
            raise Mistake(
                "limit-not-named", f'The second result is {str(said)[:40]}; it should be "compute" or "memory".'
            )
        word = said.strip().lower()
        if word.startswith(other) and F / p == B / w:
            raise Mistake("tie-called-compute", f"Computing and moving take equally long here, {F / p:.3g} s, and the "
                          f"result says {said!r}. The text calls work compute-bound only where computing takes "
                          'longer, else "memory": `>`, not `>=`.')
        if word.startswith(other):
            raise Mistake(
                "limit-exchanged",
                f"Computing takes {F / p:.3g} s and moving {B / w:.3g} s, so the limit is "
                f'"{right}"; the result says {said!r}.',
            )
        if said != right:
            raise Mistake("limit-not-named", f"The second result is {said[:40]!r}; it should be the text "
                          '"compute" or "memory" and nothing else, since code that uses it compares it with these.')
    yield "which of the two is the limit"
