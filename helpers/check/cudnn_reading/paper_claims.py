"""Checks of what the paper says and does not say: sets of statements, algorithms for cases, kinds of claims.

A hint names the misreading behind a wrong choice and the place in the paper to look again, and not the right choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from helpers.check.core.answers import accepted, questions, verdict
from helpers.check.core.report import Mistake, check
from helpers.check.cudnn_reading.words import choice, filled, letters, places, plain


@check("What 36% is, and what it is not", "B6")
def about_36_percent(chosen: Any) -> Iterator[str]:
    """The statements that Table 4 supports."""
    yield from _statements(chosen, "about_36_percent")


@check("What BLAS-like means", "B7")
def blas_like(chosen: Any) -> Iterator[str]:
    """The statements that sections 2 to 4 support."""
    yield from _statements(chosen, "blas_like")


def _statements(chosen: Any, name: str) -> Iterator[str]:
    table = questions("cudnn_reading", name)
    found = letters(chosen, name, "".join(table))
    if found == set(table):
        raise Mistake("everything-chosen",
                      f"`{name}` holds every statement, and some of them contradict each other. "
                      "Compare each one with the paper.")
    said = {letter: verdict("cudnn_reading", name, letter, letter in found) for letter in table}
    for letter, about in said.items():
        # Wrong choices first: a misreading explains what is missing, too.
        if letter in found and "mistake" in about:
            raise Mistake(about["mistake"], f"Statement {letter}: {about['hint']}")
    missing = [about for letter, about in said.items() if letter not in found and "mistake" in about]
    if missing:
        many = "One statement is" if len(missing) == 1 else f"{len(missing)} statements are"
        raise Mistake(missing[0]["mistake"], f"{many} missing. {missing[0]['hint']}")
    yield f"{len(table)} statements told apart"


ALGORITHMS: dict[str, tuple[str, ...]] = {
    "direct": ("direct convolution", "cuda convnet2", "cuda convnet", "convnet2"),
    "fft": ("fourier", "fourier transform", "fast fourier transform"),
    "explicit": ("explicit lowering", "lowering", "im2col", "caffe", "caffe's", "full lowering"),
    "tiled": (
        "tiled lowering", "lazy lowering", "lazy", "on chip lowering",
        "implicit lowering", "implicit gemm", "implicit", "cudnn",
    ),
}


def _sentence(words: str) -> str:
    """`capitalize` would make "Fft" of the FFT."""
    return words[:1].upper() + words[1:]


@check("Which algorithm for which case", "B7")
def algorithm_for(chosen: Any) -> Iterator[str]:
    """One of direct, fft, explicit and tiled for each case, by the paper's own arguments and Figure 2."""
    filled(chosen, "algorithm_for")
    if not isinstance(chosen, Mapping):
        raise Mistake("not-a-dictionary",
                      "`algorithm_for` should be a dictionary, case -> approach; "
                      f"it is of type {type(chosen).__name__}.")
    given = {plain(key): value for key, value in chosen.items()}
    cases = questions("cudnn_reading", "algorithm_for")
    for case in cases:
        value = given.get(plain(case))
        if value is None or not plain(value):
            raise Mistake("still-to-do" if value is not None else "entry-missing",
                          f"`algorithm_for` has no answer yet for {case!r}.")
        found = choice(value, f"algorithm_for[{case!r}]", ALGORITHMS)
        about = verdict("cudnn_reading", "algorithm_for", case, found)
        if "mistake" in about:
            raise Mistake(about["mistake"], f"{_sentence(case)}: {about['hint']}")
    yield f"{len(cases)} cases"


KINDS = {
    "measured": ("measurement", "measures", "shown", "m"),
    "argued": ("argument", "argues", "reasoned", "reasoning", "a"),
    "stated": (
        "only stated", "stated only", "just stated", "merely stated", "statement",
        "claimed", "only claimed", "asserted", "s",
    ),
}


@check("Measured, argued or stated", "B8")
def claims(found: Any) -> Iterator[str]:
    """For each claim: its kind, and a place in the paper that shows it."""
    filled(found, "claims")
    if not isinstance(found, Mapping):
        raise Mistake("not-a-dictionary",
                      f"`claims` should be a dictionary, claim -> (kind, place); it is of type {type(found).__name__}.")
    given = {plain(key): value for key, value in found.items()}
    answers = questions("cudnn_reading", "claims")
    for claim in answers:
        entry = given.get(plain(claim))
        if entry is None:
            raise Mistake("entry-missing", f"`claims` has no entry for {claim!r}.")
        parts = (
            list(entry.values())
            if isinstance(entry, Mapping)
            else list(entry)
            if isinstance(entry, list | tuple)
            else [entry]
        )
        if len(parts) < 2:
            raise Mistake("entry-incomplete",
                          f"claims[{claim!r}] should be a pair, (kind, place), such as ('measured', 'table 1').")
        if not plain(parts[0]) or not plain(parts[1]):
            raise Mistake("still-to-do",
                          f"Still to do: claims[{claim!r}] has no {'place' if plain(parts[0]) else 'kind'} yet.")
        if any(plain(parts[1]) == word for word in KINDS):
            parts[:2] = parts[1], parts[0]
        kind = choice(parts[0], f"The kind of {claim!r}", KINDS)
        cited = [one for part in parts[1:] for one in places(part, f"The place of {claim!r}")]
        if len(cited) > 2:
            raise Mistake("too-many-places",
                          f"claims[{claim!r}] names {len(cited)} places. Name the one that shows it, or two at most.")
        if any(accepted("cudnn_reading", "claims", claim, kind, *one) for one in cited):
            continue
        about = verdict("cudnn_reading", "claims", claim, kind)
        if "mistake" in about:
            raise Mistake(about["mistake"], f"{_sentence(claim)}: {kind}? {about['hint']}")
        name = (
            " ".join(map(str, cited[0]))
            .replace("abstract 0", "the abstract")
            .replace("references 0", "the list of references")
        )
        raise Mistake("cited-elsewhere",
                      f"{_sentence(claim)}: {name} does not {'say' if kind == 'stated' else 'show'} it. "
                      f"{about['where']}")
    yield f"{len(answers)} claims, each with its place"
