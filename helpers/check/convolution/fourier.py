"""Checks of Part E: the DFT as a matrix, convolution by the FFT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from helpers.backend import to_numpy
from helpers.check.convolution.definition import forward_guesses, output_shape
from helpers.check.core import conv_oracle as oracle
from helpers.check.core import conv_slips as slips
from helpers.check.core.calls import array, call
from helpers.check.core.compare import close
from helpers.check.core.conv_cases import Case, Guess, Sizes, settle, value_of
from helpers.check.core.reach import as_array
from helpers.check.core.report import Mistake, check

AT_STRIDE_1: tuple[Sizes, ...] = (
    (2, 3, 9, 12, 7, 4, 5, 1, 1, 0, 0),
    (2, 3, 8, 9, 7, 5, 4, 1, 1, 1, 2),
    (3, 2, 7, 10, 5, 3, 1, 1, 1, 2, 0),
    (1, 1, 5, 4, 1, 2, 1, 1, 1, 0, 0),
)


def _complex(value: Any, what: str) -> np.ndarray:
    """A student's result as complex numbers; real ones may come, too."""
    value = as_array(value)
    try:
        found = np.asarray(to_numpy(value))
        if found.dtype.kind == "c":
            return found.astype(np.complex128)
    except Exception:
        found = None
    return array(value, what).astype(np.complex128)


@check("DFT matrix", "E1")
def dft_matrix(dft_matrix: Any, *, sizes: Sequence[int] = (5, 8, 1)) -> Iterator[str]:
    """T[j, k] = e^(−2πi·j·k/n): T @ x is the discrete Fourier transform of x."""
    for n in sizes:
        got = _complex(call(dft_matrix, n, what="dft_matrix"), "the result of dft_matrix")
        jk = np.outer(np.arange(n), np.arange(n))
        expected = np.exp(-2j * np.pi * jk / n)
        wrong: tuple[tuple[str, Any, str], ...] = (
            ("sign-of-the-exponent", expected.conj(), "The exponent has the wrong sign: this is the matrix of the inverse transform (without its 1/n). Here it is −2πi·j·k/n."),
            ("two-pi-missing", np.exp(-1j * jk / n), "2π is missing in the exponent: −2πi·j·k/n."),
            ("two-pi-missing", np.exp(-1j * np.pi * jk / n), "The exponent is half of what it should be: −2πi·j·k/n."),
            ("sign-of-the-exponent", expected.conj() / n, "This is the matrix of the inverse transform: its exponent has the other sign, and it is divided by n. Here it is −2πi·j·k/n, without a factor."),
            ("two-pi-missing", np.exp(-2j * jk / n), "π is missing in the exponent: −2πi·j·k/n."),
            ("imaginary-missing", expected.real, "Only the real part is left, the cosines. The matrix is complex: cos − i·sin."),
            ("imaginary-missing", np.exp(-2 * np.pi * jk / n), "The i is missing in the exponent (`1j` in Python), so the entries decay instead of lying on the unit circle."),
            ("normalised", expected / n, "The matrix is divided by n. That factor belongs to the inverse transform."),
            ("normalised", expected / np.sqrt(n), "The matrix is divided by √n. That is a possible convention; here, as in numpy, the transform has no factor and its inverse has 1/n."),
            ("counted-from-one", np.exp(-2j * np.pi * np.outer(np.arange(1, n + 1), np.arange(1, n + 1)) / n), "j and k count from 0, so that the first row and column are ones."),
            ("n-missing", np.exp(-2j * np.pi * jk), "The division by n is missing: every exponent is a whole number of turns, so every entry is 1."),
            ("sum-for-product", np.exp(-2j * np.pi * np.add.outer(np.arange(n), np.arange(n)) / n), "j and k are added in the exponent; they are multiplied."),
        )
        if got.shape != expected.shape:
            raise Mistake("wrong-shape", f"The matrix has shape {got.shape}; it should be ({n}, {n})." + (" Every j is multiplied by every k: `np.outer(j, k)`." if got.shape == (n,) else ""))
        both = _parts(got)
        if not close(both, _parts(expected)):
            named = next((Mistake(name, hint) for name, value, hint in wrong if n > 2 and close(both, _parts(np.asarray(value, dtype=complex)))), None)
            if named:
                raise named
            settle(both, _parts(expected), "the matrix (its real part, then its imaginary part)", list)
    yield f"entries for n = {', '.join(map(str, sizes))}"


def _parts(a: np.ndarray) -> np.ndarray:
    return np.stack([a.real, a.imag])


@check("Convolution by the FFT", "E2")
def fft(conv_fft: Any, *, seed: int = 0, sizes: Sequence[Sizes] = AT_STRIDE_1) -> Iterator[str]:
    """Cross-correlation at stride 1 through the frequency domain, real and of shape (N, K, P, Q)."""
    for each in sizes:
        case = Case.of(each, seed)
        expected = oracle.forward(case.x, case.w, (1, 1), case.padding)
        value = value_of(conv_fft, case.x, case.w, case.padding, what="conv_fft")
        found = _complex(value, "the result of conv_fft")
        if getattr(to_numpy(value), "dtype", np.dtype(float)).kind == "c":
            real = close(found.real, expected)
            raise Mistake("real-part-forgotten", "The result is complex. Images and filters are real, so the result is, too: return its real part (`.real`), or use rfft2 and irfft2." + ("" if real else " The real parts are not right yet, either."))
        settle(found.real, expected, f"the output for padding {case.padding}", partial(_fft_guesses, case, expected, found.real), shape=partial(output_shape, case))
        yield f"padding {case.padding}" if case.x.size > 50 else "one image, one channel, one filter"
    case = Case.of(sizes[0], seed)
    got = array(value_of(conv_fft, case.x.astype(np.float32), case.w.astype(np.float32), case.padding, what="conv_fft"), "the result of conv_fft")
    if not close(got, oracle.forward(case.x, case.w, (1, 1), case.padding)):
        raise Mistake("float32-fails", "conv_fft is right for float64 arrays and wrong for float32 ones.")
    yield "float32; x and w unchanged"


def _fft_guesses(case: Case, expected: np.ndarray, got: np.ndarray) -> list[Guess]:
    x, w, padding = case.x, case.w, case.padding
    (_, _, p, q), (r, s) = expected.shape, case.window
    whole = oracle.padded(x, padding)
    height, width = whole.shape[2:]

    def circular(images: np.ndarray, filters: np.ndarray, conjugate: bool, shape: tuple[int, ...]) -> np.ndarray:
        product = np.einsum("nchw,kchw->nkhw", np.fft.fft2(images, shape), np.conj(np.fft.fft2(filters, shape)) if conjugate else np.fft.fft2(filters, shape))
        return np.fft.ifft2(product).real

    def linear(filters: np.ndarray) -> np.ndarray:
        """All positions at which image and filter touch, with plenty of zeros around."""
        return oracle.forward(whole, filters, (1, 1), (2 * r + padding[0], 2 * s + padding[1]))

    def moved() -> np.ndarray:
        """Another part of all positions, if the result is one."""
        every = linear(w)
        for i in range(every.shape[2] - p + 1):
            for j in range(every.shape[3] - q + 1):
                if close(got, every[:, :, i : i + p, j : j + q]):
                    return every[:, :, i : i + p, j : j + q]
        return np.full(3, np.nan)

    def rolled(conjugate: bool, images: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """A circular result, cropped anywhere, if the result is one."""
        every = np.tile(circular(images, w, conjugate, shape), (1, 1, 2, 2))
        for i in range(shape[0]):
            for j in range(shape[1]):
                if close(got, every[:, :, i : i + p, j : j + q]):
                    return got
        return np.full(3, np.nan)

    conj = "The product of the transforms is a true convolution: the filter comes out flipped. For the cross-correlation take the conjugate of the filter's transform (`np.conj`)."
    crop = "The numbers are right and the crop is not: output (0, 0) is where the filter's corner lies on the corner of the padded image."
    wrap = "The transform is taken over too few points: windows wrap around to the opposite edge. Transform over the padded size, H + 2·pad_h by W + 2·pad_w."
    full = (height + r - 1, width + s - 1)
    return [
        Guess("wrap-around", lambda: oracle.forward(x, w, (1, 1), padding, "wrap"), wrap),
        Guess("wrap-around", lambda: circular(x, w, True, x.shape[2:])[:, :, :p, :q] if any(padding) else np.empty(0), wrap),
        Guess("no-conjugate", lambda: circular(whole, w, False, (height, width))[:, :, :p, :q], conj),
        Guess("no-conjugate", lambda: oracle.forward(whole, w[:, :, ::-1, ::-1], (1, 1), (0, 0)), conj),
        Guess("no-conjugate", lambda: circular(whole, w, False, full)[:, :, :p, :q], conj),
        Guess("conjugate-of-the-image", lambda: np.fft.ifft2(np.einsum("nchw,kchw->nkhw", np.conj(np.fft.fft2(whole)), np.fft.fft2(w, (height, width)))).real[:, :, :p, :q], "The conjugate is taken of the image's transform; take it of the filter's. The output comes out flipped."),
        Guess("forward-for-inverse", lambda: np.fft.fft2(np.einsum("nchw,kchw->nkhw", np.fft.fft2(whole), np.conj(np.fft.fft2(w, (height, width))))).real[:, :, :p, :q], "The inverse transform should be an `ifft2`; it is an `fft2`."),
        Guess("wrong-crop", moved, crop),
        Guess("wrong-crop", lambda: rolled(True, whole, (height, width)), crop),
        Guess("wrong-crop", lambda: rolled(True, whole, full), crop),
        Guess("no-conjugate", lambda: rolled(False, whole, (height, width)), conj),
        Guess("no-conjugate", lambda: rolled(False, whole, full), conj),
        Guess("wrap-around", lambda: rolled(True, x, x.shape[2:]) if any(padding) else np.empty(0), wrap),
        *slips.fourier(case, got, expected),
        *forward_guesses(case, expected),
    ]
