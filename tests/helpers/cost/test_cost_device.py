"""Device and cluster files: what is shipped, units, and a sentence for whatever is wrong."""

import json

import pytest

from helpers.cost import cluster_names, device_names, load_cluster, load_device
from helpers.cost.device import read_cluster, read_device
from helpers.errors import CourseError

DEVICE = {
    "name": "one", "peak_gflop_per_s": {"float32": 1000}, "bandwidth_gb_per_s": 100, "memory_gib": 4, "source": "me",
}  # fmt: skip
CLUSTER = {
    "name": "some", "device": "k40", "workers": 4, "link": {"latency_us": 20, "bandwidth_gb_per_s": 2},
    "algorithm": "ring", "source": "me",
}  # fmt: skip


@pytest.mark.parametrize("name", device_names())
def test_a_shipped_device_says_where_its_numbers_are_from(name):
    device = load_device(name)
    assert len(device.source) > 20
    assert device.peak > device.bandwidth > 1e9
    assert device.memory > 2**30
    assert load_device(device) is device


def test_paleos_devices_are_paleos():
    peaks = {name: (load_device(name).peak / 1e9, load_device(name).bandwidth / 1e9) for name in device_names()}
    assert peaks["k40"] == (4290, 288)
    assert peaks["titan_x"] == (6144, 336.5)
    assert peaks["i7_5930k"] == (289, 68)


@pytest.mark.parametrize("name", cluster_names())
def test_a_shipped_cluster_can_be_used(name):
    cluster = load_cluster(name)
    assert cluster.workers > 1
    assert "assumed" in cluster.source or "measured" in cluster.source
    assert cluster.with_workers(3).workers == 3
    assert load_cluster(cluster) is cluster


def test_units_are_those_of_the_field_names():
    device = read_device(DEVICE)
    assert (device.peak, device.bandwidth, device.memory, device.power) == (1e12, 1e11, 4 * 2**30, None)
    gigabytes = {key: value for key, value in DEVICE.items() if key != "memory_gib"} | {"memory_gb": 4, "power_w": 50}
    assert (read_device(gigabytes).memory, read_device(gigabytes).power) == (4e9, 50)
    link = read_cluster(CLUSTER).link
    assert (link.latency, link.bandwidth) == (pytest.approx(2e-5), 2e9)
    bits = read_cluster({**CLUSTER, "link": {"latency_us": 20, "bandwidth_gbit_per_s": 16}}).link
    assert bits.bandwidth == 2e9
    with pytest.raises(CourseError, match=r"no peak for 'bfloat16'.*only for float32"):
        device.peak_of("bfloat16")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"peak_gflop_per_s": {"float32": -1}}, r"peak_gflop_per_s.float32 is -1, which is impossible"),
        ({"peak_gflop_per_s": {"float32": 0}}, "impossible"),
        ({"peak_gflop_per_s": {"float32": "fast"}}, "is 'fast'; give a number"),
        ({"peak_gflop_per_s": {"float32": True}}, "is True; give a number"),
        ({"peak_gflop_per_s": {"float": 1000}}, r"'float' is no type of numbers \(did you mean 'float"),
        ({"peak_gflop_per_s": 1000}, "give an object"),
        ({"peak_gflop_per_s": {}}, "give an object"),
        ({"peak_gflop_per_s": {"float32": 8.1}}, "FLOPs per byte, which no processor has; look whether"),
        ({"bandwidth_gb_per_s": 0.02}, "FLOPs per byte, which no processor has"),
        ({"bandwidth_gb_per_s": 1e9}, "impossible"),
        ({"memory_gb": 4}, "memory_gb or memory_gib is needed, and both are given"),
        ({"memory_gib": None}, "memory_gib is None; give a number"),
        ({"memory": 4}, r"memory is no field of it \(did you mean memory_gb or memory_gib\?\)"),
        ({"bandwidth": 4}, r"did you mean bandwidth_gb_per_s\?"),
        ({"colour": "green"}, "colour is no field of it; its fields are name, peak_gflop_per_s"),
        ({"power_w": 0}, "power_w is 0, which is impossible"),
        ({"name": ""}, "name is ''; give a text"),
        ({"source": None}, "source is None; give a text"),
    ],
)
def test_a_wrong_device_is_a_sentence(change, words, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({**DEVICE, **change}))
    with pytest.raises(CourseError, match=words) as raised:
        load_device(path)
    assert str(raised.value).startswith("mine.json: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("key", DEVICE)
def test_a_missing_field_is_named(key):
    with pytest.raises(CourseError, match=f"{key}.*(is missing|is needed)"):
        read_device({k: v for k, v in DEVICE.items() if k != key})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"workers": 0}, "workers is 0"),
        ({"workers": 2.5}, "workers is 2.5"),
        ({"device": "k41"}, r"no device 'k41' \(did you mean 'k40'"),
        ({"device": 3}, "device is 3"),
        ({"algorithm": "rings"}, r"did you mean 'ring'"),
        ({"link": {"latency_us": -1, "bandwidth_gb_per_s": 2}}, "link.latency_us is -1, which is impossible"),
        ({"link": {"latency_us": 1}}, "link.bandwidth_gb_per_s or bandwidth_gbit_per_s is needed, and neither"),
        ({"link": {"latency_us": 1, "bandwidth_gb_per_s": 0}}, "impossible"),
        ({"link": {"latency": 1, "bandwidth_gb_per_s": 2}}, "link.latency is no field of it .did you mean latency_us"),
        ({"link": 7}, "link holds 7"),
        ({"nodes": 4}, "nodes is no field"),
    ],
)
def test_a_wrong_cluster_is_a_sentence(change, words):
    with pytest.raises(CourseError, match=words):
        read_cluster({**CLUSTER, **change})


def test_a_cluster_may_bring_its_device(tmp_path):
    (tmp_path / "own.json").write_text(json.dumps(DEVICE))
    (tmp_path / "several.json").write_text(json.dumps({**CLUSTER, "device": "own.json"}))
    assert load_cluster(tmp_path / "several.json").device.name == "one"
    (tmp_path / "own.json").write_text(json.dumps({**DEVICE, "memory_gib": -1}))
    with pytest.raises(CourseError, match=r"several.json: own.json: memory_gib is -1"):
        load_cluster(tmp_path / "several.json")


@pytest.mark.parametrize(
    ("text", "words"), [("[]", "holds a list of 0"), ("{", "not JSON"), ('{"a": NaN}', "NaN is not a JSON number")]
)
def test_what_is_no_description(text, words, tmp_path):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(CourseError, match=words):
        load_device(tmp_path / "x.json")


def test_unknown_names():
    with pytest.raises(CourseError, match=r"no device 'h20'.*did you mean 'h200'"):
        load_device("h20")
    with pytest.raises(CourseError, match="can't be read"):
        load_device("nowhere.json")
    with pytest.raises(CourseError, match="no cluster 'x'"):
        load_cluster("x")
