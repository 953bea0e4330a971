"""One run: lay the arena out, let an engine grade it, look at it from outside."""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import shutil
import signal
import tarfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from autograder.course import Course

from . import detect, engines, fence, watch
from .attack import NOTHING, Attack, Places, hand_in
from .course import NAME, Secrets, neighbours, write, write_home

PLACE = Path("/tmp/arena")
HONEST = ("ada", "zoe")


@dataclass
class Template:
    """A class with ada graded, zoe handed in, and the release, as a tar file; what grading usually changes in it."""

    engine: str
    mode: str
    known: Secrets
    tar: bytes
    released: str
    expected: dict[str, float] = field(default_factory=dict)
    usual: set[str] = field(default_factory=set)
    base: float = 0.0
    anyway: list[str] = field(default_factory=list)


def make(engine: str, mode: str, known: Secrets, places: Places) -> bytes:
    """Body of the first run: a template as JSON with the tar behind it."""
    shutil.rmtree(places.root, ignore_errors=True)
    places.root.mkdir(parents=True)
    engines.environment(places, known.words["token"])
    course = Course(root=places.course, class_dir=places.class_dir)
    write(course, known)
    write_home(places.home, known)
    released = engines.prepare(engine, places)
    from autograder.authoring.sample import fill

    ada, zoe = neighbours(known)
    fill(NAME, course, [ada])
    first = _in_child(engine, mode, places, 30, 1, 120)
    error = first.get("error")
    if error:
        raise RuntimeError(f"{engine} can't grade an honest student: {error}")
    later = places.root / "later"
    fill(NAME, Course(root=places.course, class_dir=later), [zoe])
    shutil.move(str(later / "submitted" / "zoe"), str(places.class_dir / "submitted" / "zoe"))
    shutil.rmtree(later)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in sorted(places.root.iterdir()):
            if path.name != "run":
                tar.add(path, path.name)
    return json.dumps({"released": nbformat.writes(released)}).encode() + b"\n" + buffer.getvalue()


def attempt(template: Template, attacks: list[Attack], places: Places, timeout: int, jobs: int, wall: float) -> bytes:
    """Body of a run: grade the class with these attacks in it; what was found, as JSON."""
    shutil.rmtree(places.root, ignore_errors=True)
    places.root.mkdir(parents=True)
    engines.environment(places, template.known.words["token"])
    with tarfile.open(fileobj=io.BytesIO(template.tar)) as tar:
        # Our own archive; before Python 3.11.4 there is no other way.
        tar.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)
        tar.extractall(places.root)
    ears = watch.Listener(places)
    places = Places(places.root, ears.port)
    released = nbformat.reads(template.released, as_version=4)
    for attack in attacks:
        hand_in(attack, released, places)
    if attacks and attacks[0].name == NOTHING.name and len(attacks) == 1:
        template = Template(**{**vars(template), "usual": set()})
    top = PLACE.parent if places.root == PLACE else places.root  # behind a fence all of /tmp is ours
    _plant(template.known)
    before, victim, machine = detect.files(top, fence.installation()), watch.Victim(), watch.Machine()
    full = [0.0]

    def look() -> None:
        ears.listen()
        known = os.statvfs(places.root)
        full[0] = max(full[0], 1 - known.f_bfree / max(known.f_blocks, 1), 1 - known.f_ffree / max(known.f_files, 1))

    graded = _in_child(template.engine, template.mode, places, timeout, jobs, wall, look)
    harm = [*graded.get("terminal", []), *victim.end(), *machine.harm()]
    left = _survivors()
    end = time.monotonic() + (max((a.linger for a in attacks), default=0.0) if left else 0.0)
    while time.monotonic() < end:
        look()
        time.sleep(0.05)
    look()
    found = _judge(template, attacks, places, before, detect.files(top, fence.installation()), graded)
    changed = detect.marked(fence.WRITTEN) if fence.WRITTEN.is_dir() else []
    found["harm"] += harm + ([f"the installation was changed ({', '.join(changed[:3])})"] if changed else [])
    found["harm"] += [f"{len(left)} processes stayed alive"] if left else []
    found["harm"] += [f"called out over {name}" for name in sorted(ears.heard)]
    found["harm"] += ["filled the disk"] if full[0] > 0.9 else []
    return json.dumps(found).encode()


def _plant(known: Secrets) -> None:
    """Whoever reads in the course's own solutions finds a secret there; the fence keeps them from being changed."""
    if fence.WRITTEN.is_dir():
        with contextlib.suppress(OSError):
            (fence.REPOSITORY / "solutions" / "secret.txt").write_text(known.words["model"])


def _judge(
    template: Template, attacks: list[Attack], places: Places, before: detect.Files, after: detect.Files,
    graded: dict[str, Any],
) -> dict[str, Any]:
    students = [a.student for a in attacks]
    different = detect.changed(before, after, places, template.usual, [*students, "zoe"])
    book = detect.gradebook(places)
    harm: list[str] = []
    if graded.get("late"):
        harm.append("the batch did not end")
    if template.expected:
        harm += detect.gradebook_harm(book, template.expected)
    harm += detect.touched_neighbours(places)
    if different and template.usual:
        shown = ", ".join(p.removeprefix(f"{places.root}/") for p in different[:3])
        harm.append(f"{len(different)} files changed or left outside ({shown})")
    people = {}
    for attack in attacks:
        own = [h for h in detect.leaks(places, attack.student, template.known) if h not in template.anyway]
        reason = graded.get("reasons", {}).get(attack.student, "")
        scored = book.complete(attack.student)
        if not scored and not (reason and template.engine == "ours"):
            own.append("left without a score")
        if template.engine == "ours" and not reason:
            own.append("left without a reason")
        people[attack.name] = {
            "points": book.total(attack.student), "harm": own, "reason": reason, "scored": scored,
            "seconds": graded.get("seconds", {}).get(attack.student),
        }  # fmt: skip
    return {
        "people": people, "harm": harm, "error": graded.get("error", ""), "total": graded.get("total", 0.0),
        "usual": sorted(detect.usual(different)), "honest": {s: book.total(s) for s in HONEST if s in book.scores},
    }  # fmt: skip


def _in_child(
    engine: str, mode: str, places: Places, timeout: int, jobs: int, wall: float, look: Any = lambda: None
) -> dict[str, Any]:
    """Run the engine in a process of its own, with somebody watching; it is stopped after `wall` seconds."""
    (places.root / "run").mkdir(exist_ok=True)
    reader, writer = os.pipe()
    terminal = watch.Terminal()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with contextlib.suppress(BaseException):
            os.setsid()
            terminal.take()
            _work(engine, mode, places, timeout, jobs, writer)
        os._exit(1)
    os.close(writer)
    deadline, told, ended = time.monotonic() + wall, bytearray(), False
    while time.monotonic() < deadline and not ended:
        look()
        if select.select([reader], [], [], 0.05)[0]:
            part = os.read(reader, 1 << 16)
            told += part
            ended = not part
        elif os.waitpid(child, os.WNOHANG)[0] == child:
            child, ended = 0, True  # killed, while others still hold the pipe
            with contextlib.suppress(BlockingIOError):
                os.set_blocking(reader, False)
                told += os.read(reader, 1 << 16)
    os.close(reader)
    if child and not ended:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    if child:
        os.waitpid(child, 0)
    harm = {"terminal": terminal.close()}
    try:
        return dict(json.loads(told)) | harm
    except ValueError:
        return {"late": not ended, "error": "the grader was killed" if ended else "the grader did not end"} | harm


def _work(engine: str, mode: str, places: Places, timeout: int, jobs: int, writer: int) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")  # the watcher ends last
    null, log = os.open("/dev/null", os.O_RDWR), os.open(places.root / "run" / "log", os.O_WRONLY | os.O_CREAT)
    for number, target in ((0, null), (1, log), (2, log)):
        os.dup2(target, number)
    told = json.dumps(asdict(engines.run(engine, places, timeout, jobs, mode))).encode()
    while told:
        told = told[os.write(writer, told) :]
    os._exit(0)


def _survivors() -> list[int]:
    """Processes that are left a moment after the grader has ended."""
    for _ in range(30):
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        left = detect.alive(os.getpid())
        if not left:
            return []
        time.sleep(0.05)
    return left
