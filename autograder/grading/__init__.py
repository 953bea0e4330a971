"""The grading engine: bytes of a hand-in and a snapshot of the assignment in, a graded notebook or a reason out.

`reading` takes the file, `rebuild` mends the notebook, `execute` runs the student's cells and the test cells in two
processes, `task.work` is all that as one pure function for any executor, `record` is the one writer of the gradebook.
"""
