"""What all tests share."""

import os
import sys

import pytest

import autograder  # noqa: F401  before nbformat: it spares each process a second of imports
from autograder.course import THREAD_VARIABLES

for name in THREAD_VARIABLES:  # before numpy: thread pools of several processes wait for each other on few cores
    os.environ.setdefault(name, "1")

LONG = ("test_sample_class.py", "test_attacks.py", "test_judged_bank.py", "test_mistakes.py", "test_parallel_resume.py")


@pytest.fixture(autouse=True)
def no_check_has_failed():
    """Checks that build on others look at which of these failed in this process, which is one notebook's as a rule."""
    if report := sys.modules.get("helpers.check.core.report"):
        report.failed.clear()


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(items):
    """A file's tests share a process, and so do all that look at one class, so that it is graded once. What takes
    longest begins first, so that the processes end together.
    """
    for item in items:
        one_class = "graded" in item.fixturenames and item.path.name != "test_sample_class.py"
        item.add_marker(pytest.mark.xdist_group("the graded class" if one_class else item.path.stem))
    items.sort(key=lambda item: item.path.name not in LONG)
