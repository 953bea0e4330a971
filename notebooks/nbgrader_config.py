"""nbgrader's Validate (the button in a notebook's toolbar, and `nbgrader validate`) for this course's notebooks.

It runs a notebook from top to bottom: here at the small size of grading, with time enough for its training, and
without counting answers that a person grades. It is read where Jupyter, or `nbgrader validate`, is started.
"""


def leave_answers_to_a_person(notebook):
    """Without the checksum of the empty answer, Validate does not take an empty answer for a failed test."""
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("grade") and about.get("solution"):
            about.pop("checksum", None)


c = get_config()  # noqa: F821
c.Execute.timeout = 600  # seconds a cell
c.Execute.on_notebook_start = leave_answers_to_a_person
# The small size is set in the kernel that Validate starts alone: a notebook that is open keeps its own. One thread each
# is fast at these sizes, also on a busy machine.
variables = {"COURSE_SIZE": "quick", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
c.Execute.extra_arguments = [f"--IPKernelApp.exec_lines=import os; os.environ.update({variables})"]
