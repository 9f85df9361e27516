"""One JSON value read as it grows: how far the text is the beginning of one, and where it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from workers.parsers.scanner import Incremental, ParseError, Scanner

_DEEPEST = 200  # levels; readers of JSON give up not much further down
_SPACE = re.compile(r"[ \t\n\r]+")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]+')
_HEX = re.compile(r"[0-9a-fA-F]+")
_DIGIT = frozenset("0123456789")
_WORDS = {"t": "true", "f": "false", "n": "null"}

# Of a number: what may follow each of its parts, and which of them may be the last.
_NUMBER = {
    "-": {**dict.fromkeys("123456789", "1"), "0": "0"},
    "0": {".": ".", "e": "e", "E": "e"},
    "1": {**dict.fromkeys(_DIGIT, "1"), ".": ".", "e": "e", "E": "e"},
    ".": dict.fromkeys(_DIGIT, "f"),
    "f": {**dict.fromkeys(_DIGIT, "f"), "e": "e", "E": "e"},
    "e": {**dict.fromkeys(_DIGIT, "x"), "+": "+", "-": "+"},
    "+": dict.fromkeys(_DIGIT, "x"),
    "x": dict.fromkeys(_DIGIT, "x"),
}
_LAST = frozenset("01fx")


class JsonReader:
    """Reads one JSON value; control characters in strings, which JSON forbids and models write, come out escaped."""

    def __init__(self) -> None:
        self.done = False
        self.broken = False
        self._levels: list[str] = []  # the brackets that are open
        self._state: Callable[[str, int, int], int] = self._value
        self._number = ""
        self._word = ""
        self._digits = 0  # of a \\u escape, still to come
        self._key = False  # whether the string is a property's name
        self._read: list[str] = []

    def feed(self, text: str, at: int, stop: int) -> int:
        """Read a part of a text, up to where the value ends or breaks."""
        while at < stop and not self.done and not self.broken:
            at = self._state(text, at, stop)
        return at

    def take(self) -> str:
        """What was read since the last time: the beginning of a valid value, or a piece of one."""
        read = "".join(self._read)
        self._read.clear()
        return read

    @property
    def complete(self) -> bool:
        """Whether the value could end here: only a number goes on until something else comes."""
        return self.done or (not self._levels and self._state == self._in_number and self._number in _LAST)

    def _take(self, text: str, at: int, state: Callable[[str, int, int], int]) -> int:
        self._read.append(text[at])
        self._state = state
        return at + 1

    def _skip(self, text: str, at: int, stop: int) -> int:
        if match := _SPACE.match(text, at, stop):
            self._read.append(match[0])
            return match.end()
        return at

    def _break(self, at: int) -> int:
        self.broken = True
        return at

    def _ended(self) -> None:
        if self._levels:
            self._state = self._more
        else:
            self.done = True

    def _value(self, text: str, at: int, stop: int) -> int:
        if (after := self._skip(text, at, stop)) > at:
            return after
        char = text[at]
        if char in "{[":
            if len(self._levels) == _DEEPEST:
                return self._break(at)
            self._levels.append(char)
            return self._take(text, at, self._first_key if char == "{" else self._first_item)
        if char == '"':
            self._key = False
            return self._take(text, at, self._in_string)
        if char == "-" or char in _DIGIT:
            self._number = char if char in "-0" else "1"
            return self._take(text, at, self._in_number)
        if char in _WORDS:
            self._word = _WORDS[char][1:]
            return self._take(text, at, self._in_word)
        return self._break(at)

    def _first_item(self, text: str, at: int, stop: int) -> int:
        return self._close(text, at) if text[at] == "]" else self._spaced(text, at, stop, self._value)

    def _first_key(self, text: str, at: int, stop: int) -> int:
        return self._close(text, at) if text[at] == "}" else self._next_key(text, at, stop)

    def _next_key(self, text: str, at: int, stop: int) -> int:
        if text[at] == '"':
            self._key = True
            return self._take(text, at, self._in_string)
        return self._spaced(text, at, stop, None)

    def _colon(self, text: str, at: int, stop: int) -> int:
        return self._take(text, at, self._value) if text[at] == ":" else self._spaced(text, at, stop, None)

    def _more(self, text: str, at: int, stop: int) -> int:
        opened = self._levels[-1]
        if text[at] == ",":
            return self._take(text, at, self._next_key if opened == "{" else self._value)
        if text[at] == ("}" if opened == "{" else "]"):
            return self._close(text, at)
        return self._spaced(text, at, stop, None)

    def _spaced(self, text: str, at: int, stop: int, other: Callable[[str, int, int], int] | None) -> int:
        if (after := self._skip(text, at, stop)) > at:
            return after
        return other(text, at, stop) if other else self._break(at)

    def _close(self, text: str, at: int) -> int:
        self._levels.pop()
        self._read.append(text[at])
        self._ended()
        return at + 1

    def _in_string(self, text: str, at: int, stop: int) -> int:
        if match := _PLAIN.match(text, at, stop):
            self._read.append(match[0])
            return match.end()
        char = text[at]
        if char == "\\":
            return self._take(text, at, self._in_escape)
        if char != '"':
            self._read.append(json.dumps(char)[1:-1])
            return at + 1
        self._read.append(char)
        if self._key:
            self._state = self._colon
        else:
            self._ended()
        return at + 1

    def _in_escape(self, text: str, at: int, stop: int) -> int:
        if text[at] == "u":
            self._digits = 4
            return self._take(text, at, self._in_hex)
        return self._take(text, at, self._in_string) if text[at] in '"\\/bfnrt' else self._break(at)

    def _in_hex(self, text: str, at: int, stop: int) -> int:
        match = _HEX.match(text, at, min(stop, at + self._digits))
        if not match:
            return self._break(at)
        self._read.append(match[0])
        self._digits -= len(match[0])
        if not self._digits:
            self._state = self._in_string
        return match.end()

    def _in_number(self, text: str, at: int, stop: int) -> int:
        following = _NUMBER[self._number].get(text[at])
        if following:
            self._number = following
            return self._take(text, at, self._in_number)
        if self._number not in _LAST:
            return self._break(at)
        self._ended()
        return at

    def _in_word(self, text: str, at: int, stop: int) -> int:
        if text[at] != self._word[0]:
            return self._break(at)
        self._word = self._word[1:]
        self._read.append(text[at])
        if not self._word:
            self._ended()
        return at + 1


def value(scanner: Scanner, emit: Callable[[str], None], step: int | None = None) -> Incremental[None]:
    """Read one value and emit its text as it grows, `step` characters at a time; of a broken one what is valid."""
    reader = JsonReader()
    while not reader.done:
        yield from scanner.scan(reader.feed, step)
        if text := reader.take():
            emit(text)
        if reader.broken:
            raise ParseError


def string(scanner: Scanner) -> Incremental[str]:
    """Read a string."""
    if (yield from scanner.peek()) != '"':
        raise ParseError
    parts: list[str] = []
    yield from value(scanner, parts.append)
    text = str(json.loads("".join(parts)))
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ParseError  # half a character is no name
    return text


def quoted(text: str) -> str:
    """A text as a JSON string; half characters, which UTF-8 cannot carry, are escaped."""
    plain = json.dumps(text, ensure_ascii=False)
    return plain if plain.isascii() or not any("\ud800" <= char <= "\udfff" for char in text) else json.dumps(text)


def written(arguments: object) -> str:
    """A value as models write JSON."""
    return json.dumps(arguments, ensure_ascii=False)


class Unescaper:
    """Takes a JSON string's text piece by piece and gives what it means; half characters stay escaped."""

    _ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}  # noqa: RUF012

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """More of the string's text, quotation marks and all, cut nowhere or anywhere."""
        text, self._held = self._held + text, ""
        parts: list[str] = []
        at = 0
        while at < len(text):
            char = text[at]
            if char != "\\":
                parts.append("" if char == '"' else char)
                at += 1
                continue
            length = 6 if text[at + 1 : at + 2] == "u" else 2
            if len(text) < at + length:
                self._held = text[at:]
                break
            if length == 2:
                parts.append(self._ESCAPES.get(text[at + 1], text[at + 1]))
            else:
                code = int(text[at + 2 : at + 6], 16)
                parts.append(text[at : at + 6] if 0xD800 <= code <= 0xDFFF else chr(code))
            at += length
        return "".join(parts)
