"""What attacks do is noticed: by our engine without its sandbox, by stock nbgrader, and by detectors on their own."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from tests.attacks import detect, fence, runner, watch
from tests.attacks.attack import Places
from tests.attacks.bank import by_name
from tests.attacks.course import AUTOMATIC, Secrets
from tests.attacks.runner import Outcome, Place

slow = pytest.mark.slow


def outcome(place: Place, name: str) -> Outcome:
    return runner.together(place, [by_name(name)])[0]


@pytest.fixture(scope="module")
def fenced():
    if why := fence.why_not():
        pytest.skip(f"attacks are only tried behind a fence, and here {why}")


@pytest.fixture(scope="module")
def weak(fenced):
    """Our engine without a sandbox."""
    with Place("ours", "none") as place:
        yield place


@pytest.fixture(scope="module")
def stock(fenced):
    with Place("stock") as place:
        yield place


@pytest.mark.parametrize(("name", "points", "harm"), [
    ("source-folder", True, "it read the hidden secret"),
    ("neighbours-work", True, "it read the neighbour secret"),
    ("neighbours-deleted", False, "zoe"),
    ("settings-backdoored", False, "files changed or left outside"),
    ("network-tcp", False, "called out over TCP"),
    ("abstract-socket", False, "called out over an abstract socket"),
    ("old-system-calls", False, "called out over TCP"),
    ("path-files", False, "the installation was changed"),
    ("path-folder", False, "the installation was changed"),
    ("packages-changed", False, "the installation was changed"),
    ("source-beside-helpers", True, "it read the model secret"),
    ("everybody-slowed", False, "another process was slowed down"),
    ("keyring", False, "a key was left in the kernel"),
])  # fmt: skip
@slow
def test_without_a_sandbox_attacks_succeed(weak, name, points, harm):
    found = outcome(weak, name)
    assert (found.points > 0) is points
    assert harm in "; ".join(found.harm)


@pytest.mark.parametrize(("name", "full", "harm"), [
    ("input-transformer", True, ""),
    ("sql-trigger", True, "a trigger in the gradebook"),
    ("scores-later", True, ""),
    ("script-displayed", False, "script in"),
    ("script-in-mermaid", False, "script in the formgrader"),
])  # fmt: skip
@slow
def test_stock_nbgrader_is_taken_in(stock, name, full, harm):
    found = outcome(stock, name)
    assert (found.points >= AUTOMATIC) is full
    assert harm in "; ".join(found.harm)


def test_a_fence_keeps_everything_in(fenced, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("mine")
    parent = os.getpid()

    def body() -> bytes:
        told = []
        for path in (str(outside), "/etc/breach", os.path.expanduser("~/breach")):
            try:
                Path(path).write_text("theirs")
                told.append(path)
            except OSError:
                pass
        try:
            os.kill(parent, 0)
            told.append("the parent can be reached")
        except OSError:
            pass
        told += [p for p in os.listdir("/proc") if p.isdigit() and p != "1"]
        Path("/tmp/free").write_text("x")
        return ", ".join(told).encode()

    assert fence.run(body, 20).result == b""
    assert outside.read_text() == "mine"
    assert not Path("/tmp/free").exists()


@slow
def test_a_fence_stops_what_does_not_end_or_takes_too_much(fenced):
    assert fence.run(lambda: time.sleep(60) or b"", 1).ended == "late"  # type: ignore[func-returns-value]
    hungry = fence.run(lambda: bytes(bytearray(3 << 30)), 30, fence.Fence(memory_mb=300))
    assert hungry.out_of_memory or not hungry.counted
    assert fence.run(lambda: 1 / 0, 5).details == "ZeroDivisionError: division by zero"  # type: ignore


@pytest.fixture
def places(tmp_path):
    for folder in ("class/feedback/m-x/small", "class/autograded/zoe", "class/submitted/zoe", "home", "class/reports"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "home" / "mine").write_text("1")
    return Places(tmp_path)


def test_what_an_attack_says_of_itself_counts_for_nothing(places):
    said = nbformat.v4.new_output("stream", text="BREACH: every later Python of this installation runs my code\n")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=[said])])
    (places.class_dir / "autograded" / "m-x").mkdir()
    nbformat.write(notebook, places.class_dir / "autograded" / "m-x" / "small.ipynb")
    assert detect.leaks(places, "m-x", Secrets.draw()) == []


def test_an_installation_behind_a_fence_can_be_changed_and_is_not(fenced):
    def body() -> bytes:
        if not fence.WRITTEN.is_dir():
            return b"read-only"
        for folder in (fence.REPOSITORY / "helpers", fence.REPOSITORY / "solutions"):
            try:
                (folder / "breach.py").write_text("BREACH")
            except OSError as fault:
                if fault.errno == errno.EOVERFLOW:  # the folder's group is none of this user's
                    return b"read-only"
                raise
        (fence.REPOSITORY / "solutions" / "harmless.py").write_text("")
        return "\n".join(detect.marked(fence.WRITTEN)).encode()

    assert fence.run(body, 20).result.decode() in ("0/helpers/breach.py\n0/solutions/breach.py", "read-only")
    assert not (fence.REPOSITORY / "helpers" / "breach.py").exists()
    assert not (fence.REPOSITORY / "solutions" / "harmless.py").exists()


def test_what_lies_in_the_installation_is_no_change_of_files(places):
    before = detect.files(places.root, [places.home])
    (places.home / ".canary-of-another").mkdir()
    assert detect.files(places.root, [places.home]) == before
    assert detect.files(places.root) != before


@pytest.mark.parametrize(("act", "harm"), [
    (lambda pid: None, []),
    (lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 5), ["another process was slowed down"]),
    (lambda pid: Path(f"/proc/{pid}/oom_score_adj").write_text("900"),
     ["another process was named to be killed first"]),
    (lambda pid: resource.prlimit(pid, resource.RLIMIT_CPU, (600, 600)), ["another process was limited"]),
    (lambda pid: os.kill(pid, signal.SIGSTOP), ["another process was stopped or ended"]),
    (lambda pid: os.kill(pid, signal.SIGKILL), ["another process was stopped or ended"]),
])  # fmt: skip
def test_what_happens_to_another_process_is_seen(act, harm):
    victim = watch.Victim()
    act(victim.pid)
    end = time.monotonic() + 60
    while harm and victim._state() == victim.before and time.monotonic() < end:
        time.sleep(0.01)
    assert victim.end() == harm
    assert victim.pid not in detect.alive(os.getpid())


def test_what_is_typed_into_a_terminal_and_written_on_it_is_seen():
    assert watch.Terminal().close() == []
    terminal = watch.Terminal()
    os.write(terminal.keyboard, b"an honest line")
    assert terminal.close() == []
    terminal = watch.Terminal()
    os.write(terminal.keyboard, b"BREACH")
    os.write(terminal.screen, b"ls\n")
    assert terminal.close() == ["typed into the terminal", "wrote to the terminal"]


@pytest.mark.parametrize("act", [
    lambda home: (home / "mine").write_text("2"),
    lambda home: (home / "mine").unlink(),
    lambda home: (home / "mine").chmod(0o755),
    lambda home: (home / "other").symlink_to("/"),
    lambda home: (home / "new").mkdir(),
    lambda home: shutil.rmtree(home),
])  # fmt: skip
def test_every_change_of_files_is_seen(places, act):
    before = detect.files(places.root)
    assert detect.changed(before, detect.files(places.root), places, set(), []) == []
    act(places.home)
    changed = detect.changed(before, detect.files(places.root), places, set(), ["m-x"])
    assert changed
    assert detect.changed(before, detect.files(places.root), places, detect.usual(changed), ["m-x"]) == []


def test_results_of_the_graded_are_no_change(places):
    before = detect.files(places.root)
    (places.class_dir / "feedback" / "m-x" / "small" / "small.html").write_text("x")
    (places.class_dir / "gradebook.db").write_text("x")
    after = detect.files(places.root)
    assert detect.changed(before, after, places, set(), ["m-x"]) == []
    assert len(detect.changed(before, after, places, set(), ["m-y"])) == 1


@pytest.mark.parametrize(("html", "bad"), [
    ("<p>BREACH() is a word</p>", False),
    ("<pre>&lt;script&gt;BREACH()&lt;/script&gt;</pre>", False),
    ("<script>BREACH()</script>", True),
    ("<script>var x = 1</script><p>BREACH()</p>", False),
    ('<img src=x onerror="BREACH()">', True),
    ('<a href="java\nscript:BREACH()">x</a>', True),
    ('<iframe srcdoc="BREACH"></iframe>', True),
    ('<svg onload="BREACH()"/>', True),
    ('<img src="http://breach/x.png">', True),
    ('<img alt="BREACH" src="data:image/png;base64,xx">', False),
])  # fmt: skip
def test_script_is_seen(html, bad):
    assert bool(detect.script(html)) is bad


def test_secrets_in_feedback_are_seen(places):
    known = Secrets.draw()
    page = places.class_dir / "feedback" / "m-x" / "small" / "small.html"
    for text in (known.words["hidden"], str(known.number), str(known.number)[::-1], f"{2 * known.number:,}"):
        page.write_text("<p>nothing</p>")
        assert detect.leaks(places, "m-x", known) == []
        page.write_text(f"<p>{text}</p>")
        assert len(detect.leaks(places, "m-x", known)) == 1


def test_the_gradebook_is_read_without_nbgrader(places):
    assert "can't be read" in detect.gradebook_harm(detect.gradebook(places), {"zoe": 1.0})[0]
    with sqlite3.connect(places.class_dir / "gradebook.db") as db:
        db.executescript("""
            create table submitted_assignment (id, student_id); create table submitted_notebook (id, assignment_id);
            create table base_cell (id, name); create table grade_cells (id, max_score);
            create table grade (id, notebook_id, cell_id, auto_score, manual_score, extra_credit, needs_manual_grade);
            insert into submitted_assignment values (1, 'zoe'); insert into submitted_notebook values (1, 1);
            insert into base_cell values (1, 'a'), (2, 'b'), (3, 'c'); insert into grade_cells values (1, 14);
            insert into grade values (1, 1, 1, 2, null, 1, 0), (2, 1, 2, 2, 0.5, null, 0);
            insert into grade values (3, 1, 3, null, null, null, 1);
        """)
    assert detect.gradebook_harm(detect.gradebook(places), {"zoe": 3.5}) == []
    assert detect.gradebook_harm(detect.gradebook(places), {"zoe": 4.0}) == ["zoe has 3.5 points in place of 4"]
    assert detect.gradebook_harm(detect.gradebook(places), {"ada": 4.0}) == ["ada was left without a score"]
    with sqlite3.connect(places.class_dir / "gradebook.db") as db:
        db.executescript("""
            update grade set auto_score = null, needs_manual_grade = 0 where id = 1;
            update grade_cells set max_score = 99;
            create trigger t after insert on grade begin select 1; end;
        """)
    assert detect.gradebook_harm(detect.gradebook(places), {"zoe": 3.5}) == [
        "zoe was left without a score", "a trigger in the gradebook", "the assignment is worth 99 points",
    ]  # fmt: skip


def test_calls_are_heard(places):
    ears = watch.Listener(places)
    ears.listen()
    assert ears.heard == set()
    with socket.create_connection(("127.0.0.1", ears.port)):
        pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"x", ("127.0.0.1", ears.port))
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(places.root / "run" / "docker.sock"))
    ears.listen()
    assert ears.heard == {"TCP", "UDP", "a Unix socket"}
    for _, ear in ears.ears:
        ear.close()


def test_what_is_alive_is_found_at_any_depth():
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        end = time.monotonic() + 60
        while len(detect.alive(process.pid)) < 1 and time.monotonic() < end:
            time.sleep(0.05)
        assert len(detect.alive(process.pid)) == 1
        assert process.pid in detect.alive(os.getpid())
        assert process.stdin is not None
        process.stdin.close()
    assert detect.alive(process.pid) == []
