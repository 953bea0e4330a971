"""Checks of Part E of `remember`: a residual block and its backward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.check.core.ask import ask
from helpers.check.core.cases import primes
from helpers.check.core.compare import Hypothesis
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.report import check
from helpers.check.remember import probes
from helpers.check.remember.results import Whole, counted, kept_apart, parts, same_again, verify_parts
from helpers.check.remember.rnn import KEPT

ARGUMENTS = ("x", "W1", "b1", "W2", "b2")
FIVE = ("g_x", "g_W1", "g_b1", "g_W2", "g_b2")
Arrays = tuple[np.ndarray, ...]


def cases(seed: int) -> list[tuple[Arrays, Arrays, np.ndarray, str, str]]:
    """(arguments, other ones, gradient for y, words, dtype)."""
    rng, found = np.random.default_rng([seed, 110]), []
    for words in ("a usual batch", "a batch of one", "float32", "large inputs"):
        n, m = primes(rng, 2, 5, 13)
        n = 1 if words == "a batch of one" else n
        shapes, scale = ((n, m), (m, m), (m,), (m, m), (m,)), 300.0 if words == "large inputs" else 1.0
        spreads = (scale, 0.6, 0.5, 0.6, 0.5)
        case, other = (tuple(map(rng.normal, (0,) * 5, spreads, shapes)) for _ in range(2))
        found.append((case, other, rng.normal(size=(n, m)), words, "float32" if words == "float32" else "float64"))
    return found


def relu(z: Any) -> Any:
    return np.maximum(z, 0)


def right_block(x: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> np.ndarray:
    return relu(x + relu(x @ W1 + b1) @ W2 + b2)


def wrong_blocks(x: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> list[Hypothesis]:
    before = x @ W1 + b1
    hidden = relu(before)
    f = hidden @ W2 + b2
    rows = [
        ("skip-after-activation", x + relu(f), "block adds x *after* the last ReLU; "
         "it is added before: ReLU(x + F(x))."),
        ("skip-missing", relu(f), "block does not add x: ReLU(F(x)) is a plain block."),
        ("last-relu-missing", x + f, "block has no ReLU at the end: ReLU(x + F(x))."),
        ("inner-relu-missing", relu(x + before @ W2 + b2), "block has no ReLU between its two layers: two layers "
         "without one are a single linear layer."),
        ("relus-missing", x + before @ W2 + b2, "block has no ReLU at all; there are two, one between the layers and "
         "one at the end."),
        ("skip-and-last-relu-missing", f, "block adds no x and has no ReLU at the end: ReLU(x + F(x))."),
        ("skip-of-hidden", relu(hidden + f), "block adds what the first layer gives; it adds its input x."),
        ("skip-of-hidden", relu(before + f), "block adds what the first layer gives; it adds its input x."),
        ("skip-twice", relu(2 * x + f), "block adds x twice."),
        ("relu-on-skip", relu(relu(x) + f), "block puts a ReLU on x before it adds it; x is added as it is."),
        ("relu-on-both", relu(x) + relu(f), "block takes ReLU of x and of F(x) and adds; take it once, of the sum."),
        ("relu-before-sum", relu(x + relu(f)), "block takes a ReLU of F(x) before x is added; F ends with W2 and b2, "
         "and the ReLU comes after the sum."),
        ("relu-before-layers", x + relu(relu(x) @ W1 + b1) @ W2 + b2, "block takes a ReLU before each layer and none "
         "of the sum; here there is one between the layers, and one of x + F(x)."),
        ("bias-missing", relu(x + relu(x @ W1) @ W2 + b2), "block leaves out b1."),
        ("bias-missing", relu(x + hidden @ W2), "block leaves out b2."),
        ("bias-missing", relu(x + relu(x @ W1) @ W2), "block leaves out both biases."),
        ("biases-exchanged", relu(x + relu(x @ W1 + b2) @ W2 + b1), "block exchanges b1 and b2."),
        ("weights-exchanged", relu(x + relu(x @ W2 + b1) @ W1 + b2), "block exchanges W1 and W2."),
        ("weights-exchanged", relu(x + relu(x @ W2 + b2) @ W1 + b1), "block exchanges the two layers."),
        ("weight-used-twice", relu(x + relu(x @ W1 + b1) @ W1 + b2), "block uses W1 in both layers."),
        ("weights-transposed", relu(x + relu(x @ W1.T + b1) @ W2.T + b2), "block uses W1 and W2 transposed; weights "
         "are (inputs, outputs): `x @ W1`."),
        ("weights-transposed", relu(x + relu(x @ W1 + b1) @ W2.T + b2), "block uses W2 transposed; weights are "
         "(inputs, outputs): `hidden @ W2`."),
        ("weights-transposed", relu(x + relu(x @ W1.T + b1) @ W2 + b2), "block uses W1 transposed; weights are "
         "(inputs, outputs): `x @ W1`."),
        ("tanh-for-relu", np.tanh(x + np.tanh(before) @ W2 + b2), "block uses tanh; the text asks for ReLU."),
        ("halved", relu(0.5 * (x + f)), "block takes the mean of x and F(x); it adds them."),
        ("skip-subtracted", relu(f - x), "block subtracts x; it is added."),
        ("skip-multiplied", relu(x * f), "block multiplies x by F(x); it adds them."),
        ("one-layer", relu(x + hidden), "block has one layer; there are two, with W1 and W2."),
        ("skip-before-layers", relu(x + relu(x + before) @ W2 + b2), "block adds x inside, before the second layer, "
         "too; it is added once, at the end."),
        ("skip-before-layers", relu(relu(x + before) @ W2 + b2), "block adds x before the second layer; it is added "
         "around both, at the end."),
    ]  # fmt: skip
    return [Hypothesis(*row) for row in rows]


@check("block", "E1")
def block(block: Any, *, seed: int = 0) -> Iterator[str]:
    """ReLU(x + F(x)), and something that is kept."""
    tried = cases(seed)
    seen = ask(probes.steps, "block", block, 1, [[a.astype(dtype) for a in case] for case, *_, dtype in tried])
    for i, (case, _, _, words, _) in enumerate(tried):
        here = seen.part(i)
        counted(here, "y and what is kept", 2)
        n, m = case[0].shape
        verify_parts(parts(here, ["y"], "block"), [right_block(*case)], ["y"], "block", single={0: wrong_blocks(*case)},
                     sizes={"batch size": n, "width": m})  # fmt: skip
        yield words
    same_again(parts(seen.part(0), ["y"], "block"), parts(seen.part(len(tried)), ["y"], "block"), "block")
    kept_apart(seen, ["y"], "block")


def backward(grad: Any, case: Any, **changed: Any) -> list[np.ndarray]:
    """All five; changed: pieces that a mistake computes differently, as functions of all that there is."""
    x, W1, b1, W2, b2 = case
    before = x @ W1 + b1
    hidden = relu(before)
    total = x + hidden @ W2 + b2
    have: dict[str, Any] = {"x": x, "W1": W1, "W2": W2, "before": before, "hidden": hidden, "f": total - x,
                            "total": total, "y": relu(total), "grad": grad}  # fmt: skip

    def piece(name: str, right: Any) -> Any:
        have[name] = changed[name](have) if name in changed else right(have)
        return have[name]

    piece("g", lambda v: v["grad"] * (v["total"] > 0))
    piece("inside", lambda v: (v["g"] @ v["W2"].T) * (v["hidden"] > 0))
    gx = piece("gx", lambda v: v["g"] + v["inside"] @ v["W1"].T)
    gw2 = piece("gw2", lambda v: v["hidden"].T @ v["g"])
    gb2 = piece("gb2", lambda v: v["g"].sum(axis=0))
    return [gx, x.T @ have["inside"], have["inside"].sum(axis=0), gw2, gb2]


def wrong_backs(grad: Any, case: Any) -> Whole:
    rows: list[tuple[str, dict[str, Any], str]] = [
        ("skip-missing", {"gx": lambda v: v["inside"] @ v["W1"].T}, "passes nothing past F: g_x = g + (through F). "
         "That first term is what makes deep networks trainable."),
        ("path-through-F-missing", {"gx": lambda v: v["g"]}, "passes only what goes past F to x; x also acts through "
         "F: + inside W1ᵀ."),
        ("skip-not-masked", {"gx": lambda v: v["grad"] + v["inside"] @ v["W1"].T}, "lets `grad` go past F as it came; "
         "both ways begin behind the last ReLU, which lets nothing through where x + F(x) < 0."),
        ("last-relu-ignored", {"g": lambda v: v["grad"]}, "ignores the last ReLU: where x + F(x) is negative, nothing "
         "passes."),
        ("inner-relu-ignored", {"inside": lambda v: v["g"] @ v["W2"].T}, "ignores the ReLU between the layers: where x "
         "W1 + b1 is negative, nothing passes."),
        ("relus-ignored", {"g": lambda v: v["grad"], "inside": lambda v: v["g"] @ v["W2"].T}, "ignores both ReLUs: "
         "where their inputs are negative, nothing passes. (Behind a ReLU `>= 0` holds everywhere; it is `> 0`.)"),
        ("mask-of-F", {"g": lambda v: v["grad"] * (v["f"] > 0)}, "takes the last ReLU's mask from F(x); its input is x "
         "+ F(x)."),
        ("mask-of-x", {"g": lambda v: v["grad"] * (v["x"] > 0)}, "takes the last ReLU's mask from x; its input is x + "
         "F(x)."),
        ("mask-of-x", {"inside": lambda v: (v["g"] @ v["W2"].T) * (v["x"] > 0)}, "takes the inner ReLU's mask from x; "
         "its input is x W1 + b1."),
        ("mask-of-y", {"inside": lambda v: (v["g"] @ v["W2"].T) * (v["y"] > 0)}, "takes the inner ReLU's mask from y; "
         "its input is x W1 + b1."),
        ("mask-by-gradient", {"inside": lambda v: relu(v["g"] @ v["W2"].T)}, "cuts the *gradient* where it is "
         "negative; the inner ReLU lets it pass, whatever its sign, where x W1 + b1 was positive."),
        ("mask-by-gradient", {"g": lambda v: relu(v["grad"])}, "cuts the *gradient* where it is negative; the last "
         "ReLU lets it pass, whatever its sign, where x + F(x) was positive."),
        ("activation-for-mask", {"g": lambda v: v["grad"] * v["y"]}, "multiplies by y itself; the slope of ReLU is 0 "
         "or 1: (y > 0)."),
        ("activation-for-mask", {"inside": lambda v: (v["g"] @ v["W2"].T) * v["hidden"]}, "multiplies by the hidden "
         "units themselves; the slope of ReLU is 0 or 1: (hidden > 0)."),
        ("not-transposed", {"inside": lambda v: (v["g"] @ v["W2"]) * (v["hidden"] > 0)}, "uses W2 itself; backward "
         "needs it transposed, `g @ W2.T`."),
        ("not-transposed", {"gx": lambda v: v["g"] + v["inside"] @ v["W1"]}, "uses W1 itself for g_x; backward needs "
         "it transposed, `inside @ W1.T`."),
        ("not-transposed", {"inside": lambda v: (v["g"] @ v["W2"]) * (v["hidden"] > 0),
         "gx": lambda v: v["g"] + v["inside"] @ v["W1"]}, "uses W1 and W2 themselves; backward needs them transposed."),
        ("weights-exchanged", {"inside": lambda v: (v["g"] @ v["W1"].T) * (v["hidden"] > 0)}, "goes back through W1 "
         "first; the second layer comes first on the way back: W2."),
        ("hidden-before-relu", {"gw2": lambda v: v["before"].T @ v["g"]}, "takes the hidden units *before* their ReLU "
         "for g_W2; the second layer got them after it."),
        ("x-for-hidden", {"gw2": lambda v: v["x"].T @ v["g"]}, "takes x for g_W2; the second layer's input are the "
         "hidden units."),
        ("transposed", {"gw2": lambda v: v["g"].T @ v["hidden"]}, "has g_W2 transposed; weights are (inputs, outputs): "
         "`hidden.T @ g`."),
        ("last-relu-ignored", {"gw2": lambda v: v["hidden"].T @ v["grad"]}, "takes `grad` for g_W2, without the last "
         "ReLU's mask."),
        ("last-relu-ignored", {"gb2": lambda v: v["grad"].sum(axis=0)}, "takes `grad` for g_b2, without the last "
         "ReLU's mask."),
        ("skip-twice", {"gx": lambda v: 2 * v["g"] + v["inside"] @ v["W1"].T}, "adds g twice in g_x."),
        ("ways-multiplied", {"gx": lambda v: v["g"] * (v["inside"] @ v["W1"].T)}, "multiplies the two ways; gradients "
         "that come back on several ways add up."),
        ("skip-masked-twice", {"gx": lambda v: (v["g"] + v["inside"] @ v["W1"].T) * (v["hidden"] > 0)
                               if v["hidden"].shape == v["x"].shape else np.nan * v["x"]}, "puts the inner ReLU's "
         "mask on g_x as a whole. That mask belongs to the hidden units, inside of F; what goes past F, g, does not "
         "meet that ReLU: g_x = g + inside W1ᵀ."),
        ("skip-into-F", {"inside": lambda v: (v["g"] @ v["W2"].T + v["g"]) * (v["hidden"] > 0)}, "adds g inside of F, "
         "too; it goes past F, straight to x."),
    ]  # fmt: skip
    return [(name, backward(grad, case, **changed), f"block_backward {hint}") for name, changed, hint in rows]


def singles(grad: Any, case: Any) -> dict[int, list[Hypothesis]]:
    x, W1, b1, W2, _ = case
    n, mean = len(x), "block_backward takes the mean over the batch; the loss is a mean already, so here it is the sum."
    right = backward(grad, case)
    hidden = relu(x @ W1 + b1)
    g = grad * (right_block(*case) > 0)
    inside = (g @ W2.T) * (hidden > 0)
    found: dict[int, list[Hypothesis]] = {k: [] for k in range(5)}
    for k in (1, 2, 3, 4):
        if n > 1:
            found[k].append(Hypothesis("divided-by-batch-size", right[k] / n, mean))
    for k, name, summed in ((2, "g_b1", inside), (4, "g_b2", g)):
        if n > 1:
            found[k].append(Hypothesis("not-summed", summed, f"{name} of block_backward is not summed over the batch: "
                                       "`.sum(axis=0)`."))  # fmt: skip
        found[k].append(Hypothesis("summed-over-units", summed.sum(axis=1), f"{name} of block_backward is summed over "
                                   "the units; sum over the rows, `axis=0`."))  # fmt: skip
    found[1].append(Hypothesis("transposed", inside.T @ x, "block_backward has g_W1 transposed; weights are (inputs, "
                               "outputs): `x.T @ inside`."))  # fmt: skip
    return found


@check("block_backward", "E2", builds_on="block", after="E1")
def block_backward(block: Any, block_backward: Any, *, seed: int = 0) -> Iterator[str]:
    """Five gradients, against finite differences."""
    tried, what = cases(seed), "block_backward"
    asked = [
        {"case": [a.astype(dtype) for a in case], "other": [a.astype(dtype) for a in other],
         "grads": [grad.astype(dtype)]} for case, other, grad, _, dtype in tried
    ]  # fmt: skip
    seen = ask(probes.backwards, "block", block, block_backward, 1, 5, asked)
    for i, (case, other, grad, words, _) in enumerate(tried):
        here = seen.part(i)
        counted(here, ", ".join(FIVE), 5)
        n, m = case[0].shape
        kept = KEPT[1].replace("rnn_step_backward", what)

        def numerical(k: int, case: Any = case, grad: Any = grad) -> np.ndarray:
            def loss(a: np.ndarray) -> float:
                x, W1, b1, W2, b2 = (a if i == k else one for i, one in enumerate(case))
                return float((right_block(x, W1, b1, W2, b2) * grad).sum())

            return numerical_gradient(loss, case[k])

        got = parts(here, FIVE, what)
        whole = [*wrong_backs(grad, case), (KEPT[0], backward(grad, other), kept)]
        verify_parts(got, backward(grad, case), FIVE, what, whole,
                     singles(grad, case), {"batch size": n, "width": m}, numerical)  # fmt: skip
        same_again(got, parts(here, FIVE, what, "again "), what)
        yield words + ("" if i else "; all five agree with finite differences")
