"""Checks of Part C of `remember`: windows of a text with a state that is carried over, and bits a character."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from helpers.check.core.ask import Answer, array, ask, number
from helpers.check.core.cases import primes
from helpers.check.core.compare import close
from helpers.check.core.report import Mistake, check
from helpers.check.remember import probes

Call = tuple[np.ndarray, np.ndarray, int]
"""inputs, targets, and the number of the call whose state was given; −1 for None, −2 for anything else."""
Text = tuple[list[np.ndarray], int, list[float]]


def text_cases(seed: int) -> list[Text]:
    """Several texts whose last windows are shorter, one that fits exactly, one that is shorter than a window."""
    rng = np.random.default_rng([seed, 90])
    length, a, b, c = primes(rng, 4, 3, 11)
    losses = [float(v) for v in rng.uniform(0.3, 4.0, 97)]
    top = 50

    def drawn(steps: int, n: int) -> np.ndarray:
        return rng.permutation(np.arange(steps * n) % (steps * n + top)).reshape(steps, n)

    short = max(2, length - 1)
    return [
        ([drawn(3 * length + 3, a), drawn(2 * length + 1, b), drawn(short, a)], length, losses),
        ([drawn(4 * length + 1, c)], length, losses),
        ([drawn(2, b), drawn(length + 2, c)], length, losses),
        ([drawn(7, a)], 1, losses),
    ]


def right_calls(texts: Sequence[np.ndarray], length: int) -> list[Call]:
    """What `learn` should be called with."""
    found: list[Call] = []
    for text in texts:
        for start in range(0, len(text) - 1, length):
            stop = min(start + length, len(text) - 1)
            known = -1 if start == 0 else len(found) - 1
            found.append((text[start:stop], text[start + 1 : stop + 1], known))
    return found


def right_mean(calls: Sequence[Call], losses: Sequence[float]) -> float:
    sizes = [targets.size for _, targets, _ in calls]
    return float(np.average(losses[: len(calls)], weights=sizes))


def _recorded(here: Answer) -> list[Call]:
    calls = here["calls"]
    found = []
    for one in calls if isinstance(calls, list) else []:
        inputs, targets = (
            array(a, f"the {name} that `learn` got") for a, name in zip(one[:2], ("inputs", "targets"), strict=True)
        )
        found.append((inputs, targets, one[2]))
    return found


def _same(one: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> bool:
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def _cut(texts: Sequence[np.ndarray], length: int, stride: int, first: int = 0, end: int = -1) -> list[np.ndarray]:
    """Windows of so many rows, every `stride`; end: how many rows at the end are no inputs, as a negative number."""
    found = []
    for text in texts:
        last = len(text) + end
        found += [text[start : min(start + length, last)] for start in range(first, last, max(1, stride))]
    return found


def _windows(calls: list[Call], texts: list[np.ndarray], length: int) -> None:
    """Raise where `learn` saw other windows."""
    right = right_calls(texts, length)
    if not calls:
        raise Mistake("learn-not-called", "read_through did not call `learn`.")
    inputs, targets = [c[0] for c in calls], [c[1] for c in calls]
    want_in, want_out = [c[0] for c in right], [c[1] for c in right]
    if any(t.size == 0 or i.size == 0 for i, t in zip(inputs, targets, strict=True)):
        raise Mistake("empty-window", "read_through calls `learn` with a window without any characters: the last row "
                      "of a text is a target and no input, so stop where fewer than two rows are left (`range(0, "
                      "len(text) - 1, length)`).")
    if _same(inputs, want_in) and _same(targets, want_out):
        return
    for i, t in zip(inputs, targets, strict=True):
        if i.shape == t.shape and np.array_equal(i, t):
            raise Mistake("targets-not-shifted", "In read_through the targets are the inputs themselves. The target of "
                          "a character is the *next* one, a row further on.")
        if i.shape != t.shape:
            raise Mistake("windows-of-different-lengths", f"read_through gives `learn` inputs of shape {i.shape} and "
                          f"targets of shape {t.shape}; a row of targets belongs to each row of inputs. At the end of "
                          "a text the last row is a target and no input.")
    if _same(inputs, want_out) and _same(targets, want_in):
        raise Mistake("inputs-and-targets-exchanged", "read_through exchanges inputs and targets: the targets come "
                      "*after* the inputs.")
    first = texts[0]
    turned = first[:length].T
    if inputs[0].shape == turned.shape != turned.shape[::-1] and np.array_equal(inputs[0], turned):
        raise Mistake("transposed", "read_through gives windows (N, length); leave time first, as in the texts.")
    if inputs[0].ndim == 1:
        raise Mistake("axis-lost", "read_through gives `learn` windows with one axis; keep the N texts side by side: "
                      "rows are steps, columns are texts.")
    columns = first[:, :length]
    if inputs[0].shape == columns.shape and np.array_equal(inputs[0][:, :1], columns[: len(inputs[0]), :1]) and (
        len(inputs[0]) >= len(first) - 1 and inputs[0].shape[1] != first.shape[1]
    ):
        raise Mistake("cut-by-columns", "read_through cuts windows out of the columns; steps are the rows: `text[start "
                      ": start + length]`.")
    if _same(inputs, want_in[: len(inputs)]) and len({len(t) for t in texts}) and len(inputs) < len(want_in):
        own = [len(_cut([t], length, length)) for t in texts]
        if len(texts) > 1 and len(inputs) == own[0]:
            raise Mistake("first-text-only", "read_through reads the first text alone; go through all of `texts`.")
    for name, expected, hint in (
        ("last-window-missing", [w for w in want_in if len(w) == length], "read_through leaves out the last window of "
         "a text where that is shorter than `length`. Every character but the first is a target once."),
        ("last-window-missing", [w for t in texts for w in _cut([t], length, length)[:-1]], "read_through leaves out "
         "the last window of each text. Every character but the first is a target once."),
        ("first-window-missing", [w for t in texts for w in _cut([t], length, length, first=length)], "read_through "
         "leaves out the first window of each text: start at row 0."),
        ("windows-overlap", _cut(texts, length, 1), "The windows of read_through begin at every row, so that they "
         "overlap and characters are read several times: go on by `length`."),
        ("windows-overlap", _cut(texts, length, length - 1), "The windows of read_through overlap by a row: begin the "
         "next one `length` rows further on. (The last target is the next window's first input.)"),
        ("gap-between-windows", _cut(texts, length, length + 1), "The windows of read_through leave a row out between "
         "them: begin the next one `length` rows further on. (The last target is the next window's first input.)"),
        ("window-too-short", _cut(texts, length - 1, length - 1), "The windows of read_through have length − 1 rows of "
         "inputs; cut length + 1 rows, of which all but the last are inputs."),
        ("window-too-short", _cut(texts, length - 1, length), "The windows of read_through have length − 1 rows of "
         "inputs; cut length + 1 rows, of which all but the last are inputs."),
        ("window-too-long", _cut(texts, length + 1, length + 1), "The windows of read_through have length + 1 rows of "
         "inputs."),
        ("text-not-cut", [t[:-1] for t in texts], "read_through gives whole texts to `learn`; cut them into windows of "
         "`length` rows."),
        ("texts-joined", _cut([np.concatenate([t for t in texts if t.shape[1] == first.shape[1]])], length, length),
         "read_through joins the texts into one. A new text begins with a window of its own and a state of None."),
        ("windows-of-equal-length", [w for t in texts for w in np.array_split(t[:-1], -(-(len(t) - 1) // length))],
         "The windows of a text are about equally long, as `np.array_split` cuts. Each has `length` rows, and the last "
         "one of a text is shorter."),
        ("step-by-step", _cut(texts, 1, 1), "read_through gives `learn` one row at "
         "a time; a window has `length` rows."),
    ):  # fmt: skip
        if expected and len(expected[0]) and _same(inputs, expected):
            raise Mistake(name, hint)
    if _same(inputs, want_in):
        for shift in (0, 2):
            if all(len(i) and np.array_equal(t[: len(w)], w) for i, t, w in
                   zip(inputs, targets, [_shifted(texts, i, shift) for i in inputs], strict=True)):  # fmt: skip
                raise Mistake("targets-not-shifted", "The targets of read_through are not the *next* characters: each "
                              "stands exactly one row after its input.")
        raise Mistake("wrong-targets", "The inputs of read_through's windows are right, the targets are not: each is "
                      "the character one row after its input, `text[start + 1 : start + length + 1]`.")
    counted = sum(i.shape[0] for i in inputs), sum(w.shape[0] for w in want_in)
    at = next((k for k, (a, b) in enumerate(zip(inputs, want_in, strict=False)) if not np.array_equal(a, b)),
              min(len(inputs), len(want_in)))  # fmt: skip
    raise Mistake("wrong-windows", f"read_through calls `learn` {len(calls)} times with {counted[0]} rows of inputs in "
                  f"all; it should be {len(right)} times with {counted[1]} (texts of "
                  f"{', '.join(str(len(t)) for t in texts)} rows, length = {length}). Call {at + 1} is the first that "
                  "has other inputs.")


def _shifted(texts: list[np.ndarray], inputs: np.ndarray, by: int) -> np.ndarray:
    """What stands `by` rows after these inputs, where that is inside a text."""
    for text in texts:
        for start in range(len(text) - len(inputs) + 1):
            if text.shape[1:] == inputs.shape[1:] and np.array_equal(text[start : start + len(inputs)], inputs):
                return text[start + by : start + by + len(inputs)]
    return inputs[:0]


def _states(calls: list[Call], texts: list[np.ndarray], length: int) -> None:
    """Raise where `learn` got another state."""
    known, right = [c[2] for c in calls], [c[2] for c in right_calls(texts, length)]
    if known == right:
        return
    firsts = [k for k, r in enumerate(right) if r == -1]
    inner = [k for k, r in enumerate(right) if r != -1]
    if inner and all(known[k] == -1 for k in inner):
        raise Mistake("state-not-carried", "read_through gives None as the state of every window, so that each forgets "
                      "what was before. Pass on what `learn` returned.")
    if inner and all(known[k] == -1 for k in firsts):
        if all(known[k] == max(f for f in firsts if f < k) for k in inner):
            raise Mistake("state-kept-from-first", "read_through gives all windows of a text the state after its "
                          "*first* one; each gets what `learn` returned for the window before it.")
        if all(known[k] in (k - 2, -1) for k in inner):
            raise Mistake("state-late", "read_through gives each window the state from *two* windows before: take over "
                          "what `learn` returns at once.")
    if known[0] == -1 and all(known[k] == k - 1 for k in firsts if k) and all(known[k] == right[k] for k in inner):
        raise Mistake("state-not-reset", "read_through carries the state from one text into the next. A new text "
                      "begins with a state of None: set it inside the loop over the texts.")
    if any(known[k] == -2 for k in firsts):
        raise Mistake("first-state-not-none", "read_through begins a text with something else than None; `learn` makes "
                      "a state of zeros of None.")
    if any(known[k] == -2 for k in inner):
        raise Mistake("another-state", "read_through passes on something else than the state that `learn` returned. "
                      "`learn` returns (loss, state): take the second whole, it is a tuple itself.")
    at = next(k for k, (a, b) in enumerate(zip(known, right, strict=True)) if a != b)
    want = "None" if right[at] == -1 else f"what call {right[at] + 1} returned"
    raise Mistake("wrong-state", f"Call {at + 1} of `learn` should get the state {want}; read_through gives it "
                  + ("None." if known[at] == -1 else f"what call {known[at] + 1} returned."))


def _mean(got: float, calls: list[Call], losses: Sequence[float], texts: list[np.ndarray]) -> None:
    used = np.asarray(losses[: len(calls)])
    sizes = np.array([c[1].size for c in calls])
    rows = np.array([len(c[1]) for c in calls])
    right = float(np.average(used, weights=sizes))
    if close(np.array(got), np.array(right)):
        return
    total, n_all = float((used * sizes).sum()), sum(t.size for t in texts)
    per_text = []
    k = 0
    for text in texts:
        own = 0
        while k + own < len(calls) and (own == 0 or calls[k + own][2] != -1):
            own += 1
        per_text.append(float(np.average(used[k : k + own], weights=sizes[k : k + own])))
        k += own
        del text
    for name, wrong, hint in (
        ("mean-of-means", used.mean(), "read_through takes the mean over the windows. A short last window has fewer "
         "characters and counts less: add loss · targets.size and divide by all characters."),
        ("rows-for-characters", np.average(used, weights=rows), "read_through weights each window by its rows. Texts "
         "have different numbers of columns: count characters, `targets.size`."),
        ("summed", used.sum(), "read_through returns the sum of the windows' losses; return the mean of a character."),
        ("summed", total, "read_through returns the sum over all characters; divide by their number."),
        ("last-loss", used[-1], "read_through returns the loss of the last window; return the mean of all."),
        ("first-characters-counted", total / n_all, "read_through divides by all characters of the texts; the first "
         "row of each is no target, so it was not predicted and does not count."),
        ("mean-of-texts", np.mean(per_text), "read_through takes the mean over the texts; a long text has more "
         "characters and counts more."),
        ("last-text-only", per_text[-1], "read_through returns the mean of the last text alone: begin the sum before "
         "the loop over the texts."),
        ("divided-by-windows", total / len(calls), "read_through divides the sum over all characters by the number of "
         "windows; divide by the number of characters."),
        ("divided-by-characters", used.sum() / sizes.sum(), "The losses of the windows are means already; multiply "
         "each by its number of characters before you divide by all of them."),
        ("divided-by-rows", total / rows.sum(), "read_through divides by the number of rows; each row has a character "
         "in every column."),
        ("weights-in-equal-parts", float((used * rows).sum() / sizes.sum()), "read_through weights each window by its "
         "rows and divides by characters; count characters in both."),
    ):  # fmt: skip
        if close(np.array(got), np.array(float(wrong))):
            raise Mistake(name, hint)
    raise Mistake("differs", f"read_through returns {got:.6g}; the mean loss of a character is {right:.6g}.")


@check("read_through", "C1")
def read_through(read_through: Any, *, seed: int = 0) -> Iterator[str]:
    """Every window once, in order, with the right state; and the mean of all characters."""
    cases = text_cases(seed)
    seen = ask(probes.windows, read_through, cases)
    recorded = []
    for k, (texts, length, _) in enumerate(cases):
        here = seen.part(k)
        if k == 0:
            here["mean"]  # an error of the student's comes first
        recorded.append(_recorded(here))
        _windows(recorded[k], texts, length)
    yield "every character but the first is a target once, in windows of `length`, the last one shorter"
    for k, (texts, length, _) in enumerate(cases):
        _states(recorded[k], texts, length)
    yield "the state is carried over between windows, and None where a text begins"
    for k, (texts, _, losses) in enumerate(cases):
        got = number(seen.part(k)["mean"], "what read_through returns")
        _mean(got, recorded[k], losses, texts)
    yield "the mean of all characters"


# Bits --------------------------------------------------------------------------------------------------------------


def bits_cases(seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng([seed, 91])
    found = []
    for n, scale, dtype in ((0, 1.5, np.float64), (1, 1.0, np.float64), (0, 2.0, np.float32), (0, 500.0, np.float64)):
        a, letters = primes(rng, 2, 5, 13)
        logits = rng.normal(0, scale, (n or a, letters))
        if scale > 100:
            logits = np.clip(logits, -1000, 1000) + 0.0
            logits[0, :2] = 1000, -1000
        found.append((logits.astype(dtype), rng.integers(letters, size=n or a)))
    found[3][1][0] = 1
    return found


def log_softmax(logits: Any, axis: int = 1) -> np.ndarray:
    z = np.asarray(logits, dtype=float)
    z = z - z.max(axis=axis, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=axis, keepdims=True))


def right_bits(logits: Any, targets: Any) -> float:
    return -float(log_softmax(logits)[np.arange(len(targets)), targets].mean() / np.log(2))


@check("bits_per_character", "C2")
def bits_per_character(bits_per_character: Any, *, seed: int = 0) -> Iterator[str]:
    """Mean of −log₂ p of the targets, also for logits of ±1000."""
    cases = bits_cases(seed)
    names = ("logits", "targets")
    seen = ask(probes.function_calls, "bits_per_character", bits_per_character, names, cases)
    said = ("a usual text", "a single character", "float32", "logits of ±1000")
    who = "bits_per_character"
    for k, ((logits, targets), words) in enumerate(zip(cases, said, strict=True)):
        found = array(seen[str(k)], "the result of bits_per_character")
        right = right_bits(logits, targets)
        if found.size != 1:
            raise Mistake("not-averaged", f"{who} returns {found.size} numbers; return their mean, one number.")
        got = float(found.reshape(()))
        if not np.isfinite(got):
            raise Mistake("overflow", f"{who} is {got} for {words}: e^1000 is infinite, and the logarithm of a p that "
                          "has become 0 is, too. Subtract the row's maximum and use log p = z − log Σ e^z.")
        if not close(np.array(got), np.array(right)):
            _wrong_bits(got, right, logits, targets, words)
        yield words


def _wrong_bits(got: float, right: float, logits: np.ndarray, targets: np.ndarray, words: str) -> None:
    who, n, z = "bits_per_character", len(targets), np.asarray(logits, dtype=float)
    log_p, at = log_softmax(z), np.arange(len(targets))
    p, letters = np.exp(log_p), z.shape[1]
    own = log_p[at, targets]
    rows: list[tuple[str, Any, str]] = [
        ("nats", right * np.log(2), "is in nats, with the natural logarithm; divide by ln 2, or take `np.log2`."),
        ("multiplied-by-log-2", right * np.log(2) ** 2, "is multiplied by ln 2; divide by it: log₂ p = ln p / ln 2."),
        ("log-10", right * np.log10(2), "is with the logarithm to the base 10; bits are to the base 2."),
        ("sign-flipped", -right, "has the wrong sign: bits are −log₂ p, which is never negative."),
        ("summed", right * n, "is the sum; return the mean over the n places."),
        ("divided-by-letters", right * n / (n * letters), "is divided by the number of letters, too: the mean is over "
         "the n places."),
        ("perplexity", 2.0**right if right < 900 else np.nan, "is 2 to the power of the bits (the perplexity)."),
        ("perplexity", np.exp(min(700, right * np.log(2))), "is e to the power of the loss (the perplexity)."),
        ("mean-inside-log", -np.log2(max(1e-300, p[at, targets].mean())), "takes the logarithm of the mean "
         "probability; take the mean of the logarithms."),
        ("entropy", -(p * log_p).sum(axis=1).mean() / np.log(2), "is the entropy of the probabilities; only that of "
         "the target counts, −log₂ p[target]."),
        ("softmax-missing", -z[at, targets].mean(), "uses the logits themselves; a softmax makes probabilities of them "
         "first."),
        ("softmax-missing", -(z[at, targets]).mean() / np.log(2), "uses the logits themselves; a softmax makes "
         "probabilities of them first."),
        ("probability-for-bits", p[at, targets].mean(), "is the mean probability; bits are its −log₂."),
        ("wrong-axis", -log_softmax(z, 0)[at, targets].mean() / np.log(2), "takes the softmax over the places; it runs "
         "over the letters, `axis=1`."),
        ("argmax-for-target", -log_p.max(axis=1).mean() / np.log(2), "takes the most probable letter in place of the "
         "target."),
        ("one-place-only", -own[0] / np.log(2), "is that of the first place alone; take the mean."),
        ("one-place-only", -own[-1] / np.log(2), "is that of the last place alone; take the mean."),
        ("all-pairs", -log_p[:, targets].mean() / np.log(2), "pairs every place with every target: `logits[:, "
         "targets]`. Write `[np.arange(n), targets]`."),
    ]  # fmt: skip
    for epsilon in (1e-12, 1e-10, 1e-9, 1e-8, 1e-15, 1e-7, 1e-6, 1e-16, 1e-300, float(np.finfo(float).tiny),
                    float(np.finfo(float).eps)):  # fmt: skip
        for clipped in (np.maximum(p[at, targets], epsilon), p[at, targets] + epsilon):
            rows.append(("clipped", -np.log2(clipped).mean(), "takes the logarithm of a p that is kept away from 0 by "
                         "a small number: for logits of ±1000 the bits come out far too small. Use log p = z − log Σ "
                         "e^z, with z minus the row's maximum."))  # fmt: skip
    for name, wrong, hint in rows:
        if close(np.array(got), np.array(float(wrong))):
            raise Mistake(name, f"What {who} returns {hint}")
    raise Mistake("differs", f"{who} returns {got:.6g} for {words}; it should be {right:.6g}.")
