"""Every numpy algorithm against PyTorch, over shapes, types and orders in memory that nobody chose by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import CourseError
from helpers.primitives import (
    ConvSpec,
    conv_backward_data,
    conv_backward_filter,
    conv_forward,
    dft_width,
    layout,
    winograd,
    workspace,
)
from helpers.primitives.registry import NAMES, get
from helpers.primitives.spec import PASSES

FAST = [name for name in NAMES if name != "direct"]


@st.composite
def specs(draw):
    """Any geometry; often a stride of 1, which is all that Winograd and the DFT know, and axes of size 1."""
    r, s = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    pad_h, pad_w = draw(st.integers(0, 4)), draw(st.integers(0, 2))
    u, v = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 3), (3, 2), (2, 2)]))
    h = max(1, r - 2 * pad_h) + draw(st.integers(0, 9))
    w = max(1, s - 2 * pad_w) + draw(st.integers(0, 9))
    n, c, k = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return ConvSpec(n, c, h, w, k, r, s, u, v, pad_h, pad_w)


def scattered(a):
    """The same numbers with gaps between them, the last axis backwards in memory."""
    room = np.zeros(tuple(2 * n for n in a.shape), a.dtype)
    view = room[::2, ::2, ::2, ::-2]
    view[...] = a
    return view


ORDERS = {
    "NCHW": np.ascontiguousarray,
    "CHWN": layout.to_chwn,
    "NHWC": lambda a: np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "scattered": scattered,
}


def arrays(spec, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return tuple(rng.standard_normal(shape).astype(dtype) for shape in (spec.x_shape, spec.w_shape, spec.y_shape))


def of_torch(spec, x, w, dy):
    x, w, dy = (torch.from_numpy(a.copy()).double() for a in (x, w, dy))
    stride, padding = (spec.u, spec.v), (spec.pad_h, spec.pad_w)
    y = torch.conv2d(x, w, None, stride, padding)
    dx, dw, _ = torch.ops.aten.convolution_backward(
        dy, x, w, None, stride, padding, (1, 1), False, (0, 0), 1, (True, True, False)
    )
    return {"forward": y.numpy(), "backward-data": dx.numpy(), "backward-filter": dw.numpy()}


def run(module, which, spec, x, w, dy):
    given = {"forward": (x, w), "backward-data": (dy, w), "backward-filter": (x, dy)}[which]
    return getattr(module, which.replace("-", "_"))(spec, *given)


def assert_close(got, expected, dtype, terms):
    """Equal to a few roundings of the longest sum; F(4, 3) of Winograd loses a digit more."""
    assert got.shape == expected.shape
    assert got.dtype == dtype
    scale = np.abs(expected).max() + np.sqrt(terms)
    np.testing.assert_allclose(got, expected, rtol=0, atol=200 * np.finfo(dtype).eps * scale)


@settings(max_examples=250, deadline=None)
@given(specs(), st.sampled_from(["float32", "float64"]), st.sampled_from(list(ORDERS)), st.sampled_from(list(ORDERS)))
def test_all_algorithms_agree_with_the_definition_and_torch(spec, dtype, order, other):
    x, w, dy = arrays(spec, dtype)
    expected = of_torch(spec, x, w, dy)
    x, dy, w = ORDERS[order](x), ORDERS[other](dy), ORDERS[other](w)
    kept = [a.copy() for a in (x, w, dy)]
    for name in NAMES:
        module = get(name)
        for which in PASSES:
            if module.supports(spec, which):
                assert (spec.u, spec.v) != (1, 1) or name == "winograd"
                continue
            terms = {"forward": spec.C * spec.R * spec.S, "backward-data": spec.K * spec.R * spec.S}.get(
                which, spec.N * spec.P * spec.Q
            )
            got = run(module, which, spec, x, w, dy)
            assert_close(got, expected[which], dtype, terms)
            first = dy if which == "backward-data" else x
            said = spec.workspace(name, which, first.itemsize, layout.is_chwn(first))
            assert workspace.last_used() <= said + 16 * workspace.ALIGNMENT
    for before, after in zip(kept, (x, w, dy), strict=True):
        np.testing.assert_array_equal(before, after)


LARGER = [
    ConvSpec(2, 3, 40, 37, 4, 9, 9),
    ConvSpec(3, 5, 16, 16, 6, 7, 7, pad_h=3, pad_w=3),
    ConvSpec(9, 2, 23, 21, 3, 3, 3, pad_h=1, pad_w=1),
    ConvSpec(2, 2, 30, 44, 3, 11, 5),
]


@pytest.mark.parametrize("spec", LARGER, ids=str)
@pytest.mark.parametrize("name", FAST)
def test_several_tiles_and_blocks(spec, name):
    module = get(name)
    x, w, dy = arrays(spec, np.float32)
    expected = of_torch(spec, x, w, dy)
    for which in PASSES:
        if not module.supports(spec, which):
            for order in (layout.to_nchw, layout.to_chwn):
                got = run(module, which, spec, order(x), w, order(dy))
                assert_close(got, expected[which], np.float32, spec.N * spec.P * spec.Q)


@pytest.mark.parametrize(("rows", "u"), [(1, 1), (3, 1), (3, 2)])
def test_dft_width_takes_some_output_rows_at_a_time(rows, u, monkeypatch):
    spec = ConvSpec(2, 3, 14, 15, 4, 3, 3, u=u, pad_h=1)
    _, _, factors, columns = dft_width._sizes(spec, dft_width.tile(spec))
    monkeypatch.setattr(dft_width, "BLOCK_BYTES", 4 * factors * spec.K * columns * rows)
    assert dft_width._rows(spec, factors, columns) == rows
    assert spec.P % 3
    x, w, dy = arrays(spec, np.float64)
    got = run(dft_width, "backward-filter", spec, x, w, dy)
    assert_close(got, of_torch(spec, x, w, dy)["backward-filter"], np.float64, 1000)
    assert workspace.last_used() <= spec.workspace("dft_width", "backward-filter", 8, False) + 16 * workspace.ALIGNMENT


def test_winograd_in_several_blocks_of_images(monkeypatch):
    for constant in ("BLOCK_BYTES", "COLUMNS", "COLUMNS_SUMMED"):
        monkeypatch.setattr(winograd, constant, 1)
    spec = ConvSpec(5, 2, 9, 8, 3, 3, 3, pad_h=1)
    x, w, dy = arrays(spec, np.float64)
    for which, expected in of_torch(spec, x, w, dy).items():
        assert_close(run(winograd, which, spec, x, w, dy), expected, np.float64, 1000)


@pytest.mark.parametrize("name", FAST)
def test_gradients_are_the_derivatives_of_the_forward_pass(name):
    """Central differences of Σ y·g, entry by entry."""
    spec = ConvSpec(2, 2, 5, 6, 3, 3, 2, *((1, 1) if name in ("dft", "winograd") else (2, 1)), 1, 0)
    x, w, g = arrays(spec, np.float64)
    module = get(name)
    for which, variable in (("backward-data", x), ("backward-filter", w)):
        got, step = run(module, which, spec, x, w, g), 1e-6
        for index in np.ndindex(variable.shape):
            here = variable[index]
            values = []
            for shifted in (here + step, here - step):
                variable[index] = shifted
                values.append((module.forward(spec, x, w) * g).sum())
            variable[index] = here
            assert got[index] == pytest.approx((values[0] - values[1]) / (2 * step), abs=1e-6)


@pytest.mark.parametrize("order", ["NCHW", "CHWN"])
@pytest.mark.parametrize("name", [*FAST, "auto"])
def test_the_output_lies_in_the_order_of_the_input(name, order):
    spec = ConvSpec(3, 2, 9, 8, 4, 3, 3)
    x, w, dy = arrays(spec, np.float32)
    x, dy = ORDERS[order](x), ORDERS[order](dy)
    assert layout.is_chwn(conv_forward(spec, x, w, algorithm=name)) == (order == "CHWN")
    assert layout.is_chwn(conv_backward_data(spec, dy, w, algorithm=name)) == (order == "CHWN")
    assert conv_backward_filter(spec, x, dy, algorithm=name).flags.c_contiguous


def test_results_are_the_callers_own_memory():
    spec = ConvSpec(2, 2, 8, 8, 3, 3, 3, pad_h=1, pad_w=1)
    x, w, dy = arrays(spec, np.float32)
    for name in NAMES:
        for which in PASSES:
            first = run(get(name), which, spec, x, w, dy)
            kept = first.copy()
            run(get(name), which, spec, 2 * x, 3 * w, 4 * dy)
            np.testing.assert_array_equal(first, kept)


def test_bias_mode_and_accumulation():
    spec = ConvSpec(2, 3, 6, 5, 4, 3, 2, pad_h=1)
    x, w, dy = arrays(spec, np.float64)
    b = np.arange(4.0)
    plain = conv_forward(spec, x, w)
    np.testing.assert_allclose(conv_forward(spec, x, w, b), plain + b[:, None, None])
    flipped = w[:, :, ::-1, ::-1]
    np.testing.assert_allclose(conv_forward(spec, x, w, mode="convolution"), conv_forward(spec, x, flipped))
    dx = conv_backward_data(spec, dy, w, mode="convolution")
    np.testing.assert_allclose(dx, conv_backward_data(spec, dy, flipped))
    dw = conv_backward_filter(spec, x, dy, mode="convolution")
    np.testing.assert_allclose(dw, conv_backward_filter(spec, x, dy)[:, :, ::-1, ::-1])
    buffer = np.ones(spec.w_shape)
    assert conv_backward_filter(spec, x, dy, add_to=buffer) is buffer
    np.testing.assert_allclose(buffer, 1 + conv_backward_filter(spec, x, dy))
    buffer = np.ones(spec.x_shape)
    np.testing.assert_allclose(conv_backward_data(spec, dy, w, add_to=buffer), 1 + conv_backward_data(spec, dy, w))
    with pytest.raises(CourseError, match="add_to has shape"):
        conv_backward_data(spec, dy, w, add_to=np.zeros(3))
    with pytest.raises(CourseError, match="did you mean 'convolution'"):
        conv_forward(spec, x, w, mode="convolutoin")


def test_torch_tensors_go_to_the_library_and_give_the_same():
    spec = ConvSpec(2, 3, 6, 5, 4, 3, 2, 2, 1, 1, 0)
    x, w, dy = arrays(spec, np.float64)
    tx, tw, tdy = map(torch.from_numpy, (x, w, dy))
    bias = torch.arange(4.0, dtype=torch.float64)
    np.testing.assert_allclose(conv_forward(spec, tx, tw, bias).numpy(), conv_forward(spec, x, w, bias.numpy()))
    np.testing.assert_allclose(conv_backward_data(spec, tdy, tw).numpy(), conv_backward_data(spec, dy, w))
    dw = conv_backward_filter(spec, tx, tdy, algorithm="lowering", mode="convolution")
    np.testing.assert_allclose(dw.numpy(), conv_backward_filter(spec, x, dy, mode="convolution"))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s, x, w: conv_forward(s, x[:1], w), "x has shape (1, 2, 6, 6)"),
        (lambda s, x, w: conv_forward(s, x, w.astype("f4")), "x float64 and w float32"),
        (lambda s, x, w: conv_forward(s, x.astype(int), w.astype(int)), "takes float32 or float64"),
        (lambda s, x, w: conv_forward(s, x.tolist(), w), "x is of type list"),
        (lambda s, x, w: conv_forward(s, torch.from_numpy(x), w), "x is of type Tensor"),
        (lambda s, x, w: conv_forward(s, x, w, algorithm="library"), "runs on torch tensors"),
        (lambda s, x, w: conv_forward(s, x, w, algorithm="tilde"), "did you mean 'tiled'"),
        (lambda s, x, w: conv_forward(s, x, w, algorithm="dft"), "choose im2col"),
        (lambda s, x, w: conv_forward(s, x, w, workspace_limit=-1), "allow at least"),
    ],
)
def test_what_does_not_fit_is_one_sentence(call, words):
    spec = ConvSpec(2, 2, 6, 6, 3, 3, 3, 2, 2)
    x, w, _ = arrays(spec, np.float64)
    with pytest.raises(CourseError, match=r"^[^\n]+\.$") as caught:
        call(spec, x, w)
    assert words in str(caught.value)
