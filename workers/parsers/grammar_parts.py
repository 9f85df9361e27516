"""What a grammar is made of where a format says how its calls and its thinking are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias


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


class Lark(NamedTuple):
    """A text that a Lark grammar makes."""

    grammar: str


class Either(NamedTuple):
    """One of these texts."""

    texts: Sequence[str]


class Maybe(NamedTuple):
    """These parts, or nothing."""

    parts: Sequence[GrammarPart]


GrammarPart: TypeAlias = str | Value | Free | Lark | Either | Maybe
