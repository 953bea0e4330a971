"""Run `python -m autograder …`."""

import sys

from . import prewarm

if __name__ == "__main__":
    prewarm.start(sys.argv[1:])
    from .cli import main

    main()
