"""`ConvSpec`: the geometry of one convolution, and what it costs before anything is computed.

Chetlur et al., *cuDNN: Efficient Primitives for Deep Learning* (arXiv 1410.0759), Table 1 and equations (1) to (3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from helpers.backend import nearest
from helpers.errors import CourseError

PASSES = ("forward", "backward-data", "backward-filter")


def output_size(size: int, window: int, stride: int, pad: int) -> int:
    """P of equation (1): how often a window fits along one axis, ⌊(size + 2·pad − window) / stride⌋ + 1."""
    return (size + 2 * pad - window) // stride + 1


class SlidingWindow:
    """What convolution and pooling share: windows of R × S that slide over images of H × W in steps of u and v."""

    N: int
    C: int
    H: int
    W: int
    R: int
    S: int
    u: int
    v: int
    pad_h: int
    pad_w: int

    @property
    def P(self) -> int:
        """Rows of the output, equation (1)."""
        return output_size(self.H, self.R, self.u, self.pad_h)

    @property
    def Q(self) -> int:
        """Columns of the output, equation (1)."""
        return output_size(self.W, self.S, self.v, self.pad_w)

    @property
    def x_shape(self) -> tuple[int, int, int, int]:
        """Shape of the images, (N, C, H, W)."""
        return self.N, self.C, self.H, self.W


@dataclass(frozen=True)
class ConvSpec(SlidingWindow):
    """The eleven parameters of a convolution, under the names of the paper's Table 1.

    N images of C channels, H × W; K filters, R × S; strides u (down) and v (across); pad_h rows of zeros above and
    below, pad_w columns left and right. Raises CourseError, in one sentence, for anything that is no convolution.
    """

    N: int
    C: int
    H: int
    W: int
    K: int
    R: int
    S: int
    u: int = 1
    v: int = 1
    pad_h: int = 0
    pad_w: int = 0

    def __post_init__(self) -> None:
        check_whole(self, pads=("pad_h", "pad_w"))
        check_window(self.H, self.R, self.pad_h, "rows", "R", "H", "pad_h")
        check_window(self.W, self.S, self.pad_w, "columns", "S", "W", "pad_w")

    @classmethod
    def of(cls, x: Any, w: Any, stride: int | tuple[int, int] = 1, padding: int | tuple[int, int] = 0) -> ConvSpec:
        """The spec of images x (N, C, H, W) and filters w (K, C, R, S); stride and padding: one number or (down,
        across).
        """
        for name, array, axes in (("images", x, "(N, C, H, W)"), ("filters", w, "(K, C, R, S)")):
            if len(array.shape) != 4:
                raise CourseError(f"The {name} have shape {tuple(array.shape)}; a convolution takes four axes, {axes}.")
        if x.shape[1] != w.shape[1]:
            raise CourseError(
                f"The images have {x.shape[1]} channels and the filters {w.shape[1]}; give both the same C."
            )
        (n, c, h, width), (k, _, r, s) = x.shape, w.shape
        return cls(n, c, h, width, k, r, s, *pair(stride), *pair(padding))

    @property
    def w_shape(self) -> tuple[int, int, int, int]:
        """Shape of the filters, (K, C, R, S)."""
        return self.K, self.C, self.R, self.S

    @property
    def y_shape(self) -> tuple[int, int, int, int]:
        """Shape of the output, (N, K, P, Q)."""
        return self.N, self.K, self.P, self.Q

    @property
    def flops(self) -> int:
        """Floating-point operations of one pass by the definition, 2·N·K·C·R·S·P·Q; each pass has as many."""
        return _counts().flops(self)

    @property
    def elements(self) -> int:
        """Numbers in images, filters and output together."""
        return _counts().elements(self)

    def bytes_moved(self, itemsize: int = 4) -> int:
        """Bytes that any algorithm must move: two of images, filters and output read once, the third written once."""
        return self.elements * itemsize

    def intensity(self, itemsize: int = 4) -> float:
        """Arithmetic intensity, FLOPs per byte, of an algorithm that moves each number once."""
        return self.flops / self.bytes_moved(itemsize)

    @property
    def lowered_shape(self) -> tuple[int, int]:
        """Shape of D_m, the lowered images: (C·R·S, N·P·Q)."""
        return _counts().lowered_shape(self)

    def lowered_bytes(self, itemsize: int = 4) -> int:
        """Bytes of D_m, which explicit lowering keeps in memory."""
        rows, columns = self.lowered_shape
        return rows * columns * itemsize

    def workspace(self, algorithm: str, which: str = "forward", itemsize: int = 4, chwn: bool = False) -> int:
        """Bytes of auxiliary memory that a numpy algorithm ("im2col", "tiled", …) needs for a pass.

        chwn: for images that are fastest in memory. Images in any order but NCHW and CHWN are copied first.
        """
        from helpers.primitives.registry import get

        return get(algorithm).workspace(self, check_pass(which), itemsize, 1 if chwn else self.N)

    def with_images(self, n: int) -> ConvSpec:
        """The same convolution of n images."""
        return replace(self, N=n)

    def __str__(self) -> str:
        def of(a: int, b: int, between: str = "×") -> str:
            return f"{a}{between}{b}"

        text = f"{self.N}×{self.C}×{of(self.H, self.W)} → {self.K}, {of(self.R, self.S)}"
        if (self.u, self.v) != (1, 1):
            text += f", stride {self.u}" + (f", {self.v}" if self.u != self.v else "")
        if (self.pad_h, self.pad_w) != (0, 0):
            text += f", pad {self.pad_h}" + (f", {self.pad_w}" if self.pad_h != self.pad_w else "")
        return text


def _counts() -> Any:
    from helpers.primitives import counts  # where counting is an exercise it may not be there

    return counts


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """(down, across) of one number or a pair."""
    if isinstance(value, tuple | list):
        if len(value) != 2:
            raise CourseError(f"{value!r} is not a pair; give one number or two, (down, across).")
        return value[0], value[1]
    return value, value


def check_whole(spec: Any, pads: tuple[str, ...]) -> None:
    """A CourseError unless every field is a whole number, at least 1 (paddings: at least 0)."""
    for name, value in vars(spec).items():
        least = 0 if name in pads else 1
        try:
            whole = not isinstance(value, bool) and int(value) == value
        except (TypeError, ValueError):
            whole = False
        if not whole or value < least:
            raise CourseError(f"{name}={value!r} is not a size; give a whole number of at least {least}.")
        object.__setattr__(spec, name, int(value))


def check_window(size: int, window: int, pad: int, what: str, r: str, h: str, p: str) -> None:
    """A CourseError if the window does not fit even once."""
    if window > size + 2 * pad:
        raise CourseError(
            f"A window of {window} {what} does not fit into {size} {what} with padding {pad}: "
            f"{r}={window} is larger than {h} + 2·{p} = {size + 2 * pad}; take a smaller window or more padding."
        )


def check_pass(which: str) -> str:
    """`which` if it is one of the three passes, else a CourseError."""
    if which not in PASSES:
        raise CourseError(f"There is no pass {which!r}{nearest(which, PASSES)}; choose one of {', '.join(PASSES)}.")
    return which


PAPER_LAYERS = {
    "L1": ConvSpec(128, 3, 128, 128, 96, 11, 11),
    "L2": ConvSpec(128, 96, 64, 64, 128, 9, 9),
    "L3": ConvSpec(128, 128, 32, 32, 128, 9, 9),
    "L4": ConvSpec(128, 128, 16, 16, 128, 7, 7),
    "L5": ConvSpec(128, 128, 13, 13, 384, 3, 3),
}
"""The paper's Table 2, with its mini-batch of 128."""
