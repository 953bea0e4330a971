"""A hand-in that can be read is read, and its student and instructor read what was mended; what is none is named."""

from __future__ import annotations

import base64
import contextlib
import copy
import csv
import json
import os
import subprocess
import sys
import time
import tomllib
import zipfile

import nbformat
import pytest
from conftest import mini_course

from autograder.authoring import sample
from autograder.authoring.prepare import prepare
from autograder.authoring.source import cells_by_id
from autograder.authoring.student import Student
from autograder.course import REPOSITORY, Course
from autograder.execution import preflight
from autograder.grade import grade, results
from autograder.reports.results import USUAL, absent_words
from autograder.submission import repairs
from autograder.submission.best_notebook import best, work
from autograder.submission.intake import hand_in
from autograder.submission.reading import LARGE, LARGEST, Ungradable, parse, slim, ways

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(50)).decode()
HALF = "def half(x):\n    return x / 2"


def conflicted(mine: str, other: str) -> str:
    """What git makes of two versions of a file, line by line."""
    ours, theirs, made = mine.split("\n"), other.split("\n"), []
    assert len(ours) == len(theirs)
    for left, right in zip(ours, theirs, strict=True):
        made += [left] if left == right else ["<<<<<<< HEAD", left, "=======", right, ">>>>>>> upstream/main"]
    return "\n".join(made)


def doubled(texts: dict[str, str]) -> str:
    return texts["right"] + texts["empty"]


def shown(texts: dict[str, str], size: int) -> str:
    made = json.loads(texts["right"])
    code = next(cell for cell in made["cells"] if cell["cell_type"] == "code")
    code["outputs"] = [{"output_type": "display_data", "data": {"image/png": "A" * size}, "metadata": {}}]
    return json.dumps(made)


def widgets(texts: dict[str, str]) -> str:
    made = json.loads(texts["right"])
    made["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"a": {"model_name": "X"}}}
    return json.dumps(made)


def in_cells(texts: dict[str, str]) -> str:
    made = json.loads(texts["right"])
    cell = next(c for c in made["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == "A-half")
    cell["source"] = f"<<<<<<< local\ndef half(x):\n    raise NotImplementedError\n=======\n{HALF}\n>>>>>>> remote"
    return json.dumps(made)


READ = {  # how a right hand-in is spoiled -> what the note says
    "conflict-head": (lambda t: conflicted(t["right"], t["empty"]), "holds git's conflict markers"),
    "conflict-incoming": (lambda t: conflicted(t["empty"], t["right"]), "holds git's conflict markers"),
    "conflict-cells": (in_cells, "holds git's conflict markers in its cells"),
    "comma": (lambda t: t["right"].rstrip("}\n ") + ",\n}", "had a comma too many"),
    "brace": (lambda t: t["right"] + "}\n", "holds more behind its end"),
    "doubled": (doubled, "holds 2 notebooks, one after the other"),
    "doubled-first-empty": (lambda t: t["empty"] + "\n" + t["right"], "holds 2 notebooks, one after the other"),
    "no-end": (lambda t: t["right"].rstrip("\n }"), "is cut off or damaged"),
    "utf-16": (lambda t: t["right"].encode("utf-16"), ""),
    "utf-16-le": (lambda t: t["right"].encode("utf-16-le"), ""),
    "utf-16-be": (lambda t: t["right"].encode("utf-16-be"), ""),
    "huge": (lambda t: shown(t, 60_000_000), ""),
    "widgets": (widgets, ""),
}
NONE = {  # a file called .ipynb -> what it is called
    "login": (b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>", "a web page ('Sign in'; perhaps a"),
    "pdf": (b"%PDF-1.7\n", "a PDF"), "zip": (b"PK\x03\x04" + bytes(26) + b"x.ipynb", "an archive"),
    "word": (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "a Word document"),
    "script": (b"# my work\nimport numpy as np\n", "a Python script"), "picture": (b"\x89PNG\r\n\x1a\n", "a picture"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a pointer of Git LFS"),
    "shortcut": (b"[InternetShortcut]\nURL=https://x.org\n", "a shortcut"), "empty": (b"\0" * 4096, "an empty file"),
}  # fmt: skip
NAMES = {
    "capitals": "MINI.IPYNB", "json": "mini.ipynb.json", "txt": "mini.ipynb.txt", "one": "mini (1).ipynb",
    "copy": "Copy of mini.ipynb", "plain-json": "mini.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    folder = tmp_path_factory.mktemp("repairs")
    course = mini_course(folder)
    sample.fill("mini", course, [Student("right", ""), Student.untouched("empty", "")])
    return course


@pytest.fixture(scope="module")
def texts(course) -> dict[str, str]:
    """As Jupyter writes them."""
    found = {}
    for student in ("right", "empty"):
        path = course.submitted / student / "mini" / "mini.ipynb"
        found[student] = nbformat.writes(nbformat.read(path, as_version=4))
    # git compares lines: the same ones in both.
    both = {s: json.loads(text) for s, text in found.items()}
    for cells in zip(both["right"]["cells"], both["empty"]["cells"], strict=True):
        for cell in cells:
            cell["source"] = "".join(cell["source"])
    return {student: json.dumps(made, indent=1) for student, made in both.items()}


@pytest.fixture(scope="module")
def submit(course):
    def put(student: str, files: dict[str, bytes | str]):
        for name, content in files.items():
            path = course.submitted / student / "mini" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return course.submitted / student / "mini"

    return put


def with_cells(text: str, **cells: str) -> str:
    made = nbformat.reads(text, as_version=4)
    for name, source in cells.items():
        cells_by_id(made)[name.replace("_", "-")].source = source
    return nbformat.writes(made)


@pytest.fixture(scope="module")
def graded(course, texts, submit):
    """The class, graded by the command."""
    for name, (spoil, _) in READ.items():
        submit(name, {"mini.ipynb": spoil(texts)})
    for name, (raw, _) in NONE.items():
        submit(f"none-{name}", {"mini.ipynb": raw})
    for name, file in NAMES.items():
        submit(f"name-{name}", {file: texts["right"]})
    cut = texts["right"].rindex('"source"', 0, texts["right"].index("def half"))
    submit("cut", {"mini.ipynb": texts["right"][:cut]})
    two = submit("two", {"mini.ipynb": texts["empty"], "my work.ipynb": texts["right"], "bad.ipynb": "x"})
    os.utime(two / "my work.ipynb", (1, 1))
    imports = with_cells(texts["right"], A_double="from layers import double", A_half="from parts.more import half")
    modules = {"layers.py": "def double(x):\n    return 2 * x\n", "parts/__init__.py": "", "parts/more.py": HALF}
    submit("modules", {"mini.ipynb": imports, **modules, "random.py": "1 / 0"})
    submit("below", {"work/mini.ipynb": imports, **{f"work/{name}": text for name, text in modules.items()}})
    submit("absent", {"mini.ipynb": with_cells(texts["right"], A_half=f"import nopandas.x as pd\n{HALF}")})
    guarded = f"try:\n    import nopandas\nexcept ImportError:\n    pass\n{HALF}"
    submit("guarded", {"mini.ipynb": with_cells(texts["right"], A_half=guarded)})
    pasted = nbformat.reads(texts["right"], as_version=4)
    why = cells_by_id(pasted)["B-why"]
    why.source = f"See ![drawn](attachment:a.png) and ![photo](data:image/png;base64,{PNG})"
    why["attachments"] = {"a.png": {"image/png": PNG}, "b.svg": {"image/svg+xml": PNG}, "c": {"image/jpeg": "bm8="}}
    submit("pasted", {"mini.ipynb": nbformat.writes(pasted)})
    environment = os.environ | {"COURSE_ROOT": str(course.root)}
    command = [sys.executable, "-m", "autograder", "grade", "mini", "--class-dir", str(course.class_dir)]
    ran = subprocess.run(command, cwd=REPOSITORY, env=environment, text=True, capture_output=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    found = results("mini", course)
    return {row.student: row for row in found.rows}, ran, found


def page(course, student: str) -> str:
    return (course.feedback / student / "mini" / "mini.html").read_text(encoding="utf-8")


@pytest.mark.promise(
    "**What can be read is read.** Mended are git's conflict markers (of the two sides the one with more of "
    "the student's own work is taken), a comma or a brace too many, two notebooks one after the other in one "
    "file,"
)
@pytest.mark.promise(
    "and UTF-16. Outputs are made anew, so up to 250 MB with them do no harm."
)
@pytest.mark.promise(
    "Each repair is a note for the student and for you."
)
@pytest.mark.parametrize("name", READ)
def test_what_can_be_read_is_read(graded, name):
    row = graded[0][name]
    assert (row.auto, row.reason) == (7, "")
    assert READ[name][1] in " ".join(row.notes)
    assert bool(row.notes) == bool(READ[name][1])


@pytest.mark.promise(
    "a file that is cut off (the cells before the cut count),"
)
def test_of_a_cut_file_the_cells_before_the_cut_count(graded, course):
    row = graded[0]["cut"]
    assert row.auto == 3
    assert "is cut off or damaged" in row.notes[0]
    assert "is cut off or damaged" in page(course, "cut")


@pytest.mark.promise(
    "A file that is no notebook is called what it is: a login page, a PDF, an archive, a picture, a script, a "
    "shortcut."
)
@pytest.mark.promise(
    "who could not be graded reads there why, and what to do;"
)
@pytest.mark.parametrize("name", NONE)
def test_what_is_no_notebook_is_named_and_has_a_page(graded, course, name):
    row = graded[0][f"none-{name}"]
    assert row.reason.startswith("mini.ipynb is ")
    assert NONE[name][1] in row.reason
    shown = page(course, f"none-{name}").replace("&#39;", "'")
    assert row.reason in shown
    assert "hand in the <code>.ipynb</code> file itself once more" in shown


@pytest.mark.promise(
    "A notebook may be called `x.IPYNB`, `x.ipynb.json`, `x.ipynb.txt` or `Copy of x.ipynb`;"
)
@pytest.mark.parametrize("name", NAMES)
def test_names_that_systems_change(graded, name):
    row = graded[0][f"name-{name}"]
    assert row.auto == 7
    assert row.notes == [f"The notebook is called {NAMES[name]!r}; it was taken as mini.ipynb."]


@pytest.mark.promise(
    "of several the one with most of the student's own work is taken,"
)
def test_of_several_notebooks_the_one_with_the_work(graded):
    row = graded[0]["two"]
    assert row.auto == 7
    assert row.notes[0].startswith("3 notebooks were handed in; my work.ipynb was taken, which holds most of")
    assert "Left out: mini.ipynb, bad.ipynb" in row.notes[0]


@pytest.mark.promise(
    "of equal ones the latest."
)
def test_of_equal_ones_the_latest_and_then_the_one_of_the_right_name(course, texts, submit, tmp_path):
    folder = submit("equal", {"a.ipynb": texts["right"], "mini.ipynb": texts["right"]})
    assert hand_in(course, "mini", "equal").file == "mini.ipynb"
    os.utime(folder / "mini.ipynb", (1, 1))
    assert hand_in(course, "mini", "equal").file == "a.ipynb"
    for path in folder.parent.rglob("*.ipynb"):
        path.unlink()
    folder.rmdir()
    folder.parent.rmdir()


@pytest.mark.promise(
    "Modules and data beside the notebook come along into the student's process, but no module with the name "
    "of an installed one."
)
def test_modules_come_along(graded, course):
    assert graded[0]["modules"].auto == 7
    assert graded[0]["modules"].notes == ["Modules with the name of an installed one were left out: random.py."]
    assert graded[0]["below"].auto == 7
    assert not list(course.autograded.rglob("layers.py"))


@pytest.mark.promise(
    "Who hands in the notebook as it was handed out is asked whether it was saved."
)
def test_a_hand_in_that_equals_the_release(graded, course):
    row = graded[0]["empty"]
    told = "Nothing was written: this is the notebook as it was handed out. Was it saved?"
    assert row.notes == [told]
    assert row.words.startswith(told)
    assert told in page(course, "empty")
    report = (course.reports / "mini.html").read_text("utf-8")
    assert told in report
    assert "Nothing was written" not in " ".join(graded[0]["right"].notes)


@pytest.mark.promise(
    "What hand-ins import and is neither installed nor handed in is told before anything is graded, and in the "
    "report."
)
def test_absent_modules_are_told_before_grading_and_in_the_report(graded, course):
    _, ran, found = graded
    told = "1 hand-in imports nopandas, which is neither installed here nor handed in."
    lines = ran.stderr.splitlines()
    assert lines[0].startswith(told)
    assert found.absent == {"nopandas": ["absent"]}
    assert told in (course.reports / "mini.html").read_text("utf-8")
    assert graded[0]["absent"].auto == 7


@pytest.mark.promise(
    "once a module is installed, who imports it is graded again."
)
def test_once_a_module_is_installed_who_imports_it_is_graded_again(graded, course, monkeypatch):
    real = preflight.installed
    monkeypatch.setattr(preflight, "installed", lambda name: name == "nopandas" or real(name))
    assert grade("mini", course).regraded == ["absent"]


@pytest.mark.promise(
    "the PNG and JPEG pictures in their texts,"
)
def test_pictures_in_texts_are_shown(graded, course):
    shown = page(course, "pasted")
    assert shown.count(f'src="data:image/png;base64,{PNG}"') == 2
    assert 'alt="A picture in this text: a.png"' in shown
    assert "(picture: photo)" in shown
    assert "image/svg" not in shown
    assert shown.count("<img") == 2


def test_the_autograded_file_can_be_shown_by_nbconvert(graded, course):
    from nbconvert import HTMLExporter

    path = course.autograded / "widgets" / "mini" / "mini.ipynb"
    notebook = nbformat.read(path, as_version=4)
    assert "widgets" not in notebook.metadata
    HTMLExporter().from_notebook_node(notebook)


def test_everybody_has_a_page_and_a_link_to_it(graded, course):
    rows = graded[0]
    report = (course.reports / "mini.html").read_text("utf-8")
    for student in rows:
        assert page(course, student)
        assert f'feedback/{student}/mini/mini.html"' in report
    table = list(csv.DictReader((course.reports / "mini.csv").open(encoding="utf-8")))
    assert len(table) == len(rows)


def test_outputs_are_left_out_in_one_look():
    cell = {"cell_type": "code", "metadata": {}, "source": '"outputs": [', "execution_count": None, "id": "a"}
    outputs = [{"output_type": "stream", "name": "stdout", "text": ['] "}\\ [\n'] * 400_000}]
    made = {"cells": [cell | {"outputs": outputs}, {**cell, "id": "b", "outputs": []}], "metadata": {}}
    raw = json.dumps(made | {"nbformat": 4, "nbformat_minor": 5}).encode()
    assert len(raw) > LARGE
    found = parse(slim(raw), "x")[0]
    assert [c.source for c in found.cells] == ['"outputs": ['] * 2
    assert len(slim(raw)) < 1000
    assert slim(raw[: LARGE // 2]) == raw[: LARGE // 2]
    assert len(slim(raw.decode().encode("utf-16"))) < 1000


@pytest.mark.parametrize("evil", [
    b'"outputs": [', b'"\\"', b'{"outputs": ["\\"\\"', b"<<<<<<<\n", b'{"cells": [{"cell_type": "', b"[1,]",
    b'"widgets": {"',
])  # fmt: skip
def test_the_time_to_read_grows_with_the_size_and_no_faster(evil):
    def seconds(size: int) -> float:
        raw = evil * (size // len(evil))
        begun = time.process_time()
        slim(raw)
        repairs.without_outputs(raw)
        with contextlib.suppress(Ungradable):
            ways(raw, "x")
        return time.process_time() - begun

    small, large = seconds(500_000), seconds(4_000_000)
    assert large < 30 * small + 1


def test_what_is_too_large_without_its_outputs_is_refused_in_words():
    with pytest.raises(Ungradable, match="60 MB large, more than 50, its outputs aside"):
        parse(b" " * 60_000_000, "x.ipynb")
    assert LARGEST == 50_000_000


def test_work_is_what_differs_from_the_release(course, texts):
    snapshot = prepare(course, "mini").snapshot
    assert work(best({"x": texts["empty"].encode()}, snapshot)[0], snapshot) == (0, 0, 0)
    assert work(best({"x": texts["right"].encode()}, snapshot)[0], snapshot) == (4, 4, 0)
    form = with_cells(texts["empty"], form='group = [{"name": "A", "id": "", "did": ""}]\nready_to_present = []')
    _, notes, _ = best({"x": form.encode()}, snapshot)
    assert notes == []
    spaced = copy.deepcopy(json.loads(texts["empty"]))
    spaced["cells"].append({"cell_type": "code", "metadata": {}, "source": " \n", "outputs": [], "execution_count": 1})
    assert best({"x": json.dumps(spaced).encode()}, snapshot)[1][0].startswith("Nothing was written")


def test_a_zip_in_place_of_a_notebook_is_left_alone(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.ipynb", "w") as archive:
        archive.writestr("word/document.xml", "")
    with pytest.raises(Ungradable, match="a Word document"):
        parse((tmp_path / "x.ipynb").read_bytes(), "x.ipynb")


@pytest.mark.promise("`pip install '.[usual]'` adds pandas, scipy, scikit-learn and seaborn;")
def test_the_usual_packages_are_an_extra():
    extra = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]["usual"]
    named = {requirement.partition(">")[0] for requirement in extra}
    assert named == {"pandas", "scipy", "scikit-learn", "seaborn"}
    assert {name.replace("scikit-learn", "sklearn") for name in named} == set(USUAL)
    assert "pip install '.[usual]'" in absent_words("pandas", ["a", "b"])
    assert absent_words("pandas", ["a", "b"]).startswith("2 hand-ins import pandas, which is neither")
