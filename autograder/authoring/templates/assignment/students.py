"""The sample class: who hands in what, and in expected.csv what they must score."""

from autograder.authoring.student import Edit, Student

STUDENTS = (
    Student("ada", "the model solution"),
    Student("ben", "adds where he should multiply", edits=(Edit("A-square", "x * x", "x + x"),)),
    Student.untouched("cleo", "did nothing"),
)
