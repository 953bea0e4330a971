"""Whose hand-in is a file of an archive? Each platform writes it into names in its own way, which only the whole
archive shows: one reading has to explain it, and never a single file."""

from __future__ import annotations

import contextlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median

import yaml

from .file_kinds import NOTEBOOK, is_work
from .people import About, Found, Item, Person, Reading
from .plain_folders import plain, several
from .safe_path import Refused


def _each(pattern: str, paths: list[str], item: Callable[[re.Match[str]], Item]) -> Found:
    found: Found = {}
    for path in paths:
        if match := re.fullmatch(pattern, path, re.S):
            try:
                found[path] = item(match)
            except Refused as why:
                found[path] = why
    return found


def _once(marks: list[str]) -> None:
    """Whoever holds the platform's marks in their own name could be taken for somebody else."""
    if len(marks) > 1:
        raise Refused("its name holds the platform's own marks more than once, so whose it is can't be said for sure")


def _moodle(paths: list[str], about: About) -> Found:
    def item(match: re.Match[str]) -> Item:
        _once(re.findall("_assignsubmission_", match.string.partition("/")[0]))
        key = match["name"] + (f"_{match['number']}" if match["number"] else "")
        return Item((Person(key, key, match["name"], match["number"] or "", lasting=False),), match["path"])

    return _each(r"(?P<name>[^/]+?)(?:_(?P<number>[0-9]+))?_assignsubmission_[a-z]+(?:_?/|_)(?P<path>.+)", paths, item)


DAY, TIME = r"(?:[^\W\d]+\.? [0-9]{1,2}|[0-9]{1,2}\.? [^\W\d]+\.?)", r"[0-9]{1,2}(?::?[0-9]{2})+(?: ?[AaPp]\.?[Mm]\.?)?"
DATE = f"{DAY},? [0-9]{{4}},? {TIME}"
DATES = tuple(
    f"{day} %Y {time}"
    for day in ("%b %d", "%B %d", "%d %b", "%d %B")
    for time in ("%I%M %p", "%I:%M %p", "%H%M", "%H:%M")
)


def _date(text: str) -> datetime | None:
    for form in DATES:
        with contextlib.suppress(ValueError):
            return datetime.strptime(" ".join(text.replace(",", " ").split()), form)
    return None


def _brightspace(paths: list[str], about: About) -> Found:
    # The second number is the assignment's.
    form = rf"(?P<number>[0-9]+)-[0-9]+ - (?P<name>[^/]+?) - (?P<time>{DATE})(?: - |/)(?P<path>.+)"
    times: defaultdict[str, set[str]] = defaultdict(set)
    for path in paths:
        if match := re.fullmatch(form, path, re.S):
            times[match["number"]].add(match["time"])

    def item(match: re.Match[str]) -> Item:
        _once(re.findall(f" - {DATE}(?= - |$)", match.string.partition("/")[0]))
        key, time = f"{match['name']}_{match['number']}", _date(match["time"])
        if not time and len(times[match["number"]]) > 1:
            raise Refused(f"there are several attempts, and which is the latest can't be read from {match['time']!r}")
        return Item((Person(key, key, match["name"], match["number"]),), match["path"], time)

    return _each(form, paths, item)


def _ilias(paths: list[str], about: About) -> Found:
    def item(match: re.Match[str]) -> Item:
        key, name = f"{match['login']}_{match['number']}", f"{match['first']} {match['last']}"
        team, login = match["team"] or "", match["login"]
        return Item((Person(key, login, name, match["number"], (login,), team=team),), match["path"])

    team, last, first = "(?:(?P<team>Team [^/]+)/)?", "(?P<last>[^/_]+)", "(?P<first>[^/_]+)"
    return _each(rf"{team}{last}_{first}_(?P<login>[^/]+)_(?P<number>[0-9]+)/(?P<path>.+)", paths, item)


METADATA = "submission_metadata.yml"


def _gradescope(paths: list[str], about: About) -> Found:
    said = _metadata(about) if METADATA in paths else {}

    def item(match: re.Match[str]) -> Item:
        one = said.get(match["submission"])
        if not one:
            raise Refused(
                f"Gradescope says whose it is in {METADATA}, where it is missing: put that file into the archive"
            )
        return replace(one, path=match["path"])

    return _each(r"(?P<submission>submission_[0-9]+)/(?P<path>.+)", paths, item)


def _metadata(about: About) -> dict[str, Item]:
    try:
        said = yaml.load(about.content(METADATA), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return {str(submission): _submitters(one) for submission, one in said.items() if one.get(":submitters")}
    except (yaml.YAMLError, AttributeError, TypeError, ValueError, RecursionError):
        return {}


def _submitters(one: dict[str, object]) -> Item:
    people = []
    for who in one[":submitters"]:  # type: ignore[attr-defined]
        name, number, mail = (str(who.get(f":{field}") or "") for field in ("name", "sid", "email"))
        logins = tuple(filter(None, (number, mail)))
        people.append(Person(" ".join((*logins, name)), number or mail or name, name, number, logins))
    time = one.get(":created_at")
    if not isinstance(time, datetime):
        return Item(tuple(people), "")
    return Item(tuple(people), "", time if time.tzinfo else time.replace(tzinfo=UTC))


def _canvas(paths: list[str], about: About) -> Found:
    """Canvas takes `_5_` out of people's names, though not all that come to that, and a file's own name may hold any
    numbers. So of several ways to cut a name, those count whose number of the file is about as long as the others'.
    """
    cuts = {path: list(CANVAS.finditer(f"_{path}")) for path in paths if "/" not in path}
    files = {path: ways for path, found in cuts.items() if (ways := [way for way in found if _somebody(way)])}
    usual = median([len(found[0]["file"]) for found in files.values()] or [0])
    found: Found = {}
    for path, ways in files.items():
        first = ways[0]
        likely = [
            way for way in ways
            if len(way["number"]) >= len(first["number"]) and abs(len(way["file"]) - usual) <= 1
        ] or [first]  # fmt: skip
        try:
            _once([way["number"] for way in likely])
        except Refused as why:
            found[path] = why
            continue
        cut = likely[0]
        # A second upload of one file gets "-1" before its extension.
        inside = re.sub(r"-\d+(?=\.\w+$)", "", cut.string[cut.end("mark") :])
        found[path] = _on_canvas(cut.string[1 : cut.start()], cut["number"], bool(cut["late"]), inside)
        files[path] = [cut]
    times = Counter(files[path][0]["file"] for path, item in found.items() if isinstance(item, Item))
    for path in [path for path, item in found.items() if isinstance(item, Item) and times[files[path][0]["file"]] > 1]:
        del found[path]  # each file has a number of its own: this is no archive of Canvas
    pages = r"(?:(?P<name>[^/]+?)_)?(?P<late>LATE_)?(?P<number>[0-9]+|anon_\w+?)_(?P<path>(?:text|link)\.html)"
    return found | _each(pages, paths, lambda m: _on_canvas(m["name"] or "", m["number"], bool(m["late"]), m["path"]))


CANVAS = re.compile(r"(?<!_LATE)(?=(?P<mark>_(?P<late>LATE_)?(?P<number>[0-9]+|anon_[0-9A-Za-z]+)_(?P<file>[0-9]+)_).)")


def _somebody(way: re.Match[str]) -> bool:
    """Nobody's name is empty, unless names are hidden."""
    return way.start() > 0 or way["number"].startswith("anon_")


def _on_canvas(name: str, number: str, late: bool, path: str) -> Item:
    key = f"{name}_{number}".removeprefix("_")
    return Item((Person(key, key, name, number),), path, None, late)


ATTEMPT = r"(?P<head>[^/]+?)_attempt_(?P<time>[0-9]{4}(?:-[0-9]{2}){5})(?:_(?P<path>.+)|\.txt)"


def _blackboard(paths: list[str], about: About) -> Found:
    """`ASSIGNMENT_LOGIN_attempt_TIME_FILE`, and both may hold underscores. The receipts say the login; without them it
    is what comes after the one underscore that all names have in common, or what is on the roster."""
    matches = {path: match for path in paths if (match := re.fullmatch(ATTEMPT, path, re.S))}
    heads = sorted({match["head"] for match in matches.values()})
    logins = {}
    names = {}
    for path, match in matches.items():
        said = (
            re.search(rb"^Name:[ \t]*(.*?)[ \t]*\(([^()\r\n]+)\)[ \t]*\r?$", about.content(path), re.M)
            if not match["path"]
            else None
        )
        if said and match["head"].endswith("_" + (login := said[2].decode("utf-8", "replace"))):
            logins[match["head"]], names[match["head"]] = login, said[1].decode("utf-8", "replace")
    before = {head.removesuffix(login) for head, login in logins.items()} or _before(heads, about.roster)
    for head in heads:
        ends = {head.removeprefix(start) for start in before if head.startswith(start)}
        if head not in logins and len(ends) == 1:
            logins[head] = ends.pop()

    def item(match: re.Match[str]) -> Item:
        _once(re.findall(r"_attempt_[0-9]{4}(?:-[0-9]{2}){5}", match.string.partition("/")[0]))
        head, time = match["head"], None
        with contextlib.suppress(ValueError):
            time = datetime.strptime(match["time"], "%Y-%m-%d-%H-%M-%S")
        if head not in logins:
            raise Refused(f"{head!r} may end in several logins: keep Blackboard's .txt files, or give a roster")
        login = logins[head]
        return Item((Person(head, login, names.get(head, ""), "", (login,)),), match["path"] or "", time)

    return _each(ATTEMPT, paths, item)


def _before(heads: list[str], roster: Container[str]) -> set[str]:
    """What comes before the logins, the assignment's name and an underscore; empty where it could be several."""
    cuts = [{head[: found.end()] for found in re.finditer("_", head)} for head in heads]
    common = set.intersection(*cuts) if cuts else set()
    if len(common) > 1:
        common = {cut for cut in common if all(head.removeprefix(cut) in roster for head in heads)}
    return common if len(common) == 1 else set()


def _github(paths: list[str], about: About) -> Found:
    """Folders ASSIGNMENT-LOGIN; the folder around them is called ASSIGNMENT-submissions."""
    slugs = {about.assignment, about.assignment.replace("_", "-"), about.around.removesuffix("-submissions")} - {""}
    starts = "|".join(re.escape(slug) for slug in sorted(slugs, key=len, reverse=True))

    def item(match: re.Match[str]) -> Item:
        login = match["login"]
        return Item((Person(login, login, login, "", (login,)),), match["path"])

    return _each(rf"(?:{starts})-(?!submissions/)(?P<login>[^/]+)/(?P<path>.+)", paths, item)


def _classroom(paths: list[str], about: About) -> Found:
    """Students name these files themselves, so two of one name may be two students'."""
    form = rf"(?P<name>[^/]+?) - (?P<path>[^/]+(?i:{NOTEBOOK.pattern}))"
    names = Counter(match["name"] for path in paths if (match := re.fullmatch(form, path, re.S)))

    def item(match: re.Match[str]) -> Item:
        if (count := names[match["name"]]) > 1:
            raise Refused(f"{count} notebooks say that they are {match['name']!r}'s: which is?")
        return Item((Person(match["name"], match["name"], match["name"]),), match["path"])

    return _each(form, paths, item)


PLATFORMS: dict[str, Reading] = {
    "Moodle": _moodle,
    "Brightspace": _brightspace,
    "ILIAS": _ilias,
    "Gradescope": _gradescope,
    "Canvas": _canvas,
    "Blackboard": _blackboard,
    "GitHub Classroom": _github,
    "Google Classroom": _classroom,
}
"""Platform -> what its downloads' names say; the order decides where two explain as much."""
UNMISTAKABLE = ("Moodle", "Brightspace", "Blackboard")
"""Nobody calls a folder or a file so by chance."""
DEEPEST = 6
"""Folders around everything that are looked into."""
OWN = {"index.html", "status.xlsx", "status.csv", "readme.md", "readme.txt", METADATA, "thumbs.db", "desktop.ini"}
"""Files that platforms and systems put beside the hand-ins."""


def read(paths: list[str], about: About) -> tuple[str, str, Found]:
    """The platform that explains an archive ("" for folders with the students' names), the folders around everything,
    and whose each path is."""
    for around in _around(paths):
        inside = [path.removeprefix(around) for path in paths if path.startswith(around)]
        here = replace(about, around=around.rstrip("/").rpartition("/")[2], content=_below(about.content, around))
        places = {_first(path) for path in inside if "/" in path or path.casefold() not in OWN}
        explained = {name: reading(inside, here) for name, reading in PLATFORMS.items()}
        best = max(PLATFORMS, key=lambda name: len(places & set(map(_first, explained[name]))))
        around_all = best not in UNMISTAKABLE and len(places) == 1 and several(inside, here)
        if 2 * len(places & set(map(_first, explained[best]))) > len(places) and not around_all:
            return best, around, {around + path: item for path, item in explained[best].items()}
    for around in _around(paths):
        inside = [path.removeprefix(around) for path in paths if path.startswith(around)]
        (folder, *others) = {_first(path) for path in inside if "/" in path} or {""}
        deeper = {_first(path.partition("/")[2]) for path in inside if path.count("/") > 1}
        known = folder in about.known or not any(name in about.known for name in deeper)
        if others or (known and not several(inside, about)):
            break
    found = plain(inside, about)
    for name in UNMISTAKABLE:
        looks = PLATFORMS[name](inside, replace(about, content=_below(about.content, around)))
        found |= {path: Refused(f"it is named as {name} names files, unlike the others") for path in looks}
    return "", around, {around + path: item for path, item in found.items()}


def _below(content: Callable[[str], bytes], around: str) -> Callable[[str], bytes]:
    return lambda path: content(around + path)


def _first(path: str) -> str:
    return path.partition("/")[0]


def _around(paths: list[str]) -> Iterator[str]:
    """ "" and the folders, one in the other, that all of the archive lies in but for files that are no hand-ins."""
    around = ""
    for _ in range(DEEPEST):
        yield around
        inside = [path.removeprefix(around) for path in paths if path.startswith(around)]
        folders = {_first(path) for path in inside if "/" in path}
        if len(folders) != 1 or any(is_work(path) for path in inside if "/" not in path):
            return
        around += folders.pop() + "/"
