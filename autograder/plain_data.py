"""Dataclasses that go to another process or into a file as plain data, and come back checked."""

from __future__ import annotations

import functools
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, TypeAdapter


class Plain:
    """For a dataclass: `plain` is what JSON can hold of it, `of` the opposite, which raises ValueError for all else."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    def plain(self) -> Any:
        return _adapter(type(self)).dump_python(self, mode="json")  # type: ignore[arg-type]

    @classmethod
    def of(cls, plain: Any) -> Self:
        found: Self = _adapter(cls).validate_python(plain)  # type: ignore[arg-type]
        return found


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
