"""Which JSON types a schema allows, whatever it refers to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

ALL = frozenset(("string", "integer", "number", "boolean", "null", "object", "array"))
STRING = frozenset(("string",))
_NAMES = {
    **{name: name for name in ALL},
    **dict.fromkeys(("str", "text", "enum"), "string"),
    **dict.fromkeys(("int", "long"), "integer"),
    **dict.fromkeys(("float", "double"), "number"),
    "bool": "boolean",
    "dict": "object",
    **dict.fromkeys(("list", "tuple"), "array"),
}  # some tools name types as Python does
_DEEPEST = 16


def types(schema: Any, root: Any) -> frozenset[str]:
    """The JSON types that a schema allows; `root` is where its references point into.

    Every part of it is looked at once, however often it is referred to; what refers to itself may be anything.
    """
    return _types(schema, root, {}, 0)


def _types(schema: Any, root: Any, known: dict[int, frozenset[str]], depth: int) -> frozenset[str]:
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return ALL
    if id(schema) not in known:
        known[id(schema)] = ALL  # while it is looked at
        known[id(schema)] = _allowed(schema, root, known, depth + 1)
    return known[id(schema)]


def _allowed(schema: Mapping[str, Any], root: Any, known: dict[int, frozenset[str]], depth: int) -> frozenset[str]:
    if isinstance(reference := schema.get("$ref"), str):
        return _types(referred(reference, root), root, known, depth)
    if isinstance(values := schema.get("enum"), Sequence) and values and not isinstance(values, str):
        return frozenset(_type(value) for value in values)
    if "const" in schema:
        return frozenset((_type(schema["const"]),))
    named = schema.get("type")
    if isinstance(named, str):
        named = [named]
    if isinstance(named, Sequence) and named:
        return frozenset().union(*({_NAMES[name]} if name in _NAMES else ALL for name in map(str, named)))
    allowed = ALL
    for key in ("anyOf", "oneOf"):
        if isinstance(choices := schema.get(key), Sequence) and choices:
            allowed &= frozenset().union(*(_types(choice, root, known, depth) for choice in choices))
    if isinstance(parts := schema.get("allOf"), Sequence):
        for part in parts:
            allowed &= _types(part, root, known, depth)
    if "properties" in schema and allowed == ALL:
        return frozenset(("object",))
    return allowed or ALL


def referred(reference: str, root: Any) -> Any:
    """The part of a schema that a `$ref` into it names; None where there is none."""
    if not reference.startswith("#"):
        return None
    part = root
    for key in reference.removeprefix("#").split("/")[1:]:
        if isinstance(part, list) and key.isdecimal() and int(key) < len(part):
            part = part[int(key)]
        elif isinstance(part, Mapping):
            part = part.get(key.replace("~1", "/").replace("~0", "~"))
        else:
            return None
    return part


def _type(value: Any) -> str:
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (Mapping, "object")):
        if isinstance(value, kind):
            return name
    return "null" if value is None else "array"
