"""`python -m tests.bench`: how fast the grading engine is, beside stock nbgrader on the same submissions."""
