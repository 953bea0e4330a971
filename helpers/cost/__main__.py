"""python -m helpers.cost COMMAND: count, measure and predict what a network costs."""

import os
import sys

# numpy reads its number of threads once, when it is imported: so this comes before everything else.
threads = "1"
for argument, value in zip(sys.argv, [*sys.argv[1:], ""], strict=True):
    if argument == "--threads" or argument.startswith("--threads="):
        threads = argument.partition("=")[2] or value
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[name] = threads

from helpers.command import run  # noqa: E402
from helpers.cost.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
