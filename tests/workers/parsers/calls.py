"""A tool-call format for tests: `<call>NAME {…}</call>`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers.cursor import NAME, Cursor, Waiting
from workers.parsers.json_calls import closing, named
from workers.parsers.parser_events import Part, Value
from workers.parsers.reading import Reading, Within


def calls(within: Within = Within.CALL) -> Reading:
    """A parser of `<call>f {…}</call>`; a call without arguments is text."""
    return Reading(("<call>",), _read, within=within)


def _read(cursor: Cursor, opener: str) -> Waiting[None]:
    name = yield from cursor.run(NAME)
    yield from cursor.must(" ")
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

    def parser(self, tools: Mapping[str, Mapping[str, Any]]) -> Reading:
        return calls()

    def write(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        return self.BETWEEN.join(f"<call>{name} {json.dumps(arguments)}</call>" for name, arguments in calls)

    def layout(self, name: str, schema: Mapping[str, Any]) -> Sequence[Part]:
        return [f"<call>{name} ", Value(schema), "</call>"]
