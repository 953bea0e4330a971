"""Whatever secret number a class gets, its checks find cases that tell the mistakes apart."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.check.cnn_runtime import crossing, extrapolate, fits, timing
from helpers.check.core.draw import drawn
from helpers.check.generate import gan_steps
from helpers.check.network_from_scratch import epoch
from helpers.check.performance_factors import threads


def held_out(seed: int):
    return drawn(seed, fits._times, fits._tell_errors_apart)


DRAWN = [
    threads.measurements, threads.amdahl_cases, crossing.cases, held_out, extrapolate.cases,
    timing.seconds_of_rounds, gan_steps.cases, epoch.telling_case,
]  # fmt: skip


@pytest.mark.parametrize("cases", DRAWN, ids=lambda cases: f"{cases.__module__.rpartition('.')[2]}.{cases.__name__}")
def test_there_are_cases_for_every_seed(cases):
    for seed in [0, 41, 23757, *np.random.default_rng(3).integers(2**31, size=25).tolist()]:
        assert cases(seed)
