"""Calls written as markup: a name, and each argument between tags of its own, strings as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from workers.parsers import json_text
from workers.parsers.cursor import NAME, Broken, Cursor, Waiting
from workers.parsers.json_calls import closing
from workers.parsers.parser_events import Parser, Part
from workers.parsers.reading import Reading
from workers.parsers.typed import ALL, Object, Property, bare, fill, optional, ordered

Tools = Mapping[str, Mapping[str, Any]]


def value(given: Any) -> str:
    """A value between tags: a string as it is, anything else as JSON."""
    return given if isinstance(given, str) else json_text.written(given)


class Pairs(NamedTuple):
    """A name, then each property's name and value between tags: `<call>f<key>k</key><value>v</value></call>`."""

    prefix: str  # of every tag's name
    line: str  # what separates the tags where a model writes them

    @property
    def open(self) -> str:
        """The tag that begins a call."""
        return f"<{self.prefix}tool_call>"

    def tag(self, name: str) -> str:
        """A tag that ends something."""
        return f"</{self.prefix}{name}>"

    def parser(self, tools: Tools) -> Parser:
        """A parser of this format."""
        return Reading((self.open,), lambda cursor, opener: self._read(cursor, tools))

    def write(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        """The calls as a model writes them."""
        return "\n".join(
            self.open
            + name
            + self.line
            + "".join(self._key(key) + value(given) + self.tag("arg_value") + self.line for key, given in given.items())
            + self.tag("tool_call")
            for name, given in calls
        )

    def layout(self, name: str, schema: Mapping[str, Any]) -> Sequence[Part]:
        """How a call of this function is written."""
        parts: list[Part] = [self.open + name + self.line]
        for key, inner, required in ordered(schema):
            parts += optional(required, (self._key(key), *bare(inner, self.tag("arg_value")), self.line))
        return (*parts, self.tag("tool_call"))

    def _key(self, key: str) -> str:
        return f"<{self.prefix}arg_key>{key}{self.tag('arg_key')}{self.line}<{self.prefix}arg_value>"

    def _read(self, cursor: Cursor, tools: Tools) -> Waiting[None]:
        key, begins = f"<{self.prefix}arg_key>", f"<{self.prefix}arg_value>"
        yield from cursor.space()
        call = Object(cursor, (yield from cursor.run(NAME)), tools)
        while True:
            yield from cursor.space()
            here = yield from cursor.sees(key, self.tag("tool_call"), self.open)
            if here is None:
                raise Broken
            if here != key:
                call.end()
                yield from cursor.comes(self.tag("tool_call"))  # where it is missing the next call begins
                return
            call.begin()
            yield from cursor.must(key)
            name = yield from cursor.short(self.tag("arg_key"))
            yield from cursor.space()
            yield from cursor.must(begins)
            yield from fill(cursor, call.property(name), self.tag("arg_value"))


class Elements(NamedTuple):
    """Calls in a section, each an element with an element for each property; their names are in the tags."""

    open: str  # of the section
    close: str
    call: tuple[str, ...]  # what comes before a function's name, with whitespace between or not
    call_close: str
    parameter: tuple[str, ...]  # what comes before a property's name
    parameter_close: str
    quote: str  # around the names
    line: str  # what separates a value from its tags, one of each taken away

    @property
    def markers(self) -> tuple[str, ...]:
        """What begins a call: models forget the section's tag."""
        return (self.open, self.call[0])

    def parser(self, tools: Tools) -> Parser:
        """A parser of this format."""
        return Reading(self.markers, lambda cursor, opener: self._read(cursor, opener, tools))

    def written(self, name: str, arguments: Mapping[str, Any]) -> str:
        """One call as a model writes it, without the section around it."""
        return (
            self.begin(name)
            + "".join(
                self._key(key) + value(given) + self.line + self.parameter_close + "\n"
                for key, given in arguments.items()
            )
            + self.call_close
        )

    def begin(self, name: str) -> str:
        """The tag that begins a call of this function."""
        return self._tag(self.call, name) + "\n"

    def parts(self, schema: Mapping[str, Any]) -> Sequence[Part]:
        """How the properties are written."""
        parts: list[Part] = []
        for key, inner, required in ordered(schema):
            parts += optional(required, (self._key(key), *bare(inner, self.parameter_close), "\n"))
        return parts

    def _key(self, key: str) -> str:
        return self._tag(self.parameter, key) + self.line

    def _tag(self, words: Sequence[str], name: str) -> str:
        first, *others = words
        return " ".join(filter(None, (first, "".join(others[:-1])))) + f"{others[-1]}{self.quote}{name}{self.quote}>"

    def _read(self, cursor: Cursor, opener: str, tools: Tools) -> Waiting[None]:
        if opener == self.open:
            yield from cursor.space()
            yield from cursor.must(self.call[0])
        while True:
            yield from self._call(cursor, tools)
            yield from cursor.space()
            if not (yield from cursor.comes(self.call[0])):
                break
        yield from closing(cursor, self.close)

    def _call(self, cursor: Cursor, tools: Tools) -> Waiting[None]:
        yield from _words(cursor, self.call[1:])
        yield from cursor.comes('"', "'")
        name = yield from cursor.run(NAME)
        yield from cursor.comes('"', "'")
        yield from cursor.space()
        yield from cursor.must(">")
        call = Object(cursor, name, tools)
        while True:
            yield from cursor.space()
            here = yield from cursor.sees(self.parameter[0], self.call_close, self.close, self.call[0])
            if here is None:
                raise Broken
            if here != self.parameter[0]:
                yield from cursor.comes(self.call_close)  # models forget it
                call.end()
                return
            call.begin()
            yield from cursor.must(self.parameter[0])
            yield from self._property(cursor, call)

    def _property(self, cursor: Cursor, call: Object) -> Waiting[None]:
        yield from _words(cursor, self.parameter[1:])
        name = (yield from cursor.short(">")).strip("\"'")
        if not name:
            raise Broken
        name, _, kind = name.partition('" string="')  # DeepSeek says of each value whether it is a string
        allowed = {"true": frozenset(("string",)), "false": ALL - {"string"}}.get(kind, call.allowed(name))
        if self.line:
            yield from cursor.comes(self.line)
        ends = (self.parameter_close, *((self.line + self.parameter_close,) if self.line else ()))
        yield from fill(cursor, Property(cursor, call.key(name), allowed), *ends)


def _words(cursor: Cursor, words: Sequence[str]) -> Waiting[None]:
    for word in words:
        yield from cursor.space()
        yield from cursor.must(word)
    yield from cursor.space()
