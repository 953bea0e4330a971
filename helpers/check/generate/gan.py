"""Checks of Part D of `generate`: the two losses from logits, and the count of Gaussians."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core.ask import array, ask, number
from helpers.check.core.cases import primes
from helpers.check.core.compare import Hypothesis, close, verify
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.oracle import sigmoid
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check
from helpers.check.generate import oracle
from helpers.check.generate.results import hypotheses, in_type, no_overflow, parts, scalar, several, verify_values
from helpers.zoo.toys import MODES, SPREAD

LARGE = np.array([[1000.0], [-1000.0], [90.0]])
softplus = oracle.softplus
INSTEAD = "`np.logaddexp(0, a)` is log(1 + e^a) without e^a."

SATURATING = (
    "This is log(1 − σ(m)), which is flat where the generator is bad (it saturates). Here it descends "
    "−log σ(m) = log(1 + e^−m)."
)
ENEMY = "This is the discriminator's loss for made points: descending it, the generator would help to be found out."


def _flat(got: np.ndarray, like: np.ndarray) -> np.ndarray:
    """A gradient of shape (N,) for logits (N, 1) is told as a wrong shape; else as it is."""
    if got.shape == (len(like),) and len(like) > 1:
        raise Mistake("wrong-shape", f"A gradient has shape {got.shape} where the logits have {like.shape}: keep the "
                      f"axis of length 1, a gradient has the shape of what it is for.")
    return got


def _of_discriminator_gradient(
    name: str, right: Any, here: Any, target: int, other: int, logits: Any, n: int
) -> list[Hypothesis]:
    return hypotheses([
        ("labels-swapped", lambda *_: (here - other) / len(here), f"In the gradient for {name} the label "
         f"is {other}; {name} points have the label {target}: σ − label."),
        ("gradient-not-averaged", lambda *_: here - target, f"The gradient for {name} is that of a sum; "
         f"divide by the number of {name} points."),
        ("gradient-sign", lambda *_: -right, f"The gradient for {name} has the wrong sign: it is "
         f"σ − label."),
        ("gradient-sign", lambda *_: target - here, f"The gradient for {name} has the wrong sign (σ − "
         f"label), and is not divided by the number of points."),
        ("averaged-together", lambda *_: (here - target) / n, f"The gradient for {name} is "
         f"divided by the number of all points; each mean has its own number."),
        ("averaged-over-the-others", lambda *_: (here - target) / (n - len(here)), f"The gradient for {name} is "
         f"divided by the number of the *other* points; each mean has its own number, that of the {name} points."),
        ("averaged-together", lambda *_: right / 2, f"The gradient for {name} is half of what it should "
         f"be: L_D is the sum of the two means."),
        ("sigmoid-forgotten", lambda *_: (logits - target) / len(here), f"The gradient for {name} takes "
         f"the logits where their sigmoid belongs."),
        ("derivative-again", lambda *_: right * here * (1 - here), "σ(1 − σ) is multiplied in; σ − label "
         "includes the sigmoid's derivative already."),
        ("gradient-for-probabilities", lambda *_: right / (here * (1 - here)), f"This is the gradient for "
         f"the probability of {name} points; that for the logits is asked for."),
        ("no-logarithm", lambda *_: np.full_like(here, 1 - 2 * target) / len(here), "This is the gradient "
         "of the mean logit; the loss has log(1 + e^…)."),
    ], ())  # fmt: skip


def _numerical_discriminator(name: Any, r: Any, a: Any) -> np.ndarray:
    return numerical_gradient(
        lambda u: oracle.discriminator(*((u, a) if name == "real" else (r, u)))[0],
        r if name == "real" else a)


@check("discriminator_loss", "D1")
def discriminator_loss(function: Any, *, seed: int = 0) -> Iterator[str]:
    """Mean of log(1 + e^−r) plus mean of log(1 + e^m), with both gradients; finite at ±1000."""
    rng = np.random.default_rng([seed, 101])
    n, m, k, j = primes(rng, 4, 3, 17)
    usual = [(rng.normal(0.5, 1.5, (a, 1)), rng.normal(-0.8, 1.5, (b, 1))) for a, b in ((n, m), (k, j), (1, 1))]
    cases = [*usual, (LARGE, LARGE), (LARGE.astype(np.float32), -LARGE.astype(np.float32))]
    seen = ask(calls, "discriminator_loss", function, cases, ("real", "made"))
    values, on_real, on_made = parts(seen, len(cases), 3, "discriminator_loss", "(loss, gradient for real, for made)")
    if np.shape(values[0]) in ((n, 1), (m, 1)):
        raise Mistake("not-averaged", "The loss is one number for each point; take the means.")
    got = [scalar(value, "the loss") for value in values]
    verify_values(
        got[:3], usual, lambda r, a: oracle.discriminator(r, a)[0],
        [
            ("labels-swapped", lambda r, a: softplus(r).mean() + softplus(-a).mean(), "The labels are swapped: real "
             "points are to get large logits, made ones small ones."),
            ("both-as-real", lambda r, a: softplus(-r).mean() + softplus(-a).mean(), "Made points count as real: for "
             "them the loss is log(1 + e^m), which is small where they are called made."),
            ("both-as-made", lambda r, a: softplus(r).mean() + softplus(a).mean(), "Real points count as made: for "
             "them the loss is log(1 + e^−r)."),
            ("real-only", lambda r, a: softplus(-r).mean(), "Only the real points count; add the mean over the made "
             "ones."),
            ("made-only", lambda r, a: softplus(a).mean(), "Only the made points count; add the mean over the real "
             "ones."),
            ("averaged-together", lambda r, a: (softplus(-r).sum() + softplus(a).sum()) / (len(r) + len(a)),
             "One mean is taken over all points; L_D is the *sum* of two means."),
            ("averaged-together", lambda r, a: 0.5 * (softplus(-r).mean() + softplus(a).mean()), "The two means are "
             "averaged; L_D is their sum."),
            ("summed-over-batch", lambda r, a: softplus(-r).sum() + softplus(a).sum(), "The points are added up; take "
             "the mean over the real and the mean over the made ones."),
            ("summed-over-batch", lambda r, a: (softplus(-r).sum() + softplus(a).sum()) / len(r), "Both sums are "
             "divided by the number of real points; there may be another number of made ones."),
            ("loss-sign", lambda r, a: -softplus(-r).mean() - softplus(a).mean(), "The sign is wrong: these are the "
             "logarithms; the loss has a minus in front of them."),
            ("difference-for-sum", lambda r, a: softplus(-r).mean() - softplus(a).mean(), "The second mean is "
             "subtracted; add it."),
            ("no-logarithm", lambda r, a: a.mean() - r.mean(), "This is the difference of the mean logits (a "
             "Wasserstein GAN's loss); here they go through log(1 + e^…)."),
            ("squared-error", lambda r, a: ((sigmoid(r) - 1) ** 2).mean() + (sigmoid(a) ** 2).mean(), "This is a "
             "squared error; the loss is a cross-entropy."),
            ("sigmoid-twice", lambda r, a: softplus(-sigmoid(r)).mean() + softplus(sigmoid(a)).mean(), "The sigmoid "
             "is applied before the formula, which takes the logits as they are."),
        ],
        "The loss",
    )  # fmt: skip
    yield "the loss of several numbers of real and made points, and of one of each"
    for (r, a), got_r, got_a in zip(usual, on_real[:3], on_made[:3], strict=True):
        found_r, found_a = array(got_r, "the gradient for real"), array(got_a, "the gradient for made")
        right_r, right_a = oracle.discriminator(r, a)[1:]
        if found_r.shape == right_a.shape != right_r.shape:
            raise Mistake("gradients-exchanged", "The two gradients are exchanged: that for real comes first.")
        p, q = sigmoid(r), sigmoid(a)
        for name, found, right, here, target, other in (
            ("real", found_r, right_r, p, 1, 0), ("made", found_a, right_a, q, 0, 1)
        ):
            logits = r if name == "real" else a
            verify(
                _flat(found, right), right, f"the gradient for {name}",
                partial(_of_discriminator_gradient, name, right, here, target, other, logits, len(r) + len(a)),
                {f"number of {name} points": len(here)},
                partial(_numerical_discriminator, name, r, a),
            )  # fmt: skip
    yield "both gradients agree with finite differences; inputs unchanged"
    for i in (3, 4):
        r, a = (one.astype(float) for one in cases[i])
        no_overflow(got[i], oracle.discriminator(r, a)[0], "The loss", INSTEAD)
        for name, found, right in zip(("real", "made"), (on_real[i], on_made[i]), oracle.discriminator(r, a)[1:],
                                      strict=True):  # fmt: skip
            verify(array(found, f"the gradient for {name}"), right, f"the gradient for {name}, logits of ±1000,",
                   partial(_of_overflow, r if name == "real" else a))
            in_type(found, str(cases[i][0].dtype), f"The gradient for {name}")
    yield "logits of ±1000, in float32, too"


def _of_overflow(logits: np.ndarray) -> list[Hypothesis]:
    """Of gradients for large logits."""
    with np.errstate(all="ignore"):
        up, down = np.exp(logits), np.exp(-logits)
        found = [sign * one / (1 + one) / len(logits) for one in (up, down) for sign in (1, -1)]
    return [Hypothesis("overflow", one, "e^x / (1 + e^x) is inf / inf for logits of 1000, which is no number; the same "
                       "is 1 / (1 + e^−x), which stays finite: take `sigmoid`.") for one in found]


def _of_generator_gradient(a: Any, p: Any, right: Any) -> list[Hypothesis]:
    return hypotheses([
        ("saturating-loss", lambda *_: -p / len(a), f"The gradient is −σ(m)/M. {SATURATING}"),
        ("discriminators-loss", lambda *_: p / len(a), f"The gradient is σ(m)/M. {ENEMY}"),
        ("gradient-not-averaged", lambda *_: p - 1, "The gradient is that of a sum; divide by the number of "
         "points."),
        ("gradient-sign", lambda *_: -right, "The gradient has the wrong sign: it is σ(m) − 1, so that a step "
         "against it makes the logits larger."),
        ("gradient-sign", lambda *_: 1 - p, "The gradient has the wrong sign, and is not divided by the "
         "number of points."),
        ("sigmoid-forgotten", lambda *_: (a - 1) / len(a), "The logits stand where their sigmoid belongs."),
        ("derivative-again", lambda *_: right * p * (1 - p), "σ(1 − σ) is multiplied in; σ(m) − 1 includes the "
         "sigmoid's derivative already."),
        ("gradient-for-probabilities", lambda *_: -1 / p / len(a), "This is the gradient for the "
         "probabilities; that for the logits is asked for."),
        ("no-logarithm", lambda *_: -np.ones_like(a) / len(a), "This is the gradient of the mean logit; the "
         "loss has log(1 + e^−m)."),
    ], ())  # fmt: skip


def _numerical_generator(a: Any) -> np.ndarray:
    return numerical_gradient(lambda u: float(softplus(-u).mean()), a)


@check("generator_loss", "D2")
def generator_loss(function: Any, *, seed: int = 0) -> Iterator[str]:
    """Mean of log(1 + e^−m) and (σ(m) − 1)/M; finite at ±1000."""
    rng = np.random.default_rng([seed, 102])
    n, m = primes(rng, 2, 3, 17)
    usual = [(rng.normal(-0.6, 1.5, (k, 1)),) for k in (n, m, 1)]
    cases = [*usual, (LARGE,), (LARGE.astype(np.float32),)]
    seen = ask(calls, "generator_loss", function, cases, ("made",))
    values, gradients = parts(seen, len(cases), 2, "generator_loss", "(loss, gradient for made)")
    if np.shape(values[0]) == (n, 1):
        raise Mistake("not-averaged", "The loss is one number for each point; take the mean.")
    got = [scalar(value, "the loss") for value in values]
    verify_values(
        got[:3], usual, lambda a: softplus(-a).mean(),
        [
            ("saturating-loss", lambda a: -softplus(a).mean(), SATURATING),
            ("discriminators-loss", lambda a: softplus(a).mean(), ENEMY),
            ("loss-sign", lambda a: -softplus(-a).mean(), "The sign is wrong: this is log σ(m); the loss has a minus "
             "in front."),
            ("summed-over-batch", lambda a: softplus(-a).sum(), "The points are added up; take the mean."),
            ("both-losses", lambda a: softplus(-a).mean() + softplus(a).mean(), "log(1 + e^m) is added: this is the "
             "discriminator's whole loss, with the made points on both sides. Here it is log(1 + e^−m) alone."),
            ("no-logarithm", lambda a: -a.mean(), "This is the mean logit with a minus (a Wasserstein GAN's loss); "
             "here it goes through log(1 + e^−m)."),
            ("squared-error", lambda a: ((sigmoid(a) - 1) ** 2).mean(), "This is a squared error; the loss is a "
             "cross-entropy."),
            ("logarithm-forgotten", lambda a: (1 - sigmoid(a)).mean(), "The logarithm is missing: −log σ(m)."),
            ("logarithm-forgotten", lambda a: -sigmoid(a).mean(), "The logarithm is missing: −log σ(m)."),
            ("sigmoid-twice", lambda a: softplus(-sigmoid(a)).mean(), "The sigmoid is applied before the formula, "
             "which takes the logits as they are."),
        ],
        "The loss",
    )  # fmt: skip
    yield "the loss of several numbers of points, and of one"
    for (a,), found in zip(usual, gradients[:3], strict=True):
        p, right = sigmoid(a), oracle.generator(a)[1]
        verify(
            _flat(array(found, "the gradient for made"), right), right, "the gradient for made",
            partial(_of_generator_gradient, a, p, right),
            {"number of made points": len(a)},
            partial(_numerical_generator, a),
        )  # fmt: skip
    yield "the gradient agrees with finite differences; inputs unchanged"
    for i in (3, 4):
        a = cases[i][0].astype(float)
        no_overflow(got[i], oracle.generator(a)[0], "The loss", INSTEAD)
        verify(array(gradients[i], "the gradient"), oracle.generator(a)[1], "the gradient for logits of ±1000",
               partial(_of_overflow, a))
        in_type(gradients[i], str(cases[i][0].dtype), "The gradient")
    yield "logits of ±1000, in float32, too"


def clouds(seed: int) -> list[np.ndarray]:
    """Points near some of the Gaussians, at various distances; at 2% exactly, and below; one only; none."""
    rng = np.random.default_rng([seed, 103])

    def around(counts: list[int], radius: float) -> np.ndarray:
        """So many points at each centre, at a distance of so many SPREADs."""
        where = np.repeat(np.arange(8), counts)
        angle = rng.uniform(0, 2 * np.pi, len(where))
        return MODES[where] + radius * SPREAD * np.stack([np.cos(angle), np.sin(angle)], axis=1)

    places = rng.permutation(8)

    def counts(*numbers: int) -> list[int]:
        found = [0] * 8
        for place, many in zip(places, numbers, strict=False):
            found[place] = many
        return found

    def filled(near: np.ndarray, total: int) -> np.ndarray:
        """Made up with points that lie on none, closer to some centres than to others."""
        rest = around([0, 0, 0, total - len(near), 0, 0, 0, 0], float(rng.uniform(5.5, 6.5)))
        return np.asarray(rng.permutation(np.concatenate([near, rest])))

    mixed = np.concatenate([
        around(counts(31, 12, 7), 1.5), around(counts(0, 9, 0, 14), 3.4), around(counts(0, 0, 0, 0, 3, 1), 0.4)
    ])  # fmt: skip
    exact = around(counts(2, 1, 60, 2), 2.0)
    corner = MODES[0] + 3.5 * SPREAD * np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0]]) / 1.05
    return [
        filled(mixed, 200), filled(exact, 100), filled(np.concatenate([around(counts(40, 3), 1.0), corner]), 90),
        filled(around(counts(50), 1.0), 50), around([0, 0, 0, 7, 0, 0, 0, 0], 9.0),
    ]  # fmt: skip


def _count(points: np.ndarray, share: float = 0.02, radius: float = 4.0, strictly: bool = False) -> tuple[int, float]:
    distance = np.linalg.norm(points[:, None] - MODES, axis=2)
    near = distance.min(axis=1) < radius * SPREAD
    shares = np.bincount(distance.argmin(axis=1)[near], minlength=8) / len(points)
    return int((shares > share if strictly else shares >= share).sum()), float(near.mean())


def _of_near(points: np.ndarray) -> float:
    distance = np.linalg.norm(points[:, None] - MODES, axis=2)
    near = distance.min(axis=1) < 4 * SPREAD
    many = np.bincount(distance.argmin(axis=1)[near], minlength=8)
    return float((many >= 0.02 * max(near.sum(), 1)).sum() if near.any() else 0)


def _found_only(points: np.ndarray) -> float:
    distance = np.linalg.norm(points[:, None] - MODES, axis=2)
    near = distance.min(axis=1) < 4 * SPREAD
    many = np.bincount(distance.argmin(axis=1)[near], minlength=8) / len(points)
    return float(many[many >= 0.02].sum())


def _far_counted(points: np.ndarray) -> float:
    nearest = np.linalg.norm(points[:, None] - MODES, axis=2).argmin(axis=1)
    return float((np.bincount(nearest, minlength=8) >= 0.02 * len(points)).sum())


def _box(points: np.ndarray) -> tuple[float, float]:
    inside = (np.abs(points[:, None] - MODES) < 4 * SPREAD).all(axis=2)
    return float((inside.mean(axis=0) >= 0.02).sum()), float(inside.any(axis=1).mean())


@check("found", "D5")
def found(function: Any, *, seed: int = 0) -> Iterator[str]:
    """Gaussians with at least 2% of all points on them, and the share of points on one."""
    cases = [(points,) for points in clouds(seed)]
    seen = ask(calls, "found", function, cases, ("points",))
    both = [several(seen[i], 2, "found", "(number of Gaussians found, share of points)") for i in range(len(cases))]
    counts = [np.asarray(number(one, "the number of Gaussians")) for one, _ in both]
    shares = [np.asarray(number(one, "the share of points")) for _, one in both]
    right = [_count(points) for (points,) in cases]
    if all(close(s, np.asarray(float(c))) for s, (c, _) in zip(shares, right, strict=True)) and all(
        close(c, np.asarray(s)) for c, (_, s) in zip(counts, right, strict=True)
    ):
        raise Mistake("exchanged", "The two results are exchanged: return (number of Gaussians found, share of "
                      "points).")
    wrong_radius = "A point lies on a Gaussian if its distance is less than 4 · SPREAD; here the distance is {}."
    radii = [(1.0, "SPREAD"), (2.0, "2 · SPREAD"), (3.0, "3 · SPREAD"), (16.0, "16 · SPREAD"), (80.0, "4"),
             (0.2, "compared wrongly"), (4 * 0.05**-0.5, "4 · √SPREAD, or the squared one is compared with 4 · SPREAD"),
             (0.8**0.5 / 0.05 * 0.5, "√(4 · SPREAD): squared distances are compared with 4 · SPREAD")]  # fmt: skip
    verify_values(
        counts, cases, lambda x: _count(x)[0],
        [
            ("more-than-for-at-least", lambda x: _count(x, strictly=True)[0], "A Gaussian with exactly 2% of the "
             "points is found: at least (`>=`), not more than."),
            ("far-points-counted", _far_counted, "Points that lie on no Gaussian count for the nearest one: only those "
             "closer than 4 · SPREAD count."),
            ("share-of-near", _of_near, "The 2% are taken of the points that lie on a Gaussian; they are 2% of *all* "
             "points."),
            ("one-point-enough", lambda x: _count(x, 1e-9)[0], "A Gaussian counts as found with a single point; at "
             "least 2% of all points have to lie on it."),
            *(("other-threshold", lambda x, t=t: _count(x, t)[0], f"A Gaussian counts as found from {t:.1%} of the "
               f"points on; it is 2%.") for t in (0.2, 0.1, 0.05, 0.01, 0.002)),
            ("missed-for-found", lambda x: 8 - _count(x)[0], "These are the Gaussians that are *not* found."),
            ("all-eight", lambda x: 8, "All eight count, with points or without."),
            *(("wrong-distance", lambda x, r=r: _count(x, radius=r)[0], wrong_radius.format(words))
              for r, words in radii),
            ("box-for-distance", lambda x: _box(x)[0], "The differences in x and y are compared one by one, which is a "
             "square; the distance is √(dx² + dy²)."),
        ],
        "The number of Gaussians found",
    )  # fmt: skip
    yield "Gaussians with more than 2%, exactly 2% and fewer of the points, and with none"
    verify_values(
        shares, cases, lambda x: _count(x)[1],
        [
            ("percent-for-share", lambda x: 100 * _count(x)[1], "The share is in per cent; it lies between 0 and 1."),
            ("count-for-share", lambda x: len(x) * _count(x)[1], "This is a number of points; divide it by all."),
            ("found-only", _found_only, "Only points on Gaussians that are found count; those on others lie on one, "
             "too."),
            ("gaussians-for-points", lambda x: _count(x)[0] / 8, "This is the share of the *Gaussians* that are found; "
             "the share of the points is asked for."),
            ("far-for-near", lambda x: 1 - _count(x)[1], "This is the share of the points that lie on *no* Gaussian."),
            *(("wrong-distance", lambda x, r=r: _count(x, radius=r)[1], wrong_radius.format(words))
              for r, words in radii),
            ("box-for-distance", lambda x: _box(x)[1], "The differences in x and y are compared one by one, which is a "
             "square; the distance is √(dx² + dy²)."),
        ],
        "The share of points",
    )  # fmt: skip
    yield "the share of all points that lie on one"
