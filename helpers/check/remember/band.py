"""python -m helpers.check.remember.band: train the character models of `remember` with 30 seeds, right and with a
mistake, and keep where their curves lie (about 15 minutes)."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from helpers.check.core.bands import band_of
from helpers.check.remember import lstm, rnn
from helpers.check.remember.curves import BAND, KINDS, SIZES, Size
from helpers.zoo import unrolled

SEEDS = 30
OTHERS = 6
"""Seeds of a mistake: its curves are told from the right ones, and need no exact edge."""
Change = dict[str, Any]
MISTAKES: dict[str, Change] = {
    "right": {},
    "rate-too-small": {"rate": 0.1},
    "rate-too-large": {"rate": 10.0},
    "gradient-cut": {"through": 0},
    "cell-not-trained": {"cell": 0},
}


def read(learn: Callable[..., Any], texts: Sequence[np.ndarray], length: int) -> float:
    """The windows of each text; the loss of the last."""
    loss = 0.0
    for text in texts:
        state = None
        for start in range(0, len(text) - 1, length):
            stop = min(start + length, len(text) - 1)
            loss, state = learn(text[start:stop], text[start + 1 : stop + 1], state)
    return loss


def clip(gradients: list[np.ndarray], most: float) -> tuple[list[np.ndarray], float]:
    norm = float(np.sqrt(sum(float((g * g).sum()) for g in gradients)))
    return [g * min(1.0, most / max(norm, 1e-30)) for g in gradients], norm


def model(kind: str, size: Size, letters: int, seed: int, through: int = 1, cell: int = 1) -> unrolled.Unrolled:
    """A network as the notebook makes it; through, cell: 0 to lose the gradient for earlier states or for W, U, b."""
    gates, states = {"RNN": (1, 1), "LSTM": (4, 2)}[kind]
    most, rng = size.units**-0.5, np.random.default_rng([seed, 4])
    W, U = (rng.uniform(-most, most, (n, gates * size.units)) for n in (letters, size.units))
    b = np.zeros(gates * size.units)
    b[size.units : 2 * size.units] = 1.0  # of the LSTM; an RNN has no such rows

    def step(*case: Any) -> Any:
        new = (rnn.step(*case),) if kind == "RNN" else lstm.step(*case)
        return *new, case

    def back(*given: Any) -> Any:
        *gradients, case = given
        found = rnn.back(gradients[0], *case) if kind == "RNN" else lstm.back(gradients[0], gradients[1], case)
        x, earlier, weights = found[0], found[1 : 1 + states], found[1 + states :]
        return x, *(through * g for g in earlier), *(cell * g for g in weights)

    return unrolled.Unrolled(step, back, (W, U, b), letters, states, seed=seed)


def curve(kind: str, size: Size, seed: int, rate: float = 1.0, **changed: Any) -> list[float]:
    """Bits a character on what is held out."""
    texts, held_out, letters = size.data(seed)
    net = model(kind, size, letters, seed, **changed)
    lr = rate * size.lr
    found = unrolled.train_characters(net, read, clip, texts, held_out, lr, size.length, every=size.every)
    return [bits for _, bits in found]


def main() -> None:
    p = argparse.ArgumentParser(prog="python -m helpers.check.remember.band", description=__doc__)
    p.add_argument("--sizes", nargs="+", default=list(SIZES))
    kept = json.loads(BAND.read_text()) if BAND.exists() else {}
    for name in p.parse_args().sizes:
        kept[name] = {kind: {} for kind in KINDS}
        for kind in KINDS:
            for mistake, changed in MISTAKES.items():
                seeds = range(1000, 1000 + (SEEDS if mistake == "right" else OTHERS))
                found = np.array([curve(kind, SIZES[name], seed, **changed) for seed in seeds])
                kept[name][kind][mistake] = band_of(found)
    BAND.write_text(json.dumps(kept) + "\n")


if __name__ == "__main__":
    main()
