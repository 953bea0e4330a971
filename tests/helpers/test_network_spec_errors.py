"""What is said about wrong network files; and whatever goes in, only a network or one sentence comes out."""

from __future__ import annotations

import copy
import json
import math
import re

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import CourseError
from helpers.nn.spec import NETWORKS, load_spec, read_spec, schema, schema_text
from helpers.nn.spec_model import NetworkSpec

NAMES = sorted(path.stem for path in NETWORKS.glob("*.json") if path.name != "schema.json")


def values(name: str = "convolutional_nn") -> dict:
    return json.loads((NETWORKS / f"{name}.json").read_text())


def error(wrong) -> str:
    with pytest.raises(CourseError) as caught:
        read_spec(wrong)
    return str(caught.value)


WRONG = [
    (["layers", 0, "fitlers"], 16, "layers[0].fitlers: there is no such key (did you mean 'filters'?); conv takes"),
    (["layers", 0, "filters"], "16", 'layers[0].filters: expected a whole number from 1 to 65,536, found "16".'),
    (["layers", 0, "filters"], True, "layers[0].filters: expected a whole number from 1 to 65,536, found true."),
    (["layers", 3, "size"], [3, 0], "layers[3].size: expected a whole number from 1 to 4,096, or a list of 2"),
    (["layers", 3, "padding"], "sane", "found \"sane\" (did you mean 'same'?)."),
    (["layers", 2, "type"], "maxpool", "found \"maxpool\" (did you mean 'max_pool'?)."),
    (["layers", 2], 7, 'layers[2]: expected an object whose "type" is "average_pool", '),
    (["layers"], [], "layers: expected a list of 1 to 1,000 objects, found []."),
    (["optimiser"], {"type": "rporp"}, 'optimiser.type: expected "adam", "momentum", "rprop" or "sgd", found "rporp"'),
    (["optimiser"], {}, 'optimiser.type: this key is missing; expected "adam", "momentum", "rprop" or "sgd".'),
    (["optimiser"], {"type": "rprop", "smallest": 60}, "optimiser.smallest: expected less than largest, 50, found 60."),
    (
        ["schedule"],
        {"type": "step", "evry": 3},
        "schedule.evry: there is no such key (did you mean 'every'?); step takes",
    ),
    (
        ["initialisation"],
        {"scal": 3},
        "initialisation.scal: there is no such key (did you mean 'scale'?); initialisation",
    ),
    (["learning_rate"], 0, "learning_rate: expected a number above 0 and at most 1,000,000, found 0."),
    (["input"], [1, 0, 28], "input: expected a list of 3 whole numbers from 1 to 4,096, found [1, 0, 28]."),
    (["layers", 0, "size"], 4097, "layers[0].size: expected a whole number from 1 to 4,096, or a list of 2"),
    (["learning_rate"], math.nan, "learning_rate: expected a number above 0 and at most 1,000,000, found NaN."),
    (["learning_rate"], math.inf, "learning_rate: expected a number above 0 and at most 1,000,000, found Infinity."),
    (
        ["schedule"],
        {"type": "cosine", "final": math.nan},
        "schedule.final: expected a number from 0 to 1,000,000, found",
    ),
    (["seed"], -1, "seed: expected a whole number from 0 to 4,294,967,295, found -1."),
    (["layers", 1], {"type": "dropout", "rate": 1}, "layers[1].rate: expected a number from 0 to below 1, found 1."),
    (["learning_rate"], 10**400, "learning_rate: expected a number above 0 and at most 1,000,000, found a very large"),
    (["backend"], "numpi", 'backend: expected "numpy", "torch", "cuda" or "auto", found "numpi" (did you mean'),
    (["lerning_rate"], 1, "lerning_rate: there is no such key (did you mean 'learning_rate'?); the file takes"),
    (["input"], [1, 28], "input: expected a list of 3 whole numbers from 1 to 4,096, found [1, 28]."),
    (["na\nme"], 1, "['na\\nme']: there is no such key (did you mean 'name'?)"),
    (["name"], "\ud800", "name: a key or a text here holds half a character"),
    (["classes"], 5, "layers[9], softmax: 10 numbers come in for 5 classes; put a dense layer with 5 units before it."),
    (["layers", 5, "size"], 12, "layers[5], max_pool: a window of 12 rows does not fit into 11 rows"),
    (["layers", 5, "padding"], 2, "layers[5], max_pool: pad_h=2 is not smaller than the window's R=2"),
    (
        ["layers", 3],
        {"type": "conv", "filters": 1, "size": 4, "padding": "same"},
        'layers[3], conv: padding "same" needs',
    ),
    (
        ["layers", 7],
        {"type": "max_pool", "size": 2},
        "layers[7], max_pool: it takes images (C, H, W), but a vector of 128",
    ),
    (["layers", 9], {"type": "relu"}, "layers[9], relu: this layer must be softmax"),
    (["layers", 4], {"type": "softmax"}, "layers[4], softmax: this layer must not be softmax, which stands last"),
]


@pytest.mark.parametrize(
    ("path", "value", "said"), WRONG, ids=[f"{'.'.join(map(ascii, w[0]))}-{i}" for i, w in enumerate(WRONG)]
)
def test_wrong_fields_are_named(path, value, said):
    wrong = values()
    owner = wrong
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = value
    assert said in error(wrong)


def test_a_mistyped_key_is_told_before_the_missing_one():
    wrong = values()
    wrong["layers"][3]["fitlers"] = wrong["layers"][3].pop("filters")
    assert error(wrong).startswith("layers[3].fitlers: there is no such key (did you mean 'filters'?)")
    del wrong["layers"][3]["fitlers"]
    assert error(wrong) == "layers[3].filters: this key is missing; expected a whole number from 1 to 65,536."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"name": "n",\n  "input": [1 28]}', "n.json: line 2, column 15: this is not JSON"),
        (b"", "line 1, column 1"),
        (b'{"name": "a", "name": "b"}', "the key 'name' stands twice"),
        (b'{"learning_rate": NaN}', "NaN is not a JSON number"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"seed": ' + b"9" * 5000 + b"}", "thousands of digits"),
        (b'{"name": "\xff"}', "byte 10 is not UTF-8"),
        (b" " * 1_000_001, "more than 1,000,000 bytes"),
        (b"3", "n.json: the file: expected an object with keys and values, found 3."),
    ],
)
def test_files_that_hold_no_network(tmp_path, content, said):
    (tmp_path / "n.json").write_bytes(content)
    with pytest.raises(CourseError) as caught:
        load_spec(tmp_path / "n.json")
    assert said in str(caught.value)


@pytest.mark.parametrize("path", ["no/such/file.json", ".", "a\0b"])
def test_files_that_cannot_be_read(path):
    with pytest.raises(CourseError, match="can't be read"):
        load_spec(path)


# Below: nothing but a NetworkSpec or a CourseError may come out, whatever goes in.

WORDS = sorted(set(re.findall(r'"([a-z$_0-9]+)"', schema_text())))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 40),
    st.integers(),
    st.floats(),
    st.sampled_from([10**400, 4096, 65_536, 2**32]),
    st.sampled_from(WORDS),
    st.text(st.characters(), max_size=8),
)
KEYS = st.one_of(st.sampled_from(WORDS), st.text(st.characters(), max_size=5))
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


def judge(network) -> None:
    """A spec whose table can be counted and that the schema accepts, or one sentence."""
    try:
        spec = read_spec(network)
    except CourseError as e:
        text = str(e)
        assert re.fullmatch(r"[^\n]{10,600}\.", text), text
        assert not re.search(r"pydantic|Input should|Value error|Traceback|\bint_|_type\b", text), text
        text.encode()
        return
    assert isinstance(spec, NetworkSpec)
    jsonschema.validate(network, schema())
    rows = spec.layer_table()
    assert all(math.isfinite(line.predicted_seconds) for line in rows)
    assert sum(line.parameters for line in rows) == spec.parameters
    assert read_spec(spec.values()) == spec


@settings(max_examples=60, deadline=None)
@given(JSON)
def test_any_json_value_gives_a_network_or_a_sentence(value):
    judge(value)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(NAMES), st.data())
def test_any_change_to_a_right_file_gives_a_network_or_a_sentence(name, data):
    network = values(name)
    for _ in range(data.draw(st.integers(1, 3))):
        owner = network
        while True:
            keys = list(owner) if isinstance(owner, dict) else list(range(len(owner)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if not isinstance(owner[key], dict | list) or data.draw(st.integers(0, 3)) == 0:
                break
            owner = owner[key]
        action = data.draw(st.sampled_from(["set", "set", "delete", "add", "copy"]))
        if action == "add" or not keys:
            extra = data.draw(JSON)
            owner.insert(0, extra) if isinstance(owner, list) else owner.update({data.draw(KEYS): extra})
        elif action == "set":
            owner[key] = data.draw(JSON)
        elif action == "copy" and isinstance(owner, list):
            owner.insert(data.draw(st.integers(0, len(owner))), copy.deepcopy(owner[key]))
        else:
            del owner[key]
    judge(network)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(NAMES), st.data())
def test_any_damage_to_a_files_text_gives_a_network_or_a_sentence(tmp_path_factory, name, data):
    content = (NETWORKS / f"{name}.json").read_bytes()
    start = data.draw(st.integers(0, len(content)))
    stop = start + data.draw(st.integers(0, 20))
    path = tmp_path_factory.getbasetemp() / "damaged.json"
    path.write_bytes(content[:start] + data.draw(st.binary(max_size=3)) + content[stop:])
    said = None
    try:
        assert isinstance(load_spec(path), NetworkSpec)
    except CourseError as e:
        said = str(e)
    assert said is None or re.fullmatch(r"damaged\.json: [^\n]{10,600}\.", said), said
