"""Three matrix products over a lowered matrix that is never stored: the paper's idea (section 3) in Triton.

Explicit lowering copies the images into D_m (CRS × NPQ) and multiplies. Here every program computes one tile of the
result, and where the product asks for a tile of D_m, the kernel works out which pixels stand in it and fetches just
these from the images. What that costs is index arithmetic: division and remainder by sizes that are known when the
kernel is compiled (`tl.constexpr`), which the compiler turns into a multiplication and a shift.

Indices are the paper's: n image, c channel, k filter, (p, q) output, (r, s) in the filter, (h, w) pixel. `x_c` is the
stride of x along c, and so on: the layout lies in the strides. Reductions run with the channel fastest, so that one
tile mostly stays within one (r, s) and, in channels_last, reads neighbouring numbers.

Importing this module imports triton; on_triton does so when first needed.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def tile_of_program(rows, columns, GROUP: tl.constexpr):
    """(row, column) of this program's tile. Programs with neighbouring numbers run together; in groups of GROUP rows
    they share rows and columns of both factors in the L2 cache."""
    pid = tl.program_id(0)
    first = pid // (GROUP * columns) * GROUP
    height = tl.minimum(rows - first, GROUP)
    inside = pid % (GROUP * columns)
    return first + inside % height, inside // height


@triton.jit
def reduction_tile(step, CHANNELS: tl.constexpr, S: tl.constexpr, TILE: tl.constexpr):
    """The TILE indices of this step and what they stand for: (index, r, s, channel), each of shape (1, TILE), or r and
    s one number for all."""
    index = (step * TILE + tl.arange(0, TILE))[None, :]
    if CHANNELS % TILE == 0:  # a tile never crosses from one (r, s) to the next
        rs = step * TILE // CHANNELS
        # The hint tells the compiler that the numbers lie in a row from a multiple of TILE on: 16 bytes a load, not 4.
        channel = (tl.multiple_of(step * TILE % CHANNELS, TILE) + tl.arange(0, TILE))[None, :]
    else:
        rs = index // CHANNELS
        channel = index % CHANNELS
    return index, rs // S, rs % S, channel


@triton.jit
def forward_kernel(
    x, w, y, N,
    x_n, x_c, x_h, x_w, w_k, w_c, w_r, w_s, y_n, y_k, y_p, y_q,
    C: tl.constexpr, H: tl.constexpr, W: tl.constexpr, K: tl.constexpr, R: tl.constexpr, S: tl.constexpr,
    P: tl.constexpr, Q: tl.constexpr, U: tl.constexpr, V: tl.constexpr, PAD_H: tl.constexpr, PAD_W: tl.constexpr,
    PRECISION: tl.constexpr, TILE_M: tl.constexpr, TILE_N: tl.constexpr, TILE_R: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    """O_mᵀ (NPQ × K) = D_mᵀ (NPQ × CRS) · F_mᵀ (CRS × K)."""
    tile_npq, tile_k = tile_of_program(tl.cdiv(N * P * Q, TILE_M), tl.cdiv(K, TILE_N), GROUP)
    npq = tile_npq * TILE_M + tl.arange(0, TILE_M)[:, None]
    n, p, q = npq // (P * Q), npq // Q % P, npq % Q
    k = tile_k * TILE_N + tl.arange(0, TILE_N)[:, None]

    h0, w0 = p * U - PAD_H, q * V - PAD_W  # the window's corner, outside of the image where it is padded
    corner = x + (n * x_n + h0 * x_h + w0 * x_w)
    total = tl.zeros((TILE_M, TILE_N), dtype=x.dtype.element_ty)
    for step in range(tl.cdiv(C * R * S, TILE_R)):
        crs, r, s, c = reduction_tile(step, C, S, TILE_R)
        inside = (n < N) & (crs < C * R * S)
        if PAD_H > 0 or PAD_W > 0:
            inside = inside & (h0 + r >= 0) & (h0 + r < H) & (w0 + s >= 0) & (w0 + s < W)
        d = tl.load(corner + (r * x_h + s * x_w + c * x_c), mask=inside, other=0.0)
        f = tl.load(w + (k * w_k) + (r * w_r + s * w_s + c * w_c), mask=(k < K) & (crs < C * R * S), other=0.0)
        total = tl.dot(d, tl.trans(f), total, input_precision=PRECISION, out_dtype=x.dtype.element_ty)

    k = tl.trans(k)
    tl.store(y + (n * y_n + p * y_p + q * y_q) + k * y_k, total, mask=(n < N) & (k < K))


@triton.jit
def backward_data_kernel(
    dy, w, dx, N, h_first, w_first, p_first, q_first, r_first, s_first,
    dy_n, dy_k, dy_p, dy_q, w_k, w_c, w_r, w_s, dx_n, dx_c, dx_h, dx_w,
    C: tl.constexpr, K: tl.constexpr, P: tl.constexpr, Q: tl.constexpr, U: tl.constexpr, V: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, R: tl.constexpr, S: tl.constexpr,
    PRECISION: tl.constexpr, TILE_M: tl.constexpr, TILE_N: tl.constexpr, TILE_R: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    """dx of the pixels of one phase: (N · ROWS · COLUMNS) × C = gathered dy (… × KRS) · filters (KRS × C).

    Pixel h meets filter row r only if h + pad − r is a multiple of the stride U, and then at output row
    p = (h + pad − r)/U. So the pixels fall into U·V phases; those of one phase, h = h_first + U·i, meet the rows
    r_first + U·r alone, at p = p_first + i − r: a convolution of stride 1. R and S count the rows and columns of this
    phase's filter.
    """
    tile_nij, tile_c = tile_of_program(tl.cdiv(N * ROWS * COLUMNS, TILE_M), tl.cdiv(C, TILE_N), GROUP)
    nij = tile_nij * TILE_M + tl.arange(0, TILE_M)[:, None]
    n, i, j = nij // (ROWS * COLUMNS), nij // COLUMNS % ROWS, nij % COLUMNS
    c = tile_c * TILE_N + tl.arange(0, TILE_N)[:, None]

    p0, q0 = p_first + i, q_first + j
    corner = dy + (n * dy_n + p0 * dy_p + q0 * dy_q)
    filters = w + (c * w_c + r_first * w_r + s_first * w_s)
    total = tl.zeros((TILE_M, TILE_N), dtype=dy.dtype.element_ty)
    for step in range(tl.cdiv(K * R * S, TILE_R)):
        krs, r, s, k = reduction_tile(step, K, S, TILE_R)
        inside = (n < N) & (krs < K * R * S) & (p0 - r >= 0) & (p0 - r < P) & (q0 - s >= 0) & (q0 - s < Q)
        d = tl.load(corner + (k * dy_k - r * dy_p - s * dy_q), mask=inside, other=0.0)
        f = tl.load(filters + (k * w_k + r * (U * w_r) + s * (V * w_s)), mask=(c < C) & (krs < K * R * S), other=0.0)
        total = tl.dot(d, tl.trans(f), total, input_precision=PRECISION, out_dtype=dy.dtype.element_ty)

    c = tl.trans(c)
    pixel = n * dx_n + (h_first + U * i) * dx_h + (w_first + V * j) * dx_w
    tl.store(dx + pixel + c * dx_c, total, mask=(n < N) & (c < C))


@triton.jit
def backward_filter_kernel(
    x, dy, parts, N, splits,
    x_n, x_c, x_h, x_w, dy_n, dy_k, dy_p, dy_q, part_z, part_k, part_c, part_r, part_s,
    C: tl.constexpr, H: tl.constexpr, W: tl.constexpr, K: tl.constexpr, R: tl.constexpr, S: tl.constexpr,
    P: tl.constexpr, Q: tl.constexpr, U: tl.constexpr, V: tl.constexpr, PAD_H: tl.constexpr, PAD_W: tl.constexpr,
    PRECISION: tl.constexpr, TILE_M: tl.constexpr, TILE_N: tl.constexpr, TILE_R: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    """Part z of dF_m (K × CRS) = dO_m (K × NPQ) · D_mᵀ (NPQ × CRS).

    The result is small and the reduction NPQ long, so it is split: program z of `splits` sums its share of NPQ into
    parts[z], and on_triton adds the parts. Unlike atomic additions that gives the same bits every time.
    """
    tile_k, tile_crs = tile_of_program(tl.cdiv(K, TILE_M), tl.cdiv(C * R * S, TILE_N), GROUP)
    z = tl.program_id(1)
    k = tile_k * TILE_M + tl.arange(0, TILE_M)[:, None]
    crs = tile_crs * TILE_N + tl.arange(0, TILE_N)[:, None]
    r, s, c = crs // C // S, crs // C % S, crs % C

    steps = tl.cdiv(tl.cdiv(N * P * Q, TILE_R), splits)
    total = tl.zeros((TILE_M, TILE_N), dtype=x.dtype.element_ty)
    for step in range(z * steps, (z + 1) * steps):
        npq = step * TILE_R + tl.arange(0, TILE_R)[None, :]
        n, p, q = npq // (P * Q), npq // Q % P, npq % Q
        h, w = p * U - PAD_H + r, q * V - PAD_W + s
        inside = (n < N) & (r < R)
        if PAD_H > 0 or PAD_W > 0:
            inside = inside & (h >= 0) & (h < H) & (w >= 0) & (w < W)
        # The two sums are kept apart, one for the rows and one for the columns of the tile: cheaper than one for all.
        pixel = (n * x_n + (p * U - PAD_H) * x_h + (q * V - PAD_W) * x_w) + (c * x_c + r * x_h + s * x_w)
        d = tl.load(x + pixel, mask=inside, other=0.0)
        g = tl.load(dy + k * dy_k + (n * dy_n + p * dy_p + q * dy_q), mask=(k < K) & (n < N), other=0.0)
        total = tl.dot(g, tl.trans(d), total, input_precision=PRECISION, out_dtype=x.dtype.element_ty)

    crs = tl.trans(crs)
    r, s, c = crs // C // S, crs // C % S, crs % C
    place = z * part_z + k * part_k + (c * part_c + r * part_r + s * part_s)
    tl.store(parts + place, total, mask=(k < K) & (r < R))
