"""The checks of the assignment `NAME`."""

from helpers.lazy import lazy

__all__, __getattr__, __dir__ = lazy(__name__, {"elementwise": ["square"], "..core.form": ["form"]})
