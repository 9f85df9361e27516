"""Harmony (gpt-oss): messages with a channel and, if they are calls, a recipient, told from their text markers."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers import json_text
from workers.parsers.cursor import NAME, Broken, Cursor, Waiting
from workers.parsers.json_calls import closing, named
from workers.parsers.parser_events import Parser, Part, Value
from workers.parsers.reading import Reading
from workers.parsers.typed import whole

_START, _CHANNEL, _MESSAGE = "<|start|>", "<|channel|>", "<|message|>"
_ENDS = ("<|call|>", "<|end|>", "<|return|>")
_TO = (" to=", "to=")  # the prompt may end within a message's head, before its recipient
_RECIPIENT = re.compile(r"(?:^|\s)to=([^\s<]+)")
_LONGEST = 256  # characters of a head
_FIRST = {_START: ("assistant",), _CHANNEL: ("analysis", "commentary", "final")}  # words of a head that is ours
_PEOPLE = ("assistant", "user", "all")

NAMES = ("harmony", "openai", "gpt_oss", "gpt-oss")
MARKERS = (_START, _CHANNEL, *_TO)
OBJECTS = True
BEFORE, BETWEEN, AFTER = "", "<|end|><|start|>assistant", ""


def recognises(template: str) -> bool:
    """Whether a chat template has channels and messages."""
    return _CHANNEL in template and _MESSAGE in template


def parser(tools: Mapping[str, Mapping[str, Any]]) -> Parser:
    """A parser of this format."""
    return Reading((_START, _CHANNEL, *_ENDS), _Messages().read, _TO)


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them after the prompt's `<|start|>assistant`."""
    return BETWEEN.join(_head(name) + json_text.written(arguments) for name, arguments in calls)


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[Part]:
    """How a call of this function is written; the end of the turn ends it."""
    return (_head(name), Value(whole(schema)))


def _head(name: str) -> str:
    return f"{_CHANNEL}commentary to=functions.{name} <|constrain|>json{_MESSAGE}"


class _Messages:
    """Reads heads and ends of messages; what stands between them is text where nobody is called."""

    def __init__(self) -> None:
        self._open = False  # whether a message of text is: only its own end is a marker

    def read(self, cursor: Cursor, opener: str) -> Waiting[None]:
        """Read the head of a message, with a call's arguments, or the end of one."""
        if opener in _ENDS:
            if not self._open:
                raise Broken
            self._open = False
            return
        head = ""
        if opener in _TO:
            yield from cursor.space()
            head = yield from cursor.must("to=")
            head += yield from cursor.run(NAME)
            yield from cursor.space()
            if not (yield from cursor.sees(_CHANNEL, "<|constrain|>", _MESSAGE)):
                raise Broken
        head += yield from self._rest_of_head(cursor)
        if opener in _FIRST and not head.lstrip().startswith(_FIRST[opener]):
            raise Broken
        self._open = False
        found = _RECIPIENT.search(head)
        if found and found[1] not in _PEOPLE:
            yield from named(cursor, found[1].removeprefix("functions."), "", *_ENDS)
            yield from closing(cursor, *_ENDS)
        else:
            self._open = True
            cursor.answer()

    def _rest_of_head(self, cursor: Cursor) -> Waiting[str]:
        head = ""
        while True:
            text, marker = yield from cursor.until(_MESSAGE, _START, *_ENDS, most=_LONGEST)
            head += text
            if len(head) > _LONGEST or "\n" in head or marker not in (None, _MESSAGE):
                raise Broken
            if marker:
                return head
