"""Small changes of a student's code, one at a time: another number, operator or variable, brackets, a line left out.

A check that finds a wrong result without its cause tries them (`helpers.check.core.report`): if one of them makes it
pass, its place is where the mistake lies. (Program repair calls this mutation; see Debroy and Wong 2010.)
"""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, islice, pairwise, permutations, zip_longest
from types import CodeType, FunctionType, MethodType
from typing import Any

from helpers.check.core.probe import Seen, found

MOST = 800
"""Edits of one cell."""
SWITCHED = {
    ast.Add: ("-", "*"), ast.Sub: ("+",), ast.Mult: ("/", "@", "+", "//"), ast.Div: ("*", "//", "-"),
    ast.FloorDiv: ("/", "%"), ast.Mod: ("//",), ast.MatMult: ("*",), ast.Pow: ("*",), ast.BitXor: ("**",),
    ast.Lt: ("<=", ">", ">="), ast.LtE: ("<", ">=", ">"), ast.Gt: (">=", "<", "<="), ast.GtE: (">", "<=", "<"),
    ast.Eq: ("!=",), ast.NotEq: ("==",), ast.Is: ("is not",), ast.IsNot: ("is",),
    ast.And: ("or",), ast.Or: ("and",),
}  # fmt: skip
"""Operators, and what is tried in their place."""
ALIKE = [
    {"floor", "ceil", "round", "trunc", "rint"}, {"max", "min"}, {"argmax", "argmin"}, {"maximum", "minimum"},
    {"log", "log2", "log10", "log1p"}, {"exp", "expm1", "exp2"}, {"logaddexp", "logaddexp2"},
    {"sum", "mean", "max", "median", "prod"}, {"median_high", "median_low", "median"}, {"std", "var"},
    {"stdev", "pstdev"}, {"tile", "repeat"}, {"hstack", "vstack", "concatenate"}, {"zeros", "ones"},
    {"zeros_like", "ones_like", "empty_like"}, {"any", "all"}, {"sin", "cos", "tan"}, {"sinh", "cosh", "tanh"},
    {"fft2", "ifft2", "rfft2"}, {"fft", "ifft"}, {"sqrt", "square"}, {"isqrt", "sqrt"}, {"view", "reshape"},
    {"floor_divide", "divide"}, {"random", "uniform", "standard_normal"}, {"normal", "uniform"}, {"tril", "triu"},
    {"cumsum", "cumprod"}, {"dot", "multiply"}, {"append", "extend"}, {"sort", "argsort"}, {"quantile", "percentile"},
]  # fmt: skip
"""Functions that are taken for one another."""
ALONG_AN_AXIS = {
    "sum", "mean", "max", "min", "argmax", "argmin", "prod", "any", "all", "std", "var", "median", "amax", "amin",
    "cumsum", "norm", "quantile", "percentile", "sort", "argsort", "concatenate", "stack", "repeat", "flip", "roll",
    "softmax", "log_softmax", "argpartition", "unique", "average",
}  # fmt: skip
OUTSIDE = re.compile(r"\b(open|os|sys|shutil|subprocess|Path|Popen|multiprocessing|Process|distributed|exec|eval)\b")
"""What reaches beyond Python: code that has it is left as it is."""
ONE_PLACE = {
    "entries-exchanged", "arguments-exchanged", "indices-exchanged", "lines-exchanged", "line-outside-the-loop",
    "another-condition", "slice-to-zero", "slice-from-zero", "other-brackets", "pairs-mixed", "axes-in-another-order",
}  # fmt: skip
"""Kinds whose edits have several parts that belong together."""


@dataclass(frozen=True)
class Edit:
    """What is put in the place of which bytes of a cell, and how to speak of it.

    kind: names the mistake. what: the code that is changed, in a sentence. line: the first that is changed, from 0.
    """

    kind: str
    what: str
    line: int
    parts: tuple[tuple[int, int, bytes], ...]

    @property
    def alone(self) -> bool:
        """Whether it is at one place, and not the same one at several."""
        return len(self.parts) == 1 or self.kind in ONE_PLACE

    def applied(self, source: bytes) -> bytes:
        for start, end, text in sorted(self.parts, reverse=True):
            source = source[:start] + text + source[end:]
        return source


class _Cell:
    """A cell's text as bytes, as `ast` counts, and its tree."""

    def __init__(self, source: str) -> None:
        self.bytes = source.encode()
        self.lines = self.bytes.splitlines(keepends=True)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))
        self.tree = ast.parse(source)
        self.under_their_names = {id(one) for node in ast.walk(self.tree) if isinstance(node, ast.Assign)
                                  for one in _under_its_name(node)}  # fmt: skip

    def span(self, node: Any) -> tuple[int, int]:
        return (self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset)

    def text(self, node: Any) -> str:
        start, end = self.span(node)
        return self.bytes[start:end].decode()

    def edit(self, kind: str, what: str, node: Any, text: str) -> Edit:
        """This text in the place of a node."""
        return Edit(kind, what, node.lineno - 1, ((*self.span(node), text.encode()),))

    def between(self, kind: str, what: str, left: Any, right: Any, new: str) -> Edit | None:
        """Another operator between two nodes."""
        start, end = self.span(left)[1], self.span(right)[0]
        old = re.search(rb"[^\s()\\]+(?: not| in)?", self.bytes[start:end])
        if old is None:
            return None
        line = self.bytes[: start + old.start()].count(b"\n")
        return Edit(kind, what, line, ((start + old.start(), start + old.end(), new.encode()),))


def _under_its_name(node: ast.Assign) -> Iterator[ast.expr]:
    """Both sides of `self.size = size`, also where it stands among others: that line says what it means."""
    target, value = node.targets[0], node.value
    if not isinstance(target, ast.Tuple):
        pairs = [(target, value)]
    else:
        pairs = list(zip(target.elts, value.elts, strict=False)) if isinstance(value, ast.Tuple) else []
    for left, right in pairs:
        if isinstance(left, ast.Attribute) and isinstance(right, ast.Name) and left.attr == right.id:
            yield from (left, right)


# What is changed --------------------------------------------------------------------------------------------------


def _operators(cell: _Cell, node: ast.AST) -> Iterator[Edit | None]:
    if isinstance(node, ast.BinOp):
        text, left, right = cell.text(node), cell.text(node.left), cell.text(node.right)
        start, end = cell.span(node)
        after = re.search(rb"[^\s()\\]", cell.bytes[cell.span(node.left)[1] : end])
        if after:
            at = cell.span(node.left)[1] + after.start()
            yield Edit("one-part-too-many", cell.bytes[at:end].decode(), node.lineno - 1, ((at, end, b""),))
            left = cell.bytes[start:at].decode().rstrip()
        yield cell.edit("one-part-too-many", f"{left} {_sign(cell, node)}", node, f"({right})")
        for new in SWITCHED.get(type(node.op), ()):
            yield cell.between("another-operator", text, node.left, node.right, new)
        if isinstance(node.op, ast.FloorDiv):
            yield cell.edit("another-operator", text, node, f"(-(-({left}) // ({right})))")
        if isinstance(node.op, ast.Sub | ast.Div | ast.MatMult | ast.FloorDiv | ast.Pow):
            yield cell.edit("sides-exchanged", text, node, f"({right}) {_sign(cell, node)} ({left})")
        if isinstance(node.op, ast.MatMult):
            for side in (node.left, node.right):
                yield cell.edit("operand-transposed", cell.text(side), side, f"({cell.text(side)}).T")
        for off in ("+ 1", "- 1"):
            yield cell.edit("one-off", text, node, f"({text} {off})")
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for new in SWITCHED.get(type(node.ops[0]), ()):
            yield cell.between("another-comparison", cell.text(node), node.left, node.comparators[0], new)
    if isinstance(node, ast.BoolOp):
        for new in SWITCHED[type(node.op)]:
            parts = [cell.between("another-condition", cell.text(node), a, b, new)
                     for a, b in pairwise(node.values)]  # fmt: skip
            yield _together([part for part in parts if part])
        for value in node.values:
            yield cell.edit("another-condition", cell.text(node), node, f"({cell.text(value)})")
    if isinstance(node, ast.UnaryOp):
        yield cell.edit("sign-or-not", cell.text(node), node, f"({cell.text(node.operand)})")
    if isinstance(node, ast.IfExp):
        for value in (node.body, node.orelse):
            yield cell.edit("another-condition", cell.text(node), node, f"({cell.text(value)})")
        yield cell.edit("another-condition", cell.text(node), node,
                        f"({cell.text(node.orelse)} if {cell.text(node.test)} else {cell.text(node.body)})")


def _sign(cell: _Cell, node: ast.BinOp) -> str:
    between = cell.bytes[cell.span(node.left)[1] : cell.span(node.right)[0]]
    return re.sub(rb"[()\s\\]", b"", between).decode()


def _brackets(cell: _Cell, node: ast.AST) -> Iterator[Edit | None]:
    """(a + b) / c for a + b / c, and the other way round."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.BinOp) and isinstance(node.op, ast.USub):
        inner = node.operand
        left, sign, right = cell.text(inner.left), _sign(cell, inner), cell.text(inner.right)
        minus = "-" if isinstance(inner.op, ast.FloorDiv) else ""
        yield cell.edit("other-brackets", cell.text(node), node, f"({minus}((-({left})) {sign} ({right})))")
    if not isinstance(node, ast.BinOp):
        return
    line, text = node.lineno - 1, cell.text(node)
    if isinstance(node.left, ast.UnaryOp) and isinstance(node.left.op, ast.USub):
        yield cell.edit("other-brackets", text, node, f"(-({cell.text(node.left.operand)} {_sign(cell, node)} "
                        f"({cell.text(node.right)})))")
    for side in (node.left, node.right):
        start, end = cell.span(side)
        if isinstance(side, ast.BinOp) and cell.bytes[start - 1 : start] + cell.bytes[end : end + 1] == b"()":
            yield Edit("other-brackets", text, line, ((start - 1, start, b""), (end, end + 1, b"")))
    operands = _operands(node)[:8]
    if len({type(one.op) for one in ast.walk(node) if isinstance(one, ast.BinOp)} - {ast.Mult}) == 0:
        return  # a product: brackets change nothing
    for first, last in combinations(range(len(operands)), 2):
        start, end = cell.span(operands[first])[0], cell.span(operands[last])[1]
        if last - first < len(operands) - 1:
            yield Edit("other-brackets", text, line, ((start, start, b"("), (end, end, b")")))


def _operands(node: ast.expr) -> list[ast.expr]:
    return [*_operands(node.left), *_operands(node.right)] if isinstance(node, ast.BinOp) else [node]


def _numbers(cell: _Cell, node: ast.AST) -> Iterator[Edit | None]:
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool) or value is None:
        for other in ("True", "False", "None"):
            if other != str(value):
                yield cell.edit("another-value", cell.text(node), node, other)
    elif isinstance(value, int | float):
        small: set[float] = {value + 1, value - 1, -value, 0, 1, 2, 3, -1, 0.5, value / 2, value * 2}
        if isinstance(value, float):
            small = {1 - value, -value, 0.0, 1.0, 0.5, value / 2, value * 2, value * 10, value / 10, 1e-3 * value}
        for new in sorted(small - {value}, key=lambda one: (abs(one - value), one)):
            yield cell.edit("another-number", cell.text(node), node, f"({new!r})" if new < 0 else repr(new))
        if value:
            yield cell.edit("another-number", cell.text(node), node, f"(1 / {value!r})")


def _functions_alike(cell: _Cell, node: ast.AST) -> Iterator[Edit | None]:
    if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
        name, (_, end) = node.attr if isinstance(node, ast.Attribute) else node.id, cell.span(node)
        for new in sorted(set().union(*(group for group in ALIKE if name in group)) - {name}):
            yield Edit("another-function", cell.text(node), node.lineno - 1,
                       ((end - len(name.encode()), end, new.encode()),))


def _calls(cell: _Cell, node: ast.AST) -> Iterator[Edit | None]:
    if isinstance(node, ast.Tuple | ast.List) and 2 <= len(node.elts) <= 5:
        for one, other in combinations(node.elts, 2):
            if not {id(one), id(other)} <= cell.under_their_names:
                yield _exchanged(cell, "entries-exchanged", node, one, other)
    if isinstance(node, ast.Attribute) and node.attr == "T":
        end = cell.span(node)[1]
        yield Edit("operand-transposed", cell.text(node), node.lineno - 1, ((end - 2, end, b""),))
        yield Edit("all-axes-reversed", cell.text(node), node.lineno - 1, ((end - 2, end, b".swapaxes(-1, -2)"),))
    if not isinstance(node, ast.Call):
        return
    function, text = node.func, cell.text(node)
    name = function.attr if isinstance(function, ast.Attribute) else cell.text(function)
    if node.args and len(node.args) <= 3 and not isinstance(node.args[0], ast.Starred):
        yield cell.edit("one-call-too-many", cell.text(function), node, f"({cell.text(node.args[0])})")
    if isinstance(function, ast.Attribute):
        start, end = cell.span(function)[1] - len(name.encode()) - 1, cell.span(node)[1]
        yield Edit("one-call-too-many", f".{name}", node.lineno - 1, ((start, end, b""),))
    for one, other in combinations([arg for arg in node.args if not isinstance(arg, ast.Starred)][:4], 2):
        yield _exchanged(cell, "arguments-exchanged", node, one, other)
    for one, other in combinations([arg for arg in node.args if isinstance(arg, ast.Starred)][:4], 2):
        yield _exchanged(cell, "arguments-exchanged", node, one, other)
    arguments = [*node.args, *node.keywords]
    for number, argument in enumerate(arguments):
        if len(arguments) > 1 and (number == len(node.args) - 1 or isinstance(argument, ast.keyword)):
            kept = [cell.text(one) for one in arguments if one is not argument]
            yield cell.edit("one-argument-too-many", cell.text(argument), node, _call(cell, node, kept))
    if name in ("round", "int") and isinstance(function, ast.Name) and len(arguments) == 1:
        yield cell.edit("another-function", text, node, f"int(-(-({cell.text(node.args[0])}) // 1))")
    if name == "sort" and isinstance(function, ast.Attribute) and not arguments:
        yield cell.edit("another-function", text, node, f"sorted({cell.text(function.value)})")
    own = [cell.text(one) for one in arguments if not (isinstance(one, ast.keyword) and one.arg == "ddof")]
    if name in ("std", "var"):
        yield cell.edit("another-ddof", text, node, _call(cell, node, [*own[:1], "ddof=1"]))
        yield cell.edit("another-ddof", text, node, _call(cell, node, [*own, "ddof=1"]))
    if name not in ALONG_AN_AXIS:
        return
    axis = next((one for one in node.keywords if one.arg in ("axis", "dim")), None)
    several = ("(0, 1)", "(1, 2)", "(2, 3)", "(0, 2, 3)")
    if axis:
        for new in (*several, "None"):
            yield cell.edit("another-axis", text, axis.value, new)
        yield cell.edit("keepdims-missing", text, node, _call(cell, node, [*own, "keepdims=True"]))
    elif len(node.args) < 2:
        for new in ("0", "1", "-1", "2", *several):
            for keep in ([], ["keepdims=True"]):
                yield cell.edit("axis-missing", text, node, _call(cell, node, [*own, f"axis={new}", *keep]))


def _orders(cell: _Cell, node: ast.AST) -> Iterator[Edit | None]:
    """Pairs of numbers for two axes, and axes in another order."""
    if isinstance(node, ast.Tuple | ast.List | ast.Call):
        for one, other in pairwise(node.args if isinstance(node, ast.Call) else node.elts):
            pairs = [pair.elts for pair in (one, other) if isinstance(pair, ast.Tuple) and len(pair.elts) == 2]
            if len(pairs) == 2 and cell.text(one) == cell.text(other) and len({*map(cell.text, pairs[0])}) == 2:
                (_, second), (third, _) = pairs
                yield Edit("pairs-mixed", f"{cell.text(one)}, {cell.text(other)}", node.lineno - 1,
                           ((*cell.span(second), cell.text(third).encode()),
                            (*cell.span(third), cell.text(second).encode())))  # fmt: skip
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(node, ast.Call) and isinstance(function, ast.Attribute) and function.attr in ("transpose", "permute"):
        yield from _axes(cell, node)


def _axes(cell: _Cell, node: ast.Call) -> Iterator[Edit]:
    """Numbers of axes in every other order; of more than four, each in another place."""
    several = [arg for arg in node.args if isinstance(arg, ast.Tuple | ast.List)]
    axes = several[0].elts if several else node.args
    count = len(axes)
    if count < 3 or not all(isinstance(axis, ast.Constant) for axis in axes):
        return
    orders = [*permutations(range(count))]
    if count > 4:
        moved = [(i, j) for i in range(count) for j in range(count) if i != j]
        orders = [(*(rest := [k for k in range(count) if k != i])[:j], i, *rest[j:]) for i, j in moved]
    for order in orders:
        if sum(place != axis for place, axis in enumerate(order)) > 2:  # two are exchanged elsewhere
            new = [cell.text(axes[at]).encode() for at in order]
            parts = tuple((*cell.span(axis), text) for axis, text in zip(axes, new, strict=True))
            yield Edit("axes-in-another-order", cell.text(node), node.lineno - 1, parts)


def _call(cell: _Cell, node: ast.Call, arguments: Sequence[str]) -> str:
    return f"{cell.text(node.func)}({', '.join(arguments)})"


def _exchanged(cell: _Cell, kind: str, whole: Any, one: Any, other: Any) -> Edit | None:
    if cell.text(one) == cell.text(other):
        return None
    return Edit(kind, cell.text(whole), whole.lineno - 1, ((*cell.span(one), cell.text(other).encode()),
                                                           (*cell.span(other), cell.text(one).encode())))


def _slices(cell: _Cell, node: ast.AST) -> Iterator[Edit | None]:
    if not isinstance(node, ast.Subscript):
        return
    text = cell.text(node)
    if isinstance(node.ctx, ast.Load):
        yield cell.edit("one-index-too-many", text, node, f"({cell.text(node.value)})")
    places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    for one, other in combinations(places[:4], 2):
        yield _exchanged(cell, "indices-exchanged", node, one, other)
    ends: list[Edit] = []
    for place in places:
        if not isinstance(place, ast.Slice):
            continue
        bounds = [cell.text(bound) if bound else "" for bound in (place.lower, place.upper, place.step)]
        if _minus(place.lower) and not place.upper and not place.step:
            lower, of = cell.text(place.lower), cell.text(node.value)
            size = f"({of}).shape[{places.index(place)}]" if len(places) > 1 else f"len({of})"
            yield cell.edit("slice-from-zero", text, place.lower, f"{size} + ({lower})")
        if _minus(place.upper):
            ends.append(cell.edit("slice-to-zero", text, place.upper, f"({cell.text(place.upper)}) or None"))
        for new in (*({**dict(enumerate(bounds)), at: ""} for at in range(3) if bounds[at]),
                    *([{0: "1", 1: bounds[1], 2: bounds[2]}] if not bounds[0] else ()),
                    *([{0: bounds[0], 1: "-1", 2: bounds[2]}] if not bounds[1] else ())):  # fmt: skip
            colon = f":{new[2]}" if new[2] else ""
            yield cell.edit("another-slice", text, place, f"{new[0]}:{new[1]}{colon}")
    yield from ends
    yield _together(ends)


def _minus(bound: ast.expr | None) -> bool:
    """Whether it is `-keep`, which may be 0."""
    return isinstance(bound, ast.UnaryOp) and isinstance(bound.op, ast.USub)


def _lines(cell: _Cell, node: ast.AST) -> Iterator[Edit | None]:
    """Lines left out, exchanged, moved into a loop or out of it; conditions and assignments changed."""
    if isinstance(node, ast.If | ast.While):
        for always in ("True", "False")[isinstance(node, ast.While) :]:
            yield cell.edit("another-condition", cell.text(node.test), node.test, always)
    if isinstance(node, ast.comprehension):
        for test in node.ifs:
            yield cell.edit("another-condition", cell.text(test), test, "True")
    if isinstance(node, ast.AugAssign):
        for new in ("=", "+=", "-="):
            yield cell.between("another-assignment", cell.text(node), node.target, node.value, new)
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        yield cell.between("another-assignment", cell.text(node), node.targets[0], node.value, "+=")
    for block in (getattr(node, name, None) for name in ("body", "orelse")):
        if not isinstance(block, list) or isinstance(node, ast.Module | ast.ClassDef):
            continue
        own = [one for one in block if not _is_text(one)]
        for one in own:
            if not isinstance(one, ast.Pass | ast.Return | ast.FunctionDef | ast.Global | ast.Nonlocal | ast.Import):
                yield cell.edit("one-line-too-many", _head(cell.text(one)), one, "pass")
        for one, other in pairwise(own):
            yield _exchanged(cell, "lines-exchanged", one, one, other)
            for loop, single, before in ((other, one, True), (one, other, False)):
                if isinstance(loop, ast.For | ast.While) and single.lineno == single.end_lineno:
                    yield _into(cell, loop, single, at_the_start=before)
                if isinstance(loop, ast.If) and not before and single.lineno == single.end_lineno:
                    yield _into(cell, loop, single, at_the_start=False)
        if isinstance(node, ast.For | ast.While | ast.If) and block is node.body and len(own) > 1:
            yield _out_of(cell, node, own[0], before=True)
            yield _out_of(cell, node, own[-1], before=False)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _head(text: str) -> str:
    return text.partition("\n")[0]


def _indent(cell: _Cell, node: Any) -> str:
    return cell.lines[node.lineno - 1][: node.col_offset].decode()


def _into(cell: _Cell, loop: Any, single: ast.stmt, at_the_start: bool) -> Edit | None:
    """The line before a loop, or after it, inside of it."""
    first, last, (start, end) = loop.body[0], loop.body[-1], cell.span(single)
    if first.lineno == loop.lineno:
        return None
    at, indent = cell.starts[first.lineno - 1] if at_the_start else cell.span(last)[1], _indent(cell, first)
    text = f"{indent}{cell.text(single)}\n" if at_the_start else f"\n{indent}{cell.text(single)}"
    return Edit("line-outside-the-loop", cell.text(single), single.lineno - 1,
                ((start, end, b"pass"), (at, at, text.encode())))  # fmt: skip


def _out_of(cell: _Cell, loop: Any, single: ast.stmt, before: bool) -> Edit | None:
    """The first line of a loop in front of it, or its last one behind it."""
    if single.lineno != single.end_lineno or single.lineno == loop.lineno or _indent(cell, single).strip():
        return None
    at = cell.starts[loop.lineno - 1] if before else cell.span(loop)[1]
    text = f"{_indent(cell, loop)}{cell.text(single)}\n" if before else f"\n{_indent(cell, loop)}{cell.text(single)}"
    start, end = cell.span(single)
    parts = ((start, end, b"pass"), (at, at, text.encode())) if before else ((start, end, b"pass" + text.encode()),)
    if not before and cell.span(loop)[1] != end:
        return None  # an else stands between
    return Edit("line-inside-the-loop", cell.text(single), single.lineno - 1, parts)


def _variables(cell: _Cell, function: Any) -> Iterator[Edit | None]:
    """Each variable of a function, where it is read, exchanged for each other one."""
    names, nodes = _names(cell, function), [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    called = {id(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
    attributes = [node for node in ast.walk(function) if isinstance(node, ast.Attribute)]
    read: list[ast.Name | ast.Attribute] = [node for node in nodes if isinstance(node.ctx, ast.Load)]
    read += [node for node in attributes if isinstance(node.value, ast.Name) and node.value.id not in (*names, "self")]
    owners = {id(node.value) for node in attributes if isinstance(node.value, ast.Name) and node.value.id not in names}
    for node in sorted(read, key=cell.span):
        if id(node) not in called | owners | cell.under_their_names:
            for name in names:
                if name != cell.text(node):
                    yield cell.edit("another-variable", cell.text(node), node, name)
    fields = [node for node in attributes if isinstance(node.value, ast.Name) and node.value.id == "self"]
    for field in fields:
        for other in dict.fromkeys(one.attr for one in fields):
            if other != field.attr and isinstance(field.ctx, ast.Load):
                yield cell.edit("another-variable", cell.text(field), field, f"self.{other}")


def _names(cell: _Cell, function: Any) -> list[str]:
    """A function's arguments, and what it assigns to."""
    args = function.args
    names = [arg.arg for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    nodes = [node for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    names += [node.id for node in sorted(nodes, key=cell.span)]
    return [name for name in dict.fromkeys(names) if name != "self"]


def _missing(cell: _Cell, function: Any) -> Iterator[Edit | None]:
    """Remainders of quotients, and arguments of calls, that are left out."""
    nodes = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    for node in ast.walk(function):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv) and isinstance(node.right, ast.Name):
            beside = [one for one in nodes if one.lineno == node.lineno]
            no = {one.id for one in beside if isinstance(one.ctx, ast.Store)} | {cell.text(node.left), node.right.id}
            for name in dict.fromkeys(one.id for one in beside if one.id not in no):
                yield cell.edit("remainder-missing", cell.text(node), node, f"({cell.text(node)} % {name})")
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args and not node.keywords:
            given = [cell.text(arg) for arg in node.args]
            for arg in function.args.args:
                if arg.arg not in (*given, "self"):
                    yield cell.edit("argument-missing", cell.text(node), node, _call(cell, node, [*given, arg.arg]))


def _sizes(cell: _Cell, function: Any) -> Iterator[Edit | None]:
    """A number that is written into a function, exchanged for the size of an argument or the variable of a loop; a size
    of an argument for that of another one, a largest label for the size of an argument. Arrays that are made in the
    type of an argument; sums that begin with 0 and not with an array of zeros."""
    loops = [node.target for node in ast.walk(function) if isinstance(node, ast.For | ast.comprehension)]
    counted = dict.fromkeys(node.id for loop in loops for node in ast.walk(loop) if isinstance(node, ast.Name))
    taken = {target.id for node in ast.walk(function) if isinstance(node, ast.Assign)
             and re.search(r"\bshape\b|\blen\(", cell.text(node.value))
             for target in ast.walk(node.targets[0]) if isinstance(target, ast.Name)}  # fmt: skip
    arguments = [arg.arg for arg in function.args.args if arg.arg != "self"]
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in taken:
            for name in arguments:
                yield cell.edit("size-of-another", node.id, node, f"len({name})")
        if isinstance(node, ast.Call):
            yield from _made(cell, node, arguments)
        if isinstance(node, ast.BinOp) and re.fullmatch(r"(np\.|int\()*[\w.]*\bmax\([^()]*\)+ \+ 1", cell.text(node)):
            for name in arguments:
                for size in (f"{name}.shape[1]", f"{name}.shape[-1]"):
                    yield cell.edit("number-for-a-size", cell.text(node), node, size)
        if not isinstance(node, ast.Constant) or type(node.value) is not int:
            continue
        for name in counted:
            yield cell.edit("number-for-a-variable", cell.text(node), node, name)
        for name in arguments if node.value > 2 else ():
            for size in (f"len({name})", f"{name}.shape[1]", f"{name}.shape[-1]"):
                yield cell.edit("number-for-a-size", cell.text(node), node, size)


def _made(cell: _Cell, node: ast.Call, arguments: Sequence[str]) -> Iterator[Edit]:
    """np.zeros(…) in the type of an argument; 0 for it, and for a copy of one."""
    name, text = node.func.attr if isinstance(node.func, ast.Attribute) else cell.text(node.func), cell.text(node)
    if name in ("zeros", "ones", "empty", "full", "eye") and not any(one.arg == "dtype" for one in node.keywords):
        for argument in arguments:
            own = [cell.text(one) for one in (*node.args, *node.keywords)]
            yield cell.edit("type-missing", text, node, _call(cell, node, [*own, f"dtype={argument}.dtype"]))
    if name in ("zeros", "zeros_like", "copy"):
        yield cell.edit("shape-of-a-sum", text, node, "0")


def _together(edits: Sequence[Edit]) -> Edit | None:
    parts = [part for edit in edits for part in edit.parts]
    spans = sorted(part[:2] for part in parts)
    if len(parts) < 2 or any(a[1] > b[0] for a, b in pairwise(spans)):
        return None
    return Edit(edits[0].kind, edits[0].what, edits[0].line, tuple(parts))


KINDS = (_calls, _orders, _numbers, _operators, _brackets, _functions_alike, _slices, _lines)


@lru_cache(maxsize=8)
def edits(source: str) -> tuple[Edit, ...]:
    """What may be changed in a cell, the likelier first, each change once; and the same change at all its places."""
    try:
        cell = _Cell(source)
    except (SyntaxError, ValueError):
        return ()
    nodes = [node for part in cell.tree.body if _defines(part) for node in _walk(part)]
    nodes.sort(key=lambda node: getattr(node, "lineno", 0))
    kinds = [[edit for node in nodes for edit in kind(cell, node) if edit] for kind in KINDS]
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.Lambda)]
    for more in (_variables, _missing, _sizes):
        each = [[edit for edit in more(cell, function) if edit] for function in functions]
        kinds.append([edit for of_one in each for edit in of_one])
        if len(each) > 1:
            kinds[-1] += [edit for of_one in each for edit in _everywhere(cell, of_one)]
    # One of each kind in turn: where a check takes long, only a few are tried.
    turns = zip_longest(*([*kind, *_everywhere(cell, kind)] for kind in kinds))
    once = {edit.parts: edit for turn in turns for edit in turn if edit}
    return tuple(islice(once.values(), MOST))


def _everywhere(cell: _Cell, some: Sequence[Edit]) -> Iterator[Edit]:
    """The same edit at all its places, where there are several."""
    places: dict[tuple[str, bytes, bytes], list[Edit]] = {}
    for edit in some:
        if len(edit.parts) == 1:
            start, end, new = edit.parts[0]
            places.setdefault((edit.kind, cell.bytes[start:end], new), []).append(edit)
    for alike in places.values():
        together = _together(alike) if len(alike) > 1 else None
        if together:
            yield together


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """The node and what is in it, but for texts, annotations and decorators."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr) and not (
                isinstance(child, ast.Expr) and _is_text(child)
            ):
                yield from _walk(child)


def _defines(node: ast.stmt) -> bool:
    """Whether a line of a cell only defines things: it can be run again, and nothing else happens."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
        return True
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    if not all(isinstance(one, ast.Name) for one in getattr(node, "targets", [getattr(node, "target", None)])):
        return False  # `Linear.forward = …` would change what is there
    return isinstance(node.value, ast.Lambda) or not any(isinstance(one, ast.Call) for one in ast.walk(node.value))


# Running it -------------------------------------------------------------------------------------------------------


def _functions(thing: Any) -> Iterator[FunctionType]:
    """A function, or those of a class or object."""
    if isinstance(thing, MethodType):
        thing = thing.__func__
    if isinstance(thing, FunctionType):
        yield thing
    elif isinstance(thing, list | tuple):
        for one in thing[:20]:
            yield from _functions(one)
    elif isinstance(thing, dict):
        for one in islice(thing.values(), 20):
            yield from _functions(one)
    else:
        for one in vars(thing if isinstance(thing, type) else type(thing)).values():
            if isinstance(one, FunctionType):
                yield one


@dataclass
class _Place:
    """A cell's namespace, and its lines, from 0: 0 for those of the things themselves, 1 for what these use."""

    names: dict[str, Any]
    lines: dict[int, int]


def _cells(things: Sequence[Any]) -> dict[str, _Place]:
    """The cells that the things' functions were defined in, by file name; then those of what these use."""
    cells: dict[str, _Place] = {}
    todo, seen = [(thing, 0) for thing in things], set[int]()
    while todo and len(seen) < MOST:
        thing, rank = todo.pop(0)
        with contextlib.suppress(Exception):  # a student's object may do anything when it is looked at
            for function in _functions(thing):
                code = function.__code__
                if function.__module__.startswith("helpers.") or id(code) in seen or not _source(code.co_filename):
                    continue
                seen.add(id(code))
                place = cells.setdefault(code.co_filename, _Place(function.__globals__, {}))
                inside = list(_codes(code))
                for line in (line for one in inside for _, _, line in one.co_lines() if line):
                    place.lines.setdefault(line - 1, rank)
                used = [function.__globals__.get(name) for one in inside for name in one.co_names]
                todo += [(one, 1) for one in used if callable(one)]
    return cells


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A function's code, and that of the functions in it."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _codes(inner)


def _source(file: str) -> str:
    """A cell's text, as IPython keeps it for tracebacks; "" for a file, and for what is not to be changed."""
    kept = linecache.cache.get(file, ())
    text = "".join(kept[2]) if len(kept) == 4 and kept[1] is None else ""
    return "" if _reaches_out(text) else text


@lru_cache(maxsize=64)
def _reaches_out(text: str) -> bool:
    """Whether OUTSIDE is in the code, comments and texts that explain it left out."""
    if not OUTSIDE.search(text):
        return False
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return True
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and _is_text(node):
            node.value = ast.Constant(None)
    return bool(OUTSIDE.search(ast.unparse(tree)))


def places(things: Sequence[Any]) -> Iterator[tuple[str, int, Edit, str]]:
    """(cell, number, edit, the line) for each edit of the cells that define these things, their own lines first."""
    cells = _cells(things)
    for rank in range(3):
        for cell, place in cells.items():
            lines = _source(cell).splitlines()
            for number, edit in enumerate(edits(_source(cell))):
                if place.lines.get(edit.line, 2) == rank:
                    yield cell, number, edit, lines[edit.line].strip()


def left_out_around(cell: str, edit: Edit) -> Iterator[tuple[int, Edit]]:
    """(number, edit) for those that leave out a part of a cell's line in which this edit lies."""
    (start, end, _), *more = edit.parts
    for number, other in enumerate(edits(_source(cell))):
        (first, last, new), *others = other.parts
        if not more and not others and not new and first < start and end < last and other.kind == "one-part-too-many":
            yield number, other


def remembering(things: Sequence[Any]) -> Iterator[tuple[str, list[str]]]:
    """(cell, names) of what functions of the cells that define these things can keep between calls: what `global`
    names, and lists, dictionaries and sets that are made once."""
    for cell in _cells(things):
        try:
            tree = ast.parse(_source(cell))
        except (SyntaxError, ValueError):
            continue
        names = [name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names]
        blocks: list[ast.Module | ast.ClassDef] = [tree]
        for block in blocks + [part for part in tree.body if isinstance(part, ast.ClassDef)]:
            for line in block.body:
                if isinstance(line, ast.Assign) and isinstance(line.value, ast.List | ast.Dict | ast.Set):
                    names += [target.id for target in line.targets if isinstance(target, ast.Name)]
        names += [arg.arg for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
                  for arg, value in _defaults(node.args) if isinstance(value, ast.List | ast.Dict | ast.Set)]
        if names:
            yield cell, [*dict.fromkeys(names)]


def _defaults(args: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    usual = [*args.posonlyargs, *args.args]
    yield from zip(usual[len(usual) - len(args.defaults) :], args.defaults, strict=True)
    yield from zip(args.kwonlyargs, args.kw_defaults, strict=True)


def edited(seen: Seen, probe: str, cell: str, number: int | None, *things: Any) -> None:
    """Another probe, "module:name", with one edit of a cell; None runs it as it is, and so makes all in it anew."""
    place, source = _cells(things).get(cell), _source(cell)
    if place is None:
        found(probe)(seen, *things)
        return
    names = place.names
    tree = ast.parse(source if number is None else edits(source)[number].applied(source.encode()))
    tree.body = [node for node in tree.body if _defines(node)]
    before = dict(names)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(tree, cell, "exec"), names)
            now = {id(before[name]): names[name] for name in before.keys() & names.keys()}
            found(probe)(seen, *_replaced(things, now))
    finally:
        for name in names.keys() - before.keys():
            del names[name]
        names.update(before)


def _replaced(thing: Any, now: dict[int, Any]) -> Any:
    if isinstance(thing, list | tuple):
        return type(thing)([_replaced(one, now) for one in thing])
    if isinstance(thing, dict):
        return {key: _replaced(one, now) for key, one in thing.items()}
    return now.get(id(thing), thing) if callable(thing) else thing
