"""Harmony (gpt-oss): messages in channels, of which `analysis` is the thinking.

The other channels are the tool parser's to read, markers and all; `plain` reads them where there is none.
"""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.markers import split
from workers.parsers.parser_events import Free, Maybe, Parser, ParserEvent, Part, Text, Thought

NAMES: tuple[str, ...] = ("harmony",)
_START, _CHANNEL, _MESSAGE, _END = "<|start|>", "<|channel|>", "<|message|>", "<|end|>"
_TURN, _ANALYSIS, _FINAL = f"{_START}assistant", f"{_CHANNEL}analysis{_MESSAGE}", f"{_CHANNEL}final{_MESSAGE}"
_ENDS = (_END, "<|return|>", "<|call|>")
MARKERS: tuple[str, ...] = (_ANALYSIS, _FINAL)
CLOSE = _END + _TURN
ANSWER = _FINAL


def recognises(template: str) -> bool:
    """Whether the template speaks of channels and messages."""
    return _CHANNEL in template and _MESSAGE in template


def begun(prompt: str) -> bool:
    """Whether the prompt ends in a message of analysis."""
    return thinking.ends_open(prompt, _ANALYSIS)


def parser(begun: bool) -> Parser:
    """A parser of one answer."""
    return Channels(begun)


def prelude(begun: bool) -> Sequence[Part]:
    """Analysis that may come before a message of another channel."""
    return [Free(_END), _TURN] if begun else [Maybe([_ANALYSIS, Free(_END), _TURN])]


class Channels:
    """Takes the analysis out of an answer and leaves the other messages as they are."""

    def __init__(self, begun: bool) -> None:
        self._thinking, self._held = begun, ""

    def hear(self, text: str) -> Sequence[ParserEvent]:
        """Take more text; beginnings of markers are held back."""
        self._held += text
        pieces: list[ParserEvent] = []
        while True:
            before, marker, rest = split(self._held, self._markers())
            pieces += self._said(before)
            self._held = rest
            if marker is None:
                return pieces
            if marker in (_CHANNEL, _TURN + _CHANNEL):
                self._held = _CHANNEL + rest  # the header is read again, for what it says
            self._thinking = marker == _ANALYSIS

    def rest(self) -> Sequence[ParserEvent]:
        """What was held back, when no more text comes."""
        held, self._held = self._held, ""
        return self._said(held)

    def plain(self) -> Parser:
        """A parser of what the other channels leave in the text."""
        return Plain()

    def _markers(self) -> tuple[str, ...]:
        return (*_ENDS, _CHANNEL, _TURN + _CHANNEL) if self._thinking else (_ANALYSIS, _TURN + _CHANNEL)

    def _said(self, text: str) -> list[ParserEvent]:
        if not text:
            return []
        return [Thought(text) if self._thinking else Text(text)]


class Plain:
    """Reads the text of messages and drops their headers; a header has one line, so that text lost as one is found."""

    def __init__(self) -> None:
        self._header, self._held = False, ""

    def hear(self, text: str) -> Sequence[ParserEvent]:
        """Take more text; headers are held back."""
        self._held += text
        pieces: list[ParserEvent] = []
        while True:
            before, marker, rest = split(self._held, (_START, _CHANNEL, _MESSAGE, *_ENDS))
            if self._header and "\n" in before:
                self._header = False
            if self._header and marker is None:
                return pieces
            if before and not self._header:
                pieces.append(Text(before))
            self._held = rest
            if marker is None:
                return pieces
            self._header = marker in (_START, _CHANNEL)

    def rest(self) -> Sequence[ParserEvent]:
        """What was held back, when no more text comes."""
        held, self._held = self._held, ""
        return [Text(held)] if held and not self._header else []
