"""Hidden parts of tests run last: nothing that a student prints comes after them, and a later cell undoes nothing."""

from __future__ import annotations

import json

import pytest
from feedback_kit import words

from autograder.authoring.sample import fill
from autograder.authoring.student import Student
from autograder.execution.waiting import changes, taken_back
from autograder.grade import grade

KEEP = "seen = []\n\ndef double(x):\n    seen.append(x)\n    return 2 * x"
TELL = "print('kept', seen)\nraise ValueError(f'kept {seen}')"
INTO_A_FILE = "def double(x):\n    with open('seen', 'a') as f:\n        print('kept', x, file=f)\n    return 2 * x"
END = "import os\n\ndef double(x):\n    if x < 0:\n        os._exit(3)\n    return 2 * x"
HALF = f"def half(x):\n    return x / 2\n{TELL}"
NOTHING = "def double(x):\n    return 0"
SHOWN = """from IPython.display import display
shown = display("nothing yet", display_id="p")
"""
UPDATE = SHOWN + """
def double(x):
    shown.update(f"kept {x}")
    display(f"kept {x}", display_id="q")
    display(f"kept {x}", display_id="visible", update=True)
    return 2 * x
double(5)
display("nothing", display_id="visible");"""
THREAD = SHOWN + """
import threading, time
asked = []
def tell():
    while True:
        shown.update(f"kept {asked}")
        time.sleep(0.01)
threading.Thread(target=tell, daemon=True).start()
def double(x):
    asked.append(x)
    time.sleep(0.1)
    return 2 * x"""
RAISE = "def hello(name):\n    raise ValueError(f'kept {seen}')"
BITS = tuple(("B-hello", f"if {bit!r} in str(seen):\n    print('yes')") for bit in ("31", "32", "-3", "7"))
CLEANED = {
    "reset": "%reset -f\n1 / 0", "selective": "%reset_selective -f ^(double|half)$", "globals": "globals().clear()",
    "loop": "for name in [n for n in dir() if n[0] != '_']:\n    del globals()[name]", "called": "clean()",
    "executed": "exec('def double(x):\\n    return 0')", "code": "setattr(double, '__code__', (lambda x: 0).__code__)",
    "data": "globals().update(FACTOR=None)",
}  # fmt: skip
"""What an honest last cell may do to the names that hidden parts need."""
COUNTS = "calls = 0\ndef double(x):\n    global calls\n    calls += 1\n    return 2 * x if calls < 9 else 0"
USES = "FACTOR = 2\n\ndef double(x):\n    return FACTOR * x\n\ndef clean():\n    global double\n    del double"
CLASS = (
    *(Student(f"last {name}", "tidies up in the last cell", replace={"A-double": USES},
              cells_added=(("B-hello-you", cell),)) for name, cell in CLEANED.items()),
    Student("between", "tidies up between two exercises and goes on",
            replace={"A-double": USES, "A-half": "%reset -f\ndef half(x):\n    return x / 2\nprint('still shown')"}),
    Student("counts", "counts its calls, and calls below the tests",
            replace={"A-double": COUNTS}, cells_added=(("B-hello-you", "double(2)"),)),
    Student("updates", "updates a display of an early cell", replace={"A-double": UPDATE}),
    Student("thread", "updates it from a thread", replace={"A-double": THREAD}),
    Student("raises late", "has its tests run early, and raises what it kept in a later test",
            replace={"A-double": KEEP, "A-half": f"def half(x):\n    return x / 2\n{NOTHING}", "B-hello": RAISE}),
    Student("bits", "prints one thing or nothing in each of many cells",
            replace={"A-double": KEEP}, cells_added=(("A-half", NOTHING), *BITS)),
    Student("model", "everything right"),
    Student("keeps", "remembers what it was asked and tells it later",
            replace={"A-double": KEEP, "A-half": HALF}, cells_added=(("B-hello", TELL),)),
    Student("file", "writes what it was asked into a file",
            replace={"A-double": INTO_A_FILE}, cells_added=(("B-hello", "print(open('seen').read())"),)),
    Student("takes back", "redefines double below its tests, to be told early",
            replace={"A-double": KEEP}, cells_added=(("A-half", "def double(x):\n    return seen"), ("B-hello", TELL))),
    Student("later", "redefines double wrongly in a later cell", cells_added=(("A-half", NOTHING),)),
    Student("dies", "Python ends when the hidden number comes", replace={"A-double": END}),
)  # fmt: skip


@pytest.fixture(scope="module")
def told(mini, tmp_path_factory):
    from autograder.course import Course

    course = Course(root=mini.root, class_dir=tmp_path_factory.mktemp("waiting"))
    fill("mini", course, CLASS)
    found = grade("mini", course, timeout=5, budget=60)
    return course, {row.student: row for row in found.rows}


def cells(course, student):
    path = course.autograded / student / "mini" / "mini.ipynb"
    return json.loads(path.read_text("utf-8"))["cells"]


@pytest.mark.promise("It holds no hidden test, no hidden value")
@pytest.mark.promise("The page shows no number of a hidden test,")
@pytest.mark.parametrize("student", ["keeps", "file", "takes back", "updates", "thread", "raises late", "bits"])
def test_hidden_numbers_reach_no_page(told, student):
    course, rows = told
    page = (course.feedback / student / "mini" / "mini.html").read_text("utf-8")
    assert "317" not in page
    assert rows[student].scores["A-double-two"] == 2
    assert rows[student].scores["A-double-hidden"] == 1


@pytest.mark.promise("Hidden parts of tests come last, until 1.2 budgets have gone by.")
@pytest.mark.parametrize("student", ["keeps", "file"])
def test_what_is_printed_is_printed_before_anything_hidden_was_asked(told, student):
    course, _ = told
    printed = json.dumps([c.get("outputs") for c in cells(course, student)])
    assert "kept" in printed
    assert "317" not in printed


@pytest.mark.parametrize("student", ["updates", "thread"])
def test_what_was_displayed_before_the_hidden_parts_stays_as_it_was(told, student):
    course, _ = told
    shown = json.dumps([c.get("outputs") for c in cells(course, student)])
    assert "317" not in shown
    assert "kept" in shown, "updates of before are there"


def test_whether_a_cell_below_printed_anything_is_not_to_be_seen(told):
    course, _ = told
    page = words((course.feedback / "bits" / "mini" / "mini.html").read_text("utf-8"))
    assert page.count("may have printed is therefore left out here") == 2 + len(BITS)


@pytest.mark.promise("A last cell that tidies up (`%reset -f`) costs nothing.")
@pytest.mark.parametrize("student", [*(f"last {name}" for name in CLEANED), "between", "counts"])
def test_tidying_up_costs_nothing(told, student):
    course, rows = told
    assert rows[student].scores == rows["model"].scores
    if student == "between":
        assert "still shown" in (course.feedback / student / "mini" / "mini.html").read_text("utf-8")


def test_a_later_definition_undoes_no_points(told):
    _, rows = told
    assert rows["later"].scores == rows["model"].scores


def test_what_runs_after_an_early_hidden_part_is_marked(told):
    course, _ = told
    marked = [c["metadata"].get("course", {}).get("told", False) for c in cells(course, "takes back")]
    first = marked.index(True)
    assert "return seen" in "".join(cells(course, "takes back")[first]["source"])
    code = [
        m for m, c in zip(marked[first:], cells(course, "takes back")[first:], strict=True) if c["cell_type"] == "code"
    ]
    assert all(code)


def test_a_death_in_a_hidden_part_costs_that_test_alone(told):
    _, rows = told
    lost = {name for name, points in rows["model"].scores.items() if points != rows["dies"].scores[name]}
    assert lost == {"A-double-hidden"}
    assert "Python itself ended in cell 'A-double-hidden' (it ended itself with exit code 3)" in rows["dies"].words


ENDS = {
    "end-code": "os._exit(-x % 251)", "end-signal": "os.abort()", "end-line": "os.closerange(3, 99)",
    "end-crash": "ctypes.string_at(0)", "end-loop": "time.sleep(60)",
}  # fmt: skip
ENDING = "import ctypes, os, time\nEND = {!r}\n\ndef double(x):\n    if x < 0:\n        exec(END)\n    return 2 * x"


@pytest.mark.promise("and nothing of how Python ended there: exit code, signal, limit and time are for you.")
def test_how_python_ends_in_a_hidden_part_is_not_to_be_seen(mini, tmp_path):
    """The page is the same whatever ends it: code may choose that by the numbers that it is given."""
    from autograder.course import Course

    course = Course(root=mini.root, class_dir=tmp_path)
    fill("mini", course, [Student(name, "", replace={"A-double": ENDING.format(end)}) for name, end in ENDS.items()])
    found = grade("mini", course, jobs=2, timeout=1, budget=60)
    pages = {}
    for name, end in ENDS.items():
        page = words((course.feedback / name / "mini" / "mini.html").read_text("utf-8"))
        assert f"END = {end!r}" in page
        pages[name] = page.replace(name, "").replace(repr(end), "")
    assert set(pages.values()) == {pages["end-code"]}
    assert len({row.dead for row in found.rows}) >= 4, "the instructor reads how"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = 1", {"x"}),
        ("import numpy as np", set()),
        ("for i in range(3):\n    print(i)", {"i"}),
        ("Linear.forward = None", {"Linear"}),
        ("table['a'][0] = 3", {"table"}),
        ("del x", {"x"}),
        ("x += 1", {"x"}),
        ("def f():\n    y = 1", {"f"}),
        ("def f():\n    g.h = 1", {"f", "g"}),
        ("%matplotlib inline\nx = 1", {"x"}),
        ("print(x)", set()),
    ],
)
def test_what_a_cell_changes(source, found):
    assert changes(source) == found


def test_only_what_a_waiting_test_needs_is_taken_back():
    earlier = ["def helper(): ...", "def f(): return helper()", "other = 1"]
    assert taken_back("helper = None", earlier, ["check(f)"]) == {"helper"}
    assert taken_back("other = 2", earlier, ["check(f)"]) == frozenset()
    assert taken_back("fresh = 2", earlier, ["check(fresh)"]) == frozenset()
    assert taken_back("helper = None", earlier, []) == frozenset()
    beside = ["import check\nguess = {}\nfor name in guess: shown = name\n%matplotlib inline\n", *earlier]
    assert taken_back("name = 1; guess['a'] = 2", beside, ["check(f)"]) == frozenset()  # f needs nothing of that cell
    assert taken_back("guess = 1", [*beside, "def f(x): return guess"], ["check(f)"]) == {"guess"}
