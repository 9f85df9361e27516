"""Harmony (gpt-oss): a turn of several messages, each with a channel and, if it is a call, a recipient.

What stands in the analysis channel is the thinking; the messages of the other channels are the answer.
"""

from __future__ import annotations

import re

from workers.parsers.cursor import Cursor
from workers.parsers.marker_parser import MarkerParser
from workers.parsers.scanner import NAME, Incremental, ParseError
from workers.parsers.syntaxes.json_calls import closing, named

START, CHANNEL, MESSAGE, END = "<|start|>", "<|channel|>", "<|message|>", "<|end|>"
TURN, ANALYSIS, FINAL = f"{START}assistant", f"{CHANNEL}analysis{MESSAGE}", f"{CHANNEL}final{MESSAGE}"
TO = (" to=", "to=")  # the prompt may end within a message's head, before its recipient
_ENDS = ("<|call|>", END, "<|return|>")
_RECIPIENT = re.compile(r"(?:^|\s)to=([^\s<]+)")
_ANALYSIS = re.compile(r"(?:^|[|>])analysis\b")
_LONGEST = 256  # characters of a head
_FIRST = {START: ("assistant",), CHANNEL: ("analysis", "commentary", "final")}  # words of a head that is ours
_PEOPLE = ("assistant", "user", "all")


class HarmonyParser(MarkerParser):
    """Reads heads and ends of messages; what stands between them is thinking or text where nobody is called.

    Without `calls` the arguments of a call are text. Calls of other formats are read as `other_calls` does.
    """

    def __init__(
        self, *, thinks: bool, begun: bool = False, calls: bool = True, other_calls: MarkerParser | None = None
    ) -> None:
        self._thinks, self._begun, self._calls, self._other_calls = thinks, begun, calls, other_calls
        self._in_text = False  # whether a message of text is open: only its own end is a marker
        more = (other_calls.openers, other_calls.bare) if other_calls else ((), ())
        super().__init__((START, CHANNEL, *_ENDS, *more[0]), self._message, (*TO, *more[1]))

    def read_answer(self, cursor: Cursor) -> Incremental[None]:
        """Read all of an answer."""
        if self._begun:
            self._open(cursor, thinking=True)
        while (opener := (yield from cursor.text_until(self.openers, self.bare))) is not None:
            ours = opener in (START, CHANNEL, *_ENDS, *TO)
            yield from (self if ours or self._other_calls is None else self._other_calls).read_call(cursor, opener)

    def _open(self, cursor: Cursor, *, thinking: bool) -> None:
        self._in_text = True
        cursor.begin_text()
        cursor.set_thinking(thinking and self._thinks)

    def _close(self, cursor: Cursor) -> None:
        self._in_text = False
        cursor.set_thinking(False)

    def _message(self, cursor: Cursor, opener: str) -> Incremental[None]:
        """Read the head of a message, with a call's arguments, or the end of one."""
        if opener in _ENDS:
            if not self._in_text:
                raise ParseError
            self._close(cursor)
            return
        head = (yield from self._recipient(cursor)) if opener in TO else ""
        head += yield from self._rest_of_head(cursor)
        if opener in _FIRST and not head.lstrip().startswith(_FIRST[opener]):
            raise ParseError
        recipient = _RECIPIENT.search(head)
        if recipient and recipient[1] not in _PEOPLE and self._calls:
            self._close(cursor)
            yield from named(cursor, recipient[1].removeprefix("functions."), "", *_ENDS)
            yield from closing(cursor, *_ENDS)
        else:
            self._open(cursor, thinking=not recipient and _ANALYSIS.search(head) is not None)

    def _recipient(self, cursor: Cursor) -> Incremental[str]:
        yield from cursor.skip_space()
        head = yield from cursor.expect("to=")
        head += yield from cursor.match(NAME)
        yield from cursor.skip_space()
        if not (yield from cursor.looking_at(CHANNEL, "<|constrain|>", MESSAGE)):
            raise ParseError
        return head

    def _rest_of_head(self, cursor: Cursor) -> Incremental[str]:
        head = ""
        while True:
            text, marker = yield from cursor.until(MESSAGE, START, *_ENDS, most=_LONGEST)
            head += text
            if len(head) > _LONGEST or "\n" in head or marker not in (None, MESSAGE):
                raise ParseError
            if marker:
                return head
