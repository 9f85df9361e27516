"""DeepSeek V3 and R1: a kind, a name and arguments in a block of JSON, in a section."""

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

NAMES = ("deepseek_v3", "deepseek_r1", "deepseek")
RANK = 2
MARKERS = ("<｜tool▁calls▁begin｜>", _CALL)
OBJECTS = False  # the templates add the arguments to strings
BEFORE, BETWEEN, AFTER = "<｜tool▁calls▁begin｜>", "\n", "<｜tool▁calls▁end｜>"


def recognises(template: str) -> bool:
    """Whether a chat template has DeepSeek's section, and blocks of JSON in it."""
    return _CALL in template and "```json" in template


def parser(tools: Mapping[str, Mapping[str, Any]]) -> MarkerParser:
    """A parser of this format."""
    return MarkerParser(MARKERS, _read)


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    written = (_head(name) + json_text.written(arguments) + "\n```" + _END for name, arguments in calls)
    return BEFORE + BETWEEN.join(written) + AFTER if calls else ""


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written."""
    return (_head(name), Value(whole(schema)), "\n```" + _END)


def _head(name: str) -> str:
    return f"{_CALL}function{_SEPARATOR}{name}\n```json\n"


def _read(cursor: Cursor, opener: str) -> Incremental[None]:
    if opener != _CALL:
        yield from cursor.skip_space()
        yield from cursor.expect(_CALL)
    while True:
        yield from cursor.name_before(_SEPARATOR)
        name = yield from cursor.name_before("\n")
        yield from cursor.skip_space()
        fenced = yield from cursor.accept("```json")
        yield from named(cursor, name, "", *(("```",) if fenced else ()), _END)
        if fenced:
            yield from closing(cursor, "```")
        yield from closing(cursor, _END)
        yield from cursor.skip_space()
        if not (yield from cursor.accept(_CALL)):
            break
    yield from closing(cursor, AFTER)
