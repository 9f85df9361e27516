"""The files that running batches write: appended line by line, and cut to what is known to stand in them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Container
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from web.batches.input_lines import FileLost

try:
    import fcntl
except ImportError:  # no such locks here: the lease alone keeps a second runner away
    fcntl = None  # type: ignore[assignment]


class OutputFiles:
    """A folder a batch, with a file for each kind of line."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock: BinaryIO | None = None

    def acquire(self) -> bool:
        """Be the one process of this machine that writes here, until it ends; a frozen one keeps its place."""
        if self._lock is not None or fcntl is None:
            return True
        self._root.mkdir(parents=True, exist_ok=True)
        lock = (self._root / ".lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return False
        self._lock = lock
        return True

    def path(self, batch_id: str, kind: str) -> Path:
        """Where a batch's lines of a kind stand."""
        return self._root / batch_id / f"{kind}.jsonl"

    def append(self, batch_id: str, kind: str, at: int, data: bytes) -> int:
        """Write after the first `at` bytes, in place of whatever stands there, and flush; returns the new length."""
        path = self.path(batch_id, kind)
        new = not path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb" if new else "r+b") as file:
            if file.seek(0, os.SEEK_END) < at:
                raise FileLost(f"{path} is shorter than the {at} bytes that were written to it")
            file.truncate(at)
            file.seek(at)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if new:
            _flush(path.parent)
        return at + len(data)

    def open(self, batch_id: str, kind: str, size: int) -> BinaryIO:
        """A file cut to its known length, to be read."""
        path = self.path(batch_id, kind)
        if not path.exists() or path.stat().st_size < size:
            raise FileLost(f"{path} is shorter than the {size} bytes that were written to it")
        os.truncate(path, size)
        return path.open("rb")

    def remove(self, batch_id: str) -> None:
        """Forget what a batch has written."""
        shutil.rmtree(self._root / batch_id, ignore_errors=True)

    def clear(self, running: Container[str]) -> None:
        """Remove what ended batches left behind when their runner died."""
        for folder in self._root.iterdir() if self._root.is_dir() else ():
            if folder.is_dir() and folder.name not in running:
                self.remove(folder.name)


def _flush(folder: Path) -> None:
    # The folder's entry too must outlive a power cut, where a system lets folders be flushed.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
