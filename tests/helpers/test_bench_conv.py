"""The convolution benchmark on tiny shapes: its records, its refusal of wrong results, its page and figure."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from helpers.bench import cli, conv, conv_page
from helpers.bench.result import WrongResult
from helpers.errors import CourseError
from helpers.primitives import PASSES, ConvSpec, im2col
from helpers.primitives.registry import NAMES

TINY = [
    conv.Case("L1", ConvSpec(2, 2, 9, 8, 3, 3, 3), (100.0, 1e-9, 1.3)),
    conv.Case("padded", ConvSpec(3, 2, 6, 7, 4, 3, 2, 1, 1, 1, 0), (9.0, 9.0, 9.0)),
]


@pytest.fixture(scope="module")
def records():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conv, "CASES", TINY)
        patch.setattr(conv, "LAYERS", TINY[:1])
        patch.setattr(conv, "TABLE_ROUNDS", 1)
        return [json.loads(result.as_json()) for result in conv.bench(rounds=2)]


def test_every_pass_has_a_verdict_a_conversion_row_and_all_algorithms(records):
    assert len(records) == 2 * 3 * 2 + 1
    verdicts = records[:-1:2]
    assert [r["what"].rsplit(": ", 1)[0] for r in verdicts] == [f"conv {c.name}, {w}" for c in TINY for w in PASSES]
    for verdict, again in zip(verdicts, records[1:-1:2], strict=True):
        orders = {name.split(", ")[0] for name in verdict["spread"]["algorithms"]} - {
            "PyTorch NCHW",
            "PyTorch channels_last",
        }
        assert orders == set(NAMES)
        assert "NCHW in and out" in again["what"]
        assert again["goal"] is None
        assert verdict["threads"] == 1
        assert verdict["repetitions"] == 2
        assert verdict["ratio"] > 0 < verdict["spread"]["matrix product"]
    assert [r["goal"] for r in verdicts[:3]] == [100.0, 1e-9, 1.3]


def test_the_sum_is_that_of_the_papers_layers(records):
    total, layers = records[-1], records[:6:2]
    assert total["goal"] == 0.65
    assert total["other"] == pytest.approx(sum(r["other"] for r in layers), rel=0.5)
    assert "summed" in total["what"]


def test_a_wrong_algorithm_is_not_timed(monkeypatch):
    right = im2col.forward
    monkeypatch.setattr(im2col, "forward", lambda spec, x, w: right(spec, x, w) * 1.01)
    with pytest.raises(WrongResult, match="im2col, NCHW and PyTorch differ"):
        conv.Trial(TINY[0], "forward").table()


def test_arrays_with_conversions_come_and_go_in_nchw():
    for which in PASSES:
        trial = conv.Trial(TINY[1], which)
        out = trial._converted("width", "CHWN")()
        assert out.flags.c_contiguous
        np.testing.assert_allclose(out, trial.right, atol=1e-4)


def test_the_page_and_its_figure(records, tmp_path, monkeypatch):
    monkeypatch.setattr(conv_page, "CASES", TINY)
    lines = tmp_path / "convolution.jsonl"
    lines.write_text("\n".join(json.dumps(r) for r in records))
    cli.main(["page", str(lines)])
    page = (tmp_path / "convolution.md").read_text()
    assert page == conv_page.text(records, "convolution.jsonl")
    assert "1e-09 missed" in page
    assert page.count("| L1, backward-data |") == 2
    for name in NAMES:
        assert f" {name} |" in page
    assert (tmp_path / "figures/convolution.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("text", ["", "no json", '{"what": "mlp"}', "[1]"])
def test_a_file_without_records_is_a_sentence(tmp_path, text):
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(CourseError, match="make it with"):
        cli.main(["page", str(tmp_path / "x.jsonl")])


def test_a_page_needs_its_file(tmp_path):
    with pytest.raises(CourseError, match="give docs"):
        cli.main(["page"])
    with pytest.raises(CourseError, match="make it with"):
        cli.main(["page", str(tmp_path / "missing.jsonl")])


def test_the_cases_are_those_of_the_goals():
    assert [case.spec.N for case in conv.LAYERS] == [4, 4, 8, 8, 8]
    assert len({dataclasses.astuple(case.spec) for case in conv.CASES}) == 9


@pytest.mark.parametrize("name", ["convolution", "convolution_avx512"])
def test_a_page_in_docs_is_that_of_the_records_beside_it(name):
    docs = Path(__file__).parents[2] / "docs"
    records = conv_page.read(docs / f"{name}.jsonl")
    assert (docs / f"{name}.md").read_text() == conv_page.text(records, f"{name}.jsonl")
    assert len(records) == 2 * 3 * len(conv.CASES) + 1
    assert {r["threads"] for r in records} == {1}
