"""Without PyTorch, or with one that is broken, and without pydantic: everything that does not use them works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.authoring.source import read
from autograder.course import Course
from helpers.zoo import ZOO as LISTED

ROOT = Path(__file__).parents[1]

KINDS = {
    "missing": "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')",
    "broken": "raise OSError('libcudart.so.13: cannot open shared object file')",
}

RUN = """
import sys
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.enable_gui = lambda gui=None: None
for number, cell in enumerate(Path(sys.argv[1]).read_text(encoding="utf-8").split("\\0")):
    if not shell.run_cell(cell).success:
        sys.exit(f"cell {number} failed: {cell[:80]}")
print("torch loaded:", "torch" in sys.modules)
"""


def blocked(folder: Path, package: str, code: str) -> dict[str, str]:
    (folder / "blocked" / package).mkdir(parents=True)
    (folder / "blocked" / package / "__init__.py").write_text(code)
    paths = os.pathsep.join([str(folder / "blocked"), str(ROOT)])
    return {**os.environ, "PYTHONPATH": paths, "COURSE_SIZE": "quick", "MPLBACKEND": "agg"}


def python(code: str, folder: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)


def run_notebook(name: str, folder: Path, environment: dict[str, str]) -> str:
    """What the model solution prints, from top to bottom at the size of grading; every test cell passes."""
    course = Course()
    _, notebook = read(course.source(name))
    cells = folder / "cells"
    cells.write_text("\0".join(c.source for c in notebook.cells if c.cell_type == "code"), encoding="utf-8")
    done = python(RUN, folder, environment, str(cells))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.endswith("torch loaded: False\n")
    return done.stdout


LEFT_OUT = {
    "network_from_scratch": ("missing", "Part F has numpy alone to compare, and grading tries the others."),
    "cudnn_reading": ("broken", "its functions are still checked, and grading measures with them."),
    "convolution": ("missing", "and Part H is left out."),
    "cnn_learning": ("broken", ""),
    "cnn_runtime": ("broken", "its rows and curves are left out, and numpy's are measured."),
    "remember": ("broken", ""),
    "generate": ("missing", ""),
    "performance_factors": ("missing", "its rows in Parts B and D and the two real processes of Part E are left out."),
}


@pytest.mark.promise(
    "a notebook says in one sentence what it leaves out without it, and its checks fail nobody for it."
)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "convolution" else [pytest.mark.slow]) for name in LEFT_OUT]
)
def test_model_solutions_run_without_torch_and_say_what_is_left_out(name, tmp_path):
    kind, left_out = LEFT_OUT[name]
    said = run_notebook(name, tmp_path, blocked(tmp_path, "torch", KINDS[kind]))
    assert ("PyTorch cannot be imported here (it is optional): " in said) == bool(left_out)
    assert left_out in said


def test_every_assignment_is_run_without_torch():
    assert sorted(LEFT_OUT) == Course().assignments()


USE = """
import sys
from helpers import check
from helpers.backend import array_namespace, backend, cuda_available, torch_or_none
from helpers.errors import CourseError
from helpers.nn import MLP, train_epoch
from helpers.study.cnn_runtime.backends import check_backend
from helpers.study.training_step import TrainingStep
assert torch_or_none() is None and not cuda_available()
assert backend("auto").name == "numpy"
for use in (lambda: backend("torch"), TrainingStep, lambda: check_backend("torch")):
    try:
        use()
        sys.exit("nothing was said")
    except CourseError as error:
        assert str(error).startswith("PyTorch is not installed; install torch, "), error
check.network_from_scratch.portable(MLP, train_epoch)
check.cudnn_reading.training_step({}, [], threads=None)
"""


@pytest.mark.parametrize("kind", KINDS)
def test_what_needs_torch_says_so(kind, tmp_path):
    """A library that cannot be loaded is as good as none; a check that needs it passes and says what was left out."""
    done = python(USE, tmp_path, blocked(tmp_path, "torch", KINDS[kind]))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "numpy alone, for PyTorch is missing here; grading tries both" in done.stdout
    assert "no record here, for it needs PyTorch; grading makes one with your `step_times`" in done.stdout


ZOO = """
import sys
from helpers.zoo.__main__ import main
for name in sys.argv[2:]:
    main([name, "--quick", "--out", sys.argv[1]])
print("torch loaded:", "torch" in sys.modules)
"""


@pytest.mark.parametrize(
    "names", [("recurrent",), pytest.param(("all",), marks=pytest.mark.slow)], ids=" ".join
)
def test_the_zoo_trains_without_torch(names, tmp_path):
    environment = blocked(tmp_path, "torch", KINDS["broken"])
    done = python(ZOO, tmp_path, environment, str(tmp_path / "zoo"), *names)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.endswith("torch loaded: False\n")
    assert "MISSED" not in done.stdout
    assert len(list((tmp_path / "zoo").glob("*.png"))) == (len(LISTED) if names == ("all",) else len(names))


IMPORT = """
import importlib, pkgutil, sys
import helpers
for module in pkgutil.walk_packages(helpers.__path__, "helpers."):
    if not module.name.endswith(("__main__", "spec_model", "pooling_torch", "triton_kernels")):
        importlib.import_module(module.name)
print([name for name in ("pydantic", "torch", "triton") if name in sys.modules])
from helpers.errors import CourseError
from helpers.nn.spec import NETWORKS, load_spec
try:
    load_spec(NETWORKS / "convolutional_nn.json")
except CourseError as error:
    print(error)
"""


def test_pydantic_is_needed_for_json_networks_alone(tmp_path):
    missing = KINDS["missing"].replace("torch", "pydantic")
    done = python(IMPORT, tmp_path, blocked(tmp_path, "pydantic", missing))
    assert done.stdout.splitlines() == [
        "[]",
        "convolutional_nn.json: A network in a JSON file is read with the package pydantic, which is not installed: "
        "pip install pydantic.",
    ], done.stdout + done.stderr
