"""Text that comes in pieces, read as if all of it were there.

A reading is a generator over a Scanner: it yields where text is missing and goes on when more has come, so how the text
is cut cannot change what is made of it. What was read and not committed is kept, so that it can be read again.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Generator, Sequence
from functools import lru_cache
from typing import TypeAlias, TypeVar

from workers.parsers.markers import overlap

T = TypeVar("T")
Incremental: TypeAlias = Generator[None, None, T]

NAME = re.compile(r"""[^\s<>"'`{}\[\]()=,;]+""")  # what a function's name may be made of, outside of JSON
_LONGEST = 256  # characters of a name, a property's name or an id; more is prose


class ParseError(Exception):
    """What stands here is not what a call goes on with."""


class Scanner:
    """Text, and a place in it up to which it is read."""

    def __init__(self) -> None:
        self._text = ""
        self._at = 0  # what comes before is read
        self._kept = 0  # what comes before is committed
        self._earlier: list[str] = []  # read and not committed, and no longer in the text
        self._pinned: int | None = None  # where a lookahead began: from there on the text is kept
        self._ended = False

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

    def commit(self) -> None:
        """What was read is not read again."""
        self._earlier.clear()
        self._kept = self._at

    def rewind(self) -> None:
        """What was read since the last commit is to be read again."""
        if self._earlier:
            self._text = "".join(self._earlier) + self._text[self._kept :]
            self._earlier.clear()
            self._kept = 0
        self._at = self._kept

    @property
    def at_end(self) -> bool:
        """Whether all text is read, and no more comes."""
        return self._ended and self._at == len(self._text)

    # Characters.

    def next_char(self) -> Incremental[str]:
        """Read the next character."""
        while self._at == len(self._text):
            yield from self._more()
        self._at += 1
        return self._text[self._at - 1]

    def peek(self) -> Incremental[str]:
        """The next character, or nothing at the end."""
        while self._at == len(self._text) and not self._ended:
            yield
        return self._text[self._at : self._at + 1]

    def skip_space(self) -> Incremental[None]:
        """Skip whitespace."""
        while True:
            while self._at < len(self._text) and self._text[self._at].isspace():
                self._at += 1
            if self._at < len(self._text) or self._ended:
                return
            yield

    def match(self, pattern: re.Pattern[str], most: int = _LONGEST) -> Incremental[str]:
        """The characters here that a pattern takes, at least one: `[…]+` of some set."""
        parts = ""
        while True:
            match = pattern.match(self._text, self._at)
            if match:
                parts += match[0]
                self._at = match.end()
            if len(parts) > most:
                raise ParseError
            if self._at < len(self._text) or self._ended:
                if not parts:
                    raise ParseError
                return parts
            yield

    def scan(self, reader: Callable[[str, int, int], int], step: int | None = None) -> Incremental[None]:
        """Let a reader go on: it is given text and a range in it, at most `step` long, and returns where it stopped."""
        while self._at == len(self._text):
            yield from self._more()
        stop = len(self._text) if step is None else min(len(self._text), self._at + step)
        self._at = reader(self._text, self._at, stop)

    # Markers.

    def looking_at(self, *markers: str) -> Incremental[str | None]:
        """Which of these stands here, the longest of them; nothing is read."""
        longest = max(map(len, markers))
        while True:
            here = self._text[self._at : self._at + longest]
            if self._ended or not any(len(mark) > len(here) and mark.startswith(here) for mark in markers):
                return max((mark for mark in markers if here.startswith(mark)), key=len, default=None)
            yield

    def accept(self, *markers: str) -> Incremental[str | None]:
        """Read which of these stands here, if one does."""
        marker = yield from self.looking_at(*markers)
        self._at += len(marker or "")
        return marker

    def expect(self, *markers: str) -> Incremental[str]:
        """Read the one of these that has to stand here."""
        marker = yield from self.accept(*markers)
        if marker is None:
            raise ParseError
        return marker

    def put_back(self, marker: str) -> None:
        """Read again a marker that `until` has just read."""
        self._at -= len(marker)

    def until(self, *markers: str, most: int = sys.maxsize) -> Incremental[tuple[str, str | None]]:
        """Some text before the first of these markers, and that marker where it is reached; none may begin another."""
        reach = min(sys.maxsize, most + max(map(len, markers)))
        while True:
            start = self._at
            if match := any_of(markers).search(self._text, start, min(len(self._text), start + reach)):
                self._at = match.end()
                return self._text[start : match.start()], match[0]
            stop = min(len(self._text) - self._held(markers), start + most)
            if stop > start:
                self._at = stop
                return self._text[start:stop], None
            yield from self._more()

    def name_before(self, *markers: str) -> Incremental[str]:
        """What comes before one of these markers, without whitespace around it: a name, so no line and no tag in it."""
        return (yield from self.name_and_marker(*markers))[0]

    def name_and_marker(self, *markers: str) -> Incremental[tuple[str, str]]:
        """What `name_before` gives, and which of the markers came."""
        parts = ""
        while True:
            text, marker = yield from self.until(*markers, most=_LONGEST + 1)
            parts += text
            if len(parts) > _LONGEST or "<" in parts or "\n" in parts.strip():
                raise ParseError
            if marker is not None:
                return parts.strip(), marker

    def lookahead(self, reading: Incremental[T]) -> Incremental[T | None]:
        """What a reading from here on comes to, None where it breaks; nothing is read, and it may emit nothing."""
        before, self._pinned = self._pinned, self._at
        try:
            return (yield from reading)
        except ParseError:
            return None
        finally:
            self._at, self._pinned = self._pinned, before

    def _more(self) -> Incremental[None]:
        if self._ended:
            raise ParseError
        yield

    def _held(self, markers: Sequence[str]) -> int:
        """Characters at the end of the text that may be the beginning of a marker."""
        if not markers:
            return 0
        tail = self._text[max(self._at, len(self._text) - max(map(len, markers))) :]
        return max(overlap(tail, marker) for marker in markers)


@lru_cache(256)
def any_of(markers: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern of any of these markers, the longest first."""
    return re.compile("|".join(map(re.escape, sorted(markers, key=len, reverse=True))) or "(?!)")
