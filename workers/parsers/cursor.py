"""Text that comes in pieces, read as if all of it were there.

A format's reading is a generator over a Cursor: it yields where text is missing and goes on when more has come, so how
the text is cut cannot change what is made of it. What was read but not told is kept, and is text if the call turns out
to be none.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Generator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import TypeAlias, TypeVar

from workers.parsers.markers import overlap
from workers.parsers.parser_events import Arguments, Called, ParserEvent, Returned, Text, Thought

T = TypeVar("T")
Waiting: TypeAlias = Generator[None, None, T]

NAME = re.compile(r"""[^\s<>"'`{}\[\]()=,;]+""")  # what a function's name may be made of, outside of JSON
_LONGEST = 256  # characters of a name, a property's name or an id; more is prose


class Broken(Exception):
    """What stands here is not what a call goes on with."""


class Cursor:
    """Text, a place in it up to which it is read, and the pieces that were made of it."""

    def __init__(self) -> None:
        self._text = ""
        self._at = 0  # what comes before is read
        self._kept = 0  # what comes before is told
        self._earlier: list[str] = []  # read and not told, and no longer in the text
        self._blanks: list[str] = []  # whitespace that is text unless a call or the end of the thinking follows
        self._opener = 0  # length of the marker after which nothing was told yet
        self._pinned: int | None = None  # where a look ahead began: from there on the text is kept
        self._kind: type[Text] | type[Thought] = Text
        self._trims = False
        self._after_call = False
        self._line_begins = True
        self._ended = False
        self._calls = 0  # the number of the call that is open, or of the next
        self._open = False
        self._pieces: list[ParserEvent] = []

    # What comes in and out.

    def feed(self, text: str) -> None:
        """More text."""
        start = self._at if self._pinned is None else self._pinned
        if self._kept < start:
            self._earlier.append(self._text[self._kept : start])
        self._text = self._text[start:] + text
        self._at -= start
        self._kept = 0
        if self._pinned is not None:
            self._pinned = 0

    def end(self) -> None:
        """No more text comes."""
        self._ended = True

    def pieces(self) -> list[ParserEvent]:
        """What was made of the text since the last time, neighbours of one kind as one."""
        pieces, self._pieces = self._pieces, []
        if len(pieces) < 2:
            return pieces
        joined: list[ParserEvent] = []
        for kind, same in groupby(pieces, lambda piece: (type(piece), getattr(piece, "number", 0))):
            if kind[0] in (Text, Thought):
                joined.append(kind[0]("".join(piece.text for piece in same if isinstance(piece, Text | Thought))))
            elif kind[0] is Arguments:
                joined.append(Arguments(kind[1], "".join(piece.text for piece in same if isinstance(piece, Arguments))))
            else:
                joined += same
        return joined

    # Telling.

    def call(self, name: str, id: str = "") -> None:
        """A call begins."""
        self._tell(Called(self._calls, name, id))
        self._open = True

    def arguments(self, text: str) -> None:
        """More of its arguments."""
        self._tell(Arguments(self._calls, text))

    def returned(self) -> None:
        """It is complete; what follows is another call or text."""
        self._tell(Returned(self._calls))
        self._calls += 1
        self._open = False
        self._after_call = self._line_begins = True

    def answer(self) -> None:
        """What was read was markup, and text follows, whitespace and all."""
        self.told()
        self._after_call, self._line_begins = False, True

    def told(self) -> None:
        """All that was read is told, or was markup."""
        self._earlier.clear()
        self._blanks.clear()
        self._kept, self._opener = self._at, 0

    def think(self, on: bool, *, trims: bool = False) -> None:
        """What is said from here on is thinking, or no longer; `trims` holds whitespace back until text follows."""
        self._kind, self._trims = Thought if on else Text, trims
        self._line_begins = True

    def settle(self) -> None:
        """What is read next ends no thinking, so the whitespace before it is said; after a call it still waits."""
        if self._blanks and not self._after_call:
            self._say("".join(self._blanks))
            self._blanks.clear()

    def _tell(self, piece: ParserEvent) -> None:
        self.told()
        self._pieces.append(piece)

    def _say(self, text: str) -> None:
        if not text:
            return
        self._after_call = False
        line = text.rpartition("\n")
        self._line_begins = not line[2].strip() and (bool(line[1]) or self._line_begins)
        self._pieces.append(self._kind(text))

    # Going back.

    def unread(self) -> None:
        """What was read since the last telling is to be read again."""
        if self._earlier:
            self._text = "".join(self._earlier) + self._text[self._kept :]
            self._earlier.clear()
            self._kept = 0
        self._at = self._kept

    def back(self) -> None:
        """The call is none, or broke off: unread, and if nothing of it was told its marker is text."""
        if self._open:
            self._calls += 1
            self._open = self._after_call = self._line_begins = False
        self.unread()
        if self._opener:
            self._say("".join(self._blanks))
            self._at += self._opener
            self._say(self._text[self._kept : self._at])
            self.told()

    # Reading.

    def text(self, openers: Sequence[str], bare: Sequence[str]) -> Waiting[str | None]:
        """Say text up to a marker that begins a call, and read that; `bare` ones count where a line begins only."""
        markers = (*openers, *bare)
        search = _any(markers).search
        while True:
            found = search(self._text, self._at)
            held = 0 if found or self._ended else self._held(markers)
            stop = found.start() if found else len(self._text) - held
            self._pass(stop)
            if found:
                if found[0] not in bare or self._begins_line():
                    self._at, self._opener = found.end(), len(found[0])
                    if found[0] in bare:
                        self._at = self._kept
                    return found[0]
                self._pass(found.end())
            elif self._ended:
                self._say("".join(self._blanks))
                self.told()
                return None
            else:
                yield

    def _pass(self, stop: int) -> None:
        """Say what comes before; whitespace after a call, or at the end of the thinking, waits for what follows it."""
        text = self._text[self._at : stop]
        self._at = self._kept = stop
        said = "" if self._after_call and not text.strip() else text.rstrip() if self._trims else text
        if said:
            self._say("".join(self._blanks) + said)
            self._blanks.clear()
        if len(said) < len(text):
            self._blanks.append(text[len(said) :])

    def _begins_line(self) -> bool:
        return self._line_begins or any("\n" in blank for blank in self._blanks)

    def until(self, *markers: str, most: int = sys.maxsize) -> Waiting[tuple[str, str | None]]:
        """Some text before the first of these markers, and that marker where it is reached; none may begin another."""
        reach = min(sys.maxsize, most + max(map(len, markers)))
        while True:
            start = self._at
            if found := _any(markers).search(self._text, start, min(len(self._text), start + reach)):
                self._at = found.end()
                return self._text[start : found.start()], found[0]
            stop = min(len(self._text) - self._held(markers), start + most)
            if stop > start:
                self._at = stop
                return self._text[start:stop], None
            yield from self._more()

    def short(self, *markers: str) -> Waiting[str]:
        """What comes before one of these markers, without whitespace around it: a name, so no line and no tag in it."""
        return (yield from self.name(*markers))[0]

    def name(self, *markers: str) -> Waiting[tuple[str, str]]:
        """What `short` gives, and which of the markers came."""
        parts = ""
        while True:
            text, marker = yield from self.until(*markers, most=_LONGEST + 1)
            parts += text
            if len(parts) > _LONGEST or "<" in parts or "\n" in parts.strip():
                raise Broken
            if marker is not None:
                return parts.strip(), marker

    def run(self, pattern: re.Pattern[str], most: int = _LONGEST) -> Waiting[str]:
        """The characters here that a pattern takes, at least one: `[…]+` of some set."""
        parts = ""
        while True:
            found = pattern.match(self._text, self._at)
            if found:
                parts += found[0]
                self._at = found.end()
            if len(parts) > most:
                raise Broken
            if self._at < len(self._text) or self._ended:
                if not parts:
                    raise Broken
                return parts
            yield

    @property
    def calls(self) -> int:
        """How many calls have ended, complete or not."""
        return self._calls

    @property
    def calling(self) -> bool:
        """Whether a call was told that is not complete."""
        return self._open

    @property
    def at_end(self) -> bool:
        """Whether all text is read, and no more comes."""
        return self._ended and self._at == len(self._text)

    def any(self) -> Waiting[str]:
        """Read the next character."""
        while self._at == len(self._text):
            yield from self._more()
        self._at += 1
        return self._text[self._at - 1]

    def peek(self) -> Waiting[str]:
        """The next character, or nothing at the end."""
        while self._at == len(self._text) and not self._ended:
            yield
        return self._text[self._at : self._at + 1]

    def space(self) -> Waiting[None]:
        """Skip whitespace."""
        while True:
            while self._at < len(self._text) and self._text[self._at].isspace():
                self._at += 1
            if self._at < len(self._text) or self._ended:
                return
            yield

    def sees(self, *markers: str) -> Waiting[str | None]:
        """Which of these stands here, the longest of them; nothing is read."""
        longest = max(map(len, markers))
        while True:
            here = self._text[self._at : self._at + longest]
            if self._ended or not any(len(mark) > len(here) and mark.startswith(here) for mark in markers):
                return max((mark for mark in markers if here.startswith(mark)), key=len, default=None)
            yield

    def comes(self, *markers: str) -> Waiting[str | None]:
        """Read which of these stands here, if one does."""
        found = yield from self.sees(*markers)
        self._at += len(found or "")
        return found

    def leave(self, marker: str) -> None:
        """Read again a marker that `until` has just read."""
        self._at -= len(marker)

    def must(self, *markers: str) -> Waiting[str]:
        """Read the one of these that has to stand here."""
        found = yield from self.comes(*markers)
        if found is None:
            raise Broken
        return found

    def hear(self, listen: Callable[[str, int, int], int], step: int | None = None) -> Waiting[None]:
        """Let somebody read: it is given text and a range in it, at most `step` long, and says where it stopped."""
        while self._at == len(self._text):
            yield from self._more()
        stop = len(self._text) if step is None else min(len(self._text), self._at + step)
        self._at = listen(self._text, self._at, stop)

    def ahead(self, look: Waiting[T]) -> Waiting[T | None]:
        """What a reading from here on comes to, None where it breaks; nothing is read, and it may tell nothing."""
        before, self._pinned = self._pinned, self._at
        try:
            return (yield from look)
        except Broken:
            return None
        finally:
            self._at, self._pinned = self._pinned, before

    def _more(self) -> Waiting[None]:
        if self._ended:
            raise Broken
        yield

    def _held(self, markers: Sequence[str]) -> int:
        if not markers:
            return 0
        tail = self._text[max(self._at, len(self._text) - max(map(len, markers))) :]
        return max(overlap(tail, marker) for marker in markers)


@lru_cache(256)
def _any(markers: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(markers, key=len, reverse=True))) or "(?!)")
