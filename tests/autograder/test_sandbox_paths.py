"""What is shown of the machine: Python and `helpers`, and never the course, wherever that lies."""

import os
import sys
from pathlib import Path

import pytest

from autograder.sandbox import LANDLOCK, NAMESPACES, hidden_paths, paths, readable_paths, rootfs
from autograder.sandbox.paths import without
from helpers.check.core.answers import questions, right_answers
from tests.autograder.sandboxed import ORDINARY, REPOSITORY, Zygote, open_to_all


def test_what_python_needs_is_shown():
    shown = readable_paths()
    for needed in (os.__file__, sys.executable, pytest.__file__, paths.helpers_folder() / "errors.py"):
        assert any(Path(needed).is_relative_to(path) for path in shown), needed


@pytest.mark.promise(
    "Hidden tests, model solutions, right answers of multiple choice, points and the gradebook never enter K."
)
def test_nothing_of_the_course_is_shown():
    shown = without(readable_paths(), hidden_paths())
    for secret in ("solutions", "notebooks", "autograder", "tests", "README.md", ".git"):
        secret = REPOSITORY / secret
        assert not any(secret.is_relative_to(path) or path.is_relative_to(secret) for path in shown)


def test_not_from_sys_path(monkeypatch, tmp_path):
    paths.readable_paths.cache_clear()
    monkeypatch.syspath_prepend(tmp_path)
    assert not any(path.is_relative_to(tmp_path) or tmp_path.is_relative_to(path) for path in readable_paths())
    paths.readable_paths.cache_clear()


def test_an_environment_made_in_the_course_itself(monkeypatch):
    """``python -m venv .``: then the prefix is the course."""
    paths.readable_paths.cache_clear()
    monkeypatch.setattr(sys, "prefix", str(REPOSITORY))
    assert REPOSITORY not in readable_paths()
    paths.readable_paths.cache_clear()


def test_variables_name_more_to_hide(monkeypatch, tmp_path):
    paths.hidden_paths.cache_clear()
    monkeypatch.setenv("COURSE_CLASS_DIR", str(tmp_path))
    assert tmp_path in hidden_paths()
    assert REPOSITORY in hidden_paths()
    paths.hidden_paths.cache_clear()


@pytest.fixture
def prefix(tmp_path):
    """A course with `helpers` inside a folder that is shown, and a link to it beside it."""
    open_to_all(tmp_path)
    top = tmp_path / "a prefix"
    for name in ("lib/one.py", "share/other/data", "share/course/solutions/secret.py", "share/course/helpers/good.py"):
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (top / "share" / "link").symlink_to(top / "share" / "course")
    return top


def test_what_lies_around_something_hidden_stays(prefix):
    course = prefix / "share" / "course"
    assert without([prefix], [course]) == (prefix / "lib", prefix / "share" / "link", prefix / "share" / "other")
    assert without([prefix, course / "helpers"], [course]) == (
        prefix / "lib", course / "helpers", prefix / "share" / "link", prefix / "share" / "other",
    )  # fmt: skip
    assert without([course], [course]) == ()
    assert without([prefix / "lib"], [course]) == (prefix / "lib",)


def test_nothing_comes_back_of_a_folder_that_is_hidden_with_a_part_of_it(prefix):
    whole, part = prefix / "share", prefix / "share" / "other" / "data"
    for hidden in ((whole, part), (part, whole)):
        assert not any(path.is_relative_to(whole) for path in without([prefix], hidden))


def test_other_copies_of_the_course_are_closed(monkeypatch, tmp_path):
    (tmp_path / "lib/python3.99/site-packages/helpers/nn").mkdir(parents=True)
    (tmp_path / "lib/python3.99/site-packages/autograder").mkdir()
    monkeypatch.setattr(paths, "readable_paths", lambda: (tmp_path / "lib", *readable_paths()))
    paths.other_copies.cache_clear()
    found = paths.closed_paths()
    paths.other_copies.cache_clear()
    assert {path.name for path in found if path.is_relative_to(tmp_path)} == {"helpers", "autograder"}
    assert not any(paths.helpers_folder() == path for path in found)


def test_something_hidden_is_found_behind_a_link(prefix):
    assert prefix / "share" / "course" not in without([prefix], [prefix / "share" / "link"])


CODE = """
said = []
for name in %r:
    try:
        said.append(open(name).read())
    except OSError as error:
        said.append(error.errno)
say(said)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid() != 0, reason="needs Linux, and root to be all")
@pytest.mark.parametrize("prelude", [(), ORDINARY], ids=["root", "ordinary user"])
@pytest.mark.parametrize("mode", [NAMESPACES, LANDLOCK], ids=lambda mode: mode.name)
def test_a_course_inside_a_shown_folder(prefix, mode, prelude, tmp_path):
    folder = tmp_path / "k"
    folder.mkdir()
    folder.chmod(0o777)
    course = prefix / "share" / "course"
    before = f"""
from autograder.sandbox import paths
from pathlib import Path
real = standard_room
def standard_room(folder, env, hidden):
    room = real(folder, env, hidden)
    shown = (*room.readable, Path({str(prefix)!r}), Path({str(course / "helpers")!r}))
    return Room(room.folder, shown, room.env, (*room.hidden, Path({str(course)!r})))
"""
    names = ["lib/one.py", "share/other/data", "share/course/helpers/good.py"]
    secret = ["share/course/solutions/secret.py", "share/link/solutions/secret.py"]
    with Zygote(mode, before, prelude) as zygote:
        (said,) = zygote.run(folder, CODE % [str(prefix / name) for name in names + secret])
    assert said[:3] == names
    assert all(isinstance(answer, int) for answer in said[3:])


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid() != 0, reason="needs Linux, and root to be all")
@pytest.mark.promise("right answers of multiple choice,")
@pytest.mark.promise(
    "files it can read | the system's programs, Python, and `helpers` without what is closed; nothing else exists "
    "| the same;"
)
@pytest.mark.parametrize("prelude", [(), ORDINARY], ids=["root", "ordinary user"])
@pytest.mark.parametrize("mode", [NAMESPACES, LANDLOCK], ids=lambda mode: mode.name)
def test_the_checks_are_closed_and_their_neighbours_are_not(tmp_path, mode, prelude):
    open_to_all(tmp_path, 0o777)
    code = f"""
        import sys
        sys.path.insert(0, {str(REPOSITORY)!r})
        import helpers
        from pathlib import Path
        place = Path(helpers.__file__).parent
        seen = []
        for inner in ("check", "check/right_answers", "check/sealed_answers"):
            try:
                seen += [name for name in os.listdir(place / inner) if (place / inner / name).read_bytes()]
            except OSError:
                pass
        say(seen)
        try:
            import helpers.check.core.conv_oracle
        except (ImportError, PermissionError):
            say("no such module")
        say(len(open(place / "timing.py").read()) > 100)
    """
    assert right_answers("cudnn_reading")
    assert questions("cudnn_reading", "claims")
    with Zygote(mode, "", prelude) as zygote:
        said = zygote.run(tmp_path, code)
        assert len(said) == 3, said
        seen, told, neighbour = said
    assert seen == []
    assert told == "no such module"
    assert neighbour


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid() != 0, reason="needs Linux, and root to be all")
@pytest.mark.parametrize("prelude", [(), ORDINARY], ids=["root", "ordinary user"])
def test_read_only_before_linux_5_12(tmp_path, prelude):
    """Without ``mount_setattr`` each mount is done by itself."""
    open_to_all(tmp_path, 0o777)
    before = (
        "from autograder.sandbox import rootfs; real = rootfs.make_read_only; "
        "rootfs.make_read_only = lambda b: real(b, True)"
    )
    code = """
        said = []
        for path in ("/usr/x", "/x", HELPERS + "/x"):
            try:
                open(path, "a")
            except OSError as error:
                said.append(error.errno)
        say(said)
        say(sum("ro," in line.split()[5] + "," for line in open("/proc/self/mountinfo")) > 5)
    """
    with Zygote(NAMESPACES, before, prelude) as zygote:
        said = zygote.run(tmp_path, code.replace("HELPERS", repr(str(REPOSITORY / "helpers"))))
    assert said == [[30, 30, 30], True]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")
def test_more_may_be_shown_than_a_student_may_open(tmp_path):
    """Hiding one file of a large folder shows each of its others by itself."""
    large, folder = tmp_path / "large", tmp_path / "k"
    open_to_all(tmp_path)
    for place in (large, folder):
        place.mkdir()
    for number in range(300):
        (large / f"{number}.txt").write_text("shown")
    before = f"""
from pathlib import Path
real = standard_room
def standard_room(folder, env, hidden):
    room = real(folder, env, hidden)
    return Room(room.folder, (*room.readable, Path({str(large)!r})), room.env, (*room.hidden, *map(Path, hidden)))
"""
    with Zygote(NAMESPACES, before) as zygote:
        code = f"say(sorted(os.listdir({str(large)!r})))"
        (said,) = zygote.run(folder, code, hidden=[str(large / "7.txt")])
    assert len(said) == 299
    assert "7.txt" not in said


def test_only_plain_files_are_copied(tmp_path):
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "data.csv").write_text("1")
    (source / "link").symlink_to("/etc/passwd")
    os.mkfifo(source / "pipe")
    rootfs.copy_files(str(source), str(tmp_path / "target"))
    found = sorted(str(p.relative_to(tmp_path / "target")) for p in (tmp_path / "target").rglob("*"))
    assert found == ["deep", "deep/data.csv"]
