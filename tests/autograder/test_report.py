"""The report and the tables: complete, quoted, and deaf to markup from students."""

import csv
import html
import io
import re
from html.parser import HTMLParser

import pytest
from rich.console import Console

from autograder.reports import class_report
from autograder.reports.csv_table import safe, to_csv
from autograder.reports.results import Mistake, Row
from autograder.reports.terminal import show
from tests.autograder.conftest import EVIL


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.images = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))


@pytest.fixture(scope="module")
def page(mini, graded):
    return class_report.write(graded, mini).read_text(encoding="utf-8")


def test_markup_from_students_stays_text(page, rows):
    tags = Tags()
    tags.feed(page)
    assert "script" not in tags.tags
    assert html.escape(EVIL, quote=False).split("(")[0] in page.replace("&#39;", "'")


@pytest.mark.promise(
    "`reports/NAME.html`, the class report: distribution, success per exercise, most frequent mistakes, **hand-ins "
    "to look at**;"
)
def test_report_stands_alone_with_figures_in_words(page):
    tags = Tags()
    tags.feed(page)
    assert len(tags.images) == 2
    assert all(i["src"].startswith("data:image/png;base64,") and len(i["alt"]) > 40 for i in tags.images)
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page)


@pytest.mark.promise(
    "`reports/NAME.html`, the class report: distribution, success per exercise, most frequent mistakes, **hand-ins "
    "to look at**;"
)
@pytest.mark.promise("and a place among the hand-ins to look at.")
def test_report_counts_mistakes_and_names_what_to_look_at(mini, graded, page):
    frequent = {(m["exercise"], m["id"]): m["count"] for m in class_report.frequent(graded)}
    assert frequent[("A-double", "not-doubled")] == 2
    assert dict(class_report.to_do(graded)) == {"A-double": 1, "A-half": 1, "B-hello": 1}
    told = {student for student, _ in class_report.look_at(graded)}
    assert {"crash", "loop", "deaf", "damaged", "nothing", "badform", "deleted", "B-why"} <= told
    assert "warned" not in told
    links = re.findall(r'<td class="name"><a href="([^"]+)"', page)
    assert len(links) == len(graded.rows)
    assert len(re.findall(r'<li><b><a href="[^"]+crash[^"]*">crash</a></b>: ', page)) == 1


@pytest.mark.promise("`reports/NAME.csv`, one row a student;")
@pytest.mark.promise(
    "`reports/NAME.csv` has a row a student with points by kind, by exercise, status and what went wrong;"
)
def test_csv_is_quoted_and_complete(graded, rows):
    table = list(csv.DictReader(io.StringIO(to_csv(graded))))
    assert len(table) == len(graded.rows)
    by_name = {line["student"]: line for line in table}
    assert by_name['\'=1+1, "x"']["auto"] == "7.0"
    assert by_name["model"]["bonus"] == "3.5"
    assert by_name["model"]["A-double"] == "3.0"
    assert by_name["nothing"]["total"] == "0.0"
    assert by_name["nothing"]["status"].startswith("could not be graded: the folder is empty")


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1"])
def test_formulas_are_disarmed(text):
    assert safe(text).startswith("'")


@pytest.mark.promise("shows a table (points, what went wrong in words), and writes")
@pytest.mark.parametrize("width", [80, 100, 120])
def test_table_fits_and_tells(graded, width):
    out = io.StringIO()
    show(graded, Console(file=out, width=width))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert all(name in out.getvalue() for name in ("model", "crash", "nothing", "untouched"))
    assert next(line.split()[1:6] for line in lines if line.strip().startswith("model")) == ["3", "2", "·", "2", "3.5"]


def test_words_name_the_first_real_mistake():
    row = Row("x", mistakes=[Mistake("A-a", "A", "still-to-do", "…"), Mistake("A-b", "A", "k", "wrong sign.")])
    assert row.words == "A-b: wrong sign. (and 1 more)"


@pytest.mark.promise("`nbgrader export` writes all assignments into one table of the same form.")
def test_exporter_plugin(mini, graded, tmp_path, monkeypatch):
    from nbgrader.api import Gradebook

    from autograder.nbgrader_plugins import TableExporter

    monkeypatch.setenv("COURSE_ROOT", str(mini.root))
    monkeypatch.setenv("COURSE_CLASS_DIR", str(mini.class_dir))
    target = tmp_path / "a b" / "grades.csv"
    with Gradebook(mini.db_url) as gradebook:
        TableExporter(to=str(target), student=["model"]).export(gradebook)
    assert target.read_text(encoding="utf-8").count("\n") == 2
