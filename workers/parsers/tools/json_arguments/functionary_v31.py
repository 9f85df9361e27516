"""Functionary 3.1: JSON arguments between <function=f> and </function>."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers import json_text
from workers.parsers.cursor import Cursor
from workers.parsers.grammar_parts import GrammarPart, Value
from workers.parsers.layouts import whole
from workers.parsers.marker_parser import MarkerParser
from workers.parsers.scanner import NAME, Incremental
from workers.parsers.syntaxes.json_calls import closing, named

_OPEN, _CLOSE = "<function=", "</function>"

NAMES = ("functionary_v31", "functionary")
RANK = 1
MARKERS = (_OPEN,)
OBJECTS = True
BEFORE, BETWEEN, AFTER = "", "", ""


def recognises(template: str) -> bool:
    """Whether a chat template puts arguments between these tags."""
    return _OPEN in template and _CLOSE in template


def parser(tools: Mapping[str, Mapping[str, Any]]) -> MarkerParser:
    """A parser of this format."""
    return MarkerParser(MARKERS, _read)


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    return BETWEEN.join(f"{_OPEN}{name}>{json_text.written(arguments)}{_CLOSE}" for name, arguments in calls)


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written."""
    return (f"{_OPEN}{name}>", Value(whole(schema)), _CLOSE)


def _read(cursor: Cursor, opener: str) -> Incremental[None]:
    name = yield from cursor.match(NAME)
    yield from cursor.expect(">")
    yield from named(cursor, name, "", _CLOSE)
    yield from closing(cursor, _CLOSE)
