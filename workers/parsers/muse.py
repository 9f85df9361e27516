"""Muse: a turn of several messages, each with a recipient; what goes to `self` is the thinking.

` to=self<|message|>…<|eom|><|start|>assistant to=user<|message|>…<|eot|>`: the prompt has begun the first message.
"""

from __future__ import annotations

from workers.parsers.cursor import NAME, Cursor, Waiting
from workers.parsers.reading import Reading

TURN, MESSAGE, ENDS = "<|start|>assistant", "<|message|>", ("<|eom|>", "<|eot|>")
TO = (" to=", "to=")
_SELF = "self"


class Messages(Reading):
    """Reads heads and ends of messages; what stands between them is thinking or text, with `calls` in it."""

    def __init__(self, *, thinks: bool, begun: bool = False, calls: Reading | None = None) -> None:
        self._thinks, self._begun, self.calls = thinks, begun, calls
        more = (calls.openers, calls.bare) if calls else ((), ())
        super().__init__((TURN, *ENDS, *more[0]), self._message, (*TO, *more[1]))

    def answer(self, cursor: Cursor) -> Waiting[None]:
        """Read all of an answer."""
        cursor.think(self._begun and self._thinks)
        while (opener := (yield from cursor.text(self.openers, self.bare))) is not None:
            calls = self.calls if opener not in (TURN, *ENDS, *TO) else None
            yield from (calls or self).call(cursor, opener)

    def _message(self, cursor: Cursor, opener: str) -> Waiting[None]:
        if opener in ENDS:
            cursor.think(False)
            return
        yield from cursor.space()
        yield from cursor.must("to=")
        name = yield from cursor.run(NAME)
        yield from cursor.must(MESSAGE)
        cursor.answer()
        cursor.think(name == _SELF and self._thinks)
