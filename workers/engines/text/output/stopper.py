"""Stop strings, matched on text: a string may begin in the middle of one token and end in the middle of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from workers.parsers.markers import split


class StopCheck(NamedTuple):
    """Text that may be shown, and the stop string that came after it."""

    text: str
    stop: str | None


class Stopper:
    """Holds back what may be the beginning of a stop string, which `include` makes part of the text."""

    def __init__(self, stops: Sequence[str], *, include: bool = False) -> None:
        self._stops, self._include = tuple(stops), include
        self._held = ""

    @property
    def held(self) -> int:
        """Characters that may be the beginning of a stop string."""
        return len(self._held)

    def feed(self, text: str) -> StopCheck:
        """Take more text; after a stop string there is no more text."""
        before, stop, remainder = split(self._held + text, self._stops)
        self._held = "" if stop else remainder
        return StopCheck(before + stop if stop and self._include else before, stop)

    def flush(self) -> str:
        """What was held back, when no more text comes."""
        held, self._held = self._held, ""
        return held
