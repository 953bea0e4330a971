"""The networks that come with the course, by name."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.errors import CourseError
from helpers.nn.spec import NETWORKS, load_spec, model

if TYPE_CHECKING:
    from helpers.nn.spec_model import NetworkSpec


def names() -> list[str]:
    """The names that `find_spec` knows, sorted."""
    return sorted(path.stem for path in NETWORKS.glob("*.json") if path.name != "schema.json")


def find_spec(network: str | Path | NetworkSpec) -> NetworkSpec:
    """The network of a JSON file's path, of a name that comes with the course, or of a spec itself.

    A path that exists comes before a name. CourseError for anything that is none of these, and for what is wrong in
    the file.
    """
    if not isinstance(network, str | Path) and isinstance(network, model().NetworkSpec):
        return network
    path, known = Path(str(network)), names()
    if str(network) in [f"{name}.json" for name in known] and not path.exists():
        path = NETWORKS / path
    if path.suffix == ".json" or path.is_file():
        return load_spec(path)
    if str(network) in known:
        return load_spec(NETWORKS / f"{network}.json")
    close = get_close_matches(str(network), known, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise CourseError(
        f"There is no network {str(network)!r}{hint}; give the path of a JSON file, or one of {', '.join(known)}."
    )
