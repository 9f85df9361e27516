"""Mistral: after [TOOL_CALLS] a list of JSON objects, or a name, perhaps an id, and JSON arguments for each call."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers import json_text
from workers.parsers.json_calls import named, several
from workers.parsers.pieces import Parser, Part, Value
from workers.parsers.reading import Reading
from workers.parsers.tape import NAME, Broken, Tape, Waiting
from workers.parsers.typed import whole

_CALLS, _ID, _ARGUMENTS = "[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"

NAMES = ("mistral", "devstral", "ministral")
MARKERS = (_CALLS,)
OBJECTS = True
BEFORE, BETWEEN, AFTER = "", "", ""


def recognises(template: str) -> bool:
    """Whether a chat template has Mistral's marker."""
    return _CALLS in template


def parser(tools: Mapping[str, Mapping[str, Any]]) -> Parser:
    """A parser of this format."""
    return Reading(MARKERS, _read)


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    return "".join(f"{_CALLS}{name}{_ARGUMENTS}{json_text.written(arguments)}" for name, arguments in calls)


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[Part]:
    """How a call of this function is written."""
    return (f"{_CALLS}{name}{_ARGUMENTS}", Value(whole(schema)))


def _read(tape: Tape, opener: str) -> Waiting[None]:
    yield from tape.space()
    if (yield from tape.peek()) in ("[", "{"):
        yield from several(tape, "")
        return
    yield from _call(tape, sure=True)
    while True:  # some write the marker once for several calls
        try:
            yield from tape.space()
            yield from tape.comes(",", ";")
            yield from _call(tape, sure=False)
        except Broken:
            if tape.calling:
                raise
            tape.unread()
            return


def _call(tape: Tape, sure: bool) -> Waiting[None]:
    yield from tape.space()
    name = yield from tape.run(NAME)
    yield from tape.space()
    given = ""
    marker = yield from tape.comes(_ID, _ARGUMENTS)
    if marker == _ID:
        yield from tape.space()
        given = yield from tape.run(NAME)
        yield from tape.space()
        marker = yield from tape.comes(_ARGUMENTS)
    if not (marker or sure):
        raise Broken
    yield from named(tape, name, given)
