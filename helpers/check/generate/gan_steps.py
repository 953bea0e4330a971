"""Checks of the two training steps in Part D of `generate`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from helpers.check.core.ask import Answer, array, ask
from helpers.check.core.cases import primes, rates
from helpers.check.core.compare import close, close_all, verify
from helpers.check.core.draw import drawn
from helpers.check.core.oracle import sigmoid
from helpers.check.core.report import Mistake, check
from helpers.check.generate import oracle, probes
from helpers.check.generate.oracle import MLP, softplus
from helpers.check.generate.results import scalar

Arrays = list[np.ndarray]


@dataclass(frozen=True)
class Case:
    """Two small networks, how many points the discriminator judges at a time, and two steps: real points, noise, lr."""

    discriminator: Arrays
    generator: Arrays
    sizes: tuple[tuple[int, ...], tuple[int, ...]]
    pack: int
    steps: list[tuple[np.ndarray, np.ndarray, float]]

    def asked(self, of_generator: bool) -> dict[str, Any]:
        return {
            "sizes": self.sizes, "parameters": (self.discriminator, self.generator), "pack": self.pack,
            "steps": [(noise, lr) if of_generator else (real, noise, lr) for real, noise, lr in self.steps],
        }  # fmt: skip


def cases(seed: int) -> list[Case]:
    """One point at a time, and two."""
    return [drawn(100 * seed + pack, partial(_case, pack, rates(seed)), _tells) for pack in (1, 2)]


def _case(pack: int, lrs: Sequence[float], rng: np.random.Generator) -> Case:
    k, wide, other = primes(rng, 3, 3, 11)
    sizes = (2 * pack, wide, 1), (k, other, 2)
    discriminator, generator = (
        [p for a, b in pairwise(one) for p in (rng.normal(0, 1.2 / a**0.5, (a, b)), rng.normal(0, 0.4, b))]
        for one in sizes
    )
    steps = [(rng.normal(0.8, 0.7, (n, 2)), rng.normal(size=(n, k)), lr) for n, lr in zip((8, 6), lrs, strict=True)]
    return Case(discriminator, generator, sizes, pack, steps)


def _tells(case: Case) -> bool:
    """Whether no unit of the networks is without a gradient, and every mistake shows."""
    real, noise, lr = case.steps[0]
    pair = Pair(case.discriminator, case.generator, case.pack)
    for of_generator in (False, True):
        own, right, wrong = _right_and_wrong(pair, real, noise, lr, of_generator)
        expected = own.stepped(right, lr)
        losses = _losses(pair, real, noise, of_generator, expected)
        if abs(losses[0] - losses[1]) < 0.01 * losses[0] or any(close_all(one(), expected) for _, one, _ in wrong):
            return False
    return True


def _right_and_wrong(
    pair: Pair, real: np.ndarray, noise: np.ndarray, lr: float, of_generator: bool
) -> tuple[MLP, Arrays, list[tuple[str, Callable[[], Arrays], str]]]:
    """The network that is trained, its right gradients, and what mistakes make of its parameters."""
    if of_generator:
        right = pair.g_gradients(noise, lambda a: (sigmoid(a) - 1) / len(a))
        return pair.g, right, list(_of_generator(pair, noise, lr, right))
    right = _plus(pair.d_gradients(real, 1), pair.d_gradients(pair.made(noise), 0))
    return pair.d, right, list(_of_discriminator(pair, real, noise, lr, right))


def _losses(
    pair: Pair, real: np.ndarray, noise: np.ndarray, of_generator: bool, moved: Arrays
) -> tuple[float, float]:
    """The loss before the step, and after it."""
    after = Pair(*((pair.d.parameters, moved) if of_generator else (moved, pair.g.parameters)), pair.pack)
    before, later = (
        float(softplus(-one.judged(one.made(noise))[-1]).mean()) if of_generator
        else oracle.discriminator(one.judged(real)[-1], one.judged(one.made(noise))[-1])[0]
        for one in (pair, after)
    )  # fmt: skip
    return before, later


class Pair:
    """Both networks at some moment; gradients of the discriminator for given labels, and of the generator."""

    def __init__(self, discriminator: Arrays, generator: Arrays, pack: int) -> None:
        self.d, self.g, self.pack = MLP(discriminator), MLP(generator), pack

    def judged(self, points: np.ndarray) -> Arrays:
        return self.d.forward(points.reshape(len(points) // self.pack, -1))

    def made(self, noise: np.ndarray) -> np.ndarray:
        return self.g.forward(noise)[-1]

    def d_gradients(self, points: np.ndarray, label: float, memory: np.ndarray | None = None) -> Arrays:
        """Of the mean loss of points with this label; memory: the points of the forward to which backward belongs."""
        kept = self.judged(points)
        g = (sigmoid(kept[-1]) - label) / len(kept[-1])
        return self.d.backward(kept if memory is None else self.judged(memory), g)[0]

    def g_gradients(self, noise: np.ndarray, on_logits: Callable[[np.ndarray], np.ndarray]) -> Arrays:
        inner = self.g.forward(noise)
        kept = self.judged(inner[-1])
        _, back = self.d.backward(kept, on_logits(kept[-1]))
        return self.g.backward(inner, back.reshape(inner[-1].shape))[0]


def _plus(one: Arrays, other: Arrays) -> Arrays:
    return [a + b for a, b in zip(one, other, strict=True)]


def _times(factor: float, some: Arrays) -> Arrays:
    return [factor * a for a in some]


Named = Iterator[tuple[str, Callable[[], Arrays], str]]


def _of_discriminator(pair: Pair, real: np.ndarray, noise: np.ndarray, lr: float, right: Arrays) -> Named:
    """(name, the discriminator's parameters after this mistake, hint)"""
    d, made = pair.d, pair.made(noise)

    def after(gradients: Arrays) -> Arrays:
        return d.stepped(gradients, lr)

    r, m = pair.d_gradients(real, 1), pair.d_gradients(made, 0)
    yield "discriminator-not-updated", lambda: d.parameters, (
        "The discriminator is as it was before: no step is taken. After the backward, `optimiser.step(lr)`.")
    yield "labels-swapped", lambda: after(_plus(pair.d_gradients(real, 0), pair.d_gradients(made, 1))), (
        "The labels are swapped: the discriminator learns to call real points made. In `discriminator_loss(real, "
        "made)` the logits of real points come first.")
    last = (
        "A layer remembers its last forward only, and a backward puts its gradients in place of those before: judge "
        "both in one batch, `np.concatenate([real, made])`."
    )
    yield "made-points-only", lambda: after(m), f"Only the made points have reached the gradients. {last}"
    yield "real-points-only", lambda: after(r), f"Only the real points have reached the gradients. {last}"
    yield "backward-of-another-forward", lambda: after(pair.d_gradients(real, 1, made)), (
        f"The gradient of the real points runs back through the forward of the made ones. {last}")
    yield "backward-of-another-forward", lambda: after(pair.d_gradients(made, 0, real)), (
        f"The gradient of the made points runs back through the forward of the real ones. {last}")
    yield "backward-of-another-forward", lambda: after(_plus(pair.d_gradients(real, 1, made), m)), (
        f"The gradient of the real points runs back through the forward of the made ones. {last}")
    yield "made-as-real", lambda: after(_plus(r, pair.d_gradients(made, 1))), (
        "Made points count as real: the discriminator is trained on the generator's loss for them.")
    yield "averaged-together", lambda: after(_times(0.5, right)), (
        "The step is half as long as it should be: the gradients of the two means are added, not averaged.")
    yield "not-averaged", lambda: after(_times(len(real) / pair.pack, right)), (
        "The step is as many times too long as there are real points: the gradients are not those of means.")
    yield "update-adds", lambda: after(_times(-1, right)), (
        "The discriminator takes its step in the wrong direction: it climbs its loss.")
    yield "stepped-twice", lambda: d.stepped(right, 2 * lr), "The step is taken twice: call `optimiser.step(lr)` once."
    if pair.pack > 1:
        halves = "There are fewer logits than points, and half of them are for the real ones."
        yield "split-by-rows", lambda: after(pair.d_gradients(np.concatenate([real, made]), 1)), (
            f"It judges {pair.pack} points at a time here, and all logits count as those of real points: they are "
            f"split at `len(real)`. {halves} Split them in their middle, `len(logits) // 2`.")
        yield "real-and-made-mixed", lambda: after(_alternating(pair, real, made)), (
            f"Real and made points alternate in the batch, and the discriminator judges {pair.pack} rows that follow "
            "each other at a time: it sees a real point and a made one as one. Real ones first, then the made ones: "
            "`np.concatenate([real, made])`.")
    yield "stepped-twice", lambda: _again(pair, real, noise, lr), (
        "Two steps are taken: one on the real points, and one on the made ones. Judge both in one batch, and take "
        "one step.")
    yield "stepped-twice", lambda: _again(pair, real, noise, lr, True), (
        "Two steps are taken: one on the made points, and one on the real ones. Judge both in one batch, and take "
        "one step.")


    for made_first in (False, True):
        yield "stepped-twice", partial(_again, pair, real, noise, lr, made_first, anew=False), (
            "Two steps are taken, one on the gradients of the real points and one on those of the made ones. Give both "
            "back together, `np.concatenate([grad_real, grad_made])`, and take one step.")


def _alternating(pair: Pair, real: np.ndarray, made: np.ndarray) -> Arrays:
    """Gradients where real and made points take turns in the batch, and their logits do."""
    batch = np.stack([real, made], axis=1).reshape(-1, real.shape[1])
    kept = pair.judged(batch)
    labels = (np.arange(len(kept[-1])) % 2 == 0)[:, None]
    return pair.d.backward(kept, (sigmoid(kept[-1]) - labels) / (len(labels) / 2))[0]


def _again(
    pair: Pair, real: np.ndarray, noise: np.ndarray, lr: float, made_first: bool = False, anew: bool = True
) -> Arrays:
    """Parameters after two steps. anew: there is a forward before the second one, too."""
    made = pair.made(noise)
    one, two = ((made, 0), (real, 1)) if made_first else ((real, 1), (made, 0))
    moved = Pair(pair.d.stepped(pair.d_gradients(*one), lr), pair.g.parameters, pair.pack)
    if anew:
        return moved.d.stepped(moved.d_gradients(*two), lr)
    points, label = two
    kept = pair.judged(points)
    gradients, _ = moved.d.backward(kept, (sigmoid(kept[-1]) - label) / len(kept[-1]))
    return moved.d.stepped(gradients, lr)


def _of_generator(pair: Pair, noise: np.ndarray, lr: float, right: Arrays) -> Named:
    """(name, the generator's parameters after this mistake, hint)"""
    g = pair.g

    def after(on_logits: Callable[[np.ndarray], np.ndarray]) -> Arrays:
        return g.stepped(pair.g_gradients(noise, on_logits), lr)

    yield "generator-not-updated", lambda: g.parameters, (
        "The generator is as it was before. The gradient runs back through the discriminator *and* the generator, "
        "`generator.backward(…)`; then `optimiser.step(lr)`.")
    yield "discriminators-loss", lambda: after(lambda a: sigmoid(a) / len(a)), (
        "The generator descends the discriminator's loss: it learns to be found out. Take `generator_loss`.")
    yield "saturating-loss", lambda: after(lambda a: -sigmoid(a) / len(a)), (
        "The generator descends log(1 − σ(m)), which is flat where it is bad. Take `generator_loss`.")
    yield "update-adds", lambda: g.stepped(right, -lr), "The generator climbs its loss: the sign of its step is wrong."
    yield "not-averaged", lambda: after(lambda a: sigmoid(a) - 1), (
        "The step is as many times too long as there are points: the gradient is not that of a mean.")
    yield "stepped-twice", lambda: g.stepped(right, 2 * lr), "The step is taken twice: call `optimiser.step(lr)` once."
    if pair.pack > 1:
        return
    yield "not-through-the-discriminator", lambda: g.stepped(_direct(pair, noise), lr), (
        "The gradient for the logits goes into the generator as it is. It has to run back through the discriminator "
        "first: `discriminator.backward(gradient)` returns that for the points.")


def _direct(pair: Pair, noise: np.ndarray) -> Arrays:
    inner = pair.g.forward(noise)
    a = pair.judged(inner[-1])[-1]
    return pair.g.backward(inner, np.broadcast_to((sigmoid(a) - 1) / len(a), inner[-1].shape))[0]


@check("discriminator_step", "D3", builds_on="`discriminator_loss`", after="D1")
def discriminator_step(function: Any, discriminator_loss: Any, *, seed: int = 0) -> Iterator[str]:
    """One step on real and made points together; the generator stays; two steps in a row, one and two points at a
    time."""
    yield from _steps("discriminator_step", function, False, cases(seed))


@check("generator_step", "D4", builds_on="`generator_loss`", after="D2")
def generator_step(function: Any, generator_loss: Any, *, seed: int = 0) -> Iterator[str]:
    """One step back through the discriminator, which stays; two steps in a row, one and two points at a time."""
    yield from _steps("generator_step", function, True, cases(seed + 1))


def _steps(what: str, function: Any, of_generator: bool, some: Sequence[Case]) -> Iterator[str]:
    asked = [case.asked(of_generator) for case in some]
    seen = ask(probes.gan_steps, what, function, of_generator, asked, advice=partial(_advice, of_generator))
    for i, case in enumerate(some):
        pair = Pair(case.discriminator, case.generator, case.pack)
        for step, (real, noise, lr) in enumerate(case.steps):
            try:
                after = _after(seen.part(i).part(step))
                _one(what, after, pair, real, noise, lr, of_generator, step)
            except Mistake as mistake:
                raise _of_pack(mistake, case, of_generator) from None
            pair = Pair(after[0], after[1], case.pack)
            many = "one point" if case.pack == 1 else f"{case.pack} points"
            yield f"{many} at a time: {step + 1} step{'s in a row' if step else ''}"


def _advice(of_generator: bool, error: BaseException, what: str) -> str:
    """What the course's layers and optimisers refuse, in the words of this exercise."""
    text = str(error)
    if "no gradient yet" in text:
        chain = "generator.backward(discriminator.backward(gradient))" if of_generator else "discriminator.backward(…)"
        return f" Before the step the gradient has to run back through the network that is trained: `{chain}`."
    rows = re.search(r"has shape \((\d+), (\d+)\); the layer's last output had \((\d+), (\d+)\)", text)
    if rows and of_generator and rows[1] != rows[3] and rows[2] == rows[4] != "1":
        return (f" The discriminator has judged {rows[1]} points, and the generator has made {rows[3]}: in the "
                "generator's step the made points alone are judged, each of them once.")  # fmt: skip
    if "last output had" in text and of_generator:
        return (" The gradient for the logits runs back through the discriminator first: `discriminator.backward("
                "gradient)` returns that for the points, which the generator takes.")  # fmt: skip
    if "last output had" in text:
        return (" A backward belongs to the last forward of its network: judge real and made points in one batch, and "
                "give back the gradients of both, in the same order.")  # fmt: skip
    return ""


After = tuple[Arrays, Arrays, Any, list[Any], Any]
"""Parameters of both networks after a step, what it returned, the rates, and the generator's last input."""


def _after(notes: Answer) -> After:
    returned = notes["returned"]
    d, g = ([array(p, f"a parameter of the {name}") for p in notes[name]] for name in ("discriminator", "generator"))
    return d, g, returned, list(notes["rates"]), notes["given"]


def _other_noise(given: Any, noise: np.ndarray) -> bool:
    """Whether no row of what the generator was given last is one of the noise."""
    if not isinstance(given, np.ndarray) or given.ndim != 2 or given.shape[1] != noise.shape[1]:
        return False
    return not any(close(one, other) for one in given.astype(float) for other in noise)


def _of_pack(mistake: Mistake, case: Case, of_generator: bool) -> Mistake:
    """A step that is right for one point at a time, and not for more."""
    if case.pack == 1 or of_generator or mistake.name in ("split-by-rows", "real-and-made-mixed"):
        return mistake
    return Mistake("wrong-for-packs", "discriminator_step is right for a discriminator that judges points one by one, "
                   "and not for one that judges two at a time, rows that follow each other: then there are half as "
                   "many logits as points. Judge all points in one batch, the real ones first, and take the first half "
                   f"of the logits, `len(logits) // 2`, for theirs. ({mistake.message})")


def _one(
    what: str, after: After, pair: Pair, real: np.ndarray, noise: np.ndarray,
    lr: float, of_generator: bool, step: int,
) -> None:  # fmt: skip
    d, g, returned, used, given = after
    mine, moved = ("generator", g) if of_generator else ("discriminator", d)
    other, stays = ("discriminator", d) if of_generator else ("generator", g)
    still = pair.d if of_generator else pair.g
    own, right, wrong = _right_and_wrong(pair, real, noise, lr, of_generator)
    if not close_all(stays, still.parameters):
        raise Mistake(f"{other}-changed", f"{what} changes the {other}, too. Its layers get gradients or a forward, "
                      f"but no step: only `optimiser.step(lr)`, which belongs to the {mine}.")
    expected = own.stepped(right, lr)
    if not close_all(moved, expected):
        for name, gives, hint in wrong:
            if close_all(moved, gives()):
                raise Mistake(name, f"{what}: {hint}")
        if used and not any(isinstance(r, int | float | np.number) and np.isclose(float(r), lr) for r in used):
            raise Mistake("rate-ignored", f"{what} steps with the rate {used[0]} where lr = {lr:.4g} is given.")
        if _other_noise(given, noise):
            raise Mistake("other-noise", f"{what} gives the generator other noise than the one that it is given: take "
                          "`noise` as it is, and draw none.")
        if step:
            raise Mistake("second-step-differs", f"{what}: the first step is right and the second is not. Something is "
                          f"kept from the first, such as points, gradients or a rate.")
        for k, (got, wanted) in enumerate(zip(moved, expected, strict=True)):
            kind = f"{'bias' if k % 2 else 'weight'} of the {mine}'s layer {k // 2 + 1}"
            before = own.parameters[k]  # a step is small: what is wrong with it shows in the change
            verify(got - before, wanted - before, f"the change of the {kind} in the step")
            verify(got, wanted, f"{kind} after the step")
    loss, later = _losses(pair, real, noise, of_generator, moved)
    if returned is None:
        raise Mistake("returns-none", f"{what} returns None; it should return the loss before the step.")
    found = scalar(returned, f"the loss that {what} returns")
    if close(found, np.asarray(later)) and not close(found, np.asarray(loss)):
        raise Mistake("loss-after-step", f"{what} returns the loss after the step; return that before it.")
    verify(found, np.asarray(loss), f"the loss that {what} returns")
