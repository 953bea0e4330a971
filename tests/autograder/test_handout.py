"""What a class gets: nothing in it that only instructors may have, and it works in an empty place without a network."""

import copy
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from markdown_it import MarkdownIt

from autograder.authoring import sample
from autograder.authoring.handout import build_wheel, handout, with_install_cell
from autograder.authoring.leaks import leaks, split, squeeze, words
from autograder.authoring.release import LeakError
from autograder.authoring.source import read, regions
from autograder.authoring.student import Student
from autograder.course import REPOSITORY, Course
from autograder.grade import grade
from autograder.reports.results import UNTOUCHED
from helpers.check.core.answers import FOLDER

NAMES = Course().assignments()
SOLVED = 120
"""Characters of code, without spaces, that nobody writes twice by chance. `helpers` has layers and loops of its own."""


@pytest.fixture(scope="module")
def zips(tmp_path_factory):
    """The handouts of two assignments, made in a copy of the course's sources, around one wheel."""
    course = Course(root=tmp_path_factory.mktemp("handed out"))
    for room in ("solutions", "notebooks"):
        (course.root / room).symlink_to(REPOSITORY / room)
    built = build_wheel(tmp_path_factory.mktemp("wheel"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("autograder.authoring.handout.build_wheel", lambda folder: built)
        return {name: handout(name, course) for name in ("cudnn_reading", "network_from_scratch")}


@pytest.fixture(scope="module")
def wheel(zips):
    with zipfile.ZipFile(zips["cudnn_reading"]) as archive:
        return io.BytesIO(archive.read(next(n for n in archive.namelist() if n.endswith(".whl"))))


@pytest.mark.promise(
    "makes `build/handout/NAME.zip`, and that is all that students get: their notebook, a wheel of `helpers` alone, "
    "and a page that says how to begin. A configuration of nbgrader's lies beside the notebook,"
)
def test_the_zip_holds_notebook_wheel_and_a_page(zips):
    for name, path in zips.items():
        names = sorted(zipfile.ZipFile(path).namelist(), key=lambda one: one.endswith(".ipynb"))
        assert [re.sub(r"post\d+", "post1", n) for n in names] == [
            f"{name}/README.md", f"{name}/from_scratch_to_cudnn-0.1.0.post1-py3-none-any.whl",
            f"{name}/nbgrader_config.py", f"{name}/{name}.ipynb",
        ]  # fmt: skip
        page = zipfile.ZipFile(path).read(f"{name}/README.md").decode()
        assert names[1].split("/")[1] in page
        assert f"{name}.ipynb" in page
        assert not re.search(r"NAME|TITLE|WHEEL", page)


def test_the_wheel_holds_helpers_alone(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {n.split("/")[0].split("-")[0] for n in names} == {"helpers", "from_scratch_to_cudnn"}
    assert not [n for n in names if "right_answers" in n or n.endswith((".pyc", ".ipynb", ".toml"))]
    beside = {str(p.relative_to(REPOSITORY)) for p in (REPOSITORY / "helpers").rglob("*") if p.is_file()}
    private = {n for n in beside if "right_answers" in n or "__pycache__" in n}
    assert {n for n in names if n.startswith("helpers/")} == beside - private


def text_of(archive: zipfile.ZipFile) -> str:
    """All that stands in it as text; of a notebook and of JSON the decoded strings, too."""
    found = []
    for name in archive.namelist():
        if name.endswith((".gz", ".whl")):
            continue
        text = archive.read(name).decode("utf-8")
        found.append(text)
        if name.endswith((".ipynb", ".json")):
            found.append(json.dumps(json.loads(text), ensure_ascii=False).replace("\\n", "\n").replace('\\"', '"'))
    return squeeze("\n".join(found))


def bank_of(name: str) -> list[Path]:
    """The files of an assignment's bank of mistakes."""
    return sorted((Course().solutions / name / "mistakes").rglob("*.md"))


def secrets(name: str) -> list[tuple[str, str]]:
    """(where, squeezed text) of an assignment's solutions, hidden tests, rubrics and model answers, and of its bank."""
    found = []
    public = squeeze("\n".join(split(cell)[2] for cell in read(Course().source(name))[0].cells))
    for cell in read(Course().source(name))[0].cells:
        code, prose, _ = split(cell)
        for region in regions(cell.text, "SOLUTION"):
            found.append((f"solution of {cell.id}", SOLVED, "\n".join(region)))
        if cell.kind == "test":
            found += [(f"hidden test of {cell.id}", 25, line) for line in code]
        sentences = [s for text in prose for s in re.split(r"(?<=[.!?;:])\s+|\n", text) if len(words(s)) > 2]
        found += [(f"rubric or answer of {cell.id}", 20, sentence) for sentence in sentences]
    for path in bank_of(name):
        for token in MarkdownIt("commonmark").parse(path.read_text(encoding="utf-8")):
            if token.type == "fence":
                added = "\n".join(re.findall(r"^\+(.*)", token.content, flags=re.MULTILINE))
                found.append((f"row of {path.name}", SOLVED, added if token.info == "diff" else token.content))
    squeezed = [(where, squeeze(text)) for where, least, text in found if len(squeeze(text)) >= least]
    return [(where, text) for where, text in squeezed if text not in public]


@pytest.mark.promise(
    "The zip holds nothing of a solution, hidden test, rubric, model answer or right answer, nor of the bank of "
    "mistakes."
)
def test_nothing_that_only_instructors_may_have_is_in_zip_or_wheel(zips, wheel, tmp_path):
    """By content: solutions, lines of hidden tests, sentences of rubrics and answers, rows of the banks."""
    handed_out = {name: text_of(zipfile.ZipFile(path)) for name, path in zips.items()}
    handed_out["the wheel"] = text_of(zipfile.ZipFile(wheel))
    for name in NAMES:
        private = secrets(name)
        assert len(private) > 100
        for place, text in handed_out.items():
            assert not [where for where, secret in private if secret in text], (name, place)
    hints = [hint for path in FOLDER.glob("*.json") for hint in texts(json.loads(path.read_text(encoding="utf-8")))]
    assert len(hints) > 50
    for place, text in handed_out.items():
        assert not [hint for hint in hints if squeeze(hint) in text], place
    for name, path in zips.items():  # the notebook by the finer net of a release, which finds runs of words
        zipfile.ZipFile(path).extract(f"{name}/{name}.ipynb", tmp_path)
        assert not leaks(name, released=tmp_path / name)


def texts(value):
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    return [value] if isinstance(value, str) and len(words(value)) > 4 else []


def test_what_is_private_would_be_found():
    """The net has no holes: of what the repository holds, each kind of secret of each assignment is found."""
    for name in NAMES:
        bank = "\n".join(path.read_text(encoding="utf-8") for path in bank_of(name))
        bank = re.sub(r"^[-+]", "", bank, flags=re.MULTILINE)
        text = squeeze("\n".join(cell.text for cell in read(Course().source(name))[0].cells) + bank)
        found = {where.split(" of ")[0] for where, secret in secrets(name) if secret in text}
        assert found == {"solution", "hidden test", "rubric or answer", "row"}


def test_a_release_that_leaks_makes_no_handout(mini, copy_of, monkeypatch):
    course = copy_of(mini)
    monkeypatch.setattr("autograder.authoring.release.leaks", lambda *about: ["It shows a rubric."])
    with pytest.raises(LeakError, match="It shows a rubric"):
        handout("mini", course)
    assert not list(course.root.rglob("*.zip"))


HOSTED = """
import glob, importlib.metadata, importlib.util, os, subprocess, sys, types
asked, uploads = [], []
def version(name):
    if asked: return "0.1.0.post7"
    raise importlib.metadata.PackageNotFoundError(name)
importlib.metadata.version = version
importlib.util.find_spec = lambda name: None
glob.glob = lambda pattern, recursive=False: [pattern] if pattern.startswith(PLACE) and (uploads or not COLAB) else []
subprocess.run = lambda command, **more: asked.append(command) or types.SimpleNamespace(returncode=0, stderr="")
if COLAB:
    for name in ("google", "google.colab"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["google.colab"].files = types.SimpleNamespace(upload=lambda: uploads.append(1))
exec(CELL)
print(len(uploads), asked[0][1:5], os.path.basename(asked[0][-1]))
"""


@pytest.mark.parametrize(
    ("colab", "kaggle", "place", "said"),
    [(True, "", "/content/from", "1"), (False, "Interactive", "/kaggle/input", "0"), (False, "", "from", "0")],
    ids=["Colab asks for the file", "Kaggle reads a data set", "a laptop has it beside the notebook"],
)
def test_the_install_cell_finds_the_wheel_on_each_kind_of_machine(colab, kaggle, place, said):
    wheel = "from_scratch_to_cudnn-0.1.0.post7-py3-none-any.whl"
    cell = with_install_cell(nbformat.v4.new_notebook(), wheel).cells[0].source
    code = f"COLAB, PLACE, CELL = {colab!r}, {place!r}, {cell!r}\n{HOSTED}"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("KAGGLE")}
    environment |= {"KAGGLE_KERNEL_RUN_TYPE": kaggle} if kaggle else {}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    extra = "" if colab or kaggle else "[notebook]"
    *_, last = done.stdout.splitlines() or [done.stderr]
    assert last == f"{said} ['-m', 'pip', 'install', '--quiet'] {wheel}{extra}", done.stdout + done.stderr
    assert "Installed." in done.stdout


RUN = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.enable_gui = lambda gui=None: None
cells = json.load(open(sys.argv[1], encoding="utf-8"))["cells"]
for cell in [c for c in cells if c["cell_type"] == "code"][:2]:
    if not shell.run_cell("".join(cell["source"])).success:
        sys.exit("failed")
import helpers
print(helpers.__file__)
"""


def first_cells(name: str, folder: Path, **environment: str) -> str:
    """What the install cell and the setup cell say, run in the handout's folder, and where helpers came from."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, f"{name}.ipynb"], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "MPLBACKEND": "agg", "COURSE_SIZE": "quick", **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.promise(
    "The notebook's first cell installs the wheel, on a laptop, on Colab and on Kaggle; where it is installed already, "
    "the cell does nothing and needs no network."
)
@pytest.mark.promise("With the wheel installed, the notebook needs nothing else, not even a network.")
@pytest.mark.parametrize("name", ["cudnn_reading", pytest.param("network_from_scratch", marks=pytest.mark.slow)])
def test_the_first_cell_installs_without_a_network_and_the_setup_runs(name, zips, tmp_path):
    zipfile.ZipFile(zips[name]).extractall(tmp_path)
    place = tmp_path / "empty place"
    offline = {"PIP_TARGET": str(place), "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PYTHONPATH": str(place)}
    said = first_cells(name, tmp_path / name, **offline).splitlines()
    assert "Installed." in said
    assert Path(said[-1]) == place / "helpers/__init__.py"
    assert not (place / "autograder").exists()
    (wheel,) = (tmp_path / name).glob("*.whl")
    wheel.unlink()  # it need not lie there any more
    again = first_cells(name, tmp_path / name, **offline).splitlines()
    assert not [line for line in again[:-1] if "nstall" in line or "is missing" in line]
    assert again[-1] == said[-1]
    code = "".join(nbformat.read(tmp_path / name / f"{name}.ipynb", as_version=4).cells[0].source)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, cwd=tmp_path / name)
    assert done.stdout == f"{wheel.name} is missing: put it beside this notebook, and run this cell again.\n"


@pytest.mark.promise("The cell that installs costs no points where it is handed in.")
def test_a_handed_in_install_cell_changes_nothing(mini, tmp_path):
    course = Course(root=mini.root, class_dir=tmp_path)
    sample.fill("mini", course, [Student("plain", ""), Student("installed", "")])
    path = course.submitted / "installed" / "mini" / "mini.ipynb"
    notebook = nbformat.read(path, as_version=4)
    before = copy.deepcopy(notebook.cells)
    with_install_cell(notebook, "from_scratch_to_cudnn-0.1.0.post7-py3-none-any.whl")
    assert notebook.cells[1:] == before
    nbformat.write(notebook, path)
    plain, installed = sorted(grade("mini", course, timeout=20, budget=60).rows, key=lambda row: row.student != "plain")
    assert plain.scores == installed.scores
    assert plain.total == installed.total > 0
    assert (installed.words, installed.reason) == (plain.words, plain.reason)


def test_who_saved_nothing_in_the_handouts_notebook_is_asked(mini, tmp_path):
    course = Course(root=mini.root, class_dir=tmp_path / "class")
    sample.fill("mini", course, [Student.untouched("empty", ""), Student.untouched("wrote", "")])
    for student in ("empty", "wrote"):
        path = course.submitted / student / "mini" / "mini.ipynb"
        notebook = nbformat.read(path, as_version=4)
        with_install_cell(notebook, "from_scratch_to_cudnn-0.1.0.post7-py3-none-any.whl")
        if student == "wrote":
            notebook.cells.append(nbformat.v4.new_code_cell("1 + 1"))
        path.chmod(0o644)
        nbformat.write(notebook, path)
    told = {row.student: UNTOUCHED in row.notes for row in grade("mini", course, timeout=20, budget=60).rows}
    assert told == {"empty": True, "wrote": False}


@pytest.mark.promise(
    "The wheel asks for Jupyter where that is missing (`[notebook]`), and not for PyTorch (`[torch]`):"
)
def test_what_the_wheel_asks_for(wheel):
    archive = zipfile.ZipFile(wheel)
    about = archive.read(next(n for n in archive.namelist() if n.endswith("METADATA"))).decode()
    asked = dict.fromkeys(re.findall(r"^Requires-Dist: ([\w-]+)\S*?(; extra == .\w+.)?$", about, re.M))
    plain = {name for name, extra in asked if not extra}
    extras = {(name, extra.split("==")[1].strip(" \"'")) for name, extra in asked if extra}
    assert {"numpy", "matplotlib", "tqdm"} <= plain
    assert not plain & {"torch", "nbgrader", "jupyterlab"}
    assert {("jupyterlab", "notebook"), ("ipykernel", "notebook"), ("torch", "torch")} <= extras


def test_what_is_installed_from_the_root_is_what_a_class_may_have():
    """`pip install .` and the handout's wheel are one: no autograder, no bank, no right answers."""
    import tomllib

    tools = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert tools["packages"]["find"] == {"include": ["helpers*"], "namespaces": False}
    assert not tools["include-package-data"]
    assert list(tools["package-data"]) == ["helpers"]
    assert not [pattern for pattern in tools["package-data"]["helpers"] if "right" in pattern]
