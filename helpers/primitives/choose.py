from __future__ import annotations
from helpers.primitives.spec import ConvSpec
def algorithm(spec, which, a, limit):
    return "im2col"
