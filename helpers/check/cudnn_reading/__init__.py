"""The checks of the assignment `cudnn_reading`.

What they take for right comes from Chetlur et al., *cuDNN: Efficient Primitives for Deep Learning*
(arXiv 1410.0759v3)."""

from helpers.lazy import lazy

__all__, __getattr__, __dir__ = lazy(
    __name__,
    {
        "paper_claims": ["about_36_percent", "algorithm_for", "blas_like", "claims"],
        "paper_review": ["review", "sample_marks"],
        "sizes": [
            "arithmetic_intensity", "formulas_agree", "index_functions", "lowered", "lowering_cost", "output_sizes"
        ],
        "step": ["amdahl", "step_gains", "step_times", "training_step"],
        "tables": ["speedup_and_saving", "table_3", "table_4_unit"],
        "..core.form": ["form"],
    },
)
