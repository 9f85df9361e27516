"""A limit on what checked prompts hold in memory until the towers have seen and heard it."""

from __future__ import annotations

import threading
import weakref


class Hold:
    """So many bytes, as long as there are references to this."""


class Budget:
    """So many bytes for all prompts together; who finds them used up waits, whoever needs more gets them all."""

    def __init__(self, nbytes: int) -> None:
        self._left = self._most = nbytes
        self._changed = threading.Condition()  # its lock may be taken again where collecting garbage gives bytes back

    def hold(self, nbytes: int) -> Hold:
        """Wait until there is room for so many bytes."""
        nbytes = min(nbytes, self._most)
        with self._changed:
            self._changed.wait_for(lambda: self._left >= nbytes)
            self._left -= nbytes
        hold = Hold()
        weakref.finalize(hold, self._give, nbytes)
        return hold

    def _give(self, nbytes: int) -> None:
        with self._changed:
            self._left += nbytes
            self._changed.notify_all()
