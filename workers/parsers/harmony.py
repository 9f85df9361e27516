"""Harmony (gpt-oss): a turn of several messages, each with a channel and, if it is a call, a recipient.

What stands in the analysis channel is the thinking; the messages of the other channels are the answer.
"""

from __future__ import annotations

import re

from workers.parsers.cursor import NAME, Broken, Cursor, Waiting
from workers.parsers.json_calls import closing, named
from workers.parsers.reading import Reading

START, CHANNEL, MESSAGE, END = "<|start|>", "<|channel|>", "<|message|>", "<|end|>"
TURN, ANALYSIS, FINAL = f"{START}assistant", f"{CHANNEL}analysis{MESSAGE}", f"{CHANNEL}final{MESSAGE}"
TO = (" to=", "to=")  # the prompt may end within a message's head, before its recipient
_ENDS = ("<|call|>", END, "<|return|>")
_RECIPIENT = re.compile(r"(?:^|\s)to=([^\s<]+)")
_ANALYSIS = re.compile(r"(?:^|[|>])analysis\b")
_LONGEST = 256  # characters of a head
_FIRST = {START: ("assistant",), CHANNEL: ("analysis", "commentary", "final")}  # words of a head that is ours
_PEOPLE = ("assistant", "user", "all")


class Messages(Reading):
    """Reads heads and ends of messages; what stands between them is thinking or text where nobody is called.

    Without `calls` the arguments of a call are text. Other formats' calls are read within messages as `others` does.
    """

    def __init__(self, *, thinks: bool, begun: bool = False, calls: bool = True, others: Reading | None = None) -> None:
        self._thinks, self._begun, self._calls, self._others = thinks, begun, calls, others
        self._said = False  # whether a message of text is open: only its own end is a marker
        more = (others.openers, others.bare) if others else ((), ())
        super().__init__((START, CHANNEL, *_ENDS, *more[0]), self._message, (*TO, *more[1]))

    def answer(self, cursor: Cursor) -> Waiting[None]:
        """Read all of an answer."""
        if self._begun:
            self._open(cursor, thinking=True)
        while (opener := (yield from cursor.text(self.openers, self.bare))) is not None:
            ours = opener in (START, CHANNEL, *_ENDS, *TO)
            yield from (self if ours or self._others is None else self._others).call(cursor, opener)

    def _open(self, cursor: Cursor, *, thinking: bool) -> None:
        self._said = True
        cursor.answer()
        cursor.think(thinking and self._thinks)

    def _close(self, cursor: Cursor) -> None:
        self._said = False
        cursor.think(False)

    def _message(self, cursor: Cursor, opener: str) -> Waiting[None]:
        """Read the head of a message, with a call's arguments, or the end of one."""
        if opener in _ENDS:
            if not self._said:
                raise Broken
            self._close(cursor)
            return
        head = (yield from self._recipient(cursor)) if opener in TO else ""
        head += yield from self._rest_of_head(cursor)
        if opener in _FIRST and not head.lstrip().startswith(_FIRST[opener]):
            raise Broken
        found = _RECIPIENT.search(head)
        if found and found[1] not in _PEOPLE and self._calls:
            self._close(cursor)
            yield from named(cursor, found[1].removeprefix("functions."), "", *_ENDS)
            yield from closing(cursor, *_ENDS)
        else:
            self._open(cursor, thinking=not found and _ANALYSIS.search(head) is not None)

    def _recipient(self, cursor: Cursor) -> Waiting[str]:
        yield from cursor.space()
        head = yield from cursor.must("to=")
        head += yield from cursor.run(NAME)
        yield from cursor.space()
        if not (yield from cursor.sees(CHANNEL, "<|constrain|>", MESSAGE)):
            raise Broken
        return head

    def _rest_of_head(self, cursor: Cursor) -> Waiting[str]:
        head = ""
        while True:
            text, marker = yield from cursor.until(MESSAGE, START, *_ENDS, most=_LONGEST)
            head += text
            if len(head) > _LONGEST or "\n" in head or marker not in (None, MESSAGE):
                raise Broken
            if marker:
                return head
