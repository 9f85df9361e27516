"""Finding markers in text that comes in pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Split(NamedTuple):
    """Text before a marker, the marker, and the rest; without a marker the rest may be the beginning of one."""

    before: str
    marker: str | None
    rest: str


def split(text: str, markers: Sequence[str]) -> Split:
    """Cut a text at the first marker in it, the longest where several begin; none may be another's beginning."""
    matches = [(at, -len(marker), marker) for marker in markers if (at := text.find(marker)) >= 0]
    if matches:
        at, _, marker = min(matches)
        return Split(text[:at], marker, text[at + len(marker) :])
    held = max((overlap(text, marker) for marker in markers), default=0)
    return Split(text[: len(text) - held], None, text[len(text) - held :])


def overlap(text: str, marker: str) -> int:
    """How many characters at the end of a text may be the beginning of a marker, at most all of it but one."""
    for length in range(min(len(text), len(marker) - 1), 0, -1):
        if text.endswith(marker[:length]):
            return length
    return 0
