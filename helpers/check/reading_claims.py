"""Checks of what the paper says and does not say: sets of statements, algorithms for cases, kinds of claims.

A hint names the misreading behind a wrong choice and the place in the paper to look again, and not the right choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from helpers.check.reading_words import choice, filled, letters, places, plain
from helpers.check.report import Mistake, check

# letter: (whether the paper supports it, name of the misreading, hint)
Statement = tuple[bool, str, str]

ABOUT_36_PERCENT: dict[str, Statement] = {
    "a": (False, "throughput-for-time", "36% less time would be a factor of 1 ÷ 0.64 = 1.56; the last row of Table 4 says 1.36."),
    "b": (True, "throughput-missed", "A speed-up of 1.36 has a meaning for what gets done in a given time. Compute with the last row of Table 4: how many iterations fit into the time that 100 took before?"),
    "c": (True, "time-missed", "You computed with `time_saved` what the overall row of Table 4 means for the time. Compare."),
    "d": (False, "convolution-alone", "The overall row is a whole run: convolutions and everything else, forward, backward, testing and update. What convolution alone gains can't be read from Table 4."),
    "e": (False, "fewer-iterations", "Table 4 has 200 iterations on both sides. The library makes an iteration shorter; it does not change how many are needed, for it computes the same numbers."),
    "f": (True, "scope-missed", "Look at what was run for Table 4 (section 4): how many networks, how many GPUs, which releases?"),
    "g": (False, "same-factor-everywhere", "Compare the rows of Table 4 with each other: forward, backward and update have different speed-ups."),
    "h": (False, "percent-of-peak", "A share of the peak is in Table 3, for single layers. The 36% compare two programs with each other, Table 4."),
    "i": (True, "update-missed", "Look at the row `update` of Table 4: 2926 before, 2920 after."),
}  # fmt: skip

BLAS_LIKE: dict[str, Statement] = {
    "a": (True, "primitives-missed", "BLAS offers operations, not applications. Section 2: at which level does this library's interface lie, and who keeps the layers?"),
    "b": (False, "replaces-blas", "It is similar to BLAS in intent, not in contents (section 2): its routines are convolutions, pooling, activations, softmax and transformations of tensors."),
    "c": (True, "buffers-missed", "Section 2 says whose memory the routines work on. Think of how `gemm` gets its matrices."),
    "d": (False, "own-layout", "Section 2 describes tensors by strides: the library adapts itself to the caller's layout, and the caller need not convert."),
    "e": (False, "trains-the-network", "No routine of section 2 changes parameters. Gradients are returned or accumulated; the step is the framework's. (The row `update` of Table 4 doesn't gain anything.)"),
    "f": (True, "frameworks-missed", "Section 4: how much of Caffe had to be rewritten for the integration?"),
    "g": (False, "first-implementation", "The paper says that no analogous library existed. Implementations did: section 3 names some and compares with them, cuda-convnet2 and Caffe's among them."),
}  # fmt: skip


@check("What 36% is, and what it is not", "B6")
def about_36_percent(chosen: Any) -> Iterator[str]:
    """The statements that Table 4 supports."""
    yield from _statements(chosen, "about_36_percent", ABOUT_36_PERCENT)


@check("What BLAS-like means", "B7")
def blas_like(chosen: Any) -> Iterator[str]:
    """The statements that sections 2 to 4 support."""
    yield from _statements(chosen, "blas_like", BLAS_LIKE)


def _statements(chosen: Any, name: str, table: Mapping[str, Statement]) -> Iterator[str]:
    found = letters(chosen, name, "".join(table))
    if found == set(table):
        raise Mistake("everything-chosen", f"`{name}` holds every statement, and some of them contradict each other. Hold each one against the paper.")
    for letter, (true, mistake, hint) in table.items():
        # Wrong choices first: a misreading explains what is missing, too.
        if letter in found and not true:
            raise Mistake(mistake, f"Statement {letter}: {hint}")
    for letter, (true, mistake, hint) in table.items():
        if true and letter not in found:
            missing = sum(t and other not in found for other, (t, _, _) in table.items())
            raise Mistake(mistake, f"{'One statement is' if missing == 1 else f'{missing} statements are'} missing. {hint}")
    yield f"{len(table)} statements told apart"


ALGORITHMS: dict[str, tuple[str, ...]] = {
    "direct": ("direct convolution", "cuda convnet2", "cuda convnet", "convnet2"),
    "fft": ("fourier", "fourier transform", "fast fourier transform"),
    "explicit": ("explicit lowering", "lowering", "im2col", "caffe", "caffe's", "full lowering"),
    "tiled": ("tiled lowering", "lazy lowering", "lazy", "on chip lowering", "implicit lowering", "implicit gemm", "implicit", "cudnn"),
}

# case: (right, chosen -> (mistake, hint))
CASES: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "fastest at mini-batch 128": ("direct", {
        "tiled": ("cudnn-always-fastest", "Figure 2, right end: one curve lies above cuDNN's. The paper claims robustness over sizes, not the first place everywhere."),
        "explicit": ("caffe-fastest", "Figure 2: Caffe's curve is flat, near 0.9 TFLOP/s, and at 128 it is the lowest."),
        "fft": ("fft-measured", "Figure 2 has no curve for the FFT: the paper sets it aside by argument, in section 3, not by measurement."),
    }),
    "fastest at mini-batch 16": ("tiled", {
        "direct": ("direct-at-small-batches", "The direct approach loses speed below a mini-batch of about 64 (section 3). Look at the left part of Figure 2."),
        "explicit": ("caffe-fastest", "Figure 2: Caffe's curve is near 0.9 TFLOP/s everywhere. Is there one above it at 16?"),
        "fft": ("fft-measured", "Figure 2 has no curve for the FFT: the paper sets it aside by argument, in section 3, not by measurement."),
    }),
    "least arithmetic for large filters": ("fft", {
        "direct": ("same-arithmetic", "The direct approach computes the sums of equation (3) as they stand: all 2·N·K·C·R·S·P·Q operations. One of the approaches of section 3 needs fewer."),
        "explicit": ("same-arithmetic", "Lowering changes where the numbers lie, not how many multiplications there are. One of the approaches of section 3 needs fewer."),
        "tiled": ("same-arithmetic", "Lowering changes where the numbers lie, not how many multiplications there are. One of the approaches of section 3 needs fewer."),
    }),
    "worst choice for strides above 1": ("fft", {
        "direct": ("stride-and-direct", "For the direct approach a stride only leaves outputs out. Which approach computes all outputs together and would throw most of them away? Section 3."),
        "explicit": ("stride-and-lowering", "With a stride, lowering has fewer columns, so it costs less. Which approach can't skip outputs? Section 3."),
        "tiled": ("stride-and-lowering", "With a stride, lowering has fewer columns, so it costs less. Which approach can't skip outputs? Section 3."),
    }),
    "only a fast matrix product, and memory to spare": ("explicit", {
        "direct": ("matrix-product-unused", "The direct approach uses no matrix product at all, and section 3 says that it needs many special cases."),
        "fft": ("matrix-product-unused", "The FFT needs transforms, not only a matrix product. Section 3 describes what Caffe does."),
        "tiled": ("kernel-needed", "Forming the matrix on chip, tile by tile, needs a matrix product of your own that you can change from inside (section 3). Here you have a finished one."),
    }),
    "matrix product speed without a lowered matrix in memory": ("tiled", {
        "explicit": ("lowered-in-memory", "The explicit one writes the whole lowered matrix to memory, up to R·S times the input: section 3, and your B2."),
        "direct": ("direct-for-tiled", "The direct approach needs no lowered matrix, but it is no matrix product either and needs tuning for each size of problem: section 3."),
        "fft": ("fft-memory", "The FFT needs the filters padded to the size of the images, which is a lot of memory: section 3."),
    }),
}  # fmt: skip


def _sentence(words: str) -> str:
    """`capitalize` would make "Fft" of the FFT."""
    return words[:1].upper() + words[1:]


@check("Which algorithm for which case", "B7")
def algorithm_for(chosen: Any) -> Iterator[str]:
    """One of direct, fft, explicit and tiled for each case, by the paper's own arguments and Figure 2."""
    filled(chosen, "algorithm_for")
    if not isinstance(chosen, Mapping):
        raise Mistake("not-a-dictionary", f"`algorithm_for` should be a dictionary, case -> approach; it is of type {type(chosen).__name__}.")
    given = {plain(key): value for key, value in chosen.items()}
    for case, (right, wrong) in CASES.items():
        value = given.get(plain(case))
        if value is None or not plain(value):
            raise Mistake("still-to-do" if value is not None else "entry-missing", f"`algorithm_for` has no answer yet for {case!r}.")
        found = choice(value, f"algorithm_for[{case!r}]", ALGORITHMS)
        if found != right:
            mistake, hint = wrong[found]
            raise Mistake(mistake, f"{_sentence(case)}: {hint}")
    yield f"{len(CASES)} cases"


KINDS = {
    "measured": ("measurement", "measures", "shown", "m"),
    "argued": ("argument", "argues", "reasoned", "reasoning", "a"),
    "stated": ("only stated", "stated only", "just stated", "merely stated", "statement", "claimed", "only claimed", "asserted", "s"),
}
ANY3 = {("section", 3)}
# Section 3 explains why no lowered matrix lies in memory: who calls that an argument has read it.
ALSO = {"memory consumption falls": {("argued", ("section", 3))}}

# claim: (kind, places, kind chosen -> (mistake, hint), where to look)
CLAIMS: dict[str, tuple[str, set[tuple[str, int]], dict[str, tuple[str, str]], str]] = {
    "training in Caffe is faster": ("measured", {("table", 4), ("section", 4)}, {
        "argued": ("measurement-overlooked", "There is a table with times for this one."),
        "stated": ("measurement-overlooked", "There is a table with times for this one."),
    }, "Look for the table with the rows forward, backward, testing and update."),
    "memory consumption falls": ("stated", {("abstract", 0), ("section", 1), ("section", 2), ("section", 3), ("section", 7)}, {
        "measured": ("memory-measured", "Name the table or figure with bytes in it: there are times, speeds and percentages of peak only."),
        "argued": ("memory-argued", "You may call it argued if you name the section that gives the reason: where does the paper explain why the lowered matrix need not be stored?"),
    }, "It stands in the abstract; where in the body would the numbers be?"),
    "the FFT does not suit a general library": ("argued", ANY3, {
        "measured": ("fft-measured", "Figure 2 has no curve for the FFT, and no table has a row for it. What does the paper say instead, and does it say why?"),
        "stated": ("argument-overlooked", "Reasons are given: the padding of the filters, strides. That is more than a statement."),
    }, "Look where the ways to compute a convolution are compared."),
    "speed holds up at small mini-batches": ("measured", {("figure", 2), ("section", 3)}, {
        "argued": ("measurement-overlooked", "There is a figure with the mini-batch on its axis."),
        "stated": ("measurement-overlooked", "There is a figure with the mini-batch on its axis."),
    }, "Look for the figure with the mini-batch on its axis."),
    "it runs well on two generations of GPUs": ("measured", {("table", 3), ("section", 3)}, {
        "argued": ("measurement-overlooked", "There is a table with a column for each of two devices."),
        "stated": ("measurement-overlooked", "There is a table with a column for each of two devices."),
    }, "Look for the table with a K40 and a GTX 980."),
    "explicit lowering needs much memory and traffic": ("argued", {*ANY3, ("figure", 1)}, {
        "measured": ("lowering-measured", "No table has the bytes of the lowered matrix; you computed them yourself in B2. The paper counts copies and draws a conclusion."),
        "stated": ("argument-overlooked", "A reason is given: each element of the input is copied up to R·S times. That is more than a statement."),
    }, "Look where lowering is introduced, before the paper's own way."),
    "the gap to plain matrix multiplication can be closed": ("stated", {("section", 6), ("section", 7)}, {
        "measured": ("future-measured", "The best layer reaches 51% of the peak in Table 3. That the gap will close is a plan, not a result."),
        "argued": ("future-argued", "It is named as work to do; there is no reasoning yet that it can be done."),
    }, "Look where the authors say what they want to do next."),
}  # fmt: skip


@check("Measured, argued or stated", "B8")
def claims(found: Any) -> Iterator[str]:
    """For each claim: its kind, and a place in the paper that shows it."""
    filled(found, "claims")
    if not isinstance(found, Mapping):
        raise Mistake("not-a-dictionary", f"`claims` should be a dictionary, claim -> (kind, place); it is of type {type(found).__name__}.")
    given = {plain(key): value for key, value in found.items()}
    for claim, (right, shown, wrong, where) in CLAIMS.items():
        entry = given.get(plain(claim))
        if entry is None:
            raise Mistake("entry-missing", f"`claims` has no entry for {claim!r}.")
        parts = list(entry.values()) if isinstance(entry, Mapping) else list(entry) if isinstance(entry, list | tuple) else [entry]
        if len(parts) < 2:
            raise Mistake("entry-incomplete", f"claims[{claim!r}] should be a pair, (kind, place), such as ('measured', 'table 1').")
        if not plain(parts[0]) or not plain(parts[1]):
            raise Mistake("still-to-do", f"Still to do: claims[{claim!r}] has no {'place' if plain(parts[0]) else 'kind'} yet.")
        if any(plain(parts[1]) == word for word in KINDS):
            parts[:2] = parts[1], parts[0]
        kind = choice(parts[0], f"The kind of {claim!r}", KINDS)
        cited = [one for part in parts[1:] for one in places(part, f"The place of {claim!r}")]
        if len(cited) > 2:
            raise Mistake("too-many-places", f"claims[{claim!r}] names {len(cited)} places. Name the one that shows it, or two at most.")
        if kind != right and not any((kind, one) in ALSO.get(claim, ()) for one in cited):
            mistake, hint = wrong[kind]
            raise Mistake(mistake, f"{_sentence(claim)}: {kind}? {hint}")
        if kind == right and not shown & set(cited):
            name = " ".join(map(str, cited[0])).replace("abstract 0", "the abstract").replace("references 0", "the list of references")
            raise Mistake("cited-elsewhere", f"{_sentence(claim)}: {name} does not {'say' if right == 'stated' else 'show'} it. {where}")
    yield f"{len(CLAIMS)} claims, each with its place"
