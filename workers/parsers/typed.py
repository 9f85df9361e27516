"""Values written without JSON, typed by the tool's JSON schema, or by how they read where it says nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from workers.parsers import json_text, literals
from workers.parsers.cursor import Broken, Cursor, Waiting
from workers.parsers.parser_events import Either, Free, Maybe, Part, Value

ALL = frozenset(("string", "integer", "number", "boolean", "null", "object", "array"))
_STRING = frozenset(("string",))
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
_NULL = 16  # characters of a null, with whitespace around it
_WHOLE = re.compile(r"(-?[0-9]+)\.0+")
_DEFINITIONS = ("$defs", "definitions")


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
        return _types(_referred(reference, root), root, known, depth)
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


def _referred(reference: str, root: Any) -> Any:
    found = root
    for key in reference.removeprefix("#").split("/")[1:]:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key.replace("~1", "/").replace("~0", "~"))
    return found


def _type(value: Any) -> str:
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (Mapping, "object")):
        if isinstance(value, kind):
            return name
    return "null" if value is None else "array"


def typed(text: str, allowed: frozenset[str]) -> str:
    """JSON of a value written bare: as its types want it; a text that fits none of them stays a string."""
    if allowed == _STRING:
        return json_text.quoted(text)
    bare = text.strip()
    if "string" in allowed and literals.PADDED.fullmatch(bare):
        return json_text.quoted(text)  # a code, and no number
    for found in (_json(bare), _python(bare)):
        if not found:
            continue
        kind = _json_type(found)
        if kind == "string":
            if "string" not in allowed and (inner := typed(str(json.loads(found)), allowed))[0] != '"':
                return inner
        elif kind in allowed or (kind == "integer" and "number" in allowed):
            return found
        elif kind == "number" and "integer" in allowed and (whole := _WHOLE.fullmatch(found)):
            return whole[1]
    if "boolean" in allowed and bare.lower() in ("true", "false"):
        return bare.lower()
    if "null" in allowed and bare.lower() in ("null", "none"):
        return "null"
    return json_text.quoted(text)


def _json(text: str) -> str:
    reader = json_text.Value()
    end = reader.hear(text, 0, len(text))
    return reader.said() if reader.complete and end == len(text) else ""


def _json_type(text: str) -> str:
    first = {"{": "object", "[": "array", '"': "string", "t": "boolean", "f": "boolean", "n": "null"}.get(text[0])
    return first or ("integer" if text.lstrip("-").isdecimal() else "number")


def _python(text: str) -> str:
    """JSON of a Python literal, as models write objects and lists now and then."""
    cursor = Cursor()
    cursor.feed(text)
    cursor.end()
    said: list[str] = []
    try:
        for _ in literals.value(cursor, said.append, literals.PYTHON):
            pass
    except Broken:
        return ""
    return "".join(said) if cursor.at_end else ""


class Property:
    """Tells one property of a call's arguments: a string as it grows, another value when it is complete."""

    def __init__(self, cursor: Cursor, key: str, allowed: frozenset[str]) -> None:
        self._cursor, self._allowed = cursor, allowed
        self._before = key
        self._parts: list[str] = []
        self._streams = allowed == _STRING

    def begin(self) -> None:
        """The value begins: a string is told from here on."""
        if self._streams:
            self._cursor.arguments(self._before + '"')

    def hear(self, text: str) -> None:
        """More of the value."""
        if self._streams:
            if text:
                self._cursor.arguments(json_text.quoted(text)[1:-1])
            return
        self._parts.append(text)
        if self._allowed == {"string", "null"} and not self._may_be_null():
            self._streams = True
            self.begin()
            self.hear("".join(self._parts))

    def end(self) -> None:
        """The value is complete."""
        if self._streams:
            self._cursor.arguments('"')
        else:
            self._cursor.arguments(self._before + typed("".join(self._parts), self._allowed))

    def _may_be_null(self) -> bool:
        text = "".join(self._parts)
        bare = text.strip().lower()
        return len(text) <= _NULL and ("null".startswith(bare) or "none".startswith(bare))


def fill(
    cursor: Cursor,
    property: Property,
    *ends: str,
    others: Sequence[str] = (),
    is_end: Callable[[str], Waiting[bool]] | None = None,
) -> Waiting[None]:
    """Read a value up to one of these markers.

    Where models forget it, one of `others` ends the value too if `is_end`, which reads it and what follows, says so;
    it is left to be read.
    """
    property.begin()
    while True:
        text, marker = yield from cursor.until(*ends, *others)
        if marker is not None and marker in others:
            cursor.leave(marker)
        property.hear(text)
        if marker in ends:
            break
        if marker is not None:
            if is_end is None or (yield from cursor.ahead(is_end(marker))):
                break
            property.hear((yield from cursor.must(marker)))
    property.end()


class Object:
    """Tells a call whose arguments come property by property."""

    def __init__(self, cursor: Cursor, name: str, tools: Mapping[str, Mapping[str, Any]]) -> None:
        self._cursor, self._name = cursor, name
        self._schema: Any = tools.get(name, {})
        self._begun = False
        self._told: set[str] = set()

    def begin(self) -> None:
        """Tell the call's name and the beginning of its arguments, once."""
        if not self._begun:
            self._begun = True
            self._cursor.call(self._name)
            self._cursor.arguments("{")

    @property
    def root(self) -> Any:
        """The function's schema, into which the references in it point."""
        return self._schema

    def schema(self, key: str) -> Any:
        """A property's schema, None where there is none."""
        properties = self._schema.get("properties") if isinstance(self._schema, Mapping) else None
        return properties.get(key) if isinstance(properties, Mapping) else None

    def allowed(self, key: str) -> frozenset[str]:
        """The types of a property."""
        return types(self.schema(key), self._schema)

    def awaits(self, key: str) -> bool:
        """Whether the function has this property, and it was not told yet."""
        return self.schema(key) is not None and key not in self._told

    def key(self, key: str) -> str:
        """The beginning of the next property's text."""
        first = not self._told
        self._told.add(key)
        return ("" if first else ", ") + json_text.quoted(key) + ": "

    def property(self, key: str) -> Property:
        """The next property."""
        return Property(self._cursor, self.key(key), self.allowed(key))

    def end(self) -> None:
        """The call is complete."""
        self.begin()
        self._cursor.arguments("}")
        self._cursor.returned()


def ordered(schema: Mapping[str, Any]) -> list[tuple[str, Any, bool]]:
    """Name, schema and whether it is required of a call's properties, the required ones first."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return []
    required = schema.get("required")
    names = set(required) if isinstance(required, Iterable) and not isinstance(required, str) else set()
    every = [(str(key), inside(value, schema), key in names) for key, value in properties.items()]
    return sorted(every, key=lambda entry: not entry[2])


def whole(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a call's arguments, which are an object even where it does not say so."""
    return schema if "type" in schema else {"type": "object", **schema}


def inside(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any] | bool:
    """A part of a schema as one of its own: with the definitions that it may refer to."""
    if not isinstance(schema, Mapping):
        return schema if isinstance(schema, bool) else True
    return {**{key: root[key] for key in _DEFINITIONS if key in root}, **schema}


def bare(schema: Mapping[str, Any] | bool, end: str) -> Sequence[Part]:
    """How a value is written that is JSON unless it may be a string, which stands as it is up to a marker."""
    return string(schema, end) if "string" in types(schema, schema) else (Value(schema), end)


def string(schema: Mapping[str, Any] | bool, end: str) -> Sequence[Part]:
    """How a string is written that stands as it is up to a marker, as far as its schema bounds it."""
    if not isinstance(schema, Mapping):
        return (Free(end),)
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


def optional(required: bool, parts: Sequence[Part]) -> Sequence[Part]:
    """The parts of a property, or of one that may be missing."""
    return parts if required else (Maybe(parts),)
