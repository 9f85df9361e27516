"""What a parser makes of text, piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias


class Text(NamedTuple):
    """More of the answer."""

    text: str


class Thought(NamedTuple):
    """More of the thinking."""

    text: str


class CallBegun(NamedTuple):
    """Call `number` begins; `id` is empty where the format has none."""

    number: int
    name: str
    id: str = ""


class Arguments(NamedTuple):
    """More of a call's arguments: a piece of a JSON object's text."""

    number: int
    text: str


class CallEnded(NamedTuple):
    """A call is complete: its arguments are a JSON object."""

    number: int


ParserEvent: TypeAlias = Text | Thought | CallBegun | Arguments | CallEnded


class Parser(Protocol):
    """Reads an answer piece by piece. How the text is cut changes nothing in what comes out when it is joined."""

    def feed(self, text: str) -> Sequence[ParserEvent]:
        """Take more text; what may be the beginning of a marker is held back."""
        ...

    def flush(self) -> Sequence[ParserEvent]:
        """What was held back, when no more text comes."""
        ...
