"""Solar Open: an id, a name and JSON arguments, a marker before each; the answer stands between markers too."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers import json_text
from workers.parsers.cursor import Cursor
from workers.parsers.grammar_parts import GrammarPart, Value
from workers.parsers.layouts import whole
from workers.parsers.marker_parser import MarkerParser
from workers.parsers.scanner import Incremental
from workers.parsers.syntaxes.json_calls import closing, named

_CALL, _NAME, _ARGUMENTS, _END = (f"<|tool_call:{word}|>" for word in ("begin", "name", "args", "end"))
_DROPPED = ("<|begin|>assistant", "<|content|>", "<|flush|>", "<|calls|>", "<|end|>")

NAMES = ("solar_open",)
RANK = 1
MARKERS = ("<|tool_calls|>", _CALL)
OBJECTS = True
BEFORE, BETWEEN, AFTER = "<|tool_calls|>", "", ""


def recognises(template: str) -> bool:
    """Whether a chat template has Solar's markers."""
    return _CALL in template


def parser(tools: Mapping[str, Mapping[str, Any]]) -> MarkerParser:
    """A parser of this format."""
    return MarkerParser((*MARKERS, *_DROPPED), _read)


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them, counted from 0."""
    written = (
        f"{_CALL}{at}{_NAME}{name}{_ARGUMENTS}{json_text.written(arguments)}{_END}"
        for at, (name, arguments) in enumerate(calls)
    )
    return BEFORE + BETWEEN.join(written) + AFTER if calls else ""


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written."""
    number = Value({"type": "integer", "minimum": 0, "maximum": 99})
    return (_CALL, number, f"{_NAME}{name}{_ARGUMENTS}", Value(whole(schema)), _END)


def _read(cursor: Cursor, opener: str) -> Incremental[None]:
    if opener in _DROPPED:
        return
    if opener != _CALL:
        yield from cursor.skip_space()
        yield from cursor.expect(_CALL)
    while True:
        given = yield from cursor.name_before(_NAME)
        name = yield from cursor.name_before(_ARGUMENTS)
        yield from named(cursor, name, given, _END)
        yield from closing(cursor, _END)
        yield from cursor.skip_space()
        if not (yield from cursor.accept(_CALL)):
            cursor.rewind()
            return
