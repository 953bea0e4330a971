"""More slips that readers of the notebook make; asked after the guesses that belong to one exercise alone."""

from __future__ import annotations

import re
from functools import partial

import numpy as np

from helpers.check.core import conv_oracle as oracle
from helpers.check.core.conv_cases import Case, Guess, guess_each
from helpers.check.core.conv_mixups import gathered
from helpers.check.core.report import Mistake


def forward(case: Case, expected: np.ndarray) -> list[Guess]:
    """A convolution (N, K, P, Q) in loops, or of wrongly lowered filters and columns."""
    x, w = case.x, case.w
    (n, k, p, q), (r, s), (u, v) = expected.shape, case.window, case.stride
    i, j, a, b = np.ogrid[:p, :q, :r, :s]
    apart = i + u * a + 0 * (j + b), j + v * b + 0 * (i + a)
    a_pad, b_pad = case.padding
    exchanged = i * u + a + a_pad - b_pad + 0 * (j + b), j * v + b + b_pad - a_pad + 0 * (i + a)
    wraps = "A negative index counts from the end in Python: {} the image, pixels of the opposite edge are read. Leave out indices below 0."
    run = partial(oracle.forward, stride=case.stride, padding=case.padding)

    def unread(rows: slice, columns: slice) -> np.ndarray:
        return run(_blank(x, rows, columns), w)

    edge = "Nothing is read from {} of the image. With a test for the border, indices run from 0 to H − 1 and W − 1: `0 <= row < H`."
    return [
        *guess_each("total-not-reset", lambda keep: np.cumsum(expected.reshape(*expected.shape[:keep], -1), axis=-1).reshape(expected.shape), (0, 1, 2, 3), "Each output is added to the one before: set the sum back to 0 before each (n, k, p, q)."),
        Guess("loop-too-short", lambda: _zeroed(expected, 1), "The last filter's output stays zero: k runs from 0 to K − 1."),
        Guess("loop-too-short", lambda: _zeroed(expected, 0), "The last image's output stays zero: n runs from 0 to N − 1."),
        *(Guess("border-not-read", partial(unread, rows, columns), edge.format(words)) for rows, columns, words in _EDGES),
        Guess("negative-index", lambda: oracle.forward(_around(x, (a_pad, 0)), w, case.stride, (0, case.padding[1])), wraps.format("above")),
        Guess("negative-index", lambda: oracle.forward(_around(x, (0, b_pad)), w, case.stride, (case.padding[0], 0)), wraps.format("left of")),
        Guess("padding-swapped", lambda: np.einsum("ncpqrs,kcrs->nkpq", gathered(case, *exchanged), w), "pad_h and pad_w are exchanged where the window starts: row p · u − pad_h, column q · v − pad_w of the image."),
        Guess("dilated", lambda: np.einsum("ncpqrs,kcrs->nkpq", gathered(case, *apart), w), "The stride spreads the filter's entries apart, row p + r · u; it moves the window: row p · u + r."),
        Guess("columns-in-another-order", lambda: expected.transpose(1, 0, 2, 3).reshape(k, p, q, n).transpose(3, 0, 1, 2), "The columns of the product are read in the order (p, q, n); they are in the order (n, p, q): reshape to (K, N, P, Q), then transpose."),
        Guess("reshape-for-transpose", lambda: run(x, w.reshape(-1, k).T.reshape(w.shape)), "w is reshaped to (C·R·S, K) and then transposed, which mixes the filters: each filter is contiguous, so F_m is `w.reshape(K, -1)`."),
        Guess("rows-in-another-order", lambda: run(x, w.transpose(0, 2, 3, 1).reshape(w.shape)), "The filters are flattened in the order (r, s, c), the rows of D_m in the order (c, r, s)."),
    ]


_EDGES = ((slice(1), slice(1), "the first row and column"), (slice(1), slice(0), "the first row"), (slice(0), slice(1), "the first column"), (slice(-1, None), slice(-1, None), "the last row and column"), (slice(-1, None), slice(0), "the last row"), (slice(0), slice(-1, None), "the last column"))


def _around(x: np.ndarray, padding: tuple[int, int]) -> np.ndarray:
    """Padded by the far edge above and left, by zeros below and right."""
    whole = np.pad(x, ((0, 0), (0, 0), (padding[0], 0), (padding[1], 0)), mode="wrap")
    return np.pad(whole, ((0, 0), (0, 0), (0, padding[0]), (0, padding[1])))


def _blank(x: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
    x = x.copy()
    x[:, :, rows], x[:, :, :, columns] = 0, 0
    return x


def _zeroed(a: np.ndarray, axis: int) -> np.ndarray:
    """The last entries along an axis zero, where there is more than one."""
    a = a.copy()
    np.moveaxis(a, axis, 0)[max(1, a.shape[axis] - 1) :] = 0
    return a


def turned(case: Case) -> list[Guess]:
    """The filter turned round in some other way."""
    x, w = case.x, case.w
    run = partial(oracle.forward, x, stride=case.stride, padding=case.padding)
    return [
        Guess("flipped-channels", lambda: run(w[::-1, ::-1]), "K and C are reversed; flip R and S, the last two axes."),
        Guess("filter-transposed", lambda: run(w.transpose(0, 1, 3, 2)), "R and S are exchanged (a transpose); flipping reverses each of the two axes, `[::-1]`."),
        *guess_each("quarter-turn", lambda turns: run(np.rot90(w, turns, axes=(2, 3))), (1, 3), "The filter is rotated by 90°, which makes it S × R instead of R × S; flip both axes, a rotation by 180°."),
        Guess("output-flipped", lambda: run(w)[:, :, ::-1, ::-1], "The output is flipped instead of the filter."),
    ]


def lowered(view: np.ndarray) -> list[Guess]:
    """D_m from windows (N, C, P, Q, R, S)."""
    n, c, p, q, r, s = view.shape

    def renamed() -> np.ndarray:
        parts = [[view[..., i, j].reshape(c, n, p, q) for j in range(s)] for i in range(r)]
        return np.array(parts).transpose(2, 0, 1, 3, 4, 5).reshape(c * r * s, -1)

    return [Guess("reshape-for-transpose", renamed, "Images and channels are exchanged by `reshape`, which never reorders axes: (N, C, P, Q) becomes (C, N, P, Q) by `transpose(1, 0, 2, 3)`.")]


def scattered(case: Case, view: np.ndarray) -> list[Guess]:
    """Windows (N, C, P, Q, R, S) that are added back into images."""
    n, c, p, q, r, s = view.shape

    def renamed() -> np.ndarray:
        parts = np.array([[view[..., i, j].transpose(1, 0, 2, 3).reshape(n, c, p, q) for j in range(s)] for i in range(r)])
        return oracle.scatter(parts.transpose(2, 3, 4, 5, 0, 1), case.x.shape, case.stride, case.padding)

    def wrapped() -> np.ndarray:
        """What hangs over above and left comes back at the far edge."""
        (h, w), (a, b) = case.x.shape[2:], case.padding
        whole = oracle.scatter(view, (n, c, h + 2 * a, w + 2 * b), case.stride, (0, 0))[:, :, : a + h, : b + w]
        whole[:, :, h:] += whole[:, :, :a]
        whole[:, :, :, w:] += whole[:, :, :, :b]
        return whole[:, :, a:, b:]

    right = oracle.scatter(view, case.x.shape, case.stride, case.padding)
    edge = "Nothing comes back to {} of the image. With a test for the border, indices run from 0 to H − 1 and W − 1: `0 <= row < H`."
    return [
        *(Guess("border-not-read", partial(_blank, right, rows, columns), edge.format(words)) for rows, columns, words in _EDGES),
        Guess("negative-index", wrapped, "A negative index counts from the end in Python: what hangs over above and left is added at the opposite edge. Leave out indices below 0."),
        Guess("reshape-for-transpose", renamed, "Channels and images are exchanged by `reshape`, which never reorders axes: (C, N, P, Q) becomes (N, C, P, Q) by `transpose(1, 0, 2, 3)`."),
    ]


def tiles(case: Case, got: np.ndarray, expected: np.ndarray, limit: int) -> list[Guess]:
    """The last tile left out of an array that was never filled, and columns counted wrongly."""
    n, k, p, q = expected.shape
    width = max(1, limit // (case.w[0].size * case.x.itemsize))
    start = n * p * q // width * width
    j = np.arange(n * p * q)
    view = oracle.windows(case.x, case.window, case.stride, case.padding)

    def unfinished() -> np.ndarray:
        flat, wanted = (y.transpose(1, 0, 2, 3).reshape(k, -1) for y in (got, expected))
        whole = 0 < start < flat.shape[1] and np.allclose(flat[:, :start], wanted[:, :start], rtol=2e-4, atol=1e-4)
        return got if whole and not np.isclose(flat[:, start:], wanted[:, start:]).any() else np.full(3, np.nan)

    def read(image: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        return np.einsum("jcrs,kcrs->kj", view[image, :, row, column], case.w).reshape(k, n, p, q).transpose(1, 0, 2, 3)

    hint = "{} of column j is computed wrongly: n = j // (P·Q), p = j // Q % P, q = j % Q."
    image, row, column = j // (p * q), j // q % p, j % q
    slips = (("The image n", j // p % n, row, column), ("The image n", j // q % n, row, column), ("The image n", j % n, row, column), ("The row p", image, j // p % p, column), ("The row p", image, j % p, column), ("The column q", image, row, j % p), ("The column q", image, row, j // p % q))
    return [
        Guess("last-tile-missing", unfinished, "The last columns are never computed: the last tile, smaller than the others, is left out. N·P·Q is seldom a multiple of the tile's width."),
        *(Guess("index-mixed-up", partial(read, *where), hint.format(words)) for words, *where in slips),
    ]


def data(case: Case, assigned: np.ndarray) -> list[Guess]:
    """dx in loops; `assigned` is what is left of the last filter where windows overwrite each other."""
    back = partial(oracle.backward_data, case.dy, x_shape=case.x.shape, stride=case.stride, padding=case.padding)
    return [
        Guess("overlap-assigned", lambda: assigned, "Only the last filter and window are kept: entries are assigned (`=`). A pixel receives the sum over all filters and all windows that cover it: add (`+=`)."),
        *guess_each("one-filter-only", lambda i: back(w=np.broadcast_to(case.w[i], case.w.shape)), (0, -1), "One filter, w[{}], is used with every dy[n, k]; dy[n, k, p, q] goes back through w[k]."),
    ]


def filters(case: Case, expected: np.ndarray) -> list[Guess]:
    """dw as a matrix product, the wrong way round."""
    x, dy, (r, s), (u, v) = oracle.padded(case.x, case.padding), case.dy, case.window, case.stride

    def swapped() -> np.ndarray:
        """Windows at p · v and q · u; those that hang over the edge shrink, down to one row that numpy repeats."""
        dw = np.zeros_like(expected)
        for p, q in np.ndindex(*dy.shape[2:]):
            dw += np.tensordot(dy[:, :, p, q].T, x[:, :, p * v : p * v + r, q * u : q * u + s], axes=1)
        return dw

    return [
        Guess("stride-swapped", swapped, "u and v are swapped: u is the step downwards (rows), v the step across (columns)."),
        Guess("reshape-for-transpose", lambda: expected.reshape(len(expected), -1).T.reshape(expected.shape), "The product is dw transposed, C·R·S × K, and `reshape` does not transpose it back: G_m D_mᵀ has the rows of the filters."),
    ]


def fourier(case: Case, got: np.ndarray, expected: np.ndarray) -> list[Guess]:
    """Transforms of the wrong axes or size."""
    whole, w = oracle.padded(case.x, case.padding), case.w
    size, (p, q) = whole.shape[2:], expected.shape[2:]
    filled = np.pad(w, ((0, 0), (0, 0), (0, size[0] - w.shape[2]), (0, size[1] - w.shape[3])))

    def through(there: str, back: str, part: str = "") -> np.ndarray:
        """The product of transforms, cropped; `part` is what is kept of them."""
        images, kernels = getattr(np.fft, there)(whole), np.conj(getattr(np.fft, there)(filled))
        images, kernels = (getattr(a, part) if part else a for a in (images, kernels))
        product = np.einsum("nchw,kchw->nkhw", images, kernels)
        return np.asarray(getattr(np.fft, back)(product)[:, :, :p, :q].real)

    def uncropped() -> np.ndarray:
        larger = got.ndim == 4 and got.shape[2] >= size[0] and got.shape[3] >= size[1] and got.shape != expected.shape
        return got if larger and np.allclose(got[:, :, :p, :q], expected, rtol=2e-4, atol=1e-4) else np.full(3, np.nan)

    real = "Only the real part of a transform is kept; the imaginary part carries the positions. Take the real part after the inverse transform."
    return [
        Guess("not-cropped", uncropped, "The first P rows and Q columns are right; the rest, where the window hangs over the edge, is still there. Crop it away."),
        Guess("shape-of-the-inverse", lambda: through("rfft2", "irfft2"), "The inverse transform returns an even number of columns unless it is told the size: pass the shape, `irfft2(product, shape)`."),
        Guess("imaginary-lost", lambda: through("fft2", "ifft2", "real"), real),
        Guess("imaginary-lost", lambda: np.fft.ifft2(np.einsum("nchw,kchw->nkhw", np.fft.fft2(whole).real, np.conj(np.fft.fft2(filled)))).real[:, :, :p, :q], real),
        Guess("imaginary-lost", lambda: np.fft.irfft2(np.einsum("nchw,kchw->nkhw", np.fft.rfft2(whole).real, np.conj(np.fft.rfft2(filled))), size)[:, :, :p, :q], real),
        Guess("axes-of-the-transform", lambda: through("fft", "ifft"), "The transform runs along the columns only (`fft`); images need both axes (`fft2`)."),
        Guess("axes-of-the-transform", lambda: np.fft.ifftn(np.einsum("nchw,kchw->nkhw", np.fft.fftn(whole), np.conj(np.fft.fftn(filled)))).real[:, :, :p, :q], "The transform runs over all four axes (`fftn`); images and channels are not to be transformed: `fft2` takes the last two."),
    ]


def advice(text: str, what: str) -> str:
    """What an error means in one exercise, or nothing."""
    if "negative" in text and "stride" in text:
        return " PyTorch accepts no array with negative strides, which `[::-1]` makes: copy it first, with `.copy()`."
    shapes = [tuple(int(n) for n in found.split(",") if n) for found in re.findall(r"\(([\d,]+)\)", text)]
    if "broadcast" in text and len(shapes) == 2 and shapes[0] != shapes[1] and sorted(shapes[0]) == sorted(shapes[1]):
        return f" The same sizes are in a different order, {shapes[0]} and {shapes[1]}: two axes are exchanged on one side."
    if "Size of label" in text or "does not match previous terms" in text:
        return " One letter of the einsum stands for axes of different sizes: compare the letters with the shapes."
    if what == "add_bias" and "broadcast" in text:
        return " Numpy broadcasts b along the last axis of y, the columns; b belongs to axis 1: give it the shape (K, 1, 1)."
    if what == "conv_fft" and any(word in text for word in ("broadcast", "matmul", "size")):
        return " Both transforms need the same size, that of the padded images: `np.fft.rfft2(w, shape)` pads the filter with zeros."
    return ""


def own_winners(first: np.ndarray, second: np.ndarray, what: str) -> None:
    """Gradients of one forward pass, before and after another one, have to agree."""
    if first.shape != second.shape or not np.allclose(first, second):
        raise Mistake("winner-remembered", f"{what} gives something else once max_pool_forward has run again: it uses the winners of the last call, not the ones that it is given. A network calls forward for all layers before the backward pass begins; put all that is needed into `winner`.")
