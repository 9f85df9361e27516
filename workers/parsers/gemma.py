"""Calls as Gemma writes them: `call:f{key:value}` with marks of its own around strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from workers.parsers import literals
from workers.parsers.json_calls import closing
from workers.parsers.literals import Style
from workers.parsers.pieces import Parser, Part, Value
from workers.parsers.reading import Reading
from workers.parsers.tape import NAME, Broken, Tape, Waiting
from workers.parsers.typed import Object, Property, fill, optional, ordered, string, types


class Gemma(NamedTuple):
    """What begins and ends a call, and what stands before and after a string."""

    open: str
    close: str
    quote: str

    def parser(self, tools: Mapping[str, Mapping[str, Any]]) -> Parser:
        """A parser of this format."""
        return Reading((self.open,), lambda tape, opener: self._read(tape, tools))

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

    def _read(self, tape: Tape, tools: Mapping[str, Mapping[str, Any]]) -> Waiting[None]:
        style = Style((self.quote, '"'), ('"',), True)
        yield from tape.space()
        yield from tape.must("call:")
        yield from tape.space()
        name = yield from tape.run(NAME)
        yield from tape.space()
        yield from tape.must("{")
        call = Object(tape, name, tools)
        while True:
            yield from tape.space()
            while (yield from tape.comes(",")):  # also where a property is left out
                yield from tape.space()
            if (yield from tape.comes("}")):
                break
            call.begin()
            yield from self._property(tape, call, style)
            yield from tape.space()
            if (yield from tape.sees(",", "}")) is None:
                raise Broken
        call.end()
        yield from closing(tape, self.close)

    def _property(self, tape: Tape, call: Object, style: Style) -> Waiting[None]:
        key = yield from literals.key(tape, style)
        allowed = call.allowed(key)
        yield from tape.space()
        if (yield from tape.comes(self.quote)):
            string = frozenset(("string",))
            yield from fill(tape, Property(tape, call.key(key), string if "string" in allowed else allowed), self.quote)
        elif (yield from tape.sees("{", "[", '"')):
            before = [call.key(key)]

            def tell(text: str) -> None:
                tape.arguments((before.pop() if before else "") + text)

            yield from literals.value(tape, tell, style)
        else:
            text = yield from literals.word(tape)
            told = Property(tape, call.key(key), allowed)
            told.begin()
            told.hear(text)
            told.end()
