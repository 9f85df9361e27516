"""A Parser that looks for the markers of a format and hands the text after one to that format's reading.

Whitespace between two calls is dropped, as is what lies between a section's marker and a call; any other is text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workers.parsers.cursor import Broken, Cursor, Waiting
from workers.parsers.parser_events import ParserEvent


class Reading:
    """A Parser from the markers that begin a call and a reading of what follows one."""

    def __init__(
        self, openers: Sequence[str], read: Callable[[Cursor, str], Waiting[None]], bare: Sequence[str] = ()
    ) -> None:
        self._cursor = Cursor()
        self._going = self._answer(tuple(openers), tuple(bare), read)
        next(self._going)

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

    def _answer(
        self, openers: tuple[str, ...], bare: tuple[str, ...], read: Callable[[Cursor, str], Waiting[None]]
    ) -> Waiting[None]:
        cursor = self._cursor
        while (opener := (yield from cursor.text(openers, bare))) is not None:
            try:
                yield from read(cursor, opener)
                cursor.told()
            except Broken:
                cursor.back()
