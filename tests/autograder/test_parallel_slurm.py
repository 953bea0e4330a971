"""Grading through Slurm: the script of docs/cluster.md on a real Slurm of one node."""

import os
import re
import subprocess
import sys

import pytest

from autograder.parallel import dask_worker
from autograder.parallel.dask import Dask
from tests.autograder.one_node_slurm import Slurm, missing
from tests.autograder.test_parallel_local_pool import ROOT, STAND_IN, answers, left_of, order
from tests.autograder.test_parallel_resume import PEOPLE, Class, pages

pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed (pip install -r requirements.lock)")
WHY = missing() or ("Slurm's daemons are started as root" if os.geteuid() else "")
pytestmark = pytest.mark.skipif(bool(WHY), reason=WHY)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    made = Slurm(tmp_path_factory.mktemp("slurm"))
    yield made
    made.end()


@pytest.fixture
def address(slurm, tmp_path):
    """The address that the documented script prints, with one worker."""
    (script,) = re.findall(r"```python\n(import sys\n.*?)```", (ROOT / "docs" / "cluster.md").read_text(), re.S)
    (tmp_path / "cluster.py").write_text(script)
    process = subprocess.Popen(
        [sys.executable, "cluster.py", "1"], cwd=tmp_path, env=slurm.environ | {"PYTHONPATH": str(ROOT)}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    line = process.stdout.readline().strip()
    if "://" not in line:
        process.kill()
        pytest.fail(f"the script printed {line!r} and {process.communicate()[1][-1500:]}")
    yield line
    process.communicate("\n", timeout=30)
    assert process.returncode == 0


@pytest.mark.promise("a few machines or a Slurm cluster can share the work ([cluster.md](cluster.md)).")
def test_the_documented_script_brings_workers_that_grade(slurm, address):
    dask_worker.code_print.cache_clear()
    with Dask(address, work=STAND_IN) as dask:
        found = answers(dask, [*(order(f"s{i}") for i in range(8)), order("dies", "die")])
        assert {k: v["said"] for k, v in found.items() if k != "dies"} == {f"s{i}": f"s{i}" for i in range(8)}
        assert found["dies"] == "the process that graded it died with exit code 3"
        assert slurm.ask("squeue", "-h", "-o", "%T").split() == ["RUNNING"]
        pids = {v["pid"] for k, v in found.items() if k != "dies"}
    assert left_of(pids) == []


def test_a_whole_class_gets_the_same_scores_there(mini, graded, address, tmp_path):
    here, there = (Class(mini, tmp_path / name).hand_in(PEOPLE) for name in ("here", "there"))
    here.run("-j", "2")
    assert "10 graded now" in there.run("--scheduler", address)
    assert there.found() == here.found()
    assert pages(there) == pages(here)
    assert "0 graded now, 10 unchanged" in there.run("--scheduler", address)
