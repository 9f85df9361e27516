"""What the reasoning formats share: thinking between markers, and how a template's prompt opens it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from workers.parsers.markers import split
from workers.parsers.parser_events import Free, Maybe, ParserEvent, Part, Text, Thought

OPEN, CLOSE = "<think>", "</think>"


class Marks(NamedTuple):
    """The markers around a format's thinking.

    `dropped` are no text of the answer wherever they stand in it; `first` open thinking only where the answer begins;
    what `calls` encloses inside thinking is handed on as it is, and the thinking goes on after it.
    """

    opens: tuple[str, ...]
    closes: tuple[str, ...]
    dropped: tuple[str, ...]
    first: tuple[str, ...] = ()
    calls: tuple[str, str] | None = None


THINK = Marks((OPEN,), (CLOSE,), dropped=(CLOSE,))


class Blocks:
    """Reads thinking that stands in blocks between markers.

    One newline at the beginning of a block, whitespace at its end and whitespace between blocks or up to the answer are
    layout and dropped, and so is an opening marker where the thinking has begun already. Of a closing marker that
    closes nothing the marker alone is dropped: what stood before it has been told. A block without end is thinking.
    """

    def __init__(self, marks: Marks, *, begun: bool) -> None:
        self._marks, self._thinking = marks, begun
        self._calling = False
        self._closed = False  # a block has been read
        self._new = True  # nothing was said since the last block began or ended
        self._held = ""

    def hear(self, text: str) -> Sequence[ParserEvent]:
        """Take more text; whitespace and beginnings of markers are held back."""
        self._held += text
        return list(self._read())

    def rest(self) -> Sequence[ParserEvent]:
        """What was held back, when no more text comes."""
        text, self._held = self._begun(self._held) if self._new else self._held, ""
        return [self._piece(text)] if text else []

    def _read(self) -> Iterator[ParserEvent]:
        while True:
            before, marker, rest = split(self._held, self._markers())
            if self._new and before.strip():
                self._held, self._new = self._begun(self._held), False
                continue
            if self._new or (self._thinking and not self._calling and marker in (None, *self._marks.closes)):
                before = before.rstrip()
            if before:
                yield self._piece(before)
            if marker is None:
                self._held = self._held[len(before) :]
                return
            self._held = rest
            yield from self._pass(marker)

    def _begun(self, held: str) -> str:
        """The held text without the layout at its beginning."""
        if self._thinking:
            return held.removeprefix("\n")
        return held.lstrip() if self._closed else held

    def _markers(self) -> tuple[str, ...]:
        marks = self._marks
        if self._calling and marks.calls:
            return marks.calls[1:]
        opens = marks.opens + (marks.first if self._new and not self._closed else ())
        if not self._thinking:
            return opens + marks.dropped
        return marks.closes + (opens if self._new else ()) + (marks.calls[:1] if marks.calls else ())

    def _pass(self, marker: str) -> Iterator[ParserEvent]:
        if marker in (self._marks.calls or ()):
            self._calling, self._new = not self._calling, self._calling
            yield Text(marker)
        elif not self._thinking and marker in self._marks.dropped:
            return
        else:
            closes = marker in self._marks.closes
            self._thinking, self._closed, self._new = not closes, self._closed or closes, True

    def _piece(self, text: str) -> ParserEvent:
        return Thought(text) if self._thinking and not self._calling else Text(text)


def ends_open(prompt: str, *opens: str) -> bool:
    """Whether a prompt ends with a marker that opens thinking."""
    return prompt.rstrip().endswith(opens or OPEN)


def ends_closed(prompt: str) -> bool:
    """Whether a prompt's last turn has closed its thinking: the request turned it off, or begins the answer itself."""
    _, closed, since = prompt.rpartition(CLOSE)
    return bool(closed) and _TURN.search(since) is None


def prelude(begun: bool, opening: str = OPEN, closing: str = CLOSE) -> Sequence[Part]:
    """Thinking that may stand before a constrained answer."""
    return [Free(closing)] if begun else [Maybe([opening, Free(closing)])]


_TURN = re.compile(r"<\||<｜|\]~b\]|<think>")  # what begins a turn, or thinking in it
# Between the markers of an empty block stand only newlines, written out or not, and what joins strings in Jinja.
_OPENED = re.compile(r"""<think>(?!([\s'"+~]|\\n)*</think>)""")
# What the templates of families with files of their own hold.
_OTHERS = ("<｜Assistant｜>", "<|start_of_role|>", "<|im_start|>tool_response", "<thinking>")


def thinks(template: str) -> bool:
    """Whether a chat template is of a `<think>` family that has no file of its own."""
    return OPEN in template and CLOSE in template and not any(other in template for other in _OTHERS)


def opens(template: str) -> bool:
    """Whether a chat template's prompts can end inside `<think>`."""
    _, asked, ending = template.rpartition("add_generation_prompt")
    return bool(asked) and _OPENED.search(ending) is not None
