"""Checks of Part E of `performance_factors`: ring all-reduce, the gradient of a batch that is shared, and models."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from helpers.check.core.ask import Answer, array, ask
from helpers.check.core.cases import primes
from helpers.check.core.compare import Hypothesis, close
from helpers.check.core.formulas import halves, numbers, of, verify_formula
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check
from helpers.check.performance_factors import probes

# The ring ---------------------------------------------------------------------------------------------------------


def rings(seed: int) -> list[list[np.ndarray]]:
    """Vectors of 3, 3, 2, 4 and 5 workers, a single one's, lengths that can't be divided, one shorter than the ring."""
    rng = np.random.default_rng([seed, 51])
    sizes = (
        (3, 11),
        (3, 12),
        (2, 7),
        (4, int(rng.choice([13, 15, 18, 22]))),
        (5, 23),
        (1, 6),
        (5, 3),
        (6, int(rng.integers(31, 35))),
    )
    found = [[rng.normal(size=length) for _ in range(n)] for n, length in sizes]
    found.append([rng.normal(size=11).astype(np.float32) for _ in range(3)])
    return found


def simulated(
    vectors: Sequence[np.ndarray], first: int, second: int, add_again: bool = False, divide: float = 1.0,
    shift: int = 0, own: bool = False, halve: bool = False,
) -> list[np.ndarray]:
    """What a ring gives in which each round has so many steps; add_again: the second round adds, too; shift: it begins
    so many parts before the finished one; own: in the first round each sends its own parts; halve: each takes the
    mean of two in place of their sum."""
    n = len(vectors)
    parts, mine = ([[part.astype(float) for part in np.array_split(v, n)] for v in vectors] for _ in range(2))
    for step in range(first):
        sent = [(mine if own else parts)[me][(me - step) % n].copy() for me in range(n)]
        for me in range(n):
            parts[me][(me - step - 1) % n] = (parts[me][(me - step - 1) % n] + sent[(me - 1) % n]) / (1 + halve)
    for step in range(second):
        sent = [parts[me][(me - step + 1 - shift) % n].copy() for me in range(n)]
        for me in range(n):
            place = (me - step - shift) % n
            parts[me][place] = parts[me][place] + sent[(me - 1) % n] if add_again else sent[(me - 1) % n]
    return [np.concatenate(p) / divide for p in parts]


def _ended(seen: Answer) -> None:
    """The Mistake of a run that did not come to its end."""
    if "ended" not in seen:
        return
    how, text = seen["ended"]
    if not seen["async"] and "async def" in text:
        raise Mistake("not-async", "ring_mean should be an `async def` function: it waits for messages by `await`.")
    if how == "deadlock":
        if "take its message" in text and "for a message" not in text:
            raise Mistake(
                "all-send-first",
                f"All workers wait for ever: each sends first, and nobody receives. {text} "
                "Use `port.exchange`, "
                "or let the workers of odd rank receive first.",
            )
        if "take its message" not in text:
            raise Mistake(
                "all-receive-first",
                "All workers wait for ever: each waits for a message, and nobody "
                f"sends. {text} Is `await` "
                "missing before `port.send(…)`? Without it nothing is sent.",
            )
        raise Mistake("deadlock", f"The workers wait for each other for ever. {text}")
    if "itself" in text:
        raise Mistake(
            "message-to-itself", f"{text} With a single worker there is nobody to talk to, and no message is needed."
        )
    if "can't send to" in text or "can't receive from" in text:
        raise Mistake("unknown-worker", f"{text} In a ring the right neighbour of the last worker is worker 0, `(rank "
                      "+ 1) % size`. (Pairs such as `rank ^ 1` are complete for 2, 4, 8, … workers only; there may be "
                      "any number.)")
    if "without end" in text:
        raise Mistake("never-returns", text)
    raise Mistake("refused", text)


def _advice(error: BaseException, what: str) -> str:
    text = str(error)
    if "process group" in text:
        return (
            " `torch.distributed` knows nothing of these workers, which are simulated: they are reached through "
            "`port` alone."
        )
    if "_Wait" in text or "coroutine" in text or "dtype('O')" in text:
        return (
            " Is `await` missing before `port.exchange(…)` or `port.receive(…)`? Without it one gets no "
            "message, but a promise of one."
        )
    if "broadcast" in text or "operands" in text:
        return (
            " Two parts of different length meet. The parts of a vector need not be equally long, so "
            "each step must combine the *same* part of two workers."
        )
    return ""


@check("Ring all-reduce", "E1")
def ring_mean(ring_mean: Any, *, seed: int = 0) -> Iterator[str]:
    """The mean on each worker, for any number of them and any length."""
    asked = rings(seed)
    seen = ask(probes.ring, ring_mean, asked, advice=_advice)
    for i, vectors in enumerate(asked):
        notes, n, length = seen.part(i), len(vectors), len(vectors[0])
        if length < n and i and "ended" in notes and notes["ended"][0] == "deadlock":
            raise Mistake("empty-part-skipped", f"With {n} workers and {length} numbers some parts are empty, and the "
                "workers wait for each other for ever. An empty part is a message, too: if a worker leaves it out, its "
                "neighbour waits for it. Exchange in every step, whatever the part's size.")
        _ended(notes)
        results = notes["results"]
        where = f"{n} worker{'s' if n > 1 else ''}, {length} numbers"
        if any(result is None for result in results):
            raise Mistake("returns-none", "ring_mean returns None. Is the `return` missing?")
        got = [array(result, "the result of ring_mean") for result in results]
        mean = np.mean(np.asarray(vectors, dtype=float), axis=0)
        if not all(close(one, mean) for one in got):
            raise _wrong_ring(got, vectors, mean, where, bool(notes["messages"]))
        if notes["changed"]:
            raise Mistake(
                "input-changed",
                "The vector that a worker is given was changed in place. The caller still "
                "needs it: cut copies, "
                "`part.copy()`.",
            )
        yield where


def _wrong_ring(
    got: list[np.ndarray], vectors: Sequence[np.ndarray], mean: np.ndarray, where: str, sent: bool
) -> Mistake:
    n, length = len(vectors), len(vectors[0])
    if any(one.shape != mean.shape for one in got):
        shape = next(one.shape for one in got if one.shape != mean.shape)
        if len(shape) == 1 and shape[0] == length // n * n:
            return Mistake(
                "parts-lost",
                f"With {where}, the result has {shape[0]} numbers: the rest of {length} by "
                f"{n} is lost. `np.array_split` makes "
                "parts whose lengths differ by one.",
            )
        return Mistake("wrong-shape", f"With {where}, a result has shape {shape}; it should be ({length},).")
    if n == 1:
        return Mistake("one-worker", "With a single worker the mean is its own vector; the result is another one.")
    both = n - 1

    def alike(wrong: Sequence[np.ndarray]) -> bool:
        return all(close(a, np.asarray(b, dtype=float)) for a, b in zip(got, wrong, strict=True))

    candidates: list[tuple[str, Sequence[np.ndarray], str]] = [
        ("sum-for-mean", [n * mean] * n, f"This is the sum; the mean is asked for: divide by the {n} workers."),
        ("divided-twice", [mean / n] * n, f"The sum is divided by the {n} workers twice."),
        ("own-vector", list(vectors), "Each worker returns its own vector, as it was."),
        ("own-vector", [v / n for v in vectors], "Each worker returns its own vector, divided by their number: nothing "
                                                 "of the others arrived."),
        ("neighbour-only",
         [(vectors[k] + vectors[k - 1]) / 2 for k in range(n)], "Only the left neighbour's vector was added."),
        *(("second-round-missing",
           simulated(vectors, both, 0, divide=d),
           "Each worker has one finished part and partial sums for the others: the "
           "second round is missing, in which the finished parts travel around.") for d in (n, 1)),
        *(("step-missing",
           simulated(vectors, first, second, divide=n),
           f"A round has too few steps: {n - 1} are needed in each, for {n} workers.")
          for first, second in ((both - 1, both), (both, both - 1), (both - 1, both - 1))),
        *(("step-too-many",
           simulated(vectors, first, second, divide=n),
           f"A round has too many steps: {n - 1} are needed in each, for {n} workers.")
          for first, second in ((n, both), (n, n))),
        ("step-too-many", simulated(vectors, n, n, divide=n, shift=1), f"A round has too many steps: {n - 1} are "
         f"needed in each, for {n} workers. In one more, the own part comes back and is added again."),
        ("unfinished-part-sent", simulated(vectors, both, both, divide=n, shift=1), "The second round begins with part "
         "`rank`, which holds a sum that is not finished. After the first round worker `rank` has finished part rank + "
         "1: begin with that."),
        ("own-part-sent", simulated(vectors, both, both, divide=n, own=True), "In the first round each worker sends "
         "its own part in every step. It should hand on the sum that it has so far, what arrived added to its own "
         "part, or the sum doesn't travel on."),
        *(("added-in-second-round",
           simulated(vectors, both, both, True, d),
           "In the second round, too, what arrives is added; there the finished "
           "part *replaces* the own one.") for d in (n, 1)),
        ("divided-by-workers-less-one",
         [n * mean / (n - 1)] * n if n > 1 else [], f"The sum is divided by {n - 1}; there are {n} workers."),
        *(("mean-of-neighbours", halved, "The mean of two is taken at each step, which is not the mean of all: add, "
           "and divide once in the end.") for halved in ([_halving(vectors)] * n,
                                                         simulated(vectors, both, both, halve=True))),
    ]  # fmt: skip
    for name, wrong, hint in candidates:
        if len(wrong) == n and alike(wrong):
            return Mistake(name, f"With {where}: {hint}")
    if not sent:
        return Mistake("nothing-sent", f"With {where}, no message is sent, so a worker can't know the others' vectors. "
                       "Workers are separate programs and share no list or variable: what one is to know travels "
                       "through `port`.")
    if length % n and all(close(one[: length // n * n], mean[: length // n * n]) for one in got):
        return Mistake(
            "parts-lost", f"With {where}, the last {length % n} numbers are wrong: the rest of {length} by {n}."
        )
    if any(not close(one, got[0]) for one in got[1:]):
        right = [k for k, one in enumerate(got) if close(one, mean)]
        also = f" Only worker {', '.join(map(str, right))} has the mean." if right else ""
        if all(sorted(np.round(one, 9)) == sorted(np.round(mean, 9)) for one in got):
            return Mistake(
                "parts-in-wrong-order",
                f"With {where}, each worker has the right numbers in a wrong order: "
                "put each part back "
                "where it came from before they are joined.",
            )
        return Mistake(
            "workers-disagree",
            f"With {where}, the workers end with different vectors.{also} Follow one "
            "part around the ring: "
            "which one does a worker send in step 0, 1, 2?",
        )
    k = int(np.flatnonzero(~np.isclose(got[0], mean, rtol=2e-4, atol=1e-6))[0])
    return Mistake("differs", f"With {where}, number {k} is {got[0][k]:.6g}; the mean is {mean[k]:.6g}.")


def _halving(vectors: Sequence[np.ndarray]) -> np.ndarray:
    found = np.asarray(vectors[0], dtype=float)
    for other in vectors[1:]:
        found = (found + other) / 2
    return found


@check("Messages of the ring", "E2", builds_on="the mean of E1", after="E1")
def ring_traffic(ring_mean: Any, *, seed: int = 1) -> Iterator[str]:
    """2(n − 1) messages of each worker to one neighbour, of about 1/n of the vector. Who sends in turns is told so: the
    exercise asks for no time."""
    rng = np.random.default_rng([seed, 52])
    asked = [
        [rng.normal(size=length) for _ in range(n)] for n, length in ((4, 40), (7, 61), (3, int(rng.integers(20, 30))))
    ]
    seen = ask(probes.ring, ring_mean, asked, advice=_advice)
    for i, vectors in enumerate(asked):
        notes, n, length = seen.part(i), len(vectors), len(vectors[0])
        _ended(notes)
        messages = notes["messages"]
        mean = np.mean(vectors, axis=0)
        if any(result is None for result in notes["results"]):
            raise Mistake("returns-none", "ring_mean returns None. Is the `return` missing?")
        if not all(close(array(result, "the result of ring_mean"), mean) for result in notes["results"]):
            raise Mistake("mean-wrong", "The result is not yet the mean of all vectors; the check of E1 says why. Its "
                                        "messages are counted "
                          "when it is.")  # fmt: skip
        by_source = [[m for m in messages if m[0] == rank] for rank in range(n)]
        received = [[m for m in messages if m[1] == rank] for rank in range(n)]
        sent, whole = max(sum(m[2] for m in row) for row in by_source), 8 * length
        most = max(map(len, by_source))
        least = 2 * (n - 1) * math.ceil(length / n) * 8
        words = f"{n} workers with {length} numbers ({whole} bytes) each"
        if max(map(len, received)) >= 2 * max(1, min(map(len, received))) or most >= 2 * max(
            1, min(map(len, by_source))
        ):
            raise Mistake(
                "one-does-all",
                f"{words}: one worker takes part in many more messages than another. In a "
                "ring all do the same; "
                "one that collects everything becomes the bottleneck.",
            )
        if any((target - source) % n not in (1, n - 1) for source, target, _ in messages):
            raise Mistake(
                "not-a-ring",
                f"{words}: messages go to workers that are no neighbours. In a ring each sends "
                "to its right "
                "neighbour only.",
            )
        if sent > 1.05 * least and sent >= 0.9 * (n - 1) * whole:
            raise Mistake(
                "whole-vector-sent",
                f"{words}: a worker sends {sent} bytes. Whole vectors travel; cut each "
                f"into {n} parts, so that 2 · {n - 1} messages of "
                f"about {whole // n} bytes are enough.",
            )
        if sent == 0:
            raise Mistake("nothing-sent", f"{words}: no bytes are sent.")
        if most > 2 * (n - 1):
            raise Mistake(
                "too-many-messages",
                f"{words}: a worker sends {most} messages; 2 · {n - 1} are enough, and each costs a latency.",
            )
        if sent > 1.05 * least:
            raise Mistake(
                "too-many-bytes",
                f"{words}: a worker sends {sent} bytes in {most} messages; 2 · {n - 1} "
                f"messages of about {whole // n} bytes, at most "
                f"{least}, are enough.",
            )
        slow = (
            f"; it takes {notes['seconds']:.0f} latencies, as the workers wait for each other's turn: where all send "
            f"at the same time, {2 * (n - 1)} are enough"
            if notes["seconds"] > 3 * 2 * (n - 1) + 0.5
            else ""
        )
        yield f"{words}: {most} messages and {sent} bytes of each{slow}"


# A shared batch ---------------------------------------------------------------------------------------------------


@check("The gradient of a shared batch", "E3")
def shared_gradient(shared_gradient: Any, *, seed: int = 0) -> Iterator[str]:
    """The gradient of the mean loss of the whole batch, from shares that differ by one image at most."""
    rng = np.random.default_rng([seed, 53])
    n_in, n_out = primes(rng, 2, 3, 7)
    weight = rng.normal(size=(n_in, n_out))
    asked = []
    for images, workers in ((12, 3), (int(rng.choice([11, 13, 17])), 4), (9, 1), (10, 3), (3, 5)):
        asked.append((rng.normal(size=(images, n_in)), rng.permutation(np.arange(images) % n_out), workers))
    seen = ask(probes.shares, shared_gradient, asked, weight)
    for i, (x, y, workers) in enumerate(asked):
        _shared(seen.part(i), x, y, workers, weight)
        yield f"{len(x)} images on {workers} worker{'s' if workers > 1 else ''}"


def _shared(notes: Answer, x: np.ndarray, y: np.ndarray, workers: int, weight: np.ndarray) -> None:
    images = len(x)
    words = f"{images} images on {workers} worker{'s' if workers > 1 else ''}"

    def gradient(rows: Any) -> np.ndarray:
        return np.asarray(x[rows].T @ (x[rows] @ weight - np.eye(weight.shape[1])[y[rows]]) / len(rows))

    right = gradient(np.arange(images))
    shares = [rows for rows in np.array_split(np.arange(images), workers) if len(rows)]
    if "sizes" in notes and not notes["sizes"] and "result" in notes:
        raise Mistake("gradient-not-called", "shared_gradient never calls `gradient`.")
    sizes, strangers = list(notes["sizes"]), list(notes["strangers"])
    asked_for = list(notes["asked for"])
    if strangers:
        if any(i < 0 for i in strangers):
            raise Mistake("other-images", f"{words}: `gradient` is called with rows that are not rows of x.")
        raise Mistake(
            "labels-mixed-up",
            f"{words}: an image meets the label of another one. Take the same rows of x and of labels.",
        )
    if 0 in sizes:
        raise Mistake(
            "empty-share",
            f"{words}: `gradient` is called with no images, and the mean of nothing is not a "
            "number. A worker without images "
            "has nothing to add.",
        )
    got = array(notes["result"], "the result of shared_gradient")
    if len(shares) > 1 and sizes == [images]:
        raise Mistake(
            "not-shared", f"{words}: `gradient` is called once, with all images, so one worker does everything."
        )
    if len(shares) > 1 and sizes and all(size == images for size in sizes):
        raise Mistake(
            "batch-not-divided",
            f"{words}: every worker gets the whole batch, so {workers} do the work of one, each. Give each its share.",
        )
    missing = sorted(set(range(images)) - set(asked_for))
    if missing and len(sizes) == 1 < len(shares):
        raise Mistake(
            "first-share-only", f"{words}: `gradient` is called for one share only. Is the `return` inside the loop?"
        )
    if missing:
        raise Mistake(
            "images-lost",
            f"{words}: {len(missing)} of the images are given to no worker. Where the batch "
            "can't be divided evenly, some shares have "
            "one image more: `np.array_split`.",
        )
    if len(asked_for) > images:
        raise Mistake("images-twice", f"{words}: {len(asked_for) - images} images are given to more than one worker.")
    if workers <= images and len(sizes) != workers:
        raise Mistake(
            "wrong-number-of-shares", f"{words}: `gradient` is called {len(sizes)} times; once for each worker."
        )
    if max(sizes) - min(sizes) > 1:
        raise Mistake(
            "shares-uneven",
            f"{words}: the shares have {', '.join(map(str, sizes))} images. All wait for "
            "the largest: they should differ by one "
            "at most.",
        )
    if close(got, right):
        return
    parts, counts = [gradient(rows) for rows in shares], [len(rows) for rows in shares]
    mean = sum(parts) / len(parts)
    wrong = [
        Hypothesis("sum-for-mean", sum(parts), "The workers' gradients are added up. Each is a mean over its share; "
                                               "their weighted *mean* is asked for."),
        Hypothesis("unweighted-mean", mean, "All workers count the same, but their shares differ: a share with more "
                                            "images must count more, by len(share) / "
                   "len(batch)."),
        Hypothesis("unweighted-mean", sum(parts) / workers, "The sum is divided by all workers, though some have no "
                                                            "images; weight each share by len(share) / "
                   "len(batch)."),
        Hypothesis("divided-twice", right / workers, f"The mean is divided by the {workers} workers once more. The "
                                                     "weights len(share) / len(batch) already add "
                   "up to 1."),
        Hypothesis("divided-twice", right / images, "The mean is divided by the number of images once more: `gradient` "
                                                    "returns a mean already."),
        Hypothesis("divided-twice", mean / workers, f"The mean is divided by the {workers} workers twice."),
        Hypothesis("sum-of-images", right * images, "This is the sum over the images; divide by the length of the "
                                                    "batch."),
        Hypothesis("divided-twice", sum(parts) / images, "`gradient` already returns a mean over its share; weight it "
                                                         "with len(share) / len(batch)."),
        Hypothesis("last-share-only", parts[-1], "This is the gradient of the last share alone. Is the total "
                                                 "overwritten in the loop?"),
        Hypothesis("first-share-only", parts[0], "This is the gradient of the first share alone. Is the total kept?"),
        Hypothesis("last-share-only",
                   parts[-1] * counts[-1] / images,
                   "This is the gradient of the last share alone. Is the total overwritten in the loop?"),
        Hypothesis("first-share-only", parts[0] * counts[0] / images, "This is the gradient of the first share alone. "
                                                                      "Is the `return` inside the loop?"),
        Hypothesis("divided-by-workers", right * images / workers, f"The shares' gradients, each times its images, are "
                   f"divided by the {workers} workers; divide by the number of all images, {images}."),
        Hypothesis("weights-inverted", sum(p * images / c for p, c in zip(parts, counts, strict=True)),
                   "The weights are upside down: len(share) / len(batch)."),
    ]  # fmt: skip
    for hypothesis in wrong:
        if hypothesis.explains(got):
            raise Mistake(hypothesis.name, f"{words}: {hypothesis.hint}")
    if got.shape != right.shape:
        raise Mistake(
            "wrong-shape", f"{words}: the result has shape {got.shape}; it should be that of a gradient, {right.shape}."
        )
    k = tuple(int(v) for v in np.argwhere(~np.isclose(got, right, rtol=2e-4, atol=1e-6))[0])
    raise Mistake("differs", f"{words}: entry {k} is {got[k]:.6g}; of the whole batch it is {right[k]:.6g}.")


# Models -----------------------------------------------------------------------------------------------------------


def ring_time(nbytes: float, workers: int, latency: float, bandwidth: float) -> float:
    return 2 * (workers - 1) * (latency + nbytes / workers / bandwidth)


RING_NAMES = ("nbytes", "workers", "latency", "bandwidth")


@check("Seconds of a ring", "E4")
def ring_seconds(ring_seconds: Any, *, seed: int = 0) -> Iterator[str]:
    """2(n − 1)(α + B/(nβ)), and nothing for one worker."""
    rng = np.random.default_rng([seed, 54])
    cases = []
    for n in (3, 7, 64, 1024):
        width = float(rng.uniform(1e9, 2e10))
        latency = float(rng.uniform(5e-6, 9e-5))
        cases.append((int(latency * width * n * rng.uniform(0.3, 3)), n, latency, width))
    alone = (cases[0][0], 1, *cases[0][2:])
    few = (int(rng.choice((5, 6, 9))), 4, 1e-6, 10.0)  # so few bytes that the rest counts
    seen = ask(calls, "ring_seconds", ring_seconds, [*cases, alone, few])
    got = numbers([seen[i] for i in range(len(cases))], "the result of ring_seconds")
    verify_formula(
        got, ring_time,
        [
            ("latency-forgotten", lambda B, n, a, w: 2 * (n - 1) * B / n / w,
             "The latency is missing: each of the 2(n − 1) messages costs α, however short it is. (Paleo's model "
             "leaves it out, too, and small messages come out wrong.)"),
            ("latency-once", lambda B, n, a, w: a + 2 * (n - 1) * B / n / w,
             "The latency is counted once; each of the 2(n − 1) steps costs it."),
            ("latency-once", lambda B, n, a, w: 2 * a + 2 * (n - 1) * B / n / w,
             "The latency is counted once a round; each of the 2(n − 1) steps costs it."),
            ("one-round-only", lambda B, n, a, w: (n - 1) * (a + B / n / w),
             "This is one round; there are two: one that adds, one that hands the finished parts on."),
            ("whole-vector-sent", lambda B, n, a, w: 2 * (n - 1) * (a + B / w),
             "Whole vectors travel here; in a ring a message is 1/n of it."),
            ("workers-for-steps", lambda B, n, a, w: 2 * n * (a + B / n / w), "A round has n − 1 steps, not n."),
            ("bracket-missing", lambda B, n, a, w: (2 * n - 1) * (a + B / n / w), "The steps are 2n − 1 here; they are "
             "2(n − 1): a bracket is missing."),
            ("half-precision", lambda B, n, a, w: 2 * (n - 1) * (a + float(halves(B / n)) / w),
             "The bytes are in half precision (float16), which ends at 65,504: larger numbers are infinite. Compute in "
             "Python's own floats."),
            ("tree-for-ring", lambda B, n, a, w: 2 * math.ceil(math.log2(n)) * (a + B / w),
             "This is a tree; a ring has 2(n − 1) steps with 1/n of the vector each."),
            ("bandwidth-multiplied", lambda B, n, a, w: 2 * (n - 1) * (a + B / n * w),
             "The bytes are multiplied by the bandwidth; divide them."),
            ("bandwidth-forgotten",
             lambda B, n, a, w: 2 * (n - 1) * a, "Only the latency is counted; the bytes take time, too."),
            ("bits-for-bytes", lambda B, n, a, w: 2 * (n - 1) * (a + 8 * B / n / w),
             "The bytes are turned into bits; the bandwidth is in bytes per second."),
            ("latency-divided", lambda B, n, a, w: 2 * (n - 1) / n * (a + B / w),
             "The latency is divided by n, too; only the bytes of a message are."),
            ("messages-added", lambda B, n, a, w: 2 * n * (n - 1) * (a + B / n / w),
             "The messages of all workers are added up. They travel at the same time: count the steps."),
        ],
        cases, "The result", RING_NAMES,
    )  # fmt: skip
    yield "four rings, up to 1,024 workers"
    one = numbers([seen[len(cases)]], "the result of ring_seconds")[0]
    if abs(one) > 1e-12:
        raise Mistake("one-worker", f"A single worker sends nothing: 0 seconds, not {one:.3g}.")
    yield "nothing for a single worker"
    verify_formula(
        numbers([seen[len(cases) + 1]], "the result of ring_seconds"), ring_time,
        [("rest-lost", lambda B, n, a, w: 2 * (n - 1) * (a + B // n / w), "The bytes of a message are cut off to whole "
          "ones, `nbytes // workers`, so that a few bytes take no time: divide with `/`.")],
        [few], "The result", RING_NAMES,
    )  # fmt: skip
    yield "a few bytes"


@check("A step on many workers", "E5", builds_on="`ring_seconds`", after="E4")
def parallel_step(parallel_step: Any, ring_seconds: Any, *, seed: int = 0) -> Iterator[str]:
    """fixed + ⌈batch/n⌉ · per_image + ring_seconds."""
    rng = np.random.default_rng([seed, 55])
    cases = []
    for n in (1, 3, 7, 13, 100):
        batch = 13 * int(rng.integers(4, 7)) if n == 13 else int(rng.integers(40, 90))  # one that can be divided
        per, fixed = float(rng.uniform(1e-3, 9e-3)), float(rng.uniform(1e-3, 9e-3))
        cases.append(
            (
                n,
                batch,
                per,
                fixed,
                int(rng.integers(2_000_000, 90_000_000)),
                float(rng.uniform(5e-6, 9e-5)),
                float(rng.uniform(1e9, 2e10)),
            )
        )
    own_cases = [(B, n, a, w) for n, _, _, _, B, a, w in cases]
    seen = ask(probes.calls_and_own, "parallel_step", parallel_step, cases, "ring_seconds", ring_seconds, own_cases)
    got = numbers([seen[i] for i in range(len(cases))], "the result of parallel_step")

    def step(n: int, m: int, per: float, fixed: float, B: int, a: float, w: float) -> float:
        return fixed + math.ceil(m / n) * per + ring_time(B, n, a, w)

    own = _own_rings(seen.part("own"), own_cases)
    if own is not None and not close(own, of(ring_time, own_cases)):
        computing = of(lambda n, m, per, fixed, B, a, w: fixed + math.ceil(m / n) * per, cases)
        if close(got, computing + own):
            yield "the fixed time, the largest share, and your ring_seconds, which E4 does not pass yet"
            return
    verify_formula(
        got, step,
        [
            ("batch-not-divided", lambda n, m, per, fixed, B, a, w: fixed + m * per + ring_time(B, n, a, w),
             "Every worker computes the whole batch here; each has its share, ⌈batch / n⌉ images."),
            ("share-not-whole", lambda n, m, per, fixed, B, a, w: fixed + m / n * per + ring_time(B, n, a, w),
             "The share is batch / n, a fraction of an image. All wait for the worker with the largest share: "
             "round up, `math.ceil`."),
            ("share-rounded-down", lambda n, m, per, fixed, B, a, w: fixed + m // n * per + ring_time(B, n, a, w),
             "The share is rounded down. All wait for the worker with the largest share: round up, `math.ceil`."),
            ("share-rounded", lambda n, m, per, fixed, B, a, w: fixed + round(m / n) * per + ring_time(B, n, a, w),
             "The share is rounded to the nearest. All wait for the worker with the largest share: round up, "
             "`math.ceil`."),
            ("communication-forgotten", lambda n, m, per, fixed, B, a, w: fixed + math.ceil(m / n) * per,
             "The all-reduce is missing: add `ring_seconds`."),
            ("fixed-forgotten", lambda n, m, per, fixed, B, a, w: math.ceil(m / n) * per + ring_time(B, n, a, w),
             "The fixed time of a step is missing."),
            ("fixed-divided",
             lambda n, m, per, fixed, B, a, w: fixed / n + math.ceil(m / n) * per + ring_time(B, n, a, w),
             "The fixed time is divided among the workers; each of them needs it, at the same time."),
            ("fixed-per-image",
             lambda n, m, per, fixed, B, a, w: math.ceil(m / n) * (per + fixed) + ring_time(B, n, a, w),
             "The fixed time is counted for each image; it is one for the whole step."),
            ("fixed-times-workers",
             lambda n, m, per, fixed, B, a, w: fixed * n + math.ceil(m / n) * per + ring_time(B, n, a, w),
             "The fixed time is multiplied by the workers; all need it at the same time."),
            ("communication-divided",
             lambda n, m, per, fixed, B, a, w: fixed + math.ceil(m / n) * per + ring_time(B, n, a, w) / n,
             "The all-reduce is divided by the workers; all of them take part in it for its whole time."),
            ("everything-divided", lambda n, m, per, fixed, B, a, w: (fixed + m * per) / n + ring_time(B, n, a, w),
             "The fixed time is divided among the workers, too; only the images are."),
            ("overlapped", lambda n, m, per, fixed, B, a, w: max(fixed + math.ceil(m / n) * per, ring_time(B, n, a, w)),
             "This is the longer of computing and communicating; here nothing overlaps, so they add up."),
            ("overlapped", lambda n, m, per, fixed, B, a, w: fixed + max(math.ceil(m / n) * per, ring_time(B, n, a, w)),
             "The longer of computing and communicating counts here; nothing overlaps, so they add up."),
            ("one-image-too-many", lambda n, m, per, fixed, B, a, w: fixed + (m // n + 1) * per + ring_time(B, n, a, w),
             "The share has one image too many where the batch can be divided evenly: round up with `math.ceil`, or "
             "`-(-batch // workers)`, not `int(…) + 1`."),
            ("seconds-rounded-up",
             lambda n, m, per, fixed, B, a, w: fixed + math.ceil(m / n * per) + ring_time(B, n, a, w),
             "The *seconds* are rounded up to whole ones; it is the images of a share that are whole: "
             "`math.ceil(batch / workers) * per_image`."),
            ("arguments-exchanged", lambda n, m, per, fixed, B, a, w: fixed + math.ceil(m / n) * per
             + ring_time(B, n, w, a), "`ring_seconds` is given bandwidth and latency the other way round: (nbytes, "
             "workers, latency, bandwidth)."),
            ("idle-left-out", lambda n, m, per, fixed, B, a, w: fixed + math.ceil(m / n) * per
             + ring_time(B, min(n, m), a, w), "Workers without an image are left out of the all-reduce; all of them "
             "stand in the ring and need the result: give `ring_seconds` all `workers`."),
            ("speed-for-time", lambda *c: c[1] / step(*c), "This is images per second; the seconds of a step are asked "
                                                           "for."),
            ("bytes-divided",
             lambda n, m, per, fixed, B, a, w: fixed + math.ceil(m / n) * per + ring_time(B / n, n, a, w),
             "The bytes are divided by the workers before `ring_seconds`, which does that itself."),
            ("weak-for-given", lambda n, m, per, fixed, B, a, w: fixed + m * n * per + ring_time(B, n, a, w),
             "The batch is multiplied by the workers; `batch` is the number of images of all together."),
        ],
        cases, "The result", ("workers", "batch", "per_image", "fixed", "nbytes", "latency", "bandwidth"),
    )  # fmt: skip
    yield "the fixed time, the largest share and the all-reduce, for one worker and for more workers than images"


def _own_rings(own: Answer, cases: Sequence[Any]) -> np.ndarray | None:
    try:
        return numbers([own[i] for i in range(len(cases))], "the result of ring_seconds")
    except Mistake:
        return None
