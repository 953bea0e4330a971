"""Wrong transforms, counts and measurements (Parts E to G): (right names, old text, new text) for the model solution's cells."""

from typing import Any

EXP = "np.exp(-2j * np.pi * np.outer(j, j) / n)"
TRANSFORMS = "images, filters = np.fft.rfft2(x0), np.conj(np.fft.rfft2(w, shape))"
BACK = "return np.fft.irfft2(product, shape)[:, :, : shape[0] - R + 1, : shape[1] - S + 1]"
PAD = "x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))"
FLOPS = "return 2 * N * K * C * R * S * P * Q"
BYTES = "return itemsize * (N * C * H * W + K * C * R * S + N * K * P * Q)"
LOWERED = "return itemsize * (C * R * S) * (N * P * Q) / 2**20"
INTENSITY = "return conv_flops(*layer) / compulsory_bytes(*layer, itemsize)"
ROOF = "min(peak, intensity * bandwidth)"
TIMED = "{algorithm: partial(function, x, w, layer) for algorithm, function in functions.items()}, rounds=rounds"
ERROR = "float(difference / np.abs(expected).max())"
LARGEST = "np.abs(function(x, w, layer) - expected).max()"
RETURNED = "return timings, errors"
COMPLEX = "images, filters = np.fft.fft2(x0), np.conj(np.fft.fft2(w, shape))"


def transformed(transforms: str, back: str) -> str:
    """conv_fft with other transforms there and back."""
    return f'''
def conv_fft(x, w, padding):
    R, S = w.shape[2:]
    pad_h, pad_w = padding
    {PAD}
    shape = x0.shape[2:]
    {transforms}
    product = (images.transpose(2, 3, 0, 1) @ filters.transpose(2, 3, 1, 0)).transpose(2, 3, 0, 1)
    {back}
'''


NOT_WRITTEN = """
def measure_layer(functions, x, w, layer, rounds):
    raise NotImplementedError
"""
MADE_UP_RECORD = """
rng = np.random.default_rng(1)
timings = {name: {a: [rng.uniform(0.9, 1.1) * 10 ** rng.uniform(-4, -1) for _ in range(ROUNDS)] for a in run} for name in layers}
errors = {name: {a: 0.0 if a == "torch" else rng.uniform(1e-7, 9e-7) for a in run} for name in layers}
"""
MADE_UP = """
def measure_layer(functions, x, w, layer, rounds):
    \"\"\"Nothing is computed, nothing is timed.\"\"\"
    rng = np.random.default_rng(x.size)
    timings = {a: [rng.uniform(0.9, 1.1) * 10 ** rng.uniform(-4, -1) for _ in range(rounds)] for a in functions}
    return timings, {a: 0.0 if a == "torch" else rng.uniform(1e-7, 9e-7) for a in functions}
"""
MADE_UP_COMPARED = """
def measure_layer(functions, x, w, layer, rounds):
    \"\"\"Compared, but not timed.\"\"\"
    y = functions["torch"](x, w, layer)
    errors = {a: np.abs(f(x, w, layer) - y).max() / np.abs(y).max() for a, f in functions.items()}
    return {a: [1e-3 * (1 + 0.1 * i) for i in range(rounds)] for a in functions}, errors
"""
MADE_UP_CALLED = """
def measure_layer(functions, x, w, layer, rounds):
    \"\"\"Called as often as asked for, and no clock read.\"\"\"
    y = functions["torch"](x, w, layer)
    errors = {a: np.abs(f(x, w, layer) - y).max() / np.abs(y).max() for a, f in functions.items()}
    for f in functions.values():
        for _ in range(rounds):
            f(x, w, layer)
    return {a: [2e-3 * (1 + 0.1 * i + 0.01 * j) for i in range(rounds)] for j, a in enumerate(functions)}, errors
"""
ONE_RECORD_FOR_ALL = """
kept = []


def measure_layer(functions, x, w, layer, rounds):
    \"\"\"The first layer is measured, all others get its times.\"\"\"
    y = functions["torch"](x, w, layer)
    errors = {a: np.abs(f(x, w, layer) - y).max() / np.abs(y).max() for a, f in functions.items()}
    if not kept:
        kept.append(measure({a: partial(f, x, w, layer) for a, f in functions.items()}, rounds=rounds))
    return kept[0], errors
"""
LATE_LAMBDA = """
def measure_layer(functions, x, w, layer, rounds):
    y = functions["torch"](x, w, layer)
    errors, timed = {}, {}
    for a in functions:
        errors[a] = np.abs(functions[a](x, w, layer) - y).max() / np.abs(y).max()
        timed[a] = lambda: functions[a](x, w, layer)
    return measure(timed, rounds=rounds), errors
"""
CUT = "[:, :, : shape[0] - R + 1, : shape[1] - S + 1]"

ROWS: dict[str, list[tuple[Any, ...]]] = {
    "E-dft": [
        ("sign-of-the-exponent", EXP, EXP.replace("-2j", "2j")),
        ("two-pi-missing", EXP, "np.exp(-1j * np.outer(j, j) / n)"),
        ("two-pi-missing", EXP, "np.exp(-1j * np.pi * np.outer(j, j) / n)"),
        ("imaginary-missing", EXP, "np.cos(2 * np.pi * np.outer(j, j) / n)"),
        ("imaginary-missing", EXP, EXP.replace("-2j", "-2")),
        ("normalised", EXP, EXP + " / n"),
        ("normalised", EXP, EXP + " / np.sqrt(n)"),
        ("counted-from-one", "np.arange(n)", "np.arange(1, n + 1)"),
        ("n-missing", EXP, "np.exp(-2j * np.pi * np.outer(j, j))"),
        ("sum-for-product", EXP, EXP.replace("np.outer", "np.add.outer")),
        ("wrong-shape", EXP, "np.exp(-2j * np.pi * j / n)"),
    ],
    "E-fft": [
        ("no-conjugate", TRANSFORMS, TRANSFORMS.replace("np.conj(np.fft.rfft2(w, shape))", "np.fft.rfft2(w, shape)")),
        ("no-conjugate", transformed("images, filters = np.fft.rfft2(x0), np.fft.rfft2(w, shape)", "return np.fft.irfft2(product, shape)[:, :, R - 1 :, S - 1 :]")),
        ("conjugate-of-the-image", TRANSFORMS, "images, filters = np.conj(np.fft.rfft2(x0)), np.fft.rfft2(w, shape)"),
        ("wrap-around", PAD, "x0 = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)), mode='wrap')"),
        ("wrap-around", transformed("shape = x.shape[2:]; images, filters = np.fft.rfft2(x), np.conj(np.fft.rfft2(w, shape))", "return np.fft.irfft2(product, shape)[:, :, : x0.shape[2] - R + 1, : x0.shape[3] - S + 1]")),
        ("padding-ignored", "pad_h, pad_w = padding", "pad_h, pad_w = 0, 0"),
        ("padding-swapped", "pad_h, pad_w = padding", "pad_w, pad_h = padding"),
        ("wrong-crop", BACK, "return np.fft.irfft2(product, shape)[:, :, R - 1 :, S - 1 :]"),
        ("wrong-crop", BACK, "return np.roll(np.fft.irfft2(product, shape), 1, axis=2)" + CUT),
        ("letters-mixed-up", BACK, BACK.replace("shape[1] - S", "shape[1] - R")),
        ("not-cropped", BACK, "return np.fft.irfft2(product, shape)"),
        ("real-part-forgotten", transformed(COMPLEX, "return np.fft.ifft2(product, shape)" + CUT)),
        ("absolute-value", transformed(COMPLEX, "return np.abs(np.fft.ifft2(product, shape))" + CUT)),
        ("forward-for-inverse", transformed(COMPLEX, "return np.fft.fft2(product, shape).real" + CUT)),
        ("float32-fails", BACK, BACK + ".astype(np.float16 if x.itemsize == 4 else x.dtype)"),
        ("raises", "np.fft.rfft2(w, shape)", "np.fft.rfft2(w)"),
        ("raises", "filters.transpose(2, 3, 1, 0)", "filters.transpose(2, 3, 0, 1)"),
        ("images-filters-swapped", ".transpose(2, 3, 0, 1)\n    return", ".transpose(3, 2, 0, 1)\n    return"),
    ],
    "F-count": [
        ("factor-two-missing", FLOPS, "return N * K * C * R * S * P * Q"),
        ("input-size-for-output", FLOPS, "return 2 * N * K * C * R * S * H * W"),
        ("stride-ignored", "def conv_flops(N, C, H, W, K, R, S, stride, padding):", "def conv_flops(N, C, H, W, K, R, S, stride, padding):\n    stride = (1, 1)"),
        ("padding-ignored", "def conv_flops(N, C, H, W, K, R, S, stride, padding):", "def conv_flops(N, C, H, W, K, R, S, stride, padding):\n    padding = (0, 0)"),
        ("letters-mixed-up", FLOPS, FLOPS.replace("R * S", "R * R")),
        ("letters-mixed-up", FLOPS, FLOPS.replace("P * Q", "P * P")),
        ("letters-mixed-up", BYTES, BYTES.replace("K * C * R * S", "K * C * S * S")),
        ("letters-mixed-up", LOWERED, LOWERED.replace("(C * R * S)", "(C * R * R)")),
        ("filters-forgotten", FLOPS, "return 2 * N * C * R * S * P * Q"),
        ("channels-forgotten", FLOPS, "return 2 * N * K * R * S * P * Q"),
        ("images-forgotten", FLOPS, "return 2 * K * C * R * S * P * Q"),
        ("window-forgotten", FLOPS, "return 2 * N * K * C * P * Q"),
        ("in-giga", FLOPS, FLOPS + " / 1e9"),
        ("elements-for-bytes", BYTES, BYTES.replace("itemsize * ", "")),
        ("itemsize-ignored", BYTES, BYTES.replace("itemsize", "4")),
        ("filters-forgotten", BYTES, BYTES.replace(" + K * C * R * S", "")),
        ("output-forgotten", BYTES, BYTES.replace(" + N * K * P * Q", "")),
        ("input-size-for-output", BYTES, BYTES.replace("P * Q", "H * W")),
        ("padding-counted", BYTES, BYTES.replace("H * W", "(H + 2 * padding[0]) * (W + 2 * padding[1])")),
        ("lowered-counted", BYTES, BYTES.replace("N * C * H * W", "C * R * S * N * P * Q")),
        ("filters-per-image", BYTES, BYTES.replace("K * C * R * S", "N * K * C * R * S")),
        ("megabytes", LOWERED, LOWERED.replace("2**20", "1e6")),
        ("bytes-for-mebibytes", LOWERED, LOWERED.replace(" / 2**20", "")),
        ("elements-for-bytes", LOWERED, LOWERED.replace("itemsize * ", "")),
        ("filters-for-channels", LOWERED, LOWERED.replace("(C * R * S)", "(K * R * S)")),
        ("input-size-for-output", LOWERED, LOWERED.replace("P * Q", "H * W")),
        ("images-forgotten", LOWERED, LOWERED.replace("(N * P * Q)", "(P * Q)")),
        ("input-for-lowered", LOWERED, "return itemsize * N * C * H * W / 2**20"),
        ("itemsize-ignored", LOWERED, LOWERED.replace("itemsize", "4")),
        ("sum-for-product", LOWERED, LOWERED.replace("(C * R * S) * (N * P * Q)", "(C * R * S + N * P * Q)")),
        ("intensity-upside-down", INTENSITY, "return compulsory_bytes(*layer, itemsize) / conv_flops(*layer)"),
        ("itemsize-ignored", INTENSITY, INTENSITY.replace(", itemsize", "")),
        ("elements-for-bytes", INTENSITY, INTENSITY.replace(", itemsize", ", 1")),
        ("lowered-counted", INTENSITY, "return conv_flops(*layer) / (lowered_mebibytes(*layer, itemsize) * 2**20)"),
        ("raises", INTENSITY, "return conv_flops(layer) / compulsory_bytes(layer)"),
    ],
    "G-roof": [
        ("max-for-min", ROOF, "max(peak, intensity * bandwidth)"),
        ("limits-added", ROOF, "peak + intensity * bandwidth"),
        ("one-limit-only", ROOF, "intensity * bandwidth"),
        ("one-limit-only", ROOF, "peak"),
        ("divided-for-multiplied", ROOF, "min(peak, bandwidth / intensity)"),
        ("intensity-for-rate", ROOF, "min(peak, intensity)"),
        ("limits-mixed", ROOF, "1 / (1 / peak + 1 / (intensity * bandwidth))"),
        ("in-giga", ROOF, "min(peak, intensity * bandwidth) / 1e9"),
    ],
    "G-measure": [
        ("still-to-do", {"G-measure": NOT_WRITTEN, "G-measure-layers": MADE_UP_RECORD}),
        ("not-called", MADE_UP),
        ("not-called", MADE_UP_COMPARED),
        ("not-measured", MADE_UP_CALLED),
        ("algorithm-missing", ONE_RECORD_FOR_ALL),
        ("too-few-rounds", TIMED, TIMED.replace("rounds=rounds", "rounds=1")),
        ("too-few-rounds", TIMED, TIMED.replace("rounds=rounds", "rounds=3")),
        ("not-called", TIMED, TIMED.replace("partial(function, x, w, layer)", "lambda: x")),
        ("not-called", TIMED, TIMED.replace("partial(function, x, w, layer)", "partial(np.copy, function(x, w, layer))")),
        ("one-function-for-all", LATE_LAMBDA),
        ("one-function-for-all", TIMED, TIMED.replace("partial(function, x, w, layer)", "partial(functions['torch'], x, w, layer)")),
        ("algorithm-missing", TIMED, TIMED.replace("functions.items()}", "list(functions.items())[:3]}")),
        ("algorithm-missing", TIMED, TIMED.replace("functions.items()}", "run.items()}")),
        ("not-a-timing", RETURNED, "return {a: t.median for a, t in timings.items()}, errors"),
        ("wrong-unit", RETURNED, "return {a: [1e9 * s for s in t.seconds] for a, t in timings.items()}, errors"),
        ("not-measured", RETURNED, "return {a: [s / 10 for s in t.seconds] for a, t in timings.items()}, errors"),
        ("rounds-identical", RETURNED, "return {a: [t.median] * rounds for a, t in timings.items()}, errors"),
        ("not-compared", ERROR, "0.0"),
        ("not-divided", ERROR, "float(difference)"),
        ("percent-for-share", ERROR, "100 * " + ERROR),
        ("mean-for-largest", LARGEST, LARGEST.replace("max", "mean")),
        ("sign-kept", LARGEST, "(function(x, w, layer) - expected).max()"),
        ("differs", "assert max(errors.values()) < 1e-3, errors", "errors = dict.fromkeys(errors, 0.5)"),
        ("not-a-dictionary", RETURNED, "return list(timings.values()), errors"),
        ("not-a-pair", RETURNED, "return timings"),
        ("results-exchanged", RETURNED, "return errors, timings"),
        ("returns-none", RETURNED, ""),
        ("other-images", "    expected =", "    x, w = 2 * x, w\n    expected ="),
    ],
}
