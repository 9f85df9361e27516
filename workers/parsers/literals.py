"""Values written as Python or Gemma write them, read as they grow and emitted as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from workers.parsers import json_text
from workers.parsers.scanner import Incremental, ParseError, Scanner

Emit = Callable[[str], None]

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


def value(scanner: Scanner, emit: Emit, style: Style, depth: int = 0) -> Incremental[None]:
    """Read one value and emit it: strings as they grow, words when they are complete."""
    if depth > _DEEPEST:
        raise ParseError
    yield from scanner.skip_space()
    if quote := (yield from scanner.accept(*style.quotes)):
        yield from string(scanner, emit, quote, style)
    elif bracket := (yield from scanner.accept("{", "[", "(")):
        if bracket == "{":
            yield from _object(scanner, emit, style, depth)
        else:
            yield from _array(scanner, emit, style, "]" if bracket == "[" else ")", depth)
    elif style.loose:
        emit(loose((yield from word(scanner))))
    else:
        emit(_strict((yield from scanner.match(_WORD))))


def string(scanner: Scanner, emit: Emit, quote: str, style: Style) -> Incremental[None]:
    """Read the rest of a string and emit it."""
    emit('"')
    markers = (quote, "\\") if quote in style.escaping else (quote,)
    while True:
        text, marker = yield from scanner.until(*markers)
        if text:
            emit(json_text.quoted(text)[1:-1])
        if marker == quote:
            emit('"')
            return
        if marker:
            emit(json_text.quoted((yield from _escape(scanner)))[1:-1])


def _escape(scanner: Scanner) -> Incremental[str]:
    char = yield from scanner.next_char()
    if char not in _WIDTHS:
        return _ESCAPES.get(char, char if char in "\\'\"/" else "\\" + char)
    digits = ""
    for _ in range(_WIDTHS[char]):
        digits += yield from scanner.next_char()
    try:
        return chr(int(digits, 16))
    except (ValueError, OverflowError):
        raise ParseError from None


def _object(scanner: Scanner, emit: Emit, style: Style, depth: int) -> Incremental[None]:
    emit("{")
    first = True
    while True:
        yield from scanner.skip_space()
        if (yield from scanner.accept("}")):
            emit("}")
            return
        name = yield from key(scanner, style)
        emit(("" if first else ", ") + json_text.quoted(name) + ": ")
        first = False
        yield from value(scanner, emit, style, depth + 1)
        yield from _comma(scanner, "}")


def _array(scanner: Scanner, emit: Emit, style: Style, close: str, depth: int) -> Incremental[None]:
    emit("[")
    first = True
    while True:
        yield from scanner.skip_space()
        if (yield from scanner.accept(close)):
            emit("]")
            return
        if not first:
            emit(", ")
        first = False
        yield from value(scanner, emit, style, depth + 1)
        yield from _comma(scanner, close)


def _comma(scanner: Scanner, close: str) -> Incremental[None]:
    yield from scanner.skip_space()
    if not (yield from scanner.accept(",")) and not (yield from scanner.looking_at(close)):
        raise ParseError


def key(scanner: Scanner, style: Style) -> Incremental[str]:
    """Read a property's name, quoted or not, and the colon after it."""
    if quote := (yield from scanner.accept(*style.quotes)):
        parts: list[str] = []
        yield from string(scanner, parts.append, quote, style)
        name = json.loads("".join(parts))
        yield from scanner.skip_space()
        yield from scanner.expect(":")
        return str(name)
    name = yield from scanner.name_before(":")
    if not name or any(char in name for char in "{}[]<>"):
        raise ParseError
    return str(name)


def word(scanner: Scanner, *ends: str) -> Incremental[str]:
    """Read text without marks around it, up to what ends a value or one of these, which is left."""
    parts = ""
    while True:
        parts += yield from scanner.match(_LOOSE, _MUCH)
        if (yield from scanner.looking_at(",", "}", "]", *ends)):
            return parts.strip()


def loose(text: str) -> str:
    """JSON of a word: what reads as a number, a boolean or null is one, the rest is a string."""
    try:
        return _strict(text)
    except ParseError:
        return json_text.quoted(text)


def _strict(text: str) -> str:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if zeros := PADDED.fullmatch(text):
        return zeros[1] + zeros[2]
    reader = json_text.JsonReader()
    end = reader.feed(text, 0, len(text))
    if not reader.complete or end < len(text):
        raise ParseError
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
