"""DeepSeek V3.1: a name and JSON arguments, in a section."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers import json_text
from workers.parsers.cursor import Cursor
from workers.parsers.grammar_parts import GrammarPart, Value
from workers.parsers.layouts import whole
from workers.parsers.marker_parser import MarkerParser
from workers.parsers.scanner import Incremental
from workers.parsers.syntaxes.json_calls import closing, named

_CALL, _SEPARATOR, _END = "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"

NAMES = ("deepseek_v31", "deepseek_v3_1")
RANK = 1
MARKERS = ("<｜tool▁calls▁begin｜>", _CALL)
OBJECTS = False  # the templates add the arguments to strings
BEFORE, BETWEEN, AFTER = "<｜tool▁calls▁begin｜>", "", "<｜tool▁calls▁end｜>"


def recognises(template: str) -> bool:
    """Whether a chat template has DeepSeek's section."""
    return _CALL in template


def parser(tools: Mapping[str, Mapping[str, Any]]) -> MarkerParser:
    """A parser of this format."""
    return MarkerParser(MARKERS, _read)


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    written = (f"{_CALL}{name}{_SEPARATOR}{json_text.written(arguments)}{_END}" for name, arguments in calls)
    return BEFORE + BETWEEN.join(written) + AFTER if calls else ""


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written."""
    return (f"{_CALL}{name}{_SEPARATOR}", Value(whole(schema)), _END)


def _read(cursor: Cursor, opener: str) -> Incremental[None]:
    if opener != _CALL:
        yield from cursor.skip_space()
        yield from cursor.expect(_CALL)
    while True:
        name = yield from cursor.name_before(_SEPARATOR)
        yield from named(cursor, name, "", _END)
        yield from closing(cursor, _END)
        yield from cursor.skip_space()
        if not (yield from cursor.accept(_CALL)):
            break
    yield from closing(cursor, AFTER)
