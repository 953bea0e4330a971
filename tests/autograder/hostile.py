"""Hand-ins that nobody foresees: every name, text, size and kind of file drawn at random, and hostile."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import strategies as st
from mutations import mutated

from autograder.reports.results import CHECK


def chain(folder: Path, depth: int) -> None:
    """Folders in each other, deeper than a path can say."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d" * 20, dir_fd=here)
        below = os.open("d" * 20, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


TEXTS = (
    *("", "\n", "\0", "\ud83d\ude00", "\ud83d", "caf\udce9", "\x1b]0;title\x07", "\x1b[2J", "\u202ecod.exe", "\u200b"),
    *("<script>alert(1)</script>", "&" * 50_000, "]]>", "'\"`", "=1+1", "{{ 7 * 7 }}", "%s%n", "..", "/etc/passwd"),
    *("é" * 3000, "\U0001f600" * 3000, "1" * 5000, "nan", "1e999", "\r\n" * 5000, "a" * 300_000),
)
NAMES = (
    *(b"\xff", b"caf\xe9", b"caf\xe8", b"caf\\xe9", "caf\ufffd".encode(), b"a\nb", b"a\\x0ab", b"x" * 255, b"=1+1"),
    *(b" ann", b"ann ", b"Ann", b"ann.ipynb", b"mini", b"mini.ipynb", b"-rf", b"~", b"*", b"[a-z]", b"a?b", b"%s"),
    *(b"\x1b[2J", "\u202ecod".encode(), "\u200b".encode(), "e\u0301".encode(), "\u00e9".encode(), b"numbers.csv"),
    *(b"'; drop table student; --", "\U0001f600".encode() * 63, b"timestamp.txt", b"gradebook.db", b"\x7f"),
    b"\xed\xa0\xbd",
)
FORMS = (
    'group = [{"name": "X \\ud83d\\ude00"}]\nready_to_present = ["A"]',
    f'group = [{{"id": 0x{"1" * 5000}, "x": {"1" * 4000}}}]\nready_to_present = [0x{"1" * 5000}]',
    f"group = [{{'n': {'1' * 5000}}}]\nready_to_present = []",
    f"group = [{{'n': {'[' * 95}{']' * 95}}}, {{1e999: {{1j}}, b'\\xff': ...}}]\nready_to_present = [{{1}}, None]",
    f"group = [{'-' * 9000}1]\nready_to_present = {'(' * 300}{')' * 300}",
    "group = [{}] * 10**9\nready_to_present = __import__('os').abort()",
)
KINDS = ("code", "markdown", "raw")

anything = st.text(st.characters(exclude_categories=()), max_size=40)
texts = st.one_of(st.sampled_from(TEXTS), anything)
file_names = st.one_of(st.sampled_from(NAMES), st.binary(min_size=1, max_size=255)).filter(
    lambda name: not {0, 47} & {*name} and name not in (b".", b"..")
)
plain = st.recursive(
    st.one_of(texts, st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
reports = st.fixed_dictionaries({"check": plain, "passed": st.sampled_from([True, False, None, 1]), "mistake": plain,
                                 "message": plain})  # fmt: skip
bundles = st.dictionaries(
    st.sampled_from(["text/plain", "text/html", "image/png", "image/svg+xml", "application/json", "x/" + "y" * 99]),
    st.one_of(texts, st.lists(texts, max_size=3)), max_size=3,
)  # fmt: skip
outputs = st.one_of(
    st.builds(lambda text: {"output_type": "stream", "name": "stdout", "text": text}, texts),
    st.builds(lambda data: {"output_type": "display_data", "data": data, "metadata": {}}, bundles),
    st.builds(lambda told: {"output_type": "display_data", "data": {CHECK: told}, "metadata": {}}, reports),
    st.builds(lambda data: {"output_type": "execute_result", "execution_count": 1, "data": data, "metadata": {}},
              bundles),
    st.builds(lambda name, value, lines: {"output_type": "error", "ename": name, "evalue": value, "traceback": lines},
              st.one_of(st.sampled_from(["TimeUp", "KernelDied", "NotRun", "AssertionError"]), texts), texts,
              st.lists(texts, max_size=3)),
)  # fmt: skip


@dataclass(frozen=True)
class Hostile:
    """A hand-in: the name of its folder, what its notebook's file is, its form and other sources, what else lies there,
    and what the process that runs it will say."""

    name: bytes
    notebook: str
    raw: bytes
    form: str
    sources: list[str]
    seed: int
    files: list[tuple[bytes, str, bytes]]
    timestamp: bytes | None
    outputs: list[list[dict[str, Any]]]
    said: list[str]


hand_ins = st.builds(
    Hostile,
    name=file_names,
    notebook=st.sampled_from(["edited", "edited", "mutated", "raw", "folder", "pipe", "link", "missing", "a file"]),
    raw=st.one_of(st.binary(max_size=200), plain.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))),
    form=st.one_of(st.sampled_from(FORMS), texts),
    sources=st.lists(texts, max_size=3),
    seed=st.integers(0, 2**32),
    files=st.lists(
        st.tuples(file_names, st.sampled_from(["file", "folder", "pipe", "loop", "link", "socket", "hole", "deep"]),
                  st.binary(max_size=50)),
        max_size=4,
    ),
    timestamp=st.one_of(st.none(), st.binary(max_size=40), texts.map(lambda t: t.encode("utf-8", "surrogatepass"))),
    outputs=st.lists(st.lists(outputs, max_size=4), min_size=1, max_size=4),
    said=st.lists(texts, max_size=3),
)  # fmt: skip


def lay_out(one: Hostile, submitted: Path, honest: Any) -> str:
    """Write it to the disk; `honest` is a right notebook. Returns the student's name, "" where that is taken."""
    top = os.path.join(os.fsencode(submitted), one.name)
    if os.path.lexists(top) or one.name.startswith(b"."):
        return ""
    if one.notebook == "a file":
        Path(os.fsdecode(top)).write_bytes(one.raw)
        return os.fsdecode(one.name)
    folder = os.path.join(top, b"mini")
    os.makedirs(folder)
    target = os.path.join(folder, b"mini.ipynb")
    if one.notebook in ("edited", "mutated"):
        made = copy.deepcopy(honest)
        for cell in made["cells"]:
            if cell["metadata"].get("course"):
                cell["source"] = one.form
        made["cells"] += [{"cell_type": KINDS[len(text) % 3], "metadata": {"x": text}, "source": text, "id": text}
                          for text in one.sources]  # fmt: skip
        rng = Random(one.seed)
        raw = json.dumps(made).encode() if one.notebook == "edited" else mutated(rng, made)
        _write(target, raw)
    elif one.notebook == "raw":
        _write(target, one.raw)
    elif one.notebook == "folder":
        os.mkdir(target)
        _write(os.path.join(target, b"mini.ipynb"), one.raw)
    elif one.notebook == "pipe":
        os.mkfifo(target)
    elif one.notebook == "link":
        os.symlink(b"../../ann/mini/mini.ipynb", target)
    for name, kind, content in one.files:
        path = os.path.join(folder, name)
        if not os.path.lexists(path):
            _beside(path, kind, content)
    if one.timestamp is not None and not os.path.lexists(os.path.join(folder, b"timestamp.txt")):
        _write(os.path.join(folder, b"timestamp.txt"), one.timestamp)
    return os.fsdecode(one.name)


def _beside(path: bytes, kind: str, content: bytes) -> None:
    if kind == "folder":
        os.mkdir(path)
        _write(os.path.join(path, b"x" * 255), content)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind in ("loop", "link"):
        os.symlink(os.path.basename(path) if kind == "loop" else b"/dev/zero", path)
    elif kind == "socket":
        here = os.open(os.path.dirname(path), os.O_RDONLY)
        with socket.socket(socket.AF_UNIX) as plug, contextlib.suppress(OSError):  # of a name that is too long
            plug.bind(f"/proc/self/fd/{here}/".encode() + os.path.basename(path))
        os.close(here)
    elif kind == "hole":
        _write(path, content)
        os.truncate(path, 10**12)
    elif kind == "deep":
        os.mkdir(path)
        chain(Path(os.fsdecode(path)), 300)
    else:
        _write(path, content)


def _write(path: bytes, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
