"""Functionary 3.2: after `>>>` a recipient and a line, then JSON arguments, or text where it is `all`."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers import json_text
from workers.parsers.cursor import Cursor
from workers.parsers.grammar_parts import GrammarPart, Value
from workers.parsers.layouts import whole
from workers.parsers.marker_parser import MarkerParser
from workers.parsers.scanner import NAME, Incremental, ParseError
from workers.parsers.syntaxes.json_calls import named

_MARK, _EVERYBODY = ">>>", "all"

NAMES = ("functionary_v32",)
RANK = 1
MARKERS = (_MARK,)
OBJECTS = False
BEFORE, BETWEEN, AFTER = "", f"\n{_MARK}", ""


def recognises(template: str) -> bool:
    """Whether a chat template addresses everybody this way."""
    return f"{_MARK}{_EVERYBODY}" in template


class _MessageParser(MarkerParser):
    """Reads messages with recipients, of which the prompt has begun the first."""

    def read_answer(self, cursor: Cursor) -> Incremental[None]:
        """Read all of an answer."""
        yield from cursor.accept(_MARK)
        try:
            yield from _read(cursor, _MARK)
            cursor.commit()
        except ParseError:
            cursor.reject_call()
        yield from super().read_answer(cursor)


def parser(tools: Mapping[str, Mapping[str, Any]]) -> MarkerParser:
    """A parser of this format."""
    return _MessageParser(MARKERS, _read)


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    return "\n".join(f"{_MARK}{name}\n{json_text.written(arguments)}" for name, arguments in calls)


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written."""
    return (f"{name}\n", Value(whole(schema)))


def _read(cursor: Cursor, opener: str) -> Incremental[None]:
    name = yield from cursor.match(NAME)
    yield from cursor.expect("\n")
    if name == _EVERYBODY:
        cursor.begin_text()
        return
    if (yield from cursor.peek()) != "{":  # prose has short lines, too
        raise ParseError
    yield from named(cursor, name, "")
