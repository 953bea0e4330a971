"""Checks of Part E: the DFT as a matrix, convolution by the FFT."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from helpers.check.convolution.definition import float32_too, with_float32
from helpers.check.core import convolution_oracle as oracle
from helpers.check.core.ask import array, ask
from helpers.check.core.compare import NOTHING, Hypothesis, close, verify, verify_digits
from helpers.check.core.geometries import AT_STRIDE_1, Convolution, convolutions
from helpers.check.core.hypotheses import convolution as hypotheses
from helpers.check.core.hypotheses.windows import advice
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check


def _complex(value: Any, what: str) -> np.ndarray:
    """A student's result as complex numbers; real ones may come, too."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "c":
        return value.astype(np.complex128)
    try:
        found = np.asarray(value)
        if found.dtype.kind == "c":
            return found.astype(np.complex128)
    except ValueError:
        pass
    return array(value, what).astype(np.complex128)


@check("DFT matrix", "E1")
def dft_matrix(dft_matrix: Any, *, seed: int = 0) -> Iterator[str]:
    """T[j, k] = e^(−2πi·j·k/n): T @ x is the discrete Fourier transform of x."""
    rng = np.random.default_rng([seed, 6])
    sizes = [int(rng.choice((5, 7, 9))), int(rng.choice((4, 6, 8))), 1, int(rng.choice((19, 21, 23)))]
    seen = ask(calls, "dft_matrix", dft_matrix, [(n,) for n in sizes])
    for i, n in enumerate(sizes):
        got, expected = _complex(seen[str(i)], "the result of dft_matrix"), np.fft.fft(np.eye(n))
        if got.shape != expected.shape:
            if got.shape == (n // 2 + 1, n) and close(_parts(got), _parts(expected[: n // 2 + 1])):
                raise Mistake("half-the-frequencies", f"The matrix has shape {got.shape}; it should be ({n}, {n}). Its "
                              f"rows are right, and those from {n // 2 + 1} on are missing: `rfft` leaves them out, as "
                              "for real numbers they follow from the others.")
            outer = " Every j is multiplied by every k: `np.outer(j, k)`." if got.shape == (n,) else ""
            raise Mistake("wrong-shape", f"The matrix has shape {got.shape}; it should be ({n}, {n}).{outer}")
        wrong = partial(_matrices, n) if n > 2 else ()
        what = "the matrix (its real part, then its imaginary part)"
        verify(_parts(got), _parts(expected), what, wrong)
        if n < 10:  # products up to (n − 1)² are rounded where all is computed in float32
            verify_digits(_parts(got), _parts(expected), what)
    yield f"entries for n = {', '.join(map(str, sizes))}"


def _parts(a: np.ndarray) -> np.ndarray:
    return np.stack([a.real, a.imag])


def _matrices(n: int) -> list[Hypothesis]:
    right, jk = np.fft.fft(np.eye(n)), np.outer(np.arange(n), np.arange(n))
    from_one = np.outer(np.arange(1, n + 1), np.arange(1, n + 1))
    added = np.add.outer(np.arange(n), np.arange(n))
    wrong: tuple[tuple[str, np.ndarray, str], ...] = (
        (
            "sign-of-the-exponent",
            right.conj(),
            "The exponent has the wrong sign: this is the matrix of the inverse transform (without its 1/n). "
            "Here it is −2πi·j·k/n.",
        ),
        ("two-pi-missing", np.exp(-1j * jk / n), "2π is missing in the exponent: −2πi·j·k/n."),
        ("two-pi-missing", np.exp(-1j * np.pi * jk / n), "The exponent is half of what it should be: −2πi·j·k/n."),
        (
            "sign-of-the-exponent",
            right.conj() / n,
            "This is the matrix of the inverse transform: its exponent has the other sign, and it is divided by n. "
            "Here it is −2πi·j·k/n, without a factor.",
        ),
        ("two-pi-missing", np.exp(-2j * jk / n), "π is missing in the exponent: −2πi·j·k/n."),
        (
            "imaginary-missing",
            right.real + 0j,
            "Only the real part is left, the cosines. The matrix is complex: cos − i·sin.",
        ),
        (
            "imaginary-missing",
            np.exp(-2 * np.pi * jk / n) + 0j,
            "The i is missing in the exponent (`1j` in Python), "
            "so the entries decay instead of lying on the unit circle.",
        ),
        ("normalised", right / n, "The matrix is divided by n. That factor belongs to the inverse transform."),
        (
            "frequencies-shifted",
            np.fft.fftshift(right, axes=0),
            "The rows are in the order that `fftshift` makes, with frequency 0 in the middle. Row j belongs to "
            "frequency j, so that the first row is all ones.",
        ),
        (
            "normalised",
            right / np.sqrt(n),
            "The matrix is divided by √n. That is a possible convention; here, as in numpy, the transform has no "
            "factor and its inverse has 1/n.",
        ),
        (
            "counted-from-one",
            np.exp(-2j * np.pi * from_one / n),
            "j and k count from 0, so that the first row and column are ones.",
        ),
        (
            "n-missing",
            np.exp(-2j * np.pi * jk),
            "Every entry is 1, as where every exponent is a whole number of turns: is the division by n missing, "
            "rounded down by `//`, or made after e^(−2πi), which is 1 itself, and so are its powers?",
        ),
        (
            "endpoint-included",
            np.exp(-2j * np.pi * jk / (n - 1)) if n > 1 else right + np.nan,
            "The angles are multiples of 2π/(n − 1): `np.linspace` includes its end unless it is told not to. They are "
            "multiples of 2π/n.",
        ),
        *(
            (
                "integer-overflow",
                np.exp(-2j * np.pi * jk.astype(kind) / n),
                "The products j·k are computed in integers of 8 bits, which begin again from the smallest at "
                f"{np.iinfo(kind).max + 1}; here they go up to (n − 1)². Leave the dtype of `arange` as it is.",
            )
            for kind in (np.uint8, np.int8)
        ),
        ("sum-for-product", np.exp(-2j * np.pi * added / n), "j and k are added in the exponent; they are multiplied."),
    )
    return [Hypothesis(name, _parts(value), hint) for name, value, hint in wrong]


@check("Convolution by the FFT", "E2", builds_on="`output_size`, if you used it", after="A1")
def fft(conv_fft: Any, *, seed: int = 0) -> Iterator[str]:
    """Cross-correlation at stride 1 through the frequency domain, real and of shape (N, K, P, Q)."""
    cases = convolutions(seed, AT_STRIDE_1)
    seen = ask(
        calls, "conv_fft", conv_fft, [(c.x, c.w, c.padding) for c in with_float32(cases)], ("x", "w"), advice=advice
    )
    for i, case in enumerate(cases):
        expected = oracle.forward(case.x, case.w, *case.geometry)
        found = _complex(seen[str(i)], "the result of conv_fft")
        if np.asarray(seen[str(i)]).dtype.kind == "c":
            also = "" if close(found.real, expected) else " The real parts are not right yet, either."
            raise Mistake(
                "real-part-forgotten",
                "The result is complex. Images and filters are real, so the result is, too: return its real part "
                f"(`.real`), or use rfft2 and irfft2.{also}",
            )
        wrong, shape = partial(_fft_hypotheses, case, expected, found.real), partial(_shape, case)
        verify(found.real, expected, f"the output for {case.label}", wrong, shape=shape)
        yield case.label
    other = with_float32(cases)[-1]
    expected, wanted = (oracle.forward(c.x, c.w, *c.geometry) for c in (cases[0], other))
    yield float32_too(seen, len(cases), expected, "conv_fft", wanted)


def _shape(case: Convolution, got: tuple[int, ...]) -> Mistake | None:
    """What explains a wrong shape of the output, if something does."""
    (n, k, p, q), sides = (len(case.x), len(case.w), *case.dy.shape[2:]), case.x.shape[2:]
    cut = n, k, min(p, sides[0]), min(q, sides[1])
    if got == cut != (n, k, p, q):
        return Mistake("wrap-around", f"The output has shape {got}; it should be {(n, k, p, q)}. It has no more rows "
                       f"and columns than the image itself, {sides[0]} by {sides[1]}, where the padding makes room for "
                       f"more windows: are the transforms taken over the size of the image without its border? They "
                       f"need the padded size, H + 2·pad_h by W + 2·pad_w, and padded images.")
    return hypotheses.output_shape(case)(got)


def _fft_hypotheses(case: Convolution, expected: np.ndarray, got: np.ndarray) -> list[Hypothesis]:
    """got: the result, which some mistakes move, so that they are looked for in it."""
    x, w, padding = case.x, case.w, case.padding
    (p, q), (r, s) = expected.shape[2:], case.window
    whole = oracle.padded(x, padding)
    size = whole.shape[2:]
    full = size[0] + r - 1, size[1] + s - 1

    def circular(images: np.ndarray, shape: tuple[int, ...], conjugate: bool = True) -> np.ndarray:
        kernels = np.fft.fft2(w, shape)
        kernels = np.conj(kernels) if conjugate else kernels
        return np.fft.ifft2(np.einsum("nchw,kchw->nkhw", np.fft.fft2(images, shape), kernels)).real

    def cropped_somewhere(every: np.ndarray) -> np.ndarray:
        """The result, if it is cut out of all these positions."""
        for i, j in np.ndindex(every.shape[2] - p + 1, every.shape[3] - q + 1):
            if close(got, every[:, :, i : i + p, j : j + q]):
                return got
        return NOTHING

    def rolled(images: np.ndarray, shape: tuple[int, ...], conjugate: bool = True) -> np.ndarray:
        """A circular result, cropped anywhere, if the result is one."""
        return cropped_somewhere(np.tile(circular(images, shape, conjugate), (1, 1, 2, 2)))

    def through(
        there: Any, back: Any, part: Any = lambda a: a, conjugate_of: str = "w", kernel_part: bool = True
    ) -> np.ndarray:
        """The product of transforms, cropped; `part` is what is kept of those of the images, and of the filters."""
        filled = np.pad(w, ((0, 0), (0, 0), (0, size[0] - r), (0, size[1] - s)))
        images, kernels = part(there(whole)), there(filled)
        kernels = part(kernels) if kernel_part else kernels
        images, kernels = (np.conj(images), kernels) if conjugate_of == "x" else (images, np.conj(kernels))
        return np.asarray(back(np.einsum("nchw,kchw->nkhw", images, kernels))[:, :, :p, :q].real)

    def uncropped() -> np.ndarray:
        larger = got.ndim == 4 and got.shape[2] >= size[0] and got.shape[3] >= size[1] and got.shape != expected.shape
        return got if larger and np.allclose(got[:, :, :p, :q], expected, rtol=2e-4, atol=1e-4) else NOTHING

    conjugate = (
        "The product of the transforms is a true convolution: the filter comes out flipped. For the cross-correlation "
        "take the conjugate of the filter's transform (`np.conj`)."
    )
    crop = (
        "The numbers are right and the crop is not: output (0, 0) is where the filter's corner lies on the corner of "
        "the padded image."
    )
    wrap = (
        "The transform is taken over too few points: windows wrap around to the opposite edge. Transform over the "
        "padded size, H + 2·pad_h by W + 2·pad_w."
    )
    real = (
        "Only the real part of a transform is kept; the imaginary part carries the positions. Take the real part after "
        "the inverse transform."
    )
    touching, unpadded, transforms = (2 * r + padding[0], 2 * s + padding[1]), any(padding), np.fft
    return [
        Hypothesis("wrap-around", lambda: oracle.forward(x, w, (1, 1), padding, "wrap"), wrap),
        Hypothesis("wrap-around", lambda: circular(x, x.shape[2:])[:, :, :p, :q] if unpadded else NOTHING, wrap),
        Hypothesis("wrap-around", lambda: circular(whole, x.shape[2:])[:, :, :p, :q] if unpadded else NOTHING, wrap),
        Hypothesis("no-conjugate", lambda: circular(whole, size, False)[:, :, :p, :q], conjugate),
        Hypothesis("no-conjugate", lambda: oracle.forward(whole, w[:, :, ::-1, ::-1]), conjugate),
        Hypothesis("no-conjugate", lambda: circular(whole, full, False)[:, :, :p, :q], conjugate),
        Hypothesis(
            "conjugate-of-the-image",
            lambda: through(transforms.fft2, transforms.ifft2, conjugate_of="x"),
            "The conjugate is taken of the image's transform; take it of the filter's. The output comes out flipped.",
        ),
        Hypothesis(
            "forward-for-inverse",
            lambda: through(transforms.fft2, transforms.fft2),
            "The inverse transform should be an `ifft2`; it is an `fft2`.",
        ),
        *Hypothesis.each(
            "padding-one-side",
            lambda shape: circular(x, shape)[:, :, :p, :q] if unpadded else NOTHING,
            (size, full),
            "The output begins at (pad_h, pad_w) of the right one. Either the zeros of the padding stand only at the "
            "bottom and at the right, as where the transform is told a larger size (`s=`): pad all four sides before "
            "it. Or the crop begins at (pad_h, pad_w): it begins at (0, 0).",
        ),
        Hypothesis("wrong-crop", lambda: cropped_somewhere(oracle.forward(whole, w, (1, 1), touching)), crop),
        *Hypothesis.each("wrong-crop", lambda shape: rolled(whole, shape), (size, full), crop),
        *Hypothesis.each("no-conjugate", lambda shape: rolled(whole, shape, False), (size, full), conjugate),
        *Hypothesis.each(
            "wrap-around",
            lambda shape: rolled(x, shape) if unpadded else NOTHING,
            (x.shape[2:], (max(x.shape[2], p), max(x.shape[3], q))),
            wrap,
        ),
        Hypothesis(
            "not-cropped",
            uncropped,
            "The first P rows and Q columns are right; the rest, where the window hangs over the edge, "
            "is still there. Crop it away.",
        ),
        Hypothesis(
            "shape-of-the-inverse",
            lambda: through(transforms.rfft2, transforms.irfft2),
            "The inverse transform returns an even number of columns unless it is told the size: pass the shape, "
            "`irfft2(product, shape)`.",
        ),
        *Hypothesis.each(
            "imaginary-lost",
            lambda both: through(transforms.fft2, transforms.ifft2, np.real, kernel_part=both),
            (True, False),
            real,
        ),
        Hypothesis(
            "imaginary-lost",
            lambda: through(transforms.rfft2, partial(transforms.irfft2, s=size), np.real, kernel_part=False),
            real,
        ),
        Hypothesis(
            "axes-of-the-transform",
            lambda: through(transforms.fft, transforms.ifft),
            "The transform runs along the columns only (`fft`); images need both axes (`fft2`).",
        ),
        Hypothesis(
            "axes-of-the-transform",
            lambda: through(transforms.fftn, transforms.ifftn),
            "The transform runs over all four axes (`fftn`); images and channels are not to be transformed: `fft2` "
            "takes the last two.",
        ),
        *(
            Hypothesis(
                "first-axes-transformed",
                lambda axes=axes: through(  # type: ignore[misc]
                    partial(transforms.fft2, axes=axes), partial(transforms.ifft2, axes=axes)
                ),
                f"The transform runs over the axes {axes[0]} and {axes[1]}; rows and columns of the images are the "
                "last two, which `fft2` takes unless it is told others.",
            )
            for axes in ((0, 1), (1, 2), (0, 3), (1, 3))
        ),
        *hypotheses.forward(case, expected),
    ]
