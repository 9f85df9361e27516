"""A tool-call format for tests: `<call>NAME {…}</call>`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers.markers import split
from workers.parsers.parser_events import Arguments, Called, Parser, ParserEvent, Part, Returned, Text, Value


class Calls:
    """Reads `<call>f {…}</call>`; a call without end is text."""

    def __init__(self) -> None:
        self._held, self._open, self._number = "", False, 0

    def hear(self, text: str) -> Sequence[ParserEvent]:
        self._held += text
        pieces: list[ParserEvent] = []
        while True:
            before, marker, rest = split(self._held, ["</call>" if self._open else "<call>"])
            if marker is None and self._open:
                return pieces
            if self._open:
                name, _, arguments = before.partition(" ")
                pieces += [Called(self._number, name), Arguments(self._number, arguments), Returned(self._number)]
                self._number += 1
            elif before:
                pieces.append(Text(before))
            self._held = rest
            if marker is None:
                return pieces
            self._open = not self._open

    def rest(self) -> Sequence[ParserEvent]:
        held, self._held = ("<call>" if self._open else "") + self._held, ""
        return [Text(held)] if held else []


class CallFormat:
    """What a module of a tool format holds."""

    NAMES: tuple[str, ...] = ("calls", "fake")
    MARKERS: tuple[str, ...] = ("<call>",)
    OBJECTS = False
    BEFORE, BETWEEN, AFTER = "", "\n", ""

    def recognises(self, template: str) -> bool:
        return "<call>" in template

    def parser(self, tools: Mapping[str, Mapping[str, Any]]) -> Parser:
        return Calls()

    def write(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        return self.BETWEEN.join(f"<call>{name} {json.dumps(arguments)}</call>" for name, arguments in calls)

    def layout(self, name: str, schema: Mapping[str, Any]) -> Sequence[Part]:
        return [f"<call>{name} ", Value(schema), "</call>"]
