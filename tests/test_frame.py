"""The repository's frame: pins that agree, one home for the data, files that stay readable."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s#;]+)", re.M)


def _name(requirement: str) -> str:
    return re.split(r"[<>=!~\[; ]", requirement)[0].lower().replace("_", "-")


@pytest.fixture(scope="module")
def lock() -> dict[str, str]:
    return {_name(name): version for name, version in PIN.findall((ROOT / "requirements.lock").read_text())}


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_environment_yml_has_the_pins_of_the_lock(lock):
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip = next(d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    pins = {_name(name): version for name, version in PIN.findall("\n".join(pip))}
    assert {"jupyter", "numpy", "torch", "matplotlib", "nbgrader"} <= set(pins)
    assert pins == {name: lock[name] for name in pins}


def test_every_direct_dependency_is_in_the_lock_and_in_environment_yml(lock, project):
    wanted = list(project["dependencies"])
    for extra, group in project["optional-dependencies"].items():
        wanted += group if extra != "usual" else []  # what only some courses want
    names = {_name(requirement) for requirement in wanted}
    assert names <= set(lock)
    assert names <= {_name(line.strip(" -")) for line in (ROOT / "environment.yml").read_text().splitlines()}
    assert lock["torch"] == "2.13.0"


def test_what_is_installed_is_what_the_lock_says(lock):
    from importlib.metadata import version

    for name in ("numpy", "nbgrader", "jupytext", "matplotlib"):
        assert version(name) == lock[name], f"run `make test`, which refreshes .venv; {name} is at {version(name)}"


def test_the_mnist_files_are_those_of_the_sums():
    folder = ROOT / "helpers/data/mnist"
    lines = (folder / "SHA256SUMS").read_text().split()
    for digest, name in zip(lines[::2], lines[1::2], strict=True):
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_importing_helpers_is_light():
    heavy = "torch", "triton", "matplotlib", "tqdm", "IPython", "pooch", "nbgrader"
    rooms = "helpers, helpers.primitives, helpers.nn, helpers.plots"
    code = f"import sys, threading, {rooms}; print([m for m in {heavy} if m in sys.modules], threading.active_count())"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert out.strip() == "[] 1"


@pytest.mark.slow
def test_every_collection_finds_the_same_tests():
    """Names with the time of day or a set's order in them break the tests, once in a while, on two workers."""
    found = [
        subprocess.run(
            [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "slow or not slow"],
            cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed, "PYTEST_ADDOPTS": ""},
            capture_output=True, text=True, check=True,
        ).stdout.splitlines()[:-1]
        for seed in ("1", "77")
    ]  # fmt: skip
    assert len(found[0]) > 1000
    assert found[0] == found[1]


@pytest.mark.promise("With the wheel installed, the notebook needs nothing else, not even a network.")
def test_all_that_the_notebooks_need_is_in_the_package():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["helpers"]
    packed = {path for pattern in wanted for path in (ROOT / "helpers").glob(pattern)}
    beside = {path for path in (ROOT / "helpers").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    missing = {path.relative_to(ROOT / "helpers") for path in beside - packed if path.name != "README.md"}
    assert {str(path.parent) for path in missing} == {"check/right_answers"}, "private, and nothing else is left out"
