"""Values written as Python or Gemma write them, read as they grow and told as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from workers.parsers import json_text
from workers.parsers.tape import Broken, Tape, Waiting

Tell = Callable[[str], None]

_DEEPEST = 100
_WORDS = {"true": "true", "false": "false", "null": "null", "none": "null"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "a": "\a", "v": "\v", "0": "\0", "\n": ""}
_WIDTHS = {"x": 2, "u": 4, "U": 8}
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


def value(tape: Tape, tell: Tell, style: Style, depth: int = 0) -> Waiting[None]:
    """Read one value and tell it: strings as they grow, words when they are complete."""
    if depth > _DEEPEST:
        raise Broken
    yield from tape.space()
    if quote := (yield from tape.comes(*style.quotes)):
        yield from string(tape, tell, quote, style)
    elif bracket := (yield from tape.comes("{", "[", "(")):
        if bracket == "{":
            yield from _object(tape, tell, style, depth)
        else:
            yield from _array(tape, tell, style, "]" if bracket == "[" else ")", depth)
    elif style.loose:
        tell(loose((yield from word(tape))))
    else:
        tell(_strict((yield from tape.run(_WORD))))


def string(tape: Tape, tell: Tell, quote: str, style: Style) -> Waiting[None]:
    """Read the rest of a string and tell it."""
    tell('"')
    markers = (quote, "\\") if quote in style.escaping else (quote,)
    while True:
        text, marker = yield from tape.until(*markers)
        if text:
            tell(json_text.quoted(text)[1:-1])
        if marker == quote:
            tell('"')
            return
        if marker:
            tell(json_text.quoted((yield from _escape(tape)))[1:-1])


def _escape(tape: Tape) -> Waiting[str]:
    char = yield from tape.any()
    if char not in _WIDTHS:
        return _ESCAPES.get(char, char if char in "\\'\"/" else "\\" + char)
    digits = ""
    for _ in range(_WIDTHS[char]):
        digits += yield from tape.any()
    try:
        return chr(int(digits, 16))
    except (ValueError, OverflowError):
        raise Broken from None


def _object(tape: Tape, tell: Tell, style: Style, depth: int) -> Waiting[None]:
    tell("{")
    first = True
    while True:
        yield from tape.space()
        if (yield from tape.comes("}")):
            tell("}")
            return
        name = yield from key(tape, style)
        tell(("" if first else ", ") + json_text.quoted(name) + ": ")
        first = False
        yield from value(tape, tell, style, depth + 1)
        yield from _comma(tape, "}")


def _array(tape: Tape, tell: Tell, style: Style, close: str, depth: int) -> Waiting[None]:
    tell("[")
    first = True
    while True:
        yield from tape.space()
        if (yield from tape.comes(close)):
            tell("]")
            return
        if not first:
            tell(", ")
        first = False
        yield from value(tape, tell, style, depth + 1)
        yield from _comma(tape, close)


def _comma(tape: Tape, close: str) -> Waiting[None]:
    yield from tape.space()
    if not (yield from tape.comes(",")) and not (yield from tape.sees(close)):
        raise Broken


def key(tape: Tape, style: Style) -> Waiting[str]:
    """Read a property's name, quoted or not, and the colon after it."""
    if quote := (yield from tape.comes(*style.quotes)):
        parts: list[str] = []
        yield from string(tape, parts.append, quote, style)
        name = json.loads("".join(parts))
        yield from tape.space()
        yield from tape.must(":")
        return str(name)
    name = yield from tape.short(":")
    if not name or any(char in name for char in "{}[]<>"):
        raise Broken
    return str(name)


def word(tape: Tape) -> Waiting[str]:
    """Read text without marks around it, up to what ends a value, which is left."""
    parts = ""
    while True:
        parts += yield from tape.run(_LOOSE, _MUCH)
        if (yield from tape.sees(",", "}", "]")):
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
