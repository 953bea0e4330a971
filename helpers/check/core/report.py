"""What a check says: a `Mistake` inside, a `Report` on the screen, `CheckFailed` for the notebook."""

from __future__ import annotations

import functools
import html
import importlib
import os
import pkgutil
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import numpy as np

from helpers.check.core import again, probe
from helpers.check.core.edits import left_out_around, places, remembering
from helpers.check.core.limits import in_a_copy
from helpers.check.core.picture import Picture
from helpers.check.core.probe import Odd, by_value
from helpers.errors import one_line
from helpers.progress import silence

MIME = "application/vnd.course.check+json"

LONGEST = 2_000
"""Characters of a sentence; a longer one repeats something endless that a student's code returned."""


class Mistake(Exception):
    """A named mistake in a student's work.

    Args:
        name: short identifier, the same for the same mistake in every class ("grad-divided-by-batch").
        message: one or two plain sentences: what is wrong, where to look, why it matters.
    """

    picture: Picture | None = None
    seen = ""
    """The message without a guess at the cause, where it holds one."""
    sure = False
    """Whether the message tells the cause of an error, and not only where it arose."""
    elsewhere = ""
    """The student's function in which it lies, where that is not the one that was checked."""

    def __init__(self, name: str, message: str):
        super().__init__(message)
        message = message if len(message) <= LONGEST else message[:LONGEST] + " …"
        self.name, self.message = name, message[:1].upper() + message[1:] if message[:4] == "the " else message


class CheckFailed(AssertionError):
    """A check did not pass. Its text is the hint;
    where a reader has the report in front of them, the error is one line."""

    def _render_traceback_(self) -> list[str]:
        title, hint = str(self).split(": ", 1)
        # JupyterLab starts kernels with a session name. nbgrader's Validate runs without one, and shows only this.
        text = f"{title}; the report above says why." if os.environ.get("JPY_SESSION_NAME") else f"{title}: {hint}"
        return one_line("CheckFailed", text)


@dataclass
class Report:
    """Outcome of one check: what was verified before the first mistake, and that mistake.

    `section` is where the notebook explains it, such as "A1".
    """

    check: str
    title: str
    section: str = ""
    verified: list[str] = field(default_factory=list)
    mistake: str = ""
    message: str = ""
    picture: Picture | None = None
    edit: str = ""
    """Kind of the small change of the student's code that makes the check pass, where one was found."""

    @property
    def passed(self) -> bool:
        return not self.mistake

    def __str__(self) -> str:
        if self.passed:
            return f"{self.title}: passed. Verified: {'; '.join(self.verified)}."
        lines = [f"{self.title}: not yet.", *(f"✓ {item}" for item in self.verified), f"✗ {self.message}"]
        if self.picture is not None:
            lines += str(self.picture).splitlines()
        if self.section:
            lines.append(f"See {self.section} in the notebook.")
        return "\n  ".join(lines)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        data = {"check": self.check, "passed": self.passed, "mistake": self.mistake, "message": self.message}
        return {"text/plain": str(self), "text/html": self._html(), MIME: data}

    def _html(self) -> str:
        colour, word, mark = ("#0072B2", "passed", "✓") if self.passed else ("#D55E00", "not yet", "✗")
        if self.mistake == "still-to-do":
            word, mark = "still to do", "○"
        if self.passed:
            rows = [("✓", "Verified: " + with_code("; ".join(self.verified)) + ".")]
        else:
            rows = [("✓", with_code(item)) for item in self.verified]
            rows.append((mark, with_code(self.message) + (self.picture.as_html() if self.picture else "")))
            if self.section:
                rows.append(("→", f"See {_linked(self.section)} in the notebook."))
        lines = "".join(
            f'<tr style="background:none"><td style="vertical-align:top;padding:1px 8px 1px 0">{m}</td>'
            f'<td style="text-align:left;padding:1px 0">{t}</td></tr>'
            for m, t in rows
        )
        return (
            f'<div role="status" style="border-left:4px solid {colour};padding:4px 12px;margin:4px 0;max-width:52em">'
            f"<b>{html.escape(self.title)}: {word}</b>"
            f'<table style="margin:2px 0;border:none">{lines}</table></div>'
        )


def with_code(text: str) -> str:
    """HTML in which what stands in backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _linked(section: str) -> str:
    """A section's name as HTML, with links to the anchors that a released notebook has at its headings."""
    if section == "'The form'":
        return f'<a href="#form">{html.escape(section)}</a>'
    return re.sub(r"\b[A-Z]\d?\b", r'<a href="#\g<0>">\g<0></a>', html.escape(section))


session: dict[str, str] = {}
"""Text of a cell that has run a check in this kernel -> the mistake that its last check found, or ""; for `summary`."""


def show(what: Any) -> None:
    """Display in a notebook, print elsewhere."""
    if _ipython() is not None:
        from IPython.display import display

        display(what)
    else:
        print(what)


def _show(report: Report) -> None:
    show(report)
    history = getattr(getattr(_ipython(), "history_manager", None), "input_hist_raw", None)
    if history:
        session[history[-1].rstrip()] = report.mistake


def _ipython() -> Any:
    """The shell of the notebook that this runs in, None elsewhere."""
    module = sys.modules.get("IPython")
    return None if module is None else module.get_ipython()


def _given(value: Any) -> Any:
    """A check's argument: plain data copied, as it comes from another process; everything else itself, for probes."""
    found = by_value(value)
    return value if isinstance(found, Odd) else found


SECTIONS: dict[tuple[str, str], str] = {}
"""(an assignment's package, a check's title) -> where the notebook explains what it checks."""
UNNAMED = (
    "differs", "constant-factor", "constant-offset", "sign-flipped", "wrong-shape", "not-finite", "all-zero", "clipped",
    "reversed", "axes-exchanged", "places-mixed-up", "shifted", "one-for-all", "another-order", "reciprocal",
    "complement", "square", "square-root", "logarithm", "exponential", "cut-off", "another-divisor",
)  # fmt: skip
"""Mistakes that say how a result is wrong and not why."""


VAGUE = (*UNNAMED, "raises", "imprecise", "wrong-probabilities", "patches-wrong", "wrong-windows", "not-in-place",
         "nothing-or-all")
"""Mistakes whose cause may be any."""


def _section(package: str, function: str) -> str:
    """Where the notebook explains a function, or its class; "" where no check is called after it."""
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        importlib.import_module(module.name)
    return SECTIONS.get((package, function), SECTIONS.get((package, function.partition(".")[0]), ""))


failed: dict[tuple[str, str], str] = {}
"""(an assignment's package, a check's title) of checks that failed when they last ran in this process -> section."""


def _earlier(package: str, title: str, after: str) -> tuple[str, str] | None:
    """(section, title) of the first check that fails of those in these sections."""
    return min(((at, other) for (of, other), at in failed.items()
                if of == package and at in after.split() and other != title), default=None)  # fmt: skip


def _told(
    mistake: Mistake, package: str, title: str, builds_on: str, after: str, edited: bool = False
) -> tuple[str, str]:
    """Name and message of a mistake, which blames nothing while something fails that the exercise builds on."""
    name, message, earlier = mistake.name, mistake.message, _earlier(package, title, after)
    if earlier and name not in ("earlier-mistake", "still-to-do"):
        return "earlier-mistake", (
            f"The check of {earlier[1]} ({earlier[0]}) still fails, and this may come from there: mend that first. "
            f"If this check then fails again: {message}"
        )
    if builds_on and name in UNNAMED and not edited:
        message += f" This builds on {builds_on}: if a check there still fails, fix that first."
    return name, message


def _of_what_is_kept(mistake: Mistake, steps: Callable[[], Iterator[str]]) -> Mistake | None:
    """The Mistake of functions that are right where what they keep is as it was before the first call, or None."""
    changed = dict(again.changed)
    if mistake.name.endswith(("-kept", "kept-between-calls", "still-to-do")):
        return None
    if not changed or not _passes(steps, "helpers.check.core.probe:forgetting", sorted(changed)):
        return _of_a_new_cell(steps)
    these = " and ".join(f"`{name}`" for name in sorted(changed))
    functions = " and ".join(sorted(set(changed.values())))
    return Mistake("kept-between-calls", f"What {these} has from earlier calls gets into later results of {functions}; "
                   "where it is as it was before the first call, they are right. Make it inside of the function: a "
                   "default argument (`=[]`, `={}`) is made once, when `def` runs, and so is what stands outside. "
                   "(Where results are remembered on purpose, the key needs every argument.)")


def _of_a_new_cell(steps: Callable[[], Iterator[str]]) -> Mistake | None:
    """The Mistake of functions whose check passes once their cell is run anew, or None: something in it is kept from
    calls before this check."""
    things = list(again.asked)

    def search() -> list[str]:
        for cell, names in remembering(things):
            for forgotten in ([], names):
                with again.run_by("helpers.check.core.probe:forgetting", forgotten):
                    if _passes(steps, "helpers.check.core.edits:edited", cell, None):
                        return names
        return []

    names = in_a_copy(search, EDITS_S) if next(remembering(things), None) else None
    if not names:
        return None
    these = " or ".join(f"`{name}`" for name in names[:3])
    return Mistake("kept-between-calls", "Where what is left of earlier calls is forgotten, this check passes: "
                   f"{these} keeps something from them. What a call needs belongs inside of the function. (Where "
                   "results are remembered on purpose, the key needs every argument.)")


EDITS_S, EDIT_S = 3.0, 0.5
"""Seconds in which a check looks for a small change of the student's code that makes it pass, and for one call then."""
OTHERS = (1, 2)
"""Seeds with which it has to pass, too: a change that only hides the mistake from the visible numbers is none."""
EDITED = {
    "another-operator": "with another operator in `{}`",
    "sides-exchanged": "with the two sides of `{}` exchanged",
    "one-part-too-many": "without `{}`",
    "operand-transposed": "with `{}` transposed the other way",
    "all-axes-reversed": "where `{}` exchanges only the last two axes (`.T` reverses all of them)",
    "another-comparison": "with another comparison than `{}`",
    "another-condition": "with another condition than `{}`",
    "sign-or-not": "without the sign or `not` of `{}`",
    "other-brackets": "with the brackets set in another way in `{}`",
    "another-number": "with another number in place of `{}`",
    "number-for-a-size": "with the size of an argument in place of `{}`",
    "size-of-another": "with the size of another argument in place of `{}`",
    "number-for-a-variable": "with a variable in place of `{}`",
    "another-value": "with another value in place of `{}`",
    "entries-exchanged": "with two entries of `{}` exchanged",
    "one-call-too-many": "without `{}`",
    "another-function": "with another function in place of `{}`",
    "arguments-exchanged": "with two arguments of `{}` exchanged",
    "one-argument-too-many": "without the argument `{}`",
    "axis-missing": "with an axis given in `{}`",
    "keepdims-missing": "with `keepdims=True` in `{}`",
    "another-axis": "with another axis in `{}`",
    "one-index-too-many": "without the index of `{}`",
    "indices-exchanged": "with two indices of `{}` exchanged",
    "another-slice": "with other ends of the slice in `{}`",
    "slice-to-zero": "where the end of each slice in `{}` is left out when it is 0 (`-0` is 0, the very beginning)",
    "slice-from-zero": "where the slice `{}` is empty when its beginning is `-0` (that is 0, the very beginning)",
    "type-missing": "with the `dtype` of an argument in `{}` (without one it is float64)",
    "shape-of-a-sum": "with the number 0 in place of `{}` (an array needs the shape and type of what is added to it)",
    "another-ddof": "with `ddof=1` by its name in `{}`",
    "one-off": "with 1 more or 1 less than `{}`",
    "another-assignment": "with another kind of assignment than `{}`",
    "one-line-too-many": "without this line",
    "lines-exchanged": "where this line and the next one change places",
    "line-outside-the-loop": "where this line stands inside of the loop or condition beside it",
    "line-inside-the-loop": "where this line stands outside of the loop or condition around it",
    "axes-in-another-order": "with the axes of `{}` in another order",
    "pairs-mixed": "with a pair for each axis, the first number twice and then the second, in place of `{}`",
    "remainder-missing": "with a remainder (`%`) of `{}`",
    "argument-missing": "with one more of the function's arguments in `{}`",
    "another-variable": "with another variable in place of `{}`",
}
"""Kinds of edits, and how a sentence speaks of them."""


def _look_at(mistake: Mistake, checks: Sequence[Callable[[], Iterator[str]]]) -> tuple[str, str]:
    """Kind and place of a small change of the student's code that makes the check pass, also with other numbers; ("",
    "") where none is found.

    The search is in a copy of this process, which may crash or hang.
    """
    if mistake.name not in VAGUE or mistake.sure or not again.asked:
        return "", ""
    things, until = list(again.asked), time.monotonic() + EDITS_S

    def mends(cell: str, number: int) -> bool:
        return all(_passes(steps, "helpers.check.core.edits:edited", cell, number) for steps in checks)

    def search() -> tuple[str, str]:
        for cell, number, edit, line in places(things):
            if time.monotonic() > until:
                break
            if mends(cell, number):
                # `* (a > -1)` for `* (a > 0)` leaves that part out, and says it less well.
                around = ((n, one) for n, one in left_out_around(cell, edit) if mends(cell, n))
                _, edit = next(around, (number, edit))
                words = EDITED[edit.kind].format(edit.what.partition("\n")[0][:120])
                words += "" if edit.alone else " (there and wherever else it stands)"
                return edit.kind, f" Look at the line `{line[:200]}`: {words}, this check passes."
        return "", ""

    with probe.within(EDIT_S):
        return tuple(in_a_copy(search, EDITS_S + EDIT_S) or ("", ""))


def _passes(steps: Callable[[], Iterator[str]], by: str, *arguments: Any) -> bool:
    """Whether a check passes where its probes are run by this one."""
    try:
        with again.run_by(by, *arguments):
            for _ in steps():
                pass
    except Exception:
        return False
    return True


def check(
    title: str, section: str = "", builds_on: str = "", after: str = ""
) -> Callable[[Callable[..., Iterator[str]]], Callable[..., None]]:
    """Make a public check of a generator that yields what it has verified and raises `Mistake` at the first mistake.

    The public function returns None, shows a `Report`, and raises `CheckFailed` where there is a mistake. `section` is
    where the notebook explains the matter. `builds_on` names earlier work that the student's code uses, `after` the
    sections ("A1 A2") of its checks: while one of these fails, a mistake may well lie there, and is said to.
    """

    def decorate(steps: Callable[..., Iterator[str]]) -> Callable[..., None]:
        package = steps.__module__.rpartition(".")[0]
        SECTIONS[package, title] = section

        @functools.wraps(steps)
        def run(*args: Any, **kwargs: Any) -> None:
            report = Report(steps.__name__, title, section)
            found: Mistake | None = None
            try:
                # A student's overflow is found by its result; the warnings would only bury the hint.
                with np.errstate(all="ignore"), warnings.catch_warnings(), silence():
                    warnings.simplefilter("ignore")
                    given = [_given(arg) for arg in args]
                    named = {name: _given(arg) for name, arg in kwargs.items()}
                    again.changed.clear()
                    again.asked.clear()
                    try:
                        for item in steps(*given, **named):
                            if item not in report.verified:
                                report.verified.append(item)
                    except Mistake as mistake:
                        once_more = functools.partial(steps, *given, **named)
                        found = _of_what_is_kept(mistake, once_more) or mistake
                        if not _earlier(package, title, after):
                            seeds = [{"seed": seed} for seed in OTHERS] if "seed" in signature(steps).parameters else []
                            others = [functools.partial(steps, *given, **named | seed) for seed in seeds]
                            report.edit, place = _look_at(found, [once_more, *others])
                            found.message = (found.seen or found.message) + place if place else found.message
            except (Exception, SystemExit) as error:
                # Objects can misbehave wherever they are touched; a student never reads a traceback of ours.
                text = " ".join(str(error).split())[:200].rstrip(".")
                found = Mistake("check-stumbled", "The check could not work with what it was given "
                                f"({type(error).__name__}{': ' + text if text else ''}). Results should be plain "
                                f"arrays or numbers, kept under the names that the exercise gives.")
            if found:
                report.mistake, report.message = _told(found, package, title, builds_on, after, bool(report.edit))
                report.picture = found.picture
                if found.elsewhere:
                    report.section = _section(package, found.elsewhere)
                failed[package, title] = section
            else:
                failed.pop((package, title), None)
            _show(report)
            if not report.passed:
                raise CheckFailed(f"{title}: {report.message}") from None

        return run

    return decorate
