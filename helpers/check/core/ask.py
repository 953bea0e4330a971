"""Asking a probe, and reading its answer: plain data in, sentences out.

`ask` runs a probe beside the student's code, wherever that is, once: an answer holds all that the verdict looks at. It
was made beside the student's code and can be forged: so a verdict compares it with what the student's process does not
have, the right result.
"""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from helpers.backend import to_numpy
from helpers.check.core import again
from helpers.check.core import probe as probes
from helpers.check.core.probe import Odd, Probe, copied, is_torch, observed
from helpers.check.core.report import Mistake
from helpers.check.core.student_errors import in_words, own_frames, rebuilt, shapes_there


class Answer:
    """What a probe noted. Asking for what it did not come to raises the Mistake that says why."""

    def __init__(self, reply: Any, advice: Advice | None = None):
        reply = reply if isinstance(reply, dict) else {}
        seen, ended = reply.get("seen"), reply.get("ended")
        fits = isinstance(ended, tuple) and [type(part) for part in ended[:2]] == [str, str] and len(ended) == 3
        self._seen: dict[str, Any] = seen if isinstance(seen, dict) else {}
        self._ended: tuple[str, str, Any] | None = ended if fits else None
        self._before, self._advice = "", advice

    def part(self, name: Any) -> Answer:
        """What was noted under `seen.part(name)`."""
        found = copy.copy(self)
        found._before += f"{name}/"
        return found

    def __contains__(self, name: object) -> bool:
        return f"{self._before}{name}" in self._seen

    def __getitem__(self, name: Any) -> Any:
        """The plain data noted under this name."""
        if name not in self:
            self.finish()
            raise Mistake("check-stumbled", "What the check asked your code for did not come back. Results should be "
                          "plain arrays or numbers, kept under the names that the exercise gives.")
        return self._seen[f"{self._before}{name}"]

    def array(self, name: str, what: str) -> np.ndarray:
        """The array noted under this name, float64; `what` names it in sentences."""
        return array(self[name], what)

    def finish(self) -> None:
        """Raise the Mistake of whatever ended the probe early."""
        if self._ended is not None:
            raise mistake_of(*self._ended, self._advice)


Asks = Callable[[str, float, Sequence[Any]], Any]
"""("module:name" of a probe, seconds, things) -> what `probe.observed` returns."""
_elsewhere: Asks | None = None


@contextlib.contextmanager
def asking(elsewhere: Asks) -> Iterator[None]:
    """Within this block probes run where the student's code is, in another process, which `elsewhere` asks."""
    global _elsewhere
    before, _elsewhere = _elsewhere, elsewhere
    try:
        yield
    finally:
        _elsewhere = before


class Cause(str):
    """What an error means that has no other cause, so that nothing else is looked for."""


Advice = Callable[[BaseException, str], str]
"""(error, what raised it) -> what that usually means in this exercise, a sentence after a space, or nothing."""


def ask(probe: Probe, *things: Any, advice: Advice | None = None) -> Answer:
    """Run `probe(seen, *things)` beside the student's code, and bring back what it noted.

    things: the student's functions, classes and objects, and plain data, which the probe gets a copy of.
    advice: on errors, asked before the general advice.
    """
    given = copied(things)
    again.asked[:] = given if _elsewhere is None else ()
    run: Probe | str = probe
    for other, arguments in again.around:
        run, given = other, (_name(run), *arguments, *given)
    if _elsewhere is None:
        reply: Any = observed(run, probes.SECONDS, given)
    else:
        reply = _elsewhere(_name(run), probes.SECONDS, given)
    told = reply.get("changed") if isinstance(reply, dict) else None
    for name, function in told.items() if isinstance(told, dict) else ():
        if isinstance(name, str) and isinstance(function, str) and name.isidentifier():
            again.changed[name[:80]] = function[:80]
    return Answer(reply, advice=advice)


def _name(probe: Probe | str) -> str:
    return probe if isinstance(probe, str) else f"{probe.__module__}:{probe.__qualname__}"


@contextlib.contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Let each call of probes that are asked inside compute longer: for those that are no small arrays."""
    before = probes.SECONDS
    probes.SECONDS = before if again.around else max(before, seconds)
    try:
        yield
    finally:
        probes.SECONDS = before


def demand_lasting(seen: Answer, what: str) -> None:
    """Mistake where `what`'s first result was changed by its later calls, as `probe.calls` noted them."""
    if repr(seen["0"]) != repr(seen["first, later"]):
        raise Mistake("kept-between-calls", f"What the first call of {what} returned is changed by a later call: both "
                      "return the same object, which outlives the call. Make a new one inside of the function: a "
                      "default argument (`=[]`, `={}`) is made once, when `def` runs, and so is what stands outside.")


# Sentences --------------------------------------------------------------------------------------------------------


def mistake_of(what: str, how: str, about: Any, advice: Advice | None = None) -> Mistake:
    """The Mistake that tells how a probe ended: see `probe.Stopped`."""
    told = about if isinstance(about, str) else ""
    if how == "not defined":
        return Mistake("still-to-do", f"Still to do: {what} is not defined yet; run its cell first.")
    if how == "uncallable":
        return Mistake("not-callable", f"{what} should be a function, but it is of type {told}.")
    if how == "none":
        return Mistake("returns-none", f"{what} is None. Is a `return` or an assignment missing?")
    if how == "attribute missing":
        return Mistake("attribute-missing",
                       f"{what} has no attribute `{told}`. The exercise asks to keep it as `self.{told}`.")
    if how == "method missing":
        return Mistake("method-missing", f"{what} has no method `{told}`. Is it indented inside the class?")
    if how == "read-only":
        return Mistake("read-only",
                       f"`{what}` can neither be changed in place nor assigned ({told}). "
                       f"Keep it as a plain array in `self.{what}`.")
    if how == "input changed":
        return Mistake(
            "input-changed",
            f"{what} changed its input {told} in place. The caller still needs it: compute into a new array "
            "(`a - b`, not `a -= b`; copy before you take entries out or assign to them, or to `.shape`).",
        )
    if how == "too long":
        return Mistake(
            "never-returns",
            f"{what} did not return within {about if isinstance(about, int | float) else 5:g} seconds "
            "on very small arrays. "
            "Look for a loop whose condition never becomes false, such as a counter that is not advanced.",
        )
    return raised(what, rebuilt(about), advice)


def raised(what: str, error: BaseException, advice: Advice | None = None) -> Mistake:
    """The Mistake that tells of an error of the student's code."""
    if isinstance(error, NotImplementedError):
        name, begun = getattr(error, "course_unfinished", ("", False))
        elsewhere = name if name.replace(".", "").isidentifier() and name not in what else ""
        who = f"`{elsewhere}`, which {what} calls," if elsewhere else what
        todo = (
            "comes to its line `raise NotImplementedError`. Write what is missing above it, and delete the line."
            if begun
            else "is not written yet."
        )
        mistake = Mistake("still-to-do", f"Still to do: {who} {todo}")
        mistake.elsewhere = elsewhere
        return mistake
    if isinstance(error, RecursionError):
        return Mistake("calls-itself", f"{what} calls itself endlessly. Look for a call of its own name.")
    meaning = _habit(error) or (advice(error, what) if advice else "") or _advice(error)
    seen = f"{what or 'Your code'} raised {in_words(error)}{_place(error, what)}."
    mistake = Mistake("raises", seen + meaning)
    mistake.seen, mistake.sure = seen, isinstance(meaning, Cause)
    return mistake


def _place(error: BaseException, what: str) -> str:
    """The student's own line that failed, as ' in the line `…`', and their function where that is not `what`, if it is
    known."""
    frame = next(own_frames(error), None)
    if frame is None:
        return ""
    function = f" in `{frame.name}`" if frame.name.isidentifier() and frame.name not in what else ""
    line = (frame.line or "").strip()
    shapes = [f"`{name}` has shape {shape}" for name, shape in shapes_there(error)]
    where = f", where {', '.join(shapes[:-1])}{' and ' if shapes[1:] else ''}{shapes[-1]}" if line and shapes else ""
    return function + (f" in the line `{line}`{where}" if line else "")


_TENSORS = "PyTorch's tensors have: "
_FUNCTION = f"{_TENSORS}there is a function of numpy for it, with the array as its argument"
OF_MODULES = ("train", "eval", "zero_grad", "parameters", "state_dict", "backward")
"""What networks and losses of PyTorch have, and those of the course have not."""
OF_OTHERS = {
    **dict.fromkeys(
        ("softmax", "sigmoid", "tanh", "relu", "exp", "log", "sqrt", "abs", "pow", "norm", "gather", "mul", "div",
         "flip"),
        _FUNCTION,
    ),
    **dict.fromkeys(("detach", "cpu", "numpy", "requires_grad_"), f"{_TENSORS}leave it out"),
    **dict.fromkeys(("float", "double", "long", "to", "type"), f"{_TENSORS}write `.astype(dtype)`"),
    **dict.fromkeys(("mm", "matmul", "bmm"), f"{_TENSORS}write `@`"),
    **dict.fromkeys(("values", "to_numpy", "iloc", "loc"), "pandas' tables have: leave it out"),
    "t": f"{_TENSORS}write `.T`",
    "permute": f"{_TENSORS}write `.transpose`",
    "unsqueeze": f"{_TENSORS}write `[:, None]`",
    "clone": f"{_TENSORS}write `.copy()`",
    "numel": f"{_TENSORS}write `.size`",
    "length": "arrays of other languages have: write `len(x)` or take it from `x.shape`",
}
"""What arrays of other libraries have and numpy's have not, and what to write."""


def _habit(error: BaseException) -> str:
    """What a word of another library in an error's text tells of where the code comes from."""
    text = str(error)
    if isinstance(error, TypeError) and "Tensor" in text and "numpy.ndarray" in text:
        if "unsupported operand" in text:
            return " A numpy array meets an array of another kind: make it from one that is given, of the same kind."
        return (
            " A function of PyTorch is given a numpy array. Use numpy's, or make a tensor of it (`torch.from_numpy`) "
            "and an array of what comes back."
        )
    word = re.search(r"unexpected keyword argument '(dim|keepdim)'", text)
    if word:
        return f" `{word[1]}` is PyTorch's word; numpy's is `{ {'dim': 'axis', 'keepdim': 'keepdims'}[word[1]]}`."
    if "sub-type of ndarray" in text:
        return " `.view` of a numpy array takes a type, PyTorch's a shape: write `.reshape(…)`."
    if "order must be str" in text:
        return " `flatten` of numpy takes no axis to begin at, as PyTorch's does: write `.reshape(len(x), -1)`."
    missing = re.search(r"'numpy\.(?:ndarray|float64|float32)' object has no attribute '(\w+)'", text)
    if missing and missing[1] in OF_OTHERS:
        return f" A numpy array has no `.{missing[1]}`, as {OF_OTHERS[missing[1]]}."
    missing = re.search(r"'Tensor' object has no attribute '(\w+)'", text)
    if missing:
        return f" A tensor of PyTorch has no `.{missing[1]}`, as numpy's arrays have."
    if "ndarray' object has no attribute 'grad'" in text:
        return (
            " A numpy array keeps no gradient, as a tensor of PyTorch does: the exercise says under which name `self` "
            "keeps it."
        )
    return ""


def _advice(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, TypeError) and "argument" in text:
        if next(own_frames(error), None):  # a call inside of the student's code
            return " Compare the arguments of this call with what the function takes."
        return " Compare the arguments in your `def` line with those in the exercise's text."
    missing = re.search(r"object has no attribute '(\w+)'", text)
    if missing and missing[1] in OF_MODULES:
        return (
            f" `{missing[1]}` is PyTorch's; what is written here has forward, backward and update, and gradients are "
            f"arrays that backward leaves."
        )
    if missing and (missing[1].startswith("grad_") or missing[1] in ("update", "weight", "bias")):
        return (
            " Layers without weights have none: are they passed over? In the others, a backward leaves the gradients: "
            "is it called first, and is the name the same there?"
        )
    if "'NoneType' object is not callable" in text:
        return (
            " What should be a function is None: was it called, with `()`, where the function itself is to be handed "
            "on?"
        )
    if isinstance(error, AttributeError) and "object has no attribute" in text and "NoneType" not in text:
        return " Is that attribute set before it is read, with `self.` in front, and spelled the same?"
    if "'NoneType'" in text:
        return (
            " Something is None there: an argument whose default is None, which has to be looked at first (`if … is "
            "None`), what is not set yet, or set back too early, or the result of a method that changes its list and "
            "returns nothing (`x.sort()`, `x.append(y)`)."
        )
    if "truth value of an array" in text:
        return (
            " There is one for each entry. `a or b`, `if a` and Python's `max(a, b)` need a single one: write `b if a "
            "is None else a`, or `np.maximum(a, b)` and `np.where` for entries."
        )
    if "math range error" in text:
        return (
            " `math.exp` raises this error where numpy's `exp` gives inf, with which the formula goes on: take that, "
            "of the whole array."
        )
    line = next((frame.line or "" for frame in own_frames(error)), "")
    kept = getattr(error, "course_kept", None)
    if kept:
        return (
            f" {kept[0]} is the size of an earlier call, {kept[1]} that of this one: something that was kept from the "
            f"earlier call is used again. Set it anew in every call, whatever was there before."
        )
    if "broadcast" in text and re.search(r"\(\d+,0\)|\(0,\d*\)", text):
        return (
            " One side has no entries: a slice or loop runs past the end of its axis. Is a number written into the "
            "code where the array's own size is needed?"
        )
    operator = getattr(error, "course_operator", "")
    multiplied = "@" not in line and re.search(r"[^*]\*[^*=]", line.partition("#")[0])
    shapes = re.findall(r"\((\d+),(\d*)\)", text)
    if "broadcast" in text and (operator == "*" or (multiplied and not operator)):
        fit = len(shapes) == 2 and shapes[0][1] == shapes[1][0]
        product = " (A product of matrices is written `@`.)" if fit else ""
        return f" `*` multiplies entry by entry, which needs equal shapes, or a 1.{product}"
    if "broadcast" in text and len(shapes) == 2 and shapes[0][0] == shapes[1][0] and shapes[1][1] == "":
        return (
            " There is one number for each row, which is set beside each column. A sum or maximum over an axis loses "
            "that axis: keep it with `keepdims=True`, where each row has its own number; for one of each column, go "
            "over the other axis. (Labels are integers, one per row; they have no second axis.)"
        )
    if "remapped shapes" in text:
        return " In `einsum` one letter stands for one size, and here a letter meets two: go through the axes in order."
    if "inhomogeneous" in text:
        return " Arrays of different shapes make no array together: go through them one after the other."
    if "concatenation axis" in text:
        return " What is joined must have the same size along all other axes. Do these belong together?"
    if "interpreted as an integer" in text:
        return " A size or number of times is no whole number there: `/` and `np.floor` give floats, `//` does not."
    if "cannot reshape" in text:
        return " A reshape keeps all numbers; the new shape has room for more or for fewer than there are."
    if isinstance(error, ValueError) and any(word in text for word in ("matmul", "broadcast", "align", "shape")):
        return " The shapes don't fit: write down the shape of each factor, and what each axis stands for."
    if isinstance(error, RuntimeError) and "shapes cannot be multiplied" in text:
        return " The shapes don't fit: write down the shape of each factor, and what each axis stands for."
    if type(error).__name__ == "ZeroDivisionError":
        return (
            " What is divided by is 0 here. If it is counted, is there a case without any (`n // batch_size` is 0 "
            "where there are fewer than a batch)? If it is a sum, may all be zero? Else, are the arguments in the "
            "order of the exercise's text?"
        )
    if "can't contain negative values" in text:
        return (
            " A padding is negative here. Where it is computed, as window − 1 − padding, a padding that is larger than "
            "the window makes it so: pad by nothing then, and cut off."
        )
    if "out of bounds for array of dimension" in text:
        return (
            " That axis is not there: a sum or maximum over an axis takes it away, and the axes behind it move to the "
            "front. Name all axes in one call, `axis=(0, 2)`, or keep them with `keepdims=True`. Axes count from 0."
        )
    if "'int' object is not callable" in text and re.search(r"\.size\(", line):
        return " `x.size` of a numpy array is a number; PyTorch's `x.size(0)` is `x.shape[0]` here."
    if "'int' object is not callable" in text or "'tuple' object is not callable" in text:
        return (
            " What stands before the parentheses is a number or tuple. (`x.size` and `x.shape` of a numpy array are no "
            "functions: PyTorch's `x.size(0)` is `x.shape[0]` here.)"
        )
    if "too many values to unpack" in text or "not enough values to unpack" in text:
        return " As many names stand left of the `=` as there are values on the right. Print what is unpacked there."
    if type(error).__name__ == "KeyError":
        return " Nothing is kept under that key: is it written into the code, where those that are given are needed?"
    if "tuple indices" in text:
        return (
            " There is a tuple where you expect an array. A method of torch returns two things where numpy's returns "
            "one: `x.max(1)` gives values and places."
        )
    if isinstance(error, NameError):
        return " Was its cell run, and is the name spelled the same?"
    return ""


# Reading plain data -----------------------------------------------------------------------------------------------


GENERATOR = "of type generator"


def kind_of(value: Any) -> str:
    """What a value is, in words."""
    return "None" if value is None else f"of type {value.type if isinstance(value, Odd) else type(value).__name__}"


def array(value: Any, what: str, kind: str = "an array of numbers") -> np.ndarray:
    """A student's result as a float64 array of any shape; sentences for None, text, ragged lists, NaN and so on.

    kind: what it should be, in words.
    """
    if value is None:
        raise Mistake("returns-none", f"{what} is None. Is the `return` (or the assignment) missing?")
    if value is NotImplemented or callable(value) or (isinstance(value, Odd) and value.callable):
        raise Mistake("not-an-array", f"{what} should be an array, but it is {kind_of(value)}.")
    try:
        found = np.asarray(to_numpy(value))
        if found.dtype == object:
            found = found.astype(np.float64) if _all_numbers(value) else found
        if found.dtype == object or found.dtype.kind not in "fiub":
            raise TypeError
        return found.astype(np.float64)
    except Exception:
        device = value.device if isinstance(value, Odd) else str(value.device) if is_torch(value) else ""
        where = (
            f" on the device {device}, where it can't be read; move it back to the device of its input"
            if device not in ("", "cpu")
            else ""
        )
        made = " `yield` makes a generator of a function: write `return`." if kind_of(value) == GENERATOR else ""
        raise Mistake("not-an-array", f"{what} should be {kind}, but it is {kind_of(value)}{where}.{made}") from None


def _all_numbers(value: Any) -> bool:
    """Fractions and Decimals are numbers, too, alone or in lists."""
    if isinstance(value, list | tuple):
        return all(map(_all_numbers, value))
    return hasattr(value, "__float__") and not isinstance(value, str)


def number(value: Any, what: str) -> float:
    """A student's result as one float."""
    if isinstance(value, str):
        raise Mistake("not-an-array",
                      f"{what} should be a number, but it is text, {value[:40]!r}. Leave the words to `print`.")
    found = array(value, what, "one number")
    if found.size != 1:
        raise Mistake("not-one-number", f"{what} should be one number, but it has shape {found.shape}.")
    return float(found.reshape(()))
