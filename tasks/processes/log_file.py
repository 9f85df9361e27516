"""A log file that all processes of a stack append to, and that begins anew when it is full."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from mlxq import home

LIMIT = 100_000_000  # bytes after which a file is put aside
KEPT = 5  # earlier files, as app.log.1 to app.log.5


class LogFile:
    """Appends whole lines. What cannot be written is lost: no process fails for its log.

    A line needs no lock, as the system appends what is written in one call. A process that finds the file full puts it
    aside, under a lock that nobody waits for: a process that is stopped while it holds it keeps others from starting a
    new file, and not from writing.
    """

    def __init__(self, path: Path, limit: int = LIMIT, kept: int = KEPT) -> None:
        self.path, self._limit, self._kept = path, limit, kept
        self._mine = threading.Lock()
        self._handle: int | None = None

    def write(self, line: str) -> None:
        """Append a line, which brings its own end."""
        with self._mine, suppress(OSError):
            handle = self._current()
            os.write(handle, line.encode(errors="replace"))
            if os.fstat(handle).st_size >= self._limit:
                self._put_aside()

    def _current(self) -> int:
        """The open file at the path, which another process may have put aside or somebody deleted."""
        if self._handle is not None and not self._there(self._handle):
            os.close(self._handle)
            self._handle = None
        if self._handle is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return self._handle

    def _there(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), self.path.stat())
        except FileNotFoundError:
            return False

    def _put_aside(self) -> None:
        lock = home.locked(self._numbered("lock"))
        if lock is None:
            return
        try:
            if self.path.stat().st_size < self._limit:  # another process was first
                return
            for number in range(self._kept - 1, 0, -1):
                with suppress(FileNotFoundError):
                    self._numbered(number).replace(self._numbered(number + 1))
            self.path.replace(self._numbered(1))
        finally:
            os.close(lock)

    def _numbered(self, end: int | str) -> Path:
        return self.path.with_name(f"{self.path.name}.{end}")
