"""Kimi K2: an id that holds the function's name and a number, and JSON arguments, in a section."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers import json_text
from workers.parsers.cursor import Cursor
from workers.parsers.grammar_parts import GrammarPart, Value
from workers.parsers.layouts import whole
from workers.parsers.marker_parser import MarkerParser
from workers.parsers.scanner import Incremental
from workers.parsers.syntaxes.json_calls import closing, named

_CALL, _ARGUMENTS, _END = "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"
_SECTION = {
    "<|tool_calls_section_begin|>": "<|tool_calls_section_end|>",
    "<|tool_call_section_begin|>": "<|tool_call_section_end|>",
}
_NUMBER = re.compile(r":[0-9]+$")

NAMES = ("kimi_k2",)
RANK = 1
MARKERS = (*_SECTION, _CALL)
OBJECTS = True
BEFORE, BETWEEN, AFTER = "<|tool_calls_section_begin|>", "", "<|tool_calls_section_end|>"


def recognises(template: str) -> bool:
    """Whether a chat template has Kimi's section."""
    return "<|tool_calls_section_begin|>" in template


def parser(tools: Mapping[str, Mapping[str, Any]]) -> MarkerParser:
    """A parser of this format."""
    return MarkerParser(MARKERS, _read)


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them, counted from 0."""
    written = (
        f"{_CALL}functions.{name}:{at}{_ARGUMENTS}{json_text.written(arguments)}{_END}"
        for at, (name, arguments) in enumerate(calls)
    )
    return BEFORE + BETWEEN.join(written) + AFTER if calls else ""


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written."""
    number = Value({"type": "integer", "minimum": 0, "maximum": 99})
    return (f"{_CALL}functions.{name}:", number, _ARGUMENTS, Value(whole(schema)), _END)


def _read(cursor: Cursor, opener: str) -> Incremental[None]:
    if opener in _SECTION:
        yield from cursor.skip_space()
        yield from cursor.expect(_CALL)
    while True:
        given = yield from cursor.name_before(_ARGUMENTS)
        name = _NUMBER.sub("", given)
        yield from named(cursor, name.removeprefix("functions."), "" if name == given else given, _END)
        yield from closing(cursor, _END)
        yield from cursor.skip_space()
        if not (yield from cursor.accept(_CALL)):
            break
    yield from closing(cursor, *_SECTION.values())
