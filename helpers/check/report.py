"""What a check says: a `Mistake` inside, a `Report` on the screen, `CheckFailed` for the notebook."""

from __future__ import annotations

import functools
import html
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MIME = "application/vnd.course.check+json"


class Mistake(Exception):
    """A named mistake in a student's work.

    Args:
        name: short identifier, the same for the same mistake in every class ("grad-divided-by-batch").
        message: one or two plain sentences: what is wrong, where to look, why it matters.
    """

    def __init__(self, name: str, message: str):
        super().__init__(message)
        self.name, self.message = name, message


class CheckFailed(AssertionError):
    """A check did not pass. Its text is the hint; Jupyter shows it without a traceback of ours."""

    def _render_traceback_(self) -> list[str]:
        first, *rest = textwrap.wrap(f"CheckFailed: {self}", 90) or ["CheckFailed"]
        return [first.replace("CheckFailed", "\x1b[0;31mCheckFailed\x1b[0m", 1), *rest]


@dataclass
class Report:
    """Outcome of one check: what was verified before the first mistake, and that mistake."""

    check: str
    title: str
    verified: list[str] = field(default_factory=list)
    mistake: str = ""
    message: str = ""

    @property
    def passed(self) -> bool:
        return not self.mistake

    def __str__(self) -> str:
        if self.passed:
            return f"{self.title}: passed. Verified: {'; '.join(self.verified)}."
        right = "".join(f"\n  right: {item}" for item in self.verified)
        return f"{self.title}: not yet.{right}\n  {self.message}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        data = {"check": self.check, "passed": self.passed, "mistake": self.mistake, "message": self.message}
        return {"text/plain": str(self), "text/html": self._html(), MIME: data}

    def _html(self) -> str:
        colour, word, mark = ("#0072B2", "passed", "✓") if self.passed else ("#D55E00", "not yet", "✗")
        if self.mistake == "still-to-do":
            word, mark = "still to do", "○"
        rows = [("✓", item) for item in self.verified] if not self.passed else []
        lines = "".join(
            f'<tr><td style="padding:1px 8px 1px 0">{m}</td>'
            f'<td style="text-align:left;padding:1px 0">{html.escape(t)}</td></tr>'
            for m, t in rows
        )
        body = "Verified: " + "; ".join(self.verified) + "." if self.passed else self.message
        return (
            f'<div role="status" style="border-left:4px solid {colour};padding:4px 12px;margin:4px 0;max-width:52em">'
            f'<b style="color:{colour}">{mark} {html.escape(self.title)}: {word}</b>'
            f'<table style="margin:2px 0;border:none">{lines}</table>'
            f"<div>{html.escape(body)}</div></div>"
        )


def _show(report: Report) -> None:
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        from IPython.display import display

        display(report)
    else:
        print(report)


UNNAMED = ("differs", "constant-factor", "sign-flipped", "wrong-shape", "not-finite")
"""Mistakes that say how a result is wrong and not why."""


def check(title: str, builds_on: str = "") -> Callable[[Callable[..., Iterator[str]]], Callable[..., None]]:
    """Make a public check of a generator that yields what it has verified and raises `Mistake` at the first mistake.

    The public function returns None, shows a `Report`, and raises `CheckFailed` where there is a mistake. `builds_on` names
    earlier work that the student's code uses: where the mistake has no name of its own, it may well lie there.
    """

    def decorate(steps: Callable[..., Iterator[str]]) -> Callable[..., None]:
        @functools.wraps(steps)
        def run(*args: Any, **kwargs: Any) -> None:
            report = Report(steps.__name__, title)
            try:
                # A student's overflow is found by its result; the warnings would only bury the hint.
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    for item in steps(*args, **kwargs):
                        if item not in report.verified:
                            report.verified.append(item)
            except Mistake as mistake:
                report.mistake, report.message = mistake.name, mistake.message
                if builds_on and mistake.name in UNNAMED:
                    report.message += f" This builds on {builds_on}: if a check there still fails, mend that first."
            _show(report)
            if not report.passed:
                raise CheckFailed(f"{title}: {report.message}") from None

        return run

    return decorate
