"""The study of `remember`: what is run, what is said and drawn of it, and mistakes as sentences."""

from __future__ import annotations

import pytest

from helpers.errors import CourseError
from helpers.study import remember
from helpers.study.__main__ import main


def test_runs_and_rows():
    runs = remember.runs(remember.PARTS, 2, (5, 10), quick=False)
    assert len(runs) == 2 * (len(remember.CELLS) * 2 + 3 + 2 * len(remember.DEPTHS))
    assert len({(type(r), *vars(r).values()) for r in runs}) == len(runs)
    results = [[0.5 + 0.1 * r.seed, 1e-3] if isinstance(r, remember.LagRun) else [2.0 + r.seed] for r in runs]
    rows = remember.rows_of(runs, results)
    first = rows[0]
    assert (first["what"], first["network"], first["at"]) == ("accuracy", "RNN", "lag 5")
    assert (first["lowest"], first["median"], first["highest"]) == (0.5, pytest.approx(0.55), 0.6)
    assert {row["what"] for row in rows} == {"accuracy", "gradient left", "bits a character", "training error (%)"}
    figures = remember.figures(rows, (5, 10))
    assert sorted(figures) == ["depths.png", "lags.png"]
    assert "LSTM, forget bias 3 55%, 55%" in figures["lags.png"].alt
    assert "at 4, 12, 22, 42, 82 layers: plain 2.5%" in figures["depths.png"].alt
    assert "lags.png" not in remember.figures([r for r in rows if r["what"] == "bits a character"], (5, 10))


def test_each_run_measures_what_it_says():
    accuracy, left = remember.LagRun("LSTM, forget bias 3", 0, 3, steps=2).perform()
    assert 0 <= accuracy <= 1
    assert 0.5 < left < 3
    (error,) = remember.DepthRun("with skips", 0, 1, train=60, passes=1).perform()
    assert 0 < error < 100
    assert remember.LagRun("RNN", 0, 3).unpack(remember.LagRun("RNN", 0, 3).pack([0.5, 0.1])) == [0.5, 0.1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["--lags", "201"], "A lag of 201 is too long; give at most 200."),
     (["--lags", "5", "999"], "A lag of 999 is too long")],
)  # fmt: skip
def test_the_command_refuses(arguments, sentence, tmp_path):
    with pytest.raises(CourseError, match=sentence):
        main(["remember", *arguments, "--out", str(tmp_path)])
