"""Networks of step functions that somebody else has written: equal to the zoo's own, and mistakes as sentences."""

from __future__ import annotations

import re

import numpy as np
import pytest

from helpers import plots
from helpers.errors import CourseError
from helpers.zoo import attention, blocks, reader, recurrent, residual, unrolled
from helpers.zoo.sequences import softmax_loss


def rnn_step(x, h, W, U, b):
    new = np.tanh(x @ W + h @ U + b)
    return new, (x, h, new, W, U)


def rnn_step_backward(grad, kept):
    x, h, new, W, U = kept
    gz = grad * (1 - new**2)
    return gz @ W.T, gz @ U.T, x.T @ gz, h.T @ gz, gz.sum(axis=0)


def lstm_step(x, h, c, W, U, b):
    i, f, o, g = np.split(x @ W + h @ U + b, 4, axis=1)
    i, f, o, g = *(0.5 + 0.5 * np.tanh(0.5 * z) for z in (i, f, o)), np.tanh(g)
    new = f * c + i * g
    return o * np.tanh(new), new, (x, h, c, W, U, i, f, o, g, new)


def lstm_step_backward(grad_h, grad_c, kept):
    x, h, c, W, U, i, f, o, g, new = kept
    t = np.tanh(new)
    dc = grad_c + grad_h * o * (1 - t**2)
    gz = np.hstack([dc * g * i * (1 - i), dc * c * f * (1 - f), grad_h * t * o * (1 - o), dc * i * (1 - g**2)])
    return gz @ W.T, gz @ U.T, dc * f, x.T @ gz, h.T @ gz, gz.sum(axis=0)


CELLS = {"RNN": (rnn_step, rnn_step_backward, 1), "LSTM": (lstm_step, lstm_step_backward, 2)}


def pair(name, inputs=3, units=5, outputs=4):
    """The zoo's network, and one of the functions above with its numbers."""
    theirs = recurrent.SequenceNet(recurrent.CELLS[name](inputs, units), outputs)
    step, back, states = CELLS[name]
    weight = theirs.cell.weight
    start = weight[:, :inputs].T, weight[:, inputs:].T, theirs.cell.bias[:, 0]
    own = unrolled.Unrolled(step, back, start, outputs, states)
    own.readout.weight[...], own.readout.bias[...] = theirs.readout.weight.T, theirs.readout.bias[:, 0]
    return theirs, own


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_of_own_functions_is_the_zoos(name):
    theirs, own = pair(name)
    rng = np.random.default_rng(3)
    x, targets = rng.standard_normal((6, 3, 2)).astype(np.float32), rng.integers(4, size=(4, 2))
    for state in (None, 1):  # from zero, and carried on
        a, b = (theirs.cell.state, own.state) if state else (None, None)
        loss, logits = theirs.loss(x, targets, a)
        found, of_own = own.loss(x.transpose(0, 2, 1), targets, b)
        assert found == pytest.approx(loss, rel=1e-5)
        np.testing.assert_allclose(of_own, logits.transpose(0, 2, 1), rtol=1e-4, atol=1e-6)
        W, U, b = own.cell.gradient
        np.testing.assert_allclose(np.vstack([W, U]).T, theirs.cell.grad_weight, rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(b, theirs.cell.grad_bias[:, 0], rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(own.readout.grad_weight.T, theirs.readout.grad_weight, rtol=1e-3, atol=1e-6)


def test_grad_state_is_that_for_the_state_before_each_step():
    theirs, own = pair("RNN")
    rng = np.random.default_rng(4)
    x, targets = rng.standard_normal((6, 3, 2)).astype(np.float32), rng.integers(4, size=(1, 2))
    theirs.loss(x, targets)
    own.loss(x.transpose(0, 2, 1), targets)
    # The loss is at the last step alone, so what is carried from step t is all that the state before it gets.
    np.testing.assert_allclose(own.grad_state[1:], theirs.cell.grad_state.transpose(0, 2, 1)[:-1], rtol=1e-3, atol=1e-7)
    norms = unrolled.gradient_by_lag(own, x.transpose(0, 2, 1), targets, 3)
    assert norms[0] == 1
    assert norms[3] == pytest.approx(np.linalg.norm(own.grad_state[2]) / np.linalg.norm(own.grad_state[5]), rel=1e-4)


def test_through_time_takes_the_place_of_the_loop():
    _, own = pair("RNN")
    called = []

    def through_time(grad_h, kept):
        called.append((grad_h.shape, len(kept)))
        return (grad_h, *(np.zeros_like(a) for _, a in own.cell.parameters()))

    own.through_time = through_time
    own.loss(np.ones((6, 2, 3), np.float32), np.zeros((4, 2), int))
    assert called == [((6, 2, 5), 6)]
    assert not own.cell.gradient[0].any()


def test_own_networks_learn_and_are_clipped():
    rng, norms = np.random.default_rng(0), []

    def clip(gradients, most):
        norm = float(np.sqrt(sum((g * g).sum() for g in gradients)))
        norms.append(norm)
        return [g * min(1, most / norm) for g in gradients], norm

    start = (rng.uniform(-0.3, 0.3, (6, 12)), rng.uniform(-0.3, 0.3, (12, 12)), np.zeros(12))
    net = unrolled.Unrolled(rnn_step, rnn_step_backward, start, 4)
    assert unrolled.train_copies(net, clip, 1, 120, 4, batch=20) > 0.9
    assert len(norms) == 120
    gradients = [*net.cell.gradient, net.readout.grad_weight, net.readout.grad_bias]
    net.clip(clip, 1e-3)
    after = [*net.cell.gradient, net.readout.grad_weight, net.readout.grad_bias]
    assert np.sqrt(sum((g * g).sum() for g in after)) <= 1.001e-3
    assert [g.shape for g in after] == [g.shape for g in gradients]


def test_characters_are_read_window_by_window():
    _, own = pair("RNN", inputs=4, outputs=4)
    text = np.tile([0, 1, 2, 3], 30)
    columns = text[:120].reshape(3, 40).T

    def read(learn, texts, length):
        for one in texts:
            state = None
            for at in range(0, len(one) - 1, length):
                _, state = learn(one[at : at + length][: len(one) - 1 - at], one[at + 1 : at + length + 1], state)

    before = unrolled.bits(own, text)
    curve = unrolled.train_characters(own, read, None, [columns] * 30, text, lr=0.02, length=8, every=10)
    assert len(curve) == 3
    assert curve[-1][1] < 0.5 < before
    logits = unrolled.logits_of(own, text)
    assert unrolled.bits(own, text) == pytest.approx(softmax_loss(logits[:, :, None], text[1:, None])[0] / np.log(2))
    assert unrolled.write(own, "abcd", 8, start="ab").startswith("abcdabc")


def block(x, W1, b1, W2, b2):
    hidden = np.maximum(x @ W1 + b1, 0)
    y = np.maximum(x + hidden @ W2 + b2, 0)
    return y, (x, hidden, y, W1, W2)


def block_backward(grad, kept):
    x, hidden, y, W1, W2 = kept
    g = grad * (y > 0)
    inside = (g @ W2.T) * (hidden > 0)
    return g + inside @ W1.T, x.T @ inside, inside.sum(axis=0), hidden.T @ g, g.sum(axis=0)


@pytest.mark.parametrize("skip", [True, False])
def test_networks_of_blocks_are_the_zoos(skip):
    theirs = residual.network(7, 5, 3, skip, 4, seed=2)
    own = (
        blocks.network(block, block_backward, 7, 5, 3, 4, seed=2) if skip else blocks.plain_network(7, 5, 3, 4, seed=2)
    )
    rng = np.random.default_rng(5)
    x, grad = (rng.standard_normal((6, n)).astype(np.float32) for n in (7, 4))
    np.testing.assert_allclose(own.forward(x), theirs.forward(x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(own.backward(grad), theirs.backward(grad), rtol=1e-4, atol=1e-6)
    if skip:
        (name, found), (_, expected) = own.layers[2].gradients()[2], theirs.layers[2].gradients()[2]
        assert name == "W2"
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_reader_has_as_many_parameters_as_asked_for():
    for goal in (8_000, 26_000):
        inner = reader.inner_like(goal, 29, 32, 24)
        net = reader.Reader(29, 32, 24, inner, attention.attend, attention.attend_backward)
        assert abs(reader.parameters(net.layers) / goal - 1) < 0.02


def net_of(b=5):
    return unrolled.Unrolled(rnn_step, rnn_step_backward, (np.zeros((3, 5)), np.zeros((5, 5)), np.zeros(b)), 4)


def nan_step(x, h, W, U, b):
    return h * np.nan, (x, h, h, W, U)


SENTENCES = [
    (lambda: net_of(4), "W, U and b have the shapes [(3, 5), (5, 5), (4,)]; they should be (inputs, gates · units)"),
    (lambda: net_of().forward(np.zeros((2, 3))), "takes arrays of shape (steps, N, 3) and got (2, 3); put time first"),
    (lambda: net_of().loss(np.zeros((2, 1, 3)), np.zeros((3, 1), int)), "There are 3 targets and 2 steps"),
    (lambda: unrolled.gradient_by_lag(net_of(), np.zeros((4, 1, 3)), np.zeros((1, 1), int), 4),
     "A lag of 4 is not inside a sequence of 4 steps; take 0 to 3."),
    (lambda: unrolled.logits_of(net_of(), np.zeros(1, int)), "A text of 1 characters has no next one; give"),
    (lambda: unrolled.train_copies(
        unrolled.Unrolled(nan_step, rnn_step_backward, (np.ones((5, 5)), np.ones((5, 5)), np.ones(5)), 3),
        None, 2, 5, 3), "The copy task's cross-entropy became nan at step 0; train with a smaller learning rate."),
    (lambda: blocks.Block(lambda x, *w: (x[:, :1], None), None).forward(np.zeros((2, 3))),
     "A block has made (2, 1) of (2, 3); its output has the shape of its input."),
    (lambda: blocks.plain_network(5, 0, 1), "width=0 is not a size; give a whole number of at least 1."),
    (lambda: plots.by_lag({}, [], {}), "There is no network to draw; give at least one."),
    (lambda: plots.attention_map(np.zeros((2, 2)), "abc"), "p has shape (2, 2); it should be (3, 3)"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "sentence"), SENTENCES, ids=range(len(SENTENCES)))
def test_bad_input_gets_a_sentence(call, sentence):
    with pytest.raises(CourseError, match=re.escape(sentence)):
        call()


def test_figures_say_what_they_show():
    flow = {"RNN": [1.0, 0.1, 0.01], "LSTM": [1.0, 0.9, 0.8]}
    assert "RNN: 0.01 of the gradient is left; LSTM: 0.8" in plots.by_lag(flow, [], {}).alt
    both = plots.by_lag(flow, [5, 10], {"RNN": [1.0, 0.2], "LSTM": [1.0, 1.0]}).alt
    assert "RNN: 0.01 of the gradient is left, accuracies 100%, 20%" in both
    assert "right the accuracy of the copy task at lags 5, 10" in both
    assert "LSTM 100%, 98%" in plots.accuracy_by_lag([5, 10], {"LSTM": [1.0, 0.98]}).alt
    curves = {"LSTM": [(1.0, 3.0), (2.0, 1.9)]}
    said = plots.bits_by_seconds(curves, "Bits", {0: 4.0, 2: 2.03}).alt
    assert "LSTM reaches 1.90 in 2 s; models that count have 2.03 after 2 characters" in said
    p = np.tri(3) / np.tri(3).sum(axis=1, keepdims=True)
    looks = plots.attention_map(p, "a b").alt
    assert "the largest weight there is 0. The most evenly spread row is that of character 3" in looks
    assert "plain 3.5%, 46.0%" in plots.error_by_depth([4, 42], {"plain": [3.5, 46.0]}, "Depth").alt
