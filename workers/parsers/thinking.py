"""What the reasoning formats share: thinking between markers, and how a template's prompt opens it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from workers.parsers.cursor import Cursor
from workers.parsers.grammar_parts import Free, GrammarPart, Maybe
from workers.parsers.marker_parser import MarkerParser, Within, nothing
from workers.parsers.scanner import Incremental

OPEN, CLOSE = "<think>", "</think>"


class ThinkingMarkers(NamedTuple):
    """The markers around a format's thinking.

    `first` open it only where the answer begins. `stray` are not text of an answer that has not been thought about
    yet, as where a model closes what it never opened. `begins` may stand between the thinking and the answer, `ends`
    behind the answer. `within` is what a call within the thinking is, unless that is for the calls' format to say.
    """

    opens: tuple[str, ...]
    closes: tuple[str, ...]
    stray: tuple[str, ...]
    first: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    within: Within | None = None

    def begun(self, prompt: str) -> bool:
        """Whether a rendered prompt ends inside the thinking: it opened it in its last turn, and has not closed it.

        So does one that ends with a beginning of the thinking, to be continued.
        """
        at, length = max((prompt.rfind(marker), len(marker)) for marker in (*self.opens, *self.first))
        since = prompt[at + length :]
        return at >= 0 and not any(marker in since for marker in self.closes) and _TURN.search(since) is None

    def parser(self, begun: bool, calls: MarkerParser | None = None) -> ThinkingParser:
        """A parser of one answer."""
        return ThinkingParser(self, begun=begun, calls=calls)

    def prelude(self, begun: bool) -> Sequence[GrammarPart]:
        """Thinking, between the first of each kind of marker, that may stand before a constrained answer."""
        opening, closing = (*self.opens, *self.first)[0], self.closes[0]
        return [Free(closing)] if begun else [Maybe([opening, Free(closing)])]


THINK = ThinkingMarkers((OPEN,), (CLOSE,), stray=(CLOSE,))
_TURN = re.compile(
    r"<\||<｜|\]~b\]|<start_of_turn>|<SPECIAL_|\[INST\]|\[/INST\]|<seed:bos>|<sep>|\n(?:User|Assistant):"
)


class ThinkingParser(MarkerParser):
    """Reads one stretch of thinking between markers, and calls in, before and after it as `calls` does.

    It begins where the answer or a line of it does, or with the answer if the prompt has `begun` it. One newline at
    its beginning, whitespace at its end and whitespace up to the answer are layout and dropped. Thinking without end
    is thinking. Once it has ended, what follows is the answer as it stands, whatever markers it holds.
    """

    def __init__(self, marks: ThinkingMarkers, *, begun: bool, calls: MarkerParser | None = None) -> None:
        self._marks, self._begun = marks, begun
        self._calls = calls or MarkerParser((), nothing)
        super().__init__(self._calls.openers, nothing, self._calls.bare)

    def read_answer(self, cursor: Cursor) -> Incremental[None]:
        """Read all of an answer."""
        if not (self._begun or (yield from self._before(cursor))) or (yield from self._think(cursor)):
            yield from self._after(cursor)

    def _before(self, cursor: Cursor) -> Incremental[bool]:
        """Read up to the thinking and say whether there is any; closing it at once is thinking nothing."""
        marks = self._marks
        yield from cursor.skip_space()
        if marker := (yield from cursor.accept(*marks.opens, *marks.first, *marks.stray)):
            cursor.commit()
            if marker in marks.closes:
                yield from self._layout(cursor)
            return marker not in marks.stray
        cursor.rewind()
        markers, bare = (*self.openers, *marks.stray, *marks.ends), (*self.bare, *marks.opens)
        while (marker := (yield from cursor.text_until(markers, bare))) is not None:
            if marker in marks.opens:
                yield from cursor.expect(*marks.opens)  # the longest
                cursor.commit()
                return True
            if marker in marks.stray:
                cursor.commit()
            else:
                yield from self._other(cursor, marker)
        return False

    def _think(self, cursor: Cursor) -> Incremental[bool]:
        """Read the thinking and what ends it, and say whether that came."""
        marks, within = self._marks, self._marks.within or self._calls.within
        openers, bare = ((), ()) if within is Within.TEXT else (self.openers, self.bare)
        yield from cursor.skip_space()
        while (yield from cursor.accept(*marks.opens, *marks.first)):  # though it has begun
            cursor.commit()
            yield from cursor.skip_space()
        cursor.rewind()
        yield from cursor.accept("\n")
        cursor.commit()
        cursor.set_thinking(True, trims=True)
        while (marker := (yield from cursor.text_until((*marks.closes, *openers), bare))) is not None:
            if marker in marks.closes:
                cursor.begin_text()
                cursor.set_thinking(False)
                yield from self._layout(cursor)
                return True
            called = yield from self._calls.read_call(cursor, marker)
            if called and within is Within.END:
                cursor.set_thinking(False)
                return True
        return False

    def _layout(self, cursor: Cursor) -> Incremental[None]:
        """Drop what stands between the thinking and the answer."""
        yield from cursor.skip_space()
        while self._marks.begins and (yield from cursor.accept(*self._marks.begins)):
            yield from cursor.skip_space()
        cursor.commit()

    def _after(self, cursor: Cursor) -> Incremental[None]:
        """Read the answer, as it stands but for calls and for what ends it."""
        markers = (*self.openers, *self._marks.ends)
        while (marker := (yield from cursor.text_until(markers, self.bare))) is not None:
            yield from self._other(cursor, marker)

    def _other(self, cursor: Cursor, marker: str) -> Incremental[None]:
        """Read what a marker of a call begins, or drop one that ends the answer."""
        if marker in (*self.openers, *self.bare):
            yield from self._calls.read_call(cursor, marker)
        elif (yield from self._ended(cursor)):
            cursor.commit()
        else:
            cursor.reject_call()

    def _ended(self, cursor: Cursor) -> Incremental[bool]:
        """Read what follows a marker that ends the answer: the end, or what begins another part of it."""
        marks, begins = self._marks, False
        yield from cursor.skip_space()
        while marker := (yield from cursor.accept(*marks.ends, *marks.begins)):
            begins = begins or marker in marks.begins
            yield from cursor.skip_space()
        return begins or cursor.at_end
