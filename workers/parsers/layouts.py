"""How a call's arguments are laid out for a grammar, property by property, from the tool's JSON schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workers.parsers.grammar_parts import Either, Free, GrammarPart, Lark, Maybe, Value
from workers.parsers.schema_types import types

LARK = "x-lark"  # in a schema of ours: the grammar that makes the string, a value that no JSON holds
_DEFINITIONS = ("$defs", "definitions")


def ordered(schema: Mapping[str, Any]) -> list[tuple[str, Any, bool]]:
    """Name, schema and whether it is required of a call's properties, the required ones first."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return []
    required = schema.get("required")
    names = set(required) if isinstance(required, Iterable) and not isinstance(required, str) else set()
    entries = [(str(key), inside(value, schema), key in names) for key, value in properties.items()]
    return sorted(entries, key=lambda entry: not entry[2])


def whole(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a call's arguments, which are an object even where it does not say so."""
    return schema if "type" in schema else {"type": "object", **schema}


def inside(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any] | bool:
    """A part of a schema as one of its own: with the definitions that it may refer to."""
    if not isinstance(schema, Mapping):
        return schema if isinstance(schema, bool) else True
    return {**{key: root[key] for key in _DEFINITIONS if key in root}, **schema}


def bare(schema: Mapping[str, Any] | bool, end: str, line: str = "") -> Sequence[GrammarPart]:
    """How a value is written that is JSON unless it may be a string, which stands as it is up to a marker.

    `line` before the marker is not part of a string.
    """
    return string(schema, end, line) if "string" in types(schema, schema) else (Value(schema), end)


def string(schema: Mapping[str, Any] | bool, end: str, line: str = "") -> Sequence[GrammarPart]:
    """How a string is written that stands as it is up to a marker, as far as its schema bounds it."""
    if not isinstance(schema, Mapping):
        return (Free(end),)
    if isinstance(grammar := schema.get(LARK), Lark):
        return (grammar, line + end)
    choices = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(choices, list) and choices and all(isinstance(choice, str) for choice in choices):
        return (Either(choices), end)
    least, most, pattern = (schema.get(key) for key in ("minLength", "maxLength", "pattern"))
    return (
        Free(
            end,
            least if isinstance(least, int) else 0,
            most if isinstance(most, int) else None,
            _whole(pattern) if isinstance(pattern, str) else None,
        ),
    )


def _whole(pattern: str) -> str:
    """A schema's pattern, which may match anywhere unless it is anchored, as one of the whole text."""
    begins, ends = pattern.startswith("^"), pattern.endswith("$") and not pattern.endswith("\\$")
    inner = pattern[int(begins) : len(pattern) - int(ends)]
    return f"{'' if begins else '(?s:.*)'}(?:{inner}){'' if ends else '(?s:.*)'}"


def optional(required: bool, parts: Sequence[GrammarPart]) -> Sequence[GrammarPart]:
    """The parts of a property, or of one that may be missing."""
    return parts if required else (Maybe(parts),)
