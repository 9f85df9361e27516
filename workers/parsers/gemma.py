"""Calls as Gemma writes them: `call:f{key:value}` with marks of its own around strings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from workers.parsers import literals
from workers.parsers.cursor import NAME, Broken, Cursor, Waiting
from workers.parsers.json_calls import closing
from workers.parsers.literals import Style
from workers.parsers.parser_events import Part, Value
from workers.parsers.reading import Reading
from workers.parsers.typed import Object, Property, fill, optional, ordered, string, types

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

    def parser(self, tools: Mapping[str, Mapping[str, Any]]) -> Reading:
        """A parser of this format."""
        return Reading((self.open, *self.spoiled), lambda cursor, opener: self._read(cursor, opener, tools), self.bare)

    def write(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        """The calls as a model writes them."""
        return "".join(
            f"{self.open}{_CALL}{name}{{{literals.properties(given, self.quote)}}}{self.close}" for name, given in calls
        )

    def layout(self, name: str, schema: Mapping[str, Any]) -> Sequence[Part]:
        """How a call of this function is written; objects and lists as JSON, which is read as well."""
        parts: list[Part] = [f"{self.open}{_CALL}{name}{{"]
        for at, (key, inner, required) in enumerate(ordered(schema)):
            before = ("," if at else "") + literals.named(key, self.quote) + ":"
            if "string" in types(inner, inner):
                parts += optional(required, (before + self.quote, *string(inner, self.quote)))
            else:
                parts += optional(required, (before, Value(inner)))
        return (*parts, "}" + self.close)

    def _read(self, cursor: Cursor, opener: str, tools: Mapping[str, Mapping[str, Any]]) -> Waiting[None]:
        exact = opener in self.bare  # prose looks like a call otherwise
        yield from self._call(cursor, tools, exact)
        while True:
            yield from cursor.space()
            yield from cursor.comes(",", ";")
            yield from cursor.space()
            if not (yield from cursor.sees(_CALL)):
                break
            yield from self._call(cursor, tools, exact)
        cursor.unread()
        yield from closing(cursor, self.close)

    def _call(self, cursor: Cursor, tools: Mapping[str, Mapping[str, Any]], exact: bool) -> Waiting[None]:
        style = Style((self.quote, '"'), ('"',), True)
        if exact:
            yield from cursor.must(_CALL)
            name = yield from cursor.run(NAME)
        else:
            yield from cursor.space()
            yield from cursor.comes(":")
            yield from cursor.comes(_CALL)
            yield from cursor.space()
            name = yield from cursor.run(_NAME)
            yield from cursor.space()
        yield from cursor.must("{")
        call = Object(cursor, name, tools)
        while True:
            yield from cursor.space()
            while (yield from cursor.comes(",")):  # also where a property is left out
                yield from cursor.space()
            if (yield from cursor.comes("}")) or (yield from cursor.sees(self.close)):  # models forget the brace
                break
            call.begin()
            yield from self._property(cursor, call, style)
            yield from cursor.space()
            if (yield from cursor.sees(",", "}", self.close)) is None:
                raise Broken
        call.end()

    def _property(self, cursor: Cursor, call: Object, style: Style) -> Waiting[None]:
        key = yield from literals.key(cursor, style)
        allowed = call.allowed(key)
        yield from cursor.space()
        if (yield from cursor.comes(self.quote)):
            kinds = frozenset(("string",)) if "string" in allowed else allowed
            told = Property(cursor, call.key(key), kinds)
            yield from fill(cursor, told, self.quote, others=("}" + self.close,))
        elif (yield from cursor.sees("{", "[", '"')):
            before = [call.key(key)]

            def tell(text: str) -> None:
                cursor.arguments((before.pop() if before else "") + text)

            yield from literals.value(cursor, tell, style)
        else:
            text = yield from literals.word(cursor, self.close)
            told = Property(cursor, call.key(key), allowed)
            told.begin()
            told.hear(text)
            told.end()
