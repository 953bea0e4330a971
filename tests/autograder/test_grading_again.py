"""Whose time ran out on a busy machine is graded once more, alone, when everybody else is done."""

from __future__ import annotations

from dataclasses import replace

import nbformat
import pytest
from naive import Here, work

from autograder.authoring.source import cells_by_id
from autograder.execution.execute import error
from autograder.execution.preflight import MODEL
from autograder.execution.task import Result, Task, order
from autograder.grade import grade
from autograder.parallel.executor import Answer
from helpers.errors import CourseError
from tests.autograder.test_grading_record import course, filled  # noqa: F401


class Busy(Here):
    """Of `starved` no cell gets done in time, in these of its runs."""

    def __init__(self, starved: dict[str, tuple[int, ...]]) -> None:
        super().__init__()
        self.starved, self.runs = starved, list[list[str]]()

    def run(self, orders):
        self.runs.append([])
        for one in orders:
            self.asked.append(one.key)
            self.runs[-1].append(one.key)
            result = work(Task.unpack(one.body))
            if self.asked.count(one.key) in self.starved.get(one.key, ()):
                result = late(result)
            yield Answer(one.key, result.pack())


def late(result: Result) -> Result:
    notebook = nbformat.reads(result.notebook.decode(), as_version=4)
    for name in ("A-double-two", "A-double-hidden", "A-half-one"):
        cells_by_id(notebook)[name].outputs = [error("TimeUp", "This cell was stopped.")]
    return replace(result, notebook=nbformat.writes(notebook).encode(), starved=True)


@pytest.mark.promise(
    "A hand-in whose time ran out while the machine kept it waiting is graded once more, alone, when all others are "
    "done, and the better result counts."
)
def test_once_more_alone_and_last(course):  # noqa: F811
    executor = Busy({"ann": (1,)})
    told = []
    found = grade("mini", course, executor=executor, told=lambda result, done, total: told.append(result.student))
    assert executor.runs[1:] == [["ann"]]
    assert told[-1] == "ann"
    assert len(told) == 4
    rows = {row.student: row for row in found.rows}
    assert (rows["ann"].auto, rows["ann"].late_cells) == (7, [])
    assert any("once more, alone" in note for note in rows["ann"].notes)
    assert grade("mini", course, executor=Here()).regraded == []


def test_only_once_whatever_comes_of_it(course):  # noqa: F811
    executor = Busy({"ann": (1, 2), "bob": (1, 2)})
    found = grade("mini", course, executor=executor)
    assert executor.runs[1:] == [["ann"], ["bob"]]
    assert {row.student: row.auto for row in found.rows}["ann"] == 2


def test_a_first_result_that_was_better_stays(course):  # noqa: F811
    class Worse(Busy):
        def run(self, orders):
            for answer in super().run(orders):
                if answer.key == "ann":
                    result = Result.unpack(answer.body)
                    first = self.asked.count("ann") == 1
                    answer = Answer("ann", (replace(result, starved=True) if first else late(result)).pack())
                yield answer

    assert {r.student: r.auto for r in grade("mini", course, executor=Worse({})).rows}["ann"] == 7


def test_what_has_been_taken_away_meanwhile_keeps_its_first_result(course):  # noqa: F811
    class Taken(Busy):
        def run(self, orders):
            for answer in super().run(orders):
                if answer.key == "ann":
                    (course.submitted / "ann" / "mini" / "mini.ipynb").unlink()
                yield answer

    found = grade("mini", course, executor=Taken({"ann": (1,)}))
    assert {r.student: r.auto for r in found.rows}["ann"] == 2


def test_a_machine_on_which_not_even_the_model_solution_ends_is_told_of(course):  # noqa: F811
    with pytest.raises(CourseError, match="This machine is too busy: grade again when it is quieter"):
        grade("mini", course, executor=Busy({MODEL: (1,)}))


def test_a_worker_is_given_up_only_after_all_that_its_hand_in_may_take(course):  # noqa: F811
    from autograder.authoring.prepare import prepare
    from autograder.execution.execute import ALL
    from autograder.kernel.meter import PATIENCE

    task = Task("ann", b"", prepare(course, "mini").snapshot, budget=1000)
    assert order(task).seconds >= PATIENCE * ALL * task.budget + 100
