"""python -m helpers.bench NAME [--json]: measure our speed."""

import sys

from helpers.threads import limit_threads

limit_threads(1)  # before numpy and PyTorch are imported: their pools are never made

from helpers.bench.cli import main  # noqa: E402
from helpers.command import run  # noqa: E402

if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
