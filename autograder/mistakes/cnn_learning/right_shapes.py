"""Right but different shapes and counts (A1 to A3)."""

from __future__ import annotations

from .wrong_shapes import COUNT, DENSE, P_Q

RIGHT: dict = {
    "shapes counted by range": {"A-shape": ((P_Q, "P, Q = len(range(0, H + 2 * pad_h - R + 1, u)), len(range(0, W + 2 * pad_w - S + 1, v))"),)},
    "the paper's formula": {"A-shape": ((P_Q, "P, Q = math.ceil((H - R + 1 + 2 * pad_h) / u), math.ceil((W - S + 1 + 2 * pad_w) / v)"),)},
    "shapes as numpy numbers and lists": {
        "A-shape": '''
def along(size, window, stride, pad):
    return np.floor_divide(size + 2 * pad - window, stride) + 1


def output_shape(layer, shape):
    match layer["type"]:
        case "conv" | "max_pool":
            sides = along(np.array(shape[1:]), np.array(layer["size"]), np.array(layer["stride"]), np.array(layer["padding"]))
            return [layer.get("filters", shape[0]), *sides]
        case "flatten":
            return [np.prod(shape)]
        case "dense":
            return [layer["units"]]
        case _:
            return shape
'''
    },
    "one formula a type, in a dictionary": {
        "A-shape": '''
def windows(layer, shape):
    return tuple(int((n + 2 * p - r) // u + 1) for n, p, r, u in zip(shape[1:], layer["padding"], layer["size"], layer["stride"]))


RULES = {
    "conv": lambda layer, shape: (layer["filters"], *windows(layer, shape)),
    "max_pool": lambda layer, shape: (shape[0], *windows(layer, shape)),
    "flatten": lambda layer, shape: (int(np.prod(shape)),),
    "dense": lambda layer, shape: (layer["units"],),
}


def output_shape(layer, shape):
    return RULES.get(layer["type"], lambda layer, shape: shape)(layer, shape)
''',
        "A-count": ((COUNT, '        return layer["filters"] * shape[0] * R * S + layer["filters"]'), (DENSE, '        return int(np.prod(shape)) * layer["units"] + layer["units"]')),
    },
    "the count as a float of numpy": {"A-count": ((DENSE, '        return np.float64(np.prod(shape) + 1) * layer["units"]'),)},
    "a table by an iterator, an error of its own": {
        "A-table": '''
class BadFile(ValueError):
    pass


def rows(layers, shape):
    for number, layer in enumerate(layers):
        images = layer["type"] in ("conv", "max_pool")
        if images and len(shape) == 1:
            raise BadFile(f"there is a {layer['type']} behind a vector: layers[{number}]")
        new = output_shape(layer, shape)
        if images and (new[1] <= 0 or new[2] <= 0):
            raise BadFile(f"layers[{number}] ({layer['type']}): image {shape} too small")
        yield [list(new), parameter_count(layer, shape)]
        shape = tuple(new)


def layer_table(layers, shape):
    return list(rows(layers, shape))
''',
        "A-network": (("zip(layers, layer_table(layers, shape), strict=True)", "zip(layers, layer_table(layers, shape))"), ("        shape = out", "        shape = tuple(out)")),
    },
    "the error raised by output_shape": {
        "A-shape": (("        return (layer[\"filters\"]", "        if P < 1 or Q < 1:\n            raise ValueError('no window fits')\n        return (layer[\"filters\"]"),),
        "A-table": '''
def layer_table(layers, shape):
    table = []
    for i in range(len(layers)):
        try:
            out = output_shape(layers[i], shape)
            if len(out) == 3 and min(out) < 1:
                raise ValueError("no window fits")
        except ValueError as error:
            raise ValueError(f"layers[{i}] ({layers[i]['type']}): {error}") from error
        table.append((out, parameter_count(layers[i], shape)))
        shape = out
    return table
''',
    },
}
