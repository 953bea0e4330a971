"""Each network of the zoo at its small size, held to that size's goals; what makes each of them right; bad input."""

from __future__ import annotations

import re
from importlib import import_module

import numpy as np
import pytest

from autograder.course import REPOSITORY
from helpers.backend import backend
from helpers.errors import CourseError
from helpers.zoo import (
    ZOO,
    attention,
    autoencoder,
    chain,
    characters,
    dbn,
    deconvolution,
    gan,
    rbm,
    reader,
    recurrent,
    sequences,
    vae,
)
from helpers.zoo.__main__ import main
from helpers.zoo.outcome import Measured
from helpers.zoo.text import counted_bits, encode, halves

F64 = backend("numpy", "float64")


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.mark.parametrize("name", ZOO)
def test_it_learns(name):
    outcome = import_module(f"helpers.zoo.{name}").run("quick")
    assert all(measured.reached for measured in outcome.measured), "\n".join(map(str, outcome.measured))
    assert any(measured.at_most is not None or measured.at_least is not None for measured in outcome.measured)
    assert len(outcome.figure.alt) > 60
    assert "nan" not in outcome.figure.alt


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_it_reaches_at_full_size_what_the_page_says(name):
    outcome = import_module(f"helpers.zoo.{name}").run("full")
    assert all(measured.reached for measured in outcome.measured), "\n".join(map(str, outcome.measured))


def test_goals():
    assert Measured("a", 1.0, at_most=1.0).reached
    assert not Measured("a", 1.1, at_most=1.0).reached
    assert not Measured("a", 0.9, at_least=1.0).reached
    assert not Measured("a", float("nan"), at_least=1.0).reached
    assert str(Measured("share", 51.26, "%", at_least=60)) == "share: 51.3 % (goal: at least 60, MISSED)"


def test_the_command_lists_and_draws(tmp_path, capsys):
    main([])
    listed = capsys.readouterr().out
    assert all(f"{name} " in listed for name in ZOO)
    main(["rprop", "--quick", "--out", str(tmp_path)])
    assert "reached" in capsys.readouterr().out
    assert (tmp_path / "rprop.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["rbn"], "There is no network 'rbn' in the zoo (did you mean 'rbm'?); choose one of"),
     (["rbm", "--seed", "-1"], "--seed -1 is negative; give a whole number of at least 0."),
     (["rbm", "--data", "mnits"], "There is no data set 'mnits' (did you mean 'mnist'?)")],
)  # fmt: skip
def test_the_command_refuses(arguments, sentence, tmp_path):
    with pytest.raises(CourseError, match=re.escape(sentence)):
        main([*arguments, "--out", str(tmp_path)])


def test_pca_is_the_best_linear_code(rng):
    x = rng.standard_normal((50, 4)) * [3, 2, 1, 0.1]
    mean, components = autoencoder.pca(x, 2)
    np.testing.assert_allclose(components @ components.T, np.eye(2), atol=1e-12)
    best = autoencoder.error(x, mean + (x - mean) @ components.T @ components)
    singular = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    assert best == pytest.approx((singular[2:] ** 2).sum() / x.size)


def test_cd1_goes_uphill_with_noise_of_its_own_for_each_row(rng):
    v = rbm.bars_and_stripes()
    machine = rbm.RBM(9, 6, dtype=np.float64)
    machine.weight[...] = 0.3 * rng.standard_normal((9, 6))
    exact = np.concatenate([g.ravel() for g in machine.log_likelihood_gradients(v)])
    many = np.tile(v, (200, 1))
    found = -np.concatenate([g.ravel() for g in machine.cd1(many, rng)[0]])
    cosine = found @ exact / np.linalg.norm(found) / np.linalg.norm(exact)
    assert cosine > 0.5
    # One uniform vector for all rows would leave as much noise in the mean of 2800 rows as in one.
    again = -np.concatenate([g.ravel() for g in machine.cd1(many, rng)[0]])
    assert np.abs(found - again).max() < 0.05


def test_the_likelihood_sums_to_one():
    machine = rbm.RBM(4, 3, dtype=np.float64)
    machine.weight[...] = np.random.default_rng(0).standard_normal((4, 3))
    total = sum(np.exp(machine.log_likelihood(state[None])) for state in rbm.states(4))
    assert total == pytest.approx(1)
    assert len(rbm.bars_and_stripes()) == 14


def test_the_bound_is_below_the_likelihood_that_weighted_samples_find(rng):
    x = (rng.random((20, 6)) < 0.4).astype(float)
    net = vae.VAE(6, 8, 2, F64)
    vae.train(net, x, 30, batch=10)
    bound = np.mean([-sum(net.loss(x, rng.standard_normal((20, 2)))) for _ in range(200)])
    few, many = (net.log_likelihood(x, samples, rng) for samples in (1, 500))
    assert bound == pytest.approx(few, abs=0.5)  # one sample is the bound itself, with more noise
    # With two numbers the code can be summed over, so that log p is known.
    side = np.linspace(-6, 6, 81)
    z = np.array([(a, b) for a in side for b in side])
    logits = net.decoder.forward(z)
    log_prior = -0.5 * (z * z).sum(axis=1) - np.log(2 * np.pi) + 2 * np.log(side[1] - side[0])
    joint = x @ logits.T - np.logaddexp(0, logits).sum(axis=1) + log_prior
    exact = np.log(np.exp(joint - joint.max(axis=1, keepdims=True)).sum(axis=1)) + joint.max(axis=1)
    assert bound < exact.mean()
    assert many == pytest.approx(exact.mean(), abs=0.05)


def test_the_generators_step_leaves_the_discriminator_alone(rng):
    one = gan.on_gaussians(2, 8, 3, backend=F64)
    before = [layer.weight.copy() for layer in one.discriminator.layers[::2]]
    one.generator_loss(rng.standard_normal((4, 3)))
    one.optimisers[0].step(0.1)
    for layer, weight in zip(one.discriminator.layers[::2], before, strict=True):
        np.testing.assert_array_equal(layer.weight, weight)


def test_gaussians_are_counted(rng):
    real = gan.gaussians(4000, rng)
    modes, near = gan.found(real)
    assert modes == 8
    assert near > 0.99
    assert gan.found(real[real[:, 0] > 0.2])[0] == 3
    assert gan.found(np.zeros((10, 2))) == (0, 0.0)


@pytest.mark.parametrize("cell", recurrent.CELLS.values())
def test_a_state_that_is_carried_on_makes_two_windows_one(cell, rng):
    x = rng.standard_normal((6, 3, 2))
    one, two = (cell(3, 4, dtype=np.float64) for _ in range(2))
    whole = one.forward(x)
    first = two.forward(x[:2]).copy()
    np.testing.assert_allclose(np.concatenate([first, two.forward(x[2:], two.state)]), whole)
    assert not np.allclose(two.forward(x[2:]), whole[2:])


def test_clipping_keeps_the_direction(rng):
    net = recurrent.SequenceNet(recurrent.LSTM(3, 4), 3)
    net.loss(rng.standard_normal((5, 3, 2)).astype(np.float32), rng.integers(3, size=(1, 2)))
    before = net.cell.grad_weight.copy()
    norm = recurrent.clip(net.layers, 1e-3)
    np.testing.assert_allclose(net.cell.grad_weight, before * 1e-3 / norm, rtol=1e-5)
    assert recurrent.clip(net.layers, 1.0) == pytest.approx(1e-3, rel=1e-4)


def test_the_copy_task_can_only_be_solved_by_remembering(rng):
    x, targets = recurrent.copy_task(50, 3, 8, rng)
    assert x.shape == (5, 10, 50)
    np.testing.assert_array_equal(x[0, :8].argmax(axis=0), targets[0])
    np.testing.assert_array_equal(x[:, 8].sum(axis=0), np.ones(50))  # one mark, at the first
    assert not x[-1, :9].any()


def test_attention_does_not_look_ahead(rng):
    net = attention.Reader(7, 6, 4, 3, F64)
    codes = rng.integers(7, size=(1, 6))
    before = net.forward(codes)
    codes[0, 4] = (codes[0, 4] + 1) % 7
    after = net.forward(codes)
    np.testing.assert_allclose(after[:, :4], before[:, :4])
    assert not np.allclose(after[:, 4:], before[:, 4:])
    np.testing.assert_allclose(net.head.p.sum(axis=-1), 1)


def test_the_reader_has_as_many_parameters_as_the_lstm():
    lstm = recurrent.SequenceNet(recurrent.LSTM(30, 64), 30)
    assert attention.parameters(lstm.layers) == 4 * 64 * (30 + 64 + 1) + 30 * 65
    ratio = attention.parameters(attention.reader_like(lstm, 30, 64, 48).layers) / attention.parameters(lstm.layers)
    assert ratio == pytest.approx(1, abs=0.01)


def test_bits_of_a_model_that_knows_nothing_are_those_of_guessing():
    codes, alphabet = encode()
    net = recurrent.SequenceNet(recurrent.RNN(len(alphabet), 4), len(alphabet))
    net.readout.weight[...] = 0
    assert characters.bits(net, codes[:200], len(alphabet)) == pytest.approx(np.log2(len(alphabet)))
    one = attention.Reader(len(alphabet), 16, 4, 3)
    one.readout.weight[...] = 0
    assert reader.bits(one, codes[:200]) == pytest.approx(np.log2(len(alphabet)))


def test_counting_gains_by_context():
    codes, alphabet = encode("ab" * 60)
    learned, test = halves(codes)
    assert len(alphabet) == 2
    assert counted_bits(learned, test, 2, -1) == 1
    assert counted_bits(learned, test, 2, 0) == pytest.approx(1, abs=0.01)
    assert counted_bits(learned, test, 2, 1) < 0.1


def test_projection_is_the_gradient_where_nothing_is_cut(rng):
    weights = [np.abs(rng.standard_normal((3, 1, 3, 3))), np.abs(rng.standard_normal((4, 3, 2, 2)))]
    biases = [np.zeros(3), np.zeros(4)]
    images = rng.random((2, 1, 13, 13))
    stages = deconvolution.look(weights, biases, images)
    chosen, alone = deconvolution.strongest(stages[-1].output, 2, 1)
    stages = deconvolution.look(weights, biases, images[chosen])
    seen = deconvolution.back(weights, stages, alone)
    # All is positive, so the projection is the activation times the gradient, and image · gradient is the activation.
    assert float((seen * images[chosen]).sum()) == pytest.approx(float(alone.max() ** 2))
    without = deconvolution.back(weights, stages, alone, switches=False)
    assert without.sum() == pytest.approx(seen.sum())
    assert not np.allclose(without, seen)


def test_skips_begin_as_the_identity(rng):
    from helpers.zoo import residual

    x = np.abs(rng.standard_normal((3, 5)))
    pair = residual.Pair(5, True, F64, [0, 0])
    np.testing.assert_array_equal(pair.forward(x), x)
    np.testing.assert_allclose(pair.backward(x), x)


ONE = np.zeros((4, 5))
NANS = np.full((4, 5), np.nan)
LSTM = recurrent.SequenceNet(recurrent.LSTM(3, 4), 3)


@pytest.mark.parametrize(
    ("use", "sentence"),
    [
        (lambda: vae.VAE(5, 4, 0), "latent=0 is not a size; give a whole number of at least 1."),
        (lambda: autoencoder.Autoencoder(width=0), "width=0 is not a size; give a whole number of at least 1."),
        (lambda: rbm.RBM(5, 2.5), "hidden=2.5 is not a size; give a whole number of at least 1."),
        (lambda: gan.on_gaussians(0), "pack=0 is not a size; give a whole number of at least 1."),
        (lambda: dbn.stack(ONE, [4, 3], 1), "The RBM takes arrays of shape (N, 4) and got (4, 5); reshape the input."),
        (lambda: rbm.train(rbm.RBM(5, 2), ONE + 2, 1),
         "The RBM takes numbers from 0 to 1 and got 2; scale the pixels."),
        (lambda: rbm.states(30), "30 units have 2^30 states, too many to sum over; take at most 20."),
        (lambda: vae.train(vae.VAE(5, 4), NANS, 1),
         "The input of the VAE holds NaN or infinite values; clean the data before training."),
        (lambda: encode("aaaa"), "The text 'aaaa' has 1 kinds of characters; give one with at least 2."),
        (lambda: sequences.streams(np.zeros(20, int), 16),
         "A text of 20 characters has no 16 streams of at least 2; give a longer one."),
        (lambda: recurrent.gradient_by_lag(LSTM, np.zeros((5, 3, 2)), np.zeros((1, 2), int), 7),
         "A lag of 7 is not inside a sequence of 5 steps; take 0 to 4."),
        (lambda: recurrent.copy_task(3, -1, 8, None), "lag=-1 is not a size; give a whole number of at least 0."),
        (lambda: LSTM.cell.forward(np.zeros((5, 2, 3))),
         "A recurrent network takes arrays of shape (steps, 3, N) and got (5, 2, 3); put time first and the sequences "
         "last."),
        (lambda: LSTM.loss(np.zeros((5, 3, 2)), np.zeros((6, 2), int)),
         "There are 6 targets and 5 steps; give no more targets than steps."),
        (lambda: attention.Reader(5, 4, 3, 2).forward(np.zeros((1, 6), int)),
         "The window has 4 places and got 6; give shorter pieces."),
        (lambda: list(chain.batches(5, 0, 1, 0)), "batch=0 is not a size; give a whole number of at least 1."),
    ],
)  # fmt: skip
def test_one_sentence_for_what_cannot_be(use, sentence):
    with pytest.raises(CourseError) as caught:
        use()
    assert str(caught.value) == sentence


def test_training_that_blows_up_says_which_loss_and_when(rng):
    net = autoencoder.Autoencoder(5, 4, 2)
    with np.errstate(all="ignore"), pytest.raises(CourseError) as caught:
        autoencoder.train(net, rng.random((40, 5)).astype(np.float32), 50, lr=1e12, batch=10)
    said = str(caught.value)
    assert re.fullmatch(
        r"The reconstruction's loss became (nan|inf) at step \d+; train with a smaller learning rate.", said
    )
    one = gan.on_gaussians(1, 8, 3)
    one.generator.layers[0].weight[0, 0] = np.nan
    with np.errstate(all="ignore"), pytest.raises(CourseError, match=r"The discriminator's loss became nan at step 0;"):
        gan.train(one, 3)


def test_the_page_shows_every_picture_with_its_alternative_text():
    from PIL import Image

    page = (REPOSITORY / "docs" / "zoo.md").read_text(encoding="utf-8")
    for name in ZOO:
        with Image.open(REPOSITORY / "docs" / "figures" / "zoo" / f"{name}.png") as picture:
            alt = picture.info["Description"]
        assert f"![{alt}](figures/zoo/{name}.png)" in page, name
        assert f"python -m helpers.zoo {name}`" in page, name
