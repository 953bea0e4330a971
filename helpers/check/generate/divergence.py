"""Check of CD-1 in Part B of `generate`.

What is drawn can't be known, and need not be: a case is so small that all hidden states can be tried. The gradients
are right if they are those of one of the states; and many calls in a row show with which probabilities they are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core.ask import Answer, array, ask
from helpers.check.core.compare import ATOL, RTOL
from helpers.check.core.oracle import sigmoid
from helpers.check.core.report import Mistake, check
from helpers.check.generate import oracle, probes
from helpers.check.generate.rbm import Machine, machine
from helpers.check.generate.results import several

Three = tuple[np.ndarray, np.ndarray, np.ndarray]
WORDS = "(gradient of weight, of b, of c)"
CALLS = 60


def _up(v: np.ndarray, m: Machine) -> np.ndarray:
    return sigmoid(v @ m[1] + m[3])


def _down(h: np.ndarray, m: Machine) -> np.ndarray:
    return sigmoid(h @ m[1].T + m[2])


def candidates(m: Machine) -> tuple[np.ndarray, Three]:
    """All hidden states, and the gradients that follow from each."""
    v, _, _, c = m
    h = oracle.bits(len(v), len(c))
    v1 = _down(h, m)
    return h, oracle.cd(v, m[1], v1, _up(v, m), _up(v1, m))


def fitting(got: Sequence[np.ndarray], some: Sequence[np.ndarray]) -> np.ndarray:
    """Indices of the candidates that all arrays of `got` are close to."""
    good = np.ones(len(some[0]), bool)
    for one, many in zip(got, some, strict=True):
        if one.shape != many.shape[1:]:
            return np.array([], int)
        axes = tuple(range(1, many.ndim))
        size = np.abs(many).max(axis=axes, keepdims=True)
        good &= (np.abs(one - many) <= RTOL * np.abs(many) + ATOL * size + 1e-9).all(axis=axes)
    return np.flatnonzero(good)


def _times(factor: float, some: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [factor * one for one in some]


def _sampled(m: Machine) -> Iterator[tuple[str, Callable[[], Sequence[np.ndarray]], str]]:
    """Mistakes of what is drawn, for a batch of one, of which all visible states can be tried, too."""
    v, w, _, c = m
    h = oracle.bits(1, len(c))
    p, v1 = _up(v, m), _down(h, m)
    seen = np.repeat(oracle.bits(1, v.shape[1]), len(h), axis=0), np.tile(h, (2 ** v.shape[1], 1, 1))
    twice = np.repeat(h, len(h), axis=0), np.tile(h, (len(h), 1, 1))
    samples = (
        "Drawn hidden units stand where probabilities belong in the gradient: only v′ is computed from them. They are "
        "right on average, and noisier."
    )
    visible = "v′ is drawn. Only h is drawn in CD-1 here: v′ stays a probability, `visible_probabilities(…)` as it is."
    again = "The hidden units are drawn a second time, after v′. In the gradient p′ is a probability."
    yield "samples-in-gradient", lambda: oracle.cd(v, w, v1, h, _up(v1, m)), samples
    yield "samples-in-gradient", lambda: oracle.cd(v, w, v1, h, _up(v1, m), p), samples
    yield "samples-in-gradient", lambda: oracle.cd(v, w, v1, np.broadcast_to(p, h.shape), _up(v1, m), h), samples
    yield "visible-drawn", lambda: oracle.cd(v, w, seen[0], p, _up(seen[0], m)), visible
    yield "visible-drawn", lambda: oracle.cd(v, w, seen[0], seen[1], _up(seen[0], m)), visible
    yield "visible-drawn", lambda: oracle.cd(v, w, seen[0], p, seen[1]), f"{visible} h is drawn a second time, too."
    yield "hidden-drawn-again", lambda: oracle.cd(v, w, _down(twice[0], m), p, twice[1]), again
    yield "hidden-drawn-again", lambda: oracle.cd(v, w, _down(twice[0], m), twice[0], twice[1]), again
    everything = np.repeat(oracle.bits(1, v.shape[1]), len(twice[0]), axis=0)
    both = np.tile(twice[0], (2 ** v.shape[1], 1, 1)), np.tile(twice[1], (2 ** v.shape[1], 1, 1))
    yield "visible-drawn", lambda: oracle.cd(v, w, everything, both[0], both[1]), f"{visible} And in the gradient " \
        "stand drawn hidden units where probabilities belong."  # fmt: skip


def _wrong(m: Machine) -> Iterator[tuple[str, Callable[[], Sequence[np.ndarray]], str]]:
    """Mistakes of the formula, for any batch."""
    v, w = m[:2]
    n = len(v)
    h, right = candidates(m)
    p, v1 = _up(v, m), _down(h, m)
    p1 = _up(v1, m)
    gw, gb, gc = right
    mean = _down(p[None], m)
    yield "nothing-drawn", lambda: oracle.cd(v, w, mean, p, _up(mean, m)), (
        "Nothing is drawn: v′ is computed from the probabilities p. Draw h from p, `draw(p, rng)`, and take that.")
    yield "gradient-sign", lambda: [-g for g in right], (
        "The sign is wrong: this is data minus reconstruction, along which one climbs. `update` descends: "
        "reconstruction minus data.")
    yield "gradient-sign", lambda: [-n * g for g in right], (
        "The sign is wrong, reconstruction minus data is descended; and the division by N is missing.")
    summed = "The weights' gradient is summed over the rows and those of the biases are averaged: divide it by N, too."
    yield "weights-summed", lambda: [n * gw, gb, gc], summed
    yield "weights-summed", lambda: [-n * gw, -gb, -gc], f"{summed} And the sign is wrong: reconstruction minus data."
    yield "biases-summed", lambda: [gw, n * gb, n * gc], (
        "The gradients of the biases are summed over the rows and that of the weights is averaged: take their means.")
    yield "biases-summed", lambda: [gw, n * gb, gc], "The gradient of b is summed over the rows; take the mean."
    yield "biases-summed", lambda: [gw, gb, n * gc], "The gradient of c is summed over the rows; take the mean."
    yield "not-averaged", lambda: [n * g for g in right], "The gradients are summed over the rows; divide by N."
    yield "averaged-twice", lambda: [g / n for g in right], "The gradients are divided by N twice."
    yield "averaged-twice", lambda: [gw / n, gb, gc], "The weights' gradient is divided by N twice."
    yield "one-mean-missing", lambda: [-v.T @ p / n + 0 * gw, gb, gc], (
        "In the weights' gradient the mean of the reconstruction is missing.")
    yield "one-mean-missing", lambda: [gw + v.T @ p / n, gb, gc], "In the weights' gradient the data's mean is missing."
    yield "one-mean-missing", lambda: [gw + v.T @ p / n, v1.mean(axis=1), p1.mean(axis=1)], (
        "The means over the data are missing in all three gradients.")
    yield "means-mixed", lambda: [(v.T @ p1 - v.T @ p) / n, gb, gc], (
        "In the weights' gradient v stands where v′ belongs: the second mean is of v′ and p′.")
    yield "means-mixed", lambda: [(np.swapaxes(v1, -1, -2) @ p - v.T @ p) / n, gb, gc], (
        "In the weights' gradient p stands where p′ belongs: the second mean is of v′ and p′.")
    yield "means-mixed", lambda: [(np.swapaxes(v1, -1, -2) @ p - v.T @ p) / n, gb, 0 * gc], (
        "p stands where p′ belongs: compute p′ from v′.")
    yield "means-mixed", lambda: [(np.swapaxes(v1, -1, -2) @ h - v.T @ p) / n, gb, gc], (
        "In the weights' gradient the drawn h stands where p′ belongs: compute p′ from v′.")
    yield "means-mixed", lambda: [(np.swapaxes(v1, -1, -2) @ h - v.T @ p) / n, gb, (h - p).mean(axis=1)], (
        "The drawn h stands where p′ belongs: compute p′ from v′.")
    yield "means-mixed", lambda: [np.swapaxes(v1 - v, -1, -2) @ (p1 - p) / n, gb, gc], (
        "The weights' gradient is the product of two differences; it is the difference of two products.")
    yield "samples-in-gradient", lambda: oracle.cd(v, w, v1, h, p1), (
        "Drawn hidden units stand where probabilities belong in the gradient: only v′ is computed from them.")
    yield "samples-in-gradient", lambda: oracle.cd(v, w, v1, h, p1, np.broadcast_to(p, h.shape)), (
        "Drawn hidden units stand where probabilities belong in the weights' gradient.")
    yield "bias-forgotten", lambda: oracle.cd(v, w, v1, p, sigmoid(v1 @ w)), "p′ is computed without the biases c."
    no_b = sigmoid(h @ w.T)
    yield "bias-forgotten", lambda: oracle.cd(v, w, no_b, p, _up(no_b, m)), "v′ is computed without the biases b."
    yield "divided-by-units", lambda: [gw * n / v.shape[1], gb, gc], (
        "The weights' gradient is divided by the number of visible units; divide by the number of rows.")
    yield "divided-by-units", lambda: [g * n / v.shape[1] for g in right], (
        "The gradients are divided by the number of visible units; divide by the number of rows, `len(v)`.")
    yield "divided-by-units", lambda: [gw / v.shape[1], gb, gc], (
        "The weights' gradient is divided by the number of visible units, too.")
    yield "signs-differ", lambda: [gw, -gb, -gc], (
        "The biases' gradients have the wrong sign: reconstruction minus data, as for the weights.")
    yield "signs-differ", lambda: [-gw, gb, gc], (
        "The weights' gradient has the wrong sign: reconstruction minus data, as for the biases.")
    for rate in (0.1, 0.01, 0.05):
        yield "rate-included", partial(_times, rate, right), (
            f"The gradients are multiplied by {rate:g}: the rate belongs into `update`.")
        yield "rate-included", partial(_times, -rate, right), (
            f"The gradients are multiplied by −{rate:g}: the rate and the minus belong into `update`.")


@check("cd1", "B3", builds_on="B1 and B2", after="B1 B2")
def cd1(function: Any, *, seed: int = 0) -> Iterator[str]:
    """The gradients are those of one drawn hidden state; hidden states are drawn with their probabilities."""
    rng = np.random.default_rng([seed, 83])
    cases = [machine(rng, 1, 4, 2), machine(rng, 3, 5, 2, binary=False), machine(rng, 2, 3, 4)]
    cases.append(machine(rng, 4, 3, 2))  # more rows than units of either kind
    many = _many(rng)
    seen = ask(probes.cd1, function, cases, many, CALLS, 2000 + seed)
    for i, case in enumerate(cases):
        got = _gradients(seen[i], case)
        if not len(fitting(got, candidates(case)[1])):
            raise _named(got, case)
        yield ("the gradients of a row" if i == 0 else "means over rows") + ": reconstruction minus data"
    yield from _frequencies(seen.part("many"), many)


def _many(rng: np.random.Generator) -> Machine:
    """Three equal rows. Hidden units have the probabilities 0.71 and 0.25 there, and far others in a chain that goes
    on, as v′ is far from v."""
    v = np.repeat(rng.random((1, 5)), 3, axis=0)
    away = np.where(v[0] > 0.5, -1.0, 1.0)
    weight = away[:, None] * rng.uniform(0.7, 1.2, (5, 2)) * [-1, 1]
    return v, weight, 1.5 * away, np.array([0.9, -1.1]) - v[0] @ weight


def _gradients(found: Any, m: Machine) -> list[np.ndarray]:
    names = ("the gradient of weight", "the gradient of b", "the gradient of c")
    parts = [array(one, name) for one, name in zip(several(found, 3, "cd1", WORDS), names, strict=True)]
    shapes, wanted = [one.shape for one in parts], [p.shape for p in m[1:]]
    if shapes == [wanted[0], wanted[2], wanted[1]] and wanted[1] != wanted[2]:
        raise Mistake("biases-exchanged", "The gradients of b and c are exchanged: b belongs to the visible units, c "
                      "to the hidden ones.")
    if shapes[0] == wanted[0][::-1] != wanted[0]:
        raise Mistake("weight-transposed", f"The gradient of weight has shape {shapes[0]}; weight has {wanted[0]}, so "
                      f"it is v′ᵀp′, not p′ᵀv′.")
    for name, one, shape in zip(names, parts, wanted, strict=True):
        if one.shape != shape:
            more = ""
            if one.ndim == 0:
                more = " `mean()` without an axis averages everything: `mean(axis=0)`."
            elif one.shape == (1, *shape):
                more = " It has an axis of length 1 too many, as `keepdims=True` leaves it, or no mean over one row."
            elif one.shape == (len(m[0]), *shape):
                more = " It is one for each row; take the mean over the rows, `mean(axis=0)`."
            raise Mistake("wrong-shape", f"{name} has shape {one.shape}; it should be {shape}.{more}")
        if not np.isfinite(one).all():
            raise Mistake("not-finite", f"{name} has a value that is not a number.")
    return parts


def _named(got: Sequence[np.ndarray], m: Machine) -> Mistake:
    for name, wrong, hint in [*(_sampled(m) if len(m[0]) == 1 else ()), *_wrong(m)]:
        many = [np.asarray(g) for g in wrong()]
        most = max(len(g) for g, p in zip(many, m[1:], strict=True) if g.ndim > p.ndim)
        if len(fitting(got, [np.broadcast_to(g, (most, *p.shape)) for g, p in zip(many, m[1:], strict=True)])):
            return Mistake(name, hint)
    if all(not one.any() for one in got):
        return Mistake("all-zero", "All three gradients are zero.")
    for k, name in enumerate(("weight", "b", "c")):
        others = [j for j in range(3) if j != k]
        right = candidates(m)[1]
        if len(fitting([got[j] for j in others], [right[j] for j in others])):
            return Mistake("differs", f"The gradient of {name} is wrong; the other two are right.")
    return Mistake("differs", "The gradients are not those of any hidden state that could have been drawn: only h is "
                   "drawn, and v′, p and p′ are probabilities. Go through the chain of the text step by step.")


def _further(m: Machine) -> list[np.ndarray]:
    """How often each hidden unit of a row is 1 after one more step of the chain, after two, and in the end."""
    row = (m[0][:1], *m[1:])
    h = oracle.bits(1, len(m[3]))
    p, after = _up(row[0], row), _up(_down(h, row), row)[:, 0]

    def chance(q: np.ndarray) -> np.ndarray:
        """Of each state, where its units are 1 with the probabilities q (…, units)."""
        return np.prod(np.where(h[:, 0] == 1, q, 1 - q), axis=-1)

    states, found = chance(p[:1]), []
    for _ in range(40):
        found.append(states @ after)
        states = np.array([chance(q[None]) for q in after]).T @ states
    return [found[0], found[1], found[-1]]


def _frequencies(seen: Answer, m: Machine) -> Iterator[str]:
    states, right = candidates(m)
    drawn = []
    for i in range(CALLS):
        fit = fitting(_gradients(seen[i], m), right)
        if not len(fit):
            raise _named(_gradients(seen[i], m), m)
        drawn.append(states[fit[0]])
    # Rows are equal here, so that a state and its rows in another order have the same gradients.
    h, p = np.array(drawn), _up(m[0], m)
    if np.ptp(h.sum(axis=1), axis=0).max() == 0:
        if np.array_equal(h[0], (p > 0.5) * 1.0):
            raise Mistake("threshold", "The hidden units are not drawn: each is 1 where its probability is above ½.")
        raise Mistake("seed-reused", f"In {CALLS} calls the same hidden units were drawn: cd1 makes a generator of its "
                      f"own from a fixed seed. Take the numbers from `rng`.")
    if np.ptp(h, axis=1).max() == 0:
        raise Mistake("one-vector-for-all", "All rows get the same hidden units where they have the same "
                      "probabilities: one vector of random numbers is used for the whole batch. Draw one for each row "
                      "and unit.")
    share, error = h.mean(axis=(0, 1)), 5 * np.sqrt(p[0] * (1 - p[0]) / (3 * CALLS))
    if (np.abs(share - p[0]) > error).any():
        if any((np.abs(share - further) <= error).all() for further in _further(m)):
            raise Mistake("chain-too-long", f"Hidden units with the probabilities {p[0, 0]:.2f} and {p[0, 1]:.2f} "
                          f"given v were 1 in {share[0]:.0%} and {share[1]:.0%} of the rows, as often as further down "
                          "the chain, given v′. Each call draws h from p, that of the data, and takes one step: no "
                          "second one (CD-2), and none that goes on from the last call's (persistent CD).")
        inverted = (np.abs(share - (1 - p[0])) <= error).all()
        raise Mistake("inverted" if inverted else "wrong-probabilities", f"Hidden units with the probabilities "
                      f"{p[0, 0]:.2f} and {p[0, 1]:.2f} were 1 in {share[0]:.0%} and {share[1]:.0%} of the rows.")
    yield "hidden units drawn anew in each call, for each row, with their probabilities"
