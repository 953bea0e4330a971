"""Different right solutions: other algorithms, other libraries, other types. All must have every point."""

from __future__ import annotations

from typing import Any

from . import right_definition as a
from . import right_later as z
from . import right_lowering as b
from . import right_outside

TORCH_THROUGHOUT = {
    "A-forward": a.TORCH,
    "A-true": a.TRUE_FLIP,
    "B-im2col": b.TORCH_UNFOLD,
    "B-col2im": b.TORCH_FOLD,
    "C-data": b.DATA_TORCH,
    "C-filter": b.FILTER_TORCH,
    "D-max": z.POOL_TORCH,
    "D-average": z.AVERAGE_TORCH,
    "E-dft": z.DFT_TORCH,
    "E-fft": z.FFT_TORCH,
}

LOOPS_THROUGHOUT = {
    "A-size": a.SIZE_BY_RANGE,
    "A-forward": a.SEVEN_LOOPS,
    "A-bias": a.BIAS,
    "B-im2col": b.PIXEL_BY_PIXEL,
    "B-col2im": b.COL2IM_WINDOWS,
    "B-tiled": b.TILES_DEFINITION,
    "C-data": b.DATA_LOOPS,
    "C-filter": b.FILTER_POSITIONS,
    "C-bias": b.BIAS_LOOP,
    "D-max": z.POOL_LOOPS,
    "D-average": z.AVERAGE_LOOPS,
    "E-dft": z.DFT_POWERS,
}

VIEWS_THROUGHOUT = {
    "A-forward": a.SLIDING,
    "B-im2col": b.SLIDING,
    "B-lowered": b.LOWERED_EINSUM,
    "B-tiled": b.TILES_WINDOW_VIEW,
    "C-filter": b.FILTER_EINSUM,
    "C-bias": b.BIAS_EINSUM,
    "D-max": z.POOL_KEEPS_INPUT,
    "E-fft": z.FFT_BY_MATRICES,
}

RIGHT: dict[str, dict[str, Any]] = {
    "the model solution": {},
    "torch throughout": TORCH_THROUGHOUT,
    "loops throughout": LOOPS_THROUGHOUT,
    "views and einsum throughout": VIEWS_THROUGHOUT,
    "size: equation (1) of the paper": {"A-size": a.SIZE_ROUNDED_UP},
    "size: a number of numpy": {"A-size": a.SIZE_NUMPY},
    "definition: nested lists": {"A-forward": a.PLAIN_LISTS},
    "definition: shift and add": {"A-forward": a.SHIFT_AND_ADD},
    "definition: as_strided and tensordot": {"A-forward": a.STRIDED},
    "definition: float32, channels last in memory": {"A-forward": a.FLOAT32},
    "bias: reshaped": {"A-bias": a.BIAS_RESHAPED},
    "bias: channels last and back": {"A-bias": a.BIAS_LAST},
    "true convolution: np.flip": {"A-true": a.TRUE_FLIP},
    "true convolution: the paper's index": {"A-true": a.TRUE_LOOPS},
    "true convolution: reversed in one axis of R·S": {"A-true": a.TRUE_INDEX},
    "im2col and col2im: index arrays, np.add.at": {"B-im2col": b.INDEX_ARRAYS, "B-col2im": b.ADD_AT},
    "im2col: one column at a time": {"B-im2col": b.ONE_COLUMN_AT_A_TIME},
    "lowered: transposed product": {"B-lowered": b.LOWERED_TRANSPOSED},
    "lowered: image by image": {"B-lowered": b.LOWERED_BY_IMAGE},
    "tiles: rows of the output": {"B-tiled": b.TILES_BY_ROW},
    "tiles: one (r, s) at a time": {"B-tiled": b.TILES_OF_CHANNELS},
    "backward-data: window by window": {"C-data": b.DATA_SCATTER},
    "backward-data: a convolution of the spread dy": {"C-data": b.DATA_GATHER},
    "backward-data: torch's transposed convolution": {"C-data": b.DATA_TRANSPOSED},
    "backward-filter: one (r, s) at a time": {"C-filter": b.FILTER_TAPS},
    "bias gradient: reshaped": {"C-bias": b.BIAS_RESHAPED},
    "max pooling: the last of equal ones wins, a dictionary": {"D-max": z.POOL_LAST_WINS},
    "average pooling: as a convolution": {"D-average": z.AVERAGE_AS_CONVOLUTION},
    "DFT: of unit vectors": {"E-dft": z.DFT_OF_UNITS},
    "DFT: cosine and sine": {"E-dft": z.DFT_COS_SIN},
    "FFT: complex, a power of two": {"E-fft": z.FFT_COMPLEX},
    "FFT: the filter flipped": {"E-fft": z.FFT_FLIPPED},
    "FFT: zeros behind, rolled": {"E-fft": z.FFT_NO_EXPLICIT_PADDING},
    "counts: from ConvSpec": {"F-count": z.COUNT_BY_SPEC},
    "counts: from shapes, floats": {"F-count": z.COUNT_BY_SHAPES},
    "roof: a branch at the ridge": {"G-roof": z.ROOF_BRANCH},
    "roof: numpy": {"G-roof": z.ROOF_NUMPY},
    "measured: as in the model solution": {"G-measure": (("errors = {}", "errors = {}  # measured"),)},
    "measured: with an own clock": {"G-measure": z.OWN_CLOCK},
    "measured: several calls a round, a list": {"G-measure": z.SEVERAL_CALLS_A_ROUND},
    "measured: lambdas that keep their function": {"G-measure": z.LAMBDAS},
    **right_outside.RIGHT,
}
