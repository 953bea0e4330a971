"""What a student's test cell calls, `check.ASSIGNMENT.NAME(…)`: checks that say which mistake was made.

Each check runs the student's code on a few small cases, shows a report and, at the first mistake, raises `CheckFailed`
with a hint in plain words.
"""

from pathlib import Path

from helpers.lazy import lazy
from helpers.notebook import explain_missing_names

ASSIGNMENTS = tuple(
    sorted(path.parent.name for path in Path(__file__).parent.glob("*/__init__.py") if path.parent.name != "core")
)

__all__, __getattr__, __dir__ = lazy(
    __name__, {"core.report": ["CheckFailed", "Report"], "core.summary": ["summary"]}, ASSIGNMENTS
)

explain_missing_names()
