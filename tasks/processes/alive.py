"""Proof of life and death: what tells a process that is gone from one that is only silent.

A process that serves the queue holds a lock on a file of its own below MLXQ_HOME. The operating system releases the
lock when the process ends, however it ends, and never before: a stopped process, or a machine that sleeps, keeps it.
Processes of other machines cannot be asked that way; of them only silence tells, and only silence that was watched.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout

_OLD = 3600.0  # seconds


class Processes:
    """The locks of the processes that share a home, by their ids."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "processes"
        self._held: dict[str, FileLock] = {}
        self._lock = threading.Lock()

    def enter(self, id: str) -> None:
        """Hold the lock of this id for as long as this process lives; it may be called again."""
        with self._lock:
            if id not in self._held:
                self._folder.mkdir(parents=True, exist_ok=True)
                lock = self._file(id)
                lock.acquire(timeout=10)  # a process that looks whether it is free holds it for a moment
                self._held[id] = lock

    def leave(self, id: str) -> None:
        """Release the lock of this id, so that everybody knows that it is gone."""
        with self._lock:
            lock = self._held.pop(id, None)
        if lock is not None:
            lock.release()

    def gone(self, id: str) -> bool:
        """Whether a process of this home has ended; False also for those of which nothing is known here."""
        if id in self._held or not self._path(id).exists():
            return False
        lock = self._file(id)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        self._path(id).unlink(missing_ok=True)
        lock.release()
        return True

    def lives(self, id: str) -> bool:
        """Whether a process of this home is known to hold its lock; to be asked when it is not `gone`."""
        return id in self._held or self._path(id).exists()

    def sweep(self) -> None:
        """Remove the files of processes that ended long ago and of which nobody asks any more."""
        for path in self._folder.glob("*.lock"):
            with suppress(FileNotFoundError):  # somebody else was first
                if time.time() - path.stat().st_mtime > _OLD:
                    self.gone(path.stem)

    def _path(self, id: str) -> Path:
        return self._folder / f"{id}.lock"

    def _file(self, id: str) -> FileLock:
        # `thread_local` off: the thread that enters need not be the one that leaves.
        return FileLock(self._path(id), thread_local=False, mode=0o600)


@cache
def processes(home: Path) -> Processes:
    """The one value for a home in this process: a second one would not know what the first one holds."""
    return Processes(home)


@dataclass
class Silence:
    """How long each of some processes has said nothing, counting only what was watched.

    What they say is any value that changes with every sign of life, so no clock but the watcher's own plays a part.
    Of the seconds between two looks no more than `seen` count: the process that looks may have been stopped or away in
    between.
    """

    seen: float = 1.0
    _last: float | None = None
    _watched: dict[str, tuple[float, float]] = field(default_factory=dict)  # value, and seconds without another one

    def look(self, now: float, values: Mapping[str, float]) -> dict[str, float]:
        """Take down what all of them say at `now` (monotonic seconds); returns the seconds of silence of each."""
        passed = 0.0 if self._last is None else min(now - self._last, self.seen)
        self._last = now
        watched: dict[str, tuple[float, float]] = {}
        for name, value in values.items():
            before, silent = self._watched.get(name, (value, -passed))
            watched[name] = (value, silent + passed if value == before else 0.0)
        self._watched = watched
        return {name: silent for name, (_, silent) in watched.items()}

    def forget(self) -> None:
        """Begin anew: what was said lately could not be heard."""
        self._last, self._watched = None, {}
