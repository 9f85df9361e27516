"""Values written as Python or Gemma write them, read as they grow and told as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from workers.parsers import json_text
from workers.parsers.cursor import Broken, Cursor, Waiting

Tell = Callable[[str], None]

_DEEPEST = 100
_WORDS = {"true": "true", "false": "false", "null": "null", "none": "null"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "a": "\a", "v": "\v", "0": "\0", "\n": ""}
_WIDTHS = {"x": 2, "u": 4, "U": 8}
PADDED = re.compile(r"(-?)0+([0-9]+)")  # as Python forbids and models write
_WORD = re.compile(r"[\w.+\-]+")
_LOOSE = re.compile(r"[^,}\]<>{\[]+")
_MUCH = 1 << 20  # characters of a word
_PLAIN_KEY = re.compile(r"[A-Za-z_][\w\-.$]*")


class Style(NamedTuple):
    """Where the ways differ: marks around a string, those in which a backslash escapes, whether words are strings."""

    quotes: tuple[str, ...]
    escaping: tuple[str, ...]
    loose: bool


PYTHON = Style(('"', "'"), ('"', "'"), False)


def value(cursor: Cursor, tell: Tell, style: Style, depth: int = 0) -> Waiting[None]:
    """Read one value and tell it: strings as they grow, words when they are complete."""
    if depth > _DEEPEST:
        raise Broken
    yield from cursor.space()
    if quote := (yield from cursor.comes(*style.quotes)):
        yield from string(cursor, tell, quote, style)
    elif bracket := (yield from cursor.comes("{", "[", "(")):
        if bracket == "{":
            yield from _object(cursor, tell, style, depth)
        else:
            yield from _array(cursor, tell, style, "]" if bracket == "[" else ")", depth)
    elif style.loose:
        tell(loose((yield from word(cursor))))
    else:
        tell(_strict((yield from cursor.run(_WORD))))


def string(cursor: Cursor, tell: Tell, quote: str, style: Style) -> Waiting[None]:
    """Read the rest of a string and tell it."""
    tell('"')
    markers = (quote, "\\") if quote in style.escaping else (quote,)
    while True:
        text, marker = yield from cursor.until(*markers)
        if text:
            tell(json_text.quoted(text)[1:-1])
        if marker == quote:
            tell('"')
            return
        if marker:
            tell(json_text.quoted((yield from _escape(cursor)))[1:-1])


def _escape(cursor: Cursor) -> Waiting[str]:
    char = yield from cursor.any()
    if char not in _WIDTHS:
        return _ESCAPES.get(char, char if char in "\\'\"/" else "\\" + char)
    digits = ""
    for _ in range(_WIDTHS[char]):
        digits += yield from cursor.any()
    try:
        return chr(int(digits, 16))
    except (ValueError, OverflowError):
        raise Broken from None


def _object(cursor: Cursor, tell: Tell, style: Style, depth: int) -> Waiting[None]:
    tell("{")
    first = True
    while True:
        yield from cursor.space()
        if (yield from cursor.comes("}")):
            tell("}")
            return
        name = yield from key(cursor, style)
        tell(("" if first else ", ") + json_text.quoted(name) + ": ")
        first = False
        yield from value(cursor, tell, style, depth + 1)
        yield from _comma(cursor, "}")


def _array(cursor: Cursor, tell: Tell, style: Style, close: str, depth: int) -> Waiting[None]:
    tell("[")
    first = True
    while True:
        yield from cursor.space()
        if (yield from cursor.comes(close)):
            tell("]")
            return
        if not first:
            tell(", ")
        first = False
        yield from value(cursor, tell, style, depth + 1)
        yield from _comma(cursor, close)


def _comma(cursor: Cursor, close: str) -> Waiting[None]:
    yield from cursor.space()
    if not (yield from cursor.comes(",")) and not (yield from cursor.sees(close)):
        raise Broken


def key(cursor: Cursor, style: Style) -> Waiting[str]:
    """Read a property's name, quoted or not, and the colon after it."""
    if quote := (yield from cursor.comes(*style.quotes)):
        parts: list[str] = []
        yield from string(cursor, parts.append, quote, style)
        name = json.loads("".join(parts))
        yield from cursor.space()
        yield from cursor.must(":")
        return str(name)
    name = yield from cursor.short(":")
    if not name or any(char in name for char in "{}[]<>"):
        raise Broken
    return str(name)


def word(cursor: Cursor, *ends: str) -> Waiting[str]:
    """Read text without marks around it, up to what ends a value or one of these, which is left."""
    parts = ""
    while True:
        parts += yield from cursor.run(_LOOSE, _MUCH)
        if (yield from cursor.sees(",", "}", "]", *ends)):
            return parts.strip()


def loose(text: str) -> str:
    """JSON of a word: what reads as a number, a boolean or null is one, the rest is a string."""
    try:
        return _strict(text)
    except Broken:
        return json_text.quoted(text)


def _strict(text: str) -> str:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if zeros := PADDED.fullmatch(text):
        return zeros[1] + zeros[2]
    reader = json_text.Value()
    end = reader.hear(text, 0, len(text))
    if not reader.complete or end < len(text):
        raise Broken
    return text


def written(given: Any, quote: str) -> str:
    """A value as Gemma writes it: strings between marks, names of properties bare."""
    if isinstance(given, str):
        return quote + given + quote
    if isinstance(given, Mapping):
        return "{" + properties(given, quote) + "}"
    if isinstance(given, list | tuple):
        return "[" + ",".join(written(entry, quote) for entry in given) + "]"
    return json_text.written(given)


def properties(given: Mapping[str, Any], quote: str) -> str:
    """The properties of an object as Gemma writes them."""
    return ",".join(named(key, quote) + ":" + written(entry, quote) for key, entry in given.items())


def named(key: str, quote: str) -> str:
    """A property's name as Gemma writes it: bare if it looks like one."""
    return key if _PLAIN_KEY.fullmatch(key) else quote + key + quote
