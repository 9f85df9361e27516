"""Stop strings, matched on text: a string may begin in the middle of one token and end in the middle of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from workers.parsers.markers import split


class Heard(NamedTuple):
    """Text that may be shown, and whether a stop string came after it."""

    text: str
    stopped: bool


class Stopper:
    """Holds back what may be the beginning of a stop string, until it is one or is none; one may be `shown`."""

    def __init__(self, stops: Sequence[str], *, shown: bool = False) -> None:
        self._stops, self._shown = tuple(stops), shown
        self._held = ""

    @property
    def held(self) -> int:
        """Characters that may be the beginning of a stop string."""
        return len(self._held)

    def hear(self, text: str) -> Heard:
        """Take more text; after `stopped` nothing more is to be said."""
        before, stop, rest = split(self._held + text, self._stops)
        self._held = "" if stop else rest
        return Heard(before + stop if stop and self._shown else before, stop is not None)

    def rest(self) -> str:
        """What was held back, when no more text comes."""
        held, self._held = self._held, ""
        return held
