"""Mistral: after [TOOL_CALLS] a list of JSON objects, or a name, perhaps an id, and JSON arguments for each call."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers import json_text
from workers.parsers.cursor import Cursor
from workers.parsers.grammar_parts import GrammarPart, Value
from workers.parsers.layouts import whole
from workers.parsers.marker_parser import MarkerParser, Within
from workers.parsers.scanner import NAME, Incremental, ParseError
from workers.parsers.syntaxes.json_calls import named, several

_CALLS, _ID, _ARGUMENTS = "[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"

NAMES = ("mistral", "devstral", "ministral")
RANK = 1
MARKERS = (_CALLS,)
OBJECTS = True
BEFORE, BETWEEN, AFTER = "", "", ""


def recognises(template: str) -> bool:
    """Whether a chat template has Mistral's marker."""
    return _CALLS in template


def parser(tools: Mapping[str, Mapping[str, Any]]) -> MarkerParser:
    """A parser of this format."""
    return MarkerParser(MARKERS, _read, within=Within.TEXT)


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    return "".join(f"{_CALLS}{name}{_ARGUMENTS}{json_text.written(arguments)}" for name, arguments in calls)


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written."""
    return (f"{_CALLS}{name}{_ARGUMENTS}", Value(whole(schema)))


def _read(cursor: Cursor, opener: str) -> Incremental[None]:
    yield from cursor.skip_space()
    if (yield from cursor.peek()) in ("[", "{"):
        yield from several(cursor, "")
        return
    yield from _call(cursor, sure=True)
    while True:  # some write the marker once for several calls
        try:
            yield from cursor.skip_space()
            yield from cursor.accept(",", ";")
            yield from _call(cursor, sure=False)
        except ParseError:
            if cursor.in_call:
                raise
            cursor.rewind()
            return


def _call(cursor: Cursor, sure: bool) -> Incremental[None]:
    yield from cursor.skip_space()
    name = yield from cursor.match(NAME)
    yield from cursor.skip_space()
    given = ""
    marker = yield from cursor.accept(_ID, _ARGUMENTS)
    if marker == _ID:
        yield from cursor.skip_space()
        given = yield from cursor.match(NAME)
        yield from cursor.skip_space()
        marker = yield from cursor.accept(_ARGUMENTS)
    if not (marker or sure):
        raise ParseError
    yield from named(cursor, name, given)
