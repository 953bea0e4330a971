"""The checks of the assignment `cudnn_reading`, gathered from their files.

What they take for right comes from Chetlur et al., *cuDNN: Efficient Primitives for Deep Learning* (arXiv 1410.0759v3).
"""

from helpers.check.reading_claims import about_36_percent, algorithm_for, blas_like, claims
from helpers.check.reading_review import review, sample_marks
from helpers.check.reading_sizes import (
    arithmetic_intensity,
    formulas_agree,
    index_functions,
    lowered,
    lowering_cost,
    output_sizes,
)
from helpers.check.reading_step import amdahl, step_gains, step_times, training_step
from helpers.check.reading_tables import speedup_and_saving, table_3, table_4_unit

__all__ = [
    "about_36_percent",
    "algorithm_for",
    "amdahl",
    "arithmetic_intensity",
    "blas_like",
    "claims",
    "formulas_agree",
    "index_functions",
    "lowered",
    "lowering_cost",
    "output_sizes",
    "review",
    "sample_marks",
    "speedup_and_saving",
    "step_gains",
    "step_times",
    "table_3",
    "table_4_unit",
    "training_step",
]
