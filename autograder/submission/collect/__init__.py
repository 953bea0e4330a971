"""From a learning platform's download to CLASSDIR/submitted: whose file is it, and is it safe to unpack?"""

from .collected import late_note
from .collecting import Collected, collect

__all__ = ["Collected", "collect", "late_note"]
