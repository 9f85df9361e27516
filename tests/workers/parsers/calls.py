"""A tool-call format for tests: `<call>NAME {…}</call>`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers.cursor import Cursor
from workers.parsers.grammar_parts import GrammarPart, Value
from workers.parsers.marker_parser import MarkerParser, Within
from workers.parsers.scanner import NAME, Incremental
from workers.parsers.syntaxes.json_calls import closing, named


def calls(within: Within = Within.CALL) -> MarkerParser:
    """A parser of `<call>f {…}</call>`; a call without arguments is text."""
    return MarkerParser(("<call>",), _read, within=within)


def _read(cursor: Cursor, opener: str) -> Incremental[None]:
    name = yield from cursor.match(NAME)
    yield from cursor.expect(" ")
    yield from named(cursor, name, "")
    yield from closing(cursor, "</call>")


class CallFormat:
    """What a module of a tool format holds."""

    NAMES: tuple[str, ...] = ("calls", "fake")
    RANK = 1
    MARKERS: tuple[str, ...] = ("<call>",)
    OBJECTS = False
    BEFORE, BETWEEN, AFTER = "", "\n", ""

    def recognises(self, template: str) -> bool:
        return "<call>" in template

    def parser(self, tools: Mapping[str, Mapping[str, Any]]) -> MarkerParser:
        return calls()

    def write(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        return self.BETWEEN.join(f"<call>{name} {json.dumps(arguments)}</call>" for name, arguments in calls)

    def layout(self, name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
        return [f"<call>{name} ", Value(schema), "</call>"]
