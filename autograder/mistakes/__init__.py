"""The mistake bank: wrong solutions that checks must catch and name, and different right ones that must pass.

It lies in solutions/NAME/mistakes/; `bank` says how it is written.
"""

from .bank import Bank, Solution, load
from .run import once

__all__ = ["Bank", "Solution", "load", "once"]
