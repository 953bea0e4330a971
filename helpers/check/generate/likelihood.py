"""Checks of Part B of `generate`: free energy, the exact likelihood, and its curve while CD-1 trains."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from helpers.check.core.ask import array, ask
from helpers.check.core.bands import outside
from helpers.check.core.cases import primes
from helpers.check.core.compare import Hypothesis, verify
from helpers.check.core.oracle import sigmoid
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check
from helpers.check.generate import oracle, probes
from helpers.check.generate.rbm import Machine, machine
from helpers.check.generate.results import hypotheses, no_overflow, scalar, verify_values
from helpers.zoo.toys import bars_and_stripes, states

BAND = Path(__file__).with_name("toy_band.json")
"""Lowest and highest log-likelihood of 30 seeds after 0, 100, … updates: `python -m helpers.check.generate.band`."""
INSTEAD = "`np.logaddexp(0, a)` is log(1 + e^a) without e^a."


def _softplus(v: np.ndarray, w: np.ndarray, c: np.ndarray) -> np.ndarray:
    return np.asarray(np.logaddexp(0, v @ w + c))


def _of_free_energy(v: Any, w: Any, b: Any, c: Any, right: Any, p: Any) -> list[Hypothesis]:
    return hypotheses([
        ("energy-sign", lambda *_: -right, "The sign of the free energy is wrong: both terms have a minus."),
        ("energy-sign", lambda *_: v @ b - _softplus(v, w, c).sum(axis=1), "The term b·v has a minus, too: "
         "F = −b·v − Σ …."),
        ("energy-sign", lambda *_: -v @ b + _softplus(v, w, c).sum(axis=1), "The sum over the hidden units has "
         "a minus, too: F = −b·v − Σ …."),
        ("visible-bias-forgotten", lambda *_: -_softplus(v, w, c).sum(axis=1), "The term −b·v of the visible "
         "units is left out."),
        ("hidden-bias-forgotten", lambda *_: -v @ b - _softplus(v, w, 0 * c).sum(axis=1), "The hidden biases c "
         "are left out of the sum."),
        ("logarithm-forgotten", lambda *_: -v @ b - (v @ w + c).sum(axis=1), "The logarithm is left out: each "
         "hidden unit contributes log(1 + e^a), not a."),
        ("logarithm-forgotten", lambda *_: -v @ b - np.exp(v @ w + c).sum(axis=1), "Each hidden unit "
         "contributes log(1 + e^a), not e^a."),
        ("logarithm-forgotten", lambda *_: -v @ b - np.maximum(v @ w + c, 0).sum(axis=1), "Each hidden unit "
         "contributes log(1 + e^a); max(a, 0) is only near to it."),
        ("sigmoid-for-logarithm", lambda *_: -v @ b - p.sum(axis=1), "The sigmoid is the derivative of "
         "log(1 + e^a); the logarithm itself belongs here."),
        ("sigmoid-for-logarithm", lambda *_: -v @ b - np.log(p).sum(axis=1), "This is log σ(a); the hidden "
         "units contribute log(1 + e^a) = −log σ(−a)."),
        ("energy-of-probabilities", lambda *_: -v @ b - (p * (v @ w + c)).sum(axis=1), "This is the energy at "
         "the hidden units' probabilities. In the free energy they are summed out: Σ log(1 + e^a)."),
        ("one-forgotten", lambda *_: -v @ b - np.logaddexp(0, -(v @ w + c)).sum(axis=1), "The sign in the "
         "exponent is wrong: log(1 + e^a)."),
        ("product-for-sum", lambda *_: -v @ b - np.log1p(np.exp(v @ w + c).sum(axis=1)), "The logarithm is "
         "taken of the sum; each hidden unit has a logarithm of its own."),
        ("mean-for-sum", lambda *_: -v @ b - _softplus(v, w, c).mean(axis=1), "The hidden units are averaged; "
         "sum over them."),
        ("log-base-2", lambda *_: -v @ b - _softplus(v, w, c).sum(axis=1) / math.log(2), "The logarithm has "
         "base 2; take the natural one."),
        ("exponent-taken", lambda *_: np.exp(-right), "This is e^−F; F itself is asked for."),
    ], ())  # fmt: skip


@check("free_energy", "B5", builds_on="B1", after="B1")
def free_energy(function: Any, *, seed: int = 0) -> Iterator[str]:
    """−b·v − Σ log(1 + exp(c + vW)) for each row; finite for large inputs."""
    rng = np.random.default_rng([seed, 85])
    n, visible, hidden, other, more = primes(rng, 5, 3, 13)
    cases = [machine(rng, n, visible, hidden, binary=False), machine(rng, other, more, visible),
             machine(rng, 1, hidden, more), machine(rng, n, visible, other, 700.0)]  # fmt: skip
    seen = ask(calls, "free_energy", function, cases, ("v", "weight", "b", "c"))
    for i, (v, w, b, c) in enumerate(cases):
        got, right = array(seen[i], "the free energy"), oracle.free_energy(v, w, b, c)
        if got.shape in ((len(v), 1), (1, len(v))) and len(v) > 1:
            raise Mistake("wrong-shape", f"The free energy has shape {got.shape}; it should be one number for each "
                          f"row, shape ({len(v)},).")
        if got.size == 1 and len(v) > 1:
            raise Mistake("not-one-a-row", "There is one number for the whole batch; each row has a free energy of its "
                          "own: sum over the hidden units, axis 1.")
        if i == 3:
            if not np.isfinite(got).all():
                raise Mistake("overflow", f"The free energy is {got[~np.isfinite(got)][0]} for large weights, where "
                              f"e^1000 overflows. {INSTEAD}")
            verify(got, right, "the free energy for large weights")
            break
        p = sigmoid(v @ w + c)
        verify(
            got, right, "the free energy",
            partial(_of_free_energy, v, w, b, c, right, p),
        )  # fmt: skip
    yield "one number for each row; several sizes, a batch of one, large weights"


def _every(w: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """−F of all states."""
    return -oracle.free_energy(states(len(b)), w, b, c)


def _mean(v: np.ndarray, w: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    return float(-oracle.free_energy(v, w, b, c).mean())


@check("log_likelihood", "B5", builds_on="`free_energy`", after="B1 B5")
def log_likelihood(function: Any, free_energy: Any, *, seed: int = 0) -> Iterator[str]:
    """The mean over rows of −F − log Z, with Z over all states of the visible units."""
    rng = np.random.default_rng([seed, 86])
    cases: list[Machine] = []
    for n, large in ((7, 1.0), (11, 1.0), (1, 1.0), (5, 400.0)):
        visible, hidden = (int(k) for k in rng.choice([3, 4, 5, 6], 2, replace=False))
        cases.append(machine(rng, n, visible, hidden, large))
    seen = ask(calls, "log_likelihood", function, cases, ("v", "weight", "b", "c"))
    found = [seen[i] for i in range(len(cases))]
    if np.shape(found[0]) == (7,):
        raise Mistake("not-averaged", "There is one log-likelihood for each row; take their mean.")
    got = [scalar(value, "the log-likelihood") for value in found]
    usual, ll = cases[:3], oracle.log_likelihood
    if all(np.isfinite(one) for one in got[:3]) or not any(np.isfinite(one) for one in got[:3]):
        verify_values(
            got[:3], usual, ll,
            [
                ("sum-for-mean", lambda v, *m: len(v) * ll(v, *m), "The rows are added up; take their mean."),
                ("negative-likelihood", lambda *m: -ll(*m), "This is the *negative* log-likelihood; its logarithm is "
                 "asked for, which is below 0."),
                ("z-forgotten", lambda *m: _mean(*m), "log Z is left out: −F is the logarithm of a probability only "
                 "after log Z is subtracted."),
                ("z-sign", lambda *m: _mean(*m) + oracle.log_z(*m[1:]), "log Z is added; subtract it: "
                 "p = e^−F / Z."),
                ("energy-sign", lambda *m: -_mean(*m) - math.log(np.exp(-_every(*m[1:])).sum()), "The sign of the free "
                 "energy is wrong: p = e^(−F) / Z, in Z, too."),
                ("energy-sign", lambda *m: _mean(*m) - math.log(np.exp(-_every(*m[1:])).sum()), "In Z the sign of the "
                 "free energy is wrong: Z = Σ e^(−F)."),
                ("energy-sign", lambda *m: -_mean(*m) - oracle.log_z(*m[1:]), "The mean of F has a minus: log p = "
                 "−F − log Z."),
                ("z-without-logarithm", lambda *m: _mean(*m) - np.exp(_every(*m[1:])).sum(), "Z is subtracted, not its "
                 "logarithm."),
                ("z-over-data", lambda v, *m: _mean(v, *m) - math.log(np.exp(-oracle.free_energy(v, *m)).sum()),
                 "Z is summed over the rows of v. It runs over *all* states of the visible units: `states(len(b))`."),
                ("z-averaged", lambda *m: ll(*m) + len(m[2]) * math.log(2), "Z is a mean over the states; it is their "
                 "sum."),
                ("z-of-energies", lambda *m: _mean(*m) - _every(*m[1:]).sum(), "The energies are summed; Z is the sum "
                 "of their exponentials."),
                ("z-of-energies", lambda *m: _mean(*m) - _every(*m[1:]).max(), "Only the largest term of Z is taken; "
                 "all of them are added: log Σ e^(a − m) belongs to it."),
                ("largest-forgotten", lambda *m: ll(*m) + _every(*m[1:]).max(), "The largest energy is subtracted "
                 "before the exponential, and not added again after the logarithm."),
                ("largest-forgotten", lambda *m: ll(*m) + 2 * _every(*m[1:]).max(), "The largest energy is subtracted "
                 "again after the logarithm; add it."),
                ("log-of-mean", lambda v, *m: math.log(np.exp(-oracle.free_energy(v, *m) - oracle.log_z(*m)).mean()),
                 "This is the logarithm of the mean probability; take the mean of the logarithms."),
                ("logarithm-forgotten", lambda v, *m: np.exp(-oracle.free_energy(v, *m) - oracle.log_z(*m)).mean(),
                 "This is the mean probability; take the mean of the logarithms."),
                ("logarithm-forgotten", lambda v, *m: np.exp(-oracle.free_energy(v, *m) - oracle.log_z(*m)).sum(),
                 "These are probabilities; take the mean of their logarithms."),
                ("log-base-2", lambda *m: ll(*m) / math.log(2), "The logarithm has base 2 (bits); nats are asked for."),
                ("log-base-10", lambda *m: ll(*m) / math.log(10), "The logarithm has base 10; take the natural one."),
                ("one-state-missing", lambda *m: _mean(*m) - math.log(np.exp(_every(*m[1:])[1:]).sum()), "The first "
                 "state, all zeros, is missing in Z."),
                ("one-state-missing", lambda *m: _mean(*m) - math.log(np.exp(_every(*m[1:])[:-1]).sum()), "The last "
                 "state, all ones, is missing in Z."),
                ("per-unit", lambda *m: ll(*m) / len(m[2]), "The log-likelihood is divided by the number of visible "
                 "units; it is that of a whole row."),
            ],
            "The log-likelihood",
        )  # fmt: skip
    yield "the exact mean log-likelihood for several sizes and one row"
    no_overflow(got[3], ll(*cases[3]), "The log-likelihood", "Take the largest −F out of the sum: log Σ e^a = m + "
                "log Σ e^(a − m).")
    yield "finite for large energies"


def band() -> dict[str, list[float]]:
    return dict(json.loads(BAND.read_text()))


def toy_start(seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Bars and stripes as in the notebook, and first parameters."""
    rng = np.random.default_rng([seed, 87])
    return np.tile(bars_and_stripes(), (8, 1)), [rng.normal(0, 0.01, (9, 12)), np.zeros(9), np.zeros(12)]


@check("The likelihood's curve", "B6", builds_on="B2 to B5", after="B1 B2 B3 B4 B5")
def toy_curve(curve: Any, cd1: Any, update: Any, log_likelihood: Any, *, seed: int = 0) -> Iterator[str]:
    """The notebook's curve lies in the band of 30 seeds, and so does that of a training of the check's own."""
    low, high = (np.array(band()[name]) for name in ("low", "high"))
    if curve is None:
        raise Mistake("still-to-do", "Still to do: run the given cell above, which trains with your functions.")
    got = array(curve, "curve")
    if got.shape != low.shape:
        raise Mistake("not-recorded", f"curve should have {len(low)} log-likelihoods, and has shape {got.shape}: run "
                      f"the given cell above as it is.")
    _in_band(got, low, high, "Your curve")
    yield "your curve lies in the band of 30 seeds"
    v, start = toy_start(seed)
    seen = ask(probes.toy, cd1, update, log_likelihood, v, start, 600, 100, 0.2, seed + 5)
    own = seen.array("curve", "the log-likelihoods")
    _in_band(own, low[:7], high[:7], "The curve of a machine that the check trained with your functions")
    yield "so does that of a machine that was trained here with your functions"


def _in_band(got: np.ndarray, low: np.ndarray, high: np.ndarray, what: str) -> None:
    wrong = outside(got, {"low": low, "high": high}, 0.15)
    if not wrong.any():
        return
    at = int(wrong.argmax())
    if at and np.isclose(got[1:], got[0]).all():
        raise Mistake("nothing-learned", f"{what} does not move: update changes nothing, or cd1 gives zeros.")
    raise Mistake("outside-the-band", f"{what} is at {got[at]:.2f} nats after {100 * at} updates; 30 seeds gave "
                  f"{low[at]:.2f} to {high[at]:.2f}. The single functions are checked in B1 to B5: run these checks "
                  f"again, and then the given cell.")
