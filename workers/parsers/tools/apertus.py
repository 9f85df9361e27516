"""Apertus: a list of JSON objects, each of them a function's name with its arguments, between tool markers."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers import json_text
from workers.parsers.cursor import Broken, Cursor, Waiting
from workers.parsers.json_calls import closing, named
from workers.parsers.parser_events import Part, Value
from workers.parsers.reading import Reading
from workers.parsers.typed import whole

_OPEN, _CLOSE = "<|tools_prefix|>", "<|tools_suffix|>"

NAMES = ("apertus",)
RANK = 1
MARKERS = (_OPEN,)
OBJECTS = True
BEFORE, BETWEEN, AFTER = f"{_OPEN}[", ", ", f"]{_CLOSE}"


def recognises(template: str) -> bool:
    """Whether a chat template has these markers."""
    return _OPEN in template


def parser(tools: Mapping[str, Mapping[str, Any]]) -> Reading:
    """A parser of this format."""
    return Reading(MARKERS, _read)


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    written = (_head(name) + json_text.written(arguments) + "}" for name, arguments in calls)
    return BEFORE + BETWEEN.join(written) + AFTER if calls else ""


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[Part]:
    """How a call of this function is written."""
    return (_head(name), Value(whole(schema)), "}")


def _head(name: str) -> str:
    return "{" + json_text.quoted(name) + ": "


def _read(cursor: Cursor, opener: str) -> Waiting[None]:
    yield from cursor.space()
    listed = yield from cursor.comes("[")
    while True:
        yield from cursor.space()
        yield from _call(cursor)
        yield from cursor.space()
        if not (yield from cursor.comes(",")):
            break
    if listed and not (yield from cursor.comes("]")) and not cursor.at_end:  # models forget it
        raise Broken
    cursor.told()
    yield from closing(cursor, _CLOSE)


def _call(cursor: Cursor) -> Waiting[None]:
    yield from cursor.must("{")
    yield from cursor.space()
    name = yield from json_text.string(cursor)
    yield from cursor.space()
    yield from cursor.must(":")
    yield from named(cursor, name, "")
    yield from cursor.space()
    if not (yield from cursor.comes("}")) and not cursor.at_end:
        raise Broken
