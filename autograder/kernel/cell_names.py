"""The file names of cells, which warnings and syntax errors show."""

import inspect
import os
import struct

from IPython.core.compilerop import CachingCompiler


class CellCompiler(CachingCompiler):
    """Cells get the file names that ipykernel gives them, which warnings show."""

    def get_code_name(self, raw_code: str, code: str, number: int) -> str:
        name = f"/tmp/ipykernel_{os.getpid()}/{murmur2(raw_code.encode('utf-8', 'replace'))}.py"
        # Else every frame of a traceback makes inspect ask each of 2,000 modules whether this file is its own: 20 ms.
        inspect.modulesbyfile[name] = "__main__"  # type: ignore[attr-defined]
        return name

    def number(self, name: str, number: int) -> None:
        """From now on tracebacks call this file the cell of that number."""
        self._filename_map[name] = number


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
