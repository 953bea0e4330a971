"""Sentences about what is wrong in a network file: the field's path, what was expected, what was found.

What is expected is read from the JSON Schema, so that the sentences and the published schema can't disagree.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from helpers.backend import nearest
from helpers.errors import CourseError

SHOWN = 60


def sentence(errors: Sequence[Any], schema: dict[str, Any]) -> str:
    """One sentence about the most helpful of pydantic's errors: a key that doesn't exist comes before a missing one,
    since it often is that one mistyped.
    """
    error = min(errors, key=lambda e: e["type"] != "extra_forbidden")
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, CourseError):
        return str(cause)
    keys, fragment, owner, tag = _follow(error["loc"], schema)
    path, kind = _path(keys), error["type"]
    if kind in ("string_unicode", "invalid_key"):
        return f"{path or 'the file'}: a key or a text here holds half a character; write names in plain letters."
    if kind == "extra_forbidden":
        valid = list(owner["properties"])
        whose = tag or _path(keys[:-1]) or "the file"
        hint = nearest(str(keys[-1])[:SHOWN], valid)
        return f"{path}: there is no such key{hint}; {whose} takes {', '.join(valid)}."
    if kind in ("union_tag_not_found", "missing"):
        name = f"{path}.type" if kind == "union_tag_not_found" else path
        if kind == "union_tag_not_found" and not isinstance(error["input"], dict):
            return f"{path}: expected {expected(fragment, schema)}, found {found(error['input'])}."
        return f"{name}: this key is missing; expected {_type_expected(fragment, schema, kind)}."
    value = error["input"]
    if kind == "union_tag_invalid":
        value = value.get("type")
        names = list(fragment["discriminator"]["mapping"])
        hint = nearest(value[:SHOWN], names) if isinstance(value, str) else ""
        return f"{path}.type: expected {_one_of(names)}, found {found(value)}{hint}."
    names = _names(fragment)
    hint = nearest(value[:SHOWN], names) if names and isinstance(value, str) else ""
    return f"{path or 'the file'}: expected {expected(fragment, schema)}, found {found(value)}{hint}."


def expected(fragment: dict[str, Any], schema: dict[str, Any]) -> str:
    """What a piece of the schema asks for, in words."""
    if "$ref" in fragment:
        return f"an object that may have {_one_of(list(_resolve(fragment, schema)['properties']))}"
    if "discriminator" in fragment:
        return f'an object whose "type" is {_one_of(list(fragment["discriminator"]["mapping"]))}'
    if "anyOf" in fragment:
        return ", or ".join(expected(part, schema) for part in fragment["anyOf"])
    if _names(fragment):
        return _one_of(_names(fragment))
    kind = fragment.get("type")
    if kind == "array" and "discriminator" not in fragment["items"]:
        return f"a list of {fragment['maxItems']} whole numbers{_bounds(fragment['items'])}"
    if kind in ("integer", "number"):
        return ("a whole number" if kind == "integer" else "a number") + _bounds(fragment)
    if kind == "boolean":
        return "true or false"
    if kind == "string":
        return f"a text of {fragment.get('minLength', 0)} to {fragment['maxLength']} characters"
    return f"a list of 1 to {fragment['maxItems']:,} objects" if kind == "array" else "an object with keys and values"


def found(value: Any) -> str:
    """A value as JSON if it is short, else what kind of thing it is."""
    if isinstance(value, dict):
        return f"an object with {len(value)} keys" if len(value) != 1 else "an object with one key"
    if isinstance(value, list) and (len(value) > 4 or any(isinstance(v, dict | list) for v in value)):
        return f"a list of {len(value)}"
    if isinstance(value, int) and abs(value) > 10**20:
        return "a very large whole number"
    text = json.dumps(value, default=str)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def _follow(loc: Sequence[Any], schema: dict[str, Any]) -> tuple[list[Any], dict, dict, str]:
    """(keys as they stand in the file, schema of the last, schema of the object that holds it, that object's type)."""
    keys: list[Any] = []
    fragment = owner = schema
    tag = ""
    for part in loc:
        if "discriminator" in fragment:
            # pydantic puts the chosen "type" into the path, where the file has no such key.
            tag = part
            fragment = _resolve({"$ref": fragment["discriminator"]["mapping"][part]}, schema)
            continue
        keys.append(part)
        owner = _resolve(fragment, schema)
        fragment = owner["items"] if isinstance(part, int) else owner["properties"].get(part, {})
    return keys, fragment, owner, tag


def _resolve(fragment: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    return schema["$defs"][fragment["$ref"].rsplit("/", 1)[-1]] if "$ref" in fragment else fragment


def _path(keys: Sequence[Any]) -> str:
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        elif str(key).replace("$", "").isidentifier() and key.isascii() and len(key) <= SHOWN:
            text += f".{key}" if text else key
        else:
            text += f"[{key[:SHOWN]!a}]"
    return text


def _type_expected(fragment: dict[str, Any], schema: dict[str, Any], kind: str) -> str:
    if kind == "union_tag_not_found":
        return _one_of(list(fragment["discriminator"]["mapping"]))
    return expected(fragment, schema)


def _names(fragment: dict[str, Any]) -> list[str]:
    own = fragment.get("enum") or ([fragment["const"]] if "const" in fragment else [])
    return [*own, *(name for part in fragment.get("anyOf", []) for name in _names(part))]


def _one_of(names: Sequence[str]) -> str:
    quoted = [f'"{name}"' for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _bounds(fragment: dict[str, Any]) -> str:
    if "minimum" in fragment and "maximum" in fragment:
        return f" from {_plain(fragment['minimum'])} to {_plain(fragment['maximum'])}"
    if "minimum" in fragment and "exclusiveMaximum" in fragment:
        return f" from {_plain(fragment['minimum'])} to below {_plain(fragment['exclusiveMaximum'])}"
    names = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    words = [f"{word} {_plain(fragment[key])}" for key, word in names.items() if key in fragment]
    return " " + " and ".join(words) if words else ""


def _plain(bound: float) -> str:
    return f"{int(bound):,}" if bound == int(bound) else f"{bound:g}"
