"""A network and its training from a JSON file; pydantic is needed for that alone, and imported only then.

The published schema, `networks/schema.json`, is generated from `spec_model`: `python -m helpers.nn.spec` prints it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError
from helpers.nn.spec_file import read_json

if TYPE_CHECKING:
    from helpers.nn.spec_model import NetworkSpec

NETWORKS = Path(__file__).parent / "networks"
"""The folder of the networks that come with the course."""


def load_spec(path: str | Path) -> NetworkSpec:
    """The network of a JSON file. CourseError, with the file's name and the field, for whatever is wrong in it."""
    values = read_json(path)
    try:
        return read_spec(values)
    except CourseError as error:
        raise CourseError(f"{Path(path).name}: {error}") from None


def read_spec(values: Any) -> NetworkSpec:
    """The network of what a JSON file holds. CourseError for whatever is wrong."""
    return model().read(values)


def schema() -> dict[str, Any]:
    """The JSON Schema of a network file."""
    return model().schema()


def schema_text() -> str:
    """The schema as it is published in networks/schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def model() -> Any:
    """The module `spec_model`. CourseError where pydantic, which it needs, is missing."""
    try:
        from helpers.nn import spec_model
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("pydantic", "pydantic_core"):
            raise
        raise CourseError(
            "A network in a JSON file is read with the package pydantic, which is not installed: pip install pydantic."
        ) from None
    return spec_model


if __name__ == "__main__":
    print(schema_text(), end="")
