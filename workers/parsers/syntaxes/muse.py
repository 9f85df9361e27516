"""Muse: a turn of several messages, each with a recipient; what goes to `self` is the thinking.

` to=self<|message|>…<|eom|><|start|>assistant to=user<|message|>…<|eot|>`: the prompt has begun the first message.
"""

from __future__ import annotations

from workers.parsers.cursor import Cursor
from workers.parsers.marker_parser import MarkerParser
from workers.parsers.scanner import NAME, Incremental

TURN, MESSAGE, ENDS = "<|start|>assistant", "<|message|>", ("<|eom|>", "<|eot|>")
TO = (" to=", "to=")
_SELF = "self"


class MuseParser(MarkerParser):
    """Reads heads and ends of messages; what stands between them is thinking or text, with `calls` in it."""

    def __init__(self, *, thinks: bool, begun: bool = False, calls: MarkerParser | None = None) -> None:
        self._thinks, self._begun, self.calls = thinks, begun, calls
        more = (calls.openers, calls.bare) if calls else ((), ())
        super().__init__((TURN, *ENDS, *more[0]), self._message, (*TO, *more[1]))

    def read_answer(self, cursor: Cursor) -> Incremental[None]:
        """Read all of an answer."""
        cursor.set_thinking(self._begun and self._thinks)
        while (opener := (yield from cursor.text_until(self.openers, self.bare))) is not None:
            calls = self.calls if opener not in (TURN, *ENDS, *TO) else None
            yield from (calls or self).read_call(cursor, opener)

    def _message(self, cursor: Cursor, opener: str) -> Incremental[None]:
        if opener in ENDS:
            cursor.set_thinking(False)
            return
        yield from cursor.skip_space()
        yield from cursor.expect("to=")
        name = yield from cursor.match(NAME)
        yield from cursor.expect(MESSAGE)
        cursor.begin_text()
        cursor.set_thinking(name == _SELF and self._thinks)
