"""Run attacks against an engine, several in one class where that engine can be expected to withstand them."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from autograder.course import REPOSITORY, THREAD_VARIABLES
from autograder.files import write_text
from autograder.kernel.meter import PATIENCE
from helpers.errors import CourseError

from . import course as course_module
from . import fence
from .attack import PRELUDE, Attack

CACHE = REPOSITORY / "build" / "attacks-stock.json"
GROUP, SLOW_GROUP = 20, 8
TIMEOUT = {"ours": 2, "stock": 3}
"""Seconds for a cell. Stock nbgrader's own limit is 30 s, in which fewer attacks could be tried in a day."""

_writing = threading.Lock()
Told = Callable[[int, int, str], None]
"""(how many are done, how many there are, the latest in words)"""


@dataclass(frozen=True)
class Outcome:
    """What one attack came to. `points` are those that it gained; `seconds` is None where the engine gave none."""

    name: str
    points: float = 0.0
    harm: list[str] = field(default_factory=list)
    seconds: float | None = None
    reason: str = ""
    error: str = ""

    @property
    def failed(self) -> bool:
        """Did the attack fail altogether?"""
        return self.points <= 0 and not self.harm


class Place:
    """A server process of one engine; `close` ends it."""

    def __init__(self, engine: str, mode: str = "", bare: bool = False) -> None:
        keep = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH")
        env = {k: v for k, v in os.environ.items() if k in keep} | dict.fromkeys(THREAD_VARIABLES, "1")
        env |= {"GRADING_TOKEN": f"token-{secrets.token_hex(8)}", "HOME": os.environ.get("HOME", "/")}
        command = [sys.executable, "-m", "tests.attacks.serve", engine, mode, *(["bare"] if bare else [])]
        self.engine = engine
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, env=env, cwd=REPOSITORY, text=True
        )
        self.about = self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        line = self.process.stdout.readline()
        if not line:
            last = self.process.stderr.read().strip().splitlines() or ["no reason given"]
            raise CourseError(f"The attacks could not be run against {self.engine}: {last[-1]}")
        return dict(json.loads(line))

    def run(self, attacks: Sequence[Attack], timeout: int, jobs: int, wall: float) -> dict[str, Any]:
        """One class with these attacks in it, graded; see room.attempt."""
        assert self.process.stdin is not None
        asked = {"attacks": [a.name for a in attacks], "timeout": timeout, "jobs": jobs, "wall": wall}
        print(json.dumps(asked), file=self.process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def run(
    engine: str, attacks: Sequence[Attack], jobs: int = 1, told: Told | None = None, fresh: bool = True, mode: str = ""
) -> list[Outcome]:
    """Outcomes in the order of the attacks; CourseError where neither a fence nor the engine can be had.

    `jobs` places work at the same time. With fresh=False what is known of stock nbgrader from earlier runs is taken.
    """
    if why := fence.why_not():
        raise CourseError(f"Attacks are only tried where they can hurt nobody, and here they could: {why}.")
    known = {} if fresh or engine != "stock" else _known()
    found = {a.name: Outcome(**known[digest(a)]) for a in attacks if digest(a) in known}
    waiting = list(groups(engine, [a for a in attacks if a.name not in found]))
    if not waiting:
        return [found[a.name] for a in attacks]

    def work(share: list[list[Attack]]) -> None:
        with Place(engine, mode) as place:
            while share:
                group = share.pop(0)
                for attack, outcome in zip(group, together(place, group), strict=True):
                    found[attack.name] = outcome
                    if engine == "stock" and not fresh:
                        _remember(attack, outcome)
                    if told is not None:
                        told(len(found), len(attacks), f"{engine}, {attack.name}: {in_words(outcome)}")

    with ThreadPoolExecutor(jobs) as pool:
        for done in [pool.submit(work, waiting) for _ in range(jobs)]:
            done.result()
    return [found[a.name] for a in attacks]


def groups(engine: str, attacks: Sequence[Attack]) -> Iterator[list[Attack]]:
    """Attacks grouped into classes: one each with stock nbgrader, where one attack would spoil the others."""
    if engine == "stock":
        yield from ([a] for a in attacks)
        return
    for slow, size in ((False, GROUP), (True, SLOW_GROUP)):
        chosen = [a for a in attacks if a.slow is slow]
        yield from (chosen[i : i + size] for i in range(0, len(chosen), size))


def together(place: Place, attacks: list[Attack]) -> list[Outcome]:
    """Try some in one class; where anything happened, bisect down to single attacks to find the cause."""
    timeout = TIMEOUT[place.engine]
    told = place.run(attacks, timeout, 1, wall(place.engine, attacks, timeout))
    outcomes = [outcome(a, told, place.about["base"]) for a in attacks]
    if len(attacks) == 1:
        return outcomes
    if told["harm"] or told["error"]:
        half = len(attacks) // 2
        return together(place, attacks[:half]) + together(place, attacks[half:])
    found = zip(attacks, outcomes, strict=True)
    return [o if o.failed or not a.protected else together(place, [a])[0] for a, o in found]


def wall(engine: str, attacks: Sequence[Attack], timeout: int) -> float:
    """Seconds after which a batch counts as hanging; ours is given more, to be judged conservatively."""
    each, quick = (5, 4) if engine == "stock" else (16 * PATIENCE, 4 * PATIENCE)
    return 25 + sum((each if a.slow else quick) * timeout for a in attacks)


def outcome(attack: Attack, told: dict[str, Any], base: float) -> Outcome:
    """One attack's part of what a run found; harm to the whole class counts when it was alone in it."""
    unknown = {"points": base, "harm": ["nothing is known of it"], "seconds": None, "reason": ""}
    own = told["people"].get(attack.name, unknown)
    shared = told["harm"] if len(told["people"]) <= 1 else []
    error = [f"the grader stopped ({told['error'][:80]})"] if told["error"] and len(told["people"]) <= 1 else []
    return Outcome(
        attack.name, own["points"] - base, [*own["harm"], *shared, *error], own["seconds"], own["reason"], told["error"]
    )


def in_words(found: Outcome) -> str:
    return "failed" if found.failed else f"{found.points:g} points" + (f"; {found.harm[0]}" if found.harm else "")


def digest(attack: Attack) -> str:
    """Of all that decides what an attack does to stock nbgrader."""
    parts = {key: _as_text(value) for key, value in vars(attack).items() if key not in ("about", "protected")}
    functions = (attack.change, attack.folder, attack.raw)
    captured = [_as_text(c.cell_contents) for f in functions for c in getattr(f, "__closure__", None) or ()]
    text = json.dumps([parts, captured, PRELUDE, course_module.SOURCE, version("nbgrader"), version("ipykernel")])
    return hashlib.sha256(text.encode()).hexdigest()


def _as_text(value: object) -> str:
    return inspect.getsource(value) if inspect.isfunction(value) else repr(value)


def _known() -> dict[str, dict[str, Any]]:
    try:
        return dict(json.loads(CACHE.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _remember(attack: Attack, found: Outcome) -> None:
    with _writing:
        write_text(json.dumps(_known() | {digest(attack): asdict(found)}, indent=0), Path(CACHE))
