"""What the checks of `remember` hold to be right agrees with finite differences, and what they say of odd results."""

from __future__ import annotations

import numpy as np
import pytest

from helpers import check
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.report import CheckFailed
from helpers.check.remember import attention, band, characters, curves, deconvolution, lstm, residual, rnn


def agree(found, function, arrays, grads):
    """Each gradient is that of Σ grads · function(*arrays), for its array."""
    assert len(found) == len(arrays)
    for i, gradient in enumerate(found):

        def loss(v, i=i):
            outs = function(*arrays[:i], v, *arrays[i + 1 :])
            outs = outs if isinstance(outs, tuple) else (outs,)
            return float(sum((g * o).sum() for g, o in zip(grads, outs, strict=False)))

        np.testing.assert_allclose(gradient, numerical_gradient(loss, arrays[i]), rtol=1e-5, atol=1e-7)


def test_a_step_of_the_rnn():
    one = rnn.step_cases(3, 1, 1)[0]
    agree(rnn.back(one.grads[0], *one.case), rnn.step, one.case, one.grads)


def test_a_step_of_the_lstm():
    one = lstm.step_cases(3, 2, 4)[0]
    agree(lstm.back(*one.grads, one.case), lstm.step, one.case, one.grads)


def test_back_propagation_through_time():
    for one in rnn.time_cases(3):
        carried, *found = rnn.backward_through_time(one)
        for k, gradient in enumerate(found, 1):
            np.testing.assert_allclose(gradient, rnn._numerical_time(one, k), rtol=1e-5, atol=1e-7)

        def from_first(h, one=one):
            states = rnn.replace(one, h=h).states[1:]
            return float(sum((g * s).sum() for g, s in zip(one.grad_h, states, strict=True)))

        np.testing.assert_allclose(carried[0], numerical_gradient(from_first, one.h), rtol=1e-5, atol=1e-7)


def test_attention():
    q, k, v, grad = attention.cases(3)[0][0]
    p = attention.attention(q, k, v)[1]
    np.testing.assert_allclose(p.sum(axis=-1), 1)
    assert not np.triu(p, 1).any()
    agree(attention.backward(grad, q, k, v, p), lambda *a: attention.attention(*a)[0], (q, k, v), (grad,))


def test_a_block():
    case, _, grad, *_ = residual.cases(3)[0]
    agree(residual.backward(grad, case), residual.right_block, case, (grad,))


def test_the_transpose_is_one():
    """⟨conv(x), y⟩ = ⟨x, transposed(y)⟩, and the same for pooling through given switches."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 3, 7, 6)), rng.normal(size=(4, 3, 3, 2))
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 2), axis=(2, 3))
    y = rng.normal(size=(2, 4, 5, 5))
    forward = np.einsum("ncpqrs,kcrs->nkpq", windows, w)
    assert (forward * y).sum() == pytest.approx((x * deconvolution.transposed(y, w)).sum())
    x = rng.normal(size=(2, 3, 6, 4))
    four = deconvolution.windows(x)
    y, switches = rng.normal(size=(2, 3, 3, 2)), four.argmax(axis=0)
    assert (four.max(axis=0) * y).sum() == pytest.approx((x * deconvolution.right_unpool(y, switches)).sum())


def test_bits():
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.125, 0.5, 0.375]]))
    assert characters.right_bits(logits, np.array([0, 0])) == pytest.approx(2)


@pytest.mark.parametrize("seed", range(40, 46))
def test_cases_have_sizes_that_differ(seed):
    for one in (*rnn.step_cases(seed, 1, 1), *lstm.step_cases(seed, 2, 4), *rnn.time_cases(seed)):
        sizes = [size for size in one.sizes.values() if size > 1]
        assert len(set(sizes)) == len(sizes)
    for texts, length, _ in characters.text_cases(seed):
        assert length not in {text.shape[1] for text in texts}


ODD = [
    ("rnn_step", [lambda x, h, W, U, b: None], "rnn_step returns None."),
    ("rnn_step", [lambda x, h, W, U, b: np.tanh(x @ W)], "rnn_step returns one thing; it should be 2"),
    ("rnn_step", [None], "Still to do: rnn_step is not defined yet"),
    ("rnn_step", [lambda x, W: x], "Compare the arguments"),
    ("lstm_step", [lambda x, h, c, W, U, b: ("h", c, None)], "should be an array"),
    ("clip_by_norm", [lambda gradients, most: (gradients[:1], 1.0)], "1 gradients for"),
    ("clip_by_norm", [lambda gradients, most: (1.0, gradients)], "returns (norm, gradients)"),
    ("read_through", [lambda learn, texts, length: 1.0], "did not call `learn`"),
    ("bits_per_character", [lambda logits, targets: float("nan")], "is nan for a usual text"),
    ("attend", [lambda q, k, v: (q, k, v)], "attend returns 3 things; it should be 2: y and p."),
    ("pool", [lambda x: (x[:, :, ::2, ::2], x)], "pool takes the upper left number"),
    ("unpool", [lambda y, switches: y], "has shape"),
    ("recurrent_operations", [lambda *a: "many"], "should be a number, but it is text"),
    ("lstm_start", [lambda inputs, units, forget, rng: (np.zeros((inputs, 4 * units)), np.zeros((units, 4 * units)),
                                                        np.zeros(4 * units))], "draw them with `rng.uniform`"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "things", "sentence"), ODD, ids=range(len(ODD)))
def test_odd_results_get_a_sentence(name, things, sentence):
    with pytest.raises(CheckFailed) as caught:
        getattr(check.remember, name)(*things)
    assert sentence in str(caught.value)


def test_other_seeds_lie_in_the_bands_and_mistakes_where_they_were_measured():
    """Of the check's own size, which takes a twentieth of a second."""
    own = curves.SIZES["own"]
    for kind in curves.KINDS:
        for seed in (9000, 9001):
            curves._in_band(np.array(band.curve(kind, own, seed)), "own", kind, "it")
        with pytest.raises(curves.Mistake, match="W, U and b stay"):
            curves._in_band(np.array(band.curve(kind, own, 9000, cell=0)), "own", kind, "it")
        assert not curves._inside(np.array(band.curve(kind, own, 9000, rate=0.1)), curves.bands()["own"][kind]["right"])


def test_the_bands_belong_to_the_notebooks_sizes():
    for name, size in curves.SIZES.items():
        for kind in curves.KINDS:
            assert set(curves.bands()[name][kind]) == set(band.MISTAKES)
            for one in curves.bands()[name][kind].values():
                assert len(one["low"]) == len(one["high"]) == -(-size.texts // size.every)


def cells(kind):
    """A step, its backward and its other functions, right ones."""

    def step(*case):
        new = (rnn.step(*case),) if kind == "RNN" else lstm.step(*case)
        return *new, case

    def back(*given):
        *grads, case = given
        return rnn.back(grads[0], *case) if kind == "RNN" else lstm.back(*grads, case)

    return step, back


def whole(grad_h, kept):
    carried, later, total = np.zeros_like(grad_h), 0, [0, 0, 0]
    for t in reversed(range(len(kept))):
        _, later, *found = rnn.back(grad_h[t] + later, *kept[t])
        carried[t], total = later, [a + b for a, b in zip(total, found, strict=True)]
    return carried, *total


def begin(inputs, units, forget, rng):
    W, U = (rng.uniform(-(units**-0.5), units**-0.5, (n, 4 * units)) for n in (inputs, units))
    return W, U, np.repeat([0, forget, 0, 0], units).astype(float)


def unmoved(gradients, most):
    return [0 * g for g in gradients], 1.0


def uphill(gradients, most):
    return [-g for g in gradients], 1.0


def still(*given):
    gx, gh, gc, *rest = cells("LSTM")[1](*given)
    return gx, gh, gc, *(0 * g for g in rest)


def forgetful(learn, texts, length):
    return band.read(lambda i, t, state: learn(i, t, None), texts, length)


@pytest.mark.parametrize(
    ("place", "other", "said"),
    [
        (None, None, ""),
        (7, unmoved, "nothing in it changed: what clip_by_norm returns is zero"),
        (7, uphill, "the sign of a gradient is turned around"),
        (4, still, "small LSTM was trained with your functions, and W and U and b did not change"),
        (6, forgetful, "gave None as the state of every window"),
        (6, lambda *_: 1.0, "did not call `learn`"),
    ],
    ids=["right", "not trained", "uphill", "W, U and b stay", "state lost", "nothing read"],
)
def test_a_training_of_the_checks_own_tells_what_is_wrong(place, other, said, capsys):
    functions = [*cells("RNN"), whole, *cells("LSTM"), begin, band.read, band.clip]
    if place is not None:
        functions[place] = other
    record = {
        kind: [(0.1, float(np.mean(pair))) for pair in zip(*(one[name] for name in ("low", "high")), strict=True)]
        for kind in curves.KINDS
        for one in [curves.bands()["quick"][kind]["right"]]
    }
    if not said:
        check.remember.learning_curves(record, *functions)
        return
    with pytest.raises(CheckFailed, match=said):
        check.remember.learning_curves(record, *functions)
