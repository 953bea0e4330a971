"""What all tests share."""

import gc
import os
import sys
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

import autograder  # noqa: F401  before nbformat: it spares each process a second of imports
from autograder.course import THREAD_VARIABLES

for name in THREAD_VARIABLES:  # before numpy: thread pools of several processes wait for each other on few cores
    os.environ.setdefault(name, "1")

ONE_CLASS = (
    *("test_bonus.py", "test_findings.py", "test_grade.py", "test_grading_nbgrader.py", "test_parallel_slurm.py"),
    *("test_repairs.py", "test_report.py", "test_rest.py"),
)
LONG = ("test_sample_class.py", "test_attacks.py", "test_judged_bank.py", "test_mistakes.py", "test_parallel_resume.py")


@pytest.fixture(autouse=True)
def no_check_has_failed():
    """Checks that build on others look at which of these failed in this process, which is one notebook's as a rule."""
    if report := sys.modules.get("helpers.check.core.report"):
        report.failed.clear()


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is imported and collected stays: to look for garbage among it takes a third of the time of collecting."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items):
    """What takes longest begins first, so that the processes end together."""
    items.sort(key=lambda item: item.path.name not in LONG)


class ByClass(LoadFileScheduling):
    """A file's tests share a process, and so do all files that look at the graded class, so that it is graded once."""

    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        return "the graded class" if Path(file).name in ONE_CLASS else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return ByClass(config, log)
