"""What a format's reading works with: the text as a Scanner reads it, and the events that are made of it.

What was read without an event is kept, and is text if the call turns out to be none.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from workers.parsers.parser_events import Arguments, CallBegun, CallEnded, ParserEvent, Text, Thought
from workers.parsers.scanner import Incremental, Scanner, any_of


class Cursor(Scanner):
    """A Scanner that emits the events of an answer in their order."""

    def __init__(self) -> None:
        super().__init__()
        self._blanks: list[str] = []  # whitespace that is text unless a call or the end of the thinking follows
        self._opener = 0  # length of the marker after which nothing was emitted yet
        self._text_event: type[Text] | type[Thought] = Text
        self._trims = False
        self._after_call = False
        self._line_begins = True
        self._calls = 0  # the number of the call that is open, or of the next
        self._in_call = False
        self._events: list[ParserEvent] = []

    @property
    def calls(self) -> int:
        """How many calls have ended, complete or not."""
        return self._calls

    @property
    def in_call(self) -> bool:
        """Whether a call has begun that is not complete."""
        return self._in_call

    def take_events(self) -> list[ParserEvent]:
        """What was made of the text since the last time, neighbours of one kind as one."""
        events, self._events = self._events, []
        if len(events) < 2:
            return events
        joined: list[ParserEvent] = []
        for kind, same in groupby(events, lambda event: (type(event), getattr(event, "number", 0))):
            if kind[0] in (Text, Thought):
                joined.append(kind[0]("".join(event.text for event in same if isinstance(event, Text | Thought))))
            elif kind[0] is Arguments:
                joined.append(Arguments(kind[1], "".join(event.text for event in same if isinstance(event, Arguments))))
            else:
                joined += same
        return joined

    # Emitting.

    def begin_call(self, name: str, id: str = "") -> None:
        """A call begins."""
        self._emit(CallBegun(self._calls, name, id))
        self._in_call = True

    def arguments(self, text: str) -> None:
        """More of its arguments."""
        self._emit(Arguments(self._calls, text))

    def end_call(self) -> None:
        """It is complete; what follows is another call or text."""
        self._emit(CallEnded(self._calls))
        self._calls += 1
        self._in_call = False
        self._after_call = self._line_begins = True

    def begin_text(self) -> None:
        """What was read was markup, and text follows, whitespace and all."""
        self.commit()
        self._after_call, self._line_begins = False, True

    def commit(self) -> None:
        """All that was read is emitted, or was markup."""
        super().commit()
        self._blanks.clear()
        self._opener = 0

    def set_thinking(self, on: bool, *, trims: bool = False) -> None:
        """What follows is thinking, or no longer; `trims` holds whitespace back until text follows."""
        self._text_event, self._trims = Thought if on else Text, trims
        self._line_begins = True

    def flush_whitespace(self) -> None:
        """What is read next ends no thinking, so the whitespace before it is text; after a call it still waits."""
        if self._blanks and not self._after_call:
            self._emit_text("".join(self._blanks))
            self._blanks.clear()

    def _emit(self, event: ParserEvent) -> None:
        self.commit()
        self._events.append(event)

    def _emit_text(self, text: str) -> None:
        if not text:
            return
        self._after_call = False
        line = text.rpartition("\n")
        self._line_begins = not line[2].strip() and (bool(line[1]) or self._line_begins)
        self._events.append(self._text_event(text))

    # Reading.

    def text_until(self, openers: Sequence[str], bare: Sequence[str]) -> Incremental[str | None]:
        """Emit text up to a marker that begins a call, and read that; `bare` ones count where a line begins only."""
        markers = (*openers, *bare)
        search = any_of(markers).search
        while True:
            match = search(self._text, self._at)
            held = 0 if match or self._ended else self._held(markers)
            stop = match.start() if match else len(self._text) - held
            self._pass(stop)
            if match:
                if match[0] not in bare or self._begins_line():
                    self._at, self._opener = match.end(), len(match[0])
                    if match[0] in bare:
                        self._at = self._kept
                    return match[0]
                self._pass(match.end())
            elif self._ended:
                self._emit_text("".join(self._blanks))
                self.commit()
                return None
            else:
                yield

    def reject_call(self) -> None:
        """It is not a call, or broke off: it is read again, and if nothing of it was emitted its marker is text."""
        if self._in_call:
            self._calls += 1
            self._in_call = self._after_call = self._line_begins = False
        self.rewind()
        if self._opener:
            self._emit_text("".join(self._blanks))
            self._at += self._opener
            self._emit_text(self._text[self._kept : self._at])
            self.commit()

    def _pass(self, stop: int) -> None:
        """Emit what comes before; whitespace after a call, or at the end of the thinking, waits for what follows it."""
        text = self._text[self._at : stop]
        self._at = self._kept = stop
        emitted = "" if self._after_call and not text.strip() else text.rstrip() if self._trims else text
        if emitted:
            self._emit_text("".join(self._blanks) + emitted)
            self._blanks.clear()
        if len(emitted) < len(text):
            self._blanks.append(text[len(emitted) :])

    def _begins_line(self) -> bool:
        return self._line_begins or any("\n" in blank for blank in self._blanks)
