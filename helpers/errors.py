"""The one kind of error that the course shows to people, and what ends a student's code that takes too long."""


class CourseError(ValueError):
    """Something that the reader can fix. The message is one plain sentence: what was wrong, which value, what to do.

    Command lines print it as ``error: …`` and leave with exit code 2.
    """


class TooLong(BaseException):
    """Raised in code that has used up its time. Not an Exception, so that ``except Exception`` does not catch it."""
