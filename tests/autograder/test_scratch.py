"""Scratch folders: nothing of a killed program's stays, and nothing of anybody else's goes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.scratch import MARK, Scratch, left_empty, remove

pytestmark = pytest.mark.skipif(os.name != "posix", reason="elsewhere files have no locks that end with a process")
MAKER = """
import sys, time
from pathlib import Path
from autograder.scratch import Scratch
folder = Scratch("made-", Path(sys.argv[1]))
(folder.path / "inside").mkdir()
print(folder.path, flush=True)
time.sleep(60)
"""


@pytest.fixture
def maker(tmp_path):
    """A program with a scratch folder in tmp_path, and that folder."""
    program = subprocess.Popen([sys.executable, "-c", MAKER, tmp_path], stdout=subprocess.PIPE, text=True)
    folder = tmp_path / os.path.basename(program.stdout.readline().strip())
    yield program, folder
    program.kill()
    program.wait()


def test_it_is_a_folder_of_its_own_until_it_is_removed(tmp_path):
    one, two = Scratch("made-", tmp_path), Scratch("made-", tmp_path)
    assert one.path != two.path
    assert one.path.parent == two.path.parent == tmp_path
    (one.path / "file").write_text("x")
    one.remove()
    one.remove()
    assert list(tmp_path.iterdir()) == [two.path]
    two.remove()


def test_a_killed_programs_folder_goes_with_the_next_of_its_kind(tmp_path, maker):
    program, folder = maker
    Scratch("made-", tmp_path).remove()
    assert (folder / "inside").is_dir(), "its owner lives"
    os.kill(program.pid, signal.SIGKILL)
    program.wait()
    Scratch("other-", tmp_path).remove()
    assert (folder / "inside").is_dir(), "another kind"
    Scratch("made-", tmp_path).remove()
    assert not list(tmp_path.iterdir())


def test_what_nobody_marked_is_never_touched(tmp_path, maker):
    program, folder = maker
    program.kill()
    program.wait()
    (folder / MARK).unlink()
    (tmp_path / "made-notes").mkdir()
    (tmp_path / "made-file").write_text("x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / MARK).touch()
    (tmp_path / "made-link").symlink_to(outside)
    (tmp_path / "made-marked-by-a-link").mkdir()
    (tmp_path / "made-marked-by-a-link" / MARK).symlink_to(outside / MARK)
    before = sorted(tmp_path.rglob("*"))
    Scratch("made-", tmp_path).remove()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give a folder away")
def test_another_users_folder_is_left_to_him(tmp_path, maker):
    program, folder = maker
    program.kill()
    program.wait()
    os.chown(folder, 12345, 12345)
    Scratch("made-", tmp_path).remove()
    assert folder.is_dir()


def test_where_files_can_not_be_locked_nothing_is_taken_away(tmp_path, maker, monkeypatch):
    program, folder = maker
    program.kill()
    program.wait()

    def refuse(*_):
        raise OSError("no locks here")

    monkeypatch.setattr("fcntl.flock", refuse)
    Scratch("made-", tmp_path).remove()
    assert list(tmp_path.iterdir()) == [folder]


def test_one_that_is_swept_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    from autograder import scratch

    real, first = scratch._lock, []

    def lock(file):
        if not first:
            first.append(next(tmp_path.iterdir()))
            remove(first[0])
        return real(file)

    monkeypatch.setattr(scratch, "_lock", lock)
    made = Scratch("made-", tmp_path)
    assert made.path != first[0]
    assert (made.path / MARK).exists()
    made.remove()


def test_the_last_to_leave_takes_an_empty_one_away(tmp_path, maker):
    program, folder = maker
    program.kill()
    left_empty(folder)
    assert folder.is_dir()
    (folder / "inside").rmdir()
    left_empty(folder)
    assert not folder.exists()


def test_a_folder_that_can_hardly_be_removed_is_removed(tmp_path):
    folder = tmp_path / "room"
    folder.mkdir()
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    Path(folder, "shut").mkdir(mode=0)
    remove(folder)
    assert not folder.exists()
