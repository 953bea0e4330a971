"""An assignment ready for grading, kept from run to run: making it takes seconds, reading it milliseconds."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from helpers.errors import CourseError

from ..course import CONFIG, Course
from ..files import write_text
from .snapshot import Snapshot
from .source import PUBLIC_SEED, Assignment

HERE = Path(__file__).parent
SEED_FILE = ".hidden_seed"


@dataclass(frozen=True)
class Prepared:
    """`digest` is of everything that it was made of; `fresh` says that it is not kept yet; `seed` is that of its hidden
    parts."""

    snapshot: Snapshot
    digest: str
    fresh: bool = False
    seed: int = PUBLIC_SEED

    @property
    def assignment(self) -> Assignment:
        assert self.snapshot.source is not None
        return self.snapshot.source


def prepare(course: Course, name: str) -> Prepared:
    """The assignment as its source is now. CourseError where the source breaks its rules."""
    source, seed = course.source(name), hidden_seed(course)
    code = [CONFIG, HERE / "snapshot.py", HERE / "source.py"]
    digest = _digest([source, source.with_name("assignment.toml"), *code], str(seed))
    try:
        plain = json.loads(_path(course, name).read_text(encoding="utf-8"))
        if plain["digest"] == digest:
            return Prepared(Snapshot.from_json(plain["snapshot"]), digest)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # it is generated again
    from ..course import load_config
    from .snapshot import take
    from .source import read

    assignment, notebook = read(source, seed)
    try:
        return Prepared(take(assignment, notebook, load_config()), digest, fresh=True, seed=seed)
    except (RuntimeError, ValueError) as error:
        raise CourseError(f"solutions/{name} can't be made into an assignment: {error}.") from None


def keep(prepared: Prepared, course: Course) -> None:
    """Remember it for the next run, once the model solution has shown that it is sound."""
    if prepared.fresh:
        plain = {"digest": prepared.digest, "snapshot": prepared.snapshot.to_json()}
        if not (course.class_dir / SEED_FILE).exists():
            write_text(f"{prepared.seed}\n", course.class_dir / SEED_FILE)
        write_text(json.dumps(plain, ensure_ascii=False), _path(course, prepared.assignment.name))


def _path(course: Course, name: str) -> Path:
    return course.reports / f".{name}.assignment.json"


def hidden_seed(course: Course) -> int:
    """The class's secret number, from which the hidden parts of tests draw their cases: the same for all students of a
    class, for all its assignments, and in every regrade. Made when it is first asked for and kept beside the
    gradebook.

    A class that was graded before there were such numbers keeps the public one. CourseError for a damaged file.
    """
    path = course.class_dir / SEED_FILE
    try:
        return int(path.read_text(encoding="utf-8"))
    except ValueError:
        raise CourseError(f"{str(path)!r} should hold one number, the class's secret seed; put it back.") from None
    except FileNotFoundError:
        pass
    if (course.class_dir / "gradebook.db").exists() or not course.class_dir.is_dir():
        return PUBLIC_SEED
    return secrets.randbelow(2**31)  # kept when the assignment is (`keep`)


def _digest(paths: list[Path], more: str) -> str:
    total = hashlib.sha256(more.encode())
    for path in paths:
        content = path.read_bytes() if path.is_file() else b""
        total.update(len(content).to_bytes(8, "big") + content)
    return total.hexdigest()
