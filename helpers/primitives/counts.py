"""What a convolution costs, counted from its geometry; `ConvSpec` has these as attributes."""

from __future__ import annotations

from typing import Any


def flops(spec: Any) -> int:
    """Floating-point operations of one pass by the definition, 2·N·K·C·R·S·P·Q."""
    return 2 * spec.N * spec.K * spec.C * spec.R * spec.S * spec.P * spec.Q


def elements(spec: Any) -> int:
    """Numbers in images, filters and output together."""
    return spec.N * spec.C * spec.H * spec.W + spec.K * spec.C * spec.R * spec.S + spec.N * spec.K * spec.P * spec.Q


def lowered_shape(spec: Any) -> tuple[int, int]:
    """Shape of D_m, the lowered images: (C·R·S, N·P·Q)."""
    return spec.C * spec.R * spec.S, spec.N * spec.P * spec.Q
