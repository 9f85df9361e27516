"""Calls as Gemma writes them: `call:f{key:value}` with marks of its own around strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from workers.parsers import literals
from workers.parsers.cursor import NAME, Broken, Cursor, Waiting
from workers.parsers.json_calls import closing
from workers.parsers.literals import Style
from workers.parsers.parser_events import Parser, Part, Value
from workers.parsers.reading import Reading
from workers.parsers.typed import Object, Property, fill, optional, ordered, string, types


class Gemma(NamedTuple):
    """What begins and ends a call, and what stands before and after a string."""

    open: str
    close: str
    quote: str

    def parser(self, tools: Mapping[str, Mapping[str, Any]]) -> Parser:
        """A parser of this format."""
        return Reading((self.open,), lambda cursor, opener: self._read(cursor, tools))

    def write(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        """The calls as a model writes them."""
        return "".join(
            f"{self.open}call:{name}{{{literals.properties(given, self.quote)}}}{self.close}" for name, given in calls
        )

    def layout(self, name: str, schema: Mapping[str, Any]) -> Sequence[Part]:
        """How a call of this function is written; objects and lists as JSON, which is read as well."""
        parts: list[Part] = [f"{self.open}call:{name}{{"]
        for at, (key, inner, required) in enumerate(ordered(schema)):
            before = ("," if at else "") + literals.named(key, self.quote) + ":"
            if "string" in types(inner, inner):
                parts += optional(required, (before + self.quote, *string(inner, self.quote)))
            else:
                parts += optional(required, (before, Value(inner)))
        return (*parts, "}" + self.close)

    def _read(self, cursor: Cursor, tools: Mapping[str, Mapping[str, Any]]) -> Waiting[None]:
        style = Style((self.quote, '"'), ('"',), True)
        yield from cursor.space()
        yield from cursor.must("call:")
        yield from cursor.space()
        name = yield from cursor.run(NAME)
        yield from cursor.space()
        yield from cursor.must("{")
        call = Object(cursor, name, tools)
        while True:
            yield from cursor.space()
            while (yield from cursor.comes(",")):  # also where a property is left out
                yield from cursor.space()
            if (yield from cursor.comes("}")):
                break
            call.begin()
            yield from self._property(cursor, call, style)
            yield from cursor.space()
            if (yield from cursor.sees(",", "}")) is None:
                raise Broken
        call.end()
        yield from closing(cursor, self.close)

    def _property(self, cursor: Cursor, call: Object, style: Style) -> Waiting[None]:
        key = yield from literals.key(cursor, style)
        allowed = call.allowed(key)
        yield from cursor.space()
        if (yield from cursor.comes(self.quote)):
            string = frozenset(("string",))
            yield from fill(
                cursor, Property(cursor, call.key(key), string if "string" in allowed else allowed), self.quote
            )
        elif (yield from cursor.sees("{", "[", '"')):
            before = [call.key(key)]

            def tell(text: str) -> None:
                cursor.arguments((before.pop() if before else "") + text)

            yield from literals.value(cursor, tell, style)
        else:
            text = yield from literals.word(cursor)
            told = Property(cursor, call.key(key), allowed)
            told.begin()
            told.hear(text)
            told.end()
