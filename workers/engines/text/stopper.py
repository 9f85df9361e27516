"""Stop strings, matched on text: a string may begin in the middle of one token and end in the middle of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from workers.parsers.markers import overlap


class Heard(NamedTuple):
    """Text that may be shown, and whether a stop string came after it."""

    text: str
    stopped: bool


class Stopper:
    """Holds back what may be the beginning of a stop string, until it is one or is none."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""

    @property
    def held(self) -> int:
        """Characters that may be the beginning of a stop string."""
        return len(self._held)

    def hear(self, text: str) -> Heard:
        """Take more text; after `stopped` nothing more is to be said."""
        text = self._held + text
        found = [at for at in (text.find(stop) for stop in self._stops) if at >= 0]
        if found:
            self._held = ""
            return Heard(text[: min(found)], True)
        held = max((overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - held :]
        return Heard(text[: len(text) - held], False)

    def rest(self) -> str:
        """What was held back, when no more text comes."""
        held, self._held = self._held, ""
        return held
