"""How long a request is worth checking."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tasks.values.errors import JobCancelled

EVERY = 0.5  # seconds between two questions, and the longest wait without one


class MustWait(Exception):
    """A request has to wait for others, longer than whoever checks it has time for."""


class CheckDeadline:
    """Asks now and then, while a request is checked, whether anybody still wants it.

    `wanted` is asked at most every half a second, so that a request that is checked quickly asks nobody. Where `brief`
    is true, nothing waits for other requests longer than that either: MustWait says that it would have to.
    """

    def __init__(
        self,
        wanted: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
        *,
        brief: bool = False,
    ) -> None:
        self._wanted, self._clock, self._brief = wanted, clock, brief
        self._asked = clock()

    def look(self) -> None:
        """Raise JobCancelled once nobody wants the request any more; call it between pieces of work."""
        if self._clock() - self._asked < EVERY:
            return
        self._asked = self._clock()
        if not self._wanted():
            raise JobCancelled("the job ended while it was checked")

    def wait(self, changed: threading.Condition, until: Callable[[], bool]) -> None:
        """Wait for a condition, whose lock is held; raises JobCancelled as `look` does, or MustWait."""
        while not changed.wait_for(until, EVERY):
            self._go_on()

    @contextmanager
    def holding(self, lock: threading.Lock | threading.Semaphore) -> Iterator[None]:
        """Hold a lock, or one of several, once it is free; raises JobCancelled as `look` does, or MustWait."""
        while not lock.acquire(timeout=EVERY):
            self._go_on()
        try:
            yield
        finally:
            lock.release()

    def _go_on(self) -> None:
        self.look()
        if self._brief:
            raise MustWait


ENDLESS = CheckDeadline()  # of who checks a request that no queue knows of
