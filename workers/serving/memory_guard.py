"""Watches how much memory a worker takes, and has it take less before the system runs out of it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from workers.serving.batcher import Batcher
from workers.serving.memory import Marks

log = structlog.get_logger()


class Guard:
    """Beyond the soft mark nothing joins and caches go; beyond the hard one `exceed` is called once, in a thread."""

    def __init__(self, marks: Marks, batcher: Batcher, exceed: Callable[[str], None]) -> None:
        self._marks, self._batcher, self._exceed = marks, batcher, exceed
        self._over = False

    def look(self, taken: int) -> None:
        """Do what is due when `taken` bytes are taken."""
        if self._over:
            return
        if taken > self._marks.hard:
            self._over = True
            threading.Thread(target=self._exceed, args=(self._marks.exceeded(taken),), name="memory").start()
        elif (short := taken > self._marks.soft) != self._batcher.sparing:
            log.warning("memory is short: caches are dropped" if short else "there is memory again", taken=taken)
            self._batcher.spare(short)
