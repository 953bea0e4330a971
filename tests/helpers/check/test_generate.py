"""The right results of `generate`, held by finite differences and by brute force; the band by other seeds."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.report import CheckFailed
from helpers.check.generate import band, divergence, gan_steps, likelihood, oracle, rbm
from helpers.check.generate.guesses import POSSIBLE, guess
from helpers.zoo.toys import states

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3))


@pytest.mark.parametrize(
    ("value", "gradients"),
    [
        (lambda x: oracle.reconstruction(A, x)[0], lambda x: oracle.reconstruction(A, x)[1]),
        (lambda x: oracle.kl(x, A)[0], lambda x: oracle.kl(x, A)[1]),
        (lambda x: oracle.kl(A, x)[0], lambda x: oracle.kl(A, x)[2]),
        (lambda x: oracle.pixels(A, x)[0], lambda x: oracle.pixels(A, x)[1]),
        (lambda x: oracle.discriminator(x[:, :1], A[:2, :1])[0],
         lambda x: np.pad(oracle.discriminator(x[:, :1], A[:2, :1])[1], ((0, 0), (0, 2)))),
        (lambda x: oracle.discriminator(A[:2, :1], x[:, :1])[0],
         lambda x: np.pad(oracle.discriminator(A[:2, :1], x[:, :1])[2], ((0, 0), (0, 2)))),
        (lambda x: oracle.generator(x[:, :1])[0], lambda x: np.pad(oracle.generator(x[:, :1])[1], ((0, 0), (0, 2)))),
    ],
)  # fmt: skip
def test_gradients_agree_with_finite_differences(value, gradients):
    assert np.allclose(gradients(B), numerical_gradient(value, B), atol=1e-8)


def test_the_likelihood_sums_to_one_and_over_hidden_states():
    v, w, b, c = rbm.machine(np.random.default_rng(1), 3, 4, 2)
    every = states(4)
    assert np.isclose(sum(np.exp(oracle.log_likelihood(s[None], w, b, c)) for s in every), 1)
    energies = np.array([[s @ b + h @ c + s @ w @ h for h in states(2)] for s in v])
    assert np.allclose(oracle.free_energy(v, w, b, c), -np.log(np.exp(energies).sum(axis=1)))


def test_every_hidden_state_is_tried():
    m = rbm.machine(np.random.default_rng(2), 2, 3, 2)
    h, gradients = divergence.candidates(m)
    assert len(h) == len(gradients[0]) == 16
    one = [g[11] for g in gradients]
    assert 11 in divergence.fitting(one, gradients)
    assert not len(divergence.fitting([one[0] * 1.01, *one[1:]], gradients))


@pytest.mark.parametrize("pack", [0, 1])
def test_steps_of_both_networks_descend_their_losses(pack):
    case = gan_steps.cases(3)[pack]
    real, noise, _ = case.steps[0]
    pair = gan_steps.Pair(case.discriminator, case.generator, case.pack)
    for of_generator in (False, True):
        own, right, _ = gan_steps._right_and_wrong(pair, real, noise, 0.1, of_generator)
        before, after = gan_steps._losses(pair, real, noise, of_generator, own.stepped(right, 1e-6))
        assert np.isclose((before - after) / 1e-6, sum((g * g).sum() for g in right), rtol=1e-3)


def test_mistakes_of_the_steps_show_for_any_seed():
    for seed in range(30):
        for case in gan_steps.cases(seed):
            assert gan_steps._tells(case)


def test_other_seeds_lie_in_the_band(monkeypatch):
    monkeypatch.setattr(band, "UPDATES", 600)
    low, high = (np.array(likelihood.band()[name])[:7] for name in ("low", "high"))
    for seed in range(5):
        likelihood._in_band(np.array(band.curve(9000 + seed)), low, high, "it")


@pytest.mark.parametrize("what", POSSIBLE)
def test_a_guess_is_a_possible_number(what, capsys):
    low, high, _ = POSSIBLE[what]
    guess(what, (low + high) / 2)
    for wrong in (None, "much", high + 1):
        with pytest.raises(CheckFailed):
            guess(what, wrong)
