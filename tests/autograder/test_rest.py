"""A line that fails costs what needs it: the rest of its cell runs, and checks that fail for it name it."""

from __future__ import annotations

import nbformat
import pytest

from autograder.authoring import sample
from autograder.authoring.student import Student
from autograder.execution import skip_failing
from autograder.grade import grade

DOUBLE = "def double(x):\n    return 2 * x"
HALF = "def half(x):\n    return x / 2"


def above(line: str, more: str = "") -> str:
    return f"{line}\n\n{DOUBLE}\n{more}"


SKIPPED = {  # what stands above a right `double`
    "pandas": "import nopandas as pd\nframe = pd.DataFrame()",
    "drive": "from google.colab import drive\ndrive.mount('/content/drive')",
    "colab": "try:\n    import google.colab\n    HERE = '/content/drive/MyDrive'\nexcept ImportError:\n"
    "    HERE = '.'\nassert HERE == '.'\nopen(HERE + '/numbers.csv').close()",
    "upload": "from google.colab import files\nuploaded = files.upload()\nfor name in uploaded:\n    print(name)",
    "locale": "import locale\nlocale.setlocale(locale.LC_ALL, 'de_DE.UTF-8')",
    "cuda": "import torch\nassert torch.cuda.is_available(), 'no GPU'",
    "widget": "%matplotlib widget",
    "magic": "%load_ext nothing_like_it",
    "pip": "!pip install nopandas\n%pip install nopandas",
    "style": "import matplotlib.pyplot as plt\nplt.style.use('seaborn')",
    "file": "frame = open('/content/drive/MyDrive/x.csv').read()\nlength = len(frame)",
    "guard": "import os\nif not os.path.exists('/kaggle'):\n    raise RuntimeError('this needs Kaggle')",
    "one-line": "import nopandas as pd; import math",
    "empty-lines": "\n\n\nimport nopandas as pd",
}
NOTED = {
    "pandas": "Line 1 of cell 'A-double' (`import nopandas as pd`) failed (ModuleNotFoundError: No module named",
    "upload": "(`uploaded = files.upload()`) failed (RuntimeError: nobody can upload a file while this is graded",
    "locale": "unsupported locale setting", "cuda": "no GPU", "pip": "nothing is installed or fetched in grading",
    "magic": "%load_ext nothing_like_it", "style": "seaborn", "guard": "this needs Kaggle",
    "empty-lines": "Line 4 of cell 'A-double' (`import nopandas as pd`)", "one-line": "(`import nopandas as pd`)",
}  # fmt: skip
STOPPED = {
    "uses": "import nopandas as pd\n\ndef double(x):\n    return pd.Series([2 * x])[0]",
    "base": "import nopandas\n\nclass Twice(nopandas.Base):\n    pass\n\ndouble = Twice()",
    "raises": f"raise SystemExit('no')\n{DOUBLE}",
    "syntax": "def double(x)\n    return 2 * x",
}
CAUSE = {
    "uses": "There is no `pd`, because line 1 of cell 'A-double' (`import nopandas as pd`) failed: ModuleNotFoundError",
    "base": "There is no `double`, because line 1 of cell 'A-double' (`import nopandas`) failed: ModuleNotFoundError",
    "raises": "There is no `double`, because line 1 of cell 'A-double' (`raise SystemExit('no')`) failed: SystemExit",
    "syntax": "There is no `double`, because cell 'A-double' failed: SyntaxError",
}

SHOWN = """

# %%
four = double(2)
print("shown")
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    from conftest import SOURCE, mini_course


    folder = tmp_path_factory.mktemp("rest")
    course = mini_course(folder, SOURCE + SHOWN)
    wrong = {name: above(text) for name, text in SKIPPED.items()} | STOPPED
    made = [Student(name, "", replace={"A-double": text}) for name, text in wrong.items()]
    made.append(Student("died", "", replace={
        "A-double": above("import nopandas"), "A-half": f"import os\n{HALF}\nos._exit(1)"}))  # fmt: skip
    made.append(Student("spy", "", replace={
        "A-double": "seen = []\n\ndef double(x):\n    seen.append(x)\n    return 2 * x",
        "A-half": f"double = double\nnumber = int('x' + str(seen))\n{HALF}\nimport nopandas\nlast = 1"}))  # fmt: skip
    sample.fill("mini", course, made)
    found = grade("mini", course, timeout=20, budget=60)
    return {row.student: (row, course) for row in found.rows}


@pytest.mark.promise(
    "**A line that fails costs what needs it.** What else stands in its cell runs,"
)
@pytest.mark.promise(
    "the note names line and error."
)
@pytest.mark.promise(
    "Lines that install or download something are passed over, and `google.colab` has a stand-in that does "
    "nothing."
)
@pytest.mark.parametrize("student", SKIPPED)
def test_what_does_not_need_the_failing_line_runs(rows, student):
    row, _ = rows[student]
    assert (row.auto, row.reason) == (7, "")
    notes = " ".join(row.notes)
    assert NOTED.get(student, "") in notes
    if student in ("drive", "colab", "widget"):
        return
    assert row.notes


@pytest.mark.promise(
    "unless the cell stops itself with `raise` or an exit;"
)
@pytest.mark.promise(
    "A check that misses a name says in which line of which cell it was lost."
)
@pytest.mark.parametrize("student", STOPPED)
def test_what_needs_it_names_it(rows, student):
    row, course = rows[student]
    assert row.auto == 4
    told = {mistake.message for mistake in row.wrong if mistake.exercise == "A-double"}
    assert all(one.startswith(CAUSE[student]) for one in told)
    assert told
    page = (course.feedback / student / "mini" / "mini.html").read_text("utf-8")
    assert CAUSE[student].partition("'")[0] in page.replace("<code>", "`").replace("</code>", "`")


def test_a_cell_as_it_was_handed_out_leaves_no_note(rows):
    row, course = rows["raises"]
    assert "print(\"shown\")" in nbformat.read(course.autograded / "raises" / "mini" / "mini.ipynb", 4).cells[-1].source
    assert not [note for note in row.notes if "four" in note]


def test_after_a_death_the_same_runs_again(rows):
    row, _ = rows["died"]
    assert row.auto == 5
    assert row.scores["A-double-two"] == 2


def test_no_note_tells_what_hidden_tests_asked(rows):
    row, course = rows["spy"]
    assert row.auto == 7
    page = (course.feedback / "spy" / "mini" / "mini.html").read_text("utf-8")
    cells = nbformat.read(course.autograded / "spy" / "mini" / "mini.ipynb", as_version=4).cells
    assert any("317" in output.get("evalue", "") for cell in cells for output in cell.get("outputs", []))
    assert "317" not in page + " ".join(row.notes)


def test_the_parts_of_a_cell():
    source = "\n@dec\ndef f():\n    x\n%time y\nx = !ls\nimport a; b = 'é'; c\nfor i in ():\n    pass"
    parts = skip_failing.cell_parts(source)
    assert [(part.begin[0], part.end[0]) for part in parts] == [
        (2, 4), (5, 5), (6, 6), (7, 7), (7, 7), (7, 7), (8, 9),
    ]  # fmt: skip
    assert skip_failing._only(source, parts, [0, 5]).split("\n")[-3:] == ["pass; pass; c", "pass", ""]
    assert skip_failing.cell_parts("%%bash\nls") == skip_failing.cell_parts("def (") == []
    assert nbformat.v4.new_code_cell(skip_failing._only(source, parts, range(7))).source == source
