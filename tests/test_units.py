"""One unit for memory in all that students read: MiB and GiB, never MB or GB (rates in GB/s are decimal, as usual)."""

import re

import pytest

from autograder.course import REPOSITORY

DECIMAL = re.compile(r"\b(?:KB|MB|GB)\b(?!/s)")


@pytest.mark.parametrize("name", ["convolution", "cnn_runtime", "cudnn_reading", "performance_factors", "remember"])
def test_notebooks_count_memory_in_binary_units(name):
    text = (REPOSITORY / "solutions" / name / f"{name}.py").read_text()
    assert DECIMAL.findall(text) == []


@pytest.mark.parametrize("path", ["docs/convolution.md", "docs/training.md"])
def test_tables_of_the_docs_do_so_too(path):
    text = (REPOSITORY / path).read_text()
    assert "MiB" in text
    assert not re.search(r"\bMB\b", text)
