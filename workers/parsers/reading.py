"""A Parser that looks for the markers of a format and hands the text after one to that format's reading.

Whitespace between two calls is dropped, as is what lies between a section's marker and a call; any other is text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workers.parsers.pieces import Piece
from workers.parsers.tape import Broken, Tape, Waiting


class Reading:
    """A Parser from the markers that begin a call and a reading of what follows one."""

    def __init__(
        self, openers: Sequence[str], read: Callable[[Tape, str], Waiting[None]], bare: Sequence[str] = ()
    ) -> None:
        self._tape = Tape()
        self._going = self._answer(tuple(openers), tuple(bare), read)
        next(self._going)

    def hear(self, text: str) -> Sequence[Piece]:
        """Take more text; what may be the beginning of a marker is held back."""
        if text:
            self._tape.feed(text)
            next(self._going, None)
        return self._tape.pieces()

    def rest(self) -> Sequence[Piece]:
        """What was held back, when no more text comes."""
        self._tape.end()
        next(self._going, None)
        return self._tape.pieces()

    def _answer(
        self, openers: tuple[str, ...], bare: tuple[str, ...], read: Callable[[Tape, str], Waiting[None]]
    ) -> Waiting[None]:
        tape = self._tape
        while (opener := (yield from tape.text(openers, bare))) is not None:
            try:
                yield from read(tape, opener)
                tape.told()
            except Broken:
                tape.back()
