"""The attacks' outcomes: for the terminal, as JSON, and as the page docs/attacks.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .attack import KINDS, Attack
from .course import AUTOMATIC
from .runner import TIMEOUT, Outcome

Results = Mapping[str, Sequence[Outcome]]
"""Outcomes by engine, in the order of the attacks."""


@dataclass(frozen=True)
class Totals:
    """Counts over some attacks with one engine."""

    attacks: int
    gaining: int
    full: int
    harming: int
    failed: int

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Totals:
        return cls(
            len(outcomes), sum(o.points > 0 for o in outcomes), sum(o.points >= AUTOMATIC for o in outcomes),
            sum(bool(o.harm) for o in outcomes), sum(o.failed for o in outcomes),
        )  # fmt: skip

    def sentence(self, engine: str) -> str:
        return (
            f"{engine}: of {self.attacks} attacks {self.gaining} gained points ({self.full} all of them), "
            f"{self.harming} did harm, {self.failed} came to nothing."
        )


def holes(attacks: Sequence[Attack], ours: Sequence[Outcome]) -> list[Outcome]:
    """Attacks that our engine claims to withstand and that did something."""
    return [o for a, o in zip(attacks, ours, strict=True) if a.protected and not o.failed]


def show(attacks: Sequence[Attack], results: Results, console: Console) -> None:
    """Print one line per attack and the totals."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("attack", *(f"{e}: {c}" for e in results for c in ("points", "harm", "s"))):
        table.add_column(column, overflow="fold")
    for i, attack in enumerate(attacks):
        cells = [c for e in results for c in _cells(results[e][i])]
        table.add_row(Text(attack.name), *(Text(c) for c in cells))
    console.print(table)
    console.print(_by_kind(attacks, results))
    for engine, outcomes in results.items():
        console.print(Text(Totals.of(outcomes).sentence(engine)))
    for outcome in holes(attacks, results.get("ours", [])) if "ours" in results else []:
        console.print(Text(f"a hole: {outcome.name}: {outcome.points:g} points, {'; '.join(outcome.harm)}"))


def _by_kind(attacks: Sequence[Attack], results: Results) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("kind", "attacks", *(f"{e}: {c}" for e in results for c in ("gained points", "did harm"))):
        table.add_column(column, overflow="fold")
    for kind, count, totals in kinds(attacks, results):
        table.add_row(KINDS[kind], str(count), *(str(n) for t in totals for n in (t.gaining, t.harming)))
    return table


def kinds(attacks: Sequence[Attack], results: Results) -> Iterator[tuple[str, int, list[Totals]]]:
    """(kind, how many, totals by engine) for each kind that occurs."""
    for kind in KINDS:
        at = [i for i, a in enumerate(attacks) if a.kind == kind]
        if at:
            yield kind, len(at), [Totals.of([outcomes[i] for i in at]) for outcomes in results.values()]


def _cells(outcome: Outcome) -> tuple[str, str, str]:
    seconds = "" if outcome.seconds is None else f"{outcome.seconds:.1f}"
    return f"{outcome.points:g}", "; ".join(outcome.harm), seconds


def as_json(attacks: Sequence[Attack], results: Results) -> dict[str, Any]:
    return {
        "attacks": [
            {"name": a.name, "kind": a.kind, "about": a.about, **{e: asdict(results[e][i]) for e in results}}
            for i, a in enumerate(attacks)
        ],
        "totals": {e: asdict(Totals.of(outcomes)) for e, outcomes in results.items()},
    }


def page(attacks: Sequence[Attack], results: Results) -> str:
    """docs/attacks.md: totals by kind, then every attack in a row."""
    lines = [
        "# Attacks on the grading", "",
        "Each row is a hand-in in which everything is wrong and which attacks the grading, graded in one class with "
        "honest students. What it did is judged from outside: by the gradebook, by a digest of every file before and "
        "after, by sockets that listen, by what is still alive. *Points* are those it gained (of 12), *s* is the time "
        "that its hand-in took. Made by `make attacks`; `make test` tries a part of them on our engine.", "",
        f"Stock is nbgrader {version('nbgrader')} without any configuration but its folders"
        f" (and {TIMEOUT['stock']} s for a cell; ours {TIMEOUT['ours']} s). It shows hidden tests in every feedback "
        "page, attacked or not; that is not counted here.", "",
    ]  # fmt: skip
    lines += [*(f"* {Totals.of(outcomes).sentence(engine)}" for engine, outcomes in results.items()), ""]
    known = [a for a in attacks if not a.protected]
    lines += [f"* Not protected against: **{a.name}**. {a.about}" for a in known] + [""] * bool(known)
    columns = [f"{e}: {c}" for e in results for c in ("points", "harm")]
    lines += ["| kind | attacks | " + " | ".join(columns) + " |", "|---|" + "---|" * (len(columns) + 1)]
    for kind, count, totals in kinds(attacks, results):
        lines.append(f"| {KINDS[kind]} | {count} | " + " | ".join(f"{t.gaining} | {t.harming}" for t in totals) + " |")
    for kind in dict.fromkeys(a.kind for a in attacks):
        columns = [f"{e}: {c}" for e in results for c in ("points", "harm", "s")]
        lines += ["", f"## {KINDS[kind].capitalize()}", ""]
        lines += ["| attack | what it does | " + " | ".join(columns) + " |", "|---|---|" + "---|" * len(columns)]
        for i, attack in enumerate(attacks):
            if attack.kind == kind:
                cells = [_plain(c) for e in results for c in _cells(results[e][i])]
                lines.append(f"| {attack.name} | {_plain(attack.about)} | " + " | ".join(cells) + " |")
    return "\n".join(lines).rstrip() + "\n"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("*", "\\*").replace("\n", " ")
