"""How long an engine that has nothing to do waits for those who come together."""

from __future__ import annotations

_TOGETHER = 0.05  # seconds after the first within which jobs belong to the same burst
_SPARE = 1.5  # times as long as the last burst took that the next one may take


class BurstDelay:
    """Learns from the last times: after a burst it waits for as many as came then, and for half as many each time that
    fewer come, until it waits for nobody.

    Times are seconds of any clock that does not go back.
    """

    def __init__(self) -> None:
        self._began = float("-inf")
        self._count, self._took = 0, 0.0  # of the burst that is under way, and how long after its first its last came
        self._wanted, self._within = 0, 0.0

    def came(self, now: float, *, idle: bool) -> None:
        """A job comes; `idle`: there was nothing to do, so that a burst may begin with it.

        A single caller who sends his next job after each answer finds the engine idle, so he alone is never a burst.
        """
        if idle:
            if self._count >= self._wanted // 2:
                self._within = min(_SPARE * self._took, _TOGETHER)
            self._wanted = max(self._count, self._wanted // 2)
            self._began, self._count, self._took = now, 1, 0.0
        elif now - self._began <= _TOGETHER:
            self._count, self._took = self._count + 1, now - self._began

    @property
    def complete(self) -> bool:
        """Whether as many have come as the last time."""
        return self._count >= self._wanted

    def left(self, now: float) -> float:
        """Seconds that are worth waiting for more, if it is not complete."""
        return max(0.0, self._began + self._within - now)
