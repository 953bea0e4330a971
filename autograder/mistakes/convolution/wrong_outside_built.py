"""Right solutions of outsiders with one thing wrong in each: (right name, new cell)."""

from __future__ import annotations

from .right_outside import CELLS


def but(cell: str, way: str, *changes: tuple[str, str]) -> str:
    """A right solution with pieces of its text replaced; each has to be there."""
    text = CELLS[cell][way]
    for old, new in changes:
        assert old in text, (cell, way, old)
        text = text.replace(old, new)
    return text


LOOPS = "seven loops and a bound test instead of padding"

ROWS: dict[str, list[tuple[str, ...]]] = {
    "A-forward": [
        ("channels-not-summed", but("A-forward", "nested lists", ("for c in range(C) for r in range(R) for s in range(S))\n", "for c in range(1) for r in range(R) for s in range(S))\n"))),
        ("raises", but("A-forward", LOOPS, ("w[k, c, r, s]", "w[k, c, s, r]"))),
        ("raises", but("A-forward", LOOPS, ("w[k, c, r, s]", "w[c, k, r, s]"))),
        ("raises", but("A-forward", LOOPS, ("y[n, k, p, q] =", "y[k, n, p, q] ="))),
        ("letters-mixed-up", but("A-forward", LOOPS, ("output_size(H, R, stride[0], padding[0])", "output_size(W, S, stride[0], padding[0])"))),
        ("total-not-reset", but("A-forward", LOOPS, ("                    total = 0.0\n", ""), ("        for k in range(K):", "        for k in range(K):\n            total = 0.0"))),
        ("one-filter-only", but("A-forward", LOOPS, ("w[k, c", "w[0, c"))),
        ("one-image-only", but("A-forward", LOOPS, ("x[n, c", "x[0, c"))),
        ("negative-index", but("A-forward", LOOPS, ("0 <= row < H and 0 <= column < W", "0 <= row < H and column < W"))),
        ("raises", but("A-forward", LOOPS, ("row < H", "row <= H"))),
        ("index-mixed-up", but("A-forward", LOOPS, ("- padding[0]", "- 2 * padding[0]"))),
        ("padding-swapped", but("A-forward", LOOPS, ("r - padding[0]", "r - padding[1]"), ("s - padding[1]", "s - padding[0]"))),
        ("stride-ignored", but("A-forward", "einsum over sliding windows", ("[:, :, :: stride[0], :: stride[1]]", ""))),
        ("stride-swapped", but("A-forward", "einsum over sliding windows", (":: stride[0], :: stride[1]", ":: stride[1], :: stride[0]"))),
        ("images-filters-swapped", but("A-forward", "einsum over sliding windows", ("->nkpq", "->knpq"))),
        ("raises", but("A-forward", "einsum over sliding windows", ("kcrs->", "kcsr->"))),
        ("stride-ignored", but("A-forward", "as_strided and tensordot, axes moved", ("h * u, i * v", "h, i"))),
        ("filters-last", but("A-forward", "as_strided and tensordot, axes moved", ("np.moveaxis(", "("), (", -1, 1)\n", ")\n"))),
        ("padding-swapped", but("A-forward", "PyTorch, back as numpy", ("padding=padding", "padding=tuple(padding)[::-1]"))),
        ("stride-ignored", but("A-forward", "PyTorch, back as numpy", ("stride=stride, ", ""))),
        ("padding-ignored", but("A-forward", "PyTorch, back as numpy", (", padding=padding", ""))),
        ("raises", but("A-forward", "PyTorch, back as numpy", ("conv2d", "conv_transpose2d"))),
    ],
    "A-true": [
        ("flipped-channels", but("A-true", "np.flip", (", (2, 3))", ")"))),
        ("flipped-one-axis", but("A-true", "np.flip", ("(2, 3)", "2"))),
        ("flipped-channels", but("A-true", "np.flip", ("(2, 3)", "(0, 1)"))),
        ("raises", but("A-true", "written out", ("R - 1 - r, S - 1 - s", "R - r, S - s"))),
    ],
    "B-im2col": [
        ("columns-in-another-order", but("B-im2col", "unfold", ("columns.permute(1, 0, 2)", "columns.permute(1, 2, 0)"))),
        ("stride-ignored", but("B-im2col", "sliding windows transposed", ("[:, :, :: stride[0], :: stride[1]]", ""))),
        ("reshape-for-transpose", but("B-im2col", "sliding windows transposed", ("transpose(1, 4, 5, 0, 2, 3)", "transpose(0, 1, 4, 5, 2, 3)"))),
        ("columns-in-another-order", but("B-im2col", "column after column, transposed view", ("for n in range(len(x)) for p in range(P) for q in range(Q)", "for p in range(P) for q in range(Q) for n in range(len(x))"))),
        ("lowering-transposed", but("B-im2col", "column after column, transposed view", ("]).T", "])"))),
        ("reshape-for-transpose", but("B-im2col", "column after column, transposed view", ("]).T", "]).reshape(x.shape[1] * R * S, -1)"))),
        ("batch-in-rows", but("B-im2col", "images lowered one by one and put side by side", ("np.hstack(parts)", "np.vstack(parts)"))),
        ("stride-one-axis", but("B-im2col", "index arrays", ("q * stride[1] + s", "q + s"))),
    ],
    "B-col2im": [
        ("reshape-for-transpose", but("B-col2im", "fold", ("columns = torch.tensor(columns).reshape(C * R * S, N, -1).permute(1, 0, 2)", "columns = torch.tensor(columns).reshape(N, C * R * S, -1)"))),
        ("overlap-assigned", but("B-col2im", "number by number, with a bound test", ("+= columns", "= columns"))),
        ("negative-index", but("B-col2im", "number by number, with a bound test", ("0 <= row < H and 0 <= column < W", "row < H and column < W"))),
        ("border-not-read", but("B-col2im", "number by number, with a bound test", ("0 <= row < H and 0 <= column < W", "0 < row < H and 0 < column < W"))),
    ],
    "B-tiled": [
        ("one-image-only", but("B-tiled", "one column at a time", ("x0[n, :", "x0[0, :"))),
        ("last-tile-missing", but("B-tiled", "numbers of a tile filled one at a time", (" or place == (N - 1, P - 1, Q - 1)", ""))),
        ("raises", but("B-tiled", "a while loop, tile reused in place", ("stop = min(start + width, total)", "stop = start + width"))),
        ("workspace-exceeded", but("B-tiled", "one big index array", ("workspace // (C * R * S * x.itemsize)", "workspace // (C * R * S * 4)"))),
        ("lowered-at-once", but("B-tiled", "one big index array", ("workspace // (C * R * S * x.itemsize)", "workspace * 8 // (C * R * S)"))),
    ],
}
