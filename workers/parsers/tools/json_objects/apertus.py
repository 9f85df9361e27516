"""Apertus: a list of JSON objects, each of them a function's name with its arguments, between tool markers."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers import json_text
from workers.parsers.cursor import Cursor
from workers.parsers.grammar_parts import GrammarPart, Value
from workers.parsers.layouts import whole
from workers.parsers.marker_parser import MarkerParser
from workers.parsers.scanner import Incremental, ParseError
from workers.parsers.syntaxes.json_calls import closing, named

_OPEN, _CLOSE = "<|tools_prefix|>", "<|tools_suffix|>"

NAMES = ("apertus",)
RANK = 1
MARKERS = (_OPEN,)
OBJECTS = True
BEFORE, BETWEEN, AFTER = f"{_OPEN}[", ", ", f"]{_CLOSE}"


def recognises(template: str) -> bool:
    """Whether a chat template has these markers."""
    return _OPEN in template


def parser(tools: Mapping[str, Mapping[str, Any]]) -> MarkerParser:
    """A parser of this format."""
    return MarkerParser(MARKERS, _read)


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    written = (_head(name) + json_text.written(arguments) + "}" for name, arguments in calls)
    return BEFORE + BETWEEN.join(written) + AFTER if calls else ""


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written."""
    return (_head(name), Value(whole(schema)), "}")


def _head(name: str) -> str:
    return "{" + json_text.quoted(name) + ": "


def _read(cursor: Cursor, opener: str) -> Incremental[None]:
    yield from cursor.skip_space()
    listed = yield from cursor.accept("[")
    while True:
        yield from cursor.skip_space()
        yield from _call(cursor)
        yield from cursor.skip_space()
        if not (yield from cursor.accept(",")):
            break
    if listed and not (yield from cursor.accept("]")) and not cursor.at_end:  # models forget it
        raise ParseError
    cursor.commit()
    yield from closing(cursor, _CLOSE)


def _call(cursor: Cursor) -> Incremental[None]:
    yield from cursor.expect("{")
    yield from cursor.skip_space()
    name = yield from json_text.string(cursor)
    yield from cursor.skip_space()
    yield from cursor.expect(":")
    yield from named(cursor, name, "")
    yield from cursor.skip_space()
    if not (yield from cursor.accept("}")) and not cursor.at_end:
        raise ParseError
