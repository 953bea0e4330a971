"""One thread a run, whatever was imported before, unless the environment asks for more."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.threads import VARIABLES, asked_for, limit_threads

ROOT = Path(__file__).parents[2]

NOW = """
import json, os, sys
def now():
    from threadpoolctl import threadpool_info
    said = {one["user_api"]: one["num_threads"] for one in threadpool_info()}
    if "torch" in sys.modules:
        said["torch"] = sys.modules["torch"].get_num_threads()
    return said
"""


def python(code: str, **variables: str) -> list:
    """What a new process prints as JSON, started with these variables and without others for threads."""
    left_out = (*VARIABLES, *(name for name in os.environ if name.endswith("_NUM_THREADS")))
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", NOW + code], capture_output=True, text=True, check=True,
        env={**environment, "PYTHONPATH": paths, **variables},
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def needs_threadpoolctl():
    pytest.importorskip("threadpoolctl", reason="threadpoolctl is not installed; run `make test`, which installs it")


@pytest.mark.parametrize(
    ("values", "number"),
    [({}, None), ({"OMP_NUM_THREADS": "4"}, 4), ({"OMP_NUM_THREADS": "4,2"}, 4), ({"MKL_NUM_THREADS": "many"}, None),
     ({"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "4"}, 2), ({"OMP_NUM_THREADS": "0"}, None)],
)  # fmt: skip
def test_what_the_environment_asks_for(values, number, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert asked_for() == number


def test_processes_that_are_started_inside_inherit_it(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    with limit_threads(3):
        assert {os.environ[name] for name in VARIABLES} == {"3"}
    assert "OMP_NUM_THREADS" not in os.environ
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"


@pytest.mark.usefixtures("needs_threadpoolctl")
def test_numpy_that_was_imported_before_is_limited_and_comes_back():
    code = """
import numpy
from threadpoolctl import threadpool_limits
threadpool_limits(3)
from helpers.threads import limit_threads
with limit_threads():
    print(json.dumps([now(), os.environ["OMP_NUM_THREADS"]]))
print(json.dumps([now(), os.environ.get("OMP_NUM_THREADS")]))
limit_threads(1)
with limit_threads():
    pass
print(json.dumps([now(), os.environ["OMP_NUM_THREADS"]]))
"""
    assert python(code) == [[{"blas": 1}, "1"], [{"blas": 3}, None], [{"blas": 1}, "1"]]


@pytest.mark.usefixtures("needs_threadpoolctl")
def test_torch_is_limited_before_its_import_and_after_it():
    pytest.importorskip("torch")
    code = """
from helpers.threads import limit_threads
if os.environ.get("FIRST"):
    import torch
    torch.set_num_threads(3)
limit_threads(1)
import torch
print(json.dumps(now()["torch"]))
with limit_threads(2):
    print(json.dumps(now()["torch"]))
print(json.dumps(now()["torch"]))
"""
    assert python(code) == python(code, FIRST="1") == [1, 2, 1]


RUN = """
import numpy
from threadpoolctl import threadpool_limits
from helpers.data import load
from helpers.train import fit
from helpers.timing import measure
if not os.environ.get("OMP_NUM_THREADS"):
    threadpool_limits(3)
seen = []
fit(None, lambda *_, **__: seen.append(now()["blas"]) or 1.0, lambda *_: (1.0, 0.5), load(train=64, test=10), lr=1,
    epochs=1)
measure({"a": lambda: seen.append(now()["blas"])}, rounds=1, warmup=0)
print(json.dumps([seen, now()["blas"]]))
"""


@pytest.mark.usefixtures("needs_threadpoolctl")
def test_training_and_measuring_have_one_thread_or_as_many_as_the_environment_asks_for():
    assert python(RUN) == [[[1, 1], 3]]
    assert python(RUN, OMP_NUM_THREADS="2") == [[[2, 2], 2]]


def test_without_threadpoolctl_nothing_breaks():
    code = """
sys.modules["threadpoolctl"] = None
import numpy
from helpers.threads import limit_threads
limit_threads(1)
print(json.dumps(os.environ["OPENBLAS_NUM_THREADS"]))
"""
    assert python(code) == ["1"]
