"""The file names of cells, which warnings and syntax errors show."""

import ast
import functools
import inspect
import os
import struct

from IPython.core.compilerop import CachingCompiler


class CellCompiler(CachingCompiler):
    """Cells get ipykernel's file names, which warnings show.

    ``trees``: of texts that were read before, each for one use, since whoever gets one may change it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trees: dict[str, ast.AST] = {}
        self._flags = self.flags

    def ast_parse(self, source: str, filename: str = "<unknown>", symbol: str = "exec") -> ast.AST:
        if symbol == "exec" and self.flags & ~ast.PyCF_ALLOW_TOP_LEVEL_AWAIT == self._flags and source in self.trees:
            return self.trees.pop(source)
        return super().ast_parse(source, filename, symbol)

    def get_code_name(self, raw_code: str, code: str, number: int) -> str:
        name = f"/tmp/ipykernel_{os.getpid()}/{murmur2(raw_code.encode('utf-8', 'replace'))}.py"
        # Else every frame of a traceback makes inspect ask each of 2,000 modules whether this file is its own: 20 ms.
        inspect.modulesbyfile[name] = "__main__"  # type: ignore[attr-defined]
        return name

    def number(self, name: str, number: int) -> None:
        """From now on tracebacks show this file as the cell with that number."""
        self._filename_map[name] = number


@functools.lru_cache(256)
def murmur2(data: bytes, seed: int = 0xC70F6907) -> int:
    """MurmurHash2 of 32 bits (A. Appleby), by which a cell's file name is told in syntax errors and warnings."""
    mix, mask = 0x5BD1E995, 0xFFFFFFFF
    hashed = (seed ^ len(data)) & mask
    whole = len(data) - len(data) % 4
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        word = word * mix & mask
        hashed = (hashed * mix & mask) ^ ((word ^ word >> 24) * mix & mask)
    if data[whole:]:
        hashed = (hashed ^ int.from_bytes(data[whole:], "little")) * mix & mask
    hashed = (hashed ^ hashed >> 13) * mix & mask
    return hashed ^ hashed >> 15
