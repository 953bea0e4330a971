"""Measure what the chooser chooses from: every algorithm on layers as networks have them, between those of the paper.

`python -m tests.helpers.primitives.measured_choices` writes measured_choices.json anew (two minutes on one quiet core).
"""

from __future__ import annotations

import json
from pathlib import Path

from helpers.primitives import ConvSpec
from helpers.primitives.choose import find
from helpers.primitives.spec import PASSES
from helpers.threads import limit_threads
from helpers.timing import environment

FILE = Path(__file__).with_suffix(".json")
SHAPES = [
    (64, 16, 28, 28, 16, 3, 3, 1, 1, 1, 1), (64, 8, 28, 28, 16, 3, 3, 1, 1, 1, 1),
    (64, 16, 14, 14, 32, 3, 3, 1, 1, 1, 1), (64, 32, 14, 14, 32, 3, 3, 1, 1, 1, 1),
    (64, 16, 28, 28, 32, 5, 5, 1, 1, 2, 2), (64, 32, 32, 32, 32, 3, 3, 1, 1, 1, 1),
    (64, 16, 13, 13, 16, 3, 3, 1, 1, 0, 0), (64, 6, 12, 12, 16, 5, 5, 1, 1, 0, 0),
    (16, 16, 28, 28, 16, 3, 3, 1, 1, 1, 1), (64, 8, 13, 13, 16, 3, 3, 1, 1, 0, 0),
    (100, 1, 28, 28, 8, 3, 3, 1, 1, 1, 1), (64, 1, 28, 28, 16, 5, 5, 1, 1, 2, 2),
    (32, 3, 32, 32, 16, 3, 3, 1, 1, 1, 1), (16, 64, 56, 56, 64, 3, 3, 1, 1, 1, 1),
    (8, 64, 16, 16, 128, 5, 5, 1, 1, 2, 2), (64, 16, 28, 28, 32, 3, 3, 2, 2, 1, 1),
    (32, 3, 64, 64, 32, 7, 7, 2, 2, 3, 3), (64, 128, 7, 7, 128, 3, 3, 1, 1, 1, 1),
]  # fmt: skip
"""N, C, H, W, K, R, S, u, v, pad_h, pad_w."""


def main() -> None:
    """Milliseconds of each algorithm by shape, pass and layout."""
    found = []
    with limit_threads(1):
        for shape in SHAPES:
            for which in PASSES:
                for chwn in (False, True):
                    times = find(ConvSpec(*shape), which, chwn=chwn)
                    found.append([shape, which, chwn, {c.algorithm: round(1e3 * c.seconds, 3) for c in times}])
    lines = ",\n".join(json.dumps(row) for row in found)
    FILE.write_text(f'{{"machine": {json.dumps(environment()["cpu"])}, "milliseconds": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
