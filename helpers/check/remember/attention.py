"""Checks of Part D of `remember`: an attention head with a causal mask, and its backward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.check.core.ask import ask
from helpers.check.core.cases import primes
from helpers.check.core.compare import Hypothesis
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.report import Mistake, check
from helpers.check.remember import probes
from helpers.check.remember.results import Whole, counted, kept_apart, parts, same_again, verify_parts

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
TWO = ("y", "p")
THREE = ("g_q", "g_k", "g_v")
LARGE = "for scores of ±1000: subtract the row's maximum before `np.exp`."


def cases(seed: int) -> list[tuple[Arrays, str, str]]:
    """(q, k, v and a gradient (N, T, d)), words, dtype: usual, one text, one character, float32, large scores, some
    that are exactly 0."""
    rng, found = np.random.default_rng([seed, 100]), []
    for words in ("a usual batch", "one text", "a single character", "float32", "scores of ±1000", "scores of 0"):
        n, t, d = primes(rng, 3, 3, 11)
        n, t = 1 if words == "one text" else n, 1 if words == "a single character" else t
        scale = 12.0 if words == "scores of ±1000" else 1.2
        q, k, v, grad = (rng.normal(0, s, (n, t, d)) for s in (scale, scale, 1, 1))
        if scale > 2:
            k *= 1000 / np.abs(q @ k.transpose(0, 2, 1) / d**0.5).max()
            k[:, 0] = -1000 * d**0.5 * q[:, 0] / (q[:, 0] ** 2).sum(axis=-1, keepdims=True)  # all that is seen is low
        if words == "scores of 0":
            q[:, -1] = 0
        found.append(((q, k, v, grad), words, "float32" if words == "float32" else "float64"))
    return found


def softmax(scores: np.ndarray, axis: int | tuple[int, ...] = -1) -> np.ndarray:
    with np.errstate(all="ignore"):
        top = np.max(scores, axis=axis, keepdims=True)
        e = np.exp(scores - np.where(np.isfinite(top), top, 0))
        return e / e.sum(axis=axis, keepdims=True)


def seen_by(t: int, ahead: int = 0) -> np.ndarray:
    return np.tri(t, k=ahead, dtype=bool)


def attention(q: Any, k: Any, v: Any) -> tuple[np.ndarray, np.ndarray]:
    t, d = q.shape[1:]
    p = softmax(np.where(seen_by(t), q @ k.transpose(0, 2, 1) / d**0.5, -np.inf))
    return p @ v, p


def wrong_attention(q: Any, k: Any, v: Any) -> Whole:
    n, t, d = q.shape
    raw = q @ k.transpose(0, 2, 1)
    scores, mask = raw / d**0.5, seen_by(t)
    right = attention(q, k, v)[1]

    def masked(values: Any, keep: Any = mask, fill: float = -np.inf) -> np.ndarray:
        return np.where(keep, values, fill)

    scales = [("scale-missing", 1.0, "leaves out the 1/√d: scores grow with d, and the softmax becomes too sharp."),
              ("divided-by-d", 1 / d, "divides by d; it is by √d."),
              ("multiplied-by-root", d**0.5, "multiplies the scores by √d; it divides by it."),
              ("root-of-steps", t**-0.5, "divides by the root of T; d is the length of a query, the last axis."),
              ("root-of-batch", n**-0.5, "divides by the root of N, the number of texts; d is the last axis."),
              ("scaled-twice", d**-1.5, "divides by d and by √d; it is by √d alone."),
              ("root-of-root", d**-0.25, "takes the root twice; it is √d.")]  # fmt: skip
    ps: list[tuple[str, Any, str]] = [(name, softmax(masked(raw * f)), f"attend {hint}") for name, f, hint in scales]
    none = softmax(scores)
    cut = np.where(mask, none, 0)
    unrowed = np.exp(masked(scores - masked(scores).max(axis=-1, keepdims=True)))
    ps += [
        ("mask-missing", none, "attend has no mask: each character looks at those that come after it, which are what "
         "it is to predict."),
        ("mask-missing", softmax(raw), "attend has no mask, and the 1/√d is missing, too. Each character may look only "
         "at those up to itself."),
        ("mask-reversed", softmax(masked(scores, mask.T)), "The mask of attend is turned around: characters look at "
         "those *after* them. Row t may see the columns up to t."),
        ("mask-off-by-one", softmax(masked(scores, seen_by(t, 1))), "The mask of attend is off by one: each character "
         "also sees the next one, which is what it is to predict. Row t sees the columns up to t."),
        ("mask-off-by-one", softmax(masked(scores, seen_by(t, -1))), "The mask of attend is off by one: a character "
         "may look at itself (the diagonal stays), else the first has nothing to look at."),
        ("mask-off-by-one", softmax(np.where(seen_by(t, -1), scores, -1e9)), "The mask of attend is off by one: a "
         "character may look at itself (the diagonal stays), else the first has nothing to look at."),
        ("mask-off-by-one", np.nan_to_num(softmax(masked(scores, seen_by(t, -1)))), "The mask of attend is off by one: "
         "a character may look at itself (the diagonal stays)."),
        ("masked-with-zero", softmax(np.where(mask, scores, 0)), "attend puts 0 in place of the hidden scores, or "
         "multiplies them by the mask; e^0 is 1, so they still get weight. Put −∞ there (`-np.inf`)."),
        ("mask-added", softmax(scores + mask), "attend adds the mask itself, 0 and 1, to the scores; add −∞ where "
         "nothing may be seen."),
        ("mask-after-softmax", cut, "attend masks after the softmax, so that the rows no longer add up to 1. Mask the "
         "scores, before the softmax."),
        ("mask-inverted", softmax(masked(scores, ~mask)), "The mask of attend is inverted: "
         "what may be seen is hidden."),
        ("wrong-axis", softmax(masked(scores), -2), "The softmax of attend runs over the wrong axis, over those that "
         "ask; each row, of one that asks, adds up to 1: `axis=-1`."),
        ("wrong-axis", softmax(masked(scores), 0), "The softmax of attend runs over the texts; each row, of one "
         "character that asks, adds up to 1: `axis=-1`."),
        ("wrong-axis", softmax(masked(scores), (-2, -1)), "The softmax of attend runs over rows and columns together; "
         "each row adds up to 1: `axis=-1`."),
        ("wrong-axis", unrowed / unrowed.sum(axis=(-2, -1), keepdims=True), "attend divides by the sum over rows and "
         "columns together; each row adds up to 1: `axis=-1`."),
        ("wrong-axis", unrowed / unrowed.sum(axis=-2, keepdims=True), "attend divides by the sum over the wrong axis, "
         "over those that ask; each row adds up to 1: `axis=-1`."),
        ("wrong-axis", unrowed / unrowed.sum(), "attend divides by the sum of everything; each row adds up to 1: "
         "`axis=-1, keepdims=True`."),
        ("mask-inverted", softmax(np.where(mask, -1e9, scores)), "The mask of attend is inverted: what may be seen is "
         "hidden."),
        ("wrong-axis", softmax(masked(scores), (0, 1, 2)), "The softmax of attend runs over everything; each row adds "
         "up to 1: `axis=-1`."),
        ("queries-and-keys-exchanged", softmax(masked(scores.transpose(0, 2, 1))), "The scores of attend are "
         "transposed: s[t, s'] = q_t · k_s', `q @ k.transpose(0, 2, 1)`."),
        ("softmax-missing", np.where(mask, scores, 0), "attend takes the scores for weights; a softmax makes weights "
         "of them that add up to 1."),
        ("not-normalised", np.where(mask, np.exp(np.minimum(scores, 700)), 0), "The weights of attend are not divided "
         "by their sum: each row adds up to 1."),
        ("uniform", mask / mask.sum(axis=1, keepdims=True) + 0 * scores, "All weights of a row are equal in attend: "
         "the scores are not used."),
        ("sign-of-scores", softmax(masked(-scores)), "The sign of attend's scores is wrong."),
        ("keys-for-queries", softmax(masked(k @ k.transpose(0, 2, 1) / d**0.5)), "attend compares the keys with "
         "themselves; it is q with k."),
        ("queries-for-keys", softmax(masked(q @ q.transpose(0, 2, 1) / d**0.5)), "attend compares the queries with "
         "themselves; it is q with k."),
        ("mask-missing", softmax(raw / d), "attend has no mask, and divides by d in place of √d."),
        ("self-only", np.broadcast_to(np.eye(t), scores.shape), "In attend each character looks at itself alone."),
    ]  # fmt: skip
    ps += [
        ("mask-too-weak", softmax(np.where(mask, scores, fill)), f"attend puts {fill} in place of the hidden scores; "
         "where all that may be seen scores as low, the hidden ones get weight. Put −∞ there (`-np.inf`).")
        for fill in (-1, -10, -20, -50, -100, -500, -1000)
    ]  # fmt: skip
    whole: list[tuple[str, Any, str]] = [(name, (p @ v, p), hint) for name, p, hint in ps]
    whole += [
        ("p-transposed", (right.transpose(0, 2, 1) @ v, right), "y of attend uses p transposed; y = p v: row t weights "
         "the values."),
        ("p-transposed", (right @ v, right.transpose(0, 2, 1)), "p of attend comes back transposed: a row for each "
         "character that asks."),
        ("keys-for-values", (right @ k, right), "y of attend is the mean of the keys; it is that of the values v."),
        ("queries-for-values", (right @ q, right), "y of attend is the mean of the "
         "queries; it is that of the values v."),
        ("input-added", (right @ v + v, right), "attend adds v to the result; y = p v alone."),
        ("input-added", (right @ v + q, right), "attend adds q to the result; y = p v alone."),
        ("scores-for-p", (right @ v, np.where(mask, scores, -np.inf)), "attend returns the scores in place of the "
         "weights p."),
        ("scores-for-p", (right @ v, scores), "attend returns the scores in place of the weights p."),
        ("scaled-output", (right @ v / d**0.5, right), "attend divides y by √d; the scores are to be divided, before "
         "the softmax."),
    ]  # fmt: skip
    return whole


@check("attend", "D1")
def attend(attend: Any, *, seed: int = 0) -> Iterator[str]:
    """y and p for several sizes; nothing ahead; rows that add up to 1; large scores."""
    tried = cases(seed)
    asked = [[a.astype(dtype) for a in arrays[:3]] for arrays, _, dtype in tried]
    seen = ask(probes.outputs, "attend", attend, 2, ("q", "k", "v"), asked)
    for i, (arrays, words, _) in enumerate(tried):
        here = seen.part(i)
        counted(here, "y and p", 2)
        q, k, v, _ = arrays
        n, t, d = q.shape
        if words == "scores of 0":
            _zeros(parts(here, TWO, "attend")[1], t)
        elif "±" in words:
            _maximum(parts(here, TWO, "attend")[1], q, k)
        if t > 1 and np.isnan(here.array("1", "p of attend")).all():
            raise Mistake("nan-everywhere", "p of attend is nan everywhere. Is a mask of 0 and 1 multiplied by −∞? 0 · "
                          "∞ is nan: choose with `np.where(mask, scores, -np.inf)`.")
        verify_parts(parts(here, TWO, "attend"), attention(q, k, v), TWO, "attend",
                     wrong_attention(q, k, v) if t > 1 else (),
                     sizes={"number of texts": n, "number of characters T": t, "size d": d},
                     extreme=LARGE if "±" in words else
                     "in a row: has the first character nothing to look at? The diagonal stays.")  # fmt: skip
        yield words
    same_again(parts(seen.part(0), TWO, "attend"), parts(seen.part(len(tried)), TWO, "attend"), "attend")
    kept_apart(seen, TWO, "attend")


def _zeros(p: np.ndarray, t: int) -> None:
    """Of scores whose last row is 0."""
    last = p[:, -1]
    if p.shape[1:] == (t, t) and np.isnan(last).all() and np.isfinite(p[:, :-1]).all():
        raise Mistake("zero-taken-for-hidden", "p of attend is nan where all scores are exactly 0, as for a query of "
                      "zeros. Is a score that equals 0 taken for a hidden one? Choose by place, not by value: "
                      "`np.where(mask, scores, -np.inf)`.")


def _maximum(p: np.ndarray, q: np.ndarray, k: np.ndarray) -> None:
    """Of large scores: which rows become 0/0."""
    scores = q @ k.transpose(0, 2, 1) / q.shape[2] ** 0.5
    visible = np.where(seen_by(q.shape[1]), scores, -np.inf).max(axis=-1)
    lost = scores.max(axis=-1) - visible > 746
    if p.shape == scores.shape and lost.any() and np.array_equal(np.isnan(p).any(axis=-1), lost):
        raise Mistake("maximum-of-hidden", "p of attend is nan in rows where a hidden score is far larger than all "
                      "that may be seen: the maximum that is subtracted is that of all scores, and every exponential "
                      "that counts becomes 0. Mask first, then take the row's maximum.")


def backward(grad: Any, q: Any, k: Any, v: Any, p: Any) -> list[np.ndarray]:
    grad_p = grad @ v.transpose(0, 2, 1)
    grad_s = p * (grad_p - (grad_p * p).sum(axis=-1, keepdims=True)) / q.shape[-1] ** 0.5
    return [grad_s @ k, grad_s.transpose(0, 2, 1) @ q, p.transpose(0, 2, 1) @ grad]


def wrong_backward(grad: Any, q: Any, k: Any, v: Any, p: Any) -> tuple[Whole, dict[int, list[Hypothesis]]]:
    t, d = q.shape[1:]
    grad_p = grad @ v.transpose(0, 2, 1)
    rows = (grad_p * p).sum(axis=-1, keepdims=True)
    grad_v, root = p.transpose(0, 2, 1) @ grad, d**0.5
    mask = seen_by(t)
    who = "attend_backward"

    def from_scores(s: Any) -> list[np.ndarray]:
        return [s @ k, s.transpose(0, 2, 1) @ q, grad_v]

    right = p * (grad_p - rows)
    wrong: list[tuple[str, Any, str]] = [
        ("scale-missing", right, "leaves out the 1/√d: scores were divided by √d, so their gradient is, too."),
        ("divided-by-d", right / d, "divides by d (twice by √d); it is once by √d."),
        ("multiplied-by-root", right * root, "multiplies by √d; it divides by it, as forward did."),
        ("softmax-not-derived", p * grad_p / root, "leaves out the row's mean: g_s = p ⊙ (g_p − Σ g_p p). A softmax's "
         "weights add up to 1, so raising one lowers the others."),
        ("softmax-not-derived", grad_p / root, "passes g_p on without the derivative of the softmax: g_s = p ⊙ (g_p − "
         "Σ g_p p)."),
        ("softmax-not-derived", np.where(mask, grad_p, 0) / root, "passes g_p on without the derivative of the "
         "softmax: g_s = p ⊙ (g_p − Σ g_p p)."),
        ("diagonal-only", p * (1 - p) * grad_p / root, "uses p (1 − p), the diagonal of the softmax's derivative "
         "alone; each weight depends on all scores of its row: g_s = p ⊙ (g_p − Σ g_p p)."),
        ("mean-not-weighted", p * (grad_p - grad_p.mean(axis=-1, keepdims=True)) / root, "subtracts the plain mean of "
         "g_p; it is weighted with p: Σ g_p p."),
        ("mean-not-weighted", p * (grad_p - grad_p.sum(axis=-1, keepdims=True)) / root, "subtracts the plain sum of "
         "g_p; it is weighted with p: Σ g_p p."),
        ("wrong-axis", p * (grad_p - (grad_p * p).sum(axis=-2, keepdims=True)) / root, "sums over the wrong axis: the "
         "softmax ran along each row, so the sum does, too, `axis=-1`."),
        ("wrong-axis", p * (grad_p - (grad_p * p).sum(axis=0, keepdims=True)) / root, "sums over the texts; the "
         "softmax ran along each row, so the sum does, too, `axis=-1`."),
        ("wrong-axis", p * (grad_p - (grad_p * p).sum()) / root, "sums over everything; the softmax ran along each "
         "row, so the sum does, too: `axis=-1, keepdims=True`."),
        ("p-missing", (grad_p - rows) / root, "leaves out the factor p in front of the bracket."),
        ("p-missing", np.where(mask, grad_p - rows, 0) / root, "leaves out the factor p in front of the bracket."),
        ("p-outside-bracket", (p * grad_p - rows) / root, "multiplies only g_p by p; p stands in front of the whole "
         "bracket: p ⊙ (g_p − Σ g_p p)."),
        ("p-squared", p * p * (grad_p - rows) / root, "multiplies by p twice."),
        ("sign-flipped", -right / root, "has the wrong sign in g_s: it is g_p minus the row's mean."),
        ("plus-for-minus", p * (grad_p + rows) / root, "adds the row's mean; it is subtracted."),
        ("mean-of-p", p * (grad_p - p.mean(axis=-1, keepdims=True)) / root, "subtracts the mean of p; it is that of "
         "g_p, weighted with p."),
        ("gradient-for-y-for-p", right.transpose(0, 2, 1) / root, "transposes g_s."),
    ]  # fmt: skip
    whole: list[tuple[str, Any, str]] = [(name, from_scores(s), f"{who} {hint}") for name, s, hint in wrong]
    s = right / root
    single = {
        0: [
            Hypothesis("queries-and-keys-exchanged", s @ q, f"{who}: g_q is g_s by the *keys*, `g_s @ k`; the gradient "
                       "of a product has the other factor."),
            Hypothesis("transposed", s.transpose(0, 2, 1) @ k, f"{who}: g_q uses g_s transposed; it is g_s k, a row "
                       "for each character that asks."),
            Hypothesis("scale-missing", right @ k, f"{who}: g_q is without the 1/√d."),
            Hypothesis("values-for-keys", s @ v, f"{who}: g_q uses the values; it is g_s by the keys."),
        ],
        1: [
            Hypothesis("queries-and-keys-exchanged", s.transpose(0, 2, 1) @ k, f"{who}: g_k is g_sᵀ by the *queries*; "
                       "the gradient of a product has the other factor."),
            Hypothesis("not-transposed", s @ q, f"{who}: g_k uses g_s itself; it is g_s *transposed* by q: each key "
                       "collects from all rows that looked at it."),
            Hypothesis("scale-missing", right.transpose(0, 2, 1) @ q, f"{who}: g_k is without the 1/√d."),
        ],
        2: [
            Hypothesis("not-transposed", p @ grad, f"{who}: g_v uses p itself; it is p *transposed* by the gradient: "
                       "each value collects from all rows that looked at it."),
            Hypothesis("scores-for-p", s.transpose(0, 2, 1) @ grad, f"{who}: g_v uses g_s; it is pᵀ g_y."),
            Hypothesis("gradient-not-weighted", grad, f"{who}: g_v is the gradient for y itself; it is pᵀ g_y."),
            Hypothesis("scaled", grad_v / root, f"{who}: g_v is divided by √d; only the scores were scaled, so this "
                       "belongs to g_q and g_k alone."),
        ],
    }  # fmt: skip
    return whole, single


@check("attend_backward", "D2", builds_on="attend", after="D1")
def attend_backward(attend: Any, attend_backward: Any, *, seed: int = 0) -> Iterator[str]:
    """Three gradients, against finite differences; the student's own p goes in."""
    tried = cases(seed)
    asked = [[a.astype(dtype) for a in arrays] for arrays, _, dtype in tried]
    seen = ask(probes.attention_backward, attend, attend_backward, asked)
    for i, ((q, k, v, grad), words, _) in enumerate(tried):
        here = seen.part(i)
        counted(here, ", ".join(THREE), 3)
        p = attention(q, k, v)[1]
        n, t, d = q.shape
        whole, single = wrong_backward(grad, q, k, v, p) if t > 1 else ((), {})

        def numerical(j: int, given: Any = (q, k, v), grad: Any = grad) -> np.ndarray:
            def loss(a: np.ndarray) -> float:
                q, k, v = (a if i == j else one for i, one in enumerate(given))
                return float((attention(q, k, v)[0] * grad).sum())

            return numerical_gradient(loss, given[j])

        verify_parts(parts(here, THREE, "attend_backward"), backward(grad, q, k, v, p), THREE, "attend_backward", whole,
                     single, {"number of texts": n, "number of characters T": t, "size d": d},
                     None if "±" in words else numerical, LARGE if "±" in words else "")  # fmt: skip
        yield words + ("" if i else "; all three gradients agree with finite differences")
