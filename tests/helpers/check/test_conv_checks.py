"""Checks of convolution and pooling: their reference against torch and finite differences, what they accept
and refuse."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import pytest

from helpers import check
from helpers.check import CheckFailed
from helpers.check.core import convolution_oracle as oracle
from helpers.check.core import geometries, probe
from helpers.check.core.compare import Hypothesis, verify
from helpers.check.core.geometries import Convolution, convolutions, poolings
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.report import Mistake
from helpers.primitives import PAPER_LAYERS
from helpers.timing import Timing, measure

torch = pytest.importorskip("torch")
KINDS = (*geometries.CONVOLUTIONS, *geometries.AT_STRIDE_1, *geometries.SMALL)
every_case = pytest.mark.parametrize("case", convolutions(3, KINDS), ids=lambda case: case.label)
every_pool = pytest.mark.parametrize("case", [case for case, _ in poolings(3)], ids=lambda case: case.label)
every_tie = pytest.mark.parametrize("case", [tied for _, tied in poolings(0)], ids=lambda case: case.label)


@every_case
def test_the_reference_is_torchs_convolution_and_its_gradients(case):
    x, w = torch.tensor(case.x, requires_grad=True), torch.tensor(case.w, requires_grad=True)
    y = torch.nn.functional.conv2d(x, w, stride=case.stride, padding=case.padding)
    y.backward(torch.tensor(case.dy))
    assert np.allclose(oracle.forward(case.x, case.w, case.stride, case.padding), y.detach())
    dx = oracle.backward_data(case.dy, case.w, case.x.shape, case.stride, case.padding)
    assert np.allclose(dx, x.grad)
    assert np.allclose(oracle.backward_filter(case.x, case.dy, case.window, case.stride, case.padding), w.grad)
    unfolded = torch.nn.functional.unfold(x.detach(), case.window, padding=case.padding, stride=case.stride)
    lowered = oracle.im2col(case.x, case.window, case.stride, case.padding)
    assert np.array_equal(lowered, unfolded.permute(1, 0, 2).reshape(lowered.shape))


@pytest.mark.promise(
    "The checks of this course try many shapes and seeds, compare with an oracle and have met thousands of wrong "
    "solutions ([mistakes.md](mistakes.md));"
)
def test_the_reference_gradients_are_finite_differences():
    case = Convolution.of((2, 1, 5, 6, 2, 3, 2, 2, 1, 1, 0), 3)

    def loss(x, w):
        return float((oracle.forward(x, w, case.stride, case.padding) * case.dy).sum())

    dx = oracle.backward_data(case.dy, case.w, case.x.shape, case.stride, case.padding)
    dw = oracle.backward_filter(case.x, case.dy, case.window, case.stride, case.padding)
    assert np.allclose(dx, numerical_gradient(lambda x: loss(x, case.w), case.x), atol=1e-6)
    assert np.allclose(dw, numerical_gradient(lambda w: loss(case.x, w), case.w), atol=1e-6)


@every_pool
def test_the_reference_is_torchs_pooling(case):
    x = torch.tensor(case.x, requires_grad=True)
    y = torch.nn.functional.max_pool2d(x, case.window, case.stride, case.padding)
    y.backward(torch.tensor(case.dy))
    assert np.array_equal(oracle.max_pool(case.x, *case.geometry), y.detach())
    assert np.allclose(oracle.max_pool_backward(case.x, case.dy, *case.geometry), x.grad)
    x.grad = None
    y = torch.nn.functional.avg_pool2d(x, case.window, case.stride, case.padding)
    y.backward(torch.tensor(case.dy))
    assert np.allclose(oracle.average_pool(case.x, *case.geometry), y.detach())
    assert np.allclose(oracle.average_pool_backward(case.dy, case.x.shape, *case.geometry), x.grad)


@pytest.mark.parametrize("seed", [0, 41, 999])
def test_drawn_geometries_have_what_is_often_forgotten(seed):
    cases = convolutions(seed)
    assert {case.window for case in cases} >= {(1, 1)}
    assert any(len(case.x) == 1 < case.x.shape[1] for case in cases)
    assert {0, 1} <= {pad for case in cases for pad in case.padding}
    assert any(case.padding[0] != case.padding[1] for case in cases)
    assert any(2 in case.stride and case.stride[0] != case.stride[1] for case in cases)
    for case in cases:
        (n, c, h, w), (k, _, r, s) = case.x.shape, case.w.shape
        assert len({h, w, *case.dy.shape[2:]}) == 4
        assert n == 1 or len({n, c, k, r, s, *case.dy.shape[2:]}) == 7
    reached = [
        oracle.output_size(c.x.shape[i + 2] - 1, c.window[i], c.stride[i], c.padding[i]) for c in cases for i in (0, 1)
    ]
    assert any(
        same == size for same, size in zip(reached, [size for c in cases for size in c.dy.shape[2:]], strict=True)
    )
    assert [a.x.shape for a in cases] == [b.x.shape for b in convolutions(seed)]
    assert any(pool.stride != pool.window for pool, _ in poolings(seed))


@every_tie
def test_the_cases_of_pooling_have_ties_and_only_negative_numbers(case):
    view = oracle.windows(case.x, *case.geometry, -np.inf)
    assert case.x.max() < 0
    assert ((view == view.max(axis=(4, 5), keepdims=True)).sum(axis=(4, 5)) > 1).any()


def lowered(x, w, stride, padding):
    return oracle.forward(x, w, stride, padding)


def tiled(x, w, stride, padding, workspace):
    """Output by output."""
    sizes = [oracle.output_size(x.shape[2 + i], w.shape[2 + i], stride[i], padding[i]) for i in (0, 1)]
    y = np.empty((len(x), len(w), *sizes))
    whole = oracle.padded(x, padding)
    for n, p, q in np.ndindex(len(x), *y.shape[2:]):
        i, j = p * stride[0], q * stride[1]
        y[n, :, p, q] = np.tensordot(w, whole[n, :, i : i + w.shape[2], j : j + w.shape[3]], axes=3)
    return y


def col2im(columns, x_shape, R, S, stride, padding):
    p, q = (oracle.output_size(x_shape[2 + i], (R, S)[i], stride[i], padding[i]) for i in (0, 1))
    view = columns.reshape(x_shape[1], R, S, x_shape[0], p, q).transpose(3, 0, 4, 5, 1, 2)
    return oracle.scatter(view, x_shape, stride, padding)


def max_forward(x, window, stride, padding):
    return oracle.max_pool(x, window, stride, padding), x


def max_backward(dy, winner, x_shape, window, stride, padding):
    return oracle.max_pool_backward(winner, dy, window, stride, padding)


def flops(N, C, H, W, K, R, S, stride, padding):
    p, q = oracle.output_size(H, R, stride[0], padding[0]), oracle.output_size(W, S, stride[1], padding[1])
    return 2 * N * K * C * R * S * p * q


def moved(N, C, H, W, K, R, S, stride, padding, itemsize=4):
    p, q = oracle.output_size(H, R, stride[0], padding[0]), oracle.output_size(W, S, stride[1], padding[1])
    return itemsize * (N * C * H * W + K * C * R * S + N * K * p * q)


def mebibytes(N, C, H, W, K, R, S, stride, padding, itemsize=4):
    return flops(N, C, H, W, K, R, S, stride, padding) / (2 * K) * itemsize / 2**20


def intensity(*layer):
    return flops(*layer[:9]) / moved(*layer)


RIGHT = {
    check.convolution.output_size: (oracle.output_size,),
    check.convolution.forward: (lowered,),
    check.convolution.bias: (lambda y, b: y + b[:, None, None],),
    check.convolution.true_convolution: (lambda x, w, *geometry: lowered(x, w[:, :, ::-1, ::-1], *geometry),),
    check.convolution.im2col: (lambda x, R, S, *geometry: oracle.im2col(x, (R, S), *geometry),),
    check.convolution.lowered: (lowered,),
    check.convolution.col2im: (col2im,),
    check.convolution.tiled: (tiled,),
    check.convolution.backward_data: (oracle.backward_data,),
    check.convolution.backward_filter: (
        lambda x, dy, shape, *geometry: oracle.backward_filter(x, dy, shape[2:], *geometry),
    ),
    check.convolution.backward_bias: (lambda dy: dy.sum((0, 2, 3)),),
    check.convolution.max_pool_forward: (max_forward,),
    check.convolution.max_pool_backward: (max_backward, max_forward),
    check.convolution.average_pool: (oracle.average_pool, oracle.average_pool_backward),
    check.convolution.dft_matrix: (lambda n: np.fft.fft(np.eye(n)),),
    check.convolution.fft: (lambda x, w, padding: lowered(x, w, (1, 1), padding),),
    check.convolution.flops: (flops,),
    check.convolution.bytes: (moved,),
    check.convolution.lowered_mebibytes: (mebibytes,),
    check.convolution.intensity: (intensity, flops, moved),
    check.convolution.attainable: (lambda i, peak, bandwidth: min(peak, i * bandwidth),),
    check.convolution.triton: (lowered,),
}
every_check = pytest.mark.parametrize("steps", RIGHT, ids=lambda steps: steps.__name__)


def hint(steps, *args, **kwargs):
    with pytest.raises(CheckFailed) as failure:
        steps(*args, **kwargs)
    return str(failure.value)


@every_check
def test_the_right_functions_pass_with_any_seed(steps):
    for seed in (0, 41, 7):
        steps(*RIGHT[steps], seed=seed)


class Evil:
    def __array__(self, *args, **kwargs):
        raise RuntimeError("not an array")

    def __getattr__(self, name):
        raise RuntimeError("no attributes here")


@every_check
@pytest.mark.parametrize(
    "value",
    [None, "text", Evil(), [[1.0], [2.0, 3.0]], (), {}, np.nan, 1j, 0.0],
    ids=lambda value: type(value).__name__,
)
def test_strange_results_are_told_in_a_sentence(steps, value):
    def strange(*args, **kwargs):
        return value

    text = hint(steps, *[strange] * len(RIGHT[steps]))
    assert text.endswith((".", "?", ")")), text
    assert "could not work" not in text, text


@every_check
def test_what_is_missing_is_still_to_do(steps):
    def untouched(*args, **kwargs):
        raise NotImplementedError

    if steps is check.convolution.triton:
        steps(untouched)  # optional
        steps(None)
        return
    assert "Still to do" in hint(steps, *[untouched] * len(RIGHT[steps]))
    assert "Still to do" in hint(steps, *[None] * len(RIGHT[steps]))


@every_check
def test_an_endless_loop_is_stopped(steps, monkeypatch):
    monkeypatch.setattr(probe, "SECONDS", 0.2)

    def endless(*args, **kwargs):
        while True:
            pass

    assert "did not return" in hint(steps, *[endless] * len(RIGHT[steps]))


def test_a_hypothesis_that_is_impossible_for_a_geometry_fits_nothing():
    impossible, right = (
        Hypothesis("impossible", lambda: np.zeros(3)[7], "Never."),
        Hypothesis("right", np.ones(2), "This one."),
    )
    with pytest.raises(Mistake) as mistake:
        verify(np.ones(2), np.arange(2.0), "y", [impossible, right])
    assert mistake.value.name == "right"


def test_tiles_that_lower_all_at_once_are_named():
    def at_once(x, w, stride, padding, workspace):
        columns = oracle.im2col(x, w.shape[2:], stride, padding)
        p = oracle.output_size(x.shape[2], w.shape[2], stride[0], padding[0])
        return (w.reshape(len(w), -1) @ columns).reshape(len(w), len(x), p, -1).transpose(1, 0, 2, 3)

    def by_image(x, w, stride, padding, workspace):
        """One image's lowered matrix at a time, made without a second copy."""
        whole = oracle.padded(x, padding)
        p, q = (oracle.output_size(x.shape[2 + i], w.shape[2 + i], stride[i], padding[i]) for i in (0, 1))
        y = np.empty((len(x), len(w), p * q))
        for n in range(len(x)):
            columns = np.empty((*w.shape[1:], p, q))
            for r, s, down, across in oracle.taps(whole.shape, w.shape[2:], stride):
                columns[:, r, s] = whole[n, :, down, across]
            y[n] = w.reshape(len(w), -1) @ columns.reshape(-1, p * q)
        return y.reshape(len(x), len(w), p, q)

    assert "in use at a time, and the whole lowered matrix is" in hint(check.convolution.tiled, at_once)
    assert "Lowering image by image is not enough" in hint(check.convolution.tiled, by_image)


@pytest.mark.parametrize("choose", ["first", "last", "random"])
def test_any_one_of_several_equal_maxima_may_win(choose):
    rng = np.random.default_rng(0)

    def backward(dy, x, x_shape, window, stride, padding):
        if choose != "random":
            return oracle.max_pool_backward(x, dy, window, stride, padding, last=choose == "last")
        view = oracle.windows(x, window, stride, padding, -np.inf)
        best = view == view.max(axis=(4, 5), keepdims=True)
        luck = (best * rng.uniform(0.1, 1, view.shape)).reshape(*view.shape[:4], -1)
        hit = np.arange(luck.shape[-1]) == luck.argmax(axis=-1)[..., None]
        return oracle.scatter((hit * dy[..., None]).reshape(view.shape), x_shape, stride, padding)

    check.convolution.max_pool_backward(backward, max_forward)


def test_an_intensity_of_own_counts_costs_no_second_point():
    def half(*layer):
        return flops(*layer) / 2

    check.convolution.intensity(lambda *layer: half(*layer[:9]) / moved(*layer), half, moved)
    assert "factor 2" in hint(
        check.convolution.intensity, lambda *layer: half(*layer[:9]) / moved(*layer), flops, moved
    )


LAYERS = {name: PAPER_LAYERS[name].with_images(1) for name in ("L1", "L5")}
NAMES = ("torch", "im2col")


def times(seconds=0.01, rounds=3):
    rng = np.random.default_rng(0)
    return {
        layer: {name: Timing(name, list(seconds * rng.uniform(1, 1.2, rounds))) for name in NAMES} for layer in LAYERS
    }


ERRORS = {layer: {"torch": 0.0, "im2col": 2e-7} for layer in LAYERS}


def measured(functions, x, w, layer, rounds):
    y = functions["torch"](x, w, layer)
    errors = {name: abs(f(x, w, layer) - y).max() / abs(y).max() for name, f in functions.items()}
    return measure({name: partial(f, x, w, layer) for name, f in functions.items()}, rounds), errors


def unmeasured(functions, x, w, layer, rounds):
    """Computes and compares everything, as often as asked, and makes up the times."""
    errors = measured(functions, x, w, layer, rounds)[1]
    return {name: [0.002 * (1 + i / 10) for i in range(rounds)] for name in functions}, errors


@pytest.mark.promise(
    "In `convolution`, `cudnn_reading` and `cnn_runtime` locked cells record, with the student's functions, and the "
    "judge tries these on work whose length it draws anew, so rows that nobody measured earn nothing."
)
def test_a_layer_is_measured_with_work_that_only_the_check_knows():
    for seed in range(3):
        check.convolution.layer_timings(measured, seed=seed)
        assert "Times have to be measured" in hint(check.convolution.layer_timings, unmeasured, seed=seed)


def test_a_busy_machine_may_hold_up_any_call(monkeypatch):
    chance, sleep = np.random.default_rng(0), time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(seconds * (1 if chance.random() < 0.8 else 20)))
    for seed in range(3):
        check.convolution.layer_timings(measured, seed=seed)


def test_one_function_in_place_of_all_is_told_by_its_calls_and_not_by_its_speed():
    def late(functions, x, w, layer, rounds):
        return (
            measure({name: lambda: functions["rows"](x, w, layer) for name in functions}, rounds),
            dict.fromkeys(functions, 0),
        )

    assert "the same function" in hint(check.convolution.layer_timings, late)
    alike = {
        layer: {name: Timing(name, [0.01, 0.011, 0.012 + i / 1e4]) for i, name in enumerate("abcd")} for layer in ["L1"]
    }
    check.convolution.timings(alike, {"L1": dict.fromkeys("abcd", 1e-7)}, {"L1": LAYERS["L1"]}, "abcd")


def test_real_times_pass():
    check.convolution.timings(times(), ERRORS, LAYERS, NAMES)


@pytest.mark.promise("timings and learning curves are checked for being possible and consistent.")
@pytest.mark.parametrize(
    ("found", "errors", "words"),
    [
        ({}, ERRORS, "still empty"),
        (times(), {}, "still empty"),
        ([1], ERRORS, "should be a dictionary"),
        ({"L1": times()["L1"]}, ERRORS, "nothing for the layer 'L5'"),
        ({**times(), "L5": {"torch": times()["L5"]["torch"]}}, ERRORS, "lacks 'im2col'"),
        (times(rounds=2), ERRORS, "3 rounds"),
        (times(seconds=1e-7), ERRORS, "GFLOP/s on one core"),
        (times(seconds=5e3), ERRORS, "milliseconds"),
        (times(seconds=-1.0), ERRORS, "zero, negative"),
        ({**times(), "L5": times()["L1"]}, ERRORS, "identical to the last digit"),
        ({**times(), "L5": {name: Timing(name, [0.1] * 3) for name in NAMES}}, ERRORS, "Clocks never do that"),
        (times(), {**ERRORS, "L5": {"torch": 0.0, "im2col": 0.1}}, "differs from the library's"),
        (times(), {layer: dict.fromkeys(NAMES, 0.0) for layer in LAYERS}, "exactly 0"),
        (times(), {**ERRORS, "L5": {"torch": 0.0, "im2col": float("nan")}}, "differs from the library's"),
    ],
)
def test_times_that_cannot_be_real_are_told(found, errors, words):
    assert words in hint(check.convolution.timings, found, errors, LAYERS, NAMES)


def test_a_call_that_computes_nothing_is_too_fast():
    tiny = {name: PAPER_LAYERS[name].with_images(1) for name in ("L5",)}
    tiny["L5"] = type(tiny["L5"])(1, 1, 3, 3, 1, 2, 2)
    found = {"L5": {"torch": Timing("torch", [1e-7, 1.1e-7, 1.2e-7]), "im2col": Timing("im2col", [1e-5, 2e-5, 3e-5])}}
    assert "Is the function called inside the timing" in hint(
        check.convolution.timings, found, {"L5": ERRORS["L5"]}, tiny, NAMES
    )


def test_a_function_that_writes_into_its_input_is_told():
    def careless(x, w, stride, padding):
        x *= 2
        return oracle.forward(x / 2, w, stride, padding)

    assert "changed its input" in hint(check.convolution.forward, careless)


def test_a_complex_result_is_told_even_if_its_real_part_is_right():
    text = hint(check.convolution.fft, lambda x, w, padding: lowered(x, w, (1, 1), padding) + 0j)
    assert "return its real part" in text
    assert "not right yet" not in text


def test_own_counts_that_depend_on_nothing_are_no_excuse():
    def three(*layer):
        return 3

    assert "Arithmetic intensity" in hint(check.convolution.intensity, lambda *layer: 1, three, three)


@pytest.mark.parametrize(
    ("letter", "words"),
    [("W", "P is computed with W where H belongs"), ("S", "P is computed with S where R belongs")],
)
def test_a_shape_is_explained_by_the_letter_that_was_mixed_up(letter, words):
    def wrong(x, w, stride, padding):
        height, window = x.shape[2 + (letter == "W")], w.shape[2 + (letter == "S")]
        p = oracle.output_size(height, window, stride[0], padding[0])
        return np.zeros((len(x), len(w), p, oracle.output_size(x.shape[3], w.shape[3], stride[1], padding[1])))

    assert words in hint(check.convolution.forward, wrong)
