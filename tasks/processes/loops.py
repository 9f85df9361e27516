"""The one kind of loop: it steps, logs what it did not expect, waits longer each time, and goes on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import structlog

from tasks.redis.scripts import AWAY

_FIRST, _LONGEST = 0.1, 5.0  # seconds before the next try, doubled each time
_RETRY = 0.1  # seconds between tries while Redis is away
_KNOWN = 4096  # records that were logged; forgetting one logs it once more
_BEAT = 10 / 3  # seconds between looks of those that have nothing to do; less than a reply may take
_AFTER = 0.001  # seconds behind a beat, when others' commands have Redis end waits that are over
P = ParamSpec("P")
T = TypeVar("T")
log = structlog.get_logger()


class BackOff:
    """Makes the same step again and again, whatever comes of it; `what` names it in the log."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._away = False
        self._failures = 0

    def run(self, step: Callable[[], object]) -> float:
        """Make the step; returns how many seconds to wait because it failed, 0 if it did not."""
        try:
            step()
        except AWAY as error:
            if not self._away:
                log.warning("the queue is away; trying until it is back", loop=self._what, error=str(error))
            self._away = True
            return _FIRST
        except Exception:
            self._failures += 1
            wait: float = min(_FIRST * 2 ** (self._failures - 1), _LONGEST)
            log.exception("a step failed and is made again", loop=self._what, again_in=wait)
            return wait
        if self._away:
            log.info("the queue is back", loop=self._what)
        self._away, self._failures = False, 0
        return 0.0


class Loop:
    """A thread that makes a step every `every` seconds, until it is stopped.

    Loops of one rhythm keep the same beat in all processes of a machine, so that Redis is woken once for all of them.

    A process needs its loops: when one is gone all the same, `alive` says so and the process is told to end, so that
    whoever started it starts it again.
    """

    def __init__(self, name: str, step: Callable[[], object], every: float = 0.0) -> None:
        self.name = name
        self._step, self._every = step, every
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> Loop:
        """Begin; returns the loop itself."""
        self._thread.start()
        return self

    @property
    def alive(self) -> bool:
        """Whether it runs, or was stopped."""
        return self._thread.is_alive() or self._stopped.is_set()

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    def _run(self) -> None:
        back_off = BackOff(self.name)
        try:
            while not self._stopped.is_set():
                failed = back_off.run(self._step)
                self._stopped.wait(max(failed, until_beat(self._every) if self._every else 0.0))
        finally:
            if not self._stopped.is_set():
                log.critical("a thread that this process needs has ended; the process ends too", loop=self.name)
                os.kill(os.getpid(), signal.SIGTERM)

    def stop(self, within: float | None = None) -> None:
        """Make no further step; returns when the last one is through, or after `within` seconds."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(within)


def until_beat(every: float) -> float:
    """Seconds until the next beat of a rhythm, which a machine's processes share: Redis wakes for all at once."""
    return every - time.monotonic() % every


def rest(every: float = _BEAT) -> float:
    """Seconds that a wait in Redis may last: until just behind a beat, as Redis ends none while it sleeps itself."""
    return until_beat(every) + _AFTER


def insist(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Make a call that may be made twice until Redis takes it, however long it is away."""
    away = False
    while True:
        try:
            return call(*args, **kwargs)
        except AWAY as error:
            if not away:
                log.warning("the queue is away; waiting for it", call=call.__name__, error=str(error))
            away = True
            time.sleep(_RETRY)


class Apart:
    """Handles records one by one: one that cannot be handled concerns itself alone, and is logged once.

    `what` names the work in the log.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._told: set[str] = set()

    def run(self, id: str, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
        """Make a call that is about one record; False when it failed.

        An absence of Redis concerns all records and is raised.
        """
        try:
            call(*args, **kwargs)
        except AWAY:
            raise
        except Exception:
            if len(self._told) >= _KNOWN:
                self._told.clear()
            if id not in self._told:
                log.exception("this cannot be handled and is left alone", work=self._what, id=id)
            self._told.add(id)
            return False
        self._told.discard(id)
        return True
