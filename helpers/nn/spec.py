"""A network and its training from a JSON file; pydantic is needed for that alone, and imported only then.

The published schema, `networks/schema.json`, is generated from `spec_model`: `python -m helpers.nn.spec` prints it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError
from helpers.nn.spec_errors import sentence
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
    network_spec = model()
    from pydantic import ValidationError

    try:
        return network_spec.model_validate(values)
    except ValidationError as error:
        # The error would keep the whole input alive, and its own text is no sentence.
        text = sentence(error.errors(include_url=False), schema())
    raise CourseError(text)


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of a network file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model().model_json_schema()}


def schema_text() -> str:
    """The schema as it is published in networks/schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def model() -> type[NetworkSpec]:
    """The class NetworkSpec. CourseError where pydantic is missing."""
    try:
        from helpers.nn.spec_model import NetworkSpec
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("pydantic", "pydantic_core"):
            raise
        raise CourseError(
            "A network in a JSON file is read with the package pydantic, which is not installed: pip install pydantic."
        ) from None
    return NetworkSpec


if __name__ == "__main__":
    print(schema_text(), end="")
