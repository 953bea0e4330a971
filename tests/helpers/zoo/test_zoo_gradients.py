"""Every derivative of the zoo against finite differences, and against PyTorch where it has the same."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.backend import backend, torch_or_none
from helpers.check.core.gradients import numerical_gradient
from helpers.zoo import attention, autoencoder, dbn, gan, rbm, reader, recurrent, residual, vae

F64 = backend("numpy", "float64")
RNG = np.random.default_rng(0)
needs_torch = pytest.mark.skipif(torch_or_none() is None, reason="beside PyTorch")


def agree(loss, arrays, gradients):
    """Each gradient is that of `loss()` for its array, by central differences of the array's own entries."""
    assert len(arrays) == len(gradients) > 0
    for array, gradient in zip(arrays, gradients, strict=True):
        kept = array.copy()

        def at(value, array=array):
            array[...] = value
            return loss()

        found = numerical_gradient(at, array)
        array[...] = kept
        np.testing.assert_allclose(gradient, found, rtol=1e-5, atol=1e-8)
        assert np.abs(gradient).max() > 0


def jittered(layers):
    """The layers with biases that are not zero: at zero, units stand at the kink of their ReLU."""
    for layer in layers:
        if hasattr(layer, "bias"):
            layer.bias += 0.3 * RNG.standard_normal(layer.bias.shape)
    return layers


def of(layers):
    """(parameters, copies of the gradients) of layers, as an optimiser sees them."""
    from helpers.nn.optimisers import parameters_and_gradients

    triples = parameters_and_gradients(layers)
    return [p for _, p, _ in triples], [g.copy() for *_, g in triples]


def test_autoencoder():
    net, x = autoencoder.Autoencoder(5, 4, 2, F64), RNG.random((3, 5))
    jittered(net.layers)
    net.loss(x)
    agree(lambda: net.loss(x), *of(net.layers))


def test_vae_with_noise_of_its_own_for_each_image():
    net, x, noise = vae.VAE(5, 4, 2, F64), RNG.random((3, 5)), RNG.standard_normal((3, 2))
    jittered(net.layers)
    net.loss(x, noise)
    agree(lambda: sum(net.loss(x, noise)), *of(net.layers))


def test_rbm_free_energy_and_exact_likelihood():
    machine, v = rbm.RBM(4, 3, dtype=np.float64), rbm.bars_and_stripes(2)
    machine.weight[...] = RNG.standard_normal((4, 3))
    arrays = machine.parameters()
    agree(lambda: machine.free_energy(v).mean(), arrays, machine.free_energy_gradients(v))
    machine.c += 0.3
    agree(lambda: machine.log_likelihood(v), arrays, machine.log_likelihood_gradients(v))


@pytest.mark.parametrize("pack", [1, 2])
def test_gan(pack):
    one = gan.on_gaussians(pack, 4, 3, backend=F64)
    real, noise = RNG.standard_normal((4, 2)), RNG.standard_normal((4, 3))
    jittered([*one.generator.layers, *one.discriminator.layers])
    made = one.make(noise)
    one.discriminator_loss(real, made)
    agree(lambda: one.discriminator_loss(real, made), *of(one.discriminator.layers))
    one.generator_loss(noise)
    agree(lambda: one.generator_loss(noise), *of(one.generator.layers))


@pytest.mark.parametrize("cell", recurrent.CELLS.values())
def test_recurrent_through_time_and_from_a_state(cell):
    net = recurrent.SequenceNet(cell(3, 4, dtype=np.float64), 3)
    net.cell.bias += 0.1 * RNG.standard_normal(net.cell.bias.shape)
    x, targets = RNG.standard_normal((5, 3, 2)), RNG.integers(3, size=(3, 2))
    state = tuple(RNG.standard_normal((4, 2)) for _ in net.cell.forward(x)[:1] for _ in range(len(net.cell.state)))
    net.loss(x, targets, state)
    agree(lambda: net.loss(x, targets, state)[0], *of(net.layers))
    grad_h = RNG.standard_normal((5, 4, 2))
    net.cell.forward(x, state)
    agree(lambda: float((net.cell.forward(x, state) * grad_h).sum()), [x], [net.cell.backward(grad_h)])


def test_attention():
    net = attention.Reader(5, 4, 3, 2, F64)
    codes, targets = RNG.integers(5, size=(2, 2, 4))
    jittered(net.layers)
    net.loss(codes, targets)
    agree(lambda: net.loss(codes, targets), *of(net.layers))


@pytest.mark.parametrize("skip", [True, False])
def test_residual(skip):
    from helpers.nn import Softmax, cross_entropy, cross_entropy_gradient

    net, softmax = residual.network(4, 3, 2, skip, 3, backend=F64), Softmax()
    for pair in net.layers[2:-1]:
        for layer in pair.inside.layers[::2]:  # W₂ = 0 would leave W₁ without a gradient
            layer.weight += RNG.standard_normal((3, 3))
        jittered(pair.inside.layers)
    x, labels = RNG.standard_normal((3, 4)), np.array([0, 2, 1])
    net.backward(cross_entropy_gradient(softmax.forward(net.forward(x)), labels))
    agree(lambda: float(cross_entropy(softmax.forward(net.forward(x)), labels)), *of(net.layers))


def test_a_stacked_network_starts_with_what_the_machines_say():
    v = RNG.random((6, 5)).astype(np.float32)
    machines = dbn.stack(v, [5, 4, 3], 2)
    net = dbn.classifier([5, 4, 3], 2, machines)
    first = net.layers[1].forward(net.layers[0].forward(v))
    np.testing.assert_allclose(first, machines[0].hidden(v), rtol=1e-5)
    second = net.layers[3].forward(net.layers[2].forward(first))
    np.testing.assert_allclose(second, machines[1].hidden(first), rtol=1e-5)


NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0")


@needs_torch
@pytest.mark.parametrize("cell", recurrent.CELLS.values())
def test_recurrent_is_pytorchs(cell):
    import torch

    ours = cell(3, 4, dtype=np.float64)
    theirs = getattr(torch.nn, cell.__name__)(3, 4, dtype=torch.float64)
    order = [0, 1, 3, 2] if cell is recurrent.LSTM else [0]  # ours: i, f, o, g; theirs: i, f, g, o
    with torch.no_grad():
        for mine, name in zip((*np.split(ours.weight, [3], 1), ours.bias[:, 0]), NAMES, strict=True):
            blocks = np.split(mine, len(order))
            getattr(theirs, name).copy_(torch.from_numpy(np.concatenate([blocks[i] for i in order])))
        theirs.bias_hh_l0.zero_()
    x, grad_h = RNG.standard_normal((6, 3, 2)), RNG.standard_normal((6, 4, 2))
    inputs = torch.from_numpy(x.transpose(0, 2, 1).copy()).requires_grad_()
    h, _ = theirs(inputs)
    h.backward(torch.from_numpy(grad_h.transpose(0, 2, 1).copy()))
    np.testing.assert_allclose(ours.forward(x), h.detach().numpy().transpose(0, 2, 1), atol=1e-12)
    np.testing.assert_allclose(ours.backward(grad_h), inputs.grad.numpy().transpose(0, 2, 1), atol=1e-12)
    parts = *np.split(ours.grad_weight, [3], axis=1), ours.grad_bias
    for mine, name in zip(parts, NAMES, strict=True):
        blocks = np.split(mine.reshape(getattr(theirs, name).shape), len(order))
        np.testing.assert_allclose(np.concatenate([blocks[i] for i in order]), getattr(theirs, name).grad, atol=1e-12)


@needs_torch
def test_a_head_is_pytorchs():
    import torch

    head = reader.Head(4, attention.attend, attention.attend_backward, F64)
    x, gradient = RNG.standard_normal((2, 5, 4)), RNG.standard_normal((2, 5, 4))
    inputs, weight = torch.from_numpy(x).requires_grad_(), torch.from_numpy(head.weight).requires_grad_()
    q, k, v = (inputs @ weight).split(4, dim=-1)
    y = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    y.backward(torch.from_numpy(gradient))
    np.testing.assert_allclose(head.forward(x), y.detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(head.backward(gradient), inputs.grad.numpy(), atol=1e-12)
    np.testing.assert_allclose(head.grad_weight, weight.grad.numpy(), atol=1e-12)


@needs_torch
def test_the_bound_is_pytorchs():
    import torch
    from torch.distributions import Bernoulli, Normal, kl_divergence

    net, x, noise = vae.VAE(5, 4, 2, F64), RNG.random((3, 5)).round(), RNG.standard_normal((3, 2))
    missed, kl = net.loss(x, noise)
    mean, log_variance = (torch.from_numpy(a) for a in net.encode(x))
    q = Normal(mean, torch.exp(0.5 * log_variance))
    assert kl == pytest.approx(float(kl_divergence(q, Normal(0.0, 1.0)).sum(1).mean()))
    z = mean + q.scale * torch.from_numpy(noise)
    p = Bernoulli(logits=torch.from_numpy(net.decoder.forward(z.numpy())))
    assert missed == pytest.approx(-float(p.log_prob(torch.from_numpy(x)).sum(1).mean()))
