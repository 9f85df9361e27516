"""A Parser that looks for the markers of a format and hands the text after one to that format's reading.

Whitespace between two calls is dropped, as is what lies between a section's marker and a call; any other is text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto

from workers.parsers.cursor import Broken, Cursor, Waiting
from workers.parsers.parser_events import ParserEvent

Read = Callable[[Cursor, str], Waiting[None]]


class Within(Enum):
    """What a call within the thinking is."""

    CALL = auto()  # a call, and the thinking goes on after it
    END = auto()  # a call, and the end of the thinking
    TEXT = auto()  # a part of what is thought: the model writes drafts of calls there


def nothing(cursor: Cursor, opener: str) -> Waiting[None]:
    """Read nothing: the marker itself is all that there is."""
    yield from ()


class Reading:
    """A Parser from the markers that begin a call and a reading of what follows one.

    `bare` markers count where a line begins only, and are left for `read`. A reasoning format that has heard nothing
    yet may take a reading that has heard nothing either, and reads calls its way.
    """

    def __init__(
        self, openers: Sequence[str], read: Read, bare: Sequence[str] = (), *, within: Within = Within.CALL
    ) -> None:
        self.openers, self.bare, self.within = tuple(openers), tuple(bare), within
        self._read = read
        self._cursor = Cursor()
        self._going = self.answer(self._cursor)
        next(self._going, None)

    def hear(self, text: str) -> Sequence[ParserEvent]:
        """Take more text; what may be the beginning of a marker is held back."""
        if text:
            self._cursor.feed(text)
            next(self._going, None)
        return self._cursor.pieces()

    def rest(self) -> Sequence[ParserEvent]:
        """What was held back, when no more text comes."""
        self._cursor.end()
        next(self._going, None)
        return self._cursor.pieces()

    def answer(self, cursor: Cursor) -> Waiting[None]:
        """Read all of an answer."""
        while (opener := (yield from cursor.text(self.openers, self.bare))) is not None:
            yield from self.call(cursor, opener)

    def call(self, cursor: Cursor, opener: str) -> Waiting[bool]:
        """Read what a marker begins, and say whether that told a call; a marker that begins none is text."""
        before = cursor.calls
        cursor.settle()
        try:
            yield from self._read(cursor, opener)
            cursor.told()
        except Broken:
            cursor.back()
        return cursor.calls > before
