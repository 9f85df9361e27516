"""Calls as Gemma writes them: `call:f{key:value}` with marks of its own around strings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from workers.parsers import literals
from workers.parsers.cursor import Cursor
from workers.parsers.grammar_parts import GrammarPart, Value
from workers.parsers.layouts import optional, ordered, string
from workers.parsers.literals import Style
from workers.parsers.marker_parser import MarkerParser
from workers.parsers.scanner import NAME, Incremental, ParseError
from workers.parsers.schema_types import types
from workers.parsers.syntaxes.json_calls import closing
from workers.parsers.typed import ArgumentsWriter, PropertyWriter, fill

_CALL = "call:"
_NAME = re.compile(r"""[^\s<>"'`{}\[\]()=,;:]+""")  # a colon separates it from what stands before


class Gemma(NamedTuple):
    """What begins and ends a call, and what stands before and after a string.

    `spoiled` markers are what models write for `open` now and then; a `bare` one counts where a line begins.
    """

    open: str
    close: str
    quote: str
    spoiled: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()

    def parser(self, tools: Mapping[str, Mapping[str, Any]]) -> MarkerParser:
        """A parser of this format."""
        return MarkerParser(
            (self.open, *self.spoiled), lambda cursor, opener: self._read(cursor, opener, tools), self.bare
        )

    def write(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        """The calls as a model writes them."""
        return "".join(
            f"{self.open}{_CALL}{name}{{{literals.properties(given, self.quote)}}}{self.close}" for name, given in calls
        )

    def layout(self, name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
        """How a call of this function is written; objects and lists as JSON, which is read as well."""
        parts: list[GrammarPart] = [f"{self.open}{_CALL}{name}{{"]
        for at, (key, inner, required) in enumerate(ordered(schema)):
            before = ("," if at else "") + literals.named(key, self.quote) + ":"
            if "string" in types(inner, inner):
                parts += optional(required, (before + self.quote, *string(inner, self.quote)))
            else:
                parts += optional(required, (before, Value(inner)))
        return (*parts, "}" + self.close)

    def _read(self, cursor: Cursor, opener: str, tools: Mapping[str, Mapping[str, Any]]) -> Incremental[None]:
        exact = opener in self.bare  # prose looks like a call otherwise
        yield from self._call(cursor, tools, exact)
        while True:
            yield from cursor.skip_space()
            yield from cursor.accept(",", ";")
            yield from cursor.skip_space()
            if not (yield from cursor.looking_at(_CALL)):
                break
            yield from self._call(cursor, tools, exact)
        cursor.rewind()
        yield from closing(cursor, self.close)

    def _call(self, cursor: Cursor, tools: Mapping[str, Mapping[str, Any]], exact: bool) -> Incremental[None]:
        style = Style((self.quote, '"'), ('"',), True)
        if exact:
            yield from cursor.expect(_CALL)
            name = yield from cursor.match(NAME)
        else:
            yield from cursor.skip_space()
            yield from cursor.accept(":")
            yield from cursor.accept(_CALL)
            yield from cursor.skip_space()
            name = yield from cursor.match(_NAME)
            yield from cursor.skip_space()
        yield from cursor.expect("{")
        call = ArgumentsWriter(cursor, name, tools)
        while True:
            yield from cursor.skip_space()
            while (yield from cursor.accept(",")):  # also where a property is left out
                yield from cursor.skip_space()
            if (yield from cursor.accept("}")) or (yield from cursor.looking_at(self.close)):  # models forget the brace
                break
            call.begin()
            yield from self._property(cursor, call, style)
            yield from cursor.skip_space()
            if (yield from cursor.looking_at(",", "}", self.close)) is None:
                raise ParseError
        call.end()

    def _property(self, cursor: Cursor, call: ArgumentsWriter, style: Style) -> Incremental[None]:
        key = yield from literals.key(cursor, style)
        allowed = call.allowed(key)
        yield from cursor.skip_space()
        if (yield from cursor.accept(self.quote)):
            kinds = frozenset(("string",)) if "string" in allowed else allowed
            writer = PropertyWriter(cursor, call.key(key), kinds)
            yield from fill(cursor, writer, self.quote, others=("}" + self.close,))
        elif (yield from cursor.looking_at("{", "[", '"')):
            before = [call.key(key)]

            def emit(text: str) -> None:
                cursor.arguments((before.pop() if before else "") + text)

            yield from literals.value(cursor, emit, style)
        else:
            text = yield from literals.word(cursor, self.close)
            writer = PropertyWriter(cursor, call.key(key), allowed)
            writer.begin()
            writer.feed(text)
            writer.end()
