"""Archives of no known platform: a folder, an archive or a notebook with each student's name, or what the instructor's
own pattern says."""

from __future__ import annotations

import re
from collections import defaultdict

from helpers.errors import CourseError

from .file_kinds import NOTEBOOK, is_archive, is_notebook, is_work, unpacked
from .people import About, Found, Item, Person
from .safe_path import Refused


def several(paths: list[str], about: About) -> set[str]:
    """The folders that seem to hold several students' notebooks: in several folders, or side by side, and none called
    as the assignment is. Whoever is known already is one student."""
    return {folder for folder, (flat, within, _) in _folders(paths, about).items() if flat > 1 or within > 1}


def doubtful(paths: list[str], about: About) -> set[str]:
    """Those, and a folder around everything that holds nothing but folders, of which only one has a notebook."""
    folders = _folders(paths, about)
    return several(paths, about) | {
        f for f, (flat, _, any_) in folders.items() if not flat and any_ > 1 == len(folders)
    }


def _folders(paths: list[str], about: About) -> dict[str, tuple[int, int, int]]:
    """Folder -> how many notebooks and archives lie in it, folders that hold some, and folders; of those folders that
    hold no notebook with the assignment's name and are no student who is known."""
    inside: defaultdict[str, list[str]] = defaultdict(list)
    for path in paths:
        folder, _, rest = path.partition("/")
        if rest:
            inside[folder].append(rest)
    found = {}
    for folder, below in inside.items():
        work = [path for path in below if is_work(path)]
        flat = [path for path in work if "/" not in path]
        named = any(is_notebook(path) and nameless(path, about.assignment) for path in flat)
        if not named and folder not in about.known:
            within, any_ = ({path.partition("/")[0] for path in some if "/" in path} for some in (work, below))
            found[folder] = len(flat), len(within), len(any_)
    return found


def nameless(path: str, assignment: str) -> bool:
    """Whether a file is called as the assignment is, or as a copy of it: nobody's name."""
    stem = NOTEBOOK.sub("", unpacked(path)).casefold()
    name, again = rf"(?:{re.escape(assignment.casefold())}|untitled)", r"(?:[-_ ]?\(?\d+\)?|[-_ ]copy\d*|[-_ ]kopie)*"
    return re.fullmatch(f"(?:copy of |kopie von )?{name}{again}", stem) is not None


def plain(paths: list[str], about: About) -> Found:
    """STUDENT/…, STUDENT.ipynb and STUDENT.zip, also with the assignment's name before or after the student's."""
    unclear = doubtful(paths, about)
    found: Found = {}
    for path in paths:
        folder, _, rest = path.partition("/")
        if rest and folder in unclear:
            found[path] = Refused(
                f"does the folder {folder!r} hold one student's work, or several students'? If one's, list {folder!r} "
                "in a roster; if several, give collect an archive of what is in it"
            )
        elif rest:
            inside = rest.partition("/")
            path_in = inside[2] if inside[0] == about.assignment and inside[2] else rest
            found[path] = Item((_by_name(folder, folder),), path_in)
        elif is_work(path) and not nameless(path, about.assignment):
            stem = NOTEBOOK.sub("", unpacked(path))
            name = (
                re.sub(rf"^{re.escape(about.assignment)}[-_ ]+|[-_ ]+{re.escape(about.assignment)}$", "", stem) or stem
            )
            path_in = f"{about.assignment}{'.ipynb' if is_notebook(path) else path.removeprefix(stem)}"
            found[path] = Item((_by_name(stem, name),), path_in)
    return found


def _by_name(key: str, name: str) -> Person:
    return Person(key, name.strip(), name, "", (name,))


def by_pattern(pattern: str, paths: list[str]) -> Found:
    """What a regular expression with the groups `student` and `path` says; an archive may stand for a folder."""
    try:
        own = re.compile(pattern)
    except re.error as error:
        raise CourseError(f"--pattern is no regular expression: {error}.") from None
    missing = {"student", "path"} - own.groupindex.keys()
    if missing:
        raise CourseError(f"--pattern needs a group (?P<{min(missing)}>…).")
    found: Found = {}
    for path in paths:
        match = own.fullmatch(path) or (is_archive(path) and own.fullmatch(f"{unpacked(path)}/*.zip")) or None
        if match is None or (match.string != path and match.end("student") > len(unpacked(path))):
            continue
        student, inside = match["student"] or "", (match["path"] or "")
        if inside:
            person = Person(student, student.strip(), student, "", (student,))
            found[path] = Item((person,), inside.removesuffix("*.zip") + ("" if match.string == path else ".zip"))
        else:
            found[path] = Refused("--pattern finds no file's name in it")
    return found
