"""The one kind of error that the course shows to people."""


class CourseError(ValueError):
    """Something that a reader can mend. The message is one plain sentence: what was wrong, which value, what to do.

    Command lines print it as ``error: …`` and leave with exit code 2.
    """
