"""Right solutions of A1 to A3, by somebody who had only read the notebook: exercise -> what is different about it -> its cell."""

CELLS: dict[str, dict[str, str]] = {
    "A-shape": {
        "positions are counted, match": """def positions(length, window, step, pad):
    n, at = 0, -pad
    while at + window <= length + pad:
        n, at = n + 1, at + step
    return n


def output_shape(layer, shape):
    match layer:
        case {"type": "conv" | "max_pool" as kind, "size": size, "stride": stride, "padding": padding}:
            inner = tuple(positions(*axis) for axis in zip(shape[1:], size, stride, padding))
            return (layer["filters"] if kind == "conv" else shape[0], *inner)
        case {"type": "flatten"}:
            n = 1
            for axis in shape:
                n *= axis
            return (n,)
        case {"type": "dense", "units": units}:
            return (units,)
    return shape
""",
        "a table of functions, numpy integers": """def image_shape(channels, layer, shape):
    free = np.array(shape[1:]) + 2 * np.array(layer["padding"]) - np.array(layer["size"])
    P, Q = np.floor_divide(free, layer["stride"]) + 1
    return (channels, P, Q)


RULES = {
    "conv": lambda layer, shape: image_shape(layer["filters"], layer, shape),
    "max_pool": lambda layer, shape: image_shape(shape[0], layer, shape),
    "flatten": lambda layer, shape: (np.prod(shape),),
    "dense": lambda layer, shape: (layer["units"],),
}


def output_shape(layer, shape):
    rule = RULES.get(layer["type"], lambda layer, shape: tuple(shape))
    return rule(layer, shape)
""",
        "by division of floats, empty arrays for the rest": """def output_shape(layer, shape):
    kind = layer.get("type")
    if "size" in layer:
        depth = layer.get("filters", shape[0])
        sides = []
        for i in range(2):
            room = shape[i + 1] + layer["padding"][i] * 2 - layer["size"][i]
            sides.append(int(math.floor(room / layer["stride"][i])) + 1)
        return tuple([depth] + sides)
    elif kind == "dense":
        return (int(layer["units"]),)
    elif kind == "flatten":
        return np.empty(shape).reshape(-1).shape
    else:
        return np.empty(shape).shape
""",
        "PyTorch's shapes": """import torch


def output_shape(layer, shape):
    x = torch.empty(1, *shape, device="meta")
    kind = layer["type"]
    if kind in ("conv", "max_pool"):
        free = [(n + 2 * pad - window) // step + 1 for n, window, step, pad in zip(shape[1:], layer["size"], layer["stride"], layer["padding"])]
        if min(free) < 1:
            return (layer.get("filters", shape[0]), *free)
        a, b = layer["padding"]
        x = torch.nn.functional.pad(x, (b, b, a, a))
        if kind == "conv":
            x = torch.nn.functional.conv2d(x, torch.empty(layer["filters"], shape[0], *layer["size"], device="meta"), stride=tuple(layer["stride"]))
        else:
            x = torch.nn.functional.max_pool2d(x, tuple(layer["size"]), tuple(layer["stride"]))
    elif kind == "flatten":
        x = x.flatten(1)
    elif kind == "dense":
        x = torch.empty(1, layer["units"], device="meta")
    return tuple(x.shape[1:])
""",
    },
    "A-count": {
        "shapes first, then their sizes": """def parameter_shapes(layer, shape):
    if layer["type"] == "conv":
        yield layer["filters"], shape[0], *layer["size"]
        yield (layer["filters"],)
    elif layer["type"] == "dense":
        yield math.prod(shape), layer["units"]
        yield (layer["units"],)


def parameter_count(layer, shape):
    return sum(np.prod(s) for s in parameter_shapes(layer, shape))
""",
        "counted one by one": """def parameter_count(layer, shape):
    n = 0
    if layer["type"] == "conv":
        for k in range(layer["filters"]):
            n += 1
            for c in range(shape[0]):
                for r in range(layer["size"][0]):
                    for s in range(layer["size"][1]):
                        n += 1
    if layer["type"] == "dense":
        for unit in range(layer["units"]):
            n = n + 1 + int(np.zeros(shape).size)
    return n
""",
        "PyTorch's modules": """import torch


def parameter_count(layer, shape):
    if layer["type"] == "conv":
        made = torch.nn.Conv2d(shape[0], layer["filters"], tuple(layer["size"]))
    elif layer["type"] == "dense":
        made = torch.nn.Linear(math.prod(shape), layer["units"])
    else:
        return 0
    return sum(p.numel() for p in made.parameters())
""",
        "units or filters, whichever there is": """def parameter_count(layer, shape):
    fan_out = layer.get("filters", 0) or layer.get("units", 0)
    fan_in = shape[0] * np.prod(layer["size"]) if layer["type"] == "conv" else np.prod(shape)
    return int((fan_in + 1) * fan_out)
""",
    },
    "A-table": {
        "recursive": """def layer_table(layers, shape, i=0):
    if i == len(layers):
        return []
    layer = layers[i]
    if "size" in layer and len(shape) < 3:
        raise ValueError("layers[%d] needs images" % i)
    out = output_shape(layer, shape)
    if "size" in layer and (out[1] < 1 or out[2] < 1):
        raise ValueError("layers[%d] has a window larger than the image" % i)
    return [(out, parameter_count(layer, shape))] + layer_table(layers, out, i + 1)
""",
        "an own error class, a generator, named pairs": """from typing import NamedTuple


class CannotBeBuilt(ValueError):
    pass


class Row(NamedTuple):
    shape: tuple
    parameters: int


def rows(layers, shape):
    for number, layer in enumerate(layers):
        where = f"{layer['type']} (layers[{number}])"
        if layer["type"] in {"conv", "max_pool"}:
            if len(shape) == 1:
                raise CannotBeBuilt(f"{where}: rows come in where images should")
            for side, window, pad in zip(shape[1:], layer["size"], layer["padding"]):
                if window > side + 2 * pad:
                    raise CannotBeBuilt(f"{where}: window {window} over {side} pixels")
        row = Row(output_shape(layer, shape), parameter_count(layer, shape))
        shape = row.shape
        yield row


def layer_table(layers, shape):
    return list(rows(layers, shape))
""",
        "errors caught and told again": """def layer_table(layers, shape):
    table = []
    incoming = shape
    for i in range(len(layers)):
        try:
            if layers[i]["type"] in ("conv", "max_pool"):
                channels, height, width = incoming
            outgoing = output_shape(layers[i], incoming)
            if any(n <= 0 for n in outgoing):
                raise ValueError("nothing is left")
            count = parameter_count(layers[i], incoming)
        except (ValueError, TypeError) as error:
            raise ValueError("layers[" + str(i) + "]: " + str(error)) from error
        table.append((outgoing, count))
        incoming = outgoing
    return table
""",
        "shapes accumulated, counts zipped": """from itertools import accumulate


def layer_table(layers, shape):
    def step(before, numbered):
        i, layer = numbered
        if layer["type"] in ("conv", "max_pool") and len(before) != 3:
            raise ValueError(f"The layer layers[{i}] wants (C, H, W) but is given {before}.")
        after = output_shape(layer, before)
        if len(after) == 3 and not (after[1] >= 1 and after[2] >= 1):
            raise ValueError(f"The layer layers[{i}] is too large for {before}.")
        return after

    shapes = list(accumulate(enumerate(layers), step, initial=tuple(shape)))
    counts = [parameter_count(layer, before) for layer, before in zip(layers, shapes)]
    return list(zip(shapes[1:], counts))
""",
    },
}
