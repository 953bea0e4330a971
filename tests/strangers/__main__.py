"""Run the checks on the work of people who have seen only the notebooks: `make strangers`.

tests/strangers/SET/NAME/wrong.md and right.md hold it. Nobody reads the verdicts while writing hypotheses, so these say
how the checks do on work that they were not written for: how many wrong ones are caught, and rightly named, how many
right ones are refused, and how many tests further down, of exercises that are right, name a mistake ("accused"). A set
is never changed, but for the names that `names.csv` gives the wrong ones: the mistakes, or kinds of edits, that a check
may call each, which somebody decides who has read the solution.
"""

from __future__ import annotations

import argparse
import csv
import json
from functools import partial
from pathlib import Path

from autograder.mistakes.run import workers
from tests.strangers.solutions import HERE, entries, verdict


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.strangers", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="assignments (default: all that the set has)")
    parser.add_argument("--set", default="first", help="folder of tests/strangers (default: first)")
    parser.add_argument("--judged", action="store_true", help="solutions in processes of their own, as in grading")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write what was said of each solution")
    given = parser.parse_args()
    told = []
    with (HERE / given.set / "names.csv").open(newline="", encoding="utf-8") as file:
        named = {(row["assignment"], row["entry"]): row["names"].split() for row in csv.DictReader(file)}
    print(f"{'':22}{'wrong':>7}{'caught':>9}{'named':>9}{'right':>8}{'refused':>9}{'accused':>9}")
    for name in given.names or sorted(path.name for path in (HERE / given.set).iterdir() if path.is_dir()):
        rows = entries(given.set, name)
        with workers(given.jobs) as pool:
            verdicts = list(pool.map(partial(verdict, given.set, name, given.judged), rows))
        wrong = [one for one in verdicts if one.expected]
        right = [one for one in verdicts if not one.expected]
        caught = [one for one in wrong if one.by]
        good = [one for one in caught if {one.mistake, one.edit} & set(named.get((name, one.solution.split()[1]), ()))]
        refused = [one for one in right if one.by]
        print(f"{name:22}{len(wrong):7}{len(caught) / len(wrong):9.1%}{len(good) / len(wrong):9.1%}"
              f"{len(right):8}{len(refused) / len(right):9.1%}"
              f"{sum(len(one.accused) for one in wrong):9}", flush=True)  # fmt: skip
        for one in verdicts:
            solution, said = rows[one.solution]
            ((cell, code),) = solution.cells.items()
            told.append({"assignment": name, "entry": one.solution, "cell": cell, "author": said, "caught": one.by,
                         "test": one.test, "mistake": one.edit or one.mistake, "message": one.message, "code": code,
                         "further down": one.accused})  # fmt: skip
    if given.json:
        given.json.write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
