"""A Parser that looks for the markers of a format and hands the text after one to what reads that format.

Whitespace between two calls is dropped, as is what lies between a section's marker and a call; any other is text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto

from workers.parsers.cursor import Cursor
from workers.parsers.parser_events import ParserEvent
from workers.parsers.scanner import Incremental, ParseError

ReadCall = Callable[[Cursor, str], Incremental[None]]


class Within(Enum):
    """What a call within the thinking is."""

    CALL = auto()  # a call, and the thinking goes on after it
    END = auto()  # a call, and the end of the thinking
    TEXT = auto()  # a part of what is thought: the model writes drafts of calls there


def nothing(cursor: Cursor, opener: str) -> Incremental[None]:
    """Read nothing: the marker itself is all that there is."""
    yield from ()


class MarkerParser:
    """A Parser from the markers that begin a call and a function that reads what follows one.

    `bare` markers count where a line begins only, and are left for `read`. A reasoning format that has read nothing
    yet may take a parser that has read nothing either, and reads calls its way.
    """

    def __init__(
        self, openers: Sequence[str], read: ReadCall, bare: Sequence[str] = (), *, within: Within = Within.CALL
    ) -> None:
        self.openers, self.bare, self.within = tuple(openers), tuple(bare), within
        self._read = read
        self._cursor = Cursor()
        self._reading = self.read_answer(self._cursor)
        next(self._reading, None)

    def feed(self, text: str) -> Sequence[ParserEvent]:
        """Take more text; what may be the beginning of a marker is held back."""
        if text:
            self._cursor.feed(text)
            next(self._reading, None)
        return self._cursor.take_events()

    def flush(self) -> Sequence[ParserEvent]:
        """What was held back, when no more text comes."""
        self._cursor.end()
        next(self._reading, None)
        return self._cursor.take_events()

    def read_answer(self, cursor: Cursor) -> Incremental[None]:
        """Read all of an answer."""
        while (opener := (yield from cursor.text_until(self.openers, self.bare))) is not None:
            yield from self.read_call(cursor, opener)

    def read_call(self, cursor: Cursor, opener: str) -> Incremental[bool]:
        """Read what a marker begins, and say whether that made a call; a marker that begins none is text."""
        before = cursor.calls
        cursor.flush_whitespace()
        try:
            yield from self._read(cursor, opener)
            cursor.commit()
        except ParseError:
            cursor.reject_call()
        return cursor.calls > before
