"""In which order the columns of an image lie in memory, so that neither pooling nor the next stage has to sort them.

A pooling window compares a column with the next one. If even columns lie side by side, and odd ones after them, that is
one comparison of two long runs of memory instead of many of single columns. What comes out is the next stage's input
and should lie in that order as well, so for two stages the images' columns are sorted by their last *two* bits: 0, 4,
8, …, 2, 6, …, 1, 5, …, 3, 7, …; the even half then gives pooled columns 0, 2, 4, …, 1, 3, …. This is the order of
a fast Fourier transform, bit reversal. It is free: lowering copies the columns anyway, and it can pick them anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence


def column_order(width: int, stages: int) -> list[int]:
    """Columns 0 … width − 1 in the order of memory: by their lowest bit, then by the next, for so many stages."""
    return sorted(range(width), key=lambda column: [column >> bit & 1 for bit in range(stages)])


def shifts(order: Sequence[int], pooled: Sequence[int], s: int) -> list[tuple[int, int, slice, slice]]:
    """What lowering copies: (shift i < s, plane, places in the plane, places in memory), each a run of columns.

    order: the input's columns in memory; pooled: those of the pooled output. Plane 0 holds the left columns of all
    windows, in that order, and plane 1 the right ones: window j of plane 0 takes columns 2·j + i.
    """
    place = {column: i for i, column in enumerate(order)}
    found = []
    for i in range(s):
        for plane in (0, 1):
            places = [place[2 * j + plane + i] for j in pooled]
            start = 0
            for end in range(1, len(places) + 1):
                if end == len(places) or places[end] != places[end - 1] + 1:
                    at = places[start]
                    found.append((i, plane, slice(start, end), slice(at, at + end - start)))
                    start = end
    return found
