"""Networks in JSON files: what they are and what they cost."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import CourseError
from helpers.nn import schedule
from helpers.nn.layer_costs import table_text
from helpers.nn.spec import NETWORKS, load_spec, read_spec, schema, schema_text
from helpers.primitives.choose import modelled
from helpers.primitives.spec import ConvSpec

FILES = sorted(path for path in NETWORKS.glob("*.json") if path.name != "schema.json")
NAMES = [path.stem for path in FILES]
ROOT = Path(__file__).parents[2]


def values(name: str = "convolutional_nn") -> dict:
    return json.loads((NETWORKS / f"{name}.json").read_text())


def with_layers(*layers: dict, image=(1, 28, 28), classes=10) -> dict:
    return {"name": "n", "input": list(image), "classes": classes, "layers": list(layers)}


def torch_networks() -> dict:
    """The shipped networks written by hand in PyTorch, independent of their files."""
    from torch import nn

    return {
        "convolutional_nn": [
            *(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 16, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(400, 128), nn.ReLU(), nn.Linear(128, 10), nn.Softmax(1)),
        ],
        "mlp": [
            *(nn.Flatten(), nn.Linear(784, 512), nn.Sigmoid(), nn.Linear(512, 128), nn.Sigmoid()),
            *(nn.Linear(128, 10), nn.Softmax(1)),
        ],
        "lenet": [
            *(nn.Conv2d(1, 6, 5, padding="same"), nn.Tanh(), nn.AvgPool2d(2)),
            *(nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten()),
            *(nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10), nn.Softmax(1)),
        ],
        "deep": [
            *(nn.Conv2d(1, 16, 3, padding="same"), nn.ReLU(), nn.Conv2d(16, 16, 3, padding="same"), nn.ReLU()),
            *(nn.MaxPool2d(2), nn.Dropout(0.1)),
            *(nn.Conv2d(16, 32, 3, padding="same"), nn.ReLU(), nn.Conv2d(32, 32, 3, padding="same"), nn.ReLU()),
            *(nn.MaxPool2d(2), nn.Dropout(0.2), nn.Flatten()),
            *(nn.Linear(32 * 7 * 7, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10), nn.Softmax(1)),
        ],
        "strided": [
            *(nn.Conv2d(1, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU()),
            *(nn.Conv2d(32, 32, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10), nn.Softmax(1)),
        ],
    }


def test_every_shipped_network_has_its_twin_in_torch():
    assert sorted(torch_networks()) == NAMES
    assert len(NAMES) >= 5


@pytest.mark.parametrize("name", NAMES)
def test_shapes_parameters_and_products_are_those_of_torch(name):
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    spec = load_spec(NETWORKS / f"{name}.json")
    rows = spec.layer_table(images=3)
    kinds = [layer.type for layer in spec.layers]
    x = torch.zeros(3, *spec.input)
    flat, at = "flatten" in kinds, 0
    for module in torch_networks()[name]:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            x = module(x)
        if isinstance(module, torch.nn.Flatten) and not flat:
            continue
        line = rows[at]
        assert (line.output, line.parameters) == (tuple(x.shape[1:]), sum(p.numel() for p in module.parameters()))
        if line.parameters:
            assert line.flops == counter.get_total_flops() + x.numel()  # torch leaves out the bias
        at += 1
    assert at == len(rows) == len(spec.layers)
    assert spec.parameters == sum(p.numel() for m in torch_networks()[name] for p in m.parameters())


def test_the_courses_network():
    spec = load_spec(NETWORKS / "convolutional_nn.json")
    assert (spec.optimiser.type, spec.batch_size, spec.classes, spec.input) == ("sgd", 64, 10, (1, 28, 28))
    assert spec.parameters == 160 + 2320 + 400 * 128 + 128 + 1290


def test_the_layer_table_counts():
    pools = [{"type": t, "size": [3, 2], "stride": 2, "padding": [1, 0]} for t in ("max_pool", "average_pool")]
    plain = [{"type": t} for t in ("relu", "sigmoid", "tanh", "softmax")]
    conv = {"type": "conv", "filters": 5, "size": [3, 2], "stride": [2, 1], "padding": [1, 0]}
    dense = {"type": "dense", "units": 10}
    network = with_layers(conv, *pools, *plain[:3], {"type": "flatten"}, dense, plain[3], image=(2, 13, 12))
    lines = read_spec(network).layer_table(images=4)
    assert [line.output for line in lines] == [(5, 7, 11), (5, 4, 5), *[(5, 2, 2)] * 4, (20,), (10,), (10,)]
    assert [line.parameters for line in lines] == [5 * 2 * 3 * 2 + 5, *[0] * 6, 20 * 10 + 10, 0]
    n, y = 4 * 5 * 7 * 11, 4 * 20
    flops = [n * 2 * 12 + n, 4 * 100 * 5, y * 6, y, 4 * y, 5 * y, 0, 2 * 4 * 200 + 40, 5 * 40]
    assert [line.flops for line in lines] == flops
    moved = [4 * 312 + 65 + n, n + 4 * 100, 4 * 100 + y, *[2 * y] * 3, 0, y + 210 + 40, 80]
    assert [line.bytes for line in lines] == [4 * m for m in moved]
    assert [line.where for line in lines] == [f"layers[{i}]" for i in range(9)]
    assert lines[0].name == "conv 5 × 3×2, stride 2×1, pad 1×0"
    assert lines[2].name == "average_pool 3×2, stride 2×2, pad 1×0"
    assert [b.bytes for b in read_spec(network).layer_table(4, itemsize=8)] == [8 * m for m in moved]


def test_predicted_times_come_from_the_model_of_the_convolution():
    spec = load_spec(NETWORKS / "convolutional_nn.json")
    first = spec.layer_table()[0].predicted_seconds
    model = modelled(ConvSpec(64, 1, 28, 28, 16, 3, 3), "forward")[0].seconds
    assert model < first < 2 * model
    assert all(line.predicted_seconds > 0 for line in spec.layer_table())
    assert spec.layer_table(640)[0].predicted_seconds > 5 * first
    assert spec.layer_table(itemsize=8)[0].predicted_seconds == pytest.approx(2 * first)
    assert read_spec(values("mlp")).layer_table()[0].predicted_seconds == 0


def test_the_table_as_text_says_that_times_are_predicted():
    spec = load_spec(NETWORKS / "convolutional_nn.json")
    lines = table_text(spec.layer_table(), spec.batch_size).splitlines()
    assert len(lines) == len(spec.layers) + 4
    assert "predicted ms" in lines[0]
    assert lines[1].split()[:2] == ["layers[0]", "conv"]
    assert "55,098" in lines[-3]
    assert "batch of 64" in lines[-2]
    assert "not measured" in " ".join(lines[-2:])


def test_defaults_sizes_and_changes():
    layers = {"type": "max_pool", "size": [2, 3]}, {"type": "dense", "units": 10}, {"type": "softmax"}
    spec = read_spec(with_layers(*layers))
    assert spec.layers[0].stride == (2, 3)
    assert (spec.learning_rate, spec.schedule.type, spec.backend, spec.initialisation.scale) == (
        0.1,
        "constant",
        "auto",
        1,
    )
    course = read_spec(values())
    wider = course.changed(filters=8, learning_rate=0.02, backend="numpy")
    assert [layer.filters for layer in wider.layers if layer.type == "conv"] == [8, 8]
    assert (wider.learning_rate, wider.backend, course.learning_rate) == (0.02, "numpy", 0.1)
    assert course.layers[0].filters == 16
    with pytest.raises(CourseError, match=r"learning_rat: .*'learning_rate'"):
        course.changed(learning_rat=1)


WINDOWS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["conv", "max_pool", "average_pool"]),
        "size": st.tuples(st.integers(1, 6), st.integers(1, 6)).map(list),
        "stride": st.tuples(st.integers(1, 3), st.integers(1, 3)).map(list),
        "padding": st.tuples(st.integers(0, 3), st.integers(0, 3)).map(list),
    }
)


def torch_window(layer: dict, channels: int):
    from torch import nn

    where = tuple(layer["size"]), tuple(layer["stride"]), tuple(layer["padding"])
    if layer["type"] == "conv":
        return nn.Conv2d(channels, layer["filters"], *where, device="meta")
    return (nn.MaxPool2d if layer["type"] == "max_pool" else nn.AvgPool2d)(*where)


@settings(max_examples=200, deadline=None)
@given(st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 20)), st.lists(WINDOWS, min_size=1, max_size=4))
def test_random_networks_have_torchs_shapes_or_torch_refuses_too(image, windows):
    import torch

    for layer in windows:
        if layer["type"] == "conv":
            layer["filters"] = 5
        else:  # torch allows pooling half a window of padding, the course a little more
            layer["padding"] = [min(p, r // 2) for p, r in zip(layer["padding"], layer["size"], strict=True)]
    shapes, x = [], torch.zeros(2, *image, device="meta")
    try:
        for layer in windows:
            x = torch_window(layer, x.shape[1])(x)
            shapes.append(tuple(x.shape[1:]))
    except RuntimeError:
        pass
    network = with_layers(*windows, {"type": "dense", "units": 10}, {"type": "softmax"}, image=image)
    if len(shapes) == len(windows):
        spec = read_spec(network)
        assert [place.shape_out for place in spec.places()] == [*shapes, (10,), (10,)]
        assert spec.places()[-2].parameters == math.prod(shapes[-1]) * 10 + 10
    else:
        with pytest.raises(
            CourseError, match=rf"^layers\[{len(shapes)}\], {windows[len(shapes)]['type']}: a window of"
        ):
            read_spec(network)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", ["same", "valid", "full"])
def test_named_paddings_are_those_of_torch(stride, padding):
    import torch

    layers = {"type": "conv", "filters": 2, "size": [5, 3], "stride": stride, "padding": padding}
    network = with_layers(layers, {"type": "dense", "units": 10}, {"type": "softmax"}, image=(1, 9, 8))
    pads = {"same": (2, 1), "valid": (0, 0), "full": (4, 2)}[padding]
    y = torch.nn.Conv2d(1, 2, (5, 3), stride, pads)(torch.zeros(1, 1, 9, 8))
    place = read_spec(network).places()[0]
    assert place.shape_out == tuple(y.shape[1:])
    if padding == "same":
        assert place.shape_out[1:] == (math.ceil(9 / stride), math.ceil(8 / stride))


@pytest.mark.parametrize(
    ("given_schedule", "rates"),
    [
        ({"type": "constant"}, schedule.constant(0.1)),
        ({"type": "step", "factor": 0.3, "every": 2}, schedule.step_decay(0.1, 0.3, 2)),
        ({"type": "exponential", "factor": 0.7}, schedule.exponential_decay(0.1, 0.7)),
        ({"type": "cosine", "final": 0.01}, schedule.cosine_decay(0.1, 20, 0.01)),
    ],
)
def test_rates_follow_the_schedule(given_schedule, rates):
    spec = read_spec({**values(), "schedule": given_schedule})
    assert [spec.rates()(e) for e in range(20)] == [rates(e) for e in range(20)]


@pytest.mark.parametrize("kind", ["sgd", "momentum", "rprop", "adam"])
def test_optimisers_take_the_settings_that_their_classes_have(kind):
    import inspect

    from helpers.nn import optimisers

    cls = {"sgd": "SGD", "momentum": "Momentum", "rprop": "Rprop", "adam": "Adam"}[kind]
    wanted = inspect.signature(getattr(optimisers, cls).__init__).parameters
    defaults = {k: p.default for k, p in wanted.items() if k not in ("self", "layers")}
    settings_ = read_spec({**values(), "optimiser": {"type": kind}}).optimiser.model_dump(exclude={"type"})
    assert settings_ == defaults


def test_the_published_schema_is_the_generated_one():
    assert (NETWORKS / "schema.json").read_text() == schema_text(), (
        "run: python -m helpers.nn.spec > helpers/nn/networks/schema.json"
    )
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_shipped_networks_fit_the_schema_and_survive_a_round_trip(path):
    spec = load_spec(path)
    assert spec.name == path.stem
    jsonschema.validate(json.loads(path.read_text()), schema())
    jsonschema.validate(spec.values(), schema())
    assert read_spec(json.loads(json.dumps(spec.values()))) == spec


def test_only_what_reads_json_imports_pydantic_and_the_package_does_not():
    found = [
        p.name
        for p in (ROOT / "helpers").rglob("*.py")
        if re.search(r"^\s*(from|import) pydantic\b", p.read_text(), re.M)
    ]
    assert found == ["spec_model.py"]
    code = "import sys, helpers, helpers.nn, helpers.nn.layer_costs; print('pydantic' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert out.strip() == "False"
