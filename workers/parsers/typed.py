"""Values written without JSON, typed by the tool's JSON schema, or by how they read where it says nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workers.parsers import json_text, literals
from workers.parsers.cursor import Cursor
from workers.parsers.scanner import Incremental, ParseError
from workers.parsers.schema_types import STRING, types

_NULL = 16  # characters of a null, with whitespace around it
_WHOLE = re.compile(r"(-?[0-9]+)\.0+")


def typed(text: str, allowed: frozenset[str]) -> str:
    """JSON of a value written bare: as its types want it; a text that fits none of them stays a string."""
    if allowed == STRING:
        return json_text.quoted(text)
    bare = text.strip()
    if "string" in allowed and literals.PADDED.fullmatch(bare):
        return json_text.quoted(text)  # a code, and no number
    for written in (_json(bare), _python(bare)):
        if not written:
            continue
        kind = _json_type(written)
        if kind == "string":
            if "string" not in allowed and (inner := typed(str(json.loads(written)), allowed))[0] != '"':
                return inner
        elif kind in allowed or (kind == "integer" and "number" in allowed):
            return written
        elif kind == "number" and "integer" in allowed and (whole := _WHOLE.fullmatch(written)):
            return whole[1]
    if "boolean" in allowed and bare.lower() in ("true", "false"):
        return bare.lower()
    if "null" in allowed and bare.lower() in ("null", "none"):
        return "null"
    return json_text.quoted(text)


def _json(text: str) -> str:
    reader = json_text.JsonReader()
    end = reader.feed(text, 0, len(text))
    return reader.take() if reader.complete and end == len(text) else ""


def _json_type(text: str) -> str:
    first = {"{": "object", "[": "array", '"': "string", "t": "boolean", "f": "boolean", "n": "null"}.get(text[0])
    return first or ("integer" if text.lstrip("-").isdecimal() else "number")


def _python(text: str) -> str:
    """JSON of a Python literal, as models write objects and lists now and then."""
    cursor = Cursor()
    cursor.feed(text)
    cursor.end()
    parts: list[str] = []
    try:
        for _ in literals.value(cursor, parts.append, literals.PYTHON):
            pass
    except ParseError:
        return ""
    return "".join(parts) if cursor.at_end else ""


class PropertyWriter:
    """Emits one property of a call's arguments: a string as it grows, another value when it is complete."""

    def __init__(self, cursor: Cursor, key: str, allowed: frozenset[str]) -> None:
        self._cursor, self._allowed = cursor, allowed
        self._before = key
        self._parts: list[str] = []
        self._streams = allowed == STRING

    def begin(self) -> None:
        """The value begins: a string is emitted from here on."""
        if self._streams:
            self._cursor.arguments(self._before + '"')

    def feed(self, text: str) -> None:
        """More of the value."""
        if self._streams:
            if text:
                self._cursor.arguments(json_text.quoted(text)[1:-1])
            return
        self._parts.append(text)
        if self._allowed == {"string", "null"} and not self._may_be_null():
            self._streams = True
            self.begin()
            self.feed("".join(self._parts))

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
    property: PropertyWriter,
    *ends: str,
    others: Sequence[str] = (),
    is_end: Callable[[str], Incremental[bool]] | None = None,
) -> Incremental[None]:
    """Read a value up to one of these markers.

    Where models forget it, one of `others` ends the value too if `is_end`, which reads it and what follows, says so;
    it is left to be read.
    """
    property.begin()
    while True:
        text, marker = yield from cursor.until(*ends, *others)
        if marker is not None and marker in others:
            cursor.put_back(marker)
        property.feed(text)
        if marker in ends:
            break
        if marker is not None:
            if is_end is None or (yield from cursor.lookahead(is_end(marker))):
                break
            property.feed((yield from cursor.expect(marker)))
    property.end()


class ArgumentsWriter:
    """Emits a call whose arguments come property by property."""

    def __init__(self, cursor: Cursor, name: str, tools: Mapping[str, Mapping[str, Any]]) -> None:
        self._cursor, self._name = cursor, name
        self._schema: Any = tools.get(name, {})
        self._begun = False
        self._keys: set[str] = set()

    def begin(self) -> None:
        """Emit the call's name and the beginning of its arguments, once."""
        if not self._begun:
            self._begun = True
            self._cursor.begin_call(self._name)
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
        """Whether the function has this property, and it has not come yet."""
        return self.schema(key) is not None and key not in self._keys

    def key(self, key: str) -> str:
        """The beginning of the next property's text."""
        first = not self._keys
        self._keys.add(key)
        return ("" if first else ", ") + json_text.quoted(key) + ": "

    def property(self, key: str) -> PropertyWriter:
        """The next property."""
        return PropertyWriter(self._cursor, self.key(key), self.allowed(key))

    def end(self) -> None:
        """The call is complete."""
        self.begin()
        self._cursor.arguments("}")
        self._cursor.end_call()
