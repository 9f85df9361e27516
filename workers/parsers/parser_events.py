"""What a parser makes of text, and what a grammar is told of a format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias


class Text(NamedTuple):
    """More of the answer."""

    text: str


class Thought(NamedTuple):
    """More of the thinking."""

    text: str


class Called(NamedTuple):
    """Call `number` begins; `id` is empty where the format has none."""

    number: int
    name: str
    id: str = ""


class Arguments(NamedTuple):
    """More of a call's arguments: a piece of a JSON object's text."""

    number: int
    text: str


class Returned(NamedTuple):
    """A call is complete: its arguments are a JSON object."""

    number: int


ParserEvent: TypeAlias = Text | Thought | Called | Arguments | Returned


class Parser(Protocol):
    """Reads an answer piece by piece. How the text is cut changes nothing in what comes out when it is joined."""

    def hear(self, text: str) -> Sequence[ParserEvent]:
        """Take more text; what may be the beginning of a marker is held back."""
        ...

    def rest(self) -> Sequence[ParserEvent]:
        """What was held back, when no more text comes."""
        ...


class Value(NamedTuple):
    """A JSON value of this schema."""

    schema: Mapping[str, Any] | bool


class Free(NamedTuple):
    """Any text that ends with `end`, which belongs to it and stands nowhere else in it.

    Before that there are `least` to `most` characters, which a regular expression, `pattern`, matches as a whole.
    """

    end: str
    least: int = 0
    most: int | None = None
    pattern: str | None = None


class Either(NamedTuple):
    """One of these texts."""

    texts: Sequence[str]


class Maybe(NamedTuple):
    """These parts, or nothing."""

    parts: Sequence[Part]


Part: TypeAlias = str | Value | Free | Either | Maybe
