"""Reading what students write in words: choices, sets of choices, places in the paper, texts of limited length."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from helpers.backend import nearest
from helpers.check.core.ask import number
from helpers.check.core.report import Mistake

EXISTING = {"section": range(1, 8), "table": range(1, 5), "figure": range(1, 3), "equation": range(1, 4)}
_KINDS = {
    "section": r"sections?|sect?|§+|chapters?|ch|abschnitte?|kapitel",
    "table": r"tables?|tab|tbl|tabellen?",
    "figure": r"figures?|figs?|abbildung(?:en)?|abb",
    "equation": r"equations?|eqn?s?|gleichung(?:en)?|gl",
}
_NUMBER = r"\(?\d+(?:\.\d+)*\)?"
_LIST = rf"{_NUMBER}(?:(?:\s*,\s*|\s*/\s*|\s*,?\s*(?:and|und|&|\+)\s*|\s*-\s*|\s*–\s*|\s*to\s*){_NUMBER})*"
_NAMED = (
    ("abstract", 0, r"abstract|summary"),
    ("section", 1, r"intro(?:duction)?"),
    ("section", 6, r"future work"),
    ("section", 7, r"conclusions?"),
    ("references", 0, r"references|bibliography"),
)
_DIGITS = (
    dict(zip(("one", "two", "three", "four", "five", "six", "seven"), "1234567", strict=True))
    | dict(zip(("ii", "iii", "iv", "vi", "vii"), "23467", strict=True))
)  # fmt: skip
FORMS = '"section 3", "3.2", "table 4", "figure 2", "equation 1" or "abstract"'


def plain(value: Any) -> str:
    """Lower case, one space between words, no quotes, no full stop at the end."""
    return " ".join(str(value).lower().replace("_", " ").replace("-", " ").split()).strip(" .\"'`")


def filled(value: Any, name: str) -> None:
    """A Mistake, still-to-do, where nothing was assigned yet."""
    if value is None or (isinstance(value, str | dict | list | tuple | set | frozenset) and not value):
        raise Mistake("still-to-do", f"Still to do: `{name}` is still empty; write and run the exercise's cell above.")


def choice(value: Any, name: str, synonyms: Mapping[str, Sequence[str]]) -> str:
    """The key of `synonyms` that the student's word means; a Mistake for any other word.

    A remark does not matter, "tiled (cuDNN)" or "direct method"; nor does a list around a single word.
    """
    if isinstance(value, list | tuple | set | frozenset) and len(value) == 1:
        (value,) = value
    word = plain(value)
    outside = plain(re.sub(r"\([^)]*\)|\[[^]]*\]", " ", word))
    for tried in (word, outside, word.strip("()[]{} ").removeprefix("in ")):
        for key, others in synonyms.items():
            if tried == plain(key) or tried in map(plain, others):
                return key
    words = re.findall(r"\w+", word)
    meant = [key for key in synonyms if key in words]
    if len(meant) == 1 and len(words) <= 3 and not {"not", "no", "never", "or"} & set(words):
        return meant[0]
    guess = "" if " " in word else nearest(word, list(synonyms))
    raise Mistake("unknown-word", f"{name} is {value!r}{guess}; choose one of {', '.join(synonyms)}.")


def letters(value: Any, name: str, allowed: str) -> set[str]:
    """A set of letters, however it is written: {"a", "c"}, ["A", "c"], "ac", "a, c", {"a": True, "b": False}."""
    filled(value, name)
    if isinstance(value, Mapping):
        items: Iterable[Any] = [key for key, chosen in value.items() if chosen]
    elif isinstance(value, str):
        items = _letters(value)
    else:
        items = [
            letter
            for item in (value if isinstance(value, Iterable) else [value])
            for letter in _letters(str(item))
        ]
    found = {plain(item) for item in items}
    unknown = sorted(found - set(allowed))
    if unknown:
        raise Mistake("unknown-letter",
                      f"`{name}` holds {unknown[0]!r}; the statements are {allowed[0]} to {allowed[-1]}. "
                      "Write letters only, such as {'a', 'b'}.")
    return found


def _letters(text: str) -> list[str]:
    """The letters of "a", "(a)", "a, c and d" or "acd"; a word stays a word, so that a message can show it."""
    words = re.sub(r"\b(?:and|und)\b|[^\w]", " ", text.lower()).split()
    return [letter for word in words for letter in (word if text.isascii() and len(set(word)) == len(word) else [word])]


def places(value: Any, name: str) -> list[tuple[str, int]]:
    """The places in the paper that a string or a collection of strings names: ("section", 3), ("table", 4), …

    Any words may stand beside them, "section 3 (implementation), second paragraph"; but every string has to name one.
    The abstract is ("abstract", 0). A Mistake for a place that the paper doesn't have.
    """
    if isinstance(value, np.ndarray):
        value = value.tolist()
    parts = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    if value is None or not parts or not any(plain(part) for part in parts):
        raise Mistake("still-to-do", f"Still to do: {name} is still empty.")
    return [found for part in parts for found in _places(part, name)]


def _places(value: Any, name: str) -> list[tuple[str, int]]:
    heading = re.match(r"\s*(\d(?:\.\d)*)\.?\s+[A-Z]", str(value))  # "4.2 Performance"
    text = " ".join(re.sub(r"[_#№]", " ", str(value)).replace("\u2010", "-").lower().split())
    text = re.sub(r"(?<=[a-z])\s*\.\s*(?=[(\d])|(?<=[a-z§])\s*-?\s*(?=\(?\d)", " ", text).strip(" .\"'`")
    for kinds in _KINDS.values():
        text = re.sub(
            rf"(?:\b|(?<=§))({kinds})\.?\s+({'|'.join(_DIGITS)})\b", lambda m: f"{m[1]} {_DIGITS[m[2]]}", text
        )
    if re.fullmatch(_LIST, text):
        text = f"section {text}"
    found: list[tuple[str, int]] = []
    for kind, words in _KINDS.items():
        for match in re.finditer(rf"(?<![a-z])(?:{words})\s*({_LIST})", text):
            first, *others = _numbers(match[1])  # "table 1, 11 parameters": only the first is surely a place
            found += [(kind, first), *((kind, other) for other in others if other in EXISTING[kind])]
    found += [(kind, which) for kind, which, words in _NAMED if re.search(rf"\b(?:{words})\b", text)]
    for kind, which in found:
        if kind in EXISTING and which not in EXISTING[kind]:
            raise Mistake("no-such-place",
                          f"{name} names {kind} {which}, which the paper does not have. Look again where it stands.")
    if not found and heading:
        return _places(heading[1], name)
    if not found:
        raise Mistake("place-not-understood",
                      f"{name} is {value!r}, which names no place in the paper that can be looked up. "
                      f"Write one such as {FORMS}.")
    return list(dict.fromkeys(found))


def _numbers(text: str) -> list[int]:
    """The whole numbers of "2", "3.1", "1 and 2" or "2-4"."""
    numbers = [int(digits) for digits in re.findall(r"(\d+)(?:\.\d+)*", text)]
    if re.search(r"\d\)?\s*(?:-|–|to)\s*\(?\d", text) and len(numbers) == 2 and numbers[0] < numbers[1] < 10:
        return list(range(numbers[0], numbers[1] + 1))
    return numbers


def amount(value: Any, what: str) -> float:
    """A student's result as one float: any kind of number,
    or a text that is a number and perhaps a unit, "24.2 min"."""
    if isinstance(value, Fraction | Decimal):
        return float(value)
    if isinstance(value, str):
        found = re.fullmatch(r"\s*([-+]?\d+(?:[.,]\d+)?)\s*[a-zA-Z%/]*(?: [a-zA-Z/]+)*\s*", value)
        if found is None:
            raise Mistake("text-for-number",
                          f"{what} is the text {value!r}. A plain number is asked for, without quotes.")
        return float(found[1].replace(",", "."))
    if isinstance(value, Mapping):
        raise Mistake("not-one-number", f"{what} should be one number; it is a dictionary.")
    return number(value, what)


def returned(value: Any, name: str) -> float:
    """The same for what a function of the student's returns, where a text would break the cells that use it."""
    if isinstance(value, str):
        raise Mistake("text-for-number",
                      f"{name} returns the text {value!r}. Return the number, and format it where you print.")
    return amount(value, f"the result of {name}")


def count_words(text: str) -> int:
    """Words divided by white space; dashes and lone signs don't count."""
    return sum(any(c.isalnum() for c in word) for word in text.split())
