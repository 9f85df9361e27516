"""A limit on the memory that checked requests hold while they wait."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from workers.serving.check_deadline import ENDLESS, CheckDeadline

_SMALL = 64  # a request that needs no more than this part of the bytes is a small one
_RESERVED = 8  # and this part is for small ones only
Made = TypeVar("Made")


class Hold:
    """A number of bytes that are held as long as there are references to this, or until `free`."""

    def __init__(self, share: _Share, nbytes: int) -> None:
        self.free = weakref.finalize(self, share.give, nbytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.free()


class Budget:
    """So many bytes for all requests together; who finds them used up waits.

    Small requests have a share of their own, so that none waits behind a large one. Within a share who came first is
    first, so that a large one is not passed for ever; who needs more than a share gets all of it.
    """

    def __init__(self, nbytes: int) -> None:
        reserved = nbytes // _RESERVED
        self._few = nbytes // _SMALL
        self._small, self._large = _Share(reserved), _Share(nbytes - reserved)

    def hold(self, nbytes: int, deadline: CheckDeadline = ENDLESS) -> Hold:
        """Wait until there is room for `nbytes`; raises JobCancelled when nobody wants the request any more.

        Nobody may wait while holding a lock that others need.
        """
        return self._share(nbytes).hold(nbytes, deadline)

    def take(self, nbytes: int) -> Hold | None:
        """So many bytes, if there is room for them and nobody waits for it."""
        return self._share(nbytes).take(nbytes)

    def made(
        self, make: Callable[[], Made], nbytes: Callable[[Made], int], deadline: CheckDeadline = ENDLESS
    ) -> tuple[Made, Hold]:
        """What `make` returns, whose bytes are known only then, and the room for it; raises JobCancelled as `hold`.

        Where there is no room, it is waited for with nothing in hand, so that others pass, and made again.
        """
        hold: Hold | None = None
        while True:
            value = make()
            needed = nbytes(value)
            hold = hold or self.take(needed)
            if hold is not None:
                return value, hold
            del value
            hold = self.hold(needed, deadline)

    @property
    def free(self) -> int:
        """The bytes that nobody holds."""
        return self._small.left + self._large.left

    def _share(self, nbytes: int) -> _Share:
        return self._small if nbytes <= self._few else self._large


class _Share:
    def __init__(self, nbytes: int) -> None:
        self.left = self._most = nbytes
        self._turns: deque[object] = deque()  # of those that wait
        self._changed = threading.Condition()  # its lock may be taken again where collecting garbage gives bytes back

    def hold(self, nbytes: int, deadline: CheckDeadline) -> Hold:
        nbytes, turn = min(nbytes, self._most), object()
        with self._changed:
            self._turns.append(turn)
            try:
                deadline.wait(self._changed, lambda: self._turns[0] is turn and self.left >= nbytes)
                self.left -= nbytes
            finally:
                self._turns.remove(turn)
                self._changed.notify_all()
        return Hold(self, nbytes)

    def take(self, nbytes: int) -> Hold | None:
        nbytes = min(nbytes, self._most)
        with self._changed:
            if self._turns or self.left < nbytes:
                return None
            self.left -= nbytes
        return Hold(self, nbytes)

    def give(self, nbytes: int) -> None:
        with self._changed:
            self.left += nbytes
            self._changed.notify_all()
