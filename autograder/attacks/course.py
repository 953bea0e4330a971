"""The little course that attacks are tried on, its honest students, and the secrets in it.

Every secret is drawn at random, so that knowing one proves that it was read.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.course import Course
from autograder.sample_class import Edit, Student

NAME = "small"
KINDS = ("hidden", "model", "neighbour", "key", "token")
PATTERN = r"(?:" + "|".join(KINDS) + r")-[0-9a-f]{16}"

TOML = """\
title = "Small"
points = 14

[parts]
A = "Functions"
B = "Layers"
C = "Steps"
"""

SOURCE = '''\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A small assignment

# %% given="setup"
import numpy as np

from helpers import check

# %% exercise="form"
group = [{"name": "", "id": "", "did": ""}]
ready_to_present = []

# %% test="form-check" points=0
assert isinstance(group, list), "group must be a list"

# %% [markdown] given="A-text"
# Write `double` and `square`.

# %% exercise="A-double"
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    return x + x  # MODEL
    ### END SOLUTION

# %% test="A-double-two" points=2
assert double(3) == 6, f"double(3) must be 6, not {double(3)!r}."

# %% test="A-double-hidden" points=2
assert double(1) == 2, "double(1) must be 2."
### BEGIN HIDDEN TESTS
token = "HIDDEN"
assert double(NUMBER) == TWICE, "also large numbers"
### END HIDDEN TESTS

# %% exercise="A-square"
def square(x):
    """x², for an array."""
    ### BEGIN SOLUTION
    return x * x  # MODEL
    ### END SOLUTION

# %% test="A-square-values" points=2
np.testing.assert_allclose(square(np.array([1.0, 2.0, 3.0])), [1.0, 4.0, 9.0])
### BEGIN HIDDEN TESTS
token = "HIDDEN"
np.testing.assert_allclose(square(np.array([NUMBER.5])), [NUMBER.5**2])
### END HIDDEN TESTS

# %% exercise="B-linear"
class Linear:
    def __init__(self, in_features, out_features, backend, seed=0):
        ### BEGIN SOLUTION
        self.weight = backend.normal((in_features, out_features), in_features**-0.5, seed)
        self.bias = backend.zeros((out_features,))
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return x @ self.weight + self.bias
        ### END SOLUTION

# %% test="B-linear-forward" points=2
check.network_from_scratch.linear_forward(Linear)
### BEGIN HIDDEN TESTS
check.network_from_scratch.linear_forward(Linear, seed=NUMBER)
### END HIDDEN TESTS

# %% exercise="B-softmax"
class Softmax:
    def forward(self, x):
        ### BEGIN SOLUTION
        powers = np.exp(x - x.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
        ### END SOLUTION

# %% test="B-softmax-forward" points=2
check.network_from_scratch.softmax_forward(Softmax)
### BEGIN HIDDEN TESTS
check.network_from_scratch.softmax_forward(Softmax, seed=NUMBER)
### END HIDDEN TESTS

# %% exercise="C-steps"
def steps(n):
    """n², as a sum."""
    ### BEGIN SOLUTION
    return sum(2 * k + 1 for k in range(n))
    ### END SOLUTION

# %% test="C-steps-count" points=2
right = sum(bool(steps(n) == n * n) for n in (2, 3, 5, 7))
right / 2

# %% [markdown] answer="C-why" points=2
# Because every odd number is the difference of two squares.
'''

RIGHT = """\
def double(x):
    return x + x
def square(x):
    return x * x
class Linear:
    def __init__(self, in_features, out_features, backend, seed=0):
        self.weight = backend.normal((in_features, out_features), in_features**-0.5, seed)
        self.bias = backend.zeros((out_features,))
    def forward(self, x):
        return x @ self.weight + self.bias
class Softmax:
    def forward(self, x):
        import numpy
        powers = numpy.exp(x - x.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
def steps(n):
    return n * n
"""
"""What an attacker defines once it has found a secret, which it could as well have copied."""

WRONG = """\
def double(x):
    return 7
def square(x):
    return x * 0 - 7
class Linear:
    def __init__(self, in_features, out_features, backend, seed=0):
        self.weight = backend.zeros((in_features, out_features))
        self.bias = backend.zeros((out_features,))
    def forward(self, x):
        return x @ self.weight * 0 - 7
class Softmax:
    def forward(self, x):
        return x * 0 - 7
def steps(n):
    return -7
"""

EXERCISES = ("A-double", "A-square", "B-linear", "B-softmax", "C-steps")
AUTOMATIC = 12.0


@dataclass(frozen=True)
class Secrets:
    """What no student's code may find out; `number` is an argument of the hidden tests."""

    words: Mapping[str, str]
    number: int

    @classmethod
    def draw(cls, token: str = "") -> Secrets:
        """New ones; the token is the one that the environment holds, if it does."""
        words = {kind: f"{kind}-{secrets.token_hex(8)}" for kind in KINDS}
        return cls(words | ({"token": token} if token else {}), 10**7 + secrets.randbelow(9 * 10**7))

    def source(self) -> str:
        text = SOURCE.replace('"HIDDEN"', f'"{self.words["hidden"]}"')
        text = text.replace("# MODEL", f"# {self.words['model']}")
        return text.replace("TWICE", str(2 * self.number)).replace("NUMBER", str(self.number))


def neighbours(known: Secrets) -> tuple[Student, Student]:
    """Two honest students: ada, who has everything right, and zoe, who has a part of it; graded before and after."""
    note = f"    # {known.words['neighbour']}\n"
    ada = Student("ada", "everything right", edits=(Edit("A-double", "    return x + x", note + "    return x + x"),))
    zoe = Student("zoe", "one mistake", edits=(Edit("A-square", "x * x", "x + x"),))
    return ada, zoe


def write(course: Course, known: Secrets) -> None:
    """Write the course's source files."""
    here = course.solutions / NAME
    here.mkdir(parents=True)
    (here / f"{NAME}.py").write_text(known.source(), encoding="utf-8")
    (here / "assignment.toml").write_text(TOML, encoding="utf-8")
    (here / "numbers.csv").write_text("1,2\n", encoding="utf-8")
    course.class_dir.mkdir()


def write_home(home: Path, known: Secrets) -> None:
    """The instructor's home folder, with files worth stealing."""
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "id_ed25519").write_text(f"{known.words['key']}\n")
    (home / ".bashrc").write_text("# mine\n")
    (home / ".profile").write_text("# mine\n")
    (home / ".jupyter").mkdir()
    (home / ".jupyter" / "nbgrader_config.py").write_text(f"# {known.words['key']}\nc = get_config()\n")
