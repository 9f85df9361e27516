"""Calls written as JSON: an object with a name and arguments, or a list of such, after a marker."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from workers.parsers import json_text
from workers.parsers.cursor import Cursor
from workers.parsers.grammar_parts import GrammarPart, Value
from workers.parsers.layouts import whole
from workers.parsers.marker_parser import MarkerParser, Within
from workers.parsers.scanner import Incremental, ParseError

_NAMES = frozenset(("name", "tool_name", "function"))
_ARGUMENTS = frozenset(("arguments", "parameters"))
_IDS = frozenset(("id", "tool_call_id"))
_KNOWN = _NAMES | _ARGUMENTS | _IDS | {"type", "tool_calls"}
_LONG = 1024  # characters of a first property's name that need not be waited for
_BEGUN = re.compile(r'\s*\{\s*(?:\}|"(?:[^"\\]|\\.)*"\s*:\s*[^\s])')  # an object, as far as its first value


class JsonCalls(NamedTuple):
    """A format: what begins calls and what ends them, and how a model writes one."""

    markers: Mapping[str, str]  # what begins calls, and what may end them then
    before: str = ""
    between: str = ""
    after: str = ""
    head: str = '{"name": "'  # of one call, up to its name, which is a JSON string without its quotation marks
    middle: str = '", "arguments": '  # up to the arguments
    tail: str = "}"
    bare: tuple[str, ...] = ()  # what begins a call without a marker, at the beginning of a line
    doubtful: tuple[str, ...] = ()  # markers after which JSON may as well be an answer
    dropped: tuple[str, ...] = ()  # markers around the answer
    within: Within = Within.CALL

    def parser(self, tools: Mapping[str, Mapping[str, Any]]) -> MarkerParser:
        """A parser of this format."""
        return MarkerParser((*self.markers, *self.dropped), self._read, self.bare, within=self.within)

    def write(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        """The calls as a model writes them."""
        return self.before + self.between.join(map(self._written, calls)) + self.after if calls else ""

    def layout(self, name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
        """How a call of this function is written."""
        return (self.head + json_text.quoted(name)[1:-1] + self.middle, Value(whole(schema)), self.tail)

    def _written(self, call: tuple[str, Mapping[str, Any]]) -> str:
        name, arguments = call
        return self.head + json_text.quoted(name)[1:-1] + self.middle + json_text.written(arguments) + self.tail

    def _read(self, cursor: Cursor, opener: str) -> Incremental[None]:
        if opener in self.dropped:
            return
        close = self.markers.get(opener, "")
        yield from several(cursor, close, strict=opener in self.bare or opener in self.doubtful)
        yield from closing(cursor, close)


def json_list(open: str, close: str, others: Mapping[str, str] | None = None) -> JsonCalls:
    """A format of a JSON list of calls between two markers; `others` may begin and end calls as well."""
    return JsonCalls({open: close, **(others or {})}, before=f"{open}[", between=", ", after=f"]{close}")


def closing(cursor: Cursor, *markers: str) -> Incremental[None]:
    """Read what ends a section, which may be missing; whitespace before anything else is not read."""
    yield from cursor.skip_space()
    wanted = [marker for marker in markers if marker]
    if wanted and (yield from cursor.accept(*wanted)):
        cursor.commit()
    else:
        cursor.rewind()


def several(cursor: Cursor, close: str, strict: bool = False) -> Incremental[None]:
    """Read objects and lists of objects, at least one; `strict` ones are calls only if all they hold looks like one."""
    count = yield from _item(cursor, close, strict)
    while True:
        yield from cursor.skip_space()
        yield from cursor.accept(",", ";")
        yield from cursor.skip_space()
        if (yield from cursor.peek()) not in ("{", "[") or (strict and (yield from cursor.peek()) == "["):
            cursor.rewind()
            break
        count += yield from _item(cursor, close, strict)
    if not count:
        raise ParseError


def _item(cursor: Cursor, close: str, strict: bool, within: bool = False) -> Incremental[int]:
    yield from cursor.skip_space()
    if not (yield from cursor.accept("[")):
        return (yield from _Object(cursor, close, strict, within).read())
    count = 0
    yield from cursor.skip_space()
    if (yield from cursor.accept("]")):
        return 0
    while True:
        yield from cursor.skip_space()
        count += yield from _Object(cursor, close, strict, within).read()
        yield from cursor.skip_space()
        if not (yield from cursor.accept(",")):
            break
    yield from cursor.expect("]")
    cursor.commit()
    return count


class _Object:
    """One call's object, whose properties may stand in any order."""

    def __init__(self, cursor: Cursor, close: str, strict: bool, within: bool) -> None:
        self._cursor, self._close, self._strict = cursor, close, strict
        self._inner = within  # whether it stands in the list that another object holds
        self._name = ""
        self._id = ""
        self._held: list[str] | None = None  # arguments that came before the name
        self._complete = self._begun = False
        self._within = 0  # calls in a list that this object holds

    def read(self) -> Incremental[int]:
        """Read it and say how many calls it held."""
        cursor = self._cursor
        yield from self._fields()
        if self._within and not self._name:
            cursor.commit()
            return self._within
        if not self._name or (self._strict and not self._complete):
            raise ParseError
        self._begin()
        if not self._complete:
            cursor.arguments("{}")
        cursor.end_call()
        return 1

    def _fields(self, depth: int = 0) -> Incremental[None]:
        cursor = self._cursor
        yield from cursor.expect("{")
        yield from cursor.skip_space()
        if (yield from cursor.accept("}")):
            return
        while True:
            yield from cursor.skip_space()
            key = yield from json_text.string(cursor)
            yield from cursor.skip_space()
            yield from cursor.expect(":")
            yield from cursor.skip_space()
            yield from self._field(key, depth)
            yield from cursor.skip_space()
            if not (yield from cursor.accept(",")):
                break
        if self._complete and (cursor.at_end or (self._close and (yield from cursor.looking_at(self._close)))):
            return  # models forget the last brace
        yield from cursor.expect("}")

    def _field(self, key: str, depth: int) -> Incremental[None]:
        cursor = self._cursor
        char = yield from cursor.peek()
        if key in _NAMES and char == '"' and not self._name:
            self._name = yield from json_text.string(cursor)
            if self._held is not None and self._complete:
                self._begin()
        elif key in _IDS and char == '"' and not self._id:
            self._id = yield from json_text.string(cursor)
        elif key in _ARGUMENTS and not self._complete:
            yield from arguments(cursor, self._tell)
            self._complete = True
        elif key == "function" and char == "{" and not depth:
            yield from self._fields(1)
        elif key == "tool_calls" and char == "[" and not self._inner:
            self._within += yield from _item(cursor, "", self._strict, within=True)
        elif self._strict and key not in _KNOWN:
            raise ParseError
        else:
            yield from json_text.value(cursor, lambda text: None)

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._cursor.begin_call(self._name, self._id)
            if self._held:
                self._cursor.arguments("".join(self._held))

    def _tell(self, text: str) -> None:
        if self._name:
            self._begin()
            self._cursor.arguments(text)
        else:
            self._held = self._held or []
            self._held.append(text)


def arguments(cursor: Cursor, emit: Callable[[str], None]) -> Incremental[None]:
    """Read the object of a call's arguments: as such, as a string of one, or none at all."""
    char = yield from cursor.peek()
    if char == "{":
        yield from json_text.value(cursor, _sure(emit))
    elif char == '"':
        yield from _unquoted(cursor, _sure(emit))
    elif char == "n":
        yield from json_text.value(cursor, lambda text: None)
        emit("{}")
    else:
        raise ParseError


def _sure(emit: Callable[[str], None]) -> Callable[[str], None]:
    """Emit an object's text once its first value begins or it ends, so that prose in braces is not a call."""
    held: list[str] = []
    sure = False

    def feed(text: str) -> None:
        nonlocal sure
        if sure:
            emit(text)
            return
        held.append(text)
        text = "".join(held)
        if sure := len(text) > _LONG or _BEGUN.match(text) is not None:
            emit(text)

    return feed


def _unquoted(cursor: Cursor, emit: Callable[[str], None]) -> Incremental[None]:
    """Read a string that holds an object; a character at a time, so that it breaks where the object does."""
    unescaper, inner = json_text.Unescaper(), json_text.JsonReader()
    begun = False

    def feed(raw: str) -> None:
        nonlocal begun
        text = unescaper.feed(raw)
        if not begun:
            text = text.lstrip()
            if text and text[0] != "{":
                raise ParseError
            begun = bool(text)
        end = inner.feed(text, 0, len(text))
        if valid := inner.take():
            emit(valid)
        if text[end:].strip():
            raise ParseError

    yield from json_text.value(cursor, feed, step=1)
    if not begun:
        emit("{}")
    elif not inner.done:
        raise ParseError


def named(cursor: Cursor, name: str, id: str, *ends: str) -> Incremental[None]:
    """Read the arguments of a call whose name and id came before; one of `ends` instead of them means none."""
    begun = False

    def emit(text: str) -> None:
        nonlocal begun
        if not begun:
            cursor.begin_call(name, id)
        begun = True
        cursor.arguments(text)

    yield from cursor.skip_space()
    if not name:
        raise ParseError
    if ends and (yield from cursor.looking_at(*ends)):
        emit("{}")
    else:
        yield from arguments(cursor, emit)
    cursor.end_call()
