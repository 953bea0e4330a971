"""What runs beside the student's code when an exercise of `remember` is checked."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core.probe import Seen, copied, run

Case = Sequence[np.ndarray]


def unpacked(seen: Seen, what: str, found: Any, count: int) -> Sequence[Any] | None:
    """What a function returned, if that is so many things; else None, and what it was is noted."""
    if isinstance(found, tuple | list) and len(found) == count:
        return found
    seen["what"] = what
    seen["count"] = len(found) if isinstance(found, tuple | list) else 1
    seen["odd"] = None if found is None else found
    return None


def function_calls(seen: Seen, what: str, function: Any, inputs: Sequence[str], cases: Sequence[Case]) -> None:
    """A plain function: its result for each case, under "0", "1", …; and once more for the first, under "again"."""
    for number, case in enumerate(cases):
        seen[str(number)] = run(what, function, *copied(list(case)), inputs=inputs)
    seen["again"] = run(what, function, *copied(list(cases[0])), inputs=inputs)


STEP = {
    "rnn_step": ("x", "h", "W", "U", "b"),
    "lstm_step": ("x", "h", "c", "W", "U", "b"),
    "block": ("x", "W1", "b1", "W2", "b2"),
}
"""The arguments of a function that also returns what its backward needs."""


def steps(seen: Seen, what: str, step: Any, outputs: int, cases: Sequence[Case]) -> None:
    """`outputs` of a step, without what it keeps."""
    _outputs(seen, what, step, outputs, outputs + 1, STEP[what], cases)


def backwards(
    seen: Seen, what: str, step: Any, backward: Any, outputs: int, results: int, asked: Sequence[dict[str, Any]]
) -> None:
    """A step and its backward. asked: "case", arrays for the step; "other", more for a second step, which is made
    before the backward of the first; "grads", for the outputs."""
    back = f"{what}_backward"
    for number, one in enumerate(asked):
        here = seen.part(number)
        first = unpacked(here, what, run(what, step, *copied(list(one["case"]))), outputs + 1)
        second = run(what, step, *copied(list(one["other"])))
        if first is None:
            return
        inputs = ("grad",) if outputs == 1 else ("grad_h", "grad_c")
        for again in ("", "again "):
            found = run(back, backward, *copied(list(one["grads"])), first[-1], inputs=inputs)
            found = unpacked(here, back, found, results)
            if found is None:
                return
            for i in range(results):
                here[f"{again}{i}"] = found[i]
        del second


def through_time(seen: Seen, step: Any, backward: Any, asked: Sequence[dict[str, Any]]) -> None:
    """rnn_step over all steps, and rnn_backward of what was kept. asked: x (T, N, D), h, W, U, b and grad_h."""
    for number, one in enumerate(asked):
        here, h, kept = seen.part(number), one["h"].copy(), []
        weights = [one[name] for name in "WUb"]
        for x in one["x"]:
            found = unpacked(here, "rnn_step", run("rnn_step", step, x.copy(), h, *copied(weights)), 2)
            if found is None:
                return
            h = found[0]
            kept.append(found[1])
        result = run("rnn_backward", backward, one["grad_h"].copy(), kept, inputs=("grad_h",))
        found = unpacked(here, "rnn_backward", result, 4)
        if found is None:
            return
        for i in range(4):
            here[i] = found[i]


def clipping(seen: Seen, clip: Any, cases: Sequence[tuple[list[np.ndarray], float]]) -> None:
    """The clipped gradients, as one long array each, and the norm."""
    for number, (gradients, most) in enumerate(cases):
        here = seen.part(number)
        found = unpacked(here, "clip_by_norm", run("clip_by_norm", clip, copied(gradients), most), 2)
        if found is None:
            return
        here["norm"], clipped = found[1], found[0]
        with contextlib.suppress(Exception):
            if np.ndim(clipped) == 0 and isinstance(found[1], tuple | list):
                here["exchanged"] = True
        if isinstance(clipped, tuple | list):
            here["count"] = len(clipped)
            for i, one in enumerate(clipped):
                here[i] = one
        else:
            here["clipped"] = clipped


def starts(seen: Seen, start: Any, sizes: Sequence[tuple[int, int, float]], seeds: tuple[int, int]) -> None:
    """W, U and b of new LSTMs: of each size, of the first one again from the same seed, and from another."""
    first, other = seeds
    asked = [*((size, first) for size in sizes), (sizes[0], first), (sizes[0], other)]
    for number, (size, seed) in enumerate(asked):
        here = seen.part(number)
        result = run("lstm_start", start, *size, np.random.default_rng(seed))
        found = unpacked(here, "lstm_start", result, 3)
        if found is None:
            return
        for i in range(3):
            here[i] = found[i]


def windows(seen: Seen, read: Any, cases: Sequence[tuple[list[np.ndarray], int, Sequence[float]]]) -> None:
    """What `learn` was called with: inputs, targets, and the number of the call whose state came back (−1 for None, −2
    for anything else). Each case: texts, length, and the losses of its calls."""
    for number, (texts, length, losses) in enumerate(cases):
        here = seen.part(number)
        calls: list[Any] = []

        def learn(
            inputs: Any, targets: Any, state: Any, calls: list[Any] = calls, losses: Sequence[float] = losses
        ) -> tuple[float, tuple[np.ndarray, np.ndarray]]:
            """Notes what it gets."""
            known = -2
            with contextlib.suppress(Exception):
                if state is None:
                    known = -1
                elif len(state) == 2 and [np.shape(one) for one in state] == [(2, 3)] * 2:
                    known = int(np.asarray(state[0])[0, 0])
            calls.append((np.array(inputs), np.array(targets), known))
            mark = np.full((2, 3), float(len(calls) - 1))
            return losses[(len(calls) - 1) % len(losses)], (mark, mark.copy())

        found = run("read_through", read, learn, copied(texts), length)
        here["calls"] = [(inputs, targets, known) for inputs, targets, known in calls]
        here["mean"] = found


def attention_backward(seen: Seen, attend: Any, backward: Any, cases: Sequence[Case]) -> None:
    """attend, and its backward. Each case: q, k, v, and the gradient for y."""
    for number, (q, k, v, grad) in enumerate(cases):
        here = seen.part(number)
        found = unpacked(here, "attend", run("attend", attend, *copied([q, k, v])), 2)
        if found is None:
            return
        result = run("attend_backward", backward, *copied([grad, q, k, v]), found[1], inputs=("grad", "q", "k", "v"))
        three = unpacked(here, "attend_backward", result, 3)
        if three is None:
            return
        for i in range(3):
            here[i] = three[i]


def outputs(seen: Seen, what: str, function: Any, count: int, inputs: Sequence[str], cases: Sequence[Case]) -> None:
    """A function that returns so many arrays, under 0/0, 0/1, …, and once more for the first case; under "later"
    what the last ones are after a call with other numbers."""
    _outputs(seen, what, function, count, count, inputs, cases)


def _outputs(
    seen: Seen, what: str, function: Any, noted: int, count: int, inputs: Sequence[str], cases: Sequence[Case]
) -> None:
    last: Sequence[Any] = ()
    for number, case in enumerate([*cases, cases[0]]):
        here = seen.part(number)
        found = unpacked(here, what, run(what, function, *copied(list(case)), inputs=inputs), count)
        if found is None:
            return
        last = found
        for i in range(noted):
            here[i] = found[i]
    run(what, function, *[0.5 * one for one in cases[0]])
    for i in range(noted):
        seen.part("later")[i] = last[i]


def projections(seen: Seen, project: Any, cases: Sequence[tuple[np.ndarray, list[Any]]]) -> None:
    """What project makes of each case."""
    for number, (y, stages) in enumerate(cases):
        seen[str(number)] = run("project", project, y.copy(), copied(stages), inputs=("y", "stages"))


def character_models(
    seen: Seen, functions: Sequence[Any], texts: Sequence[np.ndarray], held_out: np.ndarray, letters: int, length: int,
    lr: float, units: int, seed: int,
) -> None:
    """A small RNN and a small LSTM learn texts with the student's functions. Under "RNN" and "LSTM": "bits" after each
    text, whether W, U, b and the readout "moved", how many "windows" `learn` saw and how many "carried" a state."""
    from helpers.zoo import unrolled

    names = ("rnn_step", "rnn_step_backward", "rnn_backward", "lstm_step", "lstm_step_backward", "lstm_start",
             "read_through", "clip_by_norm")  # fmt: skip
    own = {name: partial(run, name, function) for name, function in zip(names, functions, strict=True)}
    rng, most = np.random.default_rng(seed), units**-0.5
    W, U = (rng.uniform(-most, most, (n, units)) for n in (letters, units))
    nets = {
        "RNN": lambda: unrolled.Unrolled(own["rnn_step"], own["rnn_step_backward"], (W, U, np.zeros(units)), letters,
                                         1, own["rnn_backward"], seed),
        "LSTM": lambda: unrolled.Unrolled(own["lstm_step"], own["lstm_step_backward"],
                                          own["lstm_start"](letters, units, 1.0, rng), letters, 2, seed=seed),
    }  # fmt: skip
    for kind, make in nets.items():
        here = seen.part(kind)
        net = make()
        before, readout = [a.copy() for _, a in net.cell.parameters()], net.readout.weight.copy()
        states: list[bool] = []

        def read(learn: Any, some: Any, size: int, states: list[bool] = states) -> Any:
            def noting(inputs: Any, targets: Any, state: Any) -> Any:
                states.append(state is not None)
                return learn(inputs, targets, state)

            return own["read_through"](noting, some, size)

        curve = run(f"the training of the {kind}", unrolled.train_characters, net, read, own["clip_by_norm"], texts,
                    held_out, lr, length, 1.0, 1)  # fmt: skip
        here["bits"] = np.array([bits for _, bits in curve])
        for old, (name, new) in zip(before, net.cell.parameters(), strict=True):
            here[f"{name} moved"] = bool((old != new).any())
        here["readout moved"] = bool((readout != net.readout.weight).any())
        here["windows"], here["carried"] = len(states), sum(states)
