"""The check of Part C's learning curves in `remember`: against bands of 30 seeds, and a training of the check's own."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from helpers.check.core.ask import Answer, array, ask
from helpers.check.core.bands import outside
from helpers.check.core.report import Mistake, check
from helpers.check.remember import probes
from helpers.zoo.sequences import streams
from helpers.zoo.text import encode, halves

BAND = Path(__file__).with_name("character_band.json")
"""Size -> network -> "right" or a mistake -> {"low", "high"}: bits a character on the held-out text, of 30 seeds (6 for
a mistake): `python -m helpers.check.remember.band`."""
KINDS = ("RNN", "LSTM")


@dataclass(frozen=True)
class Size:
    """So many texts, of `characters` each (0: all), in `streams`, with windows of `length`; bits on `held_out`
    characters after every so many texts."""

    texts: int
    every: int
    units: int
    streams: int = 16
    length: int = 32
    lr: float = 4e-3
    characters: int = 0
    held_out: int = 0

    def data(self, seed: int) -> tuple[list[np.ndarray], np.ndarray, int]:
        """(texts, each begun elsewhere, what is held out, the number of letters)."""
        codes, alphabet = encode()
        learned, held_out = halves(codes)
        learned, rng = learned[: self.characters or None], np.random.default_rng(seed)
        texts = [streams(np.roll(learned, int(rng.integers(len(learned)))), self.streams) for _ in range(self.texts)]
        return texts, held_out[: self.held_out or None], len(alphabet)


SIZES = {
    "quick": Size(6, 5, 24),
    "standard": Size(50, 5, 64),
    "own": Size(4, 1, 12, 4, 8, 0.02, 400, 200),
}
"""Those of the notebook, and that of the check's own training."""


@functools.cache
def bands() -> dict[str, Any]:
    return dict(json.loads(BAND.read_text()))


HINTS = {
    "rate-too-small": "So falls a curve whose rate is ten times too small. The given cell trains with Adam at 0.004: "
    "run it unchanged",
    "rate-too-large": "So falls a curve whose rate is ten times too large. The given cell trains with Adam at 0.004: "
    "run it unchanged",
    "cell-not-trained": "So falls a curve where the readout alone learns and W, U and b stay. Look at what {back} "
    "returns for W, U and b, and in which order",
    "gradient-cut": "So falls a curve where no gradient comes back from later steps. In {time}, look at what is handed "
    "on to the step before",
}


@check("The learning curves", "C3", builds_on="Parts A, B and C", after="A1 A2 A3 A4 B1 B2 B3 C1")
def learning_curves(
    curves: Any, rnn_step: Any, rnn_step_backward: Any, rnn_backward: Any, lstm_step: Any, lstm_step_backward: Any,
    lstm_start: Any, read_through: Any, clip_by_norm: Any, *, seed: int = 0,
) -> Iterator[str]:  # fmt: skip
    """The notebook's curves lie in the band of 30 seeds, and so do those of small networks that the check trains."""
    for kind in KINDS:
        found = _recorded(curves, kind)
        _in_band(found, "quick" if len(found) == 2 else "standard", kind, f"The {kind}'s curve")
    yield "your two curves lie in the bands of 30 seeds"
    functions = (rnn_step, rnn_step_backward, rnn_backward, lstm_step, lstm_step_backward, lstm_start, read_through,
                 clip_by_norm)  # fmt: skip
    size = SIZES["own"]
    seen = ask(probes.character_models, functions, *size.data(seed + 3), size.length, size.lr, size.units, seed + 5)
    for kind in KINDS:
        here = seen.part(kind)
        what = f"The curve of a small {kind} that the check trained with your functions"
        own = here.array("bits", f"the bits a character of the {kind}")
        _moved(here, kind)
        _in_band(own, "own", kind, what)
    yield "so do those of small networks that were trained here with your functions"


def _recorded(curves: Any, kind: str) -> np.ndarray:
    """Bits a character of the notebook's record."""
    if not isinstance(curves, dict) or kind not in curves:
        raise Mistake("still-to-do", "Still to do: run the given cell above, which trains with your functions.")
    found = array(curves[kind], f"curves[{kind!r}]")
    if found.ndim != 2 or found.shape[1] != 2 or len(found) not in (2, 10):
        raise Mistake("not-recorded", f"curves[{kind!r}] should be ten pairs of seconds and bits, one for every five "
                      f"texts, and has shape {found.shape}: run the given cell above as it is.")
    return found[:, 1]


def _moved(here: Answer, kind: str) -> None:
    """Raise where something was never changed, or no state was carried on: what a curve alone would not show."""
    still = [name for name in ("W", "U", "b") if not here[f"{name} moved"]]
    if not here["windows"]:
        raise Mistake("learn-not-called", "read_through did not call `learn`, so that nothing was trained.")
    if still and not here["readout moved"]:
        raise Mistake("not-trained", f"A small {kind} was trained with your functions, and nothing in it changed: what "
                      f"clip_by_norm returns is zero.")
    if still:
        name = "rnn_backward" if kind == "RNN" else "lstm_step_backward"
        raise Mistake("cell-not-trained", f"A small {kind} was trained with your functions, and {' and '.join(still)} "
                      f"did not change: what {name} returns as the gradient for it is zero.")
    if not here["carried"]:
        raise Mistake("state-not-carried", "read_through gave None as the state of every window. Pass on what `learn` "
                      "returned.")


def _in_band(bits: np.ndarray, size: str, kind: str, what: str) -> None:
    measured = bands()[size][kind]
    if not np.isfinite(bits).all():
        raise Mistake("not-finite", f"{what} has {bits[~np.isfinite(bits)][0]} in it: a gradient or a logarithm "
                      f"overflowed. Is it clipped?")
    if _inside(bits, measured["right"]):
        return
    name, nothing = "rnn_step_backward" if kind == "RNN" else "lstm_step_backward", math.log2(len(encode()[1]))
    if np.ptp(bits) < 0.02 and abs(bits[0] - nothing) < 0.3:
        raise Mistake("not-trained", f"{what} stays at {bits[-1]:.2f} bits, where it began: nothing is learned. Does "
                      f"read_through call `learn`, and does `clip_by_norm` return gradients that are not zero?")
    where = _where(bits, measured["right"], size, what)
    likely = min(HINTS, key=lambda mistake: _apart(bits, measured[mistake]))
    if (size != "own" or "rate" not in likely) and _inside(bits, measured[likely]):
        time = "rnn_backward" if kind == "RNN" else name
        raise Mistake(likely, f"{where} {HINTS[likely].format(back=name, time=time)}.")
    if bits[-1] > nothing + 0.1:
        raise Mistake("learns-uphill", f"{where} It rises above the {nothing:.2f} bits of knowing nothing: the sign of "
                      f"a gradient is turned around. Look at {name} and clip_by_norm.")
    raise Mistake("outside-the-band", f"{where} Run the checks of A1 to C1 again, and then the given cell as it is: "
                  f"was it run with functions that you have changed since?")


SLACK = 0.05
"""Bits by which a curve may leave its band, besides half of the band's width."""


def _inside(bits: np.ndarray, band: dict[str, list[float]]) -> bool:
    return bool(outside(bits, band, SLACK).mean() <= 0.2)


def _apart(bits: np.ndarray, band: dict[str, list[float]]) -> float:
    """How far a curve is from the middle of a band."""
    middle = (np.asarray(band["low"]) + band["high"]) / 2
    return float(np.abs(bits - middle).mean())


def _where(bits: np.ndarray, band: dict[str, list[float]], size: str, what: str) -> str:
    """Where it is outside, in a sentence."""
    at, chosen = int(outside(bits, band, SLACK).argmax()), SIZES[size]
    texts = min((at + 1) * chosen.every, chosen.texts)
    return (f"{what} is at {bits[at]:.2f} bits after {texts} texts; 30 seeds gave {band['low'][at]:.2f} to "
            f"{band['high'][at]:.2f}.")  # fmt: skip
