"""Reading what students write in words: choices, sets of choices, places in the paper, texts of limited length."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from helpers.backend import nearest
from helpers.check.report import Mistake

SECTIONS = range(1, 8)
TABLES, FIGURES, EQUATIONS = range(1, 5), range(1, 3), range(1, 4)
_PLACES = (
    ("section", r"(?:sections?|sect?\.?|§|chapter|ch\.?)?\s*\(?(\d)(?:\.\d+)*\.?\)?", SECTIONS),
    ("table", r"(?:tables?|tab\.?)\s*\(?(\d)\)?", TABLES),
    ("figure", r"(?:figures?|fig\.?)\s*\(?(\d)\)?", FIGURES),
    ("equation", r"(?:equations?|eqn?\.?)\s*\(?(\d)\)?", EQUATIONS),
)
FORMS = '"section 3", "3.2", "table 4", "figure 2", "equation 1" or "abstract"'


def plain(value: Any) -> str:
    """Lower case, one space between words, no quotes, no full stop at the end."""
    return " ".join(str(value).lower().replace("_", " ").replace("-", " ").split()).strip(" .\"'`")


def filled(value: Any, name: str) -> None:
    """A Mistake, still-to-do, where nothing was assigned yet."""
    if value is None or (isinstance(value, str | dict | list | tuple | set | frozenset) and not value):
        raise Mistake("still-to-do", f"Still to do: `{name}` is still empty; write and run the exercise's cell above.")


def choice(value: Any, name: str, synonyms: Mapping[str, Sequence[str]]) -> str:
    """The key of `synonyms` that the student's word means; a Mistake for any other word."""
    word = plain(value)
    for key, others in synonyms.items():
        if word == plain(key) or word in map(plain, others):
            return key
    raise Mistake("unknown-word", f"{name} is {value!r}{nearest(word, list(synonyms))}; choose one of {', '.join(synonyms)}.")


def letters(value: Any, name: str, allowed: str) -> set[str]:
    """A set of letters, however it is written: {"a", "c"}, ["A", "c"], "ac", "a, c", {"a": True, "b": False}."""
    filled(value, name)
    if isinstance(value, Mapping):
        items: Iterable[Any] = [key for key, chosen in value.items() if chosen]
    elif isinstance(value, str):
        items = [c for c in re.sub(r"\band\b", " ", value.lower()) if c not in " ,;./+&{}[]()'\""]
    else:
        items = list(value) if isinstance(value, Iterable) else [value]
    found = {plain(item).strip("()") for item in items}
    unknown = sorted(found - set(allowed))
    if unknown:
        raise Mistake("unknown-letter", f"`{name}` holds {unknown[0]!r}; the statements are {allowed[0]} to {allowed[-1]}. Write letters only, such as {{'a', 'b'}}.")
    return found


def place(value: Any, name: str) -> tuple[str, int]:
    """A place in the paper as ("section", 3), ("table", 4), …; the abstract is ("abstract", 0)."""
    text = plain(value).replace("introduction", "section 1").replace("intro", "section 1").replace("conclusions", "section 7").replace("conclusion", "section 7")
    if text in ("abstract", "the abstract", "summary"):
        return "abstract", 0
    for kind, pattern, exists in _PLACES:
        found = re.fullmatch(pattern, text)
        if found is None:
            continue
        number = int(found.group(1))
        if number not in exists:
            raise Mistake("no-such-place", f"{name} names {kind} {number}, which the paper does not have. Look again where it stands.")
        return kind, number
    raise Mistake("place-not-understood", f"{name} is {value!r}, which names no place in the paper that can be looked up. Write one such as {FORMS}.")


def places(value: Any, name: str) -> list[tuple[str, int]]:
    """One or several places: one string, several divided by commas, or a list, tuple or set."""
    filled(value, name)
    if isinstance(value, str):
        parts: list[Any] = [part for part in re.split(r",|;|\band\b|&|\+", value) if part.strip()]
    else:
        parts = list(value) if isinstance(value, Iterable) else [value]
    return [place(part, name) for part in parts]


def count_words(text: str) -> int:
    """Words divided by white space; dashes and lone signs don't count."""
    return sum(any(c.isalnum() for c in word) for word in text.split())
