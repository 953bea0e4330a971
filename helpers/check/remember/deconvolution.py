"""Checks of Part F of `remember`: pooling with switches, unpooling, the transposed convolution, the way back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.check.core.ask import array, ask
from helpers.check.core.cases import primes
from helpers.check.core.compare import NOTHING, Hypothesis, close, verify
from helpers.check.core.report import Mistake, check
from helpers.check.remember import probes
from helpers.check.remember.results import counted, kept_apart, parts, same_again

TWO = ("y", "switches")


def windows(x: np.ndarray) -> np.ndarray:
    """(4, N, K, H/2, W/2): the four numbers of each window, in reading order."""
    return np.stack([x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)])


def right_unpool(y: np.ndarray, switches: np.ndarray) -> np.ndarray:
    n, k, p, q = y.shape
    x = np.zeros((n, k, 2 * p, 2 * q))
    for place in range(4):
        x[:, :, place // 2 :: 2, place % 2 :: 2] = np.where(switches == place, y, 0)
    return x


def _images(seed: int, stream: int) -> list[tuple[np.ndarray, str]]:
    rng, found = np.random.default_rng([seed, stream]), []
    for words in ("a usual batch", "one image, all numbers negative", "float32", "many equal numbers"):
        n, k, p, q = primes(rng, 4, 2, 11)
        n = 1 if "one" in words else n
        x = rng.normal(size=(n, k, 2 * p, 2 * q))
        if "negative" in words:
            x = -np.abs(x) - 0.1
        elif "equal" in words:
            x = np.maximum(np.round(x), 0)
        found.append((x.astype(np.float32) if words == "float32" else x, words))
    return found


@check("pool", "F1")
def pool(pool: Any, *, seed: int = 0) -> Iterator[str]:
    """The maximum of each window, and where it stood; ties may be broken in any way."""
    tried = _images(seed, 120)
    seen = ask(probes.outputs, "pool", pool, 2, ("x",), [[x] for x, _ in tried])
    for i, (x, words) in enumerate(tried):
        here = seen.part(i)
        counted(here, "y and the switches", 2)
        y, switches = parts(here, TWO, "pool")
        four = windows(x.astype(float))
        right = four.max(axis=0)
        if close(switches, right) and not close(y, right):
            raise Mistake("wrong-order-of-results", "pool returns (switches, y); the text asks for (y, switches).")
        n, k, p2, q2 = x.shape
        crossed = x.astype(float).reshape(n, k, 2, p2 // 2, 2, q2 // 2).max(axis=(2, 4))
        verify(y, right, "y of pool", [
            Hypothesis("mean-for-maximum", four.mean(axis=0), "pool takes the mean of each window; max pooling takes "
                       "the largest."),
            Hypothesis("minimum-for-maximum", four.min(axis=0), "pool takes the smallest number of each window."),
            Hypothesis("magnitude-for-value", np.abs(four).max(axis=0), "pool takes the largest *magnitude*; it is the "
                       "largest value."),
            Hypothesis("zero-in-window", np.maximum(right, 0), "pool compares with 0, too: where a whole window is "
                       "negative, its largest number is negative."),
            Hypothesis("windows-mixed-up", crossed, "The windows of pool are not neighbours: the reshape takes numbers "
                       "from two halves of the image. (N, K, H/2, 2, W/2, 2) has the two of a window side by side."),
            Hypothesis("windows-mixed-up", x.astype(float).reshape(n, k, p2 // 2, q2 // 2, 4).max(axis=-1), "The "
                       "windows of pool are four numbers in a row: a reshape to (…, 4) does not make 2 × 2 windows. "
                       "(N, K, H/2, 2, W/2, 2) has the two of a window on axes 3 and 5."),
            Hypothesis("corner-for-maximum", four[0], "pool takes the upper left number of each window."),
            Hypothesis("one-of-two-rows", np.maximum(four[0], four[1]), "pool looks at the upper row of each window "
                       "alone; a window has 2 × 2 numbers."),
            Hypothesis("one-of-two-rows", np.maximum(four[0], four[2]), "pool looks at the left column of each window "
                       "alone; a window has 2 × 2 numbers."),
            Hypothesis("stride-one", _stride_one(x.astype(float)), "The windows of pool overlap: the stride is 2, also "
                       "for the result's size."),
            Hypothesis("sum-for-maximum", four.sum(axis=0), "pool adds up each window; take the largest number."),
        ])  # fmt: skip
        _switches(switches, x.astype(float), four, right, words)
        if np.asarray(here["1"]).dtype.kind not in "iu":
            raise Mistake("switches-not-integers", "The switches of pool are right, but stored as "
                          f"{np.asarray(here['1']).dtype}; the text asks for integers, with which one can index: make "
                          "their array with `dtype=int`.")
        yield f"maxima and switches for {words}"
    same_again(parts(seen.part(0), TWO, "pool"), parts(seen.part(len(tried)), TWO, "pool"), "pool")
    kept_apart(seen, TWO, "pool")


def _stride_one(x: np.ndarray) -> np.ndarray:
    return np.maximum(np.maximum(x[:, :, :-1, :-1], x[:, :, :-1, 1:]), np.maximum(x[:, :, 1:, :-1], x[:, :, 1:, 1:]))


def _switches(got: np.ndarray, x: np.ndarray, four: np.ndarray, right: np.ndarray, words: str) -> None:
    """Raise unless every switch points at a number that is as large as the maximum."""
    first = four.argmax(axis=0)
    w = x.shape[3]
    if got.shape == (*right.shape, 2) or (got.shape[0] == 2 and got.shape[1:] == right.shape):
        raise Mistake("switches-in-pairs", "The switches of pool are pairs (row, column); they are single numbers "
                      "here: 2 · row + column.")
    if got.shape == (*right.shape, 4) or (got.shape[0] == 4 and got.shape[1:] == right.shape) or got.shape == x.shape:
        raise Mistake("switches-as-mask", f"The switches of pool have shape {got.shape}: a mark for each number of a "
                      "window. Return which of the four it is, a number from 0 to 3, in the shape of y.")
    if got.shape != right.shape:
        raise Mistake("wrong-shape", f"The switches of pool have shape {got.shape}; they have the shape of y, "
                      f"{right.shape}.")
    whole = np.isin(got, (0, 1, 2, 3)).all()
    if whole and np.array_equal(np.take_along_axis(four, got[None].astype(int), axis=0)[0], right):
        return
    rows, columns = np.arange(right.shape[2])[:, None] * 2 + first // 2, np.arange(right.shape[3]) * 2 + first % 2
    order = np.array([0, 2, 1, 3])
    for name, wrong, hint in (
        ("switches-by-columns", order[first], "pool counts the four places column by column; 1 is upper *right* and 2 "
         "lower *left*."),
        ("switches-of-the-image", rows * w + columns, "The switches of pool count through the whole image; they say "
         "where in the *window*, 0 to 3."),
        ("switches-from-one", first + 1, "The switches of pool run from 1 to 4; they run from 0 to 3."),
        ("switch-of-minimum", four.argmin(axis=0), "The switches of pool point at the smallest number."),
        ("row-only", first // 2, "The switches of pool say the row in the window alone; they are 2 · row + column."),
        ("column-only", first % 2, "The switches of pool say the column in the "
         "window alone; they are 2 · row + column."),
        ("switches-are-zero", 0 * first, "The switches of pool are all 0."),
        ("switches-reversed", 3 - first, "The switches of pool count from the lower right; 0 is upper left."),
        ("switch-of-magnitude", np.abs(four).argmax(axis=0), "The switches of pool point at the largest *magnitude*; "
         "it is the largest value."),
    ):  # fmt: skip
        if np.array_equal(got, wrong):
            raise Mistake(name, hint)
    if np.array_equal(got, ((four == right) * np.arange(4)[:, None, None, None, None]).sum(axis=0)):
        raise Mistake("ties-added", "Where several numbers of a window are equally large, the switches of pool are the "
                      "sum of their places; take any one of them.")
    if close(got, right):
        raise Mistake("values-for-switches", "pool returns the maxima twice; the switches say *where* they stood.")
    fits = ((four == right) & (got == np.arange(4)[:, None, None, None, None])).any(axis=0)
    at = tuple(int(i) for i in np.argwhere(~fits)[0])
    values = np.moveaxis(four, 0, -1)[at]
    window = ", ".join(f"{v:.3g}" for v in values)
    largest = " or ".join(map(str, np.flatnonzero(values == values.max())))
    raise Mistake("wrong-switches", f"The switch of pool at {at} is {got[at]:g} for {words}; the window there is "
                  f"{window}, so it should be {largest}.")


@check("unpool", "F1")
def unpool(unpool: Any, *, seed: int = 0) -> Iterator[str]:
    """Each number where its switch says, zeros elsewhere."""
    rng, tried = np.random.default_rng([seed, 121]), []
    for words in ("a usual batch", "one image", "float32"):
        n, k, p, q = primes(rng, 4, 2, 11)
        n = 1 if words == "one image" else n
        y = rng.normal(size=(n, k, p, q))
        tried.append((y.astype(np.float32) if words == "float32" else y, rng.integers(4, size=y.shape), words))
    seen = ask(probes.function_calls, "unpool", unpool, ("y", "switches"), [case[:2] for case in tried])
    for i, (given, switches, words) in enumerate(tried):
        y = given.astype(np.float64)
        got, right = array(seen[str(i)], "the result of unpool"), right_unpool(y, switches)
        order = np.array([0, 2, 1, 3])
        n, k, p, q = y.shape
        every = y.repeat(2, axis=2).repeat(2, axis=3)
        halves = np.zeros((n, k, 2, p, 2, q))
        for place in range(4):
            halves[:, :, place // 2, :, place % 2] = np.where(switches == place, y, 0)
        verify(got, right, "the result of unpool", [
            Hypothesis("switches-ignored", right_unpool(y, 0 * switches), "unpool puts every number upper left: it "
                       "does not use the switches."),
            Hypothesis("unpooled-everywhere", every, "unpool repeats each number in all four places; it stands in one, "
                       "which the switch says, and the others are zero."),
            Hypothesis("unpooled-everywhere", every / 4, "unpool spreads each number over all four places, as the "
                       "backward of *mean* pooling does; it stands in one, which the switch says."),
            Hypothesis("switches-by-columns", right_unpool(y, order[switches]), "unpool reads the switches column by "
                       "column; 1 is upper *right* and 2 lower *left*."),
            Hypothesis("switches-reversed", right_unpool(y, 3 - switches), "unpool reads the switches from the lower "
                       "right; 0 is upper left."),
            Hypothesis("switches-from-one", right_unpool(y, switches - 1), "unpool reads the switches as 1 to 4; they "
                       "run from 0 to 3."),
            Hypothesis("negative-lost", np.maximum(right, 0), "unpool loses negative numbers; it puts back whatever y "
                       "holds. (The ReLU comes in `project`.)"),
            Hypothesis("switches-for-values", right_unpool(switches.astype(float), switches), "unpool puts the "
                       "switches themselves into the result; put the numbers of y there."),
            Hypothesis("ones-for-values", right_unpool(np.ones_like(y), switches), "unpool puts ones there; put the "
                       "numbers of y there."),
            Hypothesis("windows-mixed-up", halves.reshape(n, k, 2 * p, 2 * q), "unpool puts the four places of the "
                       "windows side by side as blocks; the windows are interleaved: rows 2·p + i, columns 2·q + j."),
            Hypothesis("windows-mixed-up", (np.eye(4)[switches] * y[..., None]).reshape(n, k, 2 * p, 2 * q), "unpool "
                       "puts the four places of a window in a row: a reshape of (…, 4) does not make 2 × 2 windows. "
                       "Reshape to (N, K, P, Q, 2, 2) and move the rows beside P."),
            Hypothesis("row-only", right_unpool(y, switches // 2 * 2), "unpool uses the row of the switch alone; the "
                       "column is `switches % 2`."),
            Hypothesis("column-only", right_unpool(y, switches % 2), "unpool uses the column of the switch alone; the "
                       "row is `switches // 2`."),
        ], {"height": p, "width": q})  # fmt: skip
        yield words
    if not close(array(seen["again"], "the result of unpool"), right_unpool(tried[0][0].astype(float), tried[0][1])):
        raise Mistake("keeps-state", "A second call of unpool with the same arguments gives something else.")


# Transposed convolution --------------------------------------------------------------------------------------------


def transposed(y: np.ndarray, w: np.ndarray, add: bool = True, w_of: Any = None) -> np.ndarray:
    (n, _, p, q), (_, c, r_all, s_all) = y.shape, w.shape
    w = w if w_of is None else w_of(w)
    x = np.zeros((n, c, p + r_all - 1, q + s_all - 1))
    for r in range(r_all):
        for s in range(s_all):
            found = np.einsum("nkpq,kc->ncpq", y, w[:, :, r, s])
            if add:
                x[:, :, r : r + p, s : s + q] += found
            else:
                x[:, :, r : r + p, s : s + q] = found
    return x


@check("conv_transpose", "F2")
def conv_transpose(conv_transpose: Any, *, seed: int = 0) -> Iterator[str]:
    """Each number spread over the window that it came from, by the same weights, and added up."""
    rng, tried = np.random.default_rng([seed, 122]), []
    for words in ("a usual batch", "one image, one filter", "a single number for each filter", "float32"):
        n, k, c, p, q = primes(rng, 5, 2, 13)
        r, s = (int(v) for v in rng.permutation([2, 3, 4])[:2])
        if words.startswith("one"):
            n, k, r, s = 1, 1, 3, 1
        if words.startswith("a single"):
            p, q = 1, 1
        y, w = rng.normal(size=(n, k, p, q)), rng.normal(size=(k, c, r, s))
        tried.append(((y.astype(np.float32), w.astype(np.float32)) if words == "float32" else (y, w), words))
    seen = ask(probes.function_calls, "conv_transpose", conv_transpose, ("y", "w"), [case for case, _ in tried])
    for i, (given, words) in enumerate(tried):
        y, w = (a.astype(np.float64) for a in given)
        got, right = array(seen[str(i)], "the result of conv_transpose"), transposed(y, w)
        (n, k, p, q), (_, c, r, s) = y.shape, w.shape
        inner = right[:, :, r - 1 : p, s - 1 : q]
        by_number = np.zeros_like(right)
        for a in range(p):
            for b in range(q):
                by_number[:, :, a : a + r, b : b + s] = np.einsum("nk,kcrs->ncrs", y[:, :, a, b], w)
        same = right[:, :, (r - 1) // 2 : (r - 1) // 2 + p, (s - 1) // 2 : (s - 1) // 2 + q]
        verify(got, right, "the result of conv_transpose", [
            Hypothesis("filters-flipped", transposed(y, w, w_of=lambda w: w[:, :, ::-1, ::-1]), "conv_transpose uses "
                       "the filters turned by 180°. Spreading each number uses w[r, s] as it is; only who writes it as "
                       "a convolution of padded y has to turn the filters."),
            Hypothesis("filters-flipped", transposed(y, w, w_of=lambda w: w[:, :, ::-1]), "conv_transpose turns the "
                       "rows of the filters around."),
            Hypothesis("filters-flipped", transposed(y, w, w_of=lambda w: w[:, :, :, ::-1]), "conv_transpose turns the "
                       "columns of the filters around."),
            Hypothesis("overwritten", transposed(y, w, add=False), "conv_transpose writes over what stands there; "
                       "where windows overlap, contributions add up: `+=`."),
            Hypothesis("overwritten", by_number, "conv_transpose writes over what stands there; where windows overlap, "
                       "contributions add up: `+=`."),
            Hypothesis("border-cut-off", inner, "conv_transpose returns the inner part alone; the result is as large "
                       "as the convolution's input, P + R − 1 by Q + S − 1."),
            Hypothesis("border-cut-off", same, "conv_transpose returns something of the size of y; the result is as "
                       "large as the convolution's input, P + R − 1 by Q + S − 1."),
            Hypothesis("one-filter-only", transposed(y[:, :1], w[:1]), "conv_transpose uses the first filter alone; "
                       "sum over all K."),
            Hypothesis("one-filter-only", transposed(y[:, -1:], w[-1:]), "conv_transpose uses the last filter alone; "
                       "sum over all K: `+=`."),
            Hypothesis("one-channel-only", np.broadcast_to(right[:, :1], right.shape), "All channels of conv_transpose "
                       "are the first one; each has its own weights, w[k, c]."),
            Hypothesis("channels-added", np.broadcast_to(right.sum(axis=1, keepdims=True), right.shape),
                       "conv_transpose adds up the channels; each has its own weights, w[k, c]."),
            Hypothesis("divided-by-overlap", right / np.maximum(1e-9, transposed(np.ones((1, 1, p, q)),
                       np.ones((1, 1, r, s)))), "conv_transpose takes the mean where windows overlap; contributions "
                       "add up."),
            Hypothesis("relu-inside", np.maximum(right, 0), "conv_transpose sets what is negative to zero; the ReLU "
                       "comes in `project`, before it."),
            Hypothesis("relu-inside", transposed(np.maximum(y, 0), w), "conv_transpose sets what is negative in y to "
                       "zero; the ReLU comes in `project`."),
            Hypothesis("last-row-missing", _without(y, w, r - 1, None), "conv_transpose leaves out the last row of the "
                       "filters: `range(R)` goes to R − 1."),
            Hypothesis("last-row-missing", _without(y, w, None, s - 1), "conv_transpose leaves out the last column of "
                       "the filters: `range(S)` goes to S − 1."),
        ], {"number of filters": k, "number of channels": c, "batch size": n, "rows of a filter": r})  # fmt: skip
        yield words
    first = transposed(*tried[0][0][:2])
    if not close(array(seen["again"], "the result of conv_transpose"), first):
        raise Mistake("keeps-state", "A second call of conv_transpose with the same arguments gives something else.")


def _without(y: np.ndarray, w: np.ndarray, row: int | None, column: int | None) -> np.ndarray:
    w = w.copy()
    if row is not None:
        w[:, :, row] = 0
    if column is not None:
        w[:, :, :, column] = 0
    return transposed(y, w)


# The way back ------------------------------------------------------------------------------------------------------

Stages = list[tuple[np.ndarray, np.ndarray]]


def right_project(y: np.ndarray, stages: Stages) -> np.ndarray:
    for w, switches in reversed(stages):
        y = transposed(np.maximum(right_unpool(y, switches), 0), w)
    return y


def project_cases(seed: int) -> list[tuple[np.ndarray, Stages]]:
    """One, two and three stages; y with negative numbers."""
    rng, found = np.random.default_rng([seed, 123]), []
    for count in (2, 1, 3):
        n, *channels = primes(rng, count + 2, 2, 13)
        p, q = (1, 2) if count == 3 else (2, 3)
        y = rng.normal(size=(n, channels[-1], p, q))
        stages: Stages = []
        for k in reversed(range(count)):
            r, s = (int(v) for v in rng.permutation([2, 3, 4])[:2])
            switches = rng.integers(4, size=(n, channels[k + 1], p, q))
            stages.insert(0, (rng.normal(size=(channels[k + 1], channels[k], r, s)), switches))
            p, q = 2 * p + r - 1, 2 * q + s - 1
        found.append((y, stages))
    return found


def _back(y: np.ndarray, stages: Stages, of: Any) -> np.ndarray:
    for w, switches in reversed(stages):
        y = of(y, w, switches)
    return y


@check("project", "F3", builds_on="unpool and conv_transpose", after="F1 F2")
def project(project: Any, *, seed: int = 0) -> Iterator[str]:
    """Unpool, ReLU, transposed convolution, from the last stage to the first."""
    tried = project_cases(seed)
    seen = ask(probes.projections, project, tried, advice=_advice)
    relu = np.maximum
    for i, (y, stages) in enumerate(tried):
        got, right = array(seen[str(i)], "the result of project"), right_project(y, stages)
        steps = [
            ("relu-missing", lambda y, w, s: transposed(right_unpool(y, s), w), "project has no ReLU: what is negative "
             "is set to zero between unpooling and the transposed convolution."),
            ("relu-after-convolution", lambda y, w, s: relu(transposed(right_unpool(y, s), w), 0), "project takes the "
             "ReLU after the transposed convolution; it comes before it. (Forward it was convolution, ReLU, pooling, "
             "and back it is the other way round.)"),
            ("relu-twice", lambda y, w, s: relu(transposed(relu(right_unpool(y, s), 0), w), 0), "project takes a ReLU "
             "after the transposed convolution, too; pixels may come out negative."),
            ("switches-ignored", lambda y, w, s: transposed(relu(right_unpool(y, 0 * s), 0), w), "project does not use "
             "the switches: unpool puts every number upper left."),
            ("magnitude-for-relu", lambda y, w, s: transposed(np.abs(right_unpool(y, s)), w), "project takes "
             "magnitudes; a ReLU sets what is negative to zero."),
            ("relu-inverted", lambda y, w, s: transposed(np.minimum(right_unpool(y, s), 0), w), "project keeps what is "
             "negative; a ReLU keeps what is positive."),
            ("filters-flipped", lambda y, w, s: transposed(relu(right_unpool(y, s), 0), w[:, :, ::-1, ::-1]), "project "
             "turns the filters around; `conv_transpose` takes them as they are."),
        ]  # fmt: skip
        wrong = [Hypothesis(name, _back(y, stages, of), hint) for name, of, hint in steps]
        wrong += [
            Hypothesis("last-stage-only", right_project(y, stages[-1:]) if len(stages) > 1 else NOTHING,
                       "project goes back through the last stage alone; go on to the first."),
            Hypothesis("relu-once", _back(relu(y, 0), stages, steps[0][1]), "project takes the ReLU once, at the "
                       "beginning; there is one in every stage."),
            Hypothesis("clipped-pixels", relu(right, 0), "project sets negative pixels to "
                       "zero at the end; leave them."),
        ]  # fmt: skip
        verify(got, right, "the result of project", wrong)
        yield f"{len(stages)} stage{'s' if len(stages) > 1 else ''}"


def _advice(error: BaseException, what: str) -> str:
    words = ("broadcast", "shape", "size", "einsum", "dimension", "index")
    if isinstance(error, ValueError | IndexError) and any(word in str(error) for word in words):
        return (
            " The stages are listed first to last, and the way back begins with the *last*: `reversed(stages)`; in "
            "each one unpool comes first, then ReLU, then conv_transpose."
        )
    return ""
