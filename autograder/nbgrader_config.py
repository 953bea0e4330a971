"""nbgrader's configuration for this course; run nbgrader's own commands in this folder, or elsewhere
with JUPYTER_CONFIG_PATH naming this folder.

COURSE_CLASS_DIR names the folder of the class (default: this one): submitted/, autograded/, feedback/,
gradebook.db.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from nbgrader import preprocessors as stock

from autograder import error_sentence
from autograder import nbgrader_plugins as ours
from autograder.course import IGNORED, Course, prepare_environment

sys.excepthook = error_sentence.hook
course = Course()
prepare_environment()
os.environ.setdefault("COURSE_SIZE", "quick")
# Where nbconvert finds templates: one of ours takes the place of that which loads MathJax from the network.
templates = str(Path(ours.__file__).parent / "reports" / "templates")
paths = [path for path in os.environ.get("JUPYTER_PATH", "").split(os.pathsep) if path and path != templates]
os.environ["JUPYTER_PATH"] = os.pathsep.join([templates, *paths])

c = get_config()  # type: ignore[name-defined]  # noqa: F821

c.Application.logging_config = {
    "filters": {"students": {"()": "autograder.text.LogFilter"}}, "handlers": {"console": {"filters": ["students"]}},
}  # fmt: skip

c.CourseDirectory.course_id = "from-scratch-to-cudnn"
c.CourseDirectory.root = str(course.root)
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"
c.CourseDirectory.submitted_directory = str(course.submitted)
c.CourseDirectory.autograded_directory = str(course.autograded)
c.CourseDirectory.feedback_directory = str(course.feedback)
c.CourseDirectory.db_url = course.db_url
c.CourseDirectory.ignore = list(IGNORED)

c.ClearSolutions.code_stub = {
    "python": '# YOUR CODE HERE\nraise NotImplementedError("still to do: write this part, then delete this line")'
}
c.ClearSolutions.text_stub = "*Your answer here: replace this line.*"
# Rubrics stand in locked text cells: removed at release, put back when grading.
c.ClearMarkScheme.enforce_metadata = False

# The grading engine of `python -m autograder grade`, one submission after the other.
c.Autograde.sanitize_preprocessors = [ours.RebuildSubmission, stock.CheckCellMetadata]
c.Autograde.autograde_preprocessors = [
    ours.ExecuteSubmission, stock.IgnorePattern, stock.LimitOutput, ours.SaveGrades, stock.AssignLatePenalties,
    stock.CheckCellMetadata,
]  # fmt: skip
c.AssignLatePenalties.plugin_class = ours.LatePenalty
c.ExecuteSubmission.timeout = 60
c.ExecuteSubmission.budget = 300

c.GenerateFeedback.preprocessors = []
c.GenerateFeedback.exporter_class = ours.FeedbackExporter
c.GenerateFeedback.pre_convert_hook = ours.bonus_hook
c.HTMLExporter.preprocessors = [ours.EscapeNames]
c.HTMLExporter.filters = {"markdown2html": ours.markdown2html}
ours.escape_names_in_pages()
c.ExportApp.plugin_class = ours.TableExporter
c.Exchange.path_includes_course = False
