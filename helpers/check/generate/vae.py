"""Checks of Part C of `generate`: the code's sample, the KL, the pixels' loss, and the way back through the sample."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core.ask import array, ask
from helpers.check.core.cases import primes
from helpers.check.core.compare import Hypothesis, close, verify
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.oracle import sigmoid
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check
from helpers.check.generate import oracle, probes
from helpers.check.generate.results import hypotheses, in_type, no_overflow, parts, scalar, several, verify_values

CODES = "averaged-over-code"
SUMMED = "The images are added up. Take the mean over the N images (and the sum over the numbers of a code)."


def _of_sample(
    i: Any, m: Any, s: Any, z: Any, noise: Any, sigma: Any, standard: Any, apart: bool
) -> list[Hypothesis]:
    """apart: whether z is no multiple of the noise even where μ and σ are the same everywhere."""
    return hypotheses([
        ("variance-for-deviation", lambda *_: m + sigma**2 * noise, "The noise is multiplied by the variance, "
         "e^s with s = log σ²; σ is its root, e^(s/2)."),
        ("log-variance-for-deviation", lambda *_: m + s * noise, "The noise is multiplied by log σ² itself; "
         "σ = e^(½ log σ²)."),
        ("log-variance-for-deviation", lambda *_: m + 0.5 * s * noise, "The exponential is missing: "
         "σ = e^(½ log σ²)."),
        ("log-variance-for-deviation", lambda *_: m + np.sqrt(np.abs(s)) * noise, "A root is taken of log σ²; "
         "σ = e^(½ log σ²)."),
        ("log-variance-for-deviation", lambda *_: m + np.sqrt(s) * noise, "A root is taken of log σ², which is no "
         "number where the variance is below 1; σ = e^(½ log σ²)."),
        ("deviation-wrong", lambda *_: m + sigma**4 * noise, "The exponent is 2 log σ²; σ = e^(½ log σ²)."),
        ("deviation-wrong", lambda *_: m + noise / sigma, "The sign in the exponent is wrong: "
         "σ = e^(½ log σ²)."),
        ("deviation-wrong", lambda *_: m + np.exp(s / 4) * noise, "A root too many is taken: "
         "σ = e^(½ log σ²)."),
        ("deviation-wrong", lambda *_: m + 0.5 * sigma**2 * noise, "The ½ stands before the exponential, ½ e^s; it "
         "belongs into the exponent: σ = e^(½ log σ²)."),
        ("deviation-wrong", lambda *_: m + 0.5 * sigma * noise, "σ is halved once more: σ = e^(½ log σ²)."),
        ("noise-not-scaled", lambda *_: m + noise, "The noise is not multiplied by σ."),
        ("mean-forgotten", lambda *_: sigma * noise, "μ is left out: z = μ + σ·ε."),
        ("noise-forgotten", lambda *_: m, "z is μ itself: the noise is left out."),
        ("noise-forgotten", lambda *_: m + sigma, "z is μ + σ: the noise is left out."),
        ("noise-subtracted", lambda *_: m - sigma * noise, "The noise is subtracted; add it, for the gradient "
         "that you will write is that of z = μ + σ·ε."),
        ("mean-multiplied", lambda *_: m * sigma * noise, "μ is multiplied; z = μ + σ·ε."),
        ("mean-multiplied", lambda *_: (m + sigma) * noise, "The noise multiplies μ, too; z = μ + σ·ε."),
        ("without-reparameterisation", lambda *_: z if apart and np.abs(standard).max() < 6 and i == 0 else np.nan,
         "z is not made of the noise that is returned: it was drawn by itself, or with other noise. Draw ε "
         "once, compute z from it, and return both: the backward pass needs that very ε."),
    ], ())  # fmt: skip


def _of_far(z: Any, noise: Any) -> list[Hypothesis]:
    """Where log σ² is far from 0 and μ is 0."""
    used = float(np.median(np.abs(z / noise)))
    return [Hypothesis("cut-off", used * noise, f"σ is {used:.4g} for every log σ² that is far from 0: log_variance is "
                       "cut off (`clip`). Take it as it is: σ = e^(½ log σ²).")]  # fmt: skip


NOT_AVERAGED = "The gradient for {} is that of the sum over the images; the KL is their mean, so divide by N."


@check("sample_code", "C1")
def sample_code(function: Any, *, seed: int = 0) -> Iterator[str]:
    """z = μ + exp(½ log σ²)·ε with a number of N(0, 1) for each entry, from the generator that is given."""
    rng = np.random.default_rng([seed, 91])
    n, latent = primes(rng, 2, 3, 11)
    usual = rng.normal(0, 2, (n, latent)), rng.normal(0.4, 1, (n, latent))
    single = rng.normal(0, 2, (n, latent)).astype(np.float32), rng.normal(0, 1, (n, latent)).astype(np.float32)
    wide = np.full((600, 5), 3.0), np.full((600, 5), 0.8)
    one = rng.normal(size=(1, latent)), rng.normal(size=(1, latent))
    far = [(np.zeros((n, latent)), rng.uniform(low, low + 4, (n, latent))) for low in (-18, 12)]
    cases = [usual, wide, one, single, *far]
    seen = ask(probes.random, "sample_code", function, cases, 3000 + seed, ("mean", "log_variance"))

    def both(i: int, name: str) -> list[np.ndarray]:
        pair = several(seen.part(i)[name], 2, "sample_code", "(z, noise)")
        return [array(value, words) for value, words in zip(pair, ("z", "the noise"), strict=True)]

    z, noise = both(1, "first")
    if close(z, wide[0] + noise) and abs(noise.std() / np.exp(0.4) - 1) < 0.08:
        raise Mistake("noise-scaled-already", "The noise that is returned is σ·ε; return ε itself, of N(0, 1): the "
                      "backward pass needs it.")
    with np.errstate(all="ignore"):
        apart = z.shape != noise.shape or not np.ptp((z - wide[0]) / noise) < 1e-3
    for i, (mean, log_variance) in enumerate(cases):
        z, noise = both(i, "first")
        if noise.shape != mean.shape and z.shape == mean.shape:
            shared = noise.shape in ((mean.shape[1],), (1, mean.shape[1]))
            for_row = noise.shape == (mean.shape[0], 1)
            name = "noise-shared-over-code" if for_row and not shared else "noise-shared-over-batch"
            if not (shared or for_row or noise.size == 1):
                name = "wrong-shape"
            raise Mistake(name, f"The noise has shape {noise.shape} where mean has {mean.shape}: each number of each "
                          f"code needs noise of its own, `rng.standard_normal(mean.shape)`.")
        m, s = mean.astype(float), log_variance.astype(float)
        if close(m + np.exp(0.5 * s) * z, noise) and not close(m, noise):
            raise Mistake("exchanged", "The two results are exchanged: return (z, noise).")
        sigma = np.exp(0.5 * s)
        standard = (z - m) / sigma
        verify(
            z, m + sigma * noise, "z, computed with the noise that is returned,",
            partial(_of_far, z, noise) if i > 3 else partial(_of_sample, i, m, s, z, noise, sigma, standard, apart),
        )  # fmt: skip
        yield "z = μ + σ·ε for several shapes, one image, float32, and for very small and very large σ"
    if seen.part(3)["first, tensors"]:
        raise Mistake("tensors-returned", "sample_code returns tensors of PyTorch where it is given numpy arrays. The "
                      "layers and losses that take z and the noise next mix them with arrays, which fails: return "
                      "arrays, `.numpy()` of the tensors.")
    pair = several(seen.part(3)["first"], 2, "sample_code", "(z, noise)")
    for words, one_of_both in zip(("z", "the noise"), pair, strict=True):
        in_type(one_of_both, "float32", words)
    noise, later, again, other = (both(1, name)[1] for name in ("first", "next", "again", "other"))
    if np.ptp(noise) == 0:
        raise Mistake("noise-shared-over-batch", "One random number is used for all codes: each number of each code "
                      "needs one of its own, `rng.standard_normal(mean.shape)`.")
    if np.ptp(noise, axis=0).max() == 0:
        raise Mistake("noise-shared-over-batch", "All images get the same noise: each needs noise of its own, "
                      "`rng.standard_normal(mean.shape)`.")
    if np.ptp(noise, axis=1).max() == 0:
        raise Mistake("noise-shared-over-code", "All numbers of a code get the same noise: each needs noise of its "
                      "own, `rng.standard_normal(mean.shape)`.")
    if close(noise, later):
        raise Mistake("seed-reused", "A second call draws the same noise: a generator is made inside, from a fixed "
                      "seed. Take the numbers from `rng`, which goes on.")
    if not close(noise, again) or close(noise, other):
        raise Mistake("rng-ignored", "Two generators of one seed give different noise: the numbers don't come from "
                      "`rng`. Use `rng.standard_normal`, not `np.random`.")
    average, deviation = float(noise.mean()), float(noise.std())
    tails = float((((noise - average) / deviation) ** 4).mean())
    if abs(average) > 0.1:
        raise Mistake("not-normal", f"The noise has mean {average:.2f}; N(0, 1) has mean 0: `rng.standard_normal`, not "
                      f"`rng.random`.")
    if not 0.92 < deviation < 1.08 or abs(tails - 3) > 0.7:
        raise Mistake("not-normal", f"The noise has standard deviation {deviation:.2f} and is not N(0, 1) (largest: "
                      f"{np.abs(noise).max():.2f}): `rng.standard_normal(mean.shape)`.")
    yield "noise of N(0, 1), its own for each number of each code, from the generator that is given"


def _codes(seed: int, number: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(mean, log_variance): two sizes, one image, one number a code, tiny variances, float32."""
    rng = np.random.default_rng([seed, number])
    n, latent, more, other = primes(rng, 4, 3, 17)
    shapes = (n, latent), (more, other), (1, latent), (other, 1), (more, latent)
    found = [(rng.normal(0, 1.3, shape), rng.normal(0.3, 0.9, shape)) for shape in shapes]
    found.insert(-1, (0.1 * found[0][0], np.linspace(-18, -15, n * latent).reshape(n, latent)))  # σ² nearly 0
    return [*found[:-1], tuple(one.astype(np.float32) for one in found[-1])]  # type: ignore[list-item]


def _kl(mean: np.ndarray, variance: np.ndarray, log_variance: np.ndarray) -> float:
    return 0.5 * float((mean**2 + variance - log_variance - 1).sum()) / len(mean)


def _of_kl_mean(m: Any, s: Any, n: Any) -> list[Hypothesis]:
    return hypotheses([
        ("gradient-not-averaged", lambda *_: m, NOT_AVERAGED.format("mean")),
        ("gradient-doubled", lambda *_: 2 * m / n, "The gradient for mean is twice what it should be: the ½ "
         "cancels with the 2 of the derivative of μ²."),
        ("gradient-doubled", lambda *_: 2 * m, "The gradient for mean is 2μ: the ½ is forgotten, and the "
         "division by N."),
        ("gradient-halved", lambda *_: 0.5 * m / n, "The gradient for mean is half of what it should be: the "
         "derivative of ½μ² is μ."),
        ("gradient-sign", lambda *_: -m / n, "The gradient for mean has the wrong sign."),
        (CODES, lambda *_: m / m.size, "The gradient for mean is divided by all N · latent numbers; the KL is "
         "a mean over the N images only."),
        ("gradient-squared", lambda *_: 0.5 * m**2 / n, "These are the terms ½μ² of the KL; their derivative "
         "is asked for."),
        ("gradient-for-z", lambda *_: m / n + s, "log σ² has no place in the gradient for mean."),
    ], ())  # fmt: skip


def _numerical_kl_mean(m: Any, s: Any) -> np.ndarray:
    return numerical_gradient(lambda u: oracle.kl(u, s)[0], m)


def _of_kl_log_variance(v: Any, n: Any, s: Any, right_s: Any, m: Any) -> list[Hypothesis]:
    return hypotheses([
        ("gradient-not-averaged", lambda *_: 0.5 * (v - 1), NOT_AVERAGED.format("log_variance")),
        ("gradient-doubled", lambda *_: (v - 1) / n, "The gradient for log_variance is twice what it should "
         "be: the ½ stays here, for the derivative of e^s is e^s."),
        ("gradient-doubled", lambda *_: v - 1, "The gradient for log_variance lacks the ½ and the division by "
         "N."),
        ("gradient-for-variance", lambda *_: 0.5 * (1 - 1 / v) / n, "This is the gradient for σ²; the encoder "
         "gives its *logarithm* s, and the derivative of e^s for s is e^s."),
        ("gradient-for-variance", lambda *_: (np.sqrt(v) - 1 / np.sqrt(v)) / n, "This is the gradient for σ; "
         "the encoder gives log σ²."),
        ("gradient-for-variance", lambda *_: 0.5 * (v - 1 / v) / n, "The derivative of log σ² for s = log σ² "
         "is 1, not 1/σ²."),
        ("log-sigma-for-log-variance", lambda *_: (v**2 - 1) / n, "This is the gradient where s is taken for "
         "log σ: it is log σ², and σ² = e^s."),
        ("log-sigma-for-log-variance", lambda *_: 0.5 * (v**2 - 1) / n, "e^(2s) stands where σ² = e^s "
         "belongs."),
        ("log-sigma-for-log-variance", lambda *_: 0.5 * (np.sqrt(v) - 1) / n, "σ stands where σ² belongs."),
        ("log-variance-for-variance", lambda *_: 0.5 * (s - 1) / n, "The exponential is missing: σ² = e^s."),
        ("minus-one-forgotten", lambda *_: 0.5 * v / n, "The −1 is left out: at σ = 1 the gradient has to be "
         "0."),
        ("gradient-sign", lambda *_: -right_s, "The gradient for log_variance has the wrong sign."),
        ("plus-one", lambda *_: 0.5 * (v + 1) / n, "1 is added; the derivative of −s is −1."),
        (CODES, lambda *_: right_s / m.shape[1], "The gradient for log_variance is divided by all N · latent "
         "numbers; the KL is a mean over the N images only."),
        ("logarithm-kept", lambda *_: 0.5 * (v - s - 1) / n, "−log σ² is still there; its derivative for s is "
         "−1."),
    ], ())  # fmt: skip


def _numerical_kl_log_variance(m: Any, s: Any) -> np.ndarray:
    return numerical_gradient(lambda u: oracle.kl(m, u)[0], s)


@check("kl", "C2")
def kl(function: Any, *, seed: int = 0) -> Iterator[str]:
    """½ Σ (μ² + σ² − log σ² − 1), the mean over the batch, with its gradients for μ and for log σ²."""
    cases = _codes(seed, 92)
    seen = ask(calls, "kl", function, cases, ("mean", "log_variance"))
    given, cases = cases, [(m.astype(float), s.astype(float)) for m, s in cases]
    values, on_mean, on_log = parts(seen, len(cases), 3, "kl", "(KL, its gradient for mean, for log_variance)")
    if np.shape(values[0]) == (len(cases[0][0]),):
        raise Mistake("not-averaged", "The KL is one number for each image; take their mean.")
    latent = [m.shape[1] for m, _ in cases]
    variance_one = (
        "e^(2s) stands where σ² belongs: s is taken for log σ. The encoder gives s = log **σ²**, so σ² = e^s and "
        "σ = e^(s/2)."
    )
    verify_values(
        [scalar(value, "the KL") for value in values], cases, lambda m, s: oracle.kl(m, s)[0],
        [
            ("kl-sign", lambda m, s: -oracle.kl(m, s)[0], "The sign is wrong: a KL is never negative."),
            ("kl-sign", lambda m, s: -2 * oracle.kl(m, s)[0], "The sign is wrong, and the factor ½ is missing."),
            ("summed-over-batch", lambda m, s: len(m) * oracle.kl(m, s)[0], SUMMED),
            ("summed-over-batch", lambda m, s: -len(m) * oracle.kl(m, s)[0], f"{SUMMED} The sign is wrong, too."),
            ("summed-over-batch", lambda m, s: 2 * len(m) * oracle.kl(m, s)[0], f"{SUMMED} The ½ is missing, too."),
            (CODES, lambda m, s: oracle.kl(m, s)[0] / m.shape[1], "The mean runs over the numbers of a code, too "
             "(`np.mean`): sum over a code, and take the mean over the N images."),
            (CODES, lambda m, s: len(m) * oracle.kl(m, s)[0] / m.shape[1], "The sum is divided by the numbers of a "
             "code; divide by the number of images N."),
            ("half-forgotten", lambda m, s: 2 * oracle.kl(m, s)[0], "The factor ½ is missing."),
            ("log-sigma-for-log-variance", lambda m, s: _kl(m, np.exp(2 * s), 2 * s), variance_one),
            ("log-sigma-for-log-variance", lambda m, s: _kl(m, np.exp(2 * s), s), variance_one),
            ("log-sigma-for-log-variance", lambda m, s: _kl(m, np.exp(s), 2 * s), "log σ² is doubled: "
             "`log_variance` is log σ² already, not log σ."),
            ("log-sigma-for-log-variance", lambda m, s: _kl(m, np.exp(0.5 * s), s), "σ stands where σ² belongs: "
             "σ² = e^s for s = log σ²."),
            ("log-sigma-for-log-variance", lambda m, s: _kl(m, np.exp(0.5 * s), 0.5 * s), "σ stands where σ² belongs, "
             "in both terms: σ² = e^s for s = log σ²."),
            ("log-variance-for-variance", lambda m, s: _kl(m, s, np.log(s)), "log_variance is taken for σ² itself: "
             "σ² = e^s, and log σ² is s."),
            ("log-variance-for-variance", lambda m, s: _kl(m, s**2, np.log(s**2)), "log_variance is taken for σ "
             "itself: σ² = e^s, and log σ² is s."),
            ("minus-one-forgotten", lambda m, s: oracle.kl(m, s)[0] + 0.5 * m.shape[1], "The −1 is left out: the KL "
             "of N(0, 1) has to be 0."),
            ("minus-one-once", lambda m, s: 0.5 * (m**2 + np.exp(s) - s).sum() / len(m) - 0.5, "1 is subtracted once "
             "for each image; it belongs to each number of the code."),
            ("minus-one-once", lambda m, s: 0.5 * ((m**2 + np.exp(s) - s).sum() - 1) / len(m), "1 is subtracted once "
             "for the whole sum; it belongs to each number of each code."),
            ("plus-one", lambda m, s: oracle.kl(m, s)[0] + m.shape[1], "1 is added; subtract it."),
            ("mean-not-squared", lambda m, s: 0.5 * (m + np.exp(s) - s - 1).sum() / len(m), "μ stands where μ² "
             "belongs."),
            ("mean-forgotten", lambda m, s: 0.5 * (np.exp(s) - s - 1).sum() / len(m), "The term μ² is left out."),
            ("logarithm-sign", lambda m, s: 0.5 * (m**2 + np.exp(s) + s - 1).sum() / len(m), "log σ² is added; "
             "subtract it."),
            ("logarithm-forgotten", lambda m, s: 0.5 * (m**2 + np.exp(s) - 1).sum() / len(m), "The term −log σ² is "
             "left out: without it σ would go to 0."),
            ("variance-forgotten", lambda m, s: 0.5 * (m**2 - s - 1).sum() / len(m), "The term σ² is left out: "
             "without it σ would grow without end."),
            *(("cut-off", lambda m, s, e=e: _kl(m, np.exp(s), np.log(np.exp(s) + e)), f"{e:g} is added before the "
               "logarithm, which changes the KL where σ² is as small. The logarithm is given, `log_variance`: no "
               "`np.log` is needed.") for e in (1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)),
            ("kl-backwards", lambda m, s: 0.5 * (s + (1 + m**2) / np.exp(s) - 1).sum() / len(m), "This is the KL the "
             "other way round, KL(N(0, 1) ‖ N(μ, σ²)), which is another number."),
            ("first-image-only", lambda m, s: oracle.kl(m[:1], s[:1])[0], "Only the first image counts. Is there a "
             "`return` inside the loop?"),
        ],
        "The KL", [{"batch size": len(m), "numbers of a code": k} for (m, _), k in zip(cases, latent, strict=True)],
    )  # fmt: skip
    yield "the KL of several batches, of one image, and of codes of one number"
    for (m, s), got_m, got_s in zip(cases, on_mean, on_log, strict=True):
        n, sizes = len(m), {"batch size": len(m), "numbers of a code": m.shape[1]}
        found_m, found_s = array(got_m, "the gradient for mean"), array(got_s, "the gradient for log_variance")
        right_m, right_s = oracle.kl(m, s)[1:]
        if m.size > 1 and close(found_m, right_s) and close(found_s, right_m):
            raise Mistake("gradients-exchanged", "The two gradients are exchanged: that for mean comes first.")
        verify(
            found_m, right_m, "the gradient for mean",
            partial(_of_kl_mean, m, s, n), sizes, partial(_numerical_kl_mean, m, s),
        )  # fmt: skip
        v = np.exp(s)
        verify(
            found_s, right_s, "the gradient for log_variance",
            partial(_of_kl_log_variance, v, n, s, right_s, m), sizes, partial(_numerical_kl_log_variance, m, s),
        )  # fmt: skip
    in_type(on_mean[-1], str(given[-1][0].dtype), "The gradient for mean")
    in_type(on_log[-1], str(given[-1][0].dtype), "The gradient for log_variance")
    yield "both gradients agree with finite differences; inputs unchanged"


def _of_pixels(x: Any, a: Any, p: Any) -> list[Hypothesis]:
    return hypotheses([
        ("gradient-not-averaged", lambda *_: p - x, "The gradient is that of the sum over the images; the loss "
         "is their mean, so divide by N."),
        ("averaged-over-pixels", lambda *_: (p - x) / x.size, "The gradient is divided by all N · D entries; "
         "the loss is a mean over the N images only."),
        ("averaged-over-pixels", lambda *_: (p - x) / x.shape[1], "The gradient is divided by the number of "
         "pixels; divide by the number of images N."),
        ("gradient-sign", lambda *_: (x - p) / len(x), "The gradient has the wrong sign (x − p)."),
        ("gradient-sign", lambda *_: x - p, "The gradient has the wrong sign (x − p), and is not divided by "
         "N."),
        ("sigmoid-forgotten", lambda *_: (a - x) / len(x), "The gradient is a − x; the derivative of "
         "log(1 + e^a) is σ(a)."),
        ("derivative-again", lambda *_: (p - x) * p * (1 - p) / len(x), "p(1 − p) is multiplied in; σ(a) − x "
         "includes the sigmoid's derivative already."),
        ("gradient-for-probabilities", lambda *_: (p - x) / (p * (1 - p)) / len(x), "This is the gradient for "
         "the probabilities; that for the logits is asked for."),
        ("input-forgotten", lambda *_: p / len(x), "x is not subtracted: this is σ(a)/N."),
        ("parentheses-missing", lambda *_: p - x / len(x), "Only x is divided by N: parentheses around "
         "(σ(a) − x) are missing."),
    ], ())  # fmt: skip


def _numerical_pixels(x: Any, a: Any) -> np.ndarray:
    return numerical_gradient(lambda u: oracle.pixels(x, u)[0], a)


@check("pixel_loss", "C3")
def pixel_loss(function: Any, *, seed: int = 0) -> Iterator[str]:
    """Σ log(1 + e^a) − x·a over the pixels, the mean over the images; (σ(a) − x)/N; finite at ±1000."""
    rng = np.random.default_rng([seed, 93])
    n, pixels, more, other = primes(rng, 4, 3, 17)
    shapes = (n, pixels), (more, other), (1, pixels)
    usual: list[tuple[np.ndarray, np.ndarray]] = [(rng.random(s), rng.normal(0.4, 1.6, s)) for s in shapes]
    single = rng.random((n, other)).astype(np.float32), rng.normal(0, 2, (n, other)).astype(np.float32)
    large = np.array([[0.0, 1.0, 0.25], [1.0, 0.0, 1.0]]), np.array([[-1000.0, 1000.0, 90.0], [-1000.0, 1000.0, 0.0]])
    cases = [*usual, single, large]
    seen = ask(calls, "pixel_loss", function, cases, ("x", "logits"))
    values, gradients = parts(seen, len(cases), 2, "pixel_loss", "(loss, gradient for the logits)")
    if np.shape(values[0]) == usual[0][0].shape and np.shape(gradients[0]) == ():
        raise Mistake("exchanged", "The two results are exchanged: return (loss, gradient).")
    if np.shape(values[0]) == (n,):
        raise Mistake("not-averaged", "The loss is one number for each image; take their mean.")
    got = [scalar(value, "the loss") for value in values]
    wide = [(x.astype(float), a.astype(float)) for x, a in cases]

    def loss(x: np.ndarray, a: np.ndarray) -> float:
        return oracle.pixels(x, a)[0]

    over = (
        "The mean is taken over the pixels, too (`np.mean`, PyTorch's `BCEWithLogitsLoss`). Sum over the pixels of an "
        "image, and take the mean over the N images only."
    )
    verify_values(
        got[:4], wide[:4], loss,
        [
            ("averaged-over-pixels", lambda x, a: loss(x, a) / x.shape[1], over),
            ("averaged-over-pixels", lambda x, a: len(x) * loss(x, a) / x.shape[1], "The sum is divided by the number "
             "of pixels; divide by the number of images N."),
            ("summed-over-batch", lambda x, a: len(x) * loss(x, a), SUMMED.replace("numbers of a code", "pixels")),
            ("loss-sign", lambda x, a: -loss(x, a), "This is log p(x|z), which is negative; the loss is −log p."),
            ("pixels-rounded", lambda x, a: loss((x > 0.5) * 1.0, a), "The pixels are made 0 or 1. They are gray, "
             "between 0 and 1, and stand in the loss as they are."),
            ("second-term-forgotten", lambda x, a: (x * oracle.softplus(-a)).sum() / len(x), "Only −x·log p counts; "
             "white pixels count, too: −(1 − x)·log(1 − p)."),
            ("second-term-forgotten", lambda x, a: oracle.softplus(a).sum() / len(x), "The term −x·a is left out."),
            ("second-term-forgotten", lambda x, a: ((1 - x) * oracle.softplus(a)).sum() / len(x), "Only white pixels "
             "count; black ones count, too."),
            ("logits-sign", lambda x, a: (oracle.softplus(a) + x * a).sum() / len(x), "x·a is added; subtract it."),
            ("logits-sign", lambda x, a: (oracle.softplus(-a) - x * a).sum() / len(x), "The sign in the logarithm is "
             "wrong: log(1 + e^a)."),
            ("logits-sign", lambda x, a: (oracle.softplus(-a) + x * a).sum() / len(x), "The sign of the logits is "
             "wrong: p = σ(a)."),
            ("squared-error", lambda x, a: ((sigmoid(a) - x) ** 2).sum() / len(x), "This is a squared error of the "
             "probabilities; the loss is their cross-entropy."),
            ("squared-error", lambda x, a: 0.5 * ((sigmoid(a) - x) ** 2).sum() / len(x), "This is a squared error of "
             "the probabilities; the loss is their cross-entropy."),
            ("squared-error", lambda x, a: 0.5 * ((a - x) ** 2).sum() / len(x), "This is a squared error of the "
             "logits; the loss is the cross-entropy of σ(a)."),
            ("sigmoid-twice", lambda x, a: loss(x, sigmoid(a)), "The sigmoid is applied twice: the formula takes the "
             "logits as they are."),
            ("arguments-exchanged", lambda x, a: loss(a, x), "x and the logits are exchanged."),
            ("log-base-2", lambda x, a: loss(x, a) / np.log(2), "The logarithm has base 2; nats are asked for."),
        ],
        "The loss", [{"batch size": len(x), "number of pixels": x.shape[1]} for x, _ in cases[:4]],
    )  # fmt: skip
    yield "the loss of several batches, of one image, in float32"
    for (x, a), found in zip(wide[:4], gradients[:4], strict=True):
        p = sigmoid(a)
        verify(
            array(found, "the gradient for the logits"), oracle.pixels(x, a)[1], "the gradient for the logits",
            partial(_of_pixels, x, a, p),
            {"batch size": len(x), "number of pixels": x.shape[1]},
            partial(_numerical_pixels, x, a),
        )  # fmt: skip
    in_type(gradients[3], "float32", "The gradient for the logits")
    yield "the gradient agrees with finite differences; inputs unchanged"
    x, a = large
    no_overflow(got[4], loss(x, a), "The loss", "`np.logaddexp(0, a)` is log(1 + e^a) without e^a.")
    got_large = array(gradients[4], "the gradient")
    if not np.isfinite(got_large).all():
        raise Mistake("overflow", "The gradient is not a number for logits of ±1000: take `sigmoid`, which is given.")
    verify(got_large, oracle.pixels(x, a)[1], "the gradient for logits of ±1000")
    yield "logits of ±1000"


def _of_through_mean(g: Any, e: Any, sigma: Any, n: Any, again: Any) -> list[Hypothesis]:
    return hypotheses([
        ("averaged-again", lambda *_: g / n, again.format("mean")),
        ("noise-in-mean", lambda *_: g * e, "The noise has no place in the gradient for mean: the derivative "
         "of z for μ is 1."),
        ("noise-in-mean", lambda *_: g * sigma, "σ has no place in the gradient for mean: the derivative of z "
         "for μ is 1."),
        ("detached", lambda *_: 0 * g, "The gradient for mean is zero, as if z did not depend on μ: the "
         "derivative of z for μ is 1."),
        ("local-derivative-only", lambda *_: np.ones_like(g), "This is the derivative of z for μ alone; "
         "multiply it by grad_z."),
        ("noise-in-mean", lambda *_: g + sigma * e, "The sample's formula is applied to the gradient; the "
         "derivative of z for μ is 1, so grad_z goes on as it is."),
        ("gradient-sign", lambda *_: -g, "The gradient for mean has the wrong sign."),
        ("summed-over-rows", lambda *_: g.sum(axis=0), "The gradient for mean is summed over the images; each "
         "has its own."),
    ], ())  # fmt: skip


def _of_through_log_variance(g: Any, e: Any, s: Any, sigma: Any, n: Any, right_s: Any, again: Any) -> list[Hypothesis]:
    return hypotheses([
        ("half-forgotten", lambda *_: g * e * sigma, "The factor ½ is missing: σ = e^(½s), and its derivative "
         "for s is ½σ."),
        ("sigma-forgotten", lambda *_: 0.5 * g * e, "σ is missing: the derivative of e^(½s) is ½·e^(½s)."),
        ("gradient-for-sigma", lambda *_: g * e, "This is the gradient for σ; go on to s = log σ²: times the "
         "derivative of σ = e^(½s), which is ½σ."),
        ("noise-forgotten", lambda *_: 0.5 * g * sigma, "The noise is missing: z = μ + σ·ε, so the derivative "
         "for σ is ε."),
        ("noise-forgotten", lambda *_: g * sigma, "The noise and the ½ are missing: the derivative of σ·ε for "
         "s is ½σ·ε."),
        ("variance-for-deviation", lambda *_: 0.5 * g * e * sigma**2, "σ² stands where σ belongs: σ = e^(½s)."),
        ("variance-for-deviation", lambda *_: g * e * sigma**2, "σ² stands where ½σ belongs: the derivative of "
         "e^(½s) is ½·e^(½s)."),
        ("log-variance-for-deviation", lambda *_: 0.5 * g * e * s, "log σ² stands where σ = e^(½ log σ²) "
         "belongs."),
        ("deviation-inverted", lambda *_: 0.5 * g * e / sigma, "It is divided by σ; multiply: the derivative "
         "of e^(½s) is ½·e^(½s)."),
        ("detached", lambda *_: 0 * g, "The gradient for log_variance is zero, as if z did not depend on σ: "
         "z = μ + σ·ε."),
        ("local-derivative-only", lambda *_: 0.5 * e * sigma, "This is the derivative of z for log_variance "
         "alone; multiply it by grad_z."),
        ("averaged-again", lambda *_: right_s / n, again.format("log_variance")),
        ("gradient-sign", lambda *_: -right_s, "The gradient for log_variance has the wrong sign."),
        ("kl-included", lambda *_: right_s + 0.5 * (sigma**2 - 1) / n, "The KL's gradient is added already; "
         "the training step adds it."),
        ("same-for-both", lambda *_: g, "The gradient for log_variance is grad_z, as for mean; z depends on "
         "it through σ·ε."),
    ], ())  # fmt: skip


def _numerical_through(g: Any, e: Any, s: Any) -> np.ndarray:
    return numerical_gradient(lambda u: float((g * np.exp(0.5 * u) * e).sum()), s)


@check("through_sample", "C4")
def through_sample(function: Any, *, seed: int = 0) -> Iterator[str]:
    """g for μ, and g·ε·½σ for log σ²."""
    rng = np.random.default_rng([seed, 94])
    given = [(rng.normal(size=m.shape).astype(m.dtype), rng.normal(0.2, 1, m.shape).astype(m.dtype), s)
             for m, s in _codes(seed, 95)]  # fmt: skip
    cases = [tuple(one.astype(float) for one in case) for case in given]
    seen = ask(calls, "through_sample", function, given, ("grad_z", "noise", "log_variance"))
    on_mean, on_log = parts(seen, len(cases), 2, "through_sample", "(gradient for mean, gradient for log_variance)")
    for (g, e, s), got_m, got_s in zip(cases, on_mean, on_log, strict=True):
        sigma, n = np.exp(0.5 * s), len(g)
        right_s = 0.5 * g * e * sigma
        found_m, found_s = array(got_m, "the gradient for mean"), array(got_s, "the gradient for log_variance")
        if close(found_m, right_s) and close(found_s, g):
            raise Mistake("gradients-exchanged", "The two gradients are exchanged: that for mean comes first.")
        if not found_m.any() and not found_s.any():
            raise Mistake("detached", "Both gradients are zero, as if z did not depend on the encoder. That is what "
                          "reparameterisation is for: z = μ + σ·ε depends on μ and on σ.")
        again = "The gradient for {} is divided by N once more; grad_z is that of the mean loss already."
        verify(
            found_m, g, "the gradient for mean",
            partial(_of_through_mean, g, e, sigma, n, again), {"batch size": n, "numbers of a code": g.shape[1]},
        )  # fmt: skip
        verify(
            found_s, right_s, "the gradient for log_variance",
            partial(_of_through_log_variance, g, e, s, sigma, n, right_s, again),
            {"batch size": n, "numbers of a code": g.shape[1]},
            partial(_numerical_through, g, e, s),
        )  # fmt: skip
    for name, found in (("mean", on_mean[-1]), ("log_variance", on_log[-1])):
        in_type(found, "float32", f"The gradient for {name}")
    yield "both gradients agree with finite differences, for several sizes and one image; inputs unchanged"
