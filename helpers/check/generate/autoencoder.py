"""Checks of Part A of `generate`: the reconstruction's loss, PCA, and the predicted seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from helpers import cost
from helpers.check.core.ask import array, ask, number
from helpers.check.core.cases import primes
from helpers.check.core.compare import Hypothesis, verify
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check
from helpers.check.generate import oracle, probes
from helpers.check.generate.results import hypotheses, in_type, parts, scalar, verify_values
from helpers.zoo.chain import Dense

PIXELS = "averaged-over-pixels"
OVER_PIXELS = (
    "The mean is taken over the pixels, too (as `np.mean` and PyTorch's `MSELoss` do). Sum over the pixels of an "
    "image, and take the mean over the N images only."
)
SUMMED = "The loss of all images is added up. Take the mean over the N images, so that it does not depend on the batch."


def _batches(seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(x, x̂): usual sizes, others, one image, float32."""
    rng = np.random.default_rng([seed, 71])
    n, more, pixels, other, width = primes(rng, 5, 3, 17)
    shapes = ((n, pixels, "float64"), (more, other, "float64"), (1, width, "float64"), (n, other, "float32"))
    return [(rng.random((a, b)).astype(t), rng.normal(0.3, 0.8, (a, b)).astype(t)) for a, b, t in shapes]


def _of_reconstruction(x: Any, y: Any) -> list[Hypothesis]:
    return hypotheses([
        ("gradient-not-averaged", lambda x, y: y - x, "The gradient is that of the sum over the batch: the "
         "loss is a mean, so divide by N."),
        ("gradient-doubled", lambda x, y: 2 * (y - x) / len(x), "The gradient is twice what it should be: the "
         "derivative of ½d² is d."),
        ("gradient-doubled", lambda x, y: 2 * (y - x), "This is 2(x̂ − x): the factor ½ of the loss is "
         "forgotten, and the division by N."),
        ("gradient-sign", lambda x, y: (x - y) / len(x), "The gradient has the wrong sign (x − x̂): a step "
         "against it would make the loss larger."),
        ("gradient-sign", lambda x, y: x - y, "The gradient has the wrong sign (x − x̂), and is not divided by "
         "N."),
        (PIXELS, lambda x, y: (y - x) / x.size, "The gradient is divided by all N · D entries. The loss is a "
         "mean over the N images only."),
        (PIXELS, lambda x, y: 2 * (y - x) / x.size, "This is the gradient of the mean over all N · D entries "
         "(PyTorch's `MSELoss`). The loss is a mean over the N images only."),
        (PIXELS, lambda x, y: (y - x) / x.shape[1], "The gradient is divided by the number of pixels; divide "
         "by the number of images N."),
        ("gradient-halved", lambda x, y: (y - x) / 2 / len(x), "The gradient is half of what it should be: "
         "the ½ cancels with the 2 of the derivative."),
        ("averaged-twice", lambda x, y: (y - x) / len(x) ** 2, "The gradient is divided by N twice."),
        ("loss-for-gradient", lambda x, y: 0.5 * (y - x) ** 2 / len(x), "These are the losses of each pixel; "
         "the gradient is their derivative for x̂."),
        ("only-the-sign", lambda x, y: np.sign(y - x) / len(x), "These are signs, the gradient of absolute "
         "differences; that of ½d² is d."),
        ("summed-over-rows", lambda x, y: (y - x).sum(axis=0) / len(x), "The gradient is summed over the "
         "batch. Each x̂ has a gradient of its own: it has the shape of x̂."),
    ], (x, y))  # fmt: skip


def _numerical_reconstruction(x: Any, y: Any) -> np.ndarray:
    return numerical_gradient(lambda z: oracle.reconstruction(x, z)[0], y)


@check("reconstruction_loss", "A1")
def reconstruction_loss(function: Any, *, seed: int = 0) -> Iterator[str]:
    """½ Σ (x̂ − x)², the mean over the batch, and (x̂ − x)/N."""
    cases = _batches(seed)
    seen = ask(calls, "reconstruction_loss", function, cases, ("x", "x_hat"))
    values, gradients = parts(seen, len(cases), 2, "reconstruction_loss", "(loss, gradient for x̂)")
    d = "float64"
    wide = [(x.astype(d), y.astype(d)) for x, y in cases]
    first = [np.shape(value) for value in values]
    if first[0] == cases[0][0].shape and np.shape(gradients[0]) == ():
        raise Mistake("exchanged", "The two results are exchanged: return (loss, gradient).")
    if first[0] == (len(cases[0][0]),):
        raise Mistake("not-averaged", "The loss is one number for each image; take their mean.")
    verify_values(
        [scalar(value, "the loss") for value in values], wide, lambda x, y: oracle.reconstruction(x, y)[0],
        [
            ("half-forgotten", lambda x, y: ((y - x) ** 2).sum() / len(x), "The loss is twice what it should be: the "
             "factor ½ is missing."),
            ("summed-over-batch", lambda x, y: 0.5 * ((y - x) ** 2).sum(), SUMMED),
            ("summed-over-batch", lambda x, y: ((y - x) ** 2).sum(), SUMMED),
            (PIXELS, lambda x, y: 0.5 * ((y - x) ** 2).mean(), OVER_PIXELS),
            (PIXELS, lambda x, y: ((y - x) ** 2).mean(), OVER_PIXELS),
            (PIXELS, lambda x, y: 0.5 * ((y - x) ** 2).sum() / x.shape[1], "The sum is divided by the number of "
             "pixels; divide by the number of images N."),
            ("not-squared", lambda x, y: 0.5 * np.abs(y - x).sum() / len(x), "These are absolute differences; square "
             "them."),
            ("not-squared", lambda x, y: np.abs(y - x).sum() / len(x), "These are absolute differences; square them."),
            ("not-squared", lambda x, y: 0.5 * (y - x).sum() / len(x), "The differences are added with their signs, so "
             "that they cancel; square them first."),
            ("root-taken", lambda x, y: np.linalg.norm(y - x, axis=1).mean(), "This is the length |x̂ − x|, with a "
             "root; the loss is ½|x̂ − x|²."),
            ("root-taken", lambda x, y: 0.5 * np.linalg.norm(y - x, axis=1).mean(), "This is half of the length "
             "|x̂ − x|, with a root; the loss is ½|x̂ − x|²."),
            ("root-taken", lambda x, y: 0.5 * np.linalg.norm(y - x) / len(x), "A root is taken over all images "
             "(`norm`); the loss is ½|x̂ − x|² of each."),
            ("sum-squared", lambda x, y: 0.5 * ((y - x).sum(axis=1) ** 2).mean(), "The differences of an image are "
             "summed before the square, so that they cancel: square each, then sum."),
            ("loss-sign", lambda x, y: -0.5 * ((y - x) ** 2).sum() / len(x), "The loss is negative; a square is not."),
        ],
        "The loss",
        [{"batch size": len(x), "number of pixels": x.shape[1]} for x, _ in cases],
    )  # fmt: skip
    yield "½|x̂ − x|², the mean over batches of several sizes, of one image, in float32"
    for (x, y), found in zip(wide, gradients, strict=True):
        verify(
            array(found, "the gradient for x̂"), oracle.reconstruction(x, y)[1], "the gradient for x̂",
            partial(_of_reconstruction, x, y),
            {"batch size": len(x), "number of pixels": x.shape[1]},
            partial(_numerical_reconstruction, x, y),
        )  # fmt: skip
    in_type(gradients[3], "float32", "The gradient for x̂")
    yield "the gradient agrees with finite differences; inputs unchanged"


def _projected(test: np.ndarray, mean: np.ndarray, u: np.ndarray) -> np.ndarray:
    return mean + (test - mean) @ u @ u.T


def _pca(train: np.ndarray, test: np.ndarray, width: int) -> np.ndarray:
    mean, _, vectors = oracle.components(train)
    return _projected(test, mean, vectors[:, :width])


def _uncentred(train: np.ndarray, width: int) -> np.ndarray:
    return np.linalg.eigh(train.T @ train)[1][:, ::-1][:, :width]


def _rows(train: np.ndarray, width: int, first: bool) -> np.ndarray:
    ascending = oracle.components(train)[2][:, ::-1]
    return (ascending[:width] if first else ascending[-width:]).T


def _standardised(train: np.ndarray, test: np.ndarray, width: int) -> np.ndarray:
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    u = oracle.components((train - mean) / deviation)[2][:, :width]
    return mean + ((test - mean) / deviation) @ u @ u.T * deviation


def _of_pca(train: Any, test: Any, width: Any, mean: Any, values: Any, vectors: Any, u: Any) -> list[Hypothesis]:
    return hypotheses([
        ("smallest-components", lambda *_: _projected(test, mean, vectors[:, -width:]), "These are the "
         "components with the *smallest* eigenvalues: `eigh` sorts in ascending order, take the last columns."),
        ("not-centred", lambda *_: test @ _uncentred(train, width) @ _uncentred(train, width).T, "Nothing is "
         "centred: subtract the mean of the training images before the eigenvectors are computed, and from "
         "`test`."),
        ("not-centred", lambda *_: _projected(test, mean, _uncentred(train, width)), "The eigenvectors are "
         "those of the images as they are; subtract the mean from the training images first."),
        ("mean-not-added", lambda *_: (test - mean) @ u @ u.T, "The mean is subtracted and not added again."),
        ("mean-not-subtracted", lambda *_: mean + test @ u @ u.T, "The mean is added without having been "
         "subtracted from `test`."),
        ("mean-forgotten", lambda *_: test @ u @ u.T, "`test` is projected without the mean: subtract it "
         "before, and add it after."),
        ("fitted-to-test", lambda *_: _pca(test, test, width), "Mean and components are those of the test "
         "images. They have to come from the training images alone, else the test set helps itself."),
        ("fitted-to-test", lambda *_: _projected(test, test.mean(axis=0), u), "The mean is that of the test "
         "images; take that of the training images."),
        ("fitted-to-test", lambda *_: test.mean(axis=0) + (test - mean) @ u @ u.T, "The mean that is added is "
         "that of the test images; take that of the training images."),
        ("fitted-to-test", lambda *_: mean + (test - test.mean(axis=0)) @ u @ u.T, "The mean that is "
         "subtracted is that of the test images; take that of the training images."),
        ("rows-for-columns", lambda *_: _projected(test, mean, _rows(train, width, True)), "Rows of the matrix "
         "of eigenvectors are taken. `eigh` returns them as *columns*: `vectors[:, -width:]`."),
        ("rows-for-columns", lambda *_: _projected(test, mean, _rows(train, width, False)), "Rows of the "
         "matrix of eigenvectors are taken. `eigh` returns them as *columns*: `vectors[:, -width:]`."),
        ("rows-for-columns", lambda *_: _projected(test, mean, np.linalg.svd(train - mean, full_matrices=False)[2]
                                                    [:, :width]), "Columns of the third matrix of `svd` are taken. Its "
         "*rows* are the components (it is Vᵀ): `vt[:width].T`."),
        ("one-component-off", lambda *_: _projected(test, mean, vectors[:, : width + 1]), "One component too "
         "many is taken."),
        ("one-component-off", lambda *_: _projected(test, mean, vectors[:, : width - 1]), "One component too "
         "few is taken."),
        ("one-component-off", lambda *_: _projected(test, mean, vectors[:, 1 : width + 1]), "The largest "
         "component is left out: `[:, -width:]` ends with it."),
        ("one-component-off", lambda *_: _projected(test, mean, vectors[:, 1:width]), "The largest component "
         "is left out: `[:, -width:-1]` ends before the last one."),
        ("mean-of-each-image", lambda *_: _projected(test, train.mean(), u), "One mean of all pixels is taken; "
         "each pixel has a mean of its own, over the images (`axis=0`)."),
        ("standardised", lambda *_: _standardised(train, test, width), "The pixels are divided by their "
         "standard deviation; PCA only subtracts the mean here."),
        ("scaled-by-eigenvalues", lambda *_: mean + (test - mean) @ u * values[:width] @ u.T, "The codes are "
         "multiplied by the eigenvalues; U Uᵀ alone projects."),
        ("all-components", lambda *_: test, "The images come back as they were: `width` has no effect."),
        ("remainder-for-reconstruction", lambda *_: test - _pca(train, test, width), "This is what the "
         "reconstruction lacks; return the reconstruction itself."),
    ], (train, test, width))  # fmt: skip


@check("pca_reconstruction", "A2")
def pca_reconstruction(function: Any, *, seed: int = 0) -> Iterator[str]:
    """Mean and components of the training images alone; the largest eigenvalues."""
    rng = np.random.default_rng([seed, 72])
    cases = []
    for few_images, one_image in ((False, False), (True, False), (False, True)):
        width, m, d, n = sorted(primes(rng, 4, 3, 19))
        n, d = (d, n) if few_images else (n, d)
        mixing = rng.normal(size=(d, d)) * 1.4 ** -np.arange(d)
        mean = rng.uniform(1, 3, d)
        train = rng.normal(size=(n, d)) @ mixing.T + mean
        cases.append((train, rng.normal(size=(1 if one_image else m, d)) @ mixing.T + mean + 0.5, width))
    seen = ask(calls, "pca_reconstruction", function, cases, ("train", "test"))
    for i, (train, test, width) in enumerate(cases):
        got = array(seen[i], "the reconstruction")
        mean, values, vectors = oracle.components(train)
        if got.shape == (len(test), width):
            raise Mistake("code-for-reconstruction", f"pca_reconstruction returns the codes, of shape {got.shape}; go "
                          f"back to the pixels: `@ U.T`, and add the mean.")
        if got.shape == train.shape != test.shape:
            raise Mistake("training-images-returned", "The training images are reconstructed; return the "
                          "reconstruction of `test`.")
        u = vectors[:, :width]
        verify(
            got, _pca(train, test, width), "the reconstruction",
            partial(_of_pca, train, test, width, mean, values, vectors, u),
        )  # fmt: skip
    yield "reconstructions from few and from many training images, and of one test image; inputs unchanged"


@check("training_seconds", "A3")
def training_seconds(function: Any, *, seed: int = 0) -> Iterator[str]:
    """epochs · ⌈images/batch⌉ · the predicted seconds of a step."""
    rng = np.random.default_rng([seed, 73])
    cases, asked = [], []
    for whole in (False, True, False):
        a, b, c, batch, epochs = primes(rng, 5, 3, 19)
        sizes, peak, width = (10 * a, 10 * b, 10 * c), float(rng.uniform(2e10, 9e10)), float(rng.uniform(3e9, 2e10))
        steps = int(rng.integers(11, 29))
        images = batch * steps - (0 if whole else int(rng.integers(batch // 2 + 1, batch)))
        asked.append((sizes, peak, width, batch, images, epochs))
        device = cost.Device("a machine", {"float32": peak}, width, 2**40, None, "made up")
        cases.append((Dense(sizes), device, batch, images, epochs))
    sizes, peak, width, batch, _, epochs = asked[0]
    few = int(rng.integers(2, batch // 2 + 2))  # all images are fewer than a batch
    asked.append((sizes, peak, width, batch, few, epochs))
    cases.append((*cases[0][:3], few, epochs))
    seen = ask(probes.training_seconds, function, asked)
    got = [np.asarray(number(seen[i], "the result of training_seconds")) for i in range(len(cases))]

    def seconds(network: Dense, device: Any, batch: int | None) -> float:
        return float(cost.predict(network, device, images=batch).seconds)

    verify_values(
        got, cases, lambda n, d, b, i, e: e * math.ceil(i / b) * seconds(n, d, b),
        [
            ("last-batch-dropped", lambda n, d, b, i, e: e * (i // b) * seconds(n, d, b), "The last, smaller batch is "
             "left out (`//`): round up, `math.ceil(images / batch)`."),
            ("last-batch-by-itself", lambda n, d, b, i, e: e * (i // b * seconds(n, d, b)
             + (seconds(n, d, i % b) if i % b else 0)), "The last, smaller batch is predicted with its own size; the "
             "text counts it as a whole one: ⌈images / batch⌉ steps of `batch` images."),
            ("last-batch-by-itself", lambda n, d, b, i, e: e * math.ceil(i / min(b, i)) * seconds(n, d, min(b, i)),
             "Where there are fewer images than a batch, the step is predicted for these few; the text counts a "
             "smaller batch as a whole one: ⌈images / batch⌉ steps of `batch` images."),
            ("not-rounded-up", lambda n, d, b, i, e: e * i / b * seconds(n, d, b), "images / batch is not rounded: the "
             "last, smaller batch counts as a whole step."),
            ("not-rounded-up", lambda n, d, b, i, e: math.ceil(e * i / b) * seconds(n, d, b), "The steps of all epochs "
             "are rounded together; every epoch ends with a smaller batch of its own."),
            ("not-rounded-up", lambda n, d, b, i, e: e * round(i / b) * seconds(n, d, b), "images / batch is rounded "
             "to the nearest number; round up."),
            ("one-step-too-many", lambda n, d, b, i, e: e * (i // b + 1) * seconds(n, d, b), "`images // batch + 1` is "
             "one step too many where the images come out even: `math.ceil(images / batch)`."),
            ("epochs-forgotten", lambda n, d, b, i, e: math.ceil(i / b) * seconds(n, d, b), "This is one epoch."),
            ("one-step-only", lambda n, d, b, i, e: seconds(n, d, b), "This is one step: multiply by the steps of all "
             "epochs."),
            ("steps-of-one-epoch", lambda n, d, b, i, e: e * seconds(n, d, b), "This is one step for each epoch; an "
             "epoch has ⌈images / batch⌉."),
            ("images-for-steps", lambda n, d, b, i, e: e * i * seconds(n, d, b), "The seconds of a step are multiplied "
             "by the number of images; a step takes a whole batch."),
            ("batch-not-passed", lambda n, d, b, i, e: e * math.ceil(i / b) * seconds(n, d, None), "The step is "
             "predicted for another batch: pass `images=batch` to `cost.predict`."),
            ("batch-not-passed", lambda n, d, b, i, e: e * math.ceil(i / b) * seconds(n, d, 100), "The step is "
             "predicted for a batch of 100: pass `images=batch` to `cost.predict`."),
            ("all-images-at-once", lambda n, d, b, i, e: e * seconds(n, d, i), "All images are one batch here: predict "
             "a step of `batch` images, and count the steps."),
            ("all-images-at-once", lambda n, d, b, i, e: e * math.ceil(i / b) * seconds(n, d, i), "The step is "
             "predicted for all images: pass `images=batch`."),
            ("forward-only", lambda n, d, b, i, e: e * math.ceil(i / b) * cost.predict(n, d, images=b).forward, "Only "
             "the forward pass counts here; `.seconds` has the whole step."),
            ("divided-by-batch", lambda n, d, b, i, e: e * i / b * seconds(n, d, b) / b, "The seconds of a step are "
             "divided by the batch, too."),
        ],
        "The prediction",
    )  # fmt: skip
    yield "trainings whose last batch is whole and smaller"
