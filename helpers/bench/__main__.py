"""python -m helpers.bench NAME [--json]: measure our speed."""

import os
import sys

# numpy and PyTorch read these once, when they are imported: one thread each, so that their pools cannot spin
# against each other.
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

from helpers.bench.cli import main  # noqa: E402
from helpers.command import run  # noqa: E402

if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
