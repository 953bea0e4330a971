"""A notebook that breaks the format's rules is still read; what is none is refused in words."""

from __future__ import annotations

import copy
import json
from random import Random

import nbformat
import pytest
from mutations import mutated

from autograder.course import REPOSITORY
from autograder.submission.intake import Ungradable, parse
from autograder.submission.lenient_parse import lenient_parse

pytestmark = pytest.mark.filterwarnings("ignore:Non-unique cell id", "ignore:Cell is missing an id")
RELEASED = json.loads((REPOSITORY / "notebooks/network_from_scratch/network_from_scratch.ipynb").read_text("utf-8"))
NOTEBOOK = {**RELEASED, "cells": RELEASED["cells"][:14]}
SOURCES = ["".join(c["source"]) for c in NOTEBOOK["cells"]]


def texts(notebook):
    return [c.source for c in notebook.cells]


def broken(change):
    made = copy.deepcopy(NOTEBOOK)
    change(made)
    return json.dumps(made).encode()


@pytest.mark.promise("A notebook that breaks the file format is read as far as it can be.")
@pytest.mark.parametrize(
    "change",
    [
        lambda n: n["cells"][3].update(colour="red"),
        lambda n: n["cells"][3].update(id="no valid id!"),
        lambda n: n["cells"][4].update(id=n["cells"][3]["id"]),
        lambda n: next(c for c in n["cells"] if c["cell_type"] == "code").update(outputs=[{"output_type": "stream"}]),
        lambda n: n.pop("nbformat"),
        lambda n: n.update(nbformat=99),
        lambda n: n.update(metadata=7),
        lambda n: [c.update(metadata={**c["metadata"], "tags": 5}) for c in n["cells"]],
    ],
)
def test_broken_rules_cost_nothing(change):
    notebook, notes = parse(broken(change), "a.ipynb")
    nbformat.validate(notebook)
    assert texts(notebook) == SOURCES
    ids = [c.metadata.get("nbgrader", {}).get("grade_id") for c in notebook.cells]
    assert ids == [c["metadata"].get("nbgrader", {}).get("grade_id") for c in NOTEBOOK["cells"]]
    assert not notes or "its cells could be read" in notes[0]


def test_a_valid_notebook_stays_as_it_is():
    notebook, notes = parse(json.dumps(NOTEBOOK).encode(), "a.ipynb")
    assert notes == []
    assert notebook == nbformat.from_dict(nbformat.reads(json.dumps(NOTEBOOK), as_version=4))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_of_text(encoding):
    assert texts(parse(json.dumps(NOTEBOOK, ensure_ascii=False).encode(encoding), "a.ipynb")[0]) == SOURCES


def test_a_lost_byte_costs_a_character():
    raw = json.dumps({**NOTEBOOK, "cells": [{**NOTEBOOK["cells"][0], "source": "é!"}]}, ensure_ascii=False).encode()
    notebook, notes = parse(raw.replace("é".encode(), b"\xe9"), "a.ipynb")
    assert texts(notebook) == ["�!"]
    assert "were replaced" in notes[0]


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b" \n", "is an empty file"),
        (b"Dear teacher", "stops being a notebook in line 1"),
        (b"\x88PNG\xff\x00", "it is not text"),
        (b"[1, 2]", "it holds no cells"),
        (b'{"cells": 7}', "no cell that can be read"),
        (b'{"cells": ' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_notebook_is_refused_in_words(raw, sentence):
    with pytest.raises(Ungradable, match=sentence):
        parse(raw, "a.ipynb")


def test_worksheets_of_version_3_and_cells_of_unknown_kinds():
    old = {
        "worksheets": [
            {"cells": [{"cell_type": "code", "input": ["a = 1\n", "b"], "outputs": 3}, {"cell_type": "x"}, 5]}
        ]
    }
    assert [(c.cell_type, c.source) for c in lenient_parse(old).cells] == [("code", "a = 1\nb"), ("markdown", "")]


@pytest.mark.promise("A notebook that breaks the file format is read as far as it can be.")
def test_any_mutation_is_read_or_refused_in_words():
    read, refused = 0, []
    for seed in range(300):
        try:
            notebook, _ = parse(mutated(Random(seed), NOTEBOOK), "a.ipynb")
        except Ungradable as error:
            refused.append(str(error))
        else:
            read += 1
            nbformat.validate(notebook)
            nbformat.writes(notebook).encode("utf-8")
    assert read > 240
    assert all(sentence.startswith("a.ipynb is ") for sentence in refused)


@pytest.mark.parametrize("minor", [6, 99])
def test_a_format_of_tomorrow_is_read_by_todays_rules(minor):
    tomorrow = copy.deepcopy(NOTEBOOK) | {"nbformat_minor": minor}
    notebook, notes = parse(json.dumps(tomorrow).encode(), "a.ipynb")
    assert notes == []
    assert notebook.nbformat_minor == 5
    tomorrow["cells"][0]["cell_type"] = "heading"
    notebook, notes = parse(json.dumps(tomorrow).encode(), "a.ipynb")
    nbformat.validate(notebook)
    assert "breaks the rules" in notes[0]
    assert len(notebook.cells) == len(NOTEBOOK["cells"])
