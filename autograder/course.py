"""Where a course lies on the disk, and what its environment needs before nbgrader is started."""

from __future__ import annotations

import os
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.errors import CourseError

if TYPE_CHECKING:
    from traitlets.config import Config

REPOSITORY = Path(__file__).resolve().parent.parent
# What nbgrader leaves where it is when it copies files: to the release, or beside a student's work.
IGNORED = (
    ".ipynb_checkpoints", "__pycache__", "*.pyc", "feedback", "*.py", "assignment.toml", "mistakes",
    "class", "rubric*", ".*",
)  # fmt: skip
CONFIG = Path(__file__).with_name("nbgrader_config.py")
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Course:
    """`root` holds solutions/ and notebooks/; `class_dir` holds what one class hands in and gets back."""

    root: Path = field(default_factory=lambda: Path(os.environ.get("COURSE_ROOT", REPOSITORY)).resolve())
    class_dir: Path = field(
        default_factory=lambda: Path(os.environ.get("COURSE_CLASS_DIR", REPOSITORY / "autograder")).resolve()
    )

    @property
    def solutions(self) -> Path:
        return self.root / "solutions"

    @property
    def notebooks(self) -> Path:
        return self.root / "notebooks"

    @property
    def submitted(self) -> Path:
        return self.class_dir / "submitted"

    @property
    def autograded(self) -> Path:
        return self.class_dir / "autograded"

    @property
    def feedback(self) -> Path:
        return self.class_dir / "feedback"

    @property
    def reports(self) -> Path:
        return self.class_dir / "reports"

    @property
    def db_url(self) -> str:
        return f"sqlite:///{self.class_dir / 'gradebook.db'}"

    def assignments(self) -> list[str]:
        """Names of the folders in solutions/ that hold a source notebook of the same name."""
        return sorted(p.parent.name for p in self.solutions.glob("*/*.py") if p.stem == p.parent.name)

    def source(self, name: str) -> Path:
        """The text source of an assignment; CourseError where there is none."""
        path = self.solutions / name / f"{name}.py"
        if name not in self.assignments():
            known = ", ".join(self.assignments()) or "none yet"
            raise CourseError(f"There is no assignment called {name!r} in solutions/; there is: {known}.")
        return path


def prepare_environment() -> None:
    """Set what kernels and nbgrader's own sub-processes need; what is already set stays."""
    scripts = os.pathsep.join(dict.fromkeys([str(Path(sys.executable).parent), sysconfig.get_path("scripts")]))
    paths = os.environ.get("PATH", os.defpath)
    if not paths.startswith(scripts):
        os.environ["PATH"] = scripts + os.pathsep + paths
    for variable in THREAD_VARIABLES:
        os.environ.setdefault(variable, "1")
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")


def clean_name(name: str, what: str) -> str:
    """Refuse names that would step out of their folder or that nbgrader cannot hold."""
    if not name or name != name.strip() or name.startswith(".") or any(c in name for c in "/\\\0"):
        raise CourseError(f"{name!r} can't be the name of {what}; use a plain name without a slash or a leading dot.")
    return name


def load_config() -> Config:
    """The class's nbgrader configuration, the same that stock commands read."""
    from traitlets.config.loader import PyFileConfigLoader

    return PyFileConfigLoader(CONFIG.name, path=str(CONFIG.parent)).load_config()
