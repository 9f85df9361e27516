"""From an answer's text to thinking, text and calls: a reasoning parser with a tool parser behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Protocol, runtime_checkable

from workers.parsers.parser_events import Arguments, Called, Parser, ParserEvent, Returned, Text, Thought


@runtime_checkable
class LeavesMarkers(Parser, Protocol):
    """A reasoning parser in whose text markers are left for a tool parser; `plain` reads them where there is none."""

    def plain(self) -> Parser:
        """A parser that leaves text only."""
        ...


class Reader:
    """Reads an answer through a reasoning parser that has heard nothing yet, and tool parsers that `tools` makes.

    Calls inside the thinking are calls too: each stretch of it passes a tool parser of its own, and what that leaves
    is thinking. Calls are numbered in the order in which they begin.
    """

    def __init__(self, reasoning: Parser | None, tools: Callable[[], Parser] | None) -> None:
        self._reasoning, self._tools, self._numbers = reasoning, tools, count()
        if tools is None and isinstance(reasoning, LeavesMarkers):
            tools = reasoning.plain
        self._answer = _Calls(tools, self._numbers)
        self._thinking: _Calls | None = None

    def hear(self, text: str) -> Sequence[ParserEvent]:
        """Take more text; what may be the beginning of a marker is held back."""
        return list(self._read(self._reasoning.hear(text) if self._reasoning else [Text(text)]))

    def rest(self) -> Sequence[ParserEvent]:
        """What was held back, when no more text comes."""
        pieces = list(self._read(self._reasoning.rest() if self._reasoning else []))
        return [*pieces, *self._end_thinking(), *self._answer.rest()]

    def _read(self, pieces: Iterable[ParserEvent]) -> Iterator[ParserEvent]:
        for piece in pieces:
            if isinstance(piece, Thought):
                self._thinking = self._thinking or _Calls(self._tools, self._numbers)
                yield from _thought(self._thinking.hear(piece.text))
            elif isinstance(piece, Text):
                yield from self._end_thinking()
                yield from self._answer.hear(piece.text)

    def _end_thinking(self) -> list[ParserEvent]:
        thinking, self._thinking = self._thinking, None
        return list(_thought(thinking.rest())) if thinking else []


def _thought(pieces: Iterable[ParserEvent]) -> Iterator[ParserEvent]:
    return (Thought(piece.text) if isinstance(piece, Text) else piece for piece in pieces)


class _Calls:
    """A tool parser, or none, whose calls get the numbers that are next in the whole answer."""

    def __init__(self, make: Callable[[], Parser] | None, numbers: Iterator[int]) -> None:
        self._parser, self._next = make() if make else None, numbers
        self._numbers: dict[int, int] = {}

    def hear(self, text: str) -> list[ParserEvent]:
        if self._parser is None:
            return [Text(text)] if text else []
        return [self._numbered(piece) for piece in self._parser.hear(text)]

    def rest(self) -> list[ParserEvent]:
        return [self._numbered(piece) for piece in self._parser.rest()] if self._parser else []

    def _numbered(self, piece: ParserEvent) -> ParserEvent:
        if not isinstance(piece, Called | Arguments | Returned):
            return piece
        if piece.number not in self._numbers:
            self._numbers[piece.number] = next(self._next)
        return piece._replace(number=self._numbers[piece.number])
