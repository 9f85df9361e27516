"""A limit on the memory that checked requests hold while they wait."""

from __future__ import annotations

import threading
import weakref

from workers.patience import ENDLESS, Patience


class Hold:
    """So many bytes, as long as there are references to this, or until `free`."""

    def __init__(self, budget: Budget, nbytes: int) -> None:
        self.free = weakref.finalize(self, budget._give, nbytes)


class Budget:
    """So many bytes for all requests together; who finds them used up waits, whoever needs more gets them all."""

    def __init__(self, nbytes: int) -> None:
        self._left = self._most = nbytes
        self._changed = threading.Condition()  # its lock may be taken again where collecting garbage gives bytes back

    def hold(self, nbytes: int, patience: Patience = ENDLESS) -> Hold:
        """Wait until there is room for so many bytes; raises JobCancelled when nobody wants the request any more."""
        nbytes = min(nbytes, self._most)
        with self._changed:
            patience.wait(self._changed, lambda: self._left >= nbytes)
            self._left -= nbytes
        return Hold(self, nbytes)

    def _give(self, nbytes: int) -> None:
        with self._changed:
            self._left += nbytes
            self._changed.notify_all()
