"""What a student's test cell calls, `check.ASSIGNMENT.NAME(…)`: checks that say which mistake was made.

Each check runs the student's code on a few small cases, shows a report and, at the first mistake, raises `CheckFailed`
with a hint in plain words.
"""

from helpers.lazy import lazy

ASSIGNMENTS = ("cnn_learning", "cnn_runtime", "convolution", "cudnn_reading", "network_from_scratch")

__all__, __getattr__, __dir__ = lazy(__name__, {"core.report": ["CheckFailed", "Report"]}, ASSIGNMENTS)
