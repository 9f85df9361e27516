"""Functionary 3.2: after `>>>` a recipient and a line, then JSON arguments, or text where it is `all`."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers import json_text
from workers.parsers.cursor import NAME, Broken, Cursor, Waiting
from workers.parsers.json_calls import named
from workers.parsers.parser_events import Part, Value
from workers.parsers.reading import Reading
from workers.parsers.typed import whole

_MARK, _EVERYBODY = ">>>", "all"

NAMES = ("functionary_v32",)
RANK = 1
MARKERS = (_MARK,)
OBJECTS = False
BEFORE, BETWEEN, AFTER = "", f"\n{_MARK}", ""


def recognises(template: str) -> bool:
    """Whether a chat template addresses everybody this way."""
    return f"{_MARK}{_EVERYBODY}" in template


class _Messages(Reading):
    """Reads messages with recipients, of which the prompt has begun the first."""

    def answer(self, cursor: Cursor) -> Waiting[None]:
        """Read all of an answer."""
        yield from cursor.comes(_MARK)
        try:
            yield from _read(cursor, _MARK)
            cursor.told()
        except Broken:
            cursor.back()
        yield from super().answer(cursor)


def parser(tools: Mapping[str, Mapping[str, Any]]) -> Reading:
    """A parser of this format."""
    return _Messages(MARKERS, _read)


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    return "\n".join(f"{_MARK}{name}\n{json_text.written(arguments)}" for name, arguments in calls)


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[Part]:
    """How a call of this function is written."""
    return (f"{name}\n", Value(whole(schema)))


def _read(cursor: Cursor, opener: str) -> Waiting[None]:
    name = yield from cursor.run(NAME)
    yield from cursor.must("\n")
    if name == _EVERYBODY:
        cursor.answer()
        return
    if (yield from cursor.peek()) != "{":  # prose has short lines, too
        raise Broken
    yield from named(cursor, name, "")
