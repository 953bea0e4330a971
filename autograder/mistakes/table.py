"""The mistake bank's result: row by row for the terminal and as JSON, and in sum for docs/mistakes.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .run import Verdict, as_dict


@dataclass(frozen=True)
class Totals:
    """Counts over one bank."""

    wrong: int
    caught: int
    visible: int
    named: int
    right: int
    passed: int
    accused: int = 0
    """Tests further down, of exercises that are right, that name a mistake."""

    @classmethod
    def of(cls, wrong: Sequence[Verdict], right: Sequence[Verdict]) -> Totals:
        return cls(
            len(wrong), sum(bool(v.by) for v in wrong), sum(v.by == "visible" for v in wrong),
            sum(v.good for v in wrong), len(right), sum(v.good for v in right), sum(len(v.accused) for v in wrong),
        )  # fmt: skip

    @property
    def enough(self) -> bool:
        """The bar: all caught, none denied, 95% rightly named, 80% before handing in."""
        return (
            self.caught == self.wrong
            and self.passed == self.right
            and self.named >= 0.95 * self.wrong
            and self.visible >= 0.8 * self.wrong
        )

    def sentence(self) -> str:
        def share(part: int) -> str:
            return f"{part} ({part / max(self.wrong, 1):.1%})"

        return (
            f"{self.wrong} wrong solutions: {share(self.caught)} caught, {share(self.visible)} by checks that students "
            f"see, {share(self.named)} with the right hint. {self.right} different right solutions: "
            f"{self.right - self.passed} rejected. Further down, {self.accused} tests of right code name a mistake."
        )


def show(name: str, wrong: Sequence[Verdict], right: Sequence[Verdict], console: Console) -> None:
    """Print one line a solution, and the totals."""
    table = Table(
        title=f"{name}: wrong solutions", title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for column in ("solution", "caught by", "in", "diagnosed as", "hint", "place"):
        table.add_column(column, overflow="fold")
    for v in wrong:
        table.add_row(
            *map(Text, (v.solution, v.by or "nobody", v.test, v.mistake, "right" if v.good else "WRONG", v.place))
        )
    console.print(table)
    rejected = [v for v in right if not v.good]
    for v in rejected:
        console.print(Text(f"right, and rejected: {v.solution} ({v.place}), by {v.test}: {v.message}"))
    for v in wrong:
        for test, mistake, message in v.accused:
            console.print(Text(f"right, and blamed: {test} below {v.solution} ({v.place}), {mistake}: {message}"))
    console.print(Text(Totals.of(wrong, right).sentence()))


def as_json(name: str, wrong: Sequence[Verdict], right: Sequence[Verdict]) -> dict[str, Any]:
    return {
        "assignment": name,
        **vars(Totals.of(wrong, right)),
        "wrong_solutions": [as_dict(v) for v in wrong],
        "right_solutions": [as_dict(v) for v in right],
    }


def page(results: dict[str, tuple[list[Verdict], list[Verdict]]]) -> str:
    """docs/mistakes.md: how often the checks are right, by assignment."""
    head = ("assignment", "mistakes", "wrong solutions", "caught", "before handing in", "named", "right", "rejected")
    lines = [
        "# How often the checks are right", "",
        "Wrong solutions must be caught and their mistake named, different right ones must pass. All are run through "
        "the notebook's own test cells.",
        "They lie in `solutions/NAME/mistakes/`: under each exercise, the name that a check gives the mistake and the "
        "difference from the model solution.",
        "`python -m autograder mistakes NAME` prints what the checks say of each; `make mistakes` runs all and writes "
        "this page.", "",
        _row(head), _row(["---", *["---:"] * (len(head) - 1)]),
    ]  # fmt: skip
    everything: tuple[list[Verdict], list[Verdict]] = ([], [])
    kinds = 0
    for name, (wrong, right) in results.items():
        known = len({v.expected[0] for v in wrong})
        lines.append(_row([name, *_counts(known, wrong, right)]))
        kinds += known
        everything[0].extend(wrong)
        everything[1].extend(right)
    lines.append(_row(["**all**", *_counts(kinds, *everything)]))
    return "\n".join(lines) + "\n"


def _counts(known: int, wrong: Sequence[Verdict], right: Sequence[Verdict]) -> list[str]:
    totals = Totals.of(wrong, right)
    shares = (f"{part / max(totals.wrong, 1):.1%}" for part in (totals.caught, totals.visible, totals.named))
    return [str(known), f"{totals.wrong:,}", *shares, str(totals.right), str(totals.right - totals.passed)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
