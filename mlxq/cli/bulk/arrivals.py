"""Files that are put into watched folders: which of them are all there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class Arrivals:
    """Remembers how files looked, to tell those that nobody writes any more."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[int, int]] = {}

    def settled(self, paths: Iterable[str]) -> frozenset[str]:
        """Those of the paths whose files are as they were at the last look; what is gone is left out."""
        now = {path: state for path in paths if (state := _state(path)) is not None}
        before, self._before = self._before, now
        return frozenset(path for path, state in now.items() if before.get(path) == state)


def _state(path: str) -> tuple[int, int] | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
