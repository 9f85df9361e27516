"""Calls written as markup: a name, and each argument between tags of its own, strings as they are.

Models forget tags. A value ends where its closing tag is missing, too, if what follows can be nothing else: the next
argument, or the end of the call and what comes after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from workers.parsers import json_text
from workers.parsers.cursor import Cursor
from workers.parsers.grammar_parts import GrammarPart
from workers.parsers.layouts import bare, optional, ordered
from workers.parsers.marker_parser import MarkerParser, Within
from workers.parsers.scanner import NAME, Incremental, ParseError
from workers.parsers.schema_types import ALL
from workers.parsers.syntaxes.json_calls import closing, several
from workers.parsers.typed import ArgumentsWriter, PropertyWriter, fill

Tools = Mapping[str, Mapping[str, Any]]
_STRING = frozenset(("string",))
_CDATA = "<![CDATA["


def value(given: Any) -> str:
    """A value between tags: a string as it is, anything else as JSON."""
    return given if isinstance(given, str) else json_text.written(given)


def _lines(markers: Sequence[str]) -> tuple[str, ...]:
    """Markers that may end a value, with the line before them or without."""
    return tuple(line + marker for marker in markers if marker for line in ("\n", ""))


class Pairs(NamedTuple):
    """A name, then each property's name and value between tags: `<call>f<key>k</key><value>v</value></call>`."""

    prefix: str  # of every tag's name
    line: str  # what separates the tags where a model writes them
    section: tuple[str, str] = ("", "")  # around the calls
    separator: str = ""  # behind a function's name
    suffix: str = ""  # of every tag's name

    @property
    def open(self) -> str:
        """The tag that begins a call."""
        return self.begin("tool_call")

    @property
    def markers(self) -> tuple[str, ...]:
        """What begins a call: models forget the section's tag."""
        return (*filter(None, self.section[:1]), self.open)

    def begin(self, name: str) -> str:
        """A tag that begins something."""
        return f"<{self.prefix}{name}{self.suffix}>"

    def tag(self, name: str) -> str:
        """A tag that ends something."""
        return f"</{self.prefix}{name}{self.suffix}>"

    def parser(self, tools: Tools) -> MarkerParser:
        """A parser of this format."""
        return MarkerParser(self.markers, lambda cursor, opener: self._read(cursor, opener, tools))

    def write(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        """The calls as a model writes them, without the section around them."""
        return "\n".join(
            self.open
            + name
            + self.separator
            + self.line
            + "".join(self._key(key) + value(given) + self.tag("arg_value") + self.line for key, given in given.items())
            + self.tag("tool_call")
            for name, given in calls
        )

    def layout(self, name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
        """How a call of this function is written."""
        parts: list[GrammarPart] = [self.open + name + self.separator + self.line]
        for key, inner, required in ordered(schema):
            parts += optional(required, (self._key(key), *bare(inner, self.tag("arg_value")), self.line))
        return (*parts, self.tag("tool_call"))

    def _key(self, key: str) -> str:
        return self.begin("arg_key") + key + self.tag("arg_key") + self.line + self.begin("arg_value")

    def _read(self, cursor: Cursor, opener: str, tools: Tools) -> Incremental[None]:
        if opener == self.section[0]:
            yield from cursor.skip_space()
            yield from cursor.expect(self.open)
        while True:
            yield from self._call(cursor, tools)
            yield from cursor.skip_space()
            if not (yield from cursor.accept(self.open)):
                break
        cursor.rewind()
        if self.section[1]:
            yield from closing(cursor, self.section[1])

    def _call(self, cursor: Cursor, tools: Tools) -> Incremental[None]:
        key, close = self.begin("arg_key"), self.tag("tool_call")
        yield from cursor.skip_space()
        if (yield from cursor.peek()) == "{":  # some write JSON
            yield from several(cursor, close)
            yield from closing(cursor, close)
            return
        call = ArgumentsWriter(cursor, (yield from cursor.match(NAME)), tools)
        yield from cursor.skip_space()
        if self.separator:
            yield from cursor.accept(self.separator)
        while True:
            yield from cursor.skip_space()
            here = yield from cursor.looking_at(key, close, self.open, *filter(None, self.section[1:]))
            if here is None:
                raise ParseError
            if here != key:
                call.end()
                yield from cursor.accept(close)  # where it is missing the next call begins
                cursor.commit()
                return
            call.begin()
            name = yield from self._name(cursor)
            others = _lines((key, close, self.open))
            is_end = partial(self._is_end, cursor)
            yield from fill(cursor, call.property(name), self.tag("arg_value"), others=others, is_end=is_end)

    def _name(self, cursor: Cursor) -> Incremental[str]:
        """Read a property's name between its tags, of which one may be missing, and the tag that begins its value."""
        begins = self.begin("arg_value")
        yield from cursor.expect(self.begin("arg_key"))
        name, ended = yield from cursor.name_and_marker(self.tag("arg_key"), begins)
        if ended != begins:
            yield from cursor.skip_space()
            yield from cursor.expect(begins)
        return name

    def _is_end(self, cursor: Cursor, marker: str) -> Incremental[bool]:
        """Whether a value has ended here, without a tag that says so."""
        yield from cursor.accept("\n")
        tag = marker.removeprefix("\n")
        if tag == self.open:
            yield from cursor.expect(self.open)
            yield from cursor.skip_space()
            yield from cursor.match(NAME)
            yield from cursor.skip_space()
            return (yield from cursor.looking_at(self.begin("arg_key"), self.tag("tool_call"))) is not None
        if tag != self.tag("tool_call"):
            yield from self._name(cursor)
            return True
        yield from cursor.expect(tag)
        yield from cursor.skip_space()
        ends = (self.open, *filter(None, self.section[1:]))
        return cursor.at_end or (yield from cursor.looking_at(*ends)) is not None


class Elements(NamedTuple):
    """Calls in a section, each an element with an element for each property; their names are in the tags."""

    open: str  # of the section, empty where there is none
    close: str
    call: tuple[str, ...]  # what comes before a function's name, with whitespace between or not
    call_close: str
    parameter: tuple[str, ...]  # what comes before a property's name
    parameter_close: str
    quote: str  # around the names
    line: str  # what separates a value from its tags, one of each taken away
    cdata: bool = False  # whether a value may stand in a section of CDATA
    within: Within = Within.CALL

    @property
    def markers(self) -> tuple[str, ...]:
        """What begins a call: models forget the section's tag."""
        return (*filter(None, (self.open,)), self.call[0])

    def parser(self, tools: Tools) -> MarkerParser:
        """A parser of this format."""
        return MarkerParser(self.markers, lambda cursor, opener: self._read(cursor, opener, tools), within=self.within)

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

    def parts(self, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
        """How the properties are written."""
        parts: list[GrammarPart] = []
        for key, inner, required in ordered(schema):
            parts += optional(required, (self._key(key), *bare(inner, self.parameter_close, self.line), "\n"))
        return parts

    def _key(self, key: str) -> str:
        return self._tag(self.parameter, key) + self.line

    def _tag(self, words: Sequence[str], name: str) -> str:
        first, *others = words
        return " ".join(filter(None, (first, "".join(others[:-1])))) + f"{others[-1]}{self.quote}{name}{self.quote}>"

    def _read(self, cursor: Cursor, opener: str, tools: Tools) -> Incremental[None]:
        if opener == self.open:
            yield from cursor.skip_space()
            yield from cursor.expect(self.call[0])
        while True:
            yield from self._call(cursor, tools)
            yield from cursor.skip_space()
            if not (yield from cursor.accept(self.call[0])):
                break
        yield from closing(cursor, self.close)

    def _call(self, cursor: Cursor, tools: Tools) -> Incremental[None]:
        call = ArgumentsWriter(cursor, (yield from self._function(cursor)), tools)
        ends = tuple(filter(None, (self.call_close, self.close, self.call[0], self.open)))
        while True:
            yield from cursor.skip_space()
            here = yield from cursor.looking_at(self.parameter[0], *ends)
            if here is None:
                raise ParseError
            if here != self.parameter[0]:
                yield from cursor.accept(self.call_close)  # models forget it
                call.end()
                return
            call.begin()
            yield from self._property(cursor, call)

    def _function(self, cursor: Cursor) -> Incremental[str]:
        """Read the rest of the tag that begins a call."""
        yield from _words(cursor, self.call[1:])
        yield from cursor.accept('"', "'")
        name = yield from cursor.match(NAME)
        yield from cursor.accept('"', "'")
        yield from cursor.skip_space()
        yield from cursor.expect(">")
        return name

    def _parameter(self, cursor: Cursor) -> Incremental[tuple[str, str]]:
        """Read the tag that begins a property, and give its name and what else it says."""
        yield from cursor.expect(self.parameter[0])
        yield from _words(cursor, self.parameter[1:])
        quote = (yield from cursor.looking_at('"', "'")) or ""
        name, _, more = (yield from cursor.name_before(">")).removeprefix(quote).partition(quote or ">")
        if not name.strip():
            raise ParseError
        return name.strip(), more.strip()

    def _property(self, cursor: Cursor, call: ArgumentsWriter) -> Incremental[None]:
        name, more = yield from self._parameter(cursor)
        allowed = call.allowed(name)
        if more == 'string="true"':  # DeepSeek says of each value whether it is a string; the schema knows better
            allowed = _STRING if "string" in allowed else allowed
        elif more == 'string="false"':
            allowed = ALL - _STRING
        writer = PropertyWriter(cursor, call.key(name), allowed)
        if self.cdata and (yield from cursor.accept(_CDATA)):
            yield from fill(cursor, writer, "]]>" + self.parameter_close)
            return
        if self.line:
            yield from cursor.accept(self.line)
        ends = (self.parameter_close, *((self.line + self.parameter_close,) if self.line else ()))
        others = _lines((self.parameter[0], self.call_close, self.close, self.call[0], self.open))
        yield from fill(cursor, writer, *ends, others=others, is_end=partial(self._is_end, cursor, call))

    def _is_end(self, cursor: Cursor, call: ArgumentsWriter, marker: str) -> Incremental[bool]:
        """Whether a value has ended here, without a tag that says so."""
        line, tag = (yield from cursor.accept("\n")), marker.removeprefix("\n")
        if tag == self.parameter[0]:
            name, _ = yield from self._parameter(cursor)
            return bool(line) or call.awaits(name)
        if tag == self.open:
            yield from cursor.expect(tag)
            yield from cursor.skip_space()
            return bool(line) and (yield from cursor.looking_at(self.call[0])) is not None
        if tag == self.call[0]:
            yield from cursor.expect(self.call[0])
            yield from self._function(cursor)
            yield from cursor.skip_space()
            return bool(line) and (yield from cursor.looking_at(self.parameter[0], self.call_close)) is not None
        yield from cursor.expect(tag)
        yield from cursor.skip_space()
        follow = (self.open if tag == self.close else self.close, self.call[0])
        return cursor.at_end or (yield from cursor.looking_at(*filter(None, follow))) is not None


def _words(cursor: Cursor, words: Sequence[str]) -> Incremental[None]:
    for word in words:
        yield from cursor.skip_space()
        yield from cursor.expect(word)
    yield from cursor.skip_space()
