"""Wrong shapes and counts (A1 to A3)."""

from __future__ import annotations

P_Q = "P, Q = (H + 2 * pad_h - R) // u + 1, (W + 2 * pad_w - S) // v + 1"
OUT = '        return (layer["filters"] if kind == "conv" else C, P, Q)'
COUNT = '''        return layer["filters"] * (shape[0] * R * S + 1)'''
DENSE = '''        return (math.prod(shape) + 1) * layer["units"]'''
FITS = '''        if min(out) < 1:
            raise ValueError(f"layers[{i}], {layer['type']}: a window of {layer['size']} does not fit into {shape}.")
'''
IMAGES = '''        if layer["type"] in ("conv", "max_pool") and len(shape) != 3:
            raise ValueError(f"layers[{i}], {layer['type']}, takes images (C, H, W), but its input has shape {shape}.")
'''

ROWS: dict[str, list[tuple[str, ...]]] = {
    "A-shape": [
        ("stride-ignored", P_Q, "P, Q = H + 2 * pad_h - R + 1, W + 2 * pad_w - S + 1"),
        ("stride-ignored", P_Q, "P, Q = (H + 2 * pad_h - R) // u + 1, W + 2 * pad_w - S + 1"),
        ("padding-once", P_Q, "P, Q = (H + pad_h - R) // u + 1, (W + pad_w - S) // v + 1"),
        ("padding-ignored", P_Q, "P, Q = (H - R) // u + 1, (W - S) // v + 1"),
        ("rounded-up", P_Q, "P, Q = math.ceil((H + 2 * pad_h - R) / u) + 1, math.ceil((W + 2 * pad_w - S) / v) + 1"),
        ("rounded-up", P_Q, "P, Q = round((H + 2 * pad_h - R) / u) + 1, round((W + 2 * pad_w - S) / v) + 1"),
        ("rounded-up", P_Q, "P, Q = -(-(H + 2 * pad_h) // u), -(-(W + 2 * pad_w) // v)"),
        ("not-rounded", P_Q, "P, Q = (H + 2 * pad_h - R) / u + 1, (W + 2 * pad_w - S) / v + 1"),
        ("one-missing", P_Q, "P, Q = (H + 2 * pad_h - R) // u, (W + 2 * pad_w - S) // v"),
        ("parentheses", P_Q, "P, Q = (H + 2 * pad_h - R + 1) // u, (W + 2 * pad_w - S + 1) // v"),
        ("window-for-stride", P_Q, "P, Q = (H + 2 * pad_h - R) // R + 1, (W + 2 * pad_w - S) // S + 1"),
        ("window-ignored", P_Q, "P, Q = H // u, W // v"),
        ("axes-mixed-up", P_Q, "P, Q = (H + 2 * pad_h - R) // u + 1, (W + 2 * pad_w - S) // u + 1"),
        ("axes-mixed-up", P_Q, "P, Q = (H + 2 * pad_h - R) // u + 1, (W + 2 * pad_h - S) // v + 1"),
        ("axes-mixed-up", P_Q, "P, Q = (H + 2 * pad_h - R) // v + 1, (W + 2 * pad_w - S) // u + 1"),
        ("axes-mixed-up", P_Q, "P = Q = (H + 2 * pad_h - R) // u + 1"),
        ("axes-swapped", OUT, OUT.replace("P, Q)", "Q, P)")),
        ("channels-for-filters", OUT, "        return (C, P, Q)"),
        ("channels-times-filters", OUT, '        return (C * layer["filters"] if kind == "conv" else C, P, Q)'),
        ("channels-last", OUT, '        return (P, Q, layer["filters"] if kind == "conv" else C)'),
        ("flatten-keeps-axes", "        return (math.prod(shape),)", "        return (shape[0], math.prod(shape[1:]))"),
        ("flatten-forgets-axis", "        return (math.prod(shape),)", "        return (shape[1] * shape[2],)"),
        ("not-a-tuple", '        return (layer["units"],)', '        return layer["units"]'),
        ("dense-keeps-shape", '        return (layer["units"],)\n    return', "        return shape\n    return"),
        ("raises", 'if kind in ("conv", "max_pool"):', 'if kind in ("conv", "pool"):\n        pass\n    if kind in ("conv", "max_pool"):\n        layer["filters"]'),
        ("input-changed", '    kind = layer["type"]', '    kind = layer["type"]\n    layer["shape"] = shape'),
        ("returns-none", "    return tuple(shape)", "    pass"),
    ],
    "A-count": [
        ("bias-not-counted", COUNT, '        return layer["filters"] * shape[0] * R * S'),
        ("image-counted", COUNT, '        return layer["filters"] * (math.prod(shape) + 1)'),
        ("image-counted", COUNT, "        return math.prod(output_shape(layer, shape)) * (shape[0] * R * S + 1)"),
        ("channels-not-counted", COUNT, '        return layer["filters"] * (R * S + 1)'),
        ("bias-per-channel", COUNT, '        return layer["filters"] * shape[0] * (R * S + 1)'),
        ("one-bias", COUNT, '        return layer["filters"] * shape[0] * R * S + 1'),
        ("filter-square", COUNT, '        return layer["filters"] * (shape[0] * R * R + 1)'),
        ("bias-not-counted", DENSE, '        return math.prod(shape) * layer["units"]'),
        ("bias-per-input", DENSE, '        return math.prod(shape) * (layer["units"] + 1)'),
        ("image-not-flattened", DENSE, '        return (shape[0] + 1) * layer["units"]'),
        ("counts-where-none", "    return 0", "    return math.prod(shape)"),
        ("returns-none", "    return 0", "    pass"),
    ],
    "A-table": [
        ("not-refused", FITS, ""),
        ("wrong-error", IMAGES, ""),
        ("counts-from-one", "enumerate(layers)", "enumerate(layers, start=1)"),
        ("layer-not-named", 'raise ValueError(f"layers[{i}], {layer[\'type\']}: a window of {layer[\'size\']} does not fit into {shape}.")', 'raise ValueError("a window does not fit")'),
        ("wrong-error", 'raise ValueError(f"layers[{i}], {layer[\'type\']}: a window', 'raise KeyError(f"layers[{i}], {layer[\'type\']}: a window'),
        ("shape-not-passed-on", "        shape = out\n", ""),
        ("pair-swapped", "(out, parameter_count(layer, shape))", "(parameter_count(layer, shape), out)"),
        ("count-from-output", "(out, parameter_count(layer, shape))", "(out, parameter_count(layer, out))"),
        ("shape-before-layer", "(out, parameter_count(layer, shape))", "(shape, parameter_count(layer, shape))"),
        ("return-in-loop", "        shape = out\n    return table", "        shape = out\n        return table"),
        ("not-refused", "if min(out) < 1", "if min(out) < 0"),
        ("not-refused", "if min(out) < 1", "if len(out) == 3 and out[1] < 1"),
        ("image-in-table", "    table = []", "    table = [(shape, 0)]"),
    ],
}
