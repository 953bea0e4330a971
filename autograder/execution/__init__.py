"""One hand-in run: the student's cells in one process, the test cells in another, what they said made harmless."""
