"""Mistral: after [TOOL_CALLS] a list of JSON objects, or a name, perhaps an id, and JSON arguments for each call."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers import json_text
from workers.parsers.cursor import NAME, Broken, Cursor, Waiting
from workers.parsers.json_calls import named, several
from workers.parsers.parser_events import Part, Value
from workers.parsers.reading import Reading, Within
from workers.parsers.typed import whole

_CALLS, _ID, _ARGUMENTS = "[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"

NAMES = ("mistral", "devstral", "ministral")
RANK = 1
MARKERS = (_CALLS,)
OBJECTS = True
BEFORE, BETWEEN, AFTER = "", "", ""


def recognises(template: str) -> bool:
    """Whether a chat template has Mistral's marker."""
    return _CALLS in template


def parser(tools: Mapping[str, Mapping[str, Any]]) -> Reading:
    """A parser of this format."""
    return Reading(MARKERS, _read, within=Within.TEXT)


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    return "".join(f"{_CALLS}{name}{_ARGUMENTS}{json_text.written(arguments)}" for name, arguments in calls)


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[Part]:
    """How a call of this function is written."""
    return (f"{_CALLS}{name}{_ARGUMENTS}", Value(whole(schema)))


def _read(cursor: Cursor, opener: str) -> Waiting[None]:
    yield from cursor.space()
    if (yield from cursor.peek()) in ("[", "{"):
        yield from several(cursor, "")
        return
    yield from _call(cursor, sure=True)
    while True:  # some write the marker once for several calls
        try:
            yield from cursor.space()
            yield from cursor.comes(",", ";")
            yield from _call(cursor, sure=False)
        except Broken:
            if cursor.calling:
                raise
            cursor.unread()
            return


def _call(cursor: Cursor, sure: bool) -> Waiting[None]:
    yield from cursor.space()
    name = yield from cursor.run(NAME)
    yield from cursor.space()
    given = ""
    marker = yield from cursor.comes(_ID, _ARGUMENTS)
    if marker == _ID:
        yield from cursor.space()
        given = yield from cursor.run(NAME)
        yield from cursor.space()
        marker = yield from cursor.comes(_ARGUMENTS)
    if not (marker or sure):
        raise Broken
    yield from named(cursor, name, given)
