"""Run `python -m autograder …`."""

import sys

from . import ahead

if __name__ == "__main__":
    ahead.start(sys.argv[1:])
    from .cli import main

    main()
