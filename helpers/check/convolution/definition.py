"""Checks of Part A: the output's size, convolution from its definition, the bias, and the flipped one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core import convolution_oracle as oracle
from helpers.check.core.ask import Answer, array, ask, number
from helpers.check.core.compare import Hypothesis, close, verify
from helpers.check.core.geometries import Convolution, convolutions
from helpers.check.core.hypotheses import convolution as hypotheses
from helpers.check.core.hypotheses.windows import advice
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check


@check("Output size", "A1")
def output_size(output_size: Any, *, seed: int = 0) -> Iterator[str]:
    """⌊(size + 2·pad − window) / stride⌋ + 1 as a whole number."""
    cases = _sizes(seed)
    seen = ask(calls, "output_size", output_size, cases, advice=advice)
    found = []
    for i in range(len(cases)):
        value = seen[str(i)]
        found.append(number(value, "the result of output_size"))
        if found[-1] % 1 == 0 and not hasattr(value, "__index__"):
            raise Mistake(
                "size-not-whole",
                f"output_size returns {value!r}, of type {type(value).__name__}. A size is used in `range` and as a "
                "shape: divide with `//`.",
            )
    got, (h, r, u, p) = np.array(found), np.array(cases, dtype=float).T
    right = (h + 2 * p - r) // u + 1
    try:
        verify(got, right, "what output_size returns", partial(_size_hypotheses, h, r, u, p))
    except Mistake as mistake:
        if mistake.name != "differs":
            raise
        i = int(np.flatnonzero(got != right)[0])
        raise Mistake(
            "differs",
            f"output_size{cases[i]} returns {found[i]:g}; it should be {right[i]:g}. "
            "The arguments are size, window, stride, pad.",
        ) from None
    yield f"{len(cases)} sizes, with and without padding, where windows fit exactly and where they do not"


def _sizes(seed: int) -> list[tuple[int, int, int, int]]:
    """(size, window, stride, pad): strides 1 to 4, with and without padding and a rest; windows that just fit."""
    rng = np.random.default_rng([seed, 1])
    sizes = []
    for stride, pad, rest in ((1, 0, 0), (1, 2, 0), (2, 0, 1), (3, 1, 0), (3, 1, 2), (4, 2, 3)):
        window, out = int(rng.integers(2 * pad + 2, 2 * pad + 6)), int(rng.integers(3, 9))
        sizes.append((stride * (out - 1) + window + rest - 2 * pad, window, stride, pad))
    window = int(rng.integers(5, 9))
    return [*sizes, (window, window, 2, 0), (1, 1, 1, 0)]


def _size_hypotheses(h: np.ndarray, r: np.ndarray, u: np.ndarray, p: np.ndarray) -> list[Hypothesis]:
    inside, window = h + 2 * p - r, "The window's size is not subtracted: its last position is size − window."
    up = "so that the last window hangs over the edge. Round down (`//`) and add 1."
    return [
        Hypothesis(
            "size-not-rounded",
            inside / u + 1,
            "The size is not a whole number. A window that would hang over the edge is left out: divide with `//`, "
            "which rounds down.",
        ),
        Hypothesis(
            "plus-one-missing",
            inside // u,
            "The size is one too small: the window at position 0 counts, too (`+ 1`, after the division).",
        ),
        Hypothesis(
            "plus-one-inside",
            (inside + 1) // u,
            "The 1 is added before the division; it belongs after it. "
            "(Equation (1) of the paper has it inside, and rounds up.)",
        ),
        Hypothesis(
            "last-position-lost",
            np.ceil(inside / u),
            "A window that ends exactly at the edge is left out. Positions run from 0 to size + 2·pad − window, and "
            "`range` and `arange` leave out the end that they are given: add 1 to it.",
        ),
        Hypothesis(
            "window-one-smaller",
            (inside + 1) // u + 1,
            "window − 1 is subtracted, and 1 is added after the division, too: where the stride is 1 there is one "
            "position too many. Subtract the window.",
        ),
        Hypothesis("size-rounded-up", np.ceil(inside / u) + 1, f"The division is rounded up, {up}"),
        Hypothesis("size-rounded-up", np.round(inside / u) + 1, f"The division is rounded to the nearest number, {up}"),
        Hypothesis(
            "padding-once", (h + p - r) // u + 1, "The padding is counted once; it lies on both sides: 2 · pad."
        ),
        Hypothesis("padding-ignored", (h - r) // u + 1, "The padding is not counted: the image grows by 2 · pad."),
        Hypothesis(
            "padding-subtracted",
            (h - 2 * p - r) // u + 1,
            "The padding is subtracted; it makes the image larger: + 2 · pad.",
        ),
        *(
            Hypothesis(
                "padding-divided-apart",
                outside,
                "The padding is not divided by the stride together with the rest (or is multiplied by it before): size "
                "+ 2·pad − window is divided as a whole, and rounded once.",
            )
            for outside in ((h - r) // u + 2 * p + 1, (h - r) // u + 2 * p // u + 1, (h - r) // u + 2 * (p // u) + 1)
        ),
        Hypothesis("stride-ignored", inside + 1, "The stride is not used: divide by it, rounded down."),
        Hypothesis("window-ignored", (h + 2 * p) // u + 1, window),
        Hypothesis("window-ignored", (h + 2 * p) // u, window),
        Hypothesis(
            "parentheses-missing",
            h + 2 * p - r // u + 1,
            "Only the window is divided by the stride: there are no parentheses around size + 2 · pad − window.",
        ),
    ]


@check("Convolution from the definition", "A2", builds_on="`output_size`, if you used it", after="A1")
def forward(conv_forward: Any, *, seed: int = 0) -> Iterator[str]:
    """Cross-correlation (N, K, P, Q) for any stride, padding and rectangular filter."""
    yield from forward_steps(conv_forward, "conv_forward", seed)


def forward_steps(function: Any, what: str, seed: int) -> Iterator[str]:
    """A student's cross-correlation of this name, function(x, w, stride, padding)."""
    cases = convolutions(seed)
    seen = ask(calls, what, function, [(c.x, c.w, *c.geometry) for c in with_float32(cases)], ("x", "w"), advice=advice)
    for i, case in enumerate(cases):
        expected = oracle.forward(case.x, case.w, *case.geometry)
        verify_output(seen.array(str(i), f"the result of {what}"), expected, case)
        yield case.label
    other = with_float32(cases)[-1]
    expected, wanted = (oracle.forward(c.x, c.w, *c.geometry) for c in (cases[0], other))
    yield float32_too(seen, len(cases), expected, what, wanted)


def verify_output(got: np.ndarray, expected: np.ndarray, case: Convolution) -> None:
    """The output of a convolution."""
    what = f"the output for {case.label}"
    verify(got, expected, what, partial(hypotheses.forward, case, expected), shape=hypotheses.output_shape(case))


def with_float32(cases: list[Convolution]) -> list[Convolution]:
    """The cases; the first one again in float32, as it comes in practice; and once more with other numbers."""
    arrays, geometry = (cases[0].x, cases[0].w, cases[0].dy), cases[0].geometry
    x, w, dy = (a.astype(np.float32) for a in arrays)
    other_x, other_w, other_dy = (a[::-1, ::-1, ::-1, ::-1].copy() for a in arrays)
    return [*cases, Convolution(x, w, dy, *geometry), Convolution(other_x, other_w, other_dy, *geometry)]


def float32_too(
    seen: Answer, number: int, expected: np.ndarray, what: str, other: np.ndarray | None = None, reordered: bool = False
) -> str:
    """That the result noted under this number, of the case in float32, is right, too.

    other: the result of the case behind it, with other numbers; the first result must stay what it is meanwhile.
    reordered: whether that one's images lie in memory in another order.
    """
    if not close(array(seen[str(number)], f"the result of {what}"), expected):
        raise Mistake(
            "float32-fails",
            f"{what} is right for float64 arrays and wrong for float32 ones. Keep the dtype of the input.",
        )
    if other is not None:
        found, first = (array(seen[name], f"the result of {what}") for name in (str(number + 1), "first, later"))
        if not close(first, expected) or close(found, expected):
            raise Mistake(
                "kept-between-calls",
                f"{what} is right once, and not when it is called again with other numbers in arrays of the same "
                "shapes: an array that is kept outside of the function is used again, so that one result overwrites "
                "another. Make a new array in each call.",
            )
        if not close(found, other) and not reordered:
            adds = close(found, other + expected)
            raise Mistake(
                "kept-between-calls",
                f"{what} is right once, and not when it is called again with other numbers in arrays of the same "
                f"shapes: {'the second result has the first one added in' if adds else 'something is kept'}. Make "
                "all that it adds to, or remembers, anew in each call"
                f"{' (a gradient of PyTorch adds up until it is set back)' if adds else ''}.",
            )
        if not close(found, other):
            raise Mistake(
                "memory-order",
                f"{what} is wrong where x lies in memory in another order than its axes are, as after a transpose. "
                "With `as_strided`, compute the strides from `x.strides`.",
            )
    return "float32; inputs unchanged"


@check("Bias", "A3")
def bias(add_bias: Any, *, seed: int = 0) -> Iterator[str]:
    """y + b over axis 1, into a new array; and where numpy's broadcasting would do something else."""
    rng = np.random.default_rng([seed, 2])
    cases: list[tuple[np.ndarray, np.ndarray]] = [(y, rng.normal(size=(y.shape[1],))) for y in _outputs(seed)]
    seen = ask(calls, "add_bias", add_bias, cases, ("y", "b"), advice=advice)
    for i, (y, b) in enumerate(cases):
        got = seen.array(str(i), "the result of add_bias")
        verify(got, y + b[:, None, None], "the output", partial(hypotheses.bias, y, b))
    yield "one number per filter, for every image and pixel; y unchanged"


def _outputs(seed: int) -> list[np.ndarray]:
    """(N, K, P, Q): sizes that differ; those with which broadcasting along a wrong axis works; one image; as many
    images as filters."""
    rng = np.random.default_rng([seed, 3])
    p, q, *counts = (int(size) for size in rng.permutation([3, 4, 5, 6, 7])[:4])
    (n, k), same = sorted(counts), int(rng.integers(3, 6))
    return [rng.normal(size=shape) for shape in ((n, k, p, q), (n, same, same, same), (1, k, p, q), (k, k, p, q))]


@check("True convolution", "A4", builds_on="`conv_forward`, if you used it", after="A1 A2")
def true_convolution(true_convolution: Any, *, seed: int = 0) -> Iterator[str]:
    """The paper's equation (3): the filter is flipped along R and S."""
    cases, what = convolutions(seed), "true_convolution"
    asked = [(c.x, c.w, *c.geometry) for c in with_float32(cases)]
    seen = ask(calls, what, true_convolution, asked, ("x", "w"), advice=advice)
    for i, case in enumerate(cases):
        expected = oracle.forward(case.x, case.w[:, :, ::-1, ::-1], *case.geometry)
        got, shape = seen.array(str(i), f"the result of {what}"), hypotheses.output_shape(case)
        verify(got, expected, f"the output for {case.label}", partial(_true_hypotheses, case, expected), shape=shape)
        yield case.label
    pair = cases[0], with_float32(cases)[-1]
    expected, wanted = (oracle.forward(c.x, c.w[:, :, ::-1, ::-1], *c.geometry) for c in pair)
    yield float32_too(seen, len(cases), expected, what, wanted)


def _true_hypotheses(case: Convolution, expected: np.ndarray) -> list[Hypothesis]:
    x, w = case.x, case.w
    flipped = Convolution(x, np.ascontiguousarray(w[:, :, ::-1, ::-1]), case.dy, *case.geometry)

    def run(filters: np.ndarray, images: np.ndarray = x) -> np.ndarray:
        return oracle.forward(images, filters, *case.geometry)

    axes = "Flip along R and S only."
    return [
        Hypothesis(
            "filter-not-flipped",
            lambda: run(w),
            "The filter is not flipped: this is a cross-correlation. Flip the filter along both axes, R and S. (If the "
            "check of A2 says that `conv_forward` flips it, fix that first.)",
        ),
        Hypothesis(
            "flipped-one-axis", lambda: run(w[:, :, ::-1]), "The filter is flipped along R only; flip it along S, too."
        ),
        Hypothesis(
            "flipped-one-axis", lambda: run(w[..., ::-1]), "The filter is flipped along S only; flip it along R, too."
        ),
        Hypothesis(
            "flipped-channels",
            lambda: run(w[:, ::-1, ::-1, ::-1]),
            f"The channels are reversed, too. {axes} Channel c still belongs to channel c.",
        ),
        Hypothesis(
            "flipped-channels",
            lambda: run(w[::-1, :, ::-1, ::-1]),
            f"The order of the filters is reversed, too. {axes}",
        ),
        Hypothesis("flipped-channels", lambda: run(w[::-1, ::-1, ::-1, ::-1]), f"All axes of w are reversed. {axes}"),
        Hypothesis(
            "flipped-channels", lambda: run(w[::-1, ::-1]), "K and C are reversed; flip R and S, the last two axes."
        ),
        Hypothesis(
            "image-flipped",
            lambda: run(w, x[:, :, ::-1, ::-1]),
            "The image is flipped instead of the filter: the values come out in the reverse order.",
        ),
        Hypothesis(
            "filter-transposed",
            lambda: run(w.transpose(0, 1, 3, 2)),
            "R and S are exchanged (a transpose); flipping reverses each of the two axes, `[::-1]`.",
        ),
        *Hypothesis.each(
            "quarter-turn",
            lambda turns: run(np.rot90(w, turns, axes=(2, 3))),
            (1, 3),
            "The filter is rotated by 90°, which makes it S × R instead of R × S; flip both axes, a rotation by 180°.",
        ),
        Hypothesis(
            "windows-from-the-far-edge",
            lambda: run(w, x[:, :, ::-1, ::-1])[:, :, ::-1, ::-1],
            "The image and the output are flipped in place of the filter. The windows are then counted from the far "
            "edge, where a stride can leave out other rows and columns: flip the filter.",
        ),
        Hypothesis(
            "transposed-convolution",
            lambda: oracle.forward(x, w[:, :, ::-1, ::-1], (1, 1), (w.shape[2] - 1, w.shape[3] - 1)),
            "The output is larger than the image: this is PyTorch's transposed convolution, in which windows also hang "
            "over the edge. Flip the filter, and convolve as in A2.",
        ),
        Hypothesis("output-flipped", lambda: run(w)[:, :, ::-1, ::-1], "The output is flipped instead of the filter."),
        *hypotheses.forward(flipped, expected),
    ]
