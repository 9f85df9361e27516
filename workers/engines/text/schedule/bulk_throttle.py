"""How bulk rows make way for people, so that a first token comes almost as soon as on an idle machine."""

from __future__ import annotations

import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Sequence

BRIEF = 0.06  # seconds of bulk work in a step while people are about: what a prompt that comes may have to wait for
_PEOPLE_ABOUT = 10.0  # seconds after which nobody is expected any more
_PATIENCE = 0.5  # seconds that bulk work pauses at most
_LEAST = 4  # rows that step together, however long that takes
_FULL = 0.75  # of the rows that may step together must have, to say that there may be more
_STEPS = 5  # whose median says how long a number of rows takes


class BulkThrottle:
    """When bulk work steps, and how much of it at once.

    By itself it has the machine. While people are about it goes on in brief steps beside their rows, and pauses
    until each of them has a first token, at most half a second in a row. `clock` is in seconds.
    """

    def __init__(self, slots: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._slots, self._clock = slots, clock
        self._people_seen = -math.inf  # when there were rows of people
        self._pausing = math.inf  # since when bulk work pauses
        self._part, self._step = slots, 0
        self._took: deque[float] = deque(maxlen=_STEPS)

    @property
    def people_about(self) -> bool:
        """Whether there are people, or have been a moment ago."""
        return self._clock() - self._people_seen < _PEOPLE_ABOUT

    @property
    def most(self) -> int:
        """Bulk rows that may step together."""
        return self._part if self.people_about else self._slots

    def note_people(self) -> None:
        """Note that there are rows of people."""
        self._people_seen = self._clock()

    def pauses(self, awaited: bool) -> bool:
        """Whether bulk work pauses in this step: a first token is `awaited`, and it has not paused for long."""
        now = self._clock()
        self._pausing = min(self._pausing, now) if awaited else math.inf
        if now - self._pausing < _PATIENCE:
            return awaited
        self._pausing = math.inf
        return False

    def next_of(self, count: int) -> int:
        """The index of the next of `count` pieces of bulk work."""
        self._step += 1
        return self._step % count

    def took(self, seconds: float, bulk: Sequence[bool]) -> None:
        """Learn from a step that only decoded; which of its rows were bulk."""
        if not all(bulk):
            return
        rows = len(bulk)
        self._took.append(seconds)
        if len(self._took) < _STEPS:
            return
        usual = statistics.median(self._took)
        if usual > 1.5 * BRIEF and rows <= self._part:
            self._part = max(min(_LEAST, self._slots), rows // 2)
            self._took.clear()
        elif usual < 0.5 * BRIEF and rows > _FULL * self._part:
            self._part = min(self._slots, 2 * self._part)
            self._took.clear()
