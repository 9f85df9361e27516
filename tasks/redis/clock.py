"""Redis' clock as a process knows it, without a round trip for every look."""

from __future__ import annotations

import time
from collections.abc import Callable

_FRESH = 1.0  # seconds
_STANDS = 1_000_000  # microseconds back at most that are a reply's doing; a clock that was set is followed


class Clock:
    """Asked once a second, and the machine's own in between, which jumps with Redis' where both are of one machine."""

    def __init__(self, ask: Callable[[], int]) -> None:
        """`ask` is the round trip: microseconds since the epoch, by Redis' clock."""
        self._ask = ask
        self._asked = float("-inf")  # monotonic seconds
        self._ahead = 0  # microseconds that Redis' clock is ahead of this machine's
        self._told = 0  # microseconds since the epoch, the last answer

    def micros(self) -> int:
        """Microseconds since the epoch, by Redis' clock as it was at most a second ago."""
        if time.monotonic() - self._asked > _FRESH:
            before, there, after = _own(), self._ask(), _own()
            # It was read between the two. What was known stands where that may still be so: times rise then, as a
            # reply that is slow moves nothing.
            self._ahead = min(max(self._ahead, there - after), there - before)
            self._asked = time.monotonic()
        now = _own() + self._ahead
        # A slow reply may have put it ahead, by what that took; then it stands until time has caught up.
        if not 0 < self._told - now < _STANDS:
            self._told = now
        return self._told


def _own() -> int:
    return time.time_ns() // 1000
